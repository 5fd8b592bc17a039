import type { KnownBlock } from '@slack/types';
import { z } from 'zod';
import type { Run } from '../../../runs/run.ts';
import { hasTouchedLive, isTakenBack } from '../../../runs/next.ts';
import { dropByHand, keptDatabase } from '../../../runbooks/kept-database.ts';
import { context, section } from '../kit/blocks.ts';
import { strategyWords } from '../strategies.ts';
import type { Names } from '../kit/text.ts';
import { code, count, date, escape, lines, listed, named, sentence } from '../kit/text.ts';
import type { Stand } from './stand.ts';

const change = z.looseObject({
  kind: z.string(),
  created: z.number(),
  updated: z.number(),
  deleted: z.number(),
  names: z.array(z.string()),
});
const preview = z.looseObject({ changes: z.array(change), degradedMinutes: z.number() });
const placed = z.looseObject({ folder: z.string(), commands: z.array(z.string()), fillIn: z.array(z.string()) });
const swap = z.looseObject({ live: z.string() });
const proof = z.looseObject({
  nodes: z.array(z.looseObject({ node: z.string(), proven: z.array(z.string()), unasked: z.string().optional() })),
  restartByHand: z.array(z.string()),
});
const byHand = z.looseObject({ passwordsByHand: z.array(z.string()) });
const drill = z.looseObject({ set: z.string(), tables: z.number(), rows: z.number() });

/** What a succeeded step put on record; null when it has not, or when another version says less. */
function outputsOf<T>(run: Run, step: string, schema: z.ZodType<T>): T | null {
  const state = run.steps[step];
  const parsed = schema.safeParse(state?.status === 'succeeded' ? state.outputs : undefined);
  return parsed.success ? parsed.data : null;
}

/** Where a restore or a drill stands that has gone further than its steps: live, on its way back, or over. Else null. */
export function restoreStand(run: Run, names: Names): Stand | null {
  if (run.kind === 'backup') return null;
  if (run.outcome === 'rolled-back') return rolledBack(run, names);
  if (run.outcome === 'succeeded') return ENDED_WELL[run.kind](run);
  if (run.outcome !== undefined) return null;
  if (run.rollback !== undefined) {
    const who = named(run.rollback.person, names);
    return { symbol: '↩️', word: 'rolling back', is: 'is being rolled back', line: `${who} asked to roll it back.` };
  }
  return run.hold === undefined ? null : holding(run, run.hold, names);
}

function holding(run: Run, { until, fault }: NonNullable<Run['hold']>, names: Names): Stand {
  const way = `It can be rolled back until ${date(until)}.`;
  if (fault === undefined) {
    return {
      symbol: '🟢',
      word: 'live, can be undone',
      is: 'is live and can be undone',
      line: `${liveWords(run)} ${way}`,
    };
  }
  const why = `${sentence(fault.message, names, '')} ${sentence(fault.hint, names, '')}`.trim();
  return { symbol: '🛑', word: 'held', is: 'is held and needs a decision', line: `${why} ${way}` };
}

function liveWords(run: Run): string {
  if (isTakenBack(run)) return 'What was live before is live again.';
  const written = outputsOf(run, 'place-files', placed);
  if (written !== null) return `The files lie in ${code(written.folder)}; those in use are as they were.`;
  const applies = APPLIES[run.plan.parameters['strategy'] as string];
  if (applies !== undefined) return declaredWords(run, applies);
  const swapped = outputsOf(run, 'swap-database', swap);
  if (swapped === null) return 'Nothing is live of it.';
  return `${code(swapped.live)} is the restored database. ${beforeWords(run)}`;
}

/** While it can be undone, the one before is the way back. Once it is over, it is left to people. */
function beforeWords(run: Run): string {
  const kept = keptDatabase(run);
  if (kept === null) return 'There was no database before it.';
  if (kept.state === 'dropped') return `The one before, ${code(kept.name)}, was dropped.`;
  return run.outcome === undefined ? `The one before is kept as ${code(kept.name)}.` : leftWords(kept.name);
}

/** A kept database that nothing here removes any more, and how people do. */
export function leftWords(name: string): string {
  return `The database before is still there as ${code(name)}. It takes up room and holds credentials. To remove it by hand: ${code(dropByHand(name))}`;
}

/** Strategies that change the gateway where it is, and the step that does it. */
const APPLIES: Readonly<Record<string, string>> = { declarative: 'sync-declarative', dbless: 'load-dbless' };

function declaredWords(run: Run, step: string): string {
  const whole = run.steps[step]?.status === 'succeeded';
  const chosen = run.plan.parameters['only'] === undefined ? 'The gateway is' : 'What was chosen is';
  if (whole) return `${chosen} configured as in the set. The safety backup holds what was before.`;
  return 'A part of it may be live. The safety backup holds what was before.';
}

