-- Who may do what, and who is it that calls?
--
-- Roles are of the whole server, so that they bear names of their own and are
-- dropped at the end. A call is made by attempt(), which takes a role as SET
-- ROLE does and says how the call ended: "ok", or its SQLSTATE and message.
SET client_min_messages = warning;
CREATE ROLE access_nobody LOGIN;
CREATE ROLE access_operator LOGIN;
CREATE ROLE access_member LOGIN IN ROLE access_operator;
CREATE ROLE access_auditor;
CREATE ROLE access_api;
SELECT ledger_agents.grant_access('access_operator', 'operator'),
       ledger_agents.grant_access('access_auditor', 'auditor'),
       ledger_agents.grant_access('access_api', 'api') \g /dev/null
\set owner :USER

-- The clock, set before the module is loaded and can refuse it, in a session of its own.
\c - access_operator
SET client_min_messages = error;
SET ledger_agents.clock = '2001-01-01 00:00Z';
SELECT (ledger_agents.register_agent('early', 'customer')).id AS early \gset
SELECT (ledger_agents.evaluate(:'early', 1)).decided_at > '2020-01-01' AS early_clock_refused \gset
\c - :owner
SET client_min_messages = warning;

SELECT no_plan();

CREATE SCHEMA access;
GRANT USAGE ON SCHEMA access TO access_nobody, access_operator, access_api;

-- Runs a call as the role; with a token, it authenticates first.
CREATE FUNCTION access.attempt(role name, call text, token text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  result text;
BEGIN
  BEGIN
    PERFORM pg_catalog.set_config('role', role, true);
    IF token IS NOT NULL THEN
      PERFORM ledger_agents.authenticate(token);
    END IF;
    EXECUTE call INTO result;
    PERFORM pg_catalog.set_config('role', 'none', true);
    RETURN coalesce('ok ' || result, 'ok');
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN pg_catalog.concat_ws(' ', SQLSTATE, SQLERRM, '|', detail);
  END;
END
$$;

-- A call of the function with a null for each argument; from 18 on the body of one in SQL may come to nothing for a null id.
CREATE FUNCTION access.call_of(function regprocedure) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT pg_catalog.format('SELECT count(*) FROM %s(%s)', p.oid::regproc,
    (SELECT pg_catalog.string_agg(CASE WHEN p.prolang = (SELECT oid FROM pg_catalog.pg_language WHERE lanname = 'sql') AND t = 'uuid'::regtype THEN pg_catalog.quote_literal('01890a5d-ac96-774b-bcce-b302099a8057')
                                       ELSE 'NULL' END || '::' || pg_catalog.format_type(t, NULL), ', ' ORDER BY n)
     FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, n)))
  FROM pg_catalog.pg_proc p WHERE p.oid = function
$$;

CREATE VIEW access.functions AS
SELECT p.oid::regprocedure AS function, p.proname, s.nspname = 'ledger_agents_api' AS is_api,
       p.prorettype = 'trigger'::regtype AS is_trigger
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace s ON s.oid = p.pronamespace
WHERE s.nspname IN ('ledger_agents', 'ledger_agents_api');

-- Two agents of one customer, one of another organization; each has one authorization.
SELECT (ledger_agents.create_organization('elsewhere')).id AS elsewhere \gset
SELECT id AS mine, token AS my_token, token_id AS my_token_id FROM ledger_agents.register_agent('mine', 'customer', spending_limit => 100000, policy => '{"requireCard": false}') \gset
SELECT id AS sibling, token AS sibling_token FROM ledger_agents.register_agent('sibling', 'customer', spending_limit => 100000, policy => '{"requireCard": false}') \gset
SELECT id AS foreign, token_id AS foreign_token_id FROM ledger_agents.register_agent('foreign', 'customer', spending_limit => 100000, policy => '{"requireCard": false}', organization_id => 'elsewhere') \gset
SELECT (ledger_agents.authorize(:'mine', 100)).decision, (ledger_agents.authorize(:'sibling', 100)).decision,
       (ledger_agents.authorize(:'foreign', 100, organization_id => 'elsewhere')).decision \g /dev/null
\set unknown 01890a5d-ac96-774b-bcce-b302099a8057

