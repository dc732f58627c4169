-- Are histories hashed as README.md says, is every damage found and told by its name, and nothing in health?
-- The vectors below are what include/chain_form.py prints; it knows the description of the form and not the extension.
SELECT no_plan();
SET timezone = 'America/New_York';
SET intervalstyle = 'iso_8601';
SET datestyle = 'German';

--
-- The form of items
--
CREATE FUNCTION pg_temp.authorization_item(text) RETURNS bytea LANGUAGE sql AS
  'SELECT ledger_agents.chain_item(jsonb_populate_record(NULL::ledger_agents.authorizations, $1::jsonb))';
CREATE FUNCTION pg_temp.entry_item(text) RETURNS bytea LANGUAGE sql AS
  'SELECT ledger_agents.chain_item(jsonb_populate_record(NULL::ledger_agents.authorization_entries, $1::jsonb))';
CREATE FUNCTION pg_temp.seal_item(text) RETURNS bytea LANGUAGE sql AS
  'SELECT ledger_agents.chain_item(jsonb_populate_record(NULL::ledger_agents.chain_seals, $1::jsonb))';
\set authorization '{"organization_id": "tést", "id": "01890a5d-ac97-7000-8000-000000000001", "agent_id": "01890a5d-ac96-774b-bcce-b302099a8057", "sequence": 7, "decided_at": "2023-06-29T22:10:30.999999Z", "amount": 9007199254740993, "agent_spent": -1, "agent_limit": 0, "max_approvable": 12, "retry_at": "1969-12-31T23:59:59.999999Z", "recorded": true, "card_id": "01890a5d-ac96-774b-bcce-b302099a8058", "decision": "declined", "reason": "mcc_blocked", "agent_limit_frequency": "per24HourPeriod", "on_limit_exceeded": "decline", "attestation": "stale", "customer_id": "customer", "currency": "USD", "idempotency_key": "", "merchant": "Käse & Söhne", "mcc": "0742", "hold_for": "1 year 2 months -3 days 01:02:03.000004", "reasons": ["mcc_blocked", "agent_limit_exceeded"], "failed_limits": [{"limit": 10, "rule": "perDay"}], "metadata": {"bb": "é", "a": [1, 2.50, null]}, "status": "declined"}'
\set entry '{"organization_id": "tést", "id": "01890a5d-ac97-7000-8000-000000000002", "authorization_id": "01890a5d-ac97-7000-8000-000000000001", "agent_id": "01890a5d-ac96-774b-bcce-b302099a8057", "number": 1, "kind": "capture", "amount": 5, "added_amount": 0, "released_amount": 3, "forced": false, "final": true, "created_at": "2023-06-30T00:00:00Z"}'
\set seal '{"organization_id": "tést", "agent_id": "01890a5d-ac96-774b-bcce-b302099a8057", "number": 1, "sequence": 7, "entry_number": 1, "decided_at": "2023-06-29T22:10:30.999999Z", "version": 1, "sealed_at": "2023-07-01T00:00:00Z"}'
SELECT is(encode(pg_temp.authorization_item(:'authorization'), 'hex'),
  '01410000000574c3a973740000001001890a5dac97700080000000000000010000001001890a5dac96774bbcceb302099a8057000000080000000000000007000000080005ff4bf7f1c3bf00000008002000000000000100000008ffffffffffffffff000000080000000000000000ffffffff00000008000000000000000c00000008ffffffffffffffffffffffffffffffff00000001010000001001890a5dac96774bbcceb302099a8058ffffffffffffffff000000086465636c696e65640000000b6d63635f626c6f636b65640000000f7065723234486f7572506572696f64000000076465636c696e65000000057374616c6500000008637573746f6d657200000003555344000000000000000e4bc3a4736520262053c3b6686e650000000430373432ffffffff00000018000000000000000efffffffffffffffd00000000dde878c40000002b000000020000000b6d63635f626c6f636b6564000000146167656e745f6c696d69745f6578636565646564000000215b7b2272756c65223a2022706572446179222c20226c696d6974223a2031307d5d000000227b2261223a205b312c20322e35302c206e756c6c5d2c20226262223a2022c3a9227d', 'the form of an authorization');
