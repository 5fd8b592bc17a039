import type { Json } from '../schema/field.ts';
import { type Entity, isRecord } from '../schema/fill.ts';
import type { Errors } from '../schema/validate.ts';

/** What goes back to the caller. Without a body nothing is sent but the headers. */
export interface Answer {
  readonly status: number;
  readonly body?: Json;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Kong says no. Thrown from anywhere below a handler; the server sends its answer. */
export class KongRefusal extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`Kong answers ${answer.status}`);
    this.answer = answer;
  }
}

const message = (status: number, words: string): Answer => ({ status, body: { message: words } });

export const ok = (body: Json): Answer => ({ status: 200, body });
export const created = (body: Json): Answer => ({ status: 201, body });
export const noContent: Answer = { status: 204 };
export const notFound = message(404, 'Not found');
export const methodNotAllowed = message(405, 'Method not allowed');
export const unexpected = message(500, 'An unexpected error occurred');
export const badJson = message(400, 'Cannot parse JSON body');
export const badRequest = (words: string): Answer => message(400, words);
export const forbidden = (words: string): Answer => message(403, words);
export const unauthorized = (words: string): Answer => message(401, words);

/** The original has this; the stand-in does not, and says so instead of pretending. */
export const notBuilt = (what: string): Answer => message(501, `the stand-in Kong does not do this: ${what}`);

const failed = (status: number, code: number, name: string, words: string, fields?: Json): KongRefusal =>
  new KongRefusal({ status, body: { code, name, message: words, ...(fields !== undefined && { fields }) } });

export const invalidKey = (): KongRefusal =>
  failed(400, 1, 'invalid primary key', `invalid primary key: '{id="expected a valid UUID"}'`, {
    id: 'expected a valid UUID',
  });

export function schemaViolation(errors: Errors): KongRefusal {
  const sentences = sentencesOf(errors, '');
  const count = sentences.length > 1 ? `${sentences.length} schema violations` : 'schema violation';
  return failed(400, 2, 'schema violation', `${count} (${sentences.join('; ')})`, errors);
}

function sentencesOf(errors: Errors, prefix: string): string[] {
  return Object.entries(errors)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([field, wrong]) => {
      if (typeof wrong === 'string') return [`${prefix}${field}: ${wrong}`];
      if (Array.isArray(wrong)) return [...(wrong as readonly string[])];
      return sentencesOf(wrong as Errors, `${prefix}${field}.`);
    });
}

export const primaryKeyTaken = (id: string): KongRefusal =>
  failed(400, 3, 'primary key violation', `primary key violation on key '{id="${id}"}'`, { id });

export const foreignMissing = (field: string, id: string, reference: string): KongRefusal =>
  failed(
    400,
    4,
    'foreign key violation',
    `the foreign key '{id="${id}"}' does not reference an existing '${reference}' entity.`,
    { [field]: { id } },
  );

export const referencedBy = (name: string, by: string): KongRefusal =>
  failed(400, 4, 'foreign key violation', `an existing '${by}' entity references this '${name}' entity`, {
    '@referenced_by': by,
  });

export function uniqueTaken(fields: Entity): KongRefusal {
  const words = `UNIQUE violation detected on '${luaText(fields)}'`;
  return failed(409, 5, 'unique constraint violation', words, fields);
}

/** Kong is wordier than usual about a certificate that is not there. */
export const certificateNotFound = (id: string): KongRefusal =>
  failed(404, 6, 'not found', `could not find the entity with primary key '{id="${id}"}'`, { id });

export const badOffset = (offset: string, why: string): KongRefusal =>
  failed(400, 7, 'invalid offset', `'${offset}' is not a valid offset: ${why}`);

export const badSize = (words: string): KongRefusal => failed(400, 9, 'invalid size', words);

/** A value as Kong prints it in messages: `{name="x",service={id="…"}}`, keys sorted. */
export function luaText(value: Json): string {
  if (Array.isArray(value)) return `{${(value as readonly Json[]).map(luaText).join(',')}}`;
  if (!isRecord(value)) return value === null ? 'null' : JSON.stringify(value);
  const parts = Object.keys(value)
    .sort()
    .map((key) => `${key}=${luaText(value[key] ?? null)}`);
  return `{${parts.join(',')}}`;
}
