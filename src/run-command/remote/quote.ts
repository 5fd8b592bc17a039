/** One word of a POSIX shell's command line that stands for exactly `text`, whatever it contains. */
export function shellWord(text: string): string {
  if (text.includes('\0')) throw new Error('no program can be given a text that contains a NUL byte');
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
