import { describe, expect, test } from 'vitest';
import type { AuditQuery } from '../../../src/engine/ports.ts';
import { partOf } from '../../../src/runs/words/trail-line.ts';
import { BOB, CAROL, GUS } from '../../../src/sandbox/slack/cast.ts';
import type { SlackMessage } from '../../../src/sandbox/slack/strict/edge.ts';
import { ACTIONS } from '../../../src/slack/views/kit/action-ids.ts';
import { need } from '../../support/need.ts';
import { slackStage } from '../../support/slack/slack-stage.ts';
import { BOT_SCOPES } from '../../support/slack/slack-world.ts';

interface SharedFile {
  readonly name: string;
  readonly url_private: string;
}

/** Bolt in HTTP mode: every command and click here is a real, signed HTTP request, and the file a real upload. */
describe.skipIf(!need('local-slack'))('the rows of an audit answer as a file (decision 22)', () => {
  const stage = slackStage();
  const { type, click, answer, waiting } = stage.hands;
  const fileOf = async (user: string): Promise<{ readonly file: SharedFile; readonly message: SlackMessage }> =>
    await stage.slack.control.until(`a file for ${user}`, async () => {
      const sent = (await stage.slack.control.directMessages(user)).map((message) => ({
        message,
        file: (message as SlackMessage & { files?: readonly SharedFile[] }).files?.[0],
      }));
      const last = sent.findLast(({ file }) => file !== undefined);
      return last?.file === undefined ? null : { message: last.message, file: last.file };
    });
  const read = async ({ url_private: url }: SharedFile): Promise<readonly string[]> => {
    const response = await fetch(url, { headers: { authorization: `Bearer ${stage.slack.tokens.bot}` } });
    return (await response.text()).trimEnd().split('\n');
  };
  const asked = async (user: string, about: string) => {
    await type(user, '/kong-audit', about);
    const page = await answer(user, /^Audit trail of /);
    const buttons = JSON.stringify(page.blocks).match(/\{"type":"button".*?"value":"(?:\\.|[^"\\])*"/g) ?? [];
    const own = buttons.find((one) => one.includes(ACTIONS.auditFile)) ?? '{';
    const { value } = JSON.parse(`${own}}`) as { value: string };
    return { ts: page.ts, value };
  };

  test('come in a direct message, oldest first, every row of the question and not of the page alone', async () => {
    const { runId } = await waiting();
    const data = { person: 'T01LOCAL/U02BOB', command: 'vote', code: 'own-request', message: 'no' };
    await stage.world.append(runId, ...Array.from({ length: 70 }, () => ({ type: 'refusal.recorded', data }) as const));
    const { ts, value } = await asked(BOB, runId);
    const before = (await stage.world.store.load(runId)).length;
    await click(BOB, ts, ACTIONS.auditFile, value);
    const told = await answer(BOB, 'went to your direct messages with the bot');
    const { file, message } = await fileOf(BOB);
    // The bot's own messages are rows too, and some may have come meanwhile.
    const length = Number.parseInt(told.text, 10);
    expect(length).toBeGreaterThanOrEqual(before);
    expect(told.text).toBe(`${length} rows went to your direct messages with the bot as \`${file.name}\`.`);
    expect(file.name).toMatch(/^kong-audit-B-142-part-\d{8}T\d{4}Z\.ndjson$/);
    expect(message.text).toContain(`Audit trail of ${runId}: ${length} rows as NDJSON, oldest first`);
    expect(message.text).toContain('it cannot prove that no row is missing');
    const [note, ...lines] = await read(file);
    expect(partOf(JSON.parse(note ?? ''))).toBe('of B-142');
    const rows = lines.map((line) => JSON.parse(line) as { seq: number; body: string });
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length }, (_, index) => index + 1));
    expect(Object.keys(rows[0] ?? {})).toEqual(['seq', 'runId', 'version', 'body', 'prevHash', 'hash']);
    expect(rows[0]?.body).toContain('"run.requested"');
    expect(stage.slack.deliveries.at(-1)?.ackMs).toBeLessThan(500);
  });

  test('answer the very question, period included, at most 10,000 rows, and say when they were cut', async () => {
    const queries: AuditQuery[] = [];
    await stage.open({
      breakHandlers: (deps) => ({
        ...deps,
        operations: {
          ...deps.operations,
          audit: async (query, by) => {
            queries.push(query);
            const found = await deps.operations.audit({ ...query, limit: 5 }, by);
            return found.ok ? { ...found, more: true } : found;
          },
        },
      }),
    });
    await waiting();
    const { ts, value } = await asked(BOB, 'production since 2026-11-01 until 2099-01-01T00:00Z');
    await click(BOB, ts, ACTIONS.auditFile, value);
    const told = await answer(BOB, 'went to your direct messages with the bot');
    expect(told.text).toContain('Only the newest 5 rows are in it. Ask for a shorter period to have the older ones.');
    expect(queries.at(-1)).toEqual({
      limit: 10_000,
      about: { gateway: 'production' },
      since: '2026-11-01T00:00:00.000Z',
      until: '2099-01-01T00:00:00.000Z',
    });
  });

  test('are refused to whoever may not read the trail, although the button is theirs to press (1.4)', async () => {
    await waiting();
    const { ts, value } = await asked(BOB, 'B-142');
    await click(GUS, ts, ACTIONS.auditFile, value);
    await answer(GUS, 'Guests of the workspace may not use this bot.');
    expect(await stage.slack.control.directMessages(GUS)).toEqual([]);
    expect(stage.world.store.system.map(({ data }) => (data as { code?: string }).code)).toEqual([
      'not-a-member:guest',
    ]);
  });

  test('that Slack does not take are answered with what to do', async () => {
    await waiting();
    const { ts, value } = await asked(CAROL, 'B-142');
    stage.slack.setScopes(BOT_SCOPES.filter((scope) => scope !== 'files:write'));
    await click(CAROL, ts, ACTIONS.auditFile, value);
    const told = await answer(CAROL, 'Slack did not take the file');
    expect(told.text).toBe(
      'Slack did not take the file (missing_scope), so nothing was sent. Give the Slack app the scope files:write and install it again (docs/slack.md); until then run `kong-chatops audit export` on the bot’s host.',
    );
    stage.slack.setScopes(BOT_SCOPES);
    stage.slack.faults.rateLimit('files.getUploadURLExternal', 7);
    await click(CAROL, ts, ACTIONS.auditFile, value);
    await answer(CAROL, '(ratelimited), so nothing was sent. Try again in 7 s, or run `kong-chatops audit export`');
    stage.slack.faults.loseResponse('files.completeUploadExternal');
    await click(CAROL, ts, ACTIONS.auditFile, value);
    await answer(CAROL, 'so it may or may not have come. Look into your direct messages with the bot');
  });

  test('are not read again while they are being sent', async () => {
    await waiting();
    const { ts, value } = await asked(BOB, 'B-142');
    const shared = () => stage.slack.calls.filter(({ method }) => method === 'files.completeUploadExternal').length;
    const already = shared();
    stage.slack.faults.delay('conversations.open', 300);
    await Promise.all([click(BOB, ts, ACTIONS.auditFile, value), click(BOB, ts, ACTIONS.auditFile, value)]);
    await answer(BOB, 'Your rows are being sent already. Look into your direct messages with the bot in a moment.');
    await answer(BOB, 'went to your direct messages with the bot');
    expect(shared()).toBe(already + 1);
  });

  test('asked for by a button of another version are answered', async () => {
    const { ts } = await waiting();
    await click(BOB, ts, ACTIONS.auditFile, 'B-142');
    const told = await answer(BOB, 'This button belongs to another version of the bot, so nothing was done.');
    expect(told.text).toContain('Use /kong-status to see where things stand.');
  });
});
