import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../src/backup/set/manifest.ts';
import { Checklist } from '../../../src/steps/preflight/checklist.ts';
import { DECLARATIVE_NEEDS } from '../../../src/steps/restore/declarative/check-declarative.ts';
import { declarativeOf } from '../../../src/steps/restore/declarative/source.ts';

const manifest = (...artifacts: object[]): Manifest => ({ artifacts }) as unknown as Manifest;
const file = (workspace: string) => ({
  kind: 'declarative',
  name: `declarative-${workspace}.yaml`,
  facts: { workspace },
});

describe('a set for a declarative restore', () => {
  it('has a file for each workspace; RBAC and whatever else decK dumped is none of them', () => {
    const set = manifest(file('default'), file('team-a'), {
      kind: 'rbac',
      name: 'rbac.yaml',
      facts: { workspace: 'default' },
    });
    expect([...declarativeOf(set)].map(([workspace, { name }]) => [workspace, name])).toEqual([
      ['default', 'declarative-default.yaml'],
      ['team-a', 'declarative-team-a.yaml'],
    ]);
    const list = new Checklist();
    DECLARATIVE_NEEDS.content(list, set);
    expect(list.passed()).toEqual([{ name: 'Declarative files', detail: 'of default, team-a' }]);
  });

  it('without any is refused', () => {
    const list = new Checklist();
    DECLARATIVE_NEEDS.content(list, manifest({ kind: 'database', name: 'database.tar.zst', facts: {} }));
    expect(list.failed()).toMatchObject([
      {
        name: 'Declarative files',
        fault: {
          code: 'no-declarative',
          message: 'The set holds no declarative file.',
          hint: 'Restore another set, or restore the database of this one.',
        },
      },
    ]);
  });
});
