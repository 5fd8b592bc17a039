import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shellWord } from '../../../src/run-command/remote/quote.ts';
import { REMOTE_LINE, remoteScript } from '../../../src/run-command/remote/script.ts';

const SPECIAL = `' " \\ $ \` ! * ? ~ # & | ; < > ( ) { } [ ] \t \n = - % ^`.split(/(?:)/);

/** Whatever may stand in an argument, with many of the characters that shells care for. */
const word = fc.string({
  unit: fc.oneof(fc.constantFrom(...SPECIAL), fc.string({ unit: 'grapheme', maxLength: 1 })),
});
const argument = word.filter((text) => !text.includes('\0'));

function sh(line: string, input = ''): string {
  return execFileSync('/bin/sh', ['-c', line], { input, encoding: 'utf8' });
}

describe('a word for a shell', () => {
  test('comes out of a real sh as it went in, whatever it contains', () => {
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 20 }), (words) => {
        const out = sh(`printf '%s\\0' ${words.map(shellWord).join(' ')} end`);
        expect(out.split('\0').slice(0, -1)).toEqual([...words, 'end']);
      }),
      { numRuns: 100 },
    );
  });

  test('comes through two shells as through one', () => {
    fc.assert(
      fc.property(argument, (text) => {
        const inner = `printf %s ${shellWord(text)}`;
        expect(sh(`sh -c ${shellWord(inner)}`)).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  test('with a NUL byte does not exist', () => {
    expect(() => shellWord('a\0b')).toThrow('no program can be given a text that contains a NUL byte');
  });
});

describe('what the other machine is asked to run', () => {
  test('is the same line whatever the command: nothing of it can be seen on the way', () => {
    expect(REMOTE_LINE).toBe(
      `exec env -i PATH="$PATH" /bin/sh -c 'read -r n && eval "$(dd bs="$n" count=1 iflag=fullblock 2>/dev/null)"'`,
    );
  });

  test('refuses what is no name of a variable', () => {
    expect(() => remoteScript({ program: 'true', args: [], env: { 'A=$(id)': '' } }, 'MARK')).toThrow(
      'A=$(id) cannot be the name of an environment variable',
    );
  });
});
