-- Does the catalog keep the house rules?
--
-- Each rule is a view that lists its offenders, so that a failure names them;
-- all must be empty. What a rule looks at is in the two schemas, whether or not
-- it is a member of the extension: the rule "strangers" says that this is one.
SELECT no_plan();

CREATE SCHEMA rules;
SET search_path = rules, public;

CREATE VIEW spaces AS
SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace
WHERE nspname IN ('ledger_agents', 'ledger_agents_api');

-- From 17 on types of rows, from 18 on those of arrays are members like what they come with.
CREATE VIEW members AS
SELECT d.classid, d.objid, i.type, i.schema, i.identity
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'ledger_agents'
CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, 0) i
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class r ON r.oid = t.typrelid
                  WHERE t.oid = d.objid AND d.classid = 'pg_type'::regclass AND (t.typcategory = 'A' OR r.relkind <> 'c'));

CREATE VIEW functions AS
SELECT p.*, l.lanname, p.oid::regprocedure::text AS signature
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.pronamespace IN (SELECT oid FROM spaces);

-- Composite types are relations, too.
CREATE VIEW relations AS
SELECT c.*, c.oid::regclass::text AS name
FROM pg_catalog.pg_class c WHERE c.relnamespace IN (SELECT oid FROM spaces);

CREATE VIEW columns AS
SELECT r.name || '.' || a.attname AS name, r.oid AS relation, r.relkind,
       a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attidentity, a.attacl
FROM relations r
JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE r.relkind IN ('r', 'p', 'v', 'm', 'c', 'f');

-- Unique indexes, whether they came as an index or as a constraint.
CREATE VIEW keys AS
SELECT i.indexrelid::regclass::text AS name, t.oid AS relation, t.name AS table_name, i.indkey, i.indnkeyatts
FROM pg_catalog.pg_index i JOIN relations t ON t.oid = i.indrelid
WHERE i.indisunique;

CREATE VIEW foreign_keys AS
SELECT k.conname, k.conrelid, k.confrelid, k.conkey, k.confkey, t.name AS table_name
FROM pg_catalog.pg_constraint k JOIN relations t ON t.oid = k.conrelid
WHERE k.contype = 'f';

--
-- The rules
--
CREATE VIEW strangers AS
SELECT m.identity AS offender FROM members m
WHERE NOT EXISTS (SELECT FROM spaces s WHERE s.nspname = coalesce(m.schema, m.identity))
  AND m.type <> 'event trigger'
UNION ALL
SELECT f.signature FROM functions f
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = f.oid)
UNION ALL
SELECT r.name FROM relations r
WHERE r.relkind NOT IN ('i', 'I', 't', 'c')
  AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = r.oid);

CREATE VIEW without_comment AS
SELECT m.identity AS offender FROM members m
WHERE pg_catalog.obj_description(m.objid, (SELECT relname FROM pg_catalog.pg_class WHERE oid = m.classid)) IS NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_type t JOIN relations r ON r.oid = t.typrelid
                  WHERE t.oid = m.objid AND m.classid = 'pg_type'::regclass AND r.relkind <> 'c')
UNION ALL
SELECT name FROM columns WHERE pg_catalog.col_description(relation, attnum) IS NULL;

CREATE VIEW open_to_public AS
SELECT f.signature AS offender
FROM functions f, pg_catalog.aclexplode(coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner))) a
WHERE a.grantee = 0
UNION ALL
SELECT r.name
FROM relations r, pg_catalog.aclexplode(coalesce(r.relacl, pg_catalog.acldefault('r', r.relowner))) a
WHERE a.grantee = 0
UNION ALL
SELECT c.name FROM columns c, pg_catalog.aclexplode(c.attacl) a WHERE a.grantee = 0
UNION ALL
SELECT s.nspname
FROM spaces s, pg_catalog.aclexplode(coalesce(s.nspacl, pg_catalog.acldefault('n', s.nspowner))) a
WHERE a.grantee = 0;

-- C functions that run no statement, and SQL functions, whose bodies are parsed once and for all, need no path; the three
-- that decide pin it for each statement (pgtap/search_path).
CREATE VIEW without_search_path AS
SELECT signature AS offender FROM functions
WHERE (prosecdef OR lanname NOT IN ('c', 'sql')
       OR (lanname = 'c' AND prosrc NOT IN ('la_window_of', 'la_refuse_change', 'la_forget_tenants',
                                              'la_normal_merchant_text', 'la_merchant_matches')))
  AND NOT (lanname = 'c' AND prosrc IN ('la_authorize', 'la_authorize_or_raise', 'la_evaluate'))
  AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false);

