import { expect, test } from 'vitest';
import { closers } from '../../../src/sandbox/workspace-closers.ts';

test('what was opened last is closed first, once', async () => {
  const closed: string[] = [];
  const open = closers();
  for (const name of ['database', 'kong', 'slack']) open.add(name, async () => void closed.push(name));
  await Promise.all([open.close(), open.close()]);
  expect(closed).toEqual(['slack', 'kong', 'database']);
});

test('one that does not close keeps nobody else open, and is named', async () => {
  const closed: string[] = [];
  const open = closers();
  open.add('database', async () => void closed.push('database'));
  open.add('kong', () => Promise.reject(new Error('stuck')));
  await expect(open.close()).rejects.toThrow('kong did not close');
  expect(closed).toEqual(['database']);
});
