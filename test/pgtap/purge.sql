-- Does a purge forget what it may and nothing else, and is everything decided afterwards as without it?
SELECT no_plan();
SET timezone = 'UTC';

--
-- One agent: what goes with what
--
CREATE FUNCTION pg_temp.at(at timestamptz) RETURNS void LANGUAGE sql AS $$ SELECT set_config('ledger_agents.clock', at::text, false) $$;
CREATE SEQUENCE pg_temp.stories;
CREATE FUNCTION pg_temp.left_of(agent uuid) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce((SELECT string_agg(sequence::text, ' ' ORDER BY sequence) FROM ledger_agents.authorizations WHERE agent_id = agent), '') || ' | '
         || coalesce((SELECT string_agg(number::text, ' ' ORDER BY number) FROM ledger_agents.authorization_entries WHERE agent_id = agent), '')
$$;
-- Days of 2020: a spend each, and what is done with it on which other day. Then the purge of 2022, before a day of 2020; what is left.
CREATE FUNCTION pg_temp.story(verbs text, before date, max_rows int DEFAULT 10000) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  agent uuid;
  step text;
  verb text[];
  more boolean;
BEGIN
  PERFORM pg_temp.at('2019-12-31');
  PERFORM set_config('ledger_agents.organization', 'story ' || pg_catalog.nextval('pg_temp.stories'), false);
  PERFORM ledger_agents.create_organization(current_setting('ledger_agents.organization'));
  agent := (ledger_agents.register_agent('story', 'c')).id;
  FOREACH step IN ARRAY string_to_array(verbs, ', ') LOOP
    verb := string_to_array(step, ' ');
    PERFORM pg_temp.at('2020-01-01'::timestamptz + (verb[1]::int - 1) * interval '1 day');
    CASE verb[2]
      WHEN 'spend' THEN PERFORM ledger_agents.authorize(agent, 10);
      WHEN 'hold' THEN PERFORM ledger_agents.authorize(agent, 10, hold_for => '1 hour');
      WHEN 'record' THEN PERFORM ledger_agents.record_spend(agent, 10);
      WHEN 'decline' THEN PERFORM ledger_agents.authorize(agent, 10, mcc => '5411', currency => 'USD', card_id => NULL) FROM ledger_agents.update_agent(agent, '{"spending_limit": 0}');
        PERFORM ledger_agents.update_agent(agent, '{"spending_limit": null}');
      WHEN 'seal' THEN PERFORM ledger_agents.seal_chain(agent);
      ELSE EXECUTE format('SELECT ledger_agents.%I(id%s) FROM ledger_agents.authorizations WHERE agent_id = %L AND sequence = %s', verb[2],
                          CASE verb[2] WHEN 'increment' THEN ', 5' WHEN 'refund' THEN ', 1' ELSE '' END, agent, verb[3]);
    END CASE;
  END LOOP;
  PERFORM pg_temp.at('2022-06-01');
  more := (ledger_agents.purge(before, max_rows)).more;
  RETURN CASE WHEN more THEN 'more ' ELSE '' END || pg_temp.left_of(agent)
    || coalesce((SELECT ' ' || string_agg(violation, ' ') FROM ledger_agents.verify_chain(agent)), '')
    || coalesce((SELECT ' ' || string_agg(violation, ' ') FROM ledger_agents.check_invariants()), '');
