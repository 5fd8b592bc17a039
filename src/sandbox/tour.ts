import type { Operations } from '../engine/ports.ts';
import { openCamera } from './browser.ts';
import { slackControl } from './slack/control.ts';
import type { StrictSlack } from './slack/strict.ts';
import { ASKING } from './tour/asking.ts';
import { play, type Played } from './tour/play.ts';
import { PROOFS, type ProofStage } from './tour/proofs.ts';
import { RESTORING } from './tour/restoring.ts';
import { RUNNING } from './tour/running.ts';
import { recordDrawings, type Stage } from './tour/stage.ts';
import type { TourStep } from './tour/step.ts';
import { STOPPING } from './tour/stopping.ts';
import { TERMINAL, type TerminalStage } from './tour/terminal.ts';
import type { Workspace } from './workspace.ts';

export interface TourOptions {
  /** Folder for pictures of every message; undefined takes none. */
  readonly screenshots: string | undefined;
  readonly out: (line: string) => void;
}

/** Plays the tour, in Slack where there is one and in the terminal elsewhere. True when every outcome was expected. */
export async function runTour(world: Workspace, operations: Operations, options: TourOptions): Promise<boolean> {
  const { slack } = world;
  const played =
    'missing' in slack
      ? await inTerminal(world, operations, options)
      : await inSlack(world, slack, operations, options);
  const { out } = options;
  const seconds = played.seconds.toFixed(1);
  out(played.ok ? `All ${played.good} outcomes were as expected. ${seconds} s` : `Not as expected. ${seconds} s`);
  return played.ok;
}

async function inSlack(
  world: Workspace,
  slack: StrictSlack,
  operations: Operations,
  { screenshots, out }: TourOptions,
): Promise<Played> {
  const control = await slackControl(slack.uiUrl);
  try {
    const camera = screenshots === undefined ? null : await openCamera(slack.uiUrl, screenshots);
    try {
      await control.until('the bot to connect to Slack', () => slack.connections() > 0 || null);
      const drawings = recordDrawings(control);
      const stage: Stage = { world, slack, control, operations, runs: new Map(), drawings, camera };
      return await play<Stage>([...ASKING, ...RUNNING, ...STOPPING, ...RESTORING, ...PROOFS], stage, out);
    } finally {
      await camera?.close();
    }
  } finally {
    control.close();
  }
}

async function inTerminal(world: Workspace, operations: Operations, { out }: TourOptions): Promise<Played> {
  const steps: readonly TourStep<TerminalStage & ProofStage>[] = [...TERMINAL, ...PROOFS];
  return await play(steps, { world, operations, runs: new Map<string, string>() }, out);
}
