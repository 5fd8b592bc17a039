import { collectAlone, giveBack } from '../src/heap.ts';
import type { Taken } from './backup.ts';
import { peakMb } from './peak.ts';

/** What this process is told by its argument. */
export interface Workplace {
  readonly databaseUrl: string;
  readonly url: string;
  readonly proxyUrl: string;
  readonly home: string;
}

/** What it answers to each number. */
export interface Worked {
  readonly taken: Taken;
  readonly peakMb: number;
}

// A worker's process with every library that it holds: takes the backup of each number that it is sent.
const { databaseUrl, url, proxyUrl, home } = JSON.parse(process.argv[2] ?? '{}') as Workplace;
collectAlone();
await import('../src/main.ts');
const { takeBackup } = await import('./backup.ts');
const { depsOf, newEncryption } = await import('./gateway.ts');
giveBack();
const deps = await depsOf(databaseUrl, { url, proxyUrl }, home, (await newEncryption()).closing);

process.on('message', (number: number) => {
  void takeBackup(deps, home, number).then((taken) => process.send?.({ taken, peakMb: peakMb() } satisfies Worked));
});
process.once('disconnect', () => process.exit(0));
process.send?.('up');
