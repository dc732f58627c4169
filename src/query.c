/*
 * query.c
 *		Running statements; the statements themselves are in query_text.h.
 *
 * A plan is prepared on first use and kept for the life of the backend, unless
 * the extension is made anew: some parameters are of its types.  It is always
 * generic, and made for large tables whatever the statistics say.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "optimizer/plancat.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "compat.h"
#include "fault.h"
#include "module.h"
#include "query.h"

typedef struct Statement
{
	const char *types;			/* of the parameters, a letter each */
	const char *text;
} Statement;

#include "query_text.h"
#include "query_identity.h"
#include "query_spend.h"
#include "query_stream.h"
#include "query_chain.h"

/* One table, in as many files as it takes. */
static const Statement *
statement_of(LaQuery query)
{
	static const Statement *const parts[] = {
		statements, identity_statements, spend_statements, stream_statements, chain_statements
	};
	int			part = 0;

	while (parts[part][query].text == NULL)
		part++;
	return &parts[part][query];
}

typedef struct KeptPlan
{
	SPIPlanPtr	plan;
	Oid			schema;			/* the creation of the extension it was made
								 * for */
	bool		planned;		/* its generic plan was made */
} KeptPlan;

static KeptPlan plans[LA_Q_COUNT];

static Oid
own_type(const char *name)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
						   ObjectIdGetDatum(get_namespace_oid("ledger_agents", false)));
}

static Oid
type_of_letter(char letter)
{
	switch (letter)
	{
		case 't':
			return TEXTOID;
		case 'i':
			return INT8OID;
		case 'n':
			return INT4OID;
		case 'b':
			return BOOLOID;
		case 'u':
			return UUIDOID;
		case 'z':
			return TIMESTAMPTZOID;
		case 'v':
			return INTERVALOID;
		case 'j':
			return JSONBOID;
		case 'y':
			return BYTEAOID;
		case 'T':
			return TEXTARRAYOID;
		case 'F':
			return own_type("spending_frequency");
		case 'A':
			return own_type("limit_exceeded_action");
		case 'D':
			return own_type("decision");
		case 'S':
			return own_type("authorization_status");
		case 'R':
			return own_type("decline_reason");
		case 'Q':
			return own_type("_decline_reason");
		case 'H':
			return own_type("attestation_status");
	}
	elog(ERROR, "unknown type letter \"%c\"", letter);
}

static void
prepare(LaQuery query)
{
	const Statement *statement = statement_of(query);
	int			count = strlen(statement->types);
	Oid			types[LA_MAX_PARAMS];
	SPIPlanPtr	plan;

	for (int i = 0; i < count; i++)
		types[i] = type_of_letter(statement->types[i]);
	plan = SPI_prepare_cursor(statement->text, count, types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare statement %d: %s", query,
			 SPI_result_code_string(SPI_result));
	if (plans[query].plan != NULL)
		SPI_freeplan(plans[query].plan);
	plans[query].plan = plan;
	plans[query].schema = get_namespace_oid("ledger_agents", false);
	plans[query].planned = false;
}

/*
 * While our own plans are made every table is a large one: 10 million rows of
 * 200 bytes, and indexes to match.  What a point look-up costs on an empty table
 * is a tie between all indexes, and the wrong one reads a whole tenant later.
 */
#define PLANNED_ROWS 10000000.0
#define PLANNED_PAGES 250000

static bool planning = false;
static get_relation_info_hook_type next_relation_info = NULL;

static void
plan_for_large_tables(PlannerInfo *root, Oid relation, bool inhparent, RelOptInfo *rel)
{
	ListCell   *cell;

	if (next_relation_info != NULL)
		next_relation_info(root, relation, inhparent, rel);
	if (!planning)
		return;
	rel->tuples = PLANNED_ROWS;
	rel->pages = PLANNED_PAGES;
	foreach(cell, rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, cell);

		index->tuples = PLANNED_ROWS;
		index->pages = PLANNED_PAGES / 4;
	}
}

