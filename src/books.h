/*
 * books.h
 *		All that stands about one agent's spending: gathered, measured, locked.
 */
#ifndef LA_BOOKS_H
#define LA_BOOKS_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "counter.h"
#include "direct.h"
#include "judge.h"
#include "principal.h"
#include "query.h"
#include "tenant.h"

typedef struct LaBooks
{
	const char *organization_id;
	pg_uuid_t	agent_id;
	char	   *agent_text;		/* agent_id as text */
	const pg_uuid_t *card_id;	/* NULL: none; so with the next */
	char	   *card_text;
	const pg_uuid_t *intent_id;
	LaView		view;
	bool		direct;			/* rows are read and written without
								 * statements */
	Snapshot	snapshot;		/* of a batch, for counters; NULL: the view's */

	/* From the rows. */
	char	   *customer_id;
	const LaTenant *tenant;
	const LaAgentFacts *agent;
	const LaCardFacts *card;	/* NULL: none was named */
	LaIntent   *intents;		/* open ones; the named one, if any, behind
								 * them */
	int			nintents;
	bool		key_known;		/* there is an answer to the key */
	bool		counter_busy;	/* an open transaction has changed the agent's
								 * counter */

	/* By scope. */
	LaCounter	counters[LA_SCOPES];
	LaPlace		places[LA_SCOPES];	/* of the rows, where direct */
	bool		counted[LA_SCOPES]; /* has a counter that is kept up */

	/* Measured. */
	TimestampTz at;
	LaFacts		facts;

	/* Locks. */
	uint64		keys[LA_SCOPES];
	bool		queued[LA_SCOPES];
	bool		newly_queued[LA_SCOPES];
	bool		shared[LA_SCOPES];	/* configuration lock is held */
	bool		row_locked[LA_SCOPES];
	bool		in_history;		/* the history lock is held */
	bool		in_batch;		/* no queues are taken but those it has */
	bool		tries;			/* waits for nobody */
	bool		gave_up;		/* somebody was in the way */
} LaBooks;

extern void la_books_init(LaBooks *books, const LaPrincipal *caller,
						  const pg_uuid_t *agent_id, LaView view);

/* The card and the intent that the request names; both may be NULL. */
extern void la_books_name(LaBooks *books, const pg_uuid_t *card_id, const pg_uuid_t *intent_id);

/*
 * Takes the locks of a decision and gathers under them; with lock_row the
 * agent's counter row is locked, too.  Afterwards the configuration locks are
 * held.  P0002 for an unknown agent, card or intent, 42501 for a token that is no longer valid.
 * False, for books in a batch only: a queue is wanted that the batch does not hold.
 */
extern bool la_books_open(LaBooks *books, const LaPrincipal *caller,
						  const char *key, bool lock_row);

/*
 * The same with the agent's row locked, by an operator who waits for nobody.
 * False: somebody is in the way.  Nothing is held then but counter rows
 * (row_locked), where one could be locked and another could not.
 */
extern bool la_books_try(LaBooks *books, const LaPrincipal *caller);

/* The caller holds the queues up to that scope, and no others may be taken. */
extern void la_books_in_batch(LaBooks *books, LaScope widest);

/*
 * Takes the configuration locks where they can be had at once and gathers under
 * them, directly, with the counters of the agent and the card only.  The caller
 * holds the agent's queue.  False: it takes an ordinary la_books_open().
 */
extern bool la_books_join(LaBooks *books, const LaPrincipal *caller);

/* Reads the counter of that scope directly; false: it is not here, or not to be judged as it was found. */
extern bool la_books_find(LaBooks *books, LaScope scope);

/*
 * Tells those who will sum up history that some is being made, to the end of the
 * transaction.  To be called under the configuration locks by whatever changes
 * what counts; a decline does not.
 */
extern void la_books_make_history(LaBooks *books);

/* Gives the configuration locks back; and the queue locks, where there are too many. */
extern void la_books_close(LaBooks *books);

/* Reads without any lock, with the intents that are open at that instant. */
extern void la_books_read(LaBooks *books, const LaPrincipal *caller, TimestampTz at);

/* Reads the rules that are in force for the agent and the card, and nothing of what is spent. */
extern void la_books_rules(LaBooks *books);

/* What the judge must know that does not change with the instant. */
extern void la_books_facts(LaBooks *books);

/* Reads what the agent said it would buy, where the request or the counter speaks of it. */
extern void la_books_intents(LaBooks *books, TimestampTz at);

/* The agent's open ones, the latest first, whether or not the request names one. */
extern int	la_open_intents(LaBooks *books, TimestampTz at, LaIntent **intents);

/* Whether the books of that scope are kept. */
extern bool la_is_counted(const LaBooks *books, LaScope scope);

/*
 * Whether the rules that are in force for the agent, and the card if one is
 * given, ask for a human's approval of an amount; has_amount false: of any.
 */
extern bool la_needs_approval(const LaPrincipal *caller, const pg_uuid_t *agent_id,
							  const pg_uuid_t *card_id, bool has_amount, int64 amount,
							  const char *currency);

/* Puts the instant, rolls the counters to it, and finds what stands against each limit. */
extern void la_measure(LaBooks *books, TimestampTz now);

/* Whether that takes no statement about the scopes in question. */
extern bool la_measures_in_memory(const LaBooks *books, TimestampTz now, const bool *scopes);

/* Whether what a decline says of the limits that failed takes no statement. */
extern bool la_declines_in_memory(const LaBooks *books, const LaVerdict *verdict);

/* What counts in all of the scope's time, or how many authorizations do. */
extern int64 la_live(LaBooks *books, LaScope scope, bool number);

/* Moves next_expiry of the counters, whose rows are locked, behind what is over. */
extern void la_renew_next_expiry(LaBooks *books);

/* When the window of a limit starts anew; false: never. */
extern bool la_next_reset(LaBooks *books, const LaLimit *limit, TimestampTz *instant);

/* When by time alone amount passes the limit; false: never. */
extern bool la_passes_at(LaBooks *books, const LaLimit *limit, int64 amount, TimestampTz *instant);

/* Writes a counter whose row is locked; may be called again. */
extern void la_write_counter(LaBooks *books, int i);

/* Writes a counter; false: its row is no longer the one that was read. */
extern bool la_try_write_counter(LaBooks *books, int i);

#endif							/* LA_BOOKS_H */
