/*
 * json_agent.c
 *		The JSON functions of agents: the published bodies in, the published answers out.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "agent.h"
#include "document.h"
#include "errors.h"
#include "json.h"
#include "json_value.h"
#include "window.h"

PG_FUNCTION_INFO_V1(la_api_register_agent);
PG_FUNCTION_INFO_V1(la_api_create_agent);
PG_FUNCTION_INFO_V1(la_api_update_agent);

static Jsonb *register_agent(const LaPrincipal *caller, Jsonb *body);
static Jsonb *create_agent(const LaPrincipal *caller, Jsonb *body);
static Jsonb *update_agent(const LaPrincipal *caller, Jsonb *body);

/*
 * ledger_agents_api.register_agent(jsonb) returns jsonb
 *		The first API's POST /v1/agents/register.
 */
Datum
la_api_register_agent(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "register_agent()", register_agent);
}

/*
 * ledger_agents_api.create_agent(jsonb) returns jsonb
 *		The second API's POST /v1/agents.
 */
Datum
la_api_create_agent(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "create_agent()", create_agent);
}

/*
 * ledger_agents_api.update_agent(jsonb) returns jsonb
 *		PATCH /v1/agents/{agentId}, with agentId in the body.
 */
Datum
la_api_update_agent(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "update_agent()", update_agent);
}

/* A field of a body and what it sets. */
typedef struct BodyField
{
	const char *name;
	int			field;
	bool		required;
} BodyField;

static const BodyField register_body[] = {
	{"externalId", LA_AGENT_EXTERNAL_ID, true},
	{"userId", LA_AGENT_CUSTOMER, true},
	{"name", LA_AGENT_NAME, true},
	{"description", LA_AGENT_DESCRIPTION},
	{"spendingLimit", LA_AGENT_LIMIT},
	{"spendingLimitFrequency", LA_AGENT_FREQUENCY},
	{"onLimitExceeded", LA_AGENT_ACTION},
	{"maxCards", LA_AGENT_MAX_CARDS},
	{"defaultCardLimit", LA_AGENT_CARD_LIMIT},
	{"defaultCardLimitFrequency", LA_AGENT_CARD_FREQUENCY},
	{"defaultPolicyId", LA_AGENT_TEMPLATE},
	{"metadata", LA_AGENT_METADATA},
};

static const BodyField create_body[] = {
	{"externalId", LA_AGENT_EXTERNAL_ID, true},
	{"customerId", LA_AGENT_CUSTOMER, true},
	{"name", LA_AGENT_NAME},
	{"policy", LA_AGENT_POLICY},
	{"metadata", LA_AGENT_METADATA},
};

static const BodyField limits_body[] = {
	{"amount", LA_AGENT_LIMIT},
	{"currency", LA_AGENT_CURRENCY},
};

static const BodyField update_body[] = {
	{"name", LA_AGENT_NAME},
	{"description", LA_AGENT_DESCRIPTION},
	{"status", LA_AGENT_STATUS},
	{"spendingLimit", LA_AGENT_LIMIT},
	{"spendingLimitFrequency", LA_AGENT_FREQUENCY},
	{"onLimitExceeded", LA_AGENT_ACTION},
	{"metadata", LA_AGENT_METADATA},

	/*
	 * Not on the page of the update: the other fields that update_agent
	 * changes.
	 */
	{"windowMode", LA_AGENT_MODE},
	{"currency", LA_AGENT_CURRENCY},
	{"maxCards", LA_AGENT_MAX_CARDS},
	{"defaultCardLimit", LA_AGENT_CARD_LIMIT},
	{"defaultCardLimitFrequency", LA_AGENT_CARD_FREQUENCY},
	{"defaultPolicyId", LA_AGENT_TEMPLATE},
	{"defaultRequireApproval", LA_AGENT_REQUIRE_APPROVAL},
	{"defaultAutoApproveBelow", LA_AGENT_AUTO_APPROVE},
	{"policy", LA_AGENT_POLICY},
};

