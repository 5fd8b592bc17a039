import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../runs/fault.ts';
import { startWithParent } from '../with-parent.ts';
import { APP_ID, BOT_USER, CHANNELS, PEOPLE, TEAM, TOKENS } from './cast.ts';

export interface LocalSlack {
  /** `http://127.0.0.1:PORT`, without a slash at the end: people open it in a browser. */
  readonly url: string;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;

export type FoundLocalSlack = { readonly program: string } | { readonly missing: string };

/** Where local-slack is on this machine: the npm package of Linux on x64, else a launcher on the PATH. */
export function findLocalSlack(): FoundLocalSlack {
  try {
    const manifest = createRequire(import.meta.url).resolve('local-slack-linux-x64/package.json');
    const program = join(manifest, '..', 'bin', 'local-slack');
    if (existsSync(program)) return { program };
  } catch {
    // Not this platform, or optional dependencies were left out: look on.
  }
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const program = join(folder, 'local-slack');
    if (folder !== '' && existsSync(program)) return { program };
  }
  const here = `${process.platform}-${process.arch}`;
  return {
    missing:
      here === 'linux-x64'
        ? 'the optional package local-slack-linux-x64 is not installed (npm install brings it unless told to omit optional packages)'
        : `local-slack comes with this project for linux-x64 only and this is ${here}; a launcher named local-slack on the PATH is used too (npm install -g local-slack)`,
  };
}

/** The configuration file of local-slack, in its own words. It delivers to `requestUrl`, which is the strict stand-in. */
function configuration(requestUrl: string): object {
  return {
    workspace: { name: 'Acme', domain: 'acme', teamId: TEAM },
    apps: [
      {
        appId: APP_ID,
        botUserId: BOT_USER,
        botName: 'kong-chatops',
        botToken: TOKENS.bot,
        appToken: TOKENS.app,
        signingSecret: TOKENS.signingSecret,
        mode: 'events',
        requestUrl,
      },
    ],
    users: PEOPLE.map(({ id, name, real_name }) => ({ id, name, real_name, tz: 'Etc/UTC' })),
    channels: CHANNELS.map((channel) => ({ ...channel, members: [...channel.members] })),
  };
}

/**
 * Starts local-slack on a free port. It ends with `stop`, and when this process dies for whatever reason.
 * Throws a {@link Fault} when the program is missing or does not come up.
 */
export async function startLocalSlack(options: { requestUrl: string; port?: number }): Promise<LocalSlack> {
  const found = findLocalSlack();
  if ('missing' in found) {
    throw new Fault(
      'local-slack.missing',
      'Local Slack is not on this machine.',
      `To have a Slack workspace in the browser: ${found.missing}.`,
    );
  }
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-slack-'));
  const config = join(folder, 'workspace.json');
  await writeFile(config, JSON.stringify(configuration(options.requestUrl)));
  const log = await open(join(folder, 'log'), 'a');
  const program = startWithParent({
    command: found.program,
    args: programArguments(config, join(folder, 'files'), options.port ?? 0),
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: folder, TMPDIR: folder },
    signal: 'TERM',
    removeFolder: folder,
    logFd: log.fd,
  });
  try {
    return { url: await address(join(folder, 'log'), program.ended), stop: () => program.stop() };
  } catch (error) {
    await program.stop();
    throw error;
  } finally {
    await log.close();
  }
}

function programArguments(config: string, files: string, port: number): string[] {
  return ['--config', config, '--port', String(port), '--base-host', '127.0.0.1', '--files-dir', files];
}

/** Reads the address that local-slack prints once it listens: with port 0 it chooses the port. */
async function address(logFile: string, ended: Promise<void>): Promise<string> {
  let over = false;
  void ended.then(() => (over = true));
  const until = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const said = await readFile(logFile, 'utf8');
    const url = /Web UI:\s+(http:\/\/\S+)/.exec(said)?.[1];
    if (url !== undefined) return url;
    if (over || Date.now() > until) {
      throw new Fault(
        'local-slack.not-started',
        'Local Slack did not start.',
        'Free its port, or leave out the port so that it chooses one.',
        { cause: new Error(said.trim()) },
      );
    }
    await sleep(10);
  }
}
