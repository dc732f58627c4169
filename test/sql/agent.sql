--
-- Agents: registered once, changed by documents, retired for good.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id, status, timezone, currency FROM ledger_agents.create_organization('agent_sql', timezone => 'Europe/Berlin', currency => 'eur');
SET ledger_agents.organization = 'agent_sql';

-- An app registers its agent whenever it starts. The first time there is an agent and, shown this once, its token.
SELECT id AS buyer, created, token LIKE 'at\_live\_%' AS live_token, length(token), token_id IS NOT NULL AS has_token_id, differs
  FROM ledger_agents.register_agent('buyer', 'acme', name => 'Buyer', spending_limit => 50000, metadata => '{"team": "ops"}') \gset first_
\echo created :first_created, live token :first_live_token of :first_length characters
SELECT external_id, customer_id, name, status, spending_limit, spending_limit_frequency, window_mode, on_limit_exceeded, currency
  FROM ledger_agents.get_agent(:'first_buyer');
SELECT max_cards, default_card_limit, default_card_limit_frequency, default_policy_id, policy, metadata, current_spend, card_count, created_at, updated_at
  FROM ledger_agents.get_agent(external_id => 'buyer');

-- Every later time it is the same agent: nothing changes and there is no new token. What was asked for and is not so is named.
SET ledger_agents.clock = '2026-03-02 10:00Z';
SELECT id = :'first_buyer' AS same, created, token, token_id, name, spending_limit, differs, updated_at
  FROM ledger_agents.register_agent('buyer', 'acme', name => 'Buyer', spending_limit => 50000);
SELECT id = :'first_buyer' AS same, created, token, token_id, name, spending_limit, differs, updated_at
  FROM ledger_agents.register_agent('buyer', 'acme', name => 'Big buyer', status => 'active', spending_limit => 99999,
         spending_limit_frequency => 'perMonth', on_limit_exceeded => 'none', max_cards => 3, metadata => '{}');

-- Somebody else's agent is not theirs, and they do not learn whose it is.
SELECT id FROM ledger_agents.register_agent('buyer', 'other customer');
SELECT count(*) FROM ledger_agents.customers WHERE organization_id = 'agent_sql';

-- The same id in another organization is another agent.
SELECT external_id, created, currency FROM ledger_agents.register_agent('buyer', 'other customer', organization_id => 'default');

-- Changes: a field that is given is set, null clears it, all others stay.
SELECT name, description, spending_limit, spending_limit_frequency, metadata, updated_at
  FROM ledger_agents.update_agent(:'first_buyer', '{"description": "Buys things.", "spending_limit": 70000}');
SET ledger_agents.clock = '2026-03-02 11:00Z';
SELECT name, description, spending_limit, spending_limit_frequency, metadata, updated_at
  FROM ledger_agents.update_agent(:'first_buyer', '{"spending_limit": null, "spending_limit_frequency": "perWeek", "metadata": {}}');

-- Saying what is so already changes nothing, not even updated_at.
SET ledger_agents.clock = '2026-03-02 12:00Z';
SELECT name, description, spending_limit, spending_limit_frequency, metadata, updated_at
  FROM ledger_agents.update_agent(:'first_buyer', '{"name": "Buyer", "description": "Buys things.", "spending_limit": null}');

-- What cannot be: unknown fields, fixed ones, wrong types, a null where none may be.
SELECT ledger_agents.update_agent(:'first_buyer', '{"spendinglimit": 1}');
SELECT ledger_agents.update_agent(:'first_buyer', '{"external_id": "seller"}');
SELECT ledger_agents.update_agent(:'first_buyer', '{"spending_limit": "1"}');
SELECT ledger_agents.update_agent(:'first_buyer', '{"spending_limit": -1}');
SELECT ledger_agents.update_agent(:'first_buyer', '{"name": null}');
SELECT ledger_agents.update_agent(:'first_buyer', '{"status": "deregistered"}');
SELECT ledger_agents.update_agent('00000000-0000-7000-8000-000000000000', '{}');
SELECT name, status, updated_at FROM ledger_agents.get_agent(:'first_buyer');

