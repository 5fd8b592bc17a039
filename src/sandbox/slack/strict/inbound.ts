import type { IncomingMessage } from 'node:http';
import { drawDates } from './dates.ts';
import { checkView } from './blocks.ts';
import { word, type Args, type Delivery, type Edge } from './edge.ts';

/** What a person did, as the bot gets it. */
export interface Inbound {
  readonly type: Delivery['type'];
  readonly payload: Args;
}

/** Reads one delivery of local-slack (events mode) and makes of it what Slack would send. Null: not subscribed. */
export function readInbound(edge: Edge, request: IncomingMessage, body: string): Inbound | null {
  if ((request.headers['content-type'] ?? '').includes('application/json')) {
    const payload = JSON.parse(body) as Args & { event?: { type?: string } };
    return edge.events.has(payload.event?.type ?? '') ? { type: 'events_api', payload } : null;
  }
  const form = Object.fromEntries(new URLSearchParams(body));
  const text = form['payload'];
  if (text === undefined) return { type: 'slash_commands', payload: withTickets(edge, escaped(edge, form)) };
  return { type: 'interactive', payload: interaction(edge, withTickets(edge, JSON.parse(text) as Args)) };
}

/** What people type, as Slack passes it on for a command with `should_escape`: entities, and people by their ids. */
function escaped(edge: Edge, form: Args): Args {
  if (edge.commands.get(word(form, 'command'))?.escaped !== true) return form;
  const people = new Map([...edge.people.values()].map(({ id, name }) => [name, id]));
  const text = word(form, 'text')
    .replaceAll(/&(?!amp;|lt;|gt;)/g, '&amp;')
    .replaceAll(/<(?![@#])/g, '&lt;')
    .replaceAll(/(?<!<[@#][A-Z0-9|a-z.-]*)>/g, '&gt;')
    .replaceAll(/(?<![<\w])@([a-z][a-z0-9.-]*)/g, (typed, name: string) => {
      const id = people.get(name);
      return id === undefined ? typed : `<@${id}|${name}>`;
    });
  return { ...form, text };
}

/** Trigger ids that expire, response URLs of ours instead of local-slack's. */
function withTickets(edge: Edge, payload: Args): Args {
  const { trigger_id, response_url } = payload;
  return {
    ...payload,
    ...(typeof trigger_id === 'string' ? { trigger_id: edge.triggers.issue(trigger_id) } : {}),
    ...(typeof response_url === 'string'
      ? { response_url: `http://${edge.base}${edge.responses.issue(response_url)}` }
      : {}),
  };
}

function interaction(edge: Edge, payload: Args): Args {
  const user = payload['user'] as { readonly id: string };
  const home = edge.people.get(user.id)?.flags.team_id;
  const from = home === undefined ? payload : { ...payload, user: { ...user, team_id: home } };
  if (from['type'] !== 'block_actions') return { ...from, view: asBotKnows(edge, from['view']) };
  return fromHome(from) ? homeClick(edge, from, user.id) : messageClick(from);
}

function fromHome(payload: Args): boolean {
  return (payload['channel'] as { readonly id?: string } | undefined)?.id === '';
}

/** A click in App Home has a view and neither channel, message nor response URL. */
function homeClick(edge: Edge, payload: Args, user: string): Args {
  const { channel: _channel, message: _message, response_url: _url, ...rest } = payload;
  const view = edge.homes.get(user);
  return { ...rest, container: { type: 'view', view_id: view?.['id'] }, view };
}

function messageClick(payload: Args): Args {
  const message = payload['message'] as Args | undefined;
  if (message === undefined) return payload;
  const { ephemeral_to, channel: _channel, ...shown } = message;
  const container = { ...(payload['container'] as object), is_ephemeral: ephemeral_to !== undefined };
  // Slack does not send the message of a click on an ephemeral one.
  const { message: _message, ...rest } = payload;
  return ephemeral_to === undefined ? { ...payload, container, message: shown } : { ...rest, container };
}

/** The modal under the id that the bot was given when it opened it. */
function asBotKnows(edge: Edge, view: unknown): unknown {
  const upstreamId = (view as { readonly id?: string } | undefined)?.id;
  const known = [...edge.modals].find(([, modal]) => modal.upstreamId === upstreamId);
  return known === undefined ? view : { ...(view as object), id: known[0] };
}

/** What local-slack is to show of the bot's acknowledgement: with Slack, an answer to a command is private by default. */
export function readAck(type: Delivery['type'], payload: unknown): unknown {
  if (typeof payload !== 'object' || payload === null || Object.keys(payload).length === 0) return {};
  if (type === 'slash_commands') return drawDates({ response_type: 'ephemeral', ...payload });
  if (type === 'events_api') return {};
  const view = (payload as Args)['view'];
  if (view === undefined || checkView(view).length === 0) return drawDates(payload);
  // Slack shows "we had some trouble connecting" and keeps the modal.
  return { response_action: 'errors', errors: { modal: checkView(view).join('; ') } };
}

/** What Slackbot tells a person who types a command that no app declares; null for one that the app does. */
export function notACommand(edge: Edge, { type, payload }: Inbound): object | null {
  const command = word(payload, 'command');
  if (type !== 'slash_commands' || edge.commands.has(command)) return null;
  return { response_type: 'ephemeral', text: `${command} is not a valid command.` };
}

/** What Slackbot tells a person whose command was not taken. */
export function notTaken(payload: Args, error: 'operation_timeout' | 'dispatch_failed'): object {
  return {
    response_type: 'ephemeral',
    text: `${word(payload, 'command')} failed with the error "${error}"`,
  };
}
