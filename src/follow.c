/*
 * follow.c
 *		What follows from a decision: wider counters, a suspension, events.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "amount.h"
#include "event.h"
#include "lock.h"
#include "module.h"
#include "spend.h"

static int32
percent_of(const LaLimit *limit, int64 spent)
{
	return limit->limit > 0 ? la_percent(spent, limit->limit) : PG_INT32_MAX;
}

/*
 * True once per window and limit.  A rolling window has no beginning: there it
 * is true whenever the line is crossed from below.
 */
static bool
is_due(LaMark *mark, const LaLimit *limit, bool was_crossed)
{
	if (limit->mode == LA_ROLLING)
	{
		if (!was_crossed)
			mark->set = false;
		return la_mark_once(mark, DT_NOBEGIN, limit->limit);
	}
	return la_mark_once(mark, limit->window.start, limit->limit);
}

void
la_mark_events(LaBooks *books, LaDecision *decision)
{
	LaLimit    *own = &books->facts.limits[LA_AGENT_BOOK];
	LaCounter  *counter = &books->counters[LA_AGENT_BOOK];

	if (!own->set || decision->spent_after == decision->spent_before)
	{
		decision->tell_exceeded = decision->verdict.exceeded && own->action == LA_ACTION_NOTIFY;
		return;
	}
	if (decision->verdict.exceeded && own->action == LA_ACTION_NOTIFY)
		decision->tell_exceeded = is_due(&counter->exceeded, own,
										 decision->spent_before > own->limit);
	if (own->limit > 0 && percent_of(own, decision->spent_after) >= books->tenant->approaching_percent)
		decision->tell_approaching =
			is_due(&counter->approaching, own,
				   percent_of(own, decision->spent_before) >= books->tenant->approaching_percent);
}

/* The fields that all events about limits share. */
static void
begin_limit_event(LaDocument *data, LaBooks *books, int64 spend)
{
	LaLimit    *own = &books->facts.limits[LA_AGENT_BOOK];

	la_begin_object(data);
	la_put_uuid(data, "agentId", &books->agent_id);
	la_put_text(data, "userId", books->customer_id);
	la_put_int64(data, "spendingLimit", own->limit);
	la_put_int64(data, "currentSpend", spend);
	la_put_text(data, "frequency", la_frequency_label(own->frequency));
}

static void
tell_exceeded(LaBooks *books, const LaRequest *request, const LaDecision *decision)
{
	LaDocument	data;

	begin_limit_event(&data, books, decision->spent_after);
	la_put_text(&data, "action", la_action_label(books->facts.limits[LA_AGENT_BOOK].action));
	la_put_int64(&data, "amount", request->amount);
	la_event(books->organization_id, LA_EVENT_LIMIT_EXCEEDED, &books->agent_id,
			 la_end_object(&data));
}

static void
tell_approaching(LaBooks *books, const LaDecision *decision)
{
	LaDocument	data;

	begin_limit_event(&data, books, decision->spent_after);
	la_put_int64(&data, "percentUsed",
				 percent_of(&books->facts.limits[LA_AGENT_BOOK], decision->spent_after));
	la_event(books->organization_id, LA_EVENT_LIMIT_APPROACHING, &books->agent_id,
			 la_end_object(&data));
}

/* on_limit_exceeded = suspend: no card, no spend, until a human has looked. */
static void
suspend(LaBooks *books)
{
	LaParams	params = {0};
	LaDocument	data;
	LaDocument	before;
	LaDocument	after;

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &books->agent_id);
	la_param(&params, TimestampTzGetDatum(books->at), false);
	if (la_run(LA_Q_AGENT_SUSPEND, &params, LA_WRITE) == 0)
		return;					/* somebody else has done so meanwhile */
	la_begin_object(&data);
	la_put_uuid(&data, "agentId", &books->agent_id);
	la_put_text(&data, "userId", books->customer_id);
	la_put_text(&data, "reason", "spending_limit_exceeded");
	la_put_text(&data, "suspendedBy", "system");
	la_event(books->organization_id, LA_EVENT_SUSPENDED, &books->agent_id, la_end_object(&data));
	la_begin_object(&before);
	la_put_text(&before, "status", "active");
	la_begin_object(&after);
	la_put_text(&after, "status", "suspended");
	la_record_change(NULL, books->organization_id, "agent",
					 la_uuid_text(&books->agent_id),
					 "update", la_end_object(&before), la_end_object(&after));
}

void
la_follow(LaBooks *books, const LaRequest *request, LaDecision *decision)
{
	const LaVerdict *verdict = &decision->verdict;
	bool		suspends = verdict->exceeded &&
	books->facts.limits[LA_AGENT_BOOK].action == LA_ACTION_SUSPEND;

	for (int i = LA_CUSTOMER_BOOK; i < LA_LIMITS; i++)
		if (books->counted[i])
			la_write_counter(books, i);
	if (verdict->approved)
		la_must_be_durable();
	if (decision->tell_exceeded || suspends)
		tell_exceeded(books, request, decision);
	if (decision->tell_approaching)
		tell_approaching(books, decision);
	if (suspends)
		suspend(books);
}
