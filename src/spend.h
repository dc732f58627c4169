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

/* A call on its way. */
typedef struct LaSpend
{
	LaRequest	request;
	LaDecision	decision;
	pg_uuid_t	id;
} LaSpend;

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

/* The parameters of the statements that book an approval, in a counter that only its sums change. */
extern void la_param_approval(LaParams *params, LaBooks *books, const LaSpend *spend);

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

/* The decision as authorization_detail; id NULL: it was not stored. */
extern Datum la_answer(FunctionCallInfo fcinfo, const LaBooks *books, const LaRequest *request,
					   const LaDecision *decision, const pg_uuid_t *id);

#endif							/* LA_SPEND_H */
