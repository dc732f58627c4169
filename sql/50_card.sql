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
