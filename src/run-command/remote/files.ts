import { posix } from 'node:path';
import type { FileEntry, Finished, RunCommand } from '../command.ts';
import { fileFault, tooLarge } from '../file-faults.ts';
import type { FileTrouble } from '../file-faults.ts';
import { LARGEST_READ } from '../local-files.ts';
import * as scripts from './file-scripts.ts';

type Machine = Pick<RunCommand, 'where' | 'run' | 'start'>;
type FileOperations = Pick<RunCommand, 'readFile' | 'writeFile' | 'listFiles' | 'fileEntry' | 'freeBytes'>;

const LARGEST_LIST = 64 * 1024 * 1024;

/** File operations of another machine, by its own shell and tools. All throw the Faults that {@link RunCommand} names. */
export function remoteFiles(on: Machine): FileOperations {
  return {
    readFile: (path, options) => readBounded(on, path, options?.maxBytes ?? LARGEST_READ),
    async writeFile(path, content, options) {
      const bytes = Buffer.from(content);
      const mode = (options?.mode ?? 0o600).toString(8).padStart(3, '0');
      const running = on.start(script(scripts.WRITE, path, mode, String(bytes.length)));
      running.stdout.resume();
      running.stdin.end(bytes);
      expectWell(on, path, await running.done);
    },
    async listFiles(path, options) {
      const how = options?.deep === true ? 'deep' : 'flat';
      const finished = await on.run({ ...script(scripts.LIST, path, how), keep: LARGEST_LIST });
      expectWell(on, path, finished);
      return entriesOf(on, path, finished.stdout).sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    async fileEntry(path) {
      const finished = await on.run(script(scripts.ENTRY, path));
      if (finished.exitCode === scripts.MISSING) return null;
      expectWell(on, path, finished);
      return entryOf(path, finished.stdout);
    },
    async freeBytes(path) {
      const finished = await on.run(script(scripts.FREE, path));
      expectWell(on, path, finished);
      return Number(finished.stdout) * 1024;
    },
  };
}

function script(text: string, ...args: readonly string[]): { program: string; args: readonly string[] } {
  return { program: 'sh', args: ['-c', text, 'sh', ...args] };
}

async function readBounded(on: Machine, path: string, maxBytes: number): Promise<Buffer> {
  const running = on.start(script(scripts.READ, path, String(maxBytes + 1)));
  running.stdin.end();
  const parts: Buffer[] = [];
  for await (const chunk of running.stdout) parts.push(chunk as Buffer);
  expectWell(on, path, await running.done);
  const content = Buffer.concat(parts);
  if (content.length > maxBytes) throw tooLarge(path, maxBytes);
  return content;
}

const TROUBLES: Readonly<Record<number, FileTrouble>> = {
  [scripts.MISSING]: 'missing',
  [scripts.FORBIDDEN]: 'forbidden',
  [scripts.DISK_FULL]: 'disk-full',
};

function expectWell({ where }: Machine, path: string, finished: Finished): void {
  if (finished.exitCode === 0) return;
  const trouble = TROUBLES[finished.exitCode ?? -1] ?? 'failed';
  const last = finished.stderr.trim().split('\n').at(-1) ?? '';
  const said = last === '' ? `exit code ${finished.exitCode ?? finished.signal}` : last;
  throw fileFault(trouble, { path, where, said });
}

/** Three NUL-ended fields an entry: the name below the folder, `forbidden` or nothing, and what `stat` printed. */
function entriesOf({ where }: Machine, folder: string, text: string): FileEntry[] {
  const fields = text.split('\0');
  const entries: FileEntry[] = [];
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [name = '', forbidden, facts = ''] = fields.slice(at, at + 3);
    const path = posix.join(folder, name);
    if (forbidden !== '') throw fileFault('forbidden', { path, where });
    if (facts !== '') entries.push(entryOf(path, facts)); // else it is gone meanwhile
  }
  return entries;
}

/** From `stat -c '%f %s %Y'`: mode in hexadecimal, bytes, seconds since 1970. */
function entryOf(path: string, facts: string): FileEntry {
  const [hex = '', bytes, seconds] = facts.trim().split(' ');
  const mode = Number.parseInt(hex, 16);
  return {
    path,
    kind: KINDS[mode & 0o170000] ?? 'other',
    bytes: Number(bytes),
    mode: mode & 0o7777,
    modifiedAt: new Date(Number(seconds) * 1000),
  };
}

/** stat(2), the same on every Linux. */
const KINDS: Readonly<Record<number, FileEntry['kind']>> = {
  0o100000: 'file',
  0o040000: 'folder',
  0o120000: 'link',
  0o140000: 'socket',
};
