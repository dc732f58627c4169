/*
 * Reports on the whole: whether the books are right.
 */

/*
 * What each counter must hold, from the authorizations alone.  A wider scope is
 * kept up only as long as it has a limit, or a rule that sums or counts.
 */
CREATE VIEW ledger_agents.counter_audit AS
WITH scopes AS (
	SELECT a.organization_id, 'agent'::ledger_agents.limit_scope AS scope, a.id::text AS scope_id, a.currency
	FROM ledger_agents.agents a
	UNION ALL
	SELECT d.organization_id, 'card', d.id::text, a.currency
	FROM ledger_agents.cards d
	JOIN ledger_agents.agents a ON a.organization_id = d.organization_id AND a.id = d.agent_id
	UNION ALL
	SELECT c.organization_id, 'customer', c.id, o.currency
	FROM ledger_agents.customers c
	JOIN ledger_agents.organizations o ON o.id = c.organization_id
	WHERE c.spending_limit IS NOT NULL OR c.policy -> 'limits' OPERATOR(pg_catalog.?|) '{perDay,perMonth}'
	   OR c.policy OPERATOR(pg_catalog.?|) '{cumulativeMax,maxAuthCount}'
	UNION ALL
	SELECT o.id, 'organization', o.id, o.currency
	FROM ledger_agents.organizations o
	WHERE o.spending_limit IS NOT NULL
), spent AS (
	SELECT t.organization_id, 'agent'::ledger_agents.limit_scope AS scope, t.agent_id::text AS scope_id,
		   t.sequence, t.decided_at, t.currency, t.counted_amount, t.decision, t.status, t.increment_of, t.captured_amount, t.refunded_amount
	FROM ledger_agents.authorizations t
	UNION ALL
	SELECT t.organization_id, 'card', t.card_id::text, t.sequence, t.decided_at, t.currency, t.counted_amount,
		   t.decision, t.status, t.increment_of, t.captured_amount, t.refunded_amount
	FROM ledger_agents.authorizations t
	WHERE t.card_id IS NOT NULL
	UNION ALL
	SELECT t.organization_id, 'customer', t.customer_id, t.sequence, t.decided_at, t.currency, t.counted_amount,
		   t.decision, t.status, t.increment_of, t.captured_amount, t.refunded_amount
	FROM ledger_agents.authorizations t
	UNION ALL
	SELECT t.organization_id, 'organization', t.organization_id, t.sequence, t.decided_at, t.currency, t.counted_amount,
		   t.decision, t.status, t.increment_of, t.captured_amount, t.refunded_amount
	FROM ledger_agents.authorizations t
), sums AS (
	SELECT s.organization_id, s.scope, s.scope_id,
		   pg_catalog.count(*) AS decisions, pg_catalog.max(t.sequence) AS last_sequence,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency) AS total,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency AND t.decided_at >= k.day_start) AS day,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency AND t.decided_at >= k.week_start) AS week,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency AND t.decided_at >= k.month_start) AS month,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency AND t.decided_at >= k.year_start) AS year,
		   pg_catalog.sum(t.counted_amount) FILTER (WHERE t.currency = s.currency AND t.decided_at > k.rolling_since) AS rolling,
		   pg_catalog.count(*) FILTER (WHERE t.decision = 'approved' AND t.increment_of IS NULL
									   AND t.status NOT IN ('reversed', 'expired')) AS live,
		   pg_catalog.count(*) FILTER (WHERE t.decision = 'approved' AND t.increment_of IS NULL
									   AND t.status <> 'reversed' AND s.scope = 'card') AS uses,
		   pg_catalog.sum(t.captured_amount - coalesce(t.refunded_amount, 0))
				FILTER (WHERE t.currency = s.currency AND s.scope = 'card') AS captured,
		   pg_catalog.count(t.captured_amount)
				FILTER (WHERE t.increment_of IS NULL AND s.scope = 'card') AS captures
	FROM scopes s
	JOIN ledger_agents.counters k
		ON k.organization_id = s.organization_id AND k.scope = s.scope AND k.scope_id = s.scope_id
	JOIN spent t
		ON t.organization_id = s.organization_id AND t.scope = s.scope AND t.scope_id = s.scope_id
	GROUP BY 1, 2, 3
), forgotten AS (
	SELECT s.organization_id, s.scope, s.scope_id, pg_catalog.sum(p.decisions)::bigint AS decisions,
		   pg_catalog.sum(p.counted_amount) FILTER (WHERE p.currency = s.currency) AS total,
		   pg_catalog.sum(p.auth_count)::bigint AS live,
		   (pg_catalog.sum(p.use_count) FILTER (WHERE s.scope = 'card'))::bigint AS uses,
		   pg_catalog.sum(p.captured_amount) FILTER (WHERE p.currency = s.currency AND s.scope = 'card') AS captured,
		   (pg_catalog.sum(p.captured_count) FILTER (WHERE s.scope = 'card'))::bigint AS captures
	FROM (SELECT 'agent'::ledger_agents.limit_scope AS scope, t.agent_id::text AS scope_id, t.*
		  FROM ledger_agents.purged_totals t
		  UNION ALL
		  SELECT 'card', t.card, t.* FROM ledger_agents.purged_totals t WHERE t.card <> ''
		  UNION ALL
		  SELECT 'customer', t.customer_id, t.* FROM ledger_agents.purged_totals t
		  UNION ALL
		  SELECT 'organization', t.organization_id, t.* FROM ledger_agents.purged_totals t) p
	JOIN scopes s
		ON s.organization_id = p.organization_id AND s.scope = p.scope AND s.scope_id = p.scope_id
	GROUP BY 1, 2, 3
)
SELECT s.organization_id, s.scope, s.scope_id, k.version IS NOT NULL AS counted,
	   k.sequence, k.total_spent, k.day_spent, k.week_spent, k.month_spent, k.year_spent, k.rolling_spent,
	   coalesce(x.decisions, 0) + coalesce(f.decisions, 0) AS decisions,
	   coalesce(x.last_sequence, f.decisions, 0) AS last_sequence,
	   coalesce(x.total, 0) + coalesce(f.total, 0) AS total_sum, coalesce(x.day, 0) AS day_sum,
	   coalesce(x.week, 0) AS week_sum, coalesce(x.month, 0) AS month_sum,
	   coalesce(x.year, 0) AS year_sum, coalesce(x.rolling, 0) AS rolling_sum,
	   k.auth_count, coalesce(x.live, 0) + coalesce(f.live, 0) AS auth_count_sum,
	   k.use_count, coalesce(x.uses, 0) + coalesce(f.uses, 0) AS use_count_sum,
	   coalesce(k.captured_amount, 0) AS captured_amount,
	   coalesce(x.captured, 0) + coalesce(f.captured, 0) AS captured_amount_sum,
	   coalesce(k.captured_count, 0) AS captured_count,
	   coalesce(x.captures, 0) + coalesce(f.captures, 0) AS captured_count_sum
