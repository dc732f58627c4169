/*
 * batch.h
 *		Requests that are decided in memory, and written together.
 *
 * A run is what is decided in memory under the configuration locks that were
 * taken for it.  Rows of decisions are added at once, each counter is written
 * when the run ends, and the caller's command with it.
 */
#ifndef LA_BATCH_H
#define LA_BATCH_H

#include "postgres.h"

#include "append.h"
#include "spend.h"

/* Most requests of one call. */
#define LA_MAX_REQUESTS 1000

/*
 * Most agents, each with each of its cards, of one run: their configuration
 * locks are held together, and whoever changes one of them waits for the run.
 */
#define LA_MAX_OPEN_BOOKS 100

typedef struct LaHolding LaHolding;

/* A counter that several books share. */
typedef struct LaShared
{
	LaScope		scope;
	uint64		key;
	const char *scope_id;
	LaCounter	counter;
	LaPlace		place;
	bool		changed;		/* since it was read or written */
} LaShared;

/* An agent of the batch, whose queue is held. */
typedef struct LaMember
{
	uint64		key;			/* the number of its queue */
	pg_uuid_t	id;
	bool		queued;
	bool		newly_queued;
	LaHolding  *holdings;		/* its books in this run, a card each; NULL:
								 * none is open */
	LaShared	counter;
} LaMember;

/* A request of the batch. */
typedef struct LaAsked
{
	LaRequest	request;
	LaMember   *member;
	bool		repeats;		/* an earlier one has its key */
} LaAsked;

typedef struct LaBatch
{
	FunctionCallInfo fcinfo;
	TupleDesc	desc;			/* of the answer */
	const LaPrincipal *caller;
	bool		raise;			/* a decline is an error */
	bool		direct;			/* anything may be decided in memory */
	bool		repeats;		/* one of its keys has been known */

	/* The run. */
	MemoryContext memory;
	int			nopen;
	LaHolding  *open[LA_MAX_OPEN_BOOKS];
	int			nwide;
	LaShared   *wide[LA_MAX_OPEN_BOOKS + 1];	/* of customers and the
												 * organization */
	Relation	authorizations; /* NULL: not open yet */
	Snapshot	snapshot;		/* for counters; NULL: not taken yet */
	LaAppender *appender;
	LaSpendTypes types;
} LaBatch;

extern void la_batch_begin(LaBatch *batch, FunctionCallInfo fcinfo, const LaPrincipal *caller,
						   bool raise);

/*
 * Decides as a call of its own would, adds the decision and its answer.  False:
 * it takes more than memory, or its key may be known, and nothing was decided.
 */
extern bool la_batch_decide(LaBatch *batch, const LaAsked *asked);

/* Ends the run: writes what it changed, and gives its locks back. */
extern void la_batch_flush(LaBatch *batch);

#endif							/* LA_BATCH_H */
