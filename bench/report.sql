-- The tables that bench/run prints.
\pset footer off
\pset null '-'

CREATE TEMP TABLE names AS
SELECT * FROM (VALUES
	(1, 'extension', 'ledger_agents.authorize', NULL::numeric),
	(2, 'floor', '(a) one prepared UPDATE + INSERT', 0.95),
	(3, 'application', '(b) application, four round trips', 2.0),
	(4, 'plpgsql', '(c) PL/pgSQL function', 1.3),
	(5, 'queued', '(a) behind an advisory lock', NULL)) v (place, competitor, name, target);

-- The figure of one measure, in parts of another of the same round and clients: the median.
CREATE FUNCTION pg_temp.ratio(of text, to_this text, setting text, clients integer) RETURNS numeric
LANGUAGE sql STABLE
RETURN (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a.value / b.value)::numeric
	FROM bench.results a JOIN bench.results b USING (setting, clients, round, competitor)
	WHERE a.measure = of AND b.measure = to_this AND a.setting = ratio.setting AND a.clients = ratio.clients);

CREATE FUNCTION pg_temp.mark(reached boolean) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN reached THEN '✓' WHEN NOT reached THEN '✗' END;

\echo
\echo 'Decisions a second, synchronous_commit = off (the processor decides)'
SELECT m.clients, n.name, round(m.value) AS "per second", round(r.ratio, 2) AS "authorize is",
	t.target AS "at least", pg_temp.mark(r.ratio >= t.target) AS ok
FROM bench.medians m
	JOIN names n USING (competitor)
	JOIN bench.ratios r USING (measure, setting, clients, competitor)
	CROSS JOIN LATERAL (SELECT CASE WHEN n.competitor = 'floor' AND m.clients = 1 THEN 1.0 ELSE n.target END) t (target)
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
	CASE n.competitor WHEN 'plpgsql' THEN 0.55 END AS "at most",
	CASE n.competitor WHEN 'plpgsql' THEN pg_temp.mark(r.ratio <= 0.55) END AS ok,
	round(declined.value, 1) AS declined, round(first.value, 1) AS "first in session"
FROM names n
	JOIN bench.medians later ON later.competitor = n.competitor AND later.measure = 'call' AND later.setting = 'later'
	JOIN bench.ratios r ON r.competitor = n.competitor AND r.measure = 'call' AND r.setting = 'later'
	LEFT JOIN bench.medians declined
		ON declined.competitor = n.competitor AND declined.measure = 'call' AND declined.setting = 'declined'
	LEFT JOIN bench.medians first
		ON first.competitor = n.competitor AND first.measure = 'call' AND first.setting = 'first'
ORDER BY n.place;

\echo 'Card, agent and customer with ten rules in all, 1 client; and microseconds a call inside one transaction'
CREATE TEMP VIEW to_floor AS
SELECT r.competitor, r.setting, percentile_cont(0.5) WITHIN GROUP (ORDER BY r.value / f.value)::numeric AS ratio
FROM bench.results r
	JOIN bench.results f USING (measure, setting, clients, round)
WHERE r.measure = 'ruled' AND f.competitor = 'floor'
GROUP BY r.competitor, r.setting;
SELECT v.name, round(r.value) AS "per second", round(rf.ratio, 2) AS "of the floor", v.target AS "at least",
	pg_temp.mark(rf.ratio >= v.target) AS ok, round(c.value, 1) AS "µs a call", round(cf.ratio, 2) AS "of its µs",
	round(1 / t.ratio, 2) AS "of plain µs", v.most AS "at most", pg_temp.mark(1 / t.ratio <= v.most) AS ok
FROM (VALUES (1, 'floor', '(a) one prepared UPDATE + INSERT', NULL, NULL), (2, 'extension', 'plain', NULL, NULL),
		(3, 'rules', 'ten rules', 0.7, 2.0),
		(4, 'windowed', 'and a limit per month of the customer', NULL, NULL)) v (place, competitor, name, target, most)
	JOIN bench.medians r ON r.competitor = v.competitor AND r.measure = 'ruled' AND r.setting = 'off'
	JOIN bench.medians c ON c.competitor = v.competitor AND c.measure = 'ruled' AND c.setting = 'later'
	JOIN bench.ratios t ON t.competitor = v.competitor AND t.measure = 'ruled' AND t.setting = 'later'
	JOIN to_floor rf ON rf.competitor = v.competitor AND rf.setting = 'off'
	JOIN to_floor cf ON cf.competitor = v.competitor AND cf.setting = 'later'
ORDER BY v.place;

\echo 'One row for all: sessions that spend of one agent, or each of its own agent of one customer with a limit per month'
SELECT v.name AS "the row", m.clients AS sessions, CASE n.competitor WHEN 'floor' THEN '(a) the same, blind' ELSE n.name END AS name,
	round(m.value) AS "per second", round(r.ratio, 2) AS "authorize is", t.target AS "at least",
	pg_temp.mark(r.ratio >= t.target) AS ok
