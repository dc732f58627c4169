/*
 * Views of the JSON interface, for PostgREST: rows to filter, order and page.
 *
 * Each shows what the principal of the transaction may see; to nobody it shows an
 * error.  The condition that has no column stands first and decides before a row
 * is read.  Functions in a view run with the rights of whoever reads it: those
 * that look at rows are for everybody with the level api, and look for themselves
 * who it is.
 *
 * Rows stand in the order of id, newest first.  A security barrier keeps the
 * planner from knowing the order that the reader asks for: only the one that the
 * view itself has can come from an index, so that a page reads a page.  What an
 * agent sees is an arm of its own, with an index of its own: as an OR beside the
 * organization it would read all of that.  And of a union no row can be locked:
 * SELECT FOR UPDATE on it holds up nobody.
 */
CREATE FUNCTION ledger_agents.visible_organization(to_agents boolean) RETURNS text
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_visible_organization';
COMMENT ON FUNCTION ledger_agents.visible_organization IS
'The organization whose rows the views of ledger_agents_api show to the caller. Errors: 42501 for who has not authenticated, PT403 for an agent where to_agents is false.';

CREATE FUNCTION ledger_agents.visible_agent() RETURNS uuid
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_visible_agent';
COMMENT ON FUNCTION ledger_agents.visible_agent IS
'The one agent whose rows those views show to the caller; null: those of all. Error: 42501 for who has not authenticated.';

CREATE FUNCTION ledger_agents.visible_spend(agent_id uuid) RETURNS bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT ledger_agents.current_spend(a.organization_id, a.id) FROM ledger_agents.agents a
	WHERE (SELECT ledger_agents.visible_organization(true)) IS NOT NULL
	  AND a.organization_id = (SELECT ledger_agents.visible_organization(true))
	  AND a.id = visible_spend.agent_id
	  AND ((SELECT ledger_agents.visible_agent()) IS NULL OR a.id = (SELECT ledger_agents.visible_agent()));
END;
COMMENT ON FUNCTION ledger_agents.visible_spend IS
'What an agent has spent in the current window of its limit, in minor units; null where the caller may not see the agent. Error: 42501 for who has not authenticated.';

CREATE FUNCTION ledger_agents.visible_card_spend(card_id uuid) RETURNS bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT ledger_agents.current_card_spend(c.organization_id, c.id) FROM ledger_agents.cards c
	WHERE (SELECT ledger_agents.visible_organization(true)) IS NOT NULL
	  AND c.organization_id = (SELECT ledger_agents.visible_organization(true))
	  AND c.id = visible_card_spend.card_id
	  AND ((SELECT ledger_agents.visible_agent()) IS NULL OR c.agent_id = (SELECT ledger_agents.visible_agent()));
END;
COMMENT ON FUNCTION ledger_agents.visible_card_spend IS
'What was spent with a card in the current window of its limit, in minor units; null where the caller may not see the card. Error: 42501 for who has not authenticated.';

CREATE FUNCTION ledger_agents.engine_time() RETURNS timestamptz
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_engine_time';
COMMENT ON FUNCTION ledger_agents.engine_time IS
'The instant at which a decision would be made now: the wall clock, or what a superuser has set for a test.';

CREATE FUNCTION ledger_agents.iso_duration(duration interval) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_iso_duration';
COMMENT ON FUNCTION ledger_agents.iso_duration IS
'A duration as ISO 8601 writes it, as PT30M or P7D.';

CREATE FUNCTION ledger_agents.write_view() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_write_view';
COMMENT ON FUNCTION ledger_agents.write_view IS
'What POST, PATCH and DELETE on the views of ledger_agents_api do: they call its functions. Errors bear the SQLSTATE PTnnn, where nnn is the HTTP status.';

CREATE VIEW ledger_agents_api.agents WITH (security_barrier) AS
SELECT
	a.id,
	a.customer_id AS "userId",
	a.name,
	a.status,
	pg_catalog.floor(extract(epoch FROM a.created_at) * 1000)::bigint AS "createdAt",
	a.external_id AS "externalId",
	a.description,
	pg_catalog.floor(extract(epoch FROM a.deregistered_at) * 1000)::bigint AS "deregisteredAt",
	a.spending_limit AS "spendingLimit",
	a.spending_limit_frequency AS "spendingLimitFrequency",
	ledger_agents.visible_spend(a.id) AS "currentSpend",
	nullif(a.on_limit_exceeded, 'decline'::ledger_agents.limit_exceeded_action) AS "onLimitExceeded",
	a.max_cards AS "maxCards",
	(SELECT pg_catalog.count(*)::integer FROM ledger_agents.cards c
		WHERE c.organization_id = a.organization_id AND c.agent_id = a.id AND c.status <> 'closed') AS "cardCount",
	a.metadata,
	(a.policy -> 'requireApproval')::boolean AS "defaultRequireApproval",
	(a.policy -> 'autoApproveBelow')::bigint AS "defaultAutoApproveBelow",
	a.currency,
	a.window_mode AS "windowMode",
	a.default_card_limit AS "defaultCardLimit",
	a.default_card_limit_frequency AS "defaultCardLimitFrequency",
	a.default_policy_id AS "defaultPolicyId",
	a.policy,
	a.suspended_reason AS "suspendedReason",
	a.suspended_by AS "suspendedBy",
	pg_catalog.floor(extract(epoch FROM a.suspended_at) * 1000)::bigint AS "suspendedAt",
	pg_catalog.floor(extract(epoch FROM a.updated_at) * 1000)::bigint AS "updatedAt"
