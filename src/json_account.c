/*
 * json_account.c
 *		The JSON functions that read and look after what is there: agents and their
 *		tokens, organizations, customers, rules in force, attestations, events.
 */
#include "postgres.h"

#include "fmgr.h"

#include "json.h"
#include "json_verb.h"

PG_FUNCTION_INFO_V1(la_api_account);

/* What the page of the update does not have; its own members are put behind these. */
static const LaColumn agent_columns[] = {
	{"currency", "currency"}, {"windowMode", "window_mode"},
	{"defaultCardLimit", "default_card_limit"},
	{"defaultCardLimitFrequency", "default_card_limit_frequency"},
	{"defaultPolicyId", "default_policy_id"}, {"policy", "policy"},
	{"suspendedReason", "suspended_reason"}, {"suspendedBy", "suspended_by"},
	{"suspendedAt", "suspended_at"}, {"updatedAt", "updated_at"}
};

static const LaColumn budget_columns[] = {
	{"agentId", "agent_id"}, {"spendingLimit", "spending_limit"}, {"frequency", "frequency"},
	{"windowMode", "window_mode"}, {"currency", "currency"}, {"currentSpend", "current_spend"},
	{"remaining", "remaining"}, {"percentUsed", "percent_used"}, {"windowStart", "window_start"},
	{"nextReset", "next_reset"}
};

static const LaColumn token_columns[] = {
	{"id", "id"}, {"agentId", "agent_id"}, {"name", "name"}, {"prefix", "prefix"},
	{"createdAt", "created_at"}, {"expiresAt", "expires_at"}, {"lastUsedAt", "last_used_at"},
	{"revokedAt", "revoked_at"}, {"token", "token"}
};

static const LaColumn organization_columns[] = {
	{"id", "id"}, {"name", "name"}, {"status", "status"}, {"livemode", "livemode"},
	{"timezone", "timezone"}, {"currency", "currency"}, {"spendingLimit", "spending_limit"},
	{"spendingLimitFrequency", "spending_limit_frequency"}, {"windowMode", "window_mode"},
	{"limitApproachingPercent", "limit_approaching_percent"},
	{"captureTolerancePercent", "capture_tolerance_percent"},
	{"transactionEvents", "transaction_events"}, {"createdAt", "created_at"},
	{"updatedAt", "updated_at"}
};

static const char *const organization_changes[] = {
	"name", "status", "timezone", "currency", "spendingLimit", "spendingLimitFrequency",
	"windowMode", "limitApproachingPercent", "captureTolerancePercent", "transactionEvents", NULL
};

static const LaColumn customer_columns[] = {
	{"id", "id"}, {"name", "name"}, {"status", "status"}, {"spendingLimit", "spending_limit"},
	{"spendingLimitFrequency", "spending_limit_frequency"}, {"windowMode", "window_mode"},
	{"policy", "policy"}, {"createdAt", "created_at"}, {"updatedAt", "updated_at"}
};

static const char *const customer_changes[] = {
	"name", "status", "spendingLimit", "spendingLimitFrequency", "windowMode", "policy", NULL
};