FROM (VALUES ('hot agent', 'agent''s'), ('hot customer', 'customer''s')) v (measure, name)
	JOIN bench.medians m USING (measure)
	JOIN names n USING (competitor)
	JOIN bench.ratios r USING (measure, setting, clients, competitor)
	CROSS JOIN LATERAL (SELECT CASE WHEN n.competitor = 'floor' AND m.clients = 32 THEN 1.5 END) t (target)
ORDER BY v.measure, m.clients, n.place;

\echo 'The same 32 sessions: beside 8, and who waits how long (parts of the median: of latencies, and of sessions'' decisions)'
SELECT v.name AS "the row", n.name, round(g.ratio, 2) AS "rate of 8", w.least AS "at least", pg_temp.mark(g.ratio >= w.least) AS ok,
	round(p.value, 2) AS "p50 ms", round(l.value, 1) AS "p99", w.most AS "at most", pg_temp.mark(l.value <= w.most) AS ok,
	round(s.value, 2) AS "slowest session"
FROM (VALUES ('hot agent', 'agent''s'), ('hot customer', 'customer''s')) v (measure, name)
	JOIN (SELECT a.measure, a.competitor, percentile_cont(0.5) WITHIN GROUP (ORDER BY a.value / b.value)::numeric AS ratio
		FROM bench.results a JOIN bench.results b USING (measure, setting, round, competitor)
		WHERE a.clients = 32 AND b.clients = 8
		GROUP BY a.measure, a.competitor) g USING (measure)
	JOIN names n ON n.competitor = g.competitor
	JOIN bench.medians p ON p.measure = v.measure || ' middle' AND p.competitor = n.competitor AND p.clients = 32
	JOIN bench.medians l ON l.measure = v.measure || ' late' AND l.competitor = n.competitor AND l.clients = 32
	JOIN bench.medians s ON s.measure = v.measure || ' share' AND s.competitor = n.competitor AND s.clients = 32
	LEFT JOIN (VALUES ('extension', 0.8, 5)) w (competitor, least, most) ON w.competitor = n.competitor
ORDER BY v.measure, n.place;

\echo 'Declines, which are recorded, beside approvals; 0 clients: a loop inside one transaction'
SELECT clients, round(a) AS "approvals a second", round(d) AS "declines a second", round(ratio, 2) AS ratio,
	1.0 AS "at least", pg_temp.mark(ratio >= 1.0) AS ok
FROM (SELECT a.clients, a.value AS a, d.value AS d, pg_temp.ratio('declined', 'approved', 'off', a.clients) AS ratio
		FROM bench.medians a JOIN bench.medians d USING (setting, clients)
		WHERE a.measure = 'approved' AND d.measure = 'declined' AND a.setting = 'off'
	UNION ALL
	SELECT 0, 1000000 / a.value, 1000000 / d.value, pg_temp.ratio('approved', 'declined', 'inside', 1)
		FROM bench.medians a JOIN bench.medians d USING (setting)
		WHERE a.measure = 'approved' AND d.measure = 'declined' AND a.setting = 'inside') v
ORDER BY clients;

\echo 'evaluate() over 10 000 agents in one query, 1 session'
SELECT CASE setting WHEN 'first' THEN 'first query of the session' ELSE 'later ones' END AS name,
	round(1000000 / value) AS "per second", CASE setting WHEN 'later' THEN 50000 END AS "at least",
	CASE setting WHEN 'later' THEN pg_temp.mark(1000000 / value >= 50000) END AS ok
FROM bench.medians WHERE measure = 'evaluate'
ORDER BY setting;

\echo 'authorize_many(), 1 session, decisions a second; and how often it does those of single calls'
SELECT split_part(b.measure, ' ', 3)::bigint AS batch, split_part(b.measure, ' ', 2)::bigint AS agents,
	round(b.value) AS "per second", 100000 AS "at least", pg_temp.mark(b.value >= 100000) AS ok,
	round(client.ratio, 1) AS "of a client's calls", round(own.ratio, 1) AS "of calls that commit", 6 AS "at least",
	pg_temp.mark(least(client.ratio, own.ratio) >= 6) AS ok, round(one.ratio, 1) AS "of calls in one transaction",
	round(bare.ratio, 2) AS "of (a) in batches"
