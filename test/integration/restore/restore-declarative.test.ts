import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateOf } from '../../../src/runs/next.ts';
import type { Run } from '../../../src/runs/run.ts';
import { need } from '../../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { ask } from '../../support/kong/stand-in-kong.ts';
import { ALICE, BOB, CAROL, inSlack } from '../../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql') && need('deck');

describe.skipIf(!tools)('a declarative restore by real decK', () => {
  let world: RestoreWorld;
  let set: string;
  beforeAll(async () => {
    world = await openRestoreWorld();
    set = await world.backup();
  });
  afterAll(() => world.end());

  const admin = (): string => world.nodes[0]?.url ?? '';
  const faults = () => world.nodes[0]?.faults;
  const through = async (node: number, path: string): Promise<number> =>
    (await fetch(`${world.nodes[node]?.proxyUrl}${path}`)).status;
  const names = async (list: string): Promise<string[]> => {
    const { body } = await ask(admin(), 'GET', `/${list}?size=1000`);
    return (body as { data: { name: string }[] }).data.map(({ name }) => name).toSorted();
  };
  const login = async (): Promise<Record<string, unknown> | undefined> =>
    (await world.sql('SELECT id, consumer_id, username, password FROM basicauth_credentials'))[0];

  /** Breaks the gateway: a route gone, one too many, a login with another password. */
  async function breakIt(): Promise<void> {
    await ask(admin(), 'DELETE', '/routes/catalog-v1');
    await ask(admin(), 'POST', '/services/catalog/routes', { name: 'new-route', paths: ['/new'] });
    const { id, consumer_id } = (await login()) ?? {};
    await ask(admin(), 'PATCH', `/consumers/${String(consumer_id)}/basic-auth/${String(id)}`, { password: 'another' });
  }
  const restore = async (more: object = {}): Promise<Run> =>
    await world.play(await world.request({ set, strategy: 'declarative', ...more }));
  const approve = async (run: Run): Promise<Run> =>
    await world.play(await world.approve(await world.play(await world.approve(run, BOB)), CAROL));
  const rollBack = async (run: Run): Promise<Run> => {
    const asked = await world.core.operations.rollback(run.id, 'back again please', inSlack(BOB));
    if (!asked.ok) throw new Error(asked.refusal.message);
    const back = await world.play(run.id);
    await world.core.operations.unlock('production', 'it was only a test', inSlack(BOB));
    return back;
  };

  it('brings back what was changed, also a password, once one more than usual said go; and undoes it', async () => {
    const before = await login();
    await breakIt();
    const broken = await login();
    expect([await through(0, '/api/v1/catalog'), await through(1, '/new')]).toEqual([404, 200]);

    const waiting = await restore();
    expect(waiting.fault).toBeUndefined();
    expect(waiting.steps['diff-declarative']?.outputs).toMatchObject({
      changes: [
        { kind: 'routes', created: 1, updated: 0, deleted: 1, names: ['catalog-v1', 'new-route'] },
        { kind: 'basic-auth logins', created: 0, updated: 1, deleted: 0 },
      ],
      approversMore: 1,
      workspaces: ['default'],
      newWorkspaces: [],
      passwordsByHand: [],
    });
    expect(JSON.stringify(waiting)).not.toContain(String(before?.['password']));
    expect(waiting.gates[0]?.policy.requirements).toEqual([{ group: 'approvers', minimum: 2 }]);

    const held = await approve(waiting);
    expect(held.hold?.fault).toBeUndefined();
    expect(stateOf(held)).toBe('holding');
    expect(held.steps['sync-declarative']?.outputs).toEqual({
      workspaces: ['default'],
      changed: 2,
      hashesPutBack: 1,
      deletedMore: [],
    });
    expect(held.steps['read-back']?.outputs).toEqual({ workspaces: ['default'], passwordsByHand: [] });
    expect(held.steps['prove-declarative']?.outputs).toEqual({
      nodes: ['kong-1', 'kong-2'].map((node) => ({
        node,
        purged: true,
        proven: ['route catalog-v1 is found again', 'route new-route is gone'],
      })),
      restartByHand: [],
    });
    expect(await login()).toEqual(before);
    expect([await through(0, '/api/v1/catalog'), await through(1, '/new')]).toEqual([200, 404]);

    const back = await rollBack(held);
    expect(back.outcome).toBe('rolled-back');
    expect(back.steps['read-back-undo']?.status).toBe('succeeded');
    expect(await login()).toEqual(broken);
    expect([await through(0, '/api/v1/catalog'), await through(1, '/new')]).toEqual([404, 200]);
  });

  it('asks again, with the diff of now, when somebody changed the gateway after the go', async () => {
    const waiting = await restore();
    const gate = waiting.gates.at(-1);
    const one = await world.play(await world.approve(waiting, BOB));
    await ask(admin(), 'POST', '/services', { name: 'late', host: 'late.internal' });
    const asked = await world.play(await world.approve(one, CAROL));
    expect(asked.gates.at(-2)).toMatchObject({ gate: gate?.gate, status: 'superseded' });
    expect(asked.gates.at(-1)).toMatchObject({ status: 'open', votes: [] });
    expect(asked.steps['diff-declarative']).toMatchObject({
      attempt: 2,
      outputs: { changes: [{ kind: 'services', deleted: 1, names: ['late'] }, { kind: 'routes' }, {}] },
    });
    expect(await names('services')).toContain('late');
    await world.core.operations.cancel(asked.id, 'enough of it', inSlack(ALICE));
    expect((await world.play(asked.id)).outcome).toBe('cancelled');
    await ask(admin(), 'DELETE', '/services/late');
  });

  it('that Kong refuses half-way says what was made and what was not, and goes back', async () => {
    const before = await names('routes');
    const waiting = await restore();
    faults()?.respond('PUT', /^\/routes\//, 409, { times: 10, body: { message: 'UNIQUE violation detected' } });
    const held = await approve(waiting);
    faults()?.clear();
    expect(stateOf(held)).toBe('holding');
    expect(held.hold?.fault).toEqual({
      code: 'declarative.half-done',
      message: expect.stringMatching(
        /^The gateway is half restored: 0 of 2 changes were made, 2 were not: while processing event: .*route catalog-v1 failed: HTTP status 409 \(message: "UNIQUE violation detected"\)\.$/,
      ) as string,
      hint: 'Roll this run back: that brings back the state before from its safety backup. Or remove the cause, close this run and restore again: what was made already is skipped.',
    });
    expect((await rollBack(held)).outcome).toBe('rolled-back');
    expect(await names('routes')).toEqual(before);
  });

  /** Something that decK makes again before it comes to the routes. */
  const dropUpstream = async (): Promise<void> => {
    const [first] = await names('upstreams');
    await ask(admin(), 'DELETE', `/upstreams/${first}`);
  };
  const puts = (from: number, path: string): number =>
    (world.nodes[0]?.requests.slice(from) ?? []).filter((seen) => seen.method === 'PUT' && seen.path.startsWith(path))
      .length;

  it('goes on by itself after a bad moment of Kong, without asking anybody again', async () => {
    await dropUpstream();
    const waiting = await restore();
    faults()?.respond('PUT', /^\/routes\//, 503, { times: 1, body: { message: 'no memory' } });
    const from = world.nodes[0]?.requests.length ?? 0;
    const held = await approve(waiting);
    expect(held.hold?.fault).toBeUndefined();
    expect(held.steps['sync-declarative']).toMatchObject({ status: 'succeeded', attempt: 2 });
    expect([puts(from, '/upstreams/'), held.gates.length]).toEqual([1, 1]);
    expect(await through(0, '/api/v1/catalog')).toBe(200);
    expect((await rollBack(held)).outcome).toBe('rolled-back');
  });

  it('whose worker is killed in the middle of the sync is taken over and ends well', async () => {
    const waiting = await restore();
    await world.approve(await world.play(await world.approve(waiting, BOB)), CAROL);
    faults()?.hang('PUT', /^\/routes\//);
    const from = world.nodes[0]?.requests.length ?? 0;
    const worker = fork(join(import.meta.dirname, 'declarative-worker.ts'), [waiting.id], {
      env: { PATH: process.env['PATH'], ...world.env },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const syncing = async (): Promise<string[]> => {
      const { stdout } = await execa('ps', ['-eo', 'args=']);
      return stdout
        .split('\n')
        .filter((line) => line.includes(`${waiting.id}-sync-declarative`) && / sync /.test(line));
    };
    await expect.poll(() => puts(from, '/upstreams/')).toBe(1);
    expect(await syncing()).not.toEqual([]);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    await expect.poll(syncing).toEqual([]);
    faults()?.clear();
    const held = await world.play(waiting.id);
    expect(held.hold?.fault).toBeUndefined();
    expect(held.steps['sync-declarative']).toMatchObject({ status: 'succeeded', attempt: 2 });
    expect([puts(from, '/upstreams/'), held.gates.length]).toEqual([1, 1]);
    expect(await through(1, '/api/v1/catalog')).toBe(200);
    expect((await rollBack(held)).outcome).toBe('rolled-back');
  });

  it('of chosen entities alone makes and changes those, and deletes nothing', async () => {
    const request = { gateway: 'production', set, strategy: 'declarative' as const, delivery: { key: 'alone' } };
    const refused = async (more: object) =>
      await world.core.operations.requestRestore({ ...request, ...more }, inSlack(ALICE));
    expect(await refused({ only: ['lighthouse:catalog'] })).toMatchObject({
      refusal: {
        code: 'bad-selection',
        message: '"lighthouse:catalog" names no entity that can be restored alone',
        hint: 'Write a kind and a name or an id: service:…, route:…, plugin:…, consumer:…, upstream:…, certificate:…, ca-certificate:…, consumer-group:…, vault:…, key:…, key-set:…',
      },
    });
    expect(await refused({ only: ['service:catalog'], strategy: 'database' })).toMatchObject({
      refusal: {
        message: 'Entities cannot be restored alone by the strategy "database"',
        hint: 'Ask for the strategy "declarative"',
      },
    });
    expect(await refused({ safety: 'kept-database' })).toMatchObject({
      refusal: {
        message:
          'A declarative restore changes the live database in place, so it keeps none: without a safety backup there is no way back',
        hint: 'Restore the database, which can keep the present one, or bring the gateway to where it can be backed up',
      },
    });
    const slips = await restore({ only: ['service:catalog', 'service:oders'] });
    expect(slips.fault).toMatchObject({
      message: `Set ${set} cannot be restored, so nothing was touched.\n1. Chosen entities: The set does not hold what was chosen: service oders (did you mean service:orders?).`,
      hint: 'If so, ask again for service:catalog,service:orders.',
    });
    // It is the first step that refuses: no safety backup was begun.
    expect(slips.steps['preflight']?.status).toBe('pending');
    const sets = await readdir(join(world.destination, 'production'));
    expect(sets.filter((name) => name.endsWith(`-${slips.id}`))).toEqual([]);

    await ask(admin(), 'PATCH', '/services/catalog', { retries: 9 });
    await ask(admin(), 'PATCH', '/services/orders', { retries: 9 });
    const retries = async (service: string): Promise<unknown> =>
      ((await ask(admin(), 'GET', `/services/${service}`)).body as { retries: number }).retries;
    const waiting = await restore({ only: ['service:catalog'] });
    expect(waiting.fault).toBeUndefined();
    // The route that was deleted belongs to the service and comes back; the new one stays.
    expect(waiting.steps['diff-declarative']?.outputs).toMatchObject({
      changes: [
        { kind: 'services', created: 0, updated: 1, deleted: 0, names: ['catalog'] },
        { kind: 'routes', created: 1, updated: 0, deleted: 0, names: ['catalog-v1'] },
      ],
      approversMore: 0,
    });
    const held = await world.play(await world.approve(waiting));
    expect(held.hold?.fault).toBeUndefined();
    expect([await through(0, '/api/v1/catalog'), await through(0, '/new')]).toEqual([200, 200]);
    expect([await retries('catalog'), await retries('orders')]).toEqual([3, 9]);
    // What others changed meanwhile is none of this run's business.
    await ask(admin(), 'PATCH', '/services/orders', { retries: 8 });
    expect((await rollBack(held)).outcome).toBe('rolled-back');
    expect([await retries('catalog'), await retries('orders')]).toEqual([9, 8]);
    expect(await through(0, '/api/v1/catalog')).toBe(404);
  });

  it('where the bot does not reach the database names the logins whose passwords people must set', async () => {
    const core = await world.another({ gateway: { database: undefined } });
    const broken = await login();
    const asked = await core.operations.requestRestore(
      { gateway: 'production', set, strategy: 'declarative', delivery: { key: 'no database' } },
      inSlack(ALICE),
    );
    if (!asked.ok) throw new Error(asked.refusal.message);
    const waiting = await world.play(asked.run, core);
    const names = [`${String(broken?.['username'])} of ${String(broken?.['username'])}`];
    expect(waiting.steps['diff-declarative']?.outputs).toMatchObject({ passwordsByHand: names });
    await world.approve(await world.play(await world.approve(waiting, BOB), core), CAROL);
    const held = await world.play(waiting.id, core);
    expect(held.hold?.fault).toBeUndefined();
    expect(held.steps['read-back']?.outputs).toEqual({ workspaces: ['default'], passwordsByHand: names });
    expect(await login()).toEqual(broken);
    expect((await rollBack(held)).outcome).toBe('rolled-back');
  });

  it('is refused before anything is touched where it cannot be right', async () => {
    const root = (await ask(admin(), 'GET', '/')).body as { configuration: object };
    const configured = (change: object): object => ({ ...root, configuration: { ...root.configuration, ...change } });
    const asRoot = (body: object): unknown => faults()?.respond('GET', /^\/$/, 200, { times: 2, body });
    const touched = world.nodes[0]?.requests.length ?? 0;

    await world.sql(`UPDATE schema_meta SET pending = ARRAY['999_half'] WHERE subsystem = 'core'`);
    asRoot({ ...root, version: '3.8.0' });
    const run = await restore();
    await world.sql(`UPDATE schema_meta SET pending = '{}' WHERE subsystem = 'core'`);
    faults()?.clear();
    expect(run.fault).toMatchObject({
      code: 'restore-refused',
      message:
        `Set ${set} cannot be restored, so nothing was touched.` +
        '\n1. Kong: The set is of Kong 3.9.1 (community), and the gateway runs Kong 3.8.0 (community).' +
        '\n2. Migrations of the gateway: The gateway is in the middle of a migration: core (999_half).',
      hint:
        '1. Restore a set of the version that runs, or install the version of the set first.' +
        '\n2. Let it end with "kong migrations finish", or restore the database of a set from before it.',
    });

    asRoot(configured({ database: 'off' }));
    expect((await restore()).fault).toMatchObject({
      message: `Set ${set} cannot be restored, so nothing was touched.\n1. Kong takes changes: This Kong runs without a database, so its Admin API takes no changes.`,
      hint: 'Give the address of a control plane or of a node with a database, or restore its declarative file with its files.',
    });
    faults()?.clear();
    expect(world.nodes[0]?.requests.slice(touched).filter(({ method }) => method !== 'GET')).toEqual([]);
  });
});
