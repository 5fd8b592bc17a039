import { z } from 'zod';

/** Sizes are Slack's own, as its types and documentation state them; where they differ, the smaller one. */
export const plain = (limit: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(limit), emoji: z.boolean().optional() });

const mrkdwn = (limit: number) =>
  z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(limit), verbatim: z.boolean().optional() });

export const anyText = (limit: number) => z.discriminatedUnion('type', [plain(limit), mrkdwn(limit)]);

export const blockId = z.string().min(1).max(255).optional();
const actionId = z.string().min(1).max(255);
const placeholder = plain(150).optional();
const style = z.enum(['primary', 'danger']).optional();

const confirm = z.strictObject({
  title: plain(100),
  text: anyText(300),
  confirm: plain(30),
  deny: plain(30),
  style,
});

const option = z.strictObject({
  text: anyText(75),
  value: z.string().max(75),
  description: anyText(75).optional(),
  url: z.string().max(3000).optional(),
});
const options = (limit: number) => z.array(option).min(1).max(limit);

const common = { action_id: actionId.optional(), confirm: confirm.optional(), focus_on_load: z.boolean().optional() };

const button = z.strictObject({
  type: z.literal('button'),
  action_id: actionId.optional(),
  text: plain(75),
  value: z.string().max(2000).optional(),
  url: z.string().max(3000).optional(),
  style,
  confirm: confirm.optional(),
  accessibility_label: z.string().max(75).optional(),
});

const select = {
  ...common,
  placeholder,
  options: options(100).optional(),
  option_groups: z
    .array(z.strictObject({ label: plain(75), options: options(100) }))
    .min(1)
    .max(100)
    .optional(),
};
const staticSelect = z
  .strictObject({ type: z.literal('static_select'), ...select, initial_option: option.optional() })
  .refine((element) => (element.options === undefined) !== (element.option_groups === undefined), {
    error: 'needs either options or option_groups',
  })
  .refine((element) => element.initial_option === undefined || offers(element, element.initial_option.value), {
    error: 'initial_option is not one of the options',
    path: ['initial_option'],
  });

interface Offers {
  readonly options?: readonly { readonly value: string }[] | undefined;
  readonly option_groups?: readonly { readonly options: readonly { readonly value: string }[] }[] | undefined;
}
function offers(element: Offers, value: string): boolean {
  const all = element.options ?? element.option_groups?.flatMap((group) => group.options) ?? [];
  return all.some((offered) => offered.value === value);
}

const multiStaticSelect = z.strictObject({
  type: z.literal('multi_static_select'),
  ...select,
  initial_options: options(100).optional(),
  max_selected_items: z.int().min(1).optional(),
});
const peopleSelect = z.strictObject({
  type: z.enum(['users_select', 'conversations_select', 'channels_select']),
  ...common,
  placeholder,
  initial_user: z.string().optional(),
  initial_conversation: z.string().optional(),
  initial_channel: z.string().optional(),
});
const overflow = z.strictObject({
  type: z.literal('overflow'),
  action_id: actionId.optional(),
  options: options(5),
  confirm: confirm.optional(),
});
const choices = z.strictObject({
  type: z.enum(['checkboxes', 'radio_buttons']),
  ...common,
  options: options(10),
  initial_options: options(10).optional(),
  initial_option: option.optional(),
});
const textInput = z.strictObject({
  type: z.literal('plain_text_input'),
  action_id: actionId.optional(),
  placeholder,
  initial_value: z.string().max(3000).optional(),
  multiline: z.boolean().optional(),
  min_length: z.int().min(0).max(3000).optional(),
  max_length: z.int().min(1).max(3000).optional(),
  focus_on_load: z.boolean().optional(),
  dispatch_action_config: z.looseObject({}).optional(),
});
const moment = z.strictObject({
  type: z.enum(['datepicker', 'timepicker', 'datetimepicker']),
  ...common,
  placeholder,
  initial_date: z.string().optional(),
  initial_time: z.string().optional(),
  initial_date_time: z.int().optional(),
  timezone: z.string().optional(),
});
export const picture = z.strictObject({
  type: z.literal('image'),
  image_url: z.string().min(1).max(3000),
  alt_text: z.string().min(1).max(2000),
});

const interactive = [button, staticSelect, multiStaticSelect, peopleSelect, overflow, choices, moment] as const;

/** What may stand in an actions block. */
export const actionElement = z.discriminatedUnion('type', [
  button,
  staticSelect,
  multiStaticSelect,
  peopleSelect,
  overflow,
  choices,
  moment,
  textInput,
]);
/** What may stand at the right of a section. */
export const accessory = z.discriminatedUnion('type', [...interactive, picture]);
/** What may stand in an input block. */
export const inputElement = z.discriminatedUnion('type', [
  textInput,
  staticSelect,
  multiStaticSelect,
  peopleSelect,
  choices,
  moment,
]);
