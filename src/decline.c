/*
 * decline.c
 *		What a decline says: which limits failed, when it would pass, and which
 *		intent waits for a human.
 */
#include "postgres.h"

#include "amount.h"
#include "check.h"
#include "document.h"
#include "intent.h"
#include "merchant.h"
#include "module.h"
#include "spend.h"

static void
put_window(LaDocument *document, LaBooks *books, const LaLimit *limit)
{
	TimestampTz reset;

	if (la_next_reset(books, limit, &reset))
		la_put_time(document, "next_reset", reset);
	else
		la_put_null(document, "next_reset");
	la_put_time(document, "window_start", limit->window.start);
}

/* The names come as jsonb keeps them, short ones first: there is nothing to sort then. */
static void
put_failure(LaDocument *document, LaBooks *books, const LaLimit *limit, bool mismatched)
{
	const char *scope = la_scope_label(limit->scope);

	la_open_object(document, NULL);
	if (mismatched)
	{
		la_put_text(document, "rule", "currency");
		la_put_text(document, "scope", scope);
		la_put_text(document, "currency", limit->currency);
	}
	else
	{
		la_put_text(document, "rule", limit->rule);
		la_put_int64(document, "limit", limit->limit);
		la_put_text(document, "scope", scope);
		la_put_int64(document, "spent", limit->spent);
		la_put_int64(document, "remaining", la_remaining(limit->limit, limit->spent));
		put_window(document, books, limit);
	}
	la_close_object(document);
}

/* One object a limit that failed, or that is in another currency; from the narrowest scope on. */
static Jsonb *
describe_failures(LaBooks *books, const LaVerdict *verdict)
{
	LaFacts    *facts = &books->facts;
	LaDocument	document;

	la_begin_array(&document);
	for (int scope = LA_CARD; scope <= LA_ORGANIZATION; scope++)
		for (int i = 0; i < facts->nlimits; i++)
			if (facts->limits[i].scope == scope && (verdict->failed[i] || verdict->mismatched[i]))
				put_failure(&document, books, &facts->limits[i], verdict->mismatched[i]);
	return la_end_array(&document);
}

/* When everything that failed passes by time alone. */
static bool
find_retry(LaBooks *books, const LaRequest *request, const LaVerdict *verdict,
		   TimestampTz *retry_at)
{
	TimestampTz earliest = DT_NOBEGIN;

	for (int i = 0; i < books->facts.nlimits; i++)
	{
		const LaLimit *limit = &books->facts.limits[i];
		TimestampTz instant;

		/* No time helps a sum that leaves its range. */
		if (verdict->mismatched[i] || request->amount > PG_INT64_MAX - limit->total)
			return false;
		if (!verdict->failed[i])
			continue;
		if (!la_passes_at(books, limit, request->amount, &instant))
			return false;
		earliest = Max(earliest, instant);
	}
	if (!la_passes_in_time(&books->facts, request, verdict, earliest, retry_at))
		return false;
	/* With its hold an increment is over, whatever that frees. */
	return request->increment_of == NULL || *retry_at < request->hold_until;
}

/* The open intent that was parked for such a request before, or NULL. */
static const LaIntent *
find_parked(const LaBooks *books, const LaRequest *request)
{
	for (int i = 0; i < books->nintents; i++)
	{
		const LaIntent *intent = &books->intents[i];

		if (intent->state == LA_INTENT_PENDING_APPROVAL && intent->parked && intent->card_given &&
			intent->amount == request->amount && strcmp(intent->currency, request->currency) == 0 &&
			la_same_merchant(intent->merchant, request->normal_merchant))
			return intent;
	}
	return NULL;
}

/* The human finds the request where intents wait; too many make no more. */
static void
park(LaBooks *books, const LaRequest *request, LaDecision *decision)
{
	LaCounter  *counter = &books->counters[LA_AGENT];
	const LaIntent *parked = find_parked(books, request);

	if (parked != NULL)
	{
		decision->linked_intent = &parked->id;
		return;
	}
	if (books->nintents >= LA_MAX_OPEN_INTENTS)
		return;
	la_new_id(&decision->parked_id, books->at);
	decision->linked_intent = &decision->parked_id;
	decision->parks = true;
	counter->intents_until = Max(counter->intents_until, la_intent_bound(books->at, LA_DEFAULT_INTENT_TTL));
}

void
la_describe_decline(LaBooks *books, const LaRequest *request, LaDecision *decision)
{
	const LaVerdict *verdict = &decision->verdict;
	const LaIntent *named = books->facts.named_intent;

	decision->failed_limits = describe_failures(books, verdict);
	decision->retries = find_retry(books, request, verdict, &decision->retry_at);
	if (verdict->parks)
		park(books, request, decision);
	else if (named != NULL && named->state == LA_INTENT_PENDING_APPROVAL && verdict->nreasons == 1 &&
			 verdict->reasons[0] == LA_APPROVAL_REQUIRED)
		decision->linked_intent = &named->id;
}
