import { z } from 'zod';
import { faultOfStatus, notKong } from './admin-faults.ts';
import { connectAdmin } from './admin-request.ts';
import type { AdminApiOptions, Answer, Ask } from './admin-request.ts';
import { DECK_LISTS, isAbsent, isRequired } from '../deck/deck-lists.ts';
import type { DeckList } from '../deck/deck-lists.ts';

export interface KongRoot {
  /** As Kong says it: `3.9.1`, `3.4.3.5-enterprise-edition`. */
  readonly version: string;
  readonly edition: 'community' | 'enterprise';
  readonly databaseKind: 'postgres' | 'cassandra' | 'off';
  readonly role: string;
  readonly hostname: string;
  readonly nodeId: string;
  /** Kong's prefix folder as the node says it; null when it does not. */
  readonly prefix: string | null;
  /** Names of the plugins that entities of this node use. */
  readonly pluginsEnabled: readonly string[];
  /** Whether Enterprise encrypts fields of the database, and how their keys can come back; null: it does not. */
  readonly keyring: KeyringSettings | null;
}

export interface KeyringSettings {
  /** `cluster`: keys live in the memory of the nodes; `vault`: in HashiCorp Vault. */
  readonly strategy: string;
  /** The database holds the keys for whoever has the private recovery key. */
  readonly hasRecoveryKey: boolean;
}

export interface KongStatus {
  /** Null where Kong has no database. */
  readonly databaseReachable: boolean | null;
  readonly configurationHash: string | null;
}

/** An entity as listed: any fields. */
export type KongEntity = Readonly<Record<string, unknown>>;

/** Whether one list that decK reads can be read by this token. */
export interface ListAnswer {
  /** `services`, `upstreams/{id}/targets`. */
  readonly list: string;
  /** `absent`: this Kong has no such list. `forbidden`: 401 or 403, which decK takes for "none" without a word. */
  readonly answer: 'ok' | 'absent' | 'forbidden' | 'failed';
  readonly status: number;
}

export interface Look {
  readonly status: number;
  /** Undefined when it is not JSON. */
  readonly body: unknown;
}

/** Reads a Kong Admin API. Every method throws a Fault (`kong.…`), or the signal's reason once aborted. */
export interface AdminApi {
  root(): Promise<KongRoot>;
  status(): Promise<KongStatus>;
  /** All entities of a list, page by page. `workspace` null or absent: the default one, without prefix. */
  list(path: string, workspace?: string | null): AsyncIterable<KongEntity>;
  /** How many; null when this Kong has no such list. */
  count(path: string, workspace?: string | null): Promise<number | null>;
  /** One answer whatever its status: for what a Kong may not have, or not let the token see. A Fault for status 5xx. */
  look(path: string, workspace?: string | null): Promise<Look>;
  /** The same for a POST without a body, which is how the keyring is exported. */
  post(path: string): Promise<Look>;
  /** Names of all workspaces; null on Kong OSS, which has only the default one. */
  workspaces(root: KongRoot): Promise<readonly string[] | null>;
  /** Asks every list that decK would read with size=1. Throws only when Kong does not answer at all. */
  readableLists(version: string, workspace?: string | null): Promise<readonly ListAnswer[]>;
  close(): Promise<void>;
}

const PAGE_SIZE = 1000;
/** An empty page in the middle may happen; so many in a row are a list without an end. */
const EMPTY_PAGES = 100;

// Lua cannot tell an empty list from an empty object.
const luaList = z
  .union([z.array(z.string()), z.record(z.string(), z.unknown())])
  .nullish()
  .transform((list) => (Array.isArray(list) ? list : Object.keys(list ?? {})));

const rootSchema = z.object({
  version: z.string(),
  edition: z.string().optional(),
  hostname: z.string().default(''),
  node_id: z.string().default(''),
  plugins: z.object({ enabled_in_cluster: luaList }).nullish(),
  configuration: z.object({
    database: z.enum(['postgres', 'cassandra', 'off']),
    role: z.string().default('traditional'),
    prefix: z.string().optional(),
    keyring_enabled: z.boolean().optional(),
    keyring_strategy: z.string().optional(),
    keyring_recovery_public_key: z.string().optional(),
  }),
});
const statusSchema = z.object({
  database: z.object({ reachable: z.boolean() }).optional(),
  configuration_hash: z.string().optional(),
});
/** Any object: looking into a thousand of them field by field takes longer than asking for them. */
const entitySchema = z.custom<KongEntity>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);
export const pageSchema = z.object({
  data: z.union([z.array(entitySchema), z.strictObject({}).transform(() => [])]),
  offset: z.string().nullish(),
});

