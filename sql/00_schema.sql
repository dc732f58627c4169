/*
 * The two schemas.  They are made here and not by the control file, so that a
 * schema of the same name that somebody else made first is refused.
 */
CREATE SCHEMA ledger_agents;
COMMENT ON SCHEMA ledger_agents IS
'Spend authorization for AI agents: tables, types and functions of the SQL interface. Amounts are bigint in the currency''s minor unit; times are timestamptz.';

CREATE SCHEMA ledger_agents_api;
COMMENT ON SCHEMA ledger_agents_api IS
'JSON interface of ledger_agents, to be served over HTTP by PostgREST: each function takes one document and returns one.';