END
$$;
SELECT is(pg_temp.story(verbs, before), want, why)
FROM (VALUES
  ('1 record, 2 record, 3 record', '2020-01-03'::date, '3 | 3', 'what is older goes'),
  ('1 record, 2 record', '2020-01-01', '1 2 | 1 2', 'the instant itself stays'),
  ('1 record, 2 record', '2021-01-01', ' | ', 'all of it may go'),
  ('1 decline, 2 decline', '2021-01-01', ' | ', 'declines go'),
  ('1 spend, 2 record', '2021-01-01', '1 2 | 1', 'an open hold stays, and what is behind it'),
  ('1 record, 2 spend, 3 record', '2021-01-01', '2 3 | 2', 'up to the open hold'),
  ('1 hold, 2 record', '2021-01-01', '1 2 | 1', 'one that has expired and nobody took note of stays, too'),
  ('1 hold, 2 spend, 2 capture 2', '2021-01-01', '1 2 | 1', 'also behind others'),
  ('1 spend, 2 capture 1, 3 record', '2020-01-02', '1 2 | 1 2', 'what was captured later stays'),
  ('1 spend, 2 capture 1, 3 record', '2020-01-03', '2 | 2', 'what was captured before goes'),
  ('1 spend, 1 capture 1, 5 refund 1, 6 record', '2020-01-04', '1 2 | 1 2 3', 'what was refunded later stays'),
  ('1 spend, 2 increment 1, 3 reverse 1, 4 record', '2020-01-03', '1 2 3 | 1 2 3', 'a hold and its increment stay together'),
  ('1 spend, 2 increment 1, 3 reverse 1, 4 record', '2020-01-04', '3 | 3', 'and go together'),
  ('1 record, 2 spend, 3 spend, 4 capture 3, 5 spend, 6 capture 2, 7 capture 4', '2020-01-06', '2 3 4 | 2 3 4', 'one that ended later keeps what was begun meanwhile'),
  ('1 record, 2 spend, 3 spend, 4 capture 2, 5 spend, 6 capture 3, 7 capture 4, 8 record', '2020-01-07', '2 3 4 5 | 2 3 4 5', 'a row of holds that overlap stays whole'),
  ('1 record, 2 spend, 3 spend, 4 capture 2, 5 spend, 6 capture 3, 7 capture 4, 8 record', '2020-01-08', '5 | 5', 'and goes whole'),
  ('1 record, 2 record, 2 seal, 3 record, 4 record', '2020-01-04', '4 | 4', 'it is sealed up to the cut, behind a seal'),
  ('1 record, 2 record, 3 record, 3 seal, 4 record', '2020-01-03', '1 2 3 4 | 1 2 3 4', 'a seal is not cut'),
  ('1 record, 1 seal, 2 record, 3 record, 3 seal, 4 record', '2020-01-03', '2 3 4 | 2 3 4', 'the seal before it may be'),
  ('1 spend, 2 seal, 3 capture 1, 3 seal, 4 record, 4 seal', '2020-01-04', '2 | 2', 'a seal that parts a hold from its capture is passed over')) AS v (verbs, before, want, why);
SELECT is(pg_temp.story('1 record, 2 record, 3 record', '2021-01-01', 2), 'more 3 | 3', 'at most max_rows, and there is more');
SELECT is(pg_temp.story('1 record, 1 record, 1 record', '2021-01-01', 2), 'more 1 2 3 | 1 2 3', 'what is of one instant is not parted');
SELECT is(pg_temp.story('1 spend, 2 record, 3 capture 1', '2021-01-01', 1), 'more 1 2 | 1 2', 'nor what belongs together');

--
-- What is refused
--
RESET ledger_agents.organization;
SELECT pg_temp.at('2022-06-01 12:00Z');
SELECT throws_ok(call, state, message, call)
FROM (VALUES
  ('SELECT ledger_agents.purge(NULL)', '22004', 'before must not be null'),
  ('SELECT ledger_agents.purge(''2021-05-31 12:00:00.000001Z'')', '22023', 'before must be at least 366 days ago'),
  ('SELECT ledger_agents.purge(''infinity'')', '22023', 'before must be at least 366 days ago'),
  ('SELECT ledger_agents.purge(''2020-01-01'', 0)', '22023', 'max_rows must be from 1 to 100000'),
  ('SELECT ledger_agents.purge(''2020-01-01'', 100001)', '22023', 'max_rows must be from 1 to 100000'),
  ('SELECT ledger_agents.purge(''2020-01-01'', NULL)', '22004', 'max_rows must not be null'),
  ('SELECT ledger_agents.purge(''2020-01-01'', organization_id => ''nowhere'')', 'P0002', 'unknown organization')) AS v (call, state, message);
