-- Does the JSON interface speak the published pages field for field, and answer every mistake with its name and status?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'America/St_Johns';
SET LOCAL ledger_agents.clock = '2026-03-02 09:00:00.123456Z';

-- An answer, by the name of the function.
CREATE FUNCTION pg_temp.call(name text, body jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  PERFORM set_config('response.status', '', true);
  EXECUTE format('SELECT ledger_agents_api.%I($1)', name) USING body INTO answer;
  RETURN answer;
END
$$;
CREATE FUNCTION pg_temp.keys(document jsonb) RETURNS text[] LANGUAGE sql AS $$ SELECT ARRAY(SELECT key FROM jsonb_object_keys(document) AS key ORDER BY key COLLATE "C") $$;
CREATE FUNCTION pg_temp.sorted(VARIADIC names text[]) RETURNS text[] LANGUAGE sql AS $$ SELECT ARRAY(SELECT name FROM unnest(names) AS name ORDER BY name COLLATE "C") $$;
CREATE FUNCTION pg_temp.stored() RETURNS bigint[] LANGUAGE sql AS $$
  SELECT ARRAY[(SELECT count(*) FROM ledger_agents.organizations), (SELECT count(*) FROM ledger_agents.customers), (SELECT count(*) FROM ledger_agents.agents),
               (SELECT count(*) FROM ledger_agents.agent_tokens), (SELECT count(*) FROM ledger_agents.events), (SELECT count(*) FROM ledger_agents.configuration_changes)]
$$;

--
-- The answers have the fields of the pages, no more; those without a value are left out.
--
INSERT INTO ledger_agents.policies SELECT 'default', '00000000-0000-7000-8000-00000000000f', 'template', '{}', now(), now() FROM ledger_agents.register_agent('makes the organization', 'c');
CREATE TEMP TABLE registered AS SELECT pg_temp.call('register_agent', '{"externalId": "r1", "userId": "u1", "name": "R 1", "description": "d", "spendingLimit": 123,
  "spendingLimitFrequency": "perTransaction", "onLimitExceeded": "suspend", "maxCards": 123, "defaultCardLimit": 123, "defaultCardLimitFrequency": "perTransaction",
  "defaultPolicyId": "00000000-0000-7000-8000-00000000000f", "metadata": {}}') AS answer;
SELECT is(pg_temp.keys(answer), pg_temp.sorted('object', 'id', 'externalId', 'created', 'userId', 'name', 'status', 'token', 'tokenId'), 'register: the page''s fields') FROM registered;
SELECT is(answer - '{id,token,tokenId}'::text[], '{"object": "agent", "externalId": "r1", "created": true, "userId": "u1", "name": "R 1", "status": "active"}', 'register: the values') FROM registered;
SELECT is(concat_ws(' ', jsonb_typeof(answer -> 'id'), jsonb_typeof(answer -> 'token'), jsonb_typeof(answer -> 'tokenId')), 'string string string', 'register: ids and token are strings') FROM registered;
SELECT is(jsonb_build_array(description, spending_limit, spending_limit_frequency, on_limit_exceeded, max_cards, default_card_limit, default_card_limit_frequency, default_policy_id, metadata),
          '["d", 123, "perTransaction", "suspend", 123, 123, "perTransaction", "00000000-0000-7000-8000-00000000000f", {}]', 'register: everything was stored')
  FROM registered, ledger_agents.agents WHERE id = (answer ->> 'id')::uuid;
SELECT is(t.prefix, left(answer ->> 'token', 20), 'register: the token is the stored one') FROM registered, ledger_agents.agent_tokens AS t WHERE t.id = (answer ->> 'tokenId')::uuid;
SELECT is(a - '{tokenId}'::text[], answer - '{tokenId}'::text[] || '{"created": false, "token": null}', 'register again: the same agent, no token')
  FROM registered, pg_temp.call('register_agent', '{"externalId": "r1", "userId": "u1", "name": "another name", "spendingLimit": 9}') AS a;
SELECT is(coalesce(a ->> 'tokenId', 'none'), 'none', 'register again: no token id') FROM pg_temp.call('register_agent', '{"externalId": "r1", "userId": "u1", "name": "R 1"}') AS a;
SELECT is(concat_ws(' ', name, spending_limit), 'R 1 123', 'register again: nothing changed') FROM ledger_agents.get_agent(external_id => 'r1');

CREATE TEMP TABLE updated AS SELECT pg_temp.call('update_agent', jsonb_build_object('agentId', answer -> 'id') || '{"name": "new", "description": "<d>", "status": "active",
  "spendingLimit": 124, "spendingLimitFrequency": "perMonth", "onLimitExceeded": "notify", "metadata": {"k": [1]}}') AS answer, answer -> 'id' AS id FROM registered;
SELECT is(pg_temp.keys(answer), pg_temp.sorted('id', 'userId', 'name', 'status', 'createdAt', 'externalId', 'description', 'spendingLimit', 'spendingLimitFrequency', 'currentSpend',
                                               'onLimitExceeded', 'maxCards', 'cardCount', 'metadata'), 'update: the page''s fields that have a value') FROM updated;
SELECT is(answer - 'id', '{"userId": "u1", "name": "new", "status": "active", "createdAt": 1772442000123, "externalId": "r1", "description": "<d>", "spendingLimit": 124,
  "spendingLimitFrequency": "perMonth", "currentSpend": 0, "onLimitExceeded": "notify", "maxCards": 123, "cardCount": 0, "metadata": {"k": [1]}}', 'update: the values') FROM updated;
SELECT is(pg_temp.keys(pg_temp.call('update_agent', jsonb_build_object('agentId', id, 'description', NULL, 'spendingLimit', NULL, 'onLimitExceeded', 'decline'))),
          pg_temp.sorted('id', 'userId', 'name', 'status', 'createdAt', 'externalId', 'spendingLimitFrequency', 'currentSpend', 'maxCards', 'cardCount', 'metadata'),
          'update: what was cleared is left out, and so is our own decline') FROM updated;
SELECT is(a -> 'defaultRequireApproval' || (a -> 'defaultAutoApproveBelow'), '[true, 700]', 'update: the defaults are the policy''s values')
  FROM updated, ledger_agents.update_agent((id #>> '{}')::uuid, '{"policy": {"requireApproval": true, "autoApproveBelow": 700}}') AS u, LATERAL pg_temp.call('update_agent', jsonb_build_object('agentId', u.id)) AS a;
SELECT is(pg_temp.call('update_agent', jsonb_build_object('agentId', id, 'status', status)) ->> 'status', status, format('update: %s', status)) FROM updated, unnest('{suspended,active}'::text[]) AS status;

CREATE FUNCTION pg_temp.spend_of(agent jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_agents.update_agent((agent #>> '{}')::uuid, '{"policy": null}');
  PERFORM ledger_agents.authorize((agent #>> '{}')::uuid, 77);
  RETURN pg_temp.call('update_agent', jsonb_build_object('agentId', agent)) -> 'currentSpend';
END
$$;
SELECT is(pg_temp.spend_of(id), '77', 'update: currentSpend') FROM updated;

CREATE TEMP TABLE created AS SELECT pg_temp.call('create_agent', '{"customerId": "c1", "externalId": "e1", "name": "E 1", "status": "active",
  "limits": {"amount": 123, "currency": "eur", "interval": "weekly"},
  "policy": {"requireIntent": true, "requireAttestation": true, "requireApproval": true, "autoApproveBelow": 123, "attestationWindowMinutes": 12, "cooldownMinutes": 123, "ttlMinutes": 123,
    "ttlDays": 123, "limits": {"perAuth": 123, "perDay": 123, "perMonth": 123}, "allowedMccs": ["1234"], "blockedMccs": ["4321"], "allowedMerchants": ["m"], "lockToFirstMerchant": true},
  "metadata": {}}') AS answer;
SELECT is(pg_temp.keys(answer), pg_temp.sorted('id', 'name', 'status', 'customerId', 'externalId', 'limits', 'policy', 'metadata', 'createdAt'), 'create: the page''s fields') FROM created;
SELECT is(answer - 'id', '{"name": "E 1", "status": "active", "customerId": "c1", "externalId": "e1", "limits": {"amount": 123, "currency": "EUR", "interval": "weekly"},
  "policy": {"requireIntent": true, "requireAttestation": true, "requireApproval": true, "autoApproveBelow": 123, "attestationWindowMinutes": 12, "cooldownMinutes": 123, "ttlMinutes": 123,
    "ttlDays": 123, "limits": {"perAuth": 123, "perDay": 123, "perMonth": 123}, "allowedMccs": ["1234"], "blockedMccs": ["4321"], "allowedMerchants": ["m"], "lockToFirstMerchant": true},
  "metadata": {}, "createdAt": "2026-03-02T09:00:00.123456Z"}', 'create: the values') FROM created;
SELECT is((SELECT count(*) FROM ledger_agents.agent_tokens AS t WHERE t.agent_id = (answer ->> 'id')::uuid), 0::bigint, 'create: issues no token') FROM created;
SELECT is(a - 'id', '{"name": "e2", "status": "active", "customerId": "c1", "externalId": "e2", "metadata": {}, "createdAt": "2026-03-02T09:00:00.123456Z"}', 'create: the name is the external id; limits and policy are left out')
  FROM pg_temp.call('create_agent', '{"customerId": "c1", "externalId": "e2"}') AS a;
SELECT is(pg_temp.call('create_agent', '{"customerId": "c1", "externalId": "e3", "status": "paused"}') ->> 'status', 'paused', 'create: paused');
SELECT is(concat_ws(' ', status, suspended_reason), 'suspended manual', 'create: paused is suspended') FROM ledger_agents.get_agent(external_id => 'e3');

-- Intervals and frequencies, both ways.
CREATE TEMP TABLE interval_name (interval_name text, frequency text);
INSERT INTO interval_name VALUES ('daily', 'per24HourPeriod'), ('weekly', 'perWeek'), ('monthly', 'perMonth'), ('yearly', 'perYear'), ('all_time', 'allTime'), ('per_transaction', 'perTransaction');
SELECT is(pg_temp.call('create_agent', jsonb_build_object('customerId', 'c1', 'externalId', 'interval ' || interval_name, 'limits', jsonb_build_object('amount', 5, 'interval', interval_name))) -> 'limits',
          jsonb_build_object('amount', 5, 'currency', 'USD', 'interval', interval_name), format('interval %s', interval_name)) FROM interval_name;
SELECT is((ledger_agents.get_agent(external_id => 'interval ' || interval_name)).spending_limit_frequency::text, frequency, format('%s is %s', interval_name, frequency)) FROM interval_name;
SELECT is(pg_temp.call('create_agent', '{"customerId": "c1", "externalId": "no interval", "limits": {"amount": 5}}') #>> '{limits,interval}', 'monthly', 'no interval is monthly');
SELECT is(pg_temp.call('register_agent', jsonb_build_object('externalId', 'f ' || frequency, 'userId', 'u', 'name', 'n', 'spendingLimitFrequency', frequency)) ? 'id', true, format('register: %s', frequency)) FROM interval_name;
SELECT is((ledger_agents.get_agent(external_id => 'f ' || frequency)).spending_limit_frequency::text, frequency, frequency) FROM interval_name;

-- onLimitExceeded: our own decline is taken in and left out.
SELECT is(pg_temp.call('update_agent', jsonb_build_object('agentId', id, 'onLimitExceeded', v.action)) -> 'onLimitExceeded', v.shown, format('onLimitExceeded %s', v.action))
  FROM updated, (VALUES ('suspend', '"suspend"'::jsonb), ('notify', '"notify"'), ('none', '"none"'), ('decline', NULL)) AS v (action, shown);

-- Epoch milliseconds are cut, not rounded; nothing depends on the session's zone.
SELECT is(pg_temp.call('update_agent', jsonb_build_object('agentId', r.id)) -> 'createdAt', v.want, format('createdAt of %s', v.at))
  FROM (VALUES ('2026-03-02 09:00:00.999999Z', '1772442000999'::jsonb), ('2026-03-02 09:00Z', '1772442000000'), ('1970-01-01 00:00:00.001Z', '1')) AS v (at, want),
       LATERAL (SELECT set_config('ledger_agents.clock', v.at, true)) AS c, LATERAL ledger_agents.register_agent('at ' || c.set_config, 'u') AS r;
SET LOCAL ledger_agents.clock = '2026-03-02 09:00:00.123456Z';
SELECT is(pg_temp.call('create_agent', '{"customerId": "c1", "externalId": "time"}') ->> 'createdAt', '2026-03-02T09:00:00.123456Z', 'ISO 8601 in UTC');

--
-- Mistakes: (function, body, status, type, code, param). AGENT stands for a known agent's id, RETIRED for a retired one's.
--
CREATE TEMP TABLE retired AS SELECT id FROM ledger_agents.register_agent('retired', 'u1');
SELECT is(status::text, 'deregistered', 'retired') FROM retired AS r, ledger_agents.deregister_agent(r.id);
CREATE TEMP TABLE mistake (function text, body text, want text);
INSERT INTO mistake VALUES
  ('register_agent', '[]', '400 invalid_request_error invalid_type'),
  ('register_agent', '"text"', '400 invalid_request_error invalid_type'),
  ('register_agent', '1', '400 invalid_request_error invalid_type'),
  ('register_agent', 'null', '400 invalid_request_error invalid_type'),
  ('register_agent', NULL, 'raised 22004 body must not be null'),
  ('create_agent', NULL, 'raised 22004 body must not be null'),
  ('update_agent', NULL, 'raised 22004 body must not be null'),
  ('register_agent', '{}', '400 invalid_request_error null_value externalId'),
  ('register_agent', '{"externalId": "n"}', '400 invalid_request_error null_value userId'),
  ('register_agent', '{"externalId": "n", "userId": "u"}', '400 invalid_request_error null_value name'),
  ('register_agent', '{"externalId": null, "userId": "u", "name": "n"}', '400 invalid_request_error null_value externalId'),
  ('register_agent', '{"externalId": 5, "userId": "u", "name": "n"}', '400 invalid_request_error invalid_type externalId'),
  ('register_agent', '{"externalId": "", "userId": "u", "name": "n"}', '400 invalid_request_error invalid_length externalId'),
  ('register_agent', '{"externalId": "n", "userId": ["u"], "name": "n"}', '400 invalid_request_error invalid_type userId'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": {}}', '400 invalid_request_error invalid_type name'),
  ('register_agent', '{"externalId": "n", "customerId": "u", "name": "n"}', '400 invalid_request_error unknown_field customerId'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "external_id": "x"}', '400 invalid_request_error unknown_field external_id'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "status": "paused"}', '400 invalid_request_error unknown_field status'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "description": 1}', '400 invalid_request_error invalid_type description'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "spendingLimit": "5"}', '400 invalid_request_error invalid_type spendingLimit'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "spendingLimit": 0.5}', '400 invalid_request_error invalid_type spendingLimit'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "spendingLimit": -1}', '400 invalid_request_error out_of_range spendingLimit'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "spendingLimit": 1e30}', '400 invalid_request_error amount_overflow spendingLimit'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "spendingLimit": "NaN"}', '400 invalid_request_error invalid_type spendingLimit'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "spendingLimitFrequency": "monthly"}', '400 invalid_request_error invalid_value spendingLimitFrequency'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "spendingLimitFrequency": null}', '400 invalid_request_error null_value spendingLimitFrequency'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "onLimitExceeded": "freeze"}', '400 invalid_request_error invalid_value onLimitExceeded'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "maxCards": 1.5}', '400 invalid_request_error invalid_type maxCards'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "maxCards": 3000000000}', '400 invalid_request_error out_of_range maxCards'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "defaultCardLimit": true}', '400 invalid_request_error invalid_type defaultCardLimit'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "defaultCardLimitFrequency": 1}', '400 invalid_request_error invalid_type defaultCardLimitFrequency'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "defaultPolicyId": "<string>"}', '404 not_found_error unknown_policy defaultPolicyId'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "defaultPolicyId": "00000000-0000-7000-8000-000000000000"}', '404 not_found_error unknown_policy defaultPolicyId'),
  ('register_agent', '{"externalId": "n", "userId": "u", "name": "n", "metadata": []}', '400 invalid_request_error invalid_type metadata'),
  ('register_agent', '{"externalId": "r1", "userId": "somebody else", "name": "n"}', '409 conflict_error external_id_taken externalId'),
  ('create_agent', '{}', '400 invalid_request_error null_value externalId'),
  ('create_agent', '{"externalId": "n"}', '400 invalid_request_error null_value customerId'),
  ('create_agent', '{"externalId": "n", "customerId": ""}', '400 invalid_request_error invalid_length customerId'),
  ('create_agent', '{"externalId": "n", "userId": "u"}', '400 invalid_request_error unknown_field userId'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "spendingLimit": 5}', '400 invalid_request_error unknown_field spendingLimit'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "status": "disabled"}', '400 invalid_request_error invalid_value status'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "limits": {"amount": 1e30}}', '400 invalid_request_error amount_overflow limits.amount'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "status": "suspended"}', '400 invalid_request_error invalid_value status'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "status": 1}', '400 invalid_request_error invalid_type status'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "limits": 5}', '400 invalid_request_error invalid_type limits'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "limits": []}', '400 invalid_request_error invalid_type limits'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "limits": {"amount": "5"}}', '400 invalid_request_error invalid_type limits.amount'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "limits": {"amount": -5}}', '400 invalid_request_error out_of_range limits.amount'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "limits": {"currency": "x"}}', '400 invalid_request_error invalid_currency limits.currency'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "limits": {"currency": null}}', '400 invalid_request_error null_value limits.currency'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "limits": {"interval": "perMonth"}}', '400 invalid_request_error invalid_value limits.interval'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "limits": {"interval": 1}}', '400 invalid_request_error invalid_type limits.interval'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "limits": {"max": 1}}', '400 invalid_request_error unknown_field limits.max'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "policy": []}', '400 invalid_request_error invalid_policy policy'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "policy": {"limits": {"perAuth": 2, "perDay": 1}}}', '400 invalid_request_error invalid_policy policy.limits.perAuth'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "policy": {"attestationWindowMinutes": 123}}', '400 invalid_request_error invalid_policy policy.attestationWindowMinutes'),
  ('create_agent', '{"externalId": "n", "customerId": "u", "policy": {"activeTimezone": "EST5EDT4"}}', '400 invalid_request_error invalid_timezone policy.activeTimezone'),
  ('create_agent', '{"externalId": "e1", "customerId": "c1"}', '409 conflict_error external_id_taken externalId'),
  ('create_agent', '{"externalId": "e1", "customerId": "somebody else"}', '409 conflict_error external_id_taken externalId'),
  ('update_agent', '{}', '400 invalid_request_error null_value agentId'),
  ('update_agent', '{"agentId": null}', '400 invalid_request_error null_value agentId'),
  ('update_agent', '{"agentId": "no uuid"}', '404 not_found_error unknown_agent agentId'),
  ('update_agent', '{"agentId": 5}', '404 not_found_error unknown_agent agentId'),
  ('update_agent', '{"agentId": "00000000-0000-7000-8000-000000000000"}', '404 not_found_error unknown_agent agentId'),
  ('update_agent', '{"agentId": "AGENT", "foo": 1}', '400 invalid_request_error unknown_field foo'),
  ('update_agent', '{"agentId": "AGENT", "status": "paused"}', '400 invalid_request_error invalid_value status'),
  ('update_agent', '{"agentId": "AGENT", "status": "deregistered"}', '400 invalid_request_error invalid_value status'),
  ('update_agent', '{"agentId": "AGENT", "name": null}', '400 invalid_request_error null_value name'),
  ('update_agent', '{"agentId": "AGENT", "metadata": null}', '400 invalid_request_error null_value metadata'),
  ('update_agent', '{"agentId": "AGENT", "spendingLimit": 1.5}', '400 invalid_request_error invalid_type spendingLimit'),
  ('update_agent', '{"agentId": "RETIRED", "name": "x"}', '409 conflict_error agent_deregistered agentId');
