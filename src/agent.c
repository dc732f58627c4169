/*
 * agent.c
 *		Agents: their fields, changing and reading them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "agent.h"
#include "card.h"
#include "counter.h"
#include "errors.h"
#include "event.h"
#include "history.h"
#include "lock.h"
#include "module.h"
#include "organization.h"
#include "policy.h"
#include "rule.h"

PG_FUNCTION_INFO_V1(la_update_agent);
PG_FUNCTION_INFO_V1(la_deregister_agent);
PG_FUNCTION_INFO_V1(la_get_agent);
PG_FUNCTION_INFO_V1(la_list_agents);

const LaField la_agent_fields[LA_AGENT_FIELDS] = {
	[LA_AGENT_NAME] = {"name", LA_KIND_TEXT, false, false, 1, 255},
	[LA_AGENT_DESCRIPTION] = {"description", LA_KIND_TEXT, true, false, 0, 10000},
	[LA_AGENT_STATUS] = {"status", LA_KIND_LABEL, .labels = la_agent_labels},
	[LA_AGENT_LIMIT] = {"spending_limit", LA_KIND_AMOUNT, true},
	[LA_AGENT_FREQUENCY] = {"spending_limit_frequency", LA_KIND_LABEL,
	.labels = la_frequency_labels},
	[LA_AGENT_MODE] = {"window_mode", LA_KIND_LABEL, true, .labels = la_mode_labels},
	[LA_AGENT_ACTION] = {"on_limit_exceeded", LA_KIND_LABEL,
	.labels = la_action_labels},
	[LA_AGENT_CURRENCY] = {"currency", LA_KIND_CURRENCY},
	[LA_AGENT_MAX_CARDS] = {"max_cards", LA_KIND_NUMBER, true, .least = 0, .most = PG_INT32_MAX},
	[LA_AGENT_CARD_LIMIT] = {"default_card_limit", LA_KIND_AMOUNT, true},
	[LA_AGENT_CARD_FREQUENCY] = {"default_card_limit_frequency",
	LA_KIND_LABEL, .labels = la_frequency_labels},
	[LA_AGENT_TEMPLATE] = {"default_policy_id", LA_KIND_UUID, true},
	[LA_AGENT_POLICY] = {"policy", LA_KIND_RULES, true},
	[LA_AGENT_METADATA] = {"metadata", LA_KIND_METADATA},
	[LA_AGENT_REQUIRE_APPROVAL] = {"default_require_approval", LA_KIND_FLAG, true},
	[LA_AGENT_AUTO_APPROVE] = {"default_auto_approve_below", LA_KIND_AMOUNT, true},
	[LA_AGENT_EXTERNAL_ID] = {"external_id", LA_KIND_TEXT, false, true, 1, 255},
	[LA_AGENT_CUSTOMER] = {"customer_id", LA_KIND_TEXT, false, true, 1, 255},
};

static const char *const fixed_names[] = {
	"id", "organization_id", "external_id", "customer_id", "current_spend", "card_count",
	"suspended_reason", "suspended_by", "suspended_at", "created_at", "updated_at",
	"deregistered_at", NULL
};


void
la_require_template(const LaPrincipal *caller, const LaValues *values)
{
	pg_uuid_t  *id;

	if (values->nulls[LA_AGENT_TEMPLATE])
		return;
	id = DatumGetUUIDP(values->values[LA_AGENT_TEMPLATE]);
	if (!la_keep_policy(caller, id))
		la_unknown_field("policy", "default_policy_id", la_uuid_text(id));
}

/* One rule of a policy as a field's value. */
static void
rule_value(const LaValues *values, const char *rule, int field, LaValues *to)
{
	JsonbValue *value = NULL;
	JsonbValue	name;

	to->nulls[field] = true;
	if (values->nulls[LA_AGENT_POLICY])
		return;
	name.type = jbvString;
	name.val.string.val = unconstify(char *, rule);
	name.val.string.len = strlen(rule);
	value = findJsonbValueFromContainer(&DatumGetJsonbP(values->values[LA_AGENT_POLICY])->root,
										JB_FOBJECT, &name);
	if (value == NULL)
		return;
	to->nulls[field] = false;
	if (value->type == jbvBool)
		to->values[field] = BoolGetDatum(value->val.boolean);
	else
		to->values[field] = DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric));
}

