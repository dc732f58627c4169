-- Do the views of ledger_agents_api show what its functions answer, and do writes what these do?
--
-- A row of a view, without its nulls, is the object that the function for it
-- answers; names that only the function has are named here. Afterwards each
-- write is one call of a function, which the configuration audit shows.
SET client_min_messages = warning;
SELECT no_plan();
CREATE ROLE view_api;
SELECT ledger_agents.grant_access('view_api', 'api') \g /dev/null
SET ledger_agents.clock = '2026-03-10 12:00Z';

-- Every kind of row: holds with increments, captured in parts, expired and not swept, declined with limits, intents in each state.
SELECT id AS policy FROM ledger_agents.create_policy('all', '{"requireIntent": false, "requireAttestation": false, "attestationWindowMinutes": 5, "requireApproval": true,
  "autoApproveBelow": 700, "cooldownMinutes": 1, "ttlMinutes": 500000, "ttlDays": 300, "onExpiry": "freeze", "limits": {"perAuth": 5000, "perDay": 60000}, "cumulativeMax": 900000,
  "maxAuthCount": 50, "allowedMccs": ["5812"], "blockedMccs": ["7995"], "allowedMerchants": ["Deli"], "blockedMerchants": ["Bar"], "allowedCountries": ["US"], "blockedCountries": ["FR"],
  "lockToFirstMerchant": true, "merchantHint": "Deli", "onDrift": "alert", "intentTolerance": 0.25, "onIntentMismatch": "allow", "activeHoursStart": 1, "activeHoursEnd": 23,
  "activeTimezone": "Europe/Berlin", "activeDays": [0, 6], "requireCard": true}') \gset
SELECT id AS plain FROM ledger_agents.create_policy('none', '{}') \gset
SELECT id AS agent, token FROM ledger_agents.register_agent('buyer', 'acme', 'Buyer', 'buys', spending_limit => 100000, on_limit_exceeded => 'notify', max_cards => 9, default_card_limit => 70000,
  default_policy_id => :'plain', policy => '{"requireCard": false, "requireApproval": true, "autoApproveBelow": 90000}', metadata => '{"k": [1, null]}') \gset
SELECT id AS other FROM ledger_agents.register_agent('other', 'acme', spending_limit => 500) \gset
SELECT id AS gone FROM ledger_agents.register_agent('gone', 'acme') \gset
SELECT FROM ledger_agents.deregister_agent(:'gone');
SELECT FROM ledger_agents.update_agent(:'other', '{"status": "suspended"}');
SELECT FROM ledger_agents.update_agent(:'other', '{"status": "active"}');
SELECT id AS card FROM ledger_agents.create_card(:'agent', 'lunch', 'multi', 5000, 60000, 'perWeek', policy_id => :'plain', policy => '{"limits": {"perDay": 50000}}', metadata => '{"a": 1}') \gset
SELECT id AS single FROM ledger_agents.create_card(:'agent') \gset
SELECT FROM ledger_agents.close_card(:'single');
SELECT id AS hold FROM ledger_agents.authorize(:'agent', 2500, merchant => 'Deli', mcc => '5812', country => 'US', card_id => :'card', idempotency_key => 'k', hold_for => '1 day 2 hours', metadata => '{"order": 7}') \gset
SELECT FROM ledger_agents.increment(:'hold', 500);
SELECT FROM ledger_agents.increment(:'hold', 99999999);
SELECT id AS taken FROM ledger_agents.authorize(:'agent', 4000) \gset
SELECT FROM ledger_agents.capture(:'taken', 1500, false);
SELECT FROM ledger_agents.refund(:'taken', 200);
SELECT id AS short FROM ledger_agents.authorize(:'agent', 800, hold_for => '1 minute') \gset
SELECT id AS part FROM ledger_agents.authorize(:'agent', 900, hold_for => '1 minute') \gset
SELECT FROM ledger_agents.increment(:'part', 50);
SELECT FROM ledger_agents.capture(:'part', 300, false);
SELECT id AS given_back FROM ledger_agents.authorize(:'agent', 60) \gset
SELECT FROM ledger_agents.reverse(:'given_back');
SELECT id AS refunded FROM ledger_agents.authorize(:'agent', 70) \gset
SELECT FROM ledger_agents.capture(:'refunded');
SELECT FROM ledger_agents.refund(:'refunded');
SELECT FROM ledger_agents.record_spend(:'agent', 123, merchant => 'Elsewhere');
SELECT FROM ledger_agents.authorize(:'other', 501);
SELECT FROM ledger_agents.authorize(:'other', 5, currency => 'EUR');
SELECT FROM ledger_agents.authorize(:'agent', 95000);
SELECT id AS open FROM ledger_agents.declare_intent(:'agent', client_intent_id => 'i', summary => 'tea', expected_amount => 300, expected_merchant => 'Tea', expected_mccs => '{5499}', tolerance => 3, tolerance_percent => 4, ttl_minutes => 60) \gset
SELECT id AS brief FROM ledger_agents.declare_intent(:'agent', summary => 'brief', expected_amount => 10, ttl_minutes => 1) \gset
SELECT i.id AS approved FROM ledger_agents.declare_intent(:'agent', summary => 'large', expected_amount => 95000) AS i, ledger_agents.approve_intent(i.id) \gset
SELECT i.id AS rejected FROM ledger_agents.declare_intent(:'agent', summary => 'large', expected_amount => 96000) AS i, ledger_agents.reject_intent(i.id, 'no') \gset
SELECT i.id AS canceled FROM ledger_agents.declare_intent(:'agent', summary => 'small', expected_amount => 9) AS i, ledger_agents.cancel_intent(i.id) \gset
SELECT FROM ledger_agents.authorize(:'agent', 300, merchant => 'Tea', mcc => '5499', intent_id => :'open');
SELECT id AS revoked FROM ledger_agents.create_agent_token(:'agent', 'old', '2027-01-01') \gset
SELECT FROM ledger_agents.revoke_agent_token(:'revoked');
SET ledger_agents.clock = '2026-03-10 12:05Z';

