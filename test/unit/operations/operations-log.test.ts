import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLog, redactLine } from '../../../src/operations/log.ts';

function logged(secrets: readonly string[], write: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = [];
  write(createLog({ level: 'info', secrets, destination: { write: (line: string) => void lines.push(line) } }));
  return lines;
}

describe('the log', () => {
  it('is one JSON object a line, with level, time and message', () => {
    const [line] = logged([], (log) => log.info({ runId: 'B-1' }, 'started'));
    expect(JSON.parse(line ?? '')).toMatchObject({ level: 'info', runId: 'B-1', msg: 'started' });
    expect(line?.endsWith('}\n')).toBe(true);
  });

  it('hides secrets in messages, fields, children, errors and their causes', () => {
    const lines = logged(['literal-s3cr3t'], (log) => {
      log.info('connecting to postgres://bot:hunter2hunter2@db/bot');
      log.warn({ headers: { 'Kong-Admin-Token': 'hunter2hunter2' }, note: 'literal-s3cr3t' }, 'x');
      log
        .child({ token: 'hunter2hunter2' })
        .error({ err: new Error('a', { cause: new Error('password=hunter2hunter2') }) }, 'y');
    });
    expect(lines).toHaveLength(3);
    expect(lines.join('')).not.toMatch(/hunter2|literal-s3cr3t/);
  });

  it('stays one line of JSON whatever is logged', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.array(fc.string()), (text, value, secrets) => {
        const [line] = logged(secrets, (log) => log.info({ value }, `password="${text}" ${text}`));
        expect(line?.indexOf('\n')).toBe((line?.length ?? 0) - 1);
        expect(() => JSON.parse(line ?? '') as unknown).not.toThrow();
      }),
    );
  });

  it('is safe even for a line that is no JSON', () => {
    expect(redactLine('password=hunter2\n', [])).toBe('{"level":"error","msg":"password=***"}\n');
  });
});
