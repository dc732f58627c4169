--
-- What time alone ends: it is so by its instant, and sweep() writes it down.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('sweep_sql');
SET ledger_agents.organization = 'sweep_sql';
SELECT transaction_events FROM ledger_agents.update_organization('{"transaction_events": true}');
SELECT id AS agent FROM ledger_agents.register_agent('buyer', 'acme', spending_limit => 50000, policy => '{"requireCard": false}') \gset

-- Nothing to do.
SELECT * FROM ledger_agents.sweep();

-- A hold for an hour, one of which a part is captured, an intent, and cards with a life.
SELECT id AS hold FROM ledger_agents.authorize(:'agent', 3000, merchant => 'Hotel', hold_for => '1 hour') \gset
SELECT id AS part FROM ledger_agents.authorize(:'agent', 2000, merchant => 'Taxi', hold_for => '1 hour') \gset
SELECT status, held_amount FROM ledger_agents.capture(:'part', 500, final => false);
SELECT id AS intent FROM ledger_agents.declare_intent(:'agent', client_intent_id => 'chairs', summary => 'Chairs', expected_amount => 900, ttl_minutes => 20) \gset
SELECT id AS closes FROM ledger_agents.create_card(:'agent', 'Today', policy => '{"ttlMinutes": 60}') \gset
SELECT id AS freezes FROM ledger_agents.create_card(:'agent', 'Two days', 'multi', policy => '{"ttlDays": 2, "onExpiry": "freeze"}') \gset

-- From the instant on it is over.
SET ledger_agents.clock = '2026-03-02 10:00Z';
SELECT status, held_amount, counted_amount FROM ledger_agents.get_authorization(:'hold');
SELECT status, held_amount, counted_amount FROM ledger_agents.get_authorization(:'part');
SELECT status FROM ledger_agents.get_intent(:'intent');
SELECT reason FROM ledger_agents.authorize(:'agent', 100, card_id => :'closes');
SELECT current_spend FROM ledger_agents.get_agent(:'agent');
SELECT status FROM ledger_agents.authorizations WHERE id = :'hold';

-- Written down, once; the answers stay.
SELECT * FROM ledger_agents.sweep();
SELECT * FROM ledger_agents.sweep();
SELECT status, held_amount, counted_amount FROM ledger_agents.get_authorization(:'hold');
SELECT status, held_amount, counted_amount FROM ledger_agents.get_authorization(:'part');
SELECT status FROM ledger_agents.get_intent(:'intent');
SELECT reason FROM ledger_agents.authorize(:'agent', 100, card_id => :'closes');
SELECT current_spend FROM ledger_agents.get_agent(:'agent');
SELECT status, status_reason, status_by, status_at FROM ledger_agents.get_card(:'closes');
SELECT kind, amount, released_amount, requested_amount FROM ledger_agents.authorization_entries WHERE organization_id = 'sweep_sql' ORDER BY kind, amount;
SELECT type, data - '{agentId,cardId,transactionId,intentId}'::text[] AS data FROM ledger_agents.events
 WHERE organization_id = 'sweep_sql' AND type::text LIKE '%expired' ORDER BY type, data ->> 'amount';

-- What the merchant takes all the same is captured by force.
SELECT ledger_agents.capture(:'hold');
SELECT status, captured_amount, counted_amount FROM ledger_agents.capture(:'hold', 2500, force => true);

-- A frozen card stays so, and its life is told of once; it comes back when its life is longer.
SET ledger_agents.clock = '2026-03-04 09:00Z';
SELECT * FROM ledger_agents.sweep();
SELECT * FROM ledger_agents.sweep();
SELECT status, status_reason FROM ledger_agents.get_card(:'freezes');
SELECT ledger_agents.unfreeze_card(:'freezes');
SELECT policy FROM ledger_agents.update_card(:'freezes', '{"policy": {"ttlDays": 3, "onExpiry": "freeze"}}');
SELECT reason FROM ledger_agents.authorize(:'agent', 100, card_id => :'freezes');
SELECT status, status_reason FROM ledger_agents.unfreeze_card(:'freezes');
SELECT decision FROM ledger_agents.authorize(:'agent', 100, card_id => :'freezes');
SELECT action, old_values, new_values, principal FROM ledger_agents.configuration_changes
 WHERE organization_id = 'sweep_sql' AND object_id IN (:'closes', :'freezes') AND action <> 'create' ORDER BY created_at, action;

-- No more than asked for.
SELECT count(*) FROM generate_series(1, 5), ledger_agents.authorize(:'agent', 10, hold_for => '1 hour');
SET ledger_agents.clock = '2026-03-04 10:00Z';
SELECT * FROM ledger_agents.sweep(2);
SELECT * FROM ledger_agents.sweep(3);
SELECT ledger_agents.sweep(0);
SELECT ledger_agents.sweep(10001);
SELECT ledger_agents.sweep(NULL);

SELECT * FROM ledger_agents.check_invariants();
