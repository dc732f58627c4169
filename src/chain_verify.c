/*
 * chain_verify.c
 *		Verifying the history of an agent against its seals.
 *
 * One walk over decisions, entries and seals, side by side.  What is wrong with
 * one seal's rows is told once, and the next seal is judged by the head that is
 * stored before it, so that each damage is told where it is.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "chain.h"
#include "counter.h"
#include "errors.h"
#include "fault.h"
#include "field.h"
#include "module.h"
#include "principal.h"

PG_FUNCTION_INFO_V1(la_verify_chain);

typedef struct Check
{
	FunctionCallInfo fcinfo;
	TupleDesc	desc;
	const char *organization_id;
	const pg_uuid_t *agent_id;
	LaSeal		at;				/* verified up to here; its head is computed */
	LaItems		decisions;
	LaItems		entries;
	MemoryContext scratch;
	bool		broken;			/* something of this seal was told already */

	bool		has_anchor;
	int64		anchor_sequence;
	uint8		anchor_head[LA_HEAD_LENGTH];
	bool		anchor_met;		/* a seal with its sequence */
	bool		anchor_holds;	/* and with its head */
} Check;

static void read_anchor(FunctionCallInfo fcinfo, Check *check);
static void verify(Check *check);
static void verify_seals(Check *check);
static void verify_seal(Check *check, const LaSeal *seal);
static void walk_decisions(Check *check, int64 until);
static void walk_entries(Check *check, int64 until);
static void verify_tail(Check *check);
static void verify_anchor(Check *check, const LaSeal *start);
static void meet_anchor(Check *check, int64 sequence, const uint8 *head);
static void tell(Check *check, const char *violation, const char *format,...) pg_attribute_printf(3, 4);

/*
 * ledger_agents.verify_chain(agent_id uuid, anchor_sequence bigint, anchor_head bytea,
 *		organization_id text, OUT violation text, OUT sequence bigint, OUT detail text)
 *		returns setof record
 *
 * By the snapshot of the calling statement, with a few rows in memory at once.
 */
Datum
la_verify_chain(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_auditor(fcinfo, 3);
	Check		check = {0};
	LaParams	params = {0};

	if (PG_ARGISNULL(0))
		la_null_field("agent_id");
	read_anchor(fcinfo, &check);
	check.fcinfo = fcinfo;
	check.organization_id = caller.organization_id;
	check.agent_id = PG_GETARG_UUID_P(0);
	check.desc = la_begin_set(fcinfo);
	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, check.agent_id);
	if (la_run(LA_Q_AGENT_EXISTS, &params, LA_STATEMENT) == 0)
		la_unknown_uuid("agent", check.agent_id);
	verify(&check);
	SPI_finish();
	return (Datum) 0;
}

static void
read_anchor(FunctionCallInfo fcinfo, Check *check)
{
	bytea	   *head;

	check->has_anchor = !PG_ARGISNULL(1) || !PG_ARGISNULL(2);
	if (!check->has_anchor)
		return;
	if (PG_ARGISNULL(1))
		la_null_field("anchor_sequence");
	if (PG_ARGISNULL(2))
		la_null_field("anchor_head");
	head = PG_GETARG_BYTEA_PP(2);
	if (VARSIZE_ANY_EXHDR(head) != LA_HEAD_LENGTH)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("anchor_head must have %d bytes", LA_HEAD_LENGTH),
				la_detail("invalid_length", "anchor_head", "It has %d.", (int) VARSIZE_ANY_EXHDR(head)));
	check->anchor_sequence = PG_GETARG_INT64(1);
	memcpy(check->anchor_head, VARDATA_ANY(head), LA_HEAD_LENGTH);
}

static void
verify(Check *check)
{
	LaSeal		start;

	la_chain_start(&start, check->organization_id, check->agent_id, LA_STATEMENT);
	check->at = start;
	check->scratch = la_scratch();
	meet_anchor(check, start.sequence, start.head);
	la_open_decisions(&check->decisions, check->organization_id, check->agent_id, DT_NOBEGIN,
					  LA_STATEMENT);
	la_open_entries(&check->entries, check->organization_id, check->agent_id, PG_INT64_MIN,
					LA_STATEMENT);
	verify_seals(check);
	verify_tail(check);
	verify_anchor(check, &start);
	la_close_items(&check->decisions);
	la_close_items(&check->entries);
	MemoryContextDelete(check->scratch);
}

static void
verify_seals(Check *check)
{
	LaParams	params = {0};
	Portal		portal;

	la_param_text(&params, check->organization_id);
	la_param_uuid(&params, check->agent_id);
	portal = la_open(LA_Q_SEAL_LIST, &params, LA_STATEMENT);
	for (;;)
	{
		SPITupleTable *rows;
		uint64		count;

		la_fault("before seals of a portal");
		SPI_cursor_fetch(portal, true, 100);
		rows = SPI_tuptable;
		count = SPI_processed;
		for (uint64 i = 0; i < count; i++)
		{
			LaSeal		seal;
			Datum		values[6];
			bool		nulls[6];

			heap_deform_tuple(rows->vals[i], rows->tupdesc, values, nulls);
			la_read_seal(&seal, values, nulls);
			verify_seal(check, &seal);
		}
		SPI_freetuptable(rows);
		if (count == 0)
			break;
	}
	SPI_cursor_close(portal);
}