SELECT is(encode(pg_temp.entry_item(:'entry'), 'hex'),
  '01450000000574c3a973740000001001890a5dac97700080000000000000020000001001890a5dac97700080000000000000010000001001890a5dac96774bbcceb302099a80570000000800000000000000010000000763617074757265000000080000000000000005ffffffff00000008000000000000000000000008000000000000000300000001000000000101000000080005ff4d7f7cc000ffffffff', 'the form of an entry');
SELECT is(encode(pg_temp.seal_item(:'seal'), 'hex'),
  '01530000000574c3a973740000001001890a5dac96774bbcceb302099a8057000000080000000000000001000000080000000000000007000000080000000000000001000000080005ff4bf7f1c3bf000000080000000000000001000000080005ff619d542000', 'the form of a seal');
SELECT is(encode(sha256(sha256(sha256(decode('113ffd6d8eaa6afa75aa656eae611f7d676288b6fcb89b5fce31fd0134bef977', 'hex') || pg_temp.authorization_item(:'authorization')) || pg_temp.entry_item(:'entry')) || pg_temp.seal_item(:'seal')), 'hex'),
  'a7989e6c4ab1546dc39f2ac9cff42e7754df90f0a27efeb7289ca15c16b15a94', 'the head behind them');

-- Instants at the ends of their range: what is infinite is the least or the greatest number, what no number holds an error.
SELECT is(right(encode(pg_temp.seal_item((:'seal'::jsonb || jsonb_build_object('sealed_at', at))::text), 'hex'), 16), want, 'sealed at ' || at)
FROM (VALUES ('1970-01-01Z', '0000000000000000'), ('4714-11-24 00:00Z BC', 'fd12d9c27c578000'), ('294247-01-10 04:00:54.775807Z', '7fffffffffffffff'), ('infinity', '7fffffffffffffff'), ('-infinity', '8000000000000000')) AS v (at, want);
SELECT throws_ok(format('SELECT pg_temp.seal_item(%L)', :'seal'::jsonb || jsonb_build_object('sealed_at', at)), '22008', 'an instant is too late to be hashed', 'sealed at ' || at)
FROM unnest('{294247-01-10 04:00:54.775808Z,294276-12-31 23:59:59.999999Z}'::text[]) AS at;

-- Every column is either hashed or follows from the entries.
CREATE TEMP TABLE item AS
SELECT * FROM (VALUES ('authorizations', :'authorization'::jsonb, 'authorization_item'), ('authorization_entries', :'entry', 'entry_item'), ('chain_seals', :'seal', 'seal_item')) AS v (name, row, form);
CREATE FUNCTION pg_temp.form_of(item, changes jsonb) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
  form bytea;
BEGIN
  EXECUTE format('SELECT pg_temp.%I($1::text)', $1.form) INTO form USING $1.row || changes;
  RETURN form;
