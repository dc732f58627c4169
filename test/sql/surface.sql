-- Everything that the extension brings, a line each: what an upgrade must end with, too, and what health_check() compares
-- a database with. Comments stand for themselves as eight digits of their digest.
\pset format unaligned
\pset tuples_only on
\pset fieldsep '\t'
SELECT kind, object, definition, note FROM ledger_agents.installed_objects() ORDER BY kind COLLATE "C", object COLLATE "C";
