-- What does a person see who seals a history, verifies it, and forgets what is old?
SET timezone = 'UTC';
SET ledger_agents.clock = '2024-03-01 09:00Z';
SELECT id AS buyer FROM ledger_agents.register_agent('chain buyer', 'chain customer', spending_limit => 1000, spending_limit_frequency => 'allTime') \gset
SELECT id AS chairs FROM ledger_agents.authorize(:'buyer', 300, merchant => 'Chairs', idempotency_key => 'chairs') \gset
SELECT status, captured_amount FROM ledger_agents.capture(:'chairs', 250);
SELECT decision, reason FROM ledger_agents.authorize(:'buyer', 900);

-- Nobody noted anything yet: a seal has all that was decided, and what became of it.
SELECT number, sequence, entry_number, decided_at, octet_length(head) AS bytes, version, sealed_at, sealed, more FROM ledger_agents.seal_chain(:'buyer');
SELECT number, sealed, more FROM ledger_agents.seal_chain(:'buyer');
SELECT sequence AS noted, head AS noted_head FROM ledger_agents.seal_chain(:'buyer') \gset
SELECT * FROM ledger_agents.verify_chain(:'buyer', :noted, :'noted_head');

-- Somebody who can switch the guards off makes an amount smaller, and seals anew.
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE ledger_agents.authorizations SET amount = 30 WHERE id = :'chairs';
SELECT * FROM ledger_agents.verify_chain(:'buyer');
DELETE FROM ledger_agents.chain_seals WHERE agent_id = :'buyer';
SELECT number, sequence, sealed FROM ledger_agents.seal_chain(:'buyer');
SELECT * FROM ledger_agents.verify_chain(:'buyer');
SELECT * FROM ledger_agents.verify_chain(:'buyer', :noted, :'noted_head');
ROLLBACK;

-- Nobody else gets as far.
DELETE FROM ledger_agents.authorizations WHERE id = :'chairs';
UPDATE ledger_agents.chain_seals SET head = sha256(head);
TRUNCATE ledger_agents.chain_seals;

-- More than two years later.
SET ledger_agents.clock = '2026-06-01 09:00Z';
SELECT decision, remaining FROM ledger_agents.authorize(:'buyer', 100, merchant => 'Desks');
SELECT ledger_agents.purge('2026-01-01');
SELECT id IS NOT NULL AS recorded, before, agents, authorizations, entries, seals, intents, attestations, principal, more FROM ledger_agents.purge('2025-01-01');
SELECT id IS NOT NULL AS recorded, authorizations, more FROM ledger_agents.purge('2025-01-01');
SELECT sequence, decision, amount FROM ledger_agents.list_authorizations(:'buyer');
SELECT card, currency, decisions, approved, counted_amount, captured_amount, first_merchant FROM ledger_agents.purged_totals WHERE agent_id = :'buyer';

-- It counts on, its key is a new one, and the chain goes on from where it was cut.
SELECT decision, reason, max_approvable, sequence FROM ledger_agents.authorize(:'buyer', 700);
SELECT decision, replayed FROM ledger_agents.authorize(:'buyer', 300, merchant => 'Chairs', idempotency_key => 'chairs');
SELECT number, sequence, sealed FROM ledger_agents.seal_chain(:'buyer');
SELECT * FROM ledger_agents.verify_chain(:'buyer', :noted, :'noted_head');
SELECT * FROM ledger_agents.check_invariants();
