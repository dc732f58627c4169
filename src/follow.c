/*
 * follow.c
 *		What follows from a decision: wider counters, a suspension, events.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "amount.h"
#include "card.h"
#include "check.h"
#include "column.h"
#include "event.h"
#include "intent.h"
#include "lock.h"
#include "module.h"
#include "spend.h"
#include "spend_event.h"

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
	LaLimit    *own = &books->facts.limits[LA_AGENT];
	LaCounter  *counter = &books->counters[LA_AGENT];

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
	LaLimit    *own = &books->facts.limits[LA_AGENT];

	la_begin_object(data);
	la_put_uuid(data, "agentId", &books->agent_id);
	la_put_text(data, "userId", books->customer_id);
	la_put_int64(data, "spendingLimit", own->limit);
	la_put_int64(data, "currentSpend", spend);
	la_put_text(data, "frequency", la_frequency_label(own->frequency));
}

static void
tell_exceeded(LaBooks *books, int64 amount, const LaDecision *decision)
{
	LaDocument	data;

	begin_limit_event(&data, books, decision->spent_after);
	la_put_text(&data, "action", la_action_label(books->facts.limits[LA_AGENT].action));
	la_put_int64(&data, "amount", amount);
	la_event(books->organization_id, LA_EVENT_LIMIT_EXCEEDED, &books->agent_id,
			 la_end_object(&data));
}

static void
tell_approaching(LaBooks *books, const LaDecision *decision)
{
	LaDocument	data;

	begin_limit_event(&data, books, decision->spent_after);
	la_put_int64(&data, "percentUsed",
				 percent_of(&books->facts.limits[LA_AGENT], decision->spent_after));
	la_event(books->organization_id, LA_EVENT_LIMIT_APPROACHING, &books->agent_id,
			 la_end_object(&data));
}

/* on_limit_exceeded = suspend: no card, no spend, until a human has looked. */
static void
suspend(LaBooks *books)
{
	LaParams	params = {0};
	LaDocument	data;

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &books->agent_id);
	la_param(&params, TimestampTzGetDatum(books->at), false);
	if (la_run(LA_Q_AGENT_SUSPEND, &params, LA_WRITE) == 0)
		return;					/* somebody else has done so meanwhile */
	la_freeze_cards(NULL, books->organization_id, &books->agent_id);
	la_begin_object(&data);
	la_put_uuid(&data, "agentId", &books->agent_id);
	la_put_text(&data, "userId", books->customer_id);
	la_put_text(&data, "reason", "spending_limit_exceeded");
	la_put_text(&data, "suspendedBy", "system");
	la_event(books->organization_id, LA_EVENT_SUSPENDED, &books->agent_id, la_end_object(&data));
	la_record_change(NULL, books->organization_id, "agent", books->agent_text, "update",
					 la_status_document("active"), la_status_document("suspended"));
}

/* The intent that the approval uses up; nobody can have changed it under the agent's locks. */
static void
settle_intent(LaBooks *books, const LaVerdict *verdict, const pg_uuid_t *id)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &verdict->intent->id);
	la_param_uuid(&params, id);
	la_param_text(&params, verdict->intent_matches ? "matched" : "mismatched");
	la_param(&params, TimestampTzGetDatum(books->at), false);
	if (la_run(LA_Q_INTENT_SETTLE, &params, LA_WRITE) != 1)
		elog(ERROR, "the intent was changed under the agent's locks");
}

static TimestampTz
parked_until(const LaBooks *books)
{
	return books->at + LA_DEFAULT_INTENT_TTL * USECS_PER_MINUTE;
}

static void
park_intent(LaBooks *books, const LaRequest *request, const LaDecision *decision)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &decision->parked_id);
	la_param_uuid(&params, &books->agent_id);
	la_param_uuid(&params, books->card_id);
	la_param_int64(&params, request->amount);
	la_param_text(&params, request->currency);
	la_param_text(&params, request->normal_merchant == NULL ? NULL : request->merchant);
	la_param(&params, Int32GetDatum(LA_DEFAULT_INTENT_TTL), false);
	la_param(&params, TimestampTzGetDatum(parked_until(books)), false);
	la_param(&params, TimestampTzGetDatum(books->at), false);
	la_run(LA_Q_INTENT_PARK, &params, LA_WRITE);
}

static void
freeze_drifted(LaBooks *books)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, books->card_id);
	la_param(&params, TimestampTzGetDatum(books->at), false);
	la_run(LA_Q_CARD_DRIFT, &params, LA_WRITE);
	la_record_change(NULL, books->organization_id, "card", books->card_text, "freeze",
					 la_status_document("active"), la_status_document("frozen"));
}

void
la_settle(LaBooks *books, const LaRequest *request, LaDecision *decision, const pg_uuid_t *id)
{
	const LaVerdict *verdict = &decision->verdict;

	for (int i = 0; i < LA_SCOPES; i++)
		if (i != LA_AGENT && books->counted[i])
			la_write_counter(books, i);
	if (verdict->intent != NULL)
		settle_intent(books, verdict, id);
	if (decision->parks)
		park_intent(books, request, decision);
	if (verdict->freezes_card)
		freeze_drifted(books);
}

/* The intent as it is stored now. */
static Datum
intent_detail(LaBooks *books, const pg_uuid_t *intent_id)
{
	LaParams	params = {0};
	Datum		detail;

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, intent_id);
	la_param_uuid(&params, NULL);
	la_param(&params, TimestampTzGetDatum(books->at), false);
	if (!la_run_one(LA_Q_INTENT_GET, &params, LA_LATEST, &detail))
		elog(ERROR, "the intent of a decision is missing");
	return detail;
}

