import { randomUUID } from 'node:crypto';
import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline as finished } from 'node:stream/promises';
import type { S3Config } from '../../../config/schema.ts';
import { streamFrom } from '../../../run-command/stream-from.ts';
import { Fault } from '../../../runs/fault.ts';
import { canonicalText } from '../../../runs/json.ts';
import type { JsonObject } from '../../../runs/json.ts';
import { MANIFEST, setExists, setLocked, SIGNATURE, stagingUnfinished } from '../destination.ts';
import type { Destination, StagedArtifact, StoredFile } from '../destination.ts';
import { hashedFile, hashing } from '../hashed-file.ts';
import { plainName, setName } from '../../set/names.ts';
import { isSetId } from '../../set/set-id.ts';
import type { SetRef } from '../../set/set-id.ts';
import { s3Fault } from './faults.ts';
import type { Bucket } from './objects.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const FACTS = '.json';

/**
 * A bucket. Artifacts are written where they stay, `<prefix>/<gateway>/<set>/<name>`, and their facts under
 * `<prefix>/<gateway>/.incoming-<set>/`. The set exists once its manifest does: nothing lists a set without one, and the
 * manifest is written last, only where there is none.
 */
export class S3Destination implements Destination {
  readonly name: string;
  /** The library is large, and loaded when the first request is made. */
  readonly #bucket: () => Promise<Bucket>;
  readonly #settings: Pick<S3Config, 'bucket' | 'prefix' | 'object_lock_days'>;

  constructor(
    settings: Pick<S3Config, 'name' | 'bucket' | 'prefix' | 'object_lock_days'>,
    bucket: () => Promise<Bucket>,
  ) {
    this.name = settings.name;
    this.#settings = settings;
    this.#bucket = bucket;
  }

  placeOf(ref: SetRef): string {
    return `s3://${this.#settings.bucket}/${this.#set(ref)}`;
  }

