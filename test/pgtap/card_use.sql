-- Is a card any use to an agent that it was not made for?
BEGIN;
SELECT no_plan();
SET LOCAL ledger_agents.clock = '2026-03-04 09:00Z';

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

CREATE FUNCTION pg_temp.books() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', (SELECT md5(string_agg(k::text, '' ORDER BY k.organization_id, k.scope, k.scope_id)) FROM ledger_agents.counters k),
                   (SELECT count(*) FROM ledger_agents.authorizations), (SELECT count(*) FROM ledger_agents.events))
$$;

SELECT FROM ledger_agents.create_organization('elsewhere');
CREATE TEMP TABLE known AS
SELECT v.name, v.organization, a.id AS agent, c.id AS card
FROM (VALUES ('own', 'default', 'customer'), ('sibling', 'default', 'customer'), ('stranger', 'default', 'stranger'),
             ('foreign', 'elsewhere', 'customer')) v (name, organization, customer),
  ledger_agents.register_agent(v.name, v.customer, organization_id => v.organization) a,
  ledger_agents.create_card(a.id, v.name, 'multi', organization_id => v.organization) c;
INSERT INTO known VALUES ('no card', 'default', NULL, '00000000-0000-7000-8000-0000000000ff');

-- Once before this session has used any card, and once when it remembers them all.
CREATE FUNCTION pg_temp.try_all(what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  own uuid := (SELECT k.agent FROM known k WHERE k.name = 'own');
  name text;
  card uuid;
  verb text;
  before text;
BEGIN
  FOR name, card IN SELECT k.name, k.card FROM known k WHERE k.name <> 'own' ORDER BY 1 LOOP
    FOREACH verb IN ARRAY '{authorize,authorize_or_raise,evaluate}'::text[] LOOP
      before := pg_temp.books();
      RETURN NEXT is(pg_temp.error_of(format('SELECT ledger_agents.%s(%L, 1, card_id => %L)', verb, own, card)),
                     'P0002 unknown_card card_id', format('%s: %s with the card of %s', what, verb, name));
      RETURN NEXT is(pg_temp.books(), before, format('%s: and nothing was written', what));
    END LOOP;
  END LOOP;
END
$$;
SELECT pg_temp.try_all('at first');
SELECT is((SELECT x.decision::text FROM ledger_agents.authorize(k.agent, 1, card_id => k.card, organization_id => k.organization) x), 'approved', k.name || ' uses its own')
FROM known k WHERE k.name <> 'no card' ORDER BY k.name;
SELECT pg_temp.try_all('remembered');

-- An agent's token is told no more.
SELECT token AS secret FROM ledger_agents.create_agent_token((SELECT agent FROM known WHERE name = 'own'), 't') \gset
SELECT agent_id AS own FROM ledger_agents.authenticate(:'secret') \gset
SELECT is(pg_temp.error_of(format('SELECT ledger_agents.authorize(amount => 1, card_id => %L)', k.card)),
          CASE WHEN k.name <> 'own' THEN 'P0002 unknown_card card_id' END, 'a token, with the card of ' || k.name)
FROM known k ORDER BY k.name;

SELECT is_empty('SELECT * FROM ledger_agents.check_invariants()', 'the books are right');
SELECT * FROM finish();
ROLLBACK;
