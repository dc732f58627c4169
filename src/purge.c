/*
 * purge.c
 *		Forgetting what is old: the one way in which rows leave the books.
 *
 * Of each agent a beginning of its history goes, sealed before and whole: no
 * hold is parted from its increments and entries.  Nothing younger than a year
 * goes, so that of all limits only those for all time still need it; for these
 * its sums are kept.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "adoption.h"
#include "chain.h"
#include "counter.h"
#include "errors.h"
#include "event.h"
#include "field.h"
#include "lock.h"
#include "module.h"
#include "organization.h"
#include "principal.h"

PG_FUNCTION_INFO_V1(la_purge);

#define MAX_ROWS 100000
#define KEPT_DAYS 366

/* Agents that are looked at between two looks at the table. */
#define AGENTS_AT_ONCE 100

typedef struct Purge
{
	LaPrincipal caller;
	const char *organization_id;
	TimestampTz before;
	int64		max_rows;
	TimestampTz now;
	pg_uuid_t	id;
	char	   *zone;			/* of the organization */
	bool		more;

	int64		agents;
	int64		authorizations;
	int64		entries;
	int64		seals;
	int64		intents;
	int64		attestations;
	int64		events;
} Purge;

/* An agent whose history is cut. */
typedef struct Cut
{
	pg_uuid_t	agent_id;
	char	   *customer_id;
	LaCounter	counter;
	LaSeal		start;			/* where what is kept begins now */
	TimestampTz before;			/* all that was begun before had ended */
	int64		sequence;		/* the last decision before, and the last
								 * entry */
	int64		entry_number;
	LaSeal		end;			/* where it will begin */
} Cut;

static void read_request(FunctionCallInfo fcinfo, Purge *purge);
static void purge_agents(Purge *purge);
static void purge_agent(Purge *purge, Cut *cut);
static bool find_cut(Purge *purge, Cut *cut);
static bool find_end(Purge *purge, Cut *cut);
static bool close_windows(Purge *purge, Cut *cut);
static void forget(Purge *purge, Cut *cut);
static void purge_rest(Purge *purge);
static Datum purge_detail(Purge *purge);
static void param_agent(LaParams *params, const Purge *purge, const Cut *cut);

/*
 * ledger_agents.purge(before timestamptz, max_rows integer, organization_id text)
 *		returns ledger_agents.purge_detail
 *
 * What is decided afterwards is what would have been decided without it, but
 * for keys that are forgotten.
 */
Datum
la_purge(PG_FUNCTION_ARGS)
{
	Purge		purge = {0};
	Datum		answer;

	PreventCommandIfReadOnly("purge()");
	purge.caller = la_operator(fcinfo, 2);
	purge.organization_id = purge.caller.organization_id;
	purge.now = la_now();
	read_request(fcinfo, &purge);
	la_limit_waiting();
	la_require_adopted();
	la_new_id(&purge.id, purge.now);
	SPI_connect();
	la_require_organization(purge.organization_id);
	purge_agents(&purge);
	purge_rest(&purge);
	answer = purge_detail(&purge);
	SPI_finish();
	return answer;
}

static void
read_request(FunctionCallInfo fcinfo, Purge *purge)
{
	if (PG_ARGISNULL(0))
		la_null_field("before");
	if (PG_ARGISNULL(1))
		la_null_field("max_rows");
	purge->before = PG_GETARG_TIMESTAMPTZ(0);
	purge->max_rows = PG_GETARG_INT32(1);
	if (purge->before > purge->now - KEPT_DAYS * USECS_PER_DAY)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("before must be at least %d days ago", KEPT_DAYS),
				la_detail("out_of_range", "before",
						  "Limits per year still need what is younger."));
	if (purge->max_rows < 1 || purge->max_rows > MAX_ROWS)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_rows must be from 1 to %d", MAX_ROWS),
				la_detail("out_of_range", "max_rows", "It is %d.", (int) purge->max_rows));
}

static void
read_zone(Purge *purge)
{
	LaParams	params = {0};

	la_param_text(&params, purge->organization_id);
	if (la_run(LA_Q_ORGANIZATION_DEFAULTS, &params, LA_LATEST) > 0)
		purge->zone = TextDatumGetCString(la_column(0, 1));
}

static void
param_first_id(LaParams *params, TimestampTz at)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	la_first_id(id, at);
	la_param_uuid(params, id);
}