/* The fields that events about an intent that was used up share with all others. */
static void
begin_intent_event(LaDocument *data, LaBooks *books, const pg_uuid_t *intent_id)
{
	Datum		detail = intent_detail(books, intent_id);

	la_begin_object(data);
	la_put_intent(data, books->customer_id, detail);
	if (books->card_id != NULL && la_uuid_column(detail, "card_id") == NULL)
		la_put_uuid(data, "cardId", books->card_id);
}

static void
put_merchant(LaDocument *data, const char *key, const char *merchant)
{
	if (merchant != NULL)
		la_put_text(data, key, merchant);
}

static void
tell_settled(LaBooks *books, const LaRequest *request, const LaVerdict *verdict,
			 const pg_uuid_t *id)
{
	const LaIntent *intent = verdict->intent;
	LaDocument	data;
	int64		least;
	int64		most;

	begin_intent_event(&data, books, &intent->id);
	la_put_uuid(&data, "transactionId", id);
	la_put_int64(&data, "actualAmount", request->amount);
	put_merchant(&data, "actualMerchant", request->merchant);
	la_put_text(&data, "matchResult", verdict->intent_matches ? "matched" : "mismatched");
	if (intent->has_amount && !verdict->intent_matches)
	{
		la_intent_range(&books->facts, intent, &least, &most);
		la_put_int64(&data, "tolerance", most - intent->amount);
	}
	la_event(books->organization_id,
			 verdict->intent_matches ? LA_EVENT_INTENT_MATCHED : LA_EVENT_INTENT_MISMATCHED,
			 &books->agent_id, la_end_object(&data));
}

static void
tell_parked(LaBooks *books, const LaDecision *decision)
{
	la_tell_intent(books->organization_id, LA_EVENT_INTENT_PENDING_APPROVAL, books->customer_id,
				   intent_detail(books, &decision->parked_id));
}

/* The fields that events about one spend share. */
static void
begin_spend_event(LaDocument *data, LaBooks *books, const LaRequest *request, const pg_uuid_t *id)
{
	la_begin_object(data);
	la_put_uuid(data, "transactionId", id);
	if (books->card_id != NULL)
		la_put_uuid(data, "cardId", books->card_id);
	la_put_uuid(data, "agentId", &books->agent_id);
	la_put_int64(data, "amount", request->amount);
}

static void
tell_drift(LaBooks *books, const LaRequest *request, const LaDecision *decision,
		   const pg_uuid_t *id)
{
	LaDocument	data;

	begin_spend_event(&data, books, request, id);
	la_put_text(&data, "expectedMerchant", la_expected_merchant(&books->facts));
	put_merchant(&data, "actualMerchant", request->merchant);
	la_put_text(&data, "action", decision->verdict.approved ? "allowed"
				: decision->verdict.freezes_card ? "frozen" : "declined");
	la_event(books->organization_id, LA_EVENT_CARD_DRIFT, &books->agent_id, la_end_object(&data));
	if (!decision->verdict.freezes_card)
		return;
	la_begin_object(&data);
	la_put_uuid(&data, "cardId", books->card_id);
	la_put_uuid(&data, "agentId", &books->agent_id);
	la_put_text(&data, "reason", "merchant_drift");
	la_put_text(&data, "frozenBy", "system");
	la_event(books->organization_id, LA_EVENT_CARD_FROZEN, &books->agent_id, la_end_object(&data));
}

static void
tell_unattested(LaBooks *books, const LaRequest *request, const pg_uuid_t *id)
{
	LaDocument	data;

	begin_spend_event(&data, books, request, id);
	put_merchant(&data, "merchantName", request->merchant);
	if (books->facts.attested_at != DT_NOBEGIN)
		la_put_millis(&data, "lastCredentialAccess", books->facts.attested_at);
	la_event(books->organization_id, LA_EVENT_UNATTESTED, &books->agent_id, la_end_object(&data));
}

/* What is told of rules, cards and intents. */
static void
tell_rules(LaBooks *books, const LaRequest *request, const LaDecision *decision,
		   const pg_uuid_t *id)
{
	const LaVerdict *verdict = &decision->verdict;

	if (verdict->intent != NULL && (verdict->intent_matches || verdict->tell_mismatch))
		tell_settled(books, request, verdict, id);
	if (decision->parks)
		tell_parked(books, decision);
	if (verdict->drifted)
		tell_drift(books, request, decision, id);
	if (verdict->tell_unattested)
		tell_unattested(books, request, id);
}

static bool
exceeds_and_suspends(const LaBooks *books, const LaVerdict *verdict)
{
	return verdict->exceeded && books->facts.limits[LA_AGENT].action == LA_ACTION_SUSPEND;
}

static void
tell_limit(LaBooks *books, int64 amount, const LaDecision *decision)
{
	if (decision->tell_exceeded || exceeds_and_suspends(books, &decision->verdict))
		tell_exceeded(books, amount, decision);
	if (decision->tell_approaching)
		tell_approaching(books, decision);
}

void
la_follow_overage(LaBooks *books, int64 amount, const LaDecision *decision)
{
	tell_limit(books, amount, decision);
	if (exceeds_and_suspends(books, &decision->verdict))
		suspend(books);
}

void
la_follow(LaBooks *books, const LaRequest *request, LaDecision *decision, const pg_uuid_t *id)
{
	const LaVerdict *verdict = &decision->verdict;

	if (verdict->approved)
		la_must_be_durable();
	la_tell_decided(books, request, decision, id);
	tell_limit(books, request->amount, decision);
	if (request->increment_of == NULL && !request->recorded)
		tell_rules(books, request, decision, id);
	if (exceeds_and_suspends(books, verdict))
		suspend(books);
}
