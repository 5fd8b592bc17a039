import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordHead } from '../../../src/audit/heads.ts';
import type { CliPorts } from '../../../src/cli/ports.ts';
import { realPorts } from '../../../src/cli/wiring.ts';
import { openStage, type Stage } from '../../support/engine.ts';
import { ran, testConfig, testTerminal, type Ran } from '../../support/cli.ts';
import { freshDatabase } from '../../support/store/postgres.ts';
import { ONE_APPROVER, TWO_APPROVERS } from '../../support/story.ts';

let open: Stage;
let gated: Stage;
let config: ReturnType<typeof testConfig>;
beforeAll(async () => {
  [open, gated] = await Promise.all([openStage(null), openStage(ONE_APPROVER)]);
  config = testConfig(gated.database.botUrl);
});
afterAll(async () => {
  config.remove();
  await Promise.all([open.close(), gated.close()]);
});

/** One command by one system user, on this stage's store. */
async function cli(stage: Stage, systemUser: string, ...args: string[]): Promise<Ran> {
  const env = { ...config.env, DATABASE_URL: stage.database.botUrl };
  const ports: Partial<CliPorts> = {
    ...realPorts,
    connect: async () => ({ operations: stage.operations, close: async () => undefined }),
  };
  return await ran(args, testTerminal({ env, systemUser }), ports);
}

describe('backup', () => {
  it('follows the run until it ends, and answers 0', async () => {
    const following = cli(open, 'alice', 'backup', 'production', '--reason', 'before the upgrade');
    const active = async () => (await open.store.findRuns({ active: true, limit: 1 }))[0]?.id ?? '';
    await expect.poll(active).not.toBe('');
    await open.play(await active());
    const { code, out } = await following;
    expect(code).toBe(0);
    expect(out).toContain('Alice asked for a backup of production: before the upgrade');
    expect(out).toContain('Dump the database: done');
    expect(out).toMatch(/succeeded at [-0-9]+ [:0-9]+Z, verified: every byte was read back and compared$/m);
  });

  it('stops following when people must decide, and tells them how', async () => {
    const { id } = await gated.request('staging');
    await gated.play(id);
    const { code, out } = await cli(gated, 'alice', 'status', id);
    expect(code).toBe(0);
    expect(out).toContain('waits for go from 1 of approvers, not counting the requester; so far: nobody');
    expect(out).toContain(`kong-chatops approve ${id}.g1`);
    await cli(gated, 'alice', 'cancel', id);
    await gated.play(id);
  });

  it('answers only the id with --no-wait, and refuses a second one with 4', async () => {
    const first = await cli(gated, 'alice', 'backup', 'production', '--no-wait');
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/^B-\d+$/) });
    const second = await cli(gated, 'alice', 'backup', 'production', '--no-wait');
    expect(second.code).toBe(4);
    expect(second.err).toMatch(/^Refused: production is already being backed up by B-\d+, asked for by Alice /);
    expect(second.err).toContain(`Follow it: kong-chatops status ${first.out.trim()}.`);
    await cli(gated, 'alice', 'cancel', first.out);
    await gated.play(first.out);
  });

  it('refuses an unknown gateway with the nearest name', async () => {
    expect(await cli(gated, 'alice', 'backup', 'prodcution')).toEqual({
      code: 4,
      out: '',
      err: 'Refused: There is no gateway "prodcution" in the configuration.\n  Did you mean production?',
    });
  });
});

describe('approve and no-go', () => {
  it('obey the rules of Slack: not the requester, not without the right, and once (1.6)', async () => {
    const { id } = await gated.request();
    await gated.play(id);
    const own = await cli(gated, 'alice', 'approve', id);
    expect(own.code).toBe(4);
    const guest = await cli(gated, 'gus', 'approve', id);
    expect(guest.code).toBe(4);

    const go = await cli(gated, 'bob', 'approve', id.toLowerCase(), '--comment', 'checked');
    expect(go).toMatchObject({ code: 0, err: '' });
    const late = await cli(gated, 'bob', 'no-go', `${id}.g1`, '--reason', 'changed my mind');
    expect(late.code).toBe(4);
    expect(late.err).toMatch(/^Refused: This was already decided: go by Bob at \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\./);

    const { run } = (await gated.operations.run(id)) ?? {};
    expect(run?.gates[0]?.votes[0]?.by).toEqual({
      kind: 'person',
      person: 'T01LOCAL/U02BOB',
      via: 'cli',
      host: 'bastion',
      systemUser: 'bob',
    });
    await gated.play(id);
  });

  it('are taken back while the gate is open, by whoever cast them', async () => {
    const two = await openStage(TWO_APPROVERS);
    const { id } = await two.request('staging');
    await two.play(id);
    const nothing = await cli(two, 'bob', 'withdraw', id);
    expect([nothing.code, nothing.err]).toEqual([4, expect.stringContaining('no vote')]);
    await cli(two, 'bob', 'approve', id);
    expect((await two.load(id)).gates[0]?.votes).toHaveLength(1);
    const taken = await cli(two, 'bob', 'withdraw', id);
    expect([taken.code, taken.out]).toEqual([0, expect.stringContaining('so far: nobody')]);
    await two.close();
  });

  it('say that a run waits for nobody', async () => {
    expect(await cli(gated, 'bob', 'approve', 'B-999999')).toEqual({
      code: 4,
      out: '',
      err: 'Refused: There is no run B-999999.\n  kong-chatops status lists the runs.',
    });
    expect((await cli(gated, 'bob', 'approve', 'production')).err).toBe(
      'Refused: "production" is neither a gate nor a run.\n  Write B-142 or B-142.g1.',
    );
  });
});

