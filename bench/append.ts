import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { Client, type Pool } from 'pg';
import { createEventStore } from '../src/audit/store.ts';
import { verifyDatabase } from '../src/audit/verify.ts';
import { migrate } from '../src/postgres/migrate.ts';
import { createPool } from '../src/postgres/pool.ts';
import type { NewEvent } from '../src/runs/event.ts';
import type { RunIndex } from '../src/runs/log.ts';
import { startEmbeddedPostgres } from '../src/sandbox/embedded-postgres.ts';

export interface AppendFacts {
  readonly writers: number;
  readonly seconds: number;
  /** One event per append, fsync on: what the promise of 1,000/s is about. */
  readonly appendsPerSecond: number;
  readonly appendP99Ms: number;
  readonly verifyRows: number;
  readonly verifySeconds: number;
  /** Resident memory of a process that does nothing but verify: at its peak with a fifth of the rows, and with all: flat. */
  readonly verifyRssMbFifth: number;
  readonly verifyRssMbAll: number;
}

const WRITERS = 16;
const SECONDS = 8;
const ROWS = 1_000_000;
const VERIFY_URL = 'BENCH_VERIFY_URL';

/** Appends from 16 writers for 8 s on a durable embedded PostgreSQL, then verifies a trail of a million rows. */
export async function benchAppend(): Promise<AppendFacts> {
  const server = await startEmbeddedPostgres({ settings: { shared_buffers: '128MB', max_wal_size: '2GB' } });
  const pool = createPool({ url: server.url, applicationName: 'bench', max: WRITERS, onError: () => undefined });
  try {
    await migrate({ ownerUrl: server.url, botUrl: server.url });
    const appends = await measureAppends(pool);
    await fill(server.url, ROWS / 5);
    const fifth = await verifyInProcess(server.url);
    await fill(server.url, ROWS);
    const all = await verifyInProcess(server.url);
    return {
      writers: WRITERS,
      seconds: SECONDS,
      ...appends,
      verifyRows: all.rows,
      verifySeconds: all.seconds,
      verifyRssMbFifth: fifth.rssMb,
      verifyRssMbAll: all.rssMb,
    };
  } finally {
    await pool.end();
    await server.stop();
  }
}

async function measureAppends(pool: Pool): Promise<{ appendsPerSecond: number; appendP99Ms: number }> {
  const store = createEventStore(pool);
  const times: number[] = [];
  const until = performance.now() + SECONDS * 1000;
  const write = async (writer: number): Promise<void> => {
    for (let version = 0; performance.now() < until; version += 1) {
      const began = performance.now();
      const runId = `W-${writer}`;
      await store.append({ runId, expectedVersion: version, events: [event()], index: indexRow(runId, version + 1) });
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  times.sort((a, b) => a - b);
  return {
    appendsPerSecond: Math.round(times.length / SECONDS),
    appendP99Ms: round(times[Math.floor(times.length * 0.99)] ?? 0),
  };
}

/** A trail of `rows` rows of about 450 bytes, made by the same hash rule in one statement. */
async function fill(url: string, rows: number): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`
    ALTER TABLE kong_chatops.audit_events DISABLE TRIGGER append_only;
    TRUNCATE kong_chatops.audit_events`);
  await client.query(
    `INSERT INTO kong_chatops.audit_events (seq, run_id, version, body, prev_hash, hash)
     WITH RECURSIVE chain AS (
       SELECT 0::bigint AS seq, ''::text AS run_id, 0 AS version, ''::text AS body, ''::text AS prev_hash, repeat('0', 64) AS hash
       UNION ALL
       SELECT n.seq, n.run_id, n.version, n.body, c.hash, kong_chatops.event_hash(c.hash, n.seq, n.run_id, n.version, n.body)
         FROM chain c,
              LATERAL (SELECT c.seq + 1 AS seq, 'B-' || c.seq / 30 AS run_id, (c.seq % 30 + 1)::int AS version,
                              $2::text || repeat('x', (c.seq % 7)::int) || '"},"type":"step.succeeded"}' AS body) n
        WHERE c.seq < $1)
     SELECT seq, run_id, version, body, prev_hash, hash FROM chain WHERE seq > 0`,
    [rows, bodyStart()],
  );
  await client.query('ALTER TABLE kong_chatops.audit_events ENABLE ALWAYS TRIGGER append_only');
  await client.end();
}

/** In a process of its own, so that its memory is its own. The URL holds a password: environment, not argument. */
async function verifyInProcess(url: string): Promise<{ rows: number; seconds: number; rssMb: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename], {
    env: { ...process.env, [VERIFY_URL]: url },
  });
  return JSON.parse(stdout) as { rows: number; seconds: number; rssMb: number };
}

async function verifyHere(url: string): Promise<void> {
  const pool = createPool({ url, applicationName: 'bench verify', max: 1, onError: () => undefined });
  const began = performance.now();
  const verdict = await verifyDatabase(pool);
  const seconds = round((performance.now() - began) / 1000);
  await pool.end();
  if (!verdict.ok) throw new Error(`the trail of the benchmark is damaged: ${verdict.damage[0]?.message}`);
  const rssMb = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stdout.write(JSON.stringify({ rows: verdict.rows, seconds, rssMb }));
}

function event(): NewEvent {
  return {
    type: 'step.started',
    at: new Date().toISOString(),
    actor: { kind: 'bot', host: 'bench', pid: 1 },
    data: { step: 'dump-database', attempt: 1 },
  };
}

function bodyStart(): string {
  return `{"actor":{"host":"bench","kind":"bot","pid":1},"at":"2026-11-21T08:00:00.000Z","data":{"note":"${'y'.repeat(150)}`;
}

function indexRow(id: string, version: number): RunIndex {
  const at = new Date().toISOString();
  return {
    id,
    kind: 'backup',
    gateway: 'bench',
    state: 'running',
    version,
    requestedBy: 'T/U',
    requestedAt: at,
    updatedAt: at,
    active: true,
    unsettled: false,
    exclusive: null,
    dueAt: null,
    verifiedAt: null,
    setId: null,
    restoredAt: null,
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

const verifyUrl = process.env[VERIFY_URL];
if (verifyUrl !== undefined && import.meta.main) await verifyHere(verifyUrl);
