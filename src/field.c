/*
 * field.c
 *		Fields that documents and arguments may set; see field.h.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/datum.h"
#include "utils/uuid.h"

#include "document.h"
#include "encoding.h"
#include "errors.h"
#include "field.h"
#include "json_value.h"
#include "rule.h"
#include "window.h"

/* Bytes that decode into a uuid. */
#define CURSOR_LENGTH 24

const char *const la_account_labels[] = {"active", "suspended", NULL};
const char *const la_agent_labels[] = {"active", "suspended", NULL};
const char *const la_frequency_labels[] = {
	"perTransaction", "per24HourPeriod", "perWeek", "perMonth", "perYear", "allTime", NULL
};
const char *const la_mode_labels[] = {"calendar", "rolling", NULL};
const char *const la_card_type_labels[] = {"single", "multi", NULL};
const char *const la_action_labels[] = {"decline", "suspend", "notify", "none", NULL};

void
la_null_field(const char *field)
{
	ereport(ERROR,
			errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			errmsg("%s must not be null", field),
			la_detail("null_value", field, "A value is required."));
}

void
la_check_length(const char *value, int least, int most, const char *field)
{
	int			length = pg_mbstrlen(value);

	if (length < least || length > most)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must have %d to %d characters", field, least, most),
				la_detail("invalid_length", field, "It has %d.", length));
	la_check_encoding(value);
}

char *
la_normal_currency(const char *value, const char *field)
{
	char	   *upper = asc_toupper(value, strlen(value));
	size_t		length = strlen(upper);

	if (length < 3 || length > 16 ||
		strspn(upper, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != length)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s is not a currency code: \"%s\"", field, la_quoted(value)),
				la_detail("invalid_currency", field, "A code has 3 to 16 letters, digits and underscores."));
	return upper;
}

/* Answers put documents into their own, which the server does by recursion. */
static void
check_nesting(Jsonb *value, const char *field)
{
	JsonbIterator *iterator = JsonbIteratorInit(&value->root);
	JsonbIteratorToken token;
	JsonbValue	part;
	int			depth = 0;
	int			deepest = 0;

	while ((token = JsonbIteratorNext(&iterator, &part, false)) != WJB_DONE)
	{
		if (token == WJB_BEGIN_OBJECT || token == WJB_BEGIN_ARRAY)
		{
			depth++;
			deepest = Max(deepest, depth);
		}
		else if (token == WJB_END_OBJECT || token == WJB_END_ARRAY)
			depth--;
	}
	if (deepest > LA_MAX_NESTING)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s is nested too deeply", field),
				la_detail("invalid_length", field, "It has %d levels, %d are allowed.",
						  deepest, LA_MAX_NESTING));
}

void
la_check_metadata(Jsonb *value, const char *field)
{
	char	   *text;

	if (!JB_ROOT_IS_OBJECT(value))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must be an object", field),
				la_detail("invalid_type", field, "It is an array or a scalar."));
	text = JsonbToCString(NULL, &value->root, VARSIZE(value));

	if (strlen(text) > LA_MAX_METADATA)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s is too large", field),
				la_detail("invalid_length", field, "It has %zu bytes, %d are allowed.",
						  strlen(text), LA_MAX_METADATA));
#if LA_MUTANT != 291
	/* Each level has two brackets. */
	if (strlen(text) > 2 * LA_MAX_NESTING)
		check_nesting(value, field);
#endif
	la_check_encoding(text);
	pfree(text);
}

/* What an agent is once it is retired, to one interface or the other. JSON shows no hint. */
static void
refuse_retired(const LaField *field, const char *value, const char *allowed)
{
	if (field->labels == la_agent_labels &&
		(strcmp(value, "disabled") == 0 || strcmp(value, "deregistered") == 0))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s becomes \"%s\" only by deregister_agent()", field->name, value),
				la_detail("invalid_value", field->name, "It is one of %s.", allowed),
				errhint("To retire an agent call deregister_agent()."));
}

