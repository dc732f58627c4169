/*
 * module.h
 *		Settings, the engine's clock, version 7 uuids.
 */
#ifndef LA_MODULE_H
#define LA_MODULE_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "utils/resowner.h"
#include "utils/uuid.h"

/* ledger_agents.organization: the organization of calls that name none. */
extern char *la_organization_setting;

/* ledger_agents.lock_timeout: milliseconds that a call may wait for a lock; 0: the server's own. */
extern int	la_lock_timeout;

/* ledger_agents.direct_access: rows of decisions may be read and written without statements. */
extern bool la_direct_access;

/* ledger_agents.allow_drop: tables with money in them may be dropped. */
extern bool la_allow_drop;

/* Now, by the wall clock or by ledger_agents.clock. */
extern TimestampTz la_now(void);

/* Now, or that instant where the clock is behind it. */
extern TimestampTz la_now_from(TimestampTz earliest);

/* A new version 7 uuid whose time is that instant, to the microsecond. */
extern void la_new_id(pg_uuid_t *id, TimestampTz at);

/* The smallest version 7 uuid of that instant. */
extern void la_first_id(pg_uuid_t *id, TimestampTz at);

/* The uuid as text. */
extern char *la_uuid_text(const pg_uuid_t *id);

/* Marks the transaction as one that has approved something: it commits durably. */
extern void la_must_be_durable(void);

/* Marks it as one that repeats a stored answer: it commits when that is durable, too. */
extern void la_told_again(void);

/*
 * For a PG_CATCH(): ends the subtransaction that the error has left, goes back to
 * what there was when it began, and gives the error.
 */
extern ErrorData *la_end_failed(MemoryContext memory, ResourceOwner owner);

extern void la_principal_init(void);
extern void la_lock_init(void);
extern void la_query_init(void);
extern void la_tenant_init(void);
extern void la_statistics_init(void);
extern void la_keep_init(void);

#endif							/* LA_MODULE_H */
