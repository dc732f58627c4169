-- Is a first merchant kept, a hint heard, and does each action on a drift do what it says, and nothing else?
BEGIN;
SELECT no_plan();
\ir include/cases.psql

-- What the last step left: the card's status with its reason, and the events that tell of a drift.
CREATE FUNCTION pg_temp.left_behind() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', c.status, c.status_reason, c.status_by, (SELECT string_agg(concat_ws(' ', ': ' || e.type, coalesce(e.data ->> 'action', e.data ->> 'reason'), e.data ->> 'expectedMerchant', '/ ' || (e.data ->> 'actualMerchant')), '' ORDER BY e.type DESC)
                                                                  FROM ledger_agents.events AS e WHERE e.agent_id = w.agent AND e.type IN ('card.merchant_drift', 'card.frozen')))
    FROM world AS w LEFT JOIN ledger_agents.cards AS c ON c.id = w.card
$$;

--
-- Actions: (rules of the card, steps, answer, what it left).
--
SELECT is(pg_temp.answer(jsonb_build_object('card', card), steps) || coalesce(' ' || nullif(pg_temp.left_behind(), ''), ''), want, format('%s %s', card, steps)) FROM (VALUES
  ('{"merchantHint": "Staples"}'::jsonb, '[{"spend": 1, "merchant": "Delta"}]'::jsonb, 'approved active'),
  ('{"merchantHint": "Staples", "onDrift": "allow"}', '[{"spend": 1, "merchant": "Delta"}]', 'approved active'),
  ('{"merchantHint": "Staples", "onDrift": "alert"}', '[{"spend": 1, "merchant": "STAPLES #12"}]', 'approved active'),
  ('{"merchantHint": "Staples", "onDrift": "alert"}', '[{"spend": 1, "merchant": "Delta"}]', 'approved active : card.merchant_drift allowed staples / Delta'),
  ('{"merchantHint": "Staples", "onDrift": "alert"}', '[{"spend": 1}]', 'approved active : card.merchant_drift allowed staples'),
  ('{"merchantHint": "Staples", "onDrift": "alert", "blockedMccs": ["7995"]}', '[{"spend": 1, "merchant": "Delta"}]', 'mcc_blocked active'),
  ('{"merchantHint": "Staples", "onDrift": "decline"}', '[{"spend": 1, "merchant": "Delta"}]', 'merchant_drift active : card.merchant_drift declined staples / Delta'),
  ('{"merchantHint": "Staples", "onDrift": "decline"}', '[{"spend": 1}]', 'merchant_drift active : card.merchant_drift declined staples'),
  ('{"merchantHint": "Staples", "onDrift": "decline"}', '[{"spend": 1, "merchant": "***"}]', 'merchant_drift active : card.merchant_drift declined staples / ***'),
  ('{"merchantHint": "Staples", "onDrift": "decline"}', '[{"spend": 1, "merchant": "The Staples Center"}]', 'approved active'),
  ('{"merchantHint": "Staples Center", "onDrift": "decline"}', '[{"spend": 1, "merchant": "staples"}]', 'approved active'),
  ('{"merchantHint": "Staples", "onDrift": "freeze"}', '[{"spend": 1, "merchant": "Staples"}]', 'approved active'),
  ('{"merchantHint": "Staples", "onDrift": "freeze"}', '[{"spend": 1, "merchant": "Delta"}]',
   'merchant_drift frozen merchant_drift system : card.merchant_drift frozen staples / Delta: card.frozen merchant_drift'),
  ('{"merchantHint": "Staples", "onDrift": "freeze"}', '[{"spend": 1, "merchant": "Delta", "declined": true}, {"spend": 1, "merchant": "Staples"}]',
   'card_frozen frozen merchant_drift system : card.merchant_drift frozen staples / Delta: card.frozen merchant_drift'),
  ('{"merchantHint": "Staples", "onDrift": "freeze"}', '[{"spend": 1, "merchant": "Delta", "declined": true}, {"verb": "unfreeze_card"}, {"spend": 1, "merchant": "Staples"}]',
   'approved active : card.merchant_drift frozen staples / Delta: card.frozen merchant_drift'),
  -- Without a hint, the first approved merchant is what is expected.
  ('{"onDrift": "decline"}', '[{"spend": 1, "merchant": "Delta"}]', 'approved active'),
  ('{"onDrift": "decline"}', '[{"spend": 1}]', 'approved active'),
  ('{"onDrift": "decline"}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "Staples"}]', 'merchant_drift active : card.merchant_drift declined delta / Staples'),
  ('{"onDrift": "decline"}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "DELTA AIR"}]', 'approved active'),
  ('{"onDrift": "freeze"}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "Staples"}]',
   'merchant_drift frozen merchant_drift system : card.merchant_drift frozen delta / Staples: card.frozen merchant_drift'),
  ('{"onDrift": "alert"}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "Staples"}, {"spend": 1, "merchant": "Delta"}]', 'approved active : card.merchant_drift allowed delta / Staples'),
  ('{"onDrift": "decline", "merchantHint": "Staples"}', '[{"spend": 1, "merchant": "Staples"}, {"card": {"onDrift": "decline", "merchantHint": "Delta"}}, {"spend": 1, "merchant": "Staples"}]',
   'merchant_drift active : card.merchant_drift declined delta / Staples'),
  -- The lock: the first approved one becomes the only one.
  ('{"lockToFirstMerchant": true}', '[{"spend": 1, "merchant": "Delta"}]', 'approved active'),
  ('{"lockToFirstMerchant": true}', '[{"spend": 1}]', 'merchant_locked active'),
  ('{"lockToFirstMerchant": true}', '[{"spend": 1, "merchant": "***"}]', 'merchant_locked active'),
  ('{"lockToFirstMerchant": true}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "DELTA AIR 7"}]', 'approved active'),
  ('{"lockToFirstMerchant": true}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "Air Delta"}]', 'merchant_locked active'),
  ('{"lockToFirstMerchant": true}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1}]', 'merchant_locked active'),
  ('{"lockToFirstMerchant": true}', '[{"spend": 1, "merchant": "DELTA AIR"}, {"spend": 1, "merchant": "Delta"}]', 'merchant_locked active'),
  ('{"lockToFirstMerchant": true}', '[{"spend": 1, "merchant": "Delta"}, {"reverse": null}, {"spend": 1, "merchant": "Staples"}]', 'merchant_locked active'),
  ('{"lockToFirstMerchant": true, "limits": {"perAuth": 5}}', '[{"spend": 6, "merchant": "Delta", "declined": true}, {"spend": 1, "merchant": "Staples"}]', 'approved max 5 active'),
  ('{"lockToFirstMerchant": true, "onDrift": "freeze"}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "Staples"}]',
   'merchant_locked,merchant_drift frozen merchant_drift system : card.merchant_drift frozen delta / Staples: card.frozen merchant_drift'),
  ('{}', '[{"spend": 1, "merchant": "Delta"}, {"card": {"lockToFirstMerchant": true}}, {"spend": 1, "merchant": "Staples"}]', 'merchant_locked active'),
  ('{}', '[{"spend": 1}, {"spend": 1, "merchant": "***"}, {"spend": 1, "merchant": "Delta"}, {"card": {"lockToFirstMerchant": true}}, {"spend": 1, "merchant": "Delta"}]', 'approved active')
) AS v (card, steps, want);

