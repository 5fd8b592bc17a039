import type { ConfigFault } from './fault.ts';
import { environmentSchema, type Environment } from './schema.ts';
import { describe } from './schema/schema-faults.ts';
import { lookUpVariable, type Variables } from './secret.ts';

/** Variables whose value is no secret and helps to see the fault. Everything else is never shown. */
const PLAIN = new Set(['KONG_CHATOPS_CONFIG', 'LOG_LEVEL']);

export type EnvironmentRead =
  | { readonly ok: true; readonly environment: Environment }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

/** The environment by its schema; each variable may stand in a file named by `<NAME>_FILE`. */
export function readEnvironment(env: Variables): EnvironmentRead {
  const faults: ConfigFault[] = [];
  const values: Record<string, string> = {};
  for (const name of Object.keys(environmentSchema.shape)) {
    const looked = lookUpVariable(name, env);
    if (looked === null) continue;
    if (looked.ok) values[name] = looked.text;
    else
      faults.push({ path: name, found: looked.found, allowed: `either ${name}, or ${name}_FILE with a readable file` });
  }
  const parsed = environmentSchema.safeParse(values);
  if (parsed.success && faults.length === 0) return { ok: true, environment: parsed.data };
  const reported = new Set(faults.map(({ path }) => path));
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0]);
    if (reported.has(name)) continue;
    faults.push({ path: name, found: shown(name, values[name]), allowed: allowedFor(name, issue) });
  }
  return { ok: false, faults };
}

/** What a process that talks to Slack needs beyond what every process needs. */
export function slackFaults(mode: 'socket' | 'http', environment: Environment): ConfigFault[] {
  const needed =
    mode === 'socket'
      ? (['SLACK_BOT_TOKEN', 'SLACK_APP_TOKEN'] as const)
      : (['SLACK_BOT_TOKEN', 'SLACK_SIGNING_SECRET'] as const);
  return needed
    .filter((name) => environment[name] === undefined)
    .map((name) => ({
      path: name,
      found: 'nothing',
      allowed: `${WHERE[name]} (slack.mode is ${mode}), or ${name}_FILE`,
    }));
}

const WHERE = {
  SLACK_BOT_TOKEN: 'the bot token of the Slack app (OAuth & Permissions)',
  SLACK_APP_TOKEN: 'an app-level token with connections:write (Basic Information)',
  SLACK_SIGNING_SECRET: 'the signing secret of the Slack app (Basic Information)',
} as const;

function shown(name: string, value: string | undefined): string {
  if (value === undefined) return 'nothing';
  return PLAIN.has(name) ? describe(value, []) : 'a value that is something else (not shown)';
}

function allowedFor(name: string, issue: { readonly code: string; readonly message: string }): string {
  if (issue.code === 'invalid_type') return MISSING[name] ?? 'a value';
  if (issue.code === 'invalid_value') return 'trace, debug, info, warn, error or silent';
  return issue.message;
}

const MISSING: Readonly<Record<string, string>> = {
  DATABASE_URL:
    "the address of the bot's own database: postgres://user:password@host:5432/database, or DATABASE_URL_FILE",
};