FROM bench.medians b,
	LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m.value / c.value)::numeric
		FROM bench.results m JOIN bench.results c USING (round)
		WHERE m.measure = b.measure AND m.setting = 'many'
			AND c.measure = 'call ' || split_part(b.measure, ' ', 2) AND c.setting = 'off') client (ratio),
	LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m.value / c.value)::numeric
		FROM bench.results m JOIN bench.results c USING (measure, round)
		WHERE m.measure = b.measure AND m.setting = 'many' AND c.setting = 'each') own (ratio),
	LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m.value / c.value)::numeric
		FROM bench.results m JOIN bench.results c USING (measure, round)
		WHERE m.measure = b.measure AND m.setting = 'many' AND c.setting = 'one') one (ratio),
	LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m.value / c.value)::numeric
		FROM bench.results m JOIN bench.results c USING (measure, round)
		WHERE m.measure = b.measure AND m.setting = 'many' AND c.setting = 'floor') bare (ratio)
WHERE b.measure LIKE 'batch %' AND b.setting = 'many'
ORDER BY agents, batch;

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

\echo 'Decisions a second by the number of agents, synchronous_commit = off; databases that take turns'
SELECT m.clients, split_part(m.measure, ' ', 2)::bigint AS agents, round(m.value) AS "per second", round(r.ratio, 2) AS "of 10 000",
	CASE m.measure WHEN 'agents 10000' THEN NULL ELSE 0.85 END AS "at least",
	CASE m.measure WHEN 'agents 10000' THEN NULL ELSE pg_temp.mark(r.ratio >= 0.85) END AS ok
FROM bench.medians m
	CROSS JOIN LATERAL (SELECT pg_temp.ratio(m.measure, 'agents 10000', 'off', m.clients)) r (ratio)
WHERE m.measure LIKE 'agents %'
ORDER BY m.clients, agents;

\echo 'An old snapshot, held open while 8 clients decide in turns; decisions a second, synchronous_commit = off'
CREATE TEMP VIEW ages AS
SELECT round, setting AS phase, value::integer AS at, round - min(round) OVER (PARTITION BY setting) + 1 AS number
FROM bench.results WHERE measure = 'aged at' AND setting <> 'warm';
SELECT g.phase, g.at AS second, round(es.value) AS spread, round(es.value / fs.value, 2) AS "of blind", round(hs.value, 1) AS "HOT %",
	round(eh.value) AS "one agent", round(eh.value / fh.value, 2) AS "of blind", round(hh.value, 1) AS "HOT %"
FROM ages g
	JOIN bench.results es ON es.round = g.round AND es.measure = 'aged spread' AND es.competitor = 'extension'
	JOIN bench.results fs ON fs.round = g.round AND fs.measure = 'aged spread' AND fs.competitor = 'floor'
	JOIN bench.results hs ON hs.round = g.round AND hs.measure = 'aged spread hot' AND hs.competitor = 'extension'
	JOIN bench.results eh ON eh.round = g.round AND eh.measure = 'aged hot' AND eh.competitor = 'extension'
	JOIN bench.results fh ON fh.round = g.round AND fh.measure = 'aged hot' AND fh.competitor = 'floor'
	JOIN bench.results hh ON hh.round = g.round AND hh.measure = 'aged hot hot' AND hh.competitor = 'extension'
ORDER BY g.round;

\echo 'What was left of the rate before at the end of each phase (its last two rounds); HOT % of all its updates'
CREATE TEMP VIEW aged_ends AS
SELECT r.measure, r.competitor, g.phase, avg(r.value) FILTER (WHERE g.number > l.last - 2) AS value, avg(r.value) AS mean
FROM bench.results r
	JOIN ages g USING (round)
	JOIN (SELECT phase, max(number) AS last FROM ages GROUP BY phase) l USING (phase)
WHERE r.measure LIKE 'aged spread%' OR r.measure LIKE 'aged hot%'
GROUP BY r.measure, r.competitor, g.phase;
SELECT e.phase, CASE e.measure WHEN 'aged hot' THEN 'one agent' ELSE 'spread' END AS agents, n.name, round(e.value) AS "per second",
	round(e.value / b.value, 2) AS "of before", t.least AS "at least", pg_temp.mark(e.value / b.value >= t.least) AS ok,
	round(h.mean, 1) AS "HOT %", t.hot AS "at least", pg_temp.mark(h.mean >= t.hot) AS ok
FROM aged_ends e
	JOIN aged_ends b ON b.measure = e.measure AND b.competitor = e.competitor AND b.phase = 'before'
	JOIN aged_ends h ON h.measure = e.measure || ' hot' AND h.competitor = e.competitor AND h.phase = e.phase
	JOIN names n ON n.competitor = e.competitor
	LEFT JOIN (VALUES ('before', NULL, 98), ('held', 0.5, 98), ('released', 0.85, 98)) t (phase, least, hot)
		ON t.phase = e.phase AND e.competitor = 'extension'
WHERE e.measure IN ('aged hot', 'aged spread')
ORDER BY CASE e.phase WHEN 'before' THEN 1 WHEN 'held' THEN 2 ELSE 3 END, e.measure DESC, n.place;

