import { afterAll, describe, expect, it } from 'vitest';
import type { CliPorts } from '../../../src/cli/ports.ts';
import { realPorts } from '../../../src/cli/wiring.ts';
import type { Operations, RestoreRequest } from '../../../src/engine/ports.ts';
import { refuse } from '../../../src/runs/refusal.ts';
import { ran, testConfig, testTerminal, type Ran } from '../../support/cli.ts';
import { ALICE } from '../../support/story.ts';

const config = testConfig('postgres://nobody@127.0.0.1:1/nothing');
afterAll(() => config.remove());

/** The command line before operations that answer no and keep what they were asked. */
async function asked(...args: string[]): Promise<Ran & { readonly request: RestoreRequest | undefined }> {
  let request: RestoreRequest | undefined;
  const operations = {
    requestRestore: (given: RestoreRequest) => {
      request = given;
      return Promise.resolve({ ok: false, refusal: refuse('no', 'No', 'Never') });
    },
  } as unknown as Operations;
  const ports: Partial<CliPorts> = {
    ...realPorts,
    connect: async () => ({ operations, close: async () => undefined }),
  };
  return { ...(await ran(args, testTerminal({ env: config.env, systemUser: 'alice' }), ports)), request };
}

it('a declarative restore of chosen entities is asked for as it was typed', async () => {
  const typed = ['--strategy', 'declarative', '--only', 'service:catalog, consumer:alice,', '--confirm', 'production'];
  const { code, request } = await asked('restore', 'production', ...typed);
  expect(code).toBe(4);
  expect(request).toMatchObject({
    gateway: 'production',
    set: 'latest-verified',
    strategy: 'declarative',
    safety: 'backup',
    only: ['service:catalog', 'consumer:alice'],
  });
});

it('without --only everything is meant', async () => {
  const { request } = await asked('restore', 'production', '--strategy', 'declarative', '--confirm', 'production');
  expect(request).toBeDefined();
  expect(request).not.toHaveProperty('only');
});

/** One command as Alice before these operations. */
async function answered(operations: object, ...args: string[]): Promise<Ran> {
  const connect: CliPorts['connect'] = async () => ({
    operations: operations as Operations,
    close: async () => undefined,
  });
  return await ran(args, testTerminal({ env: config.env, systemUser: 'alice' }), { ...realPorts, connect });
}

it('a refusal calls people by their names, whatever was asked', async () => {
  const refusal = refuse('busy', `production is held by R-4, asked for by ${ALICE}`, 'See its card');
  const no = async () => ({ ok: false, refusal });
  const operations = {
    requestRestore: no,
    requestDrill: no,
    requestCompare: no,
    rollback: no,
    unlock: no,
    expire: no,
    hold: no,
    schedules: no,
    alarms: no,
    acknowledge: no,
    listSets: no,
    status: no,
    audit: no,
  };
  const set = 'production-20261121T0740Z-B-1';
  const commands = [
    ['restore', 'production', '--set', set, '--confirm', 'production'],
    ['drill', 'production', '--set', set],
    ['compare', set],
    ['rollback', 'R-4'],
    ['unlock', 'production', '--cause', 'the wrong set was chosen'],
    ['backup', 'expire', 'production', '--confirm', 'production'],
    ['backup', 'hold', set, '--reason', 'a case in court'],
    ['schedules'],
    ['alarms'],
    ['alarm', 'ack', 'x', '--reason', 'it is known to us'],
    ['backups', 'production'],
    ['status'],
    ['audit', 'show'],
  ];
  for (const args of commands) {
    expect([args[0], await answered(operations, ...args)]).toEqual([
      args[0],
      {
        code: 4,
        out: '',
        err: 'Refused: production is held by R-4, asked for by Alice.\n  See it: kong-chatops status R-4.',
      },
    ]);
  }
});

it('the list of sets says of a held one for whom, why and until when', async () => {
  const hold = { person: ALICE, at: '2026-11-21T08:00:00.000Z', reason: 'evidence of INC-4711' };
  const set = {
    set: 'production-20261121T0740Z-B-1',
    state: 'verified',
    verifiedAt: '2026-11-21T07:45:00.000Z',
    createdAt: null,
    bytes: 1_500_000,
    gaps: 0,
    safety: false,
    places: [{ destination: 'main', path: '/srv/B-1' }],
    missingFrom: [],
  };
  const listSets = async () => ({
    ok: true,
    sets: [
      { ...set, hold },
      { ...set, set: 'production-20261120T0740Z-B-0' },
    ],
  });
  expect((await answered({ listSets }, 'backups', 'production')).out.split('\n')).toEqual([
    'production-20261121T0740Z-B-1',
    '    verified at 2026-11-21T07:45:00.000Z, 1.5 MB, no gaps',
    '    main: /srv/B-1',
    '    HELD by Alice since 2026-11-21 08:00:00Z: evidence of INC-4711',
    '    until an admin ends it: kong-chatops backup unhold production-20261121T0740Z-B-1 --reason …',
    'production-20261120T0740Z-B-0',
    '    verified at 2026-11-21T07:45:00.000Z, 1.5 MB, no gaps',
    '    main: /srv/B-1',
  ]);
});

it('unlock answers in one line', async () => {
  const unlock = async () => ({ ok: true, run: { id: 'R-4' } });
  expect(await answered({ unlock }, 'unlock', 'production', '--cause', 'the wrong set was chosen')).toEqual({
    code: 0,
    out: 'production is unlocked. The cause stands in the audit trail of R-4.',
    err: '',
  });
});

describe('close --drop', () => {
  const held = (kept: string) => ({
    id: 'R-4',
    hold: { until: '2026-11-21T04:00:00.000Z' },
    plan: { gateway: 'production', steps: [] },
    steps: { 'swap-database': { status: 'succeeded', outputs: { live: 'kong', kept } } },
  });
  const before = (kept: string) => {
    const dropped: boolean[] = [];
    const close = async (_: string, { drop }: { readonly drop: boolean }) => {
      dropped.push(drop);
      return { ok: false, refusal: refuse('no', 'No', 'Never') };
    };
    return { dropped, operations: { run: async () => ({ run: held(kept) }), close } };
  };

  it('closes nothing where no database was kept', async () => {
    const { dropped, operations } = before('');
    expect(await answered(operations, 'close', 'R-4', '--drop')).toEqual({
      code: 4,
      out: '',
      err: 'Refused: R-4 kept no database, so there is none to drop and nothing was done.\n  Close it without --drop: kong-chatops close R-4.',
    });
    expect(dropped).toEqual([]);
  });

  it("asks for the gateway's name where one was kept", async () => {
    const { dropped, operations } = before('kong_r4_old');
    expect((await answered(operations, 'close', 'R-4', '--drop')).err).toBe(
      'Refused: To remove its kept database, the name of the gateway must be typed again.\n  Add --confirm production.',
    );
    expect(dropped).toEqual([]);
    await answered(operations, 'close', 'R-4', '--drop', '--confirm', 'production');
    expect(dropped).toEqual([true]);
  });
});
