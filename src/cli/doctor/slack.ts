import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Config } from '../../config/schema.ts';
import { Fault } from '../../runs/fault.ts';
import { fail, ok, warn, type Check, type Finding } from './check.ts';

/** Slack refuses signatures that are older than five minutes. */
const SKEW_SECONDS = 60;
const ANSWER_MS = 10_000;

interface SlackAnswer {
  readonly ok: boolean;
  readonly error: string | null;
  readonly team: string | null;
  readonly enterprise: string | null;
  readonly user: string | null;
  readonly scopes: readonly string[] | null;
  readonly date: string | null;
}

/** The tokens: accepted, of the right workspace, with the scopes of the manifest; and this machine's clock by Slack's. */
export function slackChecks(config: Config, now: () => Date): readonly Check[] {
  const { SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET } = config.environment;
  const missing = (about: string, variable: string): Finding =>
    warn(
      about,
      `${variable} is not set here`,
      `Needed where the bot runs, not on a worker. Set ${variable} or ${variable}_FILE there.`,
    );
  const look = async () =>
    SLACK_BOT_TOKEN === undefined
      ? [missing('Slack', 'SLACK_BOT_TOKEN')]
      : botFindings(config, await askSlack(config, 'auth.test', SLACK_BOT_TOKEN), now());
  const mode: Check =
    config.slack.mode === 'http'
      ? {
          about: 'Slack signing',
          look: async () => [
            SLACK_SIGNING_SECRET === undefined
              ? missing('Slack signing', 'SLACK_SIGNING_SECRET')
              : ok('Slack signing', 'signing secret set'),
          ],
        }
      : {
          about: 'Slack socket',
          look: async () => [
            SLACK_APP_TOKEN === undefined
              ? missing('Slack socket', 'SLACK_APP_TOKEN')
              : appFinding(await askSlack(config, 'apps.connections.open', SLACK_APP_TOKEN)),
          ],
        };
  return [{ about: 'Slack', look }, mode];
}

/** What `auth.test` says of the bot token. Pure. */
export function botFindings(
  config: Pick<Config, 'slack'>,
  answer: SlackAnswer,
  now: Date,
  wanted: readonly string[] | null = manifestScopes(),
): readonly Finding[] {
  if (!answer.ok) {
    const hint = 'Install the app again (OAuth & Permissions) and take its new token.';
    return [fail('Slack', `the bot token was refused (${answer.error ?? 'no reason'})`, hint)];
  }
  const findings = [ok('Slack', `bot token accepted, user ${answer.user ?? '?'}`)];
  const { team } = config.slack;
  if (team !== answer.team && team !== answer.enterprise) {
    findings.push(
      fail(
        'Slack',
        `the token is of ${answer.team ?? 'another workspace'}, slack.team says ${team}`,
        'Correct one of them: everybody would be refused.',
      ),
    );
  }
  return [...findings, ...scopeFindings(answer.scopes, wanted), ...clockFindings(answer.date, now)];
}

function scopeFindings(granted: readonly string[] | null, wanted: readonly string[] | null): Finding[] {
  if (granted === null || wanted === null) {
    const why =
      granted === null ? 'Slack did not say which scopes the token has' : 'manifest.yml is not beside the program';
    return [warn('Slack scopes', why, 'Compare the scopes of the app with manifest.yml by hand.')];
  }
  const lacking = wanted.filter((scope) => !granted.includes(scope));
  const extra = granted.filter((scope) => !wanted.includes(scope));
  const findings =
    lacking.length === 0
      ? [ok('Slack scopes', `all ${wanted.length} scopes of manifest.yml`)]
      : [
          fail(
            'Slack scopes',
            `missing: ${lacking.join(', ')}`,
            'Update the app from manifest.yml and install it again.',
          ),
        ];
  if (extra.length > 0) {
    findings.push(
      warn(
        'Slack scopes',
        `more than manifest.yml asks for: ${extra.join(', ')}`,
        'Remove them from the app: less is safer.',
      ),
    );
  }
  return findings;
}

function clockFindings(date: string | null, now: Date): Finding[] {
  const theirs = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return [];
  const seconds = Math.round((now.getTime() - theirs) / 1000);
  if (Math.abs(seconds) <= SKEW_SECONDS) return [ok('clock', `within ${SKEW_SECONDS} s of Slack's`)];
  const where = seconds > 0 ? 'ahead of' : 'behind';
  return [
    fail('clock', `${Math.abs(seconds)} s ${where} Slack's`, 'Let the machine keep time:  timedatectl set-ntp true'),
  ];
}

function appFinding(answer: SlackAnswer): Finding {
  if (answer.ok) return ok('Slack socket', 'app-level token accepted');
  const hint = 'Basic Information > App-Level Tokens: make one with connections:write; and turn Socket Mode on.';
  return fail('Slack socket', `the app-level token was refused (${answer.error ?? 'no reason'})`, hint);
}

/** What the app is asked to be given: `oauth_config.scopes.bot` of manifest.yml; null where it was not shipped along. */
export function manifestScopes(): readonly string[] | null {
  const path = new URL('../../../manifest.yml', import.meta.url);
  if (!existsSync(path)) return null;
  const manifest = parse(readFileSync(path, 'utf8')) as { oauth_config?: { scopes?: { bot?: readonly string[] } } };
  return manifest.oauth_config?.scopes?.bot ?? [];
}

/** One call by hand: the headers say what the library hides (scopes, Slack's clock). */
async function askSlack(config: Config, method: string, token: string): Promise<SlackAnswer> {
  const base = config.environment.SLACK_API_URL ?? 'https://slack.com/api/';
  let response: Response;
  let body: Readonly<Record<string, unknown>>;
  try {
    response = await fetch(new URL(method, base.endsWith('/') ? base : `${base}/`), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    body = (await response.json()) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new Fault(
      'slack.unreachable',
      `Slack does not answer at ${new URL(base).host}.`,
      'Check the way out to it: DNS, firewall, proxy (NODE_USE_ENV_PROXY=1 makes Node use HTTPS_PROXY).',
      { cause },
    );
  }
  const text = (key: string) => (typeof body[key] === 'string' ? body[key] : null);
  return {
    ok: body['ok'] === true,
    error: text('error'),
    team: text('team_id'),
    enterprise: text('enterprise_id'),
    user: text('user'),
    scopes:
      response.headers
        .get('x-oauth-scopes')
        ?.split(',')
        .map((scope) => scope.trim()) ?? null,
    date: response.headers.get('date'),
  };
}
