/*
 * intent.h
 *		Intents and attestations: what agents say before they spend.
 */
#ifndef LA_INTENT_H
#define LA_INTENT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "counter.h"
#include "document.h"
#include "field.h"
#include "principal.h"

/* Most intents of one agent that are open at a time. */
#define LA_MAX_OPEN_INTENTS 100

/* Most merchant category codes of an intent. */
#define LA_MAX_EXPECTED_MCCS 100

/* Longest time that an intent stays open, and the one where none is given, in minutes. */
#define LA_MAX_INTENT_TTL 1440
#define LA_DEFAULT_INTENT_TTL 30

/* Longest summary and reason, in characters. */
#define LA_MAX_SUMMARY 1000

/* No intent declared at that instant is open beyond this one: an approval starts its minutes anew, once. */
static inline TimestampTz
la_intent_bound(TimestampTz at, int32 ttl_minutes)
{
	return at + 2 * ttl_minutes * USECS_PER_MINUTE;
}

/* The common fields of an event about an intent_detail. */
extern void la_put_intent(LaDocument *data, const char *customer_id, Datum detail);

/* The event itself, for what a human or the caller did to it, or is asked. */
extern void la_tell_intent(const char *organization_id, const char *type, const char *customer_id,
						   Datum detail);

/* The event of one that is over. */
extern void la_tell_intent_expired(const char *organization_id, const char *customer_id,
								   Datum detail);

/* An intent under la_lock_intent(). */
typedef struct LaLockedIntent
{
	pg_uuid_t	id;
	pg_uuid_t	agent_id;
	char	   *customer_id;
	char	   *status;			/* expired by predicate included */
	bool		approved;		/* by a human, at some time */
	TimestampTz now;			/* the instant at which it was looked at */
} LaLockedIntent;

/*
 * Locks an intent against decisions and other changes of it, to the end of the
 * transaction; P0002 unless the caller may see it.
 */
extern void la_lock_intent(const LaPrincipal *caller, const pg_uuid_t *id,
						   LaLockedIntent *intent);

/* Refuses an amount of 0, and a merchant in which no letter or digit could be compared. */
extern void la_check_expectation(const LaField *fields, const LaValues *given, int amount,
								 int merchant);

#endif							/* LA_INTENT_H */
