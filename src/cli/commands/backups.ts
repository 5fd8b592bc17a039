import type { ListedSet } from '../../engine/ports.ts';
import type { Cli } from '../context.ts';
import { withOperations } from '../context.ts';
import { namer } from '../identity.ts';
import { sayRefusal } from '../say.ts';
import { age, size } from '../show/amounts.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

/** `backups <gateway>`: its sets, newest first, with what is proven of them and where they lie. */
export async function backups(cli: Cli, gateway: string, json: boolean): Promise<ExitCode> {
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const answer = await operations.listSets(gateway, caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(config));
    if (json) {
      cli.terminal.out(JSON.stringify(answer.sets, null, 2));
      return EXIT.ok;
    }
    if (answer.sets.length === 0) cli.terminal.out(`${gateway} has no sets in its destinations.`);
    for (const set of answer.sets) listSet(set, cli.terminal.now()).forEach((line) => cli.terminal.out(line));
    return EXIT.ok;
  });
}

function listSet(set: ListedSet, now: Date): readonly string[] {
  const facts = [
    stateText(set),
    set.createdAt === null ? null : `${age(set.createdAt, now)} old`,
    set.bytes === null ? null : size(set.bytes),
    gapText(set.gaps),
    set.safety ? 'taken before a restore' : null,
  ].filter((text) => text !== null);
  const lacking = set.missingFrom.length === 0 ? [] : [`    MISSING in ${set.missingFrom.join(', ')}`];
  return [
    set.set,
    `    ${facts.join(', ')}`,
    ...set.places.map(({ destination, path }) => `    ${destination}: ${path}`),
    ...lacking,
  ];
}

function stateText({ state, verifiedAt, restoredAt }: ListedSet): string {
  if (state === 'restored') return `restored by a drill at ${restoredAt ?? ''}`;
  return state === 'verified' ? `verified at ${verifiedAt ?? ''}` : state;
}

function gapText(gaps: number | null): string | null {
  if (gaps === null) return null;
  return gaps === 1 ? '1 gap' : gaps === 0 ? 'no gaps' : `${gaps} gaps`;
}
