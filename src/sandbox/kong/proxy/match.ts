import type { PluginRow, RouteRow } from './statements.ts';

export interface Asked {
  readonly method: string;
  readonly host: string;
  readonly path: string;
}

/** The route for a request: one that names the host first, then the one with the longest path. Null: there is none. */
export function matchRoute(routes: readonly RouteRow[], asked: Asked): RouteRow | null {
  const matching = routes.flatMap((route) => {
    const length = matchedPath(route, asked.path);
    const fits = length !== null && allows(route.methods, asked.method) && allowsHost(route, asked.host);
    return fits ? [{ route, length, byHost: (route.hosts ?? []).length > 0 }] : [];
  });
  matching.sort(
    (a, b) => Number(b.byHost) - Number(a.byHost) || b.length - a.length || (a.route.id < b.route.id ? -1 : 1),
  );
  return matching[0]?.route ?? null;
}

/** How much of the path the route matched; null when it does not. Regular expressions start with `~`, as since 3.0. */
function matchedPath({ paths }: RouteRow, path: string): number | null {
  if (paths === null || paths.length === 0) return 0;
  const lengths = paths.flatMap((wanted) => {
    if (!wanted.startsWith('~')) return path.startsWith(wanted) ? [wanted.length] : [];
    const found = new RegExp(`^${wanted.slice(1)}`).exec(path);
    return found === null ? [] : [found[0].length];
  });
  return lengths.length === 0 ? null : Math.max(...lengths);
}

function allowsHost({ hosts }: RouteRow, host: string): boolean {
  if (hosts === null || hosts.length === 0) return true;
  return hosts.some((wanted) => {
    if (wanted.startsWith('*')) return host.endsWith(wanted.slice(1));
    if (wanted.endsWith('*')) return host.startsWith(wanted.slice(0, -1));
    return wanted === host;
  });
}

function allows(list: readonly string[] | null, value: string): boolean {
  return list === null || list.length === 0 || list.includes(value);
}

/** A plugin for a route: the one on the route itself before that on its service, before the one for everything. */
export function pluginFor(plugins: readonly PluginRow[], route: RouteRow, name: string): PluginRow | null {
  const rank = (plugin: PluginRow): number => {
    if (plugin.route_id !== null) return plugin.route_id === route.id ? 3 : 0;
    if (plugin.service_id !== null) return plugin.service_id === route.service_id ? 2 : 0;
    return 1;
  };
  const named = plugins.filter((plugin) => plugin.name === name && rank(plugin) > 0);
  return named.sort((a, b) => rank(b) - rank(a))[0] ?? null;
}
