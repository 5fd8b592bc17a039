import type { RunEvent } from '../../../src/runs/event.ts';
import type { RunKind } from '../../../src/runs/plan.ts';

/**
 * Every place in a run, in the order of its events. Steps and decisions are told apart by kind of run; a message is
 * recorded by the same code whatever it tells, so its places are those of the first run that has them.
 */
export function pointsOf(kind: RunKind, events: readonly RunEvent[]): readonly string[] {
  return events.map((event) => {
    const point = pointOf(event, events);
    return event.type.startsWith('message.') ? point : `${kind}: ${point}`;
  });
}

/**
 * Names a place in a story: the same event of the same story has the same name, however often the process was killed
 * before it. `events` are those of its run; numbers that interruptions shift are told by what they stand for.
 */
function pointOf(event: RunEvent, events: readonly RunEvent[]): string {
  const { type, data } = event;
  if ('step' in data && typeof data.step === 'string') return `${type} ${data.step}`;
  if (!('slot' in data)) return type;
  const version = /^thread:(\d+)$/.exec(data.slot)?.[1];
  const told = version === undefined ? undefined : events[Number(version) - 1];
  // A gate's name carries the run's, a hold's the time.
  const slot =
    told === undefined
      ? data.slot.replace(/[A-Z]-\d+\./, '').replace(/^held:.*/, 'held')
      : `thread of ${pointOf(told, events)}`;
  return `${type} ${slot}`;
}

/** What only an interruption brings: the calm story has none of it. */
export function isRecovery(point: string): boolean {
  return point.includes('step.interrupted');
}
