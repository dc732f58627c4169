/*
 * Which functions belong to which level: granted by grant_access(), looked for by
 * health_check().
 */
CREATE FUNCTION ledger_agents.level_functions(level ledger_agents.access_level) RETURNS SETOF oid
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY INVOKER ROWS 150
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH lists (kind, names) AS (
		VALUES
		/* What a caller may call that is only its token. */
		('token', '{authenticate,authorize,authorize_or_raise,authorize_many,evaluate,get_agent,list_agents,agent_budget,get_card,list_cards,get_authorization,list_authorizations,declare_intent,cancel_intent,get_intent,list_intents,attest,list_attestations,explain_authorization,effective_policy,card_policy,visible_organization,visible_agent,visible_spend,visible_card_spend,engine_time,iso_duration,window_of,normal_merchant,merchant_matches}'::name[]),
		/* What a caller may call that is a key: for api, too, but refused to agents' tokens. */
		('key', '{create_organization_key,list_organization_keys,revoke_organization_key,rotate_organization_key,update_organization,get_organization,update_customer,get_customer,list_customers,register_agent,update_agent,deregister_agent,create_agent_token,list_agent_tokens,revoke_agent_token,rotate_agent_token,create_policy,update_policy,delete_policy,get_policy,list_policies,create_card,update_card,freeze_card,unfreeze_card,close_card,approve_intent,reject_intent,record_spend,increment,capture,reverse,refund,poll_events,ack_events,list_event_consumers,delete_event_consumer,sweep,seal_chain,verify_chain,purge}'),
		/* What only reads, but looks at every organization. */
		('auditor', '{act_as_auditor,check_invariants,read_statistics,verify_chain,chain_item,window_of,normal_merchant,merchant_matches,health_check,installed_objects,shipped_objects,library_version,level_functions}'),
		/* What nobody is granted: the engine calls them. */
		('internal', '{current_spend,current_card_spend,refuse_change,forget_tenants,write_view,grant_access,revoke_access,keep_money}')
	)
	SELECT p.oid
	FROM pg_catalog.pg_proc p
	LEFT JOIN lists i ON p.proname = ANY (i.names)
	WHERE (p.pronamespace = 'ledger_agents_api'::regnamespace AND level IN ('operator', 'api'))
	   OR (p.pronamespace = 'ledger_agents'::regnamespace AND i.kind IS DISTINCT FROM 'internal'
		   AND CASE level WHEN 'operator' THEN true
						  WHEN 'api' THEN i.kind IN ('token', 'key')
						  ELSE i.kind = 'auditor' END)
	GROUP BY p.oid;
END;
REVOKE ALL ON FUNCTION ledger_agents.level_functions FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.level_functions IS
'The functions that a level may call, by oid: what grant_access() grants and health_check() looks for.';

CREATE FUNCTION ledger_agents.revoke_access(role_name name) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM quote_ident(role_name)::regrole;
	EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA ledger_agents, ledger_agents_api FROM %I', role_name);
	EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger_agents, ledger_agents_api FROM %I', role_name);
	EXECUTE format('REVOKE ALL ON SCHEMA ledger_agents, ledger_agents_api FROM %I', role_name);
END
$$;
REVOKE ALL ON FUNCTION ledger_agents.revoke_access FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.revoke_access IS
'Takes from an existing role all that grant_access has given it, whatever levels. What it has by being a member of another role it keeps. Only the extension''s owner can. Errors: 42704 unknown role, 42501.';
