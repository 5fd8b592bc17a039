import type { RunCommand } from './command.ts';

/** Programs and files of this machine. `path` is the PATH that programs get (default: this process's own). */
export declare function localRunner(options?: { readonly path?: string }): RunCommand;
