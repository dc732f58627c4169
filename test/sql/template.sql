--
-- Named policies: templates of rules for agents and cards.
--
SET timezone = 'UTC';
SELECT id FROM ledger_agents.create_organization('template_sql');
SET ledger_agents.organization = 'template_sql';

-- A name and rules. The clock moves, so that the order of the list is certain.
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id AS travel FROM ledger_agents.create_policy('travel', '{"limits": {"perAuth": 50000}, "allowedMccs": ["3000", "7011"]}') \gset
SELECT organization_id, name, rules, created_at, updated_at FROM ledger_agents.get_policy(:'travel');
SET ledger_agents.clock = '2026-03-02 09:01Z';
SELECT id AS office FROM ledger_agents.create_policy('office', '{}') \gset

-- A name is one policy in its organization, and another one elsewhere.
SELECT ledger_agents.create_policy('travel', '{}');
SELECT id FROM ledger_agents.create_organization('template_sql_2');
SELECT organization_id, name FROM ledger_agents.create_policy('travel', '{}', 'template_sql_2');

-- Rules that contradict each other are refused when they are written, and named.
SELECT ledger_agents.create_policy('broken', '{"limits": {"perAuth": 101, "perDay": 100}}');
SELECT ledger_agents.create_policy('broken', '{"limits": {"perWeek": 100}}');
SELECT ledger_agents.create_policy('broken', NULL);

-- A change says what is new. Rules are replaced as a whole; updated_at moves only if something did.
SET ledger_agents.clock = '2026-03-02 10:00Z';
SELECT name, rules, created_at, updated_at FROM ledger_agents.update_policy(:'travel', '{"rules": {"cooldownMinutes": 5}}');
SET ledger_agents.clock = '2026-03-02 11:00Z';
SELECT name, updated_at FROM ledger_agents.update_policy(:'travel', '{"name": "travel", "rules": {"cooldownMinutes": 5}}');
SELECT name, updated_at FROM ledger_agents.update_policy(:'travel', '{"name": "trips"}');
SELECT ledger_agents.update_policy(:'office', '{"name": "trips"}');
SELECT ledger_agents.update_policy(:'office', '{"rules": null}');
SELECT ledger_agents.update_policy(:'office', '{"id": "x"}');
SELECT ledger_agents.update_policy(:'office', '{"limits": {"perDay": 5}}');

-- By id or by name. A name that was given up is free.
SELECT name, rules FROM ledger_agents.get_policy(name => 'trips');
SELECT ledger_agents.get_policy(name => 'travel');
SELECT ledger_agents.get_policy();
SET ledger_agents.clock = '2026-03-02 11:01Z';
SELECT name FROM ledger_agents.create_policy('travel', '{"requireCard": false}');

-- Newest first, a page at a time.
SELECT name FROM ledger_agents.list_policies();
SELECT name FROM ledger_agents.list_policies(max_rows => 2);
SELECT name FROM ledger_agents.list_policies(max_rows => 2, after => (SELECT cursor FROM ledger_agents.get_policy(:'office')));

-- Another tenant's policy is as unknown as one that never was.
\set VERBOSITY terse
SELECT ledger_agents.get_policy(:'travel', organization_id => 'template_sql_2');
SELECT ledger_agents.update_policy(:'travel', '{"name": "mine"}', 'template_sql_2');
SELECT ledger_agents.delete_policy(:'travel', 'template_sql_2');
SELECT ledger_agents.delete_policy('00000000-0000-7000-8000-000000000000', 'template_sql_2');
SELECT ledger_agents.register_agent('thief', 'acme', default_policy_id => :'travel', organization_id => 'template_sql_2');
\set VERBOSITY default

-- What is used stays; what is not can go.
SELECT id AS agent FROM ledger_agents.register_agent('buyer', 'acme', default_policy_id => :'travel') \gset
SELECT ledger_agents.delete_policy(:'travel');
SELECT default_policy_id = :'office' AS moved FROM ledger_agents.update_agent(:'agent', jsonb_build_object('default_policy_id', :'office'));
SELECT name, rules FROM ledger_agents.delete_policy(:'travel');
\set VERBOSITY terse
SELECT ledger_agents.delete_policy(:'travel');
SELECT ledger_agents.update_agent(:'agent', jsonb_build_object('default_policy_id', :'travel'));
\set VERBOSITY default

-- Who did what to which policy is on record.
SELECT c.action, c.old_values, c.new_values, c.principal FROM ledger_agents.configuration_changes AS c
  WHERE c.organization_id = 'template_sql' AND c.object_type = 'policy' AND c.object_id = :'travel' ORDER BY c.created_at, c.action;

-- In JSON a policy is one flat object. Given rules replace the stored ones, null removes one, the others stay.
SET ledger_agents.clock = '2026-03-02 12:00:00.5Z';
SELECT ledger_agents_api.create_policy('{"name": "meals", "requireIntent": true, "limits": {"perAuth": 2500, "perDay": 10000}, "allowedMccs": ["5812"]}') AS answer \gset
SELECT jsonb_pretty(:'answer'::jsonb - 'id');
SELECT :'answer'::jsonb ->> 'id' AS meals \gset
SELECT ledger_agents_api.update_policy(jsonb_build_object('policyId', :'meals') || '{"name": "lunch", "limits": {"perAuth": 3000}, "requireIntent": null}') - 'id' AS updated;
SELECT ledger_agents_api.get_policy(jsonb_build_object('policyId', :'meals')) - 'id' AS got;
SELECT ledger_agents_api.list_policies('{"limit": 2}') AS page \gset
SELECT p ->> 'name' AS name FROM jsonb_array_elements(:'page'::jsonb -> 'data') AS p;
SELECT :'page'::jsonb ->> 'hasMore' AS more, next -> 'hasMore' AS still_more, next ? 'nextCursor' AS cursor, next #>> '{data,0,name}' AS name
  FROM ledger_agents_api.list_policies(jsonb_build_object('after', :'page'::jsonb ->> 'nextCursor')) AS next;
SELECT ledger_agents_api.delete_policy(jsonb_build_object('policyId', :'meals')) - 'id' AS deleted;
SELECT ledger_agents_api.delete_policy(jsonb_build_object('policyId', :'meals'));
SELECT ledger_agents_api.delete_policy(jsonb_build_object('policyId', :'office'));
SELECT ledger_agents_api.create_policy('{"name": "lunch", "limits": {"perAuth": 2, "perDay": 1}}');
SELECT ledger_agents_api.create_policy('{"name": "lunch", "perDay": 1}');
SELECT name FROM ledger_agents.list_policies();

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
