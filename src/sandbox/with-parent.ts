import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';

/** A server that ends when we end, however that happens: see {@link startWithParent}. */
export interface Dependent {
  /** Resolves when the server and its guard are gone. */
  readonly ended: Promise<void>;
  /** Ends the server; keeps its folder when told so (a restart), else the guard removes it. */
  stop(keepFolder?: boolean): Promise<void>;
}

export interface DependentOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** How the server is told to end: `QUIT` at once, `INT` or `TERM` after tidying up. */
  readonly signal: 'QUIT' | 'INT' | 'TERM';
  /** Removed once the server is gone; null keeps everything. */
  readonly removeFolder: string | null;
  /** Open file that takes the server's output. */
  readonly logFd: number;
  readonly uid?: number;
  readonly gid?: number;
}

// A guard between us and the server: its standard input is our pipe, which the kernel closes even when we are
// killed by SIGKILL. It is a shell because that costs 1 MB where a second Node would cost 40; its text is fixed
// and everything variable comes as an argument.
const GUARD = `
signal=$1; folder=$2; shift 2
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ read -r word <&3; trap '' TERM; kill -"$signal" "$child"; [ "$word" = keep ]; } 2>/dev/null &
reader=$!
wait "$child"
kill "$reader" 2>/dev/null
wait "$reader"
[ $? -ne 1 ] || [ -z "$folder" ] || rm -rf -- "$folder"
`;

/** Starts a server that dies with this process, also when this process is killed by SIGKILL. */
export function startWithParent(options: DependentOptions): Dependent {
  const guard = spawn(
    '/bin/sh',
    ['-c', GUARD, 'guard', options.signal, options.removeFolder ?? '', options.command, ...options.args],
    {
      stdio: ['pipe', options.logFd, options.logFd],
      env: { ...options.env },
      // Its own group: Ctrl-C in the terminal reaches us alone, and we end it in order.
      detached: true,
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    },
  );
  guard.unref();
  unrefPipe(guard);
  const ended = once(guard, 'exit').then(() => undefined);
  return {
    ended,
    async stop(keepFolder = false) {
      guard.ref();
      guard.stdin?.end(keepFolder ? 'keep\n' : '');
      await ended;
      // A server that ended by itself leaves its folder: its log says why.
      if (!keepFolder && options.removeFolder !== null)
        await rm(options.removeFolder, { recursive: true, force: true });
    },
  };
}

function unrefPipe(guard: ChildProcess): void {
  const pipe = guard.stdin;
  // A guard that is gone already makes the write fail; `ended` tells, so the error says nothing new.
  pipe?.on('error', () => undefined);
  if (pipe !== null && 'unref' in pipe && typeof pipe.unref === 'function') pipe.unref();
}

/** A TCP port of 127.0.0.1 that was free a moment ago. Somebody may take it: whoever uses it tries again. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port');
  return address.port;
}
