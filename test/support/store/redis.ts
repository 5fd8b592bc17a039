import { mkdtemp, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:net';
import { freePort, startWithParent } from '../../../src/sandbox/with-parent.ts';
import { programPath } from '../need.ts';

/** A redis-server of one test file alone. */
export interface TestRedis {
  readonly url: string;
  /** Stops it at once, without saving, and starts it empty on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a real redis-server (20 ms). Guard the tests with `describe.skipIf(!need('redis-server'))`. */
export async function startRedis(): Promise<TestRedis> {
  const program = programPath('redis-server');
  if (program === null) throw new Error('no redis-server: guard the test with need("redis-server")');
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-redis-'));
  const port = await freePort();
  let server = await startOn(program, folder, port);
  return {
    url: `redis://127.0.0.1:${port}`,
    async restart() {
      await server.stop(true);
      server = await startOn(program, folder, port);
    },
    stop: () => server.stop(),
  };
}

async function startOn(program: string, folder: string, port: number) {
  const log = await open(join(folder, 'log'), 'a');
  const server = startWithParent({
    command: program,
    args: ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', '--appendonly', 'no'],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    signal: 'TERM',
    removeFolder: folder,
    logFd: log.fd,
  });
  await log.close();
  for (let waited = 0; waited < 10_000; waited += 10) {
    if (await answers(port)) return server;
    await sleep(10);
  }
  await server.stop();
  throw new Error('redis-server did not answer within 10 s');
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(500, () => socket.destroy());
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString().startsWith('+PONG'));
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
