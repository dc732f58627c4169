-- Does a batch answer as single calls in the same order would, leave the same books behind, and nothing half done?
-- Two organizations are twins: one gets single calls, the other the same requests in batches of random sizes, at the
-- same instants. It commits as it goes, as random.sql does. psql -v seed=1234 repeats what a failure names.
SELECT no_plan();
SET timezone = 'UTC';
SET client_min_messages = warning;
\if :{?seed} \else \set seed -1 \endif
SELECT CASE WHEN :seed < 0 THEN (random() * 1e9)::int ELSE :seed END AS seed \gset
SELECT setseed(:seed / 1e9) \g /dev/null

--
-- The twins
--
-- Agents, cards and intents by their numbers: the same thing in each of the two.
CREATE TEMP TABLE pair (kind text, n int, agent int, single uuid, batch uuid, PRIMARY KEY (kind, n));
CREATE TEMP TABLE answer (place bigserial, round int, single jsonb, batch jsonb);
CREATE TEMP TABLE wrong (what text);

CREATE FUNCTION pg_temp.any_of(VARIADIC anyarray) RETURNS anyelement LANGUAGE sql AS $$ SELECT $1[1 + floor(random() * array_length($1, 1))::int] $$;
CREATE FUNCTION pg_temp.maybe(chance float, value anyelement) RETURNS anyelement LANGUAGE sql AS $$ SELECT CASE WHEN random() < chance THEN value END $$;
CREATE FUNCTION pg_temp.random_limit(often float) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('spending_limit', pg_temp.maybe(often, floor(exp(6 + random() * 6))::int),
                            'spending_limit_frequency', pg_temp.any_of(VARIADIC enum_range(NULL::ledger_agents.spending_frequency)),
                            'window_mode', pg_temp.any_of(NULL::text, 'calendar', 'rolling'))
$$;
-- Half of the lives are quiet: much of them can be decided in memory.
CREATE FUNCTION pg_temp.random_policy(wild boolean) RETURNS jsonb LANGUAGE sql AS $$
  SELECT CASE WHEN NOT wild THEN jsonb_build_object('requireCard', false, 'limits', jsonb_build_object('perAuth', 300, 'perDay', 3000)) ELSE jsonb_strip_nulls(jsonb_build_object('requireCard', false,
    'limits', jsonb_build_object('perAuth', pg_temp.maybe(0.3, 400), 'perDay', pg_temp.maybe(0.2, 3000), 'perMonth', pg_temp.maybe(0.2, 9000)),
    'maxAuthCount', pg_temp.maybe(0.1, 40), 'cumulativeMax', pg_temp.maybe(0.1, 20000), 'cooldownMinutes', pg_temp.maybe(0.05, 1),
    'blockedMccs', pg_temp.maybe(0.2, '["7995"]'::jsonb), 'requireApproval', pg_temp.maybe(0.1, true), 'autoApproveBelow', pg_temp.maybe(0.1, 200),
    'lockToFirstMerchant', pg_temp.maybe(0.1, true), 'onDrift', pg_temp.maybe(0.2, pg_temp.any_of('allow'::text, 'alert', 'decline', 'freeze')),
    'attestationWindowMinutes', pg_temp.maybe(0.1, 30))) END
