import type { GatewayConfig, RunPlace } from '../config/schema.ts';
import type { RunCommand } from './command.ts';
import { localRunner } from './local.ts';
import { dockerTransport } from './remote/docker.ts';
import { kubectlTransport } from './remote/kubectl.ts';
import { remoteRunner } from './remote/runner.ts';
import { sshTransport } from './remote/ssh.ts';
import type { Transport } from './remote/transport.ts';

/** What kubectl needs to find the cluster that the worker itself runs in; it reads the account's token by itself. */
const IN_CLUSTER = ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT'];

/** One runner per place, because what is found there (tools) is remembered by runner. */
const runners = new Map<string, RunCommand>();

/** Where the commands of a gateway run. The same runner for the same place. */
export function runnerFor({ run }: Pick<GatewayConfig, 'run'>): RunCommand {
  const key = JSON.stringify(run);
  const runner = runners.get(key) ?? openRunner(run);
  runners.set(key, runner);
  return runner;
}

/** A runner of its own. `path` is the PATH of its client programs (ssh, docker, kubectl), or of programs themselves. */
export function openRunner(place: RunPlace, options: { readonly path?: string } = {}): RunCommand {
  const local = localRunner(options);
  return place.kind === 'local' ? local : remoteRunner(transportOf(place, local), options);
}

function transportOf(place: Exclude<RunPlace, { kind: 'local' }>, local: RunCommand): Transport {
  switch (place.kind) {
    case 'ssh':
      return sshTransport(place, local);
    case 'docker':
      return dockerTransport(place, local);
    case 'kubectl':
      return kubectlTransport(place, local, inCluster());
  }
}

function inCluster(): Record<string, string> {
  const found = IN_CLUSTER.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(found) as Record<string, string>;
}
