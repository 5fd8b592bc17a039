import { describe, expect, test } from 'vitest';
import { configSchema } from '../../../src/config/schema.ts';
import { schemaFaults } from '../../../src/config/schema/schema-faults.ts';
import { runnerFor } from '../../../src/run-command/runner-for.ts';

const gateway = configSchema.shape.gateways.element.pick({ run: true });
const SSH = { kind: 'ssh', host: 'kong-1', identity_file: '/etc/id', known_hosts_file: '/etc/known' };
const POD = { kind: 'kubectl', namespace: 'edge', container: 'proxy' };

/** What somebody reads who wrote this: place, found, allowed. */
function faults(run: unknown): string[] {
  const { error } = gateway.safeParse({ run });
  const issues = (error?.issues ?? []).map((issue) => ({ ...issue, path: ['gateways', 0, ...issue.path] }));
  return schemaFaults(issues, { gateways: [{ run }] }).map(
    ({ path, found, allowed }) => `${path}: found ${found}; allowed: ${allowed}`,
  );
}

describe('where commands of a gateway run', () => {
  test('is the worker unless told otherwise, and only there programs see its files', () => {
    expect(runnerFor(gateway.parse({}))).toMatchObject({ where: 'local', sameHost: true });
    expect(runnerFor(gateway.parse({ run: SSH }))).toMatchObject({ where: 'kong-1 (ssh)', sameHost: false });
    expect(runnerFor(gateway.parse({ run: { kind: 'docker', container: 'kong' } }))).toMatchObject({
      where: 'kong (docker)',
      sameHost: false,
    });
    expect(runnerFor(gateway.parse({ run: { ...POD, pod: 'kong-0' } }))).toMatchObject({
      where: 'kong-0 in edge (kubectl)',
      sameHost: false,
    });
  });

  test('is the same runner for the same place, because tools are looked for once', () => {
    expect(runnerFor(gateway.parse({ run: SSH }))).toBe(runnerFor(gateway.parse({ run: { ...SSH } })));
    expect(runnerFor(gateway.parse({ run: { ...SSH, port: 2222 } }))).not.toBe(runnerFor(gateway.parse({ run: SSH })));
  });
});

describe('a wrong place', () => {
  test.each([
    [{ kind: 'telnet' }, ['gateways[0].run.kind: found "telnet"; allowed: local, ssh, docker or kubectl']],
    [{ ...SSH, known_hosts_file: undefined }, ['gateways[0].run.known_hosts_file: found nothing; allowed: a text']],
    [
      { ...SSH, host: '-oProxyCommand=id' },
      ['gateways[0].run.host: found "-oProxyCommand=id"; allowed: a host name or an IP address'],
    ],
    [
      { ...SSH, identity_file: '/keys/my key' },
      [
        'gateways[0].run.identity_file: found "/keys/my key"; allowed: an absolute path on the worker without spaces, quotes, backslashes, % and $',
      ],
    ],
    [
      { kind: 'docker', container: '--privileged' },
      [
        'gateways[0].run.container: found "--privileged"; allowed: the name or id of a container: letters, digits and _ . -',
      ],
    ],
    [POD, ['gateways[0].run.pod: found nothing; allowed: either pod (a name) or selector (labels), one of the two']],
    [
      { ...POD, pod: 'kong-0', selector: 'app=kong' },
      ['gateways[0].run.pod: found "kong-0"; allowed: either pod (a name) or selector (labels), one of the two'],
    ],
    [
      { kind: 'docker', container: 'kong', host: 'tcp://x' },
      ['gateways[0].run.host: found a key that does not exist here; allowed: kind, container or user'],
    ],
  ])('%j is refused in plain words', (run, said) => {
    expect(faults(run)).toEqual(said);
  });
});
