/*
 * query_text.h
 *		Every statement of the extension.  Included by query.c alone.
 *
 * Parameters are of plain types; enums cross as labels.  Letters of the types:
 * t text, i bigint, n integer, b boolean, u uuid, z timestamptz, v interval,
 * j jsonb, y bytea, T text[], F spending_frequency, A limit_exceeded_action.
 * $1 is the organization, always.
 */

/* What la_param_counter() gives. */
#define COUNTER_TYPES "izzzzzzzz" "Fzi" "z" "zizi" "iz" "iiiii" "zizzit"

/* Where la_param_counter() gave $3 to $32, $3 being the version that was judged. */
#define COUNTER_SET \
	"version = $3 + 1, day_start = $4, day_end = $5, week_start = $6, week_end = $7," \
	" month_start = $8, month_end = $9, year_start = $10, year_end = $11," \
	" rolling_frequency = $12, rolling_since = $13," \
	" rolling_spent = $14, next_expiry = $15, exceeded_window = $16, exceeded_limit = $17," \
	" approaching_window = $18, approaching_limit = $19, sequence = $20, decided_at = $21," \
	" total_spent = $22, day_spent = $23, week_spent = $24, month_spent = $25, year_spent = $26," \
	" last_approved_at = $27, auth_count = $28, attested_at = $29, intents_until = $30," \
	" use_count = $31, first_merchant = $32"

/* The same for a counter of which only the sums have changed: most of them. */
#define COUNTER_SET_SUMS \
	"version = $3 + 1, sequence = $20, decided_at = $21," \
	" total_spent = $22, day_spent = $23, week_spent = $24, month_spent = $25, year_spent = $26," \
	" last_approved_at = $27, auth_count = $28"

#define POLICY_DETAIL \
	"ROW(p.organization_id, p.id, p.name, p.rules, p.created_at, p.updated_at," \
	" encode(uuid_send(p.id), 'base64'))::ledger_agents.policy_detail"

/* In the order of the fields of policy.h. */
#define POLICY_VALUES \
	"SELECT p.name, p.rules FROM ledger_agents.policies p" \
	" WHERE p.organization_id = $1 AND p.id = $2"

#define AGENT_DETAIL \
	"ROW(a.organization_id, a.id, a.external_id, a.customer_id, a.name, a.description, a.status," \
	" a.suspended_reason, a.suspended_by, a.suspended_at, a.spending_limit," \
	" a.spending_limit_frequency, a.window_mode, a.on_limit_exceeded, a.currency, a.max_cards," \
	" a.default_card_limit, a.default_card_limit_frequency, a.default_policy_id," \
	" (a.policy -> 'requireApproval')::boolean, (a.policy -> 'autoApproveBelow')::bigint," \
	" a.policy, a.metadata, ledger_agents.current_spend(a.organization_id, a.id)," \
	" (SELECT count(*)::integer FROM ledger_agents.cards n WHERE n.organization_id = a.organization_id" \
	"  AND n.agent_id = a.id AND n.status <> 'closed')," \
	" a.created_at, a.updated_at, a.deregistered_at," \
	" encode(uuid_send(a.id), 'base64'))::ledger_agents.agent_detail"

/* In the order of the fields of agent.h. */
#define AGENT_VALUES \
	"SELECT a.name, a.description, a.status::text, a.spending_limit," \
	" a.spending_limit_frequency::text, a.window_mode::text, a.on_limit_exceeded::text, a.currency," \
	" a.max_cards, a.default_card_limit, a.default_card_limit_frequency::text," \
	" a.default_policy_id, a.policy, a.metadata, a.external_id, a.customer_id" \
	" FROM ledger_agents.agents a WHERE a.organization_id = $1 AND a.id = $2"

#define TOKEN_DETAIL(secret) \
	"ROW(t.organization_id, t.id, t.agent_id, t.name, t.prefix, t.created_at, t.expires_at," \
	" (SELECT u.last_used_at FROM ledger_agents.agent_token_uses u" \
	"  WHERE u.organization_id = t.organization_id AND u.token_id = t.id)," \
	" t.revoked_at, " secret ")::ledger_agents.agent_token_detail"

#define EXPIRED(now) "x.status = 'authorized' AND x.expires_at <= " now