FROM (
	(SELECT a.* FROM ledger_agents.agents a
	WHERE (SELECT ledger_agents.visible_agent()) IS NULL
	  AND a.organization_id = (SELECT ledger_agents.visible_organization(true))
	ORDER BY a.id DESC)
	UNION ALL
	(SELECT a.* FROM ledger_agents.agents a
	WHERE (SELECT ledger_agents.visible_agent()) IS NOT NULL
	  AND a.organization_id = (SELECT ledger_agents.visible_organization(true))
	  AND a.id = (SELECT ledger_agents.visible_agent())
	ORDER BY a.id DESC)
) AS a
ORDER BY a.id DESC;

CREATE TRIGGER agents_write INSTEAD OF INSERT OR UPDATE OR DELETE ON ledger_agents_api.agents
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.write_view();

COMMENT ON VIEW ledger_agents_api.agents IS
'Agents that the caller may see.

With a key those of its organization, with an agent''s token itself. PATCH changes what update_agent changes, DELETE deregisters. Amounts in minor units, times in epoch milliseconds.';
COMMENT ON COLUMN ledger_agents_api.agents.id IS 'Version 7 uuid; by it rows are in the order of their registration.';
COMMENT ON COLUMN ledger_agents_api.agents."userId" IS 'Who funds it.';
COMMENT ON COLUMN ledger_agents_api.agents.name IS '1 to 255 characters.';
COMMENT ON COLUMN ledger_agents_api.agents.status IS 'active, suspended or deregistered. May be set to active or suspended.';
COMMENT ON COLUMN ledger_agents_api.agents."createdAt" IS 'When it was registered, epoch milliseconds.';
COMMENT ON COLUMN ledger_agents_api.agents."externalId" IS 'The application''s own id.';
COMMENT ON COLUMN ledger_agents_api.agents.description IS 'Up to 10 000 characters.';
COMMENT ON COLUMN ledger_agents_api.agents."deregisteredAt" IS 'When it was deregistered, epoch milliseconds.';
COMMENT ON COLUMN ledger_agents_api.agents."spendingLimit" IS 'Most per window, in minor units; 0 = nothing; null = no limit.';
COMMENT ON COLUMN ledger_agents_api.agents."spendingLimitFrequency" IS 'Window of the limit.';
COMMENT ON COLUMN ledger_agents_api.agents."currentSpend" IS 'Spent in the current window of its limit, in minor units.';
COMMENT ON COLUMN ledger_agents_api.agents."onLimitExceeded" IS 'suspend, notify or none; null: decline.';
COMMENT ON COLUMN ledger_agents_api.agents."maxCards" IS 'Most cards that are not closed; null = any number.';
COMMENT ON COLUMN ledger_agents_api.agents."cardCount" IS 'Cards that are not closed.';
COMMENT ON COLUMN ledger_agents_api.agents.metadata IS 'The application''s own object.';
COMMENT ON COLUMN ledger_agents_api.agents."defaultRequireApproval" IS 'requireApproval of its own rules.';
COMMENT ON COLUMN ledger_agents_api.agents."defaultAutoApproveBelow" IS 'autoApproveBelow of its own rules, in minor units.';
COMMENT ON COLUMN ledger_agents_api.agents.currency IS 'Currency of its limits.';
COMMENT ON COLUMN ledger_agents_api.agents."windowMode" IS 'calendar or rolling; null: the default of the frequency.';
COMMENT ON COLUMN ledger_agents_api.agents."defaultCardLimit" IS 'Limit of new cards that name none, in minor units.';
COMMENT ON COLUMN ledger_agents_api.agents."defaultCardLimitFrequency" IS 'Window of that limit.';
COMMENT ON COLUMN ledger_agents_api.agents."defaultPolicyId" IS 'Template given to new cards.';
COMMENT ON COLUMN ledger_agents_api.agents.policy IS 'Its own rules.';
COMMENT ON COLUMN ledger_agents_api.agents."suspendedReason" IS 'Why it is suspended.';
COMMENT ON COLUMN ledger_agents_api.agents."suspendedBy" IS 'Who suspended it.';
COMMENT ON COLUMN ledger_agents_api.agents."suspendedAt" IS 'Since when it is suspended, epoch milliseconds.';
COMMENT ON COLUMN ledger_agents_api.agents."updatedAt" IS 'When a field last changed, epoch milliseconds.';