export function adminApi(options: AdminApiOptions): AdminApi {
  const { ask, send, close } = connectAdmin(options);
  return {
    async root() {
      const root = await read(ask, '/', rootSchema);
      return {
        version: root.version,
        edition: editionOf(root),
        databaseKind: root.configuration.database,
        role: root.configuration.role,
        hostname: root.hostname,
        nodeId: root.node_id,
        prefix: root.configuration.prefix ?? null,
        pluginsEnabled: root.plugins?.enabled_in_cluster ?? [],
        keyring: keyringOf(root),
      };
    },
    async status() {
      const status = await read(ask, '/status', statusSchema);
      return {
        databaseReachable: status.database?.reachable ?? null,
        configurationHash: status.configuration_hash ?? null,
      };
    },
    list: (path, workspace) => pages(ask, inWorkspace(path, workspace)),
    count: (path, workspace) => count(ask, inWorkspace(path, workspace)),
    look: async (path, workspace) => lookedAt(await ask(inWorkspace(path, workspace))),
    post: async (path) => lookedAt(await send('POST', path)),
    async workspaces(root) {
      if (root.edition === 'community') return null;
      const names: string[] = [];
      for await (const workspace of pages(ask, '/workspaces')) names.push(String(workspace['name']));
      return names;
    },
    readableLists: (version, workspace) => readableLists(ask, version, workspace ?? null),
    close,
  };
}

function keyringOf({ configuration }: z.infer<typeof rootSchema>): KeyringSettings | null {
  if (configuration.keyring_enabled !== true) return null;
  return {
    strategy: configuration.keyring_strategy ?? 'cluster',
    hasRecoveryKey: (configuration.keyring_recovery_public_key ?? '') !== '',
  };
}

/** Old Enterprise names no edition; its versions have a fourth number or say so. */
function editionOf({ edition, version }: z.infer<typeof rootSchema>): KongRoot['edition'] {
  if (edition !== undefined) return edition === 'community' ? 'community' : 'enterprise';
  return /enterprise|^\d+\.\d+\.\d+\.\d+/.test(version) ? 'enterprise' : 'community';
}

function inWorkspace(path: string, workspace: string | null | undefined): string {
  const plain = path.startsWith('/') ? path : `/${path}`;
  return workspace ? `/${encodeURIComponent(workspace)}${plain}` : plain;
}

async function read<T>(ask: Ask, path: string, schema: z.ZodType<T>): Promise<T> {
  return parse(good(await ask(path)), schema);
}

function lookedAt(answer: Answer): Look {
  const { status, body, question } = answer;
  if (status === 429 || status >= 500) throw faultOfStatus(question, status, body !== undefined);
  return { status, body };
}

/** The answer, or the Fault that it is. */
function good(answer: Answer): Answer {
  const fault = faultOfStatus(answer.question, answer.status, answer.body !== undefined);
  if (fault !== null) throw fault;
  return answer;
}

function parse<T>({ body, question }: Answer, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.') ?? '';
  throw notKong(question, field === '' ? 'it answers something else' : `"${field}" is missing or odd`);
}

async function* pages(ask: Ask, path: string): AsyncGenerator<KongEntity> {
  let offset: string | null = null;
  let empty = 0;
  do {
    const from: string = offset === null ? '' : `&offset=${encodeURIComponent(offset)}`;
    const answer = good(await ask(`${path}${path.includes('?') ? '&' : '?'}size=${PAGE_SIZE}${from}`));
    const page = parse(answer, pageSchema);
    yield* page.data;
    if (offset !== null && page.offset === offset) throw notKong(answer.question, 'it gives the same page for ever');
    empty = page.data.length === 0 ? empty + 1 : 0;
    if (empty > EMPTY_PAGES) throw notKong(answer.question, 'it gives empty pages for ever');
    offset = page.offset ?? null;
  } while (offset !== null);
}

async function count(ask: Ask, path: string): Promise<number | null> {
  let isThere = true;
  // The first page says whether there is a list at all: one request for most lists of most gateways.
  const first: Ask = async (asked) => {
    const answer = await ask(asked);
    isThere = !isAbsent(path, answer.status);
    return isThere ? answer : { ...answer, status: 200, body: { data: [] } };
  };
  let entities = 0;
  for await (const _ of pages(first, path)) entities += 1;
  return isThere ? entities : null;
}

/** All at once, as decK itself asks. */
async function readableLists(ask: Ask, version: string, workspace: string | null): Promise<ListAnswer[]> {
  const answers = await Promise.all(
    DECK_LISTS.map(async (list) => {
      const answer = await ask(`${inWorkspace(list.path, workspace)}?size=1`);
      const judged = judge(list, answer, version);
      const member = memberList(list.path, answer);
      if (member === null) return [judged];
      const members = await ask(`${inWorkspace(member.path, workspace)}?size=1`);
      return [judged, judge({ path: member.name, requiredSince: list.requiredSince }, members, version)];
    }),
  );
  return answers.flat();
}

function judge(list: DeckList, { status, body }: Answer, version: string): ListAnswer {
  const name = list.path.slice(1);
  if (status === 401 || status === 403) return { list: name, answer: 'forbidden', status };
  if (isAbsent(list.path, status))
    return { list: name, answer: isRequired(list, version) ? 'failed' : 'absent', status };
  const isList = status === 200 && pageSchema.safeParse(body).success;
  return { list: name, answer: isList ? 'ok' : 'failed', status };
}

/** A token may read the upstreams and not their targets; the first one tells. */
function memberList(path: string, answer: Answer): { readonly path: string; readonly name: string } | null {
  const page = pageSchema.safeParse(answer.body);
  const id = page.success ? page.data.data[0]?.['id'] : undefined;
  if (path !== '/upstreams' || typeof id !== 'string') return null;
  return { path: `/upstreams/${encodeURIComponent(id)}/targets`, name: '/upstreams/{id}/targets' };
}
