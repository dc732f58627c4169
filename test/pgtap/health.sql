-- Does health_check() see what is wrong, and nothing where nothing is?
--
-- Each row breaks one thing, asks, and takes it back: finding, severity and
-- object are what must be told of it, in full.
SET client_min_messages = warning;
CREATE ROLE health_operator;
CREATE ROLE health_auditor;
CREATE ROLE health_api;
CREATE ROLE health_both;
CREATE ROLE health_other;
SELECT no_plan();

-- Right after the installation.
SELECT is_empty('SELECT * FROM ledger_agents.health_check() h WHERE h.object <> ''fsync''', 'a new installation is healthy');
SELECT ledger_agents.grant_access('health_operator', 'operator'), ledger_agents.grant_access('health_auditor', 'auditor'),
       ledger_agents.grant_access('health_api', 'api') \g /dev/null
SELECT is_empty('SELECT * FROM ledger_agents.health_check() h WHERE h.object <> ''fsync''', 'levels are no finding');
SELECT ledger_agents.grant_access('health_both', 'auditor'), ledger_agents.grant_access('health_both', 'api') \g /dev/null
SELECT is_empty('SELECT * FROM ledger_agents.health_check() h WHERE h.object <> ''fsync''', 'nor are two of one role');
SELECT (ledger_agents.authorize((ledger_agents.register_agent('a', 'c')).id, 5)).decision \g /dev/null
SELECT is_empty('SELECT * FROM ledger_agents.health_check() h WHERE h.object <> ''fsync''', 'nor is use');
SELECT cmp_ok((SELECT count(*) FROM ledger_agents.shipped_objects()), '>', 1000::bigint, 'it is compared with much');
SELECT bag_eq('SELECT kind, object, definition, note FROM ledger_agents.installed_objects()',
              'SELECT kind, object, definition, note FROM ledger_agents.shipped_objects()', 'and that is what is here');
SELECT is(ledger_agents.library_version(), (SELECT extversion FROM pg_extension WHERE extname = 'ledger_agents'), 'the versions are one');
BEGIN;
SET LOCAL search_path = ledger_agents, ledger_agents_api;
SET LOCAL intervalstyle = iso_8601;
SET LOCAL quote_all_identifiers = on;
SELECT count(*) AS told FROM ledger_agents.health_check() h WHERE h.object <> 'fsync' \gset
ROLLBACK;
SELECT is(:told, 0, 'whatever the caller''s settings are');

