import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { startNode } from './admin/node.ts';
import { readDeclaration } from './dbless/declarative.ts';
import { loadEntities } from './dbless/load.ts';
import { createKongSchema } from './stand-in.ts';
import type { Version } from './version.ts';

/**
 * The program `kong` as far as a fresh database needs it: `version`, `migrations bootstrap -c CONF` and
 * `config db_import FILE -c CONF -p PREFIX`. Its first argument is the version that it is. Texts and exit codes as recorded.
 */
async function main([version, ...args]: readonly string[]): Promise<number> {
  const of = version as Version;
  const after = (flag: string): string => args[args.indexOf(flag) + 1] ?? '';
  switch (args.slice(0, 2).join(' ')) {
    case 'version':
      console.log(of);
      return 0;
    case 'migrations bootstrap':
      return await bootstrap(await databaseOf(after('-c')), of);
    case 'config db_import':
      // As the original: settings come from the prefix, whatever CONF says of the database.
      return await dbImport(await databaseOf(join(after('-p'), '.kong_env')), of, args[2] ?? '');
    default:
      console.error(`Error: the stand-in kong does not do this: ${args.join(' ')}`);
      return 1;
  }
}

async function databaseOf(conf: string): Promise<string> {
  const settings = new Map<string, string>();
  for (const line of (await readFile(conf, 'utf8')).split('\n')) {
    const [, key = '', value = ''] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    settings.set(key, value.replaceAll(String.raw`\#`, '#'));
  }
  const url = new URL('postgres://localhost');
  url.hostname = settings.get('pg_host') ?? '127.0.0.1';
  url.port = settings.get('pg_port') ?? '5432';
  url.username = settings.get('pg_user') ?? 'kong';
  url.password = settings.get('pg_password') ?? '';
  url.pathname = settings.get('pg_database') ?? 'kong';
  return url.href;
}

async function bootstrap(url: string, version: Version): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query("SELECT to_regclass('schema_meta') AS there");
  await client.end();
  if ((rows[0] as { there: string | null }).there !== null) {
    console.log('Database already bootstrapped');
    return 0;
  }
  await createKongSchema(url, version);
  console.log('Database is up-to-date');
  return 0;
}

async function dbImport(url: string, version: Version, file: string): Promise<number> {
  const pool = new Pool({ connectionString: url, max: 2 });
  try {
    const node = await startNode(pool, version, 'community', '/usr/local/kong');
    const declaration = readDeclaration(node, await readFile(file, 'utf8'));
    if ('wrong' in declaration) {
      console.error(`Error: Failed parsing:\n${JSON.stringify(declaration.wrong.fields)}`);
      return 1;
    }
    console.log('parse successful, beginning import');
    await loadEntities(node, declaration.entities, false);
    console.log('import successful');
    return 0;
  } finally {
    await pool.end();
  }
}

process.exitCode = await main(process.argv.slice(2));
