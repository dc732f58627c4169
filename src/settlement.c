/*
 * settlement.c
 *		capture(), reverse() and refund(): what becomes of a hold.
 *
 * Each runs under the locks of a decision, so that it and every decision of the
 * agent have an order; each is once per key; each writes an entry and adjusts
 * every counter of the hold in the window in which its parts were decided.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "adoption.h"
#include "amount.h"
#include "card.h"
#include "errors.h"
#include "lock.h"
#include "module.h"
#include "settlement.h"
#include "spend_event.h"

PG_FUNCTION_INFO_V1(la_capture);
PG_FUNCTION_INFO_V1(la_reverse);
PG_FUNCTION_INFO_V1(la_refund);

static Datum settle(FunctionCallInfo fcinfo, LaSettlement *settlement, int key, int organization);
static Datum apply(LaSettlement *settlement);
static void choose_amount(LaSettlement *settlement);
static void require_within(const LaEntry *entry, int64 most, const char *what);
static void allow_capture(LaSettlement *settlement);
static void count(LaBooks *books, LaHold *hold, LaEntry *entry);
static void count_one(LaBooks *books, const LaHold *hold, LaHoldStatus before);
static void count_captured(LaBooks *books, const LaHold *hold, const LaEntry *entry, bool first);
static void note_overage(LaSettlement *settlement);
static Datum store(LaSettlement *settlement, LaEntry *entry, LaHoldStatus before);

/*
 * ledger_agents.capture(authorization_id uuid, amount bigint, final boolean, force boolean,
 *		idempotency_key text, organization_id text)
 *		returns ledger_agents.authorization_detail
 *
 * Takes money that is held.  Above the hold it takes only what the
 * organization's tolerance allows, unless it is forced.
 */
Datum
la_capture(PG_FUNCTION_ARGS)
{
	LaSettlement settlement = {0};

	PreventCommandIfReadOnly("capture()");
	settlement.entry.final = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
	settlement.entry.verb = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3) ? LA_FORCED_CAPTURE : LA_CAPTURE;
	return settle(fcinfo, &settlement, 4, 5);
}

/*
 * ledger_agents.reverse(authorization_id uuid, amount bigint, idempotency_key text,
 *		organization_id text) returns ledger_agents.authorization_detail
 *
 * Gives back what is held and not captured.
 */
Datum
la_reverse(PG_FUNCTION_ARGS)
{
	LaSettlement settlement = {0};

	PreventCommandIfReadOnly("reverse()");
	settlement.entry.verb = LA_REVERSAL;
	return settle(fcinfo, &settlement, 2, 3);
}

/*
 * ledger_agents.refund(authorization_id uuid, amount bigint, idempotency_key text,
 *		organization_id text) returns ledger_agents.authorization_detail
 *
 * Gives back what was captured.
 */
Datum
la_refund(PG_FUNCTION_ARGS)
{
	LaSettlement settlement = {0};

	PreventCommandIfReadOnly("refund()");
	settlement.entry.verb = LA_REFUND;
	return settle(fcinfo, &settlement, 2, 3);
}

static Datum
settle(FunctionCallInfo fcinfo, LaSettlement *settlement, int key, int organization)
{
	LaPrincipal caller = la_operator(fcinfo, organization);
	LaBooks    *books = &settlement->books;
	LaHold	   *hold = &settlement->hold;
	Datum		answer;
	bool		replayed;

	la_read_entry(fcinfo, &settlement->entry, key);
	settlement->id = *PG_GETARG_UUID_P(0);
	la_limit_waiting();
	la_require_adopted();
	SPI_connect();
	la_find_hold(&caller, &settlement->id, hold);
	la_books_init(books, &caller, &hold->agent_id, LA_LATEST);
	la_books_name(books, hold->with_card ? &hold->card_id : NULL, NULL);
#if LA_MUTANT != 80
	la_books_open(books, &caller, NULL, true);
#else
	la_books_read(books, &caller, la_now());
#endif
	replayed = la_find_entry(books, &settlement->id, &settlement->entry, &answer);
	if (!replayed)
	{
		la_measure(books, la_now());
		la_lock_hold(books, &settlement->id, hold);
		(void) la_expire_hold(settlement);
		answer = apply(settlement);
	}
	la_books_close(books);
	if (!replayed)
		la_tell_settled(settlement, answer);
	SPI_finish();
	return answer;
}

static Datum
apply(LaSettlement *settlement)
{
	LaHold	   *hold = &settlement->hold;
	LaEntry    *entry = &settlement->entry;
	LaHoldStatus before = hold->status;
	bool		first = la_hold_captured(hold) == 0;

	la_require_state(hold, entry->verb);
	choose_amount(settlement);
	if (entry->verb == LA_REVERSAL)
		la_hold_reverse(hold, entry->amount);
	else if (entry->verb == LA_REFUND)
		la_hold_refund(hold, entry->amount);
	else
		la_hold_capture(hold, entry->amount, entry->final);
	count(&settlement->books, hold, entry);
	count_one(&settlement->books, hold, before);
	count_captured(&settlement->books, hold, entry, first);
	note_overage(settlement);
	return store(settlement, entry, before);
}

