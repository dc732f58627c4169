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
