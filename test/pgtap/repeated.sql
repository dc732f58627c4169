-- Is a batch that is sent again answered as it was, whatever has changed since, without a trace?
--
-- Keys are taken for new until the index says that one is not, so every case is asked where that would be too late.
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id AS a FROM ledger_agents.register_agent('a', 'c', spending_limit => 700) \gset
SELECT id AS b FROM ledger_agents.register_agent('b', 'c') \gset

CREATE FUNCTION pg_temp.request(agent uuid, amount bigint, key text) RETURNS ledger_agents.spend_request LANGUAGE sql AS $$
  SELECT jsonb_populate_record(NULL::ledger_agents.spend_request, jsonb_build_object('agent_id', agent, 'amount', amount, 'idempotency_key', key))
$$;
-- What is asked for by the first so many of a hundred requests: those of a reach its limit at the end.
CREATE FUNCTION pg_temp.requests(size int, a uuid, b uuid) RETURNS ledger_agents.spend_request[] LANGUAGE sql AS $$
  SELECT array_agg(pg_temp.request(CASE n % 2 WHEN 0 THEN a ELSE b END, 1 + n / 3, 'k' || n) ORDER BY n) FROM generate_series(1, size) n
$$;
-- Without what tells a first answer from a later one.
CREATE FUNCTION pg_temp.answers(requests ledger_agents.spend_request[], all_or_none boolean DEFAULT false) RETURNS SETOF jsonb LANGUAGE sql AS $$
  SELECT to_jsonb(d) - 'replayed' FROM ledger_agents.authorize_many(requests, all_or_none) d
$$;
-- Rows of authorizations that this transaction has written so far, dead ones included.
CREATE FUNCTION pg_temp.written() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT pg_stat_get_xact_tuples_inserted('ledger_agents.authorizations'::regclass) $$;

CREATE TEMP TABLE first AS SELECT row_number() OVER () AS n, d FROM pg_temp.answers(pg_temp.requests(100, :'a', :'b')) d;
SELECT is(count(*) FILTER (WHERE d ->> 'decision' = 'declined') > 0, true, 'of a hundred requests some are declined') FROM first;
SELECT is(pg_temp.written(), 100::bigint, 'a hundred rows are written');

--
-- The same batch once more, when every one of its agents is suspended
--
SELECT is(status::text, 'suspended', 'suspended') FROM unnest(ARRAY[:'a', :'b']::uuid[]) id, ledger_agents.update_agent(id, '{"status": "suspended"}');
SELECT results_eq(format($$SELECT pg_temp.answers(pg_temp.requests(100, %L, %L))$$, :'a', :'b'), 'SELECT d FROM first ORDER BY n', 'the answers are the same');
SELECT is(count(*) FILTER (WHERE replayed), 100::bigint, 'and are said to be old') FROM ledger_agents.authorize_many(pg_temp.requests(100, :'a', :'b'));
SELECT is(pg_temp.written(), 102::bigint, 'each time one row was tried');
SELECT is(count(*), 100::bigint, 'and is not there') FROM ledger_agents.authorizations;
SELECT is(k.sequence, 50::bigint, 'numbers have no gap') FROM ledger_agents.counters k WHERE scope = 'agent';
-- As while REINDEX CONCURRENTLY is at work; and one of somebody's own.
CREATE UNIQUE INDEX twin ON ledger_agents.authorizations (organization_id, agent_id, idempotency_key);
CREATE UNIQUE INDEX of_their_own ON ledger_agents.authorizations (agent_id, sequence);
SELECT is(count(*) FILTER (WHERE replayed), 100::bigint, 'whichever index finds it') FROM ledger_agents.authorize_many(pg_temp.requests(100, :'a', :'b'));
DROP INDEX ledger_agents.twin, ledger_agents.of_their_own;
SELECT is(status::text, 'active', 'active again') FROM unnest(ARRAY[:'a', :'b']::uuid[]) id, ledger_agents.update_agent(id, '{"status": "active"}');

--
-- A part of it, with what is new before, between and behind
--
CREATE TEMP TABLE second AS
SELECT row_number() OVER () AS n, d.* FROM ledger_agents.authorize_many(
  ARRAY[pg_temp.request(:'b', 7, 'new 1')] || pg_temp.requests(3, :'a', :'b')
  || ARRAY[pg_temp.request(:'b', 8, 'new 2'), pg_temp.request(:'b', 9, NULL), pg_temp.request(:'b', 7, 'new 1')]) d;
SELECT results_eq('SELECT replayed, amount, sequence FROM second ORDER BY n',
  $$VALUES (false, 7::bigint, 51::bigint), (true, 1, 1), (true, 1, 1), (true, 2, 2), (false, 8, 52), (false, 9, 53), (true, 7, 51)$$, 'old and new answers in the order of the requests');

--
-- Another request under a key that is known
--
SELECT throws_ok(format($$SELECT * FROM ledger_agents.authorize_many(ARRAY[pg_temp.request(%L, 5, 'new 3'), pg_temp.request(%1$L, 8, 'new 1')])$$, :'b'), '22023', 'idempotency key was used for another request', 'is an error');
SELECT is(count(*), 0::bigint, 'which undoes the ones before') FROM ledger_agents.authorizations WHERE idempotency_key = 'new 3';

--
-- Where judging would be an error
--
SELECT is(decision::text, 'approved', 'a is let spend some') FROM ledger_agents.update_agent(:'a', '{"spending_limit": 5000}'), ledger_agents.authorize(:'a', 100, idempotency_key => 'all');
SELECT is((ledger_agents.update_agent(:'a', '{"spending_limit": 0}')).spending_limit, 0::bigint, 'and then nothing more');
SELECT is(d.replayed, true, 'all or none: what was approved then is no decline now') FROM ledger_agents.authorize_many(ARRAY[pg_temp.request(:'a', 100, 'all')], true) d;
SELECT throws_ok(format($$SELECT * FROM ledger_agents.authorize_many(ARRAY[pg_temp.request(%L, 101, 'none')], true)$$, :'a'), '55000', 'authorization declined: agent_limit_exceeded', 'all or none: a new one is');
SELECT is(decision::text, 'approved', 'b spends almost all that a sum can hold') FROM ledger_agents.authorize_many(ARRAY[pg_temp.request(:'b', 9223372036854770000, 'huge')]);
SELECT is(replayed, true, 'twice would be beyond its range, but the answer is known') FROM ledger_agents.authorize_many(ARRAY[pg_temp.request(:'b', 9223372036854770000, 'huge')]);
SELECT throws_ok(format($$SELECT * FROM ledger_agents.authorize_many(ARRAY[pg_temp.request(%L, 9223372036854770000, 'huge, too')])$$, :'b'), '22003', 'sum of amounts is out of range', 'another one is beyond it');

--
-- A key of an undone part of the transaction is new
--
SAVEPOINT undone;
SELECT is(decision::text, 'approved', 'a key') FROM ledger_agents.authorize_many(ARRAY[pg_temp.request(:'b', 3, 'undone')]);
ROLLBACK TO undone;
SELECT is(replayed, false, 'is new when that was undone') FROM ledger_agents.authorize_many(ARRAY[pg_temp.request(:'b', 4, 'undone')]);

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
