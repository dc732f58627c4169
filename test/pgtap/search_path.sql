-- Does a decision mean the server's operators and functions, and our own tables, whatever the caller's search_path has in front of them?
--
-- authorize(), authorize_or_raise() and evaluate() pin no search_path in their declaration: each of their statements does.
SET client_min_messages = warning;
SELECT id AS plain FROM ledger_agents.register_agent('plain', 'customer', spending_limit => 1000) \gset
SELECT id AS carries FROM ledger_agents.register_agent('carries', 'customer') \gset
SELECT id AS asks FROM ledger_agents.register_agent('asks', 'customer', policy => '{"requireApproval": true}') \gset
SELECT id AS needs FROM ledger_agents.register_agent('needs', 'customer', policy => '{"requireIntent": true}') \gset
SELECT id AS proves FROM ledger_agents.register_agent('proves', 'customer', policy => '{"requireAttestation": true}') \gset
SELECT id AS suspends FROM ledger_agents.register_agent('suspends', 'customer', spending_limit => 10, on_limit_exceeded => 'suspend') \gset
SELECT id AS rolls FROM ledger_agents.register_agent('rolls', 'customer', spending_limit => 1000, window_mode => 'rolling') \gset
SELECT id AS card FROM ledger_agents.create_card(:'carries', 'card', 'multi', spending_limit => 500, policy => '{"limits": {"perDay": 400}, "lockToFirstMerchant": true}') \gset
SELECT id AS intent FROM ledger_agents.declare_intent(:'needs', summary => 'Buy a chair', expected_amount => 50) \gset

-- Operators that refuse, of all types that our statements compare, add and subtract; functions; and tables of our names.
CREATE SCHEMA other;
DO $$
DECLARE
  body constant text := 'BEGIN RAISE EXCEPTION ''this is not what was meant''; END';
  type text;
  symbol text;
BEGIN
  FOREACH type IN ARRAY '{text,uuid,bigint,integer,timestamptz,boolean,bytea,jsonb}'::text[] LOOP
    EXECUTE format('CREATE FUNCTION other.compare(%1$s, %1$s) RETURNS boolean LANGUAGE plpgsql AS %2$L', type, body);
    EXECUTE format('CREATE FUNCTION other.combine(%1$s, %1$s) RETURNS %1$s LANGUAGE plpgsql AS %2$L', type, body);
    FOREACH symbol IN ARRAY '{=,<>,<,<=,>,>=,+,-}'::text[] LOOP
      EXECUTE format('CREATE OPERATOR other.%s (LEFTARG = %2$s, RIGHTARG = %2$s, FUNCTION = other.%3$s)', symbol, type,
        CASE WHEN symbol IN ('+', '-') THEN 'combine' ELSE 'compare' END);
    END LOOP;
  END LOOP;
  FOREACH type IN ARRAY ARRAY['sum(bigint)', 'max(bigint)', 'min(timestamptz)', 'encode(bytea, text)', 'uuid_send(uuid)', 'array_to_string(text[], text)'] LOOP
    EXECUTE format('CREATE FUNCTION other.%s RETURNS bigint LANGUAGE plpgsql AS %L', type, body);
  END LOOP;
  FOR type IN SELECT relname FROM pg_class WHERE relnamespace = 'ledger_agents'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('CREATE TABLE other.%I ()', type);
  END LOOP;
END
$$;

-- Ten decisions of all kinds, without an operator of its own.
CREATE FUNCTION public.answers(plain uuid, carries uuid, asks uuid, needs uuid, proves uuid, suspends uuid, rolls uuid, card uuid, intent uuid, key text) RETURNS text
LANGUAGE sql AS $$
SELECT concat_ws(' ',
  (ledger_agents.authorize(plain, 10, idempotency_key => key)).decision,
  (ledger_agents.authorize(plain, 10, idempotency_key => key)).replayed,
  (ledger_agents.authorize(carries, 20, merchant => 'Staples', card_id => card)).decision,
  (ledger_agents.authorize(plain, 2000)).reason,
  (ledger_agents.authorize(asks, 30)).reason,
  (ledger_agents.authorize(needs, 50, intent_id => intent)).decision,
  (ledger_agents.authorize(proves, 30)).reason,
  (ledger_agents.authorize(suspends, 30)).reason,
  (ledger_agents.authorize_or_raise(rolls, 10, hold_for => '1 day')).decision,
  (ledger_agents.evaluate(rolls, 5000)).reason);
$$;
-- Counters are then no longer written directly.
CREATE FUNCTION public.pass_by() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';

-- Each time in a session that has no plan yet, and undone.
\c -
SET client_min_messages = warning;
\set ask 'SELECT public.answers(:\'plain\', :\'carries\', :\'asks\', :\'needs\', :\'proves\', :\'suspends\', :\'rolls\', :\'card\', :\'intent\', \'key\')'
BEGIN;
:ask AS meant \gset
ROLLBACK;
\c -
SET search_path = other, pg_catalog;
BEGIN;
:ask AS directly \gset
-- Plans that were made under one path are used under another.
SET LOCAL search_path = pg_catalog;
:ask AS again \gset
ROLLBACK;
RESET search_path;
CREATE TRIGGER pass_by AFTER UPDATE ON ledger_agents.counters FOR EACH ROW EXECUTE FUNCTION public.pass_by();
\c -
SET search_path = other, pg_catalog;
BEGIN;
:ask AS by_statements \gset
SHOW search_path \gset
ROLLBACK;
RESET search_path;
DROP TRIGGER pass_by ON ledger_agents.counters;

-- Nothing is left of what a call sets for itself.
SET ledger_agents.lock_timeout = '7s';
BEGIN;
SELECT FROM ledger_agents.authorize(:'plain', 1);
SELECT current_setting('lock_timeout') || ' ' || current_setting('deadlock_timeout') || ' ' || current_setting('search_path') AS settings \gset
ROLLBACK;

SELECT no_plan();
SELECT is(:'settings'::text, current_setting('lock_timeout') || ' ' || current_setting('deadlock_timeout') || ' ' || current_setting('search_path'),
  'a call leaves the settings of its transaction alone');
SELECT is(:'meant'::text, 'approved t approved agent_limit_exceeded approval_required approved attestation_required agent_limit_exceeded approved agent_limit_exceeded',
  'decisions of all kinds');
SELECT is(:'directly'::text, :'meant', 'are the same with other operators, functions and tables in front');
SELECT is(:'again'::text, 'approved t approved agent_limit_exceeded approval_required declined attestation_required agent_suspended approved agent_limit_exceeded',
  'and when the path has changed since their plans were made');
SELECT is(:'by_statements'::text, :'meant', 'by statements, too');
SELECT is(:'search_path'::text, 'other, pg_catalog', 'and the caller''s path is what it was');

-- What was in front is what a caller would get.
CREATE FUNCTION public.operator_in_front() RETURNS boolean LANGUAGE sql SET search_path = other, pg_catalog AS 'SELECT 1::bigint = 1::bigint';
CREATE FUNCTION public.function_in_front() RETURNS bigint LANGUAGE sql SET search_path = other, pg_catalog AS 'SELECT min(now())';
SELECT throws_ok('SELECT public.operator_in_front()', 'this is not what was meant', 'an operator in front counts');
SELECT throws_ok('SELECT public.function_in_front()', 'this is not what was meant', 'a function in front counts');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books balance');
SELECT * FROM finish();
