/*
 * json_policy.c
 *		The JSON functions of policies.
 *
 * A policy is one flat object: its name and its rules, side by side.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/builtins.h"

#include "json_verb.h"
#include "policy.h"

static Datum create_policy(const LaPrincipal *caller, const LaArguments *arguments);
static Datum update_policy(const LaPrincipal *caller, const LaArguments *arguments);
static void put_rules(LaDocument *to, Datum row);
static void put_deleted(LaDocument *to, Datum row);

static const LaColumn policy_columns[] = {
	{"id", "id"}, {"name", "name"}, {"createdAt", "created_at"}
};

static const LaShape policy = {
	"policy", policy_columns, lengthof(policy_columns), LA_TIMES_ISO, put_rules
};

static const LaShape deleted = {NULL, policy_columns, 1, LA_TIMES_ISO, put_deleted};

/* The words of the verbs that are not the SQL function's. */
enum
{
	NAME, RULES, ID
};

const LaJsonVerb la_policy_verbs[] = {
	{"create_policy", 0, &policy, {[NAME] = LA_WORD_NEW_NAME,[RULES] = LA_WORD_RULES},
	.own = create_policy},
	{"update_policy", 0, &policy,
		{[NAME] = LA_WORD_NAME,[RULES] = LA_WORD_RULES,[ID] = LA_WORD_POLICY},
	.own = update_policy},
	{"delete_policy", 0, &deleted, {LA_WORD_POLICY, LA_WORD_ORGANIZATION}},
	{"get_policy", LA_READS, &policy, {LA_WORD_POLICY, LA_WORD_NAME, LA_WORD_ORGANIZATION}},
	{"list_policies", LA_READS, &policy, {LA_WORD_LIMIT, LA_WORD_AFTER, LA_WORD_ORGANIZATION}},
	{NULL}
};

static const int order[] = {[NAME] = LA_POLICY_NAME};

static Datum
create_policy(const LaPrincipal *caller, const LaArguments *arguments)
{
	LaValues	given = {0};

	la_give_words(arguments, la_policy_fields, order, lengthof(order), &given);
	la_give_rules(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")),
				  DatumGetJsonbP(arguments->values[RULES].value), &given);
	return la_make_policy(caller, &given);
}

/* A rule that is given replaces the stored one, null removes it, the others stay. */
static Datum
update_policy(const LaPrincipal *caller, const LaArguments *arguments)
{
	LaValues	given = {0};

	if (arguments->values[ID].isnull)
		la_null_field("policy_id");
	la_give_words(arguments, la_policy_fields, order, lengthof(order), &given);
	return la_change_policy(caller, DatumGetUUIDP(arguments->values[ID].value), &given,
							DatumGetJsonbP(arguments->values[RULES].value));
}

static void
put_rules(LaDocument *to, Datum row)
{
	bool		isnull;

	la_put_members(to, DatumGetJsonbP(GetAttributeByName(DatumGetHeapTupleHeader(row), "rules",
														 &isnull)));
}

static void
put_deleted(LaDocument *to, Datum row)
{
	la_put_bool(to, "deleted", true);
}
