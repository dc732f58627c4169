-- Which level's rule is in force, and what do lists of several levels let pass?
BEGIN;
SELECT no_plan();
\ir include/cases.psql

--
-- The conformance table of the cascade.
--
SELECT is(pg_temp.answer(setup, steps), want, format('%s %s', setup, steps)) FROM (VALUES
  ('{"customer": {"limits": {"perAuth": 10000}}, "agent": {"limits": {"perAuth": 5000}}, "card": {"limits": {"perAuth": 2500}}}'::jsonb, '[{"spend": 2500}]'::jsonb, 'approved max 2500'),
  ('{"customer": {"limits": {"perAuth": 10000}}, "agent": {"limits": {"perAuth": 5000}}, "card": {"limits": {"perAuth": 2500}}}', '[{"spend": 2501}]', 'card_limit_exceeded max 2500'),
  ('{"customer": {"limits": {"perAuth": 10000}}, "agent": {"limits": {"perAuth": 5000}}, "card": {"limits": {"perAuth": 2500}}}', '[{"spend": 5001}]', 'card_limit_exceeded,agent_limit_exceeded max 2500'),
  ('{"customer": {"limits": {"perAuth": 10000}}, "agent": {"limits": {"perAuth": 5000}}, "card": {"limits": {"perAuth": 2500}}}', '[{"spend": 10001}]',
   'card_limit_exceeded,agent_limit_exceeded,customer_limit_exceeded max 2500'),
  ('{"customer": {"limits": {"perDay": 100000}}, "agent": {"limits": {"perDay": 25000}}}', '[{"spend": 25000}]', 'approved max 25000'),
  ('{"customer": {"limits": {"perDay": 100000}}, "agent": {"limits": {"perDay": 25000}}}', '[{"spend": 25001}]', 'agent_limit_exceeded max 25000'),
  ('{"customer": {"limits": {"perDay": 100}}, "agent": {"limits": {"perDay": 25000}}, "card": {"limits": {"perDay": 5000}}}', '[{"spend": 101}]', 'customer_limit_exceeded max 100'),
  ('{"customer": {"requireIntent": true}}', '[{"spend": 1}]', 'intent_required'),
  ('{"customer": {"requireIntent": true}, "agent": {"limits": {"perAuth": 5}}, "card": {"ttlDays": 1}}', '[{"spend": 1}]', 'intent_required'),
  ('{"agent": {"allowedMccs": ["5411", "5412", "5499"]}}', '[{"spend": 1, "mcc": "5812"}]', 'mcc_not_allowed'),
  ('{"agent": {"allowedMccs": ["5411", "5412", "5499"]}}', '[{"spend": 1, "mcc": "5499"}]', 'approved'),
  ('{"agent": {"blockedMccs": ["7995"]}}', '[{"spend": 1, "mcc": "7995"}]', 'mcc_blocked'),
  ('{"agent": {"blockedMccs": ["7995"]}}', '[{"spend": 1, "mcc": "7994"}]', 'approved')
) AS v (setup, steps, want);

