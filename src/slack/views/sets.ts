import type { KnownBlock } from '@slack/types';
import type { Refusal } from '../../runs/refusal.ts';
import type { Hold } from '../../schedules/fold.ts';
import type { Strategy } from '../../runbooks/restore.ts';
import { ACTIONS } from './kit/action-ids.ts';
import type { Drawing } from './kit/blocks.ts';
import { actions, button, context, drawing, header, section } from './kit/blocks.ts';
import { age, bytes, code, count, cut, date, duration, escape, listed, type Names } from './kit/text.ts';
import { heldLine } from './holds.ts';

/** A set as `engine/ports.ts` lists it (this folder imports only the pure ones). */
export interface ViewSet {
  readonly set: string;
  readonly state: 'finished' | 'verified' | 'restored' | 'damaged';
  readonly createdAt: string | null;
  readonly ageSeconds: number | null;
  readonly bytes: number | null;
  readonly gaps: number | null;
  readonly places: readonly { readonly destination: string; readonly path: string }[];
  readonly missingFrom: readonly string[];
  readonly verifiedAt: string | null;
  readonly restoredAt: string | null;
  readonly safety: boolean;
  readonly hold?: Hold;
}

/** What the person who asks may have done with them. */
export interface ViewWays {
  readonly strategies: readonly Strategy[];
  readonly noDrill: Refusal | null;
  readonly mayAsk: boolean;
  readonly mayBreakGlass: boolean;
}

export interface SetsPage {
  readonly gateway: string;
  readonly sets: readonly ViewSet[];
  /** Where the page begins, counted from 0. */
  readonly from: number;
  readonly ways: ViewWays;
  readonly names: Names;
}

/** Two blocks a set, and room for head and foot. */
const PAGE = 8;

/** `/kong-backups`: the sets of a gateway, newest first, a page at a time, to that person alone. */
export function setsAnswer({ gateway, sets, from, ways, names }: SetsPage, now: Date): Drawing {
  const name = escape(gateway);
  if (sets.length === 0) {
    const none = `${name} has no sets in its destinations. Make one: /kong-backup ${name}`;
    return drawing('sets/', none, [section(none)]);
  }
  const shown = sets.slice(from, from + PAGE);
  const proven = sets.find(({ state, safety }) => !safety && (state === 'restored' || state === 'verified'));
  const best =
    proven === undefined
      ? '⚠️ None of them is verified.'
      : `Newest verified: ${code(proven.set)}, ${ageOf(proven, now)}.`;
  const rest = sets.length - from - shown.length;
  const blocks: KnownBlock[] = [
    header(`Backups of ${gateway}: ${sets.length}`),
    ...(proven === undefined || proven !== shown[0] ? [section(best)] : []),
    ...shown.flatMap((set) => [section(setText(set, now, names)), ...setButtons(gateway, set, ways)]),
    ...(rest === 0 ? [] : [actions(olderButton(gateway, from + PAGE, rest))]),
    ...(ways.mayAsk && ways.noDrill !== null ? [context(`No drills: ${escape(ways.noDrill.message)}`)] : []),
  ];
  const sentence = `${name} has ${count(sets.length, 'set')}. ${best} ${shown
    .slice(0, 3)
    .map((set) => sentenceOf(set, now))
    .join(' ')}`;
  return drawing('sets/', sentence, blocks);
}

const STATES: Readonly<Record<ViewSet['state'], (set: ViewSet) => string>> = {
  restored: ({ restoredAt }) => `✅ *Restored in a drill*${restoredAt === null ? '' : ` ${date(restoredAt)}`}`,
  verified: ({ verifiedAt }) =>
    `✅ *Verified*${verifiedAt === null ? '' : ` ${date(verifiedAt)}`}, not restored in a drill yet`,
  finished: () => '⚠️ *Finished, not verified*: its bytes were not read back',
  damaged: () => '❌ *Damaged*: no copy of its manifest can be read',
};

const WORDS: Readonly<Record<ViewSet['state'], string>> = {
  restored: 'restored in a drill',
  verified: 'verified',
  finished: 'not verified',
  damaged: 'damaged',
};

