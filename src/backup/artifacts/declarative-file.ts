import { Fault } from '../../runs/fault.ts';
import { askThread } from './ask-thread.ts';
import type { DeclarativeAnswer, DeclarativeFile } from './declarative-reader.ts';

/**
 * Parses a declarative file, in a thread of its own when it is not small: YAML of a big gateway takes minutes, in which a
 * blocked process would lose the lock of its own step. Fault when it is not a whole declarative file.
 */
export async function readDeclarativeFile(
  path: string,
  signal: AbortSignal,
  onRead: (characters: number) => void = () => undefined,
): Promise<DeclarativeFile> {
  const script = new URL('declarative-reader.ts', import.meta.url);
  const job = { script, data: path, files: [path], signal, name: 'the thread that parses the declarative file' };
  const answer = await askThread<DeclarativeAnswer>(job, (characters) => onRead(Number(characters)));
  if ('file' in answer) return answer.file;
  throw unreadable(answer.line);
}

function unreadable(line: number | null): Fault {
  return new Fault(
    'declarative-unreadable',
    `The file that decK wrote is not a declarative configuration${line === null ? '' : `: it breaks at line ${line}`}.`,
    'Nothing of it is kept. Look at the disk of the worker and at the version of decK, then try again.',
    { retryable: true },
  );
}
