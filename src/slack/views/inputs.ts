import type { KnownBlock } from '@slack/types';
import { LIMITS, words } from './kit/blocks.ts';

/** Where one value of a window is. */
export interface Input {
  readonly block: string;
  readonly action: string;
}

/** `view.state.values` as far as our inputs fill it. */
export interface Values {
  readonly [block: string]: {
    readonly [action: string]: {
      readonly value?: string | null;
      readonly selected_option?: { readonly value: string } | null;
    };
  };
}

export interface Choice {
  readonly label: string;
  readonly value: string;
}

/** One of several; with `initial` chosen beforehand. */
export function choice(at: Input, label: string, choices: readonly Choice[], initial?: string): KnownBlock {
  const options = choices.map((one) => ({ text: words(one.label, LIMITS.label), value: one.value }));
  const first = options.find(({ value }) => value === initial);
  return {
    type: 'input',
    block_id: at.block,
    label: words(label, 2000),
    element: {
      type: 'static_select',
      action_id: at.action,
      options,
      placeholder: words('Choose', 150),
      ...(first === undefined ? {} : { initial_option: first }),
    },
  };
}

export interface TextFacts {
  readonly hint: string;
  readonly optional: boolean;
  readonly multiline: boolean;
}

export function typedText(at: Input, label: string, { hint, optional, multiline }: TextFacts, most = 2000): KnownBlock {
  return {
    type: 'input',
    block_id: at.block,
    optional,
    label: words(label, 2000),
    hint: words(hint, 2000),
    element: { type: 'plain_text_input', action_id: at.action, multiline, max_length: most },
  };
}

/** One optional line. */
export function line(at: Input, label: string, hint: string, most: number): KnownBlock {
  return typedText(at, label, { hint, optional: true, multiline: false }, most);
}

/** A destructive act asks to type the gateway's name (behaviour 2.11). */
export function typedName(
  at: Input,
  gateway: string,
  optional = false,
  label = `Type ${gateway} to confirm`,
): KnownBlock {
  return typedText(at, label, { hint: 'The name of the gateway, exactly.', optional, multiline: false }, 100);
}

/** Null when the name was typed; else what to say beside its field. */
export function typedNameFault(values: Values, at: Input, gateway: string): Readonly<Record<string, string>> | null {
  const typed = textOf(values, at);
  if (typed === gateway && gateway !== '') return null;
  const is = typed === '' ? 'Nothing was typed' : `“${typed}” is not the gateway`;
  return { [at.block]: `${is}. Type ${gateway} to confirm.` };
}

export function chosenIn(values: Values, { block, action }: Input): string | undefined {
  return values[block]?.[action]?.selected_option?.value;
}

export function textOf(values: Values, { block, action }: Input): string {
  return values[block]?.[action]?.value?.trim() ?? '';
}