CREATE VIEW ledger_agents_api.cards WITH (security_barrier) AS
SELECT
	c.id,
	c.agent_id AS "agentId",
	c.purpose,
	c.type,
	c.status,
	c.status_reason AS "statusReason",
	c.max_amount AS "maxAmount",
	c.spending_limit AS "spendingLimit",
	c.spending_limit_frequency AS "spendingLimitFrequency",
	c.policy_id AS "policyId",
	c.policy,
	ledger_agents.visible_card_spend(c.id) AS "currentSpend",
	c.metadata,
	pg_catalog.floor(extract(epoch FROM c.created_at) * 1000)::bigint AS "createdAt"
FROM (
	(SELECT c.* FROM ledger_agents.cards c
	WHERE (SELECT ledger_agents.visible_agent()) IS NULL
	  AND c.organization_id = (SELECT ledger_agents.visible_organization(true))
	ORDER BY c.id DESC)
	UNION ALL
	(SELECT c.* FROM ledger_agents.cards c
	WHERE (SELECT ledger_agents.visible_agent()) IS NOT NULL
	  AND c.organization_id = (SELECT ledger_agents.visible_organization(true))
	  AND c.agent_id = (SELECT ledger_agents.visible_agent())
	ORDER BY c.id DESC)
) AS c
ORDER BY c.id DESC;

CREATE TRIGGER cards_write INSTEAD OF INSERT OR UPDATE OR DELETE ON ledger_agents_api.cards
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.write_view();

COMMENT ON VIEW ledger_agents_api.cards IS
'Cards that the caller may see.

POST takes what create_card takes, but a null is as if it were absent: the agent''s default. PATCH changes what update_card changes; status frozen, active and closed freezes, unfreezes and closes, as DELETE does. Amounts in minor units, times in epoch milliseconds.';
COMMENT ON COLUMN ledger_agents_api.cards.id IS 'Version 7 uuid; by it rows are in the order of their making.';
COMMENT ON COLUMN ledger_agents_api.cards."agentId" IS 'The agent that may spend with it.';
COMMENT ON COLUMN ledger_agents_api.cards.purpose IS 'What it is for, up to 255 characters.';
COMMENT ON COLUMN ledger_agents_api.cards.type IS 'single (closed at its final capture) or multi.';
COMMENT ON COLUMN ledger_agents_api.cards.status IS 'active, frozen or closed.';
COMMENT ON COLUMN ledger_agents_api.cards."statusReason" IS 'Why it is frozen or closed.';
COMMENT ON COLUMN ledger_agents_api.cards."maxAmount" IS 'Largest amount of one authorization, in minor units; null = none.';
COMMENT ON COLUMN ledger_agents_api.cards."spendingLimit" IS 'Most per window, in minor units; 0 = nothing; null = no limit.';
COMMENT ON COLUMN ledger_agents_api.cards."spendingLimitFrequency" IS 'Window of the limit.';
COMMENT ON COLUMN ledger_agents_api.cards."policyId" IS 'Template of its rules.';
COMMENT ON COLUMN ledger_agents_api.cards.policy IS 'Its own rules.';
COMMENT ON COLUMN ledger_agents_api.cards."currentSpend" IS 'Spent in the current window of its limit, in minor units.';
COMMENT ON COLUMN ledger_agents_api.cards.metadata IS 'The application''s own object.';
COMMENT ON COLUMN ledger_agents_api.cards."createdAt" IS 'When it was made, epoch milliseconds.';

CREATE VIEW ledger_agents_api.policies WITH (security_barrier) AS
SELECT
	p.id,
	p.name,
	(p.rules -> 'requireIntent')::boolean AS "requireIntent",
	(p.rules -> 'requireAttestation')::boolean AS "requireAttestation",
	(p.rules -> 'attestationWindowMinutes')::integer AS "attestationWindowMinutes",
	(p.rules -> 'requireApproval')::boolean AS "requireApproval",
	(p.rules -> 'autoApproveBelow')::bigint AS "autoApproveBelow",
	(p.rules -> 'requireCard')::boolean AS "requireCard",
	(p.rules -> 'cooldownMinutes')::integer AS "cooldownMinutes",
	(p.rules -> 'ttlMinutes')::integer AS "ttlMinutes",
	(p.rules -> 'ttlDays')::integer AS "ttlDays",
	p.rules ->> 'onExpiry' AS "onExpiry",
	p.rules -> 'limits' AS limits,
	(p.rules -> 'cumulativeMax')::bigint AS "cumulativeMax",
	(p.rules -> 'maxAuthCount')::bigint AS "maxAuthCount",
	p.rules -> 'allowedMccs' AS "allowedMccs",
	p.rules -> 'blockedMccs' AS "blockedMccs",
	p.rules -> 'allowedMerchants' AS "allowedMerchants",
	p.rules -> 'blockedMerchants' AS "blockedMerchants",
	p.rules -> 'allowedCountries' AS "allowedCountries",
	p.rules -> 'blockedCountries' AS "blockedCountries",
	(p.rules -> 'lockToFirstMerchant')::boolean AS "lockToFirstMerchant",
	p.rules ->> 'merchantHint' AS "merchantHint",
	p.rules ->> 'onDrift' AS "onDrift",
	(p.rules -> 'intentTolerance')::numeric AS "intentTolerance",
	p.rules ->> 'onIntentMismatch' AS "onIntentMismatch",
	(p.rules -> 'activeHoursStart')::integer AS "activeHoursStart",
	(p.rules -> 'activeHoursEnd')::integer AS "activeHoursEnd",
	p.rules ->> 'activeTimezone' AS "activeTimezone",
	p.rules -> 'activeDays' AS "activeDays",
	p.created_at AS "createdAt"