/* Agent by agent, and none that somebody is deciding for. */
static void
purge_agents(Purge *purge)
{
	pg_uuid_t	last = {{0}};
	uint64		count;

	read_zone(purge);
	do
	{
		LaParams	params = {0};
		Cut		   *cuts;

		la_param_text(&params, purge->organization_id);
		la_param_uuid(&params, &last);
		param_first_id(&params, purge->before);
		count = la_run(LA_Q_PURGE_AGENTS, &params, LA_LATEST);
		cuts = palloc0(sizeof(Cut) * count);
		for (uint64 i = 0; i < count; i++)
		{
			last = cuts[i].agent_id = *DatumGetUUIDP(la_column(i, 0));
			cuts[i].customer_id = TextDatumGetCString(la_column(i, 1));
		}
		for (uint64 i = 0; i < count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (purge->authorizations == purge->max_rows)
				purge->more = true;
			else
				purge_agent(purge, &cuts[i]);
		}
		pfree(cuts);
	} while (count == AGENTS_AT_ONCE && purge->authorizations < purge->max_rows);
}

static void
purge_agent(Purge *purge, Cut *cut)
{
	uint64		key = la_lock_key(purge->organization_id, &cut->agent_id, UUID_LEN);
	LaParams	params = {0};
	bool		newly;

	if (!la_try_queue(LA_LEVEL_AGENT, key, &newly))
	{
		purge->more = true;
		return;
	}
	la_param_text(&params, purge->organization_id);
	la_param_text(&params, la_uuid_text(&cut->agent_id));
	la_param_text(&params, la_scope_label(LA_AGENT));
	la_wait_patiently();
	la_run(LA_Q_COUNTER_LOCK, &params, LA_WRITE);
	la_counter_read(&cut->counter, la_row(0).values[0]);
	la_chain_start(&cut->start, purge->organization_id, &cut->agent_id, LA_LATEST);
	if (find_cut(purge, cut) && find_end(purge, cut))
	{
		if (close_windows(purge, cut))
			forget(purge, cut);
		else
			purge->more = true;
	}
	if (newly)
		la_leave_queue(LA_LEVEL_AGENT, key);
}

static void
param_agent(LaParams *params, const Purge *purge, const Cut *cut)
{
	memset(params, 0, sizeof(LaParams));
	la_param_text(params, purge->organization_id);
	la_param_uuid(params, &cut->agent_id);
}

/* The latest instant that parts nothing, among the oldest decisions, as many as may still go; false: none does. */
static bool
find_cut(Purge *purge, Cut *cut)
{
	LaParams	params;
	LaRow		row;

	cut->before = purge->before;
	param_agent(&params, purge, cut);
	la_param_int64(&params, purge->max_rows - purge->authorizations);
	if (la_run(LA_Q_PURGE_BOUND, &params, LA_LATEST) > 0 &&
		DatumGetTimestampTz(la_column(0, 0)) < cut->before)
	{
		cut->before = DatumGetTimestampTz(la_column(0, 0));
		purge->more = true;
	}
	param_agent(&params, purge, cut);
	param_first_id(&params, cut->before);
	la_param(&params, TimestampTzGetDatum(cut->before), false);
	la_run(LA_Q_PURGE_CUT, &params, LA_LATEST);
	cut->before = DatumGetTimestampTz(la_column(0, 0));

	param_agent(&params, purge, cut);
	param_first_id(&params, cut->before);
	la_run(LA_Q_PURGE_REACH, &params, LA_LATEST);
	row = la_row(0);
	if (row.nulls[0])
		return false;
	cut->sequence = DatumGetInt64(row.values[0]);
	cut->entry_number = row.nulls[1] ? cut->start.entry_number : DatumGetInt64(row.values[1]);
	if (DatumGetInt64(row.values[2]) != cut->sequence - cut->start.sequence)
		la_chain_is_broken(&cut->agent_id, "Decision", cut->sequence);
	if (DatumGetInt64(row.values[3]) != cut->entry_number - cut->start.entry_number)
		la_chain_is_broken(&cut->agent_id, "Entry", cut->entry_number);
	return true;
}

/*
 * The seal with which it ends.  Where the history is not sealed that far it is
 * sealed up to the cut; else the last seal before it that parts nothing is taken.
 */
