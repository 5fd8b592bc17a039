import { isSetId } from './set-id.ts';
import type { SetRef } from './set-id.ts';

/** A name that stays inside its folder: the last guard before a path is built. Throws on any other. */
export function plainName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._~-]{0,199}$/.test(text)) return text;
  throw new Error(`not a plain file name: ${JSON.stringify(text)}`);
}

/** The name of a set as a folder. Throws on anything that no run can have made. */
export function setName(ref: SetRef): string {
  if (isSetId(ref.set)) return ref.set;
  throw new Error(`not a set id: ${JSON.stringify(ref.set)}`);
}
