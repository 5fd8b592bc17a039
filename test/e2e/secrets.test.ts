import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCrashWorld, type CrashWorld } from '../support/crash/crash-world.ts';
import { Teller, type Chapter } from '../support/crash/teller.ts';
import { need } from '../support/need.ts';
import { SECRET_KEY, startS3, type S3Server } from '../support/backup/s3.ts';
import { filesIn, findSecrets, type Searched } from '../support/secrets/search.ts';
import { watchProcesses } from '../support/secrets/watch-processes.ts';
import { withClient } from '../support/store/postgres.ts';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const RECORD = new URL('../support/secrets/record-spawns.ts', import.meta.url).href;
const tools = ['pg_dump', 'pg_restore', 'psql', 'deck', 'versitygw'] as const;
const secret = (): string => `planted-${randomBytes(12).toString('hex')}`;
const pem = (): string => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
/** The one line of it that is the key. */
const inner = (text: string): string => text.split('\n')[1] ?? '';

describe.skipIf(tools.some((tool) => !need(tool)))('no secret is found outside the places where it belongs', () => {
  const planted: Record<string, string> = {};
  const searched: Searched[] = [];
  const outcomes: Record<string, string> = {};
  let s3: S3Server;
  let world: CrashWorld;
  let records: string;
  let last: string | null = null;

  /** Remembers it under a name, and answers it. */
  const plant = (name: string, value = secret()): string => (planted[name] = value);

  beforeAll(async () => {
    records = mkdtempSync(join(tmpdir(), 'kong-chatops-argv-'));
    s3 = await startS3({ root: join(records, 's3') });
    plant('S3 secret key', SECRET_KEY);
    const signing = pem();
    plant('signing key', inner(signing));
    world = await openCrashWorld({
      password: plant('database password'),
      token: plant('RBAC token'),
      destinations: [s3.settings(await s3.bucket())],
      env: {
        LOG_LEVEL: 'trace',
        SIGNING_KEY: signing,
        S3_ID: 'kongchatops',
        S3_SECRET: SECRET_KEY,
        SLACK_BOT_TOKEN: plant('Slack bot token', `xoxb-${secret()}`),
        SLACK_APP_TOKEN: plant('Slack app token', `xapp-${secret()}`),
        SLACK_SIGNING_SECRET: plant('Slack signing secret'),
        RECORD_SPAWNS: join(records, 'argv'),
        NODE_OPTIONS: `--import ${RECORD}`,
      },
    });
    plant('age identity', world.env['AGE_IDENTITY'] ?? '');
    plant('password of the bot’s own database', new URL(world.env['DATABASE_URL'] ?? '').password);
    await giveCredential(plant('key of a consumer'));
    const processes = watchProcesses();
    await tellEverything();
    searched.push({ place: 'arguments of processes', content: (await processes.stop()).join('\n') });
    searched.push({ place: 'arguments of started programs', content: readFileSync(join(records, 'argv')) });
    searched.push({ place: 'Slack', content: world.slack.traffic.join('\n') });
    searched.push(...(await tables()));
    // The node's own files and its configuration hold secrets by themselves; what the bot wrote must not.
    searched.push(...filesIn(world.folder, (path) => /^(kong\.conf|prefix(\/|$))/.test(path)));
    searched.push(...filesIn(join(records, 's3')));
  }, 400_000);
  afterAll(async () => {
    await world.end();
    await s3.stop();
    rmSync(records, { recursive: true, force: true });
  });

  async function giveCredential(key: string): Promise<void> {
    const headers = { 'kong-admin-token': planted['RBAC token'] ?? '', 'content-type': 'application/json' };
    const put = async (path: string, body: object): Promise<void> => {
      const { status } = await fetch(world.node.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
      expect(status).toBe(201);
    };
    await put('/consumers', { username: 'planted' });
    await put('/consumers/planted/key-auth', { key });
  }

  /** A bot of its own for each day, good or bad. */
  async function day(name: string, chapters: readonly Chapter[], env: Readonly<Record<string, string>> = {}) {
    const content: string[] = [];
    const teller = new Teller(world, { name, env, after: last, heard: (text) => content.push(text) });
    for (const chapter of chapters) {
      if (chapter === 'restore') await world.addRoute();
      const { run } = await teller.tell(chapter);
      last = run.id;
      outcomes[`${name}: ${chapter}`] = run.outcome ?? '';
    }
    await teller.end();
    searched.push({ place: `log of ${name}`, content: content.join('') });
  }

  async function tellEverything(): Promise<void> {
    await day('a good day', ['backup', 'drill', 'restore']);
    // The checks before a backup say everything that is wrong at once.
    await day('wrong password, token and S3 key', ['backup'], {
      KONG_PG_PASSWORD: plant('wrong database password'),
      KONG_ADMIN_TOKEN: plant('wrong RBAC token'),
      S3_SECRET: plant('wrong S3 secret key'),
    });
    const other = plant('identity of somebody else', await generateX25519Identity());
    await day('a wrong identity', ['drill'], { AGE_IDENTITY: other });
    await day('no identity at all', ['drill'], { AGE_IDENTITY: plant('no identity') });
    damage();
    await day('a damaged set', ['drill']);
    await byCommandLine();
  }

  /** Flips a byte of the newest dump in the folder. */
  function damage(): void {
    const dumps = readdirSync(world.destination, { recursive: true, encoding: 'utf8' });
    const dump = dumps.filter((name) => name.endsWith('database.dump.zst.age')).sort();
    for (const name of dump) {
      const path = join(world.destination, name);
      const bytes = readFileSync(path);
      bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    }
  }

  async function byCommandLine(): Promise<void> {
    const url = new URL(world.env['DATABASE_URL'] ?? '');
    url.password = plant('wrong password of the bot’s own database');
    const pasted = join(world.folder, 'pasted.json');
    const config = JSON.parse(readFileSync(world.env['KONG_CHATOPS_CONFIG'] ?? '', 'utf8')) as Record<string, unknown>;
    // Somebody pasted the key where a reference belongs; that file itself is of course full of it.
    writeFileSync(pasted, JSON.stringify({ ...config, signing: { private_key: plant('pasted key') } }));
    await Promise.all([
      cli('config check', {}),
      cli('config check', { KONG_CHATOPS_CONFIG: pasted }),
      cli('config check', { SLACK_BOT_TOKEN: plant('token of a wrong kind') }),
      cli('config check', { DATABASE_URL: plant('no address') }),
    ]);
    await Promise.all([cli('doctor', {}), cli('status', {}), cli('backups production', {}), cli('audit show', {})]);
    await Promise.all([
      cli('status', { DATABASE_URL: url.href }),
      cli('doctor', {
        KONG_ADMIN_TOKEN: planted['wrong RBAC token'] ?? '',
        S3_SECRET: planted['wrong S3 secret key'] ?? '',
      }),
      cli('start --only worker', { DATABASE_URL: url.href }),
    ]);
    rmSync(pasted);
  }

  async function cli(command: string, env: Readonly<Record<string, string>>): Promise<void> {
    const output = await new Promise<string>((resolve) => {
      const all = { env: { ...world.env, ...env }, timeout: 60_000 };
      execFile(process.execPath, [CLI, ...command.split(' ')], all, (_, out, err) => resolve(out + err));
    });
    expect(output).not.toBe('');
    searched.push({ place: `output of ${command}`, content: output });
  }

  /** Every table of the bot's own database, queues included. */
  async function tables(): Promise<readonly Searched[]> {
    return await withClient(world.storeUrl, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
          WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
      );
      const found: Searched[] = [];
      for (const { name } of rows) {
        const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
        found.push({ place: `table ${name}`, content: rows.map(({ row }) => row).join('\n') });
      }
      return found;
    });
  }

  it('the days went as they should: one good, four bad', () => {
    expect(outcomes).toEqual({
      'a good day: backup': 'succeeded',
      'a good day: drill': 'succeeded',
      'a good day: restore': 'rolled-back',
      'wrong password, token and S3 key: backup': 'failed',
      'a wrong identity: drill': 'failed',
      'no identity at all: drill': 'failed',
      'a damaged set: drill': 'failed',
    });
  });

  it('there was something to search: programs, logs, events, messages, tables, files', () => {
    const sizes = Object.fromEntries(searched.map(({ place, content }) => [place, content.length]));
    for (const program of ['pg_dump', 'pg_restore', 'psql', 'deck', 'age'])
      expect(searched.some(({ place, content }) => place.startsWith('arguments') && content.includes(program))).toBe(
        true,
      );
    expect(sizes['log of a good day']).toBeGreaterThan(500);
    expect(sizes['Slack']).toBeGreaterThan(10_000);
    expect(sizes['table kong_chatops.audit_events']).toBeGreaterThan(10_000);
    expect(Object.keys(planted).length).toBeGreaterThan(15);
  });

  it('in none of them lies a secret, in whatever form', () => {
    expect(findSecrets(planted, searched)).toEqual([]);
  });

  it('a secret that lay there would be found, in whatever form', () => {
    const value = planted['RBAC token'] ?? '';
    const forms = [value, Buffer.from(`x${value}`).toString('base64'), Buffer.from(value).toString('hex'), value];
    for (const [index, form] of forms.entries()) {
      const content = Buffer.from(`before ${form} after`);
      expect(findSecrets({ token: value }, [{ place: `form ${index}`, content }])).toEqual([`token in form ${index}`]);
    }
    const file = join(records, 'leak');
    appendFileSync(file, `left ${value}`);
    expect(existsSync(file)).toBe(true);
    expect(findSecrets({ token: value }, filesIn(records))).toEqual(['token in file leak']);
  });
});
