import type {
  ActionsBlock,
  Button,
  ConfirmationDialog,
  ContextBlock,
  KnownBlock,
  MrkdwnElement,
  PlainTextElement,
} from '@slack/types';
import { cut, plain } from './text.ts';

/** What a message is: the sentence that screen readers and notifications read, and the picture for eyes. */
export interface Drawing {
  readonly text: string;
  readonly blocks: readonly KnownBlock[];
}

/** Slack's limits as published (docs.slack.dev, reference/block-kit and methods/chat.update). */
export const LIMITS = {
  messageBlocks: 50,
  surfaceBlocks: 100,
  text: 4000,
  section: 3000,
  header: 150,
  contextElements: 10,
  contextText: 2000,
  actions: 25,
  label: 75,
  value: 2000,
  confirmTitle: 100,
  confirmText: 300,
  confirmButton: 30,
  modalTitle: 24,
  blockId: 255,
  metadata: 3000,
} as const;

/** A plain_text object, cut to `max`. Emoji codes in it stay what they are: text. */
export function words(text: string, max: number): PlainTextElement {
  return { type: 'plain_text', text: cut(plain(text), max), emoji: true };
}

/** Large bold line. `text` is plain. */
export function header(text: string): KnownBlock {
  return { type: 'header', text: words(text, LIMITS.header) };
}

/**
 * `verbatim`: Slack reads its own markup and leaves plain words alone. Otherwise it would make links of addresses and
 * channel names, and of certain mentions written plainly, which a stranger's text may hold.
 */
function mrkdwn(text: string): MrkdwnElement {
  return { type: 'mrkdwn', text, verbatim: true };
}

/** A paragraph. `text` is mrkdwn: whatever comes from outside must be escaped already. */
export function section(text: string): KnownBlock {
  return { type: 'section', text: mrkdwn(cut(text, LIMITS.section)) };
}

/** Small grey line of facts. */
export function context(...texts: readonly string[]): ContextBlock {
  const shown = texts.filter((text) => text !== '');
  // One element: several stand in columns of their own, which break short facts over many lines.
  const text = cut(shown.join(' · '), LIMITS.contextText);
  return { type: 'context', elements: text === '' ? [] : [mrkdwn(text)] };
}

export function divider(): KnownBlock {
  return { type: 'divider' };
}

/** A row of buttons. */
export function actions(...buttons: readonly Button[]): ActionsBlock {
  return { type: 'actions', elements: buttons.slice(0, LIMITS.actions) };
}

export interface ButtonFacts {
  /** What the handler is registered under. */
  readonly action: string;
  readonly label: string;
  /** What a screen reader says: names run and gateway. */
  readonly says: string;
  /** Opaque, without authority: whoever presses is checked again. */
  readonly value?: string;
  readonly url?: string;
  readonly style?: 'primary' | 'danger';
  readonly confirm?: { readonly title: string; readonly text: string; readonly yes: string; readonly no: string };
}

export function button(facts: ButtonFacts): Button {
  return {
    type: 'button',
    action_id: facts.action,
    text: words(facts.label, LIMITS.label),
    accessibility_label: cut(plain(facts.says), LIMITS.label),
    ...(facts.value === undefined ? {} : { value: cut(facts.value, LIMITS.value) }),
    ...(facts.url === undefined ? {} : { url: facts.url }),
    ...(facts.style === undefined ? {} : { style: facts.style }),
    ...(facts.confirm === undefined ? {} : { confirm: confirmation(facts.confirm, facts.style) }),
  };
}

function confirmation(
  facts: NonNullable<ButtonFacts['confirm']>,
  style: 'primary' | 'danger' | undefined,
): ConfirmationDialog {
  return {
    title: words(facts.title, LIMITS.confirmTitle),
    text: words(facts.text, LIMITS.confirmText),
    confirm: words(facts.yes, LIMITS.confirmButton),
    deny: words(facts.no, LIMITS.confirmButton),
    ...(style === undefined ? {} : { style }),
  };
}

/** What every block_id of a run's message begins with: our own message is found again by it. */
export function ownMark(runId: string, slot: string): string {
  return `${runId}/${slot}/`;
}

/** Puts a message together: numbers the blocks under `mark`, keeps Slack's limits, says so where something is cut. */
export function drawing(mark: string, text: string, blocks: readonly KnownBlock[]): Drawing {
  return { text: cut(text, LIMITS.text), blocks: numbered(mark, blocks, LIMITS.messageBlocks) };
}

/** Gives every block without one a block_id `mark` + position, and cuts at `most` blocks. */
export function numbered(mark: string, blocks: readonly KnownBlock[], most: number): readonly KnownBlock[] {
  const whole = blocks.filter((block) => block.type !== 'context' || block.elements.length > 0);
  const kept =
    whole.length <= most
      ? whole
      : [...whole.slice(0, most - 1), context(`… and ${whole.length - most + 1} more that do not fit here`)];
  return kept.map((block, index) => ({
    ...block,
    block_id: block.block_id ?? `${mark.slice(0, LIMITS.blockId - 24)}${index}-${block.type}`,
  }));
}
