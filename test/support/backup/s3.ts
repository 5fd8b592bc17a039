import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectLockConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import type { DestinationConfig, S3Config } from '../../../src/config/schema.ts';
import { programPath } from '../need.ts';

export const ACCESS_KEY = 'kongchatops';
export const SECRET_KEY = 'not-so-secret-in-a-test';

export interface S3Server {
  readonly url: string;
  /** For looking at what lies there, beside the code under test. */
  readonly client: S3Client;
  /** A new, empty bucket. */
  bucket(options?: { readonly lock?: boolean }): Promise<string>;
  /** A destination's part of the configuration. */
  settings(bucket: string, more?: Partial<S3Config>): Extract<DestinationConfig, { kind: 's3' }>;
  secret: (reference: { readonly env: string } | { readonly file: string }) => string;
  stop(): Promise<void>;
}

/** A versitygw of its own on a free port: it checks signatures and checksums. `root`: where its objects lie. */
export async function startS3(options: { readonly root?: string } = {}): Promise<S3Server> {
  const home = await mkdtemp(join(tmpdir(), 'kong-chatops-s3-'));
  const root = options.root ?? join(home, 'root');
  for (const folder of [root, join(home, 'iam'), join(home, 'versions')]) await mkdir(folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = execa(
    programPath('versitygw') ?? '',
    [
      '--quiet',
      '--port',
      `127.0.0.1:${port}`,
      '--iam-dir',
      join(home, 'iam'),
      'posix',
      '--versioning-dir',
      join(home, 'versions'),
      root,
    ],
    { env: { ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY }, reject: false, all: true },
  );
  const client = new S3Client({
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
  });
  await untilListening(port);
  let made = 0;
  return {
    url,
    client,
    bucket: async ({ lock = false } = {}) => {
      const Bucket = `sets-${(made += 1)}`;
      await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: lock }));
      if (lock)
        await client.send(
          new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' } }),
        );
      return Bucket;
    },
    settings: (bucket, more = {}) => ({
      name: 'offsite',
      kind: 's3',
      endpoint: url,
      region: 'us-east-1',
      bucket,
      credentials: { access_key_id: { env: 'S3_ID' }, secret_access_key: { env: 'S3_SECRET' } },
      force_path_style: true,
      holds: 'data',
      ...more,
    }),
    secret: (reference) => ('env' in reference && reference.env === 'S3_ID' ? ACCESS_KEY : SECRET_KEY),
    stop: async () => {
      client.destroy();
      server.kill('SIGKILL');
      await server;
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function untilListening(port: number): Promise<void> {
  const { connect } = await import('node:net');
  for (let tries = 0; tries < 200; tries += 1) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('versitygw did not start');
}
