-- What becomes of a hold: every verb in every state, what it moves in every counter and window, and what it tells.
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';

--
-- A case is a list of steps, divided by semicolons. Each begins on Monday, 2 March 2026, with an agent of customer "acme" in an organization of its own.
--   hold 100 [for 2 h] [in EUR] [at Shop] [key k]    record 100 [...]    asks, or books what has happened; with the card, where there is one
--   capture [100] [more] [force] [key k]   reverse [100]   refund [100]   increment 100   look             the last hold, or the one taken up by: name a; with a
--   at 2026-03-03   org {...}   customer {...}   agent {...}   card [single] {...}   other                   the clock, changes, a new card, another agent of the customer
--   counter agent   status   events                                                                    what is in a counter, of agent and card, what was told since last asked
-- A verb answers its hold as status held/captured/counted, and what its agent has spent/has left; or its error, and then it has moved nothing.
--
CREATE SEQUENCE pg_temp.worlds;
CREATE TEMP TABLE world (organization text, agent uuid, card uuid, hold uuid, heard uuid);
CREATE TEMP TABLE named (name text PRIMARY KEY, hold uuid);
INSERT INTO world DEFAULT VALUES;

CREATE FUNCTION pg_temp.clock(at text) RETURNS void LANGUAGE sql AS $$ SELECT set_config('ledger_agents.clock', at::timestamptz::text, true) $$;
CREATE FUNCTION pg_temp.books() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', (SELECT md5(string_agg(v::text, '' ORDER BY v.scope, v.scope_id)) FROM ledger_agents.counters AS v WHERE v.organization_id = w.organization),
                   (SELECT md5(string_agg(v::text, '' ORDER BY v.id)) FROM ledger_agents.authorizations AS v WHERE v.organization_id = w.organization),
                   (SELECT md5(string_agg(v::text, '' ORDER BY v.id)) FROM ledger_agents.cards AS v WHERE v.organization_id = w.organization),
                   (SELECT md5(string_agg(v::text, '' ORDER BY v.id)) FROM ledger_agents.intents AS v WHERE v.organization_id = w.organization),
                   (SELECT count(*) FROM ledger_agents.authorization_entries AS v WHERE v.organization_id = w.organization), (SELECT count(*) FROM ledger_agents.events AS v WHERE v.organization_id = w.organization),
                   (SELECT count(*) FROM ledger_agents.configuration_changes AS v WHERE v.organization_id = w.organization))
    FROM world AS w
$$;
CREATE FUNCTION pg_temp.balance() RETURNS text LANGUAGE sql AS $$
  SELECT format('%s/%s', b.current_spend, coalesce(b.remaining::text, '-')) FROM world AS w, ledger_agents.agent_budget(w.agent) AS b
$$;
CREATE FUNCTION pg_temp.state(a ledger_agents.authorization_detail) RETURNS text LANGUAGE sql AS $$
  SELECT format('%s %s/%s/%s', a.status, a.held_amount, a.captured_amount, a.counted_amount)
$$;
CREATE FUNCTION pg_temp.counter(scope text) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', k.day_spent, k.week_spent, k.month_spent, k.year_spent, k.total_spent, 'rolling ' || k.rolling_spent, 'count ' || k.auth_count,
                   CASE WHEN k.scope = 'card' THEN format('uses %s captured %s in %s', k.use_count, coalesce(k.captured_amount, 0), coalesce(k.captured_count, 0)) END)
    FROM world AS w, ledger_agents.counters AS k
   WHERE k.organization_id = w.organization AND k.scope::text = $1 AND k.scope_id = CASE $1 WHEN 'card' THEN w.card::text WHEN 'agent' THEN w.agent::text WHEN 'customer' THEN 'acme' ELSE w.organization END
$$;
CREATE FUNCTION pg_temp.events() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  told text;
BEGIN
  SELECT string_agg(concat_ws(' ', e.type, e.data ->> 'reason', e.data ->> 'amount', e.data ->> 'currentSpend', e.data ->> 'action', (e.data ->> 'percentUsed') || '%'), ', ' ORDER BY e.type, e.created_at, e.data::text) INTO told
    FROM world AS w, ledger_agents.events AS e
   WHERE e.organization_id = w.organization AND e.type IN ('agent.limit_exceeded', 'agent.limit_approaching', 'agent.suspended', 'card.closed', 'card.frozen') AND e.id NOT IN (SELECT h.id FROM heard AS h);
  INSERT INTO heard SELECT e.id FROM world AS w, ledger_agents.events AS e WHERE e.organization_id = w.organization ON CONFLICT DO NOTHING;
  RETURN coalesce(told, 'nothing');
END
$$;
CREATE TEMP TABLE heard (id uuid PRIMARY KEY);

