/*
 * attestation.c
 *		Attestations: that an agent said what it is about to do.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "errors.h"
#include "intent.h"
#include "lock.h"
#include "module.h"
#include "spender.h"

PG_FUNCTION_INFO_V1(la_attest);
PG_FUNCTION_INFO_V1(la_list_attestations);

enum
{
	LA_ATTESTATION_SUMMARY, LA_ATTESTATION_AMOUNT, LA_ATTESTATION_MERCHANT,
	LA_ATTESTATION_CONTEXT, LA_ATTESTATION_STORED,
	LA_ATTESTATION_AGENT = LA_ATTESTATION_STORED, LA_ATTESTATION_CARD, LA_ATTESTATION_FIELDS
};

static const LaField attestation_fields[LA_ATTESTATION_FIELDS] = {
	[LA_ATTESTATION_SUMMARY] = {"summary", LA_KIND_TEXT, false, false, 1, LA_MAX_SUMMARY},
	[LA_ATTESTATION_AMOUNT] = {"expected_amount", LA_KIND_AMOUNT, true},
	[LA_ATTESTATION_MERCHANT] = {"expected_merchant", LA_KIND_TEXT, true, false, 1, 255},
	[LA_ATTESTATION_CONTEXT] = {"context", LA_KIND_METADATA, true},
	[LA_ATTESTATION_AGENT] = {"agent_id", LA_KIND_UUID, true},
	[LA_ATTESTATION_CARD] = {"card_id", LA_KIND_UUID, true},
};

static Datum record_attestation(const LaPrincipal *caller, LaValues *given);
static void note_attested(const LaPrincipal *caller, const LaSpender *spender, TimestampTz now);

/*
 * ledger_agents.attest(agent_id uuid, card_id uuid, summary text,
 *		expected_amount bigint, expected_merchant text, context jsonb,
 *		organization_id text) returns ledger_agents.attestation_detail
 *
 * In force for every decision that comes after it in the agent's queue.
 */
Datum
la_attest(PG_FUNCTION_ARGS)
{
	static const int fields[] = {
		LA_ATTESTATION_AGENT, LA_ATTESTATION_CARD, LA_ATTESTATION_SUMMARY,
		LA_ATTESTATION_AMOUNT, LA_ATTESTATION_MERCHANT, LA_ATTESTATION_CONTEXT
	};
	LaPrincipal caller;
	LaValues	given = {0};
	Datum		answer;

	PreventCommandIfReadOnly("attest()");
	caller = la_caller(fcinfo, lengthof(fields));
	for (int i = 0; i < lengthof(fields); i++)
		la_give(attestation_fields, fields[i], PG_GETARG_DATUM(i), PG_ARGISNULL(i), &given);
	la_limit_waiting();
	SPI_connect();
	answer = record_attestation(&caller, &given);
	SPI_finish();
	return answer;
}

static const pg_uuid_t *
id_of(const LaValues *given, int field)
{
	return given->nulls[field] ? NULL : DatumGetUUIDP(given->values[field]);
}

static Datum
record_attestation(const LaPrincipal *caller, LaValues *given)
{
	LaParams	params = {0};
	LaSpender	spender;
	TimestampTz now;
	pg_uuid_t	id;
	Datum		detail;

	for (int i = 0; i < LA_ATTESTATION_FIELDS; i++)
		if (!given->given[i])
			given->nulls[i] = true;
	if (given->nulls[LA_ATTESTATION_CONTEXT])
		given->values[LA_ATTESTATION_CONTEXT] =
			DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	given->nulls[LA_ATTESTATION_CONTEXT] = false;
	la_check_expectation(attestation_fields, given, LA_ATTESTATION_AMOUNT,
						 LA_ATTESTATION_MERCHANT);
	la_open_spender(&spender, caller, id_of(given, LA_ATTESTATION_AGENT),
					id_of(given, LA_ATTESTATION_CARD), true);
	la_require_active(&spender);
	now = la_now();
	note_attested(caller, &spender, now);
	la_new_id(&id, now);
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &id);
	la_param_uuid(&params, &spender.agent_id);
	la_param_uuid(&params, spender.card_id);
	la_param_values(&params, given, LA_ATTESTATION_STORED);
	la_param(&params, TimestampTzGetDatum(now), false);
	if (!la_run_one(LA_Q_ATTESTATION_INSERT, &params, LA_WRITE, &detail))
		elog(ERROR, "an attestation was not stored");
	la_close_spender(&spender);
	return detail;
}

static void
note_in(const LaPrincipal *caller, const pg_uuid_t *id, LaScope scope, TimestampTz instant)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_text(&params, la_uuid_text(id));
	la_param(&params, TimestampTzGetDatum(instant), instant == DT_NOBEGIN);
	la_param_text(&params, la_scope_label(scope));
	la_run(LA_Q_ATTESTED, &params, LA_WRITE);
}

/* Where decisions find it; a card's counter never changes without its agent's version. */
static void
note_attested(const LaPrincipal *caller, const LaSpender *spender, TimestampTz now)
{
	bool		by_card = spender->card_id != NULL;

	note_in(caller, &spender->agent_id, LA_AGENT, by_card ? DT_NOBEGIN : now);
	if (by_card)
		note_in(caller, spender->card_id, LA_CARD, now);
}

/*
 * ledger_agents.list_attestations(agent_id uuid, max_rows integer, after text,
 *		organization_id text) returns setof ledger_agents.attestation_detail
 */
Datum
la_list_attestations(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, 3);
	const pg_uuid_t *agent_id = PG_ARGISNULL(0) ? NULL : PG_GETARG_UUID_P(0);
	LaParams	params = {0};

	if (agent_id != NULL)
		la_require_own_agent(&caller, agent_id);
	else if (caller.is_agent)
		agent_id = &caller.agent_id;
	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, agent_id);
	la_param_uuid(&params, la_parse_cursor(PG_ARGISNULL(2) ? NULL :
										   text_to_cstring(PG_GETARG_TEXT_PP(2))));
	la_param(&params, Int32GetDatum(la_check_page(PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1))), false);
	la_run_set(agent_id == NULL ? LA_Q_ATTESTATION_LIST : LA_Q_ATTESTATION_LIST_AGENT, &params,
			   LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}
