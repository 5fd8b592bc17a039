import { createHash } from 'node:crypto';
import { Fault } from '../../runs/fault.ts';
import { HIDDEN, isSecretName } from '../../runs/words/redact.ts';
import { pageSchema } from './admin.ts';
import type { AdminApi, KongEntity, Look } from './admin.ts';
import { ENTERPRISE_TYPES } from './enterprise-types.ts';
import type { EnterpriseType } from './enterprise-types.ts';

/** The first line of the file says what it is; a reader refuses what it does not know. */
export const ENTITIES_FORMAT = 'kong-chatops-entities/1';

/** What was read, filled while it is read. */
export interface EntitiesTally {
  /** Entities by type; a type that this Kong does not have, or does not show, is absent. */
  readonly counts: Record<string, number>;
  /** Lists that the token may not read. */
  readonly forbidden: {
    readonly type: string;
    readonly many: string;
    readonly path: string;
    readonly status: number;
  }[];
  /** Values that were hidden, because the set is not encrypted. */
  hidden: number;
}

export interface EntitiesWanted {
  readonly workspaces: readonly string[];
  /** Keep hashes of tokens and secrets of hooks: the set is encrypted. */
  readonly keepSecrets: boolean;
  readonly tally: EntitiesTally;
  readonly onEntity?: (done: number) => void;
}

/** Entities whose further lists are asked for at the same time. */
const AT_ONCE = 8;

/**
 * Everything of Kong Enterprise that no decK carries, one JSON document a line, page by page and never whole in memory:
 * a head that says per type who can bring it back, each entity with its type and workspace, and a last line with the
 * counts, without which the file is cut off. A list that Kong does not have is nothing, one that it hides is in the tally.
 */
export async function* enterpriseEntities(admin: AdminApi, wanted: EntitiesWanted): AsyncGenerator<Buffer> {
  const types = ENTERPRISE_TYPES.map(({ type, comesBack, how }) => [type, { comesBack, how }]);
  yield line({ format: ENTITIES_FORMAT, types: Object.fromEntries(types) });
  let done = 0;
  for await (const { type, workspace, first } of firstPages(admin, wanted.workspaces)) {
    for await (const entity of entitiesOf(admin, type, { workspace, first, tally: wanted.tally })) {
      yield line({ type: type.type, workspace, entity: kept(entity, type, wanted) });
      wanted.onEntity?.((done += 1));
    }
  }
  yield line({ end: true, counts: wanted.tally.counts });
}

interface FirstPage {
  readonly type: EnterpriseType;
  readonly workspace: string | null;
  readonly first: Look;
}

/** The first page of every list, in order, some of them asked for ahead: most lists of most workspaces have no other. */
async function* firstPages(admin: AdminApi, workspaces: readonly string[]): AsyncGenerator<FirstPage> {
  const lists = ENTERPRISE_TYPES.flatMap((type) =>
    (type.perWorkspace ? workspaces : [null]).map((workspace) => ({ type, workspace })),
  );
  const ahead: Promise<Look>[] = [];
  let asked = 0;
  for (const [index, list] of lists.entries()) {
    for (const next of lists.slice(asked, index + AT_ONCE)) {
      const looking = admin.look(pagePath(next.type.list, null), next.workspace);
      // Told when its turn comes.
      looking.catch(() => undefined);
      ahead.push(looking);
      asked += 1;
    }
    const first = await ahead.shift();
    if (first !== undefined) yield { ...list, first };
  }
}

const PAGE_SIZE = 1000;

function pagePath(list: string, offset: string | null): string {
  const from = offset === null ? '' : `&offset=${encodeURIComponent(offset)}`;
  return `${list}${list.includes('?') ? '&' : '?'}size=${PAGE_SIZE}${from}`;
}

interface Place {
  readonly workspace: string | null;
  readonly first: Look;
  readonly tally: EntitiesTally;
}

async function* entitiesOf(admin: AdminApi, type: EnterpriseType, place: Place): AsyncGenerator<KongEntity> {
  if (!isReadable(type, place)) return;
  const { tally } = place;
  tally.counts[type.type] ??= 0;
  for await (const some of inParts(listed(admin, type, place))) {
    const read = await Promise.all(some.map((entity) => completed(admin, type, entity, place)));
    for (const entity of read.flat()) {
      tally.counts[type.type] = (tally.counts[type.type] ?? 0) + 1;
      yield entity;
    }
  }
}

