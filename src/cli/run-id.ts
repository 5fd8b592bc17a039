/** `B-142`: the letter of a kind of run, a dash, a number. */
export function isRunId(text: string): boolean {
  return /^[A-Z]-[1-9]\d{0,9}$/.test(text);
}
