import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startStandInKong } from '../src/sandbox/kong/stand-in.ts';
import type { StandInOptions } from '../src/sandbox/kong/stand-in.ts';
import { farAway } from './far-away.ts';

export interface KongElsewhere {
  readonly url: string;
  readonly proxyUrl: string;
  /** The same Admin API, where every answer takes `answerMs` longer. */
  readonly farUrl: string;
  stop(): Promise<void>;
}

export type ElsewhereOptions = Pick<StandInOptions, 'databaseUrl' | 'edition'> & { readonly answerMs?: number };

/** A gateway in a process of its own: what it takes to answer must not count as what the bot takes to ask. */
export async function startKongElsewhere(options: ElsewhereOptions): Promise<KongElsewhere> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [places] = (await once(child, 'message')) as [Omit<KongElsewhere, 'stop'>];
  return {
    ...places,
    stop: async () => {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  const { answerMs = 0, ...options } = JSON.parse(process.argv[2] ?? '{}') as ElsewhereOptions;
  const kong = await startStandInKong(options);
  const far = await farAway(kong.url, answerMs);
  process.once('disconnect', () => process.exit(0));
  process.send({ url: kong.url, proxyUrl: kong.proxyUrl, farUrl: far.url });
}
