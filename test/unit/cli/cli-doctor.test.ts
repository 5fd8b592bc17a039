import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { doctor } from '../../../src/cli/commands/doctor.ts';
import { examine, fail, ok, showFindings, warn, type Check } from '../../../src/cli/doctor/check.ts';
import { installCommand, nodeFinding } from '../../../src/cli/doctor/machine.ts';
import { adminFinding } from '../../../src/cli/doctor/people.ts';
import { recoveryFindings } from '../../../src/cli/doctor/restores.ts';
import { botFindings } from '../../../src/cli/doctor/slack.ts';
import { secretReader } from '../../../src/config/secret.ts';
import { Fault } from '../../../src/runs/fault.ts';
import { ran, testConfig, testPorts, testTerminal } from '../../support/cli.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const check = (about: string, look: Check['look']): Check => ({ about, look });

describe('the doctor', () => {
  it('shows one line each, with what to do under it', () => {
    expect(
      showFindings([
        ok('Node', '24.21.0'),
        warn('audit trail', 'triggers alone', 'Use two roles.'),
        fail('psql', 'not found', 'Install it'),
      ]),
    ).toEqual([
      'ok    Node         24.21.0',
      'warn  audit trail  triggers alone',
      '                   Use two roles.',
      'fail  psql         not found',
      '                   Install it',
    ]);
  });

  it('goes on when one look fails, and never shows a secret', async () => {
    const findings = await examine(
      [
        check('a', async () => [ok('a', 'fine')]),
        check('b', async () => {
          throw new Fault('x.down', 'postgres://u:hunter2@h is down.', 'Start it.');
        }),
        check('c', async () => {
          throw Object.assign(new Error('password=hunter2'), { code: 'ECONNRESET' });
        }),
        check('d', async () => await new Promise<never>(() => undefined)),
      ],
      20,
    );
    expect(findings.map(({ state, about }) => `${about} ${state}`)).toEqual(['a ok', 'b fail', 'c fail', 'd fail']);
    expect(findings[2]?.detail).toBe('could not be looked at: Error (ECONNRESET)');
    expect(findings[3]?.detail).toBe('no answer within 0.02 s');
    expect(showFindings(findings).join('\n')).not.toContain('hunter2');
  });

  it('answers 1 when anything fails, 0 when there is only something to know', async () => {
    const config = testConfig();
    const run = async (state: 'ok' | 'warn' | 'fail') => {
      const checks = async () => [check('x', async () => [{ state, about: 'x', detail: 'y' }])];
      return await ran(['doctor'], testTerminal({ env: config.env }), { checks });
    };
    expect(await run('fail')).toMatchObject({
      code: 1,
      out: expect.stringContaining('1 ok, 0 to know about, 1 to repair'),
    });
    expect(await run('warn')).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 ok, 1 to know about, 0 to repair'),
    });
    config.remove();
  });

  it('looks at the machine although the configuration is wrong', async () => {
    const seen: unknown[] = [];
    const ports = testPorts({
      checks: async ({ config }) => {
        seen.push(config);
        return [];
      },
    });
    const terminal = testTerminal({ env: { KONG_CHATOPS_CONFIG: '/nowhere.yaml' } });
    expect(await doctor({ terminal, ports }, true)).toBe(1);
    expect(seen).toEqual([null]);
    expect(JSON.parse(terminal.lines.out.join('\n'))).toEqual([
      {
        state: 'fail',
        about: 'configuration',
        detail: '2 faults, see above',
        hint: 'Correct them; gateways, database and Slack were not looked at.',
      },
    ]);
  });
});

describe('what to install', () => {
  it.each([
    ['psql', 'debian', 'Install it:  apt-get install postgresql-client'],
    ['psql', 'macos', 'Install it:  brew install libpq'],
    ['postgres-tools', 'macos', 'Install it:  brew install postgresql@16'],
    ['deck', 'other', 'Install it:  https://github.com/Kong/deck/releases'],
  ] as const)('for %s on %s is one command', (what, platform, command) => {
    expect(installCommand(what, platform, 16)).toBe(command);
  });

  it('says so of an old Node', () => {
    expect(nodeFinding('24.1.0', 'other')).toEqual(ok('Node', '24.1.0'));
    expect(nodeFinding('20.19.2', 'macos')).toEqual(
      fail('Node', '20.19.2, and 24 or newer is needed', 'Install it:  brew install node@24'),
    );
  });
});

