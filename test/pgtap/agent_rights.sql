-- May an agent's token do exactly what an agent may? Every function of both schemas, with its own, another one's and an unknown id.
--
-- The session is a superuser's, so that only the principal stands in the way; what
-- an attempt does is undone, and so is who it was.
BEGIN;
SELECT no_plan();

CREATE FUNCTION pg_temp.attempt(token text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  result text;
BEGIN
  IF token IS NOT NULL THEN
    PERFORM ledger_agents.authenticate(token);
  END IF;
  EXECUTE call INTO result;
  RAISE SQLSTATE 'ZZ000' USING MESSAGE = 'ok ' || coalesce(result, 'nothing');
EXCEPTION
  WHEN SQLSTATE 'ZZ000' THEN
    RETURN SQLERRM;
  WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, '|', detail);
END
$$;

-- Two agents of one customer, and one of another organization; each has one of each kind.
SELECT (ledger_agents.create_organization('elsewhere')).id AS elsewhere \gset
CREATE TEMP TABLE agent AS
SELECT r.organization_id, r.external_id AS name, r.id, r.token, r.token_id
FROM (VALUES ('mine', 'default'), ('sibling', 'default'), ('foreign', 'elsewhere')) AS v (name, organization),
     LATERAL ledger_agents.register_agent(v.name, 'customer', spending_limit => 100000, policy => '{"requireCard": false}', organization_id => v.organization) AS r;
CREATE TEMP TABLE thing AS
SELECT name, 'agent' AS kind, id::text FROM agent
UNION ALL SELECT name, 'external id', name FROM agent
UNION ALL SELECT name, 'client''s intent', 'intent of ' || name FROM agent
UNION ALL SELECT a.name, 'card', c.id::text FROM agent AS a, LATERAL ledger_agents.create_card(a.id, organization_id => a.organization_id) AS c
UNION ALL SELECT a.name, 'authorization', x.id::text FROM agent AS a, LATERAL ledger_agents.authorize(a.id, 100, organization_id => a.organization_id) AS x
UNION ALL SELECT a.name, 'attestation', x.id::text FROM agent AS a, LATERAL ledger_agents.attest(a.id, summary => 's', organization_id => a.organization_id) AS x
UNION ALL SELECT 'unknown', kind, '01890a5d-ac96-774b-bcce-b302099a8057' FROM unnest('{agent,external id,client''s intent,card,intent,authorization}'::text[]) AS kind;
INSERT INTO thing SELECT c.name, 'intent', i.id::text FROM thing AS c JOIN agent AS a USING (name),
  LATERAL ledger_agents.declare_intent(card_id => c.id::uuid, client_intent_id => 'intent of ' || c.name, organization_id => a.organization_id) AS i WHERE c.kind = 'card';
SELECT id AS mine, token FROM agent WHERE name = 'mine' \gset

