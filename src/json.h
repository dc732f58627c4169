/*
 * json.h
 *		The frame of every JSON function.
 */
#ifndef LA_JSON_H
#define LA_JSON_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "principal.h"

/* What a function does: a body in, an answer out, errors as errors. */
typedef Jsonb *(*LaVerb) (const LaPrincipal *caller, Jsonb *body);

/*
 * Runs the verb on the function's one argument.  Errors about the request come
 * back as {"error": …}, with nothing done and the HTTP status in response.status.
 */
extern Datum la_json_call(FunctionCallInfo fcinfo, const char *name, LaVerb verb);

#endif							/* LA_JSON_H */
