/*
 * indexes.c
 *		The indexes of a table to which rows are added; see indexes.h.
 *
 * The server tells of every change of an index before it lets anybody open it
 * for the next row.
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "compat.h"
#include "indexes.h"

typedef struct KnownIndex
{
	Oid			oid;
	IndexInfo  *info;
} KnownIndex;

static KnownIndex known[16];
static int	nknown = 0;

/* Where all of them are.  Once it is outdated nothing more is remembered in it. */
static MemoryContext memory = NULL;
static bool outdated = false;

static void
forget_indexes(Datum arg, Oid relation)
{
#if LA_MUTANT == 281
	return;
#endif
	for (int i = 0; i < nknown; i++)
		if (relation == InvalidOid || relation == known[i].oid)
		{
			nknown = 0;
			outdated = true;
			return;
		}
}

void
la_indexes_init(void)
{
	CacheRegisterRelcacheCallback(forget_indexes, (Datum) 0);
}

/* Whoever still uses what is outdated does so in this transaction. */
static void
renew_memory(void)
{
	if (outdated)
		MemoryContextSetParent(memory, TopTransactionContext);
	if (outdated || memory == NULL)
		memory = AllocSetContextCreate(CacheMemoryContext, "ledger_agents indexes",
									   ALLOCSET_SMALL_SIZES);
	outdated = false;
}

/* Other methods, and expressions, keep what belongs to one statement in it. */
static bool
can_be_kept(Relation index)
{
	return nknown < lengthof(known) && index->rd_rel->relam == BTREE_AM_OID &&
		RelationGetIndexExpressions(index) == NIL;
}

static IndexInfo *
keep_info(Relation index)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);
	IndexInfo  *info = BuildIndexInfo(index);

	/* As ExecPrepareQual() would; the relation cache has planned it. */
	info->ii_PredicateState = ExecInitQual(info->ii_Predicate, NULL);
	MemoryContextSwitchTo(caller);
	/* A change may have been told meanwhile. */
	if (!outdated)
		known[nknown++] = (KnownIndex)
	{
		RelationGetRelid(index), info
	};
	return info;
}

static IndexInfo *
info_of(Relation index)
{
	for (int i = 0; i < nknown; i++)
		if (known[i].oid == RelationGetRelid(index))
			return known[i].info;
	return can_be_kept(index) ? keep_info(index) : BuildIndexInfo(index);
}

void
la_open_indexes(ResultRelInfo *result)
{
	List	   *oids = RelationGetIndexList(result->ri_RelationDesc);
	int			count = list_length(oids);

	result->ri_IndexRelationDescs = palloc(count * sizeof(Relation));
	result->ri_IndexRelationInfo = palloc(count * sizeof(IndexInfo *));
	result->ri_NumIndices = count;
	/* All of them first: with the last one all changes have been told. */
	for (int i = 0; i < count; i++)
		result->ri_IndexRelationDescs[i] = index_open(list_nth_oid(oids, i), RowExclusiveLock);
	renew_memory();
	for (int i = 0; i < count; i++)
		result->ri_IndexRelationInfo[i] = info_of(result->ri_IndexRelationDescs[i]);
	list_free(oids);
}

void
la_close_indexes(ResultRelInfo *result)
{
	for (int i = 0; i < result->ri_NumIndices; i++)
	{
		index_insert_cleanup(result->ri_IndexRelationDescs[i], result->ri_IndexRelationInfo[i]);
		index_close(result->ri_IndexRelationDescs[i], NoLock);
	}
}
