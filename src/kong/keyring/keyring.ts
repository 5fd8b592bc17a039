import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Fault } from '../../runs/fault.ts';
import { connectAdmin } from '../admin/admin-request.ts';
import type { AdminApiOptions, Answer, Send } from '../admin/admin-request.ts';

/** Reading a row whose key is missing takes Kong some 25 s before it says 500. */
const SLOW_MS = 60_000;

/** The keys in the memory of a node. */
export interface KeyringSeen {
  readonly ids: readonly string[];
  readonly active: string | null;
}

/** The keyring of one Kong Enterprise node: `cluster` strategy, as documented for 2.8 to 3.10. Throws Faults (`keyring.…`, `kong.…`). */
export interface Keyring {
  look(): Promise<KeyringSeen>;
  /** Brings back the keys that the database holds, by the private half of `keyring_recovery_public_key`. Answers their ids. */
  recover(privateKeyPem: string): Promise<readonly string[]>;
  /** Brings back exported keys; the node needs its own `keyring_private_key` for it. */
  importKeys(data: string): Promise<void>;
  activate(id: string): Promise<void>;
  /** Lists of encrypted fields that cannot be read. `read`: how many rows were read in all, of which nothing is kept. */
  sealed(): Promise<{ readonly lists: readonly string[]; readonly read: number }>;
  close(): Promise<void>;
}

const seenSchema = z.object({ ids: z.array(z.string()).or(z.strictObject({})), active: z.string().nullish() });
const recovered = z.object({ recovered: z.array(z.string()).or(z.strictObject({})).default([]) });
const page = z.object({ data: z.array(z.unknown()).or(z.strictObject({})) });

/** Entities with fields that Kong encrypts. */
const ENCRYPTED = ['certificates', 'key-auths', 'basic-auths', 'hmac-auths', 'jwts', 'oauth2'] as const;

export function openKeyring(options: AdminApiOptions): Keyring {
  const { send, close } = connectAdmin({ ...options, timeoutMs: Math.max(SLOW_MS, options.timeoutMs) });
  return {
    async look() {
      const answer = await send('GET', '/keyring');
      const parsed = seenSchema.safeParse(answer.body);
      if (answer.status !== 200 || !parsed.success) throw refused(answer, 'show its keyring', options.gateway);
      const { ids, active } = parsed.data;
      return { ids: Array.isArray(ids) ? ids : [], active: active ?? null };
    },
    recover: (pem) => recover(send, pem, options.gateway),
    async importKeys(data) {
      const body = { type: 'application/json', content: JSON.stringify({ data }) };
      const answer = await send('POST', '/keyring/import', body);
      if (answer.status >= 300) throw refused(answer, 'import the exported keys', options.gateway);
    },
    async activate(id) {
      const body = { type: 'application/json', content: JSON.stringify({ key: id }) };
      const answer = await send('POST', '/keyring/activate', body);
      if (answer.status >= 300) throw refused(answer, `activate the key ${id}`, options.gateway);
    },
    sealed: () => sealedLists(send),
    close,
  };
}

/** Kong takes the key as a file of a form. It never travels in an address or a header. */
async function recover(send: Send, pem: string, gateway: string): Promise<readonly string[]> {
  const boundary = `kong-chatops-${randomBytes(16).toString('hex')}`;
  const content = [
    `--${boundary}`,
    'Content-Disposition: form-data; name="recovery_private_key"; filename="recovery_private_key.pem"',
    'Content-Type: application/x-pem-file',
    '',
    pem.trimEnd(),
    `--${boundary}--`,
    '',
  ].join('\r\n');
  const answer = await send('POST', '/keyring/recover', { type: `multipart/form-data; boundary=${boundary}`, content });
  const parsed = recovered.safeParse(answer.body);
  if (answer.status >= 300 || !parsed.success) throw refused(answer, 'recover its keys', gateway);
  const ids = parsed.data.recovered;
  if (Array.isArray(ids) && ids.length > 0) return ids;
  throw new Fault(
    'keyring.wrong-key',
    `The recovery key opens none of the keys in the restored database of ${gateway}: nothing was recovered.`,
    'Give the private half of the keyring_recovery_public_key that was in force when the set was taken (restore.keyring_recovery_key), then roll this run back and restore again.',
  );
}

async function sealedLists(send: Send): Promise<{ readonly lists: readonly string[]; readonly read: number }> {
  const lists: string[] = [];
  let read = 0;
  for (const list of ENCRYPTED) {
    const { status, body } = await send('GET', `/${list}?size=100`);
    if (status >= 500) lists.push(list);
    const parsed = page.safeParse(body);
    if (status === 200 && parsed.success && Array.isArray(parsed.data.data)) read += parsed.data.data.length;
  }
  return { lists, read };
}

/** Never what Kong says: that may be of the key. */
function refused({ status }: Answer, doing: string, gateway: string): Fault {
  return new Fault(
    'keyring.refused',
    `Kong did not ${doing} (${gateway}): HTTP ${status}.`,
    status === 401 || status === 403
      ? 'Give the Admin token the permissions for /keyring and what is below it.'
      : 'Look at the error log of Kong, and at keyring_enabled, keyring_strategy, keyring_private_key and keyring_recovery_public_key in its kong.conf.',
    { retryable: status === 429 || status >= 500 },
  );
}
