/*
 * json_agent.c
 *		The JSON functions of agents, their budgets and tokens.
 *
 * Bodies and answers of register_agent, create_agent and update_agent are those
 * of two published interfaces: what they call a thing differs.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/builtins.h"

#include "agent.h"
#include "errors.h"
#include "json_value.h"
#include "json_verb.h"

static Datum create_agent(const LaPrincipal *caller, const LaArguments *arguments);
static void give_status(const NullableDatum *status, LaValues *given);
static void give_limits(Jsonb *limits, LaValues *given);
static void put_first_token(LaDocument *to, Datum row);
static void put_created(LaDocument *to, Datum row);

/* The first PAGE_COLUMNS are what the page of the update has. */
#define PAGE_COLUMNS 16
static const LaColumn agent_columns[] = {
	{"id", "id"}, {"userId", "customer_id"}, {"name", "name"}, {"status", "status"},
	{"createdAt", "created_at"}, {"externalId", "external_id"}, {"description", "description"},
	{"deregisteredAt", "deregistered_at"}, {"spendingLimit", "spending_limit"},
	{"spendingLimitFrequency", "spending_limit_frequency"}, {"currentSpend", "current_spend"},
	{"maxCards", "max_cards"}, {"cardCount", "card_count"}, {"metadata", "metadata"},
	{"defaultRequireApproval", "default_require_approval"},
	{"defaultAutoApproveBelow", "default_auto_approve_below"},

	{"currency", "currency"}, {"windowMode", "window_mode"},
	{"defaultCardLimit", "default_card_limit"},
	{"defaultCardLimitFrequency", "default_card_limit_frequency"},
	{"defaultPolicyId", "default_policy_id"}, {"policy", "policy"},
	{"suspendedReason", "suspended_reason"}, {"suspendedBy", "suspended_by"},
	{"suspendedAt", "suspended_at"}, {"updatedAt", "updated_at"}
};

static const LaColumn registered_columns[] = {
	{"id", "id"}, {"externalId", "external_id"}, {"created", "created"},
	{"userId", "customer_id"}, {"name", "name"}, {"status", "status"}
};

