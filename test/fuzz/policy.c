/*
 * policy.c
 *		Target: rules of a policy as they are written.
 *
 * Bytes choose rules and values; who chooses knows without reading any JSON
 * whether they are to be accepted, and as what.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "fuzz.h"
#include "ruleset.h"

#define NONE PG_INT64_MIN
#define MOST_ENTRIES 6

/* What was written of a rule. */
typedef struct Written
{
	bool		there;
	int64		number;			/* as it must be read */
	int			count;
	int			entries[MOST_ENTRIES];	/* of a list, by what they are */
} Written;

typedef struct Policy
{
	StringInfoData text;
	Written		rules[LA_RULES];
	bool		right;			/* each value is one of its rule's */
} Policy;

static const struct
{
	LaRuleId	id;
	const char *name;
	int64		least;
	int64		most;
}			wholes[] = {
	{LA_RULE_AUTO_APPROVE_BELOW, "autoApproveBelow", 0, PG_INT64_MAX},
	{LA_RULE_ATTESTATION_WINDOW, "attestationWindowMinutes", 1, 60},
	{LA_RULE_COOLDOWN, "cooldownMinutes", 1, 365 * 24 * 60},
	{LA_RULE_CUMULATIVE_MAX, "cumulativeMax", 0, PG_INT64_MAX},
	{LA_RULE_MAX_AUTH_COUNT, "maxAuthCount", 1, PG_INT32_MAX},
	{LA_RULE_HOURS_START, "activeHoursStart", 0, 23},
	{LA_RULE_HOURS_END, "activeHoursEnd", 0, 23},
	{LA_RULE_PER_AUTH, "perAuth", 0, PG_INT64_MAX},
	{LA_RULE_PER_DAY, "perDay", 0, PG_INT64_MAX},
	{LA_RULE_PER_MONTH, "perMonth", 0, PG_INT64_MAX},
};

#define LIMITS_FROM 7			/* in wholes: members of "limits" */

static const struct
{
	const char *text;
	int64		number;			/* NONE: it is no whole number of 64 bits */
}			numbers[] = {
	{"0", 0}, {"1", 1}, {"-1", -1}, {"1.0", 1}, {"1.5", NONE}, {"2e1", 20}, {"0.00", 0}, {"-0", 0}, {"23", 23}, {"24", 24},
	{"60", 60}, {"61", 61}, {"525600", 525600}, {"525601", 525601}, {"2147483647", PG_INT32_MAX}, {"2147483648", INT64CONST(2147483648)},
	{"9223372036854775807", PG_INT64_MAX}, {"9223372036854775808", NONE}, {"9223372036854775807.5", NONE}, {"1e400", NONE},
	{"-9223372036854775809", NONE}, {"\"1\"", NONE}, {"null", NONE}, {"true", NONE}, {"[]", NONE}, {"{\"a\": 1}", NONE}
};

static const struct
{
	LaRuleId	id;
	const char *name;
}			booleans[] = {
	{LA_RULE_REQUIRE_INTENT, "requireIntent"},
	{LA_RULE_REQUIRE_APPROVAL, "requireApproval"},
	{LA_RULE_REQUIRE_CARD, "requireCard"},
	{LA_RULE_LOCK_TO_FIRST, "lockToFirstMerchant"},
};

/* Lists, each beside the one that it must not meet; entries as they are written, then one that is wrong. */
static const struct
{
	LaRuleId	id;
	const char *name;
	const char *entries[4];
}			lists[] = {
	{LA_RULE_ALLOWED_MCCS, "allowedMccs", {"\"5411\"", "\"0000\"", "\"9999\"", "\"541\""}},
	{LA_RULE_BLOCKED_MCCS, "blockedMccs", {"\"5411\"", "\"0000\"", "\"9999\"", "5411"}},
	{LA_RULE_ALLOWED_COUNTRIES, "allowedCountries", {"\"DE\"", "\"AA\"", "\"ZZ\"", "\"de\""}},
	{LA_RULE_BLOCKED_COUNTRIES, "blockedCountries", {"\"DE\"", "\"AA\"", "\"ZZ\"", "\"D\\u0045U\""}},
	{LA_RULE_ALLOWED_MERCHANTS, "allowedMerchants", {"\"Shop\"", "\"shop 1\"", "\"\\u00e9\"", "\"...\""}},
	{LA_RULE_BLOCKED_MERCHANTS, "blockedMerchants", {"\"Shop\"", "\"shop 1\"", "\"\\u00e9\"", "\"\""}},
};

