/*
 * policy.c
 *		Policies: named templates of rules.
 *
 * A change takes, in this order, the queue of its new name, the policy's row and
 * the organization's configuration lock.  So who holds the last waits for
 * decisions in progress only: neither for an open transaction that has given the
 * policy to an agent nor for one that has made a policy of that name.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "errors.h"
#include "event.h"
#include "json_value.h"
#include "lock.h"
#include "module.h"
#include "organization.h"
#include "policy.h"
#include "rule.h"

PG_FUNCTION_INFO_V1(la_create_policy);
PG_FUNCTION_INFO_V1(la_update_policy);
PG_FUNCTION_INFO_V1(la_delete_policy);
PG_FUNCTION_INFO_V1(la_get_policy);
PG_FUNCTION_INFO_V1(la_list_policies);

const LaField la_policy_fields[LA_POLICY_FIELDS] = {
	[LA_POLICY_NAME] = {"name", LA_KIND_TEXT, false, false, 1, 255},
	[LA_POLICY_RULES] = {"rules", LA_KIND_RULES},
};

static const char *const fixed_names[] = {
	"id", "organization_id", "created_at", "updated_at", NULL
};

static void lock_policy(const LaPrincipal *caller, const pg_uuid_t *id, const LaValues *given,
						LaValues *stored);
static void read_policy(const LaPrincipal *caller, const pg_uuid_t *id, LaQuery query,
						LaValues *stored);
static void refuse_taken(Datum name);
static Datum drop_policy(const LaPrincipal *caller, const pg_uuid_t *id);
static void refuse_used(const LaPrincipal *caller, const pg_uuid_t *id);
static Datum policy_detail(const LaPrincipal *caller, const pg_uuid_t *id, LaView view);

/*
 * ledger_agents.create_policy(name text, rules jsonb, organization_id text)
 *		returns ledger_agents.policy_detail
 *
 * Of those who give one name at once exactly one gets it.
 */
Datum
la_create_policy(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaValues	given = {0};
	Datum		answer;

	PreventCommandIfReadOnly("create_policy()");
	caller = la_operator(fcinfo, 2);
	for (int i = 0; i < LA_POLICY_FIELDS; i++)
		la_give(la_policy_fields, i, PG_GETARG_DATUM(i), PG_ARGISNULL(i), &given);
	la_limit_waiting();
	SPI_connect();
	answer = la_make_policy(&caller, &given);
	SPI_finish();
	return answer;
}

/* Beside the numbers of external ids and of customers, which share the level. */
static uint64
name_key(const LaPrincipal *caller, Datum name)
{
	char	   *given = TextDatumGetCString(name);

	return la_lock_key(caller->organization_id, given, strlen(given)) + 2;
}

Datum
la_make_policy(const LaPrincipal *caller, const LaValues *given)
{
	uint64		key = name_key(caller, given->values[LA_POLICY_NAME]);
	LaParams	params = {0};
	TimestampTz now;
	pg_uuid_t	id;
	bool		queued;
	Datum		answer;

	(void) la_need_organization(caller->organization_id);
	queued = la_queue(LA_LEVEL_EXTERNAL_ID, key);
	now = la_now();
	la_new_id(&id, now);
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &id);
	la_param_values(&params, given, LA_POLICY_FIELDS);
	la_param(&params, TimestampTzGetDatum(now), false);

	/*
	 * A policy of the name may be on its way out in a transaction that is
	 * open.
	 */
	la_wait_patiently();
	if (!la_run_one(LA_Q_POLICY_INSERT, &params, LA_WRITE, &answer))
		refuse_taken(given->values[LA_POLICY_NAME]);
	if (queued)
		la_leave_queue(LA_LEVEL_EXTERNAL_ID, key);
	la_record_change(caller, caller->organization_id, "policy", la_uuid_text(&id), "create",
					 NULL, la_values_document(la_policy_fields, LA_POLICY_FIELDS, given));
	return answer;
}

/*
 * ledger_agents.update_policy(policy_id uuid, changes jsonb, organization_id text)
 *		returns ledger_agents.policy_detail
 *
 * In force for every decision from the commit on, for all who use the policy,
 * also for calls that were already waiting.
 */
