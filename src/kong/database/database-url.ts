import type { DatabaseConfig } from './database.ts';

const MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** What `postgres://user:password@host:5432/name?sslmode=…` names. Left out: 5432, the database `postgres`, `prefer`. */
export function databaseOfUrl(url: string): {
  readonly database: DatabaseConfig;
  readonly password: string | undefined;
} {
  const { hostname, port, pathname, username, password, searchParams } = new URL(url);
  const sslmode = searchParams.get('sslmode');
  return {
    database: {
      host: decodeURIComponent(hostname),
      port: Number(port || 5432),
      name: decodeURIComponent(pathname.slice(1)) || 'postgres',
      user: decodeURIComponent(username),
      ssl: MODES.find((known) => known === sslmode) ?? 'prefer',
    },
    password: password === '' ? undefined : decodeURIComponent(password),
  };
}
