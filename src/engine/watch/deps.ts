import type { Actor } from '../../runs/person.ts';
import type { EngineLog } from '../deps.ts';
import type { OperationsDeps } from '../commands/operations-deps.ts';
import type { WatchPorts } from './ports.ts';
import type { WatchLog } from './watch-log.ts';

export interface WatchDeps extends OperationsDeps {
  readonly ports: WatchPorts;
  readonly watchLog: WatchLog;
  /** The bot itself, as the author of what nobody asked for. */
  readonly self: Actor;
  readonly log: EngineLog;
}
