import { workerCore } from '../../support/worker-core.ts';

/** `node declarative-worker.ts R-7`: a worker of its own that carries out the steps of one run. The test kills it. */
const core = await workerCore();
await core.engine.work(process.argv[2] ?? '');
await core.close(0);
