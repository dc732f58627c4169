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

-- Microseconds a decision.  many: batches; one: the same requests by single calls, as many in one transaction; each: a
-- transaction for each.
CREATE PROCEDURE bench.time_batches(kind text, first bigint, calls bigint, size bigint, agents bigint,
	INOUT microseconds numeric)
LANGUAGE plpgsql AS $$
DECLARE
	requests ledger_agents.spend_request[];
	request ledger_agents.spend_request;
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

CREATE PROCEDURE bench.time_kinds(round integer, calls bigint)
LANGUAGE plpgsql AS $$
DECLARE
	first bigint := 7000000000 + round * 100 * calls;
	kinds text[] := CASE round % 2 WHEN 1 THEN '{many,one,each}' ELSE '{each,one,many}' END;
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
