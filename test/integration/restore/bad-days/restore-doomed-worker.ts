import { doomedRunner, type Death } from '../../../support/backup/doomed-runner.ts';
import { workerCore } from '../../../support/worker-core.ts';

/** `node restore-doomed-worker.ts R-7 'ALTER DATABASE' sent`: carries out steps until it kills itself at that statement. */
const [, , runId = '', of = '', when = ''] = process.argv;
const death: Death = { of: new RegExp(of), at: 1, when: when === 'sent' ? 'sent' : 'answered' };
const { runner } = doomedRunner(death, () => process.kill(process.pid, 'SIGKILL'));
const core = await workerCore({ runner });
await core.engine.work(runId);
await core.close(0);
