import { constants } from 'node:os';
import { Fault } from '../../runs/fault.ts';
import type { Command, Finished } from '../command.ts';

/** What the other machine has said about a command. */
export interface Heard {
  /** On how many of the two outputs it began to answer. */
  ready: number;
  /** How the command ended, said once on each output: with one missing, output may be missing too. */
  readonly ends: string[];
  /** There was no room for the program's input. */
  diskFull: boolean;
}

/** As src/run-command/tied.sh names them: a status above 128 that means one of these is a signal, not an exit code. */
const SIGNALS = 'HUP INT QUIT ILL ABRT FPE KILL SEGV PIPE ALRM TERM BUS SYS XCPU XFSZ USR1 USR2'.split(' ');

/** How a command ended over there; `never-began` when no shell answered. Faults where the way to it or its place failed. */
export function endOf(
  heard: Heard,
  halted: boolean,
  { command, where }: { readonly command: Command; readonly where: string },
): Partial<Finished> | 'never-began' {
  const [end, again] = heard.ends;
  if (heard.diskFull) throw noRoom(where);
  // Whoever ignores TERM takes its own undertaker with it, and nothing is left to report.
  if (halted && end === undefined) return { signal: heard.ready === 0 ? null : 'SIGKILL' };
  if (heard.ready === 0) return 'never-began';
  // What a halted program still had to say is wanted no more: one word of its end is enough.
  if (end === undefined || (again === undefined && !halted)) throw connectionLost(command, where);
  switch (end) {
    case 'not-found':
      return { notFound: true };
    case 'no-folder':
      throw noFolder(command, where);
    case 'no-work-folder':
      throw noWorkFolder(where);
    default:
      return statusOf(Number(end.split(' ')[1]));
  }
}

function statusOf(status: number): Partial<Finished> {
  const name = SIGNALS.find((each) => 128 + signalNumber(each) === status);
  return name === undefined ? { exitCode: status } : { signal: `SIG${name}` };
}

function signalNumber(name: string): number {
  return constants.signals[`SIG${name}` as NodeJS.Signals];
}

function connectionLost(command: Command, where: string): Fault {
  return new Fault(
    'command.connection-lost',
    `The connection to ${where} was lost while ${command.program} ran there; the program was ended with it.`,
    'It is tried again. When this happens often, look at the network between the worker and that machine.',
    { retryable: true },
  );
}

function noFolder(command: Command, where: string): Fault {
  return new Fault(
    'command.no-folder',
    `There is no folder ${command.cwd} on ${where} to run a program in.`,
    'Nothing was started. Look who removed it, then try again.',
    { retryable: true },
  );
}

function noWorkFolder(where: string): Fault {
  return new Fault(
    'command.no-work-folder',
    `No temporary folder can be made on ${where}: /tmp, /dev/shm and /var/tmp are full or not writable.`,
    'Nothing was started. Free some space there, or mount a writable /tmp (in Kubernetes: an emptyDir).',
  );
}

function noRoom(where: string): Fault {
  return new Fault(
    'command.no-room',
    `The temporary folder on ${where} is full, so a program's input could not be handed on; the program was ended.`,
    'Free 2 MB in its /tmp, then try again.',
  );
}
