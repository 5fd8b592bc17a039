import { basename, relative } from 'node:path';
import type { Gap } from '../../runbooks/backup.ts';

/** Names shown in a gap; the rest is counted. */
const NAMES_SHOWN = 8;

/** What was not taken: a path, or a path and the reason. */
export interface LeftOut {
  readonly secret: string[];
  readonly unreadable: string[];
  /** Outside of what belongs to this Kong. */
  readonly outside: string[];
  readonly lua: string[];
}

export interface NotTaken {
  readonly kongConf: string;
  readonly prefix: string;
  /** Keys of kong.conf whose values were replaced. */
  readonly masked: readonly string[];
  readonly left: LeftOut;
}

/** What of the files is not in the set, or not as it was. */
export function fileGaps({ kongConf, prefix, masked, left }: NotTaken): Gap[] {
  const gaps: Gap[] = [];
  const secret = left.secret.map((path) => (path.startsWith(`${prefix}/`) ? relative(prefix, path) : path));
  if (secret.length > 0)
    gaps.push({
      kind: 'prefix-secrets',
      count: secret.length,
      what: `${counted(secret.length, 'file')} with passwords or private keys ${secret.length === 1 ? 'is' : 'are'} not in the set: ${names(secret)}`,
      why: 'sets are not encrypted, so secrets are left out; keep these where you keep secrets',
    });
  if (masked.length > 0)
    gaps.push({
      kind: 'kong-conf-secrets',
      count: masked.length,
      what: `${counted(masked.length, 'value')} of ${basename(kongConf)} ${masked.length === 1 ? 'is' : 'are'} masked: ${names(masked)}`,
      why: 'sets are not encrypted, so secrets are left out; name them by a vault reference to have the file whole',
    });
  if (left.unreadable.length > 0)
    gaps.push({
      kind: 'unreadable-files',
      count: left.unreadable.length,
      what: `${counted(left.unreadable.length, 'file')} could not be read: ${names(left.unreadable)}`,
      why: 'let the user that the bot runs as read them, or correct kong.conf',
    });
  if (left.outside.length > 0)
    gaps.push({
      kind: 'files-outside',
      count: left.outside.length,
      what: `${counted(left.outside.length, 'file')} ${left.outside.length === 1 ? 'is' : 'are'} not in the set: ${names(left.outside)}`,
      why: 'only files below the prefix and below the folder of kong.conf are taken, and certificates, keys, includes and the declarative file that kong.conf names itself and not by a link',
    });
  if (left.lua.length > 0)
    gaps.push({
      kind: 'custom-plugins',
      count: left.lua.length,
      what: `The Lua code of ${counted(left.lua.length, 'folder')} is not in the set: ${names(left.lua)}`,
      why: 'lua_package_path names them; keep their code where you keep source code',
    });
  return gaps;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function names(list: readonly string[]): string {
  const shown = list.slice(0, NAMES_SHOWN).join(', ');
  return list.length > NAMES_SHOWN ? `${shown} and ${list.length - NAMES_SHOWN} more` : shown;
}
