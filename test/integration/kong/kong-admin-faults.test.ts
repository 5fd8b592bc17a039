import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminApi } from '../../../src/kong/admin/admin.ts';
import type { AdminApi } from '../../../src/kong/admin/admin.ts';
import type { AdminApiOptions } from '../../../src/kong/admin/admin-request.ts';
import { faultOf } from '../../support/fault-of.ts';
import { need } from '../../support/need.ts';
import { json, recordedKong } from '../../support/kong/recorded-kong.ts';
import type { RecordedKong } from '../../support/kong/recorded-kong.ts';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const TOKEN = 'a-token-nobody-may-see';

describe.skipIf(!need('fixtures'))('an Admin API that does not answer well says why', () => {
  let kong: RecordedKong;
  let api: AdminApi;
  const opened: AdminApi[] = [];

  function open(changes: Partial<AdminApiOptions> = {}): AdminApi {
    const made = adminApi({ gateway: 'production', url: kong.url, token: TOKEN, timeoutMs: 5000, ...changes });
    opened.push(made);
    return made;
  }

  beforeAll(async () => {
    kong = await recordedKong('3.9.1');
    api = open();
  });
  afterAll(async () => {
    for (const each of opened) await each.close();
    await kong.close();
  });

  const asked = () => `The Admin API of production (${kong.url})`;

  test.each([
    [
      401,
      {
        code: 'kong.unauthorised',
        message: ' did not accept the token: HTTP 401 for GET /.',
        hint: 'Check the secret that admin_api.token names: is it set, current, and for this gateway?',
        retryable: false,
      },
    ],
    [
      403,
      {
        code: 'kong.forbidden',
        message: ' does not let the token read /: HTTP 403.',
        hint: 'Give the token a role that may read every list of every workspace, or use another token.',
        retryable: false,
      },
    ],
    [
      500,
      {
        code: 'kong.server-error',
        message: ' answered GET / with an error of its own: HTTP 500.',
        hint: "Look at Kong's error log and whether its database can be reached. Then try again.",
        retryable: true,
      },
    ],
    [
      418,
      {
        code: 'kong.refused',
        message: ' refused GET /: HTTP 418.',
        hint: 'Compare the version of Kong with those that the documentation names.',
        retryable: false,
      },
    ],
  ])('HTTP %i', async (status, expected) => {
    kong.answer('/', json(status, { message: `${TOKEN} in a message` }));
    expect(await faultOf(api.root())).toEqual({ ...expected, message: asked() + expected.message });
    kong.answer('/', null);
  });

  test('a proxy that knows no such route is told from an Admin API', async () => {
    kong.answer('/', json(404, { message: 'no Route matched with those values' }));
    expect(await faultOf(api.root())).toMatchObject({
      code: 'kong.not-kong',
      message: expect.stringContaining(
        'is not a Kong Admin API: it answered HTTP 404, as a proxy does (GET /).',
      ) as string,
      hint: expect.stringContaining('it must be the Admin API (port 8001 or 8444 by default), not the proxy') as string,
    });
    kong.answer('/', null);
  });

  test('a redirect is not followed, so the token stays here', async () => {
    kong.answer('/', (response) => response.writeHead(302, { location: `${kong.url}/stolen` }).end());
    expect(await faultOf(api.root())).toEqual({
      code: 'kong.redirected',
      message: `${asked()} sends GET / elsewhere: HTTP 302.`,
      hint: 'Write the final address into admin_api.url. The bot follows no redirect, because it would take the token along.',
      retryable: false,
    });
    expect(kong.asked.some(({ path }) => path === '/stolen')).toBe(false);
    kong.answer('/', null);
  });

  test.each([
    ['HTML', (response: ServerResponse) => void response.end('<html>'), 'its answer is not JSON'],
    ['another JSON', json(200, { hello: 'world' }), '"version" is missing or odd'],
    [
      'HTML with 400',
      (response: ServerResponse) => void response.writeHead(400).end('<html>'),
      'it answered HTTP 400 without JSON',
    ],
  ])('%s is not Kong', async (_name, send, why) => {
    kong.answer('/', send);
    expect(await faultOf(api.root())).toEqual({
      code: 'kong.not-kong',
      message: `What answers for production at ${kong.url} is not a Kong Admin API: ${why} (GET /).`,
      hint: "Check admin_api.url: it must be the Admin API (port 8001 or 8444 by default), not the proxy, and http or https as Kong's admin_listen says.",
      retryable: false,
    });
    kong.answer('/', null);
  });

  test('pages that never end', async () => {
    kong.answer('/loop', json(200, { data: [{}], offset: 'same' }));
    expect(await faultOf(all(api.list('/loop')))).toMatchObject({ code: 'kong.not-kong' });
    kong.answer('/loop', null);
  });

  test('pages that never end and hold nothing', async () => {
    let page = 0;
    kong.answer('/empty', (response) => {
      page += 1;
      json(200, { data: [], offset: `page-${page}` })(response);
    });
    expect(await faultOf(all(api.list('/empty')))).toMatchObject({
      code: 'kong.not-kong',
      message: expect.stringContaining('it gives empty pages for ever') as string,
    });
    expect(page).toBe(101);
    kong.answer('/empty', null);
  });

  test('an answer that fills the memory, packed or not, is given up at 128 MB', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, ' '), { level: 1 });
    expect(bomb.length).toBeLessThan(2 * 1024 * 1024);
    kong.answer('/', (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    expect(await faultOf(api.root())).toMatchObject({
      code: 'kong.not-kong',
      message: `What answers for production at ${kong.url} is not a Kong Admin API: its answer is larger than 128 MB (GET /).`,
    });
    kong.answer('/', null);
  });

  test('nobody listens', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    expect(await faultOf(open({ url }).root())).toEqual({
      code: 'kong.unreachable',
      message: `The Admin API of production (${url}) cannot be reached: ECONNREFUSED.`,
      hint: 'Look whether Kong runs, whether admin_listen has this address, and the firewall between. Then try again.',
      retryable: true,
    });
  });

  test('it hangs', async () => {
    kong.answer('/', () => undefined);
    expect(await faultOf(open({ timeoutMs: 100 }).root())).toEqual({
      code: 'kong.timeout',
      message: `${asked()} did not answer GET / within 0.1 s.`,
      hint: 'Look at the load of Kong and its database, or raise admin_api.timeout_seconds. Then try again.',
      retryable: true,
    });
    kong.answer('/', null);
  });

  test('it hangs and the run is cancelled', async () => {
    kong.answer('/', () => undefined);
    const abort = new AbortController();
    const waiting = open({ signal: abort.signal }).root();
    abort.abort(new Error('the run was cancelled'));
    await expect(waiting).rejects.toThrow('the run was cancelled');
    kong.answer('/', null);
  });

  test('it breaks the connection, or speaks something else', async () => {
    const rude = await listen(createServer((socket) => socket.on('data', () => socket.destroy())));
    expect(await faultOf(open({ url: rude.url }).root())).toMatchObject({
      code: 'kong.unreachable',
      retryable: true,
    });
    await rude.close();
    const ssh = await listen(createServer((socket) => socket.on('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))));
    expect(await faultOf(open({ url: ssh.url }).root())).toMatchObject({ code: 'kong.not-kong', retryable: false });
    await ssh.close();
  });

  test('a port that speaks no TLS, and an authority file that is not there', async () => {
    const url = kong.url.replace('http:', 'https:');
    expect(await faultOf(open({ url }).root())).toMatchObject({
      code: 'kong.certificate',
      hint: 'Name the authority that signed its certificate in admin_api.ca_file, and use the host name that the certificate is for.',
    });
    expect(await faultOf(open({ caFile: '/no/such/ca.pem' }).root())).toEqual({
      code: 'kong.ca-file',
      message: 'The file /no/such/ca.pem, which admin_api.ca_file of production names, cannot be read.',
      hint: 'Correct the path, or let the user that the bot runs as read it.',
      retryable: false,
    });
  });
});

async function closedPort(): Promise<number> {
  const server = await listen(createServer());
  await server.close();
  return Number(new URL(server.url).port);
}

async function listen(server: Server): Promise<{ url: string; close(): Promise<void> }> {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
