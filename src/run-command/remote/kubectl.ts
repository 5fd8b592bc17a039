import type { RunPlace } from '../../config/schema.ts';
import { Fault } from '../../runs/fault.ts';
import type { Command, Finished, RunCommand } from '../command.ts';
import { lastWords } from './transport.ts';
import type { ClientEnd, Transport } from './transport.ts';

export type KubectlPlace = Extract<RunPlace, { kind: 'kubectl' }>;

const ASK_MS = 20_000;

/** `kubectl exec -i POD -c CONTAINER`. Of several pods behind a selector the first running one by name is kept to. */
export function kubectlTransport(
  place: KubectlPlace,
  local: RunCommand,
  inCluster: Readonly<Record<string, string>> = {},
): Transport {
  let chosen: string | null = place.pod ?? null;
  const kubectl = kubectlOf(place, inCluster);
  const ask: Ask = async (args) =>
    await local.run({ ...kubectl(['--request-timeout=10s', ...args]), timeoutMs: ASK_MS });
  return {
    where: `${place.pod ?? place.selector} in ${place.namespace} (kubectl)`,
    async client(line) {
      chosen ??= await firstRunningPod(place, ask);
      return kubectl(['exec', '-i', chosen, '--container', place.container, '--', '/bin/sh', '-c', line]);
    },
    async faultOf(end) {
      const pod = chosen ?? '';
      chosen = place.pod ?? null; // pods are replaced: look again the next time
      return await faultOf(place, pod, ask, end);
    },
  };
}

type Ask = (args: readonly string[]) => Promise<Finished>;
type Client = Pick<Command, 'program' | 'args' | 'env'>;

function kubectlOf(place: KubectlPlace, env: Readonly<Record<string, string>>): (args: readonly string[]) => Client {
  const { namespace, context, kubeconfig } = place;
  const common = [
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
    '--namespace',
    namespace,
  ];
  return (args) => ({ program: 'kubectl', args: [...common, ...args], env });
}

async function firstRunningPod(place: KubectlPlace, ask: Ask): Promise<string> {
  const selector = place.selector ?? '';
  const running = ['get', 'pods', '--selector', selector, '--field-selector', 'status.phase=Running'];
  const names = ['--sort-by', '.metadata.name', '--output', 'jsonpath={.items[*].metadata.name}'];
  const found = await ask([...running, ...names]);
  if (found.exitCode !== 0) throw unreachable(found);
  const [first] = found.stdout.trim().split(/\s+/);
  if (first !== undefined && first !== '') return first;
  throw new Fault(
    'kubectl.no-pod',
    `No pod with the labels ${selector} is running in the namespace ${place.namespace}.`,
    'Look at the deployment, or correct run.selector of this gateway; it is tried again.',
    { retryable: true },
  );
}

/** kubectl has one exit code for all of its own failures, so the cluster is asked once more what is there. */
async function faultOf(place: KubectlPlace, pod: string, ask: Ask, end: ClientEnd): Promise<Fault> {
  if (end.finished.notFound) return missing();
  const seen = await ask(['get', 'pod', pod, '--ignore-not-found', '--output', 'jsonpath={.status.phase}']);
  if (seen.exitCode !== 0) return unreachable(seen);
  const phase = seen.stdout.trim();
  if (phase !== 'Running') return notRunning(place, pod, phase);
  const may = await ask(['auth', 'can-i', 'create', 'pods', '--subresource=exec', '--quiet']);
  if (may.exitCode !== 0)
    return new Fault(
      'kubectl.forbidden',
      `The bot's account may not run commands in pods of the namespace ${place.namespace}.`,
      'Give it a role there with the verb create on pods/exec, and get and list on pods.',
    );
  return new Fault(
    'kubectl.no-shell',
    `The pod ${pod} is running, and no command could be run in its container ${place.container}: ${lastWords(end)}.`,
    'Correct run.container of this gateway; it needs /bin/sh with env, dd, mktemp and mkfifo (coreutils or busybox).',
  );
}

function missing(): Fault {
  return new Fault(
    'kubectl.missing',
    'There is no kubectl on the worker, so nothing can be run in the pod of the gateway from here.',
    'Install it where the worker runs: https://kubernetes.io/docs/tasks/tools/.',
  );
}

function notRunning({ namespace }: KubectlPlace, pod: string, phase: string): Fault {
  if (phase === '')
    return new Fault(
      'kubectl.no-pod',
      `There is no pod ${pod} in the namespace ${namespace}.`,
      'Correct run.pod of this gateway, or use run.selector: pods get new names whenever they are replaced. It is tried again.',
      { retryable: true },
    );
  return new Fault(
    'kubectl.not-running',
    `The pod ${pod} in the namespace ${namespace} is not running: its phase is ${phase}.`,
    `Look why (kubectl --namespace ${namespace} describe pod ${pod}); it is tried again.`,
    { retryable: true },
  );
}

function unreachable(asked: Finished): Fault {
  if (asked.notFound) return missing();
  return new Fault(
    'kubectl.unreachable',
    `The cluster does not answer the worker's kubectl: ${lastWords({ finished: asked, said: asked.stderr })}.`,
    'Look at run.kubeconfig and run.context of this gateway, and at the network; it is tried again.',
    { retryable: true },
  );
}
