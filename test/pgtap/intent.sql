-- Does every intent go where its states allow, and nowhere else; and is what is said before a spend stored as it was said?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL ledger_agents.clock = '2026-03-02 09:00Z';

CREATE TEMP TABLE agent AS SELECT id, token, token_id FROM ledger_agents.register_agent('buyer', 'acme', policy => '{"requireCard": false}');
CREATE TEMP TABLE other AS SELECT id, token FROM ledger_agents.register_agent('seller', 'acme');
CREATE TEMP TABLE retired AS SELECT id FROM ledger_agents.register_agent('retired', 'acme');
CREATE TEMP TABLE strict AS SELECT id FROM ledger_agents.register_agent('strict', 'acme', default_require_approval => true, default_auto_approve_below => 5000);
CREATE TEMP TABLE foreigner AS SELECT r.id FROM (VALUES (1)) AS one, LATERAL ledger_agents.create_organization('elsewhere') AS o,
  LATERAL ledger_agents.register_agent('buyer', 'acme', organization_id => o.id) AS r;

-- Cards with their counters, as rows.
CREATE TEMP TABLE card (name text, id uuid, organization text, agent_id uuid, status text);
INSERT INTO card VALUES
  ('active', '00000000-0000-7000-8000-0000000000c1', 'default', (SELECT id FROM agent), 'active'),
  ('frozen', '00000000-0000-7000-8000-0000000000c2', 'default', (SELECT id FROM agent), 'frozen'),
  ('closed', '00000000-0000-7000-8000-0000000000c3', 'default', (SELECT id FROM agent), 'closed'),
  ('other''s', '00000000-0000-7000-8000-0000000000c4', 'default', (SELECT id FROM other), 'active'),
  ('foreign', '00000000-0000-7000-8000-0000000000c5', 'elsewhere', (SELECT id FROM foreigner), 'active');
INSERT INTO ledger_agents.cards (organization_id, id, agent_id, type, status, status_reason, status_by, status_at, spending_limit_frequency, metadata, created_at, updated_at)
SELECT organization, id, agent_id, 'multi', status::ledger_agents.card_status, CASE WHEN status <> 'active' THEN 'manual'::ledger_agents.card_status_reason END,
       CASE WHEN status <> 'active' THEN 'operator' END, '2026-03-02 09:00Z', 'perMonth', '{}', '2026-03-02 09:00Z', '2026-03-02 09:00Z' FROM card;
INSERT INTO ledger_agents.counters
SELECT (jsonb_populate_record(k, jsonb_build_object('scope', 'card', 'scope_id', c.id))).*
FROM card AS c JOIN ledger_agents.counters AS k ON k.organization_id = c.organization AND k.scope_id = c.agent_id::text;
UPDATE ledger_agents.agents SET has_cards = true WHERE id IN (SELECT agent_id FROM card);
CREATE FUNCTION pg_temp.card_named(text) RETURNS uuid LANGUAGE sql AS 'SELECT id FROM card WHERE name = $1';