/* The second API's words for frequencies. */
static const struct IntervalName
{
	const char *interval;
	LaFrequency frequency;
}			interval_names[] = {
	{"daily", LA_PER_24_HOURS},
	{"weekly", LA_PER_WEEK},
	{"monthly", LA_PER_MONTH},
	{"yearly", LA_PER_YEAR},
	{"all_time", LA_ALL_TIME},
	{"per_transaction", LA_PER_TRANSACTION},
};

/* Gives every member of the body; others are the members that the caller reads itself. */
static void
give_body(Jsonb *body, const char *prefix, const BodyField *fields, int count,
		  const char *const *others, LaValues *given)
{
	JsonbIterator *iterator = JsonbIteratorInit(&body->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		int			found = -1;
		bool		other = false;

		if (token != WJB_KEY)
			continue;
		name = la_json_cstring(&value);
		(void) JsonbIteratorNext(&iterator, &value, true);
		for (int i = 0; i < count; i++)
			if (strcmp(fields[i].name, name) == 0)
				found = i;
		for (const char *const *o = others; *o != NULL; o++)
			other = other || strcmp(*o, name) == 0;
		if (found >= 0)
			la_give_json(la_agent_fields, fields[found].field, psprintf("%s%s", prefix, name),
						 &value, given);
		else if (!other)
			la_refuse_member(psprintf("%s%s", prefix, name));
	}
	for (int i = 0; i < count; i++)
		if (fields[i].required && !given->given[fields[i].field])
			la_null_field(fields[i].name);
}

static Jsonb *answer_register(const LaRegistration *result, HeapTupleHeader detail);

