import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepContext } from '../engine/ports.ts';
import type { JsonObject } from '../runs/json.ts';

/**
 * For steps that only read: what this attempt found lies in the attempt's own folder, so that `check` answers it after
 * `apply` and no other attempt ever does.
 */
export async function keepProof(context: StepContext, outputs: JsonObject): Promise<void> {
  await writeFile(join(context.workDir, 'proof.json'), JSON.stringify(outputs), { mode: 0o600 });
}

/** Null before {@link keepProof}. */
export async function readProof(context: StepContext): Promise<JsonObject | null> {
  const text = await readFile(join(context.workDir, 'proof.json'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as JsonObject);
}
