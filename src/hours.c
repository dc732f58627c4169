/*
 * hours.c
 *		Active hours and days; see hours.h.
 */
#include "postgres.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "hours.h"
#include "window.h"

bool
la_is_active(const LaHours *hours, TimestampTz at)
{
	pg_tz	   *zone = la_zone(hours->zone, "activeTimezone");
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;
	int			day;

	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0)
		return false;
	day = j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday));
	if (hours->start >= 0 && hours->start < hours->end)
	{
		if (tm.tm_hour < hours->start || tm.tm_hour >= hours->end)
			return false;
	}
	else if (hours->start >= 0 && tm.tm_hour < hours->start)
	{
		if (tm.tm_hour >= hours->end)
			return false;
#if LA_MUTANT != 239
		day = (day + 6) % 7;
#endif
	}
	return hours->days == 0 || (hours->days & (1 << day)) != 0;
}

/* Offsets from UTC, and when they change, are whole quarters of an hour in every zone of today. */
#define QUARTER (15 * USECS_PER_MINUTE)

/* The one active hour of a week may fall into the gap of a change to summer time. */
#define MAX_QUARTERS (15 * HOURS_PER_DAY * 4)

TimestampTz
la_next_active(const LaHours *hours, TimestampTz at)
{
	TimestampTz quarter = at - at % QUARTER;

	if (quarter > at)			/* before 2000 the remainder is negative */
		quarter -= QUARTER;
	for (int i = 0; !la_is_active(hours, at); i++)
	{
		if (i == MAX_QUARTERS)
			elog(ERROR, "no hour is active");
		quarter += QUARTER;
		at = quarter;
	}
	return at;
}