describe('status', () => {
  it('answers JSON when asked', async () => {
    const { code, out } = await cli(open, 'alice', 'status', 'production', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([{ gateway: 'production', lastEnded: { outcome: 'succeeded' } }]);
  });

  it('is refused to whoever may not see it, also for one run', async () => {
    expect((await cli(open, 'gus', 'status')).code).toBe(4);
    expect((await cli(open, 'gus', 'status', 'B-1')).code).toBe(4);
  });

  it('refuses a run that does not exist', async () => {
    expect((await cli(open, 'alice', 'status', 'b-4711')).err).toBe(
      'Refused: There is no run B-4711.\n  kong-chatops status lists what runs, kong-chatops audit show what ran.',
    );
  });
});

describe('audit', () => {
  it('shows who did what and by which way in, oldest first (1.5, 1.6)', async () => {
    const { code, out } = await cli(gated, 'bob', 'audit', 'show', 'bob');
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines.some((line) => / Bob \(via CLI, bastion, bob\): Bob says go: checked \(/.test(line))).toBe(true);
    const numbers = lines.map((line) => Number(line.split(' ')[0]));
    expect(numbers).toEqual(numbers.toSorted((one, two) => one - two));
  });

  it('says that a run has no rows', async () => {
    expect(await cli(gated, 'bob', 'audit', 'show', 'r-99')).toEqual({ code: 0, out: 'No rows for R-99', err: '' });
  });

  it('exports a trail that verifies offline, and finds one changed byte', async () => {
    const file = join(config.folder, 'trail.ndjson');
    const exported = await cli(gated, 'bob', 'audit', 'export', '--out', file);
    expect(exported.code).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await cli(gated, 'bob', 'audit', 'export', '--out', file);
    expect(again).toMatchObject({ code: 4, err: expect.stringContaining('exists already and is left as it is') });

    const offline = await ran(['audit', 'verify', '--file', file], testTerminal({ env: {} }), realPorts);
    expect(offline.code).toBe(0);
    expect(offline.out).toMatch(/^\d+ rows, unchanged and complete up to \d+:[0-9a-f]{64}\.\nTail not provable: /);

    const changed = join(config.folder, 'changed.ndjson');
    writeFileSync(changed, readFileSync(file, 'utf8').replace('checked', 'chucked'));
    const found = await ran(['audit', 'verify', '--file', changed], testTerminal({ env: {} }), realPorts);
    expect(found.code).toBe(1);
    expect(found.err).toMatch(/^Row \d+ \(B-\d+ version \d+\) was edited: its content does not give its hash\./);
  });

  it('writes the export to standard output without --out', async () => {
    const { code, out } = await cli(gated, 'bob', 'audit', 'export');
    expect(code).toBe(0);
    const rows = out
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { seq: number });
    expect(rows[0]?.seq).toBe(1);
  });

  it('proves the tail with a signed head, and refuses a head of another key', async () => {
    const keys = generateKeyPairSync('ed25519');
    const pem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const actor = { kind: 'bot', host: 'test', pid: 1 } as const;
    const head = JSON.stringify(await recordHead(gated.pool, pem, actor, new Date().toISOString()));
    const publicKey = join(config.folder, 'public.pem');
    writeFileSync(publicKey, keys.publicKey.export({ type: 'spki', format: 'pem' }));
    const proven = await cli(gated, 'bob', 'audit', 'verify', '--head', head, '--public-key', publicKey);
    expect(proven.code).toBe(0);
    expect(proven.out).toContain('Heads inside the trail with a valid signature: 1.');
    expect(proven.out).toMatch(/Nothing was cut off up to row \d+: the head given from outside is in it\.$/);

    const other = join(config.folder, 'other.pem');
    writeFileSync(other, generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }));
    expect(await cli(gated, 'bob', 'audit', 'verify', '--head', head, '--public-key', other)).toMatchObject({
      code: 4,
      err: expect.stringContaining('The head does not carry a valid signature of the key given.'),
    });
  });

  it('may not be read by whoever may not see it', async () => {
    expect((await cli(gated, 'gus', 'audit', 'show')).code).toBe(4);
    expect((await cli(gated, 'gus', 'audit', 'export')).code).toBe(4);
  });

  it('says which file cannot be read', async () => {
    expect(await cli(gated, 'bob', 'audit', 'verify', '--file', '/nowhere.ndjson')).toEqual({
      code: 1,
      out: '',
      err: 'Failed: The file /nowhere.ndjson does not exist.\n  Name a file that this user may read.',
    });
  });
});

describe('the real wiring', () => {
  it('prepares a database, answers on it, and leaves no connection behind', async () => {
    const database = await freshDatabase();
    const env = { ...config.env, DATABASE_URL: database.botUrl, DATABASE_OWNER_URL: database.ownerUrl };
    const real = async (...args: string[]) => await ran(args, testTerminal({ env }), realPorts);
    expect(await real('status')).toMatchObject({ code: 1, err: expect.stringContaining('kong-chatops migrate') });
    expect(await real('migrate')).toMatchObject({ code: 0, err: '' });
    expect(await real('migrate')).toMatchObject({ code: 0, out: expect.stringMatching(/: nothing to do\.$/) });
    expect(await real('status')).toMatchObject({
      code: 0,
      out: expect.stringContaining('production (production)\n  no verified backup yet\n  nothing runs'),
    });
    const run = await real('backup', 'staging', '--no-wait');
    expect(run).toMatchObject({ code: 0, out: 'B-1' });
    expect(await real('cancel', 'b-1', '--reason', 'only a test')).toMatchObject({ code: 0 });
    expect((await real('audit', 'show', 'B-1')).out).toContain('Alice cancelled it: only a test');
    expect(await real('audit', 'verify')).toMatchObject({ code: 0 });
    await database.drop();
  });
});
