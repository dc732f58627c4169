-- What the benchmark itself needs: ids of agents, results, and the loops for the cost of a call inside one transaction.
CREATE EXTENSION ledger_agents;
CREATE SCHEMA bench;

-- The id that ends in a number of twelve digits.
CREATE FUNCTION bench.numbered(n bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-7000-8000-' || n)::uuid;

CREATE FUNCTION bench.agent(n bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-7000-8000-' || (100000000000 + n % 10000))::uuid;

-- Microseconds a call of ledger_agents.authorize(), over calls from number first on.
CREATE FUNCTION bench.time_extension(first bigint, calls bigint, amount bigint DEFAULT 1) RETURNS numeric
LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
BEGIN
	PERFORM count((ledger_agents.authorize(
		agent_id => bench.agent(n),
		amount => time_extension.amount,
		idempotency_key => 'k' || n)).decision)
	FROM generate_series(first, first + calls - 1) n;
	RETURN extract(epoch FROM clock_timestamp() - begun) * 1000000 / calls;
END
$$;

-- Decisions a second (of evaluate and of what happens inside a transaction: microseconds a call), or what report.sql says
-- of the measure; done: decisions.
CREATE TABLE bench.results (
	measure text NOT NULL,
	setting text NOT NULL,
	clients integer NOT NULL,
	round integer NOT NULL,
	competitor text NOT NULL,
	value numeric NOT NULL
);

CREATE VIEW bench.medians AS
SELECT measure, setting, clients, competitor,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY value)::numeric AS value
FROM bench.results
GROUP BY measure, setting, clients, competitor;

-- The extension's figure in parts of a competitor's of the same round.
CREATE VIEW bench.ratios AS
SELECT r.measure, r.setting, r.clients, r.competitor,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY e.value / nullif(r.value, 0))::numeric AS ratio
FROM bench.results r
	JOIN bench.results e USING (measure, setting, clients, round)
WHERE e.competitor = 'extension'
GROUP BY r.measure, r.setting, r.clients, r.competitor;
