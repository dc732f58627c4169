/*
 * judge.h
 *		The decision: facts and a request in, a verdict with all reasons out.
 *
 * Pure: no SQL, no clock, no globals.  authorize() and evaluate() gather the
 * facts in different ways and share this judge, so that they cannot drift apart.
 */
#ifndef LA_JUDGE_H
#define LA_JUDGE_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "counter.h"
#include "window.h"

/* In the order of the type decline_reason, which is the order of the checks. */
typedef enum LaReason
{
	LA_ORGANIZATION_SUSPENDED,
	LA_CUSTOMER_SUSPENDED,
	LA_AGENT_DEREGISTERED,
	LA_AGENT_SUSPENDED,
	LA_CURRENCY_MISMATCH,
	LA_AGENT_LIMIT_EXCEEDED,
	LA_CUSTOMER_LIMIT_EXCEEDED,
	LA_ORGANIZATION_LIMIT_EXCEEDED,
} LaReason;

#define LA_MAX_REASONS (LA_ORGANIZATION_LIMIT_EXCEEDED + 1)

extern const char *la_reason_label(LaReason reason);

/* In the order of the type limit_exceeded_action. */
typedef enum LaAction
{
	LA_ACTION_DECLINE,
	LA_ACTION_SUSPEND,
	LA_ACTION_NOTIFY,
	LA_ACTION_NONE,
} LaAction;

extern LaAction la_action(const char *label, const char *field);
extern const char *la_action_label(LaAction action);

/* A limit and what stands against it. */
typedef struct LaLimit
{
	LaScope		scope;
	bool		set;			/* there is a limit */
	int64		limit;
	LaFrequency frequency;
	LaWindowMode mode;			/* never LA_MODE_DEFAULT */
	const char *currency;
	LaAction	action;			/* LA_ACTION_DECLINE but for agents */
	Datum		stored_frequency;	/* the enums as they are stored; the judge
									 * does not look at them */
	Datum		stored_action;
	int64		spent;			/* what counts in the window */
	LaWindow	window;			/* infinite bounds where there is none */
	int64		total;			/* what counts at all; for the range of sums */
} LaLimit;

/* Agent, customer, organization; in this order, which is that of the reasons. */
#define LA_LIMITS 3

typedef struct LaFacts
{
	bool		organization_suspended;
	bool		customer_suspended;
	bool		agent_deregistered;
	bool		agent_suspended;
	LaLimit		limits[LA_LIMITS];
} LaFacts;

typedef struct LaRequest
{
	pg_uuid_t	agent_id;
	int64		amount;
	const char *currency;		/* upper case, never null when judged */
	const char *merchant;
	const char *mcc;
	const char *country;
	const char *key;
	const Interval *hold_for;
	Jsonb	   *metadata;
} LaRequest;

typedef struct LaVerdict
{
	bool		approved;
	int			nreasons;
	LaReason	reasons[LA_MAX_REASONS];
	bool		failed[LA_LIMITS];	/* limits that were exceeded and decline */
	bool		mismatched[LA_LIMITS];	/* limits in another currency */
	bool		exceeded;		/* the agent's limit is exceeded, whatever its
								 * action, and every other check passed */
	bool		limited;		/* remaining is set */
	int64		remaining;		/* of the tightest limit, after an approval */
	int64		max_approvable; /* 0: none */
} LaVerdict;

extern void la_judge(const LaFacts *facts, const LaRequest *request, LaVerdict *verdict);

#endif							/* LA_JUDGE_H */
