--
-- What becomes of a hold: captured, incremented, reversed, refunded, expired; and spend that nobody asked about.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id, capture_tolerance_percent, transaction_events FROM ledger_agents.create_organization('life_sql', capture_tolerance_percent => 20);
SET ledger_agents.organization = 'life_sql';
SELECT id AS agent FROM ledger_agents.register_agent('diner', 'acme', spending_limit => 50000) \gset

-- A table for two: held, captured with the tip. 20 percent above the hold are tolerated here, and no cent more.
SELECT id AS dinner, status, held_amount, counted_amount FROM ledger_agents.authorize(:'agent', 8000, merchant => 'BISTRO') \gset
SELECT ledger_agents.capture(:'dinner', 9601);
SELECT status, amount, held_amount, captured_amount, counted_amount FROM ledger_agents.capture(:'dinner', 9600);
SELECT current_spend, remaining FROM ledger_agents.agent_budget(:'agent');

-- Some of it comes back, once per key, and never more than was taken.
SELECT status, captured_amount, refunded_amount, counted_amount, replayed FROM ledger_agents.refund(:'dinner', 1600, 'spilled wine');
SELECT status, captured_amount, refunded_amount, counted_amount, replayed FROM ledger_agents.refund(:'dinner', 1600, 'spilled wine');
SELECT ledger_agents.refund(:'dinner', 8001);
SELECT status, captured_amount, refunded_amount, counted_amount FROM ledger_agents.refund(:'dinner');
SELECT ledger_agents.refund(:'dinner');
SELECT kind, requested_amount, amount, added_amount, released_amount, forced, final, idempotency_key
  FROM ledger_agents.authorization_entries WHERE authorization_id = :'dinner' ORDER BY number;

-- An order that ships in two parcels, and of which the rest is called off.
SELECT id AS parcels FROM ledger_agents.authorize(:'agent', 10000, merchant => 'BOOKS') \gset
SELECT status, held_amount, captured_amount, counted_amount FROM ledger_agents.capture(:'parcels', 3000, final => false, idempotency_key => 'parcel 1');
SELECT status, held_amount, captured_amount, counted_amount FROM ledger_agents.capture(:'parcels', 2000, final => false, idempotency_key => 'parcel 2');
SELECT status, held_amount, captured_amount, replayed FROM ledger_agents.capture(:'parcels', 3000, final => false, idempotency_key => 'parcel 1');
SELECT ledger_agents.capture(:'parcels', 3000, idempotency_key => 'parcel 2');
SELECT status, held_amount, captured_amount, reversed_amount, counted_amount FROM ledger_agents.reverse(:'parcels');
SELECT ledger_agents.capture(:'parcels');
SELECT ledger_agents.reverse(:'parcels');

-- A final capture frees what it leaves.
SELECT id AS hotel FROM ledger_agents.authorize(:'agent', 20000, merchant => 'HOTEL') \gset
SELECT status, held_amount, captured_amount, counted_amount FROM ledger_agents.capture(:'hotel', 12000);

-- A rental that gets longer. An increment is asked for like a spend, and is an authorization of its own.
SELECT id AS car FROM ledger_agents.authorize(:'agent', 10000, merchant => 'CARS', hold_for => '3 days') \gset
SET ledger_agents.clock = '2026-03-03 09:00Z';
SELECT decision, amount, increment_of = :'car' AS of_the_hold, merchant, expires_at, sequence FROM ledger_agents.increment(:'car', 5000, 'day 2');
SELECT decision, reason, max_approvable FROM ledger_agents.increment(:'car', 30000, 'day 3');
SELECT decision, replayed FROM ledger_agents.increment(:'car', 30000, 'day 3');
SELECT status, amount, incremented_amount, held_amount, counted_amount FROM ledger_agents.get_authorization(:'car');
\set VERBOSITY terse
SELECT ledger_agents.capture((SELECT id FROM ledger_agents.authorization_entries WHERE authorization_id = :'car' AND added_amount > 0));
\set VERBOSITY default
-- What is given back is the newest part first: that of the second day.
SELECT day_spent, total_spent FROM ledger_agents.counters WHERE scope = 'agent' AND scope_id = :'agent';
SELECT status, held_amount, reversed_amount FROM ledger_agents.reverse(:'car', 6000);
SELECT day_spent, total_spent FROM ledger_agents.counters WHERE scope = 'agent' AND scope_id = :'agent';
-- When it has expired nothing is held, and only force takes it; the entry says so.
SET ledger_agents.clock = '2026-03-05 09:00Z';
SELECT status, held_amount, counted_amount FROM ledger_agents.get_authorization(:'car');
SELECT ledger_agents.capture(:'car');
SELECT ledger_agents.increment(:'car', 1);
SELECT status, held_amount, captured_amount, counted_amount FROM ledger_agents.capture(:'car', force => true);
SELECT kind, requested_amount, amount, added_amount, released_amount, forced, final
  FROM ledger_agents.authorization_entries WHERE authorization_id = :'car' ORDER BY number;

