import type { Manifest } from '../../backup/set/manifest.ts';
import type { StepContext } from '../../engine/ports.ts';
import type { DatabaseRow, DatabaseServer, RoleFacts, SwapNames } from '../../kong/database/database-admin.ts';
import { identifierAsTyped } from '../../kong/database/database-admin-sql.ts';
import { findPostgresTools } from '../../kong/dump/tools.ts';
import { Fault } from '../../runs/fault.ts';
import type { Checklist } from '../preflight/checklist.ts';
import { configuredDatabase, withAdmin } from '../gateway-access.ts';
import { bytesText, counted, some } from '../words.ts';
import type { RestoreDeps } from './deps.ts';
import { namesOf } from './deps.ts';
import { checkKeyring } from './keyring/recover-keyring.ts';
import { migrationsDiffer, versionsDiffer } from './migrations.ts';
import { withServer, withSession } from './server-access.ts';
import { dumpOf } from './set-reader.ts';

/** Whether the gateway's own server and Kong can take what the set holds. */
export async function checkPlace(
  list: Checklist,
  deps: RestoreDeps,
  context: StepContext,
  manifest: Manifest,
): Promise<void> {
  const keepsDatabase = context.run.plan.parameters['safety'] === 'kept-database';
  await checkVersion(list, deps, context, { manifest, mayBeDown: keepsDatabase });
  let connected = false;
  try {
    await withServer(deps, context, async (server) => {
      connected = true;
      await checkServer(list, deps, context, { server, manifest, keepsDatabase });
    });
  } catch (error) {
    if (connected || !(error instanceof Fault)) throw error;
    list.expect('Database server', error, '');
  }
  await checkDisk(list, deps, context, manifest);
  await checkKeyring(list, deps, context);
}

/** Where Kong is down and people said that they know, its version is theirs to know too. */
export async function checkVersion(
  list: Checklist,
  deps: RestoreDeps,
  context: StepContext,
  { manifest, mayBeDown }: { manifest: Manifest; mayBeDown: boolean },
): Promise<void> {
  try {
    const root = await withAdmin(deps, context.signal, (admin) => admin.root());
    list.expect('Kong', versionsDiffer(manifest.kong, root), `${root.version} ${root.edition}, as in the set`);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const known = `it does not say its version now; the set is of ${manifest.kong.version} ${manifest.kong.edition}`;
    list.expect('Kong', mayBeDown ? null : error, known);
  }
}

interface Looking {
  readonly server: DatabaseServer;
  readonly manifest: Manifest;
  readonly keepsDatabase: boolean;
}

async function checkServer(
  list: Checklist,
  deps: RestoreDeps,
  context: StepContext,
  { server, manifest, keepsDatabase }: Looking,
): Promise<void> {
  const facts = await server.roleFacts();
  list.expect('Database server', olderServer(manifest, facts), `PostgreSQL ${facts.version.text}`);
  checkCreateDb(list, facts);
  await list.check(
    'PostgreSQL tools',
    () => findPostgresTools(deps.runner, facts.version.major),
    ({ pgRestore }) => `pg_restore ${pgRestore.version}`,
  );
  const names = await checkLive(list, deps, context, { server, facts, keepsDatabase });
  if (names !== null) await checkMigrations(list, deps, context, { names, manifest });
}

/** Whether the role can put another database in the place of the live one. */
export async function checkRole(
  list: Checklist,
  deps: RestoreDeps,
  context: StepContext,
  keepsDatabase: boolean,
): Promise<void> {
  await list.check(
    'Right to make databases',
    () =>
      withServer(deps, context, async (server) => {
        const facts = await server.roleFacts();
        if (!facts.createDb) throw noCreateDb(facts);
        await checkLive(list, deps, context, { server, facts, keepsDatabase });
        return facts;
      }),
    ({ role }) => `role ${role} has CREATEDB`,
  );
}

const GONE = 'gone: nothing can be kept of it, and undoing the restore will not be possible';

/** Null where there is no live database. */
async function checkLive(
  list: Checklist,
  deps: RestoreDeps,
  context: StepContext,
  { server, facts, keepsDatabase }: { server: DatabaseServer; facts: RoleFacts; keepsDatabase: boolean },
): Promise<SwapNames | null> {
  const names = namesOf(context.run, configuredDatabase(deps));
  const live = (await server.databases([names.live]))[names.live];
  if (live === undefined) {
    list.expect('Present database', keepsDatabase ? null : gone(names), GONE);
    return null;
  }
  await checkRename(list, server, facts, { name: names.live, row: live });
  return names;
}