--
-- Behaviours: the lowest level that sets one wins, and inside of a level the inline rule beats the template.
-- (strict rules, lax rules, steps, answer under the strict, answer under the lax, whether it takes a card)
--
CREATE TEMP TABLE behaviour (strict jsonb, lax jsonb, steps jsonb, strict_answer text, lax_answer text DEFAULT 'approved', takes_card boolean DEFAULT false);
INSERT INTO behaviour (strict, lax, steps, strict_answer) VALUES
  ('{"requireIntent": true}', '{"requireIntent": false}', '[{"spend": 100}]', 'intent_required'),
  ('{"requireAttestation": true}', '{"requireAttestation": false}', '[{"spend": 100}]', 'attestation_required'),
  ('{"requireAttestation": true, "attestationWindowMinutes": 9}', '{"requireAttestation": true, "attestationWindowMinutes": 10}', '[{"attest": "card"}, {"at": "2026-03-02 09:10Z", "spend": 100}]', 'attestation_required'),
  ('{"requireApproval": true}', '{"requireApproval": false}', '[{"spend": 100}]', 'approval_required'),
  ('{"cooldownMinutes": 20}', '{"cooldownMinutes": 5}', '[{"spend": 1}, {"at": "2026-03-02 09:10Z", "spend": 100}]', 'cooldown_active again 03-02 09:20:00'),
  ('{"lockToFirstMerchant": true}', '{"lockToFirstMerchant": false}', '[{"spend": 1, "merchant": "Staples"}, {"spend": 100, "merchant": "Delta"}]', 'merchant_locked'),
  ('{"onDrift": "decline"}', '{"onDrift": "allow"}', '[{"spend": 1, "merchant": "Staples"}, {"spend": 100, "merchant": "Delta"}]', 'merchant_drift'),
  ('{"onDrift": "decline", "merchantHint": "Staples"}', '{"onDrift": "decline", "merchantHint": "Delta"}', '[{"spend": 100, "merchant": "Delta"}]', 'merchant_drift'),
  ('{"onIntentMismatch": "decline"}', '{"onIntentMismatch": "allow"}', '[{"declare": {"merchant": "Staples"}}, {"spend": 100, "merchant": "Delta", "intent": true}]', 'intent_mismatch'),
  ('{"activeHoursStart": 10, "activeHoursEnd": 12}', '{"activeHoursStart": 9, "activeHoursEnd": 10}', '[{"spend": 100}]', 'outside_active_hours again 03-02 10:00:00'),
  ('{"activeHoursStart": 9, "activeHoursEnd": 10, "activeTimezone": "Asia/Tokyo"}', '{"activeHoursStart": 9, "activeHoursEnd": 10, "activeTimezone": "UTC"}', '[{"spend": 100}]', 'outside_active_hours again 03-03 00:00:00'),
  ('{"activeDays": [2, 3]}', '{"activeDays": [1]}', '[{"spend": 100}]', 'outside_active_hours again 03-03 00:00:00');
INSERT INTO behaviour VALUES
  ('{"requireApproval": true, "autoApproveBelow": 50}', '{"requireApproval": true, "autoApproveBelow": 101}', '[{"spend": 100}]', 'approval_required max 49', 'approved max 100', false),
  ('{"requireIntent": true, "intentTolerance": 0.25}', '{"requireIntent": true, "intentTolerance": 1}', '[{"declare": {"amount": 60}}, {"spend": 100}]', 'intent_mismatch max 75', 'approved max 120', false),
  ('{"ttlMinutes": 5}', '{"ttlMinutes": 6}', '[{"at": "2026-03-02 09:05Z", "spend": 100}]', 'card_expired', 'approved', true),
  ('{"ttlDays": 1}', '{"ttlDays": 2}', '[{"at": "2026-03-03 09:00Z", "spend": 100}]', 'card_expired', 'approved', true);
CREATE TEMP TABLE levels (lower text, higher text, others jsonb);
INSERT INTO levels VALUES
  ('card', 'card template', '{}'), ('card', 'agent', '{}'), ('card', 'customer', '{}'), ('card template', 'agent', '{}'), ('card template', 'customer', '{}'),
  ('agent', 'customer', '{"card": {}}'), ('agent', 'customer', '{}'), ('agent', 'agent template', '{}'), ('agent template', 'customer', '{}');
SELECT is(pg_temp.answer(others || jsonb_build_object(lower, CASE wins WHEN 'strict' THEN strict ELSE lax END, higher, CASE wins WHEN 'strict' THEN lax ELSE strict END), steps),
          CASE wins WHEN 'strict' THEN strict_answer ELSE lax_answer END, format('%s of the %s, not %s of the %s, %s', CASE wins WHEN 'strict' THEN strict ELSE lax END, lower, CASE wins WHEN 'strict' THEN lax ELSE strict END, higher, steps))
  FROM behaviour, levels, unnest('{strict,lax}'::text[]) AS wins
 WHERE NOT takes_card OR lower LIKE 'card%' OR others ? 'card';
