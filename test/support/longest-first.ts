import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take longest: begun last, one of them would keep a run waiting with a core idle. Those that need a core for
 * themselves and those that wait take turns.
 */
const LONGEST = [
  'e2e/crash-postgres',
  'e2e/crash-redis',
  'e2e/tour',
  'e2e/bad-days-neighbours',
  'e2e/crash-declarative',
  'e2e/secrets',
  'integration/restore/restore-bad-days',
  'e2e/bad-days-gateway',
  'integration/restore/restore-swap',
  'integration/sandbox/stand-in-kong-deck',
  'integration/run-command/kong-nearby',
  'integration/run-command/ssh',
  'integration/engine/queue',
];

/** The order of files of a run: the longest first, then whole processes, then what needs a database, then the rest. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return await Promise.resolve([...files].sort((a, b) => place(a) - place(b) || (a.moduleId < b.moduleId ? -1 : 1)));
  }
}

function place({ moduleId }: TestSpecification): number {
  const name = relative(import.meta.dirname, moduleId)
    .replace(/^\.\.\//, '')
    .replace(/\.test\.ts$/, '');
  const known = LONGEST.indexOf(name);
  if (known >= 0) return known;
  return LONGEST.length + ['e2e/', 'integration/', 'unit/'].findIndex((folder) => name.startsWith(folder));
}
