import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { crossChecks } from './schema/cross-checks.ts';
import { readEnvironment } from './environment.ts';
import { formatPath, type ConfigFault } from './fault.ts';
import { namesSchema, type Names } from './names.ts';
import { parseYaml, type Locate } from './parse-yaml.ts';
import { configSchema, type Config, type ConfigFile, type SecretReference } from './schema.ts';
import { schemaFaults } from './schema/schema-faults.ts';
import { fileProblem, lookUpSecret, secretReader, type Variables } from './secret.ts';

/** Looked for in this order when neither an option nor KONG_CHATOPS_CONFIG names a file. */
export const DEFAULT_PATHS = ['./kong-chatops.yaml', '/etc/kong-chatops/kong-chatops.yaml'] as const;

/**
 * Whose secrets a process uses: Kong's and its databases', the destinations', or the signing key. The identity that
 * opens encrypted sets is none of them: only workers that restore or drill hold it, and ask for it then.
 */
export type SecretUse = 'gateways' | 'destinations' | 'signing' | 'heartbeats';
const EVERY_USE: readonly SecretUse[] = ['gateways', 'destinations', 'signing', 'heartbeats'];

export interface ReadOptions {
  readonly path?: string | undefined;
  readonly env: Variables;
  /** Which secrets must be there. Default all: only whoever needs a secret should hold it. */
  readonly secrets?: readonly SecretUse[];
}

export type ReadResult =
  | { readonly ok: true; readonly path: string; readonly config: Config }
  | { readonly ok: false; readonly path: string | null; readonly faults: readonly ConfigFault[] };

/** The file alone, without what stands in the environment: for a pull request, where there are no secrets. */
export type FileResult =
  | { readonly ok: true; readonly path: string; readonly file: ConfigFile }
  | { readonly ok: false; readonly path: string | null; readonly faults: readonly ConfigFault[] };

/**
 * The one configuration of a process, frozen to its depth, or every fault of file and environment at once.
 * Nothing else in the program reads the environment. Never throws, never shows a secret.
 */
export function readConfig({ path, env, secrets = EVERY_USE }: ReadOptions): ReadResult {
  const environment = readEnvironment(env);
  const file = readFile(path, env);
  const faults = [
    ...(file.ok ? [] : file.faults),
    ...secretFaults(file, env, secrets),
    ...(environment.ok ? [] : environment.faults),
  ];
  if (!file.ok || !environment.ok || faults.length > 0) return { ok: false, path: file.path, faults };
  const config: Config = {
    ...file.file,
    digest: file.digest,
    environment: environment.environment,
    secret: secretReader(env),
  };
  return { ok: true, path: file.path, config: deepFreeze(config) };
}

/** Checks the file by itself; secrets and the environment are not looked at. */
export function readConfigFile({ path, env }: ReadOptions): FileResult {
  const read = readFile(path, env);
  if (!read.ok) return { ok: false, path: read.path, faults: read.faults };
  return { ok: true, path: read.path, file: read.file };
}

type Read = { path: string | null; seen: Seen | null } & (
  | { ok: true; path: string; file: ConfigFile; digest: string }
  | { ok: false; faults: ConfigFault[] }
);

/** What a file that is YAML shows even when it is not valid. */
interface Seen {
  readonly names: Names;
  readonly locate: Locate;
}

function readFile(asked: string | undefined, env: Variables): Read {
  const named = asked ?? (env['KONG_CHATOPS_CONFIG'] || undefined);
  const path = named ?? DEFAULT_PATHS.find((candidate) => existsSync(candidate));
  if (path === undefined) {
    const found = `no file at ${DEFAULT_PATHS.join(' or ')}`;
    const allowed = 'one of these, or KONG_CHATOPS_CONFIG, or --config';
    return { ok: false, path: null, seen: null, faults: [{ path: '', found, allowed }] };
  }
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolve(path));
  } catch (error) {
    const found = `${path} ${fileProblem(error)}`;
    const allowed = 'a readable YAML file (see docs/configuration.md)';
    return { ok: false, path, seen: null, faults: [{ path: '', found, allowed }] };
  }
  return parse(path, bytes);
}

