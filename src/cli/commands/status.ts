import type { Cli, Session } from '../context.ts';
import { withOperations } from '../context.ts';
import { namer } from '../identity.ts';
import { isRunId } from '../run-id.ts';
import { sayRefusal } from '../say.ts';
import { refuse } from '../../runs/refusal.ts';
import { showRun } from '../show/run.ts';
import { showGateway } from '../show/status.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

/** `status [gateway|run]`. With `json` the answer is one JSON value on standard output. */
export async function status(cli: Cli, about: string | undefined, json: boolean): Promise<ExitCode> {
  const runId = about?.toUpperCase() ?? '';
  return await withOperations(cli, async (session) =>
    isRunId(runId) ? await ofRun(cli, session, runId, json) : await ofGateways(cli, session, about, json),
  );
}

async function ofGateways(cli: Cli, { config, operations, caller }: Session, about: string | undefined, json: boolean) {
  const answer = await operations.status(caller, about);
  if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(config));
  if (json) return print(cli, answer.gateways);
  answer.gateways
    .flatMap((gateway) => showGateway(gateway, cli.terminal.now()))
    .forEach((line) => cli.terminal.out(line));
  return EXIT.ok;
}

async function ofRun(cli: Cli, { config, operations, caller }: Session, runId: string, json: boolean) {
  // Reading a run asks for no right of its own: the right to see status is asked for here.
  const right = await operations.status(caller);
  if (!right.ok) return sayRefusal(cli.terminal, right.refusal, namer(config));
  const found = await operations.run(runId);
  if (found === null) {
    const hint = 'kong-chatops status lists what runs, kong-chatops audit show what ran';
    return sayRefusal(cli.terminal, refuse('unknown-run', `There is no run ${runId}`, hint));
  }
  if (json) return print(cli, { run: found.run, progress: found.progress });
  showRun({ ...found, now: cli.terminal.now(), name: namer(config) }).forEach((line) => cli.terminal.out(line));
  return EXIT.ok;
}

function print(cli: Cli, value: unknown): ExitCode {
  cli.terminal.out(JSON.stringify(value, null, 2));
  return EXIT.ok;
}
