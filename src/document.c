/*
 * document.c
 *		Building JSON documents; see document.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/numeric.h"

#include "document.h"
#include "module.h"

void
la_begin_object(LaDocument *document)
{
	document->state = NULL;
	pushJsonbValue(&document->state, WJB_BEGIN_OBJECT, NULL);
}

void
la_begin_array(LaDocument *document)
{
	document->state = NULL;
	pushJsonbValue(&document->state, WJB_BEGIN_ARRAY, NULL);
}

/* NULL: none, in an array. */
static void
put_key(LaDocument *document, const char *key)
{
	JsonbValue	name;

	if (key == NULL)
		return;
	name.type = jbvString;
	name.val.string.val = unconstify(char *, key);
	name.val.string.len = strlen(key);
	pushJsonbValue(&document->state, WJB_KEY, &name);
}

static void
put(LaDocument *document, const char *key, JsonbValue *value)
{
	put_key(document, key);
	pushJsonbValue(&document->state, key != NULL ? WJB_VALUE : WJB_ELEM, value);
}

void
la_open_object(LaDocument *document, const char *key)
{
	put_key(document, key);
	pushJsonbValue(&document->state, WJB_BEGIN_OBJECT, NULL);
}

void
la_open_list(LaDocument *document, const char *key)
{
	put_key(document, key);
	pushJsonbValue(&document->state, WJB_BEGIN_ARRAY, NULL);
}

void
la_close_list(LaDocument *document)
{
	pushJsonbValue(&document->state, WJB_END_ARRAY, NULL);
}

void
la_close_object(LaDocument *document)
{
	pushJsonbValue(&document->state, WJB_END_OBJECT, NULL);
}

void
la_put_null(LaDocument *document, const char *key)
{
	JsonbValue	value = la_jsonb_text(NULL);

	put(document, key, &value);
}

JsonbValue
la_jsonb_text(const char *text)
{
	JsonbValue	value;

	if (text == NULL)
		value.type = jbvNull;
	else
	{
		value.type = jbvString;
		value.val.string.val = unconstify(char *, text);
		value.val.string.len = strlen(text);
	}
	return value;
}

JsonbValue
la_jsonb_int64(int64 number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	return value;
}

void
la_put_text(LaDocument *document, const char *key, const char *text)
{
	JsonbValue	value = la_jsonb_text(text == NULL ? NULL : pstrdup(text));

	put(document, key, &value);
}

void
la_put_int64(LaDocument *document, const char *key, int64 number)
{
	JsonbValue	value = la_jsonb_int64(number);

	put(document, key, &value);
}

void
la_put_millionths(LaDocument *document, const char *key, int64 number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale,
															NumericGetDatum(int64_div_fast_to_numeric(number, 6))));
	put(document, key, &value);
}

void
la_put_bool(LaDocument *document, const char *key, bool flag)
{
	JsonbValue	value;

	value.type = jbvBool;
	value.val.boolean = flag;
	put(document, key, &value);
}

void
la_put_uuid(LaDocument *document, const char *key, const pg_uuid_t *id)
{
	la_put_text(document, key,
				la_uuid_text(id));
}

void
la_put_jsonb(LaDocument *document, const char *key, Jsonb *jsonb)
{
	JsonbValue	value;

	if (jsonb == NULL)
	{
		la_put_null(document, key);
		return;
	}
	value.type = jbvBinary;
	value.val.binary.data = &jsonb->root;
	value.val.binary.len = VARSIZE_ANY_EXHDR(jsonb);
	put(document, key, &value);
}

void
la_put_members(LaDocument *document, Jsonb *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_KEY || token == WJB_VALUE)
			pushJsonbValue(&document->state, token, &value);
}

typedef struct ShownTime
{
	TimestampTz at;
	char		shown[MAXDATELEN + 1];	/* empty: none yet */
} ShownTime;

/* False: it cannot be shown. */
static bool
show_time(TimestampTz at, char *shown)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(at) || timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;

	/*
	 * Broken down without a zone it is UTC; a negative isdst would leave the
	 * zone out.
	 */
	tm.tm_isdst = 0;
	EncodeDateTime(&tm, fsec, true, 0, NULL, USE_XSD_DATES, shown);
	if (strlen(shown) > 6 && strcmp(shown + strlen(shown) - 6, "+00:00") == 0)
		strcpy(shown + strlen(shown) - 6, "Z");
	return true;
}

/*
 * The last ones are remembered: a decline shows where a window begins and ends,
 * and calendar windows do so at the same instants for everybody.  No two of the
 * instants that lie a day, a week, a month or a year apart share a place.
 */
JsonbValue
la_jsonb_time(TimestampTz at)
{
	static ShownTime remembered[13];
	ShownTime  *one = &remembered[(uint64) (at / USECS_PER_HOUR) % lengthof(remembered)];

	if (one->at != at || one->shown[0] == '\0')
	{
		one->shown[0] = '\0';
		if (!show_time(at, one->shown))
			return la_jsonb_text(NULL);
		one->at = at;
	}
	return la_jsonb_text(pstrdup(one->shown));
}

void
la_put_time(LaDocument *document, const char *key, TimestampTz at)
{
	JsonbValue	value = la_jsonb_time(at);

	put(document, key, &value);
}

void
la_put_millis(LaDocument *document, const char *key, TimestampTz at)
{
	int64		unix_us = at + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	la_put_int64(document, key, unix_us / 1000);
}

Jsonb *
la_end_object(LaDocument *document)
{
	document->result = pushJsonbValue(&document->state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(document->result);
}

Jsonb *
la_end_array(LaDocument *document)
{
	document->result = pushJsonbValue(&document->state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(document->result);
}
