/*
 * compat.h
 *		The one place that knows server versions (15 to 18).
 *
 * Each shim bears the newest server's name, so that the rest of the tree is
 * written for the newest server and a shim goes when its server goes.
 */
#ifndef LA_COMPAT_H
#define LA_COMPAT_H

#include "postgres.h"

#include "access/hio.h"
#include "catalog/pg_proc.h"
#include "common/jsonapi.h"
#include "executor/executor.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/relcache.h"

#if PG_VERSION_NUM < 150000
#error "ledger_agents needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
/* 16 took it out of postgres.h. */
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 160000
/* 16 replaced the function of each catalog by one that takes the catalog. */
#define object_aclcheck(catalog, object, role, mode) \
	pg_proc_aclcheck((object), (role), (mode))
#endif

#if PG_VERSION_NUM < 160000
/* 16 took what hooks of settings give it into a memory context. */
#define guc_malloc(elevel, size) malloc(size)
#define guc_free(pointer) free(pointer)
#endif

#if PG_VERSION_NUM < 160000
/* 16 takes how many pages are to be added at once; 0: one. */
#define RelationGetBufferForTuple(table, length, other, options, bulk, map, other_map, pages) \
	RelationGetBufferForTuple((table), (length), (other), (options), (bulk), (map), (other_map))
#endif

#if PG_VERSION_NUM < 160000
/* 16 tells apart which indexes a new version of a row goes into. */
typedef bool TU_UpdateIndexes;
#define TU_None false
#define la_only_summarizing(indexes) false
#define ExecInsertIndexTuples(result, slot, estate, update, no_error, conflict, arbiters, summarizing) \
	ExecInsertIndexTuples((result), (slot), (estate), (update), (no_error), (conflict), (arbiters))
#else
#define la_only_summarizing(indexes) ((indexes) == TU_Summarizing)
#endif

#if PG_VERSION_NUM < 170000
/* 17 tells an index that no more rows come. */
#define index_insert_cleanup(index, info) ((void) 0)

/* 17 lets the caller bring the context; where it brings none both make one. */
#define makeJsonLexContextCstringLen(context, json, length, encoding, need_escapes) \
	makeJsonLexContextCstringLen(unconstify(char *, (json)), (length), (encoding), (need_escapes))

/* 17 can count stronger locks, too. */
#define LockHeldByMe(tag, mode, orstronger) LockHeldByMe((tag), (mode))
#endif

#if PG_VERSION_NUM < 180000
/* 18 counts what a scan does for EXPLAIN, where it is asked to. */
#define index_beginscan(table, index, snapshot, instrument, nkeys, norderbys) \
	index_beginscan((table), (index), (snapshot), (nkeys), (norderbys))

/* 18 renamed it, and it leads the declaration. */
#define pg_noreturn pg_attribute_noreturn()

/* 18 can leave deferrable ones out; ours are not. */
#define RelationGetPrimaryKeyIndex(relation, deferrable_ok) \
	RelationGetPrimaryKeyIndex(relation)
#endif

#endif							/* LA_COMPAT_H */
