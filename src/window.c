/*
 * window.c
 *		Spending windows: what a frequency means on the calendar and on the clock.
 *
 * A local day begins at the first instant at which the zone's clock shows that
 * date or a later one, and lasts until the next day begins.  Weeks, months and
 * years begin with their first day.  Hence windows tile: each instant is in
 * exactly one, none begins after an instant it contains, and
 *		- where a spring change skips midnight, the day begins with the change;
 *		- where an autumn change shows midnight twice, it begins at the first;
 *		- where an autumn change returns from a date to the one before (00:01 to
 *		  23:01), the new day has begun and stays: a window is never reopened;
 *		- a date that a zone skipped (a move over the date line) has no window.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "common/int.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "window.h"

#define UNIX_TO_POSTGRES_SECONDS \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

#define out_of_range() \
	ereport(ERROR, \
			errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), \
			errmsg("the window is out of range"), \
			la_detail("instant_out_of_range", "at", \
					  "A bound of the window that contains the instant is beyond the range of timestamptz."))

/* What one call site of window_of() was called with last; lives as long as its query. */
typedef struct WindowCall
{
	TupleDesc	result;
	Oid			frequency_oid;
	LaFrequency frequency;
	Oid			mode_oid;
	LaWindowMode mode;
	pg_tz	   *zone;			/* NULL: none yet */
	char		zone_name[TZ_STRLEN_MAX + 1];
} WindowCall;

static WindowCall *get_call(FunctionCallInfo fcinfo);
static void read_arguments(FunctionCallInfo fcinfo, WindowCall *call);
static void refuse_null(FunctionCallInfo fcinfo, int argument, const char *field);
static void refuse_infinite(TimestampTz at);
static LaWindow window_of(TimestampTz at, const WindowCall *call);
static int	local_date(TimestampTz at, pg_tz *zone);
static int	first_date(int date, LaFrequency frequency);
static int	next_first_date(int first, LaFrequency frequency);
static TimestampTz date_start(int date, pg_tz *zone);

static const char *const frequency_labels[] = {
	[LA_PER_TRANSACTION] = "perTransaction",
	[LA_PER_24_HOURS] = "per24HourPeriod",
	[LA_PER_WEEK] = "perWeek",
	[LA_PER_MONTH] = "perMonth",
	[LA_PER_YEAR] = "perYear",
	[LA_ALL_TIME] = "allTime",
};

static const char *const mode_labels[] = {
	[LA_MODE_DEFAULT] = NULL,
	[LA_CALENDAR] = "calendar",
	[LA_ROLLING] = "rolling",
};

/*
 * ledger_agents.window_of(at timestamptz, timezone text,
 *		frequency spending_frequency, mode window_mode,
 *		OUT window_start timestamptz, OUT window_end timestamptz)
 *
 * The window that contains at; nulls for perTransaction, which has none.
 */
PG_FUNCTION_INFO_V1(la_window_of);
Datum
la_window_of(PG_FUNCTION_ARGS)
{
	WindowCall *call = get_call(fcinfo);
	bool		nulls[2] = {false, false};
	Datum		values[2];
	TimestampTz at;
	LaWindow	window;

	refuse_null(fcinfo, 0, "at");
	refuse_null(fcinfo, 1, "timezone");
	refuse_null(fcinfo, 2, "frequency");

	at = PG_GETARG_TIMESTAMPTZ(0);
	refuse_infinite(at);
	read_arguments(fcinfo, call);

	window = window_of(at, call);
	values[0] = TimestampTzGetDatum(window.start);
	values[1] = TimestampTzGetDatum(window.end);
	nulls[0] = nulls[1] = (call->frequency == LA_PER_TRANSACTION);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(call->result, values, nulls)));
}

static WindowCall *
get_call(FunctionCallInfo fcinfo)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	WindowCall *call = flinfo->fn_extra;
	MemoryContext caller;

	if (call != NULL)
		return call;

	caller = MemoryContextSwitchTo(flinfo->fn_mcxt);
	call = palloc0(sizeof(WindowCall));
	if (get_call_result_type(fcinfo, NULL, &call->result) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "result of window_of is not a row");
	BlessTupleDesc(call->result);
	MemoryContextSwitchTo(caller);

	flinfo->fn_extra = call;
	return call;
}

static char *
enum_label(Oid value)
{
	return DatumGetCString(DirectFunctionCall1(enum_out, ObjectIdGetDatum(value)));
}

