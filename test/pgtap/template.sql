-- Is every wrong call of the functions of policies refused, with nothing done, and is a good one stored as it was given?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL ledger_agents.clock = '2026-03-02 09:00Z';

-- How much is stored, of everything that a call could touch.
CREATE FUNCTION pg_temp.stored() RETURNS text[] LANGUAGE sql AS $$
  SELECT ARRAY[(SELECT count(*)::text FROM ledger_agents.organizations), (SELECT string_agg(p::text, ' ' ORDER BY p.id) FROM ledger_agents.policies AS p),
               (SELECT count(*)::text FROM ledger_agents.agents), (SELECT count(*)::text FROM ledger_agents.configuration_changes)]
$$;

-- Reading makes no row of the organization "default"; the first policy does.
SELECT is_empty('SELECT * FROM ledger_agents.list_policies()', 'a new installation has no policies');
SELECT is((SELECT count(*) FROM ledger_agents.organizations), 0::bigint, 'reading makes no organization');
CREATE TEMP TABLE used AS SELECT * FROM ledger_agents.create_policy('used', '{"requireCard": true}');
SELECT is((SELECT count(*) FROM ledger_agents.organizations), 1::bigint, 'writing makes the default one');
CREATE TEMP TABLE carded AS SELECT * FROM ledger_agents.create_policy('carded', '{}');
CREATE TEMP TABLE shared AS SELECT * FROM ledger_agents.create_policy('both', '{}');
CREATE TEMP TABLE free AS SELECT * FROM ledger_agents.create_policy('free', '{}');
SELECT FROM ledger_agents.create_organization('other');
CREATE TEMP TABLE foreigner AS SELECT * FROM ledger_agents.create_policy('foreign', '{}', 'other');
CREATE TEMP TABLE agent AS SELECT id FROM ledger_agents.register_agent('buyer', 'acme', default_policy_id => (SELECT id FROM used));
SELECT FROM ledger_agents.register_agent('second', 'acme', default_policy_id => (SELECT id FROM shared));
-- Cards as rows, which is all that a policy sees of them.
INSERT INTO ledger_agents.cards (organization_id, id, agent_id, type, status, status_at, spending_limit_frequency, policy_id, metadata, created_at, updated_at)
  SELECT 'default', gen_random_uuid(), a.id, 'multi', 'active', now(), 'perMonth', p.id, '{}', now(), now()
  FROM agent AS a, (SELECT id FROM carded UNION ALL SELECT id FROM shared) AS p;

