/*
 * intent.c
 *		Intents: declaring and reading them.
 *
 * An agent's declarations take turns: each raises the bound on its counter
 * beyond which none of its intents can be open, so that decisions of agents
 * without one need not look for any.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "agent.h"
#include "books.h"
#include "column.h"
#include "errors.h"
#include "event.h"
#include "intent.h"
#include "lock.h"
#include "merchant.h"
#include "module.h"
#include "spender.h"

PG_FUNCTION_INFO_V1(la_declare_intent);
PG_FUNCTION_INFO_V1(la_get_intent);
PG_FUNCTION_INFO_V1(la_list_intents);

/*
 * Fields of an intent.  The first LA_INTENT_COMPARED are what a repeated
 * declaration is compared by, in the order of LA_Q_INTENT_FIND; the codes are
 * given by give_mccs().
 */
enum
{
	LA_INTENT_CLIENT_ID, LA_INTENT_SUMMARY, LA_INTENT_AMOUNT, LA_INTENT_CURRENCY,
	LA_INTENT_MERCHANT, LA_INTENT_MCCS, LA_INTENT_TOLERANCE, LA_INTENT_PERCENT, LA_INTENT_TTL,
	LA_INTENT_COMPARED,
	LA_INTENT_METADATA = LA_INTENT_COMPARED, LA_INTENT_AGENT, LA_INTENT_CARD, LA_INTENT_FIELDS
};

static const LaField intent_fields[LA_INTENT_FIELDS] = {
	[LA_INTENT_CLIENT_ID] = {"client_intent_id", LA_KIND_TEXT, true, false, 1, 255},
	[LA_INTENT_SUMMARY] = {"summary", LA_KIND_TEXT, true, false, 1, LA_MAX_SUMMARY},
	[LA_INTENT_AMOUNT] = {"expected_amount", LA_KIND_AMOUNT, true},
	[LA_INTENT_CURRENCY] = {"expected_currency", LA_KIND_CURRENCY, true},
	[LA_INTENT_MERCHANT] = {"expected_merchant", LA_KIND_TEXT, true, false, 1, 255},
	[LA_INTENT_MCCS] = {"expected_mccs"},
	[LA_INTENT_TOLERANCE] = {"tolerance", LA_KIND_AMOUNT, true},
	[LA_INTENT_PERCENT] = {"tolerance_percent", LA_KIND_NUMBER, true, false, 0, 100},
	[LA_INTENT_TTL] = {"ttl_minutes", LA_KIND_NUMBER, false, false, 1, LA_MAX_INTENT_TTL},
	[LA_INTENT_METADATA] = {"metadata", LA_KIND_METADATA, true},
	[LA_INTENT_AGENT] = {"agent_id", LA_KIND_UUID, true},
	[LA_INTENT_CARD] = {"card_id", LA_KIND_UUID, true},
};

static void give_mccs(ArrayType *codes, LaValues *to);
static Datum declare(const LaPrincipal *caller, LaValues *given);
static void fill_defaults(LaValues *given);
static bool find_declared(const LaPrincipal *caller, const LaSpender *spender,
						  const LaValues *given, Datum *detail);
static void refuse_too_many(const LaPrincipal *caller, const LaSpender *spender);
static Datum insert_intent(const LaPrincipal *caller, const LaSpender *spender,
						   const LaValues *given);
static Datum find_intent(const LaPrincipal *caller, const pg_uuid_t *id, const pg_uuid_t *agent_id,
						 const char *client_id);
static int	compare_texts(const void *a, const void *b);

/*
 * ledger_agents.declare_intent(agent_id uuid, card_id uuid, client_intent_id text,
 *		summary text, expected_amount bigint, expected_currency text,
 *		expected_merchant text, expected_mccs text[], tolerance bigint,
 *		tolerance_percent integer, ttl_minutes integer, metadata jsonb,
 *		organization_id text) returns ledger_agents.intent_detail
 *
 * One client_intent_id of an agent is one intent, whatever runs at once.
 */
