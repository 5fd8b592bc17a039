import type { RunCommand } from '../run-command/command.ts';

export interface Tool {
  /** Absolute path. */
  readonly program: string;
  /** `15.18`, `1.29.2`. */
  readonly version: string;
}

export interface PostgresTools {
  readonly major: number;
  readonly pgDump: Tool;
  readonly pgRestore: Tool;
  readonly psql: Tool;
}

/** What the installed decK can do, read from its help and not from its number (facts I1). */
export interface DeckTool extends Tool {
  /** `deck gateway …` exists. Without it decK is refused as too old. */
  readonly withId: boolean;
  /** Takes the token from DECK_KONG_ADMIN_TOKEN; else it goes by DECK_HEADERS. */
  readonly adminTokenVariable: boolean;
  /** Carries keys and key-sets (1.48 and newer; the only ability that no help text tells). */
  readonly keys: boolean;
}

/** Any psql, to ask a server for its version. Fault `psql.missing`. */
export declare function findPsql(run: RunCommand): Promise<Tool>;
/** The tools of exactly that major. Fault `postgres-tools.missing`: names what is missing and what installs it. */
export declare function findPostgresTools(run: RunCommand, serverMajor: number): Promise<PostgresTools>;
/** Faults `deck.missing`, `deck.too-old`, `deck.broken`. */
export declare function findDeck(run: RunCommand): Promise<DeckTool>;
