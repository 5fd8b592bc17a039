import { randomUUID } from 'node:crypto';
import type { Cli } from '../../context.ts';
import { refuse } from '../../../runs/refusal.ts';
import { withOperations } from '../../context.ts';
import { namer } from '../../identity.ts';
import { sayRefusal } from '../../say.ts';
import { clock } from '../../show/amounts.ts';
import { alarmLines } from '../../show/schedules.ts';
import { EXIT, type ExitCode } from '../../terminal.ts';

const DAY_MS = 86_400_000;

export interface AcknowledgeFlags {
  readonly reason: string;
  readonly days: string;
}

/** `alarms`: what is wrong now. */
export async function alarms(cli: Cli, json: boolean): Promise<ExitCode> {
  return await withOperations(cli, async ({ operations, caller, config }) => {
    const answer = await operations.alarms(caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(config));
    const say = namer(config);
    if (json) cli.terminal.out(JSON.stringify(answer.alarms, null, 2));
    else if (answer.alarms.length === 0) cli.terminal.out('No alarm. (A bot that does not run raises none.)');
    else {
      const lines = answer.alarms.flatMap((state) => alarmLines(state, cli.terminal.now(), say));
      lines.forEach((line) => cli.terminal.out(line));
    }
    return EXIT.ok;
  });
}

/** `alarm ack <alarm>`: the person at the terminal stands for it. */
export async function acknowledge(cli: Cli, alarm: string, { reason, days }: AcknowledgeFlags): Promise<ExitCode> {
  const many = Number(days);
  if (!(many > 0)) {
    return sayRefusal(
      cli.terminal,
      refuse('bad-option', `--days ${days} is no number above 0`, 'Write for example --days 30'),
    );
  }
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const until = new Date(cli.terminal.now().getTime() + many * DAY_MS).toISOString();
    const answer = await operations.acknowledge({ alarm, reason, until, key: randomUUID() }, caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(config));
    cli.terminal.out(`${alarm}: not repeated until ${clock(until)}, unless something joins it.`);
    return EXIT.ok;
  });
}
