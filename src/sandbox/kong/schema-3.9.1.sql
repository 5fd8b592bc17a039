-- A database of the shape that Kong 3.9.1 migrates to: tables, columns, types, keys and indexes, in our own words.
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

CREATE FUNCTION batch_delete_expired_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DELETE FROM %1$I WHERE ctid IN (SELECT ctid FROM %1$I WHERE %2$I < now() ORDER BY %2$I LIMIT 2 FOR UPDATE SKIP LOCKED)',
    TG_TABLE_NAME, TG_ARGV[0]);
  RETURN NULL;
END $$;

CREATE TABLE workspaces (
  id uuid PRIMARY KEY, name text UNIQUE, comment text, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), meta jsonb,
  config jsonb, updated_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC')
);
CREATE TABLE acme_storage (id uuid PRIMARY KEY, key text UNIQUE, value text, created_at timestamptz, ttl timestamptz);
CREATE TABLE ca_certificates (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), cert text NOT NULL, tags text[],
  cert_digest text NOT NULL UNIQUE, updated_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC')
);
CREATE TABLE certificates (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), cert text, key text, tags text[],
  ws_id uuid REFERENCES workspaces (id), cert_alt text, key_alt text,
  updated_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), CONSTRAINT certificates_id_ws_id_unique UNIQUE (id, ws_id)
);
CREATE TABLE cluster_events (
  id uuid PRIMARY KEY, node_id uuid NOT NULL, at timestamptz NOT NULL, nbf timestamptz, expire_at timestamptz NOT NULL, channel text,
  data text
);
CREATE TABLE clustering_data_planes (
  id uuid PRIMARY KEY, hostname text NOT NULL, ip text NOT NULL, last_seen timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
  config_hash text NOT NULL, ttl timestamptz, version text, sync_status text DEFAULT 'unknown' NOT NULL,
  updated_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), labels jsonb, cert_details jsonb, rpc_capabilities text[]
);
CREATE TABLE clustering_rpc_requests (
  id bigserial PRIMARY KEY, node_id uuid NOT NULL, reply_to uuid NOT NULL, ttl timestamptz NOT NULL, payload json NOT NULL
);
CREATE TABLE clustering_sync_version (version serial PRIMARY KEY);
CREATE TABLE clustering_sync_delta (
  version integer NOT NULL REFERENCES clustering_sync_version (version) ON DELETE CASCADE, type text NOT NULL, pk json NOT NULL,
  ws_id uuid NOT NULL, entity json
);
CREATE TABLE consumers (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), username text, custom_id text, tags text[],
  ws_id uuid REFERENCES workspaces (id), updated_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
  CONSTRAINT consumers_id_ws_id_unique UNIQUE (id, ws_id), CONSTRAINT consumers_ws_id_custom_id_unique UNIQUE (ws_id, custom_id),
  CONSTRAINT consumers_ws_id_username_unique UNIQUE (ws_id, username)
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
CREATE TABLE key_sets (
  id uuid PRIMARY KEY, name text UNIQUE, tags text[], ws_id uuid REFERENCES workspaces (id), created_at timestamptz, updated_at timestamptz
);
CREATE TABLE keyauth_credentials (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), consumer_id uuid, key text, tags text[],
  ttl timestamptz, ws_id uuid REFERENCES workspaces (id), CONSTRAINT keyauth_credentials_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT keyauth_credentials_ws_id_key_unique UNIQUE (ws_id, key),
  CONSTRAINT keyauth_credentials_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE keys (
  id uuid PRIMARY KEY, set_id uuid REFERENCES key_sets (id) ON DELETE CASCADE, name text UNIQUE, cache_key text UNIQUE,
  ws_id uuid REFERENCES workspaces (id), kid text, jwk text, pem jsonb, tags text[], created_at timestamptz, updated_at timestamptz,
  CONSTRAINT keys_kid_set_id_key UNIQUE (kid, set_id)
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
  ws_id uuid REFERENCES workspaces (id), request_buffering boolean, response_buffering boolean, expression text, priority bigint,
  CONSTRAINT routes_id_ws_id_unique UNIQUE (id, ws_id), CONSTRAINT routes_ws_id_name_unique UNIQUE (ws_id, name),
  CONSTRAINT routes_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id)
);
CREATE TABLE filter_chains (
  id uuid PRIMARY KEY, name text UNIQUE, enabled boolean DEFAULT true, route_id uuid REFERENCES routes (id) ON DELETE CASCADE,
  service_id uuid REFERENCES services (id) ON DELETE CASCADE, ws_id uuid REFERENCES workspaces (id) ON DELETE CASCADE,
  cache_key text UNIQUE, filters jsonb[], tags text[], created_at timestamptz, updated_at timestamptz
);
CREATE TABLE plugins (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), name text NOT NULL, consumer_id uuid,
  service_id uuid, route_id uuid, config jsonb NOT NULL, enabled boolean NOT NULL, cache_key text UNIQUE, protocols text[], tags text[],
  ws_id uuid REFERENCES workspaces (id), instance_name text, updated_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
  CONSTRAINT plugins_id_ws_id_unique UNIQUE (id, ws_id), CONSTRAINT plugins_ws_id_instance_name_unique UNIQUE (ws_id, instance_name),
  CONSTRAINT plugins_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE,
  CONSTRAINT plugins_route_id_fkey FOREIGN KEY (route_id, ws_id) REFERENCES routes (id, ws_id) ON DELETE CASCADE,
  CONSTRAINT plugins_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE oauth2_authorization_codes (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), credential_id uuid, service_id uuid,
  code text, authenticated_userid text, scope text, ttl timestamptz, challenge text, challenge_method text,
  ws_id uuid REFERENCES workspaces (id), plugin_id uuid REFERENCES plugins (id) ON DELETE CASCADE,
  CONSTRAINT oauth2_authorization_codes_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT oauth2_authorization_codes_ws_id_code_unique UNIQUE (ws_id, code),
  CONSTRAINT oauth2_authorization_codes_credential_id_fkey FOREIGN KEY (credential_id, ws_id) REFERENCES oauth2_credentials (id, ws_id) ON DELETE CASCADE,
  CONSTRAINT oauth2_authorization_codes_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id) ON DELETE CASCADE
);
CREATE TABLE sessions (
  id uuid PRIMARY KEY, session_id text UNIQUE, expires integer, data text, created_at timestamptz, ttl timestamptz
);
CREATE TABLE sm_vaults (
  id uuid PRIMARY KEY, ws_id uuid REFERENCES workspaces (id), prefix text UNIQUE, name text NOT NULL, description text,
  config jsonb NOT NULL, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), updated_at timestamptz, tags text[],
  CONSTRAINT sm_vaults_id_ws_id_key UNIQUE (id, ws_id), CONSTRAINT sm_vaults_prefix_ws_id_key UNIQUE (prefix, ws_id)
);
CREATE TABLE snis (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), name text NOT NULL UNIQUE,
  certificate_id uuid, tags text[], ws_id uuid REFERENCES workspaces (id),
  updated_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), CONSTRAINT snis_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT snis_certificate_id_fkey FOREIGN KEY (certificate_id, ws_id) REFERENCES certificates (id, ws_id)
);
CREATE TABLE tags (entity_id uuid PRIMARY KEY, entity_name text, tags text[]);
CREATE TABLE upstreams (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(3) AT TIME ZONE 'UTC'), name text, hash_on text,
  hash_fallback text, hash_on_header text, hash_fallback_header text, hash_on_cookie text, hash_on_cookie_path text, slots integer NOT NULL,
  healthchecks jsonb, tags text[], algorithm text, host_header text, client_certificate_id uuid REFERENCES certificates (id),
  ws_id uuid REFERENCES workspaces (id), hash_on_query_arg text, hash_fallback_query_arg text, hash_on_uri_capture text,
  hash_fallback_uri_capture text, use_srv_name boolean DEFAULT false,
  updated_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'), CONSTRAINT upstreams_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT upstreams_ws_id_name_unique UNIQUE (ws_id, name)
);
CREATE TABLE targets (
  id uuid PRIMARY KEY, created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(3) AT TIME ZONE 'UTC'), upstream_id uuid, target text NOT NULL,
  weight integer NOT NULL, tags text[], ws_id uuid REFERENCES workspaces (id), cache_key text UNIQUE,
  updated_at timestamptz DEFAULT (CURRENT_TIMESTAMP(3) AT TIME ZONE 'UTC'), CONSTRAINT targets_id_ws_id_unique UNIQUE (id, ws_id),
  CONSTRAINT targets_upstream_id_fkey FOREIGN KEY (upstream_id, ws_id) REFERENCES upstreams (id, ws_id) ON DELETE CASCADE
);

