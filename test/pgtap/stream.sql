-- Is the stream of events right in every call: who gets what, what is refused, what is signed, and is every tampering seen?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL ledger_agents.clock = '2026-03-02 09:00Z';

CREATE FUNCTION pg_temp.polled(consumer text, max_rows integer DEFAULT 100, organization text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(position::text, ' ') FROM ledger_agents.poll_events(consumer, max_rows, organization)
$$;
CREATE FUNCTION pg_temp.event(place bigint, organization text DEFAULT 'default') RETURNS uuid LANGUAGE sql AS $$
  SELECT event_id FROM ledger_agents.event_positions WHERE position = place AND organization_id = organization
$$;
CREATE FUNCTION pg_temp.acked(consumer text, place bigint) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', acknowledged, waiting, acked_position, polled_position) FROM ledger_agents.ack_events(consumer, pg_temp.event(place))
$$;

-- Nothing is there yet.
SELECT is(pg_temp.polled('early'), NULL, 'nothing has happened');
SELECT is((SELECT concat_ws(' ', c.name, c.acked_position, c.polled_position, c.waiting, c.created_at) FROM ledger_agents.list_event_consumers() AS c),
          'early 0 0 0 2026-03-02 09:00:00+00', 'the first poll makes the consumer');
SELECT is((SELECT count(*) FROM ledger_agents.event_streams), 0::bigint, 'and no stream as long as there are no events');
SELECT is((SELECT count(*) FROM ledger_agents.list_event_consumers('nowhere')), 0::bigint, 'an organization that is not there has no consumers');

-- Two organizations have two streams.
SELECT FROM ledger_agents.create_organization('other');
CREATE TEMP TABLE agent AS SELECT id FROM ledger_agents.register_agent('a', 'c');
SELECT FROM ledger_agents.register_agent('b', 'c', organization_id => 'other');
SELECT FROM ledger_agents.register_agent('b', 'c');
SELECT is(pg_temp.polled('early'), '1 2 3 4', 'positions begin with 1 and have no gaps');
SELECT is(pg_temp.polled('early', organization => 'other'), '1 2', 'in each organization');
SELECT results_eq($$SELECT p.organization_id COLLATE "C", p.position, p.type, p.agent_id, p.data, p.created_at FROM ledger_agents.poll_events('early') AS p$$,
                  $$SELECT e.organization_id COLLATE "C", row_number() OVER (ORDER BY e.id), e.type, e.agent_id, e.data, e.created_at FROM ledger_agents.events AS e
                    WHERE e.organization_id = 'default' ORDER BY e.id$$, 'what is returned is what was written, in the order of writing');
SELECT is(pg_temp.polled('early', 1), '1', 'as few as are asked for');
SELECT is(pg_temp.polled('early', 3), '1 2 3', 'or more');
SELECT is(pg_temp.polled('early', 1000), '1 2 3 4', 'at most what there is');

-- Acknowledging: new ones, waiting, how far, polled.
SELECT is(pg_temp.acked('early', 2), '2 2 2 4', 'two are handled');
SELECT is(pg_temp.polled('early'), '3 4', 'the others come again');
SELECT is(pg_temp.acked('early', 2), '0 2 2 4', 'again: nothing new');
SELECT is(pg_temp.acked('early', 1), '0 2 2 4', 'never back');
SELECT is(pg_temp.acked('early', 4), '2 0 4 4', 'the rest');
SELECT is(pg_temp.polled('early'), NULL, 'and nothing more');
SELECT is(pg_temp.polled('late'), '1 2 3 4', 'a consumer that comes later begins with the earliest');
SELECT is(pg_temp.polled(repeat('ß', 255), 1), '1', 'the longest name');
SELECT is(pg_temp.polled('Late', 1), '1', 'names are compared bytewise');
SELECT is((SELECT string_agg(name, ' ') FROM ledger_agents.list_event_consumers() WHERE char_length(name) < 10), 'Late early late', 'listed by name');
SELECT is((SELECT concat_ws(' ', name, waiting, acknowledged) FROM ledger_agents.delete_event_consumer('Late')), 'Late 4', 'deleted: as it was');

-- The earliest that is kept.
SAVEPOINT purged;
DELETE FROM ledger_agents.event_positions WHERE organization_id = 'default' AND position <= 2;
SELECT is(pg_temp.polled('after a purge'), '3 4', 'of positions that are kept a new consumer gets the first');
DELETE FROM ledger_agents.event_positions WHERE organization_id = 'default';
SELECT is(pg_temp.polled('after everything'), NULL, 'none are kept');
SELECT FROM ledger_agents.update_agent((SELECT id FROM agent), '{"name": "after"}');
SELECT is(pg_temp.polled('after everything'), '5', 'what comes then is behind what there was');
ROLLBACK TO purged;

--
-- Wrong calls: (call, SQLSTATE, name and field), and nothing is stored.
--
CREATE TEMP TABLE mistake (call text, want text);
INSERT INTO mistake VALUES
  ($$poll_events(NULL)$$, '22004 null_value consumer'),
  ($$poll_events('')$$, '22023 invalid_length consumer'),
  ($$poll_events(repeat('x', 256))$$, '22023 invalid_length consumer'),
  ($$poll_events('late', NULL)$$, '22004 null_value max_rows'),
  ($$poll_events('late', 0)$$, '22023 out_of_range max_rows'),
  ($$poll_events('late', -1)$$, '22023 out_of_range max_rows'),
  ($$poll_events('late', 1001)$$, '22023 out_of_range max_rows'),
  ($$poll_events('late', organization_id => 'nowhere')$$, 'P0002 unknown_organization organization_id'),
  ($$poll_events('late', organization_id => '')$$, '22023 invalid_value organization_id'),
  ($$ack_events(NULL, 'SECOND')$$, '22004 null_value consumer'),
  ($$ack_events('late', NULL)$$, '22004 null_value up_to'),
  ($$ack_events('', 'SECOND')$$, '22023 invalid_length consumer'),
  ($$ack_events('nobody', 'SECOND')$$, 'P0002 unknown_consumer consumer'),
  ($$ack_events('late', 'SECOND', 'other')$$, 'P0002 unknown_consumer consumer'),
  ($$ack_events('late', 'SECOND', 'nowhere')$$, 'P0002 unknown_consumer consumer'),
  ($$ack_events('late', 'NONE')$$, 'P0002 unknown_event up_to'),
  ($$ack_events('late', 'INBOX')$$, 'P0002 unknown_event up_to'),
  ($$ack_events('late', 'FOREIGN')$$, 'P0002 unknown_event up_to'),
  ($$ack_events('short', 'SECOND')$$, '55000 event_not_polled up_to'),
  ($$delete_event_consumer(NULL)$$, '22004 null_value consumer'),
  ($$delete_event_consumer('nobody')$$, 'P0002 unknown_consumer consumer'),
  ($$delete_event_consumer('late', 'other')$$, 'P0002 unknown_consumer consumer'),
  ($$sign_event(NULL, 's')$$, '22004 null_value event'),
  ($$sign_event(EVENT, NULL)$$, '22004 null_value secret'),
  ($$sign_event(EVENT, '')$$, '22023 invalid_value secret'),
  ($$sign_event(EVENT, 'canary', '-infinity')$$, '22008 instant_out_of_range at'),
  ($$sign_event(EVENT, 'canary', '1969-12-31 23:59:59.999999Z')$$, '22008 instant_out_of_range at'),
  ($$sign_event(EVENT, 'canary', '294247-01-10 04:00:54.775808Z')$$, '22008 instant_out_of_range at'),
  ($$sign_event(EVENT, 'canary', '294276-12-31 23:59:59.999999Z')$$, '22008 instant_out_of_range at'),
  ($$sign_event(ROW('o', 'NONE', 1, 'card.closed', NULL, '{}', '294276-12-31Z')::ledger_agents.event_detail, 'canary')$$, '22008 instant_out_of_range created_at'),
  ($$sign_event(ROW('o', NULL, 1, 'card.closed', NULL, '{}', now())::ledger_agents.event_detail, 'canary')$$, '22004 null_value id'),
  ($$sign_event(ROW(NULL, 'NONE', 1, 'card.closed', NULL, '{}', now())::ledger_agents.event_detail, 'canary')$$, '22004 null_value organization_id'),
  ($$sign_event(ROW('o', 'NONE', 1, NULL, NULL, '{}', now())::ledger_agents.event_detail, 'canary')$$, '22004 null_value type'),
  ($$sign_event(ROW('o', 'NONE', 1, 'card.closed', NULL, NULL, now())::ledger_agents.event_detail, 'canary')$$, '22004 null_value data'),
  ($$sign_event(ROW('o', 'NONE', 1, 'card.closed', NULL, '{}', NULL)::ledger_agents.event_detail, 'canary')$$, '22004 null_value created_at'),
  ($$sign_event(ROW('o', 'NONE', 1, 'card.closed', NULL, '{}', 'infinity')::ledger_agents.event_detail, 'canary')$$, '22008 instant_out_of_range created_at');
SELECT pg_temp.polled('short', 1);

CREATE FUNCTION pg_temp.stored() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws('|', (SELECT string_agg(c::text, ' ' ORDER BY c.name) FROM ledger_agents.event_consumers AS c), (SELECT string_agg(s::text, ' ') FROM ledger_agents.event_streams AS s),
                   (SELECT count(*) FROM ledger_agents.event_positions), (SELECT count(*) FROM ledger_agents.event_inbox), (SELECT count(*) FROM ledger_agents.organizations))
$$;
CREATE FUNCTION pg_temp.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before text := pg_temp.stored();
  name text;
  field text;
  state text;
  detail text;
  told text;
BEGIN
  call := replace(replace(call, 'SECOND', pg_temp.event(2)::text), 'FOREIGN', pg_temp.event(1, 'other')::text);
  call := replace(replace(call, 'INBOX', (SELECT event_id::text FROM ledger_agents.event_inbox WHERE organization_id = 'default')), 'NONE', '01890a5d-ac96-774b-bcce-b302099a8057');
  call := replace(call, 'EVENT', $e$ROW('o', '01890a5d-ac96-774b-bcce-b302099a8057', 1, 'card.closed', NULL, '{}', now())::ledger_agents.event_detail$e$);
  BEGIN
    EXECUTE 'SELECT count(*) FROM ledger_agents.' || call;
    RETURN 'no error';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, name = CONSTRAINT_NAME, field = COLUMN_NAME, detail = PG_EXCEPTION_DETAIL;
    told := SQLERRM || detail;
  END;
  RETURN concat_ws(' ', state, name, nullif(field, ''), CASE WHEN told LIKE '%canary%' THEN 'TELLS THE SECRET' END,
                   CASE WHEN before <> pg_temp.stored() THEN 'AND STORED SOMETHING' END);
END
$$;
-- One that no poll has seen.
SELECT FROM ledger_agents.update_agent((SELECT id FROM agent), '{"name": "in the inbox"}');
SELECT is(pg_temp.refusal(call), want, call) FROM mistake;

--
-- Signatures, computed by openssl dgst -sha256 -hmac: (organization, created, data, secret, at, body, v1).
--
CREATE TEMP TABLE vector (organization text, created timestamptz, data jsonb, secret text, at timestamptz, body text, t bigint, v1 text);
INSERT INTO vector VALUES
  ('org', '1970-01-01Z', '{}', 's', '1970-01-01Z', '{"id":"01890a5d-ac96-774b-bcce-b302099a8057","type":"card.closed","organizationId":"org","createdAt":0,"data":{}}',
   0, '05e1514ccea11bd1e1df4934c6f514d5f902d350b8cfcdec947a1048b7d086d6'),
  ('org', '1970-01-01 00:00:00.000999Z', '{}', 's', '2026-01-01 00:00:00.999999Z', '{"id":"01890a5d-ac96-774b-bcce-b302099a8057","type":"card.closed","organizationId":"org","createdAt":0,"data":{}}',
   1767225600, 'f442a23b41c19240793ae635341f2e23ab3d10a00f655b42d1e17d6ac8abbd15'),
  ('org', '1970-01-01Z', '{}', repeat('k', 100), '2026-01-01Z', '{"id":"01890a5d-ac96-774b-bcce-b302099a8057","type":"card.closed","organizationId":"org","createdAt":0,"data":{}}',
   1767225600, 'e5789a026c3563008cad4eeac0825dd40352f4f214a2eb893bea491959a8d871'),
  (E'a"b\\c\td é €', '2026-01-01 00:00:00.999Z', '{"list": [1, {"x": null}], "n": 9007199254740993, "text": "tab\t \"q\" 😀"}', 'schlüssel €', '2026-01-01Z',
   '{"id":"01890a5d-ac96-774b-bcce-b302099a8057","type":"card.closed","organizationId":"a\"b\\c\td é €","createdAt":1767225600999,"data":{"n": 9007199254740993, "list": [1, {"x": null}], "text": "tab\t \"q\" 😀"}}',
   1767225600, '99d69248eca97b5d38cef184f12bccd860e78fdd337b276ffbb072f561491a48'),
  ('org', '1970-01-01Z', '{}', 's', '9999-12-31 23:59:59Z', '{"id":"01890a5d-ac96-774b-bcce-b302099a8057","type":"card.closed","organizationId":"org","createdAt":0,"data":{}}',
   253402300799, 'e8f57be73355d10304f0a36fbe14091091256ff00a0291c2bafac95c92773108');
CREATE FUNCTION pg_temp.made(v vector) RETURNS ledger_agents.event_detail LANGUAGE sql AS $$
  SELECT ROW(v.organization, '01890a5d-ac96-774b-bcce-b302099a8057', 1, 'card.closed', NULL, v.data, v.created)::ledger_agents.event_detail
$$;
SELECT is(s.body, v.body, 'body: ' || v.body) FROM vector AS v, ledger_agents.sign_event(pg_temp.made(v), v.secret, v.at) AS s;
SELECT is(s.header, format('t=%s,v1=%s', v.t, v.v1), 'header: ' || v.t) FROM vector AS v, ledger_agents.sign_event(pg_temp.made(v), v.secret, v.at) AS s;
SELECT is(s.header, (SELECT header FROM ledger_agents.sign_event(pg_temp.made(v), v.secret, '2026-03-02 09:00Z')), 'without an instant it is signed now')
FROM vector AS v, ledger_agents.sign_event(pg_temp.made(v), v.secret) AS s;
SELECT is(concat_ws(' ', split_part(s.header, ',', 1), s.body::jsonb ->> 'createdAt'), 't=9223372036854 9223372036854775', 'the last instant that can be told')
FROM (SELECT * FROM vector LIMIT 1) AS v, (VALUES ('294247-01-10 04:00:54.775807Z'::timestamptz)) AS last (at),
     LATERAL ledger_agents.sign_event(ROW('o', '01890a5d-ac96-774b-bcce-b302099a8057', 1, 'card.closed', NULL, '{}', last.at)::ledger_agents.event_detail, v.secret, last.at) AS s;
SELECT is((SELECT jsonb_object_agg(k, s.body::jsonb -> k) FROM unnest('{id,type,organizationId,createdAt,data}'::text[]) AS k), s.body::jsonb, 'the body is a document of these fields: ' || v.organization)
FROM vector AS v, ledger_agents.sign_event(pg_temp.made(v), v.secret) AS s;

--
-- A long backlog: a poll numbers ten thousand, the next one goes on.
--
SAVEPOINT backlog;
INSERT INTO ledger_agents.event_inbox SELECT 'other', format('01a20000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 10001) AS n;
INSERT INTO ledger_agents.events SELECT 'other', format('01a20000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid, 'card.closed', NULL, to_jsonb(n), now() FROM generate_series(1, 10001) AS n;
SELECT is((SELECT count(*) FROM ledger_agents.poll_events('early', 1000, 'other')), 1000::bigint, 'a thousand at once');
SELECT is((SELECT concat_ws(' ', last_position, (SELECT count(*) FROM ledger_agents.event_inbox WHERE organization_id = 'other')) FROM ledger_agents.event_streams WHERE organization_id = 'other'),
          '10002 1', 'ten thousand are numbered');
SELECT is(pg_temp.polled('late', 1, 'other'), '1', 'another poll');
SELECT is((SELECT last_position FROM ledger_agents.event_streams WHERE organization_id = 'other'), 10003::bigint, 'numbers the rest');
SELECT is_empty($$SELECT position, data FROM ledger_agents.event_positions AS p JOIN ledger_agents.events AS e ON e.organization_id = p.organization_id AND e.id = p.event_id
                  WHERE p.organization_id = 'other' AND p.position > 2 AND p.position <> e.data::bigint + 2$$, 'in their order');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
ROLLBACK TO backlog;

--
-- Random work against a plain model: who has acknowledged how much, and what comes next.
--
CREATE FUNCTION pg_temp.random_work(steps integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  handled bigint[] := '{0,0,0}';
  c int;
  got bigint[];
  want bigint[];
  written bigint;
  upto bigint;
  said bigint;
BEGIN
  FOR step IN 1 .. steps LOOP
    c := 1 + floor(random() * 3);
    IF random() < 0.4 THEN
      PERFORM ledger_agents.update_agent((SELECT id FROM agent), jsonb_build_object('name', 'random ' || step));
    END IF;
    SELECT array_agg(p.position) INTO got FROM ledger_agents.poll_events('random ' || c, 5) AS p;
    SELECT count(*) INTO written FROM ledger_agents.events WHERE organization_id = 'default';
    SELECT array_agg(n) INTO want FROM generate_series(handled[c] + 1, least(handled[c] + 5, written)) AS n;
    IF got IS DISTINCT FROM want THEN
      RETURN format('step %s: got %s, not %s', step, got, want);
    END IF;
    IF got IS NOT NULL AND random() < 0.7 THEN
      upto := got[1 + floor(random() * cardinality(got))];
      SELECT acknowledged INTO said FROM ledger_agents.ack_events('random ' || c, pg_temp.event(upto));
      IF said IS DISTINCT FROM upto - handled[c] THEN
        RETURN format('step %s: %s acknowledged, not %s', step, said, upto - handled[c]);
      END IF;
      handled[c] := upto;
    END IF;
  END LOOP;
  RETURN 'as the model';
END
$$;
SELECT setseed(0.82);
SELECT is(pg_temp.random_work(300), 'as the model', 'random polls and acknowledgments');
SELECT is_empty($$SELECT e.id FROM (SELECT v.id, lag(v.id) OVER (ORDER BY p.position) AS previous FROM ledger_agents.event_positions AS p
                  JOIN ledger_agents.events AS v ON v.organization_id = p.organization_id AND v.id = p.event_id WHERE p.organization_id = 'default') AS e
                  WHERE e.id <= e.previous$$, 'one session''s events have the order of writing');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');

--
-- Tampering is seen. Each is undone: (what, violations).
--
CREATE FUNCTION pg_temp.seen(tampering text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  EXECUTE tampering;
  SELECT string_agg(DISTINCT violation, ' ' ORDER BY violation) INTO found FROM ledger_agents.check_invariants();
  RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
  RETURN found;
END
$$;
SELECT FROM ledger_agents.update_agent((SELECT id FROM agent), '{"name": "waits"}');
SELECT is(pg_temp.seen(what), want, what)
FROM (VALUES
  ('SELECT', NULL),
  ('DELETE FROM ledger_agents.event_inbox', 'event_not_in_stream'),
  ('DELETE FROM ledger_agents.event_positions WHERE position = 2 AND organization_id = ''default''', 'event_not_in_stream positions_have_gaps'),
  ('INSERT INTO ledger_agents.event_inbox SELECT organization_id, event_id FROM ledger_agents.event_positions WHERE position = 1', 'event_not_in_stream'),
  ('INSERT INTO ledger_agents.event_inbox VALUES (''default'', ''01890a5d-ac96-774b-bcce-b302099a8057'')', 'reference_is_broken'),
  ('UPDATE ledger_agents.event_positions SET event_id = ''01890a5d-ac96-774b-bcce-b302099a8057'' WHERE position = 1 AND organization_id = ''default''', 'event_not_in_stream reference_is_broken'),
  ('UPDATE ledger_agents.event_positions SET position = position + 1000 WHERE position > 3 AND organization_id = ''default''', 'positions_have_gaps'),
  ('UPDATE ledger_agents.event_positions SET position = 0 WHERE position = 1', 'positions_have_gaps'),
  ('UPDATE ledger_agents.event_streams SET last_position = last_position + 1', 'positions_have_gaps'),
  ('DELETE FROM ledger_agents.event_streams', 'consumer_ahead_of_stream positions_have_gaps'),
  ('UPDATE ledger_agents.event_consumers SET polled_position = 100000', 'consumer_ahead_of_stream')) AS t (what, want);
SELECT throws_ok('UPDATE ledger_agents.event_consumers SET acked_position = polled_position + 1', '23514', NULL, 'nothing is acknowledged that was not polled');

SELECT * FROM finish();
ROLLBACK;
