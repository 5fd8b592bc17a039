import { describe, expect, it } from 'vitest';
import { endOf } from '../../../src/run-command/remote/end.ts';

const about = { command: { program: 'pg_dump', args: [] }, where: 'bastion' };
const heard = (...ends: string[]) => ({ ready: 2, ends, diskFull: false });

describe('how a command on another machine ended', () => {
  it('is lost with its connection when it is said on one output alone: output may be missing too', () => {
    expect(() => endOf(heard('status 0'), false, about)).toThrow(
      /^The connection to bastion was lost while pg_dump ran/,
    );
    expect(endOf(heard('status 0', 'status 0'), false, about)).toEqual({ exitCode: 0 });
  });

  it('is known by one word when somebody halted it: nobody wants its output any more', () => {
    expect(endOf(heard('status 143'), true, about)).toEqual({ signal: 'SIGTERM' });
    expect(endOf(heard(), true, about)).toEqual({ signal: 'SIGKILL' });
  });
});
