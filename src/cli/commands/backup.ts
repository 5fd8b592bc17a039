import { randomUUID } from 'node:crypto';
import type { Cli } from '../context.ts';
import { withOperations } from '../context.ts';
import { follow } from '../follow.ts';
import { namer } from '../identity.ts';
import { sayRefusal } from '../say.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

export interface BackupOptions {
  readonly reason?: string;
  readonly wait: boolean;
}

/** `backup <gateway>`: asks for a run and follows it until it ends or waits for people. */
export async function backup(cli: Cli, gateway: string, options: BackupOptions): Promise<ExitCode> {
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const request = { gateway, delivery: { key: `cli:${randomUUID()}` } };
    const reason = options.reason === undefined ? {} : { reason: options.reason };
    const answer = await operations.requestBackup({ ...request, ...reason }, caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(config));
    if (options.wait) {
      cli.terminal.out(`${answer.run.id}: backup of ${gateway}`);
      return await follow(cli.terminal, operations, answer.run.id, namer(config));
    }
    cli.terminal.out(answer.run.id);
    return EXIT.ok;
  });
}
