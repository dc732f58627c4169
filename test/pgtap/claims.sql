-- Who is a request from: the header Api-Key, a JWT's claims, or nobody?
--
-- The session logged in as another role than the one that it has set, as
-- PostgREST's does; what a direct login sees is asked first, in sessions of its own.
SET client_min_messages = warning;
CREATE ROLE claims_api;
CREATE ROLE claims_other;
CREATE ROLE claims_operator;
CREATE ROLE claims_login LOGIN IN ROLE claims_other;
CREATE ROLE claims_authenticator LOGIN NOINHERIT IN ROLE claims_api;
SELECT ledger_agents.grant_access('claims_api', 'api'), ledger_agents.grant_access('claims_login', 'api'),
       ledger_agents.grant_access('claims_operator', 'operator') \g /dev/null
\set owner :USER
SELECT id AS mine, token FROM ledger_agents.register_agent('mine', 'customer', spending_limit => 1000) \gset
SELECT id AS sibling FROM ledger_agents.register_agent('sibling', 'customer') \gset
SELECT id AS elsewhere FROM ledger_agents.create_organization('elsewhere') \gset
SELECT id AS foreign FROM ledger_agents.register_agent('foreign', 'customer', organization_id => 'elsewhere') \gset
SELECT id AS key_id, key FROM ledger_agents.create_organization_key('claims', organization_id => 'elsewhere') \gset
\set claims '{"organization_id": "default", "role": "claims_api"}'
\set ask 'SELECT ledger_agents_api.list_cards(''{}'')'

CREATE SCHEMA claims;
GRANT USAGE, CREATE ON SCHEMA claims TO claims_login, claims_other, claims_api, claims_operator, claims_authenticator;

-- A direct login: as itself, inside pre_request, and by a function of its own under another role.
\c - claims_login
SET request.jwt.claims = :'claims';
SELECT answer #>> '{error,code}' AS direct FROM ledger_agents_api.list_cards('{}') AS answer \gset
BEGIN;
SELECT ledger_agents_api.pre_request() \g /dev/null
SELECT answer #>> '{error,code}' AS direct_asked FROM ledger_agents_api.list_cards('{}') AS answer \gset
COMMIT;
CREATE FUNCTION claims.borrowed() RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS $$SELECT ledger_agents_api.list_cards('{}')$$;
SET ROLE claims_other;
SELECT answer #>> '{error,code}' AS borrowed FROM claims.borrowed() AS answer \gset
RESET ROLE;
DROP FUNCTION claims.borrowed();

-- PostgREST: logs in as one role and switches to another.
\c - claims_authenticator
BEGIN;
SET LOCAL ROLE claims_api;
SELECT set_config('request.jwt.claims', :'claims', true) \g /dev/null
SELECT answer -> 'data' AS switched FROM ledger_agents_api.list_cards('{}') AS answer \gset
COMMIT;
\c - :owner
SET client_min_messages = warning;

SELECT no_plan();
SELECT is(:'direct'::text, 'not_authenticated', 'a direct login has no claims');
SELECT is(:'direct_asked'::text, 'not_authenticated', 'nor has it after pre_request');
SELECT is(:'borrowed'::text, 'not_authenticated', 'nor under a role that has no rights here, by a function of its own');
SELECT is(:'switched'::text, '[]', 'who has switched to another role has them');

