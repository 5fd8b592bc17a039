import { readFileSync } from 'node:fs';
import { Fault } from '../runs/fault.ts';
import type { SecretReference } from './schema.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

/** A secret's text, or why there is none: what was found, in words that show no secret. */
export type Looked = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly found: string };

/** An environment variable, or the file that `<NAME>_FILE` names. Null when neither is set; an empty one counts as unset. */
export function lookUpVariable(name: string, env: Variables): Looked | null {
  const value = env[name] ?? '';
  const file = env[`${name}_FILE`] ?? '';
  if (value !== '' && file !== '') return { ok: false, found: `both ${name} and ${name}_FILE are set` };
  if (file !== '') return readSecretFile(file);
  return value === '' ? null : { ok: true, text: value };
}

/** The secret behind a reference, read now. */
export function lookUpSecret(reference: SecretReference, env: Variables): Looked {
  if ('file' in reference) return readSecretFile(reference.file);
  return (
    lookUpVariable(reference.env, env) ?? {
      ok: false,
      found: `neither ${reference.env} nor ${reference.env}_FILE is set in the environment`,
    }
  );
}

/**
 * Reads secrets at the moment of use, so that a rotated one is seen.
 * Throws a Fault `secret-missing` when the variable is unset or the file unreadable.
 */
export function secretReader(env: Variables): (reference: SecretReference) => string {
  return (reference) => {
    const looked = lookUpSecret(reference, env);
    if (looked.ok) return looked.text;
    const [where, hint] =
      'env' in reference
        ? [
            `the environment variable ${reference.env}`,
            `Set ${reference.env}, or ${reference.env}_FILE to a readable file (one of the two), for the process that needs it, and start it again.`,
          ]
        : [`the file ${reference.file}`, 'Put it there, readable by the user of the process that needs it.'];
    throw new Fault('secret-missing', `A secret that should be in ${where} cannot be read: ${looked.found}.`, hint);
  };
}

/** Null where this process is not given it: a worker, say, lacks what only the bot needs. */
export function secretHere(
  { secret }: { readonly secret: ReturnType<typeof secretReader> },
  reference: SecretReference,
): string | null {
  try {
    return secret(reference);
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}

/** A secret's file less a last newline, which editors and `echo` add. */
function readSecretFile(path: string): Looked {
  try {
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return text === '' ? { ok: false, found: `the file ${path} is empty` } : { ok: true, text };
  } catch (error) {
    return { ok: false, found: `the file ${path} ${fileProblem(error)}` };
  }
}

/** Why a file could not be read, in words, by its error code. */
export function fileProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return FILE_PROBLEMS[code] ?? `cannot be read (${code})`;
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a folder',
  ENOTDIR: 'lies below something that is not a folder',
  ELOOP: 'is a circle of links',
};
