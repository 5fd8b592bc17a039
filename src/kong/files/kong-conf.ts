import { isAbsolute, join } from 'node:path';
import { HIDDEN, redact } from '../../runs/words/redact.ts';

/** Keys and values of a kong.conf, in order; a later line of the same key wins, as in Kong. Comments are gone. */
export type KongConf = ReadonlyMap<string, string>;

/** A file that a kong.conf names. `path` may end in a pattern like `*.conf`. */
export interface NamedPath {
  readonly key: string;
  readonly path: string;
}

const LINE = /^(\s*#?\s*)([A-Za-z_][A-Za-z0-9_]*)(\s*=[^\S\n]*)([^\n]*)$/;

/** Reads what Kong would: `key = value # comment`, where `\#` is a plain octothorpe. */
export function parseKongConf(text: string): KongConf {
  const conf = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, before = '', key, , rest = ''] = LINE.exec(line) ?? [];
    if (key !== undefined && !before.includes('#')) conf.set(key, withoutComment(rest));
  }
  return conf;
}

function withoutComment(value: string): string {
  return value
    .replace(/(^|[^\\])#[^\n]*$/, '$1')
    .replaceAll(String.raw`\#`, '#')
    .trim();
}

/** Names whose value is a secret, or holds some: passwords, tokens, and the JSON of the GUI's sessions. */
const SECRET_KEY =
  /password$|passwd$|secret$|token$|_auth_conf$|_session_conf$|private_key$|_cert_key$|license_data$|^declarative_config_string$|_client_secret$|_secret_id$/;

/** True when the value is a secret in clear. A path, a vault reference and an empty value are none. */
export function isSecretValue(key: string, value: string): boolean {
  if (value === '' || value.startsWith('{vault://') || value === HIDDEN) return false;
  const isPaths = value.split(',').every((part) => isAbsolute(part.trim()));
  // A password may well begin with a slash; a certificate's key is a path or the key itself.
  if (isPaths && /_key$|_conf$/.test(key)) return false;
  return SECRET_KEY.test(key.toLowerCase()) || redact(value) !== value || isPrivateKey(value);
}

/** PEM as it is, or in base64 as newer Kong takes it. */
export function isPrivateKey(text: string): boolean {
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)) return true;
  return /^\s*LS0tLS1CRUdJTi/.test(text) && isPrivateKey(Buffer.from(text, 'base64').toString('latin1'));
}

/**
 * The text with every secret in clear replaced by `***`, also in lines that are commented out, to the end of the line.
 * `masked` names their keys, each once.
 */
export function maskKongConf(text: string): { readonly text: string; readonly masked: readonly string[] } {
  const masked = new Set<string>();
  const lines = text.split('\n').map((line) => {
    const [, before = '', key, equals = '', rest = ''] = LINE.exec(line) ?? [];
    if (key === undefined || !isSecretValue(key, withoutComment(rest))) return line;
    masked.add(key);
    return `${before}${key}${equals}${HIDDEN}${line.endsWith('\r') ? '\r' : ''}`;
  });
  return { text: lines.join('\n'), masked: [...masked] };
}

/** The secrets in clear, to know them again in other files. Short ones would be found everywhere. */
export function secretsOf(conf: KongConf): string[] {
  return [...conf].filter(([key, value]) => value.length >= 8 && isSecretValue(key, value)).map(([, value]) => value);
}

/** Logs, sockets and hosts are no configuration; the prefix is walked as a whole. */
const NO_CONFIGURATION =
  /_log$|_logs$|^prefix$|^dns_hostsfile$|^resolver_hosts_file$|^nginx_pid$|^socket_path$|_listen$/;

/** Files that the configuration names by an absolute path, or (nginx includes) by one from the prefix. */
export function namedPaths(conf: KongConf, prefix: string): NamedPath[] {
  return [...conf].flatMap(([key, value]) => {
    if (NO_CONFIGURATION.test(key)) return [];
    const parts = value.split(',').map((part) => part.trim());
    const isInclude = /^nginx_.*_include$/.test(key);
    return (
      parts
        .filter((part) => (isInclude ? part !== '' : isAbsolute(part)))
        // A Lua search path is no file: `/custom/?.lua;;`
        .filter((part) => !/[?;]/.test(part))
        .map((part) => ({ key, path: isAbsolute(part) ? part : join(prefix, part) }))
    );
  });
}
