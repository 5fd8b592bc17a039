import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readFileSync } from 'node:fs';
import { countLists, importDocument } from '../../src/steps/restore/fallback/import-document.ts';
import { confFor } from '../../src/steps/restore/fallback/kong-cli.ts';
import { faultOf } from '../support/fault-of.ts';
import { fixturePath, need } from '../support/need.ts';

describe('the file for Kong’s own import', () => {
  it.skipIf(!need('fixtures'))(
    'is what decK dumped, less decK’s words, with server names in a list of their own',
    () => {
      const dumped = parse(readFileSync(fixturePath('kong-3.9.1', 'deck', 'dump-with-id.yaml'), 'utf8')) as {
        certificates: { id: string; snis: { name: string }[] }[];
      };
      const made = importDocument({ ...dumped, _info: { defaults: {} }, _workspace: 'default' });
      expect(Object.keys(made).filter((key) => key.startsWith('_'))).toEqual(['_format_version', '_transform']);
      expect(made['_transform']).toBe(false);
      expect(made['certificates']).toEqual(dumped.certificates.map(({ snis: _snis, ...rest }) => rest));
      expect(made['snis']).toEqual(
        dumped.certificates.flatMap(({ id, snis }) => snis.map((sni) => ({ ...sni, certificate: { id } }))),
      );
      expect(countLists(made)).toEqual(countLists(dumped));
    },
  );
});

describe('kong.conf for a database beside the live one', () => {
  const database = { host: 'db', port: 5432, name: 'fresh', user: 'kong', ssl: 'prefer' } as const;

  it('keeps what the gateway has and leads to the fresh one, whatever the password is', () => {
    const conf = confFor('plugins = bundled,own\npg_database = live\n', { database, password: 'a#b', prefix: '/p' });
    expect(conf).toBe(
      [
        'plugins = bundled,own',
        'pg_database = live',
        'database = postgres',
        'pg_host = db',
        'pg_port = 5432',
        'pg_user = kong',
        String.raw`pg_password = a\#b`,
        'pg_database = fresh',
        'prefix = /p',
        'role = traditional',
        'anonymous_reports = off',
        '',
      ].join('\n'),
    );
  });

  it('refuses a value that could add a setting', async () => {
    const work = Promise.resolve().then(() => confFor('', { database, password: 'a\npg_host = evil', prefix: '/p' }));
    expect(await faultOf(work)).toMatchObject({
      code: 'fresh.strange-value',
      message: 'The value for pg_password has a line end in it, which kong.conf cannot hold.',
      hint: 'Look at the secret for a pasted line end.',
    });
  });
});
