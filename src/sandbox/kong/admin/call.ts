import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Json } from '../schema/field.ts';
import { type Entity, isRecord } from '../schema/fill.ts';
import { badJson, badRequest, KongRefusal } from './answer.ts';

const UNSUPPORTED =
  '<html>\r\n<head><title>415 Unsupported Media Type</title></head>\r\n<body>\r\n' +
  '<center><h1>415 Unsupported Media Type</h1></center>\r\n</body>\r\n</html>\r\n';

/** Kong refuses this kind of body with a page of its web server, not with JSON. */
export const unsupportedMediaType = {
  status: 415,
  text: UNSUPPORTED,
  headers: { 'Content-Type': 'text/html; charset=UTF-8' },
} as const;

/** The parsed body, or `unsupported` for a content type that Kong does not read. Throws Kong's refusal of bad JSON. */
export async function readBody(request: IncomingMessage): Promise<Entity | 'unsupported'> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const bytes = await buffer(request);
  const text = bytes.toString();
  if (text === '') return {};
  if (type === 'application/x-www-form-urlencoded') return fromForm(new URLSearchParams(text));
  if (type === 'multipart/form-data') return await fromParts(bytes, request.headers['content-type'] ?? '');
  if (type !== 'application/json') return 'unsupported';
  const body = parsed(text);
  if (isRecord(body)) return body;
  throw new KongRefusal(badJson);
}

/** Files of a form by their content, as Kong's keyring takes them. */
async function fromParts(bytes: Buffer, type: string): Promise<Entity> {
  const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } }).formData();
  const fields = [...form].map(async ([name, value]) => [name, typeof value === 'string' ? value : await value.text()]);
  return Object.fromEntries(await Promise.all(fields)) as Entity;
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

/** `a.b=1&list[]=x` becomes an object; numbers and switches are told from text as Kong does. */
function fromForm(form: URLSearchParams): Entity {
  const entity: Entity = {};
  for (const [name, text] of form) {
    const isList = name.endsWith('[]');
    const [outer = '', inner] = name.replace(/\[\]$/, '').split('.');
    const value = isList ? [...((entity[outer] as Json[] | undefined) ?? []), plain(text)] : plain(text);
    entity[outer] = inner === undefined ? value : { ...(entity[outer] as Entity | undefined), [inner]: value };
  }
  return entity;
}

function plain(text: string): Json {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
}

/** Decoded path segments; a trailing slash means nothing. Throws on a path that cannot be decoded. */
export function segmentsOf(pathname: string): string[] {
  try {
    return pathname
      .split('/')
      .filter((part) => part !== '')
      .map((part) => decodeURIComponent(part));
  } catch {
    throw new KongRefusal(badRequest('Bad request'));
  }
}
