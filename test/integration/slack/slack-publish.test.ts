import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BOB as BOB_USER, ALICE as ALICE_USER, OPS } from '../../../src/sandbox/slack/cast.ts';
import type { SlackMessage } from '../../../src/sandbox/slack/strict/edge.ts';
import { need } from '../../support/need.ts';
import { strictSlack, type TestSlack } from '../../support/slack/slack.ts';
import { BOT_SCOPES, ready, slackWorld, type SlackWorld, type WorldOptions } from '../../support/slack/slack-world.ts';
import { ALICE, BOB, CAROL, inSlack } from '../../support/story.ts';

describe.skipIf(!need('local-slack'))('what a run owes to Slack', () => {
  let slack: TestSlack;
  let world: SlackWorld;
  let number = 0;
  beforeAll(async () => {
    slack = await strictSlack({ scopes: BOT_SCOPES });
  });
  beforeEach(async () => {
    await slack.control.reset();
  });
  afterEach(async () => {
    slack.faults.clear();
    await slack.faults.restore();
    slack.setScopes(BOT_SCOPES);
    slack.setChannel(OPS, { isExtShared: false, bot: true });
    await world?.stop();
  });
  afterAll(async () => {
    await slack?.stop();
  });

  const open = async (options: WorldOptions = {}): Promise<SlackWorld> => {
    world = await slackWorld(slack, { drawAlone: false, ...options });
    await ready(world);
    return world;
  };
  const request = async (gateway = 'production'): Promise<string> => {
    number += 1;
    const delivery = { key: `test-${number}` };
    const answer = await world.operations.requestBackup({ gateway, delivery }, inSlack(ALICE));
    if (!answer.ok) throw new Error(answer.refusal.message);
    return answer.run.id;
  };
  const marked = (messages: readonly SlackMessage[], mark: string): readonly SlackMessage[] =>
    messages.filter(({ blocks }) => blocks?.some(({ block_id: id }) => id?.startsWith(mark) === true) === true);
  const inOps = async (mark: string): Promise<readonly SlackMessage[]> =>
    marked(await slack.control.messages(OPS), mark);
  const calls = (method: string): number => slack.calls.filter((call) => call.method === method).length;
  const settled = async (runId: string): Promise<void> => {
    await slack.control.until('the run is settled', async () => {
      await world.publisher.draw(runId);
      const { messages } = await world.run(runId);
      return messages['card']?.settled === true && messages['ended']?.settled === true ? true : null;
    });
  };

  test('one card is posted and edited in place, evidence goes into its thread, the end is told (10.2)', async () => {
    await open();
    const runId = await request();
    await world.publisher.draw(runId);
    await world.play(runId);
    await world.publisher.draw(runId);
    const [card, ...more] = await inOps(`${runId}/card/`);
    expect(more).toEqual([]);
    expect(card?.text).toMatch(
      /^Backup B-\d+ of production, asked for by Alice, waits for a go: it needs 1 approval from approvers\./,
    );
    expect(await inOps(`${runId}/needs-you:${runId}.g1/`)).toHaveLength(1);

    await world.operations.vote({ gate: `${runId}.g1`, choice: 'go' }, inSlack(BOB));
    await world.play(runId);
    await settled(runId);
    const [last] = await inOps(`${runId}/card/`);
    expect(last?.ts).toBe(card?.ts);
    expect(last?.text).toContain('is verified, with gaps. Every byte was read back and compared.');
    const thread = (await slack.control.messages(OPS)).filter(
      (one) => one.thread_ts === card?.ts && one.ts !== card?.ts,
    );
    expect(thread.map(({ text }) => text.split('.')[0])).toEqual([
      `Backup ${runId} of production: all 1 check passed before the start`,
      `Backup ${runId} of production: a go/no-go gate opened`,
      `Bob says go on ${runId}`,
      `Backup ${runId} of production: decided go by Bob`,
      `Backup ${runId} of production, asked for by Alice, is verified, with gaps`,
    ]);
    expect(marked(await slack.control.directMessages(ALICE_USER), `${runId}/ended/`)).toHaveLength(1);
    expect((await inOps(`${runId}/needs-you:`))[0]?.text).toContain('Go was decided by Bob');
  });

  test('a settled run is never drawn again', async () => {
    await open();
    const runId = await request('staging');
    await world.play(runId);
    await settled(runId);
    const before = slack.calls.length;
    await world.publisher.draw(runId);
    expect(slack.calls.slice(before)).toEqual([]);
  });

  test('a failure goes into the channel too and mentions the requester (4.7)', async () => {
    await open();
    const runId = await request('staging');
    await world.play(runId, 'dump-database');
    await settled(runId);
    const [notice] = await inOps(`${runId}/failed/`);
    expect(notice?.text).toBe(
      `<@U01ALICE>: Backup ${runId} of staging, asked for by Alice, has failed. At “Dump the database”: pg_dump was refused: permission denied for table keys. What to do next: Grant SELECT on all tables, then try again.`,
    );
  });

  test('a lost response is found again by its block_id and never posts twice (decision 21)', async () => {
    await open();
    const runId = await request('staging');
    slack.faults.loseResponse('chat.postMessage');
    await world.publisher.draw(runId);
    expect((await world.run(runId)).messages['card']?.status).toBe('intended');
    await slack.control.until('the card is found', async () =>
      (await world.run(runId)).messages['card']?.status === 'posted' ? true : null,
    );
    expect(await inOps(`${runId}/card/`)).toHaveLength(1);
  });

  test('an intent whose message is nowhere is looked for twice and then posted', async () => {
    await open();
    const runId = await request('staging');
    await world.append(runId, { type: 'message.intended', data: { slot: 'card', channel: OPS } });
    const before = calls('conversations.history');
    await world.publisher.draw(runId);
    await slack.control.until('the card is posted', async () =>
      (await world.run(runId)).messages['card']?.status === 'posted' ? true : null,
    );
    expect(calls('conversations.history') - before).toBe(2);
    expect(await inOps(`${runId}/card/`)).toHaveLength(1);
  });

  test('where history cannot be read, a message of unknown outcome is given up, not repeated (decision 21)', async () => {
    await open();
    slack.setScopes(BOT_SCOPES.filter((scope) => !scope.endsWith(':history')));
    const runId = await request('staging');
    slack.faults.loseResponse('chat.postMessage');
    await world.publisher.draw(runId);
    await slack.control.until('it is given up', async () =>
      (await world.run(runId)).messages['card']?.status === 'lost' ? true : null,
    );
    expect(await inOps(`${runId}/card/`)).toHaveLength(1);
    const lost = (await world.store.load(runId)).find(({ type }) => type === 'message.lost');
    expect(lost?.data).toEqual({ slot: 'card', why: 'outcome unknown, missing_scope' });
  });

  test('two publishers at once post each message once', async () => {
    await open();
    const before = slack.calls.length;
    const runId = await request();
    await world.play(runId);
    const other = world.anotherPublisher();
    await Promise.all([world.publisher.draw(runId), other.draw(runId), world.publisher.draw(runId)]);
    await slack.control.until('both are done', async () => {
      await Promise.all([world.publisher.draw(runId), other.draw(runId)]);
      const slots = Object.values((await world.run(runId)).messages);
      return slots.length >= 4 && slots.every(({ status }) => status === 'posted') ? true : null;
    });
    const posts = slack.calls.slice(before).filter(({ method }) => method === 'chat.postMessage');
    expect(posts).toHaveLength(Object.keys((await world.run(runId)).messages).length);
  });

  test('a 429 on edits delays no answer to a person, and the final state still comes (10.3)', async () => {
    await open({ drawAlone: true });
    const runId = await request('staging');
    await world.publisher.draw(runId);
    slack.faults.rateLimit('chat.update', 1, 1);
    await world.play(runId);
    await slack.control.until('the edit is limited', () =>
      world.limited.includes('background chat.update') ? true : null,
    );
    const before = Date.now();
    await slack.control.command({ user: ALICE_USER, channel: OPS, command: '/kong-help' });
    await slack.control.until('help is shown', async () =>
      (await slack.control.messages(OPS)).some(({ ephemeral_to: to }) => to === ALICE_USER) ? true : null,
    );
    expect(Date.now() - before).toBeLessThan(900);
    await settled(runId);
    expect((await inOps(`${runId}/card/`))[0]?.text).toContain('is verified, with gaps');
  });

  test('edits of a run come at most once in the configured time, and the newest wins (10.3)', async () => {
    await open({ drawAlone: true, editSeconds: 0.3 });
    const runId = await request('staging');
    await world.publisher.draw(runId);
    const start = Date.now();
    await world.play(runId);
    await settled(runId);
    const edits = slack.calls.filter(({ method, at }) => method === 'chat.update' && at >= start).map(({ at }) => at);
    expect(edits.length).toBeGreaterThan(0);
    expect(edits.slice(1).every((at, index) => at - (edits[index] ?? 0) >= 290)).toBe(true);
    expect((await inOps(`${runId}/card/`))[0]?.text).toContain('is verified, with gaps');
  });

  test('a gate is never shown in a channel shared with another organization; people are told directly (1.2)', async () => {
    await open();
    slack.setChannel(OPS, { isExtShared: true });
    const runId = await request();
    await world.play(runId);
    await world.publisher.draw(runId);
    const [card] = await inOps(`${runId}/card/`);
    expect(JSON.stringify(card?.blocks)).not.toContain('gate.go');
    expect(await inOps(`${runId}/needs-you:`)).toEqual([]);
    const [told] = marked(await slack.control.directMessages(ALICE_USER), `${runId}/not-here:`);
    expect(told?.text).toContain(
      'its buttons are not shown in the channel: The channel is shared with another organization',
    );
    expect(marked(await slack.control.directMessages(BOB_USER), `${runId}/needs-you:`)).toHaveLength(1);
    const refused = (await world.store.load(runId)).filter(({ type }) => type === 'refusal.recorded');
    expect(refused.map(({ data }) => (data as { code: string }).code)).toEqual(['shared-channel']);
  });

  test('where the bot may not post, the run goes on without a card and approvers are asked directly', async () => {
    await open();
    slack.setChannel(OPS, { bot: false });
    const runId = await request();
    await world.play(runId);
    await world.publisher.draw(runId);
    await world.publisher.draw(runId);
    expect((await world.run(runId)).messages['card']?.status).toBe('lost');
    expect(marked(await slack.control.directMessages(BOB_USER), `${runId}/needs-you:`)).toHaveLength(1);
    await world.operations.vote({ gate: `${runId}.g1`, choice: 'go' }, inSlack(CAROL));
    const ended = await world.play(runId);
    await world.publisher.draw(runId);
    expect(ended.outcome).toBe('succeeded');
    expect(marked(await slack.control.directMessages(ALICE_USER), `${runId}/ended/`)).toHaveLength(1);
  });

  test('reminders go to those who can still vote, once each (2.8)', async () => {
    await open();
    const runId = await request();
    await world.play(runId);
    const gate = `${runId}.g1`;
    await world.append(
      runId,
      { type: 'gate.reminded', data: { gate, percent: 50 } },
      { type: 'gate.reminded', data: { gate, percent: 80 } },
    );
    await world.publisher.draw(runId);
    await world.publisher.draw(runId);
    const reminders = marked(await slack.control.directMessages(BOB_USER), `${runId}/reminder:`);
    expect(reminders.map(({ blocks }) => blocks?.[0]?.block_id?.split('/')[1])).toEqual([
      `reminder:${gate}:80:T01LOCAL`,
    ]);
  });

  test('Slack down: the run goes on, and everything comes when it is back', async () => {
    await open({ drawAlone: true });
    const runId = await request('staging');
    await slack.faults.outage('refused');
    const ended = await world.play(runId);
    expect(ended.outcome).toBe('succeeded');
    await slack.faults.restore();
    await ready(world);
    await slack.control.until(
      'all is posted',
      async () => {
        await world.publisher.draw(runId);
        const { messages } = await world.run(runId);
        return messages['ended']?.settled === true ? true : null;
      },
      25_000,
    );
    expect(await inOps(`${runId}/card/`)).toHaveLength(1);
  });

  test('progress is drawn on the card (4.5)', async () => {
    await open();
    const runId = await request('staging');
    await world.append(runId, { type: 'step.started', data: { step: 'preflight', attempt: 1 } });
    await world.publisher.draw(runId);
    world.progress = {
      runId,
      step: 'preflight',
      attempt: 1,
      done: 3,
      total: 12,
      unit: 'checks',
      at: new Date().toISOString(),
    };
    await world.publisher.draw(runId);
    expect(JSON.stringify((await inOps(`${runId}/card/`))[0]?.blocks)).toContain('▓▓░░░░░░░░ 25 % · 3 of 12 checks');
  });
});