/* Labels and zones are looked up only when they differ from the last call's. */
static void
read_arguments(FunctionCallInfo fcinfo, WindowCall *call)
{
	text	   *zone = PG_GETARG_TEXT_PP(1);
	Oid			frequency = PG_GETARG_OID(2);
	Oid			mode = PG_ARGISNULL(3) ? InvalidOid : PG_GETARG_OID(3);
	int			length = VARSIZE_ANY_EXHDR(zone);

	if (call->zone == NULL ||
		strlen(call->zone_name) != length ||
		memcmp(call->zone_name, VARDATA_ANY(zone), length) != 0)
	{
		char	   *name = text_to_cstring(zone);

		call->zone = la_zone(name, "timezone");
		strlcpy(call->zone_name, name, sizeof(call->zone_name));
	}
	if (call->frequency_oid != frequency)
	{
		call->frequency = la_frequency(enum_label(frequency));
		call->frequency_oid = frequency;
	}
	if (call->mode_oid != mode)
	{
		call->mode = la_window_mode(OidIsValid(mode) ? enum_label(mode) : NULL);
		call->mode_oid = mode;
	}
}

static void
refuse_null(FunctionCallInfo fcinfo, int argument, const char *field)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be null", field),
				la_detail("null_value", field,
						  "A window needs an instant, a time zone and a frequency."));
}

static void
refuse_infinite(TimestampTz at)
{
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("at must be finite"),
				la_detail("instant_out_of_range", "at", "The instant is %s.",
						  TIMESTAMP_IS_NOBEGIN(at) ? "-infinity" : "infinity"));
}

static LaWindow
window_of(TimestampTz at, const WindowCall *call)
{
	LaWindow	window;

	if (call->frequency == LA_PER_TRANSACTION || call->frequency == LA_ALL_TIME ||
		la_effective_mode(call->frequency, call->mode) == LA_CALENDAR)
		return la_calendar_window(at, call->zone, call->frequency);

	window.end = at;
	/* The first instant is far from the least integer. */
	window.start = at - la_rolling_length(call->frequency);
	if (window.start < MIN_TIMESTAMP)
		out_of_range();
	return window;
}

int
la_label_number(const char *label, const char *const *labels, int count)
{
	int			i = 0;

	while (strcmp(label, labels[i]) != 0)
		if (++i == count)
			elog(ERROR, "label \"%s\" is not known", label);
	return i;
}

LaFrequency
la_frequency(const char *label)
{
	return (LaFrequency) la_label_number(label, frequency_labels, lengthof(frequency_labels));
}

const char *
la_frequency_label(LaFrequency frequency)
{
	return frequency_labels[frequency];
}

LaWindowMode
la_window_mode(const char *label)
{
	if (label == NULL)
		return LA_MODE_DEFAULT;
	return (LaWindowMode) (LA_CALENDAR + la_label_number(label, mode_labels + LA_CALENDAR,
														 lengthof(mode_labels) - LA_CALENDAR));
}

const char *
la_window_mode_label(LaWindowMode mode)
{
	return mode_labels[mode];
}

LaWindowMode
la_effective_mode(LaFrequency frequency, LaWindowMode mode)
{
	if (mode != LA_MODE_DEFAULT)
		return mode;
	return frequency == LA_PER_24_HOURS ? LA_ROLLING : LA_CALENDAR;
}

/*
 * The set is of canonical names, and filled once in the life of a backend.  It
 * stays as it is if filling it is interrupted, and is filled up the next time.
 */
static bool
is_listed(const char *canonical)
{
	static HTAB *names = NULL;
	static bool complete = false;

	if (names == NULL)
	{
		HASHCTL		shape = {0};

		shape.keysize = shape.entrysize = TZ_STRLEN_MAX + 1;
		shape.hcxt = TopMemoryContext;
		names = hash_create("ledger_agents time zones", 1024, &shape,
							HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	}
	if (!complete)
	{
		pg_tzenum  *list = pg_tzenumerate_start();
		pg_tz	   *zone;

		while ((zone = pg_tzenumerate_next(list)) != NULL)
			(void) hash_search(names, pg_get_timezone_name(zone), HASH_ENTER, NULL);
		pg_tzenumerate_end(list);
		complete = true;
	}
	return hash_search(names, canonical, HASH_FIND, NULL) != NULL;
}

/*
 * pg_tzset() takes POSIX strings too and keeps those in upper case, where a
 * zone has its file's spelling.  So a lower-case letter tells a zone, and only
 * the few others (UTC apart, everybody's default) are worth reading the whole
 * list for, which takes some 50 ms.
 */
pg_tz *
la_find_zone(const char *name)
{
	pg_tz	   *zone = pg_tzset(name);
	const char *canonical;

	if (zone == NULL || !pg_tz_acceptable(zone))
		return NULL;

	canonical = pg_get_timezone_name(zone);
	if (strpbrk(canonical, "abcdefghijklmnopqrstuvwxyz") != NULL ||
		strcmp(canonical, "UTC") == 0 ||
		is_listed(canonical))
		return zone;
	return NULL;
}

pg_tz *
la_zone(const char *name, const char *field)
{
	pg_tz	   *zone = la_find_zone(name);

	if (zone == NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unknown time zone \"%s\"", la_quoted(name)),
				la_detail("invalid_timezone", field,
						  "A time zone is a name such as UTC or Europe/Berlin; offsets and POSIX strings are not accepted."),
				errhint("The names are in pg_timezone_names."));
	return zone;
}

