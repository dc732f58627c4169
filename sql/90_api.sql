/*
 * JSON interface: one document in, one document out.
 *
 * PostgREST's OpenAPI takes a comment's first line as the summary and the rest
 * as the description; so each comment is a line, an empty one, and the details.
 */
CREATE FUNCTION ledger_agents_api.pre_request() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_pre_request';
COMMENT ON FUNCTION ledger_agents_api.pre_request IS
'For PostgREST''s db-pre-request.

Fixes who acts in the transaction: by the header Api-Key (a key or a token), else by the JWT''s claims organization_id and, for one agent, agent_id; else nobody. Claims count only where the role is not the session''s own login: roles of the level api must be NOLOGIN, and whoever can log in and SET ROLE to one is trusted with its claims. Errors: PT401 (status 401) for a refused secret or claims, 42501 when another principal is set.';

CREATE FUNCTION ledger_agents_api.register_agent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.register_agent IS
'Register an agent, idempotently on externalId.

Body: externalId, userId, name (required), description, spendingLimit, spendingLimitFrequency, onLimitExceeded, maxCards, defaultCardLimit, defaultCardLimitFrequency, defaultPolicyId, metadata.

Answer: object, id, externalId, created, userId, name, status, token, tokenId; the token only when newly created. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.create_agent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.create_agent IS
'Create an agent.

Body: customerId, externalId (required), name, status (active or paused), limits {amount, currency, interval}, policy, metadata.

Answer: the same fields with id and createdAt; no token. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.update_agent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.update_agent IS
'Update an agent.

Body: agentId and any of name, description, status, spendingLimit, spendingLimitFrequency, onLimitExceeded, metadata, and of windowMode, currency, maxCards, defaultCardLimit, defaultCardLimitFrequency, defaultPolicyId, defaultRequireApproval, defaultAutoApproveBelow, policy; absent fields stay, null clears.

Answer: the whole agent. Amounts in minor units, times in epoch milliseconds.';

