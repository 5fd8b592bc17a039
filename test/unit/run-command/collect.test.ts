import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collector } from '../../../src/run-command/collect.ts';

const text = fc.string({ unit: fc.constantFrom('a', '\n', 'é', '🦍', '\r\n', ' ', 'longer words') });

/** Any way of cutting bytes into chunks, also through the middle of a character. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let from = 0;
  for (let index = 0; from < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(bytes.subarray(from, from + size));
    from += size;
  }
  return chunks;
}
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });

describe('output of a program', () => {
  test('is kept whole while it is short, however it was cut', () => {
    fc.assert(
      fc.property(text, sizes, (written, cuts) => {
        const bytes = Buffer.from(written);
        const kept = collector(bytes.length + (bytes.length % 2));
        for (const chunk of cut(bytes, cuts)) kept.take(chunk);
        expect(kept.text()).toBe(bytes.length === 0 ? '' : written);
        expect(kept.bytes()).toBe(bytes.length);
      }),
    );
  });

  test('keeps its first and last half and says how much was left out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 200 }), sizes, (keep, more, cuts) => {
        const written = Array.from({ length: keep + more }, (_, index) => String.fromCodePoint(33 + (index % 90))).join(
          '',
        );
        const kept = collector(keep);
        for (const chunk of cut(Buffer.from(written), cuts)) kept.take(chunk);
        const head = Math.ceil(keep / 2);
        const tail = keep - head;
        expect(kept.text()).toBe(
          `${written.slice(0, head)}\n[${more} bytes left out]\n${tail === 0 ? '' : written.slice(-tail)}`,
        );
        expect(kept.bytes()).toBe(keep + more);
      }),
    );
  });

  test('is handed over in whole lines, however it was cut', () => {
    fc.assert(
      fc.property(text, sizes, (written, cuts) => {
        const lines: string[] = [];
        const kept = collector(8, (line) => lines.push(line));
        for (const chunk of cut(Buffer.from(written), cuts)) kept.take(chunk);
        kept.end();
        const expected = written.split('\n').map((line) => line.replace(/\r$/, ''));
        // What follows the last line end is a line only if there is something.
        if (written === '' || written.endsWith('\n')) expected.pop();
        expect(lines).toEqual(expected);
      }),
    );
  });

  test('without a single line end it is handed over in pieces', () => {
    const lines: string[] = [];
    const kept = collector(0, (line) => lines.push(line));
    for (let mebibytes = 0; mebibytes < 3; mebibytes += 1) kept.take(Buffer.alloc(1024 * 1024 + 1, 'x'));
    kept.end();
    expect(lines.map((line) => line.length)).toEqual([1024 * 1024 + 1, 1024 * 1024 + 1, 1024 * 1024 + 1]);
    expect(kept.text()).toBe('');
  });
});
