/*
 * What is here, beside what was shipped.
 *
 * What was shipped is written down once: the library carries what the test
 * "surface" has accepted for its version (expected/surface.out).
 */
CREATE FUNCTION ledger_agents.library_version() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_library_version';
REVOKE ALL ON FUNCTION ledger_agents.library_version FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.library_version IS
'Version of the library that this session has loaded. The extension''s own is in pg_extension.';

CREATE FUNCTION ledger_agents.shipped_objects(
	OUT kind text, OUT object text, OUT definition text, OUT note text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL SAFE ROWS 1500
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_shipped_objects';
REVOKE ALL ON FUNCTION ledger_agents.shipped_objects FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.shipped_objects IS
'Everything that the library''s version of the extension consists of, as installed_objects() would show it in a new database.';

/*
 * The settings are those that texts of definitions depend on.  Rights of roles
 * are no part of it: they are what grant_access() gives and health_check() looks
 * at.  Servers write the text of a view in different ways; what it refers to
 * stands for it, as a digest.  The same for functions in SQL.
 */
CREATE FUNCTION ledger_agents.installed_objects(
	OUT kind text, OUT object text, OUT definition text, OUT note text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 1500
SET search_path = pg_catalog, pg_temp
SET intervalstyle = postgres
SET quote_all_identifiers = off
BEGIN ATOMIC
	WITH spaces AS (
		SELECT s.oid, s.nspname, s.nspowner, s.nspacl
		FROM pg_catalog.pg_namespace s WHERE s.nspname IN ('ledger_agents', 'ledger_agents_api')
	), relations AS (
		SELECT c.*, c.oid::regclass::text AS name
		FROM pg_catalog.pg_class c WHERE c.relnamespace IN (SELECT s.oid FROM spaces s)
	), kinds (relkind, kind) AS (
		VALUES ('r', 'table'), ('p', 'table'), ('v', 'view'), ('c', 'composite'), ('m', 'materialized view'), ('S', 'sequence'), ('f', 'foreign table')
	), extension AS (
		SELECT e.* FROM pg_catalog.pg_extension e WHERE e.extname = 'ledger_agents'
	), objects AS (
		SELECT 'extension' AS kind, e.extname::text AS object,
			   pg_catalog.format('schema %s, relocatable %s, dumped: %s', e.extnamespace::regnamespace, e.extrelocatable,
				(SELECT pg_catalog.string_agg(t.oid::regclass || coalesce(nullif(' ' || t.condition, ' '), ''), ' ' ORDER BY t.oid::regclass::text COLLATE "C")
				 FROM ROWS FROM (unnest(e.extconfig), unnest(e.extcondition)) AS t (oid, condition))) AS definition,
			   e.extowner AS owner, NULL::aclitem[] AS acl, pg_catalog.obj_description(e.oid, 'pg_extension') AS comment
		FROM extension e
		UNION ALL
		SELECT 'schema', s.nspname, '', s.nspowner, coalesce(s.nspacl, pg_catalog.acldefault('n', s.nspowner)),
			   pg_catalog.obj_description(s.oid, 'pg_namespace')
		FROM spaces s
		UNION ALL
		SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' ELSE 'type' END, t.oid::regtype::text,
			   (SELECT pg_catalog.string_agg(l.enumlabel, ' ' ORDER BY l.enumsortorder) FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid),
			   t.typowner, coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner)), pg_catalog.obj_description(t.oid, 'pg_type')
		FROM pg_catalog.pg_type t
		WHERE t.typnamespace IN (SELECT s.oid FROM spaces s) AND t.typtype IN ('e', 'd', 'b', 'r') AND t.typelem = 0
		UNION ALL
		SELECT k.kind, r.name,
			   pg_catalog.concat_ws(', ', CASE r.relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE r.relpersistence::text END,
				CASE WHEN r.relkind = 'p' THEN 'partitioned' END,
				CASE WHEN r.relrowsecurity OR r.relforcerowsecurity THEN 'row security' END,
				(SELECT pg_catalog.string_agg(o.option, ', ' ORDER BY o.option COLLATE "C") FROM unnest(r.reloptions) AS o (option)
				 WHERE o.option ~ '^(fillfactor|security_|check_option|(toast\.)?autovacuum_enabled)'),
				(SELECT 'refers to ' || left(md5(pg_catalog.string_agg(DISTINCT i.identity, ' ' ORDER BY i.identity)), 8)
				 FROM pg_catalog.pg_rewrite w
				 JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid AND d.deptype = 'n'
				 CROSS JOIN LATERAL (SELECT f.identity COLLATE "C" AS identity
									 FROM pg_catalog.pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) f) i
				 WHERE r.relkind = 'v' AND w.ev_class = r.oid AND w.rulename = '_RETURN'
				   /* Servers before 16 have the view refer to itself. */
				   AND NOT (d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = r.oid))),
			   r.relowner, CASE WHEN r.relkind <> 'c' THEN coalesce(r.relacl, pg_catalog.acldefault('r', r.relowner)) END,
			   CASE r.relkind WHEN 'c' THEN pg_catalog.obj_description(r.reltype, 'pg_type') ELSE pg_catalog.obj_description(r.oid, 'pg_class') END
		FROM relations r JOIN kinds k ON k.relkind = r.relkind::text
		UNION ALL
		SELECT 'column', r.name || '.' || a.attname,
			   pg_catalog.concat(pg_catalog.to_char(pg_catalog.rank() OVER (PARTITION BY r.oid ORDER BY a.attnum), 'FM000'), ' ', pg_catalog.format_type(a.atttypid, a.atttypmod),
				(SELECT ' collate ' || pg_catalog.quote_ident(c.collname) FROM pg_catalog.pg_collation c WHERE c.oid = a.attcollation AND c.collname <> 'default'),
				CASE WHEN a.attnotnull THEN ' not null' END,
				(SELECT ' default ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = r.oid AND d.adnum = a.attnum),
				CASE WHEN a.attidentity <> '' OR a.attgenerated <> '' THEN ' generated' END,
				(SELECT ' open to PUBLIC' FROM pg_catalog.aclexplode(a.attacl) x WHERE x.grantee = 0 LIMIT 1)),
			   NULL, NULL, pg_catalog.col_description(r.oid, a.attnum)
		FROM relations r JOIN kinds k ON k.relkind = r.relkind::text
		JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT 'constraint', r.name || ' ' || k.conname, pg_catalog.pg_get_constraintdef(k.oid), NULL, NULL, ''
		FROM pg_catalog.pg_constraint k JOIN relations r ON r.oid = k.conrelid WHERE k.contype NOT IN ('n', 't')
		UNION ALL
		SELECT 'index', i.indexrelid::regclass::text,
			   pg_catalog.pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid AND i.indisready AND i.indislive THEN '' ELSE ', invalid' END,
			   NULL, NULL, ''
		FROM pg_catalog.pg_index i JOIN relations r ON r.oid = i.indrelid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
		WHERE r.relkind <> 't'
		UNION ALL
		SELECT 'trigger', r.name || ' ' || t.tgname,
			   pg_catalog.pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN '' WHEN 'A' THEN ', always' WHEN 'D' THEN ', disabled' ELSE ', only on replicas' END,
			   NULL, NULL, ''
		FROM pg_catalog.pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
		UNION ALL
		SELECT 'policy', r.name || ' ' || p.polname,
			   pg_catalog.concat_ws(' ', p.polcmd, pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)),
			   NULL, NULL, ''
		FROM pg_catalog.pg_policy p JOIN relations r ON r.oid = p.polrelid
		UNION ALL
		SELECT 'rule', r.name || ' ' || w.rulename, pg_catalog.pg_get_ruledef(w.oid), NULL, NULL, ''
		FROM pg_catalog.pg_rewrite w JOIN relations r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'
		UNION ALL
		SELECT 'function', p.oid::regprocedure::text,
			   pg_catalog.concat_ws(', ', 'arguments (' || pg_catalog.pg_get_function_arguments(p.oid) || ') returns ' || pg_catalog.pg_get_function_result(p.oid),
				CASE p.prokind WHEN 'f' THEN NULL ELSE 'kind ' || p.prokind::text END,
				l.lanname || CASE WHEN l.lanname = 'c' THEN ' ' || p.prosrc || ' of ' || p.probin
								  WHEN p.prosqlbody IS NULL THEN ' ' || left(md5(p.prosrc), 8)
								  ELSE (SELECT ' that refers to ' || left(md5(coalesce(pg_catalog.string_agg(DISTINCT i.identity, ' ' ORDER BY i.identity), '')), 8)
										FROM pg_catalog.pg_depend d
										CROSS JOIN LATERAL (SELECT f.identity COLLATE "C" AS identity
															FROM pg_catalog.pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) f) i
										WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'n') END,
				CASE p.provolatile WHEN 'v' THEN 'volatile' WHEN 's' THEN 'stable' ELSE 'immutable' END,
				CASE WHEN p.proisstrict THEN 'strict' END,
				'parallel ' || CASE p.proparallel WHEN 'u' THEN 'unsafe' WHEN 'r' THEN 'restricted' ELSE 'safe' END,
				'security ' || CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END,
				CASE WHEN p.proleakproof THEN 'leakproof' END,
				pg_catalog.array_to_string(p.proconfig, '; ')),
			   p.proowner, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)), pg_catalog.obj_description(p.oid, 'pg_proc')
		FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
		WHERE p.pronamespace IN (SELECT s.oid FROM spaces s)
		UNION ALL
		SELECT 'event trigger', t.evtname,
			   pg_catalog.concat_ws(', ', t.evtevent, pg_catalog.array_to_string(t.evttags, '; '), t.evtfoid::regprocedure::text,
				CASE t.evtenabled WHEN 'O' THEN NULL WHEN 'A' THEN 'always' WHEN 'D' THEN 'disabled' ELSE 'only on replicas' END),
			   t.evtowner, NULL, pg_catalog.obj_description(t.oid, 'pg_event_trigger')
		FROM pg_catalog.pg_event_trigger t
		WHERE t.evtfoid IN (SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.pronamespace IN (SELECT s.oid FROM spaces s))
		UNION ALL
		SELECT 'member', i.type || ' ' || i.identity, '', NULL, NULL, ''
		FROM extension e
		JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
		CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, 0) i
		/* From 17 on types of rows and arrays are members, too, like what they come with. */
		WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
						  WHERE d.classid = 'pg_catalog.pg_type'::regclass AND t.oid = d.objid AND (t.typcategory = 'A' OR c.relkind <> 'c'))
	)
	SELECT o.kind, o.object,
		   pg_catalog.regexp_replace(pg_catalog.concat_ws(' | ', nullif(o.definition, ''),
			(SELECT 'owned by ' || pg_catalog.pg_get_userbyid(o.owner) FROM extension e WHERE o.owner <> e.extowner),
			CASE WHEN o.acl IS NOT NULL THEN
			 coalesce((SELECT pg_catalog.string_agg(g.line, ' ' ORDER BY g.line COLLATE "C")
					   FROM (SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE 'owner' END || '='
									|| pg_catalog.string_agg(lower(x.privilege_type), ',' ORDER BY x.privilege_type COLLATE "C") AS line
							 FROM pg_catalog.aclexplode(o.acl) x
							 WHERE x.grantee IN (0, o.owner) AND x.privilege_type <> 'MAINTAIN' GROUP BY x.grantee) g), 'no rights') END),
			'\s+', ' ', 'g'),
		   coalesce(left(md5(o.comment), 8), CASE WHEN o.comment = '' THEN '' ELSE 'no comment' END)
	FROM objects o;
