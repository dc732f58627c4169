-- Tables of a competitor, in the schema :schema.  The columns are those of the extension's tables, so that rows are
-- equally wide, and so are the three indexes that it always maintains; its triggers and its index on expiries are left
-- out.
CREATE SCHEMA :"schema";
SET search_path = :"schema";

CREATE TABLE organizations (LIKE ledger_agents.organizations, PRIMARY KEY (id));
CREATE TABLE customers (LIKE ledger_agents.customers, PRIMARY KEY (organization_id, id));
CREATE TABLE agents (LIKE ledger_agents.agents, PRIMARY KEY (organization_id, id));
CREATE TABLE counters (LIKE ledger_agents.counters, PRIMARY KEY (organization_id, scope, scope_id))
	WITH (fillfactor = 60);
CREATE TABLE authorizations (LIKE ledger_agents.authorizations INCLUDING DEFAULTS, PRIMARY KEY (organization_id, id));
CREATE UNIQUE INDEX ON authorizations (organization_id, agent_id, id);
CREATE UNIQUE INDEX ON authorizations (organization_id, agent_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

INSERT INTO organizations SELECT * FROM ledger_agents.organizations;
INSERT INTO customers SELECT * FROM ledger_agents.customers;
INSERT INTO agents SELECT * FROM ledger_agents.agents;
INSERT INTO counters SELECT * FROM ledger_agents.counters;
-- A counter of the extension opens its windows at its first decision; the competitors' are open from the beginning.
UPDATE counters SET
	month_start = date_trunc('month', now(), 'UTC'),
	month_end = date_trunc('month', now(), 'UTC') + interval '1 month';
