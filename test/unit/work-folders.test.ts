import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { openWorkRoot } from '../../src/run-command/work-folders.ts';

const within = mkdtempSync(join(tmpdir(), 'work-folders-test-'));
afterAll(() => rmSync(within, { recursive: true }));

describe('working folders', () => {
  it('are private, and gone when the process closes them', () => {
    const root = openWorkRoot(within);
    expect(statSync(root.path).mode & 0o777).toBe(0o700);
    root.close();
    expect(existsSync(root.path)).toBe(false);
  });

  it('cannot be where there is no folder for them, and say so', () => {
    const nowhere = join(within, 'unmounted');
    expect(() => openWorkRoot(nowhere)).toThrow(
      expect.objectContaining({
        code: 'work-folder',
        message: `No folder to work in can be made below ${nowhere} (ENOENT). Nothing was begun.`,
      }) as Error,
    );
  });

  it('of a dead process are swept at start, those of living ones and strangers stay', () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const [ofDead, homeOfDead, ownHome, ofParent, ofPredecessor, stranger] = [
      `kong-chatops-${dead}-abc123`,
      `kong-chatops-home-${dead}-abc123`,
      `kong-chatops-home-${process.pid}-abc123`,
      `kong-chatops-${process.ppid}-abc123`,
      `kong-chatops-${process.pid}-before`,
      'kong-chatops-notes',
    ].map((name) => join(within, name));
    for (const path of [ofDead, homeOfDead, ownHome, ofParent, ofPredecessor, stranger])
      if (path !== undefined) mkdirSync(path);
    const first = openWorkRoot(within);
    const second = openWorkRoot(within);
    expect(
      [ofDead, homeOfDead, ownHome, ofParent, ofPredecessor, stranger, first.path].map((path) =>
        existsSync(path ?? ''),
      ),
    ).toEqual([false, false, true, true, false, true, true]);
    first.close();
    second.close();
  });
});