  async probe(gateway: string): Promise<void> {
    await this.#guarded('writing a small object', async () => {
      if (this.#settings.object_lock_days !== undefined && !(await (await this.#bucket()).hasObjectLock()))
        throw this.#noLock();
      const key = `${this.#gateway(gateway)}.probe-${randomUUID()}`;
      await (await this.#bucket()).create(key, 'kong-chatops');
      await (await this.#bucket()).remove(key);
    });
  }

  freeBytes(): Promise<null> {
    return Promise.resolve(null);
  }

  async writeArtifact(ref: SetRef, name: string, source: Readable, signal: AbortSignal): Promise<StoredFile> {
    // A source that breaks before anybody reads it would end the process; whoever reads it sees that it broke.
    source.on('error', () => undefined);
    return this.#guarded(`writing ${name}`, async () => {
      const key = this.#set(ref) + plainName(name);
      await this.#refusePublished(ref);
      // The facts go first: if this attempt dies, the artifact that it half replaced must not count.
      await (await this.#bucket()).remove(this.#facts(ref) + name + FACTS);
      await (await this.#bucket()).remove(key);
      const hashed = hashedFile();
      const body = pipeline(source, hashing(hashed), () => undefined);
      body.on('error', () => undefined);
      if (await (await this.#bucket()).upload(key, body, signal)) return hashed.result();
      throw new Fault(
        'object-exists',
        `Destination ${this.name}: somebody else wrote ${name} of set ${ref.set} at the same time.`,
        'Look whether a second worker is running this backup; the bot tries again by itself.',
        { retryable: true },
      );
    });
  }

  async writeFacts(ref: SetRef, name: string, facts: JsonObject): Promise<void> {
    await this.#guarded(`writing the facts of ${name}`, async () =>
      (await this.#bucket()).put(this.#facts(ref) + plainName(name) + FACTS, canonicalText(facts)),
    );
  }

  async stagedArtifacts(ref: SetRef): Promise<readonly StagedArtifact[]> {
    return this.#guarded('looking at what is staged', async () => {
      if (await this.#hasManifest(ref)) return [];
      const sizes = await this.#sizes(ref);
      const prefix = this.#facts(ref);
      const staged: StagedArtifact[] = [];
      for (const { key } of await (await this.#bucket()).list(prefix)) {
        const name = key.slice(prefix.length, -FACTS.length);
        const bytes = sizes.get(name);
        const facts = await (await this.#bucket()).get(key);
        if (bytes !== undefined && facts !== null)
          staged.push({ name, bytes, facts: JSON.parse(await text(facts)) as JsonObject });
      }
      return staged.sort((a, b) => (a.name < b.name ? -1 : 1));
    });
  }

  async publish(ref: SetRef, manifest: string, signature: string): Promise<void> {
    await this.#guarded(`publishing set ${ref.set}`, async () => {
      await this.#refusePublished(ref);
      const whole = (await this.stagedArtifacts(ref)).map(({ name }) => name);
      const lying = [...(await this.#sizes(ref)).keys()];
      const others = lying.filter((name) => name !== SIGNATURE && !whole.includes(name)).sort();
      if (whole.length === 0 || others.length > 0) throw stagingUnfinished(this.name, ref, whole.length, others);
      const until = this.#lockedUntil();
      if (until !== null) for (const name of whole) await (await this.#bucket()).retain(this.#set(ref) + name, until);
      // One that a predecessor left belongs to a manifest that was never written.
      await (await this.#bucket()).remove(this.#set(ref) + SIGNATURE);
      const alone =
        (await (await this.#bucket()).create(this.#set(ref) + SIGNATURE, signature, until)) &&
        (await (await this.#bucket()).create(this.#set(ref) + MANIFEST, manifest, until));
      if (!alone) throw setExists(this.name, ref);
    });
    // It is published: facts that stay behind are in nobody's way.
    await this.#removeFacts(ref).catch(() => undefined);
  }

  async hasStaged(ref: SetRef): Promise<boolean> {
    return this.#guarded('looking at what is staged', async () => {
      if (await this.#hasManifest(ref)) return false;
      const [facts, sizes, parts] = await Promise.all([
        (await this.#bucket()).list(this.#facts(ref)),
        this.#sizes(ref),
        (await this.#bucket()).unfinished(this.#set(ref)),
      ]);
      return facts.length + sizes.size + parts.length > 0;
    });
  }

  async discard(ref: SetRef): Promise<void> {
    await this.#guarded(`removing what was staged for ${ref.set}`, async () => {
      for (const { key, id } of await (await this.#bucket()).unfinished(this.#set(ref)))
        await (await this.#bucket()).abandon(key, id);
      await this.#removeFacts(ref);
      if (await this.#hasManifest(ref)) return;
      for (const { key } of await (await this.#bucket()).list(this.#set(ref))) await (await this.#bucket()).remove(key);
    });
  }

  async remove(ref: SetRef): Promise<void> {
    await this.#guarded(`removing set ${ref.set}`, async () => {
      const bucket = await this.#bucket();
      const found = await bucket.list(this.#set(ref));
      const [last] = (await Promise.all(found.map(({ key }) => bucket.lockedUntil(key))))
        .flatMap((at) => at ?? [])
        .sort((a, b) => b.getTime() - a.getTime());
      if (last !== undefined && last.getTime() > Date.now()) throw setLocked(this.name, ref, last);
      const manifest = this.#set(ref) + MANIFEST;
      await bucket.erase(manifest);
      for (const { key } of found) if (key !== manifest) await bucket.erase(key);
      await this.#removeFacts(ref);
    });
  }

  async isPublished(ref: SetRef): Promise<boolean> {
    return this.#guarded(`looking for set ${ref.set}`, () => this.#hasManifest(ref));
  }

  async listGateways(): Promise<readonly string[]> {
    return this.#guarded('listing gateways', async () =>
      [...(await (await this.#bucket()).folders(this.#root()))].sort(),
    );
  }

  async listSets(gateway: string): Promise<readonly string[]> {
    return this.#guarded('listing sets', async () => {
      const names = (await (await this.#bucket()).folders(this.#gateway(gateway))).filter(isSetId).sort();
      const published = await Promise.all(names.map((set) => this.#hasManifest({ gateway, set })));
      return names.filter((_, index) => published[index]);
    });
  }

  async listFiles(ref: SetRef): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
    return this.#guarded(`listing set ${ref.set}`, async () => {
      const files = [...(await this.#sizes(ref))].map(([name, bytes]) => ({ name, bytes }));
      return files.sort((a, b) => (a.name < b.name ? -1 : 1));
    });
  }

  async read(ref: SetRef, name: string, signal?: AbortSignal): Promise<Readable> {
    const doing = `reading ${name} of set ${ref.set}`;
    const body = await this.#guarded(doing, async () => {
      const found = await (await this.#bucket()).get(this.#set(ref) + plainName(name), signal);
      if (found !== null) return found;
      throw new Fault(
        'object-missing',
        `Destination ${this.name}: ${doing} failed because it is not there.`,
        'Look who removed it; use the copy in another destination.',
      );
    });
    return streamFrom(signal ?? new AbortController().signal, async (output, signal) => {
      await finished(body, output, { end: false, signal }).catch((error: unknown) => {
        throw s3Fault(error, this.name, doing);
      });
    });
  }

  #root(): string {
    const { prefix } = this.#settings;
    return prefix === undefined ? '' : `${prefix}/`;
  }

  #gateway(gateway: string): string {
    return `${this.#root()}${plainName(gateway)}/`;
  }

  #set(ref: SetRef): string {
    return `${this.#gateway(ref.gateway)}${setName(ref)}/`;
  }

  #facts(ref: SetRef): string {
    return `${this.#gateway(ref.gateway)}.incoming-${setName(ref)}/`;
  }

  async #sizes(ref: SetRef): Promise<ReadonlyMap<string, number>> {
    const prefix = this.#set(ref);
    return new Map(
      (await (await this.#bucket()).list(prefix)).map(({ key, bytes }) => [key.slice(prefix.length), bytes]),
    );
  }

  async #hasManifest(ref: SetRef): Promise<boolean> {
    return (await (await this.#bucket()).head(this.#set(ref) + MANIFEST)) !== null;
  }

  async #refusePublished(ref: SetRef): Promise<void> {
    if (await this.#hasManifest(ref)) throw setExists(this.name, ref);
  }

  async #removeFacts(ref: SetRef): Promise<void> {
    for (const { key } of await (await this.#bucket()).list(this.#facts(ref))) await (await this.#bucket()).remove(key);
  }

  #lockedUntil(): Date | null {
    const { object_lock_days: days } = this.#settings;
    return days === undefined ? null : new Date(Date.now() + days * DAY_MS);
  }

  #noLock(): Fault {
    return new Fault(
      'object-lock-missing',
      `Destination ${this.name}: bucket ${this.#settings.bucket} has no object lock, but object_lock_days is configured.`,
      'Use a bucket that was made with object lock, or remove object_lock_days from the configuration.',
    );
  }

  /** Every error of a request in the work names this destination. */
  async #guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw s3Fault(error, this.name, doing);
    }
  }
}
