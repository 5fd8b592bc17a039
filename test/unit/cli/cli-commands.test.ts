import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Operations } from '../../../src/engine/ports.ts';
import { startOptions } from '../../../src/cli/commands/start.ts';
import type { StartOptions } from '../../../src/cli/ports.ts';
import { buildProgram } from '../../../src/cli/program.ts';
import { Fault } from '../../../src/runs/fault.ts';
import { ran, testConfig, testTerminal } from '../../support/cli.ts';

let config: ReturnType<typeof testConfig>;
beforeAll(() => {
  config = testConfig();
});
afterAll(() => config.remove());

describe('the command line', () => {
  it('has these commands', () => {
    const names = buildProgram(() => undefined).commands.flatMap((command) =>
      command.commands.length === 0
        ? [command.name()]
        : command.commands.map((sub) => `${command.name()} ${sub.name()}`),
    );
    expect(names).toEqual([
      'config check',
      'migrate',
      'start',
      'doctor',
      'keygen',
      'backup list',
      'backup show',
      'backup verify',
      'backup fetch',
      'backup expire',
      'backup hold',
      'backup unhold',
      'status',
      'approve',
      'no-go',
      'withdraw',
      'cancel',
      'backups',
      'restore',
      'compare',
      'drill',
      'rollback',
      'close',
      'unlock',
      'break-glass',
      'review',
      'audit show',
      'audit verify',
      'audit export',
      'schedules',
      'alarms',
      'alarm ack',
    ]);
  });

  it('prints its help and version with 0', async () => {
    expect(await ran(['--help'], testTerminal())).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^Approved, proven, audited backups, restores and drills of Kong Gateway\.$[^]*Exit codes: 0 ok/m,
      ),
    });
    expect(await ran(['--version'], testTerminal())).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  });

  it.each([
    [['bakup', 'production'], "error: unknown command 'bakup'\n(Did you mean backup?)"],
    [['backup'], "error: missing required argument 'gateway'"],
    [['no-go', 'B-1'], "error: required option '--reason <text>' not specified"],
    [['start', '--drian'], "error: unknown option '--drian'\n(Did you mean --drain?)"],
  ])('answers a mistyped %j with 2 and what was meant', async (args, message) => {
    const { code, err } = await ran(args, testTerminal());
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  it('reports all faults of the configuration with 2, before it connects to anything', async () => {
    const { code, err } = await ran(
      ['status'],
      testTerminal({ env: { KONG_CHATOPS_CONFIG: config.path, LOG_LEVEL: 'loud' } }),
    );
    expect(code).toBe(2);
    expect(err).toContain('has 2 faults:');
    expect(err).toContain('DATABASE_URL\n    found:   nothing');
    expect(err).toContain('LOG_LEVEL\n    found:   "loud"');
  });

  it('refuses a system user that is nobody, and names the key to add (1.6)', async () => {
    const terminal = testTerminal({ env: config.env, systemUser: 'mallory' });
    expect(await ran(['backup', 'production'], terminal)).toEqual({
      code: 4,
      out: '',
      err:
        'Refused: The system user mallory is nobody in the configuration.\n' +
        '  Add "system_user: mallory" to your entry under people in kong-chatops.yaml.',
    });
  });

  it('has no option to be somebody else (decision 5)', async () => {
    const { code, err } = await ran(['backup', 'production', '--as', 'bob'], testTerminal({ env: config.env }));
    expect(code).toBe(2);
    expect(err).toContain("error: unknown option '--as'");
  });

  it('says what failed and what to do, with 1; and 3 when a program is missing here', async () => {
    const failing = (code: string) => async () => {
      throw new Fault(code, 'The database (postgres://bot:hunter2@db) does not answer', 'Check it');
    };
    const env = { ...config.env };
    expect(await ran(['status'], testTerminal({ env }), { connect: failing('store.unreachable') })).toEqual({
      code: 1,
      out: '',
      err: 'Failed: The database (postgres://bot:***@db) does not answer.\n  Check it.',
    });
    expect((await ran(['status'], testTerminal({ env }), { connect: failing('psql.missing') })).code).toBe(3);
  });

  it('reports a bug as one, without secrets', async () => {
    const connect = async (): Promise<never> => {
      throw new TypeError('password=hunter2');
    };
    const { code, err } = await ran(['status'], testTerminal({ env: config.env }), { connect });
    expect(code).toBe(1);
    expect(err).toMatch(/^This is a bug in kong-chatops, please report it:\nTypeError: password=\*\*\*/);
  });
});

describe('a command below another one', () => {
  it.each(['hold', 'unhold'])('has options of its own: backup %s --reason', async (command) => {
    const asked = vi.fn(async (_request: object) => ({ ok: true }));
    const operations = { hold: asked, release: asked } as unknown as Operations;
    const words = ['backup', command, 'production-20261121T0200Z-B-1', '--reason', 'evidence of INC-4711'];
    const connect = async () => ({ operations, close: async () => undefined });
    expect(await ran(words, testTerminal({ env: config.env }), { connect })).toMatchObject({ code: 0, err: '' });
    expect(asked.mock.calls[0]?.[0]).toEqual({ set: words[2], reason: 'evidence of INC-4711' });
  });
});

