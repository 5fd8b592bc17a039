import { afterAll, expect, it } from 'vitest';
import type { CliPorts } from '../../../src/cli/ports.ts';
import { realPorts } from '../../../src/cli/wiring.ts';
import type { Operations, RestoreRequest } from '../../../src/engine/ports.ts';
import { refuse } from '../../../src/runs/refusal.ts';
import { ran, testConfig, testTerminal, type Ran } from '../../support/cli.ts';

const config = testConfig('postgres://nobody@127.0.0.1:1/nothing');
afterAll(() => config.remove());

/** The command line before operations that answer no and keep what they were asked. */
async function asked(...args: string[]): Promise<Ran & { readonly request: RestoreRequest | undefined }> {
  let request: RestoreRequest | undefined;
  const operations = {
    requestRestore: (given: RestoreRequest) => {
      request = given;
      return Promise.resolve({ ok: false, refusal: refuse('no', 'No', 'Never') });
    },
  } as unknown as Operations;
  const ports: Partial<CliPorts> = {
    ...realPorts,
    connect: async () => ({ operations, close: async () => undefined }),
  };
  return { ...(await ran(args, testTerminal({ env: config.env, systemUser: 'alice' }), ports)), request };
}

it('a declarative restore of chosen entities is asked for as it was typed', async () => {
  const typed = ['--strategy', 'declarative', '--only', 'service:catalog, consumer:alice,', '--confirm', 'production'];
  const { code, request } = await asked('restore', 'production', ...typed);
  expect(code).toBe(4);
  expect(request).toMatchObject({
    gateway: 'production',
    set: 'latest-verified',
    strategy: 'declarative',
    safety: 'backup',
    only: ['service:catalog', 'consumer:alice'],
  });
});

it('without --only everything is meant', async () => {
  const { request } = await asked('restore', 'production', '--strategy', 'declarative', '--confirm', 'production');
  expect(request).toBeDefined();
  expect(request).not.toHaveProperty('only');
});
