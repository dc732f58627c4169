-- What comes after the decision, and what a decision pays for rolling windows and for events.
--
-- Rolling: one agent has 10 authorizations in its 24 hours, the other :window of them, evenly spread.  "still": the
-- clock hardly moves and nothing leaves; "moving": it moves so that with the many one leaves at every call.  Each call
-- sets the clock, which costs both the same.
CREATE PROCEDURE bench.roll(agent uuid, begun timestamptz, step interval, calls bigint, amount bigint, OUT microseconds numeric)
LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz := clock_timestamp();
BEGIN
	FOR n IN 1 .. calls LOOP
		PERFORM set_config('ledger_agents.clock', (begun + n * step)::text, false);
		PERFORM ledger_agents.authorize(agent_id => agent, amount => amount);
		IF n % 100 = 0 THEN
			COMMIT;
		END IF;
	END LOOP;
	COMMIT;
	microseconds := extract(epoch FROM clock_timestamp() - started) * 1000000 / calls;
END
$$;

CREATE PROCEDURE bench.time_rolling(size bigint, rounds integer, calls bigint)
LANGUAGE plpgsql AS $$
DECLARE
	few uuid;
	many uuid;
	at timestamptz := '2030-01-01 00:00Z';
	next constant interval := interval '1 day' / size;
	value numeric;
	over bigint;
BEGIN
	SELECT id INTO few FROM ledger_agents.register_agent('few', 'rolling', spending_limit => 1000000000000,
		spending_limit_frequency => 'per24HourPeriod');
	SELECT id INTO many FROM ledger_agents.register_agent('many', 'rolling', spending_limit => 1000000000000,
		spending_limit_frequency => 'per24HourPeriod');
	CALL bench.roll(few, at, interval '1 day' / 10, 10, 1, value);
	CALL bench.roll(many, at, next, size, 1, value);
	at := at + interval '1 day';
	FOR n IN 1 .. rounds LOOP
		CALL bench.roll(few, at, '1 microsecond', calls, 1, value);
		INSERT INTO bench.results VALUES ('rolling', 'still', 1, n, 'few', value);
		CALL bench.roll(many, at, '1 microsecond', calls, 1, value);
		INSERT INTO bench.results VALUES ('rolling', 'still', 1, n, 'many', value);
		-- Of what is spent the oldest five are too many: a decline says when these have left.
		SELECT remaining + 5 INTO over FROM ledger_agents.agent_budget(few);
		CALL bench.roll(few, at, '1 microsecond', calls, over, value);
		INSERT INTO bench.results VALUES ('rolling', 'declined', 1, n, 'few', value);
		SELECT remaining + 5 INTO over FROM ledger_agents.agent_budget(many);
		CALL bench.roll(many, at, '1 microsecond', calls, over, value);
		INSERT INTO bench.results VALUES ('rolling', 'declined', 1, n, 'many', value);
		CALL bench.roll(few, at, '1 microsecond', calls, 1, value);
		INSERT INTO bench.results VALUES ('rolling', 'moving', 1, n, 'few', value);
		CALL bench.roll(many, at, next, calls, 1, value);
		INSERT INTO bench.results VALUES ('rolling', 'moving', 1, n, 'many', value);
		at := at + calls * next;
	END LOOP;
	PERFORM set_config('ledger_agents.clock', '', false);
	COMMIT;
END
$$;

-- What holds become, each loop one transaction over holds of 10 000 agents; and decisions with the events transaction.*.
CREATE TABLE bench.held (id uuid NOT NULL);

CREATE FUNCTION bench.time_verb(verb text) RETURNS numeric
LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	calls bigint;
BEGIN
	EXECUTE format('SELECT count((ledger_agents.%I(id)).status) FROM bench.held', verb) INTO calls;
	RETURN extract(epoch FROM clock_timestamp() - begun) * 1000000 / calls;
END
$$;

CREATE PROCEDURE bench.time_life(rounds integer, calls bigint)
LANGUAGE plpgsql AS $$
DECLARE
	start bigint;
	verb text;
BEGIN
	FOR n IN 0 .. rounds LOOP
		start := 3000000000 + n * 10 * calls;
		INSERT INTO bench.results VALUES ('life', 'authorize', 1, n, 'extension', bench.time_extension(start, calls));
		COMMIT;
		FOREACH verb IN ARRAY '{capture,reverse}'::text[] LOOP
			TRUNCATE bench.held;
			INSERT INTO bench.held
				SELECT (ledger_agents.authorize(bench.agent(i), 100)).id FROM generate_series(1, calls) i;
			COMMIT;
			INSERT INTO bench.results VALUES ('life', verb, 1, n, 'extension', bench.time_verb(verb));
			COMMIT;
		END LOOP;
		PERFORM ledger_agents.update_organization('{"transaction_events": true}');
		COMMIT;
		INSERT INTO bench.results VALUES ('life', 'events', 1, n, 'extension', bench.time_extension(start + calls, calls));
		COMMIT;
		PERFORM ledger_agents.update_organization('{"transaction_events": false}');
		COMMIT;
	END LOOP;
	-- The first one made the plans.
	DELETE FROM bench.results WHERE measure = 'life' AND round = 0;
END
$$;

CALL bench.time_life(:rounds, :calls);
CALL bench.time_rolling(:window, :rounds, 2000);