CREATE FUNCTION pg_temp.verb(step text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  w world;
  word text := split_part(step, ' ', 1);
  amount bigint := (regexp_match(step, '^\w+ (-?\d+)'))[1];
  key text := (regexp_match(step, 'key (\w+)'))[1];
  a ledger_agents.authorization_detail;
  name text;
  before text := pg_temp.books();
BEGIN
  SELECT * INTO w FROM world;
  CASE word
    WHEN 'hold' THEN
      a := ledger_agents.authorize(w.agent, amount, (regexp_match(step, 'in ([A-Z]+)'))[1], (regexp_match(step, 'at (\w+)'))[1], card_id => w.card, hold_for => (regexp_match(step, 'for (\d+ \w+)'))[1]::interval, idempotency_key => key);
    WHEN 'record' THEN
      a := ledger_agents.record_spend(w.agent, amount, (regexp_match(step, 'in ([A-Z]+)'))[1], (regexp_match(step, 'at (\w+)'))[1], card_id => w.card, idempotency_key => key);
    WHEN 'capture' THEN a := ledger_agents.capture(w.hold, amount, step !~ 'more', step ~ 'force', key);
    WHEN 'increment' THEN a := ledger_agents.increment(w.hold, amount, key);
    WHEN 'reverse' THEN a := ledger_agents.reverse(w.hold, amount, key);
    WHEN 'refund' THEN a := ledger_agents.refund(w.hold, amount, key);
    ELSE a := ledger_agents.get_authorization(w.hold);
  END CASE;
  IF word IN ('hold', 'record') THEN
    UPDATE world SET hold = a.id;
    w.hold := a.id;
  END IF;
  RETURN concat_ws(' ', CASE WHEN a.replayed THEN 'again' || CASE WHEN before <> pg_temp.books() THEN ' BUT IT MOVED SOMETHING' ELSE '' END END,
                   CASE WHEN word = 'increment' AND a.decision = 'declined' THEN 'declined ' || array_to_string(a.reasons, ' and ') || ', the hold is' WHEN a.decision = 'declined' THEN array_to_string(a.reasons, ' and ') END,
                   pg_temp.state(CASE WHEN word = 'increment' THEN ledger_agents.get_authorization(w.hold) ELSE a END), pg_temp.balance());
EXCEPTION WHEN SQLSTATE '22000' OR SQLSTATE '22003' OR SQLSTATE '22004' OR SQLSTATE '22023' OR SQLSTATE '55000' OR SQLSTATE 'P0002' OR SQLSTATE '42501' OR SQLSTATE '25006' THEN
  GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
  RETURN concat_ws(' ', SQLSTATE, name, CASE WHEN before <> pg_temp.books() THEN 'BUT IT MOVED SOMETHING' END);
END
$$;
-- Null for steps that answer nothing.
CREATE FUNCTION pg_temp.step(step text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  w world;
  word text := split_part(step, ' ', 1);
  rest text := substr(step, length(split_part(step, ' ', 1)) + 2);
  document jsonb := (regexp_match(step, '\{.*'))[1];
BEGIN
  SELECT * INTO w FROM world;
  CASE word
    WHEN 'at' THEN PERFORM pg_temp.clock(rest || ' UTC');
    WHEN 'org' THEN PERFORM ledger_agents.update_organization(document);
    WHEN 'customer' THEN PERFORM ledger_agents.update_customer('acme', document);
    WHEN 'agent' THEN PERFORM ledger_agents.update_agent(w.agent, document);
    WHEN 'card' THEN
      UPDATE world SET card = (ledger_agents.create_card(w.agent, type => CASE WHEN step ~ '^card single' THEN 'single' ELSE 'multi' END)).id;
      PERFORM ledger_agents.update_card((SELECT card FROM world), coalesce(document, '{}'));
    WHEN 'change' THEN PERFORM ledger_agents.update_card(w.card, document);
    WHEN 'freeze' THEN PERFORM ledger_agents.freeze_card(w.card);
    WHEN 'close' THEN PERFORM ledger_agents.close_card(w.card);
    WHEN 'deregister' THEN PERFORM ledger_agents.deregister_agent(w.agent);
    WHEN 'other' THEN UPDATE world SET agent = (ledger_agents.register_agent('other', 'acme')).id, card = NULL;
    WHEN 'name' THEN INSERT INTO named VALUES (rest, w.hold) ON CONFLICT ON CONSTRAINT named_pkey DO UPDATE SET hold = w.hold;
    WHEN 'with' THEN UPDATE world SET hold = (SELECT v.hold FROM named AS v WHERE v.name = rest);
    WHEN 'counter' THEN RETURN pg_temp.counter(rest);
    WHEN 'events' THEN RETURN pg_temp.events();
    WHEN 'status' THEN RETURN concat_ws(' ', (ledger_agents.get_agent(w.agent)).status, (SELECT c.status || coalesce(' ' || c.status_reason, '') FROM ledger_agents.get_card(w.card) AS c WHERE w.card IS NOT NULL));
    ELSE RETURN pg_temp.verb(step);
  END CASE;
  RETURN NULL;
END
$$;
CREATE FUNCTION pg_temp.run(steps text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  tenant text := 'life ' || nextval('pg_temp.worlds');
  step text;
  answers text[];
BEGIN
  PERFORM pg_temp.clock('2026-03-02 09:00Z'), ledger_agents.create_organization(tenant), set_config('ledger_agents.organization', tenant, true);
  UPDATE world SET organization = tenant, agent = (ledger_agents.register_agent('buyer', 'acme')).id, card = NULL, hold = NULL;
  FOREACH step IN ARRAY regexp_split_to_array(btrim(steps, E' \n'), '\s*;\s*') LOOP
    answers := answers || pg_temp.step(step);
  END LOOP;
  RETURN array_to_string(answers, ' · ');
END
$$;
CREATE FUNCTION pg_temp.case(steps text, want text) RETURNS text LANGUAGE sql AS $$
  SELECT is(pg_temp.run(steps), regexp_replace(btrim(want, E' \n'), '\s+', ' ', 'g'), regexp_replace(steps, '\s+', ' ', 'g'))
$$;

--
-- Whole lives, with the balances after every step.
--
SELECT pg_temp.case(steps, want) FROM (VALUES
  ('org {"capture_tolerance_percent": 25}; agent {"spending_limit": 10000}; hold 4500; capture 5500',
   'authorized 4500/0/4500 4500/5500 · captured 0/5500/5500 5500/4500'),
  ('agent {"spending_limit": 10000}; hold 7500; capture 3000; refund 1000', 'authorized 7500/0/7500 7500/2500 · captured 0/3000/3000 3000/7000 · captured 0/3000/2000 2000/8000'),
  ('agent {"spending_limit": 10000}; hold 2500; increment 1500; increment 1000; capture 5000',
   'authorized 2500/0/2500 2500/7500 · authorized 4000/0/4000 4000/6000 · authorized 5000/0/5000 5000/5000 · captured 0/5000/5000 5000/5000'),
  ('agent {"spending_limit": 10000}; hold 1000; reverse 1000', 'authorized 1000/0/1000 1000/9000 · reversed 0/0/0 0/10000'),
  ('agent {"spending_limit": 20000}; hold 15000; capture; refund 4000; refund', 'authorized 15000/0/15000 15000/5000 · captured 0/15000/15000 15000/5000 · captured 0/15000/11000 11000/9000 · refunded 0/15000/0 0/20000'),
  ('agent {"spending_limit": 10000}; hold 3000; reverse 2000; capture 1000', 'authorized 3000/0/3000 3000/7000 · authorized 1000/0/1000 1000/9000 · captured 0/1000/1000 1000/9000'),
  ('agent {"spending_limit": 10000}; hold 3500 for 1 hour; at 2026-03-02 09:59:59.999999; look; at 2026-03-02 10:00; look; capture 3500; capture 3500 force',
   'authorized 3500/0/3500 3500/6500 · authorized 3500/0/3500 3500/6500 · expired 0/0/0 0/10000 · 55000 invalid_state · captured 0/3500/3500 3500/6500'),
  ('agent {"spending_limit": 10000}; hold 1500; capture 1600; look', 'authorized 1500/0/1500 1500/8500 · 22023 amount_too_large · authorized 1500/0/1500 1500/8500'),
  ('agent {"spending_limit": 10000}; hold 1500; capture; capture 1; capture; reverse; reverse 1', 'authorized 1500/0/1500 1500/8500 · captured 0/1500/1500 1500/8500 · 55000 invalid_state · 55000 invalid_state · 55000 invalid_state · 55000 invalid_state'),
  ('hold 1500; reverse; capture; capture 1 force; reverse', 'authorized 1500/0/1500 1500/- · reversed 0/0/0 0/- · 55000 invalid_state · 55000 invalid_state · 55000 invalid_state'),
  ('hold 1000; capture 300 more; capture 300 more; look; capture 400 more; refund 600; refund', 'authorized 1000/0/1000 1000/- · partially_captured 700/300/1000 1000/- · partially_captured 400/600/1000 1000/-
    · partially_captured 400/600/1000 1000/- · captured 0/1000/1000 1000/- · captured 0/1000/400 400/- · refunded 0/1000/0 0/-'),
  ('hold 1000; capture 300 more; refund; reverse 200; reverse; refund 1', 'authorized 1000/0/1000 1000/- · partially_captured 700/300/1000 1000/- · partially_captured 700/300/700 700/- · partially_captured 500/300/500 500/- · refunded 0/300/0 0/-
    · 55000 invalid_state'),
  ('hold 1000; capture 300 more; capture 900 force', 'authorized 1000/0/1000 1000/- · partially_captured 700/300/1000 1000/- · captured 0/1200/1200 1200/-'),
  -- The rest of a hold expires, too; what was captured stays, and can be refunded.
  ('hold 1000 for 1 hour; capture 300 more; at 2026-03-02 10:00; look; capture 100 force; refund 100; look', 'authorized 1000/0/1000 1000/- · partially_captured 700/300/1000 1000/- · captured 0/300/300 300/- · 55000 invalid_state
    · captured 0/300/200 200/- · captured 0/300/200 200/-'),
  -- Of an expired hold, what was held of it; less, or more; never again.
  ('hold 1000 for 1 hour; increment 500; reverse 300; at 2026-03-03; capture force', 'authorized 1000/0/1000 1000/- · authorized 1500/0/1500 1500/- · authorized 1200/0/1200 1200/- · captured 0/1200/1200 1200/-'),
  ('hold 1000 for 1 hour; at 2026-03-03; capture 400 more force; capture 100 force', 'authorized 1000/0/1000 1000/- · captured 0/400/400 400/- · 55000 invalid_state'),
  -- Tolerance is of what was asked for and not reversed, with the captures before; rounded down.
  ('org {"capture_tolerance_percent": 15}; hold 1000; reverse 500; capture 300 more; capture 276; capture 275; look', 'authorized 1000/0/1000 1000/- · authorized 500/0/500 500/- · partially_captured 200/300/500 500/- · 22023 amount_too_large
    · captured 0/575/575 575/- · captured 0/575/575 575/-'),
  ('org {"capture_tolerance_percent": 10}; hold 19; capture 21; capture 20', 'authorized 19/0/19 19/- · 22023 amount_too_large · captured 0/20/20 20/-'),
  ('org {"capture_tolerance_percent": 25}; hold 25; increment 15; capture 51; capture 50', 'authorized 25/0/25 25/- · authorized 40/0/40 40/- · 22023 amount_too_large · captured 0/50/50 50/-'),
  -- Recorded spend is captured at once; what may not be spent at all is recorded, too.
  ('agent {"spending_limit": 0}; record 3000; refund 1000; capture; reverse; refund', 'captured 0/3000/3000 3000/0 · captured 0/3000/2000 2000/0 · 55000 invalid_state · 55000 invalid_state · refunded 0/3000/0 0/0'),
  -- Released parts: the newest first.
  ('hold 100; increment 40; name h; reverse 50; capture 60 more; reverse; look', 'authorized 100/0/100 100/- · authorized 140/0/140 140/- · authorized 90/0/90 90/- · partially_captured 30/60/90 90/- · captured 0/60/60 60/- · captured 0/60/60 60/-')
) AS v (steps, want);
SELECT results_eq($$ SELECT kind::text, requested_amount, amount, added_amount, released_amount, forced, final, number FROM ledger_agents.authorization_entries WHERE authorization_id = (SELECT hold FROM world) ORDER BY number $$,
  $$ VALUES ('increment', 40::bigint, 40::bigint, 40::bigint, 0::bigint, false, false, 1::bigint), ('reversal', 50, 50, 0, 50, false, false, 2), ('capture', 60, 60, 0, 0, false, false, 3), ('reversal', NULL, 30, 0, 30, false, false, 4) $$,
  'each verb is an entry, numbered');
SELECT is(pg_temp.run('hold 35 for 1 hour; at 2026-03-03; capture force'), 'authorized 35/0/35 35/- · captured 0/35/35 35/-', 'a late capture');
SELECT results_eq($$ SELECT kind::text, requested_amount, amount, added_amount, released_amount, forced, final, number FROM ledger_agents.authorization_entries WHERE authorization_id = (SELECT hold FROM world) ORDER BY number $$,
  $$ VALUES ('expiry', NULL::bigint, 35::bigint, 0::bigint, 35::bigint, false, false, 1::bigint), ('capture', NULL, 35, 35, 0, true, true, 2) $$, 'is flagged, and the expiry noted before it');
CREATE FUNCTION pg_temp.entry_after(steps text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.run(steps);
  RETURN (SELECT format('%s, forced %s', e.added_amount, e.forced) FROM ledger_agents.authorization_entries AS e WHERE e.authorization_id = (SELECT hold FROM world) ORDER BY e.number DESC LIMIT 1);
END
$$;
SELECT is(pg_temp.entry_after('org {"capture_tolerance_percent": 10}; hold 100; ' || step), want, 'forced is what nothing else would let pass: ' || step) FROM (VALUES
  ('capture 100', '0, forced f'), ('capture 100 force', '0, forced f'), ('capture 110', '10, forced f'), ('capture 110 force', '10, forced f'), ('capture 111 force', '11, forced t'), ('record 5', '0, forced t')) AS v (step, want);

-- Parts of one instant are in the order in which they were decided.
CREATE FUNCTION pg_temp.parts_after(steps text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.run(steps);
  RETURN (SELECT string_agg(concat_ws('/', x.captured_amount, x.counted_amount), ' ' ORDER BY x.sequence) FROM world AS w, ledger_agents.authorizations AS x WHERE x.organization_id = w.organization AND w.hold IN (x.id, x.increment_of));
END
$$;
SELECT is(pg_temp.parts_after('hold 100; increment 40; increment 20; reverse 30; capture 110 more'), '100/100 10/30 0', 'parts, oldest first: ' || n) FROM generate_series(1, 8) AS n;

--
-- Each verb in each state.
--
CREATE TEMP TABLE verbs (step text, place int);
INSERT INTO verbs SELECT * FROM unnest('{capture,capture 10,capture 1000,capture 10 more,capture force,capture 1000 force,increment 10,reverse,reverse 10,reverse 1000,refund,refund 10,refund 1000}'::text[]) WITH ORDINALITY;
-- (state, how it comes about, what each verb answers in the order above; ! stands for 55000 invalid_state, > for 22023 amount_too_large)
CREATE TEMP TABLE states AS SELECT * FROM (VALUES
  ('declined', 'agent {"spending_limit": 50}; hold 100', '!,!,!,!,!,!,!,!,!,!,!,!,!'),
  ('authorized', 'hold 100', 'captured 0/100/100,captured 0/10/10,>,partially_captured 90/10/100,captured 0/100/100,captured 0/1000/1000,authorized 110/0/110,reversed 0/0/0,authorized 90/0/90,>,!,!,!'),
  ('partially_captured', 'hold 100; capture 40 more', 'captured 0/100/100,captured 0/50/50,>,partially_captured 50/50/100,captured 0/100/100,captured 0/1040/1040,!,captured 0/40/40,partially_captured 50/40/90,>,'
     'partially_captured 60/40/60,partially_captured 60/40/90,>'),
  ('partially_captured, that refunded', 'hold 100; capture 40 more; refund', 'captured 0/100/60,captured 0/50/10,>,partially_captured 50/50/60,captured 0/100/60,captured 0/1040/1000,!,refunded 0/40/0,partially_captured 50/40/50,>,>,>,>'),
  ('captured', 'hold 100; capture 40', '!,!,!,!,!,!,!,!,!,!,refunded 0/40/0,captured 0/40/30,>'),
  ('recorded', 'record 100', '!,!,!,!,!,!,!,!,!,!,refunded 0/100/0,captured 0/100/90,>'),
  ('reversed', 'hold 100; reverse', '!,!,!,!,!,!,!,!,!,!,!,!,!'),
  ('expired', 'hold 100 for 1 hour; at 2026-03-02 10:00', '!,!,!,!,captured 0/100/100,captured 0/1000/1000,!,!,!,!,!,!,!'),
  ('refunded', 'hold 100; capture; refund', '!,!,!,!,!,!,!,!,!,!,!,!,!'),
  ('partially_captured, the rest expired', 'hold 100 for 1 hour; capture 40 more; at 2026-03-02 10:00', '!,!,!,!,!,!,!,!,!,!,refunded 0/40/0,captured 0/40/30,>'),
  ('with an increment', 'hold 90; increment 10', 'captured 0/100/100,captured 0/10/10,>,partially_captured 90/10/100,captured 0/100/100,captured 0/1000/1000,authorized 110/0/110,reversed 0/0/0,authorized 90/0/90,>,!,!,!'),
  ('with a declined increment', 'agent {"spending_limit": 115}; hold 100; increment 16', 'captured 0/100/100,captured 0/10/10,>,partially_captured 90/10/100,captured 0/100/100,captured 0/1000/1000,authorized 110/0/110,reversed 0/0/0,authorized 90/0/90,>,!,!,!')
) AS v (state, steps, answers);
SELECT is(a.answer, CASE want WHEN '!' THEN '55000 invalid_state' WHEN '>' THEN '22023 amount_too_large' ELSE want END, format('%s: %s', s.state, v.step))
  FROM states AS s, verbs AS v, LATERAL (SELECT split_part(s.answers, ',', v.place)) AS w (want), LATERAL (SELECT pg_temp.run(format('%s; %s', s.steps, v.step)) WHERE v.place > 0) AS r (told),
       -- The verb's own answer, without the balance.
       LATERAL (SELECT regexp_replace(regexp_replace(r.told, '^.* · ', ''), ' \d+/(-|\d+)$', '')) AS a (answer);
-- Errors that come before the state.
SELECT is(pg_temp.run(format('%s; %s', s.steps, v.step)) ~ (want || '$'), true, format('%s: %s', s.state, v.step)) FROM states AS s, (VALUES
  ('capture 0', '22023 invalid_amount'), ('capture -1 force', '22023 invalid_amount'), ('increment 0', '22023 invalid_amount'), ('increment -5', '22023 invalid_amount'), ('increment', '22004 null_value'),
  ('reverse 0', '22023 invalid_amount'), ('reverse -1', '22023 invalid_amount'), ('refund 0', '22023 invalid_amount'), ('refund -1', '22023 invalid_amount')) AS v (step, want);
-- An increment, nothing, and what belongs to somebody else.
SELECT is(pg_temp.run('hold 90; increment 10'), 'authorized 90/0/90 90/- · authorized 100/0/100 100/-', 'a hold with an increment');
SELECT lives_ok($$ UPDATE world SET hold = (SELECT e.id FROM ledger_agents.authorization_entries AS e WHERE e.authorization_id = hold) $$, 'and the increment itself');
SELECT is(pg_temp.verb(v.step), '55000 is_increment', 'an increment: ' || v.step) FROM verbs AS v;
SELECT is(pg_temp.run('hold 100'), 'authorized 100/0/100 100/-', 'a hold'), set_config('ledger_agents.organization', 'default', true);
SELECT is(pg_temp.verb(v.step), 'P0002 unknown_authorization', 'another organization''s: ' || v.step) FROM verbs AS v;
UPDATE world SET hold = '00000000-0000-7000-8000-000000000000';
SELECT is(pg_temp.verb(v.step), 'P0002 unknown_authorization', 'unknown: ' || v.step) FROM verbs AS v;
UPDATE world SET hold = NULL;
SELECT is(pg_temp.verb(v.step), '22004 null_value', 'null: ' || v.step) FROM verbs AS v;
SELECT is(pg_temp.run('hold 1; ' || string_agg('increment 1', '; ')) ~ ' · authorized 101/0/101 101/- · 55000 too_many_increments$', true, 'a hundred increments') FROM generate_series(1, 101);

--
-- Keys.
--
SELECT pg_temp.case(steps, want) FROM (VALUES
  ('hold 100; capture 40 more key k; capture 40 more key k; capture 40 key k; capture 41 more key k; capture more key k; reverse 40 key k; refund 40 key k; increment 40 key k',
   'authorized 100/0/100 100/- · partially_captured 60/40/100 100/- · again partially_captured 60/40/100 100/- · 22023 idempotency_key_reused · 22023 idempotency_key_reused · 22023 idempotency_key_reused · 22023 idempotency_key_reused
    · 22023 idempotency_key_reused · 22023 idempotency_key_reused'),
  -- The answer again is the authorization as it is by then.
  ('hold 100; capture 40 more key k; capture 10 more; capture 40 more key k; reverse; capture 40 more key k', 'authorized 100/0/100 100/- · partially_captured 60/40/100 100/- · partially_captured 50/50/100 100/- · again partially_captured 50/50/100 100/-
    · captured 0/50/50 50/- · again captured 0/50/50 50/-'),
  ('hold 100; capture key k; capture key k; capture 100 key k; capture', 'authorized 100/0/100 100/- · captured 0/100/100 100/- · again captured 0/100/100 100/- · 22023 idempotency_key_reused · 55000 invalid_state'),
  ('hold 100; reverse 30 key k; reverse 30 key k; reverse 31 key k; reverse key k; reverse 30 key other; look', 'authorized 100/0/100 100/- · authorized 70/0/70 70/- · again authorized 70/0/70 70/- · 22023 idempotency_key_reused · 22023 idempotency_key_reused
    · authorized 40/0/40 40/- · authorized 40/0/40 40/-'),
  ('hold 100; reverse key k; reverse key k; reverse 100 key k', 'authorized 100/0/100 100/- · reversed 0/0/0 0/- · again reversed 0/0/0 0/- · 22023 idempotency_key_reused'),
  ('hold 100; capture; refund 30 key k; refund 30 key k; refund 29 key k; refund key k; refund key all; refund key all', 'authorized 100/0/100 100/- · captured 0/100/100 100/- · captured 0/100/70 70/- · again captured 0/100/70 70/- · 22023 idempotency_key_reused
    · 22023 idempotency_key_reused · refunded 0/100/0 0/- · again refunded 0/100/0 0/-'),
  -- An increment's answer is the increment, approved or declined; a decline is final for its key.
  ('agent {"spending_limit": 150}; hold 100; increment 20 key yes; increment 20 key yes; increment 40 key no; agent {"spending_limit": 500}; increment 40 key no; increment 41 key no; increment 40 key new',
   'authorized 100/0/100 100/50 · authorized 120/0/120 120/30 · again authorized 120/0/120 120/30 · declined agent_limit_exceeded, the hold is authorized 120/0/120 120/30 · again declined agent_limit_exceeded, the hold is authorized 120/0/120 120/380
    · 22023 idempotency_key_reused · authorized 160/0/160 160/340'),
  ('hold 100; increment 20 key k; reverse; increment 20 key k; capture 100 key k', 'authorized 100/0/100 100/- · authorized 120/0/120 120/- · reversed 0/0/0 0/- · again reversed 0/0/0 0/- · 22023 idempotency_key_reused'),
  -- A key that failed was never used.
  ('hold 100; capture 101 key k; capture 100 key k', 'authorized 100/0/100 100/- · 22023 amount_too_large · captured 0/100/100 100/-'),
  -- It belongs to its authorization.
  ('hold 100; name a; capture key k; hold 100; capture key k; with a; refund 10 key j; capture key k', 'authorized 100/0/100 100/- · captured 0/100/100 100/- · authorized 100/0/100 200/- · captured 0/100/100 200/- · captured 0/100/90 190/- · again captured 0/100/90 190/-'),
  -- Those of record_spend are the agent's, with those of authorize.
  ('record 100 key k; record 100 key k; record 101 key k; hold 100 key k; hold 50 key j; record 50 key j; hold 50 key j', 'captured 0/100/100 100/- · again captured 0/100/100 100/- · 22023 idempotency_key_reused · 22023 idempotency_key_reused
    · authorized 50/0/50 150/- · 22023 idempotency_key_reused · again authorized 50/0/50 150/-'),
  ('record 100 key k; refund 10; record 100 key k; record 100 at Shop key k; record 100 in EUR key k', 'captured 0/100/100 100/- · captured 0/100/90 90/- · again captured 0/100/90 90/- · 22023 idempotency_key_reused · 22023 idempotency_key_reused'),
  ('record 100; agent {"status": "suspended"}; record 100 key k; record 100 key k', 'captured 0/100/100 100/- · captured 0/100/100 200/- · again captured 0/100/100 200/-')
) AS v (steps, want);

--
-- Windows: each counter, in the window of the authorization, which may be over.
--
SELECT pg_temp.case(steps, want) FROM (VALUES
  -- All scopes, the agent's own limit rolling.
  ('org {"spending_limit": 9000}; customer {"spending_limit": 8000, "window_mode": "rolling"}; agent {"spending_limit": 1000, "spending_limit_frequency": "per24HourPeriod"}; card {"spending_limit": 900}; hold 100; capture 130 more force;
    counter card; counter agent; counter customer; counter organization; refund 50; counter card; counter agent; counter customer; counter organization',
   'authorized 100/0/100 100/900 · captured 0/130/130 130/870 · 130 130 130 130 130 count 1 uses 1 captured 130 in 1 · 130 130 130 130 130 rolling 130 count 1 · 130 130 130 130 130 rolling 130 count 1 · 130 130 130 130 130 count 1
    · captured 0/130/80 80/920 · 80 80 80 80 80 count 1 uses 1 captured 80 in 1 · 80 80 80 80 80 rolling 80 count 1 · 80 80 80 80 80 rolling 80 count 1 · 80 80 80 80 80 count 1'),
  -- A day later, in the next week, the next month, the next year.
  ('customer {"spending_limit": 8000}; agent {"spending_limit": 1000}; hold 100; at 2026-03-03; hold 7; with a; name b; counter agent; counter customer', 'authorized 100/0/100 100/900 · authorized 7/0/7 107/893 · 7 107 107 107 107 count 2 · 7 107 107 107 107 count 2'),
  ('customer {"spending_limit": 8000}; agent {"spending_limit": 1000}; hold 100; name a; at 2026-03-03; hold 7; with a; capture 60; counter agent; counter customer', 'authorized 100/0/100 100/900 · authorized 7/0/7 107/893 · captured 0/60/60 67/933 · 7 67 67 67 67 count 2 · 7 67 67 67 67 count 2'),
  ('customer {"spending_limit": 8000}; agent {"spending_limit": 1000}; hold 100; name a; at 2026-03-09; hold 7; with a; reverse 40; counter agent; counter customer', 'authorized 100/0/100 100/900 · authorized 7/0/7 107/893 · authorized 60/0/60 67/933 · 7 7 67 67 67 count 2 · 7 7 67 67 67 count 2'),
  ('customer {"spending_limit": 8000}; agent {"spending_limit": 1000}; hold 100; name a; capture; at 2026-04-01; hold 7; with a; refund 40; counter agent; counter customer',
   'authorized 100/0/100 100/900 · captured 0/100/100 100/900 · authorized 7/0/7 7/993 · captured 0/100/60 7/993 · 7 7 7 67 67 count 2 · 7 7 7 67 67 count 2'),
  ('customer {"spending_limit": 8000}; agent {"spending_limit": 1000}; hold 100; name a; at 2027-01-01; hold 7; with a; capture 150 force; counter agent; counter customer', 'authorized 100/0/100 100/900 · authorized 7/0/7 7/993 · captured 0/150/150 7/993 · 7 7 7 7 157 count 2 · 7 7 7 7 157 count 2'),
  -- The microsecond before the month ends, and its end.
  ('agent {"spending_limit": 1000}; hold 100; capture; at 2026-03-31 23:59:59.999999; refund 30; at 2026-04-01; refund 30; counter agent', 'authorized 100/0/100 100/900 · captured 0/100/100 100/900 · captured 0/100/70 70/930 · captured 0/100/40 0/1000 · 0 0 0 40 40 count 1'),
  -- A rolling day: it leaves at the same time of the next.
  ('agent {"spending_limit": 1000, "spending_limit_frequency": "per24HourPeriod"}; hold 100; name a; at 2026-03-03 08:59:59.999999; capture 130 more force; hold 7; at 2026-03-03 09:00; with a; refund 50; counter agent',
   'authorized 100/0/100 100/900 · captured 0/130/130 130/870 · authorized 7/0/7 137/863 · captured 0/130/80 7/993 · 7 87 87 87 87 rolling 7 count 2'),
  -- An increment counts at its own instant; what is released is taken from the newest part first, what is captured fills the oldest.
  ('agent {"spending_limit": 1000, "spending_limit_frequency": "per24HourPeriod", "window_mode": "calendar"}; hold 100; at 2026-03-03; increment 40; counter agent; reverse 10; counter agent; reverse 50; counter agent',
   'authorized 100/0/100 100/900 · authorized 140/0/140 40/960 · 40 140 140 140 140 count 1 · authorized 130/0/130 30/970 · 30 130 130 130 130 count 1 · authorized 80/0/80 0/1000 · 0 80 80 80 80 count 1'),
  ('agent {"spending_limit": 1000, "spending_limit_frequency": "per24HourPeriod", "window_mode": "calendar"}; hold 100; at 2026-03-03; increment 40; capture 110; counter agent; refund 30; counter agent; refund; counter agent',
   'authorized 100/0/100 100/900 · authorized 140/0/140 40/960 · captured 0/110/110 10/990 · 10 110 110 110 110 count 1 · captured 0/110/80 0/1000 · 0 80 80 80 80 count 1 · refunded 0/110/0 0/1000 · 0 0 0 0 0 count 1'),
  -- What is above the hold counts where the hold was decided.
  ('agent {"spending_limit": 1000, "spending_limit_frequency": "per24HourPeriod", "window_mode": "calendar"}; hold 100; at 2026-03-03; increment 40; capture 200 force; counter agent', 'authorized 100/0/100 100/900 · authorized 140/0/140 40/960 · captured 0/200/200 40/960 · 40 200 200 200 200 count 1'),
  -- An increment ends with its hold.
  ('agent {"spending_limit": 1000}; hold 100 for 2 days; at 2026-03-03; increment 40; at 2026-03-04 08:59; look; at 2026-03-04 09:00; look; hold 5; counter agent', 'authorized 100/0/100 100/900 · authorized 140/0/140 140/860 · authorized 140/0/140 140/860 · expired 0/0/0 0/1000
    · authorized 5/0/5 5/995 · 5 145 145 145 145 count 2'),
  -- Another currency than the counter's moves no counter.
  ('hold 100 in JPY; increment 20; capture 150 force more; refund 30; counter agent', 'authorized 100/0/100 0/- · authorized 120/0/120 0/- · captured 0/150/150 0/- · captured 0/150/120 0/- · 0 0 0 0 0 count 1'),
  ('card {"policy": {"cumulativeMax": 100}}; record 500 in JPY; status; counter card; record 100; status', 'captured 0/500/500 0/- · active active · 0 0 0 0 0 count 1 uses 1 captured 0 in 1 · captured 0/100/100 100/- · active closed limit_reached'),
  -- When it becomes the agent's own it has moved them all along, the card's, too.
  ('card {"policy": {"cumulativeMax": 100}}; change {"policy": null}; hold 100 in JPY; capture 60 more; agent {"currency": "JPY"}; counter card; change {"policy": {"cumulativeMax": 60}}; refund 10; reverse; counter card; hold 10; capture; status',
   'authorized 100/0/100 0/- · partially_captured 40/60/100 0/- · 100 100 100 100 100 count 1 uses 1 captured 60 in 1 · partially_captured 40/60/90 90/- · captured 0/60/50 50/- · 50 50 50 50 50 count 1 uses 1 captured 50 in 1 · authorized 10/0/10 60/-
    · captured 0/10/10 60/- · active closed limit_reached'),
  -- A limit that comes later counts what is left, of what was captured, refunded and held.
  ('hold 100; capture 60; refund 10; hold 30; increment 5; reverse 7; customer {"spending_limit": 500}; org {"spending_limit": 400}; counter customer; counter organization', 'authorized 100/0/100 100/- · captured 0/60/60 60/- · captured 0/60/50 50/-
    · authorized 30/0/30 80/- · authorized 35/0/35 85/- · authorized 28/0/28 78/- · 78 78 78 78 78 count 2 · 78 78 78 78 78 count 2')
) AS v (steps, want);

--
-- on_limit_exceeded, after what nobody was asked about.
--
SELECT pg_temp.case(steps, want) FROM (VALUES
  ('agent {"spending_limit": 100, "on_limit_exceeded": "decline"}; record 150; status; events', 'captured 0/150/150 150/0 · active · agent.limit_approaching 150 150%'),
  ('agent {"spending_limit": 50, "on_limit_exceeded": "none"}; record 1000000000000000000; events', 'captured 0/1000000000000000000/1000000000000000000 1000000000000000000/0 · agent.limit_approaching 1000000000000000000 2147483647%'),
  ('agent {"spending_limit": 400, "on_limit_exceeded": "none"}; record 100000000000000000; events', 'captured 0/100000000000000000/100000000000000000 100000000000000000/0 · agent.limit_approaching 100000000000000000 2147483647%'),
  ('agent {"spending_limit": 100, "on_limit_exceeded": "none"}; record 150; status; events', 'captured 0/150/150 150/0 · active · agent.limit_approaching 150 150%'),
  ('agent {"spending_limit": 100, "on_limit_exceeded": "notify"}; record 150; status; events; record 20; events; at 2026-04-01; record 101; events', 'captured 0/150/150 150/0 · active · agent.limit_exceeded 150 150 notify, agent.limit_approaching 150 150%
    · captured 0/20/20 170/0 · nothing · captured 0/101/101 101/0 · agent.limit_exceeded 101 101 notify, agent.limit_approaching 101 101%'),
  ('agent {"spending_limit": 100, "on_limit_exceeded": "suspend", "policy": {"requireCard": false}}; card; record 100; status; record 1; status; events', 'captured 0/100/100 100/0 · active active · captured 0/1/1 101/0 · suspended frozen agent_suspended
    · agent.suspended spending_limit_exceeded, agent.limit_exceeded 1 101 suspend, agent.limit_approaching 100 100%, card.frozen agent_suspended'),
  ('agent {"spending_limit": 100, "on_limit_exceeded": "decline"}; hold 90; capture 130 force; status; events', 'authorized 90/0/90 90/10 · captured 0/130/130 130/0 · active · agent.limit_approaching 90 90%'),
  ('agent {"spending_limit": 100, "on_limit_exceeded": "none"}; hold 70; capture 85 force; events; hold 1', 'authorized 70/0/70 70/30 · captured 0/85/85 85/15 · agent.limit_approaching 85 85% · authorized 1/0/1 86/14'),
  ('agent {"spending_limit": 100, "on_limit_exceeded": "notify"}; hold 70; capture 85 force; events; hold 10; capture 30 force; events; hold 5; capture 50 force; events',
   'authorized 70/0/70 70/30 · captured 0/85/85 85/15 · agent.limit_approaching 85 85% · authorized 10/0/10 95/5 · captured 0/30/30 115/0 · agent.limit_exceeded 20 115 notify · authorized 5/0/5 120/0 · captured 0/50/50 165/0 · nothing'),
  ('agent {"spending_limit": 100, "on_limit_exceeded": "suspend"}; hold 100; capture 101 force; status; events; hold 1', 'authorized 100/0/100 100/0 · captured 0/101/101 101/0 · suspended · agent.suspended spending_limit_exceeded, agent.limit_exceeded 1 101 suspend, agent.limit_approaching 100 100%
    · agent_suspended declined 0/0/0 101/0'),
  ('org {"capture_tolerance_percent": 20}; agent {"spending_limit": 100, "on_limit_exceeded": "suspend"}; hold 50; name a; hold 50; with a; capture 60; status', 'authorized 50/0/50 50/50 · authorized 50/0/50 100/0 · captured 0/60/60 110/0 · suspended'),
  -- A late capture meets the limit as it stands now, and only if its window is still open.
  ('agent {"spending_limit": 100, "on_limit_exceeded": "suspend"}; hold 60 for 1 hour; name a; at 2026-03-02 11:00; hold 90; with a; capture force; status; events', 'authorized 60/0/60 60/40 · authorized 90/0/90 90/10 · captured 0/60/60 150/0 · suspended
    · agent.suspended spending_limit_exceeded, agent.limit_exceeded 60 150 suspend, agent.limit_approaching 90 90%'),
  ('agent {"spending_limit": 100, "on_limit_exceeded": "suspend"}; hold 60 for 1 hour; name a; at 2026-04-01; hold 90; with a; capture 600 force; status; events', 'authorized 60/0/60 60/40 · authorized 90/0/90 90/10 · captured 0/600/600 90/10 · active · agent.limit_approaching 90 90%'),
  -- Captures within the hold, refunds and reversals ask nothing.
  ('agent {"spending_limit": 100, "on_limit_exceeded": "suspend"}; hold 100; agent {"spending_limit": 10}; capture 90; refund 20; status; events', 'authorized 100/0/100 100/0 · captured 0/90/90 90/0 · captured 0/90/70 70/0 · active · agent.limit_approaching 100 100%'),
  -- perTransaction: by the one spend; each time.
  ('agent {"spending_limit": 100, "spending_limit_frequency": "perTransaction", "on_limit_exceeded": "notify"}; record 100; record 101; record 102; events; hold 90; capture 101 force; events; hold 90; capture 100 force; events',
   'captured 0/100/100 0/100 · captured 0/101/101 0/100 · captured 0/102/102 0/100 · agent.limit_exceeded 101 0 notify, agent.limit_exceeded 102 0 notify · authorized 90/0/90 0/100 · captured 0/101/101 0/100 · agent.limit_exceeded 11 0 notify
    · authorized 90/0/90 0/100 · captured 0/100/100 0/100 · nothing'),
  ('agent {"spending_limit": 100, "spending_limit_frequency": "perTransaction", "on_limit_exceeded": "suspend"}; record 101; status', 'captured 0/101/101 0/100 · suspended'),
  -- Other currencies than the limit's are not its business.
  ('agent {"spending_limit": 100, "on_limit_exceeded": "suspend"}; record 500 in EUR; status; events', 'captured 0/500/500 0/100 · active · nothing'),
  -- Wider limits and cards have no action; they are passed, and then decline.
  ('org {"spending_limit": 100}; record 150; events; hold 1', 'captured 0/150/150 150/- · nothing · organization_limit_exceeded declined 0/0/0 150/-'),
  ('customer {"spending_limit": 100}; hold 90; capture 150 force; hold 1', 'authorized 90/0/90 90/- · captured 0/150/150 150/- · customer_limit_exceeded declined 0/0/0 150/-')
) AS v (steps, want);

--
-- Kill switches and rules: increments ask, the others do not.
--
SELECT is(pg_temp.run(format('card; hold 100; %s; %s', k.steps, v.step)) ~ v.want, true, format('%s: %s', k.steps, v.step)) FROM (VALUES
  ('org {"status": "suspended"}'), ('customer {"status": "suspended"}'), ('agent {"status": "suspended"}'), ('freeze'), ('close'), ('deregister')) AS k (steps),
  (VALUES ('capture 40', ' · captured 0/40/40 40/-$'), ('capture 400 force', ' · captured 0/400/400 400/-$'), ('reverse 30', ' · authorized 70/0/70 70/-$'), ('reverse', ' · reversed 0/0/0 0/-$'),
          ('capture; refund 10', ' · captured 0/100/100 100/- · captured 0/100/90 90/-$'), ('record 5', ' · captured 0/5/5 105/-$')) AS v (step, want);
SELECT pg_temp.case(steps, want) FROM (VALUES
  ('card; hold 100; increment 5; org {"status": "suspended"}; increment 5', 'authorized 100/0/100 100/- · authorized 105/0/105 105/- · declined organization_suspended, the hold is authorized 105/0/105 105/-'),
  ('card; hold 100; customer {"status": "suspended"}; increment 5', 'authorized 100/0/100 100/- · declined customer_suspended, the hold is authorized 100/0/100 100/-'),
  ('card; hold 100; agent {"status": "suspended"}; increment 5; agent {"status": "active"}; increment 5', 'authorized 100/0/100 100/- · declined agent_suspended, the hold is authorized 100/0/100 100/- · authorized 105/0/105 105/-'),
  ('card; hold 100; deregister; increment 5', 'authorized 100/0/100 100/- · declined agent_deregistered, the hold is authorized 100/0/100 100/-'),
  ('card; hold 100; freeze; increment 5', 'authorized 100/0/100 100/- · declined card_frozen, the hold is authorized 100/0/100 100/-'),
  ('card; hold 100; close; increment 5', 'authorized 100/0/100 100/- · declined card_closed, the hold is authorized 100/0/100 100/-'),
  ('card {"policy": {"ttlMinutes": 60}}; hold 100; at 2026-03-02 09:59; increment 5; at 2026-03-02 10:00; increment 5; capture', 'authorized 100/0/100 100/- · authorized 105/0/105 105/- · declined card_expired, the hold is authorized 105/0/105 105/- · captured 0/105/105 105/-'),
  -- A single card that the hold has consumed, and the number of authorizations, are no hindrance.
  ('card single; hold 100; increment 5; capture; status', 'authorized 100/0/100 100/- · authorized 105/0/105 105/- · captured 0/105/105 105/- · active closed captured'),
  ('card {"policy": {"maxAuthCount": 1}}; hold 100; increment 5; counter card; hold 1', 'authorized 100/0/100 100/- · authorized 105/0/105 105/- · 105 105 105 105 105 count 1 uses 1 captured 0 in 0 · auth_count_exceeded declined 0/0/0 105/-'),
  -- Nor are rules about merchants, times and intents, and an agent that has got a card since.
  ('hold 100 at Shop; agent {"policy": {"blockedMerchants": ["Shop"], "allowedMccs": ["5812"], "allowedCountries": ["DE"], "cooldownMinutes": 60, "requireIntent": true, "requireApproval": true, "requireAttestation": true,
    "activeHoursStart": 1, "activeHoursEnd": 2, "activeTimezone": "UTC", "merchantHint": "Store", "onDrift": "decline"}}; increment 5; capture 120 force', 'authorized 100/0/100 100/- · authorized 105/0/105 105/- · captured 0/120/120 120/-'),
  ('hold 100; agent {"policy": {"requireCard": true}}; increment 5', 'authorized 100/0/100 100/- · authorized 105/0/105 105/-'),
  -- Limits of one authorization see the new total; perTransaction, perAuth, max_amount.
  ('agent {"spending_limit": 120, "spending_limit_frequency": "perTransaction"}; hold 100; increment 21; increment 20; increment 1', 'authorized 100/0/100 0/120 · declined agent_limit_exceeded, the hold is authorized 100/0/100 0/120 · authorized 120/0/120 0/120
    · declined agent_limit_exceeded, the hold is authorized 120/0/120 0/120'),
  ('agent {"policy": {"limits": {"perAuth": 120}}}; hold 100; increment 21; increment 20; reverse 50; increment 50; increment 1', 'authorized 100/0/100 100/- · declined agent_limit_exceeded, the hold is authorized 100/0/100 100/- · authorized 120/0/120 120/-
    · authorized 70/0/70 70/- · authorized 120/0/120 120/- · declined agent_limit_exceeded, the hold is authorized 120/0/120 120/-'),
  ('customer {"policy": {"limits": {"perAuth": 120}}}; hold 100; increment 21; increment 20', 'authorized 100/0/100 100/- · declined customer_limit_exceeded, the hold is authorized 100/0/100 100/- · authorized 120/0/120 120/-'),
  ('customer {"spending_limit": 120, "spending_limit_frequency": "perTransaction"}; hold 100; increment 21; increment 20', 'authorized 100/0/100 100/- · declined customer_limit_exceeded, the hold is authorized 100/0/100 100/- · authorized 120/0/120 120/-'),
  ('card {"max_amount": 120}; hold 100; increment 21; increment 20', 'authorized 100/0/100 100/- · declined card_limit_exceeded, the hold is authorized 100/0/100 100/- · authorized 120/0/120 120/-'),
  -- Limits of windows see what is added, in today's.
  ('agent {"policy": {"limits": {"perDay": 120}}}; hold 100; increment 21; increment 20; at 2026-03-03; increment 121; increment 120', 'authorized 100/0/100 100/- · declined agent_limit_exceeded, the hold is authorized 100/0/100 100/- · authorized 120/0/120 120/-
    · declined agent_limit_exceeded, the hold is authorized 120/0/120 120/- · authorized 240/0/240 240/-'),
  ('card {"policy": {"cumulativeMax": 120}}; hold 100; increment 21; increment 20', 'authorized 100/0/100 100/- · declined card_limit_exceeded, the hold is authorized 100/0/100 100/- · authorized 120/0/120 120/-'),
  ('org {"spending_limit": 120}; customer {"spending_limit": 120}; agent {"spending_limit": 120}; card {"spending_limit": 120}; hold 100; increment 21; increment 20',
   'authorized 100/0/100 100/20 · declined card_limit_exceeded and agent_limit_exceeded and customer_limit_exceeded and organization_limit_exceeded, the hold is authorized 100/0/100 100/20 · authorized 120/0/120 120/0'),
  -- A limit that has come since, in another currency.
  ('hold 100 in EUR; agent {"spending_limit": 500}; increment 5; capture 110 force', 'authorized 100/0/100 0/- · declined currency_mismatch, the hold is authorized 100/0/100 0/500 · captured 0/110/110 0/500'),
  -- The agent's limit acts on increments as on any spend.
  ('agent {"spending_limit": 100, "on_limit_exceeded": "suspend"}; hold 60; increment 50; status; events; reverse 10', 'authorized 60/0/60 60/40 · declined agent_limit_exceeded, the hold is authorized 60/0/60 60/40 · suspended
    · agent.suspended spending_limit_exceeded, agent.limit_exceeded 50 60 suspend · authorized 50/0/50 50/50'),
  ('agent {"spending_limit": 100, "on_limit_exceeded": "notify"}; hold 60; increment 50; status; events', 'authorized 60/0/60 60/40 · authorized 110/0/110 110/0 · active · agent.limit_exceeded 50 110 notify, agent.limit_approaching 110 110%')
) AS v (steps, want);
-- What a declined increment says: how much more would have passed, and when; not when its hold is over by then.
CREATE FUNCTION pg_temp.said(steps text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.run(steps);
  RETURN (SELECT format('%s %s %s', x.max_approvable, x.retry_at, x.attestation) FROM ledger_agents.authorizations AS x WHERE x.increment_of = (SELECT hold FROM world));
END
$$;
SELECT is(pg_temp.said(steps), want || ' ', steps)
  FROM (VALUES
    ('agent {"spending_limit": 100}; hold 60; increment 50', '40 2026-04-01 00:00:00+00'),
    ('agent {"spending_limit": 100}; hold 60 for 2 hours; increment 50', '40 '),
    ('agent {"spending_limit": 100}; hold 30 for 1 hour; hold 60 for 2 hours; increment 35', '10 2026-03-02 10:00:00+00'),
    ('agent {"policy": {"limits": {"perAuth": 100}}}; hold 60; increment 50', '40 '),
    ('agent {"spending_limit": 60}; hold 60; increment 61', ' '),
    -- Behind a kill switch: no amount passes, and nothing is attested.
    ('card; hold 60; freeze; increment 50', ' ')) AS v (steps, want);

--
-- Cards.
--
SELECT pg_temp.case(steps, want) FROM (VALUES
  ('card single; hold 100; hold 1; reverse; status; hold 1', 'authorized 100/0/100 100/- · card_consumed declined 0/0/0 100/- · 55000 invalid_state · active active · card_consumed declined 0/0/0 100/-'),
  ('card single; hold 100; reverse 99; status; reverse; status; counter card; hold 50; capture 20 more; status; capture 20; status; events', 'authorized 100/0/100 100/- · authorized 1/0/1 1/- · active active · reversed 0/0/0 0/- · active active · 0 0 0 0 0 count 0 uses 0 captured 0 in 0
    · authorized 50/0/50 50/- · partially_captured 30/20/50 50/- · active active · captured 0/40/40 40/- · active closed captured · card.closed captured'),
  ('card single; hold 100; capture 60 more; reverse; status; refund; status; events', 'authorized 100/0/100 100/- · partially_captured 40/60/100 100/- · captured 0/60/60 60/- · active closed captured · refunded 0/60/0 0/- · active closed captured · card.closed captured'),
  ('card single; record 100; status; record 5; hold 1; events', 'captured 0/100/100 100/- · active closed captured · captured 0/5/5 105/- · card_closed declined 0/0/0 105/- · card.closed captured'),
  -- Expiry gives back amount and count, not the card; a late capture takes them again, and closes it.
  ('card single; hold 100 for 1 hour; at 2026-03-02 10:00; hold 1; with a; status', 'authorized 100/0/100 100/- · card_consumed declined 0/0/0 0/- · active active'),
  ('card single; hold 100 for 1 hour; at 2026-03-02 10:00; capture force; status; counter card; events', 'authorized 100/0/100 100/- · captured 0/100/100 100/- · active closed captured · 100 100 100 100 100 count 1 uses 1 captured 100 in 1 · card.closed captured'),
  ('card single; hold 100 for 1 hour; capture 40 more; at 2026-03-02 10:00; refund 10; status', 'authorized 100/0/100 100/- · partially_captured 60/40/100 100/- · captured 0/40/30 30/- · active closed captured'),
  ('card {"policy": {"maxAuthCount": 1}}; hold 100 for 1 hour; name a; hold 1; at 2026-03-02 10:00; hold 2; with a; capture force; counter card; status', 'authorized 100/0/100 100/- · auth_count_exceeded declined 0/0/0 100/- · authorized 2/0/2 2/- · captured 0/100/100 102/-
    · 102 102 102 102 102 count 2 uses 2 captured 100 in 1 · active closed limit_reached'),
  -- What captures reach closes a card, and not what is held.
  ('card {"policy": {"cumulativeMax": 100}}; hold 60; name a; hold 40; status; capture; status; with a; capture 59 more; status; capture; status; events', 'authorized 60/0/60 60/- · authorized 40/0/40 100/- · active active · captured 0/40/40 100/- · active active
    · partially_captured 1/59/60 100/- · active active · captured 0/60/60 100/- · active closed limit_reached · card.closed limit_reached'),
  ('card {"policy": {"cumulativeMax": 100}}; hold 90; capture 100 force; status; refund; status', 'authorized 90/0/90 90/- · captured 0/100/100 100/- · active closed limit_reached · refunded 0/100/0 0/- · active closed limit_reached'),
  ('card {"policy": {"cumulativeMax": 100}}; hold 60; capture; refund; hold 90; capture; status; hold 10; capture; status', 'authorized 60/0/60 60/- · captured 0/60/60 60/- · refunded 0/60/0 0/- · authorized 90/0/90 90/- · captured 0/90/90 90/- · active active
    · authorized 10/0/10 100/- · captured 0/10/10 100/- · active closed limit_reached'),
  ('card {"policy": {"cumulativeMax": 100}}; hold 60; increment 40; status; capture 100; status', 'authorized 60/0/60 60/- · authorized 100/0/100 100/- · active active · captured 0/100/100 100/- · active closed limit_reached'),
  ('card {"policy": {"maxAuthCount": 2}}; hold 10; name a; hold 10; status; hold 1; capture; with a; capture 5 more; status; counter card', 'authorized 10/0/10 10/- · authorized 10/0/10 20/- · active active · auth_count_exceeded declined 0/0/0 20/- · 55000 invalid_state · partially_captured 5/5/10 20/-
    · active active · 20 20 20 20 20 count 2 uses 2 captured 5 in 1'),
  ('card {"policy": {"maxAuthCount": 2}}; hold 10; name a; hold 10; capture 4 more; capture 4 more; status; with a; capture 5 more; status; refund; status', 'authorized 10/0/10 10/- · authorized 10/0/10 20/- · partially_captured 6/4/10 20/- · partially_captured 2/8/10 20/- · active active
    · partially_captured 5/5/10 20/- · active closed limit_reached · partially_captured 5/5/5 15/- · active closed limit_reached'),
  ('card {"policy": {"maxAuthCount": 1}}; hold 10; reverse; hold 10; record 5; status; events', 'authorized 10/0/10 10/- · reversed 0/0/0 0/- · authorized 10/0/10 10/- · captured 0/5/5 15/- · active closed limit_reached · card.closed limit_reached'),
  ('card {"policy": {"maxAuthCount": 1, "cumulativeMax": 10}}; hold 10; capture; refund; hold 1', 'authorized 10/0/10 10/- · captured 0/10/10 10/- · refunded 0/10/0 0/- · card_closed declined 0/0/0 0/-'),
  -- A rule that was lowered below what is captured closes the card with the next capture, and not because something is given back.
  ('card {}; hold 10; capture; hold 5; change {"policy": {"cumulativeMax": 10}}; reverse; status', 'authorized 10/0/10 10/- · captured 0/10/10 10/- · authorized 5/0/5 15/- · reversed 0/0/0 10/- · active active'),
  -- The limits of others than the card close nothing.
  ('agent {"policy": {"cumulativeMax": 100, "maxAuthCount": 1}}; card; hold 100; capture; status', 'authorized 100/0/100 100/- · captured 0/100/100 100/- · active active'),
  -- A card that is closed already stays as it is.
  ('card single; hold 10; close; capture; status; events', 'authorized 10/0/10 10/- · captured 0/10/10 10/- · active closed manual · card.closed manual'),
  ('card single; hold 10; freeze; capture; status; events', 'authorized 10/0/10 10/- · captured 0/10/10 10/- · active closed captured · card.frozen manual, card.closed captured')
) AS v (steps, want);
SELECT is(pg_temp.run('card single; hold 10; capture'), 'authorized 10/0/10 10/- · captured 0/10/10 10/-', 'a card that is captured');
SELECT is(concat_ws(' ', c.old_values, c.new_values, c.principal), '{"status": "active", "status_reason": null} {"status": "closed", "status_reason": "captured"} system', 'is recorded as closed by the system')
  FROM ledger_agents.configuration_changes AS c WHERE c.object_id = (SELECT card::text FROM world) AND c.action = 'close';
SELECT is(e.data - 'cardId' - 'agentId', '{"reason": "captured", "closedBy": "system"}', 'and told so') FROM ledger_agents.events AS e WHERE e.type = 'card.closed' AND e.data ->> 'cardId' = (SELECT card::text FROM world);

-- Intents: a full reversal gives them back; expiry and a refund do not.
CREATE FUNCTION pg_temp.intent_after(steps text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  intent uuid;
BEGIN
  PERFORM pg_temp.run('agent {"policy": {"requireIntent": true}}');
  intent := (ledger_agents.declare_intent((SELECT agent FROM world), summary => 'chairs', expected_amount => 100, ttl_minutes => 120)).id;
  PERFORM pg_temp.step(s.step) FROM regexp_split_to_table('hold 100 for 1 hour; ' || steps, '; ') AS s (step);
  RETURN format('%s %s', (ledger_agents.get_intent(intent)).status, CASE WHEN (ledger_agents.get_intent(intent)).authorization_id IS NULL THEN 'free' ELSE 'used' END);
END
$$;
SELECT is(pg_temp.intent_after(steps), want, 'an intent: ' || steps) FROM (VALUES
  ('look', 'matched used'), ('reverse 99', 'matched used'), ('reverse', 'pending free'), ('increment 10; reverse', 'pending free'), ('reverse; hold 100', 'matched used'), ('capture 40; refund', 'matched used'), ('capture 40 more; reverse', 'matched used'),
  ('at 2026-03-02 10:00', 'matched used'), ('at 2026-03-02 10:00; capture force', 'matched used'), ('at 2026-03-02 10:59; reverse', 'matched used'), ('record 100; reverse', 'matched used')) AS v (steps, want);

--
-- Events transaction.*, off unless the organization asks.
--
CREATE FUNCTION pg_temp.transactions() RETURNS text[] LANGUAGE sql AS $$
  SELECT array_agg(v.told ORDER BY v.created_at, v.told COLLATE "C") FROM (SELECT e.created_at, format('%s %s', e.type, jsonb_object_agg(f.key, CASE f.value WHEN to_jsonb(w.agent) THEN '"the agent"' WHEN to_jsonb(w.card) THEN '"the card"' WHEN to_jsonb(w.hold) THEN '"the hold"'
                                                           WHEN to_jsonb((SELECT x.id FROM ledger_agents.authorizations AS x WHERE x.increment_of = w.hold)) THEN '"the increment"' ELSE f.value END)) AS told
    FROM world AS w, ledger_agents.events AS e, jsonb_each(e.data) AS f WHERE e.organization_id = w.organization AND e.type::text LIKE 'transaction.%' GROUP BY e.id, e.type, e.created_at) AS v
$$;
CREATE FUNCTION pg_temp.told_of(steps text) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.run(steps);
  RETURN pg_temp.transactions();
END
$$;
SELECT is(pg_temp.told_of(steps), want, 'told of ' || steps) FROM (VALUES
  ('hold 100; increment 10; capture 20 more; reverse; refund; record 5', NULL),
  ('org {"transaction_events": true}; card; hold 100 at Shop; at 2026-03-02 09:01; increment 10; at 2026-03-02 09:02; capture 20 more; at 2026-03-02 09:03; reverse 50; at 2026-03-02 09:04; capture; at 2026-03-02 09:05; refund 15', ARRAY[
    'transaction.authorized {"amount": 100, "cardId": "the card", "status": "pending", "userId": "acme", "agentId": "the agent", "currency": "USD", "merchantName": "Shop", "transactionId": "the hold", "attestationStatus": "unattested"}',
    'transaction.authorized {"amount": 10, "cardId": "the card", "status": "pending", "userId": "acme", "agentId": "the agent", "currency": "USD", "incrementOf": "the hold", "merchantName": "Shop", "transactionId": "the increment", "attestationStatus": "unattested"}',
    'transaction.completed {"amount": 20, "cardId": "the card", "status": "completed", "userId": "acme", "agentId": "the agent", "currency": "USD", "postedAt": 1772442120000, "merchantName": "Shop", "transactionId": "the hold", "authorizedAmount": 110}',
    'transaction.reversed {"cardId": "the card", "status": "reversed", "userId": "acme", "agentId": "the agent", "transactionId": "the hold", "originalAmount": 110, "reversedAmount": 50}',
    'transaction.completed {"amount": 40, "cardId": "the card", "status": "completed", "userId": "acme", "agentId": "the agent", "currency": "USD", "postedAt": 1772442240000, "merchantName": "Shop", "transactionId": "the hold", "authorizedAmount": 110}',
    'transaction.refunded {"cardId": "the card", "status": "refunded", "userId": "acme", "agentId": "the agent", "transactionId": "the hold", "originalAmount": 110, "refundedAmount": 15}']),
  ('org {"transaction_events": true}; agent {"spending_limit": 100}; hold 60 for 1 hour; at 2026-03-02 09:01; increment 41; at 2026-03-02 10:00; capture 70 force', ARRAY[
    'transaction.authorized {"amount": 60, "status": "pending", "userId": "acme", "agentId": "the agent", "currency": "USD", "transactionId": "the hold", "attestationStatus": "unattested"}',
    'transaction.declined {"amount": 41, "status": "declined", "userId": "acme", "agentId": "the agent", "currency": "USD", "incrementOf": "the hold", "transactionId": "the increment", "declinedReason": "agent_limit_exceeded"}',
    'transaction.completed {"amount": 70, "status": "completed", "userId": "acme", "agentId": "the agent", "currency": "USD", "postedAt": 1772445600000, "overageAmount": 70, "transactionId": "the hold", "authorizedAmount": 60}',
    'transaction.expired {"amount": 60, "userId": "acme", "agentId": "the agent", "expiredAt": 1772445600000, "transactionId": "the hold"}']),
  ('org {"transaction_events": true}; hold 1 in EUR key k; hold 1 in EUR key k; capture key j; capture key j; reverse 5', ARRAY[
    'transaction.authorized {"amount": 1, "status": "pending", "userId": "acme", "agentId": "the agent", "currency": "EUR", "transactionId": "the hold", "attestationStatus": "unattested"}',
    'transaction.completed {"amount": 1, "status": "completed", "userId": "acme", "agentId": "the agent", "currency": "EUR", "postedAt": 1772442000000, "transactionId": "the hold", "authorizedAmount": 1}']),
  ('org {"transaction_events": true}; record 60 at Shop', ARRAY[
    'transaction.completed {"amount": 60, "status": "completed", "userId": "acme", "agentId": "the agent", "currency": "USD", "postedAt": 1772442000000, "merchantName": "Shop", "transactionId": "the hold"}'])
) AS v (steps, want);

--
-- The range of amounts.
--
SELECT pg_temp.case(steps, want) FROM (VALUES
  ('hold 9223372036854775807; increment 1; capture; refund 9223372036854775806; refund', 'authorized 9223372036854775807/0/9223372036854775807 9223372036854775807/- · 22003 amount_overflow · captured 0/9223372036854775807/9223372036854775807 9223372036854775807/-
    · captured 0/9223372036854775807/1 1/- · refunded 0/9223372036854775807/0 0/-'),
  ('org {"capture_tolerance_percent": 100}; hold 9223372036854775807; capture', 'authorized 9223372036854775807/0/9223372036854775807 9223372036854775807/- · captured 0/9223372036854775807/9223372036854775807 9223372036854775807/-'),
  ('org {"capture_tolerance_percent": 100}; hold 4611686018427387904; capture 9223372036854775807', 'authorized 4611686018427387904/0/4611686018427387904 4611686018427387904/- · captured 0/9223372036854775807/9223372036854775807 9223372036854775807/-'),
  ('hold 5; name a; hold 9223372036854775802; with a; capture 6 force; increment 1; reverse 9223372036854775807; capture', 'authorized 5/0/5 5/- · authorized 9223372036854775802/0/9223372036854775802 9223372036854775807/- · 22003 amount_overflow · 22003 amount_overflow · 22023 amount_too_large
    · captured 0/5/5 9223372036854775807/-'),
  ('hold 5; capture 1 more; capture 9223372036854775807 force; look', 'authorized 5/0/5 5/- · partially_captured 4/1/5 5/- · 22003 amount_overflow · partially_captured 4/1/5 5/-'),
  -- Also where no counter adds up.
  ('hold 9223372036854775807 in JPY; increment 1; look; capture 1 more; capture force; look', 'authorized 9223372036854775807/0/9223372036854775807 0/- · 22003 amount_overflow · authorized 9223372036854775807/0/9223372036854775807 0/- · partially_captured 9223372036854775806/1/9223372036854775807 0/-
    · captured 0/9223372036854775807/9223372036854775807 0/- · captured 0/9223372036854775807/9223372036854775807 0/-'),
  ('hold 9223372036854775807 in JPY; reverse 9223372036854775806; increment 1; look', 'authorized 9223372036854775807/0/9223372036854775807 0/- · authorized 1/0/1 0/- · 22003 amount_overflow · authorized 1/0/1 0/-'),
  ('record 9223372036854775807; record 1; refund; record 1', 'captured 0/9223372036854775807/9223372036854775807 9223372036854775807/- · 22003 amount_overflow · refunded 0/9223372036854775807/0 0/- · captured 0/1/1 1/-'),
  ('hold 5; capture 9223372036854775807; refund 9223372036854775807', 'authorized 5/0/5 5/- · 22023 amount_too_large · 55000 invalid_state')
) AS v (steps, want);
SELECT is(pg_temp.verb(step), want, step) FROM (VALUES ('record 0', '22023 invalid_amount'), ('record -1', '22023 invalid_amount'), ('record', '22004 null_value')) AS v (step, want);

--
-- What must not be.
--
SELECT is(pg_temp.run('hold 100; capture 10 more'), 'authorized 100/0/100 100/- · partially_captured 90/10/100 100/-', 'something to take');
SELECT token AS secret FROM ledger_agents.create_agent_token((SELECT agent FROM world), 't') \gset
CREATE TEMP TABLE before AS SELECT pg_temp.books() AS books;
-- What a statement meets in another role, as the agent, or in a transaction that only reads.
CREATE FUNCTION pg_temp.refused(statement text, secret text, role text, reads boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  PERFORM ledger_agents.authenticate(secret) WHERE secret IS NOT NULL;
  PERFORM set_config('role', coalesce(role, 'none'), true);
  IF reads THEN
    SET LOCAL transaction_read_only = on;
  END IF;
  EXECUTE statement;
  RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = 'it was done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
  RETURN concat_ws(' ', SQLSTATE, nullif(name, ''));
END
$$;
CREATE ROLE life_auditor;
CREATE ROLE life_api;
CREATE ROLE life_operator;
SELECT ledger_agents.grant_access('life_auditor', 'auditor'), ledger_agents.grant_access('life_api', 'api'), ledger_agents.grant_access('life_operator', 'operator') \g /dev/null
SELECT is(pg_temp.refused(format(v.statement, CASE WHEN v.statement ~ 'record' THEN w.agent ELSE w.hold END), s.secret, s.role, s.reads), s.want, format('%s: %s', s.who, v.statement))
  FROM world AS w, (VALUES ('SELECT ledger_agents.capture(%L, 1)'), ('SELECT ledger_agents.increment(%L, 1)'), ('SELECT ledger_agents.reverse(%L, 1)'), ('SELECT ledger_agents.refund(%L, 1)'), ('SELECT ledger_agents.record_spend(%L, 1)')) AS v (statement),
       (VALUES ('an agent', :'secret', NULL, false, '42501 not_allowed'), ('an agent in the role of an application', :'secret', 'life_api', false, '42501 not_allowed'), ('an application', NULL, 'life_api', false, '42501 not_authenticated'),
               ('an auditor', NULL, 'life_auditor', false, '42501'), ('who only reads', NULL, NULL, true, '25006'), ('an operator', NULL, 'life_operator', false, 'done')) AS s (who, secret, role, reads, want)
 WHERE s.want <> 'done';
SELECT is(pg_temp.refused(format('SELECT ledger_agents.%s(%L, 1)', v.verb, CASE v.verb WHEN 'record_spend' THEN w.agent ELSE w.hold END), NULL, 'life_operator', false), CASE v.verb WHEN 'increment' THEN '55000 invalid_state' ELSE 'ZZ000' END, 'an operator may ' || v.verb)
  FROM world AS w, unnest('{capture,increment,reverse,refund,record_spend}'::text[]) AS v (verb);
SELECT is(pg_temp.refused('SELECT count(*) FROM ledger_agents.authorization_entries', NULL, 'life_auditor', false), 'ZZ000', 'an auditor reads the entries');
SELECT is(pg_temp.books(), b.books, 'and nothing was moved by anybody') FROM before AS b;
SELECT is(pg_temp.refused(statement, NULL, NULL, false), '55000 append_only', statement) FROM unnest(ARRAY['UPDATE ledger_agents.authorization_entries SET amount = amount + 1', 'DELETE FROM ledger_agents.authorization_entries',
  'TRUNCATE ledger_agents.authorization_entries']) AS v (statement);

-- An increment is explained as one: kill switches and limits, the limit of single authorizations on the new total.
SELECT id AS explained FROM ledger_agents.register_agent('explained', 'c') \gset
SELECT id AS explained_card FROM ledger_agents.create_card(:'explained', policy => '{"maxAuthCount": 1, "limits": {"perAuth": 100}, "allowedMccs": ["5411"], "cooldownMinutes": 5}') \gset
SELECT id AS explained_hold FROM ledger_agents.authorize(:'explained', 60, card_id => :'explained_card', mcc => '5411') \gset
SELECT id AS explained_too_much, reason FROM ledger_agents.increment(:'explained_hold', 50) \gset
SELECT id AS explained_enough, decision FROM ledger_agents.increment(:'explained_hold', 40) \gset
SELECT is(string_agg(rule || ' ' || (actual ->> 'spent') || ' ' || passed, ', '), 'perAuth 60 false', 'what refused an increment, and nothing that is not asked of it')
  FROM ledger_agents.explain_authorization(:'explained_too_much') WHERE NOT passed OR rule IN ('maxAuthCount', 'allowedMccs', 'cooldownMinutes', 'single');
SELECT ok(bool_and(passed), 'one that was approved passes') FROM ledger_agents.explain_authorization(:'explained_enough');

RESET ledger_agents.organization;
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'after all of this the books are right');
SELECT * FROM finish();
ROLLBACK;
