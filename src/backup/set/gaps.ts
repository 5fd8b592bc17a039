import { ARTIFACT_KINDS } from '../../runbooks/backup.ts';
import type { ArtifactKind, Gap } from '../../runbooks/backup.ts';
import { ENTITY_KINDS, rowsOf, unknownTables } from '../artifacts/entities.ts';
import type { EntityKind } from '../artifacts/entities.ts';

type Counts = Readonly<Record<string, number>>;

/** What one declarative file of one workspace holds, and what the gateway listed before and after it was made. */
export interface DeclarativeCounts {
  /** By kind; a kind that is absent has none. */
  readonly inFile: Counts;
  /** By kind; null or absent: this Kong has no such list. */
  readonly before: Readonly<Record<string, number | null>>;
  readonly after: Readonly<Record<string, number | null>>;
}

/** A kind of entity of which the file has fewer than the gateway had all the while. */
export interface Shortage {
  readonly entity: EntityKind;
  readonly inFile: number;
  readonly onGateway: number;
}

/**
 * Kinds of which the file holds fewer than the gateway. The gateway lives on meanwhile, so only what was there before
 * and after counts as missing.
 */
export function shortages(counts: DeclarativeCounts): readonly Shortage[] {
  return ENTITY_KINDS.flatMap((entity) => {
    const onGateway = Math.min(counts.before[entity.kind] ?? 0, counts.after[entity.kind] ?? 0);
    const inFile = counts.inFile[entity.kind] ?? 0;
    return inFile < onGateway ? [{ entity, inFile, onGateway }] : [];
  });
}

/** Those shortages that no version of decK explains: the file is wrong, and must not be kept. */
export function unexplained(missing: readonly Shortage[]): readonly Shortage[] {
  return missing.filter(
    ({ entity, inFile }) => entity.deck === 'always' || (entity.deck === 'by-version' && inFile > 0),
  );
}

export interface DeclarativeOrigin {
  readonly deckVersion: string;
  /** Named in the text; null on Kong OSS, which has only one. */
  readonly workspace: string | null;
  /** Whether the set also holds a dump of the database. */
  readonly databaseTaken: boolean;
  /** Only entities with all of these tags were dumped. */
  readonly selectTags?: readonly string[];
}

/** What the declarative file of one workspace leaves out. */
export function declarativeGaps(counts: DeclarativeCounts, origin: DeclarativeOrigin): readonly Gap[] {
  const { deckVersion, workspace, databaseTaken, selectTags = [] } = origin;
  const of = workspace === null ? '' : ` of workspace ${workspace}`;
  const missing = shortages(counts).map(({ entity, inFile, onGateway }) => {
    const missed = { count: onGateway - inFile, deck: `decK ${deckVersion}`, databaseTaken, of };
    return selectTags.length > 0 && entity.deck !== 'never'
      ? untaggedGap(entity, missed, selectTags)
      : entityGap(entity, missed);
  });
  return [...missing, ...passwordGap(counts.inFile['basic-auths'] ?? 0, databaseTaken, of)];
}

/** What the database holds and no declarative file carries, by the rows of the dump's own snapshot. */
export function tableGaps(tables: Counts): readonly Gap[] {
  const never = ENTITY_KINDS.filter((entity) => entity.deck === 'never').flatMap((entity) => {
    const rows = rowsOf(entity, tables) ?? 0;
    return rows === 0 ? [] : [entityGap(entity, { count: rows, deck: 'decK', databaseTaken: true, of: '' })];
  });
  const unknown = unknownTables(tables).map(([table, rows]): Gap => ({
    kind: `table-${table}`,
    count: rows,
    what: `${number(rows)} ${rows === 1 ? 'row' : 'rows'} of table ${table} ${rows === 1 ? 'is' : 'are'} not in the declarative file`,
    why: 'decK does not know what they are, for example entities of a custom plugin; they are in the database dump',
    onlyIn: 'database',
  }));
  return [...never, ...unknown];
}

const WHOLE_KIND: Readonly<Record<ArtifactKind, string>> = {
  database: 'the database is not in the set',
  declarative: 'the declarative configuration is not in the set',
  files: 'kong.conf and the prefix files are not in the set',
};

/** A whole kind of artifact that this set does without. `why` names the reason: a tool, or the configuration. */
export function missingKind(kind: ArtifactKind, why: string): Gap {
  return { kind, count: null, what: WHOLE_KIND[kind], why };
}

export interface Carried {
  readonly count: number;
  /** `people`: the artifact names them, and only people can bring them back. */
  readonly comesBack: 'post' | 'people';
}

export interface SetFacts {
  /** Kinds that the run's plan takes. */
  readonly planned: readonly ArtifactKind[];
  readonly databaseKind: string;
  /** Rows of every table, when the set has a dump of the database. */
  readonly tables: Counts | null;
  /** Whether the set has a declarative file that tables can be compared with. */
  readonly declarative: boolean;
  /** What the steps reported. */
  readonly reported: readonly Gap[];
  /** Whether every artifact is encrypted. */
  readonly encrypted?: boolean;
  /** Kinds of entity that an artifact of its own holds. */
  readonly carried?: Readonly<Record<string, Carried>>;
}