--
-- Rights on functions and tables
--
CREATE TABLE access.wanted (name text PRIMARY KEY, levels text NOT NULL);
INSERT INTO access.wanted (levels, name)
SELECT levels, pg_catalog.unnest(pg_catalog.string_to_array(names, ' ')) FROM (VALUES
  ('operator auditor api', 'ledger_agents.window_of ledger_agents.normal_merchant ledger_agents.merchant_matches'),
  ('operator auditor', 'ledger_agents.check_invariants ledger_agents.read_statistics ledger_agents.chain_item ledger_agents.act_as_auditor'
                       || ' ledger_agents.health_check ledger_agents.installed_objects ledger_agents.shipped_objects'
                       || ' ledger_agents.library_version ledger_agents.level_functions'),
  ('operator auditor api', 'ledger_agents.verify_chain'),
  ('operator api', 'ledger_agents.authenticate ledger_agents.authorize ledger_agents.authorize_or_raise ledger_agents.authorize_many'
                   || ' ledger_agents.evaluate ledger_agents.get_agent ledger_agents.list_agents'
                   || ' ledger_agents.agent_budget ledger_agents.get_card ledger_agents.list_cards'
                   || ' ledger_agents.get_authorization'
                   || ' ledger_agents.list_authorizations ledger_agents.explain_authorization'
                   || ' ledger_agents.effective_policy ledger_agents.card_policy ledger_agents_api.register_agent'
                   || ' ledger_agents.visible_organization ledger_agents.visible_agent ledger_agents.visible_spend'
                   || ' ledger_agents.visible_card_spend ledger_agents.engine_time ledger_agents.iso_duration'
                   || ' ledger_agents_api.pre_request'
                   || ' ledger_agents_api.create_agent ledger_agents_api.update_agent'
                   || ' ledger_agents_api.create_policy ledger_agents_api.update_policy ledger_agents_api.delete_policy'
                   || ' ledger_agents_api.get_policy ledger_agents_api.list_policies'
                   || ' ledger_agents_api.create_card ledger_agents_api.update_card ledger_agents_api.freeze_card'
                   || ' ledger_agents_api.unfreeze_card ledger_agents_api.close_card ledger_agents_api.get_card'
                   || ' ledger_agents_api.list_cards'
                   || ' ledger_agents.declare_intent ledger_agents.cancel_intent ledger_agents.get_intent'
                   || ' ledger_agents.list_intents ledger_agents.attest ledger_agents.list_attestations'
                   || ' ledger_agents_api.declare_intent ledger_agents_api.approve_intent'
                   || ' ledger_agents_api.reject_intent ledger_agents_api.cancel_intent'
                   || ' ledger_agents_api.get_intent ledger_agents_api.list_intents ledger_agents_api.attest'
                   || ' ledger_agents_api.authorize ledger_agents_api.evaluate ledger_agents_api.explain_authorization'
                   || ' ledger_agents_api.record_spend ledger_agents_api.increment ledger_agents_api.capture'
                   || ' ledger_agents_api.reverse ledger_agents_api.refund ledger_agents_api.get_authorization'
                   || ' ledger_agents_api.list_authorizations ledger_agents_api.get_agent ledger_agents_api.list_agents'
                   || ' ledger_agents_api.deregister_agent ledger_agents_api.agent_budget'
                   || ' ledger_agents_api.create_agent_token ledger_agents_api.list_agent_tokens'
                   || ' ledger_agents_api.revoke_agent_token ledger_agents_api.rotate_agent_token'
                   || ' ledger_agents_api.get_organization ledger_agents_api.update_organization'
                   || ' ledger_agents_api.get_customer ledger_agents_api.list_customers ledger_agents_api.update_customer'
                   || ' ledger_agents_api.create_organization_key ledger_agents_api.list_organization_keys'
                   || ' ledger_agents_api.revoke_organization_key ledger_agents_api.rotate_organization_key'
                   || ' ledger_agents_api.effective_policy ledger_agents_api.card_policy'
                   || ' ledger_agents_api.list_attestations ledger_agents_api.poll_events ledger_agents_api.ack_events'
                   || ' ledger_agents_api.list_event_consumers ledger_agents_api.delete_event_consumer'),
  ('operator', 'ledger_agents.act_as_operator ledger_agents.create_organization ledger_agents.sign_event ledger_agents.reset_statistics'
               || ' ledger_agents.adopt ledger_agents.disown'),
  ('operator api', 'ledger_agents.create_organization_key ledger_agents.list_organization_keys'
               || ' ledger_agents.revoke_organization_key ledger_agents.rotate_organization_key'
               || ' ledger_agents.update_organization ledger_agents.get_organization'
               || ' ledger_agents.update_customer ledger_agents.get_customer ledger_agents.list_customers ledger_agents.register_agent'
               || ' ledger_agents.create_policy ledger_agents.update_policy ledger_agents.delete_policy'
               || ' ledger_agents.get_policy ledger_agents.list_policies'
               || ' ledger_agents.update_agent ledger_agents.deregister_agent ledger_agents.create_agent_token'
               || ' ledger_agents.list_agent_tokens ledger_agents.revoke_agent_token'
               || ' ledger_agents.rotate_agent_token ledger_agents.record_spend'
               || ' ledger_agents.increment ledger_agents.capture ledger_agents.reverse ledger_agents.refund'
               || ' ledger_agents.create_card ledger_agents.update_card ledger_agents.freeze_card'
               || ' ledger_agents.unfreeze_card ledger_agents.close_card'
               || ' ledger_agents.approve_intent ledger_agents.reject_intent'
               || ' ledger_agents.poll_events ledger_agents.ack_events ledger_agents.list_event_consumers'
               || ' ledger_agents.delete_event_consumer ledger_agents.sweep ledger_agents.seal_chain ledger_agents.purge'),
  ('', 'ledger_agents.current_spend ledger_agents.current_card_spend ledger_agents.refuse_change ledger_agents.forget_tenants ledger_agents.write_view ledger_agents.grant_access ledger_agents.revoke_access ledger_agents.keep_money')) AS w (levels, names);

SELECT bag_eq(
  'SELECT function::regproc::text FROM access.functions', 'SELECT name FROM access.wanted',
  'it is decided for every function who may call it');