--
-- Wrong calls: (statement, SQLSTATE, name and field). USED, CARDED, BOTH, FREE, FOREIGN and NONE stand for ids.
--
CREATE TEMP TABLE mistake (call text, want text);
INSERT INTO mistake VALUES
  ($$create_policy(NULL, '{}')$$, '22004 null_value name'),
  ($$create_policy('x', NULL)$$, '22004 null_value rules'),
  ($$create_policy('', '{}')$$, '22023 invalid_length name'),
  ($$create_policy(repeat('x', 256), '{}')$$, '22023 invalid_length name'),
  ($$create_policy('x', '[]')$$, '22023 invalid_policy rules'),
  ($$create_policy('x', 'null')$$, '22023 invalid_policy rules'),
  ($$create_policy('x', '"{}"')$$, '22023 invalid_policy rules'),
  ($$create_policy('x', '{"perDay": 5}')$$, '22023 invalid_policy rules.perDay'),
  ($$create_policy('x', '{"requireintent": true}')$$, '22023 invalid_policy rules.requireintent'),
  ($$create_policy('x', '{"requireIntent": null}')$$, '22023 invalid_policy rules.requireIntent'),
  ($$create_policy('x', '{"requireIntent": 1}')$$, '22023 invalid_policy rules.requireIntent'),
  ($$create_policy('x', '{"limits": {"perAuth": 2, "perMonth": 1}}')$$, '22023 invalid_policy rules.limits.perAuth'),
  ($$create_policy('x', '{"allowedMccs": ["5411"], "blockedMccs": ["5411"]}')$$, '22023 invalid_policy rules.blockedMccs'),
  ($$create_policy('x', '{"requireApproval": false, "autoApproveBelow": 5}')$$, '22023 invalid_policy rules.autoApproveBelow'),
  ($$create_policy('x', '{"activeTimezone": "UTC+3"}')$$, '22023 invalid_timezone rules.activeTimezone'),
  ($$create_policy('x', '{"allowedMccs": [5411]}')$$, '22023 invalid_policy rules.allowedMccs'),
  ($$create_policy('x', '{"activeHoursStart": 9}')$$, '22023 invalid_policy rules.activeHoursStart'),
  ($$create_policy('x', '{"activeHoursStart": 9, "activeHoursEnd": 9}')$$, '22023 invalid_policy rules.activeHoursEnd'),
  ($$create_policy('used', '{}')$$, '23505 policy_name_taken name'),
  ($$create_policy('x', '{}', 'nowhere')$$, 'P0002 unknown_organization organization_id'),
  ($$create_policy('x', '{}', '')$$, '22023 invalid_value organization_id'),
  ($$update_policy(NULL, '{}')$$, '22004 null_value policy_id'),
  ($$update_policy('FREE', NULL)$$, '22004 null_value changes'),
  ($$update_policy('FREE', '[]')$$, '22023 invalid_type changes'),
  ($$update_policy('FREE', '{"name": null}')$$, '22004 null_value name'),
  ($$update_policy('FREE', '{"name": ""}')$$, '22023 invalid_length name'),
  ($$update_policy('FREE', '{"name": 5}')$$, '22023 invalid_type name'),
  ($$update_policy('FREE', '{"name": "used"}')$$, '23505 policy_name_taken name'),
  ($$update_policy('FREE', '{"rules": null}')$$, '22004 null_value rules'),
  ($$update_policy('FREE', '{"rules": 5}')$$, '22023 invalid_type rules'),
  ($$update_policy('FREE', '{"rules": []}')$$, '22023 invalid_policy rules'),
  ($$update_policy('FREE', '{"rules": {"limits": {"perDay": -1}}}')$$, '22023 invalid_policy rules.limits.perDay'),
  ($$update_policy('FREE', '{"name": "new", "rules": {"ttlDays": 0}}')$$, '22023 invalid_policy rules.ttlDays'),
  ($$update_policy('FREE', '{"requireIntent": true}')$$, '22023 unknown_field requireIntent'),
  ($$update_policy('FREE', '{"id": null}')$$, '22023 immutable_field id'),
  ($$update_policy('FREE', '{"organization_id": "other"}')$$, '22023 immutable_field organization_id'),
  ($$update_policy('FREE', '{"created_at": null}')$$, '22023 immutable_field created_at'),
  ($$update_policy('FREE', '{"updated_at": null}')$$, '22023 immutable_field updated_at'),
  ($$update_policy('NONE', '{}')$$, 'P0002 unknown_policy policy_id'),
  ($$update_policy('FOREIGN', '{}')$$, 'P0002 unknown_policy policy_id'),
  ($$update_policy('FREE', '{}', 'other')$$, 'P0002 unknown_policy policy_id'),
  ($$update_policy('FREE', '{}', 'nowhere')$$, 'P0002 unknown_policy policy_id'),
  ($$delete_policy(NULL)$$, '22004 null_value policy_id'),
  ($$delete_policy('USED')$$, '55000 policy_in_use policy_id: It is used by agents.'),
  ($$delete_policy('CARDED')$$, '55000 policy_in_use policy_id: It is used by cards.'),
  ($$delete_policy('BOTH')$$, '55000 policy_in_use policy_id: It is used by agents and cards.'),
  ($$delete_policy('NONE')$$, 'P0002 unknown_policy policy_id'),
  ($$delete_policy('FOREIGN')$$, 'P0002 unknown_policy policy_id'),
  ($$delete_policy('FREE', 'other')$$, 'P0002 unknown_policy policy_id'),
  ($$get_policy()$$, '22023 invalid_value policy_id'),
  ($$get_policy('FREE', 'free')$$, '22023 invalid_value policy_id'),
  ($$get_policy('NONE')$$, 'P0002 unknown_policy policy_id'),
  ($$get_policy('FOREIGN')$$, 'P0002 unknown_policy policy_id'),
  ($$get_policy(name => 'foreign')$$, 'P0002 unknown_policy name'),
  ($$get_policy(name => 'Free')$$, 'P0002 unknown_policy name'),
  ($$list_policies(0)$$, '22023 out_of_range max_rows'),
  ($$list_policies(101)$$, '22023 out_of_range max_rows'),
  ($$list_policies(NULL)$$, '22023 out_of_range max_rows'),
  ($$list_policies(after => '')$$, '22023 invalid_value after'),
  ($$list_policies(after => 'FREE')$$, '22023 invalid_value after');

