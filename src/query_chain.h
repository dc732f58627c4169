/*
 * query_chain.h
 *		The statements of what is sealed and what is forgotten; see query_text.h.
 */

static const Statement chain_statements[LA_Q_COUNT] = {
	/* 78 chain */

	/* The last seal; what is behind the start of the chain, if nothing is. */
	[LA_Q_SEAL_LAST] = {"tu",
		"SELECT " SEAL_COLUMNS(", s.sealed_at") " FROM ledger_agents.chain_seals s"
	" WHERE s.organization_id = $1 AND s.agent_id = $2 ORDER BY s.number DESC LIMIT 1"},
	[LA_Q_SEAL_LIST] = {"tu",
		"SELECT " SEAL_COLUMNS(", s.sealed_at") " FROM ledger_agents.chain_seals s"
	" WHERE s.organization_id = $1 AND s.agent_id = $2 ORDER BY s.number"},
	[LA_Q_SEAL_INSERT] = {"tuiiizyz",
		"INSERT INTO ledger_agents.chain_seals (organization_id, agent_id, number, sequence,"
		" entry_number, decided_at, head, version, sealed_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)"},
	[LA_Q_SEAL_DETAIL] = {"tuiiizyznb",
	"SELECT ROW($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10)::ledger_agents.chain_seal_detail"},
	[LA_Q_CHAIN_START] = {"tu",
		"SELECT " SEAL_COLUMNS(", NULL::timestamptz") " FROM ledger_agents.chain_starts s"
	" WHERE s.organization_id = $1 AND s.agent_id = $2 ORDER BY s.number DESC LIMIT 1"},

	/*
	 * No index has the numbers of decisions: ids have their instants, and
	 * between two ids there are few.
	 */
	[LA_Q_CHAIN_SLICE] = {"tuu",
		"SELECT x.id FROM ledger_agents.authorizations x WHERE x.organization_id = $1"
	" AND x.agent_id = $2 AND x.id > $3 ORDER BY x.id OFFSET 999 LIMIT 1"},
	[LA_Q_CHAIN_DECISIONS] = {"tuuu",
		"SELECT x.sequence, x.decided_at, x FROM ledger_agents.authorizations x"
		" WHERE x.organization_id = $1 AND x.agent_id = $2 AND x.id > $3 AND x.id <= $4"
	" ORDER BY x.sequence"},
	[LA_Q_CHAIN_ENTRIES] = {"tui",
		"SELECT n.number, n.created_at, n FROM ledger_agents.authorization_entries n"
		" WHERE n.organization_id = $1 AND n.agent_id = $2 AND n.number > $3"
	" ORDER BY n.number"},

	/* 83 purge */

	/*
	 * Agents behind $2 that have decisions before the id $3, which is that of
	 * an instant.
	 */
	[LA_Q_PURGE_AGENTS] = {"tuu",
		"SELECT a.id, a.customer_id FROM ledger_agents.agents a"
		" WHERE a.organization_id = $1 AND a.id > $2 AND a.id < $3"
		" AND EXISTS (SELECT FROM ledger_agents.authorizations x"
		"  WHERE x.organization_id = $1 AND x.agent_id = a.id AND x.id < $3)"
	" ORDER BY a.id LIMIT 100"},
	/* The decision of agent $2 behind the oldest $3. */
	[LA_Q_PURGE_BOUND] = {"tui",
		"SELECT x.decided_at FROM ledger_agents.authorizations x"
		" WHERE x.organization_id = $1 AND x.agent_id = $2"
	" ORDER BY x.id OFFSET $3 LIMIT 1"},

	/*
	 * The last instant up to $4 before which all that was begun (at an id
	 * before $3) had ended.  From the one that ended last on, each that had
	 * not ended by the instant brings it down to its own begin, until what
	 * comes next had.
	 */
	[LA_Q_PURGE_CUT] = {"tuuz",
		"WITH h AS (SELECT x.decided_at AS begun, CASE WHEN " OPEN_HOLD("x") " THEN 'infinity'"
		" ELSE greatest(x.decided_at, (SELECT max(n.created_at)"
		"  FROM ledger_agents.authorization_entries n"
		"  WHERE n.organization_id = $1 AND n.authorization_id = x.id)) END AS ended"
		" FROM ledger_agents.authorizations x WHERE x.organization_id = $1 AND x.agent_id = $2"
		" AND x.id < $3 AND x.increment_of IS NULL"
		" UNION ALL SELECT $4, 'infinity'),"
		" c AS (SELECT min(h.begun) OVER (ORDER BY h.ended DESC ROWS UNBOUNDED PRECEDING) AS cut,"
		" lead(h.ended) OVER (ORDER BY h.ended DESC) AS next FROM h)"
	" SELECT max(c.cut) FROM c WHERE c.next IS NULL OR c.next < c.cut"},

	/*
	 * What of agent $2 is before the cut whose first id is $3: the last
	 * decision and entry, and how many.
	 */
	[LA_Q_PURGE_REACH] = {"tuu",
		"SELECT max(x.sequence), max(n.number), count(*), sum(n.count)::bigint"
		" FROM ledger_agents.authorizations x,"
		" LATERAL (SELECT max(e.number) AS number, count(*) AS count"
		"  FROM ledger_agents.authorization_entries e"
		"  WHERE e.organization_id = $1 AND e.authorization_id = x.id) n"
	" WHERE x.organization_id = $1 AND x.agent_id = $2 AND x.id < $3"},

	/*
	 * The last seal of agent $2 up to decision $4 and entry $5, both before
	 * the id $3, that parts no authorization from its increments and entries.
	 */
	[LA_Q_PURGE_SEAL] = {"tuuii",
		"WITH h AS (SELECT coalesce(x.increment_of, x.id) AS id, min(x.sequence) AS first,"
		" max(x.sequence) AS last FROM ledger_agents.authorizations x"
		" WHERE x.organization_id = $1 AND x.agent_id = $2 AND x.id < $3 GROUP BY 1),"
		" g AS MATERIALIZED (SELECT h.first, h.last, n.first AS first_entry, n.last AS last_entry"
		" FROM h, LATERAL (SELECT min(e.number) AS first, max(e.number) AS last"
		"  FROM ledger_agents.authorization_entries e"
		"  WHERE e.organization_id = $1 AND e.authorization_id = h.id) n"
		" WHERE h.last > h.first OR n.first IS NOT NULL)"
		" SELECT " SEAL_COLUMNS(", s.sealed_at") " FROM ledger_agents.chain_seals s"
		" WHERE s.organization_id = $1 AND s.agent_id = $2 AND s.sequence <= $4"
		" AND s.entry_number <= $5 AND NOT EXISTS (SELECT FROM g WHERE"
		"  (g.first <= s.sequence AND (g.last > s.sequence OR g.last_entry > s.entry_number))"
		"  OR (g.first > s.sequence AND g.first_entry <= s.entry_number))"
	" ORDER BY s.number DESC LIMIT 1"},
	[LA_Q_PURGE_CARDS] = {"tuui",
	"SELECT DISTINCT x.card_id FROM ledger_agents.authorizations x WHERE " PURGED " AND x.card_id IS NOT NULL"},
	/* The intents that they have used up go with them. */
	[LA_Q_PURGE_USED_INTENTS] = {"tuui",
		"DELETE FROM ledger_agents.intents i USING ledger_agents.authorizations x WHERE " PURGED
		" AND x.decision = 'approved' AND i.organization_id = $1 AND i.id = x.linked_intent_id"
	" AND i.authorization_id = x.id"},
	[LA_Q_PURGE_ENTRIES] = {"tui",
		"DELETE FROM ledger_agents.authorization_entries n WHERE n.organization_id = $1"
	" AND n.agent_id = $2 AND n.number <= $3"},

	/*
	 * What of them rules and limits for all time must know goes into the
	 * totals.
	 */
	[LA_Q_PURGE_AUTHORIZATIONS] = {"tuuit",
		"WITH x AS (DELETE FROM ledger_agents.authorizations x WHERE " PURGED " RETURNING x.*)"
		" INSERT INTO ledger_agents.purged_totals AS p (organization_id, agent_id, card, currency,"
		" customer_id, decisions, approved, counted_amount, auth_count, use_count,"
		" captured_amount, captured_count, last_approved_at, first_merchant)"
		" SELECT $1, $2, coalesce(x.card_id::text, ''), x.currency, $5, count(*),"
		" count(*) FILTER (WHERE x.decision = 'approved'), sum(x.counted_amount)::bigint,"
		" count(*) FILTER (WHERE x.decision = 'approved' AND " COUNTS_AS_ONE "),"
		" count(*) FILTER (WHERE x.decision = 'approved' AND x.increment_of IS NULL"
		"  AND x.status <> 'reversed'),"
		" coalesce(sum(x.captured_amount - coalesce(x.refunded_amount, 0)), 0)::bigint,"
		" count(x.captured_amount) FILTER (WHERE x.increment_of IS NULL),"
		" max(x.decided_at) FILTER (WHERE x.decision = 'approved' AND x.increment_of IS NULL"
		"  AND x.recorded IS NULL),"
		" (SELECT k.first_merchant FROM ledger_agents.counters k WHERE k.organization_id = $1"
		"  AND k.scope = (CASE WHEN x.card_id IS NULL THEN 'agent' ELSE 'card' END)::ledger_agents.limit_scope"
		"  AND k.scope_id = coalesce(x.card_id, $2)::text)"
		" FROM x GROUP BY x.card_id, x.currency"
		" ON CONFLICT (organization_id, agent_id, card, currency) DO UPDATE SET"
		" decisions = p.decisions + excluded.decisions, approved = p.approved + excluded.approved,"
		" counted_amount = p.counted_amount + excluded.counted_amount,"
		" auth_count = p.auth_count + excluded.auth_count,"
		" use_count = p.use_count + excluded.use_count,"
		" captured_amount = p.captured_amount + excluded.captured_amount,"
		" captured_count = p.captured_count + excluded.captured_count,"
		" last_approved_at = greatest(p.last_approved_at, excluded.last_approved_at),"
	" first_merchant = coalesce(p.first_merchant, excluded.first_merchant)"},
	[LA_Q_PURGE_SEALS] = {"tui",
		"DELETE FROM ledger_agents.chain_seals s WHERE s.organization_id = $1 AND s.agent_id = $2"
	" AND s.number <= $3"},
	[LA_Q_PURGE_START] = {"tuiiizyu",
		"INSERT INTO ledger_agents.chain_starts (organization_id, agent_id, number, sequence,"
		" entry_number, decided_at, head, purge_id)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"},

	/*
	 * Over before $2, and declared before the id $3.  Decisions of that time
	 * may be linked to it: it stays as long as its agent has any.
	 */
	[LA_Q_PURGE_INTENTS] = {"tzun",
		"DELETE FROM ledger_agents.intents d WHERE d.organization_id = $1 AND d.id = ANY (ARRAY("
		" SELECT i.id FROM ledger_agents.intents i WHERE i.organization_id = $1 AND i.id < $3"
		" AND CASE i.status WHEN 'pending_approval' THEN i.expires_at WHEN 'pending' THEN i.expires_at"
		"  WHEN 'expired' THEN i.expires_at WHEN 'rejected' THEN i.rejected_at"
		"  WHEN 'canceled' THEN i.canceled_at ELSE i.settled_at END < $2"
		" AND NOT EXISTS (SELECT FROM ledger_agents.authorizations x"
		"  WHERE x.organization_id = $1 AND x.agent_id = i.agent_id AND x.id < $3)"
	" ORDER BY i.id LIMIT $4))"},
	[LA_Q_PURGE_ATTESTATIONS] = {"tun",
		"DELETE FROM ledger_agents.attestations d WHERE d.organization_id = $1 AND d.id = ANY (ARRAY("
		" SELECT t.id FROM ledger_agents.attestations t WHERE t.organization_id = $1 AND t.id < $2"
	" ORDER BY t.id LIMIT $3))"},

	/*
	 * From the first position on, as far as all are older than $2 and every
	 * consumer has acknowledged them; and what has none, where nobody reads.
	 */
	[LA_Q_PURGE_EVENTS] = {"tzn",
		"WITH f AS (SELECT p.position, e.created_at FROM ledger_agents.event_positions p"
		"  JOIN ledger_agents.events e ON e.organization_id = $1 AND e.id = p.event_id"
		"  WHERE p.organization_id = $1 ORDER BY p.position LIMIT $3),"
		" c AS (SELECT least(coalesce(min(f.position) FILTER (WHERE f.created_at >= $2) - 1, max(f.position)),"
		"  (SELECT min(c.acked_position) FROM ledger_agents.event_consumers c"
		"   WHERE c.organization_id = $1)) AS position FROM f),"
		" g AS (DELETE FROM ledger_agents.event_positions p USING c"
		"  WHERE p.organization_id = $1 AND p.position <= c.position RETURNING p.event_id),"
		" u AS (DELETE FROM ledger_agents.event_inbox i WHERE i.organization_id = $1 AND i.event_id IN ("
		"  SELECT n.event_id FROM ledger_agents.event_inbox n"
		"   JOIN ledger_agents.events e ON e.organization_id = $1 AND e.id = n.event_id"
		"   WHERE n.organization_id = $1 AND e.created_at < $2 AND NOT EXISTS (SELECT FROM"
		"    ledger_agents.event_consumers c WHERE c.organization_id = $1)"
		"   ORDER BY n.event_id LIMIT $3) RETURNING i.event_id)"
		" DELETE FROM ledger_agents.events e USING (SELECT g.event_id FROM g UNION ALL"
	"  SELECT u.event_id FROM u) o WHERE e.organization_id = $1 AND e.id = o.event_id"},
	[LA_Q_PURGE_RECORD] = {"tuziiiiiiittz",
		"INSERT INTO ledger_agents.purges (organization_id, id, before, agents, authorizations,"
		" entries, seals, intents, attestations, events, principal, database_role, created_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"},
	[LA_Q_PURGE_DETAIL] = {"tuziiiiiiittzb",
	"SELECT ROW($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)::ledger_agents.purge_detail"},
};
