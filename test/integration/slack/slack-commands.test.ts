import { describe, expect, test } from 'vitest';
import { ALICE, BOB, GENERAL, GUS, OPS } from '../../../src/sandbox/slack/cast.ts';
import { COMMANDS } from '../../../src/slack/views/help.ts';
import { ACTIONS } from '../../../src/slack/views/kit/action-ids.ts';
import { INPUTS } from '../../../src/slack/views/modals.ts';
import { need } from '../../support/need.ts';
import { slackStage } from '../../support/slack/slack-stage.ts';

/** Bolt in HTTP mode: every command and click here is a real, signed HTTP request. */
describe.skipIf(!need('local-slack'))('what people type', () => {
  const stage = slackStage();
  const { type, click, answer, waiting } = stage.hands;

  test('every command is acknowledged well within 50 ms of work and answered (10.1)', async () => {
    for (const { command } of Object.values(COMMANDS)) {
      // What opens a window is told apart below.
      if (!/backup$|restore|glass/.test(command)) await type(ALICE, command);
    }
    await answer(
      ALICE,
      `The commands are ${Object.values(COMMANDS)
        .map(({ command }) => command)
        .join(', ')}.`,
    );
    expect(stage.slack.deliveries.slice(-3).every(({ ackMs }) => ackMs !== null && ackMs < 500)).toBe(true);
  });

  test('a backup is public in the gateway’s channel, and its answer private with a link to the card (10.6)', async () => {
    const { runId, ts } = await waiting();
    const told = await answer(ALICE, `Backup ${runId} of production is under way. Its card is in <#${OPS}>.`);
    expect(JSON.stringify(told.blocks)).toContain(`/archives/${OPS}/p${ts.replace('.', '')}`);
  });

  test('a command typed where the bot may not post still runs, and its private answer links to the run', async () => {
    await type(ALICE, '/kong-backup', 'staging --reason before the upgrade', GENERAL);
    const told = await answer(ALICE, 'of staging is under way.', GENERAL);
    expect(JSON.stringify(told.blocks)).toContain(`/archives/${OPS}/p`);
    expect((await stage.world.run('B-142')).reason).toBe('before the upgrade');
  });

  test('a mistyped gateway is answered with the nearest name, and recorded', async () => {
    await type(ALICE, '/kong-backup', 'prodction');
    const told = await answer(ALICE, 'There is no gateway');
    expect(told.text).toBe('There is no gateway "prodction" in the configuration. Did you mean production?');
    expect(stage.world.store.system.map(({ type, data }) => [type, (data as { code?: string }).code])).toEqual([
      ['refusal.recorded', 'unknown-gateway'],
    ]);
  });

  test('a mistyped option is answered with the nearest, and nothing is started', async () => {
    await type(ALICE, '/kong-backup', 'production —raeson why');
    const told = await answer(ALICE, 'no option');
    expect(told.text).toBe(
      '/kong-backup has no option --raeson. Did you mean --reason? Write /kong-backup [gateway] [--reason why].',
    );
    expect(await stage.world.store.openRuns()).toEqual([]);
  });

  test('the same delivery twice starts one run (2.10)', async () => {
    stage.slack.faults.deliverTwice();
    await type(ALICE, '/kong-backup', 'staging');
    await answer(ALICE, 'is under way');
    await stage.slack.control.until('both deliveries are answered', async () =>
      (await stage.slack.control.messages(OPS)).filter(({ ephemeral_to: to }) => to === ALICE).length === 2
        ? true
        : null,
    );
    expect(await stage.world.store.findRuns({ limit: 10 })).toHaveLength(1);
  });

  test('a second backup of a busy gateway links to the running one and offers to tell when it ends (4.4, decision 22)', async () => {
    const { runId } = await waiting();
    await type(BOB, '/kong-backup', 'production');
    await answer(BOB, 'You may not request a backup of production: that needs the role operator.');
    await type(ALICE, '/kong-backup', 'production');
    const told = await answer(ALICE, 'is already being backed up');
    expect(told.text).toMatch(
      new RegExp(
        `^production is already being backed up by ${runId}, asked for by Alice \\(today .*\\)\\. Backup ${runId} of production waits for a go\\.`,
      ),
    );
    expect(JSON.stringify(told.blocks)).toContain(ACTIONS.watch);
    await click(BOB, told.ts, ACTIONS.watch, runId);
    await answer(BOB, `You will get a direct message when Backup ${runId} of production ends.`);
    expect((await stage.world.run(runId)).watchers).toEqual(['T01LOCAL/U02BOB']);
  });

  test('/kong-backup alone asks in a window', async () => {
    await type(ALICE, '/kong-backup');
    await stage.slack.control.until('the window asks', () =>
      stage.slack.control.modal()?.callback_id === 'modal.backup' ? true : null,
    );
    const values = {
      [INPUTS.gateway.block]: {
        [INPUTS.gateway.action]: {
          type: 'static_select',
          selected_option: { value: 'staging', text: { type: 'plain_text', text: 'x' } },
        },
      },
      [INPUTS.backupReason.block]: { [INPUTS.backupReason.action]: { type: 'plain_text_input', value: 'nightly' } },
    };
    expect(await stage.slack.control.submit(ALICE, values)).toBeNull();
    await answer(ALICE, 'of staging is under way.');
    expect((await stage.world.run('B-142')).reason).toBe('nightly');
  });

  test('a guest is refused everywhere, in the window too, and each try is recorded (1.2)', async () => {
    await type(GUS, '/kong-backup', 'production');
    await answer(GUS, 'Guests of the workspace may not use this bot. Ask a member of the platform team to do it.');
    await type(GUS, '/kong-help');
    await type(GUS, '/kong-status');
    await type(GUS, '/kong-audit');
    await type(GUS, '/kong-backup');
    await stage.slack.control.until('the window tells', () =>
      JSON.stringify(stage.slack.control.modal()?.blocks ?? '').includes('Guests of the workspace') ? true : null,
    );
    await stage.slack.control.closeModal(GUS);
    await stage.slack.control.until('all is recorded', () => (stage.world.store.system.length === 5 ? true : null));
    expect(new Set(stage.world.store.system.map(({ data }) => (data as { code?: string }).code))).toEqual(
      new Set(['not-a-member:guest']),
    );
  });

  test('status of everything, of one gateway and of one run (decision 22)', async () => {
    const { runId } = await waiting();
    await type(BOB, '/kong-status');
    await answer(BOB, `production has no verified backup; ${runId} waits for a go. staging has no verified backup.`);
    await type(BOB, '/kong-status', 'stagign');
    await answer(BOB, 'Did you mean staging?');
    await type(BOB, '/kong-status', runId.toLowerCase());
    await answer(BOB, `Backup ${runId} of production, asked for by Alice, waits for a go`);
    await type(BOB, '/kong-status', 'B-9');
    const told = await answer(BOB, 'There is no run');
    expect(told.text).toBe('There is no run B-9. Use /kong-status to see the runs there are.');
  });

  test('the audit answer pages in place, and leaves the bot’s own messages out', async () => {
    const { runId } = await waiting();
    const data = { person: 'T01LOCAL/U02BOB', command: 'vote', code: 'own-request', message: 'no' };
    await stage.world.append(runId, ...Array.from({ length: 60 }, () => ({ type: 'refusal.recorded', data }) as const));
    await type(BOB, '/kong-audit', runId);
    const page = await answer(BOB, /^Audit trail of B-142: \d+ rows, newest first, more follow\.$/);
    const older = /"value":"(\{.*?\})"/.exec(JSON.stringify(page.blocks))?.[1]?.replaceAll(String.raw`\"`, '"') ?? '';
    await click(BOB, page.ts, ACTIONS.auditPage, older);
    const last = await answer(BOB, /^Audit trail of B-142: \d+ rows, newest first\.$/);
    expect(JSON.stringify(last.blocks)).toContain('*Alice*: asked for a backup of production');
    expect(JSON.stringify(last.blocks)).not.toContain('message card');
  });

  test('a bug is answered with an id that stands in the log, and the bot lives on (10.1)', async () => {
    await stage.open({
      breakHandlers: (deps) => ({
        ...deps,
        operations: { ...deps.operations, status: () => Promise.reject(new Error('boom')) },
      }),
    });
    await type(ALICE, '/kong-status');
    const { text } = await answer(ALICE, 'Something went wrong inside the bot');
    const id = /\(([0-9a-f]{8})\)/.exec(text)?.[1];
    const bug = stage.world.logged.find(({ level }) => level === 'error');
    expect(bug?.facts).toMatchObject({ id, handler: '/kong-status' });
    expect(bug?.facts).toMatchObject({ error: { stack: expect.stringContaining('boom') as string } });
    await type(ALICE, '/kong-help');
    await answer(ALICE, 'The commands are');
  });
});
