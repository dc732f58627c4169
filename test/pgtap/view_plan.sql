-- Does a page of a view read a page, and not the table?
--
-- Of 100 000 decisions almost all are one agent's. What a query reads is judged by the
-- server's counts, not by time and not by the text of a plan.
SET client_min_messages = warning;
SELECT no_plan();
CREATE ROLE view_plan_api;
SELECT ledger_agents.grant_access('view_plan_api', 'api') \g /dev/null

SELECT id AS busy, token AS busy_token FROM ledger_agents.register_agent('busy', 'customer', policy => '{"requireCard": false}') \gset
SELECT id AS idle, token AS idle_token FROM ledger_agents.register_agent('idle', 'customer', policy => '{"requireCard": false}') \gset
SELECT key FROM ledger_agents.create_organization_key('key') \gset
SELECT ledger_agents.create_card(:'busy'), ledger_agents.declare_intent(:'busy'), ledger_agents.authorize(:'busy', 1) \g /dev/null
SELECT ledger_agents.create_card(:'idle'), ledger_agents.declare_intent(:'idle'), ledger_agents.authorize(:'idle', 1) \g /dev/null

-- Copies of a row with ids that go on from it, written past all triggers: what is read counts here, not what is in it.
CREATE FUNCTION pg_temp.copies(of_table regclass, of_rows text, number integer, changes text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($f$INSERT INTO %1$s SELECT (jsonb_populate_record(x, jsonb_build_object('id', overlay(x.id::text PLACING lpad(to_hex(n / 4096), 4, '0') || '-7' || lpad(to_hex(n %% 4096), 3, '0') FROM 10)) || %4$s)).*
                    FROM %1$s AS x, generate_series(1, %3$s) AS n WHERE %2$s$f$, of_table, of_rows, number, changes);
END
$$;
SET session_replication_role = replica;
SELECT pg_temp.copies('ledger_agents.authorizations', format('agent_id = %L', :'busy'), 100000, $$jsonb_build_object('sequence', n + 1)$$),
       pg_temp.copies('ledger_agents.authorizations', format('agent_id = %L', :'idle'), 100, $$jsonb_build_object('sequence', n + 1)$$),
       pg_temp.copies('ledger_agents.intents', format('agent_id = %L', :'busy'), 5000, $$'{}'$$),
       pg_temp.copies('ledger_agents.events', format('agent_id = %L AND type = %L', :'busy', 'agent.registered'), 5000, $$'{}'$$) \g /dev/null
SET session_replication_role = origin;
-- Of cards and agents the spend is read, so that these are made.
SELECT count(ledger_agents.create_card(a.id)) FROM generate_series(1, 2000) AS n, ledger_agents.register_agent('more ' || n, 'customer') AS a \g /dev/null
SELECT count(ledger_agents.create_card(:'busy')) FROM generate_series(1, 100) AS n \g /dev/null
ANALYZE ledger_agents.authorizations, ledger_agents.intents, ledger_agents.cards, ledger_agents.agents, ledger_agents.events, ledger_agents.counters;

-- Rows that a query reads of the view's table, by index and otherwise, and rows that it has.
CREATE FUNCTION pg_temp.read_rows() RETURNS bigint LANGUAGE sql AS $$
  SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE schemaname = 'ledger_agents' AND relname IN ('authorizations', 'intents', 'cards', 'agents', 'events')
$$;
CREATE FUNCTION pg_temp.reads(query text, secret text, OUT has bigint, OUT reads bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_agents.authenticate(secret);
  reads := pg_temp.read_rows();
  PERFORM set_config('role', 'view_plan_api', true);
  EXECUTE format('WITH source AS (SELECT * FROM ledger_agents_api.%s) SELECT count(to_jsonb(s)) FROM source AS s', query) INTO has;
  PERFORM set_config('role', 'none', true);
  reads := pg_temp.read_rows() - reads;
END
$$;

-- Each is a statement of its own: a principal holds to the end of its transaction.
SELECT format('SELECT unnest(ARRAY[is(has, %s::bigint, %L), cmp_ok(reads, %L, %s::bigint, %L)]) FROM pg_temp.reads(%L, %L)', v.has, v.has || ' of them: ' || v.query || ', ' || s.who,
              '<=', v.has * 5, '… and few rows are read', v.query, s.secret)
FROM (VALUES ('key', :'key'), ('busy', :'busy_token'), ('idle', :'idle_token')) AS s (who, secret),
     (VALUES ('key busy idle', 'authorizations ORDER BY id DESC LIMIT 20', 20), ('key busy', format('authorizations WHERE "agentId" = %L ORDER BY id DESC LIMIT 20', :'busy'), 20),
             ('key idle', format('authorizations WHERE "agentId" = %L ORDER BY id DESC LIMIT 20', :'idle'), 20),
             ('key busy', 'authorizations WHERE id < ''ffffffff-ffff-7fff-bfff-ffffffffffff'' ORDER BY id DESC LIMIT 20', 20), ('key busy', 'authorizations LIMIT 20', 20),
             ('key busy', 'intents ORDER BY id DESC LIMIT 20', 20), ('idle', 'intents ORDER BY id DESC LIMIT 20', 1), ('key busy', 'cards ORDER BY id DESC LIMIT 20', 20),
             ('idle', 'cards ORDER BY id DESC LIMIT 20', 1), ('idle', 'agents ORDER BY id DESC LIMIT 20', 1),
             ('key', 'events ORDER BY id DESC LIMIT 20', 20)) AS v (who, query, has)
WHERE s.who = ANY (string_to_array(v.who, ' ')) ORDER BY v.query, s.who
\gexec
SELECT cmp_ok(reads, '>=', 100000::bigint, 'the control: an order without an index reads all') FROM pg_temp.reads('authorizations ORDER BY amount LIMIT 20', :'key');

-- A row of a view cannot be held: nobody's open transaction keeps a kill switch waiting.
CREATE FUNCTION pg_temp.locker(view text, of_table regclass, secret text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before text;
  result text;
BEGIN
  EXECUTE format('SELECT string_agg(xmax::text, '','' ORDER BY id) FROM (SELECT xmax, id FROM %s ORDER BY id DESC LIMIT 5) AS r', of_table) INTO before;
  PERFORM ledger_agents.authenticate(secret);
  PERFORM set_config('role', 'view_plan_api', true);
  EXECUTE format('SELECT count(*) FROM (SELECT id FROM ledger_agents_api.%s ORDER BY id DESC LIMIT 5 FOR UPDATE) AS r', view);
  PERFORM set_config('role', 'none', true);
  EXECUTE format('SELECT string_agg(xmax::text, '','' ORDER BY id) FROM (SELECT xmax, id FROM %s ORDER BY id DESC LIMIT 5) AS r', of_table) INTO result;
  RETURN CASE WHEN result = before THEN 'none' ELSE before || ' became ' || result END;
END
$$;
SELECT is(pg_temp.locker(view, ('ledger_agents.' || view)::regclass, :'busy_token'), 'none', 'rows held by SELECT FOR UPDATE on ' || view)
FROM (VALUES ('agents'), ('cards'), ('intents')) AS v (view);

-- Estimates are made of all tenants' rows.
CREATE FUNCTION pg_temp.explained(secret text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan text;
BEGIN
  IF secret IS NOT NULL THEN
    PERFORM ledger_agents.authenticate(secret);
  END IF;
  EXECUTE 'EXPLAIN SELECT FROM ledger_agents_api.authorizations WHERE merchant = ''x''' INTO plan;
  RETURN 'a plan';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT is(pg_temp.explained(secret), want, 'EXPLAIN for ' || who)
FROM (VALUES ('an operator', NULL, 'a plan'), ('a key', :'key', 'PT403 permission denied for estimates'), ('a token', :'busy_token', 'PT403 permission denied for estimates')) AS v (who, secret, want);

SELECT * FROM finish();
DROP OWNED BY view_plan_api;
DROP ROLE view_plan_api;
