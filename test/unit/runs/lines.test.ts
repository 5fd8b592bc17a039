import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linesOf } from '../../../src/runs/words/lines.ts';

const read = async (pieces: Iterable<Uint8Array | string>): Promise<string[]> =>
  (await Readable.from(linesOf(Readable.from(pieces) as AsyncIterable<Uint8Array | string>)).toArray()) as string[];

test('lines are the same wherever the pieces of a text are cut, and no text inside them ends one', async () => {
  const line = fc.string({ unit: fc.constantFrom('a', 'ü', '😀', '\u2028', '\u2029', '\u0085', '\r', ' ') });
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1 }), fc.integer({ min: 1, max: 9 }), async (lines, size) => {
      const plain = lines.map((each) => each.replaceAll('\r', ''));
      const bytes = Buffer.from(plain.map((each) => `${each}\r\n`).join(''));
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      expect(await read(pieces)).toEqual(plain);
    }),
  );
});

test('a last line without an end is one too, and a text without lines has none', async () => {
  expect([await read(['a\n', '\nb']), await read([])]).toEqual([['a', '', 'b'], []]);
});
