-- For 030_faults.pl: a story in which every verb has a part, and what lets each of its steps fail everywhere.
SET client_min_messages = warning;
CREATE EXTENSION ledger_agents;
CREATE SCHEMA faults;
CREATE FUNCTION faults.arm_fault(place integer, cancels boolean) RETURNS void STRICT LANGUAGE c AS 'ledger_agents', 'la_arm_fault';
CREATE FUNCTION faults.disarm_fault() RETURNS text LANGUAGE c AS 'ledger_agents', 'la_disarm_fault';

-- What the story's calls name things by.
CREATE TABLE faults.secret (name text PRIMARY KEY, secret text, id uuid);
CREATE FUNCTION faults.agent(called text) RETURNS uuid LANGUAGE sql AS $$
  SELECT id FROM ledger_agents.agents WHERE external_id = called AND status <> 'deregistered'
$$;
CREATE FUNCTION faults.card(called text) RETURNS uuid LANGUAGE sql AS $$ SELECT id FROM ledger_agents.cards WHERE purpose = called $$;
CREATE FUNCTION faults.policy(called text) RETURNS uuid LANGUAGE sql AS $$ SELECT id FROM ledger_agents.policies WHERE name = called $$;
CREATE FUNCTION faults.intent(called text) RETURNS uuid LANGUAGE sql AS $$ SELECT id FROM ledger_agents.intents WHERE client_intent_id = called $$;
CREATE FUNCTION faults.hold(called text) RETURNS uuid LANGUAGE sql AS $$ SELECT id FROM ledger_agents.authorizations WHERE idempotency_key = called $$;
CREATE FUNCTION faults.secret(called text) RETURNS text LANGUAGE sql AS $$ SELECT secret FROM faults.secret WHERE name = called $$;
CREATE FUNCTION faults.secret_id(called text) RETURNS uuid LANGUAGE sql AS $$ SELECT id FROM faults.secret WHERE name = called $$;

