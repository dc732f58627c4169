-- Is every change of a card made, refused or idle as its state says, and does a card get what it was asked for, or its agent's defaults?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL ledger_agents.clock = '2026-03-04 09:00Z';

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

-- What is stored of cards, events and changes.
CREATE FUNCTION pg_temp.stored() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', (SELECT md5(string_agg(c::text, '' ORDER BY c.id)) FROM ledger_agents.cards AS c),
                   (SELECT count(*) FROM ledger_agents.counters), (SELECT count(*) FROM ledger_agents.events),
                   (SELECT count(*) FROM ledger_agents.configuration_changes))
$$;

--
-- State × verb. The state of a card is its status with the reason, and its agent's status.
--
CREATE FUNCTION pg_temp.card_in(state text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  agent uuid;
  card uuid;
BEGIN
  SELECT id INTO agent FROM ledger_agents.register_agent(gen_random_uuid()::text, 'customer');
  SELECT id INTO card FROM ledger_agents.create_card(agent, 'in ' || state, 'multi');
  CASE state
    WHEN 'active' THEN NULL;
    WHEN 'frozen manual' THEN PERFORM ledger_agents.freeze_card(card);
    WHEN 'frozen merchant_drift' THEN
      UPDATE ledger_agents.cards SET status = 'frozen', status_reason = 'merchant_drift', status_by = 'system' WHERE id = card;
    WHEN 'frozen agent_suspended' THEN PERFORM ledger_agents.update_agent(agent, '{"status": "suspended"}');
    WHEN 'frozen manual, agent suspended' THEN
      PERFORM ledger_agents.freeze_card(card);
      PERFORM ledger_agents.update_agent(agent, '{"status": "suspended"}');
    WHEN 'closed manual' THEN PERFORM ledger_agents.close_card(card);
    WHEN 'closed manual, agent suspended' THEN
      PERFORM ledger_agents.close_card(card);
      PERFORM ledger_agents.update_agent(agent, '{"status": "suspended"}');
    WHEN 'closed agent_deregistered' THEN PERFORM ledger_agents.deregister_agent(agent);
  END CASE;
  RETURN card;
END
$$;

-- How a verb ends: the error, or status and reason, with "idle" when nothing at all was written.
CREATE FUNCTION pg_temp.outcome(state text, verb text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  card uuid := pg_temp.card_in(state);
  agent uuid := (SELECT agent_id FROM ledger_agents.cards WHERE id = card);
  before text := pg_temp.stored();
  error text;
BEGIN
  error := pg_temp.error_of(CASE verb
    WHEN 'update' THEN format('SELECT ledger_agents.update_card(%L, ''{"purpose": "other"}'')', card)
    WHEN 'suspend agent' THEN format('SELECT ledger_agents.update_agent(%L, ''{"status": "suspended"}'')', agent)
    WHEN 'activate agent' THEN format('SELECT ledger_agents.update_agent(%L, ''{"status": "active"}'')', agent)
    WHEN 'deregister agent' THEN format('SELECT ledger_agents.deregister_agent(%L)', agent)
    ELSE format('SELECT ledger_agents.%s_card(%L)', verb, card) END);
  RETURN concat_ws(' ', CASE WHEN before = pg_temp.stored() THEN 'idle' END,
    coalesce(error, (SELECT concat_ws(' ', status, status_reason) FROM ledger_agents.cards WHERE id = card)));
END
$$;

CREATE TEMP TABLE cell (state text, verb text, want text);
INSERT INTO cell
SELECT s.state, v.verb, s.wants[v.n]
FROM (VALUES
  ('active', '{active,frozen manual,idle active,closed manual,frozen agent_suspended,idle active,closed agent_deregistered}'::text[]),
  ('frozen manual', '{frozen manual,idle frozen manual,active,closed manual,frozen manual,idle frozen manual,closed agent_deregistered}'),
  ('frozen merchant_drift', '{frozen merchant_drift,frozen manual,active,closed manual,frozen merchant_drift,idle frozen merchant_drift,closed agent_deregistered}'),
  ('frozen agent_suspended', '{frozen agent_suspended,frozen manual,idle 55000 agent_suspended agent_id,closed manual,idle frozen agent_suspended,active,closed agent_deregistered}'),
  ('frozen manual, agent suspended', '{frozen manual,idle frozen manual,idle 55000 agent_suspended agent_id,closed manual,idle frozen manual,frozen manual,closed agent_deregistered}'),
  ('closed manual', '{idle 55000 card_closed card_id,idle 55000 card_closed card_id,idle 55000 card_closed card_id,idle closed manual,closed manual,idle closed manual,closed manual}'),
  ('closed manual, agent suspended', '{idle 55000 card_closed card_id,idle 55000 card_closed card_id,idle 55000 card_closed card_id,idle closed manual,idle closed manual,closed manual,closed manual}'),
  ('closed agent_deregistered', '{idle 55000 card_closed card_id,idle 55000 card_closed card_id,idle 55000 card_closed card_id,idle closed agent_deregistered,idle 55000 agent_deregistered agent_id,idle 55000 agent_deregistered agent_id,idle closed agent_deregistered}')
) AS s (state, wants),
(VALUES (1, 'update'), (2, 'freeze'), (3, 'unfreeze'), (4, 'close'), (5, 'suspend agent'), (6, 'activate agent'), (7, 'deregister agent')) AS v (n, verb);
SELECT is(pg_temp.outcome(state, verb), want, format('%s: %s', state, verb)) FROM cell;
SELECT is((SELECT count(*) FROM cell), 56::bigint, 'every state meets every verb');

-- The same verb a second time changes nothing.
CREATE FUNCTION pg_temp.repeated(verb text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  call text := format('SELECT ledger_agents.%s_card(%L)', verb, pg_temp.card_in('active'));
  before text;
BEGIN
  EXECUTE call;
  before := pg_temp.stored();
  EXECUTE call;
  RETURN CASE WHEN before = pg_temp.stored() THEN 'idle' END;
END
$$;
SELECT is(pg_temp.repeated(verb), 'idle', verb || ' twice') FROM unnest('{freeze,unfreeze,close}'::text[]) AS verb;

-- Each change of a status has one event and one record.
SELECT bag_eq($$SELECT c.action || ' ' || count(*) FROM ledger_agents.configuration_changes AS c WHERE c.object_type = 'card' AND c.action IN ('create', 'freeze', 'unfreeze', 'close') GROUP BY c.action$$,
              $$SELECT CASE e.type WHEN 'card.created' THEN 'create' WHEN 'card.frozen' THEN 'freeze' WHEN 'card.unfrozen' THEN 'unfreeze' ELSE 'close' END || ' ' || count(*)
                FROM ledger_agents.events AS e WHERE e.type::text LIKE 'card.%' GROUP BY e.type$$, 'as many events as records');
SELECT is_empty($$SELECT e.data FROM ledger_agents.events AS e WHERE e.type IN ('card.frozen', 'card.unfrozen', 'card.closed')
  AND (NOT e.data ?& ARRAY['cardId', 'agentId', 'reason'] OR e.data ->> 'agentId' <> e.agent_id::text
       OR e.data ->> CASE e.type WHEN 'card.frozen' THEN 'frozenBy' WHEN 'card.unfrozen' THEN 'unfrozenBy' ELSE 'closedBy' END IS DISTINCT FROM 'operator')$$, 'events have their fields');

--
-- What a card gets: (arguments, limit, frequency, policy), of an agent with defaults.
--
CREATE TEMP TABLE rich AS SELECT id FROM ledger_agents.register_agent('rich', 'customer', default_card_limit => 500, default_card_limit_frequency => 'perWeek');
INSERT INTO ledger_agents.policies VALUES ('default', '00000000-0000-7000-8000-00000000000a', 'agents', '{}', now(), now()), ('default', '00000000-0000-7000-8000-00000000000b', 'another', '{}', now(), now());
SELECT is(default_policy_id::text, '00000000-0000-7000-8000-00000000000a', 'the agent has a template') FROM rich AS r, ledger_agents.update_agent(r.id, '{"default_policy_id": "00000000-0000-7000-8000-00000000000a"}');
CREATE FUNCTION pg_temp.made(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE format('SELECT concat_ws('' '', type, coalesce(spending_limit::text, ''none''), spending_limit_frequency, right(policy_id::text, 1)) FROM rich AS r, ledger_agents.create_card(r.id%s) AS c', arguments) INTO answer;
  RETURN answer;
END
$$;
SELECT is(pg_temp.made(arguments), want, coalesce(nullif(arguments, ''), 'nothing is named'))
FROM (VALUES ('', 'single 500 perWeek a'), (', spending_limit => 9', 'single 9 perMonth a'), (', spending_limit => 0', 'single 0 perMonth a'),
             (', spending_limit => 9, spending_limit_frequency => ''allTime''', 'single 9 allTime a'),
             (', spending_limit_frequency => ''perTransaction''', 'single 500 perTransaction a'),
             (', type => ''multi'', policy_id => ''00000000-0000-7000-8000-00000000000b''', 'multi 500 perWeek b')) AS v (arguments, want);
SELECT is(c.answer ->> 'spendingLimit' IS NULL AND NOT c.answer ? 'policyId', true, 'JSON: a null is none')
  FROM rich, ledger_agents_api.create_card(jsonb_build_object('agentId', rich.id, 'spendingLimit', NULL, 'policyId', NULL)) AS c (answer);
SELECT is(concat_ws(' ', c.answer ->> 'spendingLimit', c.answer ->> 'spendingLimitFrequency', right(c.answer ->> 'policyId', 1)), '500 perWeek a', 'JSON: absent is the default')
  FROM rich, ledger_agents_api.create_card(jsonb_build_object('agentId', rich.id)) AS c (answer);
-- Later changes of the default do not touch it.
SELECT is(a.default_card_limit, NULL, 'the default is taken away') FROM rich, ledger_agents.update_agent(rich.id, '{"default_card_limit": null, "default_policy_id": null}') AS a;
SELECT is(count(*) FILTER (WHERE spending_limit = 500 AND right(policy_id::text, 1) = 'a'), 3::bigint, 'its cards keep theirs') FROM rich, ledger_agents.list_cards(rich.id);
SELECT is(pg_temp.made(''), 'single none perWeek', 'new ones have none');

-- A card that is not closed counts, whatever its state.
CREATE TEMP TABLE few AS SELECT a.id, c.id AS card FROM ledger_agents.register_agent('few', 'customer', max_cards => 1) AS a, ledger_agents.create_card(a.id) AS c;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.create_card(%L)', id)), '55000 max_cards_reached agent_id', 'an active card counts') FROM few;
SELECT is(status::text, 'frozen', 'frozen') FROM few, ledger_agents.freeze_card(few.card);
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.create_card(%L)', id)), '55000 max_cards_reached agent_id', 'a frozen card counts') FROM few;
SELECT is(status::text, 'closed', 'closed') FROM few, ledger_agents.close_card(few.card);
SELECT is(card_count, 0, 'a closed card does not') FROM few, ledger_agents.get_agent(few.id);
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.create_card(%L)', id)), NULL, 'and makes room') FROM few;
SELECT is(max_cards, 0, 'max_cards may be lowered below what there is') FROM few, ledger_agents.update_agent(few.id, '{"max_cards": 0}');
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.create_card(%L)', id)), '55000 max_cards_reached agent_id', 'then there is no room') FROM few;

--
-- What no card may have: (arguments, error), and (changes, error).
--
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.create_card(rich.id, %s) FROM rich', arguments)), want, arguments)
FROM (VALUES ('purpose => ''''', '22023 invalid_length purpose'), ('purpose => repeat(''x'', 256)', '22023 invalid_length purpose'),
             ('type => NULL', '22004 null_value type'), ('type => ''Single''', '22023 invalid_value type'),
             ('max_amount => 0', '22023 out_of_range max_amount'), ('max_amount => -1', '22023 out_of_range max_amount'),
             ('spending_limit => -1', '22023 out_of_range spending_limit'), ('spending_limit_frequency => ''daily''', '22023 invalid_value spending_limit_frequency'),
             ('window_mode => ''sliding''', '22023 invalid_value window_mode'), ('policy => ''[]''', '22023 invalid_policy policy'),
             ('policy => ''{"allowedMccs": ["12"]}''', '22023 invalid_policy policy.allowedMccs'), ('metadata => ''[]''', '22023 invalid_type metadata'),
             ('policy_id => ''00000000-0000-7000-8000-0000000000ff''', 'P0002 unknown_policy policy_id'),
             ('organization_id => ''nowhere''', 'P0002 unknown_agent agent_id')) AS w (arguments, want);
SELECT is(pg_temp.error_of('SELECT ledger_agents.create_card(NULL)'), '22004 null_value agent_id', 'no agent');
CREATE TEMP TABLE plain AS SELECT c.id FROM rich, ledger_agents.create_card(rich.id, 'plain', 'multi') AS c;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_card(id, %L) FROM plain', changes)), want, changes)
FROM (VALUES ('{"purpose": ""}', '22023 invalid_length purpose'), ('{"purpose": 5}', '22023 invalid_type purpose'), ('{"max_amount": 0}', '22023 out_of_range max_amount'),
             ('{"spending_limit": "5"}', '22023 invalid_type spending_limit'), ('{"spending_limit": 0.5}', '22023 invalid_type spending_limit'),
             ('{"spending_limit_frequency": null}', '22004 null_value spending_limit_frequency'), ('{"metadata": null}', '22004 null_value metadata'),
             ('{"policy": {"nonsense": 1}}', '22023 invalid_policy policy.nonsense'), ('{"policy_id": "x"}', '22023 invalid_type policy_id'),
             ('{"policy_id": "00000000-0000-7000-8000-0000000000ff"}', 'P0002 unknown_policy policy_id'), ('{"type": "multi"}', '22023 immutable_field type'),
             ('{"agent_id": null}', '22023 immutable_field agent_id'), ('{"id": null}', '22023 immutable_field id'), ('{"status": "frozen"}', '22023 immutable_field status'),
             ('{"current_spend": 0}', '22023 immutable_field current_spend'), ('{"spendingLimit": 1}', '22023 unknown_field spendingLimit'),
             ('[]', '22023 invalid_type changes'), (NULL, '22004 null_value changes')) AS w (changes, want);
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.%s(NULL)', name)), '22004 null_value card_id', name) FROM unnest('{freeze_card,unfreeze_card,close_card,get_card}'::text[]) AS name;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.%s(''00000000-0000-7000-8000-0000000000ff'')', name)), 'P0002 unknown_card card_id', name)
  FROM unnest('{freeze_card,unfreeze_card,close_card,get_card}'::text[]) AS name;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.list_cards(%s)', arguments)), want, arguments)
FROM (VALUES ('status => ''open''', '22023 invalid_value status'), ('max_rows => 0', '22023 out_of_range max_rows'), ('max_rows => 101', '22023 out_of_range max_rows'),
             ('after => ''x''', '22023 invalid_value after')) AS w (arguments, want);

-- Every field can be set, and those that may be null cleared.
CREATE FUNCTION pg_temp.changed(field text, value jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT to_jsonb(c) -> field FROM plain, ledger_agents.update_card(plain.id, jsonb_build_object(field, value)) AS c
$$;
SELECT is(pg_temp.changed(field, value), value, format('%s is set to %s', field, value))
FROM (VALUES ('purpose', '"other"'::jsonb), ('max_amount', '1'), ('spending_limit', '0'), ('spending_limit_frequency', '"allTime"'), ('window_mode', '"rolling"'),
             ('policy_id', '"00000000-0000-7000-8000-00000000000b"'), ('policy', '{"cooldownMinutes": 5}'), ('metadata', '{"a": [1]}'),
             ('purpose', 'null'), ('max_amount', 'null'), ('spending_limit', 'null'), ('window_mode', 'null'), ('policy_id', 'null'), ('policy', 'null')) AS v (field, value);

--
-- Spent in the current window. Now is Wednesday 2026-03-04 09:00Z; the counter was last written yesterday at noon.
--
CREATE TEMP TABLE spent AS SELECT c.id, c.agent_id FROM rich, ledger_agents.create_card(rich.id, 'spent', 'multi', spending_limit => 1000000) AS c;
SAVEPOINT decided;
INSERT INTO ledger_agents.authorizations (organization_id, id, agent_id, sequence, decided_at, amount, counted_amount, agent_spent, decision, status, agent_limit_frequency,
  on_limit_exceeded, customer_id, currency, card_id, merchant, expires_at)
SELECT 'default', pg_catalog.encode(pg_catalog.substr(pg_catalog.int8send((EXTRACT(epoch FROM v.at) * 1000)::bigint), 3) || pg_catalog.decode('70008000000000000000', 'hex'), 'hex')::uuid,
       s.agent_id, v.n, v.at, v.amount, v.amount, 0, 'approved', 'authorized', 'perMonth', 'decline', 'customer', 'USD', s.id, 'STAPLES', v.expires_at
FROM spent AS s, (VALUES (1, '2025-12-31 23:00Z'::timestamptz, 1, NULL::timestamptz), (2, '2026-02-20 12:00Z', 10, NULL), (3, '2026-03-01 12:00Z', 100, NULL),
                         (4, '2026-03-02 12:00Z', 1000, '2026-03-03 13:00Z'), (5, '2026-03-03 12:00Z', 10000, NULL)) AS v (n, at, amount, expires_at);
UPDATE ledger_agents.counters SET decided_at = '2026-03-03 12:00Z', auth_count = 5, total_spent = 11111, year_spent = 11110, month_spent = 11100, week_spent = 11000, day_spent = 10000,
  day_start = '2026-03-03', day_end = '2026-03-04', week_start = '2026-03-02', week_end = '2026-03-09', month_start = '2026-03-01', month_end = '2026-04-01',
  year_start = '2026-01-01', year_end = '2027-01-01', next_expiry = '2026-03-03 13:00Z', first_merchant = 'STAPLES', last_approved_at = '2026-03-03 12:00Z', use_count = 5
FROM spent AS s WHERE scope = 'card' AND scope_id = s.id::text;
SELECT is(c.current_spend, v.want::bigint, format('%s %s', v.frequency, v.mode))
FROM (VALUES ('perTransaction', NULL, 0), ('per24HourPeriod', 'calendar', 0), ('per24HourPeriod', NULL, 10000), ('perWeek', NULL, 10000), ('perMonth', NULL, 10100),
             ('perYear', NULL, 10110), ('allTime', NULL, 10111), ('perWeek', 'rolling', 10100), ('perMonth', 'rolling', 10110), ('perYear', 'rolling', 10111)) AS v (frequency, mode, want),
     LATERAL (SELECT u.* FROM spent, ledger_agents.update_card(spent.id, jsonb_build_object('spending_limit_frequency', v.frequency, 'window_mode', v.mode)) AS u) AS c;
SELECT is(concat_ws(' ', c.auth_count, c.first_merchant), '4 STAPLES', 'what has expired counts no more') FROM spent, ledger_agents.get_card(spent.id) AS c;
SELECT is((SELECT count(*) FROM ledger_agents.check_invariants() AS i, spent WHERE i.object_id = spent.id::text), 0::bigint, 'the card''s counter is right');
UPDATE ledger_agents.counters SET month_spent = 1 FROM spent AS s WHERE scope = 'card' AND scope_id = s.id::text;
SELECT is((SELECT string_agg(i.violation, ' ') FROM ledger_agents.check_invariants() AS i, spent WHERE i.object_id = spent.id::text), 'counter_differs', 'a wrong one is seen');
ROLLBACK TO decided;

-- Other violations are seen, too.
SAVEPOINT whole;
UPDATE ledger_agents.cards AS c SET status = 'active', status_reason = NULL, status_by = NULL WHERE c.status_reason = 'agent_deregistered';
SELECT is((SELECT string_agg(DISTINCT violation, ' ') FROM ledger_agents.check_invariants()), 'card_outlives_its_agent', 'a card that outlives its agent');
ROLLBACK TO whole;
DELETE FROM ledger_agents.counters AS k USING spent AS s WHERE k.scope_id = s.id::text;
SELECT is((SELECT string_agg(violation, ' ') FROM ledger_agents.check_invariants()), 'counter_missing', 'a card without a counter');
ROLLBACK TO whole;
UPDATE ledger_agents.cards AS c SET agent_id = c.id FROM spent AS s WHERE c.id = s.id;
SELECT is((SELECT string_agg(DISTINCT violation, ' ') FROM ledger_agents.check_invariants()), 'reference_is_broken', 'a card without an agent');
ROLLBACK TO whole;

-- An agent's currency may change until something was spent in it; its cards are counted in the new one.
CREATE TEMP TABLE moved AS SELECT a.id, c.id AS card FROM ledger_agents.register_agent('moved', 'customer') AS a, ledger_agents.create_card(a.id) AS c;
SELECT is(currency, 'EUR', 'another currency') FROM moved, ledger_agents.update_agent(moved.id, '{"currency": "EUR"}');

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