export function checkCreateDb(list: Checklist, facts: RoleFacts): void {
  list.expect('Right to make databases', facts.createDb ? null : noCreateDb(facts), `role ${facts.role} has CREATEDB`);
}

/** Whether the role may rename a database that is there: it owns it, and can end every session that is open on it. */
export async function checkRename(
  list: Checklist,
  server: Pick<DatabaseServer, 'sessionsOn'>,
  facts: RoleFacts,
  { name, row }: { readonly name: string; readonly row: DatabaseRow },
): Promise<void> {
  list.expect('Ownership', row.owned ? null : notOwner(name, row, facts), `${name} is owned by ${row.owner}`);
  const foreign = (await server.sessionsOn(name)).filter(({ ours }) => !ours);
  const who = [...new Set(foreign.map(({ role, application }) => `${role} (${application || 'unnamed'})`))];
  list.expect('Open connections', foreign.length === 0 ? null : cannotEnd(who, facts), 'the role can end all of them');
}

async function checkMigrations(
  list: Checklist,
  deps: RestoreDeps,
  context: StepContext,
  { names, manifest }: { names: SwapNames; manifest: Manifest },
): Promise<void> {
  await list.check(
    'Migrations of the gateway',
    async () => {
      const rows = await withSession(deps, context, names.live, (session) => session.schemaMeta());
      const differ = migrationsDiffer(manifest.database?.schemaMeta ?? [], rows ?? []);
      if (rows !== null && rows.length > 0 && differ !== null) throw differ;
      return rows ?? [];
    },
    (rows) =>
      rows.length === 0 ? 'the present database holds none' : `${counted(rows.length, 'subsystem')}, as in the set`,
  );
}

/** The dump lies on the worker until it is restored; what the database server needs, nobody can ask it. */
async function checkDisk(list: Checklist, deps: RestoreDeps, context: StepContext, manifest: Manifest): Promise<void> {
  const dump = dumpOf(manifest);
  const unpacked = Number(dump?.facts['unpackedBytes'] ?? dump?.plain?.bytes ?? dump?.bytes ?? 0);
  // A packed one lies beside its unpacked form for a moment.
  const needed = unpacked + (dump?.bytes ?? 0);
  await list.check(
    'Space on the worker',
    async () => {
      const free = await deps.worker.freeBytes(context.workDir);
      if (free < needed) throw noSpace(free, needed);
      return free;
    },
    (free) => `${bytesText(free)} free, ${bytesText(needed)} needed; as much again is needed on the database server`,
  );
}

function olderServer(manifest: Manifest, { version }: RoleFacts): Fault | null {
  const major = Number.parseInt(manifest.database?.serverVersion ?? '0', 10);
  if (version.major >= major) return null;
  return new Fault(
    'older-server',
    `The dump is of PostgreSQL ${major} and the server is PostgreSQL ${version.text}: it may not load into an older one.`,
    'Restore into a server of that version, or restore the declarative files.',
  );
}

function noCreateDb({ role }: RoleFacts): Fault {
  return new Fault(
    'no-createdb',
    `The role ${role} may neither make nor rename databases.`,
    `Let a superuser run: ALTER ROLE ${identifierAsTyped(role)} CREATEDB`,
  );
}

function notOwner(live: string, { owner }: DatabaseRow, { role }: RoleFacts): Fault {
  return new Fault(
    'not-owner',
    `The database ${live} is owned by ${owner}, so ${role} cannot rename it.`,
    `Let a superuser run: ALTER DATABASE ${identifierAsTyped(live)} OWNER TO ${identifierAsTyped(role)}`,
  );
}

function cannotEnd(who: readonly string[], { role }: RoleFacts): Fault {
  return new Fault(
    'foreign-sessions',
    `Sessions that ${role} may not end are open on the database: ${some(who)}. It cannot be renamed while they last.`,
    `Have them closed, or let a superuser run: GRANT pg_signal_backend TO ${identifierAsTyped(role)}`,
  );
}

function gone({ live }: SwapNames): Fault {
  return new Fault(
    'database-gone',
    `There is no database ${live}, so there is no present state that could be backed up first.`,
    'Ask again with the safety "kept-database": one approver more is needed then.',
  );
}

function noSpace(free: number, needed: number): Fault {
  return new Fault(
    'worker-disk',
    `The worker has ${bytesText(free)} free, and the dump needs ${bytesText(needed)}.`,
    'Free space where the worker keeps its temporary files (TMPDIR), or give it another folder.',
  );
}
