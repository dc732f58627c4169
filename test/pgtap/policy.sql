-- Is every rule checked when it is written, and in force when it is stored?
BEGIN;
SELECT no_plan();
SET LOCAL ledger_agents.clock = '2026-03-02 09:00Z';

-- SQLSTATE, stable name and field of the error that a statement raises; null if it raises none.
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  name text;
  field text;
BEGIN
  EXECUTE statement;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME, field = COLUMN_NAME;
  RETURN concat_ws(' ', SQLSTATE, name, nullif(field, ''));
END
$$;

CREATE TEMP TABLE agent AS SELECT id FROM ledger_agents.register_agent('buyer', 'acme');

-- Rules that may be: (rules, why).
CREATE TEMP TABLE good (rules jsonb, why text);
INSERT INTO good VALUES
  ('{"requireIntent": false}', 'a rule that asks for nothing is a rule'),
  ('{"requireAttestation": true}', ''),
  ('{"requireApproval": true}', ''),
  ('{"requireApproval": true, "autoApproveBelow": 5000}', ''),
  ('{"autoApproveBelow": 0}', 'another level may require approval'),
  ('{"requireCard": false}', ''),
  ('{"attestationWindowMinutes": 1}', 'least'),
  ('{"attestationWindowMinutes": 60}', 'most'),
  ('{"cooldownMinutes": 1}', ''),
  ('{"ttlMinutes": 60}', ''),
  ('{"ttlDays": 30, "onExpiry": "freeze"}', ''),
  ('{"onExpiry": "close"}', ''),
  ('{"limits": {"perAuth": 100}}', ''),
  ('{"limits": {"perDay": 0}}', 'nothing a day'),
  ('{"limits": {"perAuth": 100, "perDay": 100, "perMonth": 100}}', 'equal is no contradiction'),
  ('{"limits": {"perMonth": 9223372036854775807}}', 'the largest amount'),
  ('{"cumulativeMax": 100}', ''),
  ('{"maxAuthCount": 1}', ''),
  ('{"allowedMccs": ["5411", "5412", "5499"]}', ''),
  ('{"allowedMccs": []}', 'nothing is allowed'),
  ('{"blockedMccs": ["0742"]}', 'a leading zero'),
  ('{"allowedMccs": ["5411"], "blockedMccs": ["5412"]}', 'different codes'),
  ('{"allowedMerchants": ["DoorDash"]}', ''),
  ('{"blockedMerchants": ["Bäckerei Süß"]}', ''),
  ('{"allowedCountries": ["US", "DE"]}', ''),
  ('{"blockedCountries": ["KP"]}', ''),
  ('{"lockToFirstMerchant": true}', ''),
  ('{"merchantHint": "DoorDash", "onDrift": "alert"}', ''),
  ('{"onDrift": "freeze"}', ''),
  ('{"intentTolerance": 0}', 'least'),
  ('{"intentTolerance": 0.1}', 'a fraction'),
  ('{"intentTolerance": 1}', 'most'),
  ('{"onIntentMismatch": "decline"}', ''),
  ('{"activeHoursStart": 0, "activeHoursEnd": 23}', ''),
  ('{"activeHoursStart": 22, "activeHoursEnd": 6}', 'over midnight'),
  ('{"activeTimezone": "Europe/Berlin"}', ''),
  ('{"activeDays": [0, 6]}', ''),
  ('{"activeDays": [3], "blockedMccs": ["7995"], "limits": {"perDay": 5}, "requireIntent": true}', 'several');

-- Stored and given back as they are, wherever they are written.
SELECT is(u.policy, g.rules, format('agent: %s is stored %s', g.rules, g.why))
  FROM good AS g, agent AS a, ledger_agents.update_agent(a.id, jsonb_build_object('policy', g.rules)) AS u;
SELECT is(u.policy, g.rules, format('customer: %s is stored %s', g.rules, g.why))
  FROM good AS g, ledger_agents.update_customer('acme', jsonb_build_object('policy', g.rules)) AS u;
CREATE TEMP TABLE card AS SELECT c.id FROM agent AS a, ledger_agents.create_card(a.id, 'errands', 'multi') AS c;
SELECT is(u.policy, g.rules, format('card: %s is stored %s', g.rules, g.why))
  FROM good AS g, card AS c, ledger_agents.update_card(c.id, jsonb_build_object('policy', g.rules)) AS u;
CREATE TEMP TABLE template AS SELECT p.id FROM ledger_agents.create_policy('errands', '{}') AS p;
SELECT is(u.rules, g.rules, format('template: %s is stored %s', g.rules, g.why))
  FROM good AS g, template AS t, ledger_agents.update_policy(t.id, jsonb_build_object('rules', g.rules)) AS u;

