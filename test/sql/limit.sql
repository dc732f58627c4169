--
-- Limits: the most that may be spent in a window, at three scopes.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('limit_sql');
SET ledger_agents.organization = 'limit_sql';

-- 1 000 a week, 600 spent: 400 remain. Raised to 2 000: 1 400 remain. The 600 given back: all 2 000 do.
SELECT id AS weekly FROM ledger_agents.register_agent('weekly', 'ann', spending_limit => 1000, spending_limit_frequency => 'perWeek') \gset
SELECT id AS spent, decision, remaining FROM ledger_agents.authorize(:'weekly', 600) \gset
SELECT current_spend, remaining, percent_used, window_start, next_reset FROM ledger_agents.agent_budget(:'weekly');
SELECT spending_limit FROM ledger_agents.update_agent(:'weekly', '{"spending_limit": 2000}');
SELECT remaining FROM ledger_agents.agent_budget(:'weekly');
SELECT status FROM ledger_agents.reverse(:'spent');
SELECT remaining FROM ledger_agents.agent_budget(:'weekly');

-- What remains may be spent to the last cent. One more is declined, with all that an agent needs to know.
SELECT decision, remaining FROM ledger_agents.authorize(:'weekly', 2000);
SELECT decision, reason, max_approvable, retry_at, failed_limits FROM ledger_agents.authorize(:'weekly', 1);
SET ledger_agents.clock = '2026-03-08 23:59:59.999999Z';
SELECT decision FROM ledger_agents.authorize(:'weekly', 1);
SET ledger_agents.clock = '2026-03-09 00:00Z';
SELECT decision, remaining FROM ledger_agents.authorize(:'weekly', 1);

-- 0 is not "no limit": nothing may be spent. null is: everything may.
SELECT id AS zero FROM ledger_agents.register_agent('zero', 'ann', spending_limit => 0) \gset
SELECT decision, reason, max_approvable, retry_at FROM ledger_agents.authorize(:'zero', 1);
SELECT spending_limit FROM ledger_agents.update_agent(:'zero', '{"spending_limit": null}');
SELECT decision, remaining FROM ledger_agents.authorize(:'zero', 1000000000000);

-- 24 hours roll: no 24 hours anywhere hold more than the limit. Each spend leaves exactly 24 hours later.
SET ledger_agents.clock = '2026-03-10 15:00Z';
SELECT id AS daily FROM ledger_agents.register_agent('daily', 'ann', spending_limit => 100, spending_limit_frequency => 'per24HourPeriod') \gset
SELECT decision, remaining FROM ledger_agents.authorize(:'daily', 70);
SET ledger_agents.clock = '2026-03-10 20:00Z';
SELECT decision, remaining FROM ledger_agents.authorize(:'daily', 30);
SET ledger_agents.clock = '2026-03-11 00:30Z';
SELECT decision, max_approvable, retry_at FROM ledger_agents.authorize(:'daily', 50);
SET ledger_agents.clock = '2026-03-11 14:59:59.999999Z';
SELECT decision, retry_at FROM ledger_agents.authorize(:'daily', 50);
SET ledger_agents.clock = '2026-03-11 15:00Z';
SELECT decision, remaining FROM ledger_agents.authorize(:'daily', 50);

-- The same limit by the local day: midnight gives a new one.
SELECT id AS local FROM ledger_agents.register_agent('local', 'ann', spending_limit => 100, spending_limit_frequency => 'per24HourPeriod', window_mode => 'calendar') \gset
SELECT decision FROM ledger_agents.authorize(:'local', 100);
SELECT decision, retry_at FROM ledger_agents.authorize(:'local', 1);
SET ledger_agents.clock = '2026-03-12 00:00Z';
SELECT decision FROM ledger_agents.authorize(:'local', 100);

