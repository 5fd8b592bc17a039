import type { Button, KnownBlock } from '@slack/types';

/** Kinds that the bot draws with; everything else is not shown by local Slacks and old clients (decision 20). */
const KINDS = new Set(['section', 'header', 'divider', 'context', 'image', 'actions', 'input']);

interface Measured {
  readonly path: string;
  readonly text: string;
  readonly max: number;
}

/** What Slack would refuse of these blocks, as sentences; empty when it would take them. */
export function blockFaults(blocks: readonly KnownBlock[], most: number): string[] {
  const faults = blocks.length > most ? [`${blocks.length} blocks, at most ${most}`] : [];
  const ids = blocks.map((block) => block.block_id ?? '');
  if (ids.includes('')) faults.push('a block without an id');
  if (new Set(ids).size !== ids.length) faults.push('a block_id twice');
  for (const [index, block] of blocks.entries()) {
    if (!KINDS.has(block.type)) faults.push(`${index}: kind ${block.type}`);
    if ((block.block_id ?? '').length > 255) faults.push(`${index}: block_id too long`);
    for (const { path, text, max } of measured(block)) {
      if (text.length === 0) faults.push(`${index}/${path}: empty`);
      if (text.length > max) faults.push(`${index}/${path}: ${text.length} characters, at most ${max}`);
      if (!text.isWellFormed()) faults.push(`${index}/${path}: half a character`);
    }
    faults.push(...counts(block).map((fault) => `${index}: ${fault}`));
  }
  return faults;
}

function counts(block: KnownBlock): string[] {
  if (block.type === 'context') return within(block.elements.length, 10) ? [] : ['context elements'];
  if (block.type === 'actions') {
    const ids = new Set(block.elements.map((element) => element.action_id));
    const faults = within(block.elements.length, 25) ? [] : ['action elements'];
    return ids.size === block.elements.length ? faults : [...faults, 'an action_id twice'];
  }
  if (block.type !== 'input' || block.element.type !== 'static_select') return [];
  return within(block.element.options?.length ?? 0, 100) ? [] : ['select options'];
}

function within(count: number, most: number): boolean {
  return count > 0 && count <= most;
}

function measured(block: KnownBlock): Measured[] {
  switch (block.type) {
    case 'section':
      return [{ path: 'text', text: block.text?.text ?? '', max: 3000 }];
    case 'header':
      return [{ path: 'text', text: block.text.text, max: 150 }];
    case 'context':
      return block.elements.map((element, index) => ({
        path: `elements/${index}`,
        text: 'text' in element ? element.text : 'image',
        max: 2000,
      }));
    case 'actions':
      return buttonsOf([block]).flatMap((button, index) => measuredButton(button, `elements/${index}`));
    case 'input':
      return [
        { path: 'label', text: block.label.text, max: 2000 },
        ...(block.element.type === 'static_select'
          ? (block.element.options ?? []).flatMap((option, index) => [
              { path: `options/${index}/text`, text: option.text.text, max: 75 },
              { path: `options/${index}/value`, text: option.value ?? '', max: 75 },
            ])
          : []),
      ];
    default:
      return [];
  }
}

function measuredButton(button: Button, path: string): Measured[] {
  const { confirm } = button;
  return [
    { path: `${path}/text`, text: button.text.text, max: 75 },
    { path: `${path}/accessibility_label`, text: button.accessibility_label ?? '', max: 75 },
    { path: `${path}/action_id`, text: button.action_id ?? '', max: 255 },
    ...(button.value === undefined ? [] : [{ path: `${path}/value`, text: button.value, max: 2000 }]),
    ...(button.url === undefined ? [] : [{ path: `${path}/url`, text: button.url, max: 3000 }]),
    ...(confirm === undefined
      ? []
      : [
          { path: `${path}/confirm/title`, text: confirm.title?.text ?? '', max: 100 },
          { path: `${path}/confirm/text`, text: confirm.text.text, max: 300 },
          { path: `${path}/confirm/confirm`, text: confirm.confirm?.text ?? '', max: 30 },
          { path: `${path}/confirm/deny`, text: confirm.deny?.text ?? '', max: 30 },
        ]),
  ];
}

/** Every button of the blocks. */
export function buttonsOf(blocks: readonly KnownBlock[]): Button[] {
  return blocks.flatMap((block) =>
    block.type === 'actions' ? block.elements.filter((element): element is Button => element.type === 'button') : [],
  );
}

/** Everything in angle brackets that Slack would read as a command, in text and mrkdwn; plain text is never read so. */
export function rawTokens(drawn: { readonly text: string; readonly blocks: readonly KnownBlock[] }): string[] {
  const texts = [drawn.text, ...drawn.blocks.flatMap(mrkdwnOf)];
  return texts.flatMap((text) => text.match(/<[^>]*>?/g) ?? []);
}

function mrkdwnOf(block: KnownBlock): string[] {
  if (block.type === 'section') return block.text?.type === 'mrkdwn' ? [block.text.text] : [];
  return block.type === 'context' ? block.elements.flatMap((one) => ('text' in one ? [one.text] : [])) : [];
}