FROM ledger_agents.policies p
WHERE (SELECT ledger_agents.visible_organization(false)) IS NOT NULL
  AND p.organization_id = (SELECT ledger_agents.visible_organization(false))
ORDER BY p.id DESC;

CREATE TRIGGER policies_write INSTEAD OF INSERT OR UPDATE OR DELETE ON ledger_agents_api.policies
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.write_view();

COMMENT ON VIEW ledger_agents_api.policies IS
'Reusable templates of rules.

Not for agents. POST makes one, PATCH changes the given rules (null removes one, limits are replaced as a whole), DELETE removes one that nothing uses. A rule that is null is not set.';
COMMENT ON COLUMN ledger_agents_api.policies.id IS 'Version 7 uuid; by it rows are in the order of their making.';
COMMENT ON COLUMN ledger_agents_api.policies.name IS '1 to 255 characters, unique in the organization.';
COMMENT ON COLUMN ledger_agents_api.policies."requireIntent" IS 'An intent that matches must have been declared.';
COMMENT ON COLUMN ledger_agents_api.policies."requireAttestation" IS 'An attestation must be there, and fresh.';
COMMENT ON COLUMN ledger_agents_api.policies."attestationWindowMinutes" IS 'How long an attestation is fresh: 1 to 60 minutes.';
COMMENT ON COLUMN ledger_agents_api.policies."requireApproval" IS 'A human must have approved the intent.';
COMMENT ON COLUMN ledger_agents_api.policies."autoApproveBelow" IS 'Smaller amounts need no approval; minor units.';
COMMENT ON COLUMN ledger_agents_api.policies."requireCard" IS 'Whether a card must be named.';
COMMENT ON COLUMN ledger_agents_api.policies."cooldownMinutes" IS 'Least time since the last approval: 1 to 525600 minutes.';
COMMENT ON COLUMN ledger_agents_api.policies."ttlMinutes" IS 'Life of a card: 1 to 525600 minutes.';
COMMENT ON COLUMN ledger_agents_api.policies."ttlDays" IS 'Life of a card: 1 to 3650 days.';
COMMENT ON COLUMN ledger_agents_api.policies."onExpiry" IS 'What becomes of the card then: freeze or close.';
COMMENT ON COLUMN ledger_agents_api.policies.limits IS 'perAuth, perDay, perMonth, in minor units.';
COMMENT ON COLUMN ledger_agents_api.policies."cumulativeMax" IS 'Most ever, in minor units.';
COMMENT ON COLUMN ledger_agents_api.policies."maxAuthCount" IS 'Most approved authorizations that count.';
COMMENT ON COLUMN ledger_agents_api.policies."allowedMccs" IS 'Array of merchant category codes, four digits each.';
COMMENT ON COLUMN ledger_agents_api.policies."blockedMccs" IS 'Array of merchant category codes, four digits each.';
COMMENT ON COLUMN ledger_agents_api.policies."allowedMerchants" IS 'Array of merchants, compared by their words.';
COMMENT ON COLUMN ledger_agents_api.policies."blockedMerchants" IS 'Array of merchants, compared by their words.';
COMMENT ON COLUMN ledger_agents_api.policies."allowedCountries" IS 'Array of countries, ISO 3166-1, two letters.';
COMMENT ON COLUMN ledger_agents_api.policies."blockedCountries" IS 'Array of countries, ISO 3166-1, two letters.';
COMMENT ON COLUMN ledger_agents_api.policies."lockToFirstMerchant" IS 'The first approved merchant becomes the only one.';
COMMENT ON COLUMN ledger_agents_api.policies."merchantHint" IS 'The merchant that is expected.';
COMMENT ON COLUMN ledger_agents_api.policies."onDrift" IS 'allow, alert, decline or freeze, when it is another one.';
COMMENT ON COLUMN ledger_agents_api.policies."intentTolerance" IS '0 to 1: part by which the amount may differ from the intent.';
COMMENT ON COLUMN ledger_agents_api.policies."onIntentMismatch" IS 'allow, alert or decline.';
COMMENT ON COLUMN ledger_agents_api.policies."activeHoursStart" IS 'Hour of the day, 0 to 23.';
COMMENT ON COLUMN ledger_agents_api.policies."activeHoursEnd" IS 'Hour of the day, 0 to 23, not included.';
COMMENT ON COLUMN ledger_agents_api.policies."activeTimezone" IS 'Where hours and days are counted.';
COMMENT ON COLUMN ledger_agents_api.policies."activeDays" IS 'Array of days, 0 (Sunday) to 6.';
COMMENT ON COLUMN ledger_agents_api.policies."createdAt" IS 'When it was made.';