SELECT is(pg_catalog.concat_ws(' ',
    CASE WHEN pg_catalog.has_function_privilege('access_operator', f.function, 'EXECUTE') THEN 'operator' END,
    CASE WHEN pg_catalog.has_function_privilege('access_auditor', f.function, 'EXECUTE') THEN 'auditor' END,
    CASE WHEN pg_catalog.has_function_privilege('access_api', f.function, 'EXECUTE') THEN 'api' END,
    CASE WHEN pg_catalog.has_function_privilege('access_nobody', f.function, 'EXECUTE') THEN 'nobody' END),
  w.levels, f.function::regproc || ' may be called by: ' || w.levels)
FROM access.functions f JOIN access.wanted w ON w.name = f.function::regproc::text
ORDER BY w.name COLLATE "C";

SELECT is_empty($$
  SELECT r.rolname, c.oid::regclass, p.privilege
  FROM pg_catalog.pg_class c, pg_catalog.pg_roles r,
       (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) AS p (privilege)
  WHERE c.relnamespace = 'ledger_agents'::regnamespace AND c.relkind IN ('r', 'v')
    AND r.rolname ~ '^access_'
    AND pg_catalog.has_table_privilege(r.rolname, c.oid, p.privilege)
  $$, 'no level writes to a table');
SELECT is_empty($$
  SELECT r.rolname, c.oid::regclass
  FROM pg_catalog.pg_class c, pg_catalog.pg_roles r
  WHERE c.relnamespace = 'ledger_agents'::regnamespace AND c.relkind IN ('r', 'v')
    AND r.rolname ~ '^access_'
    AND c.oid NOT IN ('ledger_agents.agent_tokens'::regclass, 'ledger_agents.organization_keys'::regclass)
    AND pg_catalog.has_table_privilege(r.rolname, c.oid, 'SELECT')
        <> (r.rolname IN ('access_operator', 'access_member', 'access_auditor'))
  $$, 'operators and auditors read every table, the others none');
SELECT bag_eq($$
  SELECT r.rolname::text, pg_catalog.string_agg(a.attname::text, ' ' ORDER BY a.attnum)
  FROM pg_catalog.pg_attribute a, pg_catalog.pg_roles r
  WHERE a.attrelid IN ('ledger_agents.agent_tokens'::regclass, 'ledger_agents.organization_keys'::regclass) AND a.attnum > 0 AND r.rolname ~ '^access_'
    AND NOT pg_catalog.has_column_privilege(r.rolname, a.attrelid, a.attnum, 'SELECT')
    AND r.rolname IN ('access_operator', 'access_auditor')
  GROUP BY r.rolname, a.attrelid
  $$, $$VALUES ('access_auditor', 'secret_hash'), ('access_operator', 'secret_hash'),
              ('access_auditor', 'secret_hash'), ('access_operator', 'secret_hash')$$,
  'nobody reads the hashes of secrets');
SELECT matches(access.attempt('access_auditor', call), '^42501 ', 'an auditor is refused: ' || call)
FROM (VALUES ($$UPDATE ledger_agents.agents SET spending_limit = NULL$$), ($$DELETE FROM ledger_agents.counters$$),
             ($$INSERT INTO ledger_agents.organizations (id, created_at, updated_at) VALUES ('x', now(), now())$$),
             ($$TRUNCATE ledger_agents.events$$), ($$SELECT secret_hash FROM ledger_agents.agent_tokens$$),
             ($$SELECT secret_hash FROM ledger_agents.organization_keys$$),
             ($$SELECT ledger_agents.act_as_operator()$$)) AS c (call);
SELECT is(access.attempt('access_auditor', 'SELECT count(*) FROM ledger_agents.check_invariants()'), 'ok 0', 'an auditor may check the books');
SELECT is(access.attempt('access_auditor', pg_catalog.format('SELECT count(*) FROM ledger_agents.verify_chain(%L, organization_id => ''elsewhere'')', :'foreign')), 'ok 0',
          'and verify chains in any organization');
SELECT is(access.attempt('access_auditor', 'SELECT count(*) FROM ledger_agents.authorizations'), 'ok 3', 'an auditor reads every organization');
SELECT matches(access.attempt('access_operator', $$SELECT ledger_agents.grant_access('access_operator', 'operator')$$), '^42501 ',
               'an operator cannot hand out levels');
SELECT matches(access.attempt('access_operator', $$SELECT ledger_agents.revoke_access('access_operator')$$), '^42501 ', 'nor take them');

-- Levels are given beside each other, and taken together: a role that can be dropped has no right left.
CREATE ROLE access_all;
SELECT ledger_agents.grant_access('access_all', level) FROM unnest(enum_range(NULL::ledger_agents.access_level)) AS level \g /dev/null
SELECT throws_ok('DROP ROLE access_all', '2BP01', NULL, 'a role with levels');
SELECT ledger_agents.revoke_access('access_all') \g /dev/null
SELECT is(access.attempt('access_operator', 'SELECT count(*) FROM ledger_agents.authorizations'), 'ok 3', 'others keep theirs');
SELECT lives_ok('DROP ROLE access_all', 'has nothing when they were taken');
SELECT throws_ok(call, '42704', NULL, call)
FROM unnest('{"SELECT ledger_agents.grant_access(''public'', ''api'')", "SELECT ledger_agents.revoke_access(''public'')", "SELECT ledger_agents.grant_access(''access_all'', ''api'')"}'::text[]) AS call;

