import { generateKeyPairSync } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Destination } from '../../../src/backup/storage/destination.ts';
import { encode, storedName } from '../../../src/backup/encryption/encoding.ts';
import type { Coding, Sealing } from '../../../src/backup/encryption/encoding.ts';
import { MANIFEST_FORMAT, manifestText } from '../../../src/backup/set/manifest.ts';
import type { Manifest, ManifestArtifact } from '../../../src/backup/set/manifest.ts';
import type { SetRef } from '../../../src/backup/set/set-id.ts';
import { keyFingerprint, signText } from '../../../src/backup/set/signature.ts';

export interface SigningKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

export function signingKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

const KINDS: Readonly<Record<string, ManifestArtifact['kind']>> = {
  'database.dump': 'database',
  'declarative-default.yaml': 'declarative',
  'files.tar': 'files',
};

export interface SmallSet {
  readonly ref: SetRef;
  readonly key: SigningKey;
  /** Null: not encrypted. */
  readonly sealing: Sealing | null;
  /** Plain names and contents. */
  readonly contents: Readonly<Record<string, Buffer>>;
}

/** Publishes a set of these artifacts, as the steps of a backup do. Answers its manifest. */
export async function publishSmallSet(destination: Destination, set: SmallSet): Promise<Manifest> {
  const { ref, key, sealing, contents } = set;
  const codings: readonly Coding[] = sealing === null ? [] : ['zstd', 'age'];
  const signal = new AbortController().signal;
  const artifacts: ManifestArtifact[] = [];
  for (const [plain, content] of Object.entries(contents)) {
    const name = storedName(plain, codings);
    const encoded = encode(Readable.from([content]), codings, sealing, signal);
    const stored = await destination.writeArtifact(ref, name, encoded.stream, signal);
    await destination.writeFacts(ref, name, {});
    const tool = { tool: 'test', toolVersion: '1', seconds: 0, facts: {} };
    artifacts.push({
      kind: KINDS[plain] ?? 'files',
      name,
      ...stored,
      ...tool,
      encoding: codings,
      plain: encoded.plain(),
    });
  }
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    ...ref,
    environment: 'production',
    createdAt: '2026-11-21T07:41:00.000Z',
    runId: 'B-142',
    requestedBy: 'T01/U01',
    approvedBy: [],
    kong: { version: '3.9.1', edition: 'community', databaseKind: 'postgres', workspaces: ['default'], observed: {} },
    artifacts,
    database: null,
    gaps: [],
    tools: {},
    encryption: sealing === null ? 'none' : { method: 'age', recipients: [...sealing.recipients] },
    destinations: { configured: [destination.name], reached: [destination.name] },
    signedBy: keyFingerprint(key.privateKey),
    auditHead: null,
  };
  const text = manifestText(manifest);
  await destination.publish(ref, text, signText(text, key.privateKey));
  return manifest;
}

/** The files of a published set in memory, and a destination that reads from there: for changing one byte at a time. */
export async function inMemory(
  destination: Destination,
  ref: SetRef,
): Promise<{ readonly files: Map<string, Buffer>; readonly destination: Destination }> {
  const files = new Map<string, Buffer>();
  for (const { name } of await destination.listFiles(ref))
    files.set(name, await buffer(await destination.read(ref, name)));
  const unused = (): never => {
    throw new Error('a set in memory is only read');
  };
  return {
    files,
    destination: {
      name: destination.name,
      placeOf: () => 'memory',
      probe: unused,
      freeBytes: unused,
      writeArtifact: unused,
      writeFacts: unused,
      stagedArtifacts: unused,
      publish: unused,
      hasStaged: unused,
      discard: unused,
      remove: unused,
      isPublished: () => Promise.resolve(files.has('manifest.json')),
      listGateways: () => Promise.resolve([ref.gateway]),
      listSets: () => Promise.resolve([ref.set]),
      listFiles: () => Promise.resolve([...files].map(([name, bytes]) => ({ name, bytes: bytes.length }))),
      read: (_, name) => Promise.resolve(Readable.from([files.get(name) ?? unused()])),
    },
  };
}