CREATE VIEW ledger_agents_api.intents WITH (security_barrier) AS
SELECT
	i.id,
	i.agent_id AS "agentId",
	i.card_id AS "cardId",
	i.client_intent_id AS "customerIntentId",
	CASE WHEN i.status IN ('pending_approval', 'pending') AND i.expires_at <= (SELECT ledger_agents.engine_time())
		THEN 'expired'::ledger_agents.intent_status ELSE i.status END AS status,
	i.summary,
	i.expected_amount AS "expectedAmount",
	i.expected_currency AS "expectedCurrency",
	i.expected_merchant AS "expectedMerchant",
	pg_catalog.to_jsonb(i.expected_mccs) AS "expectedMccs",
	i.tolerance,
	i.tolerance_percent AS "tolerancePercent",
	i.ttl_minutes AS "ttlMinutes",
	i.expires_at AS "expiresAt",
	i.approved_at AS "approvedAt",
	i.approved_by AS "approvedBy",
	i.rejected_at AS "rejectedAt",
	i.rejected_by AS "rejectedBy",
	i.rejection_reason AS "rejectionReason",
	i.canceled_at AS "canceledAt",
	i.canceled_by AS "canceledBy",
	i.authorization_id AS "transactionId",
	i.metadata,
	i.created_at AS "createdAt"
FROM (
	(SELECT i.* FROM ledger_agents.intents i
	WHERE (SELECT ledger_agents.visible_agent()) IS NULL
	  AND i.organization_id = (SELECT ledger_agents.visible_organization(true))
	ORDER BY i.id DESC)
	UNION ALL
	(SELECT i.* FROM ledger_agents.intents i
	WHERE (SELECT ledger_agents.visible_agent()) IS NOT NULL
	  AND i.organization_id = (SELECT ledger_agents.visible_organization(true))
	  AND i.agent_id = (SELECT ledger_agents.visible_agent())
	ORDER BY i.id DESC)
) AS i
ORDER BY i.id DESC;

CREATE TRIGGER intents_write INSTEAD OF INSERT OR UPDATE OR DELETE ON ledger_agents_api.intents
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.write_view();

COMMENT ON VIEW ledger_agents_api.intents IS
'What agents say they are about to buy.

POST declares one. PATCH of status: pending approves, rejected (with rejectionReason) rejects, canceled cancels, as DELETE does. Amounts in minor units.';
COMMENT ON COLUMN ledger_agents_api.intents.id IS 'Version 7 uuid; by it rows are in the order of their declaration.';
COMMENT ON COLUMN ledger_agents_api.intents."agentId" IS 'Who declared it.';
COMMENT ON COLUMN ledger_agents_api.intents."cardId" IS 'The card that it is for.';
COMMENT ON COLUMN ledger_agents_api.intents."customerIntentId" IS 'The application''s own id, unique for its agent.';
COMMENT ON COLUMN ledger_agents_api.intents.status IS 'Where it stands; an open one is expired from expiresAt on.';
COMMENT ON COLUMN ledger_agents_api.intents.summary IS 'What is to be bought.';
COMMENT ON COLUMN ledger_agents_api.intents."expectedAmount" IS 'In minor units.';
COMMENT ON COLUMN ledger_agents_api.intents."expectedCurrency" IS 'Currency of the amount.';
COMMENT ON COLUMN ledger_agents_api.intents."expectedMerchant" IS 'Where.';
COMMENT ON COLUMN ledger_agents_api.intents."expectedMccs" IS 'Array of merchant category codes.';
COMMENT ON COLUMN ledger_agents_api.intents.tolerance IS 'By how much the amount may differ, in minor units.';
COMMENT ON COLUMN ledger_agents_api.intents."tolerancePercent" IS 'By how much it may differ, in percent.';
COMMENT ON COLUMN ledger_agents_api.intents."ttlMinutes" IS 'How long it is open: 1 to 1440 minutes.';
COMMENT ON COLUMN ledger_agents_api.intents."expiresAt" IS 'From when on it is expired.';
COMMENT ON COLUMN ledger_agents_api.intents."approvedAt" IS 'When it was approved.';
COMMENT ON COLUMN ledger_agents_api.intents."approvedBy" IS 'Who approved it.';
COMMENT ON COLUMN ledger_agents_api.intents."rejectedAt" IS 'When it was rejected.';
COMMENT ON COLUMN ledger_agents_api.intents."rejectedBy" IS 'Who rejected it.';
COMMENT ON COLUMN ledger_agents_api.intents."rejectionReason" IS 'Why.';
COMMENT ON COLUMN ledger_agents_api.intents."canceledAt" IS 'When it was canceled.';
COMMENT ON COLUMN ledger_agents_api.intents."canceledBy" IS 'Who canceled it.';
COMMENT ON COLUMN ledger_agents_api.intents."transactionId" IS 'The authorization that used it.';
COMMENT ON COLUMN ledger_agents_api.intents.metadata IS 'The application''s own object.';
COMMENT ON COLUMN ledger_agents_api.intents."createdAt" IS 'When it was declared.';

