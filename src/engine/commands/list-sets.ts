import type { ListedSet, ProvenSet, StoredSet } from '../ports.ts';
import type { OperationsDeps } from './operations-deps.ts';

/** The sets of a gateway as they lie in its destinations, with what runs proved of them. Newest first. */
export async function setsOf(
  deps: Pick<OperationsDeps, 'store' | 'storedSets'>,
  gateway: string,
): Promise<readonly ListedSet[]> {
  const [stored, proven] = await Promise.all([deps.storedSets(gateway), deps.store.provenSets(gateway)]);
  const proofs = new Map(proven.map((proof) => [proof.set, proof]));
  return stored.map((set) => listed(set, proofs.get(set.set)));
}

function listed(set: StoredSet, proof: ProvenSet | undefined): ListedSet {
  const verifiedAt = proof?.verifiedAt ?? null;
  const restoredAt = proof?.restoredAt ?? null;
  return { ...set, state: stateOf(set, verifiedAt, restoredAt), verifiedAt, restoredAt, safety: isSafety(set.set) };
}

function stateOf(set: StoredSet, verifiedAt: string | null, restoredAt: string | null): ListedSet['state'] {
  if (set.state === 'damaged') return 'damaged';
  if (restoredAt !== null) return 'restored';
  return verifiedAt === null ? 'finished' : 'verified';
}

/** A set's id ends with the id of the run that made it; R is a restore. */
function isSafety(set: string): boolean {
  return /-R-\d+$/.test(set);
}
