-- A database of the shape that Kong 2.8.5 migrates to: tables, columns, types, keys and indexes, in our own words.
-- A test compares it with a database that a real Kong made. It holds the default workspace and no entities.

CREATE FUNCTION sync_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM tags WHERE entity_id = OLD.id;
    RETURN OLD;
  END IF;
  INSERT INTO tags VALUES (NEW.id, TG_TABLE_NAME, NEW.tags) ON CONFLICT (entity_id) DO UPDATE SET tags = EXCLUDED.tags;
  RETURN NEW;
END $$;

CREATE TABLE workspaces (
  id uuid PRIMARY KEY, name text UNIQUE, comment text, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), meta jsonb,
  config jsonb
);
CREATE TABLE acme_storage (id uuid PRIMARY KEY, key text UNIQUE, value text, created_at timestamptz, ttl timestamptz);
CREATE TABLE ca_certificates (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), cert text NOT NULL, tags text[],
  cert_digest text NOT NULL UNIQUE
);
CREATE TABLE certificates (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), cert text, key text, tags text[],
  ws_id uuid REFERENCES workspaces (id), cert_alt text, key_alt text, CONSTRAINT certificates_id_ws_id_unique UNIQUE (id, ws_id)
);
CREATE TABLE cluster_events (
  id uuid PRIMARY KEY, node_id uuid NOT NULL, at timestamptz NOT NULL, nbf timestamptz, expire_at timestamptz NOT NULL, channel text,
  data text
);
CREATE TABLE clustering_data_planes (
  id uuid PRIMARY KEY, hostname text NOT NULL, ip text NOT NULL, last_seen timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
  config_hash text NOT NULL, ttl timestamptz, version text, sync_status text DEFAULT 'unknown' NOT NULL
);
CREATE TABLE consumers (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), username text, custom_id text, tags text[],
  ws_id uuid REFERENCES workspaces (id), CONSTRAINT consumers_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT consumers_ws_id_custom_id_unique UNIQUE (ws_id, custom_id), CONSTRAINT consumers_ws_id_username_unique UNIQUE (ws_id, username)
);
CREATE TABLE acls (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), consumer_id uuid, "group" text,
  cache_key text UNIQUE, tags text[], ws_id uuid REFERENCES workspaces (id), CONSTRAINT acls_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT acls_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE basicauth_credentials (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), consumer_id uuid, username text,
  password text, tags text[], ws_id uuid REFERENCES workspaces (id), CONSTRAINT basicauth_credentials_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT basicauth_credentials_ws_id_username_unique UNIQUE (ws_id, username),
  CONSTRAINT basicauth_credentials_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE hmacauth_credentials (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), consumer_id uuid, username text,
  secret text, tags text[], ws_id uuid REFERENCES workspaces (id), CONSTRAINT hmacauth_credentials_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT hmacauth_credentials_ws_id_username_unique UNIQUE (ws_id, username),
  CONSTRAINT hmacauth_credentials_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE jwt_secrets (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), consumer_id uuid, key text, secret text,
  algorithm text, rsa_public_key text, tags text[], ws_id uuid REFERENCES workspaces (id),
  CONSTRAINT jwt_secrets_id_ws_id_unique UNIQUE (id, ws_id), CONSTRAINT jwt_secrets_ws_id_key_unique UNIQUE (ws_id, key),
  CONSTRAINT jwt_secrets_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE keyauth_credentials (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), consumer_id uuid, key text, tags text[],
  ttl timestamptz, ws_id uuid REFERENCES workspaces (id), CONSTRAINT keyauth_credentials_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT keyauth_credentials_ws_id_key_unique UNIQUE (ws_id, key),
  CONSTRAINT keyauth_credentials_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE locks (key text PRIMARY KEY, owner text, ttl timestamptz);
CREATE TABLE oauth2_credentials (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), name text, consumer_id uuid,
  client_id text, client_secret text, redirect_uris text[], tags text[], client_type text, hash_secret boolean,
  ws_id uuid REFERENCES workspaces (id), CONSTRAINT oauth2_credentials_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT oauth2_credentials_ws_id_client_id_unique UNIQUE (ws_id, client_id),
  CONSTRAINT oauth2_credentials_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE parameters (key text PRIMARY KEY, value text NOT NULL, created_at timestamptz);
