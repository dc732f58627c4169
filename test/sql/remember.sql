-- A session remembers agents, customers and organizations from one decision to the next.
-- It must never judge by what was taken back, or changed behind its back.
SET ledger_agents.clock = '2026-03-10 12:00Z';
SELECT id AS agent FROM ledger_agents.register_agent('forgetful', 'owner', spending_limit => 100) \gset
SELECT decision FROM ledger_agents.authorize(:'agent', 10);

-- A change that this session makes is in force at once, and gone with its rollback.
BEGIN;
SELECT spending_limit FROM ledger_agents.update_agent(:'agent', '{"spending_limit": 1000}');
SELECT decision FROM ledger_agents.authorize(:'agent', 500);
ROLLBACK;
SELECT decision, max_approvable FROM ledger_agents.authorize(:'agent', 500);

-- The same of a savepoint, and of a customer.
BEGIN;
SELECT decision FROM ledger_agents.authorize(:'agent', 1);
SAVEPOINT before;
SELECT status FROM ledger_agents.update_customer('owner', '{"status": "suspended"}');
SELECT decision, reason FROM ledger_agents.authorize(:'agent', 1);
ROLLBACK TO before;
SELECT decision, reason FROM ledger_agents.authorize(:'agent', 1);
COMMIT;

-- An organization that was made and taken back is not remembered when it is made again.
BEGIN;
SELECT id, timezone FROM ledger_agents.create_organization('twice', timezone => 'Asia/Tokyo');
SELECT id AS other FROM ledger_agents.register_agent('a', 'c', spending_limit => 5, organization_id => 'twice') \gset
SELECT decision, failed_limits -> 0 ->> 'next_reset' AS next_reset
FROM ledger_agents.authorize(:'other', 9, organization_id => 'twice');
ROLLBACK;
\set VERBOSITY sqlstate
SELECT decision FROM ledger_agents.authorize(:'other', 1, organization_id => 'twice');
\set VERBOSITY default
SELECT id, timezone FROM ledger_agents.create_organization('twice', timezone => 'America/New_York');
SELECT id AS other FROM ledger_agents.register_agent('a', 'c', spending_limit => 5, organization_id => 'twice') \gset
SELECT decision, failed_limits -> 0 ->> 'next_reset' AS next_reset
FROM ledger_agents.authorize(:'other', 9, organization_id => 'twice');

-- Changes by hand are noticed as well; nobody but the owner can make them.
UPDATE ledger_agents.agents SET spending_limit = 20 WHERE id = :'agent';
SELECT decision, max_approvable FROM ledger_agents.authorize(:'agent', 50);
UPDATE ledger_agents.organizations SET status = 'suspended' WHERE id = 'default';
SELECT decision, reason FROM ledger_agents.authorize(:'agent', 1);
UPDATE ledger_agents.organizations SET status = 'active' WHERE id = 'default';
SELECT decision, reason FROM ledger_agents.authorize(:'agent', 1);
SET session_replication_role = replica;
UPDATE ledger_agents.customers SET status = 'suspended' WHERE id = 'owner';
RESET session_replication_role;
SELECT decision, reason FROM ledger_agents.authorize(:'agent', 1);

-- The extension made anew in the same session: nothing of the old one is left.
SET client_min_messages = warning;
BEGIN;
SET LOCAL ledger_agents.allow_drop = on;
DROP EXTENSION ledger_agents CASCADE;
COMMIT;
CREATE EXTENSION ledger_agents;
\set VERBOSITY sqlstate
SELECT decision FROM ledger_agents.authorize(:'agent', 1);
\set VERBOSITY default
SELECT id AS agent FROM ledger_agents.register_agent('forgetful', 'owner', spending_limit => 100) \gset
SELECT decision, remaining FROM ledger_agents.authorize(:'agent', 10);
SELECT * FROM ledger_agents.check_invariants();
