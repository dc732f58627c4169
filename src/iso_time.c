/*
 * iso_time.c
 *		Instants and durations as ISO 8601 writes them; see iso_time.h.
 *
 * Pure, and the same in every session: the server's own readers go by its
 * settings, and take much that is not ISO 8601.
 */
#include "postgres.h"

#include <ctype.h>

#include "common/int.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "errors.h"
#include "iso_time.h"

#define MINUTE_USECS (60 * USECS_PER_SEC)
#define HOUR_USECS (60 * MINUTE_USECS)

static bool
take(const char **at, char wanted)
{
	if (**at != wanted)
		return false;
	(*at)++;
	return true;
}

/* A number of least to most digits. */
static bool
take_number(const char **at, int least, int most, int64 *number)
{
	int			digits = 0;

	for (*number = 0; digits < most && isdigit((unsigned char) **at); digits++)
		*number = *number * 10 + *(*at)++ - '0';
	return digits >= least;
}

/* A point and up to six digits, if there is a point. */
static bool
take_fraction(const char **at, int64 *usecs)
{
	const char *first;

	*usecs = 0;
	if (!take(at, '.'))
		return true;
	first = *at;
	if (!take_number(at, 1, 6, usecs))
		return false;
	for (int digits = *at - first; digits < 6; digits++)
		*usecs *= 10;
	return true;
}