static bool
find_end(Purge *purge, Cut *cut)
{
	LaParams	params;
	LaRow		row;
	LaSeal		last;

	la_last_seal(&last, purge->organization_id, &cut->agent_id, LA_LATEST);
	if (last.sequence <= cut->sequence && last.entry_number <= cut->entry_number)
		(void) la_seal_up_to(&last, purge->organization_id, &cut->agent_id, cut->sequence,
							 cut->entry_number, PG_INT32_MAX);
	param_agent(&params, purge, cut);
	param_first_id(&params, cut->before);
	la_param_int64(&params, cut->sequence);
	la_param_int64(&params, cut->entry_number);
	if (la_run(LA_Q_PURGE_SEAL, &params, LA_LATEST) == 0)
		return false;
	row = la_row(0);
	la_read_seal(&cut->end, row.values, row.nulls);
	return true;
}

/* The decisions that go: no id of theirs is above the last of that instant. */
static void
param_gone(LaParams *params, const Purge *purge, const Cut *cut)
{
	pg_uuid_t  *last = palloc(sizeof(pg_uuid_t));

	la_first_id(last, cut->end.decided_at);
	memset(last->data + UUID_LEN / 2, 0xff, UUID_LEN / 2);
	param_agent(params, purge, cut);
	la_param_uuid(params, last);
	la_param_int64(params, cut->end.sequence);
}

/* A window that was last looked at so long ago that it holds what goes. */
static bool
is_stale(const LaCounter *counter, TimestampTz at)
{
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		if (counter->windows[i].start <= at)
			return true;
	return counter->rolling && counter->rolling_since < at;
}

/*
 * Where a counter has stood still since, its windows are moved on to now: what
 * goes is in none of them then.  A rolling one is summed up anew by whoever
 * needs it.  False: somebody has locked it.
 */
static bool
close_window(Purge *purge, const Cut *cut, LaScope scope, const char *scope_id)
{
	LaParams	params = {0};
	LaCounter	counter;

	la_param_text(&params, purge->organization_id);
	la_param_text(&params, scope_id);
	la_param_text(&params, la_scope_label(scope));
	if (la_run(LA_Q_COUNTER_READ, &params, LA_LATEST) == 0)
		return true;
	la_counter_read(&counter, la_row(0).values[0]);
	if (!is_stale(&counter, cut->end.decided_at))
		return true;
#if LA_MUTANT != 295
	if (la_run(LA_Q_COUNTER_TRY_LOCK, &params, LA_WRITE) == 0)
		return false;
#else
	la_run(LA_Q_COUNTER_LOCK, &params, LA_WRITE);
#endif
	la_counter_read(&counter, la_row(0).values[0]);
	counter.decided_at = Max(counter.decided_at, purge->now);
	la_counter_roll(&counter, counter.decided_at, purge->zone);
	counter.rolling = counter.rolling && counter.rolling_since >= cut->end.decided_at;
	memset(&params, 0, sizeof(params));
	la_param_text(&params, purge->organization_id);
	la_param_text(&params, scope_id);
	la_param_counter(&params, &counter);
	la_param_text(&params, la_scope_label(scope));
	la_run(LA_Q_COUNTER_WRITE, &params, LA_WRITE);
	return true;
}

/* False: somebody has locked one.  What moved on before that is no less true. */
static bool
close_windows(Purge *purge, Cut *cut)
{
	LaParams	params;
	uint64		count;
	char	  **cards;

#if LA_MUTANT == 88
	return true;
#endif
	if (!close_window(purge, cut, LA_AGENT, la_uuid_text(&cut->agent_id)))
		return false;
	param_gone(&params, purge, cut);
	count = la_run(LA_Q_PURGE_CARDS, &params, LA_LATEST);
	cards = palloc(sizeof(char *) * count);
	for (uint64 i = 0; i < count; i++)
		cards[i] = la_uuid_text(DatumGetUUIDP(la_column(i, 0)));
	for (uint64 i = 0; i < count; i++)
		if (!close_window(purge, cut, LA_CARD, cards[i]))
			return false;
	return close_window(purge, cut, LA_CUSTOMER, cut->customer_id) &&
		close_window(purge, cut, LA_ORGANIZATION, purge->organization_id);
}

static void
param_number(LaParams *params, const Purge *purge, const Cut *cut, int64 number)
{
	param_agent(params, purge, cut);
	la_param_int64(params, number);
}

