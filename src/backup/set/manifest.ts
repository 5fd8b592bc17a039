import { z } from 'zod';
import { ARTIFACT_KINDS, SET_KINDS } from '../../runbooks/backup.ts';
import { canonicalText } from '../../runs/json.ts';
import { refuse } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { StoredFile } from '../storage/destination.ts';
import type { Coding } from '../encryption/encoding.ts';
import { isSetId } from './set-id.ts';

/**
 * Changes only when a reader of an older version would misread a newer document. 2 has artifacts that must be decoded; the
 * reader of 1 would take them for what they hold. 3 has kinds of artifact and formats of dump that the reader of 2 does
 * not know; a set without them is still written as 2.
 */
export const MANIFEST_FORMAT = 'kong-chatops-backup/2';
const NEWEST_FORMAT = 'kong-chatops-backup/3';
const FORMATS = ['kong-chatops-backup/1', MANIFEST_FORMAT, NEWEST_FORMAT] as const;

/** Dumps that a reader of format 2 would hand to pg_restore in a way that cannot work. */
const NEWER_DUMP = /^database\.(sql|pgtar)(\.|$)/;

/** The oldest format whose readers understand these artifacts. */
export function formatFor(artifacts: readonly Pick<ManifestArtifact, 'kind' | 'name'>[]): Manifest['format'] {
  const known: readonly string[] = ARTIFACT_KINDS;
  const newer = artifacts.some(({ kind, name }) => !known.includes(kind) || NEWER_DUMP.test(name));
  return newer ? NEWEST_FORMAT : MANIFEST_FORMAT;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits');
const amount = z.int().min(0);
const facts = z.record(z.string(), z.union([z.string(), z.number()]));
/** A name that stays inside the set's folder. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,199}$/, 'a plain file name');

const artifactSchema = z.strictObject({
  kind: z.enum(SET_KINDS),
  name: fileName,
  bytes: amount,
  sha256,
  tool: z.string(),
  toolVersion: z.string(),
  seconds: z.number().min(0),
  facts,
  encoding: z
    .array(z.enum(['zstd', 'age']))
    .readonly()
    .exactOptional(),
  plain: z.strictObject({ bytes: amount, sha256 }).exactOptional(),
});

const gapSchema = z.strictObject({
  kind: z.string().min(1),
  count: amount.nullable(),
  what: z.string().min(1),
  why: z.string().min(1),
  onlyIn: z.enum(ARTIFACT_KINDS).exactOptional(),
});

const databaseSchema = z.strictObject({
  serverVersion: z.string(),
  /** Rows of every table, counted in the snapshot that was dumped. */
  tables: z.record(z.string(), amount),
  /** Kong's migrations as they were: a restore into another Kong compares them (Kong itself does not notice). */
  schemaMeta: z.array(
    z.strictObject({
      key: z.string(),
      subsystem: z.string(),
      last_executed: z.string().nullable(),
      executed: z.array(z.string()),
      pending: z.array(z.string()),
    }),
  ),
});

/** What a step leaves beside its artifact in the staged set, and all that `publish-set` knows of it. */
const recordSchema = z.strictObject({
  artifact: artifactSchema,
  gaps: z.array(gapSchema),
  database: databaseSchema.optional(),
  /** Destinations that failed while this artifact was written: they have none of it, and need not. */
  lost: z.array(z.strictObject({ destination: z.string(), why: z.string() })).optional(),
});

const manifestSchema = z.strictObject({
  format: z.enum(FORMATS),
  set: z.string().refine(isSetId, 'a set id such as production-20261121T0740Z-B-142'),
  gateway: z.string().min(1),
  environment: z.string().min(1),
  createdAt: z.iso.datetime(),
  runId: z.string().min(1),
  /** Ids of people, never names. `approvedBy` is empty for a gateway without a gate. */
  requestedBy: z.string().min(1),
  approvedBy: z.array(z.string()),
  kong: z.strictObject({
    version: z.string(),
    edition: z.string(),
    databaseKind: z.string(),
    workspaces: z.array(z.string()),
    /** What was seen of the gateway before it was dumped, each as a short fact or a digest. */
    observed: z.record(z.string(), z.string()),
  }),
  artifacts: z.array(artifactSchema).min(1),
  database: databaseSchema.nullable(),
  gaps: z.array(gapSchema),
  tools: z.record(z.string(), z.string()),
  /** Who can open it: public keys. */
  encryption: z.union([
    z.literal('none'),
    z.strictObject({ method: z.literal('age'), recipients: z.array(z.string()).min(1) }),
  ]),
  /** Names of destinations: where the gateway's sets belong, and which of them this one was sent to. */
  destinations: z
    .strictObject({ configured: z.array(z.string()), reached: z.array(z.string()).min(1) })
    .exactOptional(),
  /** SHA-256 of the public key that signed this document. */
  signedBy: sha256,
  /** The last signed head of the audit trail: an outside witness of it (decision 12). */
  auditHead: z.strictObject({ seq: amount, hash: z.string() }).nullable(),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type DatabaseFacts = z.infer<typeof databaseSchema>;
export type ManifestArtifact = Manifest['artifacts'][number];
export type ArtifactRecord = z.infer<typeof recordSchema>;

/** The manifest's one text: canonical JSON, so that signature and digest mean something. Throws on an invalid one. */
export function manifestText(manifest: Manifest): string {
  return canonicalText(manifestSchema.parse(manifest));
}

/** Reads a manifest from outside; whatever is not exactly one is refused, with the places that are wrong. */
export function parseManifest(text: string): Manifest | Refusal {
  const document = json(text);
  if (isNewer(document)) return newer();
  const parsed = manifestSchema.safeParse(document);
  if (!parsed.success) return corrupt(parsed.error.issues.map(issueText).slice(0, 5).join('; '));
  const names = parsed.data.artifacts.map((artifact) => artifact.name);
  if (new Set(names).size !== names.length) return corrupt('artifacts: two of them have the same name');
  return parsed.data;
}

/** Reads the facts that a step left beside its artifact. */
export function parseRecord(value: unknown): ArtifactRecord | Refusal {
  const parsed = recordSchema.safeParse(value);
  return parsed.success ? parsed.data : corrupt(parsed.error.issues.map(issueText).slice(0, 5).join('; '));
}

/** What was done to the bytes of an artifact before they were stored, in this order. */
export function codingsOf(artifact: ManifestArtifact): readonly Coding[] {
  return artifact.encoding ?? [];
}

/** Size and hash of an artifact once it is decoded. */
export function plainOf(artifact: ManifestArtifact): StoredFile {
  return artifact.plain ?? { bytes: artifact.bytes, sha256: artifact.sha256 };
}

function isNewer(document: unknown): boolean {
  const format = typeof document === 'object' && document !== null && 'format' in document ? document.format : '';
  const version = /^kong-chatops-backup\/([1-9]\d{0,5})$/.exec(String(format))?.[1];
  return version !== undefined && Number(version) > FORMATS.length;
}

function newer(): Refusal {
  return refuse(
    'manifest-newer',
    'The manifest of this set was written by a newer version of kong-chatops, whose sets this one cannot read.',
    'Use the version that wrote it, or a newer one.',
  );
}

function corrupt(what: string): Refusal {
  return refuse(
    'manifest-corrupt',
    `The manifest of this set cannot be trusted: ${what}.`,
    'Use another copy of the set or another set. Keep the damaged one for whoever looks into it.',
  );
}

function issueText(issue: z.core.$ZodIssue): string {
  const place = issue.path.map(String).join('.');
  return `${place === '' ? 'the document' : place}: ${issue.message}`;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
