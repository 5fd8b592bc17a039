import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const TESTS = join(import.meta.dirname, '..');
const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && name !== join('unit', 'own-output.test.ts'))
  .map((name) => ({ name, text: readFileSync(join(TESTS, name), 'utf8') }));

// The test runner waits until everybody has let go of its worker's output: one process that outlives a failed test and
// holds it keeps the whole run from ending, whatever time-outs say.
describe('no process that a test starts holds the output of the test runner', () => {
  it('nobody asks for it', () => {
    expect(files.filter(({ text }) => text.includes("'inherit'")).map(({ name }) => name)).toEqual([]);
  });

  it('fork, which hands it on unless told otherwise, is told otherwise', () => {
    const forking = files.filter(({ text }) => /\bfork\(/.test(text));
    expect(forking.length).toBeGreaterThan(0);
    for (const { name, text } of forking)
      for (const call of text.split(/\bfork\(/).slice(1))
        expect({ name, told: /stdio: \[/.test(call.slice(0, 400)) }).toEqual({ name, told: true });
  });
});
