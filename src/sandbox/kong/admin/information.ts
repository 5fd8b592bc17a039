import { isReachable, selectPluginNames } from '../db/statements.ts';
import { keyringConfiguration } from '../enterprise/keyring.ts';
import { availablePlugins, bundledPlugins } from '../plugins/table.ts';
import type { Json } from '../schema/field.ts';
import { versionText } from '../version.ts';
import { type Answer, ok } from './answer.ts';
import type { Node } from './node.ts';

/** What a node says of itself: `/`, `/status`, `/plugins/enabled`. */

/** `GET /`. It walks all plugins, so it fails like the original when the database is gone. */
export async function root(node: Node): Promise<Answer> {
  const names = await selectPluginNames(node.pool);
  const three = node.version === '3.9.1';
  return ok({
    version: versionText(node.version, node.edition),
    ...(three && { edition: node.edition }),
    tagline: 'Welcome to kong',
    hostname: node.hostname,
    node_id: node.id,
    lua_version: three ? 'LuaJIT 2.1.1700206165' : 'LuaJIT 2.1.0-beta3',
    plugins: { available_on_server: availablePlugins(node.version), enabled_in_cluster: [...names] },
    timers: { pending: 1, running: three ? 261 : 1 },
    pids: { master: process.ppid, workers: [process.pid] },
    configuration: configuration(node),
  });
}

/** The part of the configuration that a tool may want to know; the original shows some two hundred more. */
function configuration(node: Node): Json {
  const { host, port, database, user } = node.pool.options;
  return {
    database: node.dbless === null ? 'postgres' : 'off',
    role: 'traditional',
    prefix: node.prefix,
    plugins: ['bundled'],
    log_level: 'notice',
    pg_host: host ?? '127.0.0.1',
    pg_port: port ?? 5432,
    pg_database: database ?? 'kong',
    pg_user: user ?? 'kong',
    pg_password: '******',
    kong_env: `${node.prefix}/.kong_env`,
    nginx_conf: `${node.prefix}/nginx.conf`,
    ...keyringConfiguration(node),
  };
}

const SHARED_MEMORY: Readonly<Record<string, string>> = {
  kong: '5.00 MiB',
  kong_locks: '8.00 MiB',
  kong_healthchecks: '5.00 MiB',
  kong_cluster_events: '5.00 MiB',
  kong_rate_limiting_counters: '12.00 MiB',
  kong_core_db_cache: '32.00 MiB',
  kong_core_db_cache_miss: '12.00 MiB',
  kong_db_cache: '32.00 MiB',
  kong_db_cache_miss: '12.00 MiB',
  prometheus_metrics: '5.00 MiB',
};

/** `GET /status` answers 200 even without a database, and says so inside. */
export async function status(node: Node): Promise<Answer> {
  const own = node.version === '3.9.1' ? 'kong_secrets' : 'kong_process_events';
  const dicts = Object.entries({ ...SHARED_MEMORY, [own]: '5.00 MiB' }).map(
    ([name, capacity]) => [name, { capacity, allocated_slabs: '0.04 MiB' }] as const,
  );
  return ok({
    ...(node.dbless !== null && { configuration_hash: node.dbless.hash }),
    ...((node.dbless === null || node.version === '2.8.5') && {
      database: { reachable: await isReachable(node.pool) },
    }),
    memory: {
      workers_lua_vms: [{ http_allocated_gc: '62.63 MiB', pid: process.pid }],
      lua_shared_dicts: Object.fromEntries(dicts),
    },
    server: {
      connections_accepted: node.served,
      connections_active: 1,
      connections_handled: node.served,
      connections_reading: 0,
      connections_waiting: 0,
      connections_writing: 1,
      total_requests: node.served,
    },
  });
}

export function enabledPlugins(node: Node): Answer {
  return ok({ enabled_plugins: [...bundledPlugins(node.version)] });
}
