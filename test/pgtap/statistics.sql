-- Is each call counted once, as what became of it, and may only operators and auditors see it?
SET client_min_messages = warning;
CREATE ROLE statistics_nobody;
CREATE ROLE statistics_operator;
CREATE ROLE statistics_auditor;
CREATE ROLE statistics_api;
SELECT ledger_agents.grant_access('statistics_operator', 'operator'),
       ledger_agents.grant_access('statistics_auditor', 'auditor'),
       ledger_agents.grant_access('statistics_api', 'api') \g /dev/null
SELECT no_plan();

CREATE SCHEMA counted;
-- Everything that is not 0, as one text.
CREATE FUNCTION counted.calls() RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(concat_ws(' ', outcome, reason, calls), ', ' ORDER BY outcome, reason), 'nothing')
  FROM ledger_agents.statistics WHERE calls > 0
$$;
CREATE FUNCTION counted.agent(name text) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT id FROM ledger_agents.agents WHERE external_id = $1
$$;
-- The decision's reason, or that it is an approval, or the error's SQLSTATE.
CREATE FUNCTION counted.ask(name text, amount bigint, key text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(reason::text, 'approved') FROM ledger_agents.authorize(counted.agent(name), amount, idempotency_key => key)
$$;
CREATE FUNCTION counted.raise(name text, amount bigint, key text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_agents.authorize_or_raise(counted.agent(name), amount, idempotency_key => key);
  RETURN 'approved';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  RETURN SQLSTATE;
END
$$;
SELECT id FROM ledger_agents.register_agent('a', 'c', spending_limit => 1000) \g /dev/null
SELECT id FROM ledger_agents.register_agent('s', 'c', spending_limit => 0) \g /dev/null

--
-- Each call is one of them
--
SELECT is(counted.calls(), 'nothing', 'at first nothing is counted');
SELECT is(counted.ask('a', 100, 'k'), 'approved', 'an approval');
SELECT is(counted.calls(), 'approved 1', 'is counted');
SELECT is(counted.ask('a', 100, 'k'), 'approved', 'its answer, once more');
SELECT is(counted.calls(), 'approved 1, replayed 1', 'is a replay, and not an approval');
SELECT is(counted.ask('a', 1000, 'd'), 'agent_limit_exceeded', 'a decline');
SELECT is(counted.calls(), 'approved 1, declined agent_limit_exceeded 1, replayed 1', 'is counted by its reason');
SELECT is(counted.raise('a', 1000), '55000', 'a decline that is raised');
SELECT is(counted.raise('a', 1000, 'd'), '55000', 'and one that was stored before');
SELECT is(counted.calls(), 'approved 1, declined agent_limit_exceeded 1, raised 2, replayed 1', 'are counted as raised, in spite of the rollback');
SELECT is(counted.raise('a', 100), 'approved', 'an approval by authorize_or_raise');
SELECT is(counted.calls(), 'approved 2, declined agent_limit_exceeded 1, raised 2, replayed 1', 'is one');
SELECT is((ledger_agents.evaluate(counted.agent('a'), 1)).decision, 'approved', 'an evaluation');
SELECT is((ledger_agents.record_spend(counted.agent('a'), 1)).decision, 'approved', 'and recorded spend');
SELECT is(counted.calls(), 'approved 2, declined agent_limit_exceeded 1, raised 2, replayed 1', 'are no decisions');
SELECT throws_ok('SELECT ledger_agents.authorize(counted.agent(''a''), 0)', '22023');
SELECT throws_ok('SELECT counted.ask(''a'', 7, ''k'')', '22023');
SELECT is(counted.calls(), 'approved 2, declined agent_limit_exceeded 1, raised 2, replayed 1', 'nor are errors');

-- Increments.
SELECT ledger_agents.reset_statistics() \g /dev/null
SELECT (ledger_agents.authorize(counted.agent('a'), 10)).id AS hold \gset
SELECT (ledger_agents.increment(:'hold', 10, idempotency_key => 'i')).decision \g /dev/null
SELECT (ledger_agents.increment(:'hold', 10, idempotency_key => 'i')).decision \g /dev/null
SELECT (ledger_agents.increment(:'hold', 10000)).decision \g /dev/null
SELECT is(counted.calls(), 'approved 2, declined agent_limit_exceeded 1, replayed 1', 'increments are decided, and counted, like authorizations');

-- The reason of each decline is the first; the sums are those of the rows.
SELECT ledger_agents.reset_statistics() \g /dev/null
BEGIN;
CREATE TABLE counted.before AS SELECT count(*) FROM ledger_agents.authorizations;
SELECT counted.ask('s', 1), counted.ask('a', 1), counted.ask('s', 2) \g /dev/null
SELECT ledger_agents.update_agent(counted.agent('s'), '{"status": "suspended"}') \g /dev/null
SELECT counted.ask('s', 1) \g /dev/null
SELECT ledger_agents.update_agent(counted.agent('a'), '{"policy": {"blockedMccs": ["7995"], "limits": {"perAuth": 1}}}') \g /dev/null
SELECT ledger_agents.authorize(counted.agent('a'), 5, mcc => '7995') \g /dev/null
SELECT is(counted.calls(), 'nothing', 'before its commit nothing is counted');
COMMIT;
SELECT is(counted.calls(), 'approved 1, declined agent_suspended 1, declined mcc_blocked 1, declined agent_limit_exceeded 2', 'at its commit everything is, by the first reason');
SELECT results_eq(
  'SELECT outcome, reason, calls FROM ledger_agents.statistics WHERE calls > 0 ORDER BY outcome, reason',
  'SELECT decision::text, reason, count(*) FROM ledger_agents.authorizations
   WHERE decided_at >= (SELECT min(since) FROM ledger_agents.statistics) GROUP BY 1, 2 ORDER BY 1, 2',
  'which is what the rows say');
SELECT ledger_agents.update_agent(counted.agent('a'), '{"policy": null}') \g /dev/null

--
-- Rollbacks
--
SELECT ledger_agents.reset_statistics() \g /dev/null
BEGIN;
SELECT counted.ask('a', 1), counted.ask('a', 5000), counted.ask('a', 100, 'k') \g /dev/null
ROLLBACK;
SELECT is(counted.calls(), 'rolled_back 3', 'a rollback takes decisions and replays with it');
SELECT counted.ask('a', 1) \g /dev/null
SELECT is(counted.calls(), 'approved 1, rolled_back 3', 'what comes after it is counted by itself');

SELECT ledger_agents.reset_statistics() \g /dev/null
BEGIN;
SELECT counted.ask('a', 1) \g /dev/null
SAVEPOINT one;
SELECT counted.ask('a', 1) \g /dev/null
SAVEPOINT two;
SELECT counted.ask('a', 5000) \g /dev/null
RELEASE two;
SAVEPOINT three;
SELECT counted.ask('a', 1), counted.ask('a', 1) \g /dev/null
ROLLBACK TO three;
SELECT counted.ask('a', 1) \g /dev/null
RELEASE one;
SAVEPOINT four;
SAVEPOINT five;
SELECT counted.ask('a', 1) \g /dev/null
RELEASE five;
ROLLBACK TO four;
COMMIT;
SELECT is(counted.calls(), 'approved 3, declined agent_limit_exceeded 1, rolled_back 3',
          'a savepoint passes on what it has, or takes it with it');

SELECT ledger_agents.reset_statistics() \g /dev/null
BEGIN;
SAVEPOINT one;
SAVEPOINT two;
SELECT counted.ask('a', 1) \g /dev/null
RELEASE two;
ROLLBACK TO one;
SELECT counted.ask('a', 1) \g /dev/null
SAVEPOINT three;
SELECT counted.ask('a', 1) \g /dev/null
ROLLBACK;
SELECT is(counted.calls(), 'rolled_back 3', 'and the whole transaction all that is left');

-- A function with a handler makes a savepoint of each call.
SELECT ledger_agents.reset_statistics() \g /dev/null
CREATE FUNCTION counted.nested(depth int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM counted.ask('a', 1);
  IF depth > 0 THEN
    PERFORM counted.nested(depth - 1);
  END IF;
  IF depth = 20 THEN
    RAISE EXCEPTION 'enough';
  END IF;
EXCEPTION WHEN raise_exception THEN
  NULL;
END
$$;
SELECT counted.nested(30) \g /dev/null
SELECT is(counted.calls(), 'approved 10, rolled_back 21', 'at any depth');

SELECT ledger_agents.reset_statistics() \g /dev/null
BEGIN;
SELECT counted.ask('a', 1), counted.ask('s', 1) \g /dev/null
PREPARE TRANSACTION 'statistics';
SELECT is(counted.calls(), 'prepared 2', 'what is prepared is counted as that');
COMMIT PREPARED 'statistics';
SELECT is(counted.calls(), 'prepared 2', 'and not again when it commits');

--
-- The views, and the reset
--
SELECT is((SELECT count(*) FROM ledger_agents.statistics), 35::bigint, 'statistics has every outcome and reason');
SELECT bag_eq('SELECT reason FROM ledger_agents.statistics WHERE outcome = ''declined''',
              'SELECT pg_catalog.unnest(pg_catalog.enum_range(NULL::ledger_agents.decline_reason))', 'every reason once');
SELECT results_eq('SELECT requests_from, requests_to, batches FROM ledger_agents.batch_statistics ORDER BY 1',
                  $$VALUES (1, 1, 0::bigint), (2, 10, 0), (11, 100, 0), (101, 1000, 0)$$, 'batches by size');
CREATE FUNCTION counted.batch(amounts bigint[], all_or_none boolean DEFAULT false) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM ledger_agents.authorize_many(
    (SELECT array_agg(ROW(counted.agent('a'), a, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request) FROM unnest(amounts) AS a), all_or_none)
$$;
SELECT ledger_agents.reset_statistics() \g /dev/null
SELECT is(counted.batch('{1}'), 1::bigint, 'a batch of one');
SELECT is(counted.batch('{1,2000,1}'), 3::bigint, 'of three');
SELECT is(counted.batch(array_fill(1::bigint, ARRAY[10])), 10::bigint, 'and of ten');
SELECT is(counted.batch(array_fill(1::bigint, ARRAY[11])), 11::bigint, 'and of eleven');
BEGIN;
SELECT counted.batch('{1,1}') \g /dev/null
ROLLBACK;
SELECT throws_ok($$SELECT counted.batch('{1,2000}', true)$$, '55000', NULL, 'all or none');
SELECT results_eq('SELECT requests_from, batches FROM ledger_agents.batch_statistics ORDER BY 1',
                  $$VALUES (1, 1::bigint), (2, 2), (11, 1), (101, 0)$$, 'those that committed are counted by size');
SELECT is(counted.calls(), 'approved 24, declined agent_limit_exceeded 1, raised 1, rolled_back 3', 'and each of their requests');
SELECT ledger_agents.reset_statistics() \g /dev/null
SELECT bag_eq('SELECT waited_for, waits, waited, longest FROM ledger_agents.wait_statistics',
              $$SELECT name, 0::bigint AS waits, interval '0' AS waited, interval '0' AS longest
                FROM pg_catalog.unnest('{agent,customer,organization,external_id,idempotency_key,configuration,history}'::text[]) AS w (name)$$,
              'who is alone waits for nobody');
SELECT pg_catalog.clock_timestamp() AS before \gset
BEGIN;
SELECT counted.ask('a', 1) \g /dev/null
SELECT ledger_agents.reset_statistics() AS since \gset
ROLLBACK;
SELECT is(:'since'::timestamptz BETWEEN :'before' AND pg_catalog.clock_timestamp(), true, 'a reset returns its instant');
SELECT is((SELECT array_agg(DISTINCT since) FROM (SELECT since FROM ledger_agents.statistics UNION ALL SELECT since FROM ledger_agents.batch_statistics
           UNION ALL SELECT since FROM ledger_agents.wait_statistics) s), ARRAY[:'since'::timestamptz], 'which is then since when everything is counted');
SELECT is(counted.calls(), 'rolled_back 1', 'no rollback undoes it, and what is rolled back after it is counted after it');

--
-- Rights
--
GRANT USAGE ON SCHEMA counted TO statistics_nobody, statistics_operator, statistics_auditor, statistics_api;
-- As the role; with a secret, it authenticates first.
CREATE FUNCTION counted.attempt(role name, call text, secret text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_catalog.set_config('role', role, true);
  IF secret IS NOT NULL THEN
    PERFORM ledger_agents.authenticate(secret);
  END IF;
  EXECUTE call;
  PERFORM pg_catalog.set_config('role', 'none', true);
  RETURN 'ok';
EXCEPTION WHEN insufficient_privilege THEN
  RETURN 'refused';
END
$$;
SELECT token FROM ledger_agents.register_agent('t', 'c') \gset
SELECT key FROM ledger_agents.create_organization_key('k') \gset
SELECT is(counted.attempt(v.role, 'TABLE ledger_agents.' || t.name), v.want, v.role || ' and ' || t.name)
FROM (VALUES ('statistics_operator', 'ok'), ('statistics_auditor', 'ok'), ('statistics_api', 'refused'), ('statistics_nobody', 'refused')) AS v (role, want),
     (VALUES ('statistics'), ('batch_statistics'), ('wait_statistics')) AS t (name);
SELECT is(counted.attempt(v.role, 'SELECT ledger_agents.reset_statistics()'), v.want, v.role || ' and the reset')
FROM (VALUES ('statistics_operator', 'ok'), ('statistics_auditor', 'refused'), ('statistics_api', 'refused'), ('statistics_nobody', 'refused')) AS v (role, want);
SELECT is(counted.attempt(v.role, c.call, s.secret), 'refused', v.role || ' with ' || s.name || ': ' || c.call)
FROM (VALUES ('statistics_operator'), ('statistics_auditor'), ('statistics_api'), (current_user)) AS v (role),
     (VALUES ('a token', :'token'), ('a key', :'key')) AS s (name, secret),
     (VALUES ('TABLE ledger_agents.statistics'), ('TABLE ledger_agents.wait_statistics'), ('SELECT ledger_agents.reset_statistics()')) AS c (call);
-- Claims of a JWT, which pre_request() takes of who has switched to another role.
SELECT pg_catalog.set_config('request.jwt.claims', '{"organization_id": "default"}', false) \g /dev/null
SELECT is(counted.attempt('statistics_operator', 'SELECT ledger_agents_api.pre_request(); TABLE ledger_agents.statistics'), 'refused', 'claims see nothing');
RESET "request.jwt.claims";
-- A view of the owner's that lends its rights.
CREATE VIEW counted.lent AS SELECT * FROM ledger_agents.statistics;
GRANT SELECT ON counted.lent TO statistics_nobody, statistics_api;
SELECT is(counted.attempt(role, 'TABLE counted.lent'), 'refused', 'a view lends its rights to nobody: ' || role) FROM (VALUES ('statistics_nobody'), ('statistics_api')) AS v (role);

DROP OWNED BY statistics_nobody, statistics_operator, statistics_auditor, statistics_api;
DROP ROLE statistics_nobody, statistics_operator, statistics_auditor, statistics_api;
SELECT * FROM finish();