-- Runs a call as the role with these claims and headers, after pre_request where it is asked for.
CREATE FUNCTION claims.attempt(role name, call text, claims text DEFAULT '', headers text DEFAULT '', asked boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  result text;
BEGIN
  PERFORM pg_catalog.set_config('role', role, true), pg_catalog.set_config('request.jwt.claims', claims, true),
          pg_catalog.set_config('request.headers', headers, true);
  IF asked THEN
    PERFORM ledger_agents_api.pre_request();
  END IF;
  EXECUTE call INTO result;
  PERFORM pg_catalog.set_config('role', 'none', true);
  RETURN 'ok ' || coalesce(result, 'null');
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN pg_catalog.concat_ws(' ', SQLSTATE, SQLERRM, '|', detail);
END
$$;
-- Who the engine says it was: the record of a change, or the agent of a decision.
CREATE FUNCTION claims.changer(external_id text) RETURNS text LANGUAGE sql AS $$
  SELECT c.organization_id || ' ' || c.principal FROM ledger_agents.configuration_changes AS c
  JOIN ledger_agents.agents AS a ON a.organization_id = c.organization_id AND a.id::text = c.object_id AND a.external_id = changer.external_id
$$;

--
-- What claims count for
--
SELECT is(claims.attempt('claims_api', $$SELECT ledger_agents_api.create_agent('{"externalId": "by claims", "customerId": "c"}') ->> 'externalId'$$,
                         '{"organization_id": "elsewhere", "sub": "user-7"}'), 'ok by claims', 'claims without an agent act as the organization');
SELECT is(claims.changer('by claims'), 'elsewhere claims:user-7', 'and are recorded by their subject');
SELECT is(claims.attempt('claims_api', $$SELECT ledger_agents_api.create_agent('{"externalId": "no subject", "customerId": "c"}') ->> 'externalId'$$,
                         '{"organization_id": "elsewhere"}'), 'ok no subject', 'a subject is not needed');
SELECT is(claims.changer('no subject'), 'elsewhere claims:', 'and is then empty');
SELECT is(claims.attempt('claims_api', $$SET LOCAL ledger_agents.organization = 'default'; SELECT ledger_agents_api.create_agent('{"externalId": "named", "customerId": "c"}') ->> 'externalId'$$,
                         '{"organization_id": "elsewhere"}'), 'ok named', 'the setting');
SELECT is(claims.changer('named'), 'elsewhere claims:', 'has no effect for claims');
SELECT is(claims.attempt('claims_operator', $$SELECT ledger_agents_api.create_agent('{"externalId": "less", "customerId": "c"}') ->> 'externalId'$$,
                         '{"organization_id": "elsewhere"}'), 'ok less', 'claims');
SELECT is(claims.changer('less'), 'elsewhere claims:', 'win over an operator''s rights');
SELECT is(claims.attempt('claims_operator', $$SELECT ledger_agents_api.create_agent('{"externalId": "operator", "customerId": "c"}') ->> 'externalId'$$,
                         '{"role": "claims_operator"}'), 'ok operator', 'claims that name no organization');
SELECT is(claims.changer('operator'), 'default operator', 'say nothing');
SELECT matches(claims.attempt('claims_operator', $$SELECT ledger_agents.create_organization('new')$$, '{"organization_id": "elsewhere"}', asked => true),
               '^42501 permission denied for whoever belongs', 'claims make no organization');

SELECT is(claims.attempt('claims_api', $$SELECT ledger_agents_api.declare_intent('{}') ->> 'agentId'$$, format('{"organization_id": "default", "agent_id": "%s"}', :'mine')),
          'ok ' || :'mine', 'claims with an agent act as it');
SELECT is(claims.attempt('claims_api', pg_catalog.format($$SELECT ledger_agents_api.%I(%L) #>> '{error,code}'$$, call, body), format('{"organization_id": "default", "agent_id": "%s"}', :'mine')),
          'ok ' || want, 'an agent by claims: ' || call)
FROM (VALUES ('declare_intent', format('{"agentId": "%s"}', :'sibling'), 'unknown_agent'), ('update_agent', '{}', 'not_allowed'), ('approve_intent', '{}', 'not_allowed'),
             ('create_policy', '{}', 'not_allowed')) AS v (call, body, want);
SELECT is(claims.attempt('claims_api', 'SELECT (ledger_agents.authorize(amount => 1)).agent_id', format('{"organization_id": "default", "agent_id": "%s"}', :'mine'), asked => true),
          'ok ' || :'mine', 'and decides as it, once pre_request has asked');
SELECT matches(claims.attempt('claims_api', 'SELECT (ledger_agents.authorize(amount => 1)).agent_id', format('{"organization_id": "default", "agent_id": "%s"}', :'mine')),
               '^42501 permission denied: no principal', 'outside the JSON interface claims say nothing');

--
-- Malformed claims
--
CREATE TABLE claims.malformed (claims text, problem text);
INSERT INTO claims.malformed VALUES
  ('x', 'They are no JSON object.'), ('{"organization_id": "default"', 'They are no JSON object.'), ('[]', 'They are no JSON object.'),
  ('"default"', 'They are no JSON object.'), ('null', 'They are no JSON object.'), ('{"organization_id": "\u0000"}', 'They are no JSON object.'),
  ('{"organization_id": null}', 'organization_id is no string of 1 to 64 characters.'), ('{"organization_id": 5}', 'organization_id is no string of 1 to 64 characters.'),
  ('{"organization_id": ""}', 'organization_id is no string of 1 to 64 characters.'), ('{"organization_id": ["default"]}', 'organization_id is no string of 1 to 64 characters.'),
  (format('{"organization_id": "%s"}', repeat('x', 65)), 'organization_id is no string of 1 to 64 characters.'),
  (format('{"organization_id": "%s"}', repeat('x', 100000)), 'organization_id is no string of 1 to 64 characters.'),
  (format('{"agent_id": "%s"}', :'mine'), 'organization_id is no string of 1 to 64 characters.'),
  ('{"organization_id": "default", "agent_id": null}', 'agent_id is no uuid.'), ('{"organization_id": "default", "agent_id": ""}', 'agent_id is no uuid.'),
  ('{"organization_id": "default", "agent_id": "mine"}', 'agent_id is no uuid.'), ('{"organization_id": "default", "agent_id": {}}', 'agent_id is no uuid.'),
  ('{"organization_id": "default", "agent_id": "01890a5d-ac96-774b-bcce-b302099a8057"}', 'The organization has no such agent.'),
  (format('{"organization_id": "default", "agent_id": "%s"}', :'foreign'), 'The organization has no such agent.'),
  (format('{"organization_id": "nowhere", "agent_id": "%s"}', :'mine'), 'The organization has no such agent.'),
  ('{"organization_id": "nowhere"}', 'There is no such organization.'), ('{"organization_id": "DEFAULT"}', 'There is no such organization.'),
  ('{"organization_id": "default", "sub": 5}', 'sub is no string of up to 255 bytes.'), ('{"organization_id": "default", "sub": null}', 'sub is no string of up to 255 bytes.'),
  (format('{"organization_id": "default", "sub": "%s"}', repeat('x', 256)), 'sub is no string of up to 255 bytes.');
SELECT is(claims.attempt(role, $$SELECT ledger_agents_api.list_cards('{}') -> 'error'$$, m.claims),
          'ok {"code": "invalid_claims", "type": "authentication_error", "message": "the claims of the JWT name nobody"}', role || ', malformed: ' || left(m.claims, 60))
FROM claims.malformed AS m, (VALUES ('claims_api'), ('claims_operator')) AS r (role);
SELECT is(claims.attempt('claims_api', 'SELECT current_setting(''response.status'')', '', asked => true), 'ok 401', 'the status of the last is 401')
FROM claims.attempt('claims_api', $$SELECT ledger_agents_api.list_cards('{}')$$, 'x');
SELECT is(claims.attempt('claims_api', 'SELECT 1', m.claims, asked => true), 'PT401 the claims of the JWT name nobody | invalid_claims: ' || m.problem,
          'pre_request, malformed: ' || left(m.claims, 60)) FROM claims.malformed AS m;
SELECT id FROM ledger_agents.create_organization(repeat('é', 64)) \g /dev/null
SELECT is(claims.attempt('claims_api', $$SELECT ledger_agents_api.list_cards('{}') -> 'data'$$, format('{"organization_id": "%s", "sub": "%s"}', repeat('é', 64), repeat('x', 255))),
          'ok []', 'the longest');

-- What a JSON function shares with the SQL function of its name it does for the principal of the claims, asked for or not.
SELECT is(claims.attempt('claims_api', format('SELECT concat_ws('' '', answer ->> ''decision'', answer ->> ''agentId'', answer #>> ''{error,code}'', CASE WHEN answer ? ''error'' THEN current_setting(''response.status'') END)'
                                              ' FROM ledger_agents_api.authorize(jsonb_build_object(''agentId'', %L, ''amount'', 1)) AS answer', agent),
                         format('{"organization_id": "default", "agent_id": "%s"}', :'mine'), asked => asked), 'ok ' || want, concat_ws(' ', 'an agent''s claims authorize for', whose, CASE WHEN asked THEN 'after pre_request' END))
FROM (VALUES (false), (true)) AS a (asked),
     (VALUES (:'mine', 'approved ' || :'mine', 'itself'), (:'sibling', 'unknown_agent 404', 'no sibling'), (:'foreign', 'unknown_agent 404', 'no other tenant''s')) AS v (agent, want, whose);
SELECT is(claims.attempt('claims_api', format('SELECT ledger_agents_api.%I(%L) #>> ''{error,code}''', function, body), format('{"organization_id": "default", "agent_id": "%s"}', :'mine')), 'ok not_allowed', 'they do not ' || function)
FROM (VALUES ('record_spend', json_build_object('agentId', :'mine', 'amount', 1)), ('get_organization', '{}')) AS v (function, body);
SELECT is(claims.attempt('claims_api', format('SELECT concat_ws('' '', answer ->> ''decision'', answer #>> ''{error,code}'') FROM ledger_agents_api.record_spend(jsonb_build_object(''agentId'', %L, ''amount'', 1)) AS answer', agent),
                         '{"organization_id": "elsewhere"}'), want, 'an organization''s claims record spend for ' || whose)
FROM (VALUES (:'foreign', 'ok approved', 'its agents'), (:'mine', 'ok unknown_agent', 'no other''s')) AS v (agent, want, whose);

--
-- Api-Key
--
SELECT is(claims.attempt('claims_api', $$SELECT ledger_agents_api.create_agent('{"externalId": "by key", "customerId": "c"}') ->> 'externalId'$$,
                         '', json_build_object('api-key', :'key', 'host', 'h')::text, true), 'ok by key', 'a key in the header');
SELECT is(claims.changer('by key'), 'elsewhere key:' || :'key_id', 'acts as its organization');
SELECT is(claims.attempt('claims_api', 'SELECT (ledger_agents.authorize(amount => 1)).agent_id', '', json_build_object('api-key', :'token')::text, true), 'ok ' || :'mine', 'a token acts as its agent');
SELECT is(claims.attempt('claims_api', 'SELECT (ledger_agents.authorize(amount => 1)).agent_id', :'claims', json_build_object('api-key', :'token')::text, true), 'ok ' || :'mine', 'the header wins over claims');
SELECT is(claims.attempt('claims_api', $$SELECT ledger_agents_api.list_cards('{}') #>> '{error,code}'$$, '', headers, true), 'ok not_authenticated', 'nobody: ' || why)
FROM (VALUES ('', 'no headers'), ('{}', 'none of ours'), ('{"Api-Key": "x"}', 'another name')) AS v (headers, why);
SELECT is(claims.attempt('claims_api', 'SELECT 1', :'claims', json_build_object('api-key', secret)::text, true),
          'PT401 authentication failed | invalid_token: The secret is unknown, expired or revoked.', 'refused: ' || why)
FROM (VALUES ('', 'empty'), ('x', 'short'), (left(:'key', -1) || 'g', 'wrong'), (' ' || :'key', 'a blank before'), (upper(:'key'), 'upper case')) AS v (secret, why);
SELECT matches(claims.attempt('claims_api', 'SELECT 1', '', headers, true), '^22023 the request''s headers cannot be read', 'no object of strings: ' || left(headers, 15))
FROM (VALUES ('lk_live_0123456789ab' || repeat('c', 64)), ('{"api-key": lk_live_0123456789ab}'), ('["api-key"]'), ('{"api-key": 5}'), ('{"api-key": null}'), ('{"api-key": {"a": "b"}}')) AS v (headers);
SELECT is(claims.attempt('claims_api', 'SELECT count(*) FROM ledger_agents.list_authorizations()', '', json_build_object('api-key', :'token')::text, true), 'ok 5', 'reads');
SELECT ok(last_used_at IS NOT NULL, 'use of the header is noted') FROM ledger_agents.list_organization_keys(organization_id => 'elsewhere');

-- A request that only reads runs in a read-only transaction: nothing is noted there.
SELECT key AS unused FROM ledger_agents.create_organization_key('unused', organization_id => 'elsewhere') \gset
BEGIN READ ONLY;
SELECT set_config('request.headers', json_build_object('api-key', :'unused')::text, true) \g /dev/null
SELECT ledger_agents_api.pre_request() \g /dev/null
SELECT organization_id AS reads FROM ledger_agents.list_agents() LIMIT 1 \gset
COMMIT;
SELECT is(:'reads'::text, 'elsewhere', 'a read-only request has its principal');
SELECT ok(last_used_at IS NULL, 'and notes nothing') FROM ledger_agents.list_organization_keys(organization_id => 'elsewhere') WHERE name = 'unused';

--
-- A principal cannot be changed; a rollback to before it undoes it
--
BEGIN;
SET LOCAL ROLE claims_api;
SELECT set_config('request.jwt.claims', :'claims', true) \g /dev/null
SAVEPOINT s;
SELECT ledger_agents_api.list_cards('{}') -> 'data' AS first \gset
SELECT set_config('request.jwt.claims', '{"organization_id": "elsewhere"}', true) \g /dev/null
SELECT jsonb_array_length(ledger_agents_api.list_cards('{}') -> 'data') AS kept \gset
SELECT organization_id AS still FROM ledger_agents.list_agents() LIMIT 1 \gset
SELECT left(claims.attempt('claims_api', 'SELECT 1', '{"organization_id": "elsewhere"}', asked => true), 5) AS another \gset
SELECT left(claims.attempt('claims_api', format('SELECT ledger_agents.authenticate(%L)', :'key')), 5) AS by_key \gset
ROLLBACK TO s;
SELECT set_config('request.jwt.claims', '{"organization_id": "elsewhere"}', true) \g /dev/null
SELECT ledger_agents_api.pre_request() \g /dev/null
SELECT organization_id AS other FROM ledger_agents.list_agents() LIMIT 1 \gset
SELECT set_config('request.jwt.claims', 'x', true) \g /dev/null
SELECT ledger_agents_api.list_cards('{}') -> 'data' AS unread \gset
COMMIT;
SELECT is(seen, want, why)
FROM (VALUES (:'still', 'default', 'other claims of one transaction change nothing'), (:'another', '42501', 'not by pre_request'), (:'by_key', '42501', 'not by a key'),
             (:'other', 'elsewhere', 'a rollback to before it undoes it'), (:'unread', '[]', 'claims are read once')) AS v (seen, want, why);
SELECT is(claims.attempt('claims_api', $$SELECT ledger_agents_api.list_cards('{}') #>> '{error,code}'$$), 'ok not_authenticated', 'it ends with the transaction');

-- A call that fails leaves no principal behind.
SELECT is(claims.attempt('claims_api', $$SELECT (ledger_agents_api.get_card('{"cardId": "x"}') #>> '{error,code}') || ' ' || (ledger_agents_api.list_cards('{}') ->> 'data')$$, :'claims'),
          'ok unknown_card []', 'the next one reads the claims again');

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();

DROP SCHEMA claims CASCADE;
DROP OWNED BY claims_api, claims_other, claims_operator, claims_login, claims_authenticator;
DROP ROLE claims_api, claims_other, claims_operator, claims_login, claims_authenticator;