--
-- What it may call. %s stands for the id of a thing of that kind; where there is
-- none, the call says nothing of whose, and means the agent itself.
--
CREATE TEMP TABLE allowed (function text, kind text, call text);
INSERT INTO allowed SELECT 'ledger_agents.' || substring(call FROM '[a-z_]+'), kind, format(call, '%1$s') FROM (VALUES
  (NULL, 'authorize(amount => 1)'), ('agent', 'authorize(%s, 1)'), ('agent', 'authorize(%s, 1, idempotency_key => ''k'')'), ('card', 'authorize(amount => 1, card_id => %s)'), ('intent', 'authorize(amount => 1, intent_id => %s)'),
  (NULL, 'authorize_or_raise(amount => 1)'), ('agent', 'authorize_or_raise(%s, 1)'), ('card', 'authorize_or_raise(amount => 1, card_id => %s)'),
  (NULL, 'authorize_many(ARRAY[ROW(NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request])'), ('agent', 'authorize_many(ARRAY[ROW(%s, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request])'),
  ('card', 'authorize_many(ARRAY[ROW(NULL, 1, NULL, NULL, NULL, NULL, %s, NULL, NULL, NULL, NULL)::ledger_agents.spend_request])'), ('intent', 'authorize_many(ARRAY[ROW(NULL, 1, NULL, NULL, NULL, NULL, NULL, %s, NULL, NULL, NULL)::ledger_agents.spend_request])'),
  (NULL, 'evaluate(amount => 1)'), ('agent', 'evaluate(%s, 1)'), ('card', 'evaluate(amount => 1, card_id => %s)'), ('intent', 'evaluate(amount => 1, intent_id => %s)'),
  ('agent', 'explain_authorization(agent_id => %s, amount => 1)'), ('card', 'explain_authorization(amount => 1, card_id => %s)'), ('intent', 'explain_authorization(amount => 1, intent_id => %s)'),
  ('authorization', 'explain_authorization(%s)'), (NULL, 'effective_policy()'), ('agent', 'effective_policy(%s)'), ('card', 'effective_policy(card_id => %s)'), ('card', 'card_policy(%s)'),
  ('agent', 'get_agent(%s)'), ('external id', 'get_agent(external_id => %s)'), (NULL, 'list_agents()'), ('external id', 'list_agents(external_id => %s)'), (NULL, 'agent_budget()'), ('agent', 'agent_budget(%s)'),
  ('card', 'get_card(%s)'), (NULL, 'list_cards()'), ('agent', 'list_cards(%s)'), ('authorization', 'get_authorization(%s)'), (NULL, 'list_authorizations()'), ('agent', 'list_authorizations(%s)'),
  (NULL, 'declare_intent()'), ('agent', 'declare_intent(%s)'), ('card', 'declare_intent(card_id => %s)'), ('intent', 'cancel_intent(%s)'),
  ('intent', 'get_intent(%s)'), ('client''s intent', 'get_intent(client_intent_id => %s)'), ('agent', 'get_intent(agent_id => %s, client_intent_id => ''intent of mine'')'),
  (NULL, 'list_intents()'), ('agent', 'list_intents(%s)'), ('card', 'list_intents(card_id => %s)'),
  (NULL, 'attest(summary => ''s'')'), ('agent', 'attest(%s, summary => ''s'')'), ('card', 'attest(card_id => %s, summary => ''s'')'), (NULL, 'list_attestations()'), ('agent', 'list_attestations(%s)')) AS v (kind, call);
