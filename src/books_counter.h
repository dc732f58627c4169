/*
 * books_counter.h
 *		The counters of somebody's books: found, locked and written.
 *
 * What books.h does not offer, for the files that open books.
 */
#ifndef LA_BOOKS_COUNTER_H
#define LA_BOOKS_COUNTER_H

#include "postgres.h"

#include "books.h"

/* Of the counters, to la_direct_end(); what is configured is always read as it is now. */
extern void la_begin_reading(const LaBooks *books, LaView view);

/* In what is being read; false: it is not here. */
extern bool la_find_counter(LaBooks *books, int i);

/* The same, and locked; false: waiting for it, or finding it, takes a statement. */
extern bool la_lock_directly(LaBooks *books, int i);

/* By itself; false: it is not here. */
extern bool la_read_directly(LaBooks *books, int i, LaView view);

/* By a statement; false: its row could not be locked. */
extern bool la_read_counter(LaBooks *books, int i, LaQuery query, LaView view);

/* One way or the other, and waits for it, unless the books wait for nobody: false then. */
extern bool la_lock_counter(LaBooks *books, int i);

#endif							/* LA_BOOKS_COUNTER_H */
