import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, it } from 'vitest';
import { MANIFEST, SIGNATURE } from '../../../src/backup/storage/destination.ts';
import type { Destination } from '../../../src/backup/storage/destination.ts';
import type { SetRef } from '../../../src/backup/set/set-id.ts';
import { Fault } from '../../../src/runs/fault.ts';

const never = new AbortController().signal;
const ref: SetRef = { gateway: 'production', set: 'production-20261121T0740Z-B-142' };
const later: SetRef = { gateway: 'production', set: 'production-20261122T0740Z-B-7' };
const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');

export const source = (bytes: Buffer = content): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, n) => bytes.subarray(n * 65_536, (n + 1) * 65_536)),
  );

/** What every destination must do, whatever it is made of. `make` answers a fresh, empty one. */
export function destinationContract(kind: string, make: () => Promise<Destination>): void {
  describe(`a ${kind} destination`, () => {
    let place: Destination;
    beforeEach(async () => {
      place = await make();
    });

    const stage = async (set: SetRef = ref): Promise<void> => {
      await place.writeArtifact(set, 'database.tar.zst', source(), never);
      await place.writeFacts(set, 'database.tar.zst', { rows: 5 });
    };
    const fault = async (work: Promise<unknown>): Promise<Fault> => {
      const error = await work.then(
        () => new Error('it was allowed'),
        (reason: unknown) => reason,
      );
      if (error instanceof Fault) return error;
      throw error;
    };

    it('answers size and SHA-256 of what it wrote', async () => {
      expect(await place.writeArtifact(ref, 'database.tar.zst', source(), never)).toEqual({ bytes: 300_000, sha256 });
    });

    it('proves that it can be written, and leaves nothing of the proof', async () => {
      await place.probe('production');
      expect(await place.listSets('production')).toEqual([]);
      expect(await place.freeBytes()).toSatisfy((bytes: number | null) => bytes === null || bytes > 0);
    });

    it('does not count an artifact before its facts are written', async () => {
      await place.writeArtifact(ref, 'database.tar.zst', source(), never);
      expect(await place.stagedArtifacts(ref)).toEqual([]);
      await place.writeFacts(ref, 'database.tar.zst', { rows: 5 });
      expect(await place.stagedArtifacts(ref)).toEqual([
        { name: 'database.tar.zst', bytes: 300_000, facts: { rows: 5 } },
      ]);
    });

    it('does not list a set before it is published', async () => {
      await stage();
      expect(await place.listSets('production')).toEqual([]);
      expect(await place.isPublished(ref)).toBe(false);
    });

    it('publishes the artifacts, the manifest and its signature, and nothing else', async () => {
      await stage();
      await place.publish(ref, '{"a":1}', 'c2ln\n');
      expect(await place.isPublished(ref)).toBe(true);
      expect(await place.listSets('production')).toEqual([ref.set]);
      expect(await place.listFiles(ref)).toEqual([
        { name: 'database.tar.zst', bytes: 300_000 },
        { name: MANIFEST, bytes: 7 },
        { name: SIGNATURE, bytes: 5 },
      ]);
      expect(await buffer(await place.read(ref, 'database.tar.zst'))).toEqual(content);
      expect(await place.stagedArtifacts(ref)).toEqual([]);
    });

    it('refuses to write into or publish over a published set, and leaves it as it is', async () => {
      await stage();
      await place.publish(ref, '{"a":1}', 'c2ln\n');
      const expected = {
        code: 'set-exists',
        message: `Destination ${place.name}: set ${ref.set} is already published, and a published set is never changed.`,
        hint: 'Start a new backup: it gets a name of its own.',
      };
      expect((await fault(place.writeArtifact(ref, 'more.tar', source(), never))).facts()).toEqual(expected);
      expect((await fault(place.publish(ref, '{"a":2}', 'x'))).facts()).toEqual(expected);
      expect(String(await buffer(await place.read(ref, MANIFEST)))).toBe('{"a":1}');
    });

    it('refuses to publish nothing', async () => {
      expect((await fault(place.publish(ref, '{}', 'x'))).facts()).toEqual({
        code: 'staging-unfinished',
        message: `Destination ${place.name}: nothing is staged for set ${ref.set}, so there is nothing to publish.`,
        hint: 'Start the backup again.',
      });
    });

    it('refuses to publish an artifact that nobody finished', async () => {
      await stage();
      await place.writeArtifact(ref, 'files.tar', source(), never);
      expect((await fault(place.publish(ref, '{}', 'x'))).facts()).toEqual({
        code: 'staging-unfinished',
        message: `Destination ${place.name}: files.tar was not finished, so set ${ref.set} cannot be published.`,
        hint: 'Start the backup again.',
      });
      expect(await place.listSets('production')).toEqual([]);
    });

    it('takes the second attempt of an artifact for the first', async () => {
      await stage();
      const other = randomBytes(10);
      await place.writeArtifact(ref, 'database.tar.zst', source(other), never);
      expect(await place.stagedArtifacts(ref)).toEqual([]);
      await place.writeFacts(ref, 'database.tar.zst', { rows: 6 });
      expect(await place.stagedArtifacts(ref)).toEqual([{ name: 'database.tar.zst', bytes: 10, facts: { rows: 6 } }]);
    });

    it('counts nothing of an artifact whose writing was aborted or whose source broke', async () => {
      const stop = new AbortController();
      const endless = Readable.from(
        (async function* chunks() {
          for (let n = 0; ; n += 1) {
            if (n === 3) stop.abort();
            yield content;
          }
        })(),
      );
      await expect(place.writeArtifact(ref, 'database.tar.zst', endless, stop.signal)).rejects.toThrow(/abort/i);
      const broken = Readable.from(
        (async function* chunks() {
          yield content;
          throw new Error('the source broke');
        })(),
      );
      await expect(place.writeArtifact(ref, 'database.tar.zst', broken, never)).rejects.toThrow('the source broke');
      expect(await place.stagedArtifacts(ref)).toEqual([]);
      expect((await fault(place.publish(ref, '{}', 'x'))).code).toBe('staging-unfinished');
    });

    it('survives a source that broke before the first byte was asked for', async () => {
      const broken = source();
      broken.destroy(new Error('broken early'));
      await expect(place.writeArtifact(ref, 'database.tar.zst', broken, never)).rejects.toThrow('broken early');
      expect(await place.stagedArtifacts(ref)).toEqual([]);
    });

    it('discards what is staged, and only that, as often as it is asked', async () => {
      await stage(later);
      await place.publish(later, '{}', 'x');
      await stage();
      expect(await place.hasStaged(ref)).toBe(true);
      for (const set of [ref, ref, later]) await place.discard(set);
      expect(await place.hasStaged(ref)).toBe(false);
      expect(await place.stagedArtifacts(ref)).toEqual([]);
      expect(await place.listSets('production')).toEqual([later.set]);
      await stage();
      expect(await place.stagedArtifacts(ref)).toHaveLength(1);
    });

    it('removes a published set whole, and only that one, as often as it is asked', async () => {
      for (const set of [ref, later]) {
        await stage(set);
        await place.publish(set, '{}', 'x');
      }
      for (let times = 0; times < 2; times += 1) await place.remove(ref);
      expect(await place.isPublished(ref)).toBe(false);
      expect(await place.listSets('production')).toEqual([later.set]);
      expect(await place.listFiles(ref)).toEqual([]);
      expect(await place.hasStaged(ref)).toBe(false);
      expect((await place.listFiles(later)).length).toBe(3);
    });

    it('lists the sets of one gateway, oldest first', async () => {
      for (const set of [later, ref, { gateway: 'staging', set: 'staging-20261121T0740Z-B-1' }]) {
        await stage(set);
        await place.publish(set, '{}', 'x');
      }
      expect(await place.listSets('production')).toEqual([ref.set, later.set]);
      expect(await place.listSets('nobody')).toEqual([]);
    });

    it('lets no name out of its folder', async () => {
      await expect(place.writeArtifact(ref, '../escape', source(), never)).rejects.toThrow('not a plain file name');
      await expect(place.isPublished({ gateway: 'production', set: '../staging' })).rejects.toThrow('not a set id');
    });
  });
}