CREATE FUNCTION pg_temp.with_ids(text) RETURNS text LANGUAGE sql AS $$
  SELECT replace(replace(replace(replace(replace(replace($1, 'USED', (SELECT id FROM used)::text), 'CARDED', (SELECT id FROM carded)::text),
    'BOTH', (SELECT id FROM shared)::text), 'FREE', (SELECT id FROM free)::text), 'FOREIGN', (SELECT id FROM foreigner)::text),
    'NONE', '00000000-0000-7000-8000-000000000000')
$$;
CREATE FUNCTION pg_temp.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before text[] := pg_temp.stored();
  name text;
  field text;
  detail text;
  state text;
BEGIN
  BEGIN
    EXECUTE 'SELECT count(*) FROM ledger_agents.' || pg_temp.with_ids(call);
    RETURN 'no error';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, name = CONSTRAINT_NAME, field = COLUMN_NAME, detail = PG_EXCEPTION_DETAIL;
  END;
  IF before <> pg_temp.stored() THEN
    RETURN 'something was stored';
  END IF;
  RETURN concat_ws(' ', state, name, nullif(field, '')) || CASE name WHEN 'policy_in_use' THEN substr(detail, length(name) + 1) ELSE '' END;
END
$$;
SELECT is(pg_temp.refusal(call), want, call) FROM mistake;

-- Edges that are none.
SELECT is(char_length(name), 255, 'the longest name') FROM ledger_agents.create_policy(repeat('ß', 255), '{}');
SELECT is(name, 'Used', 'names are compared bytewise') FROM ledger_agents.create_policy('Used', '{}');
SELECT is(organization_id, 'other', 'a name is taken in its organization only') FROM ledger_agents.create_policy('used', '{}', 'other');
SELECT is(p.rules, v.rules::jsonb, format('rules are stored as given: %s', v.rules))
  FROM (VALUES ('{}'), ('{"limits": {}}'), ('{"limits": {"perAuth": 0}, "intentTolerance": 0.25, "activeDays": [1, 5], "merchantHint": "Café \"X\""}')) AS v (rules),
       LATERAL ledger_agents.create_policy('as given ' || v.rules, v.rules::jsonb) AS p;
SELECT is((SELECT p.id FROM ledger_agents.get_policy(name => 'free') AS p), (SELECT id FROM free), 'found by name');
SELECT is((SELECT p FROM ledger_agents.get_policy((SELECT id FROM free)) AS p), (SELECT f FROM ledger_agents.get_policy(name => 'free') AS f), 'and by id, the same row');

-- A change that changes nothing leaves no trace.
SET LOCAL ledger_agents.clock = '2026-03-02 10:00Z';
CREATE TEMP TABLE before AS SELECT pg_temp.stored() AS stored;
SELECT is(updated_at, created_at, format('nothing changed: %s', v.changes))
  FROM (VALUES ('{}'), ('{"name": "used"}'), ('{"rules": {"requireCard": true}}')) AS v (changes),
       LATERAL ledger_agents.update_policy((SELECT id FROM used), v.changes::jsonb);
