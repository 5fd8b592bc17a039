import type { Actor } from '../../runs/person.ts';
import type { EngineLog } from '../deps.ts';
import type { OperationsDeps } from '../commands/operations-deps.ts';
import type { Watch, WatchOperations, WatchPorts } from './ports.ts';
import { createWatchOperations } from './operations.ts';
import { createWatch } from './watch.ts';
import { WatchLog } from './watch-log.ts';

export interface WatchOwn {
  readonly ports: WatchPorts;
  readonly self: Actor;
  readonly log: EngineLog;
}

const NOTHING: WatchOwn = {
  ports: { gateways: [], remove: () => Promise.resolve(), heartbeat: () => null },
  self: { kind: 'bot', host: '', pid: 0 },
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
};

/** Both sides of schedules, alarms and retention: what people ask, and what the clock asks. They share one reading of the log. */
export function openWatch(
  deps: OperationsDeps,
  own: WatchOwn = NOTHING,
): { readonly watch: Watch; readonly operations: WatchOperations; readonly watchLog: WatchLog } {
  const all = { ...deps, ...own, watchLog: new WatchLog(deps.store, deps.clock) };
  return { watch: createWatch(all), operations: createWatchOperations(all), watchLog: all.watchLog };
}