-- Fields that the answer has and the body has not.
INSERT INTO mistake SELECT 'update_agent', format('{"agentId": "AGENT", "%s": null}', name), '400 invalid_request_error unknown_field ' || name
  FROM unnest('{id,externalId,userId,createdAt,deregisteredAt,currentSpend,cardCount}'::text[]) AS name;

CREATE FUNCTION pg_temp.refusal(function text, body text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before bigint[] := pg_temp.stored();
  answer jsonb;
BEGIN
  body := replace(replace(body, 'AGENT', (SELECT id #>> '{}' FROM updated)), 'RETIRED', (SELECT id::text FROM retired));
  answer := pg_temp.call(function, body::jsonb);
  RETURN CASE WHEN before <> pg_temp.stored() THEN 'something was stored' WHEN pg_temp.keys(answer) <> '{error}' THEN 'not only an error'
              WHEN coalesce(answer #>> '{error,message}', '') = '' THEN 'no message'
              WHEN NOT pg_temp.keys(answer -> 'error') <@ '{type,code,message,param}' THEN 'other fields' ELSE
              concat_ws(' ', current_setting('response.status'), answer #>> '{error,type}', answer #>> '{error,code}', answer #>> '{error,param}') END;
EXCEPTION WHEN OTHERS THEN
  RETURN format('raised %s %s', SQLSTATE, SQLERRM);
END
$$;
SELECT is(pg_temp.refusal(function, body), want, format('%s(%s)', function, coalesce(body, 'NULL'))) FROM mistake;

-- There is no hint: the message says which function it would be.
SELECT is(pg_temp.call(function, replace(body, 'AGENT', (SELECT id #>> '{}' FROM updated))::jsonb) #>> '{error,message}', want, function || ' with status disabled')
  FROM (VALUES ('create_agent', '{"externalId": "n", "customerId": "u", "status": "disabled"}', 'an agent cannot be created disabled, it becomes so only by deregister_agent()'),
               ('update_agent', '{"agentId": "AGENT", "status": "disabled"}', 'status becomes "disabled" only by deregister_agent()')) AS v (function, body, want);

-- A refused call spoils nothing: neither the session nor a good call after it, whose status is not touched.
SELECT is(pg_temp.call('create_agent', '{"customerId": "c1", "externalId": "after mistakes"}') ->> 'externalId', 'after mistakes', 'a good call after the mistakes');
SELECT is(current_setting('response.status'), '', 'a good call sets no status');
-- The other customer is not named, nor is a value that may be long shown whole.
SELECT ok(a::text !~ 'u1', 'the owner of a taken id is not named') FROM pg_temp.call('register_agent', '{"externalId": "r1", "userId": "x", "name": "n"}') AS a;
SELECT ok(length(a::text) < 400, 'a long value is cut') FROM pg_temp.call('register_agent', jsonb_build_object('externalId', 'n', 'userId', 'u', 'name', 'n', repeat('f', 100000), 1)) AS a;
SELECT ok(length(a::text) < 400, 'a long id is cut') FROM pg_temp.call('update_agent', jsonb_build_object('agentId', repeat('f', 100000))) AS a;
SELECT is(a ->> 'externalId', e'na\\me "x" \u2713', 'text is text') FROM pg_temp.call('create_agent', jsonb_build_object('customerId', 'c1', 'externalId', e'na\\me "x" \u2713')) AS a;

-- Errors that are not about the request pass as they are.
CREATE FUNCTION pg_temp.read_only(function text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('transaction_read_only', 'on', true);
  RETURN pg_temp.call(function, '{}');
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
SELECT is(pg_temp.read_only(function), '25006', format('%s in a read-only transaction', function)) FROM unnest('{register_agent,create_agent,update_agent}'::text[]) AS function;

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
