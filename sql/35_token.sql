/*
 * Agent tokens: secrets that let a caller act as one agent.
 */
CREATE TABLE ledger_agents.agent_tokens (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	agent_id uuid NOT NULL,
	name text,
	prefix text COLLATE "C" NOT NULL,
	secret_hash bytea NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz,
	revoked_at timestamptz,
	CONSTRAINT agent_tokens_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT agent_tokens_name_length CHECK (pg_catalog.char_length(name) BETWEEN 1 AND 255),
	CONSTRAINT agent_tokens_hash_length CHECK (pg_catalog.octet_length(secret_hash) = 32)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.agent_tokens', '');

/* Reader: authenticate(), the one statement that knows no organization yet. Not unique: that would tell tenants of each other. */
CREATE INDEX agent_tokens_prefix_idx ON ledger_agents.agent_tokens (prefix);
/* Reader: list_agent_tokens (37), deregister_agent. */
CREATE INDEX agent_tokens_agent_idx ON ledger_agents.agent_tokens (organization_id, agent_id, id);

COMMENT ON TABLE ledger_agents.agent_tokens IS
'Secrets of agents, hashed. A token may spend as its agent and read what is its agent''s, nothing else.';
COMMENT ON COLUMN ledger_agents.agent_tokens.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.agent_tokens.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.agent_tokens.agent_id IS 'The agent that it acts as.';
COMMENT ON COLUMN ledger_agents.agent_tokens.name IS 'Display name, 1 to 255 characters, or null.';
COMMENT ON COLUMN ledger_agents.agent_tokens.prefix IS 'The part of the token that may be shown; it is not part of the secret''s 256 bits.';
COMMENT ON COLUMN ledger_agents.agent_tokens.secret_hash IS 'SHA-256 of the whole token.';
COMMENT ON COLUMN ledger_agents.agent_tokens.created_at IS 'When it was issued.';
COMMENT ON COLUMN ledger_agents.agent_tokens.expires_at IS 'From when on it is refused, or null.';
COMMENT ON COLUMN ledger_agents.agent_tokens.revoked_at IS 'When it was revoked, or null.';

/*
 * Kept apart from agent_tokens: an open transaction that has noted its use
 * must not hold up the revocation of the token.
 */
CREATE TABLE ledger_agents.agent_token_uses (
	organization_id text COLLATE "C" NOT NULL,
	token_id uuid NOT NULL,
	last_used_at timestamptz,
	CONSTRAINT agent_token_uses_pkey PRIMARY KEY (organization_id, token_id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.agent_token_uses', '');

COMMENT ON TABLE ledger_agents.agent_token_uses IS
'When each token was last used.';
COMMENT ON COLUMN ledger_agents.agent_token_uses.organization_id IS 'The organization of the token.';
COMMENT ON COLUMN ledger_agents.agent_token_uses.token_id IS 'The token.';
COMMENT ON COLUMN ledger_agents.agent_token_uses.last_used_at IS 'Last successful authenticate(), noted at most once a minute; not noted on standbys, in read-only or REPEATABLE READ transactions, nor when another one is just noting it.';

CREATE TYPE ledger_agents.agent_token_detail AS (
	organization_id text,
	id uuid,
	agent_id uuid,
	name text,
	prefix text,
	created_at timestamptz,
	expires_at timestamptz,
	last_used_at timestamptz,
	revoked_at timestamptz,
	token text
);
COMMENT ON TYPE ledger_agents.agent_token_detail IS
'A token as the functions return it; the secret only when it is issued.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.agent_id IS 'The agent that it acts as.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.name IS 'Display name, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.prefix IS 'The part that may be shown.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.created_at IS 'When it was issued.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.expires_at IS 'From when on it is refused, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.last_used_at IS 'Last use, to the minute, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.revoked_at IS 'When it was revoked, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.token IS 'The secret, only from the call that issued it; else null.';

CREATE FUNCTION ledger_agents.authenticate(
	secret text,
	OUT organization_id text,
	OUT agent_id uuid)
RETURNS record
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_authenticate';
COMMENT ON FUNCTION ledger_agents.authenticate IS
'Checks a token or a key; from here to the end of the transaction the caller acts as the token''s agent, or with all rights in the key''s organization and none outside it (agent_id null), whatever rights the role has. A second call in the same transaction may only repeat it; a rollback to before it undoes it. Give the secret as a parameter: a literal shows in logs. Errors: 42501 for a secret that is unknown, expired or revoked, or when another principal is set.';

CREATE FUNCTION ledger_agents.create_agent_token(
	agent_id uuid,
	name text DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.agent_token_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_create_agent_token';
COMMENT ON FUNCTION ledger_agents.create_agent_token IS
'Issues another token for an agent; the secret is in the answer and nowhere else. Errors: P0002 unknown agent, 55000 when it is deregistered, 22023 for a wrong name or an expiry in the past.';

CREATE FUNCTION ledger_agents.revoke_agent_token(
	token_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.agent_token_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_revoke_agent_token';
COMMENT ON FUNCTION ledger_agents.revoke_agent_token IS
'Ends a token: from the commit on nothing more is decided for it. A second call changes nothing. Error: P0002 unknown token.';

CREATE FUNCTION ledger_agents.rotate_agent_token(
	token_id uuid,
	grace interval DEFAULT '0',
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.agent_token_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_rotate_agent_token';
COMMENT ON FUNCTION ledger_agents.rotate_agent_token IS
'Issues a token of the same agent, name and expiry, and lets the old one expire when grace has passed (0: at once). Errors: P0002 unknown token, 55000 when it is revoked or expired, 22023 for a negative grace.';
