/*
 * errors.c
 *		The stable names of errors; see errors.h.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "postgres_ext.h"
#include "utils/elog.h"

#include "errors.h"

/* The request of a batch that is at fault, if any is. */
static int	request_number = 0;

void
la_number_request(int number)
{
	request_number = number;
}

/*
 * Part of an ereport(): sets the DETAIL to "name: text" and the error's
 * machine-readable fields to the name and the field at fault (or NULL).
 */
int
la_detail(const char *name, const char *field, const char *format,...)
{
	StringInfoData text;
	int			needed;

	initStringInfo(&text);
	do
	{
		va_list		args;

		va_start(args, format);
		needed = appendStringInfoVA(&text, format, args);
		va_end(args);
		if (needed > 0)
			enlargeStringInfo(&text, needed);
	} while (needed > 0);

	err_generic_string(PG_DIAG_CONSTRAINT_NAME, name);
	if (field != NULL)
		err_generic_string(PG_DIAG_COLUMN_NAME, field);
	if (request_number > 0)
		errdetail("%s: Request %d: %s", name, request_number, text.data);
	else
		errdetail("%s: %s", name, text.data);
	pfree(text.data);
	return 0;
}

/* How many bytes of it may be shown: of what may be a secret only what is no part of it. */
static int
showable(const char *value)
{
	static const char *const secrets[] = {"at_live_", "at_test_", "lk_live_", "lk_test_"};

	for (int at = 0; at < LA_MAX_QUOTED && value[at] != '\0'; at++)
		for (int i = 0; i < lengthof(secrets); i++)
			if (pg_strncasecmp(value + at, secrets[i], strlen(secrets[i])) == 0)
#if LA_MUTANT != 278
				return Min(at + LA_TOKEN_PREFIX, LA_MAX_QUOTED);
#else
				return LA_MAX_QUOTED;
#endif
	return LA_MAX_QUOTED;
}

char *
la_quoted(const char *value)
{
	int			length = strlen(value);
	int			most = showable(value);

	if (length <= most)
		return pstrdup(value);
	return psprintf("%.*s...", pg_mbcliplen(value, length, most), value);
}
