import { parseArgs } from 'node:util';
import { Fault } from '../runs/fault.ts';
import { guide } from './demo-guide.ts';
import { prepareTools } from './demo-tools.ts';
import { runTour } from './tour.ts';
import { runBot } from './workspace-bot.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

const USAGE = `npm run demo                              a Slack workspace in the browser with the bot in it
npm run demo -- --tour                    plays backup, restore and drill unattended and checks every outcome
npm run demo -- --tour --screenshots DIR  and takes a picture of every message
Options: --port N (of the Slack workspace), --no-slack (the tour in the terminal alone)`;

const EXIT = { ok: 0, unexpected: 1, usage: 2, missing: 3 } as const;

interface Flags {
  readonly tour: boolean;
  readonly screenshots: string | undefined;
  readonly port: number | undefined;
  readonly slack: boolean;
}

/** The sandbox's two faces. Answers the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const flags = readFlags(args);
  if (flags === null) {
    console.error(USAGE);
    return EXIT.usage;
  }
  if (!(await prepareTools((line) => console.log(line)))) return EXIT.missing;
  const stop = stopSignal();
  console.log('Starting two Kongs, PostgreSQL and Slack on this machine …');
  const world = await openWorkspace({
    slack: flags.slack,
    ...(flags.port === undefined ? {} : { slackPort: flags.port }),
  });
  try {
    return await inWorld(world, flags, stop);
  } finally {
    await world.close();
  }
}

async function inWorld(world: Workspace, flags: Flags, stop: AbortSignal): Promise<number> {
  const withSlack = !('missing' in world.slack);
  if ('missing' in world.slack) {
    console.log(`There is no Slack here: ${world.slack.missing}.\nThe tour plays in the terminal instead.\n`);
  }
  const bot = await runBot(world);
  try {
    if (flags.tour || !withSlack) return await tour(world, bot, flags, stop);
    console.log(guide(world));
    await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
    return EXIT.ok;
  } finally {
    console.log('\nStopping …');
    await bot.stop();
  }
}

async function tour(
  world: Workspace,
  bot: Awaited<ReturnType<typeof runBot>>,
  flags: Flags,
  stop: AbortSignal,
): Promise<number> {
  const played = runTour(world, bot.operations, { screenshots: flags.screenshots, out: (line) => console.log(line) });
  const stopped = new Promise<null>((resolve) => stop.addEventListener('abort', () => resolve(null), { once: true }));
  const ok = await Promise.race([played, stopped]);
  return ok === true ? EXIT.ok : EXIT.unexpected;
}

function readFlags(args: readonly string[]): Flags | null {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        tour: { type: 'boolean', default: false },
        screenshots: { type: 'string' },
        port: { type: 'string' },
        'no-slack': { type: 'boolean', default: false },
      },
    });
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536)) return null;
    return { tour: values.tour, screenshots: values.screenshots, port, slack: !values['no-slack'] };
  } catch {
    return null;
  }
}

/** Aborts at the first Ctrl-C; a second one ends everything at once (the servers die with us). */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    });
  }
  return stop.signal;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const hint = error instanceof Fault ? `\n${error.hint}` : '';
  console.error(`${error instanceof Fault ? error.message : (error as Error).stack}${hint}`);
  process.exitCode = EXIT.unexpected;
}