static void
check_label(const LaField *field, const char *value)
{
	StringInfoData list;

	initStringInfo(&list);
	for (const char *const *label = field->labels; *label != NULL; label++)
	{
		if (strcmp(*label, value) == 0)
			return;
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", *label);
	}
	refuse_retired(field, value, list.data);
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s is not valid: \"%s\"", field->name, la_quoted(value)),
			la_detail("invalid_value", field->name, "It is one of %s.", list.data));
}

static void
check_range(const LaField *field, int64 value, int64 least, int64 most)
{
	if (value >= least && value <= most)
		return;
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s is out of range", field->name),
			la_detail("out_of_range", field->name,
					  "It is %lld; it must be between %lld and %lld.",
					  (long long) value, (long long) least, (long long) most));
}

/* The value in its stored form, or an error that names the field. */
static Datum
normalize(const LaField *field, Datum value)
{
	switch (field->kind)
	{
		case LA_KIND_TEXT:
			la_check_length(TextDatumGetCString(value), field->least, field->most, field->name);
			return value;
		case LA_KIND_LABEL:
			check_label(field, TextDatumGetCString(value));
			return value;
		case LA_KIND_CURRENCY:
			return CStringGetTextDatum(la_normal_currency(TextDatumGetCString(value), field->name));
		case LA_KIND_ZONE:
			return CStringGetTextDatum(pg_get_timezone_name(la_zone(TextDatumGetCString(value),
																	field->name)));
		case LA_KIND_AMOUNT:
			check_range(field, DatumGetInt64(value), field->least, PG_INT64_MAX);
			return value;
		case LA_KIND_NUMBER:
			check_range(field, DatumGetInt32(value), field->least, field->most);
			return value;
		case LA_KIND_METADATA:
			la_check_metadata(DatumGetJsonbP(value), field->name);
			return value;
		case LA_KIND_RULES:
			la_check_rules(DatumGetJsonbP(value), field->name);
			return value;
		case LA_KIND_FLAG:
		case LA_KIND_UUID:
			return value;
	}
	pg_unreachable();
}

void
la_give(const LaField *fields, int i, Datum value, bool isnull, LaValues *to)
{
	const LaField *field = &fields[i];

	if (isnull && !field->nullable)
		la_null_field(field->name);
	to->values[i] = isnull ? (Datum) 0 : normalize(field, value);
	to->nulls[i] = isnull;
	to->given[i] = true;
}

static const char *const json_type_names[] = {
	[jbvNull] = "null",[jbvString] = "string",[jbvNumeric] = "number",
	[jbvBool] = "boolean"
};

static void
wrong_type(const LaField *field, const char *wanted, const JsonbValue *value)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s must be %s", field->name, wanted),
			la_detail("invalid_type", field->name, "It is of the JSON type %s.",
					  value->type <= jbvBool ? json_type_names[value->type] : "object or array"));
}

static char *
string_of(const LaField *field, JsonbValue *value)
{
	if (value->type != jbvString)
		wrong_type(field, "a string", value);
	return la_json_cstring(value);
}

/* A whole number that is no bigint: an amount of that size is an overflow, all else out of its range. */
static void
refuse_beyond(const LaField *field, const JsonbValue *value)
{
	char	   *shown = la_quoted(la_json_text(value));

	if (field->kind == LA_KIND_AMOUNT && shown[0] != '-')
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("%s is out of range", field->name),
				la_detail("amount_overflow", field->name, "%s exceeds the range of bigint.", shown));
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s is out of range", field->name),
			la_detail("out_of_range", field->name, "It is %s.", shown));
}

static int64
integer_of(const LaField *field, JsonbValue *value)
{
	int64		result;

	if (la_json_int64(value, &result))
		return result;
	if (la_json_is_whole(value))
		refuse_beyond(field, value);
	wrong_type(field, "a whole number", value);
	pg_unreachable();
}

