import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { ageLibrary } from '../src/backup/encryption/cipher-library.ts';
import { encode } from '../src/backup/encryption/encoding.ts';
import { findCipher } from '../src/backup/encryption/find-cipher.ts';
import { LocalDestination } from '../src/backup/storage/local.ts';
import { storeEverywhere } from '../src/backup/storage/store-everywhere.ts';
import { collectAlone } from '../src/heap.ts';
import { localRunner } from '../src/run-command/local.ts';
import { peakMb } from './peak.ts';

// As every worker runs.
collectAlone();
// A process of its own, because its peak of memory is what is measured: `storage-child.ts <folder> <megabytes> <cipher>`.
const [folder = '', megabytes = '0', which = 'program'] = process.argv.slice(2);
const cipher = which === 'library' ? ageLibrary() : await findCipher(localRunner());
const recipients = [await identityToRecipient(await generateX25519Identity())];
const signal = new AbortController().signal;
const block = randomBytes(1 << 20); // does not compress: every byte goes through the cipher
const source = Readable.from(
  (function* blocks() {
    for (let n = 0; n < Number(megabytes); n += 1) yield block;
  })(),
);
const began = performance.now();
const { stream } = encode(source, ['zstd', 'age'], { cipher, recipients }, signal);
const places = ['one', 'two'].map((name) => new LocalDestination(name, `${folder}/${name}`));
const ref = { gateway: 'bench', set: 'bench-20261121T0740Z-B-1' };
const { stored } = await storeEverywhere(places, ref, 'database.dump.zst.age', stream, signal);
const seconds = (performance.now() - began) / 1000;
process.stdout.write(JSON.stringify({ tool: cipher.tool, seconds, bytes: stored.bytes, peakMb: peakMb() }));
