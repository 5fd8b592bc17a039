import type { SchemaMeta } from '../../kong/database/database.ts';
import { Fault } from '../../runs/fault.ts';
import { some } from '../words.ts';

/** Subsystems of a dump whose migrations are half done: such a dump fits no version of Kong. */
export function pendingMigrations(rows: readonly SchemaMeta[]): Fault | null {
  const pending = rows.filter((row) => row.pending.length > 0);
  if (pending.length === 0) return null;
  return new Fault(
    'dump-migrations-pending',
    `The dump was taken in the middle of a migration: ${some(pending.map((row) => `${row.subsystem} (${row.pending.join(', ')})`))}.`,
    'Restore a set from before or after that migration.',
  );
}

/**
 * Why a dump does not fit the gateway as it is migrated now. Kong itself starts on a database that is newer than it is
 * and says nothing (facts I5), so the executed migrations are compared one by one.
 */
export function migrationsDiffer(dump: readonly SchemaMeta[], live: readonly SchemaMeta[]): Fault | null {
  const newer = missingIn(live, dump);
  const older = missingIn(dump, live);
  if (newer.length === 0 && older.length === 0) return null;
  if (newer.length === 0) {
    return new Fault(
      'dump-older',
      `The dump lacks migrations that the gateway has: ${some(older)}. Kong would not start on it before they are run.`,
      'Restore a set that was taken since the upgrade, or restore the declarative files.',
    );
  }
  return new Fault(
    'dump-newer',
    `The dump has migrations that the gateway has not: ${some(newer)}. Kong would serve from it without a word of warning, and wrongly.`,
    'Restore a set of the Kong version that the gateway runs, or upgrade the gateway first.',
  );
}

/** Migrations of `has` that `lacks` has not, as `core 021_340_to_350`. */
function missingIn(lacks: readonly SchemaMeta[], has: readonly SchemaMeta[]): readonly string[] {
  const known = new Set(lacks.flatMap(({ subsystem, executed }) => executed.map((each) => `${subsystem} ${each}`)));
  return has.flatMap(({ subsystem, executed }) =>
    executed.map((each) => `${subsystem} ${each}`).filter((each) => !known.has(each)),
  );
}

/** Whether a set of one Kong may be restored under another: same major and minor, same edition. */
export function versionsDiffer(
  set: { version: string; edition: string },
  now: { version: string; edition: string },
): Fault | null {
  if (minor(set.version) === minor(now.version) && set.edition === now.edition) return null;
  return new Fault(
    'other-kong',
    `The set is of Kong ${set.version} (${set.edition}), and the gateway runs Kong ${now.version} (${now.edition}).`,
    'Restore a set of the version that runs, or install the version of the set first.',
  );
}

/** `3.9` of `3.9.1` and of `3.9.1.1-enterprise-edition`. */
function minor(version: string): string {
  return /^\d+\.\d+/.exec(version)?.[0] ?? version;
}
