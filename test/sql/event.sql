--
-- Events: what happened, for others to act on. Payloads have the field names of the published webhooks.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('event_sql');
SET ledger_agents.organization = 'event_sql';

-- Shows what was written since the last look, without generated ids.
CREATE TEMP TABLE seen (id uuid);
CREATE FUNCTION pg_temp.news(OUT type ledger_agents.event_type, OUT has_agent boolean, OUT data jsonb) RETURNS SETOF record
LANGUAGE sql AS $$
  WITH fresh AS (
    INSERT INTO seen SELECT e.id FROM ledger_agents.events AS e
     WHERE e.organization_id = 'event_sql' AND NOT EXISTS (SELECT FROM seen WHERE seen.id = e.id) RETURNING id)
  SELECT e.type, e.data ->> 'agentId' = e.agent_id::text,
         regexp_replace((CASE WHEN e.data ? 'tokenId'
              THEN e.data - 'agentId' - 'tokenId' || jsonb_build_object('tokenPrefix', left(e.data ->> 'tokenPrefix', 8))
              ELSE e.data - 'agentId' END)::text, '"[0-9a-f-]{36}"', '"an id"', 'g')::jsonb
    FROM ledger_agents.events AS e JOIN fresh USING (id)
   WHERE e.organization_id = 'event_sql'
   ORDER BY e.type, e.data -> 'currentSpend', e.data ->> 'name' NULLS FIRST
$$;

-- A new agent, and its token. Registering again is no event.
SELECT id AS agent FROM ledger_agents.register_agent('buyer', 'acme', name => 'Buyer', spending_limit => 50000, on_limit_exceeded => 'notify') \gset
SELECT created FROM ledger_agents.register_agent('buyer', 'acme');
SELECT * FROM pg_temp.news();

-- A change, and one that changes nothing.
SELECT spending_limit FROM ledger_agents.update_agent(:'agent', '{"name": "The buyer"}');
SELECT spending_limit FROM ledger_agents.update_agent(:'agent', '{"name": "The buyer"}');
SELECT * FROM pg_temp.news();

-- Below 80 percent nothing is said. At 80 it is, once.
SELECT decision FROM ledger_agents.authorize(:'agent', 39999);
SELECT * FROM pg_temp.news();
SELECT decision FROM ledger_agents.authorize(:'agent', 1);
SELECT * FROM pg_temp.news();
SELECT decision FROM ledger_agents.authorize(:'agent', 5000);
SELECT * FROM pg_temp.news();

-- notify: spent all the same, and said once per window and limit. The amount is what was asked for.
SELECT decision, agent_spent FROM ledger_agents.authorize(:'agent', 6000);
SELECT decision, agent_spent FROM ledger_agents.authorize(:'agent', 7000);
SELECT * FROM pg_temp.news();
SET ledger_agents.clock = '2026-04-01 00:00Z';
SELECT decision, agent_spent FROM ledger_agents.authorize(:'agent', 50001);
SELECT * FROM pg_temp.news();

-- perTransaction: each time.
SELECT spending_limit FROM ledger_agents.update_agent(:'agent', '{"spending_limit_frequency": "perTransaction", "spending_limit": 100}');
SELECT decision FROM ledger_agents.authorize(:'agent', 101);
SELECT decision FROM ledger_agents.authorize(:'agent', 101);
SELECT decision FROM ledger_agents.authorize(:'agent', 100);
SELECT * FROM pg_temp.news();

-- decline says nothing: the answer says it. suspend says both what happened and what came of it.
SELECT on_limit_exceeded FROM ledger_agents.update_agent(:'agent', '{"on_limit_exceeded": "decline"}');
SELECT decision FROM ledger_agents.authorize(:'agent', 101);
SELECT on_limit_exceeded FROM ledger_agents.update_agent(:'agent', '{"on_limit_exceeded": "suspend"}');
SELECT decision FROM ledger_agents.authorize(:'agent', 101);
SELECT * FROM pg_temp.news();

