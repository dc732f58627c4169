-- Do rows read and written directly, and by statements, give the same answers and the same books? Are statements used where they must be? Is a counter found wherever it went?
SELECT no_plan();
SET timezone = 'UTC';
SELECT setseed(0.25);

--
-- Twins: one organization is worked on directly, the other by statements; every step goes to both at the same instant.
--
CREATE FUNCTION pg_temp.any_of(VARIADIC anyarray) RETURNS anyelement LANGUAGE sql AS $$ SELECT $1[1 + floor(random() * array_length($1, 1))::int] $$;
SELECT is((ledger_agents.create_organization(name, initcap(name))).id, name, 'an organization') FROM unnest('{one,two}'::text[]) name;
CREATE TEMP TABLE twin (n integer, organization text, agent uuid, card uuid);
CREATE TEMP TABLE told (organization text, step integer, answer jsonb, PRIMARY KEY (step, organization));

CREATE FUNCTION pg_temp.make(organization text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  made uuid;
BEGIN
  FOR n IN 1 .. 8 LOOP
    SELECT id INTO made FROM ledger_agents.register_agent('agent' || n, 'customer' || n % 3,
      spending_limit => CASE n % 4 WHEN 3 THEN NULL ELSE 3000 END,
      spending_limit_frequency => (ARRAY['perMonth', 'per24HourPeriod', 'perTransaction', 'allTime'])[1 + n % 4],
      on_limit_exceeded => (ARRAY['decline', 'notify', 'none', 'suspend'])[1 + n % 4],
      policy => CASE n % 3 WHEN 0 THEN '{"blockedMccs": ["7995"], "limits": {"perDay": 2000}}'::jsonb END, organization_id => organization);
    INSERT INTO twin VALUES (n, organization, made, NULL);
    IF n % 2 = 0 THEN
      INSERT INTO twin VALUES (n, organization, made, (ledger_agents.create_card(made, type => 'multi', spending_limit => 1500, organization_id => organization)).id);
    END IF;
  END LOOP;
  PERFORM ledger_agents.update_customer('customer1', '{"spending_limit": 9000, "spending_limit_frequency": "perWeek"}', organization_id => organization);
END
$$;
SET ledger_agents.clock = '2026-03-02 09:00:00+00';
SELECT pg_temp.make('one'), pg_temp.make('two');

-- What differs by nature is left out.
CREATE FUNCTION pg_temp.bare(answer anyelement) RETURNS jsonb LANGUAGE sql AS $$
  SELECT to_jsonb(answer) - '{organization_id,id,agent_id,card_id,cursor,scope_id,entry_id,authorization_id}'::text[]
$$;

CREATE FUNCTION pg_temp.step(twin, step integer, verb text, amount bigint, key text, mcc text, hold interval) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  hold_id uuid;
BEGIN
  IF verb = 'evaluate' THEN
    RETURN pg_temp.bare(ledger_agents.evaluate($1.agent, amount, mcc => mcc, card_id => $1.card, organization_id => $1.organization));
  ELSIF verb IN ('capture', 'reverse', 'refund') THEN
    SELECT x.id INTO hold_id FROM ledger_agents.authorizations x
     WHERE x.organization_id = $1.organization AND x.agent_id = $1.agent AND x.decision = 'approved' ORDER BY x.sequence DESC LIMIT 1;
    IF verb = 'capture' THEN
      RETURN pg_temp.bare(ledger_agents.capture(hold_id, organization_id => $1.organization));
    ELSIF verb = 'reverse' THEN
      RETURN pg_temp.bare(ledger_agents.reverse(hold_id, organization_id => $1.organization));
    END IF;
    RETURN pg_temp.bare(ledger_agents.refund(hold_id, organization_id => $1.organization));
  ELSIF verb = 'activate' THEN
    RETURN pg_temp.bare(ledger_agents.update_agent($1.agent, '{"status": "active"}', organization_id => $1.organization));
  ELSIF verb = 'rolled back' THEN
    BEGIN
      PERFORM ledger_agents.authorize($1.agent, amount, organization_id => $1.organization);
      RAISE EXCEPTION 'undone';
    EXCEPTION WHEN raise_exception THEN
      RETURN '"undone"';
    END;
  END IF;
  RETURN pg_temp.bare(ledger_agents.authorize($1.agent, amount, mcc => mcc, card_id => $1.card, idempotency_key => key, hold_for => hold, organization_id => $1.organization));
EXCEPTION WHEN OTHERS THEN
  RETURN jsonb_build_object('error', SQLSTATE, 'message', regexp_replace(SQLERRM, '[0-9a-f-]{36}', 'ID', 'g'));
END
$$;

CREATE PROCEDURE pg_temp.work(steps integer) LANGUAGE plpgsql AS $$
DECLARE
  now timestamptz := '2026-03-02 10:00:00+00';
  who integer;
  with_card boolean;
  verb text;
  amount bigint;
  key text;
  mcc text;
  hold interval;
  one twin;
BEGIN
  FOR step IN 1 .. steps LOOP
    now := now + pg_temp.any_of(0, 1, 30, 600, 7200) * interval '1 second';
    PERFORM set_config('ledger_agents.clock', now::text, false);
    -- Now and then the very same once more.
    IF step = 1 OR random() < 0.85 THEN
      who := 1 + floor(random() * 8);
      with_card := random() < 0.5;
      verb := pg_temp.any_of('authorize'::text, 'authorize', 'authorize', 'authorize', 'evaluate', 'capture', 'reverse', 'refund', 'rolled back', 'activate');
      amount := pg_temp.any_of(1, 10, 100, 700, 2500)::bigint;
      key := CASE WHEN random() < 0.5 THEN 'k' || floor(random() * steps / 4) END;
      mcc := pg_temp.any_of('5411'::text, '7995', NULL);
      hold := CASE WHEN random() < 0.3 THEN interval '20 minutes' END;
    END IF;
    FOR one IN SELECT * FROM twin t WHERE t.n = who AND (t.card IS NOT NULL) = (with_card AND who % 2 = 0) ORDER BY t.organization LOOP
      PERFORM set_config('ledger_agents.direct_access', CASE one.organization WHEN 'one' THEN 'on' ELSE 'off' END, false);
      INSERT INTO told VALUES (one.organization, step, pg_temp.step(one, step, verb, amount, key, mcc, hold));
    END LOOP;
    IF step % 20 = 0 THEN
      COMMIT;
    END IF;
  END LOOP;
END
$$;
CALL pg_temp.work(3000);
RESET ledger_agents.direct_access;

SELECT is((SELECT count(*) FROM told)::int, 6000, 'every step went to both');
SELECT is_empty($$
  SELECT step, a.answer, b.answer FROM told a JOIN told b USING (step)
  WHERE a.organization = 'one' AND b.organization = 'two' AND a.answer IS DISTINCT FROM b.answer
$$, 'directly and by statements: the same answers');
SELECT cmp_ok((SELECT count(*) FROM told WHERE answer ->> 'decision' = 'approved')::int, '>', 500, 'many of them approvals');
SELECT cmp_ok((SELECT count(*) FROM told WHERE answer ->> 'decision' = 'declined')::int, '>', 100, 'many declines');
SELECT cmp_ok((SELECT count(*) FROM told WHERE (answer ->> 'replayed')::boolean)::int, '>', 20, 'some replays');
SELECT set_eq($$
  SELECT pg_temp.bare(x), a.external_id FROM ledger_agents.authorizations x JOIN ledger_agents.agents a ON a.id = x.agent_id WHERE x.organization_id = 'one'
$$, $$
  SELECT pg_temp.bare(x), a.external_id FROM ledger_agents.authorizations x JOIN ledger_agents.agents a ON a.id = x.agent_id WHERE x.organization_id = 'two'
$$, 'the same authorizations');
SELECT set_eq($$
  SELECT pg_temp.bare(k), CASE k.scope WHEN 'agent' THEN (SELECT external_id FROM ledger_agents.agents WHERE id::text = k.scope_id) WHEN 'customer' THEN k.scope_id END
    FROM ledger_agents.counters k WHERE k.organization_id = 'one'
$$, $$
  SELECT pg_temp.bare(k), CASE k.scope WHEN 'agent' THEN (SELECT external_id FROM ledger_agents.agents WHERE id::text = k.scope_id) WHEN 'customer' THEN k.scope_id END
    FROM ledger_agents.counters k WHERE k.organization_id = 'two'
$$, 'the same counters');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');

--
-- A counter is found wherever it went: rewritten, in another place, and where its old place was taken by another.
--
SELECT agent AS a FROM twin WHERE organization = 'one' AND n = 3 AND card IS NULL \gset
SELECT agent AS b FROM twin WHERE organization = 'one' AND n = 7 AND card IS NULL \gset
CREATE TEMP TABLE before AS SELECT scope_id, sequence FROM ledger_agents.counters WHERE scope = 'agent';
CREATE FUNCTION pg_temp.more(agent uuid) RETURNS bigint LANGUAGE sql AS $$
  SELECT (ledger_agents.authorize(agent, 1, organization_id => 'one')).sequence - (SELECT sequence FROM before WHERE scope_id = agent::text)
$$;
SELECT is(pg_temp.more(:'a'), 1::bigint, 'the next one');
VACUUM FULL ledger_agents.counters;
SELECT is(pg_temp.more(:'a'), 2::bigint, 'the table was written anew');
DELETE FROM ledger_agents.counters WHERE organization_id = 'two';
VACUUM ledger_agents.counters;
SELECT is(pg_temp.more(:'b'), 1::bigint, 'others went');
-- Somebody else comes to lie where the session has last seen each.
CREATE FUNCTION pg_temp.place(agent uuid) RETURNS tid LANGUAGE sql AS $$ SELECT ctid FROM ledger_agents.counters WHERE scope_id = agent::text $$;
VACUUM FULL ledger_agents.counters;
SELECT pg_temp.more(:'a') > 0 AND pg_temp.more(:'b') > 0 AS seen \gset
CREATE TEMP TABLE last AS SELECT * FROM ledger_agents.counters WHERE organization_id = 'one';
CREATE TEMP TABLE seen AS SELECT pg_temp.place(:'a') AS a, pg_temp.place(:'b') AS b;
TRUNCATE ledger_agents.counters;
-- Rows of nobody fill every place.
INSERT INTO ledger_agents.counters SELECT p.* FROM (SELECT to_jsonb(last) AS row FROM last WHERE scope_id = :'a') l, generate_series(1, 400) n,
  jsonb_populate_record(NULL::ledger_agents.counters, l.row || jsonb_build_object('scope_id', 'x' || n)) p;
INSERT INTO ledger_agents.counters SELECT * FROM last;
SELECT ok(EXISTS (SELECT FROM ledger_agents.counters k, seen s WHERE k.ctid = s.a AND k.scope_id <> :'a'), 'somebody else lies where the first one was seen');
UPDATE before SET sequence = l.sequence FROM last l WHERE l.scope_id = before.scope_id;
SELECT is(pg_temp.more(:'a'), 1::bigint, 'its own counter is found, and no other');
SELECT is(pg_temp.more(:'b'), 1::bigint, 'and the other one''s');
SELECT is((SELECT count(DISTINCT sequence) FROM ledger_agents.counters WHERE scope_id LIKE 'x%'), 1::bigint, 'nobody else''s was written');

--
-- What somebody has put on the tables works: statements are used then.
--
CREATE TABLE public.heard (what text, n bigint);
CREATE FUNCTION pg_temp.hear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.heard VALUES (tg_table_name, 1); RETURN NULL; END $$;
CREATE TRIGGER hear AFTER INSERT ON ledger_agents.authorizations FOR EACH ROW EXECUTE FUNCTION pg_temp.hear();
SELECT is(pg_temp.more(:'a'), 2::bigint, 'with a trigger on authorizations');
CREATE TRIGGER hear AFTER UPDATE ON ledger_agents.counters FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.hear();
SELECT is(pg_temp.more(:'a'), 3::bigint, 'with one on counters');
SELECT set_eq('SELECT what, count(*) FROM public.heard GROUP BY what', $$VALUES ('authorizations', 2::bigint), ('counters', 1::bigint)$$, 'both were fired');
DROP TRIGGER hear ON ledger_agents.authorizations;
DROP TRIGGER hear ON ledger_agents.counters;
ALTER TABLE ledger_agents.counters ADD CONSTRAINT nothing_more CHECK (sequence = 0) NOT VALID;
SELECT throws_ok(format($$SELECT ledger_agents.authorize(%L, 1, organization_id => 'one')$$, :'a'), '23514', NULL, 'with a CHECK on counters');
ALTER TABLE ledger_agents.counters DROP CONSTRAINT nothing_more;

-- As when somebody has changed the counter between the reading and the writing: it is locked, and all is judged anew.
CREATE FUNCTION pg_temp.skip_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.scope <> 'agent' OR EXISTS (SELECT FROM public.heard WHERE what = 'skipped') THEN
    RETURN new;
  END IF;
  INSERT INTO public.heard VALUES ('skipped', 1);
  RETURN NULL;
END
$$;
SELECT id AS late FROM ledger_agents.register_agent('late', 'customer1', organization_id => 'one') \gset
SELECT total_spent AS total_before FROM ledger_agents.counters WHERE (organization_id, scope, scope_id) = ('one', 'customer', 'customer1') \gset
CREATE TRIGGER skip_once BEFORE UPDATE ON ledger_agents.counters FOR EACH ROW EXECUTE FUNCTION pg_temp.skip_once();
SELECT is((ledger_agents.authorize(:'late', 7, organization_id => 'one')).decision::text, 'approved', 'a counter that was changed meanwhile');
DROP TRIGGER skip_once ON ledger_agents.counters;
SELECT is((SELECT count(*) FROM public.heard WHERE what = 'skipped'), 1::bigint, 'it was tried twice');
SELECT is((SELECT total_spent - :total_before FROM ledger_agents.counters WHERE (organization_id, scope, scope_id) = ('one', 'customer', 'customer1')), 7::bigint,
  'and counted once, for its customer, too');

ALTER TABLE ledger_agents.authorizations ADD CONSTRAINT small CHECK (amount < 1000) NOT VALID;
SELECT throws_ok(format('SELECT ledger_agents.authorize(%L, 1000, organization_id => %L)', :'b', 'one'), '23514', NULL, 'a constraint holds');
SELECT is(pg_temp.more(:'b'), 2::bigint, 'and lets pass what it may');
ALTER TABLE ledger_agents.authorizations DROP CONSTRAINT small;
CREATE UNIQUE INDEX one_amount ON ledger_agents.authorizations (agent_id, amount) WHERE amount = 777;
SELECT is((ledger_agents.authorize(:'b', 777, organization_id => 'one')).decision::text, 'approved', 'an index of somebody else''s is kept');
SELECT throws_ok(format('SELECT ledger_agents.authorize(%L, 777, organization_id => %L)', :'b', 'one'), '23505', NULL, 'and holds');
DROP INDEX ledger_agents.one_amount;
CREATE UNIQUE INDEX one_instant ON ledger_agents.counters (decided_at) WHERE total_spent = 777;
SELECT (ledger_agents.register_agent(name, 'x', organization_id => 'one')).id AS agent FROM unnest('{left,right}'::text[]) AS name \g /dev/null
SELECT is((ledger_agents.authorize(id, 777, organization_id => 'one')).decision::text, 'approved', 'so is one of counters') FROM ledger_agents.get_agent(external_id => 'left', organization_id => 'one');
SELECT throws_ok(format('SELECT ledger_agents.authorize(%L, 777, organization_id => %L)', id, 'one'), '23505', NULL, 'which holds, too') FROM ledger_agents.get_agent(external_id => 'right', organization_id => 'one');
SET enable_seqscan = off;
SELECT is((SELECT count(*) FROM ledger_agents.counters WHERE total_spent = 777 AND decided_at > '-infinity'), 1::bigint, 'and finds the one that is there');
RESET enable_seqscan;
DROP INDEX ledger_agents.one_instant;

--
-- Several calls in one statement, each sees the one before.
--
SELECT is(array_agg((ledger_agents.authorize(:'b', 1, organization_id => 'one')).sequence - n), array_agg(s), 'calls of one statement count on')
  FROM generate_series(1, 5) n, (SELECT sequence AS s FROM ledger_agents.counters WHERE scope_id = :'b') k;

--
-- Versions that nobody needs are cleared away by who comes next, so that a counter stays on its page and out of the indexes.
--
CREATE PROCEDURE pg_temp.spend(agent uuid, times integer) LANGUAGE plpgsql AS $$
BEGIN
  FOR n IN 1 .. times LOOP
    PERFORM ledger_agents.authorize(agent, 1, organization_id => 'one');
    COMMIT;
  END LOOP;
END
$$;
VACUUM FULL ledger_agents.counters;
SELECT pg_relation_size('ledger_agents.counters') AS size \gset
CALL pg_temp.spend(:'b', 2000);
SELECT cmp_ok(pg_relation_size('ledger_agents.counters') - :size, '<=', 5 * 8192::bigint, 'two thousand decisions later the table has hardly grown');

--
-- Where they cannot be cleared away, here because one transaction makes them all, a decision does not visit them, however many there are.
--
CREATE FUNCTION pg_temp.visits(agent uuid, times integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  before bigint := pg_stat_get_xact_blocks_fetched('ledger_agents.counters'::regclass);
BEGIN
  FOR n IN 1 .. times LOOP
    PERFORM ledger_agents.authorize(agent, 1, organization_id => 'one');
  END LOOP;
  RETURN pg_stat_get_xact_blocks_fetched('ledger_agents.counters'::regclass) - before;
END
$$;
BEGIN;
SELECT id AS left FROM ledger_agents.get_agent(external_id => 'left', organization_id => 'one') \gset
SELECT pg_temp.visits(:'left', 1000) AS first \gset
SELECT pg_temp.visits(:'left', 8000) AS between, pg_temp.visits(:'left', 1000) AS last \gset
SELECT cmp_ok(:first::bigint, '>', 1000::bigint, 'visits are counted');
SELECT cmp_ok(:last::bigint, '<', :first + 1000::bigint, 'the ten thousandth decision of a transaction visits as many pages of counters as the first');
COMMIT;
--
-- Columns of somebody's own
--
ALTER TABLE ledger_agents.authorizations ADD COLUMN doubled bigint GENERATED ALWAYS AS (amount * 2) STORED, ADD COLUMN note integer DEFAULT 7;
SELECT is((ledger_agents.authorize(:'b', 3, organization_id => 'one')).decision::text, 'approved', 'columns of somebody else''s');
SELECT is((SELECT count(*) FROM ledger_agents.authorize_many(ARRAY[jsonb_populate_record(NULL::ledger_agents.spend_request, jsonb_build_object('agent_id', :'b', 'amount', 4, 'idempotency_key', 'columns'))], organization_id => 'one')), 1::bigint, 'in a batch, too');
SELECT results_eq(format('SELECT amount, doubled, note FROM ledger_agents.authorizations WHERE agent_id = %L ORDER BY sequence DESC LIMIT 2', :'b'), $$VALUES (4::bigint, 8::bigint, 7), (3, 6, 7)$$, 'are filled');
SELECT * FROM finish();
