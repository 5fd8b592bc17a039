import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { parse, YAMLParseError } from 'yaml';
import { digestOf } from '../runs/json.ts';
import type { DeclarativeAnswer } from './declarative-file.ts';
import { countDeclarative } from './entities.ts';

// A thread has no origin.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(answerFor(String(workerData)));

function answerFor(path: string): DeclarativeAnswer {
  const text = readFileSync(path, 'utf8');
  try {
    // Not `silent`: that takes a file that breaks off in the middle for a whole one.
    const document: unknown = parse(text, { logLevel: 'error' });
    if (typeof document !== 'object' || document === null || Array.isArray(document)) return { line: null };
    const { _format_version: version, _workspace: workspace } = document as Record<string, unknown>;
    if (typeof version !== 'string') return { line: null };
    return {
      file: {
        formatVersion: version,
        workspace: typeof workspace === 'string' ? workspace : null,
        counts: countDeclarative(document),
        contentSha256: digestOf(document),
      },
    };
  } catch (error) {
    // Only the place leaves this thread: the parser quotes the text around it, which may be a key.
    if (error instanceof YAMLParseError) return { line: error.linePos?.[0].line ?? null };
    throw error;
  }
}
