-- Does each rule give its reason, alone and beside others; and does every answer agree with evaluate, the explanation, max_approvable and retry_at?
BEGIN;
SELECT no_plan();
\ir include/cases.psql

--
-- Each reason alone: (setup, steps, want).
--
CREATE TEMP TABLE alone (setup jsonb, steps jsonb, want text);
INSERT INTO alone VALUES
  ('{"organization row": {"status": "suspended"}}', '[{"spend": 100}]', 'organization_suspended'),
  ('{"customer row": {"status": "suspended"}}', '[{"spend": 100}]', 'customer_suspended'),
  ('{}', '[{"verb": "deregister_agent"}, {"spend": 100}]', 'agent_deregistered'),
  ('{"agent row": {"status": "suspended"}}', '[{"spend": 100}]', 'agent_suspended'),
  ('{"card": {}}', '[{"verb": "close_card"}, {"spend": 100}]', 'card_closed'),
  ('{"card": {}}', '[{"verb": "freeze_card"}, {"spend": 100}]', 'card_frozen'),
  ('{"card": {"ttlMinutes": 60}}', '[{"at": "2026-03-02 10:00Z", "spend": 100}]', 'card_expired'),
  ('{"card type": "single"}', '[{"spend": 1}, {"spend": 100}]', 'card_consumed'),
  ('{"card": {}}', '[{"spend": 100, "card": false}]', 'card_required'),
  ('{"agent row": {"spending_limit": 500}}', '[{"spend": 100, "currency": "EUR"}]', 'currency_mismatch'),
  ('{"agent": {"activeHoursStart": 10, "activeHoursEnd": 12}}', '[{"spend": 100}]', 'outside_active_hours again 03-02 10:00:00'),
  ('{"agent": {"blockedMccs": ["7995"]}}', '[{"spend": 100, "mcc": "7995"}]', 'mcc_blocked'),
  ('{"agent": {"allowedMccs": ["5411", "5412", "5499"]}}', '[{"spend": 100, "mcc": "5812"}]', 'mcc_not_allowed'),
  ('{"agent": {"blockedCountries": ["KP"]}}', '[{"spend": 100, "country": "KP"}]', 'country_blocked'),
  ('{"agent": {"allowedCountries": ["US"]}}', '[{"spend": 100, "country": "DE"}]', 'country_not_allowed'),
  ('{"agent": {"blockedMerchants": ["Casino"]}}', '[{"spend": 100, "merchant": "GRAND CASINO #5"}]', 'merchant_blocked'),
  ('{"agent": {"allowedMerchants": ["DoorDash"]}}', '[{"spend": 100, "merchant": "UberEats"}]', 'merchant_not_allowed'),
  ('{"card": {"lockToFirstMerchant": true}}', '[{"spend": 1, "merchant": "Staples"}, {"spend": 100, "merchant": "Delta"}]', 'merchant_locked'),
  ('{"card": {"merchantHint": "Staples", "onDrift": "decline"}}', '[{"spend": 100, "merchant": "Delta"}]', 'merchant_drift'),
  ('{"agent": {"cooldownMinutes": 20}}', '[{"spend": 1}, {"at": "2026-03-02 09:10Z", "spend": 100}]', 'cooldown_active again 03-02 09:20:00'),
  ('{"agent": {"maxAuthCount": 1}}', '[{"spend": 1}, {"spend": 100}]', 'auth_count_exceeded'),
  ('{"agent": {"requireAttestation": true}}', '[{"spend": 100}]', 'attestation_required'),
  ('{"agent": {"requireIntent": true}}', '[{"spend": 100}]', 'intent_required'),
  ('{}', '[{"declare": {}}, {"verb": "cancel_intent"}, {"spend": 100, "intent": true}]', 'intent_not_usable'),
  ('{"agent": {"onIntentMismatch": "decline"}}', '[{"declare": {"merchant": "Staples"}}, {"spend": 100, "merchant": "Delta", "intent": true}]', 'intent_mismatch'),
  ('{"agent": {"requireApproval": true}}', '[{"spend": 100}]', 'approval_required'),
  ('{"card row": {"spending_limit": 99}}', '[{"spend": 100}]', 'card_limit_exceeded max 99'),
  ('{"card row": {"max_amount": 99}}', '[{"spend": 100}]', 'card_limit_exceeded max 99'),
  ('{"agent row": {"spending_limit": 99}}', '[{"spend": 100}]', 'agent_limit_exceeded max 99'),
  ('{"customer row": {"spending_limit": 99}}', '[{"spend": 100}]', 'customer_limit_exceeded max 99'),
  ('{"organization row": {"spending_limit": 99}}', '[{"spend": 100}]', 'organization_limit_exceeded max 99');
SELECT is(pg_temp.answer(setup, steps), want, format('%s %s', setup, steps)) FROM alone;
SELECT set_eq('SELECT substring(want FROM ''^\w+'') FROM alone', 'SELECT unnest(enum_range(NULL::ledger_agents.decline_reason))::text', 'every reason is given alone');