CREATE TABLE ratelimiting_metrics (
  identifier text NOT NULL, period text NOT NULL, period_date timestamptz NOT NULL,
  service_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
  route_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL, value integer, ttl timestamptz,
  PRIMARY KEY (identifier, period, period_date, service_id, route_id)
);
CREATE TABLE response_ratelimiting_metrics (
  identifier text NOT NULL, period text NOT NULL, period_date timestamptz NOT NULL,
  service_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
  route_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL, value integer,
  PRIMARY KEY (identifier, period, period_date, service_id, route_id)
);
CREATE TABLE schema_meta (
  key text NOT NULL, subsystem text NOT NULL, last_executed text, executed text[], pending text[], PRIMARY KEY (key, subsystem)
);
CREATE TABLE services (
  id uuid PRIMARY KEY, created_at timestamptz, updated_at timestamptz, name text, retries bigint, protocol text, host text, port bigint,
  path text, connect_timeout bigint, write_timeout bigint, read_timeout bigint, tags text[], client_certificate_id uuid, tls_verify boolean,
  tls_verify_depth smallint, ca_certificates uuid[], ws_id uuid REFERENCES workspaces (id), enabled boolean DEFAULT true,
  CONSTRAINT services_id_ws_id_unique UNIQUE (id, ws_id), CONSTRAINT services_ws_id_name_unique UNIQUE (ws_id, name),
  CONSTRAINT services_client_certificate_id_fkey FOREIGN KEY (client_certificate_id, ws_id) REFERENCES certificates (id, ws_id)
);
CREATE TABLE oauth2_authorization_codes (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), credential_id uuid, service_id uuid,
  code text, authenticated_userid text, scope text, ttl timestamptz, challenge text, challenge_method text,
  ws_id uuid REFERENCES workspaces (id), CONSTRAINT oauth2_authorization_codes_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT oauth2_authorization_codes_ws_id_code_unique UNIQUE (ws_id, code),
  CONSTRAINT oauth2_authorization_codes_credential_id_fkey FOREIGN KEY (credential_id, ws_id) REFERENCES oauth2_credentials (id, ws_id) ON DELETE CASCADE,
  CONSTRAINT oauth2_authorization_codes_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE oauth2_tokens (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), credential_id uuid, service_id uuid,
  access_token text, refresh_token text, token_type text, expires_in integer, authenticated_userid text, scope text, ttl timestamptz,
  ws_id uuid REFERENCES workspaces (id), CONSTRAINT oauth2_tokens_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT oauth2_tokens_ws_id_access_token_unique UNIQUE (ws_id, access_token),
  CONSTRAINT oauth2_tokens_ws_id_refresh_token_unique UNIQUE (ws_id, refresh_token),
  CONSTRAINT oauth2_tokens_credential_id_fkey FOREIGN KEY (credential_id, ws_id) REFERENCES oauth2_credentials (id, ws_id) ON DELETE CASCADE,
  CONSTRAINT oauth2_tokens_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE routes (
  id uuid PRIMARY KEY, created_at timestamptz, updated_at timestamptz, name text, service_id uuid, protocols text[], methods text[],
  hosts text[], paths text[], snis text[], sources jsonb[], destinations jsonb[], regex_priority bigint, strip_path boolean,
  preserve_host boolean, tags text[], https_redirect_status_code integer, headers jsonb, path_handling text DEFAULT 'v0',
  ws_id uuid REFERENCES workspaces (id), request_buffering boolean, response_buffering boolean,
  CONSTRAINT routes_id_ws_id_unique UNIQUE (id, ws_id), CONSTRAINT routes_ws_id_name_unique UNIQUE (ws_id, name),
  CONSTRAINT routes_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id)
);
CREATE TABLE plugins (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), name text NOT NULL, consumer_id uuid,
  service_id uuid, route_id uuid, config jsonb NOT NULL, enabled boolean NOT NULL, cache_key text UNIQUE, protocols text[], tags text[],
  ws_id uuid REFERENCES workspaces (id), CONSTRAINT plugins_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT plugins_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE,
  CONSTRAINT plugins_route_id_fkey FOREIGN KEY (route_id, ws_id) REFERENCES routes (id, ws_id) ON DELETE CASCADE,
  CONSTRAINT plugins_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE sessions (
  id uuid PRIMARY KEY, session_id text UNIQUE, expires integer, data text, created_at timestamptz, ttl timestamptz
);
CREATE TABLE snis (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), name text NOT NULL UNIQUE,
  certificate_id uuid, tags text[], ws_id uuid REFERENCES workspaces (id), CONSTRAINT snis_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT snis_certificate_id_fkey FOREIGN KEY (certificate_id, ws_id) REFERENCES certificates (id, ws_id)
);
CREATE TABLE tags (entity_id uuid PRIMARY KEY, entity_name text, tags text[]);
CREATE TABLE ttls (
  primary_key_value text NOT NULL, primary_uuid_value uuid, table_name text NOT NULL, primary_key_name text NOT NULL,
  expire_at timestamp without time zone NOT NULL, PRIMARY KEY (primary_key_value, table_name)
);
CREATE TABLE upstreams (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(3) AT TIME ZONE 'UTC'), name text, hash_on text,
  hash_fallback text, hash_on_header text, hash_fallback_header text, hash_on_cookie text, hash_on_cookie_path text, slots integer NOT NULL,
  healthchecks jsonb, tags text[], algorithm text, host_header text, client_certificate_id uuid REFERENCES certificates (id),
  ws_id uuid REFERENCES workspaces (id), CONSTRAINT upstreams_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT upstreams_ws_id_name_unique UNIQUE (ws_id, name)
);
CREATE TABLE targets (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(3) AT TIME ZONE 'UTC'), upstream_id uuid, target text NOT NULL,
  weight integer NOT NULL, tags text[], ws_id uuid REFERENCES workspaces (id), CONSTRAINT targets_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT targets_upstream_id_fkey FOREIGN KEY (upstream_id, ws_id) REFERENCES upstreams (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE vaults_beta (
  id uuid PRIMARY KEY, ws_id uuid REFERENCES workspaces (id), prefix text UNIQUE, name text NOT NULL, description text,
  config jsonb NOT NULL, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), updated_at timestamptz, tags text[],
  CONSTRAINT vaults_beta_id_ws_id_key UNIQUE (id, ws_id), CONSTRAINT vaults_beta_prefix_ws_id_key UNIQUE (prefix, ws_id)
);

