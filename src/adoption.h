/*
 * adoption.h
 *		Which database may spend: of all copies of one, that which was adopted last.
 */
#ifndef LA_ADOPTION_H
#define LA_ADOPTION_H

#include "postgres.h"

/*
 * 55000 unless this is the database that may spend.  To be called by whatever
 * changes money, before it looks at anything; from then on to the end of the
 * transaction disown() waits for it.  Not inside SPI_connect().
 */
extern void la_require_adopted(void);

/* In a database in which nothing was ever written: it is the one.  Inside SPI_connect(). */
extern void la_adopt_at_first_use(void);

/* Called with each relation whose description has become invalid. */
extern void la_forget_adoption(Oid relation);

#endif							/* LA_ADOPTION_H */
