import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { PRODUCTION, STAGING } from '../../../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../../../src/sandbox/kong/seed/seed.ts';
import { fixturePath, need } from '../../support/need.ts';
import { type DeckRun, runDeck } from '../../support/kong/run-deck.ts';
import { emptyStandIn, type Running, standInOfRecording, VERSIONS } from '../../support/kong/stand-in-kong.ts';

const NO_CHANGES = 'Summary:\n  Created: 0\n  Updated: 0\n  Deleted: 0';

/** Lists sorted all the way down; decK writes them in an order of its own that differs between its versions. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted((value as Record<string, unknown>)[key])]),
  );
}

/** Passwords of basic-auth are hashed anew by every write, which is Kong's own trap. */
function withoutPasswords(file: unknown): unknown {
  return JSON.parse(JSON.stringify(file, (key, value: unknown) => (key === 'password' ? 'hashed' : value))) as unknown;
}

/** decK before 1.48 knows neither, and the recordings are of 1.65, which sees a change in a tagged one for ever. */
const KEYS = /^(?:key|key-set)$/;

/** `creating service added`, in any order: decK works in parallel. */
function eventsOf(stdout: string): readonly string[] {
  return [...stdout.matchAll(/^(creating|updating|deleting) (\S+) ([^{\n]*)/gm)]
    .filter(([, , kind = '']) => !KEYS.test(kind))
    .map(([, verb, kind, name]) => `${verb} ${kind} ${name?.trim()}`)
    .toSorted();
}

function changesOf(stdout: string): readonly string[] {
  const { changes } = JSON.parse(stdout.slice(/^\{/m.exec(stdout)?.index ?? 0)) as {
    changes: Record<string, { kind: string; name: string }[]>;
  };
  return Object.entries(changes)
    .flatMap(([verb, list]) =>
      list.filter(({ kind }) => !KEYS.test(kind)).map(({ kind, name }) => `${verb} ${kind} ${name.trim()}`),
    )
    .toSorted();
}

describe.skipIf(!need('deck')).each(VERSIONS)('real decK against a stand-in Kong %s', (version) => {
  let folder: string;
  const open: Running[] = [];
  const keep = async (running: Promise<Running>): Promise<Running> => {
    open.push(await running);
    return running;
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stand-in-deck-'));
  });
  afterEach(async () => {
    for (const running of open.splice(0)) await running.end();
    await rm(folder, { recursive: true, force: true });
  });
  const dump = async (url: string, name: string): Promise<unknown> => {
    const file = join(folder, name);
    expect(await runDeck(url, ['gateway', 'dump', '--with-id', '-o', file, '--yes'])).toMatchObject({ exit: 0 });
    return sorted(parse(await readFile(file, 'utf8')));
  };

  test('ping names the version', async () => {
    const { kong } = await keep(emptyStandIn(version));
    const { exit, stdout } = await runDeck(kong.url, ['gateway', 'ping']);
    expect([exit, stdout]).toEqual([0, `Successfully connected to Kong!\nKong version:  ${version}\n`.trimEnd()]);
  });

  test.skipIf(!need('fixtures') || !need('psql'))(
    'dumps what it dumped from the real Kong with these rows',
    async () => {
      const { kong } = await keep(standInOfRecording(version));
      const real = parse(await readFile(fixturePath(`kong-${version}`, 'deck', 'dump-with-id.yaml'), 'utf8')) as Record<
        string,
        unknown
      >;
      const made = (await dump(kong.url, 'dump.yaml')) as Record<string, unknown>;
      // decK before 1.48 does not know them; the recording is of 1.65.
      const { keys: _keys, key_sets: _sets, ...known } = real;
      expect(made).toEqual(sorted('keys' in made ? real : known));
    },
  );

  test.skipIf(!need('fixtures') || !need('psql'))(
    'a diff and a sync say, change and end as they did on the real Kong with these rows',
    async () => {
      const { kong } = await keep(standInOfRecording(version));
      // decK before 1.48 refuses a file with keys.
      const {
        keys: _keys,
        key_sets: _sets,
        ...known
      } = parse(await readFile(fixturePath(`kong-${version}`, 'deck', 'changed.yaml'), 'utf8')) as Record<
        string,
        unknown
      >;
      const changed = join(folder, 'changed.json');
      await writeFile(changed, JSON.stringify(known));
      const recorded = async (name: string): Promise<DeckRun> =>
        JSON.parse(await readFile(fixturePath(`kong-${version}`, 'deck', `${name}.run.json`), 'utf8')) as DeckRun;
      const told = ({ exit, stdout }: DeckRun): unknown => [exit, eventsOf(stdout)];
      const diff = ['gateway', 'diff', changed];
      expect(told(await runDeck(kong.url, diff))).toEqual(told(await recorded('diff-update-delete')));
      const json = await runDeck(kong.url, [...diff, '--json-output']);
      expect([json.exit, changesOf(json.stdout)]).toEqual([
        0,
        changesOf((await recorded('diff-update-delete-json')).stdout),
      ]);
      const writes = (): unknown[] => kong.requests.filter(({ method }) => method !== 'GET');
      expect(writes()).toEqual([]);
      const sync = await runDeck(kong.url, ['gateway', 'sync', changed]);
      expect(told(sync)).toEqual(told(await recorded('sync-update-delete')));
      expect(writes().length).toBeGreaterThan(0);
      const again = await runDeck(kong.url, [...diff, '--non-zero-exit-code']);
      expect(told(again)).toEqual([0, []]);
    },
  );

  test('a fresh dump of a seeded gateway has no differences, is valid, and fills an empty one alike', async () => {
    const blue = await keep(emptyStandIn(version, { fill: (url) => seedKong(url, STAGING, version) }));
    const green = await keep(emptyStandIn(version));
    const before = await dump(blue.kong.url, 'blue.yaml');
    const file = join(folder, 'blue.yaml');

    const diff = await runDeck(blue.kong.url, ['gateway', 'diff', file, '--non-zero-exit-code']);
    expect([diff.exit, diff.stdout]).toEqual([0, expect.stringContaining(NO_CHANGES)]);
    expect(await runDeck(blue.kong.url, ['gateway', 'validate', file])).toMatchObject({ exit: 0, stderr: '' });
    expect(await runDeck(green.kong.url, ['gateway', 'sync', file])).toMatchObject({ exit: 0, stderr: '' });

    const after = await dump(green.kong.url, 'green.yaml');
    expect(withoutPasswords(after)).toEqual(withoutPasswords(before));
    expect(after).not.toEqual(before);
  });

  test('an online validation finds what the schema forbids', async () => {
    const { kong } = await keep(emptyStandIn(version));
    const { exit, stderr } = await runDeck(kong.url, ['gateway', 'validate', fixtureOfBadService()]);
    expect([exit, stderr]).toEqual([1, expect.stringContaining('port: value should be between 0 and 65535')]);
  });

  const fixtureOfBadService = (): string => join(import.meta.dirname, '../../support/kong/kong-bad-service.yaml');

  test('a token that may not read the consumers fails the dump, and so does an unknown one', async () => {
    const { kong } = await keep(
      emptyStandIn(version, {
        edition: 'enterprise',
        token: 'worthless-token',
        tokenRights: { mayNotRead: ['consumers'] },
        fill: (url) => seedKong(url, STAGING, version),
      }),
    );
    const args = ['gateway', 'dump', '-o', join(folder, 'none.yaml'), '--yes', '-w', 'default'];
    const barred = await runDeck(kong.url, args, { DECK_HEADERS: 'Kong-Admin-Token:worthless-token' });
    expect(barred).toMatchObject({ exit: 1, stderr: expect.stringContaining('HTTP status 403') as string });
    const stranger = await runDeck(kong.url, args, { DECK_HEADERS: 'Kong-Admin-Token:other' });
    expect(stranger).toMatchObject({ exit: 1, stderr: expect.stringContaining('HTTP status 401') as string });
  });

  test('on Enterprise a workspace is dumped apart from the others', async () => {
    const { kong } = await keep(
      emptyStandIn(version, { edition: 'enterprise', fill: (url) => seedKong(url, STAGING, version) }),
    );
    await fetch(`${kong.url}/workspaces`, {
      method: 'POST',
      body: '{"name":"partners"}',
      headers: { 'Content-Type': 'application/json' },
    });
    await fetch(`${kong.url}/partners/services`, {
      method: 'POST',
      body: '{"name":"only-here","host":"partner.internal"}',
      headers: { 'Content-Type': 'application/json' },
    });
    const file = join(folder, 'partners.yaml');
    expect(
      await runDeck(kong.url, ['gateway', 'dump', '-w', 'partners', '-o', file, '--yes', '--skip-ca-certificates']),
    ).toMatchObject({ exit: 0 });
    const { _workspace, services } = parse(await readFile(file, 'utf8')) as {
      _workspace: string;
      services: { name: string }[];
    };
    expect([_workspace, services.map(({ name }) => name)]).toEqual(['partners', ['only-here']]);
  });
});

describe('the seeded gateways', () => {
  test('staging and production differ, and seeding again changes no entity', async () => {
    const staging = await emptyStandIn('3.9.1', { fill: (url) => seedKong(url, STAGING) });
    const production = await emptyStandIn('3.9.1', { fill: (url) => seedKong(url, PRODUCTION) });
    const names = async ({ kong }: Running, path: string): Promise<string[]> => {
      const { data } = (await (await fetch(`${kong.url}/${path}?size=1000`)).json()) as { data: { id: string }[] };
      return data.map(({ id }) => id);
    };
    try {
      expect((await names(staging, 'services')).length).toBe(5);
      expect((await names(production, 'services')).length).toBe(14);
      const before = await names(production, 'consumers');
      expect(before.length).toBe(40);
      await seedKong(production.database.ownerUrl, PRODUCTION);
      expect(await names(production, 'consumers')).toEqual(before);
      expect((await names(staging, 'consumers')).some((id) => before.includes(id))).toBe(false);
    } finally {
      await staging.end();
      await production.end();
    }
  });
});
