import { randomUUID } from 'node:crypto';
import type { Answer, Operations } from '../../engine/ports.ts';
import type { Safety, Strategy } from '../../runbooks/restore.ts';
import type { Caller } from '../../runs/person.ts';
import type { Emergency } from '../../runs/rules/request.ts';
import { refuse } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Cli } from '../context.ts';
import { withOperations } from '../context.ts';
import { follow } from '../follow.ts';
import { namer } from '../identity.ts';
import { sayRefusal } from '../say.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

export interface RestoreFlags {
  readonly set: string;
  readonly strategy: string;
  readonly safety: string;
  /** `service:catalog,consumer:alice`: these alone, with the strategy declarative. */
  readonly only?: string;
  /** The gateway's name once more: a restore replaces a live database (behaviour 2.11). */
  readonly confirm?: string;
  readonly reason?: string;
  readonly wait: boolean;
}

export interface DrillFlags {
  readonly set: string;
  readonly reason?: string;
  readonly wait: boolean;
}

const STRATEGIES: readonly Strategy[] = ['database', 'declarative', 'files', 'dbless', 'fresh-database'];
const SAFETIES: readonly Safety[] = ['backup', 'kept-database'];

/** `restore <gateway>`: asks for a restore and follows it until it waits for people, holds or ends. */
export async function restore(
  cli: Cli,
  gateway: string,
  flags: RestoreFlags,
  emergency?: Emergency,
): Promise<ExitCode> {
  const strategy = STRATEGIES.find((known) => known === flags.strategy);
  const safety = SAFETIES.find((known) => known === flags.safety);
  const wrong =
    unconfirmed(gateway, flags.confirm, 'restore it') ??
    (strategy === undefined ? unknownWord('strategy', flags.strategy, STRATEGIES) : null) ??
    (safety === undefined ? unknownWord('safety', flags.safety, SAFETIES) : null);
  if (wrong !== null) return sayRefusal(cli.terminal, wrong);
  const what = emergency === undefined ? 'restore' : `EMERGENCY (${emergency.incident}) restore`;
  return await start(cli, `${what} of ${gateway}`, flags, (operations, by) =>
    operations.requestRestore(
      {
        gateway,
        set: flags.set,
        delivery: { key: `cli:${randomUUID()}` },
        strategy: strategy ?? 'database',
        safety: safety ?? 'backup',
        ...(flags.only === undefined ? {} : { only: chosen(flags.only) }),
        ...(flags.reason === undefined ? {} : { reason: flags.reason }),
        ...(emergency === undefined ? {} : { emergency }),
      },
      by,
    ),
  );
}

function chosen(list: string): readonly string[] {
  return list
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** `drill <gateway>`: proves a set by restoring it aside. */
export async function drill(cli: Cli, gateway: string, flags: DrillFlags): Promise<ExitCode> {
  return await start(cli, `drill of ${gateway}`, flags, (operations, by) =>
    operations.requestDrill(
      {
        gateway,
        set: flags.set,
        delivery: { key: `cli:${randomUUID()}` },
        ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      },
      by,
    ),
  );
}

async function start(
  cli: Cli,
  what: string,
  { wait }: { readonly wait: boolean },
  ask: (operations: Operations, by: Caller) => Promise<Answer>,
): Promise<ExitCode> {
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const answer = await ask(operations, caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(config));
    if (!wait) {
      cli.terminal.out(answer.run.id);
      return EXIT.ok;
    }
    cli.terminal.out(`${answer.run.id}: ${what}`);
    return await follow(cli.terminal, operations, answer.run.id, namer(config));
  });
}

/** `compare <set>`: a set beside its gateway as it is now; reads only. */
export async function compare(cli: Cli, set: string, { wait }: { readonly wait: boolean }): Promise<ExitCode> {
  const gateway = /^(.+)-\d{8}T\d{4}Z-[A-Z]-\d+$/.exec(set)?.[1];
  if (gateway === undefined) {
    const hint = 'kong-chatops backups <gateway> lists the sets';
    return sayRefusal(cli.terminal, refuse('unknown-set', `"${set}" is not the name of a set`, hint));
  }
  return await start(cli, `comparison of ${gateway} with ${set}`, { wait }, (operations, by) =>
    operations.requestCompare({ gateway, set, delivery: { key: `cli:${randomUUID()}` } }, by),
  );
}

/** Null when the name was typed again. */
export function unconfirmed(gateway: string, typed: string | undefined, act: string): Refusal | null {
  if (typed === gateway) return null;
  return refuse(
    'not-confirmed',
    typed === undefined
      ? `To ${act}, the name of the gateway must be typed again`
      : `"${typed}" is not the gateway ${gateway}`,
    `Add --confirm ${gateway}`,
  );
}

function unknownWord(option: string, given: string, known: readonly string[]): Refusal {
  return refuse('unknown-option', `There is no ${option} "${given}"`, `Write --${option} ${known.join(' or ')}`);
}
