import type { OtherRelations } from '../../kong/database/database.ts';
import type { Gap } from '../../runbooks/backup.ts';
import { counted, some } from '../words.ts';
import type { DumpFormat } from './dump-format.ts';

/** What the database has, and the dump holds only as a definition or not at all. */
export function databaseGaps(others: OtherRelations, format: DumpFormat): Gap[] {
  const { foreignTables, materializedViews, grantedToOthers } = others;
  const gaps: Gap[] = [];
  if (foreignTables.length > 0)
    gaps.push({
      kind: 'foreign-tables',
      count: foreignTables.length,
      what: `The rows of ${counted(foreignTables.length, 'foreign table')} are not in the set: ${some(foreignTables)}`,
      why: 'they lie on another server; the dump has the definition alone',
    });
  if (materializedViews.length > 0)
    gaps.push({
      kind: 'materialized-views',
      count: materializedViews.length,
      what: `The rows of ${counted(materializedViews.length, 'materialised view')} are not in the set, and not counted: ${some(materializedViews)}`,
      why: 'pg_dump takes the definition, and a restore computes the rows anew',
    });
  if (format === 'plain' && grantedToOthers > 0)
    gaps.push({
      kind: 'database-privileges',
      count: grantedToOthers,
      what: `Privileges of other roles on ${counted(grantedToOthers, 'table, view or sequence', 'tables, views and sequences')} are not in the set`,
      why: 'a dump in plain format is taken without owners and privileges, so that any server can take it; use another format to keep them',
    });
  return gaps;
}
