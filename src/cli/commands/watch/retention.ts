import type { Cli } from '../../context.ts';
import type { Expired, ExpiryPlan } from '../../../engine/watch/ports.ts';
import { withOperations } from '../../context.ts';
import { namer } from '../../identity.ts';
import { sayRefusal } from '../../say.ts';
import { EXIT, type ExitCode, type Terminal } from '../../terminal.ts';
import { unconfirmed } from '../restore.ts';

export interface ExpireFlags {
  readonly dryRun: boolean;
  readonly confirm?: string;
  readonly json: boolean;
}

/** `backup expire <gateway>`: removes what no rule keeps; with `--dry-run` only says so. */
export async function expire(cli: Cli, gateway: string, flags: ExpireFlags): Promise<ExitCode> {
  const { terminal } = cli;
  const wrong = flags.dryRun ? null : unconfirmed(gateway, flags.confirm, 'remove old sets of it');
  if (wrong !== null) return sayRefusal(terminal, wrong);
  return await withOperations(cli, async ({ config, operations, caller }) => {
    if (flags.dryRun) {
      const answer = await operations.planExpiry(gateway, caller);
      if (!answer.ok) return sayRefusal(terminal, answer.refusal, namer(config));
      if (flags.json) terminal.out(JSON.stringify(answer.plans, null, 2));
      else answer.plans.flatMap(planLines).forEach((line) => terminal.out(line));
      return EXIT.ok;
    }
    const answer = await operations.expire(gateway, caller);
    if (!answer.ok) return sayRefusal(terminal, answer.refusal, namer(config));
    if (flags.json) terminal.out(JSON.stringify(answer.expired, null, 2));
    else expiredLines(answer.expired).forEach((line) => terminal.out(line));
    return answer.expired.some(({ problem }) => problem !== undefined) ? EXIT.failed : EXIT.ok;
  });
}

function planLines({ destination, sets }: ExpiryPlan): readonly string[] {
  const going = sets.filter(({ keep }) => !keep).length;
  return [
    `${destination}: ${going} of ${sets.length} sets would go`,
    ...sets.map(({ set, keep, why }) => `  ${keep ? 'stays' : 'GOES '}  ${set}  ${why.join(', ')}`),
  ];
}

function expiredLines(expired: readonly Expired[]): readonly string[] {
  if (expired.length === 0) return ['Nothing to remove: a rule keeps every set.'];
  return expired.map(({ set, destination, problem }) =>
    problem === undefined
      ? `removed  ${set}  from ${destination}`
      : `STAYS    ${set}  in ${destination}: ${problem.message} ${problem.hint}`,
  );
}

/** `backup hold <set>`. */
export async function hold(cli: Cli, set: string, reason: string): Promise<ExitCode> {
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const answer = await operations.hold({ set, reason }, caller);
    return answer.ok
      ? said(cli.terminal, `${set} stays until somebody ends this hold.`)
      : sayRefusal(cli.terminal, answer.refusal, namer(config));
  });
}

/** `backup unhold <set>`. */
export async function unhold(cli: Cli, set: string, reason: string): Promise<ExitCode> {
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const answer = await operations.release({ set, reason }, caller);
    return answer.ok
      ? said(cli.terminal, `${set} is held no longer: the rules decide again.`)
      : sayRefusal(cli.terminal, answer.refusal, namer(config));
  });
}

function said(terminal: Terminal, line: string): ExitCode {
  terminal.out(line);
  return EXIT.ok;
}