CREATE INDEX acls_consumer_id_idx ON acls (consumer_id); CREATE INDEX acls_group_idx ON acls ("group");
CREATE INDEX basicauth_consumer_id_idx ON basicauth_credentials (consumer_id);
CREATE INDEX cluster_events_at_idx ON cluster_events (at);
CREATE INDEX cluster_events_channel_idx ON cluster_events (channel);
CREATE INDEX cluster_events_expire_at_idx ON cluster_events (expire_at);
CREATE INDEX clustering_data_planes_ttl_idx ON clustering_data_planes (ttl);
CREATE INDEX consumers_username_idx ON consumers (lower(username));
CREATE INDEX hmacauth_credentials_consumer_id_idx ON hmacauth_credentials (consumer_id);
CREATE INDEX jwt_secrets_consumer_id_idx ON jwt_secrets (consumer_id);
CREATE INDEX jwt_secrets_secret_idx ON jwt_secrets (secret);
CREATE INDEX keyauth_credentials_consumer_id_idx ON keyauth_credentials (consumer_id);
CREATE INDEX keyauth_credentials_ttl_idx ON keyauth_credentials (ttl); CREATE INDEX locks_ttl_idx ON locks (ttl);
CREATE INDEX oauth2_authorization_codes_authenticated_userid_idx ON oauth2_authorization_codes (authenticated_userid);
CREATE INDEX oauth2_authorization_codes_ttl_idx ON oauth2_authorization_codes (ttl);
CREATE INDEX oauth2_authorization_credential_id_idx ON oauth2_authorization_codes (credential_id);
CREATE INDEX oauth2_authorization_service_id_idx ON oauth2_authorization_codes (service_id);
CREATE INDEX oauth2_credentials_consumer_id_idx ON oauth2_credentials (consumer_id);
CREATE INDEX oauth2_credentials_secret_idx ON oauth2_credentials (client_secret);
CREATE INDEX oauth2_tokens_authenticated_userid_idx ON oauth2_tokens (authenticated_userid);
CREATE INDEX oauth2_tokens_credential_id_idx ON oauth2_tokens (credential_id);
CREATE INDEX oauth2_tokens_service_id_idx ON oauth2_tokens (service_id);
CREATE INDEX oauth2_tokens_ttl_idx ON oauth2_tokens (ttl); CREATE INDEX plugins_consumer_id_idx ON plugins (consumer_id);
CREATE INDEX plugins_name_idx ON plugins (name); CREATE INDEX plugins_route_id_idx ON plugins (route_id);
CREATE INDEX plugins_service_id_idx ON plugins (service_id);
CREATE INDEX ratelimiting_metrics_idx ON ratelimiting_metrics (service_id, route_id, period_date, period);
CREATE INDEX ratelimiting_metrics_ttl_idx ON ratelimiting_metrics (ttl);
CREATE INDEX routes_service_id_idx ON routes (service_id);
CREATE INDEX services_fkey_client_certificate ON services (client_certificate_id);
CREATE INDEX session_sessions_expires_idx ON sessions (expires); CREATE INDEX sessions_ttl_idx ON sessions (ttl);
CREATE INDEX snis_certificate_id_idx ON snis (certificate_id); CREATE INDEX tags_entity_name_idx ON tags (entity_name);
CREATE INDEX tags_tags_idx ON tags USING gin (tags); CREATE INDEX targets_target_idx ON targets (target);
CREATE INDEX targets_upstream_id_idx ON targets (upstream_id);
CREATE INDEX ttls_primary_uuid_value_idx ON ttls (primary_uuid_value);
CREATE INDEX upstreams_fkey_client_certificate ON upstreams (client_certificate_id);

