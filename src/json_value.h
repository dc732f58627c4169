/*
 * json_value.h
 *		Members and scalars of a jsonb document, read without rounding and without errors.
 */
#ifndef LA_JSON_VALUE_H
#define LA_JSON_VALUE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* The members of an object, one after the other. */
typedef struct LaMembers
{
	JsonbIterator *iterator;
	char	   *name;
	JsonbValue	value;
} LaMembers;

extern void la_begin_members(LaMembers *members, JsonbContainer *object);

/* False: there is none behind the last one. */
extern bool la_next_member(LaMembers *members);

/* The value of a key of an object, or NULL when it is absent. */
extern JsonbValue *la_member(Jsonb *object, const char *key);

/*
 * True, and the number in result, if the value is a JSON number that is whole
 * (10, 10.0 and 1e1 are; 10.5 is not) and fits; a string never is a number.
 */
extern bool la_json_int64(const JsonbValue *value, int64 *result);

/* The same for one that need not fit. */
extern bool la_json_is_whole(const JsonbValue *value);

/* The text of a JSON string; for anything else the value as JSON prints it. */
extern char *la_json_cstring(const JsonbValue *value);

/* The value as JSON prints it, so that "5" and 5 look different. */
extern char *la_json_text(const JsonbValue *value);

#endif							/* LA_JSON_VALUE_H */
