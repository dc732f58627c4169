/*
 * append.c
 *		Authorizations added without a statement; see append.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "append.h"
#include "catalog.h"
#include "compat.h"
#include "fault.h"
#include "indexes.h"

#define KEY_INDEX "authorizations_idempotency_key"

static bool is_in_index(Relation authorizations, Relation index, const char *organization_id,
						const pg_uuid_t *agent_id, const char *key);

bool
la_direct_knows_key(const char *organization_id, const pg_uuid_t *agent_id, const char *key)
{
	Relation	authorizations;
	Relation	index;
	bool		known;

	if (key == NULL)
		return false;
	authorizations = la_open_table("authorizations", AccessShareLock);
	index = index_open(get_relname_relid(KEY_INDEX, RelationGetNamespace(authorizations)),
					   AccessShareLock);
	known = is_in_index(authorizations, index, organization_id, agent_id, key);
	index_close(index, NoLock);
	la_close_table(authorizations);
	return known;
}

/* Columns of the index: organization, agent, key. */
static bool
is_in_index(Relation authorizations, Relation index, const char *organization_id,
			const pg_uuid_t *agent_id, const char *key)
{
	ScanKeyData keys[3];
	IndexScanDesc scan;
	TupleTableSlot *slot = table_slot_create(authorizations, NULL);
	bool		found;

	/* ScanKeyInit() compares as COLLATE "C" does, which is that of our keys. */
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(organization_id));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(agent_id));
	ScanKeyInit(&keys[2], 3, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(key));
	la_fault("searching a key");
	scan = index_beginscan(authorizations, index, GetActiveSnapshot(), NULL, lengthof(keys), 0);
	index_rescan(scan, keys, lengthof(keys), NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

struct LaAppender
{
	EState	   *estate;
	ResultRelInfo *result;
	TupleTableSlot *slot;
};

LaAppender *
la_append_begin(Relation relation)
{
	LaAppender *appender = palloc(sizeof(LaAppender));

	appender->estate = CreateExecutorState();
	appender->result = makeNode(ResultRelInfo);
	InitResultRelInfo(appender->result, relation, 0, NULL, 0);
	la_open_indexes(appender->result);
	appender->slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsVirtual);
	return appender;
}

static TupleTableSlot *
fill_slot(LaAppender *appender, Datum *values, bool *nulls)
{
	TupleTableSlot *slot = appender->slot;

	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, slot->tts_tupleDescriptor->natts * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, slot->tts_tupleDescriptor->natts * sizeof(bool));
	return ExecStoreVirtualTuple(slot);
}

void
la_append(LaAppender *appender, Datum *values, bool *nulls)
{
	TupleTableSlot *slot = fill_slot(appender, values, nulls);

	la_fault("before adding a row");
	ExecSimpleRelationInsert(appender->result, appender->estate, slot);
	ResetPerTupleExprContext(appender->estate);
	la_fault("after adding a row");
}

/* What table_tuple_complete_speculative() does, but for a whole row that it would make of the slot. */
static void
settle(Relation relation, ItemPointer tid, bool stays)
{
	if (stays)
		heap_finish_speculative(relation, tid);
	else
		heap_abort_speculative(relation, tid);
	SpeculativeInsertionLockRelease(GetCurrentTransactionId());
}

/*
 * As INSERT ... ON CONFLICT adds a row, but without looking for the key first:
 * the index that takes the entry says whether there is one like it, and waits for
 * nobody.  Any unique index may: while the index of keys is built anew there are
 * two of it.  A row that does not stay is dead at once, and for those who read
 * the log it never was.
 */
bool
la_append_new(LaAppender *appender, Datum *values, bool *nulls)
{
	TupleTableSlot *slot = fill_slot(appender, values, nulls);
	Relation	relation = appender->result->ri_RelationDesc;
#if LA_MUTANT == 301
	List	   *arbiters = list_make1_oid(get_relname_relid(KEY_INDEX, RelationGetNamespace(relation)));
#else
	List	   *arbiters = NIL; /* all */
#endif
	bool		conflict = false;

	la_fault("before adding a row");
	if (RelationGetDescr(relation)->constr != NULL)
		ExecConstraints(appender->result, slot, appender->estate);
	table_tuple_insert_speculative(relation, slot, GetCurrentCommandId(true), 0, NULL,
								   SpeculativeInsertionLockAcquire(GetCurrentTransactionId()));
	list_free(ExecInsertIndexTuples(appender->result, slot, appender->estate, false, true, &conflict,
									arbiters, false));
	la_fault("before settling a row");
#if LA_MUTANT != 300
	settle(relation, &slot->tts_tid, !conflict);
#else
	settle(relation, &slot->tts_tid, true);
#endif
	ResetPerTupleExprContext(appender->estate);
	la_fault("after adding a row");
	return !conflict;
}

void
la_append_end(LaAppender *appender)
{
	la_close_indexes(appender->result);
	ExecDropSingleTupleTableSlot(appender->slot);
	FreeExecutorState(appender->estate);
	CommandCounterIncrement();
}
