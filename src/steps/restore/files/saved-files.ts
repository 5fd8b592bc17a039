import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import type { StepContext } from '../../../engine/ports.ts';
import { Fault } from '../../../runs/fault.ts';
import { isRefusal } from '../../../runs/refusal.ts';
import type { RestoreDeps } from '../deps.ts';
import { openProven } from '../set-reader.ts';
import { filesOf } from './check-files.ts';

/** A file of the set. */
export interface SavedFile {
  /** Where it lay on the gateway, absolute. */
  readonly path: string;
  /** As it had them there. */
  readonly mode: number;
  readonly content: Buffer;
}

/** kong.conf, the prefix and what kong.conf names, as the set holds them: proven byte by byte before one is handed out. */
export async function savedFiles(deps: RestoreDeps, context: StepContext): Promise<readonly SavedFile[]> {
  const set = await openProven(deps, context.run);
  const artifact = filesOf(set.manifest);
  if (artifact === null) throw new Error('check-set admits no set without files');
  const folder = join(context.workDir, 'files');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${crypto.randomUUID()}.tar`);
  const fetched = await set.fetchArtifact(artifact.name, path, {
    signal: context.signal,
    onBytes: (done) => context.progress({ done, total: artifact.bytes, unit: 'bytes', note: 'fetching the files' }),
  });
  if (isRefusal(fetched)) throw new Fault(fetched.code, fetched.message, fetched.hint);
  return await unpack(path, context.signal);
}

async function unpack(path: string, signal: AbortSignal): Promise<readonly SavedFile[]> {
  const tar = extract();
  const reading = pipeline(createReadStream(path), tar, { signal });
  reading.catch(() => undefined);
  const files: SavedFile[] = [];
  for await (const entry of tar) {
    const { name, type, mode } = entry.header;
    if (type !== 'file' || !isPlain(name)) throw strangeEntry(name);
    files.push({ path: `/${name}`, mode: (mode ?? 0o600) & 0o777, content: await buffer(entry) });
  }
  await reading;
  return files;
}

/** A set of ours has nothing else; what leads out of the folder must never be written, whoever signed it. */
function isPlain(name: string): boolean {
  return name !== '' && !name.startsWith('/') && normalize(name) === name && !name.split('/').includes('..');
}

function strangeEntry(name: string): Fault {
  return new Fault(
    'files-strange',
    `The saved files hold something that no backup of the bot puts there: ${name}.`,
    'Nothing was written. Do not use this set; keep it for whoever looks into it.',
  );
}
