-- Is every answer right, complete, given once, and the same whoever gives it?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL ledger_agents.clock = '2026-03-18 12:00Z';

CREATE FUNCTION pg_temp.clock(at timestamptz) RETURNS void LANGUAGE sql AS $$
  SELECT set_config('ledger_agents.clock', at::text, true)
$$;
CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT current_setting('ledger_agents.clock')::timestamptz $$;

-- SQLSTATE, stable name and field of the error that a statement raises; null if it raises none.
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  name text;
  field text;
BEGIN
  EXECUTE statement;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME, field = COLUMN_NAME;
  RETURN concat_ws(' ', SQLSTATE, name, nullif(field, ''));
END
$$;
CREATE FUNCTION pg_temp.stored() RETURNS bigint[] LANGUAGE sql AS $$
  SELECT ARRAY[(SELECT count(*) FROM ledger_agents.authorizations), (SELECT count(*) FROM ledger_agents.authorization_entries),
               (SELECT count(*) FROM ledger_agents.events), (SELECT count(*) FROM ledger_agents.configuration_changes),
               (SELECT sum(version) FROM ledger_agents.counters), (SELECT count(*) FROM ledger_agents.agents WHERE status = 'active')]
$$;

--
-- The reasons, for every combination of what can be wrong. Limits at all scopes are 1000 or 5, the request is 10.
--
CREATE FUNCTION pg_temp.reasons(organization_status text, customer_status text, agent_status text, currency text, at_agent bigint, at_customer bigint, at_organization bigint,
                                OUT have jsonb, OUT want jsonb) LANGUAGE plpgsql AS $$
DECLARE
  agent uuid;
  a ledger_agents.authorization_detail;
  switch text;
  failed text[];
  room bigint;
BEGIN
  PERFORM ledger_agents.update_organization('{"status": "active", "spending_limit": null}');
  PERFORM ledger_agents.update_customer('acme', '{"status": "active", "spending_limit": null}');
  -- "mixed": the agent's limit is in euros, the wider ones in dollars, and so is the request.
  agent := (ledger_agents.register_agent(gen_random_uuid()::text, 'acme', spending_limit => at_agent, currency => CASE currency WHEN 'mixed' THEN 'EUR' END)).id;
  PERFORM ledger_agents.update_customer('acme', jsonb_build_object('status', customer_status, 'spending_limit', at_customer));
  PERFORM ledger_agents.update_organization(jsonb_build_object('status', organization_status, 'spending_limit', at_organization));
  IF agent_status = 'deregistered' THEN
    PERFORM ledger_agents.deregister_agent(agent);
  ELSE
    PERFORM ledger_agents.update_agent(agent, jsonb_build_object('status', agent_status));
  END IF;
  switch := CASE WHEN organization_status = 'suspended' THEN 'organization_suspended' WHEN customer_status = 'suspended' THEN 'customer_suspended'
                 WHEN agent_status <> 'active' THEN 'agent_' || agent_status END;
  failed := array_remove(ARRAY[CASE WHEN currency <> 'same' THEN 'currency_mismatch' END,
    CASE WHEN currency = 'same' AND at_agent < 10 THEN 'agent_limit_exceeded' END,
    CASE WHEN currency <> 'other' AND at_customer < 10 THEN 'customer_limit_exceeded' END,
    CASE WHEN currency <> 'other' AND at_organization < 10 THEN 'organization_limit_exceeded' END], NULL);
  room := least(at_agent, at_customer, at_organization);
  want := CASE WHEN switch IS NOT NULL THEN jsonb_build_array('declined', switch, ARRAY[switch], NULL, ARRAY[]::text[])
               WHEN failed = '{}' THEN jsonb_build_array('approved', NULL, NULL, room, NULL)
               ELSE jsonb_build_array('declined', failed[1], failed, CASE WHEN currency = 'same' THEN room END,
                      array_remove(ARRAY[CASE WHEN currency <> 'same' THEN 'agent currency' WHEN at_agent < 10 THEN 'agent spendingLimit' END,
                                         CASE WHEN currency = 'other' THEN 'customer currency' WHEN at_customer < 10 THEN 'customer spendingLimit' END,
                                         CASE WHEN currency = 'other' THEN 'organization currency' WHEN at_organization < 10 THEN 'organization spendingLimit' END], NULL)) END;
  a := ledger_agents.authorize(agent, 10, CASE currency WHEN 'other' THEN 'JPY' ELSE 'USD' END);
  have := jsonb_build_array(a.decision, a.reason, a.reasons, a.max_approvable,
    (SELECT CASE WHEN a.failed_limits IS NOT NULL THEN coalesce(jsonb_agg(f ->> 'scope' || ' ' || (f ->> 'rule') ORDER BY n), '[]') END
       FROM jsonb_array_elements(a.failed_limits) WITH ORDINALITY AS e (f, n)));
  PERFORM ledger_agents.reverse(a.id) WHERE a.decision = 'approved';
