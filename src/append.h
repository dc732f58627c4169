/*
 * append.h
 *		Authorizations added without a statement, and their keys.
 */
#ifndef LA_APPEND_H
#define LA_APPEND_H

#include "postgres.h"

#include "utils/rel.h"
#include "utils/uuid.h"

/* Whether the agent has used that key; NULL: none. */
extern bool la_direct_knows_key(const char *organization_id, const pg_uuid_t *agent_id,
								const char *key);

/* Rows to be added to one table. */
typedef struct LaAppender LaAppender;

extern LaAppender *la_append_begin(Relation relation);
extern void la_append(LaAppender *appender, Datum *values, bool *nulls);

/*
 * Adds an authorization whose key nobody has looked for.  False: there may be an
 * answer to it, or a unique index of somebody's own is in the way, and no row
 * stays.
 */
extern bool la_append_new(LaAppender *appender, Datum *values, bool *nulls);
extern void la_append_end(LaAppender *appender);

#endif							/* LA_APPEND_H */
