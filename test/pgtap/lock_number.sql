-- Can anybody compute the number of a lock, and so see or choose what another tenant waits for? Are numbers what src/lock.c says?
SELECT no_plan();

SELECT is((ledger_agents.create_organization(name)).id, name, 'an organization') FROM unnest('{lock,lockc}'::text[]) name;
SELECT ledger_agents.update_organization('{"spending_limit": 90000, "spending_limit_frequency": "perMonth"}', 'lock') \g /dev/null
SELECT ledger_agents.update_customer('funds', '{"spending_limit": 9000, "spending_limit_frequency": "perMonth"}', 'lock') \g /dev/null
SELECT id AS agent FROM ledger_agents.register_agent('agent', 'funds', organization_id => 'lock') \gset

CREATE FUNCTION pg_temp.held() RETURNS TABLE (kind integer, number bigint) LANGUAGE sql AS $$
  SELECT objsubid, classid::bigint << 32 | objid::bigint FROM pg_locks
   WHERE locktype = 'advisory' AND objsubid >= 1000 AND pid = pg_backend_pid()
$$;

BEGIN;
SELECT is((ledger_agents.authorize(:'agent', 100, organization_id => 'lock')).decision::text, 'approved', 'a decision under limits of customer and organization');
CREATE TEMP TABLE decision AS SELECT * FROM pg_temp.held();

-- What the decision locked, and customers to change: names that end at each place of a word, that just fit into la_lock_key()'s room or do not.
CREATE TEMP TABLE locked AS
SELECT kind, 'lock' AS organization, CASE kind WHEN 1001 THEN 'funds' ELSE '' END AS id,
       CASE WHEN kind IN (1000, 1200) THEN :'agent' END AS agent FROM unnest('{1000,1001,1002,1200}'::integer[]) AS kind
UNION ALL
SELECT 1101, 'lock', left('customer of this name', n), NULL FROM generate_series(1, 17) n
UNION ALL
SELECT 1101, 'lock', repeat('x', n), NULL FROM unnest('{250,251,252}'::integer[]) n
UNION ALL
SELECT 1101, 'lock', repeat(U&'\+01F4B6', 255), NULL
UNION ALL
VALUES (1101, 'lockc', 'ustomer', NULL), (1101, 'lockc', 'c', NULL), (1101, 'lock', 'cc', NULL);
SELECT count(ledger_agents.update_customer(id, '{"name": "changed"}', organization)) FROM locked WHERE kind = 1101 \g /dev/null

SELECT bag_eq('SELECT kind FROM decision', '{1000,1001,1002,1200}'::integer[], 'it locks agent, customer, organization and the history of the agent');

-- By every way that a tenant has: of texts, of the agent's bytes, with the organization as seed or without, or behind it.
SELECT is_empty(format($$
  SELECT DISTINCT h.kind, h.number FROM pg_temp.held() h,
    (SELECT organization, id FROM locked UNION SELECT organization, organization FROM locked UNION SELECT 'lock', %L) n,
    LATERAL (SELECT seed FROM unnest(ARRAY[0, hashtextextended(organization, 0), hashtext(organization)]) seed) s,
    LATERAL (SELECT guess FROM unnest(ARRAY[hashtextextended(id, seed), hashtextextended(organization || id, seed),
                                            hashtextextended(organization || ':' || id, seed), uuid_hash_extended(%1$L, seed)]) guess) g
   WHERE h.number BETWEEN g.guess AND g.guess + 2$$, :'agent'),
  'no number is what SQL can make of the names');

-- Whoever may read the server's files can: by another way to the same.
SELECT jsonb_agg(l) AS names FROM locked l \gset
\set numbers `/usr/bin/python3 test/pgtap/include/lock_number.py :'names'`
SELECT set_eq('SELECT * FROM pg_temp.held() WHERE kind <> 1003',
  format('SELECT * FROM jsonb_to_recordset(%L) AS l(kind integer, number bigint)', :'numbers'),
  'each is the SipHash of its names under a key made of the server''s nonce');
SELECT is(count(DISTINCT number), count(*), 'no two names have one, wherever the organization ends') FROM pg_temp.held() WHERE kind = 1101;
COMMIT;

SELECT * FROM finish();
