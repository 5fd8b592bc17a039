import type { KnownBlock } from '@slack/types';
import type { Run } from '../../runs/run.ts';
import type { Drawing } from './kit/blocks.ts';
import { actions, context, drawing, header, section } from './kit/blocks.ts';
import type { AlarmState } from '../../schedules/alarms.ts';
import type { Hold } from '../../schedules/fold.ts';
import { heldLines } from './holds.ts';
import type { ScheduleState } from '../../schedules/schedule.ts';
import { alarmLines } from './alarm.ts';
import { scheduleLines, scheduleSentence } from './schedules.ts';
import type { ViewContext } from './kit/context.ts';
import { age, bytes, count, cut, date, escape, listed } from './kit/text.ts';
import { openButton, watchButton } from './run/gate.ts';
import { signatures } from './run/result.ts';
import { cardSentence } from './run/card.ts';
import { UNSAID, runName, stand } from './run/stand.ts';
import { stepLines } from './run/steps.ts';

/** A gateway as `engine/ports.ts` answers it (this folder imports only the pure ones). */
export interface ViewGateway {
  readonly gateway: string;
  readonly environment: string;
  readonly lastVerified: {
    readonly runId: string;
    readonly at: string;
    readonly bytes: number;
    readonly gaps: number | null;
    readonly set?: string;
    readonly restoredAt?: string;
  } | null;
  readonly lastEnded: Run | null;
  readonly locked: Run | null;
  readonly active: readonly Run[];
  readonly schedules?: readonly ScheduleState[];
  readonly alarms?: readonly AlarmState[];
  readonly holds?: readonly Hold[];
}

/** `/kong-status`: every gateway with its last verified backup, its age and gaps, its lock, what runs, who is waited for. */
export function statusAnswer(gateways: readonly ViewGateway[], now: Date, view: ViewContext): Drawing {
  if (gateways.length === 0) {
    const none = 'No gateway is configured, so there is nothing to show. Add one to kong-chatops.yaml.';
    return drawing('status/', none, [section(none)]);
  }
  const shown = gateways.slice(0, MOST);
  const blocks: KnownBlock[] = [
    header(`Gateways: ${gateways.length}`),
    ...shown.map((gateway) => section(gatewayText(gateway, now, view))),
  ];
  if (gateways.length > MOST) {
    const names = gateways.slice(MOST).map(({ gateway }) => escape(gateway));
    blocks.push(
      context(
        `… and ${count(names.length, 'more gateway')}: ${listed(names, 40)}. Ask for one: /kong-status <name>`.replace(
          '<name>',
          'name',
        ),
      ),
    );
  }
  return drawing('status/', gateways.map((gateway) => gatewaySentence(gateway, now, view)).join(' '), blocks);
}

/** One section a gateway; the rest is named below them. */
const MOST = 40;

/** A few lines about one gateway, for status and App Home. */
export function gatewayText(gateway: ViewGateway, now: Date, view: ViewContext): string {
  const last = gateway.lastVerified;
  const backup =
    last === null
      ? '⚠️ No verified backup yet.'
      : `✅ Last verified: ${escape(last.runId)}, ${age(last.at, now)}, ${bytes(last.bytes)}, ${gapWords(last.gaps)}${drilledWords(last.restoredAt)}.`;
  return [
    `*${escape(gateway.gateway)}*${environmentOf(gateway.gateway, gateway.environment)}`,
    ...lockLines(gateway.locked),
    backup,
    ...failedSince(gateway),
    ...alarmLines(gateway.alarms ?? [], now, view.names),
    ...scheduleLines(gateway.schedules ?? [], now, view.names),
    ...heldLines(gateway.holds ?? [], view.names),
    ...gateway.active.slice(0, 5).map((run) => {
      const { symbol, is, line } = stand(run, view);
      return `${symbol} ${escape(run.id)} ${is}. ${cut(line, 500)}`;
    }),
  ].join('\n');
}

function drilledWords(at: string | undefined): string {
  return at === undefined ? ', not restored in a drill yet' : `, restored in a drill ${date(at)}`;
}

/** The environment in brackets, unless it is the gateway's own name. */
function environmentOf(gateway: string, environment: string): string {
  return gateway === environment ? '' : ` (${escape(environment)})`;
}

function gatewaySentence(gateway: ViewGateway, now: Date, view: ViewContext): string {
  const last = gateway.lastVerified;
  const backup =
    last === null
      ? 'has no verified backup'
      : `was last backed up and verified ${age(last.at, now)}, ${gapWords(last.gaps)}`;
  const running = gateway.active.map((run) => `${escape(run.id)} ${stand(run, view).is}`);
  const locked = gateway.locked === null ? '' : `; locked since ${escape(gateway.locked.id)} was rolled back`;
  return `${escape(gateway.gateway)} ${backup}${locked}${running.length === 0 ? '' : `; ${listed(running, 3)}`}${scheduleSentence(gateway.schedules ?? [])}.`;
}

function gapWords(gaps: number | null): string {
  if (gaps === null) return 'gaps not known';
  return gaps === 0 ? 'no known gaps' : `${count(gaps, 'kind')} of data not in it`;
}

/** The lock stays whatever ran and ended since; nothing but its cause on record lifts it. */
function lockLines(run: Run | null): readonly string[] {
  if (run === null) return [];
  const gateway = escape(run.plan.gateway);
  return [
    `🔒 *Locked* since ${escape(run.id)} was rolled back ${date(run.endedAt ?? run.requestedAt)}. Record the cause: /kong-unlock ${gateway} and the cause`,
  ];
}

/** A failure after the last verified backup must not hide behind it. */
function failedSince(gateway: ViewGateway): readonly string[] {
  const last = gateway.lastEnded;
  if (last?.outcome !== 'failed') return [];
  return [`❌ Last attempt ${escape(last.id)} failed: ${escape(cut(last.fault?.message || UNSAID, 300))}`];
}

/** `/kong-status B-142`: one run, to that person alone. */
export function runAnswer(run: Run, now: Date, view: ViewContext): Drawing {
  const { symbol, is, line } = stand(run, view);
  const buttons = [
    ...(run.outcome === undefined ? [watchButton(run)] : []),
    ...(view.link === undefined || view.link === null ? [] : [openButton(view.link, run)]),
  ];
  return drawing('status/', cardSentence(run, view), [
    section(`${symbol} *${runName(run)}* ${is}. ${line}`),
    section(cut(stepLines(run, now, view).join('\n'), 2900)),
    context(...signatures(run, view)),
    ...(buttons.length === 0 ? [] : [actions(...buttons)]),
  ]);
}
