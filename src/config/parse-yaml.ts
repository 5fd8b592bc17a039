import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { redact } from '../runs/words/redact.ts';
import type { ConfigFault } from './fault.ts';

/** Where a value stands in the file; undefined for what is not in it. */
export type Locate = (path: readonly PropertyKey[]) => { readonly line: number; readonly column: number } | undefined;

export type ParsedYaml =
  | { readonly ok: true; readonly value: unknown; readonly locate: Locate }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

/** One lost quote makes a hundred syntax faults: the first ones tell, the others bury them. */
const SHOWN = 3;

/** YAML 1.2 with merge keys (`<<`), so that policies can be written once. The first syntax faults with their lines and columns. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    const faults = problems.slice(0, SHOWN).map((problem): ConfigFault => {
      const { line, col } = lines.linePos(problem.pos[0]);
      return { path: '', line, column: col, found: redact(problem.message), allowed: 'YAML 1.2' };
    });
    const more = problems.length - faults.length;
    const found = `${more} more syntax ${more === 1 ? 'fault' : 'faults'} after these`;
    const rest = { path: '', found, allowed: 'none; most of them follow from the first' };
    return { ok: false, faults: more === 0 ? faults : [...faults, rest] };
  }
  try {
    const value: unknown = document.toJS();
    return { ok: true, value, locate: (path) => locate(document, lines, path) };
  } catch (error) {
    // Aliases are followed only now: one without an anchor, one that multiplies without end, a merge of what is no mapping.
    const found = redact(error instanceof Error ? error.message : String(error));
    return { ok: false, faults: [{ path: '', found, allowed: 'YAML 1.2 with few aliases, each after its anchor' }] };
  }
}

function locate(document: Document, lines: LineCounter, path: readonly PropertyKey[]): ReturnType<Locate> {
  const node: unknown = document.getIn(path, true);
  if (!isNode(node) || node.range === undefined || node.range === null) return undefined;
  const { line, col } = lines.linePos(node.range[0]);
  return { line, column: col };
}