void
la_read_agent(const LaPrincipal *caller, const pg_uuid_t *id, LaQuery query, LaValues *stored)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	if (la_run(query, &params, query == LA_Q_AGENT_READ ? LA_LATEST : LA_WRITE) == 0)
		la_unknown_uuid("agent", id);
	row = la_row(0);
	la_stored_values(row, 0, LA_AGENT_STORED, stored);
	rule_value(stored, "requireApproval", LA_AGENT_REQUIRE_APPROVAL, stored);
	rule_value(stored, "autoApproveBelow", LA_AGENT_AUTO_APPROVE, stored);
	stored->values[LA_AGENT_EXTERNAL_ID] = row.values[LA_AGENT_STORED];
	stored->values[LA_AGENT_CUSTOMER] = row.values[LA_AGENT_STORED + 1];
}

static bool
is_deregistered(const LaValues *stored)
{
	return strcmp(TextDatumGetCString(stored->values[LA_AGENT_STATUS]), "deregistered") == 0;
}

/*
 * The two defaults are rules of the inline policy under other names: given, they
 * are written into it, and what is stored are rules only.
 */
static void
merge_rule(LaValues *given, const LaValues *stored, const char *rule, int field)
{
	bool		inline_given = given->given[LA_AGENT_POLICY];
	const LaValues *from = inline_given ? given : stored;
	LaDocument	document;
	Datum		policy;

	if (!given->given[field])
		return;
	policy = from->nulls[LA_AGENT_POLICY]
		? DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")) : from->values[LA_AGENT_POLICY];
	if (given->nulls[field])
		policy = DirectFunctionCall2(jsonb_delete, policy, CStringGetTextDatum(rule));
	else
	{
		la_begin_object(&document);
		if (la_agent_fields[field].kind == LA_KIND_FLAG)
			la_put_bool(&document, rule, DatumGetBool(given->values[field]));
		else
			la_put_int64(&document, rule, DatumGetInt64(given->values[field]));
		policy = DirectFunctionCall2(jsonb_concat, policy, JsonbPGetDatum(la_end_object(&document)));
	}
	given->values[LA_AGENT_POLICY] = policy;
	given->nulls[LA_AGENT_POLICY] = from->nulls[LA_AGENT_POLICY] && given->nulls[field];
	given->given[LA_AGENT_POLICY] = true;
}

void
la_merge_defaults(LaValues *given, const LaValues *stored)
{
	merge_rule(given, stored, "requireApproval", LA_AGENT_REQUIRE_APPROVAL);
	merge_rule(given, stored, "autoApproveBelow", LA_AGENT_AUTO_APPROVE);
	if (given->given[LA_AGENT_POLICY] && !given->nulls[LA_AGENT_POLICY])
		la_check_rules(DatumGetJsonbP(given->values[LA_AGENT_POLICY]), "policy");
}

void
la_require_agent(const LaPrincipal *caller, const pg_uuid_t *agent_id)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, agent_id);
	if (la_run(LA_Q_AGENT_EXISTS, &params, LA_STATEMENT) == 0)
		la_unknown_uuid("agent", agent_id);
}

void
la_refuse_deregistered(const LaValues *stored)
{
	if (is_deregistered(stored))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("agent is deregistered"),
				la_detail("agent_deregistered", "agent_id", "A deregistered agent cannot be changed."));
}

void
la_lock_agent(const LaPrincipal *caller, const pg_uuid_t *agent_id, LaValues *stored)
{
	la_wait_patiently();
	la_read_agent(caller, agent_id, LA_Q_AGENT_LOCK, stored);
	la_change_configuration(LA_LEVEL_AGENT,
							la_lock_key(caller->organization_id, agent_id, UUID_LEN));
}

/* False, too, when there is no such agent. */
static bool
try_agent(const LaPrincipal *caller, const pg_uuid_t *agent_id)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, agent_id);
	return la_run(LA_Q_AGENT_TRY_LOCK, &params, LA_WRITE) > 0;
}

