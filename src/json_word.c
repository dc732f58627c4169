/*
 * json_word.c
 *		The words of bodies, and bodies as the arguments of functions; see json_verb.h.
 *
 * What is checked here is the type of a member, so that errors name it as the
 * body does; what its value means is checked where SQL's is.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "field.h"
#include "iso_time.h"
#include "json.h"
#include "json_value.h"
#include "json_verb.h"
#include "request_header.h"

#define MAX_POLL 1000

/* How the value of a field becomes that of an argument. */
typedef enum Form
{
	AS_IT_IS, INSTANT, DURATION
} Form;

/* Absent members are null to the SQL function, but for those with a fallback. */
static const struct Word
{
	LaField		field;
	const char *what;			/* of an id: what is unknown where it is no
								 * uuid */
	Form		form;
	const char *fallback;
}			words[] = {
	[LA_WORD_ACK_UP_TO] = {{"upTo", LA_KIND_UUID, true}, "event"},
	[LA_WORD_AFTER] = {{"after", LA_KIND_TEXT, true, false, 0, 255}},
	[LA_WORD_AGENT] = {{"agentId", LA_KIND_UUID, true}, "agent"},
	[LA_WORD_AMOUNT] = {{"amount", LA_KIND_AMOUNT, true, .least = PG_INT32_MIN}},
	[LA_WORD_AS_OF] = {{"asOf", LA_KIND_TEXT, true, false, 0, 255}, .form = INSTANT},
	[LA_WORD_AUTHORIZATION] = {{"authorizationId", LA_KIND_UUID, true}, "authorization"},
	[LA_WORD_CARD] = {{"cardId", LA_KIND_UUID, true}, "card"},
	[LA_WORD_CONSUMER] = {{"consumer", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_COUNTRY] = {{"country", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_CURRENCY] = {{"currency", LA_KIND_CURRENCY, true}},
	[LA_WORD_CUSTOMER] = {{"customerId", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_DECISION] = {{"decision", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_EXPIRES_AT] = {{"expiresAt", LA_KIND_TEXT, true, false, 0, 255}, .form = INSTANT},
	[LA_WORD_EXTERNAL_ID] = {{"externalId", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_FINAL] = {{"final", LA_KIND_FLAG}},
	[LA_WORD_FORCE] = {{"force", LA_KIND_FLAG}},
	[LA_WORD_GRACE] = {{"grace", LA_KIND_TEXT, false, false, 0, 255}, .form = DURATION, .fallback = "PT0S"},
	[LA_WORD_HOLD_FOR] = {{"holdFor", LA_KIND_TEXT, true, false, 0, 255}, .form = DURATION},
	[LA_WORD_INTENT] = {{"intentId", LA_KIND_UUID, true}, "intent"},
	[LA_WORD_KEY] = {{"idempotencyKey", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_LIMIT] = {{"limit", LA_KIND_NUMBER, .least = 1, .most = LA_MAX_PAGE}, .fallback = "20"},
	[LA_WORD_MCC] = {{"mcc", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_MERCHANT] = {{"merchant", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_METADATA] = {{"metadata", LA_KIND_METADATA, true}},
	[LA_WORD_NAME] = {{"name", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_POLL_LIMIT] = {{"limit", LA_KIND_NUMBER, .least = 1, .most = MAX_POLL}, .fallback = "100"},
	[LA_WORD_STATUS] = {{"status", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_TOKEN] = {{"tokenId", LA_KIND_UUID, true}, "token"},
	[LA_WORD_USER] = {{"userId", LA_KIND_TEXT, true, false, 1, 255}},
};

static int	place_named(const LaJsonVerb *verb, const char *name);
static bool is_change(const LaJsonVerb *verb, const char *name);
static char *snake_case(const char *name);
static NullableDatum value_of(const struct Word *word, JsonbValue *value);
static NullableDatum fallback_of(const struct Word *word);
static void take_key(LaArguments *arguments, int key);

int
la_word_place(const LaJsonVerb *verb, LaWord word)
{
	for (int i = 0; verb->arguments[i] != LA_WORD_END; i++)
		if (verb->arguments[i] == word)
			return i;
	return -1;
}

static void
set(LaArguments *arguments, int place, Datum value)
{
	arguments->values[place].value = value;
	arguments->values[place].isnull = false;
}

void
la_read_words(const LaJsonVerb *verb, Jsonb *body, LaArguments *arguments)
{
	JsonbIterator *iterator = JsonbIteratorInit(&body->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	LaDocument	changes;

	memset(arguments, 0, sizeof(LaArguments));
	la_begin_object(&changes);
	for (int i = 0; verb->arguments[i] != LA_WORD_END; i++)
		arguments->values[arguments->count++] = fallback_of(&words[verb->arguments[i]]);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		int			place;

		if (token != WJB_KEY)
			continue;
		name = la_json_cstring(&value);
		(void) JsonbIteratorNext(&iterator, &value, true);
		place = place_named(verb, name);
		if (place >= 0)
			arguments->values[place] = value_of(&words[verb->arguments[place]], &value);
		else if (is_change(verb, name))
			la_put_jsonb(&changes, snake_case(name), JsonbValueToJsonb(&value));
		else
			la_refuse_member(name);
	}
	if (verb->changes != NULL)
		set(arguments, la_word_place(verb, LA_WORD_CHANGES), JsonbPGetDatum(la_end_object(&changes)));
	if (verb->traits & LA_ONCE)
		take_key(arguments, la_word_place(verb, LA_WORD_KEY));
}

/* The place of the argument that bodies call so, or -1. */
static int
place_named(const LaJsonVerb *verb, const char *name)
{
	for (int i = 0; verb->arguments[i] != LA_WORD_END; i++)
	{
		const char *word = words[verb->arguments[i]].field.name;

		if (word != NULL && strcmp(word, name) == 0)
			return i;
	}
	return -1;
}

/* What a body calls spendingLimit is spending_limit to the SQL function. */
static char *
snake_case(const char *name)
{
	StringInfoData result;

	initStringInfo(&result);
	for (; *name != '\0'; name++)
	{
		if (*name >= 'A' && *name <= 'Z')
			appendStringInfoChar(&result, '_');
		appendStringInfoChar(&result, pg_tolower((unsigned char) *name));
	}
	return result.data;
}

static bool
is_change(const LaJsonVerb *verb, const char *name)
{
	for (const char *const *change = verb->changes; change != NULL && *change != NULL; change++)
		if (strcmp(*change, name) == 0)
			return true;
	return false;
}

static Datum
instant_of(const char *name, const char *text)
{
	TimestampTz instant;

	if (!la_read_instant(text, &instant))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s is not an instant: \"%s\"", name, la_quoted(text)),
				la_detail("invalid_value", name, "It is written in ISO 8601 with a zone, as 2026-03-02T09:00:00Z."));
	return TimestampTzGetDatum(instant);
}

static Datum
duration_of(const char *name, const char *text)
{
	Interval   *duration = palloc(sizeof(Interval));

	if (!la_read_duration(text, duration))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s is not a duration: \"%s\"", name, la_quoted(text)),
				la_detail("invalid_value", name, "It is written in ISO 8601, as PT30M or P7D."));
	return IntervalPGetDatum(duration);
}

static Datum
formed(const struct Word *word, Datum value)
{
	switch (word->form)
	{
		case INSTANT:
			return instant_of(word->field.name, TextDatumGetCString(value));
		case DURATION:
			return duration_of(word->field.name, TextDatumGetCString(value));
		default:
			return value;
	}
}

static NullableDatum
value_of(const struct Word *word, JsonbValue *value)
{
	const LaField *field = &word->field;
	LaValues	given;
	NullableDatum result;

	/* An id that is no uuid is as unknown as any other. */
	if (field->kind == LA_KIND_UUID && value->type != jbvNull &&
		(value->type != jbvString || !la_is_uuid(la_json_cstring(value))))
		la_unknown_field(word->what, field->name, la_json_cstring(value));
	la_give_json(field, 0, field->name, value, &given);
	result.isnull = given.nulls[0];
	result.value = result.isnull ? (Datum) 0 : formed(word, given.values[0]);
	return result;
}

static NullableDatum
fallback_of(const struct Word *word)
{
	NullableDatum result = {.isnull = word->fallback == NULL};

	if (!result.isnull)
		result.value = word->field.kind == LA_KIND_NUMBER ? Int32GetDatum(atoi(word->fallback))
			: formed(word, CStringGetTextDatum(word->fallback));
	return result;
}

/* The header's key where the body has none. */
static void
take_key(LaArguments *arguments, int key)
{
	const char *header = la_request_header("idempotency-key");
	const NullableDatum *given = &arguments->values[key];

	if (header == NULL)
		return;
	la_check_length(header, 1, 255, words[LA_WORD_KEY].field.name);
	if (!given->isnull && strcmp(TextDatumGetCString(given->value), header) != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("idempotencyKey is not the key of the header"),
				la_detail("idempotency_key_conflict", "idempotencyKey",
						  "The body and the header Idempotency-Key each have one."));
	set(arguments, key, CStringGetTextDatum(header));
}
