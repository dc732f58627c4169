-- The tables that bench/run prints.
\pset footer off
\pset null '-'

CREATE TEMP TABLE names AS
SELECT * FROM (VALUES
	(1, 'extension', 'ledger_agents.authorize', NULL::numeric),
	(2, 'floor', '(a) one prepared UPDATE + INSERT', 0.80),
	(3, 'application', '(b) application, four round trips', 1.6),
	(4, 'plpgsql', '(c) PL/pgSQL function', 1.1)) v (place, competitor, name, target);

CREATE FUNCTION pg_temp.mark(reached boolean) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN reached THEN '✓' WHEN NOT reached THEN '✗' END;

\echo
\echo 'Decisions a second, synchronous_commit = off (the processor decides)'
SELECT m.clients, n.name, round(m.value) AS "per second", round(r.ratio, 2) AS "authorize is",
	n.target AS "at least", pg_temp.mark(r.ratio >= n.target) AS ok
FROM bench.medians m
	JOIN names n USING (competitor)
	JOIN bench.ratios r USING (measure, setting, clients, competitor)
WHERE m.measure = 'rate' AND m.setting = 'off'
ORDER BY m.clients, n.place;

\echo 'Decisions a second, synchronous_commit = on (the disk decides: ratios tend to 1)'
SELECT m.clients, n.name, round(m.value) AS "per second", round(r.ratio, 2) AS "authorize is"
FROM bench.medians m
	JOIN names n USING (competitor)
	JOIN bench.ratios r USING (measure, setting, clients, competitor)
WHERE m.measure = 'rate' AND m.setting = 'on'
ORDER BY m.clients, n.place;

\echo 'Microseconds a call inside one transaction'
SELECT n.name, round(later.value, 1) AS approved, round(r.ratio, 2) AS "authorize is",
	CASE n.competitor WHEN 'plpgsql' THEN 0.75 END AS "at most",
	CASE n.competitor WHEN 'plpgsql' THEN pg_temp.mark(r.ratio <= 0.75) END AS ok,
	round(declined.value, 1) AS declined, round(first.value, 1) AS "first in session"
FROM names n
	JOIN bench.medians later ON later.competitor = n.competitor AND later.measure = 'call' AND later.setting = 'later'
	JOIN bench.ratios r ON r.competitor = n.competitor AND r.measure = 'call' AND r.setting = 'later'
	LEFT JOIN bench.medians declined
		ON declined.competitor = n.competitor AND declined.measure = 'call' AND declined.setting = 'declined'
	LEFT JOIN bench.medians first
		ON first.competitor = n.competitor AND first.measure = 'call' AND first.setting = 'first'
ORDER BY n.place;

\echo 'Card, agent and customer with ten rules in all, 1 client; microseconds a call inside one transaction'
SELECT v.name, round(r.value) AS "per second", round(c.value, 1) AS "µs a call", round(1 / t.ratio, 2) AS "of plain",
	v.target AS "at most", pg_temp.mark(1 / t.ratio <= v.target) AS ok
FROM (VALUES (1, 'extension', 'plain', NULL), (2, 'rules', 'ten rules', 2.0),
		(3, 'windowed', 'and a limit per month of the customer', NULL)) v (place, competitor, name, target)
	JOIN bench.medians r ON r.competitor = v.competitor AND r.measure = 'ruled' AND r.setting = 'off'
	JOIN bench.medians c ON c.competitor = v.competitor AND c.measure = 'ruled' AND c.setting = 'later'
	JOIN bench.ratios t ON t.competitor = v.competitor AND t.measure = 'ruled' AND t.setting = 'later'
ORDER BY v.place;

\echo 'The life of a hold, microseconds a call inside one transaction'
SELECT v.name, round(m.value, 1) AS "µs a call", round(m.value / a.value, 2) AS "of authorize"
FROM (VALUES (1, 'authorize', 'authorize'), (2, 'events', 'authorize, with the events transaction.*'),
		(3, 'capture', 'capture'), (4, 'reverse', 'reverse')) v (place, setting, name)
	JOIN bench.medians m ON m.measure = 'life' AND m.setting = v.setting
	JOIN bench.medians a ON a.measure = 'life' AND a.setting = 'authorize'
ORDER BY v.place;

\echo 'A rolling limit, microseconds a call: 10 in the window, and many'
SELECT v.name, round(f.value, 1) AS few, round(m.value, 1) AS many, round(m.value / f.value, 2) AS ratio,
	1.3 AS "at most", pg_temp.mark(m.value <= 1.3 * f.value) AS ok
FROM (VALUES (1, 'still', 'approved, nothing leaves'), (2, 'moving', 'approved, of the many one leaves a call'),
		(3, 'declined', 'declined')) v (place, setting, name)
	JOIN bench.medians f ON f.measure = 'rolling' AND f.setting = v.setting AND f.competitor = 'few'
	JOIN bench.medians m ON m.measure = 'rolling' AND m.setting = v.setting AND m.competitor = 'many'