-- Another frequency forgets nothing: what was spent in the new window was spent.
SELECT spending_limit_frequency, current_spend FROM ledger_agents.update_agent(:'local', '{"spending_limit_frequency": "perMonth"}');
SELECT spending_limit_frequency, current_spend FROM ledger_agents.update_agent(:'local', '{"spending_limit_frequency": "perTransaction"}');
SELECT spending_limit_frequency, current_spend FROM ledger_agents.update_agent(:'local', '{"spending_limit_frequency": "allTime"}');

-- perTransaction judges each one alone.
SELECT id AS single FROM ledger_agents.register_agent('single', 'ann', spending_limit => 100, spending_limit_frequency => 'perTransaction') \gset
SELECT v.amount, a.decision, a.agent_spent FROM (VALUES (100), (100), (101)) AS v (amount), ledger_agents.authorize(:'single', v.amount) AS a;

-- What happens at the limit: a plain decline; a decline and a suspended agent; a spend with a word about it; a spend.
SELECT r.on_limit_exceeded, a.decision, a.reason, a.agent_spent, a.remaining
  FROM (VALUES ('decline'), ('suspend'), ('notify'), ('none')) AS v (action),
       ledger_agents.register_agent('at-limit-' || v.action, 'ann', spending_limit => 100, on_limit_exceeded => v.action) AS r,
       ledger_agents.authorize(r.id, 101) AS a;
SELECT external_id, status, suspended_reason, suspended_by FROM ledger_agents.list_agents('ann')
 WHERE external_id LIKE 'at-limit-%' ORDER BY on_limit_exceeded;

-- A limit of the customer counts all its agents together, and what they had spent before it was set.
SELECT id AS x FROM ledger_agents.register_agent('x', 'bob') \gset
SELECT id AS y FROM ledger_agents.register_agent('y', 'bob', spending_limit => 500) \gset
SELECT decision FROM ledger_agents.authorize(:'x', 300);
SELECT spending_limit FROM ledger_agents.update_customer('bob', '{"spending_limit": 1000}');
SELECT decision, remaining FROM ledger_agents.authorize(:'y', 500);
SELECT decision, reasons, failed_limits, max_approvable FROM ledger_agents.authorize(:'y', 201);
SELECT decision, remaining FROM ledger_agents.authorize(:'x', 200);

-- A limit has one currency. A request in another one is declined and told where.
SELECT decision, reason, failed_limits FROM ledger_agents.authorize(:'y', 1, 'EUR');
SELECT decision, reason, failed_limits FROM ledger_agents.authorize(:'weekly', 1, 'eur');
SELECT decision, currency FROM ledger_agents.authorize(:'zero', 1, 'eur');

-- A clock that steps back does not open the last window again.
SET ledger_agents.clock = '2026-03-31 23:00Z';
SELECT id AS monthly FROM ledger_agents.register_agent('monthly', 'cem', spending_limit => 100) \gset
SELECT decision FROM ledger_agents.authorize(:'monthly', 100);
SET ledger_agents.clock = '2026-04-01 00:00:01Z';
SELECT decision FROM ledger_agents.authorize(:'monthly', 100);
SET ledger_agents.clock = '2026-03-31 23:59:59Z';
SELECT decision, reason, decided_at, retry_at FROM ledger_agents.authorize(:'monthly', 1);

-- The organization moves to another time zone: the window that is open stays, the next one begins where it ends.
SET ledger_agents.clock = '2026-04-15 12:00Z';
SELECT timezone FROM ledger_agents.update_organization('{"timezone": "Asia/Tokyo"}');
SELECT window_start, next_reset FROM ledger_agents.agent_budget(:'monthly');
SET ledger_agents.clock = '2026-05-01 00:00Z';
SELECT window_start, next_reset FROM ledger_agents.agent_budget(:'monthly');
SET ledger_agents.clock = '2026-06-01 00:00Z';
SELECT window_start, next_reset FROM ledger_agents.agent_budget(:'monthly');

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
