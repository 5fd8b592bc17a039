import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRestoreWorld, type RestoreWorld } from '../../../support/backup/restore-world.ts';
import { ask } from '../../../support/kong/stand-in-kong.ts';
import { need } from '../../../support/need.ts';
import { ALICE, BOB, CAROL, inSlack } from '../../../support/story.ts';
import { openGate } from '../../../../src/runs/rules/gate.ts';
import type { Run } from '../../../../src/runs/run.ts';

/** The declarative files alone are backed up: the rest has tests of its own. */
const BARE = { database: undefined, files: undefined };

/** What people may call a consumer, and decK takes for a template, a path or the end of a line. */
const NAME = 'of "team"/a %2F: ü 😀 ${{ env "HOME" }}';
/** decK writes it without quotes, and as numbers both are the same. */
const [RIGHT, WRONG] = ['0x52908400098527886E0F7030069857D2E4169EE7', '0x52908400098527886E0F7030069857D2E4169EE8'];
const TAGS = ['1e400', 'one\u2028services: []', '  ', 'null', '010'];

describe.skipIf(!(need('psql') && need('deck')))('a declarative restore of odd entities', () => {
  let world: RestoreWorld;
  let set: string;
  let consumer: string;
  const admin = (): string => world.nodes[0]?.url ?? '';
  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await ask(admin(), 'GET', path)).body as Record<string, unknown>;
  const owner = async (): Promise<unknown> => {
    const { service } = await get('/routes/catalog-v1');
    return (await get(`/services/${(service as { id: string }).id}`))['name'];
  };
  const restored = async (more: object = {}): Promise<Run> => {
    let run = await world.play(await world.request({ set, strategy: 'declarative', ...more }));
    expect(run.fault).toBeUndefined();
    for (const person of [BOB, CAROL]) {
      if (openGate(run) !== undefined) run = await world.play(await world.approve(run, person));
    }
    return run;
  };
  const closed = async (run: Run): Promise<void> => {
    await world.core.operations.close(run.id, { drop: false }, inSlack(ALICE));
    await world.play(run.id);
  };

  beforeAll(async () => {
    world = await openRestoreWorld({ nodes: 1, gateway: BARE });
    const made = await ask(admin(), 'POST', '/consumers', { username: NAME, custom_id: RIGHT, tags: TAGS });
    consumer = `/consumers/${(made.body as { id: string }).id}`;
    set = await world.backup();
  });
  afterAll(() => world.end());

  it('brings back what was only moved, and texts that look like numbers, to the last digit', async () => {
    const { id } = await get('/services/orders');
    await ask(admin(), 'PATCH', '/routes/catalog-v1', { service: { id } });
    await ask(admin(), 'PATCH', consumer, { custom_id: WRONG });
    const held = await restored();
    expect(held.steps['diff-declarative']?.outputs).toMatchObject({
      changes: [
        { kind: 'routes', created: 0, updated: 1, deleted: 0, names: ['catalog-v1'] },
        { kind: 'consumers', created: 0, updated: 1, deleted: 0, names: [NAME] },
      ],
    });
    expect(held.hold?.fault).toBeUndefined();
    expect(held.steps['sync-declarative']?.outputs).toMatchObject({ changed: 2 });
    expect([await owner(), (await get(consumer))['custom_id']]).toEqual(['catalog', RIGHT]);
    await closed(held);
  });

  it('brings back one of them alone, by its name, as it was', async () => {
    await ask(admin(), 'PATCH', consumer, { custom_id: WRONG, tags: ['another'] });
    const held = await restored({ only: [`consumer:${NAME}`] });
    expect(held.hold?.fault).toBeUndefined();
    expect(await get(consumer)).toMatchObject({ username: NAME, custom_id: RIGHT, tags: TAGS });
    await closed(held);
  });

  it('takes away on its way back only what it brought, also where a list was read short', async () => {
    const upstreams = async (): Promise<unknown> => ((await get('/upstreams')) as { data: unknown[] }).data.length;
    const before = await upstreams();
    await ask(admin(), 'DELETE', '/routes/catalog-v1');
    const held = await restored({ only: ['service:catalog'] });
    expect(held.hold?.fault).toBeUndefined();
    // The next to read this list is the dump of the way back: it sees none, where decK's own look then finds some.
    world.nodes[0]?.faults.respond('GET', /^\/upstreams\?/, 200, { body: { data: [], next: null } });
    const asked = await world.core.operations.rollback(held.id, 'back again please', inSlack(BOB));
    expect(asked.ok).toBe(true);
    const back = await world.play(held.id);
    expect([back.outcome, back.steps['sync-back']?.attempt, await upstreams()]).toEqual(['rolled-back', 2, before]);
    expect((await ask(admin(), 'GET', '/routes/catalog-v1')).status).toBe(404);
    const tried = (await world.core.store.load(held.id)).filter(({ type }) => type === 'step.interrupted');
    expect(tried).toMatchObject([
      {
        data: {
          step: 'sync-back',
          fault: {
            code: 'selection-deletes',
            message: expect.stringMatching(
              /^To restore what was chosen alone, (?:target \S+ for upstream \S+, ){3}upstream orders-upstream would have to be deleted\. Nothing was changed\.$/,
            ) as string,
            hint: 'Somebody changed the gateway just now, or an entity was made again under another id: look at it, then ask again.',
          },
        },
      },
    ]);
  });
});
