import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** A place that was searched, and what lies there. */
export interface Searched {
  readonly place: string;
  readonly content: string | Buffer;
}

/** Which secret was found where: names alone, so that the finding does not spread it. */
export type Finding = `${string} in ${string}`;

/** Looks for every secret as it is and as it is usually written: base64, percent-encoded, hexadecimal, as JSON. */
export function findSecrets(secrets: Readonly<Record<string, string>>, searched: readonly Searched[]): Finding[] {
  const findings = new Set<Finding>();
  for (const [name, secret] of Object.entries(secrets)) {
    const forms = formsOf(secret);
    for (const { place, content } of searched)
      if (forms.some((form) => content.includes(form))) findings.add(`${name} in ${place}`);
  }
  return [...findings];
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  // In the middle of something else, base64 depends on where it begins: the part that all three share is looked for.
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    return text.slice(Math.ceil((shift * 4) / 3), -4);
  });
  return [
    ...new Set([
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      bytes.toString('hex'),
      ...shifted,
    ]),
  ];
}

/** Every file below a folder. `leave`: paths relative to it where secrets belong. */
export function filesIn(folder: string, leave: (path: string) => boolean = () => false): readonly Searched[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => !leave(relative(folder, path)) && lstatSync(path).isFile())
    .map((path) => ({ place: `file ${relative(folder, path)}`, content: readFileSync(path) }));
}