describe('who could break glass', () => {
  const admins = (members: string[], slack_user_group?: string) => ({
    name: 'admins',
    roles: ['admin' as const],
    members,
    slack_user_group,
  });
  const operators = { name: 'operators', roles: ['operator' as const], members: ['U01ALICE'] };

  it('is whoever holds the role admin by name, counted once', () => {
    expect(adminFinding([operators, admins(['U01ALICE'])])).toEqual(ok('admins', '1 person by name'));
    expect(adminFinding([admins(['U01ALICE', 'U01BOB']), admins(['U01BOB'], 'S01ABC')])).toEqual(
      ok('admins', '2 people by name'),
    );
  });

  it('is nobody where no group with the role has anybody', () => {
    const nobody = warn(
      'admins',
      'nobody holds the role admin, so nobody can break glass or release a held set',
      'Add a group with roles: [admin] and its members under groups; an admin approves nothing by that role.',
    );
    expect(adminFinding([operators])).toEqual(nobody);
    expect(adminFinding([operators, admins([])])).toEqual(nobody);
  });

  it('is nobody while Slack is down where Slack alone knows them', () => {
    expect(adminFinding([operators, admins([], 'S01ABC')])).toEqual(
      warn(
        'admins',
        'only by the Slack user group of admins, so nobody can break glass while Slack is down',
        'Name one of them under its members too, and their system_user under people.',
      ),
    );
  });
});

describe("Slack's answer", () => {
  const config = { slack: { team: 'T01LOCAL', mode: 'socket', port: 0 } } as const;
  const answer: Parameters<typeof botFindings>[1] = {
    ok: true,
    error: null,
    team: 'T01LOCAL',
    enterprise: null,
    user: 'kong',
    scopes: ['commands', 'chat:write'],
    date: NOW.toUTCString(),
  };
  const look = (change: Partial<typeof answer>, now = NOW) =>
    botFindings(config, { ...answer, ...change }, now, ['commands', 'chat:write']);

  it('is well when token, workspace, scopes and clock are', () => {
    expect(look({})).toEqual([
      ok('Slack', 'bot token accepted, user kong'),
      ok('Slack scopes', 'all 2 scopes of manifest.yml'),
      ok('clock', "within 60 s of Slack's"),
    ]);
  });

  it('names a refused token, another workspace, missing and needless scopes, and a wrong clock', () => {
    expect(look({ ok: false, error: 'token_revoked' })).toEqual([
      fail(
        'Slack',
        'the bot token was refused (token_revoked)',
        'Install the app again (OAuth & Permissions) and take its new token.',
      ),
    ]);
    expect(look({ team: 'T09OTHER' })[1]).toMatchObject({
      state: 'fail',
      detail: 'the token is of T09OTHER, slack.team says T01LOCAL',
    });
    expect(look({ scopes: ['chat:write', 'files:write'] }).slice(1, 3)).toEqual([
      fail('Slack scopes', 'missing: commands', 'Update the app from manifest.yml and install it again.'),
      warn('Slack scopes', 'more than manifest.yml asks for: files:write', 'Remove them from the app: less is safer.'),
    ]);
    expect(look({ scopes: null })[1]).toMatchObject({
      state: 'warn',
      detail: 'Slack did not say which scopes the token has',
    });
    expect(look({}, new Date(NOW.getTime() - 400_000)).at(-1)).toEqual(
      fail('clock', "400 s behind Slack's", 'Let the machine keep time:  timedatectl set-ntp true'),
    );
  });
});

describe('the recovery key of a keyring', () => {
  const look = (env: Record<string, string>, named: object = { keyring_recovery_key: { env: 'RECOVERY' } }) =>
    recoveryFindings({ secret: secretReader(env) }, { name: 'production', restore: named });

  it('is looked for where the configuration names one, and read as a restore would read it', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    expect(look({}, {})).toEqual([]);
    expect(look({ RECOVERY: privateKey })).toEqual([
      ok('production: recovery key', 'a private key in PEM; it is read again when a restore needs it'),
    ]);
    expect(look({})).toEqual([
      warn(
        'production: recovery key',
        'restore.keyring_recovery_key is not here',
        'Needed by workers that restore the database of production, for the keys of its encrypted fields.',
      ),
    ]);
    expect(look({ RECOVERY: publicKey })).toEqual([
      fail(
        'production: recovery key',
        'restore.keyring_recovery_key is no private key in PEM, or is protected by a passphrase',
        'Let it name the private half of keyring_recovery_public_key, without a passphrase.',
      ),
    ]);
  });
});
