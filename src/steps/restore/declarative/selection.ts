import type { Selected } from '../../../runbooks/selection.ts';
import { canonicalText } from '../../../runs/json.ts';
import type { Body, Document, Entity, Owner } from './document.ts';
import { entitiesOf, idOf, isChildList, kindOfList, nameOf, subtreeOf } from './document.ts';

/** Where an entity stands in a document: the bodies above it, outermost first, each with the list that it is in. */
interface Place {
  readonly list: string;
  readonly body: Body;
  readonly parent: Owner | null;
}

/** Every place of a document where an entity that was selected stands. */
export function placesOf(document: Document, { list, name }: Selected): readonly Place[] {
  const found: Place[] = [];
  const visit = (node: Body, parent: Place['parent']): void => {
    for (const [key, items] of Object.entries(node)) {
      if (!isChildList(key, items)) continue;
      for (const body of items) {
        if (key === list && (idOf(body) === name || nameOf(key, body) === name))
          found.push({ list: key, body, parent });
        visit(body, { list: key, body });
      }
    }
  };
  visit(document, null);
  return found;
}

/** What is selected in a document, with everything that belongs to it: routes and plugins of a service, say. */
export function selectedEntities(document: Document, selection: readonly Selected[]): readonly Entity[] {
  return selection.flatMap((selected) =>
    placesOf(document, selected).flatMap(({ list, body, parent }) => subtreeOf(list, body, parent)),
  );
}

/** Selected entities that this document does not have, as people call them. */
export function absentFrom(document: Document, selection: readonly Selected[]): readonly string[] {
  return selection
    .filter((selected) => placesOf(document, selected).length === 0)
    .map(({ list, name }) => `${kindOfList(list).one} ${name}`);
}

/** Why what is there of a selection cannot be restored, in words; empty when it can. */
export function problemsOf(source: Document, present: Document, selection: readonly Selected[]): readonly string[] {
  return selection.flatMap((selected) => {
    const { one } = kindOfList(selected.list);
    return placesOf(source, selected).flatMap(({ parent, body }) => {
      const again = madeAgain(present, selected, body);
      if (again !== null) return [again];
      if (parent === null || isSelected(parent, selection)) return [];
      const found = findLike(present, parent.list, parent.body);
      const owner = `${kindOfList(parent.list).one} ${nameOf(parent.list, parent.body) ?? idOf(parent.body) ?? ''}`;
      return found === null ? [`${one} ${selected.name} belongs to ${owner}, which the gateway does not have`] : [];
    });
  });
}

/** A password is hashed together with the id of its consumer: under another id it is worthless. */
function madeAgain(present: Document, { list, name }: Selected, body: Body): string | null {
  if (list !== 'consumers' || idOf(body) === null) return null;
  const found = findLike(present, list, body);
  if (found === null || idOf(found) === idOf(body)) return null;
  return `consumer ${name} was made again since the backup and has another id now, so its credentials cannot come back by themselves`;
}

function isSelected(entity: Owner, selection: readonly Selected[]): boolean {
  const names = [idOf(entity.body), nameOf(entity.list, entity.body)];
  return selection.some(({ list, name }) => list === entity.list && names.includes(name));
}

/** The present state with the selected entities as they are in the set. Nothing of the present state is left out. */
export function withSelected(present: Document, source: Document, selection: readonly Selected[]): Document {
  return overlay(present, source, selection, 'add');
}

/** The present state with the selected entities exactly as they were before: also gone, if they were not there. */
export function withSelectedBefore(present: Document, before: Document, selection: readonly Selected[]): Document {
  const cleaned = selection.reduce((document, selected) => {
    const gone = new Set(placesOf(document, selected).map(({ body }) => body));
    return mapLists(document, (body) => (gone.has(body) ? null : body));
  }, present);
  return overlay(cleaned, before, selection, 'replace');
}

type Way = 'add' | 'replace';

function overlay(present: Document, source: Document, selection: readonly Selected[], way: Way): Document {
  return selection
    .flatMap((selected) => placesOf(source, selected))
    .reduce((document, place) => put(document, place, way), present);
}

