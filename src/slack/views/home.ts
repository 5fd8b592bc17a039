import type { HomeView, KnownBlock } from '@slack/types';
import type { PersonId, Standing } from '../../runs/person.ts';
import { holds } from '../../runs/person.ts';
import type { Run } from '../../runs/run.ts';
import { openGate } from '../../runs/rules/gate.ts';
import { alarmBlocks } from './alarm.ts';
import { ACTIONS } from './kit/action-ids.ts';
import { LIMITS, actions, button, context, divider, header, numbered, section } from './kit/blocks.ts';
import type { ViewContext } from './kit/context.ts';
import { date, escape, listed } from './kit/text.ts';
import { goButton, noGoButton, openButton, ownVoteButton } from './run/gate.ts';
import { unlockButton, wayBackButtons } from './run/way-back.ts';
import { runName, stand } from './run/stand.ts';
import { allSetsButton, drillButton, restoreButton } from './sets.ts';
import type { ViewGateway } from './status.ts';
import { gatewayText } from './status.ts';

export interface ViewHome {
  readonly person: Standing;
  readonly waitingForYou: readonly Run[];
  readonly running: readonly Run[];
  readonly recent: readonly Run[];
  readonly gateways: readonly ViewGateway[];
}

/** Address of a run's card by run id; null when it has none. */
export type Links = (run: Run) => string | null;

/** App Home: waiting for you, running, recent, each gateway's last backup. The most urgent on top. */
export function homeView(home: ViewHome, now: Date, view: ViewContext, links: Links): HomeView {
  if (home.person.problem !== undefined) {
    return {
      type: 'home',
      blocks: [...numbered('home/', [section(PROBLEMS[home.person.problem])], LIMITS.surfaceBlocks)],
    };
  }
  const blocks: KnownBlock[] = [
    ...part('Waiting for you', home.waitingForYou, 8, 'Nothing waits for you.', (run) =>
      waitingBlocks(run, view, links),
    ),
    ...alarmPart(home.gateways, now, view),
    ...part('Running', home.running, 10, 'Nothing is running.', (run) => [
      ...runBlocks(run, view, links),
      ...ownVoteBlocks(run, home.person.person),
      ...afterBlocks(run),
    ]),
    ...part('Recent', home.recent, 10, 'No run has ended yet.', (run) => runBlocks(run, view, links)),
    header('Gateways'),
    ...home.gateways.slice(0, GATEWAYS).flatMap((gateway) => gatewayBlocks(gateway, home.person, now, view)),
    ...(home.gateways.length > GATEWAYS
      ? [context(`… and ${home.gateways.length - GATEWAYS} more: /kong-status`)]
      : []),
    divider(),
    actions(button({ action: ACTIONS.backup, label: 'Back up a gateway', says: 'Ask for a backup of a gateway' })),
    context(`Your roles: ${listed(home.person.roles.map(escape)) || 'none'} · Drawn ${date(now.toISOString())}`),
  ];
  return { type: 'home', blocks: [...numbered('home/', blocks, LIMITS.surfaceBlocks)] };
}

/** Each takes two blocks of the hundred that Slack allows. */
const GATEWAYS = 12;

/** The newest proven set with its age, what locks the gateway, what runs, and what can be done about each. */
function gatewayBlocks(gateway: ViewGateway, person: Standing, now: Date, view: ViewContext): readonly KnownBlock[] {
  const name = gateway.gateway;
  const may = holds(person, 'operator') && gateway.lastVerified !== null;
  return [
    section(gatewayText(gateway, now, view)),
    actions(
      allSetsButton(name),
      ...(may ? [restoreButton(name), drillButton(name)] : []),
      ...(gateway.locked !== null && holds(person, 'operator') ? [unlockButton(gateway.locked)] : []),
    ),
  ];
}

/** Undo, close, unlock, review: what a run that went live still needs. */
function afterBlocks(run: Run): readonly KnownBlock[] {
  const buttons = wayBackButtons(run);
  return buttons.length === 0 ? [] : [actions(...buttons)];
}

/** What somebody without any right sees, and what they can do about it. */
const PROBLEMS: Readonly<Record<NonNullable<Standing['problem']>, string>> = {
  guest: 'Guests cannot use this bot. Ask a full member of the workspace.',
  stranger: 'People of other organizations cannot use this bot. Ask a member of the workspace.',
  deactivated: 'This account is deactivated and cannot use the bot.',
  bot: 'Bots cannot use this bot.',
  'other-team': 'People of other workspaces cannot use this bot. Ask a member of its workspace.',
  unverifiable: 'Slack did not say who you are, so nothing is shown. Open this page again in a minute.',
};

/** The sentence for somebody in bad standing. */
export function problemInWords(problem: NonNullable<Standing['problem']>): string {
  return PROBLEMS[problem];
}

/** Nothing where all is well: what is wrong stands out. */
function alarmPart(gateways: readonly ViewGateway[], now: Date, view: ViewContext): readonly KnownBlock[] {
  const blocks = alarmBlocks(
    gateways.flatMap(({ alarms = [] }) => alarms),
    now,
    view.names,
  );
  return blocks.length === 0 ? [] : [header('Alarms'), ...blocks];
}

function part(
  title: string,
  runs: readonly Run[],
  most: number,
  none: string,
  draw: (run: Run) => readonly KnownBlock[],
): readonly KnownBlock[] {
  if (runs.length === 0) return [header(title), context(none)];
  const more = runs.length > most ? [context(`… and ${runs.length - most} more: /kong-status`)] : [];
  return [header(`${title}: ${runs.length}`), ...runs.slice(0, most).flatMap(draw), ...more];
}

function waitingBlocks(run: Run, view: ViewContext, links: Links): readonly KnownBlock[] {
  const gate = openGate(run);
  const { symbol, line } = stand(run, view);
  const link = links(run);
  const buttons = [
    ...(gate === undefined ? [] : [goButton(run, gate), noGoButton(run, gate), ownVoteButton(run, gate)]),
    ...(link === null ? [] : [openButton(link, run)]),
  ];
  return [section(`${symbol} *${runName(run)}*: ${line}`), ...(buttons.length === 0 ? [] : [actions(...buttons)])];
}

/** Whoever voted finds the way back here too: a gate is not shown in every channel. */
function ownVoteBlocks(run: Run, person: PersonId): readonly KnownBlock[] {
  const gate = openGate(run);
  const voted = gate?.votes.some((vote) => vote.person === person) === true;
  return gate !== undefined && voted ? [actions(ownVoteButton(run, gate))] : [];
}

function runBlocks(run: Run, view: ViewContext, links: Links): readonly KnownBlock[] {
  const { symbol, is, line } = stand(run, view);
  const link = links(run);
  const open = link === null ? '' : ` <${link}|Open>`;
  const lost = Object.entries(run.messages).filter(([, message]) => message.status === 'lost');
  const warn =
    lost.length === 0
      ? ''
      : `\n⚠️ Slack did not take or confirm ${lost.length === 1 ? 'a message' : `${lost.length} messages`} of this run (${listed(
          lost.map(([slot]) => escape(slotInWords(slot))),
          4,
        )}). It is not posted again, so that nothing appears twice.`;
  return [section(`${symbol} *${runName(run)}* ${is}. ${line}${open}${warn}`)];
}

function slotInWords(slot: string): string {
  return slot.split(':')[0]?.replace('thread', 'evidence').replace('ended', 'notice of the end') ?? slot;
}
