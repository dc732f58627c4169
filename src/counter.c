/*
 * counter.c
 *		The counter of one scope; see counter.h.
 *
 * Windows are stored with their bounds and not computed again: a clock that
 * steps back never reopens an earlier window, and after a change of the time
 * zone the next window starts where the last one ended.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "amount.h"
#include "counter.h"
#include "errors.h"

const LaFrequency la_calendar_frequencies[LA_CALENDAR_WINDOWS] = {
	LA_PER_24_HOURS, LA_PER_WEEK, LA_PER_MONTH, LA_PER_YEAR
};

const char *
la_scope_label(LaScope scope)
{
	static const char *const labels[] = {"card", "agent", "customer", "organization"};

	return labels[scope];
}

/* Columns of ledger_agents.counters, in their order there. */
enum
{
	ORGANIZATION_ID, SCOPE, SCOPE_ID, FIRST_WINDOW,
	ROLLING_FREQUENCY = FIRST_WINDOW + 2 * LA_CALENDAR_WINDOWS, ROLLING_SINCE, ROLLING_SPENT,
	NEXT_EXPIRY, EXCEEDED_WINDOW, EXCEEDED_LIMIT, APPROACHING_WINDOW, APPROACHING_LIMIT,
	ATTESTED_AT, INTENTS_UNTIL, CAPTURED_AMOUNT, CAPTURED_COUNT, ENTRY_COUNT, USE_COUNT, VERSION, SEQUENCE, DECIDED_AT, LAST_APPROVED_AT,
	AUTH_COUNT, TOTAL_SPENT, FIRST_SPENT,
	FIRST_MERCHANT = FIRST_SPENT + LA_CALENDAR_WINDOWS, COLUMNS
};

static int64
int64_of(LaRow row, int column)
{
	return row.nulls[column] ? 0 : DatumGetInt64(row.values[column]);
}

/* DT_NOBEGIN where there is none. */
static TimestampTz
instant_of(LaRow row, int column)
{
	return row.nulls[column] ? DT_NOBEGIN : DatumGetTimestampTz(row.values[column]);
}

static void
read_mark(LaMark *mark, LaRow row, int first)
{
	mark->set = !row.nulls[first];
	mark->window = int64_of(row, first);
	mark->limit = int64_of(row, first + 1);
}

void
la_counter_read(LaCounter *counter, Datum composite)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
	LaRow		row = {values, nulls};

	la_deform(composite, COLUMNS, row);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
	{
		counter->windows[i].start = int64_of(row, FIRST_WINDOW + 2 * i);
		counter->windows[i].end = int64_of(row, FIRST_WINDOW + 2 * i + 1);
		counter->spent[i] = int64_of(row, FIRST_SPENT + i);
	}
	counter->rolling = !nulls[ROLLING_FREQUENCY];
	counter->rolling_frequency = values[ROLLING_FREQUENCY];
	counter->rolling_since = int64_of(row, ROLLING_SINCE);
	counter->rolling_spent = int64_of(row, ROLLING_SPENT);
	counter->expires = !nulls[NEXT_EXPIRY];
	counter->next_expiry = int64_of(row, NEXT_EXPIRY);
	read_mark(&counter->exceeded, row, EXCEEDED_WINDOW);
	read_mark(&counter->approaching, row, APPROACHING_WINDOW);
	counter->version = int64_of(row, VERSION);
	counter->sequence = int64_of(row, SEQUENCE);
	counter->decided_at = int64_of(row, DECIDED_AT);
	counter->total = int64_of(row, TOTAL_SPENT);
	counter->auth_count = int64_of(row, AUTH_COUNT);
	counter->use_count = int64_of(row, USE_COUNT);
	counter->captured_amount = int64_of(row, CAPTURED_AMOUNT);
	counter->captured_count = int64_of(row, CAPTURED_COUNT);
	counter->entry_count = int64_of(row, ENTRY_COUNT);
	counter->last_approved_at = instant_of(row, LAST_APPROVED_AT);
	counter->attested_at = instant_of(row, ATTESTED_AT);
	counter->intents_until = instant_of(row, INTENTS_UNTIL);
	counter->first_merchant = nulls[FIRST_MERCHANT] ? NULL : TextDatumGetCString(values[FIRST_MERCHANT]);
}

static void
param_mark(LaParams *params, const LaMark *mark)
{
	la_param(params, TimestampTzGetDatum(mark->window), !mark->set);
	la_param(params, Int64GetDatum(mark->limit), !mark->set);
}

static void
param_instant(LaParams *params, TimestampTz instant)
{
	la_param(params, TimestampTzGetDatum(instant), instant == DT_NOBEGIN);
}

/* Null where there is none yet. */
static void
param_amount(LaParams *params, int64 amount)
{
	la_param(params, Int64GetDatum(amount), amount == 0);
}

