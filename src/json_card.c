/*
 * json_card.c
 *		The JSON functions of cards.
 */
#include "postgres.h"

#include "card.h"
#include "json_verb.h"

static Datum create_card(const LaPrincipal *caller, const LaArguments *arguments);

static const LaColumn card_columns[] = {
	{"id", "id"}, {"agentId", "agent_id"}, {"purpose", "purpose"}, {"type", "type"},
	{"status", "status"}, {"statusReason", "status_reason"}, {"maxAmount", "max_amount"},
	{"spendingLimit", "spending_limit"}, {"spendingLimitFrequency", "spending_limit_frequency"},
	{"policyId", "policy_id"}, {"policy", "policy"}, {"currentSpend", "current_spend"},
	{"metadata", "metadata"}, {"createdAt", "created_at"}
};

static const char *const card_changes[] = {
	"purpose", "maxAmount", "spendingLimit", "spendingLimitFrequency", "policyId", "policy",
	"metadata", NULL
};

static const LaColumn card_policy_columns[] = {
	{"cardId", "card_id"}, {"status", "status"}, {"expiresAt", "expires_at"},
	{"activeNow", "active_now"}, {"nextActiveAt", "next_active_at"}, {"maxAmount", "max_amount"},
	{"spendingLimit", "spending_limit"}, {"currentSpend", "current_spend"},
	{"remaining", "remaining"}, {"cumulativeMax", "cumulative_max"}, {"totalSpent", "total_spent"},
	{"cumulativeRemaining", "cumulative_remaining"}, {"maxAuthCount", "max_auth_count"},
	{"authCount", "auth_count"}, {"consumed", "consumed"}, {"coolsDownAt", "cools_down_at"},
	{"attestation", "attestation"}, {"attestedAt", "attested_at"},
	{"merchantLocked", "merchant_locked"}, {"firstMerchant", "first_merchant"},
	{"merchantHint", "merchant_hint"}, {"onDrift", "on_drift"}
};

static const LaShape card = {"card", card_columns, lengthof(card_columns), LA_TIMES_MILLIS};
static const LaShape card_policy = {
	"cardPolicy", card_policy_columns, lengthof(card_policy_columns), LA_TIMES_ISO
};

const LaJsonVerb la_card_verbs[] = {
	{"create_card", 0, &card,
		{LA_WORD_AGENT, LA_WORD_PURPOSE, LA_WORD_CARD_TYPE, LA_WORD_MAX_AMOUNT,
			LA_WORD_SPENDING_LIMIT, LA_WORD_FREQUENCY, LA_WORD_POLICY, LA_WORD_OWN_POLICY,
	LA_WORD_OWN_METADATA}, .own = create_card},
	{"update_card", 0, &card, {LA_WORD_CARD, LA_WORD_CHANGES, LA_WORD_ORGANIZATION}, card_changes},
	{"freeze_card", 0, &card, {LA_WORD_CARD, LA_WORD_ORGANIZATION}},
	{"unfreeze_card", 0, &card, {LA_WORD_CARD, LA_WORD_ORGANIZATION}},
	{"close_card", 0, &card, {LA_WORD_CARD, LA_WORD_ORGANIZATION}},
	{"get_card", LA_FOR_AGENTS | LA_READS, &card, {LA_WORD_CARD, LA_WORD_ORGANIZATION}},
	{"list_cards", LA_FOR_AGENTS | LA_READS, &card,
	{LA_WORD_AGENT, LA_WORD_STATUS, LA_WORD_LIMIT, LA_WORD_AFTER, LA_WORD_ORGANIZATION}},
	{"card_policy", LA_FOR_AGENTS | LA_READS, &card_policy, {LA_WORD_CARD, LA_WORD_ORGANIZATION}},
	{NULL}
};

/* An absent spendingLimit or policyId is the agent's default; a null is none. */
static Datum
create_card(const LaPrincipal *caller, const LaArguments *arguments)
{
	static const int order[] = {
		LA_CARD_AGENT, LA_CARD_PURPOSE, LA_CARD_TYPE, LA_CARD_MAX_AMOUNT, LA_CARD_LIMIT,
		LA_CARD_FREQUENCY, LA_CARD_TEMPLATE, LA_CARD_POLICY, LA_CARD_METADATA
	};
	LaValues	given = {0};
	pg_uuid_t	id;

	la_give_words(arguments, la_card_fields, order, lengthof(order), &given);
	if (!given.given[LA_CARD_AGENT])
		la_null_field(la_card_fields[LA_CARD_AGENT].name);
	la_make_card(caller, &given, &id);
	return la_card_detail(caller, &id, LA_LATEST);
}
