import type { RunEvent } from '../runs/event.ts';
import type { JsonObject } from '../runs/json.ts';
import type { AppendRequest, AppendResult, AppendSystem, RunIndex } from '../runs/log.ts';
import type { Caller, PersonId, Standing } from '../runs/person.ts';
import type { QueueName, RunKind } from '../runs/plan.ts';
import type { Refusal } from '../runs/refusal.ts';
import type { Run } from '../runs/run.ts';
import type { Safety, Strategy } from '../runbooks/restore.ts';
import type { Emergency } from '../runs/rules/request.ts';
import type { WatchEvent } from '../schedules/event.ts';
import type { GatewayWatch, WatchOperations } from './watch/ports.ts';

/** The log and its index. One SQL statement per function, in `audit/`. */
export interface EventStore {
  append(request: AppendRequest): Promise<AppendResult>;
  appendSystem: AppendSystem;
  /** Rows of the system stream of these types behind a version of it, in order. */
  systemEvents(types: readonly string[], after: number): Promise<WatchEvent[]>;
  /** All events of a run in order; empty when there is no such run. */
  load(runId: string): Promise<RunEvent[]>;
  /** The next free number for a kind of run: `B-142`. It is taken by the append that bears it: `conflict` when another was first. */
  nextRunId(letter: string): Promise<string>;
  /** Runs that the sweep must look at: active, or owing a last drawing. */
  openRuns(): Promise<RunIndex[]>;
  /** Newest first. */
  findRuns(filter: RunFilter): Promise<RunIndex[]>;
  /** Of every gateway: its newest verified run, its newest ended one, its active ones. Newest first. */
  latestRuns(): Promise<RunIndex[]>;
  /** What runs proved of each set of a gateway. */
  provenSets(gateway: string): Promise<ProvenSet[]>;
}

/** When a set was verified (every byte read back), and when a drill last restored it; null: not yet. */
export interface ProvenSet {
  readonly set: string;
  readonly verifiedAt: string | null;
  readonly restoredAt: string | null;
}

export interface RunFilter {
  readonly gateway?: string;
  readonly person?: PersonId;
  readonly active?: boolean;
  readonly verified?: boolean;
  readonly kind?: RunKind;
  /** Ended runs that still lock their gateway: rolled back, and nobody recorded the cause yet. */
  readonly locked?: boolean;
  readonly limit: number;
}

/** Wakes somebody who serves the queue. Losing every wake costs one sweep and nothing else. */
export interface WakeQueue {
  wake(wake: Wake): Promise<void>;
}
export interface Wake {
  readonly queue: QueueName;
  readonly runId: string;
  readonly version: number;
  /** Job name: the step, or `draw`. A queue dashboard reads it. */
  readonly name: string;
  readonly delayMs?: number;
}