-- Every tagged table: its index of tags and the trigger that copies them into the table of all tags.
DO $$ DECLARE one text[]; BEGIN
  FOREACH one SLICE 1 IN ARRAY ARRAY[
    ['acls', 'acls_sync_tags_trigger', 'acls_tags_idex_tags_idx'],
    ['basicauth_credentials', 'basicauth_sync_tags_trigger', 'basicauth_tags_idex_tags_idx'],
    ['ca_certificates', 'ca_certificates_sync_tags_trigger', NULL],
    ['certificates', 'certificates_sync_tags_trigger', 'certificates_tags_idx'],
    ['consumers', 'consumers_sync_tags_trigger', 'consumers_tags_idx'],
    ['hmacauth_credentials', 'hmacauth_sync_tags_trigger', 'hmacauth_tags_idex_tags_idx'],
    ['jwt_secrets', 'jwtsecrets_sync_tags_trigger', 'jwtsecrets_tags_idex_tags_idx'],
    ['keyauth_credentials', 'keyauth_sync_tags_trigger', 'keyauth_tags_idex_tags_idx'],
    ['oauth2_credentials', 'oauth2_credentials_sync_tags_trigger', 'oauth2_credentials_tags_idex_tags_idx'],
    ['plugins', 'plugins_sync_tags_trigger', 'plugins_tags_idx'], ['routes', 'routes_sync_tags_trigger', 'routes_tags_idx'],
    ['services', 'services_sync_tags_trigger', 'services_tags_idx'], ['snis', 'snis_sync_tags_trigger', 'snis_tags_idx'],
    ['targets', 'targets_sync_tags_trigger', 'targets_tags_idx'],
    ['upstreams', 'upstreams_sync_tags_trigger', 'upstreams_tags_idx'],
    ['vaults_beta', 'vaults_beta_sync_tags_trigger', 'vaults_beta_tags_idx']
  ] LOOP
    IF one[3] IS NOT NULL THEN EXECUTE format('CREATE INDEX %I ON %I USING gin (tags)', one[3], one[1]); END IF;
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OF tags OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION sync_tags()',
      one[2], one[1]);
  END LOOP;
END $$;

INSERT INTO schema_meta (key, subsystem, last_executed, executed, pending) VALUES
  ('schema_meta', 'acl', '004_212_to_213', '{000_base_acl,002_130_to_140,003_200_to_210,004_212_to_213}', '{}'),
  ('schema_meta', 'acme', '000_base_acme', '{000_base_acme}', NULL),
  ('schema_meta', 'basic-auth', '003_200_to_210', '{000_base_basic_auth,002_130_to_140,003_200_to_210}', '{}'),
  ('schema_meta', 'bot-detection', '001_200_to_210', '{001_200_to_210}', '{}'),
  ('schema_meta', 'core', '015_270_to_280', '{000_base,003_100_to_110,004_110_to_120,005_120_to_130,006_130_to_140,007_140_to_150,008_150_to_200,009_200_to_210,010_210_to_211,011_212_to_213,012_213_to_220,013_220_to_230,014_230_to_270,015_270_to_280}', '{}'),
  ('schema_meta', 'hmac-auth', '003_200_to_210', '{000_base_hmac_auth,002_130_to_140,003_200_to_210}', '{}'),
  ('schema_meta', 'ip-restriction', '001_200_to_210', '{001_200_to_210}', '{}'),
  ('schema_meta', 'jwt', '003_200_to_210', '{000_base_jwt,002_130_to_140,003_200_to_210}', '{}'),
  ('schema_meta', 'key-auth', '003_200_to_210', '{000_base_key_auth,002_130_to_140,003_200_to_210}', '{}'),
  ('schema_meta', 'oauth2', '005_210_to_211', '{000_base_oauth2,003_130_to_140,004_200_to_210,005_210_to_211}', '{}'),
  ('schema_meta', 'rate-limiting', '004_200_to_210', '{000_base_rate_limiting,003_10_to_112,004_200_to_210}', NULL),
  ('schema_meta', 'response-ratelimiting', '000_base_response_rate_limiting', '{000_base_response_rate_limiting}', NULL),
  ('schema_meta', 'session', '001_add_ttl_index', '{000_base_session,001_add_ttl_index}', NULL);
INSERT INTO workspaces (id, name) VALUES (gen_random_uuid(), 'default');
INSERT INTO parameters (key, value) VALUES ('cluster_id', gen_random_uuid()::text);