SELECT is(pg_temp.stored(), (SELECT stored FROM before), 'and nothing was stored');
SELECT is(concat_ws(' ', name, rules, updated_at - created_at), 'used {} 01:00:00', 'no rules are rules') FROM ledger_agents.update_policy((SELECT id FROM used), '{"rules": {}}');
-- What a deregistered agent used stays for the books.
SELECT is(pg_temp.refusal($$delete_policy('USED')$$), '55000 policy_in_use policy_id: It is used by agents.', 'deregistered agents count')
  FROM ledger_agents.deregister_agent((SELECT id FROM agent));
SELECT is(name, 'free', 'what was deleted is returned') FROM ledger_agents.delete_policy((SELECT id FROM free));
SELECT is(name, 'free', 'and its name is free') FROM ledger_agents.create_policy('free', '{}');

-- Pages: every policy once, newest first, also while new ones are made.
CREATE FUNCTION pg_temp.walk(size integer) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  seen text[] := '{}';
  page text[];
  behind text;
BEGIN
  LOOP
    SELECT array_agg(p.name ORDER BY p.id DESC), min(p.cursor ORDER BY p.id) INTO page, behind
    FROM (SELECT name, id, cursor FROM ledger_agents.list_policies(size, behind, 'pages')) AS p;
    EXIT WHEN page IS NULL;
    seen := seen || page;
    behind := (SELECT p.cursor FROM ledger_agents.get_policy(name => page[array_upper(page, 1)], organization_id => 'pages') AS p);
    PERFORM ledger_agents.create_policy(format('late %s %s', size, cardinality(seen)), '{}', 'pages');
  END LOOP;
  RETURN seen;
END
$$;
SELECT FROM ledger_agents.create_organization('pages');
SELECT count(set_config('ledger_agents.clock', '2026-03-02 11:00:0' || n || 'Z', true)), count(ledger_agents.create_policy('p' || n, '{}', 'pages'))
  FROM generate_series(1, 5) AS n \g /dev/null
SET LOCAL ledger_agents.clock = '2026-03-02 11:01Z';
SELECT is((pg_temp.walk(size))[1:5], '{p5,p4,p3,p2,p1}', format('pages of %s', size)) FROM (VALUES (2)) AS s (size);
SELECT is((SELECT count(*) FROM ledger_agents.list_policies(organization_id => 'pages')), 8::bigint, 'three were made while walking');

