-- Agents whose spends ten rules judge: three of their customer, three of their own and four of the card that each has.
-- In "windowed" the customer has one more, which counts, so that its counter is locked and written.  Nothing is declined.
--
-- There are 5 000 of each kind, with as many cards and 500 customers: about as much as a session remembers of the plain
-- ones' 10 000.
CREATE FUNCTION bench.number(n bigint, variant text) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN CASE variant WHEN 'rules' THEN 200000000000 ELSE 300000000000 END + n % 5000;

CREATE FUNCTION bench.ruled_agent(n bigint, variant text) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-7000-8000-' || bench.number(n, variant))::uuid;

CREATE FUNCTION bench.card(n bigint, variant text) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-7000-9000-' || bench.number(n, variant))::uuid;

-- Microseconds a call under ten rules, over calls from number first on.
CREATE FUNCTION bench.time_rules(variant text, first bigint, calls bigint) RETURNS numeric
LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
BEGIN
	PERFORM count((ledger_agents.authorize(
		agent_id => bench.ruled_agent(n, variant),
		amount => 1,
		merchant => 'Blue Bottle 17',
		mcc => '5814',
		country => 'US',
		card_id => bench.card(n, variant),
		idempotency_key => 'k' || n)).decision)
	FROM generate_series(first, first + calls - 1) n;
	RETURN extract(epoch FROM clock_timestamp() - begun) * 1000000 / calls;
END
$$;

-- The hours end twelve hours from now, so that a run does not come to their end.
CREATE PROCEDURE bench.add_ruled(variant text, customer_limits jsonb)
LANGUAGE plpgsql AS $$
DECLARE
	hour integer := extract(hour FROM now() AT TIME ZONE 'UTC');
	agent uuid;
	card uuid;
BEGIN
	SELECT id INTO agent FROM ledger_agents.register_agent(variant, variant, spending_limit => 1000000000000000,
		policy => '{"blockedMerchants": ["Casino Royal", "Lucky Dice", "Night Club"], "limits": {"perDay": 1000000000000000}}'
			|| jsonb_build_object('activeHoursStart', (hour + 12) % 24, 'activeHoursEnd', (hour + 11) % 24));
	PERFORM ledger_agents.update_customer(variant, jsonb_build_object('policy',
		'{"blockedMccs": ["7995", "5933", "6051"], "allowedCountries": ["CA", "GB", "US"]}'
			|| jsonb_build_object('limits', customer_limits)));
	SELECT id INTO card FROM ledger_agents.create_card(agent, type => 'multi', policy =>
		'{"allowedMccs": ["5411", "5812", "5814", "5942"], "limits": {"perDay": 1000000000000000},
		  "cumulativeMax": 1000000000000000, "maxAuthCount": 1000000000}');

	INSERT INTO ledger_agents.customers
	SELECT copy.* FROM ledger_agents.customers c, generate_series(0, 499) n,
		jsonb_populate_record(c, jsonb_build_object('id', variant || n)) copy
	WHERE c.id = variant;
	INSERT INTO ledger_agents.agents
	SELECT copy.* FROM ledger_agents.agents a, generate_series(0, 4999) n,
		jsonb_populate_record(a, jsonb_build_object('id', bench.ruled_agent(n, variant),
			'external_id', variant || n, 'customer_id', variant || n % 500)) copy
	WHERE a.id = agent;
	INSERT INTO ledger_agents.cards
	SELECT copy.* FROM ledger_agents.cards c, generate_series(0, 4999) n,
		jsonb_populate_record(c, jsonb_build_object('id', bench.card(n, variant),
			'agent_id', bench.ruled_agent(n, variant))) copy
	WHERE c.id = card;
	INSERT INTO ledger_agents.counters
	SELECT copy.* FROM ledger_agents.counters k, generate_series(0, 4999) n,
		jsonb_populate_record(k, jsonb_build_object('scope_id', CASE k.scope
			WHEN 'agent' THEN bench.ruled_agent(n, variant)::text
			WHEN 'card' THEN bench.card(n, variant)::text ELSE variant || n END)) copy
	WHERE k.scope_id IN (agent::text, card::text) OR (k.scope_id = variant AND n < 500);
END
$$;
CALL bench.add_ruled('rules', '{"perAuth": 1000000000000000}');
CALL bench.add_ruled('windowed', '{"perAuth": 1000000000000000, "perMonth": 1000000000000000}');
