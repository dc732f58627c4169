/*
 * statistics.c
 *		Statistics of a database: decisions by outcome and reason, sizes of batches,
 *		waits; see statistics.h.
 *
 * A count gathers in this session's memory until it is known how its transaction
 * ends: a decision then costs an increment, and its commit a few atomic ones.
 * The numbers are of all organizations together, so that no key, token or claim
 * may read them.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "batch.h"
#include "catalog.h"
#include "module.h"
#include "principal.h"
#include "query.h"
#include "statistics.h"

PG_FUNCTION_INFO_V1(la_read_statistics);
PG_FUNCTION_INFO_V1(la_reset_statistics);

/* Columns of what read_statistics() returns. */
enum
{
	KIND, NAME, REASON, FROM, TO, NUMBER, WAITED, LONGEST, SINCE, COLUMNS
};

typedef struct Listing
{
	FunctionCallInfo fcinfo;
	TupleDesc	desc;
	TimestampTz since;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
} Listing;

static void list_outcomes(Listing *listing);
static void list_batches(Listing *listing);
static void list_waits(Listing *listing);
static void list(Listing *listing, const char *kind, const char *name, int number);
static void emit(Listing *listing);
static Datum interval_of(uint64 microseconds);

/* The largest batch of each class. */
static const int largest[LA_BATCH_CLASSES] = {1, 10, 100, LA_MAX_REQUESTS};

/*
 * ledger_agents.read_statistics(OUT kind text, OUT name text, OUT reason ledger_agents.decline_reason,
 *		OUT requests_from integer, OUT requests_to integer, OUT number bigint, OUT waited interval,
 *		OUT longest interval, OUT since timestamptz) returns setof record
 *
 * Every number, also those that are 0.  Operators and auditors only.
 */
Datum
la_read_statistics(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_auditor(NULL, LA_NO_ARGUMENT);
	Listing		listing = {.fcinfo = fcinfo};

	la_require_operator(&caller);
	la_require_tally();
	listing.desc = la_begin_set(fcinfo);
	listing.since = la_tally_since();
	memset(listing.nulls, true, sizeof(listing.nulls));
	list_outcomes(&listing);
	list_batches(&listing);
	list_waits(&listing);
	PG_RETURN_NULL();
}

static void
list_outcomes(Listing *listing)
{
	Oid			reasons = TupleDescAttr(listing->desc, REASON)->atttypid;

	list(listing, "outcome", "approved", LA_TALLY_APPROVED);
	emit(listing);
	for (int i = 0; i < LA_MAX_REASONS; i++)
	{
		list(listing, "outcome", "declined", LA_TALLY_DECLINED + i);
		listing->values[REASON] = la_enum_value(reasons, la_reason_label(i));
		listing->nulls[REASON] = false;
		emit(listing);
	}
	list(listing, "outcome", "replayed", LA_TALLY_REPLAYED);
	emit(listing);
	list(listing, "outcome", "raised", LA_TALLY_RAISED);
	emit(listing);
	list(listing, "outcome", "prepared", LA_TALLY_PREPARED);
	emit(listing);
	list(listing, "outcome", "rolled_back", LA_TALLY_ROLLED_BACK);
	emit(listing);
}

static void
list_batches(Listing *listing)
{
	for (int i = 0; i < LA_BATCH_CLASSES; i++)
	{
		list(listing, "batch", "requests", LA_TALLY_BATCHES + i);
		listing->values[FROM] = Int32GetDatum(i == 0 ? 1 : largest[i - 1] + 1);
		listing->values[TO] = Int32GetDatum(largest[i]);
		listing->nulls[FROM] = listing->nulls[TO] = false;
		emit(listing);
	}
}

static void
list_waits(Listing *listing)
{
	static const char *const names[LA_WAIT_KINDS] = {
		[LA_WAIT_AGENT] = "agent",[LA_WAIT_CUSTOMER] = "customer",
		[LA_WAIT_ORGANIZATION] = "organization",[LA_WAIT_EXTERNAL_ID] = "external_id",
		[LA_WAIT_ANSWER] = "idempotency_key",[LA_WAIT_CONFIGURATION] = "configuration",
		[LA_WAIT_HISTORY] = "history"
	};

	for (int i = 0; i < LA_WAIT_KINDS; i++)
	{
		list(listing, "wait", names[i], LA_TALLY_WAITS + i);
		listing->values[WAITED] = interval_of(la_tally_sum(LA_TALLY_WAITED + i));
		listing->values[LONGEST] = interval_of(la_tally_greatest(LA_TALLY_LONGEST + i));
		listing->nulls[WAITED] = listing->nulls[LONGEST] = false;
		emit(listing);
	}
}

/* Begins a row with what all of them have. */
static void
list(Listing *listing, const char *kind, const char *name, int number)
{
	listing->values[KIND] = CStringGetTextDatum(kind);
	listing->values[NAME] = CStringGetTextDatum(name);
	listing->values[NUMBER] = Int64GetDatum(la_tally_sum(number));
	listing->values[SINCE] = TimestampTzGetDatum(listing->since);
	listing->nulls[KIND] = listing->nulls[NAME] = false;
	listing->nulls[NUMBER] = listing->nulls[SINCE] = false;
}

static void
emit(Listing *listing)
{
	la_add_row(listing->fcinfo, listing->desc, listing->values, listing->nulls);
	memset(listing->nulls, true, sizeof(listing->nulls));
}

