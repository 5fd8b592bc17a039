/** The two Kong versions that the stand-in imitates; recordings of both hold it to its word. */
export type Version = '2.8.5' | '3.9.1';

export type Edition = 'community' | 'enterprise';

/** What a node says of itself in `version`; the Enterprise form is taken from documentation, not recorded. */
export function versionText(version: Version, edition: Edition): string {
  return edition === 'enterprise' ? `${version}.0-enterprise-edition` : version;
}
