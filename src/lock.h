/*
 * lock.h
 *		Heavyweight locks of our own: who waits for whom, and for how long.
 *
 * Three kinds, all advisory locks in a number space of ours:
 *
 *	queue			a decision holds its agent's exclusively to the end of its
 *					transaction (and those of its customer and organization,
 *					where these have a limit).  Waiting happens here, in turn:
 *					for being next, and who is next for the queue; a newcomer
 *					goes first only while it is free and whoever is next has
 *					not woken yet.  Row locks and versions are the truth; this
 *					is the order.
 *	configuration	a decision holds those of its organization, customer and
 *					agent shared, and only while it decides; what changes
 *					configuration holds its level's exclusively to commit.  So
 *					a change waits for decisions in progress and for nothing
 *					else, and nothing is decided against the old state once the
 *					change has committed.
 *	history			held shared to the end by what has changed what counts: an
 *					approval or a settlement holds its agent's (or, beyond some
 *					number, its organization's), a registration its
 *					organization's.  Whoever sums up what was spent waits for
 *					the holders, without stopping newcomers.
 */
#ifndef LA_LOCK_H
#define LA_LOCK_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

typedef enum LaLevel
{
	LA_LEVEL_AGENT,
	LA_LEVEL_CUSTOMER,
	LA_LEVEL_ORGANIZATION,
	LA_LEVEL_EXTERNAL_ID,
	LA_LEVEL_ANSWER,
} LaLevel;

/* Agents whose queue and history locks a transaction keeps; beyond it queues are left and the organization's history is held. */
#define LA_MAX_QUEUES 500

/* Puts ledger_agents.lock_timeout in force for the rest of the calling SQL function. */
extern void la_limit_waiting(void);

/* To be called before a wait that is not one of the locks below. */
extern void la_wait_patiently(void);

/* Several waits are one: sets what is left of a lock_timeout, in milliseconds, since then; 55P03 when nothing is. */
extern void la_wait_no_longer(TimestampTz begun, int timeout);

/* The number under which (organization, id) is locked; the same for all sessions of this server, and for nobody to foresee. */
extern uint64 la_lock_key(const char *organization_id, const void *id, int length);

/* True: the transaction did not hold it before. */
extern bool la_queue(LaLevel level, uint64 key);

/* False: it would have to wait.  newly is what la_queue() returns; then it can be given back, whatever the number. */
extern bool la_try_queue(LaLevel level, uint64 key, bool *newly);
extern void la_give_back_queue(LaLevel level, uint64 key);

/* The call began in a transaction that had done nothing yet. */
extern bool la_is_alone(void);

/* The transaction holds more of them than it may keep. */
extern bool la_queues_are_full(void);

/* Gives a queue lock that the same call took back, where the transaction holds too many. */
extern void la_leave_queue(LaLevel level, uint64 key);

extern bool la_try_configuration(LaLevel level, uint64 key);	/* false: it would have
																 * to wait */
extern void la_share_configuration(LaLevel level, uint64 key);
extern void la_release_configuration(LaLevel level, uint64 key);
extern void la_change_configuration(LaLevel level, uint64 key);
extern bool la_try_change_configuration(LaLevel level, uint64 key); /* false: it would have
																	 * to wait */
extern void la_leave_configuration(LaLevel level, uint64 key);	/* changed nothing after
																 * all */

/* History of an agent that this transaction has spent for; of an organization it has registered in. */
extern void la_share_history(LaLevel level, uint64 key);

/* Transactions of others that hold it: whether there are any, and waiting until these have ended. */
extern bool la_has_history(LaLevel level, uint64 key);
extern void la_await_history(LaLevel level, uint64 key);

#endif							/* LA_LOCK_H */
