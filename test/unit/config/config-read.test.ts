import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatFaults, type ConfigFault } from '../../../src/config/fault.ts';
import { readConfig, readConfigFile } from '../../../src/config/read.ts';
import { secretValues } from '../../../src/config/secret-values.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kong-chatops-config-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const ENV = { DATABASE_URL: 'postgres://bot:pw@127.0.0.1:5432/bot', SIGNING_KEY: 'key' };

const VALID = `slack: {team: T01LOCAL}
people:
  - {id: U01ALICE, name: Alice, system_user: alice}
  - {id: U02BOB, name: Bob}
groups:
  - {name: operators, roles: [operator], members: [U01ALICE]}
  - {name: approvers, roles: [approver], members: [U01ALICE, U02BOB]}
destinations:
  - {name: vault, kind: local, path: /tmp/vault}
gateways:
  - name: production
    environment: production
    admin_api:
      url: http://127.0.0.1:8001
    channel: C01ABC
    approvals: {backup: {groups: [{group: approvers, minimum: 1}]}}
    destinations: [vault]
signing: {private_key: {env: SIGNING_KEY}}
`;

let count = 0;
function write(text: string): string {
  count += 1;
  const path = join(folder, `${count}.yaml`);
  writeFileSync(path, text);
  return path;
}

function faultsOf(text: string, env: Record<string, string> = ENV): readonly ConfigFault[] {
  const result = readConfig({ path: write(text), env });
  return result.ok ? [] : result.faults;
}

/** The faults of the valid file with one text in it replaced. */
function faultsWith(from: string, to: string): readonly ConfigFault[] {
  expect(VALID).toContain(from);
  return faultsOf(VALID.replace(from, to));
}

