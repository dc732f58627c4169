-- Are agents registered once, changed only as told, and found again?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL ledger_agents.clock = '2026-03-02 09:00Z';

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

-- How much is stored, of everything.
CREATE FUNCTION pg_temp.stored() RETURNS bigint[] LANGUAGE sql AS $$
  SELECT ARRAY[(SELECT count(*) FROM ledger_agents.organizations), (SELECT count(*) FROM ledger_agents.customers),
               (SELECT count(*) FROM ledger_agents.agents), (SELECT count(*) FROM ledger_agents.agent_tokens),
               (SELECT count(*) FROM ledger_agents.counters), (SELECT count(*) FROM ledger_agents.events),
               (SELECT count(*) FROM ledger_agents.configuration_changes)]
$$;

--
-- The organization "default" is there before its row is.
--
SELECT is((SELECT count(*) FROM ledger_agents.organizations), 0::bigint, 'the install script inserts no row');
SELECT is(pg_temp.error_of('SELECT ledger_agents.get_organization()'), NULL, 'a missing default can be read');
SELECT is(pg_temp.error_of('SELECT ledger_agents.list_agents()'), NULL, 'it has no agents');
SELECT is(pg_temp.error_of($$SELECT ledger_agents.get_agent(external_id => 'x')$$), 'P0002 unknown_agent agent_id', 'none is found in it');
SELECT is((SELECT count(*) FROM ledger_agents.organizations), 0::bigint, 'reading makes no row');
CREATE TEMP TABLE first AS SELECT * FROM ledger_agents.register_agent('first', 'acme');
SELECT is(concat_ws(' ', status, timezone, currency, livemode, limit_approaching_percent), 'active UTC USD t 80', 'the first write makes it')
  FROM ledger_agents.get_organization();
SELECT is((SELECT concat_ws(' ', name, status, spending_limit_frequency, on_limit_exceeded, currency, default_card_limit_frequency, metadata, current_spend, card_count, created)
             FROM first), 'first active perMonth decline USD perMonth {} 0 0 t', 'what a new agent has where nothing was said');
SELECT is((SELECT num_nulls(description, suspended_reason, suspended_by, suspended_at, spending_limit, window_mode, max_cards, default_card_limit,
                            default_policy_id, default_require_approval, default_auto_approve_below, policy, deregistered_at, differs) FROM first), 14,
          'and what is null');

--
-- Registration: every argument is stored, and told when it differs. (argument, value, its stored form, another value)
--
CREATE TEMP TABLE argument (name text, value text, stored text, other text);
INSERT INTO argument VALUES
  ('name', 'Buyer', 'Buyer', 'Seller'),
  ('description', 'Buys.', 'Buys.', ''),
  ('status', 'suspended', 'suspended', 'active'),
  ('spending_limit', '0', '0', '1'),
  ('spending_limit_frequency', 'allTime', 'allTime', 'perMonth'),
  ('window_mode', 'rolling', 'rolling', 'calendar'),
  ('on_limit_exceeded', 'notify', 'notify', 'decline'),
  ('currency', 'usd_micro', 'USD_MICRO', 'USD'),
  ('max_cards', '2147483647', '2147483647', '0'),
  ('default_card_limit', '9223372036854775807', '9223372036854775807', '5'),
  ('default_card_limit_frequency', 'perTransaction', 'perTransaction', 'perWeek'),
  ('default_require_approval', 'true', 'true', 'false'),
  ('default_auto_approve_below', '100', '100', '0'),
  ('policy', '{"onDrift": "alert"}', '{"onDrift": "alert"}', '{}'),
  ('metadata', '{"a": [1, null]}', '{"a": [1, null]}', '{}');

