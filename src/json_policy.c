/*
 * json_policy.c
 *		The JSON functions of policies.
 *
 * A policy is one flat object: its name and its rules, side by side.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "document.h"
#include "json.h"
#include "json_value.h"
#include "policy.h"
#include "rule.h"

PG_FUNCTION_INFO_V1(la_api_create_policy);
PG_FUNCTION_INFO_V1(la_api_update_policy);
PG_FUNCTION_INFO_V1(la_api_delete_policy);
PG_FUNCTION_INFO_V1(la_api_get_policy);
PG_FUNCTION_INFO_V1(la_api_list_policies);

static Jsonb *create_policy(const LaPrincipal *caller, Jsonb *body);
static Jsonb *update_policy(const LaPrincipal *caller, Jsonb *body);
static Jsonb *delete_policy(const LaPrincipal *caller, Jsonb *body);
static Jsonb *get_policy(const LaPrincipal *caller, Jsonb *body);
static Jsonb *list_policies(const LaPrincipal *caller, Jsonb *body);
static Jsonb *rules_of(Jsonb *body, const char *other);
static void give_name(Jsonb *body, LaValues *given);
static void allow_only(Jsonb *body, const char *const *names);
static Jsonb *policy_object(Datum detail);
static void put_policy(LaDocument *to, Datum detail);

/* ledger_agents_api.create_policy(jsonb) returns jsonb */
Datum
la_api_create_policy(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "create_policy()", create_policy);
}

static Jsonb *
create_policy(const LaPrincipal *caller, Jsonb *body)
{
	LaValues	given = {0};

	give_name(body, &given);
	if (!given.given[LA_POLICY_NAME])
		la_null_field("name");
	la_give_rules(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")), rules_of(body, NULL),
				  &given);
	return policy_object(la_make_policy(caller, &given));
}

/*
 * ledger_agents_api.update_policy(jsonb) returns jsonb
 *		A rule that is given replaces the stored one, null removes it, the others stay.
 */
Datum
la_api_update_policy(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "update_policy()", update_policy);
}

static Jsonb *
update_policy(const LaPrincipal *caller, Jsonb *body)
{
	LaValues	given = {0};
	pg_uuid_t  *id = la_id_member(body, "policyId", "policy");
	Jsonb	   *rules = rules_of(body, "policyId");

	give_name(body, &given);
	return policy_object(la_change_policy(caller, id, &given, rules));
}

/* The members of a body that are rules; of the others only name and one other may be there. */
static Jsonb *
rules_of(Jsonb *body, const char *other)
{
	JsonbIterator *iterator = JsonbIteratorInit(&body->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	Datum		rules = JsonbPGetDatum(body);

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = la_json_cstring(&value);
		if (la_is_rule(name))
			continue;
		if (strcmp(name, "name") != 0 && (other == NULL || strcmp(name, other) != 0))
			la_refuse_member(name);
		rules = DirectFunctionCall2(jsonb_delete, rules, CStringGetTextDatum(name));
	}
	return DatumGetJsonbP(rules);
}

static void
give_name(Jsonb *body, LaValues *given)
{
	JsonbValue *value = la_member(body, "name");

	if (value != NULL)
		la_give_json(la_policy_fields, LA_POLICY_NAME, "name", value, given);
}

/* ledger_agents_api.delete_policy(jsonb) returns jsonb */
Datum
la_api_delete_policy(PG_FUNCTION_ARGS)
{
	return la_json_call(fcinfo, "delete_policy()", delete_policy);
}

static Jsonb *
delete_policy(const LaPrincipal *caller, Jsonb *body)
{
	static const char *const names[] = {"policyId", NULL};
	pg_uuid_t  *id = la_id_member(body, "policyId", "policy");
	LaDocument	answer;

	allow_only(body, names);
	(void) la_drop_policy(caller, id);
	la_begin_object(&answer);
	la_put_uuid(&answer, "id", id);
	la_put_bool(&answer, "deleted", true);
	return la_end_object(&answer);
}