-- The agent's template judges what names no card, and nothing else.
SELECT is(pg_temp.answer(jsonb_build_object('agent template', strict, 'card', '{}'::jsonb), steps), 'approved', format('%s of the agent''s template, with a card', strict))
  FROM behaviour WHERE lax_answer = 'approved';
SELECT is(pg_temp.answer(jsonb_build_object('agent template', strict, 'agent', '{"requireCard": false}'::jsonb), steps), strict_answer, format('%s of the agent''s template, without one', strict))
  FROM behaviour WHERE NOT takes_card;
-- A card that is made later and names no template has it as its own; then the agent's default is no matter.
SELECT is(pg_temp.answer(jsonb_build_object('agent template', strict), '[{"another card": true}, {"agent row": {"default_policy_id": null}}]' || steps), strict_answer, format('%s of the template that a new card got', strict))
  FROM behaviour;
-- Rules that are read together may come from several levels.
SELECT is(pg_temp.answer(setup, steps), want, format('%s %s', setup, steps)) FROM (VALUES
  ('{"customer": {"requireCard": true}}'::jsonb, '[{"spend": 1}]'::jsonb, 'card_required'),
  ('{"customer": {"requireCard": true}, "agent": {"requireCard": false}}', '[{"spend": 1}]', 'approved'),
  ('{"customer": {"requireCard": false}, "agent": {"requireCard": true}}', '[{"spend": 1}]', 'card_required'),
  ('{"agent template": {"requireCard": false}, "card": {}}', '[{"spend": 1, "card": false}]', 'approved'),
  ('{"card": {"requireCard": false}}', '[{"spend": 1, "card": false}]', 'card_required'),
  ('{"card": {}}', '[{"verb": "close_card"}, {"spend": 1, "card": false}]', 'card_required'),
  ('{"agent": {"requireCard": true}, "card": {}}', '[{"spend": 1}]', 'approved'),
  ('{"customer": {"requireApproval": true}, "agent": {"autoApproveBelow": 100}}', '[{"spend": 99}]', 'approved max 99'),
  ('{"customer": {"requireApproval": true}, "agent": {"autoApproveBelow": 100}}', '[{"spend": 100}]', 'approval_required max 99'),
  ('{"customer": {"requireApproval": true, "autoApproveBelow": 100}, "card": {"autoApproveBelow": 0}}', '[{"spend": 1}]', 'approval_required'),
  ('{"customer": {"requireApproval": true, "autoApproveBelow": 100}, "card": {"requireApproval": false}}', '[{"spend": 1000}]', 'approved'),
  ('{"agent": {"autoApproveBelow": 5}}', '[{"spend": 1000}]', 'approved'),
  ('{"customer": {"onDrift": "decline"}, "card": {"merchantHint": "Staples"}}', '[{"spend": 1, "merchant": "Delta"}]', 'merchant_drift'),
  ('{"customer": {"merchantHint": "Staples"}, "card": {"onDrift": "decline"}}', '[{"spend": 1, "merchant": "Staples West"}]', 'approved'),
  ('{"customer": {"activeHoursStart": 10, "activeHoursEnd": 12}, "card": {"activeDays": [1]}}', '[{"spend": 1}]', 'outside_active_hours again 03-02 10:00:00'),
  ('{"customer": {"activeHoursStart": 18, "activeHoursEnd": 19}, "card": {"activeTimezone": "Asia/Tokyo"}}', '[{"spend": 1}]', 'approved'),
  ('{"customer": {"requireAttestation": true}, "agent": {"attestationWindowMinutes": 5}}', '[{"attest": "agent"}, {"at": "2026-03-02 09:06Z", "spend": 1}]', 'attestation_required'),
  ('{"customer": {"attestationWindowMinutes": 5}}', '[{"spend": 1}]', 'approved'),
  ('{"card": {"ttlMinutes": 90}, "agent": {"ttlDays": 1}}', '[{"at": "2026-03-02 10:30Z", "spend": 1}]', 'card_expired'),
  ('{"card": {"ttlMinutes": 9000}, "agent": {"ttlDays": 1}}', '[{"at": "2026-03-03 09:00Z", "spend": 1}]', 'card_expired'),
  ('{"agent": {"ttlMinutes": 1}}', '[{"at": "2026-03-03 09:00Z", "spend": 1}]', 'approved'),
  ('{"agent": {"ttlMinutes": 1, "requireCard": false}, "card": {}}', '[{"at": "2026-03-03 09:00Z", "spend": 1, "card": false}]', 'approved')
) AS v (setup, steps, want);