function setText(set: ViewSet, now: Date, names: Names): string {
  const facts = [ageOf(set, now), set.bytes === null ? '' : bytes(set.bytes), gapWords(set.gaps)].filter(
    (fact) => fact !== '',
  );
  const places = listed(
    set.places.map(({ destination, path }) => `${escape(destination)} ${code(cut(path, 120))}`),
    4,
  );
  return [
    `${STATES[set.state](set)}${set.safety ? ' · _taken before a restore_' : ''}`,
    `${code(set.set)} · ${facts.join(' · ')}`,
    places === '' ? '' : `In ${places}`,
    set.hold === undefined ? '' : heldLine(set.hold, names),
    set.missingFrom.length === 0 ? '' : `⚠️ *Missing in* ${escape(listed(set.missingFrom, 4))}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function sentenceOf(set: ViewSet, now: Date): string {
  const held = set.hold === undefined ? '' : ', and held: retention leaves it';
  return `${escape(set.set)} is ${WORDS[set.state]}, ${ageOf(set, now)}${held}.`;
}

function ageOf({ createdAt }: ViewSet, now: Date): string {
  return createdAt === null ? 'age not known' : `taken ${age(createdAt, now)}`;
}

export function gapWords(gaps: number | null): string {
  if (gaps === null) return 'gaps not known';
  return gaps === 0 ? 'no known gaps' : count(gaps, 'gap');
}

/** "Verified · 5 h old · 41.2 MB · 2 gaps · B-142": plain text for a list of choices. */
export function setLabel(set: ViewSet): string {
  const old = set.ageSeconds === null ? 'age not known' : `${duration(set.ageSeconds)} old`;
  const size = set.bytes === null ? 'size not known' : bytes(set.bytes);
  const run = /-([A-Z]-\d+)$/.exec(set.set)?.[1] ?? set.set;
  const state = set.state === 'restored' ? 'Drilled' : set.state === 'verified' ? 'Verified' : 'NOT VERIFIED';
  return [state, old, size, gapWords(set.gaps), set.safety ? `${run} (before a restore)` : run].join(' · ');
}

/** The best proven first, then the newest; what people want back is never a safety backup by default. */
export function byProof(sets: readonly ViewSet[]): readonly ViewSet[] {
  const rank = ({ state, safety }: ViewSet): number => (safety ? 2 : state === 'finished' ? 1 : 0);
  // The sort is stable: within a rank they stay as listed, newest first.
  return sets.filter(({ state }) => state !== 'damaged').toSorted((a, b) => rank(a) - rank(b));
}

function setButtons(gateway: string, set: ViewSet, ways: ViewWays): readonly KnownBlock[] {
  if (!ways.mayAsk || set.state === 'damaged' || ways.strategies.length === 0) return [];
  const value = `${gateway} ${set.set}`;
  return [
    actions(
      restoreButton(gateway, set.set),
      ...(ways.noDrill === null ? [drillButton(gateway, set.set)] : []),
      button({
        action: ACTIONS.compare,
        label: 'Compare with now',
        says: `Compare ${set.set} with ${gateway} as it is now`,
        value,
      }),
    ),
  ];
}

/** Without a set the window proposes the best proven one. */
export function restoreButton(gateway: string, set = '') {
  return button({
    action: ACTIONS.restore,
    label: 'Restore…',
    says: `Restore ${gateway}${set === '' ? '' : ` from ${set}`}`,
    value: `${gateway} ${set}`.trim(),
  });
}

/** Without a set it proves the newest verified one. */
export function drillButton(gateway: string, set = '') {
  return button({
    action: ACTIONS.drill,
    label: 'Drill',
    says: `Prove ${set === '' ? `a backup of ${gateway}` : set} by restoring it aside`,
    value: `${gateway} ${set}`.trim(),
    confirm: {
      title: `Drill a backup of ${gateway}?`,
      text: 'The set is restored into a scratch database, every count is compared, and the scratch is removed. The gateway is not touched.',
      yes: 'Drill',
      no: 'Not now',
    },
  });
}

function olderButton(gateway: string, from: number, rest: number) {
  return button({
    action: ACTIONS.sets,
    label: `Older sets (${rest} more)`,
    says: `Show older sets of ${gateway}`,
    value: `${gateway} ${from}`,
  });
}

export function allSetsButton(gateway: string) {
  return button({
    action: ACTIONS.sets,
    label: 'All sets',
    says: `Show every set of ${gateway}`,
    value: `${gateway} 0`,
  });
}

/** `/kong-backups` without a gateway: the newest set of each. */
export function everySetsAnswer(
  gateways: readonly { readonly gateway: string; readonly sets: readonly ViewSet[]; readonly ways: ViewWays }[],
  now: Date,
  names: Names,
): Drawing {
  const shown = gateways.slice(0, 20);
  const blocks = shown.flatMap(({ gateway, sets }) => {
    const newest = sets.find(({ safety }) => !safety);
    const text = newest === undefined ? '⚠️ No sets in its destinations.' : setText(newest, now, names);
    return [
      section(`*${escape(gateway)}*: ${count(sets.length, 'set')}, the newest\n${text}`),
      actions(allSetsButton(gateway)),
    ];
  });
  const more = gateways.length - shown.length;
  const sentence = shown
    .map(({ gateway, sets }) => {
      const newest = sets.find(({ safety }) => !safety);
      return `${escape(gateway)}: ${newest === undefined ? 'no sets' : sentenceOf(newest, now)}`;
    })
    .join(' ');
  return drawing('sets/', sentence, [
    ...blocks,
    ...(more === 0 ? [] : [context(`… and ${count(more, 'more gateway')}: /kong-backups and its name`)]),
  ]);
}
