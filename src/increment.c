/*
 * increment.c
 *		increment() and record_spend(): spend that is no authorization of its own.
 *
 * An increment is judged and stored like an authorization, in a row of its own,
 * because it counts at its own instant; it shares the state and the end of the
 * hold that it adds to.  Recorded spend is not judged: it has happened.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "adoption.h"
#include "amount.h"
#include "check.h"
#include "errors.h"
#include "field.h"
#include "lock.h"
#include "module.h"
#include "settlement.h"
#include "statistics.h"

PG_FUNCTION_INFO_V1(la_increment);
PG_FUNCTION_INFO_V1(la_record_spend);

static void read_increment(FunctionCallInfo fcinfo, LaSettlement *settlement);
static Datum increment(FunctionCallInfo fcinfo, LaSettlement *settlement);
static void request_more(LaSettlement *settlement, LaRequest *request);
static void book(LaSettlement *settlement, LaSpend *spend);
static void read_recorded(FunctionCallInfo fcinfo, const LaPrincipal *caller, LaRequest *request);
static void record(LaSettlement *settlement, LaSpend *spend);

/*
 * ledger_agents.increment(authorization_id uuid, amount bigint, idempotency_key text,
 *		organization_id text) returns ledger_agents.authorization_detail
 *
 * Asks for more on a hold.  Kill switches and limits decide; a refusal is an
 * answer, and leaves the hold as it was.
 */
Datum
la_increment(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaSettlement settlement = {0};
	LaBooks    *books = &settlement.books;
	LaHold	   *hold = &settlement.hold;
	Datum		answer;

	PreventCommandIfReadOnly("increment()");
	caller = la_operator(fcinfo, 3);
	read_increment(fcinfo, &settlement);
	la_limit_waiting();
	la_require_adopted();
	SPI_connect();
	la_find_hold(&caller, &settlement.id, hold);
	la_books_init(books, &caller, &hold->agent_id, LA_LATEST);
	la_books_name(books, hold->with_card ? &hold->card_id : NULL, NULL);
#if LA_MUTANT != 82
	la_books_open(books, &caller, NULL, true);
#else
	la_books_read(books, &caller, la_now());
#endif
	if (la_find_entry(books, &settlement.id, &settlement.entry, &answer))
	{
		la_books_close(books);
		la_count_replay();
	}
	else
		answer = increment(fcinfo, &settlement);
	SPI_finish();
	return answer;
}

static void
read_increment(FunctionCallInfo fcinfo, LaSettlement *settlement)
{
	if (!PG_ARGISNULL(0) && PG_ARGISNULL(1))
		la_null_field("amount");
	la_read_entry(fcinfo, &settlement->entry, 2);
	settlement->id = *PG_GETARG_UUID_P(0);
	settlement->entry.verb = LA_INCREMENT;
	settlement->entry.amount = settlement->entry.requested;
}

static Datum
increment(FunctionCallInfo fcinfo, LaSettlement *settlement)
{
	LaBooks    *books = &settlement->books;
	LaSpend		spend = {0};
	LaParams	params = {0};
	Datum		answer;

	la_measure(books, la_now());
	la_lock_hold(books, &settlement->id, &settlement->hold);
	(void) la_expire_hold(settlement);
	la_require_state(&settlement->hold, LA_INCREMENT);
	request_more(settlement, &spend.request);
	la_decide(books, &spend.request, &spend.decision);
	if (spend.decision.verdict.approved)
		settlement->entry.added = settlement->entry.amount;
	/* All parts together stay in range, also where no counter adds them up. */
	(void) la_add(la_hold_authorized(&settlement->hold), settlement->entry.added);
	book(settlement, &spend);
	if (settlement->entry.added > 0)
	{
		la_param_text(&params, books->organization_id);
		la_param_uuid(&params, &settlement->id);
		la_param_int64(&params, settlement->entry.added);
		la_run(LA_Q_INCREMENTED, &params, LA_WRITE);
	}
	answer = la_answer(fcinfo, books, &spend, true);
	la_books_close(books);
	la_follow(books, &spend.request, &spend.decision, &spend.id);
	la_count_decision(&spend.decision.verdict);
	return answer;
}

/* The request of the hold, for more. */
static void
request_more(LaSettlement *settlement, LaRequest *request)
{
	const LaHold *hold = &settlement->hold;
	LaParams	params = {0};
	LaRow		row;

	if (hold->nparts > LA_MAX_INCREMENTS)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("authorization has too many increments"),
				la_detail("too_many_increments", "authorization_id", "It may have %d.",
						  LA_MAX_INCREMENTS));
	la_param_text(&params, settlement->books.organization_id);
	la_param_uuid(&params, &settlement->id);
	la_run(LA_Q_HOLD_REQUEST, &params, LA_LATEST);
	row = la_row(0);
	request->agent_id = hold->agent_id;
	request->card_id = settlement->books.card_id;
	request->amount = settlement->entry.amount;
	request->currency = hold->currency;
	la_name_merchant(request, la_row_text(row, 0));
	request->mcc = la_row_text(row, 1);
	request->country = la_row_text(row, 2);
	request->increment_of = &settlement->id;
	request->held = la_hold_total(hold);
	request->hold_until = hold->expires ? hold->expires_at : DT_NOEND;
}

