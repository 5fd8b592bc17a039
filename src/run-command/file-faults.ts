import { Fault } from '../runs/fault.ts';

export type FileTrouble = 'missing' | 'forbidden' | 'disk-full' | 'failed';

export interface FileFacts {
  readonly path: string;
  /** The machine, where it is not the worker's own: `kong-1 (ssh)`. */
  readonly where?: string;
  /** The system's code, or the tool's own words, for `failed`. */
  readonly said?: string;
  readonly cause?: unknown;
}

/** What a file operation failed with, as a Fault. */
export function fileFault(trouble: FileTrouble, { path, where, said, cause }: FileFacts): Fault {
  const there = where === undefined ? 'on this machine' : `on ${where}`;
  const whose = where === undefined ? "The bot's user" : `The user of ${where}`;
  const at = where === undefined ? path : `${path} on ${where}`;
  switch (trouble) {
    case 'missing':
      return new Fault(
        'file.missing',
        `There is no ${path} ${there}.`,
        `Correct the path in the configuration, or mount the folder where ${where === undefined ? 'the bot runs' : 'the gateway is'}.`,
        { cause },
      );
    case 'forbidden':
      return new Fault(
        'file.forbidden',
        `${whose} may not use ${path}.`,
        `Give ${where === undefined ? 'the user that the bot runs as' : 'that user'} the right to read it (for instance by its group).`,
        { cause },
      );
    case 'disk-full':
      return new Fault('file.disk-full', `The disk of ${at} is full.`, 'Free some space there, then try again.', {
        cause,
      });
    case 'failed':
      return new Fault('file.failed', `${at} could not be used: ${said}.`, 'Look at the disk and the mount.', {
        cause,
      });
  }
}

export function tooLarge(path: string, maxBytes: number): Fault {
  return new Fault(
    'file.too-large',
    `${path} has more than ${maxBytes} bytes, which is the most that is read of one file.`,
    'Look whether this file belongs to the gateway; keep large data elsewhere.',
  );
}
