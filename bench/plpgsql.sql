-- The competitor in PL/pgSQL: the agent's limit per month, statuses, key and recorded declines, and nothing else that
-- the extension does (other windows, wider scopes' limits, rolling windows, events, stale snapshots, durability).
SET search_path = plpgsql;

CREATE FUNCTION authorize(id uuid, agent_id uuid, amount bigint, idempotency_key text) RETURNS authorizations
LANGUAGE plpgsql SECURITY DEFINER SET search_path = plpgsql, pg_temp AS $$
#variable_conflict use_column
DECLARE
	agent record;
	counter record;
	answer authorizations;
	instant timestamptz;
	new_window boolean;
	spent bigint;
	why ledger_agents.decline_reason;
BEGIN
	IF authorize.amount IS NULL OR authorize.amount <= 0 THEN
		RAISE 'amount must be greater than zero' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- The row is locked first, so that what is read after it is current, and one key is decided once.
	SELECT k.sequence, k.decided_at, k.month_end, k.month_spent INTO counter
	FROM counters k
	WHERE k.organization_id = 'default' AND k.scope = 'agent' AND k.scope_id = authorize.agent_id::text
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE 'unknown agent' USING ERRCODE = 'no_data_found';
	END IF;
	SELECT x.* INTO answer
	FROM authorizations x
	WHERE x.organization_id = 'default' AND x.agent_id = authorize.agent_id
		AND x.idempotency_key = authorize.idempotency_key;
	IF FOUND THEN
		IF answer.amount <> authorize.amount THEN
			RAISE 'idempotency key was used for another request' USING ERRCODE = 'invalid_parameter_value';
		END IF;
		RETURN answer;
	END IF;
	SELECT a.customer_id, a.currency, a.spending_limit, a.status, c.status AS customer_status,
		o.status AS organization_status, o.timezone INTO agent
	FROM agents a
		JOIN customers c ON c.organization_id = a.organization_id AND c.id = a.customer_id
		JOIN organizations o ON o.id = a.organization_id
	WHERE a.organization_id = 'default' AND a.id = authorize.agent_id;

	instant := greatest(clock_timestamp(), counter.decided_at);
	new_window := instant >= counter.month_end;
	spent := CASE WHEN new_window THEN 0 ELSE counter.month_spent END;
	why := CASE
		WHEN agent.organization_status <> 'active' THEN 'organization_suspended'
		WHEN agent.customer_status <> 'active' THEN 'customer_suspended'
		WHEN agent.status <> 'active' THEN 'agent_suspended'
		WHEN authorize.amount > agent.spending_limit - spent THEN 'agent_limit_exceeded'
	END;
	IF why IS NULL THEN
		spent := spent + authorize.amount;
	END IF;
	IF new_window THEN
		UPDATE counters k SET
			month_start = k.month_end,
			month_end = (date_trunc('month', instant AT TIME ZONE agent.timezone) + interval '1 month')
				AT TIME ZONE agent.timezone
		WHERE k.organization_id = 'default' AND k.scope = 'agent' AND k.scope_id = authorize.agent_id::text;
	END IF;
	UPDATE counters k SET sequence = counter.sequence + 1, decided_at = instant, month_spent = spent
	WHERE k.organization_id = 'default' AND k.scope = 'agent' AND k.scope_id = authorize.agent_id::text;
	INSERT INTO authorizations (organization_id, id, agent_id, sequence, decided_at, amount, counted_amount,
		agent_spent, agent_limit, remaining, max_approvable, decision, status, reason, agent_limit_frequency,
		on_limit_exceeded, customer_id, currency, idempotency_key)
	VALUES ('default', authorize.id, authorize.agent_id, counter.sequence + 1, instant, authorize.amount,
		CASE WHEN why IS NULL THEN authorize.amount ELSE 0 END,
		spent, agent.spending_limit,
		CASE WHEN why IS NULL THEN agent.spending_limit - spent END,
		agent.spending_limit - spent,
		CASE WHEN why IS NULL THEN 'approved'::ledger_agents.decision ELSE 'declined' END,
		CASE WHEN why IS NULL THEN 'authorized'::ledger_agents.authorization_status ELSE 'declined' END,
		why, 'perMonth', 'decline', agent.customer_id, agent.currency, authorize.idempotency_key)
	RETURNING * INTO answer;
	RETURN answer;
END
$$;

-- With a limit per month of the customer: counted last, so that its row is locked for the shortest time, and checked by
-- what came out.  A spend that exceeds it is an error, which is less than a recorded decline.
CREATE FUNCTION authorize_for_customer(id uuid, agent_id uuid, amount bigint, idempotency_key text)
RETURNS authorizations
LANGUAGE plpgsql SECURITY DEFINER SET search_path = plpgsql, pg_temp AS $$
#variable_conflict use_column
DECLARE
	answer authorizations := plpgsql.authorize(authorize_for_customer.id, authorize_for_customer.agent_id,
		authorize_for_customer.amount, authorize_for_customer.idempotency_key);
	within boolean;
BEGIN
	IF answer.decision = 'declined' OR answer.id <> authorize_for_customer.id THEN
		RETURN answer;
	END IF;
	UPDATE counters k SET decided_at = answer.decided_at, month_spent = k.month_spent + answer.amount
	FROM customers c
	WHERE k.organization_id = 'default' AND k.scope = 'customer' AND k.scope_id = answer.customer_id
		AND c.organization_id = 'default' AND c.id = answer.customer_id
	RETURNING k.month_spent <= c.spending_limit AND k.month_end > clock_timestamp() INTO within;
	IF NOT within THEN
		RAISE 'limit of the customer exceeded';
	END IF;
	RETURN answer;
END
$$;

-- Microseconds a call; the id is the caller's affair, as in the other competitors.
CREATE FUNCTION bench.time_plpgsql(first bigint, calls bigint, amount bigint DEFAULT 1) RETURNS numeric
LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	prefix text := lpad(to_hex((extract(epoch FROM begun) * 1000000)::bigint), 13, '0');
BEGIN
	PERFORM count((plpgsql.authorize(
		(prefix || (7000000000000000000 + n))::uuid,
		bench.agent(n),
		time_plpgsql.amount,
		'k' || n)).decision)
	FROM generate_series(first, first + calls - 1) n;
	RETURN extract(epoch FROM clock_timestamp() - begun) * 1000000 / calls;
END
$$;