\echo 'The table of counters and its indexes at the end of each phase, kB'
SELECT n.name, round(max(r.value) FILTER (WHERE r.setting = 'before') / 1024) AS before,
	round(max(r.value) FILTER (WHERE r.setting = 'held') / 1024) AS held,
	round(max(r.value) FILTER (WHERE r.setting = 'released') / 1024) AS released,
	round(max(v.value) FILTER (WHERE v.setting = 'released')) AS "times vacuumed"
FROM bench.results r
	JOIN bench.results v ON v.measure = 'aged vacuums' AND v.setting = r.setting AND v.competitor = r.competitor
	JOIN names n ON n.competitor = r.competitor
WHERE r.measure = 'aged size'
GROUP BY n.place, n.name
ORDER BY n.place;

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
SELECT n.name, round(w.value) AS wal, round(r.ratio, 2) AS "authorize is",
	CASE n.competitor WHEN 'floor' THEN 1.2 END AS "at most",
	CASE n.competitor WHEN 'floor' THEN pg_temp.mark(r.ratio <= 1.2) END AS ok, round(c.value) AS "after a checkpoint",
	round(100.0 * s.n_tup_hot_upd / nullif(s.n_tup_upd, 0), 1) AS "HOT %"
FROM names n
	LEFT JOIN bench.medians w ON w.competitor = n.competitor AND w.measure = 'wal' AND w.setting = 'later'
	LEFT JOIN bench.ratios r ON r.competitor = n.competitor AND r.measure = 'wal' AND r.setting = 'later'
	LEFT JOIN bench.medians c ON c.competitor = n.competitor AND c.measure = 'wal' AND c.setting = 'checkpoint'
	LEFT JOIN pg_stat_user_tables s ON s.relname = 'counters'
		AND s.schemaname = CASE n.competitor WHEN 'extension' THEN 'ledger_agents' ELSE n.competitor END
ORDER BY n.place;

\echo 'Decisions stored; ✓: as many as were made, and every counter has counted each of its own'
CREATE TEMP TABLE stored AS
SELECT competitor, 0::bigint AS approved, 0::bigint AS declined, 0::numeric AS counted FROM names;
UPDATE stored SET
	approved = (SELECT count(*) FROM ledger_agents.authorizations WHERE decision = 'approved' AND decided_at > '2025-01-01'),
	declined = (SELECT count(*) FROM ledger_agents.authorizations WHERE decision = 'declined' AND decided_at > '2025-01-01'),
	counted = (SELECT sum(sequence) FROM ledger_agents.counters)
WHERE competitor = 'extension';
UPDATE stored SET
	approved = (SELECT count(*) FROM floor.authorizations WHERE decision = 'approved' AND decided_at > '2025-01-01'),
	declined = (SELECT count(*) FROM floor.authorizations WHERE decision = 'declined' AND decided_at > '2025-01-01'),
	counted = (SELECT sum(sequence) FROM floor.counters)
WHERE competitor = 'floor';
UPDATE stored SET
	approved = (SELECT count(*) FROM application.authorizations WHERE decision = 'approved' AND decided_at > '2025-01-01'),
	declined = (SELECT count(*) FROM application.authorizations WHERE decision = 'declined' AND decided_at > '2025-01-01'),
	counted = (SELECT sum(sequence) FROM application.counters)
WHERE competitor = 'application';
UPDATE stored SET
	approved = (SELECT count(*) FROM plpgsql.authorizations WHERE decision = 'approved' AND decided_at > '2025-01-01'),
	declined = (SELECT count(*) FROM plpgsql.authorizations WHERE decision = 'declined' AND decided_at > '2025-01-01'),
	counted = (SELECT sum(sequence) FROM plpgsql.counters)
WHERE competitor = 'plpgsql';
UPDATE stored SET
	approved = (SELECT count(*) FROM queued.authorizations WHERE decision = 'approved' AND decided_at > '2025-01-01'),
	declined = (SELECT count(*) FROM queued.authorizations WHERE decision = 'declined' AND decided_at > '2025-01-01'),
	counted = (SELECT sum(sequence) FROM queued.counters)
WHERE competitor = 'queued';
SELECT n.name, s.approved, s.declined,
	pg_temp.mark(s.counted = s.approved + s.declined AND s.approved + s.declined >= d.done) AS ok
FROM names n
	JOIN stored s USING (competitor)
	JOIN (SELECT competitor, sum(value) AS done FROM (
		SELECT value, CASE WHEN competitor IN ('rules', 'windowed') THEN 'extension' ELSE competitor END AS competitor
		FROM bench.results WHERE measure = 'done') r GROUP BY competitor) d
		USING (competitor)
ORDER BY n.place;
