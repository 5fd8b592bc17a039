import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { findCipher } from '../../backup/encryption/find-cipher.ts';
import { parseIdentities } from '../../backup/encryption/cipher.ts';
import { keyFingerprint } from '../../backup/set/signature.ts';
import type { Destination } from '../../backup/storage/destination.ts';
import type { Opening } from '../../backup/encryption/encoding.ts';
import { destinationOf } from '../../backup/storage/open-destination.ts';
import { readConfigFile } from '../../config/read.ts';
import type { ConfigFile, DestinationConfig, S3Config } from '../../config/schema.ts';
import { destination as destinationSchema } from '../../config/schema/schema-storage.ts';
import { fileProblem, lookUpVariable, secretReader } from '../../config/secret.ts';
import { localRunner } from '../../run-command/local.ts';
import { Fault } from '../../runs/fault.ts';
import { refuse } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Cli } from '../context.ts';

/** A folder, an s3:// address, or a name in the configuration file; what is neither is refused. */
export function placeAt(cli: Cli, where: string): Destination | Refusal {
  const { env } = cli.terminal;
  if (where.startsWith('s3://')) return s3At(where, env);
  if (isAbsolute(where) || where.startsWith('.') || where.includes('/'))
    return localAt({ name: where, kind: 'local', path: resolve(where), holds: 'data' }, secretReader(env));
  const file = configOf(cli);
  const found = file?.destinations.find(({ name }) => name === where);
  if (found?.kind === 'local') return localAt(found, secretReader(env));
  if (found !== undefined) return destinationOf(found, secretReader(env));
  const known = file?.destinations.map(({ name }) => name).join(', ');
  return refuse(
    'unknown-destination',
    file === null
      ? `There is no valid configuration file here in which ${where} could be a destination.`
      : `The configuration has no destination ${where}.`,
    `${known === undefined ? '' : `It has ${known}. `}Give a folder (with a slash in it) or s3://bucket/prefix?endpoint=https://…`,
  );
}

type LocalConfig = Extract<DestinationConfig, { kind: 'local' }>;

/** A folder that is not there is no folder without sets: on the day of a restore it is a mount that is missing. */
function localAt(config: LocalConfig, secret: ReturnType<typeof secretReader>): Destination | Refusal {
  if (existsSync(config.path)) return destinationOf(config, secret);
  return refuse(
    'destination-missing',
    `There is no folder ${config.path} here.`,
    'If it is a mount, mount it and ask again; else look at how the folder is written.',
  );
}

/** Keys come from the environment, where every tool for S3 looks for them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. */
function s3At(where: string, env: Cli['terminal']['env']): Destination | Refusal {
  const address = new URL(where);
  const query = address.searchParams;
  const prefix = decodeURIComponent(address.pathname).replaceAll(/^\/+|\/+$/g, '');
  const endpoint = query.get('endpoint');
  const credentials = {
    access_key_id: { env: 'AWS_ACCESS_KEY_ID' },
    secret_access_key: { env: 'AWS_SECRET_ACCESS_KEY' },
  };
  const parsed = destinationSchema.safeParse({
    name: 's3',
    kind: 's3',
    bucket: address.hostname,
    ...(prefix === '' ? {} : { prefix }),
    ...(endpoint === null ? {} : { endpoint }),
    ...(query.get('region') === null ? {} : { region: query.get('region') }),
    force_path_style: query.get('path-style') === 'true',
    // Without them the machine's own role is used.
    ...(lookUpVariable('AWS_ACCESS_KEY_ID', env) === null ? {} : { credentials }),
  });
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    return refuse(
      'bad-destination',
      `${where} is no address of a bucket: ${wrong}.`,
      'Write it as s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-central-1&path-style=true',
    );
  }
  return destinationOf(named(parsed.data as S3Config, address), secretReader(env));
}

function named(settings: S3Config, { hostname, pathname }: URL): DestinationConfig {
  return { ...settings, name: `s3://${hostname}${pathname}` };
}

/** The public keys given; without any the one that belongs to the configuration's signing key, where it can be read. */
export function publicKeysOf(cli: Cli, files: readonly string[]): readonly string[] {
  if (files.length > 0) return files.map(publicKeyIn);
  const config = configOf(cli);
  if (config === null) return [];
  try {
    return [secretReader(cli.terminal.env)(config.signing.private_key)];
  } catch (error) {
    if (error instanceof Fault) return [];
    throw error;
  }
}

function publicKeyIn(file: string): string {
  const pem = readText(file);
  try {
    keyFingerprint(pem);
    return pem;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault(
      'public-key-unreadable',
      `${file} holds no Ed25519 key in PEM.`,
      'Give the public half of the key that signed the set: openssl pkey -in signing.pem -pubout makes it.',
      { cause: error },
    );
  }
}

/** The identity given; without one that of the configuration, where it can be read. Null: none. */
export async function openingOf(cli: Cli, file: string | undefined): Promise<Opening | null> {
  const text = file === undefined ? configuredIdentity(cli) : readText(file);
  return text === null ? null : { cipher: await findCipher(localRunner()), identities: parseIdentities(text) };
}

function configuredIdentity(cli: Cli): string | null {
  const identity = configOf(cli)?.encryption?.identity;
  if (identity === undefined) return null;
  try {
    return secretReader(cli.terminal.env)(identity);
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}

/** Null when there is none, or when it is faulty: these commands work without. */
function configOf(cli: Cli): ConfigFile | null {
  const read = readConfigFile({ path: cli.configPath, env: cli.terminal.env });
  return read.ok ? read.file : null;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Fault(
      'file.unreadable',
      `The file ${file} ${fileProblem(error)}.`,
      'Name a file that this user may read.',
      { cause: error },
    );
  }
}
