/*
 * query.c
 *		Running statements; the statements themselves are in query_text.h.
 *
 * A plan is prepared on first use and kept for the life of the backend.  It is
 * always generic, and planned with sequential scans disabled: a plan made while
 * a table was empty would otherwise read the whole table until the next ANALYZE.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "compat.h"
#include "query.h"

typedef struct Statement
{
	const char *types;			/* of the parameters, a letter each */
	const char *text;
}			Statement;

#include "query_text.h"

typedef struct KeptPlan
{
	SPIPlanPtr	plan;
	bool		planned;		/* its generic plan was made */
}			KeptPlan;

static KeptPlan plans[LA_Q_COUNT];

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
	}
	elog(ERROR, "unknown type letter \"%c\"", letter);
}

static void
prepare(LaQuery query)
{
	const Statement *statement = &statements[query];
	int			count = strlen(statement->types);
	Oid			types[LA_MAX_PARAMS];
	SPIPlanPtr	plan;

	for (int i = 0; i < count; i++)
		types[i] = type_of_letter(statement->types[i]);
	plan = SPI_prepare_cursor(statement->text, count, types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare statement %d: %s", query,
			 SPI_result_code_string(SPI_result));
	plans[query].plan = plan;
	plans[query].planned = false;
}

/* Settings under which a plan is made; they end with the nest level. */
static int
begin_planning(void)
{
	static const char *const off[] = {
		"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin",
		"enable_material", "enable_memoize", "jit"
	};
	int			level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
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

#if LA_MUTANT == 3
	if (view == LA_LATEST)
		view = LA_STATEMENT;
#endif
#if LA_MUTANT != 4
	if (view == LA_WRITE && IsolationUsesXactSnapshot())
		crosscheck = GetTransactionSnapshot();
#endif
	return SPI_execute_snapshot(plan->plan, params->values, params->nulls,
								view == LA_STATEMENT ? GetActiveSnapshot() : GetLatestSnapshot(),
								crosscheck, view != LA_WRITE, true, 0);
}

uint64
la_run(LaQuery query, LaParams *params, LaView view)
{
	KeptPlan   *plan = &plans[query];
	int			result;

	if (plan->plan == NULL)
		prepare(query);
	Assert(params->count == strlen(statements[query].types));
	if (plan->planned && SPI_plan_is_valid(plan->plan))
		result = execute(plan, params, view);
	else
	{
		int			level = begin_planning();

		result = execute(plan, params, view);
		AtEOXact_GUC(true, level);
		plan->planned = true;
	}
	if (result < 0)
		elog(ERROR, "statement %d failed: %s", query, SPI_result_code_string(result));
	return SPI_processed;
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
	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;
		HeapTupleData tuple;
		HeapTupleHeader header;

		header = DatumGetHeapTupleHeader(SPI_getbinval(SPI_tuptable->vals[i],
													   SPI_tuptable->tupdesc, 1, &isnull));
		tuple.t_len = HeapTupleHeaderGetDatumLength(header);
		tuple.t_tableOid = InvalidOid;
		ItemPointerSetInvalid(&tuple.t_self);
		tuple.t_data = header;
		tuplestore_puttuple(store, &tuple);
	}
	set->returnMode = SFRM_Materialize;
	set->setResult = store;
	MemoryContextSwitchTo(caller);
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
