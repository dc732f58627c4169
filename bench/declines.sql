-- Microseconds a call, approvals and declines in turn, each loop one transaction; and evaluate() over 10 000 agents in
-- one query.
CREATE FUNCTION bench.time_evaluate() RETURNS numeric
LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	answers bigint;
BEGIN
	SELECT count((ledger_agents.evaluate(agent_id => a.id, amount => 100)).decision) INTO answers
	FROM ledger_agents.agents a
	WHERE a.id BETWEEN bench.agent(0) AND bench.agent(9999);
	RETURN extract(epoch FROM clock_timestamp() - begun) * 1000000 / answers;
END
$$;

CREATE PROCEDURE bench.time_declines(rounds integer, calls bigint)
LANGUAGE plpgsql AS $$
DECLARE
	start bigint;
	too_much constant bigint := 4000000000000000;
BEGIN
	INSERT INTO bench.results VALUES ('evaluate', 'first', 1, 1, 'extension', bench.time_evaluate());
	COMMIT;
	FOR n IN 0 .. rounds LOOP
		start := 6000000000 + n * 10 * calls;
		INSERT INTO bench.results VALUES ('approved', 'inside', 1, n, 'extension', bench.time_extension(start, calls));
		COMMIT;
		INSERT INTO bench.results VALUES
			('declined', 'inside', 1, n, 'extension', bench.time_extension(start + calls, calls, too_much));
		COMMIT;
		INSERT INTO bench.results VALUES ('evaluate', 'later', 1, n, 'extension', bench.time_evaluate());
		COMMIT;
	END LOOP;
	-- The first one made the plans.
	DELETE FROM bench.results
	WHERE round = 0 AND (setting = 'inside' OR (measure = 'evaluate' AND setting = 'later'));
END
$$;
CALL bench.time_declines(:rounds, :calls);
