--
-- A world: two organizations with their customers, agents, cards and templates, and random operations on them.
--
-- model.world(seed, number, operations) does always the same for the same three numbers, but for the ids. Each operation has an instant of its own on
-- the engine's clock, and its row in model.log; what an operation raises is written there and nothing of it stays. It commits every 50 operations or so.
--
CREATE PROCEDURE model.world(seed int, number int, operations int) LANGUAGE plpgsql AS $$
DECLARE
  zones text[] := '{America/Havana,America/Havana,Africa/Cairo,Atlantic/Azores,America/Santiago,Australia/Lord_Howe,Asia/Beirut,America/New_York,Asia/Kathmandu,UTC,America/St_Johns,Pacific/Chatham,Africa/Casablanca,Asia/Kolkata}';
  days text[] := '{2024-03-08,2024-11-01,2024-04-24,2024-10-25,2024-09-05,2024-04-05,2024-03-29,2023-11-03,2024-02-27,2023-12-29,2024-03-08,2024-04-05,2024-03-08,2023-03-30}';
  place int := 1 + (number - 1) % cardinality(zones);
  long boolean := number % 4 = 0;       -- time runs faster, until a purge finds something
  clock timestamptz;
  orgs text[] := ARRAY['w' || number || 'a', 'w' || number || 'b'];
  zone text[] := ARRAY[zones[place], zones[1 + (number * 5) % cardinality(zones)]];
  templates uuid[] := '{}';
  agents uuid[] := '{}';
  agent_org int[] := '{}';
  last_most bigint[] := '{}';
  cards uuid[] := '{}';
  card_agent int[] := '{}';
  holds uuid[] := '{}';
  hold_org int[] := '{}';
  hold_at timestamptz[] := '{}';
  hold_amount bigint[] := '{}';
  hold_agent int[] := '{}';
  hold_card uuid[] := '{}';
  intents uuid[] := '{}';
  intent_org int[] := '{}';
  keyed uuid[] := '{}';
  keyed_org int[] := '{}';
  last_hold int := 0;
  step int := 0;
  since_commit int := 0;
  beside int;
  a int; c int; h int; o int; i int; n int;
  dice float8;
  edge timestamptz;
  asked bigint;
  card uuid; intent uuid; id uuid;
  is_final boolean; is_forced boolean;
  currency text; merchant text; mcc text; country text; key text;
  hold_for interval;
  l record;
  parked record;
  r record;
  d ledger_agents.authorization_detail;
  reqs ledger_agents.spend_request[];
  document jsonb;
