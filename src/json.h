/*
 * json.h
 *		The frame of every JSON function.
 *
 * Errors about the request come back as {"error": …}, with nothing done and the
 * HTTP status in response.status.  With the header Idempotency-Key what a
 * function does is done once, see idempotency.h.
 */
#ifndef LA_JSON_H
#define LA_JSON_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Calls a function of ledger_agents_api.  What it would answer as an error is
 * raised, with the SQLSTATE PTnnn, where nnn is the HTTP status.
 */
extern Jsonb *la_json_invoke(const char *function, Jsonb *body);

/* Sets the HTTP status of the answer; without it PostgREST's own. */
#define LA_DEFAULT_STATUS 200
extern void la_set_status(int status);
extern int	la_status_of_call(void);

/* A name of the SQL interface as the JSON interface has it. */
extern char *la_camel_case(const char *name);

#endif							/* LA_JSON_H */
