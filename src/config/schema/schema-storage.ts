import { z } from 'zod';
import { absolutePath, name, secretReference } from './pieces.ts';
import { retention } from './schema-schedules.ts';

/** Keyring material never lies where the data lies that it opens (behaviour 5.6): a place holds one or the other. */
const holds = z.enum(['data', 'keyring']).default('data');
/** Where sets are kept. */
export const destination = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ name, kind: z.literal('local'), path: absolutePath, holds, retention: retention.optional() }),
    z.strictObject({
      name,
      kind: z.literal('s3'),
      /** Left out for AWS itself. */
      endpoint: z.url({ protocol: /^https?$/, error: 'an http or https address' }).optional(),
      region: z
        .string()
        .regex(/^[a-z0-9-]+$/, 'a region, e.g. eu-central-1')
        .default('us-east-1'),
      bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket'),
      /** Before the names of all objects; a slash is put behind it. */
      prefix: z
        .string()
        .regex(/^[A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*$/, 'names with slashes between them, e.g. backups/kong')
        .optional(),
      /** Left out where the machine has a role of its own. */
      credentials: z.strictObject({ access_key_id: secretReference, secret_access_key: secretReference }).optional(),
      force_path_style: z.boolean().default(false),
      /** Nobody can change or remove a published set for so many days. The bucket must have object lock. */
      object_lock_days: z.int().min(1).max(36_500).optional(),
      holds,
      retention: retention.optional(),
    }),
  ],
  'local or s3',
);

/** Who can open the sets. */
export const encryption = z.strictObject({
  /** Public keys of whoever may read the sets. Every artifact can be opened by each of them alone. */
  recipients: z
    .array(
      z
        .string()
        .regex(/^age1[ac-hj-np-z02-9]{58}$/, 'a public X25519 key of age: age1 and 58 more characters (age-keygen -y)'),
    )
    .min(1)
    .max(20),
  /** The private key, on workers alone that restore or drill; backups need none. */
  identity: secretReference.optional(),
});
