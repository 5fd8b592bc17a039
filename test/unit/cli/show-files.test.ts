import { describe, expect, it } from 'vitest';
import { fileLines } from '../../../src/cli/show/files.ts';
import { fold } from '../../../src/runs/evolve.ts';
import type { Run } from '../../../src/runs/run.ts';
import { did, events, planOf, requestedBody } from '../../support/story.ts';

function run(...steps: readonly (readonly [string, object])[]): Run {
  const plan = planOf(null);
  const [first] = plan.steps;
  if (first === undefined) throw new Error('a plan has steps');
  const planned = steps.map(([id]) => ({ ...first, id }));
  const bodies = steps.flatMap(([id, outputs]) => did(id, outputs as never));
  const told = fold(events([requestedBody({ ...plan, steps: planned }), ...bodies], 'R-7'));
  if (told === null) throw new Error('no run');
  return told;
}

describe('a restore in the terminal', () => {
  it('of files shows what differs, where they lie and what puts them into use', () => {
    const settings = [{ key: 'log_level', present: null, saved: 'notice' }];
    const files = [{ path: '/etc/kong/kong.conf', state: 'changed', secret: true, settings, fillIn: [] }];
    const diff = { counts: { same: 3, changed: 1, missing: 0 }, files };
    const place = { folder: '/r', commands: ["cp 'a' 'b'"], fillIn: ['pg_password'] };
    expect(fileLines(run(['diff-files', diff], ['place-files', place]))).toEqual([
      '  files of the set: 1 other than on the gateway, 0 missing there, 3 the same',
      '    /etc/kong/kong.conf: changed',
      '      log_level: notice (now not set)',
      '  written into /r; the files in use are as they were',
      '  fill in first, they are masked: pg_password',
      '  to put them into use, on the gateway:',
      "    cp 'a' 'b'",
    ]);
  });

  it('of nodes without a database shows what would change and every hash', () => {
    const changes = [{ kind: 'routes', created: 1, updated: 0, deleted: 2, names: ['a', 'b'] }];
    const nodes = [{ node: 'edge-1', present: 'aa', wanted: 'bb' }];
    expect(fileLines(run(['diff-dbless', { changes, nodes }]))).toEqual([
      '  would change against what the nodes had:',
      '    routes: 1 comes back, 2 are lost (a, b)',
      '    edge-1: configuration aa before, bb after',
    ]);
    expect(fileLines(run(['diff-dbless', { changes: [], nodes: [] }], ['load-dbless', {}]))).toEqual([
      '  changed against what the nodes had: nothing that configures the gateway',
    ]);
  });
});
