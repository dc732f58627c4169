-- Are active hours, cooldowns and lives of cards exact to the microsecond; and is retry_at the first instant at which all of them pass?
BEGIN;
SELECT no_plan();
\ir include/cases.psql

--
-- Active hours and days: (rules, zone of the organization, at, want).
--
CREATE TEMP TABLE hour (rules jsonb, zone text, at text, want text);
INSERT INTO hour VALUES
  ('{"activeHoursStart": 9, "activeHoursEnd": 17}', 'UTC', '2026-03-02 08:59:59.999999Z', 'outside_active_hours again 03-02 09:00:00'),
  ('{"activeHoursStart": 9, "activeHoursEnd": 17}', 'UTC', '2026-03-02 09:00Z', 'approved'),
  ('{"activeHoursStart": 9, "activeHoursEnd": 17}', 'UTC', '2026-03-02 16:59:59.999999Z', 'approved'),
  ('{"activeHoursStart": 9, "activeHoursEnd": 17}', 'UTC', '2026-03-02 17:00Z', 'outside_active_hours again 03-03 09:00:00'),
  ('{"activeHoursStart": 0, "activeHoursEnd": 1}', 'UTC', '2026-03-02 00:00Z', 'approved'),
  ('{"activeHoursStart": 0, "activeHoursEnd": 1}', 'UTC', '2026-03-01 23:59:59.999999Z', 'outside_active_hours again 03-02 00:00:00'),
  ('{"activeHoursStart": 23, "activeHoursEnd": 0}', 'UTC', '2026-03-01 23:59:59.999999Z', 'approved'),
  ('{"activeHoursStart": 23, "activeHoursEnd": 0}', 'UTC', '2026-03-02 00:00Z', 'outside_active_hours again 03-02 23:00:00'),
  ('{"activeDays": [1, 2, 3, 4, 5]}', 'UTC', '2026-03-06 23:59:59.999999Z', 'approved'),
  ('{"activeDays": [1, 2, 3, 4, 5]}', 'UTC', '2026-03-07 00:00Z', 'outside_active_hours again 03-09 00:00:00'),
  ('{"activeDays": [0]}', 'UTC', '2026-03-01 12:00Z', 'approved'),
  ('{"activeDays": [0]}', 'UTC', '2026-03-02 00:00Z', 'outside_active_hours again 03-08 00:00:00'),
  ('{"activeDays": [6], "activeHoursStart": 9, "activeHoursEnd": 10}', 'UTC', '2026-03-07 10:00Z', 'outside_active_hours again 03-14 09:00:00'),
  ('{"activeDays": [0, 1, 2, 3, 4, 5, 6]}', 'UTC', '2026-03-07 10:00Z', 'approved'),
  -- Over midnight: the morning belongs to the evening on which it began.
  ('{"activeDays": [5], "activeHoursStart": 22, "activeHoursEnd": 6}', 'UTC', '2026-03-06 05:59Z', 'outside_active_hours again 03-06 22:00:00'),
  ('{"activeDays": [5], "activeHoursStart": 22, "activeHoursEnd": 6}', 'UTC', '2026-03-06 22:00Z', 'approved'),
  ('{"activeDays": [5], "activeHoursStart": 22, "activeHoursEnd": 6}', 'UTC', '2026-03-07 00:00Z', 'approved'),
  ('{"activeDays": [5], "activeHoursStart": 22, "activeHoursEnd": 6}', 'UTC', '2026-03-07 05:59:59.999999Z', 'approved'),
  ('{"activeDays": [5], "activeHoursStart": 22, "activeHoursEnd": 6}', 'UTC', '2026-03-07 06:00Z', 'outside_active_hours again 03-13 22:00:00'),
  ('{"activeDays": [5], "activeHoursStart": 22, "activeHoursEnd": 6}', 'UTC', '2026-03-07 22:00Z', 'outside_active_hours again 03-13 22:00:00'),
  ('{"activeDays": [6], "activeHoursStart": 22, "activeHoursEnd": 6}', 'UTC', '2026-03-08 00:00Z', 'approved'),
  ('{"activeDays": [0], "activeHoursStart": 22, "activeHoursEnd": 6}', 'UTC', '2026-03-08 00:00Z', 'outside_active_hours again 03-08 22:00:00'),
  -- Where they are counted.
  ('{"activeHoursStart": 9, "activeHoursEnd": 17}', 'America/New_York', '2026-03-02 13:59Z', 'outside_active_hours again 03-02 14:00:00'),
  ('{"activeHoursStart": 9, "activeHoursEnd": 17}', 'America/New_York', '2026-03-02 14:00Z', 'approved'),
  ('{"activeHoursStart": 9, "activeHoursEnd": 17, "activeTimezone": "Asia/Kolkata"}', 'America/New_York', '2026-03-02 14:00Z', 'outside_active_hours again 03-03 03:30:00'),
  ('{"activeHoursStart": 9, "activeHoursEnd": 17, "activeTimezone": "Asia/Kolkata"}', 'America/New_York', '2026-03-02 11:29:59.999999Z', 'approved'),
  ('{"activeHoursStart": 9, "activeHoursEnd": 17, "activeTimezone": "Asia/Kathmandu"}', 'UTC', '2026-03-02 03:14Z', 'outside_active_hours again 03-02 03:15:00'),
  ('{"activeDays": [2], "activeTimezone": "Pacific/Kiritimati"}', 'America/New_York', '2026-03-02 10:00Z', 'approved'),
  ('{"activeDays": [2], "activeTimezone": "Pacific/Kiritimati"}', 'America/New_York', '2026-03-02 09:59Z', 'outside_active_hours again 03-02 10:00:00'),
  ('{"activeTimezone": "Asia/Tokyo"}', 'UTC', '2026-03-02 03:00Z', 'approved'),
  -- Clocks go forward at 2:00 on 2026-03-08: there is no hour from 2 to 3.
  ('{"activeHoursStart": 2, "activeHoursEnd": 3}', 'America/New_York', '2026-03-08 06:59Z', 'outside_active_hours again 03-09 06:00:00'),
  ('{"activeHoursStart": 2, "activeHoursEnd": 3}', 'America/New_York', '2026-03-08 07:00Z', 'outside_active_hours again 03-09 06:00:00'),
  ('{"activeHoursStart": 2, "activeHoursEnd": 3, "activeDays": [0]}', 'America/New_York', '2026-03-01 08:00Z', 'outside_active_hours again 03-15 06:00:00'),
  ('{"activeHoursStart": 1, "activeHoursEnd": 3}', 'America/New_York', '2026-03-08 06:59:59.999999Z', 'approved'),
  ('{"activeHoursStart": 1, "activeHoursEnd": 3}', 'America/New_York', '2026-03-08 07:00Z', 'outside_active_hours again 03-09 05:00:00'),
  ('{"activeHoursStart": 3, "activeHoursEnd": 5}', 'America/New_York', '2026-03-08 06:59:59.999999Z', 'outside_active_hours again 03-08 07:00:00'),
  ('{"activeHoursStart": 3, "activeHoursEnd": 5}', 'America/New_York', '2026-03-08 07:00Z', 'approved'),
  ('{"activeHoursStart": 22, "activeHoursEnd": 3, "activeDays": [6]}', 'America/New_York', '2026-03-08 06:59:59.999999Z', 'approved'),
  ('{"activeHoursStart": 22, "activeHoursEnd": 3, "activeDays": [6]}', 'America/New_York', '2026-03-08 07:00Z', 'outside_active_hours again 03-15 02:00:00'),
  ('{"activeDays": [0]}', 'America/New_York', '2026-03-08 04:59:59.999999Z', 'outside_active_hours again 03-08 05:00:00'),
  ('{"activeDays": [0]}', 'America/New_York', '2026-03-09 03:59:59.999999Z', 'approved'),
  ('{"activeDays": [0]}', 'America/New_York', '2026-03-09 04:00Z', 'outside_active_hours again 03-15 04:00:00'),
  -- Clocks go back at 2:00 on 2026-11-01: the hour from 1 to 2 comes twice.
  ('{"activeHoursStart": 1, "activeHoursEnd": 2}', 'America/New_York', '2026-11-01 05:00Z', 'approved'),
  ('{"activeHoursStart": 1, "activeHoursEnd": 2}', 'America/New_York', '2026-11-01 06:00Z', 'approved'),
  ('{"activeHoursStart": 1, "activeHoursEnd": 2}', 'America/New_York', '2026-11-01 06:59:59.999999Z', 'approved'),
  ('{"activeHoursStart": 1, "activeHoursEnd": 2}', 'America/New_York', '2026-11-01 07:00Z', 'outside_active_hours again 11-02 06:00:00'),
  ('{"activeHoursStart": 2, "activeHoursEnd": 3}', 'America/New_York', '2026-11-01 05:59:59.999999Z', 'outside_active_hours again 11-01 07:00:00'),
  ('{"activeHoursStart": 2, "activeHoursEnd": 3}', 'America/New_York', '2026-11-01 07:59:59.999999Z', 'approved'),
  ('{"activeDays": [0]}', 'America/New_York', '2026-11-02 04:59:59.999999Z', 'approved'),
  ('{"activeDays": [0]}', 'America/New_York', '2026-11-02 05:00Z', 'outside_active_hours again 11-08 05:00:00'),
  -- Half an hour forward at 2:00 on 2026-10-04, and before the year 2000.
  ('{"activeHoursStart": 2, "activeHoursEnd": 3}', 'Australia/Lord_Howe', '2026-10-03 15:29Z', 'outside_active_hours again 10-03 15:30:00'),
  ('{"activeHoursStart": 9, "activeHoursEnd": 10}', 'UTC', '1999-03-02 08:50Z', 'outside_active_hours again 03-02 09:00:00');
