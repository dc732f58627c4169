-- Is every wrong use an error with its SQLSTATE and name, with nothing stored and the session none the worse?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL ledger_agents.clock = '2026-03-18 12:00Z';

-- The error of a statement, and whether everything is as before it and a good call works after it.
CREATE FUNCTION pg_temp.stored() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  relation regclass;
  rows text;
  answer text := '';
BEGIN
  FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'ledger_agents'::regnamespace AND relkind = 'r' ORDER BY relname LOOP
    EXECUTE format('SELECT count(*) || %L || coalesce(md5(string_agg(md5(t::text), %L ORDER BY md5(t::text))), %L) FROM %s AS t', ' ', '', '', relation) INTO rows;
    answer := answer || relation || ' ' || rows || E'\n';
  END LOOP;
  RETURN answer;
END
$$;
CREATE FUNCTION pg_temp.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before text := pg_temp.stored();
  answer text := 'no error';
  name text;
  field text;
  detail text;
  usable text;
BEGIN
  BEGIN
    EXECUTE statement;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME, field = COLUMN_NAME, detail = PG_EXCEPTION_DETAIL;
    answer := concat_ws(' ', SQLSTATE, name, nullif(field, ''));
    -- The name leads the detail; nothing long is repeated.
    IF name = '' OR detail NOT LIKE name || ': %' THEN
      answer := answer || ' without its name: ' || SQLERRM || ' / ' || detail;
    ELSIF length(SQLERRM || detail) > 500 THEN
      answer := answer || ' at great length';
    END IF;
  END;
  IF pg_temp.stored() <> before THEN
    answer := answer || ', and something was stored';
  END IF;
  SELECT e.decision INTO usable FROM ledger_agents.evaluate((SELECT id FROM agent), 1) AS e;
  RETURN answer || CASE WHEN usable = 'approved' THEN '' ELSE ', and afterwards nothing works' END;
END
$$;

CREATE TEMP TABLE agent AS SELECT id FROM ledger_agents.register_agent('buyer', 'acme', spending_limit => 200);
CREATE TEMP TABLE spend AS SELECT a.id FROM agent, LATERAL ledger_agents.authorize(agent.id, 100, idempotency_key => 'first') AS a;
CREATE TEMP TABLE foreigner AS SELECT r.id FROM (VALUES (1)) AS one, LATERAL ledger_agents.create_organization('elsewhere') AS o, LATERAL ledger_agents.register_agent('buyer', 'acme', organization_id => o.id) AS r;
CREATE TEMP TABLE foreign_spend AS SELECT a.id FROM foreigner, LATERAL ledger_agents.authorize(foreigner.id, 100, organization_id => 'elsewhere') AS a;