bool
la_is_uuid(const char *text)
{
	for (int i = 0; i < 36; i++)
	{
		bool		dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char) text[i]))
			return false;
	}
	return text[36] == '\0';
}

static Datum
uuid_of(const LaField *field, JsonbValue *value)
{
	char	   *text = string_of(field, value);

	if (!la_is_uuid(text))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must be a uuid", field->name),
				la_detail("invalid_type", field->name, "It does not have the form of one."));
	return DirectFunctionCall1(uuid_in, CStringGetDatum(text));
}

static Datum
datum_of(const LaField *field, JsonbValue *value)
{
	int64		number;

	switch (field->kind)
	{
		case LA_KIND_AMOUNT:
			return Int64GetDatum(integer_of(field, value));
		case LA_KIND_NUMBER:
			number = integer_of(field, value);
			check_range(field, number, field->least, field->most);
			return Int32GetDatum((int32) number);
		case LA_KIND_FLAG:
			if (value->type != jbvBool)
				wrong_type(field, "true or false", value);
			return BoolGetDatum(value->val.boolean);
		case LA_KIND_UUID:
			return uuid_of(field, value);
		case LA_KIND_METADATA:
		case LA_KIND_RULES:
			if (value->type != jbvBinary)
				wrong_type(field, "an object", value);
			return JsonbPGetDatum(JsonbValueToJsonb(value));
		default:
			return CStringGetTextDatum(string_of(field, value));
	}
}

/* The field of that name, or -1; fixed ones and those in fixed_names are refused. */
static int
find_field(const LaField *fields, int count, const char *name,
		   const char *const *fixed_names)
{
	bool		fixed = false;

	for (int i = 0; i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
		{
			if (!fields[i].fixed)
				return i;
			fixed = true;
		}
	for (const char *const *other = fixed_names; *other != NULL; other++)
		fixed = fixed || strcmp(*other, name) == 0;
	if (fixed)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s cannot be changed", name),
				la_detail("immutable_field", name, "The field is fixed or derived."));
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown field \"%s\"", la_quoted(name)),
			la_detail("unknown_field", la_quoted(name), "No field has this name."));
}

void
la_give_json(const LaField *fields, int i, const char *name, JsonbValue *value, LaValues *to)
{
	/* Errors speak the caller's language. */
	LaField		named = fields[i];

	named.name = name;
	if (value->type == jbvNull && !named.nullable)
		la_null_field(name);
	to->nulls[i] = value->type == jbvNull;
	to->values[i] = to->nulls[i] ? (Datum) 0 : normalize(&named, datum_of(&named, value));
	to->given[i] = true;
}

void
la_give_document(const LaField *fields, int count, Jsonb *document,
				 const char *const *fixed_names, LaValues *to)
{
	LaMembers	member;

	if (!JB_ROOT_IS_OBJECT(document))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("changes must be an object"),
				la_detail("invalid_type", "changes", "It is an array or a scalar."));
	la_begin_members(&member, &document->root);
	while (la_next_member(&member))
	{
		int			i = find_field(fields, count, member.name, fixed_names);

		la_give_json(fields, i, fields[i].name, &member.value, to);
	}
}

void
la_stored_values(LaRow row, int first, int count, LaValues *stored)
{
	memset(stored, 0, sizeof(LaValues));
	for (int i = 0; i < count; i++)
	{
		stored->values[i] = row.values[first + i];
		stored->nulls[i] = row.nulls[first + i];
	}
}

static bool
is_by_value(const LaField *field)
{
	return field->kind == LA_KIND_AMOUNT || field->kind == LA_KIND_NUMBER ||
		field->kind == LA_KIND_FLAG;
}

static bool
same_value(const LaField *field, Datum a, Datum b)
{
	if (is_by_value(field))
		return a == b;
	if (field->kind == LA_KIND_UUID)
		return memcmp(DatumGetUUIDP(a), DatumGetUUIDP(b), UUID_LEN) == 0;
	if (field->kind == LA_KIND_METADATA || field->kind == LA_KIND_RULES)
		return compareJsonbContainers(&DatumGetJsonbP(a)->root, &DatumGetJsonbP(b)->root) == 0;
	return strcmp(TextDatumGetCString(a), TextDatumGetCString(b)) == 0;
}

