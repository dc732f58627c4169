/*
 * json_account.c
 *		The JSON functions of organizations, customers, rules in force and events.
 */
#include "postgres.h"

#include "json_verb.h"

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

static const LaColumn key_columns[] = {
	{"id", "id"}, {"name", "name"}, {"prefix", "prefix"}, {"createdAt", "created_at"},
	{"expiresAt", "expires_at"}, {"lastUsedAt", "last_used_at"}, {"revokedAt", "revoked_at"},
	{"key", "key"}
};

static const LaShape key = {"organizationKey", COLUMNS(key_columns), LA_TIMES_ISO};
static const LaShape organization = {"organization", COLUMNS(organization_columns), LA_TIMES_ISO};
static const LaShape customer = {"customer", COLUMNS(customer_columns), LA_TIMES_ISO};
static const LaShape rule = {NULL, COLUMNS(rule_columns), LA_TIMES_ISO};
static const LaShape event = {NULL, COLUMNS(event_columns), LA_TIMES_MILLIS};
static const LaShape consumer = {"eventConsumer", COLUMNS(consumer_columns), LA_TIMES_ISO};

const LaJsonVerb la_account_verbs[] = {
	{"get_organization", LA_READS, &organization, {LA_WORD_ORGANIZATION}},
	{"update_organization", 0, &organization, {LA_WORD_CHANGES, LA_WORD_ORGANIZATION},
	organization_changes},
	{"create_organization_key", 0, &key, {LA_WORD_NAME, LA_WORD_EXPIRES_AT, LA_WORD_ORGANIZATION}},
	{"list_organization_keys", LA_READS, &key, {LA_WORD_LIMIT, LA_WORD_AFTER, LA_WORD_ORGANIZATION}},
	{"revoke_organization_key", 0, &key, {LA_WORD_KEY_ID, LA_WORD_ORGANIZATION}},
	{"rotate_organization_key", 0, &key, {LA_WORD_KEY_ID, LA_WORD_GRACE, LA_WORD_ORGANIZATION}},
	{"get_customer", LA_READS, &customer, {LA_WORD_CUSTOMER, LA_WORD_ORGANIZATION}},
	{"list_customers", LA_READS, &customer,
	{LA_WORD_STATUS, LA_WORD_LIMIT, LA_WORD_AFTER, LA_WORD_ORGANIZATION}},
	{"update_customer", 0, &customer, {LA_WORD_CUSTOMER, LA_WORD_CHANGES, LA_WORD_ORGANIZATION},
	customer_changes},
	{"effective_policy", LA_FOR_AGENTS | LA_READS, &rule, {LA_WORD_AGENT, LA_WORD_CARD, LA_WORD_ORGANIZATION}},
	{"poll_events", 0, &event, {LA_WORD_CONSUMER, LA_WORD_POLL_LIMIT, LA_WORD_ORGANIZATION}},
	{"ack_events", 0, &consumer, {LA_WORD_CONSUMER, LA_WORD_ACK_UP_TO, LA_WORD_ORGANIZATION}},
	{"list_event_consumers", LA_READS, &consumer, {LA_WORD_ORGANIZATION}},
	{"delete_event_consumer", 0, &consumer, {LA_WORD_CONSUMER, LA_WORD_ORGANIZATION}},
	{NULL}
};
