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
COMMENT ON COLUMN ledger_agents.agents.currency IS 'Currency of its limits: 3 to 16 of A-Z, 0-9 and _. Cannot be changed once something was approved or recorded in it.';
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
COMMENT ON COLUMN ledger_agents.agent_budget_detail.percent_used IS 'Whole percent of the limit, rounded down, at most 2147483647; null without a limit or with a limit of 0.';
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