SELECT is(pg_temp.answer(jsonb_build_object('zone', zone, 'agent', rules), jsonb_build_array(jsonb_build_object('at', at, 'spend', 100))), want, format('%s in %s at %s', rules, zone, at)) FROM hour;

--
-- Cooldown, lives of cards, attestations.
--
SELECT is(pg_temp.answer(setup, steps), want, format('%s %s', setup, steps)) FROM (VALUES
  ('{"agent": {"cooldownMinutes": 20}}'::jsonb, '[{"spend": 1}]'::jsonb, 'approved'),
  ('{"agent": {"cooldownMinutes": 20}}', '[{"spend": 1}, {"spend": 1}]', 'cooldown_active again 03-02 09:20:00'),
  ('{"agent": {"cooldownMinutes": 20}}', '[{"spend": 1}, {"at": "2026-03-02 09:19:59.999999Z", "spend": 1}]', 'cooldown_active again 03-02 09:20:00'),
  ('{"agent": {"cooldownMinutes": 20}}', '[{"spend": 1}, {"at": "2026-03-02 09:20Z", "spend": 1}]', 'approved'),
  ('{"agent": {"cooldownMinutes": 20}}', '[{"spend": 1}, {"at": "2026-03-02 09:15Z", "spend": 1, "declined": true}, {"at": "2026-03-02 09:20Z", "spend": 1}]', 'approved'),
  ('{"agent": {"cooldownMinutes": 20}}', '[{"spend": 1}, {"reverse": null}, {"spend": 1}]', 'cooldown_active again 03-02 09:20:00'),
  ('{"agent": {"cooldownMinutes": 20}}', '[{"spend": 1, "hold": "1 minute"}, {"at": "2026-03-02 09:10Z", "spend": 1}]', 'cooldown_active again 03-02 09:20:00'),
  ('{"agent": {"cooldownMinutes": 525600}}', '[{"spend": 1}, {"spend": 1}]', 'cooldown_active again 03-02 09:00:00'),
  ('{}', '[{"spend": 1}, {"at": "2026-03-02 09:10Z"}, {"agent": {"cooldownMinutes": 20}}, {"spend": 1}]', 'cooldown_active again 03-02 09:20:00'),
  -- Each card has its own memory, whoever sets the rule; what names no card shares the agent's.
  ('{"agent": {"cooldownMinutes": 20}, "card": {}}', '[{"spend": 1}, {"spend": 1}]', 'cooldown_active again 03-02 09:20:00'),
  ('{"agent": {"cooldownMinutes": 20}, "card": {}}', '[{"spend": 1}, {"another card": true}, {"spend": 1}]', 'approved'),
  ('{"customer": {"cooldownMinutes": 20}}', '[{"spend": 1}, {"another agent": "b"}, {"spend": 1}]', 'approved'),
  ('{"agent": {"cooldownMinutes": 20, "requireCard": false}, "card": {}}', '[{"spend": 1}, {"spend": 1, "card": false}]', 'approved'),
  ('{"agent": {"cooldownMinutes": 20, "requireCard": false}, "card": {}}', '[{"spend": 1, "card": false}, {"spend": 1}]', 'approved'),
  ('{"agent": {"cooldownMinutes": 20, "requireCard": false}, "card": {}}', '[{"spend": 1, "card": false}, {"spend": 1, "card": false}]', 'cooldown_active again 03-02 09:20:00'),
  -- A card lives from its creation on.
  ('{"card": {"ttlMinutes": 60}}', '[{"at": "2026-03-02 09:59:59.999999Z", "spend": 1}]', 'approved'),
  ('{"card": {"ttlMinutes": 60}}', '[{"at": "2026-03-02 10:00Z", "spend": 1}]', 'card_expired'),
  ('{"card": {"ttlMinutes": 60, "onExpiry": "freeze"}}', '[{"at": "2026-03-02 10:00Z", "spend": 1}]', 'card_expired'),
  ('{"card": {"ttlDays": 2}}', '[{"at": "2026-03-04 08:59:59.999999Z", "spend": 1}]', 'approved'),
  ('{"card": {"ttlDays": 2}}', '[{"at": "2026-03-04 09:00Z", "spend": 1}]', 'card_expired'),
  ('{"card": {"ttlDays": 2, "ttlMinutes": 5}}', '[{"at": "2026-03-02 09:05Z", "spend": 1}]', 'card_expired'),
  ('{"card": {"ttlDays": 2, "ttlMinutes": 5000}}', '[{"at": "2026-03-04 09:00Z", "spend": 1}]', 'card_expired'),
  ('{"card": {}}', '[{"at": "2026-03-02 12:00Z"}, {"card": {"ttlMinutes": 60}}, {"spend": 1}]', 'card_expired'),
  ('{"card": {"ttlMinutes": 60}}', '[{"at": "2026-03-02 12:00Z"}, {"card": {"ttlMinutes": 240}}, {"spend": 1}]', 'approved'),
  -- An attestation is fresh for ten minutes, of the card or of the agent without one.
  ('{"agent": {"requireAttestation": true}}', '[{"attest": "agent"}, {"at": "2026-03-02 09:10Z", "spend": 1}]', 'approved'),
  ('{"agent": {"requireAttestation": true}}', '[{"attest": "agent"}, {"at": "2026-03-02 09:10:00.000001Z", "spend": 1}]', 'attestation_required'),
  ('{"agent": {"requireAttestation": true, "attestationWindowMinutes": 60}}', '[{"attest": "agent"}, {"at": "2026-03-02 10:00Z", "spend": 1}]', 'approved'),
  ('{"agent": {"requireAttestation": true}}', '[{"attest": "agent"}, {"spend": 1}, {"spend": 1}]', 'approved'),
  ('{"agent": {"requireAttestation": true}, "card": {}}', '[{"attest": "agent"}, {"spend": 1}]', 'attestation_required'),
  ('{"agent": {"requireAttestation": true}, "card": {}}', '[{"attest": "card"}, {"spend": 1}]', 'approved'),
  ('{"agent": {"requireAttestation": true, "requireCard": false}, "card": {}}', '[{"attest": "card"}, {"spend": 1, "card": false}]', 'attestation_required')
) AS v (setup, steps, want);

