import type { KnownBlock, ModalView } from '@slack/types';
import { MODALS } from './kit/action-ids.ts';
import { context, section } from './kit/blocks.ts';
import { code, escape } from './kit/text.ts';
import type { ModalOrigin } from './modals.ts';
import { modal } from './modals.ts';
import type { Input, Values } from './inputs.ts';
import { choice, chosenIn, line, textOf, typedName, typedNameFault, typedText } from './inputs.ts';
import type { ViewSet, ViewWays } from './sets.ts';
import { byProof, setLabel } from './sets.ts';
import { STRATEGIES } from './strategies.ts';
import type { Safety, Strategy } from '../../runbooks/restore.ts';

/** Where the window's values are. */
export const RESTORE_INPUTS = {
  gateway: { block: 'restore/gateway', action: 'gateway' },
  set: { block: 'restore/set', action: 'set' },
  strategy: { block: 'restore/strategy', action: 'strategy' },
  only: { block: 'restore/only', action: 'only' },
  safety: { block: 'restore/safety', action: 'safety' },
  incident: { block: 'restore/incident', action: 'incident' },
  unverified: { block: 'restore/unverified', action: 'unverified' },
  reason: { block: 'restore/reason', action: 'reason' },
  name: { block: 'restore/name', action: 'name' },
} as const satisfies Record<string, Input>;

/** The second, louder word that a set without proof needs in an emergency (behaviour 3.2). */
export const UNVERIFIED = 'UNVERIFIED';

export interface RestoreForm {
  readonly gateway: string;
  readonly sets: readonly ViewSet[];
  readonly ways: ViewWays;
  /** The set whose button was pressed. */
  readonly chosen?: string | undefined;
  readonly origin: ModalOrigin;
}

/** `/kong-restore`: which set, which way, why; the bot proposes, people decide (behaviour 6.1). Null: nothing to restore. */
export function restoreModal({ gateway, sets, ways, chosen, origin }: RestoreForm): ModalView | null {
  const listed = byProof(sets).slice(0, 100);
  const [best] = listed;
  const [proposed] = ways.strategies;
  if (best === undefined || proposed === undefined) return null;
  const emergency = origin.emergency === true;
  const setChoices = listed.map((set) => ({ label: setLabel(set), value: set.set }));
  const initial = listed.some(({ set }) => set === chosen) ? (chosen ?? best.set) : best.set;
  return modal(
    MODALS.restore,
    emergency ? 'BREAK GLASS' : 'Restore a gateway',
    emergency ? 'Restore NOW' : 'Ask for it',
    { ...origin, gateway, set: initial },
    [
      section(emergency ? loud(gateway) : calm(gateway)),
      choice(RESTORE_INPUTS.set, 'Which set? The best proven come first', setChoices, initial),
      section(proposal(ways.strategies)),
      choice(
        RESTORE_INPUTS.strategy,
        'Which way?',
        ways.strategies.map((one) => ({ label: STRATEGIES[one].label, value: one })),
        proposed,
      ),
      ...(ways.strategies.includes('declarative') ? [onlyInput()] : []),
      choice(RESTORE_INPUTS.safety, 'What keeps the present state?', SAFETIES, 'backup'),
      ...(emergency ? emergencyInputs() : []),
      typedText(RESTORE_INPUTS.reason, 'Reason', {
        hint: emergency
          ? 'At least 10 characters. Everybody sees it.'
          : 'Approvers see it, and it stays in the audit trail.',
        optional: !emergency,
        multiline: true,
      }),
      typedName(RESTORE_INPUTS.name, gateway),
    ],
  );
}

function calm(gateway: string): string {
  return `*Nothing live changes yet.* The bot proves the set, backs up ${escape(gateway)} as it is now, prepares the restore aside and shows what would change and what would be lost. Then people say go, and you can undo it.`;
}

function loud(gateway: string): string {
  return `🚨 *Nobody is asked before ${escape(gateway)} is changed.* The set is still proven, the present state kept, and you can undo it. The whole channel and everyone whose go you skip are told at once. Somebody else must review it within 72 hours.`;
}

/** The guide's order: the database first, the declarative file when the dump cannot be used. */
function proposal(strategies: readonly Strategy[]): string {
  const each = strategies.map((one, index) => {
    const { label, does } = STRATEGIES[one];
    return `${index + 1}. *${label.split(':')[0] ?? label}*${index === 0 ? ' (proposed)' : ''}: ${does}`;
  });
  return `*Kong’s guide recommends this order:*\n${each.join('\n')}`;
}

