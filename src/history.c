/*
 * history.c
 *		The counter of a scope that gets its first limit; see history.h.
 *
 * As long as nobody set a limit on it, a customer or organization has no
 * counter that its agents would have to share.  When a limit is set, the
 * configuration lock keeps new decisions away, transactions that have spent
 * there and are still open are waited for, and the rows are summed up.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "counter.h"
#include "errors.h"
#include "history.h"
#include "lock.h"
#include "module.h"
#include "query.h"

/* How long the scope's newcomers are stopped for those that are about to commit: at first, and at most. */
#define DRAIN_MILLISECONDS 100
#define MAX_DRAIN_MILLISECONDS 2000

/* Agents whose histories are waited for between two looks at the table. */
#define AGENTS_AT_ONCE 1000

/* A scope whose spending is summed up. */
typedef struct Counted
{
	LaScope		scope;
	const char *organization_id;
	const char *scope_id;
	const char *customer_id;	/* of a customer only */
	const pg_uuid_t *agent_id;	/* of an agent or a card only */
	const pg_uuid_t *card_id;	/* of a card only */
} Counted;

/* A change of what is counted, and the waits for it, which together may last for a lock_timeout. */
typedef struct Change
{
	const char *organization_id;
	const char *customer_id;	/* NULL: the organization's */
	bool		all_customers;	/* theirs are counted anew, too */
	LaLevel		level;			/* of its configuration lock, and the number */
	uint64		key;
	TimestampTz begun;
	int			timeout;		/* milliseconds; 0: none */
	bool		row_is_busy;	/* all that is in the way is a row that
								 * somebody has locked */
	const char *busy;			/* the customer's of that id; NULL: the
								 * organization's */
} Change;

/* Looks at the history of one agent or organization; false ends the walk. */
typedef bool (*Look) (const Change *change, LaLevel level, uint64 key);

/*
 * Every history that the scope's spending may be in: its agents', and the
 * organization's for agents whose row cannot be seen yet and for transactions
 * over very many agents.
 */
static bool
walk_histories(const Change *change, Look look)
{
	const char *organization_id = change->organization_id;
	pg_uuid_t	last = {{0}};
	uint64		count;

	if (!look(change, LA_LEVEL_ORGANIZATION, la_lock_key(organization_id, "", 0)))
		return false;
	do
	{
		LaParams	params = {0};
		bool		goes_on = true;

		la_param_text(&params, organization_id);
		la_param_text(&params, change->customer_id);
		la_param_uuid(&params, &last);
		count = la_run(LA_Q_SCOPE_AGENTS, &params, LA_LATEST);
		for (uint64 i = 0; i < count && goes_on; i++)
		{
			last = *DatumGetUUIDP(la_column(i, 0));
			goes_on = look(change, LA_LEVEL_AGENT, la_lock_key(organization_id, &last, UUID_LEN));
		}
		SPI_freetuptable(SPI_tuptable);
		if (!goes_on)
			return false;
	} while (count == AGENTS_AT_ONCE);
	return true;
}

static bool
await_one(const Change *change, LaLevel level, uint64 key)
{
	la_wait_no_longer(change->begun, change->timeout);
	la_await_history(level, key);
	return true;
}

static bool
has_none(const Change *change, LaLevel level, uint64 key)
{
	return !la_has_history(level, key);
}

static void
param_row(LaParams *params, const Change *change, const char *customer_id)
{
	memset(params, 0, sizeof(LaParams));
	la_param_text(params, change->organization_id);
	la_param_text(params, customer_id != NULL ? customer_id : change->organization_id);
	la_param_text(params, la_scope_label(customer_id != NULL ? LA_CUSTOMER : LA_ORGANIZATION));
}

/* False: somebody has locked it.  One that is not there yet is made under the configuration lock only. */
static bool
try_row(const Change *change, const char *customer_id)
{
	LaParams	params;

	param_row(&params, change, customer_id);
	return la_run(LA_Q_COUNTER_TRY_LOCK, &params, LA_WRITE) > 0 ||
		la_run(LA_Q_COUNTER_READ, &params, LA_LATEST) == 0;
}

