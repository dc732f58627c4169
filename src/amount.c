/*
 * amount.c
 *		Checked arithmetic on money; see amount.h.
 */
#include "postgres.h"

#include "amount.h"
#include "errors.h"

int64
la_add(int64 a, int64 b)
{
	int64		sum;

#if LA_MUTANT == 273
	sum = (int64) ((uint64) a + (uint64) b);
	if (false)
#else
	if (pg_add_s64_overflow(a, b, &sum))
#endif
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("sum of amounts is out of range"),
				la_detail("amount_overflow", "amount",
						  "%lld and %lld together exceed the range of bigint.",
						  (long long) a, (long long) b));
	return sum;
}

int64
la_subtract(int64 a, int64 b)
{
	if (b < 0 || a < b)
		elog(ERROR, "cannot take %lld from a booked sum of %lld",
			 (long long) b, (long long) a);
	return a - b;
}

int32
la_percent(int64 spent, int64 limit)
{
	int64		percent;
	uint64		rest;
	uint64		part = 0;

	if (!pg_mul_s64_overflow(spent, 100, &percent))
		return (int32) Min(percent / limit, PG_INT32_MAX);

	/*
	 * A hundred times the rest in parts of the limit, a binary digit of the
	 * hundred at a time.
	 */
	rest = spent % limit;
	percent = 0;
	for (int digit = 64; digit > 0; digit /= 2)
	{
		percent *= 2;
		part *= 2;
		percent += part / limit;
		part = part % limit + ((100 & digit) != 0 ? rest : 0);
		percent += part / limit;
		part %= limit;
	}
	percent += 100 * Min(spent / limit, PG_INT32_MAX);
	return (int32) Min(percent, PG_INT32_MAX);
}
