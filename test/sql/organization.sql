--
-- Organizations (tenants) and customers (who funds agents).
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';

-- A tenant has the id that the app already knows it by.
SELECT * FROM ledger_agents.create_organization('tenant-1', 'First tenant', timezone => 'America/New_York', currency => 'usd',
  spending_limit => 100000, spending_limit_frequency => 'perWeek');
SELECT id, name, status, livemode, timezone, currency, spending_limit, spending_limit_frequency, limit_approaching_percent
  FROM ledger_agents.create_organization('tenant-2', livemode => false);

-- Ids are unique; zones are names; currencies are codes.
SELECT ledger_agents.create_organization('tenant-1');
SELECT ledger_agents.create_organization('tenant-3', timezone => 'EST5EDT4');
SELECT ledger_agents.create_organization('tenant-3', timezone => 'UTC+3');
SELECT ledger_agents.create_organization('tenant-3', currency => '$');
SELECT ledger_agents.create_organization('');
SELECT ledger_agents.get_organization('tenant-3');

-- An operator names the organization by the setting or by the argument; the argument wins. Tokens of a test tenant say so.
SET ledger_agents.organization = 'tenant-1';
SELECT id AS one, left(token, 8) AS kind FROM ledger_agents.register_agent('bot', 'ann') \gset
SELECT organization_id, external_id, currency, :'kind' AS kind FROM ledger_agents.get_agent(:'one');
SELECT organization_id, external_id, left(token, 8) AS kind FROM ledger_agents.register_agent('bot', 'ann', organization_id => 'tenant-2');
SELECT ledger_agents.register_agent('bot', 'ann', organization_id => 'tenant-3');

-- Another tenant's agent is as unknown as one that never was.
\set VERBOSITY terse
SELECT ledger_agents.get_agent(:'one', organization_id => 'tenant-2');
SELECT ledger_agents.get_agent('00000000-0000-7000-8000-000000000000', organization_id => 'tenant-2');
SELECT ledger_agents.authorize(:'one', 1, organization_id => 'tenant-2');
SELECT ledger_agents.authorize('00000000-0000-7000-8000-000000000000', 1, organization_id => 'tenant-2');
\set VERBOSITY default

-- The kill switch for the whole tenant. It does not touch the other one.
SELECT decision, reason FROM ledger_agents.authorize(:'one', 100);
SELECT status, updated_at FROM ledger_agents.update_organization('{"status": "suspended"}');
SELECT decision, reason, reasons FROM ledger_agents.authorize(:'one', 100);
SELECT decision FROM ledger_agents.authorize((ledger_agents.get_agent(external_id => 'bot', organization_id => 'tenant-2')).id, 100,
                                             organization_id => 'tenant-2');
SELECT status FROM ledger_agents.update_organization('{"status": "active"}');

-- A customer is made on first use, and has a kill switch and a limit over all its agents.
SELECT id, name, status, spending_limit, spending_limit_frequency, policy FROM ledger_agents.get_customer('ann');
SELECT id, name, status FROM ledger_agents.update_customer('ann', '{"status": "suspended", "name": "Ann"}');
SELECT decision, reason FROM ledger_agents.authorize(:'one', 100);
SELECT status, spending_limit, spending_limit_frequency
  FROM ledger_agents.update_customer('ann', '{"status": "active", "spending_limit": 150, "spending_limit_frequency": "perYear"}');
SELECT decision, reason, failed_limits FROM ledger_agents.authorize(:'one', 100);
SELECT id, status FROM ledger_agents.update_customer('bob', '{}');
-- They are listed page by page.
SELECT id, spending_limit, cursor FROM ledger_agents.list_customers(max_rows => 1);
SELECT id, spending_limit FROM ledger_agents.list_customers(after => 'YW5u');
SELECT ledger_agents.get_customer('nobody');
SELECT ledger_agents.update_customer('ann', '{"id": "anna"}');
SELECT ledger_agents.update_customer('ann', '{"email": "ann@example.com"}');

-- The currency stays once something was spent in it; livemode stays in any case.
SELECT ledger_agents.update_organization('{"currency": "EUR"}');
SELECT ledger_agents.update_organization('{"livemode": false}');
SELECT currency FROM ledger_agents.update_organization('{"currency": "eur"}', 'tenant-2');
SELECT currency FROM ledger_agents.create_organization('tenant-4');
SELECT currency FROM ledger_agents.update_organization('{"currency": "usd_micro"}', 'tenant-4');

-- No change, no new updated_at.
SET ledger_agents.clock = '2026-03-02 10:00Z';
SELECT name, updated_at FROM ledger_agents.update_organization('{"name": "First tenant", "timezone": "America/New_York"}');
SELECT name, updated_at FROM ledger_agents.update_organization('{"name": null, "timezone": "Asia/Tokyo"}');

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
