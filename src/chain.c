/*
 * chain.c
 *		Sealing the history of an agent.
 *
 * The hot path knows nothing of it.  Whoever seals holds the agent's queue and
 * the row of its counter, so that no decision is on its way; what is then there
 * is hashed in order, each item together with the head before it.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "adoption.h"
#include "chain.h"
#include "counter.h"
#include "errors.h"
#include "fault.h"
#include "field.h"
#include "lock.h"
#include "module.h"
#include "principal.h"

PG_FUNCTION_INFO_V1(la_seal_chain);
PG_FUNCTION_INFO_V1(la_chain_item);

#define MAX_SEALS 1000
#define ROWS_AT_ONCE 100

static int32 check_seals(FunctionCallInfo fcinfo, int argument);
static Datum seal(const LaPrincipal *caller, const pg_uuid_t *agent_id, int32 most);
static void read_counter(const LaPrincipal *caller, const pg_uuid_t *agent_id, LaCounter *counter);
static Datum seal_detail(const char *organization_id, const pg_uuid_t *agent_id,
						 const LaSeal *last, int32 made, bool more);
static void param_head(LaParams *params, const LaSeal *seal);
static void seal_one(LaSeal *last, const char *organization_id, const pg_uuid_t *agent_id,
					 LaItems *decisions, LaItems *entries, int64 sequence, int64 entry_number);
static bool open_slice(LaItems *items);

/*
 * ledger_agents.seal_chain(agent_id uuid, max_seals integer, organization_id text)
 *		returns ledger_agents.chain_seal_detail
 *
 * Afterwards all that was decided and committed before is sealed, unless it
 * takes more seals than it may make.
 */
Datum
la_seal_chain(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	int32		most;
	Datum		answer;

	PreventCommandIfReadOnly("seal_chain()");
	caller = la_operator(fcinfo, 2);
	if (PG_ARGISNULL(0))
		la_null_field("agent_id");
	most = check_seals(fcinfo, 1);
	la_limit_waiting();
	la_require_adopted();
	SPI_connect();
	answer = seal(&caller, PG_GETARG_UUID_P(0), most);
	SPI_finish();
	return answer;
}

static int32
check_seals(FunctionCallInfo fcinfo, int argument)
{
	int32		most;

	if (PG_ARGISNULL(argument))
		la_null_field("max_seals");
	most = PG_GETARG_INT32(argument);
	if (most < 1 || most > MAX_SEALS)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_seals must be from 1 to %d", MAX_SEALS),
				la_detail("out_of_range", "max_seals", "It is %d.", most));
	return most;
}

static Datum
seal(const LaPrincipal *caller, const pg_uuid_t *agent_id, int32 most)
{
	uint64		key = la_lock_key(caller->organization_id, agent_id, UUID_LEN);
	bool		newly_queued = false;
	LaCounter	counter;
	LaSeal		last;
	int			made;
	Datum		answer;

#if LA_MUTANT != 87
	newly_queued = la_queue(LA_LEVEL_AGENT, key);
#endif
	read_counter(caller, agent_id, &counter);
	la_last_seal(&last, caller->organization_id, agent_id, LA_LATEST);
	made = la_seal_up_to(&last, caller->organization_id, agent_id, counter.sequence,
						 counter.entry_count, most);
	answer = seal_detail(caller->organization_id, agent_id, &last, made,
						 last.sequence < counter.sequence || last.entry_number < counter.entry_count);
	if (newly_queued)
		la_leave_queue(LA_LEVEL_AGENT, key);
	return answer;
}

static void
read_counter(const LaPrincipal *caller, const pg_uuid_t *agent_id, LaCounter *counter)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_text(&params, la_uuid_text(agent_id));
	la_param_text(&params, la_scope_label(LA_AGENT));
#if LA_MUTANT != 87
	la_wait_patiently();
	if (la_run(LA_Q_COUNTER_LOCK, &params, LA_WRITE) == 0)
#else
	if (la_run(LA_Q_COUNTER_READ, &params, LA_LATEST) == 0)
