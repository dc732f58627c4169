/*
 * registration.c
 *		Registering agents, idempotently on external_id.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "agent.h"
#include "counter.h"
#include "errors.h"
#include "event.h"
#include "lock.h"
#include "module.h"
#include "organization.h"

PG_FUNCTION_INFO_V1(la_register_agent);

static bool insert_agent(const LaPrincipal *caller, LaValues *values, const pg_uuid_t *id);
static bool find_agent(const LaPrincipal *caller, const LaValues *given, pg_uuid_t *id);
static Datum differing_fields(const LaPrincipal *caller, const pg_uuid_t *id, LaValues *given);

/* Arguments of register_agent(), by field; organization_id comes last. */
static const int register_arguments[LA_AGENT_FIELDS] = {
	[LA_AGENT_EXTERNAL_ID] = 0,[LA_AGENT_CUSTOMER] = 1,[LA_AGENT_NAME] = 2,
	[LA_AGENT_DESCRIPTION] = 3,[LA_AGENT_STATUS] = 4,[LA_AGENT_LIMIT] = 5,
	[LA_AGENT_FREQUENCY] = 6,[LA_AGENT_MODE] = 7,[LA_AGENT_ACTION] = 8,[LA_AGENT_CURRENCY] = 9,
	[LA_AGENT_MAX_CARDS] = 10,[LA_AGENT_CARD_LIMIT] = 11,[LA_AGENT_CARD_FREQUENCY] = 12,
	[LA_AGENT_TEMPLATE] = 13,[LA_AGENT_REQUIRE_APPROVAL] = 14,[LA_AGENT_AUTO_APPROVE] = 15,
	[LA_AGENT_POLICY] = 16,[LA_AGENT_METADATA] = 17
};
#define REGISTER_ORGANIZATION 18

/* The agent's row as the function's first columns, and what is new behind it. */
static Datum
registration_row(FunctionCallInfo fcinfo, const LaPrincipal *caller, LaRegistration *result)
{
	TupleDesc	desc;
	TupleDesc	detail_desc;
	HeapTupleHeader detail;
	HeapTupleData tuple;
	Datum		values[40];
	bool		nulls[40];
	int			last;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	detail = DatumGetHeapTupleHeader(la_agent_detail(caller, &result->id, LA_LATEST));
	detail_desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(detail),
										 HeapTupleHeaderGetTypMod(detail));
	tuple.t_len = HeapTupleHeaderGetDatumLength(detail);
	tuple.t_data = detail;
	heap_deform_tuple(&tuple, detail_desc, values, nulls);

	/*
	 * All columns of the detail but the cursor, then created, token,
	 * token_id, differs.
	 */
	last = detail_desc->natts - 1;
	Assert(desc->natts == last + 4 && desc->natts <= lengthof(values));
	ReleaseTupleDesc(detail_desc);
	values[last] = BoolGetDatum(result->created);
	nulls[last] = false;
	nulls[last + 1] = nulls[last + 2] = !result->issued;
	values[last + 1] = result->issued ? CStringGetTextDatum(result->token.secret.text) : (Datum) 0;
	values[last + 2] = UUIDPGetDatum(&result->token.id);
	values[last + 3] = result->differs;
	nulls[last + 3] = result->created;
	return SPI_datumTransfer(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)),
							 false, -1);
}

/*
 * ledger_agents.register_agent(external_id text, customer_id text, name text, …,
 *		organization_id text) returns record
 *
 * One external_id is one agent, whatever runs at once: exactly one caller gets
 * created = true and the token; all others get the stored agent.
 */
Datum
la_register_agent(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaValues	given = {0};
	LaRegistration result;
	Datum		answer;

	PreventCommandIfReadOnly("register_agent()");
	caller = la_operator(fcinfo, REGISTER_ORGANIZATION);
	for (int i = 0; i < LA_AGENT_FIELDS; i++)
	{
		int			argument = register_arguments[i];

		if (la_agent_fields[i].fixed || !PG_ARGISNULL(argument))
			la_give(la_agent_fields, i, PG_GETARG_DATUM(argument), PG_ARGISNULL(argument), &given);
	}
	la_limit_waiting();
	SPI_connect();
	la_register(&caller, &given, true, &result);
	answer = registration_row(fcinfo, &caller, &result);
	SPI_finish();
	return answer;
}

static void
give_default(LaValues *given, int i, Datum value)
{
	if (!given->given[i])
		given->values[i] = value;
}