/* Columns of agent_detail by name. */
static char *
text_column(HeapTupleHeader detail, const char *name)
{
	bool		isnull;
	Datum		value = GetAttributeByName(detail, name, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static char *
label_column(HeapTupleHeader detail, const char *name)
{
	bool		isnull;
	Datum		value = GetAttributeByName(detail, name, &isnull);

	return isnull ? NULL : DatumGetCString(DirectFunctionCall1(enum_out, value));
}

static void
put_text_column(LaDocument *to, const char *key, HeapTupleHeader detail, const char *name)
{
	char	   *value = text_column(detail, name);

	if (value != NULL)
		la_put_text(to, key, value);
}

/* A bigint or integer column; left out when null. */
static void
put_number_column(LaDocument *to, const char *key, HeapTupleHeader detail, const char *name,
				  bool is_bigint)
{
	bool		isnull;
	Datum		value = GetAttributeByName(detail, name, &isnull);

	if (!isnull)
		la_put_int64(to, key, is_bigint ? DatumGetInt64(value) : DatumGetInt32(value));
}

static void
put_json_column(LaDocument *to, const char *key, HeapTupleHeader detail, const char *name)
{
	bool		isnull;
	Datum		value = GetAttributeByName(detail, name, &isnull);

	if (!isnull)
		la_put_jsonb(to, key, DatumGetJsonbP(value));
}

static void
put_millis_column(LaDocument *to, const char *key, HeapTupleHeader detail, const char *name)
{
	bool		isnull;
	Datum		value = GetAttributeByName(detail, name, &isnull);

	if (!isnull)
		la_put_millis(to, key, DatumGetTimestampTz(value));
}

static HeapTupleHeader
read_detail(const LaPrincipal *caller, const pg_uuid_t *id)
{
	return DatumGetHeapTupleHeader(la_agent_detail(caller, id, LA_LATEST));
}

static Jsonb *
register_agent(const LaPrincipal *caller, Jsonb *body)
{
	static const char *const none[] = {NULL};
	LaValues	given = {0};
	LaRegistration result;

	give_body(body, "", register_body, lengthof(register_body), none, &given);
	la_register(caller, &given, true, &result);
	return answer_register(&result, read_detail(caller, &result.id));
}

static Jsonb *
answer_register(const LaRegistration *result, HeapTupleHeader detail)
{
	LaDocument	answer;

	la_begin_object(&answer);
	la_put_text(&answer, "object", "agent");
	la_put_uuid(&answer, "id", &result->id);
	put_text_column(&answer, "externalId", detail, "external_id");
	la_put_bool(&answer, "created", result->created);
	put_text_column(&answer, "userId", detail, "customer_id");
	put_text_column(&answer, "name", detail, "name");
	la_put_text(&answer, "status", label_column(detail, "status"));
	/* The published page has both as null unless the agent was newly created. */
	la_put_text(&answer, "token", result->issued ? result->token.secret.text : NULL);
	if (result->issued)
		la_put_uuid(&answer, "tokenId", &result->token.id);
	else
		la_put_null(&answer, "tokenId");
	return la_end_object(&answer);
}

/* status of the second API: active or paused; disabled is no status to create with. */
static void
give_status(Jsonb *body, LaValues *given)
{
	JsonbValue *value = la_member(body, "status");
	char	   *status;

	if (value == NULL)
		return;
	status = value->type == jbvString ? la_json_cstring(value) : NULL;
	if (status != NULL && strcmp(status, "disabled") == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("an agent cannot be created disabled"),
				la_detail("invalid_value", "status", "It is one of active, paused."),
				errhint("To retire an agent call deregister_agent()."));
	if (status != NULL && strcmp(status, "paused") == 0)
		la_give(la_agent_fields, LA_AGENT_STATUS, CStringGetTextDatum("suspended"), false, given);
	else if (status != NULL && strcmp(status, "active") == 0)
		la_give(la_agent_fields, LA_AGENT_STATUS, CStringGetTextDatum("active"), false, given);
	else
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("status is not valid"),
				la_detail("invalid_value", "status", "It is one of active, paused."));
}

static void
give_interval(Jsonb *limits, LaValues *given)
{
	JsonbValue *value = la_member(limits, "interval");
	char	   *interval;

	if (value == NULL)
		return;
	interval = la_json_text(value);
	if (value->type == jbvString)
	{
		interval = la_json_cstring(value);
		for (int i = 0; i < lengthof(interval_names); i++)
			if (strcmp(interval_names[i].interval, interval) == 0)
			{
				const char *label = la_frequency_label(interval_names[i].frequency);

				la_give(la_agent_fields, LA_AGENT_FREQUENCY, CStringGetTextDatum(label), false, given);
				return;
			}
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("limits.interval is not valid: \"%s\"", la_quoted(interval)),
			la_detail("invalid_value", "limits.interval",
					  "It is one of daily, weekly, monthly, yearly, all_time, per_transaction."));
}

static void
give_limits(Jsonb *body, LaValues *given)
{
	static const char *const others[] = {"interval", NULL};
	JsonbValue *value = la_member(body, "limits");
	Jsonb	   *limits;

	if (value == NULL)
		return;
	limits = value->type == jbvBinary ? JsonbValueToJsonb(value) : NULL;
	if (limits == NULL || !JB_ROOT_IS_OBJECT(limits))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("limits must be an object"),
				la_detail("invalid_type", "limits", "It has amount, currency and interval."));
	give_body(limits, "limits.", limits_body, lengthof(limits_body), others, given);
	give_interval(limits, given);
}

static void
put_limits(LaDocument *answer, HeapTupleHeader detail)
{
	char	   *frequency = label_column(detail, "spending_limit_frequency");
	bool		isnull;

	(void) GetAttributeByName(detail, "spending_limit", &isnull);
	if (isnull)
		return;
	la_open_object(answer, "limits");
	put_number_column(answer, "amount", detail, "spending_limit", true);
	put_text_column(answer, "currency", detail, "currency");
	for (int i = 0; i < lengthof(interval_names); i++)
		if (strcmp(la_frequency_label(interval_names[i].frequency), frequency) == 0)
			la_put_text(answer, "interval", interval_names[i].interval);
	la_close_object(answer);
}

