--
-- Tokens: secrets with which a caller acts as one agent, for one transaction at a time.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('token_sql');
SET ledger_agents.organization = 'token_sql';
SELECT id AS agent, token, token_id FROM ledger_agents.register_agent('buyer', 'acme', spending_limit => 1000) \gset
SELECT id AS other FROM ledger_agents.register_agent('seller', 'acme') \gset

-- What is stored is a prefix to show and a hash, nothing of the secret.
SELECT :'token' ~ '^at_live_[0-9a-f]{76}$' AS form, prefix = left(:'token', 20) AS shown, secret_hash = sha256(:'token'::bytea) AS hashed
  FROM ledger_agents.agent_tokens WHERE organization_id = 'token_sql' AND id = :'token_id';

-- From here to the end of the transaction the caller is the agent. It need not say which.
BEGIN;
SELECT organization_id, agent_id = :'agent' AS is_agent FROM ledger_agents.authenticate(:'token');
SELECT decision, remaining FROM ledger_agents.authorize(amount => 600);
SELECT decision, reason FROM ledger_agents.evaluate(amount => 600);
SELECT spending_limit, current_spend, remaining FROM ledger_agents.agent_budget();
SELECT external_id FROM ledger_agents.list_agents();
SELECT amount, decision FROM ledger_agents.list_authorizations();
-- Naming another organization has no effect.
SELECT organization_id, external_id FROM ledger_agents.get_agent(:'agent', organization_id => 'default');
-- The same token again is nothing new.
SELECT agent_id = :'agent' AS is_agent FROM ledger_agents.authenticate(:'token');
COMMIT;

-- The next transaction is an operator's again.
SELECT external_id FROM ledger_agents.list_agents() ORDER BY external_id;

-- What an agent may not do. Another agent is to it as one that never was.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SELECT organization_id FROM ledger_agents.authenticate(:'token');
SELECT ledger_agents.authorize(:'other', 1);
SELECT ledger_agents.get_agent(:'other');
SELECT ledger_agents.get_agent(external_id => 'seller');
SELECT ledger_agents.agent_budget(:'other');
SELECT ledger_agents.update_agent(:'agent', '{"spending_limit": null}');
SELECT ledger_agents.update_agent(:'agent', '{"status": "active"}');
SELECT ledger_agents.register_agent('third', 'acme');
SELECT ledger_agents.deregister_agent(:'agent');
SELECT ledger_agents.create_agent_token(:'agent');
SELECT ledger_agents.list_agent_tokens(:'agent');
SELECT ledger_agents.revoke_agent_token(:'token_id');
SELECT ledger_agents.update_customer('acme', '{"spending_limit": null}');
SELECT ledger_agents.get_customer('acme');
SELECT ledger_agents.update_organization('{"status": "active"}');
SELECT ledger_agents_api.update_agent(jsonb_build_object('agentId', :'agent', 'spendingLimit', 5)), current_setting('response.status');
COMMIT;

-- A rollback to before it undoes it.
BEGIN;
SAVEPOINT before;
SELECT organization_id FROM ledger_agents.authenticate(:'token');
ROLLBACK TO before;
SELECT external_id FROM ledger_agents.get_agent(:'other');
COMMIT;

-- One principal a transaction.
SELECT token AS other_token FROM ledger_agents.create_agent_token(:'other', 'spare') \gset
BEGIN;
SELECT organization_id FROM ledger_agents.authenticate(:'token');
SELECT organization_id FROM ledger_agents.authenticate(:'other_token');
ROLLBACK;

-- A wrong secret is refused, whatever is wrong with it, and never repeated.
\set VERBOSITY default
SELECT ledger_agents.authenticate('at_live_0123456789ab');
SELECT ledger_agents.authenticate(left(:'token', 83) || CASE right(:'token', 1) WHEN '0' THEN '1' ELSE '0' END);
SELECT ledger_agents.authenticate('');
SELECT ledger_agents.authenticate(NULL);

-- Use is noted, at most once a minute.
SELECT name, last_used_at, expires_at, revoked_at FROM ledger_agents.list_agent_tokens(:'agent');
SET ledger_agents.clock = '2026-03-02 09:01Z';
SELECT organization_id FROM ledger_agents.authenticate(:'token');
SELECT last_used_at FROM ledger_agents.list_agent_tokens(:'agent');
SET ledger_agents.clock = '2026-03-02 09:01:01Z';
SELECT organization_id FROM ledger_agents.authenticate(:'token');
SELECT last_used_at FROM ledger_agents.list_agent_tokens(:'agent');

-- Rotation: a new secret, and the old one works for as long as one says.
SELECT token AS rotated FROM ledger_agents.rotate_agent_token(:'token_id', '1 hour') \gset
SET ledger_agents.clock = '2026-03-02 10:01:00.999999Z';
SELECT organization_id FROM ledger_agents.authenticate(:'token');
SET ledger_agents.clock = '2026-03-02 10:01:01Z';
SELECT organization_id FROM ledger_agents.authenticate(:'token');
SELECT organization_id FROM ledger_agents.authenticate(:'rotated');
SELECT ledger_agents.rotate_agent_token(:'token_id');
SELECT ledger_agents.rotate_agent_token('00000000-0000-7000-8000-000000000000');

-- A token may end by itself.
SELECT ledger_agents.create_agent_token(:'agent', 'yesterday', '2026-03-01');
SELECT token AS short, name, expires_at FROM ledger_agents.create_agent_token(:'agent', 'short', '2026-03-02 11:00Z') \gset
SELECT organization_id FROM ledger_agents.authenticate(:'short');
SET ledger_agents.clock = '2026-03-02 11:00Z';
SELECT organization_id FROM ledger_agents.authenticate(:'short');

-- Revoked is revoked, once.
SELECT id AS spare FROM ledger_agents.list_agent_tokens(:'other') WHERE name = 'spare' \gset
SELECT name, revoked_at FROM ledger_agents.revoke_agent_token(:'spare');
SET ledger_agents.clock = '2026-03-02 12:00Z';
SELECT name, revoked_at FROM ledger_agents.revoke_agent_token(:'spare');
SELECT organization_id FROM ledger_agents.authenticate(:'other_token');
SELECT ledger_agents.rotate_agent_token(:'spare');
-- Also for a transaction that is under way with it.
BEGIN;
SELECT organization_id FROM ledger_agents.authenticate(:'rotated');
SELECT decision FROM ledger_agents.authorize(amount => 1);
UPDATE ledger_agents.agent_tokens SET revoked_at = created_at WHERE organization_id = 'token_sql' AND agent_id = :'agent';
SELECT ledger_agents.authorize(amount => 1);
ROLLBACK;

-- With its agent all its tokens end.
SELECT status FROM ledger_agents.deregister_agent(:'agent');
SELECT count(*), count(revoked_at) FROM ledger_agents.list_agent_tokens(:'agent');
SELECT organization_id FROM ledger_agents.authenticate(:'rotated');
SELECT ledger_agents.create_agent_token(:'agent');

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