CREATE VIEW ledger_agents_api.authorizations WITH (security_barrier) AS
SELECT
	x.id,
	x.agent_id AS "agentId",
	x.customer_id AS "userId",
	x.sequence,
	x.decision,
	CASE WHEN NOT (x.expires_at <= (SELECT ledger_agents.engine_time()) AND x.status IN ('authorized', 'partially_captured')) OR x.expires_at IS NULL THEN x.status
		WHEN x.status = 'authorized' THEN 'expired'
		WHEN coalesce(t.captured, x.captured_amount, 0) > coalesce(t.refunded, x.refunded_amount, 0) THEN 'captured'
		ELSE 'refunded'::ledger_agents.authorization_status END AS status,
	x.reason,
	pg_catalog.to_jsonb(x.reasons) AS reasons,
	CASE WHEN x.failed_limits IS NOT NULL THEN (
		SELECT coalesce(pg_catalog.jsonb_agg(
			pg_catalog.jsonb_strip_nulls(l.value - '{window_start,next_reset}'::text[] || pg_catalog.jsonb_build_object(
				'windowStart', l.value -> 'window_start', 'nextReset', l.value -> 'next_reset'))), '[]')
		FROM pg_catalog.jsonb_array_elements(x.failed_limits) AS l) END AS "failedLimits",
	x.max_approvable AS "maxApprovable",
	x.retry_at AS "retryAt",
	x.remaining,
	x.amount,
	coalesce(x.incremented_amount, 0) AS "incrementedAmount",
	coalesce(t.captured, x.captured_amount, 0) AS "capturedAmount",
	coalesce(t.reversed, x.reversed_amount, 0) AS "reversedAmount",
	coalesce(t.refunded, x.refunded_amount, 0) AS "refundedAmount",
	CASE WHEN x.expires_at <= (SELECT ledger_agents.engine_time()) AND x.status IN ('authorized', 'partially_captured') THEN 0
		ELSE coalesce(t.held, x.counted_amount - coalesce(x.captured_amount, 0) + coalesce(x.refunded_amount, 0)) END AS "heldAmount",
	coalesce(t.counted, x.counted_amount)
		- CASE WHEN x.expires_at <= (SELECT ledger_agents.engine_time()) AND x.status IN ('authorized', 'partially_captured') THEN coalesce(t.held, x.counted_amount - coalesce(x.captured_amount, 0) + coalesce(x.refunded_amount, 0)) ELSE 0 END AS "countedAmount",
	x.currency,
	x.merchant,
	x.mcc,
	x.country,
	x.card_id AS "cardId",
	x.intent_id AS "intentId",
	x.linked_intent_id AS "linkedIntentId",
	coalesce(x.attestation, 'unattested'::ledger_agents.attestation_status) AS attestation,
	x.idempotency_key AS "idempotencyKey",
	ledger_agents.iso_duration(x.hold_for) AS "holdFor",
	x.expires_at AS "expiresAt",
	x.increment_of AS "incrementOf",
	coalesce(x.recorded, false) AS recorded,
	x.agent_limit AS "agentLimit",
	x.agent_limit_frequency AS "agentLimitFrequency",
	nullif(x.on_limit_exceeded, 'decline'::ledger_agents.limit_exceeded_action) AS "onLimitExceeded",
	x.agent_spent AS "agentSpent",
	x.metadata,
	x.decided_at AS "decidedAt"
