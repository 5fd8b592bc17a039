import type { Choice, EventBody } from '../event.ts';
import type { Caller, Standing } from '../person.ts';
import type { Refusal } from '../refusal.ts';
import type { Gate, Run } from '../run.ts';
import { holds } from '../person.ts';
import { mayVote, missingSeats, seat } from './approval.ts';
import { decideAfter, type AfterCommand } from './decide-after.ts';
import { hasTouchedLive } from '../next.ts';
import { refuse } from '../refusal.ts';
import { cannotVote, closedGate, notAllowed, notInGoodStanding } from '../words/wording.ts';

/** What people ask of an existing run. Imperative names; who they are right now was looked up a moment ago. */
export type Command =
  | {
      readonly type: 'vote';
      readonly gate: string;
      readonly choice: Choice;
      readonly comment?: string;
      readonly by: Caller;
      readonly standing: Standing;
      /** Everybody who voted on this gate so far, looked up again at this click (behaviour 1.4). */
      readonly voters: readonly Standing[];
    }
  | { readonly type: 'withdraw'; readonly gate: string; readonly by: Caller; readonly standing: Standing }
  | { readonly type: 'cancel'; readonly reason?: string; readonly by: Caller; readonly standing: Standing }
  | { readonly type: 'watch'; readonly by: Caller; readonly standing: Standing }
  | AfterCommand;
type CommandOf<T extends Command['type']> = Extract<Command, { type: T }>;

/** Events to append, and a refusal to show to that person alone. Both may be there: a refused try leaves its row. */
export interface Decision {
  readonly events: readonly EventBody[];
  readonly refusal?: Refusal;
}

/** May this person do this now? Pure: everything it needs is in the run, the command and `now`. */
export function decide(run: Run, command: Command, now: Date): Decision {
  if (command.standing.problem !== undefined) return refused(command, notInGoodStanding(command.standing.problem));
  switch (command.type) {
    case 'vote':
      return vote(run, command, now);
    case 'withdraw':
      return withdraw(run, command, now);
    case 'cancel':
      return cancel(run, command);
    case 'watch':
      return watch(run, command);
    default:
      return after(run, command);
  }
}

function after(run: Run, command: AfterCommand): Decision {
  const decision = decideAfter(run, command);
  if ('events' in decision) return decision;
  return decision.right === true ? refused(command, decision.refusal) : { events: [], refusal: decision.refusal };
}

function vote(run: Run, command: CommandOf<'vote'>, now: Date): Decision {
  const gate = run.gates.find(({ gate }) => gate === command.gate);
  if (gate === undefined) return { events: [], refusal: unknownGate(command.gate) };
  const right = votingRight(run, gate, command);
  if (right !== null) return refused(command, right);
  const words = checkComment(command);
  if (words !== null) return { events: [], refusal: words };
  const cast = {
    gate: gate.gate,
    person: command.by.person,
    choice: command.choice,
    ...(command.comment === undefined ? {} : { comment: command.comment }),
  };
  const closed = closedBy(gate, now);
  if (closed.length > 0 || gate.status !== 'open') {
    const refusal = closedGate(run, closed.length > 0 ? { ...gate, status: 'expired' } : gate);
    return { events: [...closed, { type: 'vote.late', data: { ...cast, why: refusal.code } }], refusal };
  }
  const before = gate.votes.find((known) => known.person === command.by.person);
  if (before?.choice === command.choice && (command.comment ?? before.comment) === before.comment) {
    const message = `Your ${command.choice} on ${run.id} already counts`;
    return {
      events: [],
      refusal: refuse('already-voted', message, 'Nothing more to do; you can change or withdraw it'),
    };
  }
  return { events: [{ type: 'vote.cast', data: cast }, ...decided(gate, command)] };
}

/** Null when the vote may count; else why not. Checked before anything else is told about the gate. */
function votingRight(run: Run, gate: Gate, command: CommandOf<'vote'>): Refusal | null {
  if (!mayVote(gate.policy.requirements, command.standing)) {
    return cannotVote(gate.policy.requirements.map(({ group }) => group));
  }
  if (command.by.person === run.requestedBy) {
    // To whoever asked for it, what became of the gate is the better answer than that their vote never counts.
    if (gate.status !== 'open') return closedGate(run, gate);
    return refuse(
      'own-request',
      `You asked for ${run.id}, so your own ${command.choice} never counts`,
      'Ask another approver, or cancel the run',
    );
  }
  if (command.by.via === 'cli' && !gate.policy.cli) {
    return refuse('cli-not-counted', `The policy of ${run.plan.gateway} counts no votes by CLI`, 'Vote in Slack');
  }
  return null;
}

