/*
 * encoding.c
 *		Texts that can leave the database; see encoding.h.
 */
#include "postgres.h"

#include "common/string.h"
#include "mb/pg_wchar.h"

#include "encoding.h"

void
la_check_encoding(const char *text)
{
#if LA_MUTANT != 292
	char	   *sent;

	/* ASCII is the same in every encoding of a server. */
	if (GetDatabaseEncoding() == PG_UTF8 || pg_is_ascii(text))
		return;
	sent = pg_server_to_any(text, strlen(text), PG_UTF8);
	if (sent != text)
		pfree(sent);
#endif
}
