import { compose } from '../../../../src/compose.ts';
import { readConfig } from '../../../../src/config/read.ts';
import { createLog } from '../../../../src/operations/log.ts';
import { doomedRunner, type Death } from '../../../support/backup/doomed-runner.ts';

/** `node restore-doomed-worker.ts R-7 'ALTER DATABASE' sent`: carries out steps until it kills itself at that statement. */
const [, , runId = '', of = '', when = ''] = process.argv;
const death: Death = { of: new RegExp(of), at: 1, when: when === 'sent' ? 'sent' : 'answered' };
const { runner } = doomedRunner(death, () => process.kill(process.pid, 'SIGKILL'));
const { KONG_CHATOPS_CONFIG: path = '' } = process.env;
const read = readConfig({ path, env: process.env });
if (!read.ok) throw new Error(JSON.stringify(read.faults));
const people = { standing: () => Promise.reject(new Error('nobody votes here')), eligible: () => Promise.resolve([]) };
const core = await compose(
  read.config,
  { people, serves: ['backup', 'restore'], role: 'test', runner },
  createLog({ level: 'error', destination: process.stderr }),
);
await core.engine.work(runId);
await core.close(0);