/** The gap report of a set: what the steps reported, what follows from all of them together, and the encryption. */
export function gapReport(facts: SetFacts): readonly Gap[] {
  const unplanned = ARTIFACT_KINDS.filter((kind) => applies(kind, facts) && !facts.planned.includes(kind)).map((kind) =>
    missingKind(kind, 'the configuration of this gateway does not say where it is'),
  );
  // Rows were counted in the dump's snapshot and lists were not, so the table's count of the same kind wins.
  const byTables = facts.tables !== null && facts.declarative ? tableGaps(facts.tables) : [];
  const known = new Set(byTables.map((gap) => gap.kind));
  const reported = facts.reported.filter((gap) => !known.has(gap.kind));
  const carried = facts.carried ?? {};
  const missing = [...unique(reported), ...byTables].filter(({ kind, count }) => count === null || !(kind in carried));
  const encryption = facts.encrypted === true ? [] : [NOT_ENCRYPTED];
  return [...unplanned, ...missing, ...byPeople(carried, facts.tables !== null), ...encryption];
}

/** What an artifact of its own holds is missing no more; but what people must make anew does not come back by itself. */
function byPeople(carried: Readonly<Record<string, Carried>>, databaseTaken: boolean): readonly Gap[] {
  return ENTITY_KINDS.flatMap(({ kind, one, many }) => {
    const { count = 0, comesBack } = carried[kind] ?? {};
    if (comesBack !== 'people' || count === 0) return [];
    const [noun, they] = count === 1 ? [`${one} is`, 'it is'] : [`${many} are`, 'they are'];
    return [
      {
        kind,
        count,
        what: `${number(count)} ${noun} in the set by name alone`,
        why: `only people can bring ${count === 1 ? 'it' : 'them'} back through the Admin API; ${databaseTaken ? `${they} in the database dump` : 'the set has no database dump'}`,
        ...(databaseTaken ? { onlyIn: 'database' as const } : {}),
      },
    ];
  });
}

const NOT_ENCRYPTED: Gap = {
  kind: 'encryption',
  count: null,
  what: 'NOT ENCRYPTED: whoever can read the destination can read every credential in the set',
  why: 'the configuration names no recipients (encryption.recipients); files are readable by the system user of the bot alone',
};

/** The set has fewer copies than the gateway should have, and will never have more (behaviour 5.7). */
export function missingDestinations(lost: readonly { readonly destination: string; readonly why: string }[]): Gap[] {
  if (lost.length === 0) return [];
  const names = lost.map(({ destination }) => destination).join(' and ');
  return [
    {
      kind: 'destinations',
      count: lost.length,
      what: `${lost.length === 1 ? '1 copy is' : `${lost.length} copies are`} missing: the set is not in ${names}`,
      why: lost.map(({ why }) => why).join(' '),
    },
  ];
}

/** The only place that may call a set complete: nothing that exists on the gateway is missing from it. */
export function completeness(gaps: readonly Gap[]): string {
  if (gaps.length === 0) return 'complete';
  return gaps.length === 1 ? '1 gap' : `${gaps.length} gaps`;
}

function applies(kind: ArtifactKind, facts: SetFacts): boolean {
  return kind !== 'database' || facts.databaseKind !== 'off';
}

interface EntityGap {
  readonly count: number;
  readonly deck: string;
  readonly databaseTaken: boolean;
  readonly of: string;
}

function entityGap(entity: EntityKind, { count, deck, databaseTaken, of }: EntityGap): Gap {
  const [noun, are, they] = count === 1 ? [entity.one, 'is', 'it is'] : [entity.many, 'are', 'they are'];
  const knows = entity.deck === 'never' ? 'does not carry' : 'knows no';
  return {
    kind: entity.kind,
    count,
    what: databaseTaken
      ? `${number(count)} ${noun}${of} ${are} not in the declarative file`
      : `${number(count)} ${noun}${of} ${are} nowhere in the set`,
    why: `${deck} ${knows} ${entity.many}; ${databaseTaken ? `${they} in the database dump` : 'the set has no database dump'}`,
    ...(databaseTaken ? { onlyIn: 'database' as const } : {}),
  };
}

/** What the configured tags leave out of the declarative file. */
function untaggedGap(entity: EntityKind, missed: EntityGap, tags: readonly string[]): Gap {
  const gap = entityGap(entity, missed);
  const they = missed.count === 1 ? 'it is' : 'they are';
  const where = missed.databaseTaken ? `${they} in the database dump` : 'the set has no database dump';
  return { ...gap, why: `select_tags of this gateway asks for ${tags.join(' and ')}; ${where}` };
}

/** decK writes the hash as the password and Kong hashes it again on the way back: logins break without a word. */
function passwordGap(count: number, databaseTaken: boolean, of: string): readonly Gap[] {
  if (count === 0) return [];
  return [
    {
      kind: 'basic-auth-passwords',
      count,
      what: `${number(count)} basic-auth ${count === 1 ? 'password' : 'passwords'}${of} ${count === 1 ? 'does' : 'do'} not come back through the declarative file`,
      why: `Kong hashes the stored hash again when decK writes it; ${
        databaseTaken ? 'the database dump brings them back' : 'the set has no database dump'
      }`,
      ...(databaseTaken ? { onlyIn: 'database' as const } : {}),
    },
  ];
}

function unique(gaps: readonly Gap[]): readonly Gap[] {
  const seen = new Set<string>();
  return gaps.filter((gap) => {
    const key = `${gap.kind}\n${gap.what}`;
    return seen.has(key) ? false : seen.add(key) !== undefined;
  });
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}
