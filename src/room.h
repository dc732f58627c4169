/*
 * room.h
 *		Where a counter goes that finds no room beside its older version.
 *
 * Versions that somebody may still see, under an old snapshot or because the
 * transaction that wrote them goes on, cannot be cleared away and fill their
 * page.  The server puts the next version on a page that it also gives to
 * others, which is full again so soon that most updates add to the indexes.
 * So a counter is given the more room the more of the page that it leaves is
 * its own, up to an empty page.
 */
#ifndef LA_ROOM_H
#define LA_ROOM_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

/* Clears away what nobody sees any more, as a visit by an index does. */
extern void la_make_room(Relation table, BlockNumber block);

/* Whether the next version of the row in the slot finds no room beside it; a guess, as others write there, too. */
extern bool la_is_crowded(TupleTableSlot *slot);

/*
 * Before the version at that place is replaced, where it is crowded: leads the
 * next one to a page with room.  Returns where others are to be led afterwards.
 */
extern BlockNumber la_find_room(Relation table, ItemPointer tid);

#endif							/* LA_ROOM_H */
