/*
 * numbers.c
 *		Targets: calendar windows, and checked arithmetic on amounts.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/timestamp.h"

#include "amount.h"
#include "fuzz.h"
#include "window.h"

#define MINUTE 60
#define DAY (24 * 60 * 60)
#define EPOCH (INT64CONST(946684800))	/* 2000-01-01, in Unix time */

static const char *const zones[] = {
	"UTC", "Europe/Berlin", "America/New_York", "America/Havana", "Atlantic/Azores", "Africa/Cairo", "Asia/Beirut",
	"America/Santiago", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kwajalein",
	"America/St_Johns", "Africa/Casablanca", "Antarctica/Troll", "America/Sao_Paulo", "Asia/Tehran", "Asia/Gaza",
	"America/Scoresbysund", "Europe/Dublin", "America/Juneau", "Asia/Manila", "Africa/Monrovia", "Europe/Amsterdam",
	"Pacific/Kiritimati", "America/Adak", "Asia/Pyongyang", "America/Caracas", "Australia/Eucla"
};

/* Days since 1970-01-01 of a date, by counting years and months. */
static int64
days_of(int year, int month)
{
	static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int64		days = 0;

	for (int i = 1970; i < year; i++)
		days += (i % 4 == 0 && (i % 100 != 0 || i % 400 == 0)) ? 366 : 365;
	for (int i = year; i < 1970; i++)
		days -= (i % 4 == 0 && (i % 100 != 0 || i % 400 == 0)) ? 366 : 365;
	days += before[month - 1];
	if (month > 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		days++;
	return days;
}

/* The date on the zone's clock then, as days since 1970-01-01. */
static int64
date_at(int64 instant, pg_tz *zone, struct pg_tm *clock)
{
	pg_time_t	time = instant;

	*clock = *pg_localtime(&time, zone);
	return days_of(clock->tm_year + 1900, clock->tm_mon + 1) + clock->tm_mday - 1;
}

/* The first instant whose date is that one or later: minute by minute, then second by second. */
static int64
start_of(int64 date, pg_tz *zone)
{
	struct pg_tm clock;
	int64		instant = date * DAY - DAY - 2 * 60 * MINUTE;

	while (date_at(instant, zone, &clock) < date)
		instant += MINUTE;
	instant -= MINUTE;
	while (date_at(instant, zone, &clock) < date)
		instant++;
	return instant;
}

/* The window's first date that is no later, and that of the next window. */
static void
dates_of(int64 date, LaFrequency frequency, const struct pg_tm *clock, int64 *first, int64 *next)
{
	int			year = clock->tm_year + 1900;
	int			month = clock->tm_mon + 1;

	*first = date;
	*next = date + 1;
	if (frequency == LA_PER_WEEK)
	{
		/* 1970-01-01 was a Thursday. */
		while ((*first % 7 + 7) % 7 != 4)
			(*first)--;
		*next = *first + 7;
	}
	else if (frequency == LA_PER_MONTH)
	{
		*first = days_of(year, month);
		*next = month == 12 ? days_of(year + 1, 1) : days_of(year, month + 1);
	}
	else if (frequency == LA_PER_YEAR)
	{
		*first = days_of(year, 1);
		*next = days_of(year + 1, 1);
	}
}

/*
 * An instant belongs to the window of the latest date that any clock before or
 * then has shown: that of now, unless the clock went back to yesterday.
 */
void
fuzz_window(Input *input)
{
	pg_tz	   *zone = la_zone(zones[take_byte(input) % lengthof(zones)], "zone");
	LaFrequency frequency = LA_PER_24_HOURS + take_byte(input) % 4;
	uint64		number = (uint64) take_int64(input);

	/* From 1900 to 2100. */
	int64		usecs = (int64) (number % (UINT64CONST(200) * 36525 / 100 * DAY * USECS_PER_SEC)) - INT64CONST(100) * 36525 / 100 * DAY * USECS_PER_SEC;
	LaWindow	window = la_calendar_window(usecs, zone, frequency);
	int64		second = (usecs - (usecs % USECS_PER_SEC + USECS_PER_SEC) % USECS_PER_SEC) / USECS_PER_SEC + EPOCH;
	struct pg_tm clock;
	int64		date = date_at(second, zone, &clock);
	int64		first;
	int64		next;

	if (start_of(date + 1, zone) <= second)
	{
		/* It has gone back: of the day that had begun. */
		date++;
		clock.tm_mday++;
		if (days_of(clock.tm_year + 1900, clock.tm_mon + 1) + clock.tm_mday - 1 ==
			(clock.tm_mon == 11 ? days_of(clock.tm_year + 1901, 1) : days_of(clock.tm_year + 1900, clock.tm_mon + 2)))
		{
			clock.tm_year += clock.tm_mon == 11;
			clock.tm_mon = (clock.tm_mon + 1) % 12;
		}
	}
	dates_of(date, frequency, &clock, &first, &next);
	if (window.start != (start_of(first, zone) - EPOCH) * USECS_PER_SEC ||
		window.end != (start_of(next, zone) - EPOCH) * USECS_PER_SEC)
		wrong("%s, %s, " INT64_FORMAT ": the window is " INT64_FORMAT " to " INT64_FORMAT ", not " INT64_FORMAT " to " INT64_FORMAT,
			  pg_get_timezone_name(zone), la_frequency_label(frequency), usecs, window.start, window.end,
			  (start_of(first, zone) - EPOCH) * USECS_PER_SEC, (start_of(next, zone) - EPOCH) * USECS_PER_SEC);
	if (window.start > usecs || window.end <= usecs)
		wrong("the instant is outside");
}

typedef struct Sum
{
	int64		a;
	int64		b;
	int64		result;
} Sum;

static void
add(void *what)
{
	Sum		   *sum = what;

	sum->result = la_add(sum->a, sum->b);
}

static void
subtract(void *what)
{
	Sum		   *sum = what;

	sum->result = la_subtract(sum->a, sum->b);
}

/* Once more in twice as many bits. */
void
fuzz_amount(Input *input)
{
	Sum			sum = {take_int64(input), take_int64(input)};
	__int128	exact = (__int128) sum.a + sum.b;
	bool		fits = exact >= PG_INT64_MIN && exact <= PG_INT64_MAX;
	int			sqlstate = sqlstate_of(add, &sum);

	if (sqlstate != (fits ? 0 : ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE) || (fits && sum.result != exact))
		wrong(INT64_FORMAT " + " INT64_FORMAT " is " INT64_FORMAT, sum.a, sum.b, sum.result);
	sqlstate = sqlstate_of(subtract, &sum);
	if ((sqlstate == 0) != (sum.b >= 0 && sum.a >= sum.b) || (sqlstate == 0 && sum.result != (__int128) sum.a - sum.b))
		wrong(INT64_FORMAT " - " INT64_FORMAT " is " INT64_FORMAT, sum.a, sum.b, sum.result);
	if (sum.a >= 0 && sum.b > 0)
	{
		__int128	percent = (__int128) sum.a * 100 / sum.b;
		__int128	told = la_percent(sum.a, sum.b);

		if (percent > PG_INT32_MAX)
			percent = PG_INT32_MAX;
		if (told != percent)
			wrong(INT64_FORMAT " of " INT64_FORMAT " is %d percent", sum.a, sum.b, (int) told);
	}
}
