/*
 * spend.c
 *		authorize() and evaluate(): gather, judge, apply.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "adoption.h"
#include "books.h"
#include "errors.h"
#include "lock.h"
#include "module.h"
#include "spend.h"
#include "statistics.h"

PG_FUNCTION_INFO_V1(la_authorize);
PG_FUNCTION_INFO_V1(la_authorize_or_raise);
PG_FUNCTION_INFO_V1(la_evaluate);

static Datum decide(FunctionCallInfo fcinfo, bool raise);
static bool book(LaBooks *books, LaSpend *spend, bool raise);
static char *list_reasons(const LaVerdict *verdict);
static void refuse_declined(const char *reasons);

/*
 * ledger_agents.authorize(agent_id uuid, amount bigint, currency text, merchant text,
 *		mcc text, country text, card_id uuid, intent_id uuid, idempotency_key text,
 *		hold_for interval, metadata jsonb, organization_id text)
 *		returns ledger_agents.authorization_detail
 *
 * Decides, holds the money and stores the answer, in the caller's transaction.
 * No approval passes a limit that declines, whatever runs at once.
 */
Datum
la_authorize(PG_FUNCTION_ARGS)
{
	return decide(fcinfo, false);
}

/*
 * ledger_agents.authorize_or_raise(… as authorize …)
 *		returns ledger_agents.authorization_detail
 *
 * A decline is an error, which undoes what the decline recorded.
 */
Datum
la_authorize_or_raise(PG_FUNCTION_ARGS)
{
	return decide(fcinfo, true);
}

/*
 * ledger_agents.evaluate(… as authorize …, as_of timestamptz)
 *		returns ledger_agents.authorization_detail
 *
 * The same verdict from the statement's snapshot; nothing is written or locked.
 */
Datum
la_evaluate(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, LA_ARG_ORGANIZATION);
	LaSpend		spend = {0};
	LaRequest  *request = &spend.request;
	LaBooks		books;
	TimestampTz at;
	Datum		answer;

	la_read_request(fcinfo, &caller, request);
	at = PG_ARGISNULL(LA_ARG_AS_OF) ? la_now() : PG_GETARG_TIMESTAMPTZ(LA_ARG_AS_OF);
	SPI_connect();
	la_books_init(&books, &caller, &request->agent_id, LA_STATEMENT);
	la_books_name(&books, request->card_id, request->intent_id);
	la_books_read(&books, &caller, at);
	la_measure(&books, at);
	la_decide(&books, request, &spend.decision);
	answer = la_answer(fcinfo, &books, &spend, false);
	SPI_finish();
	return answer;
}

static Datum
decide(FunctionCallInfo fcinfo, bool raise)
{
	LaPrincipal caller;
	LaBooks		books;
	LaSpend		spend;
	Datum		answer;
	int			level = NewGUCNestLevel();	/* for la_limit_waiting() */

	PreventCommandIfReadOnly("authorize()");
	caller = la_caller(fcinfo, LA_ARG_ORGANIZATION);
	la_read_request(fcinfo, &caller, &spend.request);
	la_limit_waiting();
	la_require_adopted();
	SPI_connect();
	la_books_init(&books, &caller, &spend.request.agent_id, LA_LATEST);
	(void) la_decide_alone(fcinfo, &caller, &books, &spend, raise, &answer);
	SPI_finish();
	AtEOXact_GUC(true, level);
	return answer;
}

bool
la_decide_alone(FunctionCallInfo fcinfo, const LaPrincipal *caller, LaBooks *books, LaSpend *spend,
				bool raise, Datum *answer)
{
	spend->described = false;
	la_books_name(books, spend->request.card_id, spend->request.intent_id);
	for (bool lock_row = false;; lock_row = true)
	{
		if (!la_books_open(books, caller, spend->request.key, lock_row))
			return false;
		if (books->key_known || book(books, spend, raise))
			break;
		if (lock_row)
			elog(ERROR, "the agent's counter was changed under its lock");
		/* The row is not the one that was judged: lock it, and judge anew. */
		la_books_close(books);
	}
	if (!books->key_known)
		la_settle(books, &spend->request, &spend->decision, &spend->id);
	*answer = books->key_known ? la_replay(books, &spend->request, raise)
		: la_answer(fcinfo, books, spend, true);
	la_books_close(books);

	/*
	 * A suspension may wait for a change of the agent, and that one for the
	 * locks just given back.
	 */
	if (!books->key_known)
		la_follow(books, &spend->request, &spend->decision, &spend->id);
	if (books->key_known)
		la_count_replay();
	else
		la_count_decision(&spend->decision.verdict);
	return true;
}

/* Judges what was gathered and applies it; false: the counter is no longer the one that was judged. */
static bool
book(LaBooks *books, LaSpend *spend, bool raise)
{
	la_measure(books, la_now());
	la_decide(books, &spend->request, &spend->decision);
	if (raise && !spend->decision.verdict.approved)
		la_refuse_declined(&spend->decision.verdict);
	return la_apply(books, spend);
}

Datum
la_replay(LaBooks *books, LaRequest *request, bool raise)
{
	LaParams	params = {0};
	LaRow		row;
	char	   *differing;

	if (request->currency == NULL)
		request->currency = books->facts.limits[LA_AGENT].currency;
	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &books->agent_id);
	la_param_text(&params, request->key);
	la_param_int64(&params, request->amount);
	la_param_text(&params, request->currency);
	la_param_text(&params, request->merchant);
	la_param_text(&params, request->mcc);
	la_param_text(&params, request->country);
	la_param_uuid(&params, request->card_id);
	la_param_uuid(&params, request->intent_id);
	la_param(&params, IntervalPGetDatum(request->hold_for), request->hold_for == NULL);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_param(&params, BoolGetDatum(request->recorded), false);
	if (la_run(LA_Q_REPLAY, &params, LA_LATEST) != 1)
		elog(ERROR, "the answer to a known key is missing");
	row = la_row(0);
	differing = TextDatumGetCString(row.values[1]);
#if LA_MUTANT != 206
	if (differing[0] != '\0')
#else
	if (strcmp(differing, "idempotency_key") == 0)
#endif
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("idempotency key was used for another request"),
				la_detail("idempotency_key_reused", "idempotency_key",
						  "These fields differ: %s.", differing),
				errhint("A new request needs a new key."));
	if (raise && !row.nulls[2])
		refuse_declined(TextDatumGetCString(row.values[2]));
	la_told_again();
	return SPI_datumTransfer(row.values[0], false, -1);
}

/* The reasons as the error lists them. */
static char *
list_reasons(const LaVerdict *verdict)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < verdict->nreasons; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", la_reason_label(verdict->reasons[i]));
	return list.data;
}

void
la_refuse_declined(const LaVerdict *verdict)
{
	refuse_declined(list_reasons(verdict));
}

static void
refuse_declined(const char *reasons)
{
	la_count_raised();
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("authorization declined: %.*s", (int) strcspn(reasons, ","), reasons),
			la_detail("authorization_declined", NULL, "All reasons: %s.", reasons));
}