Datum
la_declare_intent(PG_FUNCTION_ARGS)
{
	static const int fields[] = {
		LA_INTENT_AGENT, LA_INTENT_CARD, LA_INTENT_CLIENT_ID, LA_INTENT_SUMMARY,
		LA_INTENT_AMOUNT, LA_INTENT_CURRENCY, LA_INTENT_MERCHANT, LA_INTENT_MCCS,
		LA_INTENT_TOLERANCE, LA_INTENT_PERCENT, LA_INTENT_TTL, LA_INTENT_METADATA
	};
	LaPrincipal caller;
	LaValues	given = {0};
	Datum		answer;

	PreventCommandIfReadOnly("declare_intent()");
	caller = la_caller(fcinfo, lengthof(fields));
	for (int i = 0; i < lengthof(fields); i++)
	{
		if (fields[i] != LA_INTENT_MCCS)
			la_give(intent_fields, fields[i], PG_GETARG_DATUM(i), PG_ARGISNULL(i), &given);
		else if (!PG_ARGISNULL(i))
			give_mccs(PG_GETARG_ARRAYTYPE_P(i), &given);
	}
	la_limit_waiting();
	SPI_connect();
	answer = declare(&caller, &given);
	SPI_finish();
	return answer;
}

/* Takes a text[] of merchant category codes: sorted, each once. */
static void
give_mccs(ArrayType *codes, LaValues *to)
{
	const char *field = intent_fields[LA_INTENT_MCCS].name;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int			kept = 0;

	deconstruct_array(codes, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	if (count < 1 || count > LA_MAX_EXPECTED_MCCS)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must have 1 to %d codes", field, LA_MAX_EXPECTED_MCCS),
				la_detail("invalid_length", field, "It has %d.", count));
	for (int i = 0; i < count; i++)
	{
		const char *code = nulls[i] ? "null" : TextDatumGetCString(elements[i]);

		if (strlen(code) != 4 || strspn(code, "0123456789") != 4)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s has an entry that is not valid: \"%s\"", field, la_quoted(code)),
					la_detail("invalid_value", field, "Each entry must be four digits."));
	}
	qsort(elements, count, sizeof(Datum), compare_texts);
	for (int i = 0; i < count; i++)
		if (kept == 0 || compare_texts(&elements[kept - 1], &elements[i]) != 0)
			elements[kept++] = elements[i];
	to->values[LA_INTENT_MCCS] =
		PointerGetDatum(construct_array(elements, kept, TEXTOID, -1, false, TYPALIGN_INT));
	to->nulls[LA_INTENT_MCCS] = false;
	to->given[LA_INTENT_MCCS] = true;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(TextDatumGetCString(*(const Datum *) a), TextDatumGetCString(*(const Datum *) b));
}

static const pg_uuid_t *
id_of(const LaValues *given, int field)
{
	return given->nulls[field] ? NULL : DatumGetUUIDP(given->values[field]);
}

static Datum
declare(const LaPrincipal *caller, LaValues *given)
{
	LaSpender	spender;
	Datum		detail;

	fill_defaults(given);
	la_check_expectation(intent_fields, given, LA_INTENT_AMOUNT, LA_INTENT_MERCHANT);
	la_open_spender(&spender, caller, id_of(given, LA_INTENT_AGENT), id_of(given, LA_INTENT_CARD),
					false);
	if (given->nulls[LA_INTENT_CURRENCY])
		given->values[LA_INTENT_CURRENCY] = spender.agent.values[LA_AGENT_CURRENCY];
	given->nulls[LA_INTENT_CURRENCY] = false;
	if (!find_declared(caller, &spender, given, &detail))
	{
		la_require_active(&spender);
		refuse_too_many(caller, &spender);
		detail = insert_intent(caller, &spender, given);
	}
	la_close_spender(&spender);
	return detail;
}

