/*
 * Who may do what.  Nothing for PUBLIC; levels are granted to roles by
 * grant_access(), which makes none.
 */
CREATE FUNCTION ledger_agents.act_as_operator() RETURNS void
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT;
END;
COMMENT ON FUNCTION ledger_agents.act_as_operator IS
'A marker that does nothing: a role that may execute it is an operator, whoever owns the functions that it calls.';

CREATE FUNCTION ledger_agents.act_as_auditor() RETURNS void
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT;
END;
COMMENT ON FUNCTION ledger_agents.act_as_auditor IS
'A marker that does nothing: a role that may execute it is an auditor, and verifies in any organization.';

CREATE FUNCTION ledger_agents.grant_access(role_name name, level ledger_agents.access_level)
RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	granted text;
BEGIN
	/* GRANT would take "public" for everybody. */
	PERFORM quote_ident(role_name)::regrole;
	EXECUTE format('GRANT USAGE ON SCHEMA ledger_agents TO %I', role_name);
	IF level IN ('operator', 'api') THEN
		EXECUTE format('GRANT USAGE ON SCHEMA ledger_agents_api TO %I', role_name);
		EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA ledger_agents_api TO %I', role_name);
		EXECUTE format('GRANT INSERT ON ledger_agents_api.cards, ledger_agents_api.policies, ledger_agents_api.intents,'
					   ' ledger_agents_api.authorizations TO %I', role_name);
		EXECUTE format('GRANT UPDATE ON ledger_agents_api.agents, ledger_agents_api.cards, ledger_agents_api.policies,'
					   ' ledger_agents_api.intents TO %I', role_name);
		EXECUTE format('GRANT DELETE ON ledger_agents_api.agents, ledger_agents_api.cards, ledger_agents_api.policies,'
					   ' ledger_agents_api.intents, ledger_agents_api.tokens TO %I', role_name);
	END IF;
	IF level IN ('operator', 'auditor') THEN
		EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA ledger_agents TO %I', role_name);
		EXECUTE format('REVOKE SELECT ON ledger_agents.agent_tokens, ledger_agents.organization_keys FROM %I', role_name);
		EXECUTE format('GRANT SELECT (organization_id, id, agent_id, name, prefix, created_at, expires_at, revoked_at)'
					   ' ON ledger_agents.agent_tokens TO %I', role_name);
		EXECUTE format('GRANT SELECT (organization_id, id, name, prefix, created_at, expires_at, revoked_at)'
					   ' ON ledger_agents.organization_keys TO %I', role_name);
	END IF;
	SELECT string_agg(f.function::regprocedure::text, ', ') INTO granted FROM ledger_agents.level_functions(level) AS f (function);
	EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', granted, role_name);
END
$$;
COMMENT ON FUNCTION ledger_agents.grant_access IS
'Gives an existing role a level: operator, auditor or api, beside those that it has. Only the extension''s owner can. Nobody, not even an operator, reads the hashes of secrets. Errors: 42704 unknown role, 42501.';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger_agents, ledger_agents_api FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ledger_agents, ledger_agents_api FROM PUBLIC;
REVOKE ALL ON SCHEMA ledger_agents, ledger_agents_api FROM PUBLIC;
