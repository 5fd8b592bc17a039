import { basename } from 'node:path';
import { isPrivateKey } from './kong-conf.ts';

/** Folders of a prefix whose content nginx makes anew: `client_body_temp`, which only nginx's user may open, and such. */
const PASSING_FOLDERS = /^(logs|pids|sockets|[a-z]+(_[a-z]+)*_temp)$/;
/** Made anew at each start. The debug token is a secret besides. */
const PASSING_FILES = /^(worker_events\.sock|\.request_debug_token|nginx\.pid)$|\.(log|pid|sock)$/;
/** The effective configuration with passwords in clear, and stores of DB-less nodes with every credential. */
const SECRET_FILES = /^(\.kong_env|\.kong_process_secrets|config\.cache\.json\.gz)$|\.(key|p12|pfx|jks)$/;
const SECRET_FOLDERS = /\.lmdb$/;

/** True for what a running node makes anew and nobody restores. */
export function isPassing(path: string, kind: 'file' | 'folder' | 'link' | 'socket' | 'other'): boolean {
  if (kind === 'socket' || kind === 'other') return true;
  return (kind === 'folder' ? PASSING_FOLDERS : PASSING_FILES).test(basename(path));
}

/** True when the name alone says so; then the content is not even read. */
export function isSecretByName(path: string): boolean {
  return SECRET_FILES.test(basename(path)) || path.split('/').some((part) => SECRET_FOLDERS.test(part));
}

/** True when the content holds a private key, or a secret that the configuration has in clear. */
export function isSecretByContent(content: Buffer, known: readonly string[]): boolean {
  const text = content.toString('latin1');
  return isPrivateKey(text) || known.some((secret) => text.includes(Buffer.from(secret).toString('latin1')));
}
