import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateOf } from '../../../src/runs/next.ts';
import type { Run } from '../../../src/runs/run.ts';
import { type DblessWorld, openDblessWorld } from '../../support/kong/dbless-world.ts';
import { ask, VERSIONS } from '../../support/kong/stand-in-kong.ts';
import { BOB, inSlack } from '../../support/story.ts';

const text = (paths: readonly string[], more = ''): string =>
  [
    '_format_version: "2.1"',
    'services:',
    '- name: catalog',
    '  host: upstream.test',
    '  routes:',
    ...paths.map((path) => `  - {name: ${path.slice(1)}, paths: ["${path}"]}`),
    'consumers:',
    '- username: alice',
    '  basicauth_credentials: [{username: alice, password: alice-pass}]',
    '  keyauth_credentials: [{key: secret-of-alice}]',
    more,
  ].join('\n');

describe.each(VERSIONS)('a restore of nodes without a database, Kong %s', (version) => {
  let world: DblessWorld;
  let set: string;
  beforeAll(async () => {
    world = await openDblessWorld(version);
    for (const node of [0, 1]) await world.load(node, text(['/old', '/both']));
    set = await world.backup();
    for (const node of [0, 1]) await world.load(node, text(['/new', '/both']));
  });
  afterAll(() => world?.end());

  const through = async (node: number, path: string) => (await fetch(`${world.nodes[node]?.proxyUrl}${path}`)).status;
  const password = async (node: number) =>
    ((await ask(world.nodes[node]?.url ?? '', 'GET', '/basic-auths')).body as { data: { password: string }[] }).data[0]
      ?.password;
  const unlock = async (run: Run) => {
    await world.core.operations.rollback(run.id, 'made for a test', inSlack(BOB));
    const back = await world.play(run);
    await world.core.operations.unlock('edge', 'it was made for a test', inSlack(BOB));
    return back;
  };

  it('shows what would change, loads every node, proves it, and goes back', async () => {
    const hashed = await password(0);
    const before = await world.hash(0);
    const waiting = await world.play(await world.request({ set }));
    expect(waiting.fault).toBeUndefined();
    expect(stateOf(waiting)).toBe('waiting');
    // It deletes a route, so one person more is asked.
    expect(waiting.steps['diff-dbless']?.outputs).toMatchObject({
      changes: [{ kind: 'routes', created: 1, updated: 0, deleted: 1, names: ['old', 'new'] }],
      approversMore: 1,
      nodes: [
        { node: 'edge-1', present: before },
        { node: 'edge-2', present: before },
      ],
    });
    const held = await world.play(await world.approve(waiting));
    expect(held.hold?.fault).toBeUndefined();
    expect(stateOf(held)).toBe('holding');
    for (const node of [0, 1]) expect([await through(node, '/old'), await through(node, '/new')]).toEqual([200, 404]);
    expect(await password(1)).toBe(hashed);
    // Each its own: the seconds at which they were loaded are a part of what they show.
    const [one, two] = [await world.hash(0), await world.hash(1)];
    expect(waiting.steps['diff-dbless']?.outputs).toMatchObject({ nodes: [{ wanted: one }, { wanted: two }] });
    expect(held.steps['read-back-dbless']?.outputs).toMatchObject({
      nodes: [{ node: 'edge-1', proven: expect.arrayContaining(['route old is found again']) as string[] }, {}],
    });
    expect(JSON.stringify(await world.core.store.load(held.id))).not.toMatch(/secret-of-alice|alice-pass/);

    const back = await unlock(held);
    expect(back.outcome).toBe('rolled-back');
    for (const node of [0, 1]) expect([await through(node, '/old'), await through(node, '/new')]).toEqual([404, 200]);
    expect(await password(1)).toBe(hashed);
  });

  it('says where Kong refuses it, without a word of what stands there, and which nodes have it', async () => {
    const waiting = await world.play(await world.request({ set }));
    world.nodes[1]?.faults.respond('POST', /^\/config/, 400, {
      body: {
        message: 'declarative config is invalid: {keyauth_credentials={{key="secret-of-alice"}}}',
        fields: { keyauth_credentials: [null, { key: "uniqueness violation: 'secret-of-alice'" }] },
        flattened_errors: undefined,
        code: 14,
      },
    });
    const held = await world.play(await world.approve(waiting));
    expect(held.hold?.fault).toEqual({
      code: 'dbless.half-done',
      message:
        'The gateway is half restored: edge-1 has the restored configuration, edge-2 not: Node edge-2 refused the configuration: wrong are keyauth_credentials[2].key. It serves what it served before.',
      hint: 'Roll this run back: that loads the configuration from before into every node again. Or remove the cause, close this run and restore again.',
    });
    expect([await through(0, '/old'), await through(1, '/old')]).toEqual([200, 404]);
    await unlock(held);
    expect([await through(0, '/new'), await through(1, '/new')]).toEqual([200, 200]);
  });

  it('goes on where it broke off, loads nothing twice, and asks nobody again', async () => {
    const waiting = await world.play(await world.request({ set }));
    world.nodes[1]?.faults.drop('POST', /^\/config/);
    const held = await world.play(await world.approve(waiting));
    expect(held.steps['load-dbless']).toMatchObject({ status: 'succeeded', attempt: 2 });
    expect(held.gates.map(({ status }) => status)).toEqual(['go']);
    const loads = world.nodes[0]?.requests.filter(({ path }) => path.startsWith('/config?check_hash=1')) ?? [];
    expect(loads.slice(-2).map(({ status }) => status)).toEqual([201, 304]);
    expect([await through(0, '/old'), await through(1, '/old')]).toEqual([200, 200]);
    await unlock(held);
  });

  it('asks people again when a node is given something else while they decide', async () => {
    const waiting = await world.play(await world.request({ set }));
    await world.load(1, text(['/newer', '/both']));
    const again = await world.play(await world.approve(waiting));
    expect(again.gates.map(({ status }) => status)).toEqual(['superseded', 'open']);
    expect(await through(0, '/new')).toBe(200);
    await world.core.operations.cancel(again.id, undefined, inSlack(BOB));
    await world.play(again);
  });

  it('is refused where it has no way back, a database, or a limit below its size', async () => {
    const root = (await ask(world.nodes[1]?.url ?? '', 'GET', '/')).body as { configuration: object };
    const other = (configuration: object): void => {
      const body = { ...root, configuration: { ...root.configuration, ...configuration } };
      world.nodes[1]?.faults.respond('GET', /^\/$/, 200, { times: 3, body });
    };
    other({ database: 'postgres' });
    const refused = await world.play(await world.request({ set, safety: 'kept-database' }));
    expect(refused.fault).toEqual({
      code: 'restore-refused',
      message:
        `Set ${set} cannot be restored, so nothing was touched.` +
        '\n1. Way back: A node without a database keeps no copy of what it has now.' +
        '\n2. Node edge-2: Node edge-2 has a database (postgres), and POST /config works only without one.',
      hint:
        '1. Ask with the safety "backup": the safety backup is what an undo loads again.' +
        '\n2. Restore the database, or the declarative files.',
    });
    world.nodes[1]?.faults.clear();
    other({ nginx_admin_client_max_body_size: '1k' });
    const large = await world.play(await world.request({ set }));
    world.nodes[1]?.faults.clear();
    expect(large.fault?.message).toMatch(
      /\n1\. Node edge-2: The configuration has [\d.]+ KB, and the Admin API of node edge-2 takes 1\.0 KB\.$/,
    );
    expect(large.fault?.hint).toBe(
      'Raise nginx_admin_client_max_body_size in its kong.conf and reload it, then try again.',
    );
  });
});
