import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import type { RunEvent } from '../../src/runs/event.ts';
import type { Run } from '../../src/runs/run.ts';
import type { Command, Finished, RunCommand } from '../../src/run-command/command.ts';
import type { SlackMessage } from '../../src/sandbox/slack/strict/edge.ts';
import { createEventStore } from '../../src/audit/store.ts';
import { start, type Running as Bot } from '../../src/main.ts';
import { createLog } from '../../src/operations/log.ts';
import { createPool } from '../../src/postgres/pool.ts';
import { localRunner } from '../../src/run-command/local.ts';
import { fold } from '../../src/runs/evolve.ts';
import { isUnsettled } from '../../src/runs/run-index.ts';
import { ALICE, OPS } from '../../src/sandbox/slack/cast.ts';
import { isSlot, pressed, recordDrawings, runIn, typed, wordsOf, type Watching } from '../../src/sandbox/tour/stage.ts';
import { writeBotConfig, type BotSetting, type WrittenConfig } from './bot-config.ts';
import { freshDatabase } from './store/postgres.ts';
import { strictSlack, type TestSlack } from './slack/slack.ts';

/** Does something else instead of the command, or answers null to let it run as it is. */
export type Meddling = (command: Command, real: RunCommand) => Promise<Finished> | null;

/** One whole bot: a real store, real queues, a real worker, real tools, and a strict Slack with people in it. */
export interface BotWorld extends Watching {
  readonly slack: TestSlack;
  readonly folder: string;
  /** Where every gateway's sets are published unless its setting names another destination. */
  readonly destination: string;
  /** The configuration on disk and the environment that goes with it. */
  readonly written: WrittenConfig;
  /** What the bot logged, line by line. */
  readonly logged: readonly string[];
  /** Changes what programs near the gateway do; null: they run as they are. */
  meddle(how: Meddling | null): void;
  /** Starts a bot in this process, all of it unless told otherwise. Stopped by `end` at the latest. */
  start(options?: BotOptions): Promise<Bot>;
  /** Stops every bot that was started here. */
  stopAll(): Promise<void>;
  /** Writes the configuration again with these limits or settings changed; for what is started or connected next. */
  configured(change: Partial<BotSetting>): Promise<WrittenConfig>;
  /** Alice asks for a backup in Slack; answers the id of the run. */
  ask(gateway: string, user?: string): Promise<string>;
  type(user: string, command: string, text?: string): Promise<SlackMessage>;
  press(user: string, message: SlackMessage, action: string): Promise<SlackMessage>;
  card(runId: string, what: string, seen: (words: string) => boolean): Promise<SlackMessage>;
  /** The words of the final card, once every message of the run is final. */
  ended(runId: string): Promise<string>;
  /** Presses "Try again" on the card and answers the id of the new run. */
  tryAgain(runId: string, user?: string): Promise<string>;
  load(runId: string): Promise<{ readonly run: Run; readonly events: readonly RunEvent[] }>;
  /** Waits until the run is so. */
  until(runId: string, what: string, seen: (run: Run) => boolean): Promise<Run>;
  /** What the thread of the run's card says, one message after the other. */
  thread(runId: string): Promise<string>;
  /** The bot's messages about a run, wherever they are, by slot. */
  slots(runId: string): Promise<readonly string[]>;
  /** Folders of a gateway at its destination: published sets, and whatever else lies there. */
  stored(gateway: string, destination?: string): Promise<readonly string[]>;
  end(): Promise<void>;
}

export interface BotOptions {
  readonly bot?: boolean;
  readonly queues?: readonly ('backup' | 'publish')[];
  /** False: does not wait until Slack can deliver to it. */
  readonly awaitSlack?: boolean;
}

const EVERYTHING = ['backup', 'publish'] as const;

export interface BotWorldOptions extends BotSetting {
  /** Another store than a database on the test run's own server. */
  readonly store?: { readonly botUrl: string };
}

