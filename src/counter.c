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

/* Hands out the columns of a row one after the other. */
typedef struct Reader
{
	LaRow		row;
	int			next;
}			Reader;

static int64
next_int64(Reader *reader, bool *isset)
{
	int			i = reader->next++;

	if (isset != NULL)
		*isset = !reader->row.nulls[i];
	return reader->row.nulls[i] ? 0 : DatumGetInt64(reader->row.values[i]);
}

static void
read_mark(Reader *reader, LaMark *mark)
{
	mark->window = next_int64(reader, &mark->set);
	mark->limit = next_int64(reader, NULL);
}

void
la_counter_read(LaCounter *counter, LaRow row, int first)
{
	Reader		reader = {row, first};

	counter->version = next_int64(&reader, NULL);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
	{
		counter->windows[i].start = next_int64(&reader, NULL);
		counter->windows[i].end = next_int64(&reader, NULL);
	}
	counter->rolling = !row.nulls[reader.next];
	if (counter->rolling)
		counter->rolling_frequency =
			la_frequency(TextDatumGetCString(row.values[reader.next]), "rolling_frequency");
	reader.next++;
	counter->rolling_since = next_int64(&reader, NULL);
	counter->rolling_spent = next_int64(&reader, NULL);
	counter->next_expiry = next_int64(&reader, &counter->expires);
	read_mark(&reader, &counter->exceeded);
	read_mark(&reader, &counter->approaching);
	counter->sequence = next_int64(&reader, NULL);
	counter->decided_at = next_int64(&reader, NULL);
	counter->total = next_int64(&reader, NULL);
	for (int i = 0; i < LA_CALENDAR_WINDOWS; i++)
		counter->spent[i] = next_int64(&reader, NULL);
	Assert(reader.next == first + LA_COUNTER_COLUMNS);
}

static void
param_mark(LaParams *params, const LaMark *mark)
{
	la_param(params, TimestampTzGetDatum(mark->window), !mark->set);
	la_param(params, Int64GetDatum(mark->limit), !mark->set);
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
	la_param_text(params, counter->rolling ? la_frequency_label(counter->rolling_frequency) : NULL);
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
}

void
la_counter_init(LaCounter *counter)
{
	memset(counter, 0, sizeof(LaCounter));
	counter->decided_at = DT_NOBEGIN;
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
