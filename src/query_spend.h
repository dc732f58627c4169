/*
 * query_spend.h
 *		The statements of decisions and of what becomes of them; see query_text.h.
 */

static const Statement spend_statements[LA_Q_COUNT] = {
	/* 70 authorization */

	/*
	 * Whether the agent's key $3 is known, and its counter, which is one
	 * column because every column is paid for anew in each call.
	 */
	[LA_Q_GATHER] = {"tutt",
	"SELECT " KEY_AND_COUNTER("$2", "$3") " FROM ledger_agents.counters k WHERE " AGENT_COUNTER},
	/* The same with the counter of card $5. */
	[LA_Q_GATHER_CARD] = {"tuttt",
		"SELECT " KEY_AND_COUNTER("$2", "$3") ", c FROM ledger_agents.counters k"
		" JOIN ledger_agents.counters c ON c.organization_id = $1 AND c.scope = 'card'"
	" AND c.scope_id = $5 WHERE " AGENT_COUNTER},
	/* Open intents of agent $2 at $3, oldest first. */
	[LA_Q_INTENTS] = {"tuzn",
		"SELECT " INTENT_FACTS " FROM ledger_agents.intents i WHERE i.organization_id = $1"
		" AND i.agent_id = $2 AND i.status IN ('pending_approval', 'pending') AND i.expires_at > $3"
	" ORDER BY i.id LIMIT $4"},
	/* Intent $3 of agent $2. */
	[LA_Q_INTENT] = {"tuu",
		"SELECT " INTENT_FACTS " FROM ledger_agents.intents i WHERE i.organization_id = $1"
	" AND i.agent_id = $2 AND i.id = $3"},
	/* Intent $2 is used up by authorization $3. */
	[LA_Q_INTENT_SETTLE] = {"tuutz",
		"UPDATE ledger_agents.intents SET status = $4::ledger_agents.intent_status,"
		" authorization_id = $3, settled_at = $5"
	" WHERE organization_id = $1 AND id = $2 AND status = 'pending'"},
	/* An intent for exactly the request that was declined. */
	[LA_Q_INTENT_PARK] = {"tuuuittnzz",
		"INSERT INTO ledger_agents.intents (organization_id, id, agent_id, card_id, status,"
		" expected_amount, expected_currency, expected_merchant, tolerance, ttl_minutes, expires_at,"
		" parked, metadata, created_at)"
	" VALUES ($1, $2, $3, $4, 'pending_approval', $5, $6, $7, 0, $8, $9, true, '{}', $10)"},
	/* The intent that authorization $2 used up. */
	[LA_Q_INTENT_REOPEN] = {"tu",
		"UPDATE ledger_agents.intents SET status = 'pending', authorization_id = NULL,"
		" settled_at = NULL WHERE organization_id = $1 AND authorization_id = $2"
		" AND id = (SELECT x.linked_intent_id FROM ledger_agents.authorizations x"
	" WHERE x.organization_id = $1 AND x.id = $2)"},
	[LA_Q_CARD_DRIFT] = {"tuz",
		"UPDATE ledger_agents.cards SET status = 'frozen', status_reason = 'merchant_drift',"
		" status_by = 'system', status_at = $3, updated_at = $3"
	" WHERE organization_id = $1 AND id = $2 AND status = 'active'"},
	[LA_Q_CARD] = {"tu",
		"SELECT c.agent_id, c.status, c.type, c.created_at, c.max_amount, c.spending_limit,"
		" c.spending_limit_frequency, c.window_mode, c.policy,"
		" c.policy_id, c.status_reason"
	" FROM ledger_agents.cards c WHERE c.organization_id = $1 AND c.id = $2"},
	[LA_Q_AGENT_FACTS] = {"tu",
		"SELECT a.customer_id, a.status, a.currency, a.spending_limit, a.spending_limit_frequency,"
		" a.window_mode, a.on_limit_exceeded, a.policy, a.default_policy_id, a.has_cards"
	" FROM ledger_agents.agents a WHERE a.organization_id = $1 AND a.id = $2"},
	[LA_Q_POLICY_RULES] = {"tu",
	"SELECT p.rules FROM ledger_agents.policies p WHERE p.organization_id = $1 AND p.id = $2"},
	/* Customer $2 and its organization. */
	[LA_Q_TENANT] = {"tt",
		"SELECT c.status, c.spending_limit, c.spending_limit_frequency, c.window_mode, c.policy,"
		" o.status, o.spending_limit, o.spending_limit_frequency, o.window_mode,"
		" o.timezone, o.currency, o.limit_approaching_percent, o.capture_tolerance_percent,"
		" o.transaction_events"
		" FROM ledger_agents.customers c JOIN ledger_agents.organizations o ON o.id = $1"
	" WHERE c.organization_id = $1 AND c.id = $2"},

	/* A decision as it is to be stored, in the order of the table's columns. */
	[LA_Q_AUTHORIZATION_INSERT] = {"tuuiziiiiiizziiiiubuuuDSRFAHttttttvQjj",
		"INSERT INTO ledger_agents.authorizations VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
		" $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28,"
	" $29, $30, $31, $32, $33, $34, $35, $36, $37, $38)"},

	/*
	 * The stored answer to a key, and the names of the fields that differ
	 * from this request.
	 */
	[LA_Q_REPLAY] = {"tut" "ittttuuv" "zb",
		"SELECT " AUTHORIZATION_DETAIL("$12", "true", "NULL") ", array_to_string(ARRAY["
		" CASE WHEN x.amount IS DISTINCT FROM $4 THEN 'amount' END,"
		" CASE WHEN x.currency IS DISTINCT FROM $5 THEN 'currency' END,"
		" CASE WHEN ledger_agents.normal_merchant(x.merchant) IS DISTINCT FROM"
		" ledger_agents.normal_merchant($6) THEN 'merchant' END,"
		" CASE WHEN x.mcc IS DISTINCT FROM $7 THEN 'mcc' END,"
		" CASE WHEN x.country IS DISTINCT FROM $8 THEN 'country' END,"
		" CASE WHEN x.card_id IS DISTINCT FROM $9 THEN 'card_id' END,"
		" CASE WHEN x.intent_id IS DISTINCT FROM $10 THEN 'intent_id' END,"
		" CASE WHEN x.hold_for IS DISTINCT FROM $11 THEN 'hold_for' END,"
		" CASE WHEN coalesce(x.recorded, false) <> $13 THEN 'recorded' END], ', '),"
		" array_to_string(x.reasons, ', ')"
		" FROM " WITH_PARTS
	" WHERE x.organization_id = $1 AND x.agent_id = $2 AND x.idempotency_key = $3"},
	[LA_Q_AUTHORIZATION_GET] = {"tuuz",
		"SELECT " AUTHORIZATION_DETAIL("$4", "false", "encode(uuid_send(x.id), 'base64')")
		" FROM " WITH_PARTS " WHERE x.organization_id = $1 AND x.id = $2"
	" AND ($3 IS NULL OR x.agent_id = $3)"},
	[LA_Q_AUTHORIZATION_LIST] = {"tuttunz", AUTHORIZATION_LIST("")},
	[LA_Q_AUTHORIZATION_LIST_AGENT] = {"tuttunz", AUTHORIZATION_LIST(" AND x.agent_id = $2")},
	/* What never changes of an authorization. */
	[LA_Q_AUTHORIZATION_OWNER] = {"tu",
		"SELECT x.agent_id, x.card_id, x.currency, x.increment_of FROM ledger_agents.authorizations x"
	" WHERE x.organization_id = $1 AND x.id = $2"},
	/* The parts of hold $2, oldest first; ids of one instant have no order. */
	[LA_Q_PARTS_LOCK] = {"tu",
		"SELECT p.id, p.status::text, p.decided_at, p.amount, p.counted_amount, p.captured_amount,"
		" p.reversed_amount, p.refunded_amount, p.expires_at FROM ledger_agents.authorizations p"
		" WHERE p.organization_id = $1 AND p.id = ANY (" PART_IDS("$2") ")"
#if LA_MUTANT != 83
	" ORDER BY p.sequence FOR NO KEY UPDATE"},
#else
	" ORDER BY p.id FOR NO KEY UPDATE"},
