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
	CONSTRAINT cards_policy_fkey FOREIGN KEY (organization_id, policy_id)
		REFERENCES ledger_agents.policies (organization_id, id),
	CONSTRAINT cards_purpose_length CHECK (pg_catalog.char_length(purpose) BETWEEN 1 AND 255),
	CONSTRAINT cards_max_amount_range CHECK (max_amount > 0),
	CONSTRAINT cards_spending_limit_range CHECK (spending_limit >= 0),
	CONSTRAINT cards_policy_object CHECK (pg_catalog.jsonb_typeof(policy) = 'object'),
	CONSTRAINT cards_metadata_object CHECK (pg_catalog.jsonb_typeof(metadata) = 'object'),
	CONSTRAINT cards_status_whole CHECK
		((status = 'active') = (status_reason IS NULL) AND (status_reason IS NULL) = (status_by IS NULL))
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.cards', '');

/* Reader: whether an agent must name a card, max_cards, list_cards, a suspension. */
CREATE INDEX cards_agent_idx ON ledger_agents.cards (organization_id, agent_id, id);
/* Reader: the foreign key, when a policy is deleted. */
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