UPDATE allowed SET call = format('SELECT json_agg(r) FROM ledger_agents.%s AS r', call);
INSERT INTO allowed SELECT 'ledger_agents_api.' || function, kind, format('SELECT ledger_agents_api.%s(jsonb_build_object(%s))', function, body) FROM (VALUES
  ('authorize', NULL, '''amount'', 1'), ('authorize', 'agent', '''amount'', 1, ''agentId'', %1$s'), ('authorize', 'card', '''amount'', 1, ''cardId'', %1$s'), ('authorize', 'intent', '''amount'', 1, ''intentId'', %1$s'),
  ('evaluate', NULL, '''amount'', 1'), ('evaluate', 'agent', '''amount'', 1, ''agentId'', %1$s'), ('evaluate', 'card', '''amount'', 1, ''cardId'', %1$s'), ('evaluate', 'intent', '''amount'', 1, ''intentId'', %1$s'),
  ('explain_authorization', 'agent', '''amount'', 1, ''agentId'', %1$s'), ('explain_authorization', 'card', '''amount'', 1, ''cardId'', %1$s'), ('explain_authorization', 'authorization', '''authorizationId'', %1$s'),
  ('effective_policy', NULL, ''), ('effective_policy', 'agent', '''agentId'', %1$s'), ('effective_policy', 'card', '''cardId'', %1$s'), ('card_policy', 'card', '''cardId'', %1$s'),
  ('get_agent', 'agent', '''agentId'', %1$s'), ('get_agent', 'external id', '''externalId'', %1$s'), ('list_agents', NULL, ''), ('list_agents', 'external id', '''externalId'', %1$s'),
  ('agent_budget', NULL, ''), ('agent_budget', 'agent', '''agentId'', %1$s'), ('get_card', 'card', '''cardId'', %1$s'), ('list_cards', NULL, ''), ('list_cards', 'agent', '''agentId'', %1$s'),
  ('get_authorization', 'authorization', '''authorizationId'', %1$s'), ('list_authorizations', NULL, ''), ('list_authorizations', 'agent', '''agentId'', %1$s'),
  ('declare_intent', NULL, ''), ('declare_intent', 'agent', '''agentId'', %1$s'), ('declare_intent', 'card', '''cardId'', %1$s'), ('cancel_intent', 'intent', '''intentId'', %1$s'),
  ('get_intent', 'intent', '''intentId'', %1$s'), ('get_intent', 'client''s intent', '''customerIntentId'', %1$s'), ('get_intent', 'agent', '''agentId'', %1$s, ''customerIntentId'', ''intent of mine'''),
  ('list_intents', NULL, ''), ('list_intents', 'agent', '''agentId'', %1$s'), ('list_intents', 'card', '''cardId'', %1$s'),
  ('attest', NULL, '''summary'', ''s'''), ('attest', 'agent', '''summary'', ''s'', ''agentId'', %1$s'), ('attest', 'card', '''summary'', ''s'', ''cardId'', %1$s'),
  ('list_attestations', NULL, ''), ('list_attestations', 'agent', '''agentId'', %1$s')) AS v (function, kind, body);

-- What says nothing of anybody: pure functions, and those that say who it is.
CREATE TEMP TABLE harmless (function text);
INSERT INTO harmless VALUES ('ledger_agents.authenticate'), ('ledger_agents_api.pre_request'), ('ledger_agents.window_of'), ('ledger_agents.normal_merchant'), ('ledger_agents.merchant_matches'),
  ('ledger_agents.engine_time'), ('ledger_agents.iso_duration'), ('ledger_agents.visible_agent'), ('ledger_agents.visible_organization'), ('ledger_agents.visible_spend'), ('ledger_agents.visible_card_spend');

-- What no role is granted with which only a token acts.
CREATE ROLE rights_api;
SELECT ledger_agents.grant_access('rights_api', 'api') \g /dev/null
CREATE TEMP TABLE ungranted (function text);
INSERT INTO ungranted SELECT 'ledger_agents.' || unnest('{act_as_operator,act_as_auditor,chain_item,check_invariants,current_card_spend,current_spend,forget_tenants,grant_access,revoke_access,refuse_change,sign_event,write_view,health_check,installed_objects,shipped_objects,library_version,level_functions,keep_money}'::text[]);
SELECT is(has_function_privilege('rights_api', function::regproc, 'EXECUTE'), false, 'not granted to the level api: ' || function) FROM ungranted;
SELECT is_empty('SELECT DISTINCT function FROM allowed WHERE NOT has_function_privilege(''rights_api'', function::regproc, ''EXECUTE'')', 'all that it may do is');

--
-- Its own
--
SELECT ok(answer ~ '^ok ' AND answer !~ '"error"' AND answer <> 'ok nothing' AND answer !~ '"data": \[\]', format('its own: %s', call) || CASE WHEN answer ~ '^ok' THEN '' ELSE ': ' || answer END)
  FROM (SELECT pg_temp.attempt(:'token', format(a.call, quote_literal(t.id))) AS answer, format(a.call, '<' || t.kind || '>') AS call FROM allowed AS a JOIN thing AS t USING (kind) WHERE t.name = 'mine' ORDER BY 2) AS x;
SELECT ok(answer ~ :'mine' AND NOT EXISTS (SELECT FROM thing AS t WHERE t.name IN ('sibling', 'foreign') AND t.kind <> 'external id' AND strpos(answer, t.id) > 0), format('nobody is named, it is the agent: %s', call))
  FROM (SELECT pg_temp.attempt(:'token', call) AS answer, call FROM allowed WHERE kind IS NULL ORDER BY call) AS x;

--
-- Another one's, another tenant's and none are one answer, but for the id
--
SELECT is(replace(pg_temp.attempt(:'token', format(a.call, quote_literal(t.id))), t.id, '*'), replace(pg_temp.attempt(:'token', format(a.call, quote_literal(u.id))), u.id, '*'),
          format('%s''s %s is as unknown as none: %s', t.name, kind, format(a.call, '…')))
  FROM allowed AS a JOIN thing AS t USING (kind) JOIN thing AS u USING (kind) WHERE t.name IN ('sibling', 'foreign') AND u.name = 'unknown' ORDER BY a.call, kind, t.name;
SELECT ok(answer ~ '^P0002 unknown ' OR answer ~ '"code": "unknown_' OR (call ~ 'list_' AND answer ~ '^ok (nothing|{"data": \[\], "hasMore": false}$)'), format('and unknown it is: %s', call) || CASE WHEN answer ~ '^ok ' THEN ': ' || answer ELSE '' END)
  FROM (SELECT pg_temp.attempt(:'token', format(a.call, quote_literal(t.id))) AS answer, format(a.call, '<' || t.kind || '>') AS call FROM allowed AS a JOIN thing AS t USING (kind) WHERE t.name = 'sibling' ORDER BY 2) AS x;
-- So it is for who acts in one organization, and another tenant's things.
SELECT key FROM ledger_agents.create_organization_key('rights') \gset
SELECT is(replace(pg_temp.attempt(secret, format(a.call, quote_literal(t.id))), t.id, '*'), replace(pg_temp.attempt(secret, format(a.call, quote_literal(u.id))), u.id, '*'),
          format('to %s another tenant''s %s is as unknown as none: %s', who, kind, format(a.call, '…')))
  FROM (VALUES ('an operator', NULL), ('a key', :'key')) AS p (who, secret), allowed AS a JOIN thing AS t USING (kind) JOIN thing AS u USING (kind) WHERE t.name = 'foreign' AND u.name = 'unknown' ORDER BY who, a.call, kind;

--
-- Nothing else, whatever the arguments: it is first asked who calls
--
CREATE TEMP TABLE refused AS
SELECT p.oid::regproc::text AS function, p.pronamespace = 'ledger_agents_api'::regnamespace AS is_api,
       CASE WHEN p.pronamespace = 'ledger_agents_api'::regnamespace THEN format('SELECT %s(''{}'')', p.oid::regproc)
            ELSE format('SELECT count(*) FROM %s(%s)', p.oid::regproc, (SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, n))) END AS call
  FROM pg_proc AS p
 WHERE p.pronamespace IN ('ledger_agents'::regnamespace, 'ledger_agents_api'::regnamespace)
   AND p.oid::regproc::text NOT IN (SELECT function FROM allowed UNION SELECT function FROM harmless UNION SELECT function FROM ungranted);
SELECT matches(pg_temp.attempt(:'token', call), CASE WHEN is_api THEN '^ok .*"code": "not_allowed"' ELSE '^42501 permission denied for an agent''s token \| not_allowed' END, 'a token may not: ' || function) FROM refused ORDER BY function;
-- Also not to itself, and with what would be right.
SELECT matches(pg_temp.attempt(:'token', format('SELECT ledger_agents.' || call, (SELECT id FROM thing AS t WHERE t.name = 'mine' AND t.kind = v.kind))), '^42501 permission denied for an agent''s token', 'a token may not: ' || call)
  FROM (VALUES ('agent', 'update_agent(%L, ''{"spending_limit": null}'')'), ('agent', 'update_agent(%L, ''{"status": "active"}'')'), ('agent', 'create_agent_token(%L)'), ('card', 'update_card(%L, ''{"spending_limit": null}'')'),
               ('card', 'unfreeze_card(%L)'), ('intent', 'approve_intent(%L)'), ('authorization', 'capture(%L)'), ('agent', 'verify_chain(%L)')) AS v (kind, call);
SELECT is((SELECT spending_limit FROM ledger_agents.agents WHERE id = :'mine'), 100000::bigint, 'and nothing was changed');

SELECT * FROM finish();
ROLLBACK;
