/*
 * query_macro.h
 *		Parts that several statements of query_text.h share; included by it alone.
 */
/* What la_param_counter() gives: the version, and the other columns in their order. */
#define COUNTER_TYPES "izzzzzzzz" "Fzi" "z" "zizi" "zz" "iii" "i" "izz" "iiiiii" "t"

/* Where la_param_counter() gave $3 to $35, $3 being the version that was judged. */
#define COUNTER_SET \
	"version = $3 + 1, day_start = $4, day_end = $5, week_start = $6, week_end = $7," \
	" month_start = $8, month_end = $9, year_start = $10, year_end = $11," \
	" rolling_frequency = $12, rolling_since = $13," \
	" rolling_spent = $14, next_expiry = $15, exceeded_window = $16, exceeded_limit = $17," \
	" approaching_window = $18, approaching_limit = $19, attested_at = $20, intents_until = $21," \
	" captured_amount = $22, captured_count = $23, entry_count = $24, use_count = $25," \
	" sequence = $26, decided_at = $27, last_approved_at = $28, auth_count = $29," \
	" total_spent = $30, day_spent = $31, week_spent = $32, month_spent = $33, year_spent = $34," \
	" first_merchant = $35"

#define SEAL_COLUMNS(sealed_at) \
	"s.number, s.sequence, s.entry_number, s.decided_at, s.head" sealed_at

/* The decisions of agent $2 up to number $4, which has no id above $3. */
#define PURGED \
	"x.organization_id = $1 AND x.agent_id = $2 AND x.id <= $3 AND x.sequence <= $4"

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

/* Where intent i stands at that instant: an open one is expired from expires_at on. */
#define INTENT_OPEN "i.status IN ('pending_approval', 'pending')"
#define INTENT_STATUS(now) \
	"CASE WHEN " INTENT_OPEN " AND i.expires_at <= " now \
	" THEN 'expired'::ledger_agents.intent_status ELSE i.status END"

#define INTENT_CURSOR "encode(uuid_send(i.id), 'base64')"
#define INTENT_DETAIL(now, replayed) \
	"ROW(i.organization_id, i.id, i.agent_id, i.card_id, i.client_intent_id, " \
	INTENT_STATUS(now) ", i.summary, i.expected_amount, i.expected_currency," \
	" i.expected_merchant, i.expected_mccs, i.tolerance, i.tolerance_percent, i.ttl_minutes," \
	" i.expires_at, i.parked, i.approved_at, i.approved_by, i.rejected_at, i.rejected_by," \
	" i.rejection_reason, i.canceled_at, i.canceled_by, i.authorization_id, i.settled_at," \
	" i.metadata, i.created_at, " replayed ", " INTENT_CURSOR ")::ledger_agents.intent_detail"

#define INTENT_LIST(whose) \
	"SELECT " INTENT_DETAIL("$7", "false") " FROM ledger_agents.intents i" \
	" WHERE i.organization_id = $1" whose " AND ($3 IS NULL OR i.card_id = $3)" \
	" AND ($4 IS NULL OR " INTENT_STATUS("$7") " = $4::ledger_agents.intent_status)" \
	" AND ($5 IS NULL OR i.id < $5) ORDER BY i.id DESC LIMIT $6"

/* Of intent $2, which is open at $3 and locked. */
#define INTENT_CHANGE(changes) \
	"UPDATE ledger_agents.intents i SET " changes " WHERE i.organization_id = $1 AND i.id = $2" \
	" RETURNING " INTENT_DETAIL("$3", "false")

#define ATTESTATION_DETAIL \
	"ROW(t.organization_id, t.id, t.agent_id, t.card_id, t.summary, t.expected_amount," \
	" t.expected_merchant, t.context, t.created_at," \
	" encode(uuid_send(t.id), 'base64'))::ledger_agents.attestation_detail"

#define ATTESTATION_LIST(whose) \
	"SELECT " ATTESTATION_DETAIL " FROM ledger_agents.attestations t" \
	" WHERE t.organization_id = $1" whose " AND ($3 IS NULL OR t.id < $3)" \
	" ORDER BY t.id DESC LIMIT $4"

/* Money of authorization x that is held: neither captured nor given back. */
#define HELD(x) \
	"(" x ".counted_amount - coalesce(" x ".captured_amount, 0) + coalesce(" x ".refunded_amount, 0))"
#define OPEN_HOLD(x) x ".status IN ('authorized', 'partially_captured')"
#define EXPIRED(now) OPEN_HOLD("x") " AND x.expires_at <= " now

/* Authorizations that count as such; increments are part of theirs. */
#define COUNTS_AS_ONE "x.status NOT IN ('reversed', 'expired') AND x.increment_of IS NULL"
/* Of those that an expiry takes out of the count: none of which anything was captured. */
#define EXPIRES_AS_ONE "x.status = 'authorized' AND x.increment_of IS NULL"

