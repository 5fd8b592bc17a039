import type { RunCommand } from '../run-command/command.ts';
import type { DeckTool } from './tools.ts';

export interface DeckOptions {
  readonly run: RunCommand;
  readonly deck: DeckTool;
  readonly gateway: string;
  readonly url: string;
  readonly token?: string | undefined;
  readonly caFile?: string | undefined;
  readonly edition: 'community' | 'enterprise';
  /** The attempt's folder: decK's private HOME is made in it. */
  readonly workDir: string;
  /** Per request of decK to Kong. */
  readonly requestTimeoutMs: number;
  /** For a whole decK run; a hanging decK is killed then. */
  readonly timeoutMs: number;
}

export interface DeckDump {
  /** Null: no `-w` (Kong OSS, or the default workspace of Enterprise). Refused on OSS when set. */
  readonly workspace: string | null;
  readonly outFile: string;
  readonly withId: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: (line: string) => void;
}
export interface DeckDumped {
  readonly bytes: number;
  readonly seconds: number;
  /** decK's own warnings, one line each. */
  readonly warnings: readonly string[];
}

export interface DeckDiff {
  readonly file: string;
  readonly workspace: string | null;
  readonly signal?: AbortSignal | undefined;
}
/** What a sync of the file would do. Counts and kinds only: decK's bodies hold secrets. */
export interface DeckDiffed {
  readonly creating: number;
  readonly updating: number;
  readonly deleting: number;
  readonly changes: readonly {
    readonly action: 'create' | 'update' | 'delete';
    readonly kind: string;
    readonly name: string;
  }[];
  readonly warnings: readonly string[];
}

/** Runs decK against one gateway. Every method throws a Fault (`deck.…`), or the signal's reason once aborted. */
export interface Deck {
  /** Answers Kong's version as decK reads it. */
  ping(signal?: AbortSignal): Promise<string>;
  dump(request: DeckDump): Promise<DeckDumped>;
  diff(request: DeckDiff): Promise<DeckDiffed>;
}

export declare function deckFor(options: DeckOptions): Deck;