#endif
		la_unknown_uuid("agent", agent_id);
	la_counter_read(counter, la_row(0).values[0]);
}

static Datum
seal_detail(const char *organization_id, const pg_uuid_t *agent_id, const LaSeal *last,
			int32 made, bool more)
{
	LaParams	params = {0};
	Datum		answer;

	la_param_text(&params, organization_id);
	la_param_uuid(&params, agent_id);
	la_param_int64(&params, last->number);
	la_param_int64(&params, last->sequence);
	la_param_int64(&params, last->entry_number);
	la_param(&params, TimestampTzGetDatum(last->decided_at), last->number == 0);
	param_head(&params, last);
	la_param(&params, TimestampTzGetDatum(last->sealed_at), last->is_start);
	la_param(&params, Int32GetDatum(made), false);
	la_param(&params, BoolGetDatum(more), false);
	if (!la_run_one(LA_Q_SEAL_DETAIL, &params, LA_LATEST, &answer))
		elog(ERROR, "a seal has no row");
	return answer;
}

static void
param_head(LaParams *params, const LaSeal *seal)
{
	bytea	   *head = palloc(VARHDRSZ + LA_HEAD_LENGTH);

	SET_VARSIZE(head, VARHDRSZ + LA_HEAD_LENGTH);
	memcpy(VARDATA(head), seal->head, LA_HEAD_LENGTH);
	la_param(params, PointerGetDatum(head), false);
}

void
la_read_seal(LaSeal *seal, Datum *values, bool *nulls)
{
	bytea	   *head = DatumGetByteaPP(values[4]);

	memset(seal, 0, sizeof(LaSeal));
	seal->number = DatumGetInt64(values[0]);
	seal->sequence = DatumGetInt64(values[1]);
	seal->entry_number = DatumGetInt64(values[2]);
	seal->decided_at = DatumGetTimestampTz(values[3]);
	memcpy(seal->head, VARDATA_ANY(head), Min(VARSIZE_ANY_EXHDR(head), LA_HEAD_LENGTH));
	seal->is_start = nulls[5];
	seal->sealed_at = nulls[5] ? 0 : DatumGetTimestampTz(values[5]);
}

static bool
find_seal(LaSeal *seal, LaQuery query, const char *organization_id, const pg_uuid_t *agent_id,
		  LaView view)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, organization_id);
	la_param_uuid(&params, agent_id);
	if (la_run(query, &params, view) == 0)
		return false;
	row = la_row(0);
	la_read_seal(seal, row.values, row.nulls);
	return true;
}

void
la_chain_start(LaSeal *seal, const char *organization_id, const pg_uuid_t *agent_id, LaView view)
{
	if (find_seal(seal, LA_Q_CHAIN_START, organization_id, agent_id, view))
		return;
	memset(seal, 0, sizeof(LaSeal));
	seal->is_start = true;
	seal->decided_at = DT_NOBEGIN;
	la_first_head(seal->head, organization_id, agent_id);
}

void
la_last_seal(LaSeal *seal, const char *organization_id, const pg_uuid_t *agent_id, LaView view)
{
	if (!find_seal(seal, LA_Q_SEAL_LAST, organization_id, agent_id, view))
		la_chain_start(seal, organization_id, agent_id, view);
}

/*
 * Up to where a seal reaches is free, and stands in it.  Sealed are a thousand
 * decisions and the entries that were made by then; at the end, all that is there.
 */
int
la_seal_up_to(LaSeal *last, const char *organization_id, const pg_uuid_t *agent_id,
			  int64 sequence, int64 entry_number, int most)
{
	LaItems		decisions;
	LaItems		entries;
	int			made = 0;

	if (last->sequence >= sequence && last->entry_number >= entry_number)
		return 0;
	la_open_decisions(&decisions, organization_id, agent_id, last->decided_at, LA_LATEST);
	la_open_entries(&entries, organization_id, agent_id, last->entry_number, LA_LATEST);
	while (!decisions.ended && decisions.number <= last->sequence)
		la_next_item(&decisions);
	while (made < most &&
		   (last->sequence < sequence || last->entry_number < entry_number))
	{
		seal_one(last, organization_id, agent_id, &decisions, &entries, sequence, entry_number);
		made++;
	}
	la_close_items(&decisions);
	la_close_items(&entries);
	return made;
}