-- What is told of a database in which that was done; the database is as before.
CREATE FUNCTION told(breach text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  BEGIN
    EXECUTE breach;
    SELECT string_agg(t.line, ', ' ORDER BY t.line COLLATE "C") INTO line
    FROM (SELECT DISTINCT concat_ws(' ', h.finding, h.severity, h.object) AS line FROM ledger_agents.health_check() h) t;
    RAISE EXCEPTION USING errcode = 'XX999';
  EXCEPTION WHEN SQLSTATE 'XX999' THEN
    RETURN coalesce(line, 'nothing');
  END;
END
$$;
SET allow_system_table_mods = on;
CREATE TABLE breaches (number serial, breach text, want text);
INSERT INTO breaches (breach, want) VALUES
  -- Tables and columns.
  ('ALTER TABLE ledger_agents.counters SET UNLOGGED', 'changed critical table ledger_agents.counters'),
  ('ALTER TABLE ledger_agents.counters SET (autovacuum_enabled = off)', 'changed critical table ledger_agents.counters'),
  ('ALTER TABLE ledger_agents.counters SET (autovacuum_vacuum_scale_factor = 0.01)', 'nothing'),
  ('ALTER TABLE ledger_agents.counters RESET (fillfactor)', 'changed critical table ledger_agents.counters'),
  ('ALTER TABLE ledger_agents.agents ENABLE ROW LEVEL SECURITY', 'changed critical table ledger_agents.agents'),
  ('ALTER TABLE ledger_agents.agents OWNER TO health_other', 'changed critical table ledger_agents.agents'),
  ('ALTER TABLE ledger_agents.cards ALTER max_amount SET DEFAULT 7', 'changed critical column ledger_agents.cards.max_amount'),
  ('ALTER TABLE ledger_agents.counters ALTER total_spent DROP NOT NULL', 'changed critical column ledger_agents.counters.total_spent'),
  ('ALTER TABLE ledger_agents.counters ADD extra bigint', 'added critical column ledger_agents.counters.extra'),
  ('UPDATE pg_extension SET extcondition = array_fill(''WHERE false''::text, ARRAY[cardinality(extconfig)]) WHERE extname = ''ledger_agents''', 'changed critical extension ledger_agents'),
  ('UPDATE pg_extension SET extversion = ''1.0'' WHERE extname = ''ledger_agents''', 'version critical extension'),
  ('CREATE TABLE ledger_agents.strange (id integer)', 'added critical column ledger_agents.strange.id, added critical table ledger_agents.strange'),
  -- Constraints, indexes, triggers, policies, rules.
  ('ALTER TABLE ledger_agents.agents DROP CONSTRAINT agents_spending_limit_range', 'missing critical constraint ledger_agents.agents agents_spending_limit_range'),
  ('UPDATE pg_constraint SET convalidated = false WHERE conname = ''agents_spending_limit_range''', 'changed critical constraint ledger_agents.agents agents_spending_limit_range'),
  ('ALTER TABLE ledger_agents.agents ADD CONSTRAINT poor CHECK (spending_limit < 1000)', 'added critical constraint ledger_agents.agents poor'),
  ('DROP INDEX ledger_agents.counters_expiry_idx', 'missing critical index ledger_agents.counters_expiry_idx'),
  ('UPDATE pg_index SET indisvalid = false WHERE indexrelid = ''ledger_agents.authorizations_idempotency_key''::regclass', 'changed critical index ledger_agents.authorizations_idempotency_key'),
  ('CREATE INDEX quick ON ledger_agents.agents (name)', 'added warning index ledger_agents.quick'),
  ('ALTER TABLE ledger_agents.events DISABLE TRIGGER events_append_only', 'changed critical trigger ledger_agents.events events_append_only'),
  ('DROP TRIGGER events_no_truncate ON ledger_agents.events', 'missing critical trigger ledger_agents.events events_no_truncate'),
  ('ALTER TABLE ledger_agents.agents ENABLE TRIGGER agents_forget', 'changed critical trigger ledger_agents.agents agents_forget'),
  ('CREATE TRIGGER more AFTER INSERT ON ledger_agents.authorizations FOR EACH ROW EXECUTE FUNCTION ledger_agents.refuse_change()', 'added critical trigger ledger_agents.authorizations more'),
  ('CREATE POLICY mine ON ledger_agents.agents USING (false)', 'added critical policy ledger_agents.agents mine'),
  ('CREATE RULE away AS ON DELETE TO ledger_agents.agents DO INSTEAD NOTHING', 'added critical rule ledger_agents.agents away'),
  -- Functions, views, types, the event trigger.
  ('ALTER FUNCTION ledger_agents.capture RESET search_path', 'changed critical function ledger_agents.capture(uuid,bigint,boolean,boolean,text,text)'),
  ('ALTER FUNCTION ledger_agents.sweep SECURITY INVOKER', 'changed critical function ledger_agents.sweep(integer,text)'),
  ('ALTER FUNCTION ledger_agents.sweep STABLE', 'changed critical function ledger_agents.sweep(integer,text)'),
  ('ALTER FUNCTION ledger_agents.sweep OWNER TO health_other', 'changed critical function ledger_agents.sweep(integer,text)'),
  ('CREATE OR REPLACE FUNCTION ledger_agents.keep_money() RETURNS event_trigger LANGUAGE plpgsql AS ''BEGIN END''', 'changed critical function ledger_agents.keep_money()'),
  ('CREATE OR REPLACE FUNCTION ledger_agents.act_as_operator() RETURNS void LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC SELECT FROM ledger_agents.agents; END', 'changed critical function ledger_agents.act_as_operator()'),
  ('CREATE FUNCTION ledger_agents.sweep() RETURNS integer LANGUAGE sql RETURN 1', 'added critical function ledger_agents.sweep(), right_missing warning function ledger_agents.sweep()'),
  ('CREATE OR REPLACE VIEW ledger_agents.counter_audit AS SELECT * FROM (TABLE ledger_agents.counter_audit LIMIT 0) v', 'changed critical view ledger_agents.counter_audit'),
  ('ALTER VIEW ledger_agents_api.agents RESET (security_barrier)', 'changed critical view ledger_agents_api.agents'),
  ('ALTER TYPE ledger_agents.card_type ADD VALUE ''triple''', 'changed critical enum ledger_agents.card_type'),
  ('ALTER EVENT TRIGGER ledger_agents_keep_money DISABLE', 'changed critical event trigger ledger_agents_keep_money'),
  ('ALTER EXTENSION ledger_agents DROP EVENT TRIGGER ledger_agents_keep_money', 'missing critical member event trigger ledger_agents_keep_money'),
  ('COMMENT ON TABLE ledger_agents.agents IS ''mine''', 'nothing'),
  -- Rights.
  ('GRANT SELECT ON ledger_agents.agents TO PUBLIC', 'changed critical table ledger_agents.agents'),
  ('GRANT EXECUTE ON FUNCTION ledger_agents.adopt TO PUBLIC', 'changed critical function ledger_agents.adopt(text)'),
  ('GRANT USAGE ON SCHEMA ledger_agents TO PUBLIC', 'changed critical schema ledger_agents'),
  ('GRANT SELECT (name) ON ledger_agents.agents TO PUBLIC', 'changed critical column ledger_agents.agents.name'),
  ('REVOKE EXECUTE ON FUNCTION ledger_agents.authorize FROM CURRENT_USER', 'changed critical function ledger_agents.authorize(uuid,bigint,text,text,text,text,uuid,uuid,text,interval,jsonb,text)'),
  ('GRANT UPDATE ON ledger_agents.counters TO health_operator', 'right_given critical table ledger_agents.counters'),
  ('GRANT SELECT ON ledger_agents.agent_tokens TO health_operator', 'right_given warning table ledger_agents.agent_tokens'),
  ('GRANT SELECT (secret_hash) ON ledger_agents.agent_tokens TO health_auditor', 'right_given warning column ledger_agents.agent_tokens.secret_hash'),
  ('GRANT SELECT ON ledger_agents.agents TO health_other', 'right_given warning table ledger_agents.agents'),
  ('GRANT SELECT ON ledger_agents.agents TO health_api', 'right_given warning table ledger_agents.agents'),
  ('GRANT SELECT ON ledger_agents_api.agents TO health_auditor', 'right_given warning view ledger_agents_api.agents'),
  ('GRANT UPDATE ON ledger_agents.statistics TO health_operator', 'right_given warning view ledger_agents.statistics'),
  ('GRANT SELECT ON ledger_agents.agents TO health_auditor WITH GRANT OPTION', 'right_given critical table ledger_agents.agents'),
  ('GRANT CREATE ON SCHEMA ledger_agents TO health_operator', 'right_given warning schema ledger_agents'),
  ('GRANT EXECUTE ON FUNCTION ledger_agents.adopt TO health_api', 'right_given critical function ledger_agents.adopt(text)'),
  ('GRANT EXECUTE ON FUNCTION ledger_agents.create_organization TO health_other', 'right_given critical function ledger_agents.create_organization(text,text,boolean,text,text,bigint,text,text,integer,integer,boolean)'),
  ('GRANT EXECUTE ON FUNCTION ledger_agents.grant_access TO health_operator', 'right_given critical function ledger_agents.grant_access(name,ledger_agents.access_level)'),
  ('REVOKE EXECUTE ON FUNCTION ledger_agents.sweep FROM health_operator', 'right_missing warning function ledger_agents.sweep(integer,text)'),
  ('REVOKE EXECUTE ON FUNCTION ledger_agents.check_invariants FROM health_auditor', 'right_missing warning function ledger_agents.check_invariants()'),
  -- Settings of the session, of roles and of the database. Those of the server: t/021_copies.pl.
  ('SET LOCAL session_replication_role = replica', 'setting critical session_replication_role'),
  ('SET LOCAL session_replication_role = local', 'setting critical session_replication_role'),
  ('SET LOCAL zero_damaged_pages = on', 'setting critical zero_damaged_pages'),
  ('SET LOCAL ignore_checksum_failure = on', 'setting critical ignore_checksum_failure'),
  ('SET LOCAL ledger_agents.durable_approvals = off', 'setting warning ledger_agents.durable_approvals'),
  ('SET LOCAL ledger_agents.allow_drop = on', 'setting warning ledger_agents.allow_drop'),
  ('SET LOCAL ledger_agents.clock = ''2030-01-01 00:00Z''', 'setting critical ledger_agents.clock'),
  ('SET LOCAL synchronous_commit = off', 'nothing'),
  ('ALTER ROLE health_api SET ledger_agents.durable_approvals = off', 'setting warning ledger_agents.durable_approvals'),
  ('ALTER ROLE health_api SET ledger_agents.lock_timeout = 5', 'nothing'),
  (format('ALTER DATABASE %I SET session_replication_role = replica', current_database()), 'setting critical session_replication_role'),
  ('ALTER DATABASE template1 SET session_replication_role = replica', 'nothing'),
  -- Age, and another database.
  ('UPDATE pg_class SET relfrozenxid = ''3200000000'' WHERE oid = ''ledger_agents.agents''::regclass', 'wraparound warning table ledger_agents.agents'),
  ('UPDATE pg_class SET relfrozenxid = ''2700000000'' WHERE oid = ''ledger_agents.agents''::regclass', 'wraparound critical table ledger_agents.agents'),
  ('SELECT ledger_agents.disown()', 'not_adopted critical ' || current_database());
-- The servers of pgtap run without fsync, which is a finding.
CREATE FUNCTION without_fsync(told text) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(nullif(trim(', ' FROM replace(replace(told, 'setting critical fsync', ''), ', , ', ', ')), ''), 'nothing')
$$;
SELECT is(without_fsync(told(breach)), want, breach) FROM breaches ORDER BY number;
SELECT is(told('SELECT 1'), 'setting critical fsync', 'and all of it is as before');

-- Who may ask.
SELECT is((SELECT string_agg(r, ' ' ORDER BY r) FROM unnest(ARRAY['health_operator', 'health_auditor', 'health_api', 'health_both', 'health_other']) r
           WHERE has_function_privilege(r, 'ledger_agents.health_check()', 'EXECUTE')), 'health_auditor health_both health_operator', 'operators and auditors ask');
SET ROLE health_auditor;
SELECT string_agg(h.finding || ' ' || h.object, ', ') AS auditor FROM ledger_agents.health_check() h \gset
SET ROLE health_operator;
SELECT string_agg(h.finding || ' ' || h.object, ', ') AS operator FROM ledger_agents.health_check() h \gset
RESET ROLE;
SELECT is(:'auditor'::text, 'setting fsync', 'an auditor is told the same');
SELECT is(:'operator'::text, 'setting fsync', 'and an operator');

SELECT * FROM finish();
DROP OWNED BY health_operator, health_auditor, health_api, health_both, health_other;
DROP ROLE health_operator, health_auditor, health_api, health_both, health_other;