-- A step: the calls of one transaction, one a line; the last one fails. At midnight of that day and 10 seconds later for each step.
CREATE TABLE faults.step (n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, call text NOT NULL);
INSERT INTO faults.step (call)
SELECT line FROM regexp_split_to_table($story$
create_organization('acme', 'Acme', spending_limit => 1000000)
update_organization('{"name": "Ours", "transaction_events": true, "capture_tolerance_percent": 10}')
get_organization()
update_customer('c', '{"name": "Customer", "spending_limit": 500000}')
get_customer('c')
list_customers()
create_policy('meals', '{"allowedMccs": ["5812"], "limits": {"perDay": 20000}}')
create_policy('unused', '{}')
update_policy(faults.policy('meals'), '{"cooldownMinutes": null, "limits": {"perDay": 30000}}')
get_policy(faults.policy('meals'))
list_policies()
delete_policy(faults.policy('unused'))
register_agent('a', 'c', 'Agent', spending_limit => 100000, policy => '{"requireCard": false}')
register_agent('a', 'c', 'Another name')
register_agent('s', 'c', spending_limit => 1000, on_limit_exceeded => 'suspend')
register_agent('n', 'd', spending_limit => 1000, spending_limit_frequency => 'per24HourPeriod', on_limit_exceeded => 'notify')
register_agent('p', 'd', default_require_approval => true, default_auto_approve_below => 100)
register_agent('acme', 'x', organization_id => 'acme')
update_agent(faults.agent('a'), '{"description": "of the story", "default_policy_id": null}')
get_agent(external_id => 'a')
list_agents(customer_id => 'c')
create_card(faults.agent('a'), 'card', 'multi', spending_limit => 50000, policy => '{"cumulativeMax": 90000}', metadata => '{"a": 1}')
create_card(faults.agent('a'), 'once')
create_card(faults.agent('a'), 'lunch', 'multi', policy_id => faults.policy('meals'))
update_card(faults.card('card'), '{"max_amount": 40000}')
get_card(faults.card('card'))
list_cards(faults.agent('a'))
freeze_card(faults.card('lunch'))
unfreeze_card(faults.card('lunch'))
authorize(faults.agent('a'), 100, idempotency_key => 'plain', metadata => '{"why": "plain"}')
authorize(faults.agent('a'), 100, idempotency_key => 'plain')
authorize(faults.agent('a'), 101, idempotency_key => 'plain')
authorize(faults.agent('a'), 0)
authorize(faults.agent('a'), 200000, idempotency_key => 'declined')
authorize(faults.agent('a'), 2000, card_id => faults.card('card'), merchant => 'Shop 1', idempotency_key => 'by card', hold_for => '1 day')
authorize(faults.agent('a'), 300, card_id => faults.card('once'), merchant => 'Shop 2', idempotency_key => 'once')
authorize(faults.agent('a'), 400, mcc => '5812', card_id => faults.card('lunch'), merchant => 'Bistro', country => 'FR', idempotency_key => 'lunch')
authorize(faults.agent('a'), 500, idempotency_key => 'short', hold_for => '5 seconds')
authorize(faults.agent('n'), 1500, idempotency_key => 'told')
authorize(faults.agent('acme'), 1500, idempotency_key => 'acme', organization_id => 'acme')
authorize(faults.agent('s'), 900, idempotency_key => 'approaching')
authorize(faults.agent('s'), 500, idempotency_key => 'suspending')
update_agent(faults.agent('s'), '{"status": "active"}')
authorize_or_raise(faults.agent('a'), 10, idempotency_key => 'or raise')
authorize_or_raise(faults.agent('a'), 1000000)
authorize_many(ARRAY[ROW(faults.agent('a'), 1, NULL, NULL, NULL, NULL, NULL, NULL, 'many 1', NULL, NULL), ROW(faults.agent('n'), 2, NULL, NULL, NULL, NULL, NULL, NULL, 'many 2', NULL, NULL), ROW(faults.agent('a'), 3, NULL, 'Shop 1', NULL, NULL, faults.card('card'), NULL, 'many 3', NULL, NULL), ROW(faults.agent('s'), 4000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)]::ledger_agents.spend_request[])
authorize_many(ARRAY[ROW(faults.agent('a'), 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), ROW(faults.agent('p'), 200, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)]::ledger_agents.spend_request[], true)
create_organization('plain', 'In memory')
register_agent('many', 'x', spending_limit => 1000, organization_id => 'plain')
authorize_many(ARRAY[ROW(faults.agent('many'), 1, NULL, NULL, NULL, NULL, NULL, NULL, 'in memory 1', NULL, NULL), ROW(faults.agent('many'), 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), ROW(faults.agent('many'), 2000, NULL, NULL, NULL, NULL, NULL, NULL, 'in memory 2', NULL, NULL)]::ledger_agents.spend_request[], organization_id => 'plain')
authorize_many(ARRAY[ROW(faults.agent('many'), 1, NULL, NULL, NULL, NULL, NULL, NULL, 'in memory 3', NULL, NULL), ROW(faults.agent('many'), 1, NULL, NULL, NULL, NULL, NULL, NULL, 'in memory 1', NULL, NULL), ROW(faults.agent('many'), 2000, NULL, NULL, NULL, NULL, NULL, NULL, 'in memory 2', NULL, NULL), ROW(faults.agent('many'), 3, NULL, NULL, NULL, NULL, NULL, NULL, 'in memory 4', NULL, NULL)]::ledger_agents.spend_request[], organization_id => 'plain')
evaluate(faults.agent('a'), 100)
evaluate(faults.agent('a'), 100000, card_id => faults.card('card'))
explain_authorization(faults.hold('declined'))
explain_authorization(agent_id => faults.agent('a'), amount => 5)
effective_policy(faults.agent('a'), faults.card('lunch'))
card_policy(faults.card('card'))
agent_budget(faults.agent('a'))
current_spend('default', faults.agent('a'))
current_card_spend('default', faults.card('card'))
record_spend(faults.agent('a'), 77, merchant => 'Elsewhere', idempotency_key => 'recorded')
increment(faults.hold('by card'), 500, 'more')
capture(faults.hold('by card'), 1000, final => false, idempotency_key => 'part')
capture(faults.hold('by card'), 1000, final => false, idempotency_key => 'part')
capture(faults.hold('once'), 310)
capture(faults.hold('once'), 310)
capture(faults.hold('short'), 600, force => true)
reverse(faults.hold('plain'), 40, 'some')
reverse(faults.hold('plain'))
refund(faults.hold('by card'), 100, 'back')
disown('to another place')
adopt('and back')
get_authorization(faults.hold('by card'))
list_authorizations(faults.agent('a'), max_rows => 5)
list_authorizations(customer_id => 'c')
declare_intent(faults.agent('a'), client_intent_id => 'soon', summary => 'a thing', expected_amount => 700, expected_merchant => 'Shop 3', ttl_minutes => 1)
declare_intent(faults.agent('a'), client_intent_id => 'one', expected_amount => 700, expected_merchant => 'Shop 3', metadata => '{}')
declare_intent(faults.agent('a'), client_intent_id => 'one', expected_amount => 700, expected_merchant => 'Shop 3', metadata => '{}')
authorize(faults.agent('a'), 700, merchant => 'shop 3', intent_id => faults.intent('one'), idempotency_key => 'intended')
reverse(faults.hold('intended'))
declare_intent(faults.agent('p'), client_intent_id => 'asks', expected_amount => 500)
declare_intent(faults.agent('p'), client_intent_id => 'no', expected_amount => 600)
declare_intent(faults.agent('p'), client_intent_id => 'never mind', expected_amount => 601)
approve_intent(faults.intent('asks'))
reject_intent(faults.intent('no'), 'too much')
cancel_intent(faults.intent('never mind'))
authorize(faults.agent('p'), 500, intent_id => faults.intent('asks'), idempotency_key => 'approved')
authorize(faults.agent('p'), 5000, idempotency_key => 'parks')
get_intent(agent_id => faults.agent('p'), client_intent_id => 'asks')
list_intents(faults.agent('p'))
attest(faults.agent('a'), summary => 'looked', expected_amount => 10)
list_attestations(faults.agent('a'))
create_organization_key('key')
list_organization_keys()
create_agent_token(faults.agent('a'), 'token')
list_agent_tokens(faults.agent('a'))
authenticate(faults.secret('token'))
authenticate('at_live_0000000000000000000000000000000000000000000')
authenticate(faults.secret('token')); authorize(NULL, 5, idempotency_key => 'by token')
authenticate(faults.secret('key')); update_agent(faults.agent('a'), '{"description": "by key"}')
rotate_agent_token(faults.secret_id('token'), '1 hour')
revoke_agent_token(faults.secret_id('token'))
authenticate(faults.secret('token'))
rotate_organization_key(faults.secret_id('key'))
revoke_organization_key(faults.secret_id('key'))
seal_chain(faults.agent('a'))
verify_chain(faults.agent('a'))
poll_events('consumer', 10)
ack_events('consumer', (SELECT id FROM ledger_agents.poll_events('consumer', 1)))
list_event_consumers()
delete_event_consumer('consumer')
sweep()
purge((SELECT max(decided_at) FROM ledger_agents.authorizations))
update_customer('c', '{"status": "suspended"}'); authorize(faults.agent('a'), 1)
update_organization('{"spending_limit": 900000}')
update_organization('{"spending_limit": 1}'); authorize(faults.agent('a'), 9)
close_card(faults.card('lunch'))
deregister_agent(faults.agent('s'))
pre_request()
register_agent('{"externalId": "j", "userId": "c", "name": "J", "spendingLimit": 5000}')
create_agent('{"externalId": "k", "customerId": "c", "limits": {"amount": 100, "currency": "USD", "interval": "daily"}}')
register_agent('{"externalId": "j", "userId": "other", "name": "J"}')
update_agent(jsonb_build_object('agentId', faults.agent('j'), 'spendingLimit', 6000))
create_policy('{"name": "json", "requireIntent": true}')
update_policy(jsonb_build_object('policyId', faults.policy('json'), 'requireIntent', null))
get_policy('{"name": "json"}')
list_policies('{}')
delete_policy(jsonb_build_object('policyId', faults.policy('json')))
create_card(jsonb_build_object('agentId', faults.agent('j'), 'purpose', 'json', 'type', 'multi'))
update_card(jsonb_build_object('cardId', faults.card('json'), 'maxAmount', 700))
freeze_card(jsonb_build_object('cardId', faults.card('json')))
unfreeze_card(jsonb_build_object('cardId', faults.card('json')))
get_card(jsonb_build_object('cardId', faults.card('json')))
list_cards('{}')
authorize(jsonb_build_object('agentId', faults.agent('j'), 'cardId', faults.card('json'), 'amount', 50, 'idempotencyKey', 'json'))
authorize(jsonb_build_object('agentId', faults.agent('j'), 'cardId', faults.card('json'), 'amount', 5000, 'idempotencyKey', 'json declined'))
authorize(jsonb_build_object('agentId', faults.agent('j'), 'amount', -1))
evaluate(jsonb_build_object('agentId', faults.agent('j'), 'amount', 50))
explain_authorization(jsonb_build_object('agentId', faults.agent('j'), 'amount', 50))
record_spend(jsonb_build_object('agentId', faults.agent('j'), 'amount', 5, 'idempotencyKey', 'json recorded'))
increment(jsonb_build_object('authorizationId', faults.hold('json'), 'amount', 5))
capture(jsonb_build_object('authorizationId', faults.hold('json'), 'amount', 20, 'final', false))
reverse(jsonb_build_object('authorizationId', faults.hold('json'), 'amount', 10))
refund(jsonb_build_object('authorizationId', faults.hold('json'), 'amount', 10))
get_authorization(jsonb_build_object('authorizationId', faults.hold('json')))
list_authorizations('{"limit": 2}')
declare_intent(jsonb_build_object('agentId', faults.agent('p'), 'customerIntentId', 'json', 'expectedAmount', 300))
declare_intent(jsonb_build_object('agentId', faults.agent('p'), 'customerIntentId', 'json 2', 'expectedAmount', 301))
declare_intent(jsonb_build_object('agentId', faults.agent('p'), 'customerIntentId', 'json 3', 'expectedAmount', 302))
approve_intent(jsonb_build_object('intentId', faults.intent('json')))
reject_intent(jsonb_build_object('intentId', faults.intent('json 2')))
cancel_intent(jsonb_build_object('intentId', faults.intent('json 3')))
get_intent(jsonb_build_object('intentId', faults.intent('json')))
list_intents('{}')
attest(jsonb_build_object('agentId', faults.agent('j'), 'summary', 'looked'))
list_attestations('{}')
get_agent('{"externalId": "j"}')
list_agents('{}')
agent_budget(jsonb_build_object('agentId', faults.agent('j')))
effective_policy(jsonb_build_object('agentId', faults.agent('j')))
card_policy(jsonb_build_object('cardId', faults.card('json')))
create_agent_token(jsonb_build_object('agentId', faults.agent('j'), 'name', 'json'))
list_agent_tokens(jsonb_build_object('agentId', faults.agent('j')))
rotate_agent_token(jsonb_build_object('tokenId', (SELECT id FROM ledger_agents.agent_tokens WHERE name = 'json')))
revoke_agent_token(jsonb_build_object('tokenId', (SELECT id FROM ledger_agents.agent_tokens WHERE name = 'json' ORDER BY id LIMIT 1)))
create_organization_key('{"name": "json"}')
list_organization_keys('{}')
rotate_organization_key(jsonb_build_object('keyId', (SELECT id FROM ledger_agents.organization_keys WHERE name = 'json')))
revoke_organization_key(jsonb_build_object('keyId', (SELECT id FROM ledger_agents.organization_keys WHERE name = 'json' ORDER BY id LIMIT 1)))
get_organization('{}')
update_organization('{"name": "JSON"}')
get_customer('{"customerId": "c"}')
list_customers('{"limit": 1}')
update_customer('{"customerId": "c", "name": "JSON"}')
poll_events('{"consumer": "json", "max": 5}')
ack_events(jsonb_build_object('consumer', 'json', 'upTo', (SELECT id FROM ledger_agents.poll_events('json', 1))))
list_event_consumers('{}')
delete_event_consumer('{"consumer": "json"}')
close_card(jsonb_build_object('cardId', faults.card('json')))
deregister_agent(jsonb_build_object('agentId', faults.agent('k')))
INSERT INTO ledger_agents_api.agents ("externalId", "customerId", name) VALUES ('v', 'c', 'V') RETURNING name
UPDATE ledger_agents_api.agents SET "spendingLimit" = 10 WHERE "externalId" = 'v' RETURNING name
INSERT INTO ledger_agents_api.cards ("agentId", purpose) VALUES (faults.agent('v'), 'view') RETURNING purpose
UPDATE ledger_agents_api.cards SET status = 'frozen' WHERE purpose = 'view' RETURNING status
DELETE FROM ledger_agents_api.agents WHERE "externalId" = 'v' RETURNING name
SELECT status FROM ledger_agents_api.authorizations
SELECT type FROM ledger_agents_api.events
SELECT name FROM ledger_agents_api.tokens
SELECT violation FROM ledger_agents.check_invariants()
$story$, '\n') WITH ORDINALITY AS s (line, place)
WHERE line <> '' ORDER BY place;

