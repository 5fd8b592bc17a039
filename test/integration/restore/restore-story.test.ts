import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateOf } from '../../../src/runs/next.ts';
import { need } from '../../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { ask } from '../../support/kong/stand-in-kong.ts';
import { BOB, inSlack } from '../../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql');

describe.skipIf(!tools)('a database restore, from change to change back', () => {
  let world: RestoreWorld;
  let set: string;
  beforeAll(async () => {
    world = await openRestoreWorld();
    set = await world.backup();
  });
  afterAll(() => world.end());

  const through = async (node: number, path: string, headers: Record<string, string> = {}) =>
    (await fetch(`${world.nodes[node]?.proxyUrl}${path}`, { headers })).status;

  it('goes live after a go, and is proven on every node', async () => {
    const [node] = world.nodes;
    await ask(node?.url ?? '', 'DELETE', '/routes/catalog-v1');
    await ask(node?.url ?? '', 'POST', '/services/catalog/routes', { name: 'new-route', paths: ['/new'] });
    expect([await through(0, '/api/v1/catalog'), await through(1, '/new')]).toEqual([404, 200]);

    const waiting = await world.play(await world.request({ set }));
    expect(waiting.fault).toBeUndefined();
    expect(waiting.steps['preview-change']?.outputs).toMatchObject({
      changes: [{ kind: 'routes', created: 1, updated: 0, deleted: 1 }],
      approversMore: 0,
    });
    expect(stateOf(waiting)).toBe('waiting');
    const held = await world.play(await world.approve(waiting));
    expect(held.steps['prove-restore']).toMatchObject({ status: 'succeeded' });
    expect(held.hold?.fault).toBeUndefined();
    expect(stateOf(held)).toBe('holding');
    expect(held.steps['prove-restore']?.outputs).toEqual({
      nodes: ['kong-1', 'kong-2'].map((name) => ({
        node: name,
        purged: true,
        proven: ['route catalog-v1 is found again', 'route new-route is gone'],
      })),
      restartByHand: [],
    });
    expect([await through(0, '/api/v1/catalog'), await through(1, '/new')]).toEqual([200, 404]);
    expect((await world.databases()).length).toBe(2);
  });

  it('and back, as any operator asks; then the gateway is locked until the cause is known', async () => {
    const [run] = await world.core.store.findRuns({ gateway: 'production', active: true, limit: 1 });
    const answer = await world.core.operations.rollback(run?.id ?? '', 'the change was wanted', inSlack(BOB));
    expect(answer.ok).toBe(true);
    const back = await world.play(run?.id ?? '');
    expect(back.outcome).toBe('rolled-back');
    expect([await through(0, '/api/v1/catalog'), await through(1, '/new')]).toEqual([404, 200]);
    expect(await world.databases()).toEqual([world.database]);
  });
});
