/*
 * idempotency.h
 *		The header Idempotency-Key of the JSON interface.
 */
#ifndef LA_IDEMPOTENCY_H
#define LA_IDEMPOTENCY_H

#include "postgres.h"

#include "json_verb.h"

/*
 * The answer of the verb; with the header, one effect for all calls with one
 * key: whoever comes later gets the answer of the first, without its secrets.
 * 22023 idempotency_key_reused for another body.
 */
extern Jsonb *la_answer_once(const LaPrincipal *caller, const LaJsonVerb *verb, Jsonb *body);

#endif							/* LA_IDEMPOTENCY_H */
