/*
 * window.h
 *		Spending windows: what a frequency means on the calendar and on the clock.
 *
 * Pure: no SQL, no clock.  Instants are the server's TimestampTz (microseconds).
 */
#ifndef LA_WINDOW_H
#define LA_WINDOW_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"

/* The API's frequencies, in the order of the type spending_frequency. */
typedef enum LaFrequency
{
	LA_PER_TRANSACTION,
	LA_PER_24_HOURS,
	LA_PER_WEEK,
	LA_PER_MONTH,
	LA_PER_YEAR,
	LA_ALL_TIME,
} LaFrequency;

/* LA_MODE_DEFAULT: rolling for per24HourPeriod, calendar for all others. */
typedef enum LaWindowMode
{
	LA_MODE_DEFAULT,
	LA_CALENDAR,
	LA_ROLLING,
} LaWindowMode;

/* Half-open [start, end); DT_NOBEGIN and DT_NOEND where there is no bound. */
typedef struct LaWindow
{
	TimestampTz start;
	TimestampTz end;
} LaWindow;

/* Which of the labels of a type of ours it is; the catalog knows no others. */
extern int	la_label_number(const char *label, const char *const *labels, int count);

extern LaFrequency la_frequency(const char *label);
extern const char *la_frequency_label(LaFrequency frequency);
extern LaWindowMode la_window_mode(const char *label);	/* NULL: default */
extern const char *la_window_mode_label(LaWindowMode mode); /* NULL for default */

/* What LA_MODE_DEFAULT stands for with this frequency. */
extern LaWindowMode la_effective_mode(LaFrequency frequency, LaWindowMode mode);

/*
 * The zone of that name (one of pg_timezone_names, case-insensitive), or NULL.
 * POSIX strings ("FOO-12", "UTC+3") are not names.
 */
extern pg_tz *la_find_zone(const char *name);

/* As la_find_zone; an unknown name is a 22023 that names field. */
extern pg_tz *la_zone(const char *name, const char *field);

/* The local day, week (from Monday), month or year that contains at; all of time for the rest. */
extern LaWindow la_calendar_window(TimestampTz at, pg_tz *zone, LaFrequency frequency);

/* Microseconds of a rolling window: 24 h, 7 x 24 h, 30 x 24 h, 365 x 24 h. */
extern int64 la_rolling_length(LaFrequency frequency);

#endif							/* LA_WINDOW_H */
