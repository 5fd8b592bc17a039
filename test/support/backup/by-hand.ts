import { readFileSync } from 'node:fs';

const DOCS = new URL('../../../docs/restore-by-hand.md', import.meta.url);

/** The blocks of the page that are meant to be run, in order, by the heading above them. */
export function blocks(): { readonly heading: string; readonly script: string }[] {
  const found: { heading: string; script: string }[] = [];
  let heading = '';
  for (const [, title, script] of readFileSync(DOCS, 'utf8').matchAll(/^## (.*)$|^```sh\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else found.push({ heading, script: script ?? '' });
  }
  return found;
}
