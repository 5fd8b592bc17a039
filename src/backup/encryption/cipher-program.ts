import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Finished, RunCommand } from '../../run-command/command.ts';
import { fileFault } from '../../run-command/file-faults.ts';
import { streamFrom, throughProgram } from '../../run-command/stream-from.ts';
import type { Cipher } from './cipher.ts';
import { cipherFault } from './cipher.ts';

/** The `age` program of a machine (670 MB/s there; its speed is the reason that it goes first). */
export function ageProgram(runner: RunCommand, version: string): Cipher {
  const through = (
    source: Readable,
    keys: readonly string[],
    args: readonly string[],
    doing: 'encrypted' | 'decrypted',
    signal: AbortSignal,
  ): Readable => {
    source.on('error', () => undefined);
    return streamFrom(signal, (output, signal) =>
      withKeyFile(keys, (file) =>
        throughProgram(output, runner, { program: 'age', args: [...args, file] }, source, {
          signal,
          faultOf: (finished) => cipherFault(doing, lastWords(finished)),
        }),
      ),
    );
  };
  return {
    tool: 'age',
    version,
    encrypt: (plain, recipients, signal) => through(plain, recipients, ['--encrypt', '-R'], 'encrypted', signal),
    decrypt: (stored, identities, signal) => through(stored, identities, ['--decrypt', '-i'], 'decrypted', signal),
  };
}

/**
 * Keys go by a file of this user alone (0600 in a 0700 folder), never by argument; it is gone when age is. Named by the
 * process, so that the next one finds what a killed one left (see work-folders.ts).
 */
async function withKeyFile(keys: readonly string[], run: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `kong-chatops-age-${process.pid}-`));
  try {
    const file = join(folder, 'keys');
    await writeFile(file, `${keys.join('\n')}\n`, { mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
      // Unsaid, it would be taken for the destination's disk.
      const isFull = error.code === 'ENOSPC' || error.code === 'EDQUOT';
      throw isFull ? fileFault('disk-full', { path: file, cause: error }) : error;
    });
    await run(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** age names the file that it reads and what is wrong with it, never a key. */
function lastWords({ stderr, signal, notFound }: Finished): string {
  if (notFound) return 'age, which was here at the start, is not on this machine any more';
  if (signal !== null) return `age was ended by ${signal}`;
  const line = stderr.split('\n').find((text) => text.startsWith('age: error: '));
  return line?.slice('age: error: '.length) ?? 'age gave no reason';
}