/* What a new agent has where nothing was said. */
static void
fill_defaults(const LaPrincipal *caller, LaValues *given)
{
	LaValues	none = {0};

	for (int i = 0; i < LA_AGENT_FIELDS; i++)
		none.nulls[i] = true;
	la_merge_defaults(given, &none);
	for (int i = 0; i < LA_AGENT_FIELDS; i++)
		if (!given->given[i])
			given->nulls[i] = la_agent_fields[i].nullable;
	give_default(given, LA_AGENT_NAME, given->values[LA_AGENT_EXTERNAL_ID]);
	give_default(given, LA_AGENT_STATUS, CStringGetTextDatum("active"));
	give_default(given, LA_AGENT_FREQUENCY, CStringGetTextDatum("perMonth"));
	give_default(given, LA_AGENT_CARD_FREQUENCY, CStringGetTextDatum("perMonth"));
	give_default(given, LA_AGENT_ACTION, CStringGetTextDatum("decline"));
	give_default(given, LA_AGENT_METADATA,
				 DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	if (!given->given[LA_AGENT_CURRENCY])
		given->values[LA_AGENT_CURRENCY] =
			CStringGetTextDatum(la_organization_default_currency(caller->organization_id));
}

/*
 * Registrations of one external id queue up, so that whoever comes second sees
 * the first one's row instead of meeting it, which at REPEATABLE READ would be a
 * 40001.  The history lock tells a scope's first limit of an agent whose row
 * cannot be seen yet.
 */
void
la_register(const LaPrincipal *caller, LaValues *given, bool with_token, LaRegistration *result)
{
	const char *external_id = TextDatumGetCString(given->values[LA_AGENT_EXTERNAL_ID]);
	uint64		key = la_lock_key(caller->organization_id, external_id, strlen(external_id));
	bool		queued = false;
	bool		livemode;

	memset(result, 0, sizeof(LaRegistration));
	livemode = la_need_organization(caller->organization_id);
	la_share_history(LA_LEVEL_ORGANIZATION, la_lock_key(caller->organization_id, "", 0));
#if LA_MUTANT != 7
	queued = la_queue(LA_LEVEL_EXTERNAL_ID, key);
#endif
	while (!find_agent(caller, given, &result->id))
	{
		fill_defaults(caller, given);
		la_need_customer(caller->organization_id,
						 TextDatumGetCString(given->values[LA_AGENT_CUSTOMER]));
		la_new_id(&result->id, la_now());
		result->created = insert_agent(caller, given, &result->id);

		/*
		 * Not inserted: a transaction that gave its queue back has just
		 * committed it.
		 */
		if (result->created)
			break;
	}
	if (queued)
		la_leave_queue(LA_LEVEL_EXTERNAL_ID, key);
	if (!result->created)
	{
		result->differs = differing_fields(caller, &result->id, given);
		return;
	}
	la_tell_agent(caller, LA_EVENT_REGISTERED, &result->id, given, NULL);
	la_record_change(caller, caller->organization_id, "agent",
					 la_uuid_text(&result->id),
					 "create", NULL, la_values_document(la_agent_fields, LA_AGENT_STORED, given));
	if (!with_token)
		return;
	result->token.name = NULL;
	result->token.expires_at = DT_NOEND;
	la_issue_token(caller, &result->id, livemode, &result->token);
	result->issued = true;
}

/* The agent that is not deregistered; 23505 when it is another customer's, who is not named. */
static bool
find_agent(const LaPrincipal *caller, const LaValues *given, pg_uuid_t *id)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, caller->organization_id);
	la_param(&params, given->values[LA_AGENT_EXTERNAL_ID], false);
	if (la_run(LA_Q_AGENT_FIND, &params, LA_LATEST) == 0)
		return false;
	row = la_row(0);
	if (strcmp(TextDatumGetCString(row.values[1]),
			   TextDatumGetCString(given->values[LA_AGENT_CUSTOMER])) != 0)
		ereport(ERROR,
				errcode(ERRCODE_UNIQUE_VIOLATION),
				errmsg("external_id is taken"),
				la_detail("external_id_taken", "external_id",
						  "\"%s\" is registered for another customer.",
						  la_quoted(TextDatumGetCString(given->values[LA_AGENT_EXTERNAL_ID]))));
	*id = *DatumGetUUIDP(row.values[0]);
	return true;
}

static bool
insert_agent(const LaPrincipal *caller, LaValues *values, const pg_uuid_t *id)
{
	LaParams	params = {0};
	LaCounter	counter;

	la_require_template(caller, values);
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	la_param(&params, values->values[LA_AGENT_EXTERNAL_ID], false);
	la_param(&params, values->values[LA_AGENT_CUSTOMER], false);
	la_param_values(&params, values, LA_AGENT_STORED);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (la_run(LA_Q_AGENT_INSERT, &params, LA_WRITE) == 0)
		return false;
	memset(&params, 0, sizeof(params));
	la_counter_init(&counter);
	la_param_text(&params, caller->organization_id);
	la_param_text(&params, la_uuid_text(id));
	la_param_counter(&params, &counter);
	la_param_text(&params, la_scope_label(LA_AGENT));
	la_run(LA_Q_COUNTER_INSERT, &params, LA_WRITE);
	return true;
}

/* Names of the given fields whose stored values are others. */
static Datum
differing_fields(const LaPrincipal *caller, const pg_uuid_t *id, LaValues *given)
{
	Datum		names[LA_AGENT_FIELDS];
	int			count = 0;
	LaValues	stored;

	la_read_agent(caller, id, LA_Q_AGENT_READ, &stored);
	for (int i = 0; i < LA_AGENT_EXTERNAL_ID; i++)
		if (la_differs(la_agent_fields, i, given, &stored))
			names[count++] = CStringGetTextDatum(la_agent_fields[i].name);
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}