/*
 * The same for a change that must write all of its cards.  Nothing is waited for
 * where no open transaction has written one of them or the agent, and then the
 * configuration lock keeps it so.  Else the agent's queue comes first, as for a
 * decision: who holds it may wait for any row of the agent.
 */
static void
lock_with_cards(const LaPrincipal *caller, const pg_uuid_t *agent_id, LaValues *stored)
{
	uint64		key = la_lock_key(caller->organization_id, agent_id, UUID_LEN);

	la_change_configuration(LA_LEVEL_AGENT, key);
	if (!la_cards_are_busy(caller->organization_id, agent_id) && try_agent(caller, agent_id))
	{
		la_read_agent(caller, agent_id, LA_Q_AGENT_LOCK, stored);
		return;
	}
	la_leave_configuration(LA_LEVEL_AGENT, key);
	(void) la_queue(LA_LEVEL_AGENT, key);
	la_wait_patiently();
	la_lock_cards(caller->organization_id, agent_id);
	la_lock_agent(caller, agent_id, stored);
}

void
la_keep_agent(const LaPrincipal *caller, const pg_uuid_t *agent_id)
{
	LaValues	stored;

	la_wait_patiently();
	la_read_agent(caller, agent_id, LA_Q_AGENT_LOCK, &stored);
	la_refuse_deregistered(&stored);
}

/*
 * A currency stays once something was spent in it, and not even an open
 * transaction may have.  Its queue comes before all that a change locks.
 */
static void
await_spending(const LaPrincipal *caller, const pg_uuid_t *agent_id)
{
	LaParams	params = {0};

	la_queue(LA_LEVEL_AGENT, la_lock_key(caller->organization_id, agent_id, UUID_LEN));
	la_param_text(&params, caller->organization_id);
	la_param_text(&params, la_uuid_text(agent_id));
	la_param_text(&params, la_scope_label(LA_AGENT));
	la_wait_patiently();
	la_run(LA_Q_COUNTER_LOCK, &params, LA_WRITE);
}

static void
check_currency_is_unused(const LaPrincipal *caller, const pg_uuid_t *agent_id, Datum currency)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, agent_id);
	la_param(&params, currency, false);
	if (la_run(LA_Q_AGENT_SPENT, &params, LA_LATEST) > 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("currency cannot be changed once something was spent in it"),
				la_detail("currency_in_use", "currency", "Its limit is in %s.",
						  TextDatumGetCString(currency)));
}

/* The events of a change: of the status, and of everything else. */
static void
tell_changes(const LaPrincipal *caller, const pg_uuid_t *id, const LaValues *stored,
			 const char *previous_status)
{
	bool		others = false;

	for (int i = 0; i < LA_AGENT_STORED; i++)
		others = others || (stored->given[i] && i != LA_AGENT_STATUS);
	if (stored->given[LA_AGENT_STATUS])
		la_tell_agent(caller, strcmp(previous_status, "active") == 0 ? LA_EVENT_SUSPENDED : LA_EVENT_ACTIVATED,
					  id, stored, previous_status);
	if (others)
		la_tell_agent(caller, LA_EVENT_UPDATED, id, stored, previous_status);
}

/* A suspension does not wait for cards: one that is being frozen for another reason stays so. */
static void
lock_for_update(const LaPrincipal *caller, const pg_uuid_t *agent_id, const LaValues *given,
				LaValues *stored)
{
	if (given->given[LA_AGENT_CURRENCY])
		await_spending(caller, agent_id);
	if (given->given[LA_AGENT_STATUS] &&
		strcmp(TextDatumGetCString(given->values[LA_AGENT_STATUS]), "active") == 0)
		lock_with_cards(caller, agent_id, stored);
	else
		la_lock_agent(caller, agent_id, stored);
}

