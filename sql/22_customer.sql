/*
 * Customers, page by page.
 */
CREATE TYPE ledger_agents.customer_detail AS (
	organization_id text,
	id text,
	name text,
	status ledger_agents.account_status,
	spending_limit bigint,
	spending_limit_frequency ledger_agents.spending_frequency,
	window_mode ledger_agents.window_mode,
	policy jsonb,
	created_at timestamptz,
	updated_at timestamptz,
	cursor text
);
COMMENT ON TYPE ledger_agents.customer_detail IS
'A customer as list_customers returns it. Amounts in minor units of the organization''s currency.';
COMMENT ON COLUMN ledger_agents.customer_detail.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.customer_detail.id IS 'The application''s own customer id.';
COMMENT ON COLUMN ledger_agents.customer_detail.name IS 'Display name, or null.';
COMMENT ON COLUMN ledger_agents.customer_detail.status IS 'suspended declines every spend of the customer''s agents.';
COMMENT ON COLUMN ledger_agents.customer_detail.spending_limit IS 'Most that all its agents together may spend per window, in minor units; null = no limit.';
COMMENT ON COLUMN ledger_agents.customer_detail.spending_limit_frequency IS 'Window of spending_limit.';
COMMENT ON COLUMN ledger_agents.customer_detail.window_mode IS 'calendar or rolling; null: the frequency''s own.';
COMMENT ON COLUMN ledger_agents.customer_detail.policy IS 'Rules for all its agents, or null.';
COMMENT ON COLUMN ledger_agents.customer_detail.created_at IS 'When the row was made.';
COMMENT ON COLUMN ledger_agents.customer_detail.updated_at IS 'When a field last changed.';
COMMENT ON COLUMN ledger_agents.customer_detail.cursor IS 'Opaque: give it to list_customers(after => ...) for the page behind this row.';

CREATE FUNCTION ledger_agents.list_customers(
	status text DEFAULT NULL,
	max_rows integer DEFAULT 20,
	after text DEFAULT NULL,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.customer_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_customers';
REVOKE ALL ON FUNCTION ledger_agents.list_customers FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.list_customers IS
'Customers by id, bytewise, max_rows (1 to 100) a page; status: active or suspended, null for both; after takes the cursor of the last row seen. Customers made meanwhile do not shift the pages. Errors: 22023 for a wrong filter, page size or cursor, 42501 for an agent.';

CREATE FUNCTION ledger_agents_api.list_customers(jsonb) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_api';
REVOKE ALL ON FUNCTION ledger_agents_api.list_customers FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents_api.list_customers IS
'Customers, by id.

Body: status (active or suspended), limit (1 to 100, default 20), after (nextCursor of the page before).

Answer: data (as get_customer), hasMore, and nextCursor while there is more. Not for agents.';
