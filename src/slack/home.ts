import type { WebClient } from '@slack/web-api';
import type { Operations } from '../engine/ports.ts';
import type { Clients } from './clients.ts';
import { cardLink } from './answering/links.ts';
import type { SlackLog } from './log.ts';
import { failureOf } from './outcome.ts';
import type { BotIdentity } from './publish/ports.ts';
import { homeView } from './views/home.ts';
import type { Names } from './views/kit/text.ts';

export interface HomePorts {
  readonly operations: Pick<Operations, 'home'>;
  readonly clients: Clients;
  readonly team: string;
  readonly names: Names;
  readonly bot: () => BotIdentity | null;
  readonly clock: () => Date;
  readonly log: SlackLog;
  /** How long changes are gathered before open pages are drawn again. */
  readonly gatherMs?: number;
}

export interface Home {
  /** Somebody opened the page: draw it now. */
  opened(user: string): Promise<void>;
  /** Something changed: draw the pages of whoever looked lately, all changes of a moment at once. */
  changed(): void;
  /** This person did something: draw their page soon, if they have one. */
  refresh(user: string): void;
  stop(): Promise<void>;
}

/** Whoever looked within this time is taken to be still looking. Slack tells of opening, never of leaving. */
const LOOKING_MS = 10 * 60_000;
/** views.publish is Tier 4, about 100 a minute: more viewers than this wait for their next look. */
const MOST_VIEWERS = 20;

/** App Home: drawn for each person from what they may see. */
export function createHome(ports: HomePorts): Home {
  const viewers = new Map<string, number>();
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let drawing: Promise<void> = Promise.resolve();
  let stopped = false;

  const drawWaiting = async (): Promise<void> => {
    const users = [...waiting];
    waiting.clear();
    for (const user of users) {
      if (stopped) return;
      await publish(ports, ports.clients.background, user).catch((error: unknown) =>
        ports.log.warn({ user, why: failureOf(error).why, error }, 'App Home could not be drawn'),
      );
    }
  };

  const soon = (): void => {
    if (stopped || timer !== undefined || waiting.size === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      drawing = drawing.then(drawWaiting);
    }, ports.gatherMs ?? 3000);
  };

  const looking = (): readonly string[] => {
    const since = Date.now() - LOOKING_MS;
    for (const [user, at] of viewers) if (at < since) viewers.delete(user);
    return [...viewers.keys()].slice(-MOST_VIEWERS);
  };

  return {
    opened: async (user) => {
      viewers.delete(user);
      viewers.set(user, Date.now());
      await publish(ports, ports.clients.people, user);
    },
    changed: () => {
      for (const user of looking()) waiting.add(user);
      soon();
    },
    refresh: (user) => {
      if (!viewers.has(user)) return;
      waiting.add(user);
      soon();
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await drawing;
    },
  };
}

async function publish(ports: HomePorts, client: WebClient, user: string): Promise<void> {
  const now = ports.clock();
  const home = await ports.operations.home({ person: `${ports.team}/${user}`, via: 'slack' });
  const view = homeView(home, now, { names: ports.names }, (run) => cardLink(ports.bot(), run));
  await client.views.publish({ user_id: user, view });
}
