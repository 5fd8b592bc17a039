import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatFaults } from '../config/fault.ts';
import { readConfig } from '../config/read.ts';
import type { Config } from '../config/schema.ts';
import { findLocalSlack } from './slack/local-slack.ts';
import { startStrictSlack, type StrictSlack } from './slack/strict.ts';
import { closers } from './workspace-closers.ts';
import { configText, environment, type ConfigParts } from './workspace-config.ts';
import { startDatabases, type SandboxDatabases } from './workspace-databases.ts';
import { startGateways, type SandboxGateway } from './workspace-gateways.ts';

/** Everything that the bot needs around it, on this machine alone: two Kongs, PostgreSQL, Slack, a configuration. */
export interface Workspace {
  readonly folder: string;
  readonly configPath: string;
  readonly config: Config;
  readonly env: Readonly<Record<string, string>>;
  readonly databases: SandboxDatabases;
  readonly gateways: readonly SandboxGateway[];
  /** The folder where backup sets are published. */
  readonly destination: string;
  readonly slack: StrictSlack | { readonly missing: string };
  /** Ends every program and removes every file of it. */
  close(): Promise<void>;
}

export interface WorkspaceOptions {
  /** False leaves Slack out even where it could run. */
  readonly slack?: boolean;
  /** Port of the Slack workspace in the browser. */
  readonly slackPort?: number;
}

/** Builds the sandbox's world in a folder of its own. Whatever was started is ended again when it fails half-way. */
export async function openWorkspace(options: WorkspaceOptions = {}): Promise<Workspace> {
  const open = closers();
  try {
    const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-sandbox-'));
    open.add('the folder', () => rm(folder, { recursive: true, force: true }));
    const destination = join(folder, 'backups');
    await mkdir(destination, { mode: 0o700 });
    const [databases, slack] = await settled([startDatabases(open), startSlack(options, open)]);
    const gateways = await startGateways(folder, databases, open);
    const parts = { databases, gateways, destination, slackApiUrl: 'missing' in slack ? null : slack.apiUrl };
    const { configPath, config, env } = await writeConfig(folder, parts);
    const close = (): Promise<void> => open.close();
    return { folder, configPath, config, env, databases, gateways, destination, slack, close };
  } catch (error) {
    await open.close();
    throw error;
  }
}

/** Waits for both before it fails, so that what the other one started is there to be ended. */
async function settled<A, B>(work: readonly [Promise<A>, Promise<B>]): Promise<[A, B]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function startSlack(
  options: WorkspaceOptions,
  open: { add(name: string, close: () => Promise<unknown>): void },
): Promise<Workspace['slack']> {
  if (options.slack === false) return { missing: 'it was left out on request' };
  const found = findLocalSlack();
  if ('missing' in found) return found;
  const slack = await startStrictSlack(options.slackPort === undefined ? {} : { port: options.slackPort });
  open.add('local Slack', () => slack.stop());
  return slack;
}

/** Under this name the environment lies in the folder, for a shell: whoever sources it can use the command line. */
export const ENVIRONMENT = 'environment.sh';

function exports(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'\n`)
    .join('');
}

async function writeConfig(
  folder: string,
  parts: ConfigParts,
): Promise<{ configPath: string; config: Config; env: Record<string, string> }> {
  const configPath = join(folder, 'kong-chatops.yaml');
  await writeFile(configPath, configText(parts));
  const env = environment(parts, configPath);
  await writeFile(join(folder, ENVIRONMENT), exports(env), { mode: 0o600 });
  const read = readConfig({ path: configPath, env });
  if (!read.ok) throw new Error(`the sandbox's configuration is not valid:\n${formatFaults(read.path, read.faults)}`);
  return { configPath, config: read.config, env };
}
