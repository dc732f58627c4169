/*
 * counter.c
 *		The counter of one scope; see counter.h.
 *
 * Windows are stored with their bounds and not computed again: a clock that
 * steps back never reopens an earlier window, and after a change of the time
 * zone the next window starts where the last one ended.
 */
#include "postgres.h"

#include "access/htup_details.h"
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

static void
take(LaCounter *counter, LaRow row)
{
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
	{
		counter->windows[i].start = int64_of(row, LA_K_FIRST_WINDOW + 2 * i);
		counter->windows[i].end = int64_of(row, LA_K_FIRST_WINDOW + 2 * i + 1);
		counter->spent[i] = int64_of(row, LA_K_FIRST_SPENT + i);
	}
	counter->rolling = !row.nulls[LA_K_ROLLING_FREQUENCY];
	counter->rolling_frequency = row.values[LA_K_ROLLING_FREQUENCY];
	counter->rolling_since = int64_of(row, LA_K_ROLLING_SINCE);
	counter->rolling_spent = int64_of(row, LA_K_ROLLING_SPENT);
	counter->expires = !row.nulls[LA_K_NEXT_EXPIRY];
	counter->next_expiry = int64_of(row, LA_K_NEXT_EXPIRY);
	read_mark(&counter->exceeded, row, LA_K_EXCEEDED_WINDOW);
	read_mark(&counter->approaching, row, LA_K_APPROACHING_WINDOW);
	counter->version = int64_of(row, LA_K_VERSION);
	counter->sequence = int64_of(row, LA_K_SEQUENCE);
	counter->decided_at = int64_of(row, LA_K_DECIDED_AT);
	counter->total = int64_of(row, LA_K_TOTAL_SPENT);
	counter->auth_count = int64_of(row, LA_K_AUTH_COUNT);
	counter->use_count = int64_of(row, LA_K_USE_COUNT);
	counter->captured_amount = int64_of(row, LA_K_CAPTURED_AMOUNT);
	counter->captured_count = int64_of(row, LA_K_CAPTURED_COUNT);
	counter->entry_count = int64_of(row, LA_K_ENTRY_COUNT);
	counter->last_approved_at = instant_of(row, LA_K_LAST_APPROVED_AT);
	counter->attested_at = instant_of(row, LA_K_ATTESTED_AT);
	counter->intents_until = instant_of(row, LA_K_INTENTS_UNTIL);
	counter->first_merchant = row.nulls[LA_K_FIRST_MERCHANT] ? NULL
		: TextDatumGetCString(row.values[LA_K_FIRST_MERCHANT]);
}

void
la_counter_read(LaCounter *counter, Datum composite)
{
	Datum		values[LA_K_COLUMNS];
	bool		nulls[LA_K_COLUMNS];
	LaRow		row = {values, nulls};

	la_deform(composite, LA_K_COLUMNS, row);
	take(counter, row);
}

void
la_counter_take(LaCounter *counter, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[LA_K_COLUMNS];
	bool		nulls[LA_K_COLUMNS];
	LaRow		row = {values, nulls};

	if (desc->natts != LA_K_COLUMNS)
		elog(ERROR, "counters have %d columns, not %d", desc->natts, LA_K_COLUMNS);
	heap_deform_tuple(tuple, desc, values, nulls);
	take(counter, row);
}

static void
put(LaRow row, int column, Datum value, bool isnull)
{
	row.values[column] = value;
	row.nulls[column] = isnull;
}

static void
put_int64(LaRow row, int column, int64 value)
{
	put(row, column, Int64GetDatum(value), false);
}

/* Null where there is none yet. */
static void
put_amount(LaRow row, int column, int64 amount)
{
	put(row, column, Int64GetDatum(amount), amount == 0);
}

static void
put_instant(LaRow row, int column, TimestampTz instant)
{
	put(row, column, TimestampTzGetDatum(instant), instant == DT_NOBEGIN);
}

static void
put_mark(LaRow row, int first, const LaMark *mark)
{
	put(row, first, TimestampTzGetDatum(mark->window), !mark->set);
	put(row, first + 1, Int64GetDatum(mark->limit), !mark->set);
}

void
la_counter_put(const LaCounter *counter, Datum *values, bool *nulls)
{
	LaRow		row = {values, nulls};

	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
	{
		put(row, LA_K_FIRST_WINDOW + 2 * i, TimestampTzGetDatum(counter->windows[i].start), false);
		put(row, LA_K_FIRST_WINDOW + 2 * i + 1, TimestampTzGetDatum(counter->windows[i].end), false);
		put_int64(row, LA_K_FIRST_SPENT + i, counter->spent[i]);
	}
	put(row, LA_K_ROLLING_FREQUENCY, counter->rolling_frequency, !counter->rolling);
	put(row, LA_K_ROLLING_SINCE, TimestampTzGetDatum(counter->rolling_since), !counter->rolling);
	put(row, LA_K_ROLLING_SPENT, Int64GetDatum(counter->rolling_spent), !counter->rolling);
	put(row, LA_K_NEXT_EXPIRY, TimestampTzGetDatum(counter->next_expiry), !counter->expires);
	put_mark(row, LA_K_EXCEEDED_WINDOW, &counter->exceeded);
	put_mark(row, LA_K_APPROACHING_WINDOW, &counter->approaching);
	put_instant(row, LA_K_ATTESTED_AT, counter->attested_at);
	put_instant(row, LA_K_INTENTS_UNTIL, counter->intents_until);
	put_amount(row, LA_K_CAPTURED_AMOUNT, counter->captured_amount);
	put_amount(row, LA_K_CAPTURED_COUNT, counter->captured_count);
	put_amount(row, LA_K_ENTRY_COUNT, counter->entry_count);
	put_int64(row, LA_K_USE_COUNT, counter->use_count);
	put_int64(row, LA_K_VERSION, counter->version + 1);
	put_int64(row, LA_K_SEQUENCE, counter->sequence);
	put(row, LA_K_DECIDED_AT, TimestampTzGetDatum(counter->decided_at), false);
	put_instant(row, LA_K_LAST_APPROVED_AT, counter->last_approved_at);
	put_int64(row, LA_K_AUTH_COUNT, counter->auth_count);
	put_int64(row, LA_K_TOTAL_SPENT, counter->total);
	put(row, LA_K_FIRST_MERCHANT, (Datum) 0, counter->first_merchant == NULL);
	if (counter->first_merchant != NULL)
		values[LA_K_FIRST_MERCHANT] = CStringGetTextDatum(counter->first_merchant);
}

void
la_param_counter(LaParams *params, const LaCounter *counter)
{
	Datum		values[LA_K_COLUMNS];
	bool		nulls[LA_K_COLUMNS];

	la_counter_put(counter, values, nulls);
	la_param_int64(params, counter->version);
	for (int i = LA_K_FIRST_WINDOW; i < LA_K_COLUMNS; i++)
		if (i != LA_K_VERSION)
			la_param(params, values[i], nulls[i]);
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

#if LA_MUTANT != 230
		if (at < ended)
			continue;
#else
		if (at <= ended)
			continue;
#endif
		if (tz == NULL)
#if LA_MUTANT != 234
			tz = la_zone(zone, "timezone");
#else
			tz = la_zone("UTC", "timezone");
#endif
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
