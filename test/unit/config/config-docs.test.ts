import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatFaults } from '../../../src/config/fault.ts';
import { everyKey } from '../../../src/config/keys.ts';
import { readConfigFile } from '../../../src/config/read.ts';
import { environmentSchema } from '../../../src/config/schema.ts';

const EXAMPLE = new URL('../../../docs/kong-chatops.example.yaml', import.meta.url).pathname;
const REFERENCE = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

describe('the documented example', () => {
  it('is a valid configuration', () => {
    const result = readConfigFile({ path: EXAMPLE, env: {} });
    expect(result.ok ? '' : formatFaults(result.path, result.faults)).toBe('');
  });

  it('shows every key of the schema', () => {
    const text = readFileSync(EXAMPLE, 'utf8');
    const shown = new Set([...text.matchAll(/(?:^|[{,\s-])([a-z_]+):/gm)].map(([, key]) => key));
    expect(everyKey().filter((key) => !shown.has(key.split('.').at(-1) ?? ''))).toEqual([]);
  });

  it('explains each key where it first stands', () => {
    const lines = readFileSync(EXAMPLE, 'utf8').split('\n');
    const explained = lines.filter((line) => /^\s*#/.test(line)).length;
    expect(explained).toBeGreaterThan(40);
  });
});

describe('the reference', () => {
  it.each(everyKey().filter((key) => !/\.(?:env|file)$/.test(key)))('names %s', (key) => {
    expect(REFERENCE).toContain(`\`${key}\``);
  });

  it('says how a secret is referred to', () => {
    expect(REFERENCE).toContain('`{env: VARIABLE}`');
    expect(REFERENCE).toContain('`{file: /absolute/path}`');
  });

  it.each(Object.keys(environmentSchema.shape))('names the variable %s', (name) => {
    expect(REFERENCE).toContain(`\`${name}\``);
  });
});
