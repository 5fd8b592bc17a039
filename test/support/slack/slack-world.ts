import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';
import type { AuditRow, Operations, ProgressRow, StoredSet } from '../../../src/engine/ports.ts';
import type { EngineGateway } from '../../../src/engine/commands/operations-deps.ts';
import { commit } from '../../../src/engine/commit.ts';
import { recallingStore } from '../../../src/engine/recall.ts';
import { rememberFolds } from '../../../src/engine/commands/folds.ts';
import { createOperations } from '../../../src/engine/commands/operations.ts';
import { fold } from '../../../src/runs/evolve.ts';
import type { EventBody, RunEvent } from '../../../src/runs/event.ts';
import { next } from '../../../src/runs/next.ts';
import type { Run } from '../../../src/runs/run.ts';
import { createSlackApp, Identity } from '../../../src/slack/app.ts';
import { createClients } from '../../../src/slack/clients.ts';
import type { SlackDeps } from '../../../src/slack/answering/deps.ts';
import { createHome } from '../../../src/slack/home.ts';
import type { SlackLog } from '../../../src/slack/log.ts';
import { createPeople } from '../../../src/slack/people.ts';
import type { PublishPorts } from '../../../src/slack/publish/ports.ts';
import type { Publisher } from '../../../src/slack/publish/publisher.ts';
import { createPublisher } from '../../../src/slack/publish/publisher.ts';
import { memoryStore, type MemoryStore } from '../store/memory-store.ts';
import type { TestSlack } from './slack.ts';
import { outputsOf } from './step-outputs.ts';
import { ALICE, BOB, BOT, CAROL, DORA, ONE_APPROVER, planOf } from '../story.ts';

/** The bot's scopes as manifest.yml asks for them. */
export const BOT_SCOPES: readonly string[] = (
  parse(readFileSync(join(import.meta.dirname, '../../../manifest.yml'), 'utf8')) as {
    oauth_config: { scopes: { bot: string[] } };
  }
).oauth_config.scopes.bot;

export const NAMES = { [ALICE]: 'Alice', [BOB]: 'Bob', [CAROL]: 'Carol', [DORA]: 'Dora' };
export const PRODUCTION: EngineGateway = {
  name: 'production',
  environment: 'production',
  channel: 'C02OPS',
  backupPlan: planOf(ONE_APPROVER),
};
export const STAGING: EngineGateway = {
  name: 'staging',
  environment: 'staging',
  channel: 'C02OPS',
  backupPlan: { ...planOf(null, 'staging'), environment: 'staging' },
};

/** Who may do what in the sandbox's workspace. */
export const PEOPLE_CONFIG = {
  slack: { team: 'T01LOCAL' },
  groups: [
    { name: 'operators', roles: ['operator' as const], members: ['U01ALICE', 'U05GUS'] },
    { name: 'approvers', roles: ['approver' as const], members: ['U02BOB', 'U03CAROL'] },
  ],
};

const WITH_ADMIN = {
  ...PEOPLE_CONFIG,
  groups: [...PEOPLE_CONFIG.groups, { name: 'admins', roles: ['admin' as const], members: ['U03CAROL'] }],
};

/** The whole Slack side of the bot against a strict Slack; the engine is played by hand with the real pure functions. */
export interface SlackWorld {
  readonly store: MemoryStore;
  readonly operations: Operations;
  readonly publisher: Publisher;
  readonly logged: readonly { readonly level: string; readonly message: string; readonly facts: object }[];
  readonly limited: readonly string[];
  readonly port: number | null;
  readiness(): ReturnType<ReturnType<typeof createSlackApp>['readiness']>;
  /** Another publisher of the same runs, as another process has one. */
  anotherPublisher(): Publisher;
  run(runId: string): Promise<Run>;
  append(runId: string, ...bodies: readonly EventBody[]): Promise<void>;
  /** Carries out steps until people are needed or the run has ended. */
  play(runId: string, failAt?: string): Promise<Run>;
  progress: ProgressRow | null;
  stop(): Promise<void>;
}

export interface WorldOptions {
  readonly gateways?: readonly EngineGateway[];
  readonly http?: boolean;
  readonly editSeconds?: number;
  readonly times?: PublishPorts['times'];
  /** Draw after each append, as the bot does. Off: the test draws by hand. */
  readonly drawAlone?: boolean;
  readonly peopleTimeoutMs?: number;
  readonly backgroundTimeoutMs?: number;
  /** What lies in the destinations of every gateway. */
  readonly sets?: readonly StoredSet[];
  /** Carol may break glass. */
  readonly withAdmin?: boolean;
  readonly breakHandlers?: (deps: SlackDeps) => SlackDeps;
}

