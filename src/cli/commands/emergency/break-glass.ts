import type { Emergency } from '../../../runs/rules/request.ts';
import type { Cli } from '../../context.ts';
import { withOperations } from '../../context.ts';
import { namer } from '../../identity.ts';
import { sayRefusal } from '../../say.ts';
import { EXIT, type ExitCode } from '../../terminal.ts';
import { restore, type RestoreFlags } from '../restore.ts';

export interface BreakGlassFlags extends RestoreFlags {
  readonly incident: string;
  readonly unverified: boolean;
}

/** `break-glass <gateway>`: a restore without a go. Everybody is told, and somebody else reviews it (behaviour 3). */
export async function breakGlass(cli: Cli, gateway: string, flags: BreakGlassFlags): Promise<ExitCode> {
  const { incident, unverified, ...restoring } = flags;
  const emergency: Emergency = { incident, ...(unverified ? { unverified: true } : {}) };
  return await restore(cli, gateway, restoring, emergency);
}

/** `review <run>`: what somebody else found when they looked at an emergency. */
export async function review(cli: Cli, runId: string, finding: string): Promise<ExitCode> {
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const answer = await operations.review(runId.toUpperCase(), finding, caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(config));
    const { id, plan } = answer.run;
    cli.terminal.out(`${id}: your review is recorded. ${plan.gateway} takes normal runs.`);
    return EXIT.ok;
  });
}