-- A table that is not registered comes back empty from a dump; one with a condition in part.
CREATE VIEW not_dumped AS
SELECT r.name AS offender FROM relations r
WHERE r.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension e,
                              ROWS FROM (unnest(e.extconfig), unnest(e.extcondition)) AS x (oid, condition)
                  WHERE e.extname = 'ledger_agents' AND x.oid = r.oid AND x.condition = '');

-- But for the one that is of the database.
CREATE VIEW not_led_by_organization AS
SELECT k.name AS offender FROM keys k
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.relation AND a.attnum = k.indkey[0]
WHERE a.attname <> CASE k.table_name WHEN 'ledger_agents.organizations' THEN 'id' ELSE 'organization_id' END
  AND k.table_name <> 'ledger_agents.adoptions'
UNION ALL
SELECT k.conname FROM foreign_keys k
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
WHERE a.attname <> 'organization_id'
   OR b.attname <> CASE k.confrelid WHEN 'ledger_agents.organizations'::regclass THEN 'id' ELSE 'organization_id' END;

CREATE VIEW without_primary_key AS
SELECT r.name AS offender FROM relations r
WHERE r.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = r.oid AND k.contype = 'p');

CREATE VIEW foreign_key_without_index AS
SELECT k.conname AS offender FROM foreign_keys k
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_index i
                  WHERE i.indrelid = k.conrelid
                    AND (i.indkey::smallint[])[0:cardinality(k.conkey) - 1] @> k.conkey);

-- Two tables that refer to each other cannot be restored from a dump.
CREATE VIEW foreign_key_cycle AS
WITH RECURSIVE reach AS (
  SELECT conrelid AS since, confrelid AS until FROM foreign_keys
  UNION
  SELECT r.since, k.confrelid FROM reach r JOIN foreign_keys k ON k.conrelid = r.until
)
SELECT since::regclass::text AS offender FROM reach WHERE since = until;

-- On many machines a sequence gives the same number twice.
CREATE VIEW counted_by_machine AS
SELECT name AS offender FROM columns WHERE attidentity <> ''
UNION ALL
SELECT name FROM relations WHERE relkind = 'S'
UNION ALL
SELECT c.name FROM columns c
JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.relation AND d.adnum = c.attnum
WHERE pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~* 'nextval';

-- Amounts are bigint, times are timestamptz; nothing stored is an oid of this server.
CREATE VIEW of_unusual_type AS
SELECT name || ' ' || pg_catalog.format_type(atttypid, atttypmod) AS offender FROM columns
WHERE relkind <> 'v'
  AND atttypid <> ALL (ARRAY['text', 'uuid', 'bigint', 'integer', 'boolean', 'timestamptz', 'interval',
                             'jsonb', 'bytea', 'text[]']::regtype[])
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
                  WHERE t.oid = atttypid AND coalesce(e.typtype, t.typtype) = 'e'
                    AND t.typnamespace IN (SELECT oid FROM spaces));

CREATE VIEW key_of_other_collation AS
SELECT DISTINCT c.name AS offender FROM pg_catalog.pg_index i
JOIN columns c ON c.relation = i.indrelid AND c.attnum = ANY (i.indkey)
WHERE c.atttypid = 'text'::regtype
  AND c.attcollation <> (SELECT oid FROM pg_catalog.pg_collation WHERE collname = 'C');

CREATE VIEW with_unnamed_argument AS
SELECT signature AS offender FROM functions
WHERE pronargs > 0
  AND (proargnames IS NULL OR '' = ANY (proargnames))
  AND NOT (pronamespace = 'ledger_agents_api'::regnamespace AND pronargs = 1 AND proargtypes[0] = 'jsonb'::regtype);

CREATE VIEW overloaded AS
SELECT min(signature) AS offender FROM functions GROUP BY pronamespace, proname HAVING count(*) > 1;

-- JSON functions that only read are unsafe, too: they run in a subtransaction, which no parallel plan may begin.
CREATE VIEW wrongly_parallel AS
SELECT signature AS offender FROM functions
WHERE (provolatile = 'v' OR pronamespace = 'ledger_agents_api'::regnamespace) <> (proparallel = 'u');

CREATE VIEW string_bodied AS
SELECT signature AS offender FROM functions WHERE lanname = 'sql' AND prosqlbody IS NULL;

