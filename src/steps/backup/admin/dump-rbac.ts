import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readDeclarativeFile } from '../../../backup/artifacts/declarative-file.ts';
import type { StepContext } from '../../../engine/ports.ts';
import type { Deck } from '../../../kong/deck/deck.ts';
import type { DeckTool } from '../../../kong/dump/tools.ts';
import type { StepDeps } from '../../deps.ts';
import { refOf } from '../../deps.ts';
import { secondsBetween, stageArtifact } from '../staged.ts';
import { rbacName } from './names.ts';

/** RBAC roles and their endpoints of one workspace, by decK, in a folder and a file of their own. */
export async function dumpRbac(
  deps: StepDeps,
  context: StepContext,
  { deck, tool, workspace }: { readonly deck: Deck; readonly tool: DeckTool; readonly workspace: string },
): Promise<void> {
  const began = performance.now();
  const folder = join(context.workDir, 'rbac');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const outFile = join(folder, rbacName(workspace));
  await deck.dump({ workspace, outFile, withId: true, rbacOnly: true, signal: context.signal });
  const file = await readDeclarativeFile(outFile, context.signal);
  const artifact = {
    kind: 'rbac' as const,
    tool: 'decK',
    toolVersion: tool.version,
    seconds: secondsBetween(began, performance.now()),
    facts: { workspace, roles: file.counts['rbac-roles'] ?? 0, contentSha256: file.contentSha256 },
  };
  await stageArtifact(
    deps,
    { ref: refOf(context.run), signal: context.signal },
    {
      name: rbacName(workspace),
      compress: false,
      source: createReadStream(outFile),
      describe: () => ({ artifact, gaps: [] }),
    },
  );
  await rm(outFile, { force: true });
}