static void
fill_defaults(LaValues *given)
{
	for (int i = 0; i < LA_INTENT_FIELDS; i++)
		if (!given->given[i])
			given->nulls[i] = true;
	if (given->nulls[LA_INTENT_TTL])
		given->values[LA_INTENT_TTL] = Int32GetDatum(LA_DEFAULT_INTENT_TTL);
	if (given->nulls[LA_INTENT_METADATA])
		given->values[LA_INTENT_METADATA] = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	given->nulls[LA_INTENT_TTL] = given->nulls[LA_INTENT_METADATA] = false;
}

void
la_check_expectation(const LaField *fields, const LaValues *given, int amount, int merchant)
{
	if (!given->nulls[amount] && DatumGetInt64(given->values[amount]) == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must be greater than zero", fields[amount].name),
				la_detail("invalid_amount", fields[amount].name, "Leave it out for any amount."));
	if (!given->nulls[merchant] &&
		la_normal_merchant(TextDatumGetCString(given->values[merchant]))[0] == '\0')
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must contain a letter or a digit", fields[merchant].name),
				la_detail("invalid_value", fields[merchant].name, "Nothing else of it is compared."));
}

/* $1 to $13 of the two statements on a declaration. */
static void
param_declaration(LaParams *params, const LaPrincipal *caller, const LaSpender *spender,
				  const LaValues *given, TimestampTz now)
{
	la_param_text(params, caller->organization_id);
	la_param_uuid(params, &spender->agent_id);
	la_param_values(params, given, LA_INTENT_COMPARED);
	la_param_uuid(params, spender->card_id);
	la_param(params, TimestampTzGetDatum(now), false);
}

/* What was declared before by this client's id; an error if it was something else. */
static bool
find_declared(const LaPrincipal *caller, const LaSpender *spender, const LaValues *given,
			  Datum *detail)
{
	LaParams	params = {0};
	LaRow		row;
	char	   *differing;

	if (given->nulls[LA_INTENT_CLIENT_ID])
		return false;
	param_declaration(&params, caller, spender, given, la_now());
	if (la_run(LA_Q_INTENT_FIND, &params, LA_LATEST) == 0)
		return false;
	row = la_row(0);
	differing = TextDatumGetCString(row.values[1]);
	if (differing[0] != '\0')
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("client_intent_id was used for another intent"),
				la_detail("intent_id_reused", "client_intent_id", "These fields differ: %s.",
						  differing),
				errhint("A new intent needs a new id."));
	*detail = SPI_datumTransfer(row.values[0], false, -1);
	return true;
}

static TimestampTz
minutes_after(TimestampTz instant, int32 minutes)
{
	return instant + minutes * USECS_PER_MINUTE;
}

/* An approval starts an intent's time anew, once: those that are older than twice that are over. */
static void
refuse_too_many(const LaPrincipal *caller, const LaSpender *spender)
{
	LaParams	params = {0};
	TimestampTz now = la_now();
	pg_uuid_t	oldest;
	int64		count;

	la_first_id(&oldest, minutes_after(now, -2 * LA_MAX_INTENT_TTL));
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &spender->agent_id);
	la_param_uuid(&params, &oldest);
	la_param(&params, TimestampTzGetDatum(now), false);
	la_run(LA_Q_INTENT_COUNT_OPEN, &params, LA_LATEST);
	count = DatumGetInt64(la_column(0, 0));
	if (count >= LA_MAX_OPEN_INTENTS)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("too many open intents"),
				la_detail("too_many_intents", "agent_id", "The agent has %lld, %d are allowed.",
						  (long long) count, LA_MAX_OPEN_INTENTS),
				errhint("Cancel some, or let them expire."));
}

/*
 * The counter's bound covers the approval, which restarts the ttl, so that a
 * human's yes needs no lock of the counter.
 */
static void
raise_bound(const LaPrincipal *caller, const LaSpender *spender, TimestampTz until)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_text(&params, la_uuid_text(&spender->agent_id));
	la_param(&params, TimestampTzGetDatum(until), false);
	la_run(LA_Q_INTENT_BOUND, &params, LA_WRITE);
}