-- Of authorize, and so of its kin: (arguments after the agent, error).
CREATE TEMP TABLE spending (arguments text, want text);
INSERT INTO spending VALUES
  ('0', '22023 invalid_amount amount'),
  ('-1', '22023 invalid_amount amount'),
  ('-9223372036854775808', '22023 invalid_amount amount'),
  ('NULL', '22004 null_value amount'),
  ($$1, currency => ''$$, '22023 invalid_currency currency'),
  ($$1, currency => 'us'$$, '22023 invalid_currency currency'),
  ($$1, currency => 'US D'$$, '22023 invalid_currency currency'),
  ($$1, currency => repeat('U', 17)$$, '22023 invalid_currency currency'),
  ($$1, currency => repeat('U', 1000000)$$, '22023 invalid_currency currency'),
  ($$1, currency => 'ÜSD'$$, '22023 invalid_currency currency'),
  ($$1, merchant => ''$$, '22023 invalid_length merchant'),
  ($$1, merchant => repeat('m', 256)$$, '22023 invalid_length merchant'),
  ($$1, merchant => repeat('m', 10000000)$$, '22023 invalid_length merchant'),
  ($$1, mcc => ''$$, '22023 invalid_length mcc'),
  ($$1, mcc => '581'$$, '22023 invalid_value mcc'),
  ($$1, mcc => '58122'$$, '22023 invalid_value mcc'),
  ($$1, mcc => '58a2'$$, '22023 invalid_value mcc'),
  ($$1, mcc => '٥٨١٢'$$, '22023 invalid_value mcc'),
  ($$1, country => 'USA'$$, '22023 invalid_value country'),
  ($$1, country => '1A'$$, '22023 invalid_value country'),
  ($$1, country => 'Ü'$$, '22023 invalid_value country'),
  ($$1, country => repeat('U', 1000)$$, '22023 invalid_length country'),
  ($$1, card_id => '00000000-0000-7000-8000-000000000000'$$, 'P0002 unknown_card card_id'),
  ($$1, intent_id => '00000000-0000-7000-8000-000000000000'$$, 'P0002 unknown_intent intent_id'),
  ($$1, idempotency_key => ''$$, '22023 invalid_length idempotency_key'),
  ($$1, idempotency_key => repeat('k', 256)$$, '22023 invalid_length idempotency_key'),
  ($$1, idempotency_key => repeat('é', 256)$$, '22023 invalid_length idempotency_key'),
  ($$1, hold_for => '0'$$, '22023 invalid_value hold_for'),
  ($$1, hold_for => '-1 day'$$, '22023 invalid_value hold_for'),
  ($$1, metadata => '[]'$$, '22023 invalid_type metadata'),
  ($$1, metadata => '"x"'$$, '22023 invalid_type metadata'),
  ($$1, metadata => 'null'$$, '22023 invalid_type metadata'),
  ($$1, metadata => jsonb_build_object('a', repeat('x', 65536))$$, '22023 invalid_length metadata'),
  ($$1, organization_id => 'nobody'$$, 'P0002 unknown_agent agent_id'),
  ($$1, organization_id => ''$$, '22023 invalid_value organization_id'),
  ($$1, organization_id => repeat('o', 65)$$, '22023 invalid_value organization_id');
SELECT is(pg_temp.refused(format('SELECT ledger_agents.%I((SELECT id FROM agent), %s)', verb, arguments)), want, format('%s(agent, %s)', verb, left(arguments, 60)))
  FROM spending, unnest('{authorize,authorize_or_raise,evaluate}'::text[]) AS verb;
-- A hold beyond the end of time.
SELECT is(pg_temp.refused(format($$SELECT ledger_agents.%I((SELECT id FROM agent), 1, hold_for => '300000 years')$$, verb)), '22023 out_of_range hold_for', format('%s: a hold beyond the end of time', verb))
  FROM unnest('{authorize,evaluate}'::text[]) AS verb;

-- Another tenant's ids and ids that never were are the same error.
SELECT is(pg_temp.refused(format(call, id)), want, format(call, what))
  FROM (SELECT 'another tenant''s', id FROM foreigner UNION ALL VALUES ('none', '00000000-0000-7000-8000-000000000000'::uuid)) AS v (what, id),
       (VALUES ('SELECT ledger_agents.authorize(%L, 1)'), ('SELECT ledger_agents.evaluate(%L, 1)'), ('SELECT ledger_agents.authorize_or_raise(%L, 1)'), ('SELECT ledger_agents.agent_budget(%L)'),
               ($$SELECT ledger_agents.update_agent(%L, '{"name": "x"}')$$), ('SELECT ledger_agents.deregister_agent(%L)'), ('SELECT ledger_agents.get_agent(%L)'),
               ('SELECT ledger_agents.create_agent_token(%L)'), ('SELECT ledger_agents.list_agent_tokens(%L)')) AS c (call), (VALUES ('P0002 unknown_agent agent_id')) AS w (want);
SELECT is(pg_temp.refused(format(call, id)), 'P0002 unknown_authorization authorization_id', format(call, what))
  FROM (SELECT 'another tenant''s', id FROM foreign_spend UNION ALL VALUES ('none', '00000000-0000-7000-8000-000000000000'::uuid)) AS v (what, id),
       (VALUES ('SELECT ledger_agents.reverse(%L)'), ('SELECT ledger_agents.get_authorization(%L)')) AS c (call);