--
-- Amounts: each at its own scope, none hides another. Inline beats the template rule by rule.
--
SELECT is(pg_temp.answer(setup, steps), want, format('%s %s', setup, steps)) FROM (VALUES
  ('{"card": {"limits": {"perAuth": 500}}, "card template": {"limits": {"perAuth": 100, "perDay": 300}}}'::jsonb, '[{"spend": 300}]'::jsonb, 'approved max 300'),
  ('{"card": {"limits": {"perAuth": 500}}, "card template": {"limits": {"perAuth": 100, "perDay": 300}}}', '[{"spend": 301}]', 'card_limit_exceeded max 300'),
  ('{"agent": {"limits": {"perAuth": 500}}, "agent template": {"limits": {"perAuth": 100}}}', '[{"spend": 501}]', 'agent_limit_exceeded max 500'),
  ('{"agent": {"cumulativeMax": 500}, "agent template": {"limits": {"perAuth": 100}}, "card": {}}', '[{"spend": 500}]', 'approved max 500'),
  ('{"customer": {"limits": {"perAuth": 10}}, "agent": {"limits": {"perAuth": 1000}}, "card": {"limits": {"perAuth": 1000}}}', '[{"spend": 11}]', 'customer_limit_exceeded max 10'),
  ('{"card": {"limits": {"perAuth": 0}}}', '[{"spend": 1}]', 'card_limit_exceeded'),
  ('{"agent": {"limits": {"perDay": 0}}}', '[{"spend": 1}]', 'agent_limit_exceeded'),
  ('{"customer": {"cumulativeMax": 0}}', '[{"spend": 1}]', 'customer_limit_exceeded'),
  -- A template's amounts are in the organization's currency, inline ones in the agent's, a customer's in the organization's.
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "agent template": {"limits": {"perAuth": 100}}}', '[{"spend": 1}]', 'currency_mismatch'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "agent template": {"limits": {"perAuth": 100}}}', '[{"spend": 1, "currency": "EUR"}]', 'approved max 100'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "agent template": {"limits": {"perDay": 100}}}', '[{"spend": 1, "currency": "EUR"}]', 'currency_mismatch'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "card template": {"cumulativeMax": 100}}', '[{"spend": 1}]', 'currency_mismatch'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "card": {"cumulativeMax": 100}}', '[{"spend": 1}]', 'approved max 100'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "agent": {"limits": {"perAuth": 100}}}', '[{"spend": 1, "currency": "EUR"}]', 'currency_mismatch'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "customer": {"limits": {"perAuth": 100}}}', '[{"spend": 1}]', 'currency_mismatch'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "customer": {"limits": {"perMonth": 100}}}', '[{"spend": 100, "currency": "EUR"}]', 'approved max 100'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "agent template": {"maxAuthCount": 1}}', '[{"spend": 1}]', 'approved'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "agent template": {"requireApproval": true, "autoApproveBelow": 100}}', '[{"spend": 1}]', 'approval_required'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "agent template": {"requireApproval": true, "autoApproveBelow": 100}}', '[{"spend": 99, "currency": "EUR"}]', 'approved max 99'),
  ('{"currency": "EUR", "agent row": {"currency": "USD"}, "agent": {"requireApproval": true, "autoApproveBelow": 100}}', '[{"spend": 99}]', 'approved max 99'),
  ('{"agent row": {"spending_limit": 500}, "agent": {"limits": {"perDay": 100}}}', '[{"spend": 600, "currency": "EUR"}]', 'currency_mismatch')
) AS v (setup, steps, want);