static void
update_agent(const LaPrincipal *caller, const pg_uuid_t *agent_id, LaValues *given)
{
	LaParams	params = {0};
	LaValues	stored;
	Jsonb	   *old_values;
	Jsonb	   *new_values;
	char	   *previous_status;

	lock_for_update(caller, agent_id, given, &stored);
	la_refuse_deregistered(&stored);
	previous_status = TextDatumGetCString(stored.values[LA_AGENT_STATUS]);
	la_merge_defaults(given, &stored);
	if (la_differs(la_agent_fields, LA_AGENT_TEMPLATE, given, &stored))
		la_require_template(caller, given);
	if (la_differs(la_agent_fields, LA_AGENT_CURRENCY, given, &stored))
		check_currency_is_unused(caller, agent_id, stored.values[LA_AGENT_CURRENCY]);
	if (!la_change(la_agent_fields, LA_AGENT_STORED, given, &stored, &old_values, &new_values))
		return;
	if (stored.given[LA_AGENT_CURRENCY])
		la_count_agent_anew(caller->organization_id, agent_id,
							TextDatumGetCString(stored.values[LA_AGENT_CURRENCY]));
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, agent_id);
	la_param_values(&params, &stored, LA_AGENT_STORED);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_param_text(&params, la_principal_name(caller));
	la_run(LA_Q_AGENT_WRITE, &params, LA_WRITE);
	tell_changes(caller, agent_id, &stored, previous_status);
	if (stored.given[LA_AGENT_STATUS] && strcmp(previous_status, "active") == 0)
		la_freeze_cards(caller, caller->organization_id, agent_id);
	else if (stored.given[LA_AGENT_STATUS])
		la_unfreeze_cards(caller, caller->organization_id, agent_id);
	la_record_change(caller, caller->organization_id, "agent",
					 la_uuid_text(agent_id),
					 "update", old_values, new_values);
}

void
la_tell_agent(const LaPrincipal *caller, const char *type, const pg_uuid_t *id,
			  const LaValues *stored, const char *previous_status)
{
	LaDocument	data;

	la_begin_object(&data);
	la_put_uuid(&data, "agentId", id);
	la_put_text(&data, "userId", TextDatumGetCString(stored->values[LA_AGENT_CUSTOMER]));
	if (strcmp(type, LA_EVENT_SUSPENDED) == 0)
	{
		la_put_text(&data, "reason", "manual");
		la_put_text(&data, "suspendedBy", la_principal_name(caller));
	}
	else if (strcmp(type, LA_EVENT_ACTIVATED) == 0)
	{
		la_put_text(&data, "previousStatus", previous_status);
		la_put_text(&data, "activatedBy", la_principal_name(caller));
	}
	else
	{
		la_put_text(&data, "name", TextDatumGetCString(stored->values[LA_AGENT_NAME]));
		la_put_text(&data, "status", TextDatumGetCString(stored->values[LA_AGENT_STATUS]));
		if (previous_status != NULL)
			la_put_text(&data, "previousStatus", previous_status);
	}
	la_event(caller->organization_id, type, id, la_end_object(&data));
}

/*
 * ledger_agents.update_agent(agent_id uuid, changes jsonb, organization_id text)
 *		returns ledger_agents.agent_detail
 *
 * In force for every decision from the commit on, also for calls that were
 * already waiting and for transactions whose snapshot is older.
 */
Datum
la_update_agent(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaValues	given = {0};
	Datum		answer;

	PreventCommandIfReadOnly("update_agent()");
	caller = la_operator(fcinfo, 2);
	if (PG_ARGISNULL(0))
		la_null_field("agent_id");
	if (PG_ARGISNULL(1))
		la_null_field("changes");
	la_give_document(la_agent_fields, LA_AGENT_FIELDS, PG_GETARG_JSONB_P(1), fixed_names,
					 &given);
	la_limit_waiting();
	SPI_connect();
	update_agent(&caller, PG_GETARG_UUID_P(0), &given);
	answer = la_agent_detail(&caller, PG_GETARG_UUID_P(0), LA_LATEST);
	SPI_finish();
	return answer;
}

/*
 * ledger_agents.deregister_agent(agent_id uuid, organization_id text)
 *		returns ledger_agents.agent_detail
 *
 * Its cards are closed and its tokens revoked with it.
 */
