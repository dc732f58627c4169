/*
 * Authorizations: one row a decision, and the entries that changed it since.
 *
 * No foreign keys: each would cost a decision as much as a statement does and
 * lock the agent's row.  check_invariants() proves the references, and what
 * CHECKs would say (see counters).
 */
CREATE TABLE ledger_agents.authorizations (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	agent_id uuid NOT NULL,
	sequence bigint NOT NULL,
	decided_at timestamptz NOT NULL,
	amount bigint NOT NULL,
	counted_amount bigint NOT NULL,
	agent_spent bigint NOT NULL,
	agent_limit bigint,
	remaining bigint,
	max_approvable bigint,
	retry_at timestamptz,
	expires_at timestamptz,
	captured_amount bigint,
	reversed_amount bigint,
	refunded_amount bigint,
	incremented_amount bigint,
	increment_of uuid,
	recorded boolean,
	card_id uuid,
	intent_id uuid,
	linked_intent_id uuid,
	decision ledger_agents.decision NOT NULL,
	status ledger_agents.authorization_status NOT NULL,
	reason ledger_agents.decline_reason,
	agent_limit_frequency ledger_agents.spending_frequency NOT NULL,
	on_limit_exceeded ledger_agents.limit_exceeded_action NOT NULL,
	attestation ledger_agents.attestation_status,
	customer_id text COLLATE "C" NOT NULL,
	currency text COLLATE "C" NOT NULL,
	idempotency_key text COLLATE "C",
	merchant text,
	mcc text COLLATE "C",
	country text COLLATE "C",
	hold_for interval,
	reasons ledger_agents.decline_reason[],
	failed_limits jsonb,
	metadata jsonb,
	CONSTRAINT authorizations_pkey PRIMARY KEY (organization_id, id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.authorizations', '');

/* Reader: the replay of a key. */
CREATE UNIQUE INDEX authorizations_idempotency_key
	ON ledger_agents.authorizations (organization_id, agent_id, idempotency_key)
	WHERE idempotency_key IS NOT NULL;
/*
 * Reader: rolling windows and list_authorizations.  An id begins with its
 * decided_at to the microsecond, so that this is an index on time, too.  It is no
 * key, and does without the organization: what stands behind a text has no fixed
 * place in an entry, and is looked for each time that two are compared.
 */
CREATE INDEX authorizations_agent_idx
	ON ledger_agents.authorizations (agent_id, id);
/* Reader: holds that have expired.  Holds that do not expire cost nothing here. */
CREATE INDEX authorizations_expiry_idx
	ON ledger_agents.authorizations (organization_id, expires_at)
	WHERE expires_at IS NOT NULL AND status IN ('authorized', 'partially_captured');

COMMENT ON TABLE ledger_agents.authorizations IS
'Spend decisions, approved and declined alike, and what became of the money since. Amounts in minor units of currency.';
COMMENT ON COLUMN ledger_agents.authorizations.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.authorizations.id IS 'Version 7 uuid; its time is decided_at.';
COMMENT ON COLUMN ledger_agents.authorizations.agent_id IS 'The agent that asked.';
COMMENT ON COLUMN ledger_agents.authorizations.sequence IS 'Number of the decision among the agent''s, from 1, without gaps.';
COMMENT ON COLUMN ledger_agents.authorizations.decided_at IS 'Instant of the decision; the window that it counts in.';
COMMENT ON COLUMN ledger_agents.authorizations.amount IS 'Asked for.';
COMMENT ON COLUMN ledger_agents.authorizations.counted_amount IS 'What of this row counts toward limits: 0 when declined, less after reversals, a final capture, refunds and expiry, more after a capture above the hold.';
COMMENT ON COLUMN ledger_agents.authorizations.agent_spent IS 'The agent''s spend in the window of its limit after this decision; perTransaction: 0.';
COMMENT ON COLUMN ledger_agents.authorizations.agent_limit IS 'The agent''s limit at this decision, or null.';
COMMENT ON COLUMN ledger_agents.authorizations.remaining IS 'Approved: what the tightest limit leaves after it; null without limits.';
COMMENT ON COLUMN ledger_agents.authorizations.max_approvable IS 'Largest amount for which the same request would have passed every check; null if none.';
COMMENT ON COLUMN ledger_agents.authorizations.retry_at IS 'Declined: when the same request would pass by time alone; null if never.';
COMMENT ON COLUMN ledger_agents.authorizations.expires_at IS 'When the hold ends by itself; null: never.';
COMMENT ON COLUMN ledger_agents.authorizations.captured_amount IS 'Captured so far, of this row; null: nothing. A hold with increments is made of several rows: captures fill them from the oldest on, what is given back comes from the newest.';
COMMENT ON COLUMN ledger_agents.authorizations.reversed_amount IS 'Given back by reversals so far, of this row; null: nothing.';
COMMENT ON COLUMN ledger_agents.authorizations.refunded_amount IS 'Given back by refunds so far, of this row; null: nothing.';
COMMENT ON COLUMN ledger_agents.authorizations.incremented_amount IS 'What approved increments have added to the hold; each has a row of its own. Null: none.';
COMMENT ON COLUMN ledger_agents.authorizations.increment_of IS 'Of an increment: the authorization that it adds to, or was to add to. Null: this is no increment.';
COMMENT ON COLUMN ledger_agents.authorizations.recorded IS 'True: booked by record_spend, without a decision. Null: decided.';
COMMENT ON COLUMN ledger_agents.authorizations.card_id IS 'The card it was made with.';
COMMENT ON COLUMN ledger_agents.authorizations.intent_id IS 'The intent that the request named.';
COMMENT ON COLUMN ledger_agents.authorizations.linked_intent_id IS 'Approved: the intent that it used up. Declined for approval_required: the one that waits for a human.';
COMMENT ON COLUMN ledger_agents.authorizations.attestation IS 'Whether the spend was attested before; null: unattested.';
COMMENT ON COLUMN ledger_agents.authorizations.decision IS 'approved or declined.';
COMMENT ON COLUMN ledger_agents.authorizations.status IS 'As last written; a hold past expires_at is expired whatever stands here.';
COMMENT ON COLUMN ledger_agents.authorizations.reason IS 'First of reasons.';
COMMENT ON COLUMN ledger_agents.authorizations.agent_limit_frequency IS 'Window of agent_limit at this decision.';
COMMENT ON COLUMN ledger_agents.authorizations.on_limit_exceeded IS 'What the agent''s limit did when exceeded, at this decision.';
COMMENT ON COLUMN ledger_agents.authorizations.customer_id IS 'Who funds the agent.';
COMMENT ON COLUMN ledger_agents.authorizations.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN ledger_agents.authorizations.idempotency_key IS 'The caller''s key, 1 to 255 characters, unique per agent, or null.';
COMMENT ON COLUMN ledger_agents.authorizations.merchant IS 'Merchant as the caller names it.';
COMMENT ON COLUMN ledger_agents.authorizations.mcc IS 'Merchant category code as the caller gives it, four digits.';
COMMENT ON COLUMN ledger_agents.authorizations.country IS 'ISO 3166 alpha-2 code as the caller gives it.';
COMMENT ON COLUMN ledger_agents.authorizations.hold_for IS 'How long the hold was asked for; null: until captured or reversed.';
COMMENT ON COLUMN ledger_agents.authorizations.reasons IS 'Every rule that failed, in the order of the checks; null when approved.';
COMMENT ON COLUMN ledger_agents.authorizations.failed_limits IS 'For each limit that failed: scope, rule (spendingLimit, perAuth, perDay, perMonth, cumulativeMax, maxAmount, maxAuthCount, currency), limit, spent, remaining, window_start, next_reset.';
COMMENT ON COLUMN ledger_agents.authorizations.metadata IS 'The caller''s own object, up to 64 kB, or null.';

CREATE TABLE ledger_agents.authorization_entries (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	authorization_id uuid NOT NULL,
	agent_id uuid NOT NULL,
	number bigint NOT NULL,
	kind ledger_agents.entry_kind NOT NULL,
	amount bigint NOT NULL,
	requested_amount bigint,
	added_amount bigint NOT NULL,
	released_amount bigint NOT NULL,
	forced boolean NOT NULL,
	final boolean NOT NULL,
	created_at timestamptz NOT NULL,
	idempotency_key text COLLATE "C",
	CONSTRAINT authorization_entries_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT authorization_entries_amount_range CHECK (amount > 0),
	CONSTRAINT authorization_entries_added_range CHECK (added_amount >= 0),
	CONSTRAINT authorization_entries_released_range CHECK (released_amount >= 0)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.authorization_entries', '');

/* Reader: the entries of one authorization, and the replay of a key. */
CREATE INDEX authorization_entries_authorization_idx
	ON ledger_agents.authorization_entries (organization_id, authorization_id, id);
CREATE UNIQUE INDEX authorization_entries_idempotency_key
	ON ledger_agents.authorization_entries (organization_id, authorization_id, idempotency_key)
	WHERE idempotency_key IS NOT NULL;
/* Reader: the chain of an agent. */
CREATE UNIQUE INDEX authorization_entries_number_key
	ON ledger_agents.authorization_entries (organization_id, agent_id, number);

COMMENT ON TABLE ledger_agents.authorization_entries IS
'What changed an authorization after the decision. Append-only. Amounts in minor units of the authorization''s currency.';
COMMENT ON COLUMN ledger_agents.authorization_entries.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.authorization_entries.id IS 'Version 7 uuid; of an increment that of the row in authorizations that it has made.';
COMMENT ON COLUMN ledger_agents.authorization_entries.authorization_id IS 'The authorization.';
COMMENT ON COLUMN ledger_agents.authorization_entries.agent_id IS 'Its agent.';
COMMENT ON COLUMN ledger_agents.authorization_entries.number IS 'Number among the entries of the agent, from 1, without gaps.';
COMMENT ON COLUMN ledger_agents.authorization_entries.kind IS 'What was done.';
COMMENT ON COLUMN ledger_agents.authorization_entries.amount IS 'How much, in minor units of the authorization''s currency.';
COMMENT ON COLUMN ledger_agents.authorization_entries.requested_amount IS 'The amount as the caller gave it; null: all that was left, or nobody asked.';
COMMENT ON COLUMN ledger_agents.authorization_entries.added_amount IS 'What counts since: of an increment all of it (0 when it was declined), of a capture what was above the hold (the overage), else 0.';
COMMENT ON COLUMN ledger_agents.authorization_entries.released_amount IS 'What counts no longer since: of a final capture what was left of the hold, of a reversal, a refund and an expiry all of it.';
COMMENT ON COLUMN ledger_agents.authorization_entries.forced IS 'A capture that only force => true let pass: above the tolerance, or of a hold that had expired; or spend that was recorded.';
COMMENT ON COLUMN ledger_agents.authorization_entries.final IS 'A capture that was to be the last.';
COMMENT ON COLUMN ledger_agents.authorization_entries.created_at IS 'When.';
COMMENT ON COLUMN ledger_agents.authorization_entries.idempotency_key IS 'The caller''s key, unique per authorization, or null.';

CREATE TYPE ledger_agents.authorization_detail AS (
	organization_id text,
	id uuid,
	agent_id uuid,
	customer_id text,
	sequence bigint,
	decision ledger_agents.decision,
	status ledger_agents.authorization_status,
	reason ledger_agents.decline_reason,
	reasons ledger_agents.decline_reason[],
	failed_limits jsonb,
	max_approvable bigint,
	retry_at timestamptz,
	remaining bigint,
	amount bigint,
	incremented_amount bigint,
	captured_amount bigint,
	reversed_amount bigint,
	refunded_amount bigint,
	held_amount bigint,
	counted_amount bigint,
	currency text,
	merchant text,
	mcc text,
	country text,
	card_id uuid,
	intent_id uuid,
	linked_intent_id uuid,
	attestation ledger_agents.attestation_status,
	idempotency_key text,
	hold_for interval,
	expires_at timestamptz,
	increment_of uuid,
	recorded boolean,
	agent_limit bigint,
	agent_limit_frequency ledger_agents.spending_frequency,
	on_limit_exceeded ledger_agents.limit_exceeded_action,
	agent_spent bigint,
	metadata jsonb,
	decided_at timestamptz,
	replayed boolean,
	cursor text
);
COMMENT ON TYPE ledger_agents.authorization_detail IS
'An authorization as the functions return it. Amounts in minor units of currency.';
COMMENT ON COLUMN ledger_agents.authorization_detail.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.authorization_detail.id IS 'Version 7 uuid; null from evaluate, which stores nothing.';
COMMENT ON COLUMN ledger_agents.authorization_detail.agent_id IS 'The agent that asked.';
COMMENT ON COLUMN ledger_agents.authorization_detail.customer_id IS 'Who funds the agent.';
COMMENT ON COLUMN ledger_agents.authorization_detail.sequence IS 'Number of the decision among the agent''s, from 1, without gaps.';
COMMENT ON COLUMN ledger_agents.authorization_detail.decision IS 'approved or declined.';
COMMENT ON COLUMN ledger_agents.authorization_detail.status IS 'What became of it; expired from the instant of expires_at on.';
COMMENT ON COLUMN ledger_agents.authorization_detail.reason IS 'First of reasons.';
COMMENT ON COLUMN ledger_agents.authorization_detail.reasons IS 'Every rule that failed, in the order of the checks; null when approved.';
COMMENT ON COLUMN ledger_agents.authorization_detail.failed_limits IS 'For each limit that failed: scope, rule (spendingLimit, perAuth, perDay, perMonth, cumulativeMax, maxAmount, maxAuthCount, currency), limit, spent, remaining, window_start, next_reset.';
COMMENT ON COLUMN ledger_agents.authorization_detail.max_approvable IS 'Largest amount for which the same request would have passed every check, in minor units; null if none.';
COMMENT ON COLUMN ledger_agents.authorization_detail.retry_at IS 'Declined: when the same request would pass by time alone; null if never.';
COMMENT ON COLUMN ledger_agents.authorization_detail.remaining IS 'Approved: what the tightest limit leaves after it; null without limits.';
COMMENT ON COLUMN ledger_agents.authorization_detail.amount IS 'Asked for, in minor units.';
COMMENT ON COLUMN ledger_agents.authorization_detail.incremented_amount IS 'What approved increments have added to it. The next five amounts are of the hold and its increments together.';
COMMENT ON COLUMN ledger_agents.authorization_detail.captured_amount IS 'Captured so far.';
COMMENT ON COLUMN ledger_agents.authorization_detail.reversed_amount IS 'Given back by reversals so far.';
COMMENT ON COLUMN ledger_agents.authorization_detail.refunded_amount IS 'Given back by refunds so far.';
COMMENT ON COLUMN ledger_agents.authorization_detail.held_amount IS 'What is held now: it can be captured or reversed; 0 once it has expired.';
COMMENT ON COLUMN ledger_agents.authorization_detail.counted_amount IS 'What counts toward limits: held, and captured but not refunded.';
COMMENT ON COLUMN ledger_agents.authorization_detail.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN ledger_agents.authorization_detail.merchant IS 'Merchant as the caller names it.';
COMMENT ON COLUMN ledger_agents.authorization_detail.mcc IS 'Merchant category code, four digits.';
COMMENT ON COLUMN ledger_agents.authorization_detail.country IS 'ISO 3166 alpha-2 code.';
COMMENT ON COLUMN ledger_agents.authorization_detail.card_id IS 'The card it was made with.';
COMMENT ON COLUMN ledger_agents.authorization_detail.intent_id IS 'The intent that the request named.';
COMMENT ON COLUMN ledger_agents.authorization_detail.linked_intent_id IS 'Approved: the intent that it used up. Declined for approval_required: the one that waits for a human; call again with it and a new key once it is approved.';
COMMENT ON COLUMN ledger_agents.authorization_detail.attestation IS 'attested, stale or unattested.';
COMMENT ON COLUMN ledger_agents.authorization_detail.idempotency_key IS 'The caller''s key.';
COMMENT ON COLUMN ledger_agents.authorization_detail.hold_for IS 'How long the hold was asked for.';
COMMENT ON COLUMN ledger_agents.authorization_detail.expires_at IS 'When the hold ends by itself.';
COMMENT ON COLUMN ledger_agents.authorization_detail.increment_of IS 'Of an increment: the authorization that it adds to; null: this is no increment.';
COMMENT ON COLUMN ledger_agents.authorization_detail.recorded IS 'Whether it was booked by record_spend, without a decision.';
COMMENT ON COLUMN ledger_agents.authorization_detail.agent_limit IS 'The agent''s limit at this decision.';
COMMENT ON COLUMN ledger_agents.authorization_detail.agent_limit_frequency IS 'Its window.';
COMMENT ON COLUMN ledger_agents.authorization_detail.on_limit_exceeded IS 'What it did when exceeded.';
COMMENT ON COLUMN ledger_agents.authorization_detail.agent_spent IS 'The agent''s spend in that window after this decision.';
COMMENT ON COLUMN ledger_agents.authorization_detail.metadata IS 'The caller''s own object.';
COMMENT ON COLUMN ledger_agents.authorization_detail.decided_at IS 'Instant of the decision.';
COMMENT ON COLUMN ledger_agents.authorization_detail.replayed IS 'True: this is the stored answer to an earlier call with the same key.';
COMMENT ON COLUMN ledger_agents.authorization_detail.cursor IS 'Opaque: give it to list_authorizations(after => ...) for the page behind this row.';

-- This one, the next and evaluate() have no SET search_path: each of their statements pins it (pin_search_path in
-- src/query.c), and most decisions run none.
CREATE FUNCTION ledger_agents.authorize(
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
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.authorization_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
AS 'MODULE_PATHNAME', 'la_authorize';
COMMENT ON FUNCTION ledger_agents.authorize IS
'Decides a spend of amount (minor units, above 0) and, when approved, holds the money in the caller''s transaction. A decline is an answer, not an error. agent_id may be left out with an agent''s token; currency null is the agent''s; hold_for is above 0 and at most 3660 days, null never expires. Give an idempotency_key: the same key with the same request returns the stored row with replayed = true. Errors: 22004 without agent or amount, 22023 for a wrong value or a reused key, 22003 when a sum would overflow, P0002 unknown agent, or a card or intent that is not the agent''s, 42501, 25006 on a standby, 55P03 after ledger_agents.lock_timeout.';

CREATE FUNCTION ledger_agents.authorize_or_raise(
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
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.authorization_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
AS 'MODULE_PATHNAME', 'la_authorize_or_raise';
COMMENT ON FUNCTION ledger_agents.authorize_or_raise IS
'As authorize, but a decline raises 55000 authorization_declined. The error undoes what the decline recorded: no row, no suspension, no event stays.';

CREATE TYPE ledger_agents.spend_request AS (
	agent_id uuid,
	amount bigint,
	currency text,
	merchant text,
	mcc text,
	country text,
	card_id uuid,
	intent_id uuid,
	idempotency_key text,
	hold_for interval,
	metadata jsonb
);
COMMENT ON TYPE ledger_agents.spend_request IS
'A request of authorize_many: the arguments of authorize. What is null was not given.';
COMMENT ON COLUMN ledger_agents.spend_request.agent_id IS 'The agent that asks; null with an agent''s token is its own.';
COMMENT ON COLUMN ledger_agents.spend_request.amount IS 'Asked for, in minor units, above 0.';
COMMENT ON COLUMN ledger_agents.spend_request.currency IS 'Currency of amount; null: the agent''s.';
COMMENT ON COLUMN ledger_agents.spend_request.merchant IS 'Merchant as the caller names it, 1 to 255 characters.';
COMMENT ON COLUMN ledger_agents.spend_request.mcc IS 'Merchant category code, four digits.';
COMMENT ON COLUMN ledger_agents.spend_request.country IS 'ISO 3166 alpha-2 code.';
COMMENT ON COLUMN ledger_agents.spend_request.card_id IS 'The card it is made with.';
COMMENT ON COLUMN ledger_agents.spend_request.intent_id IS 'The intent that it fulfils.';
COMMENT ON COLUMN ledger_agents.spend_request.idempotency_key IS 'The caller''s key, 1 to 255 characters, unique for the agent.';
COMMENT ON COLUMN ledger_agents.spend_request.hold_for IS 'How long the hold lasts; null: it does not expire.';
COMMENT ON COLUMN ledger_agents.spend_request.metadata IS 'The caller''s own object, up to 64 kB.';

CREATE FUNCTION ledger_agents.authorize_many(
	requests ledger_agents.spend_request[],
	all_or_none boolean DEFAULT false,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.authorization_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_authorize_many';
COMMENT ON FUNCTION ledger_agents.authorize_many IS
'Decides 1 to 1000 requests in the order given, as that many calls of authorize would, and returns their answers in that order. All are of one organization. A wrong request is an error that names its number, and undoes all; so is, with all_or_none, a decline (55000 authorization_declined). A key that comes twice with the same request gets one answer, the second time with replayed = true. Errors: 22004 without requests or for a null among them, 22023 for too few or too many, and those of authorize.';

CREATE FUNCTION ledger_agents.evaluate(
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
RETURNS ledger_agents.authorization_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
AS 'MODULE_PATHNAME', 'la_evaluate';
COMMENT ON FUNCTION ledger_agents.evaluate IS
'What authorize would answer, from the statement''s snapshot: nothing is written or locked and no key is looked up, so the answer may be stale. as_of: the instant to decide at, null for now; one before the last decision of the agent, or of its customer or organization where that has a limit, is moved up to it. Works on a standby and in a query over many agents. Errors as authorize.';

CREATE FUNCTION ledger_agents.record_spend(
	agent_id uuid,
	amount bigint,
	currency text DEFAULT NULL,
	merchant text DEFAULT NULL,
	mcc text DEFAULT NULL,
	country text DEFAULT NULL,
	card_id uuid DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	metadata jsonb DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.authorization_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_record_spend';
COMMENT ON FUNCTION ledger_agents.record_spend IS
'Books spend of amount (minor units, above 0) that has happened elsewhere: captured at once, without a decision. It counts at every scope, above limits, too; the agent''s on_limit_exceeded then acts and events are written as for a spend that was asked about. Cooldowns, first merchants and intents are not touched. The same idempotency_key with the same arguments returns the stored row with replayed = true. Errors as authorize.';

CREATE FUNCTION ledger_agents.increment(
	authorization_id uuid,
	amount bigint,
	idempotency_key text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.authorization_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_increment';
COMMENT ON FUNCTION ledger_agents.increment IS
'Asks for amount (minor units, above 0) more on a hold of which nothing is captured, up to 100 times. Kill switches and limits decide, per transaction about the new total. Returns the increment, an authorization of its own with increment_of; when it is declined the hold stays as it was. The same idempotency_key and amount again returns the same row with replayed = true. Errors: P0002 unknown authorization, 22004, 22023 for a wrong amount or a reused key, 55000 when it is no hold any more, an increment itself, or has too many.';

CREATE FUNCTION ledger_agents.capture(
	authorization_id uuid,
	amount bigint DEFAULT NULL,
	final boolean DEFAULT true,
	force boolean DEFAULT false,
	idempotency_key text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.authorization_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_capture';
COMMENT ON FUNCTION ledger_agents.capture IS
'Takes amount (minor units, above 0; null: all that is held) of a hold. final frees the rest; final => false lets further captures follow until nothing is left. Captures together may go beyond the hold by the organization''s capture_tolerance_percent; force goes further, and takes a hold that has expired. What is above the hold counts in the window of the authorization; the agent''s on_limit_exceeded then acts. Status and rules do not matter. The same idempotency_key, amount and final again returns the authorization unchanged with replayed = true. Errors: P0002 unknown authorization, 22023 for a wrong amount or a reused key, 55000 when it is declined, captured, reversed, refunded, expired or an increment.';

CREATE FUNCTION ledger_agents.reverse(
	authorization_id uuid,
	amount bigint DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.authorization_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_reverse';
COMMENT ON FUNCTION ledger_agents.reverse IS
'Gives back amount (minor units, above 0; null: all) of what is held and not captured, in the window of its authorization and at every scope that counted it, increments first. All of a hold given back gives back its intent, its place in maxAuthCount and a single card, too. The same idempotency_key and amount again returns the authorization unchanged with replayed = true. Errors: P0002 unknown authorization, 22023 for a wrong amount or a reused key, 55000 when it is declined, captured, reversed, refunded, expired or an increment.';

CREATE FUNCTION ledger_agents.refund(
	authorization_id uuid,
	amount bigint DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.authorization_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_refund';
COMMENT ON FUNCTION ledger_agents.refund IS
'Gives back amount (minor units, above 0; null: all) of what was captured and not refunded, in the window of its authorization and at every scope that counted it. The same idempotency_key and amount again returns the authorization unchanged with replayed = true. Errors: P0002 unknown authorization, 22023 for a wrong amount or a reused key, 55000 when nothing was captured, all of it is refunded, or it is an increment.';

CREATE FUNCTION ledger_agents.get_authorization(
	authorization_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.authorization_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_get_authorization';
COMMENT ON FUNCTION ledger_agents.get_authorization IS
'One authorization. An agent''s token sees its own only. Error: P0002 when there is none.';

CREATE FUNCTION ledger_agents.list_authorizations(
	agent_id uuid DEFAULT NULL,
	customer_id text DEFAULT NULL,
	decision text DEFAULT NULL,
	max_rows integer DEFAULT 20,
	after text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.authorization_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_authorizations';
COMMENT ON FUNCTION ledger_agents.list_authorizations IS
'Authorizations, newest first, max_rows (1 to 100) a page; after takes the cursor of the last row seen. An agent''s token sees its own only. Errors: 22023 for a wrong filter, page size or cursor.';
