import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateOf } from '../../../src/runs/next.ts';
import { need } from '../../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { ask } from '../../support/kong/stand-in-kong.ts';
import { BOB, inSlack } from '../../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql');

describe.skipIf(!tools)('what a proof is for', () => {
  let world: RestoreWorld;
  let set: string;
  let key: string;
  beforeAll(async () => {
    world = await openRestoreWorld({
      nodes: 1,
      restore: {
        proof: {
          path: '/api/v1/orders',
          host: 'shop.example.com',
          credential: { header: 'apikey', value: { env: 'PROOF_KEY' } },
        },
        smoke: [{ path: '/api/v1/orders', host: 'shop.example.com', expect_status: 401 }],
      },
      env: { PROOF_KEY: 'key-of-the-proof' },
    });
    const [admin] = world.nodes;
    await ask(admin?.url ?? '', 'POST', '/consumers/mobile-app/key-auth', { key: 'key-of-the-proof' });
    set = await world.backup();
  });
  afterAll(() => world.end());

  const admin = (): string => world.nodes[0]?.url ?? '';
  const orders = async (apikey?: string): Promise<number> => {
    const { request } = await import('undici');
    const headers = { host: 'shop.example.com', ...(apikey === undefined ? {} : { apikey }) };
    const answer = await request(`${world.nodes[0]?.proxyUrl}/api/v1/orders`, { headers });
    await answer.body.dump();
    return answer.statusCode;
  };

  it('without the purge a node goes on with the credentials it remembers, and the restore does not pass for good', async () => {
    const [credential] = (
      (await ask(admin(), 'GET', '/key-auths')).body as { data: { id: string; key: string }[] }
    ).data.filter((one) => one.key === 'key-of-the-proof');
    await ask(admin(), 'DELETE', `/key-auths/${credential?.id}`);
    // The node now remembers that there is no such key.
    expect(await orders('key-of-the-proof')).toBe(401);
    const waiting = await world.play(await world.request({ set }));
    // Kong says yes and forgets nothing.
    world.nodes[0]?.faults.respond('DELETE', /^\/cache/, 204, { body: undefined });
    const held = await world.play(await world.approve(waiting));
    expect(stateOf(held)).toBe('holding');
    expect(held.hold?.fault).toEqual({
      code: 'restore.not-proven',
      message:
        'The restored database is live, but not every node serves it: ' +
        'kong-1 (the configured credential is admitted on /api/v1/orders: HTTP 401).',
      hint: 'Restart these nodes and look again, then close the run; or roll it back.',
    });
    await world.core.operations.rollback(held.id, 'not proven', inSlack(BOB));
    // The configured credential does not exist in the state before: that is no reason to be stuck there.
    expect((await world.play(held.id)).outcome).toBe('rolled-back');
    await world.core.operations.unlock('production', 'the node kept its cache', inSlack(BOB));
  });

  it('with it, route and credential are proven, and a key that came since is refused although it was in use', async () => {
    await ask(admin(), 'POST', '/consumers/mobile-app/key-auth', { key: 'came-since' });
    expect(await orders('came-since')).toBe(200);
    const waiting = await world.play(await world.request({ set }));
    const held = await world.play(await world.approve(waiting));
    expect(held.hold?.fault).toBeUndefined();
    expect(held.steps['prove-restore']?.outputs).toEqual({
      nodes: [
        {
          node: 'kong-1',
          purged: true,
          proven: [
            '/api/v1/orders asks for a credential',
            'the configured credential is admitted on /api/v1/orders',
            '/api/v1/orders answers 401',
            'an API key that is gone is refused on route orders-v1',
          ],
        },
      ],
      restartByHand: [],
    });
    expect([await orders(), await orders('key-of-the-proof'), await orders('came-since')]).toEqual([401, 200, 401]);
    key = JSON.stringify(await world.core.store.load(held.id));
    expect(key).not.toContain('key-of-the-proof');
    expect(key).not.toContain('came-since');
  });
});
