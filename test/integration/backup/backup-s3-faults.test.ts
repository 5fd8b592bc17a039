import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Destination } from '../../../src/backup/storage/destination.ts';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { destinationOf } from '../../../src/backup/storage/open-destination.ts';
import { storeEverywhere } from '../../../src/backup/storage/store-everywhere.ts';
import type { S3Config } from '../../../src/config/schema.ts';
import { startFaultyProxy } from '../../support/faulty-proxy.ts';
import type { FaultyProxy } from '../../support/faulty-proxy.ts';
import { need } from '../../support/need.ts';
import { SECRET_KEY, startS3 } from '../../support/backup/s3.ts';
import type { S3Server } from '../../support/backup/s3.ts';
import { faultFrom } from '../steps/steps-world.ts';

const never = new AbortController().signal;
const ref = { gateway: 'production', set: 'production-20261121T0740Z-B-142' };
const MB = 1024 * 1024;
/** Three parts. */
const large = randomBytes(40 * MB);
const inPieces = (bytes: Buffer): Readable =>
  Readable.from(Array.from({ length: Math.ceil(bytes.length / MB) }, (_, n) => bytes.subarray(n * MB, (n + 1) * MB)));

describe.skipIf(!need('versitygw'))('an S3 destination on bad days', () => {
  let server: S3Server;
  let proxy: FaultyProxy;
  beforeAll(async () => {
    server = await startS3();
    proxy = await startFaultyProxy(server.url);
  });
  afterEach(() => {
    proxy.fate = () => 'pass';
  });
  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });
  const place = async (more: Partial<S3Config> = {}): Promise<Destination & { readonly bucket: string }> => {
    const bucket = more.bucket ?? (await server.bucket());
    const destination = destinationOf(server.settings(bucket, { endpoint: proxy.url, ...more }), server.secret);
    return Object.assign(destination, { bucket });
  };
  const unfinished = async (bucket: string): Promise<number> =>
    ((await server.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).length;

  it('brings an artifact of several parts back byte by byte', async () => {
    const here = await place();
    const stored = await here.writeArtifact(ref, 'database.dump.zst.age', inPieces(large), never);
    expect(stored.bytes).toBe(large.length);
    await here.writeFacts(ref, 'database.dump.zst.age', {});
    await here.publish(ref, '{}', 'x');
    expect((await buffer(await here.read(ref, 'database.dump.zst.age'))).equals(large)).toBe(true);
    expect(proxy.seen.filter((name) => name.includes('partNumber=')).length).toBe(3);
  });

  it.each([
    [
      'a wrong key',
      async () => destinationOf(server.settings(await server.bucket()), () => 'wrong'),
      {
        code: 'destination-refused',
        message: expect.stringMatching(
          /^Destination offsite: writing a small object failed because the server refused the key \((InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied), status 403\)\.$/,
        ),
        hint: 'Check the credentials of the destination and what they may do with the bucket (docs/configuration.md lists it).',
      },
    ],
    [
      'a missing bucket',
      async () => place({ bucket: 'nowhere' }),
      {
        code: 'destination-missing',
        message:
          'Destination offsite: writing a small object failed because the bucket does not exist (NoSuchBucket, status 404).',
        hint: 'Create the bucket, or correct its name and region in the configuration, then try again.',
      },
    ],
    [
      'a server that is not there',
      async () => place({ endpoint: 'http://127.0.0.1:1' }),
      {
        code: 'destination-unreachable',
        message: 'Destination offsite: writing a small object failed because the server did not answer (ECONNREFUSED).',
        hint: 'Look at the network between the worker and the storage, then try again.',
      },
    ],
    [
      'object lock that the bucket does not have',
      async () => place({ object_lock_days: 3 }),
      {
        code: 'object-lock-missing',
        message: expect.stringMatching(
          /^Destination offsite: bucket sets-\d+ has no object lock, but object_lock_days is configured\.$/,
        ),
        hint: 'Use a bucket that was made with object lock, or remove object_lock_days from the configuration.',
      },
    ],
  ])('says what is wrong: %s', async (_, make, facts) => {
    const fault = await faultFrom((await make()).probe('production'));
    expect(fault.facts()).toEqual(facts);
    expect(`${fault.message}${fault.hint}`).not.toContain(SECRET_KEY);
  });

  it('is tried again when the connection dies in the middle of a part, and the artifact is right', async () => {
    const here = await place();
    let cuts = 0;
    proxy.fate = (name) => {
      if (!name.includes('partNumber=2') || cuts > 0) return 'pass';
      cuts += 1;
      return 'cut';
    };
    await here.writeArtifact(ref, 'a.age', inPieces(large), never);
    await here.writeFacts(ref, 'a.age', {});
    await here.publish(ref, '{}', 'x');
    expect(cuts).toBe(1);
    expect((await buffer(await here.read(ref, 'a.age'))).equals(large)).toBe(true);
  });

  it('leaves no parts when the connection keeps dying, and the other copies are made', async () => {
    const here = await place();
    const home = await mkdtemp(join(tmpdir(), 'kong-chatops-test-'));
    const folder = new LocalDestination('folder', join(home, 'sets'));
    proxy.fate = (name) => (name.includes('partNumber=2') ? 'cut' : 'pass');
    const both = await storeEverywhere([here, folder], ref, 'a.age', inPieces(large), never);
    expect(both.holders).toEqual([folder]);
    expect(both.lost[0]?.why).toMatch(
      /^Destination offsite: writing a\.age failed because the server did not answer \(E[A-Z]+\)\.$/,
    );
    expect(both.stored.bytes).toBe(large.length);
    expect(await unfinished(here.bucket)).toBe(0);
    expect(await here.hasStaged(ref)).toBe(false);
    await rm(home, { recursive: true });
  });

  it.each(['manifest.json', 'a.age'])('takes its own write for done when the answer to %s was lost', async (lost) => {
    const here = await place();
    let dropped = 0;
    proxy.fate = (name) => {
      if (!name.startsWith('PUT') || !name.includes(`${ref.set}/${lost}`) || dropped > 0) return 'pass';
      dropped += 1;
      return 'lose-answer';
    };
    await here.writeArtifact(ref, 'a.age', inPieces(Buffer.from('small')), never);
    await here.writeFacts(ref, 'a.age', {});
    await here.publish(ref, '{"a":1}', 'x');
    expect(dropped).toBe(1);
    expect(await here.listSets('production')).toEqual([ref.set]);
    expect(String(await buffer(await here.read(ref, 'a.age')))).toBe('small');
  });

  it('takes its own upload for done when the answer to its completion was lost', async () => {
    const here = await place();
    let dropped = 0;
    proxy.fate = (name) => {
      if (!name.startsWith('POST') || !name.includes('uploadId=') || dropped > 0) return 'pass';
      dropped += 1;
      return 'lose-answer';
    };
    await here.writeArtifact(ref, 'a.age', inPieces(large), never);
    await here.writeFacts(ref, 'a.age', {});
    expect(dropped).toBe(1);
    expect(await here.stagedArtifacts(ref)).toMatchObject([{ name: 'a.age', bytes: large.length }]);
  });

  it('waits out a server that is overloaded for a moment', async () => {
    const here = await place();
    let told = 0;
    proxy.fate = (name) => (name.startsWith('PUT') && (told += 1) <= 1 ? 'slow-down' : 'pass');
    await here.probe('production');
    expect(told).toBeGreaterThan(1);
    proxy.fate = () => 'slow-down';
    const fault = await faultFrom(here.writeArtifact(ref, 'a.age', inPieces(Buffer.from('x')), never));
    expect(fault.facts()).toMatchObject({ code: 'destination-failed' });
    expect(fault.retryable).toBe(true);
  });

  it('stops at once when the run is cancelled while nobody answers, and its parts can be discarded', async () => {
    const here = await place();
    const stop = new AbortController();
    const before = proxy.seen.length;
    const begun = (): boolean => proxy.seen.slice(before).some((name) => name.includes('partNumber=1'));
    proxy.fate = (name) => (name.includes('partNumber=1') ? 'silence' : 'pass');
    const writing = here.writeArtifact(ref, 'a.age', inPieces(large), stop.signal);
    writing.catch(() => undefined);
    await expect.poll(begun).toBe(true);
    const began = performance.now();
    stop.abort(new Error('not wanted'));
    await expect(writing).rejects.toThrow('not wanted');
    expect(performance.now() - began).toBeLessThan(4000);
    proxy.fate = () => 'pass';
    await here.discard(ref);
    expect(await unfinished(here.bucket)).toBe(0);
    expect(await here.hasStaged(ref)).toBe(false);
  });

  it('writes nothing when the run was cancelled before', async () => {
    const here = await place();
    const source = inPieces(large);
    const cancelled = AbortSignal.abort(new Error('not wanted'));
    await expect(here.writeArtifact(ref, 'a.age', source, cancelled)).rejects.toThrow('not wanted');
    await expect.poll(() => source.destroyed).toBe(true);
    expect(await here.hasStaged(ref)).toBe(false);
  });

  it('never writes over what somebody else published', async () => {
    const here = await place();
    await here.writeArtifact(ref, 'a.age', inPieces(Buffer.from('one')), never);
    await here.writeFacts(ref, 'a.age', {});
    const other = destinationOf(server.settings(here.bucket), server.secret);
    await other.publish(ref, '{"a":1}', 'x');
    expect((await faultFrom(here.publish(ref, '{"a":2}', 'y'))).code).toBe('set-exists');
    expect((await faultFrom(here.writeArtifact(ref, 'a.age', inPieces(Buffer.from('two')), never))).code).toBe(
      'set-exists',
    );
    const { Body } = await server.client.send(
      new GetObjectCommand({ Bucket: here.bucket, Key: `production/${ref.set}/manifest.json` }),
    );
    expect(await Body?.transformToString()).toBe('{"a":1}');
  });

  it('locks a published set where it is told to, and nothing that is not published', async () => {
    const bucket = await server.bucket({ lock: true });
    const here = await place({ bucket, object_lock_days: 3, prefix: 'backups/kong' });
    await here.probe('production');
    await here.writeArtifact(ref, 'a.age', inPieces(Buffer.from('one')), never);
    await here.writeFacts(ref, 'a.age', {});
    await here.discard(ref);
    expect(await here.hasStaged(ref)).toBe(false);
    await here.writeArtifact(ref, 'a.age', inPieces(Buffer.from('one')), never);
    await here.writeFacts(ref, 'a.age', {});
    await here.publish(ref, '{}', 'x');
    expect(here.placeOf(ref)).toBe(`s3://${bucket}/backups/kong/production/${ref.set}/`);
    const { Versions = [] } = await server.client.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: `backups/kong/production/${ref.set}/` }),
    );
    const latest = Versions.filter(({ IsLatest }) => IsLatest === true);
    expect(latest.length).toBe(3);
    for (const { Key, VersionId } of latest)
      await expect(
        server.client.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId })),
      ).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
    expect(await here.listGateways()).toEqual(['production']);
    const kept = await here.remove(ref).then(
      () => null,
      (error: unknown) => error,
    );
    expect(kept).toMatchObject({
      code: 'set-locked',
      message: expect.stringMatching(
        /^Destination offsite: set .* is locked until .*Z, so nothing of it was removed\.$/,
      ),
      hint: 'It goes after the first backup behind that time; object lock is there to make sure of it.',
    });
    expect(await here.isPublished(ref)).toBe(true);
    expect((await here.listFiles(ref)).length).toBe(3);
  });
});

describe.skipIf(!need('versitygw') || !need('root'))('a full S3 server', () => {
  it('says so, and leaves nothing', async (test) => {
    const home = await mkdtemp(join(tmpdir(), 'kong-chatops-test-'));
    const small = join(home, 'small');
    await mkdir(small);
    const mount = await execa('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', small], { reject: false });
    if (mount.exitCode !== 0) test.skip('this system does not let root mount a tmpfs');
    const server = await startS3({ root: small });
    try {
      const here = destinationOf(server.settings(await server.bucket()), server.secret);
      const fault = await faultFrom(here.writeArtifact(ref, 'a.age', inPieces(large), never));
      expect(fault.code).toMatch(/^destination-(full|failed)$/);
      expect(await here.stagedArtifacts(ref)).toEqual([]);
      await here.discard(ref);
      expect(await here.hasStaged(ref)).toBe(false);
    } finally {
      await server.stop();
      await execa('umount', [small]);
      await rm(home, { recursive: true, force: true });
    }
  });
});
