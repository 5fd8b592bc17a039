import { setBytes } from '../../backup/set/catalogue.ts';
import type { Manifest } from '../../backup/set/manifest.ts';
import { nowhere } from '../../runbooks/backup.ts';
import { age, clock, size } from './amounts.ts';

/** A set as its manifest tells it: whose, when, what is in it, what is not, who can open it. */
export function setLines(manifest: Manifest, place: string, now: Date): readonly string[] {
  const { kong, encryption, artifacts, gaps, destinations } = manifest;
  const approved = manifest.approvedBy.length === 0 ? '' : `, approved by ${manifest.approvedBy.join(', ')}`;
  const missing = destinations?.configured.filter((name) => !destinations.reached.includes(name)) ?? [];
  return [
    `${manifest.set}: gateway ${manifest.gateway} (${manifest.environment})`,
    `  signed by key ${manifest.signedBy.slice(0, 12)}, which is yours`,
    `  taken ${clock(manifest.createdAt)}, ${age(manifest.createdAt, now)} ago, by run ${manifest.runId}`,
    `  requested by ${manifest.requestedBy}${approved}`,
    `  Kong ${kong.version} ${kong.edition}, database ${kong.databaseKind}, workspaces ${kong.workspaces.join(', ')}`,
    `  lies in ${place}${missing.length === 0 ? '' : `; missing in ${missing.join(', ')} from the start`}`,
    encryption === 'none'
      ? '  NOT ENCRYPTED: whoever can read it can read every credential in it'
      : `  encrypted for ${encryption.recipients.join(', ')}`,
    `Artifacts (${size(setBytes(manifest))}):`,
    ...artifacts.map((artifact) => `  ${artifact.name}  ${size(artifact.bytes)}${factsText(artifact.facts)}`),
    ...gapLines(gaps),
  ];
}

type Gap = Manifest['gaps'][number];

/** As the card says it: what is nowhere in the set, and what one artifact of it alone holds. */
function gapLines(gaps: readonly Gap[]): readonly string[] {
  const missing = nowhere(gaps);
  const partial = gaps.filter(({ onlyIn }) => onlyIn !== undefined);
  const told = (some: readonly Gap[]): readonly string[] => some.map(({ what, why }) => `  ${what} (${why})`);
  return [
    missing.length === 0 ? 'Complete: nothing on the gateway is missing from it.' : 'Not in the set:',
    ...told(missing),
    ...(partial.length === 0 ? [] : ['Only in the database dump:', ...told(partial)]),
  ];
}

function factsText(facts: Readonly<Record<string, string | number>>): string {
  const shown = Object.entries(facts).filter(([key]) => ['tables', 'rows', 'entities', 'files'].includes(key));
  return shown.length === 0 ? '' : `  ${shown.map(([key, value]) => `${value} ${key}`).join(', ')}`;
}
