-- The plans of one session are made while the tables are empty and analysed as such, and nothing is analysed after.
-- Prints round, microseconds a call at the start, microseconds a call after 100 000 rows.
SET client_min_messages = warning;
\ir schema.sql
ALTER TABLE ledger_agents.authorizations SET (autovacuum_enabled = off);
ALTER TABLE ledger_agents.counters SET (autovacuum_enabled = off);
ALTER TABLE ledger_agents.agents SET (autovacuum_enabled = off);
ALTER TABLE ledger_agents.customers SET (autovacuum_enabled = off);
VACUUM ANALYZE;
SELECT FROM ledger_agents.register_agent(external_id => 'first', customer_id => 'first', spending_limit => 1000);
SELECT decision
FROM ledger_agents.get_agent(external_id => 'first') a,
	ledger_agents.authorize(agent_id => a.id, amount => 1, idempotency_key => 'k') \gset
\ir agents.sql
SELECT bench.time_extension(0, 10000) AS warm \gset
SELECT bench.time_extension(10000, :calls) AS before1 \gset
SELECT bench.time_extension(10000 + :calls, :calls) AS before2 \gset
SELECT bench.time_extension(10000 + 2 * :calls, :calls) AS before3 \gset
SELECT bench.time_extension(1000000, 100000) AS warm \gset
SELECT bench.time_extension(2000000, :calls) AS after1 \gset
SELECT bench.time_extension(2000000 + :calls, :calls) AS after2 \gset
SELECT bench.time_extension(2000000 + 2 * :calls, :calls) AS after3 \gset
\pset fieldsep ' '
SELECT * FROM (VALUES (1, :before1, :after1), (2, :before2, :after2), (3, :before3, :after3)) v;
