import type { Refusal } from '../runs/refusal.ts';
import { isRefusal, refuse } from '../runs/refusal.ts';

/** One entity that people named: `service:catalog`. */
export interface Selected {
  /** Key of its list in a declarative file: `services`. */
  readonly list: string;
  /** Its name or its id. */
  readonly name: string;
}

/** What can be restored alone, as people say it → its list in a declarative file. */
const LISTS: Readonly<Record<string, string>> = {
  service: 'services',
  route: 'routes',
  plugin: 'plugins',
  consumer: 'consumers',
  upstream: 'upstreams',
  certificate: 'certificates',
  'ca-certificate': 'ca_certificates',
  'consumer-group': 'consumer_groups',
  vault: 'vaults',
  key: 'keys',
  'key-set': 'key_sets',
};

/** Whether entities of this list of a declarative file can be restored alone. */
export function isSelectable(list: string): boolean {
  return Object.values(LISTS).includes(list);
}

/** As people say it: `service:catalog`. */
export function wordOf({ list, name }: Selected): string {
  const kind = Object.entries(LISTS).find(([, file]) => file === list)?.[0];
  return `${kind ?? list}:${name}`;
}

/** `service:catalog`, `consumer:alice`: which entities, with everything that belongs to them. */
export function parseSelection(words: readonly string[]): readonly Selected[] | Refusal {
  const parsed = words.map(parseOne);
  return parsed.find(isRefusal) ?? parsed.flatMap((one) => (isRefusal(one) ? [] : [one]));
}

function parseOne(word: string): Selected | Refusal {
  const [, kind = '', name = ''] = /^([a-z-]+):(.+)$/s.exec(word.trim()) ?? [];
  const list = Object.hasOwn(LISTS, kind) ? LISTS[kind] : undefined;
  if (list !== undefined && name.trim() !== '') return { list, name: name.trim() };
  return refuse(
    'bad-selection',
    `"${word}" names no entity that can be restored alone`,
    `Write a kind and a name or an id: ${Object.keys(LISTS).join(':…, ')}:…`,
  );
}
