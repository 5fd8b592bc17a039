/** A list that decK reads for a dump (facts A7), and since which Kong it cannot be missing. */
export interface DeckList {
  readonly path: string;
  /** `[3, 1]`: from Kong 3.1 on a 404 is a fault; null: may be missing (Enterprise, or its plugin is not loaded). */
  readonly requiredSince: readonly [number, number] | null;
}

const ALWAYS = [0, 0] as const;

/** Every list decK asks for; of upstreams and consumer groups it also asks for their members. */
export const DECK_LISTS: readonly DeckList[] = [
  { path: '/services', requiredSince: ALWAYS },
  { path: '/routes', requiredSince: ALWAYS },
  { path: '/plugins', requiredSince: ALWAYS },
  { path: '/certificates', requiredSince: ALWAYS },
  { path: '/ca_certificates', requiredSince: ALWAYS },
  { path: '/snis', requiredSince: ALWAYS },
  { path: '/upstreams', requiredSince: ALWAYS },
  { path: '/consumers', requiredSince: ALWAYS },
  { path: '/vaults', requiredSince: [3, 0] },
  { path: '/keys', requiredSince: [3, 1] },
  { path: '/key-sets', requiredSince: [3, 1] },
  { path: '/filter-chains', requiredSince: null },
  { path: '/partials', requiredSince: null },
  { path: '/consumer_groups', requiredSince: null },
  { path: '/key-auths', requiredSince: null },
  { path: '/hmac-auths', requiredSince: null },
  { path: '/jwts', requiredSince: null },
  { path: '/basic-auths', requiredSince: null },
  { path: '/oauth2', requiredSince: null },
  { path: '/acls', requiredSince: null },
  { path: '/mtls-auths', requiredSince: null },
  { path: '/degraphql_routes', requiredSince: null },
  { path: '/graphql-rate-limiting-advanced/costs', requiredSince: null },
];

/** Whether a status means that this Kong simply has no such list. Filter chains say 400 where WebAssembly is off. */
export function isAbsent(path: string, status: number): boolean {
  return status === 404 || (status === 400 && path.endsWith('/filter-chains'));
}

/** True when a Kong of this version must have the list. */
export function isRequired(list: DeckList, version: string): boolean {
  if (list.requiredSince === null) return false;
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [sinceMajor, sinceMinor] = list.requiredSince;
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}
