/*
 * rule.c
 *		Rules of a policy: the names, the types and what may stand together.
 *
 * One table says which rules there are, in the published order.  A document
 * that passes here never surprises the judge: a rule is absent or has a value
 * of its type and range, and no two rules of the document contradict.
 *
 * Allowed on purpose:
 *		- an empty allow or block list: nothing passes, or nothing is blocked;
 *		- ttlMinutes beside ttlDays, as the API sends them: the earlier counts;
 *		- autoApproveBelow without requireApproval, which another level may set.
 * Refused on purpose: null (leave the rule out), maxAuthCount 0 (freeze instead),
 * lower-case countries (so that a list is compared bytewise).
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "encoding.h"
#include "errors.h"
#include "json_value.h"
#include "merchant.h"
#include "rule.h"
#include "window.h"

#define MAX_RULES_BYTES (64 * 1024)
#define MAX_LIST_ENTRIES 1000
#define MAX_MERCHANT_CHARACTERS 255
#define MINUTES_PER_YEAR (365 * MINS_PER_HOUR * HOURS_PER_DAY)
#define MAX_TTL_DAYS 3650

typedef struct Rule Rule;

/* Refuses a value that the rule cannot have; path names the rule to the user. */
typedef void (*CheckValue) (const Rule *rule, const JsonbValue *value, const char *path);

struct Rule
{
	const char *parent;			/* the rule whose object holds it, or NULL */
	const char *name;
	CheckValue	check;
	int64		min;
	int64		max;
	const char *const *words;
};

/* The entries of an array, taken out of its document. */
typedef struct Entries
{
	JsonbValue *values;
	int			length;
} Entries;

static void check_object(JsonbContainer *object, const char *parent, const char *path);
static void check_boolean(const Rule *rule, const JsonbValue *value, const char *path);
static void check_whole(const Rule *rule, const JsonbValue *value, const char *path);
static void check_fraction(const Rule *rule, const JsonbValue *value, const char *path);
static void check_word(const Rule *rule, const JsonbValue *value, const char *path);
static void check_merchant(const Rule *rule, const JsonbValue *value, const char *path);
static void check_zone(const Rule *rule, const JsonbValue *value, const char *path);
static void check_limits(const Rule *rule, const JsonbValue *value, const char *path);
static void check_mccs(const Rule *rule, const JsonbValue *value, const char *path);
static void check_merchants(const Rule *rule, const JsonbValue *value, const char *path);
static void check_countries(const Rule *rule, const JsonbValue *value, const char *path);
static void check_days(const Rule *rule, const JsonbValue *value, const char *path);
static void check_limits_agree(Jsonb *rules, const char *field);
static void check_approval_agrees(Jsonb *rules, const char *field);
static void check_lists_agree(Jsonb *rules, const char *field,
							  const char *allowed, const char *blocked);
static void check_hours_agree(Jsonb *rules, const char *field);
static void refuse(const char *path, const char *expected, const JsonbValue *value);

static const char *const expiry_words[] = {"freeze", "close", NULL};
static const char *const drift_words[] = {"allow", "alert", "decline", "freeze", NULL};
static const char *const mismatch_words[] = {"allow", "alert", "decline", NULL};