SELECT lives_ok('SELECT ledger_agents.purge(''2021-05-31 12:00Z'')', '366 days are enough');
SELECT is((p.id, p.more), (NULL::uuid, false), 'a purge of nothing leaves no record') FROM ledger_agents.purge('-infinity') p;
SELECT is(count(DISTINCT c.purge_id), count(DISTINCT u.id), 'each start of a chain names its purge') FROM ledger_agents.chain_starts c LEFT JOIN ledger_agents.purges u ON u.id = c.purge_id;
SELECT is((sum(authorizations), sum(entries)), (SELECT (sum(sequence), sum(entry_number)) FROM (SELECT max(sequence) AS sequence, max(entry_number) AS entry_number FROM ledger_agents.chain_starts GROUP BY agent_id) s), 'what was forgotten is recorded')
FROM ledger_agents.purges;
-- Nobody else may: neither by a call nor by a statement.
SELECT throws_ok(format(statement, t), '55000', format('rows of "%s" cannot be changed or removed', t), t || ': ' || statement)
FROM (VALUES ('chain_starts'), ('purges'), ('purged_totals')) AS x (t),
     (VALUES ('UPDATE ledger_agents.%I SET organization_id = organization_id'), ('DELETE FROM ledger_agents.%I'), ('TRUNCATE ledger_agents.%I')) AS s (statement);
SELECT throws_ok('DELETE FROM ledger_agents.authorizations', '55000', 'rows of "authorizations" cannot be changed or removed', 'a purge leaves the guards behind it as they were');
-- One that fails in the middle leaves them, too.
CREATE FUNCTION pg_temp.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'in the middle'; END $$;
CREATE TRIGGER fail AFTER DELETE ON ledger_agents.authorization_entries EXECUTE FUNCTION pg_temp.fail();
SELECT matches(pg_temp.story('1 record, 2 record', '2020-01-01'), '^1 2', 'something to forget');
SELECT throws_ok('SELECT ledger_agents.purge(''2021-05-01'')', 'P0001', 'in the middle', 'a purge that fails');
SELECT throws_ok('DELETE FROM ledger_agents.authorizations', '55000', 'rows of "authorizations" cannot be changed or removed', 'leaves the guards as they were, too');
DROP TRIGGER fail ON ledger_agents.authorization_entries;
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'and the books');

--
-- Intents and attestations
--
SELECT pg_temp.at('2020-03-01 00:00Z');
SET ledger_agents.organization = 'intents';
SELECT FROM ledger_agents.create_organization('intents');
SELECT id AS i FROM ledger_agents.register_agent('intends', 'c', policy => '{"requireIntent": true}') \gset
SELECT FROM ledger_agents.attest(:'i', summary => 'looked');
SELECT FROM ledger_agents.declare_intent(:'i', client_intent_id => 'used', expected_amount => 10);
SELECT FROM ledger_agents.declare_intent(:'i', client_intent_id => 'over', expected_amount => 99);
SELECT FROM ledger_agents.cancel_intent((ledger_agents.declare_intent(:'i', client_intent_id => 'canceled', expected_amount => 99)).id);
SELECT is((ledger_agents.capture((ledger_agents.authorize(:'i', 10)).id)).status::text, 'captured', 'an intent is used up');
SELECT pg_temp.at('2020-03-02 00:00Z');
SELECT FROM ledger_agents.declare_intent(:'i', client_intent_id => 'held', expected_amount => 20);
SELECT FROM ledger_agents.attest(:'i', summary => 'looked again');
SELECT id AS held FROM ledger_agents.authorize(:'i', 20) \gset
SELECT pg_temp.at('2021-06-01 00:00Z');
SELECT FROM ledger_agents.declare_intent(:'i', client_intent_id => 'young', expected_amount => 20);
SELECT FROM ledger_agents.attest(:'i', summary => 'young');
SELECT pg_temp.at('2022-06-01 00:00Z');
SELECT is((p.intents, p.attestations, p.authorizations), (1::bigint, 2::bigint, 1::bigint), 'an intent goes with its authorization; others stay while the agent has decisions of that time') FROM ledger_agents.purge('2021-01-01') p;
SELECT is((SELECT string_agg(client_intent_id, ' ' ORDER BY client_intent_id) FROM ledger_agents.intents WHERE agent_id = :'i'), 'canceled held over young', 'these are left');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
-- Its last entry is young: a year later it may go.
SELECT is((ledger_agents.reverse(:'held')).status::text, 'reversed', 'the hold is given back, and its intent with it');
SELECT pg_temp.at('2024-06-01 00:00Z');
SELECT is((p.intents, p.attestations, p.authorizations), (4::bigint, 1::bigint, 1::bigint), 'all of them') FROM ledger_agents.purge('2023-01-01') p;
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');

