import { join } from 'node:path';
import { namedPaths, parseKongConf } from '../../../kong/files/kong-conf.ts';
import { shellWord } from '../../../run-command/remote/quote.ts';

interface Different {
  readonly path: string;
  readonly mode: number;
  readonly state: 'same' | 'changed' | 'missing' | 'unreadable';
}

interface Around {
  readonly folder: string;
  readonly prefix: string;
  readonly kongConf: string;
  /** All files of the set. */
  readonly saved: readonly { readonly path: string; readonly content: Buffer }[];
}

const MOST_FILES = 20;

/**
 * The lines that an operator runs to look at the restored files and to put them into use. Kong makes its prefix anew from
 * kong.conf, so of the prefix only what kong.conf names is copied. `cp` keeps owner and rights of the file that it writes
 * over; a file that is not there gets the rights that it had.
 */
export function putInPlace(different: readonly Different[], around: Around): readonly string[] {
  const { folder, prefix, saved, kongConf } = around;
  const conf = saved.find(({ path }) => path === kongConf);
  const named = conf === undefined ? [] : namedPaths(parseKongConf(conf.content.toString('utf8')), prefix);
  const isNamed = (path: string): boolean => path === kongConf || named.some((one) => one.path === path);
  const copied = different.filter(({ path }) => !path.startsWith(`${prefix}/`) || isNamed(path)).slice(0, MOST_FILES);
  const looks = copied
    .filter(({ state }) => state !== 'missing')
    .map(({ path }) => `diff -u ${shellWord(path)} ${shellWord(join(folder, path))}`);
  const copies = copied.map(({ path, mode, state }) =>
    state === 'missing'
      ? `install -D -m ${mode.toString(8).padStart(4, '0')} ${shellWord(join(folder, path))} ${shellWord(path)}`
      : `cp ${shellWord(join(folder, path))} ${shellWord(path)}`,
  );
  if (copies.length === 0) return [];
  const reload = `kong check ${shellWord(kongConf)} && kong reload -c ${shellWord(kongConf)} -p ${shellWord(prefix)}`;
  return [...looks, ...copies, reload];
}