-- Activated and suspended by hand.
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "active"}');
SELECT * FROM pg_temp.news();
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "suspended"}');
SELECT * FROM pg_temp.news();

-- The organization decides at which percentage it is told.
SELECT limit_approaching_percent FROM ledger_agents.update_organization('{"limit_approaching_percent": 50}');
SELECT id AS half FROM ledger_agents.register_agent('half', 'acme', spending_limit => 200, spending_limit_frequency => 'per24HourPeriod') \gset
SELECT decision FROM ledger_agents.authorize(:'half', 99);
SELECT decision FROM ledger_agents.authorize(:'half', 61);
SELECT * FROM pg_temp.news() WHERE type = 'agent.limit_approaching';
-- A rolling window has no beginning: it is said again after the spend fell below and rose.
SET ledger_agents.clock = '2026-04-02 00:00Z';
SELECT decision, agent_spent FROM ledger_agents.authorize(:'half', 10);
SELECT decision, agent_spent FROM ledger_agents.authorize(:'half', 100);
SELECT * FROM pg_temp.news() WHERE type = 'agent.limit_approaching';

-- Tokens, and the end of an agent, which is the end of its tokens.
SELECT name FROM ledger_agents.create_agent_token(:'agent', 'laptop');
SELECT status FROM ledger_agents.deregister_agent(:'agent');
SELECT status FROM ledger_agents.deregister_agent(:'agent');
SELECT * FROM pg_temp.news();

-- Cards: made, frozen, unfrozen and closed, by hand and with their agent.
SELECT id AS agent FROM ledger_agents.register_agent('cards', 'acme') \gset
SELECT id AS card FROM ledger_agents.create_card(:'agent', 'Chairs', 'multi') \gset
SELECT * FROM pg_temp.news() WHERE type = 'card.created';
SELECT status FROM ledger_agents.freeze_card(:'card');
SELECT status FROM ledger_agents.unfreeze_card(:'card');
SELECT status FROM ledger_agents.close_card(:'card');
SELECT status FROM ledger_agents.close_card(:'card');
SELECT * FROM pg_temp.news();
SELECT id AS card FROM ledger_agents.create_card(:'agent', type => 'multi') \gset
SELECT * FROM pg_temp.news();
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "suspended"}');
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "active"}');
SELECT * FROM pg_temp.news();

-- onDrift: alert approves and tells; decline declines and tells; freeze tells of the card, too.
SELECT policy FROM ledger_agents.update_card(:'card', '{"policy": {"merchantHint": "Staples", "onDrift": "alert"}}');
SELECT decision FROM ledger_agents.authorize(:'agent', 500, merchant => 'STAPLES #12', card_id => :'card');
SELECT * FROM pg_temp.news();
SELECT decision FROM ledger_agents.authorize(:'agent', 500, merchant => 'Lucky Star', card_id => :'card');
SELECT * FROM pg_temp.news();
SELECT policy FROM ledger_agents.update_card(:'card', '{"policy": {"onDrift": "decline"}}');
SELECT decision, reason FROM ledger_agents.authorize(:'agent', 600, merchant => 'Lucky Star', card_id => :'card');
SELECT * FROM pg_temp.news();
SELECT policy FROM ledger_agents.update_card(:'card', '{"policy": {"onDrift": "freeze"}}');
SELECT decision, reason FROM ledger_agents.authorize(:'agent', 700, card_id => :'card');
SELECT * FROM pg_temp.news();

-- A human's yes and no, and a cancel. What needs nobody is no event.
SELECT id AS diner FROM ledger_agents.register_agent('diner', 'acme', default_require_approval => true, default_auto_approve_below => 5000) \gset
SELECT * FROM pg_temp.news() WHERE type::text LIKE 'intent.%';
SELECT status FROM ledger_agents.declare_intent(:'diner', client_intent_id => 'snack', expected_amount => 4999);
SELECT * FROM pg_temp.news();
SELECT id AS party, status FROM ledger_agents.declare_intent(:'diner', client_intent_id => 'party', summary => 'Dinner for the team',
  expected_amount => 7500, expected_merchant => 'DoorDash') \gset