-- Whose comment says so. Of tgtype: 1 row, 2 before, 8 delete, 16 update, 32 truncate.
CREATE VIEW unguarded AS
WITH wanted AS (
  SELECT r.oid, r.name, w.tgtype, w.what
  FROM relations r, (VALUES (27, 'update or delete'), (34, 'truncate')) AS w (tgtype, what)
  WHERE r.relkind IN ('r', 'p') AND pg_catalog.obj_description(r.oid, 'pg_class') ~* 'append-only'
  UNION ALL
  SELECT 'ledger_agents.authorizations'::regclass, 'ledger_agents.authorizations', w.tgtype, w.what
  FROM (VALUES (11, 'delete'), (34, 'truncate')) AS w (tgtype, what)
)
SELECT w.name || ': ' || w.what AS offender FROM wanted w
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t
                  WHERE t.tgrelid = w.oid AND t.tgtype = w.tgtype AND t.tgenabled = 'O' AND t.tgqual IS NULL
                    AND t.tgfoid = 'ledger_agents.refuse_change'::regproc);

-- A restore inserts: a trigger on that would run a second time for history. One that only has sessions look anew does no harm.
CREATE VIEW fires_on_insert AS
SELECT r.name || ': ' || t.tgname AS offender
FROM pg_catalog.pg_trigger t JOIN relations r ON r.oid = t.tgrelid
WHERE NOT t.tgisinternal AND r.relkind <> 'v' AND (t.tgtype & 4) <> 0
  AND t.tgfoid <> 'ledger_agents.forget_tenants'::regproc;

CREATE VIEW loosely_installed AS
SELECT e.extname || ' ' || v.version AS offender
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_available_extension_versions v ON v.name = e.extname AND v.installed
WHERE e.extname = 'ledger_agents'
  AND (v.trusted OR v.relocatable OR NOT v.superuser OR e.extnamespace <> 'pg_catalog'::regnamespace);

--
-- A rule that looks at nothing is kept by everybody.
--
SELECT cmp_ok((SELECT count(*) FROM functions), '>', 20::bigint, 'the rules see the functions');
SELECT cmp_ok((SELECT count(*) FROM columns), '>', 100::bigint, 'the rules see the columns');
SELECT cmp_ok((SELECT count(*) FROM keys), '>', 10::bigint, 'the rules see the keys');
SELECT cmp_ok((SELECT count(*) FROM members), '>', 40::bigint, 'the rules see the members of the extension');

SELECT is_empty('SELECT offender FROM strangers', 'what is in the two schemas is the extension, and it is nowhere else');
SELECT is_empty('SELECT offender FROM without_comment', 'everything has a comment');
SELECT is_empty('SELECT offender FROM open_to_public', 'PUBLIC may do nothing');
SELECT is_empty('SELECT offender FROM without_search_path', 'functions that run statements pin their search_path');
SELECT is_empty('SELECT offender FROM not_dumped', 'every table is dumped whole');
SELECT is_empty('SELECT offender FROM not_led_by_organization', 'the organization leads every key');
SELECT is_empty('SELECT offender FROM without_primary_key', 'every table has a primary key');
SELECT is_empty('SELECT offender FROM foreign_key_without_index', 'every foreign key has an index');
SELECT is_empty('SELECT offender FROM foreign_key_cycle', 'foreign keys make no cycle');
SELECT is_empty('SELECT offender FROM counted_by_machine', 'there are no sequences');
SELECT is_empty('SELECT offender FROM of_unusual_type', 'columns are of few types');
SELECT is_empty('SELECT offender FROM key_of_other_collation', 'text in indexes is compared bytewise');
SELECT is_empty('SELECT offender FROM with_unnamed_argument', 'every argument has a name');
SELECT is_empty('SELECT offender FROM overloaded', 'one name is one function');
SELECT is_empty('SELECT offender FROM wrongly_parallel', 'volatile functions and JSON ones, and they alone, are parallel unsafe');
SELECT is_empty('SELECT offender FROM string_bodied', 'SQL functions have bodies that are parsed once');
SELECT is_empty('SELECT offender FROM unguarded', 'append-only tables are guarded');
SELECT is_empty('SELECT offender FROM fires_on_insert', 'no trigger fires when history is restored');
SELECT is_empty('SELECT offender FROM loosely_installed', 'only a superuser installs it, where it belongs');

--
-- Each rule can fail: offenders are planted, seen, and gone again.
--
BEGIN;
CREATE TABLE ledger_agents.stray (id serial, amount numeric, label text UNIQUE, CONSTRAINT self CHECK (amount > 0));
CREATE TABLE ledger_agents.loop (id integer PRIMARY KEY, stray_label text COLLATE "C" REFERENCES ledger_agents.stray (label));
ALTER TABLE ledger_agents.stray ADD CONSTRAINT stray_loop FOREIGN KEY (id) REFERENCES ledger_agents.loop;
CREATE FUNCTION ledger_agents.authorize(integer) RETURNS integer LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT $1';
CREATE FUNCTION ledger_agents.definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN END';
CREATE FUNCTION ledger_agents.plain() RETURNS void LANGUAGE plpgsql SET search_path = public AS 'BEGIN END';
CREATE TRIGGER stray_insert BEFORE INSERT ON ledger_agents.stray
  FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change();
