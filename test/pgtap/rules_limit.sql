-- Is every amount and count of the rules exact, on its own counter, and given back when it should be?
BEGIN;
SELECT no_plan();
\ir include/cases.psql

CREATE TEMP TABLE level (level text, scope text);
INSERT INTO level VALUES ('card', 'card'), ('card template', 'card'), ('agent', 'agent'), ('agent template', 'agent'), ('customer', 'customer');

--
-- The edge at every level: (rule, steps, answer, limits that failed). SCOPE stands for the scope.
--
CREATE TEMP TABLE edge (rule text, steps jsonb, want text, limits text);
INSERT INTO edge VALUES
  ('perAuth', '[{"spend": 100}]', 'approved max 100', NULL),
  ('perAuth', '[{"spend": 100}, {"spend": 100}]', 'approved max 100', NULL),
  ('perAuth', '[{"spend": 101}]', 'SCOPE_limit_exceeded max 100', 'SCOPE perAuth 100 0 100'),
  ('perDay', '[{"spend": 60}, {"spend": 40}]', 'approved max 40', NULL),
  ('perDay', '[{"spend": 60}, {"spend": 41}]', 'SCOPE_limit_exceeded max 40 again 03-03 00:00:00', 'SCOPE perDay 100 60 40 03-02 00:00 03-03 00:00'),
  ('perDay', '[{"spend": 60}, {"spend": 40}, {"spend": 1}]', 'SCOPE_limit_exceeded again 03-03 00:00:00', 'SCOPE perDay 100 100 0 03-02 00:00 03-03 00:00'),
  ('perDay', '[{"spend": 101}]', 'SCOPE_limit_exceeded max 100', 'SCOPE perDay 100 0 100 03-02 00:00 03-03 00:00'),
  ('perDay', '[{"spend": 100}, {"at": "2026-03-02 23:59:59.999999Z", "spend": 1}]', 'SCOPE_limit_exceeded again 03-03 00:00:00', 'SCOPE perDay 100 100 0 03-02 00:00 03-03 00:00'),
  ('perDay', '[{"spend": 100}, {"at": "2026-03-03 00:00Z", "spend": 100}]', 'approved max 100', NULL),
  ('perMonth', '[{"spend": 60}, {"at": "2026-03-31 23:00Z", "spend": 41}]', 'SCOPE_limit_exceeded max 40 again 04-01 00:00:00', 'SCOPE perMonth 100 60 40 03-01 00:00 04-01 00:00'),
  ('perMonth', '[{"spend": 100}, {"at": "2026-04-01 00:00Z", "spend": 100}]', 'approved max 100', NULL),
  ('cumulativeMax', '[{"spend": 60}, {"at": "2027-03-31 23:00Z", "spend": 41}]', 'SCOPE_limit_exceeded max 40', 'SCOPE cumulativeMax 100 60 40'),
  ('cumulativeMax', '[{"spend": 60}, {"spend": 40}]', 'approved max 40', NULL),
  -- What is given back may be spent again, in its window; what has expired, at once.
  ('perDay', '[{"spend": 60}, {"reverse": 10}, {"spend": 50}]', 'approved max 50', NULL),
  ('perDay', '[{"spend": 60}, {"reverse": 10}, {"spend": 51}]', 'SCOPE_limit_exceeded max 50 again 03-03 00:00:00', 'SCOPE perDay 100 50 50 03-02 00:00 03-03 00:00'),
  ('perDay', '[{"spend": 60}, {"at": "2026-03-03 09:00Z", "spend": 100}, {"reverse": 100}, {"spend": 100}]', 'approved max 100', NULL),
  ('perMonth', '[{"spend": 60}, {"at": "2026-03-03 09:00Z"}, {"reverse": null}, {"spend": 100}]', 'approved max 100', NULL),
  ('cumulativeMax', '[{"spend": 100}, {"at": "2026-09-03 09:00Z"}, {"reverse": 30}, {"spend": 31}]', 'SCOPE_limit_exceeded max 30', 'SCOPE cumulativeMax 100 70 30'),
  ('perDay', '[{"spend": 60, "hold": "1 hour"}, {"at": "2026-03-02 09:59:59.999999Z", "spend": 41}]', 'SCOPE_limit_exceeded max 40 again 03-02 10:00:00', 'SCOPE perDay 100 60 40 03-02 00:00 03-03 00:00'),
  ('perDay', '[{"spend": 60, "hold": "1 hour"}, {"at": "2026-03-02 10:00Z", "spend": 100}]', 'approved max 100', NULL),
  ('perMonth', '[{"spend": 60, "hold": "1 hour"}, {"spend": 40, "hold": "2 hours"}, {"at": "2026-03-02 10:00Z", "spend": 61}]', 'SCOPE_limit_exceeded max 60 again 03-02 11:00:00', 'SCOPE perMonth 100 40 60 03-01 00:00 04-01 00:00'),
  ('cumulativeMax', '[{"spend": 60, "hold": "2 days"}, {"spend": 41}]', 'SCOPE_limit_exceeded max 40 again 03-04 09:00:00', 'SCOPE cumulativeMax 100 60 40'),
  ('cumulativeMax', '[{"spend": 60, "hold": "2 days"}, {"spend": 40}, {"spend": 61}]', 'SCOPE_limit_exceeded', 'SCOPE cumulativeMax 100 100 0'),
  ('cumulativeMax', '[{"spend": 60, "hold": "2 days"}, {"at": "2026-03-04 09:00Z", "spend": 100}]', 'approved max 100', NULL),
  ('cumulativeMax', '[{"spend": 60, "hold": "2 days"}, {"reverse": 20}, {"at": "2026-03-04 09:00Z", "spend": 100}]', 'approved max 100', NULL),
  ('maxAuthCount', '[{"spend": 60}, {"spend": 60}]', 'approved', NULL),
  ('maxAuthCount', '[{"spend": 60}, {"spend": 60}, {"spend": 1}]', 'auth_count_exceeded', 'SCOPE maxAuthCount 2 2 0'),
  ('maxAuthCount', '[{"spend": 60}, {"spend": 60}, {"reverse": 59}, {"spend": 1}]', 'auth_count_exceeded', 'SCOPE maxAuthCount 2 2 0'),
  ('maxAuthCount', '[{"spend": 60}, {"spend": 60}, {"reverse": 59}, {"reverse": null}, {"spend": 1}]', 'approved', NULL),
  ('maxAuthCount', '[{"spend": 60}, {"spend": 60, "hold": "1 hour"}, {"spend": 1}]', 'auth_count_exceeded again 03-02 10:00:00', 'SCOPE maxAuthCount 2 2 0'),
  ('maxAuthCount', '[{"spend": 60, "hold": "2 hours"}, {"spend": 60, "hold": "1 hour"}, {"spend": 1}]', 'auth_count_exceeded again 03-02 10:00:00', 'SCOPE maxAuthCount 2 2 0'),
  ('maxAuthCount', '[{"spend": 60, "hold": "2 hours"}, {"spend": 60, "hold": "1 hour"}, {"at": "2026-03-02 10:00Z", "spend": 1}]', 'approved', NULL),
  ('maxAuthCount', '[{"spend": 60, "hold": "2 hours"}, {"spend": 60, "hold": "1 hour"}, {"at": "2026-03-02 10:00Z", "spend": 1}, {"spend": 1}]', 'auth_count_exceeded again 03-02 11:00:00', 'SCOPE maxAuthCount 2 2 0'),
  ('maxAuthCount', '[{"spend": 60, "hold": "2 hours"}, {"spend": 60, "hold": "1 hour"}, {"reverse": null}, {"at": "2026-03-02 10:30Z", "spend": 1}, {"spend": 1}]', 'auth_count_exceeded again 03-02 11:00:00', 'SCOPE maxAuthCount 2 2 0');
