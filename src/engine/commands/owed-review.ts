import { reviewOverdue, reviewOwed } from '../../runs/rules/emergency.ts';
import type { Answer } from '../ports.ts';
import type { OperationsDeps } from './operations-deps.ts';

/**
 * Why people may start nothing normal on a gateway: an emergency that nobody looked at in time (behaviour 3.3). Null when
 * there is none. An emergency stays among the open runs until it is reviewed. Scheduled backups do not come this way:
 * nobody's omission may leave a gateway without backups.
 */
export async function owedReview(
  deps: Pick<OperationsDeps, 'store' | 'folds' | 'clock'>,
  gateway: string,
): Promise<Extract<Answer, { ok: false }> | null> {
  const open = (await deps.store.openRuns()).filter((index) => index.gateway === gateway && index.kind === 'restore');
  for (const index of open) {
    const run = await deps.folds.of(index);
    if (run !== null && reviewOverdue(run, deps.clock())) return { ok: false, refusal: reviewOwed(run), run };
  }
  return null;
}