/* False: the rule is there already, and a second one would take its place. */
static bool
write_name(Policy *policy, LaRuleId id, const char *name)
{
	if (policy->rules[id].there)
		return false;
	policy->rules[id].there = true;
	if (policy->text.data[policy->text.len - 1] != '{')
		appendStringInfoString(&policy->text, ", ");
	appendStringInfo(&policy->text, "\"%s\": ", name);
	return true;
}

static void
write_whole(Policy *policy, Input *input, int from, int count)
{
	int			i = from + take_byte(input) % count;
	int			value = take_byte(input) % lengthof(numbers);

	if (!write_name(policy, wholes[i].id, wholes[i].name))
		return;
	appendStringInfoString(&policy->text, numbers[value].text);
	policy->rules[wholes[i].id].number = numbers[value].number;
	if (numbers[value].number == NONE || numbers[value].number < wholes[i].least || numbers[value].number > wholes[i].most)
		policy->right = false;
}

static void
write_boolean(Policy *policy, Input *input)
{
	static const char *const values[] = {"false", "true", "false", "true", "0", "\"true\"", "null"};
	int			i = take_byte(input) % lengthof(booleans);
	int			value = take_byte(input) % lengthof(values);

	if (!write_name(policy, booleans[i].id, booleans[i].name))
		return;
	appendStringInfoString(&policy->text, values[value]);
	policy->rules[booleans[i].id].number = value % 2;
	if (value >= 4)
		policy->right = false;
}

static void
write_limits(Policy *policy, Input *input)
{
	int			count = take_byte(input) % 4;

	if (!write_name(policy, LA_RULE_LIMITS, "limits"))
		return;
	appendStringInfoChar(&policy->text, '{');
	for (int i = 0; i < count; i++)
		write_whole(policy, input, LIMITS_FROM, lengthof(wholes) - LIMITS_FROM);
	appendStringInfoChar(&policy->text, '}');
}

static void
write_list(Policy *policy, Input *input)
{
	int			i = take_byte(input) % lengthof(lists);
	Written    *written = &policy->rules[lists[i].id];

	if (!write_name(policy, lists[i].id, lists[i].name))
		return;
	written->count = take_byte(input) % MOST_ENTRIES;
	appendStringInfoChar(&policy->text, '[');
	for (int entry = 0; entry < written->count; entry++)
	{
		uint8		choice = take_byte(input);

		written->entries[entry] = choice > 240 ? 3 : choice % 3;
		if (written->entries[entry] == 3)
			policy->right = false;
		appendStringInfo(&policy->text, "%s%s", entry > 0 ? "," : "", lists[i].entries[written->entries[entry]]);
	}
	appendStringInfoChar(&policy->text, ']');
}

static void
write_days(Policy *policy, Input *input)
{
	int			count = take_byte(input) % 8;
	int64		seen = 0;

	if (!write_name(policy, LA_RULE_DAYS, "activeDays"))
		return;
	appendStringInfoChar(&policy->text, '[');
	for (int i = 0; i < count; i++)
	{
		int			day = take_byte(input) % 8;

		if (day > 6 || (seen & (1 << day)) != 0)
			policy->right = false;
		seen |= 1 << day;
		appendStringInfo(&policy->text, "%s%d", i > 0 ? "," : "", day);
	}
	appendStringInfoChar(&policy->text, ']');
	if (count == 0)
		policy->right = false;
	policy->rules[LA_RULE_DAYS].number = seen;
}

static void
write_other(Policy *policy, Input *input)
{
	static const char *const fractions[] = {"0", "1", "0.5", "0.1234569", "1e-6", "1.0000001", "-0.1", "\"0.5\""};
	static const int64 millionths[] = {0, 1000000, 500000, 123456, 1, NONE, NONE, NONE};
	static const char *const words[] = {"\"allow\"", "\"alert\"", "\"decline\"", "\"freeze\"", "\"Alert\"", "1"};
	static const char *const zones[] = {"\"UTC\"", "\"europe/berlin\"", "\"UTC+3\"", "\"FOO-12\"", "\"\"", "3"};
	uint8		value;

	switch (take_byte(input) % 4)
	{
		case 0:
			value = take_byte(input) % lengthof(fractions);
			if (!write_name(policy, LA_RULE_INTENT_TOLERANCE, "intentTolerance"))
				return;
			appendStringInfoString(&policy->text, fractions[value]);
			policy->rules[LA_RULE_INTENT_TOLERANCE].number = millionths[value];
			policy->right = policy->right && millionths[value] != NONE;
			break;
		case 1:
			value = take_byte(input) % lengthof(words);
			if (!write_name(policy, LA_RULE_ON_DRIFT, "onDrift"))
				return;
			appendStringInfoString(&policy->text, words[value]);
			policy->rules[LA_RULE_ON_DRIFT].number = value;
			policy->right = policy->right && value < 4;
			break;
		case 2:
			value = take_byte(input) % lengthof(zones);
			if (!write_name(policy, LA_RULE_TIMEZONE, "activeTimezone"))
				return;
			appendStringInfoString(&policy->text, zones[value]);
			policy->rules[LA_RULE_TIMEZONE].number = NONE;
			policy->right = policy->right && value < 2;
			break;
		default:
			/* No rule at all. */
			if (!write_name(policy, LA_RULE_ON_EXPIRY, "perauth"))
				return;
			appendStringInfoChar(&policy->text, '1');
			policy->right = false;
	}
}

