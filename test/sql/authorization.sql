--
-- Authorizations: asked for, decided, answered again, given back.
--
SET timezone = 'UTC';
SET intervalstyle = 'iso_8601';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('authorization_sql');
SET ledger_agents.organization = 'authorization_sql';
SELECT id AS agent FROM ledger_agents.register_agent('buyer', 'acme', spending_limit => 10000) \gset

-- An approval holds the money. The answer is the stored row.
SELECT id AS first FROM ledger_agents.authorize(:'agent', 2500, merchant => 'DoorDash', mcc => '5812', country => 'us',
  idempotency_key => 'order-1', metadata => '{"order": 1}') \gset
\x on
SELECT organization_id, customer_id, sequence, decision, status, reason, reasons, failed_limits, max_approvable, retry_at, remaining,
       amount, reversed_amount, counted_amount, currency, merchant, mcc, country, card_id, intent_id, idempotency_key, hold_for,
       expires_at, agent_limit, agent_limit_frequency, on_limit_exceeded, agent_spent, metadata, decided_at, replayed
  FROM ledger_agents.get_authorization(:'first');

-- A decline is an answer, not an error: recorded, counted nowhere, and it says what would pass, and when.
SELECT sequence, decision, status, reason, reasons, failed_limits, max_approvable, retry_at, remaining, amount, counted_amount,
       agent_limit, agent_spent
  FROM ledger_agents.authorize(:'agent', 8000, idempotency_key => 'order-2');
\x off

-- The same key and the same request: the very same row, later and after a suspension, too. A decline is final for its key.
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "suspended", "spending_limit": 90000}');
SET ledger_agents.clock = '2026-05-02 09:00Z';
SELECT id = :'first' AS same, decision, sequence, decided_at, replayed
  FROM ledger_agents.authorize(:'agent', 2500, 'usd', 'DoorDash', '5812', 'US', idempotency_key => 'order-1');
SELECT decision, reason, sequence, decided_at, replayed FROM ledger_agents.authorize(:'agent', 8000, idempotency_key => 'order-2');
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "active", "spending_limit": 10000}');

-- The same key for another request is a mistake that is named.
SELECT ledger_agents.authorize(:'agent', 2501, merchant => 'Uber Eats', mcc => '5812', idempotency_key => 'order-1');

-- evaluate() answers as authorize() would, and leaves nothing.
SELECT id, sequence, decision, reason, max_approvable, retry_at, agent_spent FROM ledger_agents.evaluate(:'agent', 10001);
SELECT decision, remaining FROM ledger_agents.evaluate(:'agent', 10000);
SELECT count(*), max(sequence) FROM ledger_agents.list_authorizations(:'agent');

-- authorize_or_raise() is for those who want an exception. Its decline leaves no row, no suspension and no event.
SELECT on_limit_exceeded FROM ledger_agents.update_agent(:'agent', '{"on_limit_exceeded": "suspend"}');
SELECT ledger_agents.authorize_or_raise(:'agent', 10001, 'EUR');
SELECT ledger_agents.authorize_or_raise(:'agent', 10001);
SELECT status FROM ledger_agents.get_agent(:'agent');
SELECT decision, sequence FROM ledger_agents.authorize_or_raise(:'agent', 1000);
SELECT on_limit_exceeded FROM ledger_agents.update_agent(:'agent', '{"on_limit_exceeded": "decline"}');

-- What would be at another instant.
SELECT decision, max_approvable, retry_at FROM ledger_agents.evaluate(:'agent', 9500);
SELECT decision, max_approvable, decided_at FROM ledger_agents.evaluate(:'agent', 9500, as_of => '2026-06-01');

-- A rollback leaves nothing either: no money, no number, no key.
BEGIN;
SAVEPOINT s;
SELECT decision, sequence, agent_spent FROM ledger_agents.authorize(:'agent', 9000, idempotency_key => 'order-3');
ROLLBACK TO s;
SELECT decision, sequence, agent_spent, replayed FROM ledger_agents.authorize(:'agent', 500, idempotency_key => 'order-3');
COMMIT;

-- A hold may end by itself. From that instant on it does not count, swept or not.
SELECT id AS hold, status, hold_for, expires_at, agent_spent
  FROM ledger_agents.authorize(:'agent', 4000, hold_for => '2 h', idempotency_key => 'hold') \gset
\echo :status :hold_for :expires_at :agent_spent
SET ledger_agents.clock = '2026-05-02 10:59:59.999999Z';
SELECT status FROM ledger_agents.get_authorization(:'hold');
SELECT decision, retry_at FROM ledger_agents.evaluate(:'agent', 5000);
SET ledger_agents.clock = '2026-05-02 11:00Z';
SELECT status FROM ledger_agents.get_authorization(:'hold');
SELECT decision, remaining FROM ledger_agents.authorize(:'agent', 5000);
SELECT status, replayed FROM ledger_agents.authorize(:'agent', 4000, hold_for => '120 min', idempotency_key => 'hold');
SELECT ledger_agents.reverse(:'hold');

-- Money is given back in parts or as a whole, once per key, and never more than is held.
SELECT id AS booked FROM ledger_agents.authorize(:'agent', 3000) \gset
SELECT status, amount, reversed_amount, counted_amount, replayed FROM ledger_agents.reverse(:'booked', 1000, 'return-1');
SELECT status, amount, reversed_amount, counted_amount, replayed FROM ledger_agents.reverse(:'booked', 1000, 'return-1');
SELECT ledger_agents.reverse(:'booked', 999, 'return-1');
SELECT ledger_agents.reverse(:'booked', 2001);
SELECT status, reversed_amount, counted_amount FROM ledger_agents.reverse(:'booked');
SELECT ledger_agents.reverse(:'booked');
SELECT kind, amount, idempotency_key FROM ledger_agents.authorization_entries WHERE authorization_id = :'booked' ORDER BY amount;

-- It goes back to the window it was spent in: what was spent in March does not make room in May.
SELECT current_spend FROM ledger_agents.get_agent(:'agent');
SELECT status, decided_at FROM ledger_agents.reverse(:'first');
SELECT current_spend FROM ledger_agents.get_agent(:'agent');

-- Kill switches are the only reason; they and the limits stand in one order.
SELECT spending_limit FROM ledger_agents.update_customer('acme', '{"spending_limit": 1}');
SELECT decision, reasons FROM ledger_agents.authorize(:'agent', 10001);
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "suspended"}');
SELECT decision, reasons FROM ledger_agents.authorize(:'agent', 10001);
SELECT status FROM ledger_agents.update_customer('acme', '{"status": "suspended"}');
SELECT decision, reasons FROM ledger_agents.authorize(:'agent', 10001);
SELECT status FROM ledger_agents.update_organization('{"status": "suspended"}');
SELECT decision, reasons FROM ledger_agents.authorize(:'agent', 10001);

-- The list, newest first.
SELECT sequence, decision, status, reason, amount, reversed_amount FROM ledger_agents.list_authorizations(:'agent') ORDER BY sequence DESC;

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
