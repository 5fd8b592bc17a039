import { Client } from 'pg';
import { createKongSchema } from '../src/sandbox/kong/stand-in.ts';

/**
 * Fills an empty database with about 300 MB of what a busy gateway holds: every consumer with an API key, a login, a JWT
 * secret and an ACL group, every service with routes and plugins. Keys, hashes and ids are random, so they compress as
 * badly as real ones; names and JSON compress as well as real ones. Written by SQL past the triggers: 15 s instead of minutes.
 */
export async function fillKongDatabase(url: string, consumers: number): Promise<{ readonly bytes: number }> {
  await createKongSchema(url, '3.9.1');
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`SET session_replication_role = replica; SET synchronous_commit = off`);
    const { rows: workspaces } = await client.query<{ id: string }>(`SELECT id FROM workspaces LIMIT 1`);
    const workspace = workspaces[0]?.id ?? '';
    for (const statement of statements(workspace, consumers)) await client.query(statement);
    await client.query('VACUUM ANALYZE');
    await client.query('CHECKPOINT');
    const { rows } = await client.query<{ bytes: string }>(`SELECT pg_database_size(current_database()) AS bytes`);
    return { bytes: Number(rows[0]?.bytes) };
  } finally {
    await client.end();
  }
}

function statements(workspace: string, consumers: number): readonly string[] {
  const ws = `'${workspace}'::uuid`;
  const services = Math.ceil(consumers / 40);
  const secret = `encode(sha256(gen_random_uuid()::text::bytea), 'hex')`;
  return [
    `INSERT INTO services (id, created_at, updated_at, name, retries, protocol, host, port, path, connect_timeout, write_timeout, read_timeout, tags, ws_id, enabled)
     SELECT gen_random_uuid(), now(), now(), 'service-' || n, 5, 'http', 'backend-' || n || '.internal.example.com', 8080, '/v' || n % 7,
            60000, 60000, 60000, ARRAY['team-' || n % 40], ${ws}, true
     FROM generate_series(1, ${services}) n`,
    `INSERT INTO routes (id, created_at, updated_at, name, service_id, protocols, methods, hosts, paths, regex_priority, strip_path, preserve_host, tags, https_redirect_status_code, ws_id, request_buffering, response_buffering)
     SELECT gen_random_uuid(), now(), now(), s.name || '-route-' || n, s.id, ARRAY['http', 'https'], ARRAY['GET', 'POST'], ARRAY[s.host],
            ARRAY['/' || s.name || '/' || n], 0, true, false, s.tags, 426, ${ws}, true, true
     FROM services s, generate_series(1, 4) n`,
    `INSERT INTO plugins (id, created_at, updated_at, name, route_id, config, enabled, cache_key, protocols, ws_id)
     SELECT gen_random_uuid(), now(), now(), 'rate-limiting', r.id,
            jsonb_build_object('minute', 60 + (random() * 1000)::int, 'policy', 'local', 'limit_by', 'consumer', 'fault_tolerant', true,
                               'hide_client_headers', false, 'redis', jsonb_build_object('host', null, 'port', 6379, 'timeout', 2000)),
            true, 'plugins:rate-limiting:' || r.id || '::::' || ${ws}, ARRAY['http', 'https'], ${ws}
     FROM routes r`,
    `INSERT INTO consumers (id, created_at, updated_at, username, custom_id, tags, ws_id)
     SELECT gen_random_uuid(), now(), now(), 'consumer-' || n, md5(n::text), ARRAY['team-' || n % 40], ${ws}
     FROM generate_series(1, ${consumers}) n`,
    `INSERT INTO keyauth_credentials (id, created_at, consumer_id, key, ws_id)
     SELECT gen_random_uuid(), now(), id, ${secret}, ${ws} FROM consumers`,
    `INSERT INTO basicauth_credentials (id, created_at, consumer_id, username, password, ws_id)
     SELECT gen_random_uuid(), now(), id, username, left(${secret}, 40), ${ws} FROM consumers`,
    `INSERT INTO jwt_secrets (id, created_at, consumer_id, key, secret, algorithm, ws_id)
     SELECT gen_random_uuid(), now(), id, md5(id::text), ${secret}, 'HS256', ${ws} FROM consumers`,
    `INSERT INTO acls (id, created_at, consumer_id, "group", cache_key, ws_id)
     SELECT gen_random_uuid(), now(), id, 'group-' || (random() * 50)::int, 'acls:' || id || ':group::::' || ${ws}, ${ws} FROM consumers`,
  ];
}