--
-- Events
--
SELECT pg_temp.at('2020-01-01 00:00Z');
SET ledger_agents.organization = 'events';
SELECT FROM ledger_agents.create_organization('events');
SELECT id AS e FROM ledger_agents.register_agent('tells', 'c') \gset
SELECT is((SELECT count(*) FROM ledger_agents.poll_events('slow')), 2::bigint, 'a registration and its token are told of');
SELECT pg_temp.at('2020-01-02 00:00Z');
SELECT FROM ledger_agents.update_agent(:'e', '{"name": "a"}');
SELECT FROM ledger_agents.update_agent(:'e', '{"name": "b"}');
SELECT pg_temp.at('2021-06-01 00:00Z');
SELECT FROM ledger_agents.update_agent(:'e', '{"name": "young"}');
SELECT pg_temp.at('2022-06-01 00:00Z');
SELECT is(p.events, 0::bigint, 'what a consumer has not acknowledged stays') FROM ledger_agents.purge('2021-01-01') p;
SELECT is((SELECT count(*) FROM ledger_agents.poll_events('slow')), 5::bigint, 'and is given again');
SELECT id AS third FROM ledger_agents.poll_events('slow') WHERE position = 3 \gset
SELECT is((ledger_agents.ack_events('slow', :'third')).acknowledged, 3::bigint, 'three are acknowledged');
SELECT is((p.events, p.more), (3::bigint, false), 'these are forgotten, and no more') FROM ledger_agents.purge('2021-01-01') p;
SELECT is(string_agg(position || ' ' || (data ->> 'name'), ', ' ORDER BY position), '4 b, 5 young', 'the consumer goes on') FROM ledger_agents.poll_events('slow');
SELECT is(string_agg(position::text, ' ' ORDER BY position), '4 5', 'a new one begins with the first that is left') FROM ledger_agents.poll_events('new', 2);
SELECT FROM ledger_agents.delete_event_consumer('slow');
SELECT FROM ledger_agents.delete_event_consumer('new');
SELECT FROM ledger_agents.poll_events('behind', 1);
UPDATE ledger_agents.event_consumers SET acked_position = 0, polled_position = 0;
SELECT is(string_agg(position::text, ' ' ORDER BY position), '4', 'one that was made while its first events went is not held up by them') FROM ledger_agents.poll_events('behind', 1);
SELECT FROM ledger_agents.delete_event_consumer('behind');
SELECT is((p.events, p.more), (1::bigint, true), 'at most max_rows a call') FROM ledger_agents.purge('2021-01-01', 1) p;
SELECT is((SELECT string_agg(position::text, ' ') FROM ledger_agents.event_positions WHERE organization_id = 'events'), '5', 'younger ones stay');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT throws_ok('DELETE FROM ledger_agents.events', '55000', 'rows of "events" cannot be changed or removed', 'nobody else removes events');
-- Where nobody reads, events wait in the inbox.
SELECT pg_temp.at('2020-01-01 00:00Z');
SET ledger_agents.organization = 'unread';
SELECT FROM ledger_agents.create_organization('unread');
SELECT id AS u FROM ledger_agents.register_agent('tells', 'c') \gset
SELECT pg_temp.at('2021-06-01 00:00Z');
SELECT FROM ledger_agents.update_agent(:'u', '{"name": "young"}');
SELECT pg_temp.at('2022-06-01 00:00Z');
SELECT is(p.events, 2::bigint, 'old events that nobody reads go, too') FROM ledger_agents.purge('2021-01-01') p;
SELECT is((SELECT count(*) FROM ledger_agents.poll_events('late')), 1::bigint, 'the rest is for whoever reads later');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');

