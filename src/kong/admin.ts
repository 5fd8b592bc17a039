export interface AdminApiOptions {
  /** The gateway's name, for messages. */
  readonly gateway: string;
  readonly url: string;
  readonly token?: string | undefined;
  readonly caFile?: string | undefined;
  /** For one request, answer read. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

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
  readonly status: number | null;
}

/** Reads a Kong Admin API. Every method throws a Fault (`kong.…`), or the signal's reason once aborted. */
export interface AdminApi {
  root(): Promise<KongRoot>;
  status(): Promise<KongStatus>;
  /** All entities of a list, page by page. `workspace` null or absent: the default one, without prefix. */
  list(path: string, workspace?: string | null): AsyncIterable<KongEntity>;
  /** How many; null when this Kong has no such list. */
  count(path: string, workspace?: string | null): Promise<number | null>;
  /** Names of all workspaces; null on Kong OSS, which has only the default one. */
  workspaces(root: KongRoot): Promise<readonly string[] | null>;
  /** Asks every list that decK would read with size=1. Only an unreachable Kong throws. */
  readableLists(version: string, workspace?: string | null): Promise<readonly ListAnswer[]>;
  close(): Promise<void>;
}

export declare function adminApi(options: AdminApiOptions): AdminApi;
