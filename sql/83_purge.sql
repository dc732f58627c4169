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
'Forgets what is older than before, which is at least 366 days ago: of each agent its first authorizations with their entries, as far as all are settled and nothing later belongs to them, sealed before they go; intents that are over, attestations, and events that every consumer has acknowledged. At most max_rows (1 to 100 000) of each kind a call; agents that somebody else is deciding for are left for the next. What is forgotten counts on for all time, but its keys are new keys. Recorded in purges. Errors: 22004, 22023 out_of_range, P0002 unknown organization, 42501, 55000 chain_broken when decisions or entries are missing, 55P03 after ledger_agents.lock_timeout.';