#endif
	[LA_Q_PART_WRITE] = {"tutiiii",
	PART_SET("$3", "$4", "$5", "$6", "$7") " WHERE x.organization_id = $1 AND x.id = $2"},

	/*
	 * The entry, and the one part of a hold without increments, as it is
	 * then.
	 */
	[LA_Q_SETTLE] = {"t" ENTRY_TYPES "tiiii",
		"WITH e AS (" ENTRY_INSERT ") "
		PART_SET("$15", "$16", "$17", "$18", "$19") " WHERE x.organization_id = $1 AND x.id = $3"
	" RETURNING " SINGLE_DETAIL("$13", "false", "encode(uuid_send(x.id), 'base64')")},
	[LA_Q_INCREMENTED] = {"tui",
		"UPDATE ledger_agents.authorizations x"
		" SET incremented_amount = coalesce(x.incremented_amount, 0) + $3"
	" WHERE x.organization_id = $1 AND x.id = $2"},
	/* The request that is asked anew for more. */
	[LA_Q_HOLD_REQUEST] = {"tu",
		"SELECT x.merchant, x.mcc, x.country, x.linked_intent_id, x.attestation::text"
	" FROM ledger_agents.authorizations x WHERE x.organization_id = $1 AND x.id = $2"},
	[LA_Q_AUTHORIZATION_REQUEST] = {"tu",
		"SELECT x.agent_id, x.amount, x.currency, x.merchant, x.mcc, x.country, x.card_id, x.intent_id,"
		" array_to_string(x.reasons, ','), x.increment_of, CASE WHEN x.increment_of IS NOT NULL THEN"
		"  (SELECT sum(p.amount - coalesce(p.reversed_amount, 0))::bigint"
		"   FROM ledger_agents.authorizations p WHERE p.organization_id = $1"
		"   AND p.id = ANY (" PART_IDS("x.increment_of") ") AND p.sequence < x.sequence) END"
		" FROM ledger_agents.authorizations x"
	" WHERE x.organization_id = $1 AND x.id = $2"},

	/*
	 * The entry of authorization $2 with key $3; what it answered is the row
	 * that it made, or the authorization.
	 */
	[LA_Q_ENTRY_FIND] = {"tutz",
		"SELECT e.kind::text, e.requested_amount, e.final, e.amount, "
		AUTHORIZATION_DETAIL("$4", "true", "NULL")
		" FROM ledger_agents.authorization_entries e, " WITH_PARTS
		" WHERE x.organization_id = $1 AND x.id = CASE WHEN e.kind = 'increment' THEN e.id ELSE $2 END"
	" AND e.organization_id = $1 AND e.authorization_id = $2 AND e.idempotency_key = $3"},
	[LA_Q_ENTRY_INSERT] = {"t" ENTRY_TYPES, ENTRY_INSERT},

	/* 76 sweep */
	[LA_Q_SWEEP_HOLDS] = {"tznT", SWEEP_HOLDS},
	[LA_Q_SWEEP_INTENTS] = {"tznT", SWEEP_INTENTS},
	[LA_Q_SWEEP_CARDS] = {"tznT", SWEEP_CARDS},
	[LA_Q_SWEEP_COUNTERS] = {"tznT", SWEEP_COUNTERS},
	[LA_Q_INTENTS_EXPIRE] = {"tuzn", INTENTS_EXPIRE},
};
