import { z } from 'zod';
import type { RunCommand } from '../../run-command/command.ts';
import type { DatabaseAccess, DatabaseConfig, ServerVersion } from './database.ts';
import { databaseEnvironment, databasePlace } from './database.ts';
import * as admin from './database-admin-sql.ts';
import { countSessions, endSessions, PREPARE_SESSION, REST_A_LITTLE } from './database-sql.ts';
import { startPsql } from './psql.ts';
import type { Psql } from './psql.ts';
import type { Tool } from '../dump/tools.ts';

export interface RoleFacts {
  readonly role: string;
  /** CREATEDB or superuser: may create and rename databases. */
  readonly createDb: boolean;
  readonly version: ServerVersion;
}

export interface DatabaseRow {
  readonly owner: string;
  /** The role has the owner's rights. */
  readonly owned: boolean;
  /** ALLOW_CONNECTIONS. */
  readonly open: boolean;
  /** Its comment: the bot marks what it has restored whole. */
  readonly mark: string | null;
}

export interface OpenSession {
  readonly pid: number;
  readonly role: string;
  readonly application: string;
  readonly from: string;
  /** The role may end it. */
  readonly ours: boolean;
}

/** The three names that a swap is about. `scratch` holds what was restored, `kept` what was live before. */
export interface SwapNames {
  readonly live: string;
  readonly scratch: string;
  readonly kept: string;
}

/**
 * A session beside a gateway's database, on the same server, for making and renaming databases. Every method throws a
 * Fault (`database.…`), or the signal's reason once aborted.
 */
export interface DatabaseServer {
  roleFacts(): Promise<RoleFacts>;
  /** Those that exist, by name. */
  databases(names: readonly string[]): Promise<Readonly<Record<string, DatabaseRow>>>;
  /** An empty database of this role. `like`: gets the encoding, locale, settings and grants of that one. */
  create(name: string, like: string | null): Promise<void>;
  mark(name: string, text: string): Promise<void>;
  /** Removes it; harmless when there is none. Ends this role's sessions on it first. */
  drop(name: string): Promise<void>;
  allowConnections(name: string, allowed: boolean): Promise<void>;
  sessionsOn(name: string): Promise<readonly OpenSession[]>;
  /** Tells every session on it that this role may end to end; answers who is there a moment later. */
  terminate(name: string): Promise<readonly OpenSession[]>;
  /** Renames, all or nothing: whoever looks sees the names before or the names after. `open`: admits connections. */
  rename(pairs: readonly { readonly from: string; readonly to: string; readonly open?: boolean }[]): Promise<void>;
  /** Ends this role's sessions whose application name starts so, on any database; answers how many there were. */
  endSessions(applicationNamePrefix: string): Promise<number>;
  close(): Promise<void>;
}

/** Connects to `maintenance` on the server of the gateway's database, because nobody can rename what he is connected to. */
export async function openServer(
  run: RunCommand,
  database: DatabaseConfig,
  access: DatabaseAccess & {
    readonly psql: Tool;
    readonly maintenance: string;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<DatabaseServer> {
  const beside = { ...database, name: access.maintenance };
  const env = await databaseEnvironment(run, beside, access);
  const connection = startPsql(run, { psql: access.psql, env, where: databasePlace(beside), signal: access.signal });
  try {
    await connection.ask(PREPARE_SESSION);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return server(connection);
}

const role = z.object({ role: z.string(), createDb: z.boolean(), version: z.coerce.number() });
const row = z.object({ owner: z.string(), owned: z.boolean(), open: z.boolean(), mark: z.string().nullable() });
const rows = z.record(z.string(), row);
const sessions = z.array(
  z.object({
    pid: z.number(),
    role: z.string(),
    application: z.string(),
    from: z.string(),
    ours: z.boolean(),
  }),
);
const likeness = z.object({
  row: z.record(z.string(), z.unknown()),
  encoding: z.string(),
  tablespace: z.string(),
  settings: z.array(z.string()),
  grants: z.array(z.object({ to: z.string().nullable(), privilege: z.string() })).nullable(),
});

function server(psql: Psql): DatabaseServer {
  const read = async <T>(schema: z.ZodType<T>, statement: string): Promise<T> =>
    schema.parse(JSON.parse(await psql.ask(statement)));
  const sessionsOn = (name: string): Promise<readonly OpenSession[]> => read(sessions, admin.sessionsOn(name));
  const terminate = async (name: string): Promise<readonly OpenSession[]> => {
    const pids = (await sessionsOn(name)).filter(({ ours }) => ours).map(({ pid }) => pid);
    if (pids.length === 0) return await sessionsOn(name);
    await psql.ask(admin.terminate(pids));
    await psql.ask(REST_A_LITTLE);
    return await sessionsOn(name);
  };
  return {
    async roleFacts() {
      const { version, ...facts } = await read(role, admin.ROLE);
      const major = Math.floor(version / 10_000);
      return { ...facts, version: { major, text: `${major}.${version % 10_000}` } };
    },
    databases: (names) => read(rows, admin.databases(names)),
    create: (name, like) => create(psql, name, like),
    async mark(name, text) {
      await psql.ask(admin.mark(name, text));
    },
    async drop(name) {
      for (let round = 0; round < DROP_ROUNDS && (await terminate(name)).some(({ ours }) => ours); round += 1);
      await psql.ask(admin.dropDatabase(name));
    },
    async allowConnections(name, allowed) {
      await psql.ask(admin.allowConnections(name, allowed));
    },
    sessionsOn,
    terminate,
    rename: (pairs) => renameAll(psql, pairs),
    async endSessions(prefix) {
      const ended = Number(await psql.ask(endSessions(prefix)));
      for (let round = 0; round < DROP_ROUNDS; round += 1) {
        if (Number(await psql.ask(countSessions(prefix))) === 0) break;
        await psql.ask(REST_A_LITTLE);
      }
      return ended;
    },
    close: () => psql.close(),
  };
}

/** Five seconds of little rests: as long as PostgreSQL itself waits before it says that somebody is connected. */
const DROP_ROUNDS = 100;

async function create(psql: Psql, name: string, like: string | null): Promise<void> {
  const answer = like === null ? '' : await psql.ask(admin.likeness(like));
  if (answer === '') {
    await psql.ask(admin.createDatabase(name, ''));
    return;
  }
  const alike = likeness.parse(JSON.parse(answer));
  await psql.ask(admin.createDatabase(name, admin.traits(alike)));
  for (const statement of admin.sameSettings(name, alike)) await psql.ask(statement);
}

async function renameAll(
  psql: Psql,
  pairs: readonly { readonly from: string; readonly to: string; readonly open?: boolean }[],
): Promise<void> {
  await psql.ask(admin.BEGIN);
  try {
    for (const { from, to, open } of pairs) {
      await psql.ask(admin.rename(from, to));
      if (open !== undefined) await psql.ask(admin.allowConnections(to, open));
    }
    await psql.ask(admin.COMMIT);
  } catch (error) {
    // A session that is gone has rolled back by itself.
    await psql.ask(admin.ROLLBACK).catch(() => undefined);
    throw error;
  }
}
