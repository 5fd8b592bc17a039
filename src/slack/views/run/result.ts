import type { KnownBlock } from '@slack/types';
import type { Artifact, Gap } from '../../../runbooks/backup.ts';
import type { Run } from '../../../runs/run.ts';
import { section } from '../kit/blocks.ts';
import type { ViewContext } from '../kit/context.ts';
import type { Names } from '../kit/text.ts';
import {
  bytes,
  code,
  count,
  date,
  duration,
  escape,
  lines,
  listed,
  named,
  secondsBetween,
  sentence,
} from '../kit/text.ts';
import type { Place, Saved } from './facts.ts';
import { savedBy } from './facts.ts';
import { restoreConsequences } from './restore.ts';

/** After a success: what was saved, what was not, where it lies, what was proved. After a failure: what, why, what now. */
export function resultBlocks(run: Run, names: Names): readonly KnownBlock[] {
  if (run.outcome === 'rolled-back' || (run.outcome === 'succeeded' && run.kind !== 'backup')) return [];
  return run.outcome === 'succeeded' ? successBlocks(savedBy(run)) : troubleBlocks(run, names);
}

function successBlocks(saved: Saved): readonly KnownBlock[] {
  return [section(savedText(saved)), section(gapText(saved)), section(whereText(saved))];
}

function savedText(saved: Saved): string {
  const total = saved.published?.bytes ?? saved.artifacts.reduce((sum, artifact) => sum + artifact.bytes, 0);
  const title = `*Saved:* ${saved.published === null ? '' : `set ${code(saved.published.set)}, `}${bytes(total)}`;
  return `${title}\n${lines(saved.artifacts.map(artifactLine), 2600)}`;
}

/** Facts of an artifact that say something to people, in this order; the others are for the manifest. */
const FACTS: readonly (readonly [name: string, one: string, many: string])[] = [
  ['tables', 'table', 'tables'],
  ['rows', 'row', 'rows'],
  ['entities', 'entity', 'entities'],
  ['files', 'file', 'files'],
  ['masked', 'masked value', 'masked values'],
];

/** "• database.tar: 40.1 MB, 31 tables, 5,120 rows (pg_dump 15.4)". */
export function artifactLine(artifact: Artifact): string {
  const { workspace } = artifact.facts;
  const counts = FACTS.flatMap(([name, one, many]) => {
    const value = artifact.facts[name];
    return typeof value === 'number' && value > 0 ? [count(value, one, many)] : [];
  });
  const facts = [...(workspace === undefined ? [] : [`workspace ${escape(`${workspace}`)}`]), ...counts];
  const tool = escape(`${artifact.tool} ${artifact.toolVersion}`);
  return `• ${code(artifact.name)}: ${[bytes(artifact.bytes), ...facts].join(', ')} (${tool})`;
}

/** The gap report: what exists on the gateway and is not in the set, with counts. */
export function gapText({ gaps, partial }: Pick<Saved, 'gaps' | 'partial'>): string {
  const missing =
    gaps.length === 0
      ? '*Not in it:* nothing that is known of.'
      : `*Not in it:* ${count(gaps.length, 'kind')} of data\n${lines(gaps.map(gapLine), 1400)}`;
  if (partial.length === 0) return missing;
  return `${missing}\n*Only in the database dump:* ${count(partial.length, 'kind')} of data\n${lines(partial.map(gapLine), 1400)}`;
}

function gapLine({ what, why }: Gap): string {
  return `• ${escape(what)}${why === '' ? '' : ` (${escape(why)})`}`;
}

function whereText(saved: Saved): string {
  const places = saved.verified?.places ?? saved.published?.places ?? [];
  const proof =
    saved.verified === null
      ? '*Proof:* finished, *not verified*: the stored bytes were not read back.'
      : `*Proof:* verified: ${bytes(saved.verified.bytesRead)} read back from ${count(places.length, 'place')} and compared, ${date(saved.verified.verifiedAt)}.`;
  return [
    `*Where:* ${places.length === 0 ? 'nowhere' : lines(places.map(placeText), 1500)}`,
    proof,
    encryptionText(saved),
  ].join('\n');
}

