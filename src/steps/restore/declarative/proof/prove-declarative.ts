import type { Step, StepContext } from '../../../../engine/ports.ts';
import { chooseProofs } from '../../../../kong/proxy/choose-proofs.ts';
import type { Probe, Side } from '../../../../kong/proxy/choose-proofs.ts';
import { keepProof, readProof } from '../../../attempt-proof.ts';
import type { RestoreDeps } from '../../deps.ts';
import { configuredProbes, proveNodes } from '../../prove.ts';
import { lookAround } from '../look.ts';
import { safetySource, wantedSource } from '../source.ts';

/** Proves through every node's proxy that it serves what the gateway is configured for now, and not what was before. */
export function proveDeclarative(deps: RestoreDeps, after: 'purge-nodes' | 'purge-back'): Step {
  return {
    check: readProof,
    apply: async (context) => {
      // The state before may be the broken one that the restore was asked for: what people configured need not hold in it.
      const asked = after === 'purge-nodes' ? configuredProbes(deps) : [];
      const probes = [...asked, ...(await derived(deps, context, after))];
      await keepProof(context, await proveNodes(deps, context, { probes, after }));
    },
  };
}

/** What tells the present state from the other one, which lies in a set. */
async function derived(deps: RestoreDeps, context: StepContext, after: string): Promise<readonly Probe[]> {
  const other = after === 'purge-nodes' ? await safetySource(deps, context) : await wantedSource(deps, context);
  const looks = await lookAround(deps, context, { ...other, only: null, back: true }, { sides: true });
  const sides = looks.flatMap(({ answer }) => (answer.sides === null ? [] : [answer.sides]));
  return chooseProofs(together(sides.map(({ present }) => present)), together(sides.map(({ source }) => source)));
}

/** Nodes serve all workspaces. */
function together(sides: readonly Side[]): Side {
  return {
    routes: sides.flatMap(({ routes }) => routes),
    keys: sides.flatMap(({ keys }) => keys),
    whole: sides.every(({ whole }) => whole),
  };
}
