import type { Readable, Writable } from 'node:stream';
import type { ChainOptions, ChainVerdict } from '../audit/chain-reader.ts';
import type { Config } from '../config/schema.ts';
import type { Operations } from '../engine/ports.ts';
import type { Log } from '../operations/log.ts';
import type { MigrateResult } from '../postgres/migrate.ts';
import type { QueueName } from '../runs/plan.ts';
import type { Check, DoctorInput } from './doctor/check.ts';

/** Everything that the command line needs of the rest. Wired in `wiring.ts`; tests give their own. */
export interface CliPorts {
  /** The same operations as Slack has, without Slack's connection. Closing ends every connection. */
  connect(config: Config, log: Log): Promise<{ readonly operations: Operations; close(): Promise<void> }>;
  /** Runs until `stop`. Resolves once everything is up, or throws a Fault. */
  start(config: Config, options: StartOptions, log: Log): Promise<{ stop(): Promise<void> }>;
  /** Prepares the database, as its owner. */
  migrate(urls: { readonly ownerUrl: string; readonly botUrl: string }): Promise<MigrateResult>;
  verifyDatabase(databaseUrl: string, options: ChainOptions): Promise<ChainVerdict>;
  verifyExport(input: Readable, options: ChainOptions): Promise<ChainVerdict>;
  /** The whole trail as NDJSON, one row a line, oldest first. */
  exportTrail(databaseUrl: string, to: Writable): Promise<void>;
  /** What `doctor` looks at, in order. */
  checks(input: DoctorInput): Promise<readonly Check[]>;
}

export interface StartOptions {
  /** Slack's connection, the sweep and the schedule. */
  readonly bot: boolean;
  /** Queues that this process serves. */
  readonly queues: readonly QueueName[];
  /** A stop waits for running steps, however long they take. */
  readonly drain: boolean;
}
