/*
 * query_text.h
 *		The statements, a part of them: of organizations, policies, agents, tokens,
 *		counters, cards and intents.  Included by query.c alone, as are the others.
 *
 * Parameters are of plain types; enums cross as labels.  Letters of the types:
 * t text, i bigint, n integer, b boolean, u uuid, z timestamptz, v interval,
 * j jsonb, y bytea, T text[], F spending_frequency, A limit_exceeded_action.
 * $1 is the organization, always.
 */

#include "query_macro.h"
#include "query_sweep.h"

static const Statement statements[LA_Q_COUNT] = {
	/* 20 organization */
	[LA_Q_ORGANIZATION_EXISTS] = {"t",
	"SELECT o.livemode FROM ledger_agents.organizations o WHERE o.id = $1"},
	[LA_Q_ORGANIZATION_INSERT] = {"ttbttittnnbz",
		"INSERT INTO ledger_agents.organizations (id, name, livemode, timezone, currency,"
		" spending_limit, spending_limit_frequency, window_mode, limit_approaching_percent,"
		" capture_tolerance_percent, transaction_events, created_at, updated_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7::ledger_agents.spending_frequency,"
		" $8::ledger_agents.window_mode, $9, $10, $11, $12, $12)"
	" ON CONFLICT (id) DO NOTHING RETURNING organizations"},

	/*
	 * With the defaults of the table, which LA_Q_ORGANIZATION_UNWRITTEN
	 * repeats for reading.
	 */
	[LA_Q_ORGANIZATION_MAKE] = {"tz",
		"INSERT INTO ledger_agents.organizations (id, created_at, updated_at) VALUES ($1, $2, $2)"
	" ON CONFLICT (id) DO NOTHING"},
	[LA_Q_ORGANIZATION_READ] = {"t",
		"SELECT o.name, o.status::text, o.timezone, o.currency, o.spending_limit,"
		" o.spending_limit_frequency::text, o.window_mode::text, o.limit_approaching_percent,"
		" o.capture_tolerance_percent, o.transaction_events, o.livemode"
	" FROM ledger_agents.organizations o WHERE o.id = $1"},
	[LA_Q_ORGANIZATION_WRITE] = {"tttttittnnbz",
		"UPDATE ledger_agents.organizations SET name = $2, status = $3::ledger_agents.account_status,"
		" timezone = $4, currency = $5, spending_limit = $6,"
		" spending_limit_frequency = $7::ledger_agents.spending_frequency,"
		" window_mode = $8::ledger_agents.window_mode, limit_approaching_percent = $9,"
		" capture_tolerance_percent = $10, transaction_events = $11, updated_at = $12"
	" WHERE id = $1"},
	[LA_Q_LIMITED_CUSTOMERS] = {"t",
		"SELECT c.id FROM ledger_agents.customers c"
		" WHERE c.organization_id = $1 AND (c.spending_limit IS NOT NULL"
	" OR c.policy -> 'limits' ?| '{perDay,perMonth}' OR c.policy ?| '{cumulativeMax,maxAuthCount}')"},
	[LA_Q_ORGANIZATION_GET] = {"t",
	"SELECT o FROM ledger_agents.organizations o WHERE o.id = $1"},
	[LA_Q_ORGANIZATION_UNWRITTEN] = {"t",
		"SELECT ROW($1, NULL, 'active', true, 'UTC', 'USD', NULL, 'perMonth', NULL, 80, 0, false,"
	" NULL, NULL)::ledger_agents.organizations"},
	[LA_Q_ORGANIZATION_DEFAULTS] = {"t",
	"SELECT o.currency, o.timezone FROM ledger_agents.organizations o WHERE o.id = $1"},
	[LA_Q_ORGANIZATION_SPENT] = {"tt",
		"SELECT true FROM ledger_agents.purged_totals p WHERE p.organization_id = $1"
		" AND p.approved > 0 AND p.currency = $2 UNION ALL"
		" SELECT true FROM ledger_agents.authorizations x WHERE x.organization_id = $1"
	" AND x.decision = 'approved' AND x.currency = $2 LIMIT 1"},
	[LA_Q_CUSTOMER_EXISTS] = {"tt",
	"SELECT true FROM ledger_agents.customers c WHERE c.organization_id = $1 AND c.id = $2"},
	[LA_Q_CUSTOMER_INSERT] = {"ttz",
		"INSERT INTO ledger_agents.customers (organization_id, id, created_at, updated_at)"
	" VALUES ($1, $2, $3, $3) ON CONFLICT (organization_id, id) DO NOTHING RETURNING true"},
	[LA_Q_CUSTOMER_READ] = {"tt",
		"SELECT c.name, c.status::text, c.spending_limit, c.spending_limit_frequency::text,"
		" c.window_mode::text, c.policy"
	" FROM ledger_agents.customers c WHERE c.organization_id = $1 AND c.id = $2"},
	[LA_Q_CUSTOMER_WRITE] = {"ttttittjz",
		"UPDATE ledger_agents.customers SET name = $3, status = $4::ledger_agents.account_status,"
		" spending_limit = $5, spending_limit_frequency = $6::ledger_agents.spending_frequency,"
		" window_mode = $7::ledger_agents.window_mode, policy = $8, updated_at = $9"
	" WHERE organization_id = $1 AND id = $2"},
	[LA_Q_CUSTOMER_GET] = {"tt",
	"SELECT c FROM ledger_agents.customers c WHERE c.organization_id = $1 AND c.id = $2"},
	/* encode() breaks what is longer than a line. */
	[LA_Q_CUSTOMER_LIST] = {"tttn",
		"SELECT ROW(c.organization_id, c.id, c.name, c.status, c.spending_limit,"
		" c.spending_limit_frequency, c.window_mode, c.policy, c.created_at, c.updated_at,"
		" replace(encode(convert_to(c.id, getdatabaseencoding()), 'base64'), chr(10), ''))::ledger_agents.customer_detail"
		" FROM ledger_agents.customers c WHERE c.organization_id = $1"
		" AND ($2 IS NULL OR c.status = $2::ledger_agents.account_status)"
	" AND ($3 IS NULL OR c.id > $3) ORDER BY c.id LIMIT $4"},
	[LA_Q_SCOPE_AGENTS] = {"ttu",
		"SELECT a.id FROM ledger_agents.agents a WHERE a.organization_id = $1"
	" AND ($2 IS NULL OR a.customer_id = $2) AND a.id > $3 ORDER BY a.id LIMIT 1000"},

	/* 25 policy */
	[LA_Q_POLICY_INSERT] = {"tutjz",
		"INSERT INTO ledger_agents.policies AS p (organization_id, id, name, rules, created_at,"
		" updated_at) VALUES ($1, $2, $3, $4, $5, $5)"
	" ON CONFLICT (organization_id, name) DO NOTHING RETURNING " POLICY_DETAIL},
	[LA_Q_POLICY_LOCK] = {"tu", POLICY_VALUES " FOR NO KEY UPDATE"},
	[LA_Q_POLICY_LOCK_KEY] = {"tu", POLICY_VALUES " FOR UPDATE"},
	[LA_Q_POLICY_KEEP] = {"tu", POLICY_VALUES " FOR KEY SHARE"},
	[LA_Q_POLICY_NAMED] = {"tt",
	"SELECT true FROM ledger_agents.policies p WHERE p.organization_id = $1 AND p.name = $2"},
	[LA_Q_POLICY_WRITE] = {"tutjz",
		"UPDATE ledger_agents.policies SET name = $3, rules = $4, updated_at = $5"
	" WHERE organization_id = $1 AND id = $2"},
	[LA_Q_POLICY_USED] = {"tu",
		"SELECT EXISTS (SELECT FROM ledger_agents.agents a"
		" WHERE a.organization_id = $1 AND a.default_policy_id = $2),"
		" EXISTS (SELECT FROM ledger_agents.cards c"
	" WHERE c.organization_id = $1 AND c.policy_id = $2)"},
	[LA_Q_POLICY_DELETE] = {"tu",
		"DELETE FROM ledger_agents.policies p WHERE p.organization_id = $1 AND p.id = $2"
	" RETURNING " POLICY_DETAIL},
	[LA_Q_POLICY_GET] = {"tu",
		"SELECT " POLICY_DETAIL " FROM ledger_agents.policies p"
	" WHERE p.organization_id = $1 AND p.id = $2"},
	[LA_Q_POLICY_GET_NAMED] = {"tt",
		"SELECT " POLICY_DETAIL " FROM ledger_agents.policies p"
	" WHERE p.organization_id = $1 AND p.name = $2"},
	[LA_Q_POLICY_LIST] = {"tun",
		"SELECT " POLICY_DETAIL " FROM ledger_agents.policies p WHERE p.organization_id = $1"
	" AND ($2 IS NULL OR p.id < $2) ORDER BY p.id DESC LIMIT $3"},

	/* 30 agent */
	[LA_Q_AGENT_FIND] = {"tt",
		"SELECT a.id, a.customer_id FROM ledger_agents.agents a"
	" WHERE a.organization_id = $1 AND a.external_id = $2 AND a.status <> 'deregistered'"},
	[LA_Q_AGENT_INSERT] = {"tutt" "tttittttnitujj" "z",
		"INSERT INTO ledger_agents.agents (organization_id, id, external_id, customer_id, name,"
		" description, status, spending_limit, spending_limit_frequency, window_mode,"
		" on_limit_exceeded, currency, max_cards, default_card_limit, default_card_limit_frequency,"
		" default_policy_id, policy, metadata, created_at, updated_at,"
		" suspended_reason, suspended_by, suspended_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7::ledger_agents.agent_status, $8,"
		" $9::ledger_agents.spending_frequency, $10::ledger_agents.window_mode,"
		" $11::ledger_agents.limit_exceeded_action, $12, $13, $14,"
		" $15::ledger_agents.spending_frequency, $16, $17, $18, $19, $19,"
		" CASE WHEN $7 = 'suspended' THEN 'manual'::ledger_agents.suspension_reason END,"
		" CASE WHEN $7 = 'suspended' THEN 'operator' END,"
		" CASE WHEN $7 = 'suspended' THEN $19 END)"
		" ON CONFLICT (organization_id, external_id) WHERE status <> 'deregistered' DO NOTHING"
	" RETURNING true"},
	[LA_Q_AGENT_READ] = {"tu", AGENT_VALUES},
	[LA_Q_AGENT_LOCK] = {"tu", AGENT_VALUES " FOR NO KEY UPDATE"},
	[LA_Q_AGENT_TRY_LOCK] = {"tu", AGENT_VALUES " FOR NO KEY UPDATE SKIP LOCKED"},
	[LA_Q_AGENT_WRITE] = {"tu" "tttittttnitujj" "zt",
		"UPDATE ledger_agents.agents SET name = $3, description = $4,"
		" status = $5::ledger_agents.agent_status, spending_limit = $6,"
		" spending_limit_frequency = $7::ledger_agents.spending_frequency,"
		" window_mode = $8::ledger_agents.window_mode,"
		" on_limit_exceeded = $9::ledger_agents.limit_exceeded_action, currency = $10,"
		" max_cards = $11, default_card_limit = $12,"
		" default_card_limit_frequency = $13::ledger_agents.spending_frequency,"
		" default_policy_id = $14, policy = $15, metadata = $16, updated_at = $17,"
		" suspended_reason = CASE WHEN $5 = 'suspended' THEN coalesce(suspended_reason, 'manual') END,"
		" suspended_by = CASE WHEN $5 = 'suspended' THEN coalesce(suspended_by, $18) END,"
		" suspended_at = CASE WHEN $5 = 'suspended' THEN coalesce(suspended_at, $17) END"
	" WHERE organization_id = $1 AND id = $2"},
	[LA_Q_AGENT_SUSPEND] = {"tuz",
		"UPDATE ledger_agents.agents SET status = 'suspended',"
		" suspended_reason = 'spending_limit_exceeded', suspended_by = 'system', suspended_at = $3,"
	" updated_at = $3 WHERE organization_id = $1 AND id = $2 AND status = 'active'"},
	[LA_Q_AGENT_DEREGISTER] = {"tuz",
		"UPDATE ledger_agents.agents SET status = 'deregistered', deregistered_at = $3,"
		" suspended_reason = NULL, suspended_by = NULL, suspended_at = NULL, updated_at = $3"
	" WHERE organization_id = $1 AND id = $2"},
	[LA_Q_AGENT_GET] = {"tu",
	"SELECT " AGENT_DETAIL " FROM ledger_agents.agents a WHERE a.organization_id = $1 AND a.id = $2"},
	[LA_Q_AGENT_GET_EXTERNAL] = {"ttu",
		"SELECT " AGENT_DETAIL " FROM ledger_agents.agents a"
		" WHERE a.organization_id = $1 AND a.external_id = $2 AND a.status <> 'deregistered'"
	" AND ($3 IS NULL OR a.id = $3)"},
	[LA_Q_AGENT_LIST] = {"tutttun",
		"SELECT " AGENT_DETAIL " FROM ledger_agents.agents a WHERE a.organization_id = $1"
		" AND ($2 IS NULL OR a.id = $2) AND ($3 IS NULL OR a.customer_id = $3)"
		" AND ($4 IS NULL OR a.status = $4::ledger_agents.agent_status)"
		" AND ($5 IS NULL OR a.external_id = $5) AND ($6 IS NULL OR a.id < $6)"
	" ORDER BY a.id DESC LIMIT $7"},
	[LA_Q_AGENT_BUDGET] = {"uitttiinzz",
		"SELECT ROW($1, $2, $3::ledger_agents.spending_frequency, $4::ledger_agents.window_mode, $5,"
	" $6, $7, $8, $9, $10)::ledger_agents.agent_budget_detail"},
	[LA_Q_AGENT_EXISTS] = {"tu",
	"SELECT true FROM ledger_agents.agents a WHERE a.organization_id = $1 AND a.id = $2"},
	[LA_Q_AGENT_SPENT] = {"tut",
		"SELECT true FROM ledger_agents.purged_totals p WHERE p.organization_id = $1"
		" AND p.agent_id = $2 AND p.approved > 0 AND p.currency = $3 UNION ALL"
		" SELECT true FROM ledger_agents.authorizations x WHERE x.organization_id = $1"
	" AND x.agent_id = $2 AND x.decision = 'approved' AND x.currency = $3 LIMIT 1"},

	/* 45 counter */
	[LA_Q_COUNTER_INSERT] = {"tt" COUNTER_TYPES "t",
		"INSERT INTO ledger_agents.counters (organization_id, scope_id, version, day_start, day_end,"
		" week_start, week_end, month_start, month_end, year_start, year_end, rolling_frequency,"
		" rolling_since, rolling_spent, next_expiry, exceeded_window, exceeded_limit,"
		" approaching_window, approaching_limit, attested_at, intents_until, captured_amount,"
		" captured_count, entry_count, use_count, sequence, decided_at, last_approved_at,"
		" auth_count, total_spent, day_spent, week_spent, month_spent, year_spent, first_merchant,"
		" scope) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
		" $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28,"
	" $29, $30, $31, $32, $33, $34, $35, $36::ledger_agents.limit_scope)"},
	/* Whole rows: la_counter_take() knows the table's columns by their order. */
	[LA_Q_COUNTER_READ] = {"ttt",
		"SELECT k FROM ledger_agents.counters k"
	" WHERE k.organization_id = $1 AND k.scope_id = $2 AND k.scope = $3::ledger_agents.limit_scope"},
	[LA_Q_COUNTER_LOCK] = {"ttt",
		"SELECT k FROM ledger_agents.counters k"
		" WHERE k.organization_id = $1 AND k.scope_id = $2 AND k.scope = $3::ledger_agents.limit_scope"
	" FOR NO KEY UPDATE"},
	/* No row: it is locked. */
	[LA_Q_COUNTER_TRY_LOCK] = {"ttt",
		"SELECT k FROM ledger_agents.counters k"
		" WHERE k.organization_id = $1 AND k.scope_id = $2 AND k.scope = $3::ledger_agents.limit_scope"
	" FOR NO KEY UPDATE SKIP LOCKED"},
	[LA_Q_COUNTER_WRITE] = {"tt" COUNTER_TYPES "t",
		"UPDATE ledger_agents.counters SET " COUNTER_SET
		" WHERE organization_id = $1 AND scope = $36::ledger_agents.limit_scope AND scope_id = $2"
	AS_JUDGED " RETURNING true"},

	/*
	 * What an agent ($8, with $9 one of its cards), a customer ($2) or, with
	 * all null, an organization has spent, by the windows that begin at $3 to
	 * $6.  What was purged is in none of these, only in the total.
	 */
	[LA_Q_HISTORY] = {"ttzzzztuu",
		"SELECT " SUMMED_AND("", OF_PURGED("counted_amount", " AND p.currency = $7")) ", "
		SUMMED(" AND x.decided_at >= $3") ", "
		SUMMED(" AND x.decided_at >= $4") ", " SUMMED(" AND x.decided_at >= $5") ", "
		SUMMED(" AND x.decided_at >= $6") ","
		" max(x.decided_at),"
		" min(x.expires_at) FILTER (WHERE " OPEN_HOLD("x") "),"
		" count(*) FILTER (WHERE " COUNTS_AS_ONE ") + " OF_PURGED("auth_count", "") "::bigint,"
		" least(coalesce(sum(x.captured_amount - coalesce(x.refunded_amount, 0))"
		"  FILTER (WHERE x.currency = $7), 0) + "
		OF_PURGED("captured_amount", " AND p.currency = $7") ", 9223372036854775807)::bigint"
		" FROM ledger_agents.authorizations x WHERE x.organization_id = $1"
		" AND ($2 IS NULL OR x.customer_id = $2) AND x.decision = 'approved'"
	" AND ($8 IS NULL OR x.agent_id = $8) AND ($9 IS NULL OR x.card_id = $9)"},
	[LA_Q_SPENT_BETWEEN] = {"tuuutu", SPENT_BETWEEN(OF_AGENT("$6"))},
	[LA_Q_SPENT_BETWEEN_WIDE] = {"ttuut", SPENT_BETWEEN(OF_WIDE)},
	/* Holds that have expired by $4 and are still counted. */
	[LA_Q_EXPIRED] = {"tutztzu",
		"SELECT coalesce(sum(" HELD("x") ") FILTER (WHERE x.currency = $5), 0)::bigint,"
		" count(*) FILTER (WHERE " EXPIRES_AS_ONE ")"
		" FROM ledger_agents.authorizations x"
		" WHERE x.organization_id = $1 AND " EXPIRED("$4")
		" AND x.decided_at >= $6 AND ($2 IS NULL OR x.agent_id = $2)"
	" AND ($3 IS NULL OR x.customer_id = $3) AND ($7 IS NULL OR x.card_id = $7)"},

	[LA_Q_NEXT_EXPIRY] = {"tuutn", NEXT_EXPIRY},
	/* When the $6th hold that is live at $5 expires. */
	[LA_Q_COUNT_FREED_AT] = {"tutuzi",
		"SELECT x.expires_at FROM ledger_agents.authorizations x"
		" WHERE x.organization_id = $1 AND " OPEN_HOLD("x") " AND " EXPIRES_AS_ONE
		" AND x.expires_at > $5"
		" AND ($2 IS NULL OR x.agent_id = $2) AND ($3 IS NULL OR x.customer_id = $3)"
		" AND ($4 IS NULL OR x.card_id = $4)"
	" ORDER BY x.expires_at OFFSET $6 LIMIT 1"},
	[LA_Q_OLDEST] = {"tuuztu", OLDEST(OF_AGENT("$6"))},
	[LA_Q_OLDEST_WIDE] = {"ttuzt", OLDEST(OF_WIDE)},
	[LA_Q_FREED_AT] = {"tuuztivu", FREED_AT(OF_AGENT("$8"))},
	[LA_Q_FREED_AT_WIDE] = {"ttuztiv", FREED_AT(OF_WIDE)},
	[LA_Q_LEFT_AT] = {"tuuztivu", LEFT_AT(OF_AGENT("$8"))},
	[LA_Q_LEFT_AT_WIDE] = {"ttuztiv", LEFT_AT(OF_WIDE)},

	/* 50 card */
	[LA_Q_CARD_INSERT] = {"tuut" "tiittujj" "z",
		"INSERT INTO ledger_agents.cards (organization_id, id, agent_id, type, purpose, max_amount,"
		" spending_limit, spending_limit_frequency, window_mode, policy_id, policy, metadata,"
		" status, status_at, created_at, updated_at)"
		" VALUES ($1, $2, $3, $4::ledger_agents.card_type, $5, $6, $7,"
		" $8::ledger_agents.spending_frequency, $9::ledger_agents.window_mode, $10, $11, $12,"
	" 'active', $13, $13, $13)"},
	/* From its first card on it must name one. */
	[LA_Q_AGENT_HAS_CARDS] = {"tu",
		"UPDATE ledger_agents.agents SET has_cards = true"
	" WHERE organization_id = $1 AND id = $2 AND NOT has_cards"},
	[LA_Q_CARD_READ] = {"tu", CARD_VALUES},
	[LA_Q_CARD_LOCK] = {"tu", CARD_VALUES " FOR NO KEY UPDATE"},
	[LA_Q_CARD_TRY_LOCK] = {"tu", CARD_VALUES " FOR NO KEY UPDATE SKIP LOCKED"},
	[LA_Q_CARD_WRITE] = {"tu" "tiittujj" "z",
		"UPDATE ledger_agents.cards SET purpose = $3, max_amount = $4, spending_limit = $5,"
		" spending_limit_frequency = $6::ledger_agents.spending_frequency,"
		" window_mode = $7::ledger_agents.window_mode, policy_id = $8, policy = $9, metadata = $10,"
	" updated_at = $11 WHERE organization_id = $1 AND id = $2"},
	[LA_Q_CARD_STATUS] = {"tuzttt",
		"UPDATE ledger_agents.cards SET status = $4::ledger_agents.card_status,"
		" status_reason = $5::ledger_agents.card_status_reason, status_by = $6,"
		" status_at = CASE WHEN status = $4::ledger_agents.card_status THEN status_at ELSE $3 END,"
	" updated_at = $3 WHERE organization_id = $1 AND id = $2"},
	[LA_Q_CARD_GET] = {"tuuz", CARD_DETAIL("$4") " AND c.id = $2 AND ($3 IS NULL OR c.agent_id = $3)"},
	[LA_Q_CARD_LIST] = {"tutunz", CARD_LIST(" AND $2 IS NULL")},
	[LA_Q_CARD_LIST_AGENT] = {"tutunz", CARD_LIST(" AND c.agent_id = $2")},
	[LA_Q_CARD_COUNT] = {"tu",
	"SELECT count(*) FROM ledger_agents.cards c WHERE " OPEN_CARDS("c")},
	[LA_Q_AGENT_CARDS] = {"tu",
	"SELECT c.id FROM ledger_agents.cards c WHERE c.organization_id = $1 AND c.agent_id = $2"},
	/* Who last wrote or locked each. */
	[LA_Q_CARDS_OPEN] = {"tu",
	"SELECT c.xmax FROM ledger_agents.cards c WHERE " OPEN_CARDS("c")},
	[LA_Q_CARDS_LOCK] = {"tu",
		"SELECT true FROM ledger_agents.cards c WHERE " OPEN_CARDS("c")
	" ORDER BY c.id FOR NO KEY UPDATE"},
	[LA_Q_CARDS_FREEZE] = {"tuzttt",
	CARDS_BECOME(" AND o.status = 'active'", "FOR NO KEY UPDATE SKIP LOCKED")},
	[LA_Q_CARDS_UNFREEZE] = {"tuzttt",
		CARDS_BECOME(" AND o.status = 'frozen' AND o.status_reason = 'agent_suspended'",
					 "FOR NO KEY UPDATE")},
	[LA_Q_CARDS_CLOSE] = {"tuzttt", CARDS_BECOME("", "FOR NO KEY UPDATE")},
	[LA_Q_CARD_END] = {"tuztttu", CARDS_BECOME(" AND o.id = $7", "FOR NO KEY UPDATE")},

	/* 60 intent */
	[LA_Q_INTENT_CARD] = {"tu",
		"SELECT c.agent_id, c.status = 'closed' FROM ledger_agents.cards c"
	" WHERE c.organization_id = $1 AND c.id = $2"},

	/*
	 * The stored intent of agent $2 with the client's id $3, and the names of
	 * the fields that differ from this request.
	 */
	[LA_Q_INTENT_FIND] = {"tu" "ttittTinn" "uz",
		"SELECT " INTENT_DETAIL("$13", "true") ", array_to_string(ARRAY["
		" CASE WHEN i.card_id IS DISTINCT FROM $12 THEN 'card_id' END,"
		" CASE WHEN i.summary IS DISTINCT FROM $4 THEN 'summary' END,"
		" CASE WHEN i.expected_amount IS DISTINCT FROM $5 THEN 'expected_amount' END,"
		" CASE WHEN i.expected_currency IS DISTINCT FROM $6 THEN 'expected_currency' END,"
		" CASE WHEN i.expected_merchant IS DISTINCT FROM $7 THEN 'expected_merchant' END,"
		" CASE WHEN i.expected_mccs IS DISTINCT FROM $8 THEN 'expected_mccs' END,"
		" CASE WHEN i.tolerance IS DISTINCT FROM $9 THEN 'tolerance' END,"
		" CASE WHEN i.tolerance_percent IS DISTINCT FROM $10 THEN 'tolerance_percent' END,"
		" CASE WHEN i.ttl_minutes IS DISTINCT FROM $11 THEN 'ttl_minutes' END], ', ')"
		" FROM ledger_agents.intents i"
	" WHERE i.organization_id = $1 AND i.agent_id = $2 AND i.client_intent_id = $3"},
	/* Those before $3 are too old to be open still. */
	[LA_Q_INTENT_COUNT_OPEN] = {"tuuz",
		"SELECT count(*) FROM ledger_agents.intents i WHERE i.organization_id = $1"
		" AND i.agent_id = $2 AND i.id >= $3 AND i.expires_at > $4"
	" AND " INTENT_OPEN},
	[LA_Q_INTENT_BOUND] = {"ttz",
		"UPDATE ledger_agents.counters SET version = version + 1,"
		" intents_until = greatest(intents_until, $3)"
	" WHERE organization_id = $1 AND scope = 'agent' AND scope_id = $2"},
	[LA_Q_INTENT_INSERT] = {"tu" "ttittTinn" "uz" "utzj",
		"INSERT INTO ledger_agents.intents AS i (organization_id, agent_id, client_intent_id,"
		" summary, expected_amount, expected_currency, expected_merchant, expected_mccs, tolerance,"
		" tolerance_percent, ttl_minutes, card_id, created_at, id, status, expires_at, metadata,"
		" parked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
		" $15::ledger_agents.intent_status, $16, $17, false)"
		" ON CONFLICT (organization_id, agent_id, client_intent_id)"
		" WHERE client_intent_id IS NOT NULL DO NOTHING"
	" RETURNING " INTENT_DETAIL("$13", "false")},
	[LA_Q_INTENT_READ] = {"tu",
	"SELECT i.agent_id FROM ledger_agents.intents i WHERE i.organization_id = $1 AND i.id = $2"},
	[LA_Q_INTENT_LOCK] = {"tuz",
		"SELECT (" INTENT_STATUS("$3") ")::text, i.approved_at IS NOT NULL, a.customer_id"
		" FROM ledger_agents.intents i"
		" JOIN ledger_agents.agents a ON a.organization_id = $1 AND a.id = i.agent_id"
	" WHERE i.organization_id = $1 AND i.id = $2 FOR NO KEY UPDATE OF i SKIP LOCKED"},
	[LA_Q_INTENT_AWAIT] = {"tu",
		"SELECT true FROM ledger_agents.intents i WHERE i.organization_id = $1 AND i.id = $2"
	" FOR NO KEY UPDATE"},
	[LA_Q_INTENT_APPROVE] = {"tuzt",
		INTENT_CHANGE("status = 'pending', approved_at = $3, approved_by = $4,"
					  " expires_at = $3 + i.ttl_minutes * interval '1 minute'")},
	[LA_Q_INTENT_REJECT] = {"tuztt",
	INTENT_CHANGE("status = 'rejected', rejected_at = $3, rejected_by = $4, rejection_reason = $5")},
	[LA_Q_INTENT_CANCEL] = {"tuzt",
	INTENT_CHANGE("status = 'canceled', canceled_at = $3, canceled_by = $4")},
	[LA_Q_INTENT_GET] = {"tuuz",
		"SELECT " INTENT_DETAIL("$4", "false") " FROM ledger_agents.intents i"
	" WHERE i.organization_id = $1 AND i.id = $2 AND ($3 IS NULL OR i.agent_id = $3)"},
	[LA_Q_INTENT_GET_CLIENT] = {"tutz",
		"SELECT " INTENT_DETAIL("$4", "false") " FROM ledger_agents.intents i"
	" WHERE i.organization_id = $1 AND i.agent_id = $2 AND i.client_intent_id = $3"},
	[LA_Q_INTENT_LIST] = {"tuutunz", INTENT_LIST("")},
	[LA_Q_INTENT_LIST_AGENT] = {"tuutunz", INTENT_LIST(" AND i.agent_id = $2")},
	/* The counter of a card, or of an agent for what it does without one. */
	[LA_Q_ATTESTED] = {"ttzt",
		"UPDATE ledger_agents.counters SET version = version + 1,"
		" attested_at = greatest(attested_at, $3)"
	" WHERE organization_id = $1 AND scope = $4::ledger_agents.limit_scope AND scope_id = $2"},
	[LA_Q_ATTESTATION_INSERT] = {"tuuu" "titj" "z",
		"INSERT INTO ledger_agents.attestations AS t (organization_id, id, agent_id, card_id,"
		" summary, expected_amount, expected_merchant, context, created_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING " ATTESTATION_DETAIL},
	[LA_Q_ATTESTATION_LIST] = {"tuun", ATTESTATION_LIST("")},
	[LA_Q_ATTESTATION_LIST_AGENT] = {"tuun", ATTESTATION_LIST(" AND t.agent_id = $2")},
};
