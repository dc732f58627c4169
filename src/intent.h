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

/*
 * Fields of an intent.  The first LA_INTENT_COMPARED are what a repeated
 * declaration is compared by, in the order of LA_Q_INTENT_FIND; the codes are
 * given by la_give_mccs().
 */
enum
{
	LA_INTENT_CLIENT_ID, LA_INTENT_SUMMARY, LA_INTENT_AMOUNT, LA_INTENT_CURRENCY,
	LA_INTENT_MERCHANT, LA_INTENT_MCCS, LA_INTENT_TOLERANCE, LA_INTENT_PERCENT, LA_INTENT_TTL,
	LA_INTENT_COMPARED,
	LA_INTENT_METADATA = LA_INTENT_COMPARED, LA_INTENT_AGENT, LA_INTENT_CARD, LA_INTENT_FIELDS
};

extern const LaField la_intent_fields[LA_INTENT_FIELDS];

/* Takes a text[] (0: null) of merchant category codes: sorted, each once. */
extern void la_give_mccs(ArrayType *codes, LaValues *to);

/* Stores what is declared, or finds it stored: intent_detail. */
extern Datum la_declare(const LaPrincipal *caller, LaValues *given);

/* The common fields of an event about an intent_detail. */
extern void la_put_intent(LaDocument *data, const char *customer_id, Datum detail);

/* The event itself, for what a human or the caller did to it. */
extern void la_tell_intent(const LaPrincipal *caller, const char *type, const char *customer_id,
						   Datum detail);

/* The event of one that is over. */
extern void la_tell_intent_expired(const char *organization_id, const char *customer_id,
								   Datum detail);

/* The intent of that id or, with id NULL, of that agent and client's id; P0002. */
extern Datum la_find_intent(const LaPrincipal *caller, const pg_uuid_t *id,
							const pg_uuid_t *agent_id, const char *client_id);

/* A page of a list: each NULL means any, rows and where it begins. */
typedef struct LaIntentFilter
{
	const pg_uuid_t *agent_id;
	const pg_uuid_t *card_id;
	const char *status;
	int32		rows;
	const pg_uuid_t *before;
} LaIntentFilter;

extern const char *const la_intent_labels[];

/* The statement that lists what the caller may see of it, and its parameters. */
extern LaQuery la_param_intents(LaParams *params, const LaPrincipal *caller,
								const LaIntentFilter *filter);

/* What can be done to an open intent. */
typedef enum LaResolution
{
	LA_APPROVE,
	LA_REJECT,
	LA_CANCEL,
} LaResolution;

extern Datum la_resolve_intent(const LaPrincipal *caller, const pg_uuid_t *id,
							   LaResolution resolution, const char *reason);

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

/* Fields of an attestation. */
enum
{
	LA_ATTESTATION_SUMMARY, LA_ATTESTATION_AMOUNT, LA_ATTESTATION_MERCHANT,
	LA_ATTESTATION_CONTEXT, LA_ATTESTATION_STORED,
	LA_ATTESTATION_AGENT = LA_ATTESTATION_STORED, LA_ATTESTATION_CARD, LA_ATTESTATION_FIELDS
};

extern const LaField la_attestation_fields[LA_ATTESTATION_FIELDS];

/* Stores an attestation: attestation_detail. */
extern Datum la_record_attestation(const LaPrincipal *caller, LaValues *given);

/* Refuses an amount of 0, and a merchant in which no letter or digit could be compared. */
extern void la_check_expectation(const LaField *fields, const LaValues *given, int amount,
								 int merchant);

#endif							/* LA_INTENT_H */