SELECT is(pg_temp.refused(format(call, id)), 'P0002 unknown_token token_id', format(call, what))
  FROM (SELECT 'another tenant''s', t.id FROM ledger_agents.agent_tokens AS t WHERE organization_id = 'elsewhere' UNION ALL VALUES ('none', '00000000-0000-7000-8000-000000000000'::uuid)) AS v (what, id),
       (VALUES ('SELECT ledger_agents.revoke_agent_token(%L)'), ('SELECT ledger_agents.rotate_agent_token(%L)')) AS c (call);

-- Of all others: (statement, error).
SELECT is(pg_temp.refused(statement), want, left(statement, 110))
  FROM (VALUES
    ('SELECT ledger_agents.authorize()', '22004 null_value agent_id'),
    ('SELECT ledger_agents.authorize(amount => 1)', '22004 null_value agent_id'),
    ('SELECT ledger_agents.evaluate(NULL, 1)', '22004 null_value agent_id'),
    ('SELECT ledger_agents.agent_budget()', '22004 null_value agent_id'),
    ('SELECT ledger_agents.reverse(NULL)', '22004 null_value authorization_id'),
    ('SELECT ledger_agents.reverse((SELECT id FROM spend), 0)', '22023 invalid_amount amount'),
    ('SELECT ledger_agents.reverse((SELECT id FROM spend), -1)', '22023 invalid_amount amount'),
    ('SELECT ledger_agents.reverse((SELECT id FROM spend), 101)', '22023 amount_too_large amount'),
    ('SELECT ledger_agents.reverse((SELECT id FROM spend), 9223372036854775807)', '22023 amount_too_large amount'),
    ($$SELECT ledger_agents.reverse((SELECT id FROM spend), 1, '')$$, '22023 invalid_length idempotency_key'),
    ($$SELECT ledger_agents.reverse((SELECT id FROM spend), 1, repeat('k', 256))$$, '22023 invalid_length idempotency_key'),
    ($$SELECT ledger_agents.authorize((SELECT id FROM agent), 99, idempotency_key => 'first')$$, '22023 idempotency_key_reused idempotency_key'),
    ('SELECT ledger_agents.update_agent((SELECT id FROM agent), NULL)', '22004 null_value changes'),
    ('SELECT ledger_agents.update_customer(NULL, NULL)', '22004 null_value customer_id'),
    ($$SELECT ledger_agents.update_customer('acme', NULL)$$, '22004 null_value changes'),
    ($$SELECT ledger_agents.update_customer('', '{}')$$, '22023 invalid_length customer_id'),
    ($$SELECT ledger_agents.update_customer(repeat('c', 256), '{}')$$, '22023 invalid_length customer_id'),
    ($$SELECT ledger_agents.update_customer('new', '{"spending_limit": -1}')$$, '22023 out_of_range spending_limit'),
    ($$SELECT ledger_agents.update_customer('new', '{"spending_limit_frequency": "perDay"}')$$, '22023 invalid_value spending_limit_frequency'),
    ($$SELECT ledger_agents.update_customer('new', '{"window_mode": "x"}')$$, '22023 invalid_value window_mode'),
    ($$SELECT ledger_agents.update_customer('new', '{"status": "deregistered"}')$$, '22023 invalid_value status'),
    ($$SELECT ledger_agents.update_customer('new', '{"status": null}')$$, '22004 null_value status'),
    ($$SELECT ledger_agents.update_customer('new', '{"created_at": "2020-01-01"}')$$, '22023 immutable_field created_at'),
    ($$SELECT ledger_agents.update_customer('new', '{"currency": "EUR"}')$$, '22023 unknown_field currency'),
    ($$SELECT ledger_agents.update_customer('new', '[]')$$, '22023 invalid_type changes'),
    ($$SELECT ledger_agents.update_customer('new', '{}', 'nobody')$$, 'P0002 unknown_organization organization_id'),
    ($$SELECT ledger_agents.get_customer('nobody')$$, 'P0002 unknown_customer customer_id'),
    ('SELECT ledger_agents.get_customer(NULL)', '22004 null_value customer_id'),
    ('SELECT ledger_agents.create_organization(NULL)', '22004 null_value organization_id'),
    ($$SELECT ledger_agents.create_organization('')$$, '22023 invalid_value organization_id'),
    ($$SELECT ledger_agents.create_organization(repeat('o', 65))$$, '22023 invalid_value organization_id'),
    ($$SELECT ledger_agents.create_organization('elsewhere')$$, '23505 organization_id_taken organization_id'),
    ($$SELECT ledger_agents.create_organization('o', name => '')$$, '22023 invalid_length name'),
    ($$SELECT ledger_agents.create_organization('o', livemode => NULL)$$, '22004 null_value livemode'),
    ($$SELECT ledger_agents.create_organization('o', timezone => NULL)$$, '22004 null_value timezone'),
    ($$SELECT ledger_agents.create_organization('o', currency => NULL)$$, '22004 null_value currency'),
    ($$SELECT ledger_agents.create_organization('o', spending_limit => -1)$$, '22023 out_of_range spending_limit'),
    ($$SELECT ledger_agents.create_organization('o', spending_limit_frequency => 'never')$$, '22023 invalid_value spending_limit_frequency'),
    ($$SELECT ledger_agents.create_organization('o', limit_approaching_percent => 0)$$, '22023 out_of_range limit_approaching_percent'),
    ($$SELECT ledger_agents.create_organization('o', limit_approaching_percent => 101)$$, '22023 out_of_range limit_approaching_percent'),
    ('SELECT ledger_agents.update_organization(NULL)', '22004 null_value changes'),
    ($$SELECT ledger_agents.update_organization('{}', 'nobody')$$, 'P0002 unknown_organization organization_id'),
    ($$SELECT ledger_agents.update_organization('{"id": "x"}')$$, '22023 immutable_field id'),
    ($$SELECT ledger_agents.update_organization('{"livemode": false}')$$, '22023 immutable_field livemode'),
    ($$SELECT ledger_agents.update_organization('{"limit_approaching_percent": 80.5}')$$, '22023 invalid_type limit_approaching_percent'),
    ($$SELECT ledger_agents.update_organization('{"timezone": 3}')$$, '22023 invalid_type timezone'),
    ($$SELECT ledger_agents.update_organization('{"currency": "EUR"}')$$, '55000 currency_in_use currency'),
    ($$SELECT ledger_agents.create_agent_token((SELECT id FROM agent), '')$$, '22023 invalid_length name'),
    ($$SELECT ledger_agents.create_agent_token((SELECT id FROM agent), repeat('n', 256))$$, '22023 invalid_length name'),
    ($$SELECT ledger_agents.create_agent_token((SELECT id FROM agent), 'n', '2026-03-18 12:00Z')$$, '22023 invalid_value expires_at'),
    ($$SELECT ledger_agents.create_agent_token((SELECT id FROM agent), 'n', '-infinity')$$, '22023 invalid_value expires_at'),
    ('SELECT ledger_agents.create_agent_token(NULL)', '22004 null_value agent_id'),
    ('SELECT ledger_agents.list_agent_tokens(NULL)', '22004 null_value agent_id'),
    ('SELECT ledger_agents.revoke_agent_token(NULL)', '22004 null_value token_id'),
    ('SELECT ledger_agents.rotate_agent_token(NULL)', '22004 null_value token_id'),
    ('SELECT ledger_agents.authenticate(NULL)', '22004 null_value secret'),
    ($$SELECT ledger_agents.authenticate('')$$, '42501 invalid_token secret'),
    ($$SELECT ledger_agents.authenticate(repeat('a', 10000000))$$, '42501 invalid_token secret'),
    ($$SELECT ledger_agents.authenticate(repeat('é', 84))$$, '42501 invalid_token secret'),
    ('SELECT ledger_agents.deregister_agent(NULL)', '22004 null_value agent_id')
  ) AS v (statement, want);
