import { withClient, type TestDatabase } from './store/postgres.ts';

/** Somebody with the superuser's password, the triggers switched off. */
export async function asIntruder(database: TestDatabase, sql: string): Promise<void> {
  await withClient(database.superuserUrl, async (client) => {
    await client.query('ALTER TABLE kong_chatops.audit_events DISABLE TRIGGER append_only');
    await client.query(sql);
    await client.query('ALTER TABLE kong_chatops.audit_events ENABLE ALWAYS TRIGGER append_only');
  });
}

/** SQL that recomputes every hash from a row on, as somebody would who knows the rule. */
export function rehashFrom(seq: number): string {
  return `
  DO $$ DECLARE r record; last text; BEGIN
    FOR r IN SELECT * FROM kong_chatops.audit_events WHERE seq >= ${seq} ORDER BY seq LOOP
      SELECT hash INTO last FROM kong_chatops.audit_events WHERE seq < r.seq ORDER BY seq DESC LIMIT 1;
      last := coalesce(last, repeat('0', 64));
      UPDATE kong_chatops.audit_events SET prev_hash = last,
        hash = kong_chatops.event_hash(last, r.seq, r.run_id, r.version, r.body) WHERE seq = r.seq;
    END LOOP; END $$`;
}
