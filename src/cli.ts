#!/usr/bin/env node
import { hostname, userInfo } from 'node:os';
import { runCli } from './cli/program.ts';
import { EXIT, type Terminal } from './cli/terminal.ts';
import { realPorts } from './cli/wiring.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait: steps are taken over by another worker.
    if (stop.signal.aborted) process.exit(EXIT.failed);
    stop.abort();
  });
}

// Gateway data is printed as text: it must not move the cursor or ring the bell.
// oxlint-disable-next-line no-control-regex
const printable = (line: string): string => line.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?');

const terminal: Terminal = {
  stdout: process.stdout,
  out: (line) => console.log(printable(line)),
  err: (line) => console.error(printable(line)),
  env: process.env,
  host: hostname(),
  systemUser: userInfo().username,
  now: () => new Date(),
  stop: stop.signal,
  pollMs: 500,
};

process.exitCode = await runCli(process.argv.slice(2), terminal, realPorts);
