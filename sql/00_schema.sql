/*
 * The two schemas.  They are made here and not by the control file, so that a
 * schema of the same name that somebody else made first is refused.
 */
CREATE SCHEMA ledger_agents;
COMMENT ON SCHEMA ledger_agents IS
'Spend authorization for AI agents: tables, types and functions of the SQL interface. Amounts are bigint in the currency''s minor unit; times are timestamptz.';

CREATE SCHEMA ledger_agents_api;
COMMENT ON SCHEMA ledger_agents_api IS
'ledger_agents

JSON interface of ledger_agents, to be served over HTTP by PostgREST: may this AI agent spend?

Each function takes one document, as the body of a POST to /rpc and its name, and returns one. Who calls says so by the header Api-Key (an organization''s key or an agent''s token), or by a JWT in the header Authorization. Functions that change something take the header Idempotency-Key.

Amounts are integers in the currency''s minor unit. A decline is an answer, not an error. An error has the form {"error": {type, code, message, param}} and the status 400, 401, 403, 404 or 409; what PostgREST itself refuses has the form {code, message, details, hint}.';
