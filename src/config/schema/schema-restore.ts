import { z } from 'zod';
import { absolutePath, adminApi, name, seconds, secretReference } from './pieces.ts';

const requestPath = z.string().regex(/^\/[^\s#]*$/, 'a path from / on, e.g. /orders/health');
const host = z.string().regex(/^[A-Za-z0-9.:-]+$/, 'a host name, e.g. shop.example.com');
const header = z.string().regex(/^[A-Za-z0-9-]+$/, 'the name of a header');

/** One Kong node: each holds caches and a proxy of its own (DELETE /cache acts on one node only). */
const node = z.strictObject({
  name,
  /** Left out: the gateway's own. */
  admin_api: adminApi.optional(),
  /** Where the proofs of a restore are asked. Left out: nothing is proven on this node. */
  proxy_url: z
    .url({ protocol: /^https?$/, error: 'an http or https address, e.g. http://kong-1.internal:8000' })
    .optional(),
  proxy_ca_file: absolutePath.optional(),
  /** A program and its arguments, started where the gateway's commands run: [kong, reload, -p, /usr/local/kong]. */
  reload: z
    .union(
      [z.literal('none'), z.strictObject({ command: z.array(z.string().min(1)).min(1) })],
      'none, or {command: [program, argument, …]}',
    )
    .default('none'),
});

const credential = z.strictObject({
  /** Header that carries it: apikey, Authorization … */
  header,
  /** The whole value of the header. */
  value: secretReference,
});

const smokeRequest = z.strictObject({
  path: requestPath,
  host: host.optional(),
  headers: z.record(header, z.union([z.string(), secretReference])).default({}),
  expect_status: z.int().min(100).max(599).default(200),
});

const restore = z.strictObject({
  /** How long the way back stays open after a restore went live. */
  hold_hours: z.number().min(0.001).max(720).default(24),
  /** A database beside the gateway's on the same server, to connect to while that one is renamed. */
  maintenance_database: z.string().min(1).default('postgres'),
  /** How long open connections may take to go before the swap gives up and leaves everything as it was. */
  connections_seconds: seconds(1, 600).default(30),
  /** How long the nodes may take to show the restored state. */
  proof_seconds: seconds(0.1, 600).default(30),
  /** Requests that decK has under way at once while it syncs (its own --parallelism). */
  sync_parallelism: z.int().min(1).max(100).default(10),
  /** Kong's own program and its first arguments, where the gateway's commands run: for a fresh database. */
  kong_command: z.array(z.string().min(1)).min(1).default(['kong']),
  /** Kong Enterprise with a keyring: the private half of keyring_recovery_public_key, in PEM. Read when it is needed. */
  keyring_recovery_key: secretReference.optional(),
  /** A route that asks for a credential, and a credential that it admits. Left out: routes are derived from the data. */
  proof: z.strictObject({ path: requestPath, host: host.optional(), credential }).optional(),
  /** Requests through every node's proxy that must answer as said after a restore. */
  smoke: z.array(smokeRequest).default([]),
});

export const restoreParts = { nodes: z.array(node).default([]), restore: restore.prefault({}) };

export const drills = z.strictObject({
  /** A PostgreSQL of the worker, at least as new as the gateways', whose role may create databases. Left out: the bot's own, as its owner. */
  database_url: secretReference.optional(),
});

export type NodeConfig = z.infer<typeof node>;
export type RestoreConfig = z.infer<typeof restore>;
