/*
 * json_intent.c
 *		The JSON functions of intents and attestations.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "column.h"
#include "errors.h"
#include "intent.h"
#include "json.h"
#include "json_value.h"

PG_FUNCTION_INFO_V1(la_api_declare_intent);
PG_FUNCTION_INFO_V1(la_api_approve_intent);
PG_FUNCTION_INFO_V1(la_api_reject_intent);
PG_FUNCTION_INFO_V1(la_api_cancel_intent);
PG_FUNCTION_INFO_V1(la_api_get_intent);
PG_FUNCTION_INFO_V1(la_api_list_intents);
PG_FUNCTION_INFO_V1(la_api_attest);

/* A page where no limit is given. */
#define DEFAULT_PAGE 20

/* Fields of the bodies that name or list intents. */
enum
{
	INTENT_ID, AGENT_ID, CLIENT_ID, CARD_ID, REASON, STATUS, LIMIT, AFTER, FIELDS
};

static const LaField fields[FIELDS] = {
	[INTENT_ID] = {"intent_id", LA_KIND_UUID},
	[AGENT_ID] = {"agent_id", LA_KIND_UUID, true},
	[CLIENT_ID] = {"client_intent_id", LA_KIND_TEXT, true, false, 1, 255},
	[CARD_ID] = {"card_id", LA_KIND_UUID, true},
	[REASON] = {"reason", LA_KIND_TEXT, true, false, 1, LA_MAX_SUMMARY},
	[STATUS] = {"status", LA_KIND_LABEL, true, .labels = la_intent_labels},
	[LIMIT] = {"limit", LA_KIND_NUMBER, .least = 1, .most = LA_MAX_PAGE},
	[AFTER] = {"after", LA_KIND_TEXT, true, false, 0, 255},
};

/* A field of a body and what it sets. */
typedef struct BodyName
{
	const char *name;
	int			field;
} BodyName;

static const BodyName declare_body[] = {
	{"agentId", LA_INTENT_AGENT}, {"cardId", LA_INTENT_CARD},
	{"customerIntentId", LA_INTENT_CLIENT_ID}, {"summary", LA_INTENT_SUMMARY},
	{"expectedAmount", LA_INTENT_AMOUNT}, {"expectedCurrency", LA_INTENT_CURRENCY},
	{"expectedMerchant", LA_INTENT_MERCHANT}, {"expectedMccs", LA_INTENT_MCCS},
	{"tolerance", LA_INTENT_TOLERANCE}, {"tolerancePercent", LA_INTENT_PERCENT},
	{"ttlMinutes", LA_INTENT_TTL}, {"metadata", LA_INTENT_METADATA}
};

static const BodyName attest_body[] = {
	{"agentId", LA_ATTESTATION_AGENT}, {"cardId", LA_ATTESTATION_CARD},
	{"summary", LA_ATTESTATION_SUMMARY}, {"expectedAmount", LA_ATTESTATION_AMOUNT},
	{"expectedMerchant", LA_ATTESTATION_MERCHANT}, {"context", LA_ATTESTATION_CONTEXT}
};

static const BodyName id_body[] = {
	{"intentId", INTENT_ID}
};

static const BodyName reject_body[] = {
	{"intentId", INTENT_ID}, {"reason", REASON}
};

static const BodyName get_body[] = {
	{"intentId", INTENT_ID}, {"agentId", AGENT_ID}, {"customerIntentId", CLIENT_ID}
};

static const BodyName list_body[] = {
	{"agentId", AGENT_ID}, {"cardId", CARD_ID}, {"status", STATUS}, {"limit", LIMIT},
	{"after", AFTER}
};

static const LaColumn intent_answer[] = {
	{"id", "id"}, {"agentId", "agent_id"}, {"cardId", "card_id"},
	{"customerIntentId", "client_intent_id"}, {"status", "status"}, {"summary", "summary"},
	{"expectedAmount", "expected_amount"}, {"expectedCurrency", "expected_currency"},
	{"expectedMerchant", "expected_merchant"}, {"expectedMccs", "expected_mccs"},
	{"tolerance", "tolerance"}, {"tolerancePercent", "tolerance_percent"},
	{"ttlMinutes", "ttl_minutes"}, {"expiresAt", "expires_at"}, {"approvedAt", "approved_at"},
	{"approvedBy", "approved_by"}, {"rejectedAt", "rejected_at"}, {"rejectedBy", "rejected_by"},
	{"rejectionReason", "rejection_reason"}, {"canceledAt", "canceled_at"},
	{"canceledBy", "canceled_by"}, {"transactionId", "authorization_id"},
	{"metadata", "metadata"}, {"createdAt", "created_at"}
};

static const LaColumn attestation_answer[] = {
	{"id", "id"}, {"agentId", "agent_id"}, {"cardId", "card_id"}, {"summary", "summary"},
	{"expectedAmount", "expected_amount"}, {"expectedMerchant", "expected_merchant"},
	{"context", "context"}, {"createdAt", "created_at"}
};

