-- Who is there when t/018_console.pl begins: acme, whose console it is; empty, who has nothing; and a tenant of whom nobody
-- else may see anything. Names and words that others choose are hostile where they can be.
CREATE EXTENSION ledger_agents;
SELECT ledger_agents.create_organization('acme', name => 'Acme <b onclick=canary()>Robotics</b>');
SELECT ledger_agents.create_organization('empty', currency => 'JPY');
SELECT ledger_agents.create_organization('tenant-of-nobody-else', name => 'CANARY-TENANT');

CREATE TABLE agents AS
SELECT v.external_id, a.id, a.organization_id, a.token
FROM (VALUES ('shopper', 'acme', 'Office shopper', 50000, 'perMonth', NULL, 'decline', false),
			 ('weekly', 'acme', 'Ad optimizer', 600000, 'perWeek', NULL, 'notify', false),
			 ('tokyo', 'acme', 'Tokyo desk', 300000, 'per24HourPeriod', 'JPY', 'decline', false),
			 ('model', 'acme', 'Model calls', 9000000000000000001, 'allTime', 'USD_MICRO', 'decline', false),
			 ('travel', 'acme', 'Travel booker', 80000, 'perTransaction', NULL, 'decline', false),
			 ('courier', 'acme', 'Courier', 100000, 'perMonth', NULL, 'decline', true),
			 ('<img src=x onerror=canary()>', 'acme', '<img src=x onerror=canary()>', NULL, NULL, NULL, 'decline', false),
			 ('CANARY-AGENT', 'tenant-of-nobody-else', 'CANARY-AGENT', 50000, 'perMonth', NULL, 'decline', true))
	 AS v (external_id, organization_id, name, most, per, currency, action, asks),
	 ledger_agents.register_agent(v.external_id, v.organization_id || '-labs', name => v.name, spending_limit => v.most,
		spending_limit_frequency => coalesce(v.per, 'perMonth'), currency => v.currency, on_limit_exceeded => v.action,
		default_require_approval => v.asks, default_auto_approve_below => CASE WHEN v.asks THEN 5000 END,
		organization_id => v.organization_id) AS a;

CREATE TABLE spends AS
SELECT asked.line, s.id, s.decision
FROM (SELECT v.line, v.amount, v.merchant, v.mcc, a.id, a.organization_id FROM (VALUES (1, 'shopper', 24500, 'STAPLES 0117', '5943'),
			 (2, 'shopper', 42000, 'DELTA AIR', '4511'),
			 (3, 'weekly', 500000, 'SEARCH ADS', '7311'),
			 (4, 'weekly', 150000, 'SOCIAL ADS', '7311'),
			 (5, 'tokyo', 261500, 'TOKYO STATION', '4112'),
			 (6, 'model', 9000000000000000000, 'TOKENS', NULL),
			 (7, 'travel', 90000, 'HOTEL ZUG', '7011'),
			 (8, '<img src=x onerror=canary()>', 100, '<script>canary()</script>', NULL),
			 (9, 'courier', 2000, 'DoorDash', '5812'),
			 (10, 'courier', 9000, '<svg onload=canary()>', '5812'),
			 (11, 'CANARY-AGENT', 2000, 'CANARY-MERCHANT', NULL))
	 AS v (line, agent, amount, merchant, mcc)
JOIN agents a ON a.external_id = v.agent ORDER BY v.line) AS asked,
	 ledger_agents.authorize(asked.id, asked.amount, merchant => asked.merchant, mcc => asked.mcc,
		organization_id => asked.organization_id) AS s;

SELECT d.id
FROM (SELECT v.*, a.id, a.organization_id FROM (VALUES ('courier', 'team', 'Dinner for the team, twelve people', 75000, 'DoorDash', 5000),
			 ('courier', 'desks', 'Two standing desks', 210000, 'Furniture & Co', NULL),
			 ('CANARY-AGENT', 'canary', 'CANARY-INTENT', 75000, 'CANARY-SHOP', NULL))
	 AS v (agent, name, summary, amount, merchant, tolerance)
JOIN agents a ON a.external_id = v.agent ORDER BY v.name DESC) AS w,
	 ledger_agents.declare_intent(w.id, client_intent_id => w.name, summary => w.summary, expected_amount => w.amount,
		expected_merchant => w.merchant, tolerance => w.tolerance, ttl_minutes => 600, organization_id => w.organization_id) AS d;

CREATE TABLE keys AS
SELECT o AS organization_id, k.id, k.key
FROM unnest('{acme,empty}'::text[]) AS o, ledger_agents.create_organization_key('console', organization_id => o) AS k;
