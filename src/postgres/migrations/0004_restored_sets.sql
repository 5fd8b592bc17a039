-- Which set a run published or restored in a drill, and when the drill proved it: the state `restored` of a set.
ALTER TABLE kong_chatops.runs ADD COLUMN set_id text, ADD COLUMN restored_at timestamptz;
CREATE INDEX runs_set ON kong_chatops.runs (gateway, set_id) WHERE set_id IS NOT NULL;

-- Columns are named, so that the next new one is not forgotten in silence.
CREATE OR REPLACE FUNCTION kong_chatops.put_run(p kong_chatops.runs) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO kong_chatops.runs (id, kind, gateway, state, version, requested_by, requested_at, updated_at, active,
                                 unsettled, exclusive, due_at, verified_at, set_id, restored_at)
    VALUES (p.id, p.kind, p.gateway, p.state, p.version, p.requested_by, p.requested_at, p.updated_at, p.active,
            p.unsettled, p.exclusive, p.due_at, p.verified_at, p.set_id, p.restored_at)
  ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind, gateway = excluded.gateway, state = excluded.state, version = excluded.version,
    requested_by = excluded.requested_by, requested_at = excluded.requested_at, updated_at = excluded.updated_at,
    active = excluded.active, unsettled = excluded.unsettled, exclusive = excluded.exclusive,
    due_at = excluded.due_at, verified_at = excluded.verified_at, set_id = excluded.set_id,
    restored_at = excluded.restored_at;
END
$$;