--
-- What was forgotten counts on
--
SELECT pg_temp.at('2020-01-01 00:00Z');
SET ledger_agents.organization = 'counts';
SELECT FROM ledger_agents.create_organization('counts');
SELECT id AS l FROM ledger_agents.register_agent('lifelong', 'c', spending_limit => 100, spending_limit_frequency => 'allTime', policy => '{"lockToFirstMerchant": true}') \gset
SELECT id AS k FROM ledger_agents.authorize(:'l', 60, merchant => 'Diner', idempotency_key => 'k') \gset
SELECT is((ledger_agents.capture(:'k', 50)).status::text, 'captured', '50 of 100 for all time');
SELECT sequence AS old_sequence, head AS old_head FROM ledger_agents.seal_chain(:'l') \gset
SELECT is((ledger_agents.record_spend(:'l', 1)).status::text, 'captured', 'and 1') FROM pg_temp.at('2020-02-01 00:00Z');
SELECT pg_temp.at('2022-06-01 00:00Z');
SELECT is((SELECT authorizations FROM ledger_agents.purge('2021-01-01')), 2::bigint, 'forgotten');
SELECT is((a.decision::text, a.max_approvable, a.sequence, a.replayed), ('declined'::text, 49::bigint, 3::bigint, false), 'the limit stands, the key is a new one') FROM ledger_agents.authorize(:'l', 60, merchant => 'Diner', idempotency_key => 'k') a;
SELECT is((ledger_agents.authorize(:'l', 1, merchant => 'Other')).reason::text, 'merchant_locked', 'the first merchant is remembered');
SELECT throws_ok(format('SELECT ledger_agents.refund(%L)', :'k'), 'P0002', 'unknown authorization', 'what is forgotten cannot be refunded');
SELECT throws_ok(format('SELECT ledger_agents.update_agent(%L, ''{"currency": "EUR"}'')', :'l'), '55000', NULL, 'the currency is one in which something was spent');
SELECT throws_ok('SELECT ledger_agents.update_organization(''{"currency": "EUR"}'')', '55000', NULL, 'so is the organization''s');
SELECT is((ledger_agents.update_customer('c', '{"spending_limit": 60, "spending_limit_frequency": "allTime"}')).spending_limit, 60::bigint, 'a first limit of the customer');
SELECT is((ledger_agents.evaluate(:'l', 10, merchant => 'Diner')).max_approvable, 9::bigint, 'counts what was forgotten');
SELECT is((ledger_agents.update_organization('{"spending_limit": 55, "spending_limit_frequency": "allTime"}')).spending_limit, 55::bigint, 'a first limit of the organization');
SELECT is((ledger_agents.evaluate(:'l', 10, merchant => 'Diner')).max_approvable, 4::bigint, 'too');
SELECT is((SELECT string_agg(violation, ' ') FROM ledger_agents.verify_chain(:'l', :old_sequence, :'old_head')), 'anchor_forgotten', 'an anchor of what is forgotten says so');
SELECT is((SELECT count(*) FROM ledger_agents.chain_starts s, ledger_agents.verify_chain(s.agent_id, s.sequence, s.head) v WHERE s.agent_id = :'l'), 0::bigint, 'the chain runs through the seal at which it was cut');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
CREATE FUNCTION pg_temp.found(damage text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  PERFORM set_config('session_replication_role', 'replica', true);
  EXECUTE damage;
  SELECT string_agg(DISTINCT violation, ' ' ORDER BY violation) INTO found FROM ledger_agents.check_invariants();
  RAISE EXCEPTION 'undo';
EXCEPTION WHEN raise_exception THEN
  RETURN found;
END
$$;
SELECT matches(pg_temp.found(statement), '(^| )' || want || '($| )', want || ': ' || statement)
FROM (VALUES
  ('counter_differs', 'UPDATE ledger_agents.purged_totals SET counted_amount = counted_amount + 1 WHERE organization_id = ''counts'''),
  ('count_differs', 'UPDATE ledger_agents.purged_totals SET auth_count = auth_count + 1 WHERE organization_id = ''counts'''),
  ('memory_differs', 'UPDATE ledger_agents.purged_totals SET first_merchant = ''Other'' WHERE organization_id = ''counts'''),
  ('memory_differs', 'UPDATE ledger_agents.purged_totals SET last_approved_at = NULL WHERE organization_id = ''counts'''),
  ('purge_differs', 'UPDATE ledger_agents.purged_totals SET decisions = decisions + 1 WHERE organization_id = ''counts'''),
  ('sequence_has_gaps', 'UPDATE ledger_agents.purged_totals SET decisions = decisions + 1 WHERE organization_id = ''counts'''),
  ('purge_differs', 'DELETE FROM ledger_agents.purged_totals WHERE organization_id = ''counts'''),
  ('purge_differs', 'DELETE FROM ledger_agents.chain_starts WHERE organization_id = ''counts'''),
  ('sequence_out_of_order', 'DELETE FROM ledger_agents.chain_starts WHERE organization_id = ''counts'''),
  ('entries_have_gaps', 'UPDATE ledger_agents.chain_starts SET entry_number = entry_number + 1 WHERE organization_id = ''counts'''),
  ('reference_is_broken', 'DELETE FROM ledger_agents.purges WHERE organization_id = ''counts'''),
  ('seals_out_of_order', 'INSERT INTO ledger_agents.chain_seals SELECT organization_id, agent_id, number + 2, sequence, entry_number, decided_at, head, 1, decided_at FROM ledger_agents.chain_starts WHERE organization_id = ''counts''')) AS v (want, statement);
RESET ledger_agents.organization;

--
-- Twins: two organizations in which the same is done, and one of them forgets
--
CREATE FUNCTION pg_temp.agent(organization text, agent text) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT id FROM ledger_agents.agents WHERE organization_id = organization AND external_id = agent $$;
CREATE FUNCTION pg_temp.card(organization text, agent text) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT d.id FROM ledger_agents.cards d WHERE d.organization_id = organization AND d.agent_id = pg_temp.agent(organization, agent) AND d.status <> 'closed' ORDER BY d.id LIMIT 1
$$;
-- The answer without what is of one twin only.
CREATE FUNCTION pg_temp.answer(organization text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  PERFORM set_config('ledger_agents.organization', organization, true);
  EXECUTE 'SELECT to_jsonb(x) FROM ' || call || ' x' INTO answer;
  RETURN (answer - '{id,organization_id,agent_id,card_id,increment_of,cursor,created_at,updated_at,default_policy_id}'::text[])::text;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '"[^"]*"', '', 'g');
END
$$;
CREATE FUNCTION pg_temp.any_of(VARIADIC anyarray) RETURNS anyelement LANGUAGE sql AS $$ SELECT $1[1 + floor(random() * array_length($1, 1))::int] $$;
CREATE FUNCTION pg_temp.some_limit() RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('spending_limit', CASE WHEN random() < 0.8 THEN 100 + floor(random() * 5000)::int END, 'spending_limit_frequency', pg_temp.any_of('allTime'::text, 'allTime', 'perYear', 'perMonth', 'per24HourPeriod'),
                            'window_mode', pg_temp.any_of(NULL::text, 'calendar', 'rolling'))
$$;
CREATE TEMP TABLE result (forgotten bigint, operations text);
CREATE TEMP TABLE disagreement (what text);
CREATE PROCEDURE pg_temp.twins(operations int) LANGUAGE plpgsql AS $$
DECLARE
  twin text;
  now timestamptz := '2010-01-01 00:00Z';
  agent text;
  call text;
  dice float;
  amount int;
  number bigint;
  forgotten bigint := 0;
  verb text;
  tally jsonb := '{}';
  answers text[];
BEGIN
  PERFORM pg_temp.at(now);
  FOREACH twin IN ARRAY '{kept,forgets}'::text[] LOOP
    PERFORM ledger_agents.create_organization(twin, timezone => 'America/New_York');
    PERFORM set_config('ledger_agents.organization', twin, true);
    PERFORM ledger_agents.register_agent('a', 'x', spending_limit => 5000, spending_limit_frequency => 'allTime');
    PERFORM ledger_agents.register_agent('b', 'x', policy => '{"requireCard": false, "maxAuthCount": 60, "limits": {"perMonth": 3000}}');
    PERFORM ledger_agents.register_agent('c', 'y', currency => 'EUR');
    PERFORM ledger_agents.create_card(pg_temp.agent(twin, 'b'), type => 'multi', spending_limit => 4000, spending_limit_frequency => 'perYear', window_mode => 'rolling', policy => '{"cumulativeMax": 9000}');
  END LOOP;
  FOR n IN 1..operations LOOP
    dice := random();
    agent := pg_temp.any_of('a'::text, 'b', 'c');
    amount := 1 + floor(random() * 200);
    -- A number that the twin which forgets knows still.
    SELECT sequence INTO number FROM ledger_agents.authorizations WHERE organization_id = 'forgets' AND agent_id = pg_temp.agent('forgets', agent) ORDER BY sequence DESC OFFSET floor(random() * 60) LIMIT 1;
    verb := NULL;
    call := NULL;
    IF dice < 0.45 THEN
      verb := 'authorize';
      call := format('ledger_agents.authorize(pg_temp.agent(%%1$L, %L), %s, merchant => %L, hold_for => %L%s)', agent, amount, pg_temp.any_of(NULL::text, 'Shop', 'Store'),
                     pg_temp.any_of(NULL::interval, '1 day', '10 days'), CASE WHEN random() < 0.5 THEN format(', card_id => pg_temp.card(%%1$L, %L)', agent) ELSE '' END);
    ELSIF dice < 0.50 THEN
      verb := 'record_spend';
      call := format('ledger_agents.record_spend(pg_temp.agent(%%1$L, %L), %s)', agent, amount);
    ELSIF dice < 0.85 THEN
      IF number IS NOT NULL THEN
        verb := pg_temp.any_of('capture'::text, 'capture', 'capture', 'reverse', 'refund', 'increment');
        call := format('ledger_agents.%I((SELECT t.id FROM ledger_agents.authorizations t WHERE t.organization_id = %%1$L AND t.agent_id = pg_temp.agent(%%1$L, %L) AND t.sequence = %s)%s%s)',
                       verb, agent, number, CASE WHEN verb = 'increment' OR random() < 0.3 THEN ', ' || amount / 3 + 1 ELSE '' END, CASE verb WHEN 'capture' THEN ', force => true' ELSE '' END);
      END IF;
    ELSIF dice < 0.88 THEN
      verb := 'update_customer';
      call := format('ledger_agents.update_customer(%L, %L)', pg_temp.any_of('x'::text, 'y'), pg_temp.some_limit());
    ELSIF dice < 0.90 THEN
      verb := 'update_organization';
      call := format('ledger_agents.update_organization(%L)', pg_temp.some_limit());
    ELSIF dice < 0.92 THEN
      verb := 'update_agent';
      call := format('ledger_agents.update_agent(pg_temp.agent(%%1$L, %L), %L)', agent, pg_temp.some_limit() || jsonb_build_object('on_limit_exceeded', pg_temp.any_of('decline'::text, 'none')));
    ELSIF dice < 0.97 THEN
      now := now + interval '1 hour' * floor(exp(random() * 8.5));
      PERFORM pg_temp.at(now);
    ELSE
      verb := 'purge';
      -- What has expired blocks until somebody takes note of it: in both, so that both know the same.
      FOREACH twin IN ARRAY '{kept,forgets}'::text[] LOOP
        PERFORM ledger_agents.capture(t.id, 1, force => true, organization_id => twin) FROM ledger_agents.authorizations t
        WHERE t.organization_id = twin AND t.increment_of IS NULL AND t.status IN ('authorized', 'partially_captured') AND t.decided_at < now - interval '30 days';
      END LOOP;
      forgotten := forgotten + (ledger_agents.purge(now - interval '366 days' - random() * interval '100 days', pg_temp.any_of(3, 20, 10000), 'forgets')).authorizations;
    END IF;
    IF call IS NOT NULL THEN
      answers := ARRAY[pg_temp.answer('kept', format(call, 'kept')), pg_temp.answer('forgets', format(call, 'forgets'))];
      IF answers[1] <> answers[2] THEN
        INSERT INTO disagreement VALUES (format('%s: %s: %s is not %s', n, call, answers[1], answers[2]));
      END IF;
    END IF;
    IF verb IS NOT NULL THEN
      tally := tally || jsonb_build_object(verb, coalesce((tally ->> verb)::int, 0) + 1);
    END IF;
    EXIT WHEN (SELECT count(*) FROM disagreement) > 3;
    IF n % 25 = 0 THEN
      COMMIT;
    END IF;
  END LOOP;
  INSERT INTO result VALUES (forgotten, tally);
END
$$;
SELECT round(random()::numeric, 6) AS seed \gset
SELECT setseed(:seed) \g /dev/null
CALL pg_temp.twins(1500);
RESET ledger_agents.organization;
SELECT is_empty('SELECT what FROM disagreement', 'the twin that forgets answers as the other does; seed ' || :'seed');
SELECT cmp_ok(forgotten, '>', 50::bigint, 'it forgets: ' || operations) FROM result;
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'its books are right; seed ' || :'seed');
SELECT is_empty('SELECT a.organization_id, a.external_id, v.* FROM ledger_agents.agents a, ledger_agents.verify_chain(a.id, organization_id => a.organization_id) v', 'and its chains; seed ' || :'seed');
SELECT is((SELECT array_agg(k.total_spent || ' ' || k.auth_count || ' ' || k.use_count ORDER BY a.external_id, k.scope) FROM ledger_agents.agents a LEFT JOIN ledger_agents.cards d ON d.organization_id = a.organization_id AND d.agent_id = a.id
             JOIN ledger_agents.counters k ON k.organization_id = a.organization_id AND k.scope_id IN (a.id::text, d.id::text) WHERE a.organization_id = 'forgets'),
          (SELECT array_agg(k.total_spent || ' ' || k.auth_count || ' ' || k.use_count ORDER BY a.external_id, k.scope) FROM ledger_agents.agents a LEFT JOIN ledger_agents.cards d ON d.organization_id = a.organization_id AND d.agent_id = a.id
             JOIN ledger_agents.counters k ON k.organization_id = a.organization_id AND k.scope_id IN (a.id::text, d.id::text) WHERE a.organization_id = 'kept'), 'the counters are the same; seed ' || :'seed');

SELECT * FROM finish();
