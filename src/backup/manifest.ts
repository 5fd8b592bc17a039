import { z } from 'zod';
import { ARTIFACT_KINDS } from '../runbooks/backup.ts';
import { canonicalText } from '../runs/json.ts';
import { refuse } from '../runs/refusal.ts';
import type { Refusal } from '../runs/refusal.ts';
import { isSetId } from './set-id.ts';

/** Changes only when a reader of this version would misread a newer document. */
export const MANIFEST_FORMAT = 'kong-chatops-backup/1';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits');
const amount = z.int().min(0);
const facts = z.record(z.string(), z.union([z.string(), z.number()]));
/** A name that stays inside the set's folder. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,199}$/, 'a plain file name');

const artifactSchema = z.strictObject({
  kind: z.enum(ARTIFACT_KINDS),
  name: fileName,
  bytes: amount,
  sha256,
  tool: z.string(),
  toolVersion: z.string(),
  seconds: z.number().min(0),
  facts,
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
});

const manifestSchema = z.strictObject({
  format: z.literal(MANIFEST_FORMAT),
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
  encryption: z.literal('none'),
  /** SHA-256 of the public key that signed this document. */
  signedBy: sha256,
  /** The last signed head of the audit trail: an outside witness of it (decision 12). */
  auditHead: z.strictObject({ seq: amount, hash: z.string() }).nullable(),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type DatabaseFacts = z.infer<typeof databaseSchema>;
export type ArtifactRecord = z.infer<typeof recordSchema>;

/** The manifest's one text: canonical JSON, so that signature and digest mean something. Throws on an invalid one. */
export function manifestText(manifest: Manifest): string {
  return canonicalText(manifestSchema.parse(manifest));
}

/** Reads a manifest from outside; whatever is not exactly one is refused, with the places that are wrong. */
export function parseManifest(text: string): Manifest | Refusal {
  const parsed = manifestSchema.safeParse(json(text));
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