/** One entity into the document, where it belongs; what it already has of its own is kept unless it is replaced. */
function put(document: Document, { list, body, parent }: Place, way: Way): Document {
  const existing = findLike(document, list, body);
  const byId = new Map(
    entitiesOf(document).flatMap((entity): [string, Body][] => (entity.id ? [[entity.id, entity.body]] : [])),
  );
  const moved = new Set(subtreeOf(list, body, parent).flatMap(({ id }) => id ?? []));
  // An entity that lies elsewhere now (a route under another service) must not be there twice.
  const cleaned = mapLists(document, (each) => (each === existing || moved.has(idOf(each) ?? '') ? null : each));
  const merged = existing === null || way === 'replace' ? body : merge(existing, body, byId);
  const owner = parent === null ? null : findLike(cleaned, parent.list, parent.body);
  if (owner === null) return { ...cleaned, [list]: [...listOf(cleaned, list), merged] };
  return mapLists(cleaned, (each) => (each === owner ? { ...each, [list]: [...listOf(each, list), merged] } : each));
}

function listOf(node: Body, list: string): readonly unknown[] {
  const items = node[list];
  return Array.isArray(items) ? items : [];
}

/**
 * Fields of the set; of what belongs to it both, those of the set in their place. One that was made again since keeps
 * its present id: another id would mean to delete it first.
 */
function merge(present: Body, source: Body, byId: ReadonlyMap<string, Body>): Body {
  const id = idOf(present);
  const merged: Record<string, unknown> = { ...source, ...(id === null ? {} : { id }) };
  const lists = new Set([...Object.keys(present), ...Object.keys(source)]);
  for (const key of lists) {
    const own = childrenOf(source, key);
    const items = childrenOf(present, key);
    if (own.length === 0 && items.length === 0) continue;
    const pairs = own.map((other) => [other, counterpart(key, other, { own, items, byId })] as const);
    const taken = new Set(pairs.map(([, same]) => same));
    const both = pairs.map(([other, same]) => (same === undefined ? other : merge(same, other, byId)));
    merged[key] = [...both, ...items.filter((item) => !taken.has(item))];
  }
  return merged;
}

/** The same entity as it is now: by its id wherever it lies, else by its name where no other of the set has that id. */
function counterpart(
  list: string,
  wanted: Body,
  among: { readonly own: readonly Body[]; readonly items: readonly Body[]; readonly byId: ReadonlyMap<string, Body> },
): Body | undefined {
  const known = among.byId.get(idOf(wanted) ?? '');
  if (known !== undefined) return known;
  const claimed = new Set(among.own.map(idOf));
  return among.items.find((item) => !claimed.has(idOf(item)) && isSame(list, item, wanted));
}

function childrenOf(body: Body, list: string): readonly Body[] {
  const items = body[list];
  return isChildList(list, items) ? items : [];
}

function isSame(list: string, one: Body, other: Body): boolean {
  const [a, b] = [idOf(one), idOf(other)];
  if (a !== null && a === b) return true;
  const [key, its] = [ownKey(list, one), ownKey(list, other)];
  return key !== null && key === its;
}

/** What Kong lets only one sibling have; null where that is the id alone. */
function ownKey(list: string, body: Body): string | null {
  if (list === 'plugins') {
    return canonicalText(
      ['name', 'route', 'service', 'consumer', 'consumer_group'].map((field) => body[field] ?? null),
    );
  }
  const field = ['name', 'username', 'target', 'group', 'key', 'prefix'].find((each) => typeof body[each] === 'string');
  return field === undefined ? null : `${field}=${String(body[field])}`;
}

function findLike(document: Document, list: string, wanted: Body): Body | null {
  const found: Body[] = [];
  mapLists(document, (body, key) => {
    if (key === list && isSame(list, body, wanted)) found.push(body);
    return body;
  });
  return found.find((body) => idOf(body) !== null && idOf(body) === idOf(wanted)) ?? found[0] ?? null;
}

/** The document with every entity replaced by what `change` makes of it; null takes it out. Parents come first. */
function mapLists(node: Document, change: (body: Body, list: string) => Body | null): Document {
  const entries = Object.entries(node).map(([key, items]): [string, unknown] => {
    if (!isChildList(key, items)) return [key, items];
    const kept = items.flatMap((body) => {
      const changed = change(body, key);
      return changed === null ? [] : [mapLists(changed, change)];
    });
    return [key, kept];
  });
  return Object.fromEntries(entries);
}
