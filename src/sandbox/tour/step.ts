/** One step of the tour: what is done and by whom, what should come of it, and the doing. */
export interface TourStep<Stage> {
  readonly title: string;
  readonly expected: string;
  /** Answers what came, in one line. Throws {@link Unexpected} when it is not what was expected. */
  play(stage: Stage): Promise<string>;
}

/** Something else came than what was expected. */
export class Unexpected extends Error {
  readonly came: string;

  constructor(why: string, came: string) {
    super(why);
    this.name = 'Unexpected';
    this.came = came;
  }
}

/** Makes sure that a text says each of these. Throws {@link Unexpected} with the first one missing. */
export function mustSay(text: string, ...phrases: readonly (string | RegExp)[]): void {
  for (const phrase of phrases) {
    const said = typeof phrase === 'string' ? text.includes(phrase) : phrase.test(text);
    if (!said) throw new Unexpected(`it does not say ${String(phrase)}`, text);
  }
}

/** At most `max` characters of the first lines, on one line. */
export function inOneLine(text: string, max = 240): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
}
