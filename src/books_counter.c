/*
 * books_counter.c
 *		The counters of somebody's books: found, locked and written; see books_counter.h.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "books_counter.h"
#include "errors.h"

static const char *
scope_id(LaBooks *books, int i)
{
	if (i == LA_CARD)
		return books->card_text;
	if (i == LA_CUSTOMER)
		return books->customer_id;
	if (i == LA_ORGANIZATION)
		return books->organization_id;
	return books->agent_text;
}

/* Of the counters; what is configured is always read as it is now. */
void
la_begin_reading(const LaBooks *books, LaView view)
{
	if (books->snapshot != NULL)
		PushActiveSnapshot(books->snapshot);
	else
		la_direct_begin(view);
}

bool
la_find_counter(LaBooks *books, int i)
{
	return la_direct_counter(books->organization_id, i, scope_id(books, i), &books->counters[i],
							 &books->places[i]);
}

/* As it is now, and locked; false: waiting for it, or finding it, takes a statement. */
bool
la_lock_directly(LaBooks *books, int i)
{
	return la_find_counter(books, i) && !books->places[i].busy &&
#if LA_MUTANT != 5
		la_direct_lock(&books->places[i]);
#else
		true;
#endif
}

/* False: its row could not be locked. */
bool
la_read_counter(LaBooks *books, int i, LaQuery query, LaView view)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_text(&params, scope_id(books, i));
	la_param_text(&params, la_scope_label(i));
	if (la_run(query, &params, view) == 0 && query == LA_Q_COUNTER_TRY_LOCK)
		return false;
	if (SPI_processed == 0 && i == LA_AGENT)
		la_unknown("agent", books->agent_text);
	if (SPI_processed == 0)
		elog(ERROR, "counter of %s \"%s\" is missing",
			 la_scope_label(i), scope_id(books, i));
	la_counter_read(&books->counters[i], la_row(0).values[0]);
	return true;
}

/* As it is now; false: it is not here. */
bool
la_read_directly(LaBooks *books, int i, LaView view)
{
	bool		found;

	la_begin_reading(books, view);
	found = la_find_counter(books, i);
	la_direct_end(view);
	return found;
}

bool
la_lock_counter(LaBooks *books, int i)
{
#if LA_MUTANT == 5
	return la_read_counter(books, i, LA_Q_COUNTER_READ, LA_LATEST);
#endif
	if (books->direct)
	{
		bool		locked;

		la_begin_reading(books, LA_LATEST);
		locked = la_lock_directly(books, i);
		la_direct_end(LA_LATEST);
		if (locked)
			return true;
	}
	if (!la_read_counter(books, i, books->tries ? LA_Q_COUNTER_TRY_LOCK : LA_Q_COUNTER_LOCK, LA_WRITE))
		return false;
	/* Where it lies now. */
	books->direct = books->direct && la_read_directly(books, i, LA_LATEST);
	return true;
}

/* False: the row is no longer the one that was read; or, unless it may be waited for, somebody is in the way. */
static bool
write_counter(LaBooks *books, int i, bool may_wait)
{
	LaParams	params = {0};
	bool		written;

	if (books->direct)
		written = la_direct_write_counter(books->organization_id, i, scope_id(books, i),
										  &books->counters[i], &books->places[i], may_wait);
	else
	{
		la_param_text(&params, books->organization_id);
		la_param_text(&params, scope_id(books, i));
		la_param_counter(&params, &books->counters[i]);
		la_param_text(&params, la_scope_label(i));
		written = la_run(LA_Q_COUNTER_WRITE, &params, LA_WRITE) == 1;
	}
	books->counters[i].version += written;
	return written;
}

/* Who holds configuration locks waits for nobody but itself. */
bool
la_try_write_counter(LaBooks *books, int i)
{
	return write_counter(books, i, books->row_locked[i] || books->places[i].mine);
}

/* Nobody can be waited for: either the row is locked or it is a card's, which goes with its agent's. */
void
la_write_counter(LaBooks *books, int i)
{
	if (!write_counter(books, i, true))
		elog(ERROR, "counter of %s \"%s\" was changed under its lock",
			 la_scope_label(i), scope_id(books, i));
}
