import type { AdminApi } from '../admin/admin.ts';
import { Fault } from '../../runs/fault.ts';

/** The configuration that a node without a database serves, as `GET /config` shows it. It holds secrets. */
export async function shownConfig(admin: Pick<AdminApi, 'look'>, node: string): Promise<string> {
  const { status, body } = await admin.look('config');
  const config = (body as { config?: unknown } | null | undefined)?.config;
  if (status === 200 && typeof config === 'string') return config;
  throw new Fault(
    'node-configuration',
    `Node ${node} does not show its configuration: GET /config answered HTTP ${status}.`,
    status === 401 || status === 403
      ? 'Give the token of this node the permission to read /config.'
      : 'Look whether this node runs without a database, and at its error log.',
  );
}
