\echo Use "CREATE EXTENSION ledger_agents" to load this file. \quit
/*
 * The two schemas.  They are made here and not by the control file, so that a
 * schema of the same name that somebody else made first is refused.
 */
CREATE SCHEMA ledger_agents;
COMMENT ON SCHEMA ledger_agents IS
'Spend authorization for AI agents: tables, types and functions of the SQL interface. Amounts are bigint in the currency''s minor unit; times are timestamptz.';

CREATE SCHEMA ledger_agents_api;
COMMENT ON SCHEMA ledger_agents_api IS
'ledger_agents

JSON interface of ledger_agents, to be served over HTTP by PostgREST: may this AI agent spend?

Each function takes one document, as the body of a POST to /rpc and its name, and returns one. Who calls says so by the header Api-Key (an organization''s key or an agent''s token), or by a JWT in the header Authorization. Functions that change something take the header Idempotency-Key.

Amounts are integers in the currency''s minor unit. A decline is an answer, not an error. An error has the form {"error": {type, code, message, param}} and the status 400, 401, 403, 404 or 409; what PostgREST itself refuses has the form {code, message, details, hint}.';
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
'What grant_access gives a role. operator: all functions, in every organization. auditor: reads every table, changes nothing. api: acts only as the agent or organization that authenticates.';
/*
 * Spending windows: what a frequency means on the calendar and on the clock.
 */

/* Not IMMUTABLE: time zone data changes.  Not STRICT: a null is a mistake that gets a name. */
CREATE FUNCTION ledger_agents.window_of(
	at timestamptz,
	timezone text,
	frequency ledger_agents.spending_frequency DEFAULT 'perMonth',
	mode ledger_agents.window_mode DEFAULT NULL,
	OUT window_start timestamptz,
	OUT window_end timestamptz)
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'la_window_of';
COMMENT ON FUNCTION ledger_agents.window_of IS
'The spending window that contains the instant. Calendar: [window_start, window_end), the local day, week from Monday, month or year in the time zone (a name in pg_timezone_names), from its first instant to the first instant of the next; where clocks step back over midnight the new day has begun and stays. Rolling: (window_start, window_end], the 24 hours or 7, 30 or 365 times 24 hours that end with the instant. Mode null: rolling for per24HourPeriod, calendar for the others. perTransaction: both null; allTime: -infinity and infinity. Errors: 22004 for a null instant, time zone or frequency, 22023 for an unknown time zone, 22008 for an infinite instant or a bound that timestamptz cannot hold.';
/*
 * Organizations (tenants) and customers (who funds agents).
 *
 * No foreign keys lead to these tables: the check of one runs with the
 * transaction's snapshot, so that at REPEATABLE READ it misses a row that is
 * younger than the transaction, and the first spend of a new tenant would fail.
 * Rows are never deleted, and check_invariants() proves the references.
 */
