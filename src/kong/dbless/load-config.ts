import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Fault } from '../../runs/fault.ts';
import { connectAdmin } from '../admin/admin-request.ts';
import type { AdminApiOptions, Answer } from '../admin/admin-request.ts';

/** How long a node may take to check and load a configuration; big ones take it tens of seconds. */
const LOAD_MS = 120_000;

/**
 * Gives a node without a database the configuration that it is to have. Kong checks all of it before it uses any: what it
 * refuses changes nothing. `same`: the node has exactly this text already. Throws a Fault (`dbless.…`, `kong.…`) that
 * names places, never values: messages of Kong quote keys.
 */
export async function loadNodeConfig(options: AdminApiOptions, node: string, text: string): Promise<'loaded' | 'same'> {
  const { send, close } = connectAdmin({ ...options, timeoutMs: Math.max(LOAD_MS, options.timeoutMs) });
  try {
    const answer = await send('POST', '/config?check_hash=1&flatten_errors=1', {
      type: 'application/json',
      content: JSON.stringify({ config: text }),
    });
    if (answer.status === 304) return 'same';
    if (answer.status === 201 || answer.status === 200) return 'loaded';
    throw faultOfLoad(answer, node);
  } finally {
    await close();
  }
}

/** The hash that a node shows in `configuration_hash` once this text is loaded (recorded on 2.8.5 and 3.9.1). */
export function configurationHashOf(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** Hash of a node that was never given a configuration. */
export const EMPTY_CONFIGURATION = '0'.repeat(32);

/** The most bytes that the Admin API of a node takes, of what `GET /` says; null when it does not say. */
export function largestBody(root: unknown): number | null {
  const found = z.object({ configuration: z.object({ nginx_admin_client_max_body_size: z.string() }) }).safeParse(root);
  const [, digits, unit = ''] =
    (found.success && /^(\d+)([kKmMgG]?)$/.exec(found.data.configuration.nginx_admin_client_max_body_size)) || [];
  // nginx: 0 is no limit.
  if (digits === undefined || digits === '0') return null;
  return Number(digits) * { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, '': 1 }[unit.toLowerCase() as 'k' | 'm' | 'g' | ''];
}

function faultOfLoad({ status, body }: Answer, node: string): Fault {
  switch (status) {
    case 400:
      return new Fault(
        'dbless.refused',
        `Node ${node} refused the configuration: ${places(body)}. It serves what it served before.`,
        'The set may be of another version of Kong, or of plugins that this node lacks. Compare them, or restore another set.',
      );
    case 401:
    case 403:
      return new Fault(
        'dbless.forbidden',
        `Node ${node} does not let the token load a configuration: HTTP ${status}.`,
        'Give the token of this node the permission for POST /config.',
      );
    case 413:
      return new Fault(
        'dbless.too-large',
        `Node ${node} has no room for the configuration: HTTP 413. It serves what it served before.`,
        'Raise nginx_admin_client_max_body_size, and lmdb_map_size from Kong 3.0 on (mem_cache_size before), in its kong.conf, reload it, then try again.',
      );
    default:
      return new Fault(
        'dbless.not-loaded',
        `Node ${node} did not load the configuration: HTTP ${status}${status === 429 ? ', it is loading another one' : ''}.`,
        status === 504
          ? 'It may be loading it still. Wait a minute, then try again: what is loaded already is skipped.'
          : 'Look at the error log of this node, then try again: what is loaded already is skipped.',
        { retryable: status === 429 || status >= 500 },
      );
  }
}

const flattened = z.object({
  flattened_errors: z
    .array(
      z.object({
        entity_type: z.string(),
        entity_name: z.string().optional(),
        errors: z.array(z.object({ field: z.string().optional() })).default([]),
      }),
    )
    .min(1),
});
const nested = z.object({ fields: z.record(z.string(), z.unknown()) });
const MOST_PLACES = 8;

/** `service catalog: port`, `services[2].routes[1].paths`: where it is wrong, without a word of what stands there. */
function places(body: unknown): string {
  const flat = flattened.safeParse(body);
  const tree = nested.safeParse(body);
  const found = flat.success
    ? flat.data.flattened_errors.map(({ entity_type, entity_name, errors }) => {
        const fields = errors.map(({ field }) => field ?? 'the entity').join(', ');
        return `${entity_type}${entity_name === undefined ? '' : ` ${entity_name}`}: ${fields}`;
      })
    : tree.success
      ? leaves(tree.data.fields, '')
      : [];
  if (found.length === 0) return 'it does not say where it is wrong';
  const more = found.length > MOST_PLACES ? ` and ${found.length - MOST_PLACES} more` : '';
  return `wrong are ${found.slice(0, MOST_PLACES).join('; ')}${more}`;
}

function leaves(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => leaves(item, `${path}[${index + 1}]`));
  if (typeof value !== 'object' || value === null) return value === null ? [] : [path];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, path === '' ? name : `${path}.${name}`));
}
