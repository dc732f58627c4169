/*
 * catalog.h
 *		What every decision needs of the server's catalogs, remembered.
 *
 * The server remembers it, too, but finding it there again costs a decision a
 * twentieth.
 */
#ifndef LA_CATALOG_H
#define LA_CATALOG_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/rel.h"

extern void la_catalog_init(void);

/* The table of that name, with that lock, which is kept to the end of the transaction. */
extern Relation la_open_table(const char *name, LOCKMODE mode);
extern void la_close_table(Relation relation);

/* A heap without rules and row security. */
extern bool la_is_ordinary(Relation relation);

/* That, with these columns and no other, and nothing is fired or checked by an insert or an update. */
extern bool la_is_plain(const char *name, int columns);

/* The value of a type's label. */
extern Datum la_enum_value(Oid type, const char *label);

#endif							/* LA_CATALOG_H */
