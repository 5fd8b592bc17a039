import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { execa } from 'execa';
import { parse } from 'yaml';
import { dumpDeclarative } from '../../../src/steps/backup/dump-declarative.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { blocks } from '../../support/backup/by-hand.ts';
import { fixturePath, need } from '../../support/need.ts';
import { faultFrom, makeWorld } from './steps-world.ts';
import type { World } from './steps-world.ts';

const ready = [need('fixtures'), need('psql'), need('deck')].every(Boolean);

interface Step {
  readonly step: string;
  readonly url?: string;
  readonly status?: number;
  readonly body?: unknown;
}

/** What a real Kong 3.9.1 answered; every list that was not recorded is empty. */
function recorded(file: 'dbless' | 'hybrid', steps: Readonly<Record<string, string>>): Map<string, unknown> {
  const all = JSON.parse(readFileSync(fixturePath('kong-3.9.1', `${file}.json`), 'utf8')) as readonly Step[];
  return new Map(
    Object.entries(steps).map(([path, step]) => [
      path,
      all.find((one) => one.step === step && one.status === 200)?.body,
    ]),
  );
}

describe.skipIf(!ready)('a gateway whose nodes have no database', () => {
  let world: World;
  const servers: Server[] = [];
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['declarative'] });
  });
  afterAll(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await world.end();
  });
  const posted: string[] = [];
  const gatewayOf = async (answers: ReadonlyMap<string, unknown>, status: Readonly<Record<string, number>> = {}) => {
    const server = createServer((request, response) => {
      if (request.method === 'POST') void text(request).then((body) => posted.push(body));
      const { pathname } = new URL(request.url ?? '/', 'http://kong');
      response.statusCode = status[pathname] ?? 200;
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(answers.get(pathname) ?? { data: [], next: null }));
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return world.with({ gateway: { admin_api: { url, timeout_seconds: 5 } } });
  };
  const dbless = () => recorded('dbless', { '/': 'GET /', '/status': 'status after good', '/config': 'GET /config' });

  it('gives the configuration of each node with its hash, so that hashed passwords can come back as they are', async () => {
    const here = await gatewayOf(dbless());
    await here.perform('preflight', preflight);
    const { outputs } = await here.perform('dump-declarative', dumpDeclarative);
    expect(outputs['artifacts']).toContainEqual(
      expect.objectContaining({
        kind: 'dbless',
        name: 'dbless-production.yaml',
        toolVersion: '3.9.1',
        facts: { node: 'production', configurationHash: expect.stringMatching(/^[0-9a-f]{32}$/) },
      }),
    );
    await here.perform('publish-set', publishSet);
    const place = here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '';
    expect(parse(await readFile(join(place, 'dbless-production.yaml'), 'utf8'))).toMatchObject({
      _transform: false,
      consumers: [{ username: 'alice' }],
      basicauth_credentials: [{ username: 'alice', password: '2bdc0bc80a82f519368af4cd1bacc5065832414b' }],
    });
    // docs/restore-by-hand.md: the same goes back to a node by curl alone.
    const script = blocks().find((block) => block.script.includes('dbless-'))?.script ?? '';
    const env = { WORK: place, KONG_ADMIN: here.deps.gateway.admin_api.url, PATH: process.env['PATH'] ?? '' };
    await execa('bash', ['-euo', 'pipefail', '-c', script], { env, extendEnv: false });
    expect(posted.join('')).toContain('_transform: false');
  });

  it('is not backed up while a node hides its configuration', async () => {
    const here = await gatewayOf(dbless(), { '/config': 403 });
    await here.perform('preflight', preflight);
    expect((await faultFrom(here.perform('dump-declarative', dumpDeclarative))).facts()).toEqual({
      code: 'node-configuration',
      message: 'Node production does not show its configuration: GET /config answered HTTP 403.',
      hint: 'Give the token of this node the permission to read /config.',
    });
  });

  it('has the hash of every data plane noted, where a control plane tells', async () => {
    const here = await gatewayOf(
      recorded('hybrid', {
        '/': 'CP GET /',
        '/status': 'after change 1: CP /status',
        '/clustering/data-planes': 'after change 1: data planes',
      }),
    );
    await here.perform('preflight', preflight);
    const { outputs } = await here.perform('dump-declarative', dumpDeclarative);
    expect(outputs['artifacts']).toContainEqual(
      expect.objectContaining({
        kind: 'dbless',
        name: 'data-planes.json',
        facts: { dataPlanes: 1, configurations: 1 },
      }),
    );
    await here.perform('publish-set', publishSet);
    const place = here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '';
    expect(JSON.parse(await readFile(join(place, 'data-planes.json'), 'utf8'))).toEqual([
      expect.objectContaining({ config_hash: '877361b6a4b387d27fbf99f9e33684fa', sync_status: 'normal' }),
    ]);
  });
});
