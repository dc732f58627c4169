--
-- Policies: rules are stored whole, checked when written, and judged by every decision from then on.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('policy_sql');
SET ledger_agents.organization = 'policy_sql';

-- Rules are stored as they were given.
SELECT id AS agent, policy FROM ledger_agents.register_agent('buyer', 'acme',
  policy => '{"limits": {"perAuth": 2500, "perDay": 10000}, "allowedMccs": ["5812", "0742"], "activeHoursStart": 22, "activeHoursEnd": 6}') \gset
SELECT jsonb_pretty(policy) FROM ledger_agents.get_agent(:'agent');

-- Every rule that fails is a reason. What the request does not say fails.
SELECT decision, reasons FROM ledger_agents.authorize(:'agent', 2501);
SELECT decision, reasons, retry_at FROM ledger_agents.evaluate(:'agent', 2500, mcc => '0742');
SELECT ledger_agents.authorize_or_raise(:'agent', 1, mcc => '742');
SELECT ledger_agents.authorize_or_raise(:'agent', 1, mcc => '7420');
SELECT decision, reasons FROM ledger_agents.list_authorizations(:'agent');

-- Replaced as a whole; without rules nothing is asked.
SELECT policy FROM ledger_agents.update_agent(:'agent', '{"policy": {"cooldownMinutes": 5}}');
SELECT decision, reasons FROM ledger_agents.authorize(:'agent', 1);
SELECT decision, reasons, retry_at FROM ledger_agents.authorize(:'agent', 1);
SELECT policy FROM ledger_agents.update_agent(:'agent', '{"policy": {}}');
SELECT decision FROM ledger_agents.authorize(:'agent', 1);
SELECT policy FROM ledger_agents.update_agent(:'agent', '{"policy": null}');
SELECT decision FROM ledger_agents.authorize(:'agent', 1);

-- The same on a customer, for all its agents.
SELECT policy FROM ledger_agents.update_customer('acme', '{"policy": {"blockedMccs": ["7995"]}}');
SELECT decision, reasons FROM ledger_agents.authorize(:'agent', 1);
SELECT policy FROM ledger_agents.update_customer('acme', '{"policy": null}');
SELECT decision FROM ledger_agents.authorize(:'agent', 1);

-- Two rules have a short way to them. They are the same stored values.
SELECT default_require_approval, default_auto_approve_below, policy
  FROM ledger_agents.update_agent(:'agent', '{"default_require_approval": true, "default_auto_approve_below": 5000}');
SELECT decision, reasons FROM ledger_agents.authorize(:'agent', 1);
SELECT default_require_approval, default_auto_approve_below, policy
  FROM ledger_agents.update_agent(:'agent', '{"policy": {"requireApproval": true, "autoApproveBelow": 700, "requireIntent": false}}');
SELECT default_require_approval, default_auto_approve_below, policy
  FROM ledger_agents.update_agent(:'agent', '{"default_auto_approve_below": null}');

-- What contradicts itself is refused when it is written, and the rule is named.
SELECT ledger_agents.update_agent(:'agent', '{"policy": {"limits": {"perAuth": 101, "perDay": 100}}}');
SELECT ledger_agents.update_agent(:'agent', '{"policy": {"allowedMccs": ["5411", "7995"], "blockedMccs": ["7995"]}}');
SELECT ledger_agents.update_agent(:'agent', '{"policy": {"requireApproval": false, "autoApproveBelow": 5000}}');
SELECT ledger_agents.update_agent(:'agent', '{"policy": {"activeHoursStart": 9}}');
SELECT ledger_agents.update_agent(:'agent', '{"policy": {"activeHoursStart": 9, "activeHoursEnd": 9}}');
SELECT ledger_agents.update_agent(:'agent', '{"policy": {"allowedMccs": [5411]}}');
SELECT ledger_agents.update_agent(:'agent', '{"policy": {"activeTimezone": "UTC+3"}}');
SELECT ledger_agents.update_agent(:'agent', '{"policy": {"attestationWindowMinutes": 123}}');
SELECT ledger_agents.update_agent(:'agent', '{"policy": {"perDay": 100}}');
SELECT ledger_agents.update_customer('acme', '{"policy": {"cooldownMinutes": null}}');
SELECT ledger_agents.register_agent('other', 'acme', policy => '[]');
SELECT ledger_agents.update_agent(:'agent', '{"default_require_approval": false, "default_auto_approve_below": 1}');
SELECT policy FROM ledger_agents.get_agent(:'agent');
SELECT policy FROM ledger_agents.get_customer('acme');

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
