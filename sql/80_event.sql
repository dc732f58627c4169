/*
 * Events and the record of configuration changes, both append-only.
 */
CREATE TABLE ledger_agents.events (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	type ledger_agents.event_type NOT NULL,
	agent_id uuid,
	data jsonb NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT events_pkey PRIMARY KEY (organization_id, id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.events', '');

COMMENT ON TABLE ledger_agents.events IS
'What happened, for others to act on. Append-only.';
COMMENT ON COLUMN ledger_agents.events.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.events.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.events.type IS 'What happened.';
COMMENT ON COLUMN ledger_agents.events.agent_id IS 'The agent that it is about.';
COMMENT ON COLUMN ledger_agents.events.data IS 'The payload, with the field names of the published webhooks. Amounts in minor units.';
COMMENT ON COLUMN ledger_agents.events.created_at IS 'When it was written, inside the transaction that did it.';

CREATE TABLE ledger_agents.configuration_changes (
	organization_id text COLLATE "C" NOT NULL,
	id uuid NOT NULL,
	object_type text COLLATE "C" NOT NULL,
	object_id text COLLATE "C" NOT NULL,
	action text COLLATE "C" NOT NULL,
	old_values jsonb,
	new_values jsonb,
	principal text NOT NULL,
	database_role text NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT configuration_changes_pkey PRIMARY KEY (organization_id, id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.configuration_changes', '');

/* Reader: the history of one object. */
CREATE INDEX configuration_changes_object_idx
	ON ledger_agents.configuration_changes (organization_id, object_type, object_id, id);

COMMENT ON TABLE ledger_agents.configuration_changes IS
'Who changed what in the configuration, and when. Append-only.';
COMMENT ON COLUMN ledger_agents.configuration_changes.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.configuration_changes.id IS 'Version 7 uuid.';
COMMENT ON COLUMN ledger_agents.configuration_changes.object_type IS 'organization, organization_key, customer, agent, agent_token, policy, card, intent or event_consumer.';
COMMENT ON COLUMN ledger_agents.configuration_changes.object_id IS 'Its id as text.';
COMMENT ON COLUMN ledger_agents.configuration_changes.action IS 'create, update, delete, deregister, revoke, freeze, unfreeze, close, approve, reject or cancel.';
COMMENT ON COLUMN ledger_agents.configuration_changes.old_values IS 'Values of the changed fields before; null for create.';
COMMENT ON COLUMN ledger_agents.configuration_changes.new_values IS 'Values of the changed fields after. Never a secret.';
COMMENT ON COLUMN ledger_agents.configuration_changes.principal IS 'operator, key:<id>, agent:<id>, claims:<sub of the JWT>, or system for what a rule did.';
COMMENT ON COLUMN ledger_agents.configuration_changes.database_role IS 'The role that called from outside.';
COMMENT ON COLUMN ledger_agents.configuration_changes.created_at IS 'When.';

/*
 * Guards.  COPY may insert: a restore brings history.  authorizations are not
 * append-only: later verbs write what became of the money into the row.
 */
CREATE FUNCTION ledger_agents.refuse_change() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'la_refuse_change';
COMMENT ON FUNCTION ledger_agents.refuse_change IS
'Trigger function of append-only tables: raises 55000 append_only.';

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON ledger_agents.events
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON ledger_agents.events
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER configuration_changes_append_only BEFORE UPDATE OR DELETE ON ledger_agents.configuration_changes
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER configuration_changes_no_truncate BEFORE TRUNCATE ON ledger_agents.configuration_changes
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER authorization_entries_append_only BEFORE UPDATE OR DELETE ON ledger_agents.authorization_entries
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER authorization_entries_no_truncate BEFORE TRUNCATE ON ledger_agents.authorization_entries
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER authorizations_no_delete BEFORE DELETE ON ledger_agents.authorizations
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER authorizations_no_truncate BEFORE TRUNCATE ON ledger_agents.authorizations
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();