describe('migrate', () => {
  const report = { before: 0, after: 2, applied: ['log', 'append'], owner: 'owner', bot: 'bot' };

  it('needs no configuration file', async () => {
    const env = { DATABASE_URL: 'postgres://bot@db/x', DATABASE_OWNER_URL: 'postgres://owner@db/x' };
    const asked: unknown[] = [];
    const migrate = async (urls: unknown) => {
      asked.push(urls);
      return report;
    };
    expect(await ran(['migrate'], testTerminal({ env }), { migrate })).toEqual({
      code: 0,
      out: 'The database is at version 2: applied log, append.',
      err: '',
    });
    expect(asked).toEqual([{ ownerUrl: 'postgres://owner@db/x', botUrl: 'postgres://bot@db/x' }]);
  });

  it('warns when the bot owns the trail', async () => {
    const migrate = async () => ({ ...report, applied: [], owner: 'bot' });
    const { code, out, err } = await ran(['migrate'], testTerminal({ env: { DATABASE_URL: 'postgres://bot@db/x' } }), {
      migrate,
    });
    expect({ code, out }).toEqual({ code: 0, out: 'The database is at version 2: nothing to do.' });
    expect(err).toContain('Warning: bot owns the audit trail and is also what the bot runs as.');
  });
});

describe('start', () => {
  it.each([
    [{}, { bot: true, queues: ['backup', 'restore', 'publish'], drain: false }],
    [{ only: 'bot' }, { bot: true, queues: ['publish'], drain: false }],
    [{ only: 'worker' }, { bot: false, queues: ['backup', 'restore'], drain: false }],
    [
      { only: 'worker', queues: 'publish, backup', drain: true },
      { bot: false, queues: ['backup', 'publish'], drain: true },
    ],
  ])('with %j does %j', (flags, options) => {
    expect(startOptions({ drain: false, ...flags })).toEqual(options);
  });

  it('refuses a queue that does not exist and offers the nearest', async () => {
    expect(await ran(['start', '--queues', 'bakup'], testTerminal({ env: config.env }))).toEqual({
      code: 2,
      out: '',
      err: 'Refused: There is no queue "bakup".\n  Did you mean backup?',
    });
  });

  it('refuses to run the bot without its tokens, and a backup worker needs none', async () => {
    const bot = await ran(['start', '--only', 'bot'], testTerminal({ env: config.env }));
    expect(bot.code).toBe(2);
    expect(bot.err).toContain('SLACK_BOT_TOKEN\n    found:   nothing');
    expect(bot.err).toContain('SLACK_APP_TOKEN\n    found:   nothing');
    expect(bot.err).toContain('Without Slack, a worker needs none of it: kong-chatops start --only worker');

    const stop = new AbortController();
    const seen: StartOptions[] = [];
    let stopped = false;
    const start = async (_: unknown, options: StartOptions) => {
      seen.push(options);
      stop.abort();
      return {
        stop: async () => {
          stopped = true;
        },
      };
    };
    const env = { ...config.env, LOG_LEVEL: 'silent' };
    const worker = await ran(['start', '--only', 'worker'], testTerminal({ env, stop: stop.signal }), { start });
    expect(worker.code).toBe(0);
    expect(seen).toEqual([{ bot: false, queues: ['backup', 'restore'], drain: false }]);
    expect(stopped).toBe(true);
  });
});

describe('keygen', () => {
  it('writes a private key that only its user may read, and prints the public one', async () => {
    const file = join(config.folder, 'key.pem');
    const { code, out, err } = await ran(['keygen', '--out', file], testTerminal());
    expect(code).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const key = createPrivateKey(readFileSync(file));
    expect(key.asymmetricKeyType).toBe('ed25519');
    expect(createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString().trim()).toBe(out);
    expect(out + err).not.toContain('PRIVATE KEY');
  });

  it('never overwrites a key', async () => {
    const file = join(config.folder, 'old.pem');
    writeFileSync(file, 'precious');
    expect(await ran(['keygen', '--out', file], testTerminal())).toEqual({
      code: 4,
      out: '',
      err:
        `Refused: ${file} exists already and is left as it is.\n` +
        '  Name another file with --out. Replacing a key that signed something makes its proofs unreadable.',
    });
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  it('says why it cannot write', async () => {
    const { code, err } = await ran(['keygen', '--out', '/nowhere/key.pem'], testTerminal());
    expect(code).toBe(4);
    expect(err).toBe(
      'Refused: /nowhere/key.pem cannot be written: it does not exist.\n  Name another file with --out.',
    );
  });
});
