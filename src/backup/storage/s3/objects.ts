import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectRetentionCommand,
} from '@aws-sdk/client-s3';
import type { HeadObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { Config, S3Config } from '../../../config/schema.ts';
import { s3Client } from './client.ts';
import { isForbidden, isNotFound, isPreconditionFailed } from './faults.ts';

/** 10,000 parts are the most that S3 takes: 160 GB. Two parts are on their way and a third is read. */
const PART_BYTES = 16 * 1024 * 1024;
const PARTS_AT_ONCE = 2;
/** How long an aborted upload may take to clean up after itself. */
const CLEAN_UP_MS = 2000;
/** Tells our own write from somebody else's when an answer was lost. */
const WRITE_ID = 'kong-chatops-write';

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
}

/** Until when nobody may change or remove an object. */
export type Until = Date | null;

/** The few requests that a destination makes of a bucket, one function each. Errors are the library's own. */
export class Bucket {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  /** Streams an object of unknown size, in parts when it is large. False: something is already there. */
  async upload(key: string, source: Readable, signal: AbortSignal): Promise<boolean> {
    const write = randomUUID();
    const upload = new Upload({
      client: this.#client,
      params: {
        Bucket: this.#bucket,
        Key: key,
        Body: source,
        IfNoneMatch: '*',
        ChecksumAlgorithm: 'CRC32',
        Metadata: { [WRITE_ID]: write },
      },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
    });
    // Its own abort leaves parts behind that are still on their way; a broken source makes it clean up first.
    const stop = (): void => void source.destroy(abortError(signal));
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) stop();
      await Promise.race([upload.done(), givenUp(signal)]);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      return await this.#wasOurs(key, write, error);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** A small object, only where there is none. False: something is already there. */
  async create(key: string, text: string, until: Until = null): Promise<boolean> {
    const write = randomUUID();
    try {
      await this.#client.send(
        new PutObjectCommand({
          Bucket: this.#bucket,
          Key: key,
          Body: text,
          IfNoneMatch: '*',
          Metadata: { [WRITE_ID]: write },
          ...(until === null ? {} : { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: until }),
        }),
      );
      return true;
    } catch (error) {
      return await this.#wasOurs(key, write, error);
    }
  }

  /** A small object, whatever was there. */
  async put(key: string, text: string): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.#bucket, Key: key, Body: text }));
  }

  /** Null when there is none. */
  async head(key: string): Promise<HeadObjectCommandOutput | null> {
    try {
      return await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key }));
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  /** Null when there is none. */
  async get(key: string, signal?: AbortSignal): Promise<Readable | null> {
    try {
      const { Body } = await this.#client.send(
        new GetObjectCommand({ Bucket: this.#bucket, Key: key }),
        signal === undefined ? {} : { abortSignal: signal },
      );
      return (Body as Readable | undefined) ?? null;
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  /**
   * Harmless when there is none. In a bucket with versions that very version goes, because a mere mark would leave it to
   * be paid for, and some servers take the mark for an object; where the key may not do that, the mark is set.
   */
  async remove(key: string): Promise<void> {
    const there = await this.head(key);
    if (there === null) return;
    const whole = { Bucket: this.#bucket, Key: key };
    if (there.VersionId !== undefined && there.VersionId !== 'null') {
      try {
        await this.#client.send(new DeleteObjectCommand({ ...whole, VersionId: there.VersionId }));
        return;
      } catch (error) {
        if (!isForbidden(error)) throw error;
      }
    }
    await this.#client.send(new DeleteObjectCommand(whole));
  }

  /** Removes an object, in a bucket with versions that very version: a mark would hide it and leave it to be paid for. */
  async erase(key: string): Promise<void> {
    const there = await this.head(key);
    if (there === null) return;
    const version = there.VersionId === undefined || there.VersionId === 'null' ? {} : { VersionId: there.VersionId };
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key, ...version }));
  }

  /** Until when object lock keeps an object; null: nothing keeps it, as far as this key may know. */
  async lockedUntil(key: string): Promise<Until> {
    const there = await this.head(key);
    if (there?.ObjectLockLegalHoldStatus === 'ON') return new Date(8_640_000_000_000_000);
    return there?.ObjectLockRetainUntilDate ?? null;
  }

  async list(prefix: string): Promise<readonly StoredObject[]> {
    const found: StoredObject[] = [];
    let from: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: prefix, ContinuationToken: from }),
      );
      for (const { Key, Size } of page.Contents ?? [])
        if (Key !== undefined) found.push({ key: Key, bytes: Size ?? 0 });
      from = page.NextContinuationToken;
    } while (from !== undefined);
    return found;
  }

  /** The names directly below a prefix that have something below them, without slashes. */
  async folders(prefix: string): Promise<readonly string[]> {
    const found: string[] = [];
    let from: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: prefix, Delimiter: '/', ContinuationToken: from }),
      );
      for (const { Prefix } of page.CommonPrefixes ?? []) found.push((Prefix ?? '').slice(prefix.length, -1));
      from = page.NextContinuationToken;
    } while (from !== undefined);
    return found;
  }

  /** Parts of uploads that were never completed: they are in no list of objects, and cost as much. */
  async unfinished(prefix: string): Promise<readonly { readonly key: string; readonly id: string }[]> {
    const page = await this.#client.send(new ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: prefix }));
    return (page.Uploads ?? []).flatMap(({ Key, UploadId }) =>
      Key !== undefined && UploadId !== undefined && Key.startsWith(prefix) ? [{ key: Key, id: UploadId }] : [],
    );
  }

  async abandon(key: string, id: string): Promise<void> {
    try {
      await this.#client.send(new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key: key, UploadId: id }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async hasObjectLock(): Promise<boolean> {
    try {
      const found = await this.#client.send(new GetObjectLockConfigurationCommand({ Bucket: this.#bucket }));
      return found.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async retain(key: string, until: Date): Promise<void> {
    await this.#client.send(
      new PutObjectRetentionCommand({
        Bucket: this.#bucket,
        Key: key,
        Retention: { Mode: 'GOVERNANCE', RetainUntilDate: until },
      }),
    );
  }

  /** An answer that was lost makes the library ask again, and then our own object is in our way. */
  async #wasOurs(key: string, write: string, error: unknown): Promise<boolean> {
    if (!isPreconditionFailed(error) && !isNotFound(error)) throw error;
    const there = await this.head(key);
    if (there === null) throw error;
    return there.Metadata?.[WRITE_ID] === write;
  }
}

/** The bucket of a destination. */
export function openBucket(settings: S3Config, secret: Config['secret']): Bucket {
  return new Bucket(s3Client(settings, secret), settings.bucket);
}

function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted');
}

async function givenUp(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }
  await wait(CLEAN_UP_MS, undefined, { ref: false });
  throw abortError(signal);
}
