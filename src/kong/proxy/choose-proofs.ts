import type { RouteFacts } from '../database/database-content.ts';

/** What the answer of a node's proxy must show. A number is an exact status. */
export type Expectation = 'routed' | 'not-routed' | 'refused' | 'admitted' | number;

/** One GET through a node's proxy. `headers` may hold a secret: only `what` is for people. */
export interface Probe {
  readonly what: string;
  readonly path: string;
  readonly host?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expect: Expectation;
}

/** What a database holds that a proxy's answers can tell. */
export interface Side {
  readonly routes: readonly RouteFacts[];
  readonly keys: readonly (readonly [id: string, key: string])[];
  /** False: there are more of them than were read, so absence proves nothing. */
  readonly whole: boolean;
}

/**
 * Requests that tell the restored state from the one before, made from what differs between the two databases: a route
 * that came back must be found, one that is gone must not, an API key that is gone must be refused. Where nothing
 * differs, any route proves at least that the node routes. Only plain GETs, and no live credential is used. Empty where
 * no answer would tell: no route can be asked for, and one of them may answer any path.
 */
export function chooseProofs(live: Side, before: Side | null): readonly Probe[] {
  const proofs = [backAgain(live, before), gone(live, before), goneKey(live, before)].filter((probe) => probe !== null);
  if (proofs.length > 0) return proofs;
  const any = live.routes.map((route) => requestOf(route)).find((request) => request !== null);
  if (any !== undefined) return [{ ...any, what: `route ${any.route} is found`, expect: 'routed' }];
  return live.whole && !live.routes.some((route) => mayAnswer(route, NO_ROUTE)) ? [NO_ROUTE] : [];
}

const NO_ROUTE: Probe = {
  what: 'a path without a route is not found',
  path: '/kong-chatops-proof-of-no-route',
  expect: 'not-routed',
};

interface Request {
  readonly route: string;
  readonly path: string;
  readonly host?: string;
}

/** A route that only the live database has; better one that no route of the other could have answered for. */
function backAgain(live: Side, before: Side | null): Probe | null {
  if (before === null) return null;
  const known = new Set(before.routes.map(({ id }) => id));
  const requests = live.routes.filter(({ id }) => !known.has(id)).flatMap((route) => requestOf(route) ?? []);
  const found = requests.find((request) => !before.routes.some((route) => mayAnswer(route, request))) ?? requests[0];
  return found === undefined ? null : { ...found, what: `route ${found.route} is found again`, expect: 'routed' };
}

function gone(live: Side, before: Side | null): Probe | null {
  if (before === null || !live.whole) return null;
  const known = new Set(live.routes.map(({ id }) => id));
  const requests = before.routes.filter(({ id }) => !known.has(id)).flatMap((route) => requestOf(route) ?? []);
  const found = requests.find((request) => !live.routes.some((route) => mayAnswer(route, request)));
  return found === undefined ? null : { ...found, what: `route ${found.route} is gone`, expect: 'not-routed' };
}

/** A key that the live database does not know must be refused, however well it is remembered: that is what a purge is for. */
function goneKey(live: Side, before: Side | null): Probe | null {
  if (before === null || !live.whole) return null;
  const known = new Set(live.keys.map(([, key]) => key));
  const key = before.keys.find(([, key]) => !known.has(key))?.[1];
  for (const route of live.routes) {
    const request = route.key_name === null ? null : requestOf(route);
    if (key === undefined || request === null || route.key_name === null) continue;
    const headers = { [route.key_name]: key };
    return {
      ...request,
      headers,
      what: `an API key that is gone is refused on route ${request.route}`,
      expect: 'refused',
    };
  }
  return null;
}

/** No regular expression in Kong 2 or 3, and nothing that a URL would change. */
const PLAIN_PATH = /^\/[A-Za-z0-9._~/-]*$/;
const PLAIN_HOST = /^[A-Za-z0-9.-]+$/;

/** A GET that the route answers; null when it takes more than that. */
function requestOf(route: RouteFacts): Request | null {
  if (route.by_more || !allows(route.methods, 'GET') || !allows(route.protocols, 'http')) return null;
  const path = firstPlain(route.paths, PLAIN_PATH, '/');
  const host = firstPlain(route.hosts, PLAIN_HOST, '');
  if (path === null || host === null) return null;
  return { route: route.name ?? route.id, path, ...(host === '' ? {} : { host }) };
}

/** `any` where the route does not care; null where nothing in its list can be asked for. */
function firstPlain(list: readonly string[] | null, plain: RegExp, any: string): string | null {
  if (list === null || list.length === 0) return any;
  return list.find((value) => plain.test(value)) ?? null;
}

function allows(list: readonly string[] | null, value: string): boolean {
  return list === null || list.length === 0 || list.includes(value);
}

/** Errs on the side of "may": then the request proves nothing and is not chosen. */
function mayAnswer(route: RouteFacts, { path, host }: Pick<Probe, 'path' | 'host'>): boolean {
  const byPath =
    (route.paths ?? []).length === 0 ||
    route.paths?.some((known) => path.startsWith(PLAIN_PATH.test(known) ? known : literalStart(known))) === true;
  const byHost =
    (route.hosts ?? []).length === 0 ||
    (host !== undefined && route.hosts?.some((known) => known === host || !PLAIN_HOST.test(known)) === true);
  return byPath && byHost;
}

/** What every path that a pattern matches begins with; empty where that cannot be told. Kong anchors patterns at the start. */
function literalStart(pattern: string): string {
  if (pattern.includes('|')) return '';
  const bare = pattern.replace(/^~?\^?/, '');
  const literal = /^[A-Za-z0-9_~/-]*/.exec(bare)?.[0] ?? '';
  // The last character need not be there when one of these follows.
  return /^[?*{]/.test(bare.slice(literal.length)) ? literal.slice(0, -1) : literal;
}
