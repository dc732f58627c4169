--
-- Rules: a template, three levels, a request that is declined and why, a human's yes, and a card.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('rule_sql');
SET ledger_agents.organization = 'rule_sql';

-- A template for errands; the customer and the agent have rules of their own.
SELECT id AS errands FROM ledger_agents.create_policy('errands', '{"limits": {"perAuth": 5000, "perDay": 8000}, "allowedMccs": ["5411", "5812"], "cooldownMinutes": 10}') \gset
SELECT policy FROM ledger_agents.update_customer('acme', '{"policy": {"limits": {"perMonth": 50000}, "blockedMerchants": ["Casino"], "requireApproval": true, "autoApproveBelow": 3000}}');
SELECT id AS agent FROM ledger_agents.register_agent('runner', 'acme', default_policy_id => :'errands',
  policy => '{"activeHoursStart": 8, "activeHoursEnd": 18, "cooldownMinutes": 5}') \gset
-- What is in force, and where it comes from: the agent's cooldown beats its template's, limits and lists all count.
SELECT rule, value, scope, source FROM ledger_agents.effective_policy(:'agent');

-- Small ones pass.
SELECT decision, remaining FROM ledger_agents.authorize(:'agent', 2000, merchant => 'Whole Foods', mcc => '5411');
-- Another one at once, of another kind and too large: every rule that fails is told, and which limits.
SELECT id AS declined, reasons, max_approvable, retry_at FROM ledger_agents.authorize(:'agent', 7000, merchant => 'GRAND CASINO', mcc => '7995') \gset
\echo :reasons
SELECT max_approvable, retry_at FROM ledger_agents.get_authorization(:'declined');
SELECT f ->> 'scope' AS scope, f ->> 'rule' AS rule, f ->> 'limit' AS "limit", f ->> 'spent' AS spent, f ->> 'remaining' AS remaining
  FROM ledger_agents.get_authorization(:'declined') AS a, jsonb_array_elements(a.failed_limits) AS f;
SELECT rule, value, scope, source, actual, passed FROM ledger_agents.explain_authorization(:'declined') WHERE rule NOT IN ('status', 'registered');

-- What only time declines says when it passes: after five minutes; tomorrow, when the hours begin.
SELECT reasons, retry_at FROM ledger_agents.authorize(:'agent', 1000, merchant => 'Whole Foods', mcc => '5411');
SET ledger_agents.clock = '2026-03-02 17:58Z';
SELECT decision FROM ledger_agents.authorize(:'agent', 1000, merchant => 'Whole Foods', mcc => '5411');
SELECT reasons, retry_at FROM ledger_agents.authorize(:'agent', 1000, merchant => 'Whole Foods', mcc => '5411');

-- From 3000 on a human has to say yes. The request waits as an intent; once approved, the agent asks again.
SET ledger_agents.clock = '2026-03-03 09:00Z';
SELECT reasons, max_approvable, linked_intent_id AS intent FROM ledger_agents.authorize(:'agent', 4500, merchant => 'Chez Panisse', mcc => '5812') \gset
\echo :reasons :max_approvable
SELECT expected_amount, expected_merchant, status, parked FROM ledger_agents.list_intents(status => 'pending_approval');
SELECT status, approved_by FROM ledger_agents.approve_intent(:'intent');
SELECT decision, linked_intent_id = :'intent' AS by_the_intent FROM ledger_agents.authorize(:'agent', 4500, merchant => 'CHEZ PANISSE', mcc => '5812', intent_id => :'intent');
SELECT status FROM ledger_agents.get_intent(:'intent');

-- A card for one shop: it lives for a day, keeps to its merchant and is frozen when it strays.
SET ledger_agents.clock = '2026-03-04 09:00Z';
SELECT id AS card FROM ledger_agents.create_card(:'agent', 'Office supplies', 'multi', policy => '{"ttlDays": 1, "merchantHint": "Staples", "onDrift": "freeze", "maxAuthCount": 2, "cooldownMinutes": 1, "allowedMccs": ["5943"]}') \gset
-- It got the agent's template; its own list is used in place of the template's. From now on the agent names its card.
SELECT rule, value, scope, source FROM ledger_agents.effective_policy(:'agent', :'card') WHERE scope = 'card';
SELECT reasons FROM ledger_agents.authorize(:'agent', 1500, merchant => 'Whole Foods', mcc => '5411');
SELECT decision FROM ledger_agents.authorize(:'agent', 1500, merchant => 'STAPLES #114', mcc => '5943', card_id => :'card');
SELECT expires_at, active_now, auth_count, max_auth_count, cools_down_at, first_merchant, merchant_hint, on_drift FROM ledger_agents.card_policy(:'card') \gx
SET ledger_agents.clock = '2026-03-04 09:05Z';
SELECT reasons FROM ledger_agents.authorize(:'agent', 1500, merchant => 'Office Depot', mcc => '5943', card_id => :'card');
SELECT status, status_reason, status_by FROM ledger_agents.get_card(:'card');
SELECT reasons FROM ledger_agents.authorize(:'agent', 1500, merchant => 'STAPLES #114', mcc => '5943', card_id => :'card');
SELECT status FROM ledger_agents.unfreeze_card(:'card');
SET ledger_agents.clock = '2026-03-05 09:00Z';
SELECT reasons FROM ledger_agents.authorize(:'agent', 1500, merchant => 'STAPLES #114', mcc => '5943', card_id => :'card');

SELECT * FROM ledger_agents.check_invariants();
