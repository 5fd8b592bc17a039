import { z } from 'zod';

/** A secret by reference: the name of an environment variable, or a file whose content (less a last newline) it is. */
export const secretReference = z.union(
  [
    z.strictObject({ env: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'an environment variable, e.g. KONG_ADMIN_TOKEN') }),
    z.strictObject({ file: z.string().startsWith('/', 'an absolute path') }),
  ],
  'a reference, never the secret itself: {env: VARIABLE} or {file: /absolute/path}',
);

export const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, 'lower case letters, digits and dashes, at most 40, starting with a letter');
export const absolutePath = z.string().startsWith('/', 'an absolute path');
export const seconds = (low: number, high: number) => z.number().min(low).max(high);

/** How to reach a Kong Admin API. */
export const adminApi = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'an http or https address, e.g. https://kong.internal:8444' })
    .refine((address) => !/^https?:\/\/[^/?#]*@/i.test(address), 'an address without user and password'),
  token: secretReference.optional(),
  ca_file: absolutePath.optional(),
  timeout_seconds: seconds(1, 300).default(10),
  /** Sent with every request, by the bot and by decK: values, or references to secrets. */
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9-]+$/, 'the name of a header'),
      z.union([z.string().regex(/^[^\r\n\0]*$/, 'one line'), secretReference]),
    )
    .optional(),
  /** Where the Admin API asks for a client certificate. Both PEM, on the worker. */
  client_certificate: z.strictObject({ cert_file: absolutePath, key_file: absolutePath }).optional(),
});