static const Rule all_rules[LA_RULES] = {
	[LA_RULE_REQUIRE_INTENT] = {.name = "requireIntent", .check = check_boolean},
	[LA_RULE_REQUIRE_ATTESTATION] = {.name = "requireAttestation", .check = check_boolean},
	[LA_RULE_REQUIRE_APPROVAL] = {.name = "requireApproval", .check = check_boolean},
	[LA_RULE_AUTO_APPROVE_BELOW] = {.name = "autoApproveBelow", .check = check_whole, .min = 0, .max = PG_INT64_MAX},
	[LA_RULE_REQUIRE_CARD] = {.name = "requireCard", .check = check_boolean},
	[LA_RULE_ATTESTATION_WINDOW] = {.name = "attestationWindowMinutes", .check = check_whole, .min = 1, .max = MINS_PER_HOUR},
	[LA_RULE_COOLDOWN] = {.name = "cooldownMinutes", .check = check_whole, .min = 1, .max = MINUTES_PER_YEAR},
	[LA_RULE_TTL_MINUTES] = {.name = "ttlMinutes", .check = check_whole, .min = 1, .max = MINUTES_PER_YEAR},
	[LA_RULE_TTL_DAYS] = {.name = "ttlDays", .check = check_whole, .min = 1, .max = MAX_TTL_DAYS},
	[LA_RULE_ON_EXPIRY] = {.name = "onExpiry", .check = check_word, .words = expiry_words},
	[LA_RULE_LIMITS] = {.name = "limits", .check = check_limits},
	[LA_RULE_PER_AUTH] = {.parent = "limits", .name = "perAuth", .check = check_whole, .min = 0, .max = PG_INT64_MAX},
	[LA_RULE_PER_DAY] = {.parent = "limits", .name = "perDay", .check = check_whole, .min = 0, .max = PG_INT64_MAX},
	[LA_RULE_PER_MONTH] = {.parent = "limits", .name = "perMonth", .check = check_whole, .min = 0, .max = PG_INT64_MAX},
	[LA_RULE_CUMULATIVE_MAX] = {.name = "cumulativeMax", .check = check_whole, .min = 0, .max = PG_INT64_MAX},
	[LA_RULE_MAX_AUTH_COUNT] = {.name = "maxAuthCount", .check = check_whole, .min = 1, .max = PG_INT32_MAX},
	[LA_RULE_ALLOWED_MCCS] = {.name = "allowedMccs", .check = check_mccs},
	[LA_RULE_BLOCKED_MCCS] = {.name = "blockedMccs", .check = check_mccs},
	[LA_RULE_ALLOWED_MERCHANTS] = {.name = "allowedMerchants", .check = check_merchants},
	[LA_RULE_BLOCKED_MERCHANTS] = {.name = "blockedMerchants", .check = check_merchants},
	[LA_RULE_ALLOWED_COUNTRIES] = {.name = "allowedCountries", .check = check_countries},
	[LA_RULE_BLOCKED_COUNTRIES] = {.name = "blockedCountries", .check = check_countries},
	[LA_RULE_LOCK_TO_FIRST] = {.name = "lockToFirstMerchant", .check = check_boolean},
	[LA_RULE_MERCHANT_HINT] = {.name = "merchantHint", .check = check_merchant},
	[LA_RULE_ON_DRIFT] = {.name = "onDrift", .check = check_word, .words = drift_words},
	[LA_RULE_INTENT_TOLERANCE] = {.name = "intentTolerance", .check = check_fraction},
	[LA_RULE_ON_INTENT_MISMATCH] = {.name = "onIntentMismatch", .check = check_word, .words = mismatch_words},
	[LA_RULE_HOURS_START] = {.name = "activeHoursStart", .check = check_whole, .min = 0, .max = HOURS_PER_DAY - 1},
	[LA_RULE_HOURS_END] = {.name = "activeHoursEnd", .check = check_whole, .min = 0, .max = HOURS_PER_DAY - 1},
	[LA_RULE_TIMEZONE] = {.name = "activeTimezone", .check = check_zone},
	[LA_RULE_DAYS] = {.name = "activeDays", .check = check_days},
};

void
la_check_rules(Jsonb *rules, const char *field)
{
	if (!JB_ROOT_IS_OBJECT(rules))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must be an object of rules", field),
				la_detail("invalid_policy", field, "The value is %s.",
						  la_quoted(JsonbToCString(NULL, &rules->root, VARSIZE(rules)))));
	if (VARSIZE(rules) > MAX_RULES_BYTES)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be larger than %d bytes", field[0] == '\0' ? "rules" : field,
					   MAX_RULES_BYTES),
				la_detail("invalid_policy", field[0] == '\0' ? NULL : field, "As jsonb it takes %u bytes.",
						  (unsigned) VARSIZE(rules)));

	check_object(&rules->root, NULL, field);
	check_limits_agree(rules, field);
	check_approval_agrees(rules, field);
	check_lists_agree(rules, field, "allowedMccs", "blockedMccs");
	check_lists_agree(rules, field, "allowedMerchants", "blockedMerchants");
	check_lists_agree(rules, field, "allowedCountries", "blockedCountries");
	check_hours_agree(rules, field);
}

