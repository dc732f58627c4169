/*
 * counter.h
 *		The counter of one scope: what it has spent in each window.
 *
 * Pure: no SQL, no clock.  A counter mirrors a row of ledger_agents.counters.
 */
#ifndef LA_COUNTER_H
#define LA_COUNTER_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

#include "query.h"
#include "window.h"

/* In the order of the type limit_scope, which is the order of locks. */
typedef enum LaScope
{
	LA_CARD,
	LA_AGENT,
	LA_CUSTOMER,
	LA_ORGANIZATION,
} LaScope;

#define LA_SCOPES (LA_ORGANIZATION + 1)

extern const char *la_scope_label(LaScope scope);

/* The calendar windows that a counter keeps, with their frequencies. */
#define LA_CALENDAR_WINDOWS 4
extern const LaFrequency la_calendar_frequencies[LA_CALENDAR_WINDOWS];

/* Whether an event was written for this window and limit. */
typedef struct LaMark
{
	bool		set;
	TimestampTz window;
	int64		limit;
} LaMark;

/* Columns of ledger_agents.counters, in their order there. */
enum
{
	LA_K_ORGANIZATION_ID, LA_K_SCOPE, LA_K_SCOPE_ID, LA_K_FIRST_WINDOW,
	LA_K_ROLLING_FREQUENCY = LA_K_FIRST_WINDOW + 2 * LA_CALENDAR_WINDOWS, LA_K_ROLLING_SINCE,
	LA_K_ROLLING_SPENT, LA_K_NEXT_EXPIRY, LA_K_EXCEEDED_WINDOW, LA_K_EXCEEDED_LIMIT,
	LA_K_APPROACHING_WINDOW, LA_K_APPROACHING_LIMIT, LA_K_ATTESTED_AT, LA_K_INTENTS_UNTIL,
	LA_K_CAPTURED_AMOUNT, LA_K_CAPTURED_COUNT, LA_K_ENTRY_COUNT, LA_K_USE_COUNT, LA_K_VERSION,
	LA_K_SEQUENCE, LA_K_DECIDED_AT, LA_K_LAST_APPROVED_AT, LA_K_AUTH_COUNT, LA_K_TOTAL_SPENT,
	LA_K_FIRST_SPENT, LA_K_FIRST_MERCHANT = LA_K_FIRST_SPENT + LA_CALENDAR_WINDOWS, LA_K_COLUMNS
};

typedef struct LaCounter
{
	int64		version;
	int64		sequence;
	TimestampTz decided_at;
	LaWindow	windows[LA_CALENDAR_WINDOWS];
	int64		spent[LA_CALENDAR_WINDOWS];
	int64		total;
	bool		rolling;		/* the next three are kept */
	Datum		rolling_frequency;	/* as it is stored */
	TimestampTz rolling_since;
	int64		rolling_spent;
	bool		expires;		/* next_expiry is set */
	TimestampTz next_expiry;
	LaMark		exceeded;
	LaMark		approaching;
	int64		auth_count;		/* approvals that still count */
	int64		use_count;		/* of a card: approvals not reversed in full */
	int64		captured_amount;	/* of a card: and not refunded */
	int64		captured_count; /* of a card: authorizations */
	int64		entry_count;	/* of an agent: its last entry */
	TimestampTz last_approved_at;	/* DT_NOBEGIN: never; so with the next two */
	TimestampTz attested_at;
	TimestampTz intents_until;
	char	   *first_merchant; /* NULL: none yet */
} LaCounter;

/* From a whole row of the table, as a value and as it lies there. */
extern void la_counter_read(LaCounter *counter, Datum row);
extern void la_counter_take(LaCounter *counter, HeapTuple row, TupleDesc desc);

/* The row's columns behind its key, as they are after a change: the version is one more. */
extern void la_counter_put(const LaCounter *counter, Datum *values, bool *nulls);

/* The version, and all other columns behind the key, as parameters. */
extern void la_param_counter(LaParams *params, const LaCounter *counter);

/* A counter of which nothing is spent and every window is over. */
extern void la_counter_init(LaCounter *counter);

/* Opens the windows that contain at, where the stored ones have ended. */
extern void la_counter_roll(LaCounter *counter, TimestampTz at, const char *zone);

/* Books amount as spent at the instant to which the counter was rolled. */
extern void la_counter_add(LaCounter *counter, int64 amount);

/* Takes back amount of what was decided at decided_at. */
extern void la_counter_release(LaCounter *counter, int64 amount, TimestampTz decided_at);

/* Books amount more for what was decided at decided_at. */
extern void la_counter_add_at(LaCounter *counter, int64 amount, TimestampTz decided_at);

/* One approval more, and one less because it was reversed in full. */
extern void la_counter_approve(LaCounter *counter, LaScope scope);
extern void la_counter_forget(LaCounter *counter);

/* One less because its hold has expired, and one more because it was captured all the same. */
extern void la_counter_expire(LaCounter *counter);
extern void la_counter_revive(LaCounter *counter);

/* What rules remember of an approval. */
extern void la_counter_remember(LaCounter *counter, TimestampTz at, const char *merchant);

/* Calendar window of that frequency (allTime: all of it), and what is spent in it. */
extern LaWindow la_counter_window(const LaCounter *counter, LaFrequency frequency,
								  int64 *spent);

/* Whether the mark stands for this window and limit; sets it if not. */
extern bool la_mark_once(LaMark *mark, TimestampTz window, int64 limit);

#endif							/* LA_COUNTER_H */
