/*
 * iso_time.h
 *		Instants and durations as ISO 8601 writes them.
 */
#ifndef LA_ISO_TIME_H
#define LA_ISO_TIME_H

#include "postgres.h"

#include "utils/timestamp.h"

/* YYYY-MM-DDThh:mm[:ss[.ffffff]], and Z or ±hh:mm; false: it is not that, or no such instant. */
extern bool la_read_instant(const char *at, TimestampTz *instant);

/* PnYnMnWnDTnHnMnS, at least one of them, seconds to the microsecond; false: it is not that, or too long. */
extern bool la_read_duration(const char *at, Interval *duration);

/* The same, without weeks; nothing at all is PT0S. */
extern char *la_duration_text(const Interval *duration);

/* Microseconds since the Unix epoch; false: infinite, or more than 64 bits can hold, as from 294247-01-10 on. */
extern bool la_unix_micros(TimestampTz at, int64 *micros);

/* So long after: days of 24 hours and months of 30 days, whatever the time zone.  Errors: 22008. */
extern TimestampTz la_after(TimestampTz at, const Interval *duration, const char *field);

#endif							/* LA_ISO_TIME_H */