/* What is meant where no amount is given, and an error where it is too much. */
static void
choose_amount(LaSettlement *settlement)
{
	LaHold	   *hold = &settlement->hold;
	LaEntry    *entry = &settlement->entry;
	int64		held = la_hold_held(hold);
	int64		captured = la_hold_captured(hold);

	entry->amount = entry->requested;
	if (entry->verb == LA_REFUND)
	{
#if LA_MUTANT != 204
		int64		left = la_subtract(captured, la_hold_refunded(hold));
#else
		int64		left = la_hold_total(hold);
#endif

		if (!entry->has_requested)
			entry->amount = left;
		require_within(entry, left, "are captured and not refunded");
	}
	else if (entry->verb == LA_REVERSAL)
	{
		if (!entry->has_requested)
			entry->amount = held;
		require_within(entry, held, "are held");
	}
	else
	{
		/* Of an expired hold: what was held until then. */
		if (!entry->has_requested)
			entry->amount = held > 0 ? held : la_subtract(la_hold_total(hold), captured);
		allow_capture(settlement);
	}
}

static void
require_within(const LaEntry *entry, int64 most, const char *what)
{
	if (entry->amount > most || most == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("amount is too large"),
				la_detail("amount_too_large", "amount", "It is %lld, %lld %s.",
						  (long long) entry->amount, (long long) most, what));
}

/* Whole percent of an amount, rounded down; exact, also where amount times percent would overflow. */
static int64
percent_of(int64 amount, int32 percent)
{
	return amount / 100 * percent + amount % 100 * percent / 100;
}

/* Captures together may go beyond the hold by the organization's tolerance, as far as there are amounts. */
static void
allow_capture(LaSettlement *settlement)
{
	const LaHold *hold = &settlement->hold;
	LaEntry    *entry = &settlement->entry;
	int64		total = la_hold_total(hold);
	int64		after = la_add(la_hold_captured(hold), entry->amount);
	int64		most;

	if (pg_add_s64_overflow(total, percent_of(total, settlement->books.tenant->tolerance_percent), &most))
		most = PG_INT64_MAX;
	if (entry->verb == LA_CAPTURE && after > most)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("amount is more than what is held"),
				la_detail("amount_too_large", "amount",
						  "It is %lld, %lld are held, %lld may be captured.",
						  (long long) entry->amount, (long long) la_hold_held(hold),
						  (long long) la_subtract(most, la_hold_captured(hold))),
				errhint("What the merchant takes all the same is captured with force => true."));
	entry->forced = after > most || hold->status == LA_HOLD_EXPIRED;
}

/* Moves what the verb did to the parts into the counters and the entry. */
static void
count(LaBooks *books, LaHold *hold, LaEntry *entry)
{
	for (int p = 0; p < hold->nparts; p++)
	{
		LaPart	   *part = &hold->parts[p];

		for (int i = 0; i < LA_SCOPES; i++)
		{
			if (!books->counted[i] ||
				strcmp(books->facts.limits[i].currency, hold->currency) != 0)
				continue;
#if LA_MUTANT == 205
			if (entry->verb == LA_CAPTURE)
				la_counter_release(&books->counters[i], part->released, part->decided_at);
#elif LA_MUTANT == 207
			if (i == LA_CUSTOMER)
				continue;
#endif
			la_counter_release(&books->counters[i], part->released, part->decided_at);
#if LA_MUTANT == 233
			if (entry->verb == LA_CAPTURE && entry->final)
				la_counter_release(&books->counters[i], part->released, part->decided_at);
#endif
			la_counter_add_at(&books->counters[i], part->added, part->decided_at);
		}
		entry->added = la_add(entry->added, part->added);
		entry->released = la_add(entry->released, part->released);
		part->added = part->released = 0;
	}
}

/*
 * The number of authorizations that count.  A full reversal also gives back the
 * single card; an expiry does not, because a late capture may come.
 */
static void
count_one(LaBooks *books, const LaHold *hold, LaHoldStatus before)
{
	for (int i = 0; i < LA_SCOPES; i++)
	{
		if (!books->counted[i])
			continue;
#if LA_MUTANT != 209
		if (hold->status == LA_HOLD_REVERSED)
#else
		if (hold->status == before && before == LA_HOLD_AUTHORIZED)
#endif
			la_counter_forget(&books->counters[i]);
		else if (hold->status == LA_HOLD_EXPIRED)
			la_counter_expire(&books->counters[i]);
		else if (before == LA_HOLD_EXPIRED)
			la_counter_revive(&books->counters[i]);
	}
}

