import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunPlace } from '../../../src/config/schema.ts';
import { fakePrograms } from './fake-program.ts';

/**
 * Stand-ins for docker and kubectl on a PATH of their own. They take the commands that the bot gives, check each word,
 * refuse as the originals do (their messages, their exit codes), run the command as a session of its own on this
 * machine, and write down what they were given. Left out: a real container's files, users and network; a real
 * client's death does not break the program's outputs, a stand-in's does.
 */
export interface ContainerClients {
  readonly path: string;
  readonly docker: Extract<RunPlace, { kind: 'docker' }>;
  readonly kubectl: Extract<RunPlace, { kind: 'kubectl' }>;
  /** What they see: a container's state or a pod's phase; null when there is none; `unreachable` when nobody answers. */
  set(state: 'running' | 'exited' | 'Failed' | 'gone' | 'unreachable' | 'forbidden' | 'no-shell' | null): void;
  /** Every call so far, one argument a line. */
  calls(): string;
  remove(): void;
}

export function containerClients(): ContainerClients {
  const programs = fakePrograms();
  const folder = programs.alone;
  const [state, calls] = [join(folder, 'state'), join(folder, 'calls')];
  programs.write('docker', script(DOCKER, state, calls));
  programs.write('kubectl', script(KUBECTL, state, calls));
  return {
    path: programs.path,
    docker: { kind: 'docker', container: 'kong-1', user: 'kong' },
    kubectl: { kind: 'kubectl', namespace: 'edge', selector: 'app=kong', container: 'proxy', context: 'prod' },
    set: (now) => writeFileSync(state, now ?? ''),
    calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8') : ''),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const script = (text: string, state: string, calls: string): string => `
calls='${calls}'
{ printf '%s\\n' "$0" "$@"; echo; } >>"$calls"
state=$(cat '${state}' 2>/dev/null || echo running)
no_shell='OCI runtime exec failed: exec failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown'
fail() { printf '%s\\n' "$1" >&2; exit "\${2:-1}"; }
want() { [ "$1" = "$2" ] || fail "stand-in: expected $1, got $2" 125; }
# What a container's own environment would be, to see that none of it reaches a program.
inside() { KONG_PG_PASSWORD=ambient exec setsid -w "$@"; }
${text}`;

const DOCKER = `
[ "$state" != unreachable ] || fail 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?'
case "$1" in
  version) echo 27.3.1 ;;
  container)
    want inspect "$2"; want --format "$3"; want '{{.State.Status}}' "$4"; want kong-1 "$5"
    [ -n "$state" ] || { echo; fail 'Error response from daemon: No such container: kong-1'; }
    [ "$state" = no-shell ] && echo running || echo "$state"
    ;;
  exec)
    want -i "$2"; want --user "$3"; want kong "$4"; want kong-1 "$5"; want /bin/sh "$6"; want -c "$7"; want 8 "$#"
    [ -n "$state" ] || fail 'Error response from daemon: No such container: kong-1'
    [ "$state" != no-shell ] || fail "$no_shell" 127
    [ "$state" = running ] || fail 'Error response from daemon: container 4f66ad is not running'
    shift 5
    inside "$@"
    ;;
  *) fail "docker: '$1' is not a docker command." ;;
esac
`;

const KUBECTL = `
want --context "$1"; want prod "$2"; want --namespace "$3"; want edge "$4"
shift 4
[ "$state" != unreachable ] || fail 'The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?'
[ "$1" != --request-timeout=10s ] || shift
case "$1 $2" in
  'get pods')
    want --selector "$3"; want app=kong "$4"; want --field-selector "$5"; want status.phase=Running "$6"
    want --sort-by "$7"; want .metadata.name "$8"; want --output "$9"
    # It was running when it was chosen.
    [ -z "$state" ] || printf 'kong-7d9f-abcde kong-7d9f-vwxyz'
    ;;
  'get pod')
    want kong-7d9f-abcde "$3"; want --ignore-not-found "$4"; want --output "$5"; want 'jsonpath={.status.phase}' "$6"
    case $state in running | no-shell | forbidden) printf Running ;; *) printf '%s' "\${state#gone}" ;; esac
    ;;
  'auth can-i')
    want create "$3"; want pods "$4"; want --subresource=exec "$5"; want --quiet "$6"
    [ "$state" != forbidden ]
    ;;
  'exec -i')
    want kong-7d9f-abcde "$3"; want --container "$4"; want proxy "$5"; want -- "$6"; want /bin/sh "$7"; want -c "$8"
    want 9 "$#"
    case $state in
      running) shift 6; inside "$@"; ;;
      forbidden) fail 'Error from server (Forbidden): pods "kong-7d9f-abcde" is forbidden: User "bot" cannot create resource "pods/exec" in API group "" in the namespace "edge"' ;;
      no-shell) fail "error: Internal error occurred: error executing command in container: $no_shell" ;;
      gone) fail 'Error from server (NotFound): pods "kong-7d9f-abcde" not found' ;;
      *) fail 'error: cannot exec into a container in a completed pod; current phase is Failed' ;;
    esac
    ;;
  *) fail "error: unknown command \\"$1\\" for \\"kubectl\\"" ;;
esac
`;
