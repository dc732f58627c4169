/*
 * card.c
 *		Cards: their fields, making, changing and reading them.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "agent.h"
#include "card.h"
#include "counter.h"
#include "errors.h"
#include "event.h"
#include "lock.h"
#include "module.h"
#include "policy.h"

PG_FUNCTION_INFO_V1(la_create_card);
PG_FUNCTION_INFO_V1(la_update_card);
PG_FUNCTION_INFO_V1(la_get_card);
PG_FUNCTION_INFO_V1(la_list_cards);

const LaField la_card_fields[LA_CARD_FIELDS] = {
	[LA_CARD_PURPOSE] = {"purpose", LA_KIND_TEXT, true, false, 1, 255},
	[LA_CARD_MAX_AMOUNT] = {"max_amount", LA_KIND_AMOUNT, true, .least = 1},
	[LA_CARD_LIMIT] = {"spending_limit", LA_KIND_AMOUNT, true},
	[LA_CARD_FREQUENCY] = {"spending_limit_frequency", LA_KIND_LABEL,
	.labels = la_frequency_labels},
	[LA_CARD_MODE] = {"window_mode", LA_KIND_LABEL, true, .labels = la_mode_labels},
	[LA_CARD_TEMPLATE] = {"policy_id", LA_KIND_UUID, true},
	[LA_CARD_POLICY] = {"policy", LA_KIND_RULES, true},
	[LA_CARD_METADATA] = {"metadata", LA_KIND_METADATA},
	[LA_CARD_TYPE] = {"type", LA_KIND_LABEL, false, true, .labels = la_card_type_labels},
	[LA_CARD_AGENT] = {"agent_id", LA_KIND_UUID, false, true},
};

static const char *const fixed_names[] = {
	"id", "organization_id", "status", "status_reason", "status_by", "status_at",
	"current_spend", "auth_count", "first_merchant", "created_at", "updated_at", NULL
};

static const char *const statuses[] = {"active", "frozen", "closed", NULL};
static const LaField status_field = {
	.name = "status", .kind = LA_KIND_LABEL, .nullable = true, .labels = statuses
};

static void require_template(const LaPrincipal *caller, const LaValues *values);
static void fill_defaults(LaValues *given, const LaValues *agent);
static void refuse_one_more(const LaPrincipal *caller, const pg_uuid_t *agent_id,
							const LaValues *agent);
static void insert_card(const LaPrincipal *caller, const pg_uuid_t *id, const LaValues *values);
static void tell_created(const LaPrincipal *caller, const pg_uuid_t *id, const LaValues *values,
						 const LaValues *agent);
static void change_card(const LaPrincipal *caller, const pg_uuid_t *id, const LaValues *given);

/* Arguments of create_card(), by field; organization_id comes last. */
static const int create_arguments[LA_CARD_FIELDS] = {
	[LA_CARD_AGENT] = 0,[LA_CARD_PURPOSE] = 1,[LA_CARD_TYPE] = 2,[LA_CARD_MAX_AMOUNT] = 3,
	[LA_CARD_LIMIT] = 4,[LA_CARD_FREQUENCY] = 5,[LA_CARD_MODE] = 6,[LA_CARD_TEMPLATE] = 7,
	[LA_CARD_POLICY] = 8,[LA_CARD_METADATA] = 9
};
#define CREATE_ORGANIZATION 10

/*
 * ledger_agents.create_card(agent_id uuid, purpose text, type text, max_amount bigint,
 *		spending_limit bigint, spending_limit_frequency text, window_mode text,
 *		policy_id uuid, policy jsonb, metadata jsonb, organization_id text)
 *		returns ledger_agents.card_detail
 *
 * max_cards holds whatever runs at once.
 */
Datum
la_create_card(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaValues	given = {0};
	pg_uuid_t	id;
	Datum		answer;

	PreventCommandIfReadOnly("create_card()");
	caller = la_operator(fcinfo, CREATE_ORGANIZATION);
	for (int i = 0; i < LA_CARD_FIELDS; i++)
	{
		int			argument = create_arguments[i];

		if (la_card_fields[i].fixed || !PG_ARGISNULL(argument))
			la_give(la_card_fields, i, PG_GETARG_DATUM(argument), PG_ARGISNULL(argument), &given);
	}
	la_limit_waiting();
	SPI_connect();
	la_make_card(&caller, &given, &id);
	answer = la_card_detail(&caller, &id, LA_LATEST);
	SPI_finish();
	return answer;
}

static void
note_card(const LaPrincipal *caller, const pg_uuid_t *agent_id)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, agent_id);
	la_run(LA_Q_AGENT_HAS_CARDS, &params, LA_WRITE);
}

