import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFaults, formatPath, oneOf } from '../../../src/config/fault.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { schemaFaults } from '../../../src/config/schema/schema-faults.ts';

const fault = fc.record({
  path: fc.stringMatching(/^[a-z]{1,8}(\[\d\])?(\.[a-z_]{1,8})?$/),
  found: fc.string({ minLength: 1 }),
  allowed: fc.string({ minLength: 1 }),
});
const placed = fc.oneof(
  fault,
  fc.tuple(fault, fc.integer({ min: 1, max: 99 })).map(([one, line]) => ({ ...one, line })),
);

describe('the list of faults', () => {
  it('reads like this', () => {
    const faults = [
      { path: 'DATABASE_URL', found: 'nothing', allowed: 'a PostgreSQL address' },
      { path: 'gateways[1].admin_api.url', line: 12, column: 5, found: '"ftp://x"', allowed: 'an http address' },
      { path: '', line: 3, found: 'Map keys must be unique', allowed: 'YAML 1.2' },
    ];
    expect(formatFaults('./kong-chatops.yaml', faults)).toBe(`The configuration ./kong-chatops.yaml has 3 faults:

  line 3
    found:   Map keys must be unique
    allowed: YAML 1.2

  gateways[1].admin_api.url, line 12, column 5
    found:   "ftp://x"
    allowed: an http address

  DATABASE_URL
    found:   nothing
    allowed: a PostgreSQL address`);
  });

  it('leaves none out, whatever their number and order', () => {
    fc.assert(
      fc.property(fc.array(placed, { minLength: 1, maxLength: 12 }), (faults) => {
        const text = formatFaults('file.yaml', faults);
        for (const { path, found, allowed } of faults) {
          expect(text).toContain(path);
          expect(text).toContain(`found:   ${found}`);
          expect(text).toContain(`allowed: ${allowed}`);
        }
        expect(formatFaults('file.yaml', faults).length).toBe(formatFaults('file.yaml', faults.toReversed()).length);
      }),
    );
  });

  it('is in the order of the file', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 2 }), (lines) => {
        const text = formatFaults(
          null,
          lines.map((line) => ({ path: 'x', line, found: 'y', allowed: 'z' })),
        );
        const shown = [...text.matchAll(/line (\d+)/g)].map(([, line]) => Number(line));
        expect(shown).toEqual(lines.toSorted((one, two) => one - two));
      }),
    );
  });
});

describe('a path', () => {
  it('is written as people write it', () => {
    expect(formatPath(['gateways', 1, 'admin_api', 'url'])).toBe('gateways[1].admin_api.url');
    expect(formatPath([])).toBe('');
    expect(oneOf(['a', 'b', 'c'])).toBe('a, b or c');
  });
});

describe('a fault of the schema', () => {
  const faults = (value: unknown) => {
    const parsed = configSchema.safeParse(value);
    return schemaFaults(parsed.error?.issues ?? [], value).map(({ path, found, allowed }) => [path, found, allowed]);
  };

  it('offers the nearest key for one that does not exist', () => {
    expect(faults({ slack: { team: 'T01LOCAL', mod: 'http' } })).toContainEqual([
      'slack.mod',
      'a key that does not exist here (did you mean mode?)',
      'team, mode or port',
    ]);
  });

  it.each([
    [{ sweep_seconds: 100 }, ['limits.sweep_seconds', '100', '60 or less']],
    [{ dump_jobs: 0 }, ['limits.dump_jobs', '0', '1 or more']],
    [{ dump_jobs: 1.5 }, ['limits.dump_jobs', '1.5', 'a whole number']],
    [{ dump_jobs: 'two' }, ['limits.dump_jobs', '"two"', 'a number']],
    [{ dump_jobs: null }, ['limits.dump_jobs', 'nothing', 'a number']],
    [{ dump_jobs: [1] }, ['limits.dump_jobs', 'a list of 1', 'a number']],
    [{ dump_jobs: { a: 1, b: 2 } }, ['limits.dump_jobs', 'a mapping with a or b', 'a number']],
  ])('says of %j what was found and what is allowed', (limits, expected) => {
    expect(faults({ limits })).toContainEqual(expected);
  });

  it('hides a password in an address', () => {
    const gateways = [{ admin_api: { url: 'https://admin:hunter2@kong:8444' } }];
    expect(faults({ gateways })).toContainEqual([
      'gateways[0].admin_api.url',
      '"https://admin:***@kong:8444"',
      'an address without user and password',
    ]);
  });

  it('never shows what somebody wrote in the place of a secret', () => {
    const secret = fc.stringMatching(/^[a-z0-9]{10,30}$/).map((text) => `s3cr3t${text}`);
    const shapes = fc.constantFrom(
      (text: string): unknown => text,
      (text: string): unknown => ({ env: text }),
      (text: string): unknown => ({ file: text }),
      (text: string): unknown => ({ [text]: null }),
      (text: string): unknown => [text],
    );
    fc.assert(
      fc.property(secret, shapes, (text, shape) => {
        const value = {
          gateways: [{ admin_api: { token: shape(text) }, database: { password: shape(text) } }],
          signing: { private_key: shape(text) },
        };
        expect(JSON.stringify(faults(value))).not.toContain(text);
      }),
    );
  });

  it('is made for any junk without a throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(faults(value).length).toBeGreaterThan(0);
      }),
    );
  });
});
