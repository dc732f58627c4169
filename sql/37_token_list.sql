/*
 * Tokens of an agent, page by page.
 */
CREATE TYPE ledger_agents.agent_token_summary AS (
	organization_id text,
	id uuid,
	agent_id uuid,
	name text,
	prefix text,
	created_at timestamptz,
	expires_at timestamptz,
	last_used_at timestamptz,
	revoked_at timestamptz,
	cursor text
);
COMMENT ON TYPE ledger_agents.agent_token_summary IS
'A token as list_agent_tokens returns it, without the secret.';
COMMENT ON COLUMN ledger_agents.agent_token_summary.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.agent_token_summary.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.agent_token_summary.agent_id IS 'The agent that it acts as.';
COMMENT ON COLUMN ledger_agents.agent_token_summary.name IS 'Display name, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_summary.prefix IS 'The part that may be shown.';
COMMENT ON COLUMN ledger_agents.agent_token_summary.created_at IS 'When it was issued.';
COMMENT ON COLUMN ledger_agents.agent_token_summary.expires_at IS 'From when on it is refused, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_summary.last_used_at IS 'Last use, to the minute, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_summary.revoked_at IS 'When it was revoked, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_summary.cursor IS 'Opaque: give it to list_agent_tokens(after => ...) for the page behind this row.';

CREATE FUNCTION ledger_agents.list_agent_tokens(
	agent_id uuid,
	max_rows integer DEFAULT 20,
	after text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.agent_token_summary
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_page_of_agent_tokens';
REVOKE ALL ON FUNCTION ledger_agents.list_agent_tokens FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.list_agent_tokens IS
'The agent''s tokens, newest first, without secrets. max_rows: 1 to 100. after: the cursor of the last row of the page before. Errors: 22004 without agent, 22023 for a wrong page, P0002 unknown agent, 42501 for an agent.';