MemoryContext
la_scratch(void)
{
	return AllocSetContextCreate(CurrentMemoryContext, "ledger_agents chain", ALLOCSET_DEFAULT_SIZES);
}

void
la_hash_row(uint8 *head, MemoryContext scratch, LaItemKind kind, Datum row)
{
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	StringInfoData form;

	initStringInfo(&form);
	la_form_row(&form, kind, row);
	la_hash_item(head, &form);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(scratch);
}

void
la_hash_seal(uint8 *head, const char *organization_id, const pg_uuid_t *agent_id,
			 const LaSeal *seal)
{
	StringInfoData form;

	initStringInfo(&form);
	la_form_seal(&form, organization_id, agent_id, seal);
	la_hash_item(head, &form);
	pfree(form.data);
}

static void
insert_seal(const char *organization_id, const pg_uuid_t *agent_id, const LaSeal *seal)
{
	LaParams	params = {0};

	la_param_text(&params, organization_id);
	la_param_uuid(&params, agent_id);
	la_param_int64(&params, seal->number);
	la_param_int64(&params, seal->sequence);
	la_param_int64(&params, seal->entry_number);
	la_param(&params, TimestampTzGetDatum(seal->decided_at), false);
	param_head(&params, seal);
	la_param(&params, TimestampTzGetDatum(seal->sealed_at), false);
	la_run(LA_Q_SEAL_INSERT, &params, LA_WRITE);
}

static void
seal_one(LaSeal *last, const char *organization_id, const pg_uuid_t *agent_id,
		 LaItems *decisions, LaItems *entries, int64 sequence, int64 entry_number)
{
	MemoryContext scratch = la_scratch();
	int64		until = Min(last->sequence + LA_SEALED_DECISIONS, sequence);

	for (; last->sequence < until; la_next_item(decisions))
	{
		if (decisions->ended || decisions->number != last->sequence + 1)
			la_chain_is_broken(agent_id, "Decision", last->sequence + 1);
		la_hash_row(last->head, scratch, LA_ITEM_AUTHORIZATION, decisions->row);
		last->sequence++;
		last->decided_at = decisions->at;
	}
	for (; last->entry_number < entry_number; la_next_item(entries))
	{
		if (entries->ended || entries->number != last->entry_number + 1)
			la_chain_is_broken(agent_id, "Entry", last->entry_number + 1);
		if (until < sequence && entries->at > last->decided_at)
			break;
		la_hash_row(last->head, scratch, LA_ITEM_ENTRY, entries->row);
		last->entry_number++;
	}
	MemoryContextDelete(scratch);
	last->number++;
	last->is_start = false;
	last->sealed_at = la_now();
	la_hash_seal(last->head, organization_id, agent_id, last);
	insert_seal(organization_id, agent_id, last);
}

void
la_chain_is_broken(const pg_uuid_t *agent_id, const char *what, int64 number)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("history of agent \"%s\" is broken", la_uuid_text(agent_id)),
			la_detail("chain_broken", "agent_id", "%s %lld is missing.", what, (long long) number),
			errhint("verify_chain() and check_invariants() tell what else is wrong."));
}

void
la_open_decisions(LaItems *items, const char *organization_id, const pg_uuid_t *agent_id,
				  TimestampTz since, LaView view)
{
	memset(items, 0, sizeof(LaItems));
	items->query = LA_Q_CHAIN_DECISIONS;
	items->organization_id = organization_id;
	items->agent_id = agent_id;
	items->view = view;
	if (since != DT_NOBEGIN)
		la_first_id(&items->after, since);
	/* Below every id of that instant. */
	memset(items->after.data + UUID_LEN / 2, 0, UUID_LEN / 2);
	la_next_item(items);
}