static Datum
interval_of(uint64 microseconds)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = microseconds;
	return IntervalPGetDatum(interval);
}

/*
 * ledger_agents.reset_statistics() returns timestamptz
 *
 * All numbers begin anew at the instant that it returns, at once and whatever
 * becomes of the transaction.  Operators only.
 */
Datum
la_reset_statistics(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_operator(NULL, LA_NO_ARGUMENT);

	la_require_operator(&caller);
	la_require_tally();
	PG_RETURN_TIMESTAMPTZ(la_tally_reset());
}

/* What a subtransaction has counted.  All are kept for the next one; what is not in use holds zeros. */
typedef struct Gathering
{
	SubTransactionId in;
	uint32		numbers[LA_TALLY_GATHERED];
	struct Gathering *outer;
	struct Gathering *inner;
} Gathering;

static Gathering first_gathering;
static Gathering *gathering = NULL; /* the innermost in use */

/* NULL: there is no memory for it. */
static Gathering *
begin_gathering(SubTransactionId in)
{
	Gathering  *next = gathering == NULL ? &first_gathering : gathering->inner;

	if (next == NULL)
	{
		next = MemoryContextAllocExtended(TopMemoryContext, sizeof(Gathering),
										  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);
		if (next == NULL)
			return NULL;
		next->outer = gathering;
		gathering->inner = next;
	}
	next->in = in;
	gathering = next;
	return next;
}

static void
count(int number)
{
	SubTransactionId in = GetCurrentSubTransactionId();
	Gathering  *here = gathering;

	if (!la_tally_is_open())
		return;
	if (here == NULL || here->in != in)
		here = begin_gathering(in);
	if (here != NULL)
		here->numbers[number]++;
}

void
la_count_decision(const LaVerdict *verdict)
{
	count(verdict->approved ? LA_TALLY_APPROVED : LA_TALLY_DECLINED + verdict->reasons[0]);
}

void
la_count_replay(void)
{
	count(LA_TALLY_REPLAYED);
}

void
la_count_batch(int requests)
{
	int			class = 0;

	while (requests > largest[class])
		class++;
	count(LA_TALLY_BATCHES + class);
}

void
la_count_raised(void)
{
	if (la_tally_is_open())
		la_tally_add(LA_TALLY_RAISED, 1);
}

/* Adds up what was gathered by each number; then there is nothing. */
static void
commit_gathering(void)
{
	for (int i = 0; i < LA_TALLY_GATHERED; i++)
	{
		if (gathering->numbers[i] == 0)
			continue;
		la_tally_add(i, gathering->numbers[i]);
		gathering->numbers[i] = 0;
	}
	gathering = gathering->outer;
}

/* Adds the calls alone to one number. */
static void
lump_gathering(int number)
{
	uint64		calls = 0;

	for (int i = LA_TALLY_APPROVED; i <= LA_TALLY_REPLAYED; i++)
		calls += gathering->numbers[i];
	if (calls > 0)
		la_tally_add(number, calls);
	memset(gathering->numbers, 0, sizeof(gathering->numbers));
	gathering = gathering->outer;
}

/* How a prepared transaction ends is not told to this session, and perhaps after a restart. */
static void
at_end_of_transaction(XactEvent event, void *arg)
{
	while (gathering != NULL)
	{
		if (event == XACT_EVENT_COMMIT)
			commit_gathering();
		else if (event == XACT_EVENT_PREPARE)
			lump_gathering(LA_TALLY_PREPARED);
		else if (event == XACT_EVENT_ABORT)
			lump_gathering(LA_TALLY_ROLLED_BACK);
		else
			break;
	}
}

static void
join_outer(void)
{
	Gathering  *outer = gathering->outer;

	for (int i = 0; i < LA_TALLY_GATHERED; i++)
		outer->numbers[i] += gathering->numbers[i];
	memset(gathering->numbers, 0, sizeof(gathering->numbers));
	gathering = outer;
}

static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId mine,
						 SubTransactionId parent, void *arg)
{
	if (gathering == NULL || gathering->in != mine)
		return;
#if LA_MUTANT != 110
	if (event == SUBXACT_EVENT_ABORT_SUB)
		lump_gathering(LA_TALLY_ROLLED_BACK);
#endif
	if (event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	if (gathering->outer != NULL && gathering->outer->in == parent)
		join_outer();
	else
		gathering->in = parent;
}

void
la_statistics_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
	RegisterSubXactCallback(at_end_of_subtransaction, NULL);
}

/* Waits are counted at once, also where they end in an error: there was a wait. */
void
la_begin_wait(LaWait *wait, LaWaitKind kind)
{
	wait->kind = kind;
	(void) la_tally_is_open();
	INSTR_TIME_SET_CURRENT(wait->begun);
}

void
la_end_wait(const LaWait *wait)
{
	instr_time	now;
	uint64		microseconds;

	if (!la_tally_is_open())
		return;
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, wait->begun);
	microseconds = INSTR_TIME_GET_MICROSEC(now);
	la_tally_add(LA_TALLY_WAITS + wait->kind, 1);
	la_tally_add(LA_TALLY_WAITED + wait->kind, microseconds);
	la_tally_raise(LA_TALLY_LONGEST + wait->kind, microseconds);
}
