/*
 * Explanations: which rules are in force, and how a request stands against them.
 */
CREATE TYPE ledger_agents.rule_detail AS (
	rule text,
	value jsonb,
	scope ledger_agents.limit_scope,
	source text,
	source_id text,
	reason ledger_agents.decline_reason,
	actual jsonb,
	passed boolean,
	passed_then boolean
);
COMMENT ON TYPE ledger_agents.rule_detail IS
'A rule that is in force, where it comes from, and how a request stands against it.';
COMMENT ON COLUMN ledger_agents.rule_detail.rule IS 'Its published name; status, registered, open, type, intent are conditions that are no rules of a policy; spendingLimit and maxAmount are limits of the scope itself.';
COMMENT ON COLUMN ledger_agents.rule_detail.value IS 'What it says; an object where several rules are read together. Amounts in minor units. Merchants as they are compared.';
COMMENT ON COLUMN ledger_agents.rule_detail.scope IS 'Where it is set.';
COMMENT ON COLUMN ledger_agents.rule_detail.source IS 'inline: written on that row. template: of its policy. own: a column of that row, or a check that no rule asks for.';
COMMENT ON COLUMN ledger_agents.rule_detail.source_id IS 'Id of that row; of the policy for template.';
COMMENT ON COLUMN ledger_agents.rule_detail.reason IS 'The reason of a decline when it fails.';
COMMENT ON COLUMN ledger_agents.rule_detail.actual IS 'What the request says to it, or what stands in the books; for limits spent and remaining.';
COMMENT ON COLUMN ledger_agents.rule_detail.passed IS 'Whether the request passes it now.';
COMMENT ON COLUMN ledger_agents.rule_detail.passed_then IS 'Of a stored authorization: whether it passed then, false when its reasons name this one. Of a request: null.';

CREATE FUNCTION ledger_agents.explain_authorization(
	authorization_id uuid DEFAULT NULL,
	agent_id uuid DEFAULT NULL,
	amount bigint DEFAULT NULL,
	currency text DEFAULT NULL,
	merchant text DEFAULT NULL,
	mcc text DEFAULT NULL,
	country text DEFAULT NULL,
	card_id uuid DEFAULT NULL,
	intent_id uuid DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	hold_for interval DEFAULT NULL,
	metadata jsonb DEFAULT NULL,
	organization_id text DEFAULT NULL,
	as_of timestamptz DEFAULT NULL)
RETURNS SETOF ledger_agents.rule_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_explain_authorization';
COMMENT ON FUNCTION ledger_agents.explain_authorization IS
'One row for each rule in force, in the order of the checks: what it says, what the request says, whether that passes. For the request of a stored authorization (authorization_id), or for one that is given as to evaluate; judged by the same judge, with what stands in the books now or at as_of. Kill switches do not end it. Errors as evaluate; P0002 unknown authorization.';

CREATE FUNCTION ledger_agents.effective_policy(
	agent_id uuid DEFAULT NULL,
	card_id uuid DEFAULT NULL,
	organization_id text DEFAULT NULL,
	OUT rule text,
	OUT value jsonb,
	OUT scope ledger_agents.limit_scope,
	OUT source text,
	OUT source_id text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_effective_policy';
COMMENT ON FUNCTION ledger_agents.effective_policy IS
'Every rule and limit that is in force for an agent, or for its card, with its value and the row that it comes from. Of a behaviour the lowest level that sets it; lists and limits of every level. agent_id may be left out with an agent''s token. Errors: 22004, P0002 unknown agent or card.';

CREATE TYPE ledger_agents.card_policy_detail AS (
	card_id uuid,
	status ledger_agents.card_status,
	expires_at timestamptz,
	active_now boolean,
	next_active_at timestamptz,
	max_amount bigint,
	spending_limit bigint,
	current_spend bigint,
	remaining bigint,
	cumulative_max bigint,
	total_spent bigint,
	cumulative_remaining bigint,
	max_auth_count bigint,
	auth_count bigint,
	consumed boolean,
	cools_down_at timestamptz,
	attestation ledger_agents.attestation_status,
	attested_at timestamptz,
	merchant_locked boolean,
	first_merchant text,
	merchant_hint text,
	on_drift text
);
COMMENT ON TYPE ledger_agents.card_policy_detail IS
'How a card stands against its rules. Amounts in minor units of its agent''s currency.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.card_id IS 'The card.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.status IS 'active, frozen or closed.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.expires_at IS 'When its ttl ends; null: it has none.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.active_now IS 'Whether it is inside its active hours and days; null: it has none.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.next_active_at IS 'From now on the first instant inside; null: none within two weeks.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.max_amount IS 'Largest amount of one authorization.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.spending_limit IS 'Its limit.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.current_spend IS 'Spent in the window of its limit.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.remaining IS 'What the limit leaves.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.cumulative_max IS 'The rule cumulativeMax of the card''s own level.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.total_spent IS 'Spent ever.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.cumulative_remaining IS 'What cumulativeMax leaves.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.max_auth_count IS 'The rule maxAuthCount of the card''s own level.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.auth_count IS 'Approved authorizations that count.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.consumed IS 'A single card that has been used.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.cools_down_at IS 'Until when cooldownMinutes declines; null: it does not.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.attestation IS 'Whether a spend would count as attested now.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.attested_at IS 'Last attestation; null: none.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.merchant_locked IS 'Whether lockToFirstMerchant is in force.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.first_merchant IS 'The first approved merchant; null: none yet.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.merchant_hint IS 'The rule merchantHint, as it is compared.';
COMMENT ON COLUMN ledger_agents.card_policy_detail.on_drift IS 'The rule onDrift.';

CREATE FUNCTION ledger_agents.card_policy(
	card_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.card_policy_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_card_policy';
COMMENT ON FUNCTION ledger_agents.card_policy IS
'How the card stands against its rules now: ttl, hours, limits, counts, cooldown, attestation, merchants. An agent''s token sees its own cards only. Error: P0002 unknown card.';