/* An authorization x; a hold is expired from its instant on, whoever swept it. */
#define AUTHORIZATION_DETAIL(now, replayed, cursor) \
	"ROW(x.organization_id, x.id, x.agent_id, x.customer_id, x.sequence, x.decision," \
	" CASE WHEN " EXPIRED(now) \
	"  THEN 'expired'::ledger_agents.authorization_status ELSE x.status END," \
	" x.reason, x.reasons, x.failed_limits, x.max_approvable, x.retry_at, x.remaining, x.amount," \
	" x.reversed_amount, CASE WHEN " EXPIRED(now) " THEN 0 ELSE x.counted_amount END, x.currency, x.merchant, x.mcc, x.country, x.card_id," \
	" x.intent_id, x.linked_intent_id, coalesce(x.attestation, 'unattested')," \
	" x.idempotency_key, x.hold_for, x.expires_at, x.agent_limit," \
	" x.agent_limit_frequency, x.on_limit_exceeded, x.agent_spent, x.metadata, x.decided_at, " \
	replayed ", " cursor ")::ledger_agents.authorization_detail"

#define AUTHORIZATION_LIST(whose) \
	"SELECT " AUTHORIZATION_DETAIL("$7", "false", "encode(uuid_send(x.id), 'base64')") \
	" FROM ledger_agents.authorizations x WHERE x.organization_id = $1" whose \
	" AND ($3 IS NULL OR x.customer_id = $3)" \
	" AND ($4 IS NULL OR x.decision = $4::ledger_agents.decision)" \
	" AND ($5 IS NULL OR x.id < $5) ORDER BY x.id DESC LIMIT $6"

/* What a verb needs to know of an authorization, whether its hold has expired by $3 included. */
#define AUTHORIZATION_FACTS \
	"SELECT x.agent_id, x.customer_id, x.decided_at, x.currency, x.counted_amount," \
	" CASE WHEN " EXPIRED("$3") " THEN 'expired'" \
	"  ELSE x.status::text END, x.card_id" \
	" FROM ledger_agents.authorizations x WHERE x.organization_id = $1 AND x.id = $2"

/* Counted money of one agent ($2) or one of its cards, or of a customer ($2, null: the organization), at ids from $3 on. */
#define OF_AGENT(card) \
	"x.organization_id = $1 AND x.agent_id = $2 AND x.id >= $3" \
	" AND (" card " IS NULL OR x.card_id = " card ")"
#define OF_WIDE "x.organization_id = $1 AND x.id >= $3 AND ($2 IS NULL OR x.customer_id = $2)"

/* Null where it does not fit into bigint. */
#define SUMMED(since) \
	"CASE WHEN coalesce(sum(x.counted_amount) FILTER (WHERE x.currency = $7" since "), 0)" \
	" <= 9223372036854775807 THEN" \
	" coalesce(sum(x.counted_amount) FILTER (WHERE x.currency = $7" since "), 0)::bigint END"

#define SPENT_BETWEEN(whose) \
	"SELECT coalesce(sum(x.counted_amount), 0)::bigint FROM ledger_agents.authorizations x" \
	" WHERE " whose " AND x.id < $4 AND x.currency = $5"

#define CARD_DETAIL(now) \
	"SELECT ROW(c.organization_id, c.id, c.agent_id, c.purpose, c.type, c.status, c.status_reason," \
	" c.status_by, c.status_at, c.max_amount, c.spending_limit, c.spending_limit_frequency," \
	" c.window_mode, c.policy_id, c.policy, c.metadata," \
	" ledger_agents.current_card_spend(c.organization_id, c.id)," \
	" k.auth_count - CASE WHEN k.next_expiry <= " now " THEN" \
	"  (SELECT count(*) FROM ledger_agents.authorizations x WHERE x.organization_id = $1" \
	"   AND x.card_id = c.id AND " EXPIRED(now) ") ELSE 0 END," \
	" k.first_merchant, c.created_at, c.updated_at," \
	" encode(uuid_send(c.id), 'base64'))::ledger_agents.card_detail" \
	" FROM ledger_agents.cards c JOIN ledger_agents.counters k ON k.organization_id = $1" \
	" AND k.scope = 'card' AND k.scope_id = c.id::text WHERE c.organization_id = $1"

#define CARD_LIST(whose) \
	CARD_DETAIL("$6") whose " AND ($3 IS NULL OR c.status = $3::ledger_agents.card_status)" \
	" AND ($4 IS NULL OR c.id < $4) ORDER BY c.id DESC LIMIT $5"