static bool
take_date(const char **at, int64 *days)
{
	int64		year;
	int64		month;
	int64		day;

	if (!take_number(at, 4, 4, &year) || !take(at, '-') || !take_number(at, 2, 2, &month) ||
		!take(at, '-') || !take_number(at, 2, 2, &day))
		return false;
#if LA_MUTANT != 277
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
#endif
	*days = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

static bool
take_clock(const char **at, int64 *usecs)
{
	int64		hour;
	int64		minute;
	int64		second = 0;
	int64		fraction = 0;

	if (!take_number(at, 2, 2, &hour) || !take(at, ':') || !take_number(at, 2, 2, &minute))
		return false;
	if (take(at, ':') && (!take_number(at, 2, 2, &second) || !take_fraction(at, &fraction)))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*usecs = hour * HOUR_USECS + minute * MINUTE_USECS + second * USECS_PER_SEC + fraction;
	return true;
}

/* How far the clock on the wall is ahead of UTC. */
static bool
take_zone(const char **at, int64 *usecs)
{
	bool		behind = **at == '-';
	int64		hours;
	int64		minutes;

	*usecs = 0;
	if (take(at, 'Z'))
		return true;
	if (!take(at, behind ? '-' : '+') || !take_number(at, 2, 2, &hours) || !take(at, ':') ||
		!take_number(at, 2, 2, &minutes) || hours > MAX_TZDISP_HOUR || minutes > 59)
		return false;
	*usecs = (behind ? -1 : 1) * (hours * HOUR_USECS + minutes * MINUTE_USECS);
	return true;
}

bool
la_read_instant(const char *at, TimestampTz *instant)
{
	int64		days;
	int64		clock;
	int64		ahead;

	if (!take_date(&at, &days) || !take(&at, 'T') || !take_clock(&at, &clock) ||
		!take_zone(&at, &ahead) || *at != '\0')
		return false;
	*instant = days * USECS_PER_DAY + clock - ahead;
	return true;
}

typedef struct Unit
{
	char		letter;
	int64		months;
	int64		days;
	int64		usecs;
} Unit;

/* The larger ones first, as they must be written. */
static const Unit date_units[] = {
	{'Y', .months = MONTHS_PER_YEAR}, {'M', .months = 1}, {'W', .days = 7}, {'D', .days = 1}
};

static const Unit clock_units[] = {
	{'H', .usecs = HOUR_USECS}, {'M', .usecs = MINUTE_USECS}, {'S', .usecs = USECS_PER_SEC}
};

/* Adds those of the units that come next, and returns how many do. */
static int
take_units(const char **at, const Unit *units, int count, Unit *total)
{
	int			found = 0;

	for (const Unit *unit = units; unit < units + count; unit++)
	{
		const char *next = *at;
		int64		number;
		int64		fraction;
		int64		usecs;

		/* Ten digits are what la_duration_text() may write. */
		if (!take_number(&next, 1, 10, &number) || !take_fraction(&next, &fraction) ||
			!take(&next, unit->letter))
			continue;
		if (unit->letter != 'S' && memchr(*at, '.', next - *at) != NULL)
			continue;
		if (pg_mul_s64_overflow(number, unit->usecs, &usecs) ||
			pg_add_s64_overflow(usecs, fraction, &usecs) ||
			pg_add_s64_overflow(usecs, total->usecs, &usecs))
			continue;
		*at = next;
		total->months += number * unit->months;
		total->days += number * unit->days;
		total->usecs = usecs;
		found++;
	}
	return found;
}

bool
la_read_duration(const char *at, Interval *duration)
{
	Unit		total = {0};
	int			dated;
	int			clocked = 0;
	bool		with_clock;

	if (!take(&at, 'P'))
		return false;
	dated = take_units(&at, date_units, lengthof(date_units), &total);
	with_clock = take(&at, 'T');
	if (with_clock)
		clocked = take_units(&at, clock_units, lengthof(clock_units), &total);
	if (*at != '\0' || dated + clocked == 0 || (with_clock && clocked == 0) ||
		total.months > PG_INT32_MAX || total.days > PG_INT32_MAX)
		return false;
	memset(duration, 0, sizeof(Interval));
	duration->month = total.months;
	duration->day = total.days;
	duration->time = total.usecs;
	return true;
}

static void
put_unit(StringInfo to, int64 number, char letter)
{
	if (number != 0)
		appendStringInfo(to, "%lld%c", (long long) number, letter);
}

static void
put_seconds(StringInfo to, int64 usecs)
{
	if (usecs % USECS_PER_SEC == 0)
	{
		put_unit(to, usecs / USECS_PER_SEC, 'S');
		return;
	}
	appendStringInfo(to, "%s%lld.%06lld", usecs < 0 ? "-" : "",
					 (long long) (usecs < 0 ? -usecs : usecs) / USECS_PER_SEC,
					 (long long) (usecs < 0 ? -usecs : usecs) % USECS_PER_SEC);
	while (to->data[to->len - 1] == '0')
		to->data[--to->len] = '\0';
	appendStringInfoChar(to, 'S');
}

char *
la_duration_text(const Interval *duration)
{
	StringInfoData to;

	initStringInfo(&to);
	appendStringInfoChar(&to, 'P');
	put_unit(&to, duration->month / MONTHS_PER_YEAR, 'Y');
	put_unit(&to, duration->month % MONTHS_PER_YEAR, 'M');
	put_unit(&to, duration->day, 'D');
	if (duration->time != 0)
		appendStringInfoChar(&to, 'T');
	put_unit(&to, duration->time / HOUR_USECS, 'H');
	put_unit(&to, duration->time % HOUR_USECS / MINUTE_USECS, 'M');
	put_seconds(&to, duration->time % MINUTE_USECS);
	if (to.len == 1)
		appendStringInfoString(&to, "T0S");
	return to.data;
}

bool
la_unix_micros(TimestampTz at, int64 *micros)
{
	const int64 epoch = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	return !TIMESTAMP_NOT_FINITE(at) && !pg_add_s64_overflow(at, epoch, micros);
}

/*
 * As intervals compare.  By the calendar the end would be another one for each
 * time zone of a session, and a positive duration could end before it begins.
 */
TimestampTz
la_after(TimestampTz at, const Interval *duration, const char *field)
{
	int64		days = (int64) duration->month * DAYS_PER_MONTH + duration->day;
	int64		result;

#if LA_MUTANT == 280
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(at),
												   IntervalPGetDatum(duration)));
#endif
	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &result) ||
		pg_add_s64_overflow(result, duration->time, &result) ||
		pg_add_s64_overflow(result, at, &result) ||
		!IS_VALID_TIMESTAMP(result))
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("%s is too long", field),
				la_detail("out_of_range", field, "It would end beyond all timestamps."));
	return result;
}
