/*
 * room.c
 *		Where a counter goes that finds no room beside its older version; see room.h.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/hio.h"
#include "access/htup_details.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"

#include "compat.h"
#include "room.h"

/*
 * A counter is given room for so many times the versions that it leaves behind,
 * were the page shared with its like.
 */
#define GROWTH 4

/* The room that the server asks of a page that is to be empty: there may be old line pointers (hio.c). */
#define EMPTY_PAGE (MaxHeapTupleSize - MaxHeapTuplesPerPage / 8 * sizeof(ItemIdData))

void
la_make_room(Relation table, BlockNumber block)
{
	Buffer		buffer = ReadBuffer(table, block);

	heap_page_prune_opt(table, buffer);
	ReleaseBuffer(buffer);
}

bool
la_is_crowded(TupleTableSlot *slot)
{
	BufferHeapTupleTableSlot *stored = (BufferHeapTupleTableSlot *) slot;

#if LA_MUTANT == 287
	return false;
#endif
	Assert(TTS_IS_BUFFERTUPLE(slot) && BufferIsValid(stored->buffer));
	return PageGetHeapFreeSpace(BufferGetPage(stored->buffer)) < MAXALIGN(stored->base.tuple->t_len);
}

/* How many versions of the row are on its page. */
static int
count_versions(Page page, OffsetNumber offset)
{
	OffsetNumber roots[MaxHeapTuplesPerPage];
	int			count = 0;

	heap_get_root_tuples(page, roots);
	for (int i = 0; i < PageGetMaxOffsetNumber(page); i++)
		count += roots[i] == roots[offset - 1];
	return count;
}

/* As many as that, and how long this one is; 0: it is no longer there. */
static int
look_at(Relation table, ItemPointer tid, Size *length)
{
	Buffer		buffer = ReadBuffer(table, ItemPointerGetBlockNumber(tid));
	OffsetNumber offset = ItemPointerGetOffsetNumber(tid);
	int			count = 0;
	Page		page;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	if (offset <= PageGetMaxOffsetNumber(page) && ItemIdIsNormal(PageGetItemId(page, offset)))
	{
		*length = ItemIdGetLength(PageGetItemId(page, offset));
		count = count_versions(page, offset);
	}
	UnlockReleaseBuffer(buffer);
	return count;
}

/* What a page is to have free; the server asks for a reserve on top of what it is told. */
static Size
told_to_server(Relation table, Size wanted, Size length)
{
	Size		reserve = RelationGetTargetPageFreeSpace(table, HEAP_DEFAULT_FILLFACTOR);

	return Max(wanted - Min(wanted, reserve), length);
}

BlockNumber
la_find_room(Relation table, ItemPointer tid)
{
	BlockNumber target = RelationGetTargetBlock(table);
	Buffer		map = InvalidBuffer;
	Size		length;
	Size		wanted;
	int			count = look_at(table, tid, &length);

	if (count == 0)
		return target;
#if LA_MUTANT == 288
	count = MaxHeapTuplesPerPage;
#endif
	wanted = Min(BLCKSZ - BLCKSZ / (GROWTH * count), EMPTY_PAGE);
	if (wanted == EMPTY_PAGE)
		RelationSetTargetBlock(table, InvalidBlockNumber);
	UnlockReleaseBuffer(RelationGetBufferForTuple(table, told_to_server(table, wanted, length),
												  InvalidBuffer, 0, NULL, &map, NULL, 0));
	if (BufferIsValid(map))
		ReleaseBuffer(map);
#if LA_MUTANT != 289
	if (wanted == EMPTY_PAGE)
		return target;
#endif
	return RelationGetTargetBlock(table);
}