static const LaColumn rule_columns[] = {
	{"rule", "rule"}, {"value", "value"}, {"scope", "scope"}, {"source", "source"},
	{"sourceId", "source_id"}
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

/* The envelope of webhooks, and the place in the stream. */
static const LaColumn event_columns[] = {
	{"id", "id"}, {"type", "type"}, {"organizationId", "organization_id"},
	{"createdAt", "created_at"}, {"data", "data"}, {"position", "position"}
};

static const LaColumn consumer_columns[] = {
	{"name", "name"}, {"ackedPosition", "acked_position"}, {"polledPosition", "polled_position"},
	{"acknowledged", "acknowledged"}, {"waiting", "waiting"}, {"createdAt", "created_at"},
	{"ackedAt", "acked_at"}
};

#define COLUMNS(columns) columns, lengthof(columns)

static const LaShape agent = {"agent", COLUMNS(agent_columns), LA_TIMES_MILLIS, la_put_agent};
static const LaShape budget = {"budget", COLUMNS(budget_columns), LA_TIMES_ISO};
static const LaShape token = {"agentToken", COLUMNS(token_columns), LA_TIMES_ISO};
static const LaShape organization = {"organization", COLUMNS(organization_columns), LA_TIMES_ISO};
static const LaShape customer = {"customer", COLUMNS(customer_columns), LA_TIMES_ISO};
static const LaShape rule = {NULL, COLUMNS(rule_columns), LA_TIMES_ISO};
static const LaShape card_policy = {"cardPolicy", COLUMNS(card_policy_columns), LA_TIMES_ISO};
static const LaShape attestation = {.put_rest = la_put_attestation};
static const LaShape event = {NULL, COLUMNS(event_columns), LA_TIMES_MILLIS};
static const LaShape consumer = {"eventConsumer", COLUMNS(consumer_columns), LA_TIMES_ISO};

static const LaJsonVerb verbs[] = {
	{"get_agent", LA_FOR_AGENTS | LA_READS, &agent,
	{LA_WORD_AGENT, LA_WORD_EXTERNAL_ID, LA_WORD_ORGANIZATION}},
	{"list_agents", LA_FOR_AGENTS | LA_READS, &agent,
		{LA_WORD_USER, LA_WORD_STATUS, LA_WORD_EXTERNAL_ID, LA_WORD_LIMIT, LA_WORD_AFTER,
	LA_WORD_ORGANIZATION}},
	{"deregister_agent", 0, &agent, {LA_WORD_AGENT, LA_WORD_ORGANIZATION}},
	{"agent_budget", LA_FOR_AGENTS | LA_READS, &budget, {LA_WORD_AGENT, LA_WORD_ORGANIZATION}},
	{"create_agent_token", 0, &token,
	{LA_WORD_AGENT, LA_WORD_NAME, LA_WORD_EXPIRES_AT, LA_WORD_ORGANIZATION}},
	{"list_agent_tokens", LA_READS, &token, {LA_WORD_AGENT, LA_WORD_ORGANIZATION}},
	{"revoke_agent_token", 0, &token, {LA_WORD_TOKEN, LA_WORD_ORGANIZATION}},
	{"rotate_agent_token", 0, &token, {LA_WORD_TOKEN, LA_WORD_GRACE, LA_WORD_ORGANIZATION}},
	{"get_organization", LA_READS, &organization, {LA_WORD_ORGANIZATION}},
	{"update_organization", 0, &organization, {LA_WORD_CHANGES, LA_WORD_ORGANIZATION},
	organization_changes},
	{"get_customer", LA_READS, &customer, {LA_WORD_CUSTOMER, LA_WORD_ORGANIZATION}},
	{"update_customer", 0, &customer, {LA_WORD_CUSTOMER, LA_WORD_CHANGES, LA_WORD_ORGANIZATION},
	customer_changes},
	{"effective_policy", LA_READS, &rule, {LA_WORD_AGENT, LA_WORD_CARD, LA_WORD_ORGANIZATION}},
	{"card_policy", LA_READS, &card_policy, {LA_WORD_CARD, LA_WORD_ORGANIZATION}},
	{"list_attestations", LA_READS, &attestation,
	{LA_WORD_AGENT, LA_WORD_LIMIT, LA_WORD_AFTER, LA_WORD_ORGANIZATION}},
	{"poll_events", 0, &event, {LA_WORD_CONSUMER, LA_WORD_POLL_LIMIT, LA_WORD_ORGANIZATION}},
	{"ack_events", 0, &consumer, {LA_WORD_CONSUMER, LA_WORD_ACK_UP_TO, LA_WORD_ORGANIZATION}},
	{"list_event_consumers", LA_READS, &consumer, {LA_WORD_ORGANIZATION}},
	{"delete_event_consumer", 0, &consumer, {LA_WORD_CONSUMER, LA_WORD_ORGANIZATION}},
};

/*
 * ledger_agents_api.get_agent(jsonb) returns jsonb, and every other of the verbs above
 *		What the function of that name in ledger_agents does.
 */
Datum
la_api_account(PG_FUNCTION_ARGS)
{
	return la_json_verb(fcinfo, verbs, lengthof(verbs));
}