Datum
la_update_policy(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaValues	given = {0};
	Datum		answer;

	PreventCommandIfReadOnly("update_policy()");
	caller = la_operator(fcinfo, 2);
	if (PG_ARGISNULL(0))
		la_null_field("policy_id");
	if (PG_ARGISNULL(1))
		la_null_field("changes");
	la_give_document(la_policy_fields, LA_POLICY_FIELDS, PG_GETARG_JSONB_P(1), fixed_names,
					 &given);
	la_limit_waiting();
	SPI_connect();
	answer = la_change_policy(&caller, PG_GETARG_UUID_P(0), &given, NULL);
	SPI_finish();
	return answer;
}

Datum
la_change_policy(const LaPrincipal *caller, const pg_uuid_t *id, LaValues *given, Jsonb *rules)
{
	LaParams	params = {0};
	LaValues	stored;
	Jsonb	   *old_values;
	Jsonb	   *new_values;

	lock_policy(caller, id, given, &stored);
	if (rules != NULL)
		la_give_rules(stored.values[LA_POLICY_RULES], rules, given);
	if (la_change(la_policy_fields, LA_POLICY_FIELDS, given, &stored, &old_values, &new_values))
	{
		la_param_text(&params, caller->organization_id);
		la_param_uuid(&params, id);
		la_param_values(&params, &stored, LA_POLICY_FIELDS);
		la_param(&params, TimestampTzGetDatum(la_now()), false);
		la_run(LA_Q_POLICY_WRITE, &params, LA_WRITE);
		la_record_change(caller, caller->organization_id, "policy", la_uuid_text(id), "update",
						 old_values, new_values);
	}
	return policy_detail(caller, id, LA_LATEST);
}

/*
 * A new name is part of a key: it needs the row from those who refer to it, and
 * so waits for open transactions that have given the policy to an agent or a
 * card.  New rules do not.
 */
static void
lock_policy(const LaPrincipal *caller, const pg_uuid_t *id, const LaValues *given,
			LaValues *stored)
{
	LaParams	params = {0};

	if (given->given[LA_POLICY_NAME])
		(void) la_queue(LA_LEVEL_EXTERNAL_ID, name_key(caller, given->values[LA_POLICY_NAME]));
	la_wait_patiently();
	read_policy(caller, id, LA_Q_POLICY_LOCK, stored);
	if (la_differs(la_policy_fields, LA_POLICY_NAME, given, stored))
		read_policy(caller, id, LA_Q_POLICY_LOCK_KEY, stored);
#if LA_MUTANT != 20
	la_change_configuration(LA_LEVEL_ORGANIZATION, la_lock_key(caller->organization_id, "", 0));
#endif
	if (!la_differs(la_policy_fields, LA_POLICY_NAME, given, stored))
		return;
	la_param_text(&params, caller->organization_id);
	la_param(&params, given->values[LA_POLICY_NAME], false);
	if (la_run(LA_Q_POLICY_NAMED, &params, LA_LATEST) > 0)
		refuse_taken(given->values[LA_POLICY_NAME]);
}

static void
read_policy(const LaPrincipal *caller, const pg_uuid_t *id, LaQuery query, LaValues *stored)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	if (la_run(query, &params, LA_WRITE) == 0)
		la_unknown_uuid("policy", id);
	la_stored_values(la_row(0), 0, LA_POLICY_FIELDS, stored);
}

static void
refuse_taken(Datum name)
{
	ereport(ERROR,
			errcode(ERRCODE_UNIQUE_VIOLATION),
			errmsg("policy \"%s\" exists", la_quoted(TextDatumGetCString(name))),
			la_detail("policy_name_taken", "name", "Names of policies are unique in an organization."));
}

void
la_give_rules(Datum old, Jsonb *changes, LaValues *given)
{
	Datum		rules = DirectFunctionCall2(jsonb_concat, old, JsonbPGetDatum(changes));
	LaMembers	member;

	la_begin_members(&member, &changes->root);
	while (la_next_member(&member))
		if (member.value.type == jbvNull)
			rules = DirectFunctionCall2(jsonb_delete, rules, CStringGetTextDatum(member.name));
	la_check_rules(DatumGetJsonbP(rules), "");
	given->values[LA_POLICY_RULES] = rules;
	given->nulls[LA_POLICY_RULES] = false;
	given->given[LA_POLICY_RULES] = true;
}

/*
 * ledger_agents.delete_policy(policy_id uuid, organization_id text)
 *		returns ledger_agents.policy_detail
 *
 * The row that was.
 */
