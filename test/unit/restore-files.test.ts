import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareFile, fingerprints } from '../../src/steps/restore/files/compare-files.ts';
import { putInPlace } from '../../src/steps/restore/files/operators-commands.ts';

const print = fingerprints('a key that only the bot has');
const conf = (text: string, present: string | null) =>
  compareFile(
    { path: '/etc/kong/kong.conf', content: Buffer.from(text) },
    present === null ? 'missing' : Buffer.from(present),
    { isConf: true, print },
  );

describe('a file of the set against the present one', () => {
  it('shows settings that differ, and of secrets only that they do', () => {
    const difference = conf(
      'pg_host = db-1\npg_password = the-old-password\nlog_level = notice\n',
      'pg_host = db-2\npg_password = the-new-password\nworkers = 4\nlog_level = notice\n',
    );
    expect(difference).toEqual({
      path: '/etc/kong/kong.conf',
      state: 'changed',
      secret: true,
      fillIn: [],
      settings: [
        { key: 'pg_host', present: 'db-2', saved: 'db-1' },
        {
          key: 'pg_password',
          present: expect.stringMatching(/^a secret \([0-9a-f]{8}\)$/) as string,
          saved: expect.stringMatching(/^a secret \([0-9a-f]{8}\)$/) as string,
        },
        { key: 'workers', present: '4', saved: null },
      ],
    });
    expect(difference.settings[1]?.present).not.toBe(difference.settings[1]?.saved);
  });

  it('of a set that is not encrypted, names what must be filled in and calls it no difference', () => {
    expect(conf('pg_password = ***\npg_host = a\n', 'pg_password = secret-of-now\npg_host = a\n')).toMatchObject({
      state: 'changed',
      settings: [],
      fillIn: ['pg_password'],
    });
    expect(conf('pg_password = ***\n', null)).toMatchObject({ state: 'missing', fillIn: ['pg_password'] });
  });

  it('knows a private key by its name and by its content', () => {
    const other = (path: string, content: string) =>
      compareFile({ path, content: Buffer.from(content) }, 'missing', { isConf: false, print }).secret;
    expect([
      other('/etc/kong/cluster.key', 'x'),
      other('/etc/kong/both.pem', '-----BEGIN PRIVATE KEY-----\nMII\n'),
      other('/etc/kong/nginx.conf', 'events {}'),
    ]).toEqual([true, true, false]);
  });

  it('never shows a password, whatever it is', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9]{12,40}$/), fc.stringMatching(/^[A-Za-z0-9]{12,40}$/), (one, two) => {
        const seen = JSON.stringify(conf(`pg_password = ${one}\n`, `pg_password = ${two}\n`));
        expect(seen.includes(one) || seen.includes(two)).toBe(false);
      }),
    );
  });
});

describe('the commands for the operator', () => {
  it('look first, keep the rights of what is there, and leave to Kong what Kong makes itself', () => {
    const saved = [
      { path: '/etc/kong/kong.conf', content: Buffer.from('ssl_cert = /usr/local/kong/own.crt\n') },
      { path: "/etc/kong/it's.key", content: Buffer.from('') },
    ];
    const different = [
      { path: '/etc/kong/kong.conf', mode: 0o644, state: 'changed' as const },
      { path: "/etc/kong/it's.key", mode: 0o400, state: 'missing' as const },
      { path: '/usr/local/kong/nginx.conf', mode: 0o644, state: 'changed' as const },
      { path: '/usr/local/kong/own.crt', mode: 0o644, state: 'missing' as const },
    ];
    const around = { folder: '/usr/local/r', prefix: '/usr/local/kong', kongConf: '/etc/kong/kong.conf', saved };
    expect(putInPlace(different, around)).toEqual([
      "diff -u '/etc/kong/kong.conf' '/usr/local/r/etc/kong/kong.conf'",
      "cp '/usr/local/r/etc/kong/kong.conf' '/etc/kong/kong.conf'",
      String.raw`install -D -m 0400 '/usr/local/r/etc/kong/it'\''s.key' '/etc/kong/it'\''s.key'`,
      "install -D -m 0644 '/usr/local/r/usr/local/kong/own.crt' '/usr/local/kong/own.crt'",
      "kong check '/etc/kong/kong.conf' && kong reload -c '/etc/kong/kong.conf' -p '/usr/local/kong'",
    ]);
    expect(putInPlace([], around)).toEqual([]);
  });
});
