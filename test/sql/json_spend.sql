--
-- Spending through the JSON interface: bodies in, answers out. Each function does what the one of its name in ledger_agents does.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00:00.123Z';
SELECT id FROM ledger_agents.create_organization('json_spend_sql');
SET ledger_agents.organization = 'json_spend_sql';
SELECT id AS agent FROM ledger_agents.register_agent('buyer', 'acme-labs', spending_limit => 10000) \gset

-- Generated values are shown as what they are.
CREATE FUNCTION pg_temp.shown(answer jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT jsonb_pretty(regexp_replace(regexp_replace(regexp_replace(answer::text, '"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"', '"<uuid>"', 'g'),
    '"at_live_[0-9a-f]{76}"', '"<token>"'), '"at_live_[0-9a-f]{12}"', '"<prefix>"')::jsonb)
$$;

SET ledger_agents.clock = '2026-03-02 09:01Z';
-- An approval.
SELECT ledger_agents_api.authorize(jsonb_build_object('agentId', :'agent') ||
  '{"amount": 2500, "merchant": "DoorDash", "mcc": "5812", "country": "us", "holdFor": "P7D", "idempotencyKey": "order 1", "metadata": {"order": 1}}') AS answer \gset
SELECT pg_temp.shown(:'answer');
SELECT :'answer'::jsonb ->> 'id' AS id \gset

-- A decline is an answer with status 200, or 402 for who prefers that; what the limit says is in failedLimits.
SET ledger_agents.clock = '2026-03-02 09:02Z';
BEGIN;
SELECT pg_temp.shown(ledger_agents_api.authorize(jsonb_build_object('agentId', :'agent', 'amount', 7501))), current_setting('response.status', true) AS status;
SET LOCAL ledger_agents.clock = '2026-03-02 09:03Z';
SET LOCAL request.headers = '{"prefer": "return=representation, decline=402"}';
SELECT answer ->> 'decision' AS decision, answer ->> 'reason' AS reason, current_setting('response.status', true) AS status
  FROM ledger_agents_api.authorize(jsonb_build_object('agentId', :'agent', 'amount', 7501)) AS answer;
COMMIT;

-- The key comes from the header where the body has none; two different ones are an error.
SET ledger_agents.clock = '2026-03-02 09:04Z';
BEGIN;
SET LOCAL request.headers = '{"idempotency-key": "order 2"}';
SELECT answer ->> 'idempotencyKey' AS key, answer ->> 'replayed' AS replayed FROM ledger_agents_api.authorize(jsonb_build_object('agentId', :'agent', 'amount', 100)) AS answer;
SELECT answer ->> 'idempotencyKey' AS key, answer ->> 'replayed' AS replayed FROM ledger_agents_api.authorize(jsonb_build_object('agentId', :'agent', 'amount', 100)) AS answer;
SELECT ledger_agents_api.authorize(jsonb_build_object('agentId', :'agent', 'amount', 100, 'idempotencyKey', 'order 3'));
SELECT current_setting('response.status', true) AS status;
COMMIT;

-- What would be answered, now or later; and why.
SELECT pg_temp.shown(ledger_agents_api.evaluate(jsonb_build_object('agentId', :'agent', 'amount', 9000, 'asOf', '2026-04-01T00:00:00Z')));
SELECT pg_temp.shown(ledger_agents_api.explain_authorization(jsonb_build_object('agentId', :'agent', 'amount', 7501)));

-- What becomes of the money.
CREATE FUNCTION pg_temp.amounts(answer jsonb, OUT status text, OUT amount text, OUT incremented text, OUT captured text, OUT reversed text, OUT refunded text, OUT held text) LANGUAGE sql AS $$
  SELECT answer ->> 'status', answer ->> 'amount', answer ->> 'incrementedAmount', answer ->> 'capturedAmount', answer ->> 'reversedAmount', answer ->> 'refundedAmount', answer ->> 'heldAmount'
$$;
SET ledger_agents.clock = '2026-03-02 09:05Z';
SELECT pg_temp.shown(ledger_agents_api.increment(jsonb_build_object('authorizationId', :'id', 'amount', 500)) - '{sequence,agentSpent}'::text[]);
SELECT * FROM pg_temp.amounts(ledger_agents_api.reverse(jsonb_build_object('authorizationId', :'id', 'amount', 400)));
SELECT * FROM pg_temp.amounts(ledger_agents_api.capture(jsonb_build_object('authorizationId', :'id', 'amount', 600, 'final', false)));
SELECT * FROM pg_temp.amounts(ledger_agents_api.capture(jsonb_build_object('authorizationId', :'id')));
SELECT * FROM pg_temp.amounts(ledger_agents_api.refund(jsonb_build_object('authorizationId', :'id', 'amount', 1000)));
SELECT * FROM pg_temp.amounts(ledger_agents_api.get_authorization(jsonb_build_object('authorizationId', :'id')));
SELECT ledger_agents_api.capture(jsonb_build_object('authorizationId', :'id'));
SET ledger_agents.clock = '2026-03-02 09:06Z';
SELECT * FROM pg_temp.amounts(ledger_agents_api.record_spend(jsonb_build_object('agentId', :'agent', 'amount', 20, 'merchant', 'Kiosk')));

-- Pages.
SELECT ledger_agents_api.list_authorizations('{"userId": "acme-labs", "limit": 2}') AS page \gset
SELECT :'page'::jsonb #>> '{data,0,amount}' AS first, jsonb_array_length(:'page'::jsonb -> 'data') AS rows, :'page'::jsonb -> 'hasMore' AS more, :'page'::jsonb ->> 'nextCursor' AS cursor \gset
SELECT :'first' AS first, :'rows' AS rows, :'more' AS more;
SELECT d ->> 'amount' AS amount, d ->> 'decision' AS decision, page -> 'hasMore' AS more
  FROM ledger_agents_api.list_authorizations(jsonb_build_object('after', :'cursor')) AS page, jsonb_array_elements(page -> 'data') AS d;

--
-- Agents, their budgets and tokens
--
SELECT pg_temp.shown(ledger_agents_api.get_agent('{"externalId": "buyer"}'));
SELECT pg_temp.shown(ledger_agents_api.agent_budget(jsonb_build_object('agentId', :'agent')));
SET ledger_agents.clock = '2026-03-02 09:07Z';
SELECT ledger_agents_api.create_agent_token(jsonb_build_object('agentId', :'agent', 'name', 'second', 'expiresAt', '2026-06-01T00:00:00+02:00')) AS answer \gset
SELECT pg_temp.shown(:'answer');
SET ledger_agents.clock = '2026-03-02 09:08Z';
SELECT ledger_agents_api.rotate_agent_token(jsonb_build_object('tokenId', :'answer'::jsonb -> 'id', 'grace', 'PT1H')) AS rotated \gset
SELECT :'rotated'::jsonb ->> 'name' AS name, :'rotated'::jsonb ->> 'expiresAt' AS expires_at;
SELECT answer ->> 'revokedAt' AS revoked_at, answer ? 'token' AS with_secret FROM ledger_agents_api.revoke_agent_token(jsonb_build_object('tokenId', :'rotated'::jsonb -> 'id')) AS answer;
SELECT d ->> 'name' AS name, d ->> 'expiresAt' AS expires_at, d ->> 'revokedAt' AS revoked_at, d ? 'token' AS with_secret
  FROM ledger_agents_api.list_agent_tokens(jsonb_build_object('agentId', :'agent')) AS answer, jsonb_array_elements(answer -> 'data') AS d;

--
-- An agent's token: what is its own, and to spend.
--
BEGIN;
SELECT count(*) FROM ledger_agents.authenticate(:'answer'::jsonb ->> 'token');
SELECT answer ->> 'decision' AS decision, answer ->> 'remaining' AS remaining FROM ledger_agents_api.authorize('{"amount": 30}') AS answer;
SELECT answer ->> 'remaining' AS remaining FROM ledger_agents_api.agent_budget('{}') AS answer;
SELECT ledger_agents_api.capture(jsonb_build_object('authorizationId', :'id')) #>> '{error,code}' AS code, current_setting('response.status', true) AS status;
COMMIT;

--
-- Tenants, rules, events
--
SELECT pg_temp.shown(ledger_agents_api.update_organization('{"name": "Example", "captureTolerancePercent": 10, "transactionEvents": true}'));
SELECT ledger_agents_api.get_organization('{}') = ledger_agents_api.update_organization('{}') AS same;
SELECT pg_temp.shown(ledger_agents_api.update_customer('{"customerId": "acme-labs", "spendingLimit": 50000, "policy": {"blockedMccs": ["7995"]}}'));
SELECT ledger_agents_api.get_customer('{"customerId": "acme-labs"}') ->> 'spendingLimit' AS spending_limit;
SELECT pg_temp.shown(ledger_agents_api.effective_policy(jsonb_build_object('agentId', :'agent')));
SELECT id AS card FROM ledger_agents.create_card(:'agent', type => 'multi', max_amount => 800, policy => '{"maxAuthCount": 3}') \gset
SELECT pg_temp.shown(ledger_agents_api.card_policy(jsonb_build_object('cardId', :'card')));
SELECT count(*) FROM ledger_agents.attest(:'agent', summary => 'Paper');
SELECT pg_temp.shown(ledger_agents_api.list_attestations(jsonb_build_object('agentId', :'agent')));
SELECT ledger_agents_api.poll_events('{"consumer": "mail", "limit": 2}') AS events \gset
SELECT pg_temp.shown(:'events');
SELECT pg_temp.shown(ledger_agents_api.ack_events(jsonb_build_object('consumer', 'mail', 'upTo', :'events'::jsonb #> '{data,1,id}')) - 'waiting');
SELECT d ->> 'name' AS name, d ->> 'ackedPosition' AS acked FROM ledger_agents_api.list_event_consumers('{}') AS answer, jsonb_array_elements(answer -> 'data') AS d;
SELECT ledger_agents_api.delete_event_consumer('{"consumer": "mail"}') ->> 'name' AS name;
SELECT ledger_agents_api.list_event_consumers('{}');
SELECT answer ->> 'status' AS status, answer ->> 'deregisteredAt' AS deregistered_at FROM ledger_agents_api.deregister_agent(jsonb_build_object('agentId', :'agent')) AS answer;
SELECT d ->> 'externalId' AS external_id, page -> 'hasMore' AS more FROM ledger_agents_api.list_agents('{"status": "deregistered"}') AS page, jsonb_array_elements(page -> 'data') AS d;

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
DROP FUNCTION pg_temp.shown, pg_temp.amounts;