static const LaColumn created_columns[] = {
	{"id", "id"}, {"name", "name"}, {"customerId", "customer_id"},
	{"externalId", "external_id"}, {"policy", "policy"}, {"metadata", "metadata"},
	{"createdAt", "created_at"}
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

/* The columns before the secret. */
#define LISTED_COLUMNS (lengthof(token_columns) - 1)

#define COLUMNS(columns) columns, lengthof(columns)

static const LaShape agent = {"agent", COLUMNS(agent_columns), LA_TIMES_MILLIS, la_put_action};
static const LaShape page = {NULL, agent_columns, PAGE_COLUMNS, LA_TIMES_MILLIS, la_put_action};
static const LaShape registered = {
	"agent", COLUMNS(registered_columns), LA_TIMES_MILLIS, put_first_token
};
static const LaShape created = {NULL, COLUMNS(created_columns), LA_TIMES_ISO, put_created};
static const LaShape budget = {"budget", COLUMNS(budget_columns), LA_TIMES_ISO};
static const LaShape token = {"agentToken", COLUMNS(token_columns), LA_TIMES_ISO};
static const LaShape listed_token = {"agentToken", token_columns, LISTED_COLUMNS, LA_TIMES_ISO};

static const char *const agent_changes[] = {
	"name", "description", "status", "spendingLimit", "spendingLimitFrequency", "onLimitExceeded",
	"metadata",

	/* Not on the page of the update. */
	"windowMode", "currency", "maxCards", "defaultCardLimit", "defaultCardLimitFrequency",
	"defaultPolicyId", "defaultRequireApproval", "defaultAutoApproveBelow", "policy", NULL
};

/* The words of create_agent; the first five are fields of an agent. */
enum
{
	EXTERNAL_ID, CUSTOMER, NAME, POLICY, METADATA, STATUS, LIMITS
};

const LaJsonVerb la_agent_verbs[] = {
	{"register_agent", 0, &registered,
		{LA_WORD_NEW_EXTERNAL_ID, LA_WORD_NEW_USER, LA_WORD_NEW_NAME, LA_WORD_DESCRIPTION,
			LA_WORD_UNSAID, LA_WORD_SPENDING_LIMIT, LA_WORD_FREQUENCY, LA_WORD_UNSAID,
			LA_WORD_ON_LIMIT_EXCEEDED, LA_WORD_UNSAID, LA_WORD_MAX_CARDS,
			LA_WORD_DEFAULT_CARD_LIMIT, LA_WORD_DEFAULT_CARD_FREQUENCY, LA_WORD_DEFAULT_POLICY,
			LA_WORD_UNSAID, LA_WORD_UNSAID, LA_WORD_UNSAID, LA_WORD_OWN_METADATA,
	LA_WORD_ORGANIZATION}},
	{"create_agent", 0, &created,
		{[EXTERNAL_ID] = LA_WORD_NEW_EXTERNAL_ID,[CUSTOMER] = LA_WORD_NEW_CUSTOMER,
			[NAME] = LA_WORD_NAME,[POLICY] = LA_WORD_OWN_POLICY,
		[METADATA] = LA_WORD_OWN_METADATA,[STATUS] = LA_WORD_STATUS,[LIMITS] = LA_WORD_LIMITS},
	.own = create_agent},
	{"update_agent", 0, &page, {LA_WORD_AGENT, LA_WORD_CHANGES, LA_WORD_ORGANIZATION}, agent_changes},
	{"get_agent", LA_FOR_AGENTS | LA_READS, &agent,
	{LA_WORD_AGENT, LA_WORD_EXTERNAL_ID, LA_WORD_ORGANIZATION}},
	{"list_agents", LA_FOR_AGENTS | LA_READS, &agent,
		{LA_WORD_USER, LA_WORD_STATUS, LA_WORD_EXTERNAL_ID, LA_WORD_LIMIT, LA_WORD_AFTER,
	LA_WORD_ORGANIZATION}},
	{"deregister_agent", 0, &agent, {LA_WORD_AGENT, LA_WORD_ORGANIZATION}},
	{"agent_budget", LA_FOR_AGENTS | LA_READS, &budget, {LA_WORD_AGENT, LA_WORD_ORGANIZATION}},
	{"create_agent_token", 0, &token,
	{LA_WORD_AGENT, LA_WORD_NAME, LA_WORD_EXPIRES_AT, LA_WORD_ORGANIZATION}},
	{"list_agent_tokens", LA_READS, &listed_token,
	{LA_WORD_AGENT, LA_WORD_LIMIT, LA_WORD_AFTER, LA_WORD_ORGANIZATION}},
	{"revoke_agent_token", 0, &token, {LA_WORD_TOKEN, LA_WORD_ORGANIZATION}},
	{"rotate_agent_token", 0, &token, {LA_WORD_TOKEN, LA_WORD_GRACE, LA_WORD_ORGANIZATION}},
	{NULL}
};

/* Issues no token, and a taken externalId is an error whoever has it. */
static Datum
create_agent(const LaPrincipal *caller, const LaArguments *arguments)
{
	static const int order[] = {
		[EXTERNAL_ID] = LA_AGENT_EXTERNAL_ID,[CUSTOMER] = LA_AGENT_CUSTOMER,
		[NAME] = LA_AGENT_NAME,[POLICY] = LA_AGENT_POLICY,[METADATA] = LA_AGENT_METADATA
	};
	LaValues	given = {0};
	LaRegistration result;

	la_give_words(arguments, la_agent_fields, order, lengthof(order), &given);
	if (arguments->given[STATUS])
		give_status(&arguments->values[STATUS], &given);
	if (arguments->given[LIMITS])
		give_limits(DatumGetJsonbP(arguments->values[LIMITS].value), &given);
	la_register(caller, &given, false, &result);
	if (!result.created)
		ereport(ERROR,
				errcode(ERRCODE_UNIQUE_VIOLATION),
				errmsg("externalId is taken"),
				la_detail("external_id_taken", "externalId", "The agent is registered."),
				errhint("register_agent() is idempotent on externalId."));
	return la_agent_detail(caller, &result.id, LA_LATEST);
}

/* Its words for what an agent can be at first, in the order of la_agent_labels. */
static const char *const statuses[] = {"active", "paused", NULL};

/* Its words for frequencies, in the order of la_frequency_labels. */
static const char *const intervals[] = {
	"per_transaction", "daily", "weekly", "monthly", "yearly", "all_time", NULL
};

static const LaField status_field = {"status", LA_KIND_LABEL, .labels = statuses};
static const LaField interval_field = {"limits.interval", LA_KIND_LABEL, .labels = intervals};

/* The label that stands where the value stands among others. */
static Datum
counterpart(Datum value, const char *const *from, const char *const *to)
{
	char	   *label = TextDatumGetCString(value);
	int			i = 0;

	while (strcmp(from[i], label) != 0)
		i++;
	return CStringGetTextDatum(to[i]);
}

/* disabled is no status to create with. */
static void
give_status(const NullableDatum *status, LaValues *given)
{
	LaValues	checked;

	if (!status->isnull && strcmp(TextDatumGetCString(status->value), "disabled") == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("an agent cannot be created disabled, it becomes so only by deregister_agent()"),
				la_detail("invalid_value", "status", "It is one of active, paused."));
	la_give(&status_field, 0, status->value, status->isnull, &checked);
	la_give(la_agent_fields, LA_AGENT_STATUS,
			counterpart(checked.values[0], statuses, la_agent_labels), false, given);
}

static void
give_limits(Jsonb *limits, LaValues *given)
{
	LaMembers	member;
	LaValues	interval;

	la_begin_members(&member, &limits->root);
	while (la_next_member(&member))
	{
		char	   *path = psprintf("limits.%s", member.name);

		if (strcmp(member.name, "amount") == 0)
			la_give_json(la_agent_fields, LA_AGENT_LIMIT, path, &member.value, given);
		else if (strcmp(member.name, "currency") == 0)
			la_give_json(la_agent_fields, LA_AGENT_CURRENCY, path, &member.value, given);
		else if (strcmp(member.name, "interval") == 0)
		{
			la_give_json(&interval_field, 0, path, &member.value, &interval);
			la_give(la_agent_fields, LA_AGENT_FREQUENCY,
					counterpart(interval.values[0], intervals, la_frequency_labels), false, given);
		}
		else
			la_refuse_member(path);
	}
}

static Datum
column(Datum row, const char *name, bool *isnull)
{
	return GetAttributeByName(DatumGetHeapTupleHeader(row), name, isnull);
}

/* The published page has both as null unless the agent was newly created. */
static void
put_first_token(LaDocument *to, Datum row)
{
	bool		isnull;
	Datum		secret = column(row, "token", &isnull);

	la_put_text(to, "token", isnull ? NULL : TextDatumGetCString(secret));
	if (isnull)
		la_put_null(to, "tokenId");
	else
		la_put_uuid(to, "tokenId", la_uuid_column(row, "token_id"));
}

static void
put_created(LaDocument *to, Datum row)
{
	bool		isnull;
	Datum		status = column(row, "status", &isnull);
	Datum		limit = column(row, "spending_limit", &isnull);
	Datum		frequency;

	la_put_text(to, "status", strcmp(la_enum_label(status), "suspended") == 0 ? "paused" : la_enum_label(status));
	if (isnull)
		return;
	frequency = CStringGetTextDatum(la_enum_label(column(row, "spending_limit_frequency", &isnull)));
	la_open_object(to, "limits");
	la_put_int64(to, "amount", DatumGetInt64(limit));
	la_put_text(to, "currency", TextDatumGetCString(column(row, "currency", &isnull)));
	la_put_text(to, "interval",
				TextDatumGetCString(counterpart(frequency, la_frequency_labels, intervals)));
	la_close_object(to);
}
