import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Version } from '../../../src/sandbox/kong/version.ts';
import { comparable, without } from '../../support/kong/kong-comparison.ts';
import { need } from '../../support/need.ts';
import {
  ask,
  emptyStandIn,
  type Recorded,
  recordedAdmin,
  recordedRun,
  type Running,
  standInOfRecording,
  VERSIONS,
} from '../../support/kong/stand-in-kong.ts';

/** Names of the recordings that GAPS.md says are different in this version. */
function listedGaps(version: Version): string[] {
  const text = readFileSync(new URL('../../../src/sandbox/kong/GAPS.md', import.meta.url), 'utf8');
  return [...text.matchAll(/^\| ([\d., ]+) \| `([\w-]+)` \|/gm)]
    .filter(([, versions]) => versions?.split(', ').includes(version))
    .map(([, , name]) => name ?? '')
    .sort();
}

interface Difference {
  readonly request: string;
  readonly stand_in: unknown;
  readonly kong: unknown;
}

/** Null when the stand-in answers what Kong answered. */
async function difference(url: string, { request, status, body, headers }: Recorded): Promise<Difference | null> {
  const answer = await ask(url, request.method, request.path, request.body);
  const isWrite = request.method !== 'GET';
  // An id that the caller did not choose is random; so is that of what it asks for later by name.
  const random = isWrite && !JSON.stringify(body).includes(idIn(request)) ? ['id'] : [];
  const strip = (given: unknown): unknown => without(comparable(request.path, given, isWrite), random);
  const [stand_in, kong] = [
    {
      status: answer.status,
      type: answer.headers.get('content-type'),
      server: answer.headers.get('server'),
      body: strip(answer.body),
    },
    { status, type: headers['Content-Type'] ?? null, server: headers['Server'], body: strip(body) },
  ];
  return isDeepStrictEqual(stand_in, kong) ? null : { request: `${request.method} ${request.path}`, stand_in, kong };
}

function idIn({ path, body }: Recorded['request']): string {
  const uuid = /[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/;
  return uuid.exec(`${path.split('/').at(-1) ?? ''} ${JSON.stringify(body)}`)?.[0] ?? 'no id at all';
}

async function differences(url: string, steps: readonly Recorded[]): Promise<Difference[]> {
  const found: Difference[] = [];
  // One after the other: later steps build on earlier ones.
  for (const step of steps) {
    const one = await difference(url, step);
    if (one) found.push(one);
  }
  return found;
}

describe.skipIf(!need('fixtures') || !need('psql')).each(VERSIONS)('Kong %s as it was recorded', (version) => {
  let running: Running;
  beforeAll(async () => {
    running = await standInOfRecording(version);
  });
  afterAll(() => running.end());

  // Before anything is changed.
  test.each(['ping', 'dump', 'dump-with-id', 'diff-no-changes', 'dump-stdout-select-tag', 'dump-all-workspaces'])(
    'the reads of the recorded run %s are answered alike',
    async (run) => {
      const reads = recordedRun(version, run).filter(({ request }) => request.method === 'GET');
      expect(await differences(running.kong.url, reads.map(withoutRecorderHeaders))).toEqual([]);
    },
  );

  test('every recorded Admin API answer is given again, but for the gaps that GAPS.md lists', async () => {
    const recordings = recordedAdmin(version);
    expect(recordings.length).toBeGreaterThan(60);
    const different: string[] = [];
    const unexplained: unknown[] = [];
    const gaps = listedGaps(version);
    // Reads first: some recorded requests change weights.
    for (const isRead of [true, false])
      for (const { name, steps } of recordings) {
        const now = steps.filter(({ request, api }) => (request.method === 'GET') === isRead && api !== 'status');
        const found = await differences(running.kong.url, now);
        if (found.length > 0 && gaps.includes(name)) different.push(name);
        else unexplained.push(...found);
      }
    expect(unexplained).toEqual([]);
    expect(different.sort()).toEqual(gaps);
  });
});

describe.skipIf(!need('fixtures')).each(VERSIONS)('Kong %s changed by decK', (version) => {
  test('the recorded writes of a whole life get the recorded answers: fill, change, change back, wipe', async () => {
    const running = await emptyStandIn(version);
    try {
      const runs = ['sync-from-empty', 'sync-update-delete', 'sync-update-delete-back-json', 'reset'];
      for (const run of runs) {
        const writes = recordedRun(version, run).filter(({ request }) => request.method !== 'GET');
        expect(writes.length).toBeGreaterThan(5);
        expect([run, await differences(running.kong.url, writes.map(withoutRecorderHeaders))]).toEqual([run, []]);
      }
      const left = await ask(running.kong.url, 'GET', '/services');
      expect(left.body).toEqual({ data: [], next: null });
    } finally {
      await running.end();
    }
  });

  test('what decK validates is judged as Kong judged it, good and bad, and nothing is written', async () => {
    const running = await emptyStandIn(version);
    try {
      for (const run of ['gateway-validate-good', 'gateway-validate-bad', 'sync-bad-schema', 'sync-workspace-file']) {
        const writes = recordedRun(version, run).filter(({ request }) => request.method !== 'GET');
        expect([run, await differences(running.kong.url, writes.map(withoutRecorderHeaders))]).toEqual([run, []]);
      }
    } finally {
      await running.end();
    }
  });
});

/** The proxy that recorded decK wrote header names its own way; statuses and bodies are what counts there. */
function withoutRecorderHeaders(step: Recorded): Recorded {
  const entries = Object.entries(step.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const headers = Object.fromEntries(entries);
  return {
    ...step,
    headers: {
      ...(headers['content-type'] !== undefined && { 'Content-Type': headers['content-type'] }),
      Server: headers['server'] ?? '',
    },
  };
}
