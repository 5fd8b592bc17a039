import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WORTHLESS_AUTHORITY, WORTHLESS_CERTIFICATE, WORTHLESS_KEY } from './seed/worthless-certificate.ts';
import type { Version } from './version.ts';

export interface PrefixOptions {
  readonly version?: Version;
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly name: string;
    readonly user: string;
    readonly password: string;
  };
  /** Where the Admin API listens, for example `127.0.0.1:8001`. */
  readonly adminListen?: string;
}

export interface KongFiles {
  readonly prefix: string;
  readonly conf: string;
}

interface Made {
  readonly mode: number;
  readonly text: string;
}

/**
 * Writes `kong.conf` and a prefix folder as a running node leaves them: the same names and modes, contents of our
 * own. As with the original, the database password stands in clear in `.kong_env`, here also in `kong.conf`.
 */
export async function writeKongFiles(folder: string, options: PrefixOptions): Promise<KongFiles> {
  const version = options.version ?? '3.9.1';
  const prefix = join(folder, 'prefix');
  const conf = join(folder, 'kong.conf');
  const settings = settingsOf(prefix, options);
  await mkdir(prefix, { recursive: true });
  await write(conf, { mode: 0o640, text: confText(settings) });
  for (const [name, mode] of Object.entries(foldersOf(version))) {
    await mkdir(join(prefix, name), { recursive: true });
    await chmod(join(prefix, name), mode);
  }
  for (const [name, file] of Object.entries(filesOf(version, settings))) await write(join(prefix, name), file);
  return { prefix, conf };
}

async function write(path: string, { mode, text }: Made): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text, { mode });
  // The umask of the process may have taken bits away.
  await chmod(path, mode);
}

type Settings = Readonly<Record<string, string>>;

function settingsOf(prefix: string, { database, adminListen = '127.0.0.1:8001' }: PrefixOptions): Settings {
  return {
    prefix,
    log_level: 'notice',
    proxy_listen: '127.0.0.1:8000, 127.0.0.1:8443 ssl',
    admin_listen: adminListen,
    database: 'postgres',
    pg_host: database.host,
    pg_port: String(database.port),
    pg_database: database.name,
    pg_user: database.user,
    pg_password: database.password,
    ssl_cert: `${prefix}/ssl/kong-default.crt`,
    ssl_cert_key: `${prefix}/ssl/kong-default.key`,
  };
}

const lines = (settings: Settings): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');

const confText = (settings: Settings): string =>
  `# kong.conf of a gateway of the kong-chatops sandbox. Everything in it was made up.\n${lines(settings)}`;

const PRIVATE = 0o700;
const SHARED = 0o755;

function foldersOf(version: Version): Readonly<Record<string, number>> {
  return {
    client_body_temp: PRIVATE,
    fastcgi_temp: PRIVATE,
    proxy_temp: PRIVATE,
    scgi_temp: PRIVATE,
    uwsgi_temp: PRIVATE,
    logs: SHARED,
    pids: SHARED,
    ssl: SHARED,
    ...(version === '3.9.1' && { sockets: SHARED }),
  };
}

function filesOf(version: Version, settings: Settings): Readonly<Record<string, Made>> {
  const open = (text: string): Made => ({ mode: 0o644, text });
  const secret = (text: string): Made => ({ mode: 0o600, text });
  const pairs = ['kong-default', 'kong-default-ecdsa', 'admin-kong-default', 'admin-kong-default-ecdsa'];
  return {
    '.ca_combined': open(WORTHLESS_AUTHORITY),
    '.kong_env': { mode: 0o640, text: lines({ ...settings, nginx_daemon: 'on' }) },
    'nginx.conf': open(NGINX),
    'nginx-kong.conf': open(nginxKong(settings)),
    'nginx-kong-stream.conf': open('# no stream listeners\n'),
    'logs/access.log': open('127.0.0.1 - - "GET /api/v1/orders HTTP/1.1" 200 512\n'),
    'logs/admin_access.log': open('127.0.0.1 - - "GET /status HTTP/1.1" 200 1204\n'),
    'logs/error.log': open('[notice] start worker process\n'),
    'logs/status_error.log': open(''),
    'pids/nginx.pid': open(`${process.pid}\n`),
    'ssl/ffdhe2048.pem': open('# parameters of the sandbox, none\n'),
    ...Object.fromEntries(pairs.map((name) => [`ssl/${name}.crt`, open(WORTHLESS_CERTIFICATE)])),
    ...Object.fromEntries(pairs.map((name) => [`ssl/${name}.key`, secret(WORTHLESS_KEY)])),
    ...(version === '3.9.1' && filesSince3(open)),
  };
}

function filesSince3(open: (text: string) => Made): Readonly<Record<string, Made>> {
  return {
    '.request_debug_token': open('00000000-0000-4000-8000-000000000000'),
    'nginx-inject.conf': open(''),
    'nginx-kong-inject.conf': open('# injected into http\n'),
    'nginx-kong-stream-inject.conf': open('# injected into stream\n'),
    'nginx-kong-gui-include.conf': open('# no Kong Manager here\n'),
  };
}

const NGINX = `pid pids/nginx.pid;
error_log logs/error.log notice;
events { multi_accept on; }
http { include 'nginx-kong.conf'; }
`;

const nginxKong = (settings: Settings): string => `charset UTF-8;
server {
  server_name kong;
  listen 127.0.0.1:8000;
  listen 127.0.0.1:8443 ssl;
  ssl_certificate ${settings['ssl_cert'] ?? ''};
  ssl_certificate_key ${settings['ssl_cert_key'] ?? ''};
  access_log logs/access.log;
}
server {
  server_name kong_admin;
  listen ${settings['admin_listen'] ?? ''};
  access_log logs/admin_access.log;
}
`;
