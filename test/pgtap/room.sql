-- While nothing can be cleared away: do updates of counters leave the indexes alone? How much room do they take?
SELECT no_plan();
SET timezone = 'UTC';

-- Whatever this transaction has written stays on its page until it ends.
CREATE TEMP TABLE agent AS
SELECT n, r.id FROM generate_series(1, 900) AS n, LATERAL ledger_agents.register_agent('agent' || n, 'customer') AS r;

-- One decision of each of these, in turns.
CREATE FUNCTION pg_temp.spend(first integer, last integer, rounds integer DEFAULT 1) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  one uuid;
  calls bigint := 0;
BEGIN
  FOR round IN 1 .. rounds LOOP
    FOR one IN SELECT id FROM agent WHERE n BETWEEN first AND last ORDER BY n LOOP
      PERFORM ledger_agents.authorize(one, 1);
      calls := calls + 1;
    END LOOP;
  END LOOP;
  RETURN calls;
END
$$;

-- Updates of counters that have added to an index.
CREATE FUNCTION pg_temp.moves() RETURNS bigint LANGUAGE sql AS $$
  SELECT pg_stat_get_xact_tuples_updated(t) - pg_stat_get_xact_tuples_hot_updated(t) FROM CAST('ledger_agents.counters' AS regclass) AS t
$$;
CREATE FUNCTION pg_temp.size() RETURNS bigint LANGUAGE sql AS $$ SELECT pg_relation_size('ledger_agents.counters') $$;

-- Two versions each, which fill the pages that they came to when they were registered.
SELECT pg_temp.size() AS size \gset
SELECT pg_temp.spend(101, 500, 2) AS calls \gset
SELECT cmp_ok((pg_temp.size() - :size) / 400, '<', 2000::bigint, 'a counter that leaves its page shares the next one with its like, bytes');

SELECT pg_temp.moves() AS moves, pg_temp.size() AS size \gset
SELECT pg_temp.spend(1, 40, 100) AS calls \gset
SELECT cmp_ok(100 * (pg_temp.moves() - :moves) / :calls, '<', 10::bigint, 'busy counters soon have pages where their versions fit, moves in 100');
SELECT cmp_ok((pg_temp.size() - :size) / :calls, '<', 400::bigint, 'which are filled, bytes a version');

SELECT count(pg_temp.spend(1, 4, 4) + pg_temp.spend(k, k, 2)) AS turns FROM generate_series(501, 900) AS k \gset
SELECT is(count(*), 4::bigint, 'and nobody else is led there')
FROM ledger_agents.counters AS c
WHERE (c.ctid::text::point)[0] IN (SELECT (k.ctid::text::point)[0] FROM ledger_agents.counters AS k JOIN agent AS a ON a.id::text = k.scope_id WHERE a.n <= 4);
SELECT ok(bool_and(k.sequence = CASE WHEN n <= 4 THEN 1700 WHEN n <= 40 THEN 100 WHEN n <= 100 THEN 0 ELSE 2 END), 'each has counted its own')
FROM agent AS a JOIN ledger_agents.counters AS k ON k.scope_id = a.id::text;

SELECT * FROM finish();
