/*
 * health.c
 *		What this library's version of the extension consists of, for health_check().
 *
 * The list is the transcript of the test "surface", as accepted; make turns it
 * into shipped.inc.  So nobody writes it by hand, and nothing that happens to a
 * catalog changes it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "query.h"

PG_FUNCTION_INFO_V1(la_library_version);
PG_FUNCTION_INFO_V1(la_shipped_objects);

/* Columns of an object: kind, object, definition, note; a tab between two. */
#define COLUMNS 4

static const char *const shipped[] = {
#include "shipped.inc"
	NULL
};

/*
 * ledger_agents.library_version() returns text
 */
Datum
la_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(LA_VERSION));
}

static void
split(const char *line, Datum *columns)
{
	for (int i = 0; i < COLUMNS; i++)
	{
		int			length = strcspn(line, "\t");

		columns[i] = PointerGetDatum(cstring_to_text_with_len(line, length));
		line += length + (line[length] == '\t');
	}
}

/*
 * ledger_agents.shipped_objects(OUT kind text, OUT object text, OUT definition text, OUT note text)
 *		returns setof record
 *
 * What installed_objects() shows right after CREATE EXTENSION.
 */
Datum
la_shipped_objects(PG_FUNCTION_ARGS)
{
	TupleDesc	desc = la_begin_set(fcinfo);
	bool		nulls[COLUMNS] = {0};

	for (int i = 0; shipped[i] != NULL; i++)
	{
		Datum		columns[COLUMNS];

		split(shipped[i], columns);
		la_add_row(fcinfo, desc, columns, nulls);
	}
	PG_RETURN_NULL();
}
