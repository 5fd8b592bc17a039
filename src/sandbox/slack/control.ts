import { APP_ID } from './cast.ts';
import type { Args, Block, SlackMessage } from './strict/edge.ts';

export interface SlackView {
  readonly id: string;
  readonly type: string;
  readonly callback_id?: string;
  readonly title?: { readonly text: string };
  readonly blocks: readonly Block[];
}
export interface Typed {
  readonly user: string;
  readonly channel: string;
  /** With its slash: `/kong-backup`. */
  readonly command: string;
  readonly text?: string;
}
export interface Clicked {
  readonly user: string;
  readonly channel: string;
  /** Timestamp of the message that carries the button. */
  readonly ts: string;
  readonly action_id: string;
  readonly block_id?: string;
  readonly value?: string;
}
export interface LogEntry {
  readonly time: number;
  readonly direction: 'to_bot' | 'from_bot' | 'internal';
  readonly kind: string;
  readonly summary: string;
  readonly detail?: unknown;
}
/** What a modal's fields were set to: block id, action id, and Slack's state object of that element. */
export type FieldValues = Readonly<Record<string, Readonly<Record<string, object>>>>;

/** The people of the workspace, by hand of a program: what a person types, clicks and sees. */
export interface SlackControl {
  /** Types a slash command; answers when the bot has acknowledged it. */
  command(typed: Typed): Promise<void>;
  /** Presses a button, whether or not the message still shows it; answers when the bot has acknowledged it. */
  click(clicked: Clicked): Promise<void>;
  clickHome(clicked: Omit<Clicked, 'channel' | 'ts'>): Promise<void>;
  openHome(user: string): Promise<void>;
  /** What a person sees in the bot's App Home; null before the first time. */
  home(user: string): SlackView | null;
  /** The modal on top; null when none is open. There is one stack for the whole workspace. */
  modal(): SlackView | null;
  /** Submits the modal on top. Answers the errors that the bot put on its fields, or null. */
  submit(user: string, values: FieldValues): Promise<Readonly<Record<string, string>> | null>;
  closeModal(user: string): Promise<void>;
  /** All messages of a channel, threads and ephemeral ones too, oldest first. */
  messages(channel: string): Promise<readonly SlackMessage[]>;
  /** The bot's direct messages to a person, oldest first. */
  directMessages(user: string): Promise<readonly SlackMessage[]>;
  /** Told of every message as it is posted and as often as it is changed. Answers how to stop. */
  watch(listener: (message: SlackMessage) => void): () => void;
  /** Waits until `seen` answers something; it is asked again after each change anywhere in the workspace. */
  until<T>(what: string, seen: () => Promise<T | null | undefined> | T | null | undefined, ms?: number): Promise<T>;
  /** Traffic between bot and workspace, the last 1,000 entries. */
  log(): Promise<readonly LogEntry[]>;
  reset(): Promise<void>;
  close(): void;
}

interface Mirror {
  modalStack: readonly SlackView[];
  homes: Record<string, Record<string, SlackView>>;
  errors: Readonly<Record<string, string>> | null;
  /** Woken by each thing that the workspace tells. */
  readonly listeners: Set<(kind: string) => void>;
  readonly watchers: Set<(message: SlackMessage) => void>;
}

