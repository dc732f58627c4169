-- Tables of a competitor, in the schema :schema.  Columns, indexes and room left in the pages are those of the
-- extension's tables; constraints but the keys, and triggers, are left out.
CREATE SCHEMA :"schema";
SET search_path = :"schema";

SELECT array_to_string(reloptions, ', ') AS room FROM pg_class WHERE oid = 'ledger_agents.counters'::regclass \gset
CREATE TABLE organizations (LIKE ledger_agents.organizations INCLUDING INDEXES);
CREATE TABLE customers (LIKE ledger_agents.customers INCLUDING INDEXES);
CREATE TABLE agents (LIKE ledger_agents.agents INCLUDING INDEXES);
CREATE TABLE counters (LIKE ledger_agents.counters INCLUDING INDEXES) WITH (:room);
CREATE TABLE authorizations (LIKE ledger_agents.authorizations INCLUDING DEFAULTS INCLUDING INDEXES);

INSERT INTO organizations SELECT * FROM ledger_agents.organizations;
INSERT INTO customers SELECT * FROM ledger_agents.customers;
INSERT INTO agents SELECT * FROM ledger_agents.agents;
INSERT INTO counters SELECT * FROM ledger_agents.counters;
-- A counter of the extension opens its windows at its first decision; the competitors' are open from the beginning.
UPDATE counters SET
	month_start = date_trunc('month', now(), 'UTC'),
	month_end = date_trunc('month', now(), 'UTC') + interval '1 month';