BEGIN
  SELECT NULL::uuid AS id, 0 AS a, NULL::uuid AS card, 0::bigint AS amount, NULL::text AS merchant, NULL::text AS mcc INTO parked;
  PERFORM setseed(((seed::bigint * 7919 + number * 104729) % 2000003)::float8 / 2000003);
  clock := days[place]::timestamptz + random() * interval '20 hours';
  PERFORM set_config('timezone', 'UTC', false), set_config('ledger_agents.clock', clock::text, false);
  FOR o IN 1..2 LOOP
    PERFORM ledger_agents.create_organization(orgs[o], timezone => zone[o], currency => CASE WHEN random() < 0.8 THEN 'USD' ELSE 'JPY' END, capture_tolerance_percent => (random() * 25)::int,
      transaction_events => random() < 0.1);
    IF random() < 0.4 THEN
      PERFORM ledger_agents.update_organization(model.limit_changes(3000), orgs[o]);
    END IF;
    FOR i IN 1..2 LOOP
      SELECT p.id INTO id FROM ledger_agents.create_policy('template ' || i, model.rules(400), orgs[o]) AS p;
      templates := templates || id;
    END LOOP;
    FOR i IN 1..2 LOOP
      PERFORM ledger_agents.update_customer('customer ' || i, model.limit_changes(1500) || CASE WHEN random() < 0.4 THEN jsonb_build_object('policy', model.rules(900)) ELSE '{}' END, orgs[o]);
    END LOOP;
    FOR i IN 1..3 LOOP
      SELECT g.id INTO id FROM ledger_agents.register_agent('agent ' || i, 'customer ' || (1 + i % 2), currency => model.maybe(0.15, 'EUR'::text), organization_id => orgs[o],
        policy => model.maybe(0.5, model.rules(500)), default_policy_id => model.maybe(0.6, templates[2 * o - 1]),
        on_limit_exceeded => model.one_of('decline', 'decline', 'suspend', 'notify', 'none')) AS g;
      PERFORM ledger_agents.update_agent(id, model.limit_changes(600), orgs[o]);
      agents := agents || id;
      agent_org := agent_org || o;
      last_most := last_most || NULL::bigint;
      IF i < 3 THEN
        FOR n IN 1..2 LOOP
          SELECT k.id INTO card FROM ledger_agents.create_card(id, type => 'multi', policy => model.maybe(0.5, model.rules(300)), policy_id => model.maybe(0.7, templates[2 * o]),
            max_amount => model.maybe(0.3, 100 * model.upto(9)), organization_id => orgs[o]) AS k;
          IF random() < 0.5 THEN
            PERFORM ledger_agents.update_card(card, model.limit_changes(300), orgs[o]);
          END IF;
          cards := cards || card;
          card_agent := card_agent || cardinality(agents);
        END LOOP;
      END IF;
    END LOOP;
  END LOOP;

  WHILE step < operations LOOP
    step := step + 1;
    beside := NULL;
    -- The clock: mostly a little further; now and then beside an instant at which something begins or ends.
    dice := random();
    a := 1 + floor(random() * cardinality(agents))::int;
    o := agent_org[a];
    h := CASE WHEN cardinality(holds) > 0 THEN 1 + floor(random() * cardinality(holds))::int END;
    edge := CASE
      WHEN dice < 0.02 THEN date_trunc('day', (clock AT TIME ZONE zone[o]) + interval '1 day') AT TIME ZONE zone[o]
      WHEN dice < 0.03 THEN date_trunc(model.one_of('week', 'month', 'hour'), (clock AT TIME ZONE zone[o]) + interval '1 hour' * model.upto(40)) AT TIME ZONE zone[o]
      WHEN dice < 0.05 THEN hold_at[h] + interval '24 hours'
      WHEN dice < 0.06 THEN hold_at[h] + (ARRAY[168, 720, 8760])[1 + floor(random() * 3)::int] * interval '1 hour'
      WHEN dice < 0.08 THEN hold_at[h] + interval '1 minute' * model.upto(60) END + interval '1 us' * (floor(random() * 3) - 1);
    IF edge > clock AND edge < clock + interval '8 days' THEN
      clock := edge;
      beside := CASE WHEN dice >= 0.03 THEN h END;
    ELSE
      clock := clock + interval '1 us' + CASE WHEN dice < 0.6 THEN interval '1 us' * floor(random() * 5000) WHEN dice < 0.85 THEN random() * interval '1 minute'
        WHEN dice < 0.96 THEN random() * interval '10 minutes' WHEN dice < 0.997 OR NOT long THEN random() * interval '5 hours' ELSE random() * interval '45 days' END;
    END IF;
    PERFORM set_config('ledger_agents.clock', clock::text, false);
    l := NULL;
    SELECT NULL::text AS verb, NULL::uuid AS object, NULL::bigint AS amount, NULL::boolean AS final, NULL::boolean AS force, NULL::uuid AS answer, NULL::boolean AS replayed,
      NULL::text AS told, NULL::bigint[] AS figures, NULL::text[] AS labels, NULL::text[] AS request, NULL::text AS key, NULL::text AS error INTO l;

    -- A request that may be asked for.
    card := NULL;
    IF beside IS NOT NULL THEN
      -- At an instant at which something may leave a window, its own agent is asked for.
      a := hold_agent[beside];
      card := hold_card[beside];
      o := agent_org[a];
    ELSIF random() < 0.7 THEN
      c := 1 + floor(random() * cardinality(cards))::int;
      card := cards[c];
      IF random() < 0.99 THEN
        a := card_agent[c];
        o := agent_org[a];
      END IF;
    ELSIF random() < 0.8 THEN
      -- The third agent of each organization has no card.
      a := 3 + 3 * floor(random() * 2)::int;
      o := agent_org[a];
    END IF;
    -- What waits for a human's word is often asked for again.
    IF parked.id IS NOT NULL AND random() < 0.5 AND beside IS NULL THEN
      a := parked.a;
      o := agent_org[a];
      card := parked.card;
    ELSE
      parked.id := NULL;
    END IF;
    dice := random();
    asked := CASE WHEN dice < 0.45 THEN 1 + floor(random() * 90)::bigint WHEN dice < 0.65 THEN 1 + floor(random() * 600)::bigint
      WHEN dice < 0.96 AND last_most[a] BETWEEN 1 AND 1000000000 THEN last_most[a] + floor(random() * 3)::int - 1
      WHEN dice < 0.98 THEN 1 + floor(random() * 90)::bigint WHEN dice < 0.985 THEN 0 WHEN dice < 0.99 THEN 9223372036854775807 - floor(random() * 3)::int ELSE 4000 END;
    merchant := CASE WHEN random() < 0.8 THEN model.merchant() END;
    mcc := CASE WHEN random() < 0.85 THEN (ARRAY['5411', '5812', '4111', '0742', '7995'])[1 + floor(random() * 5)::int] END;
    country := CASE WHEN random() < 0.85 THEN (ARRAY['US', 'US', 'DE', 'KP'])[1 + floor(random() * 4)::int] END;
    currency := CASE WHEN random() < 0.04 THEN (ARRAY['USD', 'EUR', 'JPY', 'usd'])[1 + floor(random() * 4)::int] END;
    intent := NULL;
    IF random() < 0.08 AND cardinality(intents) > 0 THEN
      i := cardinality(intents) - floor(random() * least(cardinality(intents), 6))::int;
      intent := CASE WHEN intent_org[i] = o THEN intents[i] END;
    END IF;
    IF parked.id IS NOT NULL THEN
      intent := CASE WHEN random() < 0.5 THEN parked.id END;
      asked := parked.amount + CASE WHEN random() < 0.2 AND parked.amount < 1000000000 THEN 1 ELSE 0 END;
      merchant := parked.merchant;
      mcc := parked.mcc;
    END IF;
    hold_for := CASE WHEN random() < 0.4 THEN (ARRAY['1 minute', '17 minutes', '1 hour', '24 hours', '1 day', '3 days', '1 mon'])[1 + floor(random() * 7)::int]::interval END;
    key := CASE WHEN random() < 0.25 THEN 'key ' || step END;

    dice := CASE WHEN parked.id IS NOT NULL THEN CASE WHEN random() < 0.5 THEN 10 ELSE 82.5 END ELSE random() * 100 END;
    BEGIN
      IF dice < 45 THEN
        l.verb := 'authorize';
        l.object := agents[a];
        l.amount := asked;
        IF dice < 0.6 THEN
          PERFORM set_config('ledger_agents.organization', orgs[o], true);
          document := ledger_agents_api.authorize(jsonb_strip_nulls(jsonb_build_object('agentId', agents[a], 'amount', asked, 'currency', currency, 'merchant', merchant, 'mcc', mcc,
            'country', country, 'cardId', card, 'intentId', intent, 'idempotencyKey', key)));
          l.answer := document ->> 'id';
          l.error := document -> 'error' ->> 'code';
          d := NULL;
        ELSE
          d := ledger_agents.authorize(agents[a], asked, currency, merchant, mcc, country, card, intent, key, hold_for, NULL, orgs[o]);
          l.answer := d.id;
          l.replayed := d.replayed;
          last_most[a] := d.max_approvable;
        END IF;
        IF d.decision = 'approved' THEN
          last_hold := 1 + last_hold % 20;
          h := last_hold;
          holds[h] := d.id;
          hold_org[h] := o;
          hold_at[h] := clock;
          hold_amount[h] := d.amount;
          hold_agent[h] := a;
          hold_card[h] := card;
        ELSIF d.linked_intent_id IS NOT NULL THEN
          intents := intents || d.linked_intent_id;
          intent_org := intent_org || o;
          SELECT d.linked_intent_id AS id, a, card, asked AS amount, merchant, mcc INTO parked;
        END IF;
        IF key IS NOT NULL AND d.id IS NOT NULL THEN
          keyed := keyed || d.id;
          keyed_org := keyed_org || o;
        END IF;
      ELSIF dice < 50 THEN
        l.verb := NULL;
        reqs := '{}';
        FOR n IN 1..2 + floor(random() * 9)::int LOOP
          i := 1 + floor(random() * cardinality(agents))::int;
          IF agent_org[i] = o THEN
            c := 1 + floor(random() * cardinality(cards))::int;
            reqs := reqs || ROW(agents[i], 1 + floor(random() * CASE WHEN random() < 0.8 THEN 60 ELSE 900 END)::int, NULL, model.merchant(), mcc, 'US', CASE WHEN card_agent[c] = i THEN cards[c] END, NULL,
              CASE WHEN random() < 0.2 THEN 'batch ' || step || '.' || floor(random() * 3) || '.' || i END, hold_for, NULL)::ledger_agents.spend_request;
          END IF;
        END LOOP;
        IF reqs <> '{}' THEN
          l.verb := 'batch';
          INSERT INTO model.log (organization, operation, part, at, verb, object, amount, answer, replayed)
          SELECT orgs[o], step, m.ordinality, clock, 'authorize', m.agent_id, m.amount, m.id, m.replayed
            FROM ROWS FROM (ledger_agents.authorize_many(reqs, organization_id => orgs[o])) WITH ORDINALITY AS m;
          l.verb := NULL;
        END IF;
      ELSIF dice < 75 THEN
        IF cardinality(holds) > 0 THEN
          h := CASE WHEN random() < 0.5 THEN greatest(last_hold, 1) ELSE 1 + floor(random() * cardinality(holds))::int END;
          o := hold_org[h];
          l.object := holds[h];
          l.amount := CASE WHEN random() < 0.45 THEN NULL WHEN random() < 0.7 THEN 1 + floor(random() * least(hold_amount[h], 1000000))::int WHEN random() < 0.5 THEN hold_amount[h] + floor(random() * 3)::int - 1
            ELSE hold_amount[h] + floor(hold_amount[h] * random() * 0.4)::int END;
          key := CASE WHEN random() < 0.1 THEN 'verb ' || floor(random() * 3) END;
          l.key := key;
          IF dice < 60 THEN
            l.verb := 'capture';
            is_final := random() < 0.6;
            is_forced := random() < 0.15;
            l.final := is_final;
            l.force := is_forced;
            d := ledger_agents.capture(l.object, l.amount, is_final, is_forced, key, orgs[o]);
          ELSIF dice < 66 THEN
            l.verb := 'reverse';
            d := ledger_agents.reverse(l.object, l.amount, key, orgs[o]);
          ELSIF dice < 71 THEN
            l.verb := 'refund';
            d := ledger_agents.refund(l.object, l.amount, key, orgs[o]);
          ELSE
            l.verb := 'increment';
            l.amount := coalesce(l.amount, 7);
            d := ledger_agents.increment(l.object, l.amount, key, orgs[o]);
          END IF;
          l.answer := d.id;
          l.replayed := d.replayed;
          l.told := d.status;
          l.figures := ARRAY[d.held_amount, d.counted_amount, d.captured_amount, d.reversed_amount, d.refunded_amount, d.incremented_amount];
        END IF;
      ELSIF dice < 76 THEN
        l.verb := 'record';
        l.object := agents[a];
        l.amount := asked;
        d := ledger_agents.record_spend(agents[a], asked, currency, merchant, mcc, country, card, key, NULL, orgs[o]);
        l.answer := d.id;
        l.replayed := d.replayed;
        last_hold := 1 + last_hold % 20;
        holds[last_hold] := d.id;
        hold_org[last_hold] := o;
        hold_at[last_hold] := clock;
        hold_amount[last_hold] := asked;
        hold_agent[last_hold] := a;
        hold_card[last_hold] := card;
      ELSIF dice < 79 THEN
        IF cardinality(keyed) > 0 THEN
          i := 1 + floor(random() * cardinality(keyed))::int;
          o := keyed_org[i];
          SELECT * INTO r FROM ledger_agents.authorizations AS v WHERE v.organization_id = orgs[o] AND v.id = keyed[i];
          IF FOUND THEN
            l.verb := 'replay';
            l.object := keyed[i];
            l.amount := r.amount - CASE WHEN random() < 0.3 AND r.amount > 1 THEN 1 ELSE 0 END;
            d := ledger_agents.authorize(r.agent_id, l.amount, r.currency, r.merchant, r.mcc, r.country, r.card_id, r.intent_id, r.idempotency_key, r.hold_for, NULL, orgs[o]);
            l.answer := d.id;
            l.replayed := d.replayed;
          END IF;
        END IF;
      ELSIF dice < 82 THEN
        l.verb := 'intent';
        l.object := agents[a];
        SELECT v.id, v.status INTO id, l.told FROM ledger_agents.declare_intent(agents[a], card, NULL, NULL, CASE WHEN random() < 0.8 THEN asked END, currency, CASE WHEN random() < 0.4 THEN merchant END,
          CASE WHEN mcc IS NOT NULL AND random() < 0.3 THEN ARRAY[mcc, '5411'] END, CASE WHEN random() < 0.2 THEN floor(random() * 40)::bigint END,
          CASE WHEN random() < 0.2 THEN floor(random() * 101)::int END, CASE WHEN random() < 0.5 THEN 1440 ELSE model.upto(300) END, NULL, orgs[o]) AS v;
        l.answer := id;
        intents := intents || id;
        intent_org := intent_org || o;
        SELECT id, a, card, asked AS amount, merchant, mcc INTO parked;
      ELSIF dice < 85 THEN
        IF cardinality(intents) > 0 THEN
          i := cardinality(intents) - floor(random() * least(cardinality(intents), 2))::int;
          o := intent_org[i];
          l.object := intents[i];
          IF dice < 84 THEN
            l.verb := 'approve';
            l.told := (ledger_agents.approve_intent(intents[i], orgs[o])).status;
          ELSIF dice < 84.4 THEN
            l.verb := 'reject';
            l.told := (ledger_agents.reject_intent(intents[i], NULL, orgs[o])).status;
          ELSE
            l.verb := 'cancel';
            l.told := (ledger_agents.cancel_intent(intents[i], orgs[o])).status;
          END IF;
        END IF;
      ELSIF dice < 86.5 THEN
        l.verb := 'attest';
        PERFORM ledger_agents.attest(agents[a], card, 'Look', NULL, NULL, NULL, orgs[o]);
      ELSIF dice < 87.5 THEN
        l.verb := 'configure';
        document := CASE WHEN random() < 0.6 THEN model.limit_changes(600) WHEN random() < 0.6 THEN jsonb_build_object('policy', model.maybe(0.7, model.rules(500)))
          WHEN random() < 0.7 THEN jsonb_build_object('on_limit_exceeded', model.one_of('decline', 'decline', 'suspend', 'notify', 'none')) ELSE jsonb_build_object('default_policy_id', model.maybe(0.4, templates[2 * o - 1])) END;
        PERFORM ledger_agents.update_agent(agents[a], document, orgs[o]);
      ELSIF dice < 90 THEN
        l.verb := 'configure';
        IF random() < 0.5 THEN
          PERFORM ledger_agents.update_customer('customer ' || model.upto(2), '{"status": "active"}', orgs[o]), ledger_agents.update_organization('{"status": "active"}', orgs[o]);
        END IF;
        PERFORM ledger_agents.update_agent(agents[a], jsonb_build_object('status', CASE WHEN random() < 0.04 THEN 'suspended' ELSE 'active' END), orgs[o]);
      ELSIF dice < 92.2 THEN
        l.verb := 'configure';
        c := 1 + floor(random() * cardinality(cards))::int;
        o := agent_org[card_agent[c]];
        IF dice < 90.15 THEN
          PERFORM ledger_agents.freeze_card(cards[c], orgs[o]);
        ELSIF dice < 90.9 THEN
          PERFORM ledger_agents.unfreeze_card(cards[c], orgs[o]);
        ELSIF dice < 90.95 THEN
          PERFORM ledger_agents.close_card(cards[c], orgs[o]);
        ELSE
          PERFORM ledger_agents.update_card(cards[c], CASE WHEN random() < 0.6 THEN model.limit_changes(300) WHEN random() < 0.5 THEN jsonb_build_object('policy', model.maybe(0.6, model.rules(300)))
            ELSE jsonb_build_object('policy_id', model.maybe(0.7, templates[2 * o]), 'max_amount', model.maybe(0.3, 60 * model.upto(9))) END, orgs[o]);
        END IF;
      ELSIF dice < 93.5 THEN
        l.verb := 'configure';
        a := 1 + floor(random() * 2)::int + 3 * floor(random() * 2)::int;
        o := agent_org[a];
        SELECT k.id INTO card FROM ledger_agents.create_card(agents[a], type => model.one_of('single', 'single', 'multi'), policy => model.maybe(0.3, model.rules(300)),
          max_amount => model.maybe(0.2, 100 * model.upto(9)), spending_limit => model.maybe(0.3, 100 * model.upto(30)), organization_id => orgs[o]) AS k;
        -- It takes the place of one that is of no use any more.
        SELECT v.place INTO n FROM unnest(cards) WITH ORDINALITY AS v (id, place) JOIN ledger_agents.cards AS k ON k.organization_id = ANY (orgs) AND k.id = v.id
          WHERE k.status = 'closed' OR k.type = 'single' ORDER BY v.place LIMIT 1;
        n := coalesce(n, CASE WHEN cardinality(cards) < 14 THEN cardinality(cards) + 1 ELSE model.upto(14) END);
        cards[n] := card;
        card_agent[n] := a;
      ELSIF dice < 94 THEN
        l.verb := 'configure';
        PERFORM ledger_agents.update_policy(templates[2 * o - model.upto(2) + 1], jsonb_build_object('rules', model.rules(400)), orgs[o]);
      ELSIF dice < 94.8 THEN
        l.verb := 'configure';
        PERFORM ledger_agents.update_customer('customer ' || model.upto(2), CASE WHEN random() < 0.5 THEN model.limit_changes(1500) WHEN random() < 0.5 THEN jsonb_build_object('policy', model.maybe(0.5, model.rules(900)))
          ELSE jsonb_build_object('status', model.one_of('active', 'active', 'active', 'suspended')) END, orgs[o]);
      ELSIF dice < 95.2 THEN
        l.verb := 'configure';
        PERFORM ledger_agents.update_organization(CASE WHEN random() < 0.4 THEN model.limit_changes(3000) WHEN random() < 0.6 THEN jsonb_build_object('capture_tolerance_percent', (random() * 30)::int)
          ELSE jsonb_build_object('status', model.one_of('active', 'active', 'active', 'suspended')) END, orgs[o]);
      ELSIF dice < 95.3 THEN
        l.verb := 'configure';
        a := 3 * model.upto(2);
        o := agent_org[a];
        PERFORM ledger_agents.deregister_agent(agents[a], orgs[o]);
        SELECT g.id INTO id FROM ledger_agents.register_agent('agent 3', 'customer 2', organization_id => orgs[o], policy => model.maybe(0.5, model.rules(500))) AS g;
        agents[a] := id;
      ELSIF dice < 97.5 THEN
        l.verb := 'evaluate';
        l.object := agents[a];
        l.amount := asked;
        l.request := ARRAY[currency, merchant, mcc, country, card::text, intent::text];
        d := ledger_agents.evaluate(agents[a], asked, currency, merchant, mcc, country, card, intent, NULL, hold_for, NULL, orgs[o]);
        l.labels := d.reasons::text[];
        l.told := d.decision;
        l.figures := ARRAY[d.max_approvable, d.remaining, d.agent_spent];
        IF random() < 0.15 THEN
          l.verb := 'explain';
          l.labels := ARRAY(SELECT e.reason::text FROM ledger_agents.explain_authorization(NULL, agents[a], asked, currency, merchant, mcc, country, card, intent, organization_id => orgs[o]) AS e
            WHERE NOT e.passed GROUP BY e.reason ORDER BY e.reason);
        END IF;
      ELSIF dice < 99 THEN
        l.verb := 'budget';
        l.object := agents[a];
        SELECT ARRAY[b.spending_limit, b.current_spend, b.remaining, (extract(epoch FROM b.window_start) * 1000000)::bigint, (extract(epoch FROM b.next_reset) * 1000000)::bigint, b.percent_used]
          INTO l.figures FROM ledger_agents.agent_budget(agents[a], orgs[o]) AS b;
      ELSIF dice < 99.9 THEN
        l.verb := 'sweep';
        PERFORM ledger_agents.sweep(organization_id => orgs[o]);
      ELSE
        l.verb := 'seal';
        PERFORM ledger_agents.seal_chain(agents[a], organization_id => orgs[o]);
      END IF;
      IF long AND step % 400 = 0 THEN
        CALL model.forget(clock - interval '367 days', orgs[o]);
      END IF;
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS l.error = CONSTRAINT_NAME;
      IF coalesce(l.error, '') = '' THEN
        l.error := SQLSTATE || ' ' || SQLERRM;
      END IF;
    END;
    IF l.verb IS NOT NULL THEN
      INSERT INTO model.log VALUES (orgs[o], step, 0, clock, l.verb, l.object, l.amount, l.final, l.force, l.answer, l.replayed, l.told, l.figures, l.labels, l.request, l.key, l.error);
    END IF;
    since_commit := since_commit + 1;
    IF since_commit >= 50 THEN
      COMMIT;
      since_commit := 0;
    END IF;
  END LOOP;
  COMMIT;
