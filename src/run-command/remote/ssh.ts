import type { RunPlace } from '../../config/schema.ts';
import { Fault } from '../../runs/fault.ts';
import type { RunCommand } from '../command.ts';
import { lastWords } from './transport.ts';
import type { ClientEnd, Transport } from './transport.ts';

export type SshPlace = Extract<RunPlace, { kind: 'ssh' }>;

/** ssh's own exit code for whatever went wrong before a command ran: https://man.openbsd.org/ssh#EXIT_STATUS */
const FAILED = 255;

/** `ssh HOST`, by nothing but what the configuration says: no settings, agents or keys of the system's users. */
export function sshTransport(place: SshPlace, local: RunCommand): Transport {
  const where = `${place.host} (ssh)`;
  return {
    where,
    client: (line) => Promise.resolve({ program: 'ssh', args: [...sshArguments(place), line] }),
    faultOf: async (end) => await faultOf(place, local, end),
  };
}

function sshArguments(place: SshPlace): string[] {
  const options = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: place.known_hosts_file,
    GlobalKnownHostsFile: '/dev/null',
    UpdateHostKeys: 'no',
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    PreferredAuthentications: 'publickey',
    ControlMaster: 'no',
    ControlPath: 'none',
    ClearAllForwardings: 'yes',
    ConnectTimeout: '10',
    // A machine that has gone silent is noticed within a minute.
    ServerAliveInterval: '15',
    ServerAliveCountMax: '3',
    LogLevel: 'ERROR',
  };
  return [
    '-F',
    'none',
    '-T',
    ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    '-i',
    place.identity_file,
    '-p',
    String(place.port),
    ...(place.user === undefined ? [] : ['-l', place.user]),
    '--',
    place.host,
  ];
}

async function faultOf(place: SshPlace, local: RunCommand, end: ClientEnd): Promise<Fault> {
  const words = lastWords(end);
  const at = `${place.host}:${place.port}`;
  if (end.finished.notFound)
    return new Fault(
      'ssh.missing',
      'There is no ssh on the worker, so nothing can be run on the gateway from here.',
      'Install it where the worker runs: apt-get install openssh-client (Debian, Ubuntu), dnf install openssh-clients (Red Hat).',
    );
  if (end.finished.exitCode !== FAILED && end.finished.exitCode !== null) return noShell(at, words);
  // ssh has one exit code for everything, and its messages are not translated.
  if (end.said.includes('Host key verification failed')) return await hostKeyFault(place, local, words);
  if (/: Permission denied \(|Too many authentication failures/.test(end.said))
    return await refused(place, local, words);
  return new Fault(
    'ssh.unreachable',
    `${at} cannot be reached by ssh: ${words}.`,
    'Look whether the machine is up and whether a firewall stands between; it is tried again.',
    { retryable: true },
  );
}

async function hostKeyFault(place: SshPlace, local: RunCommand, words: string): Promise<Fault> {
  const name = place.port === 22 ? place.host : `[${place.host}]:${place.port}`;
  const known = await local.run({ program: 'ssh-keygen', args: ['-F', name, '-f', place.known_hosts_file] });
  if (known.exitCode === 0)
    return new Fault(
      'ssh.host-key-changed',
      `ATTENTION: ${name} shows another host key than the one in ${place.known_hosts_file}. It is another machine, or somebody stands in between. Nothing was sent to it.`,
      'Ask whoever runs that machine whether its key was changed, and compare the fingerprint by another way, before you replace the line in that file.',
    );
  return new Fault(
    'ssh.host-key-unknown',
    `${place.known_hosts_file} on the worker has no usable host key of ${name}, and an unchecked one is never trusted: ${words}.`,
    `Add it after comparing its fingerprint: ssh-keyscan -p ${place.port} ${place.host} >> ${place.known_hosts_file}`,
  );
}

/** Not tried again: a few refused logins lock the user out on many machines. */
async function refused(place: SshPlace, local: RunCommand, words: string): Promise<Fault> {
  const key = await local.fileEntry(place.identity_file).catch(() => null);
  const user = place.user ?? "the bot's own user name";
  return new Fault(
    'ssh.refused',
    key === null
      ? `There is no key ${place.identity_file} on the worker, so ${place.host}:${place.port} refused the login as ${user}: ${words}.`
      : `${place.host}:${place.port} refused the login as ${user} with the key ${place.identity_file}: ${words}.`,
    `Put the public key into that user's ~/.ssh/authorized_keys there; the private key must be readable by the bot's user alone (chmod 600).`,
  );
}

function noShell(at: string, words: string): Fault {
  return new Fault(
    'ssh.no-shell',
    `${at} took the login and ran no command: ${words}.`,
    'The user needs a login shell there that can run /bin/sh, with env, dd, mktemp and mkfifo (coreutils or busybox).',
  );
}