--
-- Rows are what the functions answer
--
CREATE FUNCTION pg_temp.plain(document jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_strip_nulls(document - '{object,replayed,position}'::text[])
$$;
-- Instants of a view are timestamptz; those of functions are ISO 8601 text with Z.
CREATE FUNCTION pg_temp.shown(document jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_object_agg(m.key, CASE WHEN m.key ~ '(At)$' AND jsonb_typeof(m.value) = 'string' THEN to_jsonb((m.value #>> '{}')::timestamptz) ELSE m.value END)
  FROM jsonb_each(pg_temp.plain(document)) AS m
$$;
SELECT cmp_ok(count(*)::integer, '>=', least, 'there are ' || least || ' and more: ' || name)
FROM (SELECT 'agents', 3, id FROM ledger_agents_api.agents UNION ALL SELECT 'cards', 2, id FROM ledger_agents_api.cards
      UNION ALL SELECT 'policies', 2, id FROM ledger_agents_api.policies UNION ALL SELECT 'intents', 5, id FROM ledger_agents_api.intents
      UNION ALL SELECT 'authorizations', 14, id FROM ledger_agents_api.authorizations) AS v (name, least, id)
GROUP BY name, least ORDER BY name;
SELECT is(pg_temp.plain(to_jsonb(v)), pg_temp.plain(ledger_agents_api.get_agent(jsonb_build_object('agentId', v.id))), 'an agent, ' || v.status) FROM ledger_agents_api.agents v ORDER BY id;
SELECT is(pg_temp.plain(to_jsonb(v)), pg_temp.plain(ledger_agents_api.get_card(jsonb_build_object('cardId', v.id))), 'a card, ' || v.status) FROM ledger_agents_api.cards v ORDER BY id;
SELECT is(pg_temp.shown(to_jsonb(v)), pg_temp.shown(ledger_agents_api.get_policy(jsonb_build_object('policyId', v.id))), 'a policy, ' || v.name) FROM ledger_agents_api.policies v ORDER BY id;
SELECT is(pg_temp.shown(to_jsonb(v)), pg_temp.shown(ledger_agents_api.get_intent(jsonb_build_object('intentId', v.id))), 'an intent, ' || v.status) FROM ledger_agents_api.intents v ORDER BY id;
SELECT is(pg_temp.shown(to_jsonb(v)), pg_temp.shown(ledger_agents_api.get_authorization(jsonb_build_object('authorizationId', v.id))), 'an authorization, ' || v.status || coalesce(', ' || v.reason, ''))
FROM ledger_agents_api.authorizations v ORDER BY id;
SELECT bag_eq('SELECT pg_temp.shown(to_jsonb(v)) FROM ledger_agents_api.tokens v',
  'SELECT pg_temp.shown(d) FROM ledger_agents_api.agents a, jsonb_array_elements(ledger_agents_api.list_agent_tokens(jsonb_build_object(''agentId'', a.id)) -> ''data'') AS d', 'tokens');
SELECT bag_eq('SELECT pg_temp.plain(to_jsonb(v) - ''agentId'') FROM ledger_agents_api.events v',
  'SELECT jsonb_strip_nulls(d - ''position'') FROM jsonb_array_elements(ledger_agents_api.poll_events(''{"consumer": "test", "limit": 1000}'') -> ''data'') AS d', 'events');
SELECT set_eq('SELECT status FROM ledger_agents_api.authorizations',
  $$VALUES ('declined'::ledger_agents.authorization_status), ('authorized'), ('partially_captured'), ('captured'), ('reversed'), ('expired'), ('refunded')$$, 'every status was there');
SELECT set_eq('SELECT status FROM ledger_agents_api.intents',
  $$VALUES ('pending_approval'::ledger_agents.intent_status), ('pending'), ('matched'), ('rejected'), ('expired'), ('canceled')$$, 'and every status of intents but mismatched');
SELECT is((SELECT count(*) + 3 FROM ledger_agents.policies p, jsonb_object_keys(p.rules) AS k WHERE p.name = 'all'),
          (SELECT count(*) FROM pg_attribute WHERE attrelid = 'ledger_agents_api.policies'::regclass AND attnum > 0), 'every rule was there: a column each, and id, name and createdAt');
SELECT is((SELECT to_jsonb(v) - '{id,name,createdAt}'::text[] FROM ledger_agents_api.policies v WHERE name = 'all'), (SELECT rules FROM ledger_agents.policies WHERE name = 'all'), 'as it was given');

--
-- Writes are calls
--
CREATE TEMP TABLE seen (id uuid);
CREATE FUNCTION pg_temp.answer(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
  detail text;
BEGIN
  DELETE FROM seen;
  INSERT INTO seen SELECT id FROM ledger_agents.configuration_changes UNION ALL SELECT id FROM ledger_agents.events;
  BEGIN
    PERFORM set_config('role', 'view_api', true);
    PERFORM ledger_agents.authenticate(current_setting('test.key'));
    EXECUTE call INTO result;
    PERFORM set_config('role', 'none', true);
    RETURN coalesce(regexp_replace(result, '(key):[0-9a-f-]{36}', '\1'), 'nothing');
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, '|', detail);
  END;
END
$$;
CREATE FUNCTION pg_temp.done() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', (SELECT string_agg(object_type || ' ' || action, ', ' ORDER BY object_type COLLATE "C", action COLLATE "C") FROM ledger_agents.configuration_changes WHERE id NOT IN (SELECT id FROM seen)),
                   (SELECT string_agg(type::text, ', ' ORDER BY type) FROM ledger_agents.events WHERE id NOT IN (SELECT id FROM seen)))
$$;
-- Everything is done as the level api does it, with a key. {name} stands for an id.
SELECT set_config('test.key', key, false) FROM ledger_agents.create_organization_key('test') \g /dev/null
SELECT id AS token_id FROM ledger_agents.create_agent_token(:'agent') \gset
SELECT id AS asked FROM ledger_agents.declare_intent(:'agent', summary => 'asks', expected_amount => 97000) \gset
SELECT id AS asked_again FROM ledger_agents.declare_intent(:'agent', summary => 'asks', expected_amount => 98000) \gset
CREATE TEMP TABLE ids AS SELECT * FROM (VALUES ('agent', :'agent'), ('other', :'other'), ('gone', :'gone'), ('card', :'card'), ('policy', :'plain'), ('token', :'token_id'),
  ('asked', :'asked'), ('again', :'asked_again')) AS v (name, id);
CREATE FUNCTION pg_temp.try(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. 2 LOOP
    call := regexp_replace(call, '\{(\w+)\}', quote_literal(coalesce((SELECT id FROM ids WHERE name = substring(call FROM '\{(\w+)\}')), '?')));
  END LOOP;
  RETURN pg_temp.answer(call);
END
$$;
CREATE TEMP TABLE writes (n serial, call text, want text, done text);
COPY writes (call, want, done) FROM stdin (DELIMITER '|');
UPDATE ledger_agents_api.agents SET name = 'B', description = NULL WHERE id = {agent} RETURNING concat_ws(' ', name, description)|B|agent update agent.updated
UPDATE ledger_agents_api.agents SET name = 'B' WHERE id = {agent} RETURNING name|B|
UPDATE ledger_agents_api.agents SET "spendingLimit" = NULL, "onLimitExceeded" = 'decline', metadata = '{"x": 1}' WHERE id = {agent} RETURNING concat_ws(' ', "spendingLimit", "onLimitExceeded", metadata)|{"x": 1}|agent update agent.updated
UPDATE ledger_agents_api.agents SET "maxCards" = 4, "defaultCardLimit" = 7, "defaultCardLimitFrequency" = 'perWeek', "defaultPolicyId" = NULL, "windowMode" = 'rolling', policy = '{"requireCard": false}' WHERE id = {agent} RETURNING concat_ws(' ', "maxCards", "defaultCardLimit", "defaultCardLimitFrequency", "defaultPolicyId", "windowMode", policy)|4 7 perWeek rolling {"requireCard": false}|agent update agent.updated
UPDATE ledger_agents_api.agents SET "defaultRequireApproval" = true, "defaultAutoApproveBelow" = 5 WHERE id = {agent} RETURNING policy|{"requireCard": false, "requireApproval": true, "autoApproveBelow": 5}|agent update agent.updated
UPDATE ledger_agents_api.agents SET status = 'suspended' WHERE id = {other} RETURNING concat_ws(' ', status, "suspendedReason")|suspended manual|agent update agent.suspended
UPDATE ledger_agents_api.agents SET status = 'deregistered' WHERE id = {other}|PT400 status becomes "der|
UPDATE ledger_agents_api.agents SET name = NULL WHERE id = {other}|PT400 name |
UPDATE ledger_agents_api.agents SET "externalId" = 'x' WHERE id = {other}|PT400 unknown field "externalId"|
UPDATE ledger_agents_api.agents SET "currentSpend" = 0 WHERE id = {agent}|PT400 unknown field "currentSpend"|
UPDATE ledger_agents_api.agents SET name = 'x' WHERE id = {gone}|PT409 |
UPDATE ledger_agents_api.agents SET name = 'x' WHERE id = {policy} RETURNING id|nothing|
DELETE FROM ledger_agents_api.agents WHERE id = {other} RETURNING "externalId"|other|agent deregister, agent_token revoke agent.deregistered, agent.token.revoked
DELETE FROM ledger_agents_api.agents WHERE id = {other} RETURNING status|deregistered|
INSERT INTO ledger_agents_api.cards ("agentId", purpose, type, "maxAmount", "policyId") VALUES ({agent}, 'new', 'multi', 9, {policy}) RETURNING concat_ws(' ', purpose, type, status, "maxAmount", "spendingLimit", "spendingLimitFrequency")|new multi active 9 7 perWeek|card create card.created
INSERT INTO ledger_agents_api.cards ("agentId") VALUES ({policy})|PT404 |
INSERT INTO ledger_agents_api.cards (purpose) VALUES ('x')|PT400 agentId |
INSERT INTO ledger_agents_api.cards ("agentId", status) VALUES ({agent}, 'frozen')|PT400 unknown field "status"|
UPDATE ledger_agents_api.cards SET status = 'frozen', purpose = 'dinner' WHERE id = {card} RETURNING concat_ws(' ', status, "statusReason", purpose)|frozen manual dinner|card freeze, card update card.frozen
UPDATE ledger_agents_api.cards SET status = 'active' WHERE id = {card} RETURNING status|active|card unfreeze card.unfrozen
UPDATE ledger_agents_api.cards SET type = 'single' WHERE id = {card}|PT400 unknown field "type"|
DELETE FROM ledger_agents_api.cards WHERE id = {card} RETURNING purpose|dinner|card close card.closed
UPDATE ledger_agents_api.cards SET status = 'active' WHERE id = {card}|PT409 |
INSERT INTO ledger_agents_api.policies (name, "ttlDays", "blockedMccs") VALUES ('new', 3, '["7995"]') RETURNING concat_ws(' ', name, "ttlDays", "blockedMccs")|new 3 ["7995"]|policy create
INSERT INTO ledger_agents_api.policies (name) VALUES ('all')|PT409 |
INSERT INTO ledger_agents_api.policies (name, "ttlDays") VALUES ('bad', 0)|PT400 |
UPDATE ledger_agents_api.policies SET "ttlDays" = NULL, "ttlMinutes" = 8, limits = '{"perAuth": 1}' WHERE name = 'new' RETURNING concat_ws(' ', "ttlDays", "ttlMinutes", limits, "blockedMccs")|8 {"perAuth": 1} ["7995"]|policy update
DELETE FROM ledger_agents_api.policies WHERE name = 'new' RETURNING "ttlMinutes"|8|policy delete
INSERT INTO ledger_agents_api.intents ("agentId", "customerIntentId", summary, "expectedAmount", "expectedMccs", "ttlMinutes") VALUES ({agent}, 'c', 's', 3, '["5812"]', 9) RETURNING concat_ws(' ', status, summary, "expectedMccs", "ttlMinutes")|pending s ["5812"] 9|
UPDATE ledger_agents_api.intents SET status = 'pending' WHERE id = {asked} RETURNING concat_ws(' ', status, "approvedBy")|pending key|intent approve intent.approved
UPDATE ledger_agents_api.intents SET status = 'canceled' WHERE id = {asked} RETURNING status|canceled|intent cancel intent.canceled
UPDATE ledger_agents_api.intents SET status = 'rejected', "rejectionReason" = 'dear' WHERE id = {again} RETURNING concat_ws(' ', status, "rejectionReason")|rejected dear|intent reject intent.rejected
UPDATE ledger_agents_api.intents SET status = 'matched' WHERE id = {again}|PT400 status cannot be changed so|
UPDATE ledger_agents_api.intents SET summary = 'x' WHERE id = {again}|PT400 summary cannot be changed so|
DELETE FROM ledger_agents_api.intents WHERE id = {again}|PT409 |
INSERT INTO ledger_agents_api.authorizations ("agentId", amount, merchant, "holdFor", "idempotencyKey", metadata) VALUES ({agent}, 4, 'M', 'PT30M', 'v', '{"o": 1}') RETURNING concat_ws(' ', decision, reason, amount, merchant, "holdFor", "idempotencyKey", metadata)|approved 4 M PT30M v {"o": 1}|intent.mismatched
INSERT INTO ledger_agents_api.authorizations ("agentId", amount, merchant, "holdFor", "idempotencyKey") VALUES ({agent}, 4, 'M', 'PT30M', 'v') RETURNING sequence - (SELECT max(sequence) FROM ledger_agents_api.authorizations WHERE "agentId" = {agent})|0|
INSERT INTO ledger_agents_api.authorizations ("agentId", amount) VALUES ({agent}, 6) RETURNING concat_ws(' ', decision, reason)|declined intent_mismatch|
INSERT INTO ledger_agents_api.authorizations ("agentId", amount, "idempotencyKey") VALUES ({agent}, 3, 'v')|PT409 |
INSERT INTO ledger_agents_api.authorizations ("agentId", amount) VALUES ({agent}, 0)|PT400 |
INSERT INTO ledger_agents_api.agents ("externalId", "userId", name) VALUES ('x', 'x', 'x')|42501 permission denied for view agents|
UPDATE ledger_agents_api.authorizations SET amount = 1|42501 permission denied for view authorizations|
UPDATE ledger_agents_api.tokens SET name = 'x' WHERE prefix IS NOT NULL|42501 permission denied for view tokens|
DELETE FROM ledger_agents_api.events|42501 permission denied for view events|
DELETE FROM ledger_agents_api.tokens WHERE id = {token} RETURNING "revokedAt" IS NULL|true|agent_token revoke agent.token.revoked
\.
CREATE FUNCTION pg_temp.outcome(of_write writes) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  got text := pg_temp.try(of_write.call);
BEGIN
  RETURN NEXT is(CASE WHEN of_write.want ~ '^(PT|42501)' THEN left(got, length(of_write.want)) ELSE got END, of_write.want, of_write.call);
  RETURN NEXT is(pg_temp.done(), coalesce(of_write.done, ''), '… and what that did');
END
$$;
SELECT pg_temp.outcome(w) FROM writes w ORDER BY n;
-- Who has all rights is refused all the same.
SELECT throws_ok(call, 'PT405', NULL, 'as the owner: ' || call) FROM writes WHERE want ~ '^42501' AND call !~ '\{' ORDER BY n;

-- A write that fails before its function begins leaves nothing to the next call.
SELECT matches(pg_temp.answer($$INSERT INTO ledger_agents_api.cards ("agentId", purpose) SELECT id, set_config('transaction_read_only', 'on', true) FROM ledger_agents_api.agents LIMIT 1$$),
               '^25006 ', 'a write in a transaction that only reads');
SELECT is(pg_temp.answer($$SELECT ledger_agents_api.get_card('{"cardId": "x"}') #>> '{error,code}'$$), 'unknown_card', 'an error of the next call is answered, not raised');

SELECT * FROM finish();
