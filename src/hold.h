/*
 * hold.h
 *		An authorization and what becomes of its money: states, verbs, amounts.
 *
 * Pure: no SQL, no clock.  A hold is made of parts: the authorization itself and
 * its approved increments, oldest first, each a row of its own that counts at
 * the instant at which it was decided.  Captures fill the parts from the oldest
 * on; what is given back comes from the newest.
 */
#ifndef LA_HOLD_H
#define LA_HOLD_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "utils/uuid.h"

/* In the order of the type authorization_status. */
typedef enum LaHoldStatus
{
	LA_HOLD_DECLINED,
	LA_HOLD_AUTHORIZED,
	LA_HOLD_PARTIALLY_CAPTURED,
	LA_HOLD_CAPTURED,
	LA_HOLD_REVERSED,
	LA_HOLD_EXPIRED,
	LA_HOLD_REFUNDED,
} LaHoldStatus;

extern LaHoldStatus la_hold_status(const char *label);
extern const char *la_hold_status_label(LaHoldStatus status);

/* In the order of the type entry_kind; the last is a capture with force. */
typedef enum LaHoldVerb
{
	LA_INCREMENT,
	LA_CAPTURE,
	LA_REVERSAL,
	LA_REFUND,
	LA_EXPIRY,
	LA_FORCED_CAPTURE,
} LaHoldVerb;

#define LA_HOLD_VERBS (LA_FORCED_CAPTURE + 1)

extern const char *la_verb_label(LaHoldVerb verb);	/* as an entry is labelled */

typedef struct LaPart
{
	pg_uuid_t	id;
	TimestampTz decided_at;
	int64		amount;
	int64		counted;
	int64		captured;
	int64		reversed;
	int64		refunded;

	/* What the verb does to the counters, in the window of decided_at. */
	int64		added;
	int64		released;
	bool		changed;
} LaPart;

/* Increments that one hold may have. */
#define LA_MAX_INCREMENTS 100

typedef struct LaHold
{
	pg_uuid_t	agent_id;
	bool		with_card;
	pg_uuid_t	card_id;
	char	   *currency;
	LaHoldStatus status;
	bool		expires;
	TimestampTz expires_at;
	int			nparts;
	LaPart	   *parts;
} LaHold;

/* An error (55000 invalid_state) unless the verb may be used on a hold in that state. */
extern void la_require_state(const LaHold *hold, LaHoldVerb verb);

/* Everything that was ever approved of it. */
extern int64 la_hold_authorized(const LaHold *hold);

/* What was asked for and not reversed. */
extern int64 la_hold_total(const LaHold *hold);

/* What is held: not captured, not given back. */
extern int64 la_hold_held(const LaHold *hold);

extern int64 la_hold_captured(const LaHold *hold);
extern int64 la_hold_refunded(const LaHold *hold);

/* Whether the hold has expired by that instant and nobody has taken note of it. */
extern bool la_hold_is_over(const LaHold *hold, TimestampTz at);

/*
 * The verbs.  Each changes the parts and the status, adds to what its parts have
 * added and released, and wants an amount that the caller has checked.
 */
extern void la_hold_capture(LaHold *hold, int64 amount, bool final);
extern void la_hold_reverse(LaHold *hold, int64 amount);
extern void la_hold_refund(LaHold *hold, int64 amount);
extern void la_hold_expire(LaHold *hold);

#endif							/* LA_HOLD_H */
