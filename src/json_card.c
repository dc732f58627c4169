/*
 * json_card.c
 *		The JSON functions of cards.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "card.h"
#include "document.h"
#include "json.h"
#include "json_value.h"

PG_FUNCTION_INFO_V1(la_api_create_card);
PG_FUNCTION_INFO_V1(la_api_update_card);
PG_FUNCTION_INFO_V1(la_api_freeze_card);
PG_FUNCTION_INFO_V1(la_api_unfreeze_card);
PG_FUNCTION_INFO_V1(la_api_close_card);
PG_FUNCTION_INFO_V1(la_api_get_card);
PG_FUNCTION_INFO_V1(la_api_list_cards);

static Jsonb *create_card(const LaPrincipal *caller, Jsonb *body);
static Jsonb *update_card(const LaPrincipal *caller, Jsonb *body);
static Jsonb *freeze_card(const LaPrincipal *caller, Jsonb *body);
static Jsonb *unfreeze_card(const LaPrincipal *caller, Jsonb *body);
static Jsonb *close_card(const LaPrincipal *caller, Jsonb *body);
static Jsonb *get_card(const LaPrincipal *caller, Jsonb *body);
static Jsonb *list_cards(const LaPrincipal *caller, Jsonb *body);

static void give_body(Jsonb *body, int count, const char *id_name, LaValues *given);
static pg_uuid_t *only_id(Jsonb *body);
static Jsonb *card_object(const LaPrincipal *caller, const pg_uuid_t *id, LaView view);
static void put_card(LaDocument *to, HeapTupleHeader card);

/* Fields of a body and what they set; the last is for new cards only. */
static const struct BodyField
{
	const char *name;
	int			field;
}			card_body[] = {
	{"purpose", LA_CARD_PURPOSE},
	{"maxAmount", LA_CARD_MAX_AMOUNT},
	{"spendingLimit", LA_CARD_LIMIT},
	{"spendingLimitFrequency", LA_CARD_FREQUENCY},
	{"policyId", LA_CARD_TEMPLATE},
	{"policy", LA_CARD_POLICY},
	{"metadata", LA_CARD_METADATA},
	{"type", LA_CARD_TYPE},
};

/* ledger_agents_api.create_card(jsonb) returns jsonb */
Datum
la_api_create_card(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "create_card()", create_card);
}

static Jsonb *
create_card(const LaPrincipal *caller, Jsonb *body)
{
	LaValues	given = {0};
	pg_uuid_t	id;

	given.values[LA_CARD_AGENT] = UUIDPGetDatum(la_id_member(body, "agentId", "agent"));
	give_body(body, lengthof(card_body), "agentId", &given);
	la_make_card(caller, &given, &id);
	return card_object(caller, &id, LA_LATEST);
}

/* ledger_agents_api.update_card(jsonb) returns jsonb */
Datum
la_api_update_card(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "update_card()", update_card);
}

static Jsonb *
update_card(const LaPrincipal *caller, Jsonb *body)
{
	LaValues	given = {0};
	pg_uuid_t  *id = la_id_member(body, "cardId", "card");

	give_body(body, lengthof(card_body) - 1, "cardId", &given);
	la_change_card(caller, id, &given);
	return card_object(caller, id, LA_LATEST);
}

/* Gives every member of the body that is one of the first count fields. */
static void
give_body(Jsonb *body, int count, const char *id_name, LaValues *given)
{
	JsonbIterator *iterator = JsonbIteratorInit(&body->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		int			i = 0;

		if (token != WJB_KEY)
			continue;
		name = la_json_cstring(&value);
		(void) JsonbIteratorNext(&iterator, &value, true);
		while (i < count && strcmp(card_body[i].name, name) != 0)
			i++;
		if (i < count)
			la_give_json(la_card_fields, card_body[i].field, name, &value, given);
		else if (strcmp(name, id_name) != 0)
			la_refuse_member(name);
	}
}

/* ledger_agents_api.freeze_card(jsonb) returns jsonb */
Datum
la_api_freeze_card(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "freeze_card()", freeze_card);
}

/* ledger_agents_api.unfreeze_card(jsonb) returns jsonb */
Datum
la_api_unfreeze_card(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "unfreeze_card()", unfreeze_card);
}

/* ledger_agents_api.close_card(jsonb) returns jsonb */
Datum
la_api_close_card(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "close_card()", close_card);
}

static Jsonb *
turn_card(const LaPrincipal *caller, Jsonb *body, LaCardVerb verb)
{
	pg_uuid_t  *id = only_id(body);

	la_turn_card(caller, id, verb);
	return card_object(caller, id, LA_LATEST);
}

static Jsonb *
freeze_card(const LaPrincipal *caller, Jsonb *body)
{
	return turn_card(caller, body, LA_FREEZE);
}

static Jsonb *
unfreeze_card(const LaPrincipal *caller, Jsonb *body)
{
	return turn_card(caller, body, LA_UNFREEZE);
}

static Jsonb *
close_card(const LaPrincipal *caller, Jsonb *body)
{
	return turn_card(caller, body, LA_CLOSE);
}

/* ledger_agents_api.get_card(jsonb) returns jsonb */
Datum
la_api_get_card(PG_FUNCTION_ARGS)
{
	return la_json_read(fcinfo, get_card);
}

static Jsonb *
get_card(const LaPrincipal *caller, Jsonb *body)
{
	return card_object(caller, only_id(body), LA_STATEMENT);
}