/* The rule's value, or NULL if it is absent. */
static JsonbValue *
get_value(Jsonb *rules, const char *parent, const char *name)
{
	JsonbContainer *object = &rules->root;

	if (parent != NULL)
	{
		JsonbValue *holder = getKeyJsonValueFromContainer(object, parent, strlen(parent), NULL);

		if (holder == NULL || holder->type != jbvBinary ||
			!JsonContainerIsObject(holder->val.binary.data))
			return NULL;
		object = holder->val.binary.data;
	}
	return getKeyJsonValueFromContainer(object, name, strlen(name), NULL);
}

const char *
la_rule_name(LaRuleId id)
{
	return all_rules[id].name;
}

JsonbValue *
la_rule_value(Jsonb *rules, LaRuleId id)
{
	return get_value(rules, all_rules[id].parent, all_rules[id].name);
}

int
la_rule_word(LaRuleId id, const JsonbValue *value)
{
	char	   *word = la_json_cstring(value);
	int			place = 0;

	while (strcmp(all_rules[id].words[place], word) != 0)
		place++;
	return place;
}

const char *
la_rule_word_label(LaRuleId id, int place)
{
	return all_rules[id].words[place];
}

static const Rule *
find_rule(const char *parent, const char *name)
{
	for (int i = 0; i < lengthof(all_rules); i++)
	{
		const Rule *rule = &all_rules[i];

		if ((rule->parent == NULL) == (parent == NULL) && strcmp(rule->name, name) == 0)
			return rule;
	}
	return NULL;
}

bool
la_is_rule(const char *name)
{
	return find_rule(NULL, name) != NULL;
}

/* The rules of a body that is itself the policy have no path before them. */
static char *
path_to(const char *path, const char *name)
{
	return path[0] == '\0' ? pstrdup(name) : psprintf("%s.%s", path, name);
}

static void
check_object(JsonbContainer *object, const char *parent, const char *path)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;
	const Rule *rule = NULL;
	char	   *rule_path = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			char	   *name = la_json_cstring(&value);

			rule = find_rule(parent, name);
			rule_path = path_to(path, la_quoted(name));
			if (rule == NULL)
				ereport(ERROR,
						errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s is not a rule", rule_path),
						la_detail("invalid_policy", rule_path,
								  "%s has no rule of this name.", path));
		}
		else if (token == WJB_VALUE)
			rule->check(rule, &value, rule_path);
	}
}

static void
check_boolean(const Rule *rule, const JsonbValue *value, const char *path)
{
	if (value->type != jbvBool)
		refuse(path, "true or false", value);
}

static void
check_whole(const Rule *rule, const JsonbValue *value, const char *path)
{
	int64		number;

	if (!la_json_int64(value, &number) || number < rule->min || number > rule->max)
		refuse(path, psprintf("a whole number from " INT64_FORMAT " to " INT64_FORMAT,
							  rule->min, rule->max), value);
}

static bool
is_at_most(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_le, NumericGetDatum(a), NumericGetDatum(b)));
}

static void
check_fraction(const Rule *rule, const JsonbValue *value, const char *path)
{
	if (value->type != jbvNumeric ||
		!is_at_most(int64_to_numeric(0), value->val.numeric) ||
		!is_at_most(value->val.numeric, int64_to_numeric(1)))
		refuse(path, "a number from 0 to 1", value);
}

static void
check_word(const Rule *rule, const JsonbValue *value, const char *path)
{
	char	   *word = la_json_cstring(value);
	char	   *expected = psprintf("one of %s", rule->words[0]);

	for (int i = 0; rule->words[i] != NULL; i++)
	{
		if (value->type == jbvString && strcmp(word, rule->words[i]) == 0)
			return;
		if (i > 0)
			expected = psprintf("%s, %s", expected, rule->words[i]);
	}
	refuse(path, expected, value);
}

