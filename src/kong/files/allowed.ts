import { dirname, join, basename } from 'node:path';
import type { RunCommand } from '../../run-command/command.ts';

/** Folders, links resolved, whose files belong to this Kong. */
export interface Roots {
  readonly prefix: string;
  /** The folder of kong.conf; null where it is not Kong's alone (`/etc/kong.conf`). */
  readonly conf: string | null;
}

const ANSWER_MS = 15_000;

/**
 * Where a path really leads, every link on the way resolved, as the machine that has it says. Null: nowhere, in a circle,
 * or nobody can tell.
 */
export async function realPath(run: RunCommand, path: string): Promise<string | null> {
  const finished = await run.run({ program: 'realpath', args: [path], timeoutMs: ANSWER_MS });
  const real = finished.stdout.replace(/\n$/, '');
  return finished.exitCode === 0 && real.startsWith('/') && !real.includes('\n') ? real : null;
}

export async function rootsOf(
  run: RunCommand,
  { kongConf, prefix }: { readonly kongConf: string; readonly prefix: string },
): Promise<Roots> {
  const [realPrefix, realConf] = [await realPath(run, prefix), await realPath(run, dirname(kongConf))];
  return { prefix: realPrefix ?? prefix, conf: realConf !== null && isOwnFolder(realConf) ? realConf : null };
}

/** A folder that may be taken as Kong's: not the root, not a folder of the system such as /etc, /home or /usr/share. */
export function isOwnFolder(folder: string): boolean {
  const parts = folder.split('/').filter((part) => part !== '');
  return parts.length >= (parts[0] === 'usr' || parts[0] === 'var' ? 3 : 2);
}

export function isBelow(root: string | null, path: string): boolean {
  return root !== null && path.startsWith(root.endsWith('/') ? root : `${root}/`);
}

export function isInRoots(roots: Roots, path: string): boolean {
  return isBelow(roots.prefix, path) || isBelow(roots.conf, path);
}

/** What kong.conf may name outside of Kong's folders, by the kind of its key. */
type Kind = 'pem' | 'declarative' | 'licence' | 'include';

const KINDS: readonly (readonly [RegExp, Kind])[] = [
  [/^declarative_config$/, 'declarative'],
  [/^license_path$/, 'licence'],
  [/^nginx_.*_include$/, 'include'],
  [/(_cert|_cert_key|_certificate|_certificate_key|_dhparam|_public_key|_private_key|_ca)$/, 'pem'],
];

function kindOf(key: string): Kind | null {
  return KINDS.find(([pattern]) => pattern.test(key))?.[1] ?? null;
}

/**
 * Why a path that kong.conf names is not taken although it can be read; null when it may. Below Kong's folders any file
 * may; elsewhere only what is named by a key that names files, and no link that leads away from there.
 */
export async function whyNotNamed(
  run: RunCommand,
  roots: Roots,
  { key, path, real }: { readonly key: string; readonly path: string; readonly real: string },
): Promise<string | null> {
  if (isInRoots(roots, real)) return null;
  if (kindOf(key) === null) return `${key} is no key that names a file of Kong`;
  const folder = await realPath(run, dirname(path));
  const isLink = folder === null || real !== join(folder, basename(path));
  // Whoever can write below the prefix could make any folder there lead anywhere.
  const led = isBelow(roots.prefix, path) || isBelow(roots.conf, path);
  if (isLink || led) return `a link to ${real}`;
  return kindOf(key) === 'include' && !path.endsWith('.conf') ? `${key}: not called *.conf` : null;
}

/** Outside of Kong's folders the content must be what the key says: /etc/shadow is no certificate. */
export function isWhatItSays(key: string, content: Buffer): boolean {
  const text = content.toString('latin1');
  switch (kindOf(key)) {
    case 'pem':
      return /^-----BEGIN [A-Z0-9 ]+-----/m.test(text);
    case 'declarative':
      return /["']?_format_version["']?\s*:/.test(text);
    case 'licence':
      return /^\s*\{[\s\S]*"license"/.test(text);
    case 'include':
      return true;
    case null:
      return false;
  }
}
