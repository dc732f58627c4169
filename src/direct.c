/*
 * direct.c
 *		The rows of a decision read and written without a statement; see direct.h.
 *
 * Rows are found with the same snapshots as statements use, by index.  A change
 * goes to the very version that was read and waits for nobody: the server
 * refuses when that is no longer the newest, and the caller judges anew.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "compat.h"
#include "direct.h"
#include "fault.h"
#include "indexes.h"
#include "module.h"
#include "room.h"
#include "spend.h"

static void find_writer(HeapTuple row, LaPlace *place);
static void add_to_indexes(Relation relation, TupleTableSlot *slot, bool summarizing);

bool
la_direct_is_fit(LaView view)
{
#if LA_MUTANT == 1
	return false;
#endif
	return la_direct_access &&
		(view == LA_STATEMENT || !IsolationUsesXactSnapshot()) &&
		la_is_plain("counters", LA_K_COLUMNS) && la_is_plain("authorizations", LA_X_COLUMNS);
}

void
la_direct_begin(LaView view)
{
	if (view == LA_LATEST)
		PushActiveSnapshot(GetLatestSnapshot());
}

void
la_direct_end(LaView view)
{
	if (view == LA_LATEST)
		PopActiveSnapshot();
}

static void
set_text_key(ScanKey key, int column, const char *value)
{
	/* ScanKeyInit() compares as COLLATE "C" does, which is that of our keys. */
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(value));
}

static Datum
scope_value(Relation counters, LaScope scope)
{
	Oid			type = TupleDescAttr(RelationGetDescr(counters), LA_K_SCOPE)->atttypid;

	return la_enum_value(type, la_scope_label(scope));
}

/*
 * Where counters were found last, by number of their scope's id.  Only a hint:
 * what is visible and has the key is the row, however it was come by.  It saves
 * the index, which under an old snapshot also leads to every version that
 * cannot be cleared away.
 */
#define HINTS 16384

static ItemPointerData hints[HINTS];

static ItemPointer
hint_for(LaScope scope, const char *scope_id)
{
	uint32		number = hash_bytes((const unsigned char *) scope_id, strlen(scope_id)) + scope;

	return &hints[number % HINTS];
}

typedef struct CounterKey
{
	const char *organization_id;
	Datum		scope;
	const char *scope_id;
} CounterKey;

static bool
is_text(TupleTableSlot *slot, int column, const char *value)
{
	bool		isnull;
	text	   *stored = DatumGetTextPP(slot_getattr(slot, column + 1, &isnull));
	Size		length = strlen(value);

	return VARSIZE_ANY_EXHDR(stored) == length &&
		memcmp(VARDATA_ANY(stored), value, length) == 0;
}

static bool
has_key(TupleTableSlot *slot, const CounterKey *key)
{
	bool		isnull;

	return slot_getattr(slot, LA_K_SCOPE + 1, &isnull) == key->scope &&
		is_text(slot, LA_K_ORGANIZATION_ID, key->organization_id) &&
		is_text(slot, LA_K_SCOPE_ID, key->scope_id);
}

/* The visible version on the way from what was found last; false: it does not lead there. */
static bool
follow_hint(Relation counters, const CounterKey *key, const ItemPointerData * hint,
			TupleTableSlot *slot)
{
	TableScanDesc scan;
	ItemPointerData tid = *hint;
	bool		found;

	if (!ItemPointerIsValid(&tid))
		return false;
	scan = table_beginscan_tid(counters, GetActiveSnapshot());
	found = counters->rd_tableam->tuple_tid_valid(scan, &tid);
	if (found)
	{
#if LA_MUTANT != 98
		la_make_room(counters, ItemPointerGetBlockNumber(&tid));
#endif
		table_tuple_get_latest_tid(scan, &tid);
		la_fault("following a hint");
	}
	table_endscan(scan);
	found = found && table_tuple_fetch_row_version(counters, &tid, GetActiveSnapshot(), slot);
#if LA_MUTANT != 97
	found = found && has_key(slot, key);
#endif
	return found;
}

static void
take_counter(TupleTableSlot *slot, Relation counters, LaCounter *counter, LaPlace *place)
{
	HeapTuple	row = ExecFetchSlotHeapTuple(slot, false, NULL);

	la_counter_take(counter, row, RelationGetDescr(counters));
	place->tid = row->t_self;
	place->crowded = la_is_crowded(slot);
	find_writer(row, place);
}

