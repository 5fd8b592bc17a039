import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Running as Bot } from '../../src/main.ts';
import { createLog } from '../../src/operations/log.ts';
import type { Command } from '../../src/run-command/command.ts';
import { STAGING } from '../../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../../src/sandbox/kong/seed/seed.ts';
import { ALICE, BOB, TEAM } from '../../src/sandbox/slack/cast.ts';
import { botWorld, type BotWorld } from '../support/bot-world.ts';
import { need } from '../support/need.ts';
import { withClient } from '../support/store/postgres.ts';
import { emptyStandIn, type Running } from '../support/kong/stand-in-kong.ts';

const ready = (['local-slack', 'deck', 'psql', 'pg_dump', 'pg_restore'] as const).every((tool) => need(tool));
const VERIFIED = /Every byte was read back and compared/;
const UNTOUCHED = 'itself: a backup only reads from the gateway. Earlier backups are as they were.';
const CLEANED = 'nothing: what had been written was removed again. No backup came out of this run.';

describe.skipIf(!ready)('a bad day of the gateway, met by a whole bot', () => {
  let world: BotWorld;
  let kong: Running;
  let guarded: Running;
  let bot: Bot;
  const mayNotRead: string[] = [];
  let small: string;
  let mounted = false;
  beforeAll(async () => {
    small = await mkdtemp(join(tmpdir(), 'kong-chatops-small-'));
    mounted = await mountSmall(small);
    const fill = (url: string) => seedKong(url, STAGING);
    [kong, guarded] = await Promise.all([
      emptyStandIn('3.9.1', { fill }),
      emptyStandIn('3.9.1', { fill, edition: 'enterprise', token: 'made-up', tokenRights: { mayNotRead } }),
    ]);
    // A role of its own, whose rights a test can take away.
    await withClient(kong.database.superuserUrl, async (client) => {
      await client.query(`CREATE ROLE dumper LOGIN PASSWORD 'made-up'`);
      await client.query('GRANT SELECT ON ALL TABLES IN SCHEMA public TO dumper');
      await client.query('GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO dumper');
    });
    const dumper = new URL(kong.database.ownerUrl);
    dumper.username = 'dumper';
    dumper.password = 'made-up';
    const plain = { adminUrl: kong.kong.url, databaseUrl: kong.database.ownerUrl };
    world = await botWorld({
      gateways: [
        { ...plain, name: 'calm' },
        { ...plain, name: 'gated', databaseUrl: dumper.href, approvers: 1 },
        { ...plain, name: 'small', approvers: 1, destination: small },
        { name: 'declared', adminUrl: kong.kong.url },
        { name: 'guarded', adminUrl: guarded.kong.url, token: 'made-up' },
      ],
    });
    bot = await world.start();
  });
  afterEach(() => {
    world.meddle(null);
    kong.kong.faults.clear();
  });
  afterAll(async () => {
    await world?.end();
    await asSuperuser('DROP OWNED BY dumper; DROP ROLE dumper');
    await kong?.end();
    await guarded?.end();
    if (mounted) await execa('umount', [small]);
    await rm(small, { recursive: true, force: true });
  });

  const asSuperuser = (sql: string) => withClient(kong.database.superuserUrl, (client) => client.query(sql));
  /** Waits for the go, lets the bad day begin, and gives the go. */
  const goAfter = async (runId: string, badDay: () => Promise<unknown> = async () => undefined): Promise<void> => {
    const card = await world.card(runId, 'waiting for a go', (words) => words.includes('waits for a go'));
    await badDay();
    await world.press(BOB, card, 'gate.go');
  };
  /** As somebody on the command line whose configuration has little patience with a step. */
  const impatiently = async (gateway: string): Promise<string> => {
    const { config } = await world.configured({ limits: { step_minutes: 0.05 } });
    const connection = await connect(config, createLog({ level: 'silent' }));
    const by = { person: `${TEAM}/${ALICE}`, via: 'slack' } as const;
    const answer = await connection.operations.requestBackup({ gateway, delivery: { key: 'impatient' } }, by);
    await connection.close();
    if (!answer.ok) throw new Error(answer.refusal.message);
    return answer.run.id;
  };
  /** A later "Try again" makes a backup, and only that one looks like one. */
  const tryAgainWorks = async (runId: string, gateway: string, gate = false): Promise<void> => {
    const before = await world.stored(gateway);
    const again = await world.tryAgain(runId);
    if (gate) await goAfter(again);
    expect(await world.ended(again)).toMatch(VERIFIED);
    expect((await world.load(again)).run.retryOf).toBe(runId);
    expect(await world.stored(gateway)).toHaveLength(before.length + 1);
  };

  test('a Kong that goes down half-way is waited for: the thread says so, and the run ends well', async () => {
    world.meddle((command, real) =>
      isDeckDump(command) ? kong.kong.faults.stopListening().then(() => real.run(command)) : null,
    );
    const runId = await world.ask('declared');
    await world.until(runId, 'interrupted', (run) => run.steps['dump-declarative']?.fault !== undefined);
    world.meddle(null);
    await kong.kong.faults.listenAgain();
    const words = await world.ended(runId);
    // Unless it was back before the second try: then there is nothing to wait for.
    expect(words).toMatch(VERIFIED);
    expect(await world.thread(runId)).toMatch(
      /“Dump the declarative configuration” was interrupted \(a neighbour did not answer\); it starts again by itself\. “The Admin API of declared did not answer during "deck gateway dump": /,
    );
    expect(await world.stored('declared')).toHaveLength(1);
  });

  test('a Kong that stays down fails the run after three tries, and nothing looks like a backup', async () => {
    world.meddle((command, real) =>
      isDeckDump(command) ? kong.kong.faults.stopListening().then(() => real.run(command)) : null,
    );
    const before = await world.stored('declared');
    const runId = await world.ask('declared');
    const words = await world.ended(runId);
    expect(words).toMatch(
      /\*Failed\.\* At “Dump the declarative configuration”: The Admin API of declared did not answer during "deck gateway \w+": .*connection refused\./,
    );
    expect(words).toContain(`*Changed:* ${CLEANED}\n*Not changed:* declared ${UNTOUCHED}`);
    expect(words).toContain(
      '*What to do next:* Look whether Kong runs and the Admin API can be reached from here. Then try again.',
    );
    expect(words).toContain('❌ Dump the declarative configuration: failed, start 3 of 3');
    expect(await world.stored('declared')).toEqual(before);
    world.meddle(null);
    await kong.kong.faults.listenAgain();
    await tryAgainWorks(runId, 'declared');
  });

  test('a decK that crashes is named, and its half of a backup is removed', async () => {
    world.meddle((command, real) =>
      isDeckDump(command) ? real.run(shell(command, 'echo "panic: index out of range" >&2; exit 2')) : null,
    );
    const before = await world.stored('declared');
    const runId = await world.ask('declared');
    const words = await world.ended(runId);
    expect(words).toContain('decK itself crashed during "deck gateway dump" on declared: panic: index out of range.');
    expect(words).toContain(`*Changed:* ${CLEANED}\n*Not changed:* declared ${UNTOUCHED}`);
    expect(words).toContain(
      '*What to do next:* Install another version of decK and report this one: https://github.com/Kong/deck/issues.',
    );
    expect(await world.stored('declared')).toEqual(before);
    world.meddle(null);
    await tryAgainWorks(runId, 'declared');
  });

  test('a decK that hangs is stopped at the step’s deadline', async () => {
    world.meddle((command, real) => (isDeckDump(command) ? real.run(shell(command, 'exec sleep 600')) : null));
    const before = await world.stored('declared');
    const runId = await impatiently('declared');
    const words = await world.ended(runId);
    expect(words).toContain('"Dump the declarative configuration" was not done within 3 s and was stopped.');
    expect(words).toContain('*What to do next:* Find out what it waited for, or raise limits.step_minutes.');
    expect(words).toContain(`*Changed:* ${CLEANED}`);
    expect(await world.stored('declared')).toEqual(before);
    world.meddle(null);
  });

  test('a pg_dump of another version is refused before anything begins, with what installs the right one', async () => {
    await bot.stop();
    world.meddle((command, real) =>
      command.program.endsWith('pg_dump') && command.args.includes('--version')
        ? real.run(shell(command, 'echo "pg_dump (PostgreSQL) 14.9"'))
        : null,
    );
    bot = await world.start();
    const before = await world.stored('calm');
    const runId = await world.ask('calm');
    const words = await world.ended(runId);
    expect(words).toContain(
      '1 check of gateway calm failed, so nothing was started. 1. PostgreSQL tools: The database server is PostgreSQL 15, ' +
        'and pg_dump of version 15 is not on this machine.',
    );
    expect(words).toContain(`*Changed:* nothing was written.\n*Not changed:* calm ${UNTOUCHED}`);
    expect(words).toContain('*What to do next:* Install them: apt-get install postgresql-client-15');
    expect(await world.stored('calm')).toEqual(before);
    world.meddle(null);
    await tryAgainWorks(runId, 'calm');
  });

  test('a right that pg_dump lost between the checks and the go is named, and who can give it back', async () => {
    const runId = await world.ask('gated');
    await goAfter(runId, () => asSuperuser('REVOKE SELECT ON consumers FROM dumper'));
    const words = await world.ended(runId);
    expect(words).toMatch(/At “Dump the database”: .*Reason: permission denied for table consumers\./);
    expect(words).toContain(`*Changed:* ${CLEANED}\n*Not changed:* gated ${UNTOUCHED}`);
    expect(words).toContain('*What to do next:* Let the owner of the tables grant it: GRANT SELECT ON ALL TABLES');
    expect(await world.stored('gated')).toEqual([]);
    await asSuperuser('GRANT SELECT ON consumers TO dumper');
    await tryAgainWorks(runId, 'gated', true);
  });

  test('a worker whose disk is full when pg_dump writes says so and leaves nothing', async () => {
    const runId = await world.ask('gated');
    // What pg_dump says, and how it ends, when its disk is full.
    const said = 'pg_dump: error: could not write to file: No space left on device';
    await goAfter(runId, async () =>
      world.meddle((command, real) =>
        command.args.some((arg) => arg.startsWith('--snapshot='))
          ? real.run(shell(command, `echo "${said}" >&2; exit 1`))
          : null,
      ),
    );
    const before = await world.stored('gated');
    const words = await world.ended(runId);
    expect(words).toMatch(/At “Dump the database”: The disk ran full while .* was dumped into .*\./);
    expect(words).toContain(`*Changed:* ${CLEANED}\n*Not changed:* gated ${UNTOUCHED}`);
    expect(words).toContain('*What to do next:* Free space there (a dump needs at most the size of the database)');
    expect(await world.stored('gated')).toEqual(before.filter((name) => !name.startsWith('.')));
  });

  test('a destination that fills up after the checks is named, and holds nothing that looks like a backup', async (context) => {
    if (!mounted) context.skip();
    const runId = await world.ask('small');
    await goAfter(runId, () =>
      execa('sh', ['-c', `head -c 200m /dev/zero > ${join(small, 'filler')}`], { reject: false }),
    );
    const words = await world.ended(runId);
    expect(words).toMatch(
      /At “Dump the database”: Destination of-small: writing .* failed because it has no space left \(ENOSPC\)\./,
    );
    expect(words).toContain(
      '*What to do next:* Free space there or give the gateway another destination, then try again.',
    );
    expect(words).toContain(`*Changed:* ${CLEANED}\n*Not changed:* small ${UNTOUCHED}`);
    expect(await world.stored('small', small)).toEqual([]);
    await execa('rm', [join(small, 'filler')]);
    const again = await world.tryAgain(runId);
    await goAfter(again);
    expect(await world.ended(again)).toMatch(VERIFIED);
    expect(await world.stored('small', small)).toHaveLength(1);
  });

  test('a token too weak to read every list is refused before anything begins', async () => {
    mayNotRead.push('consumers', 'keys');
    const runId = await world.ask('guarded');
    const words = await world.ended(runId);
    expect(words).toContain(
      '1 check of gateway guarded failed, so nothing was started. 1. Rights of the Admin token: The Admin token may not read ' +
        '2 lists: /default/consumers (HTTP 403), /default/keys (HTTP 403). The dump would miss them without a word.',
    );
    expect(words).toContain(`*Changed:* nothing was written.\n*Not changed:* guarded ${UNTOUCHED}`);
    expect(words).toContain(
      '*What to do next:* Give the token of this gateway the right to read them, or use another token.',
    );
    expect(await world.stored('guarded')).toEqual([]);
    mayNotRead.length = 0;
    await tryAgainWorks(runId, 'guarded');
  });
});

/** A disk of its own, roomy enough for the checks. False where this system lets nobody mount one. */
async function mountSmall(folder: string): Promise<boolean> {
  const { exitCode } = await execa('mount', ['-t', 'tmpfs', '-o', 'size=120m', 'tmpfs', folder], { reject: false });
  if (exitCode !== 0) process.stderr.write('skipping: this system does not let us mount a tmpfs\n');
  return exitCode === 0;
}

/** Something else in the place of a program, with its signals and its surroundings. */
function shell(command: Command, script: string): Command {
  return { ...command, program: 'sh', args: ['-c', script] };
}

function isDeckDump({ program, args }: Command): boolean {
  return program === 'deck' && args.includes('dump') && !args.includes('--help');
}
