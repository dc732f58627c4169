/*
 * authorization.c
 *		The life of an authorization after the decision, and reading it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "amount.h"
#include "books.h"
#include "errors.h"
#include "field.h"
#include "lock.h"
#include "module.h"

PG_FUNCTION_INFO_V1(la_reverse);
PG_FUNCTION_INFO_V1(la_get_authorization);
PG_FUNCTION_INFO_V1(la_list_authorizations);

/* What a verb must know of the authorization that it changes. */
typedef struct Hold
{
	pg_uuid_t	id;
	pg_uuid_t	agent_id;
	bool		with_card;
	pg_uuid_t	card_id;
	TimestampTz decided_at;
	char	   *currency;
	int64		counted;
	char	   *status;			/* expired by predicate included */
} Hold;

static void read_hold(const LaPrincipal *caller, const pg_uuid_t *id, LaQuery query,
					  LaView view, Hold *hold);
static bool find_entry(const LaPrincipal *caller, const Hold *hold, const char *key,
					   const char *kind, int64 amount, Datum *answer);
static int64 amount_to_reverse(const Hold *hold, int64 amount);
static void release(LaBooks *books, const Hold *hold, int64 amount);
static Datum write_reversal(const LaPrincipal *caller, const Hold *hold, const char *key,
							int64 amount);

/*
 * ledger_agents.reverse(authorization_id uuid, amount bigint, idempotency_key text,
 *		organization_id text) returns ledger_agents.authorization_detail
 *
 * Gives money back in the window it was spent in, at every scope that counted
 * it; under the same locks as a decision, and once per key.
 */
Datum
la_reverse(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaBooks		books;
	Hold		hold;
	int64		amount = 0;		/* all that is left */
	char	   *key = NULL;
	Datum		answer;

	PreventCommandIfReadOnly("reverse()");
	caller = la_operator(fcinfo, 3);
	if (PG_ARGISNULL(0))
		la_null_field("authorization_id");
	if (!PG_ARGISNULL(1))
	{
		amount = PG_GETARG_INT64(1);
		if (amount <= 0)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("amount must be greater than zero"),
					la_detail("invalid_amount", "amount", "It is %lld.", (long long) amount));
	}
	if (!PG_ARGISNULL(2))
	{
		key = text_to_cstring(PG_GETARG_TEXT_PP(2));
		la_check_length(key, 1, 255, "idempotency_key");
	}
	la_limit_waiting();
	SPI_connect();

	/*
	 * The agent of an authorization never changes: it may be read before the
	 * locks.
	 */
	read_hold(&caller, PG_GETARG_UUID_P(0), LA_Q_AUTHORIZATION_READ, LA_LATEST, &hold);
	la_books_init(&books, &caller, &hold.agent_id, LA_LATEST);
	la_books_name(&books, hold.with_card ? &hold.card_id : NULL, NULL);
	la_books_open(&books, &caller, NULL, true);
	read_hold(&caller, &hold.id, LA_Q_AUTHORIZATION_LOCK, LA_WRITE, &hold);
	if (key == NULL || !find_entry(&caller, &hold, key, "reversal", amount, &answer))
	{
		amount = amount_to_reverse(&hold, amount);
		la_measure(&books, la_now());
		release(&books, &hold, amount);
		answer = write_reversal(&caller, &hold, key, amount);
	}
	la_books_close(&books);
	SPI_finish();
	return answer;
}

static void
read_hold(const LaPrincipal *caller, const pg_uuid_t *id, LaQuery query, LaView view,
		  Hold *hold)
{
	LaParams	params = {0};
	pg_uuid_t	wanted = *id;
	LaRow		row;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &wanted);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (la_run(query, &params, view) == 0)
		la_unknown_uuid("authorization", &wanted);
	row = la_row(0);
	hold->id = wanted;
	hold->agent_id = *DatumGetUUIDP(row.values[0]);
	hold->with_card = !row.nulls[6];
	if (hold->with_card)
		hold->card_id = *DatumGetUUIDP(row.values[6]);
	hold->decided_at = DatumGetTimestampTz(row.values[2]);
	hold->currency = TextDatumGetCString(row.values[3]);
	hold->counted = DatumGetInt64(row.values[4]);
	hold->status = TextDatumGetCString(row.values[5]);
}

