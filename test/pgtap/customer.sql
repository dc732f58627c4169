-- Do pages of customers and of an agent's tokens show each row once, whatever is made meanwhile and however ids are spelt?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL ledger_agents.clock = '2026-03-02 09:00Z';

-- The error's SQLSTATE and name, and its field; ok: none.
CREATE FUNCTION pg_temp.outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  name text;
  field text;
BEGIN
  EXECUTE call;
  RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME, field = COLUMN_NAME;
  RETURN concat_ws(' ', SQLSTATE, name, field);
END
$$;

--
-- Customers
--
SELECT is_empty('SELECT FROM ledger_agents.list_customers()', 'a new installation has no customers');
-- As long as they may be, of the longest characters, with what base64 and SQL could take for their own.
CREATE TEMP TABLE made (id text COLLATE "C");
INSERT INTO made VALUES ('a'), ('b'), ('B'), (' '), ('%'), ('''), ('), ('YQ=='), (E'line\nbreak'), ('münchen'), ('東京'), (repeat('x', 255)), (repeat('𝄞', 255));
SELECT is(c.id, m.id, 'made') FROM made m, ledger_agents.update_customer(m.id, '{}') c;
SELECT is(status::text, 'suspended', 'one is suspended') FROM ledger_agents.update_customer('münchen', '{"status": "suspended", "name": "M", "spending_limit": 5, "policy": {"requireCard": true}}');
SELECT is(id, 'elsewhere', 'another organization') FROM ledger_agents.create_organization('elsewhere');
SELECT is(id, 'of elsewhere', 'and its customer') FROM ledger_agents.update_customer('of elsewhere', '{}', 'elsewhere');

SELECT results_eq('SELECT id COLLATE "C" FROM ledger_agents.list_customers(max_rows => 100)', 'SELECT id FROM made ORDER BY id', 'all, bytewise');
SELECT results_eq($$SELECT to_jsonb(d) - 'cursor' FROM ledger_agents.list_customers(max_rows => 100) d$$, $$SELECT to_jsonb(ledger_agents.get_customer(id)) FROM made ORDER BY id$$, 'as get_customer() has them');
SELECT results_eq($$SELECT id FROM ledger_agents.list_customers('suspended')$$, $$VALUES ('münchen')$$, 'by status');
SELECT is(count(*), 11::bigint, 'by the other one') FROM ledger_agents.list_customers('active');
SELECT results_eq($$SELECT id FROM ledger_agents.list_customers(organization_id => 'elsewhere')$$, $$VALUES ('of elsewhere')$$, 'each organization has its own');

-- Between the pages customers appear, before and behind the cursor.
CREATE FUNCTION pg_temp.walk(size integer) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  seen text[] := '{}';
  page text[];
  behind text;
BEGIN
  LOOP
    SELECT array_agg(c.id ORDER BY c.id COLLATE "C"), max(c.cursor) FILTER (WHERE c.last) INTO page, behind
    FROM (SELECT id, cursor, row_number() OVER () = count(*) OVER () AS last FROM ledger_agents.list_customers(max_rows => size, after => behind)) c;
    EXIT WHEN page IS NULL;
    seen := seen || page;
    PERFORM ledger_agents.update_customer(format('%s late %s', p, cardinality(seen)), '{}') FROM unnest(ARRAY['  ', 'm']) p WHERE cardinality(seen) < 6;
  END LOOP;
  RETURN seen;
END
$$;
CREATE TEMP TABLE walk AS SELECT size, pg_temp.walk(size) AS seen FROM (VALUES (1), (2), (5), (100)) AS v (size);
SELECT is((SELECT array_agg(id ORDER BY id) FROM unnest(seen) AS s (id) WHERE id IN (SELECT id FROM made)), (SELECT array_agg(id::text ORDER BY id::text) FROM made), format('pages of %s show each of them', size)) FROM walk;
SELECT is(cardinality(seen), (SELECT count(DISTINCT id)::int FROM unnest(seen) AS s (id)), format('pages of %s show nobody twice', size)) FROM walk;
SELECT ok(count(*) FILTER (WHERE seen && '{m late 1,m late 2,m late 5}') > 0, 'somebody who comes behind the cursor is seen') FROM walk;

SELECT is(pg_temp.outcome('SELECT ledger_agents.list_customers' || call), want, call)
FROM (VALUES ('(max_rows => 0)', '22023 out_of_range max_rows'), ('(max_rows => 101)', '22023 out_of_range max_rows'), ('(max_rows => NULL)', '22023 out_of_range max_rows'),
             ('(''closed'')', '22023 invalid_value status'), ('(after => '''')', '22023 invalid_value after'), ('(after => ''*'')', '22023 invalid_value after'),
             ('(after => ''YWJ'')', '22023 invalid_value after'), ('(after => ''/w=='')', '22023 invalid_value after'), ('(after => ''AA=='')', '22023 invalid_value after'),
             ('(organization_id => ''nowhere'')', 'ok'), ('(max_rows => 100)', 'ok'), ('(''active'', 1, ''YQ=='')', 'ok')) AS v (call, want);

