/**
 * decK takes a state file for a template: `${{ env "DECK_X" }}` in a value of an entity would put our own environment,
 * with the token of the Admin API, into the gateway. Escaped, it stays the text that it was.
 */
export function escapeTemplates(text: string): string {
  return text.replaceAll('${{', '${{ "${{" }}');
}

/**
 * A state file for decK, which reads JSON as YAML 1.1: what ends a line there, or is refused there, would be read as a
 * space, moved, or not at all, and goes as its number instead.
 */
export function stateFile(document: object): string {
  const text = JSON.stringify(document);
  return text.replaceAll(ODD, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const ODD = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;
