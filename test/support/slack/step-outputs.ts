import type { JsonObject } from '../../../src/runs/json.ts';

const PLACES = [{ destination: 'main', path: '/var/backups/kong/production/B-142' }];
const GAP = { kind: 'keys', count: 3, what: '3 keys are not in the declarative file', why: 'decK knows no keys' };

/** What each step puts on record when a test plays it by hand. */
export function outputsOf(step: string): JsonObject {
  if (step === 'preflight') {
    const checks = [{ name: 'Admin API', detail: 'Kong 3.9.1 answers' }];
    return { checks, observed: { kongVersion: '3.9.1', database: 'd1' } };
  }
  if (step === 'publish-set')
    return { set: 'B-142', bytes: 40_163_000, manifestSha256: 'b'.repeat(64), gaps: [GAP], places: PLACES };
  if (step === 'verify-set') {
    return { set: 'B-142', verifiedAt: new Date().toISOString(), bytesRead: 40_163_000, places: PLACES };
  }
  return RESTORED[step] ?? { artifacts: [], gaps: [] };
}

const RESTORED: Readonly<Record<string, JsonObject>> = {
  'preview-change': {
    changes: [{ kind: 'routes', created: 1, updated: 0, deleted: 2, names: ['orders'] }],
    degradedMinutes: 1,
    approversMore: 0,
    observed: { set: 's1', configuration: 'c1' },
  },
  'swap-database': { live: 'kong', kept: 'kong_old' },
  'prove-restore': { nodes: [{ node: 'kong-1', proven: ['route orders is found'] }], restartByHand: [] },
};
