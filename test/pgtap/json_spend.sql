-- Do the JSON functions say what those of SQL say, field for field, and answer every mistake with its name and status?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'America/St_Johns';
SET LOCAL datestyle = 'SQL, DMY';
SET LOCAL intervalstyle = 'postgres_verbose';
SET LOCAL ledger_agents.clock = '2026-03-02 09:00:00.123456Z';

CREATE FUNCTION pg_temp.call(name text, body jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  PERFORM set_config('response.status', '', true);
  EXECUTE format('SELECT ledger_agents_api.%I($1)', name) USING body INTO answer;
  RETURN answer;
END
$$;
-- Its status, type, code and param; or "ok" and the status that it has set.
CREATE FUNCTION pg_temp.outcome(name text, body jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb := pg_temp.call(name, body);
BEGIN
  RETURN concat_ws(' ', CASE WHEN NOT answer ? 'error' THEN 'ok' END, nullif(current_setting('response.status'), ''), answer #>> '{error,type}', answer #>> '{error,code}', answer #>> '{error,param}');
END
$$;
CREATE FUNCTION pg_temp.camel(name text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(CASE WHEN n = 1 THEN part ELSE initcap(part) END, '' ORDER BY n) FROM regexp_split_to_table(name, '_') WITH ORDINALITY AS p (part, n)
$$;
-- A row as a document says it: camelCase, nulls left out, instants in ISO 8601.
CREATE FUNCTION pg_temp.said(r jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT coalesce(jsonb_object_agg(pg_temp.camel(key), CASE WHEN jsonb_typeof(value) = 'string' AND key ~ '(_at|_start|_reset)$'
           THEN to_jsonb(regexp_replace(to_char((value #>> '{}')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '\.?0*Z$', 'Z')) ELSE value END), '{}')
    FROM jsonb_each(r) WHERE value <> 'null'
$$;

SELECT id AS agent, token AS token FROM ledger_agents.register_agent('buyer', 'acme', spending_limit => 10000, policy => '{"requireCard": false}') \gset
SELECT id AS card FROM ledger_agents.create_card(:'agent', type => 'multi', policy => '{"allowedMccs": ["5812"], "merchantHint": "Deli", "onDrift": "alert", "ttlDays": 30, "maxAuthCount": 9, "cumulativeMax": 5000}') \gset
SELECT id AS intent FROM ledger_agents.declare_intent(:'agent') \gset
SELECT set_config('test.intent', :'intent', true), set_config('test.agent', :'agent', true), set_config('test.card', :'card', true), set_config('test.token', :'token', true) \gset
CREATE FUNCTION pg_temp.body(document text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT replace(replace(replace(replace(replace(replace(document, 'INTENT', current_setting('test.intent')), 'AGENT', current_setting('test.agent')), 'CARD', current_setting('test.card')), 'HOLD', coalesce(current_setting('test.hold', true), '')),
    'TOKEN', coalesce(current_setting('test.token_id', true), '')), 'UNKNOWN', '01890a5d-ac96-774b-bcce-b302099a8057')::jsonb
$$;

--
-- Every verb that SQL has is there.
--
SELECT is(string_agg(p.proname, ' ' ORDER BY p.proname), 'act_as_auditor act_as_operator adopt authenticate authorize_many authorize_or_raise chain_item check_invariants create_organization current_card_spend current_spend disown engine_time '
          || 'forget_tenants grant_access health_check installed_objects iso_duration keep_money level_functions library_version merchant_matches normal_merchant purge read_statistics refuse_change reset_statistics revoke_access seal_chain shipped_objects sign_event sweep verify_chain visible_agent visible_card_spend visible_organization visible_spend window_of write_view', 'what the JSON interface leaves out')
  FROM pg_proc AS p
 WHERE p.pronamespace = 'ledger_agents'::regnamespace
   AND NOT EXISTS (SELECT FROM pg_proc AS a WHERE a.pronamespace = 'ledger_agents_api'::regnamespace AND a.proname = p.proname);

--
-- An authorization says what its row says.
--
CREATE FUNCTION pg_temp.spend_of(a ledger_agents.authorization_detail) RETURNS jsonb LANGUAGE sql AS $$
  SELECT pg_temp.said(to_jsonb(a) - '{organization_id,customer_id,cursor,hold_for,failed_limits,on_limit_exceeded}'::text[]) || jsonb_build_object('object', 'authorization', 'userId', a.customer_id)
         || CASE WHEN a.hold_for IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('holdFor', 'P1Y2M3DT4H5M6.7S') END
         || CASE WHEN a.on_limit_exceeded = 'decline' THEN '{}' ELSE jsonb_build_object('onLimitExceeded', a.on_limit_exceeded) END
         || CASE WHEN a.failed_limits IS NULL THEN '{}'
                 ELSE jsonb_build_object('failedLimits', (SELECT jsonb_agg(pg_temp.said(f) ORDER BY n) FROM jsonb_array_elements(a.failed_limits) WITH ORDINALITY AS e (f, n))) END
$$;
CREATE TEMP TABLE request (n int, body text, why text);
INSERT INTO request VALUES
  (1, '{"agentId": "AGENT", "amount": 500}', 'nothing but an amount'),
  (2, '{"agentId": "AGENT", "amount": 600, "currency": "usd", "merchant": "The Deli", "mcc": "5812", "country": "us", "cardId": "CARD", "idempotencyKey": "k 2", "holdFor": "P1Y2M3DT4H5M6.7S", "metadata": {"a": [null]}}', 'everything'),
  (3, '{"agentId": "AGENT", "amount": 99999, "cardId": "CARD", "mcc": "5813", "idempotencyKey": "k 3"}', 'declined for several reasons'),
  (4, '{"agentId": "AGENT", "amount": 100, "currency": "EUR"}', 'declined for its currency'),
  (5, '{"agentId": "AGENT", "amount": 100, "currency": null, "merchant": null, "mcc": null, "country": null, "cardId": null, "intentId": null, "idempotencyKey": null, "holdFor": null, "metadata": null}', 'null is absent');
CREATE TEMP TABLE answered AS SELECT n, why, pg_temp.call('authorize', pg_temp.body(body)) AS answer FROM request ORDER BY n;
SELECT is(answer, pg_temp.spend_of(d), 'authorize: ' || why) FROM answered, ledger_agents.get_authorization((answer ->> 'id')::uuid) AS d ORDER BY n;
SELECT is(pg_temp.call('get_authorization', jsonb_build_object('authorizationId', answer -> 'id')), answer, 'get_authorization: ' || why) FROM answered ORDER BY n;
SELECT is(string_agg(answer ->> 'decision', ' ' ORDER BY n), 'approved approved declined declined approved', 'decisions') FROM answered;
SELECT is(answer -> 'reasons', '["mcc_not_allowed", "card_limit_exceeded", "agent_limit_exceeded"]', 'all reasons') FROM answered WHERE n = 3;
SELECT is(pg_temp.call('authorize', pg_temp.body(body)), answer || '{"replayed": true}', 'the same key again: ' || a.why) FROM answered AS a JOIN request AS r USING (n) WHERE answer ? 'idempotencyKey' ORDER BY n;
SELECT is(pg_temp.call('evaluate', pg_temp.body(body)), pg_temp.spend_of(e), 'evaluate: ' || why)
  FROM request, pg_temp.body(body) AS b,
       ledger_agents.evaluate((b ->> 'agentId')::uuid, (b ->> 'amount')::bigint, b ->> 'currency', b ->> 'merchant', b ->> 'mcc', b ->> 'country', (b ->> 'cardId')::uuid, NULL, b ->> 'idempotencyKey',
                              (b ->> 'holdFor')::interval, nullif(b -> 'metadata', 'null')) AS e ORDER BY n;
SELECT is(pg_temp.call('explain_authorization', pg_temp.body(body)) -> 'data', (SELECT jsonb_agg(pg_temp.said(to_jsonb(x))) FROM ledger_agents.explain_authorization(NULL,
            (b ->> 'agentId')::uuid, (b ->> 'amount')::bigint, b ->> 'currency', b ->> 'merchant', b ->> 'mcc', b ->> 'country', (b ->> 'cardId')::uuid) AS x), 'explain_authorization: ' || why)
  FROM request, pg_temp.body(body) AS b ORDER BY n;
SELECT is(pg_temp.call('explain_authorization', jsonb_build_object('authorizationId', answer -> 'id')) -> 'data',
          (SELECT jsonb_agg(pg_temp.said(to_jsonb(x))) FROM ledger_agents.explain_authorization((answer ->> 'id')::uuid) AS x), 'explain_authorization: ' || why || ', stored') FROM answered ORDER BY n;

-- onLimitExceeded, intents.
SELECT is(pg_temp.call('authorize', jsonb_build_object('agentId', r.id, 'amount', 5)) ->> 'onLimitExceeded', action, 'onLimitExceeded: ' || coalesce(action, 'left out'))
  FROM (VALUES ('notify', 'notify'), ('none', 'none'), ('suspend', 'suspend'), ('decline', NULL)) AS v (given, action), LATERAL ledger_agents.register_agent('on ' || given, 'acme', on_limit_exceeded => given) AS r;
SELECT is(pg_temp.call('authorize', jsonb_build_object('agentId', r.id, 'amount', 5, 'intentId', i.id)) ->> 'linkedIntentId', i.id::text, 'intentId')
  FROM ledger_agents.register_agent('plans', 'acme') AS r, LATERAL ledger_agents.declare_intent(r.id, expected_amount => 5) AS i;

--
-- What becomes of it: the JSON functions and those of SQL, side by side on two holds.
--
CREATE FUNCTION pg_temp.step(verb text, body jsonb, arguments text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  here uuid := (ledger_agents.get_agent(external_id => 'here')).id;
  there uuid := (ledger_agents.get_agent(external_id => 'there')).id;
  a jsonb;
  d ledger_agents.authorization_detail;
BEGIN
  IF body ? 'agentId' THEN
    body := body || jsonb_build_object('agentId', here);
    arguments := format('%L, ', there) || arguments;
  ELSE
    body := body || jsonb_build_object('authorizationId', (SELECT id FROM ledger_agents.authorizations WHERE agent_id = here AND increment_of IS NULL ORDER BY sequence LIMIT 1));
    arguments := format('%L, ', (SELECT id FROM ledger_agents.authorizations WHERE agent_id = there AND increment_of IS NULL ORDER BY sequence LIMIT 1)) || arguments;
  END IF;
  a := pg_temp.call(verb, body);
  EXECUTE format('SELECT * FROM ledger_agents.%I(%s)', verb, arguments) INTO d;
  RETURN NEXT is(a - '{id,agentId,incrementOf}'::text[], pg_temp.spend_of(d) - '{id,agentId,incrementOf}'::text[], format('%s %s', verb, body - 'authorizationId' - 'agentId'));
END
$$;
SELECT id AS here FROM ledger_agents.register_agent('here', 'two', spending_limit => 5000) \gset
SELECT id AS there FROM ledger_agents.register_agent('there', 'two', spending_limit => 5000) \gset
SELECT pg_temp.step(verb, body, arguments) FROM (VALUES
  (1, 'authorize', '{"agentId": "", "amount": 1000, "merchant": "m"}'::jsonb, '1000, merchant => ''m'''),
  (2, 'increment', '{"amount": 200, "idempotencyKey": "i"}', '200, ''i'''),
  (3, 'increment', '{"amount": 200, "idempotencyKey": "i"}', '200, ''i'''),
  (4, 'increment', '{"amount": 9999}', '9999'),
  (5, 'reverse', '{"amount": 100, "idempotencyKey": "r"}', '100, ''r'''),
  (6, 'reverse', '{"amount": 100, "idempotencyKey": "r"}', '100, ''r'''),
  (7, 'capture', '{"amount": 300, "final": false, "idempotencyKey": "c"}', '300, false, false, ''c'''),
  (8, 'capture', '{"amount": 300, "final": false, "idempotencyKey": "c"}', '300, false, false, ''c'''),
  (9, 'capture', '{"amount": 900, "force": true}', '900, force => true'),
  (10, 'refund', '{"amount": 50, "idempotencyKey": "f"}', '50, ''f'''),
  (11, 'refund', '{"amount": 50, "idempotencyKey": "f"}', '50, ''f'''),
  (12, 'refund', '{}', 'NULL'),
  (13, 'record_spend', '{"agentId": "", "amount": 70, "currency": "usd", "merchant": "m", "mcc": "5812", "country": "de", "idempotencyKey": "s", "metadata": {}}', '70, ''usd'', ''m'', ''5812'', ''de'', NULL, ''s'', ''{}'''),
  (14, 'record_spend', '{"agentId": "", "amount": 70, "currency": "usd", "merchant": "m", "mcc": "5812", "country": "de", "idempotencyKey": "s", "metadata": {}}', '70, ''usd'', ''m'', ''5812'', ''de'', NULL, ''s'', ''{}'''))
  AS s (n, verb, body, arguments) ORDER BY n;
SELECT is(pg_temp.call('record_spend', pg_temp.body('{"agentId": "AGENT", "cardId": "CARD", "amount": 1}')) ->> 'cardId', :'card', 'record_spend with a card');

--
-- Durations and instants are ISO 8601, whatever the session's styles.
--
SELECT is(coalesce(pg_temp.call('evaluate', jsonb_build_object('agentId', :'agent', 'amount', 1, 'holdFor', given)) ->> 'holdFor', pg_temp.outcome('evaluate', jsonb_build_object('agentId', :'agent', 'amount', 1, 'holdFor', given))),
          want, format('holdFor "%s"', given))
  FROM (VALUES ('PT30M', 'PT30M'), ('P7D', 'P7D'), ('P1W', 'P7D'), ('P1M', 'P1M'), ('PT1M', 'PT1M'), ('P14M', 'P1Y2M'), ('PT90M', 'PT1H30M'), ('PT1.5S', 'PT1.5S'), ('PT0.000001S', 'PT0.000001S'), ('PT36H', 'PT36H'),
               ('P1W1D', 'P8D'), ('P3660D', 'P3660D'), ('PT1.0S', 'PT1S'),
               ('P3661D', '400 invalid_request_error out_of_range holdFor'), ('PT0S', '400 invalid_request_error invalid_value holdFor'), ('P999999999Y', '400 invalid_request_error invalid_value holdFor'),
               ('', '400 invalid_request_error invalid_value holdFor'), ('P', '400 invalid_request_error invalid_value holdFor'), ('PT', '400 invalid_request_error invalid_value holdFor'),
               ('P1', '400 invalid_request_error invalid_value holdFor'), ('P1DT', '400 invalid_request_error invalid_value holdFor'), ('P1D5', '400 invalid_request_error invalid_value holdFor'),
               ('1D', '400 invalid_request_error invalid_value holdFor'), ('PD', '400 invalid_request_error invalid_value holdFor'), ('P1H', '400 invalid_request_error invalid_value holdFor'), ('PT1D', '400 invalid_request_error invalid_value holdFor'),
               ('P1D1Y', '400 invalid_request_error invalid_value holdFor'), ('P1.5D', '400 invalid_request_error invalid_value holdFor'), ('P1.0D', '400 invalid_request_error invalid_value holdFor'),
               ('PT1.S', '400 invalid_request_error invalid_value holdFor'), ('PT1.1234567S', '400 invalid_request_error invalid_value holdFor'), ('P-1D', '400 invalid_request_error invalid_value holdFor'),
               ('p1d', '400 invalid_request_error invalid_value holdFor'), ('P1D ', '400 invalid_request_error invalid_value holdFor'), ('1 day', '400 invalid_request_error invalid_value holdFor'),
               ('PT12345678901S', '400 invalid_request_error invalid_value holdFor')) AS v (given, want);
SELECT is(coalesce(pg_temp.call('evaluate', jsonb_build_object('agentId', :'agent', 'amount', 1, 'asOf', given)) ->> 'decidedAt', pg_temp.outcome('evaluate', jsonb_build_object('agentId', :'agent', 'amount', 1, 'asOf', given))),
          want, format('asOf "%s"', given))
  FROM (VALUES ('2026-04-05T06:07:08Z', '2026-04-05T06:07:08Z'), ('2026-04-05T06:07Z', '2026-04-05T06:07:00Z'), ('2026-04-05T06:07:08.25Z', '2026-04-05T06:07:08.25Z'), ('2026-04-05T06:07:08.123456Z', '2026-04-05T06:07:08.123456Z'),
               ('2026-04-05T06:07:08+05:30', '2026-04-05T00:37:08Z'), ('2026-04-05T06:07:08-03:30', '2026-04-05T09:37:08Z'), ('2028-02-29T00:00:00Z', '2028-02-29T00:00:00Z'), ('9999-12-31T23:59:59Z', '9999-12-31T23:59:59Z'),
               ('2026-02-29T00:00:00Z', NULL), ('2026-04-31T00:00:00Z', NULL), ('2026-13-01T00:00:00Z', NULL), ('2026-00-01T00:00:00Z', NULL), ('2026-04-00T00:00:00Z', NULL), ('2026-04-05T24:00:00Z', NULL),
               ('2026-04-05T06:60:00Z', NULL), ('2026-04-05T06:07:60Z', NULL), ('2026-04-05T06:07:08', NULL), ('2026-04-05 06:07:08Z', NULL), ('2026-04-05', NULL), ('0000-04-05T06:07:08Z', NULL), ('2026-4-5T06:07:08Z', NULL),
               ('2026-04-05T06:07:08.Z', NULL), ('2026-04-05T06:07:08.1234567Z', NULL), ('2026-04-05T06:07:08+16:00', NULL), ('2026-04-05T06:07:08+0530', NULL), ('2026-04-05T06:07:08Zx', NULL), ('now', NULL), ('infinity', NULL), ('', NULL))
         AS v (given, instant), LATERAL (SELECT coalesce(instant, '400 invalid_request_error invalid_value asOf')) AS w (want);

--
-- Headers. What is not a header of a request changes nothing.
--
CREATE FUNCTION pg_temp.with_headers(headers text, name text, body jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  PERFORM set_config('request.headers', headers, true);
  answer := concat_ws(' ', pg_temp.outcome(name, body), pg_temp.call(name, body) ->> 'idempotencyKey');
  PERFORM set_config('request.headers', '', true);
  RETURN answer;
END
$$;
SELECT is(pg_temp.with_headers(headers, 'authorize', pg_temp.body('{"agentId": "AGENT", "amount": 99999}')), want, format('a decline with headers %s', headers))
  FROM (VALUES (NULL, 'ok'), ('', 'ok'), ('{}', 'ok'), ('[]', '400 invalid_request_error invalid_value request.headers'), ('{"prefer": "decline=402"}', 'ok 402'), ('{"prefer": "Decline=402"}', 'ok 402'), ('{"prefer": "return=minimal,decline=402"}', 'ok 402'),
               ('{"prefer": "decline=402, return=minimal"}', 'ok 402'), ('{"prefer": ["decline=402"]}', '400 invalid_request_error invalid_value request.headers'), ('{"prefer": "decline=4022"}', 'ok'), ('{"prefer": "xdecline=402"}', 'ok'), ('{"prefer": "decline=200"}', 'ok'), ('{"prefer": ""}', 'ok'))
       AS h (headers, want);
SELECT is(pg_temp.with_headers('{"prefer": "decline=402"}', name, pg_temp.body(body)), want, format('decline=402: %s %s', name, body))
  FROM (VALUES ('authorize', '{"agentId": "AGENT", "amount": 1}', 'ok'), ('evaluate', '{"agentId": "AGENT", "amount": 99999}', 'ok'), ('authorize', '{"agentId": "AGENT"}', '400 invalid_request_error null_value amount')) AS v (name, body, want);
SELECT is(pg_temp.with_headers('{"prefer": "decline=402"}', 'increment', jsonb_build_object('authorizationId', answer -> 'id', 'amount', 99999)), 'ok 402', 'decline=402: increment') FROM answered WHERE n = 1;
SELECT is(pg_temp.with_headers('{"idempotency-key": "h 1"}', 'authorize', pg_temp.body(body)), want, format('the header''s key: %s', body))
  FROM (VALUES ('{"agentId": "AGENT", "amount": 3}', 'ok h 1'), ('{"agentId": "AGENT", "amount": 3, "idempotencyKey": null}', 'ok h 1'), ('{"agentId": "AGENT", "amount": 3, "idempotencyKey": "h 1"}', 'ok h 1'),
               ('{"agentId": "AGENT", "amount": 3, "idempotencyKey": "h 2"}', '400 invalid_request_error idempotency_key_conflict idempotencyKey'),
               ('{"agentId": "AGENT", "amount": 4}', '409 conflict_error idempotency_key_reused idempotencyKey')) AS v (body, want);
SELECT is(pg_temp.with_headers(jsonb_build_object('idempotency-key', key)::text, 'authorize', pg_temp.body('{"agentId": "AGENT", "amount": 3}')), '400 invalid_request_error invalid_length idempotencyKey', format('a key of %s characters', length(key)))
  FROM unnest(ARRAY['', repeat('k', 256)]) AS key;
SELECT is(pg_temp.with_headers('{"idempotency-key": "h 1"}', 'evaluate', pg_temp.body('{"agentId": "AGENT", "amount": 4, "idempotencyKey": "h 2"}')), 'ok', 'evaluate looks up no key');
-- The verbs take it, too: the second call is a replay.
CREATE FUNCTION pg_temp.twice(headers text, name text, body jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  answers jsonb;
BEGIN
  PERFORM set_config('request.headers', headers, true);
  answers := jsonb_build_array(pg_temp.call(name, body) -> 'replayed', pg_temp.call(name, body) -> 'replayed');
  PERFORM set_config('request.headers', '', true);
  RETURN answers;
END
$$;
SELECT set_config('test.hold', pg_temp.call('authorize', pg_temp.body('{"agentId": "AGENT", "amount": 40}')) ->> 'id', true) AS hold \gset
SELECT is(pg_temp.twice(format('{"idempotency-key": "v %s"}', n), name, pg_temp.body(body)), '[false, true]', 'the header''s key: ' || name)
  FROM (VALUES (1, 'increment', '{"authorizationId": "HOLD", "amount": 2}'), (2, 'reverse', '{"authorizationId": "HOLD", "amount": 2}'), (3, 'capture', '{"authorizationId": "HOLD", "amount": 2}'),
               (4, 'refund', '{"authorizationId": "HOLD", "amount": 1}'), (5, 'record_spend', '{"agentId": "AGENT", "amount": 2}')) AS v (n, name, body) ORDER BY n;

--
-- The functions that read and look after what is there.
--
CREATE FUNCTION pg_temp.agent_of(d ledger_agents.agent_detail) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object('object', 'agent', 'userId', d.customer_id, 'onLimitExceeded', nullif(d.on_limit_exceeded, 'decline'), 'createdAt', floor(extract(epoch FROM d.created_at) * 1000)::bigint,
           'updatedAt', floor(extract(epoch FROM d.updated_at) * 1000)::bigint, 'deregisteredAt', floor(extract(epoch FROM d.deregistered_at) * 1000)::bigint, 'suspendedAt', floor(extract(epoch FROM d.suspended_at) * 1000)::bigint))
         || pg_temp.said(to_jsonb(d) - '{organization_id,customer_id,on_limit_exceeded,created_at,updated_at,deregistered_at,suspended_at,cursor}'::text[])
$$;
SELECT status AS updated FROM ledger_agents.update_agent(:'agent', '{"description": "d", "max_cards": 4, "default_card_limit": 7, "on_limit_exceeded": "notify", "window_mode": "rolling", "policy": {"requireCard": false, "requireApproval": false}}') \gset
SELECT status AS paused FROM ledger_agents.register_agent('paused', 'other', status => 'suspended') \gset
SELECT d.status AS gone FROM ledger_agents.register_agent('gone', 'other') AS g, LATERAL ledger_agents.deregister_agent(g.id) AS d \gset
SELECT is(pg_temp.call('get_agent', jsonb_build_object('agentId', d.id)), pg_temp.agent_of(d), 'get_agent: ' || d.external_id) FROM ledger_agents.list_agents(max_rows => 100) AS d ORDER BY d.external_id;
SELECT is(pg_temp.call('get_agent', '{"externalId": "buyer"}'), pg_temp.call('get_agent', jsonb_build_object('agentId', :'agent')), 'get_agent by externalId');
SELECT is(pg_temp.call('agent_budget', jsonb_build_object('agentId', d.id)), pg_temp.said(to_jsonb(b)) || '{"object": "budget"}', 'agent_budget: ' || d.external_id)
  FROM ledger_agents.list_agents(max_rows => 100) AS d, ledger_agents.agent_budget(d.id) AS b WHERE d.external_id IN ('buyer', 'plans') ORDER BY d.external_id;
SELECT is(pg_temp.call('deregister_agent', jsonb_build_object('agentId', r.id)), pg_temp.call('get_agent', jsonb_build_object('agentId', r.id)), 'deregister_agent') FROM ledger_agents.register_agent('leaves', 'acme') AS r;

-- Pages: every row once, in the order of SQL; a page that is just full has no next one.
CREATE FUNCTION pg_temp.pages(name text, body jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  page jsonb;
  ids jsonb := '[]';
  sizes jsonb := '[]';
BEGIN
  FOR n IN 1 .. 99 LOOP
    page := pg_temp.call(name, body);
    ids := ids || coalesce(jsonb_path_query_array(page, '$.data[*].id'), '[]');
    sizes := sizes || to_jsonb(jsonb_array_length(page -> 'data'));
    EXIT WHEN NOT (page -> 'hasMore')::boolean OR page ? 'nextCursor' <> (page -> 'hasMore')::boolean;
    body := body || jsonb_build_object('after', page -> 'nextCursor');
  END LOOP;
  RETURN jsonb_build_object('ids', ids, 'sizes', sizes);
END
$$;
SELECT count(ledger_agents.attest(:'agent', summary => 's ' || n)) AS attested FROM generate_series(1, 5) AS n \gset
CREATE TEMP TABLE listed AS
SELECT 'list_authorizations' AS name, (SELECT jsonb_agg(d.id) FROM ledger_agents.list_authorizations(max_rows => 100) AS d) AS ids
UNION ALL SELECT 'list_agents', (SELECT jsonb_agg(d.id) FROM ledger_agents.list_agents(max_rows => 100) AS d)
UNION ALL SELECT 'list_attestations', (SELECT jsonb_agg(d.id) FROM ledger_agents.list_attestations(max_rows => 100) AS d);
SELECT cmp_ok(jsonb_array_length(ids), '>=', 5, name || ': there are some') FROM listed;
SELECT is(pg_temp.pages(name, jsonb_build_object('limit', size)), jsonb_build_object('ids', ids, 'sizes', (SELECT jsonb_agg(least(size, n - s)) FROM generate_series(0, n - 1, size) AS s)), format('%s by %s', name, size))
  FROM listed, LATERAL (SELECT jsonb_array_length(ids) AS n) AS c, LATERAL unnest(ARRAY[2, n - 1, n, n + 1, 100]) AS size;
SELECT is(pg_temp.call(name, '{}') -> 'data' -> 0 ->> 'object', object, name || ': the rows are whole')
  FROM (VALUES ('list_authorizations', 'authorization'), ('list_agents', 'agent'), ('list_attestations', 'attestation')) AS v (name, object);
SELECT is(jsonb_array_length(pg_temp.call(name, '{}') -> 'data'), 20, name || ': 20 where nothing is said') FROM listed WHERE jsonb_array_length(ids) > 20;
SELECT is(pg_temp.call('list_authorizations', body) -> 'data' -> 0, pg_temp.call('get_authorization', jsonb_build_object('authorizationId', d.id)), 'list_authorizations: the rows are those of get_authorization')
  FROM (SELECT '{"limit": 1}'::jsonb AS body) AS b, ledger_agents.list_authorizations(max_rows => 1) AS d;
SELECT is((SELECT jsonb_agg(d -> 'id') FROM jsonb_array_elements(pg_temp.call(name, body || '{"limit": 100}') -> 'data') AS d), want, format('%s %s', name, body))
  FROM (SELECT 'list_authorizations' AS name, jsonb_build_object('agentId', :'agent') AS body, (SELECT jsonb_agg(id) FROM ledger_agents.list_authorizations(:'agent', max_rows => 100)) AS want
        UNION ALL SELECT 'list_authorizations', '{"userId": "two"}', (SELECT jsonb_agg(id) FROM ledger_agents.list_authorizations(customer_id => 'two', max_rows => 100))
        UNION ALL SELECT 'list_authorizations', '{"decision": "declined"}', (SELECT jsonb_agg(id) FROM ledger_agents.list_authorizations(decision => 'declined', max_rows => 100))
        UNION ALL SELECT 'list_authorizations', '{"agentId": null, "userId": null, "decision": null, "after": null}', (SELECT jsonb_agg(id) FROM ledger_agents.list_authorizations(max_rows => 100))
        UNION ALL SELECT 'list_agents', '{"userId": "two"}', (SELECT jsonb_agg(id) FROM ledger_agents.list_agents('two', max_rows => 100))
        UNION ALL SELECT 'list_agents', '{"status": "suspended"}', (SELECT jsonb_agg(id) FROM ledger_agents.list_agents(status => 'suspended', max_rows => 100))
        UNION ALL SELECT 'list_agents', '{"externalId": "buyer"}', (SELECT jsonb_agg(id) FROM ledger_agents.list_agents(external_id => 'buyer', max_rows => 100))
        UNION ALL SELECT 'list_attestations', jsonb_build_object('agentId', :'agent'), (SELECT jsonb_agg(id) FROM ledger_agents.list_attestations(:'agent', max_rows => 100))
        UNION ALL SELECT 'list_attestations', jsonb_build_object('agentId', :'here'), NULL) AS v;

-- Tokens
CREATE TEMP TABLE token AS SELECT pg_temp.call('create_agent_token', pg_temp.body('{"agentId": "AGENT", "name": "t", "expiresAt": "2026-05-01T00:00:00Z"}')) AS made;
SELECT is(made - '{id,token,prefix}'::text[], pg_temp.body('{"object": "agentToken", "agentId": "AGENT", "name": "t", "createdAt": "2026-03-02T09:00:00.123456Z", "expiresAt": "2026-05-01T00:00:00Z"}'), 'create_agent_token') FROM token;
SELECT is(concat_ws(' ', a.organization_id, a.agent_id), 'default ' || :'agent', 'its secret is one') FROM token, LATERAL (SELECT t.organization_id, t.agent_id FROM ledger_agents.agent_tokens AS t
  WHERE t.id = (made ->> 'id')::uuid AND t.secret_hash = sha256(convert_to(made ->> 'token', 'UTF8')) AND t.prefix = made ->> 'prefix') AS a;
SELECT set_config('test.token_id', made ->> 'id', true) AS token_id FROM token \gset
SELECT is(pg_temp.call('list_agent_tokens', pg_temp.body('{"agentId": "AGENT"}')) -> 'data', (SELECT jsonb_agg(pg_temp.said(to_jsonb(t) - '{organization_id,cursor}'::text[]) || '{"object": "agentToken"}') FROM ledger_agents.list_agent_tokens(:'agent') AS t), 'list_agent_tokens');
SELECT is(a - '{id,token,prefix}'::text[], made - '{id,token,prefix}'::text[], 'rotate_agent_token: another one like it') FROM token, pg_temp.call('rotate_agent_token', pg_temp.body('{"tokenId": "TOKEN", "grace": "PT2H"}')) AS a;
SELECT is(expires_at, '2026-03-02 11:00:00.123456Z'::timestamptz, 'rotate_agent_token: the old one has its grace') FROM ledger_agents.agent_tokens WHERE id = :'token_id';
SELECT is(pg_temp.call('revoke_agent_token', pg_temp.body('{"tokenId": "TOKEN"}')), (made - 'token') || '{"expiresAt": "2026-03-02T11:00:00.123456Z", "revokedAt": "2026-03-02T09:00:00.123456Z"}', 'revoke_agent_token') FROM token;
SELECT set_config('test.token_id', pg_temp.call('create_agent_token', pg_temp.body('{"agentId": "AGENT"}')) ->> 'id', true) AS token_id \gset
SELECT is(pg_temp.outcome('rotate_agent_token', pg_temp.body('{"tokenId": "TOKEN"}')), 'ok', 'rotate_agent_token: without grace');
SELECT is(expires_at, '2026-03-02 09:00:00.123456Z'::timestamptz, 'rotate_agent_token: the old one ends at once') FROM ledger_agents.agent_tokens WHERE id = :'token_id';

-- Keys of the organization, the same.
SELECT pg_temp.call('create_organization_key', '{"name": "k", "expiresAt": "2027-01-01T00:00:00Z"}') AS made_key \gset
SELECT is(k - '{id,key,prefix,createdAt}'::text[], '{"object": "organizationKey", "name": "k", "expiresAt": "2027-01-01T00:00:00Z"}', 'create_organization_key: the key') FROM jsonb(:'made_key') AS k;
SELECT matches(k ->> 'key', '^lk_live_', 'create_organization_key: its secret') FROM jsonb(:'made_key') AS k;
SELECT is(a -> 'data' -> 0, jsonb(:'made_key') - 'key', 'list_organization_keys: without its secret') FROM pg_temp.call('list_organization_keys', '{"limit": 1}') AS a;
SELECT is(a - '{id,key,prefix}'::text[], jsonb(:'made_key') - '{id,key,prefix}'::text[], 'rotate_organization_key: another one like it')
  FROM pg_temp.call('rotate_organization_key', jsonb_build_object('keyId', jsonb(:'made_key') -> 'id', 'grace', 'PT2H')) AS a;
SELECT is(expires_at, '2026-03-02 11:00:00.123456Z'::timestamptz, 'rotate_organization_key: the old one has its grace') FROM ledger_agents.organization_keys WHERE id::text = jsonb(:'made_key') ->> 'id';
SELECT ok(a ? 'revokedAt' AND NOT a ? 'key', 'revoke_organization_key') FROM pg_temp.call('revoke_organization_key', jsonb_build_object('keyId', jsonb(:'made_key') -> 'id')) AS a;

-- Tenants
CREATE FUNCTION pg_temp.organization() RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  RETURN pg_temp.said(to_jsonb(o)) || '{"object": "organization"}' FROM ledger_agents.get_organization() AS o;
END
$$;
SELECT is(pg_temp.call('update_organization', changes), pg_temp.organization(), format('update_organization %s', changes))
  FROM (VALUES (1, '{}'::jsonb), (2, '{"name": "n", "status": "active", "timezone": "Europe/Berlin", "currency": "USD", "spendingLimit": 900000, "spendingLimitFrequency": "perYear", "windowMode": "rolling", "limitApproachingPercent": 70, "captureTolerancePercent": 5, "transactionEvents": true}'),
               (3, '{"name": null, "spendingLimit": null, "windowMode": null, "timezone": "UTC"}')) AS v (n, changes) ORDER BY n;
SELECT is(pg_temp.call('get_organization', '{}'), pg_temp.call('update_organization', '{}'), 'get_organization');
SELECT is(concat_ws(' ', a ->> 'limitApproachingPercent', a ->> 'captureTolerancePercent', a ->> 'transactionEvents', a ->> 'spendingLimitFrequency', a -> 'spendingLimit'), '70 5 true perYear', 'what was not given stays, null clears')
  FROM pg_temp.call('get_organization', '{}') AS a;
SELECT is(pg_temp.call('update_customer', changes || '{"customerId": "acme"}') - 'updatedAt', want || '{"object": "customer", "id": "acme", "createdAt": "2026-03-02T09:00:00.123456Z"}', format('update_customer %s', changes))
  FROM (VALUES (1, '{"name": "n", "status": "suspended", "spendingLimit": 9, "spendingLimitFrequency": "perWeek", "windowMode": "rolling", "policy": {"requireIntent": true}}'::jsonb,
                   '{"name": "n", "status": "suspended", "spendingLimit": 9, "spendingLimitFrequency": "perWeek", "windowMode": "rolling", "policy": {"requireIntent": true}}'::jsonb),
               (2, '{"name": null, "status": "active", "spendingLimit": null, "windowMode": null, "policy": null}', '{"status": "active", "spendingLimitFrequency": "perWeek"}')) AS v (n, changes, want) ORDER BY n;
SELECT is(pg_temp.call('get_customer', '{"customerId": "acme"}'), pg_temp.said(to_jsonb(c) - 'organization_id') || '{"object": "customer"}', 'get_customer') FROM ledger_agents.get_customer('acme') AS c;
SELECT is(pg_temp.call('update_customer', '{"customerId": "brand new"}') ->> 'id', 'brand new', 'update_customer makes it');

-- Rules
SELECT is(pg_temp.call('effective_policy', body) -> 'data', (SELECT jsonb_agg(pg_temp.said(to_jsonb(p))) FROM ledger_agents.effective_policy(:'agent', card) AS p), format('effective_policy %s', why))
  FROM (VALUES (jsonb_build_object('agentId', :'agent'), NULL, 'of an agent'), (jsonb_build_object('agentId', :'agent', 'cardId', :'card'), :'card'::uuid, 'of its card')) AS v (body, card, why);
SELECT is(pg_temp.call('card_policy', jsonb_build_object('cardId', :'card')), pg_temp.said(to_jsonb(p)) || '{"object": "cardPolicy"}', 'card_policy') FROM ledger_agents.card_policy(:'card') AS p;

-- Events
CREATE TEMP TABLE polled AS SELECT pg_temp.call('poll_events', '{"consumer": "c", "limit": 3}') -> 'data' AS events;
SELECT is(events, (SELECT jsonb_agg(jsonb_build_object('id', e.id, 'type', e.type, 'organizationId', 'default', 'createdAt', floor(extract(epoch FROM e.created_at) * 1000)::bigint, 'data', e.data, 'position', e.position))
                   FROM ledger_agents.poll_events('c', 3) AS e), 'poll_events') FROM polled;
SELECT is(jsonb_array_length(events), 3, 'poll_events: as many as were asked for') FROM polled;
SELECT is(jsonb_array_length(pg_temp.call('poll_events', '{"consumer": "d"}') -> 'data'), least(100, (SELECT count(*)::int FROM ledger_agents.event_positions)), 'poll_events: 100 where nothing is said');
SELECT is(pg_temp.call('ack_events', jsonb_build_object('consumer', 'c', 'upTo', events -> 1 -> 'id')) - 'waiting',
          '{"object": "eventConsumer", "name": "c", "ackedPosition": 2, "polledPosition": 3, "acknowledged": 2, "createdAt": "2026-03-02T09:00:00.123456Z", "ackedAt": "2026-03-02T09:00:00.123456Z"}', 'ack_events') FROM polled;
SELECT is(pg_temp.call('poll_events', '{"consumer": "c", "limit": 1}') -> 'data', jsonb_build_array(events -> 2), 'poll_events: from there on') FROM polled;
SELECT is(pg_temp.call('list_event_consumers', '{}') -> 'data', (SELECT jsonb_agg(pg_temp.said(to_jsonb(c) - 'organization_id') || '{"object": "eventConsumer"}') FROM ledger_agents.list_event_consumers() AS c), 'list_event_consumers');
SELECT is(pg_temp.call('delete_event_consumer', '{"consumer": "d"}') ->> 'name', 'd', 'delete_event_consumer');

--
-- Every field of every body: of a wrong type, null, wrong in itself; and a field that is unknown.
--
SELECT set_config('test.hold', pg_temp.call('authorize', pg_temp.body('{"agentId": "AGENT", "amount": 40}')) ->> 'id', true) AS hold \gset
SELECT set_config('test.token_id', pg_temp.call('create_agent_token', pg_temp.body('{"agentId": "AGENT"}')) ->> 'id', true) AS token_id \gset
SELECT (ledger_agents.update_agent(:'agent', '{"max_cards": null}')).max_cards \g /dev/null
-- A body that is right, the fields that must be there, and those that may be null besides.
CREATE TEMP TABLE verb (name text, body text, required text[], nullable text[]);
INSERT INTO verb VALUES
  ('authorize', '{"agentId": "AGENT", "amount": 1}', '{agentId,amount}', '{currency,merchant,mcc,country,cardId,intentId,idempotencyKey,holdFor,metadata}'),
  ('evaluate', '{"agentId": "AGENT", "amount": 1}', '{agentId,amount}', '{currency,merchant,mcc,country,cardId,intentId,idempotencyKey,holdFor,metadata,asOf}'),
  ('explain_authorization', '{"agentId": "AGENT", "amount": 1}', '{agentId,amount}', '{authorizationId,currency,merchant,mcc,country,cardId,intentId,idempotencyKey,holdFor,metadata,asOf}'),
  ('record_spend', '{"agentId": "AGENT", "amount": 1}', '{agentId,amount}', '{currency,merchant,mcc,country,cardId,idempotencyKey,metadata}'),
  ('increment', '{"authorizationId": "HOLD", "amount": 1}', '{authorizationId,amount}', '{idempotencyKey}'),
  ('reverse', '{"authorizationId": "HOLD", "amount": 1}', '{authorizationId}', '{amount,idempotencyKey}'),
  ('capture', '{"authorizationId": "HOLD", "amount": 1, "final": false}', '{authorizationId}', '{amount,idempotencyKey}'),
  ('refund', '{"authorizationId": "HOLD", "amount": 1}', '{authorizationId}', '{amount,idempotencyKey}'),
  ('get_authorization', '{"authorizationId": "HOLD"}', '{authorizationId}', '{}'),
  ('list_authorizations', '{}', '{}', '{agentId,userId,decision,after}'),
  ('get_agent', '{"agentId": "AGENT"}', '{}', '{externalId}'),
  ('list_agents', '{}', '{}', '{userId,status,externalId,after}'),
  ('deregister_agent', '{"agentId": "UNKNOWN"}', '{agentId}', '{}'),
  ('agent_budget', '{"agentId": "AGENT"}', '{agentId}', '{}'),
  ('create_agent_token', '{"agentId": "AGENT"}', '{agentId}', '{name,expiresAt}'),
  ('list_agent_tokens', '{"agentId": "AGENT"}', '{agentId}', '{after}'),
  ('revoke_agent_token', '{"tokenId": "TOKEN"}', '{tokenId}', '{}'),
  ('rotate_agent_token', '{"tokenId": "UNKNOWN"}', '{tokenId}', '{}'),
  ('create_organization_key', '{}', '{}', '{name,expiresAt}'),
  ('list_organization_keys', '{}', '{}', '{after}'),
  ('revoke_organization_key', '{"keyId": "UNKNOWN"}', '{keyId}', '{}'),
  ('rotate_organization_key', '{"keyId": "UNKNOWN"}', '{keyId}', '{}'),
  ('get_organization', '{}', '{}', '{}'),
  ('update_organization', '{}', '{}', '{name,spendingLimit,windowMode}'),
  ('get_customer', '{"customerId": "acme"}', '{customerId}', '{}'),
  ('list_customers', '{}', '{}', '{status,after}'),
  ('update_customer', '{"customerId": "acme"}', '{customerId}', '{name,spendingLimit,windowMode,policy}'),
  ('effective_policy', '{"agentId": "AGENT"}', '{agentId}', '{cardId}'),
  ('card_policy', '{"cardId": "CARD"}', '{cardId}', '{}'),
  ('create_card', '{"agentId": "AGENT"}', '{agentId}', '{purpose,maxAmount,spendingLimit,policyId,policy}'),
  ('update_card', '{"cardId": "CARD"}', '{cardId}', '{purpose,maxAmount,spendingLimit,policyId,policy}'),
  ('freeze_card', '{"cardId": "CARD"}', '{cardId}', '{}'),
  ('unfreeze_card', '{"cardId": "CARD"}', '{cardId}', '{}'),
  ('close_card', '{"cardId": "UNKNOWN"}', '{cardId}', '{}'),
  ('get_card', '{"cardId": "CARD"}', '{cardId}', '{}'),
  ('list_cards', '{}', '{}', '{agentId,status,after}'),
  ('declare_intent', '{"agentId": "AGENT"}', '{agentId}', '{cardId,customerIntentId,summary,expectedAmount,expectedCurrency,expectedMerchant,expectedMccs,tolerance,tolerancePercent,metadata}'),
  ('approve_intent', '{"intentId": "UNKNOWN"}', '{intentId}', '{}'),
  ('reject_intent', '{"intentId": "UNKNOWN"}', '{intentId}', '{reason}'),
  ('cancel_intent', '{"intentId": "UNKNOWN"}', '{intentId}', '{}'),
  ('get_intent', '{"intentId": "INTENT"}', '{}', '{agentId,customerIntentId}'),
  ('list_intents', '{}', '{}', '{agentId,cardId,status,after}'),
  ('attest', '{"agentId": "AGENT", "summary": "s"}', '{agentId,summary}', '{cardId,expectedAmount,expectedMerchant,context}'),
  ('list_attestations', '{}', '{}', '{agentId,after}'),
  ('poll_events', '{"consumer": "c"}', '{consumer}', '{}'),
  ('ack_events', '{"consumer": "c", "upTo": "UNKNOWN"}', '{consumer,upTo}', '{}'),
  ('list_event_consumers', '{}', '{}', '{}'),
  ('delete_event_consumer', '{"consumer": "unknown"}', '{consumer}', '{}');
-- What each field may be else: further fields that may not be null.
CREATE TEMP TABLE other_field (name text, field text);
INSERT INTO other_field VALUES ('capture', 'final'), ('capture', 'force'), ('list_authorizations', 'limit'), ('list_agents', 'limit'), ('list_attestations', 'limit'), ('list_organization_keys', 'limit'), ('list_customers', 'limit'), ('list_agent_tokens', 'limit'), ('rotate_organization_key', 'grace'), ('list_cards', 'limit'), ('list_intents', 'limit'), ('poll_events', 'limit'), ('rotate_agent_token', 'grace'),
  ('update_organization', 'status'), ('update_organization', 'timezone'), ('update_organization', 'currency'), ('update_organization', 'spendingLimitFrequency'), ('update_organization', 'limitApproachingPercent'),
  ('update_organization', 'captureTolerancePercent'), ('update_organization', 'transactionEvents'), ('update_customer', 'status'), ('update_customer', 'spendingLimitFrequency'),
  ('create_card', 'type'), ('create_card', 'spendingLimitFrequency'), ('create_card', 'metadata'), ('update_card', 'spendingLimitFrequency'), ('update_card', 'metadata'), ('declare_intent', 'ttlMinutes');
CREATE TEMP TABLE field AS
SELECT name, body, field, field = ANY (nullable) AS nullable FROM verb, unnest(required || nullable) AS field UNION SELECT v.name, v.body, o.field, false FROM verb AS v JOIN other_field AS o USING (name)
UNION VALUES ('get_agent', '{"agentId": "AGENT"}', 'agentId', false), ('get_intent', '{"intentId": "INTENT"}', 'intentId', false);
SELECT is(array_agg(p.proname::text ORDER BY p.proname), (SELECT array_agg(name ORDER BY name) FROM verb), 'no verb is left out')
  FROM pg_proc AS p WHERE p.pronamespace = 'ledger_agents_api'::regnamespace AND p.prosrc = 'la_api'
   AND p.proname <> ALL ('{register_agent,create_agent,update_agent,create_policy,update_policy,delete_policy,get_policy,list_policies}'); -- in json.sql and template.sql

-- With a hold of its own, of which a refund finds something captured.
CREATE FUNCTION pg_temp.alone(name text, document text, more jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('test.hold', pg_temp.call('authorize', pg_temp.body('{"agentId": "AGENT", "amount": 40}')) ->> 'id', true);
  IF name = 'refund' THEN
    PERFORM ledger_agents.capture(current_setting('test.hold')::uuid, 5, final => false);
  END IF;
  RETURN pg_temp.outcome(name, pg_temp.body(document) || more);
END
$$;
SELECT is(pg_temp.alone(name, body), CASE name WHEN 'deregister_agent' THEN '404 not_found_error unknown_agent agentId' WHEN 'rotate_agent_token' THEN '404 not_found_error unknown_token tokenId'
            WHEN 'revoke_organization_key' THEN '404 not_found_error unknown_key keyId' WHEN 'rotate_organization_key' THEN '404 not_found_error unknown_key keyId'
            WHEN 'ack_events' THEN '404 not_found_error unknown_event upTo' WHEN 'delete_event_consumer' THEN '404 not_found_error unknown_consumer consumer'
            WHEN 'close_card' THEN '404 not_found_error unknown_card cardId' WHEN 'approve_intent' THEN '404 not_found_error unknown_intent intentId' WHEN 'reject_intent' THEN '404 not_found_error unknown_intent intentId'
            WHEN 'cancel_intent' THEN '404 not_found_error unknown_intent intentId' ELSE 'ok' END, 'right: ' || name) FROM verb WHERE name <> 'revoke_agent_token';
SELECT is(pg_temp.outcome(name, pg_temp.body(body) || '{"externalid": "x"}'), '400 invalid_request_error unknown_field externalid', 'unknown: ' || name) FROM verb;
SELECT is(pg_temp.outcome(name, pg_temp.body(body) || '{"agent_id": "x"}'), '400 invalid_request_error unknown_field agent_id', 'snake_case is unknown: ' || name) FROM verb;
SELECT is(pg_temp.outcome(name, pg_temp.body(body) || '{"organizationId": "x"}'), '400 invalid_request_error unknown_field organizationId', 'no body names the organization: ' || name) FROM verb;
SELECT is(pg_temp.outcome(name, document), '400 invalid_request_error invalid_type', format('%s %s', name, document)) FROM verb, unnest('{[],1,"null"}'::jsonb[]) AS document;
SELECT is(pg_temp.outcome(name, pg_temp.body(body) - f.field), '400 invalid_request_error null_value ' || f.field, format('%s without %s', name, f.field)) FROM verb, unnest(required) AS f (field);
SELECT is(pg_temp.alone(name, body, jsonb_build_object(field, NULL)),
          CASE WHEN name = 'reject_intent' AND nullable THEN '404 not_found_error unknown_intent intentId' WHEN nullable THEN 'ok'
               WHEN name IN ('get_agent', 'get_intent') THEN '400 invalid_request_error invalid_value ' || field
               ELSE '400 invalid_request_error null_value ' || field END, format('%s with %s null', name, field))
  FROM field WHERE NOT (nullable AND field = 'amount');
-- Ids of a wrong type are unknown ones, as all that is no uuid is.
SELECT is(pg_temp.outcome(name, pg_temp.body(body) || jsonb_build_object(field, value)),
          CASE WHEN field IN ('agentId', 'cardId', 'intentId', 'authorizationId', 'tokenId', 'keyId', 'policyId') THEN '404 not_found_error unknown_' || regexp_replace(field, 'Id$', '') || ' ' || field WHEN field = 'upTo' THEN '404 not_found_error unknown_event upTo'
               ELSE '400 invalid_request_error invalid_type ' || field END, format('%s with %s %s', name, field, value))
  FROM field, unnest(CASE WHEN field IN ('amount', 'limit', 'spendingLimit', 'limitApproachingPercent', 'captureTolerancePercent', 'maxAmount', 'expectedAmount', 'tolerance', 'tolerancePercent', 'ttlMinutes') THEN '{"\"1\"",1.5,true,[1],9223372036854775808.5}' WHEN field IN ('metadata', 'policy', 'context') THEN '{"\"{}\"",1,true}'
                     WHEN field = 'expectedMccs' THEN '{"\"5812\"",5812,true,[5812],"{}"}' WHEN field IN ('final', 'force', 'transactionEvents') THEN '{"\"true\"",1,"{}"}' ELSE '{1,true,[],"{}"}' END::jsonb[]) AS value;
SELECT is(pg_temp.outcome(name, pg_temp.body(body) || jsonb_build_object(field, 'no uuid')), '404 not_found_error unknown_' || CASE field WHEN 'upTo' THEN 'event' ELSE regexp_replace(field, 'Id$', '') END || ' ' || field, format('%s with %s no uuid', name, field))
  FROM field WHERE field IN ('agentId', 'cardId', 'intentId', 'authorizationId', 'tokenId', 'keyId', 'policyId', 'upTo');
SELECT is(pg_temp.outcome(name, pg_temp.body(body) || pg_temp.body(jsonb_build_object(field, 'UNKNOWN')::text)), '404 not_found_error unknown_' || CASE field WHEN 'upTo' THEN 'event' ELSE regexp_replace(field, 'Id$', '') END || ' ' || field, format('%s with an unknown %s', name, field))
  FROM field WHERE field IN ('agentId', 'cardId', 'intentId', 'authorizationId', 'tokenId', 'keyId', 'policyId', 'upTo') AND name !~ '^list_(authorizations|attestations|cards|intents)$' AND NOT (name = 'get_intent' AND field = 'agentId');
-- Values that are wrong in themselves, by the field's name.
CREATE TEMP TABLE wrong (field text, value jsonb, code text);
INSERT INTO wrong VALUES ('amount', '0', 'invalid_amount'), ('amount', '-5', 'invalid_amount'), ('amount', '-5000000000', 'out_of_range'), ('currency', '"x"', 'invalid_currency'), ('currency', '"U-D"', 'invalid_currency'), ('merchant', '""', 'invalid_length'),
  ('mcc', '"12"', 'invalid_value'), ('mcc', '"12345"', 'invalid_value'), ('mcc', '"abcd"', 'invalid_value'), ('country', '"usa"', 'invalid_value'), ('country', '""', 'invalid_length'), ('idempotencyKey', '""', 'invalid_length'),
  ('holdFor', '"soon"', 'invalid_value'), ('holdFor', '"PT0S"', 'invalid_value'), ('holdFor', '"P9999D"', 'out_of_range'), ('metadata', '[]', 'invalid_type'), ('asOf', '"today"', 'invalid_value'),
  ('decision', '"maybe"', 'invalid_value'), ('status', '"gone"', 'invalid_value'), ('limit', '0', 'out_of_range'), ('limit', '1001', 'out_of_range'), ('after', '"x"', 'invalid_value'), ('name', '""', 'invalid_length'), ('expiresAt', '"2026-01-01"', 'invalid_value'),
  ('expiresAt', '"2020-01-01T00:00:00Z"', 'invalid_value'), ('grace', '"1h"', 'invalid_value'), ('consumer', '""', 'invalid_length'), ('customerId', '""', 'invalid_length'), ('userId', '""', 'invalid_length'), ('externalId', '""', 'invalid_length'),
  ('spendingLimit', '-1', 'out_of_range'), ('spendingLimitFrequency', '"monthly"', 'invalid_value'), ('windowMode', '"sliding"', 'invalid_value'), ('timezone', '"Mars/Base"', 'invalid_timezone'), ('limitApproachingPercent', '0', 'out_of_range'),
  ('captureTolerancePercent', '101', 'out_of_range'), ('policy', '1', 'invalid_type'), ('purpose', '""', 'invalid_length'), ('maxAmount', '0', 'out_of_range'), ('type', '"many"', 'invalid_value'), ('customerIntentId', '""', 'invalid_length'), ('summary', '""', 'invalid_length'),
  ('reason', '""', 'invalid_length'), ('expectedAmount', '0', 'invalid_amount'), ('expectedCurrency', '"x"', 'invalid_currency'), ('expectedMerchant', '""', 'invalid_length'), ('expectedMerchant', '"-"', 'invalid_value'),
  ('expectedMccs', '[]', 'invalid_length'), ('expectedMccs', '["12"]', 'invalid_value'), ('tolerance', '-1', 'out_of_range'), ('tolerancePercent', '101', 'out_of_range'), ('ttlMinutes', '0', 'out_of_range'), ('ttlMinutes', '1441', 'out_of_range'),
  ('context', '[]', 'invalid_type');
-- Whole numbers that no bigint holds.
INSERT INTO wrong SELECT field, value, CASE WHEN value < '0' THEN 'out_of_range' ELSE 'amount_overflow' END FROM unnest('{amount,spendingLimit,maxAmount,expectedAmount,tolerance}'::text[]) AS field, unnest('{9223372036854775808,1e30,-1e30}'::jsonb[]) AS value
  UNION ALL SELECT field, value, 'out_of_range' FROM unnest('{limit,limitApproachingPercent,captureTolerancePercent,tolerancePercent,ttlMinutes}'::text[]) AS field, unnest('{1e30,-1e30}'::jsonb[]) AS value;
CREATE FUNCTION pg_temp.stored() RETURNS bigint[] LANGUAGE sql AS $$
  SELECT ARRAY[(SELECT count(*) FROM ledger_agents.authorizations), (SELECT count(*) FROM ledger_agents.authorization_entries), (SELECT count(*) FROM ledger_agents.customers), (SELECT count(*) FROM ledger_agents.agent_tokens),
               (SELECT count(*) FROM ledger_agents.event_consumers), (SELECT count(*) FROM ledger_agents.events), (SELECT count(*) FROM ledger_agents.configuration_changes)]
$$;
SELECT pg_temp.stored() AS stored \gset
SELECT is(pg_temp.outcome(name, pg_temp.body(body) || jsonb_build_object(field, value)), format('400 invalid_request_error %s %s', code, field), format('%s with %s %s', name, field, value)) FROM field JOIN wrong USING (field);
SELECT is(pg_temp.stored(), :'stored'::bigint[], 'and nothing is left behind');
SELECT is(array_agg(DISTINCT field ORDER BY field), '{agentId,authorizationId,cardId,final,force,intentId,keyId,policyId,tokenId,transactionEvents,upTo}', 'every other field has a value that is wrong') FROM field WHERE field NOT IN (SELECT field FROM wrong);
SELECT is(string_agg(DISTINCT f.name || ' ' || m.message, '; '), NULL, 'no message has a name of SQL') FROM field AS f JOIN wrong USING (field), LATERAL (SELECT pg_temp.call(f.name, pg_temp.body(body) || jsonb_build_object(field, value)) #>> '{error,message}' AS message) AS m
 WHERE m.message ~ '[a-z]_[a-z]';
SELECT is(pg_temp.call(name, body::jsonb) #>> '{error,message}', want, 'messages speak as bodies do: ' || want)
  FROM (VALUES ('authorize', '{"amount": 1}', 'agentId must not be null'), ('capture', '{}', 'authorizationId must not be null'), ('update_customer', '{"customerId": "acme", "spendingLimit": "x"}', 'spendingLimit must be a whole number')) AS v (name, body, want);
SELECT is(pg_temp.outcome(name, pg_temp.body(body)), want, format('%s %s', name, body))
  FROM (VALUES ('get_agent', '{"agentId": "AGENT", "externalId": "buyer"}', '400 invalid_request_error invalid_value agentId'), ('get_agent', '{}', '400 invalid_request_error invalid_value agentId'), ('get_agent', '{"externalId": "x"}', '404 not_found_error unknown_agent agentId'),
               ('get_customer', '{"customerId": "x"}', '404 not_found_error unknown_customer customerId'), ('ack_events', '{"consumer": "x", "upTo": "UNKNOWN"}', '404 not_found_error unknown_consumer consumer'),
               ('capture', '{"authorizationId": "HOLD", "amount": 99999}', '400 invalid_request_error amount_too_large amount'), ('reverse', '{"authorizationId": "HOLD", "amount": 99999}', '400 invalid_request_error amount_too_large amount'),
               ('authorize', '{"agentId": "AGENT", "amount": 9223372036854775807}', '400 invalid_request_error amount_overflow amount'),
               ('authorize', '{"agentId": "AGENT", "amount": 9223372036854775808}', '400 invalid_request_error amount_overflow amount'),
               ('update_customer', '{"customerId": "acme", "policy": {"requireIntent": 1}}', '400 invalid_request_error invalid_policy policy.requireIntent'), ('update_organization', '{"currency": "EUR"}', '409 conflict_error currency_in_use currency'), ('update_organization', '{"livemode": false}', '400 invalid_request_error unknown_field livemode'),
               ('update_organization', '{"id": "x"}', '400 invalid_request_error unknown_field id')) AS v (name, body, want);
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');

--
-- By an agent's token: its own, and nothing else. (What it may and may not is in agent_rights.sql.)
--
SELECT is(agent_id, :'agent', 'from here on it is the agent') FROM ledger_agents.authenticate(:'token');
SELECT is(pg_temp.outcome(name, pg_temp.body(body)), want, format('an agent: %s %s', name, body))
  FROM (VALUES ('authorize', '{"amount": 1}', 'ok'), ('evaluate', '{"amount": 1}', 'ok'), ('explain_authorization', '{"amount": 1}', 'ok'), ('explain_authorization', '{"authorizationId": "HOLD"}', 'ok'), ('agent_budget', '{}', 'ok'),
               ('get_authorization', '{"authorizationId": "HOLD"}', 'ok'), ('get_agent', '{"agentId": "AGENT"}', 'ok'), ('get_agent', '{"externalId": "here"}', '404 not_found_error unknown_agent agentId'),
               ('capture', '{"authorizationId": "HOLD"}', '403 permission_error not_allowed'), ('record_spend', '{"amount": 1}', '403 permission_error not_allowed'), ('card_policy', '{"cardId": "CARD"}', 'ok')) AS v (name, body, want);
SELECT is(pg_temp.outcome(name, jsonb_build_object('agentId', :'here', 'amount', 1) - CASE WHEN name IN ('get_agent', 'agent_budget', 'list_authorizations') THEN 'amount' ELSE '' END), '404 not_found_error unknown_agent agentId', 'another agent: ' || name)
  FROM unnest('{authorize,evaluate,explain_authorization,get_agent,agent_budget,list_authorizations}'::text[]) AS name;
SELECT is((SELECT jsonb_agg(DISTINCT d -> 'agentId') FROM jsonb_array_elements(pg_temp.call('list_authorizations', '{}') -> 'data') AS d), jsonb_build_array(:'agent'), 'its own authorizations');
SELECT is((SELECT jsonb_agg(d -> 'id') FROM jsonb_array_elements(pg_temp.call('list_agents', '{}') -> 'data') AS d), jsonb_build_array(:'agent'), 'itself');
SELECT * FROM finish();
ROLLBACK;
