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
