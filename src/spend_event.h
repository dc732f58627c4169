/*
 * spend_event.h
 *		The events transaction.*, which an organization may ask for.
 */
#ifndef LA_SPEND_EVENT_H
#define LA_SPEND_EVENT_H

#include "postgres.h"

#include "settlement.h"
#include "spend.h"

/* A decision: authorized or declined; or spend that was recorded: completed. */
extern void la_tell_decided(LaBooks *books, const LaRequest *request, const LaDecision *decision,
							const pg_uuid_t *id);

/* A hold that has expired. */
extern void la_tell_expired(LaSettlement *settlement);

/* A capture, a reversal or a refund; answer is the authorization as it is now. */
extern void la_tell_entry(LaSettlement *settlement, Datum answer);

#endif							/* LA_SPEND_EVENT_H */