/*
 * What is left of a name without letters and digits after normalising is
 * nothing, and nothing would match nobody.
 */
static bool
is_merchant(const JsonbValue *value)
{
	char	   *name;

	if (value->type != jbvString ||
		pg_mbstrlen_with_len(value->val.string.val, value->val.string.len) > MAX_MERCHANT_CHARACTERS)
		return false;
	name = la_json_cstring(value);
	la_check_encoding(name);
	return la_normal_merchant(name)[0] != '\0';
}

static void
check_merchant(const Rule *rule, const JsonbValue *value, const char *path)
{
	if (!is_merchant(value))
		refuse(path, psprintf("a string of 1 to %d characters with a letter or digit in it",
							  MAX_MERCHANT_CHARACTERS), value);
}

static void
check_zone(const Rule *rule, const JsonbValue *value, const char *path)
{
	if (value->type != jbvString)
		refuse(path, "the name of a time zone", value);
	(void) la_zone(la_json_cstring(value), path);
}

static void
check_limits(const Rule *rule, const JsonbValue *value, const char *path)
{
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		refuse(path, "an object of limits", value);
	check_object(value->val.binary.data, rule->name, path);
}

static bool
is_list(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		JsonContainerSize(value->val.binary.data) <= MAX_LIST_ENTRIES;
}

static Entries
get_entries(const JsonbValue *value)
{
	JsonbContainer *array = value->val.binary.data;
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	entry;
	Entries		list = {0};

	list.values = palloc(sizeof(JsonbValue) * Max(JsonContainerSize(array), 1));
	while ((token = JsonbIteratorNext(&iterator, &entry, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			list.values[list.length++] = entry;
	}
	return list;
}

static void
check_entries(const JsonbValue *value, const char *path,
			  bool (*is_entry) (const JsonbValue *entry), const char *expected)
{
	Entries		list;

	if (!is_list(value))
		refuse(path, psprintf("an array of at most %d entries", MAX_LIST_ENTRIES), value);
	list = get_entries(value);
	for (int i = 0; i < list.length; i++)
	{
		if (!is_entry(&list.values[i]))
			refuse(path, psprintf("an array of %s", expected), &list.values[i]);
	}
}

static bool
consists_of(const JsonbValue *value, int length, char first, char last)
{
	if (value->type != jbvString || value->val.string.len != length)
		return false;
	for (int i = 0; i < length; i++)
	{
		if (value->val.string.val[i] < first || value->val.string.val[i] > last)
			return false;
	}
	return true;
}

static bool
is_mcc(const JsonbValue *value)
{
	return consists_of(value, 4, '0', '9');
}

static bool
is_country(const JsonbValue *value)
{
	return consists_of(value, 2, 'A', 'Z');
}

static void
check_mccs(const Rule *rule, const JsonbValue *value, const char *path)
{
	check_entries(value, path, is_mcc, "strings of four digits");
}

static void
check_merchants(const Rule *rule, const JsonbValue *value, const char *path)
{
	check_entries(value, path, is_merchant,
				  psprintf("strings of 1 to %d characters with a letter or digit in them",
						   MAX_MERCHANT_CHARACTERS));
}

static void
check_countries(const Rule *rule, const JsonbValue *value, const char *path)
{
	check_entries(value, path, is_country, "ISO codes of two upper-case letters");
}

static void
check_days(const Rule *rule, const JsonbValue *value, const char *path)
{
	const char *expected = "an array of one or more different days, 0 (Sunday) to 6";
	bool		seen[7] = {false};
	Entries		list;

	if (!is_list(value) || JsonContainerSize(value->val.binary.data) == 0)
		refuse(path, expected, value);
	list = get_entries(value);
	for (int i = 0; i < list.length; i++)
	{
		int64		day;

		if (!la_json_int64(&list.values[i], &day) ||
			day < 0 || day >= lengthof(seen) || seen[day])
			refuse(path, expected, &list.values[i]);
		seen[day] = true;
	}
}

/* The value is always shown: a policy holds no secrets. */
static void
refuse(const char *path, const char *expected, const JsonbValue *value)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s must be %s", path, expected),
			la_detail("invalid_policy", path, "The value is %s.",
					  la_quoted(la_json_text(value))),
			value->type == jbvNull ? errhint("To have no such rule, leave it out.") : 0);
}

