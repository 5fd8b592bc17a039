import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Operations } from '../../engine/ports.ts';
import type { VerifyOutputs } from '../../runbooks/backup.ts';
import type { Caller } from '../../runs/person.ts';
import type { Run } from '../../runs/run.ts';
import { ALICE, BOB, CAROL, TEAM } from '../slack/cast.ts';
import { mustSay, Unexpected, type TourStep } from './step.ts';

/** Where the tour without Slack is played: the same operations that Slack and the command line use. */
export interface TerminalStage {
  readonly operations: Operations;
  readonly runs: Map<string, string>;
}

const by = (user: string): Caller => ({ person: `${TEAM}/${user}`, via: 'cli', host: 'sandbox', systemUser: user });
let deliveries = 0;
const delivery = (): { key: string } => ({ key: `tour:${(deliveries += 1)}` });

/** The same story as in Slack, told by the operations alone. */
export const TERMINAL: readonly TourStep<TerminalStage>[] = [
  {
    title: 'Alice asks for the status',
    expected: 'both gateways, neither with a verified backup yet',
    play: async ({ operations }) => {
      const verified = await lastVerified(operations);
      if (verified.some(({ runId }) => runId !== null)) throw new Unexpected('there is one', JSON.stringify(verified));
      return verified.map(({ gateway }) => `${gateway}: none`).join(', ');
    },
  },
  {
    title: 'Alice mistypes the gateway: prodcution',
    expected: 'a refusal that offers the nearest name',
    play: async ({ operations }) =>
      refusal(await operations.requestBackup({ gateway: 'prodcution', delivery: delivery() }, by(ALICE)), 'production'),
  },
  {
    title: 'Carol, who is no operator, asks for a backup',
    expected: 'a refusal: she lacks the right',
    play: async ({ operations }) =>
      refusal(await operations.requestBackup({ gateway: 'production', delivery: delivery() }, by(CAROL)), 'operator'),
  },
  {
    title: 'Alice asks for a backup of production',
    expected: 'it is taken, checked, and waits for a go',
    play: async ({ operations, runs }) => {
      const asked = taken(await operations.requestBackup({ gateway: 'production', delivery: delivery() }, by(ALICE)));
      runs.set('production', asked.id);
      const run = await until(operations, asked.id, 'a gate', (one) =>
        one.gates.some(({ status }) => status === 'open'),
      );
      return `${run.id} waits for a go until ${run.gates[0]?.expiresAt}`;
    },
  },
  {
    title: 'Alice asks once more, and votes for her own run',
    expected: 'both are refused',
    play: async ({ operations, runs }) => {
      const busy = await operations.requestBackup({ gateway: 'production', delivery: delivery() }, by(ALICE));
      const own = await operations.vote({ gate: gateOf(runs), choice: 'go' }, by(ALICE));
      return `${refusal(busy, runs.get('production') ?? '')} | ${refusal(own, 'asked')}`;
    },
  },
  {
    title: 'Bob says go',
    expected: 'it runs and is verified, with what was saved, what was not and where it lies',
    play: async ({ operations, runs }) => {
      taken(await operations.vote({ gate: gateOf(runs), choice: 'go' }, by(BOB)));
      const run = await until(operations, runs.get('production') ?? '', 'its end', (one) => one.outcome !== undefined);
      return told(run);
    },
  },
  {
    title: 'Carol votes after the decision',
    expected: 'an answer: it is decided',
    play: async ({ operations, runs }) =>
      refusal(await operations.vote({ gate: gateOf(runs), choice: 'go' }, by(CAROL)), /decided|closed|over|ended/i),
  },
  {
    title: 'Alice asks for a backup of staging',
    expected: 'no gate there: it runs at once and is verified',
    play: async ({ operations }) => {
      const asked = taken(await operations.requestBackup({ gateway: 'staging', delivery: delivery() }, by(ALICE)));
      const run = await until(operations, asked.id, 'its end', (one) => one.outcome !== undefined);
      if (run.gates.length > 0) throw new Unexpected('there was a gate', JSON.stringify(run.gates));
      return told(run);
    },
  },
  {
    title: 'Alice asks for the status and the audit trail',
    expected: 'the same story: both verified, the vote and every step on record',
    play: async ({ operations, runs }) => {
      const verified = await lastVerified(operations);
      if (verified.some(({ runId }) => runId === null))
        throw new Unexpected('one is missing', JSON.stringify(verified));
      const trail = await operations.audit({ about: { runId: runs.get('production') ?? '' }, limit: 100 }, by(ALICE));
      if (!trail.ok) throw new Unexpected('the trail was refused', trail.refusal.message);
      const types = trail.rows.map(({ body }) => (JSON.parse(body) as { type: string }).type);
      mustSay(types.join(' '), 'run.requested', 'vote.cast', 'gate.decided', 'step.succeeded', 'run.succeeded');
      return `${verified.map(({ gateway, runId }) => `${gateway}: ${runId}`).join(', ')}; ${types.length} rows`;
    },
  },
];

function gateOf(runs: ReadonlyMap<string, string>): string {
  return `${runs.get('production')}.g1`;
}

function taken(answer: Answer): Run {
  if (answer.ok) return answer.run;
  throw new Unexpected('it was refused', `${answer.refusal.message} ${answer.refusal.hint}`);
}

function refusal(answer: Answer, says: string | RegExp): string {
  if (answer.ok) throw new Unexpected('it was not refused', `${answer.run.id} is at version ${answer.run.version}`);
  const text = `${answer.refusal.message}. ${answer.refusal.hint}`;
  mustSay(text, says);
  return text;
}

async function until(operations: Operations, runId: string, what: string, seen: (run: Run) => boolean): Promise<Run> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const found = (await operations.run(runId))?.run;
    if (found !== undefined && seen(found)) return found;
    if (performance.now() > deadline) throw new Unexpected(`waited 60 s in vain for ${what} of ${runId}`, '');
    await sleep(50);
  }
}

function told(run: Run): string {
  if (run.outcome !== 'succeeded') throw new Unexpected(`it ${run.outcome}`, JSON.stringify(run.fault));
  const verified = run.steps['verify-set']?.outputs as VerifyOutputs | undefined;
  const places = verified?.places.map(({ path }) => path).join(', ');
  return `${run.id} verified, ${verified?.bytesRead} bytes read back from ${places}`;
}

async function lastVerified(
  operations: Operations,
): Promise<readonly { readonly gateway: string; readonly runId: string | null }[]> {
  const answer = await operations.status(by(ALICE));
  if (!answer.ok) throw new Unexpected('the status was refused', answer.refusal.message);
  return answer.gateways.map(({ gateway, lastVerified }) => ({ gateway, runId: lastVerified?.runId ?? null }));
}
