import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { collectAlone } from '../src/heap.ts';
import { findPostgresTools } from '../src/kong/dump/tools.ts';
import { localRunner } from '../src/run-command/local.ts';
import { nearest } from '../src/runs/words/nearest.ts';
import { startEmbeddedPostgres } from '../src/sandbox/embedded-postgres.ts';
import { benchAck } from './ack.ts';
import { benchAppend } from './append.ts';
import { benchBackup } from './backup.ts';
import { benchClick } from './click.ts';
import { atLeast, atMost, type Check, type Findings } from './facts.ts';
import { benchDeclarative } from './declarative.ts';
import { benchMemory } from './memory.ts';
import { benchRestore } from './restore.ts';
import { benchStorage } from './storage.ts';
import { serverVersion } from './store.ts';
import { table } from './table.ts';

// `npm run bench [name…]`: holds what the bot promises about speed against this machine, one benchmark after the other.
const BENCHES: Readonly<Record<string, () => Promise<Findings>>> = {
  append: appendFindings,
  ack: benchAck,
  click: benchClick,
  backup: () => benchBackup(),
  restore: () => benchRestore(),
  declarative: () => benchDeclarative(),
  storage: benchStorage,
  memory: benchMemory,
};
const NAMES = Object.keys(BENCHES);
const RESULTS = join(import.meta.dirname, 'results');

// As every bot and worker runs.
collectAlone();
process.exitCode = await main(process.argv.slice(2));

async function main(asked: readonly string[]): Promise<number> {
  const unknown = asked.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    const near = nearest(unknown, NAMES);
    console.error(
      `There is no benchmark "${unknown}".`,
      near === null ? `There are: ${NAMES.join(', ')}` : `Did you mean ${near}?`,
    );
    return 2;
  }
  const machine = await machineFacts();
  console.log(words(machine));
  const results: Record<string, Findings & { readonly seconds: number; readonly loadBefore: number }> = {};
  for (const name of asked.length === 0 ? NAMES : NAMES.filter((known) => asked.includes(known))) {
    const began = performance.now();
    const loadBefore = loadavg()[0] ?? 0;
    console.log(`\n${name} …`);
    const findings = await findingsOf(name);
    results[name] = { ...findings, seconds: Math.round((performance.now() - began) / 1000), loadBefore };
    console.log(JSON.stringify(findings.facts, null, 2));
  }
  const checks = Object.entries(results).flatMap(([name, { checks }]) => checks.map((check) => ({ name, ...check })));
  console.log(`\n${table(checks)}\n`);
  console.log(`Written to ${await store({ machine, results })}`);
  return checks.every(({ ok }) => ok) ? 0 : 1;
}

/** One that breaks is a broken promise, and does not take the others' results with it. */
async function findingsOf(name: string): Promise<Findings> {
  try {
    return (await BENCHES[name]?.()) ?? { facts: {}, checks: [] };
  } catch (error) {
    console.error(error);
    const measured = error instanceof Error ? error.message : String(error);
    return { facts: {}, checks: [{ what: 'could be measured', measured, bound: 'yes', ok: false }] };
  }
}

async function appendFindings(): Promise<Findings> {
  const facts = await benchAppend();
  const checks: Check[] = [
    atLeast(`appends a second, ${facts.writers} writers`, facts.appendsPerSecond, 1000),
    atMost('audit verify of 1 million rows', facts.verifySeconds, 10, 's'),
    // Flat: five times the rows may cost a little more garbage, not more memory.
    atMost('its memory, 1 million rows / a fifth of them', facts.verifyRssMbAll / facts.verifyRssMbFifth, 1.25),
  ];
  return { facts, checks };
}

interface Machine {
  readonly date: string;
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  readonly node: string;
  readonly postgres: string;
  readonly pgDump: string;
  /** Programs that were running or ready, on average of the last minute, before anything was measured. */
  readonly load: number;
}

async function machineFacts(): Promise<Machine> {
  const server = await startEmbeddedPostgres();
  const postgres = await serverVersion(server.url);
  await server.stop();
  const major = Number.parseInt(postgres, 10);
  const pgDump = await findPostgresTools(localRunner(), major).then(
    (tools) => tools.pgDump.version,
    () => `none of major ${major}`,
  );
  return {
    date: new Date().toISOString(),
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
    postgres,
    pgDump,
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

function words({ date, cores, processor, memoryGb, node, postgres, pgDump, load }: Machine): string {
  const busy = load > 0.5 ? `\nThe machine is busy (load ${load}): what is measured now is slower than it is.` : '';
  return `${date}: ${cores} cores (${processor}), ${memoryGb} GB, Node ${node}, PostgreSQL ${postgres}, pg_dump ${pgDump}${busy}`;
}

async function store(all: object): Promise<string> {
  await mkdir(RESULTS, { recursive: true });
  const path = join(RESULTS, `${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.json`);
  await writeFile(path, `${JSON.stringify(all, null, 2)}\n`);
  return path;
}
