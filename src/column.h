/*
 * column.h
 *		Columns of a row of the interface as fields of a document.
 */
#ifndef LA_COLUMN_H
#define LA_COLUMN_H

#include "postgres.h"

#include "document.h"

typedef struct LaColumn
{
	const char *key;			/* in the document */
	const char *name;			/* of the column */
} LaColumn;

typedef enum LaTimes
{
	LA_TIMES_ISO,				/* ISO 8601, as text */
	LA_TIMES_MILLIS,			/* milliseconds of the Unix epoch */
} LaTimes;

/* Puts the named columns of a composite value, those that are null left out. */
extern void la_put_columns(LaDocument *to, Datum composite, const LaColumn *columns, int count,
						   LaTimes times);

/* A column that is not null. */
extern pg_uuid_t *la_uuid_column(Datum composite, const char *name);

#endif							/* LA_COLUMN_H */