CREATE TABLE public.outside (id integer);
ALTER EXTENSION ledger_agents ADD TABLE public.outside;
ALTER EXTENSION ledger_agents ADD FUNCTION ledger_agents.plain();
GRANT SELECT ON ledger_agents.agents TO PUBLIC;
COMMENT ON COLUMN ledger_agents.agents.name IS NULL;
COMMENT ON FUNCTION ledger_agents.authenticate IS NULL;
DROP TRIGGER events_no_truncate ON ledger_agents.events;
ALTER TABLE ledger_agents.authorizations DISABLE TRIGGER authorizations_no_delete;
SELECT (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM strangers) AS strangers,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM without_comment
        WHERE offender !~ 'stray|loop') AS without_comment,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM open_to_public) AS open_to_public,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM without_search_path) AS without_search_path,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM not_dumped) AS not_dumped,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM not_led_by_organization) AS not_led,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM without_primary_key) AS without_primary_key,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM foreign_key_without_index) AS without_index,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM foreign_key_cycle) AS cycle,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM counted_by_machine) AS counted_by_machine,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM of_unusual_type) AS of_unusual_type,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM key_of_other_collation) AS other_collation,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM with_unnamed_argument) AS unnamed,
       (SELECT count(*) FROM overloaded) AS overloaded,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM wrongly_parallel) AS wrongly_parallel,
       (SELECT string_agg(offender, ' ' ORDER BY offender COLLATE "C") FROM string_bodied) AS string_bodied,
       (SELECT string_agg(offender, ', ' ORDER BY offender COLLATE "C") FROM unguarded) AS unguarded,
       (SELECT string_agg(offender, ', ' ORDER BY offender COLLATE "C") FROM fires_on_insert) AS fires_on_insert
\gset seen_
ROLLBACK;

SELECT is(seen, want, why || ' is seen')
FROM (VALUES
  (:'seen_strangers', 'ledger_agents.authorize(integer) ledger_agents.definer() ledger_agents.loop'
     || ' ledger_agents.stray ledger_agents.stray_id_seq public.outside', 'a stranger'),
  (:'seen_without_comment', 'ledger_agents.agents.name ledger_agents.authenticate(pg_catalog.text)'
     || ' ledger_agents.plain() public.outside', 'what has no comment'),
  (:'seen_open_to_public', 'ledger_agents.agents ledger_agents.authorize(integer) ledger_agents.definer()'
     || ' ledger_agents.plain()', 'what PUBLIC may do'),
  (:'seen_without_search_path', 'ledger_agents.definer() ledger_agents.plain()', 'a function without search_path'),
  (:'seen_not_dumped', 'ledger_agents.loop ledger_agents.stray', 'a table that a dump forgets'),
  (:'seen_not_led', 'ledger_agents.loop_pkey ledger_agents.stray_label_key loop_stray_label_fkey stray_loop',
     'a key across organizations'),
  (:'seen_without_primary_key', 'ledger_agents.stray', 'a table without a primary key'),
  (:'seen_without_index', 'loop_stray_label_fkey stray_loop', 'a foreign key without an index'),
  (:'seen_cycle', 'ledger_agents.loop ledger_agents.stray', 'a cycle'),
  (:'seen_counted_by_machine', 'ledger_agents.stray.id ledger_agents.stray_id_seq', 'a sequence'),
  (:'seen_of_unusual_type', 'ledger_agents.stray.amount numeric', 'an amount that is no bigint'),
  (:'seen_other_collation', 'ledger_agents.stray.label', 'a key of another collation'),
  (:'seen_unnamed', 'ledger_agents.authorize(integer)', 'an argument without a name'),
  (:'seen_overloaded', '1', 'an overload'),
  (:'seen_wrongly_parallel', 'ledger_agents.authorize(integer)', 'a volatile function that claims to be parallel safe'),
  (:'seen_string_bodied', 'ledger_agents.authorize(integer)', 'a body in a string'),
  (:'seen_unguarded', 'ledger_agents.authorizations: delete, ledger_agents.events: truncate', 'a guard that is gone'),
  (:'seen_fires_on_insert', 'ledger_agents.stray: stray_insert', 'a trigger on inserts'))
  AS planted (seen, want, why);

SELECT * FROM finish();
