/*
 * statistics.h
 *		What is counted for operators: decisions, batches, waits.
 *
 * What is counted is what has committed.  No count can fail a decision.
 */
#ifndef LA_STATISTICS_H
#define LA_STATISTICS_H

#include "postgres.h"

#include "portability/instr_time.h"

#include "judge.h"
#include "tally.h"

/* A decision that was stored. */
extern void la_count_decision(const LaVerdict *verdict);

/* A key whose stored answer was given. */
extern void la_count_replay(void);

/* A decline that is about to be raised as an error, and undone by it. */
extern void la_count_raised(void);

/* One call that decides that many requests. */
extern void la_count_batch(int requests);

/* A wait that is about to begin, and its end, by whatever. */
typedef struct LaWait
{
	LaWaitKind	kind;
	instr_time	begun;
} LaWait;

extern void la_begin_wait(LaWait *wait, LaWaitKind kind);
extern void la_end_wait(const LaWait *wait);

#endif							/* LA_STATISTICS_H */