/* ledger_agents_api.get_policy(jsonb) returns jsonb */
Datum
la_api_get_policy(PG_FUNCTION_ARGS)
{
	return la_json_read(fcinfo, get_policy);
}

static Jsonb *
get_policy(const LaPrincipal *caller, Jsonb *body)
{
	static const char *const names[] = {"policyId", NULL};
	pg_uuid_t  *id = la_id_member(body, "policyId", "policy");

	allow_only(body, names);
	return policy_object(la_policy_detail(caller, id, LA_STATEMENT));
}

/*
 * ledger_agents_api.list_policies(jsonb) returns jsonb
 *		Newest first; nextCursor is there when there is more.
 */
Datum
la_api_list_policies(PG_FUNCTION_ARGS)
{
	return la_json_read(fcinfo, list_policies);
}

/* Reads limit and after of a body; one row more tells whether there is more. */
static int32
read_page(Jsonb *body, pg_uuid_t **after)
{
	static const LaField fields[] = {
		{"limit", LA_KIND_NUMBER, .least = 1, .most = LA_MAX_PAGE},
		{"after", LA_KIND_TEXT, true, false, 0, 255},
	};
	static const char *const names[] = {"limit", "after", NULL};
	LaValues	given = {0};

	allow_only(body, names);
	for (int i = 0; i < lengthof(fields); i++)
	{
		JsonbValue *value = la_member(body, fields[i].name);

		if (value != NULL)
			la_give_json(fields, i, fields[i].name, value, &given);
	}
	*after = given.given[1] && !given.nulls[1] ?
		la_parse_cursor(TextDatumGetCString(given.values[1])) : NULL;
	return given.given[0] ? DatumGetInt32(given.values[0]) : LA_DEFAULT_PAGE;
}

static Jsonb *
list_policies(const LaPrincipal *caller, Jsonb *body)
{
	LaParams	params = {0};
	LaDocument	data;
	LaDocument	answer;
	pg_uuid_t  *after;
	int32		limit = read_page(body, &after);
	uint64		count;
	bool		isnull;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, after);
	la_param(&params, Int32GetDatum(limit + 1), false);
	count = la_run(LA_Q_POLICY_LIST, &params, LA_STATEMENT);
	la_begin_array(&data);
	for (uint64 i = 0; i < Min(count, limit); i++)
	{
		la_open_object(&data, NULL);
		put_policy(&data, la_column(i, 0));
		la_close_object(&data);
	}
	la_begin_object(&answer);
	la_put_jsonb(&answer, "data", la_end_array(&data));
	la_put_bool(&answer, "hasMore", count > limit);
	if (count > limit)
		la_put_text(&answer, "nextCursor",
					TextDatumGetCString(GetAttributeByName(DatumGetHeapTupleHeader(la_column(limit - 1, 0)),
														   "cursor", &isnull)));
	return la_end_object(&answer);
}

static void
allow_only(Jsonb *body, const char *const *names)
{
	JsonbIterator *iterator = JsonbIteratorInit(&body->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		bool		known = false;

		if (token != WJB_KEY)
			continue;
		name = la_json_cstring(&value);
		for (const char *const *other = names; *other != NULL; other++)
			known = known || strcmp(*other, name) == 0;
		if (!known)
			la_refuse_member(name);
	}
}

static Jsonb *
policy_object(Datum detail)
{
	LaDocument	answer;

	la_begin_object(&answer);
	put_policy(&answer, detail);
	return la_end_object(&answer);
}

static void
put_policy(LaDocument *to, Datum detail)
{
	HeapTupleHeader row = DatumGetHeapTupleHeader(detail);
	bool		isnull;

	la_put_text(to, "object", "policy");
	la_put_uuid(to, "id", DatumGetUUIDP(GetAttributeByName(row, "id", &isnull)));
	la_put_text(to, "name", TextDatumGetCString(GetAttributeByName(row, "name", &isnull)));
	la_put_members(to, DatumGetJsonbP(GetAttributeByName(row, "rules", &isnull)));
	la_put_time(to, "createdAt",
				DatumGetTimestampTz(GetAttributeByName(row, "created_at", &isnull)));
}
