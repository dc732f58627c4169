/*
 * hours.h
 *		Active hours and days.
 *
 * Pure: no SQL, no clock.
 */
#ifndef LA_HOURS_H
#define LA_HOURS_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef struct LaHours
{
	int			start;			/* 0..23, -1: the whole day */
	int			end;			/* exclusive; before start: of the next day */
	int			days;			/* bits, Sunday the lowest; 0: every day */
	const char *zone;
} LaHours;

/* A span over midnight belongs to the day it began. */
extern bool la_is_active(const LaHours *hours, TimestampTz at);

/* The first active instant from at on; there is one within two weeks. */
extern TimestampTz la_next_active(const LaHours *hours, TimestampTz at);

#endif							/* LA_HOURS_H */
