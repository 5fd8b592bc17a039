import type { Json } from '../schema/field.ts';
import { isUuid } from '../schema/validate.ts';
import { badOffset, badSize } from './answer.ts';
import type { Version } from '../version.ts';

const DEFAULT_SIZE = 100;
const LARGEST_SIZE = 1000;

export function pageSize(query: URLSearchParams): number {
  const given = query.get('size');
  if (given === null) return DEFAULT_SIZE;
  const size = Number(given);
  if (given.trim() === '' || Number.isNaN(size)) throw badSize('size must be a number');
  if (Number.isInteger(size) && size >= 1 && size <= LARGEST_SIZE) return size;
  throw badSize(`size must be an integer between 1 and ${LARGEST_SIZE}`);
}

/** The primary key after which the page starts, hidden in the offset; null for the first page. */
export function readOffset(query: URLSearchParams): readonly Json[] | null {
  const offset = query.get('offset');
  if (offset === null) return null;
  if (!/^[\w+/=-]*$/.test(offset)) throw badOffset(offset, 'bad base64 encoding');
  const key = parsed(Buffer.from(offset, 'base64').toString());
  if (!Array.isArray(key)) throw badOffset(offset, 'bad json encoding');
  if (!isUuid(String(key[0]))) throw badOffset(offset, 'bad json encoding');
  return key as Json[];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

export function writeOffset(key: readonly Json[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** A page of a list; `offset` and `next` tell where the following one starts. */
export function page(data: readonly Json[], offset: string | null, next: string): Json {
  return offset === null ? { data, next: null } : { data, offset, next };
}

/** What must be repeated to get the following page; version 2 forgets the size. */
export function nextQuery(offset: string | null, query: URLSearchParams, version: Version): string {
  const tags = query.get('tags');
  const size = query.get('size');
  const repeated = [
    ...(tags === null ? [] : [`tags=${encodeURIComponent(tags)}`]),
    ...(size === null || version === '2.8.5' ? [] : [`size=${size}`]),
  ];
  return [`offset=${encodeURIComponent(offset ?? '')}`, ...repeated].join('&');
}
