/*
 * Which database may spend.  Of several copies of one set of rows (a restored
 * dump, a copy by template, a subscriber) only one may, or the same money is
 * spent twice; the youngest row here says which.  A database in which nothing
 * was ever written has no row, and takes itself at its first write.
 *
 * Not led by the organization: it is of the database.  No money logic hangs on
 * the trigger for new rows; it only has sessions read them, also those that
 * come by replication.
 */
CREATE TABLE ledger_agents.adoptions (
	id uuid NOT NULL,
	system_identifier bigint,
	database_oid bigint,
	database_name text NOT NULL,
	reason text,
	principal text NOT NULL,
	database_role text NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT adoptions_pkey PRIMARY KEY (id),
	CONSTRAINT adoptions_whole CHECK ((system_identifier IS NULL) = (database_oid IS NULL)),
	CONSTRAINT adoptions_reason_length CHECK (pg_catalog.char_length(reason) BETWEEN 1 AND 1000)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.adoptions', '');
REVOKE ALL ON ledger_agents.adoptions FROM PUBLIC;

COMMENT ON TABLE ledger_agents.adoptions IS
'Which database may spend, and since when: the youngest row is in force. Append-only.';
COMMENT ON COLUMN ledger_agents.adoptions.id IS 'Version 7 uuid; later ones are greater, whatever the clock says.';
COMMENT ON COLUMN ledger_agents.adoptions.system_identifier IS 'Of the server, as pg_control_system() shows it; null: no database may spend (disowned).';
COMMENT ON COLUMN ledger_agents.adoptions.database_oid IS 'Of the database in it; null as above.';
COMMENT ON COLUMN ledger_agents.adoptions.database_name IS 'Name of the database in which it was written, at that time.';
COMMENT ON COLUMN ledger_agents.adoptions.reason IS 'What was said, 1 to 1000 characters, or null. "first use" and "update of the extension": nobody was asked.';
COMMENT ON COLUMN ledger_agents.adoptions.principal IS 'operator, or system where a first use adopts.';
COMMENT ON COLUMN ledger_agents.adoptions.database_role IS 'The role that called from outside.';
COMMENT ON COLUMN ledger_agents.adoptions.created_at IS 'When.';

CREATE TRIGGER adoptions_forget AFTER INSERT OR UPDATE OR DELETE ON ledger_agents.adoptions
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.forget_tenants();
CREATE TRIGGER adoptions_forget_all AFTER TRUNCATE ON ledger_agents.adoptions
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.forget_tenants();
ALTER TABLE ledger_agents.adoptions
	ENABLE ALWAYS TRIGGER adoptions_forget, ENABLE ALWAYS TRIGGER adoptions_forget_all;
CREATE TRIGGER adoptions_append_only BEFORE UPDATE OR DELETE ON ledger_agents.adoptions
	FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TRIGGER adoptions_no_truncate BEFORE TRUNCATE ON ledger_agents.adoptions
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_agents.refuse_change();

CREATE FUNCTION ledger_agents.adopt(reason text DEFAULT NULL)
RETURNS ledger_agents.adoptions
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_adopt';
REVOKE ALL ON FUNCTION ledger_agents.adopt FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.adopt IS
'Makes this database the one that may spend, from the commit on and for every session, and returns the new row. To be called once nothing else spends that has the same rows: in a restored dump, in a copy, after pg_upgrade, on a subscriber that takes over. Operators only. reason: 1 to 1000 characters. Errors: 42501, 22023.';

CREATE FUNCTION ledger_agents.disown(reason text DEFAULT NULL)
RETURNS ledger_agents.adoptions
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_disown';
REVOKE ALL ON FUNCTION ledger_agents.disown FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.disown IS
'No database may spend from here on: to be called where the money moves away from, before a dump that will be adopted elsewhere, or in a copy of the files that is not to spend. Waits for open transactions that have spent, at most ledger_agents.lock_timeout; once it has committed nothing more is spent. Returns the new row. Operators only. Errors: 42501, 22023, 55P03.';
