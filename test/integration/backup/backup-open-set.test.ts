import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ageLibrary } from '../../../src/backup/encryption/cipher-library.ts';
import type { Opening, Sealing } from '../../../src/backup/encryption/encoding.ts';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { openSet } from '../../../src/backup/set/open-set.ts';
import type { OpenSet } from '../../../src/backup/set/open-set.ts';
import { verifySet } from '../../../src/backup/set/verify.ts';
import { isRefusal } from '../../../src/runs/refusal.ts';
import type { Refusal } from '../../../src/runs/refusal.ts';
import { inMemory, publishSmallSet, signingKey } from '../../support/backup/small-set.ts';
import { newKey } from './backup-cipher-contract.ts';

const never = new AbortController().signal;
const ref = { gateway: 'production', set: 'production-20261121T0740Z-B-142' };
const other = { gateway: 'production', set: 'production-20261120T0740Z-B-141' };
const contents = { 'database.dump': randomBytes(300), 'files.tar': Buffer.from('kong.conf and the rest') };
const DATABASE = 'database.dump.zst.age';
const DAMAGED_HINT =
  'Nothing of it was used. Use the copy in another destination, or another set; keep this one until it is explained.';

describe('reading a set', () => {
  const cipher = ageLibrary();
  const key = signingKey();
  let home: string;
  let sealing: Sealing;
  let opening: Opening;
  let recipient: string;
  let made = 0;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'kong-chatops-test-'));
    const ours = await newKey();
    recipient = ours.recipient;
    sealing = { cipher, recipients: [ours.recipient] };
    opening = { cipher, identities: [ours.identity] };
  });
  afterAll(async () => {
    await rm(home, { recursive: true, force: true });
  });
  const published = async (encrypted = true): Promise<LocalDestination> => {
    const place = new LocalDestination('vault', join(home, `sets-${(made += 1)}`));
    const whole = { key, sealing: encrypted ? sealing : null };
    await publishSmallSet(place, { ref, contents, ...whole });
    await publishSmallSet(place, { ref: other, contents: { 'database.dump': randomBytes(300) }, ...whole });
    return place;
  };
  const open = (place: LocalDestination, options = {}): Promise<OpenSet | Refusal> =>
    openSet(place, ref, { publicKeys: [key.publicKey], opening, ...options });
  const opened = async (place: LocalDestination, options = {}): Promise<OpenSet> => {
    const set = await open(place, options);
    if (isRefusal(set)) throw new Error(set.message);
    return set;
  };

  it.each([true, false])('gives each artifact as it was before it was stored (encrypted: %s)', async (encrypted) => {
    const set = await opened(await published(encrypted));
    for (const { name } of set.manifest.artifacts) {
      const expected = contents[name.replace('.zst.age', '') as keyof typeof contents];
      const stream = await set.readArtifact(name, { signal: never });
      expect(isRefusal(stream) ? stream : await buffer(stream)).toEqual(expected);
      const file = join(home, `fetched-${(made += 1)}`);
      expect(await set.fetchArtifact(name, file, { signal: never })).toMatchObject({ bytes: expected.length });
      expect(await readFile(file)).toEqual(expected);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
  });

  it('never writes over a file', async () => {
    const set = await opened(await published());
    const file = join(home, 'taken');
    await writeFile(file, 'mine');
    expect(await set.fetchArtifact(DATABASE, file, { signal: never })).toEqual({
      refused: true,
      code: 'file-exists',
      message: `${file} exists already and is left as it is.`,
      hint: 'Name another file or folder.',
    });
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  it('is not opened by another identity, and says whose it would take', async () => {
    const place = await published();
    const stranger = await newKey();
    const set = await opened(place, { opening: { cipher, identities: [stranger.identity] } });
    const file = join(home, 'never');
    expect(await set.fetchArtifact(DATABASE, file, { signal: never })).toEqual({
      refused: true,
      code: 'identity-wrong',
      message: `Set ${ref.set} is not encrypted for this identity, whose public key is ${stranger.recipient}.`,
      hint: `Give the identity of one of its recipients: ${recipient}.`,
    });
    const blind = await opened(place, { opening: null });
    expect(await blind.fetchArtifact(DATABASE, file, { signal: never })).toEqual({
      refused: true,
      code: 'identity-missing',
      message: `Set ${ref.set} is encrypted, and there is no identity here to open it.`,
      hint: `Give the identity (AGE-SECRET-KEY-1…) of one of its recipients: ${recipient}.`,
    });
    expect(await blind.fetchArtifact('passwords.txt', file, { signal: never })).toMatchObject({
      code: 'artifact-unknown',
      message: `Set ${ref.set} has no artifact passwords.txt.`,
    });
    expect((await readdir(home)).filter((name) => name.startsWith('never'))).toEqual([]);
  });

  it.each<[string, (set: string) => Promise<unknown>, string, RegExp]>([
    [
      'an artifact is missing',
      (set) => rm(join(set, DATABASE)),
      'artifact-damaged',
      /^database\.dump\.zst\.age of set .* in destination vault is not as it was written: it is missing\.$/,
    ],
    [
      'an artifact was cut',
      (set) => truncate(join(set, DATABASE), 400),
      'artifact-damaged',
      /is not as it was written: it has 400 bytes instead of \d+\.$/,
    ],
    [
      'the signature is missing',
      (set) => rm(join(set, 'manifest.json.sig')),
      'signature-missing',
      /^The manifest of set .* in destination vault has no signature beside it\.$/,
    ],
    [
      'the manifest is missing',
      (set) => rm(join(set, 'manifest.json')),
      'set-missing',
      /^Destination vault has no set /,
    ],
    [
      'the manifest was changed',
      async (set) => {
        const text = await readFile(join(set, 'manifest.json'), 'utf8');
        await writeFile(join(set, 'manifest.json'), text.replace('3.9.1', '3.9.2'));
      },
      'signature-wrong',
      /^The manifest of set .* in destination vault or its signature was changed: they do not belong together\.$/,
    ],
    [
      'it is another set under this name',
      async (set) => {
        await rm(set, { recursive: true });
        await rename(join(set, '..', other.set), set);
      },
      'set-swapped',
      /is that of set production-20261120T0740Z-B-141 of gateway production: somebody moved or renamed it\.$/,
    ],
  ])('is refused when %s', async (_, spoil, code, message) => {
    const place = await published();
    await spoil(place.placeOf(ref));
    const refusal = await open(place);
    expect(refusal).toMatchObject({ refused: true, code, message: expect.stringMatching(message) });
  });

  it('is refused when the same artifact of another set lies in its place', async () => {
    const place = await published();
    await copyFile(join(place.placeOf(other), DATABASE), join(place.placeOf(ref), DATABASE));
    const set = await open(place);
    const file = join(home, 'swapped');
    const refusal = isRefusal(set) ? set : await set.fetchArtifact(DATABASE, file, { signal: never });
    expect(refusal).toMatchObject({ refused: true, code: 'artifact-damaged', hint: DAMAGED_HINT });
  });

  it('is refused when another key signed it, and when it lies under another gateway', async () => {
    const place = await published();
    expect(await open(place, { publicKeys: [signingKey().publicKey] })).toMatchObject({
      code: 'signed-by-stranger',
      hint: 'If that is an older key of yours, give its public half; else do not use the set.',
    });
    expect(isRefusal(await open(place, { publicKeys: [signingKey().publicKey, key.publicKey] }))).toBe(false);
    const root = join(place.placeOf(ref), '../..');
    await mkdir(join(root, 'staging'));
    await rename(place.placeOf(ref), join(root, 'staging', ref.set));
    const elsewhere = await openSet(place, { ...ref, gateway: 'staging' }, { publicKeys: [key.publicKey], opening });
    expect(elsewhere).toMatchObject({ code: 'set-swapped' });
  });

  it('tells a set of a newer version from a damaged one', async () => {
    const place = await published();
    const file = join(place.placeOf(ref), 'manifest.json');
    const { signText } = await import('../../../src/backup/set/signature.ts');
    const text = (await readFile(file, 'utf8')).replace('kong-chatops-backup/2', 'kong-chatops-backup/4');
    await writeFile(file, text);
    await writeFile(`${file}.sig`, signText(text, key.privateKey));
    expect(await open(place)).toEqual({
      refused: true,
      code: 'manifest-newer',
      message:
        'The manifest of this set was written by a newer version of kong-chatops, whose sets this one cannot read.',
      hint: 'Use the version that wrote it, or a newer one.',
    });
  });

  it.each([true, false])('is refused before harm, whichever byte was flipped (encrypted: %s)', async (encrypted) => {
    const { files, destination } = await inMemory(await published(encrypted), ref);
    const total = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    expect(total).toBeLessThan(16_384);
    const options = { publicKeys: [key.publicKey], opening };
    let refused = 0;
    for (const [name, bytes] of files) {
      for (let at = 0; at < bytes.length; at += 1) {
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
        const set = await openSet(destination, ref, options);
        const file = join(home, 'harm');
        const answer = isRefusal(set) ? set : await set.fetchArtifact(name, file, { signal: never });
        const verified = await verifySet(destination, ref, { publicKeyPem: key.publicKey, signal: never });
        if (isRefusal(answer) && verified.problems.length > 0) refused += 1;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      }
    }
    expect(refused).toBe(total);
    expect((await readdir(home)).filter((name) => name.startsWith('harm'))).toEqual([]);
    const whole = await openSet(destination, ref, options);
    expect(isRefusal(whole)).toBe(false);
  });
});