CREATE INDEX acls_consumer_id_idx ON acls (consumer_id); CREATE INDEX acls_group_idx ON acls ("group");
CREATE INDEX acme_storage_ttl_idx ON acme_storage (ttl);
CREATE INDEX basicauth_consumer_id_idx ON basicauth_credentials (consumer_id);
CREATE INDEX cluster_events_at_idx ON cluster_events (at);
CREATE INDEX cluster_events_channel_idx ON cluster_events (channel);
CREATE INDEX cluster_events_expire_at_idx ON cluster_events (expire_at);
CREATE INDEX clustering_data_planes_ttl_idx ON clustering_data_planes (ttl);
CREATE INDEX clustering_rpc_requests_node_id_idx ON clustering_rpc_requests (node_id);
CREATE INDEX clustering_sync_delta_version_idx ON clustering_sync_delta (version);
CREATE INDEX consumers_username_idx ON consumers (lower(username));
CREATE UNIQUE INDEX filter_chains_cache_key_idx ON filter_chains (cache_key);
CREATE UNIQUE INDEX filter_chains_name_idx ON filter_chains (name);
CREATE INDEX hmacauth_credentials_consumer_id_idx ON hmacauth_credentials (consumer_id);
CREATE INDEX jwt_secrets_consumer_id_idx ON jwt_secrets (consumer_id);
CREATE INDEX jwt_secrets_secret_idx ON jwt_secrets (secret);
CREATE INDEX keyauth_credentials_consumer_id_idx ON keyauth_credentials (consumer_id);
CREATE INDEX keyauth_credentials_ttl_idx ON keyauth_credentials (ttl); CREATE INDEX keys_fkey_key_sets ON keys (set_id);
CREATE INDEX locks_ttl_idx ON locks (ttl);
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
CREATE INDEX upstreams_fkey_client_certificate ON upstreams (client_certificate_id);

