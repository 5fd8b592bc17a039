import { drawDates } from '../dates.ts';
import { checkView } from '../blocks.ts';
import { forward, no, type Answer, type Args, type Edge, word } from '../edge.ts';
import { invalid } from './method-messages.ts';

const VIEW_BYTES = 250_000;

export function viewRefusal(view: unknown, type: 'modal' | 'home'): Answer | null {
  if (Buffer.byteLength(JSON.stringify(view ?? null)) > VIEW_BYTES) return no('view_too_large');
  const complaints = checkView(view);
  if (complaints.length > 0) return invalid('invalid_arguments', complaints);
  const is = (view as { readonly type: string }).type;
  return is === type ? null : invalid('invalid_arguments', [`[ERROR] must be a ${type} [json-pointer:/view/type]`]);
}

/** `views.open` and `views.push`: a trigger works for 3 s and once. */
export function checkOpen(edge: Edge, args: Args): Answer | null {
  const spent = edge.triggers.spend(args['trigger_id']);
  return spent === null ? viewRefusal(args['view'], 'modal') : no(spent);
}

/** The bot keeps one id for a modal through all its updates, as with Slack; local-slack makes a new one each time. */
export function rememberModal(edge: Edge, answer: Answer, knownAs?: string): Answer {
  const view = answer['view'] as { readonly id: string; readonly hash: string } | undefined;
  if (!answer.ok || view === undefined) return answer;
  const id = knownAs ?? view.id;
  edge.modals.set(id, { upstreamId: view.id, hash: view.hash });
  return { ...answer, view: { ...view, id, root_view_id: id } };
}

export async function updateView(edge: Edge, args: Args): Promise<Answer> {
  const id = word(args, 'view_id');
  const known = edge.modals.get(id);
  if (known === undefined) return no('not_found');
  if (args['hash'] !== undefined && args['hash'] !== known.hash) return no('hash_conflict');
  const refusal = viewRefusal(args['view'], 'modal');
  if (refusal !== null) return refusal;
  return rememberModal(
    edge,
    await forward(edge, 'views.update', { ...drawDates(args), view_id: known.upstreamId, external_id: undefined }),
    id,
  );
}

export async function publishHome(edge: Edge, args: Args): Promise<Answer> {
  const user = word(args, 'user_id');
  if (!edge.people.has(user)) return no('user_not_found');
  const current = edge.homes.get(user);
  if (args['hash'] !== undefined && current !== undefined && args['hash'] !== current['hash'])
    return no('hash_conflict');
  const refusal = viewRefusal(args['view'], 'home');
  if (refusal !== null) return refusal;
  const answer = await forward(edge, 'views.publish', drawDates(args));
  const view = answer['view'] as Args | undefined;
  if (view !== undefined) edge.homes.set(user, view);
  return answer;
}
