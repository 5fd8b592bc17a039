import { Fault } from '../../runs/fault.ts';

export interface PassedCheck {
  readonly name: string;
  readonly detail: string;
}

interface Row {
  readonly name: string;
  detail?: string;
  fault?: Fault;
}

/** Collects checks in the order in which they are begun, so that all that is wrong is said at once. */
export class Checklist {
  readonly #rows: Row[] = [];

  /** Answers what the work answers, or null when it failed with a Fault. What is no Fault is thrown. */
  async check<T>(name: string, work: () => Promise<T>, detail: (value: T) => string): Promise<T | null> {
    const row: Row = { name };
    this.#rows.push(row);
    try {
      const value = await work();
      row.detail = detail(value);
      return value;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      row.fault = error;
      return null;
    }
  }

  /** A check that fails by what is already known; `problem` null passes. */
  expect(name: string, problem: Fault | null, detail: string): void {
    this.#rows.push(problem === null ? { name, detail } : { name, fault: problem });
  }

  passed(): readonly PassedCheck[] {
    return this.#rows.flatMap(({ name, detail }) => (detail === undefined ? [] : [{ name, detail }]));
  }

  failed(): readonly { readonly name: string; readonly fault: Fault }[] {
    return this.#rows.flatMap(({ name, fault }) => (fault === undefined ? [] : [{ name, fault }]));
  }
}

/** One Fault that says everything that is wrong; null when nothing is. It may be tried again only if each of them may. */
export function preflightFault(gateway: string, lists: readonly Checklist[]): Fault | null {
  const count = lists.flatMap((list) => list.failed()).length;
  const checks = count === 1 ? '1 check of' : `${count} checks of`;
  return faultOfLists('preflight-failed', `${checks} gateway ${gateway} failed, so nothing was started`, lists);
}

/** The same after other words: `heading` has no full stop. */
export function faultOfLists(code: string, heading: string, lists: readonly Checklist[]): Fault | null {
  const failed = lists.flatMap((list) => list.failed());
  if (failed.length === 0) return null;
  return new Fault(
    code,
    `${heading}.${lines(failed.map(({ name, fault }) => `${name}: ${fault.message}`))}`,
    failed.length === 1 ? (failed[0]?.fault.hint ?? '') : lines(failed.map(({ fault }) => fault.hint)).trimStart(),
    { cause: failed.map(({ fault }) => fault), retryable: failed.every(({ fault }) => fault.retryable) },
  );
}

function lines(texts: readonly string[]): string {
  return texts.map((text, index) => `\n${index + 1}. ${text}`).join('');
}