/* In the order of the fields of card.h, behind what cannot be set. */
#define CARD_VALUES \
	"SELECT c.agent_id, c.status::text, c.status_reason::text, c.purpose, c.max_amount," \
	" c.spending_limit, c.spending_limit_frequency::text, c.window_mode::text, c.policy_id," \
	" c.policy, c.metadata" \
	" FROM ledger_agents.cards c WHERE c.organization_id = $1 AND c.id = $2"

#define OPEN_CARDS(c) \
	c ".organization_id = $1 AND " c ".agent_id = $2 AND " c ".status <> 'closed'"

/* Some of the cards of agent $2 that are not closed get another status; what they had is returned. */
#define CARDS_BECOME(which, lock) \
	"UPDATE ledger_agents.cards c SET status = $4::ledger_agents.card_status," \
	" status_reason = $5::ledger_agents.card_status_reason, status_by = $6, status_at = $3," \
	" updated_at = $3" \
	" FROM (SELECT o.id, o.status, o.status_reason FROM ledger_agents.cards o" \
	"  WHERE " OPEN_CARDS("o") which " ORDER BY o.id " lock ") o" \
	" WHERE c.organization_id = $1 AND c.id = o.id" \
	" RETURNING c.id, o.status::text, o.status_reason::text"

/* Still counted at $4, and not a hold that has expired by then. */
#define LIVE " AND x.currency = $5 AND x.counted_amount > 0" \
	" AND (x.status <> 'authorized' OR x.expires_at IS NULL OR x.expires_at > $4)"

#define OLDEST(whose) \
	"SELECT x.decided_at FROM ledger_agents.authorizations x WHERE " whose LIVE \
	" ORDER BY x.id LIMIT 1"

/* When at least $6 has been freed by expiry, or by leaving a rolling window of length $7. */
#define FREED_AT(whose) \
	"SELECT min(r.instant) FROM (" \
	" SELECT f.instant, sum(f.counted_amount) OVER (ORDER BY f.instant) AS freed FROM (" \
	"  SELECT x.counted_amount, least(CASE WHEN x.status = 'authorized' THEN x.expires_at END," \
	"   x.decided_at + $7) AS instant" \
	"  FROM ledger_agents.authorizations x WHERE " whose LIVE ") f" \
	" WHERE f.instant IS NOT NULL) r WHERE r.freed >= $6"

#define KEY_AND_COUNTER(key) \
	"EXISTS (SELECT FROM ledger_agents.authorizations x WHERE x.organization_id = $1" \
	" AND x.agent_id = $2 AND x.idempotency_key = " key "), k.xmax, k"
/* What a decision must know of an intent i. */
#define INTENT_FACTS \
	"i.id, i.status::text, i.card_id, i.approved_at IS NOT NULL, i.parked, i.expected_amount," \
	" i.expected_currency, i.expected_merchant, i.expected_mccs, i.tolerance, i.tolerance_percent," \
	" i.expires_at"
#define AGENT_COUNTER "k.organization_id = $1 AND k.scope = 'agent' AND k.scope_id = $4"

/* The counter is the one that was judged. */
#if LA_MUTANT != 1
#define AS_JUDGED " AND version = $3"
#else
#define AS_JUDGED " AND $3 IS NOT NULL"
#endif

/*
 * Books a decision of agent $2: its counter as judged, and the row that hangs on
 * it.  What only approvals or only declines have comes last.  Outcomes are
 * literals and the agent's enums of their own type, because a cast is looked up
 * anew in every call.
 */
#define BOOKED_TYPES "uiiiii" "FA" "tttttt" "vjt"

/* What is null for most: the card, both intents, the attestation. */
#define RARE_TYPES "uuut"
#define RARE_COLUMNS "card_id, intent_id, linked_intent_id, attestation"
#define BOOK(counter_set, judged, outcome, columns, values) \
	"WITH k AS (UPDATE ledger_agents.counters k SET " counter_set \
	" WHERE organization_id = $1 AND scope = 'agent' AND scope_id = $49" judged \
	" RETURNING true)" \
	" INSERT INTO ledger_agents.authorizations (organization_id, agent_id, sequence, decided_at," \
	" decision, status, id, amount, counted_amount, agent_spent, agent_limit, max_approvable," \
	" agent_limit_frequency, on_limit_exceeded, customer_id, currency, idempotency_key, merchant," \
	" mcc, country, hold_for, metadata, " columns ")" \
	" SELECT $1, $2, $20, $21, " outcome ", $33, $34, $35, $36, $37, $38, $39, $40, $41, $42," \
	" $43, $44, $45, $46, $47, $48, " values " FROM k"

