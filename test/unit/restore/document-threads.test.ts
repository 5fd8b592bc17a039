import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookAtDocuments } from '../../../src/steps/restore/declarative/documents.ts';
import type { DocumentJob } from '../../../src/steps/restore/declarative/documents.ts';
import { makeImportFile } from '../../../src/steps/restore/fallback/import-file.ts';

const never = new AbortController().signal;

// Small files are read by the process itself, large ones by a thread: nobody may see a difference.
describe.each([
  ['small', 2],
  ['large', 900],
])('declarative files that are %s', (_, services) => {
  let folder = '';
  const path = (name: string): string => join(folder, name);
  const yaml = (count: number): string =>
    `_format_version: "3.0"\nservices:\n${Array.from({ length: count }, (__, index) => `- id: 00000000-0000-4000-8000-${String(index).padStart(12, '0')}\n  name: s${index}\n  host: s${index}.internal\n`).join('')}`;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kong-chatops-documents-'));
    await writeFile(path('wanted.yaml'), yaml(services));
    await writeFile(path('present.yaml'), yaml(services - 1));
    await writeFile(path('broken.yaml'), `${yaml(services)}plugins: [`);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const job = (source: string): DocumentJob => ({
    source: path(source),
    present: path('present.yaml'),
    out: path('out.yaml'),
    workspace: null,
    only: null,
    back: false,
    sides: false,
    skipCaCertificates: false,
  });

  it('are compared entity by entity, and written for decK', async () => {
    const { differences } = await lookAtDocuments(job('wanted.yaml'), never);
    expect(differences.map(({ name, what }) => [name, what])).toEqual([[`s${services - 1}`, 'missing']]);
    expect(await readFile(path('out.yaml'), 'utf8')).toBe(yaml(services));
  });

  it('become what Kong imports', async () => {
    const made = makeImportFile({ source: path('wanted.yaml'), out: path('import.json') }, never);
    expect(await made).toMatchObject({ services });
  });

  it('that are none are refused, and what they hold is not quoted', async () => {
    await expect(lookAtDocuments(job('broken.yaml'), never)).rejects.toMatchObject({
      code: 'declarative-unreadable',
      message: 'The declarative file of the set is whole, byte by byte, and is no declarative configuration.',
      hint: 'Restore another set, or the database of this one.',
    });
  });

  it.each([
    ['leads nowhere', 'plugins:\n- {name: key-auth, config: {key: *hunter2}}\n'],
    [
      'leads to too much',
      `plugins:\n- &a0 [x]\n${Array.from({ length: 30 }, (_, i) => `- &a${i + 1} [*a${i}, *a${i}]\n`).join('')}`,
    ],
  ])('with an alias that %s are refused like any other that is none', async (_what, plugins) => {
    await writeFile(path('alias.yaml'), `${yaml(services)}${plugins}`);
    const refused = {
      code: 'declarative-unreadable',
      message: 'The declarative file of the set is whole, byte by byte, and is no declarative configuration.',
      hint: 'Restore another set, or the database of this one.',
    };
    await expect(lookAtDocuments(job('alias.yaml'), never)).rejects.toMatchObject(refused);
  });

  it('are not there any more when they are looked at: that is said, and nothing waits', async () => {
    await expect(lookAtDocuments(job('gone.yaml'), never)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('are not read for somebody who wants them no more', async () => {
    const stop = new AbortController();
    stop.abort(new Error('not wanted'));
    await expect(lookAtDocuments(job('wanted.yaml'), stop.signal)).rejects.toThrow('not wanted');
  });

  it('are not begun once somebody wants them no more, whenever that is', async () => {
    const stop = new AbortController();
    const looking = lookAtDocuments({ ...job('wanted.yaml'), out: path('late.yaml') }, stop.signal);
    stop.abort(new Error('not wanted any more'));
    await expect(looking).rejects.toThrow('not wanted any more');
    await expect(readFile(path('late.yaml'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
