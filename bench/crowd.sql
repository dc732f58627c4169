-- 64 agents of one customer that has a limit per month, never reached: each spend of theirs is counted in one row more,
-- the customer's.
SELECT id AS crowd FROM ledger_agents.register_agent(
	external_id => 'crowd', customer_id => 'crowd', spending_limit => 1000000000000000) \gset
SELECT id AS customer FROM ledger_agents.update_customer('crowd', '{"spending_limit": 1000000000000000}') \gset

INSERT INTO ledger_agents.agents
SELECT copy.*
FROM ledger_agents.agents a, generate_series(0, 63) n,
	jsonb_populate_record(a, jsonb_build_object('id', bench.numbered(400000000000 + n), 'external_id', 'crowd' || n)) copy
WHERE a.id = :'crowd';

INSERT INTO ledger_agents.counters
SELECT copy.*
FROM ledger_agents.counters k, generate_series(0, 63) n,
	jsonb_populate_record(k, jsonb_build_object('scope_id', bench.numbered(400000000000 + n))) copy
WHERE k.scope = 'agent' AND k.scope_id = :'crowd';
