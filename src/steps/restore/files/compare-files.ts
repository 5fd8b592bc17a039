import { createHmac } from 'node:crypto';
import { basename } from 'node:path';
import { isSecretValue, parseKongConf } from '../../../kong/files/kong-conf.ts';
import type { KongConf } from '../../../kong/files/kong-conf.ts';
import { isSecretByContent, isSecretByName } from '../../../kong/files/prefix-files.ts';
import { HIDDEN } from '../../../runs/words/redact.ts';

/** What is on the gateway now: the content; `missing`; or `unreadable`, which the bot cannot compare. */
export type Present = Buffer | 'missing' | 'unreadable';

/** A setting of kong.conf that is another one in the set. Null: not there. Secrets are fingerprints. */
export type SettingDifference = {
  readonly key: string;
  readonly present: string | null;
  readonly saved: string | null;
};

/** A file of the set as against the present one: never its content. */
export type FileDifference = {
  readonly path: string;
  readonly state: 'same' | 'changed' | 'missing' | 'unreadable';
  /** It holds passwords or private keys. */
  readonly secret: boolean;
  /** Of kong.conf, when it differs. */
  readonly settings: readonly SettingDifference[];
  /** Settings whose values are masked in the set, because it is not encrypted: somebody must fill them in. */
  readonly fillIn: readonly string[];
};

/** Tells contents apart. Keyed, so that nobody who reads it can try passwords against it. */
export type Fingerprint = (content: string | Buffer) => string;

export function fingerprints(key: string): Fingerprint {
  return (content) => createHmac('sha256', key).update(content).digest('hex').slice(0, 16);
}

const LONGEST_VALUE = 80;

/** Compares one file. `isConf`: it is written like kong.conf, and its settings are compared one by one. */
export function compareFile(
  saved: { readonly path: string; readonly content: Buffer },
  present: Present,
  { isConf, print }: { readonly isConf: boolean; readonly print: Fingerprint },
): FileDifference {
  const { path, content } = saved;
  const conf = isConf ? parseKongConf(content.toString('utf8')) : null;
  const fillIn = conf === null ? [] : [...conf].filter(([, value]) => value === HIDDEN).map(([key]) => key);
  const facts = { path, secret: isSecretFile(path, content, conf), fillIn };
  if (typeof present === 'string') return { ...facts, state: present, settings: [] };
  if (present.equals(content)) return { ...facts, state: 'same', settings: [] };
  const settings = conf === null ? [] : compareSettings(parseKongConf(present.toString('utf8')), conf, print);
  return { ...facts, state: 'changed', settings };
}

/** Whether a file must be written for nobody but its owner. */
export function isSecretFile(path: string, content: Buffer, conf: KongConf | null): boolean {
  const inConf = conf !== null && [...conf].some(([key, value]) => isSecretValue(key, value));
  return inConf || isSecretByName(path) || isSecretByContent(content, []);
}

/** kong.conf itself, and what Kong makes of it. */
export function isConfFile(path: string, kongConf: string): boolean {
  return path === kongConf || basename(path) === '.kong_env';
}

function compareSettings(present: KongConf, saved: KongConf, print: Fingerprint): readonly SettingDifference[] {
  const keys = [...new Set([...present.keys(), ...saved.keys()])].sort();
  return keys.flatMap((key) => {
    const [before, after] = [present.get(key), saved.get(key)];
    // A masked value says nothing of what it was.
    if (before === after || (after === HIDDEN && before !== undefined)) return [];
    return [{ key, present: shown(key, before, print), saved: shown(key, after, print) }];
  });
}

function shown(key: string, value: string | undefined, print: Fingerprint): string | null {
  if (value === undefined) return null;
  if (value === HIDDEN) return HIDDEN;
  if (isSecretValue(key, value)) return `a secret (${print(value).slice(0, 8)})`;
  return value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value;
}
