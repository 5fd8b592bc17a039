import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One numbered step of our schema: `migrations/0002_append.sql` is number 2. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** Ours, in order. Forward only: a published file never changes. */
export function migrations(): Migration[] {
  const folder = join(import.meta.dirname, 'migrations');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({
      version: Number(file.slice(0, 4)),
      name: file.slice(5, -'.sql'.length),
      sql: readFileSync(join(folder, file), 'utf8'),
    }));
}

/** The newest version that this code knows. */
export function latestVersion(): number {
  return migrations().at(-1)?.version ?? 0;
}
