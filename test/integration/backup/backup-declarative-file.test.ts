import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { readDeclarativeFile } from '../../../src/backup/artifacts/declarative-file.ts';
import { readDocument } from '../../../src/backup/artifacts/declarative-pieces.ts';
import { countDeclarative } from '../../../src/backup/artifacts/entities.ts';
import { fixturePath, need } from '../../support/need.ts';
import { faultOf } from '../../support/fault-of.ts';

const folder = mkdtempSync(join(tmpdir(), 'kong-chatops-declarative-'));
const never = new AbortController().signal;
let made = 0;
const file = (text: string): string => {
  const path = join(folder, `${(made += 1)}.yaml`);
  writeFileSync(path, text);
  return path;
};
afterAll(() => rmSync(folder, { recursive: true }));

describe('reading a declarative file', () => {
  it.skipIf(!need('fixtures')).each(['kong-2.8.5', 'kong-3.9.1'])(
    'finds in pieces what one parse of the whole finds (%s)',
    async (version) => {
      const text = readFileSync(fixturePath(version, 'deck/dump-with-id.yaml'), 'utf8');
      const read = await readDeclarativeFile(file(text), never);
      expect(read.counts).toEqual(countDeclarative(parse(text)));
      expect(read.formatVersion).toBe((parse(text) as { _format_version: string })._format_version);
    },
  );

  it('is the same for the same content in another order and layout, and another for another content', async () => {
    const consumers = [{ username: 'a', acls: [{ group: 'x' }, { group: 'y' }] }, { username: 'b' }];
    const one = await readDeclarativeFile(file(stringify({ _format_version: '3.0', consumers })), never);
    const turned = [{ username: 'b' }, { acls: [{ group: 'y' }, { group: 'x' }], username: 'a' }];
    const two = await readDeclarativeFile(
      file(stringify({ consumers: turned, _format_version: '3.0' }, { indent: 4 })),
      never,
    );
    const other = [{ username: 'a', acls: [{ group: 'x' }, { group: 'z' }] }, { username: 'b' }];
    const three = await readDeclarativeFile(file(stringify({ _format_version: '3.0', consumers: other })), never);
    expect(two).toEqual(one);
    expect(three.contentSha256).not.toBe(one.contentSha256);
  });

  it('reads a list that is longer than a piece, with texts that look like the top level', async () => {
    const consumers = Array.from({ length: 4000 }, (_, n) => ({
      username: `consumer-${n}`,
      custom_id: `- services:\nroutes:\n- plugins: ${'x'.repeat(100)}`,
      keyauth_credentials: [{ key: String(n) }],
    }));
    const seen: number[] = [];
    const text = stringify(
      { _format_version: '3.0', _workspace: 'team', consumers, services: [{ name: 's' }] },
      { indentSeq: false },
    );
    const read = await readDeclarativeFile(file(text), never, (done) => seen.push(done));
    expect(read).toMatchObject({ workspace: 'team', counts: { consumers: 4000, 'key-auths': 4000, services: 1 } });
    expect(seen.length).toBeGreaterThan(3);
  });

  it.each([
    ['breaks off in a text', '_format_version: "3.0"\nservices:\n- name: "a', ': it breaks at line 3'],
    [
      'has a broken line deep inside',
      `_format_version: "3.0"\nservices:\n- name: a\n  tags: [x\n- name: b\n`,
      ': it breaks at line 5',
    ],
    ['is empty', '', ''],
    ['is something else', 'hello: world\n', ''],
    ['is a list', '- a\n- b\n', ': it breaks at line 1'],
  ])('refuses a file that %s, without quoting it', async (_, text, where) => {
    expect(await faultOf(readDeclarativeFile(file(text), never))).toEqual({
      code: 'declarative-unreadable',
      message: `The file that decK wrote is not a declarative configuration${where}.`,
      hint: 'Nothing of it is kept. Look at the disk of the worker and at the version of decK, then try again.',
      retryable: true,
    });
  });

  it.each([
    ['hexadecimal digits', '0x52908400098527886E0F7030069857D2E4169EE7', '0x52908400098527886E0F7030069857D2E4169EE8'],
    ['octal digits', '0o7777777777777777777777777777', '0o7777777777777777777777777776'],
    ['an exponent', '5e1234', '6e1234'],
    ['digits without end', '9'.repeat(400), `8${'9'.repeat(399)}`],
  ])('takes a text of %s that decK left without quotes for that text', async (_, text, other) => {
    const of = (custom: string) => file(`_format_version: "3.0"\nconsumers:\n- custom_id: ${custom}\n  port: 1e+06\n`);
    expect(await readDocument(of(text))).toMatchObject({ consumers: [{ custom_id: text, port: 1_000_000 }] });
    const [one, two] = [await readDeclarativeFile(of(text), never), await readDeclarativeFile(of(other), never)];
    expect(one.contentSha256).not.toBe(two.contentSha256);
  });

  it.each([
    ['quoted', `'one\u2028    services: []'`, 'one\u2028services: []'],
    ['quoted, at its end', `'one\u2028\u2029'`, 'one\u2028\u2029'],
    ['of several lines', '|-\n    one\n    two\u2028    services: []', 'one\ntwo\u2028services: []'],
    ['of several lines, at the start of one', '|-\n    one\n\u2028    two', 'one\n\u2028two'],
    ['of several lines, at its end', '|\n    one\n    two\u2028', 'one\ntwo\u2028', ''],
  ])('takes no end of a line inside a text for one of the file (%s)', async (_, written, text, end = '\n') => {
    // As decK 1.29 writes it: U+2028 ends a line for its parser, so what follows is indented once more.
    const path = file(`_format_version: "3.0"\nconsumers:\n- custom_id: ${written}${end}  username: a\n`);
    expect(await readDocument(path)).toEqual({
      _format_version: '3.0',
      consumers: [{ custom_id: text, username: 'a' }],
    });
  });

  it('stops when the run no longer wants it', async () => {
    const stop = new AbortController();
    const reading = readDeclarativeFile(file('_format_version: "3.0"\n'), stop.signal);
    stop.abort(new Error('not wanted'));
    await expect(reading).rejects.toThrow('not wanted');
  });
});
