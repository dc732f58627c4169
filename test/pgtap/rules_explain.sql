-- Do the explanations show every rule in force, with its value, where it comes from and how the card and the request stand against it?
BEGIN;
SELECT no_plan();
\ir include/cases.psql

--
-- effective_policy: (setup, with the card or without, what is in force). The order is that of the published rules, then the limits from the widest scope on.
--
CREATE FUNCTION pg_temp.in_force(setup jsonb, with_card boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.build(setup);
  RETURN (SELECT string_agg(concat_ws(' ', e.rule, e.value, e.scope, e.source,
                                      CASE WHEN e.source_id <> CASE WHEN e.source = 'template' AND e.scope = 'card' THEN c.policy_id::text WHEN e.source = 'template' THEN a.default_policy_id::text
                                        ELSE CASE e.scope WHEN 'card' THEN w.card::text WHEN 'agent' THEN w.agent::text WHEN 'customer' THEN a.customer_id ELSE a.organization_id END END THEN 'BUT of ' || e.source_id END), ', ')
            FROM world AS w JOIN ledger_agents.agents AS a ON a.id = w.agent LEFT JOIN ledger_agents.cards AS c ON c.id = w.card,
                 LATERAL ledger_agents.effective_policy(w.agent, CASE WHEN with_card THEN w.card END) AS e);
END
$$;
SELECT is(pg_temp.in_force(setup, with_card), want, format('%s, %s', setup, CASE WHEN with_card THEN 'with the card' ELSE 'without a card' END)) FROM (VALUES
  ('{}'::jsonb, false, NULL),
  ('{"customer": {"requireIntent": true}, "agent": {"requireIntent": false}, "card": {"cooldownMinutes": 5}}', true, 'requireIntent false agent inline, cooldownMinutes 5 card inline'),
  ('{"customer": {"requireIntent": true}, "card": {"requireIntent": true}}', false, 'requireIntent true customer inline'),
  ('{"card": {"cooldownMinutes": 5}, "card template": {"cooldownMinutes": 9, "onDrift": "freeze", "merchantHint": "STAPLES #5"}}', true,
   'cooldownMinutes 5 card inline, merchantHint "staples 5" card template, onDrift "freeze" card template'),
  ('{"agent": {"ttlDays": 3}, "agent template": {"ttlDays": 4, "maxAuthCount": 7}}', false, 'ttlDays 3 agent inline, maxAuthCount 7 agent template'),
  ('{"agent": {"ttlDays": 3}, "agent template": {"ttlDays": 4, "maxAuthCount": 7}, "card": {}}', true, 'ttlDays 3 agent inline'),
  ('{"customer": {"limits": {"perAuth": 100}, "allowedMccs": ["5411", "5812"], "blockedMerchants": ["Casino!"]}, "agent": {"limits": {"perAuth": 50, "perDay": 60}}, "card": {"allowedMccs": []}}', true,
   'perAuth 100 customer inline, perAuth 50 agent inline, perDay 60 agent inline, allowedMccs ["5411", "5812"] customer inline, allowedMccs [] card inline, blockedMerchants ["casino"] customer inline'),
  ('{"card row": {"max_amount": 5, "spending_limit": 6}, "agent row": {"spending_limit": 7}, "customer row": {"spending_limit": 8}, "organization row": {"spending_limit": 9}}', true,
   'maxAmount 5 card own, spendingLimit 9 organization own, spendingLimit 8 customer own, spendingLimit 7 agent own, spendingLimit 6 card own'),
  ('{"agent": {"activeHoursStart": 22, "activeHoursEnd": 6, "activeTimezone": "Asia/Tokyo", "activeDays": [5, 1], "intentTolerance": 0.125, "onIntentMismatch": "decline"}}', false,
   'intentTolerance 0.125 agent inline, onIntentMismatch "decline" agent inline, activeHoursStart 22 agent inline, activeHoursEnd 6 agent inline, activeTimezone "Asia/Tokyo" agent inline, activeDays [1, 5] agent inline')
) AS v (setup, with_card, want);
SELECT throws_ok(format('SELECT ledger_agents.effective_policy(%s)', arguments), code, NULL, format('effective_policy(%s)', arguments))
  FROM (VALUES ('', '22004'), ('''00000000-0000-7000-8000-000000000000''', 'P0002'), ('(SELECT agent FROM world), ''00000000-0000-7000-8000-000000000000''', 'P0002')) AS v (arguments, code);
SELECT throws_ok('SELECT ledger_agents.card_policy(''00000000-0000-7000-8000-000000000000'')', 'P0002', NULL, 'card_policy of an unknown card');
SELECT throws_ok('SELECT ledger_agents.card_policy(NULL)', '22004', NULL, 'card_policy of none');

--
-- explain_authorization: (setup, steps, rows that have no status or registration, in the order of the checks).
--
CREATE FUNCTION pg_temp.why(setup jsonb, steps jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  step jsonb := pg_temp.go(setup, steps);
BEGIN
  RETURN (SELECT string_agg(concat_ws(' ', CASE WHEN x.passed THEN '+' ELSE '-' END || x.rule, x.value, x.scope, x.source, x.reason, x.actual), ', ')
            FROM world AS w, ledger_agents.explain_authorization(NULL, w.agent, (step ->> 'spend')::bigint, step ->> 'currency', step ->> 'merchant', step ->> 'mcc', step ->> 'country', w.card) AS x
           WHERE x.rule NOT IN ('status', 'registered', 'open'));
END
$$;
SELECT is(pg_temp.why(setup, steps), want, format('%s %s', setup, steps)) FROM (VALUES
  ('{}'::jsonb, '[{"spend": 1}]'::jsonb, NULL),
  ('{"agent": {"allowedMccs": ["5411"]}, "customer": {"allowedMccs": ["5812"]}}', '[{"spend": 1, "mcc": "5812"}]',
   '+allowedMccs ["5812"] customer inline mcc_not_allowed "5812", -allowedMccs ["5411"] agent inline mcc_not_allowed "5812"'),
  ('{"agent": {"limits": {"perDay": 100}}}', '[{"spend": 60}, {"spend": 41}]', '-perDay 100 agent inline agent_limit_exceeded {"spent": 60, "currency": "USD", "remaining": 40}'),
  ('{"agent": {"limits": {"perDay": 100}}}', '[{"spend": 60}, {"spend": 1, "currency": "EUR"}]', '-perDay 100 agent inline currency_mismatch {"spent": 60, "currency": "USD", "remaining": 40}'),
  ('{"agent row": {"spending_limit": 50, "on_limit_exceeded": "notify"}}', '[{"spend": 60}, {"spend": 41}]', '+spendingLimit 50 agent own agent_limit_exceeded {"spent": 60, "currency": "USD", "remaining": 0}'),
  ('{"customer": {"maxAuthCount": 1}}', '[{"spend": 60}, {"spend": 41}]', '-maxAuthCount 1 customer inline auth_count_exceeded {"spent": 1, "remaining": 0}'),
  ('{"agent": {"cooldownMinutes": 5}}', '[{"spend": 60}, {"spend": 41}]', '-cooldownMinutes 5 agent inline cooldown_active "2026-03-02T09:00:00Z"'),
  ('{"agent": {"activeHoursStart": 9, "activeHoursEnd": 17}, "customer": {"activeTimezone": "Asia/Tokyo"}}', '[{"spend": 1}]',
   '-activeHours {"activeHoursEnd": 17, "activeTimezone": "Asia/Tokyo", "activeHoursStart": 9} agent inline outside_active_hours "2026-03-02T09:00:00Z"'),
  ('{"agent": {"requireAttestation": true}}', '[{"attest": "agent"}, {"at": "2026-03-02 10:00Z", "spend": 1}]', '-requireAttestation {"requireAttestation": true} agent inline attestation_required "stale"'),
  ('{"card template": {"lockToFirstMerchant": true}}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "Staples"}]', '+requireCard true agent own card_required true, -lockToFirstMerchant true card template merchant_locked "Delta"'),
  ('{"agent": {"ttlDays": 3}, "card template": {"requireCard": true}}', '[{"spend": 1}]', '+ttl {"ttlDays": 3} agent inline card_expired "2026-03-05T09:00:00Z", +requireCard true card template card_required true'),
  ('{"customer": {"activeDays": [1]}}', '[{"spend": 1}]', '+activeHours {"activeDays": [1]} customer inline outside_active_hours "2026-03-02T09:00:00Z"'),
  ('{"agent template": {"activeDays": [2]}}', '[{"spend": 1}]', '-activeHours {"activeDays": [2]} agent template outside_active_hours "2026-03-02T09:00:00Z"'),
  -- In the order of the reasons, limits among them.
  ('{"card": {"maxAuthCount": 1, "requireAttestation": true, "cooldownMinutes": 5}, "customer": {"maxAuthCount": 9, "limits": {"perAuth": 50}}, "agent": {"limits": {"perAuth": 30}}}', '[{"spend": 20, "declined": true}]',
   '+requireCard true agent own card_required true, +cooldownMinutes 5 card inline cooldown_active null, +maxAuthCount 1 card inline auth_count_exceeded {"spent": 0, "remaining": 1}, '
   '+maxAuthCount 9 customer inline auth_count_exceeded {"spent": 0, "remaining": 9}, -requireAttestation {"requireAttestation": true} card inline attestation_required "unattested", '
   '+perAuth 30 agent inline agent_limit_exceeded {"spent": 0, "currency": "USD", "remaining": 30}, +perAuth 50 customer inline customer_limit_exceeded {"spent": 0, "currency": "USD", "remaining": 50}'),
  ('{"agent": {"activeDays": [1], "maxAuthCount": 3, "limits": {"perAuth": 30, "perDay": 40}}}', '[{"spend": 1, "currency": "EUR"}]',
   '-perAuth 30 agent inline currency_mismatch {"spent": 0, "currency": "USD", "remaining": 30}, -perDay 40 agent inline currency_mismatch {"spent": 0, "currency": "USD", "remaining": 40}, '
   '+activeHours {"activeDays": [1]} agent inline outside_active_hours "2026-03-02T09:00:00Z", +maxAuthCount 3 agent inline auth_count_exceeded {"spent": 0, "remaining": 3}'),
  ('{"customer row": {"status": "active"}, "agent": {"requireCard": false}, "card": {}}', '[{"spend": 1}]', '+requireCard false agent inline card_required true')
) AS v (setup, steps, want);
-- A stored one is judged by what stands in the books now, and says what failed then.
CREATE FUNCTION pg_temp.then_and_now(setup jsonb, steps jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  step jsonb := pg_temp.go(setup, steps);
  a uuid := (pg_temp.ask('authorize', step, (step ->> 'spend')::bigint)).id;
BEGIN
  PERFORM pg_temp.change('{"agent": {"limits": {"perDay": 500}}}');
  RETURN (SELECT string_agg(concat_ws(' ', x.rule, x.value, x.passed, x.passed_then), ', ') FROM ledger_agents.explain_authorization(a) AS x WHERE x.rule NOT IN ('status', 'registered'));
END
$$;
SELECT is(pg_temp.then_and_now('{"agent": {"limits": {"perDay": 100}}}', '[{"spend": 101}]'), 'perDay 500 t f', 'declined then, it would pass now');
SELECT is(pg_temp.then_and_now('{"agent": {"limits": {"perDay": 100}}}', '[{"spend": 60}]'), 'perDay 500 t t', 'approved then');

--
-- card_policy: (setup, steps, fields that are not null but those of every card).
--
CREATE FUNCTION pg_temp.stands(setup jsonb, steps jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.go(setup, steps || '[{}]');
  RETURN (SELECT jsonb_strip_nulls(to_jsonb(p) - 'card_id') - CASE WHEN p.status = 'active' THEN 'status' ELSE '' END - CASE WHEN p.consumed THEN '' ELSE 'consumed' END
            - CASE WHEN p.merchant_locked THEN '' ELSE 'merchant_locked' END - CASE WHEN p.attestation = 'unattested' THEN 'attestation' ELSE '' END
            FROM world AS w, ledger_agents.card_policy(w.card) AS p WHERE p.card_id = w.card);
END
$$;
SELECT is(pg_temp.stands(setup, steps), want, format('%s %s', setup, steps)) FROM (VALUES
  ('{"card": {}}'::jsonb, '[]'::jsonb, '{"current_spend": 0, "total_spent": 0, "auth_count": 0}'::jsonb),
  ('{"card": {"ttlMinutes": 60, "ttlDays": 1}}', '[]', '{"current_spend": 0, "total_spent": 0, "auth_count": 0, "expires_at": "2026-03-02T10:00:00+00:00"}'),
  ('{"card": {"activeHoursStart": 10, "activeHoursEnd": 12}}', '[]', '{"current_spend": 0, "total_spent": 0, "auth_count": 0, "active_now": false, "next_active_at": "2026-03-02T10:00:00+00:00"}'),
  ('{"agent": {"activeDays": [1]}, "card": {}}', '[]', '{"current_spend": 0, "total_spent": 0, "auth_count": 0, "active_now": true, "next_active_at": "2026-03-02T09:00:00+00:00"}'),
  ('{"card row": {"max_amount": 50, "spending_limit": 100}, "card": {"cumulativeMax": 90, "maxAuthCount": 3}}', '[{"spend": 30}, {"spend": 20, "hold": "1 hour"}]',
   '{"max_amount": 50, "spending_limit": 100, "current_spend": 50, "remaining": 50, "cumulative_max": 90, "total_spent": 50, "cumulative_remaining": 40, "max_auth_count": 3, "auth_count": 2}'),
  ('{"card row": {"max_amount": 50, "spending_limit": 100}, "card": {"cumulativeMax": 90, "maxAuthCount": 3}}', '[{"spend": 30}, {"spend": 20, "hold": "1 hour"}, {"at": "2026-03-02 10:00Z"}]',
   '{"max_amount": 50, "spending_limit": 100, "current_spend": 30, "remaining": 70, "cumulative_max": 90, "total_spent": 30, "cumulative_remaining": 60, "max_auth_count": 3, "auth_count": 1}'),
  ('{"card type": "single"}', '[{"spend": 30}]', '{"current_spend": 30, "total_spent": 30, "auth_count": 1, "consumed": true}'),
  ('{"card": {"cooldownMinutes": 20}}', '[{"spend": 30}, {"at": "2026-03-02 09:10Z"}]', '{"current_spend": 30, "total_spent": 30, "auth_count": 1, "cools_down_at": "2026-03-02T09:20:00+00:00"}'),
  ('{"card": {"cooldownMinutes": 20}}', '[{"spend": 30}, {"at": "2026-03-02 09:20Z"}]', '{"current_spend": 30, "total_spent": 30, "auth_count": 1}'),
  ('{"card": {}}', '[{"attest": "card"}]', '{"current_spend": 0, "total_spent": 0, "auth_count": 0, "attestation": "attested", "attested_at": "2026-03-02T09:00:00+00:00"}'),
  ('{"card": {}}', '[{"attest": "card"}, {"at": "2026-03-02 09:11Z"}]', '{"current_spend": 0, "total_spent": 0, "auth_count": 0, "attestation": "stale", "attested_at": "2026-03-02T09:00:00+00:00"}'),
  ('{"card": {"lockToFirstMerchant": true, "merchantHint": "STAPLES!", "onDrift": "freeze"}}', '[{"spend": 1, "merchant": "Staples #3"}, {"spend": 1, "merchant": "Staples #5", "declined": true}]',
   '{"current_spend": 1, "total_spent": 1, "auth_count": 1, "merchant_locked": true, "first_merchant": "Staples #3", "merchant_hint": "staples", "on_drift": "freeze"}'),
  ('{"card": {"merchantHint": "Staples", "onDrift": "freeze"}}', '[{"spend": 1, "merchant": "Delta", "declined": true}]',
   '{"current_spend": 0, "total_spent": 0, "auth_count": 0, "status": "frozen", "merchant_hint": "staples", "on_drift": "freeze"}')
) AS v (setup, steps, want);
SELECT * FROM finish();
ROLLBACK;