static Datum
insert_intent(const LaPrincipal *caller, const LaSpender *spender, const LaValues *given)
{
	LaParams	params = {0};
	TimestampTz now = la_now();
	int32		ttl = DatumGetInt32(given->values[LA_INTENT_TTL]);
	bool		has_amount = !given->nulls[LA_INTENT_AMOUNT];
	int64		amount = has_amount ? DatumGetInt64(given->values[LA_INTENT_AMOUNT]) : 0;
	pg_uuid_t	id;
	bool		waits;
	Datum		detail;

	waits = la_needs_approval(caller, &spender->agent_id, spender->card_id, has_amount, amount,
							  TextDatumGetCString(given->values[LA_INTENT_CURRENCY]));
	raise_bound(caller, spender, la_intent_bound(now, ttl));
	la_new_id(&id, now);
	param_declaration(&params, caller, spender, given, now);
	la_param_uuid(&params, &id);
	la_param_text(&params, waits ? "pending_approval" : "pending");
	la_param(&params, TimestampTzGetDatum(minutes_after(now, ttl)), false);
	la_param(&params, given->values[LA_INTENT_METADATA], false);
	if (!la_run_one(LA_Q_INTENT_INSERT, &params, LA_WRITE, &detail))
		elog(ERROR, "an intent was declared under the lock of its agent's counter");
	if (waits)
		la_tell_intent(caller->organization_id, LA_EVENT_INTENT_PENDING_APPROVAL,
					   TextDatumGetCString(spender->agent.values[LA_AGENT_CUSTOMER]), detail);
	return detail;
}

void
la_put_intent(LaDocument *data, const char *customer_id, Datum detail)
{
	static const LaColumn first[] = {
		{"intentId", "id"}, {"customerIntentId", "client_intent_id"}, {"cardId", "card_id"},
		{"agentId", "agent_id"}
	};
	static const LaColumn rest[] = {
		{"summary", "summary"}, {"expectedAmount", "expected_amount"},
		{"expectedMerchant", "expected_merchant"}, {"expiresAt", "expires_at"},
		{"status", "status"}
	};

	la_put_columns(data, detail, first, lengthof(first), LA_TIMES_MILLIS);
	la_put_text(data, "userId", customer_id);
	la_put_columns(data, detail, rest, lengthof(rest), LA_TIMES_MILLIS);
}

void
la_tell_intent(const char *organization_id, const char *type, const char *customer_id,
			   Datum detail)
{
	/* What the human's yes will let pass. */
	static const LaColumn asked[] = {
		{"expectedCurrency", "expected_currency"}, {"tolerance", "tolerance"},
		{"tolerancePercent", "tolerance_percent"}
	};
	static const LaColumn done[] = {
		{"approvedAt", "approved_at"}, {"approvedBy", "approved_by"},
		{"rejectedAt", "rejected_at"}, {"rejectedBy", "rejected_by"},
		{"rejectionReason", "rejection_reason"}, {"canceledAt", "canceled_at"},
		{"canceledBy", "canceled_by"}
	};
	LaDocument	data;
	pg_uuid_t	agent_id = *la_uuid_column(detail, "agent_id");

	la_begin_object(&data);
	la_put_intent(&data, customer_id, detail);
	if (strcmp(type, LA_EVENT_INTENT_PENDING_APPROVAL) == 0)
		la_put_columns(&data, detail, asked, lengthof(asked), LA_TIMES_MILLIS);
	la_put_columns(&data, detail, done, lengthof(done), LA_TIMES_MILLIS);
	la_event(organization_id, type, &agent_id, la_end_object(&data));
}

