/*
 * spend.h
 *		One decision on its way from the judge to the rows, and what follows from it.
 */
#ifndef LA_SPEND_H
#define LA_SPEND_H

#include "postgres.h"

#include "fmgr.h"

#include "books.h"
#include "judge.h"

/* Arguments of authorize(), authorize_or_raise() and evaluate(), in order. */
enum
{
	LA_ARG_AGENT, LA_ARG_AMOUNT, LA_ARG_CURRENCY, LA_ARG_MERCHANT, LA_ARG_MCC, LA_ARG_COUNTRY,
	LA_ARG_CARD, LA_ARG_INTENT, LA_ARG_KEY, LA_ARG_HOLD_FOR, LA_ARG_METADATA,
	LA_ARG_ORGANIZATION, LA_ARG_AS_OF
};

/* The call's arguments without the first ones. */
extern FunctionCallInfo la_arguments_behind(FunctionCallInfo fcinfo, int first);

/* Sets the merchant, as it was given and as it is compared; NULL: none. */
extern void la_name_merchant(LaRequest *request, const char *merchant);

/* What is asked for; an error that names the argument where it is not right. */
extern void la_read_request(FunctionCallInfo fcinfo, const LaPrincipal *caller,
							LaRequest *request);

typedef struct LaDecision
{
	LaVerdict	verdict;
	int64		spent_before;	/* the agent's, in the window of its limit */
	int64		spent_after;
	bool		expires;		/* it is a hold with an end */
	TimestampTz expires_at;
	bool		retries;		/* retry_at is set */
	TimestampTz retry_at;
	Jsonb	   *failed_limits;	/* of a decline */
	const pg_uuid_t *linked_intent; /* that it uses up or waits for, or NULL */
	bool		parks;			/* linked_intent is to be made */
	pg_uuid_t	parked_id;
	bool		tell_exceeded;	/* agent.limit_exceeded is due */
	bool		tell_approaching;	/* agent.limit_approaching is due */
} LaDecision;

/* Columns of ledger_agents.authorizations, in their order there. */
enum
{
	LA_X_ORGANIZATION_ID, LA_X_ID, LA_X_AGENT_ID, LA_X_SEQUENCE, LA_X_DECIDED_AT, LA_X_AMOUNT,
	LA_X_COUNTED_AMOUNT, LA_X_AGENT_SPENT, LA_X_AGENT_LIMIT, LA_X_REMAINING, LA_X_MAX_APPROVABLE,
	LA_X_RETRY_AT, LA_X_EXPIRES_AT, LA_X_CAPTURED_AMOUNT, LA_X_REVERSED_AMOUNT,
	LA_X_REFUNDED_AMOUNT, LA_X_INCREMENTED_AMOUNT, LA_X_INCREMENT_OF, LA_X_RECORDED, LA_X_CARD_ID,
	LA_X_INTENT_ID, LA_X_LINKED_INTENT_ID, LA_X_DECISION, LA_X_STATUS, LA_X_REASON,
	LA_X_AGENT_LIMIT_FREQUENCY, LA_X_ON_LIMIT_EXCEEDED, LA_X_ATTESTATION, LA_X_CUSTOMER_ID,
	LA_X_CURRENCY, LA_X_IDEMPOTENCY_KEY, LA_X_MERCHANT, LA_X_MCC, LA_X_COUNTRY, LA_X_HOLD_FOR,
	LA_X_REASONS, LA_X_FAILED_LIMITS, LA_X_METADATA, LA_X_COLUMNS
};

/* A call on its way. */
typedef struct LaSpend
{
	LaRequest	request;
	LaDecision	decision;
	pg_uuid_t	id;
	bool		described;		/* the next two are set */
	Datum		values[LA_X_COLUMNS];
	bool		nulls[LA_X_COLUMNS];
} LaSpend;

/* Its enums, and their values that most rows have, once they were looked up. */
typedef struct LaSpendTypes
{
	Oid			decision;
	Oid			status;
	Oid			reason;
	Oid			attestation;
	Datum		approved;
	Datum		authorized;
	Datum		unattested;
} LaSpendTypes;

/*
 * Decides under locks of its own, stores the answer and does what follows from
 * it; with raise a decline is an error.  The caller has begun the books.  False as
 * la_books_open().
 */
extern bool la_decide_alone(FunctionCallInfo fcinfo, const LaPrincipal *caller, LaBooks *books,
							LaSpend *spend, bool raise, Datum *answer);

/* 55000 authorization_declined, with the reasons. */
extern void la_refuse_declined(const LaVerdict *verdict);

/* The verdict alone: whether it is an approval. */
extern bool la_weigh(LaBooks *books, LaRequest *request, LaDecision *decision);

/* What an approval does to the counters in memory, and which events are due. */
extern void la_approve(LaBooks *books, const LaRequest *request, LaDecision *decision);

/* The verdict, and what follows from it for the counters in memory and for the answer. */
extern void la_decide(LaBooks *books, LaRequest *request, LaDecision *decision);

/* The stored answer to the key; an error if it answered another request, or, with raise, a decline. */
extern Datum la_replay(LaBooks *books, LaRequest *request, bool raise);

/* The decision's own id and number. */
extern void la_begin_entry(LaBooks *books, LaSpend *spend);

/* From the description of authorizations. */
extern void la_spend_types(TupleDesc desc, LaSpendTypes *types);

/* The decision as a row of authorizations, as it is to be stored. */
extern void la_describe(LaBooks *books, LaSpend *spend, LaSpendTypes *types);

/* Books the decision; false: the counter is no longer the one that was judged. */
extern bool la_apply(LaBooks *books, LaSpend *spend);

/* Whether an approval is due to be told of, and notes in the counter that it is. */
extern void la_mark_events(LaBooks *books, LaDecision *decision);

/* A decline: the limits that failed, when it would pass, the intent that waits for a human. */
extern void la_describe_decline(LaBooks *books, const LaRequest *request, LaDecision *decision);

/* What must be done under the locks of the decision: the intent, and the counters beside the agent's. */
extern void la_settle(LaBooks *books, const LaRequest *request, LaDecision *decision,
					  const pg_uuid_t *id);

/* What follows from a decision that was booked: suspension, events. */
extern void la_follow(LaBooks *books, const LaRequest *request, LaDecision *decision,
					  const pg_uuid_t *id);

/* The same for amount that a capture took above its hold. */
extern void la_follow_overage(LaBooks *books, int64 amount, const LaDecision *decision);

/* The decision as a row of authorization_detail. */
#define LA_ANSWER_COLUMNS 41
extern void la_answer_row(LaBooks *books, LaSpend *spend, LaSpendTypes *types, Datum *values,
						  bool *nulls);

/* The decision as authorization_detail; evaluated only: it is not stored. */
extern Datum la_answer(FunctionCallInfo fcinfo, LaBooks *books, LaSpend *spend, bool stored);

#endif							/* LA_SPEND_H */
