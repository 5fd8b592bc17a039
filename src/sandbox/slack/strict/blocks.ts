import { z } from 'zod';
import { accessory, actionElement, anyText, blockId, inputElement, picture, plain } from './block-elements.ts';

const section = z
  .strictObject({
    type: z.literal('section'),
    block_id: blockId,
    text: anyText(3000).optional(),
    fields: z.array(anyText(2000)).min(1).max(10).optional(),
    accessory: accessory.optional(),
    expand: z.boolean().optional(),
  })
  .refine((block) => block.text !== undefined || block.fields !== undefined, { error: 'needs text or fields' });

const block = z.discriminatedUnion('type', [
  section,
  z.strictObject({ type: z.literal('header'), block_id: blockId, text: plain(150) }),
  z.strictObject({ type: z.literal('divider'), block_id: blockId }),
  z.strictObject({
    type: z.literal('context'),
    block_id: blockId,
    elements: z
      .array(z.union([picture, anyText(3000)]))
      .min(1)
      .max(10),
  }),
  z.strictObject({
    type: z.literal('image'),
    block_id: blockId,
    image_url: z.string().min(1).max(3000),
    alt_text: z.string().min(1).max(2000),
    title: plain(2000).optional(),
  }),
  z.strictObject({ type: z.literal('actions'), block_id: blockId, elements: z.array(actionElement).min(1).max(25) }),
  z.strictObject({
    type: z.literal('input'),
    block_id: blockId,
    label: plain(2000),
    element: inputElement,
    hint: plain(2000).optional(),
    optional: z.boolean().optional(),
    dispatch_action: z.boolean().optional(),
  }),
]);

const blocks = (limit: number) => z.array(block).max(limit);

const modal = z
  .strictObject({
    type: z.literal('modal'),
    title: plain(24),
    blocks: blocks(100).min(1),
    submit: plain(24).optional(),
    close: plain(24).optional(),
    private_metadata: z.string().max(3000).optional(),
    callback_id: z.string().max(255).optional(),
    external_id: z.string().max(255).optional(),
    clear_on_close: z.boolean().optional(),
    notify_on_close: z.boolean().optional(),
    submit_disabled: z.boolean().optional(),
  })
  .refine((view) => view.submit !== undefined || !view.blocks.some((one) => one.type === 'input'), {
    error: 'a modal with input blocks needs submit',
    path: ['submit'],
  });

const home = z.strictObject({
  type: z.literal('home'),
  blocks: blocks(100),
  private_metadata: z.string().max(3000).optional(),
  callback_id: z.string().max(255).optional(),
  external_id: z.string().max(255).optional(),
});

const message = z.strictObject({ blocks: blocks(50) });

/** Slack's own wording of such complaints: the sentence and where. Empty when all is well. */
export type Complaints = readonly string[];

/** Complaints about a message's blocks. */
export function checkMessageBlocks(value: unknown): Complaints {
  return complaints(message, { blocks: value });
}

/** Complaints about a modal or an App Home view. */
export function checkView(value: unknown): Complaints {
  const isHome = typeof value === 'object' && value !== null && 'type' in value && value.type === 'home';
  return complaints(isHome ? home : modal, value);
}

function complaints(schema: z.ZodType<{ readonly blocks: readonly Checked[] }>, value: unknown): Complaints {
  const checked = schema.safeParse(value);
  if (!checked.success) return checked.error.issues.map((issue) => complaint(issue.message, issue.path));
  return [...repeatedBlockIds(checked.data.blocks), ...repeatedActionIds(checked.data.blocks)];
}

interface Checked {
  readonly type: string;
  readonly block_id?: string | undefined;
  readonly elements?: readonly object[];
}

function complaint(message: string, path: readonly PropertyKey[]): string {
  return `[ERROR] ${message} [json-pointer:/${path.map(String).join('/')}]`;
}

function repeatedBlockIds(list: readonly Checked[]): Complaints {
  const ids = list.map((one) => one.block_id);
  return ids.flatMap((id, at) =>
    id !== undefined && ids.indexOf(id) < at
      ? [complaint(`block_id "${id}" already exists`, ['blocks', at, 'block_id'])]
      : [],
  );
}

function repeatedActionIds(list: readonly Checked[]): Complaints {
  return list.flatMap((one, at) => {
    if (one.type !== 'actions') return [];
    const ids = (one.elements ?? []).map((element) =>
      'action_id' in element && typeof element.action_id === 'string' ? element.action_id : undefined,
    );
    return ids.flatMap((id, i) =>
      id !== undefined && ids.indexOf(id) < i
        ? [complaint(`action_id "${id}" already exists`, ['blocks', at, 'elements', i, 'action_id'])]
        : [],
    );
  });
}
