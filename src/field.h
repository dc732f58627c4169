/*
 * field.h
 *		Fields of an object that documents and arguments may set.
 *
 * One table an object says the fields' names, types and ranges; from it come
 * the checks of arguments and of documents, what differs, and the record of
 * changes.  Labels of enums are text until they reach a statement.
 */
#ifndef LA_FIELD_H
#define LA_FIELD_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "compat.h"
#include "query.h"

typedef enum LaKind
{
	LA_KIND_TEXT,				/* text of least to most characters */
	LA_KIND_LABEL,				/* text, one of labels */
	LA_KIND_CURRENCY,			/* text of 3 to 16 of A-Z 0-9 _; upper-cased */
	LA_KIND_ZONE,				/* text, name of a time zone; canonical */
	LA_KIND_AMOUNT,				/* bigint, least and more */
	LA_KIND_NUMBER,				/* integer, least to most */
	LA_KIND_FLAG,				/* boolean */
	LA_KIND_UUID,
	LA_KIND_METADATA,			/* jsonb object up to 64 kB, 64 deep */
	LA_KIND_RULES,				/* jsonb object of a policy's rules */
} LaKind;

typedef struct LaField
{
	const char *name;			/* in SQL */
	LaKind		kind;
	bool		nullable;
	bool		fixed;			/* may be given at creation only */
	int			least;
	int			most;
	const char *const *labels;	/* ends with NULL */
} LaField;

/* Most fields that an object has. */
#define LA_MAX_FIELDS 24

typedef struct LaValues
{
	Datum		values[LA_MAX_FIELDS];
	bool		nulls[LA_MAX_FIELDS];
	bool		given[LA_MAX_FIELDS];
} LaValues;

/* Largest metadata, in bytes of its text, and how deep its objects and arrays may nest. */
#define LA_MAX_METADATA 65536
#define LA_MAX_NESTING 64

/* Labels of enums, for LaField.labels. */
extern const char *const la_account_labels[];
extern const char *const la_agent_labels[];
extern const char *const la_frequency_labels[];
extern const char *const la_mode_labels[];
extern const char *const la_action_labels[];
extern const char *const la_card_type_labels[];

/* Takes the value for field i: checks it, brings it into its stored form, marks it given. */
extern void la_give(const LaField *fields, int i, Datum value, bool isnull, LaValues *to);

/* The same for a JSON value; errors call the field by that name. */
extern void la_give_json(const LaField *fields, int i, const char *name, JsonbValue *value,
						 LaValues *to);

/* Takes all fields of a document; an unknown or fixed one is a 22023 that names it. */
extern void la_give_document(const LaField *fields, int count, Jsonb *document,
							 const char *const *fixed_names, LaValues *to);

/* Whether the text has the canonical form of a uuid. */
extern bool la_is_uuid(const char *text);

/* Columns first... of a row as stored values of fields 0... */
extern void la_stored_values(LaRow row, int first, int count, LaValues *stored);

/* Whether a given value is not the stored one. */
extern bool la_differs(const LaField *fields, int i, const LaValues *given, const LaValues *stored);

/* Overwrites stored with what is given and differs; *old_values and *new_values get what changed; false if nothing did. */
extern bool la_change(const LaField *fields, int count, const LaValues *given,
					  LaValues *stored, Jsonb **old_values, Jsonb **new_values);

/* The values that are given and not null, as a document. */
extern Jsonb *la_values_document(const LaField *fields, int count, const LaValues *values);

extern void la_param_values(LaParams *params, const LaValues *values, int count);

/* 22004, naming field. */
pg_noreturn extern void la_null_field(const char *field);

/* Checks that are also made of arguments that are no fields; texts and documents must be what UTF-8 has, too. */
extern void la_check_length(const char *value, int least, int most, const char *field);
extern char *la_normal_currency(const char *value, const char *field);
extern void la_check_metadata(Jsonb *value, const char *field);

/* A page of a list: 1 to 100 rows behind a cursor. */
#define LA_MAX_PAGE 100
#define LA_DEFAULT_PAGE 20
/* Longest cursor: the base64 of 255 characters of four bytes. */
#define LA_MAX_CURSOR 1360
extern int32 la_check_page(int32 max_rows);
extern pg_uuid_t *la_parse_cursor(const char *cursor);

/* 22023 for something that is no cursor. */
pg_noreturn extern void la_refuse_cursor(void);

#endif							/* LA_FIELD_H */