const SAFETIES: readonly { readonly label: string; readonly value: Safety }[] = [
  { label: 'A safety backup of it first', value: 'backup' },
  { label: 'It cannot be backed up: keep the old database (1 approver more)', value: 'kept-database' },
];

function onlyInput(): KnownBlock {
  return line(
    RESTORE_INPUTS.only,
    'Only these entities',
    'Declarative only, e.g. service:catalog, consumer:alice. Empty: everything.',
    500,
  );
}

function emergencyInputs(): readonly KnownBlock[] {
  return [
    typedText(RESTORE_INPUTS.incident, 'Incident', {
      hint: 'Its id, e.g. INC-4711.',
      optional: false,
      multiline: false,
    }),
    line(
      RESTORE_INPUTS.unverified,
      'Only for a set that is NOT VERIFIED',
      `Nobody knows whether it is whole. Type ${UNVERIFIED} to use it all the same.`,
      20,
    ),
  ];
}

/** Which gateway, where the command named none. */
export function whichGatewayModal(
  gateways: readonly { readonly name: string; readonly environment: string }[],
  origin: ModalOrigin,
): ModalView {
  const choices = gateways
    .slice(0, 100)
    .map(({ name, environment }) => ({ label: `${name} (${environment})`, value: name }));
  const title = origin.emergency === true ? 'BREAK GLASS' : 'Restore a gateway';
  return modal(MODALS.restoreWhich, title, 'Next', origin, [
    choice(RESTORE_INPUTS.gateway, 'Gateway', choices),
    ...(gateways.length > 100
      ? [context(`Only the first 100 are listed; type ${code('/kong-restore name')} for the others.`)]
      : []),
  ]);
}

/** What the window brought back. */
export interface RestoreWords {
  readonly gateway: string;
  readonly set: string;
  readonly strategy: Strategy;
  readonly safety: Safety;
  readonly only: readonly string[];
  readonly reason: string;
  readonly emergency: { readonly incident: string; readonly unverified?: true } | null;
}

export function restoreWords(values: Values, origin: ModalOrigin): RestoreWords {
  const strategy = chosenIn(values, RESTORE_INPUTS.strategy) ?? 'database';
  const loudly = textOf(values, RESTORE_INPUTS.unverified) === UNVERIFIED;
  return {
    gateway: origin.gateway ?? '',
    // What the window proposed, where a client sends no choice that nobody changed.
    set: chosenIn(values, RESTORE_INPUTS.set) ?? origin.set ?? '',
    strategy: strategy as Strategy,
    safety: chosenIn(values, RESTORE_INPUTS.safety) === 'kept-database' ? 'kept-database' : 'backup',
    only: textOf(values, RESTORE_INPUTS.only)
      .split(/[,\s]+/)
      .filter((one) => one !== ''),
    reason: textOf(values, RESTORE_INPUTS.reason),
    emergency:
      origin.emergency === true
        ? { incident: textOf(values, RESTORE_INPUTS.incident), ...(loudly ? { unverified: true as const } : {}) }
        : null,
  };
}

/** What is wrong with the window itself, by block; null when it can be asked. */
export function restoreFaults(values: Values, origin: ModalOrigin): Readonly<Record<string, string>> | null {
  return typedNameFault(values, RESTORE_INPUTS.name, origin.gateway ?? '');
}

/** The block beside which a refusal is shown: where the person can do something about it. */
export function restoreField(refusalCode: string): string {
  return FIELDS[refusalCode] ?? RESTORE_INPUTS.name.block;
}

const FIELDS: Readonly<Record<string, string>> = {
  'unknown-set': RESTORE_INPUTS.set.block,
  'set-damaged': RESTORE_INPUTS.set.block,
  'set-unverified': RESTORE_INPUTS.unverified.block,
  'no-strategy': RESTORE_INPUTS.strategy.block,
  'no-kept-database': RESTORE_INPUTS.safety.block,
  'policy-unmet': RESTORE_INPUTS.safety.block,
  'no-selection': RESTORE_INPUTS.only.block,
  'bad-selection': RESTORE_INPUTS.only.block,
  'incident-needed': RESTORE_INPUTS.incident.block,
  'reason-needed': RESTORE_INPUTS.reason.block,
  'too-long': RESTORE_INPUTS.reason.block,
};
