-- How far a running step is. Not evidence: one row per run, overwritten.
CREATE TABLE kong_chatops.step_progress (
  run_id  text        PRIMARY KEY,
  step    text        NOT NULL,
  attempt integer     NOT NULL,
  done    bigint      NOT NULL,
  total   bigint,
  unit    text        NOT NULL,
  note    text,
  at      timestamptz NOT NULL
);
