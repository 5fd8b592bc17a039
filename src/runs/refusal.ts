/**
 * A Refusal: the bot says no and it is nobody's bug. Returned, never thrown.
 *
 * `code` is stable (tests, audit and metrics key on it), `message` is one sentence that says what happened and why,
 * `hint` says what to do next. Both are plain text: whoever shows them escapes them.
 */
export interface Refusal {
  readonly refused: true;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Builds a {@link Refusal}. */
export function refuse(code: string, message: string, hint: string): Refusal {
  return { refused: true, code, message, hint };
}

/** True when `value` is a {@link Refusal}; narrows the union that `decide` returns. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value && value.refused === true;
}