FROM scopes s
LEFT JOIN ledger_agents.counters k
	ON k.organization_id = s.organization_id AND k.scope = s.scope AND k.scope_id = s.scope_id
LEFT JOIN sums x
	ON x.organization_id = s.organization_id AND x.scope = s.scope AND x.scope_id = s.scope_id
LEFT JOIN forgotten f
	ON f.organization_id = s.organization_id AND f.scope = s.scope AND f.scope_id = s.scope_id;
COMMENT ON VIEW ledger_agents.counter_audit IS
'Each counter beside the sums of the authorizations that it stands for; in health they are equal. Amounts in minor units.';
COMMENT ON COLUMN ledger_agents.counter_audit.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.counter_audit.scope IS 'What is counted.';
COMMENT ON COLUMN ledger_agents.counter_audit.scope_id IS 'Its id as text.';
COMMENT ON COLUMN ledger_agents.counter_audit.counted IS 'Whether there is a counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.sequence IS 'Number of the last decision, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.total_spent IS 'Spent ever, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.day_spent IS 'Spent in the counter''s day, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.week_spent IS 'Spent in its week, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.month_spent IS 'Spent in its month, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.year_spent IS 'Spent in its year, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.rolling_spent IS 'Spent in its rolling window, by the counter; null when none is kept.';
COMMENT ON COLUMN ledger_agents.counter_audit.decisions IS 'Decisions stored, and those that purge() has forgotten.';
COMMENT ON COLUMN ledger_agents.counter_audit.last_sequence IS 'Highest number stored.';
COMMENT ON COLUMN ledger_agents.counter_audit.total_sum IS 'Spent ever, by the authorizations and what purge() has noted of others; so with the counts below.';
COMMENT ON COLUMN ledger_agents.counter_audit.day_sum IS 'Spent in the counter''s day, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.week_sum IS 'Spent in its week, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.month_sum IS 'Spent in its month, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.year_sum IS 'Spent in its year, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.rolling_sum IS 'Spent in its rolling window, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.auth_count IS 'Approved and neither reversed in full nor swept after expiry, by the counter.';
COMMENT ON COLUMN ledger_agents.counter_audit.auth_count_sum IS 'The same, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.use_count IS 'Of a card approved and not reversed in full, by the counter; 0 in other scopes.';
COMMENT ON COLUMN ledger_agents.counter_audit.use_count_sum IS 'The same, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.captured_amount IS 'Of a card captured and not refunded, by the counter; 0 in other scopes.';
COMMENT ON COLUMN ledger_agents.counter_audit.captured_amount_sum IS 'The same, by the authorizations.';
COMMENT ON COLUMN ledger_agents.counter_audit.captured_count IS 'Of a card authorizations of which something was captured, by the counter; 0 in other scopes.';
COMMENT ON COLUMN ledger_agents.counter_audit.captured_count_sum IS 'The same, by the authorizations.';

