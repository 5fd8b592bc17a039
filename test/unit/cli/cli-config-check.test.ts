import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ran, testConfig, testTerminal } from '../../support/cli.ts';

// The one of docs/kong-chatops.example.yaml.
const RECIPIENT = 'age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z';
let config: ReturnType<typeof testConfig>;
beforeAll(() => {
  config = testConfig();
});
afterAll(() => config.remove());

describe('config check', () => {
  it('says what a valid file contains', async () => {
    expect(await ran(['config', 'check'], testTerminal({ env: config.env }))).toEqual({
      code: 0,
      out:
        `${config.path} is valid.\n  gateways: production (production), staging (staging)\n` +
        '  people: 4, groups: operators, approvers\n' +
        '  not set here: SLACK_BOT_TOKEN, SLACK_APP_TOKEN. `start` needs them; `start --only worker` does not.',
      err: '',
    });
  });

  /** The test's configuration with other parts. */
  const changed = (...changes: readonly (readonly [string, string])[]): string => {
    const path = join(config.folder, 'changed.yaml');
    const text = changes.reduce((text, [from, to]) => text.replace(from, to), readFileSync(config.path, 'utf8'));
    writeFileSync(path, text);
    return path;
  };

  it('names the secrets that this machine lacks and others hold, and finds no fault in that', async () => {
    const key = join(config.folder, 'no-such-key.txt');
    const path = changed(
      ['signing:', `encryption: {recipients: [${RECIPIENT}], identity: {file: ${key}}}\nsigning:`],
      ['signing:', 'drills: {database_url: {env: DRILLS}}\nsigning:'],
      ['    channel: C02OPS\n', '    channel: C02OPS\n    restore: {keyring_recovery_key: {env: RECOVERY}}\n'],
    );
    const lacking = async (env: object): Promise<string[]> => {
      const { code, out } = await ran(
        ['config', 'check', '-c', path],
        testTerminal({ env: { ...config.env, ...env } }),
      );
      expect(code).toBe(0);
      return out.split('\n').filter((line) => line.includes('needed by'));
    };
    expect(await lacking({})).toEqual([
      `  not set here: encryption.identity (the file ${key} does not exist), needed by restores and drills of encrypted sets; backups do without.`,
      '  not set here: gateways[0].restore.keyring_recovery_key (neither RECOVERY nor RECOVERY_FILE is set in the environment), needed by restores of the database of production, for the keys of its encrypted fields.',
      '  not set here: drills.database_url (neither DRILLS nor DRILLS_FILE is set in the environment), needed by drills.',
    ]);
    writeFileSync(key, 'an identity');
    expect(await lacking({ DRILLS: 'hunter2', RECOVERY: 'hunter3' })).toEqual([]);
  });

  it('says where nobody could approve a restore, though no policy is written', async () => {
    const path = changed(['roles: [approver], members: [U02BOB, U03CAROL]', 'roles: [approver], members: [U01ALICE]']);
    const { code, out } = await ran(['config', 'check', '--file-only', '-c', path], testTerminal());
    expect(code).toBe(0);
    expect(out).toContain(
      '\n  nobody could approve a restore of production or staging: without a policy of its own it asks one approver besides whoever asks.',
    );
  });

  it('says where a written policy leaves a schedule and an admin alone, and finds no fault in that', async () => {
    const policy = '{groups: [{group: approvers, minimum: 2}]}';
    const path = changed(
      ['roles: [operator], members: [U01ALICE]', 'roles: [admin], members: [U02BOB]'],
      [
        '    channel: C02OPS\n',
        `    channel: C02OPS\n    approvals: {backup: ${policy}, restore: ${policy}}\n    schedules: {backup: {cron: 30 2 * * *}}\n`,
      ],
    );
    const { code, out, err } = await ran(['config', 'check', '--file-only', '-c', path], testTerminal());
    expect([code, err]).toEqual([0, '']);
    expect(out.split('\n').filter((line) => line.includes('nobody could approve'))).toEqual([
      '  nobody could approve a restore of production: its policy lacks people besides whoever asks; only an admin who breaks glass could restore.',
      '  nobody could approve a backup of production: its policy lacks people besides whoever asks; only its schedule could back up.',
    ]);
  });

  it('checks the file alone when asked, wherever the option stands', async () => {
    const { code, out } = await ran(['config', 'check', '--file-only', '--config', config.path], testTerminal());
    expect(code).toBe(0);
    expect(out).toContain('is valid (environment and secrets were not looked at).');
  });
});
