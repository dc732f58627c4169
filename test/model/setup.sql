--
-- What the generator keeps beside the books: what a caller knows. In a schema of its own, in the database of the run.
--
CREATE SCHEMA model;

-- One row for each operation, in their order; of a batch one for each request.
CREATE UNLOGGED TABLE model.log (
  organization text COLLATE "C" NOT NULL,
  operation int NOT NULL,
  part int NOT NULL,
  at timestamptz NOT NULL,
  verb text NOT NULL,
  object uuid,          -- whom or what it was about
  amount bigint,        -- as given
  final boolean,
  force boolean,
  answer uuid,          -- id of the row that came back
  replayed boolean,
  told text,            -- status that was told
  figures bigint[],     -- amounts that were told
  labels text[],        -- reasons that were told
  request text[],       -- what a question asked: currency, merchant, mcc, country, card, intent
  key text,             -- of a verb on a hold
  error text            -- stable name of the error, or its SQLSTATE
);

-- What purge() forgets stays here, so that the whole history can be replayed.
CREATE UNLOGGED TABLE model.authorizations (LIKE ledger_agents.authorizations);
CREATE UNLOGGED TABLE model.entries (LIKE ledger_agents.authorization_entries);
CREATE UNLOGGED TABLE model.intents (LIKE ledger_agents.intents);
CREATE UNLOGGED TABLE model.attestations (LIKE ledger_agents.attestations);

-- A number from 1 to n, and one of an array.
CREATE FUNCTION model.upto(n int) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT 1 + floor(random() * n)::int $$;
CREATE FUNCTION model.one_of(VARIADIC choice text[]) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN choice[1 + floor(random() * cardinality(choice))::int];
END
$$;
CREATE FUNCTION model.maybe(chance float8, value anyelement) RETURNS anyelement LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN CASE WHEN random() < chance THEN value END;
END
$$;

CREATE FUNCTION model.merchant() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (ARRAY['AMTRAK', 'Amtrak 0412', 'amtrak *9977', 'AMTRAKS', 'Star Bucks', 'STAR-BUCKS #12', 'SQ *Star Bucks', 'Corner Grocer', 'corner  grocer, inc.',
    'The Corner Grocer', 'Lucky Star', 'Bob''s', 'BOB S', '***'])[1 + floor(random() * 14)::int];
END
$$;
CREATE FUNCTION model.merchants() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
  SELECT jsonb_agg(DISTINCT m) FROM (SELECT model.one_of('Amtrak', 'Star Bucks', 'Corner Grocer', 'Bob''s') AS m FROM generate_series(1, model.upto(3))) AS v
$$;

-- Rules for one level. Few at a time, else nothing would ever be approved.
CREATE FUNCTION model.rules(scale int) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  day int := scale * model.upto(8);
  auth int := day / model.upto(4);
  start int := floor(random() * 24);
  rules jsonb;
BEGIN
  rules := jsonb_build_object(
    'limits', model.maybe(0.55, jsonb_build_object('perAuth', model.maybe(0.6, auth), 'perDay', model.maybe(0.6, day), 'perMonth', model.maybe(0.4, day * model.upto(9)))),
    'cumulativeMax', model.maybe(0.08, day * 60),
    'maxAuthCount', model.maybe(0.08, model.upto(300)),
    'allowedMccs', model.maybe(0.05, '["5411", "5812", "4111", "0742"]'::jsonb),
    'blockedMccs', model.maybe(0.07, '["7995"]'::jsonb),
    'allowedCountries', model.maybe(0.04, '["US", "DE"]'::jsonb),
    'blockedCountries', model.maybe(0.05, model.one_of('["KP"]', '[]')::jsonb),
    'allowedMerchants', model.maybe(0.05, model.merchants()),
    'blockedMerchants', model.maybe(0.06, model.one_of('["Lucky Star"]', '["grocer inc"]', '[]')::jsonb),
    'lockToFirstMerchant', model.maybe(0.05, random() < 0.6),
    'merchantHint', model.maybe(0.08, model.one_of('Amtrak', 'Corner Grocer', 'star bucks')),
    'onDrift', model.maybe(0.08, model.one_of('allow', 'alert', 'decline', 'freeze')),
    'requireIntent', model.maybe(0.05, random() < 0.5),
    'onIntentMismatch', model.maybe(0.1, model.one_of('allow', 'alert', 'decline')),
    'intentTolerance', model.maybe(0.1, (floor(random() * 21) / 20)::numeric),
    'requireAttestation', model.maybe(0.05, random() < 0.6),
    'attestationWindowMinutes', model.maybe(0.05, model.upto(60)),
    'requireApproval', model.maybe(0.05, true),
    'autoApproveBelow', model.maybe(0.12, model.upto(300)),
    'requireCard', model.maybe(0.15, random() < 0.3),
    'cooldownMinutes', model.maybe(0.05, model.upto(20)),
    'ttlMinutes', model.maybe(0.02, model.upto(20000)),
    'ttlDays', model.maybe(0.03, model.upto(60)),
    'onExpiry', model.maybe(0.1, model.one_of('freeze', 'close')),
    'activeTimezone', model.maybe(0.08, model.one_of('Asia/Kathmandu', 'America/New_York', 'Australia/Lord_Howe')),
    'activeDays', model.maybe(0.05, model.one_of('[0,1,2,3,4,5]', '[1,2,3,4,5]', '[6,0,3,2]')::jsonb));
  IF random() < 0.05 THEN
    rules := rules || jsonb_build_object('activeHoursStart', start, 'activeHoursEnd', (start + 6 + model.upto(16)) % 24);
  END IF;
  RETURN jsonb_strip_nulls(rules);
END
$$;

-- A limit, as fields of a document of changes.
CREATE FUNCTION model.limit_changes(scale int) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  frequency text := model.one_of('perTransaction', 'per24HourPeriod', 'per24HourPeriod', 'perWeek', 'perMonth', 'perYear', 'allTime');
BEGIN
  RETURN jsonb_build_object('spending_limit', CASE WHEN random() < 0.03 THEN 0 WHEN random() < 0.8 THEN scale * model.upto(20) * CASE WHEN frequency IN ('perYear', 'allTime') THEN 20 ELSE 1 END END, 'spending_limit_frequency', frequency,
    'window_mode', CASE WHEN frequency IN ('perTransaction', 'allTime') OR random() < 0.4 THEN NULL WHEN random() < 0.5 THEN 'calendar' ELSE 'rolling' END);
END
$$;