-- What somebody's functions ask for while others maintain the table is asked by nobody.
CREATE SCHEMA access_lair AUTHORIZATION access_api;
SET ROLE access_api;
CREATE TABLE access_lair.loot (what text);
CREATE FUNCTION access_lair.steal() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO access_lair.loot SELECT 'agent ' || a.id FROM ledger_agents.list_agents() AS a;
EXCEPTION WHEN insufficient_privilege THEN
  INSERT INTO access_lair.loot VALUES (sqlerrm);
END
$$;
CREATE FUNCTION access_lair.look(i integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM access_lair.steal(); RETURN i; END $$;
CREATE TABLE access_lair.bait AS SELECT 1 AS i;
CREATE MATERIALIZED VIEW access_lair.picture AS SELECT access_lair.look(1) AS seen WITH NO DATA;
RESET ROLE;
CREATE INDEX ON access_lair.bait (access_lair.look(i));
ANALYZE access_lair.bait;
REFRESH MATERIALIZED VIEW access_lair.picture;
BEGIN;
SELECT agent_id IS NOT NULL AS known FROM ledger_agents.authenticate(:'my_token') \g /dev/null
ANALYZE access_lair.bait;
COMMIT;
SELECT ok(count(*) >= 4 AND bool_and(what ~ '^permission denied: no principal'), 'the owner of a table gets nothing of who maintains it') FROM access_lair.loot;

-- The real call, not only what the catalog says.
SELECT matches(access.attempt('access_nobody', access.call_of(function)), '^42501 ', 'a role without a level is refused: ' || function)
FROM access.functions WHERE NOT is_trigger ORDER BY function::text COLLATE "C";

--
-- A role of the level api is nobody until it has authenticated
--
SELECT is(access.attempt('access_api', access.call_of(function)),
          '42501 permission denied: no principal | not_authenticated: The role is not an operator and has not authenticated in this transaction.',
          'no principal: ' || function)
FROM access.functions
WHERE pg_catalog.has_function_privilege('access_api', function, 'EXECUTE')
  AND proname NOT IN ('authenticate', 'window_of', 'normal_merchant', 'merchant_matches', 'engine_time', 'iso_duration') AND NOT is_api
ORDER BY function::text COLLATE "C";
SELECT matches(access.attempt('access_api', pg_catalog.format('SELECT %s(''{}'')', function::regproc)),
               '^ok .*"code": "not_authenticated"', 'no principal: ' || function)
FROM access.functions WHERE is_api AND proname <> 'pre_request' ORDER BY function::text COLLATE "C";
SELECT matches(access.attempt('access_api', pg_catalog.format('SET ledger_agents.organization = %L; SELECT (ledger_agents.authorize(%L, 1)).id', 'default', :'mine')),
               '^42501 permission denied: no principal', 'naming an organization is no principal');
-- A short hold would be spend without a limit.
SELECT matches(access.attempt('access_api', call, :'my_token'), '^(42501 |ok .*)permission denied for hold_?[fF]or with an agent.s token', call)
FROM unnest(ARRAY[$$SELECT decision FROM ledger_agents.authorize(amount => 1, hold_for => '1 microsecond')$$,
                  $$SELECT decision FROM ledger_agents.authorize_or_raise(amount => 1, hold_for => '1 year')$$,
                  $$SELECT decision FROM ledger_agents.evaluate(amount => 1, hold_for => '1 day')$$,
                  $$SELECT decision FROM ledger_agents.authorize_many(ARRAY[ROW(NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, interval '1 s', NULL)::ledger_agents.spend_request])$$,
                  $$SELECT ledger_agents_api.authorize('{"amount": 1, "holdFor": "PT1S"}')$$]) AS call;
SELECT is(access.attempt('access_api', $$SELECT decision FROM ledger_agents.authorize(amount => 1)$$, :'my_token'), 'ok approved', 'without it an agent spends');
SELECT is(access.attempt('access_api', 'SELECT 1', secret), '42501 authentication failed | invalid_token: The secret is unknown, expired or revoked.',
          'not a token: ' || why)
FROM (VALUES ('', 'empty'), ('x', 'short'), (pg_catalog.left(:'my_token', -1) || 'g', 'one digit is wrong'), (pg_catalog.upper(:'my_token'), 'upper case'),
             (:'my_token' || ' ', 'a blank behind'), (pg_catalog.left(:'my_token', 20) || pg_catalog.right(:'sibling_token', 64), 'two halves'),
             (pg_catalog.repeat('x', 1000000), 'very long')) AS t (secret, why);

--
-- A token acts as its agent (what it may, and what it sees: agent_rights.sql)
--
SELECT is(access.attempt('access_api', 'SELECT (ledger_agents.authorize(amount => 1)).agent_id', :'my_token'), 'ok ' || :'mine', 'a token spends as its agent');
SELECT is(access.attempt('access_api', pg_catalog.format('SELECT (ledger_agents.authorize(%L, 1)).decision', :'mine'), :'my_token'), 'ok approved', 'its agent may be named');
SELECT is(access.attempt('access_api', $$SELECT (ledger_agents.authorize(amount => 1, organization_id => 'elsewhere')).organization_id$$, :'my_token'),
          'ok default', 'the argument organization_id has no effect for a token');
SELECT is(access.attempt('access_api', $$SET LOCAL ledger_agents.organization = 'elsewhere'; SELECT (ledger_agents.authorize(amount => 1)).organization_id$$, :'my_token'),
          'ok default', 'nor has the setting');

--
-- A key has full rights in its organization, whatever the role, and none outside it
--
SELECT id AS key_id, key AS key FROM ledger_agents.create_organization_key('access') \gset
SELECT is(access.attempt(role, call, :'key'), want, 'a key with the role ' || role || ': ' || call)
FROM (VALUES ('access_api'), ('access_operator')) AS r (role), (VALUES
  (pg_catalog.format('SELECT (ledger_agents.authorize(%L, 1)).decision', :'mine'), 'ok approved'),
  (pg_catalog.format('SELECT (ledger_agents.get_agent(%L)).id', :'sibling'), 'ok ' || :'sibling'),
  (pg_catalog.format('SELECT (ledger_agents.update_agent(%L, ''{"name": "renamed"}'')).name', :'sibling'), 'ok renamed'),
  ('SELECT (ledger_agents.get_organization(''elsewhere'')).id', 'ok default'),
  ('SET LOCAL ledger_agents.organization = ''elsewhere''; SELECT (ledger_agents.get_organization()).id', 'ok default'),
  ('SELECT (ledger_agents.update_customer(''customer'', ''{"name": "c"}'', ''elsewhere'')).organization_id', 'ok default'),
  ('SELECT name FROM ledger_agents.list_organization_keys(organization_id => ''elsewhere'')', 'ok access'),
  ('SELECT (ledger_agents.sweep(organization_id => ''elsewhere'')).more', 'ok false'),
  ('SELECT (ledger_agents.purge(now() - interval ''2 years'', organization_id => ''elsewhere'')).organization_id', 'ok default'),
  (pg_catalog.format('SELECT (ledger_agents.seal_chain(%L, organization_id => ''elsewhere'')).number', :'mine'), 'ok 1'),
  (pg_catalog.format('SELECT count(*) FROM ledger_agents.verify_chain(%L, organization_id => ''elsewhere'')', :'mine'), 'ok 0'),
  ('SELECT ledger_agents_api.get_policy(''{"policyId": "x"}'') #>> ''{error,code}''', 'ok unknown_policy')) AS c (call, want);
SELECT is(access.attempt('access_api', pg_catalog.format(c.call, :'foreign'), :'key'), access.attempt('access_api', pg_catalog.format(c.call, :'unknown'), :'key'),
          'to a key another tenant''s agent is as unknown as none: ' || c.call)
FROM (VALUES ('SELECT pg_catalog.replace(ledger_agents_api.update_agent(''{"agentId": "%1$s"}'')::text, ''%1$s'', ''*'')')) AS c (call);
-- Every function that takes an id (but unfreeze_card, which needs a frozen one), called by a key about its own, another tenant's and no
-- tenant's. What the own call does is undone.
CREATE FUNCTION access.tried(call text, secret text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  BEGIN
    result := access.attempt('access_api', call, secret);
    RAISE EXCEPTION USING errcode = 'XX999';
  EXCEPTION WHEN SQLSTATE 'XX999' THEN
    RETURN result;
  END;
END
$$;
SELECT id AS foreign_key_id, key AS foreign_key FROM ledger_agents.create_organization_key('access', organization_id => 'elsewhere') \gset
SELECT (ledger_agents.create_policy('p', '{}')).id AS my_policy \gset
SELECT (ledger_agents.create_policy('p', '{}', organization_id => 'elsewhere')).id AS foreign_policy \gset
SELECT (ledger_agents.create_card(:'mine')).id AS my_card \gset
SELECT (ledger_agents.create_card(:'sibling')).id AS sibling_card \gset
SELECT (ledger_agents.create_card(:'foreign', organization_id => 'elsewhere')).id AS foreign_card \gset
SELECT (ledger_agents.declare_intent(:'mine', client_intent_id => 'i')).id AS my_intent \gset
SELECT (ledger_agents.declare_intent(:'foreign', client_intent_id => 'i', organization_id => 'elsewhere')).id AS foreign_intent \gset
SELECT (ledger_agents.authorize(:'mine', 100)).id AS my_spend \gset
SELECT (ledger_agents.authorize(:'foreign', 100, organization_id => 'elsewhere')).id AS foreign_spend \gset
SELECT (ledger_agents.authorize(:'mine', 100)).id AS my_taken \gset
SELECT (ledger_agents.authorize(:'foreign', 100, organization_id => 'elsewhere')).id AS foreign_taken \gset
SELECT ledger_agents.capture(:'my_taken'), ledger_agents.capture(:'foreign_taken', organization_id => 'elsewhere') \g /dev/null
SELECT ledger_agents.update_agent(:'mine', '{"default_require_approval": true}'), ledger_agents.update_agent(:'foreign', '{"default_require_approval": true}', organization_id => 'elsewhere') \g /dev/null
SELECT (ledger_agents.declare_intent(:'mine')).id AS my_asked \gset
SELECT (ledger_agents.declare_intent(:'foreign', organization_id => 'elsewhere')).id AS foreign_asked \gset
SELECT ledger_agents.update_agent(:'mine', '{"default_require_approval": null}'), ledger_agents.update_agent(:'foreign', '{"default_require_approval": null}', organization_id => 'elsewhere') \g /dev/null
SELECT id AS my_event FROM ledger_agents.poll_events('access', 1) \gset
SELECT id AS foreign_event FROM ledger_agents.poll_events('access', 1, organization_id => 'elsewhere') \gset
CREATE TEMP TABLE key_ids AS
SELECT * FROM (VALUES ('agent', :'mine', :'foreign'), ('card', :'my_card', :'foreign_card'), ('policy', :'my_policy', :'foreign_policy'), ('intent', :'my_intent', :'foreign_intent'),
                      ('asked', :'my_asked', :'foreign_asked'), ('authorization', :'my_spend', :'foreign_spend'), ('taken', :'my_taken', :'foreign_taken'),
                      ('token', :'my_token_id', :'foreign_token_id'), ('key', :'key_id', :'foreign_key_id'), ('event', :'my_event', :'foreign_event')) AS k (kind, own, other);
CREATE TEMP TABLE key_calls AS
SELECT kind, pg_catalog.format('SELECT count(*) FROM ledger_agents.%s', call) AS call FROM (VALUES
  ('agent', 'update_agent(%L, ''{"name": "n"}'')'), ('agent', 'deregister_agent(%L)'), ('agent', 'create_agent_token(%L)'), ('agent', 'list_agent_tokens(%L)'),
  ('agent', 'create_card(%L)'), ('agent', 'record_spend(%L, 1)'), ('agent', 'seal_chain(%L)'), ('token', 'revoke_agent_token(%L)'), ('token', 'rotate_agent_token(%L)'),
  ('policy', 'get_policy(%L)'), ('policy', 'update_policy(%L, ''{"name": "q"}'')'), ('policy', 'delete_policy(%L)'),
  ('policy', pg_catalog.format('create_card(%L, policy_id => %%L)', :'mine')), ('policy', 'register_agent(''new'', ''customer'', default_policy_id => %L)'),
  ('policy', pg_catalog.format('update_agent(%L, jsonb_build_object(''default_policy_id'', %%L::text))', :'mine')),
  ('policy', pg_catalog.format('update_card(%L, jsonb_build_object(''policy_id'', %%L::text))', :'my_card')),
  ('card', 'update_card(%L, ''{"purpose": "p"}'')'), ('card', 'freeze_card(%L)'), ('card', 'close_card(%L)'), ('card', 'declare_intent(card_id => %L)'),
  ('card', 'attest(card_id => %L, summary => ''s'')'), ('card', pg_catalog.format('record_spend(%L, 1, card_id => %%L)', :'mine')),
  ('asked', 'approve_intent(%L)'), ('asked', 'reject_intent(%L)'), ('asked', 'cancel_intent(%L)'), ('authorization', 'increment(%L, 1)'), ('authorization', 'capture(%L)'),
  ('authorization', 'reverse(%L)'), ('taken', 'refund(%L)'), ('event', 'ack_events(''access'', %L)'), ('key', 'revoke_organization_key(%L)'), ('key', 'rotate_organization_key(%L)'),
  ('agent', 'get_agent(%L)'), ('agent', 'agent_budget(%L)'), ('agent', 'authorize(%L, 1)'), ('agent', 'authorize_or_raise(%L, 1)'), ('agent', 'authorize_many(ARRAY[ROW(%L, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request])'), ('agent', 'evaluate(%L, 1)'),
  ('agent', 'list_cards(%L)'), ('agent', 'list_authorizations(%L)'), ('agent', 'list_intents(%L)'), ('agent', 'list_attestations(%L)'), ('agent', 'declare_intent(%L)'),
  ('agent', 'attest(%L, summary => ''s'')'), ('agent', 'effective_policy(%L)'), ('agent', 'verify_chain(%L)'), ('card', 'get_card(%L)'), ('card', 'card_policy(%L)'),
  ('authorization', 'get_authorization(%L)'), ('authorization', 'explain_authorization(%L)'), ('intent', 'get_intent(%L)'))
  AS c (kind, call);
SELECT is_empty($$
  SELECT function FROM access.functions, pg_catalog.pg_proc AS p
  WHERE p.oid = function AND NOT is_api AND pg_catalog.has_function_privilege('access_api', function, 'EXECUTE') AND 'uuid'::regtype = ANY (p.proargtypes)
    AND functions.proname NOT IN ('visible_spend', 'visible_card_spend', 'unfreeze_card')
    AND NOT EXISTS (SELECT FROM key_calls WHERE call LIKE '%ledger_agents.' || functions.proname || '(%')
  $$, 'every function that takes an id is called');
SELECT matches(access.tried(pg_catalog.format(call, own), :'key'), '^ok', 'a key about its own: ' || call) FROM key_calls JOIN key_ids USING (kind) ORDER BY call, kind;
SELECT is(pg_catalog.replace(access.tried(pg_catalog.format(call, other), :'key'), other, '*'), pg_catalog.replace(access.tried(pg_catalog.format(call, :'unknown'), :'key'), :'unknown', '*'),
          'about another tenant''s as about none: ' || call) FROM key_calls JOIN key_ids USING (kind) ORDER BY call, kind;
SELECT is(pg_catalog.replace(access.tried(pg_catalog.format(call, own), :'foreign_key'), own, '*'), pg_catalog.replace(access.tried(pg_catalog.format(call, :'unknown'), :'foreign_key'), :'unknown', '*'),
          'the other''s key about that one''s as about none: ' || call) FROM key_calls JOIN key_ids USING (kind) ORDER BY call, kind;
SELECT is(access.tried(pg_catalog.format('SELECT concat_ws('' '', ledger_agents.%s(%L), %L)', function, id, 'seen'), secret), 'ok ' || want, function || ', ' || why)
FROM (VALUES ('visible_spend', :'mine', :'foreign_key', 'seen', 'another tenant''s'), ('visible_spend', :'unknown', :'foreign_key', 'seen', 'none'), ('visible_spend', :'sibling', :'my_token', 'seen', 'a sibling''s'),
             ('visible_card_spend', :'my_card', :'foreign_key', 'seen', 'another tenant''s'), ('visible_card_spend', :'sibling_card', :'my_token', 'seen', 'a sibling''s'),
             ('visible_spend', :'foreign', :'foreign_key', '300 seen', 'its own')) AS v (function, id, secret, want, why);
SELECT matches(access.attempt(role, pg_catalog.format('SELECT %s', call), :'key'), '^P0002 unknown agent', 'nor does it reach one: ' || call)
FROM (VALUES ('access_api', pg_catalog.format('ledger_agents.seal_chain(%L, organization_id => ''elsewhere'')', :'foreign')),
             ('access_api', pg_catalog.format('ledger_agents.verify_chain(%L, organization_id => ''elsewhere'')', :'foreign')),
             ('access_operator', pg_catalog.format('ledger_agents.verify_chain(%L, organization_id => ''elsewhere'')', :'foreign'))) AS c (role, call);
SELECT matches(access.attempt('access_api', 'SELECT count(*) FROM ledger_agents.check_invariants()', :'key'), '^42501 permission denied for function', 'a key does not read every organization');
SELECT matches(access.attempt('access_operator', 'SELECT ledger_agents.create_organization(''new'')', :'key'), '^42501 permission denied for whoever belongs', 'a key makes no organization');
SELECT matches(access.attempt('access_api', 'SELECT ledger_agents.create_organization(''new'')', :'key'), '^42501 permission denied for function', 'nor may the role call it');

--
-- Who calls from outside counts, not who owns the function in between
--
CREATE FUNCTION access.borrowed(agent_id uuid) RETURNS text LANGUAGE sql SECURITY DEFINER
AS 'SELECT (ledger_agents.authorize(agent_id, 1)).decision::text';
CREATE FUNCTION access.lent(agent_id uuid) RETURNS text LANGUAGE sql SECURITY DEFINER
AS 'SELECT (ledger_agents.update_agent(agent_id, ''{"spending_limit": null}'')).status::text';
ALTER FUNCTION access.borrowed(uuid) OWNER TO access_operator;
SELECT matches(access.attempt('access_nobody', pg_catalog.format('SELECT access.borrowed(%L)', :'mine')),
               '^42501 permission denied: no principal', 'an operator''s SECURITY DEFINER function makes nobody an operator');
SELECT matches(access.attempt('access_nobody', pg_catalog.format('SELECT access.lent(%L)', :'mine')),
               '^42501 permission denied: no principal', 'nor does a superuser''s');
SELECT matches(access.attempt('access_api', pg_catalog.format('SELECT access.lent(%L)', :'mine'), :'my_token'),
               '^42501 permission denied for an agent''s token', 'nor does it for a token');
SELECT is(access.attempt('access_operator', pg_catalog.format('SELECT access.borrowed(%L)', :'mine')), 'ok approved', 'an operator remains one inside');
SELECT is(access.attempt('access_member', pg_catalog.format('SELECT (ledger_agents.authorize(%L, 1)).decision', :'mine')), 'ok approved',
          'who inherits an operator''s role is one');
SELECT is(access.attempt(:'owner', pg_catalog.format('SELECT (ledger_agents.authorize(%L, 1)).decision', :'mine')), 'ok approved', 'so is a superuser');

--
-- The principal is of the transaction
--
\set budget 'SELECT agent_id FROM ledger_agents.agent_budget()'
BEGIN;
SELECT access.attempt('access_api', :'budget') AS before \gset
SELECT access.attempt('access_api', :'budget', :'my_token') AS first \gset
SELECT access.attempt('access_api', :'budget') AS kept \gset
SELECT access.attempt('access_operator', :'budget') AS over_operator \gset
SELECT access.attempt('access_api', :'budget', :'sibling_token') AS second \gset
SELECT access.attempt('access_api', :'budget', :'my_token') AS again \gset
SAVEPOINT s;
SELECT access.attempt('access_api', :'budget') AS inside \gset
ROLLBACK TO s;
SELECT access.attempt('access_api', :'budget') AS after_savepoint \gset
COMMIT;
SELECT access.attempt('access_api', :'budget') AS after_commit \gset
SELECT matches(:'before'::text, '^42501 permission denied: no principal', 'at first there is no principal');
SELECT is(seen, 'ok ' || :'mine', why)
FROM (VALUES (:'first', 'authenticate makes one'), (:'kept', 'it stays'), (:'over_operator', 'it wins over an operator''s rights'),
             (:'again', 'it may be repeated'), (:'inside', 'it holds inside a savepoint'),
             (:'after_savepoint', 'a rollback to a later savepoint leaves it')) AS v (seen, why);
SELECT matches(:'second'::text, '^42501 another principal is set in this transaction', 'another one is refused');
SELECT matches(:'after_commit'::text, '^42501 permission denied: no principal', 'it ends with the commit');

BEGIN;
SAVEPOINT s;
SELECT access.attempt('access_api', :'budget', :'my_token') AS first \gset
SAVEPOINT t;
RELEASE t;
RELEASE s;
SELECT access.attempt('access_api', :'budget') AS released \gset
ROLLBACK;
SELECT access.attempt('access_api', :'budget') AS after_rollback \gset
BEGIN;
SAVEPOINT s;
SELECT access.attempt('access_api', :'budget', :'my_token') AS first \gset
ROLLBACK TO s;
SELECT access.attempt('access_api', :'budget') AS undone \gset
SELECT access.attempt('access_api', :'budget', :'sibling_token') AS other \gset
SAVEPOINT t;
SELECT access.attempt('access_api', :'budget', :'sibling_token') AS repeated \gset
ROLLBACK TO t;
SELECT access.attempt('access_api', :'budget') AS other_kept \gset
COMMIT;
SELECT is(:'released'::text, 'ok ' || :'mine', 'a released savepoint passes it on');
SELECT matches(:'after_rollback'::text, '^42501 permission denied: no principal', 'it ends with a rollback');
SELECT matches(:'undone'::text, '^42501 permission denied: no principal', 'a rollback to before authenticate undoes it');
SELECT is(:'other'::text, 'ok ' || :'sibling', 'after that there may be another');
SELECT is(:'other_kept'::text, 'ok ' || :'sibling', 'a rollback of a repetition leaves it');

BEGIN;
SELECT access.attempt('access_api', 'SELECT (ledger_agents.authorize(amount => 1)).decision', :'my_token') AS prepared \gset
PREPARE TRANSACTION 'access';
SELECT access.attempt('access_api', :'budget') AS after_prepare \gset
COMMIT PREPARED 'access';
SELECT is(:'prepared'::text, 'ok approved', 'a transaction that is prepared may spend');
SELECT matches(:'after_prepare'::text, '^42501 permission denied: no principal', 'the principal ends with PREPARE TRANSACTION');

--
-- The clock
--
SELECT is(:'early_clock_refused'::text, 't', 'a clock set before the module was loaded is not taken over');
SELECT matches(access.attempt('access_operator', 'SET ledger_agents.clock = ''2001-01-01 00:00Z'''), '^42501 ', 'an operator cannot set the clock');
SELECT matches(access.attempt('access_operator', 'ALTER ROLE access_operator SET ledger_agents.clock = ''2001-01-01 00:00Z'''), '^42501 ',
               'nor for the sessions to come');
GRANT SET ON PARAMETER ledger_agents.clock TO access_operator;
SELECT matches(access.attempt('access_operator', 'SET ledger_agents.clock = ''2001-01-01 00:00Z'''), '^42501 only a superuser',
               'nor with the right to set it');
SELECT matches(access.attempt('access_operator', 'ALTER ROLE access_operator SET ledger_agents.clock = ''2001-01-01 00:00Z'''), '^42501 only a superuser',
               'nor with that right for the sessions to come');
REVOKE SET ON PARAMETER ledger_agents.clock FROM access_operator;
SELECT is(access.attempt(:'owner', pg_catalog.format('SET LOCAL ledger_agents.clock = ''2035-01-01 00:00Z''; SELECT (ledger_agents.evaluate(%L, 1)).decided_at = ''2035-01-01 00:00Z''', :'mine')),
          'ok true', 'a superuser can');

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');

--
-- A secret where another value belongs, whatever stands before it, is not told back
--
SELECT ok(pg_catalog.strpos(told, pg_catalog.substr(:'my_token', 25, 8)) = 0 AND pg_catalog.strpos(told, 'at_live_') > 0, 'cut in what is told: ' || before)
FROM (VALUES (''), (' '), ('Bearer '), ('Authorization: Bearer '), ('{"token": "')) AS v (before),
     LATERAL access.attempt('access_operator', pg_catalog.format('SELECT ledger_agents.get_agent(external_id => %L)', before || :'my_token')) AS told;

SELECT * FROM finish();

DROP SCHEMA access CASCADE;
DROP OWNED BY access_nobody, access_operator, access_member, access_auditor, access_api;
DROP ROLE access_nobody, access_operator, access_member, access_auditor, access_api;
