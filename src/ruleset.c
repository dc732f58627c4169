/*
 * ruleset.c
 *		From documents of rules to what the judge reads; see ruleset.h.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "json_value.h"
#include "merchant.h"
#include "ruleset.h"
#include "window.h"

/* Takes a rule's value; texts go to the end of the block. */
typedef void (*Take) (LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts);

static void
take_boolean(LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts)
{
	setting->number = value->val.boolean;
}

static void
take_whole(LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts)
{
	(void) la_json_int64(value, &setting->number);
}

static void
take_fraction(LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts)
{
	Datum		millionths = DirectFunctionCall2(numeric_mul, NumericGetDatum(value->val.numeric),
												 NumericGetDatum(int64_to_numeric(LA_MILLION)));

	setting->number = DatumGetInt64(DirectFunctionCall1(numeric_int8,
														DirectFunctionCall1(numeric_floor, millionths)));
}

static void
take_word(LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts)
{
	setting->number = la_rule_word(id, value);
}

static void
add_text(LaRuleSetting *setting, StringInfo texts, const char *text)
{
	appendBinaryStringInfo(texts, text, strlen(text) + 1);
	setting->count++;
}

static void
take_text(LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts)
{
	add_text(setting, texts, la_json_cstring(value));
}

static void
take_merchant(LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts)
{
	add_text(setting, texts, la_normal_merchant(la_json_cstring(value)));
}

static void
take_each(LaRuleId id, JsonbValue *list, LaRuleSetting *setting, StringInfo texts, Take take)
{
	JsonbIterator *iterator = JsonbIteratorInit(list->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	entry;

	while ((token = JsonbIteratorNext(&iterator, &entry, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			take(id, &entry, setting, texts);
}

static void
take_texts(LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts)
{
	take_each(id, value, setting, texts, take_text);
}

static void
take_merchants(LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts)
{
	take_each(id, value, setting, texts, take_merchant);
}

static void
take_day(LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts)
{
	int64		day = 0;

	(void) la_json_int64(value, &day);
	setting->number |= INT64CONST(1) << day;
}

static void
take_days(LaRuleId id, JsonbValue *value, LaRuleSetting *setting, StringInfo texts)
{
	take_each(id, value, setting, texts, take_day);
}

/* By rule; all others are whole numbers. */
static const Take takes[LA_RULES] = {
	[LA_RULE_REQUIRE_INTENT] = take_boolean,
	[LA_RULE_REQUIRE_ATTESTATION] = take_boolean,
	[LA_RULE_REQUIRE_APPROVAL] = take_boolean,
	[LA_RULE_REQUIRE_CARD] = take_boolean,
	[LA_RULE_ON_EXPIRY] = take_word,
	[LA_RULE_ALLOWED_MCCS] = take_texts,
	[LA_RULE_BLOCKED_MCCS] = take_texts,
	[LA_RULE_ALLOWED_MERCHANTS] = take_merchants,
	[LA_RULE_BLOCKED_MERCHANTS] = take_merchants,
	[LA_RULE_ALLOWED_COUNTRIES] = take_texts,
	[LA_RULE_BLOCKED_COUNTRIES] = take_texts,
	[LA_RULE_LOCK_TO_FIRST] = take_boolean,
	[LA_RULE_MERCHANT_HINT] = take_merchant,
	[LA_RULE_ON_DRIFT] = take_word,
	[LA_RULE_INTENT_TOLERANCE] = take_fraction,
	[LA_RULE_ON_INTENT_MISMATCH] = take_word,
	[LA_RULE_TIMEZONE] = take_text,
	[LA_RULE_DAYS] = take_days,
};

static JsonbValue *
find(Jsonb *document, LaRuleId id)
{
	return document == NULL || !JB_ROOT_IS_OBJECT(document) ? NULL : la_rule_value(document, id);
}

LaRules *
la_parse_rules(Jsonb *inline_rules, Jsonb *template)
{
	LaRuleSetting settings[LA_RULES] = {0};
	StringInfoData texts;
	bool		any = false;
	LaRules    *rules;

	initStringInfo(&texts);
	for (int id = 0; id < LA_RULES; id++)
	{
#if LA_MUTANT != 238
		JsonbValue *value = id == LA_RULE_LIMITS ? NULL : find(inline_rules, id);
#else
		JsonbValue *value = NULL;
#endif
		LaRuleSetting *setting = &settings[id];

		if (value == NULL && id != LA_RULE_LIMITS)
		{
			value = find(template, id);
			setting->from_template = value != NULL;
		}
#if LA_MUTANT == 238
		if (value == NULL && id != LA_RULE_LIMITS)
			value = find(inline_rules, id);
#endif
		if (value == NULL)
			continue;
		any = setting->set = true;
		setting->first = texts.len;
		(takes[id] != NULL ? takes[id] : take_whole) (id, value, setting, &texts);
	}
	if (!any)
		return NULL;
	rules = palloc(offsetof(LaRules, texts) + texts.len);
	rules->size = offsetof(LaRules, texts) + texts.len;
	memcpy(rules->settings, settings, sizeof(settings));
	memcpy(rules->texts, texts.data, texts.len);
	return rules;
}

LaRules *
la_copy_rules(const LaRules *rules)
{
	LaRules    *copy;

	if (rules == NULL)
		return NULL;
	copy = palloc(rules->size);
	memcpy(copy, rules, rules->size);
	return copy;
}

bool
la_rules_count(const LaRules *rules)
{
	return la_rule_set(rules, LA_RULE_PER_DAY) || la_rule_set(rules, LA_RULE_PER_MONTH) ||
		la_rule_set(rules, LA_RULE_CUMULATIVE_MAX) || la_rule_set(rules, LA_RULE_MAX_AUTH_COUNT);
}

static void
put_days(LaDocument *document, const char *key, int64 days)
{
	la_open_list(document, key);
	for (int day = 0; day < 7; day++)
		if (days & (INT64CONST(1) << day))
			la_put_int64(document, NULL, day);
	la_close_list(document);
}

static void
put_texts(LaDocument *document, const char *key, const LaRules *rules, LaRuleId id)
{
	const char *entry = la_rule_texts(rules, id);

	la_open_list(document, key);
	for (int i = 0; i < rules->settings[id].count; i++, entry += strlen(entry) + 1)
		la_put_text(document, NULL, entry);
	la_close_list(document);
}

void
la_put_rule(LaDocument *document, const char *key, const LaRules *rules, LaRuleId id)
{
	int64		number = rules->settings[id].number;
	Take		take = takes[id];

	if (take == take_boolean)
		la_put_bool(document, key, number != 0);
	else if (take == take_word)
		la_put_text(document, key, la_rule_word_label(id, number));
	else if (take == take_text || take == take_merchant)
		la_put_text(document, key, la_rule_texts(rules, id));
	else if (take == take_texts || take == take_merchants)
		put_texts(document, key, rules, id);
	else if (take == take_days)
		put_days(document, key, number);
	else if (take == take_fraction)
		la_put_millionths(document, key, number);
	else
		la_put_int64(document, key, number);
}
