import { Readable } from 'node:stream';
import type { StepContext } from '../../../engine/ports.ts';
import type { AdminApi } from '../../../kong/admin/admin.ts';
import { ENTITIES_FORMAT, enterpriseEntities } from '../../../kong/admin/enterprise-entities.ts';
import type { EntitiesTally } from '../../../kong/admin/enterprise-entities.ts';
import type { Gap } from '../../../runbooks/backup.ts';
import type { StepDeps } from '../../deps.ts';
import { refOf } from '../../deps.ts';
import { withAdmin } from '../../gateway-access.ts';
import type { PreflightFacts } from '../../plan-facts.ts';
import { counted } from '../../words.ts';
import { secondsBetween, stageArtifact } from '../staged.ts';
import { ENTITIES_NAME } from './names.ts';

/** Enterprise entities that no decK carries, page by page from the Admin API into one artifact. */
export async function saveEntities(deps: StepDeps, context: StepContext, facts: PreflightFacts): Promise<void> {
  await withAdmin(deps, context.signal, (admin) => stageEntities(deps, context, facts, admin));
}

async function stageEntities(
  deps: StepDeps,
  context: StepContext,
  facts: PreflightFacts,
  admin: AdminApi,
): Promise<void> {
  const began = performance.now();
  const alone = facts.skipped['declarative'] !== undefined;
  const tally: EntitiesTally = { counts: {}, forbidden: [], hidden: 0 };
  const entities = enterpriseEntities(admin, {
    workspaces: facts.workspaces,
    keepSecrets: (deps.encryption?.recipients.length ?? 0) > 0,
    tally,
    onEntity: (done) => {
      // Beside decK its workspaces say more.
      if (alone) context.progress({ done, total: null, unit: 'lines', note: 'what decK does not carry' });
    },
  });
  await stageArtifact(
    deps,
    { ref: refOf(context.run), signal: context.signal },
    {
      name: ENTITIES_NAME,
      compress: true,
      source: Readable.from(entities, { objectMode: false }),
      describe: () => ({
        artifact: {
          kind: 'entities',
          tool: 'kong-chatops',
          toolVersion: ENTITIES_FORMAT,
          seconds: secondsBetween(began, performance.now()),
          facts: { ...tally.counts },
        },
        gaps: [...forbiddenGaps(tally), ...hiddenGap(tally)],
      }),
    },
  );
}

/** One per type: what the token may not see cannot be counted either. */
function forbiddenGaps({ forbidden }: EntitiesTally): Gap[] {
  const types = new Map(forbidden.map((one) => [one.type, one]));
  return [...types.values()].map(({ type, many, path, status }) => {
    const places = forbidden.filter((one) => one.type === type).length;
    const where = places === 1 ? path : `${path} and ${counted(places - 1, 'more list')}`;
    return {
      kind: type,
      count: null,
      what: `The ${many} are not all in the set`,
      why: `the Admin token may not read ${where} (HTTP ${status}): give it that permission`,
    };
  });
}

function hiddenGap({ hidden }: EntitiesTally): Gap[] {
  if (hidden === 0) return [];
  return [
    {
      kind: 'entities-secrets',
      count: hidden,
      what: `${counted(hidden, 'secret')} of Enterprise entities ${hidden === 1 ? 'is' : 'are'} masked`,
      why: 'sets are not encrypted, so secrets are left out',
    },
  ];
}
