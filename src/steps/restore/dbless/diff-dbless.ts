import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENTITY_KINDS } from '../../../backup/artifacts/entities.ts';
import type { Step, StepContext } from '../../../engine/ports.ts';
import { configurationHashOf } from '../../../kong/dbless/load-config.ts';
import { shownConfig } from '../../../kong/dbless/shown-config.ts';
import type { Change, PreviewOutputs } from '../../../runbooks/restore.ts';
import type { Observed } from '../../../runs/event.ts';
import { digestOf } from '../../../runs/json.ts';
import { keepProof, readProof } from '../../attempt-proof.ts';
import type { Difference } from '../declarative/compare.ts';
import { kindOfList } from '../declarative/document.ts';
import { lookAtDocuments } from '../declarative/documents.ts';
import type { DocumentAnswer } from '../declarative/documents.ts';
import { openSafety } from '../declarative/source.ts';
import { checkedSet } from '../deps.ts';
import type { RestoreDeps } from '../deps.ts';
import { artifactsFor, wantedNodes, withNode } from './nodes.ts';
import type { WantedNode } from './nodes.ts';
import { shortName } from '../../words.ts';

/** Hashes of what a node has and of what it would have. */
export type NodeHash = { readonly node: string; readonly present: string; readonly wanted: string };

/** Outputs of `diff-dbless`. */
export interface DiffDblessOutputs extends PreviewOutputs {
  readonly nodes: readonly NodeHash[];
}

/** Compares what each node has with what the set has for it: hashes first, then entity by entity. Changes nothing. */
export function diffDbless(deps: RestoreDeps): Step {
  return {
    check: readProof,
    apply: async (context) => {
      await keepProof(context, await preview(deps, context));
    },
  };
}

async function preview(deps: RestoreDeps, context: StepContext): Promise<DiffDblessOutputs> {
  const wanted = await wantedNodes(deps, context, false);
  // Said now and not when an undo is needed.
  artifactsFor(
    (await openSafety(deps, context)).manifest,
    wanted.map(({ node }) => node),
  );
  const compared = new Map<string, readonly Difference[]>();
  const nodes: NodeHash[] = [];
  for (const one of wanted) {
    const { present, answer } = await lookAtNode(deps, context, one);
    nodes.push({ node: one.node.name, present, wanted: one.hash });
    compared.set(one.node.name, [...answer.differences, ...changedPasswords(answer)]);
  }
  return {
    nodes,
    changes: changesOf(compared),
    digest: digestOf({ nodes, changes: [...compared] }),
    observed: observedOf(context, nodes),
    approversMore: [...compared.values()].flat().some(isWeighty) ? 1 : 0,
    degradedMinutes: 1,
  };
}

/** What a node has now, compared with what it is to have. */
export async function lookAtNode(
  deps: RestoreDeps,
  context: StepContext,
  { node, path }: WantedNode,
  sides = false,
): Promise<{ readonly present: string; readonly answer: DocumentAnswer }> {
  const { present, text } = await withNode(deps, node, context.signal, async (admin) => {
    const config = await shownConfig(admin, node.name);
    return { present: (await admin.status()).configurationHash ?? 'unknown', text: config };
  });
  const there = join(context.workDir, `present-${configurationHashOf(node.name)}.yaml`);
  await writeFile(there, text, { mode: 0o600 });
  const job = { source: path, present: there, out: `${there}.out`, workspace: null, only: null, back: false };
  return { present, answer: await lookAtDocuments({ ...job, sides, skipCaCertificates: false }, context.signal) };
}

/** What a gate on the load stands for: the set, and what every node had. */
export async function observeDbless(deps: RestoreDeps, context: StepContext): Promise<Observed> {
  const nodes: NodeHash[] = [];
  for (const { node, hash } of await wantedNodes(deps, context, false)) {
    const { configurationHash } = await withNode(deps, node, context.signal, (admin) => admin.status());
    nodes.push({ node: node.name, present: configurationHash ?? 'unknown', wanted: hash });
  }
  const agreed = context.run.steps['diff-dbless']?.outputs as DiffDblessOutputs | undefined;
  // After a death in the middle some nodes have it already: that is no change that people must be asked about.
  const untouched = nodes.map((now) => {
    const before = agreed?.nodes.find(({ node }) => node === now.node);
    return context.attempt > 1 && now.present === now.wanted ? (before ?? now) : now;
  });
  return observedOf(context, untouched);
}

function observedOf({ run }: StepContext, nodes: readonly NodeHash[]): Observed {
  return { set: checkedSet(run).manifestSha256, nodes: digestOf(nodes) };
}

/** Without a database nothing hashes twice: another stored password is another password. */
function changedPasswords({ hashes }: DocumentAnswer): readonly Difference[] {
  return hashes.map(({ list, name }) => ({ list, name, what: 'different', fields: ['password'] }));
}

const WORDS = { missing: 'created', different: 'updated', 'not-in-set': 'deleted' } as const;
const NAMES_SHOWN = 5;

/** Counts and a few names by kind; by node where nodes differ. */
function changesOf(compared: ReadonlyMap<string, readonly Difference[]>): readonly Change[] {
  const distinct = new Set([...compared.values()].map((differences) => digestOf(differences)));
  const [first] = compared;
  const each = distinct.size === 1 && first !== undefined ? [['', first[1]] as const] : [...compared];
  return each.flatMap(([node, differences]) => {
    const kinds = [...new Set(differences.map(({ list }) => kindOfList(list).many))].sort(
      (a, b) => placeOf(a) - placeOf(b),
    );
    return kinds.map((kind) => {
      const of = differences.filter(({ list }) => kindOfList(list).many === kind);
      const count = (word: string): number => of.filter(({ what }) => WORDS[what] === word).length;
      return {
        kind: node === '' ? kind : `${kind} (${node})`,
        created: count('created'),
        updated: count('updated'),
        deleted: count('deleted'),
        names: of.slice(0, NAMES_SHOWN).map(({ name }) => shortName(name)),
      };
    });
  });
}

function placeOf(many: string): number {
  const index = ENTITY_KINDS.findIndex((kind) => kind.many === many);
  return index === -1 ? ENTITY_KINDS.length : index;
}

const ACCESS =
  /^(?:consumers|consumer_groups|certificates|ca_certificates|snis|keys|key_sets|vaults|.*_credentials|acls|jwt_secrets)$/;
const ACCESS_PLUGIN = /auth|jwt|oidc|openid|saml|acl|session|ip-restriction|ldap|opa$|introspection/i;

/** It deletes, or who comes in may differ afterwards: then one person more must say go (behaviour 2.12). */
function isWeighty({ list, name, what }: Difference): boolean {
  return what === 'not-in-set' || ACCESS.test(list) || (list === 'plugins' && ACCESS_PLUGIN.test(name));
}