static Jsonb *declare_intent(const LaPrincipal *caller, Jsonb *body);
static Jsonb *approve_intent(const LaPrincipal *caller, Jsonb *body);
static Jsonb *reject_intent(const LaPrincipal *caller, Jsonb *body);
static Jsonb *cancel_intent(const LaPrincipal *caller, Jsonb *body);
static Jsonb *get_intent(const LaPrincipal *caller, Jsonb *body);
static Jsonb *list_intents(const LaPrincipal *caller, Jsonb *body);
static Jsonb *attest(const LaPrincipal *caller, Jsonb *body);
static void give_member(const LaField *known, const BodyName *name, JsonbValue *value,
						LaValues *given);
static ArrayType *codes_of(const char *name, JsonbValue *value);

/*
 * ledger_agents_api.declare_intent(jsonb) returns jsonb
 */
Datum
la_api_declare_intent(PG_FUNCTION_ARGS)
{
	return la_json_agent_call(fcinfo, "declare_intent()", declare_intent);
}

/*
 * ledger_agents_api.approve_intent(jsonb) returns jsonb
 *		For operators only.
 */
Datum
la_api_approve_intent(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "approve_intent()", approve_intent);
}

/*
 * ledger_agents_api.reject_intent(jsonb) returns jsonb
 *		For operators only.
 */
Datum
la_api_reject_intent(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "reject_intent()", reject_intent);
}

/*
 * ledger_agents_api.cancel_intent(jsonb) returns jsonb
 */
Datum
la_api_cancel_intent(PG_FUNCTION_ARGS)
{
	return la_json_agent_call(fcinfo, "cancel_intent()", cancel_intent);
}

/*
 * ledger_agents_api.get_intent(jsonb) returns jsonb
 */
Datum
la_api_get_intent(PG_FUNCTION_ARGS)
{
	return la_json_agent_read(fcinfo, get_intent);
}

/*
 * ledger_agents_api.list_intents(jsonb) returns jsonb
 */
Datum
la_api_list_intents(PG_FUNCTION_ARGS)
{
	return la_json_agent_read(fcinfo, list_intents);
}

/*
 * ledger_agents_api.attest(jsonb) returns jsonb
 */
Datum
la_api_attest(PG_FUNCTION_ARGS)
{
	return la_json_agent_call(fcinfo, "attest()", attest);
}

/* Gives every member of the body; one that has no name there is a 22023. */
static void
give_body(Jsonb *body, const LaField *known, const BodyName *names, int count, LaValues *given)
{
	JsonbIterator *iterator = JsonbIteratorInit(&body->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	for (int i = 0; i < LA_MAX_FIELDS; i++)
		given->nulls[i] = true;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		int			i;

		if (token != WJB_KEY)
			continue;
		name = la_json_cstring(&value);
		(void) JsonbIteratorNext(&iterator, &value, true);
		for (i = 0; i < count && strcmp(names[i].name, name) != 0; i++)
			;
		if (i == count)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unknown field \"%s\"", la_quoted(name)),
					la_detail("unknown_field", la_quoted(name), "The body has no field of this name."));
		give_member(known, &names[i], &value, given);
	}
}

static void
give_member(const LaField *known, const BodyName *name, JsonbValue *value, LaValues *given)
{
	const LaField *field = &known[name->field];

	if (known == la_intent_fields && name->field == LA_INTENT_MCCS)
	{
		if (value->type != jbvNull)
			la_give_mccs(codes_of(name->name, value), given);
		return;
	}

	/* An id that is no uuid is as unknown as any other. */
	if (field->kind == LA_KIND_UUID && value->type != jbvNull &&
		(value->type != jbvString || !la_is_uuid(la_json_cstring(value))))
		la_unknown(pnstrdup(name->name, strlen(name->name) - strlen("Id")), la_json_cstring(value));
	la_give_json(known, name->field, name->name, value, given);
}

static void
refuse_codes(const char *name)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s must be an array of strings", name),
			la_detail("invalid_type", name, "It is something else, or has an entry that is."));
}

static ArrayType *
codes_of(const char *name, JsonbValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	entry;
	Datum	   *codes;
	int			count = 0;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		refuse_codes(name);
	codes = palloc(sizeof(Datum) * (JsonContainerSize(value->val.binary.data) + 1));
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &entry, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (entry.type != jbvString)
			refuse_codes(name);
		codes[count++] = CStringGetTextDatum(la_json_cstring(&entry));
	}
	return construct_array(codes, count, TEXTOID, -1, false, TYPALIGN_INT);
}

static const pg_uuid_t *
id_of(const LaValues *given, int field)
{
	return given->nulls[field] ? NULL : DatumGetUUIDP(given->values[field]);
}