$$;
-- Runs a statement in each of them, with their own ids; the first result is kept as a pair.
CREATE FUNCTION pg_temp.in_both(statement text, kind text DEFAULT NULL, number int DEFAULT NULL, agent int DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  ids uuid[];
  tenant text;
BEGIN
  FOREACH tenant IN ARRAY '{single,batch}'::text[] LOOP
    PERFORM set_config('ledger_agents.organization', tenant, false);
    EXECUTE format('SELECT %L::uuid[] || (%s)', ids,
      replace(statement, ':agent', quote_nullable((SELECT to_jsonb(p) ->> tenant FROM pair AS p WHERE p.kind = 'agent' AND p.n = in_both.agent)) || '::uuid')) INTO ids;
  END LOOP;
  IF kind IS NOT NULL THEN
    INSERT INTO pair VALUES (kind, number, agent, ids[1], ids[2]);
  END IF;
END
$$;
CREATE FUNCTION pg_temp.id_of(tenant text, kind text, number int) RETURNS uuid LANGUAGE sql AS $$
  SELECT (to_jsonb(p) ->> $1)::uuid FROM pair AS p WHERE p.kind = $2 AND p.n = $3
$$;
-- What must be the same in both.
CREATE FUNCTION pg_temp.shown(stored jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT stored - '{organization_id,id,agent_id,card_id,intent_id,linked_intent_id,cursor}'::text[]
         || jsonb_build_object('card', stored ->> 'card_id' IS NOT NULL, 'intent', stored ->> 'intent_id' IS NOT NULL, 'linked', stored ->> 'linked_intent_id' IS NOT NULL)
$$;

CREATE FUNCTION pg_temp.begin_anew(life int, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('session_replication_role', 'replica', true);
  EXECUTE (SELECT 'TRUNCATE pair, ' || string_agg(oid::regclass::text, ', ') FROM pg_class WHERE relnamespace = 'ledger_agents'::regnamespace AND relkind = 'r');
  PERFORM set_config('session_replication_role', 'origin', true), set_config('ledger_agents.clock', at::text, false);
  FOR twin IN 1..2 LOOP
    PERFORM ledger_agents.create_organization((ARRAY['single', 'batch'])[twin], timezone => 'Europe/Berlin', transaction_events => life % 4 = 0);
  END LOOP;
  FOR n IN 1..6 LOOP
    PERFORM pg_temp.in_both(format('SELECT id FROM ledger_agents.register_agent(%L, %L, policy => %L)', 'agent ' || n, 'customer ' || n % 3, pg_temp.random_policy(life % 2 = 0)), 'agent', n);
    PERFORM pg_temp.in_both(format('SELECT (ledger_agents.update_agent(:agent, %L)).id', pg_temp.random_limit(0.7) || jsonb_build_object('on_limit_exceeded', pg_temp.any_of('decline'::text, 'suspend', 'notify', 'none'))), agent => n);
  END LOOP;
  FOR n IN 1..6 LOOP
    PERFORM pg_temp.in_both(format('SELECT (ledger_agents.create_card(:agent, type => %L, spending_limit => %s, policy => %L)).id', pg_temp.any_of('single'::text, 'multi'), pg_temp.any_of('900'::text, 'NULL'), pg_temp.random_policy(life % 2 = 0)), 'card', n, 1 + n % 4);
  END LOOP;
END
$$;

-- Something that happens between the calls.
CREATE FUNCTION pg_temp.change(n int, wild boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  agent int := 1 + floor(random() * 6);
  dice float := random();
BEGIN
  IF dice < 0.3 THEN
    PERFORM pg_temp.in_both(format('SELECT (ledger_agents.update_agent(:agent, %L)).id', pg_temp.random_limit(0.8) || jsonb_build_object('status', 'active', 'on_limit_exceeded', pg_temp.any_of('decline'::text, 'suspend', 'notify', 'none'))), agent => agent);
  ELSIF dice < 0.4 THEN
    PERFORM pg_temp.in_both(format('SELECT NULL::uuid FROM ledger_agents.update_customer(%L, %L)', 'customer ' || agent % 3, pg_temp.random_limit(0.5)));
  ELSIF dice < 0.5 THEN
    PERFORM pg_temp.in_both(format('SELECT NULL::uuid FROM ledger_agents.update_organization(%L)', pg_temp.random_limit(0.3) || jsonb_build_object('status', CASE WHEN random() < 0.1 THEN 'suspended' ELSE 'active' END)));
  ELSIF dice < 0.6 THEN
    PERFORM pg_temp.in_both('SELECT NULL::uuid FROM ledger_agents.update_organization(''{"status": "active"}'')');
  ELSIF dice < 0.7 AND wild THEN
    -- Intents of one instant have no order: the oldest would be either of two.
    IF NOT EXISTS (SELECT FROM ledger_agents.intents AS i WHERE i.agent_id = pg_temp.id_of('single', 'agent', agent)
                   AND i.created_at >= current_setting('ledger_agents.clock')::timestamptz) THEN
      PERFORM pg_temp.in_both(format('SELECT (ledger_agents.declare_intent(:agent, summary => ''said'', expected_amount => %s, ttl_minutes => 60)).id', 1 + floor(random() * 500)), 'intent', n, agent);
    END IF;
  ELSIF dice < 0.8 THEN
    PERFORM pg_temp.in_both('SELECT id FROM ledger_agents.attest(:agent, summary => ''said'')', agent => agent);
  END IF;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  NULL;
END
$$;

-- Requests as documents; now and then an earlier one of the agent comes again, with its key.
CREATE TEMP TABLE asked (n serial, agent int, card int, intent int, rest jsonb);
CREATE FUNCTION pg_temp.ask(round int, busy int, wild boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  who int := 1 + floor(random() * busy);
BEGIN
  IF random() < 0.03 THEN
    INSERT INTO asked (agent, card, intent, rest) SELECT a.agent, a.card, a.intent, a.rest FROM asked AS a WHERE a.rest ? 'idempotency_key' ORDER BY random() LIMIT 1;
  ELSE
    INSERT INTO asked (agent, card, intent, rest) VALUES (who,
      pg_temp.maybe(0.4, (SELECT p.n FROM pair AS p WHERE p.kind = 'card' AND p.agent = who ORDER BY random() LIMIT 1)),
      pg_temp.maybe(0.05, (SELECT p.n FROM pair AS p WHERE p.kind = 'intent' AND p.agent = who ORDER BY random() LIMIT 1)),
      jsonb_strip_nulls(jsonb_build_object('amount', 1 + floor(exp(random() * 6)), 'currency', pg_temp.maybe(0.03, 'EUR'::text), 'merchant', pg_temp.any_of(NULL::text, 'Shop', 'shop!', 'Cafe'),
        'mcc', pg_temp.any_of(NULL::text, '5411', '7995'), 'country', pg_temp.maybe(0.2, 'de'::text), 'idempotency_key', pg_temp.maybe(0.5, format('%s %s', round, random())),
        'hold_for', pg_temp.maybe(CASE WHEN wild THEN 0.2 ELSE 0.01 END, interval '1 s' * floor(exp(random() * 12))), 'metadata', pg_temp.maybe(0.1, '{"a": 1}'::jsonb))));
  END IF;
END
$$;
CREATE FUNCTION pg_temp.request(a asked, tenant text) RETURNS ledger_agents.spend_request LANGUAGE sql AS $$
  SELECT jsonb_populate_record(NULL::ledger_agents.spend_request, a.rest || jsonb_build_object('agent_id', pg_temp.id_of(tenant, 'agent', a.agent),
    'card_id', pg_temp.id_of(tenant, 'card', a.card), 'intent_id', pg_temp.id_of(tenant, 'intent', a.intent)))
$$;

CREATE FUNCTION pg_temp.round(n int, wild boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  size int := 1 + floor(random() * 60);
  busy int := 1 + floor(random() * 6);
  a asked;
  r ledger_agents.spend_request;
  first bigint := (SELECT coalesce(max(place), 0) FROM answer);
  done bigint := first;
  part int;
  rows jsonb[];
BEGIN
  TRUNCATE asked RESTART IDENTITY;
  PERFORM pg_temp.ask(n, busy, wild) FROM generate_series(1, size);
  size := (SELECT count(*) FROM asked);
  PERFORM set_config('ledger_agents.organization', 'single', false);
  FOR a IN SELECT * FROM asked ORDER BY asked.n LOOP
    r := pg_temp.request(a, 'single');
    INSERT INTO answer (round, single) SELECT round.n, to_jsonb(d) FROM ledger_agents.authorize(r.agent_id, r.amount, r.currency, r.merchant, r.mcc, r.country, r.card_id, r.intent_id, r.idempotency_key, r.hold_for, r.metadata) AS d;
  END LOOP;
  PERFORM set_config('ledger_agents.organization', 'batch', false);
  WHILE done < first + size LOOP
    part := 1 + floor(random() * (first + size - done));
    SELECT array_agg(to_jsonb(d) ORDER BY d.ordinality) INTO rows
      FROM ledger_agents.authorize_many((SELECT array_agg(pg_temp.request(q, 'batch') ORDER BY q.n) FROM asked AS q WHERE q.n > done - first AND q.n <= done - first + part)) WITH ORDINALITY AS d;
    IF cardinality(rows) <> part THEN
      INSERT INTO wrong VALUES (format('round %s: %s answers to %s requests', n, cardinality(rows), part));
    END IF;
    UPDATE answer SET batch = rows[place - done] - 'ordinality' WHERE place > done AND place <= done + part;
    done := done + part;
  END LOOP;
  INSERT INTO wrong SELECT format('round %s, request %s: %s: single %s, batch %s', round.n, place - first, to_jsonb(q), pg_temp.shown(single), pg_temp.shown(batch))
    FROM answer JOIN asked AS q ON q.n = place - first WHERE place > first AND pg_temp.shown(single) IS DISTINCT FROM pg_temp.shown(batch) ORDER BY place LIMIT 1;
END
$$;

-- The books of both, without what differs in any two.
CREATE FUNCTION pg_temp.compare(round int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO wrong SELECT format('round %s: counter of %s %s: single %s, batch %s', round, coalesce(s.scope, b.scope), coalesce(s.name, b.name), s.shown, b.shown)
    FROM pg_temp.counters('single') AS s FULL JOIN pg_temp.counters('batch') AS b ON b.scope = s.scope AND b.name = s.name WHERE s.shown IS DISTINCT FROM b.shown LIMIT 2;
  INSERT INTO wrong SELECT format('round %s: event %s of %s: single %s, batch %s', round, coalesce(s.place, b.place), coalesce(s.name, b.name), s.shown, b.shown)
    FROM pg_temp.events('single') AS s FULL JOIN pg_temp.events('batch') AS b ON b.name = s.name AND b.place = s.place WHERE s.shown IS DISTINCT FROM b.shown LIMIT 2;
  INSERT INTO wrong SELECT format('round %s: decision %s of %s: single %s, batch %s', round, coalesce(s.sequence, b.sequence), coalesce(s.name, b.name), s.shown, b.shown)
    FROM pg_temp.decisions('single') AS s FULL JOIN pg_temp.decisions('batch') AS b ON b.name = s.name AND b.sequence = s.sequence WHERE s.shown IS DISTINCT FROM b.shown LIMIT 2;
  INSERT INTO wrong SELECT format('round %s: %s', round, v) FROM ledger_agents.check_invariants() AS v LIMIT 2;
END
$$;
CREATE FUNCTION pg_temp.counters(tenant text) RETURNS TABLE (scope text, name text, shown jsonb) LANGUAGE sql AS $$
  SELECT k.scope::text, coalesce(p.n::text, CASE WHEN k.scope = 'customer' THEN k.scope_id END, ''), to_jsonb(k) - '{organization_id,scope_id,version}'::text[]
    FROM ledger_agents.counters AS k LEFT JOIN pair AS p ON p.kind = k.scope::text AND (to_jsonb(p) ->> tenant) = k.scope_id WHERE k.organization_id = tenant
$$;
CREATE FUNCTION pg_temp.events(tenant text) RETURNS TABLE (name int, place bigint, shown jsonb) LANGUAGE sql AS $$
  SELECT p.n, row_number() OVER (PARTITION BY e.agent_id ORDER BY e.id),
         jsonb_build_object('type', e.type, 'at', e.created_at, 'data', (SELECT jsonb_object_agg(d.key, d.value) FROM jsonb_each(e.data) AS d WHERE d.key NOT LIKE '%Id' AND d.key <> 'tokenPrefix'))
    FROM ledger_agents.events AS e JOIN pair AS p ON p.kind = 'agent' AND (to_jsonb(p) ->> tenant)::uuid = e.agent_id WHERE e.organization_id = tenant
$$;
CREATE FUNCTION pg_temp.decisions(tenant text) RETURNS TABLE (name int, sequence bigint, shown jsonb) LANGUAGE sql AS $$
  SELECT p.n, x.sequence, pg_temp.shown(to_jsonb(x))
    FROM ledger_agents.authorizations AS x JOIN pair AS p ON p.kind = 'agent' AND (to_jsonb(p) ->> tenant)::uuid = x.agent_id WHERE x.organization_id = tenant
$$;

CREATE TEMP TABLE written (single bigint, batch bigint);
CREATE PROCEDURE pg_temp.walk(lives int, rounds int) LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := '2026-01-30 20:00Z';
BEGIN
  FOR life IN 1..lives LOOP
    PERFORM pg_temp.begin_anew(life, at);
    FOR n IN 1..rounds LOOP
      PERFORM pg_temp.change(2 * n + i, life % 2 = 0) FROM generate_series(0, 1) AS i;
      PERFORM pg_temp.round(n, life % 2 = 0);
      at := at + CASE WHEN random() < 0.1 THEN -0.01 ELSE 1 END * interval '1 s' * floor(exp(random() * 11));
      PERFORM set_config('ledger_agents.clock', at::text, false);
      COMMIT;
      EXIT WHEN EXISTS (SELECT FROM wrong);
    END LOOP;
    PERFORM pg_temp.compare(rounds);
    INSERT INTO written SELECT sum(version) FILTER (WHERE organization_id = 'single'), sum(version) FILTER (WHERE organization_id = 'batch') FROM ledger_agents.counters;
    EXIT WHEN EXISTS (SELECT FROM wrong);
  END LOOP;
END
$$;
CALL pg_temp.walk(14, 12);
RESET ledger_agents.organization;
RESET ledger_agents.clock;
SELECT is(string_agg(format('seed %s: %s', :seed, what), E'\n'), NULL, 'batches answer and book as single calls do') FROM wrong;
SELECT ok(count(DISTINCT single -> 'reasons') > 15 AND count(*) FILTER (WHERE single ->> 'decision' = 'approved') > 500
          AND count(*) FILTER (WHERE (single -> 'replayed')::boolean) > 20 AND count(*) FILTER (WHERE single ->> 'linked_intent_id' IS NOT NULL) > 10,
  'of every kind') FROM answer;
SELECT cmp_ok(sum(batch), '<', sum(single) * 0.9, 'and write less') FROM written;
SELECT diag(format('%s requests, %s approved, %s replayed; counters written %s and %s times', count(*), count(*) FILTER (WHERE single ->> 'decision' = 'approved'), count(*) FILTER (WHERE (single -> 'replayed')::boolean),
  (SELECT sum(single) FROM written), (SELECT sum(batch) FROM written))) FROM answer;
SELECT * FROM finish();
