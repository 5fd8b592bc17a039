import type { RunCommand } from '../../run-command/command.ts';
import { ageProgram } from './cipher-program.ts';
import type { Cipher } from './cipher.ts';

const ANSWER_MS = 5000;

/** The `age` program where the machine has one (1.0 or newer reads and writes the same format), else the library. */
export async function findCipher(runner: RunCommand): Promise<Cipher> {
  const finished = await runner.run({ program: 'age', args: ['--version'], timeoutMs: ANSWER_MS });
  const version = /^v?(\d+\.\d+\S*)/.exec(finished.stdout.trim())?.[1];
  if (finished.exitCode === 0 && version !== undefined) return ageProgram(runner, version);
  // Large, and most machines have the program.
  const { ageLibrary } = await import('./cipher-library.ts');
  return ageLibrary();
}
