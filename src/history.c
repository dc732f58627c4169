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

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "counter.h"
#include "history.h"
#include "lock.h"
#include "module.h"
#include "query.h"

/* Agents whose queues are waited for between two looks at the table. */
#define AGENTS_AT_ONCE 1000

/*
 * A transaction that has spent holds the queue lock of its agent, or the history
 * lock of the organization; one that has registered an agent, whose row is not
 * visible here, holds the latter.
 */
void
la_await_spending(const char *organization_id, const char *customer_id)
{
	pg_uuid_t	last = {{0}};
	uint64		count;

#if LA_MUTANT == 8
	return;
#endif
	la_await_history(organization_id);
	do
	{
		LaParams	params = {0};

		la_param_text(&params, organization_id);
		la_param_text(&params, customer_id);
		la_param_uuid(&params, &last);
		count = la_run(LA_Q_SCOPE_AGENTS, &params, LA_LATEST);
		for (uint64 i = 0; i < count; i++)
		{
			last = *DatumGetUUIDP(la_row(i).values[0]);
			la_await_queue(la_lock_key(organization_id, &last, UUID_LEN));
		}
		SPI_freetuptable(SPI_tuptable);
	} while (count == AGENTS_AT_ONCE);
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
sum_up(LaCounter *counter, const char *organization_id, const char *customer_id,
	   const char *currency)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, organization_id);
	la_param_text(&params, customer_id);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		la_param(&params, TimestampTzGetDatum(counter->windows[i].start), false);
	la_param_text(&params, currency);
	la_run(LA_Q_HISTORY, &params, LA_LATEST);
	row = la_row(0);
	counter->total = DatumGetInt64(row.values[0]);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		counter->spent[i] = DatumGetInt64(row.values[1 + i]);
	if (!row.nulls[5])
		counter->decided_at = Max(counter->decided_at, DatumGetTimestampTz(row.values[5]));
	counter->expires = !row.nulls[6];
	counter->next_expiry = counter->expires ? DatumGetTimestampTz(row.values[6]) : 0;
	counter->rolling = false;
}

void
la_start_counting(const char *organization_id, const char *customer_id)
{
	const char *scope_id = customer_id != NULL ? customer_id : organization_id;
	const char *scope = la_scope_label(customer_id != NULL ? LA_CUSTOMER : LA_ORGANIZATION);
	LaParams	params = {0};
	LaCounter	counter;
	char	   *currency;
	char	   *zone;
	bool		known;

	la_await_spending(organization_id, customer_id);
	read_defaults(organization_id, &currency, &zone);
	la_param_text(&params, organization_id);
	la_param_text(&params, scope_id);
	la_param_text(&params, scope);
	known = la_run(LA_Q_COUNTER_LOCK, &params, LA_WRITE) > 0;
	if (known)
		la_counter_read(&counter, la_row(0).values[0]);
	else
		la_counter_init(&counter);
	la_counter_roll(&counter, Max(la_now(), counter.decided_at), zone);
	sum_up(&counter, organization_id, customer_id, currency);
	memset(&params, 0, sizeof(params));
	la_param_text(&params, organization_id);
	la_param_text(&params, scope_id);
	la_param_counter(&params, &counter);
	la_param_text(&params, scope);
	la_run(known ? LA_Q_COUNTER_WRITE : LA_Q_COUNTER_INSERT, &params, LA_WRITE);
}
