import { z } from 'zod';
import type { Values } from '../views/inputs.ts';
import type { ModalOrigin } from '../views/modals.ts';

/** What a window brings back: only what it showed counts, whatever else stands in it. */
export interface ComingBack {
  readonly values: Values;
  /** What it cannot have been asked, by block; null: nothing. */
  readonly faults: Readonly<Record<string, string>> | null;
  /** Whether something can be said beside this block: to errors of other blocks Slack shows "trouble connecting". */
  readonly has: (block: string) => boolean;
}

const option = z.looseObject({ value: z.string() });
const input = z.looseObject({
  type: z.literal('input'),
  block_id: z.string(),
  element: z.looseObject({
    action_id: z.string(),
    options: z.array(option).optional(),
    initial_option: option.optional(),
  }),
});
type Shown = z.infer<typeof input>;

const anything = z.looseObject({});
const typed = z.looseObject({ value: z.string().nullish() });
const chosen = z.looseObject({ selected_option: option.nullish() });

/** Reads a window that was sent: `blocks` as they were drawn, `state` as the person left it. Never throws. */
export function comingBack(view: { readonly blocks: unknown; readonly state: unknown }): ComingBack {
  const shown = Array.isArray(view.blocks) ? view.blocks.flatMap((block) => input.safeParse(block).data ?? []) : [];
  const state = part(view.state, 'values');
  const values: Record<string, Values[string]> = {};
  const faults: Record<string, string> = {};
  for (const one of shown) {
    const raw = part(part(state, one.block_id), one.element.action_id);
    const value = one.element.options === undefined ? typedIn(raw) : chosenOf(one, raw);
    if (value === null) faults[one.block_id] = 'That cannot have come from this window. Close it and open it again.';
    else values[one.block_id] = { [one.element.action_id]: value };
  }
  return {
    values,
    faults: Object.keys(faults).length === 0 ? null : faults,
    has: (block) => shown.some((one) => one.block_id === block),
  };
}

/**
 * What makes one delivery of a window and its copies: who sent what was opened by that press or command. The window's own
 * id stands in where nothing says so (a window of an older version): a copy may bear another one.
 */
export function windowKey(
  { id, callback_id: name }: { readonly id: string; readonly callback_id: string },
  { opened }: Pick<ModalOrigin, 'opened'>,
  person: string,
): string {
  return opened === undefined ? `view:${id}` : `window:${name}:${person}:${opened}`;
}

type Value = Values[string][string];

/** Null: it is no text. */
function typedIn(raw: unknown): Value | null {
  const { data } = typed.safeParse(raw);
  return data === undefined ? null : { value: data.value ?? null };
}

/** What was proposed counts where a client sends no choice that nobody changed. Null: it was not offered. */
function chosenOf({ element }: Shown, raw: unknown): Value | null {
  const { data } = chosen.safeParse(raw);
  if (data === undefined) return null;
  const choice = data.selected_option ?? element.initial_option;
  if (choice === undefined) return { selected_option: null };
  return element.options?.some(({ value }) => value === choice.value) === true
    ? { selected_option: { value: choice.value } }
    : null;
}

/** One part of what somebody sent: an empty object where nothing was, and what is no object stays none. */
function part(of: unknown, name: string): unknown {
  const { data } = anything.safeParse(of ?? {});
  return data === undefined ? of : (data[name] ?? {});
}