END
$$;
CREATE FUNCTION pg_temp.other(type text, name text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT CASE WHEN type ~ 'reason\[]' THEN '["mcc_blocked"]' WHEN name = 'hold_for' THEN '"1 day"' WHEN type = 'boolean' THEN 'null' WHEN type IN ('bigint', 'integer') THEN '99'
              WHEN type = 'uuid' THEN '"01890a5d-ac97-7000-8000-00000000000f"' WHEN type = 'jsonb' THEN '[1]' WHEN type ~ 'time' THEN '"2020-01-01T00:00:00Z"' WHEN type = 'bytea' THEN '"\\x00"'
              WHEN type = 'text' THEN '"changed"' ELSE to_jsonb((SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = type::regtype ORDER BY e.enumsortorder OFFSET 2 LIMIT 1))::text END::jsonb
$$;
SELECT is((SELECT string_agg(i.name || '.' || a.attname, ' ' ORDER BY i.name, a.attname)
           FROM item i JOIN pg_attribute a ON a.attrelid = ('ledger_agents.' || i.name)::regclass AND a.attnum > 0 AND NOT a.attisdropped
           WHERE pg_temp.form_of(i, '{}') = pg_temp.form_of(i, jsonb_build_object(a.attname, pg_temp.other(format_type(a.atttypid, NULL), a.attname)))),
          'authorizations.captured_amount authorizations.counted_amount authorizations.incremented_amount authorizations.refunded_amount'
          || ' authorizations.reversed_amount authorizations.status chain_seals.head',
          'every column is hashed but those that follow from the entries, and the head itself');
SELECT is((ledger_agents.register_agent('nobody', 'c')).created, true, 'an agent');
SELECT throws_ok(format('SELECT ledger_agents.chain_item(x) FROM (%s) x', item), '22023', 'item is no row of a chain', why)
FROM (VALUES ('SELECT 1', 'a row of no table is no item'), ('SELECT a.* FROM ledger_agents.agents a', 'nor is one of columns')) AS v (item, why);
SELECT throws_ok('SELECT ledger_agents.chain_item(a) FROM ledger_agents.agents a', '22023', 'item is no row of a chain', 'nor is a row of another table');

SELECT is(l.head, sha256(decode(repeat('00', 32), 'hex') || 'ledger_agents chain 1'::bytea || uuid_send(l.agent_id) || 'default'::bytea), 'the head before the first item')
FROM ledger_agents.agents a, ledger_agents.seal_chain(a.id) l WHERE a.external_id = 'nobody';
SELECT results_eq($$SELECT l.number, l.sequence, l.entry_number, l.decided_at, l.sealed_at, l.sealed, l.more FROM ledger_agents.agents a, ledger_agents.seal_chain(a.id) l$$,
                  $$VALUES (0::bigint, 0::bigint, 0::bigint, NULL::timestamptz, NULL::timestamptz, 0, false)$$, 'nothing to seal');

--
-- A history: holds that become everything, at instants of which many are the same
--
CREATE PROCEDURE pg_temp.spend(agent uuid, decisions int) LANGUAGE plpgsql AS $$
DECLARE
  now timestamptz := '2026-01-01 00:00Z';
  a ledger_agents.authorization_detail;
  hold uuid;
BEGIN
  FOR n IN 1..decisions LOOP
    now := now + CASE WHEN n % 3 = 0 THEN 1 ELSE 0 END * interval '1 s';
    PERFORM set_config('ledger_agents.clock', now::text, false);
    a := ledger_agents.authorize(agent, 1 + n % 50, merchant => CASE WHEN n % 5 = 0 THEN 'Shop ' || n END, idempotency_key => CASE WHEN n % 4 = 0 THEN n::text END,
                                 hold_for => CASE WHEN n % 7 = 0 THEN interval '1 month 1 day 1 second' END, metadata => CASE WHEN n % 9 = 0 THEN jsonb_build_object('ä', n, 'b', ARRAY[n]) END);
    IF a.decision = 'approved' AND n % 2 = 0 THEN
      IF n % 10 = 0 AND hold IS NOT NULL THEN
        PERFORM ledger_agents.increment(hold, 3);
      END IF;
      CASE n % 8
        WHEN 0 THEN PERFORM ledger_agents.capture(a.id);
        WHEN 2 THEN
          IF a.amount > 1 THEN
            PERFORM ledger_agents.reverse(a.id, 1);
          END IF;
        WHEN 4 THEN PERFORM ledger_agents.refund((ledger_agents.capture(a.id, idempotency_key => 'c')).id, 1);
        ELSE hold := a.id;
      END CASE;
    END IF;
    IF n % 100 = 0 THEN
      COMMIT;
    END IF;
  END LOOP;
END
$$;
SELECT id AS a FROM ledger_agents.register_agent('sealed', 'c', spending_limit => 15000, spending_limit_frequency => 'allTime') \gset
CALL pg_temp.spend(:'a', 700);
SELECT is(sealed, 1, 'less than 1000 decisions are one seal') FROM ledger_agents.seal_chain(:'a');
SELECT sequence AS noted, head AS noted_head FROM ledger_agents.seal_chain(:'a') \gset
SELECT is(sealed, 0, 'nothing is sealed twice') FROM ledger_agents.seal_chain(:'a');
SELECT is(count(*), 1::bigint, 'and nothing is written then') FROM ledger_agents.chain_seals;
SET ledger_agents.clock = '2026-01-20 00:00Z';
SELECT is((ledger_agents.capture((SELECT id FROM ledger_agents.authorizations WHERE status = 'authorized' AND increment_of IS NULL ORDER BY id LIMIT 1))).status::text, 'captured', 'an entry later');
SELECT results_eq('SELECT l.number, l.sequence, l.sealed FROM ledger_agents.agents a, ledger_agents.seal_chain(a.id) l WHERE a.external_id = ''sealed''',
                  format('VALUES (2::bigint, %s::bigint, 1)', :'noted'), 'it has a seal without decisions');
SET ledger_agents.clock = '2026-01-21 00:00Z';
SELECT is(count((ledger_agents.authorize(:'a', 1)).id), 2001::bigint, '2001 decisions') FROM generate_series(1, 2001);
SELECT is((sealed, more), (1, true), 'one seal, if no more are wanted') FROM ledger_agents.seal_chain(:'a', 1);
SELECT is((sealed, more), (2, false), 'and what is left') FROM ledger_agents.seal_chain(:'a');
SELECT is(count((ledger_agents.authorize(:'a', 1)).id), 5::bigint, 'a tail that is not sealed') FROM generate_series(1, 5);

-- The slow way: each item after the other.
CREATE FUNCTION pg_temp.heads(agent uuid) RETURNS TABLE (number bigint, head bytea) LANGUAGE plpgsql AS $$
DECLARE
  item bytea;
  seal ledger_agents.chain_seals;
  done bigint := 0;
  entry bigint := 0;
BEGIN
  head := sha256(decode(repeat('00', 32), 'hex') || 'ledger_agents chain 1'::bytea || uuid_send(agent) || convert_to('default', 'UTF8'));
  FOR seal IN SELECT * FROM ledger_agents.chain_seals s WHERE s.agent_id = agent ORDER BY s.number LOOP
    FOR item IN SELECT ledger_agents.chain_item(x) FROM ledger_agents.authorizations x WHERE x.agent_id = agent AND x.sequence > done AND x.sequence <= seal.sequence ORDER BY x.sequence LOOP
      head := sha256(head || item);
    END LOOP;
    FOR item IN SELECT ledger_agents.chain_item(n) FROM ledger_agents.authorization_entries n WHERE n.agent_id = agent AND n.number > entry AND n.number <= seal.entry_number ORDER BY n.number LOOP
      head := sha256(head || item);
    END LOOP;
    head := sha256(head || ledger_agents.chain_item(seal));
    number := seal.number;
    done := seal.sequence;
    entry := seal.entry_number;
    RETURN NEXT;
  END LOOP;
END
$$;
SELECT results_eq(format('SELECT number, head FROM pg_temp.heads(%L)', :'a'), format('SELECT number, head FROM ledger_agents.chain_seals WHERE agent_id = %L ORDER BY number', :'a'), 'heads are as they are computed one by one');
SELECT is((SELECT array_agg(sequence - before ORDER BY number) FROM (SELECT number, sequence, lag(sequence, 1, 0::bigint) OVER (ORDER BY number) AS before FROM ledger_agents.chain_seals) s),
          ARRAY[:noted, 0, 1000, 1000, 1]::bigint[], 'a seal has 1000 decisions at most');
SELECT is_empty(format('SELECT * FROM ledger_agents.verify_chain(%L)', :'a'), 'it verifies');
SELECT is_empty(format('SELECT * FROM ledger_agents.verify_chain(%L, %s, %L)', :'a', :'noted', :'noted_head'), 'with an anchor, too');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');

--
-- Damage
--
CREATE FUNCTION pg_temp.found(damage text, anchor bigint DEFAULT NULL, head bytea DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  -- Guards of append-only tables are switched off as nobody but a superuser can.
  PERFORM set_config('session_replication_role', 'replica', true);
  EXECUTE damage;
  SELECT string_agg(v.violation, ' ' ORDER BY v.sequence, v.violation) INTO found
  FROM ledger_agents.agents a, ledger_agents.verify_chain(a.id, anchor, head) v WHERE a.external_id = 'sealed';
  RAISE EXCEPTION 'undo';
EXCEPTION WHEN raise_exception THEN
  RETURN found;
END
$$;
SELECT is(pg_temp.found(statement), want, coalesce(want, 'nothing') || ': ' || statement)
FROM (VALUES
  ('head_differs', 'UPDATE ledger_agents.authorizations SET amount = amount + 1 WHERE sequence = 500'),
  ('head_differs', 'UPDATE ledger_agents.authorizations SET metadata = ''{"a": 1}'' WHERE sequence = 1'),
  ('head_differs', 'UPDATE ledger_agents.authorizations SET merchant = merchant || '' '' WHERE sequence = 5'),
  ('head_differs', 'UPDATE ledger_agents.authorizations SET idempotency_key = NULL WHERE sequence = 4'),
  ('head_differs head_differs', 'UPDATE ledger_agents.authorizations SET agent_spent = 0 WHERE sequence IN (4, 1800)'),
  ('head_differs', 'UPDATE ledger_agents.authorizations x SET amount = y.amount FROM ledger_agents.authorizations y WHERE (x.sequence, y.sequence) IN ((10, 11), (11, 10))'),
  ('head_differs', 'UPDATE ledger_agents.authorizations SET sequence = CASE sequence WHEN 3 THEN 4 ELSE 3 END WHERE sequence IN (3, 4)'),
  ('decision_out_of_order', 'UPDATE ledger_agents.authorizations SET sequence = CASE sequence WHEN 10 THEN 20 ELSE 10 END WHERE sequence IN (10, 20)'),
  ('decision_missing', 'DELETE FROM ledger_agents.authorizations WHERE sequence = 1'),
  ('decision_missing', 'DELETE FROM ledger_agents.authorizations WHERE sequence BETWEEN 600 AND 650'),
  ('decision_missing decision_missing', 'DELETE FROM ledger_agents.authorizations WHERE sequence BETWEEN 600 AND 1000'),
  ('decision_out_of_order', 'INSERT INTO ledger_agents.authorizations SELECT (jsonb_populate_record(x, ''{"id": "019b76da-a800-7000-ac11-c0d6ec463871", "idempotency_key": null}'')).* FROM ledger_agents.authorizations x WHERE sequence = 30'),
  ('tail_is_cut', 'DELETE FROM ledger_agents.authorizations WHERE sequence = (SELECT max(sequence) FROM ledger_agents.authorizations)'),
  ('tail_is_cut tail_is_cut tail_is_cut', 'DELETE FROM ledger_agents.authorizations WHERE sequence > 2700'),
  ('tail_is_cut counter_differs', 'DELETE FROM ledger_agents.authorizations WHERE sequence > 2700; UPDATE ledger_agents.counters SET sequence = 2700 WHERE sequence > 0; DELETE FROM ledger_agents.chain_seals WHERE number > 4'),
  ('decision_missing', 'DELETE FROM ledger_agents.authorizations WHERE sequence = (SELECT max(sequence) - 1 FROM ledger_agents.authorizations)'),
  ('counter_differs', 'UPDATE ledger_agents.counters SET sequence = sequence - 1 WHERE sequence > 0'),
  ('tail_is_cut', 'UPDATE ledger_agents.counters SET sequence = sequence + 1 WHERE sequence > 0'),
  ('counter_differs', 'UPDATE ledger_agents.counters SET entry_count = entry_count - 1'),
  ('tail_is_cut', 'UPDATE ledger_agents.counters SET entry_count = entry_count + 1'),
  ('counter_differs', 'DELETE FROM ledger_agents.counters'),
  ('head_differs', 'UPDATE ledger_agents.authorization_entries SET amount = amount + 1 WHERE number = 50'),
  ('head_differs', 'UPDATE ledger_agents.authorization_entries SET number = -number WHERE number IN (50, 51); UPDATE ledger_agents.authorization_entries SET number = 101 + number WHERE number < 0'),
  ('entry_missing', 'DELETE FROM ledger_agents.authorization_entries WHERE number = 1'),
  ('entry_missing', 'DELETE FROM ledger_agents.authorization_entries WHERE number = 50'),
  ('tail_is_cut', 'DELETE FROM ledger_agents.authorization_entries WHERE number = (SELECT max(number) FROM ledger_agents.authorization_entries)'),
  ('entry_out_of_order', 'INSERT INTO ledger_agents.authorization_entries SELECT (jsonb_populate_record(n, ''{"id": "019b76da-a800-7000-ac11-c0d6ec463871", "number": 0, "idempotency_key": "x"}'')).* FROM ledger_agents.authorization_entries n WHERE number = 30'),
  ('seal_missing', 'DELETE FROM ledger_agents.chain_seals WHERE number = 1'),
  ('seal_missing', 'DELETE FROM ledger_agents.chain_seals WHERE number = 3'),
  ('head_differs head_differs', 'UPDATE ledger_agents.chain_seals SET head = sha256(head) WHERE number = 3'),
  ('head_differs', 'UPDATE ledger_agents.chain_seals SET head = sha256(head) WHERE number = 5'),
  ('head_differs', 'UPDATE ledger_agents.chain_seals SET sealed_at = sealed_at + interval ''1 us'' WHERE number = 3'),
  ('head_differs', 'UPDATE ledger_agents.chain_seals SET decided_at = decided_at - interval ''1 us'' WHERE number = 5'),
  ('head_differs head_differs', 'UPDATE ledger_agents.chain_seals SET entry_number = entry_number - 1 WHERE number = 1'),
  ('seal_out_of_order seal_out_of_order', 'UPDATE ledger_agents.chain_seals SET sequence = 5 WHERE number = 3'),
  -- What later verbs write is not hashed: check_invariants() ties it to the entries.
  (NULL, 'UPDATE ledger_agents.authorizations SET counted_amount = counted_amount + 1, status = ''refunded'' WHERE sequence = 500'),
  (NULL, 'UPDATE ledger_agents.counters SET total_spent = 0')) AS v (want, statement);
SELECT is_empty(format('SELECT * FROM ledger_agents.verify_chain(%L)', :'a'), 'all damage is undone');
SELECT is(pg_temp.found('DELETE FROM ledger_agents.chain_seals WHERE number > 2', :noted, :'noted_head'), NULL, 'younger seals may be missing: there is less to vouch for');

-- Everything rewritten: rows, seals and counter. Only what was noted elsewhere tells.
CREATE FUNCTION pg_temp.seal_anew() RETURNS void LANGUAGE sql AS $$
  DELETE FROM ledger_agents.chain_seals;
  SELECT FROM ledger_agents.agents a, ledger_agents.seal_chain(a.id) WHERE a.external_id = 'sealed'
$$;
\set rewrite 'UPDATE ledger_agents.authorizations SET amount = amount + 1 WHERE sequence = 500; SELECT pg_temp.seal_anew()'
\set cut 'DELETE FROM ledger_agents.authorizations WHERE sequence > 600; DELETE FROM ledger_agents.authorization_entries WHERE number > 100; UPDATE ledger_agents.counters SET sequence = 600, entry_count = 100 WHERE sequence > 0; SELECT pg_temp.seal_anew()'
\set whole 'UPDATE ledger_agents.authorizations SET amount = amount + 1 WHERE sequence = 500; DELETE FROM ledger_agents.authorizations WHERE sequence > ' :noted '; UPDATE ledger_agents.counters SET sequence = ' :noted ' WHERE sequence > 0; SELECT pg_temp.seal_anew()'
SELECT is(pg_temp.found(:'rewrite'), NULL, 'who rewrites all of it is not found by the chain alone');
SELECT is(pg_temp.found(:'rewrite', :noted, :'noted_head'), 'anchor_missing', 'but by an anchor: no seal ends there any more');
SELECT is(pg_temp.found(:'whole'), NULL, 'who cuts it there and rewrites it is not found either');
SELECT is(pg_temp.found(:'whole', :noted, :'noted_head'), 'anchor_differs', 'but by an anchor: the seal has another head');
SELECT is(pg_temp.found(:'cut', :noted, :'noted_head'), 'anchor_missing', 'and so is who cuts it before');
SELECT is(pg_temp.found('SELECT', :noted, sha256('')), 'anchor_differs', 'an anchor that never was');
SELECT is(pg_temp.found('SELECT', 3, sha256('')), 'anchor_missing', 'an anchor that is no seal');

--
-- Errors
--
SELECT throws_ok(call, state, message, call)
FROM (VALUES
  ('SELECT ledger_agents.seal_chain(NULL)', '22004', 'agent_id must not be null'),
  ('SELECT ledger_agents.seal_chain(gen_random_uuid(), 0)', '22023', 'max_seals must be from 1 to 1000'),
  ('SELECT ledger_agents.seal_chain(gen_random_uuid(), 1001)', '22023', 'max_seals must be from 1 to 1000'),
  ('SELECT ledger_agents.seal_chain(gen_random_uuid(), NULL)', '22004', 'max_seals must not be null'),
  ('SELECT ledger_agents.seal_chain(''01890a5d-ac96-774b-bcce-b302099a8057'')', 'P0002', 'unknown agent'),
  ('SELECT ledger_agents.verify_chain(''01890a5d-ac96-774b-bcce-b302099a8057'')', 'P0002', 'unknown agent'),
  ('SELECT ledger_agents.verify_chain(NULL)', '22004', 'agent_id must not be null'),
  ('SELECT ledger_agents.verify_chain(gen_random_uuid(), 1)', '22004', 'anchor_head must not be null'),
  ('SELECT ledger_agents.verify_chain(gen_random_uuid(), NULL, '''')', '22004', 'anchor_sequence must not be null'),
  ('SELECT ledger_agents.verify_chain(gen_random_uuid(), 1, ''1234567890123456789012345678901'')', '22023', 'anchor_head must have 32 bytes')) AS v (call, state, message);
SELECT throws_ok(format('SELECT ledger_agents.verify_chain(%L, organization_id => ''elsewhere'')', :'a'), 'P0002', 'unknown agent', 'an agent of another organization');
SELECT throws_ok(format('SET LOCAL session_replication_role = replica; DELETE FROM ledger_agents.authorizations WHERE sequence = %s + 2002; SET LOCAL session_replication_role = origin; SELECT ledger_agents.seal_chain(%L)', :'noted', :'a'),
                 '55000', format('history of agent "%s" is broken', :'a'), 'what has gaps is not sealed');

--
-- Who may: auditors verify, operators seal and verify, agents do neither
--
CREATE ROLE chain_auditor;
CREATE ROLE chain_operator;
SELECT ledger_agents.grant_access('chain_auditor', 'auditor'), ledger_agents.grant_access('chain_operator', 'operator') \g /dev/null
SELECT token AS secret FROM ledger_agents.create_agent_token(:'a') \gset
CREATE FUNCTION pg_temp.attempt(role name, call text, token text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  PERFORM set_config('role', role, true);
  IF token IS NOT NULL THEN
    PERFORM ledger_agents.authenticate(token);
  END IF;
  EXECUTE call INTO result;
  RAISE EXCEPTION 'undo';
EXCEPTION
  WHEN raise_exception THEN RETURN 'ok ' || result;
  WHEN OTHERS THEN RETURN SQLSTATE;
END
$$;
SELECT is(pg_temp.attempt(role, format(call, :'a'), CASE WHEN with_token THEN :'secret' END), want, format('%s%s: %s', role, CASE WHEN with_token THEN ' with a token' ELSE '' END, call))
FROM (VALUES ('chain_auditor', false, 'SELECT count(*) FROM ledger_agents.verify_chain(%L)', 'ok 0'),
             ('chain_auditor', false, 'SELECT count(ledger_agents.chain_item(s)) > 0 FROM ledger_agents.chain_seals s', 'ok true'),
             ('chain_auditor', false, 'SELECT ledger_agents.seal_chain(%L)', '42501'),
             ('chain_auditor', false, 'SELECT ledger_agents.purge(''2000-01-01'')', '42501'),
             ('chain_operator', false, 'SELECT count(*) FROM ledger_agents.verify_chain(%L)', 'ok 0'),
             ('chain_operator', false, 'SELECT sequence > 0 FROM ledger_agents.seal_chain(%L)', 'ok true'),
             ('chain_operator', true, 'SELECT count(*) FROM ledger_agents.verify_chain(%L)', '42501'),
             ('chain_operator', true, 'SELECT ledger_agents.seal_chain(%L)', '42501'),
             ('chain_operator', true, 'SELECT ledger_agents.purge(''2000-01-01'')', '42501')) AS v (role, with_token, call, want);
DROP OWNED BY chain_auditor, chain_operator;
DROP ROLE chain_auditor, chain_operator;
BEGIN READ ONLY;
SELECT is_empty(format('SELECT * FROM ledger_agents.verify_chain(%L)', :'a'), 'a read-only transaction verifies');
COMMIT;
SELECT throws_ok(format('SET LOCAL transaction_read_only = on; SELECT ledger_agents.%s', call), '25006', NULL, 'but does not write: ' || call)
FROM (VALUES (format('seal_chain(%L)', :'a')), ('purge(''2000-01-01'')')) AS v (call);

SELECT * FROM finish();