void
la_query_init(void)
{
	next_relation_info = get_relation_info_hook;
	get_relation_info_hook = plan_for_large_tables;
}

/*
 * Under REPEATABLE READ and SERIALIZABLE the transaction's snapshot is the
 * crosscheck, as it is for foreign-key actions: a row that was changed since is
 * a 40001 and never a second version of it in the caller's view.
 */
static int
execute(KeptPlan *plan, LaParams *params, LaView view)
{
	Snapshot	crosscheck = InvalidSnapshot;
	int			result;

#if LA_MUTANT != 4
	if (view == LA_WRITE && IsolationUsesXactSnapshot())
		crosscheck = GetTransactionSnapshot();
#endif
	la_fault("before a statement");
	result = SPI_execute_snapshot(plan->plan, params->values, params->nulls,
								  view == LA_STATEMENT ? GetActiveSnapshot() : GetLatestSnapshot(),
								  crosscheck, view != LA_WRITE, true, 0);
	la_fault("after a statement");
	return result;
}

/* Point look-ups joined by nested loops: nothing else fits these statements. */
static void
set_planner(void)
{
	static const char *const off[] = {
		"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin",
		"enable_material", "enable_memoize", "jit"
	};

	for (int i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

/* The first run, and every one after an invalidation, makes the plan. */
static int
plan_and_execute(KeptPlan *plan, LaParams *params, LaView view)
{
	int			level = NewGUCNestLevel();
	int			result;

	set_planner();
	planning = true;
	PG_TRY();
	{
		result = execute(plan, params, view);
	}
	PG_FINALLY();
	{
#if LA_MUTANT != 270
		planning = false;
#endif
	}
	PG_END_TRY();
	AtEOXact_GUC(true, level);
	plan->planned = true;
	return result;
}

static KeptPlan *
kept_plan(LaQuery query)
{
	KeptPlan   *plan = &plans[query];

	la_fault("before a plan");
	if (plan->plan == NULL || plan->schema != get_namespace_oid("ledger_agents", false))
		prepare(query);
	return plan;
}

/*
 * Our statements mean the server's operators and our own tables, whatever the
 * caller's search_path has in front of them.  Most functions pin it in their
 * declaration; those that decide mostly run no statement, and putting a setting
 * back makes the server (up to 15) look through all of its 400: so they leave
 * it to us.  Returns the level to end, or 0.
 */
static int
pin_search_path(void)
{
	static const char path[] = "pg_catalog, pg_temp";
	int			level;

	if (strcmp(namespace_search_path, path) == 0)
		return 0;
	level = NewGUCNestLevel();
	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

static uint64
run(LaQuery query, LaParams *params, LaView view)
{
	int			level = pin_search_path();
	KeptPlan   *plan = kept_plan(query);
	int			result;

	if (plan->planned && SPI_plan_is_valid(plan->plan))
		result = execute(plan, params, view);
	else
		result = plan_and_execute(plan, params, view);
	if (level != 0)
		AtEOXact_GUC(true, level);
	if (result < 0)
		elog(ERROR, "statement %d failed: %s", query, SPI_result_code_string(result));
	return SPI_processed;
}

uint64
la_run(LaQuery query, LaParams *params, LaView view)
{
	Assert(params->count == strlen(statement_of(query)->types));
	return run(query, params, view);
}

Portal
la_open(LaQuery query, LaParams *params, LaView view)
{
	KeptPlan   *plan = kept_plan(query);
	int			level = NewGUCNestLevel();
	Portal		portal;

	Assert(view != LA_WRITE && params->count == strlen(statement_of(query)->types));
	set_planner();
	PushActiveSnapshot(view == LA_LATEST ? GetLatestSnapshot() : GetActiveSnapshot());
	planning = true;
	PG_TRY();
	{
		la_fault("before a portal");
		portal = SPI_cursor_open(NULL, plan->plan, params->values, params->nulls, true);
	}
	PG_FINALLY();
	{
		planning = false;
	}
	PG_END_TRY();
	PopActiveSnapshot();
	AtEOXact_GUC(true, level);
	return portal;
}

bool
la_run_one(LaQuery query, LaParams *params, LaView view, Datum *result)
{
	bool		isnull;

	if (la_run(query, params, view) == 0)
		return false;
	*result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		return false;
	*result = SPI_datumTransfer(*result, TupleDescAttr(SPI_tuptable->tupdesc, 0)->attbyval,
								TupleDescAttr(SPI_tuptable->tupdesc, 0)->attlen);
	return true;
}

void
la_run_set(LaQuery query, LaParams *params, LaView view, FunctionCallInfo fcinfo)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext caller;
	Tuplestorestate *store;
	uint64		count;

	if (set == NULL || !IsA(set, ReturnSetInfo) ||
		(set->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("set-valued function called in context that cannot accept a set"));
	count = la_run(query, params, view);
	caller = MemoryContextSwitchTo(set->econtext->ecxt_per_query_memory);
	store = tuplestore_begin_heap(false, false, work_mem);
	set->setDesc = NULL;
	set->returnMode = SFRM_Materialize;
	set->setResult = store;
	for (uint64 i = 0; i < count; i++)
		la_add_composite(fcinfo, la_column(i, 0));
	MemoryContextSwitchTo(caller);
}

void
la_add_composite(FunctionCallInfo fcinfo, Datum row)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(row);
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_tableOid = InvalidOid;
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_data = header;
	tuplestore_puttuple(((ReturnSetInfo *) fcinfo->resultinfo)->setResult, &tuple);
}

TupleDesc
la_begin_set(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext caller;

	if (set == NULL || !IsA(set, ReturnSetInfo) ||
		(set->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("set-valued function called in context that cannot accept a set"));
	caller = MemoryContextSwitchTo(set->econtext->ecxt_per_query_memory);
	set->returnMode = SFRM_Materialize;
	set->setResult = tuplestore_begin_heap(true, false, work_mem);
	if (get_call_result_type(fcinfo, NULL, &set->setDesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	MemoryContextSwitchTo(caller);
	return set->setDesc;
}

void
la_add_row(FunctionCallInfo fcinfo, TupleDesc desc, Datum *values, bool *nulls)
{
	tuplestore_putvalues(((ReturnSetInfo *) fcinfo->resultinfo)->setResult, desc, values, nulls);
}

LaRow
la_row(uint64 number)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	LaRow		row;

	row.values = palloc(sizeof(Datum) * desc->natts);
	row.nulls = palloc(sizeof(bool) * desc->natts);
	heap_deform_tuple(SPI_tuptable->vals[number], desc, row.values, row.nulls);
	return row;
}

Jsonb *
la_row_document(LaRow row, int column)
{
	return row.nulls[column] ? NULL : DatumGetJsonbP(row.values[column]);
}

char *
la_row_text(LaRow row, int column)
{
	return row.nulls[column] ? NULL : TextDatumGetCString(row.values[column]);
}

Datum
la_column(uint64 number, int column)
{
	bool		isnull;

	return SPI_getbinval(SPI_tuptable->vals[number], SPI_tuptable->tupdesc, column + 1, &isnull);
}

void
la_deform(Datum composite, int count, LaRow row)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(composite);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											  HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;

	if (desc->natts != count)
		elog(ERROR, "row has %d columns, not %d", desc->natts, count);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, desc, row.values, row.nulls);
	ReleaseTupleDesc(desc);
}

const char *
la_enum_label(Datum value)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, value);
	const char *label;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for enum value %u", DatumGetObjectId(value));
	label = pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	ReleaseSysCache(tuple);
	return label;
}

void
la_param_text(LaParams *params, const char *value)
{
	la_param(params, value == NULL ? (Datum) 0 : CStringGetTextDatum(value), value == NULL);
}

void
la_param_int64(LaParams *params, int64 value)
{
	la_param(params, Int64GetDatum(value), false);
}

void
la_param_uuid(LaParams *params, const pg_uuid_t *value)
{
	la_param(params, UUIDPGetDatum(value), value == NULL);
}
