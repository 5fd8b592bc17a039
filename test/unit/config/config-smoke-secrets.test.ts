import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readConfig } from '../../../src/config/read.ts';

const folder = mkdtempSync(join(tmpdir(), 'kong-chatops-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FILE = `
slack: {team: T01ABC}
people: [{id: U01ALICE, name: Alice}]
groups: [{name: platform, roles: [operator], members: [U01ALICE]}]
destinations: [{name: vault, kind: local, path: /srv/sets}]
gateways:
  - name: production
    environment: production
    admin_api: {url: "http://127.0.0.1:8001"}
    channel: C01ABC
    destinations: [vault]
    restore:
      smoke:
        - {path: /orders, headers: {accept: application/json, apikey: {env: SMOKE_KEY}}}
signing: {private_key: {env: SIGNING_KEY}}
`;

it('asks at the start for the secrets of a proof, which is first needed when the restored state is live', () => {
  const path = join(folder, 'kong-chatops.yaml');
  writeFileSync(path, FILE);
  const env = { DATABASE_URL: 'postgres://bot@localhost/bot', SIGNING_KEY: 'made-up' };
  expect(readConfig({ path, env, secrets: ['gateways'] })).toMatchObject({
    ok: false,
    faults: [
      {
        path: 'gateways[0].restore.smoke[0].headers.apikey',
        found: 'neither SMOKE_KEY nor SMOKE_KEY_FILE is set in the environment',
        allowed: 'SMOKE_KEY in the environment, or SMOKE_KEY_FILE with a readable file',
      },
    ],
  });
  expect(readConfig({ path, env: { ...env, SMOKE_KEY: 'made-up' }, secrets: ['gateways'] }).ok).toBe(true);
});