CREATE FUNCTION pg_temp.rule(rule text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT CASE WHEN rule LIKE 'per%' THEN jsonb_build_object('limits', jsonb_build_object(rule, 100)) ELSE jsonb_build_object(rule, CASE rule WHEN 'maxAuthCount' THEN 2 ELSE 100 END) END
$$;
SELECT is(pg_temp.answer(jsonb_build_object(level, pg_temp.rule(rule)), steps) || coalesce(': ' || pg_temp.limits(), ''), replace(want || coalesce(': ' || limits, ''), 'SCOPE', scope), format('%s of the %s: %s', rule, level, steps))
  FROM edge, level;
-- The same where the rule is set behind what was spent: history counts.
SELECT is(pg_temp.answer(CASE level WHEN 'card' THEN '{"card": {}}' ELSE '{}' END::jsonb, jsonb_insert(steps, '{-1}', jsonb_build_object(level, pg_temp.rule(rule)))) || coalesce(': ' || pg_temp.limits(), ''),
          replace(want || coalesce(': ' || limits, ''), 'SCOPE', scope), format('first %s of the %s, set before the last step: %s', rule, level, steps))
  FROM edge, level WHERE level IN ('card', 'agent', 'customer');

--
-- Each level on its own counter.
--
SELECT is(pg_temp.answer(setup, steps) || coalesce(': ' || pg_temp.limits(), ''), want, format('%s %s', setup, steps)) FROM (VALUES
  ('{"card": {"limits": {"perDay": 100}, "requireCard": false}, "agent": {"requireCard": false}}'::jsonb, '[{"spend": 60}, {"spend": 60, "card": false}, {"spend": 40}]'::jsonb, 'approved max 40'),
  ('{"card": {"limits": {"perDay": 100}}}', '[{"spend": 60}, {"another card": true}, {"spend": 100}]', 'approved'),
  ('{"card": {"maxAuthCount": 1}}', '[{"spend": 60}, {"another card": true}, {"card": {"maxAuthCount": 1}}, {"spend": 100}]', 'approved'),
  ('{"agent": {"limits": {"perDay": 100}}, "card": {}}', '[{"spend": 60}, {"another card": true}, {"spend": 41}]', 'agent_limit_exceeded max 40 again 03-03 00:00:00: agent perDay 100 60 40 03-02 00:00 03-03 00:00'),
  ('{"agent": {"limits": {"perDay": 100}, "requireCard": false}, "card": {}}', '[{"spend": 60}, {"spend": 41, "card": false}]', 'agent_limit_exceeded max 40 again 03-03 00:00:00: agent perDay 100 60 40 03-02 00:00 03-03 00:00'),
  ('{"agent": {"maxAuthCount": 2}, "card": {}}', '[{"spend": 60}, {"another card": true}, {"spend": 1}, {"spend": 1}]', 'auth_count_exceeded: agent maxAuthCount 2 2 0'),
  ('{"agent": {"cumulativeMax": 100}}', '[{"spend": 60}, {"another agent": "b"}, {"agent": {"cumulativeMax": 100}}, {"spend": 100}]', 'approved max 100'),
  ('{"customer": {"limits": {"perDay": 100}}}', '[{"spend": 60}, {"another agent": "b"}, {"spend": 41}]', 'customer_limit_exceeded max 40 again 03-03 00:00:00: customer perDay 100 60 40 03-02 00:00 03-03 00:00'),
  ('{}', '[{"spend": 60}, {"another agent": "b"}, {"spend": 10}, {"customer": {"limits": {"perDay": 100}}}, {"spend": 31}]', 'customer_limit_exceeded max 30 again 03-03 00:00:00: customer perDay 100 70 30 03-02 00:00 03-03 00:00'),
  ('{}', '[{"spend": 60}, {"another agent": "b"}, {"spend": 10}, {"reverse": null}, {"customer": {"maxAuthCount": 2, "cumulativeMax": 100}}, {"spend": 40}]', 'approved max 40'),
  ('{"customer": {"maxAuthCount": 2}}', '[{"spend": 60}, {"another agent": "b"}, {"spend": 10}, {"spend": 1}]', 'auth_count_exceeded: customer maxAuthCount 2 2 0'),
  -- Several that fail, from the narrowest scope on.
  ('{"card": {"limits": {"perAuth": 50, "perDay": 80}}, "agent": {"cumulativeMax": 80}, "customer": {"limits": {"perMonth": 80}}, "organization row": {"spending_limit": 80}}', '[{"spend": 30}, {"spend": 51}]',
   'card_limit_exceeded,agent_limit_exceeded,customer_limit_exceeded,organization_limit_exceeded max 50: card perAuth 50 0 50, card perDay 80 30 50 03-02 00:00 03-03 00:00, agent cumulativeMax 80 30 50, '
   || 'customer perMonth 80 30 50 03-01 00:00 04-01 00:00, organization spendingLimit 80 30 50 03-01 00:00 04-01 00:00'),
  ('{"card": {"limits": {"perDay": 80}}, "card row": {"max_amount": 100, "spending_limit": 90, "spending_limit_frequency": "perWeek"}}', '[{"spend": 30}, {"spend": 61}]',
   'card_limit_exceeded max 50 again 03-09 00:00:00: card spendingLimit 90 30 60 03-02 00:00 03-09 00:00, card perDay 80 30 50 03-02 00:00 03-03 00:00'),
  ('{"card row": {"max_amount": 100}}', '[{"spend": 101}]', 'card_limit_exceeded max 100: card maxAmount 100 0 100'),
  ('{"card row": {"max_amount": 100}}', '[{"spend": 100}]', 'approved max 100'),
  ('{"agent": {"limits": {"perDay": 80}, "maxAuthCount": 1}}', '[{"spend": 30, "hold": "1 hour"}, {"spend": 81}]', 'auth_count_exceeded,agent_limit_exceeded: agent perDay 80 30 50 03-02 00:00 03-03 00:00, agent maxAuthCount 1 1 0'),
  ('{"agent": {"limits": {"perDay": 80}, "maxAuthCount": 1}}', '[{"spend": 30, "hold": "1 hour"}, {"spend": 51}]',
   'auth_count_exceeded,agent_limit_exceeded again 03-02 10:00:00: agent perDay 80 30 50 03-02 00:00 03-03 00:00, agent maxAuthCount 1 1 0'),
  -- A count that was cut below what was used: so many holds must expire.
  ('{}', '[{"spend": 1, "hold": "3 hours"}, {"spend": 1, "hold": "1 hour"}, {"spend": 1, "hold": "2 hours"}, {"agent": {"maxAuthCount": 1}}, {"spend": 1}]', 'auth_count_exceeded again 03-02 12:00:00: agent maxAuthCount 1 3 0'),
  ('{}', '[{"spend": 1, "hold": "3 hours"}, {"spend": 1, "hold": "1 hour"}, {"spend": 1}, {"agent": {"maxAuthCount": 2}}, {"spend": 1}]', 'auth_count_exceeded again 03-02 12:00:00: agent maxAuthCount 2 3 0'),
  -- A rolling limit beside a calendar rule.
  ('{"agent row": {"spending_limit": 100, "spending_limit_frequency": "per24HourPeriod"}, "agent": {"limits": {"perDay": 90}}}', '[{"spend": 80}, {"at": "2026-03-02 20:00Z", "spend": 30}]',
   'agent_limit_exceeded max 10 again 03-03 09:00:00: agent spendingLimit 100 80 20 03-01 20:00 03-03 09:00, agent perDay 90 80 10 03-02 00:00 03-03 00:00'),
  ('{"card row": {"spending_limit": 100, "spending_limit_frequency": "per24HourPeriod"}}', '[{"spend": 80}, {"another card": true}, {"spend": 80}]', 'approved'),
  ('{"card row": {"spending_limit": 100, "spending_limit_frequency": "per24HourPeriod"}}', '[{"spend": 80}, {"at": "2026-03-03 08:59:59.999999Z", "spend": 21}]', 'card_limit_exceeded max 20 again 03-03 09:00:00: card spendingLimit 100 80 20 03-02 09:00 03-03 09:00'),
  -- The days and months are the organization's.
  ('{"zone": "America/New_York", "agent": {"limits": {"perDay": 100}}}', '[{"at": "2026-03-08 04:59Z", "spend": 100}, {"at": "2026-03-08 05:00Z", "spend": 60}, {"at": "2026-03-09 03:59Z", "spend": 41}]',
   'agent_limit_exceeded max 40 again 03-09 04:00:00: agent perDay 100 60 40 03-08 05:00 03-09 04:00'),
  -- The agent's own limit that notifies lets pass; its rules decline.
  ('{"agent row": {"spending_limit": 50, "on_limit_exceeded": "notify"}}', '[{"spend": 60}]', 'approved'),
  ('{"agent row": {"spending_limit": 50, "on_limit_exceeded": "none"}, "agent": {"limits": {"perDay": 70}}}', '[{"spend": 60}, {"spend": 11}]', 'agent_limit_exceeded max 10 again 03-03 00:00:00: agent perDay 70 60 10 03-02 00:00 03-03 00:00'),
  ('{"agent row": {"spending_limit": 50, "on_limit_exceeded": "suspend"}}', '[{"spend": 60}]', 'agent_limit_exceeded max 50: agent spendingLimit 50 0 50 03-01 00:00 04-01 00:00'),
  -- Declines count nowhere.
  ('{"agent": {"limits": {"perDay": 100}, "maxAuthCount": 2}}', '[{"spend": 101, "declined": true}, {"spend": 60}, {"spend": 60, "declined": true}, {"spend": 40}]', 'approved max 40'),
  -- A single card: a reversal in full gives it back, one in part does not, nor does expiry.
  ('{"card type": "single"}', '[{"spend": 60}, {"reverse": null}, {"spend": 1}]', 'approved'),
  ('{"card type": "single"}', '[{"spend": 60}, {"reverse": 59}, {"spend": 1}]', 'card_consumed'),
  ('{"card type": "single"}', '[{"spend": 60}, {"reverse": 59}, {"reverse": 1}, {"spend": 1}]', 'approved'),
  ('{"card type": "single"}', '[{"spend": 60, "hold": "1 hour"}, {"at": "2026-03-02 12:00Z", "spend": 1}]', 'card_consumed'),
  ('{"card type": "single", "agent": {"limits": {"perAuth": 50}}}', '[{"spend": 60, "declined": true}, {"spend": 50}]', 'approved max 50')
) AS v (setup, steps, want);

-- The largest amount.
SELECT is(pg_temp.answer('{"agent": {"limits": {"perDay": 9223372036854775807}}}', '[{"spend": 9223372036854775807}]'), 'approved', 'all there is');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
