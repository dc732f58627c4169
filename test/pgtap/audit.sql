-- Does every change of the configuration leave a row that says who did what, and what was there before and after?
-- Each function that may write is named below: with the changes that it records, or with the reason why it records none.
SELECT no_plan();
SET timezone = 'UTC';

--
-- One call after the other, and what each has recorded
--
CREATE TEMP TABLE seen (call text, function name, changes text, at timestamptz);
CREATE TEMP TABLE made (name text PRIMARY KEY, id uuid);
CREATE FUNCTION pg_temp.id(text) RETURNS uuid LANGUAGE sql STABLE AS 'SELECT id FROM made WHERE name = $1';
-- The call, with {name} for ids of earlier ones; as => what it makes.
CREATE FUNCTION pg_temp.does(call text, made_name text DEFAULT NULL, token text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  statement text := regexp_replace(call, '\{([a-z]+)\}', 'pg_temp.id(''\1'')', 'g');
  answer jsonb;
  found text;
  last uuid := (SELECT id FROM ledger_agents.configuration_changes ORDER BY id DESC LIMIT 1);
BEGIN
  -- So that ids have an order.
  PERFORM set_config('ledger_agents.clock', ('2026-01-01'::timestamptz + (SELECT count(*) FROM seen) * interval '1 minute')::text, false);
  EXECUTE 'SELECT to_jsonb(x) FROM ledger_agents' || CASE WHEN call ~ '^api_' THEN '_api.' || substr(statement, 5) ELSE '.' || statement END || ' x' INTO answer;
  IF made_name IS NOT NULL THEN
    INSERT INTO made VALUES (made_name, (answer ->> 'id')::uuid);
  END IF;
  SELECT string_agg(format('%s %s %s>%s', object_type, action, coalesce((SELECT string_agg(k, ',' ORDER BY k) FROM jsonb_object_keys(old_values) k), '-'),
                           coalesce((SELECT string_agg(k, ',' ORDER BY k) FROM jsonb_object_keys(new_values) k), '-'))
                    || CASE WHEN principal <> 'operator' THEN ' by ' || regexp_replace(principal, ':.*', '') ELSE '' END
                    || CASE WHEN database_role <> current_user OR created_at <> current_setting('ledger_agents.clock')::timestamptz THEN ' BUT BY ' || database_role ELSE '' END,
                    '; ' ORDER BY object_type, action, principal, new_values::text)
    INTO found FROM ledger_agents.configuration_changes WHERE id > coalesce(last, '00000000-0000-0000-0000-000000000000');
  INSERT INTO seen VALUES (call, substring(call FROM '^\w+'), found, current_setting('ledger_agents.clock')::timestamptz);
  RETURN regexp_replace(found, 'create ->[a-z_,]{25,}', 'create ->...');
END
$$;
-- When the first call of a function was made, and that much later, as documents say it.
CREATE FUNCTION pg_temp.told(called name, later interval) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT to_char(at AT TIME ZONE 'UTC' + later, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM seen WHERE function = called ORDER BY at LIMIT 1
$$;
SELECT is(pg_temp.does(call, made), want, call)
FROM (VALUES
  ('create_organization(''tenant'')', NULL, 'organization create ->...'),
  ('update_organization(''{"name": "T", "spending_limit": 100000}'')', NULL, 'organization update name,spending_limit>name,spending_limit'),
  ('update_organization(''{"name": "T"}'')', NULL, NULL),
  ('update_customer(''c'', ''{"status": "suspended", "policy": {"requireIntent": false}}'')', NULL, 'customer update policy,status>policy,status'),
  ('update_customer(''c'', ''{"status": "active"}'')', NULL, 'customer update status>status'),
  ('update_customer(''c'', ''{"status": "active"}'')', NULL, NULL),
  ('create_policy(''p'', ''{"requireIntent": false}'')', 'policy', 'policy create ->name,rules'),
  ('update_policy({policy}, ''{"rules": {"requireCard": false}}'')', NULL, 'policy update rules>rules'),
  ('update_policy({policy}, ''{"rules": {"requireCard": false}}'')', NULL, NULL),
  ('register_agent(''a'', ''c'')', 'agent', 'agent create ->...; agent_token create ->agentId,tokenId,tokenPrefix'),
  ('register_agent(''a'', ''c'', name => ''Other'')', NULL, NULL),
  ('register_agent(''b'', ''c'', spending_limit => 10, on_limit_exceeded => ''suspend'')', 'limited', 'agent create ->...; agent_token create ->agentId,tokenId,tokenPrefix'),
  ('update_agent({agent}, ''{"name": "A", "spending_limit": 500}'')', NULL, 'agent update name,spending_limit>name,spending_limit'),
  ('update_agent({agent}, ''{"name": "A"}'')', NULL, NULL),
  ('create_card({agent}, ''first'', policy => ''{"onDrift": "freeze", "merchantHint": "Shop"}'', type => ''multi'')', 'card', 'card create ->...'),
  ('create_card({agent}, ''second'')', 'second', 'card create ->...'),
  ('update_card({card}, ''{"purpose": "First", "max_amount": 90}'')', NULL, 'card update max_amount,purpose>max_amount,purpose'),
  ('freeze_card({card})', NULL, 'card freeze status,status_reason>status,status_reason'),
  ('freeze_card({card})', NULL, NULL),
  ('unfreeze_card({card})', NULL, 'card unfreeze status,status_reason>status,status_reason'),
  -- What a rule does is the system's doing.
  ('authorize({agent}, 10, merchant => ''Elsewhere'', card_id => {card})', NULL, 'card freeze status>status by system'),
  ('unfreeze_card({card})', NULL, 'card unfreeze status,status_reason>status,status_reason'),
  ('authorize({agent}, 10, merchant => ''Shop'', card_id => {second})', 'hold', NULL),
  ('increment({hold}, 5)', NULL, NULL),
  ('capture({hold})', NULL, 'card close status,status_reason>status,status_reason by system'),
  ('refund({hold}, 1)', NULL, NULL),
  ('authorize({limited}, 11)', NULL, 'agent update status>status by system'),
  ('authorize({agent}, 10, merchant => ''Shop'', card_id => {card})', 'spend', NULL),
  ('reverse({spend})', NULL, NULL),
  ('record_spend({agent}, 1, card_id => {card})', NULL, NULL),
  ('update_agent({agent}, ''{"status": "suspended"}'')', NULL, 'agent update status>status; card freeze status,status_reason>status,status_reason'),
  ('update_agent({agent}, ''{"status": "active"}'')', NULL, 'agent update status>status; card unfreeze status,status_reason>status,status_reason'),
  ('create_agent_token({agent}, ''ci'', ''2030-01-01'')', 'token', 'agent_token create ->agentId,expires_at,name,tokenId,tokenPrefix'),
  ('rotate_agent_token({token}, ''1 hour'')', 'rotated', 'agent_token create ->agentId,expires_at,name,tokenId,tokenPrefix; agent_token update expires_at>expires_at'),
  ('revoke_agent_token({rotated})', NULL, 'agent_token revoke revoked_at>agentId,name,revoked_at,tokenId,tokenPrefix'),
  ('revoke_agent_token({rotated})', NULL, NULL),
  ('create_organization_key(''ci'')', 'key', 'organization_key create ->name,prefix'),
  ('create_organization_key(''brief'', ''2030-01-01'')', 'brief', 'organization_key create ->expires_at,name,prefix'),
  ('rotate_organization_key({key}, ''1 hour'')', 'turned', 'organization_key create ->name,prefix; organization_key update expires_at>expires_at'),
  ('revoke_organization_key({turned})', NULL, 'organization_key revoke revoked_at>name,prefix,revoked_at'),
  ('revoke_organization_key({turned})', NULL, NULL),
  ('update_agent({agent}, ''{"policy": {"requireApproval": true}}'')', NULL, 'agent update policy>policy'),
  ('declare_intent({agent}, client_intent_id => ''1'')', 'one', NULL),
  ('declare_intent({agent}, client_intent_id => ''2'')', 'two', NULL),
  ('approve_intent({one})', NULL, 'intent approve status>status'),
  ('approve_intent({one})', NULL, NULL),
  ('reject_intent({two}, ''no'')', NULL, 'intent reject status>rejection_reason,status'),
  ('cancel_intent({one})', NULL, 'intent cancel status>status'),
  ('close_card({card})', NULL, 'card close status,status_reason>status,status_reason'),
  ('create_card({agent}, ''third'')', 'third', 'card create ->...'),
  ('deregister_agent({agent})', NULL, 'agent deregister status>status; agent_token revoke revoked_at>agentId,revoked_at,tokenId,tokenPrefix; agent_token revoke revoked_at>agentId,name,revoked_at,tokenId,tokenPrefix; card close status,status_reason>status,status_reason'),
  ('deregister_agent({agent})', NULL, NULL),
  ('poll_events(''reader'', 1)', NULL, NULL),
  ('delete_event_consumer(''reader'')', NULL, 'event_consumer delete acked_position,polled_position>-'),
  ('delete_policy({policy})', NULL, 'policy delete name,rules>-')) AS v (call, made, want);

-- Until when a secret is valid, and since when it is not.
SELECT is(string_agg(format('%s %s>%s', c.action, coalesce(c.old_values ->> field, CASE WHEN c.old_values ? field THEN 'null' END), c.new_values ->> field), ', ' ORDER BY c.id), want, 'told of ' || name || ': ' || field)
FROM (VALUES ('token', 'expires_at', 'create >2030-01-01T00:00:00Z, update 2030-01-01T00:00:00Z>' || pg_temp.told('rotate_agent_token', '1 hour')),
             ('rotated', 'revoked_at', 'revoke null>' || pg_temp.told('revoke_agent_token', '0')), ('token', 'revoked_at', 'revoke null>' || pg_temp.told('deregister_agent', '0')),
             ('brief', 'expires_at', 'create >2030-01-01T00:00:00Z'), ('key', 'expires_at', 'update null>' || pg_temp.told('rotate_organization_key', '1 hour')),
             ('turned', 'revoked_at', 'revoke null>' || pg_temp.told('revoke_organization_key', '0'))) AS v (name, field, want)
JOIN made AS m USING (name) JOIN ledger_agents.configuration_changes AS c ON c.object_id = m.id::text AND (c.old_values ? field OR c.new_values ? field) GROUP BY name, field, want;
SELECT is(c.new_values - 'revoked_at' - 'expires_at', e.data, 'beside that the record has what the event has')
FROM ledger_agents.configuration_changes AS c JOIN ledger_agents.events AS e ON e.data ->> 'tokenId' = c.object_id AND e.type::text = 'agent.token.' || c.action || 'd' WHERE c.object_type = 'agent_token' AND c.action <> 'update';

--
-- Nothing that writes is forgotten here
--
CREATE TEMP TABLE silent (function name, why text);
INSERT INTO silent VALUES
  ('authorize', 'a decision is its own record'), ('authorize_or_raise', 'a decision'), ('authorize_many', 'decisions'), ('record_spend', 'a booking'), ('increment', 'an entry'),
  ('capture', 'an entry'), ('reverse', 'an entry'), ('refund', 'an entry'), ('declare_intent', 'an intent is its own record'), ('attest', 'an attestation is its own record'),
  ('authenticate', 'changes nothing but when a token was last used'), ('seal_chain', 'a seal is its own record'), ('purge', 'has a record of its own: purges'),
  ('poll_events', 'says how far a consumer has come'), ('ack_events', 'says how far a consumer has come'), ('sweep', 'records the cards that it turns: pgtap/sweep'),
  ('reset_statistics', 'sets back counts that are in no row'), ('refuse_change', 'a trigger'), ('forget_tenants', 'a trigger'), ('write_view', 'a trigger that calls functions of ledger_agents_api'),
  ('adopt', 'of the database, and an adoption is its own record'), ('disown', 'as adopt'), ('keep_money', 'an event trigger'),
  ('grant_access', 'rights of roles are the server''s, of no organization; its log tells'),
  ('revoke_access', 'as grant_access');
SELECT is_empty($$
  SELECT p.proname FROM pg_proc p
  WHERE p.pronamespace = 'ledger_agents'::regnamespace AND p.provolatile = 'v'
    AND NOT EXISTS (SELECT FROM seen s WHERE s.function = p.proname AND s.changes IS NOT NULL)
    AND NOT EXISTS (SELECT FROM silent s WHERE s.function = p.proname)
  $$, 'every function that may write records its change, or is said not to');
SELECT is_empty($$SELECT function FROM silent WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.proname = function AND p.pronamespace = 'ledger_agents'::regnamespace AND p.provolatile = 'v')$$,
                'nothing is excused that is not there');
-- The JSON functions stand on the same ground; the answers that they remember are no configuration, and pre_request only notes when a secret was used.
SELECT is_empty($$
  SELECT p.proname FROM pg_proc p
  WHERE p.pronamespace = 'ledger_agents_api'::regnamespace AND p.provolatile = 'v' AND p.proname NOT IN ('create_agent', 'pre_request')
    AND NOT EXISTS (SELECT FROM seen s WHERE s.function = p.proname) AND NOT EXISTS (SELECT FROM silent s WHERE s.function = p.proname)
  $$, 'no JSON function writes what its SQL namesake does not');
SELECT is(pg_temp.does('api_create_agent(''{"externalId": "j", "customerId": "c"}'')'), 'agent create ->...', 'but create_agent, which records it');

--
-- Who
--
CREATE ROLE audit_operator;
SELECT ledger_agents.grant_access('audit_operator', 'operator') \g /dev/null
SELECT token AS secret FROM ledger_agents.register_agent('t', 'c') \gset
SELECT FROM ledger_agents.declare_intent((SELECT id FROM ledger_agents.agents WHERE external_id = 't'), client_intent_id => 'mine');
BEGIN;
SET LOCAL ROLE audit_operator;
SELECT FROM ledger_agents.authenticate(:'secret');
SELECT FROM ledger_agents.cancel_intent((SELECT id FROM ledger_agents.get_intent(client_intent_id => 'mine')));
COMMIT;
SELECT is((c.principal, c.database_role), ('agent:' || a.id, 'audit_operator'::text), 'the agent that acted, and the role that it came with')
FROM ledger_agents.configuration_changes c, ledger_agents.agents a WHERE c.action = 'cancel' AND a.external_id = 't' ORDER BY c.id DESC LIMIT 1;
SELECT is_empty(format('SELECT object_type FROM ledger_agents.configuration_changes WHERE new_values::text ~ %L OR old_values::text ~ %L', substr(:'secret', 21), substr(:'secret', 21)), 'never a secret');

--
-- Append-only: for everyone, also for the owner and a superuser
--
SELECT throws_ok(format(statement, t), '55000', format('rows of "%s" cannot be changed or removed', t), t || ': ' || statement)
FROM (VALUES ('configuration_changes'), ('events'), ('authorization_entries')) AS x (t),
     (VALUES ('UPDATE ledger_agents.%I SET organization_id = organization_id'), ('DELETE FROM ledger_agents.%I'), ('TRUNCATE ledger_agents.%I')) AS s (statement);

DROP OWNED BY audit_operator;
DROP ROLE audit_operator;
SELECT * FROM finish();
