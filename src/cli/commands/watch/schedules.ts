import type { Cli } from '../../context.ts';
import type { ScheduleState } from '../../../schedules/schedule.ts';
import { withOperations } from '../../context.ts';
import { namer } from '../../identity.ts';
import { sayRefusal } from '../../say.ts';
import { nextText } from '../../show/schedules.ts';
import { EXIT, type ExitCode } from '../../terminal.ts';

/** `schedules`: each with its next time, and what became of the last. */
export async function schedules(cli: Cli, json: boolean): Promise<ExitCode> {
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const answer = await operations.schedules(caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(config));
    if (json) cli.terminal.out(JSON.stringify(answer.schedules, null, 2));
    else if (answer.schedules.length === 0) cli.terminal.out('No gateway has a schedule in the configuration.');
    else answer.schedules.flatMap((one) => linesOf(one, cli.terminal.now())).forEach((line) => cli.terminal.out(line));
    return EXIT.ok;
  });
}

function linesOf(schedule: ScheduleState, now: Date): readonly string[] {
  return [
    `${schedule.id}: ${schedule.cron} ${schedule.zone}`,
    `    ${nextText(schedule, now)}`,
    `    ${lastText(schedule)}`,
  ];
}

function lastText({ last, since }: ScheduleState): string {
  if (last === null) return `in force since ${since}, nothing was due yet`;
  if (last.refused !== undefined) return `last due ${last.due}: refused, ${last.refused.message}`;
  const { run } = last;
  if (run === undefined) return `last due ${last.due}`;
  return `last due ${last.due}: ${run.id} ${run.outcome ?? 'runs'}${run.verified ? ', verified' : ''}`;
}