END
$$;

-- purge(), with what it forgets kept beside.
CREATE PROCEDURE model.forget(before timestamptz, organization text) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO model.authorizations SELECT * FROM ledger_agents.authorizations AS a WHERE a.organization_id = organization AND a.decided_at < before;
  INSERT INTO model.entries SELECT * FROM ledger_agents.authorization_entries AS a WHERE a.organization_id = organization AND a.created_at < before + interval '1 year';
  INSERT INTO model.intents SELECT * FROM ledger_agents.intents AS a WHERE a.organization_id = organization AND a.created_at < before + interval '1 year';
  INSERT INTO model.attestations SELECT * FROM ledger_agents.attestations AS a WHERE a.organization_id = organization AND a.created_at < before + interval '1 year';
  PERFORM ledger_agents.purge(before, organization_id => organization);
  DELETE FROM model.authorizations AS k USING ledger_agents.authorizations AS a WHERE k.organization_id = organization AND a.organization_id = k.organization_id AND a.id = k.id;
  DELETE FROM model.entries AS k USING ledger_agents.authorization_entries AS a WHERE k.organization_id = organization AND a.organization_id = k.organization_id AND a.id = k.id;
  DELETE FROM model.intents AS k USING ledger_agents.intents AS a WHERE k.organization_id = organization AND a.organization_id = k.organization_id AND a.id = k.id;
  DELETE FROM model.attestations AS k USING ledger_agents.attestations AS a WHERE k.organization_id = organization AND a.organization_id = k.organization_id AND a.id = k.id;
END
$$;
