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