/* Whether narrow is no more than wide, where both are there. */
static bool
is_within(const Policy *policy, LaRuleId narrow, LaRuleId wide)
{
	return !policy->rules[narrow].there || !policy->rules[wide].there ||
		policy->rules[narrow].number <= policy->rules[wide].number;
}

static bool
agrees(const Policy *policy)
{
	const Written *start = &policy->rules[LA_RULE_HOURS_START];
	const Written *end = &policy->rules[LA_RULE_HOURS_END];

	if (!is_within(policy, LA_RULE_PER_AUTH, LA_RULE_PER_DAY) || !is_within(policy, LA_RULE_PER_AUTH, LA_RULE_PER_MONTH) ||
		!is_within(policy, LA_RULE_PER_DAY, LA_RULE_PER_MONTH))
		return false;
	if (start->there != end->there || (start->there && start->number == end->number))
		return false;
	if (policy->rules[LA_RULE_REQUIRE_APPROVAL].there && policy->rules[LA_RULE_REQUIRE_APPROVAL].number == 0 &&
		policy->rules[LA_RULE_AUTO_APPROVE_BELOW].there)
		return false;
	for (int i = 0; i < lengthof(lists); i += 2)
	{
		const Written *allowed = &policy->rules[lists[i].id];
		const Written *blocked = &policy->rules[lists[i + 1].id];

		for (int a = 0; a < allowed->count; a++)
			for (int b = 0; b < blocked->count; b++)
				if (allowed->entries[a] == blocked->entries[b])
					return false;
	}
	return true;
}

static void
check(void *rules)
{
	la_check_rules(rules, "policy");
}

void
fuzz_policy(Input *input)
{
	Policy		policy = {.right = true};
	Jsonb	   *document;
	LaRules    *rules;
	int			sqlstate;
	bool		accepted;

	initStringInfo(&policy.text);
	appendStringInfoChar(&policy.text, '{');
	while (input->left > 0)
	{
		switch (take_byte(input) % 6)
		{
			case 0:
				write_whole(&policy, input, 0, LIMITS_FROM);
				break;
			case 1:
				write_boolean(&policy, input);
				break;
			case 2:
				write_limits(&policy, input);
				break;
			case 3:
				write_list(&policy, input);
				break;
			case 4:
				write_days(&policy, input);
				break;
			case 5:
				write_other(&policy, input);
		}
	}
	appendStringInfoChar(&policy.text, '}');
	document = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(policy.text.data)));
	accepted = policy.right && agrees(&policy);
	sqlstate = sqlstate_of(check, document);
	if (sqlstate != (accepted ? 0 : ERRCODE_INVALID_PARAMETER_VALUE))
		wrong("%s gives %s", policy.text.data, sqlstate == 0 ? "no error" : unpack_sql_state(sqlstate));
	if (!accepted)
		return;
	rules = la_parse_rules(document, NULL);
	for (int i = 0; i < LA_RULES; i++)
	{
		const Written *written = &policy.rules[i];

		if (i == LA_RULE_LIMITS || written->number == NONE)
			continue;
		if (la_rule_set(rules, i) != written->there)
			wrong("%s: %s is%s set", policy.text.data, la_rule_name(i), written->there ? " not" : "");
		if (written->there && (rules->settings[i].number != written->number || rules->settings[i].count != written->count))
			wrong("%s: %s is " INT64_FORMAT ", and %d entries", policy.text.data, la_rule_name(i), rules->settings[i].number, rules->settings[i].count);
	}
}
