import type { Operations } from '../../engine/ports.ts';
import type { Camera, Picture } from '../browser.ts';
import { OPS } from '../slack/cast.ts';
import type { SlackControl, SlackView } from '../slack/control.ts';
import type { Block, SlackMessage } from '../slack/strict/edge.ts';
import type { StrictSlack } from '../slack/strict.ts';
import type { Workspace } from '../workspace.ts';
import { Unexpected } from './step.ts';

/** Where the tour through Slack is played. */
export interface Stage {
  readonly world: Workspace;
  readonly slack: StrictSlack;
  readonly control: SlackControl;
  readonly operations: Operations;
  /** What later steps need of earlier ones: run ids by gateway or story. */
  readonly runs: Map<string, string>;
  /** Every drawing of every message so far, by its timestamp: edits included. */
  readonly drawings: Map<string, SlackMessage[]>;
  /** Null without `--screenshots`. */
  readonly camera: Camera | null;
}

/** What it takes to type, to press and to read: tests of a whole bot have that much, too. */
export type Watching = Pick<Stage, 'control' | 'drawings'>;

/** Starts to record every drawing of every message. */
export function recordDrawings(control: SlackControl): Map<string, SlackMessage[]> {
  const drawings = new Map<string, SlackMessage[]>();
  control.watch((message) => void drawings.set(message.ts, [...(drawings.get(message.ts) ?? []), message]));
  return drawings;
}

/** Types a command in #ops and answers what came back to that person alone. */
export function typed(stage: Watching, user: string, command: string, text = ''): Promise<SlackMessage> {
  return privately(stage, user, `${command} ${text}`, () =>
    stage.control.command({ user, channel: OPS, command, text }),
  );
}

/** Presses a button of a message, whether or not it still shows it; answers what came back to that person alone. */
export function pressed(stage: Watching, user: string, message: SlackMessage, action: string): Promise<SlackMessage> {
  return privately(stage, user, action, () => press(stage, user, message, action));
}

/** The same without waiting for an answer: what opens a modal has none. */
export function press(stage: Watching, user: string, message: SlackMessage, action: string): Promise<void> {
  const drawn = [...(stage.drawings.get(message.ts) ?? []), message];
  const found = drawn.flatMap((one) => buttonsOf(one.blocks ?? [])).findLast((one) => one.action_id === action);
  if (found === undefined) throw new Unexpected(`it never had a button ${action}`, wordsOf(message));
  return stage.control.click({ user, channel: message.channel, ts: message.ts, ...found });
}

async function privately(stage: Watching, user: string, what: string, act: () => Promise<void>): Promise<SlackMessage> {
  const answers = async (): Promise<readonly SlackMessage[]> =>
    (await stage.control.messages(OPS)).filter((one) => one.ephemeral_to === user);
  const before = (await answers()).length;
  await act();
  return stage.control.until(`the answer to ${what}`, async () => (await answers())[before]);
}

/** The card of a run once it is as `seen` wants it. Throws {@link Unexpected} with the card as it is after 30 s. */
export async function cardOf(
  stage: Stage,
  runId: string,
  what: string,
  seen: (words: string) => boolean,
): Promise<SlackMessage> {
  let last: SlackMessage | undefined;
  const look = async (): Promise<SlackMessage | null> => {
    last = (await stage.control.messages(OPS)).find((one) => isSlot(one, runId, 'card'));
    return last !== undefined && seen(wordsOf(last)) ? last : null;
  };
  try {
    return await stage.control.until(`the card of ${runId} to be ${what}`, look);
  } catch (error) {
    const card = last === undefined ? `there is no card of ${runId}` : wordsOf(last);
    const came = `${card}\nThe run itself: ${await truth(stage, runId)}`;
    throw new Unexpected(error instanceof Error ? error.message : String(error), came);
  }
}

/** Where the run is by its events, for the case that its card does not say so. */
async function truth(stage: Stage, runId: string): Promise<string> {
  const known = await stage.operations.run(runId);
  if (known === null) return 'unknown';
  const latest = known.events.slice(-6).map(({ version, type, at }) => `${version} ${type} ${at}`);
  return `version ${known.run.version}, ${known.run.outcome ?? 'not ended'}: ${latest.join(', ')}`;
}

/** The run that a story began; an error of ours when it did not. */
export function runOf(stage: Stage, story: string): string {
  const runId = stage.runs.get(story);
  if (runId === undefined) throw new Error(`the tour has not begun the run of ${story}`);
  return runId;
}

/** The id of a run in a text: `B-142`. */
export function runIn(text: string): string {
  const found = /\b[A-Z]-\d+\b/.exec(text)?.[0];
  if (found === undefined) throw new Unexpected('it names no run', text);
  return found;
}

/** Our messages carry run and slot in their block ids (decision 21). */
export function isSlot(message: SlackMessage, runId: string, slot: string): boolean {
  return message.blocks?.some(({ block_id }) => block_id?.startsWith(`${runId}/${slot}/`) === true) === true;
}

/** Everything that a message or a view says, blocks included, one text a line. */
export function wordsOf(shown: SlackMessage | SlackView): string {
  const own = 'text' in shown ? [shown.text] : [];
  return [...own, ...textsIn(shown.blocks ?? [])].join('\n');
}

function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) =>
    key === 'text' && typeof one === 'string' ? [one] : key === 'confirm' ? [] : textsIn(one),
  );
}

interface Button {
  readonly action_id: string;
  readonly block_id?: string;
  readonly value?: string;
}

function buttonsOf(blocks: readonly Block[]): Button[] {
  return blocks.flatMap((block) => {
    const elements = (block['elements'] ?? []) as readonly { type: string; action_id?: string; value?: string }[];
    return elements.flatMap(({ type, action_id, value }) =>
      type === 'button' && action_id !== undefined
        ? [
            {
              action_id,
              ...(block.block_id === undefined ? {} : { block_id: block.block_id }),
              ...(value === undefined ? {} : { value }),
            },
          ]
        : [],
    );
  });
}

/** Takes a picture when there is a camera. */
export async function picture(stage: Stage, name: string, what: Picture): Promise<void> {
  await stage.camera?.take(name, what);
}

export function messagePicture(as: string, message: SlackMessage, shows?: string): Picture {
  return { of: 'message', as, channel: message.channel, ts: message.ts, ...(shows === undefined ? {} : { shows }) };
}