function checkComment({ choice, comment }: CommandOf<'vote'>): Refusal | null {
  const length = comment?.trim().length ?? 0;
  if (choice === 'no-go' && length < 10) {
    return refuse('reason-needed', 'A no-go needs a reason of at least 10 characters', 'Say what has to change first');
  }
  if (length > 2000) {
    return refuse('too-long', `A comment has at most 2,000 characters, this one has ${length}`, 'Shorten it');
  }
  return null;
}

/** The expiry may be due and not yet recorded: then this vote is late, and the expiry is recorded with it. */
function closedBy(gate: Gate, now: Date): readonly EventBody[] {
  const due = gate.status === 'open' && now.getTime() >= Date.parse(gate.expiresAt);
  return due ? [{ type: 'gate.expired', data: { gate: gate.gate } }] : [];
}

function decided(gate: Gate, command: CommandOf<'vote'>): readonly EventBody[] {
  if (command.choice === 'no-go') {
    const reason = command.comment === undefined ? {} : { reason: command.comment };
    return [{ type: 'gate.decided', data: { gate: gate.gate, outcome: 'no-go', by: [command.by.person], ...reason } }];
  }
  const standings = new Map(command.voters.map((standing) => [standing.person, standing]));
  standings.set(command.by.person, command.standing);
  const earlier = gate.votes.filter(({ choice, person }) => choice === 'go' && person !== command.by.person);
  const going = [...earlier.map(({ person }) => person), command.by.person].flatMap((person) => {
    const standing = standings.get(person);
    return standing !== undefined && mayVote(gate.policy.requirements, standing) ? [standing] : [];
  });
  const seats = seat(gate.policy.requirements, going);
  if (missingSeats(seats).length > 0) return [];
  const by = seats.flatMap(({ person }) => (person === null ? [] : [person]));
  return [{ type: 'gate.decided', data: { gate: gate.gate, outcome: 'go', by } }];
}

function withdraw(run: Run, command: CommandOf<'withdraw'>, now: Date): Decision {
  const gate = run.gates.find(({ gate }) => gate === command.gate);
  if (gate === undefined) return { events: [], refusal: unknownGate(command.gate) };
  const closed = closedBy(gate, now);
  if (closed.length > 0) return refused(command, closedGate(run, { ...gate, status: 'expired' }), closed);
  if (gate.status !== 'open') return refused(command, closedGate(run, gate));
  if (!gate.votes.some(({ person }) => person === command.by.person)) {
    return refused(command, refuse('no-vote', `You have no vote on ${run.id} to withdraw`, 'Nothing to do'));
  }
  return { events: [{ type: 'vote.withdrawn', data: { gate: gate.gate, person: command.by.person } }] };
}

function cancel(run: Run, command: CommandOf<'cancel'>): Decision {
  if (!holds(command.standing, 'operator')) return refused(command, notAllowed('cancel a run', 'operator'));
  if (run.outcome !== undefined) {
    const message = `${run.id} has already ended: ${run.outcome}`;
    return { events: [], refusal: refuse('already-ended', message, 'There is nothing left to cancel') };
  }
  if (hasTouchedLive(run)) {
    const message = `${run.id} has already changed ${run.plan.gateway}, so it cannot just be cancelled`;
    return { events: [], refusal: refuse('live-touched', message, 'Roll it back: that undoes what was changed') };
  }
  if (run.cancel !== undefined) {
    const message = `${run.id} is already being cancelled, asked by ${run.cancel.person}`;
    return { events: [], refusal: refuse('already-cancelling', message, 'Its card says when it has ended') };
  }
  const reason = command.reason === undefined ? {} : { reason: command.reason.slice(0, 2000) };
  return { events: [{ type: 'run.cancel-requested', data: { person: command.by.person, ...reason } }] };
}

function watch(run: Run, command: CommandOf<'watch'>): Decision {
  if (!holds(command.standing, 'viewer')) return refused(command, notAllowed('follow a run', 'viewer'));
  if (run.outcome !== undefined) {
    const message = `${run.id} has already ended: ${run.outcome}`;
    return { events: [], refusal: refuse('already-ended', message, 'See its card') };
  }
  if (run.watchers.includes(command.by.person) || run.requestedBy === command.by.person) {
    return { events: [], refusal: refuse('already-watching', `You will be told when ${run.id} ends`, 'Nothing to do') };
  }
  return { events: [{ type: 'watcher.added', data: { person: command.by.person } }] };
}

function refused(command: Command, refusal: Refusal, before: readonly EventBody[] = []): Decision {
  const { code, message } = refusal;
  return {
    events: [
      ...before,
      { type: 'refusal.recorded', data: { person: command.by.person, command: command.type, code, message } },
    ],
    refusal,
  };
}

function unknownGate(gate: string): Refusal {
  return refuse('unknown-gate', `There is no gate ${gate}`, 'Use /kong-status to see what waits for a decision');
}
