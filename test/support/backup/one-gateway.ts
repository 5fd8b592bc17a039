import { join } from 'node:path';
import { configSchema } from '../../../src/config/schema.ts';
import type { ConfigFile, GatewayConfig } from '../../../src/config/schema.ts';

/** The gateway `production` with what a test says of it, and its limits. Its sets lie in `main` below `home`. */
export function oneGateway(home: string, parts: object): { gateway: GatewayConfig; limits: ConfigFile['limits'] } {
  const { gateways, limits } = configSchema.parse({
    slack: { team: 'T01LOCAL' },
    people: [{ id: 'U01ALICE', name: 'Alice' }],
    groups: [{ name: 'operators', roles: ['operator'] }],
    destinations: [{ name: 'main', kind: 'local', path: join(home, 'main') }],
    signing: { private_key: { env: 'SIGNING_KEY' } },
    gateways: [{ name: 'production', environment: 'production', channel: 'C02OPS', destinations: ['main'], ...parts }],
  });
  const [gateway] = gateways;
  if (gateway === undefined) throw new Error('one gateway');
  return { gateway, limits };
}
