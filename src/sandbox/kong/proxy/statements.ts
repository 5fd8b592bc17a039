import type { Pool } from 'pg';

/** What the proxy asks of the database: on starting and reloading, and when it does not know a credential yet. */

export interface RouteRow {
  readonly id: string;
  readonly name: string | null;
  readonly service: string | null;
  readonly service_id: string | null;
  readonly protocols: readonly string[] | null;
  readonly methods: readonly string[] | null;
  readonly hosts: readonly string[] | null;
  readonly paths: readonly string[] | null;
}

export interface PluginRow {
  readonly name: string;
  readonly route_id: string | null;
  readonly service_id: string | null;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface CredentialRow {
  readonly consumer_id: string;
  readonly consumer: string | null;
  /** Basic-auth: the hash. */
  readonly password: string | null;
}

export async function selectRoutes(pool: Pool, workspace: string): Promise<readonly RouteRow[]> {
  const { rows } = await pool.query<RouteRow>(
    `SELECT r.id, r.name, s.name AS service, r.service_id, r.protocols, r.methods, r.hosts, r.paths
       FROM routes r LEFT JOIN services s ON s.id = r.service_id WHERE r.ws_id = $1`,
    [workspace],
  );
  return rows;
}

export async function selectPlugins(pool: Pool, workspace: string): Promise<readonly PluginRow[]> {
  const { rows } = await pool.query<PluginRow>(
    `SELECT name, route_id, service_id, config FROM plugins
      WHERE enabled AND consumer_id IS NULL AND ws_id = $1`,
    [workspace],
  );
  return rows;
}

export async function selectKey(pool: Pool, workspace: string, key: string): Promise<CredentialRow | null> {
  const { rows } = await pool.query<CredentialRow>(
    `SELECT k.consumer_id, c.username AS consumer, NULL AS password
       FROM keyauth_credentials k JOIN consumers c ON c.id = k.consumer_id
      WHERE k.key = $1 AND k.ws_id = $2 AND (k.ttl IS NULL OR k.ttl > now())`,
    [key, workspace],
  );
  return rows[0] ?? null;
}

export async function selectLogin(pool: Pool, workspace: string, username: string): Promise<CredentialRow | null> {
  const { rows } = await pool.query<CredentialRow>(
    `SELECT b.consumer_id, c.username AS consumer, b.password
       FROM basicauth_credentials b JOIN consumers c ON c.id = b.consumer_id
      WHERE b.username = $1 AND b.ws_id = $2`,
    [username, workspace],
  );
  return rows[0] ?? null;
}
