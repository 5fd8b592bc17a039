import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { need } from '../../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { ask } from '../../support/kong/stand-in-kong.ts';
import { ALICE, BOB, CAROL, inSlack } from '../../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql') && need('deck');

/** The declarative files alone are backed up: the rest has tests of its own. */
const BARE = { database: undefined, files: undefined };

describe.skipIf(!tools)('a declarative restore of a gateway with workspaces', () => {
  let world: RestoreWorld;
  beforeAll(async () => {
    world = await openRestoreWorld({ edition: 'enterprise', nodes: 1, gateway: BARE });
  });
  afterAll(() => world.end());

  it('goes workspace by workspace, makes those that are gone, and empties them again on its way back', async () => {
    const admin = world.nodes[0]?.url ?? '';
    const services = async (workspace: string): Promise<string[]> => {
      const { status, body } = await ask(admin, 'GET', `/${workspace}/services`);
      return status === 200 ? (body as { data: { name: string }[] }).data.map(({ name }) => name).toSorted() : ['gone'];
    };
    for (const name of ['team-a', 'team-b']) {
      await ask(admin, 'POST', '/workspaces', { name });
      await ask(admin, 'POST', `/${name}/services`, { name: `of-${name}`, host: `${name}.internal` });
    }
    const set = await world.backup();
    await ask(admin, 'DELETE', '/team-a/services/of-team-a');
    await ask(admin, 'POST', '/team-a/services', { name: 'strange', host: 'strange.internal' });
    await world.sql(`DELETE FROM services WHERE name = 'of-team-b'; DELETE FROM workspaces WHERE name = 'team-b'`);

    const part = await world.another({ gateway: { ...BARE, declarative: { select_tags: ['staging'] } } });
    const tagged = await part.operations.requestRestore(
      { gateway: 'production', set, strategy: 'declarative', delivery: { key: 'tagged' } },
      inSlack(ALICE),
    );
    if (!tagged.ok) throw new Error(tagged.refusal.message);
    expect((await world.play(tagged.run, part)).fault).toEqual({
      code: 'no-way-back',
      message:
        'The safety backup of this run holds only entities tagged staging of workspace default, and a sync of the set would change others too. Nothing was changed.',
      hint: 'Take declarative.select_tags of this gateway out of the configuration, then restore again.',
    });

    // Bob may vote, so whatever he asks for has one approver less.
    const alone = await world.core.operations.requestRestore(
      { gateway: 'production', set, strategy: 'declarative', delivery: { key: 'by an approver' } },
      inSlack(BOB),
    );
    if (!alone.ok) throw new Error(alone.refusal.message);
    expect((await world.play(alone.run)).fault).toEqual({
      code: 'too-few-approvers',
      message:
        'The sync deletes, or touches consumers, credentials, certificates or plugins that authenticate, so 2 people must say go; only 1 can beside whoever asked. Nothing was changed.',
      hint: 'Let somebody ask who is no approver, add people to the group, or restore chosen entities alone (--only).',
    });

    const narrow = await world.another({ gateway: { ...BARE, workspaces: ['default'] } });
    const request = { gateway: 'production', set, strategy: 'declarative' as const, delivery: { key: 'narrow' } };
    const refused = await narrow.operations.requestRestore(request, inSlack(ALICE));
    if (!refused.ok) throw new Error(refused.refusal.message);
    expect((await world.play(refused.run, narrow)).fault).toEqual({
      code: 'no-way-back',
      message:
        'The safety backup of this run holds no declarative file of workspace team-a, so a sync of it could not be undone. Nothing was changed.',
      hint: 'Let decK be on the worker and the workspace in the configuration of this gateway ("workspaces"), then restore again.',
    });

    const waiting = await world.play(await world.request({ set, strategy: 'declarative' }));
    expect(waiting.fault).toBeUndefined();
    expect(waiting.steps['diff-declarative']?.outputs).toMatchObject({
      changes: [
        { kind: 'services', created: 2, updated: 0, deleted: 1 },
        { kind: 'workspaces', created: 1, names: ['team-b'] },
      ],
      workspaces: ['default', 'team-a', 'team-b'],
      newWorkspaces: ['team-b'],
    });
    const once = await world.play(await world.approve(waiting, BOB));
    world.nodes[0]?.faults.respond('PUT', /^\/team-b\/services/, 400, { times: 9, body: { message: 'no' } });
    const held = await world.play(await world.approve(once, CAROL));
    world.nodes[0]?.faults.clear();
    expect(held.hold?.fault?.message).toMatch(
      /^The gateway is half restored: 1 of 2 changes of workspace team-b were made, 1 were not: .* Done before it: default, team-a\.$/,
    );
    expect([await services('team-a'), await services('team-b')]).toEqual([['of-team-a'], []]);
    const asked = await world.core.operations.rollback(held.id, 'back again please', inSlack(BOB));
    expect(asked.ok).toBe(true);
    const back = await world.play(held.id);
    expect(back.outcome).toBe('rolled-back');
    expect([await services('team-a'), await services('team-b')]).toEqual([['strange'], []]);
    await world.core.operations.unlock('production', 'it was only a test', inSlack(BOB));
  });
});