-- Every tagged table: its index of tags and the trigger that copies them into the table of all tags.
DO $$ DECLARE one text[]; BEGIN
  FOREACH one SLICE 1 IN ARRAY ARRAY[
    ['acls', 'acls_sync_tags_trigger', 'acls_tags_idex_tags_idx'],
    ['basicauth_credentials', 'basicauth_sync_tags_trigger', 'basicauth_tags_idex_tags_idx'],
    ['ca_certificates', 'ca_certificates_sync_tags_trigger', NULL],
    ['certificates', 'certificates_sync_tags_trigger', 'certificates_tags_idx'],
    ['consumers', 'consumers_sync_tags_trigger', 'consumers_tags_idx'],
    ['filter_chains', 'filter_chains_sync_tags_trigger', 'filter_chains_tags_idx'],
    ['hmacauth_credentials', 'hmacauth_sync_tags_trigger', 'hmacauth_tags_idex_tags_idx'],
    ['jwt_secrets', 'jwtsecrets_sync_tags_trigger', 'jwtsecrets_tags_idex_tags_idx'],
    ['key_sets', 'key_sets_sync_tags_trigger', 'key_sets_tags_idx'],
    ['keyauth_credentials', 'keyauth_sync_tags_trigger', 'keyauth_tags_idex_tags_idx'],
    ['keys', 'keys_sync_tags_trigger', 'keys_tags_idx'],
    ['oauth2_credentials', 'oauth2_credentials_sync_tags_trigger', 'oauth2_credentials_tags_idex_tags_idx'],
    ['plugins', 'plugins_sync_tags_trigger', 'plugins_tags_idx'], ['routes', 'routes_sync_tags_trigger', 'routes_tags_idx'],
    ['services', 'services_sync_tags_trigger', 'services_tags_idx'],
    ['sm_vaults', 'sm_vaults_sync_tags_trigger', 'sm_vaults_tags_idx'], ['snis', 'snis_sync_tags_trigger', 'snis_tags_idx'],
    ['targets', 'targets_sync_tags_trigger', 'targets_tags_idx'],
    ['upstreams', 'upstreams_sync_tags_trigger', 'upstreams_tags_idx']
  ] LOOP
    IF one[3] IS NOT NULL THEN EXECUTE format('CREATE INDEX %I ON %I USING gin (tags)', one[3], one[1]); END IF;
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OF tags OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION sync_tags()',
      one[2], one[1]);
  END LOOP;
