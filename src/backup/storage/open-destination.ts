import type { Config, DestinationConfig } from '../../config/schema.ts';
import type { Destination } from './destination.ts';
import { LocalDestination } from './local.ts';
import { S3Destination } from './s3/destination.ts';
import type { Bucket } from './s3/objects.ts';

/** One per part of the configuration, because a client keeps its connections. */
const opened = new WeakMap<DestinationConfig, Destination>();

/** A configured destination. Nothing is asked of it yet; secrets are read at the moment of use. */
export function destinationOf(settings: DestinationConfig, secret: Config['secret']): Destination {
  const destination = opened.get(settings) ?? open(settings, secret);
  opened.set(settings, destination);
  return destination;
}

function open(settings: DestinationConfig, secret: Config['secret']): Destination {
  if (settings.kind === 'local') return new LocalDestination(settings.name, settings.path);
  let bucket: Promise<Bucket> | null = null;
  return new S3Destination(settings, () => {
    bucket ??= import('./s3/objects.ts').then(({ openBucket }) => openBucket(settings, secret));
    return bucket;
  });
}
