import { connect } from 'node:net';
import { secretHere } from '../../config/secret.ts';
import type { Config } from '../../config/schema.ts';
import type { ScheduleConfig } from '../../config/schema/schema-schedules.ts';
import { fail, ok, warn, type Check, type Finding } from './check.ts';

const CONNECT_MS = 5_000;
const NOT_CALLED = 'not called, because a call says that all is well';

/** The watchers outside. A connection is all that can be tried: whoever calls the address tells them of a success. */
export function heartbeatChecks(config: Config): readonly Check[] {
  return config.gateways.flatMap(({ name, schedules }) =>
    (['backup', 'drill'] as const).flatMap((kind) => {
      const timing = schedules[kind];
      if (timing === undefined || timing === 'none' || timing.heartbeat === undefined) return [];
      const { heartbeat } = timing;
      const about = `${name}: heartbeat of ${kind}`;
      return [{ about, look: async () => [await heartbeatFinding(about, config, heartbeat)] }];
    }),
  );
}

/** The address is a secret and stands in no finding. */
async function heartbeatFinding(
  about: string,
  config: Config,
  reference: NonNullable<ScheduleConfig['heartbeat']>,
): Promise<Finding> {
  const secret = secretHere(config, reference);
  if (secret === null) {
    const hint = 'Needed by the process that calls it: the bot, or a worker where no bot runs.';
    return warn(about, 'its address is not here', hint);
  }
  const address = URL.parse(secret);
  if (address === null || !/^https?:$/.test(address.protocol)) {
    return fail(about, 'the secret is no http or https address', 'Put the address there that the watcher gave you.');
  }
  const problem = await problemOf(address);
  if (problem === null) return ok(about, `the watcher outside can be reached; ${NOT_CALLED}`);
  return warn(
    about,
    `the watcher outside cannot be reached from here (${problem}); ${NOT_CALLED}`,
    'Look at its address and the way to it: DNS, firewall. Where only a proxy leads out (NODE_USE_ENV_PROXY=1) this says nothing.',
  );
}

/** Null once a connection stands, else the code of what went wrong. */
async function problemOf({ hostname, port, protocol }: URL): Promise<string | null> {
  const socket = connect({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
  });
  return await new Promise((resolve) => {
    const end = (problem: string | null) => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(CONNECT_MS, () => end('ETIMEDOUT'));
    socket.once('connect', () => end(null));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.name));
  });
}
