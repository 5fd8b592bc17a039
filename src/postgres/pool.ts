import { Pool } from 'pg';

export interface PoolOptions {
  readonly url: string;
  /** Shown in pg_stat_activity, e.g. `kong-chatops bot`. */
  readonly applicationName: string;
  /** At most so many connections. */
  readonly max?: number;
  /** An idle connection was lost (server restarted). For the log: the pool replaces it by itself. */
  readonly onError: (error: Error) => void;
}

/**
 * A pool of connections to the store. Losing the server never ends the process: idle losses go to `onError`, queries
 * reject, and the next query connects again.
 */
export function createPool(options: PoolOptions): Pool {
  const pool = new Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.max ?? 10,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    // Longest honest statement is a page of the audit trail; 30 s means that something is stuck.
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // Without a listener the event would end the process.
  pool.on('error', options.onError);
  return pool;
}