--
-- Several at once: a kill switch is the only one, all others come in the published order.
--
CREATE TEMP TABLE several (setup jsonb, steps jsonb, want text);
INSERT INTO several VALUES
  ('{"organization row": {"status": "suspended"}, "customer row": {"status": "suspended"}, "agent row": {"status": "suspended", "spending_limit": 0}}', '[{"spend": 100}]', 'organization_suspended'),
  ('{"customer row": {"status": "suspended"}, "agent row": {"status": "suspended"}, "agent": {"allowedMccs": []}}', '[{"spend": 100}]', 'customer_suspended'),
  ('{"agent row": {"status": "suspended"}}', '[{"verb": "deregister_agent"}, {"spend": 100}]', 'agent_deregistered'),
  ('{"card": {}}', '[{"agent row": {"status": "suspended"}}, {"spend": 100}]', 'agent_suspended'),
  ('{"card": {"ttlMinutes": 1}, "card type": "single"}', '[{"spend": 1}, {"verb": "close_card"}, {"at": "2026-03-02 10:00Z", "spend": 100}]', 'card_closed'),
  ('{"card": {"ttlMinutes": 1}, "card type": "single"}', '[{"spend": 1}, {"verb": "freeze_card"}, {"at": "2026-03-02 10:00Z", "spend": 100}]', 'card_frozen'),
  ('{"card": {"ttlMinutes": 1}, "card type": "single"}', '[{"spend": 1}, {"at": "2026-03-02 10:00Z", "spend": 100}]', 'card_expired'),
  ('{"card type": "single", "card": {"allowedMccs": []}}', '[{"card": {}}, {"spend": 1}, {"card": {"allowedMccs": []}}, {"spend": 100}]', 'card_consumed'),
  ('{"agent": {"requireCard": true, "allowedMccs": []}}', '[{"spend": 100}]', 'card_required'),
  ('{"agent": {"allowedMccs": ["5411"], "blockedMccs": ["7995"], "allowedCountries": ["US"], "blockedCountries": ["KP"], "allowedMerchants": ["A"], "blockedMerchants": ["B"]}}',
   '[{"spend": 100, "mcc": "7995", "country": "KP", "merchant": "B"}]', 'mcc_blocked,mcc_not_allowed,country_blocked,country_not_allowed,merchant_blocked,merchant_not_allowed'),
  ('{"agent": {"allowedMccs": ["5411"], "blockedMccs": ["7995"], "allowedCountries": ["US"], "blockedCountries": ["KP"], "allowedMerchants": ["A"], "blockedMerchants": ["B"]}}',
   '[{"spend": 100}]', 'mcc_blocked,mcc_not_allowed,country_blocked,country_not_allowed,merchant_blocked,merchant_not_allowed'),
  ('{"customer": {"lockToFirstMerchant": true, "onDrift": "decline", "cooldownMinutes": 10, "maxAuthCount": 1, "requireAttestation": true, "requireIntent": true, "requireApproval": true, "activeHoursStart": 9, "activeHoursEnd": 10},
     "agent row": {"spending_limit": 100}, "customer row": {"spending_limit": 100}, "organization row": {"spending_limit": 100}, "card row": {"spending_limit": 100}}',
   '[{"at": "2026-03-02 09:49Z", "declare": {"merchant": "A"}, "attest": "card", "approve": true}, {"at": "2026-03-02 09:55Z", "spend": 1, "merchant": "A"}, {"at": "2026-03-02 10:00Z", "spend": 100, "merchant": "B"}]',
   'outside_active_hours,merchant_locked,merchant_drift,cooldown_active,auth_count_exceeded,attestation_required,intent_required,approval_required,card_limit_exceeded,agent_limit_exceeded,customer_limit_exceeded,organization_limit_exceeded'),
  ('{"customer": {"onIntentMismatch": "decline", "requireApproval": true}, "agent row": {"spending_limit": 10}}', '[{"declare": {"amount": 5}, "approve": true}, {"spend": 100}]',
   'intent_mismatch,approval_required,agent_limit_exceeded max 5'),
  ('{"agent row": {"spending_limit": 10}, "customer row": {"spending_limit": 10}, "currency": "EUR"}', '[{"agent row": {"currency": "USD"}}, {"spend": 100}]', 'currency_mismatch,agent_limit_exceeded'),
  ('{"agent row": {"spending_limit": 10}, "agent": {"limits": {"perAuth": 50}, "cumulativeMax": 60}, "customer": {"limits": {"perDay": 70}}}', '[{"spend": 100}]', 'agent_limit_exceeded,customer_limit_exceeded max 10');
SELECT is(pg_temp.answer(setup, steps), want, format('%s %s', setup, steps)) FROM several;
SELECT * FROM finish();
ROLLBACK;
