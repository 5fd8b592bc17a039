import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { realPorts } from '../../src/cli/wiring.ts';
import { STAGING } from '../../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../../src/sandbox/kong/seed/seed.ts';
import { ALICE, BOB, CAROL, GUS, TEAM } from '../../src/sandbox/slack/cast.ts';
import { wordsOf } from '../../src/sandbox/tour/stage.ts';
import { botWorld, type BotWorld } from '../support/bot-world.ts';
import { ran, testTerminal } from '../support/cli.ts';
import { need } from '../support/need.ts';
import { emptyStandIn, type Running } from '../support/kong/stand-in-kong.ts';

const ready = need('local-slack') && need('deck');
const VERIFIED = /Every byte was read back and compared/;

/** Each gateway has only its declarative configuration taken: the rules of people and gates do not care what is dumped. */
describe.skipIf(!ready)('the rules of people, gates, runs and messages, kept by a whole bot', () => {
  let world: BotWorld;
  let kong: Running;
  let bot: Awaited<ReturnType<BotWorld['start']>>;
  beforeAll(async () => {
    kong = await emptyStandIn('3.9.1', { fill: (url) => seedKong(url, STAGING) });
    const adminUrl = kong.kong.url;
    world = await botWorld({
      gateways: [
        { name: 'staging', adminUrl },
        { name: 'production', adminUrl, approvers: 1 },
        { name: 'vault', adminUrl, approvers: 2 },
      ],
    });
    bot = await world.start();
  });
  afterEach(() => world.slack.faults.clear());
  afterAll(async () => {
    await world?.end();
    await kong?.end();
  });

  const cli = (systemUser: string, ...args: string[]) =>
    ran(args, testTerminal({ systemUser, env: { ...world.written.env } }), realPorts);
  const waiting = async (gateway = 'production') => {
    const runId = await world.ask(gateway);
    const card = await world.card(runId, 'waiting', (words) => words.includes('waits for a go'));
    return { runId, card };
  };
  const runsNow = async (): Promise<number> => {
    const { operations } = bot;
    const status = await operations.status({ person: `${TEAM}/${ALICE}`, via: 'slack' });
    return status.ok ? status.gateways.flatMap(({ active }) => active).length : -1;
  };

  test('an unknown gateway is refused with the nearest name, and nothing is started (10.1)', async () => {
    const answer = await world.type(ALICE, '/kong-backup', 'prodcution');
    expect(answer.text).toBe('There is no gateway "prodcution" in the configuration. Did you mean production?');
    expect(await runsNow()).toBe(0);
    const told = await cli('alice', 'backup', 'prodcution');
    expect(told).toEqual({
      code: 4,
      out: '',
      err: 'Refused: There is no gateway "prodcution" in the configuration.\n  Did you mean production?',
    });
  });

  test('a mistyped option is refused with the nearest one, and nothing is started (10.1)', async () => {
    const answer = await world.type(ALICE, '/kong-backup', 'production --raeson upgrade');
    expect(answer.text).toContain('/kong-backup has no option --raeson. Did you mean --reason?');
    expect(await runsNow()).toBe(0);
  });

  test('who may not ask, a guest and a stranger are refused in private, and each try is a row of the audit (1.2, 1.3)', async () => {
    const { length } = world.slack.calls.filter(({ method }) => method === 'chat.postMessage');
    expect((await world.type(BOB, '/kong-backup', 'staging')).text).toBe(
      'You may not request a backup of staging: that needs the role operator. Ask an operator, or have yourself added to a group with the role operator.',
    );
    expect((await world.type(GUS, '/kong-backup', 'staging')).text).toBe(
      'Guests of the workspace may not use this bot. Ask a member of the platform team to do it.',
    );
    world.slack.setPerson('U06EVE', { is_stranger: true, team_id: 'T99OTHER' });
    expect((await world.type('U06EVE', '/kong-backup', 'staging')).text).toMatch(
      /^People (from outside this|of another) workspace may not use this bot\./,
    );
    expect(await runsNow()).toBe(0);
    // Refusals are private: the channel heard nothing.
    expect(world.slack.calls.filter(({ method }) => method === 'chat.postMessage')).toHaveLength(length);
    const { out } = await cli('alice', 'audit', 'show');
    expect(out).toContain('Bob was refused "request backup of staging": You may not request a backup of staging');
    expect(out).toContain('Gus was refused "request backup of staging": Guests of the workspace may not use this bot');
    expect(out).toContain('Eve was refused "request backup of staging": People');
  });

  test('a gateway whose policy asks for nobody is backed up at once; a delivery that comes twice makes one run (decision 1, 2.10)', async () => {
    world.slack.faults.deliverTwice();
    const runId = await world.ask('staging');
    const words = await world.ended(runId);
    expect(words).toMatch(VERIFIED);
    expect(words).not.toMatch(/Approved by/);
    expect(await world.stored('staging')).toHaveLength(1);
    // A head that was signed outside the database covers the run (decision 12).
    expect(words).toMatch(/Signed head of the audit: row \d+, `[0-9a-f]{12}`/);
  });

  test('the audit stores who asked, who approved, and that the bot itself carried it out (1.5)', async () => {
    const { runId, card } = await waiting();
    await world.press(BOB, card, 'gate.go');
    await world.ended(runId);
    const { events } = await world.load(runId);
    const actors = (type: string) =>
      new Set(events.filter((event) => event.type === type).map(({ actor }) => JSON.stringify(actor)));
    const person = (id: string) => JSON.stringify({ kind: 'person', person: `${TEAM}/${id}`, via: 'slack' });
    expect(actors('run.requested')).toEqual(new Set([person(ALICE)]));
    expect(actors('vote.cast')).toEqual(new Set([person(BOB)]));
    expect([...actors('step.started')].every((actor) => JSON.parse(actor).kind === 'bot')).toBe(true);
  });

  test('two approvers: one alone is not enough, a vote can be taken back, nobody fills two seats (2.1, 2.4)', async () => {
    const { runId, card } = await waiting('vault');
    expect(wordsOf(card)).toContain('2 approvals from approvers');
    expect((await world.press(BOB, card, 'gate.go')).text).toContain(`Your go on ${runId} counts`);
    expect((await world.press(BOB, card, 'gate.go')).text).toContain(`Your go on ${runId} already counts`);
    expect((await world.load(runId)).run.gates[0]).toMatchObject({ status: 'open', votes: [{ choice: 'go' }] });
    await bot.operations.withdraw(`${runId}.g1`, { person: `${TEAM}/${BOB}`, via: 'slack' });
    await world.press(CAROL, card, 'gate.go');
    expect((await world.load(runId)).run.gates[0]).toMatchObject({ status: 'open' });
    await world.press(BOB, card, 'gate.go');
    expect(await world.ended(runId)).toMatch(/Approved by (Bob and Carol|Carol and Bob)/);
  });

  test('a right that was lost before the click counts for nothing at the click (1.4)', async () => {
    const { runId, card } = await waiting('vault');
    await world.press(BOB, card, 'gate.go');
    // Longer than a standing is believed would be a minute: a new bot asks again.
    await bot.stop();
    world.slack.setPerson(BOB, { deleted: true });
    bot = await world.start();
    await world.press(CAROL, card, 'gate.go');
    expect((await world.load(runId)).run.gates[0]).toMatchObject({ status: 'open' });
    await world.press(ALICE, card, 'run.cancel');
    expect(await world.ended(runId)).toContain('Cancelled');
    world.slack.setPerson(BOB, {});
    await bot.stop();
    bot = await world.start();
  });

  test('a click on an old message is answered within a second also by a bot that just started, and changes nothing (2.9)', async () => {
    const { runId, card } = await waiting();
    await world.press(BOB, card, 'gate.go');
    await world.ended(runId);
    await bot.stop();
    bot = await world.start();
    const before = (await world.load(runId)).events.filter(({ type }) => type === 'step.started').length;
    const clicked = Date.now();
    const answer = await world.press(CAROL, card, 'gate.go');
    expect(Date.now() - clicked).toBeLessThan(1000);
    expect(answer.text).toMatch(
      new RegExp(
        `^Too late\\. Go was decided by Bob for ${runId} on production, .*Backup ${runId} of production.* now is verified`,
      ),
    );
    expect((await world.load(runId)).events.filter(({ type }) => type === 'step.started')).toHaveLength(before);
    expect((await world.load(runId)).events.at(-1)).toMatchObject({ type: 'vote.late' });
  });

  test('a second backup of a busy gateway is told by whom, since when and why it is busy (4.4)', async () => {
    const first = await cli('alice', 'backup', 'production', '--no-wait', '--reason', 'before the upgrade');
    const second = await cli('alice', 'backup', 'production', '--no-wait');
    expect(second.code).toBe(4);
    expect(second.err).toMatch(
      new RegExp(
        `^Refused: production is already being backed up by ${first.out.trim()}, asked for by .* \\(.*\\): before the upgrade\\.`,
      ),
    );
    await cli('alice', 'cancel', first.out.trim());
    await world.ended(first.out.trim());
  });

  test('a vote by command line is shown as one, with host and system user (1.6, decision 5)', async () => {
    const { runId } = await waiting();
    expect(await cli('mallory', 'approve', runId)).toMatchObject({ code: 4 });
    expect((await cli('alice', 'approve', runId)).err).toContain('your own go never counts');
    expect(await cli('bob', 'approve', runId)).toMatchObject({ code: 0 });
    await world.ended(runId);
    expect(await world.thread(runId)).toMatch(/Bob says \*?go\*? on .* \(via CLI, bastion, bob\)/);
  });

  test('one message of a run is edited in place; the channel gets one more only when it needs people (10.2)', async () => {
    const { runId, card } = await waiting();
    await world.press(BOB, card, 'gate.go');
    await world.ended(runId);
    const slots = (await world.slots(runId)).filter((slot) => !slot.startsWith('thread:'));
    expect(slots).toEqual(['card', 'ended', `needs-you:${runId}.g1`]);
  });
});
