/** Kong's schemas hold Lua patterns; the classes and escapes that they use are translated, nothing more. */
const CLASSES: Readonly<Record<string, string>> = {
  a: 'A-Za-z',
  d: '0-9',
  l: 'a-z',
  s: '\\s',
  u: 'A-Z',
  w: 'A-Za-z0-9',
};

/** True when Lua's `string.find(value, pattern)` would find something. */
export function luaFinds(value: string, pattern: string): boolean {
  let inSet = false;
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === '%') {
      at += 1;
      source += classOrEscape(pattern.charAt(at), inSet);
      continue;
    }
    if (char === '[') inSet = true;
    if (char === ']') inSet = false;
    source += '|{}\\()'.includes(char) ? `\\${char}` : char;
  }
  return new RegExp(source).test(value);
}

function classOrEscape(char: string, inSet: boolean): string {
  const known = CLASSES[char];
  if (known === undefined) return `\\${char}`;
  return inSet ? known : `[${known}]`;
}
