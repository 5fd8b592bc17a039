import { expect, it } from 'vitest';
import type { StepContext } from '../../../src/engine/ports.ts';
import { proveNodes } from '../../../src/steps/restore/prove.ts';
import type { RestoreDeps } from '../../../src/steps/restore/deps.ts';

it('a node that was not asked says whether its proxy is not known or no answer would tell', async () => {
  const nodes = [
    { name: 'kong-1', proxy_url: 'http://127.0.0.1:1', reload: 'none' },
    { name: 'kong-2', reload: 'none' },
  ];
  const deps = { gateway: { name: 'production', nodes } } as unknown as RestoreDeps;
  const context = { run: { steps: {} } } as unknown as StepContext;
  expect(await proveNodes(deps, context, { probes: [], after: 'reload-nodes' })).toEqual({
    nodes: [
      { node: 'kong-1', purged: false, proven: [], unasked: 'no-request' },
      { node: 'kong-2', purged: false, proven: [], unasked: 'no-proxy' },
    ],
    restartByHand: [],
  });
});
