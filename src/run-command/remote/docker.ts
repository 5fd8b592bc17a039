import type { RunPlace } from '../../config/schema.ts';
import { Fault } from '../../runs/fault.ts';
import type { RunCommand } from '../command.ts';
import { lastWords } from './transport.ts';
import type { ClientEnd, Transport } from './transport.ts';

export type DockerPlace = Extract<RunPlace, { kind: 'docker' }>;

const ASK_MS = 15_000;

/** `docker exec -i CONTAINER` on the worker's own Docker. */
export function dockerTransport(place: DockerPlace, local: RunCommand): Transport {
  const { container, user } = place;
  return {
    where: `${container} (docker)`,
    client: (line) =>
      Promise.resolve({
        program: 'docker',
        args: ['exec', '-i', ...(user === undefined ? [] : ['--user', user]), container, '/bin/sh', '-c', line],
      }),
    faultOf: async (end) => await faultOf(container, local, end),
  };
}

/** docker exec has one exit code for most of its own failures, so Docker is asked once more what is there. */
async function faultOf(container: string, local: RunCommand, end: ClientEnd): Promise<Fault> {
  if (end.finished.notFound)
    return new Fault(
      'docker.missing',
      'There is no docker on the worker, so nothing can be run in the container of the gateway from here.',
      'Install the Docker client where the worker runs: apt-get install docker.io (Debian, Ubuntu).',
    );
  const ask = async (...args: string[]) => await local.run({ program: 'docker', args, timeoutMs: ASK_MS });
  const seen = await ask('container', 'inspect', '--format', '{{.State.Status}}', container);
  const state = seen.stdout.trim();
  if (seen.exitCode === 0) return state === 'running' ? noShell(container, end) : notRunning(container, state);
  const daemon = await ask('version', '--format', '{{.Server.Version}}');
  if (daemon.exitCode === 0) return noContainer(container);
  return new Fault(
    'docker.unreachable',
    `The worker's Docker does not answer: ${lastWords({ finished: daemon, said: daemon.stderr })}.`,
    "Look whether Docker runs there and whether the bot's user may use /var/run/docker.sock; it is tried again.",
    { retryable: true },
  );
}

function notRunning(container: string, state: string): Fault {
  return new Fault(
    'docker.not-running',
    `The container ${container} is not running: it is ${state}.`,
    `Start it (docker start ${container}), or name another container of this gateway in the configuration.`,
    { retryable: true },
  );
}

function noContainer(container: string): Fault {
  return new Fault(
    'docker.no-container',
    `The worker's Docker has no container ${container}.`,
    'Correct run.container of this gateway; `docker ps` shows the names.',
    { retryable: true },
  );
}

function noShell(container: string, end: ClientEnd): Fault {
  return new Fault(
    'docker.no-shell',
    `The container ${container} is running, and no command could be run in it: ${lastWords(end)}.`,
    'It needs /bin/sh with env, dd, mktemp and mkfifo (coreutils or busybox), and the configured user must exist in it.',
  );
}
