-- Which database may spend?
--
-- A copy is made of this very database by changing the row that says where it
-- lies: from then on it is as if it had been restored elsewhere. Real copies are
-- in t/021_copies.pl.
SET client_min_messages = warning;
CREATE ROLE adoption_operator;
CREATE ROLE adoption_api;
SELECT ledger_agents.grant_access('adoption_operator', 'operator'), ledger_agents.grant_access('adoption_api', 'api') \g /dev/null
SELECT no_plan();

CREATE FUNCTION standing() RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN system_identifier = (SELECT system_identifier FROM pg_control_system())
               AND database_oid = (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) THEN 'here'
              WHEN system_identifier IS NULL THEN 'nowhere' ELSE 'elsewhere' END || coalesce(': ' || reason, '')
  FROM ledger_agents.adoptions ORDER BY id DESC LIMIT 1
$$;
-- How the call ends: ok, or SQLSTATE and message.
CREATE FUNCTION ending(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  EXECUTE call;
  RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
  RETURN concat_ws(' ', SQLSTATE, nullif(name, ''));
END
$$;

-- A row of another database.
CREATE FUNCTION arrive(system bigint, database bigint, at timestamptz) RETURNS void LANGUAGE sql AS $$
  INSERT INTO ledger_agents.adoptions (id, system_identifier, database_oid, database_name, principal, database_role, created_at)
  VALUES ((lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid, system, database, 'origin', 'operator', 'postgres', at)
$$;

--
-- The first write takes the database; what only reads does not.
--
SELECT is_empty('SELECT * FROM ledger_agents.adoptions', 'an installation says nothing');
SELECT is(ending($$SELECT ledger_agents.get_organization()$$), 'ok', 'reading');
SELECT is(ending($$SELECT ledger_agents.capture('01890a5d-ac96-774b-bcce-b302099a8057')$$), 'P0002 unknown_authorization', 'and spending what is not there');
SELECT is_empty('SELECT * FROM ledger_agents.adoptions', 'leave it at that');
SELECT is_empty('SELECT * FROM ledger_agents.health_check() h WHERE h.finding = ''not_adopted''', 'which is no finding');
BEGIN;
SELECT ledger_agents.register_agent('undone', 'c') \g /dev/null
SELECT standing() AS inside \gset
ROLLBACK;
SELECT is(:'inside'::text, 'here: first use', 'the first write takes it');
SELECT is_empty('SELECT * FROM ledger_agents.adoptions', 'and gives it back with its rollback');
SELECT id AS agent FROM ledger_agents.register_agent('a', 'c', spending_limit => 1000, on_limit_exceeded => 'decline') \gset
SELECT is(standing(), 'here: first use', 'the next takes it again');
SELECT ledger_agents.create_organization('second') \g /dev/null
SELECT ledger_agents.register_agent('b', 'c', organization_id => 'second') \g /dev/null
SELECT is((SELECT string_agg(concat_ws(' ', principal, database_role, database_name), ', ') FROM ledger_agents.adoptions),
          concat_ws(' ', 'system', current_user, current_database()), 'and no other does');

--
-- Every verb that changes money refuses in a copy, and nothing else does.
--
SELECT (ledger_agents.authorize(:'agent', 100, idempotency_key => 'k')).id AS spend \gset
SELECT (ledger_agents.authorize(:'agent', 50)).id AS taken \gset
SELECT ledger_agents.capture(:'taken') \g /dev/null
SELECT count(*) AS before FROM ledger_agents.authorizations \gset
CREATE TABLE verbs (call text, spends boolean);
INSERT INTO verbs VALUES
  (format('ledger_agents.authorize(%L, 1)', :'agent'), true),
  (format('ledger_agents.authorize(%L, 100, idempotency_key => ''k'')', :'agent'), true),
  (format('ledger_agents.authorize_or_raise(%L, 1)', :'agent'), true),
  (format('ledger_agents.authorize_many(ARRAY[ROW(%L, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request])', :'agent'), true),
  (format('ledger_agents.record_spend(%L, 1)', :'agent'), true),
  (format('ledger_agents.increment(%L, 1)', :'spend'), true),
  (format('ledger_agents.capture(%L, 1, final => false)', :'spend'), true),
  (format('ledger_agents.reverse(%L, 1)', :'spend'), true),
  (format('ledger_agents.refund(%L, 1)', :'taken'), true),
  ('ledger_agents.sweep()', true),
  (format('ledger_agents.seal_chain(%L)', :'agent'), true),
  ('ledger_agents.purge(now() - interval ''2 years'')', true),
  (format('ledger_agents.evaluate(%L, 1)', :'agent'), false),
  (format('ledger_agents.explain_authorization(%L)', :'spend'), false),
  (format('ledger_agents.agent_budget(%L)', :'agent'), false),
  (format('ledger_agents.verify_chain(%L)', :'agent'), false),
  ('ledger_agents.check_invariants()', false),
  ('ledger_agents.poll_events(''c'')', false),
  (format('ledger_agents.update_agent(%L, ''{"status": "suspended"}'')', :'agent'), false),
  (format('ledger_agents.update_agent(%L, ''{"status": "active"}'')', :'agent'), false),
  ('ledger_agents.register_agent(''c'', ''c'')', false);
-- What changes what is counted, held or remembered of money is all that a verb can be here.
SELECT is_empty($$
  SELECT p.proname FROM pg_proc p
  WHERE p.pronamespace = 'ledger_agents'::regnamespace AND p.provolatile = 'v'
    AND NOT EXISTS (SELECT FROM verbs v WHERE v.call LIKE '%ledger_agents.' || p.proname || '(%')
    AND p.proname !~ '^(adopt|disown|authenticate|grant_access|revoke_access|reset_statistics|keep_money|refuse_change|forget_tenants|write_view|sign_event)$'
    AND p.proname !~ '^(create|update|delete|revoke|rotate|deregister|freeze|unfreeze|close|declare|approve|reject|cancel|ack)_'
    AND p.proname <> 'attest'
  $$, 'it is decided for every function that writes');
SELECT is(ending('SELECT * FROM ' || call), 'ok', 'in the original: ' || call) FROM verbs WHERE NOT spends OR call !~ 'purge|k''';
SELECT count(*) AS before FROM ledger_agents.authorizations \gset

SELECT arrive(system_identifier, 1, '2400-01-01') FROM pg_control_system() \g /dev/null
SELECT is(ending('SELECT * FROM ' || call), CASE WHEN spends THEN '55000 not_adopted' ELSE 'ok' END, 'in a copy: ' || call) FROM verbs;
SELECT is((SELECT count(*) FROM ledger_agents.authorizations), :'before'::bigint, 'nothing was decided');
SELECT is(ledger_agents_api.authorize(jsonb_build_object('agentId', :'agent', 'amount', 1)) #>> '{error,code}', 'not_adopted', 'in JSON');
SELECT is((SELECT h.severity || ' ' || h.object FROM ledger_agents.health_check() h WHERE h.finding = 'not_adopted'),
          'critical ' || current_database(), 'health_check() tells');
SELECT throws_like(format('SELECT ledger_agents.authorize(%L, 1)', :'agent'), 'this database may not spend', 'the message');

-- Both parts of the name count.
SELECT arrive(1, oid::bigint, '2400-01-02') FROM pg_database WHERE datname = current_database() \g /dev/null
SELECT is(ending(format('SELECT ledger_agents.authorize(%L, 1)', :'agent')), '55000 not_adopted', 'the same number in another server is another database');

--
-- Adopting, disowning, and who may.
--
SELECT is(ending($$SET LOCAL ROLE adoption_api; SELECT ledger_agents.adopt()$$), '42501', 'not for the level api');
SELECT key FROM ledger_agents.create_organization_key('k') \gset
BEGIN;
SELECT ledger_agents.authenticate(:'key') \g /dev/null
SELECT ending($$SELECT ledger_agents.adopt()$$) AS by_key, ending($$SELECT ledger_agents.disown()$$) AS disowned_by_key \gset
ROLLBACK;
SELECT is(:'by_key'::text || ', ' || :'disowned_by_key', '42501 not_allowed, 42501 not_allowed', 'not with a key');
SELECT is(ending(format('SELECT ledger_agents.adopt(%L)', repeat('x', length))), want, length || ' characters of reason')
FROM (VALUES (0, '22023 invalid_length'), (1001, '22023 invalid_length')) AS v (length, want);
BEGIN;
SET LOCAL ROLE adoption_operator;
SELECT (ledger_agents.adopt(repeat('ü', 1000))).principal AS principal \gset
RESET ROLE;
SELECT standing() AS adopted \gset
SELECT decision AS inside FROM ledger_agents.authorize(:'agent', 1) \gset
SAVEPOINT s;
SELECT ledger_agents.disown() \g /dev/null
SELECT ending(format('SELECT ledger_agents.authorize(%L, 1)', :'agent')) AS disowned \gset
ROLLBACK TO s;
SELECT ending(format('SELECT ledger_agents.authorize(%L, 1)', :'agent')) AS owned \gset
ROLLBACK;
SELECT is(:'principal' || ' ' || left(:'adopted', 7), 'operator here: ü', 'an operator adopts');
SELECT is(:'inside'::text, 'approved', 'and spends in the same transaction');
SELECT is(:'disowned'::text, '55000 not_adopted', 'disowned, it refuses at once');
SELECT is(:'owned'::text, 'ok', 'a rollback of that is a rollback of the refusal');
SELECT is(ending(format('SELECT ledger_agents.authorize(%L, 1)', :'agent')), '55000 not_adopted', 'and one of the adoption is one of the permission');
-- The clock of the origin may be years ahead.
SELECT ledger_agents.adopt('moved') \g /dev/null
SELECT is(standing(), 'here: moved', 'an adoption is the youngest, whatever the clock says');
SELECT is((SELECT created_at FROM ledger_agents.adoptions ORDER BY id DESC LIMIT 1), '2400-01-02 00:00:00.000001', 'as its instant shows');
SELECT is(ending(format('SELECT ledger_agents.authorize(%L, 1)', :'agent')), 'ok', 'then it spends');
SELECT ledger_agents.disown('to another house') \g /dev/null
SELECT is(standing(), 'nowhere: to another house', 'disowned');
SELECT is(ending(format('SELECT ledger_agents.authorize(%L, 1)', :'agent')), '55000 not_adopted', 'it spends no more');
SELECT is((SELECT h.found FROM ledger_agents.health_check() h WHERE h.finding = 'not_adopted'), 'disowned', 'health_check() says so');
SELECT is(ending('UPDATE ledger_agents.adoptions SET reason = NULL'), '55000 append_only', 'what was adopted is not changed');
SELECT is(ending('DELETE FROM ledger_agents.adoptions'), '55000 append_only', 'nor forgotten');
SELECT is(ending('TRUNCATE ledger_agents.adoptions'), '55000 append_only', 'nor emptied');

-- Rows without any adoption, as from a dump that was made before there were any: nobody is asked in vain.
SET session_replication_role = replica;
DELETE FROM ledger_agents.adoptions;
SELECT is(ending(format('SELECT ledger_agents.authorize(%L, 1)', :'agent')), '55000 not_adopted', 'rows that nobody adopted');
SELECT is(ending('SELECT ledger_agents.create_organization(''third'')'), 'ok', 'a new organization among them');
SELECT is_empty('SELECT * FROM ledger_agents.adoptions', 'is no first use');
SELECT is((SELECT h.found FROM ledger_agents.health_check() h WHERE h.finding = 'not_adopted'), 'rows, and no adoption', 'health_check() says so');
-- Rows that come by replication are heard of, too.
SELECT ledger_agents.adopt() \g /dev/null
SELECT is(ending(format('SELECT ledger_agents.authorize(%L, 1)', :'agent')), 'ok', 'adopted');
SELECT arrive(1, 1, '2400-01-02') \g /dev/null
SELECT is(ending(format('SELECT ledger_agents.authorize(%L, 1)', :'agent')), '55000 not_adopted', 'a row that arrives as by replication is in force');
RESET session_replication_role;
SELECT ledger_agents.adopt() \g /dev/null
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');

SELECT * FROM finish();

DROP OWNED BY adoption_operator, adoption_api;
DROP ROLE adoption_operator, adoption_api;
