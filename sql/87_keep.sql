/*
 * Against a DROP EXTENSION by mistake, which would take every row without
 * CASCADE.  The trigger fires at the commands by which that can come about: by
 * name, by a language or an owner that the extension rests on, by a schema.
 */
CREATE FUNCTION ledger_agents.keep_money() RETURNS event_trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_keep_money';
REVOKE ALL ON FUNCTION ledger_agents.keep_money FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.keep_money IS
'Event trigger function: loads the library, which then refuses to drop a table with money in it: 55000 money_would_be_lost, unless ledger_agents.allow_drop is on.';

CREATE EVENT TRIGGER ledger_agents_keep_money ON ddl_command_start
	WHEN TAG IN ('DROP EXTENSION', 'DROP LANGUAGE', 'DROP OWNED', 'DROP SCHEMA')
	EXECUTE FUNCTION ledger_agents.keep_money();
COMMENT ON EVENT TRIGGER ledger_agents_keep_money IS
'Keeps DROP EXTENSION ledger_agents, by whatever way it comes about, from removing authorizations unless ledger_agents.allow_drop is on.';
