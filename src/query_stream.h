/*
 * query_stream.h
 *		The statements of events, of who reads them, and of the record; see query_text.h.
 */

static const Statement stream_statements[LA_Q_COUNT] = {
	/* 80 event */
	[LA_Q_EVENT] = {"tutujz",
		"WITH i AS (INSERT INTO ledger_agents.event_inbox (organization_id, event_id) VALUES ($1, $2))"
		" INSERT INTO ledger_agents.events (organization_id, id, type, agent_id, data, created_at)"
	" VALUES ($1, $2, $3::ledger_agents.event_type, $4, $5, $6)"},
	[LA_Q_CHANGE] = {"tutttjjttz",
		"INSERT INTO ledger_agents.configuration_changes (organization_id, id, object_type,"
		" object_id, action, old_values, new_values, principal, database_role, created_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"},

	/* 82 stream */
	/* From before the earliest event that has a position. */
	[LA_Q_CONSUMER_MAKE] = {"ttz",
		"INSERT INTO ledger_agents.event_consumers (organization_id, name, acked_position,"
		" polled_position, created_at) SELECT $1, $2, f.before, f.before, $3"
		" FROM (SELECT coalesce((SELECT min(p.position) - 1 FROM ledger_agents.event_positions p"
		"  WHERE p.organization_id = $1), (SELECT s.last_position FROM ledger_agents.event_streams s"
		"  WHERE s.organization_id = $1), 0) AS before) f"
	" ON CONFLICT (organization_id, name) DO NOTHING"},

	/*
	 * Also how far the stream is, and whether there is more to number.  What
	 * was purged meanwhile is behind a consumer, whatever it has
	 * acknowledged.
	 */
	[LA_Q_CONSUMER_STANDS] = {"tt",
		"SELECT greatest(c.acked_position, coalesce((SELECT min(p.position) - 1"
		"  FROM ledger_agents.event_positions p WHERE p.organization_id = $1),"
		"  (SELECT s.last_position FROM ledger_agents.event_streams s"
		"   WHERE s.organization_id = $1))), c.polled_position,"
		" (SELECT s.last_position FROM ledger_agents.event_streams s WHERE s.organization_id = $1),"
		" EXISTS (SELECT FROM ledger_agents.event_inbox i WHERE i.organization_id = $1)"
	" FROM " CONSUMER},
	[LA_Q_CONSUMER_LOCK] = {"tt",
	"SELECT c.acked_position, c.polled_position FROM " CONSUMER " FOR NO KEY UPDATE"},
	/* Not where another poll, or an acknowledgment, is just writing to it. */
	[LA_Q_CONSUMER_POLLED] = {"tti",
		"UPDATE ledger_agents.event_consumers SET polled_position = $3 WHERE organization_id = $1"
		" AND name IN (SELECT c.name FROM " CONSUMER " AND c.polled_position < $3"
	" FOR NO KEY UPDATE SKIP LOCKED)"},
	/* $4 of them are new. */
	[LA_Q_CONSUMER_ACK] = {"ttiiz",
		"UPDATE ledger_agents.event_consumers c SET acked_position = $3, acked_at = $5"
	" WHERE organization_id = $1 AND name = $2 RETURNING " CONSUMER_DETAIL("$4")},
	[LA_Q_CONSUMER_GET] = {"tti", "SELECT " CONSUMER_DETAIL("$3") " FROM " CONSUMER},
	[LA_Q_CONSUMER_LIST] = {"t",
		"SELECT " CONSUMER_DETAIL("NULL") " FROM ledger_agents.event_consumers c"
	" WHERE c.organization_id = $1 ORDER BY c.name"},
	[LA_Q_CONSUMER_DELETE] = {"tt", "DELETE FROM " CONSUMER " RETURNING " CONSUMER_DETAIL("NULL")},
	[LA_Q_STREAM_MAKE] = {"t",
		"INSERT INTO ledger_agents.event_streams (organization_id) VALUES ($1)"
	" ON CONFLICT (organization_id) DO NOTHING"},
	[LA_Q_STREAM_LOCK] = {"t",
		"SELECT s.last_position FROM ledger_agents.event_streams s WHERE s.organization_id = $1"
	ONE_NUMBERS},
	/* Behind the last position, $2. */
	[LA_Q_STREAM_NUMBER] = {"tin",
		"WITH u AS (" UNNUMBERED "),"
		" d AS (DELETE FROM ledger_agents.event_inbox i USING u"
		"  WHERE i.organization_id = $1 AND i.event_id = u.event_id RETURNING i.event_id),"
		" p AS (INSERT INTO ledger_agents.event_positions (organization_id, position, event_id)"
		"  SELECT $1, $2 + row_number() OVER (ORDER BY d.event_id), d.event_id FROM d"
		"  RETURNING position)"
		" UPDATE ledger_agents.event_streams s SET last_position = n.last"
		" FROM (SELECT max(p.position) AS last FROM p) n"
	" WHERE s.organization_id = $1 AND n.last IS NOT NULL RETURNING s.last_position"},
	/* After $2, up to $3. */
	[LA_Q_STREAM_READ] = {"tii",
		"SELECT ROW(e.organization_id, e.id, p.position, e.type, e.agent_id, e.data,"
		" e.created_at)::ledger_agents.event_detail FROM ledger_agents.event_positions p"
		" JOIN ledger_agents.events e ON e.organization_id = $1 AND e.id = p.event_id"
	" WHERE p.organization_id = $1 AND p.position > $2 AND p.position <= $3 ORDER BY p.position"},
	[LA_Q_EVENT_POSITION] = {"tu",
		"SELECT p.position FROM ledger_agents.event_positions p"
	" WHERE p.organization_id = $1 AND p.event_id = $2"},
};
