import { readFileSync } from 'node:fs';

/** The version in package.json: shown by `--version`, in manifests and in metrics. */
export const VERSION = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string }
).version;
