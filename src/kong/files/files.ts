import { basename, dirname, join, resolve } from 'node:path';
import type { Gap } from '../../runbooks/backup.ts';
import type { FileEntry, RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import { isInRoots, isWhatItSays, realPath, rootsOf, whyNotNamed } from './allowed.ts';
import type { Roots } from './allowed.ts';
import { fileGaps } from './file-gaps.ts';
import type { LeftOut } from './file-gaps.ts';
import { findLuaCode } from './lua-code.ts';
import { maskKongConf, namedPaths, parseKongConf, secretsOf } from './kong-conf.ts';
import type { KongConf } from './kong-conf.ts';
import { isPassing, isSecretByContent, isSecretByName } from './prefix-files.ts';

export interface GatewayFiles {
  readonly kongConf: string;
  readonly prefix: string;
}

export interface SavedFile {
  /** Where it lies on the gateway, absolute. */
  readonly path: string;
  /** Its place inside the artifact: the path without its leading slash. */
  readonly name: string;
  readonly mode: number;
  readonly modifiedAt: Date;
  readonly content: Buffer;
  /** What led to it: `kong.conf`, `prefix`, or the key of kong.conf that names it. */
  readonly because: string;
  /** Keys whose values were replaced; empty when the content is as it was. */
  readonly masked: readonly string[];
}

export interface FilesTaken {
  readonly files: readonly SavedFile[];
  /** Files with secrets, left out or masked until sets are encrypted; files that kong.conf names and nobody can read. */
  readonly gaps: readonly Gap[];
}

interface Options {
  readonly signal?: AbortSignal | undefined;
  readonly onFile?: (done: number, total: number) => void;
  /** Take files with passwords and private keys too, as they are: the set is encrypted (decision 16). */
  readonly keepSecrets?: boolean;
}

/** Configuration is small; whatever is larger does not belong into memory, nor into this artifact. */
const LARGEST_FILE = 16 * 1024 * 1024;

/** A file that is to be taken, and why. */
interface Wanted {
  readonly entry: FileEntry;
  readonly because: string;
  /** Where a link leads; it must still lead there once it was read. */
  readonly real?: string;
  /** Outside of Kong's own folders: the content must be what the key says. */
  readonly elsewhere?: boolean;
}
/**
 * Reads kong.conf, the prefix, and the files that kong.conf names. Faults `file.…` when kong.conf or the prefix itself
 * cannot be read; a single file that cannot is a gap.
 */
export async function takeFiles(run: RunCommand, files: GatewayFiles, options: Options = {}): Promise<FilesTaken> {
  const from = { kongConf: resolve(files.kongConf), prefix: resolve(files.prefix) };
  const text = (await run.readFile(from.kongConf, { maxBytes: LARGEST_FILE })).toString('utf8');
  const conf = parseKongConf(text);
  const left: LeftOut = { secret: [], unreadable: [], outside: [], lua: [] };
  const keep = options.keepSecrets === true;
  const known = keep ? [] : [...secretsOf(conf), ...(await effectiveSecrets(run, from.prefix))];

  const wanted = await findWanted({ run, roots: await rootsOf(run, from), left }, from, conf);

  const { masked, file } = await takeKongConf(run, from.kongConf, text, keep);
  const taken = [file];
  const list = [...wanted.values()].sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  for (const [index, each] of list.entries()) {
    options.signal?.throwIfAborted();
    const one = await take(run, each, keep ? null : known, left);
    if (one !== null) taken.push(one);
    options.onFile?.(index + 1, list.length);
  }
  return { files: taken, gaps: fileGaps({ ...from, masked, left }) };
}

interface Search {
  readonly run: RunCommand;
  readonly roots: Roots;
  readonly left: LeftOut;
}

async function findWanted(search: Search, from: GatewayFiles, conf: KongConf): Promise<Map<string, Wanted>> {
  const wanted = new Map<string, Wanted>();
  const code = await findLuaCode(search.run, conf);
  search.left.lua.push(...code.left);
  const found = [
    ...(await walk(search, from.prefix)),
    ...(await findNamed(search, conf, from.prefix)),
    ...code.entries.map((entry) => ({ entry, because: 'lua_package_path' })),
  ];
  for (const one of found) if (!wanted.has(one.entry.path)) wanted.set(one.entry.path, one);
  wanted.delete(from.kongConf);
  return wanted;
}

async function takeKongConf(
  run: RunCommand,
  path: string,
  text: string,
  keep: boolean,
): Promise<{ readonly file: SavedFile; readonly masked: readonly string[] }> {
  const entry = await run.fileEntry(path);
  const clean = keep ? { text, masked: [] } : maskKongConf(text);
  const file = {
    path,
    name: path.slice(1),
    mode: entry?.mode ?? 0o600,
    modifiedAt: entry?.modifiedAt ?? new Date(0),
    content: Buffer.from(clean.text),
    because: 'kong.conf',
    masked: clean.masked,
  };
  return { file, masked: clean.masked };
}

/** `.kong_env` is not kept; it only tells which words must not stand in any file that is. */
async function effectiveSecrets(run: RunCommand, prefix: string): Promise<string[]> {
  const path = join(prefix, '.kong_env');
  const env = await run.readFile(path, { maxBytes: LARGEST_FILE }).catch(() => null);
  return env === null ? [] : secretsOf(parseKongConf(env.toString('utf8')));
}

/** Files of the prefix that are worth keeping. Folders of nginx's own are not even opened: others may not. */
async function walk(search: Search, folder: string): Promise<Wanted[]> {
  const found: Wanted[] = [];
  for (const entry of await search.run.listFiles(folder)) {
    if (isPassing(entry.path, entry.kind)) continue;
    if (entry.kind === 'folder') found.push(...(await walkInner(search, entry.path)));
    else if (entry.kind === 'link') found.push(...(await followed(search, entry.path)));
    else found.push({ entry, because: 'prefix' });
  }
  return found;
}

/**
 * A link to a file of Kong's folders is taken as that file, one that leads out of them is not: whoever can write the
 * prefix could have the bot copy any file that it may read. Links to folders are not entered: they may lead in a circle.
 */
async function followed({ run, roots, left }: Search, link: string): Promise<Wanted[]> {
  try {
    const target = await run.fileEntry(link);
    const real = target === null ? null : await realPath(run, link);
    if (target === null || real === null) left.unreadable.push(`${link} (a link to nothing)`);
    else if (target.kind === 'folder') left.unreadable.push(`${link} (a link to a folder)`);
    else if (!isInRoots(roots, real)) left.outside.push(`${link} (a link to ${real})`);
    else if (target.kind === 'file') return [{ entry: target, because: 'prefix', real }];
  } catch (error) {
    left.unreadable.push(`${link} (${reason(error)})`);
  }
  return [];
}

async function walkInner(search: Search, folder: string): Promise<Wanted[]> {
  try {
    return await walk(search, folder);
  } catch (error) {
    search.left.unreadable.push(`${folder} (${reason(error)})`);
    return [];
  }
}

async function findNamed(search: Search, conf: KongConf, prefix: string): Promise<Wanted[]> {
  const { run, left } = search;
  const found: Wanted[] = [];
  for (const { key, path } of namedPaths(conf, prefix)) {
    const entries = path.includes('*') ? await matching(run, path) : [await run.fileEntry(path).catch(() => null)];
    for (const entry of entries) {
      if (entry === null) left.unreadable.push(`${path} (${key}: not there)`);
      else if (entry.kind === 'other') left.unreadable.push(`${path} (${key}: a pipe or a device)`);
      else if (entry.kind === 'file' || entry.kind === 'link') found.push(...(await named(search, key, entry)));
    }
  }
  return found;
}

async function named({ run, roots, left }: Search, key: string, entry: FileEntry): Promise<Wanted[]> {
  const real = await realPath(run, entry.path);
  const why = real === null ? 'a link to nothing' : await whyNotNamed(run, roots, { key, path: entry.path, real });
  if (real === null || why !== null) {
    left.outside.push(`${entry.path} (${why ?? ''})`);
    return [];
  }
  return [{ entry, because: key, real, elsewhere: !isInRoots(roots, real) }];
}

/** `conf.d/*.conf`: a star in the last part, as nginx includes are written. */
async function matching(run: RunCommand, pattern: string): Promise<FileEntry[]> {
  const entries = await run.listFiles(dirname(pattern)).catch(() => []);
  return entries.filter((entry) => fits(basename(entry.path), basename(pattern)));
}

/** By hand, not as a regular expression: a pattern with many stars would take one for ever. */
function fits(name: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return name === pattern;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  const inside = name.slice(first.length, name.length - last.length);
  let from = 0;
  return rest.every((part) => {
    const at = inside.indexOf(part, from);
    from = at + part.length;
    return at !== -1;
  });
}

/** Null when it was left out, which `left` then tells. `known`: words that may not stand in it; null takes secrets. */
async function take(
  run: RunCommand,
  wanted: Wanted,
  known: readonly string[] | null,
  left: LeftOut,
): Promise<SavedFile | null> {
  const { because, entry } = wanted;
  const { path, mode, modifiedAt } = entry;
  if (known !== null && isSecretByName(path)) {
    left.secret.push(path);
    return null;
  }
  try {
    const content = await run.readFile(wanted.real ?? path, { maxBytes: LARGEST_FILE });
    const strange = await strangeness(run, wanted, content);
    if (strange !== null) {
      left.outside.push(`${path} (${strange})`);
      return null;
    }
    // The declarative file is what a DB-less gateway has for a database, and is as open as a database's dump.
    if (known !== null && because !== 'declarative_config' && isSecretByContent(content, known)) {
      left.secret.push(path);
      return null;
    }
    return { path, name: path.slice(1), mode, modifiedAt, content, because, masked: [] };
  } catch (error) {
    // What a running node removed meanwhile was never configuration.
    if (!(because === 'prefix' && error instanceof Fault && error.code === 'file.missing'))
      left.unreadable.push(`${path} (${reason(error)})`);
    return null;
  }
}

/** Why what was read must not be kept after all. */
async function strangeness(
  run: RunCommand,
  { entry, real, elsewhere, because }: Wanted,
  content: Buffer,
): Promise<string | null> {
  // What the kernel makes up says 0 bytes: kong.conf may name /proc/self/environ, where this process has its secrets.
  if (entry.bytes === 0 && content.length > 0) return 'not a file on a disk';
  if (elsewhere === true && !isWhatItSays(because, content)) return `not what ${because} says`;
  // Somebody may have put a link into its place meanwhile.
  if (real !== undefined && (await realPath(run, real)) !== real) return 'it was replaced while it was read';
  return null;
}

function reason(error: unknown): string {
  if (!(error instanceof Fault)) throw error;
  const words: Readonly<Record<string, string>> = {
    'file.missing': 'not there',
    'file.forbidden': 'not readable for the bot',
    'file.too-large': 'too large',
    'file.not-a-file': 'a pipe or a device',
  };
  return words[error.code] ?? 'not readable';
}
