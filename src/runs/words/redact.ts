/** What stands in the place of a secret. */
export const HIDDEN = '***';

/** Names whose value is a secret, whatever it looks like. */
const SECRET_NAME =
  /(?:password|passwd|passphrase|(?:^|[^a-z])(?:pwd|secret|token|api[-_]?key|private[-_]?key|authorization|cookie))$/i;

/** Order matters: what is known by its shape goes first, what is known by the name before it last. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, HIDDEN],
  [/AGE-SECRET-KEY-1[A-Z0-9]+/gi, HIDDEN],
  // Slack: xoxb- xoxp- xoxa-2- xoxe.xoxp- xapp-1- xwfp-
  [/\bx(?:ox[a-z]|app|wfp)[-.][\w.-]+/gi, HIDDEN],
  // JSON Web Tokens: three parts, the first an object in base64url.
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, HIDDEN],
  // The password of an address. Up to the last @ of the word: an unescaped @ inside a password must not show its tail.
  // Bounded: a log line of nothing but addresses must not cost the square of its length.
  [/(:\/\/[^\s:/?#@"'<>]{0,256}:)[^\s"'<>]{0,2048}@/g, `$1${HIDDEN}@`],
  [/\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|digest)\s+)?)[^\s"',;]+/gi, `$1${HIDDEN}`],
  [/\b((?:bearer|basic)\s+)[\w.~+/=-]{12,}/gi, `$1${HIDDEN}`],
  // A quoted value after a secret's name: "token": "…", password='…'
  [
    /((?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key|private[-_]?key)["']?\s*[:=]\s*)(["'])(?:\\.|(?!\2)[^\\])*(?:\2|$)/gi,
    `$1$2${HIDDEN}$2`,
  ],
  // A bare one. Prose like "refused the token: HTTP 401" keeps its words: there only compound names count.
  [
    /((?:passw(?:or)?d|passphrase|pwd|secret|(?<![a-z])[a-z]{1,40}[-_]token|[-_]key)\s*[:=]\s*)(?!["'\s])[^\s"',;&]+/gi,
    `$1${HIDDEN}`,
  ],
  [/((?:token|api[-_]?key)[:=])(?!["'\s])[^\s"',;&]+/gi, `$1${HIDDEN}`],
];

/** The text without tokens, passwords, keys and the passwords of addresses. Applying it twice changes nothing more. */
export function redact(text: string): string {
  return PATTERNS.reduce((clean, [pattern, instead]) => clean.replaceAll(pattern, instead), text);
}

/** True when what is stored under this name is a secret by its name alone: `password`, `Kong-Admin-Token`, `apiKey`. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.replaceAll(/([a-z])([A-Z])/g, '$1-$2'));
}

/**
 * The same for any JSON value: strings are redacted, values under a secret's name are hidden whole.
 * `known` are literal secrets of this process; a short one (under 8 characters) is not replaced, it would hit words.
 */
export function redactValue(value: unknown, known: readonly string[] = []): unknown {
  if (typeof value === 'string') return redactKnown(value, known);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      redactKnown(name, known),
      isSecretName(name) && (typeof item === 'string' || typeof item === 'number') ? HIDDEN : redactValue(item, known),
    ]),
  );
}

/** Literal secrets first, then what looks like one. */
export function redactKnown(text: string, known: readonly string[]): string {
  const literal = known
    .filter((secret) => secret.length >= 8)
    .reduce((clean, secret) => clean.replaceAll(secret, HIDDEN), text);
  return redact(literal);
}