Datum
la_deregister_agent(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaParams	params = {0};
	LaValues	stored;
	pg_uuid_t  *id;
	Datum		answer;

	PreventCommandIfReadOnly("deregister_agent()");
	caller = la_operator(fcinfo, 1);
	if (PG_ARGISNULL(0))
		la_null_field("agent_id");
	id = PG_GETARG_UUID_P(0);
	la_limit_waiting();
	SPI_connect();
	lock_with_cards(&caller, id, &stored);
	if (!is_deregistered(&stored))
	{
		char	   *previous_status = TextDatumGetCString(stored.values[LA_AGENT_STATUS]);

		la_param_text(&params, caller.organization_id);
		la_param_uuid(&params, id);
		la_param(&params, TimestampTzGetDatum(la_now()), false);
		la_run(LA_Q_AGENT_DEREGISTER, &params, LA_WRITE);
		stored.values[LA_AGENT_STATUS] = CStringGetTextDatum("deregistered");
		la_tell_agent(&caller, LA_EVENT_DEREGISTERED, id, &stored, previous_status);
		la_record_change(&caller, caller.organization_id, "agent",
						 la_uuid_text(id),
						 "deregister", la_status_document(previous_status),
						 la_status_document("deregistered"));
		la_close_cards(&caller, caller.organization_id, id);
		la_revoke_tokens(&caller, id);
	}
	answer = la_agent_detail(&caller, id, LA_LATEST);
	SPI_finish();
	return answer;
}

Datum
la_agent_detail(const LaPrincipal *caller, const pg_uuid_t *agent_id, LaView view)
{
	LaParams	params = {0};
	Datum		detail;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, agent_id);
	if (!la_run_one(LA_Q_AGENT_GET, &params, view, &detail))
		la_unknown_uuid("agent", agent_id);
	return detail;
}

/*
 * ledger_agents.get_agent(agent_id uuid, external_id text, organization_id text)
 *		returns ledger_agents.agent_detail
 */
Datum
la_get_agent(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, 2);
	LaParams	params = {0};
	Datum		answer;

	if (PG_ARGISNULL(0) == PG_ARGISNULL(1))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("either agent_id or external_id must be given"),
				la_detail("invalid_value", "agent_id", "Give exactly one of the two."));
	SPI_connect();
	if (!PG_ARGISNULL(0))
	{
		la_require_own_agent(&caller, PG_GETARG_UUID_P(0));
		answer = la_agent_detail(&caller, PG_GETARG_UUID_P(0), LA_STATEMENT);
	}
	else
	{
		la_param_text(&params, caller.organization_id);
		la_param(&params, PG_GETARG_DATUM(1), false);
		la_param_uuid(&params, caller.is_agent ? &caller.agent_id : NULL);
		if (!la_run_one(LA_Q_AGENT_GET_EXTERNAL, &params, LA_STATEMENT, &answer))
			la_unknown("agent", text_to_cstring(PG_GETARG_TEXT_PP(1)));
	}
	SPI_finish();
	return answer;
}

/*
 * ledger_agents.list_agents(customer_id text, status text, external_id text,
 *		max_rows integer, after text, organization_id text)
 *		returns setof ledger_agents.agent_detail
 *
 * Newest first; a page behind a cursor is not shifted by what is registered meanwhile.
 */
Datum
la_list_agents(PG_FUNCTION_ARGS)
{
	static const char *const statuses[] = {"active", "suspended", "deregistered", NULL};
	static const LaField status_field = {
		.name = "status", .kind = LA_KIND_LABEL, .nullable = true, .labels = statuses
	};
	LaPrincipal caller = la_caller(fcinfo, 5);
	LaParams	params = {0};
	LaValues	values;

	la_give(&status_field, 0, PG_GETARG_DATUM(1), PG_ARGISNULL(1), &values);
	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, caller.is_agent ? &caller.agent_id : NULL);
	la_param(&params, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
	la_param_values(&params, &values, 1);
	la_param(&params, PG_GETARG_DATUM(2), PG_ARGISNULL(2));
	la_param_uuid(&params, la_parse_cursor(PG_ARGISNULL(4) ? NULL :
										   text_to_cstring(PG_GETARG_TEXT_PP(4))));
	la_param(&params, Int32GetDatum(la_check_page(PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3))), false);
	la_run_set(LA_Q_AGENT_LIST, &params, LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}
