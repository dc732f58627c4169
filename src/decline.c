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

#define MAX_MEMBERS 7

static void
begin_failure(JsonbValue *failure)
{
	failure->type = jbvObject;
	failure->val.object.nPairs = 0;
	failure->val.object.pairs = palloc(sizeof(JsonbPair) * MAX_MEMBERS);
}

/* As jsonb keeps them, short names first and those of one length by their bytes: nobody sorts them. */
static void
add_member(JsonbValue *failure, const char *name, JsonbValue value)
{
	JsonbPair  *pair = &failure->val.object.pairs[failure->val.object.nPairs++];

	pair->key = la_jsonb_text(name);
	pair->value = value;
}

static void
describe_mismatch(JsonbValue *failure, const LaLimit *limit)
{
	add_member(failure, "rule", la_jsonb_text("currency"));
	add_member(failure, "scope", la_jsonb_text(la_scope_label(limit->scope)));
	add_member(failure, "currency", la_jsonb_text(limit->currency));
}

static void
describe_failure(JsonbValue *failure, LaBooks *books, const LaLimit *limit)
{
	TimestampTz reset;

	if (!la_next_reset(books, limit, &reset))
		reset = DT_NOEND;
	add_member(failure, "rule", la_jsonb_text(limit->rule));
	add_member(failure, "limit", la_jsonb_int64(limit->limit));
	add_member(failure, "scope", la_jsonb_text(la_scope_label(limit->scope)));
	add_member(failure, "spent", la_jsonb_int64(limit->spent));
	add_member(failure, "remaining", la_jsonb_int64(la_remaining(limit->limit, limit->spent)));
	add_member(failure, "next_reset", la_jsonb_time(reset));
	add_member(failure, "window_start", la_jsonb_time(limit->window.start));
}

/* One object a limit that failed, or that is in another currency; from the narrowest scope on. */
static Jsonb *
describe_failures(LaBooks *books, const LaVerdict *verdict)
{
	LaFacts    *facts = &books->facts;
	JsonbValue	failures = {.type = jbvArray};

	failures.val.array.elems = palloc(sizeof(JsonbValue) * facts->nlimits);
	for (int scope = LA_CARD; scope <= LA_ORGANIZATION; scope++)
		for (int i = 0; i < facts->nlimits; i++)
		{
			const LaLimit *limit = &facts->limits[i];
			JsonbValue *failure = &failures.val.array.elems[failures.val.array.nElems];

			if (limit->scope != scope || !(verdict->failed[i] || verdict->mismatched[i]))
				continue;
			begin_failure(failure);
			if (verdict->mismatched[i])
				describe_mismatch(failure, limit);
			else
				describe_failure(failure, books, limit);
			failures.val.array.nElems++;
		}
	return JsonbValueToJsonb(&failures);
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
find_parked(const LaIntent *intents, int count, const LaRequest *request)
{
	for (int i = 0; i < count; i++)
	{
		const LaIntent *intent = &intents[i];

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
	LaIntent   *intents = books->intents;
	int			count = books->nintents;
	const LaIntent *parked;

	/* Of a request that names an intent only that one is known. */
	if (books->intent_id != NULL)
		count = la_open_intents(books, books->at, &intents);
	parked = find_parked(intents, count, request);
	if (parked != NULL)
	{
		decision->linked_intent = &parked->id;
		return;
	}
	if (count >= LA_MAX_OPEN_INTENTS)
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
