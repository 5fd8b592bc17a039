import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { Fault } from '../runs/fault.ts';

/** A picture of something in the workspace, as one person sees it. */
export type Picture =
  /** One message in its channel, once it shows a text where one is given (at most 2 s). */
  | {
      readonly of: 'message';
      readonly as: string;
      readonly channel: string;
      readonly ts: string;
      readonly shows?: string;
    }
  /** A message with its thread beside it. */
  | { readonly of: 'thread'; readonly as: string; readonly channel: string; readonly ts: string }
  /** The end of a conversation, with everything around it. */
  | { readonly of: 'conversation'; readonly as: string; readonly channel: string }
  | { readonly of: 'home'; readonly as: string }
  | { readonly of: 'modal'; readonly as: string };

/** Takes pictures of the Slack workspace in the browser. */
export interface Camera {
  /** Writes `NAME.png` into the folder and answers its path. */
  take(name: string, picture: Picture): Promise<string>;
  close(): Promise<void>;
}

// What Slack does not show and local-slack does: see slack/GAPS.md.
const LIKE_SLACK = '.msg-edited, .topbar { display: none !important }';
/** A message fills a narrow window; a thread beside it needs a wide one. */
const NARROW = { width: 940, height: 900 };
const WIDE = { width: 1400, height: 1000 };
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** A Chromium of this machine; null when there is none on the PATH. */
export function findChromium(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const places = folders.flatMap((folder) => BROWSERS.map((name) => join(folder, name)));
  return places.find((place) => existsSync(place)) ?? null;
}

/** Opens the workspace at `url` in a headless browser. Throws a Fault when there is no Chromium. */
export async function openCamera(url: string, folder: string): Promise<Camera> {
  const executablePath = findChromium();
  if (executablePath === null) {
    throw new Fault(
      'chromium.missing',
      'There is no Chromium on the PATH, so no pictures can be taken.',
      'Install it (Debian, Ubuntu: apt-get install chromium), or leave out --screenshots.',
    );
  }
  await mkdir(folder, { recursive: true });
  // Containers have neither the privileges for Chromium's sandbox nor a large /dev/shm; it opens only our own page.
  const browser: Browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const context = await browser.newContext({ viewport: NARROW, deviceScaleFactor: 1.5, timezoneId: 'UTC' });
  const page = await context.newPage();
  await page.goto(url);
  await page.addStyleTag({ content: LIKE_SLACK });
  return {
    take: async (name, picture) => {
      const path = join(folder, `${name}.png`);
      await shoot(page, url, picture, path);
      return path;
    },
    close: () => browser.close(),
  };
}

async function shoot(page: Page, url: string, picture: Picture, path: string): Promise<void> {
  await page.setViewportSize(picture.of === 'thread' || picture.of === 'conversation' ? WIDE : NARROW);
  await page.locator('.topbar .actas select').last().selectOption(picture.as, { force: true });
  if (picture.of === 'home') {
    await page.locator('.sidebar').getByText('kong-chatops').first().click();
    await page.locator('.home-inner .blocks').waitFor();
    await page.locator('.home-inner').screenshot({ path });
    return;
  }
  if (picture.of === 'modal') {
    await page.locator('.modal').screenshot({ path });
    return;
  }
  await openChannel(page, url, picture.channel);
  if (picture.of === 'conversation') {
    await page.screenshot({ path });
    return;
  }
  const message = page.locator(`.messages .msg[data-ts="${picture.ts}"]`);
  await message.waitFor();
  if (picture.of === 'message') {
    const shown = picture.shows === undefined ? message : message.filter({ hasText: picture.shows });
    // An edit reaches the page a moment after it reaches us.
    await shown.waitFor({ timeout: 2000 }).catch(() => undefined);
    await message.screenshot({ path });
    return;
  }
  await message.locator('.thread-summary').click();
  await page.locator('.thread-pane .msg').nth(1).waitFor();
  await page.screenshot({ path });
  await page.locator('.thread-x').click();
}

async function openChannel(page: Page, url: string, channel: string): Promise<void> {
  const state = (await (await fetch(`${url}/_control/state`)).json()) as {
    channels: { id: string; name: string; is_im: boolean; members: string[] }[];
    users: { id: string; real_name: string }[];
  };
  const found = state.channels.find(({ id }) => id === channel);
  const person = state.users.find(({ id }) => found?.is_im === true && found.members.includes(id) && !isBot(id));
  const label = found?.is_im === true ? (person?.real_name ?? '') : (found?.name ?? channel);
  await page.locator('.sidebar').getByText(label, { exact: false }).first().click();
}

function isBot(id: string): boolean {
  return id.startsWith('U00');
}