FROM (
	(SELECT x.* FROM ledger_agents.authorizations x
	WHERE (SELECT ledger_agents.visible_agent()) IS NULL
	  AND x.organization_id = (SELECT ledger_agents.visible_organization(true))
	ORDER BY x.id DESC)
	UNION ALL
	(SELECT x.* FROM ledger_agents.authorizations x
	WHERE (SELECT ledger_agents.visible_agent()) IS NOT NULL
	  AND x.organization_id = (SELECT ledger_agents.visible_organization(true))
	  AND x.agent_id = (SELECT ledger_agents.visible_agent())
	ORDER BY x.id DESC)
) AS x
CROSS JOIN LATERAL (
	/* Of a hold with increments: the sums of its parts. */
	SELECT pg_catalog.sum(coalesce(p.captured_amount, 0))::bigint AS captured,
		   pg_catalog.sum(coalesce(p.reversed_amount, 0))::bigint AS reversed,
		   pg_catalog.sum(coalesce(p.refunded_amount, 0))::bigint AS refunded,
		   pg_catalog.sum(p.counted_amount - coalesce(p.captured_amount, 0) + coalesce(p.refunded_amount, 0))::bigint AS held,
		   pg_catalog.sum(p.counted_amount)::bigint AS counted
	FROM ledger_agents.authorizations p
	WHERE x.incremented_amount IS NOT NULL AND p.organization_id = x.organization_id
	  AND p.id = ANY (ARRAY(
			SELECT x.id
			UNION ALL
			SELECT e.id FROM ledger_agents.authorization_entries e
			WHERE e.organization_id = x.organization_id AND e.authorization_id = x.id
			  AND e.kind = 'increment' AND e.added_amount > 0))
) AS t
ORDER BY x.id DESC;

CREATE TRIGGER authorizations_write INSTEAD OF INSERT OR UPDATE OR DELETE ON ledger_agents_api.authorizations
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.write_view();

COMMENT ON VIEW ledger_agents_api.authorizations IS
'Decisions, approved and declined, and what became of the money since.

The same as from get_authorization. POST decides a spend, as authorize does; a decline is a row, too. Order by id, which is the order of time and has an index. Amounts in minor units.';
COMMENT ON COLUMN ledger_agents_api.authorizations.id IS 'Version 7 uuid; by it rows are in the order of decision.';
COMMENT ON COLUMN ledger_agents_api.authorizations."agentId" IS 'Who spends.';
COMMENT ON COLUMN ledger_agents_api.authorizations."userId" IS 'Who funds it.';
COMMENT ON COLUMN ledger_agents_api.authorizations.sequence IS 'Its number among its agent''s, without gaps.';
COMMENT ON COLUMN ledger_agents_api.authorizations.decision IS 'approved or declined.';
COMMENT ON COLUMN ledger_agents_api.authorizations.status IS 'What became of it; a hold is expired from expiresAt on.';
COMMENT ON COLUMN ledger_agents_api.authorizations.reason IS 'The first rule that failed.';
COMMENT ON COLUMN ledger_agents_api.authorizations.reasons IS 'All rules that failed, in their order.';
COMMENT ON COLUMN ledger_agents_api.authorizations."failedLimits" IS 'Each limit that failed: scope, rule, limit, spent, remaining, windowStart, nextReset; or currency, where that is another one.';
COMMENT ON COLUMN ledger_agents_api.authorizations."maxApprovable" IS 'Largest amount that would have passed, in minor units.';
COMMENT ON COLUMN ledger_agents_api.authorizations."retryAt" IS 'When it would pass by time alone.';
COMMENT ON COLUMN ledger_agents_api.authorizations.remaining IS 'What an approval left of the tightest limit, in minor units.';
COMMENT ON COLUMN ledger_agents_api.authorizations.amount IS 'What was asked for, in minor units.';
COMMENT ON COLUMN ledger_agents_api.authorizations."incrementedAmount" IS 'Added to the hold since.';
COMMENT ON COLUMN ledger_agents_api.authorizations."capturedAmount" IS 'Taken.';
COMMENT ON COLUMN ledger_agents_api.authorizations."reversedAmount" IS 'Given back before it was taken.';
COMMENT ON COLUMN ledger_agents_api.authorizations."refundedAmount" IS 'Given back after it was taken.';
COMMENT ON COLUMN ledger_agents_api.authorizations."heldAmount" IS 'Still held.';
COMMENT ON COLUMN ledger_agents_api.authorizations."countedAmount" IS 'What counts against limits.';
COMMENT ON COLUMN ledger_agents_api.authorizations.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN ledger_agents_api.authorizations.merchant IS 'Where.';
COMMENT ON COLUMN ledger_agents_api.authorizations.mcc IS 'Merchant category code, four digits.';
COMMENT ON COLUMN ledger_agents_api.authorizations.country IS 'ISO 3166-1, two letters.';
COMMENT ON COLUMN ledger_agents_api.authorizations."cardId" IS 'The card.';
COMMENT ON COLUMN ledger_agents_api.authorizations."intentId" IS 'The intent that the request named.';
COMMENT ON COLUMN ledger_agents_api.authorizations."linkedIntentId" IS 'The intent that it used, or that a human is asked to approve.';
COMMENT ON COLUMN ledger_agents_api.authorizations.attestation IS 'attested, stale or unattested.';
COMMENT ON COLUMN ledger_agents_api.authorizations."idempotencyKey" IS 'Key of the request.';
COMMENT ON COLUMN ledger_agents_api.authorizations."holdFor" IS 'How long the hold was to last, an ISO 8601 duration.';
COMMENT ON COLUMN ledger_agents_api.authorizations."expiresAt" IS 'From when on the hold is expired.';
COMMENT ON COLUMN ledger_agents_api.authorizations."incrementOf" IS 'The authorization that it adds to.';
COMMENT ON COLUMN ledger_agents_api.authorizations.recorded IS 'Booked after it had happened, without a decision.';
COMMENT ON COLUMN ledger_agents_api.authorizations."agentLimit" IS 'The agent''s limit at that time, in minor units.';
COMMENT ON COLUMN ledger_agents_api.authorizations."agentLimitFrequency" IS 'Its window.';
COMMENT ON COLUMN ledger_agents_api.authorizations."onLimitExceeded" IS 'suspend, notify or none; null: decline.';
COMMENT ON COLUMN ledger_agents_api.authorizations."agentSpent" IS 'The agent''s spend in that window after this decision, in minor units.';
COMMENT ON COLUMN ledger_agents_api.authorizations.metadata IS 'The application''s own object.';
COMMENT ON COLUMN ledger_agents_api.authorizations."decidedAt" IS 'When it was decided.';

