/** Statements that compare two databases of one Kong row by row, without a row ever leaving its server. */

/** The text of a row must not depend on what is set on role or database. */
export const PREPARE_COMPARISON = `
  SELECT pg_catalog.set_config('TimeZone', 'UTC', false), pg_catalog.set_config('DateStyle', 'ISO, YMD', false),
         pg_catalog.set_config('IntervalStyle', 'postgres', false), pg_catalog.set_config('extra_float_digits', '1', false),
         pg_catalog.set_config('bytea_output', 'hex', false)`;

/**
 * Tables with a primary key: its columns, and the column that people know the rows by. Never one that holds a secret:
 * `key` of an API key is one, `username` of a login is not.
 */
export const TABLES = `
  SELECT coalesce(json_agg(json_build_object('table', pg_catalog.format('%I.%I', n.nspname, c.relname), 'bare', c.relname,
           'key', (SELECT json_agg(pg_catalog.quote_ident(a.attname) ORDER BY k.place)
                     FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (number, place)
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number),
           'label', (SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a
                      WHERE a.attrelid = c.oid AND NOT a.attisdropped
                        AND a.attname IN ('name', 'username', 'group', 'target', 'prefix')
                      ORDER BY pg_catalog.array_position(ARRAY['name', 'username', 'group', 'target', 'prefix'], a.attname::text)
                      LIMIT 1)) ORDER BY n.nspname, c.relname), '[]')
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
  WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'`;

export interface TableShape {
  /** As SQL names it: `public.services`. */
  readonly table: string;
  /** `services`. */
  readonly bare: string;
  readonly key: readonly string[];
  readonly label: string | null;
}

/** `bits` of the hash of a row's key say in which part of the table it is. The binary form of a row is the cheap one. */
function rowsOf({ table, key }: TableShape, bits: number, more = ''): string {
  return `
  SELECT pg_catalog.hashtext(ROW(${key.join(', ')})::text) & ${(1 << bits) - 1} AS part,
         pg_catalog.md5(pg_catalog.record_send(t)) AS h${more} FROM ONLY ${table} t`;
}

/**
 * Per part of a table: how many rows, and a hash over all of them: sums, which ask for no order. OFFSET 0 keeps the
 * planner from hashing each row once for each sum.
 */
export function parts(shape: TableShape, bits: number): string {
  return `
  SELECT coalesce(json_object_agg(part, json_build_array(rows, hash)), '{}') FROM (
    SELECT part, count(*) AS rows,
           pg_catalog.concat_ws(' ', sum(pg_catalog.hashtextextended(h, 0)), sum(pg_catalog.hashtextextended(h, 1))) AS hash
    FROM (${rowsOf(shape, bits)} OFFSET 0) each GROUP BY part) parts`;
}

/** Key, hash and name of every row in some parts. */
export function rowsIn(shape: TableShape, bits: number, wanted: readonly string[]): string {
  const name = shape.label === null ? 'NULL' : `left(t.${shape.label}::text, 100)`;
  const more = `, json_build_array(${shape.key.join(', ')})::text AS k, ${name} AS name`;
  return `
  SELECT coalesce(json_agg(json_build_array(k, h, name)), '[]')
  FROM (${rowsOf(shape, bits, more)}) each WHERE part IN (${wanted.map(Number).join(', ')})`;
}

/**
 * Routes, what a GET must have to reach them, and whether the way to them asks for a key. At most `limit`, by id. Kong 2
 * has no column `expression`.
 */
export function routes(schema: string, limit: number): string {
  return `
  SELECT coalesce(json_agg(r), '[]') FROM (
    SELECT r.id, r.name, r.paths, r.hosts, r.methods, r.protocols,
           (r.headers IS NOT NULL AND r.headers::text <> '{}') OR to_jsonb(r) ->> 'expression' IS NOT NULL AS by_more,
           (SELECT coalesce(p.config -> 'key_names' ->> 0, 'apikey') FROM ${schema}.plugins p
             WHERE p.name = 'key-auth' AND p.enabled AND p.consumer_id IS NULL
               AND (p.route_id = r.id OR p.service_id = r.service_id OR (p.route_id IS NULL AND p.service_id IS NULL))
             ORDER BY p.route_id IS NULL, p.service_id IS NULL LIMIT 1) AS key_name
    FROM ${schema}.routes r ORDER BY r.id LIMIT ${limit}) r`;
}

/** Ids and keys of API keys that do not expire, for proving that one is gone. The keys are secrets. */
export function apiKeys(schema: string, limit: number): string {
  return `
  SELECT coalesce(json_agg(json_build_array(k.id, k.key)), '[]') FROM (
    SELECT id, key FROM ${schema}.keyauth_credentials WHERE ttl IS NULL AND key IS NOT NULL ORDER BY id LIMIT ${limit}) k`;
}