/* The row, the entry and the counters; the agent's row is locked. */
static void
book(LaSettlement *settlement, LaSpend *spend)
{
	LaBooks    *books = &settlement->books;
	const LaRequest *request = &spend->request;

	settlement->entry.number = ++books->counters[LA_AGENT].entry_count;
	if (!la_apply(books, spend))
		elog(ERROR, "the agent's counter was changed under its lock");
	if (request->increment_of != NULL)
		settlement->entry.id = spend->id;
	la_write_entry(books, request->increment_of != NULL ? request->increment_of : &spend->id,
				   &settlement->entry);
	la_settle(books, &spend->request, &spend->decision, &spend->id);
}

/*
 * ledger_agents.record_spend(agent_id uuid, amount bigint, currency text, merchant text,
 *		mcc text, country text, card_id uuid, idempotency_key text, metadata jsonb,
 *		organization_id text) returns ledger_agents.authorization_detail
 *
 * Books spend that has happened elsewhere.  It counts, above every limit, too.
 */
Datum
la_record_spend(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaSettlement settlement = {0};
	LaBooks    *books = &settlement.books;
	LaSpend		spend = {0};
	Datum		answer;

	PreventCommandIfReadOnly("record_spend()");
	caller = la_operator(fcinfo, 9);
	read_recorded(fcinfo, &caller, &spend.request);
	la_limit_waiting();
	la_require_adopted();
	SPI_connect();
	la_books_init(books, &caller, &spend.request.agent_id, LA_LATEST);
	la_books_name(books, spend.request.card_id, NULL);
	la_books_open(books, &caller, spend.request.key, true);
	if (books->key_known)
	{
		answer = la_replay(books, &spend.request, false);
		la_books_close(books);
	}
	else
	{
		la_measure(books, la_now());
		record(&settlement, &spend);
		answer = la_answer(fcinfo, books, &spend, true);
		la_books_close(books);
		la_follow(books, &spend.request, &spend.decision, &spend.id);
	}
	SPI_finish();
	return answer;
}

/* Arguments of record_spend() in the places of those of authorize(). */
static void
read_recorded(FunctionCallInfo fcinfo, const LaPrincipal *caller, LaRequest *request)
{
	static const int places[] = {
		LA_ARG_AGENT, LA_ARG_AMOUNT, LA_ARG_CURRENCY, LA_ARG_MERCHANT, LA_ARG_MCC, LA_ARG_COUNTRY,
		LA_ARG_CARD, LA_ARG_KEY, LA_ARG_METADATA, LA_ARG_ORGANIZATION
	};
	FunctionCallInfo placed = palloc0(SizeForFunctionCallInfo(LA_ARG_ORGANIZATION + 1));

	memcpy(placed, fcinfo, SizeForFunctionCallInfo(0));
	placed->nargs = LA_ARG_ORGANIZATION + 1;
	for (int i = 0; i < placed->nargs; i++)
		placed->args[i].isnull = true;
	for (int i = 0; i < lengthof(places); i++)
		placed->args[places[i]] = fcinfo->args[i];
	la_read_request(placed, caller, request);
	request->recorded = true;
}

/* Whether the agent's limit would have had something to say. */
static bool
exceeds(const LaLimit *own, const LaRequest *request)
{
	if (!own->set || strcmp(own->currency, request->currency) != 0)
		return false;
	return request->amount > own->limit ||
		(own->frequency != LA_PER_TRANSACTION && own->spent > own->limit - request->amount);
}

static void
record(LaSettlement *settlement, LaSpend *spend)
{
	LaBooks    *books = &settlement->books;
	LaRequest  *request = &spend->request;
	LaLimit    *own = &books->facts.limits[LA_AGENT];
	LaDecision *decision = &spend->decision;
	LaCounter  *card = &books->counters[LA_CARD];

	if (request->currency == NULL)
		request->currency = own->currency;
	decision->verdict.approved = true;
	decision->verdict.attestation = la_attestation(&books->facts);
	decision->verdict.exceeded = exceeds(own, request);
	if (own->frequency != LA_PER_TRANSACTION)
		decision->spent_before = decision->spent_after = own->spent;
	la_approve(books, request, decision);
	card->captured_count++;
	if (books->card != NULL && strcmp(books->facts.limits[LA_CARD].currency, request->currency) == 0)
		card->captured_amount = la_add(card->captured_amount, request->amount);
	settlement->entry.verb = LA_FORCED_CAPTURE;
	settlement->entry.has_requested = true;
	settlement->entry.requested = settlement->entry.amount = request->amount;
	settlement->entry.forced = settlement->entry.final = true;
	book(settlement, spend);
	la_close_spent_card(books, true, true);
}
