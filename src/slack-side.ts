import type { Config } from './config/schema.ts';
import type { Core } from './compose.ts';
import type { PeopleDirectory } from './engine/ports.ts';
import type { Log } from './operations/log.ts';
import type { PartReport } from './operations/readiness.ts';
import type { Run } from './runs/run.ts';
import type { PublishEvent, PublishTimes } from './slack/publish/ports.ts';
import type { Names } from './slack/views/kit/text.ts';
import { recordHead } from './audit/heads.ts';
import { headOfRun } from './audit/head-of-run.ts';
import { commit } from './engine/commit.ts';
import { Fault } from './runs/fault.ts';
import { createAlarmPublisher } from './slack/alarms/publish.ts';
import { createSlackApp, Identity } from './slack/app.ts';
import { createClients, type Clients } from './slack/clients.ts';
import type { Readiness } from './slack/connection.ts';
import { createHome } from './slack/home.ts';
import { configuredPeople, createPeople } from './slack/people.ts';
import { createPublisher } from './slack/publish/publisher.ts';
import { checkToken } from './slack/token-check.ts';

/** Slack as the composition root sees it. */
export interface SlackSide {
  /** Port of the events endpoint in HTTP mode, else null. Throws a Fault for a wrong token, not where Slack is down. */
  start(): Promise<number | null>;
  draw(runId: string): Promise<void>;
  /** In a moment: several changes are drawn at once. */
  drawSoon(runId: string): void;
  /** Posts what alarms owe their channels. */
  tellAlarms(): Promise<void>;
  /** Something was appended: open App Home pages are drawn again. */
  changed(): void;
  report(): PartReport;
  stop(): Promise<void>;
}

const clock = (): Date => new Date();

/** Builds everything that talks to Slack; calls nobody before `start`. */
export function openSlackSide(core: Core, times: Partial<PublishTimes> = {}): SlackSide {
  const { config, log, operations } = core;
  const { team } = config.slack;
  const clients = clientsOf(config, log, (method) => core.metrics.slackRateLimited(method));
  const identity = new Identity();
  const bot = identity.get;
  const names = namesOf(config);
  const publisher = createPublisher({
    load: (runId) => operations.run(runId),
    record: (runId, event, when) => recordIf(core, runId, event, when),
    client: clients.background,
    bot,
    names,
    head: (run) => signedEnd(core, run),
    clock,
    log,
    editSeconds: config.limits.edit_seconds,
    times,
  });
  const alarms = createAlarmPublisher({ watch: core.watch, client: clients.background, bot, names, clock, log, times });
  const home = createHome({ operations, clients, team, names, bot, clock, log });
  const deps = {
    operations,
    people: peopleOf(config, log, clients),
    team,
    gateways: config.gateways,
    names,
    clients,
    publisher,
    bot,
    refreshHome: (user: string) => home.refresh(user),
    clock,
    log,
  };
  const token = tokenOf(config);
  const app = createSlackApp({
    deps,
    home,
    identity,
    token,
    delivering: delivering(config),
    redrawAlarm: (alarm) => alarms.redraw(alarm),
  });
  return {
    start: async () => {
      await checkToken(clients.people, team);
      return (await app.start()).port;
    },
    draw: (runId) => publisher.draw(runId),
    drawSoon: (runId) => publisher.drawSoon(runId),
    tellAlarms: () => alarms.round(),
    changed: () => home.changed(),
    report: () => reportOf(app.readiness()),
    stop: async () => {
      await app.stop(5000);
      await publisher.stop();
      await home.stop();
    },
  };
}

function reportOf(state: Readiness): PartReport {
  return state.ready
    ? { state: 'ok', detail: 'Slack is connected' }
    : { state: 'fail', detail: state.why, hint: state.hint };
}

/** Who may do what, for a long-running process: Slack where there is a token, the configuration alone elsewhere. */
export function peopleOf(config: Config, log: Log, clients?: Clients): PeopleDirectory {
  if (config.environment.SLACK_BOT_TOKEN === undefined) return configuredPeople(config);
  return createPeople(config, (clients ?? clientsOf(config, log)).people, clock);
}

/**
 * For one command of the CLI. Slack vouches for people where it answers; where it does not, the configuration's own
 * members still can act: a restore must work on the day when Slack is down.
 */
export async function peopleForCli(config: Config, log: Log): Promise<PeopleDirectory> {
  if (config.environment.SLACK_BOT_TOKEN === undefined) return configuredPeople(config);
  const { people } = clientsOf(config, log);
  try {
    await people.auth.test();
    return createPeople(config, people, clock);
  } catch {
    log.warn({}, 'Slack does not answer: only members named in the configuration count, Slack user groups do not');
    return configuredPeople(config);
  }
}

function clientsOf(config: Config, log: Log, onLimited?: (method: string) => void): Clients {
  const { SLACK_API_URL: apiUrl } = config.environment;
  return createClients({
    token: tokenOf(config),
    log,
    ...(apiUrl === undefined ? {} : { apiUrl }),
    ...(onLimited === undefined ? {} : { onRateLimited: ({ client }) => onLimited(client) }),
  });
}

function tokenOf(config: Config): string {
  return config.environment.SLACK_BOT_TOKEN ?? missing('SLACK_BOT_TOKEN');
}

function delivering(config: Config): Parameters<typeof createSlackApp>[0]['delivering'] {
  const { SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, SLACK_API_URL } = config.environment;
  if (config.slack.mode === 'http') {
    const signingSecret = SLACK_SIGNING_SECRET ?? missing('SLACK_SIGNING_SECRET');
    return { mode: 'http', signingSecret, port: config.slack.port };
  }
  const appToken = SLACK_APP_TOKEN ?? missing('SLACK_APP_TOKEN');
  return { mode: 'socket', appToken, ...(SLACK_API_URL === undefined ? {} : { apiUrl: SLACK_API_URL }) };
}

function missing(name: string): never {
  throw new Fault(
    'slack-not-configured',
    `${name} is not set`,
    `Set ${name} or ${name}_FILE; docs/slack.md says where it is`,
  );
}

function namesOf(config: Config): Names {
  return Object.fromEntries(config.people.map(({ id, name }) => [`${config.slack.team}/${id}`, name]));
}

/** Appends a message's fact if it still holds at that moment; null when somebody else was first. */
async function recordIf(
  { store, self }: Core,
  runId: string,
  event: PublishEvent,
  when: (run: Run) => boolean,
): Promise<Run | null> {
  const committed = await commit(store, runId, { actor: self, clock }, (run) => ({ events: when(run) ? [event] : [] }));
  return committed?.changed === true ? committed.run : null;
}

/** The signed head that covers a run's end: made once, when its last drawing is made (behaviour 9.3). */
async function signedEnd({ pool, config, self }: Core, run: Run) {
  if (run.outcome === undefined) return null;
  const known = await headOfRun(pool, run.id);
  if (known !== null) return known;
  return await recordHead(pool, config.secret(config.signing.private_key), self, clock().toISOString());
}