END;
REVOKE ALL ON FUNCTION ledger_agents.installed_objects FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.installed_objects IS
'Everything that is in the two schemas or belongs to the extension, a row each, described in the same words on every server: kind, object, definition with the rights of its owner and of PUBLIC, and eight digits of the digest of its comment.';

CREATE FUNCTION ledger_agents.health_check(
	OUT finding text, OUT severity text, OUT object text, OUT found text, OUT expected text, OUT advice text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
BEGIN ATOMIC
	WITH here AS MATERIALIZED (
		SELECT i.kind, i.object, i.definition FROM ledger_agents.installed_objects() i
	), shipped AS MATERIALIZED (
		SELECT s.kind, s.object, s.definition FROM ledger_agents.shipped_objects() s
	), rights AS MATERIALIZED (
		/* What roles hold that are neither the owner nor PUBLIC. */
		SELECT x.grantee, pg_catalog.pg_get_userbyid(x.grantee)::text AS role, o.kind, o.oid, o.name, x.privilege_type AS privilege, x.is_grantable
		FROM (SELECT 'schema' AS kind, s.oid, s.nspname::text AS name, s.nspacl AS acl, s.nspowner AS owner FROM pg_catalog.pg_namespace s
			  WHERE s.nspname IN ('ledger_agents', 'ledger_agents_api')
			  UNION ALL
			  SELECT 'function', p.oid, p.oid::regprocedure::text, p.proacl, p.proowner FROM pg_catalog.pg_proc p
			  WHERE p.pronamespace IN ('ledger_agents'::regnamespace, 'ledger_agents_api'::regnamespace)
			  UNION ALL
			  SELECT CASE WHEN c.relkind = 'v' THEN 'view' ELSE 'table' END, c.oid, c.oid::regclass::text, c.relacl, c.relowner FROM pg_catalog.pg_class c
			  WHERE c.relnamespace IN ('ledger_agents'::regnamespace, 'ledger_agents_api'::regnamespace)
			  UNION ALL
			  SELECT 'column', c.oid, c.oid::regclass || '.' || a.attname, a.attacl, c.relowner FROM pg_catalog.pg_class c
			  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL
			  WHERE c.relnamespace IN ('ledger_agents'::regnamespace, 'ledger_agents_api'::regnamespace)) AS o,
			 LATERAL pg_catalog.aclexplode(o.acl) x
		WHERE x.grantee NOT IN (0, o.owner)
	), levels AS MATERIALIZED (
		/* By what only a level gives. */
		SELECT r.grantee, l.level
		FROM rights r
		JOIN (VALUES ('ledger_agents.act_as_operator()', 'operator'::ledger_agents.access_level),
					 ('ledger_agents.act_as_auditor()', 'auditor'), ('ledger_agents_api.pre_request()', 'api')) AS l (marker, level) ON l.marker = r.name
	), given AS MATERIALIZED (
		SELECT l.grantee, g.function
		FROM (SELECT DISTINCT v.level FROM levels v) AS d
		JOIN levels l ON l.level = d.level
		CROSS JOIN LATERAL ledger_agents.level_functions(d.level) AS g (function)
	), settings (name, wrong, severity, expected, advice) AS (
		VALUES ('fsync', '^off$', 'critical', 'on', 'A crash may lose what was approved, and the database.'),
			   ('full_page_writes', '^off$', 'critical', 'on', 'A crash may damage pages.'),
			   ('zero_damaged_pages', '^on$', 'critical', 'off', 'Damaged pages with money in them are thrown away.'),
			   ('ignore_checksum_failure', '^on$', 'critical', 'off', 'Damaged pages are read as if they were whole.'),
			   ('session_replication_role', '^(replica|local)$', 'critical', 'origin', 'Guards of tables do not fire in this session.'),
			   ('autovacuum', '^off$', 'warning', 'on', 'Counters are changed by every decision and grow without it.'),
			   ('track_counts', '^off$', 'warning', 'on', 'Autovacuum needs it.'),
			   ('event_triggers', '^off$', 'warning', 'on', 'DROP EXTENSION is not refused.'),
			   ('max_locks_per_transaction', '^([1-5]?[0-9]|6[0-3])$', 'warning', '64 or more', 'A transaction over many agents takes many locks.'),
			   ('ledger_agents.durable_approvals', '^off$', 'warning', 'on', 'A crash may lose approvals that were told.'),
			   ('ledger_agents.allow_drop', '^on$', 'warning', 'off', 'DROP EXTENSION is not refused.'),
			   ('ledger_agents.clock', '.', 'critical', '', 'Windows and expiries do not follow the time.')
	)
	SELECT CASE WHEN h.object IS NULL THEN 'missing' WHEN s.object IS NULL THEN 'added' ELSE 'changed' END,
		   CASE WHEN s.object IS NULL AND k.kind IN ('index', 'type', 'enum', 'composite', 'view') THEN 'warning' ELSE 'critical' END,
		   k.kind || ' ' || k.object, h.definition, s.definition,
		   'What the extension shipped is changed by ALTER EXTENSION ledger_agents UPDATE only: put it back.'
	FROM (SELECT h.kind, h.object FROM here h UNION SELECT s.kind, s.object FROM shipped s) k
	LEFT JOIN here h ON h.kind = k.kind AND h.object = k.object
	LEFT JOIN shipped s ON s.kind = k.kind AND s.object = k.object
	WHERE h.definition IS DISTINCT FROM s.definition OR (h.object IS NULL) <> (s.object IS NULL)
	UNION ALL
	SELECT 'right_given', CASE WHEN r.kind = 'table' AND r.privilege <> 'SELECT' OR r.is_grantable OR r.kind = 'function' THEN 'critical' ELSE 'warning' END,
		   r.kind || ' ' || r.name, r.role || ': ' || r.privilege || CASE WHEN r.is_grantable THEN ' with grant option' ELSE '' END, NULL,
		   'No level gives it: revoke it.'
	FROM rights r
	WHERE r.is_grantable
	   OR (r.kind = 'table' AND r.privilege <> 'SELECT')
	   OR (r.kind = 'schema' AND r.privilege <> 'USAGE')
	   OR (r.kind = 'function' AND NOT EXISTS (SELECT FROM given g WHERE g.grantee = r.grantee AND g.function = r.oid))
	   OR (r.kind = 'view' AND r.privilege <> 'SELECT' AND r.name LIKE 'ledger\_agents.%')
	   OR NOT EXISTS (SELECT FROM levels l WHERE l.grantee = r.grantee
					  AND (r.kind IN ('schema', 'function') OR l.level = 'operator'
						   OR l.level = CASE WHEN r.name LIKE 'ledger\_agents\_api.%' THEN 'api' ELSE 'auditor' END::ledger_agents.access_level))
	   OR (r.kind IN ('table', 'column') AND r.privilege = 'SELECT'
		   AND (r.name LIKE '%.secret_hash' OR r.name IN ('ledger_agents.agent_tokens', 'ledger_agents.organization_keys')))
	UNION ALL
	SELECT 'right_missing', 'warning', 'function ' || g.function::regprocedure, pg_catalog.pg_get_userbyid(g.grantee), 'EXECUTE',
		   'Call ledger_agents.grant_access() for this role again: an update may have brought the function.'
	FROM (SELECT DISTINCT v.grantee, v.function FROM given v) g
	WHERE NOT EXISTS (SELECT FROM rights r WHERE r.grantee = g.grantee AND r.kind = 'function' AND r.oid = g.function)
	UNION ALL
	SELECT 'setting', w.severity, w.name, s.setting, w.expected, w.advice
	FROM settings w JOIN pg_catalog.pg_settings s ON s.name = w.name WHERE s.setting ~ w.wrong
	UNION ALL
	SELECT 'setting', w.severity, w.name, c.value || coalesce(' for role ' || r.rolname, '') || coalesce(' in database ' || d.datname, ''), w.expected, w.advice
	FROM pg_catalog.pg_db_role_setting g
	CROSS JOIN LATERAL unnest(g.setconfig) AS e (entry)
	CROSS JOIN LATERAL (SELECT split_part(e.entry, '=', 1) AS name, substr(e.entry, strpos(e.entry, '=') + 1) AS value) c
	JOIN settings w ON w.name = lower(c.name) AND c.value ~ w.wrong
	LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.setrole
	LEFT JOIN pg_catalog.pg_database d ON d.oid = g.setdatabase
	WHERE g.setdatabase = 0 OR d.datname = pg_catalog.current_database()
	UNION ALL
	SELECT 'version', 'critical', 'extension', e.extversion, ledger_agents.library_version(), 'Run ALTER EXTENSION ledger_agents UPDATE, or install the library of that version.'
	FROM pg_catalog.pg_extension e WHERE e.extname = 'ledger_agents' AND e.extversion <> ledger_agents.library_version()
	UNION ALL
	SELECT 'not_adopted', 'critical', pg_catalog.current_database(),
		   coalesce('database ' || a.database_oid || ' of system ' || a.system_identifier, CASE WHEN a.id IS NULL THEN 'rows, and no adoption' ELSE 'disowned' END),
		   'database ' || d.oid || ' of system ' || c.system_identifier,
		   'It does not spend. Where no other copy of it spends any more: SELECT ledger_agents.adopt().'
	FROM pg_catalog.pg_database d
	CROSS JOIN pg_catalog.pg_control_system() c
	LEFT JOIN (SELECT l.* FROM ledger_agents.adoptions l ORDER BY l.id DESC LIMIT 1) a ON true
	WHERE d.datname = pg_catalog.current_database()
	  AND (a.system_identifier, a.database_oid) IS DISTINCT FROM (c.system_identifier, d.oid::bigint)
	  AND (a.id IS NOT NULL OR EXISTS (SELECT FROM ledger_agents.organizations))
	UNION ALL
	SELECT 'wraparound', CASE WHEN g.age > 1500000000 THEN 'critical' ELSE 'warning' END, 'table ' || c.oid::regclass, g.age::text, 'less than 1000000000',
		   'VACUUM (FREEZE) it, and find out what keeps autovacuum from it: an old snapshot, a prepared transaction, a replication slot.'
	FROM pg_catalog.pg_class c
	CROSS JOIN LATERAL (SELECT greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.mxid_age(c.relminmxid)) AS age) g
	WHERE c.relnamespace = 'ledger_agents'::regnamespace AND c.relkind = 'r' AND g.age > 1000000000;
END;
REVOKE ALL ON FUNCTION ledger_agents.health_check FROM PUBLIC;
COMMENT ON FUNCTION ledger_agents.health_check IS
'Compares the database with what the extension shipped and needs: one row per finding, none in health. finding: missing, added or changed (an object, its owner, its definition, the rights of PUBLIC), right_given, right_missing, setting, version, not_adopted, wraparound; severity critical or warning; object, found, expected, advice. For operators and auditors.';
