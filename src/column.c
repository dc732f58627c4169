/*
 * column.c
 *		Columns of a row of the interface as fields of a document; see column.h.
 *
 * A column's type says how it is printed, so that a table of names is all that
 * an answer takes.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "column.h"
#include "iso_time.h"
#include "query.h"

static Jsonb *
array_of_texts(Datum value)
{
	LaDocument	array;
	Datum	   *elements;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  NULL, &count);
	la_begin_array(&array);
	for (int i = 0; i < count; i++)
	{
		JsonbValue	element;

		element.type = jbvString;
		element.val.string.val = TextDatumGetCString(elements[i]);
		element.val.string.len = strlen(element.val.string.val);
		(void) pushJsonbValue(&array.state, WJB_ELEM, &element);
	}
	return la_end_array(&array);
}

static bool
is_json_null(Jsonb *value)
{
	JsonbValue	scalar;

	return JsonbExtractScalar(&value->root, &scalar) && scalar.type == jbvNull;
}

static void
put_labels(LaDocument *to, const char *key, Oid element, Datum value)
{
	Datum	   *labels;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(value), element, sizeof(Oid), true, TYPALIGN_INT, &labels,
					  NULL, &count);
	la_open_list(to, key);
	for (int i = 0; i < count; i++)
		la_put_text(to, NULL, la_enum_label(labels[i]));
	la_close_list(to);
}

/* What no type of the server is: an enum of ours, or an array of one. */
static void
put_own(LaDocument *to, const char *key, Oid type, Datum value)
{
	Oid			element = get_element_type(type);

	Assert(type_is_enum(OidIsValid(element) ? element : type));
	if (OidIsValid(element))
		put_labels(to, key, element, value);
	else
		la_put_text(to, key, la_enum_label(value));
}

static void
put_value(LaDocument *to, const char *key, Oid type, Datum value, LaTimes times)
{
	switch (type)
	{
		case UUIDOID:
			la_put_uuid(to, key, DatumGetUUIDP(value));
			break;
		case TEXTOID:
			la_put_text(to, key, TextDatumGetCString(value));
			break;
		case INT8OID:
			la_put_int64(to, key, DatumGetInt64(value));
			break;
		case INT4OID:
			la_put_int64(to, key, DatumGetInt32(value));
			break;
		case BOOLOID:
			la_put_bool(to, key, DatumGetBool(value));
			break;
		case JSONBOID:
			if (!is_json_null(DatumGetJsonbP(value)))
				la_put_jsonb(to, key, DatumGetJsonbP(value));
			break;
		case TEXTARRAYOID:
			la_put_jsonb(to, key, array_of_texts(value));
			break;
		case TIMESTAMPTZOID:
			if (times == LA_TIMES_MILLIS)
				la_put_millis(to, key, DatumGetTimestampTz(value));
			else
				la_put_time(to, key, DatumGetTimestampTz(value));
			break;
		case INTERVALOID:
			la_put_text(to, key, la_duration_text(DatumGetIntervalP(value)));
			break;
		default:
			put_own(to, key, type, value);
	}
}

void
la_put_columns(LaDocument *to, Datum composite, const LaColumn *columns, int count, LaTimes times)
{
	HeapTupleHeader row = DatumGetHeapTupleHeader(composite);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row),
											  HeapTupleHeaderGetTypMod(row));

	for (int i = 0; i < count; i++)
	{
		bool		isnull;
		Datum		value = GetAttributeByName(row, columns[i].name, &isnull);

		for (int column = 0; column < desc->natts && !isnull; column++)
			if (namestrcmp(&TupleDescAttr(desc, column)->attname, columns[i].name) == 0)
				put_value(to, columns[i].key, TupleDescAttr(desc, column)->atttypid, value, times);
	}
	ReleaseTupleDesc(desc);
}

pg_uuid_t *
la_uuid_column(Datum composite, const char *name)
{
	bool		isnull;

	return DatumGetUUIDP(GetAttributeByName(DatumGetHeapTupleHeader(composite), name, &isnull));
}
