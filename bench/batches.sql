-- authorize_many() beside single calls, each kind in one session: what is timed begins when the requests are at hand and
-- ends with the commit.  No round trips: these are in the calls of a client, which bench/run measures beside it.
--
-- size requests from number first on, of so many agents in turn.  The type's fields are looked up, because there may
-- come more of them.
SELECT format($$
	CREATE FUNCTION bench.requests(first bigint, size bigint, agents bigint) RETURNS ledger_agents.spend_request[]
	LANGUAGE sql
	RETURN (SELECT array_agg(ROW(%s)::ledger_agents.spend_request ORDER BY n)
		FROM generate_series(first, first + size - 1) n)$$,
	string_agg(CASE attname
		WHEN 'agent_id' THEN 'bench.agent(n % agents)'
		WHEN 'amount' THEN '1'
		WHEN 'idempotency_key' THEN $$'b' || n$$
		ELSE 'NULL' END, ', ' ORDER BY attnum))
FROM pg_attribute
WHERE attrelid = 'ledger_agents.spend_request'::regclass AND attnum > 0 AND NOT attisdropped \gexec

-- The bare statement for a whole batch: adds to each counter once and inserts all rows.  It checks nothing.  first: the
-- number of the first request, which makes its ids differ from those of all others.
CREATE FUNCTION floor.authorize_many(requests ledger_agents.spend_request[], prefix text, first bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = floor AS $$
DECLARE
	answers bigint;
BEGIN
	WITH r AS MATERIALIZED (
		SELECT u.agent_id, u.amount, u.idempotency_key, u.ordinality AS n,
			row_number() OVER (PARTITION BY u.agent_id ORDER BY u.ordinality) AS place
		FROM unnest(requests) WITH ORDINALITY u),
	s AS (
		SELECT agent_id, count(*) AS requests, sum(amount)::bigint AS amount FROM r GROUP BY agent_id),
	k AS (
		UPDATE counters c SET version = c.version + 1, sequence = c.sequence + s.requests,
			decided_at = clock_timestamp(), total_spent = c.total_spent + s.amount, day_spent = c.day_spent + s.amount,
			week_spent = c.week_spent + s.amount, month_spent = c.month_spent + s.amount,
			year_spent = c.year_spent + s.amount
		FROM s
		WHERE c.organization_id = 'default' AND c.scope = 'agent' AND c.scope_id = s.agent_id::text
		RETURNING s.agent_id, c.sequence - s.requests AS sequence, c.decided_at, c.month_spent)
	INSERT INTO authorizations (organization_id, id, agent_id, sequence, decided_at, amount, counted_amount,
		agent_spent, agent_limit, remaining, max_approvable, decision, status, agent_limit_frequency,
		on_limit_exceeded, customer_id, currency, idempotency_key)
	SELECT 'default', (prefix || (7000000000000000000 + first + r.n))::uuid, r.agent_id, k.sequence + r.place, k.decided_at,
		r.amount, r.amount, k.month_spent, 1000000000000000, 1000000000000000 - k.month_spent, 1000000000000000,
		'approved', 'authorized', 'perMonth', 'decline', 'customer1', 'USD', r.idempotency_key
	FROM r JOIN k USING (agent_id)
	ORDER BY r.n;
	GET DIAGNOSTICS answers = ROW_COUNT;
	RETURN answers;
END
$$;

-- Microseconds a decision.  many: batches; one: the same requests by single calls, as many in one transaction; each: a
-- transaction for each; floor: batches, of the bare statement.
CREATE PROCEDURE bench.time_batches(kind text, first bigint, calls bigint, size bigint, agents bigint,
	INOUT microseconds numeric)
LANGUAGE plpgsql AS $$
DECLARE
	requests ledger_agents.spend_request[];
	request ledger_agents.spend_request;
	prefix text := lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000000)::bigint), 13, '0');
	begun timestamptz;
	taken interval := '0';
	approved bigint := 0;
	answer ledger_agents.decision;
	answers bigint;
BEGIN
	FOR n IN 0 .. calls / size - 1 LOOP
		requests := bench.requests(first + n * size, size, agents);
		begun := clock_timestamp();
		IF kind = 'many' THEN
			SELECT count(*) FILTER (WHERE decision = 'approved') INTO answers
			FROM ledger_agents.authorize_many(requests);
			approved := approved + answers;
		ELSIF kind = 'floor' THEN
			approved := approved + floor.authorize_many(requests, prefix, first + n * size);
		ELSE
			FOREACH request IN ARRAY requests LOOP
				answer := (ledger_agents.authorize(agent_id => request.agent_id, amount => request.amount,
					idempotency_key => request.idempotency_key)).decision;
				approved := approved + (answer = 'approved')::integer;
				IF kind = 'each' THEN
					COMMIT;
				END IF;
			END LOOP;
		END IF;
		COMMIT;
		taken := taken + (clock_timestamp() - begun);
	END LOOP;
	IF approved <> calls / size * size THEN
		RAISE 'only % of % were approved', approved, calls;
	END IF;
	microseconds := extract(epoch FROM taken) * 1000000 / approved;
END
$$;

-- As many rows for the bare statement as for the extension, where single calls have added more: indexes of one size.
CREATE PROCEDURE bench.level(first bigint)
LANGUAGE plpgsql AS $$
DECLARE
	prefix text := lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000000)::bigint), 13, '0');
	missing bigint := (SELECT sum(sequence) FROM ledger_agents.counters) - (SELECT sum(sequence) FROM floor.counters);
BEGIN
	FOR n IN 0 .. missing / 1000 - 1 LOOP
		PERFORM floor.authorize_many(bench.requests(first + n * 1000, 1000, 10000), prefix, first + n * 1000);
		COMMIT;
	END LOOP;
END
$$;

CREATE PROCEDURE bench.time_kinds(round integer, calls bigint)
LANGUAGE plpgsql AS $$
DECLARE
	first bigint := 7000000000 + round * 100 * calls;
	kinds text[] := CASE round % 2 WHEN 1 THEN '{floor,many,one,each}' ELSE '{each,one,many,floor}' END;
	kind text;
	agents bigint;
	size bigint;
	value numeric;
BEGIN
	PERFORM set_config('synchronous_commit', 'off', false);
	PERFORM set_config('ledger_agents.durable_approvals', 'off', false);
	-- The session meets all agents, and makes its plans.
	PERFORM bench.time_extension(first, 10000);
	first := first + 10000;
	CALL bench.level(1000 * first);
	FOREACH kind IN ARRAY kinds LOOP
		CALL bench.time_batches(kind, first, 1000, 100, 10000, value);
		first := first + 1000;
	END LOOP;
	FOREACH agents IN ARRAY '{10,10000}'::bigint[] LOOP
		FOREACH size IN ARRAY '{100,1000}'::bigint[] LOOP
			FOREACH kind IN ARRAY kinds LOOP
				CALL bench.time_batches(kind, first, calls, size, agents, value);
				first := first + calls;
				INSERT INTO bench.results VALUES ('batch ' || agents || ' ' || size, kind, 1, round, 'extension', 1000000 / value);
				COMMIT;
			END LOOP;
		END LOOP;
	END LOOP;
END
$$;