--
-- Lists: all that allow must, any that blocks does; what is not given is not allowed. (kind, customer, agent, card, given, want)
--
CREATE TEMP TABLE kind (kind text, field text, codes text[]);
INSERT INTO kind VALUES ('Mccs', 'mcc', '{5411,5812,7995}'), ('Countries', 'country', '{US,DE,KP}'), ('Merchants', 'merchant', '{Staples,Delta,Casino}');
-- A list of the codes that the digits name; null: no list.
CREATE FUNCTION pg_temp.lists(kind text, codes text[], allowed text, blocked text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT CASE WHEN allowed IS NULL THEN '{}' ELSE jsonb_build_object('allowed' || kind, (SELECT coalesce(jsonb_agg(codes[d::int]), '[]') FROM regexp_split_to_table(allowed, '') AS d WHERE d <> '')) END
    || CASE WHEN blocked IS NULL THEN '{}' ELSE jsonb_build_object('blocked' || kind, (SELECT coalesce(jsonb_agg(codes[d::int]), '[]') FROM regexp_split_to_table(blocked, '') AS d WHERE d <> '')) END
$$;
SELECT is(pg_temp.answer(jsonb_build_object(v.level, pg_temp.lists(k.kind, k.codes, v.allowed, v.blocked), v.level_2, pg_temp.lists(k.kind, k.codes, v.allowed_2, v.blocked_2)),
                         jsonb_build_array(jsonb_build_object('spend', 1) || CASE WHEN v.given IS NULL THEN '{}' ELSE jsonb_build_object(k.field, k.codes[v.given]) END)),
          replace(v.want, '*', CASE k.kind WHEN 'Mccs' THEN 'mcc' WHEN 'Countries' THEN 'country' ELSE 'merchant' END),
          format('%s: %s allows %s blocks %s, %s allows %s blocks %s, given %s', k.kind, level, coalesce(allowed, 'none'), coalesce(blocked, 'none'), level_2, coalesce(allowed_2, 'none'), coalesce(blocked_2, 'none'), given))
  FROM kind AS k, (VALUES
  ('agent', '12', NULL, 'customer', '2', NULL, 2, 'approved'), ('agent', '12', NULL, 'customer', '2', NULL, 1, '*_not_allowed'), ('agent', '1', NULL, 'customer', '12', NULL, 2, '*_not_allowed'),
  ('card', '1', NULL, 'customer', '2', NULL, 1, '*_not_allowed'), ('card', '1', NULL, 'customer', '2', NULL, 2, '*_not_allowed'), ('card', '1', NULL, 'agent', '12', NULL, 1, 'approved'),
  ('agent', '', NULL, 'customer', '12', NULL, 1, '*_not_allowed'), ('agent', '1', NULL, 'customer', '', NULL, 1, '*_not_allowed'), ('agent', '', NULL, 'customer', NULL, NULL, NULL, '*_not_allowed'),
  ('agent', '1', NULL, 'customer', NULL, NULL, NULL, '*_not_allowed'), ('agent', NULL, '3', 'customer', NULL, '2', 3, '*_blocked'), ('agent', NULL, '3', 'customer', NULL, '2', 2, '*_blocked'),
  ('agent', NULL, '3', 'customer', NULL, '2', 1, 'approved'), ('card', NULL, '', 'customer', NULL, '2', 2, '*_blocked'), ('card', NULL, '', 'customer', NULL, '', 2, 'approved'),
  ('card', NULL, '', 'customer', NULL, '', NULL, 'approved'), ('card', NULL, '3', 'customer', NULL, '', NULL, '*_blocked'), ('agent', '1', '3', 'customer', '12', NULL, NULL, '*_blocked,*_not_allowed'),
  ('agent', '12', NULL, 'customer', NULL, '2', 2, '*_blocked'), ('agent', '1', NULL, 'customer', NULL, '2', 2, '*_blocked,*_not_allowed'),
  -- Inside of one level the inline list is the list.
  ('card', '1', NULL, 'card template', '2', NULL, 1, 'approved'), ('card', '1', NULL, 'card template', '2', NULL, 2, '*_not_allowed'), ('card', NULL, '', 'card template', NULL, '2', 2, 'approved'),
  ('card', NULL, '3', 'card template', NULL, '2', 2, 'approved'), ('card', NULL, '3', 'card template', '1', NULL, 2, '*_not_allowed'), ('card', '', NULL, 'card template', '1', NULL, 1, '*_not_allowed'),
  ('agent', '1', NULL, 'agent template', '2', NULL, 1, 'approved'), ('agent', NULL, NULL, 'agent template', '2', NULL, 1, '*_not_allowed'), ('agent', NULL, NULL, 'agent template', NULL, '1', 1, '*_blocked'),
  -- The agent's template does not judge a card.
  ('card', NULL, NULL, 'agent template', '2', NULL, 1, 'approved'), ('card', NULL, NULL, 'agent template', NULL, '1', 1, 'approved'), ('card', NULL, NULL, 'agent', NULL, '1', 1, '*_blocked')
) AS v (level, allowed, blocked, level_2, allowed_2, blocked_2, given, want);
SELECT is(pg_temp.answer(setup, steps), want, format('%s %s', setup, steps)) FROM (VALUES
  ('{"agent": {"allowedMerchants": ["DoorDash"]}}'::jsonb, '[{"spend": 1, "merchant": "DOORDASH*BURGERS"}]'::jsonb, 'approved'),
  ('{"agent": {"allowedMerchants": ["DoorDash"]}}', '[{"spend": 1, "merchant": "DoorDashers"}]', 'merchant_not_allowed'),
  ('{"agent": {"allowedMerchants": ["DoorDash"]}}', '[{"spend": 1, "merchant": "SQ *DoorDash"}]', 'merchant_not_allowed'),
  ('{"agent": {"allowedMerchants": ["DoorDash Burgers"]}}', '[{"spend": 1, "merchant": "DoorDash"}]', 'merchant_not_allowed'),
  ('{"agent": {"blockedMerchants": ["Door Dash Burgers"]}}', '[{"spend": 1, "merchant": "door-dash"}]', 'merchant_blocked'),
  ('{"agent": {"blockedMerchants": ["DoorDash"]}}', '[{"spend": 1, "merchant": "SQ *DoorDash"}]', 'merchant_blocked'),
  ('{"agent": {"blockedMerchants": ["DoorDash"]}}', '[{"spend": 1, "merchant": "DoorDashers"}]', 'approved'),
  ('{"agent": {"blockedMerchants": ["DoorDash"]}}', '[{"spend": 1, "merchant": "***"}]', 'merchant_blocked'),
  ('{"agent": {"allowedMerchants": ["DoorDash"]}}', '[{"spend": 1, "merchant": "***"}]', 'merchant_not_allowed'),
  ('{"agent": {"allowedMccs": ["0742"]}}', '[{"spend": 1, "mcc": "0742"}]', 'approved'),
  ('{"agent": {"blockedCountries": ["KP"]}}', '[{"spend": 1, "country": "kp"}]', 'country_blocked')
) AS v (setup, steps, want);
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
