import type { RouteFacts } from '../../../../kong/database/database-content.ts';
import type { Side } from '../../../../kong/proxy/choose-proofs.ts';
import type { Body, Document } from '../document.ts';
import { idOf, isChildList } from '../document.ts';

/** Enough for any gateway that one person can look over; beyond it absence is not proven. */
const MOST = 5000;

/** What of a declarative file the answers of a proxy can tell: routes, and API keys (secrets). */
export function sideOf(document: Document): Side {
  const routes: RouteFacts[] = [];
  const everywhere = keyNameOf(document);
  for (const service of listOf(document, 'services')) {
    const inherited = keyNameOf(service) ?? everywhere;
    if (service['enabled'] === false) continue;
    for (const route of listOf(service, 'routes')) routes.push(factsOf(route, inherited));
  }
  for (const route of listOf(document, 'routes')) routes.push(factsOf(route, everywhere));
  const keys = listOf(document, 'consumers').flatMap((consumer) =>
    listOf(consumer, 'keyauth_credentials').flatMap((key): [string, string][] =>
      typeof key['key'] === 'string' ? [[idOf(key) ?? '', key['key']]] : [],
    ),
  );
  const whole = routes.length < MOST && keys.length < MOST;
  return { routes: routes.slice(0, MOST), keys: keys.slice(0, MOST), whole };
}

function factsOf(route: Body, inherited: string | null): RouteFacts {
  return {
    id: idOf(route) ?? '',
    name: typeof route['name'] === 'string' ? route['name'] : null,
    paths: textsOf(route['paths']),
    hosts: textsOf(route['hosts']),
    methods: textsOf(route['methods']),
    protocols: textsOf(route['protocols']),
    by_more:
      (typeof route['headers'] === 'object' && route['headers'] !== null) || typeof route['expression'] === 'string',
    key_name: keyNameOf(route) ?? inherited,
  };
}

/** The header in which the key-auth of this very entity takes a key; null where it has none. */
function keyNameOf(node: Body): string | null {
  for (const plugin of listOf(node, 'plugins')) {
    const bound = ['consumer', 'consumer_group', 'route', 'service'].some((field) => plugin[field] != null);
    if (plugin['name'] !== 'key-auth' || plugin['enabled'] === false || bound) continue;
    const config = plugin['config'] as { key_names?: unknown; key_in_header?: unknown } | null;
    const [name] = textsOf(config?.key_names) ?? [];
    if (config?.key_in_header !== false && name !== undefined) return name;
  }
  return null;
}

function listOf(node: Body, list: string): readonly Body[] {
  const items = node[list];
  return isChildList(list, items) ? items : [];
}

function textsOf(value: unknown): readonly string[] | null {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : null;
}
