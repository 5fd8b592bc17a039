import type { Names } from './text.ts';

/** How far the running step is, as `engine/ports.ts` reports it (this folder imports only the pure ones). */
export interface ViewProgress {
  readonly step: string;
  readonly attempt: number;
  readonly done: number;
  readonly total: number | null;
  readonly unit: string;
  readonly note?: string;
  readonly at: string;
}

/** The signed head of the audit trail at the end of a run. */
export interface ViewHead {
  readonly seq: number;
  readonly hash: string;
}

/** What a drawing needs to know besides the run. */
export interface ViewContext {
  readonly names: Names;
  readonly progress?: ViewProgress | null;
  /** Address of the run's card. */
  readonly link?: string | null;
  readonly head?: ViewHead | null;
  /** Set when no vote may be taken in this channel; says why. */
  readonly noVotesHere?: string;
}
