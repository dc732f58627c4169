/*
 * intent.h
 *		Intents, for the decision.
 */
#ifndef LA_INTENT_H
#define LA_INTENT_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Open intents that an agent may have at once. */
#define LA_MAX_OPEN_INTENTS 100

/* Minutes that an intent is open where it says nothing else. */
#define LA_INTENT_TTL 30

/* No intent declared at that instant is open beyond this one: an approval starts its minutes anew, once. */
static inline TimestampTz
la_intent_bound(TimestampTz at, int32 ttl_minutes)
{
	return at + 2 * ttl_minutes * USECS_PER_MINUTE;
}

#endif							/* LA_INTENT_H */
