-- Does sweep() write down exactly what is over; does every answer stay what it was, at every scope and window; and do the counters look no further than they must?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';

CREATE FUNCTION pg_temp.clock(at timestamptz) RETURNS void LANGUAGE sql AS $$
  SELECT set_config('ledger_agents.clock', at::text, true)
$$;
-- A new organization, on a Monday morning, that tells of everything.
CREATE SEQUENCE pg_temp.worlds;
CREATE FUNCTION pg_temp.begin() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  organization text := 'case ' || nextval('pg_temp.worlds');
BEGIN
  PERFORM pg_temp.clock('2026-03-02 09:00Z');
  PERFORM ledger_agents.create_organization(organization);
  PERFORM set_config('ledger_agents.organization', organization, true);
  PERFORM ledger_agents.update_organization('{"transaction_events": true}');
END
$$;
CREATE FUNCTION pg_temp.agent(name text) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT id FROM ledger_agents.get_agent(external_id => name)
$$;
CREATE FUNCTION pg_temp.card(name text) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT id FROM ledger_agents.cards WHERE organization_id = current_setting('ledger_agents.organization') AND purpose = name
$$;
CREATE FUNCTION pg_temp.sweep(max_rows int DEFAULT 1000) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', s.expired_holds, s.expired_intents, s.expired_cards, CASE WHEN s.more THEN 'more' END) FROM ledger_agents.sweep(max_rows) AS s
$$;
CREATE FUNCTION pg_temp.events(which text) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT count(*) FROM ledger_agents.events WHERE organization_id = current_setting('ledger_agents.organization') AND type::text LIKE which
$$;
-- The counters that look for a hold which expires, and when.
CREATE FUNCTION pg_temp.looks() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT string_agg(concat_ws(' ', k.scope, coalesce(a.external_id, c.purpose), to_char(k.next_expiry, 'DD HH24:MI')), ', ' ORDER BY k.scope, k.next_expiry)
    FROM ledger_agents.counters AS k LEFT JOIN ledger_agents.agents AS a ON a.id::text = k.scope_id LEFT JOIN ledger_agents.cards AS c ON c.id::text = k.scope_id
   WHERE k.organization_id = current_setting('ledger_agents.organization') AND k.next_expiry IS NOT NULL
$$;

--
-- Every answer, before and after. A card's own status is what a sweep is to change.
--
CREATE FUNCTION pg_temp.answers() RETURNS TABLE (question text, answer jsonb) LANGUAGE sql AS $$
  WITH asked AS (
    SELECT a.id AS agent_id, c.id AS card_id, n AS amount
      FROM ledger_agents.list_agents() AS a
      LEFT JOIN LATERAL (SELECT id FROM ledger_agents.list_cards(a.id) UNION ALL SELECT NULL::uuid) AS c ON true
     CROSS JOIN unnest('{1,60,400,4000}'::bigint[]) AS n)
  SELECT 'evaluate ' || q.amount, to_jsonb(e) FROM asked AS q, ledger_agents.evaluate(q.agent_id, q.amount, merchant => 'm', card_id => q.card_id) AS e
  UNION ALL
  SELECT 'explain', to_jsonb(e) FROM asked AS q, ledger_agents.explain_authorization(agent_id => q.agent_id, amount => q.amount, merchant => 'm', card_id => q.card_id) AS e WHERE q.amount = 60
  UNION ALL
  SELECT 'list_authorizations', to_jsonb(x) FROM ledger_agents.list_authorizations(max_rows => 100) AS x
  UNION ALL
  SELECT 'get_authorization', to_jsonb(g) FROM ledger_agents.list_authorizations(max_rows => 100) AS x, ledger_agents.get_authorization(x.id) AS g
  UNION ALL
  SELECT 'list_intents', to_jsonb(x) FROM ledger_agents.list_intents(max_rows => 100) AS x
  UNION ALL
  SELECT 'get_intent', to_jsonb(g) FROM ledger_agents.list_intents(max_rows => 100) AS x, ledger_agents.get_intent(x.id) AS g
  UNION ALL
  SELECT 'expired intents', to_jsonb(x) FROM ledger_agents.list_intents(status => 'expired') AS x
  UNION ALL
  SELECT 'list_agents', to_jsonb(x) - 'card_count' FROM ledger_agents.list_agents() AS x
  UNION ALL
  SELECT 'agent_budget', to_jsonb(b) FROM ledger_agents.list_agents() AS x, ledger_agents.agent_budget(x.id) AS b
  UNION ALL
  SELECT 'get_card', to_jsonb(x) - '{status,status_reason,status_by,status_at,updated_at}'::text[] FROM ledger_agents.list_cards() AS x
  UNION ALL
  SELECT 'card_policy', to_jsonb(p) - 'status' FROM ledger_agents.list_cards() AS x, ledger_agents.card_policy(x.id) AS p
