import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Client } from 'pg';
import { verifyDatabase } from '../../audit/verify.ts';
import { readReport } from '../../kong/deck/deck.ts';
import { findDeck, findPostgresTools } from '../../kong/dump/tools.ts';
import { createPool } from '../../postgres/pool.ts';
import type { Command, RunCommand } from '../../run-command/command.ts';
import { localRunner } from '../../run-command/local.ts';
import { Fault } from '../../runs/fault.ts';
import type { Workspace } from '../workspace.ts';
import { Unexpected, type TourStep } from './step.ts';

/** What a proof needs: the sandbox's world and the run of production that succeeded. */
export interface ProofStage {
  readonly world: Workspace;
  readonly runs: ReadonlyMap<string, string>;
}

/** Nobody has to believe the bot: plain tools read what it wrote. */
export const PROOFS: readonly TourStep<ProofStage>[] = [
  {
    title: 'Plain pg_restore reads the published dump into an empty database',
    expected: 'every table with as many rows as in production and as in the manifest',
    play: restored,
  },
  {
    title: 'Plain decK compares the declarative file with production',
    expected: 'no difference; without decK on this machine: the gap is in the manifest',
    play: compared,
  },
  {
    title: 'kong-chatops audit verify',
    expected: 'every row of the audit trail is as it was written',
    play: verified,
  },
];

interface PublishedSet {
  readonly folder: string;
  readonly files: readonly string[];
  readonly tables: Readonly<Record<string, number>>;
  readonly gaps: readonly string[];
}

/** The newest published set of production. */
async function publishedSet(world: Workspace): Promise<PublishedSet> {
  const paths = (await readdir(world.destination, { recursive: true })).filter((path) =>
    path.endsWith('manifest.json'),
  );
  const found = paths.filter((path) => path.includes('production')).sort();
  const newest = found.at(-1);
  if (newest === undefined) throw new Unexpected('there is no manifest of production', paths.join(', '));
  const folder = dirname(join(world.destination, newest));
  const manifest = JSON.parse(await readFile(join(world.destination, newest), 'utf8')) as {
    artifacts: { name: string }[];
    gaps: { kind: string }[];
    database?: { tables: Record<string, number> };
  };
  return {
    folder,
    files: manifest.artifacts.map(({ name }) => name),
    tables: manifest.database?.tables ?? {},
    gaps: manifest.gaps.map(({ kind }) => kind),
  };
}

async function restored({ world }: ProofStage): Promise<string> {
  const set = await publishedSet(world);
  const dump = set.files.find((name) => name.startsWith('database'));
  if (dump === undefined) throw new Unexpected('the set has no dump of the database', set.files.join(', '));
  const run = localRunner();
  const { pgRestore } = await findPostgresTools(run, 15);
  const folder = join(world.folder, 'restored');
  await mkdir(folder);
  await must(run, { program: 'tar', args: ['-xf', join(set.folder, dump), '-C', folder] });
  const from = await archiveIn(folder);
  await world.databases.create('restored');
  const { host, port, kong } = world.databases;
  await must(run, {
    program: pgRestore.program,
    args: ['--exit-on-error', '-j', '2', '-h', host, '-p', String(port), '-U', kong.user, '-d', 'restored', from],
    env: { PGPASSWORD: kong.password },
  });
  const now = await world.databases.inDatabase('restored', countTables);
  const live = await world.databases.inDatabase('kong_production', countTables);
  const wrong = Object.keys(live).filter((table) => now[table] !== live[table] || rows(set, table) !== now[table]);
  if (wrong.length > 0 || Object.keys(now).length !== Object.keys(live).length) {
    throw new Unexpected(`tables differ: ${wrong.join(', ')}`, JSON.stringify({ now, live, manifest: set.tables }));
  }
  const total = Object.values(now).reduce((sum, count) => sum + count, 0);
  return `${Object.keys(now).length} tables, ${total.toLocaleString('en-US')} rows, all equal`;
}

/** A table's rows by the manifest, whether it writes the schema's name or not. */
function rows(set: PublishedSet, table: string): number | undefined {
  return set.tables[table] ?? set.tables[`public.${table}`];
}

/** The folder that pg_dump wrote: the one with the table of contents. */
async function archiveIn(folder: string): Promise<string> {
  const paths = await readdir(folder, { recursive: true });
  const contents = paths.find((path) => path.endsWith('toc.dat'));
  if (contents === undefined) throw new Unexpected('the archive has no table of contents', paths.join(', '));
  return dirname(join(folder, contents));
}

async function countTables(client: Client): Promise<Record<string, number>> {
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows: counted } = await client.query<{ count: string }>(
      `SELECT count(*) AS count FROM ${client.escapeIdentifier(name)}`,
    );
    counts[name] = Number(counted[0]?.count);
  }
  return counts;
}

async function compared({ world }: ProofStage): Promise<string> {
  const set = await publishedSet(world);
  const run = localRunner();
  const deck = await findDeck(run).catch((error: unknown) => {
    if (error instanceof Fault && error.code === 'deck.missing') return null;
    throw error;
  });
  if (deck === null) {
    if (!set.gaps.includes('declarative')) throw new Unexpected('the gap is not reported', set.gaps.join(', '));
    return 'decK is not on this machine; the manifest reports the declarative part as a gap';
  }
  const file = set.files.find((name) => name.startsWith('declarative'));
  if (file === undefined) throw new Unexpected('the set has no declarative file', set.files.join(', '));
  const gateway = world.gateways.find(({ name }) => name === 'production');
  const stdout = await must(run, {
    program: deck.program,
    args: ['gateway', 'diff', '--kong-addr', gateway?.adminUrl ?? '', '--json-output', join(set.folder, file)],
    env: { DECK_ANALYTICS: 'off' },
  });
  const changes = readReport({ stdout })?.changes;
  if (changes === undefined) throw new Unexpected('decK gave no report', stdout);
  const { creating, updating, deleting } = changes;
  if (creating.length + updating.length + deleting.length > 0) throw new Unexpected('decK sees differences', stdout);
  return `decK ${deck.version}: 0 to create, 0 to change, 0 to delete`;
}

async function verified({ world }: ProofStage): Promise<string> {
  const url = world.databases.botUrl;
  const pool = createPool({ url, applicationName: 'sandbox tour', max: 1, onError: () => undefined });
  try {
    const verdict = await verifyDatabase(pool);
    if (!verdict.ok) throw new Unexpected('the trail is damaged', JSON.stringify(verdict.damage));
    const head = `row ${verdict.head.seq}, ${verdict.head.hash.slice(0, 12)}`;
    return `${verdict.rows} rows, nothing edited, deleted or reordered; head: ${head}`;
  } finally {
    await pool.end();
  }
}

/** Standard output of a program that must succeed. */
async function must(run: RunCommand, command: Omit<Command, 'timeoutMs'>): Promise<string> {
  const done = await run.run({ ...command, timeoutMs: 60_000 });
  if (done.exitCode === 0) return done.stdout;
  throw new Unexpected(`${command.program} ended with exit code ${done.exitCode}`, done.stderr);
}
