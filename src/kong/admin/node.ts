import { Fault } from '../../runs/fault.ts';
import { connectAdmin } from './admin-request.ts';
import type { AdminApiOptions } from './admin-request.ts';

/** Empties the caches of one Kong node. `DELETE /cache` acts on the node that answers and on no other (facts I4). */
export async function purgeCache(options: AdminApiOptions): Promise<void> {
  const { send, close } = connectAdmin(options);
  try {
    const { status, question } = await send('DELETE', '/cache');
    if (status >= 200 && status < 300) return;
    throw new Fault(
      'kong.not-purged',
      `Kong at ${question.address} answered ${status} to DELETE /cache.`,
      status === 401 || status === 403
        ? 'Give the token of this node the right to delete /cache, or restart the node.'
        : 'Look at the error log of this node, or restart it.',
    );
  } finally {
    await close();
  }
}
