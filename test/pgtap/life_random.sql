-- Does a random walk over all verbs leave each hold, each counter and each answer as a slow reference, written from the contract, says?
-- LIFE_STEPS (30000) is how far it goes, LIFE_SEED repeats a walk. It starts anew every 3000 steps, and commits as it goes.
SELECT no_plan();
SET timezone = 'UTC';
\set steps `echo "${LIFE_STEPS:-30000}"`
\set seed `echo "${LIFE_SEED:--1}"`

--
-- The reference. A hold is a row, with its parts in arrays: itself and its increments, each with its instant. What has expired is known by the clock;
-- it is written down (noted) when the engine has to, because a later verb changes the hold.
--
CREATE TEMP TABLE hold (n int PRIMARY KEY, id uuid, organization text, customer text, agent uuid, card uuid, currency text, recorded boolean, expires_at timestamptz, status text,
  ids uuid[], decided timestamptz[], amount bigint[], counted bigint[], captured bigint[], reversed bigint[], refunded bigint[]);
CREATE INDEX ON hold (organization, agent);
-- What must be true beside: cards that captures have closed, entries and decisions of agents, events.
CREATE TEMP TABLE closed (card uuid PRIMARY KEY, reason text);
CREATE TEMP TABLE booked (agent uuid PRIMARY KEY, decisions bigint DEFAULT 0, entries bigint DEFAULT 0);
CREATE TEMP TABLE told (type text PRIMARY KEY, times bigint);
CREATE TEMP TABLE tally (what text PRIMARY KEY, times bigint);
CREATE TEMP TABLE wrong (what text);

CREATE FUNCTION pg_temp.total(amounts bigint[]) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  sum bigint := 0;
  amount bigint;
BEGIN
  FOREACH amount IN ARRAY amounts LOOP
    sum := sum + amount;
  END LOOP;
  RETURN sum;
END
$$;
CREATE FUNCTION pg_temp.held(h hold) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN pg_temp.total(h.counted) - pg_temp.total(h.captured) + pg_temp.total(h.refunded);
END
$$;
CREATE FUNCTION pg_temp.lapsed(h hold, at timestamptz) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN coalesce(h.status IN ('authorized', 'partially_captured') AND h.expires_at <= at, false);
END
$$;
-- Nothing is held any more, and something was captured.
CREATE FUNCTION pg_temp.settled(h hold) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE WHEN pg_temp.total(h.refunded) < pg_temp.total(h.captured) THEN 'captured' ELSE 'refunded' END;
END
$$;
CREATE FUNCTION pg_temp.freed(h hold, amount bigint, by_reversal boolean) RETURNS hold LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  share bigint;
BEGIN
  FOR i IN REVERSE cardinality(h.ids)..1 LOOP
    share := least(h.counted[i] - h.captured[i] + h.refunded[i], amount);
    amount := amount - share;
    h.counted[i] := h.counted[i] - share;
    h.reversed[i] := h.reversed[i] + CASE WHEN by_reversal THEN share ELSE 0 END;
  END LOOP;
  RETURN h;
END
$$;
CREATE FUNCTION pg_temp.noted(h hold) RETURNS hold LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  h := pg_temp.freed(h, pg_temp.held(h), false);
  h.status := CASE h.status WHEN 'authorized' THEN 'expired' ELSE pg_temp.settled(h) END;
  RETURN h;
END
$$;
-- The hold as it is after the verb, what counts more for it, or the name of the error.
CREATE FUNCTION pg_temp.after(INOUT h hold, verb text, asked bigint, final boolean, force boolean, at timestamptz, tolerance int, OUT added bigint, OUT error text) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  held bigint;
  captured bigint := pg_temp.total(h.captured);
  total bigint := pg_temp.total(h.amount) - pg_temp.total(h.reversed);
  share bigint;
BEGIN
  IF pg_temp.lapsed(h, at) THEN
    h := pg_temp.noted(h);
  END IF;
  IF NOT (CASE verb WHEN 'capture' THEN h.status IN ('authorized', 'partially_captured') OR force AND h.status = 'expired'
                    WHEN 'reverse' THEN h.status IN ('authorized', 'partially_captured') ELSE h.status IN ('partially_captured', 'captured') END) THEN
    error := 'invalid_state';
    RETURN;
  END IF;
  held := pg_temp.held(h);
  added := 0;
  IF verb = 'capture' THEN
    asked := coalesce(asked, CASE h.status WHEN 'expired' THEN total - captured ELSE held END);
    IF NOT force AND captured + asked > total + total * tolerance / 100 THEN
      error := 'amount_too_large';
      RETURN;
    END IF;
    FOR i IN 1..cardinality(h.ids) LOOP
      share := least(h.counted[i] - h.captured[i] + h.refunded[i], asked);
      h.captured[i] := h.captured[i] + share;
      asked := asked - share;
    END LOOP;
    added := asked;
    h.captured[1] := h.captured[1] + added;
    h.counted[1] := h.counted[1] + added;
    IF final THEN
      h := pg_temp.freed(h, pg_temp.held(h), false);
    END IF;
    h.status := CASE WHEN pg_temp.held(h) > 0 THEN 'partially_captured' ELSE pg_temp.settled(h) END;
  ELSIF verb = 'reverse' THEN
    IF asked > held THEN
      error := 'amount_too_large';
      RETURN;
    END IF;
    h := pg_temp.freed(h, coalesce(asked, held), true);
    IF pg_temp.held(h) = 0 THEN
      h.status := CASE h.status WHEN 'authorized' THEN 'reversed' ELSE pg_temp.settled(h) END;
    END IF;
  ELSE
    share := captured - pg_temp.total(h.refunded);
    asked := coalesce(asked, share);
    IF asked > share OR share = 0 THEN
      error := 'amount_too_large';
      RETURN;
    END IF;
    FOR i IN REVERSE cardinality(h.ids)..1 LOOP
      share := least(h.captured[i] - h.refunded[i], asked);
      h.refunded[i] := h.refunded[i] + share;
      h.counted[i] := h.counted[i] - share;
      asked := asked - share;
    END LOOP;
    IF h.status = 'captured' THEN
      h.status := pg_temp.settled(h);
    END IF;
  END IF;
