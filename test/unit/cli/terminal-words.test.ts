import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sayRefusal } from '../../../src/cli/say.ts';
import { terminalWords } from '../../../src/cli/terminal-words.ts';
import { refuse } from '../../../src/runs/refusal.ts';
import { ALICE } from '../../support/story.ts';

describe('words of Slack in the terminal', () => {
  it.each([
    ['Use /kong-status to see the runs there are', 'Use kong-chatops status to see the runs there are'],
    ['Make one now (/kong-backup blue), and look', 'Make one now (kong-chatops backup blue), and look'],
    ['See /kong-audit B-1', 'See kong-chatops audit show B-1'],
    ['record it: /kong-review R-1, or kong-chatops review R-1', 'record it: kong-chatops review R-1'],
    ['See the card of B-1 for where it stands', 'See where it stands: kong-chatops status B-1'],
    [
      'Find out the cause and record it: unlock blue with the cause, then ask again',
      "Find out the cause and record it: kong-chatops unlock blue --cause '…', then ask again",
    ],
    ['See its card', 'See it: kong-chatops status'],
    ['/etc/kong-status and /kong-status/x stay', '/etc/kong-status and /kong-status/x stay'],
  ])('%s', (slack, here) => {
    expect(terminalWords(slack)).toBe(here);
  });

  it('take the run that a card belongs to from the message', () => {
    const hint = 'Follow it on its card, or be told when it ends';
    expect(terminalWords(hint, 'blue is being restored by R-4')).toBe('Follow it: kong-chatops status R-4');
  });

  it('are translated once and for all', () => {
    const words = ['/kong-status ', 'See its card ', 'B-1 ', 'the card of B-1 ', ', or ', '(', '/kong-audit'];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words)), (parts) => {
        const once = terminalWords(parts.join(''));
        expect(once).not.toMatch(/(^|[\s(])\/kong-(status|audit)(?![\w/.-])/);
      }),
    );
  });

  it('are gone from a refusal, as are the ids of people', () => {
    const lines: string[] = [];
    const message = `blue is locked since 2026-11-21T02:00:00.000Z, because R-4, asked for by ${ALICE}, was rolled back`;
    const refusal = refuse('locked', message, 'Find out the cause and record it: unlock blue with the cause');
    expect(sayRefusal({ err: (line) => void lines.push(line) }, refusal, () => 'Alice')).toBe(4);
    expect(lines).toEqual([
      'Refused: blue is locked since 2026-11-21 02:00:00Z, because R-4, asked for by Alice, was rolled back.',
      "  Find out the cause and record it: kong-chatops unlock blue --cause '…'.",
    ]);
  });
});