static char *
text_of(const LaValues *given, int field)
{
	return given->nulls[field] ? NULL : TextDatumGetCString(given->values[field]);
}

static void
put_intent(LaDocument *answer, Datum detail)
{
	la_put_text(answer, "object", "intent");
	la_put_columns(answer, detail, intent_answer, lengthof(intent_answer), LA_TIMES_ISO);
}

static Jsonb *
answer_intent(Datum detail)
{
	LaDocument	answer;

	la_begin_object(&answer);
	put_intent(&answer, detail);
	return la_end_object(&answer);
}

static Jsonb *
declare_intent(const LaPrincipal *caller, Jsonb *body)
{
	static const LaColumn replayed[] = {{"replayed", "replayed"}};
	LaValues	given = {0};
	LaDocument	answer;
	Datum		detail;

	give_body(body, la_intent_fields, declare_body, lengthof(declare_body), &given);
	detail = la_declare(caller, &given);
	la_begin_object(&answer);
	put_intent(&answer, detail);
	la_put_columns(&answer, detail, replayed, lengthof(replayed), LA_TIMES_ISO);
	return la_end_object(&answer);
}

static Jsonb *
resolve(const LaPrincipal *caller, Jsonb *body, LaResolution resolution)
{
	bool		with_reason = resolution == LA_REJECT;
	LaValues	given = {0};

	give_body(body, fields, with_reason ? reject_body : id_body,
			  with_reason ? lengthof(reject_body) : lengthof(id_body), &given);
	if (given.nulls[INTENT_ID])
		la_null_field("intentId");
	return answer_intent(la_resolve_intent(caller, id_of(&given, INTENT_ID), resolution,
										   text_of(&given, REASON)));
}

static Jsonb *
approve_intent(const LaPrincipal *caller, Jsonb *body)
{
	return resolve(caller, body, LA_APPROVE);
}

static Jsonb *
reject_intent(const LaPrincipal *caller, Jsonb *body)
{
	return resolve(caller, body, LA_REJECT);
}

static Jsonb *
cancel_intent(const LaPrincipal *caller, Jsonb *body)
{
	return resolve(caller, body, LA_CANCEL);
}

static Jsonb *
get_intent(const LaPrincipal *caller, Jsonb *body)
{
	LaValues	given = {0};

	give_body(body, fields, get_body, lengthof(get_body), &given);
	return answer_intent(la_find_intent(caller, id_of(&given, INTENT_ID), id_of(&given, AGENT_ID),
										text_of(&given, CLIENT_ID)));
}

/* One row more than the page tells whether there is another one. */
static Jsonb *
list_intents(const LaPrincipal *caller, Jsonb *body)
{
	static const LaColumn cursor[] = {{"nextCursor", "cursor"}};
	LaValues	given = {0};
	LaIntentFilter filter = {0};
	LaParams	params = {0};
	LaDocument	answer;
	LaDocument	data;
	LaQuery		query;
	uint64		limit;
	uint64		count;

	give_body(body, fields, list_body, lengthof(list_body), &given);
	limit = given.nulls[LIMIT] ? DEFAULT_PAGE : DatumGetInt32(given.values[LIMIT]);
	filter.agent_id = id_of(&given, AGENT_ID);
	filter.card_id = id_of(&given, CARD_ID);
	filter.status = text_of(&given, STATUS);
	filter.before = la_parse_cursor(text_of(&given, AFTER));
	filter.rows = limit + 1;
	query = la_param_intents(&params, caller, &filter);
	count = la_run(query, &params, LA_STATEMENT);
	la_begin_array(&data);
	for (uint64 i = 0; i < Min(count, limit); i++)
	{
		la_open_object(&data, NULL);
		put_intent(&data, la_column(i, 0));
		la_close_object(&data);
	}
	la_begin_object(&answer);
	la_put_jsonb(&answer, "data", la_end_array(&data));
	la_put_bool(&answer, "hasMore", count > limit);
	if (count > limit)
		la_put_columns(&answer, la_column(limit - 1, 0), cursor, lengthof(cursor), LA_TIMES_ISO);
	return la_end_object(&answer);
}

static Jsonb *
attest(const LaPrincipal *caller, Jsonb *body)
{
	LaValues	given = {0};
	LaDocument	answer;
	Datum		detail;

	give_body(body, la_attestation_fields, attest_body, lengthof(attest_body), &given);
	if (given.nulls[LA_ATTESTATION_SUMMARY])
		la_null_field("summary");
	detail = la_record_attestation(caller, &given);
	la_begin_object(&answer);
	la_put_attestation(&answer, detail);
	return la_end_object(&answer);
}

void
la_put_attestation(LaDocument *to, Datum detail)
{
	la_put_text(to, "object", "attestation");
	la_put_columns(to, detail, attestation_answer, lengthof(attestation_answer), LA_TIMES_ISO);
}