END $$;
DO $$ DECLARE one text[]; BEGIN
  FOREACH one SLICE 1 IN ARRAY ARRAY[
    ['acme_storage', 'ttl'], ['cluster_events', 'expire_at'], ['clustering_data_planes', 'ttl'],
    ['keyauth_credentials', 'ttl'], ['oauth2_authorization_codes', 'ttl'], ['oauth2_tokens', 'ttl'],
    ['ratelimiting_metrics', 'ttl'], ['sessions', 'ttl']
  ] LOOP
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %I FOR EACH STATEMENT EXECUTE FUNCTION batch_delete_expired_rows(%L)',
      one[1] || '_ttl_trigger', one[1], one[2]);
  END LOOP;
END $$;

INSERT INTO schema_meta (key, subsystem, last_executed, executed, pending) VALUES
  ('schema_meta', 'acl', '004_212_to_213', '{000_base_acl,002_130_to_140,003_200_to_210,004_212_to_213}', '{}'),
  ('schema_meta', 'acme', '003_350_to_360', '{000_base_acme,001_280_to_300,002_320_to_330,003_350_to_360}', '{}'),
  ('schema_meta', 'ai-proxy', '001_360_to_370', '{001_360_to_370}', '{}'),
  ('schema_meta', 'basic-auth', '003_200_to_210', '{000_base_basic_auth,002_130_to_140,003_200_to_210}', '{}'),
  ('schema_meta', 'bot-detection', '001_200_to_210', '{001_200_to_210}', '{}'),
  ('schema_meta', 'core', '024_380_to_390', '{000_base,003_100_to_110,004_110_to_120,005_120_to_130,006_130_to_140,007_140_to_150,008_150_to_200,009_200_to_210,010_210_to_211,011_212_to_213,012_213_to_220,013_220_to_230,014_230_to_270,015_270_to_280,016_280_to_300,017_300_to_310,018_310_to_320,019_320_to_330,020_330_to_340,021_340_to_350,022_350_to_360,023_360_to_370,024_380_to_390}', '{}'),
  ('schema_meta', 'hmac-auth', '003_200_to_210', '{000_base_hmac_auth,002_130_to_140,003_200_to_210}', '{}'),
  ('schema_meta', 'http-log', '001_280_to_300', '{001_280_to_300}', '{}'),
  ('schema_meta', 'ip-restriction', '001_200_to_210', '{001_200_to_210}', '{}'),
  ('schema_meta', 'jwt', '003_200_to_210', '{000_base_jwt,002_130_to_140,003_200_to_210}', '{}'),
  ('schema_meta', 'key-auth', '004_320_to_330', '{000_base_key_auth,002_130_to_140,003_200_to_210,004_320_to_330}', '{}'),
  ('schema_meta', 'oauth2', '007_320_to_330', '{000_base_oauth2,003_130_to_140,004_200_to_210,005_210_to_211,006_320_to_330,007_320_to_330}', '{}'),
  ('schema_meta', 'opentelemetry', '001_331_to_332', '{001_331_to_332}', '{}'),
  ('schema_meta', 'post-function', '001_280_to_300', '{001_280_to_300}', '{}'),
  ('schema_meta', 'pre-function', '001_280_to_300', '{001_280_to_300}', '{}'),
  ('schema_meta', 'rate-limiting', '006_350_to_360', '{000_base_rate_limiting,003_10_to_112,004_200_to_210,005_320_to_330,006_350_to_360}', '{}'),
  ('schema_meta', 'response-ratelimiting', '001_350_to_360', '{000_base_response_rate_limiting,001_350_to_360}', '{}'),
  ('schema_meta', 'session', '002_320_to_330', '{000_base_session,001_add_ttl_index,002_320_to_330}', NULL);
INSERT INTO workspaces (id, name) VALUES (gen_random_uuid(), 'default');
INSERT INTO parameters (key, value) VALUES ('cluster_id', gen_random_uuid()::text);