$$;
-- What the same requests are answered by authorize(); undone.
CREATE FUNCTION pg_temp.decisions() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answers text;
BEGIN
  SELECT string_agg(concat_ws(' ', a.external_id, c.purpose, x.decision, x.reasons, x.max_approvable, x.retry_at, x.remaining, x.agent_spent), E'\n' ORDER BY a.external_id, c.purpose) INTO answers
    FROM ledger_agents.list_agents() AS a LEFT JOIN LATERAL (SELECT id, purpose FROM ledger_agents.list_cards(a.id) UNION ALL SELECT NULL::uuid, NULL) AS c ON true,
         LATERAL ledger_agents.authorize(a.id, 350, merchant => 'm', card_id => c.id) AS x;
  RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
  RETURN answers;
END
$$;

-- Limits of every scope and window; what is held is 100 for ten minutes, 100 for a day, and 40 of 100 that are captured.
CREATE FUNCTION pg_temp.furnish(frequency text, mode text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  hold uuid;
BEGIN
  PERFORM pg_temp.begin();
  PERFORM ledger_agents.update_organization(jsonb_build_object('spending_limit', 2000, 'spending_limit_frequency', frequency, 'window_mode', mode));
  PERFORM ledger_agents.update_customer('acme', jsonb_build_object('spending_limit', 900, 'spending_limit_frequency', frequency, 'window_mode', mode, 'policy', '{"maxAuthCount": 20}'::jsonb));
  FOR n IN 1 .. 2 LOOP
    PERFORM ledger_agents.register_agent('agent ' || n, 'acme', spending_limit => 600, spending_limit_frequency => frequency, window_mode => mode,
                                         policy => '{"requireCard": false, "limits": {"perDay": 550}, "maxAuthCount": 9, "ttlDays": 1}');
    PERFORM ledger_agents.create_card(pg_temp.agent('agent ' || n), 'card ' || n, 'multi', spending_limit => 400, spending_limit_frequency => frequency, window_mode => mode,
                                      policy => '{"cumulativeMax": 380, "maxAuthCount": 4}');
    PERFORM ledger_agents.create_card(pg_temp.agent('agent ' || n), 'single ' || n, policy => '{"ttlMinutes": 5, "onExpiry": "freeze"}');
    PERFORM ledger_agents.create_card(pg_temp.agent('agent ' || n), 'brief ' || n, 'multi', policy => '{"ttlMinutes": 5}');
    PERFORM ledger_agents.declare_intent(pg_temp.agent('agent ' || n), expected_amount => 60, ttl_minutes => 10);
    PERFORM ledger_agents.declare_intent(pg_temp.agent('agent ' || n), expected_amount => 60, ttl_minutes => 90);
    PERFORM ledger_agents.authorize(pg_temp.agent('agent ' || n), 100, hold_for => '10 minutes');
    PERFORM ledger_agents.authorize(pg_temp.agent('agent ' || n), 100, hold_for => '1 day', card_id => pg_temp.card('card ' || n));
    PERFORM ledger_agents.authorize(pg_temp.agent('agent ' || n), 20, hold_for => '10 minutes', card_id => pg_temp.card('single ' || n));
    hold := (ledger_agents.authorize(pg_temp.agent('agent ' || n), 100, merchant => 'm', hold_for => '10 minutes', card_id => pg_temp.card('card ' || n))).id;
    PERFORM ledger_agents.capture(hold, 40, final => false);
  END LOOP;
END
$$;
CREATE TEMP TABLE seen (question text, answer jsonb);
CREATE FUNCTION pg_temp.compared(frequency text, mode text, at timestamptz) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  decisions text;
  name text := format(' (%s %s, %s)', frequency, mode, to_char(at, 'DD HH24:MI'));
BEGIN
  PERFORM pg_temp.furnish(frequency, mode);
  PERFORM pg_temp.clock(at);
  DELETE FROM seen;
  INSERT INTO seen SELECT * FROM pg_temp.answers();
  decisions := pg_temp.decisions();
  RETURN NEXT isnt(pg_temp.sweep(), '0 0 0', 'there is something to sweep' || name);
  RETURN NEXT is(pg_temp.decisions(), decisions, 'decisions are the same after the sweep' || name);
  RETURN NEXT bag_eq('SELECT question, answer::text FROM pg_temp.answers()', 'SELECT question, answer::text FROM seen', 'and every answer' || name);
  RETURN NEXT is(pg_temp.sweep(), '0 0 0', 'a second sweep finds nothing' || name);
  RETURN NEXT is_empty($q$ SELECT * FROM ledger_agents.counters WHERE organization_id = current_setting('ledger_agents.organization') AND next_expiry <= current_setting('ledger_agents.clock')::timestamptz $q$,
                       'no counter looks for what is over' || name);
END
$$;
SELECT pg_temp.compared(f, m, at::timestamptz)
  FROM (VALUES ('per24HourPeriod', 'rolling'), ('per24HourPeriod', 'calendar'), ('perMonth', 'calendar'), ('perMonth', 'rolling'), ('allTime', NULL)) AS w (f, m),
       unnest('{2026-03-02 09:10Z,2026-03-03 09:00Z}'::text[]) AS at;

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right after all of them');

--
-- Holds.
--
DO $do$ BEGIN PERFORM pg_temp.begin(); END $do$;
DO $do$ BEGIN PERFORM ledger_agents.register_agent('a', 'acme'); END $do$;
SELECT (ledger_agents.authorize(pg_temp.agent('a'), 100, hold_for => '10 minutes')).id AS first \gset
SELECT (ledger_agents.authorize(pg_temp.agent('a'), 50, hold_for => '20 minutes')).id AS second \gset
SELECT (ledger_agents.authorize(pg_temp.agent('a'), 7)).id AS forever \gset
SELECT (ledger_agents.increment(:'second', 30)).id AS more \gset
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 09:09:59.999999Z'); END $do$;
SELECT is(pg_temp.sweep(), '0 0 0', 'a microsecond before, nothing is over');
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 09:10Z'); END $do$;
SELECT is(pg_temp.sweep(), '1 0 0', 'at the instant, it is');
SELECT is(pg_temp.looks(), 'agent a 02 09:20', 'the counter looks for the next one');
SELECT is(pg_temp.events('transaction.expired'), 1::bigint, 'an event tells of it');
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 09:30Z'); END $do$;
SELECT is(pg_temp.sweep(), '1 0 0', 'a hold and its increments are one');
SELECT results_eq($$ SELECT status::text, counted_amount FROM ledger_agents.authorizations WHERE organization_id = current_setting('ledger_agents.organization') ORDER BY sequence $$,
                  $$ VALUES ('expired', 0::bigint), ('expired', 0), ('authorized', 7), ('expired', 0) $$, 'all its parts are expired; what has no end is not');
SELECT is(pg_temp.looks(), NULL, 'the counter looks for nothing any more');
SELECT results_eq($$ SELECT (data ->> 'amount')::bigint, (data ->> 'expiredAt')::bigint FROM ledger_agents.events
                      WHERE organization_id = current_setting('ledger_agents.organization') AND type = 'transaction.expired' ORDER BY 1 $$,
                  $$ VALUES (80::bigint, 1772443200000), (100, 1772442600000) $$, 'the events tell the amounts, and when they expired');
SELECT is((ledger_agents.capture(:'second', force => true)).counted_amount, 80::bigint, 'a late capture takes all of it');

-- What was captured or given back leaves the counters looking; a sweep puts them right.
DO $do$ BEGIN PERFORM ledger_agents.update_customer('acme', '{"spending_limit": 5000}'); END $do$;
DO $do$ BEGIN PERFORM ledger_agents.create_card(pg_temp.agent('a'), 'card', 'multi'); END $do$;
SELECT (ledger_agents.authorize(pg_temp.agent('a'), 10, hold_for => '10 minutes', card_id => pg_temp.card('card'))).id AS taken \gset
SELECT (ledger_agents.authorize(pg_temp.agent('a'), 10, hold_for => '1 hour', card_id => pg_temp.card('card'))).id AS later \gset
SELECT ledger_agents.capture(:'taken') \gset unused_
SELECT is(pg_temp.looks(), 'card card 02 09:40, agent a 02 09:40, customer 02 09:40', 'counters look for a hold that was captured');
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 09:40Z'); END $do$;
SELECT is(pg_temp.sweep(), '0 0 0', 'which is not swept');
SELECT is(pg_temp.looks(), 'card card 02 10:30, agent a 02 10:30, customer 02 10:30', 'they look for the next one then');
SELECT ledger_agents.reverse(:'later') \gset unused_
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 10:30Z'); END $do$;
SELECT is(pg_temp.sweep(1), '0 0 0 more', 'each counts toward max_rows');
SELECT is(pg_temp.sweep(), '0 0 0', 'until all is done');
SELECT is(pg_temp.looks(), NULL, 'and for nothing');

-- What is captured of a hold when it expires may close its card.
DO $do$ BEGIN PERFORM pg_temp.begin(); END $do$;
DO $do$ BEGIN PERFORM ledger_agents.register_agent('a', 'acme'); END $do$;
DO $do$ BEGIN PERFORM ledger_agents.create_card(pg_temp.agent('a'), 'single'); END $do$;
DO $do$ BEGIN PERFORM ledger_agents.create_card(pg_temp.agent('a'), 'unused'); END $do$;
SELECT (ledger_agents.authorize(pg_temp.agent('a'), 100, hold_for => '10 minutes', card_id => pg_temp.card('single'))).id AS part \gset
DO $do$ BEGIN PERFORM ledger_agents.authorize(pg_temp.agent('a'), 100, hold_for => '10 minutes', card_id => pg_temp.card('unused')); END $do$;
SELECT ledger_agents.capture(:'part', 30, final => false) \gset unused_
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 09:10Z'); END $do$;
SELECT is(pg_temp.sweep(), '2 0 0', 'holds of two cards of one agent are swept');
SELECT is((ledger_agents.get_authorization(:'part')).status::text, 'captured', 'the one that was captured in part is captured');
SELECT is((SELECT concat_ws(' ', c.status, c.status_reason) FROM ledger_agents.get_card(pg_temp.card('single')) AS c), 'closed captured', 'and its card closes');
SELECT is((SELECT c.status::text FROM ledger_agents.get_card(pg_temp.card('unused')) AS c), 'active', 'the other''s does not');
SELECT is((ledger_agents.evaluate(pg_temp.agent('a'), 1, card_id => pg_temp.card('unused'))).reason::text, 'card_consumed', 'and stays used up: a late capture may come');

--
-- max_rows is of all kinds together.
--
SELECT throws_ok('SELECT ledger_agents.sweep(0)', '22023', 'max_rows must be between 1 and 10000', 'max_rows is at least 1');
SELECT throws_ok('SELECT ledger_agents.sweep(10001)', '22023', 'max_rows must be between 1 and 10000', 'and at most 10000');
SELECT throws_ok('SELECT ledger_agents.sweep(NULL)', '22004', 'max_rows must not be null', 'and not null');
SELECT lives_ok('SELECT ledger_agents.sweep(1)', '1 is one');
SELECT lives_ok('SELECT ledger_agents.sweep(10000)', '10000 is one');
SELECT throws_ok($$SELECT ledger_agents.sweep(organization_id => 'nowhere')$$, 'P0002', NULL, 'an organization that is not there');
SELECT is((SELECT s::text FROM ledger_agents.sweep(organization_id => 'empty') AS s), '(0,0,0,f)', 'one that was never written in has nothing to sweep') FROM ledger_agents.create_organization('empty');
SELECT is((SELECT s::text FROM ledger_agents.sweep(organization_id => 'default') AS s), '(0,0,0,f)', 'nor has default before it has a row');
SELECT is_empty($$SELECT FROM ledger_agents.organizations WHERE id = 'default'$$, 'which it does not get by that');
DO $do$ BEGIN PERFORM pg_temp.begin(); END $do$;
DO $do$ BEGIN PERFORM ledger_agents.register_agent(n, 'acme') FROM unnest('{a,b,c}'::text[]) AS n; END $do$;
DO $do$ BEGIN PERFORM ledger_agents.authorize(pg_temp.agent(n), 10, hold_for => '10 minutes') FROM unnest('{a,a,b,b,c}'::text[]) AS n; END $do$;
DO $do$ BEGIN PERFORM ledger_agents.declare_intent(pg_temp.agent(n), ttl_minutes => 10) FROM unnest('{a,a,b}'::text[]) AS n; END $do$;
DO $do$ BEGIN PERFORM ledger_agents.create_card(pg_temp.agent(n), policy => '{"ttlMinutes": 1}') FROM unnest('{a,b,b}'::text[]) AS n; END $do$;
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 10:00Z'); END $do$;
SELECT is((SELECT array_agg(pg_temp.sweep(2) ORDER BY n) FROM generate_series(1, 6) AS n), '{2 0 0 more,2 0 0 more,1 1 0 more,0 2 0 more,0 0 2 more,0 0 1}'::text[], 'call by call, until no more is left');
SELECT is(pg_temp.events('%.expired'), 11::bigint, 'one event each');

--
-- Intents.
--
DO $do$ BEGIN PERFORM pg_temp.begin(); END $do$;
DO $do$ BEGIN PERFORM ledger_agents.register_agent('a', 'acme', default_require_approval => true); END $do$;
SELECT (ledger_agents.declare_intent(pg_temp.agent('a'), client_intent_id => 'asks', summary => 's', expected_amount => 5, expected_merchant => 'm', ttl_minutes => 15)).id AS asks \gset
SELECT (ledger_agents.declare_intent(pg_temp.agent('a'), client_intent_id => 'used', expected_amount => 5, ttl_minutes => 15)).id AS used \gset
SELECT (ledger_agents.declare_intent(pg_temp.agent('a'), client_intent_id => 'approved', expected_amount => 6, ttl_minutes => 15)).id AS approved \gset
SELECT (ledger_agents.declare_intent(pg_temp.agent('a'), client_intent_id => 'canceled', ttl_minutes => 15)).id AS canceled \gset
SELECT ledger_agents.cancel_intent(:'canceled') \gset unused_
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 09:10Z'); END $do$;
SELECT ledger_agents.approve_intent(:'used'), ledger_agents.approve_intent(:'approved') \gset unused_
SELECT (ledger_agents.authorize(pg_temp.agent('a'), 5, merchant => 'm', intent_id => :'used')).id AS spend \gset
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 09:15Z'); END $do$;
SELECT is(pg_temp.sweep(), '0 1 0', 'an open intent expires; what is used, canceled or was given new time does not');
SELECT is((SELECT string_agg(i.client_intent_id || ' ' || i.status, ', ' ORDER BY i.client_intent_id) FROM ledger_agents.list_intents() AS i),
          'approved pending, asks expired, canceled canceled, used matched', 'each is what it is');
SELECT is((SELECT data - 'intentId' - 'agentId' FROM ledger_agents.events WHERE organization_id = current_setting('ledger_agents.organization') AND type = 'intent.expired'),
          '{"userId": "acme", "customerIntentId": "asks", "summary": "s", "expectedAmount": 5, "expectedMerchant": "m", "status": "expired", "ttlMinutes": 15,
            "createdAt": 1772442000000, "expiresAt": 1772442900000, "expiredAt": 1772442900000}'::jsonb, 'the event has its fields');
SELECT throws_ok(format('SELECT ledger_agents.approve_intent(%L)', :'asks'), '55000', 'intent is expired', 'it is too late for a yes');
SELECT ledger_agents.reverse(:'spend') \gset unused_
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 09:25Z'); END $do$;
SELECT is(pg_temp.sweep(), '0 2 0', 'a reversal has given one back, which expires like others');
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');

--
-- Cards: (rules of the customer, the agent, the template, the card; minutes; what becomes of it).
--
CREATE TEMP TABLE life (customer jsonb, agent jsonb, template jsonb, card jsonb, minutes int, want text);
INSERT INTO life VALUES
  (NULL, NULL, NULL, '{"ttlMinutes": 30}', 29, 'active'),
  (NULL, NULL, NULL, '{"ttlMinutes": 30}', 30, 'closed ttl_expired 30'),
  (NULL, NULL, NULL, '{"ttlDays": 1}', 1439, 'active'),
  (NULL, NULL, NULL, '{"ttlDays": 1}', 1440, 'closed ttl_expired 1440'),
  (NULL, NULL, NULL, '{"ttlDays": 1, "ttlMinutes": 90}', 90, 'closed ttl_expired 90'),
  (NULL, NULL, NULL, '{"ttlMinutes": 30, "onExpiry": "close"}', 30, 'closed ttl_expired 30'),
  (NULL, NULL, NULL, '{"ttlMinutes": 30, "onExpiry": "freeze"}', 30, 'frozen ttl_expired 30'),
  (NULL, NULL, '{"ttlMinutes": 30}', NULL, 30, 'closed ttl_expired 30'),
  (NULL, '{"ttlMinutes": 30}', NULL, NULL, 30, 'closed ttl_expired 30'),
  ('{"ttlMinutes": 30}', NULL, NULL, NULL, 30, 'closed ttl_expired 30'),
  ('{"ttlMinutes": 30, "onExpiry": "freeze"}', NULL, NULL, NULL, 30, 'frozen ttl_expired 30'),
  -- The lowest level that sets a rule wins, each rule for itself; the inline one before the template's.
  ('{"ttlMinutes": 10}', '{"ttlMinutes": 20}', '{"ttlMinutes": 30}', '{"ttlMinutes": 40}', 39, 'active'),
  ('{"ttlMinutes": 40}', '{"ttlMinutes": 30}', '{"ttlMinutes": 20}', '{"ttlMinutes": 10}', 10, 'closed ttl_expired 10'),
  ('{"ttlMinutes": 10}', '{"ttlMinutes": 20}', '{"ttlMinutes": 30}', NULL, 29, 'active'),
  ('{"ttlMinutes": 10}', '{"ttlMinutes": 20}', NULL, NULL, 19, 'active'),
  ('{"ttlMinutes": 10}', NULL, NULL, '{"ttlDays": 1}', 10, 'closed ttl_expired 10'),
  ('{"onExpiry": "freeze"}', NULL, NULL, '{"ttlMinutes": 30}', 30, 'frozen ttl_expired 30'),
  ('{"onExpiry": "freeze"}', '{"onExpiry": "close"}', NULL, '{"ttlMinutes": 30}', 30, 'closed ttl_expired 30'),
  ('{"ttlMinutes": 30}', NULL, '{"onExpiry": "freeze"}', '{"onExpiry": "close"}', 30, 'closed ttl_expired 30'),
  (NULL, NULL, NULL, NULL, 1440, 'active');
CREATE FUNCTION pg_temp.lived(l life) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  c ledger_agents.card_detail;
BEGIN
  PERFORM pg_temp.begin();
  PERFORM ledger_agents.update_customer('acme', jsonb_build_object('policy', l.customer));
  PERFORM ledger_agents.register_agent('a', 'acme', policy => l.agent);
  c := ledger_agents.create_card(pg_temp.agent('a'), type => 'multi', policy => l.card,
                                 policy_id => CASE WHEN l.template IS NOT NULL THEN (ledger_agents.create_policy('p', l.template)).id END);
  PERFORM pg_temp.clock(timestamptz '2026-03-02 09:00Z' + make_interval(mins => l.minutes));
  PERFORM ledger_agents.sweep();
  c := ledger_agents.get_card(c.id);
  RETURN concat_ws(' ', c.status, c.status_reason,
                   (SELECT e.data ->> 'ttlMinutes' FROM ledger_agents.events AS e WHERE e.organization_id = c.organization_id AND e.type = 'card.expired'),
                   CASE WHEN (c.status <> 'active') <> ((ledger_agents.evaluate(c.agent_id, 1, card_id => c.id)).reason IS NOT DISTINCT FROM 'card_expired') THEN 'BUT decided otherwise' END);
END
$$;
SELECT is(pg_temp.lived(l), l.want, format('%s after %s minutes', concat_ws(' over ', l.card, l.template, l.agent, l.customer), l.minutes)) FROM life AS l;

-- Whatever a card is before, what it becomes, and whether there is an event: (status before, onExpiry, want).
CREATE FUNCTION pg_temp.turned(before text, on_expiry text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  c ledger_agents.card_detail;
  told bigint;
BEGIN
  PERFORM pg_temp.begin();
  PERFORM ledger_agents.register_agent('a', 'acme');
  c := ledger_agents.create_card(pg_temp.agent('a'), type => 'multi', policy => jsonb_build_object('ttlMinutes', 30, 'onExpiry', on_expiry));
  CASE before
    WHEN 'frozen' THEN PERFORM ledger_agents.freeze_card(c.id);
    WHEN 'suspended' THEN PERFORM ledger_agents.update_agent(c.agent_id, '{"status": "suspended"}');
    WHEN 'closed' THEN PERFORM ledger_agents.close_card(c.id);
    WHEN 'deregistered' THEN PERFORM ledger_agents.deregister_agent(c.agent_id);
    ELSE NULL;
  END CASE;
  told := pg_temp.events('card.%');
  PERFORM pg_temp.clock('2026-03-02 09:30Z');
  PERFORM ledger_agents.sweep();
  PERFORM ledger_agents.sweep();
  RETURN (SELECT concat_ws(' ', s.status, s.status_reason, s.status_by, to_char(s.status_at, 'HH24:MI')) FROM ledger_agents.get_card(c.id) AS s)
    || coalesce((SELECT format(', %s: %s to %s', e.data ->> 'action', e.data ->> 'previousStatus', e.data ->> 'newStatus') FROM ledger_agents.events AS e
                  WHERE e.organization_id = c.organization_id AND e.type = 'card.expired'), '')
    || CASE WHEN pg_temp.events('card.%') - told > 1 THEN ' BUT told of otherwise, too' ELSE '' END;
END
$$;
SELECT is(pg_temp.turned(before, on_expiry), want, format('a card that is %s, and onExpiry %s', before, on_expiry))
  FROM (VALUES
    ('active', 'close', 'closed ttl_expired system 09:30, close: active to closed'),
    ('active', 'freeze', 'frozen ttl_expired system 09:30, freeze: active to frozen'),
    ('frozen', 'close', 'closed ttl_expired system 09:30, close: frozen to closed'),
    ('frozen', 'freeze', 'frozen ttl_expired system 09:00, freeze: frozen to frozen'),
    ('suspended', 'close', 'closed ttl_expired system 09:30, close: frozen to closed'),
    ('suspended', 'freeze', 'frozen ttl_expired system 09:00, freeze: frozen to frozen'),
    ('closed', 'close', 'closed manual operator 09:00'),
    ('closed', 'freeze', 'closed manual operator 09:00'),
    ('deregistered', 'freeze', 'closed agent_deregistered operator 09:00')) AS t (before, on_expiry, want);

-- A card that was frozen because its life was over.
DO $do$ BEGIN PERFORM pg_temp.begin(); END $do$;
DO $do$ BEGIN PERFORM ledger_agents.register_agent('a', 'acme'); END $do$;
SELECT (ledger_agents.create_card(pg_temp.agent('a'), 'c', 'multi', policy => '{"ttlMinutes": 30, "onExpiry": "freeze"}')).id AS card \gset
DO $do$ BEGIN PERFORM pg_temp.clock('2026-03-02 09:30Z'); END $do$;
SELECT is((ledger_agents.unfreeze_card((ledger_agents.freeze_card(:'card')).id)).status::text, 'active', 'what a hand has frozen a hand unfreezes, until it is swept');
SELECT is((ledger_agents.authorize(pg_temp.agent('a'), 1, card_id => :'card')).reason::text, 'card_expired', 'which gives it no new life');
SELECT is(pg_temp.sweep(), '0 0 1', 'is swept');
SELECT throws_ok(format('SELECT ledger_agents.unfreeze_card(%L)', :'card'), '55000', 'card has expired', 'is not unfrozen then');
DO $do$ BEGIN PERFORM ledger_agents.update_agent(pg_temp.agent('a'), '{"status": "suspended"}'), ledger_agents.update_agent(pg_temp.agent('a'), '{"status": "active"}'); END $do$;
SELECT is((ledger_agents.get_card(:'card')).status::text, 'frozen', 'nor with its agent');
SELECT is((SELECT string_agg(e.rule || ' ' || e.passed, ', ') FROM ledger_agents.explain_authorization(agent_id => pg_temp.agent('a'), amount => 1, card_id => :'card') AS e WHERE e.scope = 'card' AND e.rule IN ('open', 'status', 'ttl')),
          'open true, status true, ttl false', 'is explained by its life');
SELECT ledger_agents.update_card(:'card', '{"policy": null}') \gset unused_
SELECT is((ledger_agents.authorize(pg_temp.agent('a'), 1, card_id => :'card')).reason::text, 'card_expired', 'declines also when the rule is gone');
SELECT is((SELECT concat_ws(' ', e.actual, e.passed) FROM ledger_agents.explain_authorization(agent_id => pg_temp.agent('a'), amount => 1, card_id => :'card') AS e WHERE e.rule = 'ttl'),
          'null f', 'for its end is not known any more');
SELECT is((ledger_agents.unfreeze_card(:'card')).status::text, 'active', 'but can be unfrozen then');
SELECT is((ledger_agents.authorize(pg_temp.agent('a'), 1, card_id => :'card')).decision::text, 'approved', 'and used');
SELECT ledger_agents.update_card(:'card', '{"policy": {"ttlMinutes": 30, "onExpiry": "freeze"}}') \gset unused_
SELECT is(pg_temp.sweep(), '0 0 1', 'is frozen again by a rule that is back');
SELECT ledger_agents.update_card(:'card', '{"policy": {"ttlMinutes": 30}}') \gset unused_
SELECT is(pg_temp.sweep(), '0 0 1', 'and closed by one that says so');
SELECT is(pg_temp.sweep(), '0 0 0', 'once');
SELECT is((ledger_agents.evaluate(pg_temp.agent('a'), 1, card_id => :'card')).reason::text, 'card_expired', 'and still is said to have expired');

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT finish();
ROLLBACK;
