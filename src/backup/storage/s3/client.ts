import { S3Client } from '@aws-sdk/client-s3';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import type { Config, S3Config } from '../../../config/schema.ts';

const CONNECT_MS = 5000;
/** Between two bytes, and for one request: a part of 16 MiB over a slow line takes its time. */
const IDLE_MS = 30_000;
const REQUEST_MS = 300_000;
/** A rotated key is seen after this. */
const CREDENTIALS_MS = 300_000;

/** A client of one destination. Requests are tried three times; nothing is asked before the first of them. */
export function s3Client(settings: S3Config, secret: Config['secret']): S3Client {
  const { region, endpoint, credentials, force_path_style: forcePathStyle } = settings;
  const config: S3ClientConfig = {
    region,
    forcePathStyle,
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: IDLE_MS,
      requestTimeout: REQUEST_MS,
      throwOnRequestTimeout: true,
    },
    // What is sent carries a checksum that the server compares. What is read is compared with the signed SHA-256, which
    // tells damage from a bad line.
    requestChecksumCalculation: 'WHEN_SUPPORTED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  };
  if (endpoint !== undefined) config.endpoint = endpoint;
  if (credentials !== undefined)
    config.credentials = async () => ({
      accessKeyId: secret(credentials.access_key_id),
      secretAccessKey: secret(credentials.secret_access_key),
      expiration: new Date(Date.now() + CREDENTIALS_MS),
    });
  return new S3Client(config);
}
