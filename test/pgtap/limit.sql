-- Is a limit exact, in every window and at every scope, to the cent and to the microsecond?
BEGIN;
SELECT no_plan();
SET LOCAL timezone = 'UTC';

CREATE FUNCTION pg_temp.clock(at timestamptz) RETURNS void LANGUAGE sql AS $$
  SELECT set_config('ledger_agents.clock', at::text, true)
$$;

-- A new organization with one customer and one agent, and a limit at one scope.
CREATE SEQUENCE pg_temp.tenants;
CREATE FUNCTION pg_temp.tenant(scope text, spending_limit bigint, frequency text, mode text, zone text DEFAULT 'UTC', OUT organization text, OUT agent uuid)
LANGUAGE plpgsql AS $$
BEGIN
  organization := 'tenant ' || nextval('pg_temp.tenants');
  PERFORM ledger_agents.create_organization(organization, timezone => zone);
  PERFORM set_config('ledger_agents.organization', organization, true);
  agent := (ledger_agents.register_agent('agent', 'customer')).id;
  PERFORM pg_temp.set_limit(scope, agent, jsonb_build_object('spending_limit', spending_limit, 'spending_limit_frequency', frequency, 'window_mode', mode));
END
$$;
CREATE FUNCTION pg_temp.set_limit(scope text, agent uuid, changes jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CASE scope
    WHEN 'agent' THEN PERFORM ledger_agents.update_agent(agent, changes);
    WHEN 'customer' THEN PERFORM ledger_agents.update_customer('customer', changes);
    WHEN 'organization' THEN PERFORM ledger_agents.update_organization(changes);
  END CASE;
END
$$;
CREATE TEMP TABLE scope AS SELECT unnest('{agent,customer,organization}'::text[]) AS scope;

--
-- The edge: what remains passes, one more does not, at every frequency, mode and scope.
--
CREATE TEMP TABLE kind AS
SELECT frequency::text, mode::text FROM unnest(enum_range(NULL::ledger_agents.spending_frequency)) AS frequency, unnest('{NULL,calendar,rolling}'::text[]) AS mode;

CREATE FUNCTION pg_temp.edge(scope text, frequency text, mode text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record;
  answers text := '';
  amount bigint;
  a ledger_agents.authorization_detail;
BEGIN
  PERFORM pg_temp.clock('2026-03-18 12:00Z');
  t := pg_temp.tenant(scope, 100, frequency, mode);
  FOREACH amount IN ARRAY '{60,41,40,1,101,100}'::bigint[] LOOP
    a := ledger_agents.authorize(t.agent, amount);
    answers := concat_ws(' ', answers, CASE a.decision WHEN 'approved' THEN '+' ELSE '-' END || amount, a.remaining, a.max_approvable, a.reason);
  END LOOP;
  RETURN answers;
END
$$;
SELECT is(pg_temp.edge(scope, frequency, mode),
          CASE frequency WHEN 'perTransaction' THEN
            format(' +60 40 100 +41 59 100 +40 60 100 +1 99 100 -101 100 %s_limit_exceeded +100 0 100', scope)
          ELSE format(' +60 40 100 -41 40 %1$s_limit_exceeded +40 0 40 -1 %1$s_limit_exceeded -101 %1$s_limit_exceeded -100 %1$s_limit_exceeded', scope) END,
          format('limit 100 of the %s, %s %s', scope, frequency, mode))
  FROM scope, kind;

-- Limits of 0, of null and of all there is.
CREATE FUNCTION pg_temp.decisions(scope text, frequency text, spending_limit bigint, amounts bigint[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record := pg_temp.tenant(scope, spending_limit, frequency, NULL);
BEGIN
  RETURN (SELECT string_agg(left((ledger_agents.authorize(t.agent, amount)).decision::text, 1), '') FROM unnest(amounts) AS amount);
END
$$;
SELECT is(pg_temp.decisions(scope, frequency, spending_limit, amounts), want, format('limit %s of the %s, %s: %s', spending_limit, scope, frequency, amounts))
  FROM scope, (SELECT DISTINCT frequency FROM kind) AS k, (VALUES
    (0::bigint, '{1,9223372036854775807}'::bigint[], 'dd'), (NULL, '{1,1000000000000000000}', 'aa'), (9223372036854775807, '{9223372036854775807}', 'a'),
    (1, '{1}', 'a'), (200, '{9223372036854775807,201,200}', 'dda')) AS v (spending_limit, amounts, want);

--
-- When a spend leaves its window: (frequency, mode, zone, spent at, last instant at which it counts, why). One microsecond later it does not.
--
CREATE TEMP TABLE roll (frequency text, mode text, zone text, at timestamptz, until timestamptz, why text);
INSERT INTO roll VALUES
  ('per24HourPeriod', NULL, 'UTC', '2023-05-15 10:30Z', '2023-05-16 10:30Z', 'rolling unless told otherwise'),
  ('per24HourPeriod', 'rolling', 'America/New_York', '2023-03-11 17:00Z', '2023-03-12 17:00Z', '24 hours, also when the clock changes'),
  ('per24HourPeriod', 'rolling', 'UTC', '2023-05-15 10:30:00.123457Z', '2023-05-16 10:30:00.123457Z', 'to the microsecond'),
  ('per24HourPeriod', 'calendar', 'UTC', '2023-05-15 10:30Z', '2023-05-16 00:00Z', 'the day'),
  ('per24HourPeriod', 'calendar', 'America/New_York', '2023-05-15 22:30Z', '2023-05-16 04:00Z', 'the local day'),
  ('per24HourPeriod', 'calendar', 'Asia/Kolkata', '2023-05-15 22:30Z', '2023-05-16 18:30Z', 'the local day'),
  ('per24HourPeriod', 'calendar', 'America/New_York', '2023-11-05 05:30Z', '2023-11-06 05:00Z', 'a day of 25 hours'),
  ('per24HourPeriod', 'calendar', 'America/New_York', '2023-03-12 06:30Z', '2023-03-13 04:00Z', 'a day of 23 hours'),
  ('perWeek', NULL, 'UTC', '2023-05-17 12:00Z', '2023-05-22 00:00Z', 'to Monday'),
  ('perWeek', 'calendar', 'UTC', '2023-05-21 23:59:59.999999Z', '2023-05-22 00:00Z', 'the last microsecond of the week'),
  ('perWeek', 'calendar', 'UTC', '2023-05-22 00:00Z', '2023-05-29 00:00Z', 'the first one of the next'),
  ('perWeek', 'calendar', 'Asia/Kolkata', '2023-05-21 18:30Z', '2023-05-28 18:30Z', 'Monday has begun there'),
  ('perWeek', 'rolling', 'UTC', '2023-05-17 12:00Z', '2023-05-24 12:00Z', '7 times 24 hours'),
  ('perMonth', NULL, 'UTC', '2023-12-15 10:30Z', '2024-01-01 00:00Z', 'the month'),
  ('perMonth', 'calendar', 'UTC', '2024-02-01 00:00Z', '2024-03-01 00:00Z', 'February of a leap year'),
  ('perMonth', 'calendar', 'Pacific/Auckland', '2023-12-31 10:59:59Z', '2023-12-31 11:00Z', 'the local month'),
  ('perMonth', 'rolling', 'UTC', '2024-02-01 00:00Z', '2024-03-02 00:00Z', '30 times 24 hours'),
  ('perYear', NULL, 'UTC', '2023-12-15 10:30Z', '2024-01-01 00:00Z', 'the year'),
  ('perYear', 'calendar', 'America/New_York', '2024-01-01 04:59:59Z', '2024-01-01 05:00Z', 'the local year'),
  ('perYear', 'rolling', 'UTC', '2024-01-01 00:00Z', '2024-12-31 00:00Z', '365 times 24 hours'),
  ('allTime', NULL, 'UTC', '2023-12-15 10:30Z', '2093-12-15 10:30Z', 'for ever');

-- What stands against the limit: a request for more than the limit is told, and an agent's own is also its current_spend.
CREATE FUNCTION pg_temp.spent(scope text, agent uuid, at timestamptz DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  told bigint;
BEGIN
  SELECT (f ->> 'spent')::bigint INTO told
    FROM jsonb_array_elements((ledger_agents.evaluate(agent, 9223372036854775807, as_of => at)).failed_limits) AS f WHERE f ->> 'scope' = scope;
  IF scope = 'agent' AND at IS NULL AND told <> (ledger_agents.get_agent(agent)).current_spend THEN
    RAISE EXCEPTION 'evaluate says %, get_agent %', told, (ledger_agents.get_agent(agent)).current_spend;
  END IF;
  RETURN told;
END
$$;

-- Spends all of the limit, and asks on both sides of the instant.
CREATE FUNCTION pg_temp.around(scope text, r roll) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record;
  answers text;
BEGIN
  PERFORM pg_temp.clock(r.at);
  t := pg_temp.tenant(scope, 100, r.frequency, r.mode, r.zone);
  PERFORM ledger_agents.authorize(t.agent, 100);
  PERFORM pg_temp.clock(r.until - interval '1 us');
  answers := concat_ws(' ', (ledger_agents.authorize(t.agent, 1)).decision, (ledger_agents.evaluate(t.agent, 1)).retry_at = r.until,
                       (ledger_agents.evaluate(t.agent, 1, as_of => r.until)).decision, pg_temp.spent(scope, t.agent));
  PERFORM pg_temp.clock(r.until);
  RETURN concat_ws(' ', answers, pg_temp.spent(scope, t.agent), (ledger_agents.authorize(t.agent, 1)).decision,
                   (ledger_agents.authorize(t.agent, 100)).decision, (ledger_agents.authorize(t.agent, 99)).decision);
END
$$;
SELECT is(pg_temp.around(s.scope, r), CASE r.frequency WHEN 'allTime' THEN 'declined declined 100 100 declined declined declined' ELSE 'declined t approved 100 0 approved declined approved' END,
          format('%s: %s %s in %s, spent at %s: %s', s.scope, r.frequency, r.mode, r.zone, r.at, r.why))
  FROM scope AS s, roll AS r;

--
-- Changing frequency, mode or limit never forgets spend and never keeps what has left. A history of 40 spends over two years;
-- then every kind of limit after every other one; then the clock goes on. At each instant the spend is the sum over the history.
--
CREATE FUNCTION pg_temp.history_sum(organization text, frequency text, mode text, at timestamptz) RETURNS bigint LANGUAGE sql AS $$
  SELECT CASE WHEN frequency = 'perTransaction' THEN 0 ELSE (
    SELECT coalesce(sum(counted_amount), 0) FROM ledger_agents.authorizations
     WHERE organization_id = organization AND decided_at <= at AND CASE
       WHEN frequency = 'allTime' THEN true
       WHEN mode = 'rolling' OR mode IS NULL AND frequency = 'per24HourPeriod' THEN
         decided_at > at - 24 * interval '1 hour' * CASE frequency WHEN 'per24HourPeriod' THEN 1 WHEN 'perWeek' THEN 7 WHEN 'perMonth' THEN 30 ELSE 365 END
       ELSE decided_at >= date_trunc(CASE frequency WHEN 'per24HourPeriod' THEN 'day' WHEN 'perWeek' THEN 'week' WHEN 'perMonth' THEN 'month' ELSE 'year' END,
                                     at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' END) END
$$;
CREATE FUNCTION pg_temp.changes(scope text, first kind, second kind) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record;
  wrong text := '';
  now timestamptz;
  want bigint;
  have bigint;
BEGIN
  PERFORM pg_temp.clock('2024-01-01 00:00Z');
  t := pg_temp.tenant(scope, 1000000, first.frequency, first.mode);
  -- Ages between 1 microsecond and two years, dense at the end.
  FOR i IN REVERSE 20..0 LOOP
    PERFORM pg_temp.clock('2026-03-18 12:00Z'::timestamptz - interval '1 minute' * (i * i * i * i * 5 + i * 97) - interval '1 us');
    PERFORM ledger_agents.authorize(t.agent, i + 1);
  END LOOP;
  PERFORM pg_temp.set_limit(scope, t.agent, jsonb_build_object('spending_limit_frequency', second.frequency, 'window_mode', second.mode));
  FOR i IN 0..12 LOOP
    now := '2026-03-18 12:00Z'::timestamptz + interval '1 hour' * (i * i * i * 4);
    PERFORM pg_temp.clock(now);
    -- Half of the instants with a spend, which stores what was computed.
    IF i % 2 = 1 THEN
      PERFORM ledger_agents.authorize(t.agent, 7);
    END IF;
    want := pg_temp.history_sum(t.organization, second.frequency, second.mode, now);
    have := pg_temp.spent(scope, t.agent);
    IF have IS DISTINCT FROM want THEN
      wrong := wrong || format('at %s %s instead of %s; ', now, have, want);
    END IF;
  END LOOP;
  SELECT wrong || coalesce(string_agg(v.violation || ': ' || v.detail, '; '), '') INTO wrong FROM ledger_agents.check_invariants() AS v WHERE organization_id = t.organization;
  RETURN wrong;
END
$$;
SELECT is(pg_temp.changes(scope, f, s), '', format('%s: %s %s, then %s %s', scope, f.frequency, f.mode, s.frequency, s.mode))
  FROM scope, kind AS f, kind AS s
 WHERE (f.mode IS NOT NULL OR f.frequency = 'per24HourPeriod') AND s.mode IS NOT NULL AND f IS DISTINCT FROM s
   AND f.frequency NOT IN ('perTransaction', 'allTime') AND (s.frequency NOT IN ('perTransaction', 'allTime') OR s.mode = 'calendar');

--
-- A first limit counts what was spent before it was set; a limit that was taken away and set again, too.
--
CREATE FUNCTION pg_temp.first_limit(scope text, frequency text, mode text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record;
  now timestamptz := '2026-03-18 12:00Z';
  other uuid;
  answers text;
  held uuid;
BEGIN
  PERFORM pg_temp.clock('2024-01-01 00:00Z');
  t := pg_temp.tenant(scope, NULL, frequency, mode);
  other := (ledger_agents.register_agent('other', 'customer')).id;
  FOR i IN REVERSE 20..0 LOOP
    PERFORM pg_temp.clock(now - interval '1 minute' * (i * i * i * i * 5 + i * 97) - interval '1 us');
    PERFORM ledger_agents.authorize(CASE WHEN i % 2 = 0 OR scope = 'agent' THEN t.agent ELSE other END, i + 1);
  END LOOP;
  -- Money in another currency, a hold that has expired and one that was reversed are not counted.
  PERFORM ledger_agents.authorize(t.agent, 1000, 'EUR');
  PERFORM ledger_agents.authorize(t.agent, 50, hold_for => '1 us');
  held := (ledger_agents.authorize(t.agent, 70)).id;
  PERFORM ledger_agents.reverse(held);
  PERFORM pg_temp.clock(now);
  PERFORM pg_temp.set_limit(scope, t.agent, '{"spending_limit": 1000000}');
  answers := pg_temp.spent(scope, t.agent);
  PERFORM pg_temp.set_limit(scope, t.agent, '{"spending_limit": null}');
  PERFORM ledger_agents.authorize(t.agent, 100);
  PERFORM pg_temp.set_limit(scope, t.agent, '{"spending_limit": 1000000}');
  RETURN answers || ' ' || pg_temp.spent(scope, t.agent) || ' '
    || pg_temp.history_sum(t.organization, frequency, mode, now)
       - CASE frequency WHEN 'perTransaction' THEN 0 ELSE 1050 END;
END
$$;
SELECT is(split_part(f, ' ', n)::bigint, split_part(f, ' ', 3)::bigint - CASE WHEN n = 1 AND frequency <> 'perTransaction' THEN 100 ELSE 0 END, format('%s: %s, %s %s', scope, what, frequency, mode))
  FROM scope, kind, LATERAL pg_temp.first_limit(scope, frequency, mode) AS f, (VALUES (1, 'a first limit'), (2, 'a limit set anew')) AS v (n, what);

--
-- What happens at the agent's limit: (action, amounts, decisions, status at the end, events of limits and suspension).
--
CREATE FUNCTION pg_temp.at_limit(action text, frequency text, amounts bigint[], OUT decisions text, OUT status text, OUT events text) LANGUAGE plpgsql AS $$
DECLARE
  t record;
BEGIN
  PERFORM pg_temp.clock('2026-03-18 12:00Z');
  t := pg_temp.tenant('agent', 100, frequency, NULL);
  PERFORM ledger_agents.update_agent(t.agent, jsonb_build_object('on_limit_exceeded', action));
  SELECT string_agg(left((ledger_agents.authorize(t.agent, amount)).decision::text, 1), '') INTO decisions FROM unnest(amounts) AS amount;
  status := (ledger_agents.get_agent(t.agent)).status;
  SELECT coalesce(string_agg(concat_ws(' ', replace(type::text, 'agent.', ''), data ->> 'amount', data ->> 'percentUsed'), ', ' ORDER BY type, data ->> 'amount'), '') INTO events
    FROM ledger_agents.events WHERE agent_id = t.agent AND type IN ('agent.limit_exceeded', 'agent.limit_approaching', 'agent.suspended');
END
$$;
SELECT is(concat_ws(' / ', a.decisions, a.status, a.events), concat_ws(' / ', v.decisions, v.status, v.events), format('%s %s: %s', v.action, v.frequency, v.amounts))
  FROM (VALUES
    ('decline', 'perMonth', '{79,1,20,1}'::bigint[], 'aaad', 'active', 'limit_approaching 80'),
    ('decline', 'perMonth', '{79}', 'a', 'active', ''),
    ('decline', 'perMonth', '{101,80}', 'da', 'active', 'limit_approaching 80'),
    ('decline', 'perTransaction', '{100,101,80}', 'ada', 'active', ''),
    ('suspend', 'perMonth', '{100,1,1}', 'add', 'suspended', 'suspended, limit_exceeded 1, limit_approaching 100'),
    ('suspend', 'perMonth', '{101,1}', 'dd', 'suspended', 'suspended, limit_exceeded 101'),
    ('suspend', 'perTransaction', '{100,101,100}', 'add', 'suspended', 'suspended, limit_exceeded 101'),
    ('notify', 'perMonth', '{100,1,1}', 'aaa', 'active', 'limit_exceeded 1, limit_approaching 100'),
    ('notify', 'perMonth', '{250,1}', 'aa', 'active', 'limit_exceeded 250, limit_approaching 250'),
    ('notify', 'per24HourPeriod', '{100,1,1}', 'aaa', 'active', 'limit_exceeded 1, limit_approaching 100'),
    ('notify', 'perTransaction', '{101,100,101,102}', 'aaaa', 'active', 'limit_exceeded 101, limit_exceeded 101, limit_exceeded 102'),
    ('none', 'perMonth', '{100,1,1}', 'aaa', 'active', 'limit_approaching 100'),
    ('none', 'perTransaction', '{100,101}', 'aa', 'active', '')
  ) AS v (action, frequency, amounts, decisions, status, events), LATERAL pg_temp.at_limit(v.action, v.frequency, v.amounts) AS a;

-- The action is taken only if every other check passed: with another reason, no suspension and no event.
CREATE FUNCTION pg_temp.other_reason(action text, hindrance text, OUT reasons text, OUT status text, OUT told bigint) LANGUAGE plpgsql AS $$
DECLARE
  t record := pg_temp.tenant('agent', 100, 'perMonth', NULL);
BEGIN
  PERFORM ledger_agents.update_agent(t.agent, jsonb_build_object('on_limit_exceeded', action));
  CASE hindrance
    WHEN 'customer' THEN PERFORM ledger_agents.update_customer('customer', '{"spending_limit": 100}');
    WHEN 'organization' THEN PERFORM ledger_agents.update_organization('{"spending_limit": 100}');
    WHEN 'currency' THEN NULL;
  END CASE;
  reasons := (ledger_agents.authorize(t.agent, 101, CASE hindrance WHEN 'currency' THEN 'EUR' END)).reasons;
  status := (ledger_agents.get_agent(t.agent)).status;
  SELECT count(*) INTO told FROM ledger_agents.events WHERE agent_id = t.agent AND type = 'agent.limit_exceeded';
END
$$;
SELECT is(concat_ws(' ', o.reasons, o.status, o.told), v.want, format('%s, and also %s', v.action, v.hindrance))
  FROM (VALUES ('suspend', 'customer', '{agent_limit_exceeded,customer_limit_exceeded} active 0'), ('suspend', 'organization', '{agent_limit_exceeded,organization_limit_exceeded} active 0'),
               ('suspend', 'currency', '{currency_mismatch} active 0'), ('notify', 'customer', '{customer_limit_exceeded} active 0'),
               ('notify', 'organization', '{organization_limit_exceeded} active 0'), ('none', 'customer', '{customer_limit_exceeded} active 0'),
               ('notify', 'currency', '{currency_mismatch} active 0')) AS v (action, hindrance, want), LATERAL pg_temp.other_reason(v.action, v.hindrance) AS o;

-- limit_approaching: (percent, limit, spends, percentUsed of each event).
CREATE FUNCTION pg_temp.approaching(percent int, spending_limit bigint, amounts bigint[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record := pg_temp.tenant('agent', spending_limit, 'perMonth', NULL);
BEGIN
  PERFORM ledger_agents.update_organization(jsonb_build_object('limit_approaching_percent', percent));
  PERFORM ledger_agents.authorize(t.agent, amount) FROM unnest(amounts) AS amount;
  RETURN (SELECT coalesce(string_agg(concat_ws(' ', data ->> 'percentUsed', data ->> 'currentSpend', data ->> 'spendingLimit'), ', '), '')
            FROM ledger_agents.events WHERE agent_id = t.agent AND type = 'agent.limit_approaching');
END
$$;
SELECT is(pg_temp.approaching(percent, spending_limit, amounts), want, format('at %s %% of %s: %s', percent, spending_limit, amounts))
  FROM (VALUES
    (80, 50000, '{39999}'::bigint[], ''), (80, 50000, '{40000}', '80 40000 50000'), (80, 50000, '{39999,1,1,9999}', '80 40000 50000'),
    (80, 3, '{2}', ''), (80, 3, '{3}', '100 3 3'), (100, 100, '{99}', ''), (100, 100, '{99,1}', '100 100 100'), (1, 100, '{1,50}', '1 1 100'),
    (80, 0, '{1}', ''), (80, 9223372036854775807, '{7000000000000000000}', ''), (80, 9223372036854775807, '{9223372036854775807}', '100 9223372036854775807 9223372036854775807')
  ) AS v (percent, spending_limit, amounts, want);

--
-- One currency a limit: (limits at, currency of the agent, of the organization, of the request, scopes that refuse it).
--
CREATE FUNCTION pg_temp.mismatch(scopes text[], of_agent text, of_organization text, of_request text, OUT decision text, OUT scopes_named text) LANGUAGE plpgsql AS $$
DECLARE
  t record;
  a ledger_agents.authorization_detail;
BEGIN
  t := pg_temp.tenant('agent', NULL, 'perMonth', NULL);
  PERFORM ledger_agents.update_organization(jsonb_build_object('currency', of_organization));
  PERFORM ledger_agents.update_agent(t.agent, jsonb_build_object('currency', of_agent));
  PERFORM pg_temp.set_limit(scope, t.agent, '{"spending_limit": 100}') FROM unnest(scopes) AS scope;
  a := ledger_agents.authorize(t.agent, 1, of_request);
  decision := concat_ws(' ', a.decision, a.reasons, a.currency, a.max_approvable IS NULL, a.retry_at);
  SELECT coalesce(string_agg(f ->> 'scope' || ' ' || (f ->> 'currency'), ', '), '') INTO scopes_named FROM jsonb_array_elements(a.failed_limits) AS f WHERE f ->> 'rule' = 'currency';
END
$$;
SELECT is(concat_ws(': ', m.decision, m.scopes_named), v.want, format('limits at %s, agent %s, organization %s, request %s', v.scopes, v.of_agent, v.of_organization, v.of_request))
  FROM (VALUES
    ('{}'::text[], 'USD', 'USD', 'EUR', 'approved EUR f: '), ('{agent}', 'USD', 'USD', 'EUR', 'declined {currency_mismatch} EUR t: agent USD'),
    ('{agent}', 'EUR', 'USD', 'EUR', 'approved EUR f: '), ('{agent}', 'EUR', 'USD', NULL, 'approved EUR f: '), ('{agent}', 'EUR', 'USD', 'eur', 'approved EUR f: '),
    ('{customer}', 'EUR', 'USD', NULL, 'declined {currency_mismatch} EUR t: customer USD'), ('{organization}', 'EUR', 'USD', NULL, 'declined {currency_mismatch} EUR t: organization USD'),
    ('{customer}', 'EUR', 'USD', 'USD', 'approved USD f: '), ('{agent,customer,organization}', 'EUR', 'USD', 'USD', 'declined {currency_mismatch} USD t: agent EUR'),
    ('{agent,customer,organization}', 'EUR', 'USD', 'JPY', 'declined {currency_mismatch} JPY t: agent EUR, customer USD, organization USD'),
    ('{agent,customer,organization}', 'USD_MICRO', 'USD_MICRO', 'usd_micro', 'approved USD_MICRO f: ')
  ) AS v (scopes, of_agent, of_organization, of_request, want), LATERAL pg_temp.mismatch(v.scopes, v.of_agent, v.of_organization, v.of_request) AS m;

-- A currency that a scope changes to may have been spent in before; that spend counts from then on.
CREATE FUNCTION pg_temp.new_currency(scope text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record := pg_temp.tenant('agent', NULL, 'perMonth', NULL);
BEGIN
  PERFORM ledger_agents.authorize(t.agent, 100, 'EUR');
  PERFORM pg_temp.set_limit(scope, t.agent, '{"spending_limit": 100}');
  IF scope = 'agent' THEN
    PERFORM ledger_agents.update_agent(t.agent, '{"currency": "EUR"}');
  ELSE
    PERFORM ledger_agents.update_organization('{"currency": "EUR"}');
  END IF;
  RETURN concat_ws(' ', (ledger_agents.authorize(t.agent, 1, 'EUR')).reason,
    (SELECT string_agg(v.detail, ' ') FROM ledger_agents.check_invariants() AS v WHERE v.organization_id = t.organization));
END
$$;
SELECT is(pg_temp.new_currency(scope), scope || '_limit_exceeded', format('%s: 100 EUR were spent before its currency became EUR', scope)) FROM scope;

--
-- A clock that steps back: windows stay, instants do not go back, nothing is opened again.
--
CREATE FUNCTION pg_temp.step_back(scope text, frequency text, mode text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record;
  a ledger_agents.authorization_detail;
BEGIN
  PERFORM pg_temp.clock('2026-01-01 00:00Z');
  t := pg_temp.tenant(scope, 100, frequency, mode);
  PERFORM ledger_agents.authorize(t.agent, 100);
  PERFORM pg_temp.clock('2025-12-31 23:59:59.999999Z');
  a := ledger_agents.authorize(t.agent, 1);
  RETURN concat_ws(' ', a.decision, a.decided_at AT TIME ZONE 'UTC', (ledger_agents.evaluate(t.agent, 1, as_of => '2025-06-01')).decision, pg_temp.spent(scope, t.agent));
END
$$;
SELECT is(pg_temp.step_back(scope, frequency, mode), 'declined 2026-01-01 00:00:00 declined 100', format('%s: the clock steps back, %s %s', scope, frequency, mode))
  FROM scope, kind WHERE frequency <> 'perTransaction';

-- A first limit that is set while the clock is back behind what was spent.
CREATE FUNCTION pg_temp.limit_behind(scope text, frequency text, mode text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record;
BEGIN
  PERFORM pg_temp.clock('2026-01-01 00:00Z');
  t := pg_temp.tenant(scope, NULL, frequency, mode);
  PERFORM ledger_agents.authorize(t.agent, 100);
  PERFORM pg_temp.clock('2025-12-31 23:59:59.999999Z');
  PERFORM pg_temp.set_limit(scope, t.agent, '{"spending_limit": 100}');
  PERFORM pg_temp.clock('2026-01-01 00:00:01Z');
  RETURN concat_ws(' ', (ledger_agents.authorize(t.agent, 1)).decision, pg_temp.spent(scope, t.agent));
END
$$;
SELECT is(pg_temp.limit_behind(scope, frequency, mode), 'declined 100', format('%s: a first limit while the clock is back, %s %s', scope, frequency, mode))
  FROM scope, kind WHERE frequency <> 'perTransaction';

--
-- Another time zone: the open window stays as it is, the next one starts where it ended. (from, to, frequency, at, windows seen later)
--
CREATE FUNCTION pg_temp.move(zone text, new_zone text, frequency text, at timestamptz, later timestamptz[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record;
  seen text[];
  next timestamptz;
BEGIN
  PERFORM pg_temp.clock(at);
  t := pg_temp.tenant('agent', 100, frequency, 'calendar', zone);
  PERFORM ledger_agents.authorize(t.agent, 1);
  PERFORM ledger_agents.update_organization(jsonb_build_object('timezone', new_zone));
  FOREACH next IN ARRAY at || later LOOP
    PERFORM pg_temp.clock(next);
    seen := seen || (SELECT to_char(window_start, 'MM-DD HH24:MI') || ' ' || to_char(next_reset, 'MM-DD HH24:MI') FROM ledger_agents.agent_budget(t.agent));
    PERFORM ledger_agents.authorize(t.agent, 1);
  END LOOP;
  RETURN array_to_string(seen, ', ');
END
$$;
SELECT is(pg_temp.move(zone, new_zone, frequency, at, later), want, format('%s from %s to %s', frequency, zone, new_zone))
  FROM (VALUES
    ('UTC', 'Asia/Tokyo', 'perMonth', '2026-04-15 12:00Z'::timestamptz, '{2026-04-30 15:00Z,2026-05-01 00:00Z,2026-05-31 15:00Z}'::timestamptz[],
     '04-01 00:00 05-01 00:00, 04-01 00:00 05-01 00:00, 05-01 00:00 05-31 15:00, 05-31 15:00 06-30 15:00'),
    ('UTC', 'America/New_York', 'perMonth', '2026-04-15 12:00Z', '{2026-05-01 00:00Z,2026-05-01 04:00Z}',
     '04-01 00:00 05-01 00:00, 05-01 00:00 05-01 04:00, 05-01 04:00 06-01 04:00'),
    ('Asia/Tokyo', 'UTC', 'per24HourPeriod', '2026-04-15 12:00Z', '{2026-04-15 15:00Z,2026-04-16 00:00Z}',
     '04-14 15:00 04-15 15:00, 04-15 15:00 04-16 00:00, 04-16 00:00 04-17 00:00'),
    ('UTC', 'Asia/Tokyo', 'perWeek', '2026-04-15 12:00Z', '{2026-04-19 15:00Z,2026-04-20 00:00Z}',
     '04-13 00:00 04-20 00:00, 04-13 00:00 04-20 00:00, 04-20 00:00 04-26 15:00'),
    ('UTC', 'Asia/Tokyo', 'perMonth', '2026-04-15 12:00Z', '{2026-09-10 00:00Z}', '04-01 00:00 05-01 00:00, 08-31 15:00 09-30 15:00')
  ) AS v (zone, new_zone, frequency, at, later, want);

--
-- Raised and lowered: what is spent stays spent, remaining is never negative. (new limit, budget, next decision on 1)
--
CREATE FUNCTION pg_temp.relimit(new_limit bigint, spent bigint DEFAULT 100) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  t record;
BEGIN
  PERFORM pg_temp.clock('2026-03-18 12:00Z');
  t := pg_temp.tenant('agent', spent, 'perMonth', NULL);
  PERFORM ledger_agents.authorize(t.agent, spent);
  PERFORM ledger_agents.update_agent(t.agent, jsonb_build_object('spending_limit', new_limit));
  RETURN (SELECT concat_ws(' ', current_spend, remaining, percent_used) FROM ledger_agents.agent_budget(t.agent))
    || ' ' || (ledger_agents.authorize(t.agent, 1)).decision;
END
$$;
SELECT is(pg_temp.relimit(new_limit), want, format('100 spent of 100, then the limit is %s', new_limit))
  FROM (VALUES (101::bigint, '100 1 99 approved'), (100, '100 0 100 declined'), (99, '100 0 101 declined'), (0, '100 0 declined'), (NULL, '100 approved')) AS v (new_limit, want);
-- Percents of more than a hundredth of what a bigint holds, to the last one, and where the column ends.
SELECT is(pg_temp.relimit(new_limit, 9223372036854775805), '9223372036854775805 0 ' || want || ' declined', format('nearly all there is, then the limit is %s', new_limit))
  FROM (VALUES (430000000098::bigint, '2144970240'), (429496730000, '2147483646'), (429496729600, '2147483647'), (429496729599, '2147483647'), (4611686018427387903, '199'),
               (4611686018427387902, '200'), (96000, '2147483647'), (1, '2147483647')) AS v (new_limit, want);
SELECT is(pg_temp.relimit(1, 92233720368547758), '92233720368547758 0 2147483647 declined', 'the last sum of which a hundredfold fits');
SELECT is(pg_temp.relimit(9223372036854775807, 9223372036854775805), '9223372036854775805 2 99 approved', 'and the limit is all there is');
-- A first limit just after midnight, and a clock that then steps back: no decision comes before the windows that were made.
CREATE FUNCTION pg_temp.before_first(scope text) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
  t record;
BEGIN
  PERFORM pg_temp.clock('2026-03-18 00:10Z');
  t := pg_temp.tenant(scope, 100, 'perMonth', NULL);
  PERFORM pg_temp.clock('2026-03-17 23:50Z');
  RETURN (ledger_agents.authorize(t.agent, 1)).decided_at;
END
$$;
SELECT is(pg_temp.before_first(scope), '2026-03-18 00:10Z', scope) FROM unnest('{customer,organization}'::text[]) AS scope;
SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