SELECT is(pg_temp.refused(format('SELECT ledger_agents.rotate_agent_token(%L, %s)', t.id, grace)), want, format('rotate_agent_token(token, %s)', grace))
  FROM ledger_agents.agent_tokens AS t, (VALUES ('NULL', '22004 null_value grace'), ($$'-1 s'$$, '22023 invalid_value grace')) AS v (grace, want) WHERE organization_id = 'default';

-- Zones are names: POSIX strings and offsets, whose sign is the other way round, are none.
SELECT is(pg_temp.refused(format(statement, zone)), '22023 invalid_timezone timezone', format(statement, zone))
  FROM unnest('{UTC+3,FOO-12,EST5EDT4,"<+03>-3",+02:00,"",Mars/Olympus_Mons,../etc/passwd,posixrules2}'::text[]) AS zone,
       (VALUES ($$SELECT ledger_agents.create_organization('o', timezone => %L)$$), ($$SELECT ledger_agents.update_organization(jsonb_build_object('timezone', %L))$$),
               ($$SELECT ledger_agents.window_of('2026-03-18 12:00Z', %L)$$)) AS v (statement);
SELECT is(pg_temp.refused(format('SELECT ledger_agents.window_of(%s)', arguments)), want, format('window_of(%s)', arguments))
  FROM (VALUES ($$NULL, 'UTC'$$, '22004 null_value at'), ($$now(), NULL$$, '22004 null_value timezone'), ($$now(), 'UTC', NULL$$, '22004 null_value frequency')) AS v (arguments, want);

