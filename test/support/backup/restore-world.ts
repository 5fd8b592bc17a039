import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compose, type Core } from '../../../src/compose.ts';
import { readConfig } from '../../../src/config/read.ts';
import type { PeopleDirectory } from '../../../src/engine/ports.ts';
import { createLog } from '../../../src/operations/log.ts';
import { fold } from '../../../src/runs/evolve.ts';
import type { RunCommand } from '../../../src/run-command/command.ts';
import { openGate } from '../../../src/runs/rules/gate.ts';
import type { PersonId } from '../../../src/runs/person.ts';
import type { Run } from '../../../src/runs/run.ts';
import { writeKongFiles } from '../../../src/sandbox/kong/prefix.ts';
import { STAGING } from '../../../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../../../src/sandbox/kong/seed/seed.ts';
import { createKongSchema, startStandInKong, type StandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import type { EnterpriseEntities } from '../../../src/sandbox/kong/enterprise/lists.ts';
import type { Edition, Version } from '../../../src/sandbox/kong/version.ts';
import { freshDatabase, withClient } from '../store/postgres.ts';
import { ALICE, BOB, CAROL, inSlack, standing } from '../story.ts';
import { workUntilQuiet } from '../work.ts';

const RELOAD = fileURLToPath(new URL('../../../src/sandbox/kong/reload.ts', import.meta.url));
const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

const PEOPLE = [
  standing(ALICE, ['operator'], ['operators']),
  standing(BOB, ['approver', 'operator'], ['approvers']),
  standing(CAROL, ['approver'], ['approvers']),
];
const people: PeopleDirectory = {
  standing: (person) =>
    Promise.resolve(PEOPLE.find((known) => known.person === person) ?? standing(person, ['viewer'], [])),
  eligible: () => Promise.resolve(PEOPLE.filter(({ roles }) => roles.includes('approver'))),
};

export interface RestoreWorldOptions {
  readonly nodes?: number;
  readonly version?: Version;
  readonly edition?: Edition;
  /** Of the nodes, where they are Enterprise's. */
  readonly enterprise?: EnterpriseEntities;
  /** Parts of the gateway's configuration. */
  readonly gateway?: object;
  /** Parts of `gateway.restore`. */
  readonly restore?: object;
  /** Parts of a node's configuration, by its place in the list. */
  readonly node?: (index: number) => object;
  readonly env?: Readonly<Record<string, string>>;
  /** Parts of the limits. */
  readonly limits?: object;
  readonly kinds?: { readonly files?: boolean };
  /** Superuser's address of a server for the gateway's database: what breaks the run's own breaks every other test. */
  readonly kongServer?: string;
  /** Runs the programs of the steps; the local machine's own unless a test gives another. */
  readonly runner?: RunCommand;
}

/** A gateway of stand-in nodes over one database, and a whole bot core (store, queues, engine, operations) that serves it. */
export interface RestoreWorld {
  readonly core: Core;
  readonly nodes: readonly StandInKong[];
  /** The gateway's database, as its role. */
  readonly url: string;
  readonly database: string;
  readonly superuserUrl: string;
  readonly folder: string;
  readonly destination: string;
  /** The environment of a process with the first core's configuration. */
  readonly env: Readonly<Record<string, string>>;
  /** Another core on the same store, as another process with another configuration would be. */
  another(options?: RestoreWorldOptions): Promise<Core>;
  /** Works until the run waits for people, for time or for ever. */
  play(run: Run | string, core?: Core): Promise<Run>;
  /** A finished backup; answers the set's id. */
  backup(): Promise<string>;
  request(request?: object): Promise<Run>;
  /** Bob says go. */
  approve(run: Run, person?: PersonId): Promise<Run>;
  load(runId: string): Promise<Run>;
  /** Names of all databases that a restore of this gateway has to do with, sorted. */
  databases(): Promise<string[]>;
  sql(text: string, database?: string): Promise<readonly Record<string, unknown>[]>;
  end(): Promise<void>;
}

/** Opens it. The gateway's role owns the database and may create others, as a restore needs. */
export async function openRestoreWorld(options: RestoreWorldOptions = {}): Promise<RestoreWorld> {
  const version = options.version ?? '3.9.1';
  const { kongServer } = options;
  const [store, kong] = await Promise.all([
    freshDatabase({ migrated: true }),
    freshDatabase(kongServer === undefined ? {} : { on: kongServer }),
  ]);
  const role = `kong_${kong.name}`;
  const url = new URL(kong.superuserUrl);
  await withClient(kong.superuserUrl, async (client) => {
    await client.query(`CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'made-up'`);
    await client.query(`ALTER DATABASE ${kong.name} OWNER TO ${role}`);
  });
  Object.assign(url, { username: role, password: 'made-up' });
  await createKongSchema(url.href, version);
  await seedKong(url.href, STAGING, version);
  const nodes: StandInKong[] = [];
  for (let index = 0; index < (options.nodes ?? 2); index += 1) {
    const { edition = 'community', enterprise = {} } = options;
    nodes.push(await startStandInKong({ databaseUrl: url.href, version, edition, enterprise }));
  }
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-restore-'));
  const destination = join(folder, 'backups');
  const place = { host: url.hostname, port: Number(url.port), name: kong.name, user: role };
  const files = await writeKongFiles(folder, { database: { ...place, password: 'made-up' } });
  const cores: Core[] = [];

  const another = async (more: RestoreWorldOptions = {}): Promise<Core> => {
    const config = {
      slack: { team: 'T01LOCAL' },
      people: [
        { id: 'U01ALICE', name: 'Alice' },
        { id: 'U02BOB', name: 'Bob' },
        { id: 'U03CAROL', name: 'Carol' },
      ],
      groups: [
        { name: 'operators', roles: ['operator'], members: ['U01ALICE'] },
        { name: 'approvers', roles: ['approver', 'operator'], members: ['U02BOB', 'U03CAROL'] },
      ],
      destinations: [{ name: 'main', kind: 'local', path: destination }],
      signing: { private_key: { env: 'SIGNING_KEY' } },
      gateways: [
        {
          name: 'production',
          environment: 'production',
          admin_api: { url: nodes[0]?.url, timeout_seconds: 5 },
          database: { ...place, password: { env: 'KONG_PG_PASSWORD' }, ssl: 'disable' },
          files: { kong_conf: files.conf, prefix: files.prefix },
          allow_gaps: ['declarative'],
          channel: 'C02OPS',
          destinations: ['main'],
          nodes: nodes.map((node, index) => ({
            name: `kong-${index + 1}`,
            admin_api: { url: node.url, timeout_seconds: 5 },
            proxy_url: node.proxyUrl,
            reload: { command: [process.execPath, RELOAD, node.url] },
            ...more.node?.(index),
          })),
          restore: { proof_seconds: 0.5, connections_seconds: 3, ...more.restore },
          ...more.gateway,
        },
      ],
      operations: { port: 0 },
      limits: { retry_seconds: 0, heartbeat_seconds: 2, sweep_seconds: 0.2, shutdown_seconds: 12, ...more.limits },
    };
    const path = join(folder, `config-${cores.length}.json`);
    await writeFile(path, JSON.stringify(config));
    const env = { DATABASE_URL: store.botUrl, SIGNING_KEY: key, KONG_PG_PASSWORD: 'made-up', ...more.env };
    const read = readConfig({ path, env });
    if (!read.ok) throw new Error(JSON.stringify(read.faults));
    // A bug in a step must not hide behind the message that people get.
    const log = createLog({ level: 'error', destination: process.stderr });
    const core = await compose(
      read.config,
      { people, serves: ['backup', 'restore'], role: 'test', runner: more.runner },
      log,
    );
    cores.push(core);
    return core;
  };

  const core = await another(options);
  const load = async (runId: string): Promise<Run> => {
    const run = fold(await core.store.load(runId));
    if (run === null) throw new Error(`no run ${runId}`);
    return run;
  };
  const play: RestoreWorld['play'] = async (run, by = core) =>
    await workUntilQuiet(by, typeof run === 'string' ? run : run.id);
  const delivery = (): { key: string } => ({ key: crypto.randomUUID() });
  const request: RestoreWorld['request'] = async (more = {}) => {
    const asked = {
      gateway: 'production',
      set: 'latest',
      strategy: 'database' as const,
      delivery: delivery(),
      ...more,
    };
    const answer = await core.operations.requestRestore(asked, inSlack(ALICE));
    if (!answer.ok) throw new Error(`${answer.refusal.message}. ${answer.refusal.hint}`);
    return answer.run;
  };
  return {
    core,
    nodes,
    url: url.href,
    database: kong.name,
    superuserUrl: kong.superuserUrl,
    folder,
    destination,
    env: {
      KONG_CHATOPS_CONFIG: join(folder, 'config-0.json'),
      DATABASE_URL: store.botUrl,
      SIGNING_KEY: key,
      KONG_PG_PASSWORD: 'made-up',
      ...options.env,
    },
    another,
    play,
    backup: async () => {
      const answer = await core.operations.requestBackup(
        { gateway: 'production', delivery: delivery() },
        inSlack(ALICE),
      );
      if (!answer.ok) throw new Error(answer.refusal.message);
      const run = await play(answer.run);
      if (run.outcome !== 'succeeded') throw new Error(run.fault?.message ?? 'the backup did not succeed');
      const { set } = (run.steps['publish-set']?.outputs ?? {}) as { set?: string };
      return set ?? '';
    },
    request,
    approve: async (run, person = BOB) => {
      const gate = openGate(run);
      if (gate === undefined) throw new Error(`${run.id} waits for nobody: ${JSON.stringify(run.steps)}`);
      const answer = await core.operations.vote({ gate: gate.gate, choice: 'go' }, inSlack(person));
      if (!answer.ok) throw new Error(answer.refusal.message);
      return answer.run;
    },
    load,
    databases: async () => {
      const rows = await withClient(kong.superuserUrl.replace(`/${kong.name}`, '/postgres'), (client) =>
        client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datname LIKE $1 ORDER BY 1', [
          `${kong.name}%`,
        ]),
      );
      return rows.rows.map(({ datname }) => datname);
    },
    sql: async (text, database = kong.name) =>
      await withClient(kong.superuserUrl.replace(`/${kong.name}`, `/${database}`), async (client) => {
        const { rows } = await client.query<Record<string, unknown>>(text);
        return rows;
      }),
    end: async () => {
      for (const open of cores) await open.close(0);
      for (const node of nodes) await node.stop();
      await rm(folder, { recursive: true, force: true });
      const maintenance = kong.superuserUrl.replace(`/${kong.name}`, '/postgres');
      await withClient(maintenance, async (client) => {
        const { rows } = await client.query<{ datname: string }>(
          'SELECT datname FROM pg_database WHERE datname LIKE $1',
          [`${kong.name}_%`],
        );
        for (const { datname } of rows) await client.query(`DROP DATABASE "${datname}" WITH (FORCE)`);
      });
      await kong.drop();
      await withClient(maintenance, (client) => client.query(`DROP ROLE ${role}`));
      await store.drop();
    },
  };
}
