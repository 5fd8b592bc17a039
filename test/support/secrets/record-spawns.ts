import { appendFileSync } from 'node:fs';
import { ChildProcess } from 'node:child_process';

// Loaded into every Node process under test by NODE_OPTIONS: writes down the arguments of each program that it starts.
const file = process.env['RECORD_SPAWNS'] ?? '';

interface Spawning {
  spawn: (this: unknown, options: { readonly file: string; readonly args?: readonly string[] }) => number;
}
const prototype = ChildProcess.prototype as unknown as Spawning;
const { spawn } = prototype;
prototype.spawn = function (options) {
  appendFileSync(file, `${JSON.stringify([options.file, ...(options.args ?? [])])}\n`);
  return spawn.call(this, options);
};
// Its own, too.
appendFileSync(file, `${JSON.stringify(process.argv)}\n`);
