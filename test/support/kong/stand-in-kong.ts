import { readdirSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import { createKongSchema, type StandInKong, startStandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import type { Version } from '../../../src/sandbox/kong/version.ts';
import { fixturePath, programPath } from '../need.ts';
import { freshDatabase, type TestDatabase } from '../store/postgres.ts';

/** What was recorded from a real Kong: one request and its answer. */
export interface Recorded {
  readonly request: { readonly method: string; readonly path: string; readonly body: unknown };
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** `status` when it was asked of the Status API, which the stand-in does not have. */
  readonly api?: string;
}

export const VERSIONS: readonly Version[] = ['3.9.1', '2.8.5'];

export interface Running {
  readonly kong: StandInKong;
  readonly database: TestDatabase;
  /** Stops the node and removes its database; throws when the node leaked a connection. */
  end(): Promise<void>;
}

/** A stand-in over the very rows that a real Kong of this version held when it was recorded. */
export async function standInOfRecording(version: Version): Promise<Running> {
  return running(version, (url) => loadSql(url, fixturePath(`kong-${version}`, 'database.sql')));
}

/** A stand-in that was just bootstrapped and holds nothing, or what `fill` puts into it. */
export async function emptyStandIn(
  version: Version,
  options: Omit<Parameters<typeof startStandInKong>[0], 'databaseUrl' | 'version'> & {
    readonly fill?: (url: string) => Promise<unknown>;
  } = {},
): Promise<Running> {
  const { fill, ...rest } = options;
  const prepare = async (url: string): Promise<void> => {
    await createKongSchema(url, version);
    await fill?.(url);
  };
  return running(version, prepare, rest);
}

async function running(
  version: Version,
  prepare: (url: string) => Promise<void>,
  options: Omit<Parameters<typeof startStandInKong>[0], 'databaseUrl' | 'version'> = {},
): Promise<Running> {
  const database = await freshDatabase();
  await prepare(database.ownerUrl);
  const kong = await startStandInKong({ ...options, databaseUrl: database.ownerUrl, version });
  return {
    kong,
    database,
    end: async () => {
      await kong.stop();
      await database.drop();
    },
  };
}

/** Loads a plain dump, without what it grants to roles of its own server. The password travels in the environment of psql, not in its arguments. */
export async function loadSql(url: string, file: string): Promise<void> {
  const { hostname, port, pathname, username, password } = new URL(url);
  const sql = readFileSync(file, 'utf8').replaceAll(/^(GRANT|REVOKE) .*;$/gm, '');
  await execa(programPath('psql') ?? 'psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-'], {
    input: sql,
    env: { PGHOST: hostname, PGPORT: port, PGDATABASE: pathname.slice(1), PGUSER: username, PGPASSWORD: password },
    stdout: 'ignore',
  });
}

/** Every recorded step of `admin/*.json`, by the name of its file. */
export function recordedAdmin(
  version: Version,
): readonly { readonly name: string; readonly steps: readonly Recorded[] }[] {
  const folder = fixturePath(`kong-${version}`, 'admin');
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const read = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as Recorded | readonly Recorded[];
      const steps = Array.isArray(read) ? (read as readonly Recorded[]) : [read as Recorded];
      return { name: file.replace(/\.json$/, ''), steps };
    });
}

/** The requests of one recorded decK run, in the order of their completion. */
export function recordedRun(version: Version, name: string): readonly Recorded[] {
  return readFileSync(fixturePath(`kong-${version}`, 'deck', `${name}.ndjson`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const read = JSON.parse(line) as Record<string, unknown>;
      return {
        request: { method: String(read['method']), path: String(read['path']), body: parsed(read['requestBody']) },
        status: Number(read['status']),
        headers: read['responseHeaders'] as Record<string, string>,
        body: parsed(read['responseBody']),
      };
    });
}

function parsed(body: unknown): unknown {
  if (typeof body !== 'string') return body ?? null;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return body === '' ? null : body;
  }
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Sends one request as the recording script did: JSON unless the body is text. */
export async function ask(url: string, method: string, path: string, body: unknown = null): Promise<Answered> {
  const isXml = typeof body === 'string' && body.startsWith('<');
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body !== null && {
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'Content-Type': isXml ? 'text/xml' : 'application/json' },
    }),
  });
  return { status: response.status, headers: response.headers, body: parsed(await response.text()) };
}
