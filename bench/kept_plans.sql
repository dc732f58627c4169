-- The plans of one session are made while the tables are empty and analysed as such, and nothing is analysed after.
-- Prints round, microseconds a call at the start, microseconds a call after 100 000 rows.
--
-- Ten agents do it all, so that a plan that reads what an agent has decided before to find one key costs more each time.
-- Every call commits: in one transaction the versions of so few counters would pile up.
SET client_min_messages = warning;
SET synchronous_commit = off;
SET ledger_agents.durable_approvals = off;
\ir schema.sql
ALTER TABLE ledger_agents.organizations SET (autovacuum_enabled = off);
ALTER TABLE ledger_agents.customers SET (autovacuum_enabled = off);
ALTER TABLE ledger_agents.agents SET (autovacuum_enabled = off);
ALTER TABLE ledger_agents.counters SET (autovacuum_enabled = off);
ALTER TABLE ledger_agents.authorizations SET (autovacuum_enabled = off);
VACUUM ANALYZE;

SELECT id FROM ledger_agents.register_agent(external_id => 'first', customer_id => 'first') \gset
SELECT decision FROM ledger_agents.authorize(agent_id => :'id', amount => 1, idempotency_key => 'k') \gset
\ir agents.sql

CREATE PROCEDURE bench.time_kept(first bigint, calls bigint, INOUT result numeric DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
BEGIN
	FOR n IN first .. first + calls - 1 LOOP
		PERFORM decision FROM ledger_agents.authorize(agent_id => bench.agent(n % 10), amount => 1,
			idempotency_key => 'k' || n);
		COMMIT;
	END LOOP;
	result := extract(epoch FROM clock_timestamp() - begun) * 1000000 / calls;
END
$$;
CALL bench.time_kept(0, 200) \gset
CALL bench.time_kept(1000, 500) \gset before1_
CALL bench.time_kept(2000, 500) \gset before2_
CALL bench.time_kept(3000, 500) \gset before3_
-- The rows themselves are copies of the first one: only that they are there matters.
INSERT INTO ledger_agents.authorizations
SELECT copy.*
FROM ledger_agents.authorizations x, generate_series(1, 100000) n,
	jsonb_populate_record(x, jsonb_build_object(
		'id', ('10000000-0000-7000-8000-' || (100000000000 + n))::uuid,
		'agent_id', bench.agent(n % 10), 'idempotency_key', 'copy' || n)) copy
WHERE x.idempotency_key = 'k';
CALL bench.time_kept(2000000, 500) \gset after1_
CALL bench.time_kept(3000000, 500) \gset after2_
CALL bench.time_kept(4000000, 500) \gset after3_
\pset fieldsep ' '
SELECT * FROM (VALUES (1, :before1_result, :after1_result), (2, :before2_result, :after2_result),
	(3, :before3_result, :after3_result)) v;