-- Spend that has happened: booked, whatever the limit says; what the limit does then is done.
SELECT on_limit_exceeded FROM ledger_agents.update_agent(:'agent', '{"on_limit_exceeded": "suspend"}');
SELECT decision, status, amount, captured_amount, counted_amount, recorded, replayed
  FROM ledger_agents.record_spend(:'agent', 45000, merchant => 'AIRLINE', idempotency_key => 'ticket');
SELECT decision, status, replayed FROM ledger_agents.record_spend(:'agent', 45000, merchant => 'AIRLINE', idempotency_key => 'ticket');
SELECT ledger_agents.authorize(:'agent', 45000, merchant => 'AIRLINE', idempotency_key => 'ticket');
SELECT status, suspended_reason, current_spend FROM ledger_agents.get_agent(:'agent');
SELECT remaining FROM ledger_agents.agent_budget(:'agent');
-- A suspended agent gets no yes, and its money moves all the same.
SELECT decision, reason FROM ledger_agents.authorize(:'agent', 1);
SELECT status, refunded_amount FROM ledger_agents.refund(:'hotel', 2000);

-- Next month: what comes back of last month's spend makes room nowhere else.
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "active"}');
SET ledger_agents.clock = '2026-04-01 09:00Z';
SELECT decision, remaining FROM ledger_agents.authorize(:'agent', 1000);
SELECT status, counted_amount FROM ledger_agents.refund(:'hotel');
SELECT current_spend, remaining FROM ledger_agents.agent_budget(:'agent');

-- A single card ends with its purchase; a multi card when captures reach what it may spend in all.
SELECT status FROM ledger_agents.update_agent(:'agent', '{"policy": {"requireCard": false}}');
SELECT id AS once FROM ledger_agents.create_card(:'agent', 'Chairs') \gset
SELECT id AS often FROM ledger_agents.create_card(:'agent', 'Cloud', 'multi', policy => '{"cumulativeMax": 5000}') \gset
SELECT id AS chairs FROM ledger_agents.authorize(:'agent', 4000, card_id => :'once') \gset
SELECT status FROM ledger_agents.get_card(:'once');
SELECT status FROM ledger_agents.reverse(:'chairs');
SELECT id AS chairs FROM ledger_agents.authorize(:'agent', 4500, card_id => :'once') \gset
SELECT status FROM ledger_agents.capture(:'chairs');
SELECT status, status_reason, status_by FROM ledger_agents.get_card(:'once');
SELECT id AS cloud FROM ledger_agents.authorize(:'agent', 5000, card_id => :'often') \gset
SELECT status FROM ledger_agents.get_card(:'often');
SELECT decision, reason FROM ledger_agents.authorize(:'agent', 1, card_id => :'often');
SELECT status FROM ledger_agents.capture(:'cloud');
SELECT status, status_reason FROM ledger_agents.get_card(:'often');
SELECT status, counted_amount FROM ledger_agents.refund(:'cloud');
SELECT status FROM ledger_agents.get_card(:'often');

-- What was told.
SELECT type, data - '{agentId,cardId,userId}'::text[] AS data FROM ledger_agents.events
  WHERE organization_id = 'life_sql' AND type::text ~ 'limit|suspended|closed' ORDER BY created_at, type, data ->> 'reason';

-- Events of each step, where the organization asks for them.
SELECT transaction_events FROM ledger_agents.update_organization('{"transaction_events": true}');
SELECT id AS taxi FROM ledger_agents.authorize(:'agent', 3000, merchant => 'TAXI') \gset
SET ledger_agents.clock = '2026-04-01 10:00Z';
SELECT status FROM ledger_agents.capture(:'taxi', 2000, final => false);
SET ledger_agents.clock = '2026-04-01 11:00Z';
SELECT status FROM ledger_agents.reverse(:'taxi');
SELECT type, data - '{agentId,transactionId}'::text[] AS data FROM ledger_agents.events
  WHERE organization_id = 'life_sql' AND type::text LIKE 'transaction.%' ORDER BY created_at;

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
