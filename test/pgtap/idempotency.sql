-- Does a request with the header Idempotency-Key have one effect and one answer, for 24 hours, by principal and function?
--
-- Everything runs in one transaction; the clock is set, and what comes back is compared with the first answer.
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL ledger_agents.clock = '2026-03-02 09:00Z';

-- The answer to a call with this key (null: no header), and its status.
CREATE FUNCTION pg_temp.call(name text, body jsonb, key text, OUT answer jsonb, OUT status text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('response.status', '', true),
          set_config('request.headers', CASE WHEN key IS NULL THEN '' ELSE json_build_object('host', 'h', 'idempotency-key', key)::text END, true);
  EXECUTE format('SELECT ledger_agents_api.%I($1)', name) USING body INTO answer;
  status := current_setting('response.status');
END
$$;
CREATE FUNCTION pg_temp.code(name text, body jsonb, key text) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', nullif(status, ''), answer #>> '{error,type}', answer #>> '{error,code}', answer #>> '{error,param}') FROM pg_temp.call(name, body, key)
$$;
CREATE FUNCTION pg_temp.agents() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM ledger_agents.agents';
CREATE FUNCTION pg_temp.remembered() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM ledger_agents.idempotent_answers';
\set create '{"externalId": "e1", "customerId": "c", "metadata": {"token": "mine", "key": "mine"}}'
\set register '{"externalId": "r1", "userId": "c", "name": "n"}'

--
-- The same key and body: the same answer, one effect
--
CREATE TEMP TABLE first AS SELECT * FROM pg_temp.call('create_agent', :'create', 'k');
SELECT is(concat(answer ->> 'externalId', status), 'e1', 'the first call is done') FROM first;
SELECT is(c.answer, first.answer, 'the second gives the same answer') FROM first, pg_temp.call('create_agent', :'create', 'k') AS c;
SELECT is(c.status, '', 'and the same status') FROM pg_temp.call('create_agent', :'create', 'k') AS c;
SELECT is(c.answer, first.answer, 'whatever the order of its members') FROM first, pg_temp.call('create_agent', '{"metadata": {"key": "mine", "token": "mine"}, "customerId": "c", "externalId": "e1"}', 'k') AS c;
SELECT is(pg_temp.agents(), 1::bigint, 'one agent was made');
SELECT is(answer -> 'metadata', '{"key": "mine", "token": "mine"}', 'metadata keep what is theirs') FROM pg_temp.call('create_agent', :'create', 'k');
SELECT is(pg_temp.code('create_agent', :'create', NULL), '409 conflict_error external_id_taken externalId', 'without the header it is done again');
SELECT is(pg_temp.code('create_agent', :'create', 'K'), '409 conflict_error external_id_taken externalId', 'with another key, too');
SELECT is(pg_temp.code('create_agent', :'create'::jsonb || '{"name": "other"}', 'k'), '409 conflict_error idempotency_key_reused idempotencyKey', 'with another body the key is taken');
SELECT is(c.answer, first.answer, 'a refused call changes nothing') FROM first, pg_temp.call('create_agent', :'create', 'k') AS c;
SELECT is(answer ->> 'status', 'suspended', 'what has changed since') FROM pg_temp.call('update_agent', jsonb_build_object('agentId', (SELECT answer ->> 'id' FROM first), 'status', 'suspended'), NULL);
SELECT is(answer ->> 'status', 'active', 'does not change the answer') FROM pg_temp.call('create_agent', :'create', 'k');

-- Secrets are shown once.
CREATE TEMP TABLE registered AS SELECT * FROM pg_temp.call('register_agent', :'register', 'k');
SELECT matches(answer ->> 'token', '^at_live_', 'another function has keys of its own; it gives a token') FROM registered;
SELECT is(c.answer, r.answer || '{"token": null}', 'the second answer is the same but for the token') FROM registered AS r, pg_temp.call('register_agent', :'register', 'k') AS c;
SELECT is_empty($$SELECT FROM ledger_agents.idempotent_answers WHERE answer::text ~ '(at|lk)_(live|test)_'$$, 'no secret is stored');

-- Whoever may call has keys.
SELECT is(pg_temp.code('declare_intent', jsonb_build_object('agentId', (SELECT answer ->> 'id' FROM registered), 'summary', 's'), 'i'), '', 'an intent') FROM generate_series(1, 3);
SELECT is((SELECT count(*) FROM ledger_agents.intents), 1::bigint, 'is declared once');

-- What spends takes the header as its own key, and is remembered with what it did, not here.
CREATE TEMP TABLE spent AS SELECT * FROM pg_temp.call('authorize', jsonb_build_object('agentId', (SELECT answer ->> 'id' FROM registered), 'amount', 5), 'a');
SELECT is(concat_ws(' ', answer ->> 'idempotencyKey', answer ->> 'replayed'), 'a false', 'authorize takes the header as its key') FROM spent;
SELECT is(c.answer, spent.answer || '{"replayed": true}', 'and says that it is a replay') FROM spent, pg_temp.call('authorize', jsonb_build_object('agentId', (SELECT answer ->> 'id' FROM registered), 'amount', 5), 'a') AS c;
SELECT matches(pg_temp.code('authorize', jsonb_build_object('agentId', (SELECT answer ->> 'id' FROM registered), 'amount', 6), 'a'), 'idempotency_key_reused', 'another amount is another request');
SELECT is(concat(pg_temp.code('capture', body, 'c'), pg_temp.code('refund', body, 'f'), pg_temp.code('reverse', body, 'r')), '409 conflict_error invalid_state authorizationId', 'so do those of holds')
FROM spent, jsonb_build_object('authorizationId', answer -> 'id') AS body;
SELECT is_empty($$SELECT route FROM ledger_agents.idempotent_answers WHERE route IN ('authorize', 'record_spend', 'increment', 'capture', 'reverse', 'refund')$$, 'no such answer is remembered a second time');

--
-- Errors are not remembered
--
SELECT is(pg_temp.code('create_policy', '{"name": 5}', 'p'), '400 invalid_request_error invalid_type name', 'an error');
SELECT is(pg_temp.code('create_policy', '{"name": "p"}', 'p'), '', 'may be mended, with its key');
SELECT is(pg_temp.code('create_policy', '{"name": 5}', 'p'), '409 conflict_error idempotency_key_reused idempotencyKey', 'and the mended one counts');
SELECT is(pg_temp.code('create_policy', '{"name": "q"}', key), '400 invalid_request_error invalid_length idempotencyKey', 'a key of ' || length(key)) FROM (VALUES (''), (repeat('é', 256))) AS v (key);
SELECT is(pg_temp.code('create_policy', '{"name": "q"}', repeat('é', 255)), '', 'a key of 255') FROM generate_series(1, 2);
SELECT set_config('request.headers', '{"idempotency-key": 5}', true) \g /dev/null
SELECT is(ledger_agents_api.create_policy('{"name": "z"}') #>> '{error,code}', 'invalid_value', 'a key that is no string');
SELECT set_config('request.headers', 'x', true) \g /dev/null
SELECT is(ledger_agents_api.create_policy('{"name": "z"}') #>> '{error,code}', 'invalid_value', 'headers that cannot be read');
SELECT is(pg_temp.code('list_policies', '{}', ''), '', 'what only reads looks at no key');
SELECT is(pg_temp.remembered(), 5::bigint, 'five were remembered');

--
-- By organization and principal
--
SELECT id FROM ledger_agents.create_organization('elsewhere') \g /dev/null
SET LOCAL ledger_agents.organization = 'elsewhere';
SELECT isnt(c.answer ->> 'id', first.answer ->> 'id', 'another organization''s key is another one') FROM first, pg_temp.call('create_agent', :'create', 'k') AS c;
SELECT token AS token_a FROM ledger_agents.register_agent('a', 'c') \gset
SELECT token AS token_b FROM ledger_agents.register_agent('b', 'c') \gset
SELECT id AS a FROM ledger_agents.get_agent(external_id => 'a') \gset
SELECT id AS b FROM ledger_agents.get_agent(external_id => 'b') \gset
CREATE ROLE idempotency_api;
SELECT ledger_agents.grant_access('idempotency_api', 'api') \g /dev/null

-- Whose the answer is, and the agent of the intent, when somebody declares one with a key; undone.
CREATE FUNCTION pg_temp.by(secret text, claims text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  BEGIN
    PERFORM set_config('role', 'idempotency_api', true), set_config('request.jwt.claims', claims, true),
            set_config('request.headers', json_build_object('idempotency-key', 'one')::text, true);
    IF secret <> '' THEN
      PERFORM ledger_agents.authenticate(secret);
    END IF;
    answer := ledger_agents_api.declare_intent('{"summary": "s"}');
    PERFORM set_config('role', 'none', true);
    RAISE EXCEPTION USING MESSAGE = (SELECT string_agg(principal, ',') FROM ledger_agents.idempotent_answers WHERE key = 'one') || ' ' || (answer ->> 'agentId');
  EXCEPTION WHEN raise_exception THEN
    RETURN SQLERRM;
  END;
END
$$;
SELECT is(pg_temp.by(:'token_a', ''), format('agent:%s %1$s', :'a'), 'an agent by its token');
SELECT is(pg_temp.by('', format('{"organization_id": "elsewhere", "agent_id": "%s", "sub": "u"}', agent)), format('agent:%s claims:u %1$s', agent), 'an agent by claims, of whom several may have one subject')
FROM (VALUES (:'a'), (:'b')) AS v (agent);

--
-- 24 hours
--
SET LOCAL ledger_agents.organization = 'default';
SET LOCAL ledger_agents.clock = '2026-03-03 08:59:59.999999Z';
SELECT is(c.answer, first.answer, 'remembered to the last microsecond') FROM first, pg_temp.call('create_agent', :'create', 'k') AS c;
SET LOCAL ledger_agents.clock = '2026-03-03 09:00Z';
SELECT is(pg_temp.code('create_agent', :'create', 'k'), '409 conflict_error external_id_taken externalId', 'after 24 hours the key is new');
SELECT is(pg_temp.code('create_agent', '{"externalId": "e2", "customerId": "c"}', 'k'), '', 'and may come with another body') FROM generate_series(1, 2);
SELECT is(count(*), 1::bigint, 'there is one answer to it') FROM ledger_agents.idempotent_answers WHERE organization_id = 'default' AND route = 'create_agent' AND key = 'k';
SELECT is_empty($$SELECT FROM ledger_agents.idempotent_answers WHERE organization_id = 'default' AND created_at < '2026-03-03'$$, 'a new answer takes old ones out');
SELECT is(count(*), 1::bigint, 'but not another organization''s') FROM ledger_agents.idempotent_answers WHERE organization_id = 'elsewhere';
INSERT INTO ledger_agents.idempotent_answers SELECT 'default', 'operator', 'create_agent', 'old ' || n, sha256('x'), '{}', 200, '2026-03-01 09:00Z' FROM generate_series(1, 25) AS n;
SELECT is(pg_temp.code('create_agent', '{"externalId": "e3", "customerId": "c"}', 'k3'), '', 'one more');
SELECT is(count(*), 15::bigint, 'took out ten of them') FROM ledger_agents.idempotent_answers WHERE key LIKE 'old %';

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