CREATE VIEW ledger_agents_api.events WITH (security_barrier) AS
SELECT
	e.id,
	e.type,
	e.organization_id AS "organizationId",
	e.agent_id AS "agentId",
	pg_catalog.floor(extract(epoch FROM e.created_at) * 1000)::bigint AS "createdAt",
	e.data
FROM ledger_agents.events e
WHERE (SELECT ledger_agents.visible_organization(false)) IS NOT NULL
  AND e.organization_id = (SELECT ledger_agents.visible_organization(false))
ORDER BY e.id DESC;

CREATE TRIGGER events_write INSTEAD OF INSERT OR UPDATE OR DELETE ON ledger_agents_api.events
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.write_view();

COMMENT ON VIEW ledger_agents_api.events IS
'What has happened, as webhooks tell it.

Not for agents, read only. Rows appear in the order of commits, not of ids: a consumer that must miss nothing takes poll_events.';
COMMENT ON COLUMN ledger_agents_api.events.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents_api.events.type IS 'What happened.';
COMMENT ON COLUMN ledger_agents_api.events."organizationId" IS 'The organization.';
COMMENT ON COLUMN ledger_agents_api.events."agentId" IS 'The agent that it is about, or null.';
COMMENT ON COLUMN ledger_agents_api.events."createdAt" IS 'When, epoch milliseconds.';
COMMENT ON COLUMN ledger_agents_api.events.data IS 'The fields of its type.';

CREATE VIEW ledger_agents_api.tokens WITH (security_barrier) AS
SELECT
	t.id,
	t.agent_id AS "agentId",
	t.name,
	t.prefix,
	t.created_at AS "createdAt",
	t.expires_at AS "expiresAt",
	u.last_used_at AS "lastUsedAt",
	t.revoked_at AS "revokedAt"
FROM ledger_agents.agent_tokens t
LEFT JOIN ledger_agents.agent_token_uses u ON u.organization_id = t.organization_id AND u.token_id = t.id
WHERE (SELECT ledger_agents.visible_organization(false)) IS NOT NULL
  AND t.organization_id = (SELECT ledger_agents.visible_organization(false))
ORDER BY t.id DESC;

CREATE TRIGGER tokens_write INSTEAD OF INSERT OR UPDATE OR DELETE ON ledger_agents_api.tokens
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.write_view();

COMMENT ON VIEW ledger_agents_api.tokens IS
'Tokens of agents, without their secrets.

Not for agents. DELETE revokes. A token is issued by create_agent_token, whose answer is the only place where its secret is shown.';
COMMENT ON COLUMN ledger_agents_api.tokens.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents_api.tokens."agentId" IS 'The agent that it acts as.';
COMMENT ON COLUMN ledger_agents_api.tokens.name IS 'Display name.';
COMMENT ON COLUMN ledger_agents_api.tokens.prefix IS 'The part that may be shown.';
COMMENT ON COLUMN ledger_agents_api.tokens."createdAt" IS 'When it was issued.';
COMMENT ON COLUMN ledger_agents_api.tokens."expiresAt" IS 'From when on it is refused.';
COMMENT ON COLUMN ledger_agents_api.tokens."lastUsedAt" IS 'Last use, to the minute.';
COMMENT ON COLUMN ledger_agents_api.tokens."revokedAt" IS 'When it was revoked.';
