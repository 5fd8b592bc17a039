import { literal } from './database-sql.ts';

/** Every statement by which the bot makes, renames and removes databases. Names are quoted here and nowhere else. */

/** Quotes the name of a database or a role. Throws a TypeError for what PostgreSQL would cut off or cannot hold. */
export function identifier(name: string): string {
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > 63) throw new TypeError(`not a name: ${name}`);
  return `"${name.replaceAll('"', '""')}"`;
}

/** For a statement that people are told to run: quoted only where it must be, as `quote_ident` does but for keywords. */
export function identifierAsTyped(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : identifier(name);
}

/** What this role may do, and which server this is. */
export const ROLE = `
  SELECT json_build_object('role', current_user, 'createDb', r.rolcreatedb OR r.rolsuper,
           'version', pg_catalog.current_setting('server_version_num'))
  FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`;

/** Those of the names that exist. */
export function databases(names: readonly string[]): string {
  return `
  SELECT coalesce(json_object_agg(d.datname, json_build_object(
           'owner', pg_catalog.pg_get_userbyid(d.datdba),
           'owned', pg_catalog.pg_has_role(d.datdba, 'USAGE'),
           'open', d.datallowconn,
           'mark', pg_catalog.shobj_description(d.oid, 'pg_database'))), '{}')
  FROM pg_catalog.pg_database d WHERE d.datname IN (${names.map(literal).join(', ')})`;
}

/**
 * What a new database must have in common with another one: encoding and locale, its own settings and who may connect.
 * By to_jsonb, because the columns differ between versions of PostgreSQL.
 */
export function likeness(name: string): string {
  return `
  SELECT json_build_object('row', pg_catalog.to_jsonb(d) - 'datacl', 'encoding', pg_catalog.pg_encoding_to_char(d.encoding),
           'tablespace', (SELECT spcname FROM pg_catalog.pg_tablespace t WHERE t.oid = d.dattablespace),
           'settings', coalesce((SELECT setconfig FROM pg_catalog.pg_db_role_setting s
                                  WHERE s.setdatabase = d.oid AND s.setrole = 0), '{}'),
           'grants', (SELECT json_agg(json_build_object('to', CASE a.grantee WHEN 0 THEN NULL
                                          ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
                                        'privilege', a.privilege_type))
                        FROM pg_catalog.aclexplode(d.datacl) a WHERE a.grantee <> d.datdba))
  FROM pg_catalog.pg_database d WHERE d.datname = ${literal(name)}`;
}

/** `traits` as {@link traits} makes them. template0, because template1 may hold what somebody put there. */
export function createDatabase(name: string, traits: string): string {
  return `CREATE DATABASE ${identifier(name)} TEMPLATE template0 ${traits}`;
}

export interface Likeness {
  readonly row: Readonly<Record<string, unknown>>;
  readonly encoding: string;
  readonly tablespace: string;
  readonly settings: readonly string[];
  /** Null: nobody ever changed who may connect. `to` null is everybody. */
  readonly grants: readonly { readonly to: string | null; readonly privilege: string }[] | null;
}

/** Encoding, locale and place of a database, as options of CREATE DATABASE. */
export function traits({ row, encoding, tablespace }: Likeness): string {
  const option = (name: string, value: unknown): string =>
    typeof value === 'string' && value !== '' ? `${name} ${literal(value)}` : '';
  const icu = row['datlocprovider'] === 'i';
  return [
    option('ENCODING', encoding),
    option('LC_COLLATE', row['datcollate']),
    option('LC_CTYPE', row['datctype']),
    icu ? 'LOCALE_PROVIDER icu' : '',
    icu ? option('ICU_LOCALE', row['datlocale'] ?? row['daticulocale']) : '',
    // Where template0 lies everybody may put a database; naming that place would need a right to it.
    tablespace === 'pg_default' ? '' : `TABLESPACE ${identifier(tablespace)}`,
    typeof row['datconnlimit'] === 'number' ? `CONNECTION LIMIT ${row['datconnlimit']}` : '',
  ]
    .filter((text) => text !== '')
    .join(' ');
}

/** Values that are lists of quoted names already, as the catalogue holds them; a literal would quote them twice. */
const LISTS = new Set(['search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries']);
const PRIVILEGES = new Set(['CONNECT', 'CREATE', 'TEMPORARY']);

/** What is set and granted on a database besides its traits, one statement each, for another database. */
export function sameSettings(name: string, { settings, grants }: Likeness): readonly string[] {
  const set = settings.flatMap((setting) => {
    const [, key, value] = /^([A-Za-z_][A-Za-z0-9_.]*)=([\s\S]*)$/.exec(setting) ?? [];
    if (key === undefined || value === undefined) return [];
    if (LISTS.has(key) && !/^[\w$", ]*$/.test(value)) return [];
    return [`ALTER DATABASE ${identifier(name)} SET ${key} TO ${LISTS.has(key) ? value : literal(value)}`];
  });
  if (grants === null) return set;
  const grant = grants
    .filter(({ privilege }) => PRIVILEGES.has(privilege))
    .map(
      ({ to, privilege }) =>
        `GRANT ${privilege} ON DATABASE ${identifier(name)} TO ${to === null ? 'PUBLIC' : identifier(to)}`,
    );
  return [...set, `REVOKE ALL ON DATABASE ${identifier(name)} FROM PUBLIC`, ...grant];
}

export function mark(name: string, text: string): string {
  return `COMMENT ON DATABASE ${identifier(name)} IS ${literal(text)}`;
}

export function allowConnections(name: string, allowed: boolean): string {
  return `ALTER DATABASE ${identifier(name)} ALLOW_CONNECTIONS ${allowed}`;
}

/** Fails while anybody is connected to it; transactional. */
export function rename(from: string, to: string): string {
  return `ALTER DATABASE ${identifier(from)} RENAME TO ${identifier(to)}`;
}

export function dropDatabase(name: string): string {
  return `DROP DATABASE IF EXISTS ${identifier(name)}`;
}

/** Sessions on a database; `ours`: this role may end them. What the server itself runs there goes by itself. */
export function sessionsOn(name: string): string {
  return `
  SELECT coalesce(json_agg(json_build_object('pid', a.pid, 'role', a.usename, 'application', a.application_name,
           'from', coalesce(a.client_addr::text, 'local'),
           'ours', pg_catalog.pg_has_role(a.usesysid, 'USAGE')
                   OR (pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') AND NOT r.rolsuper))
         ORDER BY a.pid), '[]')
  FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
  WHERE a.datname = ${literal(name)} AND a.pid <> pg_catalog.pg_backend_pid()`;
}

export function terminate(pids: readonly number[]): string {
  return `SELECT count(pg_catalog.pg_terminate_backend(pid)) FROM pg_catalog.unnest(ARRAY[${pids.map(Math.trunc).join(', ')}]::int[]) pid`;
}

export const BEGIN = 'BEGIN';
export const COMMIT = 'COMMIT';
export const ROLLBACK = 'ROLLBACK';
