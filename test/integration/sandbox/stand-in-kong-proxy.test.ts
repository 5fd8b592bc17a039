import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StandInKong, startStandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import { need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
import { ask, recordedAdmin, type Running, standInOfRecording, VERSIONS } from '../../support/kong/stand-in-kong.ts';

describe.skipIf(!need('fixtures') || !need('psql')).each(VERSIONS)('the proxy of Kong %s', (version) => {
  let running: Running;
  let second: StandInKong;
  beforeAll(async () => {
    running = await standInOfRecording(version);
    second = await startStandInKong({ databaseUrl: running.database.ownerUrl, version });
  });
  afterAll(async () => {
    await second.stop();
    await running.end();
  });

  it('answers as it was recorded', async () => {
    const recording = recordedAdmin(version).find(({ name }) => name === 'proxy-answers');
    expect(recording?.steps.length).toBeGreaterThan(3);
    for (const { request, status, body, headers } of recording?.steps ?? []) {
      const answer = await ask(running.kong.proxyUrl, 'GET', request.path);
      const { request_id: _, ...told } = answer.body as Record<string, unknown>;
      const { request_id: __, ...recorded } = body as Record<string, unknown>;
      expect([answer.status, told, answer.headers.get('server')]).toEqual([status, recorded, headers['Server']]);
    }
  });

  it('keeps routes until a reload and credentials until DELETE /cache, each on its own node (facts I4)', async () => {
    const { url, proxyUrl } = running.kong;
    const service = ((await ask(url, 'GET', '/services')).body as { data: { id: string }[] }).data[0]?.id;
    await ask(url, 'POST', `/services/${service}/routes`, { name: 'locked', paths: ['/locked'] });
    await ask(url, 'POST', '/routes/locked/plugins', { name: 'key-auth' });
    await ask(url, 'POST', '/consumers', { username: 'walker' });
    await ask(url, 'POST', '/consumers/walker/key-auth', { key: 'walker-key' });
    const through = async (proxy: string, path: string) => {
      const answer = await fetch(`${proxy}${path}`, { headers: { apikey: 'walker-key' } });
      await answer.body?.cancel();
      return answer.status;
    };
    expect([await through(proxyUrl, '/locked'), await through(second.proxyUrl, '/locked')]).toEqual([200, 200]);

    // Behind their backs, as a swap of databases does it.
    await withClient(running.database.ownerUrl, async (client) => {
      await client.query(`DELETE FROM keyauth_credentials WHERE key = 'walker-key'`);
      await client.query(`UPDATE routes SET paths = '{/moved}' WHERE name = 'locked'`);
    });
    expect([await through(proxyUrl, '/locked'), await through(proxyUrl, '/moved')]).toEqual([200, 404]);
    await running.kong.reload();
    expect([await through(proxyUrl, '/locked'), await through(proxyUrl, '/moved')]).toEqual([404, 200]);
    expect((await ask(url, 'DELETE', '/cache')).status).toBe(204);
    expect(await through(proxyUrl, '/moved')).toBe(401);
    expect(await through(second.proxyUrl, '/locked')).toBe(200);
    expect((await ask(second.url, 'DELETE', '/cache')).status).toBe(204);
    expect(await through(second.proxyUrl, '/moved')).toBe(401);
  });
});