/** False when Kong has no such list, or hides it: then the tally says so. */
function isReadable(type: EnterpriseType, { workspace, first, tally }: Place): boolean {
  const { status } = first;
  if (status === 401 || status === 403) {
    const path = `/${workspace === null ? '' : `${workspace}/`}${type.list.replace(/\?.*/, '')}`;
    tally.forbidden.push({ type: type.type, many: type.many, path, status });
  }
  return status >= 200 && status < 300;
}

/** From the page that is here already on. A list that breaks off is a Fault: it would look whole. */
async function* listed(admin: AdminApi, type: EnterpriseType, { workspace, first }: Place): AsyncGenerator<KongEntity> {
  let look = first;
  for (;;) {
    const page = pageSchema.safeParse(look.body);
    if (look.status >= 300 || !page.success) throw brokenList(type, look.status);
    yield* page.data.data;
    const { offset } = page.data;
    if (offset === null || offset === undefined) return;
    look = await admin.look(pagePath(type.list, offset), workspace);
  }
}

function brokenList({ many, list }: EnterpriseType, status: number): Fault {
  return new Fault(
    'kong.list-broken',
    `The list of ${many} cannot be read to its end: a page of /${list} answered HTTP ${status}, or no list.`,
    "Look at Kong's error log for this request, then try again.",
    { retryable: true },
  );
}

/** One entity of the list: as it is, with what hangs below it, or only what hangs below it. */
async function completed(
  admin: AdminApi,
  type: EnterpriseType,
  entity: KongEntity,
  { workspace }: Pick<Place, 'workspace'>,
): Promise<readonly KongEntity[]> {
  const base = type.list.replace(/\?.*/, '');
  const own = `${base}/${encodeURIComponent(String(entity['id']))}`;
  if (type.below === '') return overridesOf(entity, (await admin.look(own, workspace)).body);
  if (type.below !== undefined) return childrenOf(admin, `${own}/${type.below}`, entity, workspace);
  const further = await Promise.all(
    (type.with ?? []).map(async (name) => {
      const { status, body } = await admin.look(`${own}/${name}`, workspace);
      return [name, status === 200 ? listIn(body, name) : null] as const;
    }),
  );
  return [{ ...entity, ...Object.fromEntries(further) }];
}

async function childrenOf(
  admin: AdminApi,
  path: string,
  parent: KongEntity,
  workspace: string | null,
): Promise<readonly KongEntity[]> {
  const found: KongEntity[] = [];
  for await (const child of admin.list(path, workspace)) found.push({ role: parent['name'] ?? parent['id'], ...child });
  return found;
}

/** Kong shows the overrides of a consumer group inside the group. */
function overridesOf(group: KongEntity, body: unknown): readonly KongEntity[] {
  const plugins = typeof body === 'object' && body !== null && 'plugins' in body ? body.plugins : [];
  return Array.isArray(plugins)
    ? (plugins as KongEntity[]).map((plugin) => ({ consumer_group: group['name'] ?? group['id'], ...plugin }))
    : [];
}

/** `{roles: […]}`, `{data: […]}` or the list itself. */
function listIn(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const fields = body as Readonly<Record<string, unknown>>;
  return fields[name] ?? fields['data'] ?? body;
}

async function* inParts(entities: AsyncIterable<KongEntity>): AsyncGenerator<readonly KongEntity[]> {
  let part: KongEntity[] = [];
  for await (const entity of entities) {
    part.push(entity);
    if (part.length < AT_ONCE) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

function kept(entity: KongEntity, type: EnterpriseType, { keepSecrets, tally }: EntitiesWanted): unknown {
  const shown = Object.entries(entity).map(([field, value]) =>
    type.digestOf?.includes(field) === true ? [`${field}_sha256`, digestOf(value)] : [field, value],
  );
  const whole: unknown = Object.fromEntries(shown);
  return keepSecrets ? whole : withoutSecrets(whole, tally);
}

function digestOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return createHash('sha256').update(text).digest('hex');
}

function withoutSecrets(value: unknown, tally: EntitiesTally): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, tally));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, item]: [string, unknown]) => {
    if (!isSecretName(name) || typeof item !== 'string' || item === '') return [name, withoutSecrets(item, tally)];
    tally.hidden += 1;
    return [name, HIDDEN];
  });
  return Object.fromEntries(fields) as unknown;
}

function line(document: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(document)}\n`);
}
