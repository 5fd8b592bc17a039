import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateOf } from '../../../src/runs/next.ts';
import { need } from '../../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { ask } from '../../support/kong/stand-in-kong.ts';
import { BOB, CAROL, inSlack } from '../../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql') && need('deck');

describe.skipIf(!tools)('a declarative restore, from change to change back', () => {
  let world: RestoreWorld;
  let set: string;
  beforeAll(async () => {
    world = await openRestoreWorld();
    set = await world.backup();
  });
  afterAll(() => world.end());

  const admin = (): string => world.nodes[0]?.url ?? '';
  const through = async (node: number, path: string, headers: Record<string, string> = {}) =>
    (await fetch(`${world.nodes[node]?.proxyUrl}${path}`, { headers })).status;

  it('goes live after two say go, because it deletes, and is read back and proven', async () => {
    await ask(admin(), 'DELETE', '/routes/catalog-v1');
    await ask(admin(), 'POST', '/services/catalog/routes', { name: 'new-route', paths: ['/new'] });
    expect([await through(0, '/api/v1/catalog'), await through(1, '/new')]).toEqual([404, 200]);

    const waiting = await world.play(await world.request({ set, strategy: 'declarative' }));
    expect(waiting.fault).toBeUndefined();
    expect(waiting.steps['diff-declarative']?.outputs).toMatchObject({
      changes: [{ kind: 'routes', created: 1, updated: 0, deleted: 1, names: ['catalog-v1', 'new-route'] }],
      approversMore: 1,
      workspaces: ['default'],
      passwordsByHand: [],
    });
    expect(stateOf(waiting)).toBe('waiting');
    const once = await world.play(await world.approve(waiting, BOB));
    expect(stateOf(once)).toBe('waiting');
    const held = await world.play(await world.approve(once, CAROL));
    expect(held.hold?.fault).toBeUndefined();
    expect(stateOf(held)).toBe('holding');
    expect([await through(0, '/api/v1/catalog'), await through(1, '/new')]).toEqual([200, 404]);
  });

  it('and back, as any operator asks', async () => {
    const [run] = await world.core.store.findRuns({ gateway: 'production', active: true, limit: 1 });
    const answer = await world.core.operations.rollback(run?.id ?? '', 'the change was wanted', inSlack(BOB));
    expect(answer.ok).toBe(true);
    const back = await world.play(run?.id ?? '');
    expect(back.outcome).toBe('rolled-back');
    expect([await through(0, '/api/v1/catalog'), await through(1, '/new')]).toEqual([404, 200]);
  });
});