static const Statement statements[LA_Q_COUNT] = {
	/* 20 organization */
	[LA_Q_ORGANIZATION_EXISTS] = {"t",
	"SELECT o.livemode FROM ledger_agents.organizations o WHERE o.id = $1"},
	[LA_Q_ORGANIZATION_INSERT] = {"ttbttittnz",
		"INSERT INTO ledger_agents.organizations (id, name, livemode, timezone, currency,"
		" spending_limit, spending_limit_frequency, window_mode, limit_approaching_percent,"
		" created_at, updated_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7::ledger_agents.spending_frequency,"
		" $8::ledger_agents.window_mode, $9, $10, $10)"
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
		" o.spending_limit_frequency::text, o.window_mode::text, o.limit_approaching_percent, o.livemode"
	" FROM ledger_agents.organizations o WHERE o.id = $1"},
	[LA_Q_ORGANIZATION_WRITE] = {"tttttittnz",
		"UPDATE ledger_agents.organizations SET name = $2, status = $3::ledger_agents.account_status,"
		" timezone = $4, currency = $5, spending_limit = $6,"
		" spending_limit_frequency = $7::ledger_agents.spending_frequency,"
		" window_mode = $8::ledger_agents.window_mode, limit_approaching_percent = $9, updated_at = $10"
	" WHERE id = $1"},
	[LA_Q_LIMITED_CUSTOMERS] = {"t",
		"SELECT c.id FROM ledger_agents.customers c"
		" WHERE c.organization_id = $1 AND (c.spending_limit IS NOT NULL"
	" OR c.policy -> 'limits' ?| '{perDay,perMonth}' OR c.policy ?| '{cumulativeMax,maxAuthCount}')"},
	[LA_Q_ORGANIZATION_GET] = {"t",
	"SELECT o FROM ledger_agents.organizations o WHERE o.id = $1"},
	[LA_Q_ORGANIZATION_UNWRITTEN] = {"t",
		"SELECT ROW($1, NULL, 'active', true, 'UTC', 'USD', NULL, 'perMonth', NULL, 80, NULL,"
	" NULL)::ledger_agents.organizations"},
	[LA_Q_ORGANIZATION_DEFAULTS] = {"t",
	"SELECT o.currency, o.timezone FROM ledger_agents.organizations o WHERE o.id = $1"},
	[LA_Q_ORGANIZATION_SPENT] = {"tt",
		"SELECT true FROM ledger_agents.authorizations x WHERE x.organization_id = $1"
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
		"SELECT true FROM ledger_agents.authorizations x WHERE x.organization_id = $1"
	" AND x.agent_id = $2 AND x.decision = 'approved' AND x.currency = $3 LIMIT 1"},

	/* 35 token */
	[LA_Q_TOKEN_INSERT] = {"tuuttyzzt",
		"WITH u AS (INSERT INTO ledger_agents.agent_token_uses (organization_id, token_id)"
		" VALUES ($1, $2))"
		" INSERT INTO ledger_agents.agent_tokens AS t (organization_id, id, agent_id, name, prefix,"
		" secret_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
	" RETURNING " TOKEN_DETAIL("$9")},
	/* The one statement that knows no organization: it finds it. */
	[LA_Q_TOKEN_CANDIDATES] = {"tz",
		"SELECT t.organization_id, t.id, t.agent_id, t.secret_hash,"
		" t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)"
	" FROM ledger_agents.agent_tokens t WHERE t.prefix = $1"},
	[LA_Q_TOKEN_USED] = {"tuz",
		"UPDATE ledger_agents.agent_token_uses SET last_used_at = $3"
		" WHERE organization_id = $1 AND token_id IN ("
		" SELECT u.token_id FROM ledger_agents.agent_token_uses u"
		" WHERE u.organization_id = $1 AND u.token_id = $2"
		" AND (u.last_used_at IS NULL OR u.last_used_at < $3 - interval '1 minute')"
	" FOR NO KEY UPDATE SKIP LOCKED)"},
	[LA_Q_TOKEN_FIND] = {"tuz",
		"SELECT t.agent_id, t.revoked_at IS NOT NULL, t.expires_at <= $3, t.name, t.expires_at"
		" FROM ledger_agents.agent_tokens t"
	" WHERE t.organization_id = $1 AND t.id = $2"},
	[LA_Q_TOKEN_GET] = {"tu",
		"SELECT " TOKEN_DETAIL("NULL") " FROM ledger_agents.agent_tokens t"
	" WHERE t.organization_id = $1 AND t.id = $2"},
	[LA_Q_TOKEN_LIST] = {"tu",
		"SELECT " TOKEN_DETAIL("NULL") " FROM ledger_agents.agent_tokens t"
	" WHERE t.organization_id = $1 AND t.agent_id = $2 ORDER BY t.id DESC"},
	[LA_Q_TOKEN_REVOKE] = {"tuz",
		"UPDATE ledger_agents.agent_tokens SET revoked_at = $3"
	" WHERE organization_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING id, prefix, name"},
	[LA_Q_TOKEN_REVOKE_ALL] = {"tuz",
		"UPDATE ledger_agents.agent_tokens SET revoked_at = $3"
	" WHERE organization_id = $1 AND agent_id = $2 AND revoked_at IS NULL RETURNING id, prefix, name"},
	[LA_Q_TOKEN_EXPIRE] = {"tuz",
		"UPDATE ledger_agents.agent_tokens SET expires_at = $3 WHERE organization_id = $1 AND id = $2"
	" AND (expires_at IS NULL OR expires_at > $3) RETURNING id"},

	/* 45 counter */
	[LA_Q_COUNTER_INSERT] = {"tt" COUNTER_TYPES "t",
		"INSERT INTO ledger_agents.counters (organization_id, scope_id, version, day_start, day_end,"
		" week_start, week_end, month_start, month_end, year_start, year_end, rolling_frequency,"
		" rolling_since, rolling_spent, next_expiry, exceeded_window, exceeded_limit,"
		" approaching_window, approaching_limit, sequence, decided_at, total_spent, day_spent,"
		" week_spent, month_spent, year_spent, last_approved_at, auth_count, attested_at,"
		" intents_until, use_count, first_merchant, scope)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
		" $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,"
	" $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33::ledger_agents.limit_scope)"},
	/* Whole rows: la_counter_read() knows the table's columns by their order. */
	[LA_Q_COUNTER_READ] = {"ttt",
		"SELECT k FROM ledger_agents.counters k"
	" WHERE k.organization_id = $1 AND k.scope_id = $2 AND k.scope = $3::ledger_agents.limit_scope"},
	[LA_Q_COUNTER_LOCK] = {"ttt",
		"SELECT k FROM ledger_agents.counters k"
		" WHERE k.organization_id = $1 AND k.scope_id = $2 AND k.scope = $3::ledger_agents.limit_scope"
	" FOR NO KEY UPDATE"},
	[LA_Q_COUNTER_WRITE] = {"tt" COUNTER_TYPES "t",
		"UPDATE ledger_agents.counters SET " COUNTER_SET
		" WHERE organization_id = $1 AND scope = $33::ledger_agents.limit_scope AND scope_id = $2"
	AS_JUDGED " RETURNING true"},

	/*
	 * What an agent ($8, with $9 one of its cards), a customer ($2) or, with
	 * all null, an organization has spent, by the windows that begin at $3 to
	 * $6.
	 */
	[LA_Q_HISTORY] = {"ttzzzztuu",
		"SELECT " SUMMED("") ", " SUMMED(" AND x.decided_at >= $3") ", "
		SUMMED(" AND x.decided_at >= $4") ", " SUMMED(" AND x.decided_at >= $5") ", "
		SUMMED(" AND x.decided_at >= $6") ","
		" max(x.decided_at),"
		" min(x.expires_at) FILTER (WHERE x.status = 'authorized'),"
		" count(*) FILTER (WHERE x.status NOT IN ('reversed', 'expired'))"
		" FROM ledger_agents.authorizations x WHERE x.organization_id = $1"
		" AND ($2 IS NULL OR x.customer_id = $2) AND x.decision = 'approved'"
	" AND ($8 IS NULL OR x.agent_id = $8) AND ($9 IS NULL OR x.card_id = $9)"},
	[LA_Q_SPENT_BETWEEN] = {"tuuutu", SPENT_BETWEEN(OF_AGENT("$6"))},
	[LA_Q_SPENT_BETWEEN_WIDE] = {"ttuut", SPENT_BETWEEN(OF_WIDE)},
	/* Holds that have expired by $4 and are still counted. */
	[LA_Q_EXPIRED] = {"tutztzu",
		"SELECT coalesce(sum(x.counted_amount) FILTER (WHERE x.currency = $5), 0)::bigint, count(*)"
		" FROM ledger_agents.authorizations x"
		" WHERE x.organization_id = $1 AND x.status = 'authorized' AND x.expires_at <= $4"
		" AND x.decided_at >= $6 AND ($2 IS NULL OR x.agent_id = $2)"
	" AND ($3 IS NULL OR x.customer_id = $3) AND ($7 IS NULL OR x.card_id = $7)"},
	/* When the $6th hold that is live at $5 expires. */
	[LA_Q_COUNT_FREED_AT] = {"tutuzi",
		"SELECT x.expires_at FROM ledger_agents.authorizations x"
		" WHERE x.organization_id = $1 AND x.status = 'authorized' AND x.expires_at > $5"
		" AND ($2 IS NULL OR x.agent_id = $2) AND ($3 IS NULL OR x.customer_id = $3)"
		" AND ($4 IS NULL OR x.card_id = $4)"
	" ORDER BY x.expires_at OFFSET $6 LIMIT 1"},
	[LA_Q_OLDEST] = {"tuuztu", OLDEST(OF_AGENT("$6"))},
	[LA_Q_OLDEST_WIDE] = {"ttuzt", OLDEST(OF_WIDE)},
	[LA_Q_FREED_AT] = {"tuuztivu", FREED_AT(OF_AGENT("$8"))},
	[LA_Q_FREED_AT_WIDE] = {"ttuztiv", FREED_AT(OF_WIDE)},

	/* 50 card */
	[LA_Q_CARD_INSERT] = {"tuut" "tiittujj" "z",
		"INSERT INTO ledger_agents.cards (organization_id, id, agent_id, type, purpose, max_amount,"
		" spending_limit, spending_limit_frequency, window_mode, policy_id, policy, metadata,"
		" status, status_at, created_at, updated_at)"
		" VALUES ($1, $2, $3, $4::ledger_agents.card_type, $5, $6, $7,"
		" $8::ledger_agents.spending_frequency, $9::ledger_agents.window_mode, $10, $11, $12,"
	" 'active', $13, $13, $13)"},
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
	[LA_Q_CARD_COUNTER] = {"tut",
		"SELECT k, c.agent_id, c.spending_limit_frequency::text, c.window_mode::text, a.currency,"
		" o.timezone FROM ledger_agents.cards c"
		" JOIN ledger_agents.agents a ON a.organization_id = $1 AND a.id = c.agent_id"
		" JOIN ledger_agents.organizations o ON o.id = $1"
		" JOIN ledger_agents.counters k ON k.organization_id = $1 AND k.scope = 'card' AND k.scope_id = $3"
	" WHERE c.organization_id = $1 AND c.id = $2"},
	/* What counts at $6 of card $3 of agent $2 from id $4 on. */
	[LA_Q_CARD_SPENT] = {"tuuutz",
		"SELECT coalesce(sum(x.counted_amount), 0)::bigint FROM ledger_agents.authorizations x"
		" WHERE x.organization_id = $1 AND x.agent_id = $2 AND x.card_id = $3 AND x.id >= $4"
		" AND x.currency = $5"
	" AND (x.status <> 'authorized' OR x.expires_at IS NULL OR x.expires_at > $6)"},
	/* The same, of holds that have expired by then. */
	[LA_Q_CARD_EXPIRED] = {"tuuutz",
		"SELECT coalesce(sum(x.counted_amount), 0)::bigint FROM ledger_agents.authorizations x"
		" WHERE x.organization_id = $1 AND x.agent_id = $2 AND x.card_id = $3 AND x.id >= $4"
	" AND x.currency = $5 AND " EXPIRED("$6")},
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

	/* 70 authorization */

	/*
	 * The agent $2, whether its key $3 is known, and its counter, which is
	 * one column because every column is paid for anew in each call; for the
	 * same reason enums are as they are stored.
	 */
	[LA_Q_GATHER] = {"tutt",
		"SELECT " KEY_AND_COUNTER("$3") ", a.customer_id, a.status, a.currency, a.spending_limit,"
		" a.spending_limit_frequency, a.window_mode, a.on_limit_exceeded, a.policy,"
		" a.default_policy_id, (SELECT p.rules FROM ledger_agents.policies p WHERE p.organization_id = $1"
		" AND p.id = a.default_policy_id),"
		" EXISTS (SELECT FROM ledger_agents.cards c WHERE c.organization_id = $1 AND c.agent_id = $2)"
		" FROM ledger_agents.agents a JOIN ledger_agents.counters k ON " AGENT_COUNTER
	" WHERE a.organization_id = $1 AND a.id = $2"},
	/* The same where the agent is known. */
	[LA_Q_GATHER_KNOWN] = {"tutt",
	"SELECT " KEY_AND_COUNTER("$3") " FROM ledger_agents.counters k WHERE " AGENT_COUNTER},
	/* The same with the counter of card $5. */
	[LA_Q_GATHER_CARD] = {"tuttt",
		"SELECT " KEY_AND_COUNTER("$3") ", c FROM ledger_agents.counters k"
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
	[LA_Q_INTENT_REOPEN] = {"tu",
		"UPDATE ledger_agents.intents SET status = 'pending', authorization_id = NULL,"
	" settled_at = NULL WHERE organization_id = $1 AND authorization_id = $2"},
	[LA_Q_CARD_DRIFT] = {"tuz",
		"UPDATE ledger_agents.cards SET status = 'frozen', status_reason = 'merchant_drift',"
		" status_by = 'system', status_at = $3, updated_at = $3"
	" WHERE organization_id = $1 AND id = $2 AND status = 'active'"},
	[LA_Q_CARD] = {"tu",
		"SELECT c.agent_id, c.status, c.type, c.created_at, c.max_amount, c.spending_limit,"
		" c.spending_limit_frequency, c.window_mode, c.policy,"
		" c.policy_id, (SELECT p.rules FROM ledger_agents.policies p WHERE p.organization_id = $1"
		" AND p.id = c.policy_id)"
	" FROM ledger_agents.cards c WHERE c.organization_id = $1 AND c.id = $2"},
	/* Customer $2 and its organization. */
	[LA_Q_TENANT] = {"tt",
		"SELECT c.status, c.spending_limit, c.spending_limit_frequency, c.window_mode, c.policy,"
		" o.status, o.spending_limit, o.spending_limit_frequency, o.window_mode,"
		" o.timezone, o.currency, o.limit_approaching_percent"
		" FROM ledger_agents.customers c JOIN ledger_agents.organizations o ON o.id = $1"
	" WHERE c.organization_id = $1 AND c.id = $2"},
	/* Whether token $2 may still act as agent $3 at $4. */
	[LA_Q_TOKEN_VALID] = {"tuuz",
		"SELECT true FROM ledger_agents.agent_tokens t WHERE t.organization_id = $1 AND t.id = $2"
	" AND t.agent_id = $3 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $4)"},

	/*
	 * Gathers, judges and books in one: approves() is asked in the middle,
	 * and the parameters that it hands in are those that are booked.
	 */
	[LA_Q_APPROVE_AT_ONCE] = {"tu" COUNTER_TYPES BOOKED_TYPES "iz",
		BOOK(COUNTER_SET_SUMS,
			 " AND ledger_agents.approves(" KEY_AND_COUNTER("$43") ")",
			 "'approved', 'authorized'", "remaining, expires_at", "$50, $51")},
	[LA_Q_APPROVE] = {"tu" COUNTER_TYPES BOOKED_TYPES "iz" RARE_TYPES,
		BOOK(COUNTER_SET, AS_JUDGED, "'approved', 'authorized'", "remaining, expires_at, " RARE_COLUMNS,
			 "$50, $51, $52, $53, $54, $55::ledger_agents.attestation_status")},

	[LA_Q_DECLINE] = {"tu" COUNTER_TYPES BOOKED_TYPES "ztTj" RARE_TYPES,
		BOOK(COUNTER_SET, AS_JUDGED, "'declined', 'declined'", "retry_at, reason, reasons, failed_limits, " RARE_COLUMNS,
			 "$50, $51::ledger_agents.decline_reason, $52::ledger_agents.decline_reason[], $53,"
			 " $54, $55, $56, $57::ledger_agents.attestation_status")},

	/*
	 * The stored answer to a key, and the names of the fields that differ
	 * from this request.
	 */
	[LA_Q_REPLAY] = {"tut" "ittttuuv" "z",
		"SELECT " AUTHORIZATION_DETAIL("$12", "true", "NULL") ", array_to_string(ARRAY["
		" CASE WHEN x.amount IS DISTINCT FROM $4 THEN 'amount' END,"
		" CASE WHEN x.currency IS DISTINCT FROM $5 THEN 'currency' END,"
		" CASE WHEN ledger_agents.normal_merchant(x.merchant) IS DISTINCT FROM"
		" ledger_agents.normal_merchant($6) THEN 'merchant' END,"
		" CASE WHEN x.mcc IS DISTINCT FROM $7 THEN 'mcc' END,"
		" CASE WHEN x.country IS DISTINCT FROM $8 THEN 'country' END,"
		" CASE WHEN x.card_id IS DISTINCT FROM $9 THEN 'card_id' END,"
		" CASE WHEN x.intent_id IS DISTINCT FROM $10 THEN 'intent_id' END,"
		" CASE WHEN x.hold_for IS DISTINCT FROM $11 THEN 'hold_for' END], ', '),"
		" array_to_string(x.reasons, ', ')"
		" FROM ledger_agents.authorizations x"
	" WHERE x.organization_id = $1 AND x.agent_id = $2 AND x.idempotency_key = $3"},
	[LA_Q_AUTHORIZATION_GET] = {"tuuz",
		"SELECT " AUTHORIZATION_DETAIL("$4", "false", "encode(uuid_send(x.id), 'base64')")
		" FROM ledger_agents.authorizations x WHERE x.organization_id = $1 AND x.id = $2"
	" AND ($3 IS NULL OR x.agent_id = $3)"},
	[LA_Q_AUTHORIZATION_LIST] = {"tuttunz", AUTHORIZATION_LIST("")},
	[LA_Q_AUTHORIZATION_LIST_AGENT] = {"tuttunz", AUTHORIZATION_LIST(" AND x.agent_id = $2")},
	[LA_Q_AUTHORIZATION_READ] = {"tuz", AUTHORIZATION_FACTS},
	[LA_Q_AUTHORIZATION_LOCK] = {"tuz", AUTHORIZATION_FACTS " FOR NO KEY UPDATE"},
	[LA_Q_AUTHORIZATION_REQUEST] = {"tu",
		"SELECT x.agent_id, x.amount, x.currency, x.merchant, x.mcc, x.country, x.card_id, x.intent_id,"
		" array_to_string(x.reasons, ',') FROM ledger_agents.authorizations x"
	" WHERE x.organization_id = $1 AND x.id = $2"},
	[LA_Q_ENTRY_FIND] = {"tutz",
		"SELECT e.amount, e.kind::text, " AUTHORIZATION_DETAIL("$4", "true", "NULL")
		" FROM ledger_agents.authorization_entries e"
		" JOIN ledger_agents.authorizations x ON x.organization_id = $1 AND x.id = $2"
	" WHERE e.organization_id = $1 AND e.authorization_id = $2 AND e.idempotency_key = $3"},
	[LA_Q_REVERSE] = {"tuiuzt",
		"WITH e AS (INSERT INTO ledger_agents.authorization_entries (organization_id, id,"
		" authorization_id, kind, amount, created_at, idempotency_key)"
		" VALUES ($1, $4, $2, 'reversal', $3, $5, $6) RETURNING true)"
		" UPDATE ledger_agents.authorizations x SET counted_amount = x.counted_amount - $3,"
		" reversed_amount = x.reversed_amount + $3,"
		" status = CASE WHEN x.counted_amount = $3 THEN 'reversed' ELSE x.status END"
		" FROM e WHERE x.organization_id = $1 AND x.id = $2"
	" RETURNING " AUTHORIZATION_DETAIL("$5", "false", "NULL")},

	/* 80 event */
	[LA_Q_EVENT] = {"tutujz",
		"INSERT INTO ledger_agents.events (organization_id, id, type, agent_id, data, created_at)"
	" VALUES ($1, $2, $3::ledger_agents.event_type, $4, $5, $6)"},
	[LA_Q_CHANGE] = {"tutttjjttz",
		"INSERT INTO ledger_agents.configuration_changes (organization_id, id, object_type,"
		" object_id, action, old_values, new_values, principal, database_role, created_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"},
};
