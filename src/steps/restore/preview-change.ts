import { ENTITY_KINDS } from '../../backup/artifacts/entities.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import { compareTable } from '../../kong/database/compare-content.ts';
import type { TableChange } from '../../kong/database/compare-content.ts';
import type { DatabaseContent } from '../../kong/database/database-content.ts';
import type { Change, PreviewOutputs } from '../../runbooks/restore.ts';
import type { Observed } from '../../runs/event.ts';
import { digestOf } from '../../runs/json.ts';
import { keepProof, readProof } from '../attempt-proof.ts';
import { configuredDatabase } from '../gateway-access.ts';
import { checkedSet, namesOf, nodesOf } from './deps.ts';
import type { RestoreDeps } from './deps.ts';
import { shortName } from '../words.ts';
import { endPredecessors, withContents, withServer, withSession } from './server-access.ts';

/**
 * Tables that every node writes as it runs, or that are derived: they differ always and say nothing. Tokens and sessions
 * are none of them: what was issued since the backup is lost, and people must know.
 */
const CHURN =
  /^(?:cluster_events|clustering_.*|locks|tags|ttls|parameters|workspace_entity_counters|.*_metrics|rl_counters|audit_.*|login_attempts|vitals.*|schema_meta)$/;

/** Compares the restored database with the live one, row by row inside the server: counts and a few names, no values. */
export function previewChange(deps: RestoreDeps): Step {
  return {
    takeOver: (context) => endPredecessors(deps, context),
    check: readProof,
    apply: async (context) => {
      await keepProof(context, await preview(deps, context));
    },
  };
}

async function preview(deps: RestoreDeps, context: StepContext): Promise<PreviewOutputs> {
  const { scratch } = namesOf(context.run, configuredDatabase(deps));
  const live = await liveName(deps, context);
  const differences = await withContents(deps, context, [live, scratch], (before, after) =>
    compareAll(context, before, after),
  );
  const keeps = context.run.plan.parameters['safety'] === 'kept-database';
  return {
    changes: changesOf(differences),
    digest: digestOf(differences.map(({ bare, prints }) => ({ bare, prints }))),
    observed: await observeLive(deps, context),
    approversMore: keeps ? 1 : 0,
    degradedMinutes: degradedMinutes(nodesOf(deps).length),
  };
}

/** Null when it is gone: then everything that the set holds comes back. */
async function liveName(deps: RestoreDeps, context: StepContext): Promise<string | null> {
  const { live } = namesOf(context.run, configuredDatabase(deps));
  const rows = await withServer(deps, context, (server) => server.databases([live]));
  return live in rows ? live : null;
}

async function compareAll(
  context: StepContext,
  before: DatabaseContent | null,
  after: DatabaseContent,
): Promise<readonly TableChange[]> {
  const shapes = (await after.tables()).filter(({ bare }) => !CHURN.test(bare));
  const here = before === null ? null : new Set((await before.tables()).map(({ table }) => table));
  const found: TableChange[] = [];
  for (const [index, shape] of shapes.entries()) {
    context.progress({ done: index, total: shapes.length, unit: 'tables', note: 'comparing' });
    found.push(await compareTable(here?.has(shape.table) === true ? before : null, after, shape));
  }
  return found.filter(({ prints }) => prints.length > 0);
}

/** By what people call it; the order is that of the list of kinds, other tables after it. */
function changesOf(differences: readonly TableChange[]): readonly Change[] {
  const kindOf = (bare: string): string =>
    ENTITY_KINDS.find(({ tables }) => tables.includes(bare))?.many ?? bare.replaceAll('_', ' ');
  const kinds = [...new Set(differences.map(({ bare }) => kindOf(bare)))];
  const place = (kind: string): number => {
    const index = ENTITY_KINDS.findIndex(({ many }) => many === kind);
    return index === -1 ? ENTITY_KINDS.length : index;
  };
  return kinds
    .sort((a, b) => place(a) - place(b))
    .map((kind) => {
      const of = differences.filter(({ bare }) => kindOf(bare) === kind);
      const sum = (pick: (change: TableChange) => number): number => of.reduce((all, one) => all + pick(one), 0);
      return {
        kind,
        created: sum(({ created }) => created),
        updated: sum(({ updated }) => updated),
        deleted: sum(({ deleted }) => deleted),
        names: of
          .flatMap(({ names }) => names)
          .slice(0, 5)
          .map(shortName),
      };
    });
}

/** The swap takes seconds; a reload and a purge took up to 15 s a node where they were measured, one after the other. */
function degradedMinutes(nodes: number): number {
  return Math.ceil((10 + 15 * nodes) / 60);
}

/** What configures the gateway, as against consumers and tokens, which come and go while people decide. */
const CONFIGURATION =
  /^(?:services|routes|plugins|upstreams|targets|certificates|ca_certificates|snis|workspaces|vaults.*|sm_vaults|keys|key_sets|filter_chains|partials|consumer_groups|rbac_roles|rbac_role_endpoints|admins)$/;

/**
 * What a gate on the swap stands for, looked at again just before it: the set, and the configuration that would be lost.
 * Changes of consumers and credentials do not ask people again: a gateway in use makes them all the time.
 */
export async function observeLive(deps: RestoreDeps, context: StepContext): Promise<Observed> {
  const set = checkedSet(context.run).manifestSha256;
  const live = await liveName(deps, context);
  if (live === null) return { set, migrations: 'no database', configuration: 'no database' };
  const migrations = await withSession(deps, context, live, (session) => session.schemaMeta());
  const parts = await withContents(deps, context, [null, live], async (_, content) => {
    const shapes = (await content.tables()).filter(({ bare }) => CONFIGURATION.test(bare));
    return await Promise.all(shapes.map(async (shape) => [shape.table, await content.parts(shape, 0)] as const));
  });
  return { set, migrations: digestOf(migrations), configuration: digestOf(parts) };
}
