-- For 031_memory.pl: calls of every kind, made again and again, and what the session's memory has become by then.
SET client_min_messages = warning;
CREATE EXTENSION ledger_agents;
CREATE SCHEMA memory;
CREATE FUNCTION memory.agent(called text) RETURNS uuid STABLE LANGUAGE sql AS $$ SELECT id FROM ledger_agents.agents WHERE external_id = called $$;

SELECT ledger_agents.create_organization('limited', spending_limit => 900000000000),
  ledger_agents.update_organization('{"transaction_events": true}'),
  ledger_agents.update_customer('limited', '{"spending_limit": 900000000000, "window_mode": "rolling"}', 'limited') \g /dev/null
SELECT ledger_agents.register_agent(name, 'c') FROM unnest('{plain, other, intends, cards}'::text[]) AS name \g /dev/null
SELECT ledger_agents.register_agent('poor', 'c', spending_limit => 10, policy => '{"limits": {"perDay": 5}, "blockedMerchants": ["casino"]}'),
  ledger_agents.register_agent('limited', 'limited', spending_limit => 900000000000, window_mode => 'rolling', organization_id => 'limited'),
  ledger_agents.register_agent('asks', 'c', default_require_approval => true),
  ledger_agents.create_card(memory.agent('cards'), 'card', 'multi', spending_limit => 900000000000, policy => '{"allowedMerchants": ["shop"], "limits": {"perMonth": 900000000000}}') \g /dev/null
CREATE TABLE memory.secret AS SELECT t.token, k.key FROM ledger_agents.create_agent_token(memory.agent('plain')) AS t, ledger_agents.create_organization_key() AS k;
SELECT ledger_agents.authorize(memory.agent('plain'), 1, idempotency_key => 'again') \g /dev/null

