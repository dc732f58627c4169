/*
 * booking.c
 *		A decision on its way from the judge to the rows; see spend.h.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "amount.h"
#include "append.h"
#include "catalog.h"
#include "errors.h"
#include "iso_time.h"
#include "module.h"
#include "spend.h"

/* Books an approval on the counters in memory; elsewhere they only move on. */
static void
count_approval(LaBooks *books, const LaRequest *request, const LaDecision *decision)
{
	for (int i = 0; i < LA_SCOPES; i++)
	{
		LaCounter  *counter = &books->counters[i];

		if (!books->counted[i])
			continue;
#if LA_MUTANT == 208
		if (request->increment_of != NULL && i > LA_AGENT)
			continue;
#endif
		if (request->increment_of == NULL)
			la_counter_approve(counter, i);
		if (strcmp(books->facts.limits[i].currency, request->currency) == 0)
			la_counter_add(counter, request->amount);
		if (!decision->expires)
			continue;
		if (!counter->expires || decision->expires_at < counter->next_expiry)
			counter->next_expiry = decision->expires_at;
		counter->expires = true;
	}
	/* Rules remember what they have let pass. */
	if (request->increment_of == NULL && !request->recorded)
		la_counter_remember(&books->counters[books->card != NULL ? LA_CARD : LA_AGENT], books->at,
							request->normal_merchant == NULL ? NULL : request->merchant);
}

bool
la_weigh(LaBooks *books, LaRequest *request, LaDecision *decision)
{
	LaLimit    *own = &books->facts.limits[LA_AGENT];

	memset(decision, 0, sizeof(LaDecision));
	if (request->currency == NULL)
		request->currency = own->currency;
	if (request->increment_of != NULL)
		la_judge_increment(&books->facts, request, &decision->verdict);
	else
		la_judge(&books->facts, request, &decision->verdict);
	if (own->frequency != LA_PER_TRANSACTION)
		decision->spent_before = decision->spent_after = own->spent;
	return decision->verdict.approved;
}

static bool
has_end(const LaBooks *books, const LaRequest *request, TimestampTz *expires_at)
{
	if (request->increment_of != NULL)
	{
		*expires_at = request->hold_until;
		return request->hold_until != DT_NOEND;
	}
	if (request->hold_for == NULL)
		return false;
	*expires_at = la_after(books->at, request->hold_for, "hold_for");
	return true;
}

void
la_approve(LaBooks *books, const LaRequest *request, LaDecision *decision)
{
	LaLimit    *own = &books->facts.limits[LA_AGENT];

	decision->expires = has_end(books, request, &decision->expires_at);
	count_approval(books, request, decision);
	if (decision->verdict.intent != NULL)
		decision->linked_intent = &decision->verdict.intent->id;
	if (own->frequency != LA_PER_TRANSACTION && strcmp(own->currency, request->currency) == 0)
		decision->spent_after = la_add(own->spent, request->amount);
	la_mark_events(books, decision);
}

void
la_decide(LaBooks *books, LaRequest *request, LaDecision *decision)
{
	if (la_weigh(books, request, decision))
		la_approve(books, request, decision);
	else
		la_describe_decline(books, request, decision);
}

void
la_begin_entry(LaBooks *books, LaSpend *spend)
{
	la_new_id(&spend->id, books->at);
	books->counters[LA_AGENT].sequence++;
}

static void
set(LaSpend *spend, int column, Datum value, bool isset)
{
	spend->values[column] = value;
	spend->nulls[column] = !isset;
}

static void
set_int64(LaSpend *spend, int column, int64 value)
{
	set(spend, column, Int64GetDatum(value), true);
}

static void
set_text(LaSpend *spend, int column, const char *value)
{
	if (value != NULL)
		set(spend, column, CStringGetTextDatum(value), true);
}

static void
set_uuid(LaSpend *spend, int column, const pg_uuid_t *value)
{
	set(spend, column, UUIDPGetDatum(value), value != NULL);
}

static void
describe_request(LaSpend *spend)
{
	const LaRequest *request = &spend->request;

	set_int64(spend, LA_X_AMOUNT, request->amount);
	set_text(spend, LA_X_CURRENCY, request->currency);
	set_text(spend, LA_X_IDEMPOTENCY_KEY, request->key);
	set_text(spend, LA_X_MERCHANT, request->merchant);
	set_text(spend, LA_X_MCC, request->mcc);
	set_text(spend, LA_X_COUNTRY, request->country);
	set_uuid(spend, LA_X_CARD_ID, request->card_id);
	set_uuid(spend, LA_X_INTENT_ID, request->intent_id);
	set_uuid(spend, LA_X_INCREMENT_OF, request->increment_of);
	set(spend, LA_X_RECORDED, BoolGetDatum(true), request->recorded);
	set(spend, LA_X_HOLD_FOR, IntervalPGetDatum(request->hold_for), request->hold_for != NULL);
	set(spend, LA_X_METADATA, JsonbPGetDatum(request->metadata), request->metadata != NULL);
}

/* Looked up once. */
static Datum
kept_value(Datum *kept, Oid type, const char *label)
{
	if (*kept == 0)
		*kept = la_enum_value(type, label);
	return *kept;
}

