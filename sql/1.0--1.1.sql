/*
 * The end of the update from 1.0: whatever is no new object.
 *
 * Rights are left as they are.  What a script grants or revokes on an object
 * that has granted rights already would be taken for the extension's own, and
 * the next dump would leave these rights out.
 */

/* It spends already. A copy that is updated must be disowned. */
SELECT ledger_agents.adopt('update of the extension')
WHERE EXISTS (SELECT FROM ledger_agents.organizations);

/* Without the organization; it is built anew, and nobody decides meanwhile. */
DROP INDEX ledger_agents.authorizations_agent_key;
CREATE INDEX authorizations_agent_idx
	ON ledger_agents.authorizations (agent_id, id);

COMMENT ON COLUMN ledger_agents.agent_budget_detail.percent_used IS 'Whole percent of the limit, rounded down, at most 2147483647; null without a limit or with a limit of 0.';

COMMENT ON TYPE ledger_agents.access_level IS
'What grant_access gives a role. operator: all functions but grant_access and revoke_access, in every organization. auditor: reads every table, changes nothing. api: acts only as the agent or organization that authenticates.';
COMMENT ON COLUMN ledger_agents.configuration_changes.object_type IS 'organization, organization_key, customer, agent, agent_token, policy, card, intent or event_consumer.';
COMMENT ON COLUMN ledger_agents.rule_detail.passed_then IS 'Of a stored authorization: whether it passed then, false when its reasons name this one. Of a request: null.';
COMMENT ON TYPE ledger_agents.authorization_detail IS
'An authorization as the functions return it. Amounts in minor units of currency.';
COMMENT ON TABLE ledger_agents.authorization_entries IS
'What changed an authorization after the decision. Append-only. Amounts in minor units of the authorization''s currency.';

/* Each of their statements pins it. */
ALTER FUNCTION ledger_agents.authorize RESET search_path;
ALTER FUNCTION ledger_agents.authorize_or_raise RESET search_path;
ALTER FUNCTION ledger_agents.evaluate RESET search_path;
