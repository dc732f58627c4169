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

/* What is asked for; an error that names the argument where it is not right. */
extern void la_read_request(FunctionCallInfo fcinfo, const LaPrincipal *caller,
							LaRequest *request);

typedef struct LaDecision
{
	LaVerdict	verdict;
	int64		spent_before;	/* the agent's, in the window of its limit */
	int64		spent_after;
	TimestampTz expires_at;		/* of an approved hold that expires */
	bool		retries;		/* retry_at is set */
	TimestampTz retry_at;
	Jsonb	   *failed_limits;	/* of a decline */
	bool		tell_exceeded;	/* agent.limit_exceeded is due */
	bool		tell_approaching;	/* agent.limit_approaching is due */
} LaDecision;

/* Whether an approval is due to be told of, and notes in the counter that it is. */
extern void la_mark_events(LaBooks *books, LaDecision *decision);

/* What follows from a decision that was booked: wider counters, suspension, events. */
extern void la_follow(LaBooks *books, const LaRequest *request, LaDecision *decision);

/* The decision as authorization_detail; id NULL: it was not stored. */
extern Datum la_answer(FunctionCallInfo fcinfo, const LaBooks *books, const LaRequest *request,
					   const LaDecision *decision, const pg_uuid_t *id);

#endif							/* LA_SPEND_H */