/*
 * The agent's row is locked first: whoever makes a card of it at the same time
 * waits, and counts this one.
 */
void
la_make_card(const LaPrincipal *caller, LaValues *given, pg_uuid_t *id)
{
	pg_uuid_t  *agent_id = DatumGetUUIDP(given->values[LA_CARD_AGENT]);
	LaValues	agent;

#if LA_MUTANT != 50
	la_lock_agent(caller, agent_id, &agent);
#else
	la_read_agent(caller, agent_id, LA_Q_AGENT_READ, &agent);
#endif
	la_refuse_inactive(&agent);
	fill_defaults(given, &agent);
	require_template(caller, given);
	refuse_one_more(caller, agent_id, &agent);
	la_new_id(id, la_now());
	insert_card(caller, id, given);
#if LA_MUTANT != 32
	note_card(caller, agent_id);
#endif
	tell_created(caller, id, given, &agent);
	la_record_change(caller, caller->organization_id, "card", la_uuid_text(id), "create", NULL,
					 la_values_document(la_card_fields, LA_CARD_FIELDS, given));
}

static void
require_template(const LaPrincipal *caller, const LaValues *values)
{
	const pg_uuid_t *id = DatumGetUUIDP(values->values[LA_CARD_TEMPLATE]);

	if (values->nulls[LA_CARD_TEMPLATE])
		return;
	if (!la_keep_policy(caller, id))
		la_unknown_field("policy", "policy_id", la_uuid_text(id));
}

static void
take_default(LaValues *given, int i, const LaValues *agent, int from)
{
	if (given->given[i])
		return;
	given->values[i] = agent->values[from];
	given->nulls[i] = agent->nulls[from];
}

/* A frequency goes with its limit: the agent's with the agent's, else perMonth. */
static void
fill_defaults(LaValues *given, const LaValues *agent)
{
	for (int i = 0; i < LA_CARD_STORED; i++)
		if (!given->given[i])
			given->nulls[i] = la_card_fields[i].nullable;
	if (!given->given[LA_CARD_LIMIT])
		take_default(given, LA_CARD_FREQUENCY, agent, LA_AGENT_CARD_FREQUENCY);
	else if (!given->given[LA_CARD_FREQUENCY])
		given->values[LA_CARD_FREQUENCY] = CStringGetTextDatum("perMonth");
	take_default(given, LA_CARD_LIMIT, agent, LA_AGENT_CARD_LIMIT);
	take_default(given, LA_CARD_TEMPLATE, agent, LA_AGENT_TEMPLATE);
	if (!given->given[LA_CARD_TYPE])
		given->values[LA_CARD_TYPE] = CStringGetTextDatum("single");
	if (!given->given[LA_CARD_METADATA])
		given->values[LA_CARD_METADATA] = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
}

static void
refuse_one_more(const LaPrincipal *caller, const pg_uuid_t *agent_id, const LaValues *agent)
{
	LaParams	params = {0};
	int32		most = DatumGetInt32(agent->values[LA_AGENT_MAX_CARDS]);

	if (agent->nulls[LA_AGENT_MAX_CARDS])
		return;
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, agent_id);
	la_run(LA_Q_CARD_COUNT, &params, LA_LATEST);
	if (DatumGetInt64(la_column(0, 0)) >= most)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("agent has as many cards as it may have"),
				la_detail("max_cards_reached", "agent_id", "It may have %d that are not closed.", most),
				errhint("Close a card, or raise max_cards of the agent."));
}

static void
insert_card(const LaPrincipal *caller, const pg_uuid_t *id, const LaValues *values)
{
	LaParams	params = {0};
	LaCounter	counter;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	la_param(&params, values->values[LA_CARD_AGENT], false);
	la_param(&params, values->values[LA_CARD_TYPE], false);
	la_param_values(&params, values, LA_CARD_STORED);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run(LA_Q_CARD_INSERT, &params, LA_WRITE);
	memset(&params, 0, sizeof(params));
	la_counter_init(&counter);
	la_param_text(&params, caller->organization_id);
	la_param_text(&params, la_uuid_text(id));
	la_param_counter(&params, &counter);
	la_param_text(&params, la_scope_label(LA_CARD));
	la_run(LA_Q_COUNTER_INSERT, &params, LA_WRITE);
}