/** Who owns a running step: a PostgreSQL session advisory lock on a connection of its own. */
export interface StepLocks {
  /** Null when somebody else holds it. */
  acquire(runId: string): Promise<StepLock | null>;
}
export interface StepLock {
  /** Aborts when the session is lost or silent for too long: before the server can free the lock for another. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** `done` and `total` in `unit`; `note` is one short phrase in operator words. Not an event: progress is not evidence. */
export interface Progress {
  readonly done: number;
  readonly total: number | null;
  readonly unit: 'bytes' | 'tables' | 'files' | 'workspaces' | 'checks' | 'lines';
  readonly note?: string;
}
export interface ProgressRow extends Progress {
  readonly runId: string;
  readonly step: string;
  readonly attempt: number;
  readonly at: string;
}
export interface ProgressBoard {
  report(row: ProgressRow): Promise<void>;
  read(runId: string): Promise<ProgressRow | null>;
}

/** Makes and removes the folders in which attempts work. */
export interface WorkFolders {
  make(name: string): Promise<string>;
  remove(path: string): Promise<void>;
}

/** What a step is given. It keeps nothing between attempts but what `check` can find again. */
export interface StepContext {
  readonly run: Run;
  readonly step: string;
  readonly attempt: number;
  /** Aborted when the run no longer wants the step, the lock is lost, the deadline passes, or the process stops. */
  readonly signal: AbortSignal;
  /** An empty 0700 folder of this attempt alone; removed afterwards whatever happens. */
  readonly workDir: string;
  /** `kong-chatops B-142/dump-database/1`: every database session of the step carries it (see `endSessions`). */
  readonly applicationName: string;
  progress(progress: Progress): void;
}

/**
 * A step: look, act, look again. `check` answers the step's outputs when the world is already as wanted, else null.
 * Both throw a {@link Fault} when a neighbour fails. After `apply`, `check` must answer outputs, or the step failed.
 */
export interface Step {
  check(context: StepContext): Promise<JsonObject | null>;
  apply(context: StepContext): Promise<void>;
  /** Ends what a dead predecessor may have left running on a neighbour (its database sessions). Before `check`. */
  takeOver?(context: StepContext): Promise<void>;
  /** Observes the gateway just before a gated step: compared with what the approvers saw. Keys as in `Run.observed`. */
  observe?(context: StepContext): Promise<Readonly<Record<string, string>>>;
}

/** Looks people up. Fails closed: whoever cannot be verified has a `problem`. */
export interface PeopleDirectory {
  standing(person: PersonId): Promise<Standing>;
  /** Everybody who is in one of the groups and in good standing. */
  eligible(groups: readonly string[]): Promise<Standing[]>;
}

/** What a command answers: the run as it now is, or why not. `again`: this very request made it before. */
export type Answer =
  | { readonly ok: true; readonly run: Run; readonly again?: true }
  | { readonly ok: false; readonly refusal: Refusal; readonly run?: Run };

/** What people can do, the same from Slack and from the CLI. Implemented by `engine/operations.ts`. */
export interface Operations extends WatchOperations {
  requestBackup(request: BackupRequest, by: Caller): Promise<Answer>;
  requestRestore(request: RestoreRequest, by: Caller): Promise<Answer>;
  requestDrill(request: DrillRequest, by: Caller): Promise<Answer>;
  /** A set beside the gateway as it is now: reads only, by type and count. */
  requestCompare(request: DrillRequest, by: Caller): Promise<Answer>;
  /** Undoes what a run changed; cancels it when it has changed nothing yet. */
  rollback(runId: string, reason: string | undefined, by: Caller): Promise<Answer>;
  /** Ends the hold of a run: the way back closes. `drop` also removes what was kept for it. */
  close(runId: string, options: { readonly drop: boolean }, by: Caller): Promise<Answer>;
  /** Records the cause of a rollback: the gateway may be changed again. */
  unlock(gateway: string, cause: string, by: Caller): Promise<Answer>;
  /** Records what somebody else found when they looked at an emergency (behaviour 3.3). */
  review(runId: string, finding: string, by: Caller): Promise<Answer>;
  /** The sets of a gateway that lie in its destinations, newest first. */
  listSets(gateway: string, by: Caller): Promise<SetsAnswer>;
  vote(vote: VoteRequest, by: Caller): Promise<Answer>;
  withdraw(gate: string, by: Caller): Promise<Answer>;
  cancel(runId: string, reason: string | undefined, by: Caller): Promise<Answer>;
  /** A new run with the parameters of an ended one, linked to it. */
  retry(runId: string, by: Caller, delivery?: Delivery): Promise<Answer>;
  watch(runId: string, by: Caller): Promise<Answer>;
  /** Null when there is no such run. */
  run(runId: string): Promise<{ run: Run; events: readonly RunEvent[]; progress: ProgressRow | null } | null>;
  status(by: Caller, gateway?: string): Promise<StatusAnswer>;
  audit(query: AuditQuery, by: Caller): Promise<AuditAnswer>;
  /** What App Home of a person shows. */
  home(by: Caller): Promise<HomeAnswer>;
  /** Records a refusal that happened before any run was touched: a stranger, an unknown gateway. */
  recordRefusal(refusal: Refusal, command: string, by: Caller): Promise<void>;
}

export interface Delivery {
  /** The delivery's own id: a Slack trigger id, the window that was sent, a CLI request id. The same one twice makes one run. */
  readonly key: string;
  /** Channel for the card when the gateway has none of its own. */
  readonly channel?: string;
}
export interface BackupRequest {
  readonly gateway: string;
  readonly reason?: string;
  readonly delivery: Delivery;
}
/** A set id, or a word that stands for one; safety backups of restores are found by their id alone. */
export type SetChoice = 'latest' | 'latest-verified' | (string & {});
export interface RestoreRequest extends DrillRequest {
  readonly strategy: Strategy;
  /** `kept-database` only when the present state cannot be backed up: one approver more is asked (decision 3). */
  readonly safety?: Safety;
  /** With the strategy `declarative`: `service:catalog`, `consumer:alice` … alone; created or updated, never deleted. */
  readonly only?: readonly string[];
  /** Break glass: gates are skipped. `unverified`: also a set that was never read back is wanted. */
  readonly emergency?: Emergency;
}
export interface DrillRequest {
  readonly gateway: string;
  readonly set: SetChoice;
  readonly reason?: string;
  readonly delivery: Delivery;
}
export interface VoteRequest {
  /** What the button carried, e.g. `B-142.g1`. Untrusted. */
  readonly gate: string;
  readonly choice: 'go' | 'no-go';
  readonly comment?: string;
}

export type SetState = 'finished' | 'verified' | 'restored';
/** The last backup of a gateway that can be named, for status and App Home. */
export interface LastBackup {
  readonly runId: string;
  readonly state: SetState;
  readonly at: string;
  readonly bytes: number;
  /** How many things exist on the gateway and are not in the set; null when unknown. */
  readonly gaps: number | null;
  readonly set?: string;
  /** When a drill last restored it and all counts matched: the best proof there is. */
  readonly restoredAt?: string;
}

/** A published set as its destinations show it. `createdAt` (retention goes by it) is from its name, not from a manifest. */
export interface StoredSet {
  readonly set: string;
  /** `damaged`: no copy of the manifest can be read. */
  readonly state: 'finished' | 'damaged';
  readonly createdAt: string | null;
  readonly ageSeconds: number | null;
  readonly bytes: number | null;
  readonly gaps: number | null;
  readonly places: readonly { readonly destination: string; readonly path: string }[];
  /** Destinations that should have it and do not. */
  readonly missingFrom: readonly string[];
}
/** The same with what runs proved of it. */
export interface ListedSet extends Omit<StoredSet, 'state'> {
  readonly state: SetState | 'damaged';
  readonly verifiedAt: string | null;
  readonly restoredAt: string | null;
  /** Taken by a restore before it changed anything; never `latest`. */
  readonly safety: boolean;
  /** Who keeps it from retention, and why: in a list for people. */
  readonly hold?: GatewayWatch['holds'][number];
}
/** What this person can have done with a gateway's sets. */
export interface RestoreWays {
  /** The recommended one first; empty: nothing of it can be restored. */
  readonly strategies: readonly Strategy[];
  /** Why there is no drill; null when there is. */
  readonly noDrill: Refusal | null;
  /** Whether this person may ask for a restore or a drill. */
  readonly mayAsk: boolean;
  /** Whether this person may break glass. */
  readonly mayBreakGlass: boolean;
}
export type SetsAnswer =
  | { readonly ok: true; readonly sets: readonly ListedSet[]; readonly ways: RestoreWays }
  | { readonly ok: false; readonly refusal: Refusal };
export interface GatewayStatus extends Partial<GatewayWatch> {
  readonly gateway: string;
  readonly environment: string;
  readonly lastVerified: LastBackup | null;
  readonly lastEnded: Run | null;
  /** Rolled back, and its cause is not on record: it locks the gateway. */
  readonly locked: Run | null;
  readonly active: readonly Run[];
}
export type StatusAnswer =
  | { readonly ok: true; readonly gateways: readonly GatewayStatus[] }
  | { readonly ok: false; readonly refusal: Refusal };

export interface AuditQuery {
  /** A run id, a gateway, a person, or nothing for all. */
  readonly about?: { readonly runId: string } | { readonly gateway: string } | { readonly person: PersonId };
  readonly since?: string;
  readonly until?: string;
  /** Rows before this sequence number: the page after the one that ended there. */
  readonly before?: number;
  readonly limit: number;
}
export interface AuditRow {
  readonly seq: number;
  readonly runId: string;
  readonly version: number;
  /** The canonical text as stored and hashed. */
  readonly body: string;
  readonly prevHash: string;
  readonly hash: string;
}
export type AuditAnswer =
  | { readonly ok: true; readonly rows: readonly AuditRow[]; readonly more: boolean }
  | { readonly ok: false; readonly refusal: Refusal };

export interface HomeAnswer {
  readonly person: Standing;
  readonly waitingForYou: readonly Run[];
  readonly running: readonly Run[];
  readonly recent: readonly Run[];
  readonly gateways: readonly GatewayStatus[];
}
