/** Every statement that the bot runs on a gateway's database. Names are qualified: search_path is emptied first. */

/** Relations that a dump contains: not the system's, not temporary ones, not members of extensions. */
const DUMPED = `
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')`;

/**
 * No timeout of role, database or server may end the session while a dump hangs on its snapshot. By pg_settings,
 * because their number grows with the server's version.
 */
export const PREPARE_SESSION = `
  SELECT count(pg_catalog.set_config(name, CASE name WHEN 'search_path' THEN '' WHEN 'client_min_messages' THEN 'warning' ELSE '0' END, false))
  FROM pg_catalog.pg_settings
  WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout',
                 'transaction_timeout', 'search_path', 'client_min_messages')`;

export const SERVER_VERSION = `SELECT pg_catalog.current_setting('server_version_num')`;

/** What pg_dump must read or lock: tables, partitioned tables and sequences, past privileges and row security. */
export const UNREADABLE = `
  SELECT coalesce(json_agg(pg_catalog.format('%I.%I', n.nspname, c.relname) ORDER BY n.nspname, c.relname), '[]')
  ${DUMPED} AND c.relkind IN ('r', 'p', 'S')
    AND (NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         OR CASE c.relkind WHEN 'S' THEN NOT pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                           ELSE NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') END
         OR (c.relkind <> 'S' AND pg_catalog.row_security_active(c.oid)))`;

export const DATABASE_BYTES = `SELECT pg_catalog.pg_database_size(pg_catalog.current_database())`;

export const TABLE_SIZES = `
  SELECT coalesce(json_object_agg(pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.pg_total_relation_size(c.oid)), '{}')
  ${DUMPED} AND c.relkind = 'r'`;

/** What a dump holds only as a definition, and what of it a dump in SQL leaves out. */
export const OTHER_RELATIONS = `
  SELECT json_build_object(
    'foreignTables', coalesce(json_agg(pg_catalog.format('%I.%I', n.nspname, c.relname) ORDER BY 1) FILTER (WHERE c.relkind = 'f'), '[]'),
    'materializedViews', coalesce(json_agg(pg_catalog.format('%I.%I', n.nspname, c.relname) ORDER BY 1) FILTER (WHERE c.relkind = 'm'), '[]'),
    'grantedToOthers', count(*) FILTER (WHERE EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) a WHERE a.grantee <> c.relowner)))
  ${DUMPED} AND c.relkind IN ('r', 'p', 'S', 'v', 'f', 'm')`;

export const BEGIN_SNAPSHOT = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`;
export const EXPORT_SNAPSHOT = `SELECT pg_catalog.pg_export_snapshot()`;

const TABLE_NAME = /^(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)\.(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)$/;

/** ONLY: rows of a child table are counted with the child. Throws a TypeError for what is no table's name. */
export function countRows(tables: readonly string[]): string {
  const counts = tables.map((table) => {
    if (!TABLE_NAME.test(table)) throw new TypeError(`not the name of a table: ${table}`);
    return `${literal(table)}, (SELECT count(*) FROM ONLY ${table})`;
  });
  // A function takes 100 arguments at most, so each table gets a row of its own.
  const rows = counts.map((count) => `(${count})`).join(', ');
  return `SELECT coalesce(json_object_agg(name, rows), '{}') FROM (VALUES ${rows}) AS counted (name, rows)`;
}

/** Empty when there is none. Kong keeps it in pg_schema, which is public unless told otherwise. */
export const FIND_SCHEMA_META = `
  SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
  ${DUMPED} AND c.relkind = 'r' AND c.relname = 'schema_meta'
  ORDER BY n.nspname = 'public' DESC, n.nspname LIMIT 1`;

/** `table` as {@link FIND_SCHEMA_META} answered it. */
export function schemaMeta(table: string): string {
  return `
  SELECT coalesce(json_agg(json_build_object('key', key, 'subsystem', subsystem, 'last_executed', last_executed,
           'executed', coalesce(executed, '{}'), 'pending', coalesce(pending, '{}')) ORDER BY key, subsystem), '[]')
  FROM ${table}`;
}

/** A predecessor used the same role, so only that role's sessions are ended: nobody else's by accident. */
function sessionsOf(prefix: string): string {
  const name = literal(prefix);
  return `
  FROM pg_catalog.pg_stat_activity
  WHERE pg_catalog.left(application_name, pg_catalog.char_length(${name})) = ${name}
    AND usename = current_user AND pid <> pg_catalog.pg_backend_pid()`;
}

export function endSessions(prefix: string): string {
  if (prefix === '') throw new TypeError('an empty prefix would end every session');
  return `SELECT count(pg_catalog.pg_terminate_backend(pid)) ${sessionsOf(prefix)}`;
}

export function countSessions(prefix: string): string {
  return `SELECT count(*) ${sessionsOf(prefix)}`;
}

/** A tenth of the rows that ANALYZE looks at by itself, for a fifth of the time: autovacuum looks again within minutes. */
export const ROUGH_STATISTICS = `SELECT pg_catalog.set_config('default_statistics_target', '10', false)`;
export const ANALYZE = 'ANALYZE';
export const REST_A_LITTLE = `SELECT pg_catalog.pg_sleep(0.05)`;

/** Safe whatever standard_conforming_strings is. */
export function literal(text: string): string {
  return `E'${text.replaceAll('\\', String.raw`\\`).replaceAll("'", "''")}'`;
}
