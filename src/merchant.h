/*
 * merchant.h
 *		Names of merchants: how they are normalized, and when one matches another.
 *
 * Pure: no SQL, no clock, no globals.  What a card network sends differs from
 * day to day in case and punctuation ("SQ *BLUE BOTTLE #12"), so that names
 * are compared by their words only.
 */
#ifndef LA_MERCHANT_H
#define LA_MERCHANT_H

#include "postgres.h"

/*
 * The words of the name, case folded as lower() does it in this database, one
 * blank between two: what is not a letter, a digit or a mark on one separates.
 * "" if there is no word.  Normalizing twice changes nothing.
 */
extern char *la_normal_merchant(const char *name);

/*
 * Both compare what la_normal_merchant() gave.  An empty one matches nothing,
 * not even another empty one.
 *
 * begins: the name is the entry or goes on after it with another word.  For
 * lists of what is allowed and for the first merchant of a lock.
 */
extern bool la_merchant_begins(const char *normal_name, const char *normal_entry);

/*
 * overlaps: the words of one are in the other, next to each other and in that
 * order.  For lists of what is blocked, for hints and for intents.
 */
extern bool la_merchant_overlaps(const char *a, const char *b);

#endif							/* LA_MERCHANT_H */
