import { z } from 'zod';

// ssh reads these by rules of its own: quotes, expansions of % and $, lists parted by spaces.
const sshFile = z
  .string()
  .regex(/^\/[^\s"'%$\\]+$/, 'an absolute path on the worker without spaces, quotes, backslashes, % and $');
const absolutePath = z.string().startsWith('/', 'an absolute path on the worker');
const containerName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'the name or id of a container: letters, digits and _ . -');
const kubernetesName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/,
    'a name in Kubernetes: lower case letters, digits, dots and dashes',
  );

const local = z.strictObject({ kind: z.literal('local') });

const ssh = z.strictObject({
  kind: z.literal('ssh'),
  host: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.:-]*$/, 'a host name or an IP address'),
  port: z.int().min(1).max(65535).default(22),
  /** The system user there; without it the one that the bot runs as. */
  user: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/, 'the name of a system user')
    .optional(),
  identity_file: sshFile,
  /** Host keys are always checked, so somebody must have looked at them. */
  known_hosts_file: sshFile,
});

const docker = z.strictObject({
  kind: z.literal('docker'),
  container: containerName,
  user: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/, 'a user of the container: name, id, or either with :group')
    .optional(),
});

const kubectl = z.strictObject({
  kind: z.literal('kubectl'),
  namespace: kubernetesName,
  pod: kubernetesName.optional(),
  /** Any running pod with these labels. */
  selector: z
    .string()
    .regex(/^[A-Za-z0-9(][A-Za-z0-9 ./_,()!=-]*$/, 'labels as kubectl -l takes them, e.g. app=kong')
    .optional(),
  container: kubernetesName,
  context: z
    .string()
    .regex(/^[^-\s][^\s]*$/, 'the name of a context')
    .optional(),
  kubeconfig: absolutePath.optional(),
});

/** `gateways[].run`: where commands such as psql, pg_dump and decK run, and where Kong's files are read. */
export const runPlace = z
  .discriminatedUnion('kind', [local, ssh, docker, kubectl], 'local, ssh, docker or kubectl')
  .superRefine((place, context) => {
    if (place.kind !== 'kubectl' || (place.pod === undefined) !== (place.selector === undefined)) return;
    const message = 'either pod (a name) or selector (labels), one of the two';
    context.addIssue({ code: 'custom', path: ['pod'], message });
  })
  .default({ kind: 'local' });
