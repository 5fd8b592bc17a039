import type { Change, DeclarativeOutputs } from '../../runbooks/restore.ts';
import type { Run } from '../../runs/run.ts';

/** What a restore would change, or has changed; of a comparison what differs: counts and a few names. */
export function changeLines(run: Run): string[] {
  const declarative = run.plan.parameters['strategy'] === 'declarative';
  const preview = run.steps[declarative ? 'diff-declarative' : 'preview-change'];
  if (preview?.status !== 'succeeded' || run.rollback !== undefined) return [];
  const { changes = [], degradedMinutes, passwordsByHand } = (preview.outputs ?? {}) as Partial<DeclarativeOutputs>;
  const title = titleOf(run, declarative, degradedMinutes ?? 1);
  const rest = passwordLines(passwordsByHand);
  if (changes.length === 0) return [`  ${title.none}`, ...rest];
  const done = isLive(run);
  return [`  ${title.some}:`, ...changes.map((change) => `    ${changeText(change, done)}`), ...rest];
}

/** `routes: 1 comes back, 2 are lost (catalog-v1, old)`, without what is none; in the past once it is done. */
export function changeText({ kind, created, updated, deleted, names }: Change, done: boolean): string {
  const words = done
    ? [`${created} came back`, `${updated} changed`, `${deleted} ${deleted === 1 ? 'was' : 'were'} lost`]
    : [
        `${created} ${created === 1 ? 'comes' : 'come'} back`,
        `${updated} ${updated === 1 ? 'changes' : 'change'}`,
        `${deleted} ${deleted === 1 ? 'is' : 'are'} lost`,
      ];
  const counts = [created, updated, deleted].flatMap((count, at) => (count === 0 ? [] : (words[at] ?? [])));
  return `${kind}: ${counts.join(', ')}${names.length === 0 ? '' : ` (${names.join(', ')})`}`;
}

function titleOf(run: Run, declarative: boolean, minutes: number): { readonly none: string; readonly some: string } {
  if (run.kind === 'compare') {
    const none = 'the set beside the gateway now: nothing that configures the gateway differs';
    return { none, some: 'the set beside the gateway now; restoring the set would mean' };
  }
  const before = isLive(run) ? 'changed' : 'would change';
  const what = declarative ? 'configuration' : 'database';
  return {
    none: `${before}: nothing that configures the gateway`,
    some: `${before} against the ${what} before, for about ${minutes} min of mixed answers`,
  };
}

/** A comparison never is, and a restore that ended at its gate was not. */
function isLive(run: Run): boolean {
  return run.kind === 'restore' && (run.hold !== undefined || run.outcome === 'succeeded');
}

/** Logins whose passwords no declarative restore here can bring back. */
function passwordLines(logins: readonly string[] = []): string[] {
  return logins.length === 0 ? [] : [`    passwords to set anew by hand: ${logins.join(', ')}`];
}
