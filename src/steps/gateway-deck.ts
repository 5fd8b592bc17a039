import type { StepContext } from '../engine/ports.ts';
import { deckFor } from '../kong/deck/deck.ts';
import type { Deck } from '../kong/deck/deck.ts';
import type { DeckTool } from '../kong/dump/tools.ts';
import type { StepDeps } from './deps.ts';
import { adminConnection } from './gateway-access.ts';
import type { PreflightFacts } from './plan-facts.ts';

/** decK for the gateway of a step, reached as its Admin API is: token, headers, certificates. */
export function gatewayDeck(
  deps: StepDeps,
  context: Pick<StepContext, 'workDir'>,
  tool: DeckTool,
  facts: Pick<PreflightFacts, 'edition'>,
): Deck {
  const { timeoutMs, ...connection } = adminConnection(deps, deps.gateway.admin_api);
  return deckFor({
    ...connection,
    run: deps.runner,
    deck: tool,
    edition: facts.edition === 'enterprise' ? 'enterprise' : 'community',
    workDir: context.workDir,
    requestTimeoutMs: timeoutMs,
    timeoutMs: deps.limits.step_minutes * 60_000,
  });
}
