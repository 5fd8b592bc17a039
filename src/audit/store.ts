import type { Pool } from 'pg';
import { Fault } from '../runs/fault.ts';
import { appendAll, callOf, systemCallOf, type AppendCall } from './append.ts';
import { joinCalls } from './batch.ts';
import { findRuns, latestRuns, openRuns, provenSets, type FindRuns, type ProvenSet } from './find-runs.ts';
import { load, nextRunId, systemEvents } from './load.ts';
import type { NewSystemEvent, RunEvent } from '../runs/event.ts';
import type { AppendRequest, AppendResult, RunIndex } from '../runs/log.ts';
import type { WatchEvent } from '../schedules/event.ts';

/** The log and its index over one pool. Fits `EventStore` of engine/ports.ts; a test holds it to that. */
export interface AuditStore {
  append(request: AppendRequest): Promise<AppendResult>;
  appendSystem(event: NewSystemEvent, key?: string): Promise<AppendResult>;
  systemEvents(types: readonly string[], after: number): Promise<WatchEvent[]>;
  load(runId: string): Promise<RunEvent[]>;
  nextRunId(letter: string): Promise<string>;
  openRuns(): Promise<RunIndex[]>;
  findRuns(filter: FindRuns): Promise<RunIndex[]>;
  latestRuns(): Promise<RunIndex[]>;
  provenSets(gateway: string): Promise<ProvenSet[]>;
}

/** Binds the statements to a pool. Every method throws a StoreFault when the database fails. */
export function createEventStore(pool: Pool): AuditStore {
  const append = joinCalls(
    (calls: readonly AppendCall[]) => appendAll(pool, calls),
    (error) => error instanceof Fault,
  );
  return {
    async append(request) {
      return append(callOf(request));
    },
    async appendSystem(event, key) {
      return append(systemCallOf(event, key));
    },
    systemEvents: (types, after) => systemEvents(pool, types, after),
    load: (runId) => load(pool, runId),
    nextRunId: (letter) => nextRunId(pool, letter),
    openRuns: () => openRuns(pool),
    findRuns: (filter) => findRuns(pool, filter),
    latestRuns: () => latestRuns(pool),
    provenSets: (gateway) => provenSets(pool, gateway),
  };
}