function restored(run: Run): Stand {
  const nothing =
    run.close?.drop === true && keptDatabase(run) === null ? ' No database was kept, so none was dropped.' : '';
  const line = `The way back is closed. ${liveWords(run)}${nothing}`;
  return { symbol: '✅', word: 'restored', is: 'is restored and closed', line };
}

function rolledBack(run: Run, names: Names): Stand {
  const locked =
    run.unlocked === undefined
      ? 'The gateway is locked until somebody records the cause.'
      : `${named(run.unlocked.person, names)} recorded the cause: “${escape(run.unlocked.cause)}”.`;
  return {
    symbol: '↩️',
    word: 'rolled back',
    is: 'was rolled back',
    line: `Everything is as it was before. ${locked}`,
  };
}

function compared(run: Run): Stand {
  const many = outputsOf(run, 'diff-declarative', preview)?.changes.length ?? 0;
  const line =
    many === 0
      ? 'The gateway is as in the set. Nothing was changed.'
      : `${count(many, 'kind')} of data ${many === 1 ? 'differs' : 'differ'} from the set. Nothing was changed.`;
  return { symbol: '🔍', word: 'compared', is: 'was compared with a set', line };
}

/** How each kind that has no result of its own ended well. */
const ENDED_WELL: Readonly<Record<Exclude<Run['kind'], 'backup'>, (run: Run) => Stand>> = {
  restore: restored,
  drill: drilled,
  compare: compared,
};

function drilled(run: Run): Stand {
  const done = outputsOf(run, 'restore-drill', drill);
  const what = done === null ? '' : ` ${count(done.rows, 'row')} in ${count(done.tables, 'table')} were compared.`;
  const line = `The set was restored aside and every count matched.${what} Nothing of it is left.`;
  return { symbol: '✅', word: 'restored in a drill', is: 'was proven by a drill', line };
}

/** Counts and a few names of what changes when it goes live; empty before the comparison. */
export function changeText(run: Run): string | null {
  const seen = PREVIEWS.map((step) => outputsOf(run, step, preview)).find((found) => found !== null) ?? null;
  if (seen === null) return null;
  // It is as it was: what would have changed only confuses.
  if (run.outcome === 'rolled-back') return null;
  if (seen.changes.length === 0) return NO_CHANGE;
  if (run.plan.parameters['strategy'] === 'files' || run.kind === 'compare') return differenceText(seen);
  const each = seen.changes.map(
    ({ kind, created, updated, deleted, names }) =>
      `• ${escape(kind)}: ${amounts([`${created} back`, created], [`${updated} other`, updated], [`*${deleted} gone*`, deleted])} (${escape(listed(names, 5))})`,
  );
  const live = hasTouchedLive(run);
  const lost = seen.changes.reduce((sum, { updated, deleted }) => sum + updated + deleted, 0);
  const warning =
    lost === 0
      ? '*Lost:* nothing that was there before.'
      : `⚠️ *Lost${live ? '' : ' when it goes live'}:* ${count(lost, 'entity', 'entities')} changed or added since the set was taken. An undo brings ${lost === 1 ? 'it' : 'them'} back.`;
  const title = live ? '*What changed:*' : `*What changes* (answers are mixed for about ${seen.degradedMinutes} min):`;
  return `${title}\n${lines(each, 2000)}\n${warning}`;
}

const NO_CHANGE = '*What changes:* nothing that configures the gateway.';

/** What there is none of is not said. */
function amounts(...each: readonly (readonly [words: string, many: number])[]): string {
  return each.flatMap(([words, many]) => (many === 0 ? [] : [words])).join(', ');
}

/** Steps that show what would change, one for each way to restore. */
const PREVIEWS = ['preview-change', 'diff-declarative', 'diff-files', 'diff-dbless'] as const;

/** Nothing goes live with the files or with a comparison: these are differences. */
function differenceText({ changes }: z.infer<typeof preview>): string {
  const each = changes.map(
    ({ kind, created, updated, deleted, names }) =>
      `• ${escape(kind)}: ${amounts([`${created} only in the set`, created], [`${updated} other`, updated], [`${deleted} only on the gateway`, deleted])} (${escape(listed(names, 5))})`,
  );
  return `*What the set has other than the gateway:*\n${lines(each, 2300)}`;
}

const MOST_COMMANDS = 1800;