void
la_tell_intent_expired(const char *organization_id, const char *customer_id, Datum detail)
{
	static const LaColumn over[] = {
		{"ttlMinutes", "ttl_minutes"}, {"createdAt", "created_at"}, {"expiredAt", "expires_at"}
	};
	LaDocument	data;

	la_begin_object(&data);
	la_put_intent(&data, customer_id, detail);
	la_put_columns(&data, detail, over, lengthof(over), LA_TIMES_MILLIS);
	la_event(organization_id, LA_EVENT_INTENT_EXPIRED, la_uuid_column(detail, "agent_id"),
			 la_end_object(&data));
}

/*
 * ledger_agents.get_intent(intent_id uuid, agent_id uuid, client_intent_id text,
 *		organization_id text) returns ledger_agents.intent_detail
 */
Datum
la_get_intent(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, 3);
	Datum		answer;

	SPI_connect();
	answer = find_intent(&caller, PG_ARGISNULL(0) ? NULL : PG_GETARG_UUID_P(0),
						 PG_ARGISNULL(1) ? NULL : PG_GETARG_UUID_P(1),
						 PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)));
	SPI_finish();
	return answer;
}

/* By id or, with id NULL, by its agent and the client's id; P0002. */
static Datum
find_intent(const LaPrincipal *caller, const pg_uuid_t *id, const pg_uuid_t *agent_id,
			const char *client_id)
{
	LaParams	params = {0};
	Datum		detail;

	if ((id == NULL) == (client_id == NULL))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("either intent_id or client_intent_id must be given"),
				la_detail("invalid_value", "intent_id", "Give exactly one of the two."));
	if (agent_id != NULL)
		la_require_own_agent(caller, agent_id);
	else if (caller->is_agent)
		agent_id = &caller->agent_id;
	else if (id == NULL)
		la_null_field("agent_id");
	la_param_text(&params, caller->organization_id);
	if (id != NULL)
		la_param_uuid(&params, id);
	la_param_uuid(&params, agent_id);
	if (id == NULL)
		la_param_text(&params, client_id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (!la_run_one(id != NULL ? LA_Q_INTENT_GET : LA_Q_INTENT_GET_CLIENT, &params, LA_STATEMENT,
					&detail))
	{
		if (id != NULL)
			la_unknown_uuid("intent", id);
		la_unknown_field("intent", "client_intent_id", client_id);
	}
	return detail;
}

/*
 * ledger_agents.list_intents(agent_id uuid, card_id uuid, status text,
 *		max_rows integer, after text, organization_id text)
 *		returns setof ledger_agents.intent_detail
 *
 * Newest first; a page behind a cursor is not shifted by what is declared meanwhile.
 */
Datum
la_list_intents(PG_FUNCTION_ARGS)
{
	static const char *const labels[] = {
		"pending_approval", "pending", "matched", "mismatched", "rejected", "expired", "canceled", NULL
	};
	static const LaField status_field = {
		.name = "status", .kind = LA_KIND_LABEL, .nullable = true, .labels = labels
	};
	LaPrincipal caller = la_caller(fcinfo, 5);
	const pg_uuid_t *agent_id = PG_ARGISNULL(0) ? NULL : PG_GETARG_UUID_P(0);
	LaParams	params = {0};
	LaValues	status;

	la_give(&status_field, 0, PG_GETARG_DATUM(2), PG_ARGISNULL(2), &status);
	if (agent_id != NULL)
		la_require_own_agent(&caller, agent_id);
	else if (caller.is_agent)
		agent_id = &caller.agent_id;
	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, agent_id);
	la_param_uuid(&params, PG_ARGISNULL(1) ? NULL : PG_GETARG_UUID_P(1));
	la_param_values(&params, &status, 1);
	la_param_uuid(&params, la_parse_cursor(PG_ARGISNULL(4) ? NULL :
										   text_to_cstring(PG_GETARG_TEXT_PP(4))));
	la_param(&params, Int32GetDatum(la_check_page(PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3))), false);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run_set(agent_id == NULL ? LA_Q_INTENT_LIST : LA_Q_INTENT_LIST_AGENT, &params, LA_STATEMENT,
			   fcinfo);
	SPI_finish();
	return (Datum) 0;
}
