-- The one rule of the chain. `audit/chain.ts` computes the same in Node.
CREATE FUNCTION kong_chatops.event_hash(prev_hash text, seq bigint, run_id text, version integer, body text)
RETURNS text LANGUAGE sql STABLE
AS $$
  -- No SET search_path: it would forbid inlining; every name is qualified instead.
  SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
    pg_catalog.concat_ws(E'\n', prev_hash, seq::text, run_id, version::text, body), 'UTF8')), 'hex')
$$;

-- The only write path (the bot's role may execute this and insert nothing itself). One round trip: takes the
-- append lock, checks, chains, writes the index row and notifies. `p_expected` null means "at the current end" and
-- is for the system stream alone, which has no index row.
CREATE FUNCTION kong_chatops.append_events(
  p_run_id text, p_expected integer, p_bodies text[], p_index json, p_delivery_key text,
  OUT outcome text, OUT other_run text, OUT version integer, OUT seq bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  row_index kong_chatops.runs;
  current_version integer;
  last_hash text;
  one_body text;
BEGIN
  IF (p_expected IS NULL OR p_index IS NULL) <> (p_run_id = 'system') OR coalesce(cardinality(p_bodies), 0) = 0 THEN
    RAISE EXCEPTION 'an append names a version and an index row, or is for the system stream' USING ERRCODE = '22023';
  END IF;

  -- Appends queue here: the chain has one end. Freed by the commit, so the next one sees this row.
  PERFORM pg_advisory_xact_lock(1262700609, 1);

  IF p_delivery_key IS NOT NULL THEN
    SELECT d.run_id INTO other_run FROM kong_chatops.deliveries d WHERE d.key = p_delivery_key;
    IF FOUND THEN outcome := 'duplicate'; RETURN; END IF;
  END IF;

  SELECT coalesce(max(e.version), 0) INTO current_version FROM kong_chatops.audit_events e WHERE e.run_id = p_run_id;
  IF p_expected <> current_version THEN outcome := 'conflict'; RETURN; END IF;

  IF p_index IS NOT NULL THEN
    row_index := json_populate_record(NULL::kong_chatops.runs, p_index);
    IF row_index.id <> p_run_id OR row_index.version <> p_expected + cardinality(p_bodies) THEN
      RAISE EXCEPTION 'the index row is not of this append' USING ERRCODE = '22023';
    END IF;
    SELECT r.id INTO other_run FROM kong_chatops.runs r WHERE r.exclusive = row_index.exclusive AND r.id <> p_run_id;
    IF FOUND THEN outcome := 'exclusive'; RETURN; END IF;
  END IF;

  SELECT e.seq, e.hash INTO seq, last_hash FROM kong_chatops.audit_events e ORDER BY e.seq DESC LIMIT 1;
  IF NOT FOUND THEN seq := 0; last_hash := repeat('0', 64); END IF;
  version := current_version;

  PERFORM set_config('kong_chatops.appending', 'yes', true);
  FOREACH one_body IN ARRAY p_bodies LOOP
    seq := seq + 1;
    version := version + 1;
    INSERT INTO kong_chatops.audit_events (seq, run_id, version, body, prev_hash, hash)
      VALUES (seq, p_run_id, version, one_body, last_hash,
              kong_chatops.event_hash(last_hash, seq, p_run_id, version, one_body))
      RETURNING audit_events.hash INTO last_hash;
  END LOOP;
  PERFORM set_config('kong_chatops.appending', '', true);

  IF p_delivery_key IS NOT NULL THEN
    INSERT INTO kong_chatops.deliveries (key, run_id) VALUES (p_delivery_key, p_run_id);
  END IF;
  IF p_index IS NOT NULL THEN
    PERFORM kong_chatops.put_run(row_index);
    PERFORM pg_notify('kong_chatops_runs', p_run_id);
  END IF;
  outcome := 'appended';
END
$$;

-- Several appends of one process in one transaction: one flush to disk for all. Each has its own outcome; an error
-- (a bug, not a refusal) fails all of them. Runs with the caller's rights: it can do no more than append_events.
CREATE FUNCTION kong_chatops.append_batch(p_requests json)
RETURNS TABLE (outcome text, other_run text, version integer, seq bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  request json;
BEGIN
  FOR request IN SELECT value FROM json_array_elements(p_requests) LOOP
    RETURN QUERY SELECT a.outcome, a.other_run, a.version, a.seq FROM kong_chatops.append_events(
      request ->> 'runId', (request ->> 'expected')::integer,
      ARRAY(SELECT json_array_elements_text(request -> 'bodies')),
      (request ->> 'index')::json, request ->> 'deliveryKey') a;
  END LOOP;
END
$$;

-- plpgsql, because its plan is kept: as an SQL function it would be planned again at every append (70 us).
CREATE FUNCTION kong_chatops.put_run(p kong_chatops.runs) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO kong_chatops.runs
    VALUES (p.id, p.kind, p.gateway, p.state, p.version, p.requested_by, p.requested_at, p.updated_at,
            p.active, p.unsettled, p.exclusive, p.due_at, p.verified_at)
  ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind, gateway = excluded.gateway, state = excluded.state, version = excluded.version,
    requested_by = excluded.requested_by, requested_at = excluded.requested_at, updated_at = excluded.updated_at,
    active = excluded.active, unsettled = excluded.unsettled, exclusive = excluded.exclusive,
    due_at = excluded.due_at, verified_at = excluded.verified_at;
END
$$;

CREATE FUNCTION kong_chatops.next_run_number(p_letter text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO kong_chatops.run_numbers AS n (letter, last) VALUES (p_letter, 1)
  ON CONFLICT (letter) DO UPDATE SET last = n.last + 1
  RETURNING last
$$;

-- Triggers hold for everybody, the owner included. They are the only protection when bot and owner are one role.
CREATE FUNCTION kong_chatops.refuse_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
  IF TG_OP = 'INSERT' AND current_setting('kong_chatops.appending', true) = 'yes' THEN RETURN NULL; END IF;
  RAISE EXCEPTION 'the audit trail is append-only: % refused', TG_OP
    USING ERRCODE = 'insufficient_privilege', HINT = 'Rows are appended by kong_chatops.append_events and never change.';
END
$$;
CREATE TRIGGER append_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON kong_chatops.audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION kong_chatops.refuse_change();
-- ALWAYS: also in a session that calls itself a replica.
ALTER TABLE kong_chatops.audit_events ENABLE ALWAYS TRIGGER append_only;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA kong_chatops FROM PUBLIC;
