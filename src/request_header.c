/*
 * request_header.c
 *		What PostgREST tells of a request; see request_header.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "compat.h"
#include "errors.h"
#include "json_value.h"
#include "request_header.h"

/* Parsed without making anything of it: the type's own input function raises errors that repeat what it reads. */
static bool
is_json(const char *text)
{
	JsonSemAction nothing = {0};
	JsonLexContext *context = makeJsonLexContextCstringLen(NULL, text, strlen(text),
														   GetDatabaseEncoding(), true);

	return pg_parse_json(context, &nothing) == JSON_SUCCESS;
}

Jsonb *
la_request_object(const char *setting, bool *malformed)
{
	const char *text = GetConfigOption(setting, true, false);
	Jsonb	   *value;

	*malformed = false;
	if (text == NULL || *text == '\0')
		return NULL;
	*malformed = true;
	if (!is_json(text))
		return NULL;
	value = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	if (!JB_ROOT_IS_OBJECT(value))
		return NULL;
	*malformed = false;
	return value;
}

char *
la_request_header(const char *name)
{
	bool		malformed;
	Jsonb	   *headers = la_request_object("request.headers", &malformed);
	JsonbValue *value = headers == NULL ? NULL : la_member(headers, name);

	if (malformed || (value != NULL && value->type != jbvString))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the request's headers cannot be read"),
				la_detail("invalid_value", "request.headers", "It is an object of strings."));
	return value == NULL ? NULL : la_json_cstring(value);
}

bool
la_request_prefers(const char *preference)
{
	const char *header = la_request_header("prefer");

	while (header != NULL && *header != '\0')
	{
		size_t		length = strcspn(header, ", \t");

		if (length == strlen(preference) && pg_strncasecmp(header, preference, length) == 0)
			return true;
		header += length + strspn(header + length, ", \t");
	}
	return false;
}
