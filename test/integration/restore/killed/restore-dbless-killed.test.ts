import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Run } from '../../../../src/runs/run.ts';
import { diesAtWork } from '../../../support/crash/doomed-workers.ts';
import { acts, LOOKS, type Fates } from '../../../support/crash/fates.ts';
import { tellTwice } from '../../../support/crash/tell-restore.ts';
import { type DblessWorld, openDblessWorld } from '../../../support/kong/dbless-world.ts';
import { ask } from '../../../support/kong/stand-in-kong.ts';
import { BOB, inSlack } from '../../../support/story.ts';

/** The safety backup dies as every backup, in the crash tests. */
const FATES: Fates = {
  'diff-dbless': LOOKS,
  // One node has it, the other not.
  'load-dbless': acts(/^POST \/config/),
  'read-back-dbless': LOOKS,
  'load-dbless-back': acts(/^POST \/config/),
  'read-back-dbless-undo': LOOKS,
};

const text = (path: string): string =>
  [
    '_format_version: "2.1"',
    'services:',
    '- name: catalog',
    '  host: upstream.test',
    `  routes: [{name: ${path.slice(1)}, paths: ["${path}"]}]`,
    'consumers:',
    '- username: alice',
    '  basicauth_credentials: [{username: alice, password: alice-pass}]',
  ].join('\n');

describe('workers that die around each step of a restore of nodes without a database', () => {
  let world: DblessWorld;
  let set: string;
  beforeAll(async () => {
    world = await openDblessWorld('3.9.1', { limits: { step_attempts: 10 } });
    for (const node of [0, 1]) await world.load(node, text('/old'));
    set = await world.backup();
    for (const node of [0, 1]) await world.load(node, text('/new'));
  });
  afterAll(() => world?.end());

  const through = async (path: string) =>
    await Promise.all(world.nodes.map(async ({ proxyUrl }) => (await fetch(`${proxyUrl}${path}`)).status));
  const passwords = async (node: number): Promise<readonly string[]> => {
    const { body } = await ask(world.nodes[node]?.url ?? '', 'GET', '/basic-auths');
    return (body as { data: { password: string }[] }).data.map(({ password }) => password);
  };
  const look = async ({ outcome }: Run): Promise<unknown> => ({
    old: await through('/old'),
    new: await through('/new'),
    passwords: [...(await passwords(0)), ...(await passwords(1))],
    // What was before is loaded as its safety backup has it, with the seconds of its own.
    ...(outcome === undefined && { hashes: [await world.hash(0), await world.hash(1)] }),
  });

  it('leave every node with the saved configuration, and with the one before once it is taken back', async () => {
    const asked = { set };
    const hashed = [...(await passwords(0)), ...(await passwords(1))];
    expect(hashed[0]).toMatch(/^[0-9a-f]{40}$/);
    const { calm, killed } = await tellTwice(world, { asked, fates: FATES, look });
    expect(calm).toMatchObject({ state: 'holding', outcome: 'rolled-back', gates: ['go'] });
    expect(calm.fault).toBeUndefined();
    expect(calm.live).toMatchObject({ old: [200, 200], new: [404, 404], passwords: hashed });
    expect(calm.back).toMatchObject({ old: [404, 404], new: [200, 200], passwords: hashed });
    expect(killed).toEqual(calm);
  });

  it('leave one node with it and the other without, and both as before once people take that back', async () => {
    const waiting = await world.play(await world.request({ set }));
    const { id } = await world.approve(waiting);
    expect(await diesAtWork(id, { 'load-dbless': [/^POST \/config/] }, world.env)).toBe(true);
    expect([await through('/old'), await through('/new')]).toEqual([
      [200, 404],
      [404, 200],
    ]);
    await world.core.operations.rollback(id, 'it takes too long', inSlack(BOB));
    expect((await world.play(waiting)).outcome).toBe('rolled-back');
    expect([await through('/old'), await through('/new')]).toEqual([
      [404, 404],
      [200, 200],
    ]);
  });
});
