import type { ListedSet } from '../../engine/ports.ts';
import type { PersonId } from '../../runs/person.ts';
import type { Cli } from '../context.ts';
import { withOperations } from '../context.ts';
import { namer } from '../identity.ts';
import { sayRefusal } from '../say.ts';
import { age, clock, size } from '../show/amounts.ts';
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
    const name = namer(config);
    for (const set of answer.sets) listSet(set, cli.terminal.now(), name).forEach((line) => cli.terminal.out(line));
    return EXIT.ok;
  });
}

function listSet(set: ListedSet, now: Date, name: (person: PersonId) => string): readonly string[] {
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
    ...heldLines(set, name),
  ];
}

/** A hold ends by hand alone. */
function heldLines({ set, hold }: ListedSet, name: (person: PersonId) => string): readonly string[] {
  if (hold === undefined) return [];
  return [
    `    HELD by ${name(hold.person)} since ${clock(hold.at)}: ${hold.reason}`,
    `    until an admin ends it: kong-chatops backup unhold ${set} --reason …`,
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