/** What the operator runs to put the files into use; null until they are written. */
function commandText(run: Run): string | null {
  const written = outputsOf(run, 'place-files', placed);
  if (written === null || run.outcome === 'rolled-back') return null;
  const masked =
    written.fillIn.length === 0
      ? ''
      : `\n⚠️ *Fill in first* (masked, because the set is not encrypted): ${escape(listed(written.fillIn, 20))}`;
  if (written.commands.length === 0) return `*To put them into use:* nothing, they are as those in use.${masked}`;
  const each = written.commands.map((command) => `• ${code(command)}`);
  return `*To put them into use*, on the gateway:\n${lines(each, MOST_COMMANDS)}${masked}`;
}

/** What every node was seen to do. */
function proofText(run: Run): string | null {
  const steps =
    run.rollback === undefined
      ? ['prove-restore', 'prove-declarative', 'read-back-dbless']
      : ['prove-back', 'prove-declarative-back', 'read-back-dbless-undo'];
  const seen = steps.map((step) => outputsOf(run, step, proof)).find((found) => found !== null) ?? null;
  if (seen === null) return null;
  const each = seen.nodes.map(({ node, proven, unasked }) =>
    proven.length === 0
      ? `• ${escape(node)}: nothing was proven, because ${whyNot(unasked, seen.restartByHand.includes(node))}`
      : `• ${escape(node)}: ${escape(proven.join('; '))}`,
  );
  const byHand =
    seen.restartByHand.length === 0 ? '' : `\n⚠️ *Restart by hand:* ${escape(listed(seen.restartByHand, 20))}`;
  return `*Proven through the proxy of every node:*\n${lines(each, 2300)}${byHand}`;
}

function whyNot(unasked: string | undefined, restart: boolean): string {
  if (restart) return 'it could not be reloaded';
  return unasked === 'no-request' ? 'no route can be asked for with a plain GET' : 'its proxy is not known';
}

/** Entities that were asked for alone. */
function chosenText({ plan }: Run): string | null {
  const { only } = plan.parameters;
  return Array.isArray(only) ? `*These alone:* ${escape(listed(only.map(String), 20))}` : null;
}

/** Logins whose passwords no declarative restore here can bring back; null when there are none. */
function passwordText(run: Run): string | null {
  const seen = outputsOf(run, 'read-back', byHand) ?? outputsOf(run, 'diff-declarative', byHand);
  if (seen === null || seen.passwordsByHand.length === 0) return null;
  return `⚠️ *Passwords that do not come back* (set them anew): ${escape(listed(seen.passwordsByHand, 20))}`;
}

/** Which set, and which way. */
function fromText({ kind, plan }: Run): string {
  const { set } = plan.parameters;
  const way = kind === 'restore' ? ` · Way: ${strategyWords(plan.parameters).label.split(':')[0] ?? ''}` : '';
  return `Set ${code(typeof set === 'string' ? set : '')}${way}`;
}

/** On the card of a restore, from the comparison on. */
export function restoreBlocks(run: Run): readonly KnownBlock[] {
  if (run.kind === 'backup') return [];
  const from = context(fromText(run));
  if (run.kind === 'drill') return [from];
  const texts = [chosenText(run), changeText(run), passwordText(run), commandText(run), proofText(run)];
  return [from, ...texts.flatMap((text) => (text === null ? [] : [section(text)]))];
}

/** What an unsuccessful restore or drill changed, and what not (mrkdwn). */
export function restoreConsequences(run: Run): { readonly changed: string; readonly unchanged: string } {
  const gateway = escape(run.plan.gateway);
  if (run.kind === 'compare')
    return { changed: 'nothing: a comparison only reads.', unchanged: `${gateway} and its sets.` };
  if (run.kind === 'drill')
    return { changed: leftOver(run) ?? 'nothing: a drill restores aside.', unchanged: `${gateway} and its sets.` };
  const touched = run.plan.steps.some(({ id, live }) => live === true && (run.steps[id]?.attempt ?? 0) > 0);
  const safety = run.steps['publish-set']?.status === 'succeeded' ? 'the safety backup exists and stays. ' : '';
  const left = leftOver(run) ?? 'Nothing else.';
  if (!touched) return { changed: `${safety}${left}`, unchanged: `${gateway}: its database was never touched.` };
  return { changed: `${safety}${liveWords(run)}`, unchanged: 'The sets.' };
}

/** What a clean-up that failed left behind, in the words of its own fault. */
function leftOver(run: Run): string | null {
  const failed = run.plan.steps.find(({ id, cleanup }) => cleanup === true && run.steps[id]?.status === 'failed');
  const fault = failed === undefined ? undefined : run.steps[failed.id]?.fault;
  if (fault === undefined) return null;
  return `*Something is left behind:* ${sentence(fault.message, {}, '')} ${sentence(fault.hint, {}, '')}`;
}
