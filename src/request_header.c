/*
 * request_header.c
 *		Headers of the HTTP request; see request_header.h.
 *
 * PostgREST leaves them, by lower-case name, as an object in a setting of the
 * transaction.  Any role can set it, so that a header says what a caller wants
 * and never who it is.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"

#include "json.h"
#include "json_value.h"
#include "request_header.h"

const char *
la_request_header(const char *name)
{
	const char *setting = GetConfigOption("request.headers", true, false);
	JsonbValue *value;
	Jsonb	   *headers;

	/* After a transaction that set it the setting is empty. */
	if (setting == NULL || setting[0] == '\0')
		return NULL;
	headers = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(setting)));
	if (!JB_ROOT_IS_OBJECT(headers))
		return NULL;
	value = la_member(headers, name);
	return value == NULL || value->type != jbvString ? NULL : la_json_cstring(value);
}
