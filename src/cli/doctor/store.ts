import { Redis } from 'ioredis';
import type { Config } from '../../config/schema.ts';
import { Fault } from '../../runs/fault.ts';
import { checkStore } from '../../postgres/check.ts';
import { ok, warn, type Check, type Finding } from './check.ts';

/** The bot's own database, and Redis where queues run on it. */
export function storeChecks(config: Config): readonly Check[] {
  const { DATABASE_URL, REDIS_URL } = config.environment;
  return [
    { about: 'database', look: async () => await storeFindings(DATABASE_URL) },
    ...(REDIS_URL === undefined ? [] : [{ about: 'Redis', look: async () => await redisFindings(REDIS_URL) }]),
  ];
}

/** Version, migrations, rights; a pooler in transaction mode is refused by the look itself. */
async function storeFindings(url: string): Promise<readonly Finding[]> {
  const store = await checkStore(url);
  return [
    ok('database', `PostgreSQL ${store.serverVersion}, migrated to version ${store.version}, role ${store.role}`),
    store.protection === 'role and triggers'
      ? ok('audit trail', 'append-only by role and by triggers')
      : warn(
          'audit trail',
          `triggers alone protect it: ${store.weak.join(', ')}`,
          'Give `kong-chatops migrate` the owner as DATABASE_OWNER_URL and the bot a lesser role as DATABASE_URL.',
        ),
  ];
}

async function redisFindings(url: string): Promise<readonly Finding[]> {
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: 5_000,
  });
  // The commands reject; the event has nothing to add.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown';
    const policy = /maxmemory_policy:(\S+)/.exec(await redis.info('memory'))?.[1] ?? 'unknown';
    if (policy === 'noeviction') return [ok('Redis', `${version}, noeviction`)];
    const hint =
      'Set maxmemory-policy noeviction: with any other policy Redis throws waiting jobs away (the sweep wakes them late).';
    return [warn('Redis', `${version}, maxmemory-policy ${policy}`, hint)];
  } catch (error) {
    throw redisFault(error);
  } finally {
    redis.disconnect();
  }
}

function redisFault(cause: unknown): Fault {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? ` (${cause.code})` : '';
  return new Fault(
    'redis.unreachable',
    `Redis at REDIS_URL does not answer${code}.`,
    'Check that it runs, and address, user and password in REDIS_URL; or unset it: queues then run on PostgreSQL.',
    { cause },
  );
}
