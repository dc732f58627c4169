/*
 * indexes.h
 *		The indexes of a table to which rows are added.
 *
 * As ExecOpenIndices() opens them, but what the server makes of an index, and of
 * the predicate of a partial one, is remembered: making it anew for every row
 * costs a decision a fourteenth.
 */
#ifndef LA_INDEXES_H
#define LA_INDEXES_H

#include "postgres.h"

#include "nodes/execnodes.h"

extern void la_indexes_init(void);

extern void la_open_indexes(ResultRelInfo *result);

/*
 * As ExecCloseIndices(), but the locks stay to the end of the transaction, for
 * the next row: whom they keep away the table's lock does, too.
 */
extern void la_close_indexes(ResultRelInfo *result);

#endif							/* LA_INDEXES_H */
