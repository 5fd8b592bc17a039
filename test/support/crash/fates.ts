/**
 * How a worker dies in an attempt of a step: right after its start is recorded, right after a program, a file or a request
 * that this matches was done, when all is done and not recorded, or right after that is recorded.
 */
export type Fate = 'started' | RegExp | 'unrecorded' | 'recorded';

/** By step: how the worker of its first attempt dies, of its second, …; whoever carries out a later one lives. */
export type Fates = Readonly<Record<string, readonly Fate[]>>;

/** Of a step that only looks: there is nothing that a record could lack. */
export const LOOKS: readonly Fate[] = ['started', 'recorded'];

/** Of a step that changes something, with the places in its middle. */
export function acts(...middle: readonly RegExp[]): readonly Fate[] {
  return ['started', ...middle, 'unrecorded', 'recorded'];
}

export function packFates(fates: Fates): string {
  return JSON.stringify(fates, (_key, value: unknown) => (value instanceof RegExp ? { middle: value.source } : value));
}

export function unpackFates(text: string): Fates {
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && 'middle' in value ? new RegExp(String(value.middle)) : value,
  ) as Fates;
}