--
-- The memory: each card its own, whoever sets the rule; without a card the agent's.
--
SELECT is(pg_temp.answer(setup, steps) || coalesce(' ' || nullif(pg_temp.left_behind(), ''), ''), want, format('%s %s', setup, steps)) FROM (VALUES
  ('{"customer": {"lockToFirstMerchant": true}, "card": {}}'::jsonb, '[{"spend": 1, "merchant": "Delta"}, {"another card": true}, {"spend": 1, "merchant": "Staples"}]'::jsonb, 'approved active'),
  ('{"agent": {"lockToFirstMerchant": true, "requireCard": false}, "card": {}}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "Staples", "card": false}]', 'approved active'),
  ('{"agent": {"lockToFirstMerchant": true, "requireCard": false}, "card": {}}', '[{"spend": 1, "merchant": "Delta", "card": false}, {"spend": 1, "merchant": "Staples", "card": false}]', 'merchant_locked active'),
  ('{"agent": {"lockToFirstMerchant": true}}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "Staples"}]', 'merchant_locked'),
  ('{"agent": {"onDrift": "freeze"}}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "Staples"}]', 'merchant_drift : card.merchant_drift declined delta / Staples'),
  ('{"agent": {"onDrift": "freeze"}}', '[{"spend": 1, "merchant": "Delta"}, {"spend": 1, "merchant": "Staples", "declined": true}, {"spend": 1, "merchant": "Delta"}]', 'approved : card.merchant_drift declined delta / Staples')
) AS v (setup, steps, want);
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