END
$$;
SELECT is(r.have, r.want, format('organization %s, customer %s, agent %s, %s currency, limits %s %s %s', o, c, s, m, a, b, d))
  FROM unnest('{active,suspended}'::text[]) AS o, unnest('{active,suspended}'::text[]) AS c, unnest('{active,suspended,deregistered}'::text[]) AS s,
       unnest('{same,other,mixed}'::text[]) AS m, unnest('{1000,5}'::bigint[]) AS a, unnest('{999,6}'::bigint[]) AS b, unnest('{998,7}'::bigint[]) AS d,
       LATERAL pg_temp.reasons(o, c, s, m, a, b, d) AS r;
SELECT results_eq($$SELECT count(*), bool_and(failed_limits = failed_limits::text::jsonb) FROM ledger_agents.authorizations WHERE failed_limits <> '[]'$$,
  'VALUES (23::bigint, true)', 'what is told of limits is kept as jsonb keeps it');
SELECT is(concat_ws(' ', o.status, o.spending_limit), 'active', 'and back to normal') FROM ledger_agents.update_organization('{"status": "active", "spending_limit": null}') AS o;

--
-- Random states, random requests. evaluate() says what authorize() then does; exactly max_approvable passes; at retry_at, and not before, it passes.
--
CREATE FUNCTION pg_temp.any_of(VARIADIC anyarray) RETURNS anyelement LANGUAGE sql AS $$ SELECT $1[1 + floor(random() * array_length($1, 1))::int] $$;
CREATE FUNCTION pg_temp.random_limit() RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('spending_limit', CASE WHEN random() < 0.75 THEN floor(random() * 1500)::int END,
                            'spending_limit_frequency', pg_temp.any_of(VARIADIC enum_range(NULL::ledger_agents.spending_frequency)),
                            'window_mode', pg_temp.any_of(NULL::text, 'calendar', 'rolling'))
$$;
CREATE FUNCTION pg_temp.random_state(n int, OUT organization text, OUT agent uuid) LANGUAGE plpgsql AS $$
DECLARE
  agents uuid[];
  done uuid;
  holds uuid[] := '{}';
BEGIN
  organization := 'random ' || n;
  PERFORM pg_temp.clock('2024-01-01 00:00Z');
  PERFORM ledger_agents.create_organization(organization, timezone => pg_temp.any_of('UTC'::text, 'America/New_York', 'Asia/Kolkata', 'America/Havana'));
  PERFORM set_config('ledger_agents.organization', organization, true);
  agents := ARRAY[(ledger_agents.register_agent('a', 'c')).id, (ledger_agents.register_agent('b', 'c')).id, (ledger_agents.register_agent('c', 'd')).id];
  FOR i IN 1..20 LOOP
    PERFORM pg_temp.clock('2026-03-18 12:00Z'::timestamptz - interval '1 second' * floor(exp((20 - i) * 0.85 + random() * 0.8)));
    done := (ledger_agents.authorize(pg_temp.any_of(VARIADIC agents), (1 + random() * 200)::bigint,
               hold_for => CASE WHEN random() < 0.4 THEN interval '1 second' * floor(exp(random() * 15)) END)).id;
    holds := holds || done;
    IF random() < 0.2 THEN
      BEGIN
        PERFORM ledger_agents.reverse(pg_temp.any_of(VARIADIC holds), CASE WHEN random() < 0.5 THEN 1 END);
      EXCEPTION WHEN object_not_in_prerequisite_state THEN
        NULL;
      END;
    END IF;
  END LOOP;
  agent := agents[1];
  PERFORM pg_temp.clock('2026-03-18 12:00Z');
  PERFORM ledger_agents.update_agent(agent, pg_temp.random_limit() || jsonb_build_object('on_limit_exceeded', pg_temp.any_of('decline'::text, 'decline', 'suspend', 'notify', 'none')));
  PERFORM ledger_agents.update_customer('c', pg_temp.random_limit());
  PERFORM ledger_agents.update_organization(pg_temp.random_limit());
END
$$;
-- Everything that is not the stored row's own.
CREATE FUNCTION pg_temp.verdict(a ledger_agents.authorization_detail) RETURNS jsonb LANGUAGE sql AS $$
  SELECT to_jsonb(a) - '{id,sequence,idempotency_key,replayed,cursor}'::text[]
