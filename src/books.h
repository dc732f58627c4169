/*
 * books.h
 *		All that stands about one agent's spending: gathered, measured, locked.
 */
#ifndef LA_BOOKS_H
#define LA_BOOKS_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "counter.h"
#include "judge.h"
#include "principal.h"
#include "query.h"
#include "tenant.h"

/* Places in the arrays of scopes; the order of locks and of LaFacts.limits. */
#define LA_AGENT_BOOK 0
#define LA_CUSTOMER_BOOK 1
#define LA_ORGANIZATION_BOOK 2

/*
 * Tries to decide and to book in the statement that reads the agent's counter,
 * where nothing else has to be read.  It has called la_books_read_counter(), and
 * books->booked says how it ended; otherwise the decision goes its usual way.
 */
struct LaBooks;
typedef void (*LaBookAtOnce) (struct LaBooks *books, void *decision);

typedef struct LaBooks
{
	const char *organization_id;
	pg_uuid_t	agent_id;
	char	   *agent_text;		/* agent_id as text */
	LaView		view;

	/* From the rows. */
	char	   *customer_id;
	const LaTenant *tenant;
	const LaAgentFacts *agent;
	bool		key_known;		/* there is an answer to the key */
	bool		counter_busy;	/* an open transaction has changed the agent's
								 * counter */

	/* Booking at once. */
	LaBookAtOnce at_once;		/* NULL: never */
	void	   *decision;		/* for it */
	bool		booked;

	/* By scope. */
	LaCounter	counters[LA_LIMITS];
	LaCounter	agent_counter_read; /* the agent's as it was read */
	bool		counted[LA_LIMITS]; /* has a counter that is kept up */

	/* Measured. */
	TimestampTz at;
	LaFacts		facts;

	/* Locks. */
	uint64		keys[LA_LIMITS];
	bool		queued[LA_LIMITS];
	bool		newly_queued[LA_LIMITS];
	bool		shared[LA_LIMITS];	/* configuration lock is held */
	bool		row_locked[LA_LIMITS];
	bool		in_history;		/* the history lock is held */
} LaBooks;

extern void la_books_init(LaBooks *books, const LaPrincipal *caller,
						  const pg_uuid_t *agent_id, LaView view);

/*
 * Takes the locks of a decision and gathers under them; with lock_row the
 * agent's counter row is locked, too.  Afterwards the configuration locks are
 * held.  P0002 for an unknown agent, 42501 for a token that is no longer valid.
 */
extern void la_books_open(LaBooks *books, const LaPrincipal *caller,
						  const char *key, bool lock_row);

/* The agent's counter as it stands now, with who last wrote or locked its row. */
extern void la_books_read_counter(LaBooks *books, bool key_known, TransactionId writer,
								  Datum counter);

/* Gives the configuration locks back; and the queue locks, where there are too many. */
extern void la_books_close(LaBooks *books);

/* Reads without any lock. */
extern void la_books_read(LaBooks *books, const LaPrincipal *caller);

/* Whether measuring the agent's limit at that instant takes nothing but its counter. */
extern bool la_counter_suffices(const LaBooks *books, TimestampTz now);

/* Puts the instant, rolls the counters to it, and finds what stands against each limit. */
extern void la_measure(LaBooks *books, TimestampTz now);

/* When the window of a limit starts anew; false: never. */
extern bool la_next_reset(LaBooks *books, int i, TimestampTz *instant);

/* When by time alone amount passes the limit; false: never. */
extern bool la_passes_at(LaBooks *books, int i, int64 amount, TimestampTz *instant);

/* Writes a counter whose row is locked. */
extern void la_write_counter(LaBooks *books, int i);

#endif							/* LA_BOOKS_H */
