/*
 * Organization keys: secrets with which a caller has full rights in one organization.
 */
CREATE TABLE ledger_agents.organization_keys (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	name text,
	prefix text COLLATE "C" NOT NULL,
	secret_hash bytea NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz,
	revoked_at timestamptz,
	CONSTRAINT organization_keys_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT organization_keys_name_length CHECK (pg_catalog.char_length(name) BETWEEN 1 AND 255),
	CONSTRAINT organization_keys_hash_length CHECK (pg_catalog.octet_length(secret_hash) = 32)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.organization_keys', '');

/* Reader: authenticate(), which knows no organization yet. Not unique: that would tell tenants of each other. */
CREATE INDEX organization_keys_prefix_idx ON ledger_agents.organization_keys (prefix);

COMMENT ON TABLE ledger_agents.organization_keys IS
'Secrets of organizations, hashed. Who has a key may do in its organization all that an operator may, and manage its keys.';
COMMENT ON COLUMN ledger_agents.organization_keys.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.organization_keys.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.organization_keys.name IS 'Display name, 1 to 255 characters, or null.';
COMMENT ON COLUMN ledger_agents.organization_keys.prefix IS 'The part of the key that may be shown; it is not part of the secret''s 256 bits.';
COMMENT ON COLUMN ledger_agents.organization_keys.secret_hash IS 'SHA-256 of the whole key.';
COMMENT ON COLUMN ledger_agents.organization_keys.created_at IS 'When it was issued.';
COMMENT ON COLUMN ledger_agents.organization_keys.expires_at IS 'From when on it is refused, or null.';
COMMENT ON COLUMN ledger_agents.organization_keys.revoked_at IS 'When it was revoked, or null.';

/*
 * Kept apart from organization_keys: an open transaction that has noted its use
 * must not hold up the revocation of the key.
 */
CREATE TABLE ledger_agents.organization_key_uses (
	organization_id text COLLATE "C" NOT NULL,
	key_id uuid NOT NULL,
	last_used_at timestamptz,
	CONSTRAINT organization_key_uses_pkey PRIMARY KEY (organization_id, key_id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.organization_key_uses', '');

COMMENT ON TABLE ledger_agents.organization_key_uses IS
'When each key was last used.';
COMMENT ON COLUMN ledger_agents.organization_key_uses.organization_id IS 'The organization of the key.';
COMMENT ON COLUMN ledger_agents.organization_key_uses.key_id IS 'The key.';
COMMENT ON COLUMN ledger_agents.organization_key_uses.last_used_at IS 'Last successful authenticate(), noted at most once a minute; not noted on standbys, in read-only or REPEATABLE READ transactions, nor when another one is just noting it.';

CREATE TYPE ledger_agents.organization_key_detail AS (
	organization_id text,
	id uuid,
	name text,
	prefix text,
	created_at timestamptz,
	expires_at timestamptz,
	last_used_at timestamptz,
	revoked_at timestamptz,
	key text,
	cursor text
);
COMMENT ON TYPE ledger_agents.organization_key_detail IS
'A key as the functions return it; the secret only when it is issued.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.name IS 'Display name, or null.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.prefix IS 'The part that may be shown.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.created_at IS 'When it was issued.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.expires_at IS 'From when on it is refused, or null.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.last_used_at IS 'Last use, to the minute, or null.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.revoked_at IS 'When it was revoked, or null.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.key IS 'The secret, only from the call that issued it; else null.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.cursor IS 'Opaque: give it to list_organization_keys(after => ...) for the page behind this row.';

CREATE FUNCTION ledger_agents.create_organization_key(
	name text DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.organization_key_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_create_organization_key';
COMMENT ON FUNCTION ledger_agents.create_organization_key IS
'Issues a key; the secret is in the answer and nowhere else. Operators, and keys of the same organization, because a key has full rights in it. Errors: P0002 unknown organization, 22023 for a wrong name or an expiry in the past, 42501 for an agent.';

CREATE FUNCTION ledger_agents.list_organization_keys(
	max_rows integer DEFAULT 20,
	after text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.organization_key_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_organization_keys';
COMMENT ON FUNCTION ledger_agents.list_organization_keys IS
'The organization''s keys, newest first, without secrets. max_rows: 1 to 100. after: the cursor of the last row of the page before. Errors: 22023 for a wrong page, 42501 for an agent.';

CREATE FUNCTION ledger_agents.revoke_organization_key(
	key_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.organization_key_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_revoke_organization_key';
COMMENT ON FUNCTION ledger_agents.revoke_organization_key IS
'Ends a key: from the commit on nothing more is decided for it, nor changed by it. A second call changes nothing. Waits for decisions in progress in the organization. Errors: P0002 unknown key, 22004, 42501 for an agent.';

CREATE FUNCTION ledger_agents.rotate_organization_key(
	key_id uuid,
	grace interval DEFAULT '0',
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.organization_key_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_rotate_organization_key';
COMMENT ON FUNCTION ledger_agents.rotate_organization_key IS
'Issues a key of the same name and expiry, and lets the old one expire when grace has passed (0: at once). Errors: P0002 unknown key, 55000 when it is revoked or expired, 22023 for a negative grace, 22004, 42501 for an agent.';
