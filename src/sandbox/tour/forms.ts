import { OPS } from '../slack/cast.ts';
import type { SlackView } from '../slack/control.ts';
import type { Stage } from './stage.ts';
import { Unexpected } from './step.ts';

/** The form once it is loaded: the bot opens a window at once and fills it as soon as it knows what to ask. */
export function form(stage: Stage, callback: string): Promise<SlackView> {
  return stage.control.until(`the form ${callback}`, () => {
    const modal = stage.control.modal();
    return modal?.callback_id === callback ? modal : null;
  });
}

/** Does something that begins a run, and answers the run's id: that of the first new card. */
export async function newRun(stage: Stage, begin: () => Promise<void>): Promise<string> {
  const cards = async (): Promise<string[]> =>
    (await stage.control.messages(OPS)).flatMap((one) => {
      const id = one.blocks?.[0]?.block_id ?? '';
      return /^[A-Z]-\d+\/card\//.test(id) ? [id.slice(0, id.indexOf('/'))] : [];
    });
  const before = new Set(await cards());
  await begin();
  return stage.control.until('a new card', async () => (await cards()).find((id) => !before.has(id)));
}

/** The state of a select whose option with this value was chosen. */
export function choice(blocks: readonly { readonly [key: string]: unknown }[], value: string | RegExp): object {
  const elements = blocks.map((block) => block['element'] as { options?: { value: string }[] } | undefined);
  const isMeant = (one: string): boolean => (typeof value === 'string' ? one === value : value.test(one));
  const selected = elements.flatMap((element) => element?.options ?? []).find((option) => isMeant(option.value));
  if (selected === undefined) throw new Unexpected(`the form does not offer ${String(value)}`, JSON.stringify(blocks));
  return { type: 'static_select', selected_option: selected };
}

/** The state of a field that somebody typed into. */
export function text(value: string): object {
  return { type: 'plain_text_input', value };
}