describe('a valid configuration', () => {
  it('is read with its defaults, the digest of its bytes, and frozen to its depth', () => {
    const result = readConfig({ path: write(VALID), env: ENV });
    if (!result.ok) throw new Error(formatFaults(result.path, result.faults));
    expect(result.config.gateways[0]?.workspaces).toBe('all');
    expect(result.config.limits.sweep_seconds).toBe(15);
    expect(result.config.environment.LOG_LEVEL).toBe('info');
    expect(result.config.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(Object.isFrozen(result.config.gateways[0]?.admin_api)).toBe(true);
    expect(Object.isFrozen(result.config.environment)).toBe(true);
  });

  it('is found through KONG_CHATOPS_CONFIG', () => {
    const path = write(VALID);
    expect(readConfig({ env: { ...ENV, KONG_CHATOPS_CONFIG: path } })).toMatchObject({ ok: true, path });
  });

  it('may be checked without the environment, as in a pull request', () => {
    expect(readConfigFile({ path: write(VALID), env: {} }).ok).toBe(true);
  });
});

describe('a secret', () => {
  it('is read at the moment of use, so that a rotated one is seen', () => {
    const file = write('first\n');
    const text = VALID.replace('{env: SIGNING_KEY}', `{file: ${file}}`);
    const result = readConfig({ path: write(text), env: ENV });
    if (!result.ok) throw new Error(formatFaults(result.path, result.faults));
    expect(result.config.secret({ file })).toBe('first');
    writeFileSync(file, 'second\n');
    expect(result.config.secret({ file })).toBe('second');
    rmSync(file);
    expect(() => result.config.secret({ file })).toThrow(
      expect.objectContaining({
        code: 'secret-missing',
        message: `A secret that should be in the file ${file} cannot be read: the file ${file} does not exist.`,
        hint: 'Put it there, readable by the user of the process that needs it.',
      }),
    );
  });

  it('that no check asks for is named by what would give it once it is needed', () => {
    const text = `${VALID}\ndrills: {database_url: {env: DRILLS}}\n`;
    const result = readConfig({ path: write(text), env: ENV });
    if (!result.ok) throw new Error(formatFaults(result.path, result.faults));
    expect(() => result.config.secret({ env: 'DRILLS' })).toThrow(
      expect.objectContaining({
        code: 'secret-missing',
        message:
          'A secret that should be in the environment variable DRILLS cannot be read: neither DRILLS nor DRILLS_FILE is set in the environment.',
        hint: 'Set DRILLS, or DRILLS_FILE to a readable file (one of the two), for the process that needs it, and start it again.',
      }),
    );
  });

  it('may stand in a file named by <NAME>_FILE, whatever its variable', () => {
    const env = { DATABASE_URL_FILE: write('postgres://bot@127.0.0.1/bot\n'), SIGNING_KEY_FILE: write('key') };
    const result = readConfig({ path: write(VALID), env });
    if (!result.ok) throw new Error(formatFaults(result.path, result.faults));
    expect(result.config.environment.DATABASE_URL).toBe('postgres://bot@127.0.0.1/bot');
    expect(result.config.secret({ env: 'SIGNING_KEY' })).toBe('key');
  });

  it('that is unset is a fault with both ways to give it', () => {
    expect(faultsOf(VALID, { DATABASE_URL: ENV.DATABASE_URL })).toEqual([
      {
        path: 'signing.private_key',
        line: 18,
        column: 24,
        found: 'neither SIGNING_KEY nor SIGNING_KEY_FILE is set in the environment',
        allowed: 'SIGNING_KEY in the environment, or SIGNING_KEY_FILE with a readable file',
      },
    ]);
  });

  it('is asked for only of whoever uses it', () => {
    const env = { DATABASE_URL: ENV.DATABASE_URL };
    expect(readConfig({ path: write(VALID), env, secrets: [] }).ok).toBe(true);
    expect(readConfig({ path: write(VALID), env, secrets: ['gateways'] }).ok).toBe(true);
    expect(readConfig({ path: write(VALID), env, secrets: ['signing'] }).ok).toBe(false);
  });

  it('given twice is refused, because nobody could say which one wins', () => {
    expect(faultsOf(VALID, { ...ENV, SIGNING_KEY_FILE: '/nowhere' })).toMatchObject([
      { path: 'signing.private_key', found: 'both SIGNING_KEY and SIGNING_KEY_FILE are set' },
    ]);
  });

  it('written into the file by mistake is refused and not shown', () => {
    const faults = faultsWith('url: http://127.0.0.1:8001', 'url: http://127.0.0.1:8001\n      token: hunter2hunter2');
    expect(faults).toEqual([
      {
        path: 'gateways[0].admin_api.token',
        line: 15,
        column: 14,
        found: 'a value, not shown because it may be a secret',
        allowed: 'a reference, never the secret itself: {env: VARIABLE} or {file: /absolute/path}',
      },
    ]);
  });

  it.each(['{env: hunter2hunter2}', '{hunter2hunter2}', '{env: A, hunter2hunter2: 1}', '[hunter2hunter2]'])(
    'written as %s is not shown either',
    (token) => {
      const faults = faultsWith('url: http://127.0.0.1:8001', `url: http://127.0.0.1:8001\n      token: ${token}`);
      expect(faults.length).toBeGreaterThan(0);
      expect(JSON.stringify(faults)).not.toContain('hunter2');
    },
  );
});

describe('the environment', () => {
  it('is checked with the file, and no value of a secret is shown', () => {
    const env = {
      ...ENV,
      DATABASE_URL: 'mysql://bot:hunter2@db/x',
      SLACK_BOT_TOKEN: 'xoxp-hunter2',
      LOG_LEVEL: 'loud',
    };
    const faults = faultsOf(VALID.replace('operator]', 'operato]'), env);
    expect(faults).toEqual([
      {
        path: 'groups[0].roles[0]',
        line: 6,
        column: 31,
        found: '"operato"',
        allowed: 'viewer, operator, approver or admin (did you mean operator?)',
      },
      {
        path: 'DATABASE_URL',
        found: 'a value that is something else (not shown)',
        allowed: 'a PostgreSQL address: postgres://user:password@host:5432/database',
      },
      {
        path: 'SLACK_BOT_TOKEN',
        found: 'a value that is something else (not shown)',
        allowed: 'the bot token (OAuth & Permissions), starts with xoxb-',
      },
      { path: 'LOG_LEVEL', found: '"loud"', allowed: 'trace, debug, info, warn, error or silent' },
    ]);
  });

  it('without DATABASE_URL says what is missing and where it may stand', () => {
    expect(faultsOf(VALID, { SIGNING_KEY: 'key', DATABASE_URL: '' })).toEqual([
      {
        path: 'DATABASE_URL',
        found: 'nothing',
        allowed:
          "the address of the bot's own database: postgres://user:password@host:5432/database, or DATABASE_URL_FILE",
      },
    ]);
  });

  it('with an unreadable file says why', () => {
    expect(faultsOf(VALID, { SIGNING_KEY: 'key', DATABASE_URL_FILE: folder })).toEqual([
      {
        path: 'DATABASE_URL',
        found: `the file ${folder} is a folder`,
        allowed: 'either DATABASE_URL, or DATABASE_URL_FILE with a readable file',
      },
    ]);
  });
});

describe('a file that cannot be read', () => {
  it('is reported with the reason', () => {
    expect(readConfig({ path: '/nowhere/x.yaml', env: ENV })).toEqual({
      ok: false,
      path: '/nowhere/x.yaml',
      faults: [
        {
          path: '',
          found: '/nowhere/x.yaml does not exist',
          allowed: 'a readable YAML file (see docs/configuration.md)',
        },
      ],
    });
  });

  it('does not repeat a key that may be a secret which was pasted by mistake', () => {
    const [fault, ...rest] = faultsOf(VALID.replace('slack: {', 'slack: {xoxb-1234-Abcd: , hunter2: , '));
    expect([fault, rest.length]).toMatchObject([{ path: 'slack', line: 1, found: 'an unknown key' }, 1]);
    expect(formatFaults('x', faultsOf(VALID.replace('slack: {', 'slack: {hunter2: , ')))).not.toContain('hunter2');
  });

  it('is reported with line and column when it is not YAML', () => {
    expect(faultsOf('slack: {team: T01LOCAL}\npeople:\n  - {id: U01\n')).toMatchObject([
      { path: '', line: 4, column: 1, allowed: 'YAML 1.2' },
    ]);
    const broken = Array.from({ length: 40 }, (_, line) => `key${line}: 'x' 'y'`).join('\n');
    expect(faultsOf(broken).map(({ line, found }) => line ?? found)).toEqual([
      1,
      2,
      3,
      '37 more syntax faults after these',
    ]);
    expect(faultsOf('slack: 1\nslack: 2\n')).toMatchObject([{ line: 2, column: 1, found: 'Map keys must be unique' }]);
  });

  it.each([
    [
      'an alias without an anchor',
      'a: *nowhere\n',
      'Unresolved alias (the anchor must be set before the alias): nowhere',
    ],
    ['a merge of what is no mapping', '<<: text\n', 'Merge sources must be maps or map aliases'],
    [
      'aliases that multiply without end',
      ['a: &a [1,1,1,1,1,1,1,1,1]', 'b: &b [*a,*a,*a,*a,*a,*a]', 'c: &c [*b,*b,*b,*b,*b,*b]', 'd: [*c,*c,*c,*c]'].join(
        '\n',
      ),
      'Excessive alias count indicates a resource exhaustion attack',
    ],
  ])('is reported, not thrown, when it has %s', (_what, text, found) => {
    expect(faultsOf(text)).toEqual([{ path: '', found, allowed: 'YAML 1.2 with few aliases, each after its anchor' }]);
  });

  it('is reported when it is empty', () => {
    expect(faultsOf('')).toEqual([{ path: '', found: 'nothing', allowed: 'a mapping (key: value lines)' }]);
  });
});

describe('the secrets of a process', () => {
  it('are known to its log, those inside addresses as written and decoded', () => {
    const env = {
      ...ENV,
      DATABASE_URL: 'postgres://bot:p%40ss@127.0.0.1/bot',
      REDIS_URL: 'redis://:queue-pw@127.0.0.1:6379',
      SLACK_BOT_TOKEN: 'xoxb-1',
    };
    const result = readConfig({ path: write(VALID), env });
    if (!result.ok) throw new Error(formatFaults(result.path, result.faults));
    expect(secretValues(result.config).toSorted()).toEqual(['key', 'p%40ss', 'p@ss', 'queue-pw', 'queue-pw', 'xoxb-1']);
  });

  it('that cannot be read just now are left out', () => {
    const result = readConfig({ path: write(VALID), env: { DATABASE_URL: 'postgres://127.0.0.1/bot' }, secrets: [] });
    if (!result.ok) throw new Error(formatFaults(result.path, result.faults));
    expect(secretValues(result.config)).toEqual([]);
  });
});
