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
	/* What a caller may call that is only its token. */
	for_api constant name[] := '{authenticate,authorize,authorize_or_raise,authorize_many,evaluate,get_agent,list_agents,agent_budget,get_card,list_cards,get_authorization,list_authorizations,declare_intent,cancel_intent,get_intent,list_intents,attest,list_attestations,explain_authorization,effective_policy,card_policy,visible_organization,visible_agent,visible_spend,visible_card_spend,engine_time,iso_duration,window_of,normal_merchant,merchant_matches}';
	/* What a caller may call that is a key: for api, too, but refused to agents' tokens. */
	for_key constant name[] := '{create_organization_key,list_organization_keys,revoke_organization_key,rotate_organization_key,update_organization,get_organization,update_customer,get_customer,register_agent,update_agent,deregister_agent,create_agent_token,list_agent_tokens,revoke_agent_token,rotate_agent_token,create_policy,update_policy,delete_policy,get_policy,list_policies,create_card,update_card,freeze_card,unfreeze_card,close_card,approve_intent,reject_intent,record_spend,increment,capture,reverse,refund,poll_events,ack_events,list_event_consumers,delete_event_consumer,sweep,seal_chain,verify_chain,purge}';
	/* What only reads, but looks at every organization. */
	for_auditor constant name[] := '{act_as_auditor,check_invariants,read_statistics,verify_chain,chain_item,window_of,normal_merchant,merchant_matches}';
	/* What nobody is granted: the engine calls them. */
	internal constant name[] := '{current_spend,current_card_spend,refuse_change,forget_tenants,write_view,grant_access}';
	granted text;
BEGIN
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
	SELECT string_agg(p.oid::regprocedure::text, ', ') INTO granted
	FROM pg_proc p
	WHERE (p.pronamespace = 'ledger_agents'::regnamespace
		   AND p.proname <> ALL (internal)
		   AND CASE level WHEN 'operator' THEN true
						  WHEN 'api' THEN p.proname = ANY (for_api || for_key)
						  ELSE p.proname = ANY (for_auditor) END)
	   OR (p.pronamespace = 'ledger_agents_api'::regnamespace AND level IN ('operator', 'api'));
	EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', granted, role_name);
END
$$;
COMMENT ON FUNCTION ledger_agents.grant_access IS
'Gives an existing role a level: operator, auditor or api. Only the extension''s owner can. Nobody, not even an operator, reads the hashes of secrets. Errors: 42704 unknown role, 42501.';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger_agents, ledger_agents_api FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ledger_agents, ledger_agents_api FROM PUBLIC;
REVOKE ALL ON SCHEMA ledger_agents, ledger_agents_api FROM PUBLIC;
