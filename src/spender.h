/*
 * spender.h
 *		The agent that says something about its spending, and its locks.
 */
#ifndef LA_SPENDER_H
#define LA_SPENDER_H

#include "postgres.h"

#include "field.h"
#include "principal.h"

typedef struct LaSpender
{
	pg_uuid_t	agent_id;
	const pg_uuid_t *card_id;	/* NULL: none is named */
	LaValues	agent;			/* as la_read_agent() gives it */
	bool		card_closed;
	uint64		key;
	bool		newly_queued;
} LaSpender;

/*
 * Finds the agent that is meant (NULL: the token's, else the card's) and takes
 * its queue, the row of a counter (the card's where by_card is set and one is
 * named, else the agent's), and the configuration lock, shared.  P0002 unless
 * the caller may see both, and the card is the agent's.
 */
extern void la_open_spender(LaSpender *spender, const LaPrincipal *caller,
							const pg_uuid_t *agent_id, const pg_uuid_t *card_id, bool by_card);

/* 55000 when the agent is deregistered or the card closed. */
extern void la_require_active(const LaSpender *spender);

/* Gives the configuration lock back; and the queue, where there are too many. */
extern void la_close_spender(const LaSpender *spender);

#endif							/* LA_SPENDER_H */