/* Customers that have a counter. */
static uint64
limited_customers(const char *organization_id, char ***ids)
{
	LaParams	params = {0};
	uint64		count;

	la_param_text(&params, organization_id);
	count = la_run(LA_Q_LIMITED_CUSTOMERS, &params, LA_LATEST);
	*ids = palloc(sizeof(char *) * count);
	for (uint64 i = 0; i < count; i++)
		(*ids)[i] = TextDatumGetCString(la_column(i, 0));
	return count;
}

static bool
try_rows(Change *change)
{
	uint64		count;
	char	  **ids;

#if LA_MUTANT == 294
	return true;
#endif
	change->busy = change->customer_id;
	if (!try_row(change, change->customer_id))
		return false;
	if (!change->all_customers)
		return true;
	count = limited_customers(change->organization_id, &ids);
	for (uint64 i = 0; i < count; i++)
	{
		change->busy = ids[i];
		if (!try_row(change, ids[i]))
			return false;
	}
	return true;
}

/* A step in a subtransaction of its own, of which only what succeeds stays. */
static bool
try_out(Change *change, bool (*step) (Change *change))
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		done = step(change);
		if (done)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		/* Whoever catches it has a subtransaction of his own to end. */
		ReThrowError(la_end_failed(memory, owner));
	}
	PG_END_TRY();
	return done;
}

/* Until whoever has locked it has ended.  It is let go at once: nothing is held while others are waited for. */
static bool
await_row(Change *change)
{
	LaParams	params;

	la_wait_patiently();
	param_row(&params, change, change->busy);
	(void) la_run(LA_Q_COUNTER_LOCK, &params, LA_WRITE);
	return false;
}

/* Gives those that have decided, and only have to commit, a moment to do so. */
static bool
drains(Change *change, int milliseconds)
{
	for (int i = 0; i < milliseconds; i++)
	{
		change->row_is_busy = walk_histories(change, has_none);
		/* All of the rows at once, or none. */
		if (change->row_is_busy && try_out(change, try_rows))
			return true;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(1000);
	}
	return false;
}

/*
 * The configuration lock stops the scope's newcomers, so that nobody may be
 * waited for under it who could wait for one of them: open transactions, of
 * those that have spent and of those that have locked a counter, are waited for
 * first, and if others have come since, once more.
 */
static void
await_moment(Change *change)
{
	int			drain = DRAIN_MILLISECONDS;

	for (;;)
	{
#if LA_MUTANT != 8
		(void) walk_histories(change, await_one);
#endif
		la_wait_no_longer(change->begun, change->timeout);
		la_change_configuration(change->level, change->key);
#if LA_MUTANT == 8
		return;
#endif
		if (drains(change, drain))
			return;
		la_leave_configuration(change->level, change->key);
		if (change->row_is_busy)
		{
			la_wait_no_longer(change->begun, change->timeout);
			(void) try_out(change, await_row);
		}
		drain = Min(2 * drain, MAX_DRAIN_MILLISECONDS);
	}
}

void
la_change_limited(const char *organization_id, const char *customer_id, bool all_customers)
{
	const char *id = customer_id != NULL ? customer_id : "";
	Change		change = {
		.organization_id = organization_id, .customer_id = customer_id,
		.all_customers = all_customers,
		.level = customer_id != NULL ? LA_LEVEL_CUSTOMER : LA_LEVEL_ORGANIZATION,
		.key = la_lock_key(organization_id, id, strlen(id)), .begun = GetCurrentTimestamp(), .timeout = LockTimeout
	};

	PG_TRY();
	{
		await_moment(&change);
	}
	PG_FINALLY();
	{
		LockTimeout = change.timeout;
	}
	PG_END_TRY();
}

/* Currency and time zone of the organization. */
static void
read_defaults(const char *organization_id, char **currency, char **zone)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, organization_id);
	la_run(LA_Q_ORGANIZATION_DEFAULTS, &params, LA_LATEST);
	row = la_row(0);
	*currency = TextDatumGetCString(row.values[0]);
	*zone = TextDatumGetCString(row.values[1]);
}

