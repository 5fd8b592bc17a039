import type { Answer, Operations } from '../../engine/ports.ts';
import type { Choice } from '../../runs/event.ts';
import { openGate, runOfGate } from '../../runs/rules/gate.ts';
import { refuse, type Refusal } from '../../runs/refusal.ts';
import type { Cli } from '../context.ts';
import { withOperations } from '../context.ts';
import { namer } from '../identity.ts';
import { isRunId } from '../run-id.ts';
import { sayRefusal } from '../say.ts';
import { showRun } from '../show/run.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

/** `approve` and `no-go`: a vote on a gate, or on the open gate of a run. */
export async function vote(cli: Cli, asked: string, choice: Choice, comment: string | undefined): Promise<ExitCode> {
  return await answered(cli, async (operations, by) => {
    const gate = await gateOf(operations, asked);
    if (typeof gate !== 'string') return { ok: false, refusal: gate };
    return await operations.vote({ gate, choice, ...(comment === undefined ? {} : { comment }) }, by);
  });
}

/** `withdraw <gate-or-run>`: takes one's own vote back while the gate is open. */
export async function withdraw(cli: Cli, asked: string): Promise<ExitCode> {
  return await answered(cli, async (operations, by) => {
    const gate = await gateOf(operations, asked);
    return typeof gate === 'string' ? await operations.withdraw(gate, by) : { ok: false, refusal: gate };
  });
}

/** `cancel <run>`. */
export async function cancel(cli: Cli, runId: string, reason: string | undefined): Promise<ExitCode> {
  return await answered(cli, async (operations, by) => await operations.cancel(runId.toUpperCase(), reason, by));
}

async function answered(
  cli: Cli,
  ask: (operations: Operations, by: Parameters<Operations['vote']>[1]) => Promise<Answer>,
): Promise<ExitCode> {
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const answer = await ask(operations, caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(config));
    const facts = { run: answer.run, progress: null, now: cli.terminal.now(), name: namer(config) };
    showRun(facts).forEach((line) => cli.terminal.out(line));
    return EXIT.ok;
  });
}

/** The gate itself; of a run its open one, else its newest, so that the refusal says what became of it. */
async function gateOf(operations: Operations, asked: string): Promise<string | Refusal> {
  const upper = asked.replace(/^[a-z]/, (letter) => letter.toUpperCase());
  if (runOfGate(upper) !== null) return upper;
  if (!isRunId(upper)) return refuse('no-gate', `"${asked}" is neither a gate nor a run`, 'Write B-142 or B-142.g1');
  const found = await operations.run(upper);
  if (found === null) return refuse('unknown-run', `There is no run ${upper}`, 'kong-chatops status lists the runs');
  const gate = openGate(found.run) ?? found.run.gates.at(-1);
  return (
    gate?.gate ?? refuse('no-gate', `${upper} waits for nobody's decision`, `See it:  kong-chatops status ${upper}`)
  );
}