-- Steps that wait: for somebody who has spent for agents "a" and "acme" and is not done.
CREATE TABLE faults.waiting AS SELECT 1000 + n AS n, call FROM (VALUES
  (1, $$authorize(faults.agent('a'), 1)$$),
  (2, $$authorize_many(ARRAY[ROW(faults.agent('a'), 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)]::ledger_agents.spend_request[])$$),
  (3, $$update_customer('x', '{"spending_limit": 10}', 'acme')$$)) AS w (n, call);

-- A function's name alone stands for its rows; from pre_request() on in the schema of the JSON functions. Secrets are kept where they are made.
CREATE VIEW faults.call AS
SELECT n, CASE
    WHEN part ~ '^(INSERT|UPDATE|DELETE|SELECT) ' THEN part
    WHEN part ~ '^create_(agent_token|organization_key)\(' AND schema = 'ledger_agents'
    THEN format('INSERT INTO faults.secret SELECT name, %s, id FROM ledger_agents.%s RETURNING name', substring(part FROM 'token|key'), part)
    ELSE format('SELECT * FROM %s.%s AS answer', schema, part) END AS call,
  place, place = count(*) OVER (PARTITION BY n) AS is_last
FROM (SELECT n, call, CASE WHEN n < (SELECT n FROM faults.step WHERE call = 'pre_request()') THEN 'ledger_agents' ELSE 'ledger_agents_api' END AS schema FROM faults.step
    UNION ALL SELECT n, call, 'ledger_agents' FROM faults.waiting) AS s,
  regexp_split_to_table(call, '; (?=[a-z_]+\()') WITH ORDINALITY AS p (part, place);

