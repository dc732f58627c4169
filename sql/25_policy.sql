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

COMMENT ON TABLE ledger_agents.policies IS
'Reusable, named templates of rules. Rules are not enforced yet: a decision that would need them is refused with 0A000.';
COMMENT ON COLUMN ledger_agents.policies.organization_id IS 'The organization it belongs to.';
COMMENT ON COLUMN ledger_agents.policies.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.policies.name IS '1 to 255 characters, unique in the organization, compared bytewise.';
COMMENT ON COLUMN ledger_agents.policies.rules IS 'The rules, an object with the published names.';
COMMENT ON COLUMN ledger_agents.policies.created_at IS 'When the policy was made.';
COMMENT ON COLUMN ledger_agents.policies.updated_at IS 'When it last changed.';
