-- The floor from inside a transaction: its statement, prepared and kept by PL/pgSQL.
CREATE FUNCTION bench.time_floor(first bigint, calls bigint) RETURNS numeric
LANGUAGE plpgsql SET search_path = floor AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	prefix text := lpad(to_hex((extract(epoch FROM begun) * 1000000)::bigint), 13, '0');
	agent uuid;
BEGIN
	FOR n IN first .. first + calls - 1 LOOP
		agent := bench.agent(n);
		WITH k AS (
			UPDATE counters SET version = version + 1, sequence = sequence + 1, decided_at = clock_timestamp(),
				total_spent = total_spent + 1, day_spent = day_spent + 1, week_spent = week_spent + 1,
				month_spent = month_spent + 1, year_spent = year_spent + 1
			WHERE organization_id = 'default' AND scope = 'agent' AND scope_id = agent::text
			RETURNING sequence, decided_at, month_spent)
		INSERT INTO authorizations (organization_id, id, agent_id, sequence, decided_at, amount, counted_amount,
			agent_spent, agent_limit, remaining, max_approvable, decision, status, agent_limit_frequency,
			on_limit_exceeded, customer_id, currency, idempotency_key)
		SELECT 'default', (prefix || (7000000000000000000 + n))::uuid, agent, k.sequence, k.decided_at, 1, 1,
			k.month_spent, 1000000000000000, 1000000000000000 - k.month_spent, 1000000000000000, 'approved',
			'authorized', 'perMonth', 'decline', 'customer1', 'USD', 'k' || n
		FROM k;
	END LOOP;
	RETURN extract(epoch FROM clock_timestamp() - begun) * 1000000 / calls;
END
$$;