CREATE FUNCTION ledger_agents.check_invariants(
	OUT violation text, OUT organization_id text, OUT object_id text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY INVOKER
/* The planner takes the columns of a key for independent, expects one row, and would loop over everything. */
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
BEGIN ATOMIC
	SELECT 'counter_missing', v.organization_id, v.scope_id,
		   pg_catalog.format('The %s has no counter.', v.scope)
	FROM ledger_agents.counter_audit v WHERE NOT v.counted
	UNION ALL
	SELECT 'counter_differs', v.organization_id, v.scope_id,
		   pg_catalog.format('Total %s, day %s, week %s, month %s, year %s, rolling %s; the authorizations say %s, %s, %s, %s, %s, %s.',
							 v.total_spent, v.day_spent, v.week_spent, v.month_spent, v.year_spent, v.rolling_spent,
							 v.total_sum, v.day_sum, v.week_sum, v.month_sum, v.year_sum, v.rolling_sum)
	FROM ledger_agents.counter_audit v
	WHERE v.counted AND (v.total_spent <> v.total_sum OR v.day_spent <> v.day_sum OR v.week_spent <> v.week_sum
						 OR v.month_spent <> v.month_sum OR v.year_spent <> v.year_sum
						 OR v.rolling_spent <> v.rolling_sum)
	UNION ALL
	SELECT 'count_differs', v.organization_id, v.scope_id,
		   pg_catalog.format('%s approved, %s uses of the card, %s captured in %s; the authorizations say %s, %s, %s in %s.',
							 v.auth_count, v.use_count, v.captured_amount, v.captured_count,
							 v.auth_count_sum, v.use_count_sum, v.captured_amount_sum, v.captured_count_sum)
	FROM ledger_agents.counter_audit v
	WHERE v.counted AND (v.auth_count <> v.auth_count_sum OR v.use_count <> v.use_count_sum
						 OR v.captured_amount <> v.captured_amount_sum OR v.captured_count <> v.captured_count_sum)
	UNION ALL
	/* The first merchant that is sure to be one: a name without words is none, and not every word is of ASCII. */
	SELECT 'memory_differs', k.organization_id, k.scope_id,
		   pg_catalog.format('Last approved at %s, first merchant %s; the authorizations say %s, and something else.',
							 k.last_approved_at, pg_catalog.quote_nullable(k.first_merchant),
							 greatest(pg_catalog.max(x.decided_at), f.last_approved_at))
	FROM ledger_agents.counters k
	LEFT JOIN ledger_agents.authorizations x
		ON x.organization_id = k.organization_id AND x.decision = 'approved'
	   AND x.increment_of IS NULL AND x.recorded IS NULL
	   AND (CASE WHEN x.card_id IS NULL THEN 'agent' ELSE 'card' END)::ledger_agents.limit_scope = k.scope
	   AND coalesce(x.card_id, x.agent_id)::text = k.scope_id
	LEFT JOIN (SELECT p.organization_id, CASE p.card WHEN '' THEN p.agent_id::text ELSE p.card END AS scope_id,
					  pg_catalog.max(p.last_approved_at) AS last_approved_at, pg_catalog.max(p.first_merchant) AS first_merchant
			   FROM ledger_agents.purged_totals p GROUP BY 1, 2) f
		ON f.organization_id = k.organization_id AND f.scope_id = k.scope_id
	WHERE k.scope IN ('agent', 'card')
	GROUP BY k.organization_id, k.scope, k.scope_id, k.last_approved_at, k.first_merchant, f.last_approved_at, f.first_merchant
	HAVING k.last_approved_at IS DISTINCT FROM greatest(pg_catalog.max(x.decided_at), f.last_approved_at)
		OR CASE WHEN f.first_merchant IS NOT NULL THEN k.first_merchant IS DISTINCT FROM f.first_merchant
				ELSE (k.first_merchant IS NOT NULL
					  AND pg_catalog.min(x.sequence) FILTER (WHERE x.merchant = k.first_merchant) IS NULL)
					 OR pg_catalog.min(x.sequence) FILTER (WHERE x.merchant ~ '[A-Za-z0-9]')
						< coalesce(pg_catalog.min(x.sequence) FILTER (WHERE x.merchant = k.first_merchant), 9223372036854775807) END
	UNION ALL
	SELECT 'sequence_has_gaps', v.organization_id, v.scope_id,
		   pg_catalog.format('%s decisions, the last is number %s, the counter stands at %s.', v.decisions, v.last_sequence, v.sequence)
	FROM ledger_agents.counter_audit v
	WHERE v.scope = 'agent' AND v.counted AND (v.decisions <> v.last_sequence OR v.decisions <> v.sequence)
	UNION ALL
	SELECT 'sequence_out_of_order', y.organization_id, y.id::text,
		   pg_catalog.format('Number %s follows number %s, decided at %s after %s.', y.sequence, y.previous, y.decided_at, y.previous_at)
	FROM (SELECT x.organization_id, x.id, x.sequence, x.decided_at,
				 coalesce(pg_catalog.lag(x.sequence) OVER w, s.sequence, 0::bigint) AS previous,
				 coalesce(pg_catalog.lag(x.decided_at) OVER w, s.decided_at) AS previous_at
		  FROM ledger_agents.authorizations x
		  LEFT JOIN (SELECT DISTINCT ON (c.organization_id, c.agent_id) c.organization_id, c.agent_id, c.sequence, c.decided_at
					 FROM ledger_agents.chain_starts c
					 ORDER BY c.organization_id, c.agent_id, c.number DESC) s
			ON s.organization_id = x.organization_id AND s.agent_id = x.agent_id
		  WINDOW w AS (PARTITION BY x.organization_id, x.agent_id ORDER BY x.sequence)) y
	WHERE y.sequence <> y.previous + 1 OR y.decided_at < y.previous_at
	UNION ALL
	/* The id of a decision bears its instant: rolling windows rely on it. */
	SELECT 'id_without_its_instant', x.organization_id, x.id::text,
		   pg_catalog.format('Decided at %s.', x.decided_at)
	FROM ledger_agents.authorizations x
	WHERE pg_catalog.decode(pg_catalog.substr(pg_catalog.replace(x.id::text, '-', ''), 1, 12), 'hex')
		  <> pg_catalog.substr(pg_catalog.int8send(
				pg_catalog.floor(EXTRACT(epoch FROM x.decided_at) * 1000)::bigint), 3)
	UNION ALL
	/* A lowered limit, notify, none and recorded spend explain spend above a limit; decline and suspend do not. */
	SELECT 'approved_above_limit', x.organization_id, x.id::text,
		   pg_catalog.format('Limit %s, spent %s with this one of %s.', x.agent_limit, x.agent_spent, x.amount)
	FROM ledger_agents.authorizations x
	WHERE x.decision = 'approved' AND x.on_limit_exceeded IN ('decline', 'suspend') AND x.recorded IS NULL
	  AND CASE x.agent_limit_frequency WHEN 'perTransaction' THEN x.amount ELSE x.agent_spent END > x.agent_limit
	UNION ALL
	/* Of a hold and its increments: what counts is what was asked for and added, less what was released. */
	SELECT 'amounts_do_not_add_up', h.organization_id, h.id::text,
		   pg_catalog.format('Counted %s, captured %s, reversed %s, refunded %s, increments %s; the entries say %s, %s, %s, %s, %s.',
							 h.counted, h.captured, h.reversed, h.refunded, h.incremented,
							 h.amount + coalesce(e.added, 0) - coalesce(e.released, 0), coalesce(e.captured, 0),
							 coalesce(e.reversed, 0), coalesce(e.refunded, 0), coalesce(e.incremented, 0))
	FROM (SELECT p.organization_id, coalesce(p.increment_of, p.id) AS id,
				 pg_catalog.sum(p.counted_amount) AS counted,
				 coalesce(pg_catalog.sum(p.captured_amount), 0) AS captured,
				 coalesce(pg_catalog.sum(p.reversed_amount), 0) AS reversed,
				 coalesce(pg_catalog.sum(p.refunded_amount), 0) AS refunded,
				 coalesce(pg_catalog.sum(p.incremented_amount), 0) AS incremented,
				 coalesce(pg_catalog.sum(p.amount) FILTER (WHERE p.increment_of IS NULL AND p.decision = 'approved'), 0) AS amount,
				 pg_catalog.bool_or(p.recorded) AS recorded
		  FROM ledger_agents.authorizations p GROUP BY 1, 2) h
	LEFT JOIN (SELECT n.organization_id, n.authorization_id,
					  pg_catalog.sum(n.added_amount) AS added, pg_catalog.sum(n.released_amount) AS released,
					  pg_catalog.sum(n.amount) FILTER (WHERE n.kind = 'capture') AS captured,
					  pg_catalog.sum(n.amount) FILTER (WHERE n.kind = 'reversal') AS reversed,
					  pg_catalog.sum(n.amount) FILTER (WHERE n.kind = 'refund') AS refunded,
					  pg_catalog.sum(n.added_amount) FILTER (WHERE n.kind = 'increment') AS incremented
			   FROM ledger_agents.authorization_entries n GROUP BY 1, 2) e
		ON e.organization_id = h.organization_id AND e.authorization_id = h.id
	WHERE h.counted <> h.amount + coalesce(e.added, 0) - coalesce(e.released, 0)
	   OR h.captured <> coalesce(e.captured, 0) OR h.reversed <> coalesce(e.reversed, 0)
	   OR h.refunded <> coalesce(e.refunded, 0) OR h.incremented <> coalesce(e.incremented, 0)
	UNION ALL
	/* Each status says what may be held, captured and given back. */
	SELECT 'status_differs', x.organization_id, x.id::text,
		   pg_catalog.format('Status %s, amount %s, counted %s, captured %s, reversed %s, refunded %s.', x.status, x.amount,
							 x.counted_amount, x.captured_amount, x.reversed_amount, x.refunded_amount)
	FROM ledger_agents.authorizations x
	CROSS JOIN LATERAL (SELECT x.counted_amount - coalesce(x.captured_amount, 0) + coalesce(x.refunded_amount, 0) AS held) h
	WHERE h.held < 0
	   OR NOT CASE x.status
			WHEN 'declined' THEN h.held = 0 AND x.captured_amount IS NULL AND x.reversed_amount IS NULL
			WHEN 'authorized' THEN h.held = x.amount - coalesce(x.reversed_amount, 0) AND x.captured_amount IS NULL
								   AND (h.held > 0 OR x.increment_of IS NOT NULL)
			WHEN 'partially_captured' THEN h.held + coalesce(x.captured_amount, 0) >= x.amount - coalesce(x.reversed_amount, 0)
			WHEN 'reversed' THEN h.held = 0 AND x.captured_amount IS NULL AND x.reversed_amount = x.amount
			WHEN 'expired' THEN h.held = 0 AND x.captured_amount IS NULL
			WHEN 'captured' THEN h.held = 0 AND (x.captured_amount > 0 OR x.increment_of IS NOT NULL)
			ELSE x.counted_amount = 0 AND (x.refunded_amount > 0 OR x.increment_of IS NOT NULL) END
	UNION ALL
	SELECT 'increment_differs', x.organization_id, x.id::text, 'Its hold is missing, another agent''s or another card''s, or has another status.'
	FROM ledger_agents.authorizations x
	LEFT JOIN ledger_agents.authorizations h ON h.organization_id = x.organization_id AND h.id = x.increment_of
	WHERE x.increment_of IS NOT NULL
	  AND (h.agent_id IS DISTINCT FROM x.agent_id OR h.card_id IS DISTINCT FROM x.card_id OR h.increment_of IS NOT NULL
		   OR h.currency <> x.currency
		   OR (x.decision = 'approved' AND (h.status <> x.status OR h.expires_at IS DISTINCT FROM x.expires_at)))
	UNION ALL
	SELECT 'entries_have_gaps', k.organization_id, k.scope_id,
		   pg_catalog.format('%s entries behind number %s, the last is number %s, the counter stands at %s.',
							 pg_catalog.count(e.id), coalesce(s.entry_number, 0), pg_catalog.max(e.number), k.entry_count)
	FROM ledger_agents.counters k
	LEFT JOIN ledger_agents.authorization_entries e
		ON e.organization_id = k.organization_id AND e.agent_id::text = k.scope_id
	LEFT JOIN (SELECT c.organization_id, c.agent_id::text AS scope_id, pg_catalog.max(c.entry_number) AS entry_number
			   FROM ledger_agents.chain_starts c GROUP BY 1, 2) s
		ON s.organization_id = k.organization_id AND s.scope_id = k.scope_id
	WHERE k.scope = 'agent'
	GROUP BY k.organization_id, k.scope_id, k.entry_count, s.entry_number
	HAVING pg_catalog.count(e.id) + coalesce(s.entry_number, 0) <> coalesce(k.entry_count, 0)
		OR pg_catalog.max(e.number) <> k.entry_count
	UNION ALL
	/* Whether they vouch for what is there is verify_chain()'s question. */
	SELECT 'seals_out_of_order', y.organization_id, y.agent_id::text,
		   pg_catalog.format('Seal %s reaches to decision %s and entry %s, seal %s before it to %s and %s.', y.number, y.sequence,
							 y.entry_number, y.previous, y.previous_sequence, y.previous_entry)
	FROM (SELECT x.organization_id, x.agent_id, x.number, x.sequence, x.entry_number, k.version IS NOT NULL AS counted,
				 k.sequence AS last_sequence, coalesce(k.entry_count, 0) AS last_entry,
				 coalesce(pg_catalog.lag(x.number) OVER w, s.number, 0::bigint) AS previous,
				 coalesce(pg_catalog.lag(x.sequence) OVER w, s.sequence, 0::bigint) AS previous_sequence,
				 coalesce(pg_catalog.lag(x.entry_number) OVER w, s.entry_number, 0::bigint) AS previous_entry
		  FROM ledger_agents.chain_seals x
		  LEFT JOIN ledger_agents.counters k
			ON k.organization_id = x.organization_id AND k.scope = 'agent' AND k.scope_id = x.agent_id::text
		  LEFT JOIN (SELECT DISTINCT ON (c.organization_id, c.agent_id) c.*
					 FROM ledger_agents.chain_starts c
					 ORDER BY c.organization_id, c.agent_id, c.number DESC) s
			ON s.organization_id = x.organization_id AND s.agent_id = x.agent_id
		  WINDOW w AS (PARTITION BY x.organization_id, x.agent_id ORDER BY x.number)) y
	WHERE y.number <> y.previous + 1 OR y.sequence NOT BETWEEN y.previous_sequence AND y.previous_sequence + 1000
	   OR y.entry_number < y.previous_entry OR NOT y.counted OR y.sequence > y.last_sequence OR y.entry_number > y.last_entry
	UNION ALL
	SELECT 'purge_differs', coalesce(s.organization_id, p.organization_id), coalesce(s.agent_id, p.agent_id)::text,
		   pg_catalog.format('%s decisions are in the totals, and the chain begins behind number %s.', p.decisions, s.sequence)
	FROM (SELECT c.organization_id, c.agent_id, pg_catalog.max(c.sequence) AS sequence
		  FROM ledger_agents.chain_starts c GROUP BY 1, 2) s
	FULL JOIN (SELECT t.organization_id, t.agent_id, pg_catalog.sum(t.decisions) AS decisions
			   FROM ledger_agents.purged_totals t GROUP BY 1, 2) p
		ON p.organization_id = s.organization_id AND p.agent_id = s.agent_id
	WHERE p.decisions IS DISTINCT FROM s.sequence
	UNION ALL
	SELECT 'reference_is_broken', c.organization_id, c.agent_id::text, 'The chain begins behind a purge that is not recorded.'
	FROM ledger_agents.chain_starts c
	WHERE NOT EXISTS (SELECT FROM ledger_agents.purges u
					  WHERE u.organization_id = c.organization_id AND u.id = c.purge_id)
	UNION ALL
	SELECT 'values_out_of_range', x.organization_id, x.id::text,
		   pg_catalog.format('Amount %s, counted %s, reversed %s, decision %s, status %s, reason %s, reasons %s.',
							 x.amount, x.counted_amount, x.reversed_amount, x.decision, x.status, x.reason, x.reasons)
	FROM ledger_agents.authorizations x
	WHERE x.amount <= 0 OR x.counted_amount < 0 OR x.reversed_amount NOT BETWEEN 1 AND x.amount
	   OR x.captured_amount <= 0 OR x.refunded_amount NOT BETWEEN 1 AND x.captured_amount OR x.incremented_amount <= 0
	   OR (x.decision = 'declined') <> (x.reason IS NOT NULL) OR (x.reason IS NULL) <> (x.reasons IS NULL)
	   OR x.reason <> x.reasons[1] OR (x.decision = 'declined') <> (x.status = 'declined')
	UNION ALL
	SELECT 'values_out_of_range', k.organization_id, k.scope_id,
		   pg_catalog.format('Counter of the %s: total %s, day %s, week %s, month %s, year %s, rolling %s since %s.', k.scope,
							 k.total_spent, k.day_spent, k.week_spent, k.month_spent, k.year_spent, k.rolling_spent, k.rolling_since)
	FROM ledger_agents.counters k
	WHERE k.total_spent < 0 OR k.day_spent < 0 OR k.week_spent < 0 OR k.month_spent < 0 OR k.year_spent < 0
	   OR k.rolling_spent < 0 OR (k.rolling_frequency IS NULL) <> (k.rolling_since IS NULL)
	   OR (k.rolling_frequency IS NULL) <> (k.rolling_spent IS NULL)
	UNION ALL
	SELECT 'reference_is_broken', x.organization_id, x.id::text, 'There is no such agent, or it has another customer.'
	FROM ledger_agents.authorizations x
	WHERE NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = x.organization_id AND a.id = x.agent_id
						AND a.customer_id = x.customer_id)
	UNION ALL
	SELECT 'reference_is_broken', e.organization_id, e.id::text, 'The entry''s authorization is missing, or another agent''s.'
	FROM ledger_agents.authorization_entries e
	WHERE NOT EXISTS (SELECT FROM ledger_agents.authorizations x
					  WHERE x.organization_id = e.organization_id AND x.id = e.authorization_id
						AND x.agent_id = e.agent_id)
	UNION ALL
	SELECT 'reference_is_broken', e.organization_id, e.id::text, 'The entry is an increment without its authorization.'
	FROM ledger_agents.authorization_entries e
	WHERE e.kind = 'increment'
	  AND NOT EXISTS (SELECT FROM ledger_agents.authorizations x
					  WHERE x.organization_id = e.organization_id AND x.id = e.id
						AND x.increment_of = e.authorization_id AND x.amount = e.amount
						AND (x.decision = 'approved') = (e.added_amount > 0))
	UNION ALL
	SELECT 'reference_is_broken', a.organization_id, a.id::text, 'The agent has no customer.'
	FROM ledger_agents.agents a
	WHERE NOT EXISTS (SELECT FROM ledger_agents.customers c
					  WHERE c.organization_id = a.organization_id AND c.id = a.customer_id)
	UNION ALL
	SELECT 'reference_is_broken', c.organization_id, c.id, 'The customer has no organization.'
	FROM ledger_agents.customers c
	WHERE NOT EXISTS (SELECT FROM ledger_agents.organizations o WHERE o.id = c.organization_id)
	UNION ALL
	SELECT 'reference_is_broken', t.organization_id, t.id::text, 'The token has no agent.'
	FROM ledger_agents.agent_tokens t
	WHERE NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = t.organization_id AND a.id = t.agent_id)
	UNION ALL
	SELECT 'token_outlives_its_agent', t.organization_id, t.id::text, 'The agent is deregistered, its token is not revoked.'
	FROM ledger_agents.agent_tokens t
	JOIN ledger_agents.agents a ON a.organization_id = t.organization_id AND a.id = t.agent_id
	WHERE a.status = 'deregistered' AND t.revoked_at IS NULL
	UNION ALL
	SELECT 'card_not_noted', a.organization_id, a.id::text, 'The agent has cards, its row does not say so.'
	FROM ledger_agents.agents a
	WHERE NOT a.has_cards
	  AND EXISTS (SELECT FROM ledger_agents.cards d
				  WHERE d.organization_id = a.organization_id AND d.agent_id = a.id)
	UNION ALL
	SELECT 'reference_is_broken', d.organization_id, d.id::text, 'The card has no agent.'
	FROM ledger_agents.cards d
	WHERE NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = d.organization_id AND a.id = d.agent_id)
	UNION ALL
	SELECT 'reference_is_broken', x.organization_id, x.id::text, 'There is no such card, or it is another agent''s.'
	FROM ledger_agents.authorizations x
	WHERE x.card_id IS NOT NULL
	  AND NOT EXISTS (SELECT FROM ledger_agents.cards d
					  WHERE d.organization_id = x.organization_id AND d.id = x.card_id
						AND d.agent_id = x.agent_id)
	UNION ALL
	SELECT 'card_outlives_its_agent', d.organization_id, d.id::text, 'The agent is deregistered, its card is not closed.'
	FROM ledger_agents.cards d
	JOIN ledger_agents.agents a ON a.organization_id = d.organization_id AND a.id = d.agent_id
	WHERE a.status = 'deregistered' AND d.status <> 'closed'
	UNION ALL
	SELECT 'reference_is_broken', i.organization_id, i.id::text, 'The intent''s agent or card is missing, or the card is another agent''s.'
	FROM ledger_agents.intents i
	WHERE NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = i.organization_id AND a.id = i.agent_id)
	   OR (i.card_id IS NOT NULL
		   AND NOT EXISTS (SELECT FROM ledger_agents.cards c
						   WHERE c.organization_id = i.organization_id AND c.id = i.card_id
							 AND c.agent_id = i.agent_id))
	UNION ALL
	SELECT 'reference_is_broken', i.organization_id, i.id::text, 'The intent''s authorization is missing, declined, or another agent''s.'
	FROM ledger_agents.intents i
	WHERE i.authorization_id IS NOT NULL
	  AND NOT EXISTS (SELECT FROM ledger_agents.authorizations x
					  WHERE x.organization_id = i.organization_id AND x.id = i.authorization_id
						AND x.agent_id = i.agent_id AND x.decision = 'approved')
	UNION ALL
	SELECT 'reference_is_broken', x.organization_id, x.id::text, 'The intent linked to it is missing, or another agent''s.'
	FROM ledger_agents.authorizations x
	WHERE x.linked_intent_id IS NOT NULL
	  AND NOT EXISTS (SELECT FROM ledger_agents.intents i
					  WHERE i.organization_id = x.organization_id AND i.id = x.linked_intent_id
						AND i.agent_id = x.agent_id)
	UNION ALL
	/* A full reversal gives the intent back; the authorization still tells which it was. */
	SELECT 'intent_link_differs', x.organization_id, x.id::text,
		   pg_catalog.format('It used up intent %s, which says that authorization %s did.', i.id, i.authorization_id)
	FROM ledger_agents.authorizations x
	JOIN ledger_agents.intents i ON i.organization_id = x.organization_id AND i.id = x.linked_intent_id
	WHERE x.decision = 'approved' AND x.status <> 'reversed' AND i.authorization_id IS DISTINCT FROM x.id
	UNION ALL
	SELECT 'intent_link_differs', x.organization_id, x.id::text,
		   pg_catalog.format('Intent %s says that it was used up by it.', i.id)
	FROM ledger_agents.intents i
	JOIN ledger_agents.authorizations x ON x.organization_id = i.organization_id AND x.id = i.authorization_id
	WHERE x.linked_intent_id IS DISTINCT FROM i.id OR x.status = 'reversed'
	UNION ALL
	SELECT 'intents_of_one_authorization', i.organization_id, i.authorization_id::text,
		   pg_catalog.format('It has used up %s intents.', pg_catalog.count(*))
	FROM ledger_agents.intents i
	WHERE i.authorization_id IS NOT NULL
	GROUP BY i.organization_id, i.authorization_id
	HAVING pg_catalog.count(*) > 1
	UNION ALL
	/* Beyond its counter's bound decisions would not look for it. */
	SELECT 'intent_beyond_bound', i.organization_id, i.id::text,
		   pg_catalog.format('Open until %s, the counter says %s.', i.expires_at, k.intents_until)
	FROM ledger_agents.intents i
	LEFT JOIN ledger_agents.counters k
		ON k.organization_id = i.organization_id AND k.scope = 'agent' AND k.scope_id = i.agent_id::text
	WHERE i.status IN ('pending_approval', 'pending')
	  AND (k.intents_until IS NULL OR i.expires_at > k.intents_until)
	UNION ALL
	SELECT 'reference_is_broken', t.organization_id, t.id::text, 'The attestation''s agent or card is missing, or the card is another agent''s.'
	FROM ledger_agents.attestations t
	WHERE NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = t.organization_id AND a.id = t.agent_id)
	   OR (t.card_id IS NOT NULL
		   AND NOT EXISTS (SELECT FROM ledger_agents.cards c
						   WHERE c.organization_id = t.organization_id AND c.id = t.card_id
							 AND c.agent_id = t.agent_id))
	UNION ALL
	SELECT 'event_without_agent', v.organization_id, v.id::text, pg_catalog.format('%s', v.type)
	FROM ledger_agents.events v
	WHERE v.agent_id IS NOT NULL
	  AND NOT EXISTS (SELECT FROM ledger_agents.agents a
					  WHERE a.organization_id = v.organization_id AND a.id = v.agent_id)
	UNION ALL
	/* Each event waits in the inbox or has a position; positions have no gaps from the first one kept. */
	SELECT 'event_not_in_stream', v.organization_id, v.id::text,
		   CASE WHEN i.event_id IS NULL THEN 'It is neither in the inbox nor has it a position.'
				ELSE 'It is in the inbox and has a position.' END
	FROM ledger_agents.events v
	LEFT JOIN ledger_agents.event_inbox i ON i.organization_id = v.organization_id AND i.event_id = v.id
	LEFT JOIN ledger_agents.event_positions p ON p.organization_id = v.organization_id AND p.event_id = v.id
	WHERE (i.event_id IS NULL) = (p.event_id IS NULL)
	UNION ALL
	SELECT 'reference_is_broken', x.organization_id, x.event_id::text, 'What is in the stream is no event.'
	FROM (SELECT i.organization_id, i.event_id FROM ledger_agents.event_inbox i
		  UNION ALL
		  SELECT p.organization_id, p.event_id FROM ledger_agents.event_positions p) x
	WHERE NOT EXISTS (SELECT FROM ledger_agents.events v
					  WHERE v.organization_id = x.organization_id AND v.id = x.event_id)
	UNION ALL
	SELECT 'positions_have_gaps', p.organization_id, p.organization_id,
		   pg_catalog.format('%s positions from %s to %s, the stream stands at %s.', pg_catalog.count(*),
							 pg_catalog.min(p.position), pg_catalog.max(p.position), pg_catalog.max(s.last_position))
	FROM ledger_agents.event_positions p
	LEFT JOIN ledger_agents.event_streams s ON s.organization_id = p.organization_id
	GROUP BY p.organization_id
	HAVING pg_catalog.max(p.position) - pg_catalog.min(p.position) + 1 <> pg_catalog.count(*)
		OR pg_catalog.max(p.position) IS DISTINCT FROM pg_catalog.max(s.last_position) OR pg_catalog.min(p.position) < 1
	UNION ALL
	SELECT 'consumer_ahead_of_stream', c.organization_id, c.name,
		   pg_catalog.format('Acknowledged up to %s, polled up to %s, the stream stands at %s.',
							 c.acked_position, c.polled_position, s.last_position)
	FROM ledger_agents.event_consumers c
	LEFT JOIN ledger_agents.event_streams s ON s.organization_id = c.organization_id
	WHERE c.acked_position > c.polled_position OR c.polled_position > coalesce(s.last_position, 0)
	UNION ALL
	SELECT 'reference_is_broken', u.organization_id, u.id::text, pg_catalog.format('policy %s', u.policy_id)
	FROM (SELECT a.organization_id, a.id, a.default_policy_id AS policy_id FROM ledger_agents.agents a
		  UNION ALL
		  SELECT c.organization_id, c.id, c.policy_id FROM ledger_agents.cards c) u
	WHERE u.policy_id IS NOT NULL
	  AND NOT EXISTS (SELECT FROM ledger_agents.policies p
					  WHERE p.organization_id = u.organization_id AND p.id = u.policy_id);
END;
COMMENT ON FUNCTION ledger_agents.check_invariants IS
'One row for each thing that is wrong in the books, none in health: counters against sums and counts, what rules remember, sequences and seals without gaps, approvals above a declining limit, entries, references, the stream of events. Reads everything; for operators and auditors.';
