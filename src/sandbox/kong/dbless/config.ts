import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { type Answer, luaText, methodNotAllowed, ok } from '../admin/answer.ts';
import { type Call, type Node, purgeNode } from '../admin/node.ts';
import type { Kind } from '../entities/table.ts';
import type { Json } from '../schema/field.ts';
import { asText, type Entity } from '../schema/fill.ts';
import { declare, type Declared, readDeclaration, type Wrong } from './declarative.ts';
import { loadEntities, storedEntities } from './load.ts';

/** What a node without a database has beside its entities: the hash of the text that was loaded last (recorded: MD5 of it). */
export interface Dbless {
  hash: string;
}

export const EMPTY_HASH = '0'.repeat(32);

/** `GET` and `POST /config` of a node without a database. */
export async function dblessConfig(node: Node, dbless: Dbless, call: Call): Promise<Answer> {
  if (call.method === 'GET') return ok({ config: await exported(node) });
  if (call.method !== 'POST') return methodNotAllowed;
  const text = call.body['config'];
  const hash = createHash('md5')
    .update(typeof text === 'string' ? text : JSON.stringify(call.body))
    .digest('hex');
  if (call.query.get('check_hash') === '1' && hash === dbless.hash) return { status: 304 };
  const declaration = typeof text === 'string' ? readDeclaration(node, text) : declare(node, call.body);
  if ('wrong' in declaration) return invalid(node, call, declaration.wrong);
  await loadEntities(node, declaration.entities, true);
  dbless.hash = hash;
  await purgeNode(node);
  return { status: 201, body: loaded(declaration.entities) };
}

async function exported(node: Node): Promise<string> {
  const entities = (await storedEntities(node)).map(([{ name }, list]) => [name, list]);
  const version = node.version === '2.8.5' ? '2.1' : '3.0';
  return stringify(
    { _format_version: version, _transform: false, ...Object.fromEntries(entities) },
    { nullStr: '~', lineWidth: 0, aliasDuplicateObjects: false },
  );
}

function invalid({ version }: Node, { query }: Call, { fields, flattened }: Wrong): Answer {
  const isFlat = version === '3.9.1' && query.get('flatten_errors') === '1' && flattened.length > 0;
  const shown: Json = isFlat ? {} : fields;
  return {
    status: 400,
    body: {
      code: 14,
      name: 'invalid declarative configuration',
      message: `declarative config is invalid: ${luaText(shown)}`,
      fields: shown,
      ...(isFlat && { flattened_errors: [...flattened] }),
    },
  };
}

/** Every loaded entity by kind and id. */
function loaded(entities: readonly Declared[]): Json {
  const answer: { [kind: string]: Entity } = {};
  for (const { kind, filled } of entities) (answer[kind.name] ??= {})[asText(filled['id'])] = filled;
  return answer;
}

/** A change that needs a database, in Kong's words. */
export function refusedWrite({ method, path }: Call, kind: Kind): Answer {
  const doing = method === 'POST' ? 'create' : method === 'PUT' ? 'create or update' : WORDS[method];
  const by = path[1] === undefined ? '' : ` by '${kind.endpointKey ?? 'id'}'`;
  const message = `cannot ${doing ?? 'update'} '${kind.name}' entities${by} when not using a database`;
  return { status: 405, body: { code: 12, name: 'operation unsupported', message } };
}

const WORDS: Readonly<Record<string, string>> = { DELETE: 'remove', PATCH: 'update' };
