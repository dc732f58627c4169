--
-- Intents: what agents say they are about to buy, and what humans say to it.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('intent_sql');
SET ledger_agents.organization = 'intent_sql';
SELECT id AS agent, token FROM ledger_agents.register_agent('buyer', 'acme', default_require_approval => true, default_auto_approve_below => 5000) \gset
SELECT id AS other FROM ledger_agents.register_agent('seller', 'acme') \gset

-- Below autoApproveBelow nobody is asked; from there on, or without an amount, a human is.
SELECT expected_amount, status, expected_currency, ttl_minutes, expires_at, replayed
FROM unnest(ARRAY[3000, 4999, 5000, 7500, NULL]) AS amount, LATERAL ledger_agents.declare_intent(:'agent', expected_amount => amount) ORDER BY 1;
-- An agent without such rules needs nobody.
SELECT status FROM ledger_agents.declare_intent(:'other', expected_amount => 7500);

-- All that can be said. The codes are sorted, each once.
SET ledger_agents.clock = '2026-03-02 09:01Z';
SELECT client_intent_id, status, summary, expected_amount, expected_currency, expected_merchant, expected_mccs, tolerance, tolerance_percent, ttl_minutes, expires_at, metadata, parked, replayed
FROM ledger_agents.declare_intent(:'agent', NULL, 'dinner', 'Dinner for two', 7500, 'usd', 'DoorDash', '{5814,5812,5814}', 500, 5, 60, '{"table": 4}') \gx
-- Said again it is the same; metadata is not compared.
SET ledger_agents.clock = '2026-03-02 09:02Z';
SELECT client_intent_id, expires_at, metadata, replayed
FROM ledger_agents.declare_intent(:'agent', NULL, 'dinner', 'Dinner for two', 7500, NULL, 'DoorDash', '{5812,5814}', 500, 5, 60, '{"table": 5}');
SELECT ledger_agents.declare_intent(:'agent', client_intent_id => 'dinner', summary => 'Dinner for two', expected_amount => 7501);
-- The id is the agent's: another one may have the same.
SELECT client_intent_id, replayed FROM ledger_agents.declare_intent(:'other', client_intent_id => 'dinner');

-- A human approves: the time starts anew, from now.
SELECT id AS dinner FROM ledger_agents.get_intent(agent_id => :'agent', client_intent_id => 'dinner') \gset
SET ledger_agents.clock = '2026-03-02 09:30Z';
SELECT status, expires_at, approved_at, approved_by FROM ledger_agents.approve_intent(:'dinner');
-- Twice is once.
SET ledger_agents.clock = '2026-03-02 09:40Z';
SELECT status, expires_at, approved_at FROM ledger_agents.approve_intent(:'dinner');
SELECT ledger_agents.reject_intent(:'dinner');
-- The agent's counter says until when there may be an open intent at all: that was said when it was declared.
SELECT k.intents_until FROM ledger_agents.counters AS k WHERE organization_id = 'intent_sql' AND scope_id = :'agent';

-- Or rejects.
SET ledger_agents.clock = '2026-03-02 09:41Z';
SELECT id AS yacht FROM ledger_agents.declare_intent(:'agent', client_intent_id => 'yacht', expected_amount => 900000000) \gset
SELECT status, rejected_at, rejected_by, rejection_reason FROM ledger_agents.reject_intent(:'yacht', 'Not this year.');
SELECT status, rejection_reason FROM ledger_agents.reject_intent(:'yacht', 'Never.');
SELECT ledger_agents.approve_intent(:'yacht');
SELECT ledger_agents.reject_intent(:'yacht', '');

-- Or nobody says anything.
SET ledger_agents.clock = '2026-03-02 09:42Z';
SELECT id AS late FROM ledger_agents.declare_intent(:'agent', client_intent_id => 'late', ttl_minutes => 1) \gset
SET ledger_agents.clock = '2026-03-02 09:43Z';
SELECT status FROM ledger_agents.get_intent(:'late');
SELECT ledger_agents.approve_intent(:'late');
SELECT ledger_agents.cancel_intent(:'late');

-- An agent says for itself what it is about to do, and may take it back; the rest is not for it.
SET ledger_agents.clock = '2026-03-02 09:44Z';
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT agent_id = :'agent' AS is_agent FROM ledger_agents.authenticate(:'token');
SELECT client_intent_id, status, agent_id = :'agent' AS own FROM ledger_agents.declare_intent(client_intent_id => 'mine', expected_amount => 6000);
SELECT id AS mine FROM ledger_agents.get_intent(client_intent_id => 'mine') \gset
\set VERBOSITY terse
SELECT ledger_agents.approve_intent(:'mine');
SELECT ledger_agents.reject_intent(:'mine');
SELECT ledger_agents.declare_intent(:'other');
SELECT ledger_agents.get_intent(agent_id => :'other', client_intent_id => 'dinner');
\set VERBOSITY default
SELECT status, canceled_at, canceled_by = 'agent:' || :'agent' AS by_itself FROM ledger_agents.cancel_intent(:'mine');
SELECT client_intent_id, status FROM ledger_agents.list_intents(max_rows => 4);
SELECT status, count(*) FROM ledger_agents.list_intents(max_rows => 100) GROUP BY 1 ORDER BY 1;
COMMIT;
\set ON_ERROR_ROLLBACK off

-- Lists: by where they stand now, newest first, a page at a time.
SELECT client_intent_id, status FROM ledger_agents.list_intents(:'agent', status => 'expired');
SELECT cursor FROM ledger_agents.list_intents(:'agent', max_rows => 2) OFFSET 1 \gset
SELECT client_intent_id, status FROM ledger_agents.list_intents(:'agent', max_rows => 2, after => :'cursor');

-- What is not right is not stored.
\set VERBOSITY terse
SELECT ledger_agents.declare_intent();
SELECT ledger_agents.declare_intent('00000000-0000-7000-8000-000000000000');
SELECT ledger_agents.declare_intent(:'agent', '00000000-0000-7000-8000-000000000000');
SELECT ledger_agents.declare_intent(:'agent', expected_amount => 0);
SELECT ledger_agents.declare_intent(:'agent', expected_merchant => '--- !');
SELECT ledger_agents.declare_intent(:'agent', expected_mccs => '{581}');
SELECT ledger_agents.declare_intent(:'agent', ttl_minutes => 1441);
SELECT ledger_agents.get_intent('00000000-0000-7000-8000-000000000000');
\set VERBOSITY default

-- Attestations: that the agent looked before it spent. The counter remembers the last one.
SELECT summary, expected_amount, expected_merchant, context, created_at
FROM ledger_agents.attest(:'agent', summary => 'Pay the table', expected_amount => 7400, expected_merchant => 'DoorDash', context => '{"page": "checkout"}');
SELECT attested_at FROM ledger_agents.counters WHERE organization_id = 'intent_sql' AND scope_id = :'agent';
SELECT ledger_agents.attest(:'agent');
SELECT summary FROM ledger_agents.list_attestations(:'agent');

-- What others are told, and who did it.
SELECT type, data - '{agentId,intentId,canceledBy}'::text[] AS data FROM ledger_agents.events
WHERE organization_id = 'intent_sql' AND type::text LIKE 'intent.%' AND data ? 'customerIntentId' ORDER BY created_at, type;
SELECT action, old_values, new_values, split_part(principal, ':', 1) AS principal FROM ledger_agents.configuration_changes
WHERE organization_id = 'intent_sql' AND object_type = 'intent' ORDER BY created_at, id;

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
