/*
 * siphash.h
 *		A pseudo-random function with a key: whoever lacks the key can neither
 *		compute its values nor choose inputs for them.
 */
#ifndef LA_SIPHASH_H
#define LA_SIPHASH_H

#include "postgres.h"

typedef struct LaSipKey
{
	uint64		words[2];
} LaSipKey;

extern uint64 la_siphash(const LaSipKey *key, const void *data, size_t length);

#endif							/* LA_SIPHASH_H */
