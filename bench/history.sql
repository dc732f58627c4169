-- Stores :wanted decisions in the tables of :schema, as old as they are many: 10 000 agents have decided them in turn, one a
-- millisecond, since 2020.
INSERT INTO :"schema".authorizations (organization_id, id, agent_id, sequence, decided_at, amount, counted_amount,
	agent_spent, agent_limit, remaining, max_approvable, decision, status, agent_limit_frequency, on_limit_exceeded,
	customer_id, currency, idempotency_key)
SELECT 'default', (lpad(to_hex(1577836800000 + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
	bench.agent(n), n / 10000 + 1, to_timestamp((1577836800000 + n) / 1000.0), 1, 1, 1, 1000000000000000,
	999999999999999, 1000000000000000, 'approved', 'captured', 'perMonth', 'decline', 'customer' || n % 1000, 'USD',
	'old' || n
FROM generate_series(1, :wanted) n;
VACUUM ANALYZE :"schema".authorizations;
CHECKPOINT;