-- Without what no two runs have in common.
CREATE FUNCTION faults.masked(what text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT regexp_replace(regexp_replace(regexp_replace(regexp_replace(what,
    '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', '(id)', 'g'),
    '(at|lk)_(live|test)_[A-Za-z0-9_-]+…?', '(secret)', 'g'),
    '\\+x[0-9a-f]{16,}', '(bytes)', 'g'),
    '[A-Za-z0-9+/]{22}==', '(cursor)', 'g')
$$;
CREATE FUNCTION faults.say(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  said text;
BEGIN
  EXECUTE format('WITH answer AS (%s) SELECT string_agg(answer::text, chr(10)) FROM answer', call) INTO said;
  RETURN faults.masked(said);
END
$$;

-- What a step answers, or how it fails; its earlier calls may fail in no other way than by stopping it.
CREATE FUNCTION faults.answer(step integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  said text;
  detail text;
  part text;
BEGIN
  FOR part IN SELECT call FROM faults.call WHERE n = step ORDER BY place LOOP
    said := faults.say(part);
  END LOOP;
  RETURN said;
EXCEPTION WHEN OTHERS THEN
  IF SQLSTATE IN ('LAF00', 'LAF01') THEN
    RAISE;
  END IF;
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN faults.masked(concat_ws(' | ', SQLSTATE, SQLERRM, detail));
END
$$;

-- What a session must have again after a rollback: its locks, its settings, its planner, and errors that are about the call at hand.
CREATE FUNCTION faults.session() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  said text;
  plan json;
  detail text;
BEGIN
  SELECT string_agg(concat_ws(' ', locktype, relation::regclass, classid, objid, objsubid, mode), ', ' ORDER BY locktype, relation, classid, objid, objsubid, mode)
    INTO said FROM pg_locks WHERE pid = pg_backend_pid() AND locktype NOT IN ('virtualxid', 'transactionid') AND coalesce(relation <> ALL ('{faults.secret, faults.secret_pkey}'::regclass[]), true);
  EXECUTE 'EXPLAIN (FORMAT json) SELECT FROM faults.secret' INTO plan;
  BEGIN
    PERFORM ledger_agents.authorize(NULL, 0);
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  END;
  RETURN concat_ws(' | ', said, plan -> 0 -> 'Plan' ->> 'Plan Rows', detail, current_user, current_setting('search_path'), current_setting('enable_seqscan'),
    current_setting('lock_timeout'), current_setting('deadlock_timeout'), current_setting('transaction_isolation'));
END
$$;

-- What was tried, and what was wrong.
CREATE TABLE faults.trial (n integer, place integer, cancels boolean, failed text, wrong text);

-- Lets a place of a step fail, in a savepoint, and takes all back; false: it has no such place.
CREATE FUNCTION faults.try(step integer, place integer, cancels boolean, expected text, prelude text, look boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  trial faults.trial := (step, place, cancels, NULL, NULL);
  before text;
  said text;
  part record;
BEGIN
  BEGIN
    EXECUTE prelude;
    before := faults.session();
    BEGIN
      FOR part IN SELECT call, is_last FROM faults.call WHERE n = step ORDER BY call.place LOOP
        IF part.is_last THEN
          PERFORM faults.arm_fault(place, cancels);
        END IF;
        said := faults.say(part.call);
      END LOOP;
      trial.failed := faults.disarm_fault();
      trial.wrong := 'nobody was told';
      RAISE SQLSTATE 'LAF00';
    EXCEPTION
      WHEN SQLSTATE 'LAF00' THEN
        NULL;
      WHEN OTHERS OR query_canceled THEN
        trial.failed := faults.disarm_fault();
        trial.wrong := CASE WHEN SQLSTATE <> CASE WHEN cancels THEN '57014' ELSE 'LAF01' END THEN 'it became ' || SQLSTATE || ' ' || SQLERRM END;
    END;
    IF trial.failed IS NOT NULL THEN
      said := faults.session();
      IF said IS DISTINCT FROM before THEN
        trial.wrong := concat_ws(E'\n', trial.wrong, 'the session was', before, 'and is', said);
      END IF;
      said := faults.answer(step);
      IF said IS DISTINCT FROM expected THEN
        trial.wrong := concat_ws(E'\n', trial.wrong, 'the answer was to be', expected, 'and is', said);
      END IF;
      IF look THEN
        SELECT string_agg(v::text, chr(10)) INTO said FROM ledger_agents.check_invariants() AS v;
        trial.wrong := nullif(concat_ws(E'\n', trial.wrong, said), '');
      END IF;
    END IF;
    RAISE SQLSTATE 'LAF00';
  EXCEPTION WHEN SQLSTATE 'LAF00' THEN
    NULL;
  END;
  IF trial.failed IS NULL THEN
    RETURN false;
  END IF;
  INSERT INTO faults.trial VALUES (trial.*);
  RETURN true;
END
$$;

-- The answer of a step that has not failed before, taken back.
CREATE FUNCTION faults.expected(step integer, prelude text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  said text;
BEGIN
  EXECUTE prelude;
  said := faults.answer(step);
  RAISE SQLSTATE 'LAF00';
EXCEPTION WHEN SQLSTATE 'LAF00' THEN
  RETURN said;
END
$$;

-- A step of the story, which ends where something is wrong: with each of its places failing in turn, as many times as there are ways; then it happens. Of the ways "mixed" cancels every
-- second place, and "turned" the others.
CREATE TYPE faults.way AS ENUM ('error', 'cancel', 'mixed', 'turned');
CREATE PROCEDURE faults.take(step integer, ways faults.way[], prelude text, look boolean) LANGUAGE plpgsql AS $$
DECLARE
  expected text;
  said text;
  way faults.way;
  cancels boolean;
BEGIN
  PERFORM set_config('ledger_agents.clock', (timestamptz '2026-11-22 00:00Z' + step * interval '10 seconds')::text, false);
  FOREACH way IN ARRAY ways LOOP
    expected := faults.expected(step, prelude);
    FOR place IN 1 .. 100000 LOOP
      cancels := CASE way WHEN 'error' THEN false WHEN 'cancel' THEN true WHEN 'mixed' THEN place % 2 = 0 ELSE place % 2 = 1 END;
      EXIT WHEN NOT faults.try(step, place, cancels, expected, prelude, look AND place % 10 = 0);
      COMMIT;
      -- A session that has gone wrong may be slow to go on.
      IF EXISTS (SELECT FROM faults.trial WHERE wrong IS NOT NULL) THEN
        RAISE 'the story ends at step %', step;
      END IF;
    END LOOP;
    COMMIT;
  END LOOP;
  said := faults.answer(step);
  COMMIT;
  INSERT INTO faults.trial SELECT step, NULL, NULL, NULL, concat_ws(' but ', expected, said) WHERE prelude = 'SELECT' AND said IS DISTINCT FROM expected AND ways <> '{}';
  INSERT INTO faults.trial SELECT step, NULL, NULL, NULL, v::text FROM ledger_agents.check_invariants() AS v;
  IF EXISTS (SELECT FROM faults.trial WHERE wrong IS NOT NULL) THEN
    COMMIT;
    RAISE 'the story ends at step %', step;
  END IF;
END
$$;

-- Every row, as far as two runs have it in common.
CREATE FUNCTION faults.rows() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  name regclass;
BEGIN
  FOR name IN SELECT oid FROM pg_class WHERE relnamespace = 'ledger_agents'::regnamespace AND relkind = 'r' ORDER BY relname LOOP
    -- Which database it is is what differs, and how often a counter was written: a batch writes it once where it needs no statement.
    RETURN QUERY EXECUTE format('SELECT %L || replace(replace(faults.masked(t::text), %L, '',(this),''), %L, '',(this),'') FROM %s AS t ORDER BY 1', name::text || ' ',
      (SELECT concat(',', d.oid, ',') FROM pg_database d WHERE d.datname = current_database()), concat(',', current_database(), ','),
      CASE WHEN name = 'ledger_agents.counters'::regclass THEN $q$(SELECT (jsonb_populate_record(k, '{"version": 0}')).* FROM ledger_agents.counters AS k)$q$ ELSE name::text END);
  END LOOP;
END
$$;
