-- Which intents and approvals let a spend pass, up to what amount, and what becomes of them?
BEGIN;
SELECT no_plan();
\ir include/cases.psql

-- What became of the intents, the oldest first, with their amounts.
CREATE FUNCTION pg_temp.intents() RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(': ' || string_agg(concat_ws(' ', i.expected_amount, i.status, CASE WHEN i.parked THEN 'parked' END), ', ' ORDER BY i.created_at, i.parked, i.expected_amount), '')
    FROM world AS w JOIN ledger_agents.intents AS i ON i.agent_id = w.agent
$$;
SELECT is(pg_temp.answer(setup, steps) || pg_temp.intents(), want, format('%s %s', setup, steps)) FROM (VALUES
  -- The conformance table.
  ('{"agent": {"requireIntent": true}}'::jsonb, '[{"declare": {"amount": 2500, "tolerance": 500, "merchant": "DoorDash"}}, {"spend": 2450, "merchant": "DOORDASH"}]'::jsonb, 'approved max 3000: 2500 matched'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 2500, "tolerance": 500, "merchant": "DoorDash"}}, {"spend": 5000, "merchant": "DOORDASH"}]', 'intent_mismatch max 3000: 2500 pending'),
  ('{}', '[{"declare": {"amount": 2500, "tolerance": 500, "merchant": "DoorDash"}}, {"spend": 5000, "merchant": "DOORDASH"}]', 'approved: 2500 mismatched'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 5000}}, {"spend": 4500}]', 'approved max 5500: 5000 matched'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 5000}}, {"spend": 5500}]', 'approved max 5500: 5000 matched'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 5000}}, {"spend": 4499}]', 'intent_mismatch max 5500: 5000 pending'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 5000}}, {"spend": 5501}]', 'intent_mismatch max 5500: 5000 pending'),
  -- Tolerances: the intent's own amount, its percentage, the rule's.
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 1000, "percent": 20}}, {"spend": 1201}]', 'intent_mismatch max 1200: 1000 pending'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 1000, "percent": 20, "tolerance": 5}}, {"spend": 1005}]', 'approved max 1005: 1000 matched'),
  ('{"agent": {"requireIntent": true, "intentTolerance": 0.5}}', '[{"declare": {"amount": 1000, "percent": 0}}, {"spend": 1001}]', 'intent_mismatch max 1000: 1000 pending'),
  ('{"agent": {"requireIntent": true, "intentTolerance": 0.5}}', '[{"declare": {"amount": 1001}}, {"spend": 1501}]', 'approved max 1501: 1001 matched'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 5}}, {"spend": 6}]', 'intent_mismatch max 5: 5 pending'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {}}, {"spend": 123456}]', 'approved: matched'),
  -- Merchant, code, currency.
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"merchant": "DoorDash"}}, {"spend": 1}]', 'intent_mismatch: pending'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"merchant": "DoorDash"}}, {"spend": 1, "merchant": "SQ *DoorDash"}]', 'approved: matched'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"mccs": ["5812", "5814"]}}, {"spend": 1, "mcc": "5814"}]', 'approved: matched'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"mccs": ["5812", "5814"]}}, {"spend": 1, "mcc": "5411"}]', 'intent_mismatch: pending'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"mccs": ["5812", "5814"]}}, {"spend": 1}]', 'intent_mismatch: pending'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 100, "currency": "EUR"}}, {"spend": 100}]', 'intent_mismatch: 100 pending'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 100, "currency": "EUR"}}, {"spend": 100, "currency": "EUR"}]', 'approved max 110: 100 matched'),
  -- Several: the oldest that matches; else the oldest is mismatched.
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 100}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 500}}, {"spend": 500}]', 'approved max 550: 100 pending, 500 matched'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 100}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 500}}, {"spend": 300}]', 'intent_mismatch max 550: 100 pending, 500 pending'),
  ('{"agent": {"requireIntent": true, "limits": {"perAuth": 400}}}', '[{"declare": {"amount": 100}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 500}}, {"spend": 500}]',
   'agent_limit_exceeded max 110: 100 pending, 500 pending'),
  ('{"agent": {"requireIntent": true, "limits": {"perAuth": 460}}}', '[{"declare": {"amount": 100}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 500}}, {"spend": 500}]',
   'agent_limit_exceeded max 460: 100 pending, 500 pending'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 500}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 501}}, {"spend": 505}]', 'approved max 551: 500 matched, 501 pending'),
  ('{}', '[{"declare": {"amount": 100}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 500}}, {"spend": 300}]', 'approved: 100 mismatched, 500 pending'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 100}}, {"spend": 100}, {"spend": 100}]', 'intent_required: 100 matched'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 100}}, {"spend": 100}, {"reverse": null}, {"spend": 100}]', 'approved max 110: 100 matched'),
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 100}}, {"spend": 100}, {"reverse": 99}, {"spend": 100}]', 'intent_required: 100 matched'),
  -- An intent of a card is for that card; one without is for any.
  ('{"agent": {"requireIntent": true}, "card": {}}', '[{"declare": {"amount": 100}}, {"another card": true}, {"spend": 100}]', 'intent_required: 100 pending'),
  ('{"agent": {"requireIntent": true}, "card": {}}', '[{"declare": {"amount": 100, "card": false}}, {"another card": true}, {"spend": 100}]', 'approved max 110: 100 matched'),
  ('{"agent": {"requireIntent": true}, "card": {}}', '[{"declare": {"amount": 100}}, {"another card": true}, {"spend": 100, "intent": true}]', 'intent_mismatch: 100 pending'),
  -- A named one.
  ('{"agent": {"requireIntent": true}}', '[{"declare": {"amount": 500}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 100}}, {"spend": 500, "intent": true}]', 'intent_mismatch max 110: 500 pending, 100 pending'),
  ('{}', '[{"declare": {"amount": 500}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 100}}, {"spend": 500, "intent": true}]', 'approved: 500 pending, 100 mismatched'),
  ('{}', '[{"declare": {"amount": 500, "ttl": 5}}, {"at": "2026-03-02 09:04:59.999999Z", "spend": 500, "intent": true}]', 'approved: 500 matched'),
  ('{}', '[{"declare": {"amount": 500, "ttl": 5}}, {"at": "2026-03-02 09:05Z", "spend": 500, "intent": true}]', 'intent_not_usable: 500 pending'),
  ('{}', '[{"declare": {"amount": 500, "ttl": 5}}, {"at": "2026-03-02 09:05Z", "spend": 500}]', 'approved: 500 pending'),
  ('{}', '[{"declare": {"amount": 500}}, {"spend": 500, "intent": true}, {"spend": 500, "intent": true}]', 'intent_not_usable: 500 matched'),
  ('{"agent": {"requireApproval": true}}', '[{"declare": {"amount": 500}}, {"verb": "reject_intent"}, {"spend": 500, "intent": true}]', 'intent_not_usable,approval_required: 500 rejected'),
  ('{"agent": {"requireApproval": true}}', '[{"declare": {"amount": 500}}, {"spend": 500, "intent": true}]', 'approval_required: 500 pending_approval'),
  -- What a mismatch does where nothing is required.
  ('{"agent": {"onIntentMismatch": "allow"}}', '[{"declare": {"amount": 500}}, {"spend": 900}]', 'approved: 500 mismatched'),
  ('{"agent": {"onIntentMismatch": "decline"}}', '[{"declare": {"amount": 500}}, {"spend": 900}]', 'intent_mismatch max 550 again 03-02 09:30:00: 500 pending'),
  ('{"agent": {"onIntentMismatch": "decline"}}', '[{"declare": {"amount": 500}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 700, "ttl": 5}}, {"spend": 900}]',
   'intent_mismatch max 770 again 03-02 09:30:00: 500 pending, 700 pending'),
  ('{"agent": {"onIntentMismatch": "decline", "limits": {"perDay": 600}}}', '[{"spend": 200}, {"declare": {"amount": 500, "ttl": 1000}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 700, "ttl": 1440}}, {"spend": 500}]',
   'agent_limit_exceeded again 03-03 00:00:00: 500 pending, 700 pending'),
  ('{"agent": {"onIntentMismatch": "decline", "limits": {"perDay": 600}}}', '[{"spend": 200}, {"declare": {"amount": 500, "ttl": 10}}, {"at": "2026-03-02 09:01Z", "declare": {"amount": 700, "ttl": 1440}}, {"spend": 500}]',
   'agent_limit_exceeded again 03-03 09:01:00: 500 pending, 700 pending'),
  ('{"agent": {"onIntentMismatch": "decline", "activeHoursStart": 9, "activeHoursEnd": 10}}', '[{"declare": {"amount": 500, "ttl": 90}}, {"spend": 900}]', 'intent_mismatch max 550 again 03-03 09:00:00: 500 pending'),
  ('{"agent": {"onIntentMismatch": "decline"}}', '[{"declare": {"amount": 500}}, {"spend": 900, "intent": true}]', 'intent_mismatch max 550: 500 pending'),
  ('{"agent": {"onIntentMismatch": "decline", "cooldownMinutes": 45}}', '[{"spend": 1}, {"declare": {"amount": 500}}, {"spend": 900}]', 'cooldown_active,intent_mismatch again 03-02 09:45:00: 500 pending'),
  ('{"agent": {"onIntentMismatch": "decline", "requireIntent": true}}', '[{"declare": {"amount": 500}}, {"spend": 900}]', 'intent_mismatch max 550: 500 pending'),
  ('{"agent": {"onIntentMismatch": "allow", "requireIntent": true}}', '[{"declare": {"amount": 500}}, {"spend": 900}]', 'intent_mismatch max 550: 500 pending'),
  -- Approvals.
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"spend": 4999}]', 'approved max 4999'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"spend": 5000}]', 'approval_required max 4999: 5000 pending_approval parked'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"spend": 5000, "declined": true}, {"at": "2026-03-02 09:01Z", "spend": 5000}]', 'approval_required max 4999: 5000 pending_approval parked'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"spend": 5000, "merchant": "***", "declined": true}, {"at": "2026-03-02 09:01Z", "spend": 5000, "merchant": "!"}]', 'approval_required max 4999: 5000 pending_approval parked'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"spend": 5000, "declined": true}, {"at": "2026-03-02 09:01Z", "spend": 5001}]',
   'approval_required max 4999: 5000 pending_approval parked, 5001 pending_approval parked'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"spend": 5000, "declined": true}, {"at": "2026-03-02 09:01Z", "spend": 5000, "merchant": "Delta"}]',
   'approval_required max 4999: 5000 pending_approval parked, 5000 pending_approval parked'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"declare": {"amount": 7500}, "approve": true}, {"spend": 7500}]', 'approved max 8250: 7500 matched'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"declare": {"amount": 7500}, "approve": true}, {"spend": 8251}]', 'intent_mismatch,approval_required max 8250: 7500 pending'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"declare": {"amount": 7500}, "approve": true}, {"spend": 6000, "intent": true}]', 'intent_mismatch,approval_required max 8250: 7500 pending'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"declare": {"amount": 4800}}, {"spend": 5100}]', 'approval_required max 4999: 4800 pending, 5100 pending_approval parked'),
  -- A named one that nobody was asked about is as good as none.
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"declare": {"amount": 4800}}, {"spend": 5100, "intent": true}]', 'approval_required max 4999: 4800 pending, 5100 pending_approval parked'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"declare": {"amount": 4800}}, {"spend": 5100, "intent": true, "declined": true}, {"at": "2026-03-02 09:01Z", "spend": 5100, "intent": true}]', 'approval_required max 4999: 4800 pending, 5100 pending_approval parked'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000}}', '[{"declare": {"amount": 4800}}, {"spend": 4999}]', 'approved max 4999: 4800 matched'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000, "limits": {"perDay": 8000}}}', '[{"declare": {"amount": 7500}, "approve": true}, {"spend": 8100}]',
   'agent_limit_exceeded max 8000: 7500 pending'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 5000, "limits": {"perDay": 6000}}}', '[{"declare": {"amount": 7500}, "approve": true}, {"spend": 7500}]', 'agent_limit_exceeded max 4999: 7500 pending'),
  ('{"agent": {"requireApproval": true}}', '[{"declare": {}, "approve": true}, {"spend": 90000}]', 'approved: matched'),
  ('{"agent": {"requireApproval": true}}', '[{"spend": 90000, "currency": "EUR"}]', 'approval_required: 90000 pending_approval parked'),
  ('{"agent": {"requireApproval": true, "limits": {"perAuth": 50}}}', '[{"spend": 60}]', 'approval_required,agent_limit_exceeded'),
  ('{"agent": {"requireApproval": true, "requireIntent": true}}', '[{"spend": 60}]', 'intent_required,approval_required'),
  ('{"agent": {"requireApproval": true, "autoApproveBelow": 0}}', '[{"spend": 1}]', 'approval_required: 1 pending_approval parked'),
  -- A smaller one that matches but nobody approved does not stand before a later one that somebody did.
  ('{}', '[{"declare": {"amount": 500}}, {"at": "2026-03-02 09:01Z"}, {"agent": {"requireApproval": true}}, {"declare": {"amount": 510}, "approve": true}, {"spend": 505}]', 'approved max 561: 500 pending, 510 matched')
) AS v (setup, steps, want);

