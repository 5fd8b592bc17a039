import type { IncomingHttpHeaders } from 'node:http';
import { basicAuthHash } from '../entities/consumers.ts';
import { type Answer, unauthorized } from '../admin/answer.ts';
import type { Node } from '../admin/node.ts';
import { pluginFor } from './match.ts';
import type { CredentialRow, PluginRow, RouteRow } from './statements.ts';

export interface Caller {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
}

/** Who calls, by the plugins on the route: a consumer, nobody in particular, or Kong's refusal. */
export async function authenticate(
  node: Node,
  route: RouteRow,
  caller: Caller,
): Promise<{ readonly consumer: string | null } | { readonly refused: Answer }> {
  const key = pluginFor(node.proxy.plugins(), route, 'key-auth');
  if (key !== null) return await byKey(node, key, caller);
  const basic = pluginFor(node.proxy.plugins(), route, 'basic-auth');
  return basic === null ? { consumer: null } : await byLogin(node, caller);
}

async function byKey(
  node: Node,
  { config }: PluginRow,
  { headers, query }: Caller,
): Promise<{ consumer: string | null } | { refused: Answer }> {
  const names = Array.isArray(config['key_names']) ? config['key_names'].map(String) : ['apikey'];
  const inHeader = (name: string): string | undefined => headers[name.toLowerCase()]?.toString();
  const given = names
    .map((name) => (config['key_in_header'] === false ? undefined : inHeader(name)) ?? query.get(name) ?? undefined)
    .find((key) => key !== undefined);
  if (given === undefined) return { refused: unauthorized('No API key found in request') };
  const found = await node.proxy.key(node.workspace, given);
  return found === null ? { refused: unauthorized(invalid(node)) } : { consumer: nameOf(found) };
}

async function byLogin(node: Node, { headers }: Caller): Promise<{ consumer: string | null } | { refused: Answer }> {
  const encoded = /^basic (.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (encoded === undefined) return { refused: unauthorized('Unauthorized') };
  const [username = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  const found = await node.proxy.login(node.workspace, username);
  const hash = found === null ? null : basicAuthHash({ password: rest.join(':'), consumer: { id: found.consumer_id } });
  if (found === null || hash !== found.password) return { refused: unauthorized(invalid(node)) };
  return { consumer: nameOf(found) };
}

/** The older one says what is wrong, the newer one no more than that it is. */
function invalid({ version }: Node): string {
  return version === '2.8.5' ? 'Invalid authentication credentials' : 'Unauthorized';
}

function nameOf({ consumer, consumer_id }: CredentialRow): string {
  return consumer ?? consumer_id;
}