-- A rule that is stored is in force, the least of them, too: (level, source) of the row that effective_policy() has of it.
CREATE FUNCTION pg_temp.in_force(level text, rules jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  agent uuid := (SELECT id FROM agent);
  card uuid := (SELECT id FROM card);
BEGIN
  PERFORM ledger_agents.update_customer('acme', jsonb_build_object('policy', CASE level WHEN 'customer' THEN rules END));
  PERFORM ledger_agents.update_agent(agent, jsonb_build_object('policy', CASE level WHEN 'agent' THEN rules END));
  PERFORM ledger_agents.update_card(card, jsonb_build_object('policy', CASE level WHEN 'card' THEN rules END, 'policy_id', CASE level WHEN 'template' THEN (SELECT id FROM template) END));
  PERFORM ledger_agents.update_policy((SELECT id FROM template), jsonb_build_object('rules', rules));
  RETURN (SELECT string_agg(concat_ws(' ', e.rule, e.value, e.scope, e.source), ', ' ORDER BY e.rule COLLATE "C") FROM ledger_agents.effective_policy(agent, card) AS e);
END
$$;
SELECT is(pg_temp.in_force(level, g.rules),
          (SELECT string_agg(concat_ws(' ', r.key, CASE r.key WHEN 'blockedMerchants' THEN '["bäckerei süß"]' WHEN 'allowedMerchants' THEN '["doordash"]' WHEN 'merchantHint' THEN '"doordash"' ELSE r.value::text END,
                                               CASE level WHEN 'template' THEN 'card template' ELSE level || ' inline' END), ', ' ORDER BY r.key COLLATE "C")
             FROM (SELECT * FROM jsonb_each(g.rules - 'limits') UNION ALL SELECT * FROM jsonb_each(g.rules -> 'limits')) AS r),
          format('%s of the %s is in force', g.rules, level))
  FROM good AS g, unnest('{customer,agent,card,template}'::text[]) AS level;
SELECT is(pg_temp.in_force(level, rules), NULL, format('%s of the %s is no rule', rules, level))
  FROM unnest('{customer,agent,card,template}'::text[]) AS level, (VALUES ('{}'::jsonb), ('{"limits": {}}')) AS v (rules);

SELECT is(pg_temp.error_of($$SELECT ledger_agents.register_agent('x', 'other', default_policy_id => '00000000-0000-7000-8000-000000000002')$$) ~ '^P0002 unknown_policy',
          true, 'an unknown template');

-- Rules that may not be: (rules, name of the error, field, why).
CREATE TEMP TABLE bad (rules jsonb, name text, field text, why text);
INSERT INTO bad VALUES
  ('[]', 'invalid_policy', '', 'no object'),
  ('{"foo": 1}', 'invalid_policy', '.foo', 'no such rule'),
  ('{"perDay": 1}', 'invalid_policy', '.perDay', 'a limit outside of limits'),
  ('{"limits": {"requireIntent": true}}', 'invalid_policy', '.limits.requireIntent', 'a rule inside of limits'),
  ('{"limits": []}', 'invalid_policy', '.limits', ''),
  ('{"limits": null}', 'invalid_policy', '.limits', ''),
  ('{"requireIntent": null}', 'invalid_policy', '.requireIntent', 'null is no value of a rule'),
  ('{"requireIntent": "yes"}', 'invalid_policy', '.requireIntent', ''),
  ('{"requireApproval": 1}', 'invalid_policy', '.requireApproval', ''),
  ('{"autoApproveBelow": -1}', 'invalid_policy', '.autoApproveBelow', ''),
  ('{"autoApproveBelow": 0.5}', 'invalid_policy', '.autoApproveBelow', 'half a cent'),
  ('{"autoApproveBelow": 9223372036854775808}', 'invalid_policy', '.autoApproveBelow', 'beyond bigint'),
  ('{"autoApproveBelow": 1e400}', 'invalid_policy', '.autoApproveBelow', 'far beyond bigint'),
  ('{"autoApproveBelow": "NaN"}', 'invalid_policy', '.autoApproveBelow', ''),
  ('{"attestationWindowMinutes": 0}', 'invalid_policy', '.attestationWindowMinutes', ''),
  ('{"attestationWindowMinutes": 61}', 'invalid_policy', '.attestationWindowMinutes', ''),
  ('{"cooldownMinutes": -1}', 'invalid_policy', '.cooldownMinutes', ''),
  ('{"ttlMinutes": 0}', 'invalid_policy', '.ttlMinutes', ''),
  ('{"ttlDays": 1.5}', 'invalid_policy', '.ttlDays', ''),
  ('{"onExpiry": "delete"}', 'invalid_policy', '.onExpiry', ''),
  ('{"limits": {"perAuth": "100"}}', 'invalid_policy', '.limits.perAuth', ''),
  ('{"limits": {"perDay": -1}}', 'invalid_policy', '.limits.perDay', ''),
  ('{"limits": {"perAuth": 101, "perDay": 100}}', 'invalid_policy', '.limits.perAuth', 'more at once than a day'),
  ('{"limits": {"perAuth": 101, "perMonth": 100}}', 'invalid_policy', '.limits.perAuth', 'more at once than a month'),
  ('{"limits": {"perDay": 101, "perMonth": 100}}', 'invalid_policy', '.limits.perDay', 'more a day than a month'),
  ('{"cumulativeMax": true}', 'invalid_policy', '.cumulativeMax', ''),
  ('{"maxAuthCount": -1}', 'invalid_policy', '.maxAuthCount', ''),
  ('{"allowedMccs": "5411"}', 'invalid_policy', '.allowedMccs', 'no list'),
  ('{"allowedMccs": {"a": "5411"}}', 'invalid_policy', '.allowedMccs', 'no list'),
  ('{"allowedMccs": ["541"]}', 'invalid_policy', '.allowedMccs', 'three digits'),
  ('{"allowedMccs": ["54110"]}', 'invalid_policy', '.allowedMccs', 'five digits'),
  ('{"blockedMccs": ["54a1"]}', 'invalid_policy', '.blockedMccs', 'a letter'),
  ('{"blockedMccs": [5411]}', 'invalid_policy', '.blockedMccs', 'a number'),
  ('{"blockedMccs": [null]}', 'invalid_policy', '.blockedMccs', ''),
  ('{"allowedMccs": ["5411", "5412"], "blockedMccs": ["7995", "5412"]}', 'invalid_policy', '.blockedMccs', 'allowed and blocked'),
  ('{"allowedMerchants": [""]}', 'invalid_policy', '.allowedMerchants', 'nothing would begin every name'),
  ('{"blockedMerchants": ["..."]}', 'invalid_policy', '.blockedMerchants', 'nothing is left of it'),
  ('{"allowedMerchants": ["Uber"], "blockedMerchants": ["Uber"]}', 'invalid_policy', '.blockedMerchants', 'allowed and blocked'),
  ('{"allowedCountries": ["USA"]}', 'invalid_policy', '.allowedCountries', 'alpha-3'),
  ('{"allowedCountries": ["DE"], "blockedCountries": ["DE"]}', 'invalid_policy', '.blockedCountries', 'allowed and blocked'),
  ('{"lockToFirstMerchant": 0}', 'invalid_policy', '.lockToFirstMerchant', ''),
  ('{"merchantHint": 5}', 'invalid_policy', '.merchantHint', ''),
  ('{"onDrift": "block"}', 'invalid_policy', '.onDrift', ''),
  ('{"intentTolerance": 1.01}', 'invalid_policy', '.intentTolerance', ''),
  ('{"intentTolerance": -0.01}', 'invalid_policy', '.intentTolerance', ''),
  ('{"onIntentMismatch": "freeze"}', 'invalid_policy', '.onIntentMismatch', ''),
  ('{"requireApproval": false, "autoApproveBelow": 5000}', 'invalid_policy', '.autoApproveBelow', 'nothing to approve'),
  ('{"activeHoursStart": 24, "activeHoursEnd": 5}', 'invalid_policy', '.activeHoursStart', ''),
  ('{"activeHoursStart": 9}', 'invalid_policy', '.activeHoursStart', 'one hour only'),
  ('{"activeHoursEnd": 9}', 'invalid_policy', '.activeHoursEnd', 'one hour only'),
  ('{"activeHoursStart": 9, "activeHoursEnd": 9}', 'invalid_policy', '.activeHoursEnd', 'equal hours'),
  ('{"activeTimezone": "Mars/Olympus_Mons"}', 'invalid_timezone', '.activeTimezone', ''),
  ('{"activeTimezone": "UTC+3"}', 'invalid_timezone', '.activeTimezone', 'POSIX'),
  ('{"activeTimezone": 3}', 'invalid_policy', '.activeTimezone', ''),
  ('{"activeDays": [7]}', 'invalid_policy', '.activeDays', ''),
  ('{"activeDays": []}', 'invalid_policy', '.activeDays', 'never active'),
  ('{"activeDays": [1, 1]}', 'invalid_policy', '.activeDays', 'twice the same'),
  (jsonb_build_object('allowedMccs', (SELECT jsonb_agg(lpad(n::text, 4, '0')) FROM generate_series(0, 1000) AS n)), 'invalid_policy', '.allowedMccs', '1001 entries'),
  (jsonb_build_object('blockedMerchants', (SELECT jsonb_agg(repeat('m', 250) || n) FROM generate_series(1, 400) AS n)), 'invalid_policy', '', 'more than 64 kB'),
  (jsonb_build_object('merchantHint', repeat('m', 256)), 'invalid_policy', '.merchantHint', '256 characters');

SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_agent(%L, %L)', a.id, jsonb_build_object('policy', b.rules))),
          format('22023 %s policy%s', b.name, b.field), format('agent: %s is refused, %s', left(b.rules::text, 80), b.why))
  FROM bad AS b, agent AS a;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_customer(%L, %L)', 'acme', jsonb_build_object('policy', b.rules))),
          format('22023 %s policy%s', b.name, b.field), format('customer: %s is refused, %s', left(b.rules::text, 80), b.why))
  FROM bad AS b;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_card(%L, %L)', c.id, jsonb_build_object('policy', b.rules))),
          format('22023 %s policy%s', b.name, b.field), format('card: %s is refused, %s', left(b.rules::text, 80), b.why))
  FROM bad AS b, card AS c;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_policy(%L, %L)', t.id, jsonb_build_object('rules', b.rules))),
          format('22023 %s rules%s', b.name, b.field), format('template: %s is refused, %s', left(b.rules::text, 80), b.why))
  FROM bad AS b, template AS t;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.register_agent(%L, %L, policy => %L)', 'new', 'new', b.rules)),
          format('22023 %s policy%s', b.name, b.field), format('new agent: %s is refused, %s', left(b.rules::text, 80), b.why))
  FROM bad AS b;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_agent(%L, %L)', a.id, changes)), want, format('%s is refused', changes))
  FROM agent AS a, (VALUES
    ('{"policy": "strict"}', '22023 invalid_type policy'),
    ('{"policy": 1}', '22023 invalid_type policy'),
    ('{"default_require_approval": 1}', '22023 invalid_type default_require_approval'),
    ('{"default_auto_approve_below": -1}', '22023 out_of_range default_auto_approve_below'),
    ('{"default_auto_approve_below": "1"}', '22023 invalid_type default_auto_approve_below'),
    ('{"default_require_approval": false, "default_auto_approve_below": 1}', '22023 invalid_policy policy.autoApproveBelow')
  ) AS v (changes, want);