$$;
CREATE FUNCTION pg_temp.properties(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  s record := pg_temp.random_state(n);
  amount bigint;
  wrong text[] := '{}';
  e ledger_agents.authorization_detail;
  a ledger_agents.authorization_detail;
  other ledger_agents.authorization_detail;
BEGIN
  FOR i IN 1..4 LOOP
    amount := (1 + random() * 700)::bigint;
    e := ledger_agents.evaluate(s.agent, amount, 'usd', 'Shop', '5411', 'us', metadata => '{"a": 1}');
    IF e.max_approvable IS NULL AND e.reason IS DISTINCT FROM 'agent_suspended' THEN
      other := ledger_agents.evaluate(s.agent, 1);
      wrong := wrong || CASE WHEN other.decision = 'approved' THEN '1 passes, max_approvable is null' END;
    ELSIF e.max_approvable IS NOT NULL THEN
      other := ledger_agents.evaluate(s.agent, e.max_approvable);
      wrong := wrong || CASE WHEN other.decision <> 'approved' THEN 'max_approvable is too large' END;
      IF e.max_approvable < 9000000000000000000 THEN
        other := ledger_agents.evaluate(s.agent, e.max_approvable + 1);
        wrong := wrong || CASE WHEN other.decision = 'approved' THEN 'max_approvable is too small' END;
      END IF;
    END IF;
    IF e.retry_at IS NOT NULL THEN
      other := ledger_agents.evaluate(s.agent, amount, as_of => e.retry_at);
      wrong := wrong || CASE WHEN other.decision <> 'approved' THEN 'declined at retry_at' END;
      other := ledger_agents.evaluate(s.agent, amount, as_of => e.retry_at - interval '1 us');
      wrong := wrong || CASE WHEN other.decision = 'approved' THEN 'approved before retry_at' END;
    ELSIF e.decision = 'declined' THEN
      other := ledger_agents.evaluate(s.agent, amount, as_of => '2100-01-01');
      wrong := wrong || CASE WHEN other.decision = 'approved' THEN 'retry_at is null, and some day it passes' END;
    END IF;
    a := ledger_agents.authorize(s.agent, amount, 'usd', 'Shop', '5411', 'us', metadata => '{"a": 1}');
    wrong := wrong || CASE WHEN pg_temp.verdict(a) <> pg_temp.verdict(e) THEN format('evaluate %s, authorize %s', pg_temp.verdict(e), pg_temp.verdict(a)) END;
    wrong := wrong || CASE WHEN pg_temp.verdict(ledger_agents.get_authorization(a.id)) <> pg_temp.verdict(a) THEN 'stored is another answer' END;
    wrong := wrong || CASE WHEN a.decision = 'approved' AND (a.remaining IS NULL) <> (NOT EXISTS (
      SELECT FROM ledger_agents.agents AS g, ledger_agents.customers AS c, ledger_agents.organizations AS o
       WHERE g.id = s.agent AND c.organization_id = g.organization_id AND c.id = g.customer_id AND o.id = g.organization_id
         AND num_nonnulls(g.spending_limit, c.spending_limit, o.spending_limit) > 0)) THEN 'remaining without a limit, or none with one' END;
    PERFORM pg_temp.clock(pg_temp.now() + interval '1 second' * floor(exp(random() * 13)));
  END LOOP;
  RETURN array_to_string(array_remove(wrong, NULL), '; ');
END
$$;
-- The seed is shown only when something fails.
SELECT (random() * 1e9)::int AS seed \gset
SELECT setseed(:seed / 1e9) \g /dev/null
SELECT is(string_agg(format('seed %s, state %s: %s', :seed, n, p), E'\n') FILTER (WHERE p <> ''), NULL, '400 random states, 1600 random requests')
  FROM generate_series(1, 400) AS n, LATERAL pg_temp.properties(n) AS p;
SET LOCAL ledger_agents.organization = 'default';
SET LOCAL ledger_agents.clock = '2026-03-18 12:00Z';

-- What nobody limits may go to the end of bigint, in every currency.
CREATE FUNCTION pg_temp.most(spent text, asked text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  agent uuid := (ledger_agents.register_agent(gen_random_uuid()::text, 'unlimited')).id;
BEGIN
  PERFORM ledger_agents.authorize(agent, 100, spent);
  RETURN (ledger_agents.evaluate(agent, 1, asked)).max_approvable;
END
$$;
SELECT is(pg_temp.most('USD', 'USD'), 9223372036854775707, 'sums stay in the range of bigint');
SELECT is(pg_temp.most('USD', 'EUR'), 9223372036854775807, 'another currency is another sum');

--
-- Keys: the same request again is the same row; another request is refused and told apart.
--
CREATE TEMP TABLE agent AS SELECT id FROM ledger_agents.register_agent('keys', 'keys', spending_limit => 1000);
CREATE TEMP TABLE original AS
SELECT k.key, a.* FROM agent, (VALUES ('approved', 100::bigint), ('declined', 5000)) AS k (key, amount),
  LATERAL ledger_agents.authorize(agent.id, k.amount, 'USD', 'DoorDash', '5812', 'US', idempotency_key => k.key, hold_for => '1 day', metadata => '{"a": 1}') AS a;
SELECT is(concat_ws(' ', decision, replayed, sequence), want, 'first answers') FROM original JOIN (VALUES ('approved', 'approved f 1'), ('declined', 'declined f 2')) AS v (key, want) USING (key);

CREATE FUNCTION pg_temp.replay(original_key text, arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before bigint[] := pg_temp.stored();
  a ledger_agents.authorization_detail;
  o jsonb;
  message text;
BEGIN
  SELECT to_jsonb(original) - 'key' || '{"replayed": true}' INTO o FROM original WHERE key = original_key;
  BEGIN
    EXECUTE format('SELECT * FROM ledger_agents.authorize((SELECT id FROM agent), idempotency_key => %L, %s)', original_key, arguments) INTO a;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || message || CASE WHEN before <> pg_temp.stored() THEN ' but something was stored' ELSE '' END;
  END;
  RETURN CASE WHEN to_jsonb(a) <> o THEN format('%s instead of %s', to_jsonb(a), o) WHEN before <> pg_temp.stored() THEN 'something was stored' ELSE 'the same row' END;
END
$$;
CREATE TEMP TABLE again (arguments text, differing text);
INSERT INTO again VALUES
  ($$amount => %s, currency => 'USD', merchant => 'DoorDash', mcc => '5812', country => 'US', hold_for => '1 day'$$, NULL),
  ($$amount => %s, merchant => 'DoorDash', mcc => '5812', country => 'us', hold_for => '24 hours', metadata => '{"b": 2}'$$, NULL),
  ($$amount => %s, currency => 'usd', merchant => 'DoorDash', mcc => '5812', country => 'US', hold_for => '1440 min', metadata => NULL$$, NULL),
  ($$amount => %s + 1, currency => 'USD', merchant => 'DoorDash', mcc => '5812', country => 'US', hold_for => '1 day'$$, 'amount'),
  ($$amount => %s, currency => 'EUR', merchant => 'DoorDash', mcc => '5812', country => 'US', hold_for => '1 day'$$, 'currency'),
  ($$amount => %s, merchant => 'Uber', mcc => '5812', country => 'US', hold_for => '1 day'$$, 'merchant'),
  ($$amount => %s, mcc => '5812', country => 'US', hold_for => '1 day'$$, 'merchant'),
  ($$amount => %s, merchant => 'DoorDash', mcc => '5813', country => 'US', hold_for => '1 day'$$, 'mcc'),
  ($$amount => %s, merchant => 'DoorDash', mcc => '5812', country => 'CA', hold_for => '1 day'$$, 'country'),
  ($$amount => %s, merchant => 'DoorDash', mcc => '5812', country => 'US', hold_for => '25 hours'$$, 'hold_for'),
  ($$amount => %s, merchant => 'DoorDash', mcc => '5812', country => 'US'$$, 'hold_for'),
  ($$amount => %s + 1, currency => 'EUR'$$, 'amount, currency, merchant, mcc, country, hold_for');
CREATE FUNCTION pg_temp.replays(state text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT is(pg_temp.replay(o.key, format(a.arguments, o.amount)), coalesce('22023 idempotency_key_reused: These fields differ: ' || a.differing || '.', 'the same row'),
            format('%s, %s: %s', state, o.key, a.arguments))
    FROM original AS o, again AS a
$$;
SELECT pg_temp.replays('at once');
SELECT is(status::text, 'suspended', 'suspended, and another limit')
  FROM agent AS a, ledger_agents.update_agent(a.id, '{"spending_limit": 1, "spending_limit_frequency": "perTransaction", "status": "suspended"}');
SELECT pg_temp.replays('suspended');
SELECT is(status::text, 'deregistered', 'retired') FROM agent AS a, ledger_agents.deregister_agent(a.id);
SELECT pg_temp.replays('retired');
SET LOCAL ledger_agents.clock = '2026-03-19 12:00Z';
UPDATE original SET status = 'expired', held_amount = 0, counted_amount = 0 WHERE decision = 'approved';
SELECT pg_temp.replays('a day later, the hold has expired');
SET LOCAL ledger_agents.clock = '2026-03-18 12:00Z';
SELECT is(concat_ws(' ', a.decision, a.replayed, b.replayed), 'approved f f', 'a key is its agent''s own; null is no key')
  FROM ledger_agents.register_agent('keys 2', 'keys') AS r, LATERAL ledger_agents.authorize(r.id, 7, idempotency_key => 'approved') AS a, LATERAL ledger_agents.authorize(r.id, 7) AS b;

--
-- authorize_or_raise: a decline is an error and leaves nothing, also a decline that was answered before.
--
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.authorize_or_raise(%L, %s)', r.id, arguments)), want, format('authorize_or_raise %s', arguments))
  FROM ledger_agents.register_agent('raise', 'keys', spending_limit => 100, on_limit_exceeded => 'suspend') AS r,
       (VALUES ('101', '55000 authorization_declined'), ($$1, 'EUR'$$, '55000 authorization_declined'), ('0', '22023 invalid_amount amount'), ('100', NULL), ('1', '55000 authorization_declined')) AS v (arguments, want);
SELECT is(concat_ws(' ', status, current_spend), 'active 100', 'no suspension stays') FROM ledger_agents.get_agent(external_id => 'raise');
SELECT is((SELECT array_agg(sequence) FROM ledger_agents.authorizations AS x JOIN ledger_agents.agents AS a ON a.id = x.agent_id WHERE a.external_id = 'raise'), '{1}', 'no row and no number');
SELECT is((SELECT count(*) FROM ledger_agents.events AS e JOIN ledger_agents.agents AS a ON a.id = e.agent_id WHERE a.external_id = 'raise' AND type IN ('agent.suspended', 'agent.limit_exceeded')),
          0::bigint, 'no event');
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.authorize_or_raise(%L, 1000, idempotency_key => %L)', a.agent_id, 'no')), '55000 authorization_declined',
          'the stored decline of a key is a decline')
  FROM ledger_agents.register_agent('raise again', 'keys', spending_limit => 100) AS r, LATERAL ledger_agents.authorize(r.id, 1000, idempotency_key => 'no') AS a;
SELECT is(concat_ws(' ', b.decision, b.replayed), 'approved t', 'the stored approval of a key is one')
  FROM ledger_agents.register_agent('raise approved', 'keys') AS r, LATERAL ledger_agents.authorize(r.id, 1000, idempotency_key => 'yes') AS a,
       LATERAL ledger_agents.authorize_or_raise(a.agent_id, 1000, idempotency_key => 'yes') AS b;

--
-- What a subtransaction decided goes with it: money, number, key, suspension, event.
--
CREATE FUNCTION pg_temp.undone(amount bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  agent uuid := (ledger_agents.register_agent(gen_random_uuid()::text, 'keys', spending_limit => 100, on_limit_exceeded => 'suspend')).id;
  before bigint[];
  a ledger_agents.authorization_detail;
BEGIN
  PERFORM ledger_agents.authorize(agent, 10);
  before := pg_temp.stored();
  BEGIN
    PERFORM ledger_agents.authorize(agent, amount, idempotency_key => 'k');
    RAISE EXCEPTION 'undo';
  EXCEPTION WHEN raise_exception THEN
    NULL;
  END;
  IF before <> pg_temp.stored() THEN
    RETURN 'something stays';
  END IF;
  a := ledger_agents.authorize(agent, 90, idempotency_key => 'k');
  RETURN concat_ws(' ', a.decision, a.sequence, a.agent_spent, a.replayed);
END
$$;
SELECT is(pg_temp.undone(amount), 'approved 2 100 f', format('%s, rolled back', amount)) FROM unnest('{90,91}'::bigint[]) AS amount;

-- Numbers have no gaps, whatever the answer.
SELECT is(array_agg(a.sequence ORDER BY a.n), '{1,2,3,4,5,6}', 'approved and declined alike are numbered from 1')
  FROM ledger_agents.register_agent('numbers', 'keys', spending_limit => 100) AS r, LATERAL (
    SELECT n, (ledger_agents.authorize(r.id, amount)).sequence FROM (VALUES (1, 60), (2, 60), (3, 40), (4, 1), (5, 1000), (6, 2)) AS v (n, amount)) AS a;

--
-- Holds that end: (age, counts, status). The instant itself is outside.
--
CREATE FUNCTION pg_temp.hold(hold_for interval, age interval) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  agent uuid;
  a ledger_agents.authorization_detail;
BEGIN
  PERFORM pg_temp.clock('2026-03-10 12:00Z');
  agent := (ledger_agents.register_agent(gen_random_uuid()::text, 'keys', spending_limit => 100)).id;
  a := ledger_agents.authorize(agent, 100, hold_for => hold_for);
  PERFORM pg_temp.clock('2026-03-10 12:00Z'::timestamptz + age);
  RETURN concat_ws(' ', (ledger_agents.get_authorization(a.id)).status, (ledger_agents.list_authorizations(agent)).status, (ledger_agents.get_agent(agent)).current_spend,
                   (ledger_agents.evaluate(agent, 1)).decision, (ledger_agents.authorize(agent, 100)).decision,
                   pg_temp.error_of(format('SELECT ledger_agents.reverse(%L)', a.id)));
END
$$;
SELECT is(pg_temp.hold(hold_for, age), CASE WHEN expired THEN 'expired expired 0 approved approved 55000 invalid_state authorization_id' ELSE 'authorized authorized 100 declined declined' END,
          format('held for %s, after %s', hold_for, age))
  FROM (VALUES ('2 h'::interval, '0'::interval, false), ('2 h', '1:59:59.999999', false), ('2 h', '2 h', true), ('2 h', '10 days', true), ('1 us', '0', false), ('1 us', '1 us', true),
               (NULL, '20 days', false), ('1 day', '23:59:59.999999', false), ('1 day', '24 h', true), ('1 mon', '20 days', false)) AS v (hold_for, age, expired);
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.authorize((SELECT id FROM agent), 1, hold_for => %L)', hold_for)), want, format('hold_for %s', hold_for))
  FROM (VALUES ('0', '22023 invalid_value hold_for'), ('-1 s', '22023 invalid_value hold_for'), ('1 day -25 h', '22023 invalid_value hold_for')) AS v (hold_for, want);

--
-- Reversals: (amounts with keys, what is said, what is left).
--
CREATE FUNCTION pg_temp.reversals(amounts bigint[], keys text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  agent uuid := (ledger_agents.register_agent(gen_random_uuid()::text, 'keys', spending_limit => 1000)).id;
  x uuid := (ledger_agents.authorize(agent, 100)).id;
  answers text[];
  a ledger_agents.authorization_detail;
  name text;
BEGIN
  FOR i IN 1..cardinality(amounts) LOOP
    BEGIN
      a := ledger_agents.reverse(x, amounts[i], keys[i]);
      answers := answers || concat_ws(' ', CASE WHEN a.replayed THEN 'again' END, a.status, a.counted_amount, a.reversed_amount);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
      answers := answers || concat_ws(' ', SQLSTATE, name);
    END;
  END LOOP;
  RETURN concat_ws(' / ', array_to_string(answers, ', '), (ledger_agents.get_agent(agent)).current_spend, (SELECT count(*) FROM ledger_agents.authorization_entries WHERE authorization_id = x));
END
$$;
SELECT is(pg_temp.reversals(amounts, keys), want, format('100 held, given back %s with keys %s', amounts, keys))
  FROM (VALUES
    ('{NULL}'::bigint[], '{NULL}'::text[], 'reversed 0 100 / 0 / 1'), ('{100}', '{NULL}', 'reversed 0 100 / 0 / 1'), ('{30}', '{NULL}', 'authorized 70 30 / 70 / 1'),
    ('{30,70}', '{NULL,NULL}', 'authorized 70 30, reversed 0 100 / 0 / 2'), ('{30,NULL}', '{NULL,NULL}', 'authorized 70 30, reversed 0 100 / 0 / 2'),
    ('{30,71}', '{NULL,NULL}', 'authorized 70 30, 22023 amount_too_large / 70 / 1'), ('{101}', '{NULL}', '22023 amount_too_large / 100 / 0'),
    ('{0}', '{NULL}', '22023 invalid_amount / 100 / 0'), ('{-1}', '{NULL}', '22023 invalid_amount / 100 / 0'), ('{9223372036854775807}', '{NULL}', '22023 amount_too_large / 100 / 0'),
    ('{100,1}', '{NULL,NULL}', 'reversed 0 100, 55000 invalid_state / 0 / 1'), ('{NULL,NULL}', '{NULL,NULL}', 'reversed 0 100, 55000 invalid_state / 0 / 1'),
    ('{30,30}', '{NULL,NULL}', 'authorized 70 30, authorized 40 60 / 40 / 2'), ('{30,30}', '{k,k}', 'authorized 70 30, again authorized 70 30 / 70 / 1'),
    ('{30,30}', '{k,l}', 'authorized 70 30, authorized 40 60 / 40 / 2'), ('{30,31}', '{k,k}', 'authorized 70 30, 22023 idempotency_key_reused / 70 / 1'),
    ('{30,NULL}', '{k,k}', 'authorized 70 30, 22023 idempotency_key_reused / 70 / 1'), ('{NULL,NULL}', '{k,k}', 'reversed 0 100, again reversed 0 100 / 0 / 1'),
    ('{100,100}', '{k,k}', 'reversed 0 100, again reversed 0 100 / 0 / 1'), ('{30,70,30}', '{k,l,k}', 'authorized 70 30, reversed 0 100, again reversed 0 100 / 0 / 2'),
    ('{1}', '{""}', '22023 invalid_length / 100 / 0'), (ARRAY[1], ARRAY[repeat('k', 256)], '22023 invalid_length / 100 / 0'), (ARRAY[1], ARRAY[repeat('k', 255)], 'authorized 99 1 / 99 / 1')
  ) AS v (amounts, keys, want);
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.reverse(%L)', a.id)), '55000 invalid_state authorization_id', 'a decline holds nothing to give back')
  FROM ledger_agents.register_agent('declined', 'keys', spending_limit => 0) AS r, LATERAL ledger_agents.authorize(r.id, 1) AS a;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.reverse(%s)', arguments)), want, format('reverse(%s)', arguments))
  FROM (VALUES ('NULL', '22004 null_value authorization_id'), ($$'00000000-0000-7000-8000-000000000000'$$, 'P0002 unknown_authorization authorization_id')) AS v (arguments, want);
SELECT is(concat_ws(' ', v.status), 'reversed', 'status and rules of agent, customer and organization do not matter')
  FROM ledger_agents.register_agent('off', 'off') AS r, LATERAL ledger_agents.authorize(r.id, 5) AS a, LATERAL ledger_agents.update_customer('off', '{"status": "suspended", "policy": {"requireIntent": true}}') AS c,
       LATERAL ledger_agents.deregister_agent(a.agent_id) AS d, LATERAL ledger_agents.reverse(a.id) AS v;

-- Given back in the window it was spent in, at every scope and in every window: one spend after the other, half and then all of it.
CREATE FUNCTION pg_temp.back(frequency text, mode text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  organization text := format('back %s %s', frequency, mode);
  agent uuid;
  x record;
  told jsonb;
  want bigint;
  wrong text := '';
BEGIN
  PERFORM pg_temp.clock('2024-01-01 00:00Z');
  PERFORM ledger_agents.create_organization(organization, spending_limit => 100000, spending_limit_frequency => frequency, window_mode => mode);
  PERFORM set_config('ledger_agents.organization', organization, true);
  agent := (ledger_agents.register_agent('a', 'c', spending_limit => 100000, spending_limit_frequency => frequency, window_mode => mode)).id;
  PERFORM ledger_agents.update_customer('c', jsonb_build_object('spending_limit', 100000, 'spending_limit_frequency', frequency, 'window_mode', mode));
  FOR i IN REVERSE 14..0 LOOP
    PERFORM pg_temp.clock('2026-03-18 12:00Z'::timestamptz - interval '1 minute' * (i * i * i * i * 20 + i * 97));
    PERFORM ledger_agents.authorize(agent, 10 + i);
  END LOOP;
  FOR x IN SELECT id, amount, part FROM ledger_agents.authorizations, (VALUES (1), (2)) AS p (part) WHERE organization_id = organization ORDER BY md5(id::text), part LOOP
    PERFORM ledger_agents.reverse(x.id, CASE x.part WHEN 1 THEN x.amount / 2 END);
    SELECT sum(counted_amount) INTO want FROM ledger_agents.authorizations,
      ledger_agents.window_of('2026-03-18 12:00Z', 'UTC', frequency::ledger_agents.spending_frequency, mode::ledger_agents.window_mode) AS w
     WHERE organization_id = organization AND CASE WHEN w.window_end = '2026-03-18 12:00Z' THEN decided_at > w.window_start ELSE decided_at >= w.window_start END;
    SELECT jsonb_agg((f ->> 'spent')::bigint) INTO told FROM jsonb_array_elements((ledger_agents.evaluate(agent, 9000000000000000000)).failed_limits) AS f;
    IF told <> jsonb_build_array(want, want, want) THEN
      wrong := wrong || format('%s instead of %s; ', told, want);
    END IF;
  END LOOP;
  RETURN wrong || coalesce((SELECT string_agg(v.detail, '; ') FROM ledger_agents.check_invariants() AS v WHERE v.organization_id = organization), '');
END
$$;
SELECT is(pg_temp.back(f::text, m::text), '', format('given back, %s %s', f, m))
  FROM unnest(enum_range(NULL::ledger_agents.spending_frequency)) AS f, unnest(enum_range(NULL::ledger_agents.window_mode)) AS m WHERE f <> 'perTransaction';
SET LOCAL ledger_agents.organization = 'default';

--
-- Reading: pages of every size have each answer once, newest first; what is decided meanwhile does not shift them.
--
CREATE TEMP TABLE reader AS SELECT id FROM ledger_agents.register_agent('reader', 'reader', spending_limit => 30);
DO $$
BEGIN
  FOR i IN 1..25 LOOP
    PERFORM pg_temp.clock('2026-03-20 12:00Z'::timestamptz + i * interval '1 us');
    PERFORM ledger_agents.authorize((SELECT id FROM reader), 3);
  END LOOP;
END
$$;
CREATE FUNCTION pg_temp.pages(size int, decision text, disturb boolean) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  seen bigint[] := '{}';
  page bigint[];
  last_seen text;
BEGIN
  LOOP
    SELECT array_agg(l.sequence), (array_agg(l.cursor))[count(*)] INTO page, last_seen
      FROM ledger_agents.list_authorizations((SELECT id FROM reader), 'reader', decision, size, last_seen) AS l;
    EXIT WHEN page IS NULL;
    seen := seen || page;
    IF disturb THEN
      PERFORM pg_temp.clock(pg_temp.now() + interval '1 us');
      PERFORM ledger_agents.authorize((SELECT id FROM reader), 3);
    END IF;
  END LOOP;
  RETURN seen;
END
$$;
SELECT is(pg_temp.pages(size, NULL, false), ARRAY(SELECT generate_series(25, 1, -1)::bigint), format('pages of %s', size)) FROM unnest('{1,4,24,25,26,100}'::int[]) AS size;
SELECT is(pg_temp.pages(size, 'approved', false), ARRAY(SELECT generate_series(10, 1, -1)::bigint), format('pages of %s, approved', size)) FROM unnest('{1,4,10}'::int[]) AS size;
SELECT is(pg_temp.pages(7, 'declined', false), ARRAY(SELECT generate_series(25, 11, -1)::bigint), 'declined');
SELECT is(pg_temp.pages(5, NULL, true), ARRAY(SELECT generate_series(25, 1, -1)::bigint), 'while others are decided');
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.list_authorizations(%s)', arguments)), want, format('list_authorizations(%s)', arguments))
  FROM (VALUES ('max_rows => 0', '22023 out_of_range max_rows'), ('max_rows => 101', '22023 out_of_range max_rows'), ($$decision => 'pending'$$, '22023 invalid_value decision'), ($$after => 'x'$$, '22023 invalid_value after')) AS v (arguments, want);
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.get_authorization(%s)', arguments)), want, format('get_authorization(%s)', arguments))
  FROM (VALUES ('NULL', '22004 null_value authorization_id'), ($$'00000000-0000-7000-8000-000000000000'$$, 'P0002 unknown_authorization authorization_id')) AS v (arguments, want);

-- How long a hold lasts depends on no session: across the days on which clocks change, and where a month is a short one.
SELECT r.created FROM ledger_agents.create_organization('reserving') AS o, LATERAL ledger_agents.register_agent('reserver', 'acme', organization_id => o.id) AS r \g /dev/null
CREATE FUNCTION pg_temp.lasts(zone text, length interval) RETURNS interval LANGUAGE plpgsql AS $$
DECLARE
  hold ledger_agents.authorization_detail;
BEGIN
  PERFORM set_config('timezone', zone, true);
  hold := ledger_agents.authorize((SELECT id FROM ledger_agents.get_agent(external_id => 'reserver', organization_id => 'reserving')), 1, hold_for => length,
                                  organization_id => 'reserving');
  PERFORM set_config('timezone', 'UTC', true);
  RETURN hold.expires_at - hold.decided_at;
END
$$;
SELECT pg_temp.clock('2026-03-08 04:30Z') \g /dev/null
SELECT is(pg_temp.lasts(zone, length), want, format('a hold for %s, in %s', length, zone))
  FROM unnest('{UTC,America/Havana,Asia/Kathmandu}'::text[]) AS zone, (VALUES (interval '7 days', interval '7 days'), ('1 mon', '30 days'), ('1 mon -29 days', '1 day')) AS v (length, want);
SELECT pg_temp.clock('2027-01-31 04:30Z') \g /dev/null
SELECT is(pg_temp.lasts('UTC', '1 mon -29 days'), interval '1 day', 'and none ends before it begins');

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
