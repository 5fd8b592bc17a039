import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENTITY_KINDS } from '../../../backup/artifacts/entities.ts';
import type { Step, StepContext } from '../../../engine/ports.ts';
import type { DatabaseSession } from '../../../kong/database/database.ts';
import { Fault } from '../../../runs/fault.ts';
import { configuredDatabase, databaseAccess } from '../../gateway-access.ts';
import { some } from '../../words.ts';
import { declarativeOf, fetchOnce } from '../declarative/source.ts';
import { namesOf } from '../deps.ts';
import type { RestoreDeps } from '../deps.ts';
import { runWell } from '../files/place-files.ts';
import { configuredFiles } from '../files/place.ts';
import { markText, wholeScratch } from '../restore-scratch.ts';
import type { RestoredCounts } from '../restore-scratch.ts';
import { endPredecessors, withServer, withSession } from '../server-access.ts';
import { openProven } from '../set-reader.ts';
import { makeImportFile } from './import-file.ts';
import type { ImportCounts } from './import-file.ts';
import { bootstrap, confFor, importInto } from './kong-cli.ts';
import { removeSettings, settingsFolder } from './settings-folder.ts';

/**
 * The fallback where a dump cannot be used: a fresh database beside the live one, made by Kong itself, and the declarative
 * file loaded into it past the Admin API, so that passwords keep their hashes. The live one is not touched.
 */
export function rebuildScratch(deps: RestoreDeps): Step {
  return {
    takeOver: async (context) => {
      await removeSettings(deps, context);
      await endPredecessors(deps, context);
    },
    check: (context) => wholeScratch(deps, context),
    apply: (context) => rebuild(deps, context),
  };
}

async function rebuild(deps: RestoreDeps, context: StepContext): Promise<void> {
  const { live, scratch } = namesOf(context.run, configuredDatabase(deps));
  await withServer(deps, context, async (server) => {
    // What a predecessor left half built is worth nothing.
    await server.drop(scratch);
    await server.create(scratch, live in (await server.databases([live])) ? live : null);
  });
  const expected = await build(deps, context, scratch);
  const counts = await withSession(deps, context, scratch, async (session) => {
    const found = await compareWithFile(session, expected);
    // Kong's first queries would be planned without statistics.
    await session.analyze();
    return found;
  });
  await withServer(deps, context, (server) => server.mark(scratch, markText(deps.set.set, scratch, counts)));
}

/** Its settings lie in a folder of the run's own, closed to others, and are gone afterwards whatever happens. */
async function build(deps: RestoreDeps, context: StepContext, scratch: string): Promise<ImportCounts> {
  const { runner } = deps;
  const { signal } = context;
  const folder = settingsFolder(deps, context);
  try {
    await removeSettings(deps, context);
    await runWell(runner, 'mkdir', ['-m', '0700', '--', folder], signal);
    const conf = confFor((await runner.readFile(configuredFiles(deps).kong_conf)).toString('utf8'), {
      database: { ...configuredDatabase(deps), name: scratch },
      password: databaseAccess(deps, context).password,
      prefix: folder,
    });
    await runner.writeFile(join(folder, 'kong.conf'), conf);
    await runner.writeFile(join(folder, '.kong_env'), conf);
    const at = { runner, command: deps.gateway.restore.kong_command, folder, signal };
    context.progress({ done: 0, total: 3, unit: 'checks', note: 'making Kong’s tables' });
    await bootstrap(at);
    context.progress({ done: 1, total: 3, unit: 'checks', note: 'preparing the declarative file' });
    const { counts, path } = await importFile(deps, context);
    const there = join(folder, 'declarative.json');
    await runner.writeFile(there, await readFile(path));
    context.progress({ done: 2, total: 3, unit: 'checks', note: 'loading the declarative file' });
    await importInto(at, there);
    context.progress({ done: 3, total: 3, unit: 'checks', note: 'counting' });
    return counts;
  } finally {
    await removeSettings(deps, { ...context, signal: new AbortController().signal });
  }
}

async function importFile(
  deps: RestoreDeps,
  context: StepContext,
): Promise<{ readonly counts: ImportCounts; readonly path: string }> {
  const set = await openProven(deps, context.run);
  const artifact = declarativeOf(set.manifest).get('default');
  if (artifact === undefined) throw new Error('check-set admits no set without the default workspace');
  const path = join(context.workDir, 'import.json');
  const job = { source: await fetchOnce(set, artifact, context), out: path };
  return { counts: await makeImportFile(job, context.signal), path };
}

/** Every kind that the file has, by its tables; and that Kong made all its tables. Faults name kinds, never entities. */
async function compareWithFile(session: DatabaseSession, expected: ImportCounts): Promise<RestoredCounts> {
  const migrations = (await session.schemaMeta()) ?? [];
  if (migrations.length === 0 || migrations.some(({ pending }) => pending.length > 0)) throw notBootstrapped();
  const rows = await session.countRows(Object.keys(await session.tableSizes()));
  const byTable = new Map(Object.entries(rows).map(([table, count]) => [table.replace(/^.*\./, ''), count]));
  const different = ENTITY_KINDS.flatMap(({ file, many, tables }) => {
    const wanted = file === undefined ? 0 : (expected[file] ?? 0);
    const found = tables.reduce((sum, table) => sum + (byTable.get(table) ?? 0), 0);
    return wanted === 0 || wanted === found ? [] : [`${many} (${found} instead of ${wanted})`];
  });
  if (different.length > 0) throw countsDiffer(different);
  return {
    tables: Object.keys(rows).length,
    rows: Object.values(rows).reduce((sum, count) => sum + count, 0),
  };
}

function notBootstrapped(): Fault {
  return new Fault(
    'fresh.not-bootstrapped',
    '"kong migrations bootstrap" ended without an error and left no complete set of tables. The live database is untouched.',
    'Another migration may have been running on this server. Look for one, then try again.',
    { retryable: true },
  );
}

function countsDiffer(what: readonly string[]): Fault {
  return new Fault(
    'fresh.counts-differ',
    `What Kong loaded is not what the declarative file has: ${some(what)}. The live database is untouched.`,
    'Do not use this set; restore another one.',
  );
}
