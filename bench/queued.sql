-- The floor behind a queue: waits for an advisory lock on the row that all want, then runs the bare statement, with a
-- snapshot of its own.
CREATE FUNCTION queued.authorize(scope text, scope_id text, agent_id uuid, id uuid, amount bigint, idempotency_key text)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(authorize.scope_id, 0));
	WITH k AS (
		UPDATE queued.counters c SET version = c.version + 1, sequence = c.sequence + 1, decided_at = clock_timestamp(),
			total_spent = c.total_spent + authorize.amount, day_spent = c.day_spent + authorize.amount,
			week_spent = c.week_spent + authorize.amount, month_spent = c.month_spent + authorize.amount,
			year_spent = c.year_spent + authorize.amount
		WHERE c.organization_id = 'default' AND c.scope = authorize.scope::ledger_agents.limit_scope
			AND c.scope_id = authorize.scope_id
		RETURNING c.sequence, c.decided_at, c.month_spent)
	INSERT INTO queued.authorizations (organization_id, id, agent_id, sequence, decided_at, amount, counted_amount,
		agent_spent, agent_limit, remaining, max_approvable, decision, status, agent_limit_frequency, on_limit_exceeded,
		customer_id, currency, idempotency_key)
	SELECT 'default', authorize.id, authorize.agent_id, k.sequence, k.decided_at, authorize.amount, authorize.amount, k.month_spent,
		1000000000000000, 1000000000000000 - k.month_spent, 1000000000000000, 'approved', 'authorized', 'perMonth',
		'decline', 'customer1', 'USD', authorize.idempotency_key
	FROM k
	RETURNING decision INTO answer;
	RETURN answer;
END
$$;
