import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** What an event may carry: plain JSON, no dates, no undefined, no functions. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** RFC 8785 canonical JSON: the one text of a value, so that a digest of it means something. Throws on NaN or Infinity. */
export function canonicalText(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('only JSON values have a canonical text');
  return text;
}

/** SHA-256 of the canonical text, 64 hexadecimal digits. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalText(value), 'utf8').digest('hex');
}
