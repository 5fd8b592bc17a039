import { expect, it } from 'vitest';
import type { Manifest } from '../../../src/backup/set/manifest.ts';
import { setLines } from '../../../src/cli/show/set.ts';

const MANIFEST = {
  set: 'production-20261121T0740Z-B-142',
  gateway: 'production',
  environment: 'production',
  runId: 'B-142',
  requestedBy: 'T01/U01ALICE',
  approvedBy: [],
  createdAt: '2026-11-21T07:45:00.000Z',
  signedBy: 'a'.repeat(64),
  kong: { version: '3.9.1', edition: 'community', databaseKind: 'postgres', workspaces: ['default'] },
  encryption: 'none',
  artifacts: [],
} as unknown as Manifest;
const gap = (what: string, more: object = {}) => ({ kind: 'keys', count: 1, what, why: 'because', ...more });
const shown = (gaps: readonly object[]): string =>
  setLines({ ...MANIFEST, gaps } as Manifest, '/srv/sets', new Date('2026-11-21T08:00:00Z')).join('\n');

it('tells what is nowhere in a set apart from what its dump alone holds, as the card does', () => {
  expect(shown([gap('the keyring'), gap('2 keys', { onlyIn: 'database' })])).toContain(
    'Not in the set:\n  the keyring (because)\nOnly in the database dump:\n  2 keys (because)',
  );
  expect(shown([gap('2 keys', { onlyIn: 'database' })])).toContain(
    'Complete: nothing on the gateway is missing from it.\nOnly in the database dump:\n  2 keys (because)',
  );
  // Said by a line of its own.
  expect(shown([gap('encryption', { kind: 'encryption' })])).not.toContain('Not in the set');
});
