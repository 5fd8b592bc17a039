import type { Operations, PeopleDirectory } from '../../engine/ports.ts';
import type { Clients } from '../clients.ts';
import type { SlackLog } from '../log.ts';
import type { BotIdentity } from '../publish/ports.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { Names } from '../views/kit/text.ts';

/** What the handlers of commands, clicks and modals need. */
export interface SlackDeps {
  readonly operations: Operations;
  readonly people: PeopleDirectory;
  /** The configured workspace or enterprise id. */
  readonly team: string;
  readonly gateways: readonly { readonly name: string; readonly environment: string; readonly channel: string }[];
  readonly names: Names;
  readonly clients: Clients;
  readonly publisher: Pick<Publisher, 'draw' | 'drawSoon' | 'repair'>;
  /** Null until Slack has answered once. */
  readonly bot: () => BotIdentity | null;
  /** Draws App Home of a person again, if they have it open. */
  readonly refreshHome: (user: string) => void;
  readonly clock: () => Date;
  readonly log: SlackLog;
  /** How long an answer waits for the run's card, to link to it. */
  readonly waitForCardMs?: number;
}
