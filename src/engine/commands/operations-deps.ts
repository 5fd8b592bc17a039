import type { Plan } from '../../runs/plan.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Run } from '../../runs/run.ts';
import type { Safety, Strategy } from '../../runbooks/restore.ts';
import type { AuditQuery, AuditRow, PeopleDirectory, ProgressBoard, StoredSet } from '../ports.ts';
import type { Folds } from './folds.ts';
import type { RecallingStore } from '../recall.ts';
import { nearest } from '../../runs/words/nearest.ts';
import { refuse } from '../../runs/refusal.ts';

/** A gateway as far as people's commands need to know it. */
export interface EngineGateway {
  readonly name: string;
  readonly environment: string;
  readonly channel: string;
  /** The plan of a backup of it, fixed by the configuration in force. */
  readonly backupPlan: Plan;
  /** Absent: nothing of this gateway can be restored or drilled by this configuration. */
  readonly restore?: RestorePlans;
}

export interface RestoreChoice {
  readonly set: string;
  /** Name of the destination that it is read from. */
  readonly destination: string;
  readonly strategy: Strategy;
  readonly safety: Safety;
  /** `service:catalog`, …: these entities alone, created or updated, never deleted. */
  readonly only?: readonly string[];
}

export interface RestorePlans {
  readonly strategies: readonly Strategy[];
  plan(choice: RestoreChoice): Plan;
  /** Why this installation cannot drill; null when it can. */
  readonly noDrill: Refusal | null;
  drillPlan(choice: Pick<RestoreChoice, 'set' | 'destination'>): Plan;
  comparePlan(choice: Pick<RestoreChoice, 'set' | 'destination'>): Plan;
}

export interface OperationsDeps {
  readonly store: RecallingStore;
  readonly folds: Folds;
  readonly board: ProgressBoard;
  readonly people: PeopleDirectory;
  readonly gateways: readonly EngineGateway[];
  readonly configDigest: string;
  readonly clock: () => Date;
  /** The published sets of a gateway in its destinations, newest first. */
  readonly storedSets: (gateway: string) => Promise<readonly StoredSet[]>;
  /** Wakes whoever goes on with the run. Its failure is not the person's: the sweep covers it. */
  readonly coordinate: (run: Run) => Promise<void>;
  readonly readAudit: (query: AuditQuery) => Promise<readonly AuditRow[]>;
  /** Called with every refusal, for metrics. */
  readonly onRefusal?: (code: string) => void;
}

/** No name of ours is longer than this. */
const LONGEST_NAME = 80;

/** A name as somebody typed it, cut: an answer must not give back whatever was pasted. */
export function shortened(name: string): string {
  const letters = Array.from(name.slice(0, 4 * LONGEST_NAME));
  return letters.length <= LONGEST_NAME ? name : `${letters.slice(0, LONGEST_NAME).join('')}…`;
}

/** Names the nearest gateway: at three in the morning people mistype. */
export function unknownGateway(deps: Pick<OperationsDeps, 'gateways'>, name: string): Refusal {
  const names = deps.gateways.map((gateway) => gateway.name);
  const near = nearest(name, names);
  const hint = near === null ? `Known gateways: ${names.join(', ')}` : `Did you mean ${near}?`;
  return refuse('unknown-gateway', `There is no gateway "${shortened(name)}" in the configuration`, hint);
}
