import type { Readable, Writable } from 'node:stream';
import type { RunCommand } from '../../run-command/command.ts';
import { programInto, streamFrom, writeTo } from '../../run-command/stream-from.ts';
import { faultOfDump } from './dump-faults.ts';
import { dumpArguments, dumpPlace, faultOfArchive, tableCounter } from './dump.ts';
import type { PgDump, StreamFormat } from './dump.ts';
import { isReady } from '../database/psql.ts';
import type { Tool } from './tools.ts';

export type PgDumpStream = Omit<PgDump, 'outDir' | 'jobs' | 'compressLevel'> & {
  readonly signal: AbortSignal;
  /** Default `custom`. */
  readonly format?: StreamFormat;
};

/**
 * A dump as it is made, uncompressed, without a file. It ends only when pg_dump ended well; else it
 * breaks with a Fault `dump.…`. `pg_restore -j` reads it too, although it went through a pipe (tried on 15.18).
 */
export function pgDumpStream(run: RunCommand, request: PgDumpStream): Readable {
  const { env, onTable, tables } = request;
  const progress = onTable === undefined ? {} : { onLine: tableCounter(1, tables, onTable) };
  const args = dumpArguments({ ...request, jobs: 1, compressLevel: 0, outDir: null });
  return streamFrom(request.signal, (output, signal) =>
    programInto(
      output,
      run,
      { program: request.pgDump.program, args, env, ...progress },
      {
        signal,
        faultOf: async (finished) =>
          faultOfDump({
            finished,
            where: dumpPlace(env),
            version: request.pgDump.version,
            folder: '',
            freeBytes: null,
            readiness: await isReady(run, request.pgDump, request),
          }),
      },
    ),
  );
}

/**
 * Hands the archive on while pg_restore reads it to its end beside: the stream ends only after pg_restore understood
 * every byte, so nothing is stored for good that was not read. Breaks with a Fault `archive.…`.
 */
export function readWhilePassing(
  run: RunCommand,
  archive: Readable,
  { pgRestore, signal }: { readonly pgRestore: Tool; readonly signal: AbortSignal },
): Readable {
  archive.on('error', () => undefined);
  return streamFrom(signal, async (output, signal) => {
    const args = ['--exit-on-error', '--file=/dev/null'];
    const reading = run.start({ program: pgRestore.program, args, signal });
    reading.stdout.resume();
    const ended = new AbortController();
    const end = reading.done.finally(() => ended.abort());
    try {
      await passTo(output, reading.stdin, archive, { signal, ended: ended.signal });
      reading.stdin.end();
    } catch (error) {
      reading.kill();
      throw error;
    } finally {
      archive.destroy();
    }
    const finished = await end;
    signal.throwIfAborted();
    if (finished.exitCode !== 0) throw faultOfArchive(finished, { archive: 'that pg_dump wrote', signal, pgRestore });
  });
}

/** Both get every chunk, at the pace of the slower one. A reader that has ended has said all that it will. */
async function passTo(
  output: Writable,
  reader: Writable,
  archive: Readable,
  { signal, ended }: { readonly signal: AbortSignal; readonly ended: AbortSignal },
): Promise<void> {
  const either = AbortSignal.any([signal, ended]);
  for await (const chunk of archive) {
    const copied = ended.aborted
      ? Promise.resolve()
      : writeTo(reader, chunk, either).catch(() => signal.throwIfAborted());
    await Promise.all([writeTo(output, chunk, signal), copied]);
  }
}