/* The cardId of a body that has nothing else. */
static pg_uuid_t *
only_id(Jsonb *body)
{
	LaValues	none;

	give_body(body, 0, "cardId", &none);
	return la_id_member(body, "cardId", "card");
}

/*
 * ledger_agents_api.list_cards(jsonb) returns jsonb
 *		Newest first; nextCursor is there when there is more.
 */
Datum
la_api_list_cards(PG_FUNCTION_ARGS)
{
	return la_json_read(fcinfo, list_cards);
}

typedef struct Filter
{
	pg_uuid_t  *agent_id;		/* NULL: any */
	LaValues	status;
	char	   *after;			/* NULL: the first page */
	int32		limit;
} Filter;

static void
read_filter(Jsonb *body, Filter *filter)
{
	static const LaField limit = {"limit", LA_KIND_NUMBER, .least = 1, .most = LA_MAX_PAGE};
	static const LaField after = {"after", LA_KIND_TEXT, true, false, 0, 255};
	JsonbIterator *iterator = JsonbIteratorInit(&body->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	LaValues	given = {0};

	memset(filter, 0, sizeof(Filter));
	filter->limit = LA_DEFAULT_PAGE;
	filter->status.nulls[0] = true;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = la_json_cstring(&value);
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (strcmp(name, "agentId") == 0)
			filter->agent_id = la_id_member(body, name, "agent");
		else if (strcmp(name, "status") == 0)
			la_give_json(&la_card_status_field, 0, name, &value, &filter->status);
		else if (strcmp(name, "limit") == 0)
		{
			la_give_json(&limit, 0, name, &value, &given);
			filter->limit = DatumGetInt32(given.values[0]);
		}
		else if (strcmp(name, "after") == 0)
		{
			la_give_json(&after, 0, name, &value, &given);
			filter->after = given.nulls[0] ? NULL : TextDatumGetCString(given.values[0]);
		}
		else
			la_refuse_member(name);
	}
}

/* One row more than the page has tells whether there is more. */
static Jsonb *
list_cards(const LaPrincipal *caller, Jsonb *body)
{
	LaParams	params = {0};
	LaDocument	data;
	LaDocument	answer;
	Filter		filter;
	uint64		count;
	LaQuery		query;

	read_filter(body, &filter);
	query = la_param_card_list(&params, caller, filter.agent_id, &filter.status, filter.after,
							   filter.limit + 1);
	count = la_run(query, &params, LA_STATEMENT);
	la_begin_array(&data);
	for (uint64 i = 0; i < Min(count, filter.limit); i++)
	{
		la_open_object(&data, NULL);
		put_card(&data, DatumGetHeapTupleHeader(la_column(i, 0)));
		la_close_object(&data);
	}
	la_begin_object(&answer);
	la_put_jsonb(&answer, "data", la_end_array(&data));
	la_put_bool(&answer, "hasMore", count > filter.limit);
	if (count > filter.limit)
	{
		bool		isnull;
		Datum		cursor = GetAttributeByName(DatumGetHeapTupleHeader(la_column(filter.limit - 1, 0)),
												"cursor", &isnull);

		la_put_text(&answer, "nextCursor", TextDatumGetCString(cursor));
	}
	return la_end_object(&answer);
}

static Jsonb *
card_object(const LaPrincipal *caller, const pg_uuid_t *id, LaView view)
{
	LaDocument	answer;

	la_begin_object(&answer);
	put_card(&answer, DatumGetHeapTupleHeader(la_card_detail(caller, id, view)));
	return la_end_object(&answer);
}

typedef enum ColumnKind
{
	TEXT, LABEL, AMOUNT, UUID, DOCUMENT, INSTANT
} ColumnKind;

/* Fields of the answer; those without a value are left out. */
static const struct Column
{
	const char *key;
	const char *name;
	ColumnKind	kind;
}			card_columns[] = {
	{"id", "id", UUID},
	{"agentId", "agent_id", UUID},
	{"purpose", "purpose", TEXT},
	{"type", "type", LABEL},
	{"status", "status", LABEL},
	{"statusReason", "status_reason", LABEL},
	{"maxAmount", "max_amount", AMOUNT},
	{"spendingLimit", "spending_limit", AMOUNT},
	{"spendingLimitFrequency", "spending_limit_frequency", LABEL},
	{"policyId", "policy_id", UUID},
	{"policy", "policy", DOCUMENT},
	{"currentSpend", "current_spend", AMOUNT},
	{"metadata", "metadata", DOCUMENT},
	{"createdAt", "created_at", INSTANT},
};

static void
put_column(LaDocument *to, const struct Column *column, Datum value)
{
	switch (column->kind)
	{
		case TEXT:
			la_put_text(to, column->key, TextDatumGetCString(value));
			break;
		case LABEL:
			la_put_text(to, column->key, la_enum_label(value));
			break;
		case AMOUNT:
			la_put_int64(to, column->key, DatumGetInt64(value));
			break;
		case UUID:
			la_put_uuid(to, column->key, DatumGetUUIDP(value));
			break;
		case DOCUMENT:
			la_put_jsonb(to, column->key, DatumGetJsonbP(value));
			break;
		case INSTANT:
			la_put_millis(to, column->key, DatumGetTimestampTz(value));
			break;
	}
}

static void
put_card(LaDocument *to, HeapTupleHeader card)
{
	la_put_text(to, "object", "card");
	for (int i = 0; i < lengthof(card_columns); i++)
	{
		bool		isnull;
		Datum		value = GetAttributeByName(card, card_columns[i].name, &isnull);

		if (!isnull)
			put_column(to, &card_columns[i], value);
	}
}