-- The kill switch of one agent, and its end.
SELECT status, suspended_reason, suspended_by, suspended_at FROM ledger_agents.update_agent(:'first_buyer', '{"status": "suspended"}');
SELECT decision, reason FROM ledger_agents.authorize(:'first_buyer', 100);
SELECT created, status, differs FROM ledger_agents.register_agent('buyer', 'acme');
SELECT status, suspended_reason, suspended_by, suspended_at FROM ledger_agents.update_agent(:'first_buyer', '{"status": "active"}');

-- What is left of a limit.
SELECT decision, remaining FROM ledger_agents.authorize(:'first_buyer', 12000);
SELECT spending_limit FROM ledger_agents.update_agent(:'first_buyer', '{"spending_limit": 50000}');
SELECT spending_limit, frequency, window_mode, currency, current_spend, remaining, percent_used, window_start, next_reset
  FROM ledger_agents.agent_budget(:'first_buyer');

-- A limit may be cut below what is spent: nothing remains, no money moves.
SELECT spending_limit, current_spend FROM ledger_agents.update_agent(:'first_buyer', '{"spending_limit": 5000}');
SELECT remaining, percent_used FROM ledger_agents.agent_budget(:'first_buyer');

-- Retired for good, and again for nothing. The external id is free: the next one is another agent, with a token.
SELECT status, deregistered_at FROM ledger_agents.deregister_agent(:'first_buyer');
SET ledger_agents.clock = '2026-03-02 13:00Z';
SELECT status, deregistered_at FROM ledger_agents.deregister_agent(:'first_buyer');
SELECT decision, reason FROM ledger_agents.authorize(:'first_buyer', 1);
SELECT ledger_agents.update_agent(:'first_buyer', '{"name": "Ghost"}');
SELECT ledger_agents.get_agent(external_id => 'buyer');
SELECT id <> :'first_buyer' AS another, created, token IS NOT NULL AS has_token, customer_id, spending_limit, current_spend
  FROM ledger_agents.register_agent('buyer', 'other customer');
SELECT external_id, customer_id, status FROM ledger_agents.list_agents(external_id => 'buyer');

-- Pages: newest first, and what is registered meanwhile does not shift them.
DO $$
BEGIN
  FOR n IN 1..7 LOOP
    PERFORM set_config('ledger_agents.clock', format('2026-03-03 09:00:0%sZ', n), false);
    PERFORM ledger_agents.register_agent('fleet-' || n, 'fleet');
  END LOOP;
END
$$;
SELECT external_id FROM ledger_agents.list_agents('fleet', max_rows => 3);
SELECT cursor AS last_seen FROM ledger_agents.list_agents('fleet', max_rows => 3) OFFSET 2 \gset
SELECT created FROM ledger_agents.register_agent('fleet-8', 'fleet');
SELECT external_id FROM ledger_agents.list_agents('fleet', max_rows => 3, after => :'last_seen');
SELECT cursor AS last_seen FROM ledger_agents.list_agents('fleet', max_rows => 3, after => :'last_seen') OFFSET 2 \gset
SELECT external_id FROM ledger_agents.list_agents('fleet', max_rows => 3, after => :'last_seen');
SELECT external_id FROM ledger_agents.list_agents('acme', 'deregistered');
SELECT ledger_agents.list_agents(max_rows => 101);
SELECT ledger_agents.list_agents(after => 'page 2');

-- Who changed what is on record.
SELECT created_at, action, old_values, new_values, principal
  FROM ledger_agents.configuration_changes
 WHERE organization_id = 'agent_sql' AND object_id = :'first_buyer' AND action <> 'create'
 ORDER BY created_at, old_values, new_values;

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
