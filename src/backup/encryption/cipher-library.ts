import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { Decrypter, Encrypter } from 'age-encryption';
import { streamFrom, writeTo } from '../../run-command/stream-from.ts';
import { cipherFault } from './cipher.ts';
import type { Cipher } from './cipher.ts';

const { version } = JSON.parse(
  // The package exports its code alone.
  readFileSync(new URL('../package.json', import.meta.resolve('age-encryption')), 'utf8'),
) as { readonly version: string };

/** The npm library, in plain JavaScript: a fifth of the program's speed, and needs nothing on the machine. */
export function ageLibrary(): Cipher {
  return {
    tool: 'age-encryption',
    version,
    encrypt: (plain, recipients, signal) => {
      const encrypter = new Encrypter();
      for (const recipient of recipients) encrypter.addRecipient(recipient);
      return converted(plain, signal, 'encrypted', (web) => encrypter.encrypt(web));
    },
    decrypt: (stored, identities, signal) => {
      const decrypter = new Decrypter();
      for (const identity of identities) decrypter.addIdentity(identity);
      return converted(stored, signal, 'decrypted', (web) => decrypter.decrypt(web));
    },
  };
}
/** Runs a conversion of web streams between two of Node's. */
function converted(
  source: Readable,
  signal: AbortSignal,
  doing: 'encrypted' | 'decrypted',
  convert: (web: ReadableStream<Uint8Array>) => Promise<ReadableStream<Uint8Array>>,
): Readable {
  let sourceBroke: unknown;
  source.on('error', (error) => (sourceBroke = error));
  return streamFrom(signal, async (output, signal) => {
    const stop = (): void => void source.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const reader = (await convert(asWeb(source))).getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        const { buffer, byteOffset, byteLength } = next.value;
        await writeTo(output, Buffer.from(buffer, byteOffset, byteLength), signal);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw sourceBroke ?? cipherFault(doing, reasonOf(error), error);
    } finally {
      signal.removeEventListener('abort', stop);
      source.destroy();
    }
  });
}

/** Not `Readable.toWeb`: that one enqueues after a cancel, which ends the process (Node 24.21). */
function asWeb(source: Readable): ReadableStream<Uint8Array> {
  const chunks = (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: () => void source.destroy(),
    },
    { highWaterMark: 0 },
  );
}

/** The library's messages are short and name no key. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it gave no reason';
}
