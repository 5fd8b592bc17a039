import { createStepLocks } from '../../../src/postgres/lock.ts';

// A process that holds a lock and is then frozen from outside.
const lock = await createStepLocks({ url: process.env['LOCK_URL'] ?? '', heartbeatMs: 50 }).acquire('B-6');
process.stdout.write(lock === null ? 'held by another' : 'held');
