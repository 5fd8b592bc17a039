import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compose, type Core } from '../../../src/compose.ts';
import { readConfig } from '../../../src/config/read.ts';
import type { PeopleDirectory } from '../../../src/engine/ports.ts';
import { createLog } from '../../../src/operations/log.ts';
import { openGate } from '../../../src/runs/rules/gate.ts';
import type { Run } from '../../../src/runs/run.ts';
import type { Version } from '../../../src/sandbox/kong/version.ts';
import { freshDatabase } from '../store/postgres.ts';
import { ALICE, BOB, CAROL, inSlack, standing } from '../story.ts';
import { workUntilQuiet } from '../work.ts';
import { ask, emptyStandIn, type Running } from './stand-in-kong.ts';

const PEOPLE = [
  standing(ALICE, ['operator'], ['operators']),
  standing(BOB, ['approver', 'operator'], ['approvers']),
  standing(CAROL, ['approver', 'operator'], ['approvers']),
];
const people: PeopleDirectory = {
  standing: (person) =>
    Promise.resolve(PEOPLE.find((known) => known.person === person) ?? standing(person, ['viewer'], [])),
  eligible: () => Promise.resolve(PEOPLE.filter(({ roles }) => roles.includes('approver'))),
};
const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

/** A gateway of nodes without a database, and a bot core that serves it. */
export interface DblessWorld {
  readonly core: Core;
  readonly nodes: readonly Running['kong'][];
  readonly destination: string;
  readonly folder: string;
  /** The environment of a process with this configuration. */
  readonly env: Readonly<Record<string, string>>;
  load(node: number, text: string): Promise<void>;
  hash(node: number): Promise<string>;
  play(run: Run): Promise<Run>;
  backup(): Promise<string>;
  request(more: object): Promise<Run>;
  /** Bob and Carol say go, as far as they are asked. */
  approve(run: Run): Promise<Run>;
  end(): Promise<void>;
}

export async function openDblessWorld(version: Version, more: { readonly limits?: object } = {}): Promise<DblessWorld> {
  const store = await freshDatabase({ migrated: true });
  const running = [await emptyStandIn(version, { dbless: true }), await emptyStandIn(version, { dbless: true })];
  const nodes = running.map(({ kong }) => kong);
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-dbless-'));
  const destination = join(folder, 'backups');
  const path = join(folder, 'config.json');
  const config = {
    slack: { team: 'T01LOCAL' },
    people: [ALICE, BOB, CAROL].map((person) => ({ id: person.split('/')[1], name: person })),
    groups: [
      { name: 'operators', roles: ['operator'], members: ['U01ALICE'] },
      { name: 'approvers', roles: ['approver', 'operator'], members: ['U02BOB', 'U03CAROL'] },
    ],
    destinations: [{ name: 'main', kind: 'local', path: destination }],
    signing: { private_key: { env: 'SIGNING_KEY' } },
    gateways: [
      {
        name: 'edge',
        environment: 'production',
        admin_api: { url: nodes[0]?.url, timeout_seconds: 20 },
        allow_gaps: ['declarative'],
        channel: 'C02OPS',
        destinations: ['main'],
        nodes: nodes.map((node, index) => ({
          name: `edge-${index + 1}`,
          admin_api: { url: node.url, timeout_seconds: 20 },
          proxy_url: node.proxyUrl,
        })),
        restore: { proof_seconds: 5 },
      },
    ],
    operations: { port: 0 },
    limits: {
      retry_seconds: 0,
      heartbeat_seconds: 2,
      sweep_seconds: 0.2,
      shutdown_seconds: 12,
      step_attempts: 2,
      ...more.limits,
    },
  };
  await writeFile(path, JSON.stringify(config));
  const env = { KONG_CHATOPS_CONFIG: path, DATABASE_URL: store.botUrl, SIGNING_KEY: key };
  const read = readConfig({ path, env });
  if (!read.ok) throw new Error(JSON.stringify(read.faults));
  const log = createLog({ level: 'error', destination: process.stderr });
  const core = await compose(read.config, { people, serves: ['backup', 'restore'], role: 'test' }, log);
  const play = async ({ id }: Pick<Run, 'id'>): Promise<Run> => await workUntilQuiet(core, id);
  const delivery = (): { key: string } => ({ key: crypto.randomUUID() });
  const expectWell = <T extends { ok: boolean }>(answer: T): Extract<T, { ok: true }> => {
    if (!answer.ok) throw new Error(JSON.stringify(answer));
    return answer as Extract<T, { ok: true }>;
  };
  return {
    core,
    nodes,
    destination,
    folder,
    env,
    load: async (node, text) => {
      const { status } = await ask(nodes[node]?.url ?? '', 'POST', '/config', { config: text });
      if (status !== 201) throw new Error(`the stand-in answered ${status}`);
    },
    hash: async (node) =>
      ((await ask(nodes[node]?.url ?? '', 'GET', '/status')).body as { configuration_hash: string }).configuration_hash,
    play,
    backup: async () => {
      const answer = await core.operations.requestBackup({ gateway: 'edge', delivery: delivery() }, inSlack(ALICE));
      const run = await play(expectWell(answer).run);
      if (run.outcome !== 'succeeded') throw new Error(run.fault?.message ?? 'the backup did not succeed');
      return ((run.steps['publish-set']?.outputs ?? {}) as { set?: string }).set ?? '';
    },
    request: async (more) => {
      const asked = { gateway: 'edge', set: 'latest', strategy: 'dbless' as const, delivery: delivery(), ...more };
      return expectWell(await core.operations.requestRestore(asked, inSlack(ALICE))).run;
    },
    approve: async (run) => {
      let now = run;
      for (const person of [BOB, CAROL]) {
        const gate = openGate(now);
        if (gate === undefined) break;
        now = expectWell(await core.operations.vote({ gate: gate.gate, choice: 'go' }, inSlack(person))).run;
      }
      return now;
    },
    end: async () => {
      await core.close(0);
      for (const node of running) await node.end();
      await rm(folder, { recursive: true, force: true });
      await store.drop();
    },
  };
}
