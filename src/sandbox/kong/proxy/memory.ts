import type { Pool } from 'pg';
import {
  type CredentialRow,
  type PluginRow,
  type RouteRow,
  selectKey,
  selectLogin,
  selectPlugins,
  selectRoutes,
} from './statements.ts';

/**
 * What one node's proxy holds in memory. A database that is swapped under it changes nothing here, as was measured on
 * real Kong (facts I4): a reload reads routes and plugins again and keeps credentials, `DELETE /cache` drops both.
 */
export interface ProxyMemory {
  routes(): readonly RouteRow[];
  plugins(): readonly PluginRow[];
  /** Known ones, and known not to exist, are answered without the database. Throws when that is needed and gone. */
  key(workspace: string, key: string): Promise<CredentialRow | null>;
  login(workspace: string, username: string): Promise<CredentialRow | null>;
  /** Reads routes and plugins again. */
  rebuild(workspace: string): Promise<void>;
  forgetCredentials(): void;
}

export function proxyMemory(pool: Pool): ProxyMemory {
  let routes: readonly RouteRow[] = [];
  let plugins: readonly PluginRow[] = [];
  const credentials = new Map<string, CredentialRow | null>();
  const remembered = async (id: string, find: () => Promise<CredentialRow | null>): Promise<CredentialRow | null> => {
    const known = credentials.get(id);
    if (known !== undefined) return known;
    const found = await find();
    credentials.set(id, found);
    return found;
  };
  return {
    routes: () => routes,
    plugins: () => plugins,
    key: (workspace, key) => remembered(`key ${key}`, () => selectKey(pool, workspace, key)),
    login: (workspace, username) => remembered(`login ${username}`, () => selectLogin(pool, workspace, username)),
    rebuild: async (workspace) => {
      [routes, plugins] = await Promise.all([selectRoutes(pool, workspace), selectPlugins(pool, workspace)]);
    },
    forgetCredentials: () => credentials.clear(),
  };
}