LaWindow
la_calendar_window(TimestampTz at, pg_tz *zone, LaFrequency frequency)
{
	LaWindow	window = {DT_NOBEGIN, DT_NOEND};
	int			next;

	if (frequency == LA_PER_TRANSACTION || frequency == LA_ALL_TIME)
		return window;

	next = first_date(local_date(at, zone), frequency);
	window.end = date_start(next, zone);
	do
	{
		/* Again only if the clock went back to a date before at's window. */
		next = next_first_date(next, frequency);
		window.start = window.end;
		window.end = date_start(next, zone);
	} while (window.end <= at
#if LA_MUTANT == 275
			 && false
#endif
		);

	Assert(window.start <= at);
	return window;
}

/* The date on the zone's clock, as a Julian day. */
static int
local_date(TimestampTz at, pg_tz *zone)
{
	struct pg_tm local;
	fsec_t		fraction;
	int			offset;

	Assert(!TIMESTAMP_NOT_FINITE(at));
	/* It knows every instant that a timestamptz can have. */
	if (timestamp2tm(at, &offset, &local, &fraction, NULL, zone) != 0)
		elog(ERROR, "the instant has no date");
	return date2j(local.tm_year, local.tm_mon, local.tm_mday);
}

static int
first_date(int date, LaFrequency frequency)
{
	int			year;
	int			month;
	int			day;

	j2date(date, &year, &month, &day);
	switch (frequency)
	{
		case LA_PER_WEEK:
			return date - (j2day(date) + 6) % 7;
		case LA_PER_MONTH:
			return date2j(year, month, 1);
		case LA_PER_YEAR:
			return date2j(year, 1, 1);
		default:
			return date;
	}
}

static int
next_first_date(int first, LaFrequency frequency)
{
	int			year;
	int			month;
	int			day;

	j2date(first, &year, &month, &day);
	switch (frequency)
	{
		case LA_PER_WEEK:
			return first + 7;
		case LA_PER_MONTH:
			return month < 12 ? date2j(year, month + 1, 1) : date2j(year + 1, 1, 1);
		case LA_PER_YEAR:
			return date2j(year + 1, 1, 1);
		default:
			return first + 1;
	}
}

/*
 * The first instant whose local date is this one or a later one.  No offset
 * reaches a day, so the search starts a day before midnight in UTC and goes
 * from one change of the zone's clock to the next.
 */
static TimestampTz
date_start(int date, pg_tz *zone)
{
	pg_time_t	midnight = (pg_time_t) (date - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	pg_time_t	since = midnight - SECS_PER_DAY;
	pg_time_t	start;

	for (;;)
	{
		long int	offset;
		long int	offset_after;
		int			is_dst;
		pg_time_t	change;
		int			found;

		found = pg_next_dst_boundary(&since, &offset, &is_dst,
									 &change, &offset_after, &is_dst, zone);
		if (found < 0)
			elog(ERROR, "zone has no offset");
		start = Max(since, midnight - offset);
		if (found == 0 || start < change)
			break;
		since = change;
	}

	start -= UNIX_TO_POSTGRES_SECONDS;
	if (start < MIN_TIMESTAMP / USECS_PER_SEC || start >= END_TIMESTAMP / USECS_PER_SEC)
		out_of_range();
	return start * USECS_PER_SEC;
}

int64
la_rolling_length(LaFrequency frequency)
{
	static const int days[] = {
		[LA_PER_24_HOURS] = 1,[LA_PER_WEEK] = 7,[LA_PER_MONTH] = 30,[LA_PER_YEAR] = 365
	};

	Assert(frequency < lengthof(days) && days[frequency] > 0);
	return days[frequency] * USECS_PER_DAY;
}