static void
describe_approval(LaSpend *spend, LaSpendTypes *types)
{
	const LaDecision *decision = &spend->decision;
	int64		amount = spend->request.amount;
	bool		recorded = spend->request.recorded;

	set(spend, LA_X_DECISION, kept_value(&types->approved, types->decision, "approved"), true);
	set(spend, LA_X_STATUS,
		recorded ? la_enum_value(types->status, "captured")
		: kept_value(&types->authorized, types->status, "authorized"), true);
	set_int64(spend, LA_X_COUNTED_AMOUNT, amount);
	set(spend, LA_X_CAPTURED_AMOUNT, Int64GetDatum(amount), recorded);
	set(spend, LA_X_REMAINING, Int64GetDatum(decision->verdict.remaining), decision->verdict.limited);
	set(spend, LA_X_EXPIRES_AT, TimestampTzGetDatum(decision->expires_at), decision->expires);
}

static void
describe_decline(LaSpend *spend, const LaSpendTypes *types)
{
	const LaDecision *decision = &spend->decision;
	const LaVerdict *verdict = &decision->verdict;
	Datum		reasons[LA_MAX_REASONS];

	for (int i = 0; i < verdict->nreasons; i++)
		reasons[i] = la_enum_value(types->reason, la_reason_label(verdict->reasons[i]));
	set(spend, LA_X_DECISION, la_enum_value(types->decision, "declined"), true);
	set(spend, LA_X_STATUS, la_enum_value(types->status, "declined"), true);
	set_int64(spend, LA_X_COUNTED_AMOUNT, 0);
	set(spend, LA_X_REASON, reasons[0], true);
	set(spend, LA_X_REASONS,
		PointerGetDatum(construct_array(reasons, verdict->nreasons, types->reason, sizeof(Oid), true,
										TYPALIGN_INT)), true);
	set(spend, LA_X_FAILED_LIMITS, JsonbPGetDatum(decision->failed_limits), true);
	set(spend, LA_X_RETRY_AT, TimestampTzGetDatum(decision->retry_at), decision->retries);
}

void
la_spend_types(TupleDesc desc, LaSpendTypes *types)
{
	memset(types, 0, sizeof(LaSpendTypes));
	types->decision = TupleDescAttr(desc, LA_X_DECISION)->atttypid;
	types->status = TupleDescAttr(desc, LA_X_STATUS)->atttypid;
	types->reason = TupleDescAttr(desc, LA_X_REASON)->atttypid;
	types->attestation = TupleDescAttr(desc, LA_X_ATTESTATION)->atttypid;
}

void
la_describe(LaBooks *books, LaSpend *spend, LaSpendTypes *types)
{
	const LaDecision *decision = &spend->decision;
	const LaVerdict *verdict = &decision->verdict;
	const LaLimit *own = &books->facts.limits[LA_AGENT];
	bool		attested = verdict->attestation != LA_UNATTESTED;

	memset(spend->nulls, true, sizeof(spend->nulls));
	set_text(spend, LA_X_ORGANIZATION_ID, books->organization_id);
	set_uuid(spend, LA_X_ID, &spend->id);
	set_uuid(spend, LA_X_AGENT_ID, &books->agent_id);
	set_text(spend, LA_X_CUSTOMER_ID, books->customer_id);
	set_int64(spend, LA_X_SEQUENCE, books->counters[LA_AGENT].sequence);
	set(spend, LA_X_DECIDED_AT, TimestampTzGetDatum(books->at), true);
	set_int64(spend, LA_X_AGENT_SPENT, decision->spent_after);
	set(spend, LA_X_AGENT_LIMIT, Int64GetDatum(own->limit), own->set);
	set(spend, LA_X_AGENT_LIMIT_FREQUENCY, own->stored_frequency, true);
	set(spend, LA_X_ON_LIMIT_EXCEEDED, own->stored_action, true);
	set(spend, LA_X_MAX_APPROVABLE, Int64GetDatum(verdict->max_approvable), verdict->max_approvable != 0);
	set_uuid(spend, LA_X_LINKED_INTENT_ID, decision->linked_intent);
	if (attested)
		set(spend, LA_X_ATTESTATION,
			la_enum_value(types->attestation, la_attestation_label(verdict->attestation)), true);
	describe_request(spend);
	if (verdict->approved)
		describe_approval(spend, types);
	else
		describe_decline(spend, types);
	spend->described = true;
}

static void
insert_by_statement(const LaSpend *spend)
{
	LaParams	params = {0};

	for (int i = 0; i < LA_X_COLUMNS; i++)
		la_param(&params, spend->values[i], spend->nulls[i]);
	la_run(LA_Q_AUTHORIZATION_INSERT, &params, LA_WRITE);
}

static void
insert(Relation authorizations, LaSpend *spend)
{
	LaAppender *appender = la_append_begin(authorizations);

	la_append(appender, spend->values, spend->nulls);
	la_append_end(appender);
}

bool
la_apply(LaBooks *books, LaSpend *spend)
{
	Relation	authorizations;
	LaSpendTypes types;

#if LA_MUTANT != 282
	if (spend->decision.verdict.approved)
		la_books_make_history(books);
#endif
	la_begin_entry(books, spend);
	if (!la_try_write_counter(books, LA_AGENT))
		return false;
	authorizations = la_open_table("authorizations", RowExclusiveLock);
	la_spend_types(RelationGetDescr(authorizations), &types);
	la_describe(books, spend, &types);
	if (books->direct)
		insert(authorizations, spend);
	else
		insert_by_statement(spend);
	la_close_table(authorizations);
	return true;
}
