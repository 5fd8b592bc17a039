import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { deckChanges } from '../../../src/kong/deck/deck-changes.ts';
import { deckFor } from '../../../src/kong/deck/deck.ts';
import type { Deck } from '../../../src/kong/deck/deck.ts';
import type { DeckOptions } from '../../../src/kong/deck/deck-environment.ts';
import { findDeck } from '../../../src/kong/dump/tools.ts';
import type { DeckTool } from '../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { faultOf } from '../../support/fault-of.ts';
import { fixturePath, need } from '../../support/need.ts';
import { json, recordedKong } from '../../support/kong/recorded-kong.ts';
import type { RecordedKong } from '../../support/kong/recorded-kong.ts';

const run = localRunner();
const TOKEN = 'tok-nobody-may-see';

describe.skipIf(!need('deck') || !need('fixtures'))('real decK on what a real Kong answered', () => {
  let tool: DeckTool;
  let kong: RecordedKong;
  let workDir = '';
  let files = 0;

  const options = (): DeckOptions => ({
    run,
    deck: tool,
    gateway: 'production',
    url: kong.url,
    token: TOKEN,
    edition: 'community',
    workDir,
    requestTimeoutMs: 5000,
    timeoutMs: 20_000,
  });
  const deck = (changes: Partial<DeckOptions> = {}): Deck => deckFor({ ...options(), ...changes });
  const differences = async (file: string, workspace: string | null = null) =>
    await deckChanges(options()).differences({ file, workspace, skipCaCertificates: false });
  function dumpTo(workspace: string | null = null) {
    files += 1;
    return { workspace, outFile: join(workDir, `dump-${files}.yaml`), withId: true };
  }

  beforeAll(async () => {
    tool = await findDeck(run);
    kong = await recordedKong('3.9.1');
    workDir = mkdtempSync(join(tmpdir(), 'kong-deck-'));
  });
  afterAll(async () => {
    rmSync(workDir, { recursive: true, force: true });
    await kong.close();
  });

  test('ping answers the version of Kong and carries the token', async () => {
    expect(await deck().ping()).toBe('3.9.1');
    expect(kong.asked.at(-1)?.headers['kong-admin-token']).toBe(TOKEN);
  });

  test.each([
    ['without white space, by the environment', { 'x-pass': 'p1', 'x-other': 'p2' }],
    ['with white space, by a private file', { 'x-pass': 'p1 and more', 'x-other': 'p2' }],
  ])('headers of its own go %s, and the token with them', async (_, headers) => {
    await deck({ headers, deck: { ...tool, adminTokenVariable: false } }).dump(dumpTo());
    const last = kong.asked.at(-1)?.headers;
    expect({ ...last }).toMatchObject({ ...headers, 'kong-admin-token': TOKEN });
  });

  test.each(['3.9.1', '2.8.5'] as const)(
    'dump of %s keeps ids, is private, and holds what Kong has',
    async (version) => {
      const its = await recordedKong(version);
      const request = dumpTo();
      const dumped = await deck({ url: its.url }).dump(request);
      const state = parse(readFileSync(request.outFile, 'utf8')) as Record<string, { id?: string; name?: string }[]>;
      const recorded = parse(
        readFileSync(fixturePath(`kong-${version}`, 'deck', 'dump-with-id.yaml'), 'utf8'),
      ) as typeof state;
      expect(state['consumers']?.map(({ id }) => id).toSorted()).toEqual(
        recorded['consumers']?.map(({ id }) => id).toSorted(),
      );
      expect(state['services']?.length).toBe(recorded['services']?.length);
      expect(dumped.bytes).toBe(statSync(request.outFile).size);
      expect(statSync(request.outFile).mode & 0o777).toBe(0o600);
      await its.close();
    },
  );

  test('a fresh dump differs in nothing, whatever decK prints before its report', async () => {
    const request = dumpTo();
    await deck().dump(request);
    // decK 1.65 sees a change in a tagged key for ever.
    expect((await differences(request.outFile)).filter(({ kind }) => kind !== 'key')).toEqual([]);
  });

  test('what Kong has no more is to be made again', async () => {
    const request = dumpTo();
    await deck().dump(request);
    kong.answer('/services', json(200, { data: [], next: null }));
    const found = await differences(request.outFile, 'default');
    kong.answer('/services', null);
    expect(found.filter(({ action }) => action === 'create')).toHaveLength(6);
    expect(found.find(({ kind, name }) => kind === 'service' && name === 'catalog')?.action).toBe('create');
  });

  test('on Kong OSS a workspace is never named, and another than the default is refused', async () => {
    await deck().dump(dumpTo('default'));
    expect(kong.asked.some(({ path }) => path.startsWith('/default') || path.includes('workspaces'))).toBe(false);
    expect(await faultOf(deck().dump(dumpTo('team-a')))).toEqual({
      code: 'deck.no-workspaces',
      message: 'production is a Kong OSS gateway and has no workspace team-a.',
      hint: 'Take "workspaces" out of this gateway in the configuration.',
      retryable: false,
    });
  });

  test('on Enterprise the workspace is named', async () => {
    kong.answer('/team-a/workspaces/team-a', json(200, { name: 'team-a' }));
    await deck({ edition: 'enterprise' })
      .dump(dumpTo('team-a'))
      .catch(() => undefined);
    expect(kong.asked.map(({ path }) => path)).toContain('/team-a/workspaces/team-a');
    kong.answer('/team-a/workspaces/team-a', null);
  });

  describe('that fails says why', () => {
    test('a list that the token may not read', async () => {
      kong.answer('/services', json(403, { message: `no, ${TOKEN}` }));
      expect(await faultOf(deck().dump(dumpTo()))).toEqual({
        code: 'deck.forbidden',
        message:
          'The Admin API of production does not let decK read what "deck gateway dump" needs: reading configuration from Kong: services: HTTP status 403 (message: "no, ***").',
        hint: 'Give the token the right to read every list (/, /schemas and all entities), or use another token.',
        retryable: false,
      });
      kong.answer('/services', null);
    });

    test('an error of Kong itself', async () => {
      kong.answer('/routes', json(500, { message: 'An unexpected error occurred' }));
      expect(await faultOf(deck().dump(dumpTo()))).toMatchObject({
        code: 'deck.kong-error',
        message:
          'The Admin API of production answered decK with an error of its own: reading configuration from Kong: routes: HTTP status 500 (message: "An unexpected error occurred").',
        hint: "Look at Kong's error log and its database. Then try again.",
        retryable: true,
      });
      kong.answer('/routes', null);
    });

    test('a Kong that is not there', async () => {
      const gone = await recordedKong('3.9.1');
      await gone.close();
      expect(await faultOf(deck({ url: gone.url }).ping())).toMatchObject({
        code: 'deck.unreachable',
        message: expect.stringMatching(
          /^The Admin API of production did not answer during "deck gateway ping": .*connection refused\.$/,
        ) as string,
        retryable: true,
      });
    });

    test('a Kong that hangs', async () => {
      kong.answer('/consumers', () => undefined);
      expect(await faultOf(deck({ requestTimeoutMs: 1000 }).dump(dumpTo()))).toMatchObject({
        code: 'deck.unreachable',
        retryable: true,
      });
      expect(await faultOf(deck({ timeoutMs: 300 }).dump(dumpTo()))).toEqual({
        code: 'deck.timeout',
        message: '"deck gateway dump" on production did not end in the time allowed and was stopped.',
        hint: 'Look whether the Admin API answers slowly; with many consumers raise step_minutes in the configuration.',
        retryable: true,
      });
      const abort = new AbortController();
      const dumping = deck().dump({ ...dumpTo(), signal: abort.signal });
      abort.abort(new Error('the run was cancelled'));
      await expect(dumping).rejects.toThrow('the run was cancelled');
      kong.answer('/consumers', null);
    });

    test('a root without a version, which makes decK panic', async () => {
      kong.answer('/', json(200, { configuration: {} }));
      expect(await faultOf(deck().ping())).toMatchObject({
        code: 'deck.crashed',
        message: expect.stringMatching(
          /^decK itself crashed during "deck gateway ping" on production: panic: .*\.$/,
        ) as string,
        hint: 'Install another version of decK and report this one: https://github.com/Kong/deck/issues.',
        retryable: false,
      });
      kong.answer('/', null);
    });
  });
});