-- How a call ends: its answer, or SQLSTATE, name and field of its error. What it did is undone, an authentication included.
CREATE FUNCTION pg_temp.outcome(call text, token text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
  name text;
  field text;
BEGIN
  IF token IS NOT NULL THEN
    PERFORM ledger_agents.authenticate(token);
  END IF;
  EXECUTE call INTO answer;
  RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION
  WHEN SQLSTATE 'ZZ000' THEN
    RETURN answer;
  WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME, field = COLUMN_NAME;
    RETURN concat_ws(' ', SQLSTATE, name, nullif(field, ''));
END
$$;

--
-- State × verb. An intent is brought into the state, the verb is tried, and everything is undone.
--
CREATE FUNCTION pg_temp.in_state(state text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  intent uuid;
  spend uuid;
BEGIN
  intent := (ledger_agents.declare_intent((SELECT id FROM agent), client_intent_id => 'cell', ttl_minutes => 30)).id;
  IF state NOT IN ('pending', 'overdue', 'matched', 'mismatched') THEN
    UPDATE ledger_agents.intents SET status = 'pending_approval' WHERE id = intent;
  END IF;
  CASE state
    WHEN 'approved', 'approved overdue' THEN PERFORM ledger_agents.approve_intent(intent);
    WHEN 'rejected' THEN PERFORM ledger_agents.reject_intent(intent, 'first');
    WHEN 'canceled' THEN PERFORM ledger_agents.cancel_intent(intent);
    WHEN 'matched', 'mismatched' THEN
      spend := (ledger_agents.authorize((SELECT id FROM agent), 5)).id;
      UPDATE ledger_agents.intents SET status = state::ledger_agents.intent_status, authorization_id = spend, settled_at = created_at WHERE id = intent;
    ELSE
  END CASE;
  PERFORM set_config('ledger_agents.clock', CASE WHEN state LIKE '%overdue' THEN '2026-03-02 09:30Z' ELSE '2026-03-02 09:10Z' END, true);
  RETURN intent;
END
$$;
-- The status that the verb leads to, with who did it and what it left behind.
CREATE FUNCTION pg_temp.done(verb text, state text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  intent uuid := pg_temp.in_state(state);
  before ledger_agents.intents;
  after ledger_agents.intents;
  answer ledger_agents.intent_detail;
  told bigint;
  recorded bigint;
BEGIN
  SELECT * INTO before FROM ledger_agents.intents WHERE id = intent;
  SELECT count(*) INTO told FROM ledger_agents.events;
  SELECT count(*) INTO recorded FROM ledger_agents.configuration_changes;
  EXECUTE format('SELECT * FROM ledger_agents.%I($1)', verb) USING intent INTO answer;
  SELECT * INTO after FROM ledger_agents.intents WHERE id = intent;
  SELECT count(*) - told INTO told FROM ledger_agents.events;
  SELECT count(*) - recorded INTO recorded FROM ledger_agents.configuration_changes;
  RETURN concat_ws(' ', answer.status, CASE WHEN before = after THEN 'unchanged' END, CASE WHEN told + recorded > 0 THEN format('events %s changes %s', told, recorded) END,
                   CASE WHEN answer.expires_at <> before.expires_at THEN 'until ' || to_char(answer.expires_at, 'HH24:MI') END,
                   CASE WHEN answer.status <> after.status AND answer.status <> 'expired' THEN 'but stored ' || after.status END);
END
$$;
CREATE TEMP TABLE cell (state text, approve text, reject text, cancel text);
INSERT INTO cell VALUES
  ('pending_approval', 'pending events 1 changes 1 until 09:40', 'rejected events 1 changes 1', 'canceled events 1 changes 1'),
  ('pending', '55000 intent_pending intent_id', '55000 intent_pending intent_id', 'canceled events 1 changes 1'),
  ('approved', 'pending unchanged', '55000 intent_pending intent_id', 'canceled events 1 changes 1'),
  ('matched', '55000 intent_matched intent_id', '55000 intent_matched intent_id', '55000 intent_matched intent_id'),
  ('mismatched', '55000 intent_mismatched intent_id', '55000 intent_mismatched intent_id', '55000 intent_mismatched intent_id'),
  ('rejected', '55000 intent_rejected intent_id', 'rejected unchanged', '55000 intent_rejected intent_id'),
  ('canceled', '55000 intent_canceled intent_id', '55000 intent_canceled intent_id', 'canceled unchanged'),
  ('pending_approval overdue', '55000 intent_expired intent_id', '55000 intent_expired intent_id', '55000 intent_expired intent_id'),
  ('overdue', '55000 intent_expired intent_id', '55000 intent_expired intent_id', '55000 intent_expired intent_id'),
  ('approved overdue', '55000 intent_expired intent_id', '55000 intent_expired intent_id', '55000 intent_expired intent_id');
SELECT is(pg_temp.outcome(format('SELECT pg_temp.done(%L, %L)', verb, state)), want, format('%s: %s', state, verb))
FROM cell, LATERAL (VALUES ('approve_intent', approve), ('reject_intent', reject), ('cancel_intent', cancel)) AS v (verb, want);
-- A question about an intent that is brought into the state before it is asked.
CREATE FUNCTION pg_temp.asked(state text, question text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  intent uuid := pg_temp.in_state(state);
  answer text;
BEGIN
  EXECUTE question USING intent INTO answer;
  RETURN answer;
END
$$;
CREATE TEMP TABLE shown AS
SELECT state, CASE WHEN state LIKE '%overdue' THEN 'expired' WHEN state = 'approved' THEN 'pending' ELSE state END AS status FROM cell;
SELECT is(pg_temp.outcome(format('SELECT pg_temp.asked(%L, ''SELECT (ledger_agents.get_intent($1)).status'')', state)), status, format('%s: get_intent', state)) FROM shown;
SELECT is(pg_temp.outcome(format('SELECT pg_temp.asked(%L, %L)', state, $$SELECT concat_ws(' ', d.status, d.replayed, d.id = $1) FROM ledger_agents.declare_intent((SELECT id FROM agent), client_intent_id => 'cell') AS d$$)),
          status || ' t t', format('%s: declare_intent answers with it', state)) FROM shown;
SELECT is(pg_temp.outcome(format('SELECT pg_temp.asked(%L, %L)', state, format('SELECT count(*) FROM ledger_agents.list_intents(status => %L) AS l WHERE l.id = $1', label))),
          CASE WHEN label = status THEN '1' ELSE '0' END, format('%s: list_intents(status => %s)', state, label))
FROM shown, unnest(enum_range(NULL::ledger_agents.intent_status)::text[]) AS label;

-- A token may take back what is its own, whatever its state allows, and say yes or no to nothing.
SELECT is(pg_temp.outcome(format('SELECT (ledger_agents.%I((ledger_agents.declare_intent()).id)).status', verb), a.token), want, format('its own, by a token: %s', verb))
FROM agent AS a, (VALUES ('approve_intent', '42501 not_allowed'), ('reject_intent', '42501 not_allowed'), ('cancel_intent', 'canceled')) AS v (verb, want);
CREATE TEMP TABLE others_intent AS SELECT i.id FROM other, LATERAL ledger_agents.declare_intent(other.id, client_intent_id => 'theirs') AS i;
CREATE TEMP TABLE foreign_intent AS SELECT i.id FROM foreigner, LATERAL ledger_agents.declare_intent(foreigner.id, client_intent_id => 'theirs', organization_id => 'elsewhere') AS i;
SELECT is(pg_temp.outcome(format('SELECT ledger_agents.%I(%L)', verb, i.id), a.token), 'P0002 unknown_intent intent_id', format('%s, by a token: %s', i.whose, verb))
FROM agent AS a, (SELECT 'another agent''s' AS whose, id FROM others_intent UNION ALL SELECT 'another tenant''s', id FROM foreign_intent UNION ALL SELECT 'nobody''s', '00000000-0000-7000-8000-000000000000') AS i,
     unnest('{cancel_intent,get_intent}'::text[]) AS verb;
SELECT is(pg_temp.outcome(format('SELECT ledger_agents.%I(%L)', verb, i.id)), 'P0002 unknown_intent intent_id', format('another tenant''s: %s', verb))
FROM foreign_intent AS i, unnest('{approve_intent,reject_intent,cancel_intent,get_intent}'::text[]) AS verb;
SELECT is(pg_temp.outcome('SELECT count(*) FROM ledger_agents.list_intents(max_rows => 100) WHERE agent_id <> (SELECT id FROM agent)', token), '0', 'a token lists its own only') FROM agent;
SELECT is(pg_temp.outcome(format('SELECT count(*) FROM ledger_agents.%I(%L)', list, o.id), a.token), 'P0002 unknown_agent agent_id', format('%s of another agent', list))
FROM agent AS a, other AS o, unnest('{list_intents,list_attestations}'::text[]) AS list;
SELECT is(pg_temp.outcome('SELECT (ledger_agents.declare_intent(card_id => pg_temp.card_named(''active''))).agent_id = (SELECT id FROM agent)', token), 'true', 'a token names its card') FROM agent;
-- Revoked while its transaction is under way.
CREATE TEMP TABLE mine AS SELECT i.id FROM agent, LATERAL ledger_agents.declare_intent(agent.id, client_intent_id => 'mine') AS i;
CREATE FUNCTION pg_temp.revoke() RETURNS void LANGUAGE sql AS $$UPDATE ledger_agents.agent_tokens SET revoked_at = created_at WHERE id = (SELECT token_id FROM agent)$$;
SELECT is(pg_temp.outcome(format('WITH r AS MATERIALIZED (SELECT pg_temp.revoke()) SELECT c FROM r, LATERAL ledger_agents.%s AS c', call), token), '42501 invalid_token', 'revoked meanwhile: ' || call)
FROM agent, unnest(ARRAY['declare_intent()', 'attest(summary => ''s'')', 'cancel_intent((SELECT id FROM mine))']) AS call;

--
-- Declaring: the same again is the same, anything else is named.
--
CREATE TEMP TABLE said (name text, value text, other text);
INSERT INTO said VALUES
  ('summary', 'dinner', 'lunch'), ('expected_amount', '2500', '2501'), ('expected_currency', 'usd', 'EUR'), ('expected_merchant', 'DoorDash', 'DOORDASH'),
  ('expected_mccs', '{5812,5814}', '{5812}'), ('tolerance', '0', '1'), ('tolerance_percent', '0', '100'), ('ttl_minutes', '1', '1440'),
  ('card_id', '00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000c2');
SELECT is(pg_temp.outcome(format('SELECT concat_ws('' '', b.replayed, a.id = b.id, a.%1$I) FROM ledger_agents.declare_intent(%2$L, client_intent_id => ''x'', %1$I => %3$L) AS a,
                                  LATERAL ledger_agents.declare_intent(a.agent_id, client_intent_id => ''x'', %1$I => %3$L) AS b', name, agent.id, value)),
          't t ' || CASE name WHEN 'expected_currency' THEN 'USD' ELSE value END, format('%s is stored, and the same is a replay', name)) FROM agent, said;
SELECT is(pg_temp.outcome(format('SELECT b FROM ledger_agents.declare_intent(%2$L, client_intent_id => ''x'', %1$I => %3$L) AS a,
                                  LATERAL ledger_agents.declare_intent(a.agent_id, client_intent_id => ''x'', %1$I => %4$L) AS b', name, agent.id, value, other)),
          '22023 intent_id_reused client_intent_id', format('another %s is another intent', name)) FROM agent, said;
SELECT throws_like(format('SELECT ledger_agents.declare_intent(%L, client_intent_id => ''y'', %I => %L) FROM ledger_agents.declare_intent(%1$L, client_intent_id => ''y'')', agent.id, name, other),
                   'client_intent_id was used for another intent', format('%s against none', name)) FROM agent, said WHERE name <> 'expected_currency' OR other <> 'USD';
SELECT is(pg_temp.outcome(format('SELECT concat_ws('' '', b.replayed, b.metadata) FROM ledger_agents.declare_intent(%L, client_intent_id => ''x'', metadata => ''{"a": 1}'') AS a,
                                  LATERAL ledger_agents.declare_intent(a.agent_id, client_intent_id => ''x'', metadata => ''{"a": 2}'') AS b', agent.id)), 't {"a": 1}', 'metadata is not compared') FROM agent;
SELECT is(pg_temp.outcome(format('SELECT concat_ws('' '', b.replayed, a.id <> b.id) FROM ledger_agents.declare_intent(%L) AS a, LATERAL ledger_agents.declare_intent(a.agent_id) AS b', agent.id)),
          'f t', 'without an id each is a new one') FROM agent;

-- Which need a human: amount × rules.
SELECT is(pg_temp.outcome(format('SELECT status FROM ledger_agents.declare_intent(%L, expected_amount => %s, expected_currency => %L)', s.id, amount, currency)), want,
          format('autoApproveBelow 5000: %s %s', amount, currency))
FROM strict AS s, (VALUES ('3000', 'USD', 'pending'), ('4999', 'USD', 'pending'), ('5000', 'USD', 'pending_approval'), ('7500', 'USD', 'pending_approval'), ('NULL', 'USD', 'pending_approval'),
                          ('3000', 'EUR', 'pending_approval')) AS v (amount, currency, want);
SELECT is(pg_temp.outcome(format('SELECT i.status FROM ledger_agents.update_agent(%1$L, %2$L) AS u, LATERAL ledger_agents.declare_intent(u.id, expected_amount => 1) AS i', s.id, policy)), want, policy)
FROM strict AS s, (VALUES ('{"policy": {"requireApproval": true}}', 'pending_approval'), ('{"policy": {"requireApproval": false}}', 'pending'), ('{"policy": {"autoApproveBelow": 1}}', 'pending'),
                          ('{"policy": null}', 'pending'), ('{"policy": {"requireApproval": true, "autoApproveBelow": 0}}', 'pending_approval')) AS v (policy, want);

--
-- Wrong use: (arguments of declare_intent, error). AGENT stands for an agent's id.
--
CREATE TEMP TABLE wrong (arguments text, want text);
INSERT INTO wrong VALUES
  ('', '22004 null_value agent_id'),
  ($$'00000000-0000-7000-8000-000000000000'$$, 'P0002 unknown_agent agent_id'),
  ('(SELECT id FROM foreigner)', 'P0002 unknown_agent agent_id'),
  ('(SELECT id FROM retired)', '55000 agent_deregistered agent_id'),
  ($$AGENT, '00000000-0000-7000-8000-000000000000'$$, 'P0002 unknown_card card_id'),
  ($$NULL, '00000000-0000-7000-8000-000000000000'$$, 'P0002 unknown_card card_id'),
  ($$AGENT, pg_temp.card_named('other''s')$$, 'P0002 unknown_card card_id'),
  ($$NULL, pg_temp.card_named('foreign')$$, 'P0002 unknown_card card_id'),
  ($$AGENT, pg_temp.card_named('closed')$$, '55000 card_closed card_id'),
  ($$NULL, pg_temp.card_named('closed')$$, '55000 card_closed card_id'),
  ($$AGENT, client_intent_id => ''$$, '22023 invalid_length client_intent_id'),
  ($$AGENT, client_intent_id => repeat('é', 256)$$, '22023 invalid_length client_intent_id'),
  ($$AGENT, summary => ''$$, '22023 invalid_length summary'),
  ($$AGENT, summary => repeat('s', 1001)$$, '22023 invalid_length summary'),
  ('AGENT, expected_amount => 0', '22023 invalid_amount expected_amount'),
  ('AGENT, expected_amount => -1', '22023 out_of_range expected_amount'),
  ($$AGENT, expected_currency => 'x'$$, '22023 invalid_currency expected_currency'),
  ($$AGENT, expected_merchant => ''$$, '22023 invalid_length expected_merchant'),
  ($$AGENT, expected_merchant => repeat('m', 256)$$, '22023 invalid_length expected_merchant'),
  ($$AGENT, expected_merchant => ' - '$$, '22023 invalid_value expected_merchant'),
  ($$AGENT, expected_mccs => '{}'$$, '22023 invalid_length expected_mccs'),
  ($$AGENT, expected_mccs => array_fill('5812'::text, '{101}')$$, '22023 invalid_length expected_mccs'),
  ($$AGENT, expected_mccs => '{5812,581}'$$, '22023 invalid_value expected_mccs'),
  ($$AGENT, expected_mccs => '{58122}'$$, '22023 invalid_value expected_mccs'),
  ($$AGENT, expected_mccs => '{58a2}'$$, '22023 invalid_value expected_mccs'),
  ($$AGENT, expected_mccs => '{٥٨١٢}'$$, '22023 invalid_value expected_mccs'),
  ($$AGENT, expected_mccs => '{5812,NULL}'$$, '22023 invalid_value expected_mccs'),
  ('AGENT, tolerance => -1', '22023 out_of_range tolerance'),
  ('AGENT, tolerance_percent => -1', '22023 out_of_range tolerance_percent'),
  ('AGENT, tolerance_percent => 101', '22023 out_of_range tolerance_percent'),
  ('AGENT, ttl_minutes => 0', '22023 out_of_range ttl_minutes'),
  ('AGENT, ttl_minutes => 1441', '22023 out_of_range ttl_minutes'),
  ('AGENT, ttl_minutes => NULL', '22004 null_value ttl_minutes'),
  ($$AGENT, metadata => '[]'$$, '22023 invalid_type metadata'),
  ($$AGENT, metadata => jsonb_build_object('a', repeat('x', 65536))$$, '22023 invalid_length metadata');
SELECT is(status::text, 'deregistered', 'retired') FROM retired AS r, LATERAL ledger_agents.deregister_agent(r.id);
SELECT is(pg_temp.outcome(format('SELECT ledger_agents.declare_intent(%s)', replace(arguments, 'AGENT', '(SELECT id FROM agent)'))), want, format('declare_intent(%s)', left(arguments, 60))) FROM wrong;
-- What is just allowed.
SELECT is(pg_temp.outcome(format('SELECT (ledger_agents.declare_intent((SELECT id FROM agent), %s)).status', arguments)), 'pending', format('declare_intent(agent, %s)', left(arguments, 60)))
FROM (VALUES ($$client_intent_id => repeat('é', 255)$$), ($$summary => repeat('é', 1000)$$), ('expected_amount => 9223372036854775807'), ($$expected_merchant => repeat('ß', 255)$$), ($$expected_merchant => '7'$$),
             ($$expected_mccs => array_fill('0000'::text, '{100}')$$), ('tolerance => 9223372036854775807'), ('tolerance => 5, tolerance_percent => 5'), ('ttl_minutes => 1440'), ('metadata => NULL'),
             ('pg_temp.card_named(''active'')'), ('pg_temp.card_named(''frozen'')')) AS v (arguments);
SELECT is(pg_temp.outcome(format($$SELECT (ledger_agents.declare_intent(%L, summary => 's')).status FROM ledger_agents.update_agent(%1$L, '{"status": "suspended"}')$$, id)), 'pending',
          'a suspended agent may say what it will buy once it is active') FROM agent;
SELECT is(pg_temp.outcome(call), want, call)
FROM (VALUES ('SELECT ledger_agents.approve_intent(NULL)', '22004 null_value intent_id'), ('SELECT ledger_agents.reject_intent(NULL)', '22004 null_value intent_id'),
             ('SELECT ledger_agents.cancel_intent(NULL)', '22004 null_value intent_id'), ($$SELECT ledger_agents.reject_intent((SELECT id FROM others_intent), repeat('r', 1001))$$, '22023 invalid_length reason'),
             ('SELECT ledger_agents.get_intent()', '22023 invalid_value intent_id'), ($$SELECT ledger_agents.get_intent((SELECT id FROM others_intent), client_intent_id => 'theirs')$$, '22023 invalid_value intent_id'),
             ($$SELECT ledger_agents.get_intent(client_intent_id => 'theirs')$$, '22004 null_value agent_id'),
             ($$SELECT ledger_agents.get_intent(agent_id => (SELECT id FROM agent), client_intent_id => 'theirs')$$, 'P0002 unknown_intent client_intent_id'),
             ($$SELECT (ledger_agents.get_intent(agent_id => (SELECT id FROM other), client_intent_id => 'theirs')).id = (SELECT id FROM others_intent)$$, 'true'),
             ($$SELECT ledger_agents.list_intents(status => 'open')$$, '22023 invalid_value status'), ('SELECT ledger_agents.list_intents(max_rows => 0)', '22023 out_of_range max_rows'),
             ('SELECT ledger_agents.list_intents(max_rows => 101)', '22023 out_of_range max_rows'), ($$SELECT ledger_agents.list_intents(after => 'x')$$, '22023 invalid_value after'),
             ('SELECT ledger_agents.list_attestations(max_rows => 101)', '22023 out_of_range max_rows'),
             ('SELECT ledger_agents.attest((SELECT id FROM agent))', '22004 null_value summary'), ($$SELECT ledger_agents.attest((SELECT id FROM agent), summary => '')$$, '22023 invalid_length summary'),
             ($$SELECT ledger_agents.attest((SELECT id FROM agent), summary => repeat('s', 1001))$$, '22023 invalid_length summary'), ($$SELECT ledger_agents.attest(summary => 's')$$, '22004 null_value agent_id'),
             ($$SELECT ledger_agents.attest((SELECT id FROM retired), summary => 's')$$, '55000 agent_deregistered agent_id'),
             ($$SELECT ledger_agents.attest(card_id => pg_temp.card_named('closed'), summary => 's')$$, '55000 card_closed card_id'),
             ($$SELECT ledger_agents.attest((SELECT id FROM agent), pg_temp.card_named('other''s'), 's')$$, 'P0002 unknown_card card_id'),
             ($$SELECT ledger_agents.attest((SELECT id FROM agent), summary => 's', expected_amount => 0)$$, '22023 invalid_amount expected_amount'),
             ($$SELECT ledger_agents.attest((SELECT id FROM agent), summary => 's', expected_merchant => '!')$$, '22023 invalid_value expected_merchant'),
             ($$SELECT ledger_agents.attest((SELECT id FROM agent), summary => 's', context => '5')$$, '22023 invalid_type context')) AS v (call, want);

--
-- At most 100 are open; those that are over, and those that were said before, are no matter.
--
SET LOCAL ledger_agents.clock = '2026-03-02 10:00Z';
CREATE TEMP TABLE many AS SELECT i.id, n FROM agent, generate_series(1, 100) AS n, LATERAL ledger_agents.declare_intent(agent.id, client_intent_id => 'many ' || n, ttl_minutes => 10) AS i;
SELECT is(pg_temp.outcome('SELECT ledger_agents.declare_intent((SELECT id FROM agent))'), '55000 too_many_intents agent_id', 'the 101st');
SELECT is(pg_temp.outcome($$SELECT (ledger_agents.declare_intent((SELECT id FROM agent), client_intent_id => 'many 5', ttl_minutes => 10)).replayed$$), 'true', 'one of the 100 again');
SELECT is(pg_temp.outcome('SELECT (ledger_agents.declare_intent((SELECT id FROM other))).status'), 'pending', 'another agent has its own 100');
SELECT is(pg_temp.outcome('SELECT (ledger_agents.declare_intent(agent_id)).status FROM ledger_agents.cancel_intent((SELECT id FROM many WHERE n = 7))'), 'pending', 'after one was canceled');
SET LOCAL ledger_agents.clock = '2026-03-02 10:09:59.999999Z';
SELECT is(pg_temp.outcome('SELECT ledger_agents.declare_intent((SELECT id FROM agent))'), '55000 too_many_intents agent_id', 'in their last microsecond');
SET LOCAL ledger_agents.clock = '2026-03-02 10:10Z';
SELECT is(pg_temp.outcome('SELECT (ledger_agents.declare_intent((SELECT id FROM agent))).status'), 'pending', 'when they are over');
-- The oldest that may be open: declared for a day, approved in its last microsecond, so that it is open for another one.
CREATE TEMP TABLE patient AS SELECT id FROM ledger_agents.register_agent('patient', 'acme', default_require_approval => true);
CREATE TEMP TABLE longest AS SELECT i.id FROM patient, generate_series(1, 100) AS n, LATERAL ledger_agents.declare_intent(patient.id, client_intent_id => 'long ' || n, ttl_minutes => 1440) AS i;
SET LOCAL ledger_agents.clock = '2026-03-03 10:09:59.999999Z';
SELECT is(count(*), 100::bigint, 'all are approved in the last microsecond') FROM longest, LATERAL ledger_agents.approve_intent(longest.id) AS i WHERE i.expires_at = '2026-03-04 10:09:59.999999Z';
SET LOCAL ledger_agents.clock = '2026-03-04 10:09:59.999998Z';
SELECT is(pg_temp.outcome('SELECT ledger_agents.declare_intent((SELECT id FROM patient))'), '55000 too_many_intents agent_id', 'the longest count as long as they are open');
SET LOCAL ledger_agents.clock = '2026-03-04 10:10Z';
SELECT is(pg_temp.outcome('SELECT (ledger_agents.declare_intent((SELECT id FROM patient))).status'), 'pending_approval', 'and no longer');

--
-- The counter: until when an intent may be open, and when was last attested, of the card or of the agent.
--
CREATE TEMP TABLE counted AS SELECT id FROM ledger_agents.register_agent('counted', 'acme');
UPDATE card SET agent_id = (SELECT id FROM counted) WHERE name = 'active';
UPDATE ledger_agents.cards SET agent_id = (SELECT id FROM counted) WHERE id = pg_temp.card_named('active');
UPDATE ledger_agents.agents SET has_cards = true WHERE id = (SELECT id FROM counted);
UPDATE ledger_agents.counters SET attested_at = NULL WHERE scope_id = pg_temp.card_named('active')::text;
DELETE FROM ledger_agents.intents WHERE card_id = pg_temp.card_named('active');
CREATE FUNCTION pg_temp.counter(scope text) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', to_char(k.intents_until, 'DD HH24:MI'), to_char(k.attested_at, 'HH24:MI'), k.version - v.version)
  FROM ledger_agents.counters AS k, (SELECT CASE $1 WHEN 'card' THEN (SELECT version FROM ledger_agents.counters WHERE scope_id = pg_temp.card_named('frozen')::text) ELSE 0 END AS version) AS v
  WHERE k.scope_id = CASE $1 WHEN 'card' THEN pg_temp.card_named('active') ELSE (SELECT id FROM counted) END::text
$$;
SELECT is(pg_temp.counter('agent'), '0', 'at first nothing is said');
SELECT is(status::text, 'pending', 'the first one') FROM counted, LATERAL ledger_agents.declare_intent(counted.id);
SELECT is(pg_temp.counter('agent'), '04 11:10 1', 'may last twice its ttl');
SELECT is(status::text, 'pending', 'a shorter one') FROM counted, LATERAL ledger_agents.declare_intent(counted.id, ttl_minutes => 5);
SELECT is(pg_temp.counter('agent'), '04 11:10 2', 'lowers nothing');
SELECT is(status::text, 'pending', 'a longer one, with the card') FROM ledger_agents.declare_intent(card_id => pg_temp.card_named('active'), ttl_minutes => 1440);
SELECT is(pg_temp.counter('agent'), '06 10:10 3', 'raises the agent''s bound');
SELECT is(pg_temp.counter('card'), '0', 'and nothing of the card');
SELECT is(summary, 'with', 'attested with the card') FROM ledger_agents.attest(card_id => pg_temp.card_named('active'), summary => 'with');
SELECT is(pg_temp.counter('card'), '10:10 1', 'the card''s counter has it');
SELECT is(pg_temp.counter('agent'), '06 10:10 4', 'the agent''s has not, but a decision under way sees that something was said');
SELECT is(summary, 'without', 'attested without') FROM counted, LATERAL ledger_agents.attest(counted.id, summary => 'without');
SELECT is(pg_temp.counter('agent'), '06 10:10 10:10 5', 'the agent''s counter has it');
SET LOCAL ledger_agents.clock = '2026-03-04 10:05Z';
SELECT is(summary, 'before', 'attested by a clock that stepped back') FROM counted, LATERAL ledger_agents.attest(counted.id, summary => 'before');
SELECT is(pg_temp.counter('agent'), '06 10:10 10:10 6', 'takes nothing back');
SELECT is(string_agg(concat_ws(' ', summary, card_id = pg_temp.card_named('active')), ', ' ORDER BY created_at, summary), 'before, with t, without', 'all are listed')
FROM counted, LATERAL ledger_agents.list_attestations(counted.id);
SELECT is((SELECT summary FROM counted, LATERAL ledger_agents.list_attestations(counted.id, 100) OFFSET 2), 'before', 'by their instants, the newest first');
SELECT is(count(*), 0::bigint, 'a page behind the last one is empty')
FROM counted, (SELECT l.cursor FROM counted, LATERAL ledger_agents.list_attestations(counted.id, 100) AS l OFFSET 2) AS last, LATERAL ledger_agents.list_attestations(counted.id, after => last.cursor);

--
-- JSON
--
SET LOCAL ledger_agents.clock = '2026-03-05 09:00Z';
CREATE FUNCTION pg_temp.call(name text, body jsonb, token text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  PERFORM set_config('response.status', '', true);
  answer := pg_temp.outcome(format('SELECT ledger_agents_api.%I(%L)', name, body), token);
  RETURN CASE WHEN answer::jsonb ? 'error' THEN concat_ws(' ', answer::jsonb #>> '{error,type}', answer::jsonb #>> '{error,code}', answer::jsonb #>> '{error,param}') ELSE answer END;
END
$$;
CREATE TEMP TABLE declared AS SELECT ledger_agents_api.declare_intent(jsonb_build_object('agentId', strict.id, 'customerIntentId', 'j', 'summary', 'dinner', 'expectedAmount', 7500, 'expectedCurrency', 'usd',
  'expectedMerchant', 'DoorDash', 'expectedMccs', '["5814", "5812"]'::jsonb, 'tolerance', 5, 'tolerancePercent', 6, 'ttlMinutes', 60, 'metadata', '{"a": 1}'::jsonb)) AS answer FROM strict;
SELECT is(answer - '{id,agentId}'::text[], '{"object": "intent", "customerIntentId": "j", "status": "pending_approval", "summary": "dinner", "expectedAmount": 7500, "expectedCurrency": "USD",
  "expectedMerchant": "DoorDash", "expectedMccs": ["5812", "5814"], "tolerance": 5, "tolerancePercent": 6, "ttlMinutes": 60, "expiresAt": "2026-03-05T10:00:00Z", "metadata": {"a": 1},
  "createdAt": "2026-03-05T09:00:00Z", "replayed": false}', 'declare_intent: the fields') FROM declared;
SELECT is(e.data - '{intentId,agentId,userId}'::text[], '{"customerIntentId": "j", "status": "pending_approval", "summary": "dinner", "expectedAmount": 7500, "expectedCurrency": "USD",
  "expectedMerchant": "DoorDash", "tolerance": 5, "tolerancePercent": 6, "expiresAt": 1772704800000}', 'its event has all that a human approves')
FROM declared, ledger_agents.events AS e WHERE e.type = 'intent.pending_approval' AND e.data -> 'intentId' = answer -> 'id';
SELECT is(pg_temp.call('declare_intent', answer - '{object,id,status,expiresAt,createdAt,replayed}'::text[])::jsonb, answer || '{"replayed": true}', 'declare_intent again') FROM declared;
SELECT is(pg_temp.call('get_intent', jsonb_build_object('intentId', answer -> 'id'))::jsonb, answer - 'replayed', 'get_intent') FROM declared;
SELECT is(pg_temp.call('get_intent', jsonb_build_object('agentId', answer -> 'agentId', 'customerIntentId', 'j'))::jsonb, answer - 'replayed', 'get_intent by the client''s id') FROM declared;
SELECT is(pg_temp.call('approve_intent', jsonb_build_object('intentId', answer -> 'id'))::jsonb, answer - 'replayed' || '{"status": "pending", "approvedAt": "2026-03-05T09:00:00Z", "approvedBy": "operator"}',
          'approve_intent') FROM declared;
SELECT is(pg_temp.call('reject_intent', jsonb_build_object('intentId', answer -> 'id', 'reason', 'no'))::jsonb,
          answer - 'replayed' || '{"status": "rejected", "rejectedAt": "2026-03-05T09:00:00Z", "rejectedBy": "operator", "rejectionReason": "no"}', 'reject_intent') FROM declared;
SELECT is(pg_temp.call('cancel_intent', jsonb_build_object('intentId', answer -> 'id'))::jsonb,
          answer - 'replayed' || '{"status": "canceled", "canceledAt": "2026-03-05T09:00:00Z", "canceledBy": "operator"}', 'cancel_intent') FROM declared;
SELECT is(pg_temp.call('list_intents', jsonb_build_object('agentId', answer -> 'agentId'))::jsonb, jsonb_build_object('data', jsonb_build_array(answer - 'replayed'), 'hasMore', false), 'list_intents') FROM declared;
SELECT is(concat_ws(' ', jsonb_array_length(l -> 'data'), l -> 'hasMore', l ? 'nextCursor'), '100 false f', 'list_intents: a full last page')
FROM patient, LATERAL ledger_agents_api.list_intents(jsonb_build_object('agentId', patient.id, 'limit', 100)) AS l;
SELECT is(concat_ws(' ', jsonb_array_length(l -> 'data'), l -> 'hasMore', jsonb_array_length(m -> 'data'), m -> 'hasMore'), '60 true 40 false', 'list_intents: two pages')
FROM patient, LATERAL ledger_agents_api.list_intents(jsonb_build_object('agentId', patient.id, 'limit', 60)) AS l,
     LATERAL ledger_agents_api.list_intents(jsonb_build_object('agentId', patient.id, 'limit', 60, 'after', l -> 'nextCursor')) AS m;
SELECT is(a::jsonb - '{id,agentId}'::text[], '{"object": "attestation", "summary": "s", "expectedAmount": 5, "expectedMerchant": "m", "context": {"k": 1}, "createdAt": "2026-03-05T09:00:00Z"}', 'attest')
FROM strict, LATERAL pg_temp.call('attest', jsonb_build_object('agentId', strict.id, 'summary', 's', 'expectedAmount', 5, 'expectedMerchant', 'm', 'context', '{"k": 1}'::jsonb)) AS a;
SELECT is(pg_temp.call(function, body, token), want, format('by a token: %s %s', function, body))
FROM agent AS a, (VALUES ('approve_intent', '{"intentId": "00000000-0000-7000-8000-000000000000"}'::jsonb, 'permission_error not_allowed'), ('reject_intent', '{"intentId": "x"}', 'permission_error not_allowed'),
                         ('cancel_intent', '{"intentId": "x"}', 'not_found_error unknown_intent intentId'), ('list_intents', '{"status": "matched"}', '{"data": [], "hasMore": false}'),
                         ('declare_intent', '{"agentId": "00000000-0000-7000-8000-000000000000"}', 'not_found_error unknown_agent agentId')) AS v (function, body, want);
SELECT is(pg_temp.call('declare_intent', '{}', a.token)::jsonb ->> 'agentId', a.id::text, 'a token need not say whose') FROM agent AS a;
SELECT is(pg_temp.call(function, body::jsonb), want, format('%s(%s)', function, body))
FROM (VALUES
  ('declare_intent', '{}', 'invalid_request_error null_value agentId'),
  ('declare_intent', '{"agentId": 5}', 'not_found_error unknown_agent agentId'),
  ('declare_intent', '{"cardId": "x"}', 'not_found_error unknown_card cardId'),
  ('declare_intent', '{"status": "pending"}', 'invalid_request_error unknown_field status'),
  ('declare_intent', '{"expectedAmount": "5"}', 'invalid_request_error invalid_type expectedAmount'),
  ('declare_intent', '{"expectedAmount": 0.5}', 'invalid_request_error invalid_type expectedAmount'),
  ('declare_intent', '{"expectedAmount": 0}', 'invalid_request_error invalid_amount expectedAmount'),
  ('declare_intent', '{"expectedMccs": "5812"}', 'invalid_request_error invalid_type expectedMccs'),
  ('declare_intent', '{"expectedMccs": [5812]}', 'invalid_request_error invalid_type expectedMccs'),
  ('declare_intent', '{"expectedMccs": {"a": "5812"}}', 'invalid_request_error invalid_type expectedMccs'),
  ('declare_intent', '{"expectedMccs": [["5812"]]}', 'invalid_request_error invalid_type expectedMccs'),
  ('declare_intent', '{"expectedMccs": []}', 'invalid_request_error invalid_length expectedMccs'),
  ('declare_intent', '{"expectedMccs": ["581"]}', 'invalid_request_error invalid_value expectedMccs'),
  ('declare_intent', '{"ttlMinutes": null}', 'invalid_request_error null_value ttlMinutes'),
  ('declare_intent', '{"ttlMinutes": 1441}', 'invalid_request_error out_of_range ttlMinutes'),
  ('declare_intent', '{"tolerancePercent": 101}', 'invalid_request_error out_of_range tolerancePercent'),
  ('declare_intent', '{"metadata": 5}', 'invalid_request_error invalid_type metadata'),
  ('approve_intent', '{}', 'invalid_request_error null_value intentId'),
  ('approve_intent', '{"intentId": "x", "reason": "r"}', 'invalid_request_error unknown_field reason'),
  ('approve_intent', '{"reason": "r"}', 'invalid_request_error unknown_field reason'),
  ('reject_intent', '{"intentId": null}', 'invalid_request_error null_value intentId'),
  ('reject_intent', '{"reason": ""}', 'invalid_request_error invalid_length reason'),
  ('cancel_intent', '{"intentId": "00000000-0000-7000-8000-000000000000"}', 'not_found_error unknown_intent intentId'),
  ('get_intent', '{}', 'invalid_request_error invalid_value intentId'),
  ('get_intent', '{"customerIntentId": "j"}', 'invalid_request_error null_value agentId'),
  ('list_intents', '{"limit": 101}', 'invalid_request_error out_of_range limit'),
  ('list_intents', '{"limit": 0}', 'invalid_request_error out_of_range limit'),
  ('list_intents', '{"after": "x"}', 'invalid_request_error invalid_value after'),
  ('list_intents', '{"status": "open"}', 'invalid_request_error invalid_value status'),
  ('attest', '{}', 'invalid_request_error null_value summary'),
  ('attest', '{"summary": "s"}', 'invalid_request_error null_value agentId'),
  ('attest', '{"summary": null}', 'invalid_request_error null_value summary')) AS v (function, body, want);

--
-- What a decline says of attestations and intents, and which instant decides whether an intent is open.
--
CREATE TEMP TABLE clerk AS SELECT a.id, c.id AS card, i.id AS waiting, b.id AS brief
  FROM ledger_agents.register_agent('clerk', 'acme', policy => '{"requireApproval": true, "autoApproveBelow": 50}') AS a,
       LATERAL ledger_agents.create_card(a.id, type => 'multi') AS c, LATERAL ledger_agents.declare_intent(a.id, expected_amount => 70) AS i,
       LATERAL ledger_agents.declare_intent(a.id, expected_amount => 7, ttl_minutes => 1) AS b;
SELECT is(concat_ws(' ', e.reason, e.attestation, e.linked_intent_id), 'card_required unattested', 'a kill switch names no intent and does not attest') FROM clerk, LATERAL ledger_agents.evaluate(clerk.id, 70, intent_id => waiting) AS e;
SELECT is(concat_ws(' ', a.reason, a.attestation, a.linked_intent_id), 'card_required unattested', 'nor does what is stored of it') FROM clerk, LATERAL ledger_agents.authorize(clerk.id, 70, intent_id => waiting) AS a;
SELECT is((e.decision, e.reason, e.linked_intent_id = brief)::text, want, format('an intent of one minute, %s later', later))
  FROM clerk, (VALUES (interval '59 s', '(approved,,t)'), ('60 s', '(approved,,)')) AS v (later, want),
       LATERAL ledger_agents.evaluate(clerk.id, 7, card_id => card, as_of => current_setting('ledger_agents.clock')::timestamptz + later) AS e;
SELECT is(e.reason::text, want, format('the same by name, %s later', later))
  FROM clerk, (VALUES (interval '59 s', NULL), ('60 s', 'intent_not_usable')) AS v (later, want),
       LATERAL ledger_agents.evaluate(clerk.id, 7, card_id => card, intent_id => brief, as_of => current_setting('ledger_agents.clock')::timestamptz + later) AS e;

-- A name without words is none: it is what no list can have. (rules, what a spend at *** says)
SELECT is(array_to_string((ledger_agents.authorize((ledger_agents.register_agent('nameless ' || n, 'acme', policy => rules)).id, 5, merchant => '***')).reasons, ' '), want, rules::text)
  FROM (VALUES (1, '{"blockedMerchants": ["Acme"]}'::jsonb, 'merchant_blocked'), (2, '{"allowedMerchants": ["Acme"]}', 'merchant_not_allowed'), (3, '{"lockToFirstMerchant": true}', 'merchant_locked'),
    (4, '{"merchantHint": "Acme", "onDrift": "decline"}', 'merchant_drift'), (5, '{}', NULL)) AS v (n, rules, want);

--
-- The books are right, and it is seen when they are not. (what is done to them, what is found)
--
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
CREATE FUNCTION pg_temp.found(harm text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE harm;
  RETURN (SELECT string_agg(DISTINCT violation, ' ') FROM ledger_agents.check_invariants());
END
$$;
CREATE TEMP TABLE spends AS SELECT x.id FROM agent, LATERAL ledger_agents.update_agent(agent.id, '{"policy": {"requireCard": false}}') AS u, LATERAL ledger_agents.authorize(u.id, 5) AS x;
SELECT is(pg_temp.outcome(format('SELECT pg_temp.found(%L)', harm)), want, harm)
FROM (VALUES
  ('UPDATE ledger_agents.intents SET agent_id = id WHERE client_intent_id = ''many 1'' AND status = ''pending''', 'intent_beyond_bound reference_is_broken'),
  ('UPDATE ledger_agents.intents SET card_id = id WHERE client_intent_id = ''many 1''', 'reference_is_broken'),
  ('UPDATE ledger_agents.intents SET card_id = pg_temp.card_named(''other''''s'') WHERE client_intent_id = ''many 1''', 'reference_is_broken'),
  ('UPDATE ledger_agents.intents SET status = ''matched'', settled_at = now(), authorization_id = id WHERE client_intent_id = ''many 1''', 'reference_is_broken'),
  ('UPDATE ledger_agents.intents SET status = ''matched'', settled_at = now(), authorization_id = (SELECT id FROM spends) WHERE client_intent_id IN (''many 1'')', 'intent_link_differs'),
  ('UPDATE ledger_agents.intents SET status = ''matched'', settled_at = now(), authorization_id = (SELECT id FROM spends) WHERE client_intent_id IN (''many 1'', ''many 2'')', 'intent_link_differs intents_of_one_authorization'),
  ('UPDATE ledger_agents.intents SET status = ''matched'', settled_at = now(), authorization_id = (SELECT id FROM spends) WHERE client_intent_id = ''j''', 'intent_link_differs reference_is_broken'),
  ('UPDATE ledger_agents.intents SET expires_at = expires_at + interval ''2 days'' WHERE client_intent_id = ''many 1''', 'intent_beyond_bound'),
  ('UPDATE ledger_agents.counters SET intents_until = NULL WHERE scope_id = (SELECT id::text FROM agent)', 'intent_beyond_bound'),
  ('UPDATE ledger_agents.attestations SET agent_id = id WHERE summary = ''without''', 'reference_is_broken'),
  ('UPDATE ledger_agents.attestations SET card_id = id WHERE summary = ''without''', 'reference_is_broken')) AS v (harm, want);
SELECT * FROM finish();
ROLLBACK;