/* The ids of the parts of a hold: the authorization and its approved increments. */
#define PART_IDS(id) \
	"ARRAY(SELECT " id " UNION ALL SELECT e.id FROM ledger_agents.authorization_entries e" \
	" WHERE e.organization_id = $1 AND e.authorization_id = " id \
	" AND e.kind = 'increment' AND e.added_amount > 0)"

/* Authorizations x, with t: the sums of a hold's parts; null where it has no increments. */
#define WITH_PARTS \
	"ledger_agents.authorizations x CROSS JOIN LATERAL (SELECT" \
	" sum(coalesce(p.captured_amount, 0))::bigint AS captured," \
	" sum(coalesce(p.reversed_amount, 0))::bigint AS reversed," \
	" sum(coalesce(p.refunded_amount, 0))::bigint AS refunded," \
	" sum(" HELD("p") ")::bigint AS held, sum(p.counted_amount)::bigint AS counted" \
	" FROM ledger_agents.authorizations p WHERE x.incremented_amount IS NOT NULL" \
	" AND p.organization_id = $1 AND p.id = ANY (" PART_IDS("x.id") ")) t"

/* An authorization x with its amounts; a hold is expired from its instant on, whoever swept it. */
#define DETAIL_OF(now, replayed, cursor, captured, reversed, refunded, held, counted) \
	"ROW(x.organization_id, x.id, x.agent_id, x.customer_id, x.sequence, x.decision," \
	" CASE WHEN NOT (" EXPIRED(now) ") OR x.expires_at IS NULL THEN x.status" \
	"  WHEN x.status = 'authorized' THEN 'expired'" \
	"  WHEN " captured " > " refunded " THEN 'captured'" \
	"  ELSE 'refunded'::ledger_agents.authorization_status END," \
	" x.reason, x.reasons, x.failed_limits, x.max_approvable, x.retry_at, x.remaining, x.amount," \
	" coalesce(x.incremented_amount, 0), " captured ", " reversed ", " refunded "," \
	" CASE WHEN " EXPIRED(now) " THEN 0 ELSE " held " END," \
	" CASE WHEN " EXPIRED(now) " THEN " counted " - " held " ELSE " counted " END," \
	" x.currency, x.merchant, x.mcc, x.country, x.card_id," \
	" x.intent_id, x.linked_intent_id, coalesce(x.attestation, 'unattested')," \
	" x.idempotency_key, x.hold_for, x.expires_at, x.increment_of," \
	" coalesce(x.recorded, false), x.agent_limit," \
	" x.agent_limit_frequency, x.on_limit_exceeded, x.agent_spent, x.metadata, x.decided_at, " \
	replayed ", " cursor ")::ledger_agents.authorization_detail"

/* Of those of WITH_PARTS. */
#define AUTHORIZATION_DETAIL(now, replayed, cursor) \
	DETAIL_OF(now, replayed, cursor, "coalesce(t.captured, x.captured_amount, 0)", \
			  "coalesce(t.reversed, x.reversed_amount, 0)", "coalesce(t.refunded, x.refunded_amount, 0)", \
			  "coalesce(t.held, " HELD("x") ")", "coalesce(t.counted, x.counted_amount)")

/* Of one that has no increments. */
#define SINGLE_DETAIL(now, replayed, cursor) \
	DETAIL_OF(now, replayed, cursor, "coalesce(x.captured_amount, 0)", \
			  "coalesce(x.reversed_amount, 0)", "coalesce(x.refunded_amount, 0)", HELD("x"), \
			  "x.counted_amount")

#define AUTHORIZATION_LIST(whose) \
	"SELECT " AUTHORIZATION_DETAIL("$7", "false", "encode(uuid_send(x.id), 'base64')") \
	" FROM " WITH_PARTS " WHERE x.organization_id = $1" whose \
	" AND ($3 IS NULL OR x.customer_id = $3)" \
	" AND ($4 IS NULL OR x.decision = $4::ledger_agents.decision)" \
	" AND ($5 IS NULL OR x.id < $5) ORDER BY x.id DESC LIMIT $6"

/* Counted money of one agent ($2) or one of its cards, or of a customer ($2, null: the organization), at ids from $3 on. */
#define OF_AGENT(card) \
	"x.organization_id = $1 AND x.agent_id = $2 AND x.id >= $3" \
	" AND (" card " IS NULL OR x.card_id = " card ")"
#define OF_WIDE "x.organization_id = $1 AND x.id >= $3 AND ($2 IS NULL OR x.customer_id = $2)"

/* Null where it does not fit into bigint. */
#define SUMMED_AND(since, more) \
	"CASE WHEN coalesce(sum(x.counted_amount) FILTER (WHERE x.currency = $7" since "), 0)" \
	" + " more " <= 9223372036854775807 THEN" \
	" (coalesce(sum(x.counted_amount) FILTER (WHERE x.currency = $7" since "), 0) + " more ")::bigint END"
#define SUMMED(since) SUMMED_AND(since, "0")