static Jsonb *
create_agent(const LaPrincipal *caller, Jsonb *body)
{
	static const char *const others[] = {"status", "limits", NULL};
	LaValues	given = {0};
	LaRegistration result;
	LaDocument	answer;
	HeapTupleHeader detail;
	char	   *status;
	bool		isnull;

	give_body(body, "", create_body, lengthof(create_body), others, &given);
	give_status(body, &given);
	give_limits(body, &given);
	la_register(caller, &given, false, &result);
	if (!result.created)
		ereport(ERROR,
				errcode(ERRCODE_UNIQUE_VIOLATION),
				errmsg("externalId is taken"),
				la_detail("external_id_taken", "externalId", "The agent is registered."),
				errhint("register_agent() is idempotent on externalId."));
	detail = read_detail(caller, &result.id);
	status = label_column(detail, "status");
	la_begin_object(&answer);
	la_put_uuid(&answer, "id", &result.id);
	put_text_column(&answer, "name", detail, "name");
	la_put_text(&answer, "status", strcmp(status, "suspended") == 0 ? "paused" : status);
	put_text_column(&answer, "customerId", detail, "customer_id");
	put_text_column(&answer, "externalId", detail, "external_id");
	put_limits(&answer, detail);
	put_json_column(&answer, "policy", detail, "policy");
	put_json_column(&answer, "metadata", detail, "metadata");
	la_put_time(&answer, "createdAt",
				DatumGetTimestampTz(GetAttributeByName(detail, "created_at", &isnull)));
	return la_end_object(&answer);
}

/* As the page of the update has it. */
void
la_put_agent(LaDocument *to, Datum row)
{
	HeapTupleHeader detail = DatumGetHeapTupleHeader(row);
	char	   *action = label_column(detail, "on_limit_exceeded");
	bool		isnull;
	Datum		flag;

	la_put_uuid(to, "id", DatumGetUUIDP(GetAttributeByName(detail, "id", &isnull)));
	put_text_column(to, "userId", detail, "customer_id");
	put_text_column(to, "name", detail, "name");
	la_put_text(to, "status", label_column(detail, "status"));
	put_millis_column(to, "createdAt", detail, "created_at");
	put_text_column(to, "externalId", detail, "external_id");
	put_text_column(to, "description", detail, "description");
	put_millis_column(to, "deregisteredAt", detail, "deregistered_at");
	put_number_column(to, "spendingLimit", detail, "spending_limit", true);
	la_put_text(to, "spendingLimitFrequency", label_column(detail, "spending_limit_frequency"));
	put_number_column(to, "currentSpend", detail, "current_spend", true);
	if (strcmp(action, "decline") != 0)
		la_put_text(to, "onLimitExceeded", action);
	put_number_column(to, "maxCards", detail, "max_cards", false);
	put_number_column(to, "cardCount", detail, "card_count", false);
	put_json_column(to, "metadata", detail, "metadata");
	flag = GetAttributeByName(detail, "default_require_approval", &isnull);
	if (!isnull)
		la_put_bool(to, "defaultRequireApproval", DatumGetBool(flag));
	put_number_column(to, "defaultAutoApproveBelow", detail, "default_auto_approve_below", true);
}

static Jsonb *
update_agent(const LaPrincipal *caller, Jsonb *body)
{
	static const char *const others[] = {"agentId", NULL};
	LaValues	given = {0};
	LaDocument	answer;
	pg_uuid_t  *agent_id;

	agent_id = la_id_member(body, "agentId", "agent");
	give_body(body, "", update_body, lengthof(update_body), others, &given);
	la_update(caller, agent_id, &given);
	la_begin_object(&answer);
	la_put_agent(&answer, la_agent_detail(caller, agent_id, LA_LATEST));
	return la_end_object(&answer);
}
