import { z } from 'zod';
import type { Artifact, Gap } from '../../../runbooks/backup.ts';
import { ARTIFACT_KINDS, nowhere, SET_KINDS } from '../../../runbooks/backup.ts';
import type { Run } from '../../../runs/run.ts';

const artifact = z.looseObject({
  kind: z.enum(SET_KINDS),
  name: z.string(),
  bytes: z.number(),
  sha256: z.string(),
  tool: z.string(),
  toolVersion: z.string(),
  seconds: z.number(),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
});
const gap = z.looseObject({
  kind: z.string(),
  count: z.number().nullable(),
  what: z.string(),
  why: z.string(),
  onlyIn: z.enum(ARTIFACT_KINDS).exactOptional(),
});
const place = z.looseObject({ destination: z.string(), path: z.string() });
const taken = z.looseObject({ artifacts: z.array(artifact), gaps: z.array(gap) });
const published = z.looseObject({ set: z.string(), bytes: z.number(), gaps: z.array(gap), places: z.array(place) });
const verified = z.looseObject({
  set: z.string(),
  verifiedAt: z.string(),
  bytesRead: z.number(),
  places: z.array(place),
});
const checks = z.looseObject({ checks: z.array(z.looseObject({ name: z.string(), detail: z.string() })) });

export type Place = z.infer<typeof place>;

/** What a backup saved so far, read from the outputs of its steps. A step of another version that says less is left out. */
export interface Saved {
  readonly artifacts: readonly Artifact[];
  /** What is nowhere in the set. */
  readonly gaps: readonly Gap[];
  /** What only one artifact of the set holds. */
  readonly partial: readonly Gap[];
  readonly published: z.infer<typeof published> | null;
  readonly verified: z.infer<typeof verified> | null;
}

export function savedBy(run: Run): Saved {
  const parts = ['dump-database', 'dump-declarative', 'save-files'].flatMap((step) => {
    const outputs = taken.safeParse(outputsOf(run, step));
    return outputs.success ? [outputs.data] : [];
  });
  const publishing = published.safeParse(outputsOf(run, 'publish-set'));
  const gaps: readonly Gap[] = publishing.success ? publishing.data.gaps : parts.flatMap((part) => part.gaps);
  const verifying = verified.safeParse(outputsOf(run, 'verify-set'));
  return {
    artifacts: parts.flatMap((part) => part.artifacts),
    gaps: nowhere(gaps),
    partial: gaps.filter(({ onlyIn }) => onlyIn !== undefined),
    published: publishing.success ? publishing.data : null,
    verified: verifying.success ? verifying.data : null,
  };
}

/** The checks of `preflight`, in order; empty when there are none. */
export function preflightChecks(outputs: unknown): readonly { readonly name: string; readonly detail: string }[] {
  const parsed = checks.safeParse(outputs);
  return parsed.success ? parsed.data.checks : [];
}

function outputsOf(run: Run, step: string): unknown {
  const state = run.steps[step];
  return state?.status === 'succeeded' ? state.outputs : undefined;
}
