--
-- Keys: secrets with which a caller has full rights in one organization, for one transaction at a time.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('key_sql');
SELECT id FROM ledger_agents.create_organization('key_sql_test', livemode => false);
SELECT id AS buyer FROM ledger_agents.register_agent('buyer', 'acme', spending_limit => 1000, organization_id => 'key_sql') \gset

-- The secret is shown once. Stored is a prefix to show and a hash.
SELECT id AS key_id, key FROM ledger_agents.create_organization_key('backend', organization_id => 'key_sql') \gset
SELECT :'key' ~ '^lk_live_[0-9a-f]{76}$' AS form, prefix = left(:'key', 20) AS shown, secret_hash = sha256(:'key'::bytea) AS hashed
  FROM ledger_agents.organization_keys WHERE organization_id = 'key_sql' AND id = :'key_id';
SELECT left(key, 8) AS kind, name, expires_at FROM ledger_agents.create_organization_key(expires_at => '2026-03-03', organization_id => 'key_sql_test');
SELECT name, created_at, last_used_at, revoked_at, key FROM ledger_agents.list_organization_keys(organization_id => 'key_sql');

-- From here to the end of the transaction the caller is the organization. Naming another one has no effect.
BEGIN;
SELECT organization_id, agent_id FROM ledger_agents.authenticate(:'key');
SET LOCAL ledger_agents.organization = 'default';
SELECT organization_id, external_id, spending_limit FROM ledger_agents.update_agent(:'buyer', '{"spending_limit": 2000}', organization_id => 'key_sql_test');
SELECT decision, remaining FROM ledger_agents.authorize(:'buyer', 600);
SELECT id, name FROM ledger_agents.update_organization('{"name": "Acme"}', 'default');
SELECT external_id, token IS NOT NULL AS has_token FROM ledger_agents.register_agent('seller', 'acme');
COMMIT;
SELECT object_type, action, principal = 'key:' || :'key_id' AS by_key FROM ledger_agents.configuration_changes
  WHERE organization_id = 'key_sql' ORDER BY 1, 2, 3;

SET ledger_agents.clock = '2026-03-02 09:01Z';
-- A key has full rights, so it may pass them on; not beyond its organization.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT organization_id FROM ledger_agents.authenticate(:'key');
SELECT id AS spare_id, key AS spare FROM ledger_agents.create_organization_key('spare') \gset
SELECT name FROM ledger_agents.list_organization_keys();
SELECT ledger_agents.create_organization('key_sql_2');
SELECT ledger_agents.create_organization('key_sql');
SELECT name FROM ledger_agents.revoke_organization_key((SELECT id FROM ledger_agents.organization_keys WHERE organization_id = 'key_sql_test')) \g /dev/null
COMMIT;

-- An agent may do nothing with keys.
SELECT token AS token FROM ledger_agents.create_agent_token(:'buyer', organization_id => 'key_sql') \gset
BEGIN;
SELECT organization_id FROM ledger_agents.authenticate(:'token');
SELECT ledger_agents.create_organization_key();
SELECT ledger_agents.list_organization_keys();
SELECT ledger_agents.revoke_organization_key(:'key_id');
SELECT ledger_agents.rotate_organization_key(:'key_id');
-- And whoever is the agent does not become the organization.
SELECT ledger_agents.authenticate(:'key');
COMMIT;

-- A wrong secret is refused, whatever is wrong with it.
SELECT ledger_agents.authenticate(left(:'key', 83) || CASE right(:'key', 1) WHEN '0' THEN '1' ELSE '0' END);
SELECT ledger_agents.authenticate('at' || right(:'key', 82));
SELECT ledger_agents.authenticate('lk' || right(:'token', 82));

-- Rotation: a new secret, and the old one works for as long as one says.
SET ledger_agents.organization = 'key_sql';
SET ledger_agents.clock = '2026-03-02 09:02Z';
SELECT name, key AS rotated, id AS rotated_id FROM ledger_agents.rotate_organization_key(:'key_id', '1 hour') \gset
SET ledger_agents.clock = '2026-03-02 10:01:59.999999Z';
SELECT organization_id FROM ledger_agents.authenticate(:'key');
SET ledger_agents.clock = '2026-03-02 10:02Z';
SELECT organization_id FROM ledger_agents.authenticate(:'key');
SELECT organization_id FROM ledger_agents.authenticate(:'rotated');
SELECT name, expires_at, last_used_at FROM ledger_agents.list_organization_keys() ORDER BY created_at, name;
SELECT ledger_agents.rotate_organization_key(:'key_id');
SELECT ledger_agents.rotate_organization_key(:'rotated_id', '-1 second');
SELECT ledger_agents.rotate_organization_key('00000000-0000-7000-8000-000000000000');
SELECT ledger_agents.create_organization_key('yesterday', '2026-03-01');
SELECT ledger_agents.create_organization_key('');

-- Pages.
SELECT name AS newest, cursor AS page FROM ledger_agents.list_organization_keys(1) \gset
SELECT count(*) FROM ledger_agents.list_organization_keys(100, :'page');
SELECT ledger_agents.list_organization_keys(101);

-- Revoked is revoked, once; also for a transaction that is under way with it, and for whatever it does.
SELECT name, revoked_at FROM ledger_agents.revoke_organization_key(:'spare_id');
SET ledger_agents.clock = '2026-03-02 11:00Z';
SELECT name, revoked_at FROM ledger_agents.revoke_organization_key(:'spare_id');
SELECT organization_id FROM ledger_agents.authenticate(:'spare');
BEGIN;
SELECT organization_id FROM ledger_agents.authenticate(:'rotated');
SELECT name FROM ledger_agents.revoke_organization_key(:'rotated_id');
SELECT ledger_agents.authorize(:'buyer', 1);
SELECT ledger_agents.evaluate(:'buyer', 1);
SELECT ledger_agents.update_agent(:'buyer', '{"spending_limit": null}');
SELECT ledger_agents.create_organization_key('one more');
SELECT ledger_agents_api.register_agent('{"externalId": "x", "userId": "acme", "name": "x"}');
ROLLBACK;
SELECT ledger_agents.create_organization_key(organization_id => 'key_sql_2');

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