Datum
la_delete_policy(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	Datum		answer;

	PreventCommandIfReadOnly("delete_policy()");
	caller = la_operator(fcinfo, 1);
	if (PG_ARGISNULL(0))
		la_null_field("policy_id");
	la_limit_waiting();
	SPI_connect();
	answer = drop_policy(&caller, PG_GETARG_UUID_P(0));
	SPI_finish();
	return answer;
}

/*
 * Whoever gives the policy to an agent or a card holds its row FOR KEY SHARE to
 * the end, by la_keep_policy().  There is no foreign key to do so: tables of an
 * extension have their keys before their rows, and a restore by several
 * processes fills them in any order.  The row is locked against that before the users are looked for: those who came first have
 * ended and are seen, those who come later wait and find no policy.  A policy
 * without users decides nothing, so no configuration lock is needed.
 */
static Datum
drop_policy(const LaPrincipal *caller, const pg_uuid_t *id)
{
	LaParams	params = {0};
	LaValues	stored;
	Datum		answer;

	la_wait_patiently();
	read_policy(caller, id, LA_Q_POLICY_LOCK_KEY, &stored);
	refuse_used(caller, id);
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	(void) la_run_one(LA_Q_POLICY_DELETE, &params, LA_WRITE, &answer);
	la_record_change(caller, caller->organization_id, "policy", la_uuid_text(id), "delete",
					 la_values_document(la_policy_fields, LA_POLICY_FIELDS, &stored), NULL);
	return answer;
}

static void
refuse_used(const LaPrincipal *caller, const pg_uuid_t *id)
{
	LaParams	params = {0};
	bool		by_agents;
	bool		by_cards;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	la_run(LA_Q_POLICY_USED, &params, LA_LATEST);
	by_agents = DatumGetBool(la_column(0, 0));
	by_cards = DatumGetBool(la_column(0, 1));
	if (!by_agents && !by_cards)
		return;
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("policy is in use"),
			la_detail("policy_in_use", "policy_id", "It is used by %s%s%s.",
					  by_agents ? "agents" : "", by_agents && by_cards ? " and " : "",
					  by_cards ? "cards" : ""));
}

bool
la_keep_policy(const LaPrincipal *caller, const pg_uuid_t *id)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	la_wait_patiently();
	return la_run(LA_Q_POLICY_KEEP, &params, LA_WRITE) > 0;
}

static Datum
policy_detail(const LaPrincipal *caller, const pg_uuid_t *id, LaView view)
{
	LaParams	params = {0};
	Datum		detail;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	if (!la_run_one(LA_Q_POLICY_GET, &params, view, &detail))
		la_unknown_uuid("policy", id);
	return detail;
}

/*
 * ledger_agents.get_policy(policy_id uuid, name text, organization_id text)
 *		returns ledger_agents.policy_detail
 */
Datum
la_get_policy(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_operator(fcinfo, 2);
	LaParams	params = {0};
	Datum		answer;

	if (PG_ARGISNULL(0) == PG_ARGISNULL(1))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("either policy_id or name must be given"),
				la_detail("invalid_value", "policy_id", "Give exactly one of the two."));
	SPI_connect();
	if (!PG_ARGISNULL(0))
		answer = policy_detail(&caller, PG_GETARG_UUID_P(0), LA_STATEMENT);
	else
	{
		la_param_text(&params, caller.organization_id);
		la_param(&params, PG_GETARG_DATUM(1), false);
		if (!la_run_one(LA_Q_POLICY_GET_NAMED, &params, LA_STATEMENT, &answer))
			la_unknown_field("policy", "name", text_to_cstring(PG_GETARG_TEXT_PP(1)));
	}
	SPI_finish();
	return answer;
}

/*
 * ledger_agents.list_policies(max_rows integer, after text, organization_id text)
 *		returns setof ledger_agents.policy_detail
 *
 * Newest first; a page behind a cursor is not shifted by what is made meanwhile.
 */
Datum
la_list_policies(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_operator(fcinfo, 2);
	LaParams	params = {0};

	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, la_parse_cursor(PG_ARGISNULL(1) ? NULL :
										   text_to_cstring(PG_GETARG_TEXT_PP(1))));
	la_param(&params, Int32GetDatum(la_check_page(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0))), false);
	la_run_set(LA_Q_POLICY_LIST, &params, LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}
