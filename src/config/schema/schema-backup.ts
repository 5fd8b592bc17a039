import { z } from 'zod';
import { absolutePath, name, secretReference } from './pieces.ts';

/** Kong's PostgreSQL database. It may be one of many on its server: nothing else there is read. */
export const database = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65535).default(5432),
  name: z.string().min(1),
  user: z.string().min(1),
  password: secretReference.optional(),
  ssl: z.enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full']).default('prefer'),
  ca_file: absolutePath.optional(),
  /**
   * pg_dump's. Left out: custom as one stream where the set is encrypted or pg_dump runs elsewhere, else directory by
   * parallel jobs.
   */
  format: z.enum(['custom', 'directory', 'tar', 'plain']).optional(),
  /** Also roles and tablespaces of the whole server (pg_dumpall --globals-only), without passwords. */
  globals: z.boolean().optional(),
});

/** How decK dumps this gateway. */
const declarative = z.strictObject({
  /** Only entities with all of these tags; what it leaves out is a gap. */
  select_tags: z.array(z.string().regex(/^[^\s,/]+$/, 'a tag without white space, comma and slash')).default([]),
  /** Workspaces that are dumped at the same time. */
  workspaces_at_once: z.int().min(1).max(16).default(4),
});

/** Where exported keyring material goes: a place that holds nothing that it opens. */
const keyring = z.strictObject({ destination: name });

export const backupParts = { declarative: declarative.prefault({}), keyring: keyring.optional() };
