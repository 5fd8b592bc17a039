/**
 * decK takes a state file for a template: `${{ env "DECK_X" }}` in a value of an entity would put our own environment,
 * with the token of the Admin API, into the gateway. Escaped, it stays the text that it was.
 */
export function escapeTemplates(text: string): string {
  return text.replaceAll('${{', '${{ "${{" }}');
}