-- A call, as what a transaction or a savepoint does; how often of 1000, its share; whether it is repeated in one transaction, too.
CREATE TABLE memory.call (kind text PRIMARY KEY, share integer, in_one boolean, call text);
INSERT INTO memory.call VALUES
  ('approved', 620, true, $$SELECT FROM ledger_agents.authorize(memory.agent('plain'), 1)$$),
  ('approved by statements', 15, true, $$SELECT FROM set_config('ledger_agents.direct_access', 'off', true) AS off, LATERAL ledger_agents.authorize(memory.agent('plain'), length(off) - 2) AS a, LATERAL set_config('ledger_agents.direct_access', CASE a.decision WHEN 'approved' THEN 'on' END, true)$$),
  ('approved under limits', 30, false, $$SELECT FROM ledger_agents.authorize(memory.agent('limited'), 1, organization_id => 'limited')$$),
  ('approved for a card', 30, true, $$SELECT FROM ledger_agents.authorize(memory.agent('cards'), 1, merchant => 'Shop', card_id => (SELECT id FROM ledger_agents.cards LIMIT 1))$$),
  ('declined', 30, true, $$SELECT FROM ledger_agents.authorize(memory.agent('poor'), 11, merchant => 'Casino')$$),
  ('answered again', 60, true, $$SELECT FROM ledger_agents.authorize(memory.agent('plain'), 1, idempotency_key => 'again')$$),
  ('evaluated', 30, true, $$SELECT FROM ledger_agents.evaluate(memory.agent('plain'), 1)$$),
  ('explained', 5, true, $$SELECT FROM ledger_agents.explain_authorization(agent_id => memory.agent('plain'), amount => 1)$$),
  ('in JSON', 15, true, $$SELECT FROM ledger_agents_api.authorize(jsonb_build_object('agentId', memory.agent('plain'), 'amount', 1))$$),
  ('refused in JSON', 10, true, $$SELECT FROM ledger_agents_api.authorize(jsonb_build_object('agentId', memory.agent('plain'), 'amount', -1))$$),
  ('life of a hold', 6, false, $$SELECT FROM ledger_agents.authorize(memory.agent('other'), 5) AS a, ledger_agents.increment(a.id, 1), ledger_agents.capture(a.id, 3), ledger_agents.refund(a.id, 1), LATERAL (SELECT FROM ledger_agents.authorize(memory.agent('other'), 5) AS b, ledger_agents.reverse(b.id) AS r) AS c$$),
  ('intended', 5, false, $$SELECT FROM ledger_agents.declare_intent(memory.agent('intends'), expected_amount => 5) AS i, ledger_agents.authorize(memory.agent('intends'), 5, intent_id => i.id)$$),
  ('parked', 3, false, $$SELECT FROM ledger_agents.authorize(memory.agent('asks'), 5)$$),
  ('many', 10, true, $$SELECT FROM (SELECT array_agg(ROW(memory.agent(CASE n % 2 WHEN 0 THEN 'plain' ELSE 'other' END), n, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request) AS r FROM generate_series(1, 10) AS n) AS a, ledger_agents.authorize_many(r)$$),
  ('by a token', 10, false, $$SELECT FROM memory.secret AS s, ledger_agents.authenticate(s.token) AS p, LATERAL (SELECT FROM ledger_agents.authorize(p.agent_id, 1)) AS a$$),
  ('by a key', 10, false, $$SELECT FROM memory.secret AS s, ledger_agents.authenticate(s.key) AS p, LATERAL (SELECT FROM ledger_agents.get_agent(memory.agent('plain'), organization_id => p.organization_id)) AS a$$),
  ('a view', 2, true, $$SELECT FROM (SELECT * FROM ledger_agents_api.cards LIMIT 1) AS c, (SELECT * FROM ledger_agents_api.agents LIMIT 3) AS a$$),
  ('a view''s row changed', 5, false, $$UPDATE ledger_agents_api.cards SET purpose = clock_timestamp()::text$$),
  ('suspended and activated', 3, false, $$SELECT FROM (SELECT id FROM ledger_agents.update_agent(memory.agent('cards'), '{"status": "suspended"}') OFFSET 0) AS s, LATERAL (SELECT FROM ledger_agents.authorize(s.id, 1)) AS x, LATERAL (SELECT FROM ledger_agents.update_agent(s.id, '{"status": "active"}')) AS a$$),
  ('events', 3, false, $$SELECT FROM (SELECT max(id::text)::uuid AS last FROM ledger_agents.poll_events('reader', 10)) AS e, LATERAL (SELECT FROM ledger_agents.ack_events('reader', last)) AS a$$),
  ('sealed and verified', 1, false, $$SELECT FROM ledger_agents.seal_chain(memory.agent('poor')), LATERAL (SELECT FROM ledger_agents.agents) AS v$$),
  ('wrong', 50, true, $$SELECT FROM ledger_agents.authorize(memory.agent('plain'), 0)$$),
  ('raised', 20, true, $$SELECT FROM ledger_agents.authorize_or_raise(memory.agent('poor'), 11)$$),
  ('taken back', 20, true, $$SELECT FROM ledger_agents.authorize(memory.agent('plain'), 1), LATERAL (SELECT 1 / 0) AS undone$$);

CREATE FUNCTION memory.of_malloc() RETURNS bigint LANGUAGE c AS :'library', 'held_of_malloc';
-- What the session holds in bytes: what the server notes of a transaction that changes a row it has changed before (combocid.c), its other contexts, and all that it has of malloc().
CREATE FUNCTION memory.held(OUT noted bigint, OUT contexts bigint, OUT process bigint) LANGUAGE plpgsql AS $$
BEGIN
  SELECT sum(total_bytes) FILTER (WHERE is_note), sum(total_bytes) FILTER (WHERE NOT is_note) INTO noted, contexts
    FROM pg_backend_memory_contexts, LATERAL (SELECT name IN ('Combo CIDs', 'TopTransactionContext') AS is_note) AS n;
  process := memory.of_malloc();
END
$$;
CREATE TABLE memory.growth (place integer GENERATED ALWAYS AS IDENTITY, kind text, in_one boolean, calls integer, noted bigint, contexts bigint, process bigint);

-- One way of making the calls: each in a transaction, or in a savepoint of one transaction; what raises is expected to.
CREATE PROCEDURE memory.repeat(call text, times integer, in_one boolean) LANGUAGE plpgsql AS $$
BEGIN
  FOR n IN 1 .. times LOOP
    BEGIN
      EXECUTE call;
    EXCEPTION WHEN invalid_parameter_value OR division_by_zero OR object_not_in_prerequisite_state THEN
      NULL;
    END;
    IF NOT in_one THEN
      COMMIT;
    END IF;
  END LOOP;
END
$$;