/* The same whose, as far as purge() has forgotten it. */
#define OF_PURGED(column, which) \
	"(SELECT coalesce(sum(p." column "), 0) FROM ledger_agents.purged_totals p" \
	" WHERE p.organization_id = $1 AND ($2 IS NULL OR p.customer_id = $2)" \
	" AND ($8 IS NULL OR p.agent_id = $8) AND ($9 IS NULL OR p.card = $9::text)" which ")"

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
	"   AND x.card_id = c.id AND x.expires_at <= " now " AND " EXPIRES_AS_ONE ") ELSE 0 END," \
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

/* Still counted at $4: captured, or held and not expired by then. */
#define LIVE " AND x.currency = $5 AND x.counted_amount > 0" \
	" AND (x.counted_amount > " HELD("x") " OR x.expires_at IS NULL OR x.expires_at > $4)"

#define OLDEST(whose) \
	"SELECT x.decided_at FROM ledger_agents.authorizations x WHERE " whose LIVE \
	" ORDER BY x.id LIMIT 1"

/* When at least $6 has been freed by expiry, or by leaving a rolling window of length $7. */
#define FREED_AT(whose) \
	"SELECT min(r.instant) FROM (" \
	" SELECT f.instant, sum(f.amount) OVER (ORDER BY f.instant) AS freed FROM (" \
	"  SELECT m.amount, m.instant FROM ledger_agents.authorizations x, LATERAL (VALUES" \
	"   (" HELD("x") ", least(x.expires_at, x.decided_at + $7))," \
	"   (x.counted_amount - " HELD("x") ", x.decided_at + $7)) m (amount, instant)" \
	"  WHERE " whose LIVE ") f" \
	" WHERE f.amount > 0 AND f.instant > $4) r WHERE r.freed >= $6"

/*
 * The same where nothing expires: read from the oldest on until there is
 * enough, so that it costs what leaves and not what the window holds.
 */
#define LEFT_AT(whose) \
	"SELECT r.decided_at + $7 FROM (" \
	" SELECT x.decided_at, sum(x.counted_amount) OVER (ORDER BY x.id ROWS UNBOUNDED PRECEDING) AS freed" \
	" FROM ledger_agents.authorizations x WHERE " whose " AND x.currency = $5 AND $4 IS NOT NULL) r" \
	" WHERE r.freed >= $6 LIMIT 1"

#define KEY_AND_COUNTER(agent, key) \
	"EXISTS (SELECT FROM ledger_agents.authorizations x WHERE x.organization_id = $1" \
	" AND x.agent_id = " agent " AND x.idempotency_key = " key "), k.xmax, k"
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

/* What la_param_entry() gives, from $2 on. */
#define ENTRY_TYPES "uuuitiiiibbzt"
#define ENTRY_INSERT \
	"INSERT INTO ledger_agents.authorization_entries (organization_id, id, authorization_id," \
	" agent_id, number, kind, amount, requested_amount, added_amount, released_amount, forced," \
	" final, created_at, idempotency_key) VALUES ($1, $2, $3, $4, $5," \
	" $6::ledger_agents.entry_kind, $7, $8, $9, $10, $11, $12, $13, $14)"

/* Status and amounts of part x; those of 0 are stored as null: they are 0 in most rows. */
#define PART_SET(status, counted, captured, reversed, refunded) \
	"UPDATE ledger_agents.authorizations x SET status = " status "::ledger_agents.authorization_status," \
	" counted_amount = " counted ", captured_amount = nullif(" captured ", 0)," \
	" reversed_amount = nullif(" reversed ", 0), refunded_amount = nullif(" refunded ", 0)"

/* What consumer c has acknowledged just now is given. */
#define CONSUMER_DETAIL(acknowledged) \
	"ROW(c.organization_id, c.name, c.acked_position, c.polled_position, " acknowledged "," \
	" coalesce((SELECT s.last_position FROM ledger_agents.event_streams s" \
	"  WHERE s.organization_id = c.organization_id), 0) - c.acked_position," \
	" c.created_at, c.acked_at)::ledger_agents.event_consumer_detail"
#define CONSUMER "ledger_agents.event_consumers c WHERE c.organization_id = $1 AND c.name = $2"

#if LA_MUTANT != 70
#define ONE_NUMBERS " FOR NO KEY UPDATE SKIP LOCKED"
#else
#define ONE_NUMBERS ""
#endif

/* The oldest $3 events without a position that can be seen. */
#if LA_MUTANT != 71
#define UNNUMBERED \
	"SELECT i.event_id FROM ledger_agents.event_inbox i WHERE i.organization_id = $1" \
	" ORDER BY i.event_id LIMIT $3"
#else
#define UNNUMBERED \
	"SELECT e.id AS event_id FROM ledger_agents.events e WHERE e.organization_id = $1" \
	" AND e.id > coalesce((SELECT p.event_id FROM ledger_agents.event_positions p" \
	"  WHERE p.organization_id = $1 AND p.position = $2), '00000000-0000-0000-0000-000000000000')" \
	" ORDER BY e.id LIMIT $3"
#endif

/* What was answered to a request with a key. */
#define ANSWER \
	"ledger_agents.idempotent_answers r WHERE r.organization_id = $1 AND r.principal = $2" \
	" AND r.route = $3 AND r.key = $4"
