import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { deckChanges } from '../../../src/kong/deck/deck-changes.ts';
import { deckFor, readReport } from '../../../src/kong/deck/deck.ts';
import type { Deck } from '../../../src/kong/deck/deck.ts';
import type { DeckOptions } from '../../../src/kong/deck/deck-environment.ts';
import { findDeck } from '../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { fakePrograms } from '../../support/backup/fake-program.ts';
import type { FakePrograms } from '../../support/backup/fake-program.ts';
import { faultOf } from '../../support/fault-of.ts';
import { fixturePath, need } from '../../support/need.ts';

const TOKEN = 'tok-nobody-may-see';
const HELP = 'Available Commands:\n  gateway     Subcommand\nFlags:\n';

/** A decK whose help and version are good; `script` is what it does for everything else. */
function fakeDeck(fakes: FakePrograms, script: string, options: { version?: string; help?: string } = {}): void {
  fakes.write(
    'deck',
    `case "$*" in
       version) echo "decK ${options.version ?? 'v1.65.1'} (abc)"; exit 0;;
       --help) printf '${options.help ?? HELP}'; exit 0;;
       "gateway dump --help") echo "--with-id"; exit 0;;
     esac
     ${script}`,
  );
}

describe('a decK that misbehaves', () => {
  const fakes = fakePrograms();
  let workDir = '';

  beforeAll(() => {
    workDir = mkdtempSync(join(tmpdir(), 'kong-deck-'));
  });
  afterAll(() => {
    fakes.remove();
    rmSync(workDir, { recursive: true, force: true });
  });
  afterEach(() => fakes.write('deck', 'exit 9'));

  async function options(script: string, changes: Partial<DeckOptions> = {}, version?: string): Promise<DeckOptions> {
    fakeDeck(fakes, script, {
      ...(version === undefined ? {} : { version }),
      help: changes.deck === undefined ? HELP : '',
    });
    const run = localRunner({ path: fakes.path });
    return {
      run,
      deck: changes.deck ?? (await findDeck(run)),
      gateway: 'production',
      url: 'http://kong.example:8001',
      token: TOKEN,
      edition: 'community',
      workDir,
      requestTimeoutMs: 5000,
      timeoutMs: 10_000,
      ...changes,
    };
  }
  const deck = async (...given: Parameters<typeof options>): Promise<Deck> => deckFor(await options(...given));
  const differences = async (script: string) =>
    await deckChanges(await options(script)).differences({
      file: 'x.yaml',
      workspace: null,
      skipCaCertificates: false,
    });
  const dump = () => ({ workspace: null, outFile: join(workDir, 'out.yaml'), withId: true });

  test('is given token and address by its environment only, and nothing else of ours', async () => {
    const seen = join(workDir, 'seen');
    const script = `{ env | sort; echo "args: $*"; } > ${seen}; echo x > ${join(workDir, 'out.yaml')}`;
    const old = await deck(script);
    await old.dump(dump());
    const text = readFileSync(seen, 'utf8');
    const ours = text.split('\n').filter((line) => /^(DECK|KONNECT|PG|HOME|args)/.test(line));
    expect(ours).toEqual([
      'DECK_ANALYTICS=off',
      `DECK_HEADERS=Kong-Admin-Token:${TOKEN}`,
      'DECK_KONG_ADDR=http://kong.example:8001',
      `HOME=${workDir}`,
      `args: gateway dump --output-file ${workDir}/out.yaml --yes --with-id --analytics=false --no-color --timeout 5`,
    ]);
  });

  test('that knows the token variable is given the token by it', async () => {
    const seen = join(workDir, 'seen');
    fakeDeck(fakes, '', { help: `${HELP}      --kong-admin-token string\n` });
    const tool = await findDeck(localRunner({ path: fakes.path }));
    expect(tool).toEqual({ program: 'deck', version: '1.65.1', withId: true, adminTokenVariable: true, keys: true });
    const its = await deck(`env > ${seen}; echo "Kong version:  3.9.1"`, { deck: tool });
    await its.ping();
    expect(readFileSync(seen, 'utf8')).toContain(`DECK_KONG_ADMIN_TOKEN=${TOKEN}\n`);
    expect(readFileSync(seen, 'utf8')).not.toContain('DECK_HEADERS');
  });

  test('cannot be given a token with white space when it is old', async () => {
    const old = await deck('exit 0', { token: 'two words' }, 'v1.29.2');
    expect(await faultOf(old.ping())).toEqual({
      code: 'deck.token',
      message: 'The Admin API token of production contains white space, which decK 1.29.2 cannot pass on.',
      hint: 'Look at the secret for a pasted line end, or install decK 1.64 or newer.',
      retryable: false,
    });
  });

  test.each([
    [
      'ends well and writes nothing',
      'exit 0',
      'deck.strange',
      'decK 1.65.1 ran "deck gateway dump" on production, and it ended well and wrote nothing.',
      false,
    ],
    [
      'panics',
      'echo "panic: runtime error: nil" >&2; echo "goroutine 1" >&2; exit 2',
      'deck.crashed',
      'decK itself crashed during "deck gateway dump" on production: panic: runtime error: nil.',
      false,
    ],
    [
      'is killed',
      'kill -KILL $$',
      'deck.killed',
      'decK was killed by SIGKILL during "deck gateway dump" on production.',
      true,
    ],
    ['says nothing', 'exit 1', 'deck.failed', '"deck gateway dump" failed on production: it gave no reason.', false],
    [
      'repeats the token',
      `echo "Error: bad header Kong-Admin-Token:${TOKEN}" >&2; exit 1`,
      'deck.failed',
      '"deck gateway dump" failed on production: bad header Kong-Admin-Token:***.',
      false,
    ],
    [
      'lists several errors',
      String.raw`printf 'Error: 2 errors occurred:\n\tfirst thing\n\tsecond\n' >&2; exit 1`,
      'deck.failed',
      '"deck gateway dump" failed on production: first thing.',
      false,
    ],
  ])('that %s is a Fault', async (_name, script, code, message, retryable) => {
    rmSync(join(workDir, 'out.yaml'), { force: true });
    const its = await deck(script);
    expect(await faultOf(its.dump(dump()))).toMatchObject({ code, message, retryable });
  });

  test('that hangs is killed', async () => {
    const its = await deck('sleep 600', { timeoutMs: 100 });
    expect(await faultOf(its.dump(dump()))).toMatchObject({ code: 'deck.timeout', retryable: true });
  });

  test('that swallows errors into its report and ends with 0 is not believed', async () => {
    const report = JSON.stringify({ changes: {}, summary: {}, errors: ['while processing event: HTTP status 500'] });
    expect(await faultOf(differences(`echo 'Warning: something'; echo '${report}'`))).toMatchObject({
      code: 'deck.kong-error',
      message:
        'The Admin API of production answered decK with an error of its own: while processing event: HTTP status 500.',
      retryable: true,
    });
  });

  const failing = (what: string) =>
    differences(`echo '${JSON.stringify({ changes: {}, summary: {}, errors: [what] })}'`);

  test('that a busy Kong turned away is tried again', async () => {
    const said = 'while processing event: {Create} route r1 failed: HTTP status 429 (message: "slow down")';
    expect(await faultOf(failing(said))).toEqual({
      code: 'deck.kong-error',
      message: `The Admin API of production answered decK with an error of its own: ${said}.`,
      hint: "Look at Kong's error log and its database. Then try again.",
      retryable: true,
    });
  });

  test('that lost its connection over a certificate is tried again, and one that trusts none is not', async () => {
    const over = '{Create} certificate c1 failed: making HTTP request: Put "http://kong.example:8001/certificates/c1":';
    expect(await faultOf(failing(`${over} EOF`))).toEqual({
      code: 'deck.unreachable',
      message: `The Admin API of production did not answer during "deck gateway diff": ${over} EOF.`,
      hint: 'Look whether Kong runs and the Admin API can be reached from here. Then try again.',
      retryable: true,
    });
    expect(await faultOf(failing(`${over} tls: failed to verify certificate: x509: unknown authority`))).toEqual({
      code: 'deck.certificate',
      message: `decK does not trust the Admin API of production: ${over} tls: failed to verify certificate: x509: unknown authority.`,
      hint: 'Name the authority that signed its certificate in admin_api.ca_file.',
      retryable: false,
    });
  });

  test('that calls a credential by the end of its key, spaces and all, is not quoted', async () => {
    const fault = await faultOf(failing('{Create} key-auth p 4 ss for consumer alice failed: HTTP status 400'));
    expect(fault).toMatchObject({
      message:
        '"deck gateway diff" failed on production: {Create} key-auth for consumer alice failed: HTTP status 400.',
    });
  });

  test('whose report cannot be read is not believed', async () => {
    expect(await faultOf(differences('echo "no changes"'))).toMatchObject({
      code: 'deck.strange',
      message: 'decK 1.65.1 ran "deck gateway diff" on production, and its report cannot be read.',
    });
  });

  test('that has more to tell than the bot reads is said to', async () => {
    expect(await faultOf(differences(`head -c ${65 * 1024 * 1024} /dev/zero`))).toEqual({
      code: 'deck.too-much',
      message:
        'The report of "deck gateway diff" on production is longer than the 64 MB that the bot reads: it carries every entity that changes, before and after.',
      hint: 'Restore the database of the set, or chosen entities alone (--only).',
      retryable: false,
    });
  });

  test('that lists fewer changes than it counted is asked again: people approve all of them or none', async () => {
    const one = { name: 'catalog', kind: 'service', body: { old: null, new: {} } };
    const report = JSON.stringify({
      changes: { creating: [one], updating: null, deleting: null },
      summary: { creating: 2, updating: 0, deleting: 0, total: 2 },
      errors: null,
    });
    expect(await faultOf(differences(`echo '${report}'`))).toEqual({
      code: 'deck.strange',
      message: 'decK 1.65.1 ran "deck gateway diff" on production, and it counted 2 changes and listed 1.',
      hint: 'Run the same command by hand where the bot runs, or try another version of decK.',
      retryable: true,
    });
  });

  test('that is too old, broken or missing is told apart', async () => {
    fakeDeck(fakes, '', { version: 'v1.10.0', help: 'Available Commands:\n  dump   Export\n' });
    expect(await faultOf(findDeck(localRunner({ path: fakes.path })))).toMatchObject({
      code: 'deck.too-old',
      message: 'decK 1.10.0 has no "gateway" commands.',
      hint: 'Install decK 1.28 or newer: https://github.com/Kong/deck/releases.',
    });
    fakes.write('deck', 'exit 126');
    expect(await faultOf(findDeck(localRunner({ path: fakes.path })))).toMatchObject({
      code: 'deck.broken',
      message: 'decK does not work on this machine: "deck version" ended with exit code 126.',
      hint: 'Run it by hand there; install a build for this machine from https://github.com/Kong/deck/releases.',
    });
    expect(await faultOf(findDeck(localRunner({ path: workDir })))).toMatchObject({
      code: 'deck.missing',
      message: 'decK is not on this machine, so the declarative configuration cannot be dumped from here.',
      hint: 'Install it from https://github.com/Kong/deck/releases onto the PATH, or let the gateway go without: allow_gaps: [declarative].',
    });
  });

  test.skipIf(!need('fixtures'))('reports of the newest decK are read as they were recorded', () => {
    const recorded = (name: string) =>
      readReport(
        JSON.parse(readFileSync(fixturePath('kong-3.9.1', 'deck', `${name}.run.json`), 'utf8')) as { stdout: string },
      );
    expect(recorded('diff-update-delete-json')?.changes.creating).toMatchObject([
      { kind: 'service', name: 'added' },
      { kind: 'route', name: 'added-r' },
    ]);
    expect(recorded('sync-half-fail-json')?.errors).toHaveLength(1);
    expect(recorded('diff-from-empty-nonzero-json')).toBeNull();
  });
});
