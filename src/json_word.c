/*
 * json_word.c
 *		The words of bodies, and bodies as the arguments of functions; see json_verb.h.
 *
 * What is checked here is the type of a member, so that errors name it as the
 * body does; what its value means is checked where SQL's is.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "errors.h"
#include "field.h"
#include "intent.h"
#include "iso_time.h"
#include "json.h"
#include "json_value.h"
#include "json_verb.h"
#include "request_header.h"
#include "rule.h"

#define MAX_POLL 1000

/* How the value of a field becomes that of an argument. */
typedef enum Form
{
	AS_IT_IS, INSTANT, DURATION, TEXTS
} Form;

/* Absent members are null to the SQL function, but for those with a fallback. */
static const struct Word
{
	LaField		field;
	const char *what;			/* of an id: what is unknown where it is no
								 * uuid */
	Form		form;
	const char *fallback;
	bool		required;
}			words[] = {
	[LA_WORD_ACK_UP_TO] = {{"upTo", LA_KIND_UUID, true}, "event"},
	[LA_WORD_AFTER] = {{"after", LA_KIND_TEXT, true, false, 0, LA_MAX_CURSOR}},
	[LA_WORD_AGENT] = {{"agentId", LA_KIND_UUID, true}, "agent"},
	[LA_WORD_AMOUNT] = {{"amount", LA_KIND_AMOUNT, true, .least = PG_INT32_MIN}},
	[LA_WORD_AS_OF] = {{"asOf", LA_KIND_TEXT, true, false, 0, 255}, .form = INSTANT},
	[LA_WORD_AUTHORIZATION] = {{"authorizationId", LA_KIND_UUID, true}, "authorization"},
	[LA_WORD_CARD] = {{"cardId", LA_KIND_UUID, true}, "card"},
	[LA_WORD_CARD_TYPE] = {{"type", LA_KIND_LABEL, .labels = la_card_type_labels}},
	[LA_WORD_CLIENT_INTENT] = {{"customerIntentId", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_CONSUMER] = {{"consumer", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_CONTEXT] = {{"context", LA_KIND_METADATA, true}},
	[LA_WORD_COUNTRY] = {{"country", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_CURRENCY] = {{"currency", LA_KIND_CURRENCY, true}},
	[LA_WORD_CUSTOMER] = {{"customerId", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_DECISION] = {{"decision", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_DEFAULT_CARD_FREQUENCY] = {{"defaultCardLimitFrequency", LA_KIND_LABEL, .labels = la_frequency_labels}},
	[LA_WORD_DEFAULT_CARD_LIMIT] = {{"defaultCardLimit", LA_KIND_AMOUNT, true}},
	[LA_WORD_DEFAULT_POLICY] = {{"defaultPolicyId", LA_KIND_UUID, true}, "policy"},
	[LA_WORD_DESCRIPTION] = {{"description", LA_KIND_TEXT, true, false, 0, 10000}},
	[LA_WORD_EXPECTED_AMOUNT] = {{"expectedAmount", LA_KIND_AMOUNT, true}},
	[LA_WORD_EXPECTED_CURRENCY] = {{"expectedCurrency", LA_KIND_CURRENCY, true}},
	[LA_WORD_EXPECTED_MCCS] = {{"expectedMccs", .nullable = true}, .form = TEXTS},
	[LA_WORD_EXPECTED_MERCHANT] = {{"expectedMerchant", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_EXPIRES_AT] = {{"expiresAt", LA_KIND_TEXT, true, false, 0, 255}, .form = INSTANT},
	[LA_WORD_EXTERNAL_ID] = {{"externalId", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_FINAL] = {{"final", LA_KIND_FLAG}},
	[LA_WORD_FORCE] = {{"force", LA_KIND_FLAG}},
	[LA_WORD_FREQUENCY] = {{"spendingLimitFrequency", LA_KIND_LABEL, .labels = la_frequency_labels}},
	[LA_WORD_GRACE] = {{"grace", LA_KIND_TEXT, false, false, 0, 255}, .form = DURATION, .fallback = "PT0S"},
	[LA_WORD_HOLD_FOR] = {{"holdFor", LA_KIND_TEXT, true, false, 0, 255}, .form = DURATION},
	[LA_WORD_INTENT] = {{"intentId", LA_KIND_UUID, true}, "intent"},
	[LA_WORD_KEY] = {{"idempotencyKey", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_KEY_ID] = {{"keyId", LA_KIND_UUID, true}, "key"},
	[LA_WORD_LIMIT] = {{"limit", LA_KIND_NUMBER, .least = 1, .most = LA_MAX_PAGE}, .fallback = "20"},
	[LA_WORD_LIMITS] = {{"limits", LA_KIND_METADATA}},
	[LA_WORD_MAX_AMOUNT] = {{"maxAmount", LA_KIND_AMOUNT, true, .least = 1}},
	[LA_WORD_MAX_CARDS] = {{"maxCards", LA_KIND_NUMBER, true, .most = PG_INT32_MAX}},
	[LA_WORD_MCC] = {{"mcc", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_MERCHANT] = {{"merchant", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_METADATA] = {{"metadata", LA_KIND_METADATA, true}},
	[LA_WORD_NAME] = {{"name", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_NEW_CUSTOMER] = {{"customerId", LA_KIND_TEXT, false, false, 1, 255}, .required = true},
	[LA_WORD_NEW_EXTERNAL_ID] = {{"externalId", LA_KIND_TEXT, false, false, 1, 255}, .required = true},
	[LA_WORD_NEW_NAME] = {{"name", LA_KIND_TEXT, false, false, 1, 255}, .required = true},
	[LA_WORD_NEW_USER] = {{"userId", LA_KIND_TEXT, false, false, 1, 255}, .required = true},
	[LA_WORD_ON_LIMIT_EXCEEDED] = {{"onLimitExceeded", LA_KIND_LABEL, .labels = la_action_labels}},
	[LA_WORD_OWN_METADATA] = {{"metadata", LA_KIND_METADATA}},
	[LA_WORD_OWN_POLICY] = {{"policy", LA_KIND_RULES, true}},
	[LA_WORD_POLICY] = {{"policyId", LA_KIND_UUID, true}, "policy"},
	[LA_WORD_POLL_LIMIT] = {{"limit", LA_KIND_NUMBER, .least = 1, .most = MAX_POLL}, .fallback = "100"},
	[LA_WORD_PURPOSE] = {{"purpose", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_REASON] = {{"reason", LA_KIND_TEXT, true, false, 1, LA_MAX_SUMMARY}},
	[LA_WORD_SPENDING_LIMIT] = {{"spendingLimit", LA_KIND_AMOUNT, true}},
	[LA_WORD_STATUS] = {{"status", LA_KIND_TEXT, true, false, 1, 255}},
	[LA_WORD_SUMMARY] = {{"summary", LA_KIND_TEXT, true, false, 1, LA_MAX_SUMMARY}},
	[LA_WORD_TOKEN] = {{"tokenId", LA_KIND_UUID, true}, "token"},
	[LA_WORD_TOLERANCE] = {{"tolerance", LA_KIND_AMOUNT, true}},
	[LA_WORD_TOLERANCE_PERCENT] = {{"tolerancePercent", LA_KIND_NUMBER, true, false, 0, 100}},
	[LA_WORD_TTL_MINUTES] = {{"ttlMinutes", LA_KIND_NUMBER, false, false, 1, LA_MAX_INTENT_TTL}, .fallback = CppAsString2(LA_DEFAULT_INTENT_TTL)},
	[LA_WORD_USER] = {{"userId", LA_KIND_TEXT, true, false, 1, 255}},
};

static void take_member(const LaJsonVerb *verb, LaMembers *member, LaArguments *arguments,
						LaDocument *document);
static int	place_named(const LaJsonVerb *verb, const char *name);
static char *name_in_document(const LaJsonVerb *verb, const char *name);
static void require_uuid(const char *what, const char *name, JsonbValue *value);
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
	int			document_place = Max(la_word_place(verb, LA_WORD_CHANGES),
									 la_word_place(verb, LA_WORD_RULES));
	LaMembers	member;
	LaDocument	document;

	memset(arguments, 0, sizeof(LaArguments));
	la_begin_object(&document);
	for (int i = 0; verb->arguments[i] != LA_WORD_END; i++)
		arguments->values[arguments->count++] = fallback_of(&words[verb->arguments[i]]);
	la_begin_members(&member, &body->root);
	while (la_next_member(&member))
		take_member(verb, &member, arguments, &document);
	for (int i = 0; i < arguments->count; i++)
		if (words[verb->arguments[i]].required && !arguments->given[i])
			la_null_field(words[verb->arguments[i]].field.name);
	if (document_place >= 0)
		set(arguments, document_place, JsonbPGetDatum(la_end_object(&document)));
	if (verb->traits & LA_ONCE)
		take_key(arguments, la_word_place(verb, LA_WORD_KEY));
}

/* As an argument, or into the document that is one. */
static void
take_member(const LaJsonVerb *verb, LaMembers *member, LaArguments *arguments, LaDocument *document)
{
	int			place = place_named(verb, member->name);
	int			length = strlen(member->name);
	char	   *name;

	if (place >= 0)
	{
		arguments->values[place] = value_of(&words[verb->arguments[place]], &member->value);
		arguments->given[place] = true;
		return;
	}
	name = name_in_document(verb, member->name);
	if (name == NULL)
		la_refuse_member(member->name);

	/* Ids that can be changed are those of policies. */
	if (length > 2 && strcmp(member->name + length - 2, "Id") == 0)
		require_uuid("policy", member->name, &member->value);
	la_put_jsonb(document, name, JsonbValueToJsonb(&member->value));
}

void
la_give_words(const LaArguments *arguments, const LaField *fields, const int *order, int count,
			  LaValues *to)
{
	for (int i = 0; i < count; i++)
		if (arguments->given[i])
			la_give(fields, order[i], arguments->values[i].value, arguments->values[i].isnull, to);
}

void
la_refuse_member(const char *path)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown field \"%s\"", la_quoted(path)),
			la_detail("unknown_field", la_quoted(path), "The body has no field of this name."));
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

/* NULL: it has no place there. */
static char *
name_in_document(const LaJsonVerb *verb, const char *name)
{
	for (const char *const *change = verb->changes; change != NULL && *change != NULL; change++)
		if (strcmp(*change, name) == 0)
			return snake_case(name);
	return la_word_place(verb, LA_WORD_RULES) >= 0 && la_is_rule(name) ? pstrdup(name) : NULL;
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

/* An id that is no uuid is as unknown as any other. */
static void
require_uuid(const char *what, const char *name, JsonbValue *value)
{
	if (value->type != jbvNull &&
		(value->type != jbvString || !la_is_uuid(la_json_cstring(value))))
		la_unknown_field(what, name, la_json_cstring(value));
}

static void
refuse_texts(const char *name)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s must be an array of strings", name),
			la_detail("invalid_type", name, "It is something else, or has an entry that is."));
}

/* A text[]. */
static Datum
texts_of(const char *name, JsonbValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	entry;
	Datum	   *texts;
	int			count = 0;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		refuse_texts(name);
	texts = palloc(sizeof(Datum) * (JsonContainerSize(value->val.binary.data) + 1));
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &entry, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (entry.type != jbvString)
			refuse_texts(name);
		texts[count++] = CStringGetTextDatum(la_json_cstring(&entry));
	}
	return PointerGetDatum(construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static NullableDatum
value_of(const struct Word *word, JsonbValue *value)
{
	const LaField *field = &word->field;
	LaValues	given;
	NullableDatum result;

	if (word->form == TEXTS && value->type != jbvNull)
	{
		result.isnull = false;
		result.value = texts_of(field->name, value);
		return result;
	}
	if (field->kind == LA_KIND_UUID)
		require_uuid(word->what, field->name, value);
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