static void
tell_created(const LaPrincipal *caller, const pg_uuid_t *id, const LaValues *values,
			 const LaValues *agent)
{
	pg_uuid_t  *agent_id = DatumGetUUIDP(values->values[LA_CARD_AGENT]);
	LaDocument	data;

	la_begin_object(&data);
	la_put_uuid(&data, "cardId", id);
	la_put_uuid(&data, "agentId", agent_id);
	la_put_text(&data, "userId", TextDatumGetCString(agent->values[LA_AGENT_CUSTOMER]));
	la_put_text(&data, "type", TextDatumGetCString(values->values[LA_CARD_TYPE]));
	if (!values->nulls[LA_CARD_PURPOSE])
		la_put_text(&data, "purpose", TextDatumGetCString(values->values[LA_CARD_PURPOSE]));
	la_put_text(&data, "status", "active");
	la_event(caller->organization_id, LA_EVENT_CARD_CREATED, agent_id, la_end_object(&data));
}

/*
 * ledger_agents.update_card(card_id uuid, changes jsonb, organization_id text)
 *		returns ledger_agents.card_detail
 *
 * In force for every decision from the commit on, also for calls that were
 * already waiting.
 */
Datum
la_update_card(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaValues	given = {0};
	Datum		answer;

	PreventCommandIfReadOnly("update_card()");
	caller = la_operator(fcinfo, 2);
	if (PG_ARGISNULL(0))
		la_null_field("card_id");
	if (PG_ARGISNULL(1))
		la_null_field("changes");
	la_give_document(la_card_fields, LA_CARD_FIELDS, PG_GETARG_JSONB_P(1), fixed_names, &given);
	la_limit_waiting();
	SPI_connect();
	change_card(&caller, PG_GETARG_UUID_P(0), &given);
	answer = la_card_detail(&caller, PG_GETARG_UUID_P(0), LA_LATEST);
	SPI_finish();
	return answer;
}

/* Counters need no change with a limit: they hold every window, and a rolling sum is made when it is asked for. */
static void
change_card(const LaPrincipal *caller, const pg_uuid_t *id, const LaValues *given)
{
	LaParams	params = {0};
	LaStoredCard card;
	Jsonb	   *old_values;
	Jsonb	   *new_values;

	la_lock_card(caller, id, &card);
	la_refuse_closed(&card);
	if (la_differs(la_card_fields, LA_CARD_TEMPLATE, given, &card.values))
		require_template(caller, given);
	if (!la_change(la_card_fields, LA_CARD_STORED, given, &card.values, &old_values, &new_values))
		return;
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	la_param_values(&params, &card.values, LA_CARD_STORED);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run(LA_Q_CARD_WRITE, &params, LA_WRITE);
	la_record_change(caller, caller->organization_id, "card", la_uuid_text(id), "update",
					 old_values, new_values);
}

Datum
la_card_detail(const LaPrincipal *caller, const pg_uuid_t *id, LaView view)
{
	LaParams	params = {0};
	Datum		detail;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	la_param_uuid(&params, caller->is_agent ? &caller->agent_id : NULL);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (!la_run_one(LA_Q_CARD_GET, &params, view, &detail))
		la_unknown_uuid("card", id);
	return detail;
}

/*
 * ledger_agents.get_card(card_id uuid, organization_id text)
 *		returns ledger_agents.card_detail
 */
Datum
la_get_card(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, 1);
	Datum		answer;

	if (PG_ARGISNULL(0))
		la_null_field("card_id");
	SPI_connect();
	answer = la_card_detail(&caller, PG_GETARG_UUID_P(0), LA_STATEMENT);
	SPI_finish();
	return answer;
}

/*
 * ledger_agents.list_cards(agent_id uuid, status text, max_rows integer, after text,
 *		organization_id text) returns setof ledger_agents.card_detail
 *
 * Newest first; a page behind a cursor is not shifted by what is made meanwhile.
 */
Datum
la_list_cards(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, 4);
	const pg_uuid_t *agent_id = PG_ARGISNULL(0) ? NULL : PG_GETARG_UUID_P(0);
	LaParams	params = {0};
	LaValues	status;

	la_give(&status_field, 0, PG_GETARG_DATUM(1), PG_ARGISNULL(1), &status);
	if (agent_id != NULL)
		la_require_own_agent(&caller, agent_id);
	else if (caller.is_agent)
		agent_id = &caller.agent_id;
	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, agent_id);
	la_param_values(&params, &status, 1);
	la_param_uuid(&params, la_parse_cursor(PG_ARGISNULL(3) ? NULL :
										   text_to_cstring(PG_GETARG_TEXT_PP(3))));
	la_param(&params, Int32GetDatum(la_check_page(PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2))), false);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run_set(agent_id == NULL ? LA_Q_CARD_LIST : LA_Q_CARD_LIST_AGENT, &params, LA_STATEMENT,
			   fcinfo);
	SPI_finish();
	return (Datum) 0;
}
