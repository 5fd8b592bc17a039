import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { CliPorts } from '../../src/cli/ports.ts';
import { runCli } from '../../src/cli/program.ts';
import type { ExitCode, Terminal } from '../../src/cli/terminal.ts';

/** What a command printed, and its exit code. */
export interface Ran {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

export interface TestTerminal extends Terminal {
  readonly lines: { readonly out: string[]; readonly err: string[] };
}

export function testTerminal(change: Partial<Terminal> = {}): TestTerminal {
  const lines = { out: [] as string[], err: [] as string[] };
  return {
    stdout: new Writable({
      write: (chunk: Buffer, _, done) => {
        lines.out.push(chunk.toString('utf8'));
        done();
      },
    }),
    out: (line) => void lines.out.push(line),
    err: (line) => void lines.err.push(line),
    env: {},
    host: 'bastion',
    systemUser: 'alice',
    now: () => new Date(),
    stop: new AbortController().signal,
    pollMs: 10,
    ...change,
    lines,
  };
}

/** Ports of which a test gives those that it needs; the others say so when they are called. */
export function testPorts(given: Partial<CliPorts> = {}): CliPorts {
  const absent = (name: string) => async (): Promise<never> => {
    throw new Error(`this test gave no port ${name}`);
  };
  return {
    connect: absent('connect'),
    start: absent('start'),
    migrate: absent('migrate'),
    verifyDatabase: absent('verifyDatabase'),
    verifyExport: absent('verifyExport'),
    exportTrail: absent('exportTrail'),
    checks: absent('checks'),
    ...given,
  };
}

export async function ran(
  args: readonly string[],
  terminal: TestTerminal,
  ports: Partial<CliPorts> = {},
): Promise<Ran> {
  const code = await runCli(args, terminal, testPorts(ports));
  return { code, out: terminal.lines.out.join('\n'), err: terminal.lines.err.join('\n') };
}

/** The people of test/support/story.ts, with Alice, Bob and Dora on the command line. */
const CONFIG = `slack: {team: T01LOCAL}
people:
  - {id: U01ALICE, name: Alice, system_user: alice}
  - {id: U02BOB, name: Bob, system_user: bob}
  - {id: U03CAROL, name: Carol}
  - {id: U05GUS, name: Gus, system_user: gus}
groups:
  - {name: operators, roles: [operator], members: [U01ALICE]}
  - {name: approvers, roles: [approver], members: [U02BOB, U03CAROL]}
destinations: [{name: main, kind: local, path: /tmp/main}]
gateways:
  - name: production
    environment: production
    admin_api: {url: http://127.0.0.1:8001}
    channel: C02OPS
    destinations: [main]
  - name: staging
    environment: staging
    admin_api: {url: http://127.0.0.1:8001}
    channel: C02OPS
    destinations: [main]
signing: {private_key: {env: SIGNING_KEY}}
`;

/** A valid configuration file in a folder of its own, and the environment that goes with it. */
export function testConfig(databaseUrl = 'postgres://bot@127.0.0.1/bot') {
  const folder = mkdtempSync(join(tmpdir(), 'kong-chatops-cli-'));
  const path = join(folder, 'kong-chatops.yaml');
  writeFileSync(path, CONFIG);
  return {
    folder,
    path,
    env: { KONG_CHATOPS_CONFIG: path, DATABASE_URL: databaseUrl, SIGNING_KEY: 'a key' },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