export async function slackWorld(slack: TestSlack, options: WorldOptions = {}): Promise<SlackWorld> {
  const store = memoryStore();
  const logged: { level: string; message: string; facts: object }[] = [];
  const limited: string[] = [];
  const log = rememberingLog(logged);
  const clock = (): Date => new Date();
  const gateways = options.gateways ?? [PRODUCTION, STAGING];
  const clients = createClients({
    token: slack.tokens.bot,
    apiUrl: slack.apiUrl,
    log,
    onRateLimited: ({ client, method }) => limited.push(`${client} ${method}`),
    ...(options.peopleTimeoutMs === undefined ? {} : { peopleTimeoutMs: options.peopleTimeoutMs }),
    ...(options.backgroundTimeoutMs === undefined ? {} : { backgroundTimeoutMs: options.backgroundTimeoutMs }),
  });
  const people = createPeople(options.withAdmin === true ? WITH_ADMIN : PEOPLE_CONFIG, clients.people, clock);
  const world = { progress: null as ProgressRow | null };
  const operations = createOperations({
    store: recallingStore(store),
    folds: rememberFolds(store),
    board: { report: () => Promise.resolve(), read: () => Promise.resolve(world.progress) },
    people,
    gateways,
    configDigest: 'c'.repeat(64),
    clock,
    storedSets: (gateway) => Promise.resolve((options.sets ?? []).filter(({ set }) => set.startsWith(`${gateway}-`))),
    coordinate: () => Promise.resolve(),
    readAudit: async ({ before, limit, about }) => await auditRows(store, before, limit, about),
  });
  const identity = new Identity();
  const publishPorts: PublishPorts = {
    load: (runId) => operations.run(runId),
    record: async (runId, event, when) => {
      const done = await commit(store, runId, { actor: BOT, clock }, (run) => ({ events: when(run) ? [event] : [] }));
      return done?.changed === true ? done.run : null;
    },
    client: clients.background,
    bot: identity.get,
    names: NAMES,
    clock,
    log,
    editSeconds: options.editSeconds ?? 0,
    times: { gatherMs: 20, lookAfterMs: 200, lookGapMs: 20, channelMs: 0, ...options.times },
  };
  const publisher = createPublisher(publishPorts);
  const others: Publisher[] = [];
  const home = createHome({
    operations,
    clients,
    team: slack.team,
    names: NAMES,
    bot: identity.get,
    clock,
    log,
    gatherMs: 20,
  });
  const deps: SlackDeps = {
    operations,
    people,
    team: slack.team,
    gateways,
    names: NAMES,
    clients,
    publisher,
    bot: identity.get,
    refreshHome: (user) => home.refresh(user),
    clock,
    log,
  };
  const app = createSlackApp({
    deps: options.breakHandlers?.(deps) ?? deps,
    home,
    identity,
    token: slack.tokens.bot,
    delivering:
      options.http === true
        ? { mode: 'http', signingSecret: slack.tokens.signingSecret, port: 0 }
        : { mode: 'socket', appToken: slack.tokens.app, apiUrl: slack.apiUrl },
    retryMs: 50,
  });
  if (options.drawAlone !== false) {
    store.onAppend((runId) => {
      publisher.draw(runId).catch((error: unknown) => log.error({ error }, 'draw'));
      home.changed();
    });
  }
  const { port } = await app.start();
  const run = async (runId: string): Promise<Run> => {
    const found = fold(await store.load(runId));
    if (found === null) throw new Error(`there is no run ${runId}`);
    return found;
  };
  const append = async (runId: string, ...bodies: readonly EventBody[]): Promise<void> => {
    await commit(store, runId, { actor: BOT, clock }, () => ({ events: bodies }));
  };
  return Object.assign(world, {
    store,
    operations,
    publisher,
    logged,
    limited,
    port,
    readiness: () => app.readiness(),
    anotherPublisher: () => {
      const other = createPublisher(publishPorts);
      others.push(other);
      return other;
    },
    run,
    append,
    play: (runId: string, failAt?: string) => play(run, append, runId, failAt),
    stop: async () => {
      await app.stop(2000);
      await Promise.all([publisher, ...others].map((one) => one.stop()));
      await home.stop();
    },
  });
}

/** Waits until the bot says that it is ready. */
export async function ready(world: SlackWorld): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (world.readiness().ready) return;
    await pause(10);
  }
  throw new Error(`not ready: ${JSON.stringify(world.readiness())}`);
}

type Append = SlackWorld['append'];

async function play(load: SlackWorld['run'], append: Append, runId: string, failAt?: string): Promise<Run> {
  for (;;) {
    const now = await load(runId);
    const what = next(now, new Date());
    if (what.do === 'record') await append(runId, ...what.events);
    else if (what.do === 'step') await carryOut(append, runId, what.step.id, what.attempt, failAt);
    else return now;
  }
}

async function carryOut(append: Append, runId: string, step: string, attempt: number, failAt?: string): Promise<void> {
  await append(runId, { type: 'step.started', data: { step, attempt } });
  const fault = {
    code: 'permission',
    message: 'pg_dump was refused: permission denied for table keys',
    hint: 'Grant SELECT on all tables, then try again',
  };
  await append(
    runId,
    step === failAt
      ? { type: 'step.failed', data: { step, attempt, fault } }
      : { type: 'step.succeeded', data: { step, attempt, outputs: outputsOf(step) } },
  );
}

async function auditRows(
  store: MemoryStore,
  before: number | undefined,
  limit: number,
  about: object | undefined,
): Promise<AuditRow[]> {
  const runs = await store.findRuns({ limit: 100 });
  const events: RunEvent[] = (await Promise.all(runs.map(({ id }) => store.load(id)))).flat();
  return events
    .filter((event) => about === undefined || !('runId' in about) || about.runId === event.runId)
    .map((event, index) => ({
      seq: index + 1,
      runId: event.runId,
      version: event.version,
      body: JSON.stringify(event),
      prevHash: 'b'.repeat(64),
      hash: 'a'.repeat(64),
    }))
    .filter(({ seq }) => before === undefined || seq < before)
    .toReversed()
    .slice(0, limit);
}

function rememberingLog(into: { level: string; message: string; facts: object }[]): SlackLog {
  const at =
    (level: string) =>
    (facts: object, message: string): void =>
      void into.push({ level, message, facts });
  return { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error') };
}
