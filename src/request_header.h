/*
 * request_header.h
 *		What PostgREST tells of a request, in settings of the transaction.
 *
 * Any role can set these settings: a header is what somebody says.
 */
#ifndef LA_REQUEST_HEADER_H
#define LA_REQUEST_HEADER_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * The JSON object that the setting holds; NULL, and *malformed, if it holds
 * something else; NULL if it holds nothing.  Never an error, which would repeat
 * what may be a secret.
 */
extern Jsonb *la_request_object(const char *setting, bool *malformed);

/* A header of the request, by its name in lower case; NULL: there is none.  22023 where the headers cannot be read. */
extern char *la_request_header(const char *name);

/* Whether one of the preferences of the header Prefer, which commas part, is this: "name=value". */
extern bool la_request_prefers(const char *preference);

#endif							/* LA_REQUEST_HEADER_H */