function parse(path: string, bytes: Buffer): Read {
  const yaml = parseYaml(bytes.toString('utf8'));
  if (!yaml.ok) return { ok: false, path, seen: null, faults: [...yaml.faults] };
  const { locate, value } = yaml;
  const seen = { names: namesSchema.parse(value), locate };
  const parsed = configSchema.safeParse(value);
  const faults = [
    ...schemaFaults(parsed.error?.issues ?? [], value).map(({ keys, ...fault }) => place(fault, keys, locate)),
    ...crossChecks(seen.names).map(({ keys, ...fault }) => place({ path: formatPath(keys), ...fault }, keys, locate)),
  ];
  if (!parsed.success || faults.length > 0) return { ok: false, path, seen, faults };
  return { ok: true, path, seen, file: parsed.data, digest: createHash('sha256').update(bytes).digest('hex') };
}

/** Every secret that will be used must be there now: better at the start than in the night. */
function secretFaults({ seen }: Read, env: Variables, uses: readonly SecretUse[]): ConfigFault[] {
  if (seen === null) return [];
  const used = secretReferences(seen.names).filter(({ use }) => uses.includes(use));
  return used.flatMap(({ keys, reference }) => {
    const looked = lookUpSecret(reference, env);
    if (looked.ok) return [];
    const allowed =
      'env' in reference
        ? `${reference.env} in the environment, or ${reference.env}_FILE with a readable file`
        : 'a readable file with the secret in it';
    return [place({ path: formatPath(keys), found: looked.found, allowed }, keys, seen.locate)];
  });
}

interface UsedSecret {
  readonly keys: readonly PropertyKey[];
  readonly use: SecretUse;
  readonly reference: SecretReference;
}

function secretReferences(names: Names): UsedSecret[] {
  const ofGateways = names.gateways.flatMap((gateway, at) => [
    { keys: ['gateways', at, 'admin_api', 'token'], use: 'gateways' as const, reference: gateway.admin_api.token },
    ...headerReferences(gateway.admin_api.headers, ['gateways', at, 'admin_api', 'headers']),
    { keys: ['gateways', at, 'database', 'password'], use: 'gateways' as const, reference: gateway.database.password },
    {
      keys: ['gateways', at, 'restore', 'proof', 'credential', 'value'],
      use: 'gateways' as const,
      reference: gateway.restore.proof?.credential.value,
    },
    ...gateway.restore.smoke.flatMap((one, index) =>
      headerReferences(one.headers, ['gateways', at, 'restore', 'smoke', index, 'headers']),
    ),
    ...gateway.nodes.flatMap((node, index) => [
      {
        keys: ['gateways', at, 'nodes', index, 'admin_api', 'token'],
        use: 'gateways' as const,
        reference: node.admin_api?.token,
      },
      ...headerReferences(node.admin_api?.headers, ['gateways', at, 'nodes', index, 'admin_api', 'headers']),
    ]),
  ]);
  const ofSchedules = names.gateways.flatMap(({ schedules }, at) =>
    (['backup', 'drill'] as const).map((kind) => ({
      keys: ['gateways', at, 'schedules', kind, 'heartbeat'],
      use: 'heartbeats' as const,
      reference: schedules[kind]?.heartbeat,
    })),
  );
  const ofDestinations = names.destinations.flatMap(({ credentials }, at) =>
    (['access_key_id', 'secret_access_key'] as const).map((key) => ({
      keys: ['destinations', at, 'credentials', key],
      use: 'destinations' as const,
      reference: credentials[key],
    })),
  );
  const signing = { keys: ['signing', 'private_key'], use: 'signing' as const, reference: names.signing.private_key };
  return [...ofGateways, ...ofSchedules, ...ofDestinations, signing].flatMap(({ reference, ...rest }) =>
    reference === undefined ? [] : [{ ...rest, reference }],
  );
}

/** The nearest thing that is in the file: the value itself, else the mapping that lacks it. */
function place(fault: ConfigFault, keys: readonly PropertyKey[], locate: Locate): ConfigFault {
  for (let length = keys.length; length > 0; length -= 1) {
    const found = locate(keys.slice(0, length));
    if (found !== undefined) return length === keys.length ? { ...fault, ...found } : { ...fault, line: found.line };
  }
  return fault;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

function headerReferences(
  headers: Readonly<Record<string, SecretReference | undefined>> | undefined,
  at: readonly PropertyKey[],
): readonly (Omit<UsedSecret, 'reference'> & { readonly reference: SecretReference | undefined })[] {
  return Object.entries(headers ?? {}).map(([name, reference]) => ({
    keys: [...at, name],
    use: 'gateways' as const,
    reference,
  }));
}