CREATE TABLE ledger_agents.organizations (
	id text COLLATE "C" NOT NULL,
	name text,
	status ledger_agents.account_status NOT NULL DEFAULT 'active',
	livemode boolean NOT NULL DEFAULT true,
	timezone text COLLATE "C" NOT NULL DEFAULT 'UTC',
	currency text COLLATE "C" NOT NULL DEFAULT 'USD',
	spending_limit bigint,
	spending_limit_frequency ledger_agents.spending_frequency NOT NULL DEFAULT 'perMonth',
	window_mode ledger_agents.window_mode,
	limit_approaching_percent integer NOT NULL DEFAULT 80,
	capture_tolerance_percent integer NOT NULL DEFAULT 0,
	transaction_events boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	CONSTRAINT organizations_pkey PRIMARY KEY (id),
	CONSTRAINT organizations_id_length CHECK (pg_catalog.char_length(id) BETWEEN 1 AND 64),
	CONSTRAINT organizations_name_length CHECK (pg_catalog.char_length(name) BETWEEN 1 AND 255),
	CONSTRAINT organizations_currency_form CHECK (currency ~ '^[A-Z0-9_]{3,16}$'),
	CONSTRAINT organizations_spending_limit_range CHECK (spending_limit >= 0),
	CONSTRAINT organizations_approaching_range CHECK (limit_approaching_percent BETWEEN 1 AND 100),
	CONSTRAINT organizations_tolerance_range CHECK (capture_tolerance_percent BETWEEN 0 AND 100)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.organizations', '');

COMMENT ON TABLE ledger_agents.organizations IS
'Tenants. Everything belongs to exactly one. The organization "default" needs no row until something is written in it: it reads as active, UTC, USD.';
COMMENT ON COLUMN ledger_agents.organizations.id IS 'The application''s own tenant id, 1 to 64 characters, compared bytewise.';
COMMENT ON COLUMN ledger_agents.organizations.name IS 'Display name, 1 to 255 characters, or null.';
COMMENT ON COLUMN ledger_agents.organizations.status IS 'suspended declines every spend of the tenant (its kill switch).';
COMMENT ON COLUMN ledger_agents.organizations.livemode IS 'True: tokens begin with at_live_ and keys with lk_live_; false: with at_test_ and lk_test_. Cannot be changed.';
COMMENT ON COLUMN ledger_agents.organizations.timezone IS 'IANA name of the time zone in which calendar windows begin and end.';
COMMENT ON COLUMN ledger_agents.organizations.currency IS 'Default currency of agents and the currency of the organization''s and its customers'' limits: 3 to 16 of A-Z, 0-9 and _.';
COMMENT ON COLUMN ledger_agents.organizations.spending_limit IS 'Most that the organization may spend per window, in minor units; 0 = nothing; null = no limit.';
COMMENT ON COLUMN ledger_agents.organizations.spending_limit_frequency IS 'Window of spending_limit.';
COMMENT ON COLUMN ledger_agents.organizations.window_mode IS 'calendar or rolling; null: rolling for per24HourPeriod, calendar for all others.';
COMMENT ON COLUMN ledger_agents.organizations.limit_approaching_percent IS 'Percent of an agent''s limit, 1 to 100, at which the event agent.limit_approaching is written.';
COMMENT ON COLUMN ledger_agents.organizations.capture_tolerance_percent IS 'Percent of what is held, 0 to 100, by which captures may go beyond it.';
COMMENT ON COLUMN ledger_agents.organizations.transaction_events IS 'Whether the events transaction.* are written, one for each decision and for each capture, reversal, refund and expiry.';
COMMENT ON COLUMN ledger_agents.organizations.created_at IS 'When the row was made.';
COMMENT ON COLUMN ledger_agents.organizations.updated_at IS 'When a field last changed.';

CREATE TABLE ledger_agents.customers (
	organization_id text COLLATE "C" NOT NULL,
	id text COLLATE "C" NOT NULL,
	name text,
	status ledger_agents.account_status NOT NULL DEFAULT 'active',
	spending_limit bigint,
	spending_limit_frequency ledger_agents.spending_frequency NOT NULL DEFAULT 'perMonth',
	window_mode ledger_agents.window_mode,
	policy jsonb,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	CONSTRAINT customers_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT customers_id_length CHECK (pg_catalog.char_length(id) BETWEEN 1 AND 255),
	CONSTRAINT customers_name_length CHECK (pg_catalog.char_length(name) BETWEEN 1 AND 255),
	CONSTRAINT customers_spending_limit_range CHECK (spending_limit >= 0),
	CONSTRAINT customers_policy_object CHECK (pg_catalog.jsonb_typeof(policy) = 'object')
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.customers', '');

COMMENT ON TABLE ledger_agents.customers IS
'Who funds agents. A row is made on first use.';
COMMENT ON COLUMN ledger_agents.customers.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.customers.id IS 'The application''s own customer id, 1 to 255 characters, compared bytewise.';
COMMENT ON COLUMN ledger_agents.customers.name IS 'Display name, 1 to 255 characters, or null.';
COMMENT ON COLUMN ledger_agents.customers.status IS 'suspended declines every spend of the customer''s agents.';
COMMENT ON COLUMN ledger_agents.customers.spending_limit IS 'Most that all its agents together may spend per window, in minor units of the organization''s currency; 0 = nothing; null = no limit.';
COMMENT ON COLUMN ledger_agents.customers.spending_limit_frequency IS 'Window of spending_limit.';
COMMENT ON COLUMN ledger_agents.customers.window_mode IS 'calendar or rolling; null: rolling for per24HourPeriod, calendar for all others.';
COMMENT ON COLUMN ledger_agents.customers.policy IS 'Rules for all its agents, an object with the published names, or null. Amounts in minor units of the organization''s currency, counted for all its agents together.';
COMMENT ON COLUMN ledger_agents.customers.created_at IS 'When the row was made.';
COMMENT ON COLUMN ledger_agents.customers.updated_at IS 'When a field last changed.';

/*
 * Every backend remembers these rows for its decisions.  ALWAYS: a change that
 * comes by replication is a change, too.
 */
CREATE FUNCTION ledger_agents.forget_tenants() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'la_forget_tenants';
COMMENT ON FUNCTION ledger_agents.forget_tenants IS
'Trigger function: has every session read organizations, customers and agents anew once the change commits.';

CREATE TRIGGER organizations_forget AFTER UPDATE OR DELETE ON ledger_agents.organizations
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.forget_tenants();
CREATE TRIGGER organizations_forget_all AFTER TRUNCATE ON ledger_agents.organizations
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.forget_tenants();
CREATE TRIGGER customers_forget AFTER UPDATE OR DELETE ON ledger_agents.customers
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.forget_tenants();
CREATE TRIGGER customers_forget_all AFTER TRUNCATE ON ledger_agents.customers
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.forget_tenants();
ALTER TABLE ledger_agents.organizations
	ENABLE ALWAYS TRIGGER organizations_forget, ENABLE ALWAYS TRIGGER organizations_forget_all;
ALTER TABLE ledger_agents.customers
	ENABLE ALWAYS TRIGGER customers_forget, ENABLE ALWAYS TRIGGER customers_forget_all;

CREATE FUNCTION ledger_agents.create_organization(
	organization_id text,
	name text DEFAULT NULL,
	livemode boolean DEFAULT true,
	timezone text DEFAULT 'UTC',
	currency text DEFAULT 'USD',
	spending_limit bigint DEFAULT NULL,
	spending_limit_frequency text DEFAULT 'perMonth',
	window_mode text DEFAULT NULL,
	limit_approaching_percent integer DEFAULT 80,
	capture_tolerance_percent integer DEFAULT 0,
	transaction_events boolean DEFAULT false)
RETURNS ledger_agents.organizations
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_create_organization';
COMMENT ON FUNCTION ledger_agents.create_organization IS
'Makes an organization and returns its row. Operators only: no key, token or claims. Errors: 23505 when the id is taken, 22023 for a wrong value, 22004 for a null id, 42501.';

CREATE FUNCTION ledger_agents.update_organization(
	changes jsonb,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.organizations
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_update_organization';
COMMENT ON FUNCTION ledger_agents.update_organization IS
'Sets the fields that the document names (name, status, timezone, currency, spending_limit, spending_limit_frequency, window_mode, limit_approaching_percent, capture_tolerance_percent, transaction_events); a JSON null clears a nullable one. Returns the row. A first limit counts what was already spent and waits for open transactions that spent. Errors: 22023 for an unknown, immutable or wrong field, 22004, P0002, 55000 for another currency once something was spent, 55P03.';

CREATE FUNCTION ledger_agents.get_organization(
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.organizations
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_get_organization';
COMMENT ON FUNCTION ledger_agents.get_organization IS
'The organization''s row. Error: P0002 when there is none.';

CREATE FUNCTION ledger_agents.update_customer(
	customer_id text,
	changes jsonb,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.customers
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_update_customer';
COMMENT ON FUNCTION ledger_agents.update_customer IS
'Sets the fields that the document names (name, status, spending_limit, spending_limit_frequency, window_mode, policy); a JSON null clears a nullable one. Makes the customer when it is new. Returns the row. A first limit counts what was already spent and waits for open transactions that spent there. Errors: 22023, 22004, P0002, 55P03.';

CREATE FUNCTION ledger_agents.get_customer(
	customer_id text,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.customers
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_get_customer';
COMMENT ON FUNCTION ledger_agents.get_customer IS
'The customer''s row. Error: P0002 when there is none.';
/*
 * Policies: named templates of rules.
 */
CREATE TABLE ledger_agents.policies (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	name text COLLATE "C" NOT NULL,
	rules jsonb NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	CONSTRAINT policies_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT policies_name_key UNIQUE (organization_id, name),
	CONSTRAINT policies_name_length CHECK (pg_catalog.char_length(name) BETWEEN 1 AND 255),
	CONSTRAINT policies_rules_object CHECK (pg_catalog.jsonb_typeof(rules) = 'object')
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.policies', '');

/* Remembered for decisions, with the agents and cards that use them. */
CREATE TRIGGER policies_forget AFTER UPDATE OR DELETE ON ledger_agents.policies
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.forget_tenants();
CREATE TRIGGER policies_forget_all AFTER TRUNCATE ON ledger_agents.policies
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.forget_tenants();
ALTER TABLE ledger_agents.policies
	ENABLE ALWAYS TRIGGER policies_forget, ENABLE ALWAYS TRIGGER policies_forget_all;

COMMENT ON TABLE ledger_agents.policies IS
'Reusable, named templates of rules, for agents and cards.';
COMMENT ON COLUMN ledger_agents.policies.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.policies.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.policies.name IS '1 to 255 characters, unique in the organization, compared bytewise.';
COMMENT ON COLUMN ledger_agents.policies.rules IS 'The rules, an object with the published names.';
COMMENT ON COLUMN ledger_agents.policies.created_at IS 'When the policy was made.';
COMMENT ON COLUMN ledger_agents.policies.updated_at IS 'When it last changed.';

CREATE TYPE ledger_agents.policy_detail AS (
	organization_id text,
	id uuid,
	name text,
	rules jsonb,
	created_at timestamptz,
	updated_at timestamptz,
	cursor text
);
COMMENT ON TYPE ledger_agents.policy_detail IS
'A policy as the functions return it: its row, and its place in a list.';
COMMENT ON COLUMN ledger_agents.policy_detail.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.policy_detail.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.policy_detail.name IS '1 to 255 characters, unique in the organization.';
COMMENT ON COLUMN ledger_agents.policy_detail.rules IS 'The rules, an object with the published names. Amounts in minor units of the organization''s currency.';
COMMENT ON COLUMN ledger_agents.policy_detail.created_at IS 'When the policy was made.';
COMMENT ON COLUMN ledger_agents.policy_detail.updated_at IS 'When its name or its rules last changed.';
COMMENT ON COLUMN ledger_agents.policy_detail.cursor IS 'Opaque: give it to list_policies(after => ...) for the page behind this row.';

CREATE FUNCTION ledger_agents.create_policy(
	name text,
	rules jsonb,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.policy_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_create_policy';
COMMENT ON FUNCTION ledger_agents.create_policy IS
'Makes a named template of rules and returns it. Operators only. Errors: 23505 policy_name_taken, 22023 for a wrong name or rules that are unknown, wrong or contradict each other (invalid_policy, naming the rule), 22004, P0002 unknown organization.';

CREATE FUNCTION ledger_agents.update_policy(
	policy_id uuid,
	changes jsonb,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.policy_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_update_policy';
COMMENT ON FUNCTION ledger_agents.update_policy IS
'Sets the fields that the document names: name, and rules, which are replaced as a whole. In force from the commit on for all who use the policy, also for calls that were already waiting. A new name waits for open transactions that have given the policy to an agent or a card. Returns the policy. Operators only. Errors: 22023 for an unknown, immutable or wrong field, 22004 for a null, P0002 unknown policy, 23505 policy_name_taken, 55P03 after ledger_agents.lock_timeout.';

CREATE FUNCTION ledger_agents.delete_policy(
	policy_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.policy_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_delete_policy';
COMMENT ON FUNCTION ledger_agents.delete_policy IS
'Removes a policy that nothing uses and returns what it was. Deregistered agents and closed cards still use theirs. Operators only. Errors: 55000 policy_in_use, naming agents or cards, P0002 unknown policy, 22004, 55P03 after ledger_agents.lock_timeout.';

CREATE FUNCTION ledger_agents.get_policy(
	policy_id uuid DEFAULT NULL,
	name text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.policy_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_get_policy';
COMMENT ON FUNCTION ledger_agents.get_policy IS
'One policy, by id or by name. Operators only. Errors: 22023 unless exactly one of the two is given, P0002 when there is none.';

CREATE FUNCTION ledger_agents.list_policies(
	max_rows integer DEFAULT 20,
	after text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.policy_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_policies';
COMMENT ON FUNCTION ledger_agents.list_policies IS
'Policies, newest first, max_rows (1 to 100) a page; after takes the cursor of the last row seen. Policies made meanwhile do not shift the pages. Operators only. Errors: 22023 for a wrong page size or cursor.';
/*
 * Agents.
 */
CREATE TABLE ledger_agents.agents (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	external_id text COLLATE "C" NOT NULL,
	customer_id text COLLATE "C" NOT NULL,
	name text NOT NULL,
	description text,
	status ledger_agents.agent_status NOT NULL DEFAULT 'active',
	suspended_reason ledger_agents.suspension_reason,
	suspended_by text,
	suspended_at timestamptz,
	spending_limit bigint,
	spending_limit_frequency ledger_agents.spending_frequency NOT NULL DEFAULT 'perMonth',
	window_mode ledger_agents.window_mode,
	on_limit_exceeded ledger_agents.limit_exceeded_action NOT NULL DEFAULT 'decline',
	currency text COLLATE "C" NOT NULL,
	max_cards integer,
	default_card_limit bigint,
	default_card_limit_frequency ledger_agents.spending_frequency NOT NULL DEFAULT 'perMonth',
	default_policy_id uuid,
	policy jsonb,
	metadata jsonb NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deregistered_at timestamptz,
	has_cards boolean NOT NULL DEFAULT false,
	CONSTRAINT agents_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT agents_external_id_length CHECK (pg_catalog.char_length(external_id) BETWEEN 1 AND 255),
	CONSTRAINT agents_customer_id_length CHECK (pg_catalog.char_length(customer_id) BETWEEN 1 AND 255),
	CONSTRAINT agents_name_length CHECK (pg_catalog.char_length(name) BETWEEN 1 AND 255),
	CONSTRAINT agents_description_length CHECK (pg_catalog.char_length(description) <= 10000),
	CONSTRAINT agents_currency_form CHECK (currency ~ '^[A-Z0-9_]{3,16}$'),
	CONSTRAINT agents_spending_limit_range CHECK (spending_limit >= 0),
	CONSTRAINT agents_max_cards_range CHECK (max_cards >= 0),
	CONSTRAINT agents_default_card_limit_range CHECK (default_card_limit >= 0),
	CONSTRAINT agents_policy_object CHECK (pg_catalog.jsonb_typeof(policy) = 'object'),
	CONSTRAINT agents_metadata_object CHECK (pg_catalog.jsonb_typeof(metadata) = 'object'),
	CONSTRAINT agents_suspension_whole CHECK
		((status = 'suspended') = (suspended_reason IS NOT NULL)
		 AND (suspended_reason IS NULL) = (suspended_at IS NULL)
		 AND (suspended_reason IS NULL) = (suspended_by IS NULL)),
	CONSTRAINT agents_deregistration_whole CHECK
		((status = 'deregistered') = (deregistered_at IS NOT NULL))
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.agents', '');

/* Reader: registration, get_agent. Deregistered agents give their external id free. */
CREATE UNIQUE INDEX agents_external_id_key ON ledger_agents.agents (organization_id, external_id)
	WHERE status <> 'deregistered';
/* Reader: a customer's first limit, list_agents by customer (newest first). */
CREATE INDEX agents_customer_idx ON ledger_agents.agents (organization_id, customer_id, id);
/* Reader: delete_policy. No foreign key: pg_restore -j would fill the tables in any order. */
CREATE INDEX agents_default_policy_idx ON ledger_agents.agents (organization_id, default_policy_id)
	WHERE default_policy_id IS NOT NULL;

/* Remembered for decisions, as organizations and customers are. */
CREATE TRIGGER agents_forget AFTER UPDATE OR DELETE ON ledger_agents.agents
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.forget_tenants();
CREATE TRIGGER agents_forget_all AFTER TRUNCATE ON ledger_agents.agents
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.forget_tenants();
ALTER TABLE ledger_agents.agents
	ENABLE ALWAYS TRIGGER agents_forget, ENABLE ALWAYS TRIGGER agents_forget_all;

COMMENT ON TABLE ledger_agents.agents IS
'AI agents that spend. Never deleted: deregistered ones stay for the books.';
COMMENT ON COLUMN ledger_agents.agents.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.agents.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.agents.external_id IS 'The application''s own id, 1 to 255 characters; unique in the organization among agents that are not deregistered.';
COMMENT ON COLUMN ledger_agents.agents.customer_id IS 'Who funds it. Cannot be changed.';
COMMENT ON COLUMN ledger_agents.agents.name IS '1 to 255 characters.';
COMMENT ON COLUMN ledger_agents.agents.description IS 'Up to 10 000 characters, or null.';
COMMENT ON COLUMN ledger_agents.agents.status IS 'Only an active agent may spend.';
COMMENT ON COLUMN ledger_agents.agents.suspended_reason IS 'Why it is suspended; null unless it is.';
COMMENT ON COLUMN ledger_agents.agents.suspended_by IS 'Who suspended it: a principal, or system.';
COMMENT ON COLUMN ledger_agents.agents.suspended_at IS 'Since when it is suspended.';
COMMENT ON COLUMN ledger_agents.agents.spending_limit IS 'Most that it may spend per window, in minor units of currency; 0 = nothing; null = no limit.';
COMMENT ON COLUMN ledger_agents.agents.spending_limit_frequency IS 'Window of spending_limit.';
COMMENT ON COLUMN ledger_agents.agents.window_mode IS 'calendar or rolling; null: rolling for per24HourPeriod, calendar for all others.';
COMMENT ON COLUMN ledger_agents.agents.on_limit_exceeded IS 'What happens to a spend above spending_limit.';
COMMENT ON COLUMN ledger_agents.agents.currency IS 'Currency of its limits: 3 to 16 of A-Z, 0-9 and _. Cannot be changed once something was spent.';
COMMENT ON COLUMN ledger_agents.agents.max_cards IS 'Most cards that are not closed; null = any number.';
COMMENT ON COLUMN ledger_agents.agents.default_card_limit IS 'Limit of new cards that name none, in minor units; null = none.';
COMMENT ON COLUMN ledger_agents.agents.default_card_limit_frequency IS 'Window of default_card_limit.';
COMMENT ON COLUMN ledger_agents.agents.default_policy_id IS 'Template given to its new cards; judges its own spends that name no card.';
COMMENT ON COLUMN ledger_agents.agents.policy IS 'Its own rules, an object with the published names, or null. Amounts in minor units of its currency.';
COMMENT ON COLUMN ledger_agents.agents.metadata IS 'The application''s own object, up to 64 kB.';
COMMENT ON COLUMN ledger_agents.agents.created_at IS 'When it was registered.';
COMMENT ON COLUMN ledger_agents.agents.updated_at IS 'When a field last changed.';
COMMENT ON COLUMN ledger_agents.agents.has_cards IS 'Whether it has or ever had a card: then it must name one when it spends, unless its rule requireCard is false.';
COMMENT ON COLUMN ledger_agents.agents.deregistered_at IS 'When it was deregistered, or null.';

CREATE TYPE ledger_agents.agent_detail AS (
	organization_id text,
	id uuid,
	external_id text,
	customer_id text,
	name text,
	description text,
	status ledger_agents.agent_status,
	suspended_reason ledger_agents.suspension_reason,
	suspended_by text,
	suspended_at timestamptz,
	spending_limit bigint,
	spending_limit_frequency ledger_agents.spending_frequency,
	window_mode ledger_agents.window_mode,
	on_limit_exceeded ledger_agents.limit_exceeded_action,
	currency text,
	max_cards integer,
	default_card_limit bigint,
	default_card_limit_frequency ledger_agents.spending_frequency,
	default_policy_id uuid,
	default_require_approval boolean,
	default_auto_approve_below bigint,
	policy jsonb,
	metadata jsonb,
	current_spend bigint,
	card_count integer,
	created_at timestamptz,
	updated_at timestamptz,
	deregistered_at timestamptz,
	cursor text
);
COMMENT ON TYPE ledger_agents.agent_detail IS
'An agent as the functions return it: its row and what is derived from it.';
COMMENT ON COLUMN ledger_agents.agent_detail.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.agent_detail.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.agent_detail.external_id IS 'The application''s own id.';
COMMENT ON COLUMN ledger_agents.agent_detail.customer_id IS 'Who funds it.';
COMMENT ON COLUMN ledger_agents.agent_detail.name IS 'Display name.';
COMMENT ON COLUMN ledger_agents.agent_detail.description IS 'Free text, or null.';
COMMENT ON COLUMN ledger_agents.agent_detail.status IS 'active, suspended or deregistered.';
COMMENT ON COLUMN ledger_agents.agent_detail.suspended_reason IS 'Why it is suspended.';
COMMENT ON COLUMN ledger_agents.agent_detail.suspended_by IS 'Who suspended it.';
COMMENT ON COLUMN ledger_agents.agent_detail.suspended_at IS 'Since when it is suspended.';
COMMENT ON COLUMN ledger_agents.agent_detail.spending_limit IS 'Most per window, in minor units; 0 = nothing; null = no limit.';
COMMENT ON COLUMN ledger_agents.agent_detail.spending_limit_frequency IS 'Window of the limit.';
COMMENT ON COLUMN ledger_agents.agent_detail.window_mode IS 'calendar or rolling; null: the default of the frequency.';
COMMENT ON COLUMN ledger_agents.agent_detail.on_limit_exceeded IS 'decline, suspend, notify or none.';
COMMENT ON COLUMN ledger_agents.agent_detail.currency IS 'Currency of its limits.';
COMMENT ON COLUMN ledger_agents.agent_detail.max_cards IS 'Most cards that are not closed; null = any number.';
COMMENT ON COLUMN ledger_agents.agent_detail.default_card_limit IS 'Limit of new cards that name none, in minor units.';
COMMENT ON COLUMN ledger_agents.agent_detail.default_card_limit_frequency IS 'Window of default_card_limit.';
COMMENT ON COLUMN ledger_agents.agent_detail.default_policy_id IS 'Template given to new cards.';
COMMENT ON COLUMN ledger_agents.agent_detail.default_require_approval IS 'requireApproval of its own rules.';
COMMENT ON COLUMN ledger_agents.agent_detail.default_auto_approve_below IS 'autoApproveBelow of its own rules, in minor units.';
COMMENT ON COLUMN ledger_agents.agent_detail.policy IS 'Its own rules.';
COMMENT ON COLUMN ledger_agents.agent_detail.metadata IS 'The application''s own object.';
COMMENT ON COLUMN ledger_agents.agent_detail.current_spend IS 'Spent in the current window of its limit, in minor units.';
COMMENT ON COLUMN ledger_agents.agent_detail.card_count IS 'Cards that are not closed.';
COMMENT ON COLUMN ledger_agents.agent_detail.created_at IS 'When it was registered.';
COMMENT ON COLUMN ledger_agents.agent_detail.updated_at IS 'When a field last changed.';
COMMENT ON COLUMN ledger_agents.agent_detail.deregistered_at IS 'When it was deregistered.';
COMMENT ON COLUMN ledger_agents.agent_detail.cursor IS 'Opaque: give it to list_agents(after => ...) for the page behind this row.';

CREATE FUNCTION ledger_agents.register_agent(
	external_id text,
	customer_id text,
	name text DEFAULT NULL,
	description text DEFAULT NULL,
	status text DEFAULT NULL,
	spending_limit bigint DEFAULT NULL,
	spending_limit_frequency text DEFAULT NULL,
	window_mode text DEFAULT NULL,
	on_limit_exceeded text DEFAULT NULL,
	currency text DEFAULT NULL,
	max_cards integer DEFAULT NULL,
	default_card_limit bigint DEFAULT NULL,
	default_card_limit_frequency text DEFAULT NULL,
	default_policy_id uuid DEFAULT NULL,
	default_require_approval boolean DEFAULT NULL,
	default_auto_approve_below bigint DEFAULT NULL,
	policy jsonb DEFAULT NULL,
	metadata jsonb DEFAULT NULL,
	organization_id text DEFAULT NULL,
	OUT organization_id text,
	OUT id uuid,
	OUT external_id text,
	OUT customer_id text,
	OUT name text,
	OUT description text,
	OUT status ledger_agents.agent_status,
	OUT suspended_reason ledger_agents.suspension_reason,
	OUT suspended_by text,
	OUT suspended_at timestamptz,
	OUT spending_limit bigint,
	OUT spending_limit_frequency ledger_agents.spending_frequency,
	OUT window_mode ledger_agents.window_mode,
	OUT on_limit_exceeded ledger_agents.limit_exceeded_action,
	OUT currency text,
	OUT max_cards integer,
	OUT default_card_limit bigint,
	OUT default_card_limit_frequency ledger_agents.spending_frequency,
	OUT default_policy_id uuid,
	OUT default_require_approval boolean,
	OUT default_auto_approve_below bigint,
	OUT policy jsonb,
	OUT metadata jsonb,
	OUT current_spend bigint,
	OUT card_count integer,
	OUT created_at timestamptz,
	OUT updated_at timestamptz,
	OUT deregistered_at timestamptz,
	OUT created boolean,
	OUT token text,
	OUT token_id uuid,
	OUT differs text[])
RETURNS record
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_register_agent';
COMMENT ON FUNCTION ledger_agents.register_agent IS
'Registers an agent, idempotently on external_id. New: created is true and token is its secret, shown this once. Known, same customer: the stored agent, nothing changed, no token; differs names the given fields whose stored values are different. Amounts in minor units. Errors: 23505 external_id_taken when another customer has the id, 22023 and 22004 naming the field, P0002 for an unknown organization or policy.';

CREATE FUNCTION ledger_agents.update_agent(
	agent_id uuid,
	changes jsonb,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.agent_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_update_agent';
COMMENT ON FUNCTION ledger_agents.update_agent IS
'Sets the fields that the document names; absent fields stay; a JSON null clears a nullable field. status may be active or suspended: suspended freezes its active cards, active unfreezes those. In force for every decision from the commit on, also for calls that were already waiting. Returns the whole agent. Errors: 22023 for an unknown, immutable or wrong field, 22004 for a null, P0002 unknown agent, 55000 when it is deregistered, or for another currency once something was spent, 55P03 after ledger_agents.lock_timeout.';

CREATE FUNCTION ledger_agents.deregister_agent(
	agent_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.agent_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_deregister_agent';
COMMENT ON FUNCTION ledger_agents.deregister_agent IS
'Retires an agent for good: it can spend no more, its tokens are revoked, its cards are closed, its external_id may be registered again. A second call changes nothing and returns the same. Error: P0002 unknown agent.';

CREATE FUNCTION ledger_agents.get_agent(
	agent_id uuid DEFAULT NULL,
	external_id text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.agent_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_get_agent';
COMMENT ON FUNCTION ledger_agents.get_agent IS
'One agent, by id or by external_id (of the one that is not deregistered). An agent''s token sees itself only. Errors: 22023 unless exactly one of the two is given, P0002 when there is none.';

CREATE FUNCTION ledger_agents.list_agents(
	customer_id text DEFAULT NULL,
	status text DEFAULT NULL,
	external_id text DEFAULT NULL,
	max_rows integer DEFAULT 20,
	after text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.agent_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_agents';
COMMENT ON FUNCTION ledger_agents.list_agents IS
'Agents, newest first, max_rows (1 to 100) a page; after takes the cursor of the last row seen. Agents registered meanwhile do not shift the pages. Errors: 22023 for a wrong filter, page size or cursor.';

CREATE TYPE ledger_agents.agent_budget_detail AS (
	agent_id uuid,
	spending_limit bigint,
	frequency ledger_agents.spending_frequency,
	window_mode ledger_agents.window_mode,
	currency text,
	current_spend bigint,
	remaining bigint,
	percent_used integer,
	window_start timestamptz,
	next_reset timestamptz
);
COMMENT ON TYPE ledger_agents.agent_budget_detail IS
'What an agent has left of its spending_limit.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.agent_id IS 'The agent.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.spending_limit IS 'Most per window, in minor units; null = no limit.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.frequency IS 'Window of the limit.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.window_mode IS 'calendar or rolling, the default resolved.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.currency IS 'Currency of the limit.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.current_spend IS 'Spent in the window, in minor units.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.remaining IS 'Left in the window, never negative; null = no limit.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.percent_used IS 'Whole percent of the limit, rounded down; null without a limit or with a limit of 0.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.window_start IS 'Begin of the window; null for perTransaction and allTime.';
COMMENT ON COLUMN ledger_agents.agent_budget_detail.next_reset IS 'End of a calendar window; for a rolling one the instant at which its oldest counted spend leaves. Null when there is none.';

CREATE FUNCTION ledger_agents.agent_budget(
	agent_id uuid DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.agent_budget_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_agent_budget';
COMMENT ON FUNCTION ledger_agents.agent_budget IS
'What the agent has left of its spending_limit now, in the statement''s snapshot. agent_id may be left out with an agent''s token. Error: P0002 unknown agent.';

/* Called by the statements behind agent_detail only; nobody else is granted it. */
CREATE FUNCTION ledger_agents.current_spend(organization_id text, agent_id uuid)
RETURNS bigint
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_current_spend';
COMMENT ON FUNCTION ledger_agents.current_spend IS
'Internal: what the agent has spent in the current window of its limit, in minor units.';
/*
 * Agent tokens: secrets that let a caller act as one agent.
 */
CREATE TABLE ledger_agents.agent_tokens (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	agent_id uuid NOT NULL,
	name text,
	prefix text COLLATE "C" NOT NULL,
	secret_hash bytea NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz,
	revoked_at timestamptz,
	CONSTRAINT agent_tokens_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT agent_tokens_name_length CHECK (pg_catalog.char_length(name) BETWEEN 1 AND 255),
	CONSTRAINT agent_tokens_hash_length CHECK (pg_catalog.octet_length(secret_hash) = 32)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.agent_tokens', '');

/* Reader: authenticate(), the one statement that knows no organization yet. Not unique: that would tell tenants of each other. */
CREATE INDEX agent_tokens_prefix_idx ON ledger_agents.agent_tokens (prefix);
/* Reader: list_agent_tokens, deregister_agent. */
CREATE INDEX agent_tokens_agent_idx ON ledger_agents.agent_tokens (organization_id, agent_id, id);

COMMENT ON TABLE ledger_agents.agent_tokens IS
'Secrets of agents, hashed. A token may spend as its agent and read what is its agent''s, nothing else.';
COMMENT ON COLUMN ledger_agents.agent_tokens.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.agent_tokens.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.agent_tokens.agent_id IS 'The agent that it acts as.';
COMMENT ON COLUMN ledger_agents.agent_tokens.name IS 'Display name, 1 to 255 characters, or null.';
COMMENT ON COLUMN ledger_agents.agent_tokens.prefix IS 'The part of the token that may be shown; it is not part of the secret''s 256 bits.';
COMMENT ON COLUMN ledger_agents.agent_tokens.secret_hash IS 'SHA-256 of the whole token.';
COMMENT ON COLUMN ledger_agents.agent_tokens.created_at IS 'When it was issued.';
COMMENT ON COLUMN ledger_agents.agent_tokens.expires_at IS 'From when on it is refused, or null.';
COMMENT ON COLUMN ledger_agents.agent_tokens.revoked_at IS 'When it was revoked, or null.';

/*
 * Kept apart from agent_tokens: an open transaction that has noted its use
 * must not hold up the revocation of the token.
 */
CREATE TABLE ledger_agents.agent_token_uses (
	organization_id text COLLATE "C" NOT NULL,
	token_id uuid NOT NULL,
	last_used_at timestamptz,
	CONSTRAINT agent_token_uses_pkey PRIMARY KEY (organization_id, token_id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.agent_token_uses', '');

COMMENT ON TABLE ledger_agents.agent_token_uses IS
'When each token was last used.';
COMMENT ON COLUMN ledger_agents.agent_token_uses.organization_id IS 'The organization of the token.';
COMMENT ON COLUMN ledger_agents.agent_token_uses.token_id IS 'The token.';
COMMENT ON COLUMN ledger_agents.agent_token_uses.last_used_at IS 'Last successful authenticate(), noted at most once a minute; not noted on standbys, in read-only or REPEATABLE READ transactions, nor when another one is just noting it.';

CREATE TYPE ledger_agents.agent_token_detail AS (
	organization_id text,
	id uuid,
	agent_id uuid,
	name text,
	prefix text,
	created_at timestamptz,
	expires_at timestamptz,
	last_used_at timestamptz,
	revoked_at timestamptz,
	token text
);
COMMENT ON TYPE ledger_agents.agent_token_detail IS
'A token as the functions return it; the secret only when it is issued.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.agent_id IS 'The agent that it acts as.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.name IS 'Display name, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.prefix IS 'The part that may be shown.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.created_at IS 'When it was issued.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.expires_at IS 'From when on it is refused, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.last_used_at IS 'Last use, to the minute, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.revoked_at IS 'When it was revoked, or null.';
COMMENT ON COLUMN ledger_agents.agent_token_detail.token IS 'The secret, only from the call that issued it; else null.';

CREATE FUNCTION ledger_agents.authenticate(
	secret text,
	OUT organization_id text,
	OUT agent_id uuid)
RETURNS record
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_authenticate';
COMMENT ON FUNCTION ledger_agents.authenticate IS
'Checks a token or a key; from here to the end of the transaction the caller acts as the token''s agent, or with all rights in the key''s organization and none outside it (agent_id null), whatever rights the role has. A second call in the same transaction may only repeat it; a rollback to before it undoes it. Give the secret as a parameter: a literal shows in logs. Errors: 42501 for a secret that is unknown, expired or revoked, or when another principal is set.';

CREATE FUNCTION ledger_agents.create_agent_token(
	agent_id uuid,
	name text DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.agent_token_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_create_agent_token';
COMMENT ON FUNCTION ledger_agents.create_agent_token IS
'Issues another token for an agent; the secret is in the answer and nowhere else. Errors: P0002 unknown agent, 55000 when it is deregistered, 22023 for a wrong name or an expiry in the past.';

CREATE FUNCTION ledger_agents.list_agent_tokens(
	agent_id uuid,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.agent_token_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_agent_tokens';
COMMENT ON FUNCTION ledger_agents.list_agent_tokens IS
'The agent''s tokens, newest first, without secrets. Error: P0002 unknown agent.';

CREATE FUNCTION ledger_agents.revoke_agent_token(
	token_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.agent_token_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_revoke_agent_token';
COMMENT ON FUNCTION ledger_agents.revoke_agent_token IS
'Ends a token: from the commit on nothing more is decided for it. A second call changes nothing. Error: P0002 unknown token.';

CREATE FUNCTION ledger_agents.rotate_agent_token(
	token_id uuid,
	grace interval DEFAULT '0',
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.agent_token_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_rotate_agent_token';
COMMENT ON FUNCTION ledger_agents.rotate_agent_token IS
'Issues a token of the same agent, name and expiry, and lets the old one expire when grace has passed (0: at once). Errors: P0002 unknown token, 55000 when it is revoked or expired, 22023 for a negative grace.';
/*
 * Organization keys: secrets with which a caller has full rights in one organization.
 */
CREATE TABLE ledger_agents.organization_keys (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	name text,
	prefix text COLLATE "C" NOT NULL,
	secret_hash bytea NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz,
	revoked_at timestamptz,
	CONSTRAINT organization_keys_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT organization_keys_name_length CHECK (pg_catalog.char_length(name) BETWEEN 1 AND 255),
	CONSTRAINT organization_keys_hash_length CHECK (pg_catalog.octet_length(secret_hash) = 32)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.organization_keys', '');

/* Reader: authenticate(), which knows no organization yet. Not unique: that would tell tenants of each other. */
CREATE INDEX organization_keys_prefix_idx ON ledger_agents.organization_keys (prefix);

COMMENT ON TABLE ledger_agents.organization_keys IS
'Secrets of organizations, hashed. Who has a key may do in its organization all that an operator may, and manage its keys.';
COMMENT ON COLUMN ledger_agents.organization_keys.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.organization_keys.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.organization_keys.name IS 'Display name, 1 to 255 characters, or null.';
COMMENT ON COLUMN ledger_agents.organization_keys.prefix IS 'The part of the key that may be shown; it is not part of the secret''s 256 bits.';
COMMENT ON COLUMN ledger_agents.organization_keys.secret_hash IS 'SHA-256 of the whole key.';
COMMENT ON COLUMN ledger_agents.organization_keys.created_at IS 'When it was issued.';
COMMENT ON COLUMN ledger_agents.organization_keys.expires_at IS 'From when on it is refused, or null.';
COMMENT ON COLUMN ledger_agents.organization_keys.revoked_at IS 'When it was revoked, or null.';

/*
 * Kept apart from organization_keys: an open transaction that has noted its use
 * must not hold up the revocation of the key.
 */
CREATE TABLE ledger_agents.organization_key_uses (
	organization_id text COLLATE "C" NOT NULL,
	key_id uuid NOT NULL,
	last_used_at timestamptz,
	CONSTRAINT organization_key_uses_pkey PRIMARY KEY (organization_id, key_id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.organization_key_uses', '');

COMMENT ON TABLE ledger_agents.organization_key_uses IS
'When each key was last used.';
COMMENT ON COLUMN ledger_agents.organization_key_uses.organization_id IS 'The organization of the key.';
COMMENT ON COLUMN ledger_agents.organization_key_uses.key_id IS 'The key.';
COMMENT ON COLUMN ledger_agents.organization_key_uses.last_used_at IS 'Last successful authenticate(), noted at most once a minute; not noted on standbys, in read-only or REPEATABLE READ transactions, nor when another one is just noting it.';

CREATE TYPE ledger_agents.organization_key_detail AS (
	organization_id text,
	id uuid,
	name text,
	prefix text,
	created_at timestamptz,
	expires_at timestamptz,
	last_used_at timestamptz,
	revoked_at timestamptz,
	key text,
	cursor text
);
COMMENT ON TYPE ledger_agents.organization_key_detail IS
'A key as the functions return it; the secret only when it is issued.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.name IS 'Display name, or null.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.prefix IS 'The part that may be shown.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.created_at IS 'When it was issued.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.expires_at IS 'From when on it is refused, or null.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.last_used_at IS 'Last use, to the minute, or null.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.revoked_at IS 'When it was revoked, or null.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.key IS 'The secret, only from the call that issued it; else null.';
COMMENT ON COLUMN ledger_agents.organization_key_detail.cursor IS 'Opaque: give it to list_organization_keys(after => ...) for the page behind this row.';

CREATE FUNCTION ledger_agents.create_organization_key(
	name text DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.organization_key_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_create_organization_key';
COMMENT ON FUNCTION ledger_agents.create_organization_key IS
'Issues a key; the secret is in the answer and nowhere else. Operators, and keys of the same organization, because a key has full rights in it. Errors: P0002 unknown organization, 22023 for a wrong name or an expiry in the past, 42501 for an agent.';

CREATE FUNCTION ledger_agents.list_organization_keys(
	max_rows integer DEFAULT 20,
	after text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.organization_key_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_organization_keys';
COMMENT ON FUNCTION ledger_agents.list_organization_keys IS
'The organization''s keys, newest first, without secrets. max_rows: 1 to 100. after: the cursor of the last row of the page before. Errors: 22023 for a wrong page, 42501 for an agent.';

CREATE FUNCTION ledger_agents.revoke_organization_key(
	key_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.organization_key_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_revoke_organization_key';
COMMENT ON FUNCTION ledger_agents.revoke_organization_key IS
'Ends a key: from the commit on nothing more is decided for it, nor changed by it. A second call changes nothing. Waits for decisions in progress in the organization. Errors: P0002 unknown key, 22004, 42501 for an agent.';

CREATE FUNCTION ledger_agents.rotate_organization_key(
	key_id uuid,
	grace interval DEFAULT '0',
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.organization_key_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_rotate_organization_key';
COMMENT ON FUNCTION ledger_agents.rotate_organization_key IS
'Issues a key of the same name and expiry, and lets the old one expire when grace has passed (0: at once). Errors: P0002 unknown key, 55000 when it is revoked or expired, 22023 for a negative grace, 22004, 42501 for an agent.';
/*
 * Names of merchants: when does one match an entry of a list.
 */

/* IMMUTABLE as lower() is: it depends on the database's collation and nothing else. */
CREATE FUNCTION ledger_agents.normal_merchant(merchant text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'la_normal_merchant_text';
COMMENT ON FUNCTION ledger_agents.normal_merchant IS
'The name as rules compare it: case folded like lower() in this database, each run of punctuation, symbols, blanks and control characters one blank, none at the ends. Empty if it has no letter and no digit. Accents, full-width forms and other scripts stay as they are. Beyond ASCII punctuation is known in databases with the encoding UTF8; in others it counts as letters. Null for a null. No errors.';

CREATE FUNCTION ledger_agents.merchant_matches(
	merchant text,
	entry text,
	strict boolean DEFAULT true)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'la_merchant_matches';
COMMENT ON FUNCTION ledger_agents.merchant_matches IS
'Whether a merchant matches an entry of a rule, both normalized by normal_merchant(). Strict, as for allowed merchants and the first merchant of a lock: the name is the entry or begins with its words. Not strict, as for blocked merchants, hints and intents: the words of one are in the other, whole and consecutive. A name or an entry without a letter or digit matches nothing. Null if an argument is null. No errors.';
/*
 * Counters: what is spent, per scope and window.
 *
 * One narrow row a scope.  Its primary key is the only index of most and the changing
 * columns come last, so that an update is HOT and its WAL record short.  The
 * row's lock and its version are what no two decisions can both pass; rows of
 * customers and organizations exist once these have had a limit.  Cards and
 * agents also have their memory here: what rules know of earlier approvals.
 *
 * No CHECK here nor on authorizations: the server parses every CHECK of a table
 * anew for every statement that writes it, which costs a decision a fifth of
 * its time.  The engine computes these values with checked arithmetic, nobody
 * else may write them, and check_invariants() proves them.
 */
CREATE TABLE ledger_agents.counters (
	organization_id text COLLATE "C" NOT NULL,
	scope ledger_agents.limit_scope NOT NULL,
	scope_id text COLLATE "C" NOT NULL,
	day_start timestamptz NOT NULL,
	day_end timestamptz NOT NULL,
	week_start timestamptz NOT NULL,
	week_end timestamptz NOT NULL,
	month_start timestamptz NOT NULL,
	month_end timestamptz NOT NULL,
	year_start timestamptz NOT NULL,
	year_end timestamptz NOT NULL,
	rolling_frequency ledger_agents.spending_frequency,
	rolling_since timestamptz,
	rolling_spent bigint,
	next_expiry timestamptz,
	exceeded_window timestamptz,
	exceeded_limit bigint,
	approaching_window timestamptz,
	approaching_limit bigint,
	attested_at timestamptz,
	intents_until timestamptz,
	captured_amount bigint,
	captured_count bigint,
	entry_count bigint,
	use_count bigint NOT NULL,
	version bigint NOT NULL,
	sequence bigint NOT NULL,
	decided_at timestamptz NOT NULL,
	last_approved_at timestamptz,
	auth_count bigint NOT NULL,
	total_spent bigint NOT NULL,
	day_spent bigint NOT NULL,
	week_spent bigint NOT NULL,
	month_spent bigint NOT NULL,
	year_spent bigint NOT NULL,
	first_merchant text,
	CONSTRAINT counters_pkey PRIMARY KEY (organization_id, scope, scope_id)
) WITH (fillfactor = 60);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.counters', '');

/* Reader: sweep. Updates stay HOT: next_expiry seldom changes, and where no hold expires it is null. */
CREATE INDEX counters_expiry_idx ON ledger_agents.counters (organization_id, next_expiry)
	WHERE next_expiry IS NOT NULL;

COMMENT ON TABLE ledger_agents.counters IS
'What is spent, one row for each agent and card, and for each customer and organization that has had a limit. Amounts in minor units of the scope''s currency; windows are half-open and in the organization''s time zone.';
COMMENT ON COLUMN ledger_agents.counters.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.counters.scope IS 'What is counted here: a card, an agent, a customer, an organization.';
COMMENT ON COLUMN ledger_agents.counters.scope_id IS 'Its id as text.';
COMMENT ON COLUMN ledger_agents.counters.day_start IS 'Begin of the latest day in which something was decided.';
COMMENT ON COLUMN ledger_agents.counters.day_end IS 'Its end.';
COMMENT ON COLUMN ledger_agents.counters.week_start IS 'Begin of the latest week, a Monday.';
COMMENT ON COLUMN ledger_agents.counters.week_end IS 'Its end.';
COMMENT ON COLUMN ledger_agents.counters.month_start IS 'Begin of the latest month.';
COMMENT ON COLUMN ledger_agents.counters.month_end IS 'Its end.';
COMMENT ON COLUMN ledger_agents.counters.year_start IS 'Begin of the latest year.';
COMMENT ON COLUMN ledger_agents.counters.year_end IS 'Its end.';
COMMENT ON COLUMN ledger_agents.counters.rolling_frequency IS 'Length of the rolling window that rolling_spent is kept for; null when none is.';
COMMENT ON COLUMN ledger_agents.counters.rolling_since IS 'rolling_spent counts what was decided after this instant.';
COMMENT ON COLUMN ledger_agents.counters.rolling_spent IS 'Spent since rolling_since.';
COMMENT ON COLUMN ledger_agents.counters.next_expiry IS 'No hold counted here expires before this instant; null when none ever expires.';
COMMENT ON COLUMN ledger_agents.counters.exceeded_window IS 'Window for which agent.limit_exceeded was last written under notify.';
COMMENT ON COLUMN ledger_agents.counters.exceeded_limit IS 'The limit for which it was.';
COMMENT ON COLUMN ledger_agents.counters.approaching_window IS 'Window for which agent.limit_approaching was last written.';
COMMENT ON COLUMN ledger_agents.counters.approaching_limit IS 'The limit for which it was.';
COMMENT ON COLUMN ledger_agents.counters.attested_at IS 'Last attestation of the card, or of the agent without a card; null: none.';
COMMENT ON COLUMN ledger_agents.counters.intents_until IS 'No open intent of the agent can last beyond this instant; null: it never had one.';
COMMENT ON COLUMN ledger_agents.counters.captured_amount IS 'Of a card: captured and not refunded; null: nothing was ever captured, and in other scopes.';
COMMENT ON COLUMN ledger_agents.counters.captured_count IS 'Of a card: authorizations of which something was captured; null as above.';
COMMENT ON COLUMN ledger_agents.counters.entry_count IS 'Number of the agent''s last entry in authorization_entries; null: none, and in other scopes.';
COMMENT ON COLUMN ledger_agents.counters.use_count IS 'Approved authorizations of the card that were not reversed in full; 0 in other scopes.';
COMMENT ON COLUMN ledger_agents.counters.version IS 'One more with every change of the row.';
COMMENT ON COLUMN ledger_agents.counters.sequence IS 'Number of the agent''s last decision; 0 in other scopes.';
COMMENT ON COLUMN ledger_agents.counters.decided_at IS 'Instant of the last decision counted here; the next is never earlier.';
COMMENT ON COLUMN ledger_agents.counters.last_approved_at IS 'Last approval with the card; for an agent, its last one without a card; null: none.';
COMMENT ON COLUMN ledger_agents.counters.auth_count IS 'Approved authorizations that still count: not reversed in full, not expired. Increments are part of theirs.';
COMMENT ON COLUMN ledger_agents.counters.total_spent IS 'Spent ever.';
COMMENT ON COLUMN ledger_agents.counters.day_spent IS 'Spent in the day above.';
COMMENT ON COLUMN ledger_agents.counters.week_spent IS 'Spent in the week above.';
COMMENT ON COLUMN ledger_agents.counters.month_spent IS 'Spent in the month above.';
COMMENT ON COLUMN ledger_agents.counters.year_spent IS 'Spent in the year above.';
COMMENT ON COLUMN ledger_agents.counters.first_merchant IS 'Merchant of the first approval that named one, with the card; for an agent, without a card.';
/*
 * Cards: spend instruments of agents, with rules and a counter of their own.
 * No card numbers are stored, ever.
 */
CREATE TABLE ledger_agents.cards (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	agent_id uuid NOT NULL,
	purpose text,
	type ledger_agents.card_type NOT NULL,
	status ledger_agents.card_status NOT NULL,
	status_reason ledger_agents.card_status_reason,
	status_by text,
	status_at timestamptz NOT NULL,
	max_amount bigint,
	spending_limit bigint,
	spending_limit_frequency ledger_agents.spending_frequency NOT NULL,
	window_mode ledger_agents.window_mode,
	policy_id uuid,
	policy jsonb,
	metadata jsonb NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	CONSTRAINT cards_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT cards_purpose_length CHECK (pg_catalog.char_length(purpose) BETWEEN 1 AND 255),
	CONSTRAINT cards_max_amount_range CHECK (max_amount > 0),
	CONSTRAINT cards_spending_limit_range CHECK (spending_limit >= 0),
	CONSTRAINT cards_policy_object CHECK (pg_catalog.jsonb_typeof(policy) = 'object'),
	CONSTRAINT cards_metadata_object CHECK (pg_catalog.jsonb_typeof(metadata) = 'object'),
	CONSTRAINT cards_status_whole CHECK
		((status = 'active') = (status_reason IS NULL) AND (status_reason IS NULL) = (status_by IS NULL))
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.cards', '');

/* Reader: whether an agent must name a card, list_cards. */
CREATE INDEX cards_agent_idx ON ledger_agents.cards (organization_id, agent_id, id);
/* Reader: max_cards, card_count, a suspension; used single cards pile up beside them. */
CREATE INDEX cards_open_idx ON ledger_agents.cards (organization_id, agent_id)
	WHERE status <> 'closed';
/* Reader: delete_policy. No foreign key: pg_restore -j would fill the tables in any order. */
CREATE INDEX cards_policy_idx ON ledger_agents.cards (organization_id, policy_id)
	WHERE policy_id IS NOT NULL;

/* Remembered for decisions, as agents are. */
CREATE TRIGGER cards_forget AFTER UPDATE OR DELETE ON ledger_agents.cards
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.forget_tenants();
CREATE TRIGGER cards_forget_all AFTER TRUNCATE ON ledger_agents.cards
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.forget_tenants();
ALTER TABLE ledger_agents.cards
	ENABLE ALWAYS TRIGGER cards_forget, ENABLE ALWAYS TRIGGER cards_forget_all;

COMMENT ON TABLE ledger_agents.cards IS
'Cards of agents: ids with rules, limits and a counter. Never deleted: closed ones stay for the books. Amounts in minor units of the agent''s currency.';
COMMENT ON COLUMN ledger_agents.cards.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.cards.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.cards.agent_id IS 'The agent that may spend with it.';
COMMENT ON COLUMN ledger_agents.cards.purpose IS 'What it is for, 1 to 255 characters, or null.';
COMMENT ON COLUMN ledger_agents.cards.type IS 'single or multi. Cannot be changed.';
COMMENT ON COLUMN ledger_agents.cards.status IS 'active, frozen, or closed for good.';
COMMENT ON COLUMN ledger_agents.cards.status_reason IS 'Why it is frozen or closed; null while it is active.';
COMMENT ON COLUMN ledger_agents.cards.status_by IS 'Who froze or closed it: a principal, or system; null while it is active.';
COMMENT ON COLUMN ledger_agents.cards.status_at IS 'Since when it has its status.';
COMMENT ON COLUMN ledger_agents.cards.max_amount IS 'Largest amount of one authorization, above 0; null: none.';
COMMENT ON COLUMN ledger_agents.cards.spending_limit IS 'Most that may be spent with it per window; null: no limit, 0: nothing.';
COMMENT ON COLUMN ledger_agents.cards.spending_limit_frequency IS 'Its window.';
COMMENT ON COLUMN ledger_agents.cards.window_mode IS 'calendar or rolling; null: as the frequency has it.';
COMMENT ON COLUMN ledger_agents.cards.policy_id IS 'Template of its rules, or null.';
COMMENT ON COLUMN ledger_agents.cards.policy IS 'Its own rules, which beat those of the template; null: none.';
COMMENT ON COLUMN ledger_agents.cards.metadata IS 'The application''s own object, up to 64 kB.';
COMMENT ON COLUMN ledger_agents.cards.created_at IS 'When it was made; the rules ttlMinutes and ttlDays count from here.';
COMMENT ON COLUMN ledger_agents.cards.updated_at IS 'When it last changed.';

CREATE TYPE ledger_agents.card_detail AS (
	organization_id text,
	id uuid,
	agent_id uuid,
	purpose text,
	type ledger_agents.card_type,
	status ledger_agents.card_status,
	status_reason ledger_agents.card_status_reason,
	status_by text,
	status_at timestamptz,
	max_amount bigint,
	spending_limit bigint,
	spending_limit_frequency ledger_agents.spending_frequency,
	window_mode ledger_agents.window_mode,
	policy_id uuid,
	policy jsonb,
	metadata jsonb,
	current_spend bigint,
	auth_count bigint,
	first_merchant text,
	created_at timestamptz,
	updated_at timestamptz,
	cursor text
);
COMMENT ON TYPE ledger_agents.card_detail IS
'A card as the functions return it: its row and what is derived from it.';
COMMENT ON COLUMN ledger_agents.card_detail.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.card_detail.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.card_detail.agent_id IS 'The agent that may spend with it.';
COMMENT ON COLUMN ledger_agents.card_detail.purpose IS 'What it is for.';
COMMENT ON COLUMN ledger_agents.card_detail.type IS 'single or multi.';
COMMENT ON COLUMN ledger_agents.card_detail.status IS 'active, frozen or closed.';
COMMENT ON COLUMN ledger_agents.card_detail.status_reason IS 'Why it is frozen or closed.';
COMMENT ON COLUMN ledger_agents.card_detail.status_by IS 'Who froze or closed it.';
COMMENT ON COLUMN ledger_agents.card_detail.status_at IS 'Since when it has its status.';
COMMENT ON COLUMN ledger_agents.card_detail.max_amount IS 'Largest amount of one authorization, in minor units; null = none.';
COMMENT ON COLUMN ledger_agents.card_detail.spending_limit IS 'Most per window, in minor units; 0 = nothing; null = no limit.';
COMMENT ON COLUMN ledger_agents.card_detail.spending_limit_frequency IS 'Window of the limit.';
COMMENT ON COLUMN ledger_agents.card_detail.window_mode IS 'calendar or rolling; null: the default of the frequency.';
COMMENT ON COLUMN ledger_agents.card_detail.policy_id IS 'Template of its rules.';
COMMENT ON COLUMN ledger_agents.card_detail.policy IS 'Its own rules.';
COMMENT ON COLUMN ledger_agents.card_detail.metadata IS 'The application''s own object.';
COMMENT ON COLUMN ledger_agents.card_detail.current_spend IS 'Spent in the current window of its limit, in minor units; perTransaction: 0.';
COMMENT ON COLUMN ledger_agents.card_detail.auth_count IS 'Approved authorizations that still count: not reversed in full, not expired.';
COMMENT ON COLUMN ledger_agents.card_detail.first_merchant IS 'Merchant of its first approval that named one.';
COMMENT ON COLUMN ledger_agents.card_detail.created_at IS 'When it was made.';
COMMENT ON COLUMN ledger_agents.card_detail.updated_at IS 'When it last changed.';
COMMENT ON COLUMN ledger_agents.card_detail.cursor IS 'Opaque: give it to list_cards(after => ...) for the page behind this row.';

CREATE FUNCTION ledger_agents.create_card(
	agent_id uuid,
	purpose text DEFAULT NULL,
	type text DEFAULT 'single',
	max_amount bigint DEFAULT NULL,
	spending_limit bigint DEFAULT NULL,
	spending_limit_frequency text DEFAULT NULL,
	window_mode text DEFAULT NULL,
	policy_id uuid DEFAULT NULL,
	policy jsonb DEFAULT NULL,
	metadata jsonb DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.card_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_create_card';
COMMENT ON FUNCTION ledger_agents.create_card IS
'Makes a card of an active agent. A card that names no spending_limit gets the agent''s default_card_limit and, unless it names one, its frequency; one that names no policy_id gets the agent''s default_policy_id. type is single or multi. Amounts in minor units of the agent''s currency. Errors: 55000 max_cards_reached when the agent has max_cards cards that are not closed, agent_suspended, agent_deregistered; P0002 unknown agent or policy; 22023 and 22004 naming the field.';

CREATE FUNCTION ledger_agents.update_card(
	card_id uuid,
	changes jsonb,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.card_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_update_card';
COMMENT ON FUNCTION ledger_agents.update_card IS
'Sets the fields that the document names: purpose, max_amount, spending_limit, spending_limit_frequency, window_mode, policy_id, policy, metadata. Absent fields stay; a JSON null clears a nullable field. In force for every decision from the commit on. Errors: 55000 card_closed, P0002 unknown card or policy, 22023 for an unknown, immutable or wrong field, 22004 for a null, 55P03 after ledger_agents.lock_timeout.';

CREATE FUNCTION ledger_agents.freeze_card(
	card_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.card_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_freeze_card';
COMMENT ON FUNCTION ledger_agents.freeze_card IS
'Freezes a card by hand: nothing can be spent with it until unfreeze_card. A card that is frozen for another reason is from now on frozen by hand. A second call changes nothing and returns the same. Errors: 55000 card_closed, P0002 unknown card, 55P03.';

CREATE FUNCTION ledger_agents.unfreeze_card(
	card_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.card_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_unfreeze_card';
COMMENT ON FUNCTION ledger_agents.unfreeze_card IS
'Makes a frozen card active again, whatever it was frozen for; an active one is returned as it is. Errors: 55000 card_closed, agent_suspended while its agent is, or card_expired where its life was over and still is; P0002 unknown card, 55P03.';

CREATE FUNCTION ledger_agents.close_card(
	card_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.card_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_close_card';
COMMENT ON FUNCTION ledger_agents.close_card IS
'Closes a card for good. A second call changes nothing and returns the same. Errors: P0002 unknown card, 55P03.';

CREATE FUNCTION ledger_agents.get_card(
	card_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.card_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_get_card';
COMMENT ON FUNCTION ledger_agents.get_card IS
'One card. An agent''s token sees its own only. Error: P0002 when there is none.';

CREATE FUNCTION ledger_agents.list_cards(
	agent_id uuid DEFAULT NULL,
	status text DEFAULT NULL,
	max_rows integer DEFAULT 20,
	after text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.card_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_cards';
COMMENT ON FUNCTION ledger_agents.list_cards IS
'Cards, newest first, max_rows (1 to 100) a page; after takes the cursor of the last row seen. An agent''s token sees its own only. Errors: 22023 for a wrong filter, page size or cursor; P0002 for a token that names another agent.';

/* Called by the statements behind card_detail only; nobody else is granted it. */
CREATE FUNCTION ledger_agents.current_card_spend(organization_id text, card_id uuid)
RETURNS bigint
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_current_card_spend';
COMMENT ON FUNCTION ledger_agents.current_card_spend IS
'Internal: what was spent with the card in the current window of its limit, in minor units.';
/*
 * Intents: what agents say they are about to buy, and what humans say to it;
 * and attestations: that a purchase was looked at before it was made.
 */
CREATE TABLE ledger_agents.intents (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	agent_id uuid NOT NULL,
	card_id uuid,
	client_intent_id text COLLATE "C",
	status ledger_agents.intent_status NOT NULL,
	summary text,
	expected_amount bigint,
	expected_currency text COLLATE "C" NOT NULL,
	expected_merchant text,
	expected_mccs text[] COLLATE "C",
	tolerance bigint,
	tolerance_percent integer,
	ttl_minutes integer NOT NULL,
	expires_at timestamptz NOT NULL,
	parked boolean NOT NULL,
	approved_at timestamptz,
	approved_by text,
	rejected_at timestamptz,
	rejected_by text,
	rejection_reason text,
	canceled_at timestamptz,
	canceled_by text,
	authorization_id uuid,
	settled_at timestamptz,
	metadata jsonb NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT intents_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT intents_client_id_length CHECK (pg_catalog.char_length(client_intent_id) BETWEEN 1 AND 255),
	CONSTRAINT intents_summary_length CHECK (pg_catalog.char_length(summary) BETWEEN 1 AND 1000),
	CONSTRAINT intents_merchant_length CHECK (pg_catalog.char_length(expected_merchant) BETWEEN 1 AND 255),
	CONSTRAINT intents_reason_length CHECK (pg_catalog.char_length(rejection_reason) BETWEEN 1 AND 1000),
	CONSTRAINT intents_expected_amount_range CHECK (expected_amount > 0),
	CONSTRAINT intents_tolerance_range CHECK (tolerance >= 0),
	CONSTRAINT intents_tolerance_percent_range CHECK (tolerance_percent BETWEEN 0 AND 100),
	CONSTRAINT intents_ttl_range CHECK (ttl_minutes BETWEEN 1 AND 1440),
	CONSTRAINT intents_metadata_object CHECK (pg_catalog.jsonb_typeof(metadata) = 'object'),
	CONSTRAINT intents_approval_whole CHECK ((approved_at IS NULL) = (approved_by IS NULL)),
	CONSTRAINT intents_rejection_whole CHECK
		((status = 'rejected') = (rejected_at IS NOT NULL) AND (rejected_at IS NULL) = (rejected_by IS NULL)),
	CONSTRAINT intents_cancellation_whole CHECK
		((status = 'canceled') = (canceled_at IS NOT NULL) AND (canceled_at IS NULL) = (canceled_by IS NULL)),
	CONSTRAINT intents_settlement_whole CHECK
		((status IN ('matched', 'mismatched')) = (authorization_id IS NOT NULL)
		 AND (authorization_id IS NULL) = (settled_at IS NULL))
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.intents', '');

/* Reader: the replay of declare_intent. */
CREATE UNIQUE INDEX intents_client_id_key
	ON ledger_agents.intents (organization_id, agent_id, client_intent_id)
	WHERE client_intent_id IS NOT NULL;
/* Reader: decisions, which look at the open intents of an agent, oldest first. */
CREATE INDEX intents_open_idx ON ledger_agents.intents (organization_id, agent_id, id)
	WHERE status IN ('pending_approval', 'pending');
/* Reader: sweep. */
CREATE INDEX intents_expiry_idx ON ledger_agents.intents (organization_id, expires_at)
	WHERE status IN ('pending_approval', 'pending');
/* Reader: list_intents. */
CREATE INDEX intents_agent_idx ON ledger_agents.intents (organization_id, agent_id, id);

COMMENT ON TABLE ledger_agents.intents IS
'What agents say they are about to buy. An open one is expired from the instant of expires_at on, whatever its status says. Amounts in minor units of expected_currency.';
COMMENT ON COLUMN ledger_agents.intents.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.intents.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.intents.agent_id IS 'The agent that is going to buy.';
COMMENT ON COLUMN ledger_agents.intents.card_id IS 'The card it is going to buy with; null: any, or none.';
COMMENT ON COLUMN ledger_agents.intents.client_intent_id IS 'The caller''s own id, 1 to 255 characters, unique per agent; null: none.';
COMMENT ON COLUMN ledger_agents.intents.status IS 'Where it stands; see intent_status.';
COMMENT ON COLUMN ledger_agents.intents.summary IS 'What is to be bought, in words, 1 to 1000 characters, or null.';
COMMENT ON COLUMN ledger_agents.intents.expected_amount IS 'Amount, above 0; null: any.';
COMMENT ON COLUMN ledger_agents.intents.expected_currency IS 'Its currency.';
COMMENT ON COLUMN ledger_agents.intents.expected_merchant IS 'Merchant, 1 to 255 characters; null: any.';
COMMENT ON COLUMN ledger_agents.intents.expected_mccs IS 'Merchant category codes, four digits each; null: any.';
COMMENT ON COLUMN ledger_agents.intents.tolerance IS 'How far the amount may be off, in minor units; null: by tolerance_percent.';
COMMENT ON COLUMN ledger_agents.intents.tolerance_percent IS 'How far the amount may be off, 0 to 100 percent; null: by the rule intentTolerance, else 10.';
COMMENT ON COLUMN ledger_agents.intents.ttl_minutes IS 'How long it stays open, 1 to 1440 minutes; an approval starts it anew.';
COMMENT ON COLUMN ledger_agents.intents.expires_at IS 'When it is over by itself, unless it is used up before.';
COMMENT ON COLUMN ledger_agents.intents.parked IS 'Made by a decline for approval_required, for exactly that request.';
COMMENT ON COLUMN ledger_agents.intents.approved_at IS 'When a human approved it.';
COMMENT ON COLUMN ledger_agents.intents.approved_by IS 'Who did.';
COMMENT ON COLUMN ledger_agents.intents.rejected_at IS 'When a human rejected it.';
COMMENT ON COLUMN ledger_agents.intents.rejected_by IS 'Who did.';
COMMENT ON COLUMN ledger_agents.intents.rejection_reason IS 'Why, 1 to 1000 characters, or null.';
COMMENT ON COLUMN ledger_agents.intents.canceled_at IS 'When it was canceled.';
COMMENT ON COLUMN ledger_agents.intents.canceled_by IS 'Who did.';
COMMENT ON COLUMN ledger_agents.intents.authorization_id IS 'The authorization that used it up.';
COMMENT ON COLUMN ledger_agents.intents.settled_at IS 'When it did.';
COMMENT ON COLUMN ledger_agents.intents.metadata IS 'The application''s own object, up to 64 kB.';
COMMENT ON COLUMN ledger_agents.intents.created_at IS 'When it was declared.';

CREATE TABLE ledger_agents.attestations (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	agent_id uuid NOT NULL,
	card_id uuid,
	summary text NOT NULL,
	expected_amount bigint,
	expected_merchant text,
	context jsonb NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT attestations_pkey PRIMARY KEY (organization_id, id),
	CONSTRAINT attestations_summary_length CHECK (pg_catalog.char_length(summary) BETWEEN 1 AND 1000),
	CONSTRAINT attestations_merchant_length CHECK (pg_catalog.char_length(expected_merchant) BETWEEN 1 AND 255),
	CONSTRAINT attestations_expected_amount_range CHECK (expected_amount > 0),
	CONSTRAINT attestations_context_object CHECK (pg_catalog.jsonb_typeof(context) = 'object')
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.attestations', '');

/* Reader: what was attested before a spend, newest first. */
CREATE INDEX attestations_agent_idx ON ledger_agents.attestations (organization_id, agent_id, id);

COMMENT ON TABLE ledger_agents.attestations IS
'Access events: that an agent said what it was about to do before it used its means to spend.';
COMMENT ON COLUMN ledger_agents.attestations.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.attestations.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.attestations.agent_id IS 'The agent.';
COMMENT ON COLUMN ledger_agents.attestations.card_id IS 'The card it is about to use; null: none.';
COMMENT ON COLUMN ledger_agents.attestations.summary IS 'What it is about to do, 1 to 1000 characters.';
COMMENT ON COLUMN ledger_agents.attestations.expected_amount IS 'Amount, above 0, in minor units; null: not said.';
COMMENT ON COLUMN ledger_agents.attestations.expected_merchant IS 'Merchant, 1 to 255 characters; null: not said.';
COMMENT ON COLUMN ledger_agents.attestations.context IS 'The caller''s own object, up to 64 kB.';
COMMENT ON COLUMN ledger_agents.attestations.created_at IS 'When.';

CREATE TYPE ledger_agents.intent_detail AS (
	organization_id text,
	id uuid,
	agent_id uuid,
	card_id uuid,
	client_intent_id text,
	status ledger_agents.intent_status,
	summary text,
	expected_amount bigint,
	expected_currency text,
	expected_merchant text,
	expected_mccs text[],
	tolerance bigint,
	tolerance_percent integer,
	ttl_minutes integer,
	expires_at timestamptz,
	parked boolean,
	approved_at timestamptz,
	approved_by text,
	rejected_at timestamptz,
	rejected_by text,
	rejection_reason text,
	canceled_at timestamptz,
	canceled_by text,
	authorization_id uuid,
	settled_at timestamptz,
	metadata jsonb,
	created_at timestamptz,
	replayed boolean,
	cursor text
);
COMMENT ON TYPE ledger_agents.intent_detail IS
'An intent as the functions return it: its row, expired where its time is over.';
COMMENT ON COLUMN ledger_agents.intent_detail.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.intent_detail.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.intent_detail.agent_id IS 'The agent that is going to buy.';
COMMENT ON COLUMN ledger_agents.intent_detail.card_id IS 'The card it is going to buy with; null: any, or none.';
COMMENT ON COLUMN ledger_agents.intent_detail.client_intent_id IS 'The caller''s own id, or null.';
COMMENT ON COLUMN ledger_agents.intent_detail.status IS 'Where it stands now; an open one is expired from expires_at on.';
COMMENT ON COLUMN ledger_agents.intent_detail.summary IS 'What is to be bought, in words, or null.';
COMMENT ON COLUMN ledger_agents.intent_detail.expected_amount IS 'Amount in minor units; null: any.';
COMMENT ON COLUMN ledger_agents.intent_detail.expected_currency IS 'Its currency.';
COMMENT ON COLUMN ledger_agents.intent_detail.expected_merchant IS 'Merchant; null: any.';
COMMENT ON COLUMN ledger_agents.intent_detail.expected_mccs IS 'Merchant category codes, sorted, each once; null: any.';
COMMENT ON COLUMN ledger_agents.intent_detail.tolerance IS 'How far the amount may be off, in minor units; null: by tolerance_percent.';
COMMENT ON COLUMN ledger_agents.intent_detail.tolerance_percent IS 'How far the amount may be off, in percent; null: by the rule intentTolerance, else 10.';
COMMENT ON COLUMN ledger_agents.intent_detail.ttl_minutes IS 'How long it stays open, in minutes; an approval starts it anew.';
COMMENT ON COLUMN ledger_agents.intent_detail.expires_at IS 'When it is over by itself, unless it is used up before.';
COMMENT ON COLUMN ledger_agents.intent_detail.parked IS 'Made by a decline for approval_required, for exactly that request.';
COMMENT ON COLUMN ledger_agents.intent_detail.approved_at IS 'When a human approved it, or null.';
COMMENT ON COLUMN ledger_agents.intent_detail.approved_by IS 'Who did.';
COMMENT ON COLUMN ledger_agents.intent_detail.rejected_at IS 'When a human rejected it, or null.';
COMMENT ON COLUMN ledger_agents.intent_detail.rejected_by IS 'Who did.';
COMMENT ON COLUMN ledger_agents.intent_detail.rejection_reason IS 'Why, or null.';
COMMENT ON COLUMN ledger_agents.intent_detail.canceled_at IS 'When it was canceled, or null.';
COMMENT ON COLUMN ledger_agents.intent_detail.canceled_by IS 'Who did.';
COMMENT ON COLUMN ledger_agents.intent_detail.authorization_id IS 'The authorization that used it up, or null.';
COMMENT ON COLUMN ledger_agents.intent_detail.settled_at IS 'When it did.';
COMMENT ON COLUMN ledger_agents.intent_detail.metadata IS 'The application''s own object.';
COMMENT ON COLUMN ledger_agents.intent_detail.created_at IS 'When it was declared.';
COMMENT ON COLUMN ledger_agents.intent_detail.replayed IS 'True: the stored intent of an earlier declare_intent() with this client_intent_id.';
COMMENT ON COLUMN ledger_agents.intent_detail.cursor IS 'Where the next page of a list begins.';

CREATE FUNCTION ledger_agents.declare_intent(
	agent_id uuid DEFAULT NULL,
	card_id uuid DEFAULT NULL,
	client_intent_id text DEFAULT NULL,
	summary text DEFAULT NULL,
	expected_amount bigint DEFAULT NULL,
	expected_currency text DEFAULT NULL,
	expected_merchant text DEFAULT NULL,
	expected_mccs text[] DEFAULT NULL,
	tolerance bigint DEFAULT NULL,
	tolerance_percent integer DEFAULT NULL,
	ttl_minutes integer DEFAULT 30,
	metadata jsonb DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.intent_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_declare_intent';
COMMENT ON FUNCTION ledger_agents.declare_intent IS
'Says what an agent is about to buy: pending, or pending_approval where the rules want a human''s word. agent_id may be left out with an agent''s token or with a card_id. Idempotent on (agent, client_intent_id): the same request again returns the stored intent with replayed true; metadata is not compared. Amounts above 0, in minor units; expected_mccs 1 to 100 codes of four digits; tolerance_percent 0 to 100; ttl_minutes 1 to 1440. Errors: 22023 naming the field, 22023 intent_id_reused for another request, P0002 unknown agent or card, 55000 agent_deregistered, card_closed, too_many_intents (100 are open), 55P03 after ledger_agents.lock_timeout.';

CREATE FUNCTION ledger_agents.approve_intent(
	intent_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.intent_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_approve_intent';
COMMENT ON FUNCTION ledger_agents.approve_intent IS
'A human''s yes to an intent in pending_approval: it is pending, and its ttl starts anew. A second call changes nothing. Errors: P0002 unknown intent, 55000 intent_<status> in any other status, 42501 for an agent''s token.';

CREATE FUNCTION ledger_agents.reject_intent(
	intent_id uuid,
	reason text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.intent_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_reject_intent';
COMMENT ON FUNCTION ledger_agents.reject_intent IS
'A human''s no to an intent in pending_approval, with a reason of 1 to 1000 characters or none. A second call changes nothing, also not the reason. Errors: P0002 unknown intent, 55000 intent_<status> in any other status, 22023 for the reason, 42501 for an agent''s token.';

CREATE FUNCTION ledger_agents.cancel_intent(
	intent_id uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.intent_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_cancel_intent';
COMMENT ON FUNCTION ledger_agents.cancel_intent IS
'Takes an open intent back; an agent''s token can do so with its own. A second call changes nothing. Errors: P0002 unknown intent, 55000 intent_<status> when it is not open.';

CREATE FUNCTION ledger_agents.get_intent(
	intent_id uuid DEFAULT NULL,
	agent_id uuid DEFAULT NULL,
	client_intent_id text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.intent_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_get_intent';
COMMENT ON FUNCTION ledger_agents.get_intent IS
'One intent, by id, or by client_intent_id and agent_id (which may be left out with an agent''s token). A token sees its own only. Errors: 22023 unless exactly one of intent_id and client_intent_id is given, 22004 without an agent, P0002 when there is none.';

CREATE FUNCTION ledger_agents.list_intents(
	agent_id uuid DEFAULT NULL,
	card_id uuid DEFAULT NULL,
	status text DEFAULT NULL,
	max_rows integer DEFAULT 20,
	after text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.intent_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_intents';
COMMENT ON FUNCTION ledger_agents.list_intents IS
'Intents, newest first, max_rows (1 to 100) a page; after takes the cursor of the last row seen. status is where they stand now, expired included. A token sees its own only. Errors: 22023 for a wrong filter, page size or cursor, P0002 for another agent than the token''s.';

CREATE TYPE ledger_agents.attestation_detail AS (
	organization_id text,
	id uuid,
	agent_id uuid,
	card_id uuid,
	summary text,
	expected_amount bigint,
	expected_merchant text,
	context jsonb,
	created_at timestamptz,
	cursor text
);
COMMENT ON TYPE ledger_agents.attestation_detail IS
'An attestation as the functions return it.';
COMMENT ON COLUMN ledger_agents.attestation_detail.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.attestation_detail.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.attestation_detail.agent_id IS 'The agent.';
COMMENT ON COLUMN ledger_agents.attestation_detail.card_id IS 'The card it is about to use; null: none.';
COMMENT ON COLUMN ledger_agents.attestation_detail.summary IS 'What it is about to do.';
COMMENT ON COLUMN ledger_agents.attestation_detail.expected_amount IS 'Amount in minor units; null: not said.';
COMMENT ON COLUMN ledger_agents.attestation_detail.expected_merchant IS 'Merchant; null: not said.';
COMMENT ON COLUMN ledger_agents.attestation_detail.context IS 'The caller''s own object.';
COMMENT ON COLUMN ledger_agents.attestation_detail.created_at IS 'When.';
COMMENT ON COLUMN ledger_agents.attestation_detail.cursor IS 'Where the next page of a list begins.';

CREATE FUNCTION ledger_agents.attest(
	agent_id uuid DEFAULT NULL,
	card_id uuid DEFAULT NULL,
	summary text DEFAULT NULL,
	expected_amount bigint DEFAULT NULL,
	expected_merchant text DEFAULT NULL,
	context jsonb DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.attestation_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_attest';
COMMENT ON FUNCTION ledger_agents.attest IS
'Records that an agent said what it is about to do before it uses its means to spend: with the card that is named, else without one. From then on, for attestationWindowMinutes, its spends there are attested. summary is required. agent_id may be left out with an agent''s token or with a card_id. Amounts above 0, in minor units. Errors: 22004 without a summary, 22023 naming the field, P0002 unknown agent or card, 55000 agent_deregistered, card_closed, 55P03 after ledger_agents.lock_timeout.';

CREATE FUNCTION ledger_agents.list_attestations(
	agent_id uuid DEFAULT NULL,
	max_rows integer DEFAULT 20,
	after text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.attestation_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_attestations';
COMMENT ON FUNCTION ledger_agents.list_attestations IS
'Attestations, newest first, max_rows (1 to 100) a page; after takes the cursor of the last row seen. A token sees its own only. Errors: 22023 for a wrong page size or cursor, P0002 for another agent than the token''s.';
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
 * decided_at to the microsecond, so that this is an index on time, too.
 */
CREATE UNIQUE INDEX authorizations_agent_key
	ON ledger_agents.authorizations (organization_id, agent_id, id);
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
'What changed an authorization after the decision. Append-only.';
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
'An authorization as the functions return it.';
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
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_authorize';
COMMENT ON FUNCTION ledger_agents.authorize IS
'Decides a spend of amount (minor units, above 0) and, when approved, holds the money in the caller''s transaction. A decline is an answer, not an error. agent_id may be left out with an agent''s token; currency null is the agent''s; hold_for null never expires. Give an idempotency_key: the same key with the same request returns the stored row with replayed = true. Errors: 22004 without agent or amount, 22023 for a wrong value or a reused key, 22003 when a sum would overflow, P0002 unknown agent, or a card or intent that is not the agent''s, 42501, 25006 on a standby, 55P03 after ledger_agents.lock_timeout.';

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
SET search_path = pg_catalog, pg_temp
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
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_evaluate';
COMMENT ON FUNCTION ledger_agents.evaluate IS
'What authorize would answer, from the statement''s snapshot: nothing is written or locked and no key is looked up, so the answer may be stale. as_of: the instant to decide at, null for now. Works on a standby and in a query over many agents. Errors as authorize.';

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
COMMENT ON COLUMN ledger_agents.rule_detail.passed_then IS 'Of a stored authorization: false when its reasons name this one; else null.';

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
/*
 * Sweeping: writing down what time alone has ended.
 */
CREATE TYPE ledger_agents.sweep_detail AS (
	expired_holds integer,
	expired_intents integer,
	expired_cards integer,
	more boolean
);
COMMENT ON TYPE ledger_agents.sweep_detail IS
'What one call of sweep has written down.';
COMMENT ON COLUMN ledger_agents.sweep_detail.expired_holds IS 'Holds past their expires_at, each with its increments: expired, or captured where part of them was.';
COMMENT ON COLUMN ledger_agents.sweep_detail.expired_intents IS 'Open intents past their expires_at: expired.';
COMMENT ON COLUMN ledger_agents.sweep_detail.expired_cards IS 'Cards past the end of their life: frozen or closed, as onExpiry says.';
COMMENT ON COLUMN ledger_agents.sweep_detail.more IS 'There is more to do: max_rows was reached, or somebody was in the way.';

CREATE FUNCTION ledger_agents.sweep(
	max_rows integer DEFAULT 1000,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.sweep_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_sweep';
COMMENT ON FUNCTION ledger_agents.sweep IS
'Writes down what time alone has ended, in one organization: holds, intents and the lives of cards, at most max_rows (1 to 10000) of them together. No decision depends on it; it moves amounts out of counters, turns cards as onExpiry says, and writes the events transaction.expired, intent.expired and card.expired. May run at any time, also twice at once; in a transaction of its own, which other callers of the same agents wait for. Counters that look for holds which have not expired after all are put right on the way, and count toward max_rows. It leaves out whom it would have to wait for; only when there is nobody else it waits for one, at most ledger_agents.lock_timeout, and in a transaction that has done something before it waits for nobody. Errors: 22023 for max_rows, 22004 for a null, 55P03.';
/*
 * The chain: authorizations and entries of an agent, sealed by hashes, so that
 * whoever has noted one hash elsewhere can tell that nothing before it was
 * changed, taken out or put in.
 *
 * Nothing of it is made when a decision is: seal_chain() seals what is there.
 */
CREATE TABLE ledger_agents.chain_seals (
	organization_id text COLLATE "C" NOT NULL,
	agent_id uuid NOT NULL,
	number bigint NOT NULL,
	sequence bigint NOT NULL,
	entry_number bigint NOT NULL,
	decided_at timestamptz NOT NULL,
	head bytea NOT NULL,
	version integer NOT NULL,
	sealed_at timestamptz NOT NULL,
	CONSTRAINT chain_seals_pkey PRIMARY KEY (organization_id, agent_id, number),
	CONSTRAINT chain_seals_number_range CHECK (number > 0),
	CONSTRAINT chain_seals_sequence_range CHECK (sequence > 0),
	CONSTRAINT chain_seals_entry_range CHECK (entry_number >= 0),
	CONSTRAINT chain_seals_head_length CHECK (pg_catalog.octet_length(head) = 32),
	CONSTRAINT chain_seals_version_known CHECK (version = 1)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.chain_seals', '');

COMMENT ON TABLE ledger_agents.chain_seals IS
'Seals of agents'' histories. Each vouches for all decisions and entries up to its own, and for the seals before it. Append-only.';
COMMENT ON COLUMN ledger_agents.chain_seals.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.chain_seals.agent_id IS 'The agent.';
COMMENT ON COLUMN ledger_agents.chain_seals.number IS 'Number among the agent''s seals, from 1, without gaps.';
COMMENT ON COLUMN ledger_agents.chain_seals.sequence IS 'Last decision that is sealed, by its number; at most 1000 more than the seal before.';
COMMENT ON COLUMN ledger_agents.chain_seals.entry_number IS 'Last entry that is sealed, by its number; 0: none.';
COMMENT ON COLUMN ledger_agents.chain_seals.decided_at IS 'Instant of that decision.';
COMMENT ON COLUMN ledger_agents.chain_seals.head IS 'SHA-256, 32 bytes: of the head before and all items since, one by one.';
COMMENT ON COLUMN ledger_agents.chain_seals.version IS 'Of the form in which items are hashed: 1.';
COMMENT ON COLUMN ledger_agents.chain_seals.sealed_at IS 'When.';

CREATE TYPE ledger_agents.chain_seal_detail AS (
	organization_id text,
	agent_id uuid,
	number bigint,
	sequence bigint,
	entry_number bigint,
	decided_at timestamptz,
	head bytea,
	version integer,
	sealed_at timestamptz,
	sealed integer,
	more boolean
);
COMMENT ON TYPE ledger_agents.chain_seal_detail IS
'The last seal of an agent, as seal_chain() returns it.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.agent_id IS 'The agent.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.number IS 'Number of the seal; 0: nothing has been decided yet.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.sequence IS 'Last decision that is sealed, by its number.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.entry_number IS 'Last entry that is sealed, by its number; 0: none.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.decided_at IS 'Instant of that decision; null: there is none.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.head IS '32 bytes. Note it elsewhere, with sequence: verify_chain() takes both.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.version IS 'Of the form in which items are hashed: 1.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.sealed_at IS 'When it was made; null where purge() has left nothing behind it.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.sealed IS 'How many seals this call has made.';
COMMENT ON COLUMN ledger_agents.chain_seal_detail.more IS 'True: there is more to seal, call again.';

CREATE FUNCTION ledger_agents.seal_chain(
	agent_id uuid,
	max_seals integer DEFAULT 100,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.chain_seal_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_seal_chain';
COMMENT ON FUNCTION ledger_agents.seal_chain IS
'Seals all decisions and entries of the agent so far, a seal for each 1000 decisions, at most max_seals (1 to 1000) of them, and returns the last seal; where nothing is new, the one that is there. Waits for open transactions that have decided for the agent. Errors: 22004, 22023 out_of_range, P0002 unknown agent, 42501, 55000 chain_broken when decisions or entries are missing, 55P03 after ledger_agents.lock_timeout.';

CREATE FUNCTION ledger_agents.verify_chain(
	agent_id uuid,
	anchor_sequence bigint DEFAULT NULL,
	anchor_head bytea DEFAULT NULL,
	organization_id text DEFAULT NULL,
	OUT violation text,
	OUT sequence bigint,
	OUT detail text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_verify_chain';
COMMENT ON FUNCTION ledger_agents.verify_chain IS
'Reads the agent''s decisions, entries and seals and returns one row for each thing that is not as it was sealed, none in health: head_differs, decision_missing, decision_out_of_order, entry_missing, entry_out_of_order, seal_missing, seal_out_of_order, tail_is_cut, counter_differs; sequence is the last decision before it. With an anchor, sequence and head of a seal as noted elsewhere, also anchor_missing, anchor_differs or anchor_forgotten, unless the chain runs through it. For operators and auditors, and for a key within its organization. Errors: 22004 for half an anchor, 22023 invalid_length for a head that is not of 32 bytes, P0002 unknown agent, 42501.';

CREATE FUNCTION ledger_agents.chain_item(item record)
RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_chain_item';
COMMENT ON FUNCTION ledger_agents.chain_item IS
'The bytes of a row of authorizations, authorization_entries or chain_seals that are hashed: what of it never changes. Error: 22023 invalid_type for any other row.';
/*
 * Events and the record of configuration changes, both append-only.
 */
CREATE TABLE ledger_agents.events (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	type ledger_agents.event_type NOT NULL,
	agent_id uuid,
	data jsonb NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT events_pkey PRIMARY KEY (organization_id, id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.events', '');

COMMENT ON TABLE ledger_agents.events IS
'What happened, for others to act on. Append-only.';
COMMENT ON COLUMN ledger_agents.events.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.events.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.events.type IS 'What happened.';
COMMENT ON COLUMN ledger_agents.events.agent_id IS 'The agent that it is about.';
COMMENT ON COLUMN ledger_agents.events.data IS 'The payload, with the field names of the published webhooks. Amounts in minor units.';
COMMENT ON COLUMN ledger_agents.events.created_at IS 'When it was written, inside the transaction that did it.';

CREATE TABLE ledger_agents.configuration_changes (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	object_type text COLLATE "C" NOT NULL,
	object_id text COLLATE "C" NOT NULL,
	action text COLLATE "C" NOT NULL,
	old_values jsonb,
	new_values jsonb,
	principal text NOT NULL,
	database_role text NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT configuration_changes_pkey PRIMARY KEY (organization_id, id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.configuration_changes', '');

/* Reader: the history of one object. */
CREATE INDEX configuration_changes_object_idx
	ON ledger_agents.configuration_changes (organization_id, object_type, object_id, id);

COMMENT ON TABLE ledger_agents.configuration_changes IS
'Who changed what in the configuration, and when. Append-only.';
COMMENT ON COLUMN ledger_agents.configuration_changes.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.configuration_changes.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.configuration_changes.object_type IS 'organization, customer, agent, agent_token, policy, card, intent or event_consumer.';
COMMENT ON COLUMN ledger_agents.configuration_changes.object_id IS 'Its id as text.';
COMMENT ON COLUMN ledger_agents.configuration_changes.action IS 'create, update, delete, deregister, revoke, freeze, unfreeze, close, approve, reject or cancel.';
COMMENT ON COLUMN ledger_agents.configuration_changes.old_values IS 'Values of the changed fields before; null for create.';
COMMENT ON COLUMN ledger_agents.configuration_changes.new_values IS 'Values of the changed fields after. Never a secret.';
COMMENT ON COLUMN ledger_agents.configuration_changes.principal IS 'operator, key:<id>, agent:<id>, claims:<sub of the JWT>, or system for what a rule did.';
COMMENT ON COLUMN ledger_agents.configuration_changes.database_role IS 'The role that called from outside.';
COMMENT ON COLUMN ledger_agents.configuration_changes.created_at IS 'When.';

/*
 * Guards.  COPY may insert: a restore brings history.  authorizations are not
 * append-only: later verbs write what became of the money into the row.
 */
CREATE FUNCTION ledger_agents.refuse_change() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'la_refuse_change';
COMMENT ON FUNCTION ledger_agents.refuse_change IS
'Trigger function of append-only tables: raises 55000 append_only.';

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON ledger_agents.events
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON ledger_agents.events
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER configuration_changes_append_only BEFORE UPDATE OR DELETE ON ledger_agents.configuration_changes
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER configuration_changes_no_truncate BEFORE TRUNCATE ON ledger_agents.configuration_changes
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER authorization_entries_append_only BEFORE UPDATE OR DELETE ON ledger_agents.authorization_entries
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER authorization_entries_no_truncate BEFORE TRUNCATE ON ledger_agents.authorization_entries
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER authorizations_no_delete BEFORE DELETE ON ledger_agents.authorizations
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER authorizations_no_truncate BEFORE TRUNCATE ON ledger_agents.authorizations
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
/*
 * The stream of events: every event gets a position, and consumers read from
 * where they have acknowledged.
 *
 * Transactions commit in another order than they write.  A writer therefore
 * leaves the id of its event in the inbox, and a poll moves what it finds there
 * to positions without gaps: what is committed later gets a later position, and
 * is never behind a consumer.  Nothing stored refers to transactions, so a
 * restored database goes on where the dump stood.
 */
CREATE TABLE ledger_agents.event_inbox (
	organization_id text COLLATE "C" NOT NULL,
	event_id uuid NOT NULL,
	CONSTRAINT event_inbox_pkey PRIMARY KEY (organization_id, event_id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.event_inbox', '');

COMMENT ON TABLE ledger_agents.event_inbox IS
'Events that have no position yet: no poll has seen them committed.';
COMMENT ON COLUMN ledger_agents.event_inbox.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_inbox.event_id IS 'The event.';

/* No foreign keys here, as on events. check_invariants() proves the references. */
CREATE TABLE ledger_agents.event_positions (
	organization_id text COLLATE "C" NOT NULL,
	position bigint NOT NULL,
	event_id uuid NOT NULL,
	CONSTRAINT event_positions_pkey PRIMARY KEY (organization_id, position),
	/* Reader: ack_events. */
	CONSTRAINT event_positions_event_id_key UNIQUE (organization_id, event_id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.event_positions', '');

COMMENT ON TABLE ledger_agents.event_positions IS
'Where each event stands in the stream of its organization.';
COMMENT ON COLUMN ledger_agents.event_positions.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_positions.position IS 'Its place, 1 and up without gaps.';
COMMENT ON COLUMN ledger_agents.event_positions.event_id IS 'The event.';

CREATE TABLE ledger_agents.event_streams (
	organization_id text COLLATE "C" NOT NULL,
	last_position bigint NOT NULL DEFAULT 0,
	CONSTRAINT event_streams_pkey PRIMARY KEY (organization_id),
	CONSTRAINT event_streams_last_position_range CHECK (last_position >= 0)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.event_streams', '');

COMMENT ON TABLE ledger_agents.event_streams IS
'How far the events of each organization have positions. The row is the lock of who gives them.';
COMMENT ON COLUMN ledger_agents.event_streams.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_streams.last_position IS 'The last position given, 0 when none was.';

CREATE TABLE ledger_agents.event_consumers (
	organization_id text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	acked_position bigint NOT NULL,
	polled_position bigint NOT NULL,
	created_at timestamptz NOT NULL,
	acked_at timestamptz,
	CONSTRAINT event_consumers_pkey PRIMARY KEY (organization_id, name),
	CONSTRAINT event_consumers_name_length CHECK (pg_catalog.char_length(name) BETWEEN 1 AND 255),
	CONSTRAINT event_consumers_position_order CHECK (acked_position BETWEEN 0 AND polled_position)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.event_consumers', '');

COMMENT ON TABLE ledger_agents.event_consumers IS
'Who reads events, and how far. Made by the first poll.';
COMMENT ON COLUMN ledger_agents.event_consumers.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_consumers.name IS 'Chosen by the consumer, 1 to 255 characters.';
COMMENT ON COLUMN ledger_agents.event_consumers.acked_position IS 'Everything up to it was handled; 0 when nothing was.';
COMMENT ON COLUMN ledger_agents.event_consumers.polled_position IS 'Everything up to it was returned by polls that have committed; nothing beyond can be acknowledged.';
COMMENT ON COLUMN ledger_agents.event_consumers.created_at IS 'When it first polled.';
COMMENT ON COLUMN ledger_agents.event_consumers.acked_at IS 'When it last acknowledged something new, or null.';

CREATE TYPE ledger_agents.event_detail AS (
	organization_id text,
	id uuid,
	position bigint,
	type ledger_agents.event_type,
	agent_id uuid,
	data jsonb,
	created_at timestamptz
);
COMMENT ON TYPE ledger_agents.event_detail IS 'An event as poll_events returns it.';
COMMENT ON COLUMN ledger_agents.event_detail.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_detail.id IS 'Version 7 uuid. The same each time it is returned: what a receiver knows repetitions by.';
COMMENT ON COLUMN ledger_agents.event_detail.position IS 'Its place in the organization''s stream, 1 and up without gaps. It is final once the poll has committed.';
COMMENT ON COLUMN ledger_agents.event_detail.type IS 'What happened.';
COMMENT ON COLUMN ledger_agents.event_detail.agent_id IS 'The agent that it is about.';
COMMENT ON COLUMN ledger_agents.event_detail.data IS 'The payload. Amounts in minor units.';
COMMENT ON COLUMN ledger_agents.event_detail.created_at IS 'When it was written, inside the transaction that did it.';

CREATE TYPE ledger_agents.event_consumer_detail AS (
	organization_id text,
	name text,
	acked_position bigint,
	polled_position bigint,
	acknowledged bigint,
	waiting bigint,
	created_at timestamptz,
	acked_at timestamptz
);
COMMENT ON TYPE ledger_agents.event_consumer_detail IS 'A consumer as the functions return it.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.name IS 'Its name.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.acked_position IS 'Everything up to it was handled; 0 when nothing was.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.polled_position IS 'Everything up to it was returned by polls.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.acknowledged IS 'How many events this call of ack_events has acknowledged that were not before; null from other functions.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.waiting IS 'How many events that have a position it has not acknowledged. Those in event_inbox come on top: the next poll of any consumer numbers them.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.created_at IS 'When it first polled.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.acked_at IS 'When it last acknowledged something new, or null.';

CREATE FUNCTION ledger_agents.poll_events(
	consumer text,
	max_rows integer DEFAULT 100,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.event_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_poll_events';
COMMENT ON FUNCTION ledger_agents.poll_events IS
'The next 1 to 1000 events after what the consumer has acknowledged, in order of position; the same ones again until it acknowledges them. A name that is new becomes a consumer, from the earliest event kept. Poll in a transaction of its own, and handle what came after its commit: while a transaction that has polled is open, only what had a position before is seen by others. Errors: 22004, 22023 for a wrong name or max_rows, P0002 unknown organization, 25006 on a standby or in a read-only transaction.';

CREATE FUNCTION ledger_agents.ack_events(
	consumer text,
	up_to uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.event_consumer_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_ack_events';
COMMENT ON FUNCTION ledger_agents.ack_events IS
'Acknowledges everything up to the event with that id, the last one handled; it moves forward only, and what was acknowledged before counts 0. It takes an id because a position of a poll that was rolled back may by now belong to another event; and for the same reason an event that no committed poll has returned to this consumer cannot be acknowledged, as others that it has never seen may stand before it. Errors: 22004, P0002 for an unknown consumer, or an unknown event or one without position, 55000 event_not_polled, 25006 on a standby or in a read-only transaction.';

CREATE FUNCTION ledger_agents.list_event_consumers(
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.event_consumer_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_event_consumers';
COMMENT ON FUNCTION ledger_agents.list_event_consumers IS
'All consumers of the organization, by name, and how much waits for each.';

CREATE FUNCTION ledger_agents.delete_event_consumer(
	consumer text,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.event_consumer_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_delete_event_consumer';
COMMENT ON FUNCTION ledger_agents.delete_event_consumer IS
'Forgets a consumer, and returns it as it was; a later poll under its name begins anew. One that nobody runs any more should be forgotten: what it has not acknowledged is kept for it. Error: P0002 unknown consumer.';

CREATE FUNCTION ledger_agents.sign_event(
	event ledger_agents.event_detail,
	secret text,
	at timestamptz DEFAULT NULL,
	OUT body text,
	OUT header text)
RETURNS record
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_sign_event';
COMMENT ON FUNCTION ledger_agents.sign_event IS
'The event as a webhook: body is {id, type, organizationId, createdAt in milliseconds of the Unix epoch, data}; header is t=<unix seconds>,v1=<HMAC-SHA256 of "t.body", in hexadecimal>, signed at that instant (default: now). Send body as it is, in UTF-8. Give the secret as a parameter: a literal shows in logs. Errors: 22004, 22023 for an empty secret, 22008 for an instant that is infinite or before 1970.';
/*
 * Forgetting: what purge() keeps of what it has removed.
 */
CREATE TABLE ledger_agents.purges (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	before timestamptz NOT NULL,
	agents bigint NOT NULL,
	authorizations bigint NOT NULL,
	entries bigint NOT NULL,
	seals bigint NOT NULL,
	intents bigint NOT NULL,
	attestations bigint NOT NULL,
	events bigint NOT NULL,
	principal text NOT NULL,
	database_role text NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT purges_pkey PRIMARY KEY (organization_id, id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.purges', '');

COMMENT ON TABLE ledger_agents.purges IS
'What was forgotten, by whom and when. Append-only.';
COMMENT ON COLUMN ledger_agents.purges.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.purges.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.purges.before IS 'Only what was older was forgotten.';
COMMENT ON COLUMN ledger_agents.purges.agents IS 'Agents of which authorizations were.';
COMMENT ON COLUMN ledger_agents.purges.authorizations IS 'How many authorizations were.';
COMMENT ON COLUMN ledger_agents.purges.entries IS 'How many of their entries.';
COMMENT ON COLUMN ledger_agents.purges.seals IS 'How many seals of their chains.';
COMMENT ON COLUMN ledger_agents.purges.intents IS 'How many intents.';
COMMENT ON COLUMN ledger_agents.purges.attestations IS 'How many attestations.';
COMMENT ON COLUMN ledger_agents.purges.events IS 'How many events.';
COMMENT ON COLUMN ledger_agents.purges.principal IS 'operator, key:<id> or claims:<sub of the JWT>.';
COMMENT ON COLUMN ledger_agents.purges.database_role IS 'The role that called from outside.';
COMMENT ON COLUMN ledger_agents.purges.created_at IS 'When.';

CREATE TABLE ledger_agents.chain_starts (
	organization_id text COLLATE "C" NOT NULL,
	agent_id uuid NOT NULL,
	number bigint NOT NULL,
	sequence bigint NOT NULL,
	entry_number bigint NOT NULL,
	decided_at timestamptz NOT NULL,
	head bytea NOT NULL,
	purge_id uuid NOT NULL,
	CONSTRAINT chain_starts_pkey PRIMARY KEY (organization_id, agent_id, number)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.chain_starts', '');

COMMENT ON TABLE ledger_agents.chain_starts IS
'Where the chain of an agent begins after a purge: the last seal that was forgotten. The one with the highest number is in force. Append-only.';
COMMENT ON COLUMN ledger_agents.chain_starts.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.chain_starts.agent_id IS 'The agent.';
COMMENT ON COLUMN ledger_agents.chain_starts.number IS 'Number of that seal.';
COMMENT ON COLUMN ledger_agents.chain_starts.sequence IS 'Number of the last decision that was forgotten.';
COMMENT ON COLUMN ledger_agents.chain_starts.entry_number IS 'Number of the last entry that was forgotten; 0: none.';
COMMENT ON COLUMN ledger_agents.chain_starts.decided_at IS 'Instant of that decision.';
COMMENT ON COLUMN ledger_agents.chain_starts.head IS 'The seal''s head, 32 bytes, from which the rest is hashed on.';
COMMENT ON COLUMN ledger_agents.chain_starts.purge_id IS 'The purge.';

CREATE TABLE ledger_agents.purged_totals (
	organization_id text COLLATE "C" NOT NULL,
	agent_id uuid NOT NULL,
	card text COLLATE "C" NOT NULL,
	currency text COLLATE "C" NOT NULL,
	customer_id text COLLATE "C" NOT NULL,
	decisions bigint NOT NULL,
	approved bigint NOT NULL,
	counted_amount bigint NOT NULL,
	auth_count bigint NOT NULL,
	use_count bigint NOT NULL,
	captured_amount bigint NOT NULL,
	captured_count bigint NOT NULL,
	last_approved_at timestamptz,
	first_merchant text,
	CONSTRAINT purged_totals_pkey PRIMARY KEY (organization_id, agent_id, card, currency)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.purged_totals', '');

COMMENT ON TABLE ledger_agents.purged_totals IS
'What the authorizations counted that purge() has forgotten: limits for all time count them still. Written by purge() alone. Amounts in minor units of currency.';
COMMENT ON COLUMN ledger_agents.purged_totals.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.purged_totals.agent_id IS 'The agent.';
COMMENT ON COLUMN ledger_agents.purged_totals.card IS 'The card''s id as text; empty: without a card.';
COMMENT ON COLUMN ledger_agents.purged_totals.currency IS 'The currency.';
COMMENT ON COLUMN ledger_agents.purged_totals.customer_id IS 'The agent''s customer.';
COMMENT ON COLUMN ledger_agents.purged_totals.decisions IS 'Decisions, approved and declined.';
COMMENT ON COLUMN ledger_agents.purged_totals.approved IS 'Approved, increments and recorded spend included.';
COMMENT ON COLUMN ledger_agents.purged_totals.counted_amount IS 'What counted of them.';
COMMENT ON COLUMN ledger_agents.purged_totals.auth_count IS 'Approved and neither reversed in full nor expired; increments are part of theirs.';
COMMENT ON COLUMN ledger_agents.purged_totals.use_count IS 'Approved and not reversed in full.';
COMMENT ON COLUMN ledger_agents.purged_totals.captured_amount IS 'Captured and not refunded.';
COMMENT ON COLUMN ledger_agents.purged_totals.captured_count IS 'Authorizations of which something was captured.';
COMMENT ON COLUMN ledger_agents.purged_totals.last_approved_at IS 'Last approval that rules remember; null: none.';
COMMENT ON COLUMN ledger_agents.purged_totals.first_merchant IS 'The first merchant, as it was remembered when they were forgotten; null: none yet.';

CREATE TRIGGER chain_seals_append_only BEFORE UPDATE OR DELETE ON ledger_agents.chain_seals
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER chain_seals_no_truncate BEFORE TRUNCATE ON ledger_agents.chain_seals
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER chain_starts_append_only BEFORE UPDATE OR DELETE ON ledger_agents.chain_starts
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER chain_starts_no_truncate BEFORE TRUNCATE ON ledger_agents.chain_starts
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER purges_append_only BEFORE UPDATE OR DELETE ON ledger_agents.purges
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER purges_no_truncate BEFORE TRUNCATE ON ledger_agents.purges
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER purged_totals_by_purge BEFORE UPDATE OR DELETE ON ledger_agents.purged_totals
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER purged_totals_no_truncate BEFORE TRUNCATE ON ledger_agents.purged_totals
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();

CREATE TYPE ledger_agents.purge_detail AS (
	organization_id text,
	id uuid,
	before timestamptz,
	agents bigint,
	authorizations bigint,
	entries bigint,
	seals bigint,
	intents bigint,
	attestations bigint,
	events bigint,
	principal text,
	database_role text,
	created_at timestamptz,
	more boolean
);
COMMENT ON TYPE ledger_agents.purge_detail IS
'What one call of purge() has forgotten.';
COMMENT ON COLUMN ledger_agents.purge_detail.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.purge_detail.id IS 'Of the record in purges; null: nothing was forgotten, and nothing recorded.';
COMMENT ON COLUMN ledger_agents.purge_detail.before IS 'Only what was older was forgotten.';
COMMENT ON COLUMN ledger_agents.purge_detail.agents IS 'Agents of which authorizations were.';
COMMENT ON COLUMN ledger_agents.purge_detail.authorizations IS 'How many authorizations were.';
COMMENT ON COLUMN ledger_agents.purge_detail.entries IS 'How many of their entries.';
COMMENT ON COLUMN ledger_agents.purge_detail.seals IS 'How many seals of their chains.';
COMMENT ON COLUMN ledger_agents.purge_detail.intents IS 'How many intents.';
COMMENT ON COLUMN ledger_agents.purge_detail.attestations IS 'How many attestations.';
COMMENT ON COLUMN ledger_agents.purge_detail.events IS 'How many events.';
COMMENT ON COLUMN ledger_agents.purge_detail.principal IS 'operator, key:<id> or claims:<sub of the JWT>.';
COMMENT ON COLUMN ledger_agents.purge_detail.database_role IS 'The role that called from outside.';
COMMENT ON COLUMN ledger_agents.purge_detail.created_at IS 'When.';
COMMENT ON COLUMN ledger_agents.purge_detail.more IS 'True: max_rows was reached, or an agent was busy: call again, with a larger max_rows where nothing was forgotten.';

CREATE FUNCTION ledger_agents.purge(
	before timestamptz,
	max_rows integer DEFAULT 10000,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.purge_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_purge';
COMMENT ON FUNCTION ledger_agents.purge IS
'Forgets what is older than before, which is at least 366 days ago: of each agent its first authorizations with their entries, as far as all are settled and nothing later belongs to them, sealed before they go; intents that are over, attestations, and events that every consumer has acknowledged. At most max_rows (1 to 100 000) of each kind a call; agents that somebody else is deciding for are left for the next. What is forgotten counts on for all time, but its keys are new keys. Recorded in purges. Errors: 22004, 22023 out_of_range, 42501, 55000 chain_broken when decisions or entries are missing, 55P03 after ledger_agents.lock_timeout.';
/*
 * Reports on the whole: whether the books are right.
 */

/*
 * What each counter must hold, from the authorizations alone.  A wider scope is
 * kept up only as long as it has a limit, or a rule that sums or counts.
 */
CREATE VIEW ledger_agents.counter_audit AS
WITH scopes AS (
	SELECT a.organization_id, 'agent'::ledger_agents.limit_scope AS scope, a.id::text AS scope_id, a.currency
	FROM ledger_agents.agents a
	UNION ALL
	SELECT d.organization_id, 'card', d.id::text, a.currency
	FROM ledger_agents.cards d
	JOIN ledger_agents.agents a ON a.organization_id = d.organization_id AND a.id = d.agent_id
	UNION ALL
	SELECT c.organization_id, 'customer', c.id, o.currency
	FROM ledger_agents.customers c
	JOIN ledger_agents.organizations o ON o.id = c.organization_id
	WHERE c.spending_limit IS NOT NULL OR c.policy -> 'limits' OPERATOR(pg_catalog.?|) '{perDay,perMonth}'
	   OR c.policy OPERATOR(pg_catalog.?|) '{cumulativeMax,maxAuthCount}'
	UNION ALL
	SELECT o.id, 'organization', o.id, o.currency
	FROM ledger_agents.organizations o
	WHERE o.spending_limit IS NOT NULL
), spent AS (
	SELECT t.organization_id, 'agent'::ledger_agents.limit_scope AS scope, t.agent_id::text AS scope_id,
		   t.sequence, t.decided_at, t.currency, t.counted_amount, t.decision, t.status, t.increment_of, t.captured_amount, t.refunded_amount
	FROM ledger_agents.authorizations t
	UNION ALL
	SELECT t.organization_id, 'card', t.card_id::text, t.sequence, t.decided_at, t.currency, t.counted_amount,
		   t.decision, t.status, t.increment_of, t.captured_amount, t.refunded_amount
	FROM ledger_agents.authorizations t
	WHERE t.card_id IS NOT NULL
	UNION ALL
	SELECT t.organization_id, 'customer', t.customer_id, t.sequence, t.decided_at, t.currency, t.counted_amount,
		   t.decision, t.status, t.increment_of, t.captured_amount, t.refunded_amount
	FROM ledger_agents.authorizations t
	UNION ALL
	SELECT t.organization_id, 'organization', t.organization_id, t.sequence, t.decided_at, t.currency, t.counted_amount,
		   t.decision, t.status, t.increment_of, t.captured_amount, t.refunded_amount
	FROM ledger_agents.authorizations t
), sums AS (
	SELECT s.organization_id, s.scope, s.scope_id,
		   pg_catalog.count(*) AS decisions, pg_catalog.max(t.sequence) AS last_sequence,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency) AS total,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency AND t.decided_at >= k.day_start) AS day,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency AND t.decided_at >= k.week_start) AS week,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency AND t.decided_at >= k.month_start) AS month,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency AND t.decided_at >= k.year_start) AS year,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency AND t.decided_at > k.rolling_since) AS rolling,
		   pg_catalog.count(*) FILTER (WHERE t.decision = 'approved' AND t.increment_of IS NULL
									   AND t.status NOT IN ('reversed', 'expired')) AS live,
		   pg_catalog.count(*) FILTER (WHERE t.decision = 'approved' AND t.increment_of IS NULL
									   AND t.status <> 'reversed' AND s.scope = 'card') AS uses,
		   pg_catalog.sum(t.captured_amount - coalesce(t.refunded_amount, 0))
				FILTER (WHERE t.currency = s.currency AND s.scope = 'card') AS captured,
		   pg_catalog.count(t.captured_amount)
				FILTER (WHERE t.increment_of IS NULL AND s.scope = 'card') AS captures
	FROM scopes s
	JOIN ledger_agents.counters k
		ON k.organization_id = s.organization_id AND k.scope = s.scope AND k.scope_id = s.scope_id
	JOIN spent t
		ON t.organization_id = s.organization_id AND t.scope = s.scope AND t.scope_id = s.scope_id
	GROUP BY 1, 2, 3
), forgotten AS (
	SELECT s.organization_id, s.scope, s.scope_id, pg_catalog.sum(p.decisions)::bigint AS decisions,
		   pg_catalog.sum(p.counted_amount) FILTER (WHERE p.currency = s.currency) AS total,
		   pg_catalog.sum(p.auth_count)::bigint AS live,
		   (pg_catalog.sum(p.use_count) FILTER (WHERE s.scope = 'card'))::bigint AS uses,
		   pg_catalog.sum(p.captured_amount) FILTER (WHERE p.currency = s.currency AND s.scope = 'card') AS captured,
		   (pg_catalog.sum(p.captured_count) FILTER (WHERE s.scope = 'card'))::bigint AS captures
	FROM (SELECT 'agent'::ledger_agents.limit_scope AS scope, t.agent_id::text AS scope_id, t.*
		  FROM ledger_agents.purged_totals t
		  UNION ALL
		  SELECT 'card', t.card, t.* FROM ledger_agents.purged_totals t WHERE t.card <> ''
		  UNION ALL
		  SELECT 'customer', t.customer_id, t.* FROM ledger_agents.purged_totals t
		  UNION ALL
		  SELECT 'organization', t.organization_id, t.* FROM ledger_agents.purged_totals t) p
	JOIN scopes s
		ON s.organization_id = p.organization_id AND s.scope = p.scope AND s.scope_id = p.scope_id
	GROUP BY 1, 2, 3
)
SELECT s.organization_id, s.scope, s.scope_id, k.version IS NOT NULL AS counted,
	   k.sequence, k.total_spent, k.day_spent, k.week_spent, k.month_spent, k.year_spent, k.rolling_spent,
	   coalesce(x.decisions, 0) + coalesce(f.decisions, 0) AS decisions,
	   coalesce(x.last_sequence, f.decisions, 0) AS last_sequence,
	   coalesce(x.total, 0) + coalesce(f.total, 0) AS total_sum, coalesce(x.day, 0) AS day_sum,
	   coalesce(x.week, 0) AS week_sum, coalesce(x.month, 0) AS month_sum,
	   coalesce(x.year, 0) AS year_sum, coalesce(x.rolling, 0) AS rolling_sum,
	   k.auth_count, coalesce(x.live, 0) + coalesce(f.live, 0) AS auth_count_sum,
	   k.use_count, coalesce(x.uses, 0) + coalesce(f.uses, 0) AS use_count_sum,
	   coalesce(k.captured_amount, 0) AS captured_amount,
	   coalesce(x.captured, 0) + coalesce(f.captured, 0) AS captured_amount_sum,
	   coalesce(k.captured_count, 0) AS captured_count,
	   coalesce(x.captures, 0) + coalesce(f.captures, 0) AS captured_count_sum
FROM scopes s
LEFT JOIN ledger_agents.counters k
	ON k.organization_id = s.organization_id AND k.scope = s.scope AND k.scope_id = s.scope_id
LEFT JOIN sums x
	ON x.organization_id = s.organization_id AND x.scope = s.scope AND x.scope_id = s.scope_id
LEFT JOIN forgotten f
	ON f.organization_id = s.organization_id AND f.scope = s.scope AND f.scope_id = s.scope_id;
COMMENT ON VIEW ledger_agents.counter_audit IS
'Each counter beside the sums of the authorizations that it stands for; in health they are equal. Amounts in minor units.';
COMMENT ON COLUMN ledger_agents.counter_audit.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.counter_audit.scope IS 'What is counted.';
COMMENT ON COLUMN ledger_agents.counter_audit.scope_id IS 'Its id as text.';
COMMENT ON COLUMN ledger_agents.counter_audit.counted IS 'Whether there is a counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.sequence IS 'Number of the last decision, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.total_spent IS 'Spent ever, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.day_spent IS 'Spent in the counter''s day, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.week_spent IS 'Spent in its week, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.month_spent IS 'Spent in its month, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.year_spent IS 'Spent in its year, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.rolling_spent IS 'Spent in its rolling window, by the counter; null when none is kept.';
COMMENT ON COLUMN ledger_agents.counter_audit.decisions IS 'Decisions stored, and those that purge() has forgotten.';
COMMENT ON COLUMN ledger_agents.counter_audit.last_sequence IS 'Highest number stored.';
COMMENT ON COLUMN ledger_agents.counter_audit.total_sum IS 'Spent ever, by the authorizations and what purge() has noted of others; so with the counts below.';
COMMENT ON COLUMN ledger_agents.counter_audit.day_sum IS 'Spent in the counter''s day, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.week_sum IS 'Spent in its week, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.month_sum IS 'Spent in its month, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.year_sum IS 'Spent in its year, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.rolling_sum IS 'Spent in its rolling window, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.auth_count IS 'Approved and neither reversed in full nor swept after expiry, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.auth_count_sum IS 'The same, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.use_count IS 'Of a card approved and not reversed in full, by the counter; 0 in other scopes.';
COMMENT ON COLUMN ledger_agents.counter_audit.use_count_sum IS 'The same, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.captured_amount IS 'Of a card captured and not refunded, by the counter; 0 in other scopes.';
COMMENT ON COLUMN ledger_agents.counter_audit.captured_amount_sum IS 'The same, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.captured_count IS 'Of a card authorizations of which something was captured, by the counter; 0 in other scopes.';
COMMENT ON COLUMN ledger_agents.counter_audit.captured_count_sum IS 'The same, by the authorizations.';

CREATE FUNCTION ledger_agents.check_invariants(
	OUT violation text, OUT organization_id text, OUT object_id text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY INVOKER
/* The planner takes the columns of a key for independent, expects one row, and would loop over everything. */
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
BEGIN ATOMIC
	SELECT 'counter_missing', v.organization_id, v.scope_id,
		   pg_catalog.format('The %s has no counter.', v.scope)
	FROM ledger_agents.counter_audit v WHERE NOT v.counted
	UNION ALL
	SELECT 'counter_differs', v.organization_id, v.scope_id,
		   pg_catalog.format('Total %s, day %s, week %s, month %s, year %s, rolling %s; the authorizations say %s, %s, %s, %s, %s, %s.',
							 v.total_spent, v.day_spent, v.week_spent, v.month_spent, v.year_spent, v.rolling_spent,
							 v.total_sum, v.day_sum, v.week_sum, v.month_sum, v.year_sum, v.rolling_sum)
	FROM ledger_agents.counter_audit v
	WHERE v.counted AND (v.total_spent <> v.total_sum OR v.day_spent <> v.day_sum OR v.week_spent <> v.week_sum
						 OR v.month_spent <> v.month_sum OR v.year_spent <> v.year_sum
						 OR v.rolling_spent <> v.rolling_sum)
	UNION ALL
	SELECT 'count_differs', v.organization_id, v.scope_id,
		   pg_catalog.format('%s approved, %s uses of the card, %s captured in %s; the authorizations say %s, %s, %s in %s.',
							 v.auth_count, v.use_count, v.captured_amount, v.captured_count,
							 v.auth_count_sum, v.use_count_sum, v.captured_amount_sum, v.captured_count_sum)
	FROM ledger_agents.counter_audit v
	WHERE v.counted AND (v.auth_count <> v.auth_count_sum OR v.use_count <> v.use_count_sum
						 OR v.captured_amount <> v.captured_amount_sum OR v.captured_count <> v.captured_count_sum)
	UNION ALL
	/* The first merchant that is sure to be one: a name without words is none, and not every word is of ASCII. */
	SELECT 'memory_differs', k.organization_id, k.scope_id,
		   pg_catalog.format('Last approved at %s, first merchant %s; the authorizations say %s, and something else.',
							 k.last_approved_at, pg_catalog.quote_nullable(k.first_merchant),
							 greatest(pg_catalog.max(x.decided_at), f.last_approved_at))
	FROM ledger_agents.counters k
	LEFT JOIN ledger_agents.authorizations x
		ON x.organization_id = k.organization_id AND x.decision = 'approved'
	   AND x.increment_of IS NULL AND x.recorded IS NULL
	   AND (CASE WHEN x.card_id IS NULL THEN 'agent' ELSE 'card' END)::ledger_agents.limit_scope = k.scope
	   AND coalesce(x.card_id, x.agent_id)::text = k.scope_id
	LEFT JOIN (SELECT p.organization_id, CASE p.card WHEN '' THEN p.agent_id::text ELSE p.card END AS scope_id,
					  pg_catalog.max(p.last_approved_at) AS last_approved_at, pg_catalog.max(p.first_merchant) AS first_merchant
			   FROM ledger_agents.purged_totals p GROUP BY 1, 2) f
		ON f.organization_id = k.organization_id AND f.scope_id = k.scope_id
	WHERE k.scope IN ('agent', 'card')
	GROUP BY k.organization_id, k.scope, k.scope_id, k.last_approved_at, k.first_merchant, f.last_approved_at, f.first_merchant
	HAVING k.last_approved_at IS DISTINCT FROM greatest(pg_catalog.max(x.decided_at), f.last_approved_at)
		OR CASE WHEN f.first_merchant IS NOT NULL THEN k.first_merchant IS DISTINCT FROM f.first_merchant
				ELSE (k.first_merchant IS NOT NULL
					  AND pg_catalog.min(x.sequence) FILTER (WHERE x.merchant = k.first_merchant) IS NULL)
					 OR pg_catalog.min(x.sequence) FILTER (WHERE x.merchant ~ '[A-Za-z0-9]')
						< coalesce(pg_catalog.min(x.sequence) FILTER (WHERE x.merchant = k.first_merchant), 9223372036854775807) END
	UNION ALL
	SELECT 'sequence_has_gaps', v.organization_id, v.scope_id,
		   pg_catalog.format('%s decisions, the last is number %s, the counter stands at %s.', v.decisions, v.last_sequence, v.sequence)
	FROM ledger_agents.counter_audit v
	WHERE v.scope = 'agent' AND v.counted AND (v.decisions <> v.last_sequence OR v.decisions <> v.sequence)
	UNION ALL
	SELECT 'sequence_out_of_order', y.organization_id, y.id::text,
		   pg_catalog.format('Number %s follows number %s, decided at %s after %s.', y.sequence, y.previous, y.decided_at, y.previous_at)
	FROM (SELECT x.organization_id, x.id, x.sequence, x.decided_at,
				 coalesce(pg_catalog.lag(x.sequence) OVER w, s.sequence, 0::bigint) AS previous,
				 coalesce(pg_catalog.lag(x.decided_at) OVER w, s.decided_at) AS previous_at
		  FROM ledger_agents.authorizations x
		  LEFT JOIN (SELECT DISTINCT ON (c.organization_id, c.agent_id) c.organization_id, c.agent_id, c.sequence, c.decided_at
					 FROM ledger_agents.chain_starts c
					 ORDER BY c.organization_id, c.agent_id, c.number DESC) s
			ON s.organization_id = x.organization_id AND s.agent_id = x.agent_id
		  WINDOW w AS (PARTITION BY x.organization_id, x.agent_id ORDER BY x.sequence)) y
	WHERE y.sequence <> y.previous + 1 OR y.decided_at < y.previous_at
	UNION ALL
	/* The id of a decision bears its instant: rolling windows rely on it. */
	SELECT 'id_without_its_instant', x.organization_id, x.id::text,
		   pg_catalog.format('Decided at %s.', x.decided_at)
	FROM ledger_agents.authorizations x
	WHERE pg_catalog.decode(pg_catalog.substr(pg_catalog.replace(x.id::text, '-', ''), 1, 12), 'hex')
		  <> pg_catalog.substr(pg_catalog.int8send(
				pg_catalog.floor(EXTRACT(epoch FROM x.decided_at) * 1000)::bigint), 3)
	UNION ALL
	/* A lowered limit, notify, none and recorded spend explain spend above a limit; decline and suspend do not. */
	SELECT 'approved_above_limit', x.organization_id, x.id::text,
		   pg_catalog.format('Limit %s, spent %s with this one of %s.', x.agent_limit, x.agent_spent, x.amount)
	FROM ledger_agents.authorizations x
	WHERE x.decision = 'approved' AND x.on_limit_exceeded IN ('decline', 'suspend') AND x.recorded IS NULL
	  AND CASE x.agent_limit_frequency WHEN 'perTransaction' THEN x.amount ELSE x.agent_spent END > x.agent_limit
	UNION ALL
	/* Of a hold and its increments: what counts is what was asked for and added, less what was released. */
	SELECT 'amounts_do_not_add_up', h.organization_id, h.id::text,
		   pg_catalog.format('Counted %s, captured %s, reversed %s, refunded %s, increments %s; the entries say %s, %s, %s, %s, %s.',
							 h.counted, h.captured, h.reversed, h.refunded, h.incremented,
							 h.amount + coalesce(e.added, 0) - coalesce(e.released, 0), coalesce(e.captured, 0),
							 coalesce(e.reversed, 0), coalesce(e.refunded, 0), coalesce(e.incremented, 0))
	FROM (SELECT p.organization_id, coalesce(p.increment_of, p.id) AS id,
				 pg_catalog.sum(p.counted_amount) AS counted,
				 coalesce(pg_catalog.sum(p.captured_amount), 0) AS captured,
				 coalesce(pg_catalog.sum(p.reversed_amount), 0) AS reversed,
				 coalesce(pg_catalog.sum(p.refunded_amount), 0) AS refunded,
				 coalesce(pg_catalog.sum(p.incremented_amount), 0) AS incremented,
				 coalesce(pg_catalog.sum(p.amount) FILTER (WHERE p.increment_of IS NULL AND p.decision = 'approved'), 0) AS amount,
				 pg_catalog.bool_or(p.recorded) AS recorded
		  FROM ledger_agents.authorizations p GROUP BY 1, 2) h
	LEFT JOIN (SELECT n.organization_id, n.authorization_id,
					  pg_catalog.sum(n.added_amount) AS added, pg_catalog.sum(n.released_amount) AS released,
					  pg_catalog.sum(n.amount) FILTER (WHERE n.kind = 'capture') AS captured,
					  pg_catalog.sum(n.amount) FILTER (WHERE n.kind = 'reversal') AS reversed,
					  pg_catalog.sum(n.amount) FILTER (WHERE n.kind = 'refund') AS refunded,
					  pg_catalog.sum(n.added_amount) FILTER (WHERE n.kind = 'increment') AS incremented
			   FROM ledger_agents.authorization_entries n GROUP BY 1, 2) e
		ON e.organization_id = h.organization_id AND e.authorization_id = h.id
	WHERE h.counted <> h.amount + coalesce(e.added, 0) - coalesce(e.released, 0)
	   OR h.captured <> coalesce(e.captured, 0) OR h.reversed <> coalesce(e.reversed, 0)
	   OR h.refunded <> coalesce(e.refunded, 0) OR h.incremented <> coalesce(e.incremented, 0)
	UNION ALL
	/* Each status says what may be held, captured and given back. */
	SELECT 'status_differs', x.organization_id, x.id::text,
		   pg_catalog.format('Status %s, amount %s, counted %s, captured %s, reversed %s, refunded %s.', x.status, x.amount,
							 x.counted_amount, x.captured_amount, x.reversed_amount, x.refunded_amount)
	FROM ledger_agents.authorizations x
	CROSS JOIN LATERAL (SELECT x.counted_amount - coalesce(x.captured_amount, 0) + coalesce(x.refunded_amount, 0) AS held) h
	WHERE h.held < 0
	   OR NOT CASE x.status
			WHEN 'declined' THEN h.held = 0 AND x.captured_amount IS NULL AND x.reversed_amount IS NULL
			WHEN 'authorized' THEN h.held = x.amount - coalesce(x.reversed_amount, 0) AND x.captured_amount IS NULL
								   AND (h.held > 0 OR x.increment_of IS NOT NULL)
			WHEN 'partially_captured' THEN h.held + coalesce(x.captured_amount, 0) >= x.amount - coalesce(x.reversed_amount, 0)
			WHEN 'reversed' THEN h.held = 0 AND x.captured_amount IS NULL AND x.reversed_amount = x.amount
			WHEN 'expired' THEN h.held = 0 AND x.captured_amount IS NULL
			WHEN 'captured' THEN h.held = 0 AND (x.captured_amount > 0 OR x.increment_of IS NOT NULL)
			ELSE x.counted_amount = 0 AND (x.refunded_amount > 0 OR x.increment_of IS NOT NULL) END
	UNION ALL
	SELECT 'increment_differs', x.organization_id, x.id::text, 'Its hold is missing, another agent''s or another card''s, or has another status.'
	FROM ledger_agents.authorizations x
	LEFT JOIN ledger_agents.authorizations h ON h.organization_id = x.organization_id AND h.id = x.increment_of
	WHERE x.increment_of IS NOT NULL
	  AND (h.agent_id IS DISTINCT FROM x.agent_id OR h.card_id IS DISTINCT FROM x.card_id OR h.increment_of IS NOT NULL
		   OR h.currency <> x.currency
		   OR (x.decision = 'approved' AND (h.status <> x.status OR h.expires_at IS DISTINCT FROM x.expires_at)))
	UNION ALL
	SELECT 'entries_have_gaps', k.organization_id, k.scope_id,
		   pg_catalog.format('%s entries behind number %s, the last is number %s, the counter stands at %s.',
							 pg_catalog.count(e.id), coalesce(s.entry_number, 0), pg_catalog.max(e.number), k.entry_count)
	FROM ledger_agents.counters k
	LEFT JOIN ledger_agents.authorization_entries e
		ON e.organization_id = k.organization_id AND e.agent_id::text = k.scope_id
	LEFT JOIN (SELECT c.organization_id, c.agent_id::text AS scope_id, pg_catalog.max(c.entry_number) AS entry_number
			   FROM ledger_agents.chain_starts c GROUP BY 1, 2) s
		ON s.organization_id = k.organization_id AND s.scope_id = k.scope_id
	WHERE k.scope = 'agent'
	GROUP BY k.organization_id, k.scope_id, k.entry_count, s.entry_number
	HAVING pg_catalog.count(e.id) + coalesce(s.entry_number, 0) <> coalesce(k.entry_count, 0)
		OR pg_catalog.max(e.number) <> k.entry_count
	UNION ALL
	/* Whether they vouch for what is there is verify_chain()'s question. */
	SELECT 'seals_out_of_order', y.organization_id, y.agent_id::text,
		   pg_catalog.format('Seal %s reaches to decision %s and entry %s, seal %s before it to %s and %s.', y.number, y.sequence,
							 y.entry_number, y.previous, y.previous_sequence, y.previous_entry)
	FROM (SELECT x.organization_id, x.agent_id, x.number, x.sequence, x.entry_number, k.version IS NOT NULL AS counted,
				 k.sequence AS last_sequence, coalesce(k.entry_count, 0) AS last_entry,
				 coalesce(pg_catalog.lag(x.number) OVER w, s.number, 0::bigint) AS previous,
				 coalesce(pg_catalog.lag(x.sequence) OVER w, s.sequence, 0::bigint) AS previous_sequence,
				 coalesce(pg_catalog.lag(x.entry_number) OVER w, s.entry_number, 0::bigint) AS previous_entry
		  FROM ledger_agents.chain_seals x
		  LEFT JOIN ledger_agents.counters k
			ON k.organization_id = x.organization_id AND k.scope = 'agent' AND k.scope_id = x.agent_id::text
		  LEFT JOIN (SELECT DISTINCT ON (c.organization_id, c.agent_id) c.*
					 FROM ledger_agents.chain_starts c
					 ORDER BY c.organization_id, c.agent_id, c.number DESC) s
			ON s.organization_id = x.organization_id AND s.agent_id = x.agent_id
		  WINDOW w AS (PARTITION BY x.organization_id, x.agent_id ORDER BY x.number)) y
	WHERE y.number <> y.previous + 1 OR y.sequence NOT BETWEEN y.previous_sequence AND y.previous_sequence + 1000
	   OR y.entry_number < y.previous_entry OR NOT y.counted OR y.sequence > y.last_sequence OR y.entry_number > y.last_entry
	UNION ALL
	SELECT 'purge_differs', coalesce(s.organization_id, p.organization_id), coalesce(s.agent_id, p.agent_id)::text,
		   pg_catalog.format('%s decisions are in the totals, and the chain begins behind number %s.', p.decisions, s.sequence)
	FROM (SELECT c.organization_id, c.agent_id, pg_catalog.max(c.sequence) AS sequence
		  FROM ledger_agents.chain_starts c GROUP BY 1, 2) s
	FULL JOIN (SELECT t.organization_id, t.agent_id, pg_catalog.sum(t.decisions) AS decisions
			   FROM ledger_agents.purged_totals t GROUP BY 1, 2) p
		ON p.organization_id = s.organization_id AND p.agent_id = s.agent_id
	WHERE p.decisions IS DISTINCT FROM s.sequence
	UNION ALL
	SELECT 'reference_is_broken', c.organization_id, c.agent_id::text, 'The chain begins behind a purge that is not recorded.'
	FROM ledger_agents.chain_starts c
	WHERE NOT EXISTS (SELECT FROM ledger_agents.purges u
					  WHERE u.organization_id = c.organization_id AND u.id = c.purge_id)
	UNION ALL
	SELECT 'values_out_of_range', x.organization_id, x.id::text,
		   pg_catalog.format('Amount %s, counted %s, reversed %s, decision %s, status %s, reason %s, reasons %s.',
							 x.amount, x.counted_amount, x.reversed_amount, x.decision, x.status, x.reason, x.reasons)
	FROM ledger_agents.authorizations x
	WHERE x.amount <= 0 OR x.counted_amount < 0 OR x.reversed_amount NOT BETWEEN 1 AND x.amount
	   OR x.captured_amount <= 0 OR x.refunded_amount NOT BETWEEN 1 AND x.captured_amount OR x.incremented_amount <= 0
	   OR (x.decision = 'declined') <> (x.reason IS NOT NULL) OR (x.reason IS NULL) <> (x.reasons IS NULL)
	   OR x.reason <> x.reasons[1] OR (x.decision = 'declined') <> (x.status = 'declined')
	UNION ALL
	SELECT 'values_out_of_range', k.organization_id, k.scope_id,
		   pg_catalog.format('Counter of the %s: total %s, day %s, week %s, month %s, year %s, rolling %s since %s.', k.scope,
							 k.total_spent, k.day_spent, k.week_spent, k.month_spent, k.year_spent, k.rolling_spent, k.rolling_since)
	FROM ledger_agents.counters k
	WHERE k.total_spent < 0 OR k.day_spent < 0 OR k.week_spent < 0 OR k.month_spent < 0 OR k.year_spent < 0
	   OR k.rolling_spent < 0 OR (k.rolling_frequency IS NULL) <> (k.rolling_since IS NULL)
	   OR (k.rolling_frequency IS NULL) <> (k.rolling_spent IS NULL)
	UNION ALL
	SELECT 'reference_is_broken', x.organization_id, x.id::text, 'There is no such agent, or it has another customer.'
	FROM ledger_agents.authorizations x
	WHERE NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = x.organization_id AND a.id = x.agent_id
						AND a.customer_id = x.customer_id)
	UNION ALL
	SELECT 'reference_is_broken', e.organization_id, e.id::text, 'The entry''s authorization is missing, or another agent''s.'
	FROM ledger_agents.authorization_entries e
	WHERE NOT EXISTS (SELECT FROM ledger_agents.authorizations x
					  WHERE x.organization_id = e.organization_id AND x.id = e.authorization_id
						AND x.agent_id = e.agent_id)
	UNION ALL
	SELECT 'reference_is_broken', e.organization_id, e.id::text, 'The entry is an increment without its authorization.'
	FROM ledger_agents.authorization_entries e
	WHERE e.kind = 'increment'
	  AND NOT EXISTS (SELECT FROM ledger_agents.authorizations x
					  WHERE x.organization_id = e.organization_id AND x.id = e.id
						AND x.increment_of = e.authorization_id AND x.amount = e.amount
						AND (x.decision = 'approved') = (e.added_amount > 0))
	UNION ALL
	SELECT 'reference_is_broken', a.organization_id, a.id::text, 'The agent has no customer.'
	FROM ledger_agents.agents a
	WHERE NOT EXISTS (SELECT FROM ledger_agents.customers c
					  WHERE c.organization_id = a.organization_id AND c.id = a.customer_id)
	UNION ALL
	SELECT 'reference_is_broken', c.organization_id, c.id, 'The customer has no organization.'
	FROM ledger_agents.customers c
	WHERE NOT EXISTS (SELECT FROM ledger_agents.organizations o WHERE o.id = c.organization_id)
	UNION ALL
	SELECT 'reference_is_broken', t.organization_id, t.id::text, 'The token has no agent.'
	FROM ledger_agents.agent_tokens t
	WHERE NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = t.organization_id AND a.id = t.agent_id)
	UNION ALL
	SELECT 'token_outlives_its_agent', t.organization_id, t.id::text, 'The agent is deregistered, its token is not revoked.'
	FROM ledger_agents.agent_tokens t
	JOIN ledger_agents.agents a ON a.organization_id = t.organization_id AND a.id = t.agent_id
	WHERE a.status = 'deregistered' AND t.revoked_at IS NULL
	UNION ALL
	SELECT 'card_not_noted', a.organization_id, a.id::text, 'The agent has cards, its row does not say so.'
	FROM ledger_agents.agents a
	WHERE NOT a.has_cards
	  AND EXISTS (SELECT FROM ledger_agents.cards d
				  WHERE d.organization_id = a.organization_id AND d.agent_id = a.id)
	UNION ALL
	SELECT 'reference_is_broken', d.organization_id, d.id::text, 'The card has no agent.'
	FROM ledger_agents.cards d
	WHERE NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = d.organization_id AND a.id = d.agent_id)
	UNION ALL
	SELECT 'reference_is_broken', x.organization_id, x.id::text, 'There is no such card, or it is another agent''s.'
	FROM ledger_agents.authorizations x
	WHERE x.card_id IS NOT NULL
	  AND NOT EXISTS (SELECT FROM ledger_agents.cards d
					  WHERE d.organization_id = x.organization_id AND d.id = x.card_id
						AND d.agent_id = x.agent_id)
	UNION ALL
	SELECT 'card_outlives_its_agent', d.organization_id, d.id::text, 'The agent is deregistered, its card is not closed.'
	FROM ledger_agents.cards d
	JOIN ledger_agents.agents a ON a.organization_id = d.organization_id AND a.id = d.agent_id
	WHERE a.status = 'deregistered' AND d.status <> 'closed'
	UNION ALL
	SELECT 'reference_is_broken', i.organization_id, i.id::text, 'The intent''s agent or card is missing, or the card is another agent''s.'
	FROM ledger_agents.intents i
	WHERE NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = i.organization_id AND a.id = i.agent_id)
	   OR (i.card_id IS NOT NULL
		   AND NOT EXISTS (SELECT FROM ledger_agents.cards c
						   WHERE c.organization_id = i.organization_id AND c.id = i.card_id
							 AND c.agent_id = i.agent_id))
	UNION ALL
	SELECT 'reference_is_broken', i.organization_id, i.id::text, 'The intent''s authorization is missing, declined, or another agent''s.'
	FROM ledger_agents.intents i
	WHERE i.authorization_id IS NOT NULL
	  AND NOT EXISTS (SELECT FROM ledger_agents.authorizations x
					  WHERE x.organization_id = i.organization_id AND x.id = i.authorization_id
						AND x.agent_id = i.agent_id AND x.decision = 'approved')
	UNION ALL
	SELECT 'reference_is_broken', x.organization_id, x.id::text, 'The intent linked to it is missing, or another agent''s.'
	FROM ledger_agents.authorizations x
	WHERE x.linked_intent_id IS NOT NULL
	  AND NOT EXISTS (SELECT FROM ledger_agents.intents i
					  WHERE i.organization_id = x.organization_id AND i.id = x.linked_intent_id
						AND i.agent_id = x.agent_id)
	UNION ALL
	/* A full reversal gives the intent back; the authorization still tells which it was. */
	SELECT 'intent_link_differs', x.organization_id, x.id::text,
		   pg_catalog.format('It used up intent %s, which says that authorization %s did.', i.id, i.authorization_id)
	FROM ledger_agents.authorizations x
	JOIN ledger_agents.intents i ON i.organization_id = x.organization_id AND i.id = x.linked_intent_id
	WHERE x.decision = 'approved' AND x.status <> 'reversed' AND i.authorization_id IS DISTINCT FROM x.id
	UNION ALL
	SELECT 'intent_link_differs', x.organization_id, x.id::text,
		   pg_catalog.format('Intent %s says that it was used up by it.', i.id)
	FROM ledger_agents.intents i
	JOIN ledger_agents.authorizations x ON x.organization_id = i.organization_id AND x.id = i.authorization_id
	WHERE x.linked_intent_id IS DISTINCT FROM i.id OR x.status = 'reversed'
	UNION ALL
	SELECT 'intents_of_one_authorization', i.organization_id, i.authorization_id::text,
		   pg_catalog.format('It has used up %s intents.', pg_catalog.count(*))
	FROM ledger_agents.intents i
	WHERE i.authorization_id IS NOT NULL
	GROUP BY i.organization_id, i.authorization_id
	HAVING pg_catalog.count(*) > 1
	UNION ALL
	/* Beyond its counter's bound decisions would not look for it. */
	SELECT 'intent_beyond_bound', i.organization_id, i.id::text,
		   pg_catalog.format('Open until %s, the counter says %s.', i.expires_at, k.intents_until)
	FROM ledger_agents.intents i
	LEFT JOIN ledger_agents.counters k
		ON k.organization_id = i.organization_id AND k.scope = 'agent' AND k.scope_id = i.agent_id::text
	WHERE i.status IN ('pending_approval', 'pending')
	  AND (k.intents_until IS NULL OR i.expires_at > k.intents_until)
	UNION ALL
	SELECT 'reference_is_broken', t.organization_id, t.id::text, 'The attestation''s agent or card is missing, or the card is another agent''s.'
	FROM ledger_agents.attestations t
	WHERE NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = t.organization_id AND a.id = t.agent_id)
	   OR (t.card_id IS NOT NULL
		   AND NOT EXISTS (SELECT FROM ledger_agents.cards c
						   WHERE c.organization_id = t.organization_id AND c.id = t.card_id
							 AND c.agent_id = t.agent_id))
	UNION ALL
	SELECT 'event_without_agent', v.organization_id, v.id::text, pg_catalog.format('%s', v.type)
	FROM ledger_agents.events v
	WHERE v.agent_id IS NOT NULL
	  AND NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = v.organization_id AND a.id = v.agent_id)
	UNION ALL
	/* Each event waits in the inbox or has a position; positions have no gaps from the first one kept. */
	SELECT 'event_not_in_stream', v.organization_id, v.id::text,
		   CASE WHEN i.event_id IS NULL THEN 'It is neither in the inbox nor has it a position.'
				ELSE 'It is in the inbox and has a position.' END
	FROM ledger_agents.events v
	LEFT JOIN ledger_agents.event_inbox i ON i.organization_id = v.organization_id AND i.event_id = v.id
	LEFT JOIN ledger_agents.event_positions p ON p.organization_id = v.organization_id AND p.event_id = v.id
	WHERE (i.event_id IS NULL) = (p.event_id IS NULL)
	UNION ALL
	SELECT 'reference_is_broken', x.organization_id, x.event_id::text, 'What is in the stream is no event.'
	FROM (SELECT i.organization_id, i.event_id FROM ledger_agents.event_inbox i
		  UNION ALL
		  SELECT p.organization_id, p.event_id FROM ledger_agents.event_positions p) x
	WHERE NOT EXISTS (SELECT FROM ledger_agents.events v
					  WHERE v.organization_id = x.organization_id AND v.id = x.event_id)
	UNION ALL
	SELECT 'positions_have_gaps', p.organization_id, p.organization_id,
		   pg_catalog.format('%s positions from %s to %s, the stream stands at %s.', pg_catalog.count(*),
							 pg_catalog.min(p.position), pg_catalog.max(p.position), pg_catalog.max(s.last_position))
	FROM ledger_agents.event_positions p
	LEFT JOIN ledger_agents.event_streams s ON s.organization_id = p.organization_id
	GROUP BY p.organization_id
	HAVING pg_catalog.max(p.position) - pg_catalog.min(p.position) + 1 <> pg_catalog.count(*)
		OR pg_catalog.max(p.position) IS DISTINCT FROM pg_catalog.max(s.last_position) OR pg_catalog.min(p.position) < 1
	UNION ALL
	SELECT 'consumer_ahead_of_stream', c.organization_id, c.name,
		   pg_catalog.format('Acknowledged up to %s, polled up to %s, the stream stands at %s.',
							 c.acked_position, c.polled_position, s.last_position)
	FROM ledger_agents.event_consumers c
	LEFT JOIN ledger_agents.event_streams s ON s.organization_id = c.organization_id
	WHERE c.acked_position > c.polled_position OR c.polled_position > coalesce(s.last_position, 0)
	UNION ALL
	SELECT 'reference_is_broken', u.organization_id, u.id::text, pg_catalog.format('policy %s', u.policy_id)
	FROM (SELECT a.organization_id, a.id, a.default_policy_id AS policy_id FROM ledger_agents.agents a
		  UNION ALL
		  SELECT c.organization_id, c.id, c.policy_id FROM ledger_agents.cards c) u
	WHERE u.policy_id IS NOT NULL
	  AND NOT EXISTS (SELECT FROM ledger_agents.policies p
					  WHERE p.organization_id = u.organization_id AND p.id = u.policy_id);
END;
COMMENT ON FUNCTION ledger_agents.check_invariants IS
'One row for each thing that is wrong in the books, none in health: counters against sums and counts, what rules remember, sequences and seals without gaps, approvals above a declining limit, entries, references, the stream of events. Reads everything; for operators and auditors.';
/*
 * Statistics: what this server has decided in this database, how large batches
 * were and who had to wait, since the server's start or the last reset.
 */
CREATE FUNCTION ledger_agents.read_statistics(
	OUT kind text, OUT name text, OUT reason ledger_agents.decline_reason, OUT requests_from integer, OUT requests_to integer,
	OUT number bigint, OUT waited interval, OUT longest interval, OUT since timestamptz)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 46 SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_read_statistics';
COMMENT ON FUNCTION ledger_agents.read_statistics IS
'All numbers of the views statistics, batch_statistics and wait_statistics, for operators and auditors: they are of all organizations together. Errors: 42501, 55000 (statistics_unavailable) where the file that holds them cannot be made or read.';

CREATE FUNCTION ledger_agents.reset_statistics() RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_reset_statistics';
COMMENT ON FUNCTION ledger_agents.reset_statistics IS
'Sets all statistics of this database to 0, at once and whatever becomes of the transaction, and returns the instant since which they are counted anew. For operators. Errors: 42501, 55000 (statistics_unavailable).';

CREATE VIEW ledger_agents.statistics AS
SELECT s.name AS outcome, s.reason, s.number AS calls, s.since
FROM ledger_agents.read_statistics() s
WHERE s.kind = 'outcome';
COMMENT ON VIEW ledger_agents.statistics IS
'Calls of authorize() and increment(), and requests of authorize_many(), on this server, of all organizations, by outcome and first reason. Always the same rows; each call or request is in one of them. Lost at a restart; the rows of authorizations are the record, not these.';
COMMENT ON COLUMN ledger_agents.statistics.outcome IS
'approved, declined: a decision that has committed. replayed: the stored answer to a key. raised: a decline that authorize_or_raise made an error of. prepared: in a transaction that was prepared, however that ended. rolled_back: undone with its transaction or savepoint.';
COMMENT ON COLUMN ledger_agents.statistics.reason IS 'Of a decline, the first of its reasons; else null.';
COMMENT ON COLUMN ledger_agents.statistics.calls IS 'How many.';
COMMENT ON COLUMN ledger_agents.statistics.since IS 'Since when: the first use after the server''s start, or the last reset.';

CREATE VIEW ledger_agents.batch_statistics AS
SELECT s.requests_from, s.requests_to, s.number AS batches, s.since
FROM ledger_agents.read_statistics() s
WHERE s.kind = 'batch';
COMMENT ON VIEW ledger_agents.batch_statistics IS
'Batches on this server, of all organizations, by how many requests they had. Only those that have committed.';
COMMENT ON COLUMN ledger_agents.batch_statistics.requests_from IS 'Least number of requests.';
COMMENT ON COLUMN ledger_agents.batch_statistics.requests_to IS 'Greatest number of requests.';
COMMENT ON COLUMN ledger_agents.batch_statistics.batches IS 'How many batches.';
COMMENT ON COLUMN ledger_agents.batch_statistics.since IS 'Since when, as in statistics.';

CREATE VIEW ledger_agents.wait_statistics AS
SELECT s.name AS waited_for, s.number AS waits, s.waited, s.longest, s.since
FROM ledger_agents.read_statistics() s
WHERE s.kind = 'wait';
COMMENT ON VIEW ledger_agents.wait_statistics IS
'How often and how long calls had to wait for others before they could go on, on this server and of all organizations. Also waits that ended in an error, and those of calls that were rolled back. A call may wait more than once. Waits for the locks of rows are not in it.';
COMMENT ON COLUMN ledger_agents.wait_statistics.waited_for IS
'Whose turn it was. agent, customer, organization: another call for the same one, those two where they have a limit. external_id: another registration under it. idempotency_key: another request of the JSON interface with the same key. configuration: a change of an agent, a customer, an organization or a policy, or, for such a change, the calls that were deciding. history: for a first limit, those who had spent and not committed.';
COMMENT ON COLUMN ledger_agents.wait_statistics.waits IS 'How many waits.';
COMMENT ON COLUMN ledger_agents.wait_statistics.waited IS 'How long in all.';
COMMENT ON COLUMN ledger_agents.wait_statistics.longest IS 'The longest one.';
COMMENT ON COLUMN ledger_agents.wait_statistics.since IS 'Since when, as in statistics.';
/*
 * Answers of the JSON interface, by the header Idempotency-Key.
 */
CREATE TABLE ledger_agents.idempotent_answers (
	organization_id text COLLATE "C" NOT NULL,
	principal text COLLATE "C" NOT NULL,
	route text COLLATE "C" NOT NULL,
	key text COLLATE "C" NOT NULL,
	request_hash bytea NOT NULL,
	answer jsonb NOT NULL,
	status integer NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT idempotent_answers_pkey PRIMARY KEY (organization_id, principal, route, key),
	CONSTRAINT idempotent_answers_key_length CHECK (pg_catalog.char_length(key) BETWEEN 1 AND 255),
	CONSTRAINT idempotent_answers_hash_length CHECK (pg_catalog.octet_length(request_hash) = 32),
	CONSTRAINT idempotent_answers_status_range CHECK (status BETWEEN 200 AND 299)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.idempotent_answers', '');

/* Reader: whoever writes an answer, which takes some old ones out. */
CREATE INDEX idempotent_answers_created_idx ON ledger_agents.idempotent_answers (organization_id, created_at);

COMMENT ON TABLE ledger_agents.idempotent_answers IS
'What functions of ledger_agents_api answered to requests with the header Idempotency-Key, remembered for 24 hours and without secrets. Successes only: an error may be mended and tried again with its key.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.organization_id IS 'The organization that the call acted in.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.principal IS 'Who called. For claims with an agent, the agent and the claims.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.route IS 'Name of the function.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.key IS 'The header, 1 to 255 characters, compared bytewise.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.request_hash IS 'SHA-256 of the body.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.answer IS 'The answer; token and key are null.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.status IS 'HTTP status of the answer, 200 to 299.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.created_at IS 'When it was given; 24 hours later it is forgotten.';
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

Body: agentId.

Answer: data. Not for agents.';

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
/*
 * Who may do what.  Nothing for PUBLIC; levels are granted to roles by
 * grant_access(), which makes none.
 */
CREATE FUNCTION ledger_agents.act_as_operator() RETURNS void
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT;
END;
COMMENT ON FUNCTION ledger_agents.act_as_operator IS
'A marker that does nothing: a role that may execute it is an operator, whoever owns the functions that it calls.';

CREATE FUNCTION ledger_agents.act_as_auditor() RETURNS void
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT;
END;
COMMENT ON FUNCTION ledger_agents.act_as_auditor IS
'A marker that does nothing: a role that may execute it is an auditor, and verifies in any organization.';

CREATE FUNCTION ledger_agents.grant_access(role_name name, level ledger_agents.access_level)
RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	/* What a caller may call that is only its token. */
	for_api constant name[] := '{authenticate,authorize,authorize_or_raise,authorize_many,evaluate,get_agent,list_agents,agent_budget,get_card,list_cards,get_authorization,list_authorizations,declare_intent,cancel_intent,get_intent,list_intents,attest,list_attestations,explain_authorization,effective_policy,card_policy,visible_organization,visible_agent,visible_spend,visible_card_spend,engine_time,iso_duration,window_of,normal_merchant,merchant_matches}';
	/* What a caller may call that is a key: for api, too, but refused to agents' tokens. */
	for_key constant name[] := '{create_organization_key,list_organization_keys,revoke_organization_key,rotate_organization_key,update_organization,get_organization,update_customer,get_customer,register_agent,update_agent,deregister_agent,create_agent_token,list_agent_tokens,revoke_agent_token,rotate_agent_token,create_policy,update_policy,delete_policy,get_policy,list_policies,create_card,update_card,freeze_card,unfreeze_card,close_card,approve_intent,reject_intent,record_spend,increment,capture,reverse,refund,poll_events,ack_events,list_event_consumers,delete_event_consumer,sweep,seal_chain,verify_chain,purge}';
	/* What only reads, but looks at every organization. */
	for_auditor constant name[] := '{act_as_auditor,check_invariants,read_statistics,verify_chain,chain_item,window_of,normal_merchant,merchant_matches}';
	/* What nobody is granted: the engine calls them. */
	internal constant name[] := '{current_spend,current_card_spend,refuse_change,forget_tenants,write_view,grant_access}';
	granted text;
BEGIN
	EXECUTE format('GRANT USAGE ON SCHEMA ledger_agents TO %I', role_name);
	IF level IN ('operator', 'api') THEN
		EXECUTE format('GRANT USAGE ON SCHEMA ledger_agents_api TO %I', role_name);
		EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA ledger_agents_api TO %I', role_name);
		EXECUTE format('GRANT INSERT ON ledger_agents_api.cards, ledger_agents_api.policies, ledger_agents_api.intents,'
					   ' ledger_agents_api.authorizations TO %I', role_name);
		EXECUTE format('GRANT UPDATE ON ledger_agents_api.agents, ledger_agents_api.cards, ledger_agents_api.policies,'
					   ' ledger_agents_api.intents TO %I', role_name);
		EXECUTE format('GRANT DELETE ON ledger_agents_api.agents, ledger_agents_api.cards, ledger_agents_api.policies,'
					   ' ledger_agents_api.intents, ledger_agents_api.tokens TO %I', role_name);
	END IF;
	IF level IN ('operator', 'auditor') THEN
		EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA ledger_agents TO %I', role_name);
		EXECUTE format('REVOKE SELECT ON ledger_agents.agent_tokens, ledger_agents.organization_keys FROM %I', role_name);
		EXECUTE format('GRANT SELECT (organization_id, id, agent_id, name, prefix, created_at, expires_at, revoked_at)'
					   ' ON ledger_agents.agent_tokens TO %I', role_name);
		EXECUTE format('GRANT SELECT (organization_id, id, name, prefix, created_at, expires_at, revoked_at)'
					   ' ON ledger_agents.organization_keys TO %I', role_name);
	END IF;
	SELECT string_agg(p.oid::regprocedure::text, ', ') INTO granted
	FROM pg_proc p
	WHERE (p.pronamespace = 'ledger_agents'::regnamespace
		   AND p.proname <> ALL (internal)
		   AND CASE level WHEN 'operator' THEN true
						  WHEN 'api' THEN p.proname = ANY (for_api || for_key)
						  ELSE p.proname = ANY (for_auditor) END)
	   OR (p.pronamespace = 'ledger_agents_api'::regnamespace AND level IN ('operator', 'api'));
	EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', granted, role_name);
END
$$;
COMMENT ON FUNCTION ledger_agents.grant_access IS
'Gives an existing role a level: operator, auditor or api. Only the extension''s owner can. Nobody, not even an operator, reads the hashes of secrets. Errors: 42704 unknown role, 42501.';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger_agents, ledger_agents_api FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ledger_agents, ledger_agents_api FROM PUBLIC;
REVOKE ALL ON SCHEMA ledger_agents, ledger_agents_api FROM PUBLIC;
