import { afterAll, beforeAll, describe } from 'vitest';
import { destinationOf } from '../../../src/backup/storage/open-destination.ts';
import { need } from '../../support/need.ts';
import { startS3 } from '../../support/backup/s3.ts';
import type { S3Server } from '../../support/backup/s3.ts';
import { destinationContract } from './backup-destination-contract.ts';

describe.skipIf(!need('versitygw'))('S3', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3();
  });
  afterAll(async () => {
    await server.stop();
  });
  destinationContract('s3', async () => destinationOf(server.settings(await server.bucket()), server.secret));
});
