-- As many agents as the variable agents says, else 10 000, of 1 000 customers, each with a limit per month that is never
-- reached.
--
-- One agent is registered and then copied under ids that a driver can compose of a number, because pgbench has no
-- strings; 10 000 registrations would also make 10 000 tokens, which nothing here reads.
\if :{?agents}
\else
	\set agents 10000
\endif
SELECT created FROM ledger_agents.register_agent(
	external_id => 'agent', customer_id => 'customer', spending_limit => 1000000000000000) \gset

INSERT INTO ledger_agents.customers
SELECT copy.*
FROM ledger_agents.customers c, generate_series(0, 999) n,
	jsonb_populate_record(c, jsonb_build_object('id', 'customer' || n)) copy
WHERE c.id = 'customer';

INSERT INTO ledger_agents.agents
SELECT copy.*
FROM ledger_agents.agents a, generate_series(0, :agents - 1) n,
	jsonb_populate_record(a, jsonb_build_object('id', bench.numbered(100000000000 + n),
		'external_id', 'agent' || n, 'customer_id', 'customer' || n % 1000)) copy
WHERE a.external_id = 'agent';

INSERT INTO ledger_agents.counters
SELECT copy.*
FROM ledger_agents.agents a
	JOIN ledger_agents.counters k ON k.scope = 'agent' AND k.scope_id = a.id::text,
	generate_series(0, :agents - 1) n,
	jsonb_populate_record(k, jsonb_build_object('scope_id', bench.numbered(100000000000 + n))) copy
WHERE a.external_id = 'agent';
