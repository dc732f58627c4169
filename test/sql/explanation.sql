--
-- Explanations: which rules are in force, where they come from, and how a request stands against them.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('explanation_sql');
SET ledger_agents.organization = 'explanation_sql';

-- One agent with a rule of every kind: of its customer, of its own, of a card and of the card's template.
SELECT policy FROM ledger_agents.update_customer('acme', '{"policy": {"blockedMccs": ["7995"], "limits": {"perAuth": 10000}, "cooldownMinutes": 60}}');
SELECT id AS agent FROM ledger_agents.register_agent('buyer', 'acme', spending_limit => 50000,
  policy => '{"cooldownMinutes": 5, "blockedMccs": ["6011"], "activeTimezone": "Europe/Berlin"}') \gset
SELECT id AS template FROM ledger_agents.create_policy('office', '{"limits": {"perAuth": 3000, "perDay": 4000}, "activeDays": [1, 2, 3, 4, 5], "ttlDays": 30}') \gset
SELECT id AS card FROM ledger_agents.create_card(:'agent', 'Pens', 'multi', max_amount => 2500, policy_id => :'template',
  policy => '{"limits": {"perAuth": 2000}, "allowedMerchants": ["Staples"], "maxAuthCount": 3}') \gset

-- Of a behavior the lowest level that sets it; lists and limits of every level; of one level the inline rule before the template's.
CREATE TEMP VIEW ids AS SELECT * FROM (VALUES (:'agent', 'the agent'), (:'card', 'the card'), (:'template', 'the template')) AS v (id, name);
SELECT rule, value, scope, source, coalesce(name, source_id) AS source_of FROM ledger_agents.effective_policy(:'agent', :'card') LEFT JOIN ids ON id = source_id;
-- Without the card.
SELECT rule, value, scope, source FROM ledger_agents.effective_policy(:'agent');

-- A request that passes, and one that fails in many ways: every check that is made, in order.
SELECT rule, value, scope, source, coalesce(name, source_id) AS source_of, reason, actual, passed, passed_then
  FROM ledger_agents.explain_authorization(agent_id => :'agent', card_id => :'card', amount => 2000, merchant => 'STAPLES #12', mcc => '5943') LEFT JOIN ids ON id = source_id;
SELECT id AS bad FROM ledger_agents.authorize(:'agent', 2501, merchant => 'Lucky Star', mcc => '7995', card_id => :'card') \gset
SELECT rule, scope, reason, actual, passed, passed_then FROM ledger_agents.explain_authorization(:'bad') WHERE NOT passed;

-- Judged now, and at another instant; what was said then stays.
SELECT policy FROM ledger_agents.update_customer('acme', '{"policy": null}');
SELECT rule, scope, passed, passed_then FROM ledger_agents.explain_authorization(:'bad') WHERE reason IN ('mcc_blocked', 'outside_active_hours');
SELECT rule, scope, actual, passed, passed_then FROM ledger_agents.explain_authorization(:'bad', as_of => '2026-03-07 12:00Z') WHERE reason = 'outside_active_hours';

-- Checks that no rule asks for come from the agent itself: it has a card, an intent is named or pending.
SELECT id AS plain FROM ledger_agents.register_agent('plain', 'acme') \gset
SELECT id AS intent FROM ledger_agents.declare_intent(:'plain', expected_amount => 100) \gset
SELECT id IS NOT NULL AS made FROM ledger_agents.create_card(:'plain');
SELECT rule, value, scope, source, reason, passed FROM ledger_agents.explain_authorization(agent_id => :'plain', amount => 100, intent_id => :'intent') OFFSET 4;

-- Kill switches do not end it.
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "suspended"}');
SELECT count(*) AS checks, count(*) FILTER (WHERE NOT passed) AS failed FROM ledger_agents.explain_authorization(:'bad');

-- How the card stands.
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "active"}');
SELECT decision FROM ledger_agents.authorize(:'agent', 1500, merchant => 'STAPLES #12', mcc => '5943', card_id => :'card');
\x on
SELECT status, expires_at, active_now, next_active_at, max_amount, spending_limit, current_spend, remaining, cumulative_max, total_spent, max_auth_count, auth_count,
       consumed, cools_down_at, attestation, attested_at, merchant_locked, first_merchant, merchant_hint, on_drift
  FROM ledger_agents.card_policy(:'card');
\x off

-- Nothing was written by any of it, and nobody else's is explained.
SELECT count(*) FROM ledger_agents.list_authorizations(:'agent');
SELECT ledger_agents.explain_authorization('00000000-0000-7000-8000-000000000000');
SELECT ledger_agents.effective_policy('00000000-0000-7000-8000-000000000000');
SELECT ledger_agents.card_policy('00000000-0000-7000-8000-000000000000');

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
DROP VIEW ids;
