/*
 * Three small tenants in which each agent's next spend fails in its own way, and those spends, as the table cases.
 * For example/demo: in the database in which ledger_agents is installed, with psql.
 */
\o /dev/null

SELECT id FROM ledger_agents.create_organization('closed');
SELECT id FROM ledger_agents.create_organization('tours');
SELECT id FROM ledger_agents.create_organization('bakery', spending_limit => 20000, spending_limit_frequency => 'perWeek');

CREATE TEMP TABLE cases AS
SELECT v.line, v.what, v.organization, a.id AS agent, v.amount, v.currency
FROM (VALUES
	(1, 'tenant suspended', 'closed', 'ann', NULL, 500, 'USD'),
	(2, 'payer suspended', 'tours', 'ben', NULL, 500, 'USD'),
	(3, 'agent retired', 'tours', 'cleo', NULL, 500, 'USD'),
	(4, 'agent suspended', 'tours', 'dan', NULL, 500, 'USD'),
	(5, 'euros, the limit in dollars', 'tours', 'eve', 30000, 500, 'EUR'),
	(6, 'spent $120 of $300 a month', 'tours', 'finn', 30000, 25000, 'USD'),
	(7, 'payer: $70 of $100 a day', 'tours', 'gus', NULL, 9000, 'USD'),
	(8, 'tenant: $80 of $200 a week', 'bakery', 'hal', NULL, 15000, 'USD'))
	AS v (line, what, organization, agent, most, amount, currency)
CROSS JOIN LATERAL ledger_agents.register_agent(v.agent, 'pays for ' || v.agent,
												spending_limit => v.most, organization_id => v.organization) AS a;

/* What was spent before. */
SELECT a.id
FROM cases AS c
JOIN (VALUES (6, 12000), (7, 7000), (8, 8000)) AS v (line, amount) USING (line),
	ledger_agents.authorize(c.agent, v.amount, organization_id => c.organization) AS a;

SELECT status FROM ledger_agents.update_organization('{"status": "suspended"}', 'closed');
SELECT status FROM ledger_agents.update_customer('pays for ben', '{"status": "suspended"}', 'tours');
SELECT a.status FROM cases AS c, ledger_agents.deregister_agent(c.agent, c.organization) AS a WHERE c.line = 3;
SELECT a.status FROM cases AS c, ledger_agents.update_agent(c.agent, '{"status": "suspended"}', c.organization) AS a
WHERE c.line = 4;
SELECT spending_limit
FROM ledger_agents.update_customer('pays for gus',
								   '{"spending_limit": 10000, "spending_limit_frequency": "per24HourPeriod"}', 'tours');
\o
