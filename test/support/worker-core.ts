import { compose, type Core, type CoreOptions } from '../../src/compose.ts';
import { readConfig } from '../../src/config/read.ts';
import { createLog } from '../../src/operations/log.ts';

/** The core of a worker that a test starts as a process of its own and kills. Configured by its environment; nobody votes in it. */
export async function workerCore(more: Pick<CoreOptions, 'runner' | 'wrapStore'> = {}): Promise<Core> {
  const read = readConfig({ env: process.env });
  if (!read.ok) throw new Error(JSON.stringify(read.faults));
  const people = {
    standing: () => Promise.reject(new Error('nobody votes here')),
    eligible: () => Promise.resolve([]),
  };
  const log = createLog({ level: 'error', destination: process.stderr });
  return await compose(read.config, { people, serves: ['backup', 'restore'], role: 'test', ...more }, log);
}
