import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRunner } from '../../../src/run-command/runner-for.ts';
import { containerClients } from '../../support/backup/container-clients.ts';
import type { ContainerClients } from '../../support/backup/container-clients.ts';
import { faultOf } from '../../support/fault-of.ts';
import { runCommandContract } from './contract.ts';
import { filesContract } from './files-contract.ts';

function open() {
  const clients = containerClients();
  return { place: clients.docker, path: clients.path, end: () => clients.remove() };
}

runCommandContract('docker', open);
filesContract('docker', open);

describe('docker that cannot', () => {
  let clients: ContainerClients;
  const command = { program: 'true', args: ['argument'], env: { TOKEN: 'unspeakable' } };
  const attempt = async () => await faultOf(openRunner(clients.docker, clients).run(command));

  beforeAll(() => {
    clients = containerClients();
  });
  afterAll(() => clients.remove());

  test('run in a stopped container says in which state it is', async () => {
    clients.set('exited');
    expect(await attempt()).toEqual({
      code: 'docker.not-running',
      message: 'The container kong-1 is not running: it is exited.',
      hint: 'Start it (docker start kong-1), or name another container of this gateway in the configuration.',
      retryable: true,
    });
  });

  test('find the container says so', async () => {
    clients.set(null);
    expect(await attempt()).toEqual({
      code: 'docker.no-container',
      message: "The worker's Docker has no container kong-1.",
      hint: 'Correct run.container of this gateway; `docker ps` shows the names.',
      retryable: true,
    });
  });

  test('reach its daemon is told from a missing container', async () => {
    clients.set('unreachable');
    expect(await attempt()).toEqual({
      code: 'docker.unreachable',
      message:
        "The worker's Docker does not answer: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?.",
      hint: "Look whether Docker runs there and whether the bot's user may use /var/run/docker.sock; it is tried again.",
      retryable: true,
    });
  });

  test('find a shell in the container is told from a program that is not found', async () => {
    clients.set('no-shell');
    expect(await attempt()).toEqual({
      code: 'docker.no-shell',
      message:
        'The container kong-1 is running, and no command could be run in it: OCI runtime exec failed: exec failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown.',
      hint: 'It needs /bin/sh with env, dd, mktemp and mkfifo (coreutils or busybox), and the configured user must exist in it.',
      retryable: false,
    });
    clients.set('running');
    expect(await openRunner(clients.docker, clients).run({ ...command, program: 'nope' })).toMatchObject({
      notFound: true,
    });
  });

  test('be found itself says what installs it', async () => {
    expect(await faultOf(openRunner(clients.docker, { path: '/nowhere' }).run(command))).toEqual({
      code: 'docker.missing',
      message: 'There is no docker on the worker, so nothing can be run in the container of the gateway from here.',
      hint: 'Install the Docker client where the worker runs: apt-get install docker.io (Debian, Ubuntu).',
      retryable: false,
    });
  });

  test('is never given an argument or a secret of a program', async () => {
    clients.set('running');
    await openRunner(clients.docker, clients).run({ ...command, input: 'unspeakable' });
    expect(clients.calls()).toContain('\nexec\n-i\n--user\nkong\nkong-1\n/bin/sh\n-c\n');
    expect(clients.calls()).not.toContain('unspeakable');
    expect(clients.calls()).not.toContain('argument');
  });
});
