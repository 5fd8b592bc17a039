import type { core } from 'zod';
import { nearest } from '../../runs/words/nearest.ts';
import { isSecretName, redact } from '../../runs/words/redact.ts';
import { formatPath, oneOf, type ConfigFault } from '../fault.ts';
import { allowedKeys } from '../keys.ts';

type Issue = core.$ZodIssue;

/** Says in plain words what the schema found wrong. `value` is the whole parsed file. */
export function schemaFaults(issues: readonly Issue[], value: unknown): (ConfigFault & { keys: PropertyKey[] })[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ ...unknownKey(issue.path, key, value), keys: [...issue.path, key] }));
    }
    if (issue.code === 'invalid_union') return unionFaults(issue, value);
    const found = describe(valueAt(value, issue.path), issue.path);
    return [{ path: formatPath(issue.path), keys: [...issue.path], found, allowed: allowed(issue, found) }];
  });
}

/** The branch that fits but for details speaks; where none does, the union's own text says what is allowed. */
function unionFaults(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  value: unknown,
): ReturnType<typeof schemaFaults> {
  const inside = issue.errors.find((branch) => branch.length > 0 && branch.every(({ path }) => path.length > 0));
  if (inside !== undefined) {
    return schemaFaults(
      inside.map((found) => ({ ...found, path: [...issue.path, ...found.path] })),
      value,
    );
  }
  const found = describe(valueAt(value, issue.path), issue.path);
  return [{ path: formatPath(issue.path), keys: [...issue.path], found, allowed: issue.message }];
}

/** What a person would name a key. Whatever else stands there may have been pasted by mistake, and is not shown. */
const WORDS = /^[A-Za-z][A-Za-z_ -]{0,30}$/;

function unknownKey(path: readonly PropertyKey[], key: string, value: unknown): ConfigFault {
  const known = allowedKeys(path, valueAt(value, path));
  // `token: {hunter2: }` makes a key of a secret.
  const meant = nearest(key, known);
  const mayBeSecret = isSecretPlace(path) || (meant === null && !WORDS.test(key));
  if (mayBeSecret) return { path: formatPath(path), found: 'an unknown key', allowed: oneOf(known) };
  return {
    path: formatPath([...path, key]),
    found: `a key that does not exist here${meant === null ? '' : ` (did you mean ${meant}?)`}`,
    allowed: oneOf(known),
  };
}

function allowed(issue: Issue, found: string): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return choices(issue.values.map(String), found);
    case 'too_small':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `${issue.minimum} or more`
        : `at least ${issue.minimum} ${issue.origin === 'array' ? 'entry' : 'character'}`;
    case 'too_big':
      return `${issue.maximum} or less`;
    default:
      // Formats and custom rules carry their own words in the schema.
      return issue.message;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping (key: value lines)',
  array: 'a list (lines that start with a dash)',
};

function choices(values: readonly string[], found: string): string {
  const meant = nearest(found.replaceAll('"', ''), values);
  return `${oneOf(values)}${meant === null ? '' : ` (did you mean ${meant}?)`}`;
}

/** A value in a few words, never a secret: what stands under a secret's name is not shown, the rest is redacted. */
export function describe(value: unknown, path: readonly PropertyKey[]): string {
  if (value === undefined || value === null || value === '') return 'nothing';
  if (isSecretPlace(path)) {
    return `a ${typeof value === 'object' ? 'mapping' : 'value'}, not shown because it may be a secret`;
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return `a mapping with ${oneOf(Object.keys(value)) || 'no keys'}`;
  const shown = typeof value === 'string' ? JSON.stringify(redact(value)) : `${value as number | boolean | bigint}`;
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown;
}

function isSecretPlace(path: readonly PropertyKey[]): boolean {
  return path.some((part) => typeof part === 'string' && isSecretName(part));
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, part) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[part] : undefined),
    value,
  );
}
