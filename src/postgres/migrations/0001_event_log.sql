-- The event log, which is the audit trail and the state at once. Every column is covered by the row's hash.
CREATE TABLE kong_chatops.audit_events (
  seq       bigint  PRIMARY KEY CHECK (seq > 0),
  -- A line break would make two different rows hash alike. (A regular expression here costs 8 us an append.)
  run_id    text    NOT NULL CHECK (strpos(run_id, E'\n') = 0 AND length(run_id) BETWEEN 1 AND 40),
  version   integer NOT NULL CHECK (version > 0),
  -- RFC 8785 canonical JSON of actor, at, data and type. Text, because it is hashed byte by byte.
  body      text    NOT NULL,
  prev_hash text    NOT NULL CHECK (length(prev_hash) = 64),
  hash      text    NOT NULL CHECK (length(hash) = 64),
  UNIQUE (run_id, version)
);

-- For pages of the trail by person and by time.
CREATE INDEX audit_events_person ON kong_chatops.audit_events ((body::json #>> '{actor,person}'), seq)
  WHERE (body::json #>> '{actor,person}') IS NOT NULL;
CREATE INDEX audit_events_at ON kong_chatops.audit_events (((body::json ->> 'at') COLLATE "C"));

-- Deliveries that were recorded: the same one twice makes one run. Not evidence, hence outside the chain.
CREATE TABLE kong_chatops.deliveries (
  key         text        PRIMARY KEY,
  run_id      text        NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now()
);

-- An index of the log, written with the append, never read to decide; `audit/rebuild.ts` makes it again.
CREATE TABLE kong_chatops.runs (
  id           text        PRIMARY KEY,
  kind         text        NOT NULL,
  gateway      text        NOT NULL,
  state        text        NOT NULL,
  version      integer     NOT NULL,
  requested_by text        NOT NULL,
  requested_at timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  active       boolean     NOT NULL,
  unsettled    boolean     NOT NULL,
  exclusive    text,
  due_at       timestamptz,
  verified_at  timestamptz
) WITH (fillfactor = 50); -- every append updates a row in place
CREATE UNIQUE INDEX runs_exclusive ON kong_chatops.runs (exclusive) WHERE exclusive IS NOT NULL;
CREATE INDEX runs_open ON kong_chatops.runs (id) WHERE active OR unsettled;
CREATE INDEX runs_gateway ON kong_chatops.runs (gateway, requested_at DESC);
CREATE INDEX runs_person ON kong_chatops.runs (requested_by, requested_at DESC);
CREATE INDEX runs_newest ON kong_chatops.runs (requested_at DESC);

CREATE TABLE kong_chatops.run_numbers (
  letter text   PRIMARY KEY CHECK (letter ~ '^[A-Z]$'),
  last   bigint NOT NULL
);