ORDER BY v.place;

\echo 'Decisions a second by what is stored already, synchronous_commit = off; databases that take turns'
SELECT m.clients, split_part(m.measure, ' ', 2)::bigint AS stored, round(m.value) AS "per second",
	round(r.ratio, 2) AS "of empty", 0.85 AS "at least", pg_temp.mark(r.ratio >= 0.85) AS ok
FROM bench.medians m
	JOIN (SELECT s.measure, s.clients, percentile_cont(0.5) WITHIN GROUP (ORDER BY s.value / e.value)::numeric AS ratio
		FROM bench.results s JOIN bench.results e USING (clients, round)
		WHERE s.measure LIKE 'size %' AND e.measure = 'size 0'
		GROUP BY s.measure, s.clients) r USING (measure, clients)
ORDER BY m.clients, stored;

\echo 'Requests a second through PostgREST, 8 connections, synchronous_commit = off'
SELECT v.name, round(m.value) AS "per second", round(r.ratio, 2) AS "authorize is"
FROM (VALUES (1, 'extension', 'POST /rpc/authorize'), (2, 'trivial', 'a function that returns its argument')) v (place, competitor, name)
	JOIN bench.medians m ON m.measure = 'http' AND m.competitor = v.competitor
	JOIN bench.ratios r ON r.measure = 'http' AND r.competitor = v.competitor
ORDER BY v.place;

\echo 'Microseconds a call that commits, with plans made on empty tables and nothing analysed since'
SELECT round(b.value, 1) AS "at first", round(a.value, 1) AS "after 100 000 rows", round(a.value / b.value, 2) AS ratio,
	1.25 AS "at most", pg_temp.mark(a.value <= 1.25 * b.value) AS ok
FROM bench.medians b, bench.medians a
WHERE b.measure = 'kept' AND b.competitor = 'before' AND a.measure = 'kept' AND a.competitor = 'after';

\echo 'Bytes of WAL a decision, without the commit; and how many updates of counters were HOT'
SELECT n.name, round(w.value) AS wal, round(c.value) AS "after a checkpoint",
	round(100.0 * s.n_tup_hot_upd / nullif(s.n_tup_upd, 0), 1) AS "HOT %"
FROM names n
	LEFT JOIN bench.medians w ON w.competitor = n.competitor AND w.measure = 'wal' AND w.setting = 'later'
	LEFT JOIN bench.medians c ON c.competitor = n.competitor AND c.measure = 'wal' AND c.setting = 'checkpoint'
	LEFT JOIN pg_stat_user_tables s ON s.relname = 'counters'
		AND s.schemaname = CASE n.competitor WHEN 'extension' THEN 'ledger_agents' ELSE n.competitor END
ORDER BY n.place;

\echo 'Decisions stored; ✓: as many as were made, and every counter has counted each of its own'
CREATE TEMP TABLE stored AS
SELECT competitor, 0::bigint AS approved, 0::bigint AS declined, 0::numeric AS counted FROM names;
UPDATE stored SET
	approved = (SELECT count(*) FROM ledger_agents.authorizations WHERE decision = 'approved'),
	declined = (SELECT count(*) FROM ledger_agents.authorizations WHERE decision = 'declined'),
	counted = (SELECT sum(sequence) FROM ledger_agents.counters)
WHERE competitor = 'extension';
UPDATE stored SET
	approved = (SELECT count(*) FROM floor.authorizations WHERE decision = 'approved'),
	declined = (SELECT count(*) FROM floor.authorizations WHERE decision = 'declined'),
	counted = (SELECT sum(sequence) FROM floor.counters)
WHERE competitor = 'floor';
UPDATE stored SET
	approved = (SELECT count(*) FROM application.authorizations WHERE decision = 'approved'),
	declined = (SELECT count(*) FROM application.authorizations WHERE decision = 'declined'),
	counted = (SELECT sum(sequence) FROM application.counters)
WHERE competitor = 'application';
UPDATE stored SET
	approved = (SELECT count(*) FROM plpgsql.authorizations WHERE decision = 'approved'),
	declined = (SELECT count(*) FROM plpgsql.authorizations WHERE decision = 'declined'),
	counted = (SELECT sum(sequence) FROM plpgsql.counters)
WHERE competitor = 'plpgsql';
SELECT n.name, s.approved, s.declined,
	pg_temp.mark(s.counted = s.approved + s.declined AND s.approved + s.declined >= d.done) AS ok
FROM names n
	JOIN stored s USING (competitor)
	JOIN (SELECT competitor, sum(value) AS done FROM (
		SELECT value, CASE WHEN competitor IN ('rules', 'windowed') THEN 'extension' ELSE competitor END AS competitor
		FROM bench.results WHERE measure = 'done') r GROUP BY competitor) d
		USING (competitor)
ORDER BY n.place;
