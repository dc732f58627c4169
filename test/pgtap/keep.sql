-- Does the money stay where somebody drops the extension?
--
-- Each DROP runs in a session of its own, which has not loaded the library: the
-- event trigger must do that. What they saw is told at the end, in one session.
SET client_min_messages = warning;
CREATE ROLE keep_owner SUPERUSER;
CREATE ROLE keep_plain;
CREATE TABLE seen (number serial, ending text, want text, why text);

CREATE FUNCTION ending(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  EXECUTE call;
  RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
  RETURN concat_ws(' ', SQLSTATE, nullif(name, ''));
END
$$;
-- Done, looked at and undone.
CREATE FUNCTION undone(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  seen text;
BEGIN
  seen := ending(call);
  RAISE EXCEPTION USING errcode = 'XX999', message = seen;
EXCEPTION WHEN SQLSTATE 'XX999' THEN
  RETURN SQLERRM;
END
$$;

INSERT INTO seen (ending, want, why) VALUES (undone('DROP EXTENSION ledger_agents'), 'ok', 'an extension without rows can be dropped');
SELECT id AS agent FROM ledger_agents.register_agent('a', 'c', spending_limit => 10) \gset
INSERT INTO seen (ending, want, why) VALUES (undone('DROP EXTENSION ledger_agents'), 'ok', 'and one without authorizations');
SELECT decision FROM ledger_agents.authorize(:'agent', 11) \g /dev/null

-- A decline is a row, too.
\c
INSERT INTO seen (ending, want, why) VALUES (undone('DROP EXTENSION ledger_agents'), '55000 money_would_be_lost', 'with an authorization it cannot');
\c
INSERT INTO seen (ending, want, why) VALUES (undone('DROP EXTENSION ledger_agents CASCADE'), '55000 money_would_be_lost', 'nor with CASCADE');
\c
INSERT INTO seen (ending, want, why) VALUES (undone('DROP EXTENSION ledger_agents, pgtap CASCADE'), '55000 money_would_be_lost', 'nor among others');
\c
INSERT INTO seen (ending, want, why) VALUES (undone('DROP SCHEMA ledger_agents CASCADE'), '2BP01', 'its schema is its own');
\c
INSERT INTO seen (ending, want, why) VALUES (undone('DROP TABLE ledger_agents.authorizations CASCADE'), '2BP01', 'as are its tables');
\c
INSERT INTO seen (ending, want, why) VALUES (undone('DROP EVENT TRIGGER ledger_agents_keep_money'), '2BP01', 'and the guard');

-- In SQL of its own, because plpgsql goes with it: all else falls with the language that grant_access() is written in.
\c
\set VERBOSITY sqlstate
\set ON_ERROR_STOP 0
BEGIN;
DROP EXTENSION plpgsql CASCADE;
\set seen :SQLSTATE
ROLLBACK;
\set ON_ERROR_STOP 1
INSERT INTO seen (ending, want, why) VALUES (:'seen'::text, '55000', 'nor does it go with the language of a function');

-- With its owner: another one is entered by hand, who owns nothing else of it. A real one is in t/021_copies.pl.
CREATE FUNCTION owners() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE pg_extension SET extowner = 'keep_owner'::regrole WHERE extname = 'ledger_agents';
  INSERT INTO pg_shdepend SELECT d.oid, 'pg_extension'::regclass, e.oid, 0, 'pg_authid'::regclass, 'keep_owner'::regrole, 'o'
  FROM pg_extension e, pg_database d WHERE e.extname = 'ledger_agents' AND d.datname = current_database();
END
$$;
SET allow_system_table_mods = on;
SELECT owners() \g /dev/null
\c
INSERT INTO seen (ending, want, why) VALUES (undone('DROP OWNED BY keep_owner'), '55000 money_would_be_lost', 'nor with its owner');
SET allow_system_table_mods = on;
DELETE FROM pg_shdepend WHERE refobjid = 'keep_owner'::regrole AND classid = 'pg_extension'::regclass;
UPDATE pg_extension SET extowner = (SELECT nspowner FROM pg_namespace WHERE nspname = 'ledger_agents') WHERE extname = 'ledger_agents';
RESET allow_system_table_mods;

-- The setting.
\c
INSERT INTO seen (ending, want, why) VALUES (undone('SET LOCAL ledger_agents.allow_drop = on; DROP EXTENSION ledger_agents'), 'ok', 'allowed, it can be dropped');
\c
SET ledger_agents.allow_drop = on;
INSERT INTO seen (ending, want, why) VALUES (undone('DROP EXTENSION ledger_agents'), 'ok', 'also where it was set before the library was there');
RESET ledger_agents.allow_drop;
INSERT INTO seen (ending, want, why) VALUES (undone('DROP EXTENSION ledger_agents'), '55000 money_would_be_lost', 'not after that');
\c
SET ROLE keep_plain;
SET ledger_agents.allow_drop = on;
RESET ROLE;
SET client_min_messages = error;
INSERT INTO seen (ending, want, why) VALUES (undone('DROP EXTENSION ledger_agents'), '55000 money_would_be_lost', 'nor where somebody set it who may not');
SET client_min_messages = warning;
INSERT INTO seen (ending, want, why) VALUES (ending('SET LOCAL ROLE keep_plain; SET ledger_agents.allow_drop = on'), '42501', 'who may not');

-- What was forgotten of the money counts on.
SET session_replication_role = replica;
DELETE FROM ledger_agents.authorizations;
INSERT INTO seen (ending, want, why) VALUES (undone('DROP EXTENSION ledger_agents'), 'ok', 'without any it can be dropped again');
INSERT INTO ledger_agents.purged_totals SELECT * FROM jsonb_populate_record(NULL::ledger_agents.purged_totals,
  (SELECT jsonb_object_agg(attname, CASE atttypid WHEN 'uuid'::regtype THEN to_jsonb(:'agent'::text) WHEN 'bigint'::regtype THEN '1'
                                               WHEN 'timestamptz'::regtype THEN '"2020-01-01 00:00Z"' ELSE '"x"' END)
   FROM pg_attribute WHERE attrelid = 'ledger_agents.purged_totals'::regclass AND attnum > 0 AND NOT attisdropped));
RESET session_replication_role;
INSERT INTO seen (ending, want, why) VALUES (undone('DROP EXTENSION ledger_agents'), '55000 money_would_be_lost', 'with purged totals it cannot');

SELECT no_plan();
SELECT is(ending, want, why) FROM seen ORDER BY number;
SELECT * FROM finish();
SET session_replication_role = replica;
DELETE FROM ledger_agents.purged_totals;
RESET session_replication_role;
DROP ROLE keep_owner, keep_plain;
