import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unframe } from '../../../src/run-command/remote/unframe.ts';

const MARK = 'kong-chatops-00ff';

/** A stream cut into chunks of these sizes; the last takes the rest. */
function chunks(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const cut: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    cut.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...cut, bytes.subarray(at)];
}

async function taken(parts: readonly Buffer[]): Promise<{ out: Buffer; words: string[]; aside: string }> {
  const words: string[] = [];
  const unframed = unframe(MARK, (word) => words.push(word));
  const out = await buffer(Readable.from(parts).pipe(unframed.stream));
  return { out, words, aside: unframed.aside() };
}

describe('the words of the other machine', () => {
  test('are taken out of any bytes, however the stream is torn', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.integer({ min: 0, max: MARK.length }).map((length) => Buffer.from(MARK.slice(0, length))),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(bytes, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 30 }),
        async (parts, sizes) => {
          const body = Buffer.concat(parts.flatMap((part) => [part, Buffer.from(`${MARK} ack\n`)]));
          const all = Buffer.concat([
            Buffer.from(`noise${MARK} ready\n`),
            body,
            Buffer.from(`${MARK} end status 3\nlate`),
          ]);
          const { out, words, aside } = await taken(chunks(all, sizes));
          expect(out.equals(Buffer.concat(parts))).toBe(true);
          expect(words).toEqual(['ready', ...parts.map(() => 'ack'), 'end status 3']);
          expect(aside).toBe('noiselate');
        },
      ),
    );
  });

  test('hold back nothing that is not their begin', async () => {
    const unframed = unframe(MARK, () => undefined);
    unframed.stream.write(`${MARK} ready\nanswer: kong`);
    expect(String(unframed.stream.read())).toBe('answer: ');
    unframed.stream.write('fu');
    expect(String(unframed.stream.read())).toBe('kongfu');
  });

  test('that never come leave everything aside', async () => {
    const { out, words, aside } = await taken([Buffer.from('Permission denied')]);
    expect([out.length, words, aside]).toEqual([0, [], 'Permission denied']);
  });
});
