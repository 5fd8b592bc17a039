import { cp, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateOf } from '../../../src/runs/next.ts';
import type { Run } from '../../../src/runs/run.ts';
import { need } from '../../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { ask } from '../../support/kong/stand-in-kong.ts';
import { ALICE, BOB, CAROL, inSlack } from '../../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql');

let world: RestoreWorld;
let set: string;
beforeAll(async () => {
  if (!tools) return;
  world = await openRestoreWorld();
  set = await world.backup();
});
afterAll(() => world?.end());

/** The run that was asked for, played until it can go no further by itself. */
const restore = async (more: object = {}): Promise<Run> => await world.play(await world.request({ set, ...more }));
const role = (): string => `kong_${world.database}`;
const setFolder = (name = set): string => join(world.destination, 'production', name);

async function expectUntouched(): Promise<void> {
  expect(await world.databases()).toEqual([world.database]);
  expect((await fetch(`${world.nodes[0]?.proxyUrl}/api/v1/catalog`)).status).toBe(200);
}

describe.skipIf(!tools)('refused before anything is touched', () => {
  it('a role that may not make databases, and every other thing that is wrong, all at once', async () => {
    await world.sql(`ALTER ROLE ${role()} NOCREATEDB`);
    await world.sql(`UPDATE schema_meta SET executed = array_append(executed, '999_future') WHERE subsystem = 'core'`);
    try {
      const run = await restore();
      expect(run.outcome).toBe('failed');
      expect(run.fault).toEqual({
        code: 'restore-refused',
        message:
          `Set ${set} cannot be restored, so nothing was touched.` +
          `\n1. Right to make databases: The role ${role()} may neither make nor rename databases.` +
          '\n2. Migrations of the gateway: The dump lacks migrations that the gateway has: core 999_future. Kong would not start on it before they are run.',
        hint:
          `1. Let a superuser run: ALTER ROLE ${role()} CREATEDB` +
          '\n2. Restore a set that was taken since the upgrade, or restore the declarative files.',
      });
    } finally {
      await world.sql(`ALTER ROLE ${role()} CREATEDB`);
      await world.sql(`UPDATE schema_meta SET executed = array_remove(executed, '999_future')`);
    }
    await expectUntouched();
  });

  it('a dump that is newer than the gateway, which Kong itself would not notice', async () => {
    const [before] = await world.sql(`SELECT executed FROM schema_meta WHERE subsystem = 'core'`);
    await world.sql(
      `UPDATE schema_meta SET executed = executed[1:array_length(executed, 1) - 1] WHERE subsystem = 'core'`,
    );
    const run = await restore();
    const list = ((before?.['executed'] ?? []) as string[]).map((name) => `'${name}'`).join(', ');
    await world.sql(`UPDATE schema_meta SET executed = ARRAY[${list}] WHERE subsystem = 'core'`);
    expect(run.fault?.message).toMatch(/The dump has migrations that the gateway has not: core \S+\. Kong would serve/);
    expect(run.fault?.hint).toBe(
      'Restore a set of the Kong version that the gateway runs, or upgrade the gateway first.',
    );
    await expectUntouched();
  });

  it('another version of Kong', async () => {
    const root = (await ask(world.nodes[0]?.url ?? '', 'GET', '/')).body as object;
    world.nodes[0]?.faults.respond('GET', /^\/$/, 200, { body: { ...root, version: '3.8.0' } });
    const run = await restore();
    expect(run.fault).toMatchObject({
      message: `Set ${set} cannot be restored, so nothing was touched.\n1. Kong: The set is of Kong 3.9.1 (community), and the gateway runs Kong 3.8.0 (community).`,
      hint: 'Restore a set of the version that runs, or install the version of the set first.',
    });
    await expectUntouched();
  });

  it('a session that the role may not end', async () => {
    const foreign = new Client({ connectionString: world.superuserUrl, application_name: 'somebody else' });
    await foreign.connect();
    const run = await restore();
    await foreign.end();
    expect(run.fault?.message).toMatch(
      /1\. Open connections: Sessions that kong_\w+ may not end are open on the database: \w+ \(somebody else\)\. It cannot be renamed while they last\.$/,
    );
    expect(run.fault?.hint).toBe(`Have them closed, or let a superuser run: GRANT pg_signal_backend TO ${role()}`);
    await expectUntouched();
  });

  it('a set with one flipped byte, and a set that was moved under another name', async () => {
    const damaged = set.replace(/B-\d+$/, 'B-900');
    await cp(setFolder(), setFolder(damaged), { recursive: true });
    await expect(restore({ set: damaged })).rejects.toThrow(
      `No copy of the manifest of ${damaged} can be read, so nothing of it can be trusted.`,
    );
    const outputs = (await world.load('B-1')).steps['dump-database']?.outputs ?? {};
    const [artifact] = outputs['artifacts'] as { name: string }[];
    const file = await open(join(setFolder(), artifact?.name ?? ''), 'r+');
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, 2000);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, 2000);
    const run = await restore();
    await file.write(byte, 0, 1, 2000);
    await file.close();
    expect(run.fault?.message).toMatch(
      /^Set \S+ cannot be restored, so nothing was touched\.\n1\. Every byte: The set is not as it was written: main\/\S+: \S+ has another SHA-256 than when it was written\.$/,
    );
    await expectUntouched();
  });

  it('a set that is not there, in words that help', async () => {
    const request = {
      gateway: 'production',
      set: 'production-x',
      strategy: 'database' as const,
      delivery: { key: 'x' },
    };
    const answer = await world.core.operations.requestRestore(request, inSlack(ALICE));
    expect(answer).toMatchObject({
      ok: false,
      refusal: { code: 'unknown-set', message: 'production has no set "production-x" in its destinations' },
    });
    const other = await world.core.operations.requestRestore({ ...request, strategy: 'files' }, inSlack(CAROL));
    expect(other).toMatchObject({ ok: false, refusal: { code: 'not-allowed' } });
  });
});

