import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import { memoryFolder } from './test/support/memory-folder.ts';

// For this process and every one that it starts.
const memory = memoryFolder();
if (memory !== null) process.env['TMPDIR'] ??= memory;

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    sequence: { sequencer: LongestFirst },
    // Generous: a time-out is for what hangs, and machines differ by a factor of five.
    testTimeout: 60_000,
    expect: { poll: { timeout: 20_000, interval: 50 } },
    hookTimeout: 60_000,
    // Most tests wait for something most of the time: one more than a small machine's cores keeps those busy.
    maxWorkers: 3,
    projects: [
      // What is pure leaves nothing behind: no process of its own for each file.
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], isolate: false } },
      { extends: true, test: { name: 'whole', include: ['test/{integration,e2e}/**/*.test.ts'] } },
    ],
  },
});