--
-- When all of them pass.
--
SELECT is(pg_temp.answer(setup, steps), want, format('%s %s', setup, steps)) FROM (VALUES
  ('{"agent": {"cooldownMinutes": 20, "activeHoursStart": 9, "activeHoursEnd": 17}}'::jsonb, '[{"at": "2026-03-02 16:50Z", "spend": 1}, {"at": "2026-03-02 16:55Z", "spend": 1}]'::jsonb, 'cooldown_active again 03-03 09:00:00'),
  ('{"agent": {"cooldownMinutes": 20, "activeHoursStart": 9, "activeHoursEnd": 17}}', '[{"at": "2026-03-02 16:50Z", "spend": 1}, {"at": "2026-03-02 17:00Z", "spend": 1}]', 'outside_active_hours,cooldown_active again 03-03 09:00:00'),
  ('{"agent": {"cooldownMinutes": 20, "activeHoursStart": 17, "activeHoursEnd": 9}}', '[{"at": "2026-03-02 08:50Z", "spend": 1}, {"at": "2026-03-02 08:55Z", "spend": 1}]', 'cooldown_active again 03-02 17:00:00'),
  ('{"agent": {"limits": {"perDay": 100}, "activeHoursStart": 9, "activeHoursEnd": 17}}', '[{"spend": 60}, {"at": "2026-03-02 12:00Z", "spend": 60}]', 'agent_limit_exceeded max 40 again 03-03 09:00:00'),
  ('{"agent": {"limits": {"perDay": 100}, "activeDays": [1, 3], "cooldownMinutes": 1440}}', '[{"spend": 60}, {"at": "2026-03-02 12:00Z", "spend": 60}]', 'cooldown_active,agent_limit_exceeded again 03-04 00:00:00'),
  ('{"agent": {"limits": {"perDay": 100, "perMonth": 110}}}', '[{"spend": 60}, {"at": "2026-03-02 12:00Z", "spend": 60}]', 'agent_limit_exceeded max 40 again 04-01 00:00:00'),
  ('{"agent": {"limits": {"perDay": 100}, "cumulativeMax": 110}}', '[{"spend": 60}, {"spend": 60}]', 'agent_limit_exceeded max 40'),
  ('{"agent": {"limits": {"perDay": 100}}}', '[{"spend": 60}, {"spend": 60, "mcc": "5812"}]', 'agent_limit_exceeded max 40 again 03-03 00:00:00'),
  ('{"agent": {"limits": {"perDay": 100}, "blockedMccs": ["5812"]}}', '[{"spend": 60, "mcc": "5411"}, {"spend": 60, "mcc": "5812"}]', 'mcc_blocked,agent_limit_exceeded'),
  ('{"agent": {"limits": {"perDay": 100}, "requireAttestation": true}}', '[{"attest": "agent"}, {"spend": 60}, {"spend": 60}]', 'agent_limit_exceeded max 40'),
  ('{"agent": {"cooldownMinutes": 5, "requireAttestation": true}}', '[{"attest": "agent"}, {"spend": 60}, {"spend": 60}]', 'cooldown_active again 03-02 09:05:00'),
  ('{"agent": {"cooldownMinutes": 10, "requireAttestation": true}}', '[{"attest": "agent"}, {"spend": 60}, {"spend": 60}]', 'cooldown_active again 03-02 09:10:00'),
  ('{"agent": {"cooldownMinutes": 11, "requireAttestation": true}}', '[{"attest": "agent"}, {"spend": 60}, {"spend": 60}]', 'cooldown_active'),
  ('{"card": {"limits": {"perDay": 100}, "ttlDays": 1}}', '[{"spend": 60}, {"spend": 60}]', 'card_limit_exceeded max 40 again 03-03 00:00:00'),
  ('{"card": {"limits": {"perDay": 100}, "ttlMinutes": 900}}', '[{"spend": 60}, {"spend": 60}]', 'card_limit_exceeded max 40'),
  ('{"card": {"cooldownMinutes": 60, "ttlMinutes": 61}}', '[{"spend": 60}, {"spend": 60}]', 'cooldown_active again 03-02 10:00:00'),
  ('{"card": {"cooldownMinutes": 60, "ttlMinutes": 60}}', '[{"spend": 60}, {"spend": 60}]', 'cooldown_active'),
  ('{"agent row": {"spending_limit": 100, "spending_limit_frequency": "per24HourPeriod"}, "customer": {"limits": {"perDay": 100}}, "agent": {"cooldownMinutes": 1}}', '[{"spend": 60}, {"spend": 60}]',
   'cooldown_active,agent_limit_exceeded,customer_limit_exceeded again 03-03 09:00:00'),
  ('{"agent row": {"spending_limit": 100, "spending_limit_frequency": "per24HourPeriod"}}', '[{"spend": 50}, {"at": "2026-03-02 10:00Z", "spend": 30}, {"at": "2026-03-02 11:00Z", "spend": 90}]', 'agent_limit_exceeded max 20 again 03-03 10:00:00'),
  ('{"agent row": {"spending_limit": 100, "spending_limit_frequency": "per24HourPeriod"}}', '[{"spend": 50, "hold": "1 hour"}, {"spend": 30}, {"at": "2026-03-02 09:30Z", "spend": 70}]', 'agent_limit_exceeded max 20 again 03-02 10:00:00'),
  ('{"agent": {"limits": {"perDay": 100}, "cooldownMinutes": 30}}', '[{"spend": 60, "hold": "1 hour"}, {"at": "2026-03-02 09:15Z", "spend": 60}]', 'cooldown_active,agent_limit_exceeded again 03-02 10:00:00'),
  ('{"agent": {"limits": {"perDay": 50}, "cooldownMinutes": 30}}', '[{"spend": 30}, {"at": "2026-03-02 09:15Z", "spend": 60}]', 'cooldown_active,agent_limit_exceeded'),
  ('{"agent": {"cooldownMinutes": 60, "requireIntent": true}}', '[{"declare": {}}, {"spend": 1}, {"declare": {"ttl": 61}}, {"spend": 1}]', 'cooldown_active again 03-02 10:00:00'),
  ('{"agent": {"cooldownMinutes": 60, "requireIntent": true}}', '[{"declare": {}}, {"spend": 1}, {"declare": {"ttl": 60}}, {"spend": 1}]', 'cooldown_active'),
  ('{"agent": {"cooldownMinutes": 60}}', '[{"spend": 1}, {"declare": {"ttl": 60}}, {"spend": 1}]', 'cooldown_active again 03-02 10:00:00'),
  ('{"agent": {"cooldownMinutes": 60}}', '[{"spend": 1}, {"declare": {"ttl": 60}}, {"spend": 1, "intent": true}]', 'cooldown_active')
) AS v (setup, steps, want);
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