static void
sum_up(LaCounter *counter, const Counted *counted, const char *currency)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, counted->organization_id);
	la_param_text(&params, counted->customer_id);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		la_param(&params, TimestampTzGetDatum(counter->windows[i].start), false);
	la_param_text(&params, currency);
	la_param_uuid(&params, counted->agent_id);
	la_param_uuid(&params, counted->card_id);
	la_run(LA_Q_HISTORY, &params, LA_LATEST);
	row = la_row(0);
	if (row.nulls[0])
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("sum of amounts is out of range"),
				la_detail("amount_overflow", "spending_limit",
						  "What was spent there exceeds the range of bigint."));
	counter->total = DatumGetInt64(row.values[0]);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		counter->spent[i] = DatumGetInt64(row.values[1 + i]);
	if (!row.nulls[5])
		counter->decided_at = Max(counter->decided_at, DatumGetTimestampTz(row.values[5]));
	counter->expires = !row.nulls[6];
	counter->next_expiry = counter->expires ? DatumGetTimestampTz(row.values[6]) : 0;
	counter->auth_count = DatumGetInt64(row.values[7]);
	if (counted->card_id != NULL)
		counter->captured_amount = DatumGetInt64(row.values[8]);
	counter->rolling = false;
}

/* Makes or renews the counter of the scope; currency NULL: the organization's. */
static void
count_anew(const Counted *counted, const char *currency)
{
	LaParams	params = {0};
	LaCounter	counter;
	char	   *default_currency;
	char	   *zone;
	bool		known;

	read_defaults(counted->organization_id, &default_currency, &zone);
	la_param_text(&params, counted->organization_id);
	la_param_text(&params, counted->scope_id);
	la_param_text(&params, la_scope_label(counted->scope));
	known = la_run(LA_Q_COUNTER_LOCK, &params, LA_WRITE) > 0;
	if (known)
		la_counter_read(&counter, la_row(0).values[0]);
	else
		la_counter_init(&counter);
	currency = currency != NULL ? currency : default_currency;

	/*
	 * First for the latest instant in the books, behind which the clock may
	 * be, then for its windows.  No decision may come before these, should
	 * the clock step back.
	 */
	sum_up(&counter, counted, currency);
	counter.decided_at = la_now_from(counter.decided_at);
	la_counter_roll(&counter, counter.decided_at, zone);
	sum_up(&counter, counted, currency);
	memset(&params, 0, sizeof(params));
	la_param_text(&params, counted->organization_id);
	la_param_text(&params, counted->scope_id);
	la_param_counter(&params, &counter);
	la_param_text(&params, la_scope_label(counted->scope));
	la_run(known ? LA_Q_COUNTER_WRITE : LA_Q_COUNTER_INSERT, &params, LA_WRITE);
}

void
la_start_counting(const char *organization_id, const char *customer_id)
{
	Counted		counted = {
		.scope = customer_id != NULL ? LA_CUSTOMER : LA_ORGANIZATION,
		.organization_id = organization_id,
		.scope_id = customer_id != NULL ? customer_id : organization_id,
		.customer_id = customer_id,
	};

	count_anew(&counted, NULL);
}

void
la_count_all_anew(const char *organization_id)
{
	char	  **ids;
	uint64		count = limited_customers(organization_id, &ids);

	for (uint64 i = 0; i < count; i++)
		la_start_counting(organization_id, ids[i]);
}

static void
count_cards_anew(const char *organization_id, const pg_uuid_t *agent_id, const char *currency)
{
	LaParams	params = {0};
	uint64		count;
	pg_uuid_t  *ids;

	la_param_text(&params, organization_id);
	la_param_uuid(&params, agent_id);
	count = la_run(LA_Q_AGENT_CARDS, &params, LA_LATEST);
	ids = palloc(sizeof(pg_uuid_t) * count);
	for (uint64 i = 0; i < count; i++)
		ids[i] = *DatumGetUUIDP(la_column(i, 0));
	for (uint64 i = 0; i < count; i++)
	{
		Counted		counted = {
			.scope = LA_CARD,
			.organization_id = organization_id,
			.scope_id = la_uuid_text(&ids[i]),
			.agent_id = agent_id,
			.card_id = &ids[i],
		};

		count_anew(&counted, currency);
	}
}

void
la_count_agent_anew(const char *organization_id, const pg_uuid_t *agent_id, const char *currency)
{
	Counted		counted = {
		.scope = LA_AGENT,
		.organization_id = organization_id,
		.scope_id = la_uuid_text(agent_id),
		.agent_id = agent_id,
	};

	count_anew(&counted, currency);
	count_cards_anew(organization_id, agent_id, currency);
}
