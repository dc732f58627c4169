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