static void
verify_seal(Check *check, const LaSeal *seal)
{
	check->broken = false;
	if (seal->number != check->at.number + 1)
		tell(check, "seal_missing", "Number %lld follows number %lld.",
			 (long long) seal->number, (long long) check->at.number);
	else if (seal->sequence < check->at.sequence || seal->entry_number < check->at.entry_number ||
			 seal->sequence - check->at.sequence > LA_SEALED_DECISIONS)
		tell(check, "seal_out_of_order",
			 "Number %lld reaches to decision %lld and entry %lld, the one before to %lld and %lld.",
			 (long long) seal->number, (long long) seal->sequence, (long long) seal->entry_number,
			 (long long) check->at.sequence, (long long) check->at.entry_number);
	walk_decisions(check, seal->sequence);
	walk_entries(check, seal->entry_number);
	la_hash_seal(check->at.head, check->organization_id, check->agent_id, seal);
	if (!check->broken && memcmp(check->at.head, seal->head, LA_HEAD_LENGTH) != 0)
		tell(check, "head_differs",
			 "Something of decisions to %lld or entries to %lld is not as seal %lld has it, or the seal is not.",
			 (long long) seal->sequence, (long long) seal->entry_number, (long long) seal->number);
	meet_anchor(check, seal->sequence, seal->head);
	check->at = *seal;
}

/* Up to that decision, which must be there. */
static void
walk_decisions(Check *check, int64 until)
{
	LaItems    *items = &check->decisions;
	LaSeal	   *at = &check->at;

	for (; !items->ended && items->number <= until; la_next_item(items))
	{
		if (items->number <= at->sequence || items->at < at->decided_at)
			tell(check, "decision_out_of_order", "Decision %lld stands behind number %lld.",
				 (long long) items->number, (long long) at->sequence);
		else if (items->number > at->sequence + 1)
			tell(check, "decision_missing", "Decision %lld follows decision %lld.",
				 (long long) items->number, (long long) at->sequence);
		if (!check->broken)
			la_hash_row(at->head, check->scratch, LA_ITEM_AUTHORIZATION, items->row);
		at->sequence = Max(at->sequence, items->number);
		at->decided_at = Max(at->decided_at, items->at);
	}
	if (at->sequence < until)
		tell(check, items->ended ? "tail_is_cut" : "decision_missing",
			 "Decisions behind number %lld are missing up to %lld.", (long long) at->sequence,
			 (long long) until);
}

static void
walk_entries(Check *check, int64 until)
{
	LaItems    *items = &check->entries;
	LaSeal	   *at = &check->at;

	for (; !items->ended && items->number <= until; la_next_item(items))
	{
		if (items->number <= at->entry_number)
			tell(check, "entry_out_of_order", "Entry %lld stands behind number %lld.",
				 (long long) items->number, (long long) at->entry_number);
		else if (items->number > at->entry_number + 1)
			tell(check, "entry_missing", "Entry %lld follows entry %lld.",
				 (long long) items->number, (long long) at->entry_number);
		if (!check->broken)
			la_hash_row(at->head, check->scratch, LA_ITEM_ENTRY, items->row);
		at->entry_number = Max(at->entry_number, items->number);
	}
	if (at->entry_number < until)
		tell(check, items->ended ? "tail_is_cut" : "entry_missing",
			 "Entries behind number %lld are missing up to %lld.", (long long) at->entry_number,
			 (long long) until);
}

/* What is not sealed yet has no gaps either, and ends where the counter says. */
static void
verify_tail(Check *check)
{
	LaParams	params = {0};
	LaCounter	counter;

	check->broken = false;
	la_param_text(&params, check->organization_id);
	la_param_text(&params, la_uuid_text(check->agent_id));
	la_param_text(&params, la_scope_label(LA_AGENT));
	if (la_run(LA_Q_COUNTER_READ, &params, LA_STATEMENT) == 0)
		la_counter_init(&counter);
	else
		la_counter_read(&counter, la_row(0).values[0]);
	walk_decisions(check, counter.sequence);
	walk_entries(check, counter.entry_count);
	if (check->at.sequence > counter.sequence || check->at.entry_number > counter.entry_count ||
		!check->decisions.ended || !check->entries.ended)
		tell(check, "counter_differs",
			 "The counter stands at decision %lld and entry %lld, and there are more.",
			 (long long) counter.sequence, (long long) counter.entry_count);
}

static void
meet_anchor(Check *check, int64 sequence, const uint8 *head)
{
	if (!check->has_anchor || sequence != check->anchor_sequence)
		return;
	check->anchor_met = true;
	if (memcmp(head, check->anchor_head, LA_HEAD_LENGTH) == 0)
		check->anchor_holds = true;
}

/* Heads that were noted elsewhere cannot be rewritten with the rest. */
static void
verify_anchor(Check *check, const LaSeal *start)
{
	check->broken = false;
	check->at.sequence = check->anchor_sequence;
	if (!check->has_anchor || check->anchor_holds)
		return;
	if (check->anchor_met)
		tell(check, "anchor_differs", "The seal of decision %lld has another head.",
			 (long long) check->anchor_sequence);
	else if (check->anchor_sequence < start->sequence)
		tell(check, "anchor_forgotten", "What is before decision %lld was purged.",
			 (long long) start->sequence);
	else
		tell(check, "anchor_missing", "No seal ends with decision %lld.",
			 (long long) check->anchor_sequence);
}

/* The first thing that is wrong with a seal's rows: what follows from it is not told, too. */
static void
tell(Check *check, const char *violation, const char *format,...)
{
	Datum		values[3];
	bool		nulls[3] = {false};
	char		detail[256];
	va_list		arguments;

	if (check->broken)
		return;
	check->broken = true;
	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	values[0] = CStringGetTextDatum(violation);
	values[1] = Int64GetDatum(check->at.sequence);
	values[2] = CStringGetTextDatum(detail);
	la_add_row(check->fcinfo, check->desc, values, nulls);
}