CREATE FUNCTION pg_temp.registered(argument text, value text, field text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE format('SELECT to_jsonb(r) ->> %L FROM ledger_agents.register_agent(%L, %L, %I => %L) AS r', field, 'with ' || argument, 'acme', argument, value)
    INTO answer;
  RETURN answer;
END
$$;
SELECT is(pg_temp.registered(name, value, name), stored, format('%s is stored', name)) FROM argument;
SELECT is(pg_temp.registered(name, value, 'differs'), '[]', format('the same %s does not differ', name)) FROM argument;
SELECT is(pg_temp.registered(name, upper(value), 'differs'), '[]', 'currencies are compared in upper case') FROM argument WHERE name = 'currency';
SELECT is(pg_temp.registered(name, other, 'differs'), format('["%s"]', name), format('another %s differs', name)) FROM argument;
SELECT is(pg_temp.registered(name, other, name), stored, format('and %s stays', name)) FROM argument;

-- Nothing is stored by a second registration, whatever it asks for, whatever the agent's state.
CREATE FUNCTION pg_temp.again(state text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before bigint[];
  row_before ledger_agents.agents;
  answer record;
BEGIN
  PERFORM ledger_agents.update_agent(id, jsonb_build_object('status', state)) FROM first;
  before := pg_temp.stored();
  SELECT a.* INTO row_before FROM ledger_agents.agents AS a JOIN first USING (id);
  SELECT r.* INTO answer FROM ledger_agents.register_agent('first', 'acme', name => 'Other', spending_limit => 7) AS r;
  RETURN concat_ws(', ', CASE WHEN answer.id <> (SELECT id FROM first) THEN 'another agent' END,
                   CASE WHEN answer.created THEN 'created' END, CASE WHEN num_nonnulls(answer.token, answer.token_id) > 0 THEN 'a token' END,
                   CASE WHEN before <> pg_temp.stored() THEN 'something stored' END,
                   CASE WHEN row_before IS DISTINCT FROM (SELECT a FROM ledger_agents.agents AS a JOIN first USING (id)) THEN 'changed' END);
END
$$;
SELECT is(pg_temp.again(state), '', format('registering again while %s stores nothing and issues no token', state)) FROM unnest('{active,suspended,active}'::text[]) AS state;

-- What no registration may ask for: (arguments, error). Also when the agent is known.
CREATE FUNCTION pg_temp.refused(arguments text, OUT error text, OUT untouched boolean) LANGUAGE plpgsql AS $$
DECLARE
  before bigint[] := pg_temp.stored();
BEGIN
  error := pg_temp.error_of(format('SELECT ledger_agents.register_agent(%s)', arguments));
  untouched := before = pg_temp.stored();
END
$$;
CREATE TEMP TABLE wrong (arguments text, want text);
INSERT INTO wrong VALUES
  ($$NULL, 'c'$$, '22004 null_value external_id'),
  ($$'e', NULL$$, '22004 null_value customer_id'),
  ($$'', 'c'$$, '22023 invalid_length external_id'),
  ($$repeat('e', 256), 'c'$$, '22023 invalid_length external_id'),
  ($$'e', ''$$, '22023 invalid_length customer_id'),
  ($$'e', repeat('c', 256)$$, '22023 invalid_length customer_id'),
  ($$'e', 'c', name => ''$$, '22023 invalid_length name'),
  ($$'e', 'c', name => repeat('n', 256)$$, '22023 invalid_length name'),
  ($$'e', 'c', description => repeat('d', 10001)$$, '22023 invalid_length description'),
  ($$'e', 'c', status => 'deregistered'$$, '22023 invalid_value status'),
  ($$'e', 'c', status => 'paused'$$, '22023 invalid_value status'),
  ($$'e', 'c', status => 'Active'$$, '22023 invalid_value status'),
  ($$'e', 'c', spending_limit => -1$$, '22023 out_of_range spending_limit'),
  ($$'e', 'c', spending_limit_frequency => 'monthly'$$, '22023 invalid_value spending_limit_frequency'),
  ($$'e', 'c', spending_limit_frequency => 'permonth'$$, '22023 invalid_value spending_limit_frequency'),
  ($$'e', 'c', window_mode => 'sliding'$$, '22023 invalid_value window_mode'),
  ($$'e', 'c', on_limit_exceeded => 'freeze'$$, '22023 invalid_value on_limit_exceeded'),
  ($$'e', 'c', currency => 'US'$$, '22023 invalid_currency currency'),
  ($$'e', 'c', currency => repeat('C', 17)$$, '22023 invalid_currency currency'),
  ($$'e', 'c', currency => 'US$'$$, '22023 invalid_currency currency'),
  ($$'e', 'c', max_cards => -1$$, '22023 out_of_range max_cards'),
  ($$'e', 'c', default_card_limit => -1$$, '22023 out_of_range default_card_limit'),
  ($$'e', 'c', default_card_limit_frequency => 'perDay'$$, '22023 invalid_value default_card_limit_frequency'),
  ($$'e', 'c', default_policy_id => '00000000-0000-7000-8000-000000000000'$$, 'P0002 unknown_policy default_policy_id'),
  ($$'e', 'c', metadata => '[]'$$, '22023 invalid_type metadata'),
  ($$'e', 'c', metadata => 'null'$$, '22023 invalid_type metadata'),
  ($$'e', 'c', metadata => jsonb_build_object('a', repeat('x', 65536))$$, '22023 invalid_length metadata'),
  ($$'e', 'c', policy => 'null'$$, '22023 invalid_policy policy'),
  ($$'e', 'c', organization_id => 'nobody'$$, 'P0002 unknown_organization organization_id'),
  ($$'e', 'c', organization_id => ''$$, '22023 invalid_value organization_id'),
  ($$'first', 'somebody else'$$, '23505 external_id_taken external_id'),
  ($$'first', 'ACME'$$, '23505 external_id_taken external_id'),
  ($$'first', 'acme', spending_limit => -1$$, '22023 out_of_range spending_limit');
SELECT is(r.error, w.want, format('register_agent(%s)', left(w.arguments, 70))) FROM wrong AS w, pg_temp.refused(w.arguments) AS r;
SELECT ok(r.untouched, format('stores nothing: %s', left(w.arguments, 70))) FROM wrong AS w, pg_temp.refused(w.arguments) AS r;

-- What just may be.
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.register_agent(%s)', arguments)), NULL, format('register_agent(%s)', left(arguments, 70)))
  FROM (VALUES ($$repeat('é', 255), repeat('ü', 255), name => repeat('名', 255)$$),
               ($$'long', 'c', description => repeat('d', 10000)$$),
               ($$'FIRST', 'somebody else'$$),
               ($$' first', 'c'$$),
               ($$'it''s "quoted"; DROP TABLE x; --', 'c', name => E'line\nbreak\ttab'$$),
               ($$'cur', 'c', currency => 'A1_'$$),
               ($$'meta', 'c', metadata => jsonb_build_object('a', repeat('x', 65500))$$)) AS v (arguments);

-- The earlier agent is retired: the external id is free, also for another customer; old and new do not mix.
CREATE TEMP TABLE second AS
SELECT r.* FROM ledger_agents.deregister_agent((SELECT id FROM first)), ledger_agents.register_agent('first', 'other') AS r;
SELECT is((SELECT concat_ws(' ', s.id <> f.id, s.created, s.token <> f.token, s.customer_id) FROM first AS f, second AS s), 't t t other', 'a new agent under the same external id');
SELECT is((SELECT count(*) FROM ledger_agents.list_agents(external_id => 'first')), 2::bigint, 'both are listed');
SELECT is((ledger_agents.get_agent(external_id => 'first')).id, (SELECT id FROM second), 'the living one is found');
SELECT is((ledger_agents.get_agent((SELECT id FROM first))).status::text, 'deregistered', 'the retired one by its id');

-- A registration that is undone leaves nothing.
CREATE FUNCTION pg_temp.undone() RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_agents.register_agent('undone', 'nobody yet');
  RAISE EXCEPTION 'undo';
EXCEPTION WHEN raise_exception THEN
  RETURN pg_temp.stored();
END
$$;
SELECT is(b.before, pg_temp.undone(), 'a registration that rolls back leaves nothing') FROM pg_temp.stored() AS b (before);
SELECT ok(created AND token IS NOT NULL, 'and the next one is the first') FROM ledger_agents.register_agent('undone', 'nobody yet');

--
-- Update: absent stays, null clears, given is set. (field, a value, null allowed)
--
CREATE TEMP TABLE agent AS SELECT id FROM ledger_agents.register_agent('changed', 'acme');
CREATE TEMP TABLE field (name text, value jsonb, nullable boolean);
INSERT INTO field VALUES
  ('name', '"New"', false), ('description', '"Text"', true), ('status', '"suspended"', false), ('spending_limit', '5', true),
  ('spending_limit_frequency', '"perYear"', false), ('window_mode', '"rolling"', true), ('on_limit_exceeded', '"none"', false),
  ('currency', '"EUR"', false), ('max_cards', '4', true), ('default_card_limit', '6', true), ('default_card_limit_frequency', '"allTime"', false),
  ('default_require_approval', 'true', true), ('default_auto_approve_below', '9', true), ('policy', '{"onDrift": "allow"}', true),
  ('metadata', '{"b": 1}', false), ('default_policy_id', '"00000000-0000-7000-8000-00000000000f"', true);
INSERT INTO ledger_agents.policies VALUES ('default', '00000000-0000-7000-8000-00000000000f', 'template', '{}', now(), now());

-- The names of the fields that a change changes, updated_at included.
CREATE FUNCTION pg_temp.changed_by(changes jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  agent uuid := (SELECT id FROM agent);
  before jsonb := to_jsonb(ledger_agents.get_agent(agent));
  now jsonb;
BEGIN
  PERFORM set_config('ledger_agents.clock', (current_setting('ledger_agents.clock')::timestamptz + interval '1 s')::text, true);
  now := to_jsonb(ledger_agents.update_agent(agent, changes));
  RETURN ARRAY(SELECT key FROM jsonb_each(now) WHERE value <> before -> key ORDER BY key COLLATE "C");
END
$$;
CREATE FUNCTION pg_temp.with_its_kin(field text) RETURNS text[] LANGUAGE sql AS $$
  SELECT array_agg(name ORDER BY name COLLATE "C")
    FROM unnest(ARRAY['updated_at', field] || CASE
      WHEN field = 'status' THEN '{suspended_at,suspended_by,suspended_reason}'
      WHEN field IN ('default_require_approval', 'default_auto_approve_below') THEN '{policy}'
      ELSE '{}'::text[] END) AS name
$$;
SELECT is(pg_temp.changed_by('{}'), '{}', 'an empty document changes nothing');
CREATE TEMP TABLE step AS SELECT row_number() OVER () AS n, * FROM field;
SELECT is(pg_temp.changed_by(jsonb_build_object(name, value)),
          CASE name WHEN 'policy' THEN '{default_auto_approve_below,default_require_approval,policy,updated_at}' ELSE pg_temp.with_its_kin(name) END,
          format('%s is set and nothing else', name)) FROM step;
SELECT is(pg_temp.changed_by(jsonb_build_object(name, value)), '{}', format('%s again: nothing changes', name)) FROM step
 WHERE name NOT IN ('policy', 'default_require_approval', 'default_auto_approve_below');
SELECT is(to_jsonb(a) -> s.name, s.value, format('%s is as it was set', s.name))
  FROM step AS s, agent, ledger_agents.get_agent(agent.id) AS a WHERE s.name NOT LIKE 'default\_%approv%';
SELECT is(pg_temp.changed_by(jsonb_build_object('status', 'active')), pg_temp.with_its_kin('status'), 'activating clears the suspension');
SELECT is(pg_temp.changed_by(jsonb_build_object(name, NULL)), pg_temp.with_its_kin(name), format('null clears %s', name))
  FROM step WHERE nullable AND name NOT LIKE 'default\_%approv%';
SELECT is(pg_temp.changed_by(jsonb_build_object(name, NULL)), '{}', format('%s is null already', name)) FROM step WHERE nullable;
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_agent(%L, %L)', a.id, jsonb_build_object(s.name, NULL))), '22004 null_value ' || s.name, format('%s cannot be null', s.name))
  FROM step AS s, agent AS a WHERE NOT s.nullable;

-- A change that changes nothing writes no event and no record, either.
SELECT is((SELECT pg_temp.stored() FROM ledger_agents.update_agent(a.id, '{"name": "New", "status": "active", "spending_limit": null}')), b.before, 'a no-op leaves no trace')
  FROM agent AS a, pg_temp.stored() AS b (before);
-- Events of a change: of the status, and of all else.
CREATE FUNCTION pg_temp.news(changes jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  agent uuid := (SELECT id FROM agent);
  told ledger_agents.event_type[] := ARRAY(SELECT type FROM ledger_agents.events WHERE agent_id = agent);
BEGIN
  PERFORM ledger_agents.update_agent(agent, changes);
  RETURN (SELECT coalesce(string_agg(type::text, ' ' ORDER BY type), '')
            FROM (SELECT type FROM ledger_agents.events WHERE agent_id = agent EXCEPT ALL SELECT unnest(told)) AS e);
END
$$;
SELECT is(pg_temp.news(changes::jsonb), want, format('events of %s', changes))
  FROM (VALUES ('{"name": "A"}', 'agent.updated'), ('{"name": "A"}', ''), ('{"status": "suspended"}', 'agent.suspended'), ('{"status": "suspended"}', ''),
               ('{"status": "active", "name": "B"}', 'agent.updated agent.activated'), ('{"spending_limit": 4, "metadata": {}}', 'agent.updated'),
               ('{"status": "active"}', '')) AS v (changes, want);

-- What cannot be changed, and what is no value: (document, error).
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_agent(%L, %L)', a.id, v.changes)), v.want, format('update_agent %s', left(v.changes, 60)))
  FROM agent AS a, (
    SELECT format('{"%s": null}', name), '22023 immutable_field ' || name
      FROM unnest('{id,organization_id,external_id,customer_id,current_spend,card_count,suspended_reason,suspended_by,suspended_at,created_at,updated_at,deregistered_at}'::text[]) AS name
    UNION ALL VALUES
      ('{"foo": 1}', '22023 unknown_field foo'), ('{"": 1}', '22023 unknown_field'), ('{"Name": "x"}', '22023 unknown_field Name'),
      ('{"externalId": "x"}', '22023 unknown_field externalId'), ('{"token": "x"}', '22023 unknown_field token'),
      ('{"name": "fine", "foo": 1}', '22023 unknown_field foo'), ('[]', '22023 invalid_type changes'), ('"name"', '22023 invalid_type changes'), ('null', '22023 invalid_type changes'),
      ('{"name": 1}', '22023 invalid_type name'), ('{"name": ""}', '22023 invalid_length name'), ('{"name": ["x"]}', '22023 invalid_type name'),
      ('{"description": {}}', '22023 invalid_type description'), ('{"description": true}', '22023 invalid_type description'),
      ('{"status": "deregistered"}', '22023 invalid_value status'), ('{"status": "paused"}', '22023 invalid_value status'), ('{"status": 1}', '22023 invalid_type status'),
      ('{"spending_limit": "5"}', '22023 invalid_type spending_limit'), ('{"spending_limit": 5.5}', '22023 invalid_type spending_limit'),
      ('{"spending_limit": -1}', '22023 out_of_range spending_limit'), ('{"spending_limit": 9223372036854775808}', '22003 amount_overflow spending_limit'),
      ('{"spending_limit": 1e1000}', '22003 amount_overflow spending_limit'), ('{"spending_limit": 9223372036854775807.5}', '22023 invalid_type spending_limit'),
      ('{"spending_limit": 9223372036854775808.5}', '22023 invalid_type spending_limit'), ('{"spending_limit": -9223372036854775809}', '22023 out_of_range spending_limit'), ('{"spending_limit": true}', '22023 invalid_type spending_limit'),
      ('{"spending_limit": []}', '22023 invalid_type spending_limit'),
      ('{"spending_limit_frequency": "daily"}', '22023 invalid_value spending_limit_frequency'), ('{"window_mode": "Calendar"}', '22023 invalid_value window_mode'),
      ('{"on_limit_exceeded": "alert"}', '22023 invalid_value on_limit_exceeded'), ('{"currency": ""}', '22023 invalid_currency currency'),
      ('{"max_cards": 2147483648}', '22023 out_of_range max_cards'), ('{"max_cards": 1e30}', '22023 out_of_range max_cards'), ('{"max_cards": 1.5}', '22023 invalid_type max_cards'), ('{"max_cards": -1}', '22023 out_of_range max_cards'),
      ('{"default_card_limit": -5}', '22023 out_of_range default_card_limit'), ('{"default_policy_id": "x"}', '22023 invalid_type default_policy_id'),
      ('{"default_policy_id": 5}', '22023 invalid_type default_policy_id'), ('{"default_policy_id": "00000000-0000-7000-8000-000000000000"}', 'P0002 unknown_policy default_policy_id'),
      ('{"metadata": []}', '22023 invalid_type metadata'), ('{"metadata": "x"}', '22023 invalid_type metadata')
  ) AS v (changes, want);
SELECT is((SELECT name FROM ledger_agents.get_agent(a.id)), 'B', 'nothing of a refused document is set') FROM agent AS a;
-- A status that an agent has only once it is retired: (call, status, hint).
CREATE FUNCTION pg_temp.hint_of(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  hint text;
BEGIN
  EXECUTE call;
  RETURN 'none';
EXCEPTION WHEN invalid_parameter_value THEN
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
  RETURN hint;
END
$$;
SELECT is(pg_temp.hint_of(format(call, status)), CASE WHEN status = 'paused' THEN '' ELSE 'To retire an agent call deregister_agent().' END, format(call, status))
  FROM (VALUES ($$SELECT ledger_agents.register_agent('late', 'acme', status => '%s')$$), ($$SELECT ledger_agents.update_agent((SELECT id FROM agent), '{"status": "%s"}')$$)) AS c (call),
       unnest('{disabled,deregistered,paused}'::text[]) AS status;
SELECT is(pg_temp.hint_of($$SELECT ledger_agents.update_customer('acme', '{"status": "disabled"}')$$), '', 'customers are not retired');
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_agent(%s)', arguments)), want, format('update_agent(%s)', arguments))
  FROM (VALUES ($$NULL, '{}'$$, '22004 null_value agent_id'),
               ($$'00000000-0000-7000-8000-000000000000', NULL$$, '22004 null_value changes'),
               ($$'00000000-0000-7000-8000-000000000000', '{}'$$, 'P0002 unknown_agent agent_id')) AS v (arguments, want);

-- Numbers of JSON that are whole are whole, however they are written.
SELECT is(spending_limit, 100::bigint, format('%s is 100', number))
  FROM agent AS a, unnest('{100,100.0,1e2,1.00E+2}'::text[]) AS number,
       LATERAL ledger_agents.update_agent(a.id, format('{"spending_limit": %s}', number)::jsonb);

-- The currency is fixed once something was spent in it; a decline is no spend.
SELECT is(currency, 'USD', 'a currency that nothing was spent in may change') FROM agent AS a, ledger_agents.update_agent(a.id, '{"currency": "usd", "spending_limit": 10, "on_limit_exceeded": "decline", "policy": null}');
SELECT is(concat_ws(' ', a.decision, u.currency), 'declined EUR', 'also after a decline')
  FROM agent AS g, ledger_agents.authorize(g.id, 11) AS a, ledger_agents.update_agent(g.id, '{"currency": "EUR"}') AS u;
SELECT is(decision::text, 'approved', 'spent') FROM agent AS g, ledger_agents.authorize(g.id, 10);
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_agent(%L, %L)', id, '{"currency": "USD"}')), '55000 currency_in_use currency', 'then it stays') FROM agent;
SELECT is(currency, 'EUR', 'saying what it is is no change') FROM agent AS a, ledger_agents.update_agent(a.id, '{"currency": "eur"}');

--
-- Retired: nothing changes any more, a second time is the same.
--
CREATE TEMP TABLE retired AS SELECT d.* FROM agent AS a, ledger_agents.deregister_agent(a.id) AS d;
SET LOCAL ledger_agents.clock = '2026-03-03 09:00Z';
SELECT is(to_jsonb(d), to_jsonb(r), 'a second call returns the same') FROM retired AS r, ledger_agents.deregister_agent(r.id) AS d;
SELECT is((SELECT pg_temp.stored() FROM retired AS r, ledger_agents.deregister_agent(r.id)), b.before, 'and writes nothing') FROM pg_temp.stored() AS b (before);
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.update_agent(%L, %L)', id, changes)), '55000 agent_deregistered agent_id', format('retired: %s', changes))
  FROM retired, unnest('{"{}","{\"status\": \"active\"}","{\"name\": \"x\"}","{\"spending_limit\": null}"}'::text[]) AS changes;
SELECT is(count(*), count(revoked_at), 'all its tokens are revoked') FROM retired AS r, ledger_agents.list_agent_tokens(r.id);
SELECT is(concat_ws(' ', d.status, d.suspended_reason), 'deregistered', 'a suspended agent can be retired, too')
  FROM ledger_agents.register_agent('asleep', 'acme', status => 'suspended') AS r, ledger_agents.deregister_agent(r.id) AS d;
SELECT is(pg_temp.error_of('SELECT ledger_agents.deregister_agent(NULL)'), '22004 null_value agent_id', 'deregister_agent(NULL)');
SELECT is(pg_temp.error_of($$SELECT ledger_agents.deregister_agent('00000000-0000-7000-8000-000000000000')$$), 'P0002 unknown_agent agent_id', 'an unknown agent');

--
-- get_agent takes exactly one of the two.
--
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.get_agent(%s)', arguments)), want, format('get_agent(%s)', arguments))
  FROM (VALUES ('', '22023 invalid_value agent_id'), ($$NULL, NULL$$, '22023 invalid_value agent_id'),
               ($$'00000000-0000-7000-8000-000000000000', 'first'$$, '22023 invalid_value agent_id'),
               ($$'00000000-0000-7000-8000-000000000000'$$, 'P0002 unknown_agent agent_id'),
               ($$external_id => 'no such'$$, 'P0002 unknown_agent agent_id'), ($$external_id => ''$$, 'P0002 unknown_agent agent_id')) AS v (arguments, want);

-- Another tenant's agent is as unknown as none, for every function that takes one.
SELECT is(pg_temp.error_of(format(call, s.id)), 'P0002 unknown_agent agent_id', format(call, 'another tenant''s')) FROM second AS s, ledger_agents.create_organization('elsewhere'),
  unnest(ARRAY[$$SELECT ledger_agents.get_agent(%L, organization_id => 'elsewhere')$$, $$SELECT ledger_agents.update_agent(%L, '{}', organization_id => 'elsewhere')$$,
               $$SELECT ledger_agents.deregister_agent(%L, organization_id => 'elsewhere')$$, $$SELECT ledger_agents.agent_budget(%L, organization_id => 'elsewhere')$$,
               $$SELECT ledger_agents.authorize(%L, 1, organization_id => 'elsewhere')$$, $$SELECT ledger_agents.evaluate(%L, 1, organization_id => 'elsewhere')$$,
               $$SELECT ledger_agents.create_agent_token(%L, organization_id => 'elsewhere')$$, $$SELECT ledger_agents.list_agent_tokens(%L, organization_id => 'elsewhere')$$]) AS call;

--
-- Pages: of every size, each agent once, newest first, whatever is registered meanwhile.
--
SELECT is(count(*), 45::bigint, 'a fleet') FROM generate_series(1, 45) AS n,
  LATERAL ledger_agents.register_agent('fleet-' || n, CASE WHEN n % 3 = 0 THEN 'c' ELSE 'd' END, status => CASE WHEN n % 5 = 0 THEN 'suspended' END, organization_id => 'elsewhere');
CREATE FUNCTION pg_temp.pages(size int, customer text, state text, disturb boolean) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  seen text[] := '{}';
  page text[];
  last_seen text;
BEGIN
  LOOP
    SELECT array_agg(external_id), (array_agg(cursor))[count(*)] INTO page, last_seen
      FROM ledger_agents.list_agents(customer, state, max_rows => size, after => last_seen, organization_id => 'elsewhere');
    EXIT WHEN page IS NULL;
    seen := seen || page;
    IF disturb THEN
      PERFORM set_config('ledger_agents.clock', (current_setting('ledger_agents.clock')::timestamptz + interval '1 s')::text, true);
      PERFORM ledger_agents.register_agent(format('late-%s-%s', size, cardinality(seen)), coalesce(customer, 'c'), organization_id => 'elsewhere');
    END IF;
  END LOOP;
  RETURN seen;
END
$$;
CREATE FUNCTION pg_temp.all_of(customer text, state text) RETURNS text[] LANGUAGE sql AS $$
  SELECT array_agg(external_id ORDER BY id DESC) FROM ledger_agents.agents
   WHERE organization_id = 'elsewhere' AND (customer IS NULL OR customer_id = customer) AND (state IS NULL OR status::text = state)
$$;
SELECT is(pg_temp.pages(size, customer, state, false), pg_temp.all_of(customer, state), format('pages of %s, customer %s, status %s', size, customer, state))
  FROM (VALUES (1), (2), (7), (44), (45), (46), (100)) AS s (size), (VALUES (NULL), ('c'), ('d')) AS c (customer), (VALUES (NULL), ('active'), ('suspended')) AS t (state);
CREATE FUNCTION pg_temp.stable_pages(size int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before text[] := pg_temp.all_of(NULL, NULL);
BEGIN
  RETURN is(pg_temp.pages(size, NULL, NULL, true), before, format('pages of %s while others are registered', size));
END
$$;
SELECT pg_temp.stable_pages(size) FROM unnest('{1,7,20}'::int[]) AS size;
SELECT is((SELECT count(*) FROM ledger_agents.list_agents(organization_id => 'elsewhere')), 20::bigint, 'a page has 20 rows unless told otherwise');
SELECT is((SELECT count(*) FROM ledger_agents.list_agents('nobody')), 0::bigint, 'an unknown customer has no agents');
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.list_agents(%s)', arguments)), want, format('list_agents(%s)', arguments))
  FROM (VALUES ('max_rows => 0', '22023 out_of_range max_rows'), ('max_rows => 101', '22023 out_of_range max_rows'), ('max_rows => -1', '22023 out_of_range max_rows'),
               ('max_rows => NULL', '22023 out_of_range max_rows'), ($$status => 'paused'$$, '22023 invalid_value status'), ($$after => ''$$, '22023 invalid_value after'),
               ($$after => 'AAAA'$$, '22023 invalid_value after'), ($$after => repeat('A', 24)$$, '22023 invalid_value after'), ($$after => '!!!!!!!!!!!!!!!!!!!!!!=='$$, '22023 invalid_value after'),
               ($$organization_id => 'nobody'$$, NULL)) AS v (arguments, want);

-- agent_budget is a stable function: it sees what the statement's snapshot does. (limit, spent, answer)
CREATE FUNCTION pg_temp.budget_after(spending_limit bigint, spent bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  agent uuid;
BEGIN
  agent := (ledger_agents.register_agent(format('budget %s %s', spending_limit, spent), 'acme')).id;
  PERFORM ledger_agents.authorize(agent, spent);
  PERFORM ledger_agents.update_agent(agent, jsonb_build_object('spending_limit', spending_limit));
  RETURN (SELECT jsonb_build_array(current_spend, remaining, percent_used) FROM ledger_agents.agent_budget(agent));
END
$$;
SELECT is(pg_temp.budget_after(spending_limit, spent), want, format('%s of %s spent', spent, spending_limit))
  FROM (VALUES (50000, 25000, '[25000, 25000, 50]'::jsonb), (NULL, 7, '[7, null, null]'), (1, 1, '[1, 0, 100]'), (3, 1, '[1, 2, 33]'), (3, 10, '[10, 0, 333]'),
               (9223372036854775807, 9223372036854775807, '[9223372036854775807, 0, 100]')) AS v (spending_limit, spent, want);

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
