import type { Answer, DrillRequest } from '../../engine/ports.ts';
import { isRefusal, refuse } from '../../runs/refusal.ts';
import type { Call } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { recordIfNew } from '../answering/rights.ts';
import { refusedAnswer, startedAnswer, viewOf } from '../answering/run-answers.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { refusal } from '../views/run/notices.ts';
import { everySetsAnswer, setsAnswer } from '../views/sets.ts';
import { parseDrill, parseSets } from './parse-restores.ts';

/** `/kong-backups`: the sets of a gateway, the newest of every gateway, or a set beside the gateway as it is now. */
export async function backups(deps: SlackDeps, text: string, call: Call): Promise<Drawing> {
  const words = parseSets(text);
  if (isRefusal(words)) return refusal(words, viewOf(deps));
  if ('diff' in words) return await compare(deps, words.diff, call);
  const gateway = words.gateway ?? onlyOne(deps);
  return gateway === undefined ? await everyGateway(deps, call) : await setsPage(deps, gateway, 0, call);
}

/** A page of a gateway's sets, from the one at `from`. */
export async function setsPage(deps: SlackDeps, gateway: string, from: number, call: Call): Promise<Drawing> {
  const answer = await deps.operations.listSets(gateway, call.by);
  const { names } = deps;
  if (answer.ok) return setsAnswer({ gateway, sets: answer.sets, ways: answer.ways, from, names }, deps.clock());
  await recordIfNew(deps, answer.refusal, `see the backups of ${gateway}`, call.by);
  return refusal(answer.refusal, viewOf(deps));
}

async function everyGateway(deps: SlackDeps, call: Call): Promise<Drawing> {
  // One refusal is one row of the audit trail: the first gateway answers whether this person may see any.
  const [first, ...others] = deps.gateways.map(({ name }) => name);
  if (first === undefined) return everySetsAnswer([], deps.clock(), deps.names);
  const probe = await deps.operations.listSets(first, call.by);
  if (!probe.ok) return refusal(probe.refusal, viewOf(deps));
  const rest = await Promise.all(
    others.map(async (gateway) => ({ gateway, answer: await deps.operations.listSets(gateway, call.by) })),
  );
  const seen = [{ gateway: first, answer: probe }, ...rest].flatMap(({ gateway, answer }) =>
    answer.ok ? [{ gateway, sets: answer.sets, ways: answer.ways }] : [],
  );
  return everySetsAnswer(seen, deps.clock(), deps.names);
}

/** `/kong-drill [gateway] [set]`; the newest verified set where none is named. */
export async function drillCommand(deps: SlackDeps, text: string, call: Call): Promise<Drawing> {
  const words = parseDrill(text);
  if (isRefusal(words)) return refusal(words, viewOf(deps));
  const { gateway = onlyOne(deps), set, reason } = words;
  if (gateway !== undefined) return await drill(deps, { gateway, set, reason }, call);
  const names = deps.gateways.map(({ name }) => name).join(', ');
  const unnamed = refuse('gateway-missing', 'Say which gateway’s set is to be proven', `Gateways: ${names}`);
  return refusal(unnamed, viewOf(deps));
}

export interface DrillAsked {
  readonly gateway: string;
  readonly set?: string | undefined;
  readonly reason?: string | undefined;
}

/** Asks for a drill and answers with a link to its card. */
export async function drill(deps: SlackDeps, asked: DrillAsked, call: Call): Promise<Drawing> {
  const request = requestOf(asked, call);
  return await started(
    deps,
    deps.operations.requestDrill(request, call.by),
    `request a drill of ${asked.gateway}`,
    call,
  );
}

/** A set's name says whose it is. */
export async function compare(deps: SlackDeps, set: string, call: Call): Promise<Drawing> {
  const gateway = gatewayOfSet(deps, set);
  if (gateway === null) {
    const unknown = refuse('unknown-set', `“${set}” is no set of a configured gateway`, '/kong-backups lists the sets');
    await recordIfNew(deps, unknown, `compare ${set}`, call.by);
    return refusal(unknown, viewOf(deps));
  }
  const request = requestOf({ gateway, set }, call);
  return await started(deps, deps.operations.requestCompare(request, call.by), `compare ${set}`, call);
}

async function started(deps: SlackDeps, asking: Promise<Answer>, act: string, call: Call): Promise<Drawing> {
  const answer = await asking;
  return answer.ok ? await startedAnswer(deps, answer) : await refusedAnswer(deps, answer, act, call);
}

function requestOf({ gateway, set, reason }: DrillAsked, call: Call): DrillRequest {
  const delivery = { key: call.key, ...(call.place.channel === undefined ? {} : { channel: call.place.channel }) };
  const why = reason === undefined || reason === '' ? {} : { reason };
  return { gateway, set: set === undefined || set === '' ? 'latest-verified' : set, delivery, ...why };
}

/** The gateway where only one is configured. */
export function onlyOne(deps: Pick<SlackDeps, 'gateways'>): string | undefined {
  return deps.gateways.length === 1 ? deps.gateways[0]?.name : undefined;
}

function gatewayOfSet(deps: Pick<SlackDeps, 'gateways'>, set: string): string | null {
  const name = /^(.+)-\d{8}T\d{4}Z-[A-Z]-\d+$/.exec(set)?.[1];
  return deps.gateways.find((gateway) => gateway.name === name)?.name ?? null;
}

/** `production 8`, `production production-20261121T0200Z-B-1`: what the buttons of sets carry. Opaque, without authority. */
export function setsValue(value: string): { readonly gateway: string; readonly rest: string } {
  const [gateway = '', rest = ''] = value.split(' ');
  return { gateway, rest };
}
