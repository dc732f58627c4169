/*
 * json_spend.c
 *		The JSON functions of authorizations and of what becomes of them.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"

#include "json.h"
#include "json_value.h"
#include "json_verb.h"
#include "query.h"

static void put_failed_limits(LaDocument *to, Datum row);

static const LaColumn authorization_columns[] = {
	{"id", "id"}, {"agentId", "agent_id"}, {"userId", "customer_id"}, {"sequence", "sequence"},
	{"decision", "decision"}, {"status", "status"}, {"reason", "reason"}, {"reasons", "reasons"},
	{"maxApprovable", "max_approvable"}, {"retryAt", "retry_at"}, {"remaining", "remaining"},
	{"amount", "amount"}, {"incrementedAmount", "incremented_amount"},
	{"capturedAmount", "captured_amount"}, {"reversedAmount", "reversed_amount"},
	{"refundedAmount", "refunded_amount"}, {"heldAmount", "held_amount"},
	{"countedAmount", "counted_amount"}, {"currency", "currency"}, {"merchant", "merchant"},
	{"mcc", "mcc"}, {"country", "country"}, {"cardId", "card_id"}, {"intentId", "intent_id"},
	{"linkedIntentId", "linked_intent_id"}, {"attestation", "attestation"},
	{"idempotencyKey", "idempotency_key"}, {"holdFor", "hold_for"}, {"expiresAt", "expires_at"},
	{"incrementOf", "increment_of"}, {"recorded", "recorded"}, {"agentLimit", "agent_limit"},
	{"agentLimitFrequency", "agent_limit_frequency"}, {"agentSpent", "agent_spent"},
	{"metadata", "metadata"}, {"decidedAt", "decided_at"}, {"replayed", "replayed"}
};

static const LaColumn rule_columns[] = {
	{"rule", "rule"}, {"value", "value"}, {"scope", "scope"}, {"source", "source"},
	{"sourceId", "source_id"}, {"reason", "reason"}, {"actual", "actual"}, {"passed", "passed"},
	{"passedThen", "passed_then"}
};

static const LaShape authorization = {
	"authorization", authorization_columns, lengthof(authorization_columns), LA_TIMES_ISO,
	put_failed_limits
};

static const LaShape explained_rule = {
	NULL, rule_columns, lengthof(rule_columns), LA_TIMES_ISO
};

/* The words of a request, in the order of authorize(). */
#define REQUEST \
	LA_WORD_AGENT, LA_WORD_AMOUNT, LA_WORD_CURRENCY, LA_WORD_MERCHANT, LA_WORD_MCC, \
	LA_WORD_COUNTRY, LA_WORD_CARD, LA_WORD_INTENT, LA_WORD_KEY, LA_WORD_HOLD_FOR, \
	LA_WORD_METADATA, LA_WORD_ORGANIZATION

const LaJsonVerb la_spend_verbs[] = {
	{"authorize", LA_FOR_AGENTS | LA_ONCE | LA_DECIDES, &authorization, {REQUEST}},
	{"evaluate", LA_FOR_AGENTS | LA_READS, &authorization, {REQUEST, LA_WORD_AS_OF}},
	{"explain_authorization", LA_FOR_AGENTS | LA_READS, &explained_rule,
	{LA_WORD_AUTHORIZATION, REQUEST, LA_WORD_AS_OF}},
	{"record_spend", LA_ONCE, &authorization,
		{LA_WORD_AGENT, LA_WORD_AMOUNT, LA_WORD_CURRENCY, LA_WORD_MERCHANT, LA_WORD_MCC,
	LA_WORD_COUNTRY, LA_WORD_CARD, LA_WORD_KEY, LA_WORD_METADATA, LA_WORD_ORGANIZATION}},
	{"increment", LA_ONCE | LA_DECIDES, &authorization,
	{LA_WORD_AUTHORIZATION, LA_WORD_AMOUNT, LA_WORD_KEY, LA_WORD_ORGANIZATION}},
	{"capture", LA_ONCE, &authorization,
		{LA_WORD_AUTHORIZATION, LA_WORD_AMOUNT, LA_WORD_FINAL, LA_WORD_FORCE, LA_WORD_KEY,
	LA_WORD_ORGANIZATION}},
	{"reverse", LA_ONCE, &authorization,
	{LA_WORD_AUTHORIZATION, LA_WORD_AMOUNT, LA_WORD_KEY, LA_WORD_ORGANIZATION}},
	{"refund", LA_ONCE, &authorization,
	{LA_WORD_AUTHORIZATION, LA_WORD_AMOUNT, LA_WORD_KEY, LA_WORD_ORGANIZATION}},
	{"get_authorization", LA_FOR_AGENTS | LA_READS, &authorization,
	{LA_WORD_AUTHORIZATION, LA_WORD_ORGANIZATION}},
	{"list_authorizations", LA_FOR_AGENTS | LA_READS, &authorization,
		{LA_WORD_AGENT, LA_WORD_USER, LA_WORD_DECISION, LA_WORD_LIMIT, LA_WORD_AFTER,
	LA_WORD_ORGANIZATION}},
	{NULL}
};

/* Its members in camelCase; those without a value are left out. */
static void
put_failed_limit(LaDocument *to, JsonbContainer *limit)
{
	LaMembers	member;

	la_open_object(to, NULL);
	la_begin_members(&member, limit);
	while (la_next_member(&member))
		if (member.value.type != jbvNull)
			la_put_jsonb(to, la_camel_case(member.name), JsonbValueToJsonb(&member.value));
	la_close_object(to);
}

/* What no table of names can say. */
static void
put_failed_limits(LaDocument *to, Datum row)
{
	bool		isnull;
	Datum		value;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	limit;

	la_put_action(to, row);
	value = GetAttributeByName(DatumGetHeapTupleHeader(row), "failed_limits", &isnull);
	if (isnull)
		return;
	la_open_list(to, "failedLimits");
	iterator = JsonbIteratorInit(&DatumGetJsonbP(value)->root);
	while ((token = JsonbIteratorNext(&iterator, &limit, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			put_failed_limit(to, limit.val.binary.data);
	la_close_list(to);
}
