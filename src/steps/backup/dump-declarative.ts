import type { ArtifactOutputs, SetKind } from '../../runbooks/backup.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import { findDeck } from '../../kong/dump/tools.ts';
import { eachAtOnce } from '../each-at-once.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { gatewayDeck } from '../gateway-deck.ts';
import { observeNow } from '../observed.ts';
import { NOTHING_FURTHER, preflightFacts } from '../plan-facts.ts';
import type { PreflightFacts } from '../plan-facts.ts';
import { dumpRbac } from './admin/dump-rbac.ts';
import { dumpWorkspace } from './admin/dump-workspace.ts';
import { artifactName, furtherNames, KEYRING_NAME } from './admin/names.ts';
import { saveEntities } from './admin/save-entities.ts';
import { keyringPlace, saveKeyring } from './admin/save-keyring.ts';
import { saveDataPlanes, saveNode } from './admin/save-nodes.ts';
import { goneWithout, nameInSet, stagedOutputs } from './staged.ts';

const KINDS: readonly SetKind[] = ['declarative', 'rbac', 'entities', 'dbless'];

/**
 * Everything that the Admin API tells: each workspace by decK, and beside that, where the gateway has them, RBAC roles,
 * Enterprise entities that no decK carries, the keyring, and the configuration of nodes without a database.
 */
export function dumpDeclarative(deps: StepDeps): Step {
  return {
    observe: (context) => observeNow(deps, context),
    check: (context) => outputsOf(deps, context),
    apply: (context) => takeEverything(deps, context),
  };
}

async function outputsOf(deps: StepDeps, { run }: StepContext): Promise<ArtifactOutputs | null> {
  const facts = preflightFacts(run);
  const why = facts.skipped['declarative'];
  const plain = [
    ...(why === undefined ? facts.workspaces.map((one) => ({ name: artifactName(one), compress: false })) : []),
    ...furtherNames(facts),
  ];
  const without = why === undefined ? [] : goneWithout('declarative', why).gaps;
  const names = await Promise.all(plain.map(({ name, compress }) => nameInSet(deps, name, compress)));
  const taken = await stagedOutputs(deps.destinations, refOf(run), KINDS, names);
  const keyring = await keyringOutputs(deps, facts, run);
  if (taken === null || keyring === null) return null;
  return {
    artifacts: [...taken.artifacts, ...keyring.artifacts],
    gaps: [...without, ...(facts.further?.gaps ?? []), ...taken.gaps],
  };
}

async function keyringOutputs(
  deps: StepDeps,
  facts: PreflightFacts,
  run: StepContext['run'],
): Promise<ArtifactOutputs | null> {
  if (facts.further?.keyring !== true) return { artifacts: [], gaps: [] };
  const name = await nameInSet(deps, KEYRING_NAME, false);
  return stagedOutputs([keyringPlace(deps)], refOf(run), ['keyring'], [name]);
}

/** Reading is safe beside reading, so workspaces go side by side; never more than configured, for Kong's sake. */
async function takeEverything(deps: StepDeps, context: StepContext): Promise<void> {
  const facts = preflightFacts(context.run);
  const { rbac, entities, keyring, nodes, dataPlanes } = facts.further ?? NOTHING_FURTHER;
  const declared = facts.skipped['declarative'] === undefined;
  const working = [
    declared ? dumpByDeck(deps, context, facts, rbac) : Promise.resolve(),
    entities ? saveEntities(deps, context, facts) : Promise.resolve(),
  ];
  // Both end before either's fault is told: nothing goes on behind it.
  for (const end of await Promise.allSettled(working)) if (end.status === 'rejected') throw end.reason;
  if (keyring) await saveKeyring(deps, context);
  for (const node of nodes) await saveNode(deps, context, node);
  if (dataPlanes) await saveDataPlanes(deps, context);
}

async function dumpByDeck(
  deps: StepDeps,
  context: StepContext,
  facts: PreflightFacts,
  rbac: readonly string[],
): Promise<void> {
  const tool = await findDeck(deps.runner);
  const deck = gatewayDeck(deps, context, tool, facts);
  const total = facts.workspaces.length;
  let done = 0;
  const { workspaces_at_once: most } = deps.gateway.declarative;
  context.progress({ done, total, unit: 'workspaces', note: facts.workspaces[0] ?? '' });
  await eachAtOnce(facts.workspaces, most, async (workspace) => {
    await dumpWorkspace(deps, context, { deck, tool, workspace, facts });
    if (rbac.includes(workspace)) await dumpRbac(deps, context, { deck, tool, workspace });
    context.progress({ done: (done += 1), total, unit: 'workspaces', note: workspace });
  });
}
