import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunPlace } from '../../../src/config/schema.ts';

const TIED = fileURLToPath(new URL('../../../src/run-command/tied.sh', import.meta.url));

export interface TestSshd {
  readonly place: Extract<RunPlace, { kind: 'ssh' }>;
  readonly folder: string;
  /** Its public host key as a known_hosts file has it, without the name before it. */
  readonly hostKey: string;
  /** A new key pair that nobody has authorized; answers the private key's path. */
  strangeKey(): string;
  /** Closes every connection, as a machine that goes down does, and listens no more. */
  stop(): Promise<void>;
}

/**
 * Debian's own sshd on a free port of this machine, with a host key and an authorized key of its own, as this user.
 * `more` are further lines of its configuration.
 */
export async function startSshd(more: readonly string[] = []): Promise<TestSshd> {
  const folder = mkdtempSync(join(tmpdir(), 'test-sshd-'));
  const key = (name: string): string => {
    const path = join(folder, name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path]);
    return path;
  };
  const host = key('host');
  const identity = key('identity');
  const port = await freePort();
  const config = join(folder, 'sshd_config');
  writeFileSync(join(folder, 'authorized_keys'), readFileSync(`${identity}.pub`));
  chmodSync(join(folder, 'authorized_keys'), 0o600);
  writeFileSync(config, [...configLines(folder, host, port), ...more, ''].join('\n'));
  // Where no system starts it, nobody has made the folder that it insists on.
  if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
  // Tied to this process by descriptor 3: a killed test leaves no server behind.
  const server = spawn('/bin/sh', [TIED, '/usr/sbin/sshd', '-D', '-e', '-f', config], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    detached: true,
  });
  await untilListening(port, () => server.exitCode);
  const hostKey = readFileSync(`${host}.pub`, 'utf8').trim();
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${hostKey}\n`);
  return {
    place: {
      kind: 'ssh',
      host: '127.0.0.1',
      port,
      user: userInfo().username,
      identity_file: identity,
      known_hosts_file: knownHosts,
    },
    folder,
    hostKey,
    strangeKey: () => key('strange'),
    async stop() {
      if (server.exitCode === null && server.signalCode === null) {
        server.stdio[3]?.destroy();
        await once(server, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configLines(folder: string, host: string, port: number): string[] {
  return [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${host}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'StrictModes no',
    'PidFile none',
    'MaxStartups 100',
    // bash reads ~/.bashrc for ssh at level 1 only, and that of a developer may take a second.
    'SetEnv SHLVL=2',
  ];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilListening(port: number, ended: () => number | null): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    if (ended() !== null) throw new Error(`sshd ended with exit code ${ended()}`);
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('sshd does not listen');
}
