import type { Actor } from '../runs/person.ts';
import type { StepQueue } from '../runs/plan.ts';
import type { Run } from '../runs/run.ts';
import type { EventStore, ProgressBoard, Step, StepLocks, WakeQueue, WorkFolders } from './ports.ts';

/** Structured log; the same shape as pino's. */
export interface EngineLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** What happened to one attempt, for metrics. `seconds` is wall clock from `step.started`. */
export interface AttemptFacts {
  readonly runId: string;
  readonly step: string;
  readonly outcome: string;
  readonly seconds: number;
}

export interface EngineDeps {
  readonly store: EventStore;
  readonly queue: WakeQueue;
  readonly locks: StepLocks;
  readonly board: ProgressBoard;
  /** The steps of a run's run-book by id, bound to its gateway. Throws a Fault when the gateway is configured no more. */
  readonly stepsFor: (run: Run) => Readonly<Record<string, Step>>;
  readonly clock: () => Date;
  readonly log: EngineLog;
  readonly host: string;
  readonly pid: number;
  readonly folders: WorkFolders;
  readonly retrySeconds: number;
  /** Queues whose steps this process carries out. Empty: it only coordinates. */
  readonly serves: ReadonlySet<StepQueue>;
  readonly onAttempt?: (facts: AttemptFacts) => void;
}

/** The bot itself as the author of an event. */
export function bot(deps: Pick<EngineDeps, 'host' | 'pid'>): Actor {
  return { kind: 'bot', host: deps.host, pid: deps.pid };
}
