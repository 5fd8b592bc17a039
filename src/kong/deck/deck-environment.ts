import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment, RunCommand, SecretFile } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import type { DeckTool } from '../dump/tools.ts';

/** Both PEM, on the worker. */
export interface ClientCertificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface DeckOptions {
  readonly run: RunCommand;
  readonly deck: DeckTool;
  readonly gateway: string;
  readonly url: string;
  readonly token?: string | undefined;
  readonly caFile?: string | undefined;
  /** Sent with every request. Values may be secrets. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly clientCertificate?: ClientCertificate | undefined;
  readonly edition: 'community' | 'enterprise';
  /** The attempt's folder on the worker: decK's private HOME when it runs there. */
  readonly workDir: string;
  /** Per request of decK to Kong. */
  readonly requestTimeoutMs: number;
  /** For a whole decK run; a hanging decK is killed then. */
  readonly timeoutMs: number;
}

/**
 * Address, token, headers and certificates go by the environment, which only we and root can read. HOME is private: a
 * `.deck.yaml` of somebody else must not lead decK to another gateway.
 */
export async function deckEnvironment(options: DeckOptions): Promise<Environment> {
  const { run, workDir, url, caFile, clientCertificate: client } = options;
  const onWorker = async (path: string): Promise<string | SecretFile> =>
    // The certificates lie on the worker, like everything that the Admin API needs.
    run.sameHost ? path : { file: await readFile(path, 'utf8') };
  return {
    DECK_KONG_ADDR: url,
    DECK_ANALYTICS: 'off',
    ...(run.sameHost ? { HOME: workDir, TMPDIR: workDir } : {}),
    ...(await headerVariables(options)),
    ...(caFile === undefined || run.sameHost ? {} : { DECK_CA_CERT_FILE: await onWorker(caFile) }),
    // As flags they do nothing, or something else (facts I2): only the variables work.
    ...(client === undefined
      ? {}
      : {
          DECK_TLS_CLIENT_CERT_FILE: await onWorker(client.certFile),
          DECK_TLS_CLIENT_KEY_FILE: await onWorker(client.keyFile),
        }),
  };
}

/** Nothing here is a secret: these stand in the list of processes. */
export function commonArguments(options: DeckOptions): string[] {
  return [
    '--analytics=false',
    '--no-color',
    '--timeout',
    String(Math.max(1, Math.ceil(options.requestTimeoutMs / 1000))),
    ...(options.caFile === undefined || !options.run.sameHost ? [] : ['--ca-cert-file', options.caFile]),
  ];
}

async function headerVariables(options: DeckOptions): Promise<Record<string, string>> {
  const { deck, gateway, run, workDir } = options;
  const token = options.token === '' ? undefined : options.token;
  const inHeader = token === undefined || deck.adminTokenVariable ? [] : [['Kong-Admin-Token', token] as const];
  const inVariable = token === undefined || !deck.adminTokenVariable ? {} : { DECK_KONG_ADMIN_TOKEN: token };
  const headers = [...Object.entries(options.headers ?? {}), ...inHeader];
  if (headers.length === 0) return inVariable;
  const pairs = headers.map(([name, value]) => `${name}:${value}`);
  // The variable is a list parted by white space, and decK knows no way to quote an entry of it.
  if (!pairs.some((pair) => /\s/.test(pair))) return { ...inVariable, DECK_HEADERS: pairs.join(' ') };
  if (inHeader.some(([, value]) => /\s/.test(value))) throw strangeToken(gateway, deck.version);
  if (!run.sameHost) throw strangeHeader(headers, gateway, run.where);
  // JSON is YAML. The same for every decK of this attempt, and gone with its folder.
  await writeFile(join(workDir, '.deck.yaml'), JSON.stringify({ headers: pairs }), { mode: 0o600 });
  return inVariable;
}

function strangeToken(gateway: string, version: string): Fault {
  return new Fault(
    'deck.token',
    `The Admin API token of ${gateway} contains white space, which decK ${version} cannot pass on.`,
    'Look at the secret for a pasted line end, or install decK 1.64 or newer.',
  );
}

function strangeHeader(headers: readonly (readonly [string, string])[], gateway: string, where: string): Fault {
  const names = headers.filter(([, value]) => /\s/.test(value)).map(([name]) => name);
  return new Fault(
    'deck.header',
    `The value of the header ${names.join(' and ')} of ${gateway} contains white space, which cannot be passed on to decK on ${where}.`,
    'Use a value without white space, or let decK run on the worker.',
  );
}
