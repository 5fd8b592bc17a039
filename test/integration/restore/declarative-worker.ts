import { compose } from '../../../src/compose.ts';
import { readConfig } from '../../../src/config/read.ts';
import { createLog } from '../../../src/operations/log.ts';

/** `node declarative-worker.ts R-7`: a worker of its own that carries out the steps of one run. The test kills it. */
const { KONG_CHATOPS_CONFIG: path = '' } = process.env;
const read = readConfig({ path, env: process.env });
if (!read.ok) throw new Error(JSON.stringify(read.faults));
const people = { standing: () => Promise.reject(new Error('nobody votes here')), eligible: () => Promise.resolve([]) };
const core = await compose(
  read.config,
  { people, serves: ['backup', 'restore'], role: 'test' },
  createLog({ level: 'error', destination: process.stderr }),
);
await core.engine.work(process.argv[2] ?? '');
await core.close(0);
