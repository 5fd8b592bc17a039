import { subscribe } from 'node:diagnostics_channel';
import { flushCompileCache } from 'node:module';
import type { EventStore } from '../../../src/engine/ports.ts';
import type { RunCommand } from '../../../src/run-command/command.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { workUntilQuiet } from '../work.ts';
import { workerCore } from '../worker-core.ts';
import { unpackFates, type Fate } from './fates.ts';

// `node doomed-worker.ts R-7 FATES`: a worker of its own that works on one run until it is quiet, or its fate comes.
const [, , runId = '', packed = '{}'] = process.argv;
const fates = unpackFates(packed);
let fate: Fate | undefined;

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

const wrapStore = (store: EventStore): EventStore => ({
  ...store,
  append: async (request) => {
    const ends = request.events.some(({ type }) => type === 'step.succeeded');
    if (ends && fate === 'unrecorded') die();
    const result = await store.append(request);
    if (ends && fate === 'recorded') die();
    for (const { type, data } of request.events) {
      if (type === 'step.started') fate = fates[data.step]?.[data.attempt - 1];
    }
    if (fate === 'started') die();
    return result;
  },
});

/** Something outside of this process is done: `POST /config`, `rm -rf -- /folder`. */
function done(what: string): void {
  if (fate instanceof RegExp && fate.test(what)) die();
}

subscribe('undici:request:headers', (message) => {
  const { request } = message as { request: { method: string; path: string } };
  done(`${request.method} ${request.path}`);
});
const real = localRunner();
const runner: RunCommand = {
  ...real,
  run: async (command) => {
    const finished = await real.run(command);
    done([command.program, ...command.args].join(' '));
    return finished;
  },
  writeFile: async (path, ...more) => {
    await real.writeFile(path, ...more);
    done(`write ${path}`);
  },
};

const core = await workerCore({ wrapStore, runner });
// Whoever is killed keeps nothing for its successor.
flushCompileCache();
await workUntilQuiet(core, runId);
await core.close(0);