bool
la_differs(const LaField *fields, int i, const LaValues *given, const LaValues *stored)
{
	if (!given->given[i])
		return false;
	if (given->nulls[i] || stored->nulls[i])
		return given->nulls[i] != stored->nulls[i];
	return !same_value(&fields[i], given->values[i], stored->values[i]);
}

static void
put_value(LaDocument *document, const LaField *field, Datum value, bool isnull)
{
	if (isnull)
		la_put_null(document, field->name);
	else if (field->kind == LA_KIND_AMOUNT)
		la_put_int64(document, field->name, DatumGetInt64(value));
	else if (field->kind == LA_KIND_NUMBER)
		la_put_int64(document, field->name, DatumGetInt32(value));
	else if (field->kind == LA_KIND_FLAG)
		la_put_bool(document, field->name, DatumGetBool(value));
	else if (field->kind == LA_KIND_UUID)
		la_put_uuid(document, field->name, DatumGetUUIDP(value));
	else if (field->kind == LA_KIND_METADATA || field->kind == LA_KIND_RULES)
		la_put_jsonb(document, field->name, DatumGetJsonbP(value));
	else
		la_put_text(document, field->name, TextDatumGetCString(value));
}

bool
la_change(const LaField *fields, int count, const LaValues *given, LaValues *stored,
		  Jsonb **old_values, Jsonb **new_values)
{
	LaDocument	before;
	LaDocument	after;
	bool		changed = false;

	la_begin_object(&before);
	la_begin_object(&after);
	for (int i = 0; i < count; i++)
	{
		stored->given[i] = la_differs(fields, i, given, stored);
		if (!stored->given[i])
			continue;
		changed = true;
		put_value(&before, &fields[i], stored->values[i], stored->nulls[i]);
		put_value(&after, &fields[i], given->values[i], given->nulls[i]);
		stored->values[i] = given->values[i];
		stored->nulls[i] = given->nulls[i];
	}
	*old_values = la_end_object(&before);
	*new_values = la_end_object(&after);
	return changed;
}

Jsonb *
la_values_document(const LaField *fields, int count, const LaValues *values)
{
	LaDocument	document;

	la_begin_object(&document);
	for (int i = 0; i < count; i++)
		if (!values->nulls[i])
			put_value(&document, &fields[i], values->values[i], false);
	return la_end_object(&document);
}

void
la_param_values(LaParams *params, const LaValues *values, int count)
{
	for (int i = 0; i < count; i++)
		la_param(params, values->values[i], values->nulls[i]);
}

int32
la_check_page(int32 max_rows)
{
	if (max_rows < 1 || max_rows > LA_MAX_PAGE)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_rows must be between 1 and %d", LA_MAX_PAGE),
				la_detail("out_of_range", "max_rows", "It is %d.", max_rows));
	return max_rows;
}

pg_uuid_t *
la_parse_cursor(const char *cursor)
{
	bytea	   *bytes = NULL;
	static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (cursor == NULL)
		return NULL;
	if (strlen(cursor) == CURSOR_LENGTH && strspn(cursor, alphabet) == CURSOR_LENGTH - 2 &&
		strcmp(cursor + CURSOR_LENGTH - 2, "==") == 0)
		bytes = DatumGetByteaPP(DirectFunctionCall2(binary_decode,
													CStringGetTextDatum(cursor),
													CStringGetTextDatum("base64")));
	if (bytes == NULL || VARSIZE_ANY_EXHDR(bytes) != UUID_LEN)
		la_refuse_cursor();
	return (pg_uuid_t *) VARDATA_ANY(bytes);
}

void
la_refuse_cursor(void)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("cursor is not valid"),
			la_detail("invalid_value", "after", "Give the cursor column of a row that the same function returned."));
}