void
la_param_counter(LaParams *params, const LaCounter *counter)
{
	la_param_int64(params, counter->version);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
	{
		la_param(params, TimestampTzGetDatum(counter->windows[i].start), false);
		la_param(params, TimestampTzGetDatum(counter->windows[i].end), false);
	}
	la_param(params, counter->rolling_frequency, !counter->rolling);
	la_param(params, TimestampTzGetDatum(counter->rolling_since), !counter->rolling);
	la_param(params, Int64GetDatum(counter->rolling_spent), !counter->rolling);
	la_param(params, TimestampTzGetDatum(counter->next_expiry), !counter->expires);
	param_mark(params, &counter->exceeded);
	param_mark(params, &counter->approaching);
	la_param_int64(params, counter->sequence);
	la_param(params, TimestampTzGetDatum(counter->decided_at), false);
	la_param_int64(params, counter->total);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		la_param_int64(params, counter->spent[i]);
	param_instant(params, counter->last_approved_at);
	la_param_int64(params, counter->auth_count);
	param_instant(params, counter->attested_at);
	param_instant(params, counter->intents_until);
	la_param_int64(params, counter->use_count);
	param_amount(params, counter->captured_amount);
	param_amount(params, counter->captured_count);
	param_amount(params, counter->entry_count);
	la_param_text(params, counter->first_merchant);
}

static bool
same_mark(const LaMark *a, const LaMark *b)
{
	return a->set == b->set && a->window == b->window && a->limit == b->limit;
}

bool
la_counter_kept_windows(const LaCounter *before, const LaCounter *after)
{
	return memcmp(before->windows, after->windows, sizeof(before->windows)) == 0 &&
		!before->rolling && !after->rolling &&
		before->expires == after->expires && before->next_expiry == after->next_expiry &&
		same_mark(&before->exceeded, &after->exceeded) &&
		same_mark(&before->approaching, &after->approaching) &&
		before->intents_until == after->intents_until && before->use_count == after->use_count &&
		before->entry_count == after->entry_count &&
		before->first_merchant == after->first_merchant;
}

void
la_counter_init(LaCounter *counter)
{
	memset(counter, 0, sizeof(LaCounter));
	counter->decided_at = counter->last_approved_at = DT_NOBEGIN;
	counter->attested_at = counter->intents_until = DT_NOBEGIN;
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		counter->windows[i].start = counter->windows[i].end = DT_NOBEGIN;
}

void
la_counter_roll(LaCounter *counter, TimestampTz at, const char *zone)
{
	pg_tz	   *tz = NULL;

	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
	{
		LaWindow   *window = &counter->windows[i];
		TimestampTz ended = window->end;

		if (at < ended)
			continue;
		if (tz == NULL)
			tz = la_zone(zone, "timezone");
		*window = la_calendar_window(at, tz, la_calendar_frequencies[i]);
		window->start = Max(window->start, ended);
		counter->spent[i] = 0;
	}
}

void
la_counter_add(LaCounter *counter, int64 amount)
{
	counter->total = la_add(counter->total, amount);
	/* No window holds more than all of them: from here on nothing overflows. */
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		counter->spent[i] = la_add(counter->spent[i], amount);
	if (counter->rolling)
		counter->rolling_spent = la_add(counter->rolling_spent, amount);
}

void
la_counter_release(LaCounter *counter, int64 amount, TimestampTz decided_at)
{
	counter->total = la_subtract(counter->total, amount);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		if (decided_at >= counter->windows[i].start)
			counter->spent[i] = la_subtract(counter->spent[i], amount);
	if (counter->rolling && decided_at > counter->rolling_since)
		counter->rolling_spent = la_subtract(counter->rolling_spent, amount);
}

void
la_counter_add_at(LaCounter *counter, int64 amount, TimestampTz decided_at)
{
	counter->total = la_add(counter->total, amount);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		if (decided_at >= counter->windows[i].start)
			counter->spent[i] = la_add(counter->spent[i], amount);
	if (counter->rolling && decided_at > counter->rolling_since)
		counter->rolling_spent = la_add(counter->rolling_spent, amount);
}

void
la_counter_approve(LaCounter *counter, LaScope scope)
{
	counter->auth_count++;
	if (scope == LA_CARD)
		counter->use_count++;
}

void
la_counter_forget(LaCounter *counter)
{
	counter->auth_count = la_subtract(counter->auth_count, 1);
	if (counter->use_count > 0)
		counter->use_count--;
}

void
la_counter_expire(LaCounter *counter)
{
	counter->auth_count = la_subtract(counter->auth_count, 1);
}

void
la_counter_revive(LaCounter *counter)
{
	counter->auth_count++;
}

void
la_counter_remember(LaCounter *counter, TimestampTz at, const char *merchant)
{
	counter->last_approved_at = at;
	if (counter->first_merchant == NULL && merchant != NULL)
		counter->first_merchant = pstrdup(merchant);
}

LaWindow
la_counter_window(const LaCounter *counter, LaFrequency frequency, int64 *spent)
{
	LaWindow	always = {DT_NOBEGIN, DT_NOEND};

	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		if (la_calendar_frequencies[i] == frequency)
		{
			*spent = counter->spent[i];
			return counter->windows[i];
		}
	*spent = frequency == LA_ALL_TIME ? counter->total : 0;
	return always;
}

bool
la_mark_once(LaMark *mark, TimestampTz window, int64 limit)
{
	if (mark->set && mark->window == window && mark->limit == limit)
		return false;
	mark->set = true;
	mark->window = window;
	mark->limit = limit;
	return true;
}