describe.skipIf(!tools)('who comes second', () => {
  it('learns who holds the gateway, since when, and what to do; a hold keeps nobody from backing up', async () => {
    const first = await restore({ reason: 'wrong routes' });
    const request = { gateway: 'production', set, strategy: 'database' as const, delivery: { key: 'second' } };
    const second = await world.core.operations.requestRestore(request, inSlack(BOB));
    expect(second).toMatchObject({
      ok: false,
      refusal: {
        code: 'busy',
        message: `production is being restored by ${first.id}, asked for by ${ALICE} (${first.requestedAt}): wrong routes`,
        hint: 'Follow it on its card, or be told when it ends',
      },
    });
    const backup = { gateway: 'production', delivery: { key: 'meanwhile' } };
    // Waiting for a go it still counts as running: its safety backup must be the newest of before the swap.
    expect(await world.core.operations.requestBackup(backup, inSlack(ALICE))).toMatchObject({ ok: false });

    const held = await world.play(await world.approve(first));
    expect(stateOf(held)).toBe('holding');
    const third = await world.core.operations.requestRestore(request, inSlack(BOB));
    expect(third).toMatchObject({
      refusal: {
        message: `production is held by ${first.id}, asked for by ${ALICE} (${first.requestedAt}): wrong routes: its way back is open until ${held.hold?.until}`,
        hint: `Close ${first.id} when it is good, or roll it back; then ask again`,
      },
    });
    expect(await world.core.operations.requestBackup(backup, inSlack(ALICE))).toMatchObject({ ok: true });
    await world.play('B-2');

    await world.core.operations.rollback(first.id, undefined, inSlack(BOB));
    const back = await world.play(first.id);
    const locked = await world.core.operations.requestRestore(request, inSlack(BOB));
    expect(locked).toMatchObject({
      refusal: {
        code: 'locked',
        message: `production is locked since ${back.endedAt}, because ${first.id}, asked for by ${ALICE} (${first.requestedAt}): wrong routes, was rolled back`,
        hint: 'Find out the cause and record it: unlock production with the cause, then ask again',
      },
    });
    const unlocked = await world.core.operations.unlock('production', 'it was the wrong set', inSlack(BOB));
    expect(unlocked.ok).toBe(true);
    await expectUntouched();
  });
});