export async function botWorld(options: BotWorldOptions): Promise<BotWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-world-'));
  const destination = join(folder, 'backups');
  await mkdir(destination);
  const [slack, database] = await Promise.all([
    strictSlack(),
    options.store === undefined ? freshDatabase({ migrated: true }) : null,
  ]);
  const botUrl = options.store?.botUrl ?? database?.botUrl ?? '';
  const around = { folder, destination, botUrl, slackApiUrl: slack.apiUrl };
  let written = await writeBotConfig(around, options);
  const pool = createPool({ url: botUrl, applicationName: 'bot world', max: 2, onError: () => undefined });
  const watching: Watching = { control: slack.control, drawings: recordDrawings(slack.control) };
  const logged: string[] = [];
  const bots = new Set<Bot>();
  const programs = meddlingRunner();
  const reading = readingOf(pool, slack, watching);
  const stopAll = async (): Promise<void> => {
    await Promise.all([...bots].map((bot) => bot.stop()));
  };
  return {
    ...watching,
    ...reading,
    slack,
    folder,
    destination,
    get written() {
      return written;
    },
    logged,
    meddle: (how) => programs.meddle(how),
    start: async ({ bot = true, queues = EVERYTHING, awaitSlack = true } = {}) => {
      const log = createLog({ level: 'info', destination: { write: (line) => void logged.push(line) } });
      const running = await start(written.config, { bot, queues, drain: false }, log, {
        runner: programs.runner(),
        operationsPort: 0,
        publishTimes: { lookAfterMs: 300, lookGapMs: 50, editWindowMs: 1000 },
      });
      const stop = async (): Promise<void> => {
        bots.delete(known);
        await running.stop();
      };
      const known: Bot = { ...running, stop };
      bots.add(known);
      if (bot && awaitSlack) await heard(slack, running.operationsPort);
      return known;
    },
    configured: async (change) => (written = await writeBotConfig(around, { ...options, ...change })),
    stored: async (gateway, place = destination) => {
      const names: readonly string[] = await readdir(join(place, gateway)).catch(() => []);
      return names.toSorted();
    },
    stopAll,
    end: async () => {
      await stopAll();
      await pool.end();
      await slack.stop();
      await database?.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until the bot says that it is ready: what people type before that reaches nobody. */
async function heard(slack: TestSlack, port: number): Promise<void> {
  await slack.control.until('the bot to be ready', async () => {
    const { status } = await fetch(`http://127.0.0.1:${port}/readyz`);
    return status === 200 ? true : null;
  });
}

type Reading = Pick<
  BotWorld,
  'ask' | 'type' | 'press' | 'card' | 'ended' | 'tryAgain' | 'load' | 'until' | 'slots' | 'thread'
>;

/** What people in Slack do and see, and what the log says. */
function readingOf(pool: Pool, slack: TestSlack, watching: Watching): Reading {
  const store = createEventStore(pool);
  const load: Reading['load'] = async (runId) => {
    const events = await store.load(runId);
    const run = fold(events);
    if (run === null) throw new Error(`there is no run ${runId}`);
    return { run, events };
  };
  const until: Reading['until'] = (runId, what, seen) =>
    slack.control.until(`${runId} to be ${what}`, async () => {
      // A store that restarts is part of some stories.
      const now = await load(runId).catch(() => null);
      return now !== null && seen(now.run) ? now.run : null;
    });
  const card: Reading['card'] = (runId, what, seen) =>
    slack.control.until(`the card of ${runId} to be ${what}`, async () =>
      (await slack.control.messages(OPS)).find((one) => isSlot(one, runId, 'card') && seen(wordsOf(one))),
    );
  const cardAtEnd = async (runId: string): Promise<SlackMessage> => {
    await until(runId, 'over, every message final', (run) => run.outcome !== undefined && !isUnsettled(run));
    return await card(runId, 'there', () => true);
  };
  return {
    load,
    until,
    type: (user, command, text) => typed(watching, user, command, text),
    press: (user, message, action) => pressed(watching, user, message, action),
    card,
    ask: async (gateway, user = ALICE) => runIn(wordsOf(await typed(watching, user, '/kong-backup', gateway))),
    ended: async (runId) => wordsOf(await cardAtEnd(runId)),
    tryAgain: async (runId, user = ALICE) => {
      const answer = await pressed(watching, user, await cardAtEnd(runId), 'run.retry');
      return runIn(wordsOf(answer).replaceAll(runId, ''));
    },
    thread: async (runId) => {
      const { ts } = await card(runId, 'there', () => true);
      const all = await slack.control.messages(OPS);
      return all
        .filter((one) => one.thread_ts === ts && one.ts !== ts)
        .map(wordsOf)
        .join('\n');
    },
    slots: async (runId) => {
      const direct = await slack.control.directMessages(ALICE);
      const all = [...(await slack.control.messages(OPS)), ...direct];
      const { run } = await load(runId);
      return all.flatMap((one) => Object.keys(run.messages).filter((slot) => isSlot(one, runId, slot))).sort();
    },
  };
}

/** The local runner, until somebody meddles. A new one for each bot, because a bot remembers which tools it found. */
function meddlingRunner(): { runner(): RunCommand; meddle(how: Meddling | null): void } {
  const real = localRunner();
  let meddling: Meddling | null = null;
  return {
    runner: () => ({ ...real, run: async (command) => await (meddling?.(command, real) ?? real.run(command)) }),
    meddle: (how) => {
      meddling = how;
    },
  };
}
