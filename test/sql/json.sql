--
-- The JSON interface: the published bodies in, the published answers out. The bodies are those of example/.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00:00.123Z';
SELECT id FROM ledger_agents.create_organization('json_sql');
SET ledger_agents.organization = 'json_sql';

-- Generated values are checked and shown as what they are.
CREATE FUNCTION pg_temp.shown(answer jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT jsonb_pretty(jsonb_object_agg(key,
           CASE WHEN key IN ('id', 'tokenId') AND value #>> '{}' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' THEN '"<uuid>"'
                WHEN key = 'token' AND value #>> '{}' ~ '^at_live_[0-9a-f]{76}$' THEN '"<token>"' ELSE value END))
    FROM jsonb_each(answer)
$$;

-- Register: the first time with the token, later the same agent without one.
\set body `cat example/register.json`
SELECT ledger_agents_api.register_agent(:'body') AS answer \gset
SELECT pg_temp.shown(:'answer');
SELECT :'answer'::jsonb ->> 'id' AS id \gset
SELECT pg_temp.shown(answer), answer ->> 'id' = :'id' AS same FROM ledger_agents_api.register_agent(:'body') AS answer;

-- Update: what is given is set, null clears; times are epoch milliseconds; onLimitExceeded shows unless it is our own decline.
\set body `cat example/update.json`
SELECT pg_temp.shown(ledger_agents_api.update_agent(jsonb_build_object('agentId', :'id') || :'body'));
SELECT pg_temp.shown(ledger_agents_api.update_agent(jsonb_build_object('agentId', :'id') ||
  '{"description": null, "spendingLimit": null, "onLimitExceeded": "decline", "metadata": {}, "status": "suspended"}'));

-- Create: the second API. It speaks of paused agents and of intervals, gives the time in ISO 8601, and issues no token.
\set body `cat example/create.json`
SELECT ledger_agents_api.create_agent(:'body') AS answer \gset
SELECT pg_temp.shown(:'answer');
SELECT pg_temp.shown(ledger_agents_api.create_agent('{"customerId": "acme-labs", "externalId": "small", "status": "paused"}'));
SELECT count(*) FROM ledger_agents.list_agent_tokens((:'answer'::jsonb ->> 'id')::uuid);

-- An error is an answer, too: what was begun is undone and the status stands in response.status.
CREATE FUNCTION pg_temp.refused(answer jsonb, OUT status text, OUT type text, OUT code text, OUT param text) LANGUAGE sql AS $$
  SELECT current_setting('response.status', true), answer #>> '{error,type}', answer #>> '{error,code}', answer #>> '{error,param}'
$$;
BEGIN;
SELECT ledger_agents_api.register_agent('{"externalId": "new", "userId": "acme-labs", "name": "x", "maxCards": -1}') AS answer;
SELECT * FROM pg_temp.refused(ledger_agents_api.create_agent(:'body'));
SELECT * FROM pg_temp.refused(ledger_agents_api.register_agent('{"externalId": "small", "userId": "acme-labs"}'));
SELECT * FROM pg_temp.refused(ledger_agents_api.register_agent('{"externalId": "new", "userId": "acme-labs", "name": "x", "spendinglimit": 1}'));
SELECT * FROM pg_temp.refused(ledger_agents_api.register_agent('{"externalId": "new", "userId": "acme-labs", "name": "x", "spendingLimit": "1"}'));
SELECT * FROM pg_temp.refused(ledger_agents_api.create_agent('{"externalId": "new", "customerId": "acme-labs", "status": "disabled"}'));
SELECT * FROM pg_temp.refused(ledger_agents_api.create_agent('{"externalId": "new", "customerId": "acme-labs", "limits": {"amount": 1, "interval": "hourly"}}'));
SELECT * FROM pg_temp.refused(ledger_agents_api.create_agent('{"externalId": "new", "customerId": "acme-labs", "limits": {"limit": 1}}'));
SELECT * FROM pg_temp.refused(ledger_agents_api.create_agent('{"externalId": "new", "customerId": "acme-labs", "policy": {"allowedMccs": ["12"]}}'));
SELECT * FROM pg_temp.refused(ledger_agents_api.update_agent('{"agentId": "no uuid", "name": "x"}'));
SELECT * FROM pg_temp.refused(ledger_agents_api.update_agent('{"agentId": "00000000-0000-7000-8000-000000000000", "name": "x"}'));
SELECT * FROM pg_temp.refused(ledger_agents_api.update_agent(jsonb_build_object('agentId', :'id', 'externalId', 'y')));
SELECT * FROM pg_temp.refused(ledger_agents_api.update_agent('[]'));
COMMIT;
SELECT external_id, status FROM ledger_agents.list_agents() ORDER BY external_id;
SELECT id FROM ledger_agents.customers WHERE organization_id = 'json_sql';

-- Taken by another customer: the field is named as the body names it, the customer is not.
SELECT * FROM pg_temp.refused(ledger_agents_api.register_agent('{"externalId": "small", "userId": "other", "name": "x"}'));

-- A retired agent.
SELECT status FROM ledger_agents.deregister_agent(:'id');
SELECT * FROM pg_temp.refused(ledger_agents_api.update_agent(jsonb_build_object('agentId', :'id', 'name', 'y')));

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
DROP FUNCTION pg_temp.shown, pg_temp.refused;