SELECT is((SELECT count(*) FROM ledger_agents.agents), 1::bigint, 'no agent was made by a refused registration');

-- The two defaults are the rules of the inline policy: (changes, default_require_approval, default_auto_approve_below, policy).
SELECT is(jsonb_build_array(u.default_require_approval, u.default_auto_approve_below, u.policy), v.want, format('step %s: %s', step, changes))
  FROM agent AS a, LATERAL (VALUES
    (1, '{"policy": null}', '[null, null, null]'::jsonb),
    (2, '{"default_require_approval": true}', '[true, null, {"requireApproval": true}]'),
    (3, '{"default_auto_approve_below": 5000}', '[true, 5000, {"requireApproval": true, "autoApproveBelow": 5000}]'),
    (4, '{"policy": {"requireApproval": true, "autoApproveBelow": 7, "requireCard": false}}',
        '[true, 7, {"requireApproval": true, "autoApproveBelow": 7, "requireCard": false}]'),
    (5, '{"default_auto_approve_below": null}', '[true, null, {"requireApproval": true, "requireCard": false}]'),
    (6, '{"default_require_approval": false}', '[false, null, {"requireApproval": false, "requireCard": false}]'),
    (7, '{"policy": {"cooldownMinutes": 1}, "default_require_approval": true}', '[true, null, {"requireApproval": true, "cooldownMinutes": 1}]'),
    (8, '{"policy": {"cooldownMinutes": 1}}', '[null, null, {"cooldownMinutes": 1}]')
  ) AS v (step, changes, want), LATERAL ledger_agents.update_agent(a.id, v.changes::jsonb) AS u
 ORDER BY step;
SELECT is(jsonb_build_array(r.default_require_approval, r.default_auto_approve_below, r.policy),
          '[true, 100, {"requireApproval": true, "autoApproveBelow": 100, "onExpiry": "freeze"}]'::jsonb, 'also at registration')
  FROM ledger_agents.register_agent('defaults', 'acme', policy => '{"onExpiry": "freeze"}', default_require_approval => true, default_auto_approve_below => 100) AS r;
SELECT is(r.differs, v.want, 'a later registration says what differs')
  FROM (VALUES (true, 100, '{}'::text[]), (true, 101, '{default_auto_approve_below}'), (false, 100, '{default_require_approval}')) AS v (required, below, want),
       ledger_agents.register_agent('defaults', 'acme', default_require_approval => v.required, default_auto_approve_below => v.below) AS r;

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
