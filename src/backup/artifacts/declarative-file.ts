import { stat } from 'node:fs/promises';
import { Fault } from '../../runs/fault.ts';
import { askThread } from './ask-thread.ts';
import { answerFor } from './declarative-reader.ts';
import type { DeclarativeAnswer, DeclarativeFile } from './declarative-reader.ts';

/** Parsed here and now: some 50 ms, as much as a thread takes to start. */
const SMALL = 64 * 1024;

/**
 * Parses a declarative file in a thread of its own: YAML of a big gateway takes minutes, in which a blocked process
 * would lose the lock of its own step. Fault when it is not a whole declarative file.
 */
export async function readDeclarativeFile(
  path: string,
  signal: AbortSignal,
  onRead: (characters: number) => void = () => undefined,
): Promise<DeclarativeFile> {
  signal.throwIfAborted();
  const { size } = await stat(path);
  const answer = size <= SMALL ? await answerFor(path, onRead) : await answerOfThread(path, signal, onRead);
  signal.throwIfAborted();
  if ('file' in answer) return answer.file;
  throw unreadable(answer.line);
}

async function answerOfThread(
  path: string,
  signal: AbortSignal,
  onRead: (characters: number) => void,
): Promise<DeclarativeAnswer> {
  const script = new URL('declarative-thread.ts', import.meta.url);
  return await askThread(
    { script, data: path, signal, name: 'the thread that parses the declarative file' },
    (word) => {
      const said = word as DeclarativeAnswer | { readonly read: number };
      if (!('read' in said)) return said;
      onRead(said.read);
      return undefined;
    },
  );
}

function unreadable(line: number | null): Fault {
  return new Fault(
    'declarative-unreadable',
    `The file that decK wrote is not a declarative configuration${line === null ? '' : `: it breaks at line ${line}`}.`,
    'Nothing of it is kept. Look at the disk of the worker and at the version of decK, then try again.',
    { retryable: true },
  );
}
