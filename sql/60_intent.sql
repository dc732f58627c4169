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
