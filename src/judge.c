/*
 * judge.c
 *		The decision; see judge.h.
 *
 * The checks run in the order of the type decline_reason.  A kill switch ends
 * them: it is the only reason.  All other checks are made, and every one that
 * fails is a reason.
 */
#include "postgres.h"

#include "amount.h"
#include "errors.h"
#include "judge.h"

static bool check_switches(const LaFacts *facts, LaVerdict *verdict);
static void check_currency(const LaFacts *facts, const LaRequest *request,
						   LaVerdict *verdict);
static void check_limits(const LaFacts *facts, const LaRequest *request,
						 LaVerdict *verdict);
static void find_room(const LaFacts *facts, const LaRequest *request,
					  LaVerdict *verdict);

/* The reason of a failed limit, by its place in LaFacts.limits. */
static const LaReason limit_reasons[LA_LIMITS] = {
	LA_AGENT_LIMIT_EXCEEDED, LA_CUSTOMER_LIMIT_EXCEEDED, LA_ORGANIZATION_LIMIT_EXCEEDED
};

void
la_judge(const LaFacts *facts, const LaRequest *request, LaVerdict *verdict)
{
	memset(verdict, 0, sizeof(LaVerdict));
	if (check_switches(facts, verdict))
	{
		check_currency(facts, request, verdict);
		check_limits(facts, request, verdict);
		find_room(facts, request, verdict);
	}
	verdict->approved = verdict->nreasons == 0;
}

static void
fail(LaVerdict *verdict, LaReason reason)
{
	verdict->reasons[verdict->nreasons++] = reason;
}

/* False: a kill switch is thrown. */
static bool
check_switches(const LaFacts *facts, LaVerdict *verdict)
{
	if (facts->organization_suspended)
		fail(verdict, LA_ORGANIZATION_SUSPENDED);
	else if (facts->customer_suspended)
		fail(verdict, LA_CUSTOMER_SUSPENDED);
	else if (facts->agent_deregistered)
		fail(verdict, LA_AGENT_DEREGISTERED);
	else if (facts->agent_suspended)
		fail(verdict, LA_AGENT_SUSPENDED);
	return verdict->nreasons == 0;
}

/* A limit can only judge its own currency: one that applies refuses all others. */
static void
check_currency(const LaFacts *facts, const LaRequest *request, LaVerdict *verdict)
{
	bool		mismatch = false;

	for (int i = 0; i < LA_LIMITS; i++)
	{
		const LaLimit *limit = &facts->limits[i];

		verdict->mismatched[i] = limit->set &&
			strcmp(limit->currency, request->currency) != 0;
		mismatch = mismatch || verdict->mismatched[i];
	}
	if (mismatch)
		fail(verdict, LA_CURRENCY_MISMATCH);
}

static bool
lets_pass(const LaLimit *limit)
{
	return limit->action == LA_ACTION_NOTIFY || limit->action == LA_ACTION_NONE;
}

/* An amount exactly equal to what remains passes; one whose sum overflows does not. */
static bool
is_exceeded(const LaLimit *limit, int64 amount)
{
	int64		after;

	return limit->set &&
		(pg_add_s64_overflow(limit->spent, amount, &after) || after > limit->limit);
}

static void
check_limits(const LaFacts *facts, const LaRequest *request, LaVerdict *verdict)
{
	bool		others_passed = verdict->nreasons == 0;

	for (int i = 0; i < LA_LIMITS; i++)
	{
		const LaLimit *limit = &facts->limits[i];

		if (verdict->mismatched[i] || !is_exceeded(limit, request->amount))
			continue;
		if (limit->scope == LA_AGENT)
			verdict->exceeded = true;
		else
			others_passed = false;
		if (lets_pass(limit))
			continue;
		verdict->failed[i] = true;
		fail(verdict, limit_reasons[i]);
	}
	verdict->exceeded = verdict->exceeded && others_passed;
}

/* What would have passed at most, and what an approval leaves. */
static void
find_room(const LaFacts *facts, const LaRequest *request, LaVerdict *verdict)
{
	int64		most = PG_INT64_MAX;

	for (int i = 0; i < LA_LIMITS; i++)
	{
		const LaLimit *limit = &facts->limits[i];
		int64		room;

		if (verdict->mismatched[i])
			return;
		if (strcmp(limit->currency, request->currency) == 0)
			most = Min(most, PG_INT64_MAX - limit->total);
		if (!limit->set)
			continue;
		room = la_remaining(limit->limit, limit->spent);
		if (!lets_pass(limit))
			most = Min(most, room);
		room = la_remaining(room, request->amount);
		verdict->remaining = verdict->limited ? Min(verdict->remaining, room) : room;
		verdict->limited = true;
	}
	verdict->max_approvable = most;
}

const char *
la_reason_label(LaReason reason)
{
	static const char *const labels[] = {
		"organization_suspended", "customer_suspended", "agent_deregistered",
		"agent_suspended", "currency_mismatch", "agent_limit_exceeded",
		"customer_limit_exceeded", "organization_limit_exceeded"
	};

	return labels[reason];
}

static const char *const action_labels[] = {"decline", "suspend", "notify", "none"};

LaAction
la_action(const char *label, const char *field)
{
	for (int i = 0; i < lengthof(action_labels); i++)
		if (strcmp(label, action_labels[i]) == 0)
			return i;
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s is not valid: \"%s\"", field, la_quoted(label)),
			la_detail("invalid_value", field, "It is one of decline, suspend, notify, none."));
}

const char *
la_action_label(LaAction action)
{
	return action_labels[action];
}
