import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deckChanges } from '../../../src/kong/deck/deck-changes.ts';
import type { DeckChanges } from '../../../src/kong/deck/deck-changes.ts';
import { escapeTemplates } from '../../../src/kong/deck/deck-template.ts';
import { deckFor } from '../../../src/kong/deck/deck.ts';
import { findDeck } from '../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { STAGING } from '../../../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../../../src/sandbox/kong/seed/seed.ts';
import { unplannedChanges } from '../../../src/steps/restore/declarative/changes.ts';
import { faultOf } from '../../support/fault-of.ts';
import { need } from '../../support/need.ts';
import { ask, emptyStandIn } from '../../support/kong/stand-in-kong.ts';
import type { Running } from '../../support/kong/stand-in-kong.ts';

describe.skipIf(!need('deck'))('real decK takes a file to a gateway', () => {
  let full: Running;
  let empty: Running;
  let folder = '';
  let file = '';
  const at = async (running: Running): Promise<DeckChanges> =>
    deckChanges({ ...(await options(running)), deck: await findDeck(localRunner()) });
  const options = async ({ kong }: Running) => ({
    run: localRunner(),
    deck: await findDeck(localRunner()),
    gateway: 'production',
    url: kong.url,
    edition: 'community' as const,
    workDir: folder,
    requestTimeoutMs: 5000,
    timeoutMs: 30_000,
  });
  const request = (path = file) => ({ file: path, workspace: null, skipCaCertificates: false, parallelism: 4 });
  const written = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deck-changes-'));
    full = await emptyStandIn('3.9.1', { fill: (url) => seedKong(url, STAGING, '3.9.1') });
    empty = await emptyStandIn('3.9.1');
    file = join(folder, 'full.yaml');
    await deckFor(await options(full)).dump({ workspace: null, outFile: file, withId: true });
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await full.end();
    await empty.end();
  });

  test('a file that is none is refused without Kong, and what it quotes is not said', async () => {
    const bad = written('bad.yaml', '_format_version: "3.0"\nservicez:\n- name: s1\n  password: hush-hush\n');
    expect(await faultOf((await at(empty)).validateFile(request(bad)))).toEqual({
      code: 'declarative.invalid',
      message:
        'production would not take the declarative file: validation error: (root): Additional property servicez is not allowed.',
      hint: 'Nothing was changed. Restore a set of this version of Kong and its plugins, or the database of this set.',
      retryable: false,
    });
    await (await at(empty)).validateFile(request());
  });

  test('what Kong would refuse is named before anything is written', async () => {
    const bad = written(
      'bad-schema.yaml',
      '_format_version: "3.0"\nservices:\n- name: s1\n  host: one.internal\n  port: 99999\n- name: s2\n  host: two.internal\n  port: 70000\n',
    );
    await (await at(empty)).validateFile(request(bad));
    const fault = await faultOf((await at(empty)).validateOnline(request(bad)));
    const message = (what: string): unknown => ({ message: expect.stringContaining(what) as string });
    expect(fault).toMatchObject(message('port: value should be between 0 and 65535') as object);
    expect(fault).toMatchObject(message("validate entity 'services (s2)'") as object);
    expect(empty.kong.requests.some(({ method }) => method === 'PUT')).toBe(false);
    await (await at(empty)).validateOnline(request());
  });

  test('differences are the same each time, with the whole entity before and after', async () => {
    const deck = await at(empty);
    const [one, two] = [await deck.differences(request()), await deck.differences(request())];
    const sorted = (entries: typeof one) => entries.map((entry) => JSON.stringify(entry)).toSorted();
    expect(sorted(one)).toEqual(sorted(two));
    expect(one.find(({ kind, name }) => kind === 'service' && name === 'catalog')).toMatchObject({
      action: 'create',
      before: null,
      after: { name: 'catalog' },
    });
    expect(await (await at(full)).differences(request())).toEqual([]);
    // decK itself calls the old one new where it goes.
    const nothing = written('nothing.yaml', '_format_version: "3.0"\n');
    const gone = await (await at(full)).differences(request(nothing));
    expect(gone.find(({ kind, name }) => kind === 'service' && name === 'catalog')).toMatchObject({
      action: 'delete',
      before: { name: 'catalog' },
      after: null,
    });
  });

  test('differences are all there, though decK works on many of them at once', async () => {
    const services = Array.from({ length: 3000 }, (_, index) => `- name: s${index}\n  host: s${index}.internal\n`);
    const many = written('many.yaml', `_format_version: "3.0"\nservices:\n${services.join('')}`);
    const found = await (await at(empty)).differences(request(many));
    expect(found.filter(({ action }) => action === 'create')).toHaveLength(3000);
  });

  test('a sync that Kong refuses in the middle is an answer and not an exit code', async () => {
    const deck = await at(empty);
    empty.kong.faults.respond('PUT', /^\/routes\//, 409, { times: 1, body: { message: 'UNIQUE violation' } });
    const half = await deck.sync({ ...request(), parallelism: 1 });
    expect(half.errors).toEqual([
      expect.stringMatching(/^while processing event: .*Create.* route .* failed: HTTP status 409/),
    ]);
    const left = await deck.differences(request());
    expect(left.length).toBeGreaterThan(0);
    expect(left.some(({ kind }) => kind === 'service')).toBe(false);
    const rest = await deck.sync(request());
    expect([rest.errors, rest.done.length]).toEqual([[], left.length]);
    expect(rest.warnings.join()).toMatch(/basic-auth/);
    expect(await deck.differences(request())).toEqual([]);
  });

  test('a sync undoes what somebody changed or added since the plan, and that is known by name', async () => {
    const { url } = empty.kong;
    const planned = { entries: await (await at(empty)).differences(request()) };
    await ask(url, 'PATCH', '/services/catalog', { retries: 9 });
    await ask(url, 'POST', '/services', { name: 'late', host: 'late.internal' });
    const synced = await (await at(empty)).sync(request());
    expect(unplannedChanges(synced, planned)).toEqual({ deleted: ['service late'], updated: ['service catalog'] });
    expect(unplannedChanges(await (await at(empty)).sync(request()), planned)).toEqual({ deleted: [], updated: [] });
  });

  test('what Kong quotes of a key that is taken, and what decK calls it by, is not said', async () => {
    const { kong } = empty;
    const taken = { message: `UNIQUE violation detected on '{key="hush-hush-key"}'` };
    const { body } = await ask(kong.url, 'GET', '/key-auths');
    const [key] = (body as { data: { id: string; key: string; consumer: { id: string } }[] }).data;
    await ask(kong.url, 'DELETE', `/consumers/${key?.consumer.id}/key-auth/${key?.id}`);
    kong.faults.respond('PUT', /key-auth/, 409, { times: 9, body: taken });
    const { errors } = await (await at(empty)).sync(request());
    kong.faults.clear();
    expect(errors).toEqual([
      expect.stringMatching(/key-auth for consumer \S+ failed: HTTP status 409 .*\{key=\\"\*\*\*\\"\}/),
    ]);
    expect(errors.join()).not.toContain(key?.key.slice(-5));
    expect(errors.join()).not.toContain('hush');
    expect((await (await at(empty)).sync(request())).errors).toEqual([]);
  });

  test('where decK does not see our files they go by its standard input', async () => {
    const elsewhere = { ...localRunner(), sameHost: false };
    const deck = deckChanges({ ...(await options(empty)), run: elsewhere });
    const bad = written('streamed.yaml', '_format_version: "3.0"\nservicez: []\n');
    expect(await faultOf(deck.validateFile(request(bad)))).toMatchObject({ code: 'declarative.invalid' });
    await deck.validateFile(request());
    await deck.validateOnline(request());
    expect(await deck.differences(request())).toEqual([]);
    expect((await deck.sync(request())).errors).toEqual([]);
  });

  test('what looks like a template of decK stays the text that it is, and our environment stays ours', async () => {
    const tag = '${{ env "DECK_KONG_ADDR" }}';
    await ask(full.kong.url, 'POST', '/services', { name: 'odd', host: 'odd.internal', tags: [tag] });
    const out = join(folder, 'odd.yaml');
    await deckFor(await options(full)).dump({ workspace: null, outFile: out, withId: true });
    const deck = await at(full);
    // As decK wrote it, it would write the address of the Admin API into the gateway.
    const [change] = await deck.differences(request(out));
    expect(change).toMatchObject({ before: { tags: [tag] }, after: { tags: [full.kong.url] } });
    const escaped = written('escaped.yaml', escapeTemplates(readFileSync(out, 'utf8')));
    await deck.validateFile(request(escaped));
    expect(await deck.differences(request(escaped))).toEqual([]);
  });
});
