/*
 * JSON interface: one document in, one document out.
 */
CREATE FUNCTION ledger_agents_api.register_agent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_register_agent';
COMMENT ON FUNCTION ledger_agents_api.register_agent IS
'Register an agent, idempotently on externalId. Body: externalId, userId, name (required), description, spendingLimit, spendingLimitFrequency, onLimitExceeded, maxCards, defaultCardLimit, defaultCardLimitFrequency, defaultPolicyId, metadata. Answer: object, id, externalId, created, userId, name, status, token, tokenId; the token only when newly created. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.create_agent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_create_agent';
COMMENT ON FUNCTION ledger_agents_api.create_agent IS
'Create an agent. Body: customerId, externalId (required), name, status (active or paused), limits {amount, currency, interval}, policy, metadata. Answer: the same fields with id and createdAt; no token. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.update_agent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_update_agent';
COMMENT ON FUNCTION ledger_agents_api.update_agent IS
'Update an agent. Body: agentId and any of name, description, status, spendingLimit, spendingLimitFrequency, onLimitExceeded, metadata; absent fields stay, null clears. Answer: the whole agent. Amounts in minor units, times in epoch milliseconds.';

CREATE FUNCTION ledger_agents_api.create_policy(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_create_policy';
COMMENT ON FUNCTION ledger_agents_api.create_policy IS
'Create a policy. Body: name (required) and any rules, beside it. Answer: object, id, name, the rules, createdAt (ISO 8601). Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.update_policy(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_update_policy';
COMMENT ON FUNCTION ledger_agents_api.update_policy IS
'Update a policy. Body: policyId and any of name and the rules. A given rule replaces the stored one (limits as a whole), null removes it, absent ones stay. Answer: the policy, as from create_policy.';

CREATE FUNCTION ledger_agents_api.delete_policy(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_delete_policy';
COMMENT ON FUNCTION ledger_agents_api.delete_policy IS
'Delete a policy that nothing uses. Body: policyId. Answer: id, deleted (true).';

/* These two only read. Not RESTRICTED: what undoes an error cannot begin while a parallel plan runs. */
CREATE FUNCTION ledger_agents_api.get_policy(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_get_policy';
COMMENT ON FUNCTION ledger_agents_api.get_policy IS
'One policy. Body: policyId. Answer: the policy, as from create_policy.';

CREATE FUNCTION ledger_agents_api.list_policies(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_list_policies';
COMMENT ON FUNCTION ledger_agents_api.list_policies IS
'Policies, newest first. Body: limit (1 to 100, default 20), after (a nextCursor). Answer: data, hasMore, nextCursor (where there is more).';

CREATE FUNCTION ledger_agents_api.create_card(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_create_card';
COMMENT ON FUNCTION ledger_agents_api.create_card IS
'Make a card. Body: agentId (required), purpose, type (single or multi), maxAmount, spendingLimit, spendingLimitFrequency, policyId, policy, metadata; an absent spendingLimit or policyId is the agent''s default, a null is none. Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.update_card(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_update_card';
COMMENT ON FUNCTION ledger_agents_api.update_card IS
'Update a card. Body: cardId and any of purpose, maxAmount, spendingLimit, spendingLimitFrequency, policyId, policy, metadata; absent fields stay, null clears. Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.freeze_card(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_freeze_card';
COMMENT ON FUNCTION ledger_agents_api.freeze_card IS
'Freeze a card by hand. Body: cardId. Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.unfreeze_card(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_unfreeze_card';
COMMENT ON FUNCTION ledger_agents_api.unfreeze_card IS
'Make a frozen card active again. Body: cardId. Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.close_card(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_close_card';
COMMENT ON FUNCTION ledger_agents_api.close_card IS
'Close a card for good. Body: cardId. Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.get_card(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_get_card';
COMMENT ON FUNCTION ledger_agents_api.get_card IS
'Read a card. Body: cardId. Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.list_cards(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_list_cards';
COMMENT ON FUNCTION ledger_agents_api.list_cards IS
'List cards, newest first. Body: agentId, status, limit (1 to 100, default 20), after (the nextCursor of the page before). Answer: data, hasMore, nextCursor. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.declare_intent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_declare_intent';
COMMENT ON FUNCTION ledger_agents_api.declare_intent IS
'Declare an intent, idempotently on (agent, customerIntentId). Body: agentId or cardId (neither with an agent''s token), customerIntentId, summary, expectedAmount, expectedCurrency, expectedMerchant, expectedMccs, tolerance, tolerancePercent, ttlMinutes (1 to 1440, default 30), metadata. Answer: the intent, and replayed. Amounts in minor units, times in ISO 8601.';

CREATE FUNCTION ledger_agents_api.approve_intent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_approve_intent';
COMMENT ON FUNCTION ledger_agents_api.approve_intent IS
'Approve an intent in pending_approval. Body: intentId. Answer: the intent. Not for agents.';

CREATE FUNCTION ledger_agents_api.reject_intent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_reject_intent';
COMMENT ON FUNCTION ledger_agents_api.reject_intent IS
'Reject an intent in pending_approval. Body: intentId, reason. Answer: the intent. Not for agents.';

CREATE FUNCTION ledger_agents_api.cancel_intent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_cancel_intent';
COMMENT ON FUNCTION ledger_agents_api.cancel_intent IS
'Cancel an open intent; an agent its own. Body: intentId. Answer: the intent.';

CREATE FUNCTION ledger_agents_api.get_intent(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_get_intent';
COMMENT ON FUNCTION ledger_agents_api.get_intent IS
'One intent. Body: intentId, or customerIntentId with agentId (which an agent may leave out). Answer: the intent.';

CREATE FUNCTION ledger_agents_api.list_intents(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_list_intents';
COMMENT ON FUNCTION ledger_agents_api.list_intents IS
'Intents, newest first. Body: agentId, cardId, status, limit (1 to 100, default 20), after. Answer: data, hasMore, and where there is more nextCursor, to be given as after.';

CREATE FUNCTION ledger_agents_api.attest(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api_attest';
COMMENT ON FUNCTION ledger_agents_api.attest IS
'Attest what is about to be spent. Body: agentId or cardId (neither with an agent''s token), summary (required), expectedAmount, expectedMerchant, context. Answer: object, id, agentId, cardId, the same fields and createdAt. Amounts in minor units.';