/** A set says itself that it is not encrypted, as one of its gaps. */
export function isEncrypted({ published }: Pick<Saved, 'published'>): boolean {
  return published !== null && !published.gaps.some(({ kind }) => kind === 'encryption');
}

function encryptionText(saved: Saved): string {
  return isEncrypted(saved)
    ? '🔒 *Encrypted:* only whoever holds the identity can open it.'
    : '⚠️ *NOT ENCRYPTED*: whoever can read the place can read the data, secrets included.';
}

function placeText(place: Place): string {
  return `${escape(place.destination)} ${code(place.path)}`;
}

function troubleBlocks(run: Run, names: Names): readonly KnownBlock[] {
  const { changed, unchanged } = consequences(run);
  return [
    section(`*Changed:* ${changed}\n*Not changed:* ${unchanged}`),
    section(`*What to do next:* ${sentence(run.fault?.hint, names, AGAIN)}`),
  ];
}

const AGAIN = 'Try again when you are ready: it makes a new run, linked to this one.';

/** What an unsuccessful run left behind, and what it did not touch (mrkdwn, escaped). */
export function consequences(run: Run): { readonly changed: string; readonly unchanged: string } {
  if (run.kind !== 'backup') return restoreConsequences(run);
  const unchanged = `${escape(run.plan.gateway)} itself: a backup only reads from the gateway. Earlier backups are as they were.`;
  const { published } = savedBy(run);
  if (published !== null) {
    const places = listed(published.places.map(placeText), 4);
    return { changed: `the set ${code(published.set)} exists (${places}), but it is *not verified*.`, unchanged };
  }
  const wrote = run.plan.steps.some(
    (step) => step.cleanup !== true && step.id !== 'preflight' && (run.steps[step.id]?.attempt ?? 0) > 0,
  );
  if (!wrote) return { changed: 'nothing was written.', unchanged };
  const cleanup = run.plan.steps.find((step) => step.cleanup === true);
  const cleaned = cleanup !== undefined && run.steps[cleanup.id]?.status === 'succeeded';
  return {
    changed: cleaned
      ? 'nothing: what had been written was removed again. No backup came out of this run.'
      : 'unpublished parts may still lie at the destination. They do not look like a backup, and the next run removes them.',
    unchanged,
  };
}

/** Who asked, who decided, how long it took, and the signed head that makes later changes visible. */
export function signatures(run: Run, view: ViewContext): readonly string[] {
  const via = run.request.kind === 'person' && run.request.via === 'cli' ? viaCli(run.request) : '';
  return [
    `Asked by ${named(run.requestedBy, view.names)}${via}, ${date(run.requestedAt)}`,
    run.reason === undefined ? '' : `Reason: ${escape(run.reason)}`,
    decision(run, view),
    run.endedAt === undefined ? '' : `Took ${duration(secondsBetween(run.requestedAt, run.endedAt))}`,
    run.retryOf === undefined ? '' : `Tried again after ${escape(run.retryOf)}`,
    run.refusals === 0
      ? ''
      : `${count(run.refusals, 'refused or late try', 'refused or late tries')} (see /kong-audit ${run.id})`,
    view.head ? `Signed head of the audit: row ${view.head.seq}, \`${escape(view.head.hash.slice(0, 12))}\`` : '',
  ];
}

function decision(run: Run, view: ViewContext): string {
  const gate = run.gates.findLast(({ status }) => status === 'go' || status === 'no-go');
  if (gate === undefined) return '';
  const people = (gate.decidedBy ?? []).map((person) => named(person, view.names));
  const verb = gate.status === 'no-go' ? 'Stopped' : 'Approved';
  return `${verb} by ${listed(people)}, ${date(gate.decidedAt ?? gate.openedAt)}`;
}

/** "via CLI, ops1, alice": shown wherever somebody acted without Slack. */
export function viaCli(caller: { readonly host?: string; readonly systemUser?: string }): string {
  return ` (via CLI, ${escape(caller.host ?? 'unknown host')}, ${escape(caller.systemUser ?? 'unknown user')})`;
}
