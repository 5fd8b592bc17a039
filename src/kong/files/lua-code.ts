import type { FileEntry, RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import { isOwnFolder, realPath } from './allowed.ts';
import type { KongConf } from './kong-conf.ts';

/** Plugins of a gateway are tens of files; a whole Lua tree is no configuration. */
const MOST_FILES = 500;
/** Where the system and LuaRocks keep what anybody can install again. */
const INSTALLED = /^\/usr\/(local\/)?(share|lib)\/lua(\/|$)|^\/usr\/local\/openresty\//;

export interface LuaCode {
  readonly entries: readonly FileEntry[];
  /** Folders that are not taken, each with its reason. */
  readonly left: readonly string[];
}

/** Lua files below the folders that `lua_package_path` names for itself: `/opt/plugins/?.lua` is `/opt/plugins`. */
export async function findLuaCode(run: RunCommand, conf: KongConf): Promise<LuaCode> {
  const entries: FileEntry[] = [];
  const left: string[] = [];
  for (const folder of luaFolders(conf)) {
    const found = await codeBelow(run, folder);
    if (typeof found === 'string') left.push(`${folder} (${found})`);
    else entries.push(...found);
  }
  return { entries, left };
}

/** Absolute folders of the search path, each once. `;;` and `./?.lua` are Kong's own. */
export function luaFolders(conf: KongConf): readonly string[] {
  const parts = (conf.get('lua_package_path') ?? '').split(';').map((part) => part.trim());
  const folders = parts.flatMap((part) => {
    const folder = /^(\/[^?]*?)\/?\?/.exec(part)?.[1];
    return folder === undefined ? [] : [folder];
  });
  return [...new Set(folders)].filter((folder) => folder !== '' && folder !== '/' && !INSTALLED.test(folder));
}

async function codeBelow(run: RunCommand, folder: string): Promise<readonly FileEntry[] | string> {
  const real = await realPath(run, folder);
  if (real === null) return 'not there';
  if (!isOwnFolder(real)) return 'a folder of the system';
  try {
    const all = await run.listFiles(real, { deep: true });
    const code = all.filter(({ kind, path }) => kind === 'file' && path.endsWith('.lua'));
    return code.length > MOST_FILES ? `${code.length} files, more than plugins have` : code;
  } catch (error) {
    if (error instanceof Fault) return error.code === 'file.missing' ? 'not there' : 'not readable for the bot';
    throw error;
  }
}
