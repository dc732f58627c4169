/*
 * query_sweep.h
 *		The statements of sweep(), for query_text.h and query_spend.h; included by the first.
 *
 * The first four tell what is over at $2 of agents that are not among $4, up to
 * $3 rows, each agent's together.
 */
#define SWEEP_HOLDS \
	"SELECT h.agent_id, h.id, h.card_id, h.currency FROM (" \
	" SELECT x.agent_id, x.id, x.card_id, x.currency FROM ledger_agents.authorizations x" \
	"  WHERE x.organization_id = $1 AND " EXPIRED("$2") " AND x.increment_of IS NULL" \
	"  AND x.agent_id::text <> ALL ($4) ORDER BY x.expires_at LIMIT $3) h" \
	" ORDER BY h.agent_id, h.card_id, h.id"

#define SWEEP_INTENTS \
	"SELECT h.agent_id, h.id, NULL::uuid, NULL::text FROM (" \
	" SELECT i.agent_id, i.id FROM ledger_agents.intents i" \
	"  WHERE i.organization_id = $1 AND " INTENT_OPEN " AND i.expires_at <= $2" \
	"  AND i.agent_id::text <> ALL ($4) ORDER BY i.expires_at LIMIT $3) h" \
	" ORDER BY h.agent_id, h.id"

/* A behaviour of card c by the lowest level that sets it: its own, its template's p, its agent's a, its customer's u. */
#define CARD_RULE(name) \
	"coalesce(c.policy ->> '" name "', p.rules ->> '" name "', a.policy ->> '" name "'," \
	" u.policy ->> '" name "')"

/* Candidates only: la_card_end() and la_effective_level() decide. */
#define SWEEP_CARDS \
	"SELECT c.agent_id, c.id, NULL::uuid, NULL::text FROM ledger_agents.cards c" \
	" JOIN ledger_agents.agents a ON a.organization_id = $1 AND a.id = c.agent_id" \
	" JOIN ledger_agents.customers u ON u.organization_id = $1 AND u.id = a.customer_id" \
	" LEFT JOIN ledger_agents.policies p ON p.organization_id = $1 AND p.id = c.policy_id" \
	" WHERE c.organization_id = $1 AND c.status <> 'closed'" \
	" AND least(c.created_at + make_interval(mins => " CARD_RULE("ttlMinutes") "::integer)," \
	"  c.created_at + make_interval(hours => 24 * " CARD_RULE("ttlDays") "::integer)) <= $2" \
	" AND (c.status_reason IS DISTINCT FROM 'ttl_expired'" \
	"  OR " CARD_RULE("onExpiry") " IS DISTINCT FROM 'freeze')" \
	" AND c.agent_id::text <> ALL ($4) ORDER BY c.agent_id, c.id LIMIT $3"

/* Those that still look for a hold which was to expire; wider ones are renewed with them. */
#define SWEEP_COUNTERS \
	"SELECT h.agent_id, h.agent_id, h.card_id, NULL::text FROM (" \
	" SELECT coalesce(c.agent_id, k.scope_id::uuid) AS agent_id, c.id AS card_id" \
	"  FROM ledger_agents.counters k LEFT JOIN ledger_agents.cards c ON c.organization_id = $1" \
	"  AND c.id = CASE WHEN k.scope = 'card' THEN k.scope_id::uuid END" \
	"  WHERE k.organization_id = $1 AND k.scope IN ('agent', 'card') AND k.next_expiry <= $2" \
	"  AND coalesce(c.agent_id::text, k.scope_id) <> ALL ($4)" \
	"  ORDER BY k.next_expiry LIMIT $3) h" \
	" ORDER BY h.agent_id, h.card_id"

/* The open intents of agent $2 that are over at $3, $4 of them. */
#define INTENTS_EXPIRE \
	"UPDATE ledger_agents.intents i SET status = 'expired' FROM (" \
	" SELECT o.id FROM ledger_agents.intents o WHERE o.organization_id = $1 AND o.agent_id = $2" \
	"  AND o.status IN ('pending_approval', 'pending') AND o.expires_at <= $3" \
	"  ORDER BY o.id LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED) o" \
	" WHERE i.organization_id = $1 AND i.id = o.id" \
	" RETURNING " INTENT_DETAIL("$3", "false") ", (SELECT a.customer_id FROM ledger_agents.agents a" \
	"  WHERE a.organization_id = $1 AND a.id = $2)"

/*
 * The first expiry of a hold of card $3, agent $2, customer $4 and the
 * organization, among the first $5 of the organization; a scope that has none
 * among so many has none before the last of them.
 */
#define NEXT_EXPIRY \
	"SELECT coalesce(f.of_card, f.bound), coalesce(f.of_agent, f.bound)," \
	" coalesce(f.of_customer, f.bound), f.of_all FROM (" \
	" SELECT min(h.expires_at) FILTER (WHERE h.card_id = $3) AS of_card," \
	"  min(h.expires_at) FILTER (WHERE h.agent_id = $2) AS of_agent," \
	"  min(h.expires_at) FILTER (WHERE h.customer_id = $4) AS of_customer," \
	"  min(h.expires_at) AS of_all, CASE WHEN count(*) = $5 THEN max(h.expires_at) END AS bound" \
	"  FROM (SELECT x.card_id, x.agent_id, x.customer_id, x.expires_at" \
	"   FROM ledger_agents.authorizations x WHERE x.organization_id = $1 AND " OPEN_HOLD("x") \
	"   AND x.expires_at IS NOT NULL ORDER BY x.expires_at LIMIT $5) h) f"
