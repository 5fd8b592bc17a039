import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ALICE, BOB, GUS, OPS } from '../../../src/sandbox/slack/cast.ts';
import { createClients } from '../../../src/slack/clients.ts';
import { configuredPeople, createPeople } from '../../../src/slack/people.ts';
import { need } from '../../support/need.ts';
import { hands } from '../../support/slack/slack-hands.ts';
import { strictSlack, type TestSlack } from '../../support/slack/slack.ts';
import { BOT_SCOPES, PEOPLE_CONFIG, ready, slackWorld, type SlackWorld } from '../../support/slack/slack-world.ts';

const nothing = (): void => undefined;
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };

describe.skipIf(!need('local-slack'))('the way to Slack', () => {
  let slack: TestSlack;
  let world: SlackWorld | undefined;
  const person = hands(
    () => slack,
    () => world as SlackWorld,
  );
  beforeAll(async () => {
    slack = await strictSlack({ scopes: BOT_SCOPES });
  });
  afterEach(async () => {
    slack.faults.clear();
    await slack.faults.restore();
    await world?.stop();
    world = undefined;
    await slack.control.reset();
  });
  afterAll(async () => {
    await slack?.stop();
  });
  const state = async (wanted: boolean): Promise<void> => {
    await slack.control.until(`ready is ${wanted}`, () => (world?.readiness().ready === wanted ? true : null), 10_000);
  };

  test('Slack down at the start does not end the process: it says so and connects when Slack is back', async () => {
    await slack.faults.outage('refused');
    world = await slackWorld(slack);
    await slack.control.until('it has tried', () =>
      world?.logged.some(({ level }) => level === 'warn') === true ? true : null,
    );
    expect(world.readiness()).toEqual({
      ready: false,
      why: 'Slack did not answer or accept auth.test (ECONNREFUSED)',
      hint: 'Check SLACK_BOT_TOKEN and the way to Slack',
    });
    await slack.faults.restore();
    await ready(world);
    await person.type(ALICE, '/kong-help');
    expect((await person.answer(ALICE, 'The commands are')).text).toContain('/kong-backup');
  });

  test('a recycled socket is open again within a second, and the command after it is answered', async () => {
    world = await slackWorld(slack);
    await ready(world);
    const opened = (): number => slack.calls.filter(({ method }) => method === 'apps.connections.open').length;
    const before = opened();
    const start = Date.now();
    slack.faults.recycleSockets();
    await slack.control.until('it is reconnected', () =>
      opened() > before && slack.connections() === 1 && world?.readiness().ready === true ? true : null,
    );
    expect(Date.now() - start).toBeLessThan(1000);
    await person.type(BOB, '/kong-status');
    expect((await person.answer(BOB, 'production has no verified backup')).ephemeral_to).toBe(BOB);
  });

  test('an outage in the middle is reported and survived', async () => {
    world = await slackWorld(slack);
    await ready(world);
    await slack.faults.outage('unavailable');
    await state(false);
    await slack.faults.restore();
    await state(true);
    await person.type(ALICE, '/kong-help');
    expect((await person.answer(ALICE, 'The commands are')).ephemeral_to).toBe(ALICE);
  });

  test('a stop lets whoever waits have their answer', async () => {
    world = await slackWorld(slack);
    await ready(world);
    slack.faults.delay('users.info', 300);
    await person.type(ALICE, '/kong-help');
    await world.stop();
    expect((await person.answer(ALICE, 'The commands are')).channel).toBe(OPS);
  });

  test('two clients: the one for people gives up in time, neither repeats a post (10.3)', async () => {
    const clients = createClients({
      token: slack.tokens.bot,
      apiUrl: slack.apiUrl,
      log: SILENT,
      peopleTimeoutMs: 100,
      backgroundTimeoutMs: 100,
    });
    const before = slack.calls.length;
    slack.faults.delay('chat.postMessage', 200);
    const post = { channel: OPS, text: 'once' };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Slack's method, not a window's
    await expect(clients.people.chat.postMessage(post)).rejects.toMatchObject({ original: { name: 'TimeoutError' } });
    await expect(clients.background.apiCall('chat.postMessage', post)).rejects.toMatchObject({
      original: { name: 'TimeoutError' },
    });
    expect(slack.calls.slice(before).filter(({ method }) => method === 'chat.postMessage')).toHaveLength(2);
  });

  describe('who people are', () => {
    const T = slackTeam;
    const directory = (clock: () => Date = () => new Date()) => {
      const { people } = createClients({ token: slack.tokens.bot, apiUrl: slack.apiUrl, log: SILENT });
      const groups = [
        ...PEOPLE_CONFIG.groups,
        { name: 'sre', roles: ['approver' as const], members: [], slack_user_group: 'S01SRE' },
      ];
      return createPeople({ ...PEOPLE_CONFIG, groups }, people, clock);
    };

    test('roles come from the groups of the configuration, and from Slack user groups (1.1)', async () => {
      slack.setUserGroup('S01SRE', [ALICE, GUS]);
      const people = directory();
      expect(await people.standing(T(ALICE))).toEqual({
        person: T(ALICE),
        roles: ['operator', 'approver'],
        groups: ['operators', 'sre'],
      });
      expect((await people.eligible(['sre'])).map((one) => one.person)).toEqual([T(ALICE)]);
    });

    test.each([
      ['guest', { is_restricted: true }],
      ['guest', { is_ultra_restricted: true }],
      ['stranger', { is_stranger: true }],
      ['deactivated', { deleted: true }],
      ['bot', { is_bot: true }],
      ['other-team', { team_id: 'T99OTHER' }],
    ])('a %s counts for nothing', async (problem, flags) => {
      slack.setPerson(BOB, flags);
      expect(await directory().standing(T(BOB))).toMatchObject({ problem });
      expect((await directory().eligible(['approvers'])).map((one) => one.person)).not.toContain(T(BOB));
      slack.setPerson(BOB, {});
    });

    test('somebody of another team is refused without asking Slack (1.2)', async () => {
      const before = slack.calls.length;
      expect(await directory().standing(`T99OTHER/${BOB}`)).toMatchObject({ problem: 'other-team', roles: [] });
      expect(slack.calls.length).toBe(before);
    });

    test('what Slack said is believed for 60 s and no longer (1.1)', async () => {
      let now = Date.now();
      const people = directory(() => new Date(now));
      const lookups = (): number => slack.calls.filter(({ method }) => method === 'users.info').length;
      const before = lookups();
      await Promise.all([people.standing(T(BOB)), people.standing(T(BOB))]);
      now += 59_000;
      await people.standing(T(BOB));
      expect(lookups() - before).toBe(1);
      now += 2000;
      slack.setPerson(BOB, { deleted: true });
      expect(await people.standing(T(BOB))).toMatchObject({ problem: 'deactivated' });
      slack.setPerson(BOB, {});
    });

    test('whoever Slack cannot vouch for is unverifiable, and asked about again (1.1)', async () => {
      slack.faults.fail('users.info', 'internal_error');
      const people = directory();
      expect(await people.standing(T(BOB))).toMatchObject({ problem: 'unverifiable' });
      expect(await people.standing(T(BOB))).not.toHaveProperty('problem');
    });

    test('a user group that cannot be read has no members: nobody becomes an approver by an outage (1.1)', async () => {
      slack.setUserGroup('S01SRE', [GUS, ALICE]);
      slack.setScopes(BOT_SCOPES.filter((scope) => scope !== 'usergroups:read'));
      const people = directory();
      expect(await people.standing(T(ALICE))).toMatchObject({ roles: ['operator'], groups: ['operators'] });
      expect(await people.standing(T('U04NOBODY'))).toMatchObject({ problem: 'stranger' });
      slack.setScopes(BOT_SCOPES);
    });

    test('without Slack the configuration’s own members still count, for the CLI', async () => {
      const people = configuredPeople(PEOPLE_CONFIG);
      expect(await people.standing(T(BOB))).toEqual({ person: T(BOB), roles: ['approver'], groups: ['approvers'] });
      expect((await people.eligible(['approvers'])).length).toBe(2);
    });
  });
});

function slackTeam(user: string): string {
  return `T01LOCAL/${user}`;
}
