import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadModule } from './ask-thread.ts';

// oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin
const { script, data } = workerData as { readonly script: string; readonly data: unknown };
const { answer } = (await import(script)) as ThreadModule;
parentPort?.postMessage({ answer: await answer(data, (word) => parentPort?.postMessage({ word })) });