--
-- Numbers at the end of their range.
--
SELECT is(concat_ws(' ', a.decision, a.reasons, a.max_approvable, a.remaining, a.retry_at), 'declined {agent_limit_exceeded} 100', 'the largest bigint against a limit of 200 with 100 spent is a decline')
  FROM agent, LATERAL ledger_agents.authorize(agent.id, 9223372036854775807) AS a;
CREATE TEMP TABLE rich AS SELECT id FROM ledger_agents.register_agent('rich', 'acme');
SELECT is(concat_ws(' ', a.decision, a.max_approvable), 'approved 9223372036854775807', '2^62 without a limit') FROM rich, LATERAL ledger_agents.authorize(rich.id, 4611686018427387904) AS a;
SELECT is(pg_temp.refused(format('SELECT ledger_agents.%I((SELECT id FROM rich), 4611686018427387904)', verb)), '22003 amount_overflow amount', format('%s: the second 2^62 is beyond what sums can hold', verb))
  FROM unnest('{authorize,authorize_or_raise,evaluate}'::text[]) AS verb;
SELECT is(concat_ws(' ', a.decision, a.agent_spent), 'approved 9223372036854775807', 'one less is not') FROM rich, LATERAL ledger_agents.authorize(rich.id, 4611686018427387903) AS a;
SELECT is(pg_temp.refused('SELECT ledger_agents.authorize((SELECT id FROM rich), 1)'), '22003 amount_overflow amount', 'then not even 1');
SELECT is(concat_ws(' ', a.decision, a.max_approvable), 'declined', 'a limit declines it')
  FROM rich, LATERAL ledger_agents.update_agent(rich.id, '{"spending_limit": 9223372036854775807}') AS u, LATERAL ledger_agents.authorize(u.id, 1) AS a;
-- The sum of a customer's agents may be beyond the range without a limit to count for; then it cannot get one.
SELECT is(pg_temp.refused($$SELECT ledger_agents.update_customer('acme', '{"spending_limit": 5}')$$), '22003 amount_overflow spending_limit', 'a first limit where 2^63 - 1 and 100 were spent');
SELECT is(pg_temp.refused($$SELECT ledger_agents.update_organization('{"spending_limit": 5}')$$), '22003 amount_overflow spending_limit', 'the same of the organization');

-- What is just allowed.
SELECT is(pg_temp.refused(format('SELECT ledger_agents.evaluate((SELECT id FROM agent), %s)', arguments)), 'no error', left(arguments, 60))
  FROM (VALUES ($$1, merchant => repeat('ß', 255)$$), ($$1, idempotency_key => repeat('é', 255)$$), ($$1, country => 'us'$$), ($$1, mcc => '0000'$$), ($$1, currency => 'usd'$$),
               ($$1, metadata => jsonb_build_object('a', repeat('x', 65500))$$), ($$1, hold_for => '1 us'$$), ($$9223372036854775807$$), ($$1, as_of => '1999-01-01'$$), ($$1, as_of => '2200-01-01'$$)) AS v (arguments);