/* What of the card is captured; first: nothing of this hold was before. */
static void
count_captured(LaBooks *books, const LaHold *hold, const LaEntry *entry, bool first)
{
	LaCounter  *counter = &books->counters[LA_CARD];
	bool		counts = books->counted[LA_CARD] &&
	strcmp(books->facts.limits[LA_CARD].currency, hold->currency) == 0;

	if (entry->verb == LA_REFUND && counts)
		counter->captured_amount = la_subtract(counter->captured_amount, entry->amount);
	if (entry->verb != LA_CAPTURE && entry->verb != LA_FORCED_CAPTURE)
		return;
	if (counts)
		counter->captured_amount = la_add(counter->captured_amount, entry->amount);
	if (first)
		counter->captured_count++;
}

/* A capture above the hold meets the agent's limit like a spend that is not asked about. */
static void
note_overage(LaSettlement *settlement)
{
	LaBooks    *books = &settlement->books;
	LaDecision *decision = &settlement->decision;
	const LaHold *hold = &settlement->hold;
	const LaLimit *own = &books->facts.limits[LA_AGENT];
	int64		added = settlement->entry.added;

	if (added == 0 || !own->set || strcmp(own->currency, hold->currency) != 0)
		return;
	if (own->frequency == LA_PER_TRANSACTION)
		decision->verdict.exceeded = la_hold_captured(hold) > own->limit;
	else
	{
		decision->spent_before = decision->spent_after = own->spent;
		if (hold->parts[0].decided_at >= own->window.start)
			decision->spent_after = la_add(own->spent, added);
		decision->verdict.exceeded = decision->spent_after > decision->spent_before &&
			decision->spent_after > own->limit;
	}
	la_mark_events(books, decision);
}

/* Nothing is held any more, and something was captured. */
static bool
is_settled(const LaHold *hold)
{
	return hold->status == LA_HOLD_CAPTURED || hold->status == LA_HOLD_REFUNDED;
}

/* The counters, the entry and the parts; the card and the intent, where it is about them, too. */
static Datum
store(LaSettlement *settlement, LaEntry *entry, LaHoldStatus before)
{
	LaBooks    *books = &settlement->books;
	LaHold	   *hold = &settlement->hold;
	LaParams	params = {0};
	Datum		answer;

	entry->number = ++books->counters[LA_AGENT].entry_count;
	for (int i = 0; i < LA_SCOPES; i++)
		if (books->counted[i])
			la_write_counter(books, i);
	answer = la_write_settled(settlement, entry, before);
	if (entry->verb != LA_REFUND && hold->status != LA_HOLD_EXPIRED)
		la_close_spent_card(books, is_settled(hold),
							entry->verb == LA_CAPTURE || entry->verb == LA_FORCED_CAPTURE);
	if (hold->status == LA_HOLD_REVERSED)
	{
		la_param_text(&params, books->organization_id);
		la_param_uuid(&params, &settlement->id);
		la_run(LA_Q_INTENT_REOPEN, &params, LA_WRITE);
	}
	return answer;
}

bool
la_expire_hold(LaSettlement *settlement)
{
	LaHold	   *hold = &settlement->hold;
	LaHoldStatus before = hold->status;
	LaEntry		entry = {.verb = LA_EXPIRY};

	if (!la_hold_is_over(hold, settlement->books.at))
		return false;
	entry.amount = la_hold_held(hold);
	la_hold_expire(hold);
	count(&settlement->books, hold, &entry);
	count_one(&settlement->books, hold, before);
	(void) store(settlement, &entry, before);
	settlement->expired_amount = entry.amount;
	return true;
}

/* Why captures close the card, or NULL. */
static const char *
is_spent(const LaBooks *books, bool settled, bool captured)
{
	const LaCounter *counter = &books->counters[LA_CARD];

	if (settled && books->card->single)
		return "captured";
	if (!captured)
		return NULL;
	for (int i = LA_SCOPES; i < books->facts.nlimits; i++)
	{
		const LaLimit *limit = &books->facts.limits[i];
		bool		number = limit->currency == NULL;

		if (limit->scope != LA_CARD || limit->frequency != LA_ALL_TIME ||
			(!number && strcmp(limit->currency, limit->counter_currency) != 0))
			continue;
		if ((number ? counter->captured_count : counter->captured_amount) >= limit->limit)
			return "limit_reached";
	}
	return NULL;
}

void
la_close_spent_card(LaBooks *books, bool settled, bool captured)
{
	const char *reason = books->card == NULL ? NULL : is_spent(books, settled, captured);

	if (reason != NULL && books->card->status != LA_CARD_IS_CLOSED)
		(void) la_end_card(books->organization_id, &books->agent_id, books->card_id, reason);
}

void
la_tell_settled(LaSettlement *settlement, Datum answer)
{
	la_must_be_durable();
	if (settlement->expired_amount > 0)
		la_tell_expired(settlement);
	la_tell_entry(settlement, answer);
	la_follow_overage(&settlement->books, settlement->entry.added, &settlement->decision);
}