-- A human's yes to a request that was parked is for that request: not for a merchant that it did not name, and not for a card.
SELECT id AS exact FROM ledger_agents.register_agent('exact', 'acme', policy => '{"requireApproval": true, "requireCard": false}') \gset
SELECT id AS exact_card FROM ledger_agents.create_card(:'exact', type => 'multi') \gset
SELECT linked_intent_id AS parked FROM ledger_agents.authorize(:'exact', 600) \gset
SELECT is(data - '{intentId,agentId,expiresAt}'::text[], '{"userId": "acme", "expectedAmount": 600, "expectedCurrency": "USD", "tolerance": 0, "status": "pending_approval"}', 'the event tells the human of all that the yes is for')
FROM ledger_agents.events WHERE type = 'intent.pending_approval' AND data ->> 'intentId' = :'parked';
SELECT is((ledger_agents.approve_intent(:'parked')).status::text, 'pending', 'a human approves what was parked');
SELECT is((ledger_agents.evaluate(:'exact', 600, merchant => 'Elsewhere', intent_id => :'parked')).reasons::text, '{intent_mismatch,approval_required}', 'it is not for a merchant that nobody had named');
SELECT is((ledger_agents.evaluate(:'exact', 600, card_id => :'exact_card', intent_id => :'parked')).reasons::text, '{intent_mismatch,approval_required}', 'nor for a card');
SELECT is((ledger_agents.authorize(:'exact', 600, intent_id => :'parked')).decision::text, 'approved', 'it is for the request itself');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
