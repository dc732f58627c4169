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

COMMENT ON FUNCTION ledger_agents_api.list_agent_tokens IS
'The tokens of an agent, newest first, without secrets.

Body: agentId, limit (1 to 100, default 20), after.

Answer: data, hasMore, nextCursor. Not for agents.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.percent_used IS 'Whole percent of the limit, rounded down, at most 2147483647; null without a limit or with a limit of 0.';

COMMENT ON TYPE ledger_agents.access_level IS
'What grant_access gives a role. operator: all functions but grant_access and revoke_access, in every organization. auditor: reads every table, changes nothing. api: acts only as the agent or organization that authenticates.';
COMMENT ON COLUMN ledger_agents.configuration_changes.object_type IS 'organization, organization_key, customer, agent, agent_token, policy, card, intent or event_consumer.';
COMMENT ON COLUMN ledger_agents.rule_detail.passed_then IS 'Of a stored authorization: whether it passed then, false when its reasons name this one. Of a request: null.';
COMMENT ON TYPE ledger_agents.authorization_detail IS
'An authorization as the functions return it. Amounts in minor units of currency.';
COMMENT ON TABLE ledger_agents.authorization_entries IS
'What changed an authorization after the decision. Append-only. Amounts in minor units of the authorization''s currency.';
COMMENT ON COLUMN ledger_agents.agents.currency IS 'Currency of its limits: 3 to 16 of A-Z, 0-9 and _. Cannot be changed once something was approved or recorded in it.';
COMMENT ON FUNCTION ledger_agents.authorize IS
'Decides a spend of amount (minor units, above 0) and, when approved, holds the money in the caller''s transaction. A decline is an answer, not an error. agent_id may be left out with an agent''s token; currency null is the agent''s; hold_for is above 0 and at most 3660 days, null never expires. Give an idempotency_key: the same key with the same request returns the stored row with replayed = true. Errors: 22004 without agent or amount, 22023 for a wrong value or a reused key, 22003 when a sum would overflow, P0002 unknown agent, or a card or intent that is not the agent''s, 42501, 25006 on a standby, 55P03 after ledger_agents.lock_timeout.';
COMMENT ON FUNCTION ledger_agents.evaluate IS
'What authorize would answer, from the statement''s snapshot: nothing is written or locked and no key is looked up, so the answer may be stale. as_of: the instant to decide at, null for now; one before the last decision of the agent, or of its customer or organization where that has a limit, is moved up to it. Works on a standby and in a query over many agents. Errors as authorize.';
COMMENT ON FUNCTION ledger_agents.sweep IS
'Writes down what time alone has ended, in one organization: holds, intents and the lives of cards, at most max_rows (1 to 10000) of them together. No decision depends on it; it moves amounts out of counters, turns cards as onExpiry says, and writes the events transaction.expired, intent.expired and card.expired. May run at any time, also twice at once; in a transaction of its own, which other callers of the same agents wait for. Counters that look for holds which have not expired after all are put right on the way, and count toward max_rows. It leaves out whom it would have to wait for; only when there is nobody else it waits for one, at most ledger_agents.lock_timeout, and in a transaction that has done something before it waits for nobody. Errors: 22023 for max_rows, 22004 for a null, P0002 unknown organization, 55P03.';
COMMENT ON FUNCTION ledger_agents.purge IS
'Forgets what is older than before, which is at least 366 days ago: of each agent its first authorizations with their entries, as far as all are settled and nothing later belongs to them, sealed before they go; intents that are over, attestations, and events that every consumer has acknowledged. At most max_rows (1 to 100 000) of each kind a call; agents that somebody else is deciding for are left for the next. What is forgotten counts on for all time, but its keys are new keys. Recorded in purges. Errors: 22004, 22023 out_of_range, P0002 unknown organization, 42501, 55000 chain_broken when decisions or entries are missing, 55P03 after ledger_agents.lock_timeout.';

/* Each of their statements pins it. */
ALTER FUNCTION ledger_agents.authorize RESET search_path;
ALTER FUNCTION ledger_agents.authorize_or_raise RESET search_path;
ALTER FUNCTION ledger_agents.evaluate RESET search_path;
