import { readFileSync } from 'node:fs';
import type { Command } from '../command.ts';
import { shellWord } from './quote.ts';

const WRAPPER = readFileSync(new URL('wrapper.sh', import.meta.url), 'utf8');
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * What the other machine's shell is asked to run, the same for every command: it reads a script from its standard input
 * and evaluates it, so that no argument and no secret ever stands in a command line on the way. Nothing of its
 * environment but PATH goes on.
 */
export const REMOTE_LINE = `exec env -i PATH="$PATH" /bin/sh -c ${shellWord(
  'read -r n && eval "$(dd bs="$n" count=1 iflag=fullblock 2>/dev/null)"',
)}`;

/** The script for one command, with its length before it as {@link REMOTE_LINE} reads it. */
export function remoteScript(command: Command, mark: string): Buffer {
  const { program, args, env = {}, cwd = '' } = command;
  const lines = [
    WRAPPER,
    `kc_begin ${shellWord(mark)}`,
    ...Object.entries(env).map(([name, value]) => assignment(name, value)),
    `kc_run ${[cwd, program, ...args].map(shellWord).join(' ')}`,
  ];
  const script = Buffer.from(lines.join('\n'));
  return Buffer.concat([Buffer.from(`${script.length}\n`), script]);
}

function assignment(name: string, value: string | { readonly file: string }): string {
  if (!NAME.test(name)) throw new Error(`${name} cannot be the name of an environment variable`);
  return typeof value === 'string' ? `export ${name}=${shellWord(value)}` : `kc_put ${name} ${shellWord(value.file)}`;
}
