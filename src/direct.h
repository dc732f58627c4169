/*
 * direct.h
 *		The rows of a decision read and written without a statement.
 *
 * A statement costs 2 to 10 microseconds before it touches its first row, which
 * is more than the row.  What every decision reads and writes goes through the
 * executor's functions for single rows instead, as the server's own logical
 * replication does: constraints and indexes are kept, and a row is only ever
 * changed in the version that was read.  Statements do the same wherever these
 * functions would not do: see la_direct_is_fit().
 */
#ifndef LA_DIRECT_H
#define LA_DIRECT_H

#include "postgres.h"

#include "storage/itemptr.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#include "counter.h"

/*
 * Whether rows may be read, or read and written, directly: not where the
 * transaction keeps one snapshot, which a change would have to be checked
 * against, nor where somebody has put a trigger, a rule, a CHECK or row security
 * on the tables, or made them something else than ordinary ones.
 */
extern bool la_direct_is_fit(LaView view);

/* What is read from here to la_direct_end() is read in that view, which is not LA_WRITE. */
extern void la_direct_begin(LaView view);
extern void la_direct_end(LaView view);

#define LA_MAX_DIRECT_COLUMNS 16

/* A counter's row as it was found. */
typedef struct LaPlace
{
	ItemPointerData tid;		/* of the version that was read */
	bool		busy;			/* an open transaction of somebody else has
								 * written or locked it, or one has just ended */
	bool		mine;			/* this transaction has */
	bool		crowded;		/* see la_is_crowded() */
} LaPlace;

/* False: there is no such row here. */
extern bool la_direct_counter(const char *organization_id, LaScope scope, const char *scope_id,
							  LaCounter *counter, LaPlace *place);

/* Locks the row against all who would change it.  False: it is no longer the one that was read, or somebody is in the way. */
extern bool la_direct_lock(LaPlace *place);

/*
 * Writes the counter in the place of what was read there; false as above.  Of
 * rows that this transaction has locked the server wants to hear that it may
 * wait, although it need not.
 */
extern bool la_direct_write_counter(const char *organization_id, LaScope scope,
									const char *scope_id, const LaCounter *counter,
									LaPlace *place, bool may_wait);

/* Some columns of a table whose key is its first columns. */
typedef struct LaDirectTable
{
	const char *name;
	const char *key;			/* types of its columns, t or u each */
	const char *const *columns;
	int			count;
	Oid			oid;			/* of the table that the next are right for */
	AttrNumber	numbers[LA_MAX_DIRECT_COLUMNS];
} LaDirectTable;

/* They, of the row with that key, copied; false: there is none here. */
extern bool la_direct_row(LaDirectTable *table, const LaParams *key, LaView view, LaRow *row);

#endif							/* LA_DIRECT_H */
