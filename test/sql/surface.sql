-- Everything that the extension brings, a line each: what an upgrade must end with, too.
-- Rights are those in force, a missing list being the default. Comments stand for themselves as eight digits of their
-- digest. View definitions and the way privileges are abbreviated differ among servers and are left out.
SET search_path = pg_catalog;
SET intervalstyle = postgres;
\pset format unaligned
\pset tuples_only on

CREATE TEMP VIEW spaces AS
SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname IN ('ledger_agents', 'ledger_agents_api');

CREATE TEMP VIEW relations AS
SELECT c.oid, c.oid::regclass AS name, c.relkind, c.relpersistence, c.reloptions, c.relowner, c.relacl, c.relrowsecurity
FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM spaces);

CREATE FUNCTION pg_temp.rights(acl aclitem[], owner oid) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(line, ' ' ORDER BY line COLLATE "C"), 'none')
  FROM (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' WHEN owner THEN 'owner' ELSE pg_get_userbyid(a.grantee) END || '='
               || string_agg(lower(a.privilege_type) || CASE WHEN a.is_grantable THEN '*' ELSE '' END, ','
                             ORDER BY a.privilege_type COLLATE "C") AS line
        FROM aclexplode(acl) a WHERE a.privilege_type <> 'MAINTAIN' GROUP BY a.grantee) g
$$;

CREATE FUNCTION pg_temp.note(comment text) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(left(md5(comment), 8), 'no comment')
$$;

-- The extension, its schemas, types, tables and views.
SELECT format('extension %s, schema %s, relocatable %s, dumped: %s', e.extname, e.extnamespace::regnamespace, e.extrelocatable,
              (SELECT string_agg(t::regclass::text, ' ' ORDER BY t::regclass::text COLLATE "C") FROM unnest(e.extconfig) t))
FROM pg_extension e WHERE e.extname = 'ledger_agents';

SELECT format('schema %s | %s | %s', nspname, pg_temp.rights(coalesce(nspacl, acldefault('n', nspowner)), nspowner),
              pg_temp.note(obj_description(oid, 'pg_namespace'))) AS line
FROM spaces ORDER BY nspname COLLATE "C";

SELECT format('enum %s: %s | %s | %s', t.oid::regtype,
              (SELECT string_agg(e.enumlabel, ' ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
              pg_temp.rights(coalesce(t.typacl, acldefault('T', t.typowner)), t.typowner),
              pg_temp.note(obj_description(t.oid, 'pg_type'))) AS line
FROM pg_type t WHERE t.typtype = 'e' AND t.typnamespace IN (SELECT oid FROM spaces)
ORDER BY t.oid::regtype::text COLLATE "C";

SELECT format('%s %s | %s%s | %s | %s',
              CASE r.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'c' THEN 'composite' ELSE r.relkind::text END, r.name,
              CASE r.relpersistence WHEN 'p' THEN 'permanent' ELSE r.relpersistence::text END,
              CASE WHEN r.relrowsecurity THEN ', row security' ELSE '' END || coalesce(', ' || array_to_string(r.reloptions, ', '), ''),
              CASE WHEN r.relkind <> 'c' THEN pg_temp.rights(coalesce(r.relacl, acldefault('r', r.relowner)), r.relowner) ELSE 'none' END,
              pg_temp.note(CASE r.relkind WHEN 'c' THEN obj_description(to_regtype(r.name::text), 'pg_type')
                                          ELSE obj_description(r.oid, 'pg_class') END)) AS line
FROM relations r WHERE r.relkind NOT IN ('i', 't') ORDER BY r.relkind, r.name::text COLLATE "C";

-- Columns, in their order.
SELECT format('column %s.%s %s%s%s%s%s | %s', r.name, a.attname, format_type(a.atttypid, a.atttypmod),
              (SELECT ' collate ' || quote_ident(c.collname) FROM pg_collation c WHERE c.oid = a.attcollation AND c.collname <> 'default'),
              CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
              (SELECT ' default ' || pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = r.oid AND d.adnum = a.attnum),
              CASE WHEN a.attacl IS NULL THEN '' ELSE ' with rights of its own' END,
              pg_temp.note(col_description(r.oid, a.attnum))) AS line
FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE r.relkind NOT IN ('i', 't') ORDER BY r.relkind, r.name::text COLLATE "C", a.attnum;

-- Constraints (where a server lists NOT NULL among them, it is above already), indexes and triggers.
SELECT format('constraint %s on %s: %s', k.conname, r.name, pg_get_constraintdef(k.oid)) AS line
FROM pg_constraint k JOIN relations r ON r.oid = k.conrelid WHERE k.contype NOT IN ('n', 't')
ORDER BY r.name::text COLLATE "C", k.conname COLLATE "C";

SELECT format('index: %s', pg_get_indexdef(i.indexrelid)) AS line
FROM pg_index i JOIN relations r ON r.oid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
ORDER BY c.relname COLLATE "C";

SELECT format('trigger: %s | enabled %s', pg_get_triggerdef(t.oid), t.tgenabled) AS line
FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
ORDER BY r.name::text COLLATE "C", t.tgname COLLATE "C";

-- Functions: signature and result; how they may be called; whose rights they have; who may call them.
SELECT format(E'%s %s(%s) returns %s\n    %s, %s%s, parallel %s, security %s%s%s | %s | %s',
              CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'window' END,
              p.oid::regproc, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
              l.lanname || CASE l.lanname WHEN 'c' THEN ' ' || p.prosrc ELSE '' END,
              CASE p.provolatile WHEN 'v' THEN 'volatile' WHEN 's' THEN 'stable' ELSE 'immutable' END,
              CASE WHEN p.proisstrict THEN ' strict' ELSE '' END,
              CASE p.proparallel WHEN 'u' THEN 'unsafe' WHEN 'r' THEN 'restricted' ELSE 'safe' END,
              CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END,
              CASE WHEN p.proleakproof THEN ', leakproof' ELSE '' END,
              coalesce(', ' || array_to_string(p.proconfig, '; '), ''),
              pg_temp.rights(coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner),
              pg_temp.note(obj_description(p.oid, 'pg_proc'))) AS line
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace IN (SELECT oid FROM spaces) ORDER BY p.oid::regprocedure::text COLLATE "C";

-- And anything else that belongs to it.
SELECT format('%s %s', i.type, i.identity) AS line
FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ledger_agents'
CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.classid NOT IN ('pg_namespace'::regclass, 'pg_type'::regclass, 'pg_class'::regclass, 'pg_proc'::regclass)
ORDER BY i.type COLLATE "C", i.identity COLLATE "C";
