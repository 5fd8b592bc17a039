import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Gap } from '../../runbooks/backup.ts';
import type { FileEntry, RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import { hasOwnPlugins, maskKongConf, namedPaths, parseKongConf, secretsOf } from './kong-conf.ts';
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
/** Names shown in a gap; the rest is counted. */
const NAMES_SHOWN = 8;

/** A file that is to be taken, and why. */
interface Wanted {
  readonly entry: FileEntry;
  readonly because: string;
}
/** What was not taken: a path, or a path and the reason. */
interface LeftOut {
  readonly secret: string[];
  readonly unreadable: string[];
}

/**
 * Reads kong.conf, the prefix, and the files that kong.conf names. Faults `file.…` when kong.conf or the prefix itself
 * cannot be read; a single file that cannot is a gap.
 */
export async function takeFiles(run: RunCommand, files: GatewayFiles, options: Options = {}): Promise<FilesTaken> {
  const from = { kongConf: resolve(files.kongConf), prefix: resolve(files.prefix) };
  const text = (await run.readFile(from.kongConf, { maxBytes: LARGEST_FILE })).toString('utf8');
  const conf = parseKongConf(text);
  const left: LeftOut = { secret: [], unreadable: [] };
  const keep = options.keepSecrets === true;
  const known = keep ? [] : [...secretsOf(conf), ...(await effectiveSecrets(run, from.prefix))];

  const wanted = new Map<string, Wanted>();
  for (const entry of await walk(run, from.prefix, left)) wanted.set(entry.path, { entry, because: 'prefix' });
  for (const named of await findNamed(run, conf, from.prefix, left)) {
    if (!wanted.has(named.entry.path)) wanted.set(named.entry.path, named);
  }
  wanted.delete(from.kongConf);

  const { masked, file } = await takeKongConf(run, from.kongConf, text, keep);
  const taken = [file];
  const list = [...wanted.values()].sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  for (const [index, each] of list.entries()) {
    options.signal?.throwIfAborted();
    const one = await take(run, each, keep ? null : known, left);
    if (one !== null) taken.push(one);
    options.onFile?.(index + 1, list.length);
  }
  return { files: taken, gaps: gapsOf(from, conf, masked, left) };
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
async function walk(run: RunCommand, folder: string, left: LeftOut): Promise<FileEntry[]> {
  const found: FileEntry[] = [];
  for (const entry of await run.listFiles(folder)) {
    if (isPassing(entry.path, entry.kind)) continue;
    if (entry.kind === 'folder') found.push(...(await walkInner(run, entry.path, left)));
    else if (entry.kind === 'link') found.push(...(await followed(run, entry.path, left)));
    else found.push(entry);
  }
  return found;
}

/** A link to a file is taken as that file. Links to folders are not entered: they may lead in a circle, or anywhere. */
async function followed(run: RunCommand, link: string, left: LeftOut): Promise<FileEntry[]> {
  try {
    const target = await run.fileEntry(link);
    if (target?.kind === 'file') return [target];
    if (target === null) left.unreadable.push(`${link} (a link to nothing)`);
    else if (target.kind === 'folder') left.unreadable.push(`${link} (a link to a folder)`);
  } catch (error) {
    left.unreadable.push(`${link} (${reason(error)})`);
  }
  return [];
}

async function walkInner(run: RunCommand, folder: string, left: LeftOut): Promise<FileEntry[]> {
  try {
    return await walk(run, folder, left);
  } catch (error) {
    left.unreadable.push(`${folder} (${reason(error)})`);
    return [];
  }
}

async function findNamed(run: RunCommand, conf: KongConf, prefix: string, left: LeftOut): Promise<Wanted[]> {
  const found: Wanted[] = [];
  for (const { key, path } of namedPaths(conf, prefix)) {
    const entries = path.includes('*') ? await matching(run, path) : [await run.fileEntry(path).catch(() => null)];
    for (const entry of entries) {
      if (entry === null) left.unreadable.push(`${path} (${key}: not there)`);
      else if (entry.kind === 'file') found.push({ entry, because: key });
      else if (entry.kind === 'other') left.unreadable.push(`${path} (${key}: a pipe or a device)`);
    }
  }
  return found;
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
  { entry, because }: Wanted,
  known: readonly string[] | null,
  left: LeftOut,
): Promise<SavedFile | null> {
  const { path, mode, modifiedAt } = entry;
  if (known !== null && isSecretByName(path)) {
    left.secret.push(path);
    return null;
  }
  try {
    const content = await run.readFile(path, { maxBytes: LARGEST_FILE });
    // What the kernel makes up says 0 bytes: kong.conf may name /proc/self/environ, where this process has its secrets.
    if (entry.bytes === 0 && content.length > 0) {
      left.unreadable.push(`${path} (not a file on a disk)`);
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

function gapsOf({ kongConf, prefix }: GatewayFiles, conf: KongConf, masked: readonly string[], left: LeftOut): Gap[] {
  const gaps: Gap[] = [];
  const secret = left.secret.map((path) => (path.startsWith(`${prefix}/`) ? relative(prefix, path) : path));
  if (secret.length > 0)
    gaps.push({
      kind: 'prefix-secrets',
      count: secret.length,
      what: `${counted(secret.length, 'file')} with passwords or private keys ${secret.length === 1 ? 'is' : 'are'} not in the set: ${names(secret)}`,
      why: 'sets are not encrypted, so secrets are left out; keep these where you keep secrets',
    });
  if (masked.length > 0)
    gaps.push({
      kind: 'kong-conf-secrets',
      count: masked.length,
      what: `${counted(masked.length, 'value')} of ${basename(kongConf)} ${masked.length === 1 ? 'is' : 'are'} masked: ${names(masked)}`,
      why: 'sets are not encrypted, so secrets are left out; name them by a vault reference to have the file whole',
    });
  if (left.unreadable.length > 0)
    gaps.push({
      kind: 'unreadable-files',
      count: left.unreadable.length,
      what: `${counted(left.unreadable.length, 'file')} could not be read: ${names(left.unreadable)}`,
      why: 'let the user that the bot runs as read them, or correct kong.conf',
    });
  if (hasOwnPlugins(conf))
    gaps.push({
      kind: 'custom-plugins',
      count: null,
      what: 'The code of custom plugins is not in the set',
      why: 'lua_package_path names folders of its own; keep their code where you keep source code',
    });
  return gaps;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function names(list: readonly string[]): string {
  const shown = list.slice(0, NAMES_SHOWN).join(', ');
  return list.length > NAMES_SHOWN ? `${shown} and ${list.length - NAMES_SHOWN} more` : shown;
}
