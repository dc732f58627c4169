/*
 * json_intent.c
 *		The JSON functions of intents and attestations.
 */
#include "postgres.h"

#include "json_verb.h"

static const LaColumn intent_columns[] = {
	{"id", "id"}, {"agentId", "agent_id"}, {"cardId", "card_id"},
	{"customerIntentId", "client_intent_id"}, {"status", "status"}, {"summary", "summary"},
	{"expectedAmount", "expected_amount"}, {"expectedCurrency", "expected_currency"},
	{"expectedMerchant", "expected_merchant"}, {"expectedMccs", "expected_mccs"},
	{"tolerance", "tolerance"}, {"tolerancePercent", "tolerance_percent"},
	{"ttlMinutes", "ttl_minutes"}, {"expiresAt", "expires_at"}, {"approvedAt", "approved_at"},
	{"approvedBy", "approved_by"}, {"rejectedAt", "rejected_at"}, {"rejectedBy", "rejected_by"},
	{"rejectionReason", "rejection_reason"}, {"canceledAt", "canceled_at"},
	{"canceledBy", "canceled_by"}, {"transactionId", "authorization_id"},
	{"metadata", "metadata"}, {"createdAt", "created_at"},

	/* Of a declaration only, which alone can be a replay. */
	{"replayed", "replayed"}
};

static const LaColumn attestation_columns[] = {
	{"id", "id"}, {"agentId", "agent_id"}, {"cardId", "card_id"}, {"summary", "summary"},
	{"expectedAmount", "expected_amount"}, {"expectedMerchant", "expected_merchant"},
	{"context", "context"}, {"createdAt", "created_at"}
};

static const LaShape declaration = {
	"intent", intent_columns, lengthof(intent_columns), LA_TIMES_ISO
};

static const LaShape intent = {
	"intent", intent_columns, lengthof(intent_columns) - 1, LA_TIMES_ISO
};

static const LaShape attestation = {
	"attestation", attestation_columns, lengthof(attestation_columns), LA_TIMES_ISO
};

const LaJsonVerb la_intent_verbs[] = {
	{"declare_intent", LA_FOR_AGENTS, &declaration,
		{LA_WORD_AGENT, LA_WORD_CARD, LA_WORD_CLIENT_INTENT, LA_WORD_SUMMARY,
			LA_WORD_EXPECTED_AMOUNT, LA_WORD_EXPECTED_CURRENCY, LA_WORD_EXPECTED_MERCHANT,
			LA_WORD_EXPECTED_MCCS, LA_WORD_TOLERANCE, LA_WORD_TOLERANCE_PERCENT,
	LA_WORD_TTL_MINUTES, LA_WORD_METADATA, LA_WORD_ORGANIZATION}},
	{"approve_intent", 0, &intent, {LA_WORD_INTENT, LA_WORD_ORGANIZATION}},
	{"reject_intent", 0, &intent, {LA_WORD_INTENT, LA_WORD_REASON, LA_WORD_ORGANIZATION}},
	{"cancel_intent", LA_FOR_AGENTS, &intent, {LA_WORD_INTENT, LA_WORD_ORGANIZATION}},
	{"get_intent", LA_FOR_AGENTS | LA_READS, &intent,
	{LA_WORD_INTENT, LA_WORD_AGENT, LA_WORD_CLIENT_INTENT, LA_WORD_ORGANIZATION}},
	{"list_intents", LA_FOR_AGENTS | LA_READS, &intent,
		{LA_WORD_AGENT, LA_WORD_CARD, LA_WORD_STATUS, LA_WORD_LIMIT, LA_WORD_AFTER,
	LA_WORD_ORGANIZATION}},
	{"attest", LA_FOR_AGENTS, &attestation,
		{LA_WORD_AGENT, LA_WORD_CARD, LA_WORD_SUMMARY, LA_WORD_EXPECTED_AMOUNT,
	LA_WORD_EXPECTED_MERCHANT, LA_WORD_CONTEXT, LA_WORD_ORGANIZATION}},
	{"list_attestations", LA_FOR_AGENTS | LA_READS, &attestation,
	{LA_WORD_AGENT, LA_WORD_LIMIT, LA_WORD_AFTER, LA_WORD_ORGANIZATION}},
	{NULL}
};