SELECT matches(pg_temp.refused($$SELECT ledger_agents.evaluate((SELECT id FROM agent), 1, as_of => 'infinity')$$), '^22008 instant_out_of_range ', 'as_of infinity is no instant');

-- Documents nest 64 deep, of objects or arrays; policies, which have rules and lists of them, not at all. (call, field of the error)
CREATE FUNCTION pg_temp.nested(levels int, bracket text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT CASE bracket WHEN '{' THEN repeat('{"a":', levels - 1) || '{}' || repeat('}', levels - 1) ELSE '{"a":' || repeat('[', levels - 1) || repeat(']', levels - 1) || '}' END::jsonb
$$;
-- What is an error in an answer is one here.
CREATE FUNCTION pg_temp.told(answer jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  IF answer ? 'error' THEN
    RAISE EXCEPTION USING ERRCODE = '22023', CONSTRAINT = answer #>> '{error,code}', COLUMN = answer #>> '{error,param}',
      DETAIL = concat(answer #>> '{error,code}', ': ', answer #>> '{error,message}'), MESSAGE = answer #>> '{error,message}';
  END IF;
  RETURN answer;
END
$$;
CREATE TEMP TABLE scribe AS SELECT id FROM ledger_agents.register_agent('scribe', 'acme', policy => '{"requireCard": false}');
CREATE TEMP TABLE card AS SELECT c.id FROM scribe, LATERAL ledger_agents.create_card(scribe.id, type => 'multi') AS c;
CREATE TEMP TABLE documented (call text, want text);
INSERT INTO documented SELECT replace(call, 'AGENT', '(SELECT id FROM scribe)'), want FROM (VALUES
  ($$ledger_agents.register_agent('LEVELS', 'acme', metadata => DOCUMENT)$$, 'metadata'),
  ($$ledger_agents.update_agent(AGENT, jsonb_build_object('metadata', DOCUMENT))$$, 'metadata'),
  ('ledger_agents.create_card(AGENT, metadata => DOCUMENT)', 'metadata'),
  ($$ledger_agents.update_card((SELECT id FROM card), jsonb_build_object('metadata', DOCUMENT))$$, 'metadata'),
  ('ledger_agents.declare_intent(AGENT, metadata => DOCUMENT)', 'metadata'),
  ($$ledger_agents.attest(AGENT, summary => 's', context => DOCUMENT)$$, 'context'),
  ('ledger_agents.authorize(AGENT, 1, metadata => DOCUMENT)', 'metadata'),
  ('ledger_agents.authorize_or_raise(AGENT, 1, metadata => DOCUMENT)', 'metadata'),
  ('ledger_agents.authorize_many(ARRAY[jsonb_populate_record(NULL::ledger_agents.spend_request, jsonb_build_object(''agent_id'', AGENT, ''amount'', 1, ''metadata'', DOCUMENT))])', 'metadata'),
  ('ledger_agents.evaluate(AGENT, 1, metadata => DOCUMENT)', 'metadata'),
  ('ledger_agents.explain_authorization(NULL, AGENT, 1, metadata => DOCUMENT)', 'metadata'),
  ('ledger_agents.record_spend(AGENT, 1, metadata => DOCUMENT)', 'metadata')) AS v (call, want);
INSERT INTO documented SELECT format('pg_temp.told(ledger_agents_api.%I(%L || jsonb_build_object(''agentId'', (SELECT id FROM scribe), %L, DOCUMENT)))', name, body, want), want FROM (VALUES
  ('update_agent', '{}', 'metadata'), ('declare_intent', '{}', 'metadata'), ('attest', '{"summary": "s"}', 'context'), ('authorize', '{"amount": 1}', 'metadata'), ('evaluate', '{"amount": 1}', 'metadata'),
  ('explain_authorization', '{"amount": 1}', 'metadata'), ('record_spend', '{"amount": 1}', 'metadata'), ('create_card', '{"type": "multi"}', 'metadata')) AS v (name, body, want);
INSERT INTO documented VALUES
  ($$pg_temp.told(ledger_agents_api.register_agent(jsonb_build_object('externalId', 'api LEVELS', 'userId', 'acme', 'name', 'n', 'metadata', DOCUMENT)))$$, 'metadata'),
  ($$pg_temp.told(ledger_agents_api.create_agent(jsonb_build_object('externalId', 'more LEVELS', 'customerId', 'acme', 'metadata', DOCUMENT)))$$, 'metadata'),
  ($$pg_temp.told(ledger_agents_api.update_card(jsonb_build_object('cardId', (SELECT id FROM card), 'metadata', DOCUMENT)))$$, 'metadata');
CREATE FUNCTION pg_temp.with_document(call text, levels int, bracket text) RETURNS text LANGUAGE sql AS $$
  SELECT pg_temp.refused('SELECT ' || replace(replace(call, 'LEVELS', levels || bracket), 'DOCUMENT', format('pg_temp.nested(%s, %L)', levels, bracket)))
$$;
SELECT matches(pg_temp.with_document(call, 64, bracket), '^no error(, and something was stored)?$', format('64 levels of %s: %s', bracket, call)) FROM documented, unnest('{"{","["}'::text[]) AS bracket;
SELECT is(pg_temp.with_document(call, 65, bracket), '22023 invalid_length ' || want, format('65 levels of %s: %s', bracket, call)) FROM documented, unnest('{"{","["}'::text[]) AS bracket;
SELECT is(pg_temp.with_document('ledger_agents.authorize((SELECT id FROM scribe), 1, metadata => DOCUMENT)', 10000, '{'), '22023 invalid_length metadata', '10 000 levels');
SELECT throws_ok('SELECT ledger_agents.authorize((SELECT id FROM scribe), 1, metadata => pg_temp.nested(65, $$[$$))', '22023', 'metadata is nested too deeply', 'and says so');
SELECT is(pg_temp.refused($$SELECT ledger_agents.authorize((SELECT id FROM scribe), 1, metadata => jsonb_build_object('flat', (SELECT jsonb_agg('{"a": []}'::jsonb) FROM generate_series(1, 1000)), 'text', repeat('[', 1000)))$$),
          'no error, and something was stored', 'many beside each other, and brackets in a text, are not deep');
SELECT is(pg_temp.refused(format('SELECT ledger_agents.create_policy(%L, %s)', 'deep', format(rules, nested))), '22023 invalid_policy ' || want, format('a policy of %s with %s', rules, nested))
  FROM (VALUES ('pg_temp.nested(2, ''{'')', 'rules.a'), ($$jsonb_build_object('limits', jsonb_build_object('perDay', %s))$$, 'rules.limits.perDay'), ($$jsonb_build_object('limits', jsonb_build_object('limits', %s))$$, 'rules.limits.limits'),
               ($$jsonb_build_object('allowedMerchants', jsonb_build_array(%s))$$, 'rules.allowedMerchants'), ($$jsonb_build_object('allowedMccs', jsonb_build_array(%s))$$, 'rules.allowedMccs'),
               ($$jsonb_build_object('activeDays', jsonb_build_array(%s))$$, 'rules.activeDays'), ($$jsonb_build_object('onDrift', %s)$$, 'rules.onDrift'), ($$jsonb_build_object('merchantHint', %s)$$, 'rules.merchantHint'),
               ($$jsonb_build_object('intentTolerance', %s)$$, 'rules.intentTolerance'), ($$jsonb_build_object('activeTimezone', %s)$$, 'rules.activeTimezone')) AS v (rules, want),
       unnest('{"pg_temp.nested(2, ''{'')","''[]''::jsonb"}'::text[]) AS nested;

-- The clock is a superuser's.
SELECT throws_ok($$SET ledger_agents.clock = 'yesterday-ish'$$, '22007', NULL, 'a clock must be an instant');
SELECT throws_ok($$SET ledger_agents.clock = 'infinity'$$, '22023', NULL, 'and a finite one');
CREATE ROLE la_bad_input;
GRANT ALL ON SCHEMA ledger_agents TO la_bad_input;
SELECT ledger_agents.grant_access('la_bad_input', 'operator') \g /dev/null
SET LOCAL ROLE la_bad_input;
SELECT throws_ok($$SET ledger_agents.clock = '2020-01-01'$$, '42501', NULL, 'an operator may not set it');
RESET ROLE;

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
