import type { Finished } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import { HIDDEN, redact } from '../../runs/words/redact.ts';

/** What is known when decK ended badly. */
export interface DeckTrouble {
  readonly gateway: string;
  /** `dump`, `diff`, `ping`. */
  readonly doing: string;
  readonly finished: Finished;
  readonly token?: string | undefined;
}

const LONGEST_WORDS = 400;

/**
 * The Fault for a decK that failed: by how it ended, then by the HTTP status that decK names, then by the words of Go's
 * network library, for which decK has no codes.
 */
export function faultOfDeck(trouble: DeckTrouble): Fault {
  const said = deckSaid(trouble.finished, trouble.token);
  return (
    faultOfEnd(trouble, said) ?? faultOfStatus(trouble, said) ?? faultOfNetwork(trouble, said) ?? failed(trouble, said)
  );
}

function faultOfEnd({ gateway, doing, finished }: DeckTrouble, said: string): Fault | null {
  if (finished.notFound)
    return new Fault(
      'deck.missing',
      'decK, which was here at the start, is not on this machine any more.',
      'Install it again from https://github.com/Kong/deck/releases, then try again.',
    );
  if (finished.timedOut)
    return new Fault(
      'deck.timeout',
      `"deck gateway ${doing}" on ${gateway} did not end in the time allowed and was stopped.`,
      'Look whether the Admin API answers slowly; with many consumers raise step_minutes in the configuration.',
      { retryable: true },
    );
  if (finished.signal !== null)
    return new Fault(
      'deck.killed',
      `decK was killed by ${finished.signal} during "deck gateway ${doing}" on ${gateway}.`,
      'Somebody or the system ended it, for instance for want of memory: look at the system log.',
      { retryable: true },
    );
  // We never ask for exit code 2 (differences), so it can only be Go's own: a panic.
  if (finished.exitCode !== 2) return null;
  return new Fault(
    'deck.crashed',
    `decK itself crashed during "deck gateway ${doing}" on ${gateway}: ${said}.`,
    'Install another version of decK and report this one: https://github.com/Kong/deck/issues.',
  );
}

function faultOfStatus({ gateway, doing }: DeckTrouble, said: string): Fault | null {
  const status = Number(/HTTP status (\d{3})/.exec(said)?.[1] ?? 0);
  if (status === 401 || status === 403)
    return new Fault(
      'deck.forbidden',
      `The Admin API of ${gateway} does not let decK read what "deck gateway ${doing}" needs: ${said}.`,
      'Give the token the right to read every list (/, /schemas and all entities), or use another token.',
    );
  if (status !== 429 && status < 500) return null;
  return new Fault(
    'deck.kong-error',
    `The Admin API of ${gateway} answered decK with an error of its own: ${said}.`,
    "Look at Kong's error log and its database. Then try again.",
    { retryable: true },
  );
}

function faultOfNetwork({ gateway, doing }: DeckTrouble, said: string): Fault | null {
  // Both with their colon: an entity may be called after a certificate.
  if (/\b(?:x509|tls): /.test(said))
    return new Fault(
      'deck.certificate',
      `decK does not trust the Admin API of ${gateway}: ${said}.`,
      'Name the authority that signed its certificate in admin_api.ca_file.',
    );
  if (
    !/connection refused|no such host|i\/o timeout|deadline exceeded|Client\.Timeout|connection reset|EOF$|unreachable/.test(
      said,
    )
  )
    return null;
  return new Fault(
    'deck.unreachable',
    `The Admin API of ${gateway} did not answer during "deck gateway ${doing}": ${said}.`,
    'Look whether Kong runs and the Admin API can be reached from here. Then try again.',
    { retryable: true },
  );
}

function failed({ gateway, doing }: DeckTrouble, said: string): Fault {
  return new Fault(
    'deck.failed',
    `"deck gateway ${doing}" failed on ${gateway}: ${said}.`,
    'Run the same command by hand where the bot runs, or try another version of decK.',
  );
}

/** The first line in which decK says what is wrong, without secrets. */
export function deckSaid(finished: Finished, token?: string): string {
  const lines = `${finished.stderr}\n${finished.stdout}`.split('\n').map((line) => line.trim());
  const at = lines.findIndex((line) => /^(Error|panic): /.test(line));
  // "Error: 1 errors occurred:" is only a heading, and so is "reading file x: 1 errors occurred:" below it.
  const line = at === -1 ? undefined : lines.slice(at).find((each) => each !== '' && !each.endsWith('occurred:'));
  // An online validation names every entity that Kong would refuse, one a line.
  const more = lines.slice(at + 1).filter((each) => each.startsWith('validate entity '));
  const said = [line ?? 'it gave no reason', ...more.slice(0, MOST_ENTITIES)];
  return said.map((each) => withoutSecrets(each, token)).join('; ');
}

const MOST_ENTITIES = 4;

/** One line of decK without token and secrets, and not longer than people read. */
export function withoutSecrets(line: string, token?: string): string {
  const known = token === undefined || token === '' ? line : line.replaceAll(token, HIDDEN);
  // An offline validation quotes the whole object that it does not like.
  return redact(maskKeys(known.replace(/^Error: /, '').replace(/object=.*, err=/, '')))
    .slice(0, LONGEST_WORDS)
    .replace(/\.$/, '');
}

/** Kong quotes the key that is taken (`{key="…"}`), and decK calls a credential by the end of its key. */
function maskKeys(line: string): string {
  return line
    .replaceAll(/\b(key|secret|password|client_id|client_secret)=(\\?")[^"]*"/g, `$1=$2${HIDDEN}$2`)
    .replaceAll(/\b(key-auth|jwt-auth|mtls-auth|oauth2(?:-cred)?) .*? for consumer/g, '$1 for consumer');
}
