/*
 * booking.c
 *		A decision on its way from the judge to the rows; see spend.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "amount.h"
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
	*expires_at = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
														  TimestampTzGetDatum(books->at),
														  IntervalPGetDatum(request->hold_for)));
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

static Datum
reason_array(const LaVerdict *verdict)
{
	Datum		labels[LA_MAX_REASONS];

	for (int i = 0; i < verdict->nreasons; i++)
		labels[i] = CStringGetTextDatum(la_reason_label(verdict->reasons[i]));
	return PointerGetDatum(construct_array(labels, verdict->nreasons, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

void
la_begin_entry(LaBooks *books, LaSpend *spend)
{
	la_new_id(&spend->id, books->at);
	books->counters[LA_AGENT].sequence++;
}

/* The parameters that approvals and declines both have. */
static void
param_decision(LaParams *params, LaBooks *books, const LaSpend *spend)
{
	const LaRequest *request = &spend->request;
	const LaDecision *decision = &spend->decision;
	const LaVerdict *verdict = &decision->verdict;
	const LaLimit *own = &books->facts.limits[LA_AGENT];

	la_param_text(params, books->organization_id);
	la_param_uuid(params, &books->agent_id);
	la_param_counter(params, &books->counters[LA_AGENT]);
	la_param_uuid(params, &spend->id);
	la_param_int64(params, request->amount);
	la_param_int64(params, verdict->approved ? request->amount : 0);
	la_param_int64(params, decision->spent_after);
	la_param(params, Int64GetDatum(own->limit), !own->set);
	la_param(params, Int64GetDatum(verdict->max_approvable), verdict->max_approvable == 0);
	la_param(params, own->stored_frequency, false);
	la_param(params, own->stored_action, false);
	la_param_text(params, books->customer_id);
	la_param_text(params, request->currency);
	la_param_text(params, request->key);
	la_param_text(params, request->merchant);
	la_param_text(params, request->mcc);
	la_param_text(params, request->country);
	la_param(params, IntervalPGetDatum(request->hold_for), request->hold_for == NULL);
	la_param(params, JsonbPGetDatum(request->metadata), request->metadata == NULL);
	la_param_text(params, books->agent_text);
}

void
la_param_approval(LaParams *params, LaBooks *books, const LaSpend *spend)
{
	const LaVerdict *verdict = &spend->decision.verdict;

	param_decision(params, books, spend);
	la_param(params, Int64GetDatum(verdict->remaining), !verdict->limited);
	la_param(params, TimestampTzGetDatum(spend->decision.expires_at), !spend->decision.expires);
}

/* What is null for most. */
static void
param_rare(LaParams *params, const LaSpend *spend)
{
	LaAttestation attestation = spend->decision.verdict.attestation;

	la_param_uuid(params, spend->request.card_id);
	la_param_uuid(params, spend->request.intent_id);
	la_param_uuid(params, spend->decision.linked_intent);
	la_param_text(params, attestation == LA_UNATTESTED ? NULL : la_attestation_label(attestation));
	la_param_uuid(params, spend->request.increment_of);
}

bool
la_apply(LaBooks *books, LaSpend *spend)
{
	const LaDecision *decision = &spend->decision;
	const LaVerdict *verdict = &decision->verdict;
	LaParams	params = {0};

	la_begin_entry(books, spend);
	if (verdict->approved)
	{
		la_param_approval(&params, books, spend);
		param_rare(&params, spend);
		return la_run(spend->request.recorded ? LA_Q_RECORD : LA_Q_APPROVE, &params, LA_WRITE) == 1;
	}
	param_decision(&params, books, spend);
	la_param(&params, TimestampTzGetDatum(decision->retry_at), !decision->retries);
	la_param_text(&params, la_reason_label(verdict->reasons[0]));
	la_param(&params, reason_array(verdict), false);
	la_param(&params, JsonbPGetDatum(decision->failed_limits), false);
	param_rare(&params, spend);
	return la_run(LA_Q_DECLINE, &params, LA_WRITE) == 1;
}
