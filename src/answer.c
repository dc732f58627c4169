/*
 * answer.c
 *		A decision as a row of authorization_detail.
 *
 * authorize() has just stored these values and evaluate() stores none, so the
 * row is formed here: a statement that returned its 33 columns would add a
 * quarter to the cost of a decision.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "spend.h"

/* Columns of authorization_detail, in order. */
enum
{
	ORGANIZATION_ID, ID, AGENT_ID, CUSTOMER_ID, SEQUENCE, DECISION, STATUS, REASON, REASONS,
	FAILED_LIMITS, MAX_APPROVABLE, RETRY_AT, REMAINING, AMOUNT, INCREMENTED_AMOUNT,
	CAPTURED_AMOUNT, REVERSED_AMOUNT, REFUNDED_AMOUNT, HELD_AMOUNT, COUNTED_AMOUNT,
	CURRENCY, MERCHANT, MCC, COUNTRY, CARD_ID, INTENT_ID, LINKED_INTENT_ID, ATTESTATION,
	IDEMPOTENCY_KEY, HOLD_FOR, EXPIRES_AT, INCREMENT_OF, RECORDED,
	AGENT_LIMIT, AGENT_LIMIT_FREQUENCY, ON_LIMIT_EXCEEDED, AGENT_SPENT, METADATA, DECIDED_AT,
	REPLAYED, CURSOR, COLUMNS
};

typedef struct Row
{
	TupleDesc	desc;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS]; /* all, until they are set */
} Row;

static void
set(Row *row, int column, Datum value, bool isset)
{
	row->values[column] = value;
	row->nulls[column] = !isset;
}

static void
set_text(Row *row, int column, const char *value)
{
	if (value != NULL)
		set(row, column, CStringGetTextDatum(value), true);
}

static void
set_label(Row *row, int column, const char *label)
{
	set(row, column, la_enum_value(TupleDescAttr(row->desc, column)->atttypid, label), true);
}

static void
set_decline(Row *row, const LaDecision *decision)
{
	const LaVerdict *verdict = &decision->verdict;
	Oid			type = TupleDescAttr(row->desc, REASON)->atttypid;
	Datum		reasons[LA_MAX_REASONS];

	for (int i = 0; i < verdict->nreasons; i++)
		reasons[i] = la_enum_value(type, la_reason_label(verdict->reasons[i]));
	set(row, REASON, reasons[0], true);
	set(row, REASONS,
		PointerGetDatum(construct_array(reasons, verdict->nreasons, type, sizeof(Oid), true,
										TYPALIGN_INT)), true);
	set(row, FAILED_LIMITS, JsonbPGetDatum(decision->failed_limits), true);
	set(row, RETRY_AT, TimestampTzGetDatum(decision->retry_at), decision->retries);
}

static void
set_request(Row *row, const LaRequest *request)
{
	set(row, AMOUNT, Int64GetDatum(request->amount), true);
	set(row, INCREMENTED_AMOUNT, Int64GetDatum(0), true);
	set(row, REVERSED_AMOUNT, Int64GetDatum(0), true);
	set(row, REFUNDED_AMOUNT, Int64GetDatum(0), true);
	set(row, INCREMENT_OF, UUIDPGetDatum(request->increment_of), request->increment_of != NULL);
	set(row, RECORDED, BoolGetDatum(request->recorded), true);
	set_text(row, CURRENCY, request->currency);
	set_text(row, MERCHANT, request->merchant);
	set_text(row, MCC, request->mcc);
	set_text(row, COUNTRY, request->country);
	set(row, CARD_ID, UUIDPGetDatum(request->card_id), request->card_id != NULL);
	set(row, INTENT_ID, UUIDPGetDatum(request->intent_id), request->intent_id != NULL);
	set(row, HOLD_FOR, IntervalPGetDatum(request->hold_for), request->hold_for != NULL);
	set(row, METADATA, JsonbPGetDatum(request->metadata), request->metadata != NULL);
}

static void
set_decision(Row *row, const LaBooks *books, const LaRequest *request, const LaDecision *decision,
			 bool evaluated)
{
	const LaVerdict *verdict = &decision->verdict;
	const LaLimit *own = &books->facts.limits[LA_AGENT];

	set_label(row, DECISION, verdict->approved ? "approved" : "declined");
	set_label(row, STATUS, !verdict->approved ? "declined"
			  : request->recorded ? "captured" : "authorized");
	set(row, CAPTURED_AMOUNT, Int64GetDatum(request->recorded ? request->amount : 0), true);
	set(row, HELD_AMOUNT, Int64GetDatum(verdict->approved && !request->recorded ? request->amount : 0),
		true);
	set(row, MAX_APPROVABLE, Int64GetDatum(verdict->max_approvable), verdict->max_approvable != 0);
	set(row, REMAINING, Int64GetDatum(verdict->remaining), verdict->approved && verdict->limited);
	set(row, COUNTED_AMOUNT, Int64GetDatum(verdict->approved ? request->amount : 0), true);
	set(row, EXPIRES_AT, TimestampTzGetDatum(decision->expires_at),
		decision->expires);
	set(row, AGENT_LIMIT, Int64GetDatum(own->limit), own->set);
	set(row, AGENT_LIMIT_FREQUENCY, own->stored_frequency, true);
	set(row, ON_LIMIT_EXCEEDED, own->stored_action, true);
	set(row, AGENT_SPENT, Int64GetDatum(decision->spent_after), true);
	set_label(row, ATTESTATION, la_attestation_label(verdict->attestation));
	set(row, LINKED_INTENT_ID, UUIDPGetDatum(decision->linked_intent),
		decision->linked_intent != NULL && !(evaluated && decision->parks));
	if (!verdict->approved)
		set_decline(row, decision);
}

Datum
la_answer(FunctionCallInfo fcinfo, const LaBooks *books, const LaRequest *request,
		  const LaDecision *decision, const pg_uuid_t *id)
{
	Row			row;
	Datum		answer;

	memset(row.nulls, true, sizeof(row.nulls));
	row.desc = lookup_rowtype_tupdesc(get_func_rettype(fcinfo->flinfo->fn_oid), -1);
	Assert(row.desc->natts == COLUMNS);
	set_text(&row, ORGANIZATION_ID, books->organization_id);
	set(&row, AGENT_ID, UUIDPGetDatum(&books->agent_id), true);
	set_text(&row, CUSTOMER_ID, books->customer_id);
	set(&row, DECIDED_AT, TimestampTzGetDatum(books->at), true);
	set(&row, REPLAYED, BoolGetDatum(false), true);
	if (id != NULL)
	{
		set(&row, ID, UUIDPGetDatum(id), true);
		set(&row, SEQUENCE, Int64GetDatum(books->counters[LA_AGENT].sequence), true);
		set_text(&row, IDEMPOTENCY_KEY, request->key);
	}
	set_request(&row, request);
	set_decision(&row, books, request, decision, id == NULL);
	answer = SPI_datumTransfer(HeapTupleGetDatum(heap_form_tuple(row.desc, row.values, row.nulls)),
							   false, -1);
	ReleaseTupleDesc(row.desc);
	return answer;
}