--
-- Tokens
--
SELECT id AS agent FROM ledger_agents.register_agent('agent', 'a') \gset
SELECT id AS other FROM ledger_agents.register_agent('other', 'a') \gset
SELECT is(name, 'token ' || n, 'a token') FROM generate_series(1, 24) n, LATERAL (SELECT set_config('ledger_agents.clock', '2026-03-02 10:00:' || n || 'Z', true)) s, ledger_agents.create_agent_token(:'agent', 'token ' || n);
SELECT results_eq(format('SELECT name FROM ledger_agents.list_agent_tokens(%L)', :'agent'), $$SELECT 'token ' || n FROM generate_series(24, 5, -1) n$$, 'twenty, newest first');
SELECT results_eq(format('SELECT name FROM ledger_agents.list_agent_tokens(%L, after => (SELECT cursor FROM ledger_agents.list_agent_tokens(%1$L) OFFSET 19))', :'agent'),
  $$SELECT 'token ' || n FROM generate_series(4, 1, -1) n UNION ALL SELECT NULL$$, 'then the others, with the one that it was registered with');
SELECT is(count(*), 1::bigint, 'the other one''s are its own') FROM ledger_agents.list_agent_tokens(:'other');
SELECT is(pg_temp.outcome(format('SELECT ledger_agents.list_agent_tokens(%L, %s)', :'agent', call)), want, 'tokens: ' || call)
FROM (VALUES ('0', '22023 out_of_range max_rows'), ('101', '22023 out_of_range max_rows'), ('NULL', '22023 out_of_range max_rows'), ('1, ''x''', '22023 invalid_value after'), ('100', 'ok')) AS v (call, want);

--
-- JSON
--
SELECT is(ledger_agents_api.list_customers('{"status": "suspended"}'), jsonb_build_object('data', jsonb_build_array(ledger_agents_api.get_customer('{"customerId": "münchen"}')), 'hasMore', false), 'list_customers: as get_customer');
SELECT is(jsonb_build_array(page -> 'hasMore', next #> '{data,0,id}'), jsonb_build_array(true, (SELECT id FROM ledger_agents.list_customers(max_rows => 100) OFFSET 3 LIMIT 1)), 'list_customers: there is more, behind the cursor')
FROM ledger_agents_api.list_customers('{"limit": 3}') page, ledger_agents_api.list_customers(jsonb_build_object('after', page -> 'nextCursor')) next;
SELECT is(ledger_agents_api.list_customers(jsonb_build_object('after', cursor)), '{"data": [], "hasMore": false}', 'list_customers: nothing is behind the longest id')
FROM ledger_agents.list_customers(max_rows => 100) WHERE id = repeat('𝄞', 255);
SELECT is(jsonb_build_array(jsonb_array_length(page -> 'data'), page -> 'hasMore', jsonb_array_length(next -> 'data'), next -> 'hasMore', page::text ~ '"token"'), '[20, true, 5, false, false]', 'list_agent_tokens: twenty and five, without a secret')
FROM ledger_agents_api.list_agent_tokens(jsonb_build_object('agentId', :'agent')) page, ledger_agents_api.list_agent_tokens(jsonb_build_object('agentId', :'agent', 'after', page -> 'nextCursor')) next;
SELECT * FROM finish();
ROLLBACK;
