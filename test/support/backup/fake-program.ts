import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A folder with shell scripts that play a tool which breaks in a way the real one cannot be made to break in a test. */
export interface FakePrograms {
  /** The fakes first, then the real PATH. */
  readonly path: string;
  /** The fakes alone, with a shell's own tools. */
  readonly alone: string;
  write(name: string, script: string): string;
  remove(): void;
}

export function fakePrograms(): FakePrograms {
  const folder = mkdtempSync(join(tmpdir(), 'fake-programs-'));
  return {
    path: `${folder}${delimiter}${process.env['PATH'] ?? ''}`,
    alone: folder,
    write(name, script) {
      const path = join(folder, name);
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
      return path;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
