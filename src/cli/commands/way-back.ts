import { keptDatabase } from '../../runbooks/kept-database.ts';
import { refuse, type Refusal } from '../../runs/refusal.ts';
import type { Run } from '../../runs/run.ts';
import type { Cli, Session } from '../context.ts';
import { withOperations } from '../context.ts';
import { follow } from '../follow.ts';
import { namer } from '../identity.ts';
import { sayRefusal } from '../say.ts';
import { EXIT, type ExitCode } from '../terminal.ts';
import { unconfirmed } from './restore.ts';

/** `rollback <run>`: undoes what the run changed, and follows it. */
export async function rollback(
  cli: Cli,
  runId: string,
  { reason, wait }: { readonly reason?: string; readonly wait: boolean },
): Promise<ExitCode> {
  return await withOperations(cli, async (session) => {
    const answer = await session.operations.rollback(runId.toUpperCase(), reason, session.caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(session.config));
    cli.terminal.out(
      `${answer.run.id}: ${answer.run.rollback === undefined ? 'being cancelled' : 'being rolled back'}`,
    );
    return wait ? await followOn(cli, session, answer.run) : EXIT.ok;
  });
}

/** `close <run>`: ends the hold. With `--drop` the kept database goes too, and the gateway's name is typed. */
export async function close(
  cli: Cli,
  runId: string,
  { drop, confirm }: { readonly drop: boolean; readonly confirm?: string },
): Promise<ExitCode> {
  return await withOperations(cli, async (session) => {
    const id = runId.toUpperCase();
    const found = await session.operations.run(id);
    if (found === null) {
      return sayRefusal(
        cli.terminal,
        refuse('unknown-run', `There is no run ${id}`, 'kong-chatops status lists the runs'),
      );
    }
    const wrong = drop
      ? (nothingKept(found.run) ?? unconfirmed(found.run.plan.gateway, confirm, 'remove its kept database'))
      : null;
    if (wrong !== null) return sayRefusal(cli.terminal, wrong);
    const answer = await session.operations.close(id, { drop }, session.caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(session.config));
    return await followOn(cli, session, answer.run);
  });
}

/** A close cannot be taken back, so nobody closes for a database that is not there. Of a run not held, the engine says so. */
function nothingKept(run: Run): Refusal | null {
  if (run.hold === undefined || keptDatabase(run) !== null) return null;
  return refuse(
    'nothing-kept',
    `${run.id} kept no database, so there is none to drop and nothing was done`,
    `Close it without --drop: kong-chatops close ${run.id}`,
  );
}

/** `unlock <gateway>`: records why a run had to be rolled back. */
export async function unlock(cli: Cli, gateway: string, cause: string): Promise<ExitCode> {
  return await withOperations(cli, async (session) => {
    const answer = await session.operations.unlock(gateway, cause, session.caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(session.config));
    cli.terminal.out(`${gateway} is unlocked. The cause stands in the audit trail of ${answer.run.id}.`);
    return EXIT.ok;
  });
}

/** What comes after the command: what led to it was told before. */
async function followOn({ terminal }: Cli, { config, operations }: Session, run: Run): Promise<ExitCode> {
  return await follow(terminal, operations, run.id, namer(config), run.version);
}