static bool
look_up(Relation counters, const CounterKey *key, LaCounter *counter, LaPlace *place)
{
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple	row;

	set_text_key(&keys[0], LA_K_ORGANIZATION_ID + 1, key->organization_id);
	ScanKeyInit(&keys[1], LA_K_SCOPE + 1, BTEqualStrategyNumber, F_ENUM_EQ, key->scope);
	set_text_key(&keys[2], LA_K_SCOPE_ID + 1, key->scope_id);
	scan = systable_beginscan(counters, RelationGetPrimaryKeyIndex(counters, false), true,
							  GetActiveSnapshot(), lengthof(keys), keys);
	row = systable_getnext(scan);
	la_fault("reading a counter");
	if (row != NULL)
		take_counter(scan->slot, counters, counter, place);
	systable_endscan(scan);
	return row != NULL;
}

bool
la_direct_counter(const char *organization_id, LaScope scope, const char *scope_id,
				  LaCounter *counter, LaPlace *place)
{
	Relation	counters = la_open_table("counters", AccessShareLock);
	CounterKey	key = {organization_id, scope_value(counters, scope), scope_id};
	ItemPointer hint = hint_for(scope, scope_id);
	TupleTableSlot *slot = table_slot_create(counters, NULL);
	bool		found = follow_hint(counters, &key, hint, slot);

	if (found)
		take_counter(slot, counters, counter, place);
	else
		found = look_up(counters, &key, counter, place);
	if (found)
		*hint = place->tid;
	ExecDropSingleTupleTableSlot(slot);
	la_close_table(counters);
	return found;
}

/* Several lockers at once are not told apart: waiting for the row ends it, whoever it is. */
static void
find_writer(HeapTuple row, LaPlace *place)
{
	TransactionId writer = HeapTupleHeaderGetRawXmax(row->t_data);
	uint16		infomask = row->t_data->t_infomask;

	place->busy = false;
	place->mine = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data));
	if (infomask & HEAP_XMAX_INVALID)
		return;
	if (infomask & HEAP_XMAX_IS_MULTI)
		place->busy = true;
	else if (TransactionIdIsCurrentTransactionId(writer))
		place->mine = true;
	else
		place->busy = TransactionIdIsInProgress(writer) ||
		/* It has ended since the snapshot was taken. */
			(!HEAP_XMAX_IS_LOCKED_ONLY(infomask) && TransactionIdDidCommit(writer));
}

/* The number of a column never changes. */
static void
find_columns(LaDirectTable *table, Relation relation)
{
	if (table->oid == RelationGetRelid(relation))
		return;
	Assert(table->count <= LA_MAX_DIRECT_COLUMNS);
	for (int i = 0; i < table->count; i++)
	{
		table->numbers[i] = get_attnum(RelationGetRelid(relation), table->columns[i]);
		if (table->numbers[i] == InvalidAttrNumber)
			elog(ERROR, "column \"%s\" of \"%s\" is missing", table->columns[i], table->name);
	}
	table->oid = RelationGetRelid(relation);
}

