import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../../src/cli/program.ts';
import { isRefusal } from '../../../src/runs/refusal.ts';
import { parseSelection } from '../../../src/runbooks/selection.ts';
import { ran, testTerminal } from '../../support/cli.ts';

const COMMANDS = [
  'config check',
  'backup',
  'backup show',
  'backup verify',
  'backup fetch',
  'backups',
  'restore',
  'drill',
  'audit verify',
];

/** The lines under `Examples:` of a command's help that can be typed. */
async function examplesOf(command: string): Promise<string[]> {
  const { code, out } = await ran([...command.split(' '), '--help'], testTerminal());
  expect(code).toBe(0);
  const [, examples = ''] = out.split('\nExamples:\n');
  return examples.split('\n').flatMap((line) => (line.startsWith('  kong-chatops ') ? [line.trim()] : []));
}

/** As a shell would cut it. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word).slice(1);
}

describe.each(COMMANDS)('the help of %s', (command) => {
  it('shows two or three examples that can be typed as they stand, and are of this command', async () => {
    const examples = await examplesOf(command);
    expect([2, 3]).toContain(examples.length);
    for (const line of examples) {
      const words = wordsOf(line);
      expect(words.slice(0, command.split(' ').length).join(' ')).toBe(command);
      let understood = 0;
      // What cannot be parsed throws; what is understood is chosen, and not done.
      await buildProgram(() => (understood += 1))
        .exitOverride()
        .parseAsync(words, { from: 'user' });
      expect({ line, understood }).toEqual({ line, understood: 1 });
    }
  });
});

describe('the examples of restore', () => {
  it('confirm the gateway that they name, and choose entities that can be chosen', async () => {
    for (const line of await examplesOf('restore')) {
      const words = wordsOf(line);
      const after = (option: string): string => words[words.indexOf(option) + 1] ?? '';
      expect(after('--confirm')).toBe(words[1]);
      if (words.includes('--only')) expect(isRefusal(parseSelection(after('--only').split(',')))).toBe(false);
    }
  });
});
