import { HTTP_PROTOCOLS, PROTOCOLS } from '../schema/common.ts';
import type { Check, Field, Fields } from '../schema/field.ts';
import { foreign, set, text } from '../schema/field.ts';

/** One bundled plugin: the fields of its configuration and the rules that Kong checks over them. */
export interface Plugin {
  readonly config: Fields;
  readonly shorthand?: Fields;
  readonly checks?: readonly Check[];
  /** It authenticates, so it cannot belong to one consumer. */
  readonly noConsumer?: true;
  readonly protocols?: Fields;
}

export const noConsumer: Fields = { consumer: foreign('consumers', { eq: null }) };

const protocols = (allowed: readonly string[]): Field =>
  set(text({ one_of: [...allowed], required: true, len_min: 1 }), { required: true, default: [...HTTP_PROTOCOLS] });

export const httpOnly: Fields = { protocols: protocols(HTTP_PROTOCOLS) };
export const anyProtocol: Fields = { protocols: protocols(PROTOCOLS) };