/** Connects to the workspace at `url` as every person in it. */
export async function slackControl(url: string): Promise<SlackControl> {
  const mirror: Mirror = { modalStack: [], homes: {}, errors: null, listeners: new Set(), watchers: new Set() };
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ui`);
  const greeted = next(mirror, ['init'], 10_000, 'local Slack did not greet its control client');
  socket.addEventListener('message', (event) => follow(mirror, String(event.data)));
  await greeted;
  const post = (path: string, body: object): Promise<void> => request(`${url}/_control/${path}`, body);
  const say = (what: object): void => socket.send(JSON.stringify(what));
  const messages = async (channel: string): Promise<readonly SlackMessage[]> => {
    const response = await fetch(`${url}/_control/messages/${channel}`);
    return ((await response.json()) as { messages: SlackMessage[] }).messages;
  };
  return {
    command: ({ user, channel, command, text }) => post('command', { user, channel, command, text: text ?? '' }),
    click: ({ user, channel, ts, ...button }) =>
      post('interact', { user, channel, messageTs: ts, action: { type: 'button', ...button } }),
    clickHome: async ({ user, ...button }) => {
      const done = next(mirror, ['log'], 10_000, 'the click in App Home did not reach the bot');
      say({
        t: 'block_action',
        channel: '',
        messageTs: '',
        user,
        appId: APP_ID,
        action: { type: 'button', ...button },
      });
      await done;
    },
    openHome: (user) => post('open-home', { user, appId: APP_ID }),
    home: (user) => mirror.homes[user]?.[APP_ID] ?? null,
    modal: () => mirror.modalStack.at(-1) ?? null,
    submit: async (user, values) => {
      mirror.errors = null;
      const done = next(mirror, ['view', 'view_errors'], 10_000, 'the modal was not answered');
      say({ t: 'view_submit', user, values });
      await done;
      return mirror.errors;
    },
    closeModal: async (user) => {
      const done = next(mirror, ['view'], 10_000, 'the modal did not close');
      say({ t: 'view_close', user });
      await done;
    },
    messages,
    directMessages: async (user) => {
      const response = await fetch(`${url}/_control/state`);
      const { channels } = (await response.json()) as { channels: (Args & { id: string; members: string[] })[] };
      const direct = channels.find((channel) => channel['is_im'] === true && channel.members.includes(user));
      return direct === undefined ? [] : messages(direct.id);
    },
    watch: (listener) => {
      mirror.watchers.add(listener);
      return () => void mirror.watchers.delete(listener);
    },
    until: (what, seen, ms = 60_000) => until(mirror, what, seen, ms),
    log: async () => ((await (await fetch(`${url}/_control/log`)).json()) as { log: LogEntry[] }).log,
    reset: () => post('reset', {}),
    close: () => socket.close(),
  };
}

async function request(url: string, body: object): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`local Slack answered ${response.status} to ${url}: ${await response.text()}`);
}

interface Told {
  readonly t: string;
  readonly state?: { modalStack: SlackView[]; homeViews: Record<string, Record<string, SlackView>> };
  readonly stack?: SlackView[];
  readonly errors?: Record<string, string>;
  readonly user?: string;
  readonly appId?: string;
  readonly view?: SlackView;
  readonly message?: SlackMessage;
}

/** Keeps the mirror in step with what the workspace tells. */
function follow(mirror: Mirror, text: string): void {
  const told = JSON.parse(text) as Told;
  remember(mirror, told);
  if (told.message !== undefined) for (const watcher of mirror.watchers) watcher(told.message);
  for (const listener of mirror.listeners) listener(told.t);
}

function remember(mirror: Mirror, told: Told): void {
  if (told.t === 'init' && told.state !== undefined) {
    mirror.modalStack = told.state.modalStack;
    mirror.homes = told.state.homeViews;
  } else if (told.t === 'view') mirror.modalStack = [...(told.stack ?? [])];
  else if (told.t === 'view_errors') mirror.errors = told.errors ?? {};
  else if (told.t === 'home' && told.user !== undefined && told.view !== undefined) {
    mirror.homes[told.user] = { ...mirror.homes[told.user], [told.appId ?? APP_ID]: told.view };
  }
}

/** Resolves at the next thing of one of these kinds. */
function next(mirror: Mirror, kinds: readonly string[], ms: number, otherwise: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      mirror.listeners.delete(listener);
    };
    const listener = (kind: string): void => {
      if (!kinds.includes(kind)) return;
      done();
      resolve();
    };
    const timer = setTimeout(() => {
      done();
      reject(new Error(otherwise));
    }, ms);
    mirror.listeners.add(listener);
  });
}

async function until<T>(
  mirror: Mirror,
  what: string,
  seen: () => Promise<T | null | undefined> | T | null | undefined,
  ms: number,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await seen();
    if (found !== null && found !== undefined) return found;
    const left = deadline - performance.now();
    if (left <= 0) throw new Error(`waited ${ms / 1000} s in vain for ${what}`);
    // A change wakes at once; the short wait covers one that came between the look and the listening.
    const kinds = ['message', 'message_update', 'message_delete', 'view', 'home', 'channel'];
    await next(mirror, kinds, Math.min(left, 250), what).catch(() => undefined);
  }
}
