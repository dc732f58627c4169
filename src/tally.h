/*
 * tally.h
 *		Numbers that all sessions of a database add to, without waiting for each other.
 */
#ifndef LA_TALLY_H
#define LA_TALLY_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "judge.h"

/* What waits are counted by; see the names in statistics.c. */
typedef enum LaWaitKind
{
	LA_WAIT_AGENT, LA_WAIT_CUSTOMER, LA_WAIT_ORGANIZATION, LA_WAIT_EXTERNAL_ID, LA_WAIT_ANSWER,
	LA_WAIT_CONFIGURATION, LA_WAIT_HISTORY
} LaWaitKind;

#define LA_WAIT_KINDS (LA_WAIT_HISTORY + 1)

/* Batches of 1, to 10, to 100, to 1000, and more. */
#define LA_BATCH_CLASSES 4

/* The numbers; where there are several of a kind, the first of them. */
enum
{
	LA_TALLY_APPROVED,
	LA_TALLY_DECLINED,			/* by reason */
	LA_TALLY_REPLAYED = LA_TALLY_DECLINED + LA_MAX_REASONS,
	LA_TALLY_BATCHES,			/* by class */
	/* What stands before this is counted when its transaction commits. */
	LA_TALLY_GATHERED = LA_TALLY_BATCHES + LA_BATCH_CLASSES,
	LA_TALLY_RAISED = LA_TALLY_GATHERED,
	LA_TALLY_PREPARED,
	LA_TALLY_ROLLED_BACK,
	LA_TALLY_WAITS,				/* by kind, as the next two */
	LA_TALLY_WAITED = LA_TALLY_WAITS + LA_WAIT_KINDS,	/* microseconds */
	LA_TALLY_LONGEST = LA_TALLY_WAITED + LA_WAIT_KINDS, /* microseconds */
	LA_TALLY_NUMBERS = LA_TALLY_LONGEST + LA_WAIT_KINDS
};

/* Whether this session can count; the first call tries, and an outcome of that holds for good. */
extern bool la_tally_is_open(void);

/* For whoever wants to see the numbers: tries again, and says in an error why there are none. */
extern void la_require_tally(void);

/* The following need an open tally.  None of them can fail. */
extern void la_tally_add(int number, uint64 amount);
extern void la_tally_raise(int number, uint64 least);	/* to at least that */
extern uint64 la_tally_sum(int number);
extern uint64 la_tally_greatest(int number);

/* All numbers become 0, and what is returned is since when they are counted. */
extern TimestampTz la_tally_reset(void);
extern TimestampTz la_tally_since(void);

#endif							/* LA_TALLY_H */
