/*
 * amount.h
 *		Arithmetic on money: always checked, never floating point.
 *
 * The server is built with -fwrapv, so that an unchecked sum of two amounts
 * would wrap around and pass a limit.
 */
#ifndef LA_AMOUNT_H
#define LA_AMOUNT_H

#include "postgres.h"

#include "common/int.h"

/* a + b; 22003 amount_overflow when it does not fit. */
extern int64 la_add(int64 a, int64 b);

/* a - b, for b <= a only: what is booked is never negative (XX000). */
extern int64 la_subtract(int64 a, int64 b);

/* What is left of a limit: never negative, also when more is spent. */
static inline int64
la_remaining(int64 limit, int64 spent)
{
	return spent >= limit ? 0 : limit - spent;
}

/* Whole percent of limit that spent is, rounded down, at most INT32_MAX; limit > 0. */
extern int32 la_percent(int64 spent, int64 limit);

#endif							/* LA_AMOUNT_H */
