import type { Refusal } from '../../runs/refusal.ts';
import { isRefusal, refuse } from '../../runs/refusal.ts';
import { COMMANDS, type CommandWords } from '../views/help.ts';
import { OPTION_AND_REST, runIdOf, strayWord, unknownOption, usage, wordsOf } from './parse.ts';

export type SetsWords = { readonly gateway?: string } | { readonly diff: string };

/** `/kong-backups [gateway]` or `/kong-backups diff <set>`. */
export function parseSets(text: string): SetsWords | Refusal {
  const [first, second, stray] = wordsOf(text);
  if (stray !== undefined) return strayWord(stray, COMMANDS.backups);
  if (first?.toLowerCase() !== 'diff') {
    if (second !== undefined) return strayWord(second, COMMANDS.backups);
    return first === undefined ? {} : { gateway: first };
  }
  if (second !== undefined) return { diff: second };
  return refuse('set-missing', '“diff” came without a set', usage(COMMANDS.backups));
}

/** `/kong-restore [gateway]`, `/kong-break-glass [gateway]`. */
export function parseGateway(text: string, command: CommandWords): { readonly gateway?: string } | Refusal {
  const [gateway, stray] = wordsOf(text);
  if (stray !== undefined) return strayWord(stray, command);
  return gateway === undefined ? {} : { gateway };
}

export interface DrillWords {
  readonly gateway?: string;
  readonly set?: string;
  readonly reason?: string;
}

/** `/kong-drill [gateway] [set] [--reason why]`; the reason goes on to the end. */
export function parseDrill(text: string): DrillWords | Refusal {
  const option = OPTION_AND_REST.exec(text);
  const [gateway, set, stray] = wordsOf(option === null ? text : text.slice(0, option.index));
  if (stray !== undefined) return strayWord(stray, COMMANDS.drill);
  const named = { ...(gateway === undefined ? {} : { gateway }), ...(set === undefined ? {} : { set }) };
  if (option === null) return named;
  const [, name = '', rest = ''] = option;
  if (name.toLowerCase() !== 'reason') return unknownOption(name, ['reason'], COMMANDS.drill);
  const reason = wordsOf(rest).join(' ');
  if (reason === '') return refuse('reason-missing', '--reason came without a reason', usage(COMMANDS.drill));
  return { ...named, reason };
}

export interface RunWords {
  readonly runId: string;
  /** What follows the run, as one text. */
  readonly rest: string;
}

/** A run and what follows it: `/kong-rollback R-7 production`, `/kong-review R-7 it was needed`. */
export function parseRun(text: string, command: CommandWords): RunWords | Refusal {
  const [first, ...rest] = wordsOf(text);
  if (first === undefined) return refuse('run-missing', `${command.command} came without a run`, usage(command));
  const runId = runIdOf(first);
  if (runId === null) return refuse('unknown-run', `“${first}” is no run`, usage(command));
  return { runId, rest: rest.join(' ') };
}

/** `/kong-close <run>`. */
export function parseClose(text: string): { readonly runId: string } | Refusal {
  const words = parseRun(text, COMMANDS.close);
  return isRefusal(words) || words.rest === '' ? words : strayWord(words.rest, COMMANDS.close);
}

/** `/kong-unlock <gateway> <cause>`; an empty cause is asked for in a window. */
export function parseUnlock(text: string): { readonly gateway: string; readonly cause: string } | Refusal {
  const [gateway, ...cause] = wordsOf(text);
  if (gateway !== undefined) return { gateway, cause: cause.join(' ') };
  return refuse('gateway-missing', '/kong-unlock came without a gateway', usage(COMMANDS.unlock));
}
