import type { StepContext } from '../../../engine/ports.ts';
import { deckChanges } from '../../../kong/deck/deck-changes.ts';
import type { DeckChanges } from '../../../kong/deck/deck-changes.ts';
import type { DeckOptions } from '../../../kong/deck/deck-environment.ts';
import { deckFor } from '../../../kong/deck/deck.ts';
import type { Deck } from '../../../kong/deck/deck.ts';
import { findDeck } from '../../../kong/dump/tools.ts';
import type { StepDeps } from '../../deps.ts';
import { adminConnection } from '../../gateway-access.ts';

/** decK for the gateway of a restore: what reads it, and what changes it. */
export async function deckOf(
  deps: StepDeps,
  context: Pick<StepContext, 'workDir'>,
  edition: string,
): Promise<Deck & { readonly changes: DeckChanges }> {
  const { timeoutMs, ...connection } = adminConnection(deps, deps.gateway.admin_api);
  const options: DeckOptions = {
    ...connection,
    run: deps.runner,
    deck: await findDeck(deps.runner),
    edition: edition === 'enterprise' ? 'enterprise' : 'community',
    workDir: context.workDir,
    requestTimeoutMs: timeoutMs,
    timeoutMs: deps.limits.step_minutes * 60_000,
  };
  return { ...deckFor(options), changes: deckChanges(options) };
}
