/*
 * json.h
 *		The frame of every JSON function.
 */
#ifndef LA_JSON_H
#define LA_JSON_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "document.h"
#include "principal.h"

/* What a function does: a body in, an answer out, errors as errors. */
typedef Jsonb *(*LaVerb) (const LaPrincipal *caller, Jsonb *body);

/*
 * Runs the verb on the function's one argument.  Errors about the request come
 * back as {"error": …}, with nothing done and the HTTP status in response.status.
 * With the header Idempotency-Key the verb runs once, see idempotency.h.
 */
extern Datum la_json_call(FunctionCallInfo fcinfo, const char *name, LaVerb verb);

/* The same for a verb that only reads: also on a standby and in a read-only transaction. */
extern Datum la_json_read(FunctionCallInfo fcinfo, LaVerb verb);

/*
 * Calls a function of ledger_agents_api.  What it would answer as an error is
 * raised, with the SQLSTATE PTnnn, where nnn is the HTTP status.
 */
extern Jsonb *la_json_invoke(const char *function, Jsonb *body);

/* Sets the HTTP status of the answer; without it PostgREST's own. */
#define LA_DEFAULT_STATUS 200
extern void la_set_status(int status);
extern int	la_status_of_call(void);

/* The value of a key of a body, or NULL when it is absent. */
extern JsonbValue *la_member(Jsonb *body, const char *key);

/* 22023 unknown_field, naming the member. */
pg_noreturn extern void la_refuse_member(const char *path);

/* The id that the body must have under the key; what is no uuid is as unknown as any other id. */
extern pg_uuid_t *la_id_member(Jsonb *body, const char *key, const char *what);

/* The same for agents' tokens, too; and for verbs that only read. */
extern Datum la_json_agent_call(FunctionCallInfo fcinfo, const char *name, LaVerb verb);
extern Datum la_json_agent_read(FunctionCallInfo fcinfo, LaVerb verb);

/*
 * For a verb that takes the header Idempotency-Key as its own key, so that its
 * answer is not remembered a second time; by_agents: agents' tokens may call it, too.
 */
extern Datum la_json_keyed_call(FunctionCallInfo fcinfo, const char *name, LaVerb verb,
								bool by_agents);

/* A name of the SQL interface as the JSON interface has it. */
extern char *la_camel_case(const char *name);

/* Rows of the interface as fields of the object that is open. */
extern void la_put_agent(LaDocument *to, Datum detail);
extern void la_put_attestation(LaDocument *to, Datum detail);

#endif							/* LA_JSON_H */
