/*
 * fault.c
 *		Failing on purpose; see fault.h.
 *
 * A test says which of the next places that are passed is to fail, and how; the
 * failure happens once.  The functions are no part of the extension: the test
 * creates them.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "fault.h"

#ifdef LA_FAULT

PG_FUNCTION_INFO_V1(la_arm_fault);
PG_FUNCTION_INFO_V1(la_disarm_fault);

/* The error's own SQLSTATE, which nothing else raises. */
#define ERRCODE_FAULT MAKE_SQLSTATE('L', 'A', 'F', '0', '1')

static int	places_left = 0;	/* 0: none will fail */
static bool cancels = false;
static const char *failed = NULL;	/* where it failed */

/*
 * arm_fault(place integer, cancels boolean) returns void
 *		Lets the place of that number fail, counted from here: by an error, or by
 *		the query's cancel.
 */
Datum
la_arm_fault(PG_FUNCTION_ARGS)
{
	places_left = PG_GETARG_INT32(0);
	cancels = PG_GETARG_BOOL(1);
	failed = NULL;
	PG_RETURN_VOID();
}

/*
 * disarm_fault() returns text
 *		Lets nothing fail any more, and tells where it has; null: nowhere.
 */
Datum
la_disarm_fault(PG_FUNCTION_ARGS)
{
	places_left = 0;
	if (failed == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(failed));
}

void
la_fault(const char *place)
{
	if (places_left == 0 || --places_left > 0)
		return;
	failed = place;
	if (cancels)
	{
		QueryCancelPending = true;
		InterruptPending = true;
		CHECK_FOR_INTERRUPTS();
	}
	ereport(ERROR,
			errcode(ERRCODE_FAULT),
			errmsg("failing on purpose: %s", place));
}

#endif