--
-- JSON: (function, body, status, code and param).
--
CREATE TEMP TABLE json_mistake (function text, body text, want text);
INSERT INTO json_mistake VALUES
  ('create_policy', '[]', '400 invalid_type'),
  ('create_policy', '{}', '400 null_value name'),
  ('create_policy', '{"name": null}', '400 null_value name'),
  ('create_policy', '{"name": 5}', '400 invalid_type name'),
  ('create_policy', '{"name": ""}', '400 invalid_length name'),
  ('create_policy', '{"name": "used"}', '409 policy_name_taken name'),
  ('create_policy', '{"name": "x", "rules": {}}', '400 unknown_field rules'),
  ('create_policy', '{"name": "x", "policyId": "FREE"}', '400 unknown_field policyId'),
  ('create_policy', '{"name": "x", "id": "FREE"}', '400 unknown_field id'),
  ('create_policy', '{"name": "x", "perAuth": 5}', '400 unknown_field perAuth'),
  ('create_policy', '{"name": "x", "require_intent": true}', '400 unknown_field require_intent'),
  ('create_policy', '{"name": "x", "requireIntent": "true"}', '400 invalid_policy requireIntent'),
  ('create_policy', '{"name": "x", "limits": 5}', '400 invalid_policy limits'),
  ('create_policy', '{"name": "x", "limits": {"perWeek": 5}}', '400 invalid_policy limits.perWeek'),
  ('create_policy', '{"name": "x", "limits": {"perAuth": 2, "perDay": 1}}', '400 invalid_policy limits.perAuth'),
  ('create_policy', '{"name": "x", "limits": {"perAuth": null}}', '400 invalid_policy limits.perAuth'),
  ('create_policy', '{"name": "x", "activeTimezone": "FOO-12"}', '400 invalid_timezone activeTimezone'),
  ('create_policy', '{"name": "x", "activeHoursEnd": 9}', '400 invalid_policy activeHoursEnd'),
  ('update_policy', '{}', '400 null_value policyId'),
  ('update_policy', '{"policyId": null}', '400 null_value policyId'),
  ('update_policy', '{"policyId": "no uuid"}', '404 unknown_policy policyId'),
  ('update_policy', '{"policyId": 5}', '404 unknown_policy policyId'),
  ('update_policy', '{"policyId": "NONE"}', '404 unknown_policy policyId'),
  ('update_policy', '{"policyId": "FOREIGN"}', '404 unknown_policy policyId'),
  ('update_policy', '{"policyId": "USED", "name": null}', '400 null_value name'),
  ('update_policy', '{"policyId": "USED", "name": "both"}', '409 policy_name_taken name'),
  ('update_policy', '{"policyId": "USED", "createdAt": 1}', '400 unknown_field createdAt'),
  ('update_policy', '{"policyId": "USED", "rules": {}}', '400 unknown_field rules'),
  ('update_policy', '{"policyId": "USED", "onDrift": "close"}', '400 invalid_policy onDrift'),
  ('delete_policy', '{}', '400 null_value policyId'),
  ('delete_policy', '{"policyId": "NONE"}', '404 unknown_policy policyId'),
  ('delete_policy', '{"policyId": "USED"}', '409 policy_in_use policyId'),
  ('delete_policy', '{"policyId": "USED", "force": true}', '400 unknown_field force'),
  ('get_policy', '{}', '400 invalid_value policyId'),
  ('get_policy', '{"policyId": ""}', '404 unknown_policy policyId'),
  ('get_policy', '{"policyId": "FOREIGN"}', '404 unknown_policy policyId'),
  ('get_policy', '{"policyId": "USED", "name": "used"}', '400 invalid_value policyId'),
  ('get_policy', '{"name": "foreign"}', '404 unknown_policy name'),
  ('list_policies', '{"limit": 0}', '400 out_of_range limit'),
  ('list_policies', '{"limit": 101}', '400 out_of_range limit'),
  ('list_policies', '{"limit": "5"}', '400 invalid_type limit'),
  ('list_policies', '{"limit": null}', '400 null_value limit'),
  ('list_policies', '{"after": 5}', '400 invalid_type after'),
  ('list_policies', '{"after": "x"}', '400 invalid_value after'),
  ('list_policies', '{"cursor": "x"}', '400 unknown_field cursor');