SELECT * FROM pg_temp.news();
SELECT status FROM ledger_agents.approve_intent(:'party');
SELECT status FROM ledger_agents.approve_intent(:'party');
SELECT * FROM pg_temp.news();
SELECT r.status FROM ledger_agents.declare_intent(:'diner', expected_amount => 8000) AS i, ledger_agents.reject_intent(i.id, 'Too much.') AS r;
SELECT * FROM pg_temp.news() WHERE type = 'intent.rejected';
SELECT c.status FROM ledger_agents.get_intent(agent_id => :'diner', client_intent_id => 'snack') AS i, ledger_agents.cancel_intent(i.id) AS c;
SELECT * FROM pg_temp.news();

-- Used up: as it was declared, and what it was used for.
SELECT decision FROM ledger_agents.authorize(:'diner', 8000, merchant => 'DOORDASH*PIZZA', intent_id => :'party');
SELECT * FROM pg_temp.news();

-- A decline that parks one: the first time.
SELECT decision, reason FROM ledger_agents.authorize(:'diner', 9000, merchant => 'Pizza Roma');
SELECT decision, reason FROM ledger_agents.authorize(:'diner', 9000, merchant => 'PIZZA ROMA');
SELECT * FROM pg_temp.news();

-- Not what was declared: told, unless the rules allow it.
SELECT id AS shopper FROM ledger_agents.register_agent('shopper', 'acme') \gset
SELECT id AS card FROM ledger_agents.create_card(:'shopper', type => 'multi') \gset
SELECT status FROM ledger_agents.declare_intent(:'shopper', client_intent_id => 'pens', expected_amount => 1000, tolerance_percent => 5);
SELECT count(*) FROM pg_temp.news();
SELECT decision FROM ledger_agents.authorize(:'shopper', 1051, card_id => :'card');
SELECT * FROM pg_temp.news();
SELECT status FROM ledger_agents.declare_intent(:'shopper', expected_amount => 1000, expected_merchant => 'Staples');
SELECT policy FROM ledger_agents.update_agent(:'shopper', '{"policy": {"onIntentMismatch": "allow"}}');
SELECT decision FROM ledger_agents.authorize(:'shopper', 1000, card_id => :'card');
SELECT * FROM pg_temp.news() WHERE type::text LIKE 'intent.%';

-- Approved, although the rules speak of attestations and there was none, or none in time.
SELECT policy FROM ledger_agents.update_card(:'card', '{"policy": {"attestationWindowMinutes": 5}}');
SELECT decision, attestation FROM ledger_agents.authorize(:'shopper', 250, merchant => 'Staples', card_id => :'card');
SELECT * FROM pg_temp.news();
SELECT summary FROM ledger_agents.attest(card_id => :'card', summary => 'Buy pens');
SELECT decision, attestation FROM ledger_agents.authorize(:'shopper', 250, merchant => 'Staples', card_id => :'card');
SELECT * FROM pg_temp.news();
SET ledger_agents.clock = '2026-04-02 00:05:00.001Z';
SELECT decision, attestation FROM ledger_agents.authorize(:'shopper', 250, merchant => 'Staples', card_id => :'card');
SELECT * FROM pg_temp.news();

-- Retired with its agent.
SELECT status FROM ledger_agents.deregister_agent(:'shopper');
SELECT * FROM pg_temp.news();

-- What is rolled back has not happened.
BEGIN;
SELECT created FROM ledger_agents.register_agent('nobody', 'acme');
ROLLBACK;
SELECT * FROM pg_temp.news();

-- Events are never changed or removed.
UPDATE ledger_agents.events SET data = '{}';
DELETE FROM ledger_agents.events;
TRUNCATE ledger_agents.events;

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
DROP FUNCTION pg_temp.news;