void
la_open_entries(LaItems *items, const char *organization_id, const pg_uuid_t *agent_id,
				int64 after, LaView view)
{
	memset(items, 0, sizeof(LaItems));
	items->query = LA_Q_CHAIN_ENTRIES;
	items->organization_id = organization_id;
	items->agent_id = agent_id;
	items->view = view;
	items->after_number = after;
	la_next_item(items);
}

void
la_close_items(LaItems *items)
{
	if (items->rows != NULL)
		SPI_freetuptable(items->rows);
	if (items->portal != NULL)
		SPI_cursor_close(items->portal);
	items->rows = NULL;
	items->portal = NULL;
	items->count = items->next = 0;
}

void
la_next_item(LaItems *items)
{
	HeapTuple	tuple;
	bool		isnull;

	while (items->next == items->count)
	{
		CHECK_FOR_INTERRUPTS();
		if (items->portal == NULL && !open_slice(items))
		{
			items->ended = true;
			return;
		}
		if (items->rows != NULL)
			SPI_freetuptable(items->rows);
		la_fault("before rows of a portal");
		SPI_cursor_fetch(items->portal, true, ROWS_AT_ONCE);
		items->rows = SPI_tuptable;
		items->count = SPI_processed;
		items->next = 0;
		if (items->count == 0)
			la_close_items(items);
	}
	tuple = items->rows->vals[items->next++];
	items->number = DatumGetInt64(SPI_getbinval(tuple, items->rows->tupdesc, 1, &isnull));
	items->at = DatumGetTimestampTz(SPI_getbinval(tuple, items->rows->tupdesc, 2, &isnull));
	items->row = SPI_getbinval(tuple, items->rows->tupdesc, 3, &isnull);
}

/*
 * Opens the next rows; false: there are no more.  Decisions come by their ids a
 * thousand or so at once, and those of one instant together: only then are they
 * put in order.
 */
static bool
open_slice(LaItems *items)
{
	LaParams	params = {0};
	pg_uuid_t	until;

	if (items->last_slice)
		return false;
	la_param_text(&params, items->organization_id);
	la_param_uuid(&params, items->agent_id);
	if (items->query == LA_Q_CHAIN_ENTRIES)
	{
		items->last_slice = true;
		la_param_int64(&params, items->after_number);
		items->portal = la_open(items->query, &params, items->view);
		return true;
	}
	la_param_uuid(&params, &items->after);
	items->last_slice = la_run(LA_Q_CHAIN_SLICE, &params, items->view) == 0;
	memset(&until, 0xff, sizeof(until));
	if (!items->last_slice)
		memcpy(&until, DatumGetUUIDP(la_column(0, 0)), UUID_LEN / 2);
	la_param_uuid(&params, &until);
	items->portal = la_open(items->query, &params, items->view);
	items->after = until;
	return true;
}

/* What the table of a row is called, or "" where it is no table's. */
static const char *
table_of(Datum row)
{
	Oid			table = get_typ_typrelid(HeapTupleHeaderGetTypeId(DatumGetHeapTupleHeader(row)));

	if (!OidIsValid(table) ||
		get_rel_namespace(table) != get_namespace_oid("ledger_agents", false))
		return "";
	return get_rel_name(table);
}

/*
 * ledger_agents.chain_item(item record) returns bytea
 *		The form of a row, for whoever wants to compute heads without us.
 */
Datum
la_chain_item(PG_FUNCTION_ARGS)
{
	Datum		row = PG_GETARG_DATUM(0);
	const char *table = table_of(row);
	StringInfoData form;
	LaItemKind	kind;

	if (strcmp(table, "authorizations") == 0)
		kind = LA_ITEM_AUTHORIZATION;
	else if (strcmp(table, "authorization_entries") == 0)
		kind = LA_ITEM_ENTRY;
	else if (strcmp(table, "chain_seals") == 0)
		kind = LA_ITEM_SEAL;
	else
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("item is no row of a chain"),
				la_detail("invalid_type", "item", "It must be a row of authorizations, authorization_entries or chain_seals."));
	initStringInfo(&form);
	la_form_row(&form, kind, row);
	PG_RETURN_BYTEA_P(cstring_to_text_with_len(form.data, form.len));
}