CREATE FUNCTION pg_temp.call(function text, body jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  PERFORM set_config('response.status', '', true);
  EXECUTE format('SELECT ledger_agents_api.%I(%L)', function, body) INTO answer;
  RETURN answer;
END
$$;
CREATE FUNCTION pg_temp.json_refusal(function text, body text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before text[] := pg_temp.stored();
  answer jsonb := pg_temp.call(function, pg_temp.with_ids(body)::jsonb);
BEGIN
  IF before <> pg_temp.stored() THEN
    RETURN 'something was stored';
  END IF;
  RETURN concat_ws(' ', current_setting('response.status'), answer #>> '{error,code}', answer #>> '{error,param}');
END
$$;
SELECT is(pg_temp.json_refusal(function, body), want, format('%s(%s)', function, body)) FROM json_mistake;

-- Every rule goes in and comes out where it stands in the body; a second call removes them all again.
CREATE TEMP TABLE whole (body jsonb);
INSERT INTO whole VALUES ('{"requireIntent": true, "requireAttestation": false, "requireApproval": true, "autoApproveBelow": 0, "requireCard": true,
  "attestationWindowMinutes": 60, "cooldownMinutes": 1, "ttlMinutes": 1, "ttlDays": 1, "onExpiry": "freeze", "limits": {"perAuth": 1, "perDay": 2, "perMonth": 3},
  "cumulativeMax": 4, "maxAuthCount": 5, "allowedMccs": ["5411"], "blockedMccs": ["7995"], "allowedMerchants": ["A"], "blockedMerchants": ["B"],
  "allowedCountries": ["US"], "blockedCountries": ["KP"], "lockToFirstMerchant": true, "merchantHint": "A", "onDrift": "alert", "intentTolerance": 0.1,
  "onIntentMismatch": "decline", "activeHoursStart": 22, "activeHoursEnd": 6, "activeTimezone": "Europe/Berlin", "activeDays": [0, 6]}');
CREATE TEMP TABLE made AS SELECT pg_temp.call('create_policy', body || '{"name": "whole"}') AS answer FROM whole;
SELECT is(answer - 'id', body || '{"object": "policy", "name": "whole", "createdAt": "2026-03-02T11:01:00Z"}', 'every rule comes back') FROM made, whole;
SELECT is(pg_temp.call('get_policy', jsonb_build_object('policyId', answer -> 'id')), answer, 'get gives the same') FROM made;
SELECT is(pg_temp.call('get_policy', '{"name": "whole"}'), answer, 'by its name, too') FROM made;
SELECT is(pg_temp.call('update_policy', jsonb_build_object('policyId', answer -> 'id')), answer, 'nothing given, nothing changed') FROM made;
SELECT is(pg_temp.call('update_policy', jsonb_build_object('policyId', answer -> 'id') || (SELECT jsonb_object_agg(key, NULL) FROM jsonb_each(body))),
          answer - ARRAY(SELECT jsonb_object_keys(body)), 'null removes a rule') FROM made, whole;
SELECT is(pg_temp.call('create_policy', '{"name": "none", "limits": null, "onDrift": null}') - '{id,createdAt}'::text[], '{"object": "policy", "name": "none"}', 'and is none in a new policy');
-- Pages in JSON: 20 unless told, the same order, and a cursor while there is more.
CREATE TEMP TABLE page AS SELECT pg_temp.call('list_policies', '{"limit": 4}') AS answer;
SELECT is(concat_ws(' ', jsonb_array_length(answer -> 'data'), answer -> 'hasMore'), '4 true', 'a page of four, and more') FROM page;
SELECT is(answer ->> 'nextCursor', (SELECT p.cursor FROM ledger_agents.get_policy((answer #>> '{data,3,id}')::uuid) AS p), 'the cursor of its last policy') FROM page;
SELECT is((SELECT array_agg(d ->> 'id' ORDER BY n) FROM jsonb_array_elements(a -> 'data') WITH ORDINALITY AS e (d, n)),
          (SELECT array_agg(id::text ORDER BY id DESC) FROM ledger_agents.policies WHERE organization_id = 'default'), 'all, newest first')
  FROM pg_temp.call('list_policies', '{"limit": 100, "after": null}') AS a;
SELECT is(pg_temp.call('delete_policy', jsonb_build_object('policyId', answer -> 'id')), jsonb_build_object('id', answer -> 'id', 'deleted', true), 'deleted') FROM made;

-- What writes is refused in a read-only transaction as the server does it; what reads works.
CREATE FUNCTION pg_temp.read_only(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('transaction_read_only', 'on', true);
  EXECUTE format('SELECT count(*) FROM %s', pg_temp.with_ids(call));
  RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
SAVEPOINT writable;
SELECT is(pg_temp.read_only(call), want, format('read-only: %s', call)) FROM (VALUES
  ('ledger_agents.get_policy(''USED'')', 'ok'), ('ledger_agents.list_policies()', 'ok'), ('ledger_agents_api.list_policies(''{}'')', 'ok'),
  ('ledger_agents_api.get_policy(''{"policyId": "USED"}'')', 'ok'), ('ledger_agents_api.get_policy(''{"policyId": "NONE"}'')', 'ok'),
  ('ledger_agents.create_policy(''x'', ''{}'')', '25006'), ('ledger_agents.update_policy(''USED'', ''{}'')', '25006'), ('ledger_agents.delete_policy(''USED'')', '25006'),
  ('ledger_agents_api.create_policy(''{}'')', '25006'), ('ledger_agents_api.update_policy(''{}'')', '25006'), ('ledger_agents_api.delete_policy(''{}'')', '25006')) AS c (call, want);
SELECT * FROM finish();
ROLLBACK;
