-- What bench/run asks over HTTP: a hundred agents, whose tokens are printed, and a function that does nothing.
CREATE SCHEMA bench_api;
CREATE FUNCTION bench_api.trivial(jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE
RETURN $1;

-- The processor decides, as in the slices without HTTP; serve finds the roles that are there.
\i ../example/postgrest/roles.sql
GRANT USAGE ON SCHEMA bench_api TO ledger_agents_web;
ALTER ROLE ledger_agents_authenticator SET synchronous_commit = off;
ALTER ROLE ledger_agents_authenticator SET ledger_agents.durable_approvals = off;

SELECT token
FROM generate_series(1, 100) n,
	ledger_agents.register_agent('http ' || n, 'http', spending_limit => 1000000000000000);