static void
forget(Purge *purge, Cut *cut)
{
	LaParams	params;
	bytea	   *head = palloc(VARHDRSZ + LA_HEAD_LENGTH);

	param_gone(&params, purge, cut);
	purge->intents += la_run(LA_Q_PURGE_USED_INTENTS, &params, LA_WRITE);
	la_param_text(&params, cut->customer_id);
	(void) la_forget(LA_Q_PURGE_AUTHORIZATIONS, &params);
	param_number(&params, purge, cut, cut->end.entry_number);
	(void) la_forget(LA_Q_PURGE_ENTRIES, &params);
	param_number(&params, purge, cut, cut->end.number);
	purge->seals += la_forget(LA_Q_PURGE_SEALS, &params);
	purge->agents++;
	purge->authorizations += cut->end.sequence - cut->start.sequence;
	purge->entries += cut->end.entry_number - cut->start.entry_number;

	SET_VARSIZE(head, VARHDRSZ + LA_HEAD_LENGTH);
	memcpy(VARDATA(head), cut->end.head, LA_HEAD_LENGTH);
	param_number(&params, purge, cut, cut->end.number);
	la_param_int64(&params, cut->end.sequence);
	la_param_int64(&params, cut->end.entry_number);
	la_param(&params, TimestampTzGetDatum(cut->end.decided_at), false);
	la_param(&params, PointerGetDatum(head), false);
	la_param_uuid(&params, &purge->id);
	la_run(LA_Q_PURGE_START, &params, LA_WRITE);
}

/* What belongs to no chain. */
static void
purge_rest(Purge *purge)
{
	LaParams	params = {0};
	int64		count;

	la_param_text(&params, purge->organization_id);
	la_param(&params, TimestampTzGetDatum(purge->before), false);
	param_first_id(&params, purge->before);
	la_param(&params, Int32GetDatum((int32) purge->max_rows), false);
	count = la_run(LA_Q_PURGE_INTENTS, &params, LA_WRITE);
	purge->intents += count;
	purge->more = purge->more || count == purge->max_rows;

	memset(&params, 0, sizeof(params));
	la_param_text(&params, purge->organization_id);
	param_first_id(&params, purge->before);
	la_param(&params, Int32GetDatum((int32) purge->max_rows), false);
	purge->attestations = la_run(LA_Q_PURGE_ATTESTATIONS, &params, LA_WRITE);
	purge->more = purge->more || purge->attestations == purge->max_rows;

	memset(&params, 0, sizeof(params));
	la_param_text(&params, purge->organization_id);
	la_param(&params, TimestampTzGetDatum(purge->before), false);
	la_param(&params, Int32GetDatum((int32) purge->max_rows), false);
	purge->events = la_forget(LA_Q_PURGE_EVENTS, &params);
	purge->more = purge->more || purge->events == purge->max_rows;
}

static void
param_record(LaParams *params, const Purge *purge, bool recorded)
{
	memset(params, 0, sizeof(LaParams));
	la_param_text(params, purge->organization_id);
	la_param_uuid(params, recorded ? &purge->id : NULL);
	la_param(params, TimestampTzGetDatum(purge->before), false);
	la_param_int64(params, purge->agents);
	la_param_int64(params, purge->authorizations);
	la_param_int64(params, purge->entries);
	la_param_int64(params, purge->seals);
	la_param_int64(params, purge->intents);
	la_param_int64(params, purge->attestations);
	la_param_int64(params, purge->events);
	la_param_text(params, la_principal_name(&purge->caller));
	la_param_text(params, la_outer_role());
	la_param(params, TimestampTzGetDatum(purge->now), false);
}

/* A call that forgets nothing leaves no record. */
static Datum
purge_detail(Purge *purge)
{
	LaParams	params;
	bool		recorded = purge->agents + purge->intents + purge->attestations +
	purge->events > 0;
	Datum		answer;

	if (recorded)
	{
		param_record(&params, purge, true);
		la_run(LA_Q_PURGE_RECORD, &params, LA_WRITE);
	}
	param_record(&params, purge, recorded);
	la_param(&params, BoolGetDatum(purge->more), false);
	if (!la_run_one(LA_Q_PURGE_DETAIL, &params, LA_LATEST, &answer))
		elog(ERROR, "a purge has no detail");
	return answer;
}
