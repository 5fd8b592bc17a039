import { parentPort, workerData } from 'node:worker_threads';
import { answerFor } from './declarative-reader.ts';

// oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin
const answer = await answerFor(String(workerData), (read) => parentPort?.postMessage({ read }));
parentPort?.postMessage(answer);