CREATE FUNCTION ledger_agents_api.create_policy(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.create_policy IS
'Create a policy.

Body: name (required) and any rules, beside it.

Answer: object, id, name, the rules, createdAt (ISO 8601). Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.update_policy(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.update_policy IS
'Update a policy.

Body: policyId and any of name and the rules. A given rule replaces the stored one (limits as a whole), null removes it, absent ones stay.

Answer: the policy, as from create_policy.';

CREATE FUNCTION ledger_agents_api.delete_policy(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.delete_policy IS
'Delete a policy that nothing uses.

Body: policyId.

Answer: id, deleted (true).';

/* These two only read. Not RESTRICTED: what undoes an error cannot begin while a parallel plan runs. */
CREATE FUNCTION ledger_agents_api.get_policy(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.get_policy IS
'One policy.

Body: policyId or name.

Answer: the policy, as from create_policy.';

CREATE FUNCTION ledger_agents_api.list_policies(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.list_policies IS
'Policies, newest first.

Body: limit (1 to 100, default 20), after (a nextCursor).

Answer: data, hasMore, nextCursor (where there is more).';

CREATE FUNCTION ledger_agents_api.create_card(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.create_card IS
'Make a card.

Body: agentId (required), purpose, type (single or multi), maxAmount, spendingLimit, spendingLimitFrequency, policyId, policy, metadata; an absent spendingLimit or policyId is the agent''s default, a null is none.

Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.update_card(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.update_card IS
'Update a card.

Body: cardId and any of purpose, maxAmount, spendingLimit, spendingLimitFrequency, policyId, policy, metadata; absent fields stay, null clears.

Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.freeze_card(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.freeze_card IS
'Freeze a card by hand.

Body: cardId.

Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.unfreeze_card(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.unfreeze_card IS
'Make a frozen card active again.

Body: cardId.

Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.close_card(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.close_card IS
'Close a card for good.

Body: cardId.

Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.get_card(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.get_card IS
'Read a card; an agent its own.

Body: cardId.

Answer: the whole card. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.list_cards(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.list_cards IS
'List cards, newest first; an agent its own.

Body: agentId, status, limit (1 to 100, default 20), after (the nextCursor of the page before).

Answer: data, hasMore, nextCursor. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.declare_intent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.declare_intent IS
'Declare an intent, idempotently on (agent, customerIntentId).

Body: agentId or cardId (neither with an agent''s token), customerIntentId, summary, expectedAmount, expectedCurrency, expectedMerchant, expectedMccs, tolerance, tolerancePercent, ttlMinutes (1 to 1440, default 30), metadata.

Answer: the intent, and replayed. Amounts in minor units, times in ISO 8601.';

CREATE FUNCTION ledger_agents_api.approve_intent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.approve_intent IS
'Approve an intent in pending_approval.

Body: intentId.

Answer: the intent. Not for agents.';

CREATE FUNCTION ledger_agents_api.reject_intent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.reject_intent IS
'Reject an intent in pending_approval.

Body: intentId, reason.

Answer: the intent. Not for agents.';

CREATE FUNCTION ledger_agents_api.cancel_intent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.cancel_intent IS
'Cancel an open intent; an agent its own.

Body: intentId.

Answer: the intent.';

CREATE FUNCTION ledger_agents_api.get_intent(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.get_intent IS
'One intent; an agent its own.

Body: intentId, or customerIntentId with agentId (which an agent may leave out).

Answer: the intent.';

CREATE FUNCTION ledger_agents_api.list_intents(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.list_intents IS
'Intents, newest first; an agent its own.

Body: agentId, cardId, status, limit (1 to 100, default 20), after.

Answer: data, hasMore, and where there is more nextCursor, to be given as after.';

CREATE FUNCTION ledger_agents_api.attest(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.attest IS
'Attest what is about to be spent.

Body: agentId or cardId (neither with an agent''s token), summary (required), expectedAmount, expectedMerchant, context.

Answer: object, id, agentId, cardId, the same fields and createdAt. Amounts in minor units.';

/* What these do is what the function of the same name in ledger_agents does. */
CREATE FUNCTION ledger_agents_api.authorize(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.authorize IS
'Decide a spend and hold the money, as ledger_agents.authorize does.

Body: amount (required, minor units), agentId (required, but with an agent''s token), currency, merchant, mcc, country, cardId, intentId, idempotencyKey (or the header Idempotency-Key), holdFor (an ISO 8601 duration, as PT30M), metadata.

Answer: the authorization: object, id, agentId, userId, sequence, decision, status, reason, reasons, failedLimits, maxApprovable, retryAt, remaining, the amounts, what was asked, idempotencyKey, expiresAt, agentLimit, agentLimitFrequency, onLimitExceeded (left out while it is decline), agentSpent, decidedAt, replayed; those without a value are left out, times in ISO 8601. A decline is an answer with status 200, or 402 where the header Prefer has decline=402.';

CREATE FUNCTION ledger_agents_api.evaluate(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.evaluate IS
'What authorize would answer, with nothing written.

Body: as authorize, and asOf (ISO 8601); no key is looked up.

Answer: an authorization without id and sequence, always with status 200.';

CREATE FUNCTION ledger_agents_api.explain_authorization(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.explain_authorization IS
'Every rule in force, and how a request stands against it.

Body: authorizationId, or a request as to evaluate.

Answer: data, a list of rule, value, scope, source, sourceId, reason, actual, passed, and of a stored authorization passedThen.';

CREATE FUNCTION ledger_agents_api.record_spend(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.record_spend IS
'Book spend that has happened elsewhere; it counts, above limits, too.

Body: agentId, amount (required), currency, merchant, mcc, country, cardId, idempotencyKey (or the header), metadata.

Answer: the authorization. Not for agents.';

CREATE FUNCTION ledger_agents_api.increment(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.increment IS
'Ask for more on a hold.

Body: authorizationId, amount (required; what is added), idempotencyKey (or the header).

Answer: the increment, an authorization with incrementOf; a decline as from authorize. Not for agents.';

CREATE FUNCTION ledger_agents_api.capture(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.capture IS
'Take money that is held.

Body: authorizationId (required), amount (absent: all), final (default true), force (default false), idempotencyKey (or the header).

Answer: the authorization. Not for agents.';

CREATE FUNCTION ledger_agents_api.reverse(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.reverse IS
'Give back what is held.

Body: authorizationId (required), amount (absent: all), idempotencyKey (or the header).

Answer: the authorization. Not for agents.';

CREATE FUNCTION ledger_agents_api.refund(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.refund IS
'Give back what was captured.

Body: authorizationId (required), amount (absent: all), idempotencyKey (or the header).

Answer: the authorization. Not for agents.';

CREATE FUNCTION ledger_agents_api.get_authorization(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.get_authorization IS
'One authorization; an agent its own.

Body: authorizationId.

Answer: the authorization.';

CREATE FUNCTION ledger_agents_api.list_authorizations(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.list_authorizations IS
'Authorizations, newest first; an agent its own.

Body: agentId, userId, decision (approved, declined), limit (1 to 100, default 20), after.

Answer: data, hasMore, and where there is more nextCursor, to be given as after.';

CREATE FUNCTION ledger_agents_api.get_agent(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.get_agent IS
'One agent; an agent itself.

Body: agentId or externalId.

Answer: the fields of update_agent, and object, currency, windowMode, defaultCardLimit, defaultCardLimitFrequency, defaultPolicyId, policy, suspendedReason, suspendedBy, suspendedAt, updatedAt. Amounts in minor units, times in epoch milliseconds.';

CREATE FUNCTION ledger_agents_api.list_agents(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.list_agents IS
'Agents, newest first; an agent itself.

Body: userId, status, externalId, limit (1 to 100, default 20), after.

Answer: data, hasMore, nextCursor.';

CREATE FUNCTION ledger_agents_api.deregister_agent(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.deregister_agent IS
'Retire an agent for good.

Body: agentId.

Answer: the agent, as from get_agent. Not for agents.';

CREATE FUNCTION ledger_agents_api.agent_budget(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.agent_budget IS
'What an agent has left of its limit.

Body: agentId (not with an agent''s token).

Answer: object, agentId, spendingLimit, frequency, windowMode, currency, currentSpend, remaining, percentUsed, windowStart, nextReset. Amounts in minor units, times in ISO 8601.';

CREATE FUNCTION ledger_agents_api.create_agent_token(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.create_agent_token IS
'Issue another token for an agent.

Body: agentId (required), name, expiresAt (ISO 8601).

Answer: object, id, agentId, name, prefix, createdAt, expiresAt, lastUsedAt, revokedAt, and token, which is shown this once. Not for agents.';

CREATE FUNCTION ledger_agents_api.list_agent_tokens(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.list_agent_tokens IS
'The tokens of an agent, newest first, without secrets.

Body: agentId, limit (1 to 100, default 20), after.

Answer: data, hasMore, nextCursor. Not for agents.';

CREATE FUNCTION ledger_agents_api.revoke_agent_token(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.revoke_agent_token IS
'End a token.

Body: tokenId.

Answer: the token, without its secret. Not for agents.';

CREATE FUNCTION ledger_agents_api.rotate_agent_token(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.rotate_agent_token IS
'Issue a token in the place of another one.

Body: tokenId (required), grace (an ISO 8601 duration for which the old one still works, default PT0S).

Answer: the new token, with its secret. Not for agents.';

CREATE FUNCTION ledger_agents_api.get_organization(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.get_organization IS
'The caller''s organization.

Body: {}.

Answer: object, id, name, status, livemode, timezone, currency, spendingLimit, spendingLimitFrequency, windowMode, limitApproachingPercent, captureTolerancePercent, transactionEvents, createdAt, updatedAt. Amounts in minor units. Not for agents.';

CREATE FUNCTION ledger_agents_api.update_organization(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.update_organization IS
'Update the caller''s organization.

Body: any of name, status, timezone, currency, spendingLimit, spendingLimitFrequency, windowMode, limitApproachingPercent, captureTolerancePercent, transactionEvents; absent fields stay, null clears.

Answer: the organization. Not for agents.';

CREATE FUNCTION ledger_agents_api.create_organization_key(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.create_organization_key IS
'Issue a key with all rights in the organization.

Body: name, expiresAt (ISO 8601).

Answer: object, id, name, prefix, createdAt, expiresAt, lastUsedAt, revokedAt, and this once key, the secret. Not for agents.';

CREATE FUNCTION ledger_agents_api.list_organization_keys(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.list_organization_keys IS
'Keys of the organization, newest first.

Body: limit (1 to 100, default 20), after.

Answer: data, hasMore, nextCursor; without secrets. Not for agents.';

CREATE FUNCTION ledger_agents_api.revoke_organization_key(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.revoke_organization_key IS
'End a key.

Body: keyId. From then on nothing more is done for it.

Answer: object, id, name, prefix, createdAt, expiresAt, lastUsedAt, revokedAt. Not for agents.';

CREATE FUNCTION ledger_agents_api.rotate_organization_key(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.rotate_organization_key IS
'Issue a key in the place of another.

Body: keyId, grace (an ISO 8601 duration for which the old one works on, default PT0S).

Answer: the new key, with key, the secret. Not for agents.';

CREATE FUNCTION ledger_agents_api.get_customer(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.get_customer IS
'One customer.

Body: customerId.

Answer: object, id, name, status, spendingLimit, spendingLimitFrequency, windowMode, policy, createdAt, updatedAt. Amounts in minor units. Not for agents.';

CREATE FUNCTION ledger_agents_api.update_customer(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.update_customer IS
'Update a customer, or make it.

Body: customerId and any of name, status, spendingLimit, spendingLimitFrequency, windowMode, policy; absent fields stay, null clears.

Answer: the customer. Not for agents.';

CREATE FUNCTION ledger_agents_api.effective_policy(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.effective_policy IS
'Every rule and limit in force; for an agent those that it meets itself.

Body: agentId (required, but with an agent''s token), cardId.

Answer: data, a list of rule, value, scope, source, sourceId.';

CREATE FUNCTION ledger_agents_api.card_policy(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.card_policy IS
'How a card stands against its rules; an agent its own.

Body: cardId.

Answer: object, cardId, status, expiresAt, activeNow, nextActiveAt, maxAmount, spendingLimit, currentSpend, remaining, cumulativeMax, totalSpent, cumulativeRemaining, maxAuthCount, authCount, consumed, coolsDownAt, attestation, attestedAt, merchantLocked, firstMerchant, merchantHint, onDrift. Amounts in minor units.';

CREATE FUNCTION ledger_agents_api.list_attestations(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.list_attestations IS
'Attestations, newest first; an agent its own.

Body: agentId, limit (1 to 100, default 20), after.

Answer: data, hasMore, nextCursor.';

CREATE FUNCTION ledger_agents_api.poll_events(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.poll_events IS
'The next events after what the consumer has acknowledged.

Body: consumer (required), limit (1 to 1000, default 100).

Answer: data, a list of id, type, organizationId, createdAt (epoch milliseconds), data, position. Not for agents.';

CREATE FUNCTION ledger_agents_api.ack_events(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.ack_events IS
'Acknowledge everything up to an event.

Body: consumer, upTo (the id of the event).

Answer: object, name, ackedPosition, polledPosition, acknowledged, waiting, createdAt, ackedAt. Not for agents.';

CREATE FUNCTION ledger_agents_api.list_event_consumers(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.list_event_consumers IS
'All consumers, by name.

Body: {}.

Answer: data. Not for agents.';

CREATE FUNCTION ledger_agents_api.delete_event_consumer(jsonb) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
COMMENT ON FUNCTION ledger_agents_api.delete_event_consumer IS
'Forget a consumer.

Body: consumer.

Answer: the consumer as it was. Not for agents.';
