/*
 * spend_event.c
 *		The events transaction.*; see spend_event.h.
 */
#include "postgres.h"

#include "column.h"
#include "event.h"
#include "spend_event.h"

static void
begin(LaDocument *data, LaBooks *books, const pg_uuid_t *id)
{
	la_begin_object(data);
	la_put_uuid(data, "transactionId", id);
	if (books->card_id != NULL)
		la_put_uuid(data, "cardId", books->card_id);
	la_put_uuid(data, "agentId", &books->agent_id);
	la_put_text(data, "userId", books->customer_id);
}

static void
end(LaDocument *data, LaBooks *books, const char *type)
{
	la_event(books->organization_id, type, &books->agent_id, la_end_object(data));
}

static void
put_given(LaDocument *data, const char *key, const char *value)
{
	if (value != NULL)
		la_put_text(data, key, value);
}

static const char *
type_of(const LaRequest *request, const LaDecision *decision)
{
	if (request->recorded)
		return LA_EVENT_COMPLETED;
	return decision->verdict.approved ? LA_EVENT_AUTHORIZED : LA_EVENT_DECLINED;
}

void
la_tell_decided(LaBooks *books, const LaRequest *request, const LaDecision *decision,
				const pg_uuid_t *id)
{
	const LaVerdict *verdict = &decision->verdict;
	LaDocument	data;

	if (!books->tenant->transaction_events)
		return;
	begin(&data, books, id);
	if (request->increment_of != NULL)
		la_put_uuid(&data, "incrementOf", request->increment_of);
	la_put_int64(&data, "amount", request->amount);
	la_put_text(&data, "currency", request->currency);
	put_given(&data, "merchantName", request->merchant);
	put_given(&data, "merchantCategoryCode", request->mcc);
	la_put_text(&data, "status", request->recorded ? "completed"
				: verdict->approved ? "pending" : "declined");
	if (request->recorded)
		la_put_millis(&data, "postedAt", books->at);
	else if (verdict->approved)
		la_put_text(&data, "attestationStatus", la_attestation_label(verdict->attestation));
	else
		la_put_text(&data, "declinedReason", la_reason_label(verdict->reasons[0]));
	end(&data, books, type_of(request, decision));
}

void
la_tell_expired(LaSettlement *settlement)
{
	LaBooks    *books = &settlement->books;
	LaDocument	data;

	if (!books->tenant->transaction_events)
		return;
	begin(&data, books, &settlement->id);
	la_put_int64(&data, "amount", settlement->expired_amount);
	la_put_millis(&data, "expiredAt", settlement->hold.expires_at);
	end(&data, books, LA_EVENT_EXPIRED);
}

static const LaColumn captured[] = {
	{"currency", "currency"}, {"merchantName", "merchant"}, {"merchantCategoryCode", "mcc"}
};

void
la_tell_entry(LaSettlement *settlement, Datum answer)
{
	LaBooks    *books = &settlement->books;
	const LaEntry *entry = &settlement->entry;
	int64		authorized = la_hold_authorized(&settlement->hold);
	bool		refund = entry->verb == LA_REFUND;
	LaDocument	data;

	if (!books->tenant->transaction_events)
		return;
	begin(&data, books, &settlement->id);
	if (entry->verb == LA_CAPTURE || entry->verb == LA_FORCED_CAPTURE)
	{
		la_put_columns(&data, answer, captured, lengthof(captured), LA_TIMES_MILLIS);
		la_put_int64(&data, "amount", entry->amount);
		la_put_int64(&data, "authorizedAmount", authorized);
		if (entry->added > 0)
			la_put_int64(&data, "overageAmount", entry->added);
		la_put_text(&data, "status", "completed");
		la_put_millis(&data, "postedAt", books->at);
		end(&data, books, LA_EVENT_COMPLETED);
		return;
	}
	la_put_int64(&data, "originalAmount", authorized);
	la_put_int64(&data, refund ? "refundedAmount" : "reversedAmount", entry->amount);
	la_put_text(&data, "status", refund ? "refunded" : "reversed");
	end(&data, books, refund ? LA_EVENT_REFUNDED : LA_EVENT_REVERSED);
}
