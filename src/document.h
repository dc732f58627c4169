/*
 * document.h
 *		Building JSON documents.
 */
#ifndef LA_DOCUMENT_H
#define LA_DOCUMENT_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

typedef struct LaDocument
{
	JsonbParseState *state;
	JsonbValue *result;
} LaDocument;

/*
 * Single values, for whoever builds what is small and fixed without a document.
 * A text is not copied, and NULL is null; times are ISO 8601 in UTC, and null
 * when not finite.
 */
extern JsonbValue la_jsonb_text(const char *text);
extern JsonbValue la_jsonb_int64(int64 value);
extern JsonbValue la_jsonb_time(TimestampTz value);

extern void la_begin_object(LaDocument *document);
extern void la_begin_array(LaDocument *document);

/* Opens an object as the value of key, or as an element where key is NULL. */
extern void la_open_object(LaDocument *document, const char *key);
extern void la_close_object(LaDocument *document);
extern void la_open_list(LaDocument *document, const char *key);
extern void la_close_list(LaDocument *document);

/* Fields of the object that is open, or, where key is NULL, elements of the list. */
extern void la_put_text(LaDocument *document, const char *key, const char *value);	/* NULL: null */
extern void la_put_int64(LaDocument *document, const char *key, int64 value);
extern void la_put_millionths(LaDocument *document, const char *key, int64 value);
extern void la_put_bool(LaDocument *document, const char *key, bool value);
extern void la_put_null(LaDocument *document, const char *key);
extern void la_put_uuid(LaDocument *document, const char *key, const pg_uuid_t *value);
extern void la_put_jsonb(LaDocument *document, const char *key, Jsonb *value);

/* All members of an object, as fields of the one that is open. */
extern void la_put_members(LaDocument *document, Jsonb *object);

/* As la_jsonb_time(). */
extern void la_put_time(LaDocument *document, const char *key, TimestampTz value);

/* Milliseconds of the Unix epoch. */
extern void la_put_millis(LaDocument *document, const char *key, TimestampTz value);

extern Jsonb *la_end_object(LaDocument *document);
extern Jsonb *la_end_array(LaDocument *document);

#endif							/* LA_DOCUMENT_H */
