import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openRunner } from '../../../src/run-command/runner-for.ts';
import { faultOf } from '../../support/fault-of.ts';
import { need } from '../../support/need.ts';
import { startSshd } from '../../support/backup/sshd.ts';
import type { TestSshd } from '../../support/backup/sshd.ts';
import { runCommandContract } from './contract.ts';
import { filesContract } from './files-contract.ts';

async function open() {
  const sshd = await startSshd();
  return { place: sshd.place, end: async () => await sshd.stop() };
}

describe.skipIf(!need('sshd'))('over ssh to a real sshd', () => {
  runCommandContract('ssh', open);
  filesContract('ssh', open);
});

describe.skipIf(!need('sshd'))('ssh that cannot', () => {
  let sshd: TestSshd;
  let at = '';
  const command = { program: 'true', args: [] };
  const attempt = async (change: Partial<TestSshd['place']> = {}) =>
    await faultOf(openRunner({ ...sshd.place, ...change }).run(command));

  beforeAll(async () => {
    sshd = await startSshd();
    at = `127.0.0.1:${sshd.place.port}`;
  });
  afterAll(async () => await sshd.stop());

  test('recognise the host key stops loudly, sends nothing and is not tried again', async () => {
    const file = join(sshd.folder, 'other_known_hosts');
    const key = readFileSync(`${sshd.strangeKey()}.pub`, 'utf8');
    writeFileSync(file, `[127.0.0.1]:${sshd.place.port} ${key}`);
    expect(await attempt({ known_hosts_file: file })).toEqual({
      code: 'ssh.host-key-changed',
      message: `ATTENTION: [127.0.0.1]:${sshd.place.port} shows another host key than the one in ${file}. It is another machine, or somebody stands in between. Nothing was sent to it.`,
      hint: 'Ask whoever runs that machine whether its key was changed, and compare the fingerprint by another way, before you replace the line in that file.',
      retryable: false,
    });
  });

  test('find the host key says how to add it', async () => {
    const file = join(sshd.folder, 'empty_known_hosts');
    writeFileSync(file, '');
    const fault = await attempt({ known_hosts_file: file });
    expect(fault).toMatchObject({
      code: 'ssh.host-key-unknown',
      hint: `Add it after comparing its fingerprint: ssh-keyscan -p ${sshd.place.port} 127.0.0.1 >> ${file}`,
      retryable: false,
    });
  });

  test('log in with a key that nobody authorized is not tried again', async () => {
    const key = join(sshd.folder, 'host'); // a key pair, and not the authorized one
    expect(await attempt({ identity_file: key })).toEqual({
      code: 'ssh.refused',
      message: `${at} refused the login as ${sshd.place.user} with the key ${key}: ${sshd.place.user}@127.0.0.1: Permission denied (publickey).`,
      hint: "Put the public key into that user's ~/.ssh/authorized_keys there; the private key must be readable by the bot's user alone (chmod 600).",
      retryable: false,
    });
    expect(await attempt({ identity_file: '/no/such/key' })).toMatchObject({
      code: 'ssh.refused',
      message: expect.stringContaining('There is no key /no/such/key on the worker, so ') as string,
    });
  });

  test('reach the machine is tried again', async () => {
    const closed = await startSshd();
    await closed.stop();
    const { place } = sshd;
    expect(await attempt({ port: closed.place.port })).toEqual({
      code: 'ssh.unreachable',
      message: `127.0.0.1:${closed.place.port} cannot be reached by ssh: ssh: connect to host 127.0.0.1 port ${closed.place.port}: Connection refused.`,
      hint: 'Look whether the machine is up and whether a firewall stands between; it is tried again.',
      retryable: true,
    });
    expect(await faultOf(openRunner({ ...place, host: 'no-such-host.invalid' }).run(command))).toMatchObject({
      code: 'ssh.unreachable',
    });
  });

  test('be found itself says what installs it', async () => {
    expect(await faultOf(openRunner(sshd.place, { path: '/nowhere' }).run(command))).toEqual({
      code: 'ssh.missing',
      message: 'There is no ssh on the worker, so nothing can be run on the gateway from here.',
      hint: 'Install it where the worker runs: apt-get install openssh-client (Debian, Ubuntu), dnf install openssh-clients (Red Hat).',
      retryable: false,
    });
  });

  test('get a shell says what the login needs', async () => {
    const closed = await startSshd(['ForceCommand echo This account is currently not available.; exit 1']);
    const fault = await faultOf(openRunner(closed.place).run(command));
    await closed.stop();
    expect(fault).toEqual({
      code: 'ssh.no-shell',
      message: `127.0.0.1:${closed.place.port} took the login and ran no command: This account is currently not available.`,
      hint: 'The user needs a login shell there that can run /bin/sh, with env, dd, mktemp and mkfifo (coreutils or busybox).',
      retryable: false,
    });
  });

  test('keep its connection tells that the program was cut off, and not how it ended', async () => {
    let said = '';
    const running = openRunner(sshd.place).start({
      program: 'sh',
      // The program's wrapper is a child of the sshd process that serves this connection.
      args: ['-c', 'echo "served by" $(ps -o ppid= -p "$PPID") "."; exec sleep 600'],
    });
    running.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const server = await vi.waitFor(() => {
      const found = Number(/served by (\d+) \./.exec(said)?.[1]);
      if (!(found > 1)) throw new Error('not said yet');
      return found;
    });
    process.kill(server, 'SIGKILL');
    expect(await faultOf(running.done)).toEqual({
      code: 'command.connection-lost',
      message: 'The connection to 127.0.0.1 (ssh) was lost while sh ran there; the program was ended with it.',
      hint: 'It is tried again. When this happens often, look at the network between the worker and that machine.',
      retryable: true,
    });
  });
});

describe.skipIf(!need('sshd'))('a machine that talks before it works', () => {
  test('spoils no output: greetings of its shell are left out', async () => {
    const chatty = await startSshd([
      'ForceCommand echo Welcome; printf "no line end"; echo Authorized use only >&2; exec sh -c "$SSH_ORIGINAL_COMMAND"',
    ]);
    const finished = await openRunner(chatty.place).run({ program: 'sh', args: ['-c', 'echo out; echo err >&2'] });
    await chatty.stop();
    expect(finished).toMatchObject({ exitCode: 0, stdout: 'out\n', stderr: 'err\n' });
  });
});
