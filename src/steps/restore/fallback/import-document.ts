import { entitiesOf, isChildList } from '../declarative/document.ts';
import type { Body, Document } from '../declarative/document.ts';

/**
 * What Kong's own import takes: no word of decK, nothing hashed again, and server names in a list of their own, because
 * Kong 3 refuses them below their certificate (facts I3).
 */
export function importDocument(document: Document): Document {
  const entries = Object.entries(document).filter(([key]) => !key.startsWith('_'));
  const plain = { ...Object.fromEntries(entries), _format_version: document['_format_version'], _transform: false };
  const { certificates } = document;
  if (!isChildList('certificates', certificates)) return plain;
  const snis = certificates.flatMap((certificate) => snisOf(certificate));
  const bare = certificates.map(({ snis: _snis, ...certificate }) => certificate);
  const others = isChildList('snis', document['snis']) ? document['snis'] : [];
  return { ...plain, certificates: bare, ...(snis.length + others.length === 0 ? {} : { snis: [...others, ...snis] }) };
}

function snisOf({ id, snis }: Body): readonly Body[] {
  if (!Array.isArray(snis)) return [];
  return (snis as readonly Body[]).map((sni) => ({ ...sni, certificate: { id } }));
}

/** How many entities of each list, wherever they are nested. */
export function countLists(document: Document): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { list } of entitiesOf(document)) counts[list] = (counts[list] ?? 0) + 1;
  return counts;
}
