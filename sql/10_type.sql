/*
 * Types: the labels that the interface speaks.  Labels of the published APIs
 * are exact, also in upper and lower case.
 */
CREATE TYPE ledger_agents.account_status AS ENUM ('active', 'suspended');
COMMENT ON TYPE ledger_agents.account_status IS
'Status of an organization or a customer. Suspended: every spend below it is declined.';

CREATE TYPE ledger_agents.agent_status AS ENUM ('active', 'suspended', 'deregistered');
COMMENT ON TYPE ledger_agents.agent_status IS
'Status of an agent. Deregistered is final; its external_id may be registered again.';

CREATE TYPE ledger_agents.suspension_reason AS ENUM ('manual', 'spending_limit_exceeded');
COMMENT ON TYPE ledger_agents.suspension_reason IS
'Why an agent is suspended: by hand, or by its limit (on_limit_exceeded = suspend).';

CREATE TYPE ledger_agents.spending_frequency AS ENUM (
	'perTransaction', 'per24HourPeriod', 'perWeek', 'perMonth', 'perYear', 'allTime');
COMMENT ON TYPE ledger_agents.spending_frequency IS
'How often a limit starts anew. perTransaction judges each authorization alone; per24HourPeriod rolls unless a calendar window is asked for; perWeek begins on Monday; allTime never starts anew.';

CREATE TYPE ledger_agents.window_mode AS ENUM ('calendar', 'rolling');
COMMENT ON TYPE ledger_agents.window_mode IS
'calendar: local days, weeks, months, years in the organization''s time zone. rolling: the 24 hours, 7, 30 or 365 times 24 hours that end now.';

CREATE TYPE ledger_agents.limit_exceeded_action AS ENUM ('decline', 'suspend', 'notify', 'none');
COMMENT ON TYPE ledger_agents.limit_exceeded_action IS
'What an agent''s spending_limit does when a spend would exceed it. decline: the spend is declined. suspend: declined, and the agent is suspended. notify: approved, with an event once per window and limit. none: approved.';

CREATE TYPE ledger_agents.limit_scope AS ENUM ('card', 'agent', 'customer', 'organization');
COMMENT ON TYPE ledger_agents.limit_scope IS
'Where a limit is set and its spend is counted, from the narrowest to the widest. Counters are locked in this order.';

CREATE TYPE ledger_agents.card_type AS ENUM ('single', 'multi');
COMMENT ON TYPE ledger_agents.card_type IS
'single: used up by its first approved authorization. multi: used until it is closed.';

CREATE TYPE ledger_agents.card_status AS ENUM ('active', 'frozen', 'closed');
COMMENT ON TYPE ledger_agents.card_status IS
'Status of a card. Closed is final.';

CREATE TYPE ledger_agents.card_status_reason AS ENUM (
	'manual', 'agent_suspended', 'agent_deregistered', 'merchant_drift', 'ttl_expired', 'captured', 'limit_reached');
COMMENT ON TYPE ledger_agents.card_status_reason IS
'Why a card is frozen or closed: by hand, with its agent, by its rule onDrift, by the end of its ttl; captured: a single card at its final capture; limit_reached: captures have reached its cumulativeMax or maxAuthCount.';

CREATE TYPE ledger_agents.intent_status AS ENUM (
	'pending_approval', 'pending', 'matched', 'mismatched', 'rejected', 'expired', 'canceled');
COMMENT ON TYPE ledger_agents.intent_status IS
'Status of an intent. pending_approval waits for a human, pending for its authorization; matched and mismatched are used up by one, and pending again when that is reversed in full.';

CREATE TYPE ledger_agents.attestation_status AS ENUM ('attested', 'stale', 'unattested');
COMMENT ON TYPE ledger_agents.attestation_status IS
'Whether a spend was attested before: within the window of the rules, longer ago, never.';

CREATE TYPE ledger_agents.decision AS ENUM ('approved', 'declined');
COMMENT ON TYPE ledger_agents.decision IS
'The answer to a spend request.';

CREATE TYPE ledger_agents.authorization_status AS ENUM (
	'declined', 'authorized', 'partially_captured', 'captured', 'reversed', 'expired', 'refunded');
COMMENT ON TYPE ledger_agents.authorization_status IS
'What became of an authorization. authorized: a hold; partially_captured: part of the money is taken, the rest still held; captured: taken, and what was left is free again; refunded: all that was taken is given back. declined, reversed and refunded are final.';

/* In the order in which the checks are made; the first that fails is the reason. */
CREATE TYPE ledger_agents.decline_reason AS ENUM (
	'organization_suspended', 'customer_suspended', 'agent_deregistered', 'agent_suspended',
	'card_closed', 'card_frozen', 'card_expired', 'card_consumed', 'card_required',
	'currency_mismatch', 'outside_active_hours',
	'mcc_blocked', 'mcc_not_allowed', 'country_blocked', 'country_not_allowed',
	'merchant_blocked', 'merchant_not_allowed', 'merchant_locked', 'merchant_drift',
	'cooldown_active', 'auth_count_exceeded', 'attestation_required',
	'intent_required', 'intent_not_usable', 'intent_mismatch', 'approval_required',
	'card_limit_exceeded', 'agent_limit_exceeded', 'customer_limit_exceeded', 'organization_limit_exceeded');
COMMENT ON TYPE ledger_agents.decline_reason IS
'Why a spend was declined, in the order of the checks. A kill switch (up to card_required) is always the only reason.';

CREATE TYPE ledger_agents.entry_kind AS ENUM ('increment', 'capture', 'reversal', 'refund', 'expiry');
COMMENT ON TYPE ledger_agents.entry_kind IS
'What an entry did to its authorization. increment: asked for more; capture: took money; reversal: gave back all or part of what was held; refund: gave back what was taken; expiry: the hold ended by itself.';

CREATE TYPE ledger_agents.event_type AS ENUM (
	'agent.registered', 'agent.updated', 'agent.suspended', 'agent.activated', 'agent.deregistered',
	'agent.limit_exceeded', 'agent.limit_approaching', 'agent.token.created', 'agent.token.revoked',
	'card.created', 'card.frozen', 'card.unfrozen', 'card.closed', 'card.expired', 'card.merchant_drift',
	'intent.pending_approval', 'intent.approved', 'intent.rejected', 'intent.matched', 'intent.mismatched',
	'intent.canceled', 'intent.expired', 'spend.unattested',
	'transaction.authorized', 'transaction.declined', 'transaction.completed', 'transaction.reversed',
	'transaction.refunded', 'transaction.expired');
COMMENT ON TYPE ledger_agents.event_type IS
'Types of events, as the published webhooks name them.';

CREATE TYPE ledger_agents.access_level AS ENUM ('operator', 'auditor', 'api');
COMMENT ON TYPE ledger_agents.access_level IS
'What grant_access gives a role. operator: all functions but grant_access and revoke_access, in every organization. auditor: reads every table, changes nothing. api: acts only as the agent or organization that authenticates.';