describe.skipIf(!tools)('after the go', () => {
  it('connections that will not go: nothing is renamed, the database is open again, and it can be rolled back', async () => {
    const waiting = await restore();
    const foreign = new Client({ connectionString: world.superuserUrl, application_name: 'late comer' });
    await foreign.connect();
    const held = await world.play(await world.approve(waiting));
    await foreign.end();
    expect(stateOf(held)).toBe('holding');
    expect(held.hold?.fault?.message).toMatch(
      new RegExp(
        `^The databases were not renamed, because connections would not go: \\w+ \\(late comer, \\S+\\)\\. ${world.database} is as it was before this step and takes connections again\\.$`,
      ),
    );
    expect(held.hold?.fault?.hint).toContain('roll this run back, then restore again');
    await world.core.operations.rollback(held.id, undefined, inSlack(BOB));
    expect((await world.play(held.id)).outcome).toBe('rolled-back');
    await expectUntouched();
    await world.core.operations.unlock('production', 'somebody stayed connected', inSlack(BOB));
  });

  it('a change of the configuration between preview and go asks people again', async () => {
    const waiting = await restore();
    await ask(world.nodes[0]?.url ?? '', 'POST', '/services/catalog/routes', { name: 'late', paths: ['/late'] });
    const again = await world.play(await world.approve(waiting));
    expect(again.gates.map(({ status }) => status)).toEqual(['superseded', 'open']);
    await world.core.operations.cancel(again.id, undefined, inSlack(ALICE));
    expect((await world.play(again.id)).outcome).toBe('cancelled');
    await ask(world.nodes[0]?.url ?? '', 'DELETE', '/routes/late');
    await expectUntouched();
  });

  it('a node that cannot be purged is named and must be restarted; the others are proven', async () => {
    await ask(world.nodes[0]?.url ?? '', 'POST', '/services/catalog/routes', { name: 'gone-soon', paths: ['/gone'] });
    const waiting = await restore();
    world.nodes[1]?.faults.respond('DELETE', /^\/cache/, 500, { times: 3 });
    const held = await world.play(await world.approve(waiting));
    expect(held.hold?.fault).toBeUndefined();
    expect(held.steps['prove-restore']?.outputs).toMatchObject({
      nodes: [
        { node: 'kong-1', purged: true, proven: ['route gone-soon is gone'] },
        { node: 'kong-2', purged: false },
      ],
      restartByHand: ['kong-2'],
    });
    await world.core.operations.close(held.id, { drop: true }, inSlack(BOB));
    const closed = await world.play(held.id);
    expect(closed.outcome).toBe('succeeded');
    expect(closed.steps['drop-kept']).toMatchObject({ status: 'succeeded' });
    await expectUntouched();
  });
});

describe.skipIf(!tools)('when there is nothing to keep', () => {
  it('one approver more is asked, the set comes back from nothing, and undoing is refused in words', async () => {
    for (const node of world.nodes) await node.faults.stopListening();
    await world.sql(`DROP DATABASE ${world.database} WITH (FORCE)`, 'postgres');
    const refused = await restore();
    expect(refused.fault?.message).toContain(
      `Present database: There is no database ${world.database}, so there is no present state that could be backed up first.`,
    );
    const waiting = await restore({ safety: 'kept-database' });
    expect(waiting.gates.at(-1)?.policy.requirements).toEqual([{ group: 'approvers', minimum: 2 }]);
    expect(waiting.steps['preview-change']?.outputs).toMatchObject({ approversMore: 1 });
    await world.approve(waiting, BOB);
    const held = await world.play(await world.approve(waiting, CAROL));
    expect(held.steps['swap-database']?.outputs).toMatchObject({ live: world.database, kept: '' });
    expect(await world.databases()).toEqual([world.database]);
    await world.core.operations.rollback(held.id, undefined, inSlack(BOB));
    const back = await world.play(held.id);
    expect(back.hold?.fault).toEqual({
      code: 'swap.nothing-kept',
      message: `There was no database ${world.database} before this restore, so there is none to go back to; ${world.database} is the restored database.`,
      hint: 'Close this run, and restore another set if this one is wrong.',
    });
  });
});