static void
refuse_contradiction(const char *field, const char *rule, const char *other, const char *why)
{
	char	   *path = path_to(field, rule);

	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s and %s contradict each other", path, path_to(field, other)),
			la_detail("invalid_policy", path, "%s", why));
}

static void
check_limits_agree(Jsonb *rules, const char *field)
{
	static const char *const narrow_to_wide[] = {"perAuth", "perDay", "perMonth"};

	for (int i = 0; i < lengthof(narrow_to_wide); i++)
	{
		JsonbValue *narrow = get_value(rules, "limits", narrow_to_wide[i]);
		int64		most;

		if (narrow == NULL || !la_json_int64(narrow, &most))
			continue;
#if LA_MUTANT != 279
		for (int j = i + 1; j < lengthof(narrow_to_wide); j++)
#else
		for (int j = i + 1; j < i + 2 && j < lengthof(narrow_to_wide); j++)
#endif
		{
			JsonbValue *wide = get_value(rules, "limits", narrow_to_wide[j]);
			int64		least;

			if (wide != NULL && la_json_int64(wide, &least) && most > least)
				refuse_contradiction(field, psprintf("limits.%s", narrow_to_wide[i]),
									 psprintf("limits.%s", narrow_to_wide[j]),
									 psprintf(INT64_FORMAT " is more than " INT64_FORMAT ".",
											  most, least));
		}
	}
}

static void
check_approval_agrees(Jsonb *rules, const char *field)
{
	JsonbValue *required = get_value(rules, NULL, "requireApproval");

	if (required != NULL && !required->val.boolean &&
		get_value(rules, NULL, "autoApproveBelow") != NULL)
		refuse_contradiction(field, "autoApproveBelow", "requireApproval",
							 "Without approvals there is nothing to approve automatically.");
}

/* Bytewise; the entries are strings by now. */
static bool
contains(const Entries *list, const JsonbValue *entry)
{
	for (int i = 0; i < list->length; i++)
	{
		JsonbValue *other = &list->values[i];

		if (other->val.string.len == entry->val.string.len &&
			memcmp(other->val.string.val, entry->val.string.val, entry->val.string.len) == 0)
			return true;
	}
	return false;
}

static void
check_lists_agree(Jsonb *rules, const char *field,
				  const char *allowed, const char *blocked)
{
	JsonbValue *allow = get_value(rules, NULL, allowed);
	JsonbValue *block = get_value(rules, NULL, blocked);
	Entries		allow_list;
	Entries		block_list;

	if (allow == NULL || block == NULL)
		return;

	allow_list = get_entries(allow);
	block_list = get_entries(block);
	for (int i = 0; i < allow_list.length; i++)
	{
		JsonbValue *entry = &allow_list.values[i];

		if (contains(&block_list, entry))
			refuse_contradiction(field, blocked, allowed,
								 psprintf("%s is in both.", la_quoted(la_json_text(entry))));
	}
}

static void
check_hours_agree(Jsonb *rules, const char *field)
{
	JsonbValue *start = get_value(rules, NULL, "activeHoursStart");
	JsonbValue *end = get_value(rules, NULL, "activeHoursEnd");
	int64		start_hour;
	int64		end_hour;

	if ((start == NULL) != (end == NULL))
		refuse_contradiction(field,
							 start ? "activeHoursStart" : "activeHoursEnd",
							 start ? "activeHoursEnd" : "activeHoursStart",
							 "Both hours are given, or neither.");
	if (start != NULL && la_json_int64(start, &start_hour) &&
		la_json_int64(end, &end_hour) && start_hour == end_hour)
		refuse_contradiction(field, "activeHoursEnd", "activeHoursStart",
							 "The hours are equal; leave both out to allow the whole day.");
}
