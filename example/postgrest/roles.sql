-- Who PostgREST logs in as, and who its requests act as. Run once, as the owner of the extension, in its database.

-- Nobody logs in as this one, so claims of a JWT count for it.
CREATE ROLE ledger_agents_web NOLOGIN;
SELECT ledger_agents.grant_access('ledger_agents_web', 'api');

-- Has no rights of its own. Give it a password (\password ledger_agents_authenticator) or a line of pg_hba.conf.
CREATE ROLE ledger_agents_authenticator LOGIN NOINHERIT;
GRANT ledger_agents_web TO ledger_agents_authenticator;

-- A request that waits for another one gives up, and one that hangs ends: each holds a connection of the pool.
ALTER ROLE ledger_agents_authenticator SET ledger_agents.lock_timeout = '3s';
ALTER ROLE ledger_agents_authenticator SET statement_timeout = '10s';
ALTER ROLE ledger_agents_authenticator SET idle_in_transaction_session_timeout = '10s';
