import type { ModalView } from '@slack/types';
import { refuse } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import { notAllowed } from '../../runs/words/wording.ts';
import type { Call } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { mayNotSee, recordIfNew } from '../answering/rights.ts';
import { viewOf } from '../answering/run-answers.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import type { ModalOrigin } from '../views/modals.ts';
import { closedModal } from '../views/modals.ts';
import { restoreModal, whichGatewayModal } from '../views/restore-modal.ts';
import { refusal } from '../views/run/notices.ts';
import { fill, noWindow, openEmpty, originOf } from './open.ts';

export interface RestoreAsked {
  readonly gateway?: string | undefined;
  readonly set?: string | undefined;
  readonly emergency: boolean;
}

/** Opens the window for a restore at once, and fills it when the sets are known. Null when the window says it all. */
export async function openRestore(
  deps: SlackDeps,
  trigger: string,
  asked: RestoreAsked,
  call: Call,
): Promise<Drawing | null> {
  const window = await openEmpty(deps, trigger, titleOf(asked.emergency));
  if (window === null) return refusal(noWindow('kong-chatops restore on the bot’s host'), viewOf(deps));
  const origin = { ...originOf(call), emergency: asked.emergency };
  if (asked.gateway === undefined) {
    const refused = await mayNotSee(deps, call.by, 'request a restore');
    return await fill(
      deps,
      window,
      refused === null ? whichGatewayModal(deps.gateways, origin) : told(deps, refused, asked.emergency),
    );
  }
  return await fill(deps, window, await restoreWindow(deps, { ...asked, gateway: asked.gateway }, origin, call));
}

/** The window with the gateway's sets, or why there is nothing to ask. */
export async function restoreWindow(
  deps: SlackDeps,
  { gateway, set, emergency }: RestoreAsked & { readonly gateway: string },
  origin: ModalOrigin,
  call: Call,
): Promise<ModalView> {
  const act = emergency ? `break glass for ${gateway}` : `request a restore of ${gateway}`;
  const answer = await deps.operations.listSets(gateway, call.by);
  if (!answer.ok) {
    await recordIfNew(deps, answer.refusal, act, call.by);
    return told(deps, answer.refusal, emergency);
  }
  const { sets, ways } = answer;
  const role = emergency ? 'admin' : 'operator';
  if (!(emergency ? ways.mayBreakGlass : ways.mayAsk)) {
    const refused = notAllowed(act, role);
    await deps.operations.recordRefusal(refused, act, call.by);
    return told(deps, refused, emergency);
  }
  const window = restoreModal({ gateway, sets, ways, chosen: set, origin });
  return window ?? told(deps, nothingToRestore(gateway, ways.strategies.length), emergency);
}

function nothingToRestore(gateway: string, ways: number): Refusal {
  return ways === 0
    ? refuse('no-restore', `The configuration gives the bot no way to restore ${gateway}`, 'Add its database or files')
    : refuse(
        'unknown-set',
        `${gateway} has no readable set in its destinations`,
        `Make a backup first: /kong-backup ${gateway}`,
      );
}

function told(deps: SlackDeps, refused: Refusal, emergency: boolean): ModalView {
  return closedModal(titleOf(emergency), refusal(refused, viewOf(deps)));
}

export function titleOf(emergency: boolean): string {
  return emergency ? 'BREAK GLASS' : 'Restore a gateway';
}
