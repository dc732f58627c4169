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
