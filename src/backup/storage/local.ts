import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rm, statfs } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { Fault } from '../../runs/fault.ts';
import { canonicalText } from '../../runs/json.ts';
import type { JsonObject } from '../../runs/json.ts';
import { MANIFEST, setExists, SIGNATURE, stagingUnfinished } from './destination.ts';
import type { Destination, StagedArtifact, StoredFile } from './destination.ts';
import { exists, makeFolders, moveFolder, namesIn, sizeOf, syncFolder, writeText, writeWhole } from './durable.ts';
import { plainName, setName } from '../set/names.ts';
import { isSetId } from '../set/set-id.ts';
import type { SetRef } from '../set/set-id.ts';
import { storageFault } from './storage-fault.ts';

interface StagingFolders {
  readonly all: string;
  readonly set: string;
  readonly facts: string;
  readonly part: string;
}

/**
 * A folder: `<root>/<gateway>/<set>/` holds a published set, `<root>/<gateway>/.incoming-<set>/` one that is being made:
 * `set/` becomes the published folder by one rename, `facts/` holds the facts, `part/` what is being written.
 * Folders are 0700 and files 0600, because a dump holds every credential of the gateway.
 */
export class LocalDestination implements Destination {
  readonly name: string;
  readonly #root: string;

  /** `root` is made when it is missing, its parents are not: a missing mount must not be filled on the wrong disk. */
  constructor(name: string, root: string) {
    this.name = name;
    this.#root = root;
  }

  placeOf(ref: SetRef): string {
    return join(this.#gateway(ref.gateway), setName(ref));
  }

  async probe(gateway: string): Promise<void> {
    await this.#guarded('writing a small file', async () => {
      const folder = this.#gateway(gateway);
      await makeFolders([this.#root, folder]);
      const file = join(folder, `.probe-${randomUUID()}`);
      await writeText(file, folder, 'kong-chatops');
      await rm(file);
    });
  }

  async freeBytes(): Promise<number> {
    return this.#guarded('asking for the free space', async () => {
      const facts = await statfs((await exists(this.#root)) ? this.#root : dirname(this.#root));
      return facts.bavail * facts.bsize;
    });
  }

  async writeArtifact(ref: SetRef, name: string, source: Readable, signal: AbortSignal): Promise<StoredFile> {
    // A source that breaks before the pipeline holds it would end the process; the pipeline still sees that it broke.
    source.on('error', () => undefined);
    return this.#guarded(`writing ${name}`, async () => {
      const folder = await this.#stage(ref);
      // The facts go first: if this attempt dies, the artifact that it half replaced must not count.
      await rm(join(folder.facts, `${plainName(name)}.json`), { force: true });
      await rm(join(folder.set, name), { force: true });
      return writeWhole(join(folder.set, name), folder.part, source, signal);
    });
  }