/* The answer to an earlier call with this key; an error if that call was another one. */
static bool
find_entry(const LaPrincipal *caller, const Hold *hold, const char *key,
		   const char *kind, int64 amount, Datum *answer)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &hold->id);
	la_param_text(&params, key);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (la_run(LA_Q_ENTRY_FIND, &params, LA_LATEST) == 0)
		return false;
	row = la_row(0);
	if (strcmp(TextDatumGetCString(row.values[1]), kind) != 0 ||
		(amount != 0 ? DatumGetInt64(row.values[0]) != amount : hold->counted > 0))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("idempotency key was used for another request"),
				la_detail("idempotency_key_reused", "idempotency_key",
						  "It was used for a %s of %lld.", TextDatumGetCString(row.values[1]),
						  (long long) DatumGetInt64(row.values[0])),
				errhint("A new request needs a new key."));
	*answer = SPI_datumTransfer(row.values[2], false, -1);
	return true;
}

static int64
amount_to_reverse(const Hold *hold, int64 amount)
{
	if (strcmp(hold->status, "authorized") != 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("authorization cannot be reversed"),
				la_detail("invalid_state", "authorization_id", "It is %s.", hold->status));
	if (amount > hold->counted)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("amount is more than what is held"),
				la_detail("amount_too_large", "amount", "It is %lld, %lld are held.",
						  (long long) amount, (long long) hold->counted));
	return amount == 0 ? hold->counted : amount;
}

/* All of it given back: the count, the single card and the intent with it. */
static void
release(LaBooks *books, const Hold *hold, int64 amount)
{
	LaParams	params = {0};
	bool		all = amount == hold->counted;

	for (int i = 0; i < LA_SCOPES; i++)
	{
		if (!books->counted[i])
			continue;
		if (strcmp(books->facts.limits[i].currency, hold->currency) == 0)
			la_counter_release(&books->counters[i], amount, hold->decided_at);
		if (all)
			la_counter_forget(&books->counters[i]);
		la_write_counter(books, i);
	}
	if (!all)
		return;
	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &hold->id);
	la_run(LA_Q_INTENT_REOPEN, &params, LA_WRITE);
}

static Datum
write_reversal(const LaPrincipal *caller, const Hold *hold, const char *key, int64 amount)
{
	LaParams	params = {0};
	TimestampTz now = la_now();
	pg_uuid_t	entry;
	Datum		answer;

	la_new_id(&entry, now);
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &hold->id);
	la_param_int64(&params, amount);
	la_param_uuid(&params, &entry);
	la_param(&params, TimestampTzGetDatum(now), false);
	la_param_text(&params, key);
	if (!la_run_one(LA_Q_REVERSE, &params, LA_WRITE, &answer))
		elog(ERROR, "the authorization was changed under its lock");
	return answer;
}

/*
 * ledger_agents.get_authorization(authorization_id uuid, organization_id text)
 *		returns ledger_agents.authorization_detail
 */
Datum
la_get_authorization(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, 1);
	LaParams	params = {0};
	Datum		answer;

	if (PG_ARGISNULL(0))
		la_null_field("authorization_id");
	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, PG_GETARG_UUID_P(0));
	la_param_uuid(&params, caller.is_agent ? &caller.agent_id : NULL);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (!la_run_one(LA_Q_AUTHORIZATION_GET, &params, LA_STATEMENT, &answer))
		la_unknown_uuid("authorization", PG_GETARG_UUID_P(0));
	SPI_finish();
	return answer;
}

/*
 * ledger_agents.list_authorizations(agent_id uuid, customer_id text, decision text,
 *		max_rows integer, after text, organization_id text)
 *		returns setof ledger_agents.authorization_detail
 *
 * Newest first; a page behind a cursor is not shifted by what is decided meanwhile.
 */
Datum
la_list_authorizations(PG_FUNCTION_ARGS)
{
	static const char *const decisions[] = {"approved", "declined", NULL};
	static const LaField decision_field = {
		.name = "decision", .kind = LA_KIND_LABEL, .nullable = true, .labels = decisions
	};
	LaPrincipal caller = la_caller(fcinfo, 5);
	pg_uuid_t  *agent_id = PG_ARGISNULL(0) ? NULL : PG_GETARG_UUID_P(0);
	LaParams	params = {0};
	LaValues	values;

	la_give(&decision_field, 0, PG_GETARG_DATUM(2), PG_ARGISNULL(2), &values);
	if (agent_id != NULL)
		la_require_own_agent(&caller, agent_id);
	else if (caller.is_agent)
		agent_id = &caller.agent_id;
	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, agent_id);
	la_param(&params, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
	la_param_values(&params, &values, 1);
	la_param_uuid(&params, la_parse_cursor(PG_ARGISNULL(4) ? NULL :
										   text_to_cstring(PG_GETARG_TEXT_PP(4))));
	la_param(&params, Int32GetDatum(la_check_page(PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3))), false);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run_set(agent_id == NULL ? LA_Q_AUTHORIZATION_LIST : LA_Q_AUTHORIZATION_LIST_AGENT,
			   &params, LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}
