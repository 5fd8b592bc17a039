import type { Fault } from '../runs/fault.ts';
import { redact } from '../runs/words/redact.ts';
import type { PersonId } from '../runs/person.ts';
import type { Refusal } from '../runs/refusal.ts';
import { terminalWords } from './terminal-words.ts';
import { EXIT, type ExitCode, type Terminal } from './terminal.ts';

const PERSON = /\b[TE][A-Z0-9]{2,}\/[UW][A-Z0-9]{2,}\b/g;
const TIME = /\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\.\d{3}Z/g;

/** A refusal with what to do, on standard error. With `name` people are called by theirs; times read as everywhere here. */
export function sayRefusal(
  terminal: Pick<Terminal, 'err'>,
  refusal: Refusal,
  name: (person: PersonId) => string = (person) => person,
): ExitCode {
  const about = `${refusal.message} ${refusal.hint}`;
  const readable = (text: string): string =>
    sentence(terminalWords(text.replaceAll(PERSON, name).replaceAll(TIME, '$1 $2Z'), about));
  terminal.err(`Refused: ${readable(refusal.message)}`);
  terminal.err(`  ${readable(refusal.hint)}`);
  return EXIT.refused;
}

/** Something failed: what, and what to do. A program that is not installed here has an exit code of its own. */
export function sayFault(terminal: Pick<Terminal, 'err'>, fault: Fault): ExitCode {
  terminal.err(`Failed: ${sentence(redact(fault.message))}`);
  terminal.err(`  ${sentence(redact(fault.hint))}`);
  return fault.code.endsWith('.missing') ? EXIT.missing : EXIT.failed;
}

/** Neither a refusal nor a fault: a bug. Its stack helps whoever reports it; secrets are taken out. */
export function sayBug(terminal: Pick<Terminal, 'err'>, error: unknown): ExitCode {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.err(`This is a bug in kong-chatops, please report it:\n${redact(text)}`);
  return EXIT.failed;
}

/** Messages come with and without their full stop. */
export function sentence(text: string): string {
  return /[.!?:;]$/.test(text) ? text : `${text}.`;
}