  async writeFacts(ref: SetRef, name: string, facts: JsonObject): Promise<void> {
    await this.#guarded(`writing the facts of ${name}`, async () => {
      const folder = this.#staging(ref);
      await writeText(join(folder.facts, `${plainName(name)}.json`), folder.part, canonicalText(facts));
    });
  }

  async stagedArtifacts(ref: SetRef): Promise<readonly StagedArtifact[]> {
    return this.#guarded('looking at what is staged', async () => {
      const folder = this.#staging(ref);
      const staged: StagedArtifact[] = [];
      for (const file of await namesIn(folder.facts)) {
        const name = file.slice(0, -'.json'.length);
        const bytes = await sizeOf(join(folder.set, name));
        const facts = JSON.parse(await readFile(join(folder.facts, file), 'utf8')) as JsonObject;
        if (bytes !== null) staged.push({ name, bytes, facts });
      }
      return staged;
    });
  }

  async publish(ref: SetRef, manifest: string, signature: string): Promise<void> {
    await this.#guarded(`publishing set ${ref.set}`, async () => {
      await this.#refusePublished(ref);
      await this.#refuseUnfinished(ref);
      const folder = this.#staging(ref);
      await writeText(join(folder.set, SIGNATURE), folder.part, signature);
      await writeText(join(folder.set, MANIFEST), folder.part, manifest);
      await moveFolder(folder.set, this.placeOf(ref));
      await this.discard(ref);
    });
  }

  async hasStaged(ref: SetRef): Promise<boolean> {
    return this.#guarded('looking at what is staged', () => exists(this.#staging(ref).all));
  }

  async discard(ref: SetRef): Promise<void> {
    await this.#guarded(`removing what was staged for ${ref.set}`, () =>
      rm(this.#staging(ref).all, { recursive: true, force: true }),
    );
  }

  async remove(ref: SetRef): Promise<void> {
    await this.#guarded(`removing set ${ref.set}`, async () => {
      const folder = this.placeOf(ref);
      if (!(await exists(folder))) return;
      await rm(join(folder, MANIFEST), { force: true });
      // The rest may take a while, or never be reached: on the disk the manifest must be gone before it begins.
      await syncFolder(folder);
      await rm(folder, { recursive: true, force: true });
      await syncFolder(dirname(folder));
    });
  }

  async isPublished(ref: SetRef): Promise<boolean> {
    return this.#guarded(`looking for set ${ref.set}`, () => exists(join(this.placeOf(ref), MANIFEST)));
  }

  async listGateways(): Promise<readonly string[]> {
    return this.#guarded('listing gateways', async () =>
      (await namesIn(this.#root)).filter((name) => !name.startsWith('.')),
    );
  }

  async listSets(gateway: string): Promise<readonly string[]> {
    return this.#guarded('listing sets', async () => {
      const names = (await namesIn(this.#gateway(gateway))).filter(isSetId);
      const published = await Promise.all(names.map((set) => this.isPublished({ gateway, set })));
      return names.filter((_, index) => published[index]);
    });
  }

  async listFiles(ref: SetRef): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
    return this.#guarded(`listing set ${ref.set}`, async () => {
      const names = await namesIn(this.placeOf(ref));
      const sizes = await Promise.all(names.map((name) => sizeOf(join(this.placeOf(ref), name))));
      return names.map((name, index) => ({ name, bytes: sizes[index] ?? 0 }));
    });
  }

  async read(ref: SetRef, name: string, signal?: AbortSignal): Promise<Readable> {
    return this.#guarded(`reading ${name} of set ${ref.set}`, async () => {
      const handle = await openFile(join(this.placeOf(ref), plainName(name)), this.name);
      return handle.createReadStream({ highWaterMark: 1 << 20, ...(signal === undefined ? {} : { signal }) });
    });
  }

  #gateway(gateway: string): string {
    return join(this.#root, plainName(gateway));
  }

  #staging(ref: SetRef): StagingFolders {
    const all = join(this.#gateway(ref.gateway), `.incoming-${setName(ref)}`);
    return { all, set: join(all, 'set'), facts: join(all, 'facts'), part: join(all, 'part') };
  }

  async #stage(ref: SetRef): Promise<StagingFolders> {
    await this.#refusePublished(ref);
    const folder = this.#staging(ref);
    await makeFolders([this.#root, this.#gateway(ref.gateway), folder.all, folder.set, folder.facts, folder.part]);
    return folder;
  }

  async #refusePublished(ref: SetRef): Promise<void> {
    if (await exists(this.placeOf(ref))) throw setExists(this.name, ref);
  }

  /** Whatever lies among the artifacts without facts was left by somebody who died: it must not be published. */
  async #refuseUnfinished(ref: SetRef): Promise<void> {
    const whole = new Set((await this.stagedArtifacts(ref)).map((artifact) => artifact.name));
    const others = (await namesIn(this.#staging(ref).set)).filter((name) => !whole.has(name));
    const unfinished = others.filter((name) => name !== MANIFEST && name !== SIGNATURE);
    if (whole.size === 0 || unfinished.length > 0) throw stagingUnfinished(this.name, ref, whole.size, unfinished);
  }

  /** Every system error in the work names this destination. */
  async #guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw storageFault(error, this.name, doing);
    }
  }
}

/** Whatever lies in a destination may be a pipe, which would block a thread for good when it is opened to wait. */
async function openFile(path: string, destination: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Fault(
    'destination-odd',
    `Destination ${destination}: ${path} is a folder, a pipe or a device, and no file.`,
    'Somebody else put it there: look who writes to this destination, and use another copy of the set.',
  );
}
