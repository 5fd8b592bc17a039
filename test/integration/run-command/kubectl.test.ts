import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunPlace } from '../../../src/config/schema.ts';
import { openRunner } from '../../../src/run-command/runner-for.ts';
import { containerClients } from '../../support/backup/container-clients.ts';
import type { ContainerClients } from '../../support/backup/container-clients.ts';
import { faultOf } from '../../support/fault-of.ts';
import { runCommandContract } from './contract.ts';
import { filesContract } from './files-contract.ts';

function open() {
  const clients = containerClients();
  return { place: clients.kubectl, path: clients.path, end: () => clients.remove() };
}

runCommandContract('kubectl', open);
filesContract('kubectl', open);

describe('kubectl that cannot', () => {
  let clients: ContainerClients;
  const command = { program: 'true', args: ['argument'], env: { TOKEN: 'unspeakable' } };
  const attempt = async (place: RunPlace = clients.kubectl) => await faultOf(openRunner(place, clients).run(command));
  const named = (): RunPlace => ({
    kind: 'kubectl',
    namespace: 'edge',
    context: 'prod',
    container: 'proxy',
    pod: 'kong-7d9f-abcde',
  });

  beforeAll(() => {
    clients = containerClients();
  });
  afterAll(() => clients.remove());

  test('find a running pod by labels says which labels', async () => {
    clients.set(null);
    expect(await attempt()).toEqual({
      code: 'kubectl.no-pod',
      message: 'No pod with the labels app=kong is running in the namespace edge.',
      hint: 'Look at the deployment, or correct run.selector of this gateway; it is tried again.',
      retryable: true,
    });
  });

  test('find a pod by name says to use labels', async () => {
    clients.set('gone');
    expect(await attempt(named())).toEqual({
      code: 'kubectl.no-pod',
      message: 'There is no pod kong-7d9f-abcde in the namespace edge.',
      hint: 'Correct run.pod of this gateway, or use run.selector: pods get new names whenever they are replaced. It is tried again.',
      retryable: true,
    });
  });

  test('run in a pod that has ended says in which phase it is', async () => {
    clients.set('Failed');
    expect(await attempt()).toEqual({
      code: 'kubectl.not-running',
      message: 'The pod kong-7d9f-abcde in the namespace edge is not running: its phase is Failed.',
      hint: 'Look why (kubectl --namespace edge describe pod kong-7d9f-abcde); it is tried again.',
      retryable: true,
    });
  });

  test('reach the cluster quotes what it said', async () => {
    clients.set('unreachable');
    for (const place of [clients.kubectl, named()])
      expect(await attempt(place)).toEqual({
        code: 'kubectl.unreachable',
        message:
          "The cluster does not answer the worker's kubectl: The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?.",
        hint: 'Look at run.kubeconfig and run.context of this gateway, and at the network; it is tried again.',
        retryable: true,
      });
  });

  test('exec for want of rights names the right', async () => {
    clients.set('forbidden');
    expect(await attempt()).toEqual({
      code: 'kubectl.forbidden',
      message: "The bot's account may not run commands in pods of the namespace edge.",
      hint: 'Give it a role there with the verb create on pods/exec, and get and list on pods.',
      retryable: false,
    });
  });

  test('find a shell in the container quotes what it said', async () => {
    clients.set('no-shell');
    expect(await attempt()).toEqual({
      code: 'kubectl.no-shell',
      message:
        'The pod kong-7d9f-abcde is running, and no command could be run in its container proxy: error: Internal error occurred: error executing command in container: OCI runtime exec failed: exec failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown.',
      hint: 'Correct run.container of this gateway; it needs /bin/sh with env, dd, mktemp and mkfifo (coreutils or busybox).',
      retryable: false,
    });
  });

  test('be found itself says where to get it', async () => {
    expect(await faultOf(openRunner(named(), { path: '/nowhere' }).run(command))).toEqual({
      code: 'kubectl.missing',
      message: 'There is no kubectl on the worker, so nothing can be run in the pod of the gateway from here.',
      hint: 'Install it where the worker runs: https://kubernetes.io/docs/tasks/tools/.',
      retryable: false,
    });
  });

  test('is never given an argument or a secret of a program, and keeps to the pod it chose', async () => {
    clients.set('running');
    const run = openRunner(clients.kubectl, clients);
    const before = clients.calls().length;
    await run.run({ ...command, input: 'unspeakable' });
    await run.run(command);
    const calls = clients.calls().slice(before);
    expect(calls.match(/^exec$/gm)).toHaveLength(2);
    expect(calls.match(/^pods$/gm)).toHaveLength(1);
    expect(calls).not.toContain('unspeakable');
    expect(calls).not.toContain('argument');
  });
});