static void
take_columns(const LaDirectTable *table, HeapTuple found, TupleDesc desc, LaRow *row)
{
	HeapTuple	copy = heap_copytuple(found);
	Datum	   *values = palloc(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc(sizeof(bool) * desc->natts);

	heap_deform_tuple(copy, desc, values, nulls);
	row->values = palloc(sizeof(Datum) * table->count);
	row->nulls = palloc(sizeof(bool) * table->count);
	for (int i = 0; i < table->count; i++)
	{
		row->values[i] = values[table->numbers[i] - 1];
		row->nulls[i] = nulls[table->numbers[i] - 1];
	}
}

static HeapTuple
find_row(SysScanDesc *scan, const LaDirectTable *table, Relation relation, const LaParams *key)
{
	ScanKeyData keys[INDEX_MAX_KEYS];

	for (int i = 0; table->key[i] != '\0'; i++)
		ScanKeyInit(&keys[i], i + 1, BTEqualStrategyNumber,
					table->key[i] == 'u' ? F_UUID_EQ : F_TEXTEQ, key->values[i]);
	*scan = systable_beginscan(relation, RelationGetPrimaryKeyIndex(relation, false), true,
							   GetActiveSnapshot(), strlen(table->key), keys);
	return systable_getnext(*scan);
}

bool
la_direct_row(LaDirectTable *table, const LaParams *key, LaView view, LaRow *row)
{
	Relation	relation = la_open_table(table->name, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	found = NULL;

	if (la_is_ordinary(relation))
	{
		find_columns(table, relation);
		la_direct_begin(view);
		found = find_row(&scan, table, relation, key);
		la_fault("reading a row");
		if (found != NULL)
			take_columns(table, found, RelationGetDescr(relation), row);
		systable_endscan(scan);
		la_direct_end(view);
	}
	la_close_table(relation);
	return found != NULL;
}

bool
la_direct_lock(LaPlace *place)
{
	Relation	counters = la_open_table("counters", RowShareLock);
	TupleTableSlot *slot = table_slot_create(counters, NULL);
	TM_FailureData failure;
	TM_Result	result;

	la_fault("before locking a counter");
	result = table_tuple_lock(counters, &place->tid, GetActiveSnapshot(), slot,
							  GetCurrentCommandId(true), LockTupleNoKeyExclusive, LockWaitSkip,
							  0, &failure);
	la_fault("after locking a counter");
	ExecDropSingleTupleTableSlot(slot);
	la_close_table(counters);
	return result == TM_Ok;
}

bool
la_direct_write_counter(const char *organization_id, LaScope scope, const char *scope_id,
						const LaCounter *counter, LaPlace *place, bool may_wait)
{
	Relation	counters = la_open_table("counters", RowExclusiveLock);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(counters), &TTSOpsVirtual);
	BlockNumber target = InvalidBlockNumber;
	TU_UpdateIndexes indexes;
	TM_FailureData failure;
	LockTupleMode mode;
	TM_Result	result;

	slot->tts_values[LA_K_ORGANIZATION_ID] = CStringGetTextDatum(organization_id);
	slot->tts_values[LA_K_SCOPE] = scope_value(counters, scope);
	slot->tts_values[LA_K_SCOPE_ID] = CStringGetTextDatum(scope_id);
	la_counter_put(counter, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	CheckCmdReplicaIdentity(counters, CMD_UPDATE);
	la_fault("before writing a counter");
	if (place->crowded)
		target = la_find_room(counters, &place->tid);
	result = table_tuple_update(counters, &place->tid, slot, GetCurrentCommandId(true),
								GetActiveSnapshot(), InvalidSnapshot, may_wait, &failure, &mode,
								&indexes);
	la_fault("after writing a counter");
	if (place->crowded)
		RelationSetTargetBlock(counters, target);
	if (result == TM_Ok)
	{
		place->tid = slot->tts_tid;
		place->crowded = false;
		*hint_for(scope, scope_id) = place->tid;

		if (indexes != TU_None)
			add_to_indexes(counters, slot, la_only_summarizing(indexes));
		CommandCounterIncrement();
	}
	ExecDropSingleTupleTableSlot(slot);
	la_close_table(counters);
	return result == TM_Ok;
}

static int
find_primary_key(const ResultRelInfo *result)
{
	Oid			primary_key = RelationGetPrimaryKeyIndex(result->ri_RelationDesc, false);

	for (int i = 0; i < result->ri_NumIndices; i++)
		if (RelationGetRelid(result->ri_IndexRelationDescs[i]) == primary_key)
			return i;
	elog(ERROR, "\"%s\" has no primary key", RelationGetRelationName(result->ri_RelationDesc));
}

/*
 * The key is the same as in the older versions.  To ask whether somebody else
 * has it would be to visit all of them that an old snapshot, or this
 * transaction, keeps.
 */
static void
add_to_primary_key(const ResultRelInfo *result, int i, TupleTableSlot *slot, EState *estate)
{
	IndexInfo  *info = result->ri_IndexRelationInfo[i];
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	FormIndexDatum(info, slot, estate, values, nulls);
	(void) index_insert(result->ri_IndexRelationDescs[i], values, nulls, &slot->tts_tid,
						result->ri_RelationDesc, UNIQUE_CHECK_NO, true, info);
}

/* Of a row that found no room beside its older version. */
static void
add_to_indexes(Relation relation, TupleTableSlot *slot, bool summarizing)
{
	EState	   *estate = CreateExecutorState();
	ResultRelInfo *result = makeNode(ResultRelInfo);
	int			primary_key;
	Relation	index;

	InitResultRelInfo(result, relation, 0, NULL, 0);
	la_open_indexes(result);
	primary_key = find_primary_key(result);
	index = result->ri_IndexRelationDescs[primary_key];
	la_fault("before adding a counter to its index");
#if LA_MUTANT != 284
	if (!summarizing)
#else
	if (false)
#endif
	{
		add_to_primary_key(result, primary_key, slot, estate);
		/* The server passes over one that is missing. */
		result->ri_IndexRelationDescs[primary_key] = NULL;
	}
	(void) ExecInsertIndexTuples(result, slot, estate, true, false, NULL, NIL, summarizing);
	result->ri_IndexRelationDescs[primary_key] = index;
	la_close_indexes(result);
	FreeExecutorState(estate);
}
