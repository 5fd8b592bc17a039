import type { Command, Finished } from '../command.ts';
import type { Fault } from '../../runs/fault.ts';

/** How a client program of this machine ended, when the other machine's shell has nothing to say about that. */
export interface ClientEnd {
  readonly finished: Finished;
  /** What it, or the other machine on its way in, printed. */
  readonly said: string;
}

/** A client program that lets a shell of another machine run one line with our standard streams. */
export interface Transport {
  /** For messages: `kong-1.example.com (ssh)`. */
  readonly where: string;
  /** The client for this line. No secrets in it: everybody on this machine can read it. */
  client(line: string): Promise<Pick<Command, 'program' | 'args' | 'env'>>;
  /** Why no shell there ever answered. */
  faultOf(end: ClientEnd): Promise<Fault>;
}

/** The last words of a client, for a message. */
export function lastWords({ finished, said }: ClientEnd): string {
  const lines = said.split('\n').map((line) => line.replaceAll('\r', '').trim());
  const line = lines.findLast((each) => each !== '') ?? '';
  const words = line === '' ? `it ended with exit code ${finished.exitCode} and said nothing` : line;
  return words.length > 300 ? `${words.slice(0, 299)}…` : words.replace(/\.$/, '');
}
