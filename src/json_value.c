/*
 * json_value.c
 *		Members and scalars of a jsonb document; see json_value.h.
 *
 * JSON numbers are the server's numeric and stay exact: nothing here rounds.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "json_value.h"

void
la_begin_members(LaMembers *members, JsonbContainer *object)
{
	members->iterator = JsonbIteratorInit(object);
}

bool
la_next_member(LaMembers *members)
{
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&members->iterator, &members->value, true)) != WJB_DONE)
		if (token == WJB_KEY)
		{
			members->name = la_json_cstring(&members->value);
			(void) JsonbIteratorNext(&members->iterator, &members->value, true);
			return true;
		}
	return false;
}

JsonbValue *
la_member(Jsonb *object, const char *key)
{
	JsonbValue	name;

	name.type = jbvString;
	name.val.string.val = unconstify(char *, key);
	name.val.string.len = strlen(key);
	return findJsonbValueFromContainer(&object->root, JB_FOBJECT, &name);
}

static int
compare(Datum number, Numeric other)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, number,
											 NumericGetDatum(other)));
}

bool
la_json_is_whole(const JsonbValue *value)
{
	Datum		whole;

	if (value->type != jbvNumeric)
		return false;
	whole = DirectFunctionCall2(numeric_trunc, NumericGetDatum(value->val.numeric), Int32GetDatum(0));
	return compare(whole, value->val.numeric) == 0;
}

bool
la_json_int64(const JsonbValue *value, int64 *result)
{
	Datum		number;

	if (value->type != jbvNumeric)
		return false;

	/* The range first: the cast to int8 would raise an error of its own. */
	number = NumericGetDatum(value->val.numeric);
	if (compare(number, int64_to_numeric(PG_INT64_MIN)) < 0 ||
		compare(number, int64_to_numeric(PG_INT64_MAX)) > 0)
		return false;

	if (!la_json_is_whole(value))
		return false;

	*result = DatumGetInt64(DirectFunctionCall1(numeric_int8, number));
	return true;
}

char *
la_json_cstring(const JsonbValue *value)
{
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	return la_json_text(value);
}

char *
la_json_text(const JsonbValue *value)
{
	Jsonb	   *document = JsonbValueToJsonb(unconstify(JsonbValue *, value));

	return JsonbToCString(NULL, &document->root, VARSIZE(document));
}
