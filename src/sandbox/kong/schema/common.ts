import { isIP } from 'node:net';
import type { Field, Fields, Json } from './field.ts';
import { decimal, integer, list, set, text } from './field.ts';

/** Fields and values that many entities share. */

export const PROTOCOLS = ['grpc', 'grpcs', 'http', 'https', 'tcp', 'tls', 'tls_passthrough', 'udp'] as const;
export const HTTP_PROTOCOLS = ['grpc', 'grpcs', 'http', 'https'] as const;

export const noEmptySegments = [{ pattern: '//', err: 'must not have empty segments' }] as const;
export const path = (rest: Partial<Field> = {}): Field =>
  text({ starts_with: '/', match_none: noEmptySegments, ...rest });
export const port = (rest: Partial<Field> = {}): Field => integer({ between: [0, 65535], ...rest });
export const milliseconds = (value: number): Field => integer({ default: value, between: [1, 2147483646] });
export const strings = (rest: Partial<Field> = {}): Field => list(text(), rest);

export const id: Field = text({ auto: true, uuid: true, len_min: 1 });
const seconds: Field = integer({ timestamp: true, auto: true });
const fraction: Field = decimal({ timestamp: true, auto: true });

export const created: Fields = { id, created_at: seconds };
/** Kong 3 gave every entity an `updated_at`; services and routes had it before. */
export const createdAndUpdated: Fields = { ...created, updated_at: seconds };
export const createdUpdatedSince3: Fields = { ...created, updated_at: { ...seconds, only: '3.9.1' } };
export const createdWithFraction: Fields = {
  id,
  created_at: fraction,
  updated_at: { ...fraction, only: '3.9.1' },
};

export const tags: Field = set(text({ required: true, len_min: 1 }));

export const name = (rest: Partial<Field> = {}): Field =>
  text({ unique: true, len_min: 1, custom: checkName, ...rest });

export function checkName(value: Json): string | null {
  if (typeof value !== 'string' || /^[\w.~\u0080-\u{10ffff}-]*$/u.test(value)) return null;
  return `invalid value '${value}': the only accepted ascii characters are alphanumerics or ., -, _, and ~`;
}

export function checkHost(value: Json): string | null {
  if (typeof value !== 'string') return null;
  const bare = value.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) > 0 || /^[\w*]([\w.-]*\w)?\.?$/.test(value) ? null : `invalid value: ${value}`;
}