END
$$;

-- What counts at an instant, of what was decided at or after another one.
CREATE FUNCTION pg_temp.spent(organization text, customer text, agent uuid, card uuid, currency text, since timestamptz, at timestamptz) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT coalesce(sum(CASE WHEN h.status IN ('authorized', 'partially_captured') AND h.expires_at <= $7 THEN p.captured - p.refunded ELSE p.counted END), 0)
    FROM hold AS h, unnest(h.counted, h.captured, h.refunded, h.decided) AS p (counted, captured, refunded, decided)
   WHERE h.organization = $1 AND ($2 IS NULL OR h.customer = $2) AND ($3 IS NULL OR h.agent = $3) AND ($4 IS NULL OR h.card = $4) AND h.currency = $5 AND p.decided >= $6);
END
$$;
CREATE FUNCTION pg_temp.window_start(frequency text, mode text, zone text, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN frequency = 'allTime' THEN '-infinity'
              WHEN coalesce(mode, CASE frequency WHEN 'per24HourPeriod' THEN 'rolling' END) = 'rolling' THEN
                at - 24 * interval '1 hour' * CASE frequency WHEN 'per24HourPeriod' THEN 1 WHEN 'perWeek' THEN 7 WHEN 'perMonth' THEN 30 ELSE 365 END + interval '1 us'
              ELSE date_trunc(CASE frequency WHEN 'per24HourPeriod' THEN 'day' WHEN 'perWeek' THEN 'week' WHEN 'perMonth' THEN 'month' ELSE 'year' END, at AT TIME ZONE zone) AT TIME ZONE zone END
$$;
CREATE FUNCTION pg_temp.spend_of(a ledger_agents.agents, zone text, at timestamptz) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN CASE WHEN a.spending_limit_frequency = 'perTransaction' THEN 0
              ELSE pg_temp.spent(a.organization_id, NULL, a.id, NULL, a.currency, pg_temp.window_start(a.spending_limit_frequency::text, a.window_mode::text, zone, at), at) END;
END
$$;

-- Why a spend, or more on a hold that has had so much, would be declined.
CREATE FUNCTION pg_temp.reasons(o ledger_agents.organizations, a ledger_agents.agents, card uuid, asked bigint, asked_currency text, had bigint, at timestamptz) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
  c ledger_agents.customers;
  d ledger_agents.cards;
  r text[];
  uses bigint;
  live bigint;
BEGIN
  SELECT * INTO c FROM ledger_agents.customers AS v WHERE v.organization_id = o.id AND v.id = a.customer_id;
  SELECT * INTO d FROM ledger_agents.cards AS v WHERE v.organization_id = o.id AND v.id = card;
  SELECT count(*) FILTER (WHERE h.status <> 'reversed'), count(*) FILTER (WHERE h.status NOT IN ('reversed', 'expired') AND NOT (h.status = 'authorized' AND coalesce(h.expires_at <= at, false)))
    INTO uses, live FROM hold AS h WHERE h.organization = o.id AND h.agent = a.id AND h.card = d.id;
  r := CASE WHEN o.status = 'suspended' THEN '{organization_suspended}' WHEN c.status = 'suspended' THEN '{customer_suspended}' WHEN a.status = 'suspended' THEN '{agent_suspended}'
            WHEN d.status = 'closed' THEN '{card_closed}' WHEN d.status = 'frozen' THEN '{card_frozen}' WHEN had = 0 AND d.type = 'single' AND uses > 0 THEN '{card_consumed}' END;
  IF r IS NOT NULL THEN
    RETURN r;
  END IF;
  -- (what is said, currency of the limit, the limit, what stands against it)
  RETURN ARRAY(SELECT DISTINCT CASE WHEN l.currency <> asked_currency THEN 'currency_mismatch' ELSE l.reason END::ledger_agents.decline_reason
    FROM (VALUES
      ('auth_count_exceeded', asked_currency, CASE WHEN had = 0 THEN (d.policy ->> 'maxAuthCount')::bigint - live + asked - 1 END, 0),
      ('card_limit_exceeded', a.currency, d.max_amount, had),
      ('card_limit_exceeded', a.currency, (d.policy ->> 'cumulativeMax')::bigint, pg_temp.spent(o.id, NULL, a.id, d.id, a.currency, '-infinity', at)),
      ('card_limit_exceeded', a.currency, d.spending_limit, CASE WHEN d.spending_limit_frequency = 'perTransaction' THEN had
        ELSE pg_temp.spent(o.id, NULL, a.id, d.id, a.currency, pg_temp.window_start(d.spending_limit_frequency::text, d.window_mode::text, o.timezone, at), at) END),
      ('agent_limit_exceeded', a.currency, a.spending_limit, CASE WHEN a.on_limit_exceeded IN ('notify', 'none') THEN '-Infinity' WHEN a.spending_limit_frequency = 'perTransaction' THEN had
        ELSE pg_temp.spend_of(a, o.timezone, at) END),
      ('agent_limit_exceeded', a.currency, (a.policy -> 'limits' ->> 'perAuth')::bigint, had),
      ('agent_limit_exceeded', a.currency, (a.policy -> 'limits' ->> 'perDay')::bigint, pg_temp.spent(o.id, NULL, a.id, NULL, a.currency, pg_temp.window_start('per24HourPeriod', 'calendar', o.timezone, at), at)),
      ('customer_limit_exceeded', o.currency, (c.policy -> 'limits' ->> 'perDay')::bigint, pg_temp.spent(o.id, c.id, NULL, NULL, o.currency, pg_temp.window_start('per24HourPeriod', 'calendar', o.timezone, at), at)),
      ('customer_limit_exceeded', o.currency, c.spending_limit, CASE WHEN c.spending_limit_frequency = 'perTransaction' THEN had
        ELSE pg_temp.spent(o.id, c.id, NULL, NULL, o.currency, pg_temp.window_start(c.spending_limit_frequency::text, c.window_mode::text, o.timezone, at), at) END),
      ('organization_limit_exceeded', o.currency, o.spending_limit, CASE WHEN o.spending_limit_frequency = 'perTransaction' THEN had
        ELSE pg_temp.spent(o.id, NULL, NULL, NULL, o.currency, pg_temp.window_start(o.spending_limit_frequency::text, o.window_mode::text, o.timezone, at), at) END)
    ) AS l (reason, currency, most, spent)
   WHERE l.most IS NOT NULL AND (l.currency <> asked_currency OR l.spent + asked > l.most) ORDER BY 1);
END
$$;

-- Where an answer, or the authorization as it is told now, is not the hold.
CREATE FUNCTION pg_temp.differs(a ledger_agents.authorization_detail, h hold, at timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  want hold := h;
BEGIN
  IF pg_temp.lapsed(h, at) THEN
    want := pg_temp.noted(h);
  END IF;
  RETURN CASE WHEN (a.id, a.status::text, a.held_amount, a.counted_amount, a.captured_amount, a.reversed_amount, a.refunded_amount, a.amount + a.incremented_amount)
    IS DISTINCT FROM (want.id, want.status, pg_temp.held(want), pg_temp.total(want.counted), pg_temp.total(want.captured), pg_temp.total(want.reversed),
                      pg_temp.total(want.refunded), pg_temp.total(want.amount))
    THEN format('told %s held %s counted %s captured %s reversed %s refunded %s of %s, want %s', a.status, a.held_amount, a.counted_amount, a.captured_amount, a.reversed_amount, a.refunded_amount,
                a.amount + a.incremented_amount, to_jsonb(want)) END;
END
$$;

--
-- The walk.
--
CREATE FUNCTION pg_temp.any_of(VARIADIC anyarray) RETURNS anyelement LANGUAGE sql AS $$ SELECT $1[1 + floor(random() * array_length($1, 1))::int] $$;
CREATE FUNCTION pg_temp.count(what text, times bigint DEFAULT 1) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tally VALUES ($1, $2) ON CONFLICT ON CONSTRAINT tally_pkey DO UPDATE SET times = tally.times + $2;
END
$$;
CREATE FUNCTION pg_temp.tell(o ledger_agents.organizations, type text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF o.transaction_events THEN
    INSERT INTO told VALUES ($2, 1) ON CONFLICT ON CONSTRAINT told_pkey DO UPDATE SET times = told.times + 1;
  END IF;
END
$$;
CREATE FUNCTION pg_temp.random_limit() RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('spending_limit', CASE WHEN random() < 0.7 THEN floor(exp(4 + random() * 7))::int END,
                            'spending_limit_frequency', pg_temp.any_of(VARIADIC enum_range(NULL::ledger_agents.spending_frequency)),
                            'window_mode', pg_temp.any_of(NULL::text, 'calendar', 'rolling'))
$$;
-- An increment, or a spend that is asked for or recorded, as it was approved.
CREATE FUNCTION pg_temp.note(a ledger_agents.authorization_detail, h hold) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF h.n IS NOT NULL THEN
    UPDATE hold AS v SET ids = v.ids || a.id, decided = v.decided || a.decided_at, amount = v.amount || a.amount, counted = v.counted || a.amount,
           captured = v.captured || 0::bigint, reversed = v.reversed || 0::bigint, refunded = v.refunded || 0::bigint WHERE v.n = h.n;
  ELSE
    INSERT INTO hold SELECT 1 + coalesce(max(v.n), 0), a.id, a.organization_id, a.customer_id, a.agent_id, a.card_id, a.currency, a.recorded, a.expires_at,
           CASE WHEN a.recorded THEN 'captured' ELSE 'authorized' END, ARRAY[a.id], ARRAY[a.decided_at], ARRAY[a.amount], ARRAY[a.amount], ARRAY[CASE WHEN a.recorded THEN a.amount ELSE 0 END], '{0}', '{0}' FROM hold AS v;
  END IF;
END
$$;
-- Captures that have ended a card, after one of its holds has changed.
CREATE FUNCTION pg_temp.close(h hold, currency text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  d ledger_agents.cards;
  sums record;
BEGIN
  SELECT * INTO d FROM ledger_agents.cards AS v WHERE v.organization_id = h.organization AND v.id = h.card;
  IF d.id IS NULL OR EXISTS (SELECT FROM closed AS v WHERE v.card = d.id) THEN
    RETURN;
  END IF;
  SELECT coalesce(sum(pg_temp.total(v.captured) - pg_temp.total(v.refunded)) FILTER (WHERE v.currency = $2), 0) AS amount, count(*) AS times INTO sums
    FROM hold AS v WHERE v.organization = h.organization AND v.agent = h.agent AND v.card = d.id AND pg_temp.total(v.captured) > 0;
  IF d.type = 'single' AND h.status IN ('captured', 'refunded') THEN
    INSERT INTO closed VALUES (d.id, 'captured');
  ELSIF sums.amount >= (d.policy ->> 'cumulativeMax')::bigint OR sums.times >= (d.policy ->> 'maxAuthCount')::bigint THEN
    INSERT INTO closed VALUES (d.id, 'limit_reached');
  END IF;
END
$$;
-- The agent's limit after spend that it was not asked about: what its status must be.
CREATE FUNCTION pg_temp.status_after(a ledger_agents.agents, zone text, most bigint, h hold, added bigint, at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN CASE WHEN a.on_limit_exceeded = 'suspend' AND added > 0 AND h.currency = a.currency
               AND CASE a.spending_limit_frequency WHEN 'perTransaction' THEN most > a.spending_limit
                   ELSE pg_temp.spend_of(a, zone, at) > a.spending_limit AND h.decided[1] >= pg_temp.window_start(a.spending_limit_frequency::text, a.window_mode::text, zone, at) END
              THEN 'suspended' ELSE a.status::text END;
END
$$;

CREATE FUNCTION pg_temp.found_wrong(n int, what text) RETURNS void LANGUAGE sql AS $$ INSERT INTO wrong VALUES (format('step %s: %s', n, what)) $$;

CREATE FUNCTION pg_temp.step(n int, at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
  dice float := random();
  sampled boolean := random() < 0.25;
  o ledger_agents.organizations;
  a ledger_agents.agents;
  d ledger_agents.cards;
  h hold;
  want record;
  top int;
  verb text;
  asked bigint;
  key text := CASE WHEN random() < 0.3 THEN 'step ' || n END;
  final boolean := random() < 0.6;
  force boolean := random() < 0.25;
  reasons text[];
  answer ledger_agents.authorization_detail;
  again ledger_agents.authorization_detail;
  error text;
  statement text;
  one int := 1 + floor(random() * 4);
  another int := 1 + floor(random() * 3);
BEGIN
  SELECT max(v.n) INTO top FROM hold AS v;
  IF dice < 0.54 AND top IS NOT NULL AND dice > 0.18 THEN
    -- Mostly one of the last, and mostly one that the verb is for.
    one := greatest(1, CASE WHEN random() < 0.1 THEN ceil(random() * top) ELSE top - floor(random() ^ 2 * 60) END);
    SELECT v.* INTO h FROM hold AS v WHERE v.n BETWEEN one - 30 AND one
     ORDER BY one % 4 > 0 AND NOT (v.status IN ('authorized', 'partially_captured') AND dice < 0.37 OR v.status = 'authorized' AND dice > 0.44 OR v.status IN ('partially_captured', 'captured') AND dice BETWEEN 0.37 AND 0.44),
              v.n DESC LIMIT 1;
    SELECT v.* INTO o FROM ledger_agents.organizations AS v WHERE v.id = h.organization;
    SELECT v.* INTO a FROM ledger_agents.agents AS v WHERE v.organization_id = o.id AND v.id = h.agent;
  ELSE
    SELECT v.* INTO o FROM ledger_agents.organizations AS v WHERE v.name = 'number ' || one;
    SELECT v.* INTO a FROM ledger_agents.agents AS v WHERE v.organization_id = o.id AND v.external_id = 'agent ' || another;
  END IF;
  PERFORM set_config('ledger_agents.organization', o.id, false);

  IF h.n IS NOT NULL AND dice < 0.44 THEN
    verb := CASE WHEN dice < 0.30 THEN 'capture' WHEN dice < 0.37 THEN 'reverse' ELSE 'refund' END;
    asked := CASE WHEN random() < 0.7 THEN 1 + floor(random() * pg_temp.total(h.amount) * pg_temp.any_of(0.5, 1.0, 1.2))::bigint END;
    want := pg_temp.after(h, verb, asked, final, force, at, o.capture_tolerance_percent);
    statement := CASE verb WHEN 'capture' THEN 'SELECT * FROM ledger_agents.capture($1, $2, $3, $4, $5)' ELSE format('SELECT * FROM ledger_agents.%I($1, $2, $5)', verb) END;
    BEGIN
      EXECUTE statement INTO answer USING h.id, asked, final, force, key;
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS error = CONSTRAINT_NAME;
      error := coalesce(nullif(error, ''), SQLERRM);
    END;
    IF error IS DISTINCT FROM want.error THEN
      PERFORM pg_temp.found_wrong(n, format('%s(%s, %s, final %s, force %s) of %s: error %s, want %s', verb, h.id, asked, final, force, to_jsonb(h), error, want.error));
    END IF;
    PERFORM pg_temp.count(verb || coalesce(' ' || error, ''));
    IF error IS NOT NULL THEN
      RETURN at;
    END IF;
    IF pg_temp.lapsed(h, at) THEN
      UPDATE booked AS v SET entries = v.entries + 1 WHERE v.agent = a.id;
      PERFORM pg_temp.tell(o, 'transaction.expired'), pg_temp.count('expired, then ' || verb);
    END IF;
    -- Of a forced capture of what had expired, all counts anew.
    reasons := ARRAY[pg_temp.status_after(a, o.timezone, pg_temp.total((want.h).captured), want.h, 0, at)];
    UPDATE hold AS v SET (status, counted, captured, reversed, refunded) = (SELECT (want.h).status, (want.h).counted, (want.h).captured, (want.h).reversed, (want.h).refunded) WHERE v.n = h.n;
    UPDATE booked AS v SET entries = v.entries + 1 WHERE v.agent = a.id;
    PERFORM pg_temp.tell(o, CASE verb WHEN 'capture' THEN 'transaction.completed' WHEN 'reverse' THEN 'transaction.reversed' ELSE 'transaction.refunded' END);
    IF verb <> 'refund' OR pg_temp.lapsed(h, at) THEN
      PERFORM pg_temp.close(want.h, a.currency);
    END IF;
    PERFORM pg_temp.found_wrong(n, format('%s(%s, %s) of %s: %s', verb, h.id, asked, to_jsonb(h), w)) FROM pg_temp.differs(answer, want.h, at) AS w WHERE w IS NOT NULL;
    error := pg_temp.status_after(a, o.timezone, pg_temp.total((want.h).captured), want.h, want.added, at);
    IF error <> (SELECT v.status::text FROM ledger_agents.agents AS v WHERE v.organization_id = o.id AND v.id = a.id) THEN
      PERFORM pg_temp.found_wrong(n, format('%s of %s, %s above: the agent is not %s', verb, h.id, want.added, error));
    END IF;
    IF want.added > 0 THEN
      PERFORM pg_temp.count('above the hold');
    END IF;
    -- The same again changes nothing; another amount is another request.
    IF key IS NOT NULL THEN
      EXECUTE statement INTO again USING h.id, asked, final, force, key;
      answer.replayed := true;
      answer.cursor := NULL;
      IF to_jsonb(again) IS DISTINCT FROM to_jsonb(answer) THEN
        PERFORM pg_temp.found_wrong(n, format('%s again with key %s: %s, want %s', verb, key, again, answer));
      END IF;
      BEGIN
        EXECUTE statement INTO again USING h.id, coalesce(asked, 0) + 1, final, force, key;
      EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS error = CONSTRAINT_NAME;
      END;
      IF error IS DISTINCT FROM 'idempotency_key_reused' THEN
        PERFORM pg_temp.found_wrong(n, format('%s of another amount with key %s: %s', verb, key, error));
      END IF;
    END IF;

  ELSIF h.n IS NOT NULL AND dice < 0.54 THEN
    asked := 1 + floor(exp(random() * 5));
    IF sampled THEN
      reasons := pg_temp.reasons(o, a, h.card, asked, h.currency, pg_temp.total(h.amount) - pg_temp.total(h.reversed), at);
    END IF;
    BEGIN
      answer := ledger_agents.increment(h.id, asked, key);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS error = CONSTRAINT_NAME;
      error := coalesce(nullif(error, ''), SQLERRM);
    END;
    IF error IS DISTINCT FROM (CASE WHEN h.status <> 'authorized' OR pg_temp.lapsed(h, at) THEN 'invalid_state' END) THEN
      PERFORM pg_temp.found_wrong(n, format('increment(%s, %s) of %s: %s', h.id, asked, to_jsonb(h), error));
    END IF;
    PERFORM pg_temp.count('increment ' || coalesce(error, answer.decision::text));
    IF error IS NOT NULL THEN
      RETURN at;
    END IF;
    IF sampled AND coalesce(answer.reasons::text[], '{}') <> reasons THEN
      PERFORM pg_temp.found_wrong(n, format('increment(%s, %s) of %s: %s, want %s', h.id, asked, to_jsonb(h), answer.reasons, reasons));
    END IF;
    UPDATE booked AS v SET decisions = v.decisions + 1, entries = v.entries + 1 WHERE v.agent = a.id;
    PERFORM pg_temp.tell(o, CASE answer.decision WHEN 'approved' THEN 'transaction.authorized' ELSE 'transaction.declined' END);
    IF answer.decision = 'approved' THEN
      PERFORM pg_temp.note(answer, h);
    END IF;
    IF key IS NOT NULL THEN
      again := ledger_agents.increment(h.id, asked, key);
      IF NOT again.replayed OR (again.id, again.decision, again.reasons) IS DISTINCT FROM (answer.id, answer.decision, answer.reasons) THEN
        PERFORM pg_temp.found_wrong(n, format('increment again with key %s: %s, want %s', key, again, answer));
      END IF;
    END IF;

  ELSIF dice < 0.18 OR dice BETWEEN 0.54 AND 0.72 THEN
    verb := CASE WHEN random() < 0.2 THEN 'record_spend' ELSE 'authorize' END;
    IF random() < 0.5 THEN
      SELECT v.* INTO d FROM ledger_agents.cards AS v WHERE v.organization_id = o.id AND v.agent_id = a.id AND v.purpose LIKE 'card %'
       ORDER BY v.status = 'closed', (v.metadata ->> 'n')::int OFFSET floor(random() * 3) LIMIT 1;
    END IF;
    asked := 1 + floor(exp(random() * 6));
    statement := CASE WHEN random() < 0.06 THEN 'JPY' ELSE a.currency END;
    IF sampled AND verb = 'authorize' THEN
      reasons := pg_temp.reasons(o, a, d.id, asked, statement, 0, at);
    END IF;
    IF verb = 'authorize' THEN
      answer := ledger_agents.authorize(a.id, asked, statement, card_id => d.id, hold_for => CASE WHEN random() < 0.5 THEN interval '1 s' * floor(exp(random() * 13)) END, idempotency_key => key);
    ELSE
      answer := ledger_agents.record_spend(a.id, asked, statement, card_id => d.id, idempotency_key => key);
    END IF;
    PERFORM pg_temp.count(verb || ' ' || answer.decision);
    UPDATE booked AS v SET decisions = v.decisions + 1, entries = v.entries + CASE WHEN answer.recorded THEN 1 ELSE 0 END WHERE v.agent = a.id;
    PERFORM pg_temp.tell(o, CASE WHEN answer.recorded THEN 'transaction.completed' WHEN answer.decision = 'approved' THEN 'transaction.authorized' ELSE 'transaction.declined' END);
    IF sampled AND verb = 'authorize' AND coalesce(answer.reasons::text[], '{}') <> reasons THEN
      PERFORM pg_temp.found_wrong(n, format('authorize %s %s with card %s: %s, want %s', asked, statement, d.id, answer.reasons, reasons));
    END IF;
    -- When it would pass by waiting alone: then, and not a moment before.
    IF sampled AND answer.retry_at IS NOT NULL AND a.on_limit_exceeded <> 'suspend' THEN
      PERFORM pg_temp.count('told when to retry');
      PERFORM pg_temp.found_wrong(n, format('authorize %s %s with card %s, retry_at %s: %s', asked, statement, d.id, answer.retry_at, e.decision))
         FROM (VALUES (interval '0', 'approved'), ('1 us', 'declined')) AS v (before, want),
              ledger_agents.evaluate(a.id, asked, statement, card_id => d.id, as_of => answer.retry_at - v.before) AS e
        WHERE e.decision::text <> v.want AND answer.retry_at - v.before >= at;
    END IF;
    IF answer.decision = 'approved' THEN
      PERFORM pg_temp.note(answer, NULL);
      SELECT v.* INTO h FROM hold AS v WHERE v.n = coalesce(top, 0) + 1;
      PERFORM pg_temp.found_wrong(n, format('%s: %s', verb, w)) FROM pg_temp.differs(answer, h, at) AS w WHERE w IS NOT NULL;
      IF answer.recorded THEN
        PERFORM pg_temp.close(h, a.currency);
        error := pg_temp.status_after(a, o.timezone, asked, h, asked, at);
        IF error <> (SELECT v.status::text FROM ledger_agents.agents AS v WHERE v.organization_id = o.id AND v.id = a.id) THEN
          PERFORM pg_temp.found_wrong(n, format('recorded %s: the agent is not %s', asked, error));
        END IF;
      END IF;
    END IF;

  ELSIF dice < 0.80 THEN
    -- Forward by seconds to days; or to the end of a hold, or of a day, and to the last microsecond before it.
    SELECT greatest(at, CASE WHEN random() < 0.5 THEN at + interval '1 s' * floor(exp(random() * 10.5))
                     WHEN random() < 0.5 THEN min(v.expires_at) ELSE date_trunc('day', at) + interval '24 hours' END - interval '1 us' * pg_temp.any_of(0, 1)) INTO at
      FROM hold AS v WHERE v.n > top - 60 AND v.expires_at > at + interval '1 us';
    PERFORM set_config('ledger_agents.clock', at::text, false), pg_temp.count('clock');

  ELSIF dice < 0.88 THEN
    PERFORM ledger_agents.update_agent(a.id, pg_temp.random_limit() || jsonb_build_object('status', CASE WHEN random() < 0.08 THEN 'suspended' ELSE 'active' END,
      'on_limit_exceeded', pg_temp.any_of('decline'::text, 'suspend', 'notify', 'none'),
      'policy', jsonb_build_object('requireCard', false) || CASE WHEN random() < 0.3 THEN jsonb_build_object('limits', jsonb_build_object('perAuth', 100 + floor(random() * 300), 'perDay', 400 + floor(random() * 800))) ELSE '{}' END)),
      pg_temp.count('agent changed');
  ELSIF dice < 0.885 THEN
    BEGIN
      PERFORM ledger_agents.update_agent(a.id, jsonb_build_object('currency', pg_temp.any_of('USD'::text, 'EUR', 'JPY')));
    EXCEPTION WHEN object_not_in_prerequisite_state THEN
      error := ': no';
    END;
    PERFORM pg_temp.count('currency changed' || coalesce(error, ''));
  ELSIF dice < 0.90 THEN
    PERFORM ledger_agents.update_customer(a.customer_id, pg_temp.random_limit() || jsonb_build_object('status', CASE WHEN random() < 0.05 THEN 'suspended' ELSE 'active' END,
      'policy', CASE WHEN random() < 0.3 THEN jsonb_build_object('limits', jsonb_build_object('perDay', 500 + floor(random() * 2000))) END)), pg_temp.count('customer changed');
  ELSIF dice < 0.915 THEN
    PERFORM ledger_agents.update_organization(pg_temp.random_limit() || jsonb_build_object('status', CASE WHEN random() < 0.05 THEN 'suspended' ELSE 'active' END)), pg_temp.count('organization changed');
  ELSIF dice < 0.95 THEN
    PERFORM ledger_agents.update_agent(a.id, '{"status": "active"}');
    PERFORM ledger_agents.create_card(a.id, 'card ' || n, pg_temp.any_of('single'::text, 'multi', 'multi'), metadata => jsonb_build_object('n', n),
      max_amount => CASE WHEN random() < 0.2 THEN floor(random() * 400 + 50)::bigint END, policy => CASE WHEN random() < 0.3 THEN jsonb_build_object('cumulativeMax', 100 + floor(random() * 1500))
                                                                                  WHEN random() < 0.3 THEN jsonb_build_object('maxAuthCount', 1 + floor(random() * 6)) END), pg_temp.count('card made');
  ELSIF dice < 0.97 THEN
    SELECT v.* INTO d FROM ledger_agents.cards AS v WHERE v.organization_id = o.id AND v.agent_id = a.id AND v.status <> 'closed' ORDER BY (v.metadata ->> 'n')::int DESC LIMIT 1;
    IF FOUND THEN
      PERFORM ledger_agents.update_card(d.id, pg_temp.random_limit()), pg_temp.count('card changed');
    END IF;
  ELSIF top IS NOT NULL THEN
    PERFORM pg_temp.count('looked');
    IF (ledger_agents.get_agent(a.id)).current_spend <> pg_temp.spend_of(a, o.timezone, at) THEN
      PERFORM pg_temp.found_wrong(n, format('agent %s has spent %s, not %s', a.id, pg_temp.spend_of(a, o.timezone, at), (ledger_agents.get_agent(a.id)).current_spend));
    END IF;
    another := ceil(random() * top);
    SELECT v.* INTO h FROM hold AS v WHERE v.n = another;
    PERFORM pg_temp.found_wrong(n, w) FROM pg_temp.differs(ledger_agents.get_authorization(h.id, h.organization), h, at) AS w WHERE w IS NOT NULL;
  END IF;
  RETURN at;
END
$$;

-- Everything at once: each hold and part, each counter, each card, all events.
CREATE FUNCTION pg_temp.check_all(step int, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.found_wrong(step, format('check_invariants(): %s', v)) FROM ledger_agents.check_invariants() AS v LIMIT 5;
  PERFORM pg_temp.found_wrong(step, w) FROM hold AS h, pg_temp.differs(ledger_agents.get_authorization(h.id, h.organization), h, at) AS w WHERE w IS NOT NULL LIMIT 5;
  PERFORM pg_temp.found_wrong(step, format('part %s is %s', to_jsonb(p), to_jsonb(x)))
     FROM hold AS h, unnest(h.ids, h.decided, h.counted, h.captured, h.reversed, h.refunded) AS p (id, decided, counted, captured, reversed, refunded)
     LEFT JOIN ledger_agents.authorizations AS x ON x.id = p.id
    WHERE (x.decided_at, x.counted_amount, coalesce(x.captured_amount, 0), coalesce(x.reversed_amount, 0), coalesce(x.refunded_amount, 0), x.status::text)
          IS DISTINCT FROM (p.decided, p.counted, p.captured, p.reversed, p.refunded, h.status) LIMIT 5;
  PERFORM pg_temp.found_wrong(step, format('counter of %s %s: %s, want %s', k.scope, k.scope_id, to_jsonb(k), to_jsonb(w)))
     FROM (SELECT s.*, sum(p.counted) FILTER (WHERE fits) AS total, sum(p.counted) FILTER (WHERE fits AND p.decided >= s.k_day) AS day, sum(p.counted) FILTER (WHERE fits AND p.decided >= s.k_week) AS week,
                  sum(p.counted) FILTER (WHERE fits AND p.decided >= s.k_month) AS month, sum(p.counted) FILTER (WHERE fits AND p.decided >= s.k_year) AS year,
                  sum(p.counted) FILTER (WHERE fits AND p.decided > s.rolling_since) AS rolling, sum(p.captured - p.refunded) FILTER (WHERE fits AND s.scope = 'card') AS captured,
                  count(DISTINCT h.n) FILTER (WHERE h.status NOT IN ('reversed', 'expired')) AS live, count(DISTINCT h.n) FILTER (WHERE h.status <> 'reversed' AND s.scope = 'card') AS uses,
                  count(DISTINCT h.n) FILTER (WHERE p.captured > 0 AND s.scope = 'card') AS captures
             FROM (SELECT k.organization_id, k.scope, k.scope_id, k.rolling_since, k.day_start AS k_day, k.week_start AS k_week, k.month_start AS k_month, k.year_start AS k_year,
                          coalesce(a.currency, o.currency) AS currency
                     FROM ledger_agents.counters AS k JOIN ledger_agents.organizations AS o ON o.id = k.organization_id
                     LEFT JOIN ledger_agents.customers AS c ON k.scope = 'customer' AND c.organization_id = o.id AND c.id = k.scope_id
                     LEFT JOIN ledger_agents.cards AS d ON k.scope = 'card' AND d.organization_id = o.id AND d.id::text = k.scope_id
                     LEFT JOIN ledger_agents.agents AS a ON a.organization_id = o.id AND a.id::text = CASE WHEN k.scope = 'card' THEN d.agent_id::text ELSE k.scope_id END
                    WHERE CASE k.scope WHEN 'organization' THEN o.spending_limit IS NOT NULL WHEN 'customer' THEN num_nonnulls(c.spending_limit, c.policy -> 'limits') > 0 ELSE true END) AS s
             LEFT JOIN hold AS h ON h.organization = s.organization_id AND s.scope_id = CASE s.scope WHEN 'card' THEN h.card::text WHEN 'agent' THEN h.agent::text WHEN 'customer' THEN h.customer ELSE h.organization END
             LEFT JOIN LATERAL unnest(h.decided, h.counted, h.captured, h.refunded) AS p (decided, counted, captured, refunded) ON true,
                  LATERAL (SELECT h.currency = s.currency AS fits) AS f
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9) AS w
     JOIN ledger_agents.counters AS k USING (organization_id, scope, scope_id)
     JOIN ledger_agents.organizations AS o ON o.id = k.organization_id
     LEFT JOIN booked AS b ON b.agent::text = k.scope_id
    WHERE (k.total_spent, k.day_spent, k.week_spent, k.month_spent, k.year_spent, coalesce(k.rolling_spent, 0), k.auth_count, k.use_count, coalesce(k.captured_amount, 0), coalesce(k.captured_count, 0))
          IS DISTINCT FROM (coalesce(w.total, 0)::bigint, coalesce(w.day, 0)::bigint, coalesce(w.week, 0)::bigint, coalesce(w.month, 0)::bigint, coalesce(w.year, 0)::bigint,
                            coalesce(w.rolling, 0)::bigint, w.live, w.uses, coalesce(w.captured, 0)::bigint, w.captures)
       OR k.scope = 'agent' AND (k.sequence, coalesce(k.entry_count, 0)) IS DISTINCT FROM (b.decisions, b.entries)
       -- The windows are those of the last decision.
       OR k.decided_at > '-infinity' AND (k.day_start, k.week_start, k.month_start, k.year_start) IS DISTINCT FROM
          (pg_temp.window_start('per24HourPeriod', 'calendar', o.timezone, k.decided_at), pg_temp.window_start('perWeek', 'calendar', o.timezone, k.decided_at),
           pg_temp.window_start('perMonth', 'calendar', o.timezone, k.decided_at), pg_temp.window_start('perYear', 'calendar', o.timezone, k.decided_at)) LIMIT 5;
  PERFORM pg_temp.found_wrong(step, format('card %s: %s %s, want %s', d.id, d.status, d.status_reason, coalesce(c.reason, 'open')))
     FROM ledger_agents.cards AS d LEFT JOIN closed AS c ON c.card = d.id
    WHERE CASE WHEN d.status = 'closed' THEN d.status_reason::text END IS DISTINCT FROM c.reason LIMIT 5;
  PERFORM pg_temp.found_wrong(step, format('%s cards were closed, %s told, %s recorded', c.times, e.times, g.times))
     FROM (SELECT count(*) AS times FROM closed) AS c, (SELECT count(*) AS times FROM ledger_agents.events WHERE type = 'card.closed') AS e,
          (SELECT count(*) AS times FROM ledger_agents.configuration_changes WHERE object_type = 'card' AND action = 'close') AS g
    WHERE c.times <> e.times OR c.times <> g.times;
  PERFORM pg_temp.found_wrong(step, format('%s: %s times, want %s', type, e.times, t.times))
     FROM told AS t FULL JOIN (SELECT v.type::text, count(*) AS times FROM ledger_agents.events AS v WHERE v.type::text LIKE 'transaction.%' GROUP BY 1) AS e USING (type)
    WHERE t.times IS DISTINCT FROM e.times;
  PERFORM pg_temp.count('card closed: ' || c.reason, count(*)) FROM closed AS c GROUP BY c.reason;
END
$$;

-- Empty books, four organizations of three agents each.
CREATE FUNCTION pg_temp.begin_anew(chunk int) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := timestamptz '2026-01-01 00:00Z' + chunk * interval '17 days';
  tenant text;
BEGIN
  PERFORM set_config('session_replication_role', 'replica', true);
  EXECUTE (SELECT 'TRUNCATE hold, closed, booked, told, ' || string_agg(oid::regclass::text, ', ') FROM pg_class WHERE relnamespace = 'ledger_agents'::regnamespace AND relkind = 'r');
  PERFORM set_config('session_replication_role', 'origin', true), set_config('ledger_agents.clock', at::text, false);
  FOR n IN 1..4 LOOP
    tenant := format('chunk %s, tenant %s', chunk, n);
    PERFORM ledger_agents.create_organization(tenant, 'number ' || n, timezone => (ARRAY['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York'])[n], currency => CASE WHEN n = 3 THEN 'EUR' ELSE 'USD' END,
      capture_tolerance_percent => (ARRAY[0, 10, 25, 100])[n], transaction_events => n % 2 = 0);
    FOR m IN 1..3 LOOP
      INSERT INTO booked SELECT id FROM ledger_agents.register_agent('agent ' || m, CASE WHEN m = 1 THEN 'one' ELSE 'two' END, currency => CASE WHEN n = 4 AND m = 3 THEN 'JPY' END,
        policy => '{"requireCard": false}', organization_id => tenant);
    END LOOP;
  END LOOP;
  RETURN at;
END
$$;
CREATE PROCEDURE pg_temp.walk(steps int, chunk_size int) LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz;
BEGIN
  FOR n IN 1..steps LOOP
    IF n % chunk_size = 1 THEN
      at := pg_temp.begin_anew(n / chunk_size);
    END IF;
    at := pg_temp.step(n, at);
    IF n % chunk_size = 0 OR n = steps THEN
      PERFORM pg_temp.check_all(n, at);
    END IF;
    EXIT WHEN EXISTS (SELECT FROM wrong);
    IF n % 50 = 0 THEN
      COMMIT;
    END IF;
  END LOOP;
END
$$;

SELECT CASE WHEN :seed < 0 THEN (random() * 1e9)::int ELSE :seed END AS seed \gset
SELECT diag('seed ' || :seed);
SELECT setseed(:seed % 1000000000 / 1e9) \g /dev/null
CALL pg_temp.walk(:steps, 3000);
RESET ledger_agents.organization;
RESET ledger_agents.clock;
SELECT is(string_agg(what, E'\n'), NULL, 'every answer, hold, part, counter, card and event is as the reference says') FROM wrong;
SELECT diag(string_agg(format('%s %s', times, what), ', ' ORDER BY what)) FROM tally;
SELECT * FROM finish();
