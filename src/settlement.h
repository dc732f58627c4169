/*
 * settlement.h
 *		What happens to a hold after the decision: locked, booked, told.
 */
#ifndef LA_SETTLEMENT_H
#define LA_SETTLEMENT_H

#include "postgres.h"

#include "fmgr.h"

#include "books.h"
#include "hold.h"
#include "principal.h"
#include "spend.h"

/* One entry of authorization_entries. */
typedef struct LaEntry
{
	pg_uuid_t	id;
	int64		number;
	LaHoldVerb	verb;
	bool		has_requested;
	int64		requested;		/* as the caller gave it */
	int64		amount;
	int64		added;
	int64		released;
	bool		forced;
	bool		final;
	const char *key;
} LaEntry;

/* A verb on its way. */
typedef struct LaSettlement
{
	LaBooks		books;
	pg_uuid_t	id;
	LaHold		hold;
	LaEntry		entry;
	int64		expired_amount; /* of which note was taken that it had expired */
	LaDecision	decision;		/* what a capture above the hold does to the
								 * agent's limit */
} LaSettlement;

/* The agent, the card and the currency of an authorization; 55000 for an increment, P0002. */
extern void la_find_hold(const LaPrincipal *caller, const pg_uuid_t *id, LaHold *hold);

/* Locks the parts of the hold, whose agent's books are open, to change what they count. */
extern void la_lock_hold(LaBooks *books, const pg_uuid_t *id, LaHold *hold);

/* The arguments that all verbs have: authorization_id, amount, and the key in its place. */
extern void la_read_entry(FunctionCallInfo fcinfo, LaEntry *entry, int key);

/* The answer to an earlier call with this key; 22023 idempotency_key_reused if that call was another one. */
extern bool la_find_entry(LaBooks *books, const pg_uuid_t *id, const LaEntry *entry, Datum *answer);

/* Writes the entry, whose number is that of the agent's counter. */
extern void la_write_entry(LaBooks *books, const pg_uuid_t *id, LaEntry *entry);

/* The same with the parts, whose hold had that status before; returns the authorization as it is then. */
extern Datum la_write_settled(LaSettlement *settlement, LaEntry *entry, LaHoldStatus before);

/*
 * Takes note that a hold has ended by itself, where it has and nobody did: in
 * its parts, the counters and an entry.  The caller has opened and measured the
 * books, and tells of it with la_tell_settled() when these are closed.
 */
extern bool la_expire_hold(LaSettlement *settlement);

/*
 * Closes the card of the books where captures do: a single one when its hold is
 * settled, any when they reach its cumulativeMax or maxAuthCount.
 */
extern void la_close_spent_card(LaBooks *books, bool settled, bool captured);

/* What follows, after the locks of the decision are given back. */
extern void la_tell_settled(LaSettlement *settlement, Datum answer);

#endif							/* LA_SETTLEMENT_H */
